import pytest

from benchmarks.pictures import DOCS, PICTURES, TABLES, Bar, picture


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_show_the_tables_as_they_stand(name: str) -> None:
    drawn = PICTURES[name](TABLES.read_text(encoding="utf-8"))
    assert (DOCS / name).read_text(encoding="utf-8") == drawn


def test_a_bar_is_as_long_as_its_value_and_has_its_own_colour() -> None:
    drawn = picture("T", [Bar("smol_dev", 1.0, "1 <"), Bar("other", 2.0, "2")])
    assert '<rect class="ours" x="310" y="40" width="170"' in drawn
    assert '<rect class="other" x="310" y="70" width="340"' in drawn
    assert ">1 &lt;</text>" in drawn

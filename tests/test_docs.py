"""What is generated from the program is what the program says now."""

from pathlib import Path

from smol_dev.config.reference import BEGIN, END, outdated

ROOT = Path(__file__).parents[1]


def test_generated_files_are_current() -> None:
    stale = [str(path.relative_to(ROOT)) for path in outdated(ROOT)]
    assert stale == [], "run `python -m smol_dev.config.reference`"


def test_the_readme_has_a_place_for_its_table_of_settings() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (readme.count(BEGIN), readme.count(END)) == (1, 1)

"""How many tokens a text takes is told by its kind, with the error of the estimate."""

import pytest

from smol_dev.tokens import tokens

ENGLISH = """\
Build a small web application that lets a family share a shopping list. It should have a page that \
shows the items, a form to add one, and a button to remove what has been bought."""
CODE = """\
  const handleRemove = async (id) => {
    await removeItem(id);
    setItems((prev) => prev.filter((item) => item.id !== id));
  };
"""
BASE64 = "c21vbF9kZXYgdHVybnMgYSBwcm9tcHQgaW50byBhIGNvZGUgYmFzZQ" * 4
MEASURED = [
    pytest.param(ENGLISH, 40, 40, 0.1, id="English"),
    pytest.param(CODE, 44, 43, 0.2, id="code"),
    pytest.param("48.213,907.114,3.553,611.907\n" * 4, 116, 116, 0.05, id="numbers"),
    pytest.param(BASE64, 176, 144, 0.25, id="base64"),
    pytest.param("Напиши небольшую программу, которая ведёт список покупок для семьи.", 55, 16, 0.6, id="Russian"),
    pytest.param(
        "Schreibe ein kleines Programm, das die Einkaufsliste einer Familie verwaltet. Es soll Einträge"
        " hinzufügen, löschen und als gekauft markieren können; die Preise werden am Ende"
        " zusammengezählt. Größere Mengen dürfen nicht verloren gehen.",
        99,
        50,
        0.5,
        id="German",
    ),
    pytest.param(
        "כתוב תוכנית קטנה שמנהלת את רשימת הקניות של המשפחה. היא צריכה לאפשר להוסיף, למחוק ולסמן"
        " פריטים שנקנו, ולהציג בסוף את סכום המחירים.",
        142,
        58,
        0.7,
        id="Hebrew",
    ),
    pytest.param("请编写一个小型网络应用程序，用来管理家庭的购物清单。", 45, 14, 0.7, id="Chinese"),
]
"""Each with its tokens by the vocabularies of SmolLM2-135M and of Gemma 3, as llama.cpp's `/tokenize` counts."""


@pytest.mark.parametrize(("text", "smollm", "gemma", "error"), MEASURED)
def test_every_vocabulary_is_within_the_error_of_the_estimate(text: str, smollm: int, gemma: int, error: float) -> None:
    estimate = tokens(text)
    assert estimate.least <= min(smollm, gemma) <= max(smollm, gemma) <= estimate.most
    assert abs(estimate.likely / smollm - 1) <= error
    assert abs(estimate.likely / gemma - 1) <= error


def test_a_seen_scale_halves_the_error() -> None:
    first = tokens(ENGLISH)
    second = first.scaled(1.2)
    assert second.likely == pytest.approx(1.2 * first.likely)
    assert second.most / second.likely == pytest.approx((first.most / first.likely) ** 0.5)
    assert tokens("").scaled(2.0) == tokens("")

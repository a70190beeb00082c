"""What is shown of an answer while it comes: pieces are gathered between two looks, and none is lost."""

from smol_dev.chat import Delta
from smol_dev.events import Piece
from smol_dev.run.ask import Stream


def test_the_first_is_shown_at_once_and_the_others_ten_times_a_second() -> None:
    now = 50.0
    found: list[Piece] = []
    stream = Stream(found.append, "code", "a.py", clock=lambda: now)
    for number in range(100):
        stream.add(Delta(f"{number} "))
        now += 0.01
    assert found[0] == Piece("code", "a.py", "0 ")
    assert len(found) in {10, 11}
    stream.show()
    whole = "".join(f"{number} " for number in range(100))
    assert "".join(piece.text for piece in found) == stream.text() == whole


def test_reasoning_is_kept_apart() -> None:
    found: list[Piece] = []
    stream = Stream(found.append, "plan", None, clock=lambda: 0.0)
    for delta in (Delta("", "so"), Delta("A", " it"), Delta("B")):
        stream.add(delta)
    assert found == [Piece("plan", None, "", "so")]
    stream.show()
    assert found[1:] == [Piece("plan", None, "AB", " it")]


def test_nothing_is_left_behind_the_rest() -> None:
    found: list[Piece] = []
    stream = Stream(found.append, "plan", None, clock=lambda: 0.0)
    stream.add(Delta("A"))
    stream.show()
    assert found == [Piece("plan", None, "A")]

"""Pieces are gathered between two looks, and none is lost."""

from smol_dev.chat import Delta
from smol_dev.events import Piece
from smol_dev.run.pieces import Pieces


def test_the_first_is_shown_at_once_and_the_others_ten_times_a_second() -> None:
    now = 50.0
    pieces = Pieces("code", "a.py", clock=lambda: now)
    shown = []
    for number in range(100):
        shown.append(pieces.add(Delta(f"{number} ")))
        now += 0.01
    found = [piece for piece in shown if piece is not None]
    assert shown[0] == Piece("code", "a.py", "0 ")
    assert len(found) in {10, 11}
    whole = "".join(piece.text for piece in [*found, pieces.rest()] if piece is not None)
    assert whole == "".join(f"{number} " for number in range(100))


def test_reasoning_is_kept_apart() -> None:
    pieces = Pieces("plan", None, clock=lambda: 0.0)
    first = pieces.add(Delta("", "so"))
    assert pieces.add(Delta("A", " it")) is None
    assert pieces.add(Delta("B")) is None
    assert (first, pieces.rest()) == (Piece("plan", None, "", "so"), Piece("plan", None, "AB", " it"))


def test_nothing_is_left_behind_the_rest() -> None:
    pieces = Pieces("plan", None, clock=lambda: 0.0)
    pieces.add(Delta("A"))
    assert pieces.rest() is None

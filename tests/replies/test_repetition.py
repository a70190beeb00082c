"""An endless answer is noticed while it streams; data that repeats is not endless."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.replies.code import read_code
from smol_dev.replies.repetition import Repetition, is_loop

START = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n\n\n"
LOOPS = {
    "a line": 'form.classList.add("ready");\n',
    "a block": "def a():\n    return 1\n\n\ndef b():\n    return 2\n\n\n",
    "a long block": "".join(f"    self.field_{number} = {number}\n" for number in range(30)),
    "a word": "the ",
    "a word in a list": '"flask", ',
    "a letter": "a",
    "a mark": "#",
    "a digit": "0",
    "empty lines": "\n",
    "blanks": "    ",
    "fences": "```\n",
    "blocks": "```python\nprint(1)\n```\n",
    "another script": "的",
}
FILES = {
    "a map": "#" * 80 + "\n" + ("#" + "." * 78 + "#\n") * 100 + "#" * 80 + "\n",
    "a map of numbers": "[" + ("[" + "0, " * 40 + "0],\n") * 60 + "]",
    "rules of a stylesheet": "".join(
        f".m-{n} {{\n  margin: {n}px;\n}}\n\n.p-{n} {{\n  padding: {n}px;\n}}\n\n" for n in range(200)
    ),
    "rows of objects": "".join(f'  {{"id": {n}, "name": "n", "done": false}},\n' for n in range(300)),
    "a table": "| name | value |\n| --- | --- |\n" + "".join(f"| n{n} | {n} |\n" for n in range(400)),
    "unit tests": "".join(f"def test_{n}():\n    assert double({n}) == {2 * n}\n\n\n" for n in range(300)),
    "imports": "".join(f"from package.module_{n} import name_{n}\n" for n in range(300)),
    "paths of a drawing": "M0 0L1 1" * 200 + "\n" + "".join(f"L{n} {n}" for n in range(900)),
    "a licence, thrice": ("Permission is hereby granted, free of charge, to any person.\n" * 20) * 3,
}


def alarm(text: str, *, piece: int = 5) -> int | None:
    """Return after how many characters a stream is stopped, None when it is not."""
    repetition = Repetition()
    for start in range(0, len(text), piece):
        if repetition.feed(text[start : start + piece]):
            return start
    return None


@pytest.mark.parametrize("unit", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("start", ["", START * 40], ids=["at once", "later"])
def test_a_loop_is_stopped(unit: str, start: str) -> None:
    stopped = alarm(start + unit * (20_000 // len(unit)))
    assert stopped is not None
    assert stopped - len(start) <= 8_000


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
@pytest.mark.parametrize("piece", [1, 5, 4_000])
def test_a_file_that_repeats_is_not_stopped(content: str, piece: int) -> None:
    assert alarm(content, piece=piece) is None


def test_even_rows_of_data_end() -> None:
    assert alarm(("#" + "." * 78 + "#\n") * 400) is not None


def test_it_keeps_little() -> None:
    repetition = Repetition()
    for number in range(200_000):
        repetition.feed(f"{number}, ")
    assert len(repetition.tail) <= 20_000


@pytest.mark.parametrize("unit", LOOPS.values(), ids=LOOPS)
def test_a_loop_at_the_end_of_an_answer(unit: str) -> None:
    assert is_loop(START + unit * 500) is bool(unit.strip())


def test_counting_without_end_is_a_loop() -> None:
    assert is_loop("".join(f"item_{number} = {number}\n" for number in range(100)))


@pytest.mark.parametrize(("finish_reason", "reason"), [("stop", None), ("length", "truncated")], ids=["stop", "length"])
@pytest.mark.parametrize("count", [15, 3_000], ids=["short", "long"])
def test_a_model_that_counts_and_stops_has_written_a_file(finish_reason: str, reason: str | None, count: int) -> None:
    content = "".join(f"def step_{number}():\n    return x + 1\n# ok\n" for number in range(count))
    verdict = read_code(content, path="src/steps.py", finish_reason=finish_reason)
    assert getattr(verdict, "content", None) == (content if reason is None else None)
    assert getattr(verdict, "reason", None) == reason


@pytest.mark.parametrize("text", ["", "a", START, "no " * 5, START * 5], ids=repr)
def test_a_short_repetition_is_none(text: str) -> None:
    assert not is_loop(text)


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=1, max_size=300), st.integers(1, 50))
def test_any_unit_is_seen_however_it_is_cut(unit: str, piece: int) -> None:
    assert alarm(unit * (20_000 // len(unit) + 1), piece=piece) is not None

"""A cut-off answer and its continuation become one answer at lines that both hold, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smol_dev.replies.continuation import Cut, cut_back, join

PYTHON = "```python\nimport os\n\n\ndef total(rows):\n    amount = 0\n    for row in rows:\n"
LINES = "def total(rows):\n    amount = 0\n    for row in rows:"


@pytest.mark.parametrize(
    ("partial", "anchor"),
    [
        pytest.param(PYTHON + "        amount += ro", ("    for row in rows:",), id="in mid-word"),
        pytest.param(PYTHON + "        amount +=", ("    for row in rows:",), id="before a space"),
        pytest.param(PYTHON, ("    for row in rows:",), id="before indentation"),
        pytest.param(PYTHON + "        ", ("    for row in rows:",), id="within indentation"),
        pytest.param(PYTHON + "\n\n", ("    for row in rows:",), id="behind blank lines"),
        pytest.param("```js\nfunction f() {\n  go();\n}\n", ("  go();", "}"), id="behind a brace"),
        pytest.param("a: 1\nb: 2\nc: 1\nb: 2\nd", ("c: 1", "b: 2"), id="a line that occurs twice"),
        pytest.param("a: 1\r\nb: \ufffd", ("a: 1",), id="in the middle of a character"),
        pytest.param("text  \nend", ("text",), id="trailing blanks"),
        pytest.param("````md\n# A\n\n```sh\nmake\n```\n\n", ("make", "```"), id="behind a block of the file"),
    ],
)
def test_the_anchor_is_the_last_complete_lines(partial: str, anchor: tuple[str, ...]) -> None:
    cut = cut_back(partial)
    assert cut is not None
    assert cut.anchor == anchor


@pytest.mark.parametrize(
    "partial",
    [
        pytest.param("", id="nothing"),
        pytest.param("no line is complete", id="one line"),
        pytest.param("```python\nimport o", id="only the fence is complete"),
        pytest.param("```python\nx = 1\n```\n", id="the block is closed"),
        pytest.param("1\n2\n3\n1\n2\n3\n1\n2\n3\n", id="three lines occur more than once"),
        pytest.param("}\n}\n", id="brackets alone"),
    ],
)
def test_without_an_anchor_nothing_is_continued(partial: str) -> None:
    assert cut_back(partial) is None


def test_blanks_at_the_end_of_the_last_line_are_kept() -> None:
    assert cut_back("one  \ntwo") == Cut("one  ", ("one",), ("two",))


REST = "        amount += row\n    return amount\n```"
WHOLE = PYTHON + REST


@pytest.mark.parametrize(
    ("continuation", "whole"),
    [
        pytest.param(f"    for row in rows:\n{REST}", WHOLE, id="as asked"),
        pytest.param(f"```python\n    for row in rows:\n{REST}", WHOLE, id="re-opens the block"),
        pytest.param(f"Sure, here is the rest:\n\n    for row in rows:\n{REST}", WHOLE, id="says so"),
        pytest.param(
            f"Here's the rest of the file:\n```python\n\n    for row in rows:\n{REST}",
            WHOLE,
            id="says so and re-opens the block",
        ),
        pytest.param(f"{LINES}\n{REST}", WHOLE, id="repeats three lines"),
        pytest.param(f"{PYTHON}{REST}", WHOLE, id="begins the same file again"),
        pytest.param(f"    for row in rows:  \n{REST}", WHOLE, id="blanks behind the line"),
        pytest.param(f"````python\n    for row in rows:\n{REST}`", WHOLE, id="a longer fence of its own"),
        pytest.param(REST, None, id="goes on without repeating"),
        pytest.param(f"for row in rows:\n{REST}", None, id="the indentation is eaten"),
        pytest.param(f"    return amount\n\n\n{PYTHON}{REST}", None, id="skips lines"),
        pytest.param(f"```python\nimport sys\n\n\n{LINES}\n{REST}", None, id="begins another file"),
        pytest.param(
            f"        amount += 1\n\n\ndef more(rows):\n    for row in rows:\n{REST}", None, id="the line comes later"
        ),
        pytest.param("I cannot continue without more context.", None, id="prose"),
        pytest.param("", None, id="nothing"),
        pytest.param(f"~~~python\n    for row in rows:\n{REST}\n~~~", None, id="two fences could be the end"),
    ],
)
def test_joined_at_the_anchor_or_not_at_all(continuation: str, whole: str | None) -> None:
    cut = cut_back(f"{PYTHON}        amount += ro")
    assert cut is not None
    assert join(cut, continuation) == whole


@pytest.mark.parametrize(
    ("tail", "continuation"),
    [
        pytest.param("        amount += ro", "    for row in rows:\nw\n    return amount\n```", id="in mid-word"),
        pytest.param("        amount", "    for row in rows:\n\n += row\n```", id="behind an empty line"),
        pytest.param("  ", "    for row in rows:\n  print(row)\n```", id="the rest of an indentation"),
        pytest.param("        amount += ro", "    for row in rows:\n```", id="no more"),
        pytest.param("", "    for row in rows:\n```", id="no more of a complete line"),
        pytest.param("", f"    for row in rows:\n{WHOLE.removeprefix('```python' + chr(10))}", id="the file again"),
        pytest.param("\n\n", "    for row in rows:\n        amount += row\n```", id="without the empty lines"),
        pytest.param(
            "",
            "```\n    for row in rows:\n```\n\n```python\n        amount += row\n```",
            id="the quotation, then a block",
        ),
        pytest.param(
            "        amount",
            "```python\n    for row in rows:\n        amount += row\n```\nThe last part:\n```python\n    return amount\n```",
            id="in two blocks",
        ),
    ],
)
def test_what_goes_on_somewhere_else_is_not_joined(tail: str, continuation: str) -> None:
    cut = cut_back(f"{PYTHON}{tail}")
    assert cut is not None
    assert join(cut, continuation) is None


def test_an_answer_without_a_block_stays_without_one() -> None:
    cut = cut_back("port: 80\nhosts:\n  - a\n  - ")
    assert cut is not None
    assert join(cut, "```yaml\n  - a\n  - b\n```\nThat is all.") == "port: 80\nhosts:\n  - a\n  - b"


@given(st.lists(st.text("ab {}():\t.=", max_size=12), min_size=1, max_size=30), st.integers(0, 400), st.integers(0, 3))
def test_what_is_joined_is_the_whole(lines: list[str], cut_at: int, more: int) -> None:
    text = "\n".join(lines)
    cut = cut_back(text[:cut_at])
    if cut is None:
        return
    done = len(cut.text.split("\n"))
    repeated = text.split("\n")[max(0, done - len(cut.anchor) - more) :]
    joined = join(cut, "\n".join(repeated))
    assert joined in (text, None)
    if more == 0 and repeated[0].strip() and any(line.strip() for line in lines[done:]):
        assert joined == text


@given(st.text("ab`\n :}", max_size=80), st.text("ab`\n :}", max_size=80))
def test_nothing_is_joined_but_behind_the_anchor(partial: str, continuation: str) -> None:
    cut = cut_back(partial)
    joined = None if cut is None else join(cut, continuation)
    if cut is not None and joined is not None:
        assert joined.startswith(cut.text)
        assert [line.rstrip() for line in cut.text.split("\n")][-len(cut.anchor) :] == list(cut.anchor)

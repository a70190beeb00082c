"""A cut-off answer and its continuation become one answer at lines that both hold, or none."""

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smol_dev.replies.continuation import Cut, cut_back, join, put_behind

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
        pytest.param("", f"    for row in rows:\n    for row in rows:\n{REST}", id="the line twice"),
        pytest.param(
            "  ", f"    for row in rows:\n    for row in rows:\n{REST}", id="the line twice for an indentation"
        ),
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


def test_the_indentation_of_a_line_above_that_opens_nothing_may_be_again() -> None:
    partial = "```go\nfunc a() {\n\tif b {\n\t\tc()\n\t}\n\tsum := 0\n\t"
    assert _joined(partial, "\tsum := 0\n\treturn sum\n}\n```") == f"{partial.rstrip()}\n\treturn sum\n}}\n```"
    opened = partial.replace("sum := 0", "for {")
    assert _joined(opened, "\tfor {\n\treturn sum\n}\n```") is None


def _joined(partial: str, continuation: str) -> str | None:
    cut = cut_back(partial)
    assert cut is not None
    return join(cut, continuation)


def test_a_sentence_of_the_text_may_announce_what_is_below_it() -> None:
    partial = "````md\n# Tool\n\n```sh\nmake\n```\n\n## Use\n\nCall it"
    rest = "\nCall it with a file, and it prints the lines that matter to you:\n\n```sh\ntool a\n```\n````"
    assert _joined(partial, f"````md\n```\n\n## Use\n{rest}") == f"{partial.removesuffix('Call it').rstrip()}\n{rest}"


def test_an_anchor_never_begins_with_an_empty_line() -> None:
    cut = cut_back("It goes out.\n\nIt comes in.\n\nIt stays.\n\nIt comes in.\n\nNobody minds; the bo")
    assert cut is not None
    assert cut.anchor == ("It stays.", "", "It comes in.")
    assert join(cut, "It stays.\n\nIt comes in.\n\nNobody minds; the boats rise.\n") == (
        "It goes out.\n\nIt comes in.\n\nIt stays.\n\nIt comes in.\n\nNobody minds; the boats rise.\n"
    )


def test_an_answer_without_a_block_stays_without_one() -> None:
    cut = cut_back("port: 80\nhosts:\n  - a\n  - ")
    assert cut is not None
    assert join(cut, "```yaml\n  - a\n  - b\n```\nThat is all.") == "port: 80\nhosts:\n  - a\n  - b"


@given(st.lists(st.text("ab {}():\t.=", max_size=12), min_size=1, max_size=30), st.integers(0, 400), st.integers(0, 3))
def test_what_is_joined_is_the_whole(lines: list[str], cut_at: int, more: int) -> None:
    lines = [f"{line} {number}" if line.strip() else line for number, line in enumerate(lines)]
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


JAVASCRIPT = "```javascript\nlet open = 0;\n\nfunction view(item) {\n      return { ...item, done: !item.do"
MARKDOWN = "````markdown\n# Notes\n\nThe first line.\n"


@pytest.mark.parametrize(
    ("partial", "rest"),
    [
        pytest.param(JAVASCRIPT, "ne };\n}\n```", id="the rest of a word"),
        pytest.param("```sh\ndd if=a\nd", "d if=b\n```", id="a word of one letter twice"),
        pytest.param("```css\na { color: #f", "fffff; }\n```", id="a color"),
        pytest.param("```python\nclass A:\n    def _", "_init__(self): ...\n```", id="underscores"),
        pytest.param("```js\nlet x = '';\nlet y = '", "';\n```", id="quotes"),
        pytest.param("```csv\nid,year\n1,20", "20\n```", id="digits"),
        pytest.param("```csv\n0,0,", "0,0,0\n0,0,0\n```", id="a row of one number"),
        pytest.param("````md\nTitle\n==", "==\n````", id="the line below a title"),
        pytest.param("```js\nif (a) {\n  if (b) {\n    c();\n  }", "\n}\n```", id="brackets"),
        pytest.param("```js\nif (a) {\n  go();\n", "\n  go(1);\n}\n```", id="a line that begins alike"),
        pytest.param("```yaml\nrun: |\n    make", "\n    make test\n```", id="a line that goes on like the one above"),
        pytest.param("```python\nfor row in rows:\n    ", "\n    print(row)\n```", id="indentation"),
        pytest.param("```python\nx = ", " 1\n```", id="a space"),
        pytest.param("```python\nx = 1\n", "\n```\n\nThat is the file.", id="the end of the block"),
        pytest.param(MARKDOWN, "\n\n```sh\nmake\n```\n````", id="a block of the file"),
        pytest.param(f"{MARKDOWN}See ", " here for it.\n````", id="words of a text"),
        pytest.param("```python", "\nx = 1\n```", id="the first line of a block"),
    ],
)
def test_a_true_rest_is_put_behind_the_answer(partial: str, rest: str) -> None:
    assert put_behind(partial, rest) == partial.rstrip() + rest


@pytest.mark.parametrize(
    ("partial", "rest"),
    [
        pytest.param(JAVASCRIPT, "done };\n}\n```", id="the word again"),
        pytest.param(JAVASCRIPT, "!item.done };\n}\n```", id="what follows the last space again"),
        pytest.param(JAVASCRIPT, "done: !item.done };\n}\n```", id="words again"),
        pytest.param(JAVASCRIPT, "      return { ...item, done: !item.done };\n}\n```", id="the line again"),
        pytest.param(JAVASCRIPT, "return { ...item, done: !item.done };\n}\n```", id="the line without indentation"),
        pytest.param(JAVASCRIPT, "\treturn { ...item, done: !item.done };\n}\n```", id="the line indented otherwise"),
        pytest.param(JAVASCRIPT, "\n      return { ...item, done: !item.done };\n}\n```", id="the line on a new one"),
        pytest.param(JAVASCRIPT, "return {...item, done: !item.done};\n}\n```", id="the line with other spaces"),
        pytest.param(JAVASCRIPT, "\nfunction view(item) {\n      return { ...item, done: !item.done }", id="two lines"),
        pytest.param(JAVASCRIPT, "let open = 0;\n\nfunction view(item) {\n      return {};", id="from the first line"),
        pytest.param("```ini\n[a]\n    di", "    display = 1\n```", id="a line of one word with its indentation"),
        pytest.param("```csv\n1,20,3", "1,20,30\n```", id="a row of numbers"),
        pytest.param("```python\nx = 1\n", "y = 2\n```", id="no line break"),
        pytest.param("```python\nx = 1\n    ", " y = 2\n```", id="a space for a line break"),
        pytest.param("```python\nx = ", "1\n```", id="no space"),
        pytest.param("```python\nreturn ", "\nreturn 1\n```", id="a line break for a space"),
        pytest.param("```css\na {\n  b: 0;\n}\n", "\n}\n\nc {\n}\n```", id="a bracket again"),
        pytest.param("```csv\ncaf", "\ufffd,1\n```", id="half a character"),
        pytest.param("```csv\na,b\n", "\nHere is the rest of the file:\n1,2\n```", id="words to the user"),
        pytest.param("```csv\na,b\n", "\n\nAnd this is the rest:\n\n1,2\n```", id="words above more"),
        pytest.param("```csv\na,b\n", "\n# continued\n1,2\n```", id="a comment that says so"),
        pytest.param("```sh\necho na", "...me\n```", id="an ellipsis"),
        pytest.param("```lua\nif a then\n  b()\nend\n", "\nend\nreturn 1\n```", id="a line of one word twice"),
        pytest.param("```css\nna", "\nnav a {\n}\n```", id="a word again on a new line"),
        pytest.param(f"{MARKDOWN}\n```sh\nmake", "```sh\nmake all\n```\n````", id="a block that was begun"),
        pytest.param(
            "```ini\n[a]\nb = 1\nc = 2\nd", " = 3\n[a]\nb = 1\nc = 2\nd = 3\n```", id="the file again below it"
        ),
        pytest.param("```js\nlet a;", "", id="nothing"),
        pytest.param(f"{MARKDOWN}And", "\n\n````\n\nmore\n````", id="a block behind its end"),
        pytest.param(f"{MARKDOWN}And", "\n\n```markdown\nmore\n````", id="a block of the file's own language"),
        pytest.param("```python\r\nx = 1\r\n", "y = 2\r\n```", id="other line ends"),
    ],
)
def test_a_rest_that_begins_with_what_is_there_is_in_doubt(partial: str, rest: str) -> None:
    assert put_behind(partial, rest) is None


def test_a_true_rest_is_hardly_ever_in_doubt() -> None:
    places = doubts = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("[a-h]*.py")):
        text = path.read_text("utf-8", errors="ignore").strip()[:12_000]
        for place in range(1, len(text), 211):
            partial, rest = f"```python\n{text[:place]}", f"{text[place:]}\n```"
            rest = partial[len(partial.rstrip()) :] + rest
            whole = put_behind(partial, rest)
            assert whole in (f"```python\n{text}\n```", None)
            places, doubts = places + 1, doubts + (whole is None)
    assert places > 1_000
    assert doubts * 300 < places

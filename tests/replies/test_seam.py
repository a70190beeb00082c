"""A cut-off answer and its continuation become one answer, or none when the seam is not sure."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.replies.seam import join

CODE = "def first() -> int:\n    return 1\n\n\ndef second() -> int:\n    return 2\n"
OPEN = f"```python\n{CODE[:52]}"
REST = CODE[52:]


@pytest.mark.parametrize(
    ("partial", "continuation", "whole"),
    [
        pytest.param(OPEN, f"{REST}```\n", f"```python\n{CODE}```\n", id="goes on exactly"),
        pytest.param(
            OPEN, f"{CODE[33:]}```\n", f"```python\n{CODE}```\n", id="repeats its last lines"
        ),
        pytest.param(
            OPEN,
            f"```python\n{REST}```\n",
            None,
            id="opens the block anew, and no repetition to check",
        ),
        pytest.param(
            OPEN,
            f"```python\n{CODE[33:]}```\n",
            f"```python\n{CODE}```\n",
            id="opens the block anew and repeats",
        ),
        pytest.param(
            CODE[:52],
            f"```python\n{CODE[33:]}```\n",
            CODE,
            id="a block around the rest of raw code, repeating",
        ),
        pytest.param(
            OPEN, f"```python\n{CODE}```\n", f"```python\n{CODE}```\n", id="begins again, whole"
        ),
        pytest.param(CODE[:52], CODE, CODE, id="begins again, raw"),
        pytest.param(
            OPEN,
            f"Sure, continuing:\n\n{CODE[33:]}```\n",
            f"```python\n{CODE}```\n",
            id="says a sentence first and repeats",
        ),
        pytest.param('{"files": ["a.py", "b', '.py"]}', '{"files": ["a.py", "b.py"]}', id="a list"),
        pytest.param(OPEN, "", None, id="nothing more"),
        pytest.param(OPEN, " \n", None, id="blank"),
        pytest.param(OPEN, f"```python\n{CODE[:30]}", None, id="begins again and is shorter"),
        pytest.param(
            OPEN, f"Here is the rest:\n{REST}", None, id="a sentence, and no repetition to check"
        ),
    ],
)
def test_join(partial: str, continuation: str, whole: str | None) -> None:
    assert join(partial, continuation, path="a.py") == whole


@settings(deadline=None, max_examples=100)
@given(st.text(min_size=80, max_size=400), st.integers(20, 60), st.integers(14, 20))
def test_a_repeated_end_is_found_wherever_the_cut_is(text: str, cut: int, repeated: int) -> None:
    joined = join(text[:cut], text[cut - repeated :])
    assert joined is None or joined.endswith(text[cut:])


@pytest.mark.parametrize("text", ["a" * 200_000, "ab" * 100_000, "\n" * 200_000, "`" * 200_000])
def test_hostile_repetition_gives_a_verdict(text: str) -> None:
    assert join(text, text) is None or isinstance(join(text, text), str)

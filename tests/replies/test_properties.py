"""Any content survives what models put around it, and reading what was read changes nothing."""

import random
import re
import sysconfig
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smol_dev.replies.code import read_code
from smol_dev.replies.verdicts import Code

LINES = st.sampled_from(
    [
        "def f(x):",
        "    return x",
        "const a = { b: 1 };",
        "}",
        "# A heading",
        "- an item",
        "| a | b |",
        "Some words in a row.",
        "key: value",
        "[section]",
        "<p>&lt;</p>",
        "```",
        "```python",
        "~~~",
        "'''",
        "1. one",
        "x = '<|im_end|> and </think>'",
        "--- a/x",
        "\tindented",
        "",
        "日本語の行",
    ]
)
CONTENT = st.lists(LINES, min_size=1, max_size=12).map("\n".join).filter(str.strip)
PATHS = st.sampled_from(["a.py", "a.js", "README.md", "a.yaml", "a.txt", "a.sh", "a.html", "Makefile"])
FENCE = re.compile(r"```|~~~|'''")
WORDS = "Here is the file you asked for:"
BEHIND = "The file does what was asked. Let me know if you need more."


def plain(content: str) -> str:
    """Return the content as it is written: no empty lines around it, one line end behind it."""
    lines = content.split("\n")
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) + "\n"


def fenced(content: str, mark: str, language: str = "") -> str:
    """Return the content in a fence longer than any inside."""
    longest = max((len(run) for run in re.findall(f"{mark}{{3,}}", content)), default=2)
    fence = mark * max(4, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def outcome(answer: str, path: str) -> str:
    verdict = read_code(answer, path=path, finish_reason="stop")
    return verdict.content if isinstance(verdict, Code) else f"reject:{verdict.reason}"


@settings(deadline=None, max_examples=60)
@given(CONTENT, PATHS, st.sampled_from("`~"))
def test_what_stands_around_a_fence_changes_nothing(content: str, path: str, mark: str) -> None:
    block = fenced(content, mark)
    alone = outcome(block, path)
    assume(not alone.startswith("reject:"))
    assume(path in {"a.txt", "README.md"} or not FENCE.search(content))
    assert outcome(f"{WORDS}\n\n{block}", path) == alone
    assert outcome(f"{block}\n\n{BEHIND}", path) == alone
    assert outcome(f"**{path}**\n\n{block}\n", path) == alone
    assert outcome(f"<think>\nShort.\n</think>\n\n{block}<|im_end|>", path) == alone
    assert outcome("\ufeff" + block.replace("\n", "\r\n"), path) == alone


@settings(deadline=None, max_examples=70)
@given(CONTENT, st.sampled_from(["a.txt", "README.md", "a.rst", "LICENSE", "mail/a.j2"]), st.sampled_from("`~"))
def test_any_text_in_the_asked_form_is_kept_whole(content: str, path: str, mark: str) -> None:
    assert outcome(fenced(content, mark), path) == plain(content)


ROOT = Path(__file__).parents[2]
STANDARD = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
REAL = [
    *STANDARD[::8],
    *sorted((ROOT / "smol_dev").rglob("*.py"))[::6],
    *sorted((ROOT / "tests" / "replies").glob("test_*.py")),
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "profiles").glob("*.toml")),
    ROOT / "pyproject.toml",
]
FILES = [pytest.param(path, id=f"{path.parent.name}/{path.name}") for path in REAL]


@pytest.mark.parametrize("path", FILES)
def test_a_real_file_in_the_asked_form_is_kept_byte_for_byte(path: Path) -> None:
    content = path.read_text("utf-8")
    language = path.suffix.removeprefix(".")
    assert outcome(fenced(content, "`", language), path.name) == plain(content)
    assert outcome(fenced(content, "`"), f"src/{path.name}") == plain(content)


@pytest.mark.parametrize("path", FILES)
def test_a_real_file_that_was_cut_anywhere_is_never_whole(path: Path) -> None:
    content = path.read_text("utf-8")
    places = random.Random(path.name).sample(range(1, len(content)), 5)
    for place in places:
        for fence in ("````", "```"):
            answer = f"{fence}{path.suffix[1:]}\n{content[:place]}"
            for finish_reason in ("length", None):
                verdict = read_code(answer, path=path.name, finish_reason=finish_reason)
                assert not isinstance(verdict, Code), (place, finish_reason)


@settings(deadline=None, max_examples=70)
@given(CONTENT.filter(lambda text: not FENCE.search(text)), PATHS)
def test_reading_again_changes_nothing(content: str, path: str) -> None:
    once = outcome(fenced(content, "`"), path)
    if not once.startswith("reject:"):
        assert outcome(fenced(once, "`"), path) == once


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=400), PATHS, st.sampled_from(["stop", "length", None]))
def test_any_text_gets_a_verdict(answer: str, path: str, finish_reason: str | None) -> None:
    verdict = read_code(answer, path=path, finish_reason=finish_reason)
    if isinstance(verdict, Code):
        assert verdict.content.strip()
        first, *_, last, end = [*verdict.content.split("\n")[:1], *verdict.content.split("\n")]
        assert first.strip()
        assert last.strip()
        assert end == ""
    else:
        assert verdict.message.endswith(".")


@pytest.mark.parametrize(
    "unit",
    ["`", "<think>", "[", "{", "\n", "a", "```\n", "<|im_end|>", "diff --git a/x b/x\n", '"""\n',
     "<<<<<<< SEARCH\n", "<file path='a.py'>\n", "File: a.py\n", "Let me know.\n\n", "~~~\n```\n"],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("path", ["a.py", "README.md", "a.json"])
def test_hostile_repetition_gets_a_verdict(unit: str, path: str) -> None:
    verdict = read_code(unit * (60_000 // len(unit)), path=path, finish_reason="length")
    assert isinstance(verdict, Code) or verdict.message

"""What is generated from the program is what the program says now."""

import ast
import html
import os
import re
from pathlib import Path

import pytest

from tests.reference import BEGIN, END, outdated

ROOT = Path(__file__).parents[1]


def test_generated_files_are_current() -> None:
    stale = [str(path.relative_to(ROOT)) for path in outdated(ROOT)]
    assert stale == [], "run `python -m tests.reference`"


def test_the_readme_has_a_place_for_its_table_of_settings() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (readme.count(BEGIN), readme.count(END)) == (1, 1)


def test_the_picture_of_a_run_was_recorded_by_its_script() -> None:
    script, picture = ROOT / "docs/record", (ROOT / "docs/run.svg").read_text(encoding="utf-8")
    prompt = re.search(r'^PROMPT: Final = "(.+)"$', script.read_text(encoding="utf-8"), re.MULTILINE)
    shown = " ".join(html.unescape(text) for text in re.findall(r"<text [^>]*>([^<]+)</text>", picture))
    assert os.access(script, os.X_OK)
    assert prompt is not None
    assert f'$ smol_dev "{prompt[1]}"' in shown.replace("\xa0", " ")
    assert "Done: 3 files in ./generated" in shown.replace("\xa0", " ")


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_loads_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?:href=|src=|url\()[\"']?https?:|<script|<image", text) == []


CLUMSY = (
    "who set it",
    "to a cloud by itself",
    "without a word",
    "had a say",
    "correct what is named",
    "has no address",
    "what the server does not tell",
    "run by themselves",
    "object a line",
    "with a remark",
    "is no setting and",
    "steers where",
    "who sets what",
    "took the connection",
)


def test_nothing_that_a_user_reads_is_put_clumsily() -> None:
    pages = [ROOT / "README.md", ROOT / "smol.toml.example", *(ROOT / "docs").glob("*.md")]
    sources = [each for kind in ("*.py", "*.toml") for each in (ROOT / "smol_dev").rglob(kind)]
    texts = {path: " ".join(shown(path).split()) for path in [*pages, *sources]}
    found = [(str(path.relative_to(ROOT)), each) for path, text in texts.items() for each in CLUMSY if each in text]
    assert found == []


def shown(path: Path) -> str:
    """What a user may read of a file: of a module its texts, without the docstrings of everything but commands."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    tree = ast.parse(text)
    is_read = path.is_relative_to(ROOT / "smol_dev/cli") or path.name == "model.py"
    bare = set() if is_read else {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in bare]
    return "\n".join(node.value for node in found if isinstance(node.value, str))

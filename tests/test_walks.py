"""The walks through the code in `CONTRIBUTING.md` go along imports, and stay as short as they are."""

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
SECTION: Final = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## ")[1]
MOST: Final = {"`--model`": 9, "A reply": 10, "`timeout`": 7}
SEAMS: Final = {
    ("server/transport.py", "server/stream.py"),  # bytes
    ("server/client.py", "run/ask.py"),  # the protocol of `chat.py`
    ("run/strategies.py", "run/delivery.py"),  # the steps of `run/conversation.py`
}
"""Neighbours that do not know each other, with what goes between them."""


def walk(start: str) -> list[str]:
    """The files of the walk that begins with these words, in order."""
    text = next(part for part in SECTION.split("\n\n") if part.startswith("1. ") and start == before(part))
    return re.findall(r"^\d+\. `(\S+)`", text, re.MULTILINE)


def before(steps: str) -> str:
    """How the paragraph before the steps begins, as `MOST` has it."""
    paragraph = SECTION[: SECTION.index(steps)].strip().rsplit("\n\n", 1)[-1]
    return next(start for start in MOST if paragraph.startswith(start))


def imports(name: str) -> set[str]:
    """The files of the package that a file imports, inside functions too."""
    tree = ast.parse((ROOT / "smol_dev" / name).read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules = [name for node in found for name in (node.module, *(f"{node.module}.{each.name}" for each in node.names))]
    return {str(module).removeprefix("smol_dev.").replace(".", "/") + ".py" for module in modules}


@pytest.mark.parametrize("start", list(MOST))
def test_a_walk_is_short_and_goes_along_imports(start: str) -> None:
    files = walk(start)
    apart = [pair for pair in pairwise(files) if pair[1] not in imports(pair[0]) and pair[0] not in imports(pair[1])]
    assert len(files) == len(set(files)) <= MOST[start]
    assert set(apart) <= SEAMS


def test_a_seam_is_where_the_walk_says() -> None:
    assert "chat.py" in imports("run/ask.py") & imports("server/client.py")
    assert "run/conversation.py" in imports("run/strategies.py") & imports("run/delivery.py")

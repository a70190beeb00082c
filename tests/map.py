"""The map of the package, in its docstring: `python -m tests.map` writes it anew from the modules' first sentences."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import Final

import smol_dev

ROOT: Final = Path(smol_dev.__file__).parent
BEGIN: Final = "Every module, and what it is for:\n\n"
WIDTH: Final = 120


def lines() -> Iterator[str]:
    """A line for each module: its name, without the package's, and the first sentence of its docstring."""
    for path in sorted(ROOT.rglob("*.py"), key=lambda path: (path.parent, path.name != "__init__.py", path.name)):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        if parts == ("__init__",):
            continue
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        sentence = re.split(r"(?<=\.)\s|\n\n", docstring, maxsplit=1)[0].replace("\n", " ").rstrip(".")
        yield fill(f"- `{name}`: {sentence}.", WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def whole() -> str:
    """The package's docstring, as it should be: what stands before the map, and the map."""
    before = (smol_dev.__doc__ or "").partition(BEGIN)[0]
    return before + BEGIN + "\n".join(lines()) + "\n"


if __name__ == "__main__":
    file = ROOT / "__init__.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(f'"""{whole()}"""' + text.partition('"""')[2].partition('"""')[2], encoding="utf-8")

"""The command that starts or opens a program, chosen by an ordered list of rules that look at its files.

Nothing that a model wrote becomes part of a command: programs, options and scripts come from the rules, and a path is
one quoted argument.
"""

import json
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from smol_dev.safe import command

PYTHON: Final = "python" if sys.platform == "win32" else "python3"
MAIN: Final = re.compile(r"""^if\s+__name__\s*==\s*["']__main__["']\s*:""", re.MULTILINE)
ARGUMENTS: Final = re.compile(r"^[ \t]*(?:import|from)\s+(?:argparse|click|typer)\b", re.MULTILINE)
RELATIVE: Final = re.compile(r"^from\s+\.", re.MULTILINE)
RUN_TARGET: Final = re.compile(r"^(run|start|serve):(?!=)", re.MULTILINE)
GO_MAIN: Final = re.compile(r"^package\s+main\b", re.MULTILINE)
STARTERS: Final = ("main.py", "app.py", "run.py", "server.py", "cli.py")
PAGES: Final = ("index.html", "index.htm")
SCRIPTS: Final = {"start": "npm start", "dev": "npm run dev", "serve": "npm run serve"}
SHELL: Final = ("run.sh", "start.sh", "main.sh")


@dataclass(frozen=True, slots=True)
class Program:
    """The texts of a program's files by path, its plan, and its folder as the user would type it."""

    files: Mapping[str, str]
    plan: str
    folder: str

    def here(self, template: str, **values: str) -> str:
        """Return a command line that runs in the program's folder."""
        into = "" if self.folder == "." else "cd {dir} && "
        return command(into + template, dir=self.folder, **values)[1:-1]

    def at(self, path: str) -> str:
        """Return a file's path as typed outside the folder."""
        return path if self.folder == "." else str(PurePosixPath(self.folder) / path)

    def first(self, *paths: str) -> str | None:
        """Return the first of these paths that the program has."""
        return next((path for path in paths if path in self.files), None)


def start_of(program: Program) -> str:
    """Return one line on how to start or open the program; empty if its files do not show it."""
    return next((said for rule in RULES if (said := rule(program)) is not None), "")


def change_command(folder: str) -> str:
    """Return the command that changes the program in the folder; empty means the default folder."""
    return 'smol_dev change "…"' + (f" {command('-o {dir}', dir=folder)[1:-1]}" if folder else "")


def _node(program: Program) -> str | None:
    scripts = _table(json.loads, program.files.get("package.json", "")).get("scripts")
    name = next((name for name in SCRIPTS if isinstance(scripts, dict) and scripts.get(name)), None)
    return name and f"run it: {program.here(SCRIPTS[name])} (after npm install)"


def _python(program: Program) -> str | None:
    if "manage.py" in program.files:
        return _python_command(program, "manage.py runserver", "")
    sources = {path: text for path, text in program.files.items() if path.endswith(".py") and not _is_test(path)}
    mains = [path for path, text in sources.items() if path.endswith("/__main__.py") or MAIN.search(text)]
    if not mains:
        return None
    starters = [path for path in STARTERS if path in mains]
    planned = [path for path in mains if re.search(rf"python3? {re.escape(path)}\b", program.plan)]
    path = [*starters, *planned, *sorted(mains, key=lambda path: path.count("/"))][0]
    module = path.removesuffix(".py").removesuffix("/__main__").replace("/", ".")
    is_module = path.endswith("/__main__.py") or RELATIVE.search(sources[path])
    if is_module and all(map(str.isidentifier, module.split("."))) and not module.startswith("src."):
        return _python_command(program, "-m {module}", sources[path], module=module)
    return _python_command(program, "{path}", sources[path], path=path)


def _python_command(program: Program, template: str, text: str, **values: str) -> str:
    arguments = " --help" if ARGUMENTS.search(text) else ""
    needs = program.first("requirements.txt")
    return f"run it: {program.here(f'{PYTHON} {template}{arguments}', **values)}" + (
        f" (it needs the packages in {needs})" if needs and program.files[needs].strip() else ""
    )


def _page(program: Program) -> str | None:
    pages = [path for path in program.files if path.endswith((".html", ".htm"))]
    page = program.first(*PAGES, *(f"{folder}/index.html" for folder in ("public", "src", "docs", "www")))
    page = page or (pages[0] if len(pages) == 1 else None)
    return page and command("open {page}", page=program.at(page))[1:-1]


def _tool(program: Program) -> str | None:
    """Return the command of the build tool or interpreter that the files are made for."""
    files, script = program.files, program.first(*SHELL)
    target = RUN_TARGET.search(files.get("Makefile", ""))
    is_go = any("/" not in path and path.endswith(".go") and GO_MAIN.search(text) for path, text in files.items())
    commands = {
        "cargo run": {"Cargo.toml", "src/main.rs"} <= files.keys(),
        "go run .": is_go and "go.mod" in files,
        f"make {target[1] if target else ''}": target,
        "php -S localhost:8000": "index.php" in files,
        f"bash {script}": script,
    }
    typed = next((command for command, is_meant in commands.items() if is_meant), None)
    return typed and f"run it: {program.here(typed)}"


def _package(program: Program) -> str | None:
    """Return how to install a library, which has nothing to run."""
    project = _table(tomllib.loads, program.files.get("pyproject.toml", "")).get("project")
    return f"install it: {program.here(f'{PYTHON} -m pip install .')}" if isinstance(project, dict) else None


RULES: Final = (_node, _python, _page, _tool, _package)
"""The most specific first."""


def _table(read: Callable[[str], Any], text: str) -> Mapping[str, Any]:
    with suppress(ValueError, RecursionError):
        table = read(text)
        return table if isinstance(table, dict) else {}
    return {}


def _is_test(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith("test") or name.endswith("_test.py") or path.startswith("tests/")

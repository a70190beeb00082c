"""The shape of the package: who imports whom, how long things are, and what importing costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import smol_dev
from tests.map import whole

ROOT = Path(smol_dev.__file__).parent

GROUND = {"errors", "events", "chat", "disk", "redact", "safe", "tokens"}

MAY_IMPORT = {
    "errors": set(),
    "disk": set(),
    "redact": set(),
    "safe": set(),
    "tokens": set(),
    "events": {"errors", "chat"},
    "chat": {"errors"},
    "families": {"chat"},
    "config": {*GROUND, "families", "prompts"},
    "server": {*GROUND, "config", "demo", "families", "prompts"},
    "prompts": {"chat"},
    "languages": set(),
    "replies": {"errors", "languages"},
    "checks": {"languages"},
    "run": {*GROUND, "prompts", "languages", "replies", "checks", "workspace"},
    "workspace": {"errors", "events", "chat", "disk", "safe"},
    "demo": set(),
    "ui": GROUND,
    "app": {*GROUND, "checks", "config", "server", "prompts", "run", "workspace"},
    "library": {*GROUND, "config", "server", "run", "workspace", "app", "ui"},
    "cli": {*GROUND, "config", "server", "checks", "run", "workspace", "app", "ui"},
    "smol_dev": {"errors", "events", "library", "config", "run"},
    "__main__": {"app", "cli"},
}
"""For each part, which of our other parts it may import."""

LAZY = {
    "smol_dev/run/pipeline.py",
    "smol_dev/__main__.py",
    "smol_dev/library.py",
    "smol_dev/ui/__init__.py",
    "smol_dev/ui/live.py",
}
"""Outside of `cli/`, the places that import inside a function, each with its reason beside it."""


def part(module: str) -> str:
    """`smol_dev.config.load` is of `config`; the table of models is a part of its own."""
    if module.startswith("smol_dev.server.families"):
        return "families"
    return module.split(".")[1] if "." in module else module


@cache
def modules() -> tuple[tuple[str, Path, ast.Module], ...]:
    """Every module of the package: its name, its file, and what is in it."""
    paths = sorted(ROOT.rglob("*.py"))
    names = (".".join(("smol_dev", *path.relative_to(ROOT).with_suffix("").parts)) for path in paths)
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in paths)
    return tuple(
        (name.removesuffix(".__init__"), path, tree) for name, path, tree in zip(names, paths, trees, strict=True)
    )


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("smol_dev"):
            names = [node.module or ""]
            if node.module == "smol_dev":
                names = [f"smol_dev.{alias.name}" for alias in node.names]
            yield from ((name, node.lineno) for name in names)


def test_imports_go_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {part(name)} imports {target}"
        for name, path, tree in modules()
        for target, line in imported(tree)
        if part(target) not in {*MAY_IMPORT.get(part(name), ()), part(name), "__version__"}
    ]
    assert wrong == []


def test_only_the_command_line_imports_inside_functions() -> None:
    places = {
        str(path.relative_to(ROOT.parent))
        for _, path, tree in modules()
        if not path.is_relative_to(ROOT / "cli")
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert places <= LAZY


def test_files_and_functions_stay_small() -> None:
    long_files = [
        f"{path.relative_to(ROOT)}: {lines}"
        for _, path, _ in modules()
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 600
    ]
    long_functions = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for _, path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > 40
    ]
    assert (long_files, long_functions) == ([], [])


def test_a_command_parses_calls_and_prints() -> None:
    """Twelve lines below its docstring are enough for that, and errors are caught in one place for all."""
    commands = [
        (f"{path.relative_to(ROOT)}: {node.name}", node)
        for _, path, tree in modules()
        if path.is_relative_to(ROOT / "cli")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(".command" in ast.unparse(each) for each in node.decorator_list)
    ]
    wrong = [
        name
        for name, node in commands
        if (node.end_lineno or 0) - node.body[0].lineno > 12 + (node.body[0].end_lineno or 0) - node.body[0].lineno
        or any(isinstance(each, ast.Try) for each in ast.walk(node))
    ]
    assert len(commands) > 20
    assert wrong == []


def test_the_client_library_is_known_in_one_place() -> None:
    knows = [
        str(path.relative_to(ROOT))
        for _, path, tree in modules()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "openai" for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "openai")
    ]
    assert sorted(set(knows)) == ["server/client.py"]


def loaded_by(code: str) -> set[str]:
    """The top-level modules a fresh interpreter has loaded after running the code."""
    script = f"{code}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(result.stdout.splitlines()[-1].split())


HEAVY = {"asyncio", "openai", "pydantic", "rich", "tomlkit", "tree_sitter"}
RUN = """
import contextlib, io
from smol_dev.cli import run
with contextlib.redirect_stdout(io.StringIO()):
    run({})
"""


@pytest.mark.parametrize(
    ("code", "not_loaded"),
    [
        pytest.param("import smol_dev", {"click", "pydantic", "openai", "asyncio"}, id="import"),
        pytest.param("from smol_dev import build, SmolError, RunDone", HEAVY - {"asyncio"}, id="from import"),
        pytest.param(RUN.format("['--version']"), {*HEAVY, "dataclasses", "pathlib"}, id="--version"),
        pytest.param(RUN.format("['--help']"), {*HEAVY, "dataclasses"}, id="--help"),
        pytest.param(RUN.format("['generate', '--help']"), HEAVY, id="generate"),
        pytest.param(RUN.format("['profiles', 'list']"), HEAVY, id="profiles list"),
        pytest.param(RUN.format("['config', 'show']"), {"openai", "rich", "tree_sitter"}, id="config show"),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str, not_loaded: set[str]) -> None:
    assert loaded_by(code) & not_loaded == set()


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports for types count as well; only the package itself, which offers the library, is left out."""
    parsed = {name: tree for name, _, tree in modules() if name != "smol_dev"}
    cycles = {
        name: {
            str(module)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            for module in (f"{node.module}.{alias.name}", node.module)
            if module in parsed and (module != node.module or f"{module}.{alias.name}" not in parsed)
        }
        for name, tree in parsed.items()
    }
    while ends := {name for name, needed in cycles.items() if not needed & cycles.keys()}:
        cycles = {name: needed for name, needed in cycles.items() if name not in ends}
    assert cycles == {}


def test_a_docstring_says_what_a_function_does() -> None:
    """ "Return the plan", "Yield each file"; a noun phrase describes a class, a property, or what a block holds."""
    phrases = {"A", "All", "An", "Each", "Every", "How", "One", "The", "What", "Where", "Whether", "Who", "Why"}
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for _, path, tree in modules()
        if path.parent.name not in {"checks", "languages"}  # a rule's docstring is what it finds
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list and node.returns
        if ast.unparse(node.returns) != "None" and (ast.get_docstring(node) or "-").split()[0] in phrases
    ]
    assert wrong == []


def test_the_map_of_the_package_is_complete() -> None:
    assert smol_dev.__doc__ == whole(), "run `python -m tests.map`"

"""Python: names, imports between the project's files, third-party packages, templates."""

import ast
import posixpath
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pyflakes import checker, messages

from smol_dev.checks.manifests import python_dependencies
from smol_dev.checks.project import Problem, Project, above, instead
from smol_dev.languages import language_of
from smol_dev.languages.standard import python_tree

ASIDE: Final = frozenset(
    "test tests testing docs doc examples example samples benchmarks scripts tools".split()
)
"""Folders whose files are run with more installed than the project itself needs."""

DYNAMIC: Final = ("globals()", "exec(", "__builtins__", "sys.modules[", "setattr(")
"""Words of a module that may define names no reader sees."""

SPECIAL: Final = frozenset(
    {
        "_",
        "__file__",
        "__name__",
        "__doc__",
        "__path__",
        "__package__",
        "__spec__",
        "__loader__",
        "__dict__",
        "__annotations__",
        "__all__",
        "reveal_type",
        "get_ipython",
    }
)


OLDER: Final = frozenset(
    "basestring unicode raw_input long unichr xrange reduce file execfile cmp reload get_ident".split()
)
"""Names of Python 2, which a file for both may use."""

MADE: Final = ("sys.modules", "meta_path", "__path__", "importlib")
"""Words of a module that may make other modules at run time."""


@dataclass(frozen=True)
class Module:
    """A Python file: its path, text and syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def names(self) -> frozenset[str] | None:
        """The names that it defines; None when that cannot be known by reading it."""
        if any(word in self.text for word in DYNAMIC):
            return None
        found: set[str] = set(SPECIAL)
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
                return None
            found.update(bound(node))
        return None if "__getattr__" in found else frozenset(found)

    @cached_property
    def guarded(self) -> frozenset[ast.AST]:
        """The imports that may fail, or are for type checkers only."""
        found: set[ast.AST] = set()
        for node in self.nodes:
            if isinstance(node, ast.Try) or (
                isinstance(node, ast.With) and "suppress" in ast.dump(node.items[0])
            ):
                found.update(each for part in node.body for each in ast.walk(part))
                found.update(
                    each
                    for h in getattr(node, "handlers", ())
                    for part in h.body
                    for each in ast.walk(part)
                )
            elif isinstance(node, ast.If):
                found.update(each for part in (*node.body, *node.orelse) for each in ast.walk(part))
        return frozenset(found)


def bound(node: ast.AST) -> Iterator[str]:
    """The names that a node binds, in whatever scope: more than the module's own, never fewer."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (each.asname or each.name.partition(".")[0] for each in names)
        case (
            ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
        ):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case _:
            alias = getattr(node, "name", None)
            if isinstance(alias, ast.Name):
                yield alias.id


class Python:
    """The Python files of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.modules = {
            path: Module(path, text, tree)
            for path, text in project.files.items()
            if language_of(path) == "python" and (tree := python_tree(text)) is not None
        }

    def find(self, name: str, path: str) -> str | None:
        """The file or folder that an absolute module name means in the file `path`; None for none of ours.

        The inside of a package is no place to import from, unless its files are run one by one.
        """
        parts = name.split(".")
        roots = [root for root in (*above(path), "src", "lib") if not self.is_package(root)]
        found = (self.inside(root, parts) for root in roots)
        return next((file for file in found if file is not None), None)

    def is_package(self, folder: str) -> bool:
        """Whether the folder is itself imported."""
        return posixpath.join(folder, "__init__.py") in self.project.paths

    def owns(self, name: str, path: str) -> bool:
        """Whether the first part of a module's name is ours, and of nobody else."""
        top = name.partition(".")[0]
        inner = (self.inside(root, [top]) for root in above(path) if self.is_package(root))
        return self.find(top, path) is not None and not any(inner)

    def inside(self, root: str, parts: list[str]) -> str | None:
        """The module of these parts in a folder: a file, a package's `__init__.py`, or a bare folder."""
        base = posixpath.join(root, *parts)
        for file in (f"{base}.py", f"{base}/__init__.py", f"{base}.pyi", f"{base}.pyx"):
            if file in self.project.paths:
                return file
        compiled = (f"{base}.so", f"{base}.pyd")
        if any(
            each.startswith(f"{base}.") and each.endswith((".so", ".pyd"))
            for each in self.project.names.get(posixpath.basename(compiled[0]), ())
        ):
            return compiled[0]
        return base if base in self.project.folders or f"{base}/" in self.project.others else None

    def names_in(self, file: str) -> frozenset[str] | None:
        """The names that can be imported from a file or folder of ours; None when that is not known."""
        if self.project.may_hold(file):
            return None
        if file in self.project.folders:
            return self.submodules(file)
        module = self.modules.get(file)
        if module is None or module.names is None:
            return None
        package = file.endswith("/__init__.py") or file == "__init__.py"
        return module.names | (self.submodules(posixpath.dirname(file)) if package else frozenset())

    def submodules(self, folder: str) -> frozenset[str]:
        """The modules and folders right below a folder."""
        return self.project.children.get(folder, frozenset())


def undefined_names(python: Python) -> Iterator[Problem]:
    """A name is used that nothing defines."""
    for module in python.modules.values():
        if any(word in module.text for word in DYNAMIC[:3]) or module.path.endswith(".pyi"):
            continue
        lines = module.text.split("\n")
        try:
            found = checker.Checker(module.tree, filename=module.path).messages
        except RecursionError:
            continue
        if any(
            isinstance(each, messages.ImportStarUsed | messages.ImportStarUsage) for each in found
        ):
            continue
        for each in found:
            name = each.message_args[0] if each.message_args else ""
            if not isinstance(each, messages.UndefinedName) or name in SPECIAL:
                continue
            if name in OLDER and any(
                word in module.text for word in ("version_info", "PY2", "PY3", "six", "NameError")
            ):
                continue
            if "noqa" not in lines[min(each.lineno, len(lines)) - 1]:
                yield Problem(
                    module.path,
                    each.lineno,
                    each.col + 1,
                    "undefined-name",
                    f"`{name}` is not defined" + _near(name, module),
                )


def _near(name: str, module: Module) -> str:
    near = [each for each in module.names or () if each[:2] == name[:2] and each not in SPECIAL]
    return instead(name, near, "defined here")


def project_imports(python: Python) -> Iterator[Problem]:
    """A module of the project, or a name in it, is imported that is not there."""
    for module in python.modules.values():
        loose = "sys.path" in module.text
        for node in module.nodes:
            if node in module.guarded:
                continue
            if isinstance(node, ast.Import) and not loose:
                yield from _import(python, module, node)
            elif isinstance(node, ast.ImportFrom):
                yield from _import_from(python, module, node, loose=loose)


def _import(python: Python, module: Module, node: ast.Import) -> Iterator[Problem]:
    for alias in node.names:
        if python.owns(alias.name, module.path) and not _is_outside(
            python, alias.name, module.path
        ):
            yield _missing(python, module, node, alias.name)


def _is_outside(python: Python, name: str, path: str) -> bool:
    """Whether the module is there, or may be: a package of the same name can be installed."""
    if python.find(name, path) is not None:
        return True
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return True
    owner = python.find(top, path)
    return owner is None or _makes_modules(
        python, posixpath.dirname(owner.removesuffix("/__init__.py")), name.split(".")
    )


def _makes_modules(python: Python, base: str, parts: list[str]) -> bool:
    """Whether a package on the way to a module may make it when it is imported."""
    ways = [posixpath.join(base, *parts[:length]) for length in range(len(parts))]
    files = (
        python.modules.get(file)
        for way in ways
        for file in (f"{way}.py", posixpath.join(way, "__init__.py"))
    )
    return python.project.may_hold(posixpath.join(base, *parts)) or any(
        word in file.text for file in files if file is not None for word in MADE
    )


def _missing(python: Python, module: Module, node: ast.stmt, name: str) -> Problem:
    owner = name
    while "." in owner and python.find(owner, module.path) is None:
        owner = owner.rpartition(".")[0]
    found = python.find(owner, module.path) or ""
    folder = posixpath.dirname(found) if found.endswith("__init__.py") else found
    there = python.submodules(folder) if folder in python.project.folders else ()
    return Problem(
        module.path,
        node.lineno,
        node.col_offset + 1,
        "python-import",
        f"there is no module `{name}`"
        + instead(
            name.rpartition(".")[2],
            (n for n in there if n.isidentifier() and n[:2] != "__"),
            f"`{owner}` holds",
        ),
    )


def _import_from(
    python: Python, module: Module, node: ast.ImportFrom, *, loose: bool
) -> Iterator[Problem]:
    shown = "." * node.level + (node.module or "")
    top = (node.module or "").partition(".")[0]
    if not node.level and (loose or not python.owns(top, module.path)):
        return
    file, missing = (
        _relative(python, module, node) if node.level else _absolute(python, module, node)
    )
    if missing is not None:
        yield missing
    names = python.names_in(file) if file is not None else None
    if names is None or file in python.project.folders:
        return
    for alias in node.names:
        if alias.name != "*" and alias.name not in names:
            there = (name for name in names if name[0] != "_" and name not in SPECIAL)
            message = f"`{shown}` ({file}) does not define `{alias.name}`"
            yield Problem(
                module.path,
                alias.lineno,
                alias.col_offset + 1,
                "python-import",
                message + instead(alias.name, there, "it defines"),
            )


def _absolute(
    python: Python, module: Module, node: ast.ImportFrom
) -> tuple[str | None, Problem | None]:
    """The file of an absolute import, or the problem that there is none."""
    name = node.module or ""
    file = python.find(name, module.path)
    if file is None and not _is_outside(python, name, module.path):
        return None, _missing(python, module, node, name)
    return (None if name.partition(".")[0] in sys.stdlib_module_names else file), None


def _relative(
    python: Python, module: Module, node: ast.ImportFrom
) -> tuple[str | None, Problem | None]:
    """The file of a relative import, or the problem that there is none."""
    base = module.path
    for _ in range(node.level):
        if not base:
            return None, None
        base = posixpath.dirname(base)
    if not node.module:
        return _package(python, base), None
    parts = node.module.split(".")
    file = python.inside(base, parts)
    if file is not None or _makes_modules(python, base, parts):
        return file, None
    there = python.submodules(posixpath.join(base, *parts[:-1]))
    modules = (name for name in there if name.isidentifier() and name[:2] != "__")
    message = f"there is no module `{'.' * node.level}{node.module}`"
    message += instead(parts[-1], modules, "there is")
    return None, Problem(module.path, node.lineno, node.col_offset + 1, "python-import", message)


def _package(python: Python, folder: str) -> str:
    initial = posixpath.join(folder, "__init__.py")
    return initial if initial in python.project.paths else folder


def module_attributes(python: Python) -> Iterator[Problem]:
    """An attribute of one of the project's modules is used that it does not define."""
    for module in python.modules.values():
        if "sys.path" in module.text:
            continue
        imported: dict[str, str] = {}
        for node in module.tree.body:
            if isinstance(node, ast.ImportFrom):
                imported.update(_modules_from(python, module, node))
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if "." not in alias.name or alias.asname:
                        file = python.find(alias.name, module.path)
                        if file and alias.name.partition(".")[0] not in sys.stdlib_module_names:
                            imported[alias.asname or alias.name] = file
        if not imported:
            continue
        counts: dict[str, int] = {}
        for each in module.nodes:
            for name in (*bound(each), *((each.arg,) if isinstance(each, ast.arg) else ())):
                counts[name] = counts.get(name, 0) + 1
        for each in module.nodes:
            match each:
                case ast.Attribute(value=ast.Name(id=name), attr=attribute, ctx=ast.Load()) if (
                    name in imported and counts.get(name) == 1
                ):
                    yield from _attribute(python, module, each, imported[name], attribute)


def _modules_from(
    python: Python, module: Module, node: ast.ImportFrom
) -> Iterator[tuple[str, str]]:
    """The modules of ours that a `from` imports, by the name that they get."""
    for alias in node.names:
        if node.level:
            base = module.path
            for _ in range(node.level):
                base = posixpath.dirname(base)
            file = python.inside(
                base, [*(node.module.split(".") if node.module else []), alias.name]
            )
            folder = base
        else:
            file = (
                python.find(f"{node.module}.{alias.name}", module.path)
                if python.owns(node.module or "", module.path)
                else None
            )
            folder = posixpath.dirname(file or "")
        initial = python.modules.get(posixpath.join(folder, "__init__.py"))
        hidden = initial is not None and initial.names is not None and alias.name in initial.names
        if file in python.modules and not hidden:
            yield alias.asname or alias.name, file


def _attribute(
    python: Python, module: Module, node: ast.Attribute, file: str, name: str
) -> Iterator[Problem]:
    names = python.names_in(file)
    if names is None or name in names or file in python.project.folders or name.startswith("__"):
        return
    owner = posixpath.basename(file.removesuffix("/__init__.py").removesuffix(".py"))
    if python.project.mentions(f"{owner}.{name} =", suffixes=(".py",)):
        return
    yield Problem(
        module.path,
        node.lineno,
        node.col_offset + 1,
        "python-import",
        f"`{owner}` ({file}) does not define `{name}`"
        + instead(
            name, (each for each in names if each[:1] != "_" and each not in SPECIAL), "it defines"
        ),
    )


def third_party(python: Python) -> Iterator[Problem]:
    """A third-party package is imported that no manifest names."""
    dependencies = python_dependencies(python.project)
    if dependencies is None:
        return
    for module in python.modules.values():
        if _aside(module.path):
            continue
        for node in module.tree.body:
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            for name in names:
                top = name.partition(".")[0]
                if (
                    top in sys.stdlib_module_names
                    or dependencies.provide(top)
                    or top in {posixpath.basename(f) for f in python.project.folders}
                    or f"{top}.py" in python.project.names
                    or top.startswith("_")
                ):
                    continue
                yield Problem(
                    module.path,
                    node.lineno,
                    node.col_offset + 1,
                    "python-dependency",
                    f"`{top}` is imported, and no manifest names it"
                    f" ({', '.join(dependencies.files)}: add `{dependencies.usual(top)}`)",
                )


def _aside(path: str) -> bool:
    *folders, name = path.lower().split("/")
    return (
        bool(ASIDE.intersection(folders))
        or name in {"conftest.py", "setup.py", "noxfile.py", "tasks.py"}
        or (name.startswith("test_") or name.endswith("_test.py"))
    )


RENDERERS: Final = {
    "render_template": ("flask", "quart"),
    "render": ("django",),
    "TemplateResponse": ("",),
    "render_to_string": ("django",),
}


def templates(python: Python) -> Iterator[Problem]:
    """A template is rendered that is not there."""
    project = python.project
    if project.mentions("DictLoader", suffixes=(".py",)) or project.mentions(
        "FunctionLoader", suffixes=(".py",)
    ):
        return
    for module in python.modules.values():
        if _aside(module.path):
            continue
        for node in module.nodes:
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if (
                    name in RENDERERS
                ):
                    if any(package in module.text for package in RENDERERS[name]):
                        literals = [
                            *node.args[:2],
                            *(k.value for k in node.keywords if k.arg in {"name", "template_name"}),
                        ]
                        yield from _template(
                            project, module, literals[: 1 if name.startswith("render_") else 3]
                        )
                case ast.Assign(targets=[ast.Name(id="template_name")], value=value) if (
                    "django" in module.text
                ):
                    yield from _template(project, module, [value])


def _template(project: Project, module: Module, nodes: list[ast.expr]) -> Iterator[Problem]:
    for node in nodes:
        match node:
            case ast.Constant(value=str(name)) if (
                "." in name and " " not in name and not name.startswith("<")
            ):
                folder = name.rpartition("/")[0]
                known = not folder or any(
                    f == folder or f.endswith(f"/{folder}") for f in project.folders
                )
                if known and not project.ending(name):
                    suffix = posixpath.splitext(name)[1]
                    there = (
                        p.partition("templates/")[2] or p
                        for p in project.paths
                        if p.endswith(suffix)
                    )
                    yield Problem(
                        module.path,
                        node.lineno,
                        node.col_offset + 1,
                        "python-template",
                        f"there is no template `{name}`" + instead(name, there, "there is"),
                    )
                return


RULES: Final = {
    "undefined-name": (undefined_names,),
    "python-import": (project_imports, module_attributes),
    "python-dependency": (third_party,),
    "python-template": (templates,),
}

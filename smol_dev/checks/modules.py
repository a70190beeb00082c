"""What the syntax trees of Python files say: scopes and what their names are bound to, imports, calls, attributes."""

import ast
import builtins
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from smol_dev.checks.dependencies import Dependencies, python_dependencies
from smol_dev.checks.project import Problem, Project, above
from smol_dev.languages import language_of
from smol_dev.languages.standard import python_tree

if TYPE_CHECKING:
    from pyflakes import messages

ASIDE: Final = frozenset("test tests testing docs doc examples example samples benchmarks scripts tools".split())
"""Folders whose files run with more packages installed than the project itself needs."""

DYNAMIC: Final = re.compile(
    r"\b(?:globals|locals|vars)\(\)\s*(?:\[|\.update)|(?<![\w.])exec\(|__builtins__|\bsys\.modules\["
    r"|\bsetattr\((?:sys\b|builtins|\w*mod)|\bbuiltins\.\w+ = "
    r"|\bglobal_enum|\b_convert_\(|\bgettext\.install\(|\btranslation\([^()\n]*\)\.install\("
)
"""What a module says that may define names no reader sees."""

HINTS: Final = (
    "als()",
    "vars()",
    "exec(",
    "builtins",
    "sys.modules[",
    "setattr(",
    "global_enum",
    "_convert_(",
    ".install(",
)
"""What is in every text that `DYNAMIC` finds; looking for these first is many times faster."""

MADE: Final = re.compile(r"sys\.modules|meta_path|__path__|importlib")
"""Signs that a module creates other modules at run time."""

SPECIAL: Final = frozenset(
    "_ __file__ __name__ __doc__ __path__ __package__ __spec__ __loader__ __dict__ __annotations__ __all__"
    " __builtins__ __debug__ __module__ __qualname__ WindowsError reveal_type get_ipython".split()
)
BUILTINS: Final = frozenset(dir(builtins)) | SPECIAL

AVOIDED: Final = re.compile(r"\b(?:AttributeError|TypeError|NameError)\b")
EXPECTED: Final = re.compile(r"(?:[rR]aises|suppress)\w{0,40}\(")
FAULT: Final = re.compile("AttributeError|TypeError|NameError|Exception")
"""Signs that a handler or `with` statement expects an error about a wrong name."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """An import statement; `guarded` where it may fail or is for type checkers, `top` at the module's margin."""

    node: ast.Import | ast.ImportFrom
    guarded: bool
    top: bool


@dataclass(frozen=True)
class Alias:
    """One name of an import statement."""

    statement: ast.Import | ast.ImportFrom
    node: ast.alias


Bound = ast.expr | ast.stmt | ast.arg | Alias | None
"""What a name is bound to: a value, a definition, a parameter, an import; None for anything else."""


@dataclass(eq=False)
class Scope:
    """A module, class or function, with everything that each of its names is bound to."""

    module: "Module"
    node: ast.AST
    outer: "Scope | None"
    bound: dict[str, list[Bound]] = field(default_factory=dict)
    elsewhere: "dict[str, Scope]" = field(default_factory=dict)

    def bind(self, name: str, value: Bound = None) -> None:
        """Bind a name, where `global` or `nonlocal` says so in another scope."""
        self.elsewhere.get(name, self).bound.setdefault(name, []).append(value)
        self.module.bound.add(name)

    def find(self, name: str) -> "tuple[Scope, list[Bound]] | None":
        """Return the scope in which a name is bound for this one, and everything that it is bound to there."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bound and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                return scope, scope.bound[name]
            scope = scope.elsewhere.get(name) or scope.outer
        return None


NodeT = TypeVar("NodeT", ast.Call, ast.Attribute)


@dataclass(frozen=True)
class Use(Generic[NodeT]):
    """A call or an attribute in its scope; `guarded` where an error is expected. `value` is what is stored."""

    node: NodeT
    scope: Scope
    guarded: bool = False
    value: ast.expr | None = None


@dataclass(eq=False)
class Module:
    """A Python file: what its syntax tree says, read once."""

    path: str
    text: str
    tree: ast.Module
    bound: set[str] = field(default_factory=set)
    imports: list[Import] = field(default_factory=list)
    attributes: list[Use[ast.Attribute]] = field(default_factory=list)
    stores: list[Use[ast.Attribute]] = field(default_factory=list)
    calls: list[Use[ast.Call]] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    assigned: list[tuple[str, ast.expr, Scope]] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)

    @cached_property
    def scope(self) -> Scope:
        """Its outermost scope."""
        return Scope(self, self.tree, None)

    @cached_property
    def dynamic(self) -> bool:
        """Whether the module may define names that nobody can read in it."""
        return any(word in self.text for word in HINTS) and DYNAMIC.search(self.text) is not None

    @cached_property
    def star(self) -> bool:
        """Whether it imports all names of another module."""
        return any(isinstance(each.node, ast.ImportFrom) and each.node.names[0].name == "*" for each in self.imports)

    @cached_property
    def names(self) -> frozenset[str] | None:
        """The names that it defines; None when that cannot be known by reading it."""
        if self.dynamic or self.star or "__getattr__" in self.bound:
            return None
        return SPECIAL.union(self.bound)

    @cached_property
    def lines(self) -> list[str]:
        """The text line by line, as the syntax tree counts them."""
        return self.text.split("\n")

    def problem(self, node: "ast.AST | messages.Message", rule: str, message: str) -> Problem:
        """Return the problem where a node begins; columns of the syntax tree count bytes."""
        line = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", getattr(node, "col", 0))
        before = self.lines[min(line, len(self.lines)) - 1].encode(errors="replace")[:column]
        return Problem(self.path, line, len(before.decode(errors="replace")) + 1, rule, message)

    @cached_property
    def loose(self) -> bool:
        """Whether it changes where modules are looked for."""
        return "sys.path" in self.text

    @cached_property
    def aside(self) -> bool:
        """Whether it is run with more installed than the project itself needs."""
        return is_aside(self.path)


@dataclass
class Reader:
    """One walk through a syntax tree; each waiting node comes with its scope and the guards around it."""

    module: Module
    waiting: list[tuple[ast.AST, Scope, bool, bool]] = field(default_factory=list)

    def read(self) -> Module:
        """Read the whole tree."""
        module = self.module
        margin = frozenset(module.tree.body)
        self._enter(module.scope, module.tree.body)
        while self.waiting:
            node, scope, unsure, expected = self.waiting.pop()
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Store):
                    scope.bind(node.id)
            elif isinstance(node, ast.Attribute):
                stored = not isinstance(node.ctx, ast.Load)
                (module.stores if stored else module.attributes).append(Use(node, scope, expected))
                self.waiting.append((node.value, scope, unsure, expected))
            elif isinstance(node, ast.Import | ast.ImportFrom):
                module.imports.append(Import(node, unsure, node in margin))
                for alias in node.names:
                    scope.bind(alias.asname or alias.name.partition(".")[0], Alias(node, alias))
            elif isinstance(node, Function | ast.ClassDef):
                self._define(node, scope, unsure, expected)
            elif not isinstance(node, ast.Constant):
                self._other(node, scope, unsure, expected)
        return module

    def _enter(self, scope: Scope, body: list[ast.stmt], *guards: bool) -> None:
        self.module.scopes.append(scope)
        unsure, expected = guards or (False, False)
        self.waiting += [(each, scope, unsure, expected) for each in reversed(body)]

    def _define(self, node: Function | ast.ClassDef, scope: Scope, unsure: bool, expected: bool) -> None:  # noqa: FBT001 - as they wait
        scope.bind(node.name, node)
        inner = Scope(self.module, node, scope)
        self._enter(inner, node.body, unsure, expected)
        around: list[ast.AST | None] = list(node.decorator_list)
        if isinstance(node, ast.ClassDef):
            around += [*node.bases, *node.keywords]
        else:
            taken = node.args
            for each in parameters(node):
                inner.bind(each.arg, each)
                around.append(each.annotation)
            around += [*taken.defaults, *taken.kw_defaults, node.returns]
            self.module.functions.append(node)
            self._note_quoted([*(each.annotation for each in parameters(node)), node.returns])
        self.waiting += [(each, scope, unsure, expected) for each in around if each is not None]

    def _note_quoted(self, annotations: Iterable[ast.AST | None]) -> None:
        parts = (part for each in annotations if each is not None for part in ast.walk(each))
        self.module.quoted += [
            each.value for each in parts if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]

    def _other(self, node: ast.AST, scope: Scope, unsure: bool, expected: bool) -> None:  # noqa: FBT001 - as they wait
        skipped: ast.AST | None = None
        if isinstance(node, ast.Call):
            self.module.calls.append(Use(node, scope, expected))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            skipped = self._assign(node, scope)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            for name in node.names:
                owner = self.module.scope if isinstance(node, ast.Global) else scope.outer
                if owner is not None and owner is not scope:
                    scope.elsewhere[name] = owner
        elif isinstance(node, ast.arg):
            scope.bind(node.arg)
        else:
            named = getattr(node, "rest", None) or getattr(node, "name", None)
            if isinstance(named, str):
                scope.bind(named)
        unsafe, hopeful = _guards(node)
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                if value is not skipped:
                    self.waiting.append((value, scope, unsure, expected))
            elif isinstance(value, list):
                guards = (unsure or name in unsafe, expected or (hopeful and name == "body"))
                nodes = (each for each in reversed(value) if isinstance(each, ast.AST) and each is not skipped)
                self.waiting += [(each, scope, *guards) for each in nodes]

    def _assign(self, node: ast.Assign | ast.AnnAssign, scope: Scope) -> ast.AST | None:
        """Note an assignment to a single name or attribute; return the target, as it needs no further walk."""
        if isinstance(node, ast.AnnAssign):
            self._note_quoted([node.annotation])
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if isinstance(node, ast.Assign) and len(node.targets) > 1:
            return None
        if isinstance(target, ast.Name):
            scope.bind(target.id, node.value if isinstance(node, ast.Assign) else node)
            if node.value is not None:
                self.module.assigned.append((target.id, node.value, scope))
            return target
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            self.module.stores.append(Use(target, scope, value=node.value))
            return target
        return None


def is_aside(path: str) -> bool:
    """Return whether a file belongs to the tests, examples or tools rather than to the program."""
    *folders, name = path.lower().split("/")
    tests = name.startswith("test_") or name.endswith("_test.py")
    return tests or bool(ASIDE.intersection(folders)) or name in {"conftest.py", "setup.py", "noxfile.py", "tasks.py"}


def parameters(node: Function) -> list[ast.arg]:
    """Return all parameters of a function."""
    taken = node.args
    return [each for each in (*taken.posonlyargs, *taken.args, taken.vararg, *taken.kwonlyargs, taken.kwarg) if each]


def _guards(node: ast.AST) -> tuple[tuple[str, ...], bool]:
    """Return the parts of a statement in which an import may fail, and whether its body may as well.

    Imports below an `if` are for a version, or for type checkers.
    """
    if isinstance(node, ast.Try):
        caught = [ast.unparse(each.type) if each.type is not None else "" for each in node.handlers]
        return ("body", "handlers"), any(AVOIDED.search(each) for each in caught)
    if isinstance(node, ast.With | ast.AsyncWith):
        said = ast.unparse(node.items[0].context_expr)
        opened = EXPECTED.search(said)
        return ("body",) if "suppress" in said else (), bool(opened and FAULT.search(said, opened.end()))
    if isinstance(node, ast.If):
        test = node.test
        main = isinstance(test, ast.Compare) and getattr(test.left, "id", "") == "__name__"
        return () if main else ("body", "orelse"), False
    return (), False


class Python:
    """The Python files of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.modules: dict[str, Module] = {}
        for path, text in project.files.items():
            if language_of(path) == "python" and (tree := python_tree(text)) is not None:
                self.modules[path] = Reader(Module(path, text, tree)).read()

    @cached_property
    def dependencies(self) -> Dependencies | None:
        """What the manifests name."""
        return python_dependencies(self.project)

    @cached_property
    def extends_path(self) -> bool:
        """Whether something changes where modules are looked for."""
        return any(
            "PYTHONPATH" in text or "pythonpath" in text or "sys.path" in text for text in self.project.files.values()
        )

    def find(self, name: str, path: str) -> str | None:
        """Return the file or folder that an absolute module name means in the file `path`; None for none of ours.

        The inside of a package is no place to import from, unless its files are run one by one.
        """
        parts = name.split(".")
        roots = [root for root in (*above(path), "src", "lib") if not self.is_package(root)]
        found = (self.inside(root, parts) for root in roots)
        return next((file for file in found if file is not None), None)

    def is_package(self, folder: str) -> bool:
        """Return whether the folder is itself imported."""
        return posixpath.join(folder, "__init__.py") in self.project.paths

    def owns(self, name: str, path: str) -> bool:
        """Return whether the first part of a module's name belongs to the project, and to nothing else.

        A folder with the name of a package that its own files import is no module, unless something in it is imported.
        """
        top, file = name.partition(".")[0], self.find(name.partition(".")[0], path)
        inner = (self.inside(root, name.split(".")) for root in above(path) if self.is_package(root))
        if file is None or top in sys.stdlib_module_names or any(inner):
            return False
        folder = posixpath.dirname(file) if file.endswith("/__init__.py") else file
        within, apart = path.startswith(f"{folder}/"), is_aside(path) and "test" not in path
        doubtful = top not in ASIDE and ((folder == file and (within or apart)) or (within and apart))
        return not doubtful or top in self.used

    @cached_property
    def used(self) -> frozenset[str]:
        """The first parts of the names of modules that are imported, and found in the project."""
        wanted = (
            (name, module.path)
            for module in self.modules.values()
            if not module.aside or "test" in module.path
            for each in module.imports
            for name in imported(each.node)
        )
        return frozenset(
            name.partition(".")[0]
            for name, path in set(wanted)
            if self.find(name, path) is not None and ("." in name or self._is_file(name, path))
        )

    def _is_file(self, name: str, path: str) -> bool:
        found = self.find(name, path) or ""
        return found in self.modules

    def inside(self, root: str, parts: list[str]) -> str | None:
        """Return the module of these parts in a folder: a file, a package's `__init__.py`, or a bare folder."""
        base = posixpath.join(root, *parts)
        for file in (f"{base}.py", f"{base}/__init__.py", f"{base}.pyi", f"{base}.pyx"):
            if file in self.project.paths:
                return file
        if base in self.project.compiled:
            return self.project.compiled[base]
        return base if base in self.project.folders or f"{base}/" in self.project.others else None

    def names_in(self, file: str) -> frozenset[str] | None:
        """Return the names that can be imported from a file or folder of ours; None when that is not known."""
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
        """Return the modules and folders right below a folder."""
        return self.project.children.get(folder, frozenset())

    def may_be_made(self, base: str, parts: list[str]) -> bool:
        """Return whether a package above a module may create the module when it is imported."""
        ways = [posixpath.join(base, *parts[:length]) for length in range(len(parts))]
        files = (self.modules.get(file) for way in ways for file in (f"{way}.py", posixpath.join(way, "__init__.py")))
        return self.project.may_hold(posixpath.join(base, *parts)) or any(
            MADE.search(file.text) for file in files if file is not None
        )

    def imported_from(self, module: Module, node: ast.ImportFrom) -> str | None:
        """Return the file or folder of ours that a `from` statement means; None for none."""
        if not node.level:
            name = node.module or ""
            file = self.find(name, module.path) if self.owns(name, module.path) else None
            alone = file is None or not module.loose or len(self.project.ending("/".join(file.split("/")[-2:]))) == 1
            return file if alone else None
        base = above_by(module.path, node.level)
        if base is None:
            return None
        if node.module:
            return self.inside(base, node.module.split("."))
        initial = posixpath.join(base, "__init__.py")
        return initial if initial in self.project.paths else base

    def submodule(self, file: str, name: str) -> str | None:
        """Return the module of this name in a package, given by its folder or its `__init__.py`."""
        if file.endswith(".py") and posixpath.basename(file) != "__init__.py":
            return None
        return self.inside(posixpath.dirname(file) if file.endswith(".py") else file, [name])


def above_by(path: str, level: int) -> str | None:
    """Return the folder that so many dots mean in a file; None above the root."""
    for _ in range(level):
        if not path:
            return None
        path = posixpath.dirname(path)
    return path


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the names of the modules that a statement imports from outside its package."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [] if node.level else [node.module or ""]


def imported_tops(modules: Iterable[Module]) -> frozenset[str]:
    """The first parts of the names of all modules that are imported."""
    names = (name for module in modules for each in module.imports for name in imported(each.node))
    return frozenset(name.partition(".")[0] for name in names)


def public(names: Iterable[str]) -> Iterator[str]:
    """Yield the names that a module means for others."""
    return (name for name in names if name[:1] not in {"", "_"} and name not in SPECIAL)

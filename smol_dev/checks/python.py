"""Python: names, imports between the project's files, third-party packages, templates."""

import ast
import builtins
import posixpath
import re
import symtable
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Final

from pyflakes import checker, messages

from smol_dev.checks.manifests import Dependencies, python_dependencies
from smol_dev.checks.project import Problem, Project, above, instead
from smol_dev.languages import language_of
from smol_dev.languages.standard import python_tree

ASIDE: Final = frozenset("test tests testing docs doc examples example samples benchmarks scripts tools".split())
"""Folders whose files are run with more installed than the project itself needs."""

DYNAMIC: Final = re.compile(
    r"\b(?:globals|locals|vars)\(\)\s*(?:\[|\.update)|(?<![\w.])exec\(|__builtins__|\bsys\.modules\["
    r"|\bsetattr\((?:sys\b|builtins|\w*mod)|\bbuiltins\.\w+ = "
    r"|\bglobal_enum|\b_convert_\(|\bgettext\.install\(|\btranslation\([^()\n]*\)\.install\("
)
"""What a module says that may define names no reader sees."""

MADE: Final = re.compile(r"sys\.modules|meta_path|__path__|importlib")
"""What a module says that may make other modules at run time."""

SPECIAL: Final = frozenset(
    "_ __file__ __name__ __doc__ __path__ __package__ __spec__ __loader__ __dict__ __annotations__ __all__"
    " __builtins__ __debug__ __module__ __qualname__ WindowsError reveal_type get_ipython".split()
)
BUILTINS: Final = frozenset(dir(builtins)) | SPECIAL

OLDER: Final = frozenset(
    "basestring unicode raw_input long unichr xrange reduce file execfile cmp reload get_ident apply buffer intern coerce".split()
)
"""Names of Python 2, which a file for both may use."""

FOR_BOTH: Final = re.compile(r"version_info|PY2|PY3|\bsix\b|unicode_literals|print_function")
"""What a file says that runs under Python 2 as well."""

RENDERERS: Final = frozenset("render_template render TemplateResponse render_to_string".split())
"""The functions that fill in a template."""

FINDERS: Final = frozenset(
    "url_for add_url_rule reverse reverse_lazy redirect include path re_path url setdefault".split()
)
"""The functions of frameworks that find or give a name in a string."""

OURS: Final = frozenset(
    "utils util helpers helper models model handlers handler config settings constants database db routes views forms"
    " schemas services controllers exceptions middleware storage store game player board logic commands tasks".split()
)
"""Names that everybody gives to modules of their own, and nobody to a distribution."""


MOST_COMPARED: Final = 200
"""Imports of a file that are compared with the modules beside it."""


@dataclass(frozen=True)
class Import:
    """An import statement; `guarded` where it may fail or is for type checkers, `top` at the module's margin."""

    node: ast.Import | ast.ImportFrom
    guarded: bool
    top: bool


@dataclass
class Module:
    """A Python file: what its syntax tree says, read once."""

    path: str
    text: str
    bound: "Counter[str]" = field(default_factory=Counter)
    imports: list[Import] = field(default_factory=list)
    attributes: list[ast.Attribute] = field(default_factory=list)
    renders: list[tuple[str, list[ast.expr]]] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    calls: list[ast.Call] = field(default_factory=list)
    made: list[tuple[str, ast.Call]] = field(default_factory=list)
    decorated: list[ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=list)
    apps: list[tuple[str, ast.expr]] = field(default_factory=list)
    strings: list[tuple[str, ast.expr]] = field(default_factory=list)

    @cached_property
    def dynamic(self) -> bool:
        """Whether the module may define names that nobody can read in it."""
        return DYNAMIC.search(self.text) is not None

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

    def problem(self, node: ast.AST | messages.Message, rule: str, message: str) -> Problem:
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
        *folders, name = self.path.lower().split("/")
        return (
            bool(ASIDE.intersection(folders))
            or name in {"conftest.py", "setup.py", "noxfile.py", "tasks.py"}
            or name.startswith("test_")
            or name.endswith("_test.py")
        )


def read_module(path: str, text: str, tree: ast.Module) -> Module:
    """Return what a syntax tree says, in one walk."""
    module = Module(path, text)
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in reversed(tree.body)]
    margin = frozenset(tree.body)
    is_settings = "INSTALLED_APPS" in text
    while waiting:
        node, guarded = waiting.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                module.bound[node.id] += 1
            continue
        if isinstance(node, ast.Constant):
            if is_settings and isinstance(node.value, str):
                module.strings.append((node.value, node))
            continue
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
                module.attributes.append(node)
            waiting.append((node.value, guarded))
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            module.imports.append(Import(node, guarded, node in margin))
        module.bound.update(_bound(node))
        _note(module, node)
        inner = _guarded(node)
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                waiting.append((value, guarded))
            elif isinstance(value, list):
                deeper = guarded or name in inner
                waiting += [(each, deeper) for each in value if isinstance(each, ast.AST)]
    return module


def _guarded(node: ast.AST) -> tuple[str, ...]:
    """Return the parts of a statement in which an import may fail, or is for type checkers only."""
    if isinstance(node, ast.Try):
        return ("body", "handlers")
    if isinstance(node, ast.With):
        return ("body",) if "suppress" in ast.unparse(node.items[0].context_expr) else ()
    if isinstance(node, ast.If):
        test = node.test
        main = isinstance(test, ast.Compare) and getattr(test.left, "id", "") == "__name__"
        return () if main else ("body", "orelse")
    return ()


def _bound(node: ast.AST) -> list[str]:
    """Return the names that a node binds, in whatever scope: more than the module's own, never fewer."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [each.asname or each.name.partition(".")[0] for each in node.names]
    if isinstance(node, ast.arg):
        return [node.arg]
    name = getattr(node, "rest", None) or getattr(node, "name", None)
    if isinstance(name, ast.Name):
        name = name.id
    return [name] if isinstance(name, str) and not isinstance(node, ast.alias) else []


def _note(module: Module, node: ast.AST) -> None:
    """Note what templates a node names, and the annotations that are written as strings."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
        if name in RENDERERS:
            keywords = [k.value for k in node.keywords if k.arg in {"name", "template_name"}]
            module.renders.append((name, [*node.args[:2], *keywords]))
        if name in FINDERS:
            module.calls.append(node)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
        module.decorated.append(node)
    elif isinstance(node, ast.Assign):
        target = getattr(node.targets[0], "id", "")
        if target == "template_name":
            module.renders.append(("render", [node.value]))
        elif target == "INSTALLED_APPS" and isinstance(node.value, ast.List | ast.Tuple):
            each_app = (each for each in node.value.elts if isinstance(each, ast.Constant))
            module.apps += [(each.value, each) for each in each_app if isinstance(each.value, str)]
        elif target and isinstance(node.value, ast.Call):
            module.made.append((target, node.value))
    for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
        if part is not None:
            module.quoted += [
                each.value for each in ast.walk(part) if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]


class Python:
    """The Python files of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.modules: dict[str, Module] = {}
        for path, text in project.files.items():
            if language_of(path) == "python" and (tree := python_tree(text)) is not None:
                self.modules[path] = read_module(path, text, tree)

    @cached_property
    def dependencies(self) -> Dependencies | None:
        """What the manifests name."""
        return python_dependencies(self.project)

    @cached_property
    def assigned(self) -> frozenset[str]:
        """What is assigned to an attribute of a name somewhere: `module.name`."""
        return frozenset(
            found for module in self.modules.values() for found in re.findall(r"\b(\w+\.\w+) = ", module.text)
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
        """Return whether the first part of a module's name is ours, and of nobody else."""
        top = name.partition(".")[0]
        inner = (self.inside(root, [top]) for root in above(path) if self.is_package(root))
        return top not in sys.stdlib_module_names and self.find(top, path) is not None and not any(inner)

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
        """Return whether a package on the way to a module may make it when it is imported."""
        ways = [posixpath.join(base, *parts[:length]) for length in range(len(parts))]
        files = (self.modules.get(file) for way in ways for file in (f"{way}.py", posixpath.join(way, "__init__.py")))
        return self.project.may_hold(posixpath.join(base, *parts)) or any(
            MADE.search(file.text) for file in files if file is not None
        )


def undefined_names(_: Python, module: Module) -> Iterator[Problem]:
    """A name is used that nothing defines."""
    provoked = module.dynamic or "NameError" in module.text
    if provoked or module.star or module.path.endswith(".pyi") or not _suspects(module):
        return
    tree = python_tree(module.text)
    try:
        found = checker.Checker(tree, filename=module.path).messages if tree else []
    except RecursionError:
        return
    lines = module.lines
    for each in found:
        if not isinstance(each, messages.UndefinedName):
            continue
        name = each.message_args[0]
        if name in SPECIAL or (name in OLDER and FOR_BOTH.search(module.text)):
            continue
        if "noqa" not in lines[min(each.lineno, len(lines)) - 1]:
            near = (other for other in module.bound if other[:2] == name[:2])
            message = f"`{name}` is not defined" + instead(name, near, "defined here")
            yield module.problem(each, "undefined-name", message)


def _suspects(module: Module) -> bool:
    """Return whether some name may not be defined: the compiler's own tables say so much faster than a walk."""
    words = (word for text in module.quoted for word in re.findall(r"[^\W\d]\w*", text))
    if any(word not in module.bound and word not in BUILTINS for word in words):
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = symtable.symtable(module.text, module.path, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    known = BUILTINS.union(name for name in table.get_identifiers() if _is_bound(table, name))
    waiting = [table]
    while waiting:
        table = waiting.pop()
        names = (name for name in table.get_identifiers() if name not in known)
        if any(table.lookup(name).is_global() for name in names):
            return True
        waiting += table.get_children()
    return False


def _is_bound(table: symtable.SymbolTable, name: str) -> bool:
    symbol = table.lookup(name)
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


def project_imports(python: Python, module: Module) -> Iterator[Problem]:
    """A module of the project, or a name in it, is imported that is not there."""
    for each in module.imports:
        if each.guarded:
            continue
        if isinstance(each.node, ast.ImportFrom):
            yield from _import_from(python, module, each.node)
        elif not module.loose:
            for alias in each.node.names:
                if _is_missing(python, alias.name, module.path):
                    yield _missing(python, module, each.node, alias.name)


def _is_missing(python: Python, name: str, path: str) -> bool:
    """Return whether a module is ours by the first part of its name, and is not there."""
    if not python.owns(name, path) or python.find(name, path) is not None:
        return False
    owner = python.find(name.partition(".")[0], path) or ""
    base = posixpath.dirname(owner.removesuffix("/__init__.py"))
    return not python.may_be_made(base, name.split("."))


def _missing(python: Python, module: Module, node: ast.stmt, name: str) -> Problem:
    owner = name
    while "." in owner and python.find(owner, module.path) is None:
        owner = owner.rpartition(".")[0]
    found = python.find(owner, module.path) or ""
    folder = posixpath.dirname(found) if found.endswith("__init__.py") else found
    message = f"there is no module `{name}`"
    there = _modules(python, folder)
    message += instead(name.rpartition(".")[2], there, f"`{owner}` holds")
    return module.problem(node, "python-import", message)


def _modules(python: Python, folder: str) -> Iterator[str]:
    """Return the modules in a folder that somebody may have meant."""
    names = python.submodules(folder)
    return (name for name in names if name.isidentifier() and name[:2] != "__")


def _import_from(python: Python, module: Module, node: ast.ImportFrom) -> Iterator[Problem]:
    if not node.level and (module.loose or not python.owns(node.module or "", module.path)):
        return
    file, missing = (_relative if node.level else _absolute)(python, module, node)
    if missing is not None:
        yield missing
    names = python.names_in(file) if file is not None else None
    if names is None or file in python.project.folders:
        return
    shown = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name != "*" and alias.name not in names:
            message = f"`{shown}` ({file}) does not define `{alias.name}`"
            message += instead(alias.name, public(names), "it defines")
            yield module.problem(alias, "python-import", message)


def public(names: frozenset[str]) -> Iterator[str]:
    """The names that a module means for others."""
    return (name for name in names if name[0] != "_" and name not in SPECIAL)


_Found = tuple[str | None, Problem | None]
"""The file that an import means, or the problem that there is none."""


def _absolute(python: Python, module: Module, node: ast.ImportFrom) -> _Found:
    name = node.module or ""
    if _is_missing(python, name, module.path):
        return None, _missing(python, module, node, name)
    return python.find(name, module.path), None


def _relative(python: Python, module: Module, node: ast.ImportFrom) -> _Found:
    base = module.path
    for _ in range(node.level):
        if not base:
            return None, None
        base = posixpath.dirname(base)
    if not node.module:
        initial = posixpath.join(base, "__init__.py")
        return initial if initial in python.project.paths else base, None
    parts = node.module.split(".")
    file = python.inside(base, parts)
    if file is not None or python.may_be_made(base, parts):
        return file, None
    there = _modules(python, posixpath.join(base, *parts[:-1]))
    message = f"there is no module `{'.' * node.level}{node.module}`"
    message += instead(parts[-1], there, "there is")
    return None, module.problem(node, "python-import", message)


def own_modules(python: Python, module: Module) -> Iterator[Problem]:
    """A module is imported that can only be the project's own, and is not there."""
    if module.loose or module.aside or python.is_package(posixpath.dirname(module.path)):
        return
    folder = posixpath.dirname(module.path)
    beside = {name for name in _modules(python, folder) if f"{name}.py" in python.project.names}
    beside.discard(posixpath.basename(module.path).removesuffix(".py"))
    for each in module.imports[:MOST_COMPARED]:
        for name in () if each.guarded else _imported(each.node):
            top = name.partition(".")[0]
            if (
                (top in OURS or _is_misspelt(python, module, each.node, top))
                and beside
                and not _is_around(python, top)
                and not (python.dependencies and python.dependencies.provide(top))
            ):
                message = f"there is no module `{name}`" + instead(top, beside, "there is")
                yield module.problem(each.node, "python-import", message)


def _is_misspelt(python: Python, module: Module, node: ast.Import | ast.ImportFrom, top: str) -> bool:
    """Return whether names are imported of a module that a file beside it defines, whose name is much like it."""
    if not isinstance(node, ast.ImportFrom) or top in sys.stdlib_module_names:
        return False
    folder = posixpath.dirname(module.path)
    near = get_close_matches(top, _modules(python, folder), n=1, cutoff=0.7)
    owner = python.modules.get(posixpath.join(folder, f"{near[0]}.py")) if near else None
    if owner is None or owner is module:
        return False
    others = {name.partition(".")[0] for each in owner.imports for name in _imported(each.node)}
    return top not in others and all(alias.name in owner.bound for alias in node.names)


def _is_around(python: Python, top: str) -> bool:
    """Return whether a module or a folder of this name is anywhere in the project."""
    project = python.project
    unread = (posixpath.basename(each[:-1]) for each in project.others if each.endswith("/"))
    return top in project.stems or any(name[0] not in "._" for name in unread)


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [] if node.level else [node.module or ""]


def imported_tops(modules: Iterable[Module]) -> frozenset[str]:
    """The first parts of the names of all modules that are imported."""
    names = (name for module in modules for each in module.imports for name in _imported(each.node))
    return frozenset(name.partition(".")[0] for name in names)


def module_attributes(python: Python, module: Module) -> Iterator[Problem]:
    """An attribute of one of the project's modules is used that it does not define."""
    if module.loose:
        return
    imported: dict[str, str] = {}
    for each in module.imports:
        if each.top and isinstance(each.node, ast.ImportFrom):
            imported.update(_modules_from(python, module, each.node))
        elif each.top:
            for alias in each.node.names:
                if ("." not in alias.name or alias.asname) and python.owns(alias.name, module.path):
                    file = python.find(alias.name, module.path)
                    imported.update({alias.asname or alias.name: file} if file else {})
    for node in module.attributes if imported else ():
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        if name in imported and module.bound[name] == 1:
            yield from _attribute(python, module, node, imported[name])


def _modules_from(python: Python, module: Module, node: ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield the modules of ours that a `from` imports, by the name that they get."""
    if not node.level and not python.owns(node.module or "", module.path):
        return
    folder, _ = (_relative if node.level else _absolute)(python, module, node)
    folder = (folder or "").removesuffix("__init__.py").rstrip("/")
    initial = python.modules.get(posixpath.join(folder, "__init__.py"))
    for alias in node.names:
        file = python.inside(folder, [alias.name])
        hidden = initial is not None and (initial.names is None or alias.name in initial.names)
        if file in python.modules and not hidden:
            yield alias.asname or alias.name, file


def _attribute(python: Python, module: Module, node: ast.Attribute, file: str) -> Iterator[Problem]:
    names, name = python.names_in(file), node.attr
    if names is None or name in names or file in python.project.folders or name.startswith("__"):
        return
    owner = posixpath.basename(file.removesuffix("/__init__.py").removesuffix(".py"))
    if f"{owner}.{name}" not in python.assigned:
        message = f"`{owner}` ({file}) does not define `{name}`"
        message += instead(name, public(names), "it defines")
        yield module.problem(node, "python-import", message)


def third_party(python: Python, module: Module) -> Iterator[Problem]:
    """A third-party package is imported that no manifest names."""
    needs = python.dependencies
    if needs is None or module.aside:
        return
    for each in module.imports:
        for name in _imported(each.node) if each.top else ():
            top = name.partition(".")[0]
            known = top in sys.stdlib_module_names or top.startswith("_") or needs.provide(top)
            if not known and top not in python.project.stems:
                where = f"({', '.join(needs.files)}: add `{needs.usual(top)}`)"
                message = f"`{top}` is imported, and no manifest names it {where}"
                yield module.problem(each.node, "python-dependency", message)


RULES: Final = {
    "undefined-name": (undefined_names,),
    "python-import": (project_imports, own_modules, module_attributes),
    "python-dependency": (third_party,),
}

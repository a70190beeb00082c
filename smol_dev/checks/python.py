"""Python: names, imports between the project's files, third-party packages."""

import ast
import posixpath
import re
import symtable
import sys
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from pyflakes import checker, messages

from smol_dev.checks.modules import BUILTINS, SPECIAL, Alias, Module, Python, above_by, imported, public
from smol_dev.checks.project import Problem, above, instead

OLDER: Final = frozenset(
    "basestring unicode raw_input long unichr xrange reduce file execfile cmp reload get_ident apply buffer intern coerce".split()
)
"""Names of Python 2, which a file for both may use."""

FOR_BOTH: Final = re.compile(r"version_info|PY2|PY3|\bsix\b|unicode_literals|print_function")
"""Signs that a file runs under Python 2 as well."""

OURS: Final = frozenset(
    "utils util helpers helper models model handlers handler config settings constants database db routes views forms"
    " schemas services controllers exceptions middleware storage store game player board logic commands tasks".split()
)
"""Names that everybody gives to modules of their own, and nobody to a distribution."""


MOST_COMPARED: Final = 200
"""The most imports of a file that are compared with the modules beside it."""


def undefined_names(_: Python, module: Module) -> Iterator[Problem]:
    """A name is used that nothing defines."""
    provoked = module.dynamic or "NameError" in module.text
    if provoked or module.star or module.path.endswith(".pyi") or not _suspects(module):
        return
    try:
        found = checker.Checker(module.tree, filename=module.path).messages
    except RecursionError:
        return
    lines = module.lines
    for each in found:
        if not isinstance(each, messages.UndefinedName):
            continue
        name = each.message_args[0]
        if name in SPECIAL or _is_given(module, name) or (name in OLDER and FOR_BOTH.search(module.text)):
            continue
        if "noqa" not in lines[min(each.lineno, len(lines)) - 1]:
            near = (other for other in module.bound if other[:2] == name[:2])
            message = f"`{name}` is not defined" + instead(name, near, "defined here")
            yield module.problem(each, "undefined-name", message)


def _is_given(module: Module, name: str) -> bool:
    """Return whether a function assigns the name as a global, or the program that reads a settings file provides it."""
    given = any(not isinstance(each, ast.AnnAssign) or each.value for each in module.scope.bound.get(name, ()))
    return given or (name in {"c", "tags"} and module.path.endswith(("conf.py", "_config.py")))


def _suspects(module: Module) -> bool:
    """Return whether some name may be undefined; the compiler's own tables tell much faster than a walk."""
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
    """Return whether the first part of a module's name is the project's, and the module does not exist."""
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
    """Return the modules in a folder that the import may have meant."""
    names = python.submodules(folder)
    return (name for name in names if name.isidentifier() and name[:2] != "__")


def _import_from(python: Python, module: Module, node: ast.ImportFrom) -> Iterator[Problem]:
    if not node.level and not python.owns(node.module or "", module.path):
        return
    if not module.loose and (missing := _not_there(python, module, node)) is not None:
        yield missing
    file = python.imported_from(module, node)
    names = python.names_in(file) if file is not None else None
    if names is None or file is None or file in python.project.folders:
        return
    if file == module.path:
        names = python.submodules(posixpath.dirname(file)) | _bound_otherwise(module, node) | SPECIAL
    shown = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name != "*" and alias.name not in names:
            message = f"`{shown}` ({file}) does not define `{alias.name}`"
            message += instead(alias.name, public(names), "it defines")
            yield module.problem(alias, "python-import", message)


def _bound_otherwise(module: Module, node: ast.ImportFrom) -> set[str]:
    """Return the names that a module defines without a statement that imports from itself."""
    bound = module.scope.bound.items()
    return {name for name, values in bound if any(not isinstance(v, Alias) or v.statement is not node for v in values)}


def exported_names(python: Python, module: Module) -> Iterator[Problem]:
    """`__all__` names what the module does not define."""
    names = None if module.path.endswith(".pyi") else python.names_in(module.path)
    for target, value, _ in module.assigned if names is not None else ():
        listed = value.elts if target == "__all__" and isinstance(value, ast.List | ast.Tuple) else ()
        for each in listed:
            name = each.value if isinstance(each, ast.Constant) else None
            if isinstance(name, str) and names is not None and name not in names:
                message = f"`__all__` names `{name}`, which is not defined" + instead(name, public(names), "there is")
                yield module.problem(each, "undefined-name", message)


def _not_there(python: Python, module: Module, node: ast.ImportFrom) -> Problem | None:
    """Return the problem that there is no such module."""
    name = node.module or ""
    if not node.level:
        return _missing(python, module, node, name) if _is_missing(python, name, module.path) else None
    base, parts = above_by(module.path, node.level), name.split(".")
    if base is None or not name or python.inside(base, parts) or python.may_be_made(base, parts):
        return None
    there = _modules(python, posixpath.join(base, *parts[:-1]))
    message = f"there is no module `{'.' * node.level}{name}`"
    message += instead(parts[-1], there, "there is")
    return module.problem(node, "python-import", message)


def own_modules(python: Python, module: Module) -> Iterator[Problem]:
    """A module is imported that can only be the project's own, and is not there."""
    if module.loose or module.aside or python.is_package(posixpath.dirname(module.path)):
        return
    folder = posixpath.dirname(module.path)
    beside = {name for name in _modules(python, folder) if f"{name}.py" in python.project.names}
    beside.discard(posixpath.basename(module.path).removesuffix(".py"))
    for each in module.imports[:MOST_COMPARED]:
        for name in () if each.guarded else imported(each.node):
            top = name.partition(".")[0]
            if (
                (top in OURS or _is_misspelt(python, module, each.node, name))
                and beside
                and not _is_around(python, top)
                and not (python.dependencies and python.dependencies.provide(top))
            ):
                message = f"there is no module `{name}`" + instead(top, beside, "there is")
                yield module.problem(each.node, "python-import", message)


def bare_imports(python: Python, module: Module) -> Iterator[Problem]:
    """A module of a package is imported as if it stood alone."""
    packages = [folder for folder in above(module.path) if python.is_package(folder)]
    if not packages or module.aside or "__main__" in module.text or python.extends_path:
        return
    own = [(each, found) for each in module.imports for found in _bare(python, module, each.node, packages)]
    others = (
        [one for path, one in python.modules.items() if path.startswith(f"{packages[-1]}/") and one is not module]
        if own
        else []
    )
    relative = any(isinstance(each.node, ast.ImportFrom) and each.node.level for one in others for each in one.imports)
    if not relative or any(_bare(python, one, each.node, packages) for one in others for each in one.imports):
        return
    for each, (name, file) in own:
        if not each.guarded:
            message = f"there is no module `{name}` outside of the package; `{file}` is in it"
            yield module.problem(each.node, "python-import", message)


def _bare(
    python: Python, module: Module, node: ast.Import | ast.ImportFrom, packages: list[str]
) -> list[tuple[str, str]]:
    """Return the modules that a statement imports by a name which is valid only inside their package."""
    found = []
    for name in imported(node):
        top = name.partition(".")[0]
        known = top in sys.stdlib_module_names or python.find(top, module.path) is not None
        files = (python.inside(folder, [top]) for folder in packages) if not known else ()
        file = next((each for each in files if each in python.modules), None)
        if file not in {None, module.path} and not (python.dependencies and python.dependencies.provide(top)):
            found.append((name, file or ""))
    return found


def _is_misspelt(python: Python, module: Module, node: ast.Import | ast.ImportFrom, name: str) -> bool:
    """Return whether the names used of a module are defined in a project file with a similar name."""
    top, _, rest = name.partition(".")
    if top in sys.stdlib_module_names:
        return False
    if isinstance(node, ast.ImportFrom):
        wanted = {alias.name for alias in node.names}
    else:
        shown = {alias.asname or alias.name for alias in node.names if alias.name == name}
        wanted = {use.node.attr for use in module.attributes if getattr(use.node.value, "id", "") in shown}
    folder = posixpath.dirname(module.path)
    near = get_close_matches(top, _modules(python, folder), n=1, cutoff=0.7)
    file = python.inside(folder, [*near, *rest.split(".")] if rest else near)
    owner = python.modules.get(file or "") if near else None
    if owner is None or owner is module or not wanted:
        return False
    others = {each_name.partition(".")[0] for each in owner.imports for each_name in imported(each.node)}
    return top not in others and wanted <= owner.bound


def _is_around(python: Python, top: str) -> bool:
    """Return whether a module or a folder of this name is anywhere in the project."""
    project = python.project
    unread = (posixpath.basename(each[:-1]) for each in project.others if each.endswith("/"))
    return top in project.stems or any(name[0] not in "._" for name in unread)


def third_party(python: Python, module: Module) -> Iterator[Problem]:
    """A third-party package is imported that no manifest names."""
    needs = python.dependencies
    if needs is None or module.aside:
        return
    for each in module.imports:
        for name in imported(each.node) if each.top else ():
            top = name.partition(".")[0]
            known = top in sys.stdlib_module_names or top.startswith("_") or needs.provide(top)
            if not known and top not in python.project.stems:
                where = f"({', '.join(needs.files)}: add `{needs.usual(top)}`)"
                message = f"`{top}` is imported, and no manifest names it {where}"
                yield module.problem(each.node, "python-dependency", message)


RULES: Final = {
    "undefined-name": (undefined_names, exported_names),
    "python-import": (project_imports, own_modules, bare_imports),
    "python-dependency": (third_party,),
}

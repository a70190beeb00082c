"""Python objects whose class, module or function is certain: their members, and the arguments they take."""

import ast
import builtins
import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from smol_dev.checks.modules import Alias, Bound, Function, Module, Python, Scope, Use, public
from smol_dev.checks.project import Problem, instead

PLAIN_DECORATORS: Final = frozenset(
    "dataclass dataclasses.dataclass total_ordering functools.total_ordering final typing.final runtime_checkable unique"
    " enum.unique typing.runtime_checkable".split()
)
"""What may stand above a class without giving it names of its own."""

TRANSPARENT: Final = frozenset(
    "staticmethod classmethod abstractmethod abc.abstractmethod override typing.override typing.final final".split()
)
"""What may stand above a function without changing its arguments."""

LIBRARY: Final = frozenset(
    "abc argparse ast asyncio cmd collections collections.abc contextlib enum html.parser http.server json logging"
    " pathlib queue random socketserver string threading tkinter tkinter.ttk typing unittest".split()
)
"""The modules of the standard library that are imported to see what their classes have."""

MADE: Final = frozenset(
    "__getattr__ __getattribute__ __dict__ exec eval vars locals parse_args parse_known_args".split()
)
"""What a class uses that may have names which nobody can read in it."""

ASKING: Final = frozenset(
    "hasattr getattr setattr delattr attrgetter methodcaller object patch patch_object __setattr__ __getattribute__".split()
)
"""The functions that are given the names of attributes in strings."""

OF_CLASSES: Final = frozenset({*dir(type), "register"})
"""The names that every class has, and those of an abstract class of the library."""

TESTING: Final = frozenset("isinstance issubclass super cast type".split())
"""The functions that take classes and make no objects of them."""

UNBOUND: Final = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
"""The methods that take the class without being marked as class methods."""

FIRST: Final = frozenset({"self", "cls", "klass"})
DEEPEST: Final = 12
"""The most steps from one name to the next; after them, the meaning counts as unknown."""


@cache
def library_names(module: str, name: str) -> frozenset[str] | None:
    """Return the names that objects of a class of the standard library have; None where that is not known."""
    if module not in LIBRARY and module != "builtins":
        return None
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
    if name in {"Generic", "Protocol"} and module == "typing":
        return frozenset()
    if not isinstance(found, type) or issubclass(found, type):
        return None
    names = frozenset().union(*map(vars, found.__mro__), *(given_in(each.__module__) for each in found.__mro__))
    return names if "__getattr__" not in names else None


@cache
def given_in(module: str) -> frozenset[str]:
    """Return the names that the classes of a module use on `self` and `cls`."""
    source = getattr(sys.modules.get(module), "__file__", None) or ""
    if not source.endswith(".py"):
        return frozenset()
    return frozenset(re.findall(r"\b(?:self|cls)\.(\w+)", Path(source).read_text(encoding="utf-8", errors="replace")))


@dataclass(eq=False)
class Class:
    """A class of the project."""

    scope: Scope
    node: ast.ClassDef
    stored: dict[str, list[tuple[ast.expr | None, Scope]]] = field(default_factory=dict)
    below: "list[Class]" = field(default_factory=list)
    is_open: bool = False

    @property
    def module(self) -> Module:
        """The module that defines it."""
        return self.scope.module


@dataclass(frozen=True)
class Thing:
    """What an expression certainly is: a module by its file, a class, an object of one, a function.

    An object is `exact` where it is of the class itself, and not of one derived from it. A function is
    `bound` where its first parameter is given.
    """

    what: str | Class | ast.FunctionDef | ast.AsyncFunctionDef
    scope: Scope | None = None
    is_object: bool = False
    exact: bool = False
    bound: bool = False


class Objects:
    """What the names of a project's Python files stand for."""

    def __init__(self, python: Python) -> None:
        self.python = python
        self.classes: dict[ast.AST, Class] = {}
        self.foreign: set[str] = set()
        self.asked: set[str] = set()
        self.patched: set[str] = set()
        self.owned: dict[Module, list[tuple[Use[ast.Attribute], Thing]]] = {}
        self._lines: dict[Class, list[Class | frozenset[str]] | None] = {}
        self._names: dict[tuple[Class, bool], frozenset[str] | None] = {}
        self._known: dict[tuple[Scope, str], Thing | None] = {}
        for module in python.modules.values():
            self._note(module)
        self.derived: set[str] = set()
        for each in self.classes.values():
            for base, node in zip(self.bases(each), each.node.bases, strict=True):
                if isinstance(base, Class):
                    base.below.append(each)
                elif base is None:
                    self.derived.add(_last(node))  # by its name, perhaps one of ours

    def _note(self, module: Module) -> None:
        for scope in module.scopes:
            if isinstance(scope.node, ast.ClassDef):
                self.classes[scope.node] = Class(scope, scope.node)
        for use in module.stores:
            owner = self._owner(use.scope, use.node.value)
            if owner is None:
                self.foreign.add(use.node.attr)
            else:
                owner.stored.setdefault(use.node.attr, []).append((use.value, use.scope))
        for call in module.calls:
            name = getattr(call.node.func, "attr", None) or getattr(call.node.func, "id", "")
            if name in ASKING or name in MADE:
                self._note_asked(call, name)
        for used in module.attributes:
            if used.node.attr in MADE and (owner := self._around(used.scope)) is not None:
                owner.is_open = True

    def _note_asked(self, call: "Use[ast.Call]", name: str) -> None:
        """Note the attribute names that a call passes as strings; a computed one means that its class may have any."""
        texts = {
            each.value for each in call.node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
        }
        self.asked.update(part for text in texts for part in re.findall(r"\w+", text))
        if (name == "setattr" and not texts) or name in MADE:
            if (owner := self._around(call.scope)) is not None:
                owner.is_open = True
            elif call.node.args:
                self.patched.update(re.findall(r"\w+", ast.unparse(call.node.args[0])))
                self.patched.add(call.scope.module.path)

    def _owner(self, scope: Scope, node: ast.expr) -> Class | None:
        """Return the class whose object is a first parameter with the usual name."""
        if not isinstance(node, ast.Name) or node.id not in FIRST:
            return None
        found = scope.find(node.id)
        return self._around(found[0]) if found is not None and isinstance(found[1][0], ast.arg) else None

    def _around(self, scope: Scope) -> Class | None:
        """Return the class in which a scope is."""
        inner: Scope | None = scope
        while inner is not None and inner.node not in self.classes:
            inner = inner.outer
        return self.classes[inner.node] if inner is not None else None

    def bases(self, each: Class) -> "list[Class | frozenset[str] | None]":
        """Return the classes that a class is derived from, one of the library by its names; None for one unknown."""
        found: list[Class | frozenset[str] | None] = []
        for node in each.node.bases:
            plain = node.value if isinstance(node, ast.Subscript) else node
            thing = self.resolve(plain, each.scope.outer or each.scope)
            if thing is not None and isinstance(thing.what, Class) and not thing.is_object:
                found.append(thing.what)
            else:
                found.append(self._library(plain, each.scope))
        return found

    def _library(self, node: ast.expr, scope: Scope) -> frozenset[str] | None:
        """Return the names that a class of the standard library has."""
        first, *rest = ast.unparse(node).split(".")
        found = scope.find(first)
        if found is None:
            known = not rest and not scope.module.star and hasattr(builtins, first)
            return library_names("builtins", first) if known else None
        value = found[1][0]
        if len(found[1]) > 1 or not isinstance(value, Alias):
            return None
        if isinstance(value.statement, ast.Import):
            path = [*(value.node.name if value.node.asname else first).split("."), *rest]
        else:
            path = [] if value.statement.level else [*(value.statement.module or "").split("."), value.node.name, *rest]
        return library_names(".".join(path[:-1]), path[-1]) if len(path) > 1 else None

    def resolve(self, node: ast.AST | None, scope: Scope, depth: int = 0) -> Thing | None:
        """Return what an expression is, where that is certain."""
        if depth > DEEPEST:
            return None
        if isinstance(node, ast.Name):
            return self._name(node.id, scope, depth)
        if isinstance(node, ast.Attribute):
            return self._member(self.resolve(node.value, scope, depth + 1), node.attr, depth)
        if isinstance(node, ast.Call):
            made = self.resolve(node.func, scope, depth + 1)
            if made is not None and isinstance(made.what, Class) and not made.is_object and self.is_plain(made.what):
                return Thing(made.what, is_object=True, exact=True)
        return None

    def _name(self, name: str, scope: Scope, depth: int) -> Thing | None:
        found = scope.find(name)
        if found is None:
            return None
        late = isinstance(scope.node, ast.ClassDef) and found[0] is scope and scope.outer and scope.outer.find(name)
        if late:
            return None  # what the class defines later may not hide it yet
        key = (found[0], name)
        if key not in self._known:
            self._known[key] = None  # while it is looked for
            self._known[key] = self._same(found[1], found[0], depth)
        return self._known[key]

    def _same(self, values: list[Bound], scope: Scope, depth: int) -> Thing | None:
        """Return the thing that all values are, or None; an initial None is ignored."""
        some = [each for each in values if not (isinstance(each, ast.Constant) and each.value is None)]
        things = {self._bound(each, scope, depth) for each in some}
        return things.pop() if len(things) == 1 else None

    def _bound(self, value: Bound, scope: Scope, depth: int) -> Thing | None:
        if isinstance(value, ast.ClassDef):
            return Thing(self.classes[value])
        if isinstance(value, Function):
            return Thing(value, scope)
        if isinstance(value, ast.arg):
            return self._parameter(value, scope, depth)
        if isinstance(value, Alias):
            return self._imported(value, scope.module, depth)
        if isinstance(value, ast.AnnAssign):
            return self._promised(value.annotation, scope, depth)
        return self.resolve(value, scope, depth + 1) if isinstance(value, ast.expr) else None

    def _parameter(self, value: ast.arg, scope: Scope, depth: int) -> Thing | None:
        """Return the object that a method's first parameter is, or that an annotation promises."""
        owner = self.classes.get(scope.outer.node) if scope.outer is not None else None
        node = scope.node
        if owner is not None and isinstance(node, Function) and value.arg in FIRST:
            first = [*node.args.posonlyargs, *node.args.args][:1]
            return Thing(owner, is_object=True) if value in first else None
        if value.annotation is None or not isinstance(node, Function) or value in (node.args.vararg, node.args.kwarg):
            return None
        return self._promised(value.annotation, scope.outer or scope, depth)

    def _promised(self, annotation: ast.expr, scope: Scope, depth: int) -> Thing | None:
        thing = self.resolve(annotation, scope, depth + 1)
        promised = thing is not None and isinstance(thing.what, Class) and not thing.is_object
        return Thing(thing.what, is_object=True) if promised and thing is not None else None

    def _imported(self, value: Alias, module: Module, depth: int) -> Thing | None:
        node, alias = value.statement, value.node
        if isinstance(node, ast.Import):
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            ours = not module.loose and self.python.owns(name, module.path)
            file = self.python.find(name, module.path) if ours else None
            return Thing(file) if file is not None else None
        file = self.python.imported_from(module, node)
        return self._in_module(file, alias.name, depth) if file is not None else None

    def _in_module(self, file: str, name: str, depth: int) -> Thing | None:
        """Return what a name of a module is: something that it defines, or a module in its folder."""
        module = self.python.modules.get(file)
        if module is not None and name in module.scope.bound:
            return self._name(name, module.scope, depth + 1)
        if module is not None and module.names is None:
            return None
        found = self.python.submodule(file, name)
        return Thing(found) if found is not None else None

    def _member(self, owner: Thing | None, name: str, depth: int) -> Thing | None:
        if owner is None or (isinstance(owner.what, str) and owner.what in self.python.project.folders):
            return self._in_module(owner.what, name, depth) if owner and isinstance(owner.what, str) else None
        if isinstance(owner.what, str):
            return self._in_module(owner.what, name, depth)
        if not isinstance(owner.what, Class) or name in self.foreign:
            return None
        derived, line = () if owner.exact else self.family(owner.what), self.line(owner.what) or ()
        for each in line:
            if not isinstance(each, Class):
                continue
            if name in each.stored:
                some = [pair for pair in each.stored[name] if not _is_none(pair[0])]
                things = {self.resolve(value, scope, depth + 1) for value, scope in some}
                return things.pop() if len(things) == 1 and name not in each.scope.bound else None
            if name in each.scope.bound:
                values = each.scope.bound[name]
                thing = self._same(values, each.scope, depth) if not _is_member(values[0], line) else None
                overridden = (not owner.exact and owner.what.node.name in self.derived) or any(
                    name in other.scope.bound or name in other.stored for other in derived
                )
                return self._method(thing, owner) if not overridden and thing is not None else None
        return None

    @staticmethod
    def _method(thing: Thing, owner: Thing) -> Thing | None:
        if not isinstance(thing.what, Function):
            return thing
        kinds = {ast.unparse(each) for each in thing.what.decorator_list}
        if thing.scope is None or not isinstance(thing.scope.node, ast.ClassDef):
            return None  # assigned in the class, and bound or not
        if "property" in kinds or not kinds <= TRANSPARENT or thing.what.name in UNBOUND:
            return None
        bound = "classmethod" in kinds or (owner.is_object and "staticmethod" not in kinds)
        return Thing(thing.what, thing.scope, bound=bound)

    def line(self, each: Class) -> "list[Class | frozenset[str]] | None":
        """Return a class and all of its base classes; None if one of them is unknown."""
        if each not in self._lines:
            self._lines[each] = self._line(each)
        return self._lines[each]

    def _line(self, each: Class) -> "list[Class | frozenset[str]] | None":
        found: list[Class | frozenset[str]] = []
        waiting: list[Class | frozenset[str] | None] = [each]
        while waiting:
            one = waiting.pop(0)
            if one is None or len(found) > DEEPEST * 4:
                return None
            if one not in found:
                found.append(one)
                waiting += self.bases(one) if isinstance(one, Class) else ()
        return found

    def family(self, each: Class) -> list[Class]:
        """Return all classes that are derived from one."""
        found: list[Class] = []
        waiting = list(each.below)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.append(one)
                waiting += one.below
        return found

    def is_plain(self, each: Class) -> bool:
        """Return whether calling the class makes an object of it."""
        line = self.line(each)
        own = [one for one in line or () if isinstance(one, Class)]
        return line is not None and not any(
            "__new__" in one.scope.bound or one.node.keywords or _is_odd(one.node) for one in own
        )

    def _own_names(self, each: Class) -> frozenset[str] | None:
        """Return the names that a class and its objects have, without the classes below; None if not known."""
        line = self.line(each)
        names: set[str] = set()
        for one in line or ():
            if isinstance(one, frozenset):
                names |= one
                continue
            keywords = {ast.unparse(keyword.value) for keyword in one.node.keywords if keyword.arg == "metaclass"}
            odd = len(one.node.keywords) > len(keywords) or keywords - {"ABCMeta", "abc.ABCMeta"}
            made = one.is_open or MADE & one.scope.bound.keys() or "__init_subclass__" in one.scope.bound
            patched = one.node.name in self.patched or one.module.path in self.patched
            if odd or made or patched or _is_odd(one.node):
                return None
            names |= one.scope.bound.keys() | one.stored.keys() | _slots(one)
        return frozenset(names) if line is not None else None

    @cached_property
    def made(self) -> set[Class]:
        """The classes that the project calls or stores for a later call, and those that a library may call."""
        found: set[Class] = set()
        for module in self.python.modules.values():
            for use in module.calls:
                self._add_classes(found, use.scope, (use.node.func,))
            mixes = any(_last(use.node.func) == "type" and len(use.node.args) > 1 for use in module.calls)
            for _, value, scope in module.assigned if not mixes else ():
                self._add_classes(found, scope, (value,))
        libraries = {each for each in self.given if any(isinstance(one, frozenset) for one in self.line(each) or ())}
        return found | libraries

    @cached_property
    def given(self) -> set[Class]:
        """The classes that are passed to functions, which may derive others from them."""
        found: set[Class] = set()
        for module in self.python.modules.values():
            for use in module.calls:
                if _last(use.node.func) not in TESTING:
                    self._add_classes(found, use.scope, (*use.node.args, *(each.value for each in use.node.keywords)))
        return found

    def _add_classes(self, found: set[Class], scope: Scope, nodes: Iterable[ast.expr]) -> None:
        for node in nodes:
            for each in (*getattr(node, "elts", ()), *getattr(node, "values", ())) or (node,):
                thing = self.resolve(each, scope)
                if thing is not None and isinstance(thing.what, Class) and not thing.is_object:
                    found.add(thing.what)

    def names(self, each: Class, *, exact: bool) -> frozenset[str] | None:
        """Return the names that an object may have; unless `exact`, those of derived classes count as well."""
        if (each, exact) not in self._names:
            self._names[each, exact] = self._names_of(each, exact=exact)
        return self._names[each, exact]

    def _names_of(self, each: Class, *, exact: bool) -> frozenset[str] | None:
        names = self._own_names(each)
        below = [] if exact else self.family(each)
        if not exact and each.node.name in self.derived:
            return None
        family = {each, *below}
        if not exact and not family & self.made and (not below or family & self.given):
            return None  # made for classes that are elsewhere
        for one in below:
            found = self._own_names(one)
            if names is None or found is None:
                return None
            names |= found
        return names


def _is_member(value: Bound, line: "Iterable[Class | frozenset[str]]") -> bool:
    """Return whether a class turns the value into something else: a function into a method, a value into an enum member."""
    enumerates = any(isinstance(each, frozenset) and "_generate_next_value_" in each for each in line)
    return isinstance(value, ast.expr) and (enumerates or not isinstance(value, ast.Name | ast.Attribute | ast.Call))


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_odd(node: ast.ClassDef) -> bool:
    """Return whether a decorator may add names to a class."""
    kinds = (ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list)
    return any(kind not in PLAIN_DECORATORS for kind in kinds)


def _last(node: ast.AST) -> str:
    """Return the last part of a name that is not called; empty for anything else."""
    return str(getattr(node, "attr", None) or getattr(node, "id", ""))


def _slots(each: Class) -> set[str]:
    values = (value for value in each.scope.bound.get("__slots__", ()) if isinstance(value, ast.AST))
    nodes = (node for value in values for node in ast.walk(value) if isinstance(node, ast.Constant))
    return {part for node in nodes if isinstance(node.value, str) for part in node.value.split()}


def attributes(objects: Objects, module: Module) -> Iterator[Problem]:
    """An attribute is used that the object certainly does not have."""
    for use, owner in _owners(objects, module):
        if not isinstance(owner.what, Class):
            continue
        names = objects.names(owner.what, exact=owner.exact or not owner.is_object)
        if not owner.is_object and use.node.attr in OF_CLASSES:
            continue
        if names is not None and use.node.attr not in names:
            own = (one for one in objects.line(owner.what) or () if isinstance(one, Class))
            there = frozenset().union(*(one.scope.bound.keys() | one.stored.keys() for one in own))
            message = _does_not_define(owner.what.node.name, owner.what.module.path, use.node.attr, there)
            yield module.problem(use.node, "python-attribute", message)


def module_attributes(objects: Objects, module: Module) -> Iterator[Problem]:
    """An attribute of one of the project's modules is used that it does not define."""
    for use, owner in _owners(objects, module):
        file = owner.what if isinstance(owner.what, str) else ""
        names = objects.python.names_in(file) if file and file not in objects.python.project.folders else None
        if names is not None and use.node.attr not in names:
            shown = file.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]
            yield module.problem(use.node, "python-import", _does_not_define(shown, file, use.node.attr, names))


def _owners(objects: Objects, module: Module) -> "list[tuple[Use[ast.Attribute], Thing]]":
    """Return the attributes that nothing else provides, each with the thing that should have it; computed once."""
    if module not in objects.owned:
        objects.owned[module] = list(_find_owners(objects, module))
    return objects.owned[module]


def _find_owners(objects: Objects, module: Module) -> "Iterator[tuple[Use[ast.Attribute], Thing]]":
    for use in module.attributes:
        name = use.node.attr
        if use.guarded or "__" in name or name in objects.foreign or name in objects.asked:
            continue
        owner = objects.resolve(use.node.value, use.scope)
        if owner is not None and not _is_excused(module, use.node):
            yield use, owner


def _does_not_define(owner: str, file: str, name: str, there: frozenset[str]) -> str:
    return f"`{owner}` ({file}) does not define `{name}`" + instead(name, public(there), "it defines")


def _is_excused(module: Module, node: ast.AST) -> bool:
    line = module.lines[min(getattr(node, "lineno", 1), len(module.lines)) - 1]
    return re.search(r"noqa|type: ignore|pylint: disable|pyright: ignore", line) is not None


def arguments(objects: Objects, module: Module) -> Iterator[Problem]:
    """A function of the project is called with arguments that it does not take."""
    for use in module.calls:
        call = use.node
        odd = any(isinstance(each, ast.Starred) for each in call.args) or any(
            each.arg is None for each in call.keywords
        )
        if use.guarded or odd:
            continue
        thing = objects.resolve(call.func, use.scope)
        if thing is None or thing.is_object or isinstance(thing.what, str) or _is_excused(module, call):
            continue
        function, bound, shown = thing.what, thing.bound, ast.unparse(call.func)
        if isinstance(function, Class):
            found = _constructor(objects, function)
            if found is None:
                continue
            function, bound = found, True
        kinds = {ast.unparse(each) for each in function.decorator_list}
        if kinds <= TRANSPARENT and (wrong := _misfit(function, call, bound=bound)):
            yield module.problem(call, "python-arguments", f"`{shown}` {wrong}")


def _constructor(objects: Objects, each: Class) -> ast.FunctionDef | None:
    """Return the method that takes the arguments of a class; None where it is not plain."""
    if not objects.is_plain(each):
        return None
    for one in objects.line(each) or ():
        if isinstance(one, frozenset) or one.node.decorator_list:
            return None
        values = one.scope.bound.get("__init__", [])
        if values:
            return values[0] if len(values) == 1 and isinstance(values[0], ast.FunctionDef) else None
    return None


def _misfit(function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call, *, bound: bool) -> str:
    """Return what is wrong with the arguments of a call; empty where they fit."""
    taken = function.args
    names = [each.arg for each in (*taken.posonlyargs, *taken.args)]
    needed = names[: len(names) - len(taken.defaults)]
    if bound:
        names, needed = names[1:], needed[1:]
    only = [each.arg for each in taken.kwonlyargs]
    given = [each.arg for each in call.keywords if each.arg is not None]
    takes = "; it takes: " + ", ".join(f"`{each}`" for each in (*names, *only)) if names or only else "; it takes none"
    if taken.vararg is None and len(call.args) > len(names):
        return f"takes {len(names)} positional arguments, and is given {len(call.args)}" + takes
    for name in given:
        if taken.kwarg is None and name not in names and name not in only:
            return f"takes no argument `{name}`" + takes
    missing = [each for each in needed[len(call.args) :] if each not in given]
    missing += [
        each.arg
        for each, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
        if default is None and each.arg not in given
    ]
    return f"is called without `{missing[0]}`" + takes if missing else ""


RULES: Final = {
    "python-import": (module_attributes,),
    "python-attribute": (attributes,),
    "python-arguments": (arguments,),
}

"""Java: the packages, types and members that the files of a project use of each other."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

from smol_dev.checks.compiled import Compiled, Type, Unit
from smol_dev.checks.project import Problem, instead
from smol_dev.languages.scopes import known_names

if TYPE_CHECKING:
    from tree_sitter import Node


class Java:
    """The types and packages of Java in a project."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.project = compiled.project

    @cached_property
    def types(self) -> "Mapping[str, tuple[str, Type]]":
        """The types of Java by their name, each with its package; one that is there twice is open."""
        found: dict[str, tuple[str, Type]] = {}
        for unit in self.compiled.of("java"):
            package = next(iter(unit.names.texts("package")), "")
            for name, type_ in java_types(unit):
                type_.is_open |= name in found
                found[name] = (package, type_)
        return found

    @cached_property
    def packages(self) -> Mapping[str, frozenset[str]]:
        """The packages of Java, each with the names of its files and folders."""
        found: dict[str, set[str]] = {}
        for unit in self.compiled.of("java"):
            package = next(iter(unit.names.texts("package")), "")
            found.setdefault(package, set()).update(name for name, _ in java_types(unit))
        for path in self.compiled.unread:
            for names in found.values():
                names.add(posixpath.basename(path).removesuffix(".java"))
        return {package: frozenset(names) for package, names in found.items()}


JAVA_MAKERS: Final = re.compile(r"import lombok|@(?:Data|Getter|Setter|Builder|Value|AllArgsConstructor)\b|@AutoValue")


def java_types(unit: Unit) -> Iterator[tuple[str, Type]]:
    """Yield the types that a file of Java defines, inner ones as well."""
    bodies, members, _ = unit.names.types
    made = JAVA_MAKERS.search(unit.text) is not None
    inner = [(bodies.at(node.start_byte), unit.names.text(node)) for node in unit.found.get("inner", ())]
    for number, body in enumerate(bodies.nodes):
        item = body.parent
        name = unit.names.text(item.child_by_field_name("name")) if item is not None else ""
        if item is None or not name or item.type == "enum_constant":
            continue
        found = Type(set(members[number]) | {each for place, each in inner if place == number})
        found.is_open = made
        for part in item.named_children:
            if part.type in {"superclass", "super_interfaces", "extends_interfaces"}:
                found.bases |= set(
                    re.findall(r"(?<![\w.<])[A-Z]\w*(?=[\s,<{]|$)", re.sub(r"<[^<>]*>", "", unit.names.text(part)))
                )
                found.is_open |= "." in re.sub(r"<[^<>]*>", "", unit.names.text(part))
            if part.type == "formal_parameters":
                found.members |= set(re.findall(r"\b(\w++)\s*+(?=[,)])", unit.names.text(part)))
        yield name, found


def java_members(java: Java, name: str, seen: frozenset[str] = frozenset()) -> frozenset[str] | None:
    """Return the members of a type of Java; None where it may have others."""
    _, type_ = java.types.get(name, ("", None))
    if type_ is None or type_.is_open or name in seen:
        return None
    found = frozenset(type_.members)
    for base in type_.bases:
        inner = java_members(java, base, seen | {name})
        if inner is None:
            return None
        found |= inner
    return found


IMPORT: Final = re.compile(r"import\s+(static\s+)?([\w.]+?)(\.\*)?\s*;")


def java_imports(java: Java, unit: Unit) -> Iterator[Problem]:
    """A type is imported from a package of the project that does not hold it."""
    for node in unit.found.get("import", ()):
        found = IMPORT.match(unit.names.text(node))
        if found is None or (found[3] and not found[1]):
            continue
        path = found[2] if found[3] or not found[1] else found[2].rpartition(".")[0]
        home, _, name = path.rpartition(".")
        if home in java.packages and name not in java.packages[home] and path not in java.packages:
            message = f"the package `{home}` does not hold `{name}`" + instead(name, java.packages[home], "it holds")
            yield unit.problem(node.start_byte, "compiled-name", message)


def java_names(java: Java, unit: Unit) -> Iterator[Problem]:
    """A type is used that is neither defined nor imported."""
    names = unit.names
    package = next(iter(names.texts("package")), "")
    known = set(names.definitions) | set(java.packages.get(package, ()))
    for node in unit.found.get("import", ()):
        found = IMPORT.match(names.text(node))
        path = found[2] if found else ""
        known |= {path.rpartition(".")[2], *java.packages.get(path, ())}
        if found and found[3] and not found[1] and path not in java.packages:
            return
    if _inherits_unknown(java, unit):
        return
    inherits = any(java.types[name][1].bases for name in names.definitions if name in java.types)
    for node in unit.found.get("typed", ()):
        name = names.text(node)
        scoped = node.parent is not None and node.parent.type == "scoped_type_identifier"
        inherited = name in java.types and (inherits or java.types[name][0] == package)
        if not (scoped or inherited or name in known or known_names("java").has(name)):
            yield unit.lacks(node, f"the type `{name}` is used, and neither defined nor imported", known)


def _inherits_unknown(java: Java, unit: Unit) -> bool:
    """Return whether a type of the file has members, and so inner types, of one that is not in the project."""
    own = [name for name in unit.names.definitions if name in java.types]
    return any(java.types[name][1].bases and java_members(java, name) is None for name in own)


def java_uses(java: Java, unit: Unit) -> Iterator[Problem]:
    """A member is used that its class does not have."""
    names = unit.names
    static = re.search(r"import\s+static\s", unit.text) is not None
    for node in (*unit.found.get("call", ()), *unit.found.get("member", ())):
        name = names.text(node)
        access = node.parent
        owner = access.child_by_field_name("object") if access is not None else None
        if known_names("java", "members").has(name):
            continue
        if owner is None or owner.type == "this":
            found = _java_around(java, unit, node, outer=owner is None)
            shown = "this class"
            if owner is None and static:
                found = None
        else:
            places = names.defined(owner)
            text = names.text(owner)
            kinds = {_java_kind(unit, place) for place in places} if places else {text}
            kind = kinds.pop() if len(kinds) == 1 else ""
            found = java_members(java, kind) if kind and _is_seen(java, unit, kind) else None
            shown = f"`{kind}`"
        if found is not None and name not in found:
            yield unit.lacks(node, f"{shown} has no `{name}`", found)


def _is_seen(java: Java, unit: Unit, name: str) -> bool:
    """Return whether the name of a type means the one of the project."""
    package = java.types[name][0] if name in java.types else None
    imported = re.search(rf"import\s+([\w.]+)\.{re.escape(name)}\s*;", unit.text)
    if imported is not None:
        return package is not None and imported[1].startswith(package)
    return package is not None and (
        package in unit.names.texts("package") or not package or f"import {package}.*" in unit.text
    )


def _java_around(java: Java, unit: Unit, node: "Node", *, outer: bool) -> frozenset[str] | None:
    """Return the members of the types around a node; None where one of them may have others."""
    bodies, _, _ = unit.names.types
    found: frozenset[str] = frozenset()
    number = bodies.at(node.start_byte)
    while number >= 0:
        item = bodies.nodes[number].parent
        if item is None or item.type in {"object_creation_expression", "enum_constant"}:
            return None
        members = java_members(java, unit.names.text(item.child_by_field_name("name")))
        if members is None:
            return None
        found |= members
        number = bodies.around(number) if outer else -1
    return found or None


def _java_kind(unit: Unit, node: "Node") -> str:
    """Return the type that a variable is declared with; empty where it is not plain."""
    parent = node.parent
    declared = parent.child_by_field_name("type") if parent is not None else None
    if declared is None and parent is not None and parent.parent is not None:
        declared = parent.parent.child_by_field_name("type")
    return unit.names.text(declared) if declared is not None and declared.type == "type_identifier" else ""


RULES: Final = {"compiled-name": (java_imports, java_names, java_uses)}

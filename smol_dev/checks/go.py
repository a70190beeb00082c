"""Go: the packages, names and members that the files of a module use of each other."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

from smol_dev.checks.compiled import Compiled, Type, Unit
from smol_dev.checks.project import Problem, instead
from smol_dev.languages.scopes import WHOLE, known_names

if TYPE_CHECKING:
    from tree_sitter import Node


class Go:
    """The packages of Go in a project."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.project = compiled.project

    @cached_property
    def packages(self) -> "Mapping[str, Package]":
        """The packages of Go, by their folder."""
        found: dict[str, Package] = {}
        for unit in self.compiled.of("go"):
            found.setdefault(unit.folder, Package()).add(unit)
        for path in self.project.paths:
            if path.endswith((".s", ".c", ".h")) or path in self.compiled.unread:
                found.setdefault(posixpath.dirname(path), Package()).is_open = True
        return found


GO_OPEN: Final = re.compile(
    r"^//go:build ignore|^// \+build ignore|^import \"C\"|^[ \t]+\"C\"$|^[ \t]*(?:import )?\. \"|^//go:generate",
    re.MULTILINE,
)
"""What a file of Go says whose names come from elsewhere."""


class Package:
    """A package of Go: the names that it defines, and its types."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.types: dict[str, Type] = {}
        self.results: dict[str, str] = {}
        self.is_open = False

    def add(self, unit: Unit) -> None:
        """Take in what a file of the package defines."""
        names = unit.names
        self.names |= names.tops.keys()
        self.is_open = self.is_open or (GO_OPEN.search(unit.text) is not None and "build ignore" not in unit.text)
        bodies = names.types[0]
        for name, places in names.tops.items():
            for node in places:
                kind = node.parent.type if node.parent is not None else ""
                if kind == "type_spec" and node.parent is not None:
                    self._add_type(unit, name, node.parent.child_by_field_name("type"))
                elif kind == "type_alias":
                    self.types.setdefault(name, Type()).is_open = True
                elif kind == "function_declaration" and node.parent is not None:
                    result = node.parent.child_by_field_name("result")
                    self.results[name] = go_type(names.text(result))
        for node in names.found.get("method", ()):
            receiver = re.sub(r"\[.*", "", names.text(node.child_by_field_name("receiver")).strip("() \n"))
            owner = self.types.setdefault(receiver.split(" ")[-1].lstrip("*"), Type())
            owner.members.add(names.text(node.child_by_field_name("name")))
        for node in names.found.get("embedded", ()):
            self._embed(unit, bodies.at(node.start_byte), names.text(node))

    def _add_type(self, unit: Unit, name: str, body: "Node | None") -> None:
        type_ = self.types.setdefault(name, Type())
        members = unit.names.members(body) if body is not None else None
        type_.kinds.add(body.type if body is not None else "")
        if body is not None and body.type in {"struct_type", "interface_type"}:
            type_.is_open |= members is None
            type_.members |= set(members or ())
        elif body is None or body.type in {"type_identifier", "qualified_type", "generic_type", "pointer_type"}:
            type_.is_open = True

    def _embed(self, unit: Unit, body: int, text: str) -> None:
        node = unit.names.types[0].nodes[body].parent if body >= 0 else None
        owner = self.types.get(unit.names.text(node.child_by_field_name("name")) if node is not None else "")
        if owner is not None:
            name = re.sub(r"\[.*", "", text.lstrip("*"))
            owner.members.add(name.rpartition(".")[2])
            owner.bases.add(name)

    def members(self, name: str, seen: frozenset[str] = frozenset()) -> frozenset[str] | None:
        """Return the members of a type; None where it may have others."""
        type_ = self.types.get(name)
        if type_ is None or type_.is_open or name in seen or self.is_open:
            return None
        found = frozenset(type_.members)
        for base in type_.bases:
            inner = self.members(base, seen | {name})
            if inner is None:
                return None
            found |= inner
        return found


def go_type(text: str) -> str:
    """Return the name of the type that a text of Go begins with; empty for any other text."""
    found = re.match(r"\(?(?:\w+ )?\*?((?:\w+\.)?\w+)(?=[,){\s]|$)", text)
    return found[1] if found else ""


def go_names(go: Go, unit: Unit) -> Iterator[Problem]:
    """A package, a module, a name or a member is used in Go, Rust or Java that is not there."""
    known = go.compiled.manifest(unit.path, "go.mod") if unit.language == "go" else None
    module = re.search(r"^module\s+\"?([\w./~-]+)", known[1], re.MULTILINE) if known else None
    aside = unit.path.startswith("_") or "/_" in unit.path or GO_OPEN.search(unit.text) is not None
    if known is None or module is None or aside or "go.work" in go.project.names:
        return
    imported: dict[str, str] = {}
    for node in unit.found.get("import", ()):
        wanted = unit.names.text(node.child_by_field_name("path"))[1:-1]
        imported[unit.names.text(node.child_by_field_name("name")) or wanted.rpartition("/")[2]] = wanted
        inside = wanted == module[1] or wanted.startswith(f"{module[1]}/")
        folder = posixpath.join(known[0], wanted[len(module[1]) + 1 :]).rstrip("/")
        if inside and not go.project.exists(folder) and folder:
            there = (f"{module[1]}/{each}" for each in go.packages if each)
            message = f"there is no package `{wanted}`" + instead(wanted, there, "there is")
            yield unit.problem(node.start_byte, "compiled-name", message)
        elif not inside and "." in wanted.partition("/")[0] and not _is_required(known[1], wanted):
            message = f"`{wanted}` is imported, and `{posixpath.join(known[0], 'go.mod')}` does not name it"
            yield unit.problem(node.start_byte, "compiled-name", message)
    folders = {
        name: posixpath.join(known[0], wanted[len(module[1]) + 1 :]).rstrip("/")
        for name, wanted in imported.items()
        if wanted == module[1] or wanted.startswith(f"{module[1]}/")
    }
    for name, folder in tuple(folders.items()):
        clause = next((each.text for each in go.compiled.of("go") if each.folder == folder), "")
        said = re.search(r"^package (\w+)", clause, re.MULTILINE)
        if said and name == imported[name].rpartition("/")[2] and said[1] != name:
            folders[said[1]] = folders.pop(name)
    yield from _go_undefined(go, unit, imported, folders)
    yield from _go_members(go, unit, folders)


def _is_required(manifest: str, wanted: str) -> bool:
    return any(
        wanted == each or wanted.startswith(f"{each}/")
        for each in re.findall(r"(?<![\w.-])[\w-]++(?:\.[\w-]++)++/[\w./~-]++", manifest)
    )


def _go_undefined(go: Go, unit: Unit, imported: Mapping[str, str], folders: Mapping[str, str]) -> Iterator[Problem]:
    package = go.packages[unit.folder]
    if package.is_open:
        return
    keys = {node.id for node in unit.found.get("key", ())}
    words = re.sub(r"[-_.]", "", " ".join([*imported, *imported.values()]))
    for node in unit.found.get("reference", ()):
        name = unit.names.text(node)
        known = name in package.names or known_names("go").has(name) or name in imported or name in folders
        if known or node.id in keys or unit.names.defined(node):
            continue
        parent = node.parent
        if parent is not None and parent.type in {"qualified_type", "label_name", "labeled_statement"}:
            continue
        if (
            parent is not None
            and parent.type == "selector_expression"
            and parent.child_by_field_name("operand") == node
        ):
            if name.replace("_", "") not in words:
                yield unit.lacks(node, f"`{name}` is used, and neither defined nor imported")
            continue
        use = "called" if parent is not None and parent.type == "call_expression" else "used"
        there = package.names | unit.names.definitions.keys()
        yield unit.lacks(node, f"`{name}` is {use}, and not defined", there)


def _go_members(go: Go, unit: Unit, folders: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each name of a package, or member of a value of certain type, that does not exist."""
    for node in unit.found.get("member", ()):
        owner, name = node.prev_named_sibling, unit.names.text(node)
        text = unit.names.text(owner)
        is_type = node.parent is not None and node.parent.type == "qualified_type"
        places = unit.names.defined(owner) if owner is not None and not is_type else []
        if owner is not None and not places and text not in go.packages[unit.folder].names and text in folders:
            package = go.packages.get(folders[text])
            if package is not None and not package.is_open and name not in package.names:
                there = [each for each in package.names if each[0].isupper()]
                shown = folders[text] or text
                yield unit.lacks(node, f"the package `{shown}` does not define `{name}`", there)
            continue
        kinds = {_go_kind(go, unit, place) for place in places}
        kind = kinds.pop() if len(kinds) == 1 else ""
        inner = unit.names.definitions.get(kind, {WHOLE: []}).keys() != {WHOLE}
        package = go.packages.get(folders.get(kind.partition(".")[0], "?") if "." in kind else unit.folder)
        package = None if inner else package
        members = package.members(kind.rpartition(".")[2]) if package is not None and kind else None
        if members is not None and name not in members:
            yield unit.lacks(node, f"`{text}` is a `{kind}`, which has no `{name}`", members)
    for node in unit.found.get("key", ()):
        literal = (
            node.parent.parent.parent.parent
            if node.parent and node.parent.parent and node.parent.parent.parent
            else None
        )
        kind = unit.names.text(literal.child_by_field_name("type")) if literal is not None else ""
        type_ = go.packages[unit.folder].types.get(kind)
        inner = unit.names.definitions.get(kind, {WHOLE: []}).keys() != {WHOLE}
        members = (
            go.packages[unit.folder].members(kind) if type_ and type_.kinds == {"struct_type"} and not inner else None
        )
        if members is not None and unit.names.text(node) not in members:
            yield unit.lacks(node, f"a `{kind}` has no `{unit.names.text(node)}`", members)


def _go_kind(go: Go, unit: Unit, node: "Node") -> str:
    """Return the type of what is defined at a node; empty where it is not certain."""
    parent = node.parent
    if parent is None:
        return ""
    if parent.type in {"parameter_declaration", "var_spec"}:
        declared = parent.child_by_field_name("type")
        simple = declared is not None and declared.type in {"pointer_type", "type_identifier", "qualified_type"}
        return go_type(unit.names.text(declared)) if simple else ""
    around = parent.parent
    if parent.type != "expression_list" or around is None or around.type != "short_var_declaration":
        return ""
    left, right = parent.named_children, around.child_by_field_name("right")
    values = right.named_children if right is not None else []
    if len(values) == len(left):
        value = values[left.index(node)]
    elif len(values) == 1 and left[0] == node:
        value = values[0]
    else:
        return ""
    made = value.child_by_field_name("operand") if value.type == "unary_expression" else value
    if made is not None and made.type == "composite_literal":
        return go_type(unit.names.text(made.child_by_field_name("type")))
    called = value.child_by_field_name("function") if value.type == "call_expression" else None
    return go.packages[unit.folder].results.get(unit.names.text(called), "") if called is not None else ""


RULES: Final = {"compiled-name": (go_names,)}

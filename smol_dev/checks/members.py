"""Members of the objects, classes and modules of scripts: which there are, and which are used."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from smol_dev.checks.project import Problem, instead
from smol_dev.checks.scripts import Exports, Scripts
from smol_dev.checks.web import OPEN, Script
from smol_dev.languages.scopes import known_names

if TYPE_CHECKING:
    from tree_sitter import Node

INHERITED: Final = frozenset(
    "prototype default constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toString toLocaleString valueOf"
    " __proto__ call apply bind name length arguments caller then catch finally".split()
)
"""The members of every object, function and promise."""

WRAPPED: Final = frozenset("parenthesized_expression as_expression satisfies_expression non_null_expression".split())
CLASSES: Final = frozenset(
    "class_declaration abstract_class_declaration class interface_declaration enum_declaration".split()
)
MODULE: Final = "module"
LONGEST_CHAIN: Final = 20

Shape = frozenset[str]
"""The members of a value."""


class Shapes:
    """The members of the values that names stand for; None for a value that may have others."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts
        self.web = scripts.web

    def of_name(self, script: Script, node: "Node", depth: int = 0) -> "tuple[str, Shape] | None":
        """Return the kind and the members of the value that a name has at its place."""
        places = script.names.defined(node)
        text = script.names.text(node)
        if len(places) != 1 or text in script.names.texts("made") or depth > LONGEST_CHAIN:
            return None
        return self.of_definition(script, places[0], depth + 1)

    def of_definition(self, script: Script, node: "Node", depth: int = 0) -> "tuple[str, Shape] | None":
        """Return the kind and the members of the thing that a node defines."""
        parent = node.parent
        if parent is None or depth > LONGEST_CHAIN:
            return None
        if parent.type in CLASSES:
            return self._of_class(script, parent, depth)
        if parent.type == "function_declaration":
            return self._of_prototype(script.names.text(node))
        if (annotation := parent.child_by_field_name("type")) is not None:
            return self._of_type(script, annotation, depth)
        if parent.type == "variable_declarator":
            required = _required(script, parent.child_by_field_name("value"))
            if required is not None:
                return self._of_module(script, required, None, common=True, depth=depth)
            return self.of_value(script, parent.child_by_field_name("value"), depth + 1)
        if parent.type == "type_alias_declaration":
            return self.of_value(script, parent.child_by_field_name("value"), depth + 1)
        if node.type == "shorthand_property_identifier_pattern" and parent.type == "object_pattern" and parent.parent:
            required = _required(script, parent.parent.child_by_field_name("value"))
            name = script.names.text(node)
            return self._of_module(script, required, name, common=True, depth=depth) if required else None
        return self._of_import(script, node, depth)

    def of_value(self, script: Script, node: "Node | None", depth: int = 0) -> "tuple[str, Shape] | None":
        """Return the kind and the members of a value that is written out, or of a type."""
        while node is not None and node.type in WRAPPED and node.named_children:
            node = node.named_children[0]
        if node is None or depth > LONGEST_CHAIN:
            return None
        if node.type in {"object", "object_type"}:
            members = script.names.members(node)
            return None if not members else ("object" if node.type == "object" else "type", frozenset(members))
        if node.type in CLASSES:
            return self._of_class(script, node, depth + 1)
        if node.type in {"identifier", "type_identifier", "shorthand_property_identifier"}:
            return self.of_name(script, node, depth + 1)
        if node.type == "new_expression":
            made = node.child_by_field_name("constructor")
            return self.of_value(script, made, depth + 1) if made is not None and made.type == "identifier" else None
        if (
            node.type == "call_expression"
            and script.names.text(node.child_by_field_name("function")) == "Object.freeze"
        ):
            given = node.child_by_field_name("arguments")
            return self.of_value(script, given.named_children[0], depth + 1) if given and given.named_children else None
        return None

    def _of_type(self, script: Script, annotation: "Node", depth: int) -> "tuple[str, Shape] | None":
        named = annotation.named_children
        found = (
            self.of_value(script, named[0], depth + 1)
            if named and named[0].type.startswith(("type_i", "object"))
            else None
        )
        return None if found is None else ("type", found[1])

    def of_class(self, script: Script, node: "Node", depth: int = 0) -> Shape | None:
        """Return the members of a class, including those of its base classes."""
        body = node.child_by_field_name("body")
        members = script.names.members(body) if body is not None else None
        if members is None or depth > LONGEST_CHAIN:
            return None
        found = frozenset(members)
        for part in node.named_children:
            if part.type not in {"class_heritage", "extends_type_clause"}:
                continue
            bases = part.named_children
            if bases and bases[0].type in {"extends_clause", "implements_clause"}:
                bases = [
                    each for clause in bases if clause.type == "extends_clause" for each in clause.named_children[:1]
                ]
            for base in bases:
                shape = self.of_value(script, base, depth + 1) if base.type.endswith("identifier") else None
                if shape is None or shape[0] not in {"class", "type"}:
                    return None
                found |= shape[1]
        return found

    def _of_class(self, script: Script, node: "Node", depth: int) -> "tuple[str, Shape] | None":
        found = self.of_class(script, node, depth + 1)
        return None if found is None else ("type" if node.type[0] in "ie" else "class", found)

    def _of_import(self, script: Script, node: "Node", depth: int) -> "tuple[str, Shape] | None":
        """Return what is imported under a name."""
        parent = node.parent
        if parent is None:
            return None
        kinds = {"import_clause": "default", "namespace_import": "*", "import_specifier": ""}
        name = kinds.get(parent.type)
        statement: Node | None = parent
        for _ in range(4):
            statement = (
                statement.parent if statement is not None and statement.type != "import_statement" else statement
            )
        source = statement.child_by_field_name("source") if statement is not None else None
        if name is None or source is None:
            return None
        name = name or script.names.text(parent.child_by_field_name("name"))
        address = script.names.text(source)[1:-1]
        return self._of_module(script, address, None if name == "*" else name, common=False, depth=depth)

    def of_this(self, script: Script, node: "Node") -> "tuple[str, Shape] | None":
        """Return the members of `this` in a method; None elsewhere."""
        names = script.names
        scope = names.scopes.at(node.start_byte)
        while scope >= 0 and names.scopes.nodes[scope].type == "arrow_function":
            scope = names.scopes.around(scope)
        bodies = names.types[0]
        body = bodies.at(node.start_byte)
        while body >= 0 and bodies.nodes[body].type != "class_body":
            body = bodies.around(body)
        inner = bodies.nodes[body] if body >= 0 else None
        method = names.scopes.nodes[scope] if scope >= 0 else None
        if method is not None and (inner is None or (method.start_byte > inner.start_byte and method.parent != inner)):
            return self._of_function(script, method)
        owner = inner.parent if inner is not None else None
        found = self.of_class(script, owner) if owner is not None else None
        if owner is None or found is None:
            return None
        extended = script.names.text(owner.child_by_field_name("name")) in self.web.bases
        return "base" if extended else "class", found

    def _of_function(self, script: Script, method: "Node") -> "tuple[str, Shape] | None":
        """Return the members of `this` in a function that makes objects, or in a method of its prototype."""
        target = method.parent.child_by_field_name("left") if method.parent is not None else None
        found = re.fullmatch(r"(\w+)\.prototype\.\w+", script.names.text(target))
        declared = (
            script.names.text(method.child_by_field_name("name")) if method.type == "function_declaration" else ""
        )
        return self._of_prototype(found[1] if found else declared)

    def _of_prototype(self, name: str) -> "tuple[str, Shape] | None":
        """Return the members of what a function with a prototype makes, as far as no assignment tells them."""
        code = self.web.code
        own = name[:1].isupper() and not known_names("javascript").has(name)
        if not own or f"{name}.prototype." not in code:
            return None
        more = (
            rf"\b{name}\.prototype\b(?!\.\w)|(?:inherits|extend|mixin|assign|create)\w*\(\s*{name}\b"
            r"|\b[A-Z]\w*\.(?:call|apply)\(this"
        )
        return None if re.search(more, code) else ("base", frozenset())

    def _of_module(
        self, script: Script, source: str, name: str | None, *, common: bool, depth: int
    ) -> "tuple[str, Shape] | None":
        address = self.scripts.unaliased(script.path, source)
        path = self.scripts.resolve(script.path, address) if address[:1] == "." else None
        exports: Exports | None = self.scripts.exports(path, common=common) if path else None
        if exports is None or path is None:
            return None
        if name is None and "" in exports:
            return self.of_value(*exports[""], depth + 1)
        if name is None:
            return MODULE, frozenset(exports)
        if name not in exports:
            return None
        other, node = exports[name]
        if node.type in {"identifier", "type_identifier"} and node in other.names.tops.get(other.names.text(node), ()):
            return self.of_definition(other, node, depth + 1)
        return self.of_value(other, node, depth + 1)


def _required(script: Script, value: "Node | None") -> str | None:
    """Return the module that a value stands for, if it is `require("./module")`."""
    found = re.fullmatch(r"require\([\"']([^\"']+)[\"']\)", script.names.text(value)) if value is not None else None
    return found[1] if found else None


def members(shapes: Shapes, script: Script) -> Iterator[Problem]:
    """A member is used that its object, class or module does not have."""
    if OPEN.search(script.text):
        return
    known: dict[int, tuple[str, Shape] | None] = {}
    for node in script.found.get("member", ()):
        owner, name = node.prev_named_sibling, script.names.text(node)
        if owner is None or name in INHERITED or name in shapes.web.assigned:
            continue
        if owner.type == "this":
            found = shapes.of_this(script, owner)
        else:
            places = script.names.defined(owner)
            key = places[0].id if len(places) == 1 else 0
            if key and key not in known:
                known[key] = shapes.of_name(script, owner)
            found = known.get(key)
        if found is not None and name not in found[1] and _is_needed(shapes, script, node, found[0]):
            shown = script.names.text(owner)
            yield script.problem(
                node, "script-member", f"`{shown}` has no `{name}`" + instead(name, found[1], "it has")
            )


def _is_needed(shapes: Shapes, script: Script, node: "Node", kind: str) -> bool:
    """Return whether a script cannot go on without a member."""
    access = node.parent
    user = access.parent if access is not None else None
    name = script.names.text(node)
    if (
        access is None
        or user is None
        or access.child_by_field_name("optional_chain") is not None
        or name in script.tested
    ):
        return False
    if kind in {"object", "base"} and name in shapes.web.keys:
        return False
    if kind == "object" and script.names.text(node.prev_named_sibling) in shapes.web.exposed:
        return False
    if kind in {MODULE, "object"} or name[0] == "#" or script.language != "javascript":
        return True
    called = user.type == "call_expression" and user.child_by_field_name("function") == access
    entered = (
        user.type in {"member_expression", "subscript_expression"} and user.child_by_field_name("object") == access
    )
    return called or (entered and user.child_by_field_name("optional_chain") is None)


RULES: Final = {"script-member": (members,)}

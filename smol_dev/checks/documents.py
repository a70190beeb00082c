"""Manifests as nested tables, in whatever language they are written; a computed value is None."""

import ast
import configparser
import json
import tomllib
from typing import TYPE_CHECKING, Final

from smol_dev.languages import language_of, tree
from smol_dev.languages.standard import python_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

Value = dict[str, "Value"] | list["Value"] | str | None
"""A table, a list, a text; None for anything else."""

DEEPEST: Final = 20
WRAPPERS: Final = frozenset("stream document block_node flow_node plain_scalar".split())


def read_document(path: str, text: str) -> Value:
    """Return the content of a manifest; None if it cannot be read."""
    try:
        if path.endswith(".json"):
            return _plain(json.loads(text))
        if path.endswith((".toml", "Pipfile")):
            return _plain(tomllib.loads(text))
        if path.endswith((".cfg", ".ini")):
            parser = configparser.ConfigParser(strict=False, interpolation=None, default_section="")
            parser.read_string(text)
            return _nested({name: dict(section) for name, section in parser.items()})
    except (ValueError, RecursionError, configparser.Error):
        return None
    if language_of(path) == "yaml":
        parsed = tree("yaml", text)
        return _yaml(parsed.root_node) if parsed is not None else None
    return _setup(text) if path.endswith("setup.py") else None


def _nested(sections: dict[str, dict[str, str]]) -> Value:
    """Return sections such as `[options.entry_points]` as tables in tables."""
    found: dict[str, Value] = {}
    for name, section in sections.items():
        inner = found
        for part in name.split("."):
            held = inner.setdefault(part, {})
            inner = held if isinstance(held, dict) else {}
        inner.update(section)
    return found


def _plain(value: object) -> Value:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str) else None


def _setup(text: str) -> Value:
    """Return the arguments of the call of `setup` that are written out."""
    parsed = python_tree(text)
    for node in ast.walk(parsed) if parsed is not None else ():
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "setup":
            return {each.arg: _literal(each.value) for each in node.keywords if each.arg}
    return None


def _literal(node: ast.expr) -> Value:
    try:
        return _plain(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _yaml(node: "Node", depth: int = 0) -> Value:
    if depth > DEEPEST * len(WRAPPERS):
        return None
    parts = node.named_children
    if node.type in WRAPPERS:
        plain = [each for each in parts if each.type not in {"anchor", "tag", "comment"}]
        return _yaml(plain[0], depth + 1) if plain else None
    if node.type in {"block_mapping", "flow_mapping"}:
        return dict(_pairs(node, depth))
    if node.type in {"block_sequence", "flow_sequence"}:
        items = (
            each.named_children[-1] if each.type == "block_sequence_item" and each.named_children else each
            for each in parts
        )
        return [_yaml(each, depth + 1) for each in items]
    if node.type.endswith("_scalar"):
        text = (node.text or b"").decode(errors="replace")
        if node.type == "block_scalar":
            return "\n".join(line.strip() for line in text.split("\n")[1:])
        return text[1:-1] if "quote" in node.type else text
    return None


def _pairs(node: "Node", depth: int) -> "Iterator[tuple[str, Value]]":
    for pair in node.named_children:
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        name = _yaml(key, depth + 1) if key is not None else None
        if isinstance(name, str):
            yield name, _yaml(value, depth + 1) if value is not None else None


def values_at(value: Value, keys: list[str], found: tuple[str, ...] = ()) -> "Iterator[tuple[tuple[str, ...], Value]]":
    """Yield the values under keys, `*` standing for any, each with the keys that lead to it."""
    if not keys:
        yield found, value
        return
    key, *rest = keys
    if isinstance(value, list) and key == "*":
        for at, each in enumerate(value):
            yield from values_at(each, rest, (*found, str(at)))
    elif isinstance(value, dict):
        prefix = key.removesuffix("*")
        for name, each in value.items():
            if name == key or (key.endswith("*") and name.startswith(prefix)):
                yield from values_at(each, rest, (*found, name))

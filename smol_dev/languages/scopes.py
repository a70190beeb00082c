"""The names of a file: its scopes, definitions, references and types, found by the queries of its language."""

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tree_sitter import Query, QueryCursor

from smol_dev.languages.grammars import grammar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tree_sitter import Node

QUERIES: Final = {
    "javascript": ("javascript", "parameters"),
    "typescript": ("javascript", "typescript"),
    "tsx": ("javascript", "typescript"),
}
"""The query files of a language that does not have just one of its own name."""

WHOLE: Final = -1
"""The region around all others."""

DEEPEST: Final = 200


@cache
def query(language: str) -> Query:
    """Return the queries of a language, compiled once."""
    folder = Path(__file__).with_name("queries")
    parts = QUERIES.get(language, (language,))
    return Query(grammar(language), "\n".join((folder / f"{each}.scm").read_text("utf-8") for each in parts))


@dataclass(frozen=True)
class Known:
    """Names that are there without a definition."""

    names: frozenset[str]
    families: re.Pattern[str] | None

    def has(self, name: str) -> bool:
        """Return whether a name is one of them."""
        return name in self.names or (self.families is not None and self.families.fullmatch(name) is not None)


@cache
def known_names(language: str, kind: str = "names") -> Known:
    """Return the names of a kind that a language has."""
    table = global_names()[language]
    families = {"names": "families", "types": "type_families"}.get(kind, "")
    pattern = table.get(families)
    return Known(frozenset(table[kind].split()), re.compile(pattern) if pattern else None)


@cache
def global_names() -> dict[str, dict[str, Any]]:
    """Return the tables of the names that are there without a definition."""
    return tomllib.loads(Path(__file__).with_name("globals.toml").read_text("utf-8"))


class Regions:
    """Parts of a text, some within others: the innermost around an offset is found by its number."""

    def __init__(self, nodes: "Sequence[Node]") -> None:
        self.nodes = sorted(nodes, key=lambda node: (node.start_byte, -node.end_byte))
        self.numbers = {node.id: number for number, node in enumerate(self.nodes)}
        self.parents: list[int] = []
        self._starts, self._inner = [0], [WHOLE]
        open_ones: list[int] = []
        for number, node in enumerate(self.nodes):
            self._close(open_ones, node.start_byte)
            self.parents.append(open_ones[-1] if open_ones else WHOLE)
            self._starts.append(node.start_byte)
            self._inner.append(number)
            open_ones.append(number)
        self._close(open_ones, None)

    def _close(self, open_ones: list[int], offset: int | None) -> None:
        while open_ones and (offset is None or self.nodes[open_ones[-1]].end_byte <= offset):
            self._starts.append(self.nodes[open_ones.pop()].end_byte)
            self._inner.append(open_ones[-1] if open_ones else WHOLE)

    def at(self, offset: int) -> int:
        """Return the innermost region around an offset."""
        return self._inner[bisect_right(self._starts, offset) - 1]

    def around(self, region: int) -> int:
        """Return the region around a region."""
        return self.parents[region] if region >= 0 else WHOLE


class Names:
    """What the queries find in the tree of a file, and what each of its names means."""

    def __init__(self, language: str, root: "Node", data: bytes) -> None:
        self._data = data
        self.found: Mapping[str, list[Node]] = QueryCursor(query(language)).captures(root)
        self.scopes = Regions(self.found.get("scope", ()))

    def text(self, node: "Node | None") -> str:
        """Return the text of a node; empty for none."""
        return "" if node is None else self._data[node.start_byte : node.end_byte].decode(errors="replace")

    def texts(self, capture: str) -> frozenset[str]:
        """Return the texts of all nodes of a capture."""
        return frozenset(map(self.text, self.found.get(capture, ())))

    @cached_property
    def definitions(self) -> "dict[str, dict[int, list[Node]]]":
        """The places where each name is defined, by their scope."""
        found: dict[str, dict[int, list[Node]]] = {}
        for capture, outer in (("definition", False), ("definition.outer", True)):
            for node in self.found.get(capture, ()):
                scope = self.scopes.at(node.start_byte)
                scope = self.scopes.around(scope) if outer else scope
                found.setdefault(self.text(node), {}).setdefault(scope, []).append(node)
        return found

    @cached_property
    def tops(self) -> "dict[str, list[Node]]":
        """The names that are defined outside of all functions, each with its places."""
        return {name: places[WHOLE] for name, places in self.definitions.items() if WHOLE in places}

    def defined(self, node: "Node") -> "list[Node]":
        """Return the places that may define the name of a node, in the innermost scope that has any."""
        places = self.definitions.get(self.text(node))
        scope = self.scopes.at(node.start_byte) if places else WHOLE
        for _ in range(DEEPEST):
            if not places or scope in places or scope == WHOLE:
                return places.get(scope, []) if places else []
            scope = self.scopes.around(scope)
        return [each for nodes in (places or {}).values() for each in nodes]

    @cached_property
    def types(self) -> "tuple[Regions, list[dict[str, Node]], frozenset[int]]":
        """The bodies of types, the members of each, and which may have more that cannot be read."""
        bodies = Regions(self.found.get("type", ()))
        members: list[dict[str, Node]] = [{} for _ in bodies.nodes]
        for node in self.found.get("own", ()):
            if (body := bodies.at(node.start_byte)) != WHOLE:
                members[body].setdefault(self.text(node).strip("\"'"), node)
        opened = frozenset(bodies.at(node.start_byte) for node in self.found.get("open", ()))
        return bodies, members, opened

    def members(self, body: "Node") -> "dict[str, Node] | None":
        """Return the members of a type by its body; None where it may have others."""
        bodies, members, opened = self.types
        number = bodies.numbers.get(body.id)
        return None if number is None or number in opened else members[number]

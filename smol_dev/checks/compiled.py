"""Go, Rust and Java: what the syntax trees of their files say, and what the rules of all three share."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from smol_dev.checks.project import Problem, Project, above, instead
from smol_dev.checks.web import Source
from smol_dev.languages import language_of, tree
from smol_dev.languages.scopes import Names

if TYPE_CHECKING:
    from tree_sitter import Node

LANGUAGES: Final = ("go", "rust", "java")


class Unit(Source):
    """A file of a compiled language, and what its syntax tree says."""

    def __init__(self, path: str, text: str, language: str, root: "Node") -> None:
        super().__init__(path, text)
        self.language = language
        self.folder = posixpath.dirname(path)
        self.names = Names(language, root, self.data)
        self.found = self.names.found

    def lacks(self, node: "Node", message: str, there: Iterable[str] = ()) -> Problem:
        """Return the problem at a node, with the names that exist instead."""
        message += instead(self.names.text(node), there, "there is")
        return self.problem(node.start_byte, "compiled-name", message)


@dataclass
class Type:
    """A type of a project: its members, the types whose members it also has, and the nodes that define it."""

    members: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    is_open: bool = False


class Compiled:
    """The files of Go, Rust and Java in a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.units: list[Unit] = []
        self.unread: set[str] = set()
        for path, text in project.files.items():
            language = language_of(path)
            if language in LANGUAGES:
                parsed = tree(language, text)
                if parsed is None or parsed.root_node.has_error:
                    self.unread.add(path)
                else:
                    self.units.append(Unit(path, text, language, parsed.root_node))

    def of(self, language: str) -> list[Unit]:
        """Return the files of a language."""
        return [unit for unit in self.units if unit.language == language]

    def manifest(self, path: str, name: str) -> tuple[str, str] | None:
        """The nearest manifest of this name above a file: its folder, and its text."""
        for folder in above(path):
            if (text := self.project.files.get(posixpath.join(folder, name))) is not None:
                return folder, text
        return None

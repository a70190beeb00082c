"""Whether a text is of another language than its path says."""

import ast
import re
from functools import lru_cache
from typing import Final

from smol_dev.languages.names import language_named, language_of
from smol_dev.languages.parsing import JUDGED, parse, parse_as
from smol_dev.languages.standard import python_tree
from smol_dev.languages.verdict import State

TELLING: Final = {
    "python": None,
    "html": re.compile(r"\A\s*<(?:!doctype|html|head|body|div|!--|meta|link)\b", re.IGNORECASE),
    "json": re.compile(r"\A\s*\{"),
    "toml": re.compile(r"^\[", re.MULTILINE),
    "css": re.compile(
        r"\A(?:\s++|/\*(?:[^*]|\*(?!/))*+\*/|@[^;{}\n]*+;)*+[^{};]++\{\s*+(?:[\w-]++\s*+:[^{}]*+[{}]|\}|[^{};]*+\{)"
    ),
    "java": re.compile(r"^[^\S\n]*+(?:public |final |abstract )*(?:class|interface|enum|record)\s", re.MULTILINE),
    "go": re.compile(r"^package \w+", re.MULTILINE),
    "rust": re.compile(r"^[^\S\n]*+(?:pub(?:\(\w+\))? )?(?:fn|struct|enum|impl|trait|use|mod)\b", re.MULTILINE),
    "javascript": re.compile(
        r"^[^\S\n]*+(?:import\b|export\b|(?:async )?function\b|class\b|(?:const|let|var) )|\brequire\(|=>|"
        r"\b(?:document|console|module|window)\.",
        re.MULTILINE,
    ),
    "typescript": re.compile(
        r"^[^\S\n]*+(?:import\b|export\b|interface\b|type\b|(?:const|let|class|function) )", re.MULTILINE
    ),
}  # fmt: skip
"""The languages that an unlabelled text is tried as, in this order, with what must be in it.

A few words alone parse as almost anything, so parsing is not enough.
"""
PROGRAMS: Final = frozenset({"python", "javascript", "typescript", "tsx", "bash", "html"})
SHAPES: Final = {
    "html": re.compile(r"\A\s*(?:<|\{[{%#])"),
    "yaml": re.compile(r"^[^\S\n]*+(?:- |[\[{]|(?:[\w.$/-]++|\"[^\"\n]*\"|'[^'\n]*')\s*+:(?:\s|$))", re.MULTILINE),
}
UNMISTAKABLE: Final = ("json", "html", "css")
"""Languages that no program is written in, though lenient grammars read them as one."""

LOOSE: Final = frozenset({"bash", "yaml", "css", "html"})
"""Languages whose grammars take many a text of another one: not believed on a label alone."""

SAME: Final = (
    frozenset({"javascript", "typescript", "tsx"}),
    frozenset({"json", "jsonc", "yaml"}),
    frozenset({"css", "scss", "less", "stylus"}),
    frozenset({"bash", "fish"}),
    frozenset({"ini", "toml"}),
    frozenset({"html", "php", "vue", "svelte", "astro", "xml", "template"}),
)
"""Languages that are labelled with each other's names, or are part of each other."""

PROSE: Final = frozenset("text markdown restructuredtext latex template diff csv".split())


def other_language(path: str, text: str, label: str = "") -> str | None:
    """Return the language that a text is of instead of its path's, or None.

    Only a text that does not parse as its path's language counts, and only where it parses as the
    other one: the one its label names, or without a label one whose own words are in it. A type
    without a parser is left alone unless the label disagrees, and so is any type of prose.
    """
    asked = language_of(path)
    if asked is None or asked in PROSE:
        return None
    named = language_named(label)
    tried = [named] if named else list(TELLING)
    if asked in JUDGED:
        if not _is_wrong(asked, path, text):
            tried = [name for name in tried if name in UNMISTAKABLE and asked in PROGRAMS]
    else:
        tried = [name for name in tried if named and name not in LOOSE]
    return next((name for name in tried if not alike(asked, name) and _is_program(name, text)), None)


def _is_wrong(asked: str, path: str, text: str) -> bool:
    """Return whether a text is broken as the language of its path.

    Any words are text in a page and one string in YAML: a file of theirs has a tag or a key.
    """
    if asked in SHAPES and SHAPES[asked].search(text) is None:
        return True
    return not parse(path, text).whole and parse_as(asked, text).state is State.BROKEN


def alike(one: str | None, other: str | None) -> bool:
    """Return whether two languages are labelled with each other's names, or are part of each other."""
    return one == other or any(one in family and other in family for family in SAME)


@lru_cache(maxsize=16)
def _is_program(language: str, text: str) -> bool:
    """Return whether a text parses as a language and has in it what only a program of it has."""
    telling = TELLING.get(language)
    if telling is not None and telling.search(text) is None:
        return False
    if language == "python":
        return _is_python_program(text)
    return parse_as(language, text).whole


def _is_python_program(text: str) -> bool:
    tree = python_tree(text)
    return tree is not None and any(not isinstance(part, ast.Expr) for part in tree.body)

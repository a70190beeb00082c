"""What a path is, and whether a text is it: pure functions, one parser for each language.

`names` says which language a path or the label of a block means. `parsing` judges a text:
`parse("app.js", text)` and `parse_as("javascript", text)` return whether it is whole, broken,
unfinished or not judged, and where it stops; `check` also compiles. `grammars` holds the tree-sitter grammars, each
imported when the first text of its language is parsed; `standard` the standard library's parsers. `scopes`
says what the names of a text mean, by the queries of its language in `queries/`; `*.toml` are tables of names.
"""

from smol_dev.languages.grammars import grammar, tree
from smol_dev.languages.names import language_named, language_of
from smol_dev.languages.parsing import (
    JUDGED,
    alike,
    check,
    is_program,
    lacks_its_shape,
    other_language,
    parse,
    parse_as,
)
from smol_dev.languages.standard import Parsed, State

__all__ = [
    "JUDGED",
    "Parsed",
    "State",
    "alike",
    "check",
    "grammar",
    "is_program",
    "lacks_its_shape",
    "language_named",
    "language_of",
    "other_language",
    "parse",
    "parse_as",
    "tree",
]

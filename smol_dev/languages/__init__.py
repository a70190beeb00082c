"""What a path is, and whether a text is it: pure functions, one parser for each language.

`names` says which language a path or the label of a block means. `parsing` judges a text:
`parse("app.js", text)` and `parse_as("javascript", text)` return whether it is whole, broken,
unfinished or not judged, and where it stops; `check` also compiles. `grammars` holds the tree-sitter grammars, each
imported when the first text of its language is parsed; `standard` the standard library's parsers.
"""

from smol_dev.languages.grammars import grammar, tree
from smol_dev.languages.names import language_named, language_of
from smol_dev.languages.other import alike, other_language
from smol_dev.languages.parsing import JUDGED, check, parse, parse_as
from smol_dev.languages.verdict import Parsed, State

__all__ = [
    "JUDGED",
    "Parsed",
    "State",
    "alike",
    "check",
    "grammar",
    "language_named",
    "language_of",
    "other_language",
    "parse",
    "parse_as",
    "tree",
]

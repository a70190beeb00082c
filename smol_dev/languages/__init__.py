"""The language of a path, and whether a text is valid in it: pure functions, one parser for each language.

- `names` returns the language of a path, or of the label of a block; `languages.toml` is its table.
- `parsing` judges a text: `parse("app.js", text)` and `parse_as("javascript", text)` return whether it is whole,
  broken, unfinished or not judged, and where it breaks; `check` also compiles.
- `grammars` has the tree-sitter grammars, each imported when the first text of its language is parsed; `standard` has
  the parsers of the standard library; `lines` judges tables, settings and the like, line by line.
- `scopes` finds what the names of a text mean, with the queries of its language in `queries/` and the names that are
  there without a definition in `globals.toml`; `outline` lists what a file defines for others.
"""

from smol_dev.languages.grammars import grammar, tree
from smol_dev.languages.lines import LINES
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
    program_in,
)
from smol_dev.languages.standard import Parsed, State

__all__ = [
    "JUDGED",
    "LINES",
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
    "program_in",
    "tree",
]

"""The one filter between foreign text and a terminal or log: escaped visibly, nothing deleted.

Standard library only. Foreign is whatever a model, server, file name or project file said.
"""

import unicodedata
from typing import Final

BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that Unicode calls visible and that no font draws."""

SUPPLEMENTARY_SELECTORS: Final = range(0xE0100, 0xE01F0)
"""Variation selectors that carry a hidden byte each; the common ones in emoji stay."""

LONGEST_NAME: Final = 200
"""Characters of a name that are shown: of a path, a model, a server."""

FIRST_PRINTABLE: Final = 0x20
DELETE: Final = 0x7F
LAST_IN_TWO_DIGITS: Final = 0xFF
LAST_IN_FOUR_DIGITS: Final = 0xFFFF


def safe(text: str, *, keep_newlines: bool = False) -> str:
    r"""The text with each control, format, bidi, surrogate, private, unassigned character escaped.

    `^[` is the escape character, `\u202e` the right-to-left override. With `keep_newlines` line
    feeds and tabs stay, for text of several lines. Applying it again changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = "\n\t" if keep_newlines else ""
    return "".join(
        character if character in kept or is_visible(character) else escape(character)
        for character in text
    )


def safe_name(name: str) -> str:
    """A foreign name in one line: escaped, and cut to 200 characters."""
    return safe(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…")


def is_visible(character: str) -> bool:
    """Whether a terminal draws the character where it stands, and nothing else happens."""
    if character in BLANK_LETTERS or ord(character) in SUPPLEMENTARY_SELECTORS:
        return False
    return character.isprintable() or unicodedata.category(character) == "Zs"


def escape(character: str) -> str:
    """The character in printable ASCII: caret notation below 32, else as in a Python string."""
    code = ord(character)
    if code < FIRST_PRINTABLE or code == DELETE:
        return f"^{chr(code ^ 0x40)}"
    if code <= LAST_IN_TWO_DIGITS:
        return f"\\x{code:02x}"
    if code <= LAST_IN_FOUR_DIGITS:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"

"""Foreign text made harmless: on a terminal or in a log, and in the commands that we suggest.

Standard library only. Foreign is whatever a model, server, file name or project file said. On a
screen it is escaped visibly, and nothing is deleted; in a command, which people copy into a shell, it
is one word, or it is not there.
"""

import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that Unicode calls visible and that no font draws."""

SUPPLEMENTARY_SELECTORS: Final = range(0xE0100, 0xE01F0)
"""Variation selectors that carry a hidden byte each; the common ones in emoji stay."""

JOINER: Final = "\u200d"
EMOJI_MODIFIERS: Final = "\ufe0f" + "".join(map(chr, range(0x1F3FB, 0x1F400)))
"""What may stand behind an emoji: the colour selector and the tones of skin."""

LONGEST_NAME: Final = 200
"""Characters of a name that is shown or typed: of a path, a model, a server."""

MOST_NAMED: Final = 5
"""Names that are listed in a sentence."""

PLACE: Final = re.compile(r"\{([a-z_]+)\}")

FIRST_PRINTABLE: Final = 0x20
DELETE: Final = 0x7F
LAST_IN_TWO_DIGITS: Final = 0xFF
LAST_IN_FOUR_DIGITS: Final = 0xFFFF


def safe(text: str, *, keep_newlines: bool = False) -> str:
    r"""Return the text with each control, format, bidi, surrogate, private, unassigned character escaped.

    `^[` is the escape character, `\u202e` the right-to-left override. With `keep_newlines` line
    feeds and tabs stay, for text of several lines. The joiners within emoji stay as well. Applying it
    again changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = "\n\t" if keep_newlines else ""
    return "".join(
        character if character in kept or is_visible(character) or joins_emoji(text, at) else escape(character)
        for at, character in enumerate(text)
    )


def safe_name(name: str) -> str:
    """Return a foreign name in one line: escaped, and cut to 200 characters."""
    return safe(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…")


def is_visible(character: str) -> bool:
    """Return whether a terminal draws the character where it stands, and nothing else happens."""
    if character in BLANK_LETTERS or ord(character) in SUPPLEMENTARY_SELECTORS:
        return False
    return character.isprintable() or unicodedata.category(character) == "Zs"


def joins_emoji(text: str, at: int) -> bool:
    """Return whether a zero-width joiner stands there between two emoji, which makes one sign of them."""
    if text[at] != JOINER:
        return False
    before = text[max(at - 3, 0) : at].rstrip(EMOJI_MODIFIERS)
    around = (before[-1:], text[at + 1 : at + 2])
    return all(each and unicodedata.category(each) == "So" for each in around)


def escape(character: str) -> str:
    """Return the character in printable ASCII: caret notation below 32, else as in a Python string."""
    code = ord(character)
    if code < FIRST_PRINTABLE or code == DELETE:
        return f"^{chr(code ^ 0x40)}"
    if code <= LAST_IN_TWO_DIGITS:
        return f"\\x{code:02x}"
    if code <= LAST_IN_FOUR_DIGITS:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"


def command(template: str, **values: object) -> str:
    """Return a command in back-ticks: `command("smol_dev resume {dir}", dir=path)`.

    Each value arrives as it is, as one argument, when the command is typed into a POSIX shell; one
    that begins with `-` is not taken for an option, so options stand before values in a template. A
    value that nobody can check by eye stays out, and its name stands there in capitals: `smol_dev
    resume DIR`.
    """
    texts = {name: str(value) for name, value in values.items()}
    words: list[str] = []
    for word in template.split(" "):
        alone = PLACE.fullmatch(word)
        if alone and texts.get(alone[1], "").startswith("-") and is_typeable(texts[alone[1]]):
            if words[-1].startswith("--") and "=" not in words[-1]:
                words[-1] += f"={shlex.quote(texts[alone[1]])}"
                continue
            if not words[-1].startswith("-") and "--" not in words:
                words.append("--")
        words.append(PLACE.sub(lambda place: word_for(place[1], texts), word))
    return f"`{' '.join(words)}`"


def with_commands(text: str, values: Mapping[str, object]) -> str:
    """Return a sentence with its places filled in, those in its commands as `command` does."""
    parts = text.split("`")
    parts[1::2] = [command(each, **values)[1:-1] for each in parts[1::2]]
    parts[0::2] = [
        PLACE.sub(lambda place: safe(str(values.get(place[1], place[1].upper()))), each) for each in parts[0::2]
    ]
    return "`".join(parts)


def word_for(name: str, texts: Mapping[str, str]) -> str:
    """Return the value of a place in a template, quoted, or the place's name in capitals."""
    value = texts.get(name)
    return name.upper() if value is None or not is_typeable(value) else shlex.quote(value)


def is_typeable(value: str) -> bool:
    """Return whether a value may stand in a command: short, visible, and no back-tick to end it early."""
    return 0 < len(value) <= LONGEST_NAME and "`" not in value and all(is_visible(character) for character in value)


def listed(names: Sequence[str]) -> str:
    """Return foreign names for a sentence, the first five of them, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(named, names[:MOST_NAMED])) + more


def named(name: str) -> str:
    """Return a foreign name for a sentence: in back-ticks only if nothing in it could be a command."""
    text = safe_name(name)
    return f"`{text}`" if " " not in text and text == shlex.quote(text) else f"“{text}”"

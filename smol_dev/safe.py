"""Escaping of foreign text, for terminals and logs and for the commands that we suggest.

Standard library only. Foreign text comes from a model, server, file name or project file. On a screen it
is escaped visibly, and nothing is deleted. In a command, which people copy into a shell, it is quoted as
one word or left out.
"""

import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that Unicode counts as visible but fonts draw as blank."""

SUPPLEMENTARY_SELECTORS: Final = range(0xE0100, 0xE01F0)
"""Variation selectors that can each hide a byte; the common ones in emoji are kept."""

JOINER: Final = "\u200d"
EMOJI_MODIFIERS: Final = "\ufe0f" + "".join(map(chr, range(0x1F3FB, 0x1F400)))
"""Characters that may follow an emoji: the colour selector and the skin tones."""

LONGEST_NAME: Final = 200
"""The most characters of a path, model or server name to show or put in a command."""

MOST_NAMED: Final = 5
"""The most names to list in a sentence."""

PLACE: Final = re.compile(r"\{([a-z_]+)\}")


def safe(text: str, *, keep_newlines: bool = False) -> str:
    r"""Return the text with each control, format, bidi, surrogate, private or unassigned character escaped.

    The escape character becomes `^[`, the right-to-left override `\u202e`. With `keep_newlines`, line feeds
    and tabs are kept. Joiners inside emoji are always kept. The function is idempotent.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = "\n\t" if keep_newlines else ""
    return "".join(
        character if character in kept or is_visible(character) or joins_emoji(text, at) else escape(character)
        for at, character in enumerate(text)
    )


def safe_name(name: str) -> str:
    """Return a foreign name on one line, escaped and cut to 200 characters."""
    return safe(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…")


def is_visible(character: str) -> bool:
    """Return whether a terminal just draws the character in its place."""
    if character in BLANK_LETTERS or ord(character) in SUPPLEMENTARY_SELECTORS:
        return False
    return character.isprintable() or unicodedata.category(character) == "Zs"


def joins_emoji(text: str, at: int) -> bool:
    """Return whether the character is a zero-width joiner between two emoji, which it turns into one."""
    if text[at] != JOINER:
        return False
    before = text[max(at - 3, 0) : at].rstrip(EMOJI_MODIFIERS)
    around = (before[-1:], text[at + 1 : at + 2])
    return all(each and unicodedata.category(each) == "So" for each in around)


def escape(character: str) -> str:
    """Return the character in printable ASCII: caret notation for 0 to 31 and 127, else a Python escape."""
    if character.isascii():
        return f"^{chr(ord(character) ^ 0x40)}"
    return character.encode("ascii", "backslashreplace").decode()


def command(template: str, **values: object) -> str:
    """Return a command in backticks: `command("smol_dev resume {dir}", dir=path)`.

    In a POSIX shell each value is one unchanged argument. A value that begins with `-` is not taken for an
    option, so options must come before values in a template. A value that cannot be checked by eye is
    replaced by its name in capitals: `smol_dev resume DIR`.
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
    """Return a sentence with its placeholders filled in, using `command` for those inside backticks."""
    parts = text.split("`")
    parts[1::2] = [command(each, **values)[1:-1] for each in parts[1::2]]
    parts[0::2] = [
        PLACE.sub(lambda place: safe(str(values.get(place[1], place[1].upper()))), each) for each in parts[0::2]
    ]
    return "`".join(parts)


def word_for(name: str, texts: Mapping[str, str]) -> str:
    """Return a placeholder's value quoted for the shell, or its name in capitals."""
    value = texts.get(name)
    return name.upper() if value is None or not is_typeable(value) else shlex.quote(value)


def is_typeable(value: str) -> bool:
    """Return whether a value may be put in a command: short, visible, and without a backtick that would end it."""
    return 0 < len(value) <= LONGEST_NAME and "`" not in value and all(is_visible(character) for character in value)


def listed(names: Sequence[str]) -> str:
    """Return the first five foreign names for a sentence, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(named, names[:MOST_NAMED])) + more


def named(name: str) -> str:
    """Return a foreign name for a sentence, in backticks only if it is safe to paste into a shell."""
    text = safe_name(name)
    return f"`{text}`" if " " not in text and text == shlex.quote(text) else f"“{text}”"

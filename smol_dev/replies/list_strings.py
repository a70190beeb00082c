"""The strings of a list as they are meant: escapes undone only where a path may hold the character."""

import json
import re
from typing import Final

from smol_dev.replies.path_words import (
    is_file_like,
    is_known_file,
)

SURROGATES: Final = range(0xD800, 0xE000)
ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def decoded(text: str) -> str:
    r"""Return a string's text; only what cannot be part of a path is decoded, so never `\t`.

    `\u` is decoded where it stands for a letter that JSON writers escape, or for a character that
    makes the path unusable.
    """
    if "\\" not in text:
        return text
    text = ESCAPED.sub(character, text).replace('\\"', '"').replace("\\/", "/").replace("\\'", "'")
    if re.search(r"(?<!\\)(?:\\\\)*\\(?!\\)", text) is None:
        text = text.replace("\\\\", "\\")
    return (
        re.sub(r"(?<=\w)(?:\\[nrt])+\s*$", "", text)
        if is_file_like(re.sub(r"(?:\\[nrt])+\s*$", "", text))
        else text
    )


def before_break(text: str) -> str:
    r"""Return a string up to an escaped tab or line end that cannot be part of a path: `a.py\twords`."""
    match = re.search(r"\\[nrt]|\n", text)
    return text[: match.start()] if match and is_known_file(text[: match.start()].strip()) else text


def character(match: re.Match[str]) -> str:
    """Return the character an escape stands for, if a path may be meant to have it."""
    code = int(match[1], 16)
    is_printable = ord(" ") <= code <= ord("~")
    return match[0] if is_printable or code in SURROGATES else chr(code)


def unescaped(text: str) -> str:
    """Return the text that was encoded as a string once more."""
    if "\\" not in text:
        return text
    try:
        value = json.loads(f'"{text}"', strict=False)
    except ValueError:
        value = None
    return (
        value
        if isinstance(value, str)
        else text.replace('\\"', '"').replace("\\\\", "\\").replace("\\n", "\n")
    )


def plain(key: str) -> str:
    """Return a key in lower case, only its letters and digits."""
    return re.sub(r"[\W_]", "", key.lower())

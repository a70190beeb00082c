"""The language of a path, by its name or its extension, and of the word that labels a block."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

_TABLES: Final = tomllib.loads(Path(__file__).with_name("languages.toml").read_text("utf-8"))
_NAMES: Final = {kind: frozenset(words.split()) for kind, words in _TABLES["names"].items()}
_FILES: Final[dict[str, str]] = {
    name: language for language, names in _TABLES["files"].items() for name in names.split()
}
_PATTERNS: Final[dict[str, re.Pattern[str]]] = {
    language: re.compile(rf"\A(?:{pattern})\Z") for language, pattern in _TABLES["patterns"].items()
}
_WORDS: Final[dict[str, str]] = {
    word: language for language, words in _TABLES["words"].items() for word in words.split()
} | {language: language for language in _TABLES["words"]}

TEXT_ENDINGS: Final = _NAMES["text_endings"]
BINARY_ENDINGS: Final = _NAMES["binary_endings"]
ENDINGS: Final = TEXT_ENDINGS | BINARY_ENDINGS
BARE_NAMES: Final = _NAMES["bare"]
UPPER_NAMES: Final = _NAMES["upper"]
FOLDER_NAMES: Final = _NAMES["folders"]
"""Folders that projects have; a list may name one above its files."""


@lru_cache(maxsize=256)
def language_of(path: str) -> str | None:
    """Return the language of the file that a path names, or None for an unknown one."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    if name in _FILES:
        return _FILES[name]
    named = next((language for language, pattern in _PATTERNS.items() if pattern.match(name)), None)
    if named is not None:
        return named
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return None
    if extension in _WORDS:
        return _WORDS[extension]
    if extension in TEXT_ENDINGS and stem[0] != ".":
        return None
    return _FILES.get(stem) or _FILES.get(f".{stem.split('.')[1]}" if stem[0] == "." else "")


def language_named(label: str) -> str | None:
    """Return the language that the label of a block means, or None for an unknown word."""
    return _WORDS.get(label.strip().lower().lstrip("."))

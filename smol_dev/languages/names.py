"""The language of a path, by its whole name or its extension, and of the word that labels a block."""

import tomllib
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath


@cache
def _known(table: str) -> dict[str, str]:
    """Return the language of each name in a table of the data beside the code."""
    data = tomllib.loads(Path(__file__).with_name("languages.toml").read_text("utf-8"))[table]
    own = data if table == "words" else ()
    return {word: name for name, words in data.items() for word in words.split()} | {name: name for name in own}


@lru_cache(maxsize=256)
def language_of(path: str) -> str | None:
    """Return the language of the file that a path names, or None for an unknown one."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    files = _known("files")
    if name in files:
        return files[name]
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return None
    if extension in _known("words"):
        return _known("words")[extension]
    return files.get(stem) or files.get(f".{stem.split('.')[1]}" if stem[0] == "." else "")


def language_named(label: str) -> str | None:
    """Return the language that the label of a block means, or None for an unknown word."""
    return _known("words").get(label.strip().lower().lstrip("."))

"""The prompt as it was given: text, a file, or standard input."""

import sys
from pathlib import Path
from typing import Final

from smol_dev.errors import UsageError

MOST_BYTES: Final = 1024 * 1024
FILE_SUFFIXES: Final = (".md", ".txt")
HINT: Final = (
    'say what to build: `smol_dev "a to-do list in one HTML page"`, or name a .md or .txt file'
)


def read_prompt(prompt: str | None, older: str | None) -> str:
    """The prompt's text, of the argument or of `--prompt`.

    Raises `UsageError` when there is none or two, when it is empty, and when its file cannot be read.
    """
    if prompt is not None and older is not None:
        raise UsageError("the prompt is given twice, as an argument and with `--prompt`", hint=HINT)
    given = prompt if prompt is not None else older
    if given is None:
        raise UsageError("no prompt is given", hint=HINT)
    if given == "-":
        text = decoded(sys.stdin.buffer.read(MOST_BYTES + 1), "standard input")
    elif names_file(given):
        text = read_file(Path(given).expanduser())
    else:
        text = decoded(given.encode("utf-8", "surrogateescape"), "the prompt")
    if not text.strip():
        raise UsageError("the prompt is empty", hint=HINT)
    return text.strip()


def names_file(given: str) -> bool:
    """Whether the argument is meant as a file: one word with a file's ending, or a file that exists."""
    if not given.lower().endswith(FILE_SUFFIXES) or "\n" in given or "\0" in given:
        return False
    return " " not in given.strip() or Path(given).expanduser().is_file()


def read_file(path: Path) -> str:
    """The text of a prompt file."""
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise UsageError(f"the prompt file `{path}` {what}", hint="check the path, or " + HINT)
        with path.open("rb") as file:
            return decoded(file.read(MOST_BYTES + 1), f"the prompt file `{path}`")
    except OSError as error:
        raise UsageError(
            f"the prompt file `{path}` cannot be read: {error.strerror}", hint="check the path"
        ) from error


def decoded(raw: bytes, name: str) -> str:
    """The bytes as text; they must be UTF-8 without NUL, and at most 1 MiB."""
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{name} is longer than 1 MiB", hint="shorten the prompt")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name} is not UTF-8 (byte {error.start})", hint="save it as UTF-8 text"
        ) from error
    if "\0" in text:
        raise UsageError(f"{name} holds a NUL character", hint="save it as plain text")
    return text

"""The prompt as it was given: text, a file, or standard input."""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import click

from smol_dev.cli.commands import COMMANDS, PROMPTED
from smol_dev.errors import UsageError
from smol_dev.safe import command

MOST_BYTES: Final = 1024 * 1024
FILE_SUFFIXES: Final = (".md", ".txt")
LIKENESS: Final = 0.75
"""How alike a word and a command's name are, from 0 to 1, when one is taken for the other misspelt."""

HINT: Final = 'say what to build: `smol_dev "a to-do list in one HTML page"`, or name a .md or .txt file'


def read_prompt(prompt: str | None, older: str | None) -> str:
    """Return the prompt's text, of the argument or of `--prompt`.

    Raise `UsageError` when there is none or two, when it is empty, and when its file cannot be read.
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


def file_of(prompt: str | None, older: str | None) -> Path | None:
    """Return the file that the prompt was read from; None for a text."""
    given = prompt if prompt is not None else older
    return Path(given).expanduser() if given is not None and names_file(given) else None


def names_file(given: str) -> bool:
    """Return whether the argument is meant as a file: one word with a file's ending, or a file that exists."""
    if not given.lower().endswith(FILE_SUFFIXES) or "\n" in given or "\0" in given:
        return False
    return " " not in given.strip() or Path(given).expanduser().is_file()


def read_file(path: Path) -> str:
    """Return the text of a prompt file."""
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise UsageError(f"the prompt file `{path}` {what}", hint="check the path, or " + HINT)
        with path.open("rb") as file:
            return decoded(file.read(MOST_BYTES + 1), f"the prompt file `{path}`")
    except OSError as error:
        raise UsageError(f"the prompt file `{path}` cannot be read: {error.strerror}", hint="check the path") from error


def decoded(raw: bytes, name: str) -> str:
    """Return the bytes as text; they must be UTF-8 without NUL, and at most 1 MiB."""
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{name} is longer than 1 MiB", hint="shorten the prompt")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 (byte {error.start})", hint="save it as UTF-8 text") from error
    if "\0" in text:
        raise UsageError(f"{name} holds a NUL character", hint="save it as plain text")
    return text


def refuse_lookalike(prompt: str | None) -> None:
    """Raise `UsageError` for a prompt that was hardly meant as one: a command, or a file we do not read."""
    if prompt is None or PROMPTED not in click.get_current_context().meta:
        return
    word = prompt.strip()
    if word in COMMANDS:
        problem = f"`{word}` is a command; did you mean {command('smol_dev {name}', name=word)}?"
    elif (meant := meant_by(word)) is not None:
        is_option = meant == "--help"
        instead = "`smol_dev --help`" if is_option else command("smol_dev {name}", name=meant)
        problem = f"`{word}` is not a command; did you mean {instead}?"
    elif is_other_file(word):
        problem = f"`{word}` is a file; did you mean its text, {command('smol_dev - < {file}', file=word)}?"
    else:
        return
    hint = "a prompt of one word: " + command("smol_dev generate {word}", word=word)
    raise UsageError(problem, hint=hint)


def meant_by(word: str) -> str | None:
    """Return the command whose name was probably misspelt."""
    folded = word.lower()
    if folded in {"help", "version"}:
        return f"--{folded}"
    near = get_close_matches(folded, COMMANDS, n=1, cutoff=LIKENESS)
    if near and near[0][0] == folded[0] and abs(len(near[0]) - len(folded)) <= 1:
        return near[0]
    return None


def is_other_file(word: str) -> bool:
    """Return whether this is the name of a file that is not read as a prompt."""
    try:
        return Path(word).is_file() and not word.lower().endswith(FILE_SUFFIXES)
    except (OSError, ValueError):
        return False

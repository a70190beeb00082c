"""The languages that the standard library parses: Python, JSON, TOML and XML."""

import ast
import codeop
import json
import re
import symtable
import tomllib
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final, TypeVar
from xml.parsers import expat

Read = TypeVar("Read")


class State(Enum):
    """Whether a text is a file of its language.

    `UNFINISHED` means that the only thing wrong is the end: with more text behind it, it could
    have been whole.
    """

    WHOLE = "whole"
    BROKEN = "broken"
    UNFINISHED = "unfinished"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parser's verdict, and where and why it stopped (line and column count from 1)."""

    state: State
    line: int = 0
    column: int = 0
    message: str = ""

    @property
    def whole(self) -> bool:
        """Whether the text is a whole file of its language."""
        return self.state is State.WHOLE

    @property
    def wrong(self) -> bool:
        """Whether the text is broken or unfinished."""
        return self.state is State.BROKEN or self.state is State.UNFINISHED

    def __str__(self) -> str:
        """Return `line 3: what is wrong`, or the state where nothing is."""
        return f"line {self.line}: {self.message}" if self.wrong else self.state.value


LAST_WORD: Final = re.compile(r"[^\s()\[\]{};,]{1,60}\s*\Z")
"""What may be half a word: a text that becomes invalid here is cut, not wrong."""

WHOLE: Final = Parsed(State.WHOLE)
NOT_JUDGED: Final = Parsed(State.NOT_JUDGED)


def stopped(text: str, offset: int, message: str, *, unfinished: bool) -> Parsed:
    """Return the verdict on a text that cannot be read past an offset."""
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return Parsed(State.UNFINISHED if unfinished else State.BROKEN, line, column, message)


LARGEST_PYTHON: Final = 1024 * 1024
MOST_FIELDS: Final = 10_000
"""Braces of a text with f-strings: compiling one of them takes time by the square of its fields, deaf to signals."""

STATEMENT: Final = re.compile(r"\n(?=[^\s)\]}])")
DEFINITION: Final = ("def ", "async def ", "class ")
JUMP: Final = re.compile(r"\b(?:return|yield|await|break|continue)\b")
"""A body alone, as models give it for a change, parses where it begins at the margin, but is no file."""

F_STRING: Final = re.compile(r"""\b(?:f|rf|fr)["']""", re.IGNORECASE)


def too_much_python(text: str) -> bool:
    """Return whether compiling a text could take many seconds, in which no signal ends the program."""
    if len(text) > LARGEST_PYTHON:
        return True
    return text.count("{") > MOST_FIELDS and F_STRING.search(text) is not None


def judge_python(text: str) -> Parsed:
    """Return whether a text parses as Python, and no jump in it is outside of all functions.

    Its table of names costs less than its code, which is made where there may be such a jump.
    """
    parsed = _python(text, symtable.symtable)
    outside = (part for part in STATEMENT.split(text) if not part.startswith(DEFINITION))
    return compiled_python(text) if parsed.whole and any(map(JUMP.search, outside)) else parsed


def compiled_python(text: str) -> Parsed:
    """Return whether a text compiles, which finds more: `except:` before other handlers."""
    return _python(text, partial(compile, dont_inherit=True))


def _python(text: str, read: Callable[[str, str, str], object]) -> Parsed:
    if too_much_python(text):
        return NOT_JUDGED
    return _judged(text.rstrip() + "\n", lambda text: _quietly(read, text, "<file>", "exec"), _python_error)


def python_tree(text: str) -> ast.Module | None:
    """Return the syntax tree of a Python file, or None where it has none or would take too long."""
    if not too_much_python(text):
        with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            tree: ast.Module = _quietly(ast.parse, text)
            return tree
    return None


def judge_json(text: str) -> Parsed:
    """Return whether a text is one JSON value."""
    return _judged(text, json.loads, _json_error)


def judge_toml(text: str) -> Parsed:
    """Return whether a text is a TOML document; white space at its end is ignored."""
    return _judged(text.rstrip(), tomllib.loads, _toml_error)


def judge_xml(text: str) -> Parsed:
    """Return whether a text is one XML document, with each entity that it uses."""
    text = text.strip()
    if not text:
        return NOT_JUDGED
    reader = expat.ParserCreate("utf-8")
    is_read = False
    try:
        reader.Parse(text.encode(errors="replace"), False)  # noqa: FBT003 - takes no name
        is_read = True
        reader.Parse(b"", True)  # noqa: FBT003 - takes no name
    except expat.ExpatError as error:
        place = sum(len(line) + 1 for line in text.split("\n")[: error.lineno - 1]) + error.offset
        return stopped(text, min(place, len(text)), expat.ErrorString(error.code), unfinished=is_read and "<" in text)
    return WHOLE


def _quietly(read: Callable[..., Read], *given: str) -> Read:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(*given)


def _judged(text: str, read: Callable[[str], object], error_at: Callable[[str, Any], Parsed]) -> Parsed:
    """Return the verdict of a parser on a text; `error_at` finds the place of its error."""
    try:
        read(text)
    except (SyntaxError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        return error_at(text, error)
    except (RecursionError, MemoryError, OverflowError):
        return NOT_JUDGED
    except ValueError as error:
        return stopped(text, max(0, text.find("\0")), str(error), unfinished=False)
    return WHOLE


def _python_error(text: str, error: SyntaxError) -> Parsed:
    """Return where Python stopped; a NUL has no line of its own."""
    lines = text.split("\n")
    line = min(error.lineno or text.count("\n", 0, max(0, text.find("\0"))) + 1, len(lines) - 1)
    offset = sum(len(before) + 1 for before in lines[: line - 1]) + max(0, (error.offset or 1) - 1)
    unfinished = (
        _python_goes_on(text)
        or text[offset:].strip() == ""
        or (line == len(lines) - 1 and error.msg.startswith("unterminated"))
        or _python_goes_on(LAST_WORD.sub("", text))
    )
    return stopped(text, min(offset, len(text) - 1), error.msg, unfinished=unfinished)


def _python_goes_on(text: str) -> bool:
    """Return whether Python, asked as its prompt asks, would wait for more."""
    text = text.rstrip()
    try:
        return codeop.compile_command(text, symbol="exec") is None
    except SyntaxError as error:
        last = text.rpartition("\n")[2]
        return error.lineno == text.count("\n") + 1 and (error.offset or 0) > len(last)
    except (ValueError, OverflowError, RecursionError, MemoryError):
        return False


def _json_error(text: str, error: json.JSONDecodeError) -> Parsed:
    unfinished = not error.msg.startswith("Extra") and (
        error.msg.startswith("Unterminated")
        or not text[error.pos :].strip()
        or LAST_WORD.match(text, error.pos) is not None
    )
    return stopped(text, error.pos, error.msg, unfinished=unfinished)


def _toml_error(text: str, error: tomllib.TOMLDecodeError) -> Parsed:
    message, _, place = str(error).partition(" (at ")
    at = re.match(r"line (\d+), column (\d+)", place)
    if at is None:
        return stopped(text, len(text), message, unfinished=True)
    offset = sum(len(line) + 1 for line in text.split("\n")[: int(at[1]) - 1]) + int(at[2]) - 1
    return stopped(text, offset, message, unfinished=LAST_WORD.match(text, offset) is not None)

"""What the demo server says: canned answers, chosen by the turn of the conversation, not by its words."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from typing import Final

FENCE: Final = "````"
"""Four backticks, because the README has fences of its own."""

LANGUAGES: Final = {"py": "python", "md": "markdown"}

TOKEN: Final = re.compile(r"\s*(?:\w{1,6}|[^\w\s]{1,3})|\s+")
"""What the demo counts as a token: about four characters, like a real vocabulary."""


class NoAnswerError(Exception):
    """A request for something that was not canned."""


@dataclass(frozen=True, slots=True)
class Program:
    """The one program of the demo: its plan, and its files in the order of the list."""

    plan: str
    files: Mapping[str, str]


@cache
def program() -> Program:
    """Return the canned program."""
    text = package_files(__name__.rpartition(".")[0]).joinpath("answers.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return Program(data["plan"], data["files"])


def answer(turns: Sequence[Mapping[str, str]]) -> str:
    """Return the answer to a conversation of messages with `role` and `content`, the user's last.

    Without an assistant's turn it is the plan. After one it is the file whose path ends the last
    message, else the list. Raises `NoAnswerError` for a file the program does not have.
    """
    answered = sum(turn["role"] == "assistant" for turn in turns)
    if not answered:
        return program().plan
    path = requested(turns[-1]["content"])
    if path is not None:
        return fenced(path, program().files[path])
    if answered == 1:
        return json.dumps({"files": list(program().files)})
    raise NoAnswerError("the demo server has canned answers only, for " + ", ".join(program().files))


def requested(text: str) -> str | None:
    """Return the path of the program that ends the text, quoted or not; None where another thing does."""
    *_, last = text.split() or [""]
    path = last.strip("`'\"*.,:;<>()")
    return path if path in program().files else None


def fenced(path: str, content: str) -> str:
    """Return the file as a model gives it."""
    language = LANGUAGES[path.rpartition(".")[2]]
    return f"{FENCE}{language}\n{content}{FENCE}"


def tokens(text: str) -> list[str]:
    """Return the text in pieces that make it up again."""
    return TOKEN.findall(text)

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
class Script:
    """What the demo plays: the plan of its one program, and its files in the order of the list.

    `drafts` come before the files of that name; they do not fit the others. `request` is the one change that
    can be asked for, `reasons` are the files it touches, each with the reason, and `changed` their new texts.
    """

    plan: str
    files: Mapping[str, str]
    drafts: Mapping[str, str]
    request: str
    reasons: Mapping[str, str]
    changed: Mapping[str, str]


@cache
def script() -> Script:
    """Return the script."""
    text = package_files(__name__.rpartition(".")[0]).joinpath("answers.toml").read_text("utf-8")
    data = tomllib.loads(text)
    change = data["change"]
    return Script(data["plan"], data["files"], data["drafts"], change["request"], change["files"], data["changed"])


def answer(turns: Sequence[Mapping[str, str]]) -> str:
    """Return the answer to a conversation of messages with `role` and `content`, the user's last.

    Without an assistant's turn it is the plan. After one it is the file whose path ends the last message: its
    draft the first time, as it was changed once the change is told; else the list, or the files of the change.
    Raise `NoAnswerError` for what was not canned.
    """
    canned, last = script(), turns[-1]["content"]
    answered = [turn["content"] for turn in turns if turn["role"] == "assistant"]
    if not answered:
        return canned.plan
    path = requested(last)
    if path is not None:
        asked = [requested(turn["content"]) for turn in turns[:-1] if turn["role"] == "user"]
        draft = canned.files[path] if path in asked else canned.drafts.get(path, canned.files[path])
        return fenced(path, canned.changed.get(path, draft) if touched() in answered else draft)
    if len(answered) == 1:
        return json.dumps({"files": list(canned.files)})
    if canned.request in last:
        return touched()
    raise NoAnswerError(
        "the demo server has canned answers only, for "
        + ", ".join(canned.files)
        + f", and for one change: {canned.request}"
    )


def touched() -> str:
    """Return which files the change touches, as a model says it."""
    files = [{"path": path, "why": why} for path, why in script().reasons.items()]
    return json.dumps({"change": files, "add": [], "remove": []})


def requested(text: str) -> str | None:
    """Return the path of the program that ends the text, quoted or not; None where another thing does."""
    *_, last = text.split() or [""]
    path = last.strip("`'\"*.,:;<>()")
    return path if path in script().files else None


def fenced(path: str, content: str) -> str:
    """Return the file as a model gives it."""
    language = LANGUAGES[path.rpartition(".")[2]]
    return f"{FENCE}{language}\n{content}{FENCE}"


def tokens(text: str) -> list[str]:
    """Return the text in pieces that make it up again."""
    return TOKEN.findall(text)

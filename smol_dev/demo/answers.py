"""The demo server's canned answers, chosen by the state of the conversation."""

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
"""A token of the demo: about four characters, like in a real vocabulary."""


class NoAnswerError(Exception):
    """A request for which there is no canned answer."""


@dataclass(frozen=True, slots=True)
class Script:
    """The demo's content: the plan of its only program, and its files in list order.

    `drafts` are first versions of some files that do not fit the others. `request` is the only change that can
    be requested, `reasons` maps the files that it touches to the reason, and `changed` to their new texts.
    """

    plan: str
    files: Mapping[str, str]
    drafts: Mapping[str, str]
    request: str
    reasons: Mapping[str, str]
    changed: Mapping[str, str]


@cache
def script() -> Script:
    """Return the script, read from `answers.toml`."""
    text = package_files(__name__.rpartition(".")[0]).joinpath("answers.toml").read_text("utf-8")
    data = tomllib.loads(text)
    change = data["change"]
    return Script(data["plan"], data["files"], data["drafts"], change["request"], change["files"], data["changed"])


def answer(turns: Sequence[Mapping[str, str]]) -> str:
    """Return the answer to messages with `role` and `content`, the last one from the user.

    The first answer is the plan. Later, if the last message ends with a file's path, the answer is that file:
    its draft at first, its changed version after the change was announced. Otherwise it is the file list or the
    files of the change. Raise `NoAnswerError` for any other request.
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
    """Return the files that the change touches, as a model would answer."""
    files = [{"path": path, "why": why} for path, why in script().reasons.items()]
    return json.dumps({"change": files, "add": [], "remove": []})


def requested(text: str) -> str | None:
    """Return the path at the end of the text, quoted or not; None if it is not a file of the program."""
    *_, last = text.split() or [""]
    path = last.strip("`'\"*.,:;<>()")
    return path if path in script().files else None


def fenced(path: str, content: str) -> str:
    """Return the file in a fenced block, as a model would answer."""
    language = LANGUAGES[path.rpartition(".")[2]]
    return f"{FENCE}{language}\n{content}{FENCE}"


def tokens(text: str) -> list[str]:
    """Return the text split into tokens, which join to the text."""
    return TOKEN.findall(text)

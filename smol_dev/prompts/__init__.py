"""Every word we send: the variants as data files, and the turns of a conversation made from them.

A run is one conversation: system, user (the plan, with the prompt), assistant (the plan), user (the
file list), assistant (the list), user (write X), assistant (X), … Each function below appends to
it and changes nothing before, so that a server finds every earlier turn in its prefix cache.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from string import Template
from typing import Final

from smol_dev.server.chat import Message

VARIANTS: Final = ("default", "small")
"""The shipped variants, by name."""

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "system": (),
    "plan": ("prompt",),
    "files": ("prompt", "plan"),
    "code": ("prompt", "plan", "files", "path"),
}
"""The variables each template of a variant may use."""

SMALL_MODEL: Final = 14_000_000_000
SMALL_WINDOW: Final = 8192

FILE_LIST_SCHEMA: Final[Mapping[str, object]] = {
    "type": "object",
    "properties": {"files": {"type": "array", "items": {"type": "string"}}},
    "required": ["files"],
    "additionalProperties": False,
}
"""The form of the file list, for servers with structured output."""


@dataclass(frozen=True, slots=True)
class Words:
    """One prompt variant: four templates with the variables of `VARIABLES`."""

    system: str
    plan: str
    files: str
    code: str


@cache
def shipped(variant: str) -> Words:
    """The shipped variant of this name, one of `VARIANTS`."""
    return Words(**_table(f"{variant}.toml"))


def choose(*, window: int | None, parameters: int | None) -> str:
    """What `prompt_variant = "auto"` means for a model: `small` for a small window or model.

    `window` is in tokens, `parameters` a count; None is unknown, and unknown is not small.
    """
    is_small = (window is not None and window <= SMALL_WINDOW) or (
        parameters is not None and parameters <= SMALL_MODEL
    )
    return "small" if is_small else "default"


def opening(words: Words, prompt: str) -> tuple[Message, ...]:
    """The conversation up to and including the request for the plan."""
    system = (Message("system", _fill(words.system)),) if words.system.strip() else ()
    return (*system, Message("user", _fill(words.plan, prompt=prompt)))


def ask_list(words: Words, *, prompt: str, plan: str) -> str:
    """The request for the file list, to follow the plan."""
    return _fill(words.files, prompt=prompt, plan=plan)


def ask_file(words: Words, path: str, *, prompt: str, plan: str, files: tuple[str, ...]) -> str:
    """The request for one file; its path is the last thing in the shipped variants."""
    return _fill(words.code, prompt=prompt, plan=plan, files="\n".join(files), path=path)


def with_remark(request: str, reason: str) -> str:
    """The same request, after a sentence that says why the last answer could not be used."""
    return f"{_fill(_table('remarks.toml')['again'], reason=reason)}\n{request}"


def more() -> str:
    """The request to go on with a cut-off answer."""
    return _fill(_table("remarks.toml")["more"])


def trimmed(plan: str, characters: int) -> str:
    """The first `characters` of the plan, to the end of a line, and a word that the rest is missing."""
    if len(plan) <= characters:
        return plan
    kept, _, _ = plan[:characters].rpartition("\n")
    return f"{kept}\n{_fill(_table('remarks.toml')['trimmed'])}"


def turn(so_far: tuple[Message, ...], said: str, request: str) -> tuple[Message, ...]:
    """The conversation with the model's answer and our next request appended."""
    return (*so_far, Message("assistant", said), Message("user", request))


@cache
def _table(name: str) -> dict[str, str]:
    text = package_files(__name__).joinpath(name).read_text(encoding="utf-8")
    return {key: value.strip("\n") for key, value in tomllib.loads(text).items()}


def _fill(template: str, **values: str) -> str:
    return Template(template).substitute(values)

"""The flags and environment variables that a run started with, kept in its record for a later resume."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from smol_dev.chat import STAGES
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags, Key, Layers, key_path, variables
from smol_dev.config.model import Run
from smol_dev.config.problems import fold
from smol_dev.redact import redact
from smol_dev.workspace.record import NotAs, read_as

ADDRESSES: Final = ("OLLAMA_HOST", "OPENAI_BASE_URL")
"""Variables of other programs that give a server's address."""

TRUST: Final = ("trust_project",)
SECRET: Final = frozenset({"api_key", "headers"})
OPEN_TABLES: Final = frozenset({"extra_body", "extra_query"})
SECRET_WORD: Final = re.compile(r"key|token|secret|auth|passw|credential|cookie|signature", re.IGNORECASE)
SERVER: Final = frozenset({"base_url", "provider"})
KEYS: Final = frozenset({"api_key", "api_key_env", "api_key_file", "api_key_command"})
RUN: Final = frozenset(Run.model_fields)
LONGEST_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Begun:
    """The flags, variables and working directory that a run started with, without secrets."""

    cwd: str = ""
    config: str = ""
    project: bool = True
    named: Mapping[str, tuple[object, str]] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    allow_sensitive: tuple[str, ...] = ()


def begun(layers: Layers, *, secrets: Collection[str], allow_sensitive: Iterable[str]) -> Begun:
    """Return the flags and variables in these layers, without anything that is, contains or looks like a secret."""
    flags, around = layers.flags, layers.surroundings

    def may_be_told(key: Key, value: object) -> bool:
        text = str(value)
        told = not SECRET & set(key) and text.isprintable() and redact(text, secrets) == text
        return told and not (OPEN_TABLES & set(key) and SECRET_WORD.search(f"{key}{text}"))

    named = {key: value for key, value in flags.named.items() if may_be_told(tuple(key.split(".")), value[0])}
    told = {
        each.name: each.text
        for each in variables(around.environ)
        if each.path != TRUST and may_be_told(each.path, each.text)
    }
    told |= {name: around.environ[name] for name in ADDRESSES if around.environ.get(name)}
    return Begun(
        cwd=str(around.cwd),
        config=str(around.cwd / flags.config) if flags.config else "",
        project=flags.project,
        named={key: value for key, value in named.items() if key != "run.output_dir"},
        sets=tuple(text for text in flags.sets if may_be_told(_path(text), text)),
        variables=told,
        allow_sensitive=tuple(allow_sensitive),
    )


def begun_of(table: Mapping[str, object]) -> Begun:
    """Return the flags and variables stored in our record; empty ones if the table has another shape."""
    try:
        begun: Begun = read_as(Begun, table)
    except NotAs:
        return Begun()
    return begun


def resumed(then: Begun, profile: str, now: Flags, around: Surroundings) -> tuple[Flags, Surroundings]:
    """Return the flags and surroundings to resume with: the original ones, overridden by those given now.

    A flag given now, or a variable that has changed, replaces the original setting of its key; a new server
    replaces the original address, provider and API key. With another profile, only the original `run` keys
    are kept. `profile` is the one that the run started with.
    """
    changed = [
        each for each in variables(around.environ) if then.variables.get(each.name) != each.text and each.path != TRUST
    ]
    chosen = now.profile or next((each.text for each in changed if each.path == ("profile",)), None)
    keys = [*map(_path, now.sets), *(tuple(key.split(".")) for key in now.named)]
    given = {_short(key) for key in (*keys, *(each.path for each in changed))}
    same = chosen in {None, profile}

    def holds(key: Key) -> bool:
        short = _short(key)
        return bool(short) and (same or short[0] in RUN) and not _replaced(short, given)

    named = {key: value for key, value in then.named.items() if holds(tuple(key.split(".")))}
    config = now.config and around.cwd / now.config
    if config is None and then.config and ("config",) not in given:
        config = Path(then.config)
    flags = Flags(
        profile=chosen or profile,
        config=config,
        project=now.project and then.project,
        named={**named, **now.named},
        sets=(*(text for text in then.sets if holds(_path(text))), *now.sets),
    )
    there = Path(then.cwd) if then.cwd and os.path.isdir(then.cwd) else around.cwd  # noqa: PTH112 - Path.is_dir raises in a closed folder
    return flags, replace(around, environ=_environ(then, around, holds, same=same), cwd=there)


def _environ(then: Begun, around: Surroundings, holds: Callable[[Key], bool], *, same: bool) -> Mapping[str, str]:
    """Return the current variables, and the original ones that are still valid and not set now."""
    kept = {
        each.name: each.text
        for each in variables(then.variables)
        if each.path not in {TRUST, ("profile",)} and holds(each.path)
    }
    kept |= {name: text for name, text in then.variables.items() if name in ADDRESSES and same}
    present = {fold(name) for name, text in around.environ.items() if text}
    return {**around.environ, **{k: v for k, v in kept.items() if fold(k) not in present}}


def _path(text: str) -> Key:
    return key_path(text.partition("=")[0]) or ()


def _short(key: Key) -> Key:
    """Return the key without `profiles.NAME` or `run`, so that all spellings are equal."""
    if key[:1] == ("profiles",) and len(key) > 2:  # noqa: PLR2004 - a profile and a key of it
        return key[2:]
    return key[1:] if key[:1] == ("run",) and len(key) > 1 else key


def _replaced(key: Key, given: Collection[Key]) -> bool:
    """Return whether a key given now replaces this original key."""
    names = {each[0] for each in given if each}
    if (names & SERVER and key[0] in SERVER | KEYS) or (names & KEYS and key[0] in KEYS):
        return True
    below_stage = key[1:] if key[0] in STAGES else key
    return any(each and each in {key[: len(each)], below_stage} for each in given)


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a description of each changed setting; both tables are settings as stored in a record."""
    before, after = dict(_flat(then)), dict(_flat(now))
    return tuple(
        f"`{key}` is {_shown(after.get(key))} (was {_shown(before.get(key))})"
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key)
    )


def _flat(settings: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    name = settings.get("default_profile")
    yield "profile", name
    profiles = settings.get("profiles")
    tables = (profiles.get(name) if isinstance(profiles, dict) else None, settings.get("run"))
    for prefix, table in zip(("", "run."), tables, strict=True):
        for key, value in table.items() if isinstance(table, dict) else ():
            inner = value if isinstance(value, dict) and key in STAGES else {"": value}
            for last, each in inner.items():
                if (prefix, key) != ("run.", "output_dir"):
                    yield prefix + ".".join(part for part in (key, last) if part), each


def _shown(value: object) -> str:
    text = "not set" if value is None else f"`{value}`"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…`"

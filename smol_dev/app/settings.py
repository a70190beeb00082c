"""The settings of a run: kept in its record without secrets, and restored when the run goes on."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from smol_dev import __version__
from smol_dev.app.caller import Caller
from smol_dev.chat import STAGES
from smol_dev.config.explain import as_dict
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags, Key, Layers, key_path, read_layers, variables
from smol_dev.config.load import Loaded, load
from smol_dev.config.model import Run
from smol_dev.config.problems import fold
from smol_dev.config.profiles import list_profiles
from smol_dev.errors import AnswerError, ConfigError, TrustError
from smol_dev.events import Warned
from smol_dev.redact import redact
from smol_dev.safe import MOST_NAMED, command, named
from smol_dev.workspace.record import NotAs, Record, read_as
from smol_dev.workspace.writer import Workspace

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


def load_shown(flags: Flags, caller: Caller) -> Loaded:
    """Return the settings, showing their warnings."""
    loaded = load(flags, caller.surroundings, approve=caller.approve)
    for warning in loaded.warnings:
        caller.show(Warned(warning))
    return loaded


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


def recorded(record: Record, loaded: Loaded, allow_sensitive: Iterable[str] = ()) -> Record:
    """Return the record with these settings, and the flags and variables that they come from."""
    begun = _begun(loaded.layers, loaded.secrets().secrets, allow_sensitive)
    profile = {"name": loaded.name, "settings": as_dict(loaded)}
    return replace(record, profile=profile, begun=asdict(begun), tool_version=__version__)


def _begun(layers: Layers, secrets: Collection[str], allow_sensitive: Iterable[str]) -> Begun:
    """Return the flags and variables in these layers, without anything that is, contains or looks like a secret."""
    flags, around = layers.flags, layers.surroundings

    def may_be_kept(key: Key, value: object) -> bool:
        text = str(value)
        is_harmless = not SECRET & set(key) and text.isprintable() and redact(text, secrets) == text
        return is_harmless and not (OPEN_TABLES & set(key) and SECRET_WORD.search(f"{key}{text}"))

    named = {key: each for key, each in flags.named.items() if may_be_kept(tuple(key.split(".")), each[0])}
    found = variables(around.environ)
    kept = {each.name: each.text for each in found if each.path != TRUST and may_be_kept(each.path, each.text)}
    kept |= {name: around.environ[name] for name in ADDRESSES if around.environ.get(name)}
    return Begun(
        cwd=str(around.cwd),
        config=str(around.cwd / flags.config) if flags.config else "",
        project=flags.project,
        named={key: value for key, value in named.items() if key != "run.output_dir"},
        sets=tuple(text for text in flags.sets if may_be_kept(_path(text), text)),
        variables=kept,
        allow_sensitive=tuple(allow_sensitive),
    )


def begun_of(table: Mapping[str, object]) -> Begun:
    """Return the flags and variables stored in our record; empty ones if the table has another shape."""
    try:
        begun: Begun = read_as(Begun, table)
    except NotAs:
        return Begun()
    return begun


def restored(workspace: Workspace, flags: Flags, caller: Caller) -> tuple[Loaded, Caller]:
    """Return the settings to continue with, and the caller with the surroundings that belong to them.

    If this user wrote the record here, its profile, flags and variables apply unless overridden now, and
    differences are shown. Otherwise its settings are ignored: raise `TrustError` if it names another
    profile than the selected one and no profile is given now.
    """
    record = workspace.record
    if workspace.is_ours:
        loaded, caller = _as_begun(record, flags, caller)
    else:
        _refuse_other_profile(workspace, record, flags, caller)
        loaded = load_shown(flags, caller)
    if len(record.files) > loaded.run.max_files:
        enough = command("-c run.max_files={count}", count=len(record.files))
        raise AnswerError(
            f"the record lists {len(record.files):,} files, more than `run.max_files` ({loaded.run.max_files:,})",
            hint=f"raise it with {enough}",
            reason="wrong_format",
        )
    return loaded, caller


def _as_begun(record: Record, flags: Flags, caller: Caller) -> tuple[Loaded, Caller]:
    name = str(record.profile.get("name") or "")
    merged, around = resumed(begun_of(record.begun), name, flags, caller.surroundings)
    caller = replace(caller, surroundings=around)
    known = {line.name for line in list_profiles(read_layers(merged, around))}
    if name not in known and merged.profile == name and flags.profile is None:
        raise ConfigError(
            f"the run was begun with the profile {named(name)}, which no file defines any more",
            hint="`smol_dev profiles list` shows those that are there: `smol_dev resume -p NAME`",
        )
    loaded = load_shown(merged, caller)
    if loaded.name == name and (found := _detected(record, loaded)):
        chosen = {key: (text, "the record of the run") for key, text in found.items()}
        flags = replace(merged, named={**merged.named, **chosen})
        loaded = load(flags, around, approve=caller.approve)
    _tell_differences(record, loaded, caller)
    return loaded, caller


def _detected(record: Record, loaded: Loaded) -> dict[str, str]:
    """Return the server and model that the run detected because no setting names them; none for a demo's server."""
    profile = loaded.profile
    keys = [] if profile.base_url or profile.provider == "demo" else ["base_url", "provider"]
    keys += [] if profile.model else ["model"]
    found = {key: record.server.get(key) for key in keys}
    return {key: text for key, text in found.items() if isinstance(text, str) and text}


def _tell_differences(record: Record, loaded: Loaded, caller: Caller) -> None:
    then = record.profile.get("settings")
    if not isinstance(then, dict) or record.tool_version != __version__:
        return
    keys = ("base_url", "provider", "model")
    same = tuple(f"`{key}`" for key in keys if record.server.get(key) == getattr(loaded.profile, key))
    found = [each for each in differences(then, as_dict(loaded)) if not each.startswith(same)]
    if found:
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        caller.show(Warned(f"different from when the run began: {', '.join(found[:MOST_NAMED])}{more}"))


def _refuse_other_profile(workspace: Workspace, record: Record, flags: Flags, caller: Caller) -> None:
    selected = read_layers(flags, caller.surroundings).selected
    theirs = record.profile.get("name")
    source = f"the record in `{workspace.root}` was not written here by you"
    if flags.profile is None and isinstance(theirs, str) and theirs not in {"", selected}:
        template = "smol_dev resume --profile {name} {dir}"
        choices = (command(template, name=name, dir=workspace.root) for name in (selected, theirs))
        raise TrustError(
            f"{source}; it names the profile {named(theirs)}, and {named(selected)} is selected",
            hint=f"say which one is to be asked: {' or '.join(choices)}",
        )
    caller.show(Warned(f"{source}: its prompt, plan and list are taken as text, its settings are left out"))


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
        return bool(short) and (same or short[0] in RUN) and not _is_replaced(short, given)

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
    return {**around.environ, **{name: text for name, text in kept.items() if fold(name) not in present}}


def _path(text: str) -> Key:
    return key_path(text.partition("=")[0]) or ()


def _short(key: Key) -> Key:
    """Return the key without `profiles.NAME` or `run`, so that all spellings are equal."""
    if key[:1] == ("profiles",) and len(key) > 2:  # noqa: PLR2004 - a profile and a key of it
        return key[2:]
    return key[1:] if key[:1] == ("run",) and len(key) > 1 else key


def _is_replaced(key: Key, given: Collection[Key]) -> bool:
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

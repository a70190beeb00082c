"""The command line as a layer: named options and `-c KEY=VALUE`, each key with its spelling."""

import tomllib
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from smol_dev.config.environment import KEY_SOURCES, put
from smol_dev.config.files import DEPTH_LIMIT, depth_exceeds, long_key
from smol_dev.config.problems import Problem, dotted

Key = tuple[str, ...]

TOP_TABLES: Final = ("profiles", "run", "prompts")
SECRET: Final = ("api_key", "headers")
"""Keys of a profile that may not stand on a command line: the process list shows it to everyone."""


class CommandLine(NamedTuple):
    """The options as one layer: its data, and which option set each key."""

    data: Mapping[str, Any]
    spelled: Mapping[Key, str]
    problems: tuple[Problem, ...] = ()


def command_line(
    named: Mapping[str, tuple[object, str]], sets: tuple[str, ...], *, selected: str, run_keys: Collection[str] = ()
) -> CommandLine:
    """The layer the options make: of several `-c` the last wins, and a named option beats them all.

    `run_keys` are the keys of `[run]`, where the settings' model is at hand.
    """
    data: dict[str, Any] = {}
    spelled: dict[Key, str] = {}
    problems: list[Problem] = []
    for text in sets:
        read = assignment(text)
        if isinstance(read, Problem):
            problems.append(read)
            continue
        path, value = read
        add(data, spelled, at(path, selected, run_keys), value, f"-c {dotted(path)}=…")
    for name, (value, spelling) in named.items():
        add(data, spelled, at(tuple(name.split(".")), selected), value, spelling)
    return CommandLine(data, spelled, tuple(problems))


def assignment(text: str) -> tuple[Key, object] | Problem:
    """The key path and value of one `-c`; the value is TOML, or else the text itself."""
    written, equals, value = text.partition("=")
    path = key_path(written)
    if not equals or path is None:
        return Problem("-c", "", "write `KEY=VALUE`, for example `-c temperature=0.1`")
    spelling = f"-c {dotted(path)}=…"
    key = path[2:] if path[0] == "profiles" else path
    if key[:1] and key[0] in SECRET:
        what = "not on the command line, which every user of the machine can read"
        return Problem(spelling, "", f"{what}; use `--api-key-env NAME`, a variable or a file")
    if path[0] == "default_profile":
        return Problem(spelling, "", "the command line selects a profile with `--profile NAME`")
    return path, toml_value(value.strip())


def key_path(text: str) -> Key | None:
    """A dotted key as TOML reads it; None if it is no key."""
    try:
        if long_key(text) >= 0:
            return None
        inner: object = tomllib.loads(f"{text} = 0")
    except (ValueError, RecursionError):
        return None
    path: list[str] = []
    while isinstance(inner, dict) and len(inner) == 1 and len(path) < DEPTH_LIMIT:
        name, inner = next(iter(inner.items()))
        path.append(name)
    return tuple(path) if inner == 0 and path else None


def toml_value(text: str) -> object:
    """The value TOML reads in the text; the text itself where that is not one value."""
    try:
        if long_key(text) >= 0:
            return text
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return read["value"] if len(read) == 1 and not depth_exceeds(read, DEPTH_LIMIT) else text


def at(path: Key, selected: str, run_keys: Collection[str] = ()) -> Key:
    """Return the key from the top of a file; one without a table is of `run`, or of the selected profile."""
    if path[0] in TOP_TABLES and len(path) > 1:
        return path
    return ("run", *path) if path[0] in run_keys else ("profiles", selected, *path)


def add(data: dict[str, Any], spelled: dict[Key, str], key: Key, value: object, spelling: str) -> None:
    """Set a key; one way to name an api key takes the place of the others."""
    if key[0] == "profiles" and key[2:] and key[2] in KEY_SOURCES:
        table = data.get("profiles", {}).get(key[1], {})
        for other in KEY_SOURCES:
            table.pop(other, None)
            spelled.pop((*key[:2], other), None)
    for longer in [other for other in spelled if other[: len(key)] == key]:
        del spelled[longer]
    put(data, key, value)
    spelled[key] = spelling

"""Keys set one by one: the `SMOL_*` variables and the options `-c KEY=VALUE`, each kind as one layer."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from smol_dev.config.files import DEPTH_LIMIT, depth_exceeds, long_key
from smol_dev.config.problems import Problem, did_you_mean, dotted, fold, nearest

Key = tuple[str, ...]
"""A key from the top of a layer: `("profiles", "work", "model")`."""

PREFIX: Final = "smol_"
RESERVED: Final = ("profile", "config", "trust_project", "local_servers")
"""Variables that choose what is read; they set no key."""

KEY_SOURCES: Final = ("api_key", "api_key_env", "api_key_file", "api_key_command")
"""The settings that name a key: they stand for one another, so the strongest one holds alone."""

SECRET: Final = ("api_key", "headers")
"""Keys of a profile that may not stand on a command line: the process list shows it to everyone."""

TOP_TABLES: Final = ("profiles", "run", "prompts")
QUOTED: Final = "the quotes around it are a part of it: leave them out (env files keep them)"


class Variable(NamedTuple):
    """A variable that is set: `SMOL_CODE__MODEL` has the path `("code", "model")`."""

    name: str
    path: Key
    text: str

    def __repr__(self) -> str:
        return f"Variable({self.name!r})"  # its text may be a key


class Known(Protocol):
    """What is known about keys where the settings' model is at hand."""

    @property
    def run_keys(self) -> Collection[str]:
        """The keys of `[run]`, which need not name their table."""

    def key(self, key: Key) -> Key | None:
        """Return the key as its table spells it; None if there is no such key."""

    def value(self, key: Key, text: str) -> object:
        """Return the text as a value of the key's type, or as it is if it is none."""

    def names(self) -> Collection[str]:
        """Return the name of every variable that sets a key of the selected profile or of `run`."""


class Assigned(NamedTuple):
    """A layer's keys, and which variable or option set each."""

    data: Mapping[str, Any]
    spelled: Mapping[Key, str]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def variables(environ: Mapping[str, str]) -> tuple[Variable, ...]:
    """Return the `SMOL_*` variables by name, without the blanks and the CR at the end of an env file's line.

    An empty one counts as unset, as compose files write those.
    """
    return tuple(
        Variable(name, tuple(fold(name).removeprefix(PREFIX).split("__")), text.rstrip())
        for name, text in sorted(environ.items())
        if fold(name).startswith(PREFIX) and text.strip() != ""
    )


def reserved(found: Iterable[Variable], name: str) -> Variable | None:
    """Return the variable of this name that chooses what is read, `SMOL_PROFILE` say."""
    return next((each for each in found if each.path == (name,)), None)


def environment(
    found: Iterable[Variable],
    *,
    selected: str,
    profiles: Collection[str],
    prompts: Collection[str] = (),
    known: Known | None = None,
) -> Assigned:
    """Return the layer the variables make.

    One without a profile's name is of the selected profile, and beats one that names the profile.
    Without `known` every value stays text and every key is taken for one of a profile.
    """
    data: dict[str, Any] = {}
    spelled: dict[Key, str] = {}
    problems: list[Problem] = []
    warnings: list[str] = []
    names = {"profiles": (*profiles, selected), "prompts": tuple(prompts)}
    settings = (each for each in found if len(each.path) > 1 or each.path[0] not in RESERVED)
    for each in sorted(settings, key=_strength):
        key = _place(each, names, selected, problems)
        if known and key is None:
            warnings.append(_no_profile(each, names["profiles"]))
        elif known and key and (key := known.key(_of_run(key, selected, known))) is None:
            warnings.append(_unknown(each, known))
        if not key:
            continue
        if spelled.get(key) and fold(spelled[key]) == fold(each.name):
            problems.append(Problem(each.name, "", f"`{spelled[key]}` sets the same key"))
        if known and "extra_body" not in key and _is_quoted(each.text):
            problems.append(Problem(each.name, "", QUOTED))
        if each.path[0] != "profiles":
            _give_way(data, spelled, key, only=f"{PREFIX}profiles__")
        put(data, key, known.value(key, each.text) if known else each.text)
        spelled[key] = each.name
    return Assigned(data, spelled, tuple(problems), tuple(warnings))


def _of_run(key: Key, selected: str, known: Known) -> Key:
    """Return the key; one of the selected profile that only `[run]` has is one of `[run]`."""
    is_run = key[:2] == ("profiles", selected) and key[2:3] and key[2] in known.run_keys
    return ("run", *key[2:]) if is_run else key


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\""


def _strength(variable: Variable) -> tuple[bool, int, str]:
    """Return the place in the order, weakest first: by a profile's name, then without; a table, then a key in it."""
    return variable.path[0] != "profiles", len(variable.path), variable.name


def _place(
    variable: Variable, names: Mapping[str, Collection[str]], selected: str, problems: list[Problem]
) -> Key | None:
    """Return the key a variable sets, from the top of a file; empty if that cannot be told, None for no profile."""
    first, *rest = variable.path
    if first == "run" and rest:
        return variable.path
    if first not in names or len(rest) < 2:  # noqa: PLR2004 - a profile and a key of it
        return ("profiles", selected, *variable.path)
    fitting = sorted({name for name in names[first] if in_variable(name) == rest[0]})
    if len(fitting) > 1:
        both = " and ".join(f"`{name}`" for name in fitting)
        problems.append(Problem(variable.name, "", f"the name fits both {both}"))
        return ()
    if not fitting and first == "profiles":
        return None
    return (first, fitting[0] if fitting else rest[0].replace("_", "-"), *rest[1:])


def in_variable(name: str) -> str:
    """Return a profile's name as a variable spells it: what is no letter or digit is `_`."""
    return "".join(each if each.isalnum() else "_" for each in fold(name))


def _no_profile(variable: Variable, profiles: Collection[str]) -> str:
    """Return the warning about a variable for a profile that there is not."""
    _, named, *rest = variable.path
    near = nearest(named, [in_variable(name) for name in profiles])
    spelled = "__".join(("smol_profiles", near, *rest)).upper()
    meant = f"; did you mean `{spelled}`?" if near else ""
    return f"`{variable.name}` names no profile that a file declares, and is ignored{meant}"


def _unknown(variable: Variable, known: Known) -> str:
    """Return the warning about a variable that sets nothing; its value may be a secret and is not shown."""
    others = [f"SMOL_{name.upper()}" for name in RESERVED]
    return f"`{variable.name}` is no setting and is ignored{did_you_mean(variable.name, [*known.names(), *others])}"


def command_line(
    named: Mapping[str, tuple[object, str]], sets: tuple[str, ...], *, selected: str, run_keys: Collection[str] = ()
) -> Assigned:
    """Return the layer the options make: of several `-c` the last wins, and a named option beats them all.

    `run_keys` are the keys of `[run]`, where the settings' model is at hand.
    """
    data: dict[str, Any] = {}
    spelled: dict[Key, str] = {}
    problems: list[Problem] = []
    for text in sets:
        read = assignment(text)
        if isinstance(read, Problem):
            problems.append(read)
        else:
            _add(data, spelled, at(read[0], selected, run_keys), read[1], f"-c {dotted(read[0])}=…")
    for name, (value, spelling) in named.items():
        _add(data, spelled, at(tuple(name.split(".")), selected), value, spelling)
    return Assigned(data, spelled, tuple(problems))


def assignment(text: str) -> tuple[Key, object] | Problem:
    """Return the key path and value of one `-c`; the value is TOML, or else the text itself."""
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
    """Return the parts of a dotted key as TOML reads it; None if it is no key."""
    inner: object = _toml(f"{text} = 0")
    path: list[str] = []
    while isinstance(inner, dict) and len(inner) == 1 and len(path) < DEPTH_LIMIT:
        name, inner = next(iter(inner.items()))
        path.append(name)
    return tuple(path) if inner == 0 and path else None


def toml_value(text: str) -> object:
    """Return the value TOML reads in the text; the text itself where that is not one value."""
    read = _toml(f"value = {text}")
    return text if read is None or len(read) > 1 or depth_exceeds(read, DEPTH_LIMIT) else read["value"]


def _toml(line: str) -> dict[str, Any] | None:
    """Return what TOML reads in a line that somebody typed; None if that is nothing."""
    try:
        return None if long_key(line) >= 0 else tomllib.loads(line)
    except (ValueError, RecursionError):
        return None


def at(path: Key, selected: str, run_keys: Collection[str] = ()) -> Key:
    """Return the key from the top of a file; one without a table is of `run`, or of the selected profile."""
    if path[0] in TOP_TABLES and len(path) > 1:
        return path
    return ("run", *path) if path[0] in run_keys else ("profiles", selected, *path)


def _add(data: dict[str, Any], spelled: dict[Key, str], key: Key, value: object, spelling: str) -> None:
    """Set a key of the command line; one way to name an api key takes the place of the others."""
    _give_way(data, spelled, key)
    for longer in [other for other in spelled if other[: len(key)] == key]:
        del spelled[longer]
    put(data, key, value)
    spelled[key] = spelling


def _give_way(data: Mapping[str, Any], spelled: dict[Key, str], key: Key, *, only: str = "") -> None:
    """Take out the other ways to name the api key of the same profile, where their spelling begins with `only`."""
    if key[0] != "profiles" or key[2:3] == () or key[2] not in KEY_SOURCES:
        return
    table = data.get("profiles", {}).get(key[1], {})
    for other in KEY_SOURCES:
        if fold(spelled.get((*key[:2], other), "")).startswith(only):
            table.pop(other, None)
            spelled.pop((*key[:2], other), None)


def put(data: dict[str, Any], key: Key, value: object) -> None:
    """Set a key of nested tables; what is no table on the way there is replaced."""
    for part in key[:-1]:
        inner = data.get(part)
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[key[-1]] = value

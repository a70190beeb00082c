"""The `SMOL_*` variables: their names folded, the empty ones left out, and the key each one sets."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from smol_dev.config.problems import Problem, did_you_mean, fold, nearest

PREFIX: Final = "smol_"
RESERVED: Final = ("profile", "config", "trust_project", "local_servers")
"""Variables that choose what is read; they set no key."""

KEY_SOURCES: Final = ("api_key", "api_key_env", "api_key_file", "api_key_command")
"""The settings that name a key: they stand for one another, so the strongest one holds alone."""

QUOTED: Final = "the quotes around it are a part of it: leave them out (env files keep them)"

Key = tuple[str, ...]


class Variable(NamedTuple):
    """A variable that is set: `SMOL_CODE__MODEL` has the path `("code", "model")`."""

    name: str
    path: Key
    text: str

    def __repr__(self) -> str:
        return f"Variable({self.name!r})"  # its text may be a key


class Known(Protocol):
    """What is known about keys where the settings' model is at hand."""

    def key(self, key: Key) -> Key | None:
        """The key in its own table (`max_files` is one of `run`); None if there is no such key."""

    def value(self, key: Key, text: str) -> object:
        """The text as a value of the key's type, or as it is if it is none."""

    def names(self) -> Collection[str]:
        """The name of every variable that sets a key of the selected profile or of `run`."""


class Environment(NamedTuple):
    """The variables as one layer: its data, and which variable set each key."""

    data: Mapping[str, Any]
    spelled: Mapping[Key, str]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def variables(environ: Mapping[str, str]) -> tuple[Variable, ...]:
    """The `SMOL_*` variables by name, the blanks and the CR at the end of an env file's line cut off.

    An empty one counts as unset, as compose files write those.
    """
    return tuple(
        Variable(name, tuple(fold(name).removeprefix(PREFIX).split("__")), text.rstrip())
        for name, text in sorted(environ.items())
        if fold(name).startswith(PREFIX) and text.strip() != ""
    )


def reserved(found: Iterable[Variable], name: str) -> Variable | None:
    """The variable of this name that chooses what is read, `SMOL_PROFILE` say."""
    return next((each for each in found if each.path == (name,)), None)


def environment(
    found: Iterable[Variable],
    *,
    selected: str,
    profiles: Collection[str],
    prompts: Collection[str] = (),
    known: Known | None = None,
) -> Environment:
    """The layer the variables make.

    One without a profile's name is of the selected profile, and beats one that names the profile.
    Without `known` every value stays text and every key is taken for one of a profile.
    """
    data: dict[str, Any] = {}
    spelled: dict[Key, str] = {}
    problems: list[Problem] = []
    warnings: list[str] = []
    names = {"profiles": (*profiles, selected), "prompts": tuple(prompts)}
    for each in sorted(settings(found), key=strength):
        key = place(each, names, selected, problems)
        if key is None:
            warnings.append(no_profile(each, names["profiles"]) if known is not None else "")
            continue
        if known is not None:
            key = known.key(key) if key else key
            if key is None:
                warnings.append(unknown(each, known))
        if not key:
            continue
        if spelled.get(key) and same_name(spelled[key], each.name):
            problems.append(Problem(each.name, "", f"`{spelled[key]}` sets the same key"))
        value = known.value(key, each.text) if known else each.text
        if known and "extra_body" not in key and is_quoted(each.text):
            problems.append(Problem(each.name, "", QUOTED))
        give_way(data, key, by_name=spelled, stageless=each.path[0] != "profiles")
        put(data, key, value)
        spelled[key] = each.name
    return Environment(data, spelled, tuple(problems), tuple(filter(None, warnings)))


def is_quoted(text: str) -> bool:
    """Return whether the whole text stands in quotes."""
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\""


def settings(found: Iterable[Variable]) -> list[Variable]:
    """The variables that set a key."""
    return [each for each in found if len(each.path) > 1 or each.path[0] not in RESERVED]


def strength(variable: Variable) -> tuple[bool, int, str]:
    """Weakest first: by the profile's name, then without; a whole table, then a key in it."""
    return variable.path[0] != "profiles", len(variable.path), variable.name


def place(
    variable: Variable, names: Mapping[str, Collection[str]], selected: str, problems: list[Problem]
) -> Key | None:
    """The key a variable sets, from the top of a file; empty when that cannot be told, None for no profile."""
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


def no_profile(variable: Variable, profiles: Collection[str]) -> str:
    """Return the warning about a variable for a profile that there is not."""
    _, named, *rest = variable.path
    near = nearest(named, [in_variable(name) for name in profiles])
    spelled = "__".join(("smol_profiles", near, *rest)).upper()
    meant = f"; did you mean `{spelled}`?" if near else ""
    return f"`{variable.name}` names no profile that a file declares, and is ignored{meant}"


def same_name(one: str, other: str) -> bool:
    """Whether two variables differ only in case and dashes."""
    return fold(one) == fold(other)


def give_way(data: Mapping[str, Any], key: Key, *, by_name: dict[Key, str], stageless: bool) -> None:
    """Take out the keys of the same profile that a stronger way to name the key stands for."""
    if not stageless or key[0] != "profiles" or key[2:3] == () or key[2] not in KEY_SOURCES:
        return
    table = data.get("profiles", {}).get(key[1], {})
    for other in KEY_SOURCES:
        if fold(by_name.get((*key[:2], other), "")).startswith(f"{PREFIX}profiles__"):
            table.pop(other, None)
            del by_name[*key[:2], other]


def unknown(variable: Variable, known: Known) -> str:
    """The warning about a variable that sets nothing; its value may be a secret and is not shown."""
    others = [f"SMOL_{name.upper()}" for name in RESERVED]
    return f"`{variable.name}` is no setting and is ignored{did_you_mean(variable.name, [*known.names(), *others])}"


def put(data: dict[str, Any], key: Key, value: object) -> None:
    """Set a key of nested tables; what is no table on the way there is replaced."""
    for part in key[:-1]:
        inner = data.get(part)
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[key[-1]] = value

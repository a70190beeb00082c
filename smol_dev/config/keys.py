"""The keys there are, read off the model: which table a key stands in, its type in words, its trust."""

import json
import types
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, NoReturn, Union, cast, get_args, get_origin

from pydantic.fields import FieldInfo

from smol_dev.chat import STAGES
from smol_dev.config.assignments import PREFIX, Key
from smol_dev.config.endpoint import url_problem
from smol_dev.config.files import DEPTH_LIMIT, depth_exceeds
from smol_dev.config.model import MOST_TOKENS, File, Profile, Prompts, Run, Stage, Table, Trust, Tuning
from smol_dev.config.problems import did_you_mean, fold
from smol_dev.redact import is_secret_name

OTHER_NAMES: Final[Mapping[str, str]] = {
    "temp": "temperature",
    "top_k": "extra_body.top_k",
    "min_p": "extra_body.min_p",
    "keep_alive": "extra_body.keep_alive",
    "num_ctx": "context_window",
    "ctx": "context_window",
    "context_length": "context_window",
    "max_tokens": "max_output_tokens",
    "num_predict": "max_output_tokens",
    "url": "base_url",
    "endpoint": "base_url",
    "host": "base_url",
    "api_base": "base_url",
    "api_base_url": "base_url",
    "llm_provider": "provider",
    "key": "api_key_env",
    "concurrency": "max_concurrency",
    "retries": "max_retries",
    "parent": "extends",
    "output": "output_dir",
}
"""Names that other programs have for a key of ours."""


def meant(name: str, known: Collection[str]) -> str:
    """Return `; did you mean …?` with the key that an unknown name stands for, or is close to."""
    ours = OTHER_NAMES.get(fold(name))
    return f"; did you mean `{ours}`?" if ours else did_you_mean(name, known)


BOOLEANS: Final = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)


class Located(NamedTuple):
    """A key in its table: the setting it belongs to, the key as far as that one's name, and what is below it.

    A key inside `extra_body` or `headers` belongs to that.
    """

    table: type[Table]
    field: FieldInfo | None
    own: tuple[Any, ...]
    inside: tuple[Any, ...]


def locate(key: tuple[Any, ...]) -> Located:
    """Return the key, from the top of a file, in its table."""
    table: type[Table] = File
    place = 0
    match key:
        case ("profiles", _, stage, _, *_) if stage in STAGES:
            table, place = Stage, 3
        case ("profiles", _, _, *_):
            table, place = Profile, 2
        case ("prompts", _, _, *_):
            table, place = Prompts, 2
        case ("run", _, *_):
            table, place = Run, 1
    return Located(table, table.model_fields.get(key[place]) if key else None, key[: place + 1], key[place + 1 :])


def field_of(key: tuple[Any, ...]) -> FieldInfo | None:
    """Return the setting a key belongs to."""
    return locate(key).field


def everywhere(name: str) -> tuple[Key, ...]:
    """Return the path of a profile's key, and those of the same key of each stage."""
    return ((name,), *((stage, name) for stage in STAGES))


def setting(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the key as far as it has names of ours, and one further inside a table of free names."""
    at = locate(key)
    return at.own + at.inside[:1] if at.field is not None and is_table(at.field.annotation) else at.own


def trust_of(key: tuple[Any, ...]) -> Trust | Literal["steer-when-false"]:
    """Return what a project's file may do with the key."""
    field = field_of(key[:1]) if key[:1] == ("prompts",) else field_of(key)
    extra = field.json_schema_extra if field is not None else None
    return cast("Trust", extra.get("trust", "tune")) if isinstance(extra, dict) else "tune"


def is_secret(key: tuple[Any, ...]) -> bool:
    """Return whether a value of the key is never shown: a key, a header, or what may hold one."""
    at = locate(key)
    is_open = at.own[-1:] and at.own[-1] in ("base_url", "extra_body", "extra_query", "headers")
    return at.field is None or bool(is_open) or trust_of(key) == "never"


def is_hidden(key: tuple[Any, ...], value: object) -> bool:
    """Return whether this value is not shown even to somebody who asks for it: a key, a header, a malformed address."""
    if key[-1] == "base_url":
        return not isinstance(value, str) or url_problem(value) != ""
    at = locate(key)
    free = at.inside if str(at.own[-1]).startswith("extra_") else ()
    named = any(isinstance(part, str) and is_secret_name(part) for part in free)
    return named or "headers" in key[2:3] or key[2:3] in (("api_key",), ("api_key_command",))


def is_table(kind: Any) -> bool:  # noqa: ANN401 - an annotation can be anything
    """Return whether the annotation is that of a table in TOML."""
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, Table))


def expected(field: FieldInfo) -> str:
    """Return what a setting takes, in words: `a number above 0 and at most 1`."""
    return words(field.annotation, field.metadata)


def words(kind: Any, limits: Iterable[Any]) -> str:  # noqa: ANN401 - an annotation can be anything
    """Return an annotation and its limits, in words."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return words(parts[0], (*parts[1:], *limits))
    if origin in (Union, types.UnionType):
        return " or ".join(words(part, limits) for part in parts if part is not type(None))
    if origin is Literal:
        listed = ", ".join(f"`{part}`" for part in parts)
        return f"one of {listed}" if len(parts) > 1 else listed
    if is_table(kind):
        return "a table"
    names = {bool: "`true` or `false`", int: "a whole number", float: "a number", list: "a list of text"}
    return names.get(origin or kind, "text") + _bounds(limits)


def _bounds(limits: Iterable[Any]) -> str:
    """Return the limits of a number, in words, each with a space in front; not those of a computer's numbers."""
    found: dict[str, Any] = {}
    for limit in (inner for each in limits for inner in (each.metadata if isinstance(each, FieldInfo) else [each])):
        found |= {name: getattr(limit, name) for name in ("gt", "ge", "le") if hasattr(limit, name)}
    found = {name: value for name, value in found.items() if abs(value) < MOST_TOKENS}
    if "ge" in found and "le" in found:
        return f" from {found['ge']} to {found['le']}"
    ends = (("gt", "above"), ("ge", "of at least"), ("le", "at most"))
    said = [f"{word} {found[name]}" for name, word in ends if name in found]
    return f" {' and '.join(said)}" if said else ""


class KnownKeys:
    """What the model knows about the keys of `SMOL_*` variables and of `-c`."""

    run_keys: Final = tuple(Run.model_fields)

    def key(self, key: Key) -> Key | None:
        """Return the key as its table spells it; None if there is no such key."""
        at = locate(key)
        if at.field is None or (not at.inside and at.own[-1] in (*STAGES, "profiles", "prompts")):
            return None
        if at.own[-1] == "headers":  # a variable's name has no `-`, and a header's no `_`
            return at.own + tuple(part.replace("_", "-") for part in at.inside)
        return None if at.inside and get_origin(at.field.annotation) is not dict else key

    def value(self, key: Key, text: str) -> object:
        """Return the text as a value of the key's type, or as it is if it is none."""
        at = locate(key)
        if at.field is None or (at.inside and at.own[-1] != "extra_body"):
            return text
        kind = Any if at.inside else at.field.annotation
        return BOOLEANS.get(text.strip().lower(), text) if kind is bool else _json(text) if _takes_json(kind) else text

    def names(self) -> list[str]:
        """Return the name of every variable that sets a key of the selected profile or of `run`."""
        own = [name for name in Profile.model_fields if name not in STAGES]
        staged = [f"{stage}__{name}" for stage in STAGES for name in Tuning.model_fields]
        return [f"{PREFIX}{name}".upper() for name in (*own, *Run.model_fields, *staged)]


def _takes_json(kind: Any) -> bool:  # noqa: ANN401 - an annotation can be anything
    """Return whether a value of this type is written as JSON in a variable, rather than as plain text."""
    if kind is Any:
        return True
    parts = get_args(kind)
    if get_origin(kind) in (Annotated, Union, types.UnionType):
        return any(_takes_json(part) for part in parts)
    return (get_origin(kind) or kind) in (int, float, list, dict)


def _json(text: str) -> object:
    """Return the JSON value; the text where it is none, is too deep, or is not a number JSON knows."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return text if depth_exceeds(value, DEPTH_LIMIT) or value is None else value


def _refuse(constant: str) -> NoReturn:
    """Refuse `NaN` and `Infinity`, which Python's reader would take."""
    raise ValueError(constant)

"""Each layer checked by itself, so that every problem is named where it stands, overridden or not."""

import datetime as dt
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any, Final

from pydantic import ValidationError

from smol_dev.config.endpoint import url_problem
from smol_dev.config.environment import KEY_SOURCES
from smol_dev.config.files import BACKSLASH, FILE_ENDINGS
from smol_dev.config.keys import expected, field_of, is_secret, locate, meant, setting
from smol_dev.config.layers import Key, Layer, Layers, declared
from smol_dev.config.model import MOST_TOKENS, File, Profile, Prompts, Run, Stage
from smol_dev.config.problems import Problem, did_you_mean, nearest, shown
from smol_dev.config.secret import secret_problem
from smol_dev.safe import command

ESCAPED_PATH: Final = re.compile(r"[A-Za-z]:[\x00-\x1f\x7f-\x9f]|\\[^\\\n]+[\x00-\x1f]")
"""A Windows path in which TOML has read a backslash and a letter as a control character: `C:\\temp`."""

CONTROL: Final = re.compile(r"[\x01-\x1f]")
VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
SHIPPED_VARIANTS: Final = ("auto", "default", "small")

BELONGS: Final = (
    (Profile, "in `[profiles.NAME]`"),
    (Run, "in `[run]`"),
    (File, "at the top of the file"),
    (Prompts, "in `[prompts.NAME]`"),
)
MOST_GUESSES: Final = 50
"""Unknown keys of a layer about which it is guessed what was meant; a file can hold 10,000."""


def layer_problems(layer: Layer, layers: Layers) -> list[Problem]:
    """Everything that is wrong with what one layer says."""
    found = [*type_problems(layer, layers), *text_problems(layer, layers)]
    found += [
        layers.problem(layer, (table, ""), "must have a name")
        for table in ("profiles", "prompts")
        if "" in layer.table(table)
    ]
    for name, table in layer.table("profiles").items():
        if isinstance(table, dict):
            found += profile_problems(layer, layers, name, table)
    return found


def type_problems(layer: Layer, layers: Layers) -> Iterator[Problem]:
    """Unknown keys, and values of a wrong type or out of bounds."""
    try:
        File.model_validate(layer.data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
    else:
        return
    seen: set[Key] = set()
    unknown = 0
    for each in errors:
        if each["type"] == "extra_forbidden":
            unknown += 1
            what = unknown_key(each["loc"]) if unknown <= MOST_GUESSES else "no such key"
            yield layers.problem(layer, each["loc"], what)
            continue
        key = setting(each["loc"])
        if key not in seen:
            seen.add(key)
            value = value_at(layer.data, key)
            written = how_written(layer.spelling(key), key, value) if not layer.documents else ""
            yield layers.problem(layer, key, wrong_value(key, value) + written)


def value_at(data: Any, key: Iterable[Any]) -> Any:  # noqa: ANN401 - TOML data
    """The value of a key."""
    for part in key:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def wrong_value(key: tuple[Any, ...], value: object) -> str:
    """What a setting takes and what it got instead; what may be a secret is not shown."""
    field = field_of(key)
    table, name = locate(key)
    if field is None:
        return "must be a table"
    inside = len(key) > name + 1
    takes = ("text" if table is Profile else "a table") if inside else expected(field)
    got = "" if inside or is_secret(key) else f", got {kind_of(value)}{shown(value)}"
    options = re.findall(r"`([^`]+)`", takes) if isinstance(value, str) and not inside else []
    meant = did_you_mean(value, options) if isinstance(value, str) and not is_secret(key) else ""
    is_too_long = type(value) is int and abs(value) > MOST_TOKENS and got
    return f"must be {takes}{got}{meant}{'; no server takes so many digits' if is_too_long else ''}"


def how_written(spelling: str, key: tuple[Any, ...], value: object) -> str:
    """Return how a variable or a `-c` is written whose value is of the wrong type; empty for others."""
    field = field_of(key)
    if field is None or spelling.startswith("--"):
        return ""
    option = spelling.removeprefix("-c ").removesuffix("=…") if spelling.startswith("-c ") else ""
    takes = "text" if len(key) > locate(key)[1] + 1 else expected(field)
    if option and not isinstance(value, str | dict | list) and takes.startswith("text"):
        text = "TEXT" if is_secret(key) else shown(value)[1:-1]
        return f"; text that looks like something else stands in quotes: {quoted_set(option, text)}"
    example = (field.examples or [None])[0]
    if not isinstance(value, str) or not isinstance(example, dict | list):
        return ""
    if option and isinstance(example, dict):
        name, inner = next(iter(example.items()))
        option, example = f"{option}.{name}", inner
    if option:
        return "; write it as " + command("-c {set}", set=f"{option}={json.dumps(example)}")
    return "; write it as JSON: " + command(f"{spelling}={{value}}", value=json.dumps(example))


def quoted_set(option: str, value: object) -> str:
    """Return the `-c` whose value is this text, however TOML would read it."""
    return command("-c {set}", set=f'{option}="{value}"')


def kind_of(value: object) -> str:
    """The kind of a value where only that shows what is wrong: `"5"` is no number."""
    return "the text " if isinstance(value, str) else ""


def unknown_key(key: tuple[Any, ...]) -> str:
    """What is wrong with a key that its table does not have; its value is not shown."""
    table, place = locate(key)
    name = str(key[place])
    for other, title in BELONGS:
        if name in other.model_fields and other is not table:
            return f"not {'for a single stage' if table is Stage else 'here'}; it belongs {title}"
    own = nearest(name, table.model_fields)
    everywhere = [each for other, _ in BELONGS for each in other.model_fields]
    return f"no such key{meant(name, [own] if own else everywhere)}"


def text_problems(layer: Layer, layers: Layers) -> Iterator[Problem]:
    """Values no request or file name could hold: half characters, NUL, dates, numbers without end."""
    for key, value in leaves(layer.data, ()):
        if isinstance(value, str) and ("\0" in value or not encodable(value)):
            yield layers.problem(layer, key, "must not hold NUL or half a character")
        if any(not encodable(str(part)) or not str(part).isprintable() for part in key):
            what = "must not hold a name with an invisible character"
            yield layers.problem(layer, key[:1], what)
        if isinstance(value, str) and is_escaped_path(key, value):
            yield layers.problem(layer, key, BACKSLASH)
        if is_model_field(key) and not isinstance(value, str):
            yield layers.problem(layer, key, "must be text: it is the model that is asked")
        inside = field_of(key) is not None and len(key) > locate(key)[1] + 1
        if inside and "extra_body" in key and isinstance(value, dt.date | dt.time):
            yield layers.problem(layer, key, "must be JSON: no dates and times")
        if inside and isinstance(value, float) and not math.isfinite(value):
            yield layers.problem(layer, key, "must be a finite number")
        if inside and isinstance(value, int) and not -(2**63) <= value < 2**64:
            yield layers.problem(layer, key, "must be a whole number of at most 64 bits")


def is_escaped_path(key: tuple[Any, ...], value: str) -> bool:
    """Return whether TOML has read a backslash of a Windows path and its next letter as one character."""
    is_text = key[0] == "prompts" and not value.lower().endswith(FILE_ENDINGS)
    if is_text or "extra_body" in key:  # `Q:` and a line break may be meant
        return False
    names_file = key[-1] in {"output_dir", "api_key_file"}
    return ESCAPED_PATH.match(value) is not None or (names_file and CONTROL.search(value) is not None)


def is_model_field(key: tuple[Any, ...]) -> bool:
    """Return whether the key is a field of the request that names its model."""
    return key[0] == "profiles" and key[-2:] == ("extra_body", "model")


def leaves(data: Any, key: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], object]]:  # noqa: ANN401
    """Every value that is no table and no list, with its key."""
    if isinstance(data, dict | list):
        for part, inner in data.items() if isinstance(data, dict) else enumerate(data):
            yield from leaves(inner, (*key, part))
    else:
        yield key, data


def encodable(text: str) -> bool:
    """Whether the text is whole characters: a variable or argument may hold half of one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def profile_problems(layer: Layer, layers: Layers, name: str, table: dict[str, Any]) -> Iterator[Problem]:
    """What the types do not say about a profile: its address, its key and its headers."""
    said = chain(address_problems(table), key_problems(table), header_problems(table))
    for path, what in said:
        yield layers.problem(layer, ("profiles", name, *path), what)


def address_problems(table: dict[str, Any]) -> Iterator[tuple[Key, str]]:
    """What is wrong with the address of a profile."""
    url = table.get("base_url")
    if isinstance(url, str) and url and (what := url_problem(url)):
        yield ("base_url",), what


def key_problems(table: dict[str, Any]) -> Iterator[tuple[Key, str]]:
    """What is wrong with the settings that name a key, or hold it."""
    named = [key for key in KEY_SOURCES if table.get(key)]
    if len(named) > 1:
        both = " and ".join(f"`{key}`" for key in named)
        yield (named[1],), f"at most one of the `api_key…` settings, not {both}"
    variable = table.get("api_key_env")
    if isinstance(variable, str) and variable and not VARIABLE_NAME.fullmatch(variable):
        yield ("api_key_env",), "must be the name of an environment variable, not the key"
    key = table.get("api_key")
    if isinstance(key, str) and (what := secret_problem(key)):
        yield ("api_key",), what
    command = table.get("api_key_command")
    if isinstance(command, list) and (not command or command[0] == ""):
        yield ("api_key_command",), 'must begin with a program; for no key write `api_key_env = ""`'


def header_problems(table: dict[str, Any]) -> Iterator[tuple[Key, str]]:
    """What is wrong with the headers of a profile."""
    headers = table.get("headers")
    for header, value in headers.items() if isinstance(headers, dict) else ():
        if not HEADER_NAME.fullmatch(header):
            yield ("headers", header), "is no name of a header"
        if isinstance(value, str) and (what := secret_problem(value, spaces=True)):
            yield ("headers", header), what


def reference_problems(layers: Layers, variants: Collection[str]) -> Iterator[Problem]:
    """Names that nothing bears: parents of profiles and prompt variants."""
    profiles = dict.fromkeys(declared(layers.all))
    known = [*SHIPPED_VARIANTS, *variants]
    for layer in layers.all:
        chosen = layer.data.get("default_profile")
        if isinstance(chosen, str) and chosen not in profiles:
            what = f"there is no profile {shown(chosen)}{did_you_mean(chosen, profiles)}"
            hint = command("smol_dev profiles add {name}", name=chosen)
            problem = layers.problem(layer, ("default_profile",), what)
            yield problem._replace(hint=f"create it: {hint}; or take another: `-p NAME`")
        for name, table in layer.table("profiles").items():
            if not isinstance(table, dict):
                continue
            parent = table.get("extends")
            if isinstance(parent, str) and parent and parent not in profiles:
                what = f"there is no profile {shown(parent)}{did_you_mean(parent, profiles)}"
                yield layers.problem(layer, ("profiles", name, "extends"), what)
            for key in (("prompt_variant",), *((s, "prompt_variant") for s in ("plan", "files", "code"))):
                variant = value_at(table, key)
                if isinstance(variant, str) and variant not in known:
                    what = f"there is no prompt variant {shown(variant)}{did_you_mean(variant, known)}"
                    yield layers.problem(layer, ("profiles", name, *key), what)

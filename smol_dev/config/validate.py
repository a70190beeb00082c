"""Everything that is wrong with what the layers say, each problem where it stands, overridden or not.

Each layer is checked by itself, before the merge: a merged value no longer knows its line.
"""

import datetime as dt
import json
import math
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from pydantic import ValidationError

from smol_dev.chat import STAGES
from smol_dev.config.assignments import KEY_SOURCES, Key, in_variable
from smol_dev.config.endpoint import (
    Lookup,
    addresses_of,
    host_of,
    is_cloud_model,
    is_local,
    is_name,
    origin_of,
    outside,
    url_problem,
)
from smol_dev.config.files import BACKSLASH, FILE_ENDINGS, FILE_NAME
from smol_dev.config.keys import expected, field_of, is_secret, locate, meant, setting
from smol_dev.config.layers import Layer, Layers, declared
from smol_dev.config.model import MOST_TOKENS, File, Profile, Prompts, Run, Stage
from smol_dev.config.problems import Problem, did_you_mean, dotted, nearest, shown
from smol_dev.config.profiles import Slot, first, value_of
from smol_dev.config.secret import Endpoint, secret_problem
from smol_dev.config.trust import project_problems
from smol_dev.config.variants import parent_problems, read_variants, reserved
from smol_dev.safe import command

ESCAPED_PATH: Final = re.compile(r"[A-Za-z]:[\x00-\x1f\x7f-\x9f]|\\[^\\\n]+[\x00-\x1f]")
"""A Windows path in which TOML has read a backslash and a letter as a control character: `C:\\temp`."""

CONTROL: Final = re.compile(r"[\x01-\x1f]")
VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

BELONGS: Final = (
    (Profile, "in `[profiles.NAME]`"),
    (Run, "in `[run]`"),
    (File, "at the top of the file"),
    (Prompts, "in `[prompts.NAME]`"),
)
QUOTED_NAME: Final = "a name with a space or dot stands in quotes: `-c 'profiles.\"my box\".model=NAME'`"
MOST_GUESSES: Final = 50
"""Unknown keys of a layer about which it is guessed what was meant; a file can hold 10,000."""


def layers_problems(layers: Layers) -> Iterator[Problem]:
    """Yield everything that is wrong with what the layers say. The shipped profiles are checked by the tests."""
    for layer in layers.all:
        if layer.kind != "shipped":
            yield from layer_problems(layer, layers)
    yield from reference_problems(layers)
    yield from parent_problems(layers)
    yield from read_variants(layers)[1]
    yield from project_problems(layers)
    yield from missing_profiles(layers)


def layer_problems(layer: Layer, layers: Layers) -> list[Problem]:
    """Return everything that is wrong with what one layer says."""
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
    """Yield unknown keys, and values of a wrong type or out of bounds."""
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
    """Return the value of a key, whose parts may be places in a list."""
    for part in key:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def wrong_value(key: tuple[Any, ...], value: object) -> str:
    """Return what a setting takes and what it got instead; what may be a secret is not shown."""
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
    """Return the kind of a value where only that shows what is wrong: `"5"` is no number."""
    return "the text " if isinstance(value, str) else ""


def unknown_key(key: tuple[Any, ...]) -> str:
    """Return what is wrong with a key that its table does not have; its value is not shown."""
    table, place = locate(key)
    name = str(key[place])
    for other, title in BELONGS:
        if name in other.model_fields and other is not table:
            return f"not {'for a single stage' if table is Stage else 'here'}; it belongs {title}"
    own = nearest(name, table.model_fields)
    everywhere = [each for other, _ in BELONGS for each in other.model_fields]
    return f"no such key{meant(name, [own] if own else everywhere)}"


def text_problems(layer: Layer, layers: Layers) -> Iterator[Problem]:
    """Yield values no request or file name could hold: half characters, NUL, dates, numbers without end."""
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
    """Yield every value that is no table and no list, with its key."""
    if isinstance(data, dict | list):
        for part, inner in data.items() if isinstance(data, dict) else enumerate(data):
            yield from leaves(inner, (*key, part))
    else:
        yield key, data


def encodable(text: str) -> bool:
    """Return whether the text is whole characters: a variable or argument may hold half of one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def profile_problems(layer: Layer, layers: Layers, name: str, table: dict[str, Any]) -> Iterator[Problem]:
    """Yield what the types do not say about a profile: its address, its key and its headers."""
    said = chain(address_problems(table), key_problems(table), header_problems(table))
    for path, what in said:
        yield layers.problem(layer, ("profiles", name, *path), what)


def address_problems(table: dict[str, Any]) -> Iterator[tuple[Key, str]]:
    """Yield what is wrong with the address of a profile."""
    url = table.get("base_url")
    if isinstance(url, str) and url and (what := url_problem(url)):
        yield ("base_url",), what


def key_problems(table: dict[str, Any]) -> Iterator[tuple[Key, str]]:
    """Yield what is wrong with the settings that name a key, or hold it."""
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
    """Yield what is wrong with the headers of a profile."""
    headers = table.get("headers")
    for header, value in headers.items() if isinstance(headers, dict) else ():
        if not HEADER_NAME.fullmatch(header):
            yield ("headers", header), "is no name of a header"
        if isinstance(value, str) and (what := secret_problem(value, spaces=True)):
            yield ("headers", header), what


def reference_problems(layers: Layers) -> Iterator[Problem]:
    """Yield the problem of each name that nothing bears: of a default or parent profile, of a prompt variant."""
    profiles = dict.fromkeys(declared(layers.all))
    variants = [*reserved(), *layers.names("prompts")]
    for layer in layers.all:
        chosen = layer.data.get("default_profile")
        if isinstance(chosen, str) and chosen not in profiles:
            problem = layers.problem(layer, ("default_profile",), nothing_named("profile", chosen, profiles))
            hint = command("smol_dev profiles add {name}", name=chosen)
            yield problem._replace(hint=f"create it: {hint}; or take another: `-p NAME`")
        for name, table in layer.table("profiles").items():
            parent = value_of(table, ("extends",))
            if isinstance(parent, str) and parent and parent not in profiles:
                what = nothing_named("profile", parent, profiles)
                yield layers.problem(layer, ("profiles", name, "extends"), what)
            for key in (("prompt_variant",), *((stage, "prompt_variant") for stage in STAGES)):
                variant = value_of(table, key)
                if isinstance(variant, str) and variant not in variants:
                    what = nothing_named("prompt variant", variant, variants)
                    yield layers.problem(layer, ("profiles", name, *key), what)


def nothing_named(kind: str, name: str, known: Collection[str]) -> str:
    """Return what is wrong with a name that nothing of this kind bears."""
    return f"there is no {kind} {shown(name)}{did_you_mean(name, known)}"


def missing_profiles(layers: Layers) -> Iterator[Problem]:
    """Yield the profiles that a flag or variable names and no file declares, which a slip of the pen would make."""
    known = declared(layers.all)
    layer = layers.of("flags")
    for name in layer.table("profiles") if layer is not None else ():
        if layer is not None and name not in known and name != layers.selected:
            hint = f"`smol_dev profiles list` shows them; {QUOTED_NAME}"
            yield Problem(layer.place(("profiles", name)), "", nothing_named("profile", name, known), hint=hint)
    by_name = ("profiles", in_variable(layers.selected))
    if any(each.path[:2] == by_name for each in layers.variables):
        return  # a container's: its variables name the profile twice, so that it is no slip
    if layers.selected not in known and layers.selected_by.layer in ("flags", "environment"):
        what = nothing_named("profile", layers.selected, known)
        yield Problem(layers.selected_by.where, "", what, hint=where_profiles_are(layers))


def where_profiles_are(layers: Layers) -> str:
    """Return the hint for a profile that is not there; it says when the user's own file was not read."""
    hint = "`smol_dev profiles list` shows the profiles"
    folder, read = layers.surroundings.user_config, layers.of("user")
    if folder is None or read is None or not os.path.lexists(folder / FILE_NAME):
        return hint
    named = read.documents[0].path
    if named.parent == folder:
        return hint
    return f"{hint}; `{named}` was read in the place of your own `{folder / FILE_NAME}`"


def endpoint_problems(tables: Sequence[Slot], at: Endpoint, *, lookup: Lookup | None) -> Iterator[Problem]:
    """Yield why no request may go to this server. Without `lookup` a local name is believed to be one."""
    if not at.base_url or at.set_by is None:
        return
    profile = tables[0].profile
    path = at.set_by.key(at.setting)
    where, key = at.variable or at.set_by.layer.place(path), dotted(path)
    if what := url_problem(at.base_url):
        yield Problem(where, key, what, profile)
        return
    origin = origin_of(at.base_url)
    only = first(tables, "local_only")
    by = ""
    if only is not None and only.table["local_only"] is True:
        by = only.layer.place(only.key("local_only"), column=False)
        yield from cloud_models(tables, by)
    is_plain = origin.startswith("http://") and not allows_http(tables)
    if not (by or is_plain) or (lookup is None and is_name(at.base_url)):
        return
    if is_local(at.base_url, lookup=lookup):
        return
    found = outside(addresses_of(host_of(at.base_url)) or ())
    place = f"{origin} ({found})" if found else origin
    if by:
        what = f"{place} is not on this machine or a private network, and `local_only` is set ({by})"
    else:
        what = f"plain `http://` only goes to this machine or a private network; {place} needs `https://`"
    yield Problem(where, key, what, profile)


def allows_http(tables: Sequence[Slot]) -> bool:
    """Return whether plain `http://` to a server elsewhere is wanted."""
    slot = first(tables, "allow_http")
    return slot is not None and slot.table["allow_http"] is True


def cloud_models(tables: Sequence[Slot], by: str) -> Iterator[Problem]:
    """Yield the models that a local Ollama passes on to a cloud, where nothing may leave the machine."""
    provider = first(tables, "provider")
    if provider is not None and provider.table["provider"] not in ("auto", "ollama", "compatible"):
        return
    for path in (("model",), *((stage, "model") for stage in STAGES)):
        slot = first(tables, *path)
        if slot is not None and is_cloud_model(value_of(slot.table, path)):
            key = slot.key(*path)
            what = f"Ollama sends this model's prompts to a cloud, and `local_only` is set ({by})"
            yield Problem(slot.layer.place(key), dotted(key), what, slot.profile)

"""Validation of each layer: every problem with its position, even if the value is overridden.

Layers are checked before the merge, because a merged value no longer knows its line.
"""

import datetime as dt
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

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
from smol_dev.config.files import BACKSLASH, FILE_ENDINGS, FILE_NAME, table_at
from smol_dev.config.layers import KEY_SOURCES, Key, Layer, Layers, declared, in_variable
from smol_dev.config.model import (
    MOST_TOKENS,
    File,
    Profile,
    Prompts,
    Run,
    Stage,
    Table,
    everywhere,
    expected,
    is_secret,
    locate,
    meant,
    setting,
)
from smol_dev.config.problems import Problem, did_you_mean, dotted, nearest, nothing_named, shown
from smol_dev.config.profiles import Slot, first, leaves, value_of
from smol_dev.config.secret import Endpoint, secret_problem
from smol_dev.config.trust import project_problems
from smol_dev.config.variants import built_in, user_variants
from smol_dev.safe import command

ESCAPED_PATH: Final = re.compile(r"[A-Za-z]:[\x00-\x1f\x7f-\x9f]|\\[^\\\n]+[\x00-\x1f]")
"""A Windows path with a backslash and letter that TOML read as a control character: `C:\\temp`."""

UNSENDABLE: Final = re.compile("[\0\ud800-\udfff]")
CONTROL: Final = re.compile(r"[\x01-\x1f]")
VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

BELONGS: Final[Mapping[type[Table], str]] = {
    Profile: "in `[profiles.NAME]`",
    Run: "in `[run]`",
    File: "at the top of the file",
    Prompts: "in `[prompts.NAME]`",
}
MOST_GUESSES: Final = 50
"""The most unknown keys of a layer that get a suggestion; a file can hold 10,000."""

Found = tuple[tuple[Any, ...], str]
"""The key of a layer, and what is wrong with it."""


def layers_problems(layers: Layers) -> Iterator[Problem]:
    """Yield every problem in the layers, except the shipped one, which the tests check."""
    for layer in layers.all:
        if layer.kind != "shipped":
            yield from _layer_problems(layer, layers)
    yield from _reference_problems(layers)
    yield from user_variants(layers)[1]
    yield from project_problems(layers)
    yield from _missing_profiles(layers)


def _layer_problems(layer: Layer, layers: Layers) -> Iterator[Problem]:
    """Yield every problem in one layer."""
    found = [*_type_problems(layer)]
    for key, value in leaves(layer.data, lists=True):
        found += [(key, what) for what in _value_problems(key, value)]
        if not all(str(part).isprintable() for part in key):
            found.append((key[:1], "must not hold a name with an invisible character"))
    found += [((table, ""), "must have a name") for table in ("profiles", "prompts") if "" in layer.table(table)]
    for name in layer.table("profiles"):
        own = _profile_problems(layer.table("profiles", name))
        found += [(("profiles", name, *path), what) for path, what in own]
    yield from (layers.problem(layer, key, what) for key, what in found)


def _type_problems(layer: Layer) -> Iterator[Found]:
    """Yield the unknown keys, wrong types and values out of bounds."""
    try:
        File.model_validate(layer.data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
    else:
        return
    unknown = [each["loc"] for each in errors if each["type"] == "extra_forbidden"]
    seen: set[Key] = set()
    for each in errors:
        key = setting(each["loc"])
        if each["type"] == "extra_forbidden":
            yield each["loc"], _unknown_key(each["loc"]) if each["loc"] in unknown[:MOST_GUESSES] else "no such key"
        elif key not in seen:
            seen.add(key)
            value = value_of(layer.data, key)
            written = _how_written(layer.spelling(key), key, value) if layer.document is None else ""
            yield key, _wrong_value(key, value) + written


def _wrong_value(key: Key, value: object) -> str:
    """Return what a setting takes and what it got instead, without showing a possible secret."""
    at = locate(key)
    if at.field is None:
        return "must be a table"
    if at.inside:
        return f"must be {'text' if at.table is Profile else 'a table'}"
    takes = expected(at.field)
    if is_secret(key):
        return f"must be {takes}"
    if not isinstance(value, str):
        is_too_long = type(value) is int and abs(value) > MOST_TOKENS
        return f"must be {takes}, got {shown(value)}{'; no server takes so many digits' if is_too_long else ''}"
    options = re.findall(r"`([^`]+)`", takes)
    return f"must be {takes}, got the text {shown(value)}{did_you_mean(value, options)}"


def _how_written(spelling: str, key: Key, value: object) -> str:
    """Return how to write a variable or `-c` whose value has the wrong type; empty if there is nothing to say."""
    at = locate(key)
    if at.field is None or spelling.startswith("--"):
        return ""
    option = spelling.removeprefix("-c ").removesuffix("=…") if spelling.startswith("-c ") else ""
    takes = "text" if at.inside else expected(at.field)
    if option and not isinstance(value, str | dict | list) and takes.startswith("text"):
        text = "TEXT" if is_secret(key) else shown(value)[1:-1]
        quoted = command("-c {set}", set=f'{option}="{text}"')
        return f"; text that looks like something else stands in quotes: {quoted}"
    example = (at.field.examples or [None])[0]
    if not isinstance(value, str) or not isinstance(example, dict | list):
        return ""
    if option and isinstance(example, dict):
        name, inner = next(iter(example.items()))
        option, example = f"{option}.{name}", inner
    if option:
        return "; write it as " + command("-c {set}", set=f"{option}={json.dumps(example)}")
    return "; write it as JSON: " + command(f"{spelling}={{value}}", value=json.dumps(example))


def _unknown_key(key: tuple[Any, ...]) -> str:
    table, name = locate(key).table, str(locate(key).own[-1])
    for other, title in BELONGS.items():
        if name in other.model_fields and other is not table:
            return f"not {'for a single stage' if table is Stage else 'here'}; it belongs {title}"
    own = nearest(name, table.model_fields)
    return f"no such key{meant(name, [own] if own else [each for other in BELONGS for each in other.model_fields])}"


def _value_problems(key: tuple[Any, ...], value: object) -> Iterator[str]:
    """Yield why a value fits no request or file name: lone surrogates, NUL, dates, infinite or huge numbers."""
    at = locate(key)
    is_free = at.field is not None and at.inside != ()
    in_body = "extra_body" in key
    if isinstance(value, str):
        if UNSENDABLE.search(value):
            yield "must not hold NUL or half a character"
        is_text = in_body or (
            key[0] == "prompts" and not value.lower().endswith(FILE_ENDINGS)
        )  # may mean `Q:` and a break
        names_file = key[-1] in {"output_dir", "api_key_file"} and CONTROL.search(value)
        if not is_text and (names_file or ESCAPED_PATH.match(value)):
            yield BACKSLASH
    elif key[0] == "profiles" and key[-2:] == ("extra_body", "model"):
        yield "must be text: it is the model that is asked"
    if is_free and in_body and isinstance(value, dt.date | dt.time):
        yield "must be JSON: no dates and times"
    if is_free and isinstance(value, float) and not math.isfinite(value):
        yield "must be a finite number"
    if is_free and isinstance(value, int) and not -(2**63) <= value < 2**64:
        yield "must be a whole number of at most 64 bits"


def _profile_problems(table: Mapping[str, Any]) -> Iterator[Found]:
    """Yield problems with a profile's address, key and headers that types cannot express."""
    url, variable, key, program = (table.get(n) for n in ("base_url", "api_key_env", "api_key", "api_key_command"))
    if isinstance(url, str) and url and (what := url_problem(url)):
        yield ("base_url",), what
    named = [each for each in KEY_SOURCES if table.get(each)]
    if len(named) > 1:
        both = " and ".join(f"`{each}`" for each in named)
        yield (named[1],), f"at most one of the `api_key…` settings, not {both}"
    if isinstance(variable, str) and variable and not VARIABLE_NAME.fullmatch(variable):
        yield ("api_key_env",), "must be the name of an environment variable, not the key"
    if isinstance(key, str) and (what := secret_problem(key)):
        yield ("api_key",), what
    if isinstance(program, list) and (not program or program[0] == ""):
        yield ("api_key_command",), 'must begin with a program; for no key write `api_key_env = ""`'
    for header, value in table_at(table, "headers").items():
        if not HEADER_NAME.fullmatch(header):
            yield ("headers", header), "is no name of a header"
        if isinstance(value, str) and (what := secret_problem(value, spaces=True)):
            yield ("headers", header), what


def _reference_problems(layers: Layers) -> Iterator[Problem]:
    """Yield a problem for each reference to a profile or prompt variant that does not exist."""
    profiles = dict.fromkeys(declared(layers.all))
    variants = [*built_in(), *layers.names["prompts"]]
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
            for key in everywhere("prompt_variant"):
                variant = value_of(table, key)
                if isinstance(variant, str) and variant not in variants:
                    what = nothing_named("prompt variant", variant, variants)
                    yield layers.problem(layer, ("profiles", name, *key), what)


def _missing_profiles(layers: Layers) -> Iterator[Problem]:
    """Yield a problem for each profile that a flag or variable names and no file declares, as it may be a typo."""
    known = declared(layers.all)
    flags = layers.of("flags")
    for name in flags.table("profiles") if flags else ():
        if flags and name not in known and name != layers.selected:
            quoted = "a name with a space or dot stands in quotes: `-c 'profiles.\"my box\".model=NAME'`"
            hint = f"`smol_dev profiles list` shows them; {quoted}"
            yield Problem(flags.place(("profiles", name)), "", nothing_named("profile", name, known), hint=hint)
    # Variables that also set its keys declare a profile, as in a container, so it is no typo.
    by_name = ("profiles", in_variable(layers.selected))
    is_set = any(each.path[:2] == by_name for each in layers.variables)
    if layers.selected in known or is_set or layers.selected_by.layer not in ("flags", "environment"):
        return
    hint = "`smol_dev profiles list` shows the profiles"
    folder, user = layers.surroundings.user_config, layers.of("user")
    if folder and user and user.document and user.document.path.parent != folder:
        usual = folder / FILE_NAME
        if os.path.lexists(usual):
            hint += f"; `{user.document.path}` was read in the place of your own `{usual}`"
    what = nothing_named("profile", layers.selected, known)
    yield Problem(layers.selected_by.where, "", what, hint=hint)


def endpoint_problems(tables: Sequence[Slot], at: Endpoint, *, lookup: Lookup | None) -> Iterator[Problem]:
    """Yield why no request may go to this server. Without `lookup`, host names are not checked."""
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
    by = only.layer.place(only.key("local_only"), column=False) if only and only.table["local_only"] is True else ""
    if by:
        yield from _cloud_models(tables, by)
    is_plain = origin.startswith("http://") and not allows_http(tables)
    if not (by or is_plain) or (lookup is None and is_name(at.base_url)) or is_local(at.base_url, lookup=lookup):
        return
    found = outside(addresses_of(host_of(at.base_url)) or ())
    place = f"{origin} ({found})" if found else origin
    what = f"plain `http://` only goes to this machine or a private network; {place} needs `https://`"
    if by:
        what = f"{place} is not on this machine or a private network, and `local_only` is set ({by})"
    yield Problem(where, key, what, profile)


def allows_http(tables: Sequence[Slot]) -> bool:
    """Return whether plain `http://` to a remote server is allowed."""
    slot = first(tables, "allow_http")
    return slot is not None and slot.table["allow_http"] is True


def _cloud_models(tables: Sequence[Slot], by: str) -> Iterator[Problem]:
    """Yield a problem for each model that a local Ollama would pass on to its cloud."""
    provider = first(tables, "provider")
    if provider is not None and provider.table["provider"] not in ("auto", "ollama", "compatible"):
        return
    for path in everywhere("model"):
        slot = first(tables, *path)
        if slot is not None and is_cloud_model(value_of(slot.table, path)):
            key = slot.key(*path)
            what = f"Ollama sends this model's prompts to a cloud, and `local_only` is set ({by})"
            yield Problem(slot.layer.place(key), dotted(key), what, slot.profile)

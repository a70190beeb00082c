"""The settings before they are merged: every layer checked, the selected profile and its server known."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from smol_dev.config.command_line import command_line
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
from smol_dev.config.environment import environment, in_variable
from smol_dev.config.files import FILE_NAME
from smol_dev.config.keys import STAGES, KnownKeys
from smol_dev.config.layers import Layer, Layers, declared, read_layers
from smol_dev.config.model import Run
from smol_dev.config.precedence import leaf_paths, overridden
from smol_dev.config.problems import Problem, config_error, did_you_mean, dotted, shown
from smol_dev.config.profiles import Slot, chain, slots, value_of
from smol_dev.config.secret import Endpoint, endpoint
from smol_dev.config.surroundings import Flags, Surroundings
from smol_dev.config.trust import project_problems
from smol_dev.config.validate import layer_problems, reference_problems
from smol_dev.config.variants import parent_problems, read_variants, resolved
from smol_dev.safe import command

QUOTED = "a name with a space or dot stands in quotes: `-c 'profiles.\"my box\".model=NAME'`"


class Reading(NamedTuple):
    """What a run's settings are made of. `dropped` are keys of the profile that do not hold, and why."""

    layers: Layers
    chain: tuple[str, ...]
    tables: tuple[Slot, ...]
    endpoint: Endpoint
    dropped: Mapping[tuple[str, ...], str]
    prompts: Mapping[str, Any]
    warnings: tuple[str, ...]


def read(flags: Flags, surroundings: Surroundings) -> Reading:
    """The layers of a run. Raises `ConfigError` with every problem that concerns the selected profile."""
    layers = understood(read_layers(flags, surroundings))
    problems = [*layers.problems, *problems_of(layers)]
    names, broken = chain(layers, layers.selected, known=layers.names("profiles"))
    if broken is not None:
        problems.append(broken)
    here = [each for each in problems if not each.profile or each.profile in names]
    if here:
        raise config_error(here)
    tables = slots(layers, names)
    at = endpoint(tables, layers)
    if wrong := list(endpoint_problems(tables, at, lookup=None)):
        raise config_error(wrong)
    texts, _ = read_variants(layers)
    warnings = (
        *layers.warnings,
        *at.warnings,
        *elsewhere(problems),
        *readable_key(layers),
        *open_to_others(tables, at),
    )
    warnings = (*warnings, *without_effect(tables))
    dropped = {**overridden(tables), **at.dropped}
    return Reading(layers, names, tables, at, dropped, resolved(layers, texts), warnings)


def understood(layers: Layers) -> Layers:
    """The layers with each variable read as the type of its key; an unknown one is a warning.

    A key that only `[run]` has is one of `[run]`.
    """
    flags = layers.flags
    typed = command_line(flags.named, flags.sets, selected=layers.selected, run_keys=Run.model_fields)
    said = environment(
        layers.variables,
        selected=layers.selected,
        profiles=declared(layers.all),
        prompts=[name for layer in layers.all if layer.kind != "environment" for name in layer.table("prompts")],
        known=KnownKeys(layers.selected),
    )
    spoken = {
        "flags": Layer("flags", typed.data, spelled=typed.spelled),
        "environment": Layer("environment", said.data, spelled=said.spelled),
    }
    every = tuple(spoken.get(layer.kind, layer) for layer in layers.all)
    return replace(
        layers, all=every, problems=(*layers.problems, *said.problems), warnings=(*layers.warnings, *said.warnings)
    )


def problems_of(layers: Layers) -> Iterator[Problem]:
    """Everything that is wrong with what the layers say. The shipped profiles are checked by the tests."""
    for layer in layers.all:
        if layer.kind != "shipped":
            yield from layer_problems(layer, layers)
    yield from reference_problems(layers, layers.names("prompts"))
    yield from parent_problems(layers)
    yield from read_variants(layers)[1]
    yield from project_problems(layers)
    yield from missing_profiles(layers)


def without_effect(tables: Sequence[Slot]) -> Iterator[str]:
    """The warning about an `extends` on the command line, over which the profile's own keys win."""
    setter = next((slot for slot in tables if "extends" in slot.table), None)
    if setter is None or not setter.typed:
        return
    own = leaf_paths(slot.table for slot in tables if slot.hop == 0 and not slot.typed)
    theirs = leaf_paths(slot.table for slot in tables if slot.hop)
    if ("provider",) in theirs:
        theirs.append(("base_url",))  # a provider brings its address
    both = [f"`{dotted(path)}`" for path in own if path in theirs and path != ("extends",)]
    if both:
        where = setter.origin("extends").where
        yield f"{where}: the profile's own {', '.join(both)} win{'s' if len(both) == 1 else ''} over its parent's"


def missing_profiles(layers: Layers) -> Iterator[Problem]:
    """Profiles that a flag or variable names and no file declares, which a slip of the pen would make."""
    known = declared(layers.all)
    layer = layers.of("flags")
    typed = [] if layer is None else [name for name in layer.table("profiles") if name not in known]
    for name in [each for each in typed if each != layers.selected]:
        where = layer.place(("profiles", name)) if layer is not None else ""
        hint = f"`smol_dev profiles list` shows them; {QUOTED}"
        yield Problem(where, "", f"there is no profile {shown(name)}{did_you_mean(name, known)}", hint=hint)
    by_name = ("profiles", in_variable(layers.selected))
    if any(each.path[:2] == by_name for each in layers.variables):
        return  # a container's: its variables name the profile twice, so that it is no slip
    if layers.selected not in known and layers.selected_by.layer in ("flags", "environment"):
        name = layers.selected
        what = f"there is no profile {shown(name)}{did_you_mean(name, known)}"
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


def elsewhere(problems: Sequence[Problem]) -> Iterator[str]:
    """The warning about problems in profiles that are not used."""
    lines = dict.fromkeys(str(each) for each in problems)
    if not lines:
        return
    names = ", ".join(dict.fromkeys(f"`{each.profile}`" for each in problems))
    count = "a problem" if len(lines) == 1 else f"{len(lines)} problems"
    yield f"{count} in profiles that are not used ({names}); `smol_dev config check` shows them"


def readable_key(layers: Layers) -> Iterator[str]:
    """The warning about a file of the user's that holds a key and that others can read."""
    layer = layers.of("user")
    if layer is None or not layer.documents[0].others_can_read:
        return
    for name, table in layer.table("profiles").items():
        if isinstance(table, dict) and table.get("api_key"):
            key = ("profiles", name, "api_key")
            path = layer.documents[0].path
            yield f"{layer.place(key)}: others can read this key: {command('chmod 600 {file}', file=path)}"
            return


def endpoint_problems(tables: Sequence[Slot], at: Endpoint, *, lookup: Lookup | None) -> Iterator[Problem]:
    """Why no request may go to this server. Without `lookup` a local name is believed to be one."""
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


def open_to_others(tables: Sequence[Slot], at: Endpoint) -> Iterator[str]:
    """Yield the line about prompts that leave the network unencrypted."""
    if at.base_url.startswith("http://") and allows_http(tables) and not is_local(at.base_url):
        yield f"prompts go to {origin_of(at.base_url)} unencrypted, as `allow_http` says"


def cloud_models(tables: Sequence[Slot], by: str) -> Iterator[Problem]:
    """Models that a local Ollama passes on to a cloud, where nothing may leave the machine."""
    provider = first(tables, "provider")
    if provider is not None and provider.table["provider"] not in ("auto", "ollama", "compatible"):
        return
    for path in (("model",), *((stage, "model") for stage in STAGES)):
        slot = next((each for each in tables if each.holds(*path)), None)
        if slot is not None and is_cloud_model(value_of(slot.table, path)):
            key = slot.key(*path)
            what = f"Ollama sends this model's prompts to a cloud, and `local_only` is set ({by})"
            yield Problem(slot.layer.place(key), dotted(key), what, slot.profile)


def first(tables: Sequence[Slot], key: str) -> Slot | None:
    """The strongest table that sets the key."""
    return next((slot for slot in tables if key in slot.table), None)

"""Who set what: the effective settings with their origins, the candidates of a key, and the text of it all."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import tomli_w

from smol_dev.config.command_line import key_path
from smol_dev.config.environment import KEY_SOURCES
from smol_dev.config.keys import STAGES, field_of, is_hidden, is_table, locate
from smol_dev.config.layers import Key, Layers, Origin
from smol_dev.config.load import Loaded
from smol_dev.config.model import File, Profile, Prompts, Run, Stage, Table
from smol_dev.config.problems import did_you_mean, dotted, shown
from smol_dev.config.profiles import Slot, chain, slots
from smol_dev.config.secret import without_secrets
from smol_dev.config.variants import FILE_ENDINGS, shown_prompts
from smol_dev.errors import ConfigError

DEFAULT = Origin("defaults", "")
FREE_TABLES = ("extra_body", "extra_query")


class Candidate(NamedTuple):
    """One layer's value for a key. `hop` counts the `extends` between the selected profile and the one that sets it."""

    value: str
    origin: Origin
    hop: int
    wins: bool
    note: str = ""


def origins(loaded: Loaded) -> Mapping[str, Origin]:
    """Who set each effective key (`model`, `code.model`, `run.max_files`), in the order of the model."""
    found = {dotted(path): profile_origin(loaded, path) for path in profile_paths(loaded.profile)}
    tables: list[Key] = [("run", name) for name in Run.model_fields]
    tables += [
        ("prompts", name, key)
        for name, table in shown_prompts(loaded.prompts).items()
        for key in table
    ]
    return found | {dotted(key): top_origin(loaded.layers, key) for key in tables}


def profile_paths(profile: Profile) -> Iterator[Key]:
    """The path of each effective key of a profile: its own, what is in its tables, its stages' own."""
    for name in Profile.model_fields:
        value = getattr(profile, name)
        if name in STAGES:
            yield from ((name, *path) for path in stage_paths(value))
        elif isinstance(value, dict) and value:
            yield from ((name, key) for key in value)
        elif name != "extends" and not (name in KEY_SOURCES and not value):
            yield (name,)


def stage_paths(stage: Stage) -> Iterator[Key]:
    """The path of each key that a stage sets."""
    for name in Stage.model_fields:
        if name in stage.model_fields_set:
            value = getattr(stage, name)
            yield from ((name, key) for key in value) if isinstance(value, dict) else [(name,)]


def profile_origin(loaded: Loaded, path: Key) -> Origin:
    """Who set an effective key of the profile; the defaults if nobody, or if it is derived."""
    if path == ("base_url",):
        return address_origin(loaded)
    if path in loaded.dropped:
        return DEFAULT
    slot = next((each for each in loaded.tables if each.holds(*path)), None)
    return slot.origin(*path) if slot is not None else DEFAULT


def address_origin(loaded: Loaded) -> Origin:
    """Who set the address: a `base_url`, or a provider that brings its own."""
    slot = loaded.endpoint.set_by
    if slot is None:
        return DEFAULT
    own = slot.table.get("base_url") == loaded.endpoint.base_url
    return slot.origin("base_url" if own else "provider")


def top_origin(layers: Layers, key: Key) -> Origin:
    """Who set a key outside the profiles."""
    layer = next((each for each in layers.all if key[-1] in each.table(*key[:-1])), None)
    return layer.origin(key) if layer is not None else DEFAULT


def explain(loaded: Loaded, key: str) -> tuple[Candidate, ...]:
    """Everyone who sets the key, strongest first, the default last. Raises `ConfigError` for an unknown key."""
    path = known_path(loaded, key)
    if path == ("default_profile",) or path[0] != "profiles":
        return top_candidates(loaded, path)
    name, inside = path[1], path[2:]
    if name == loaded.name:
        found = candidates(loaded.tables, inside, loaded.dropped, default_of(loaded.profile, path))
        return with_provider(loaded, found) if inside == ("base_url",) else found
    names, _ = chain(loaded.layers, name, known=loaded.layers.names("profiles"))
    tables = slots(loaded.layers, names)
    return candidates(tables, inside, {}, default_of(None, path))


def known_path(loaded: Loaded, key: str) -> Key:
    """The key as it stands in a file; one without a table is the selected profile's."""
    written = key_path(key) or (key,)
    path = written if written[0] in File.model_fields else ("profiles", loaded.name, *written)
    table, place = locate(path)
    known = list(table.model_fields)
    if field_of(path) is None or len(path) < place + 1 or path in (("profiles",), ("prompts",)):
        raise ConfigError(
            f"there is no setting `{dotted(written)}`{did_you_mean(written[-1], known)}",
            hint="`smol_dev config show` lists them; `smol.toml.example` explains them",
        )
    names = loaded.layers.names(path[0]) if path[0] in ("profiles", "prompts") else [path[1:2]]
    if path[0] in ("profiles", "prompts") and path[1] not in names:
        raise ConfigError(
            f"there is no `{dotted(path[:2])}`{did_you_mean(path[1], [str(each) for each in names])}",
            hint="`smol_dev profiles list` shows the profiles",
        )
    return path


def candidates(
    tables: Sequence[Slot], path: Key, dropped: Mapping[Key, str], default: str
) -> tuple[Candidate, ...]:
    """The tables that hold the key, the winner marked; one that is dropped says why."""
    reason = dropped.get(path, "")
    found: list[Candidate] = []
    for slot in tables:
        if slot.holds(*path):
            value: Any = slot.table
            for part in path:
                value = value[part]
            wins = not found and not reason
            found.append(
                Candidate(
                    rendered(slot.key(*path), value), slot.origin(*path), slot.hop, wins, reason
                )
            )
    return (*found, Candidate(default, DEFAULT, 0, wins=not any(each.wins for each in found)))


def with_provider(loaded: Loaded, found: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The candidates of the address, before them the provider whose own address holds instead."""
    slot, url = loaded.endpoint.set_by, loaded.endpoint.base_url
    if slot is None or not url or slot.table.get("base_url") == url:
        return found
    note = f"the address of provider `{slot.table['provider']}`"
    winner = Candidate(url, slot.origin("provider"), slot.hop, wins=True, note=note)
    return (winner, *(each._replace(wins=False) for each in found))


def top_candidates(loaded: Loaded, path: Key) -> tuple[Candidate, ...]:
    """The layers that set a key of `[run]` or `[prompts.NAME]`, or the default profile."""
    found: list[Candidate] = []
    if path == ("default_profile",) and loaded.layers.selected_by.layer in ("flags", "environment"):
        found.append(Candidate(shown(loaded.name), loaded.layers.selected_by, 0, wins=True))
    for layer in loaded.layers.all:
        table = layer.table(*path[:-1]) if len(path) > 1 else layer.data
        if path[-1] in table:
            value = rendered(path, table[path[-1]])
            found.append(Candidate(value, layer.origin(path), 0, wins=not found))
    return (*found, Candidate(default_of(None, path), DEFAULT, 0, wins=not found))


def rendered(key: Key, value: object) -> str:
    """A value for people; what may be a secret is hidden."""
    if value and is_hidden(key, value):
        return "(hidden)"
    if isinstance(value, dict | list):
        return json.dumps(without_secrets(value), ensure_ascii=False, default=str)
    return shown(value)[1:-1] if isinstance(value, str | bool | int | float) else str(value)


def default_of(profile: Profile | None, path: Key) -> str:
    """The default of a key: as it is derived for the profile, else the model's."""
    table, place = locate(path)
    field = field_of(path)
    if field is None or len(path) > place + 1 or is_table(field.annotation):
        return "(not set)"
    derived = profile is not None and table is Profile and path[-1] not in ("extends", *KEY_SOURCES)
    if derived and path[-1] in ("timeout", "first_token_timeout"):
        return str(getattr(profile, path[-1]))
    value = field.get_default(call_default_factory=True)
    return "(not set)" if value in (None, "", []) or table is Stage else rendered(path, value)


def as_dict(loaded: Loaded) -> dict[str, Any]:
    """The effective settings as one `smol.toml` would hold them; secrets are left out."""
    whole: dict[str, Any] = {
        "default_profile": loaded.name,
        "profiles": {loaded.name: profile_table(loaded.profile)},
        "run": plain_table(loaded.run),
    }
    if loaded.prompts:
        whole["prompts"] = {name: prompt_table(each) for name, each in loaded.prompts.items()}
    return whole


def profile_table(profile: Profile) -> dict[str, Any]:
    """The effective keys of a profile; a stage has only its own."""
    hidden = ("extends", "api_key", "headers", *STAGES)
    table = {
        name: value
        for name, value in plain_table(profile).items()
        if name not in hidden and not (name in (*KEY_SOURCES, *FREE_TABLES) and not value)
    }
    stages = {name: getattr(profile, name) for name in STAGES}
    own = {
        name: {
            key: value for key, value in plain_table(stage).items() if key in stage.model_fields_set
        }
        for name, stage in stages.items()
    }
    return table | {name: keys for name, keys in own.items() if keys}


def plain_table(table: Table) -> dict[str, Any]:
    """A table's keys in the order of the model, without secrets and without those that have no value."""
    values = {name: getattr(table, name) for name in type(table).model_fields}
    return {
        name: without_secrets(value) if name in FREE_TABLES else value
        for name, value in values.items()
        if value is not None
    }


def prompt_table(prompts: Prompts) -> dict[str, str]:
    """An own variant; a text that would be taken for the name of a file ends in a line break."""
    table = shown_prompts({"": prompts})[""]
    return {
        key: f"{text}\n" if "\n" not in text and text.lower().endswith(FILE_ENDINGS) else text
        for key, text in table.items()
    }


def as_toml(loaded: Loaded) -> str:
    """The effective settings as TOML that, given with `--config`, yields the same profile."""
    return tomli_w.dumps(as_dict(loaded), multiline_strings=True)

"""Who set what: the effective settings with their origins, the candidates of a key, and the text of it all.

Secrets are shown only by where they come from.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import tomli_w

from smol_dev.chat import STAGES
from smol_dev.config.assignments import KEY_SOURCES, Key, at, key_path
from smol_dev.config.endpoint import is_local
from smol_dev.config.files import is_file_name
from smol_dev.config.keys import field_of, is_hidden, is_table, locate, meant
from smol_dev.config.layers import Origin
from smol_dev.config.load import Loaded
from smol_dev.config.model import File, Profile, Prompts, Run, Stage, Table
from smol_dev.config.positions import positions
from smol_dev.config.problems import did_you_mean, dotted, shown
from smol_dev.config.profiles import Slot, leaf_paths, said, standing
from smol_dev.config.sources import Composition, effective
from smol_dev.config.validate import layers_problems
from smol_dev.config.variants import shown_prompts
from smol_dev.errors import ConfigError
from smol_dev.redact import without_secrets
from smol_dev.server.families import FALLBACK, auto_note

DEFAULT = Origin("defaults", "")
FREE_TABLES = ("extra_body", "extra_query")
NOT_SET = "(not set)"


class Candidate(NamedTuple):
    """One layer's value for a key. `hop` counts the `extends` between the selected profile and the one that sets it."""

    value: str
    origin: Origin
    hop: int
    wins: bool
    note: str = ""


def origins(loaded: Loaded) -> Mapping[str, Origin]:
    """Return who set each effective key (`model`, `code.model`, `run.max_files`), in the order of the model."""
    found = {dotted(path): origin_of(loaded, path) for path in profile_paths(loaded.profile)}
    tables: list[Key] = [("run", name) for name in Run.model_fields]
    tables += [("prompts", name, key) for name, table in shown_prompts(loaded.prompts).items() for key in table]
    return found | {dotted(key): winner(top_candidates(loaded, key)).origin for key in tables}


def origin_of(loaded: Loaded, path: Key) -> Origin:
    """Return who set an effective key of the selected profile."""
    return winner(candidates(view_of(loaded), path)).origin


def winner(found: Sequence[Candidate]) -> Candidate:
    """Return the candidate whose value holds."""
    return next(each for each in found if each.wins)


def profile_paths(profile: Profile) -> Iterator[Key]:
    """Yield the path of each effective key of a profile: its own, what is in its tables, its stages' own."""
    for name in Profile.model_fields:
        value = getattr(profile, name)
        if name in STAGES:
            yield from ((name, *path) for path in stage_paths(value))
        elif isinstance(value, dict) and value:
            yield from ((name, *path) for path in leaf_paths([value]))
        elif name != "extends" and not (name in KEY_SOURCES and not value):
            yield (name,)


def stage_paths(stage: Stage) -> Iterator[Key]:
    """Yield the path of each key that a stage sets; of `extra_body`, of all that is sent."""
    for name in Stage.model_fields:
        if name in stage.model_fields_set:
            value = getattr(stage, name)
            yield from ((name, *path) for path in leaf_paths([value])) if isinstance(value, dict) else [(name,)]


class View(NamedTuple):
    """A profile as `explain` sees it; `profile` is None where it cannot be merged, as it is not valid."""

    made: Composition
    profile: Profile | None


def view_of(loaded: Loaded, name: str = "") -> View:
    """Return the selected profile, or the named one, which may be broken."""
    if name in ("", loaded.name):
        return View(loaded.made, loaded.profile)
    made = Composition.of(loaded.layers, name)
    broken = any(each.profile in made.names for each in layers_problems(loaded.layers))
    return View(made, None if broken else effective(made, {}).profile)


def explain(loaded: Loaded, key: str) -> tuple[Candidate, ...]:
    """Return everyone who sets the key, strongest first, the default last.

    Raise `ConfigError` for an unknown key.
    """
    path = known_path(loaded, key)
    if path == ("default_profile",) or path[0] != "profiles":
        return top_candidates(loaded, path)
    return candidates(view_of(loaded, path[1]), path[2:])


def known_path(loaded: Loaded, key: str) -> Key:
    """Return the key as it stands in a file; one without a table is of `run`, or of the selected profile."""
    written = key_path(key) or (key,)
    is_whole = written[0] in File.model_fields
    path = written if is_whole else at(written, loaded.name, Run.model_fields)
    table, place = locate(path)
    known = [*table.model_fields, *(() if is_whole else Run.model_fields)]
    if field_of(path) is None or len(path) < place + 1 or path in (("profiles",), ("prompts",)):
        raise ConfigError(
            f"there is no setting `{dotted(written)}`{meant(written[-1], known)}",
            hint="`smol_dev config show` lists them; `smol.toml.example` explains them",
        )
    names = loaded.layers.names(path[0]) if path[0] in ("profiles", "prompts") else [path[1:2]]
    if path[0] in ("profiles", "prompts") and path[1] not in names:
        raise ConfigError(
            f"there is no `{dotted(path[:2])}`{did_you_mean(path[1], [str(each) for each in names])}",
            hint="`smol_dev profiles list` shows the profiles",
        )
    return path


def candidates(view: View, path: Key) -> tuple[Candidate, ...]:
    """Return the tables that speak of a key of the profile; the winner is the one whose value is sent."""
    if path == ("base_url",):
        return address_candidates(view)
    found: list[Candidate] = []
    won = False
    for slot, key in standing(view.made.tables, path):
        part, value = said(slot.table, key)
        if part != key and isinstance(value, dict):
            continue
        reason = view.made.dropped.get(part) or view.made.dropped.get(key, "")
        wins = not (won or reason) and is_sent(view, path[: len(path) - len(key) + len(part)], value)
        won = won or wins
        note = reason or meaning(view, path, value)
        found.append(candidate(slot, part, value, whole=key, wins=wins, note=note))
    return (*found, default_candidate(view, path, wins=not won))


def is_sent(view: View, path: Key, value: object) -> bool:
    """Return whether the value of a key of the body is what is sent there; True for any other key.

    Tables are laid over one another, and what is no table takes the place of one.
    """
    body = path[1:] if path[0] in STAGES else path
    if view.profile is None or body[:1] != ("extra_body",):
        return True
    part, sent = said(as_used(view.profile, path).extra_body, body[1:])
    return part == body[1:] and type(sent) is type(value) and sent == value


def as_used(profile: Profile, path: Key) -> Profile:
    """Return the profile as the stage sees it that the key is of; for a key of no stage, the profile itself."""
    stage = next((name for name in STAGES if name == path[0]), None)
    return profile if stage is None else profile.stage(stage)


def candidate(slot: Slot, key: Key, value: object, *, whole: Key, wins: bool, note: str) -> Candidate:
    """Return what the table says of the key `whole`, for all of which `key` may stand."""
    if not note and key != whole:
        note = f"all of `{dotted(key)}`"
    return Candidate(rendered(slot.key(*key), value), slot.origin(*key), slot.hop, wins, note)


def address_candidates(view: View) -> tuple[Candidate, ...]:
    """Return who gives an address, before them the provider whose own address holds instead."""
    at = view.made.endpoint
    brought = at.set_by is not None and at.setting == "provider" and at.base_url != ""
    found = [
        Candidate(rendered(slot.key(*key), value), slot.origin(*key), slot.hop, wins=False)
        for slot, key in standing(view.made.tables, ("base_url",))
        if (value := slot.table.get("base_url")) is not None
    ]
    if at.set_by is not None and brought:
        note = f"the address of provider `{at.set_by.table['provider']}`"
        found.insert(0, Candidate(at.base_url, at.origin, at.set_by.hop, wins=True, note=note))
    elif found:
        found[0] = found[0]._replace(wins=True)
    return (*found, Candidate(NOT_SET, DEFAULT, 0, wins=not found))


def default_candidate(view: View, path: Key, *, wins: bool) -> Candidate:
    """Return what holds when nobody sets a key of the profile: derived from another one, or the default."""
    inside = path[1:] if path[0] in STAGES and path[1:] else path
    value = default_of(("profiles", "", *inside))
    origin = DEFAULT
    if wins and view.profile is not None and value != NOT_SET:
        origin = derived_from(view, path)
        value = rendered(path, getattr(as_used(view.profile, path), path[-1]))
    return Candidate(value, origin, 0, wins, meaning(view, path, value))


def meaning(view: View, path: Key, value: object) -> str:
    """Return what `auto` stands for in a key of sampling; empty for anything else."""
    if path[-1] not in FALLBACK or value != "auto" or view.profile is None:
        return ""
    return sampling_note(view.profile, path)


def sampling_notes(loaded: Loaded) -> Mapping[str, str]:
    """Return by key what each `auto` of sampling sends, of the profile and of the stages that set one."""
    paths = (path for path in profile_paths(loaded.profile) if path[-1] in FALLBACK)
    return {
        dotted(path): sampling_note(loaded.profile, path)
        for path in paths
        if getattr(as_used(loaded.profile, path), path[-1]) == "auto"
    }


def sampling_note(profile: Profile, path: Key) -> str:
    """Return what `auto` sends for a key of sampling of the profile, or of a stage of it."""
    settings = as_used(profile, path)
    return auto_note(path[-1], model=settings.model, reasoning=settings.reasoning, provider=settings.provider)


def derived_from(view: View, path: Key) -> Origin:
    """Return whence a time-out that nobody sets is derived; the defaults for any other key."""
    name = path[-1]
    if name == "timeout" and not is_local(view.made.endpoint.base_url):
        return Origin("derived", f"from base_url, {view.made.endpoint.origin}")
    if name == "first_token_timeout":
        origin = winner(candidates(view, (*path[:-1], "timeout"))).origin
        if origin != DEFAULT:
            return Origin("derived", f"from timeout, {origin}")
    return DEFAULT


def top_candidates(loaded: Loaded, path: Key) -> tuple[Candidate, ...]:
    """Return the layers that set a key of `[run]` or `[prompts.NAME]`, or the default profile."""
    found: list[Candidate] = []
    if path == ("default_profile",) and loaded.layers.selected_by.layer in ("flags", "environment"):
        found.append(Candidate(shown(loaded.name), loaded.layers.selected_by, 0, wins=True))
    for layer in loaded.layers.all:
        table = layer.table(*path[:-1]) if len(path) > 1 else layer.data
        if path[-1] in table:
            value = rendered(path, table[path[-1]])
            found.append(Candidate(value, layer.origin(path), 0, wins=not found))
    return (*found, Candidate(default_of(path), DEFAULT, 0, wins=not found))


def rendered(key: Key, value: object) -> str:
    """Return a value for people; what may be a secret is hidden."""
    if value and is_hidden(key, value):
        return "(hidden)"
    if isinstance(value, dict | list):
        return json.dumps(without_secrets(value), ensure_ascii=False, default=str)
    return shown(value)[1:-1] if isinstance(value, str | bool | int | float) else str(value)


def default_of(path: Key) -> str:
    """Return the model's default of a key."""
    _, place = locate(path)
    field = field_of(path)
    if field is None or len(path) > place + 1 or is_table(field.annotation):
        return NOT_SET
    value = field.get_default(call_default_factory=True)
    return NOT_SET if value in (None, "", []) else rendered(path, value)


def as_dict(loaded: Loaded) -> dict[str, Any]:
    """Return the effective settings as one `smol.toml` would hold them; secrets are left out."""
    whole: dict[str, Any] = {
        "default_profile": loaded.name,
        "profiles": {loaded.name: profile_table(loaded.profile)},
        "run": plain_table(loaded.run),
    }
    if loaded.prompts:
        whole["prompts"] = {name: prompt_table(each) for name, each in loaded.prompts.items()}
    return whole


def profile_table(profile: Profile) -> dict[str, Any]:
    """Return the effective keys of a profile, as they are sent; a stage has only its own."""
    hidden = ("extends", "api_key", "headers", *STAGES)
    table = {
        name: value
        for name, value in plain_table(profile).items()
        if name not in hidden and not (name in (*KEY_SOURCES, *FREE_TABLES) and not value)
    }
    stages = {name: stage_table(stage) for name, stage in profile.stages().items()}
    return table | {name: keys for name, keys in stages.items() if keys}


def stage_table(stage: Stage) -> dict[str, Any]:
    """Return a stage's own keys."""
    return {key: value for key, value in plain_table(stage).items() if key in stage.model_fields_set}


def plain_table(table: Table) -> dict[str, Any]:
    """Return a table's keys in the order of the model, without secrets and the unset ones that are not sent."""
    values = {name: getattr(table, name) for name in type(table).model_fields}
    unset = {name for name in ("seed", "max_output_tokens") if name not in table.model_fields_set}
    return {
        name: without_secrets(value) if name in FREE_TABLES else value
        for name, value in values.items()
        if value is not None and name not in unset
    }


def prompt_table(prompts: Prompts) -> dict[str, str]:
    """Return an own variant; a text that would be taken for the name of a file ends in a line break."""
    table = shown_prompts({"": prompts})[""]
    return {key: f"{text}\n" if is_file_name(text) else text for key, text in table.items()}


def as_toml(loaded: Loaded) -> str:
    """Return the effective settings as TOML that, given with `--config`, yields the same profile."""
    return tomli_w.dumps(as_dict(loaded), multiline_strings=True)


def as_text(loaded: Loaded, *, origin: bool) -> str:
    """Return valid TOML, under comments about the secrets; with `origin` each setting says who set it."""
    text = as_toml(loaded)
    known = origins(loaded)
    said: dict[Key, list[str]] = {}
    if origin:
        said = {from_top(key, loaded.name): [str(each)] for key, each in known.items()}
        said["default_profile",] = [str(loaded.layers.selected_by)]
    for key, note in sampling_notes(loaded).items():
        said.setdefault(from_top(key, loaded.name), []).append(note)
    text = with_comments(text, {key: "; ".join(notes) for key, notes in said.items()})
    hidden = (
        f"# {key}: set ({each})\n"
        for key, each in known.items()
        if "." in key and is_hidden(from_top(key, loaded.name), value=None)
    )
    comments = (f"# api_key: {loaded.key_summary()}\n", *hidden)
    return visible("".join(one_line(each) for each in comments) + text)


def one_line(comment: str) -> str:
    """Return a comment that ends where its line does, whatever a file name or key in it holds."""
    return visible(comment.removesuffix("\n"), keep="") + "\n"


def as_json(loaded: Loaded, *, origin: bool) -> str:
    """Return one JSON object, pure ASCII."""
    document = {"profile": loaded.name, "settings": as_dict(loaded), "api_key": loaded.key_summary()}
    if origin:
        document["origins"] = {key: each._asdict() for key, each in origins(loaded).items()}
        document["auto"] = sampling_notes(loaded)
    return json.dumps(document, indent=2, default=str) + "\n"


def from_top(key: str, profile: str) -> Key:
    """Return the key from the top of a file; one without a table is of the profile."""
    path = key_path(key) or (key,)
    return path if path[0] in ("run", "default_profile", "prompts") else ("profiles", profile, *path)


def with_comments(text: str, found: Mapping[Key, str]) -> str:
    """Return the TOML text with a comment behind each setting, or behind the header of its table."""
    known = positions(text)
    starts = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]
    places = {}
    for key, comment in found.items():
        if (position := known.get(key)) is not None:
            end = position.end or text.find("\n", starts[position.line - 1])
            places[end] = f"  # {visible(comment, keep='')}"
    for end in sorted(places, reverse=True):
        text = text[:end] + places[end] + text[end:]
    return text


def candidate_lines(candidates: Iterable[Candidate]) -> Iterator[str]:
    """Yield a line for each layer that sets a key: `*` the winner, its value, who it is."""
    rows = list(candidates)
    width = max((len(row.value) for row in rows), default=0)
    for row in rows:
        note = f"  ({row.note})" if row.note else ""
        yield f"{'*' if row.wins else ' '} {row.value:<{width}}  {row.origin}{note}"


def visible(text: str, *, keep: str = "\n") -> str:
    r"""Return the text with what no terminal should get as `\uXXXX`, which TOML reads as the same string."""
    return "".join(
        each
        if each.isprintable() or each in keep
        else f"\\u{ord(each):04x}"
        if ord(each) <= 0xFFFF  # noqa: PLR2004 - what four digits hold
        else f"\\U{ord(each):08x}"
        for each in text
    )

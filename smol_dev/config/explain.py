"""The effective settings with the origin of each value, and every source of one key.

Of a secret, only the origin is shown.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import tomli_w

from smol_dev.chat import STAGES
from smol_dev.config.endpoint import is_local
from smol_dev.config.files import TEXTS, is_file_name, positions
from smol_dev.config.layers import KEY_SOURCES, Key, Layers, Origin, at, key_path
from smol_dev.config.load import Composition, Loaded, effective, standing
from smol_dev.config.model import File, Profile, Prompts, Run, Stage, Table, is_hidden, is_table, locate, meant
from smol_dev.config.problems import did_you_mean, dotted, shown
from smol_dev.config.profiles import leaf_paths, said
from smol_dev.config.validate import layers_problems
from smol_dev.errors import ConfigError
from smol_dev.redact import without_secrets
from smol_dev.safe import command
from smol_dev.server.families import FALLBACK, auto_note

DEFAULT = Origin("defaults", "")
FREE_TABLES = ("extra_body", "extra_query")
NOT_SET = "(not set)"


class Candidate(NamedTuple):
    """One layer's value for a key; `hop` counts the `extends` from the selected profile to the one that sets it."""

    value: str
    origin: Origin
    hop: int
    wins: bool
    note: str = ""


class View(NamedTuple):
    """A profile as `explain` sees it; `profile` is None if it is not valid and cannot be merged."""

    made: Composition
    profile: Profile | None

    def used(self, path: Key) -> Profile | None:
        """Return the profile as seen by the stage of one of its keys; the profile itself if that has no stage."""
        stage = next((name for name in STAGES if name == path[0]), None)
        return self.profile.stage(stage) if self.profile and stage else self.profile


def origins(loaded: Loaded) -> Mapping[str, Origin]:
    """Return the origin of each effective key (`model`, `code.model`, `run.max_files`), in the model's order."""
    return {dotted(_in_profile(path)): origin for path, origin in _origins(loaded).items()}


def _origins(loaded: Loaded) -> Mapping[Key, Origin]:
    """Return the origin of each effective key, from the top of a file."""
    paths = [*_profile_paths(loaded), *(("run", name) for name in Run.model_fields)]
    paths += [("prompts", name, key) for name, table in shown_prompts(loaded.prompts).items() for key in table]
    view = View(loaded.made, loaded.profile)
    return {path: _winner(_candidates(view, path)) for path in paths}


def _winner(found: Iterable[Candidate]) -> Origin:
    return next(each.origin for each in found if each.wins)


def _in_profile(path: Key) -> Key:
    return path[2:] if path[0] == "profiles" else path


def _profile_paths(loaded: Loaded) -> list[Key]:
    """Return the profile's effective keys, including those in its tables and those set in its stages."""
    profile = loaded.profile
    table = {name: getattr(profile, name) or None for name in Profile.model_fields}
    for name, stage in profile.stages().items():
        table[name] = {key: getattr(stage, key) for key in Stage.model_fields if key in stage.model_fields_set}
    unset = {"extends", *(key for key in KEY_SOURCES if not table[key])}
    paths = leaf_paths([{name: value for name, value in table.items() if name not in unset}])
    return [("profiles", loaded.name, *path) for path in paths]


def explain(loaded: Loaded, key: str) -> tuple[Candidate, ...]:
    """Return every source of the key, strongest first and the default last. Raise `ConfigError` if it is unknown."""
    path = _known_path(loaded, key)
    if path[0] != "profiles" or path[1] == loaded.name:
        return _candidates(View(loaded.made, loaded.profile), path)
    made = Composition.of(loaded.layers, path[1])  # may be broken
    broken = any(each.profile in made.names for each in layers_problems(loaded.layers))
    return _candidates(View(made, None if broken else effective(made, {}).profile), path)


def _known_path(loaded: Loaded, key: str) -> Key:
    """Return the key from the top of a file; one without a table belongs to `run` or the selected profile."""
    written = key_path(key) or (key,)
    is_whole = written[0] in File.model_fields
    path = written if is_whole else at(written, loaded.name, Run.model_fields)
    found = locate(path)
    known = [*found.table.model_fields, *(() if is_whole else Run.model_fields)]
    if found.field is None or path in (("profiles",), ("prompts",)):
        raise ConfigError(
            f"there is no setting `{dotted(written)}`{meant(written[-1], known)}",
            hint="`smol_dev config show` lists them; `smol.toml.example` explains them",
        )
    if path[0] in ("profiles", "prompts") and path[1] not in (names := loaded.layers.names[path[0]]):
        raise ConfigError(
            f"there is no `{dotted(path[:2])}`{did_you_mean(path[1], names)}",
            hint="`smol_dev profiles list` shows the profiles",
        )
    if path[0] == "profiles" and not path[2:]:
        show = command("smol_dev profiles show {name} --origin", name=path[1])
        raise ConfigError(f"`{dotted(path)}` is a profile, not a setting", hint=f"see all of it: {show}")
    return path


def _candidates(view: View, path: Key) -> tuple[Candidate, ...]:
    """Return the tables that set a key, from the top of a file; the winner is the one whose value is used."""
    if path[0] != "profiles":
        return _top_candidates(view.made.layers, path)
    path = path[2:]
    if path == ("base_url",):
        return _address_candidates(view)
    found: list[Candidate] = []
    won = False
    for slot, key in standing(view.made.tables, path):
        part, value = said(slot.table, key)
        if part != key and isinstance(value, dict):
            continue
        reason = view.made.dropped.get(part) or view.made.dropped.get(key, "")
        wins = not (won or reason) and _is_sent(view, path[: len(path) - len(key) + len(part)], value)
        won = won or wins
        stands_for = f"all of `{dotted(part)}`" if part != key else ""
        note = reason or _sampling_note(view, path, value) or stands_for
        found.append(Candidate(_rendered(slot.key(*part), value), slot.origin(*part), slot.hop, wins, note))
    return (*found, _default_candidate(view, path, wins=not won))


def _is_sent(view: View, path: Key, value: object) -> bool:
    """Return whether this value of an `extra_body` key is the one sent; True for any other key.

    Tables are merged, but any other value replaces a table.
    """
    body = path[1:] if path[0] in STAGES else path
    used = view.used(path)
    if used is None or body[:1] != ("extra_body",):
        return True
    part, sent = said(used.extra_body, body[1:])
    return part == body[1:] and type(sent) is type(value) and sent == value


def _address_candidates(view: View) -> tuple[Candidate, ...]:
    """Return the sources of `base_url`, preceded by the provider if its own address wins."""
    server = view.made.endpoint
    found = [
        Candidate(_rendered(slot.key("base_url"), value), slot.origin("base_url"), slot.hop, wins=False)
        for slot in view.made.tables
        if (value := slot.table.get("base_url")) is not None
    ]
    if server.set_by is not None and server.setting == "provider" and server.base_url != "":
        note = f"the address of provider `{server.set_by.table['provider']}`"
        found.insert(0, Candidate(server.base_url, server.origin, server.set_by.hop, wins=True, note=note))
    elif found:
        found[0] = found[0]._replace(wins=True)
    return (*found, Candidate(NOT_SET, DEFAULT, 0, wins=not found))


def _default_candidate(view: View, path: Key, *, wins: bool) -> Candidate:
    """Return the fallback for a profile's key: derived from another key, or the default."""
    value, origin, used, name = _default_of(("profiles", "", *path)), DEFAULT, view.used(path), path[-1]
    if wins and used is not None and value != NOT_SET:
        value = _rendered(path, getattr(used, name))
        if name == "timeout" and not is_local(view.made.endpoint.base_url):
            origin = Origin("derived", f"from base_url, {view.made.endpoint.origin}")
        elif name == "first_token_timeout":
            timeout = _winner(_candidates(view, ("profiles", "", *path[:-1], "timeout")))
            origin = DEFAULT if timeout == DEFAULT else Origin("derived", f"from timeout, {timeout}")
    return Candidate(value, origin, 0, wins, _sampling_note(view, path, value))


def _sampling_note(view: View, path: Key, value: object) -> str:
    """Return what `auto` sends for a sampling key of the profile or a stage; empty for any other key or value."""
    used = view.used(path)
    if used is None or value != "auto" or path[path[0] in STAGES :] not in {(name,) for name in FALLBACK}:
        return ""
    return auto_note(path[-1], model=used.model, reasoning=used.reasoning, provider=used.provider)


def _sampling_notes(loaded: Loaded) -> Mapping[Key, str]:
    """Return what each `auto` among the sampling keys sends, for the profile and its stages."""
    view = View(loaded.made, loaded.profile)
    found = {}
    for path in _profile_paths(loaded):
        value = getattr(view.used(path[2:]), path[-1], None)
        if note := _sampling_note(view, path[2:], value):
            found[path] = note
    return found


def _top_candidates(layers: Layers, path: Key) -> tuple[Candidate, ...]:
    """Return the sources of a key of `[run]` or `[prompts.NAME]`, or of the default profile."""
    found: list[Candidate] = []
    if path == ("default_profile",) and layers.selected_by.layer in ("flags", "environment"):
        found.append(Candidate(_rendered(path, layers.selected), layers.selected_by, 0, wins=True))
    for layer in layers.all:
        table = layer.table(*path[:-1]) if len(path) > 1 else layer.data
        if path[-1] in table:
            value = _rendered(path, table[path[-1]])
            found.append(Candidate(value, layer.origin(path), 0, wins=not found))
    return (*found, Candidate(_default_of(path), DEFAULT, 0, wins=not found))


def _rendered(key: Key, value: object) -> str:
    """Return a value for display, hidden if it may be a secret."""
    if value and is_hidden(key, value):
        return "(hidden)"
    if isinstance(value, dict | list):
        return json.dumps(without_secrets(value), ensure_ascii=False, default=str)
    return shown(value)[1:-1] if isinstance(value, str | bool | int | float) else str(value)


def _default_of(path: Key) -> str:
    found = locate(path)
    if found.field is None or found.inside or is_table(found.field.annotation):
        return NOT_SET
    value = found.field.get_default(call_default_factory=True)
    return NOT_SET if value in (None, "", []) else _rendered(path, value)


def as_dict(loaded: Loaded) -> dict[str, Any]:
    """Return the effective settings as the data of a `smol.toml`, without secrets; a stage has only what it sets."""
    hidden = ("extends", "api_key", "headers", *STAGES)
    profile = {
        name: value
        for name, value in _plain_table(loaded.profile).items()
        if name not in hidden and not (name in (*KEY_SOURCES, *FREE_TABLES) and not value)
    }
    for name, stage in loaded.profile.stages().items():
        if keys := {key: value for key, value in _plain_table(stage).items() if key in stage.model_fields_set}:
            profile[name] = keys
    whole: dict[str, Any] = {
        "default_profile": loaded.name,
        "profiles": {loaded.name: profile},
        "run": _plain_table(loaded.run),
    }
    for variant, texts in shown_prompts(loaded.prompts).items():
        # A final line break keeps a text from being taken for a file name.
        table = {key: f"{text}\n" if is_file_name(text) else text for key, text in texts.items()}
        whole.setdefault("prompts", {})[variant] = table
    return whole


def _plain_table(table: Table) -> dict[str, Any]:
    """Return a table's keys in the model's order, without secrets and optional keys that are not set."""
    values = {name: getattr(table, name) for name in type(table).model_fields}
    unset = {name for name in ("seed", "max_output_tokens") if name not in table.model_fields_set}
    return {
        name: without_secrets(value) if name in FREE_TABLES else value
        for name, value in values.items()
        if value is not None and name not in unset
    }


def shown_prompts(prompts: Mapping[str, Prompts]) -> dict[str, dict[str, str]]:
    """Return the user's prompt variants, each with only the keys it sets."""
    return {
        name: {key: getattr(each, key) for key in ("extends", *TEXTS) if key in each.model_fields_set}
        for name, each in prompts.items()
    }


def as_toml(loaded: Loaded) -> str:
    """Return the effective settings as TOML that yields the same profile when passed as `--config`."""
    return tomli_w.dumps(as_dict(loaded), multiline_strings=True)


def as_text(loaded: Loaded, *, origin: bool) -> str:
    """Return the settings as TOML under comments about the secrets; with `origin`, a comment says who set each one."""
    known = _origins(loaded)
    comments: dict[Key, list[str]] = {}
    if origin:
        selected_by: dict[Key, Origin] = {("default_profile",): loaded.layers.selected_by}
        comments = {path: [str(each)] for path, each in {**known, **selected_by}.items()}
    for path, note in _sampling_notes(loaded).items():
        comments.setdefault(path, []).append(note)
    text = _with_comments(as_toml(loaded), {path: "; ".join(notes) for path, notes in comments.items()})
    hidden = (
        f"# {dotted(_in_profile(path))}: set ({each})"
        for path, each in known.items()
        if path[0] == "profiles" and path[3:] and is_hidden(path, value=None)
    )
    head = (f"# api_key: {loaded.key_summary()}", *hidden)  # one line each, even if a name holds a line break
    return visible("".join(f"{visible(each, keep='')}\n" for each in head) + text)


def as_json(loaded: Loaded, *, origin: bool) -> str:
    """Return the settings as one JSON object in ASCII."""
    document = {"profile": loaded.name, "settings": as_dict(loaded), "api_key": loaded.key_summary()}
    if origin:
        document["origins"] = {key: each._asdict() for key, each in origins(loaded).items()}
        document["auto"] = {dotted(path[2:]): note for path, note in _sampling_notes(loaded).items()}
    return json.dumps(document, indent=2, default=str) + "\n"


def _with_comments(text: str, found: Mapping[Key, str]) -> str:
    """Return the TOML text with each comment after its setting, or after the header of its table."""
    lines = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]
    ends = {
        position.end or text.find("\n", lines[position.line - 1]): comment
        for key, comment in found.items()
        if (position := positions(text).get(key)) is not None
    }
    for end in sorted(ends, reverse=True):
        text = f"{text[:end]}  # {visible(ends[end], keep='')}{text[end:]}"
    return text


def candidate_lines(candidates: Iterable[Candidate]) -> Iterator[str]:
    """Yield a line for each source of a key: `*` if it wins, its value and its origin."""
    rows = list(candidates)
    width = max((len(row.value) for row in rows), default=0)
    for row in rows:
        note = f"  ({row.note})" if row.note else ""
        yield f"{'*' if row.wins else ' '} {row.value:<{width}}  {row.origin}{note}"


def visible(text: str, *, keep: str = "\n") -> str:
    r"""Return the text with unprintable characters as `\uXXXX`, which TOML reads as the same string."""

    def escaped(character: str) -> str:
        code = ord(character)
        return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what four digits hold

    return "".join(each if each.isprintable() or each in keep else escaped(each) for each in text)

"""The effective settings as text for a person or a program; secrets only by where they come from."""

import json
from collections.abc import Iterable, Iterator, Mapping

from smol_dev.config.command_line import key_path
from smol_dev.config.explain import Candidate, as_dict, as_toml, origins, sampling_notes
from smol_dev.config.keys import is_hidden
from smol_dev.config.layers import Key
from smol_dev.config.load import Loaded
from smol_dev.config.positions import positions


def as_text(loaded: Loaded, *, origin: bool) -> str:
    """Valid TOML, under comments about the secrets; with `origin` each setting says who set it."""
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
    """A comment that ends where its line does, whatever a file name or key in it holds."""
    return visible(comment.removesuffix("\n"), keep="") + "\n"


def as_json(loaded: Loaded, *, origin: bool) -> str:
    """One JSON object, pure ASCII."""
    document = {"profile": loaded.name, "settings": as_dict(loaded), "api_key": loaded.key_summary()}
    if origin:
        document["origins"] = {key: each._asdict() for key, each in origins(loaded).items()}
        document["auto"] = sampling_notes(loaded)
    return json.dumps(document, indent=2, default=str) + "\n"


def from_top(key: str, profile: str) -> Key:
    """The key from the top of a file; one without a table is of the profile."""
    path = key_path(key) or (key,)
    return path if path[0] in ("run", "default_profile", "prompts") else ("profiles", profile, *path)


def with_comments(text: str, found: Mapping[Key, str]) -> str:
    """The TOML text with a comment behind each setting, or behind the header of its table."""
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
    """A line for each layer that sets a key: `*` the winner, its value, who it is."""
    rows = list(candidates)
    width = max((len(row.value) for row in rows), default=0)
    for row in rows:
        note = f"  ({row.note})" if row.note else ""
        yield f"{'*' if row.wins else ' '} {row.value:<{width}}  {row.origin}{note}"


def visible(text: str, *, keep: str = "\n") -> str:
    r"""The text with what no terminal should get as `\uXXXX`, which TOML reads as the same string."""
    return "".join(
        each
        if each.isprintable() or each in keep
        else f"\\u{ord(each):04x}"
        if ord(each) <= 0xFFFF  # noqa: PLR2004 - what four digits hold
        else f"\\U{ord(each):08x}"
        for each in text
    )

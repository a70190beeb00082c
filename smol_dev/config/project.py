"""What a project's file may say: what it never may, and what it may only once it is approved.

An unapproved file may tune, and may pick among what runs on the user's own machine; it never moves a
prompt or a key anywhere.
"""

import difflib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from smol_dev.config.binding import Endpoint
from smol_dev.config.endpoint import Lookup, is_local, might_be_local
from smol_dev.config.files import Document
from smol_dev.config.keys import STAGES, is_hidden, is_secret, setting, trust_of
from smol_dev.config.layers import Key, Layers
from smol_dev.config.precedence import leaf_paths
from smol_dev.config.problems import Problem, dotted, shown
from smol_dev.config.profiles import Slot, base_url, chain, slots, value_of
from smol_dev.config.secret import without_secrets
from smol_dev.safe import LONGEST_NAME

KEYS_ELSEWHERE: Final = (
    "a project's file cannot name a key; keep the server with its key in your own file, "
    "and select it by its profile's name"
)


MOST_COMPARED: Final = 1000
"""Lines of a text whose change is shown line by line."""


class Steering(NamedTuple):
    """A key of a project's file that needs approval, with what holds without and with the file.

    `text` is the whole of what is sent, where `new` cannot show it: the file that it names, several
    lines, a long value.
    """

    key: str
    old: str
    new: str
    text: str = ""


def project_problems(layers: Layers) -> Iterator[Problem]:
    """What no project file may say, approved or not."""
    layer = layers.of("project")
    if layer is None:
        return
    for key in dict.fromkeys(setting(path) for path in leaf_paths([layer.data])):
        if trust_of(key) == "never":
            yield Problem(layer.place(key), dotted(key), KEYS_ELSEWHERE)
    folder = layer.documents[0].path.parent
    output = layer.table("run").get("output_dir")
    if isinstance(output, str) and leaves_folder(output, folder):
        what = f"{shown(output)} is outside the project's folder; choose it with `--output`"
        yield Problem(layer.place(("run", "output_dir")), "run.output_dir", what)


def leaves_folder(output: str, folder: Path) -> bool:
    """Whether the output folder, links followed, is outside the project's folder."""
    try:
        inside = (folder / output).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a link to itself, or no file name
        return True
    return output.startswith("~") or not inside


def steering(layers: Layers, at: Endpoint, names: Collection[str], lookup: Lookup | None) -> tuple[Steering, ...]:
    """The keys of the project's file that need approval; `names` are the selected profile and its parents.

    They are the keys that steer by themselves, and a profile or model chosen for a server that is
    not on this machine or its network.
    """
    layer = layers.of("project")
    if layer is None:
        return ()
    local = is_local(at.base_url, lookup=lookup if might_be_local(at.base_url) else None)
    found: dict[Key, None] = {}
    for path in leaf_paths([layer.data]):
        key = setting(path)
        if is_model(key) and key[1] not in names:
            continue
        if steers(key, value_of(layer.data, path), local=local, layers=layers):
            found[key] = None
    return tuple(Steering(dotted(key), *old_and_new(layers, key), whole(layer.documents[0], key)) for key in found)


def steers(key: Key, value: object, *, local: bool, layers: Layers) -> bool:
    """Whether this key with this value can take prompts elsewhere, or change what is sent with them."""
    tier = trust_of(key)
    if tier == "steer-when-false":
        return value is False
    if key == ("default_profile",):
        return not local and layers.selected_by.layer == "project"
    if is_model(key):
        return not local or is_cloud_model(value)
    return tier == "steer"


def is_model(key: Key) -> bool:
    """Whether the key names the model of a profile or of one of its stages."""
    return key[0] == "profiles" and (key[2:] == ("model",) or (key[3:] == ("model",) and key[2] in STAGES))


def model_of_project(layers: Layers, tables: Sequence[Slot]) -> str | None:
    """Return the key by which the project's file chose the model, or the profile that names it."""
    for path in (("model",), *((stage, "model") for stage in STAGES)):
        slot = next((each for each in tables if each.holds(*path)), None)
        if slot is not None and slot.layer.kind == "project":
            return dotted(slot.key(*path))
    return "default_profile" if layers.selected_by.layer == "project" else None


def is_cloud_model(model: object) -> bool:
    """Whether Ollama's own rule (`internal/modelref`) sends the model's prompts to its cloud, by the name.

    An alias made by `ollama cp` has any name; the server is asked for those before the first prompt.
    """
    _, colon, tag = model.rpartition(":") if isinstance(model, str) else ("", "", "")
    tag = tag.strip().lower()
    return bool(colon) and (tag == "cloud" or (tag.endswith("-cloud") and "/" not in tag))


def old_and_new(layers: Layers, key: Key) -> tuple[str, str]:
    """A key's value without the project's file, parents included, and in the file."""
    others = replace(layers, all=tuple(each for each in layers.all if each.kind != "project"))
    project = layers.of("project")
    new = value_of(project.data, key) if project is not None else None
    if key[0] != "profiles":
        found = [value_of(layer.data, key) for layer in others.all]
    else:
        names, _ = chain(others, key[1], known=others.names("profiles"))
        tables = slots(others, names)
        found = [value_of(slot.table, key[2:]) for slot in tables]
        if key[2:] == ("base_url",):
            found = [base_url(tables, layers.surroundings.environ)[0] or None]
    old = next((value for value in found if value is not None), None)
    hidden = is_secret(key) and key[-1] != "base_url"
    was = "not set" if old is None else "hidden" if hidden else plain(key, old)
    return was, plain(key, new)


def plain(key: Key, value: Any) -> str:  # noqa: ANN401 - TOML data
    """A value for the person who approves it: what will be sent is shown, headers are not."""
    if is_hidden(key, value):
        return "hidden"
    if isinstance(value, dict | list):
        text = as_json(value)
        return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"
    return shown(value)


def as_json(value: object) -> str:
    """A table or list on one line, without the secrets in it."""
    return json.dumps(without_secrets(value), default=str, ensure_ascii=False)


def whole(document: Document, key: Key) -> str:
    """What a key of a project's file sends, in full, where `plain` cannot show all of it."""
    value = value_of(document.data, key)
    if is_hidden(key, value):
        return ""
    file = next((each for each in document.named if each.key == key), None)
    text = file.text if file else value if isinstance(value, str) else as_json(value)
    short = f"`{text}`" if isinstance(value, str) else text
    return "" if short == plain(key, value) or not isinstance(value, str | dict | list) else text


def changes(before: Document, now: Document) -> Iterator[str]:
    """What is another in a project's file than it was, key by key, and in the files that it names."""
    for key in leaf_paths([now.data, before.data]):
        old, new = value_of(before.data, key), value_of(now.data, key)
        if old == new and type(old) is type(new):
            continue
        if not is_hidden(key, new) and isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
            yield f"{dotted(key)}:"
            yield from line_by_line(old, new)
        else:
            yield f"{dotted(key)}: {said(key, old)} → {said(key, new)}"
    known = {each.path: each.text for each in before.named}
    for file in now.named:
        if known.get(file.path, "") != file.text:
            yield f"{file.path}:"
            yield from line_by_line(known.get(file.path, ""), file.text)


def said(key: Key, value: object) -> str:
    """A value of one side of a change."""
    return "not set" if value is None else plain(key, value)


def line_by_line(old: str, new: str) -> Iterator[str]:
    """The lines of a change, `-` before those that went and `+` before those that came."""
    before, after = old.split("\n"), new.split("\n")
    if max(len(before), len(after)) > MOST_COMPARED:  # the comparison takes their square
        yield f"  {len(before)} lines → {len(after)} lines; too many to compare"
        return
    compared = difflib.unified_diff(before, after, n=1, lineterm="")
    yield from (f"  {line}" for line in islice(compared, 2, None))  # two lines are of file names

"""Trust in a project's file: which settings need approval, and the record of approvals.

An unapproved file may tune, and choose among local servers and models; it can never send a prompt or a key
elsewhere. An approval is valid for exactly these bytes at exactly this path.
"""

import contextlib
import difflib
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from smol_dev.config.endpoint import Lookup, is_cloud_model, is_local, might_be_local
from smol_dev.config.files import (
    BadFileError,
    Document,
    NamedFile,
    Surroundings,
    decoded,
    parsed,
    read_bytes,
    read_document,
)
from smol_dev.config.layers import Key, Layers, that_chooses
from smol_dev.config.model import everywhere, is_hidden, is_secret, setting, trust_of
from smol_dev.config.problems import Problem, dotted, shown
from smol_dev.config.profiles import Slot, base_url, first, leaf_paths, tables_of, value_of
from smol_dev.config.secret import Endpoint
from smol_dev.disk import publish
from smol_dev.errors import TrustError
from smol_dev.redact import without_secrets
from smol_dev.safe import LONGEST_NAME, command

FOLDER: Final = "trust"
BY_HASH: Final = "SMOL_TRUST_PROJECT={hash}"
HASH: Final = re.compile("[0-9a-f]{64}")
RECORD_LIMIT: Final = 16 * 1024 * 1024
"""More bytes than a file of 64 KiB and the files it names can have, with their paths."""
MOST_COMPARED: Final = 1000
"""The most lines of a text that are compared line by line."""


class Steering(NamedTuple):
    """A setting of a project's file that needs approval, with its value without and with the file.

    `text` is the whole value if `new` cannot show it: a named file, several lines, or a long value.
    """

    key: str
    old: str
    new: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class PendingTrust:
    """A project's file with settings that need approval; `hash` is the value for `SMOL_TRUST_PROJECT`."""

    document: Document
    hash: str
    keys: tuple[Steering, ...]
    approved: bool = False

    @property
    def path(self) -> Path:
        """The path of the project's file."""
        return self.document.path


class Approval(NamedTuple):
    """A recorded approval; `current` says whether the file is still as approved."""

    path: Path
    hash: str
    current: bool


def project_problems(layers: Layers) -> Iterator[Problem]:
    """Yield the settings that no project's file may have, approved or not."""
    layer = layers.of("project")
    if layer is None or layer.document is None:
        return
    for key in dict.fromkeys(setting(path) for path in leaf_paths([layer.data])):
        if trust_of(key) == "never":
            what = "a project's file cannot name a key; keep the server with its key in your own file, "
            yield Problem(layer.place(key), dotted(key), f"{what}and select it by its profile's name")
    output, folder = layer.table("run").get("output_dir"), layer.document.path.parent
    if not isinstance(output, str):
        return
    try:
        is_inside = not output.startswith("~") and (folder / output).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a link to itself, or not a file name
        is_inside = False
    if not is_inside:
        what = f"{shown(output)} is outside the project's folder; choose it with `--output`"
        yield Problem(layer.place(("run", "output_dir")), "run.output_dir", what)


def waiting(
    layers: Layers, endpoint: Endpoint, names: Collection[str], *, lookup: Lookup | None
) -> PendingTrust | None:
    """Return the project file's settings that need approval, approved or not; None if there are none.

    Besides the keys in the trust tier `steer`, these are the choice of a profile or model for a server that
    is not on this machine or its network. `names` are the selected profile and its parents.
    """
    url, layer = endpoint.base_url, layers.of("project")
    if layer is None or layer.document is None:
        return None
    local = is_local(url, lookup=lookup if might_be_local(url) else None)
    found: dict[Key, None] = {}
    for path in leaf_paths([layer.data]):
        key, value = setting(path), value_of(layer.data, path)
        if key[0] == "profiles" and key[2:] in everywhere("model"):
            steers = key[1] in names and (not local or is_cloud_model(value))
        elif key == ("default_profile",):
            steers = not local and layers.selected_by.layer == "project"
        else:
            tier = trust_of(key)
            steers = tier == "steer" or (tier == "steer-when-false" and value is False)
        if steers:
            found[key] = None
    if not found:
        return None
    keys = tuple(
        Steering(
            dotted(key), _before(layers, key), _in_short(key, value_of(layer.data, key)), _in_full(layer.document, key)
        )
        for key in sorted(found, key=lambda key: key[0] != "run")  # commands are shown first
    )
    return PendingTrust(
        layer.document, file_hash(layer.document), keys, is_approved(layer.document, layers.surroundings)
    )


def model_of_project(layers: Layers, tables: Sequence[Slot]) -> str | None:
    """Return the setting of the project's file that chose the model or the profile; None if none did."""
    for path in everywhere("model"):
        slot = first(tables, *path)
        if slot is not None and slot.layer.kind == "project":
            return dotted(slot.key(*path))
    return "default_profile" if layers.selected_by.layer == "project" else None


def _before(layers: Layers, key: Key) -> str:
    """Return the setting's value without the project's file, for the person who approves it."""
    others = replace(layers, all=tuple(each for each in layers.all if each.kind != "project"))
    if key[0] != "profiles":
        found = [value_of(layer.data, key) for layer in others.all]
    elif key[2:] == ("base_url",):
        found = [base_url(tables_of(others, key[1]), layers.surroundings.environ)[0] or None]
    else:
        found = [value_of(slot.table, key[2:]) for slot in tables_of(others, key[1])]
    value = next((value for value in found if value is not None), None)
    is_shown = value is None or key[-1] == "base_url" or not is_secret(key)
    return _in_short(key, value) if is_shown else "hidden"


def _in_short(key: Key, value: object) -> str:
    """Return a value on one line for the person who approves it, hiding a secret."""
    if value is None:
        return "not set"
    if is_hidden(key, value):
        return "hidden"
    text = _whole(value)
    if isinstance(value, dict | list):
        return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"
    return shown(value)


def _in_full(document: Document, key: Key) -> str:
    """Return the whole value of a setting of the project's file; empty if its line already shows it."""
    value = value_of(document.data, key)
    if is_hidden(key, value) or not isinstance(value, str | dict | list):
        return ""
    text = next((each.text for each in document.named if each.key == key), _whole(value))
    line = f"`{text}`" if isinstance(value, str) else text
    return "" if line == _in_short(key, value) else text


def _whole(value: object) -> str:
    """Return a text itself, and anything else as one line of JSON, without secrets."""
    return value if isinstance(value, str) else json.dumps(without_secrets(value), default=str, ensure_ascii=False)


def changes(before: Document, now: Document) -> Iterator[str]:
    """Yield the differences in a project's file, setting by setting, and in the files that it names."""
    for key in leaf_paths([now.data, before.data]):
        old, new = value_of(before.data, key), value_of(now.data, key)
        if old == new and type(old) is type(new):
            continue
        if not is_hidden(key, new) and isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
            yield f"{dotted(key)}:"
            yield from _line_by_line(old, new)
        else:
            yield f"{dotted(key)}: {_in_short(key, old)} → {_in_short(key, new)}"
    known = {each.path: each.text for each in before.named}
    for file in now.named:
        if known.get(file.path, "") != file.text:
            yield f"{file.path}:"
            yield from _line_by_line(known.get(file.path, ""), file.text)


def _line_by_line(old: str, new: str) -> Iterator[str]:
    """Yield the lines of a diff: `-` before removed lines, `+` before added ones."""
    before, after = old.split("\n"), new.split("\n")
    if max(len(before), len(after)) > MOST_COMPARED:  # the comparison takes quadratic time
        yield f"  {len(before)} lines → {len(after)} lines; too many to compare"
        return
    difference = difflib.unified_diff(before, after, n=1, lineterm="")
    yield from (f"  {line}" for line in islice(difference, 2, None))  # the first two lines name the files


def decide(
    found: PendingTrust | None,
    surroundings: Surroundings,
    *,
    approve: Callable[[PendingTrust], bool] | None,
    connect: bool,
) -> tuple[str, ...]:
    """Return warnings if the project's file may be used. Raise `TrustError` otherwise.

    Without `connect` nothing can leave the machine, so an unapproved file is only a warning.
    """
    if found is None or found.approved:
        return ()
    names = [each.key for each in found.keys]
    does = {
        "runs a command": "run.check" in names,
        "changes how your check is isolated": "run.check_isolation" in names,
        "changes where prompts are sent": any(not name.startswith("run.") for name in names),
    }
    what = " and ".join(what for what, holds in does.items() if holds)
    message = f"`{found.path}` {what}; approval needed: {', '.join(f'`{name}`' for name in names)}"
    if not connect:
        return (f"{message}; a run would stop here",)
    if approve is None or not approve(found):
        raise TrustError(
            message,
            hint=f"look at it and approve it: `smol_dev trust`; or leave it out: `--no-project-config`; "
            f"in automation: {command(BY_HASH, hash=found.hash)}",
        )
    try:
        record(found.document, surroundings)
    except TrustError as error:
        return (f"{error.message}; the project's file is approved for this run alone",)
    return ()


def _content(document: Document) -> bytes:
    """Return the bytes to approve: each file's real path, NUL, and content, with NUL between files.

    The files that the project's file names follow it, in the order of their keys.
    """
    files = [(document.path, document.raw), *((each.path, each.raw) for each in document.named)]
    return b"\0".join(_real(path) + b"\0" + raw for path, raw in files)


def _real(path: Path) -> bytes:
    """Return the path with links resolved; an invalid file name is only escaped."""
    try:
        return os.fsencode(os.path.realpath(path))
    except ValueError:
        return os.fsencode(path).replace(b"\0", b"\n")


def file_hash(document: Document) -> str:
    """Return the hexadecimal SHA-256 of a project's file and the files that it names."""
    return hashlib.sha256(_content(document)).hexdigest()


def is_approved(document: Document, surroundings: Surroundings) -> bool:
    """Return whether exactly this file is approved, by a record or by `SMOL_TRUST_PROJECT`."""
    hashed = file_hash(document)
    named = that_chooses("trust_project", surroundings.environ)
    if named is not None and named.text.strip().lower() == hashed:
        return True
    return surroundings.state is not None and bool(recorded(surroundings.state, hashed))


def recorded(state: Path, hashed: str) -> bytes:
    """Return the content approved under this hash; empty if there is no such approval.

    A record that others could have written, or whose content has another hash, does not count.
    """
    try:
        if hasattr(os, "geteuid") and state.stat().st_mode & stat.S_IWOTH:
            return b""
        found, _ = read_bytes(state / FOLDER / hashed, limit=RECORD_LIMIT, project=True)
    except (OSError, BadFileError):
        return b""
    return found if hashlib.sha256(found).hexdigest() == hashed else b""


def approve(path: Path, surroundings: Surroundings, *, hash: str = "") -> str:  # noqa: A002 - what it is
    """Record the current file as approved; return its hash.

    With `hash`, only the version that was shown is approved. Raise `TrustError` if the file has changed
    since, the file cannot be read, or the state directory cannot be written.
    """
    document = read_document(path, project=True)
    if not isinstance(document, Document):
        what = document.what if document else "does not exist"
        raise TrustError(f"{path} {what}", hint="name the project's `smol.toml`")
    hashed = file_hash(document)
    if hash and hashed != hash:
        raise TrustError(f"{path} has changed since it was shown", hint="look at it again: `smol_dev trust`")
    record(document, surroundings)
    return hashed


def record(document: Document, surroundings: Surroundings) -> None:
    """Record the content as approved under its hash, atomically and readable by the user alone."""
    hashed = file_hash(document)
    hint = f"for this one environment: {command(BY_HASH, hash=hashed)}"
    if surroundings.state is None:
        raise TrustError("there is no directory to record an approval in", hint=hint)
    folder = surroundings.state / FOLDER
    try:
        missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
        for each in (*missing, folder.parent, folder):  # private, whatever the umask
            each.chmod(0o700)
        publish(folder / hashed, _content(document), mode=0o600)
    except OSError as error:
        raise TrustError(f"{folder} cannot be written ({error.strerror})", hint=hint) from error


def records(surroundings: Surroundings) -> Iterator[tuple[str, bytes, int]]:
    """Yield the hash of each approval, the approved content, and its time in nanoseconds."""
    if surroundings.state is None:
        return
    with contextlib.suppress(OSError):  # missing, or not readable
        for file in sorted((surroundings.state / FOLDER).iterdir()):
            if HASH.fullmatch(file.name) and (approved := recorded(surroundings.state, file.name)):
                yield file.name, approved, file.stat().st_mtime_ns


def approvals(surroundings: Surroundings) -> list[Approval]:
    """Return every recorded approval, sorted by path."""
    found = []
    for hashed, approved, _ in records(surroundings):
        path = Path(os.fsdecode(approved.partition(b"\0")[0]))
        document = read_document(path, project=True)
        is_current = isinstance(document, Document) and file_hash(document) == hashed
        found.append(Approval(path, hashed, is_current))
    return sorted(found, key=lambda approval: (str(approval.path), approval.hash))


def approved_before(document: Document, surroundings: Surroundings) -> Document | None:
    """Return the project's file as last approved; None if it never was."""
    prefix = _real(document.path) + b"\0"
    same = [each for each in records(surroundings) if each[1].startswith(prefix)]
    if not same:
        return None
    _, raw, *files = max(same, key=lambda each: each[2])[1].split(b"\0")
    named = [NamedFile((), Path(os.fsdecode(path)), text) for path, text in zip(files[::2], files[1::2], strict=True)]
    text = decoded(raw)
    return Document(document.path, raw, text, parsed(text), named=tuple(named))


def revoke(path: Path, surroundings: Surroundings) -> int:
    """Delete every approval of this file; return how many there were."""
    found = [each for each in approvals(surroundings) if bytes(each.path) == _real(path)]
    for each in found:
        if surroundings.state is not None:
            (surroundings.state / FOLDER / each.hash).unlink(missing_ok=True)
    return len(found)

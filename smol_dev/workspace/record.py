"""The record of a run, from which it can be resumed: `.smol/run.json`, its journal, and the note of who wrote it.

A record that came with a clone, or in a folder that was moved here, looks just like one of ours. What steers a run in
it (the profile, flags and variables, the files it may replace) counts only if a note in the user's state folder says
that it was written here.
"""

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Final, Literal, NamedTuple, NoReturn, get_args, get_origin, get_type_hints

from smol_dev.disk import publish
from smol_dev.errors import Reason, WorkspaceError
from smol_dev.events import Asked, Dropped, ProblemFound
from smol_dev.workspace.folder import Folder

NAME: Final = ".smol"
RECORD: Final = "run.json"
JOURNAL: Final = "journal.jsonl"

_MAX_BYTES: Final = 32 * 1024 * 1024
_MAX_NOTE_BYTES: Final = 64 * 1024
_OTHERS_WRITE: Final = 0o022

_DEEPEST: Final = 100
"""Levels of a record; the settings in ours have at most 24."""

FORMAT_VERSION: Final = 3
NEW: Final[Mapping[object, frozenset[str]]] = {
    1: frozenset({"begun", "server", "list_asked", "problems", "check", "requests", "given", "prompt_file"}),
    2: frozenset({"problems", "check", "requests", "given", "prompt_file"}),
    FORMAT_VERSION: frozenset(),
}
"""For each format that can be read, the fields that it lacks."""

LIST_HEADING: Final = """\
# One path a line, in the order in which the files are written.
# Lines that begin with `#` are left out.
"""

MAX_FILES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Form:
    """The pattern that a text must match, and the complaint about one that does not."""

    pattern: str
    complaint: str = "holds something that is no entry"


Text = Annotated[str, Form(r"[^\0]{0,1048576}", "holds a NUL character, or is longer than 1 MiB")]
Name = Annotated[str, Form(r"[^\ud800-\udfff]+")]
RunId = Annotated[str, Form(r"[0-9a-f]{16}", "is not 16 hexadecimal digits")]
Hash = Annotated[str, Form(r"[0-9a-f]{64}", "holds something that is no hash")]
"""A SHA-256 in hex."""

HashIfAny = Annotated[str, Form(r"([0-9a-f]{64})?", "holds something that is no hash")]

Progress = Literal["planned", "done", "failed"]


@dataclass(frozen=True, slots=True)
class FileState:
    """How far one file is; `sha256` (hex) and `bytes` are those of the content as it was written.

    A planned file with a `sha256` was about to be published. `reason` and `message` say why a file failed. Tokens are
    None if the server did not report them. `said` is the model's answer: the text before and after the content (without
    its final newline), or all of it in one part; it is empty if it was not kept. `asked` is the request for the file if
    it was not the usual one.
    """

    path: Name
    state: Progress
    sha256: HashIfAny = ""
    bytes: int = 0
    reason: Reason | None = None
    message: str = ""
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    said: tuple[str, ...] = ()
    asked: str = ""


def parted(said: str, content: str) -> tuple[str, ...]:
    """Return the model's answer without the file's content, which is on disk."""
    text = content.rstrip("\n")
    if not text or text not in said:
        return (said,) if said else ()
    before, _, behind = said.partition(text)
    return before, behind


def whole(said: tuple[str, ...], content: str) -> str:
    """Return the model's answer, rebuilt from its parts and the content; the content alone if none was kept."""
    return content.rstrip("\n").join(said) if said else content


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known about a run; a stage that is not done yet leaves its fields empty.

    `profile` is `{"name": …, "settings": {…}}`, `begun` the flags and variables at the start, `server` the one that was
    asked, with its model; all are JSON values without secrets. `plan_answer` and `list_answer` are the model's raw
    answers, so that a resumed conversation is the same byte for byte. `states` is by path. `check` is the user's
    command, as a list, and its last result with the fields of its event; `left` is what the command has made in the
    folder. `given` is the prompt as last given, for the plan (empty: `prompt`) or for a change, and `prompt_file` the
    path of its file, if any.

    The workspace itself fills in the last two when it saves: `run_id` identifies the run that a journal belongs to;
    `replaceable` is the SHA-256, by path, of files this run may replace (those of earlier runs in the folder, and with
    `overwrite` those in the way), of which a copy is kept.
    """

    prompt: Text
    profile: Mapping[str, object]
    given: Text = ""
    prompt_file: Text = ""
    begun: Mapping[str, object] = field(default_factory=dict)
    server: Mapping[str, object] = field(default_factory=dict)
    plan: Text = ""
    plan_answer: Text = ""
    list_answer: Text = ""
    list_asked: Text = ""
    files: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    states: Mapping[str, FileState] = field(default_factory=dict)
    totals: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[ProblemFound, ...] = ()
    check: Mapping[str, object] = field(default_factory=dict)
    requests: tuple[Asked, ...] = ()
    left: tuple[str, ...] = ()
    tool_version: str = ""
    format_version: int = FORMAT_VERSION
    run_id: RunId = ""
    replaceable: Mapping[str, HashIfAny] = field(default_factory=dict)

    @property
    def done(self) -> tuple[str, ...]:
        """The files that are complete, in the order in which they were listed or written."""
        return tuple(path for path, state in self.states.items() if state.state == "done")

    def written(self) -> dict[str, str]:
        """Return the SHA-256, by path, of every file that this run or an earlier one in its folder published."""
        own = {path: state.sha256 for path, state in self.states.items() if state.sha256}
        return {**self.replaceable, **own}


def render(record: Record) -> bytes:
    """Return `run.json` in ASCII, so that any text can be read back; half a surrogate pair becomes `?`."""
    states = [asdict(state) for state in record.states.values()]
    text = json.dumps({**asdict(replace(record, states={})), "states": states}, ensure_ascii=False)
    return json.dumps(json.loads(text.encode("utf-8", "replace")), indent=2).encode() + b"\n"


def list_text(files: Sequence[str]) -> str:
    """Return the file list as text for the user to edit."""
    lines = [f"\\{path}" if path.startswith("#") else path for path in files]
    return "\n".join([LIST_HEADING.rstrip(), *lines, ""])


class NotAs(Exception):  # noqa: N818 - never leaves the workspace
    """A JSON value of the wrong type; the complaint reads after its key."""


_MOST: Final = 2**53
"""Larger than any size or time, and exact in JSON."""


class _Shape(NamedTuple):
    """A type, taken apart once: its class or form, what JSON has for it, and the shapes or values within."""

    kind: Any
    stored: Any
    inner: Any = None
    needed: frozenset[str] | None = None
    is_optional: bool = False


@cache
def _shape(kind: Any) -> _Shape:  # noqa: ANN401 - a type
    origin, parts = get_origin(kind), get_args(kind)
    if NoneType in parts:
        return _shape(parts[0])._replace(is_optional=True)
    if is_dataclass(kind):
        needed = (each for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING)
        inner = {name: _shape(of) for name, of in get_type_hints(kind, include_extras=True).items()}
        return _Shape(kind, dict, inner, frozenset(each.name for each in needed))
    if origin in {tuple, Mapping}:
        return _Shape(origin, list if origin is tuple else dict, _shape(parts[origin is Mapping]))
    if origin in {Annotated, Literal}:
        return _Shape(origin, str, parts[1] if origin is Annotated else parts)
    return _Shape(kind, kind)


def read_as(kind: Any, value: Any) -> Any:  # noqa: ANN401 - a type, JSON, and a value of the type
    """Return a JSON value as this type: a dataclass from an object, a tuple from a list.

    Raise `NotAs` if the value is of another type, or a number out of range.
    """
    return _read(_shape(kind), value)


def _read(shape: _Shape, value: Any) -> Any:  # noqa: ANN401
    kind, inner = shape.kind, shape.inner
    if kind is object or (value is None and shape.is_optional):
        return value
    if type(value) is not shape.stored and not (kind is float and type(value) is int):
        raise NotAs(f"holds something that is no {'text' if shape.stored is str else 'entry'}")
    if shape.needed is not None:
        if not value.keys() >= shape.needed:
            raise NotAs("holds something that is no entry")
        return kind(**{name: _read(of, value[name]) for name, of in inner.items() if name in value})
    if kind is tuple:
        return tuple(_read(inner, each) for each in value)
    if kind is Mapping:
        return {key: _read(inner, each) for key, each in value.items()}
    if kind is Annotated and not re.fullmatch(inner.pattern, value):
        raise NotAs(inner.complaint)
    if kind is Literal and value not in inner:
        raise NotAs("holds something that is no entry")
    if kind in {int, float} and not 0 <= value <= _MOST:
        raise NotAs("holds an impossible number")
    return value


def parse(data: bytes, *, source: str) -> Record:
    """Return the record in a `run.json`. Raise `WorkspaceError` naming `source` if it is damaged."""
    try:
        table = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise damaged(source, "it is no JSON") from error
    if not isinstance(table, dict):
        raise damaged(source, "it is no JSON object")
    if (version := table.get("format_version")) not in NEW:
        raise damaged(source, f"its `format_version` is not {FORMAT_VERSION}")
    if _is_deeper({**table, "states": ()}, _DEEPEST):
        raise damaged(source, "it is nested too deeply")
    try:
        keys = _shape(Record).inner.keys() - {"format_version", *NEW[version]}
        record = Record(**{key: _field(table, key) for key in _shape(Record).inner if key in keys})
        json.dumps(table, ensure_ascii=False).encode()
    except NotAs as wrong:
        raise damaged(source, str(wrong)) from wrong
    except RecursionError as error:  # in what is no part of a state
        raise damaged(source, "it is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise damaged(source, "it holds half a character (a lone surrogate)") from error
    return record


def _is_deeper(value: object, levels: int) -> bool:
    """Return whether tables and lists are nested deeper than these levels; more could overflow what reads them."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def damaged(source: str, why: str) -> WorkspaceError:
    """Return the error for a record that cannot be read."""
    return WorkspaceError(
        f"the record of the run, `{source}`, cannot be used: {why}",
        hint="start anew in another folder: `smol_dev -o DIR PROMPT`; nothing was changed here",
    )


def _field(table: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - what the record has there
    """Return the value of a record's field. Raise `NotAs` for anything that the program never writes there."""
    is_states, value = key == "states", table.get(key)
    shape = _shape(tuple[FileState, ...]) if is_states else _shape(Record).inner[key]
    if key == "left" and type(value) is not list:
        return ()
    if type(value) is not shape.stored:
        raise NotAs(f"its `{key}` is missing or of another type")
    try:
        found = _read(shape, value)
    except NotAs as wrong:
        raise NotAs(f"its `{key}` {'holds something that is no state of a file' if is_states else wrong}") from None
    if key == "files" and len(found) > MAX_FILES:
        raise NotAs(f"it lists more than {MAX_FILES:,} files")
    if key == "check":
        words = found.get("command")
        is_command = isinstance(words, list) and words and all(type(word) is str for word in words)
        return found if is_command else {name: each for name, each in found.items() if name != "command"}
    return {state.path: state for state in found} if is_states else found


class Journal:
    """The journal of one run, open for appending; its methods raise `OSError`."""

    def __init__(self, folder: Folder, run_id: str) -> None:
        self._descriptor = folder.append(JOURNAL)
        self._run_id = run_id
        self.empty = os.fstat(self._descriptor).st_size == 0

    def append(self, state: FileState, *, durable: bool) -> None:
        """Add a line, or leave the journal unchanged; a durable one is on the disk on return."""
        line = json.dumps({"run_id": self._run_id, **asdict(state)}).encode() + b"\n"
        size = os.fstat(self._descriptor).st_size
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
            if durable:
                os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise
        self.empty = False

    def clear(self) -> None:
        """Empty the journal, as `run.json` now has everything."""
        os.ftruncate(self._descriptor, 0)
        self.empty = True

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def found_record(root: Folder) -> Record | None:
    """Return the record in a folder, with what its journal adds except for torn lines, or None."""
    name, source = f"{NAME}/{RECORD}", str(root.path / NAME / RECORD)
    if root.status(name) is None:
        return None
    try:
        data = root.read(name, limit=_MAX_BYTES + 1)
    except OSError as error:
        raise damaged(source, "it cannot be read") from error
    if len(data) > _MAX_BYTES:
        raise damaged(source, "it is larger than any record")
    record = parse(data, source=source)
    states, journal = dict(record.states), f"{NAME}/{JOURNAL}"
    there = root.status(journal) is not None
    for line in root.read(journal, limit=_MAX_BYTES).splitlines() if there else ():
        with contextlib.suppress(ValueError, RecursionError, NotAs):
            table = json.loads(line)
            state = read_as(FileState, table)
            if table.get("run_id") == record.run_id:
                finished(states, state)
    return replace(record, states=states)


def finished(states: dict[str, FileState], state: FileState) -> None:
    """Set a file's state and move it to the end, so that files are in the order of finishing."""
    states.pop(state.path, None)
    states[state.path] = state


class Provenance:
    """One user's notes in the state folder; with None, nothing is noted and no record is ours."""

    def __init__(self, state: Path | None) -> None:
        self._folder = state / "runs" if state else None
        self._noted: dict[Path, list[str]] = {}

    def note(self, root: Path, record: Record) -> None:
        """Note that this user writes this record to the output folder `root`, before it is written.

        The note on the record before it stays, in case of a kill between the two. If the note cannot be written, a
        resumed run takes the record for a stranger's, which costs its settings and nothing else.
        """
        hashed = _steering(record)
        known = self._noted.setdefault(root, [])
        if self._folder is None or hashed in known[-1:]:
            return
        hashes = [*known[-1:], hashed]
        note = json.dumps({"path": os.path.realpath(root), "run_id": record.run_id, "steers": hashes})
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            publish(self._folder / _key(root), note.encode(), mode=0o600)
            self._noted[root] = hashes

    def vouches(self, root: Path, record: Record) -> bool:
        """Return whether this user wrote the record to this folder on this machine."""
        note, hashed = self._read(root), _steering(record)
        is_here = (note.get("path"), note.get("run_id")) == (os.path.realpath(root), record.run_id)
        steers = note.get("steers")
        if not is_here or not isinstance(steers, list) or hashed not in steers:
            return False
        self._noted[root] = [hashed]
        return True

    def _read(self, root: Path) -> dict[str, Any]:
        if self._folder is None:
            return {}
        try:
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            with os.fdopen(os.open(self._folder / _key(root), flags), "rb") as file:
                status, above = os.fstat(file.fileno()), self._folder.lstat()
                if not (stat.S_ISDIR(above.st_mode) and stat.S_ISREG(status.st_mode)):
                    return {}
                note = json.loads(file.read(_MAX_NOTE_BYTES)) if _is_private(above) and _is_private(status) else {}
        except (OSError, ValueError, RecursionError):
            return {}
        return note if isinstance(note, dict) else {}


def _steering(record: Record) -> str:
    """Return the hash of everything in a record that decides what is read, replaced or asked, and where."""
    steers = [
        record.run_id,
        record.prompt,
        record.profile,
        record.begun,
        record.server,
        record.files,
        record.replaceable,
        *([record.check["command"]] if "command" in record.check else []),
    ]
    return hashlib.sha256(json.dumps(steers, sort_keys=True).encode()).hexdigest()


def _key(root: Path) -> str:
    return hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()


def _is_private(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE)

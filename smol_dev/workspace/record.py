"""The record of a run, from which it can be resumed: `.smol/run.json`, and the journal of what came after it."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from functools import cache
from typing import Annotated, Any, Final, Literal, NoReturn, get_args, get_origin, get_type_hints

from smol_dev.errors import Reason, WorkspaceError
from smol_dev.events import Asked, Dropped, ProblemFound
from smol_dev.workspace.folder import Folder

RECORD: Final = "run.json"
JOURNAL: Final = "journal.jsonl"

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

    def written(self) -> dict[str, str]:
        """Return the SHA-256, by path, of every file that this run or an earlier one in its folder published."""
        own = {path: state.sha256 for path, state in self.states.items() if state.sha256}
        return {**self.replaceable, **own}


def render(record: Record) -> bytes:
    """Return `run.json` in ASCII, so that any text can be read back; half a surrogate pair becomes `?`."""
    states = [asdict(state) for state in record.states.values()]
    table = {**asdict(replace(record, states={})), "states": states}
    text = json.dumps(table, indent=2, ensure_ascii=False).encode("utf-8", "replace")
    return json.dumps(json.loads(text), indent=2).encode() + b"\n"


def list_text(files: Sequence[str]) -> str:
    """Return the file list as text for the user to edit."""
    lines = [f"\\{path}" if path.startswith("#") else path for path in files]
    return "\n".join([LIST_HEADING.rstrip(), *lines, ""])


class NotAs(Exception):  # noqa: N818 - never leaves the workspace
    """A JSON value of the wrong type; the complaint reads after its key."""


_MOST: Final = 2**53
"""Larger than any size or time, and exact in JSON."""


@cache
def _types(kind: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a dataclass
    return get_type_hints(kind, include_extras=True)


def _stored(kind: Any) -> Any:  # noqa: ANN401 - a type as its annotation has it
    origin = get_origin(kind)
    if is_dataclass(kind) or origin is Mapping:
        return dict
    return {tuple: list, Literal: str, Annotated: str}.get(origin, kind)


def read_as(kind: Any, value: Any) -> Any:  # noqa: ANN401 - a type, JSON, and a value of the type
    """Return a JSON value as this type: a dataclass from an object, a tuple from a list.

    Raise `NotAs` if the value is of another type, or a number out of range.
    """
    origin, parts, stored = get_origin(kind), get_args(kind), _stored(kind)
    if kind is object or (value is None and type(None) in parts):
        return value
    if type(None) in parts:
        return read_as(parts[0], value)
    if type(value) is not stored and not (kind is float and type(value) is int):
        raise NotAs(f"holds something that is no {'text' if stored is str else 'entry'}")
    if is_dataclass(kind):
        return _read_object(kind, value)
    if origin is tuple:
        return tuple(read_as(parts[0], each) for each in value)
    if origin is Mapping:
        return {key: read_as(parts[1], each) for key, each in value.items()}
    if origin is Annotated and not re.fullmatch(parts[1].pattern, value):
        raise NotAs(parts[1].complaint)
    if origin is Literal and value not in parts:
        raise NotAs("holds something that is no entry")
    if kind in {int, float} and not 0 <= value <= _MOST:
        raise NotAs("holds an impossible number")
    return value


@cache
def _needed(kind: Any) -> frozenset[str]:  # noqa: ANN401 - a dataclass
    needed = (each for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING)
    return frozenset(each.name for each in needed)


def _read_object(kind: Any, table: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a dataclass, and one of it
    if not table.keys() >= _needed(kind):
        raise NotAs("holds something that is no entry")
    return kind(**{name: read_as(of, table[name]) for name, of in _types(kind).items() if name in table})


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
    try:
        record = Record(
            **{key: _field(table, key) for key in _types(Record) if key not in {"format_version", *NEW[version]}}
        )
        json.dumps(table, indent=1, ensure_ascii=False).encode()
    except NotAs as wrong:
        raise damaged(source, str(wrong)) from wrong
    except RecursionError as error:
        raise damaged(source, "it is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise damaged(source, "it holds half a character (a lone surrogate)") from error
    return record


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
    kind, value = tuple[FileState, ...] if key == "states" else _types(Record)[key], table.get(key)
    if key == "left" and type(value) is not list:
        return ()
    if type(value) is not _stored(kind):
        raise NotAs(f"its `{key}` is missing or of another type")
    try:
        found = read_as(kind, value)
    except NotAs as wrong:
        raise NotAs(
            f"its `{key}` {'holds something that is no state of a file' if key == 'states' else wrong}"
        ) from None
    if key == "files" and len(found) > MAX_FILES:
        raise NotAs(f"it lists more than {MAX_FILES:,} files")
    if key == "states":
        return {state.path: state for state in found}
    return _without_wrong_command(found) if key == "check" else found


def _without_wrong_command(check: dict[str, Any]) -> dict[str, Any]:
    words = check.get("command")
    is_command = isinstance(words, list) and words and all(type(word) is str for word in words)
    return check if is_command else {name: value for name, value in check.items() if name != "command"}


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


def entries(root: Folder, journal: str, run_id: str, *, limit: int) -> Iterator[FileState]:
    """Yield the states that a journal adds to the run's `run.json`, oldest first, skipping a torn line."""
    if root.status(journal) is None:
        return
    for line in root.read(journal, limit=limit).splitlines():
        try:
            table = json.loads(line)
            state: FileState = read_as(FileState, table)
        except (ValueError, RecursionError, NotAs):
            continue
        if table.get("run_id") == run_id:
            yield state

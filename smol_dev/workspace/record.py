"""The record of a run, by which it can be resumed: `.smol/run.json`, and the journal of what came after it."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from types import NoneType
from typing import Any, Final, Literal, NoReturn, get_args

from smol_dev.chat import STAGES, StageName
from smol_dev.errors import Reason, WorkspaceError
from smol_dev.workspace.folder import Folder

RECORD: Final = "run.json"
JOURNAL: Final = "journal.jsonl"

FORMAT_VERSION: Final = 3
NEW: Final[Mapping[object, frozenset[str]]] = {
    1: frozenset({"begun", "server", "list_asked", "problems", "check", "requests", "given", "prompt_file"}),
    2: frozenset({"problems", "check", "requests", "given", "prompt_file"}),
    FORMAT_VERSION: frozenset(),
}
"""For each format that can be read, the fields that it has not."""

LIST_HEADING: Final = """\
# One path a line, in the order in which the files are written.
# Lines that begin with `#` are left out.
"""

MAX_FILES: Final = 10_000
_MAX_TEXT: Final = 1024 * 1024
_HASH: Final = re.compile(r"([0-9a-f]{64})?")
_RUN_ID: Final = re.compile(r"[0-9a-f]{16}")

Progress = Literal["planned", "done", "failed"]
Fate = Literal["used", "asked again", "failed"]


@dataclass(frozen=True, slots=True)
class FileState:
    """How far one file is. `sha256` (hex) and `bytes` are those of the content as it was written.

    A planned file with a `sha256` was about to be published. `reason` and `message` say why a file
    failed. Tokens are None where the server did not tell. `said` is the model's turn: the text before
    and behind the content (which ends without its final newline there), or the whole of it in one part;
    it is empty where it was not kept. `asked` is the request for the file where it was not the usual one.
    """

    path: str
    state: Progress
    sha256: str = ""
    bytes: int = 0
    reason: Reason | None = None
    message: str = ""
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    said: tuple[str, ...] = ()
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the run. `start` is in seconds of work, those of earlier sessions counted.

    `evaluation` is the time the server took for the prompt, None where it does not tell; then it is a part of
    `wait`. `reason` says why an answer was asked for again, or what failed.
    """

    stage: StageName
    path: str | None
    start: float
    wait: float = 0.0
    evaluation: float | None = None
    generation: float = 0.0
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    outcome: Fate = "used"
    reason: str = ""

    @property
    def end(self) -> float:
        """When the answer was there."""
        return self.start + self.wait + (self.evaluation or 0.0) + self.generation


def parted(said: str, content: str) -> tuple[str, ...]:
    """Return the model's turn without the content that it brought, which is on disk."""
    text = content.rstrip("\n")
    if not text or text not in said:
        return (said,) if said else ()
    before, _, behind = said.partition(text)
    return before, behind


def whole(said: tuple[str, ...], content: str) -> str:
    """Return the model's turn again, from its parts and what is on disk; the content alone where none was kept."""
    return content.rstrip("\n").join(said) if said else content


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of a run. A stage that is not done yet has left its fields empty.

    `profile` is `{"name": …, "settings": {…}}`, `begun` the flags and variables of then, `server` the
    one that was asked, with its model; JSON values without secrets. `plan_answer` and
    `list_answer` are the model's turns, raw, so that a resumed conversation is the same byte for
    byte. `dropped` is `(path as the model gave it, reason)`. `states` is by path. `problems` are those that
    do not fit together, each as its event has it, `check` the user's command, as a list, and its last result as
    its event has it, `left` what it has made in the folder. `given` is the prompt as it was given last, when the
    plan was made (empty: `prompt`) or for a change, and `prompt_file` the path of its file; empty where it was a
    text.

    The workspace itself fills in the last two when it saves: `run_id` tells the journal of this run
    from another's, `replaceable` is the SHA-256, by path, of files this run may replace (those of
    earlier runs in the folder, and with `overwrite` those that stood in the way); a copy is kept.
    """

    prompt: str
    profile: Mapping[str, object]
    given: str = ""
    prompt_file: str = ""
    begun: Mapping[str, object] = field(default_factory=dict)
    server: Mapping[str, object] = field(default_factory=dict)
    plan: str = ""
    plan_answer: str = ""
    list_answer: str = ""
    list_asked: str = ""
    files: tuple[str, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    states: Mapping[str, FileState] = field(default_factory=dict)
    totals: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[Mapping[str, object], ...] = ()
    check: Mapping[str, object] = field(default_factory=dict)
    requests: tuple[Asked, ...] = ()
    left: tuple[str, ...] = ()
    tool_version: str = ""
    format_version: int = FORMAT_VERSION
    run_id: str = ""
    replaceable: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> dict[str, str]:
        """Return the SHA-256, by path, of every file this run or an earlier one in its folder published."""
        own = {path: state.sha256 for path, state in self.states.items() if state.sha256}
        return {**self.replaceable, **own}


def render(record: Record) -> bytes:
    """Return the text of `run.json`: ASCII, so that any text comes back; half a character is no text, but `?`."""
    table = {
        **{each.name: getattr(record, each.name) for each in fields(record)},
        "dropped": [{"path": path, "reason": reason} for path, reason in record.dropped],
        "states": [asdict(state) for state in record.states.values()],
        "requests": [asdict(request) for request in record.requests],
    }
    text = json.dumps(table, indent=2, ensure_ascii=False).encode("utf-8", "replace")
    return json.dumps(json.loads(text), indent=2).encode() + b"\n"


def list_text(files: Sequence[str]) -> str:
    """Return the file list as a file to edit."""
    lines = [f"\\{path}" if path.startswith("#") else path for path in files]
    return "\n".join([LIST_HEADING.rstrip(), *lines, ""])


def parse(data: bytes, *, source: str) -> Record:
    """Return the record of a `run.json`; raise `WorkspaceError` that names `source` when it is damaged."""
    try:
        table = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise damaged(source, "it is no JSON") from error
    if not isinstance(table, dict):
        raise damaged(source, "it is no JSON object")
    if (version := table.get("format_version")) not in NEW:
        raise damaged(source, f"its `format_version` is not {FORMAT_VERSION}")
    try:
        record = Record(**{key: read(table, key) for key, read in _READERS.items() if key not in NEW[version]})
        json.dumps(table, indent=1, ensure_ascii=False).encode()
    except _Wrong as wrong:
        raise damaged(source, str(wrong)) from wrong
    except RecursionError as error:
        raise damaged(source, "it is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise damaged(source, "it holds half a character (a lone surrogate)") from error
    return record


def _no_number(name: str) -> NoReturn:
    """Refuse `NaN` and `Infinity`, which are no JSON."""
    raise ValueError(name)


def damaged(source: str, why: str) -> WorkspaceError:
    """Return the error of a record that cannot be read."""
    return WorkspaceError(
        f"the record of the run, `{source}`, cannot be used: {why}",
        hint="start anew in another folder: `smol_dev -o DIR PROMPT`; nothing was changed here",
    )


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    """A value in a record that is not what the program writes."""


_Types = Mapping[str, tuple[type, ...]]
_PROBLEM_TYPES: Final[_Types] = {
    "path": (str,),
    "line": (int,),
    "column": (int,),
    "rule": (str,),
    "message": (str,),
    "mended": (bool,),
}
_ASKED_TYPES: Final[_Types] = {
    "stage": (str,),
    "path": (str, NoneType),
    "start": (float, int),
    "wait": (float, int),
    "evaluation": (float, int, NoneType),
    "generation": (float, int),
    "prompt_tokens": (int, NoneType),
    "cached_tokens": (int, NoneType),
    "completion_tokens": (int, NoneType),
    "outcome": (str,),
    "reason": (str,),
}
_STATE_TYPES: Final[_Types] = {
    "path": (str,),
    "state": (str,),
    "sha256": (str,),
    "bytes": (int,),
    "reason": (str, NoneType),
    "message": (str,),
    "prompt_tokens": (int, NoneType),
    "cached_tokens": (int, NoneType),
    "completion_tokens": (int, NoneType),
    "seconds": (float, int),
    "said": (list,),
    "asked": (str,),
}
_MOST: Final = 2**53
"""Larger than any size or time, and exact in JSON."""


def file_state(table: Mapping[str, Any]) -> FileState | None:
    """Return the state that `table` spells, or None when it does not."""
    known = {key: table[key] for key in _STATE_TYPES if key in table}
    right = (
        {"path", "state"} <= known.keys()
        and all(type(value) in _STATE_TYPES[key] for key, value in known.items())
        and known["state"] in get_args(Progress)
        and known.get("reason") in {None, *get_args(Reason)}
        and _HASH.fullmatch(known.get("sha256", ""))
        and all(0 <= known.get(key, 0) <= _MOST for key in ("bytes", "seconds"))
        and all(type(part) is str for part in known.get("said", ()))
        and _is_text(known["path"])
    )
    return FileState(**{**known, "said": tuple(known.get("said", ()))}) if right else None


def _entries(table: Mapping[str, Any], key: str, types: _Types) -> list[dict[str, Any]]:
    """Return the tables of a list, each with values of these types alone, and no figure below zero."""
    entries: list[Any] = _value(table, key, list)
    for entry in entries:
        is_one = type(entry) is dict and entry.keys() == types.keys()
        if not is_one or any(type(entry[name]) not in types[name] for name in types):
            raise _Wrong(f"its `{key}` holds something that is no entry")
        if any(type(value) in {int, float} and not 0 <= value <= _MOST for value in entry.values()):
            raise _Wrong(f"its `{key}` holds an impossible number")
    return entries


def _problems(table: Mapping[str, Any], key: str) -> tuple[Mapping[str, object], ...]:
    return tuple(_entries(table, key, _PROBLEM_TYPES))


def _requests(table: Mapping[str, Any], key: str) -> tuple[Asked, ...]:
    entries = _entries(table, key, _ASKED_TYPES)
    if not all(entry["stage"] in STAGES and entry["outcome"] in get_args(Fate) for entry in entries):
        raise _Wrong(f"its `{key}` holds something that is no entry")
    return tuple(Asked(**entry) for entry in entries)


def _is_text(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def _value(table: Mapping[str, Any], key: str, kind: type) -> Any:  # noqa: ANN401 - JSON, of the kind asked for
    value = table.get(key)
    if type(value) is not kind:
        raise _Wrong(f"its `{key}` is missing or of another type")
    return value


def _text(table: Mapping[str, Any], key: str) -> str:
    text: str = _value(table, key, str)
    if "\0" in text or len(text) > _MAX_TEXT:
        raise _Wrong(f"its `{key}` holds a NUL character, or is longer than 1 MiB")
    return text


def _texts(key: str, values: list[Any]) -> list[str]:
    if not all(type(value) is str for value in values):
        raise _Wrong(f"its `{key}` holds something that is no text")
    return values


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, object]:
    inner: dict[str, object] = _value(table, key, dict)
    return inner


def _files(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    files = _texts(key, _value(table, key, list))
    if len(files) > MAX_FILES:
        raise _Wrong(f"it lists more than {MAX_FILES:,} files")
    return tuple(files)


def _check(table: Mapping[str, Any], key: str) -> Mapping[str, object]:
    """Return the check of a record, without a command that is none."""
    check = _table(table, key)
    words = check.get("command")
    is_command = isinstance(words, list) and words and all(type(word) is str for word in words)
    return check if is_command else {name: value for name, value in check.items() if name != "command"}


def _left(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    paths = table.get(key)
    return tuple(path for path in paths if type(path) is str and path) if isinstance(paths, list) else ()


def _run_id(table: Mapping[str, Any], key: str) -> str:
    run_id: str = _value(table, key, str)
    if not _RUN_ID.fullmatch(run_id):
        raise _Wrong(f"its `{key}` is not 16 hexadecimal digits")
    return run_id


def _dropped(table: Mapping[str, Any], key: str) -> tuple[tuple[str, str], ...]:
    entries = _value(table, key, list)
    if not all(type(entry) is dict for entry in entries):
        raise _Wrong(f"its `{key}` holds something that is no entry")
    pairs = [[entry.get("path"), entry.get("reason")] for entry in entries]
    return tuple((path, reason) for path, reason in (_texts(key, pair) for pair in pairs))


def _states(table: Mapping[str, Any], key: str) -> dict[str, FileState]:
    entries = _value(table, key, list)
    states = [file_state(entry) if type(entry) is dict else None for entry in entries]
    if None in states:
        raise _Wrong(f"its `{key}` holds something that is no state of a file")
    return {state.path: state for state in states if state}


def _hashes(table: Mapping[str, Any], key: str) -> dict[str, str]:
    hashes: dict[str, str] = _value(table, key, dict)
    if not all(_HASH.fullmatch(each) for each in _texts(key, list(hashes.values()))):
        raise _Wrong(f"its `{key}` holds something that is no hash")
    return hashes


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str], Any]]] = {
    "prompt": _text,
    "profile": _table,
    "given": _text,
    "prompt_file": _text,
    "begun": _table,
    "server": _table,
    "plan": _text,
    "plan_answer": _text,
    "list_answer": _text,
    "list_asked": _text,
    "files": _files,
    "dropped": _dropped,
    "states": _states,
    "totals": _table,
    "problems": _problems,
    "check": _check,
    "left": _left,
    "requests": _requests,
    "tool_version": lambda table, key: _value(table, key, str),
    "run_id": _run_id,
    "replaceable": _hashes,
}
"""How each field that is read back comes out of JSON."""


class Journal:
    """The journal of one run, open to append to; its methods raise `OSError`."""

    def __init__(self, folder: Folder, run_id: str) -> None:
        self._descriptor = folder.append(JOURNAL)
        self._run_id = run_id
        self.empty = os.fstat(self._descriptor).st_size == 0

    def append(self, state: FileState, *, durable: bool) -> None:
        """Add a line, or leave the journal as it was; a durable one is on the disk on return."""
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
        """Forget everything; `run.json` has it now."""
        os.ftruncate(self._descriptor, 0)
        self.empty = True

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def entries(folder: Folder, run_id: str, *, limit: int) -> Iterator[FileState]:
    """Yield the states that the journal adds to this run's `run.json`, oldest first.

    A line torn by a crash is skipped: the file itself then shows whether it was published.
    """
    if folder.status(JOURNAL) is None:
        return
    for line in folder.read(JOURNAL, limit=limit).splitlines():
        try:
            table = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(table, dict) and table.get("run_id") == run_id and (state := file_state(table)):
            yield state

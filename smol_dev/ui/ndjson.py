"""Events for a program: one JSON object per line on standard output, pure ASCII."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final, TextIO

from smol_dev.errors import OutputError
from smol_dev.events import (
    ChangePlanned,
    ChangeStarted,
    CheckDone,
    CheckStarted,
    Event,
    Failed,
    FileChanged,
    FileDone,
    FileFailed,
    FilesReady,
    FileStarted,
    PlanReady,
    ProblemFound,
    Retry,
    RunDone,
    RunStarted,
    Warned,
)
from smol_dev.ui.streams import Redact, abandon

NAMES: Final[Mapping[type, str]] = {
    RunStarted: "run_started",
    ChangeStarted: "run_started",
    PlanReady: "plan",
    FilesReady: "files",
    FileStarted: "file_started",
    FileDone: "file_done",
    FileFailed: "file_failed",
    ProblemFound: "problem",
    ChangePlanned: "change_planned",
    FileChanged: "file_changed",
    CheckStarted: "check_started",
    CheckDone: "check_done",
    Retry: "retry",
    Warned: "warning",
    Failed: "error",
    RunDone: "run_done",
}
"""The `event` of each line. What is not here is not printed."""


class Ndjson:
    """The screen of `--json`. The other fields of a line are those of the event's class."""

    def __init__(self, stream: TextIO, *, redact: Redact) -> None:
        self._stream = stream
        self._redact = redact
        self._open = True
        self._failure: OutputError | None = None

    def show(self, event: Event) -> None:
        """Write the event's line and flush it.

        A reader that went away ends the output, not the run. Raise `OutputError` where the line
        cannot be written for another reason: a full disk, say.
        """
        name = NAMES.get(type(event))
        if name is None or not self._open:
            return
        line = json.dumps({"event": name, **clean(asdict(event), self._redact)}, ensure_ascii=True)
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except OSError as error:
            self._open = False
            abandon(self._stream)
            if not isinstance(error, BrokenPipeError):
                self._failure = OutputError(
                    f"standard output cannot be written: {error.strerror}",
                    hint="send it somewhere else: `smol_dev --json … > events.ndjson`",
                )
                raise self._failure from error

    def close(self) -> None:
        """Raise again, once, what `show` raised: the run it ended could not tell it here."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


def clean(fields: Mapping[str, object], redact: Redact) -> dict[str, object]:
    """Return the fields without secrets, and times to the millisecond."""
    return {key: cleaned(value, redact) for key, value in fields.items()}


def cleaned(value: object, redact: Redact) -> object:
    """Return one value, whatever is nested in it."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Mapping):
        return clean(value, redact)
    if isinstance(value, list | tuple):
        return [cleaned(item, redact) for item in value]
    return value

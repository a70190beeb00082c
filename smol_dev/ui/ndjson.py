"""Events for a program: one JSON object per line on standard output, pure ASCII."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, TextIO

from smol_dev import events
from smol_dev.errors import OutputError
from smol_dev.ui.streams import Redact, abandon

NAMES: Final[Mapping[type, str]] = {
    events.RunStarted: "run_started",
    events.ChangeStarted: "run_started",
    events.PlanReady: "plan",
    events.FilesReady: "files",
    events.FileStarted: "file_started",
    events.FileDone: "file_done",
    events.FileFailed: "file_failed",
    events.ProblemFound: "problem",
    events.ChangePlanned: "change_planned",
    events.FileChanged: "file_changed",
    events.CheckStarted: "check_started",
    events.CheckDone: "check_done",
    events.Retry: "retry",
    events.Warned: "warning",
    events.Failed: "error",
    events.RunDone: "run_done",
}
"""The `event` field of each line; other events are not printed."""


class Ndjson:
    """The screen of `--json`; the other fields of a line are those of the event's class."""

    def __init__(self, stream: TextIO, *, redact: Redact) -> None:
        self._stream = stream
        self._redact = redact
        self._open = True
        self._failure: OutputError | None = None

    def show(self, event: events.Event) -> None:
        """Write the event as a line and flush it.

        A reader that went away ends the output, not the run. Raise `OutputError` if the line cannot be written for
        another reason, such as a full disk.
        """
        name = NAMES.get(type(event))
        if name is None or not self._open:
            return
        line = json.dumps({"event": name, **cleaned(asdict(event), self._redact)}, ensure_ascii=True)
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
        """Raise the failure of `show` again, as the run that it ended could not report it here."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


def cleaned(value: Any, redact: Redact) -> Any:  # noqa: ANN401 - JSON
    """Return a value without secrets and with times rounded to the millisecond, at any depth."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Mapping):
        return {key: cleaned(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item, redact) for item in value]
    return value

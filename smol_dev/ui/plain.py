"""Events as lines: for people in a pipe, a log or a terminal that cannot be drawn on, and as NDJSON for a program."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from threading import Event as Signal
from threading import Lock, Thread
from typing import Any, ClassVar, Final, TextIO

from smol_dev import events
from smol_dev.errors import OutputError
from smol_dev.safe import safe, safe_name
from smol_dev.ui.progress import Clock, Progress, Unfinished, waiting
from smol_dev.ui.sentences import details, kept, left_out, misfits, outcome, remedy, sentence

Redact = Callable[[str], str]
"""Returns the text without any known secret."""

BEGINNINGS: Final = {"plan": "planning …", "files": "listing the files …", "fix": "asking which files to change …"}
"""The line for a request that is not about a file, by its stage."""

NOTICES: Final = (5, 15, 30, 60, 120, 300, 600)
"""Seconds of silence after which a log says that it is still waiting."""

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
"""The `event` field of each line of NDJSON; other events are not printed."""


def abandon(stream: TextIO) -> None:
    """Point a broken stream's descriptor at the null device.

    Python flushes its buffers when it exits; on a broken stream, that would end in a message and exit code 120.
    """
    with contextlib.suppress(OSError, ValueError):
        descriptor = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)


class Talk:
    """A stream for talk that is enough for rich. Once it cannot be written, the run goes on without it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._open = True
        self.encoding = stream.encoding or "utf-8"
        self.isatty, self.fileno = stream.isatty, stream.fileno

    def write(self, text: str) -> int:
        """Write what the stream takes."""
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._attempt(self._stream.flush)

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            if self._open:
                act()
        except OSError:
            self._open = False
            abandon(self._stream)


class Plain:
    """The screen without drawing: the plan as it comes, then a line per event.

    From the first request on, a thread calls `beat` at an interval; the lock keeps it out while an event is shown.
    """

    seconds_a_beat: ClassVar = 1.0
    plan_ends: ClassVar = "\n"
    """Characters up to which the plan is shown while it streams."""

    def __init__(self, stream: TextIO, *, redact: Redact, verbose: bool = False, clock: Clock = time.monotonic) -> None:
        self._talk = Talk(stream)
        self._redact = redact
        self._verbose = verbose
        self._clock = clock
        self._lock = Lock()
        self._progress = Progress(clock)
        self._thread: Thread | None = None
        self._stopped = Signal()
        self._plan = Unfinished(ends=self.plan_ends)
        self._plan_shown = False
        self._unfinished: str | None = None
        self._begun: list[str] = []
        self._last_notice = 0.0

    def show(self, event: events.Event) -> None:
        """Show what there is to say about the event; nothing for a piece of code."""
        with self._lock:
            self._progress.note(event)
            if isinstance(event, events.StageStarted | events.CheckStarted):
                self._start_beating()
            if not isinstance(event, events.Piece):
                self._tell(event)
            elif event.stage == "plan" and event.text:
                self._plan_shown = True
                self._add_to_plan(self._plan.add(event.text))
            if self._begun and self._unfinished is None:
                self._open_line(self._begun.pop(0))

    def beat(self) -> None:
        """Say now and then that nothing has come yet, while every running request is silent."""
        with self._lock:
            now = self._clock()
            works = self._progress.running()
            if not works or not all(work.waited(now) for work in works):
                return
            longest = max(works, key=lambda work: work.waited(now))
            due = max((notice for notice in NOTICES if notice <= longest.waited(now)), default=0)
            if due > self._last_notice:
                self._last_notice = due
                self._print(waiting(longest.waited(now), safe(longest.cause)))

    def close(self) -> None:
        """Finish an open line."""
        self._stop_beating()
        with self._lock:
            self._finish_plan()
            self._finish_line()

    def _start_beating(self) -> None:
        if self._thread is None and not self._stopped.is_set():
            self._thread = Thread(target=self._run, name="smol_dev-screen", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(self.seconds_a_beat):
            self.beat()

    def _stop_beating(self) -> None:
        """Stop for good, after the last beat has finished."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _tell(self, event: events.Event) -> None:
        if isinstance(event, events.StageStarted):
            self._last_notice = 0
            if event.path is None:
                self._print(BEGINNINGS[event.stage])
        elif isinstance(event, events.FileStarted):
            self._open_line(event.path)
        elif isinstance(event, events.FileDone | events.FileFailed):
            self._close_line(event.path, outcome(event))
        else:
            self._end_plan(event)
            if text := self._progress.told(event, sentence(event)):
                self._print(text)
        if self._verbose and (more := details(event)):
            self._print(more)

    def _end_plan(self, event: events.Event) -> None:
        """Finish the plan, which has not streamed if its first text is that of `PlanReady`."""
        if isinstance(event, events.PlanReady) and not self._plan_shown:
            self._add_to_plan(self._plan.add(event.text))
        self._finish_plan()

    def _add_to_plan(self, text: str) -> None:
        if text:
            self._finish_line()
            self._talk.write(self._redact(safe(text, keep_newlines=True)))
            self._talk.flush()

    def _finish_plan(self) -> None:
        rest = self._plan.rest()
        self._add_to_plan(f"{rest}\n" if rest else "")

    def _open_line(self, path: str) -> None:
        """Begin the line of a file, or queue it while another one is open."""
        if self._unfinished is not None:
            self._begun.append(path)
            return
        self._print(f"writing {safe_name(path)}{self._progress.count_of(path)} …", end="")
        self._unfinished = path

    def _close_line(self, path: str, outcome: str) -> None:
        if self._unfinished == path:
            self._unfinished = None
            self._print(f" {outcome}")
        else:
            self._print(f"{safe_name(path)}{self._progress.count_of(path)} {outcome}")
            self._begun = [each for each in self._begun if each != path]

    def _finish_line(self) -> None:
        if self._unfinished is not None:
            self._unfinished = None
            self._talk.write("\n")

    def _print(self, text: str, *, end: str = "\n") -> None:
        self._finish_line()
        self._talk.write(self._redact(text) + end)
        self._talk.flush()


class Quiet(Plain):
    """The screen of `--quiet`: warnings, failures and errors, nothing else."""

    def show(self, event: events.Event) -> None:
        """Print the event if something went wrong."""
        text = ""
        if isinstance(event, events.Warned | events.Failed | events.FileFailed):
            text = sentence(event)
        elif isinstance(event, events.FilesReady):
            text = "\n".join(left_out(event))
        elif isinstance(event, events.RunDone):
            left = any(not each.mended for each in event.problems)
            text = kept(event) if event.stopped else ((misfits(event) if left else "") + remedy(event)).strip()
        if text:
            self._print(text)


class Ndjson:
    """The screen of `--json`: a JSON object per line, pure ASCII, with the fields of the event's class."""

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
        line = json.dumps({"event": name, **self._cleaned(asdict(event))}, ensure_ascii=True)
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

    def _cleaned(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return a value without secrets and with times rounded to the millisecond, at any depth."""
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, float):
            return round(value, 3)
        if isinstance(value, Mapping):
            return {key: self._cleaned(item) for key, item in value.items()}
        return [self._cleaned(item) for item in value] if isinstance(value, list | tuple) else value

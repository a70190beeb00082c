"""Events as plain lines, for a pipe, a log or a terminal that cannot be drawn on."""

import time
from threading import Lock
from typing import Final, TextIO

from smol_dev import events
from smol_dev.safe import safe, safe_name
from smol_dev.ui.progress import Clock, Progress, Ticker, Unfinished, waiting
from smol_dev.ui.sentences import details, done, failed, kept, left_out, misfits, remedy, sentence
from smol_dev.ui.streams import Redact, Talk

BEGINNINGS: Final = {"plan": "planning …", "files": "listing the files …", "fix": "asking which files to change …"}
"""The line for a request that is not about a file, by its stage."""

NOTICES: Final = (5, 15, 30, 60, 120, 300, 600)
"""Seconds of silence after which a log says that it is still waiting."""


class Plain:
    """The screen without drawing: the plan as it comes, then a line per event."""

    def __init__(self, stream: TextIO, *, redact: Redact, verbose: bool = False, clock: Clock = time.monotonic) -> None:
        self._talk = Talk(stream)
        self._redact = redact
        self._verbose = verbose
        self._clock = clock
        self._lock = Lock()
        self._progress = Progress(clock)
        self._ticker = Ticker(self.beat, seconds=1.0)
        self._plan = Unfinished(ends="\n")
        self._plan_shown = False
        self._unfinished: str | None = None
        self._begun: list[str] = []
        self._last_notice = 0.0

    def show(self, event: events.Event) -> None:
        """Print what there is to say about the event; nothing for a piece of code."""
        with self._lock:
            self._progress.note(event)
            if isinstance(event, events.Piece):
                self._show_piece(event)
            elif isinstance(event, events.StageStarted):
                self._begin(event)
            elif isinstance(event, events.FileStarted):
                self._open_line(event.path)
            elif isinstance(event, events.FileDone | events.FileFailed):
                self._close_line(event.path, done(event) if isinstance(event, events.FileDone) else failed(event))
            else:
                self._say(event)
            if self._verbose and details(event):
                self._print(details(event))
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
        """Finish an open line and stop the clock."""
        self._ticker.stop()
        with self._lock:
            self._finish_plan()
            self._finish_line()

    def _begin(self, event: events.StageStarted) -> None:
        self._ticker.start()
        self._last_notice = 0
        if event.path is None:
            self._print(BEGINNINGS[event.stage])

    def _show_piece(self, piece: events.Piece) -> None:
        if piece.stage == "plan" and piece.text:
            self._plan_shown = True
            self._write_plan(self._plan.add(piece.text))

    def _say(self, event: events.Event) -> None:
        if isinstance(event, events.PlanReady) and not self._plan_shown:
            self._write_plan(self._plan.add(event.text))
        self._finish_plan()
        if text := self._progress.told(event, sentence(event)):
            self._print(text)

    def _write_plan(self, text: str) -> None:
        if text:
            self._finish_line()
            self._talk.write(self._redact(safe(text, keep_newlines=True)))
            self._talk.flush()

    def _finish_plan(self) -> None:
        rest = self._plan.rest()
        self._write_plan(f"{rest}\n" if rest else "")

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


class Quiet:
    """The screen of `--quiet`: warnings, failures and errors, nothing else."""

    def __init__(self, stream: TextIO, *, redact: Redact) -> None:
        self._talk = Talk(stream)
        self._redact = redact

    def show(self, event: events.Event) -> None:
        """Print the event if something went wrong."""
        if isinstance(event, events.Warned | events.Failed | events.FileFailed):
            self._print(sentence(event))
        elif isinstance(event, events.FilesReady):
            self._print("\n".join(left_out(event)))
        elif isinstance(event, events.RunDone):
            left = any(not each.mended for each in event.problems)
            self._print(kept(event) if event.stopped else ((misfits(event) if left else "") + remedy(event)).strip())

    def close(self) -> None:
        """Do nothing: every line was flushed."""

    def _print(self, text: str) -> None:
        if text:
            self._talk.write(f"{self._redact(text)}\n")
            self._talk.flush()

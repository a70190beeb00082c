"""The progress of a run for the screens: running requests, and text that has streamed in part."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from smol_dev import events
from smol_dev.chat import StageName

Clock = Callable[[], float]
"""Seconds since some moment, never going back."""

CHARACTERS_PER_TOKEN: Final = 4
"""For code and English with today's vocabularies; only for counts shown with `~`."""

LONG_WAIT: Final = 3.0
"""Seconds of silence after which a loading model is the likely reason."""

LEAST_LEFT: Final = 2
LEAST_MEASURED: Final = 2
"""The fewest files left, and files finished, for which the remaining time is estimated."""

ONE_MINUTE: Final = 55.0
"""Seconds from which the remaining time is shown in minutes."""

LOADING: Final = "model may be loading"
EVALUATING: Final = "evaluating the prompt"
IN_SHORT: Final = {LOADING: "loading?", EVALUATING: "prompt"}
"""Likely causes of silence, before and after a model's first answer, in short; any other one is `busy`."""

LONGEST_CAUSE: Final = 80
"""Characters of the server's reason for not answering yet."""


@dataclass(slots=True)
class Work:
    """One running request: when it was sent and first answered, and how many characters have come.

    `cause` is why nothing may have come yet. With `command`, it is the user's check instead, which says nothing until
    it ends.
    """

    stage: StageName
    path: str | None
    sent: float
    first: float | None = None
    thought: int = 0
    written: int = 0
    command: str = ""
    cause: str = LOADING

    @property
    def name(self) -> str:
        """The file, the command, or what the request is for."""
        return self.path or self.command or {"plan": "plan", "fix": "files to mend"}.get(self.stage, "file list")

    def waited(self, now: float) -> float:
        """Return the seconds since the request was sent, or 0 once something has come."""
        return now - self.sent if self.first is None and not self.command else 0.0


class Progress:
    """The running requests by path (None for plan and file list), in starting order; noting a piece is cheap."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: dict[str | None, Work] = {}
        self._files: list[str] = []
        self._unwritten: set[str] = set()
        self._ended = 0
        self._first_file = 0.0
        self._models: dict[StageName, str] = {}
        self._answered: set[str] = set()
        self._last_retry: events.Retry | None = None
        self._is_over = False

    def running(self) -> list[Work]:
        """Return all running requests, oldest first."""
        return list(self._running.values())

    def count_of(self, path: str) -> str:
        """Return the file's position in the list, as ` (2 of 5)`; empty if it is not listed."""
        return f" ({self._files.index(path) + 1:,} of {len(self._files):,})" if path in self._files else ""

    def note(self, event: events.Event) -> None:  # noqa: C901 - a case for each kind of event
        """Count a piece, or begin or end a request."""
        now = self._clock()
        match event:
            case events.RunStarted():
                self._models = dict(event.models)
                self._expect(())
            case events.FilesReady():
                self._expect(event.files, event.there)
            case events.ChangePlanned():
                self._expect([file.path for file in (*event.change, *event.add)])
            case events.Retry(reason="server", path=path) if path in self._running:
                self._running[path].cause = " ".join(event.message.split())[:LONGEST_CAUSE]
            case events.Piece():
                self._count(event, now)
            case events.StageStarted(stage=stage, path=path):
                if stage == "fix":
                    self._running.pop(None, None)  # the list of files to mend ends without an event
                self._running[path] = Work(stage, path, now, cause=self._cause(stage))
            case events.FileStarted(path=path):
                self._first_file = self._first_file if self._ended or self._running else now
                self._running.setdefault(path, Work("code", path, now, cause=self._cause("code")))
            case events.CheckStarted(command=command):
                self._running = {None: Work("fix", None, now, command=command)}
            case events.FileDone(path=path) | events.FileFailed(path=path):
                self._running.pop(path, None)
                self._ended += path in self._unwritten
                self._unwritten.discard(path)
            case events.PlanReady():
                self._running.pop(None, None)
            case events.CheckDone():
                self._running.clear()

    def told(self, event: events.Event, text: str) -> str:
        """Return an event's text for the screen: empty for a retry that repeats the previous one.

        A blank line comes before the end of a run, and before what follows it.
        """
        before, self._last_retry = self._last_retry, event if isinstance(event, events.Retry) else self._last_retry
        if not text or (isinstance(event, events.Retry) and event == before):
            return ""
        was_over, self._is_over = self._is_over, isinstance(event, events.RunDone)
        return f"\n{text}" if was_over or self._is_over else text

    def left(self, now: float) -> str:
        """Return how many files are left, and an estimate of the time from those that are done."""
        if len(self._unwritten) < LEAST_LEFT:
            return ""
        count = f"{len(self._unwritten):,} files left"
        if self._ended < LEAST_MEASURED:
            return count
        seconds = (now - self._first_file) / self._ended * len(self._unwritten)
        about = f"{max(10, round(seconds, -1)):.0f} s" if seconds < ONE_MINUTE else f"{seconds / 60:,.0f} min"
        return f"{count}, about {about}"

    def _expect(self, files: Sequence[str], there: Collection[str] = ()) -> None:
        self._files = list(files)
        self._unwritten = set(files) - set(there)
        self._ended = 0
        self._running.pop(None, None)  # the request for the list

    def _cause(self, stage: StageName) -> str:
        return EVALUATING if self._models.get(stage, stage) in self._answered else LOADING

    def _count(self, piece: events.Piece, now: float) -> None:
        work = self._running.get(piece.path)
        if work is None:
            work = self._running[piece.path] = Work(piece.stage, piece.path, now)
        if work.first is None and (piece.text or piece.reasoning):
            work.first = now
            self._answered.add(self._models.get(piece.stage, piece.stage))
        work.thought += len(piece.reasoning)
        work.written += len(piece.text)


def phase(work: Work, now: float, *, short: bool) -> str:
    """Return whether a request is waiting, thinking or writing, with tokens, speed and time."""
    if work.command:
        return f"running, {now - work.sent:.0f} s"
    if work.first is None:
        return waiting(now - work.sent, work.cause, short=short)
    count = f"~{(work.written or work.thought) // CHARACTERS_PER_TOKEN:,} {'tok' if short else 'tokens'}"
    spent = now - work.first
    if not work.written:
        return f"thinking {count}" if short else f"thinking, {count}, {spent:.0f} s"
    if short:
        return f"{count} {spent:.0f} s"
    every = (work.written + work.thought) // CHARACTERS_PER_TOKEN
    speed = f", {every / spent:.0f} tokens/s" if spent >= 1 else ""
    waited = f" after {work.first - work.sent:.0f} s of waiting" if work.first - work.sent >= LONG_WAIT else ""
    return f"writing, {count}{speed}, {spent:.0f} s{waited}"


def waiting(seconds: float, cause: str, *, short: bool = False) -> str:
    """Return the wait for a first token, and its cause: the server's reason at once, a guess only after a while."""
    is_told = cause not in IN_SHORT or seconds >= LONG_WAIT
    if short:
        return f"{IN_SHORT.get(cause, 'busy')} {seconds:.0f} s" if is_told else "waiting"
    return "waiting for the first token" + (f", {cause}, {seconds:.0f} s" if is_told else "")


class Unfinished:
    """Streamed text, held back until a line or a word is complete.

    A secret that a model repeats arrives in pieces, and can be found only in a complete word.
    """

    def __init__(self, *, ends: str) -> None:
        self._ends = ends
        self._kept: list[str] = []

    def add(self, piece: str) -> str:
        """Return everything up to the last line or word that is complete; empty if there is none."""
        cut = 1 + max(piece.rfind(end) for end in self._ends)
        if not cut:
            self._kept.append(piece)
            return ""
        whole = self.rest() + piece[:cut]
        self._kept = [piece[cut:]]
        return whole

    def rest(self) -> str:
        """Return what was held back, and forget it."""
        rest, self._kept = "".join(self._kept), []
        return rest

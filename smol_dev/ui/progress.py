"""The running requests, streamed text that is not whole yet, and the clock that has them drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Signal
from threading import Thread

from smol_dev.chat import StageName
from smol_dev.events import (
    ChangePlanned,
    CheckDone,
    CheckStarted,
    Event,
    FileDone,
    FileFailed,
    FilesReady,
    FileStarted,
    Piece,
    PlanReady,
    StageStarted,
)

Clock = Callable[[], float]
"""Seconds since some moment, never going back."""

CHARACTERS_PER_TOKEN = 4
"""Of code and English, with the vocabularies of today's models. Only for counts shown with `~`."""

LONG_WAIT = 3.0
"""Seconds of silence after which a loading model is the likely reason."""


@dataclass(slots=True)
class Work:
    """One running request: when it was sent, when it first spoke, and how many characters it said.

    Or the user's `command`, which says nothing before it has ended.
    """

    stage: StageName
    path: str | None
    sent: float
    first: float | None = None
    thought: int = 0
    written: int = 0
    command: str = ""

    @property
    def name(self) -> str:
        """The file, the command, or what is asked for in words."""
        return self.path or self.command or {"plan": "plan", "fix": "files to mend"}.get(self.stage, "file list")

    def waited(self, now: float) -> float:
        """Seconds since the request was sent, as long as nothing has come; else 0."""
        return now - self.sent if self.first is None and not self.command else 0.0


class Progress:
    """The running requests, by path (None for plan and file list), in the order they began; noting a piece is cheap."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: dict[str | None, Work] = {}
        self._files: list[str] = []

    def count_of(self, path: str) -> str:
        """Return which file of how many it is, as ` (2 of 5)`; empty for one that no list names."""
        return f" ({self._files.index(path) + 1:,} of {len(self._files):,})" if path in self._files else ""

    def note(self, event: Event) -> None:
        """Count a piece, begin a request, or end one."""
        match event:
            case FilesReady():
                self._files = list(event.files)
                self._running.pop(None, None)
            case ChangePlanned():
                self._files = [file.path for file in (*event.change, *event.add)]
            case Piece():
                self._count(event)
            case StageStarted() | FileStarted() | CheckStarted():
                self._begin(event)
            case FileDone() | FileFailed():
                self._running.pop(event.path, None)
            case PlanReady():
                self._running.pop(None, None)
            case CheckDone():
                self._running.clear()

    def _begin(self, event: StageStarted | FileStarted | CheckStarted) -> None:
        now = self._clock()
        if isinstance(event, CheckStarted):
            self._running = {None: Work("fix", None, now, command=event.command)}
        elif isinstance(event, FileStarted):
            self._running.setdefault(event.path, Work("code", event.path, now))
        else:
            if event.stage == "fix":
                self._running.pop(None, None)  # the list of files to mend ends without an event
            self._running[event.path] = Work(event.stage, event.path, now)

    def running(self) -> list[Work]:
        """Return everything under way, oldest first."""
        return list(self._running.values())

    def _count(self, piece: Piece) -> None:
        work = self._running.get(piece.path)
        if work is None:
            work = self._running[piece.path] = Work(piece.stage, piece.path, self._clock())
        if work.first is None and (piece.text or piece.reasoning):
            work.first = self._clock()
        work.thought += len(piece.reasoning)
        work.written += len(piece.text)


def phase(work: Work, now: float, *, short: bool = False) -> str:
    """Return what a request is doing, in words: waiting, thinking or writing, with tokens, speed, time."""
    if work.command:
        return f"running, {now - work.sent:.0f} s"
    if work.first is None:
        return waiting(now - work.sent, short=short)
    tokens = (work.written or work.thought) // CHARACTERS_PER_TOKEN
    count = f"~{tokens:,} tok" if short else f"~{tokens:,} tokens"
    spent = now - work.first
    if not work.written:
        return f"thinking {count}" if short else f"thinking, {count}, {spent:.0f} s"
    every = (work.written + work.thought) // CHARACTERS_PER_TOKEN
    speed = f", {every / spent:.0f} tokens/s" if spent >= 1 and not short else ""
    return f"{count} {spent:.0f} s" if short else f"writing, {count}{speed}, {spent:.0f} s"


def waiting(seconds: float, *, short: bool = False) -> str:
    """Return the wait for a first token, and after a while its likely reason."""
    if short:
        return f"loading? {seconds:.0f} s" if seconds >= LONG_WAIT else "waiting"
    reason = f", model may be loading, {seconds:.0f} s" if seconds >= LONG_WAIT else ""
    return f"waiting for the first token{reason}"


class Ticker:
    """Calls `beat` every so many seconds on a thread of its own, until it is stopped."""

    def __init__(self, beat: Callable[[], None], *, seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self._stopped = Signal()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin; once begun, does nothing."""
        if self._thread is None and not self._stopped.is_set():
            self._thread = Thread(target=self._run, name="smol_dev-screen", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Return when the last beat is over, for good."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            self._beat()


class Unfinished:
    """Streamed text held back until it is whole: never half a line, or never half a word, is handed out.

    A secret that a model repeats arrives in pieces; only where a whole word is there can it be found.
    """

    def __init__(self, *, ends: str) -> None:
        self._ends = ends
        self._kept: list[str] = []

    def add(self, piece: str) -> str:
        """Return everything up to the last end that has come by now; empty where none has."""
        cut = 1 + max(piece.rfind(end) for end in self._ends)
        if not cut:
            self._kept.append(piece)
            return ""
        whole = "".join([*self._kept, piece[:cut]])
        self._kept = [piece[cut:]]
        return whole

    def rest(self) -> str:
        """Return what was kept, and keep nothing any more."""
        rest = "".join(self._kept)
        self._kept = []
        return rest

"""Events drawn on a terminal with rich: the plan as it comes, then a line for each running file.

Nothing is drawn when an event arrives, only by a clock, ten times a second: a thousand tokens a
second cost no more than ten.
"""

import time
from threading import Lock
from typing import IO, Final, TextIO, cast

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live as Region
from rich.text import Text

from smol_dev.events import Event, Failed, FileFailed, Piece, PlanReady, RunDone, StageStarted, Warned
from smol_dev.safe import safe
from smol_dev.ui.progress import Clock, Progress, Ticker, Unfinished, Work, phase
from smol_dev.ui.sentences import details, sentence
from smol_dev.ui.streams import Redact, Talk

SECONDS_A_FRAME: Final = 0.1
ROOM_FOR_WORDS: Final = 60
"""Columns below which the phase of a file is given in short."""

LONGEST_LINE: Final = 4_000
"""Characters of a plan's line after which it is broken: an endless one would be drawn again and again."""

STYLES: Final[dict[type, str]] = {Warned: "yellow", Failed: "bold red", FileFailed: "red"}


class Live:
    """The screen on a terminal. `console` is for tests; else one is made for the stream."""

    def __init__(
        self,
        stream: TextIO,
        *,
        redact: Redact,
        verbose: bool = False,
        clock: Clock = time.monotonic,
        console: Console | None = None,
    ) -> None:
        file = cast("IO[str]", Talk(stream))
        self._console = console or Console(file=file, force_terminal=True, markup=False, emoji=False, highlight=False)
        self._redact = redact
        self._verbose = verbose
        self._clock = clock
        self._lock = Lock()
        self._progress = Progress(clock)
        self._ticker = Ticker(self.beat, seconds=SECONDS_A_FRAME)
        self._region = Region(
            self,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._plan = Unfinished(ends=" \n\t")
        self._plan_shown = False
        self._line = ""
        self._finished: list[Text] = []
        self._closed = False

    def show(self, event: Event) -> None:
        """Note the event, for the next frame."""
        with self._lock:
            self._progress.note(event)
            if not isinstance(event, Piece):
                self._say(event)
            elif event.stage == "plan" and event.text:
                self._plan_shown = True
                self._add_to_plan(self._plan.add(event.text))
        if isinstance(event, StageStarted):
            self._ticker.start()

    def beat(self) -> None:
        """Draw one frame: what is finished goes above, what is running below."""
        with self._lock, self._console:
            self._region.start()
            if self._finished:
                self._print_finished()
            else:
                self._region.refresh()

    def close(self) -> None:
        """Print what is left, remove what was running, and give the cursor back."""
        self._ticker.stop()
        with self._lock, self._console:
            self._closed = True
            self._finish_plan()
            self._region.stop()
            if self._finished:
                self._print_finished()

    def __rich__(self) -> Group:
        """Return what is running: the plan's line that is being written, and a row for each request."""
        if self._closed:
            return Group()
        width, height = self._console.size
        room = max(1, height - 2)
        works = self._progress.running()
        shown = works if len(works) <= room else works[: max(1, room - 1)]
        now = self._clock()
        tail = self._line[-width * max(1, room - len(shown)) :]
        parts = [Text(tail)] if tail else []
        parts += [self._row(work, now, width) for work in shown]
        if len(shown) < len(works):
            parts.append(Text(f"… and {len(works) - len(shown):,} more", style="dim"))
        return Group(*parts)

    def _say(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            return
        if isinstance(event, PlanReady) and not self._plan_shown:
            self._add_to_plan(event.text)
        self._finish_plan()
        text = sentence(event)
        if text:
            spaced = f"\n{text}" if isinstance(event, RunDone) else text
            self._finished.append(whole(self._redact(spaced), style=STYLES.get(type(event), "")))
        if self._verbose and details(event):
            self._finished.append(whole(details(event), style="dim"))

    def _add_to_plan(self, text: str) -> None:
        lines = (self._line + self._redact(safe(text, keep_newlines=True))).split("\n")
        if len(lines[-1]) < LONGEST_LINE:
            self._line = lines.pop()
        else:
            self._line = ""
        self._finished += [Text(line) for line in lines]

    def _finish_plan(self) -> None:
        self._add_to_plan(self._plan.rest())
        if self._line:
            self._add_to_plan("\n")

    def _print_finished(self) -> None:
        lines, self._finished = self._finished, []
        self._console.print(Group(*lines), crop=False)

    def _row(self, work: Work, now: float, width: int) -> Text:
        doing = phase(work, now, short=width < ROOM_FOR_WORDS)
        name = tail_of(self._redact(safe(work.name)), cells=max(8, width - len(doing) - 3))
        row = Text(no_wrap=True, overflow="ellipsis")
        return row.append(name, style="bold").append("  ").append(doing)


def tail_of(path: str, *, cells: int) -> str:
    """Return the end of a path that is too long, where the file's name is."""
    if cell_len(path) <= cells:
        return path
    tail = path[-cells:]
    while cell_len(tail) >= cells:
        tail = tail[1:]
    return f"…{tail}"


def whole(text: str, *, style: str) -> Text:
    """Return text that the terminal wraps, not we: a command in it can be copied in one piece."""
    return Text(text, style=style, no_wrap=True, overflow="ignore")

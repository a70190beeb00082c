"""Events drawn on a terminal with rich: the plan as it comes, then a line for each running file.

Events draw nothing; a clock draws, ten times a second, so that a thousand tokens a second cost no more than ten.
"""

import textwrap
import time
from collections.abc import Iterator
from threading import Lock
from typing import IO, Any, Final, TextIO, cast

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live as Region
from rich.text import Text
from rich.theme import Theme

from smol_dev.events import CheckStarted, Event, Failed, FileFailed, Piece, PlanReady, StageStarted, Warned
from smol_dev.safe import safe
from smol_dev.ui.progress import Clock, Progress, Ticker, Unfinished, Work, phase
from smol_dev.ui.sentences import details, sentence
from smol_dev.ui.streams import Redact, Talk

SECONDS_A_FRAME: Final = 0.1
ROOM_FOR_WORDS: Final = 60
"""Columns below which a file's phase is abbreviated."""

LONGEST_LINE: Final = 4_000
"""Characters after which a line of the plan is broken: an endless one would be redrawn again and again."""

LONGEST_BLOCK: Final = 200
"""Lines after which a block is drawn as if it ended there."""

SEPARATOR: Final = " · "
WHOLE_WORDS: Final[Any] = {"break_long_words": False, "break_on_hyphens": False}

THEME: Final = Theme(
    {
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.h3": "bold",
        "markdown.code": "cyan",
        "markdown.item.number": "none",
        "markdown.item.bullet": "none",
    }
)
"""A theme for plans: without a background, it is readable on dark and on light terminals."""

STYLES: Final[dict[type, str]] = {Warned: "yellow", Failed: "bold red", FileFailed: "red"}


class Live:
    """The screen on a terminal; tests pass a `console`, otherwise one is made for the stream."""

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
        self._console = console or Console(
            file=file, force_terminal=True, markup=False, emoji=False, highlight=False, theme=THEME
        )
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
        self._block: list[str] = [""]
        self._is_code = False
        self._finished: list[RenderableType] = []
        self._closed = False

    def show(self, event: Event) -> None:
        """Note the event for the next frame."""
        with self._lock:
            self._progress.note(event)
            if not isinstance(event, Piece):
                self._say(event)
            elif event.stage == "plan" and event.text:
                self._plan_shown = True
                self._add_to_plan(self._plan.add(event.text))
        if isinstance(event, StageStarted | CheckStarted):
            self._ticker.start()

    def beat(self) -> None:
        """Draw one frame: finished lines above, running ones below."""
        with self._lock, self._console:
            self._region.start()
            if self._finished:
                self._print_finished()
            else:
                self._region.refresh()

    def close(self) -> None:
        """Print what is left, remove what was running, and restore the cursor."""
        self._ticker.stop()
        with self._lock, self._console:
            self._closed = True
            self._finish_plan()
            self._region.stop()
            if self._finished:
                self._print_finished()

    def __rich__(self) -> Group:
        """Return what is running: the unfinished end of the plan, and a row for each request."""
        if self._closed:
            return Group()
        width, height = self._console.size
        room = max(1, height - 2)
        works = self._progress.running()
        shown = works if len(works) <= room else works[: max(1, room - 1)]
        now = self._clock()
        parts = [*self._tail(max(1, room - len(shown) - 1), width)]
        parts += [self._row(work, now, width) for work in shown]
        if len(shown) < len(works):
            parts.append(Text(f"… and {len(works) - len(shown):,} more", style="dim"))
        if len(works) < room and (left := self._progress.left(now)):
            parts.append(Text(left, style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*parts)

    def _tail(self, rows: int, width: int) -> Iterator[Text]:
        """Yield the end of the plan's unfinished block, at most this many rows."""
        *lines, last = self._block
        for line in [*lines, last][-rows:] if last else lines[-rows:]:
            yield Text(line[-width:] if line is last else line[:width], no_wrap=True, overflow="crop")

    def _say(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            return
        if isinstance(event, PlanReady) and not self._plan_shown:
            self._add_to_plan(event.text)
        self._finish_plan()
        if text := self._progress.told(event, sentence(event)):
            shown = fitted(self._redact(text), width=self._console.width)
            self._finished.append(whole(shown, style=STYLES.get(type(event), "")))
        if self._verbose and details(event):
            self._finished.append(whole(details(event), style="dim"))

    def _add_to_plan(self, text: str) -> None:
        """Add to the plan; a block ends with a blank line, a heading with its line, code with its fence."""
        *lines, rest = (self._block.pop() + self._redact(safe(text, keep_newlines=True))).split("\n")
        for line in lines:
            self._take_line(line)
        self._block.append(rest)
        if len(rest) >= LONGEST_LINE:
            self._take_line(self._block.pop())
            self._block.append("")

    def _take_line(self, line: str) -> None:
        is_fence = line.lstrip().startswith(("```", "~~~"))
        if is_fence:
            self._is_code = not self._is_code
        is_end = not self._is_code and (is_fence or not line.strip() or line.startswith("#"))
        self._block.append(line)
        if is_end or len(self._block) > LONGEST_BLOCK:
            self._finish_block()

    def _finish_block(self) -> None:
        from smol_dev.ui.markdown import Block  # noqa: PLC0415 - loaded while the plan is written: no request waits

        text = "\n".join(self._block)
        if text.strip():
            self._finished += [Block(text)] if self._block[-1].strip() else [Block(text), Text()]
        self._block = []

    def _finish_plan(self) -> None:
        self._add_to_plan(self._plan.rest())
        if self._block != [""]:
            self._block = [*self._block, ""]
            self._finish_block()
        self._block = [""]
        self._is_code = False

    def _print_finished(self) -> None:
        lines, self._finished = self._finished, []
        self._console.print(Group(*lines), crop=False)

    def _row(self, work: Work, now: float, width: int) -> Text:
        doing = phase(work, now, short=width < ROOM_FOR_WORDS)
        place = self._progress.count_of(work.path) if work.path else ""
        name = tail_of(self._redact(safe(work.name)), cells=max(8, width - len(place) - len(doing) - 3))
        doing = self._redact(safe(doing))
        row = Text(no_wrap=True, overflow="ellipsis")
        return row.append(name, style="bold").append(f"{place}  ").append(doing)


def fitted(text: str, *, width: int) -> str:
    """Return the text with long lines broken between parts, else between words, but never within a command."""
    return "\n".join(part for line in text.split("\n") for part in _broken(line, width))


def _broken(line: str, width: int) -> list[str]:
    if cell_len(line) <= width:
        return [line]
    if SEPARATOR not in line:
        return [line] if "`" in line else textwrap.wrap(line, width, subsequent_indent="  ", **WHOLE_WORDS)
    rows: list[str] = []
    for part in line.split(SEPARATOR):
        fits = rows and cell_len(f"{rows[-1]}{SEPARATOR}{part}") <= width
        rows[-1:] = [f"{rows[-1]}{SEPARATOR}{part}"] if fits else [*rows[-1:], part]
    return rows


def tail_of(path: str, *, cells: int) -> str:
    """Return a path, shortened at the front if it is too long: the file's name is at the end."""
    if cell_len(path) <= cells:
        return path
    tail = path[-cells:]
    while cell_len(tail) >= cells:
        tail = tail[1:]
    return f"…{tail}"


def whole(text: str, *, style: str) -> Text:
    """Return text for the terminal to wrap, so that a command in it can be copied in one piece."""
    return Text(text, style=style, no_wrap=True, overflow="ignore")

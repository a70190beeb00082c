"""Events drawn on a terminal with rich: the plan as it comes, then a line for each running file.

Events draw nothing; a clock draws, ten times a second, so that a thousand tokens a second cost no more than ten.
"""

import textwrap
import time
from typing import IO, Any, ClassVar, Final, TextIO, cast

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live as Region
from rich.text import Text
from rich.theme import Theme

from smol_dev.events import Event, Failed, FileFailed, StageStarted, Warned
from smol_dev.safe import safe
from smol_dev.ui.plain import Plain, Redact
from smol_dev.ui.progress import Clock, Work, phase
from smol_dev.ui.sentences import details, sentence

ROOM_FOR_WORDS: Final = 60
"""Columns below which a file's phase is abbreviated."""

LONGEST_LINE: Final = 4_000
"""Characters after which a line of the plan is broken: an endless one would be redrawn again and again."""

LONGEST_BLOCK: Final = 200
"""Lines after which a block is drawn as if it ended there."""

SEPARATOR: Final = " · "
WHOLE_WORDS: Final[Any] = {"break_long_words": False, "break_on_hyphens": False}

WHOLE: Final[Any] = {"no_wrap": True, "overflow": "ignore"}
"""Text that the terminal itself wraps, so that a command in it can be copied in one piece."""

CUT: Final[Any] = {"no_wrap": True, "overflow": "ellipsis"}

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


class Live(Plain):
    """The screen on a terminal; tests pass a `console`, otherwise one is made for the stream."""

    seconds_a_beat: ClassVar = 0.1
    plan_ends: ClassVar = " \n\t"

    def __init__(
        self,
        stream: TextIO,
        *,
        redact: Redact,
        verbose: bool = False,
        clock: Clock = time.monotonic,
        console: Console | None = None,
    ) -> None:
        super().__init__(stream, redact=redact, verbose=verbose, clock=clock)
        file = cast("IO[str]", self._talk)
        self._console = console or Console(
            file=file, force_terminal=True, markup=False, emoji=False, highlight=False, theme=THEME
        )
        self._region = Region(
            self,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._block: list[str] = [""]
        self._is_code = False
        self._finished: list[RenderableType] = []
        self._closed = False

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
        self._stop_beating()
        with self._lock, self._console:
            self._closed = True
            self._finish_plan()
            self._region.stop()
            if self._finished:
                self._print_finished()

    def __rich__(self) -> Group:
        """Return what is running: the end of the plan's unfinished block, and a row for each request."""
        if self._closed:
            return Group()
        width, height = self._console.size
        room = max(1, height - 2)
        works = self._progress.running()
        shown = works if len(works) <= room else works[: max(1, room - 1)]
        now = self._clock()
        *lines, last = self._block
        tail = [line[:width] for line in lines] + ([last[-width:]] if last else [])
        parts = [Text(line, no_wrap=True, overflow="crop") for line in tail[-max(1, room - len(shown) - 1) :]]
        parts += [self._row(work, now, width) for work in shown]
        if len(shown) < len(works):
            parts.append(Text(f"… and {len(works) - len(shown):,} more", style="dim"))
        if len(works) < room and (left := self._progress.left(now)):
            parts.append(Text(left, style="dim", **CUT))
        return Group(*parts)

    def _tell(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            return
        self._end_plan(event)
        if text := self._progress.told(event, sentence(event)):
            shown = fitted(self._redact(text), width=self._console.width)
            self._finished.append(Text(shown, style=STYLES.get(type(event), ""), **WHOLE))
        if self._verbose and (more := details(event)):
            self._finished.append(Text(more, style="dim", **WHOLE))

    def _add_to_plan(self, text: str) -> None:
        """Add to the plan; a block ends with a blank line, a heading with its line, code with its fence."""
        *lines, rest = (self._block.pop() + self._redact(safe(text, keep_newlines=True))).split("\n")
        if len(rest) >= LONGEST_LINE:
            lines, rest = [*lines, rest], ""
        for line in lines:
            is_fence = line.lstrip().startswith(("```", "~~~"))
            self._is_code ^= is_fence
            self._block.append(line)
            is_end = not self._is_code and (is_fence or not line.strip() or line.startswith("#"))
            if is_end or len(self._block) > LONGEST_BLOCK:
                self._finish_block()
        self._block.append(rest)

    def _finish_block(self) -> None:
        from smol_dev.ui.markdown import Block  # noqa: PLC0415 - loaded while the plan is written: no request waits

        text = "\n".join(self._block)
        if text.strip():
            self._finished += [Block(text)] if self._block[-1].strip() else [Block(text), Text()]
        self._block = []

    def _finish_plan(self) -> None:
        self._add_to_plan(self._plan.rest())
        if self._block != [""]:
            self._block.append("")
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
        return Text.assemble((name, "bold"), f"{place}  ", self._redact(safe(doing)), **CUT)


def fitted(text: str, *, width: int) -> str:
    """Return the text with long lines broken between parts, else between words, but never within a command."""
    rows: list[str] = []
    for line in text.split("\n"):
        first, *parts = line.split(SEPARATOR)
        if cell_len(line) <= width:
            rows.append(line)
        elif not parts and "`" not in line:
            rows += textwrap.wrap(line, width, subsequent_indent="  ", **WHOLE_WORDS)
        else:
            rows.append(first)
            for part in parts:
                joined = f"{rows[-1]}{SEPARATOR}{part}"
                rows[-1:] = [joined] if cell_len(joined) <= width else [rows[-1], part]
    return "\n".join(rows)


def tail_of(path: str, *, cells: int) -> str:
    """Return a path, shortened at the front if it is too long: the file's name is at the end."""
    if cell_len(path) <= cells:
        return path
    tail = path[-cells:]
    while cell_len(tail) >= cells:
        tail = tail[1:]
    return f"…{tail}"

import re
from collections.abc import Iterable
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from smol_dev.events import (
    Changed,
    ChangePlanned,
    CheckDone,
    CheckStarted,
    Event,
    FileDone,
    FilesReady,
    FileStarted,
    Piece,
    PlanReady,
    Retry,
    RunStarted,
    StageStarted,
    Warned,
)
from smol_dev.ui.live import Live, fitted
from tests.ui.run import EVENTS, redact

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal(StringIO):
    """Counts what is written to it."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


class Watched:
    """A live screen on a terminal of this size, with a clock that stands until it is set."""

    def __init__(self, *, width: int = 80, height: int = 24, verbose: bool = False) -> None:
        self.now = 0.0
        self.terminal = Terminal()
        console = Console(
            file=self.terminal,
            force_terminal=True,
            color_system=None,
            width=width,
            height=height,
            markup=False,
            emoji=False,
            highlight=False,
            _environ={"TERM": "xterm"},
        )
        self.screen = Live(self.terminal, redact=redact, verbose=verbose, clock=lambda: self.now, console=console)
        self.screen._stopped.set()  # noqa: SLF001 - the tests beat themselves

    def show(self, *events: Event) -> None:
        for event in events:
            self.screen.show(event)

    def frame(self) -> str:
        """What the next beat writes, without cursor movements."""
        before = len(self.terminal.getvalue())
        self.screen.beat()
        return words(self.terminal.getvalue()[before:])

    def close(self) -> str:
        before = len(self.terminal.getvalue())
        self.screen.close()
        return words(self.terminal.getvalue()[before:])


def words(drawn: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", drawn)


def pieces(count: int) -> Iterable[Event]:
    return (Piece("code", "a.py", "four") for _ in range(count))


@pytest.mark.parametrize(
    ("seconds", "row"),
    [
        pytest.param(1.0, "plan  waiting for the first token", id="short"),
        pytest.param(14.2, "plan  waiting for the first token, model may be loading, 14 s", id="long"),
    ],
)
def test_a_silent_server_is_waited_for_by_name(seconds: float, row: str) -> None:
    watched = Watched()
    watched.show(StageStarted("plan"))
    watched.now = seconds
    assert watched.frame() == row


def test_reasoning_is_counted_and_not_shown() -> None:
    watched = Watched()
    watched.show(StageStarted("plan"), Piece("plan", None, "", reasoning="a secret thought" * 100))
    watched.now = 12.0
    assert watched.frame() == "plan  thinking, ~400 tokens, 12 s"


def test_a_plan_streams_word_by_word_above_its_row() -> None:
    watched = Watched()
    watched.show(StageStarted("plan"), Piece("plan", None, "# Plan\nuse s3cr"))
    assert watched.frame() == "Plan\nuse \nplan  writing, ~3 tokens, 0 s"
    watched.show(Piece("plan", None, "et now"))
    assert watched.frame() == "use [key] \nplan  writing, ~5 tokens, 0 s"
    watched.show(PlanReady("# Plan\nuse s3cret now"))
    assert watched.frame() == "use [key] now\n\n"


def test_files_at_once_have_a_row_each() -> None:
    watched = Watched()
    watched.show(FileStarted("a.py"), StageStarted("code", "a.py"))
    watched.show(FileStarted("b.py"), StageStarted("code", "b.py"), *pieces(1))
    watched.now = 10.0
    watched.show(*pieces(499))
    assert watched.frame() == (
        "a.py  writing, ~500 tokens, 50 tokens/s, 10 s\nb.py  waiting for the first token, model may be loading, 10 s"
    )
    watched.show(FileDone("a.py", 2000, 10, 0, 500, 10.0, tokens_per_second=50.0))
    assert watched.frame() == (
        "a.py done, 2,000 bytes, 50 tokens/s, 10.0 s\nb.py  waiting for the first token, model may be loading, 10 s"
    )


def test_a_running_check_has_a_row_and_ends_what_was_asked() -> None:
    watched = Watched()
    watched.show(StageStarted("fix"), CheckStarted("pytest -q", 1))
    watched.now = 4.0
    assert watched.frame() == "checking (after round 1): pytest -q\npytest -q  running, 4 s"
    watched.show(CheckDone(1, 1, 3, 9, 4.2, "3 of 12 tests failed"), StageStarted("fix"), StageStarted("fix", "a.py"))
    assert watched.frame() == ("check: 3 of 12 tests failed, 4.2 s\na.py  waiting for the first token")


def test_a_change_is_asked_for_until_its_files_are_known() -> None:
    watched = Watched()
    watched.show(StageStarted("files"), Piece("files", None, "four"))
    assert watched.frame() == "file list  writing, ~1 tokens, 0 s"
    watched.show(ChangePlanned("", (Changed("a.py", "new"),), (), ()), FileStarted("a.py"))
    assert watched.frame() == "the change:\n  change a.py: new\na.py (1 of 1)  waiting for the first token"


def test_a_small_terminal_shows_the_ends_of_paths_and_as_many_rows_as_fit() -> None:
    watched = Watched(width=40, height=5)
    for name in ("src/a/very/long/path/that/does/not/fit.py", "b.py", "c.py", "d.py"):
        watched.show(StageStarted("code", name))
    watched.now = 65.0
    assert watched.frame() == ("…th/that/does/not/fit.py  loading? 65 s\nb.py  loading? 65 s\n… and 2 more")


def test_nothing_is_drawn_between_two_frames_whatever_arrives() -> None:
    watched = Watched()
    watched.show(StageStarted("code", "a.py"))
    watched.frame()
    before = watched.terminal.writes
    watched.show(*pieces(10_000), *[Warned(f"{n}") for n in range(100)])
    assert watched.terminal.writes == before
    watched.frame()
    assert watched.terminal.writes == before + 1


def test_a_plan_without_line_feeds_is_broken_before_drawing_it_gets_dear() -> None:
    watched = Watched()
    watched.show(*(Piece("plan", None, "word ") for _ in range(2_000)), PlanReady(""))
    assert [len(line) for line in watched.close().replace("word \n", "word\n").split()] == [4] * 2_000
    assert max(map(len, watched.terminal.getvalue().split("\n"))) <= 80


def test_closing_prints_the_rest_and_gives_the_cursor_back() -> None:
    watched = Watched(verbose=True)
    watched.show(*EVENTS)
    watched.frame()
    watched.show(StageStarted("code", "z.py"), Warned("last words"))
    assert watched.close() == "\nwarning: last words\n"
    drawn = watched.terminal.getvalue()
    assert drawn.count(HIDE) == 1
    assert drawn.count(SHOW) == 1
    assert drawn.rindex(SHOW) > drawn.rindex(HIDE)
    assert watched.close() == ""


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        pytest.param("short", ["short"], id="fits"),
        pytest.param(
            "Done: 5 files · run it: cd a && b · change it",
            ["Done: 5 files", "run it: cd a && b", "change it"],
            id="parts",
        ),
        pytest.param("one · two · three · and four", ["one · two · three", "and four"], id="as many as fit"),
        pytest.param("a file done, 1,234 bytes, 9 s", ["a file done, 1,234", "  bytes, 9 s"], id="words"),
        pytest.param("hint: `smol_dev resume long`", ["hint: `smol_dev resume long`"], id="command"),
        pytest.param("x" * 30, ["x" * 30], id="long word"),
    ],
)
def test_a_line_that_is_too_long_is_broken_between_its_parts(line: str, rows: list[str]) -> None:
    assert fitted(f"\n{line}", width=20) == "\n".join(["", *rows])


def test_a_whole_run_leaves_the_same_words_as_plain_lines() -> None:
    watched = Watched(width=120, verbose=True)
    watched.show(*EVENTS)
    assert watched.close() == (
        "model qwen3:14b on ollama (http://localhost:11434/v1) · profile local-ollama · "
        "writing to out\n"
        "Plan\n"
        "key [key] ^[[2J\n\n"
        "2 files to write:\n"
        "  a.py\n"
        "  b\\u202e.py\n"
        "warning: left out `../c`: unsafe_path\n"
        "a.py done, 1,234 bytes, 87 tokens/s, 3.0 s\n"
        "  tokens: in 310, cached unknown, out 261\n"
        "b\\u202e.py: asking again (1), waiting 2 s: the connection was lost\n"
        "b\\u202e.py failed (truncated): the answer was cut off\n"
        "  error: no\n"
        "warning: the model is not local\n"
        "  hint: choose another\n"
        "\n"
        "1 of 2 files in my out, 1 failed\n"
        "1,234 bytes · 4,210 tokens in · 2,400 out · 60 tokens/s · 1 asked again · 42.1 s\n"
        "\n"
        "hint: ask again for what is missing: `smol_dev resume 'my out'`\n"
        "\n"
        "files       1 written, 1 failed\n"
        "bytes       1,234\n"
        "tokens in   4,210\n"
        "  cached    unknown\n"
        "tokens out  2,400\n"
        "tokens/s    60\n"
        "retries     1\n"
        "plan        8.2 s\n"
        "file list   2.0 s\n"
        "code        29.8 s\n"
        "total       42.1 s\n"
    )


PLANNED = """\
# Shop
A *small* shop
in `one` page.

- a
- b

```python
def f():

    return 1
```
End"""


def test_a_plan_is_drawn_as_markdown_block_by_block() -> None:
    watched = Watched(width=30)
    watched.show(StageStarted("plan"))
    frames = []
    for line in PLANNED.splitlines(keepends=True):
        watched.show(Piece("plan", None, line))
        frames.append(watched.frame())
    running = [frame.split("plan  ")[0] for frame in frames]
    assert running[2:4] == ["A *small* shop\nin `one` page.\n", "A small shop in one page.\n\n"]
    watched.show(PlanReady(PLANNED))
    assert running[-4] == "```python\ndef f():\n\n"
    assert watched.frame() == "End\n\n"
    drawn = words(watched.terminal.getvalue())
    assert " • a\n • b\n\n" in drawn
    assert "def f():\n\n    return 1\n" in drawn


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<b onclick=x>bold</b> <script>", id="html"),
        pytest.param("<!-- hidden -->", id="comment"),
        pytest.param("[text](http://evil.example) ![alt](http://evil.example)", id="link"),
        pytest.param("<http://evil.example>", id="autolink"),
        pytest.param("[a]: http://evil.example", id="reference"),
        pytest.param("&#27;[2J &#x202e; &lt;", id="entity"),
    ],
)
def test_what_could_hide_or_lead_somewhere_in_a_plan_stays_as_it_was_written(text: str) -> None:
    watched = Watched()
    watched.show(PlanReady(f"{text}\n"))
    assert watched.close() == f"{text}\n\n"
    assert "\x1b]8" not in watched.terminal.getvalue()


@settings(deadline=None, max_examples=80)
@given(st.text(st.sampled_from("#*_`~|-+>[]()!<&;:= \n\t1.ab\\\x1b\u202e")))
def test_no_plan_can_stop_the_screen_or_move_the_cursor(text: str) -> None:
    watched = Watched(width=20)
    watched.show(StageStarted("plan"), *(Piece("plan", None, text[at : at + 7]) for at in range(0, len(text), 7)))
    watched.frame()
    watched.show(PlanReady(text))
    drawn = watched.close()
    assert "\x1b" not in drawn
    assert "\u202e" not in drawn


def test_a_wait_is_named_by_what_is_known_about_it() -> None:
    watched = Watched(width=70)
    started = RunStarted("out", "p", "m", "http://s/v1", "ollama", models={"plan": "m", "files": "big", "code": "m"})
    watched.show(started, StageStarted("plan"))
    watched.now = 4.0
    assert watched.frame().endswith("plan  waiting for the first token, model may be loading, 4 s")
    watched.show(Piece("plan", None, "x\n\n"), PlanReady("x"), StageStarted("files"))
    watched.now = 8.0
    assert watched.frame().endswith("file list  waiting for the first token, model may be loading, 4 s")
    watched.show(FilesReady(("a.py", "b.py")), FileStarted("a.py"), StageStarted("code", "a.py"))
    watched.now = 12.0
    assert watched.frame().endswith(
        "a.py (1 of 2)  waiting for the first token, evaluating the prompt, 4 s\n2 files left"
    )
    busy = Retry("code", "a.py", "server", "Ollama is busy", 1, 2.0)
    watched.show(busy, busy)
    assert watched.frame() == (
        "a.py: asking again (1), waiting 2 s: Ollama is busy\n"
        "a.py (1 of 2)  waiting for the first token, Ollama is busy, 4 s\n2 files left"
    )
    watched.show(Piece("code", "a.py", "four" * 100))
    watched.now = 14.0
    assert watched.frame() == ("a.py (1 of 2)  writing, ~100 tokens, 50 tokens/s, 2 s after 4 s of wa…\n2 files left")


def test_what_is_left_is_counted_and_estimated_by_what_is_done() -> None:
    watched = Watched()
    watched.show(FilesReady(("a", "b", "c", "d", "e", "f"), there=("a",)))
    lasts = []
    for number, path in enumerate("bcdef"):
        watched.show(FileStarted(path), StageStarted("code", path))
        watched.now = 20.0 * (number + 1)
        lasts.append(watched.frame().split("\n")[-1])
        watched.show(FileDone(path, 1, None, None, None, 20.0))
    assert lasts == [
        "5 files left",
        "4 files left",
        "3 files left, about 2 min",
        "2 files left, about 50 s",
        "f (6 of 6)  waiting for the first token, model may be loading, 20 s",
    ]

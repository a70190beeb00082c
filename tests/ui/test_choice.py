import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TextIO

import pytest

from smol_dev.events import StageStarted
from smol_dev.ui import Screen, screen
from smol_dev.ui.live import Live
from smol_dev.ui.plain import Ndjson, Plain, Quiet


@contextmanager
def terminal() -> Iterator[tuple[int, TextIO]]:
    """Our end of a terminal, and the program's."""
    ours, theirs = pty.openpty()
    with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor, not a path
        yield ours, stream
    os.close(ours)


def chosen(stderr: TextIO, *, json: bool = False, quiet: bool = False) -> Screen:
    return screen(json=json, quiet=quiet, verbose=False, stdout=StringIO(), stderr=stderr, redact=lambda text: text)


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        pytest.param("xterm-256color", {}, Live, id="a terminal"),
        pytest.param("dumb", {}, Plain, id="a dumb one"),
        pytest.param("xterm", {"quiet": True}, Quiet, id="quiet"),
        pytest.param("xterm", {"json": True}, Ndjson, id="json"),
        pytest.param("xterm", {"json": True, "quiet": True}, Ndjson, id="json is quiet anyway"),
    ],
)
def test_a_terminal_is_drawn_on_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, kind: str, options: dict[str, bool], expected: type
) -> None:
    monkeypatch.setenv("TERM", kind)
    with terminal() as (_, stream):
        assert type(chosen(stream, **options)) is expected


def test_what_is_no_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert type(chosen(StringIO())) is Plain


def test_a_real_terminal_is_drawn_on_by_the_clock_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with terminal() as (ours, stream):
        drawn = Reader(ours)
        shown = chosen(stream)
        shown.show(StageStarted("plan"))
        drawn.wait_for(b"plan")
        shown.close()
        drawn.wait_for(b"\x1b[?25h")
        assert drawn.text.index(b"\x1b[?25l") < drawn.text.index(b"plan")


class Reader:
    """Reads a terminal until the words that are waited for have come."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.text = b""

    def wait_for(self, words: bytes) -> None:
        while words not in self.text:
            self.text += os.read(self._descriptor, 65536)


def test_rich_is_loaded_only_where_something_is_drawn() -> None:
    script = (
        "import sys, io; from smol_dev.ui import screen;"
        "screen(json=False, quiet=False, verbose=False, stdout=sys.stdout, stderr=io.StringIO(),"
        " redact=str); print('rich' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_no_thread_is_left_when_a_screen_is_closed() -> None:
    shown = chosen(StringIO())
    shown.show(StageStarted("plan"))
    assert "smol_dev-screen" in {thread.name for thread in threading.enumerate()}
    shown.close()
    assert "smol_dev-screen" not in {thread.name for thread in threading.enumerate()}

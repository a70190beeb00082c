"""Events and errors turned into lines, for a terminal, a pipe or a program."""

import os
from typing import TextIO

from smol_dev.ui.ndjson import Ndjson
from smol_dev.ui.plain import Plain, Quiet
from smol_dev.ui.safe import safe
from smol_dev.ui.screen import Redact, Screen, render_error

__all__ = ["Redact", "Screen", "render_error", "safe", "screen"]


def screen(
    *,
    json: bool,
    quiet: bool,
    verbose: bool,
    stdout: TextIO,
    stderr: TextIO,
    redact: Redact,
) -> Screen:
    """The screen for these options and streams: data on stdout, talk on stderr.

    With `json` NDJSON and nothing else; a live display only where stderr is a terminal that can be
    drawn on; plain lines everywhere else.
    """
    if json:
        return Ndjson(stdout, redact=redact)
    if quiet:
        return Quiet(stderr, redact=redact)
    if not can_be_drawn_on(stderr, kind=os.environ.get("TERM", "")):
        return Plain(stderr, redact=redact, verbose=verbose)
    from smol_dev.ui.live import Live  # noqa: PLC0415 - rich loads only where something is drawn

    return Live(stderr, redact=redact, verbose=verbose)


def can_be_drawn_on(stream: TextIO, *, kind: str) -> bool:
    """Whether the stream is a terminal that moves its cursor; `kind` is the variable `TERM`."""
    return stream.isatty() and kind.lower() not in {"dumb", "unknown"}

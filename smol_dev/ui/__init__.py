"""Events shown as they happen, on a terminal, in a pipe or to a program; a run's screen is chosen here."""

import os
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from smol_dev.events import Event


class Screen(Protocol):
    """A place where events are shown. Its methods are called from one thread."""

    def show(self, event: "Event") -> None:
        """Draw, print or ignore the event.

        Raise `SmolError` if data cannot be written; talk that cannot be written is dropped.
        """

    def close(self) -> None:
        """Restore the terminal; may be called twice, and after a failure."""


def screen(
    *, json: bool, quiet: bool, verbose: bool, stdout: TextIO, stderr: TextIO, redact: "Callable[[str], str]"
) -> Screen:
    """Return the screen for these options and streams: data on stdout, talk on stderr.

    `json` means NDJSON and nothing else; a live display needs a terminal on stderr that can be drawn on; plain lines
    serve everywhere else.
    """
    from smol_dev.ui.plain import Ndjson, Plain, Quiet  # noqa: PLC0415 - `--version` shows no events

    if json:
        return Ndjson(stdout, redact=redact)
    if quiet:
        return Quiet(stderr, redact=redact)
    if not stderr.isatty() or os.environ.get("TERM", "").lower() in {"dumb", "unknown"}:
        return Plain(stderr, redact=redact, verbose=verbose)
    from smol_dev.ui.live import Live  # noqa: PLC0415 - only a terminal needs rich

    return Live(stderr, redact=redact, verbose=verbose)

"""Which screen is chosen for a run."""

import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from smol_dev.ui.screen import Redact, Screen


def screen(*, json: bool, quiet: bool, verbose: bool, stdout: TextIO, stderr: TextIO, redact: "Redact") -> "Screen":
    """The screen for these options and streams: data on stdout, talk on stderr.

    With `json` NDJSON and nothing else; a live display only where stderr is a terminal that can be
    drawn on; plain lines everywhere else.
    """
    # One screen is loaded: `--version` needs none, and rich is for terminals alone.
    if json:
        from smol_dev.ui.ndjson import Ndjson  # noqa: PLC0415 - as said above

        return Ndjson(stdout, redact=redact)
    if not quiet and can_be_drawn_on(stderr, kind=os.environ.get("TERM", "")):
        from smol_dev.ui.live import Live  # noqa: PLC0415 - as said above

        return Live(stderr, redact=redact, verbose=verbose)
    from smol_dev.ui.plain import Plain, Quiet  # noqa: PLC0415 - as said above

    return Quiet(stderr, redact=redact) if quiet else Plain(stderr, redact=redact, verbose=verbose)


def can_be_drawn_on(stream: TextIO, *, kind: str) -> bool:
    """Whether the stream is a terminal that moves its cursor; `kind` is the variable `TERM`."""
    return stream.isatty() and kind.lower() not in {"dumb", "unknown"}

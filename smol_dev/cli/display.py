"""The output of commands: lines, tables, and the events of a run on a screen."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import click

from smol_dev.errors import ConfigError, OutputError, SmolError
from smol_dev.safe import safe, safe_name

if TYPE_CHECKING:
    from smol_dev.app.caller import Caller
    from smol_dev.config.files import Surroundings
    from smol_dev.config.layers import Flags, Layers
    from smol_dev.config.load import Loaded
    from smol_dev.config.trust import PendingTrust
    from smol_dev.events import Event, Failed
    from smol_dev.ui import Screen

Subject = TypeVar("Subject")
Answer = TypeVar("Answer")

LOGGERS: Final = ("httpx2", "smol_dev")
"""The HTTP client's logger reports method, address and status of every request; ours reports bugs."""


def say(*lines: str) -> None:
    """Print the lines on standard error, with unsafe characters escaped."""
    for line in lines:
        click.echo(safe(line), err=True)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row, with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def here() -> "Surroundings":
    """Return the surroundings of this process."""
    from smol_dev.config.files import Surroundings

    return Surroundings.here()


def layers_of(flags: "Flags") -> "Layers":
    """Return all layers of settings."""
    from smol_dev.config.layers import read_layers

    return read_layers(flags, here())


def settings_of(flags: "Flags") -> "Loaded":
    """Return the settings, read without asking the user, and print their warnings."""
    from smol_dev.config.load import load

    loaded = load(flags, here(), connect=False, model_needed=False)
    say(*loaded.warnings)
    return loaded


class Ended(Protocol):
    """The result of a command."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""


class Display:
    """The output of one run: its options and secrets, and the screen that they call for."""

    def __init__(self, *, json: bool = False, quiet: bool = False, verbose: bool = False, debug: bool = False) -> None:
        self.json = json
        self.quiet = quiet
        self.verbose = verbose
        self.debug = debug
        self.secrets: set[str] = set()

    def run(
        self, work: Callable[["Caller"], Ended], *, review: bool = False, decide: bool = False, diff: bool = False
    ) -> int:
        """Do the work, showing its events on a screen; return its exit code.

        With `review` ask the user about the plan; raise `UsageError` if that is impossible. With `decide`
        ask about a change if possible; with `diff` as well, print the change instead.
        """
        from smol_dev.cli.asking import need_terminal

        if review:
            need_terminal(talks=not (self.json or self.quiet))
        screen = PausableScreen(self.screen)
        caller = self._caller(screen, review=review, decide=decide, diff=diff)
        try:
            with request_log(enabled=self.debug, redact=self.redact):
                return work(caller).exit_code
        except SmolError as error:
            screen.close()
            if self.debug:
                trace(error, self.redact)
            if not self.json:
                raise
            screen.show(failed(error))
            return error.exit_code
        finally:
            screen.close()

    def _caller(self, screen: "PausableScreen", *, review: bool, decide: bool, diff: bool) -> "Caller":
        """Return the caller that connects a run to the terminal."""
        from smol_dev.app.caller import Caller
        from smol_dev.app.interrupts import PROCESS
        from smol_dev.cli import asking

        decider = asking.print_change if diff else asking.decide
        decides = decide and (not self.json if diff else self.can_ask())
        return Caller(
            here(),
            screen.show,
            self.approve,
            self.secrets.add,
            review=screen.paused_for(asking.review) if review else None,
            may_replace=self.may_replace,
            may_run=self.may_run,
            may_rewrite=screen.paused_for(self.may_rewrite) if self.can_ask() else None,
            decide=screen.paused_for(lambda proposed: decider(proposed, self.redact)) if decides else None,
            interrupts=PROCESS,
        )

    def screen(self) -> "Screen":
        """Return a screen for these options on the process's streams."""
        from smol_dev.ui import screen

        verbose = self.verbose or self.debug
        return screen(
            json=self.json, quiet=self.quiet, verbose=verbose, stdout=sys.stdout, stderr=sys.stderr, redact=self.redact
        )

    def redact(self, text: str) -> str:
        """Return the text without any secret known so far."""
        from smol_dev.redact import redact

        return redact(text, self.secrets)

    def print(self, text: str) -> None:
        """Print data without any secret known so far."""
        click.echo(self.redact(text))

    def can_ask(self) -> bool:
        """Return whether the user can be asked."""
        return not self.json and sys.stdin.isatty() and sys.stderr.isatty()

    def approve(self, pending: "PendingTrust") -> bool:
        """Ask whether to approve a project's file; without a terminal the answer is no."""
        from smol_dev.cli.asking import show_pending

        if not self.can_ask():
            return False
        show_pending(pending, here())
        return click.confirm("Approve this project's file?", default=False, err=True)

    def may_replace(self, what: str) -> bool:
        """Ask whether to replace a program; without a terminal the answer is no."""
        if not self.can_ask():
            return False
        say(what)
        return click.confirm("Replace it? Copies are kept.", default=False, err=True)

    def may_run(self, what: str) -> bool:
        """Ask whether to run the check without isolation; without a terminal the answer is no."""
        return self.can_ask() and click.confirm(what, default=False, err=True)

    def may_rewrite(self, path: str) -> bool:
        """Ask whether the model may rewrite a file that the user has changed."""
        what = f"You changed `{safe_name(path)}`, and the model would rewrite it. Allow that? A copy is kept."
        return click.confirm(what, default=False, err=True)


class PausableScreen:
    """A screen that is closed during a question to the user and reopened afterwards."""

    def __init__(self, make: Callable[[], "Screen"]) -> None:
        self._make = make
        self._screen = make()

    def show(self, event: "Event") -> None:
        """Show the event on the current screen."""
        self._screen.show(event)

    def close(self) -> None:
        """Close the screen and restore the terminal."""
        self._screen.close()

    def paused_for(self, ask: Callable[[Subject], Answer]) -> Callable[[Subject], Answer]:
        """Return the question wrapped so that the screen is closed while it is asked."""

        def asked(subject: Subject) -> Answer:
            self._screen.close()
            try:
                return ask(subject)
            finally:
                self._screen = self._make()

        return asked


def failed(error: SmolError) -> "Failed":
    """Return the failure as an event, with each configuration problem on its own line."""
    from smol_dev.events import Failed

    message = "\n".join(error.problems) if isinstance(error, ConfigError) else error.message
    return Failed(message, error.hint, error.exit_code)


def show_as_event(error: SmolError) -> int:
    """Print a failure outside a run as an `error` event; return its exit code."""
    from smol_dev.ui.ndjson import Ndjson
    from smol_dev.ui.sentences import render_error

    try:
        Ndjson(sys.stdout, redact=str).show(failed(error))
    except OutputError as unwritten:
        click.echo(render_error(unwritten), err=True)
        return unwritten.exit_code
    return error.exit_code


def trace(error: BaseException, redact: Callable[[str], str]) -> None:
    """Print the error's traceback, without secrets."""
    import traceback

    text = "".join(traceback.format_exception(error))
    click.echo(safe(redact(text), keep_newlines=True), err=True)


@contextmanager
def request_log(*, enabled: bool, redact: Callable[[str], str]) -> Iterator[None]:
    """If enabled, log each request on standard error inside the context, without secrets."""
    if not enabled:
        yield
        return
    import logging

    class Line(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return safe(redact(super().format(record)), keep_newlines=True)

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line("debug: %(asctime)s %(message)s"))
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    yield
    for logger in loggers:
        logger.removeHandler(handler)

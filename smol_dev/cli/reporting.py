"""How a run is shown: the options for it, and the screen they choose."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import click

from smol_dev.errors import ConfigError, OutputError, SmolError

if TYPE_CHECKING:
    from smol_dev.app.caller import Caller
    from smol_dev.config.trust import PendingTrust
    from smol_dev.events import Event
    from smol_dev.ui.screen import Screen

Command = TypeVar("Command", bound=Callable[..., Any])
Subject = TypeVar("Subject")
Answer = TypeVar("Answer")


class Ended(Protocol):
    """How a piece of work ended."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""


class Report:
    """The screen of one run, made when the run begins."""

    def __init__(self, *, json: bool, quiet: bool, verbose: bool, debug: bool) -> None:
        self.json = json
        self.quiet = quiet
        self.verbose = verbose
        self.debug = debug
        self.secrets: set[str] = set()

    def run(self, work: Callable[["Caller"], Ended], *, review: bool = False) -> int:
        """The exit code of the work, which is handed the caller it shows itself on.

        With `review` the caller asks the user about the plan; raises `UsageError` where that is not possible.
        """
        from smol_dev.app.caller import Caller
        from smol_dev.app.interrupts import PROCESS
        from smol_dev.cli.review import ask, need_terminal
        from smol_dev.config.layers import Surroundings
        from smol_dev.events import Failed

        if review:
            need_terminal(talks=not (self.json or self.quiet))
        shown = Curtain(self.screen)
        caller = Caller(
            Surroundings.here(),
            shown.show,
            self.approve,
            self.secrets.add,
            review=shown.aside(ask) if review else None,
            may_replace=self.may_replace,
            interrupts=PROCESS,
        )
        try:
            with request_log(enabled=self.debug, redact=self.redact):
                return work(caller).exit_code
        except SmolError as error:
            shown.close()
            if self.debug:
                trace(error, self.redact)
            if not self.json:
                raise
            shown.show(Failed(every_problem(error), error.hint, error.exit_code))
            return error.exit_code
        finally:
            shown.close()

    def screen(self) -> "Screen":
        """A screen for these options, on this process's streams."""
        from smol_dev.ui.choice import screen

        return screen(
            json=self.json,
            quiet=self.quiet,
            verbose=self.verbose or self.debug,
            stdout=sys.stdout,
            stderr=sys.stderr,
            redact=self.redact,
        )

    def redact(self, text: str) -> str:
        """The text without any secret known so far."""
        from smol_dev.redact import redact

        return redact(text, self.secrets)

    def approve(self, pending: "PendingTrust") -> bool:
        """Ask on a terminal whether a project's file may steer; without one the answer is no."""
        from smol_dev.cli.trust import show_pending
        from smol_dev.config.layers import Surroundings

        if self.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        show_pending(pending, Surroundings.here())
        return click.confirm("Let this project's file steer?", default=False, err=True)

    def may_replace(self, what: str) -> bool:
        """Ask on a terminal whether a program may be replaced; without one the answer is no."""
        from smol_dev.safe import safe

        if self.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        click.echo(safe(what), err=True)
        return click.confirm("Replace it? Copies are kept.", default=False, err=True)


class Curtain:
    """A screen that is closed while the user is asked something, and made anew after it."""

    def __init__(self, make: Callable[[], "Screen"]) -> None:
        self._make = make
        self._screen = make()

    def show(self, event: "Event") -> None:
        """Show the event on the screen of the moment."""
        self._screen.show(event)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._screen.close()

    def aside(self, ask: Callable[[Subject], Answer]) -> Callable[[Subject], Answer]:
        """The question, asked on a terminal that nothing else draws on."""

        def asked(subject: Subject) -> Answer:
            self._screen.close()
            try:
                return ask(subject)
            finally:
                self._screen = self._make()

        return asked


def show_as_event(error: SmolError) -> int:
    """Print a failure that no screen has shown as an `error` event; return its exit code."""
    from smol_dev.events import Failed
    from smol_dev.ui.ndjson import Ndjson
    from smol_dev.ui.screen import render_error

    screen = Ndjson(sys.stdout, redact=str)
    try:
        screen.show(Failed(every_problem(error), error.hint, error.exit_code))
    except OutputError as unwritten:
        click.echo(render_error(unwritten), err=True)
        return unwritten.exit_code
    return error.exit_code


def every_problem(error: SmolError) -> str:
    """The message, with every problem of a configuration on a line of its own."""
    return "\n".join(error.problems) if isinstance(error, ConfigError) else error.message


def trace(error: BaseException, redact: Callable[[str], str]) -> None:
    """Print where the error came from, without secrets."""
    import traceback

    from smol_dev.safe import safe

    text = "".join(traceback.format_exception(error))
    click.echo(safe(redact(text), keep_newlines=True), err=True)


@contextmanager
def request_log(*, enabled: bool, redact: Callable[[str], str]) -> Iterator[None]:
    """Within it, and if enabled, each request is a line on standard error, without secrets."""
    if not enabled:
        yield
        return
    import logging

    from smol_dev.safe import safe

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


LOGGERS: Final = ("httpx2", "smol_dev")
"""The client library's transport names method, address and status of every request; ours tells of bugs."""

REPORTING: Final = (
    click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout."),
    click.option("--quiet", "-q", is_flag=True, help="Warnings and errors only."),
    click.option("--verbose", "-v", is_flag=True, help="More about what happens."),
    click.option("--debug", is_flag=True, help="Tracebacks and a log of requests, without secrets."),
)


def reporting_options(command: Command) -> Command:
    """Give the command `--json`, `--quiet`, `--verbose` and `--debug`; it gets them as `report`."""

    @functools.wraps(command)
    def with_report(**options: Any) -> Any:  # noqa: ANN401 - whatever options the command has
        names = ("as_json", "quiet", "verbose", "debug")
        json, quiet, verbose, debug = (options.pop(name) for name in names)
        report = Report(json=json, quiet=quiet, verbose=verbose, debug=debug)
        return command(report=report, **options)

    decorated: Any = with_report
    for option in reversed(REPORTING):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # click's decorators keep no type

"""The terminal: what commands print, the events of a run on a screen, and the questions that it asks the user."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import click

from smol_dev.app.interrupts import PROCESS
from smol_dev.errors import SmolError, UsageError
from smol_dev.safe import safe, safe_name

if TYPE_CHECKING:
    from smol_dev.app.caller import Caller
    from smol_dev.config.files import Surroundings
    from smol_dev.config.layers import Flags, Layers
    from smol_dev.config.load import Loaded
    from smol_dev.config.trust import PendingTrust
    from smol_dev.events import FileChanged
    from smol_dev.run.review import Decision, Draft, Proposed, Verdict

Subject = TypeVar("Subject")
Answer = TypeVar("Answer")
Redact = Callable[[str], str]

LOGGERS: Final = ("httpx2", "smol_dev")
"""The HTTP client's logger reports method, address and status of every request; ours reports bugs."""

MENU: Final = """\
  a  accept: write these files
  p  edit the plan
  l  edit the list
  r  regenerate, with feedback
  s  stop here; `smol_dev resume` goes on"""
WORDS: Final = {"accept": "a", "plan": "p", "list": "l", "again": "r", "remark": "r", "stop": "s"}
CHANGE_MENU: Final = """\
  a  accept all of it
  e  decide for each file
  r  propose something else, with feedback
  n  make none of it"""
CHANGE_WORDS: Final = {"accept": "a", "all": "a", "each": "e", "again": "r", "feedback": "r", "none": "n"}
HINT: Final = (
    "look at the plan before you go on: `smol_dev --plan-only PROMPT`, then `.smol/plan.md` in the"
    " output folder, then `smol_dev resume`"
)


def say(*lines: str) -> None:
    """Print the lines on standard error, with unsafe characters escaped."""
    for line in lines:
        click.echo(safe(line), err=True)


def confirm(question: str, *, default: bool = False) -> bool:
    """Ask the user a yes-no question."""
    return click.confirm(question, default=default, err=True)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row, with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def here() -> "Surroundings":
    """Return the surroundings of this process."""
    from smol_dev.config.files import Surroundings

    return Surroundings.here()


def flags_of(
    *,
    profile: str | None = None,
    config_file: Path | None = None,
    no_project_config: bool = False,
    sets: Sequence[str] | None = (),
    **_others: object,
) -> "Flags":
    """Return the options that choose settings as flags, ignoring all others."""
    from smol_dev.config.layers import Flags

    return Flags(profile=profile, config=config_file, project=not no_project_config, sets=tuple(sets or ()))


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

    def __init__(
        self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False, debug: bool = False
    ) -> None:
        self.json = as_json
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
        can_ask = not self.json and sys.stdin.isatty() and sys.stderr.isatty()
        if review and (self.json or self.quiet):
            raise UsageError("`--review` asks questions, which `--json` and `--quiet` rule out", hint=HINT)
        if review and not can_ask:
            raise UsageError("`--review` asks questions, and there is no terminal to ask on", hint=HINT)
        self._open_screen()
        try:
            with _request_log(self.redact) if self.debug else nullcontext():
                return work(self._caller(can_ask=can_ask, review=review, decide=decide, diff=diff)).exit_code
        except SmolError as error:
            self._screen.close()
            if self.debug:
                import traceback

                text = "".join(traceback.format_exception(error))
                click.echo(safe(self.redact(text), keep_newlines=True), err=True)
            raise
        finally:
            self._screen.close()

    def redact(self, text: str) -> str:
        """Return the text without any secret known so far."""
        from smol_dev.redact import redact

        return redact(text, self.secrets)

    def print(self, text: str) -> None:
        """Print data without any secret known so far."""
        click.echo(self.redact(text))

    def _open_screen(self) -> None:
        from smol_dev.ui import screen

        self._screen = screen(
            json=self.json,
            quiet=self.quiet,
            verbose=self.verbose or self.debug,
            stdout=sys.stdout,
            stderr=sys.stderr,
            redact=self.redact,
        )

    def _paused(self, ask: Callable[[Subject], Answer]) -> Callable[[Subject], Answer]:
        """Return the question wrapped so that the screen is closed while it is asked."""

        def asked(subject: Subject) -> Answer:
            self._screen.close()
            try:
                return ask(subject)
            finally:
                self._open_screen()

        return asked

    def _caller(self, *, can_ask: bool, review: bool, decide: bool, diff: bool) -> "Caller":
        from smol_dev.app.caller import Caller

        decider = print_change if diff else decide_change
        decides = decide and (not self.json if diff else can_ask)
        return Caller(
            here(),
            lambda event: self._screen.show(event),  # noqa: PLW0108 - a question replaces the screen
            self._paused(approve) if can_ask else None,
            self.secrets.add,
            review=self._paused(review_draft) if review else None,
            may_replace=self._paused(may_replace) if can_ask else None,
            may_run=self._paused(confirm) if can_ask else None,
            may_rewrite=self._paused(may_rewrite) if can_ask else None,
            decide=self._paused(lambda proposed: decider(proposed, self.redact)) if decides else None,
            interrupts=PROCESS,
        )


@contextmanager
def _request_log(redact: Redact) -> Iterator[None]:
    """Log each request on standard error inside the context, without secrets."""
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


def approve(pending: "PendingTrust") -> bool:
    """Ask whether to approve a project's file."""
    show_pending(pending, here())
    return confirm("Approve this project's file?")


def may_replace(what: str) -> bool:
    """Ask whether to replace a program."""
    say(what)
    return confirm("Replace it? Copies are kept.")


def may_rewrite(path: str) -> bool:
    """Ask whether the model may rewrite a file that the user has changed."""
    return confirm(f"You changed `{safe_name(path)}`, and the model would rewrite it. Allow that? A copy is kept.")


def show_pending(pending: "PendingTrust", surroundings: "Surroundings") -> None:
    """Show the settings of a project's file that need approval, using a pager if they do not fit the terminal."""
    import shutil

    from smol_dev.config.trust import approved_before, changes

    lines = [f"`{pending.path}` has settings that need your approval:", f"  SHA-256 {pending.hash}"]
    for each in pending.keys:
        lines.append(f"  {each.key}: {each.old or '(unset)'} → {each.new}")
        lines += [f"    | {line}" for line in each.text.split("\n") if each.text]
    before = None if pending.approved else approved_before(pending.document, surroundings)
    if before is not None:
        found = list(changes(before, pending.document)) or ["only comments, order or spacing"]
        lines += ["changed since it was approved:", *(f"  {line}" for line in found)]
    if len(lines) >= shutil.get_terminal_size().lines and sys.stdin.isatty() and sys.stdout.isatty():
        click.echo_via_pager("\n".join(map(safe, lines)))
        lines = lines[:2]
    say(*lines)


def review_draft(draft: "Draft") -> "Decision":
    """Ask for a decision about the plan and list, which are already on the screen; end of input means stop."""
    from smol_dev.run.review import Accepted, AskedAgain, ListEdited, PlanEdited, Stopped, list_of, plan_of
    from smol_dev.workspace.record import list_text

    with suppress(click.Abort):
        while (choice := _choose(MENU, WORDS)) != "s":
            if choice == "a":
                return Accepted()
            if choice == "r":
                return AskedAgain(click.prompt("What should be different", err=True).strip())
            if choice == "p":
                plan = _edited(draft.plan, ".md", plan_of)
                if plan is not None and plan != draft.plan.strip():
                    return PlanEdited(
                        plan, keeps_list=not confirm("List the files anew, from your plan?", default=True)
                    )
            if choice == "l":
                files = _edited(list_text(draft.files), ".txt", lambda text: list_of(text, draft))
                if files is not None and files != draft.files:
                    return ListEdited(files)
    return Stopped()


def decide_change(proposed: "Proposed", redact: Redact) -> "Verdict":
    """Show a change and ask for a decision about it; end of input means none of it."""
    from smol_dev.run.review import AskedAgain, Stopped, Taken

    _show_change(proposed.files, redact)
    removals = [file for file in proposed.files if file.action == "remove"]
    with suppress(click.Abort):
        choice = _choose(CHANGE_MENU, CHANGE_WORDS)
        if choice == "r":
            return AskedAgain(click.prompt("What should be different", err=True))
        if choice != "n":
            asked = proposed.files if choice == "e" else removals
            named = {file.path: f"{file.action.capitalize()} `{safe_name(file.path)}`?" for file in asked}
            refused = {path for path, question in named.items() if not confirm(question)}
            return Taken(frozenset(file.path for file in proposed.files) - refused)
    return Stopped()


def print_change(proposed: "Proposed", redact: Redact) -> "Verdict":
    """Print the change on standard output, as a patch unless that is a terminal; make none of it."""
    from smol_dev.run.review import Stopped

    if sys.stdout.isatty():
        _show_change(proposed.files, redact, stderr=False)
    else:
        click.echo("".join(redact(file.diff) for file in proposed.files), nl=False)
    return Stopped()


def _show_change(files: "Sequence[FileChanged]", redact: Redact, *, stderr: bool = True) -> None:
    """Print the differences of a change, in colour if the terminal supports it."""
    from rich.console import Console
    from rich.syntax import Syntax

    from smol_dev.ui.sentences import sentence

    console = Console(stderr=stderr)
    for file in files:
        head, _, diff = redact(sentence(file)).partition("\n")
        console.print(head, markup=False, highlight=False, style="bold")
        console.print(Syntax(diff.rstrip("\n"), "diff", theme="ansi_dark", background_color="default", word_wrap=True))


def _choose(menu: str, words: Mapping[str, str]) -> str:
    """Show the menu; return the letter of the user's choice, typed as the letter or one of its words."""

    def letter_of(typed: str) -> str:
        word = typed.strip().lower()
        if (letter := words.get(word, word)) not in words.values():
            raise click.BadParameter("type one of the letters")
        return letter

    click.echo(menu, err=True)
    choice: str = click.prompt("Your choice", value_proc=letter_of, err=True)
    return choice


def _edited(text: str, suffix: str, read: Callable[[str], Answer]) -> Answer | None:
    """Let the user edit the text; return it as parsed by `read`, None if unchanged or given up.

    A text that cannot be parsed can be edited again. If the edit does not succeed, a text that the user has
    saved is kept and its path printed.
    """
    import shutil
    import tempfile

    before = f"{text.rstrip()}\n".encode("utf-8", "replace")
    file = Path(tempfile.mkdtemp(prefix="smol_dev-")) / f"edited{suffix}"
    file.write_bytes(before)
    used = False
    try:
        while True:
            try:
                value = _left_by_editor(file, before, read)
                used = True
            except UsageError as error:
                if not _again(error):
                    return None
            else:
                return value
    finally:
        if used or not file.exists() or file.read_bytes().strip() in {b"", before.strip()}:
            shutil.rmtree(file.parent, ignore_errors=True)
        else:
            say(f"what you wrote is kept in {file}")


def _left_by_editor(file: Path, before: bytes, read: Callable[[str], Answer]) -> Answer | None:
    """Return the text that the editor leaves, as parsed by `read`; None if unchanged.

    Raise `UsageError` if the editor fails or the text cannot be parsed.
    """
    hint = "set `EDITOR` to another one, or choose something else"
    open_editor(file, hint=hint)
    try:
        left = file.read_bytes()
        text = left.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise UsageError(f"the editor left no file: {error.strerror}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise UsageError("the file is not UTF-8", hint="save it as UTF-8 text") from error
    return None if left == before else read(text)


def open_editor(file: Path, *, hint: str = "name another: `EDITOR=nano smol_dev config edit`") -> None:
    """Open the file in the user's editor, which gets Ctrl-C meanwhile. Raise `UsageError` if it fails."""
    try:
        with PROCESS.left_to_a_child():
            click.edit(filename=str(file))
    except click.ClickException as error:
        raise UsageError(f"the editor failed: {error.format_message()}", hint=hint) from error


def edit_again(error: SmolError) -> bool:
    """Show the error and ask whether to edit again; False if the user cannot be asked or does not answer."""
    with suppress(click.Abort):  # Ctrl-D or Ctrl-C; the caller keeps the text and names its file
        return sys.stdin.isatty() and _again(error)
    click.echo(err=True)
    return False


def _again(error: SmolError) -> bool:
    from smol_dev.ui.sentences import render_error

    click.echo(render_error(error), err=True)
    return confirm("Edit again?", default=True)

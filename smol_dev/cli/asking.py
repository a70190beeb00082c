"""Questions on a terminal: the choices of `--review`, trust in a project's file, and the user's editor."""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from smol_dev.app.interrupts import PROCESS
from smol_dev.errors import SmolError, UsageError
from smol_dev.safe import safe, safe_name

if TYPE_CHECKING:
    from smol_dev.config.files import Surroundings
    from smol_dev.config.trust import PendingTrust
    from smol_dev.events import FileChanged
    from smol_dev.run.review import Decision, Draft, Proposed, Verdict

Value = TypeVar("Value")

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


def need_terminal(*, talks: bool) -> None:
    """Raise `UsageError` if the user cannot be asked; `talks` says whether the screen is for people."""
    if not talks:
        raise UsageError("`--review` asks questions, which `--json` and `--quiet` rule out", hint=HINT)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("`--review` asks questions, and there is no terminal to ask on", hint=HINT)


def choose(menu: str, words: Mapping[str, str]) -> str:
    """Show the menu; return the letter of the user's choice, typed as the letter or one of its words."""

    def letter_of(typed: str) -> str:
        word = typed.strip().lower()
        if (letter := words.get(word, word)) not in words.values():
            raise click.BadParameter("type one of the letters")
        return letter

    click.echo(menu, err=True)
    choice: str = click.prompt("Your choice", value_proc=letter_of, err=True)
    return choice


def review(draft: "Draft") -> "Decision":
    """Ask for a decision about the plan and list, which are already on the screen; end of input means stop."""
    from smol_dev.run.review import Stopped

    with suppress(click.Abort):
        while True:
            if (decision := decided(choose(MENU, WORDS), draft)) is not None:
                return decision
    return Stopped()


def decide(proposed: "Proposed", redact: Callable[[str], str]) -> "Verdict":
    """Show a change and ask for a decision about it; end of input means none of it."""
    from smol_dev.run.review import AskedAgain, Stopped, Taken

    show_change(proposed.files, redact)
    removals = [file for file in proposed.files if file.action == "remove"]
    with suppress(click.Abort):
        choice = choose(CHANGE_MENU, CHANGE_WORDS)
        if choice == "r":
            return AskedAgain(click.prompt("What should be different", err=True))
        if choice != "n":
            asked = proposed.files if choice == "e" else removals
            refused = {file.path for file in asked if not wanted(file)}
            return Taken(frozenset(file.path for file in proposed.files) - refused)
    return Stopped()


def wanted(file: "FileChanged") -> bool:
    """Ask whether to make the change to one file."""
    return click.confirm(f"{file.action.capitalize()} `{safe_name(file.path)}`?", default=False, err=True)


def print_change(proposed: "Proposed", redact: Callable[[str], str]) -> "Verdict":
    """Print the change on standard output, as a patch unless that is a terminal; make none of it."""
    from smol_dev.run.review import Stopped

    if sys.stdout.isatty():
        show_change(proposed.files, redact, stderr=False)
    else:
        click.echo("".join(redact(file.diff) for file in proposed.files), nl=False)
    return Stopped()


def show_change(files: "Sequence[FileChanged]", redact: Callable[[str], str], *, stderr: bool = True) -> None:
    """Print the differences of a change, in colour if the terminal supports it."""
    from rich.console import Console
    from rich.syntax import Syntax

    from smol_dev.ui.sentences import sentence

    console = Console(stderr=stderr)
    for file in files:
        head, _, diff = redact(sentence(file)).partition("\n")
        console.print(head, markup=False, highlight=False, style="bold")
        console.print(Syntax(diff.rstrip("\n"), "diff", theme="ansi_dark", background_color="default", word_wrap=True))


def decided(choice: str, draft: "Draft") -> "Decision | None":
    """Carry out the choice; return the decision, None if nothing was changed."""
    from smol_dev.run.review import Accepted, AskedAgain, ListEdited, PlanEdited, Stopped, list_of, plan_of
    from smol_dev.workspace.record import list_text

    if choice == "p":
        plan = edited(draft.plan, ".md", plan_of)
        if plan is None or plan == draft.plan.strip():
            return None
        anew = click.confirm("List the files anew, from your plan?", default=True, err=True)
        return PlanEdited(plan, keeps_list=not anew)
    if choice == "l":
        files = edited(list_text(draft.files), ".txt", lambda text: list_of(text, draft))
        return None if files is None or files == draft.files else ListEdited(files)
    if choice == "r":
        return AskedAgain(click.prompt("What should be different", err=True).strip())
    return Accepted() if choice == "a" else Stopped()


def show_pending(pending: "PendingTrust", surroundings: "Surroundings") -> None:
    """Show the settings of a project's file that need approval, using a pager if they do not fit the terminal."""
    lines = [safe(line) for line in (*overview(pending), *since_approval(pending, surroundings))]
    height = shutil.get_terminal_size().lines
    if len(lines) >= height and sys.stdin.isatty() and sys.stdout.isatty():
        click.echo_via_pager("\n".join(lines))
        lines = lines[:2]
    click.echo("\n".join(lines), err=True)


def overview(pending: "PendingTrust") -> Iterator[str]:
    """Yield the file and its hash, then each key with its old and new value, followed by its whole text."""
    yield f"`{pending.path}` has settings that need your approval:"
    yield f"  SHA-256 {pending.hash}"
    for each in pending.keys:
        yield f"  {each.key}: {each.old or '(unset)'} → {each.new}"
        yield from (f"    | {line}" for line in each.text.split("\n") if each.text)


def since_approval(pending: "PendingTrust", surroundings: "Surroundings") -> Iterator[str]:
    """Yield the changes since the last approval, if the file was approved before but is not now."""
    from smol_dev.config.trust import approved_before, changes

    before = None if pending.approved else approved_before(pending.document, surroundings)
    if before is not None:
        yield "changed since it was approved:"
        found = list(changes(before, pending.document))
        yield from (f"  {line}" for line in found or ["only comments, order or spacing"])


def edited(text: str, suffix: str, read: Callable[[str], Value]) -> Value | None:
    """Let the user edit the text; return it as parsed by `read`, None if unchanged or given up.

    A text that cannot be parsed can be edited again. If the edit does not succeed, a text that the user has
    saved is kept and its path printed.
    """
    import tempfile

    before = f"{text.rstrip()}\n".encode("utf-8", "replace")
    file = Path(tempfile.mkdtemp(prefix="smol_dev-")) / f"edited{suffix}"
    file.write_bytes(before)
    used = False
    try:
        while True:
            try:
                value = left_by_editor(file, before, read)
                used = True
            except UsageError as error:
                if not again(error):
                    return None
            else:
                return value
    finally:
        if used or not file.exists() or file.read_bytes().strip() in {b"", before.strip()}:
            shutil.rmtree(file.parent, ignore_errors=True)
        else:
            click.echo(safe(f"what you wrote is kept in {file}"), err=True)


def left_by_editor(file: Path, before: bytes, read: Callable[[str], Value]) -> Value | None:
    """Open the file in the editor; return its new text as parsed by `read`, None if unchanged.

    Raise `UsageError` if the editor fails or the text cannot be parsed.
    """
    hint = "set `EDITOR` to another one, or choose something else"
    in_editor(file, hint=hint)
    try:
        left = file.read_bytes()
        text = left.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise UsageError(f"the editor left no file: {error.strerror}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise UsageError("the file is not UTF-8", hint="save it as UTF-8 text") from error
    return None if left == before else read(text)


def edit_file(file: Path) -> None:
    """Open the file in the user's editor and wait for it to exit."""
    in_editor(file, hint="name another: `EDITOR=nano smol_dev config edit`")


def edit_again(error: SmolError) -> bool:
    """Show the error and ask whether to edit again; False if the user cannot be asked or does not answer."""
    if not sys.stdin.isatty():
        return False
    try:
        return again(error)
    except click.Abort:  # Ctrl-D or Ctrl-C; the caller keeps the text and names its file
        click.echo(err=True)
        return False


def again(error: SmolError) -> bool:
    """Show the error and ask whether to edit again."""
    from smol_dev.ui.sentences import render_error

    click.echo(render_error(error), err=True)
    return click.confirm("Edit again?", default=True, err=True)


def in_editor(file: Path, *, hint: str) -> None:
    """Open the file in the user's editor, which gets Ctrl-C meanwhile. Raise `UsageError` if it fails."""
    try:
        with PROCESS.left_to_a_child():
            click.edit(filename=str(file))
    except click.ClickException as error:
        raise UsageError(f"the editor failed: {error.format_message()}", hint=hint) from error

"""The question of `--review`, on a terminal: accept, edit, ask again, or stop."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import click

from smol_dev.app.interrupts import PROCESS
from smol_dev.errors import UsageError

if TYPE_CHECKING:
    from smol_dev.run.review import Decision, Draft

Value = TypeVar("Value")

MENU: Final = """\
  a  accept: write these files
  p  edit the plan
  l  edit the list
  r  ask again, with a remark
  s  stop here; `smol_dev resume` goes on"""


def need_terminal(*, talks: bool) -> None:
    """Raise `UsageError` where nobody can be asked; `talks` is whether the screen is for people."""
    if not talks:
        raise UsageError("`--review` asks, and `--json` and `--quiet` leave no way to", hint=HINT)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("`--review` asks, and there is no terminal to ask on", hint=HINT)


HINT: Final = (
    "look at the plan before you go on: `smol_dev --plan-only PROMPT`, then `.smol/plan.md` in the"
    " output folder, then `smol_dev resume`"
)


def ask(draft: "Draft") -> "Decision":
    """What the user decides about plan and list, which the screen has shown. No more input is a stop."""
    from smol_dev.run.review import Stopped

    try:
        decision = None
        while decision is None:
            click.echo(MENU, err=True)
            choice = click.prompt("Your choice", value_proc=known_choice, err=True)
            decision = CHOICES[choice](draft)
    except click.Abort:
        return Stopped()
    return decision


def known_choice(typed: str) -> str:
    """The choice that was typed, as its letter or its first word."""
    word = typed.strip().lower()
    letter = WORDS.get(word, word)
    if letter not in CHOICES:
        raise click.BadParameter("type one of the letters")
    return letter


def accept(_draft: "Draft") -> "Decision":
    """Write the files."""
    from smol_dev.run.review import Accepted

    return Accepted()


def edit_plan(draft: "Draft") -> "Decision | None":
    """The plan as the user leaves it; None when nothing was changed."""
    from smol_dev.run.review import PlanEdited, plan_of

    plan = edited(draft.plan, ".md", plan_of)
    if plan is None or plan == draft.plan.strip():
        return None
    anew = click.confirm("List the files anew, from your plan?", default=True, err=True)
    return PlanEdited(plan, keeps_list=not anew)


def edit_list(draft: "Draft") -> "Decision | None":
    """The list as the user leaves it; None when nothing was changed."""
    from smol_dev.run.review import ListEdited, list_of
    from smol_dev.workspace.record import list_text

    files = edited(list_text(draft.files), ".txt", lambda text: list_of(text, draft))
    return None if files is None or files == draft.files else ListEdited(files)


def ask_again(_draft: "Draft") -> "Decision":
    """A fresh plan, with what the user has to say to the first one."""
    from smol_dev.run.review import AskedAgain

    return AskedAgain(click.prompt("What should be different", err=True).strip())


def stop(_draft: "Draft") -> "Decision":
    """Leave it at that."""
    from smol_dev.run.review import Stopped

    return Stopped()


CHOICES: Final[dict[str, Callable[["Draft"], "Decision | None"]]] = {
    "a": accept,
    "p": edit_plan,
    "l": edit_list,
    "r": ask_again,
    "s": stop,
}
WORDS: Final = {"accept": "a", "plan": "p", "list": "l", "again": "r", "remark": "r", "stop": "s"}


def edited(text: str, suffix: str, read: Callable[[str], Value]) -> Value | None:
    """What `read` makes of the text after the user's editor; None when that is given up.

    What cannot be read can be edited again, as it was left.
    """
    from smol_dev.ui.screen import render_error

    left: bytes | None = f"{text.rstrip()}\n".encode("utf-8", "replace")
    while left is not None:
        try:
            left = in_editor(left, suffix)
            return None if left is None else read(decoded(left))
        except UsageError as error:
            click.echo(render_error(error), err=True)
            if not click.confirm("Edit again?", default=True, err=True):
                return None
    return None


def in_editor(raw: bytes, suffix: str) -> bytes | None:
    """The bytes as the user's editor saves them; None when it does not."""
    try:
        with PROCESS.left_to_a_child():
            return click.edit(raw, extension=suffix)
    except click.ClickException as error:
        raise UsageError(
            f"the editor failed: {error.format_message()}", hint="set `EDITOR` to another one, or choose something else"
        ) from error


def decoded(raw: bytes) -> str:
    """The bytes as text. Raises `UsageError` when they are no UTF-8."""
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError("the file is not UTF-8", hint="save it as UTF-8 text") from error

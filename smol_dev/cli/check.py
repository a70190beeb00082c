"""`smol_dev check` and `smol_dev fix`: check whether a program's files fit together and work, and mend them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from smol_dev.cli import options
from smol_dev.cli.display import Display, say
from smol_dev.cli.generate import checked_by
from smol_dev.cli.help import Command
from smol_dev.errors import UsageError
from smol_dev.safe import safe

if TYPE_CHECKING:
    from smol_dev.checks.folder import Folder
    from smol_dev.config.layers import Flags


class WithWords(Command):
    """A command that takes the words after `--` as the command line of another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments before `--`. Raise `UsageError` if nothing follows it."""
        ends = args.index("--") if "--" in args else len(args)
        ctx.params["words"] = tuple(args[ends + 1 :])
        if args[ends:] == ["--"]:
            raise UsageError("there is no command after `--`", hint="as in `smol_dev fix -- python -m pytest -q`")
        return super().parse_args(ctx, args[:ends])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the pieces of the usage line, including the words after `--`."""
        return [*super().collect_usage_pieces(ctx), "[-- CMD...]"]


@click.command(
    cls=Command, examples=("smol_dev check", "smol_dev check shop --json", "smol_dev check --ignore unused-file")
)
@click.argument("folder", metavar="[DIR]", default=".", type=options.PATH)
@options.json_lines
@options.many("--rule", "only", metavar="RULE", help="Only this rule; repeatable")
@options.many("--ignore", metavar="RULE", help="Without this rule; repeatable")
@options.flag("--list-rules", help="List the rules, and stop")
def check(folder: Path, only: tuple[str, ...], ignore: tuple[str, ...], *, as_json: bool, list_rules: bool) -> int:
    """Check whether the files in DIR fit together; needs no model.

    Looks at imports, names, templates, ids, handlers, packages and commands; runs nothing. Skips hidden files, files
    that .gitignore names, and installed or built ones. The exit code is 4 if there are problems.
    """
    from smol_dev.checks import RULES

    if list_rules:
        click.echo("\n".join(f"{name:<18} {what}" for name, what in RULES.items()))
        return 0
    return show_problems(chosen(only, ignore), read_folder(folder), as_json=as_json)


@click.command(
    cls=WithWords,
    examples=("smol_dev fix -- python -m pytest -q", "smol_dev fix shop -- npm test", "smol_dev fix -m qwen3:14b shop"),
)
@options.folder
@options.check
@options.flag("--yes", "-y", "rewrite", help="Rewrite files that you changed, without asking")
@options.strict
@options.allow_sensitive
@options.include
@options.server
@options.display
def fix(words: tuple[str, ...], check: str | None, flags: "Flags", display: Display, **given: Any) -> int:  # noqa: ANN401 - the fields of a Task
    """Run your check on a program, and let the model mend what fails.

    The check is CMD, else the setting `check`, else that of the last run. Missing files are written first.
    The exit code is 7 if the check still fails.
    """
    from smol_dev.app.program import fix as run
    from smol_dev.app.session import Task

    if words and check is not None:
        raise UsageError("`--check` and the words after `--` name two commands", hint="leave one of them out")
    checked = checked_by(check, flags)
    return display.run(lambda caller: run(Task(**given), words, checked, caller))


def show_problems(rules: list[str], found: "Folder", *, as_json: bool) -> int:
    """Print the problems that the rules find in the folder; return the exit code."""
    import json
    from dataclasses import asdict

    from smol_dev.checks import check as problems_of
    from smol_dev.checks.folder import MOST_FILES
    from smol_dev.ui.sentences import counted

    problems = problems_of(found.files, found.others, rules=rules)
    for problem in problems:
        click.echo(json.dumps(asdict(problem)) if as_json else safe(str(problem)))
    if found.cut:
        say(f"only the first {MOST_FILES:,} files were looked at")
    if not as_json:
        say(f"{counted(len(problems), 'problem')} in {counted(len(found.files), 'file')}")
    return 4 if problems else 0


def chosen(only: tuple[str, ...], ignored: tuple[str, ...]) -> list[str]:
    """Return the rules to check. Raise `UsageError` for an unknown one."""
    from difflib import get_close_matches

    from smol_dev.checks import RULES

    for name in (*only, *ignored):
        if name not in RULES:
            near = get_close_matches(name, RULES, n=1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            raise UsageError(f"there is no rule `{name}`{meant}", hint="see them all: `smol_dev check --list-rules`")
    return [name for name in only or RULES if name not in ignored]


def read_folder(folder: Path) -> "Folder":
    """Return the files of the folder. Raise `UsageError` if it is not a folder."""
    from smol_dev.checks.folder import read

    try:
        is_folder = folder.is_dir()
    except (OSError, ValueError):
        is_folder = False
    if not is_folder:
        raise UsageError(f"`{folder}` is not a folder", hint="name the folder to check: `smol_dev check DIR`")
    return read(folder)

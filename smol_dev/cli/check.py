"""`smol_dev check`: whether the files of a folder fit together."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from smol_dev.cli.help import Command
from smol_dev.cli.reporting import counted, say
from smol_dev.errors import UsageError
from smol_dev.safe import safe

if TYPE_CHECKING:
    from smol_dev.checks import Problem
    from smol_dev.checks.folder import Folder


@click.command(
    cls=Command, examples=("smol_dev check", "smol_dev check shop --json", "smol_dev check --ignore unused-file")
)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line on standard output")
@click.option("--rule", "only", metavar="RULE", multiple=True, help="Only this rule; repeatable")
@click.option("--ignore", metavar="RULE", multiple=True, help="Without this rule; repeatable")
@click.option("--list-rules", is_flag=True, help="List the rules, and stop")
def check(folder: Path, only: tuple[str, ...], ignore: tuple[str, ...], *, as_json: bool, list_rules: bool) -> int:
    """Check whether the files in DIR fit together; needs no model.

    Looks at imports, names, templates, ids, handlers and packages; runs nothing. Skips hidden files, files that
    .gitignore names, and installed or built ones. The exit code is 4 if there are problems.
    """
    from smol_dev.checks import RULES

    if list_rules:
        click.echo("\n".join(f"{name:<18} {what}" for name, what in RULES.items()))
        return 0
    return show_problems(chosen(only, ignore), read_folder(folder), as_json=as_json)


def show_problems(rules: list[str], found: "Folder", *, as_json: bool) -> int:
    """Print the problems that the rules find in the folder; return the exit code."""
    from smol_dev.checks import check as problems_of
    from smol_dev.checks.folder import MOST_FILES

    problems = problems_of(found.files, found.others, rules=rules)
    for problem in problems:
        click.echo(json_text(problem) if as_json else safe(str(problem)))
    if found.cut:
        say(f"only the first {MOST_FILES:,} files were looked at")
    if not as_json:
        say(f"{counted(len(problems), 'problem')} in {counted(len(found.files), 'file')}")
    return 4 if problems else 0


def chosen(only: tuple[str, ...], ignored: tuple[str, ...]) -> list[str]:
    """Return the rules to follow. Raise `UsageError` for one that there is not."""
    from difflib import get_close_matches

    from smol_dev.checks import RULES

    for name in (*only, *ignored):
        if name not in RULES:
            near = get_close_matches(name, RULES, n=1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            raise UsageError(f"there is no rule `{name}`{meant}", hint="see them all: `smol_dev check --list-rules`")
    return [name for name in only or RULES if name not in ignored]


def read_folder(folder: Path) -> "Folder":
    """Return the files of the folder. Raise `UsageError` where there is none."""
    from smol_dev.checks.folder import read

    try:
        is_folder = folder.is_dir()
    except (OSError, ValueError):
        is_folder = False
    if not is_folder:
        raise UsageError(f"`{folder}` is not a folder", hint="name the folder to check: `smol_dev check DIR`")
    return read(folder)


def json_text(problem: "Problem") -> str:
    """Return the problem as one JSON object, pure ASCII."""
    import json
    from dataclasses import asdict

    return json.dumps(asdict(problem))

"""`smol_dev check`: whether the files of a folder fit together."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from smol_dev.checks import Problem
    from smol_dev.checks.folder import Folder


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout.")
@click.option("--rule", "only", metavar="RULE", multiple=True, help="Only this rule; repeatable.")
@click.option("--ignore", metavar="RULE", multiple=True, help="Without this rule; repeatable.")
@click.option("--list-rules", is_flag=True, help="List the rules, and stop.")
def check(folder: Path, only: tuple[str, ...], ignore: tuple[str, ...], *, as_json: bool, list_rules: bool) -> int:
    """Check whether the files in DIR fit together: imports, names, files, ids, packages.

    No model is asked and nothing is run. Hidden files, those that .gitignore names, and what others
    installed or built are left out. The exit code is 4 if there are problems.
    """
    from smol_dev.checks import RULES
    from smol_dev.checks import check as problems_of
    from smol_dev.checks.folder import MOST_FILES
    from smol_dev.cli.talk import say

    if list_rules:
        for name, what in RULES.items():
            click.echo(f"{name:<18} {what}")
        return 0
    rules = chosen(only, ignore)
    found = read_folder(folder)
    problems = problems_of(found.files, found.others, rules=rules)
    for problem in problems:
        click.echo(json_text(problem) if as_json else text(problem))
    if found.cut:
        say(f"only the first {MOST_FILES:,} files were looked at")
    if not as_json:
        say(f"{count(len(problems), 'problem')} in {count(len(found.files), 'file')}")
    return 4 if problems else 0


def chosen(only: tuple[str, ...], ignored: tuple[str, ...]) -> list[str]:
    """The rules to follow. Raises `UsageError` for one that there is not."""
    from difflib import get_close_matches

    from smol_dev.checks import RULES
    from smol_dev.errors import UsageError

    for name in (*only, *ignored):
        if name not in RULES:
            near = get_close_matches(name, RULES, n=1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            raise UsageError(f"there is no rule `{name}`{meant}", hint="see them all: `smol_dev check --list-rules`")
    return [name for name in only or RULES if name not in ignored]


def read_folder(folder: Path) -> "Folder":
    """The files of the folder. Raises `UsageError` where there is none."""
    from smol_dev.checks.folder import read
    from smol_dev.errors import UsageError

    try:
        is_folder = folder.is_dir()
    except (OSError, ValueError):
        is_folder = False
    if not is_folder:
        raise UsageError(f"`{folder}` is not a folder", hint="name the folder to check: `smol_dev check DIR`")
    return read(folder)


def text(problem: "Problem") -> str:
    """The problem on a line, foreign text escaped."""
    from smol_dev.safe import safe

    return safe(str(problem))


def json_text(problem: "Problem") -> str:
    """The problem as one JSON object, pure ASCII."""
    import json
    from dataclasses import asdict

    return json.dumps(asdict(problem))


def count(number: int, what: str) -> str:
    """The number with its noun."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

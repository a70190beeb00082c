"""`smol_dev trust`: approve a project's settings file, list approvals, or revoke one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smol_dev.cli import options
from smol_dev.cli.asking import show_pending
from smol_dev.cli.display import here, say
from smol_dev.cli.help import Command
from smol_dev.errors import TrustError, UsageError
from smol_dev.safe import command, safe

if TYPE_CHECKING:
    from smol_dev.config.files import Surroundings
    from smol_dev.config.trust import PendingTrust


@click.command(cls=Command, examples=("smol_dev trust", "smol_dev trust --list", "smol_dev trust --revoke shop"))
@click.argument("path", required=False, type=options.PATH)
@options.flag("--list", "listing", help="List the approvals")
@options.flag("--revoke", help="Forget the approval")
@options.flag("--yes", help="Approve without asking")
def trust(path: Path | None, *, listing: bool, revoke: bool, yes: bool) -> None:
    """Approve a project's smol.toml as it is now.

    Shows first, in full, which of its settings decide where prompts are sent and what is sent along, and what has
    changed since the last approval. Prints the hash for SMOL_TRUST_PROJECT. A changed file needs a new approval.
    """
    around = here()
    if listing:
        list_approvals(around)
    elif revoke:
        forget(path, around)
    else:
        approve_project(path, around, yes=yes)


def list_approvals(surroundings: "Surroundings") -> None:
    """Print each approval: its hash, its file, and whether that has changed since."""
    from smol_dev.config.trust import approvals

    for each in approvals(surroundings):
        changed = "" if each.current else "  (changed since)"
        click.echo(f"{each.hash}  {safe(str(each.path))}{changed}")


def forget(path: Path | None, surroundings: "Surroundings") -> None:
    """Revoke every approval of the project's file, or of the one at `path`."""
    from smol_dev.config.trust import revoke

    file = project_file(path, surroundings)
    count = revoke(file, surroundings)
    say(f"`{file}` is no longer approved" if count else f"`{file}` was not approved")


def approve_project(path: Path | None, surroundings: "Surroundings", *, yes: bool) -> None:
    """Show the settings of the project's file that need approval, ask, and record the approval."""
    from dataclasses import replace

    from smol_dev.config.layers import Flags
    from smol_dev.config.load import pending
    from smol_dev.config.trust import approve

    file = project_file(path, surroundings)
    found = pending(Flags(), replace(surroundings, cwd=file.parent))
    if found is None:
        say(f"`{file}` needs no approval")
        return
    show_pending(found, surroundings)
    if not found.approved:
        if not yes:
            confirm(found)
        approve(found.path, surroundings, hash=found.hash)
    say(f"`{file}` is approved as it is now")
    click.echo(found.hash)


def project_file(path: Path | None, surroundings: "Surroundings") -> Path:
    """Return the project's file in or above the working directory, or at or above `path`."""
    from smol_dev.config.files import FILE_NAME

    if path is not None and path.name == FILE_NAME:
        return surroundings.cwd / path
    folder = surroundings.cwd / path if path is not None else surroundings.cwd
    if (file := surroundings.project_file(folder)) is None:
        raise UsageError(
            f"there is no `{FILE_NAME}` in `{folder}` or above it",
            hint="name the project's folder: `smol_dev trust PATH`",
        )
    return file


def confirm(pending: "PendingTrust") -> None:
    """Ask for approval. Raise `TrustError` if the user declines or cannot be asked."""
    if not sys.stdin.isatty():
        raise TrustError(
            f"`{pending.path}` is not approved, and there is no terminal to ask on",
            hint="look at it, then `smol_dev trust --yes`, or "
            f"{command('SMOL_TRUST_PROJECT={hash}', hash=pending.hash)}",
        )
    if not click.confirm("Approve?", default=False, err=True):
        raise TrustError(f"`{pending.path}` is not approved", hint="nothing was recorded")

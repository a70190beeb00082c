"""The one way a settings file is changed: alone, from what it holds now, and only to what is valid."""

import os
import re
import stat
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from smol_dev.config import load, trust
from smol_dev.config.environment import reserved, variables
from smol_dev.config.files import FILE_NAME, is_one_of, read_document, same_as
from smol_dev.config.layers import Flags, Layers, Surroundings, read_layers, user_file
from smol_dev.config.places import schema_file
from smol_dev.config.problems import Problem, config_error
from smol_dev.config.store import PRIVATE_FILE, SHARED_FILE, alone, make_folder, publish
from smol_dev.errors import ConfigError, TrustError, UsageError
from smol_dev.safe import command

BY_HAND: Final = "put the file right first: `smol_dev config edit`"
MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Target:
    """The file to change, links followed, and whether it is the project's."""

    path: Path
    project: bool

    @property
    def option(self) -> str:
        """The option, after a space, with which a command of the program changes this file."""
        return " --project" if self.project else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The file as a change finds it: its text and tables, and what all layers say."""

    target: Target
    text: str
    tables: Mapping[str, Any]
    layers: Layers

    @property
    def profiles(self) -> Mapping[str, Any]:
        """The profiles that this file declares."""
        profiles = self.tables.get("profiles")
        return profiles if isinstance(profiles, dict) else {}


Change = Callable[[Sheet], tuple[str, tuple[str, ...]]]
"""What a change makes of the sheet: the new text, and the lines to tell the user."""


def target(flags: Flags, surroundings: Surroundings, *, project: bool) -> Target:
    """The user's file, or with `project` the project's; neither need exist."""
    nearest = surroundings.project_file()
    if project:
        new = surroundings.new_project_file()
        if nearest is None and is_own_folder(new.parent, surroundings):
            raise UsageError(
                f"`{new}` would be no project's: it is your own folder",
                hint="change to the project's folder first, or leave `--project` out",
            )
        return Target(nearest or new, project=True)
    named = reserved(variables(surroundings.environ), "config")
    path, _ = user_file(flags, surroundings, named)
    if path is None:
        raise UsageError("there is no home folder for a user's file", hint="name one: `--config FILE`")
    is_project = flags.config is None and nearest is not None and same_as(nearest)(path)
    return Target(Path(os.path.realpath(path)), project=is_project)


def is_own_folder(folder: Path, surroundings: Surroundings) -> bool:
    """Return whether the folder is the home folder, or the one of the user's or system's file."""
    at_home = same_as(surroundings.home)(folder)
    return at_home or is_one_of(folder / FILE_NAME, surroundings.own_files)


def refuse_read_only(path: Path) -> None:
    """Refuse a file that is not to be written, which replacing it would pass over."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not mode & stat.S_IWUSR:
        raise ConfigError(
            f"`{path}` is read-only, and stays as it is",
            hint=f"if you keep it by hand, {command('chmod u+w {file}', file=path)} lets it be changed",
        )


def change(flags: Flags, surroundings: Surroundings, edit: Change, *, project: bool = False) -> tuple[str, ...]:
    """Change the user's (or the project's) file; the lines to tell the user.

    What is not valid afterwards raises `ConfigError`, and the file stays as it is. A project's file
    that was approved, or needed no approval, is approved as it is written.
    """
    place = target(flags, surroundings, project=project)
    refuse_read_only(place.path)
    seen = replace(flags, project=True) if place.project else flags
    make_folder(place.path.parent)
    with alone(place.path.parent):
        trusted = place.project and is_trusted(place, seen, surroundings)
        raw = read_raw(place)
        text = raw.removeprefix(MARK).replace("\r\n", "\n")
        new, said = edit(Sheet(place, text, parsed(text), read_layers(seen, surroundings)))
        if new == text:
            return said
        written = as_written(new, like=raw)
        replace_file(place, written, seen, surroundings)
        return (*said, *settle_trust(place, written, seen, surroundings, trusted=trusted))


def parsed(text: str) -> Mapping[str, Any]:
    """The text's tables; it has been read as TOML before."""
    return tomllib.loads(text)


def read_raw(place: Target) -> str:
    """The file's text as it is; a new file's first lines if there is none."""
    document = read_document(place.path, project=place.project)
    if isinstance(document, Problem):
        raise config_error([document], hint=BY_HAND)
    return first_lines() if document is None else document.raw.decode()


def first_lines() -> str:
    """What a new file begins with: the schema, by which editors complete and check it."""
    return f"#:schema {schema_file().as_uri()}\n"


def as_written(text: str, *, like: str) -> str:
    """The text with the byte order mark and the line ends of the other."""
    crlf = like.count("\r\n")
    if crlf and crlf == like.count("\n"):
        text = text.replace("\n", "\r\n")
    return MARK + text if like.startswith(MARK) else text


def replace_file(place: Target, text: str, flags: Flags, surroundings: Surroundings) -> None:
    """Publish the text if it brings no problem that the file has not already."""

    def confirm(temporary: Path) -> None:
        problems = problems_of(temporary, place, flags, surroundings)
        known = problems_of(place.path, place, flags, surroundings) if problems else ()
        if added := [*(Counter(problems) - Counter(known))]:
            raise ConfigError(
                f"`{place.path}` stays as it is; with the change it has these problems:",
                hint="correct the value; `smol_dev config schema` describes every key",
                problems=added,
            )

    publish(place.path, text, mode=SHARED_FILE if place.project else PRIVATE_FILE, confirm=confirm)


def problems_of(file: Path, place: Target, flags: Flags, surroundings: Surroundings) -> tuple[str, ...]:
    """What is wrong in the file, under the target's name and without lines, which a change moves."""
    if not file.exists():
        return ()
    line_and_column = re.compile(re.escape(str(file)) + r"(:\d+)*")
    problems = load.check(flags, surroundings, file=file, project=place.project)
    return tuple(line_and_column.sub(lambda _found: str(place.path), line) for line in problems)


def is_trusted(place: Target, flags: Flags, surroundings: Surroundings) -> bool:
    """Whether nobody but the user has a say in the project's file: new, harmless or approved."""
    if not os.path.lexists(place.path):
        return True
    try:
        found = load.pending(flags, surroundings)
    except ConfigError:  # what it steers cannot be told before it is put right
        return False
    return found is None or found.approved


def settle_trust(
    place: Target, written: str, flags: Flags, surroundings: Surroundings, *, trusted: bool
) -> tuple[str, ...]:
    """Approve the project's file, as just written, if it was trusted before; the line that says so.

    A file that somebody else made and nobody approved stays so, whatever harmless key was changed.
    """
    if not place.project:
        return ()
    try:
        found = load.pending(flags, surroundings)
    except ConfigError:  # it is no run's yet: other problems stand in the way, and are named there
        return ()
    if found is None or found.approved:
        return ()
    if not trusted:
        return (f"`{place.path}` is not approved; `smol_dev trust` shows what it steers",)
    if found.document.raw != written.encode():
        raise TrustError(
            f"`{place.path}` was changed by another program meanwhile, and is not approved",
            hint="look at it: `smol_dev trust`",
        )
    trust.record(found.document, surroundings)
    return (f"`{place.path}` is approved as it is now",)

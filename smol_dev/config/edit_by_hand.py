"""`config edit`: the user's own editor on a copy, which replaces the file only when it is valid."""

import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smol_dev.config.change import MARK, Target, first_lines, refuse_read_only, replace_file, settle_trust, target
from smol_dev.config.files import FILE_NAME, PROJECT_LIMIT, USER_LIMIT, BadFileError, decoded, parsed, read_bytes
from smol_dev.config.layers import Flags, Surroundings
from smol_dev.config.store import alone, make_folder, unwritable
from smol_dev.errors import ConfigError, InterruptedRunError, SmolError, UsageError


def edit_by_hand(
    flags: Flags,
    surroundings: Surroundings,
    *,
    open_editor: Callable[[Path], None],
    again: Callable[[ConfigError], bool],
    project: bool = False,
) -> tuple[str, ...]:
    """Let the user edit the file; the lines to tell the user.

    `open_editor` returns when the user is done with the copy. When that cannot replace the file, `again`
    is asked whether to open it once more. However the user leaves, what was typed is in the file, or is
    kept in the copy, which the error names.
    """
    place = target(flags, surroundings, project=project)
    refuse_read_only(place.path)
    old = text_of(place.path, project=place.project)
    before = first_lines() if old is None else old
    copy = copy_of(before)
    try:
        said = edited(copy, before, Edit(place, old), flags, surroundings, open_editor, again)
    except (SmolError, KeyboardInterrupt) as error:
        ending = left(copy, before, error)
        if ending is error:
            raise
        raise ending from error
    if not other(copy).exists():
        shutil.rmtree(copy.parent, ignore_errors=True)
    return said


@dataclass(slots=True)
class Edit:
    """The file that is edited, and what it holds as far as the user has been told."""

    place: Target
    old: str | None


def edited(  # noqa: PLR0917 - the parts of one command
    copy: Path,
    before: str,
    edit: Edit,
    flags: Flags,
    surroundings: Surroundings,
    open_editor: Callable[[Path], None],
    again: Callable[[ConfigError], bool],
) -> tuple[str, ...]:
    """Open the copy until it can replace the file; return the lines to tell the user."""
    path = edit.place.path
    while True:
        open_editor(copy)
        try:
            text = text_of(copy, project=False)
            if text is None or text == before:
                return (f"`{path}` stays as it is: nothing was changed",)
            keep(edit, copy, text, flags, surroundings)
        except ConfigError as error:
            if not again(error):
                raise
        else:
            there = other(copy).exists()
            kept = (f"what it held before is kept in `{other(copy)}`",) if there else ()
            return (f"`{path}` holds what you wrote", *kept)


def left(copy: Path, before: str, error: SmolError | KeyboardInterrupt) -> BaseException:
    """Return the error with which the command ends; it names the copy if that holds something new."""
    try:
        changed = copy.read_bytes() != before.encode()
    except OSError:
        changed = False
    if not changed:
        shutil.rmtree(copy.parent, ignore_errors=True)
        return error
    hint = f"your text is kept in `{copy}`"
    if isinstance(error, ConfigError):
        return ConfigError(error.message, hint=hint, problems=error.problems)
    if isinstance(error, SmolError):
        return UsageError(error.message, hint=f"{hint}; {error.hint}")
    return InterruptedRunError("interrupted", hint=hint, signal=signal.SIGINT)


def copy_of(text: str) -> Path:
    """A copy in a folder of its own that no other user can read, as it may hold a key."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="smol-"))
        copy = folder / FILE_NAME
        copy.write_bytes(text.encode())
    except OSError as error:
        raise unwritable(Path(tempfile.tempdir or "/tmp"), error) from error  # noqa: S108 - only named
    return copy


def other(copy: Path) -> Path:
    """Where the text of another program is kept, which changed the file meanwhile."""
    return copy.with_name(f"other-{FILE_NAME}")


def text_of(path: Path, *, project: bool) -> str | None:
    """The file's text, valid TOML or not; None when there is none."""
    limit = PROJECT_LIMIT if project else USER_LIMIT
    try:
        raw, _ = read_bytes(path, limit=limit, project=project)
        mark = MARK if raw.startswith(MARK.encode()) else ""
        return mark + decoded(raw)
    except FileNotFoundError:
        return None
    except BadFileError as error:
        raise refused(path, error, hint="put it right with another program") from error


def refused(path: Path, error: BadFileError, *, hint: str) -> ConfigError:
    """The error for a file that cannot be used."""
    return ConfigError(f"{path}{error.place}: {error.what}", hint=hint)


def keep(edit: Edit, copy: Path, text: str, flags: Flags, surroundings: Surroundings) -> None:
    """Put the text in the file's place; approve it, as its writer has seen all of it.

    A change that another program made meanwhile is kept beside the copy, and told once: the next try
    replaces it.
    """
    place = edit.place
    try:
        parsed(text.removeprefix(MARK))
    except BadFileError as error:
        raise refused(place.path, error, hint="the file itself is unchanged") from error
    make_folder(place.path.parent)
    with alone(place.path.parent):
        now = text_of(place.path, project=place.project)
        if now != edit.old:
            edit.old = now
            other(copy).write_bytes((now or "").encode())
            raise ConfigError(
                f"`{place.path}` was changed by another program meanwhile",
                hint=f"what it holds now is in `{other(copy)}`; saving once more replaces it",
            )
        replace_file(place, text, flags, surroundings)
        settle_trust(place, text, flags, surroundings, trusted=True)

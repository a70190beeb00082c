"""`config edit`: the user's own editor on a copy, which replaces the file only when it is valid."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from smol_dev.config.change import (
    MARK,
    Target,
    first_lines,
    replace_file,
    settle_trust,
    target,
)
from smol_dev.config.files import (
    FILE_NAME,
    PROJECT_LIMIT,
    USER_LIMIT,
    BadFileError,
    decoded,
    parsed,
    read_bytes,
)
from smol_dev.config.layers import Flags, Surroundings
from smol_dev.config.store import alone, make_folder, unwritable
from smol_dev.errors import ConfigError


def edit_by_hand(
    flags: Flags,
    surroundings: Surroundings,
    *,
    open_editor: Callable[[Path], None],
    again: Callable[[ConfigError], bool],
    project: bool = False,
) -> tuple[str, ...]:
    """Let the user edit the file; the lines to tell the user.

    `open_editor` returns when the user is done with the copy. When that is not valid, `again` is asked
    whether to open it once more; after a no the copy is kept, named in the error, and the file stays.
    """
    place = target(flags, surroundings, project=project)
    old = text_of(place.path, project=place.project)
    before = first_lines() if old is None else old
    with contextlib.ExitStack() as stack:
        copy = copy_of(before, stack)
        while True:
            open_editor(copy)
            try:
                text = text_of(copy, project=False)
                if text is None or text == before:
                    return (f"`{place.path}` stays as it is: nothing was changed",)
                keep(place, text, flags, surroundings, old=old)
            except ConfigError as error:
                if not again(error):
                    stack.pop_all()
                    hint = f"your text is kept in `{copy}`"
                    raise ConfigError(error.message, hint=hint, problems=error.problems) from error
            else:
                return (f"`{place.path}` holds what you wrote",)


def copy_of(text: str, stack: contextlib.ExitStack) -> Path:
    """A copy that no other user can read, as it may hold a key; the stack removes it."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="smol-"))
    except OSError as error:
        raise unwritable(Path(tempfile.tempdir or "/tmp"), error) from error  # noqa: S108 - only named
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / FILE_NAME
    copy.write_bytes(text.encode())
    return copy


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


def keep(
    place: Target, text: str, flags: Flags, surroundings: Surroundings, *, old: str | None
) -> None:
    """Put the text in the file's place; approve it, as its writer has seen all of it."""
    try:
        parsed(text.removeprefix(MARK))
    except BadFileError as error:
        raise refused(place.path, error, hint="the file itself is unchanged") from error
    make_folder(place.path.parent)
    with alone(place.path.parent):
        if text_of(place.path, project=place.project) != old:
            raise ConfigError(
                f"`{place.path}` was changed by another program meanwhile",
                hint="edit it anew: `smol_dev config edit`",
            )
        written = replace_file(place, text, flags, surroundings)
        settle_trust(place, written, flags, surroundings, trusted=True)

"""What stands around the settings: the command line, the environment and the program's folders."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from smol_dev.config.files import FILE_NAME
from smol_dev.errors import UsageError


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says.

    `named` holds the named options: a key path (`model`, `run.output_dir`, `base_url`) to its value
    and the option as typed (`--model`). `sets` holds each `-c` as typed, `KEY=VALUE`. A key without
    `profiles.` or `run.` is meant for the selected profile. `project=False` is `--no-project-config`.
    """

    profile: str | None = None
    config: Path | None = None
    project: bool = True
    named: Mapping[str, tuple[object, str]] = field(default_factory=dict)
    sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the program finds around itself: read once on the rim and passed in.

    `user_config`, `site_config`, `state` and `cache` are the program's own directories; None where
    there is none (no home directory, say).
    """

    environ: Mapping[str, str]
    cwd: Path
    home: Path | None = None
    user_config: Path | None = None
    site_config: Path | None = None
    state: Path | None = None
    cache: Path | None = None

    @classmethod
    def here(cls) -> "Surroundings":
        """The surroundings of this process. Raises `UsageError` when the working directory is gone."""
        try:
            cwd = Path.cwd()
        except FileNotFoundError as error:
            raise UsageError(
                "the working directory does not exist any more", hint="change to another: `cd`"
            ) from error
        return cls(
            environ=dict(os.environ),
            cwd=cwd,
            home=absolute(os.path.expanduser("~")),  # noqa: PTH111 - Path.home raises without one
            user_config=user_config_folder(),
            site_config=own_folder(platformdirs.site_config_dir),
            state=own_folder(platformdirs.user_state_dir),
            cache=own_folder(platformdirs.user_cache_dir),
        )


def absolute(path: str) -> Path | None:
    """The path; None where `~` in it stands for nothing (no HOME, a user in no password file)."""
    return Path(path) if Path(path).is_absolute() else None


def own_folder(find: Callable[..., str]) -> Path | None:
    """One of the program's folders; None where it would be in a home directory that there is not."""
    try:
        return absolute(find("smol", appauthor=False))
    except RuntimeError:  # newer platformdirs; the older ones leave the `~` in
        return None


def user_config_folder() -> Path | None:
    """The user's folder for settings; on macOS `~/.config/smol` if only that holds a file."""
    folder = own_folder(platformdirs.user_config_dir)
    dotted = absolute(os.path.expanduser("~/.config/smol"))  # noqa: PTH111 - as above
    if folder and dotted and not (folder / FILE_NAME).exists() and (dotted / FILE_NAME).exists():
        return dotted
    return folder

"""What stands around the settings: the command line, the environment and the program's folders."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smol_dev.config.files import FILE_NAME, find_project, root_of_project
from smol_dev.errors import UsageError

NAME: Final = "smol"


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

    `user_config`, `state` and `cache` are the program's own directories; None where there is none (no
    home directory, say). `site_configs` are the system's, the strongest first.
    """

    environ: Mapping[str, str] = field(repr=False)
    cwd: Path
    home: Path | None = None
    user_config: Path | None = None
    site_configs: tuple[Path, ...] = ()
    state: Path | None = None
    cache: Path | None = None

    @classmethod
    def here(cls) -> "Surroundings":
        """The surroundings of this process. Raises `UsageError` when the working directory is gone."""
        try:
            cwd = Path.cwd()
        except FileNotFoundError as error:
            raise UsageError("the working directory does not exist any more", hint="change to another: `cd`") from error
        return cls(
            environ=dict(os.environ),
            cwd=cwd,
            home=expanded("~"),
            user_config=user_config_folder(),
            site_configs=site_config_folders(),
            state=own_folder("user_state"),
            cache=own_folder("user_cache"),
        )

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The places of the user's and the system's file, there or not: none of them is a project's."""
        usual = self.home / ".config" / NAME if self.home else None
        folders = (self.user_config, usual, *self.site_configs)
        return tuple(folder / FILE_NAME for folder in folders if folder is not None)

    def project_file(self, folder: Path | None = None) -> Path | None:
        """Return the file of the project that the folder (the working directory) belongs to, if any."""
        return find_project(folder or self.cwd, self.home, own=self.own_files)

    def new_project_file(self) -> Path:
        """Return where a project's file is made: at the root of the repository, else here."""
        return root_of_project(self.cwd, self.home) / FILE_NAME


def expanded(path: str) -> Path | None:
    """The path with its `~` expanded; None where that stands for nothing (no HOME, no password entry)."""
    found = Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises without a home
    return found if found.is_absolute() else None


if sys.platform in {"darwin", "win32"}:
    import platformdirs

    def own_folder(kind: str) -> Path | None:
        """One of the program's folders, where the system wants such a folder to be."""
        return Path(getattr(platformdirs, f"{kind}_dir")(NAME, appauthor=False))

    def site_config_folders() -> tuple[Path, ...]:
        """The folder for the settings of every user of this machine."""
        return (Path(platformdirs.site_config_dir(NAME, appauthor=False)),)

else:
    # The XDG specification is all there is to know here, and platformdirs would load modules for a
    # fifth of the time that listing profiles takes.
    XDG: Final = {
        "user_config": ("XDG_CONFIG_HOME", "~/.config"),
        "user_state": ("XDG_STATE_HOME", "~/.local/state"),
        "user_cache": ("XDG_CACHE_HOME", "~/.cache"),
    }

    def own_folder(kind: str) -> Path | None:
        """One of the program's folders; None where it would be in a home that there is not."""
        variable, usual = XDG[kind]
        named = Path(os.environ.get(variable, ""))
        folder = named if named.is_absolute() else expanded(usual)
        return folder / NAME if folder else None

    def site_config_folders() -> tuple[Path, ...]:
        """The folders for the settings of every user of this machine, the strongest first."""
        named = map(Path, os.environ.get("XDG_CONFIG_DIRS", "").split(os.pathsep))
        folders = [each for each in named if each.is_absolute()] or [Path("/etc/xdg")]
        return tuple(dict.fromkeys(each / NAME for each in folders))


def user_config_folder() -> Path | None:
    """The user's folder for settings; on macOS `~/.config/smol` if only that holds a file."""
    folder, dotted = own_folder("user_config"), expanded(f"~/.config/{NAME}")
    if folder and dotted and not has_file(folder) and has_file(dotted):
        return dotted
    return folder


def has_file(folder: Path) -> bool:
    """Whether a settings file can be seen in the folder, which may be closed to the user."""
    return os.path.exists(folder / FILE_NAME)  # noqa: PTH110 - Path.exists raises in a closed folder

"""A made-up machine for the settings: a home, a project, files in them, and an environment."""

from dataclasses import dataclass, field
from pathlib import Path

from smol_dev.config.change import SettingsFile, settings_file
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.config.load import Loaded, load
from smol_dev.errors import SmolError


def no_names(host: str) -> tuple[str, ...]:
    """A lookup for tests in which no name may be looked up."""
    raise AssertionError(host)


@dataclass
class World:
    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in (self.work, self.user_file.parent, self.system_file.parent):
            folder.mkdir(parents=True)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def work(self) -> Path:
        return self.home / "work"

    @property
    def project_file(self) -> Path:
        return self.work / "smol.toml"

    @property
    def user_file(self) -> Path:
        return self.home / "config" / "smol.toml"

    @property
    def system_file(self) -> Path:
        return self.root / "etc" / "smol.toml"

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(
            environ=self.environ,
            cwd=self.work,
            home=self.home,
            user_config=self.user_file.parent,
            site_configs=(self.system_file.parent,),
            state=self.home / "state",
        )

    def write(self, *, project: str = "", user: str = "", system: str = "") -> "World":
        texts = ((self.project_file, project), (self.user_file, user), (self.system_file, system))
        for path, text in texts:
            if text:
                path.write_text(text, encoding="utf-8")
                path.chmod(0o600)
        return self

    def load(self, flags: Flags | None = None, *, connect: bool = False) -> Loaded:
        return load(flags or Flags(), self.surroundings, connect=connect, lookup=no_names)

    def file(self, flags: Flags | None = None, *, project: bool = False) -> SettingsFile:
        """The file that a command changes."""
        return settings_file(flags or Flags(), self.surroundings, project=project)

    def problems(self, flags: Flags | None = None) -> list[str]:
        """What `load` refuses, the folder's name shortened to `~`."""
        try:
            self.load(flags)
        except SmolError as error:
            lines = getattr(error, "problems", (error.message,))
            return [line.replace(str(self.root), "~") for line in lines]
        return []

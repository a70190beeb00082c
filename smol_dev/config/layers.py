"""What every layer says, read once and strongest first, and where in it each key stands.

Standard library and platformdirs only: `profiles list` and shell completion stop here, and must not
wait for pydantic. Nothing is validated yet beyond "this is TOML, read safely".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["flags", "environment", "project", "user", "system", "shipped", "defaults"]

Key = tuple[str, ...]
"""A key from the top of a layer: `("profiles", "work", "model")`."""


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
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Origin:
    """Who set a value: its layer, and the `FILE:LINE`, variable or flag.

    `via` names the parent profile the value was inherited from, empty if none.
    """

    layer: Kind
    where: str
    via: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer says, as plain data."""

    kind: Kind
    name: str
    data: Mapping[str, object]

    def origin(self, key: Key) -> Origin:
        """Where this layer sets the key (or the longest part of it that it sets)."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Layers:
    """Every layer, strongest first."""

    all: tuple[Layer, ...]
    warnings: tuple[str, ...] = ()


def read_layers(flags: Flags, surroundings: Surroundings) -> Layers:
    """Every layer that says something. Never raises for what a file or variable holds."""
    raise NotImplementedError

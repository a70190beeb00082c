"""Who set what: the effective settings with their origins, the candidates of a key, and the text of it all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smol_dev.config.layers import Origin
from smol_dev.config.load import Loaded


@dataclass(frozen=True, slots=True)
class Candidate:
    """One layer's value for a key. `hop` counts the `extends` between the selected profile and the one that sets it."""

    value: str
    origin: Origin
    hop: int
    wins: bool
    note: str = ""


def origins(loaded: Loaded) -> Mapping[str, Origin]:
    """Who set each effective key (`model`, `code.model`, `run.max_files`), in the order of the settings table."""
    raise NotImplementedError


def explain(loaded: Loaded, key: str) -> tuple[Candidate, ...]:
    """Everyone who sets the key, strongest first, the default last. Raises `ConfigError` for an unknown key."""
    raise NotImplementedError


def as_dict(loaded: Loaded) -> dict[str, Any]:
    """The effective settings as one `smol.toml` would hold them; secrets are left out."""
    raise NotImplementedError


def as_toml(loaded: Loaded) -> str:
    """The effective settings as TOML that, given with `--config`, yields the same profile."""
    raise NotImplementedError

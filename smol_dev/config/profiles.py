"""The profiles: which one is selected, which there are, and whom each inherits from."""

from dataclasses import dataclass

from smol_dev.config.layers import Layers, Origin


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """One line of `profiles list`. `layer` and `where` are the strongest that declare it."""

    name: str
    description: str
    layer: str
    where: str
    active: bool
    local: bool
    extends: str


def selected(layers: Layers) -> tuple[str, Origin]:
    """The selected profile's name and who chose it; the name may be of no profile."""
    raise NotImplementedError


def list_profiles(layers: Layers) -> list[ProfileLine]:
    """Every profile, by name. Raises `ConfigError` when a file cannot be read."""
    raise NotImplementedError

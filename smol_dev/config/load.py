"""The settings: every layer read, merged, validated and trusted, or every problem named at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from smol_dev.config.endpoint import Lookup
from smol_dev.config.layers import Flags, Layers, Surroundings
from smol_dev.config.model import Profile, Prompts, Run
from smol_dev.config.secret import Bound
from smol_dev.config.trust import PendingTrust


@dataclass(frozen=True, slots=True)
class Loaded:
    """The selected profile and everything around it, valid. `prompts` are the own variants, with files read in."""

    name: str
    profile: Profile
    run: Run
    prompts: Mapping[str, Prompts]
    warnings: tuple[str, ...]
    layers: Layers

    def secrets(self, *, base_url: str = "") -> tuple[Bound, ...]:
        """The key and headers, read now and bound to their origin; empty when there are none.

        `base_url` is the server that was found when the profile names none. Raises `ConfigError`
        when a key is missing or bad.
        """
        raise NotImplementedError

    def key_summary(self) -> str:
        """Where the key comes from and whom it is for, never the key; runs no command."""
        raise NotImplementedError


def load(
    flags: Flags,
    surroundings: Surroundings,
    *,
    approve: Callable[[PendingTrust], bool] | None = None,
    connect: bool = True,
    model_needed: bool = True,
    lookup: Lookup | None = None,
) -> Loaded:
    """The effective settings.

    `approve` is asked about a project's file that steers and is not approved; True records it.
    `connect=False` is for commands that only show settings: no name is looked up, no model is
    needed, and an unapproved project file is a warning. `model_needed=False` is for commands that
    ask the server for its models. Raises `ConfigError` with every problem, `TrustError`, or
    `ServerError` when a local name has no address.
    """
    raise NotImplementedError


def check(flags: Flags, surroundings: Surroundings, *, file: Path | None = None) -> tuple[str, ...]:
    """Every problem of every layer, a line each; of `file` alone if one is given."""
    raise NotImplementedError

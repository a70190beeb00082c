"""Whether a project's file may steer where prompts go: its keys, its hash, and who approved it."""

from dataclasses import dataclass
from pathlib import Path

from smol_dev.config.layers import Flags, Surroundings


@dataclass(frozen=True, slots=True)
class Steering:
    """A key of a project's file that needs approval, with what holds without and with the file."""

    key: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class PendingTrust:
    """A project's file that steers. `hash` is what `SMOL_TRUST_PROJECT` takes."""

    path: Path
    hash: str
    keys: tuple[Steering, ...]
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """A recorded approval; `current` says whether the file still is what was approved."""

    path: Path
    hash: str
    current: bool


def pending(flags: Flags, surroundings: Surroundings) -> PendingTrust | None:
    """What the project's file steers, approved or not; None without a file or when it only tunes."""
    raise NotImplementedError


def approve(path: Path, surroundings: Surroundings, *, hash: str = "") -> str:
    """Record the file as it is now as approved, and return its hash.

    With `hash`, only if the file is still what was shown. Raises `TrustError` otherwise, or when the
    state directory cannot be written.
    """
    raise NotImplementedError


def approvals(surroundings: Surroundings) -> list[Approval]:
    """Every recorded approval, by path."""
    raise NotImplementedError


def revoke(path: Path, surroundings: Surroundings) -> int:
    """Forget every approval of this file; how many there were."""
    raise NotImplementedError

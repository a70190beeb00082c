"""What one check of a server found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from smol_dev.errors import SmolError

State = Literal["ok", "warned", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found. `fix` is what to type, `data` the figures behind the message."""

    name: str
    state: State
    message: str
    fix: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


def failed(name: str, error: SmolError) -> Check:
    """The check that an error ended."""
    return Check(name, "failed", error.message, error.hint, {"kind": getattr(error, "kind", "")})

"""Keys and other secrets: read, checked, bound to one server, and never shown."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """Request headers that may go to this origin (`https://host:port`) and nowhere else."""

    origin: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Bound(origin={self.origin!r}, headers={sorted(self.headers)})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown: each header's value, and the key without its `Bearer`."""
        raise NotImplementedError


def redact(text: str, secrets: Collection[str]) -> str:
    """The text with each secret replaced by `[redacted]`; the longest first, those under 6 characters kept."""
    raise NotImplementedError

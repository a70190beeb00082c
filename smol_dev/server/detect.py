"""Without any configuration: which local server is running, and which of its models to use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smol_dev.config.providers import ProviderName
from smol_dev.server.known import Known

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class Found:
    """A running server. `models` are all it offers, `loaded` those in memory, `chosen` the one to use."""

    known: Known
    base_url: str
    models: tuple[str, ...]
    loaded: tuple[str, ...]
    chosen: str

    @property
    def provider(self) -> ProviderName:
        """Its name among the providers."""
        return self.known.provider


async def find(
    client: "httpx2.AsyncClient", environ: Mapping[str, str], *, deadline: float
) -> tuple[Found, ...]:
    """The local servers that answer within `deadline` seconds, the best first; may be empty."""
    raise NotImplementedError

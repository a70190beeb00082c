"""The known servers, an entry each: ports, how to recognise them, their habits and remedies."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smol_dev.config.providers import ProviderName
from smol_dev.server.chat import Facts

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class Known:
    """A kind of server. `name` is what people call it, `provider` how a profile names it."""

    name: str
    provider: ProviderName = "compatible"


async def recognise(client: "httpx2.AsyncClient", base_url: str) -> Known:
    """The kind of server behind the address, by what it answers; the generic one if none fits."""
    raise NotImplementedError


async def facts(client: "httpx2.AsyncClient", base_url: str, model: str, known: Known) -> Facts:
    """What the server says about itself and the model; asks at most a few bounded questions, never raises."""
    raise NotImplementedError

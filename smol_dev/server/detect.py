"""Without any configuration: which local server is running, and which of its models to use.

Only this machine is asked (within a container also its host), on the known ports. What a server
answers decides what it is; an open port alone is nothing. A server that passes prompts on to a cloud
is never chosen, nor is such a model.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from smol_dev.config.endpoint import PORTS, default_base_url, is_local
from smol_dev.config.lookup import system_lookup
from smol_dev.config.project import is_cloud_model
from smol_dev.config.providers import ProviderName
from smol_dev.errors import ServerError
from smol_dev.server.failures import Answer, Asked, classify
from smol_dev.server.known import (
    Known,
    Offer,
    generic,
    listed,
    look,
    offers,
    recognised,
    servers,
)
from smol_dev.server.probes import Probe

if TYPE_CHECKING:
    import httpx2

CONTAINER_SIGNS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
HOST_OF_CONTAINER: Final = "host.docker.internal"
LOOPBACK: Final = ("127.0.0.1", "::1")
MODEL_RUNNER: Final = "http://model-runner.docker.internal/engines/v1"


@dataclass(frozen=True, slots=True)
class Found:
    """A running server. `models` are all it offers, `loaded` those in memory, `chosen` the one to use.

    `chosen` is empty when there is no model to chat with; `problem` says why the server told none.
    """

    known: Known
    base_url: str
    models: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    chosen: str = ""
    problem: ServerError | None = None

    @property
    def provider(self) -> ProviderName:
        """Its name among the providers."""
        return self.known.provider


async def find(
    client: "httpx2.AsyncClient", environ: Mapping[str, str], *, deadline: float
) -> tuple[Found, ...]:
    """The local servers that answer within `deadline` seconds, the best first; may be empty.

    The best has a chat model in memory, then one that can be loaded; then the order of `known.toml`.
    """
    return await find_at(
        client, places(environ, container=in_container(environ)), deadline=deadline
    )


async def find_at(
    client: "httpx2.AsyncClient", base_urls: Sequence[str], *, deadline: float
) -> tuple[Found, ...]:
    """Those of the addresses where a server answers within `deadline` seconds, the best first."""
    found: dict[str, Found] = {}
    tasks = [asyncio.create_task(_ask(client, url, found)) for url in base_urls]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=deadline)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    running = [found[url] for url in base_urls if url in found]
    return tuple(sorted(running, key=_rank))


def best(found: Sequence[Found], environ: Mapping[str, str]) -> Found:
    """The server to use. Raises `ServerError` when none runs, or none has a model to chat with."""
    if not found:
        raise nothing_found(environ, container=in_container(environ))
    first = found[0]
    if first.chosen:
        return first
    if first.problem is not None:
        raise first.problem
    known = first.known
    raise ServerError(
        f"{known.name} at {first.base_url} is running, but has no model to chat with",
        hint=known.remedy("model_missing"),
        kind="model_missing",
    )


def nothing_found(environ: Mapping[str, str], *, container: bool) -> ServerError:
    """The error when no local server runs: what was tried, and the ways on."""
    ports: dict[str, list[str]] = {}
    for url in places(environ, container=container):
        parts = urlsplit(url)
        ports.setdefault(parts.hostname or "", []).append(str(parts.port or 80))
    tried = " and ".join(f"{host} at {', '.join(each)}" for host, each in ports.items())
    ways = (
        "start a server (`ollama serve`, LM Studio, `llama-server -m MODEL.gguf`), "
        "name one with `--api-base-url URL`, or see how it works without any: `smol_dev demo`"
    )
    inside = "; in a container, `localhost` is the container itself" if container else ""
    elsewhere = default_base_url("ollama", environ)
    if not is_local(elsewhere):
        inside += "; OLLAMA_HOST is no local address: name it with `--api-base-url`"
    return ServerError(
        f"no local server was found; tried {tried}", hint=f"{ways}{inside}", kind="not_running"
    )


def places(environ: Mapping[str, str], *, container: bool) -> tuple[str, ...]:
    """The addresses where a local server may listen, `$OLLAMA_HOST` first."""
    found = _places(environ, container=container)
    return tuple(dict.fromkeys(url for url in found if is_local(url)))


def _places(environ: Mapping[str, str], *, container: bool) -> Iterator[str]:
    if environ.get("OLLAMA_HOST"):
        yield default_base_url("ollama", environ)
    if container:
        yield MODEL_RUNNER
    hosts = ["localhost", HOST_OF_CONTAINER] if container else ["localhost"]
    for host in hosts:
        for each in servers():
            if not each.forwards:
                yield from (f"http://{host}:{port}{each.path}" for port in each.ports)


def in_container(environ: Mapping[str, str], *, signs: Sequence[Path] = CONTAINER_SIGNS) -> bool:
    """Whether we run in a container, as its engine tells by a variable or by one of these files."""
    told = environ.get("container") or environ.get("KUBERNETES_SERVICE_HOST")
    return bool(told) or any(sign.exists() for sign in signs)


async def _ask(client: "httpx2.AsyncClient", base_url: str, found: dict[str, Found]) -> None:
    """Put into `found` what answers at the address; more about it as it becomes known."""
    if not await _is_here(base_url) or not await _is_open(base_url):
        return
    answers = await look(client, base_url)
    known = recognised(answers)
    names = listed(answers.get("models"))
    if known.forwards or (known is generic() and not names):
        return
    server = Found(known, base_url, names or ())
    if names is None:
        found[base_url] = replace(server, problem=_problem(answers.get("models"), base_url, known))
        return
    found[base_url] = _with(server, [Offer(name) for name in names])
    found[base_url] = _with(server, await offers(client, base_url, known))


async def _is_here(base_url: str) -> bool:
    """Whether the host has addresses, all of them on this machine or its network.

    Its name is looked up in a thread of our own: those of the event loop are waited for at the end of
    the program, and a resolver that does not answer takes seconds to give up.
    """
    host = urlsplit(base_url).hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"}:
        return True
    loop = asyncio.get_running_loop()
    answered: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()

    def look_up() -> None:
        found = system_lookup(host)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(answered.put_nowait, found)

    threading.Thread(target=look_up, daemon=True).start()
    addresses = await answered.get()
    return bool(addresses) and is_local(base_url, lookup=lambda _: addresses)


async def _is_open(base_url: str) -> bool:
    """Whether anything listens there: cheaper by far than the questions that tell what it is."""
    parts = urlsplit(base_url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    for address in LOOPBACK if host == "localhost" else (host,):
        with suppress(OSError):
            _, writer = await asyncio.open_connection(address, port)
            writer.close()
            return True
    return False


def _problem(answer: Probe | None, base_url: str, known: Known) -> ServerError | None:
    """Why a server that is there tells no models: it is loading, or wants a key, for example."""
    if answer is None:
        return None
    told = Answer(answer.status, answer.headers, answer.body)
    return classify(told, Asked(base_url, "", known))


def choose(offered: Sequence[Offer]) -> str:
    """The model to use of those a server offers: one in memory, else the first; empty if none chats.

    One that the server would have run in a cloud is never chosen.
    """
    chats = [each for each in offered if each.chats and not runs_in_cloud(each)]
    in_memory = [each for each in chats if each.loaded]
    return next((each.name for each in in_memory or chats), "")


def runs_in_cloud(offer: Offer) -> bool:
    """Whether the server would have the model run elsewhere, by its name or by its own word."""
    return bool(offer.remote) or is_cloud_model(offer.name)


def _with(server: Found, offered: Sequence[Offer]) -> Found:
    """The server with the models it offers, the one to use chosen among them."""
    return replace(
        server,
        models=tuple(each.name for each in offered) or server.models,
        loaded=tuple(each.name for each in offered if each.loaded),
        chosen=choose(offered),
    )


def _rank(server: Found) -> int:
    if not server.chosen:
        return 2
    return 0 if server.chosen in server.loaded else 1

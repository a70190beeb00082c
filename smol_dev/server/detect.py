"""Finding the local server that is running, and which of its models to use, without any configuration.

Only this machine is asked (within a container also its host), on the known ports. The answers decide what kind of
server it is; an open port alone means nothing. A server that passes prompts on to a cloud is never chosen, nor is a
model that runs in one.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smol_dev.config.endpoint import ProviderName, default_base_url, is_cloud_model, is_local, parts_of, url_problem
from smol_dev.config.load import system_lookup
from smol_dev.errors import ServerError
from smol_dev.safe import command, named, safe
from smol_dev.server.failures import Target, classify
from smol_dev.server.known import (
    KnownServer,
    Offer,
    Prober,
    comparable,
    generic,
    listed,
    look,
    offers,
    recognised,
    servers,
)
from smol_dev.server.transport import knock

if TYPE_CHECKING:
    import httpx2

CONTAINER_SIGNS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
KERNEL: Final = Path("/proc/sys/kernel/osrelease")
ROUTES: Final = Path("/proc/net/route")
HOST_OF_CONTAINER: Final = "host.docker.internal"
QUICK: Final = 0.5  # seconds within which a closed port shows itself, and an idle server answers
PATIENCE: Final = 5.0  # seconds for a server that has accepted the connection to answer
NAMED: Final = 5
MODEL_RUNNER: Final = "http://model-runner.docker.internal/engines/v1"


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A running server: `models` are all it offers, `loaded` those in memory, `chosen` the one to use.

    `chosen` is empty if there is no model to chat with; `problem` says why the server listed none.
    """

    known: KnownServer
    base_url: str
    models: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    chosen: str = ""
    problem: ServerError | None = None

    @property
    def provider(self) -> ProviderName:
        """The server's name among the providers."""
        return self.known.provider

    @property
    def rank(self) -> int:
        """The server's place among those found: 0 with a model to use in memory, 1 with one to load, 2 without."""
        return 2 if not self.chosen else 0 if self.chosen in self.loaded else 1

    def offering(self, offered: Sequence[Offer]) -> "FoundServer":
        """Return the server with the models it offers, and the chosen one among them."""
        return replace(
            self,
            models=tuple(each.name for each in offered) or self.models,
            loaded=tuple(each.name for each in offered if each.loaded),
            chosen=choose(offered),
        )

    def has(self, wanted: Collection[str]) -> bool:
        """Return whether the server lists all of these models; `x` means `x:latest`, and file names count too."""
        names = set(map(comparable, self.models))
        stems = {_stem(each) for each in self.models} if self.known.names_files else set()
        return all(comparable(name) in names or _stem(name) in stems for name in wanted)


@dataclass(frozen=True, slots=True)
class Search:
    """The servers that answered, the best first, and those that did not in time.

    `silent` are the addresses that accepted a connection but did not answer within `patience` seconds.
    """

    found: tuple[FoundServer, ...]
    silent: tuple[str, ...] = ()
    patience: float = PATIENCE


async def find(
    client: "httpx2.AsyncClient",
    environ: Mapping[str, str],
    *,
    patience: float = PATIENCE,
    wanted: Collection[str] = (),
    notify: Callable[[str], None] = lambda _waiting: None,
) -> Search:
    """Look for local servers; see `find_at`. In WSL, the Windows host is tried last."""
    usual = places(environ, container=in_container(environ))
    search = await find_at(client, usual, patience=patience, wanted=wanted, notify=notify)
    if search.found or search.silent or not (windows := windows_host(environ)):
        return search
    return await find_at(client, [*_addresses_on(windows)], patience=patience, wanted=wanted, notify=notify)


async def find_at(
    client: "httpx2.AsyncClient",
    base_urls: Sequence[str],
    *,
    patience: float,
    wanted: Collection[str] = (),
    notify: Callable[[str], None] = lambda _waiting: None,
) -> Search:
    """Ask the addresses at once; a server with a chat model in memory is best, then one with one to load.

    A closed port is recognised within half a second. An open one gets `patience` seconds, because a machine busy with
    inference is slow to answer, unless a server with the `wanted` models (any, if none is named) has answered by then.
    `notify` is called once with the servers that are waited for.
    """
    found: dict[str, FoundServer] = {}
    opened: set[str] = set()

    def is_enough() -> bool:
        return any(each.chosen if not wanted else each.has(wanted) for each in found.values())

    tasks = {url: asyncio.create_task(_probe(client, url, found, opened)) for url in base_urls}
    if tasks:
        await asyncio.wait(tasks.values(), timeout=min(QUICK, patience))
    waiting = {url: task for url, task in tasks.items() if url in opened and not task.done()}
    if waiting and not is_enough() and patience > QUICK:
        notify(" and ".join(waiting))
        with suppress(TimeoutError):
            for answered in asyncio.as_completed(waiting.values(), timeout=patience - QUICK):
                await answered
                if is_enough():
                    break
    silent = tuple(sorted(url for url, task in waiting.items() if not task.done() and url not in found))
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    running = [found[url] for url in base_urls if url in found]
    return Search(tuple(sorted(running, key=lambda each: each.rank)), silent, patience)


def pick(search: Search, wanted: Collection[str], environ: Mapping[str, str]) -> FoundServer:
    """Return the server to use: the one with the `wanted` models, or the best if none is named.

    A server that takes any name is used for a model it does not list only if it is the only one. Raise `ServerError`
    when none runs, none has a model to chat with, or several lack what is wanted.
    """
    found = search.found
    if not found:
        raise nothing_found(search, environ, container=in_container(environ))
    if not wanted and not found[0].chosen:
        raise found[0].problem or no_model(found[0].known, found[0].base_url)
    if not wanted:
        return found[0]
    having = [each for each in found if each.has(wanted)]
    candidates = having or [each for each in found if each.problem is not None] or found
    if having or (len(candidates) == 1 and not search.silent):
        return candidates[0]
    have = [f"{each.known.name} at {safe(each.base_url)} has {_some_names(each.models)}" for each in found]
    have += [f"{safe(url)} did not answer within {search.patience:g} s" for url in search.silent]
    ollama = next((each.known for each in found if each.provider == "ollama"), None)
    get = f"; {ollama.remedy('model_missing', model=next(iter(wanted)))}" if ollama else ""
    raise ServerError(
        f"no running server has the model {' and '.join(map(named, wanted))}: {'; '.join(have)}",
        hint=f"choose one of these models, or say which server: `--api-base-url URL`{get}",
        kind="model_missing",
    )


def _some_names(models: Sequence[str]) -> str:
    return (", ".join(map(named, models[:NAMED])) or "none") + (", …" if len(models) > NAMED else "")


def no_model(known: KnownServer, base_url: str) -> ServerError:
    """Return the error for a running server without a model to chat with."""
    return ServerError(
        f"{known.name} at {safe(base_url)} is running, but has no model to chat with",
        hint=known.remedy("model_missing"),
        kind="model_missing",
    )


def nothing_found(search: Search, environ: Mapping[str, str], *, container: bool) -> ServerError:
    """Return the error for no answer from any local server: what was tried, and what to do."""
    if search.silent:
        return _too_slow(search)
    ports: dict[str, list[str]] = {}
    windows = windows_host(environ)
    for url in (*places(environ, container=container), *_addresses_on(windows)):
        parts = parts_of(url)
        ports.setdefault(parts.hostname or "", []).append(str(parts.port or 80))
    tried = " and ".join(f"{host} at {', '.join(each)}" for host, each in ports.items())
    ways = (
        "start a server (`ollama serve`, LM Studio, `llama-server -m MODEL.gguf`), "
        "name one with `--api-base-url URL`, or see how it works without any: `smol_dev demo`"
    )
    inside = "; in a container, `localhost` is the container itself" if container else ""
    if windows:
        inside += (
            f"; a server on Windows ({windows}) is reached from WSL when it listens on all addresses"
            ' (`OLLAMA_HOST=0.0.0.0`, or "Serve on Local Network") and the firewall lets it'
        )
    elsewhere = default_base_url("ollama", environ)
    if not is_local(elsewhere):
        inside += "; OLLAMA_HOST is no local address: name it with `--api-base-url`"
    return ServerError(f"no local server was found; tried {tried}", hint=f"{ways}{inside}", kind="not_running")


def _too_slow(search: Search) -> ServerError:
    port = parts_of(search.silent[0]).port
    usual = next((each.name for each in servers() if port in each.ports), "the server")
    return ServerError(
        f"{' and '.join(map(safe, search.silent))} accepted the connection,"
        f" but did not answer within {search.patience:g} s",
        hint=f"if {usual} is busy there, try again when it is idle, or name it, then it is waited for: "
        + command("smol_dev --api-base-url {url} --model NAME", url=search.silent[0]),
        kind="timeout",
    )


def places(environ: Mapping[str, str], *, container: bool) -> tuple[str, ...]:
    """Return the addresses where a local server may listen, `$OLLAMA_HOST` first.

    If `$SMOL_LOCAL_SERVERS` is set, its addresses, separated by white space, replace them.
    """
    found = environ.get("SMOL_LOCAL_SERVERS", "").split()
    if not found:
        found = [default_base_url("ollama", environ)] if environ.get("OLLAMA_HOST") else []
        found += [MODEL_RUNNER] if container else []
        found += _addresses_on("localhost", HOST_OF_CONTAINER if container else "")
    return tuple(dict.fromkeys(url for url in found if not url_problem(url) and is_local(url)))


def _addresses_on(*hosts: str) -> Iterator[str]:
    """Yield the addresses of every known server on these hosts."""
    local = [each for each in servers() if not each.forwards]
    return (f"http://{host}:{port}{each.path}" for host in filter(None, hosts) for each in local for port in each.ports)


def windows_host(environ: Mapping[str, str], *, release: Path = KERNEL, routes: Path = ROUTES) -> str:
    """Return the address of the Windows host (the default gateway) if we run in WSL, else an empty string."""
    if environ.get("SMOL_LOCAL_SERVERS", "").split():
        return ""
    try:
        if "microsoft" not in release.read_text(encoding="utf-8", errors="replace").lower():
            return ""
        table = routes.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    columns = [line.split() for line in table.splitlines()[1:]]
    gateways = [each[2] for each in columns if len(each) > 2 and each[1] == "00000000"]  # noqa: PLR2004
    if not gateways or not re.fullmatch("[0-9A-Fa-f]{8}", gateways[0]):
        return ""
    return str(IPv4Address(int.from_bytes(bytes.fromhex(gateways[0]), "little")))


def in_container(environ: Mapping[str, str], *, signs: Sequence[Path] = CONTAINER_SIGNS) -> bool:
    """Return whether we run in a container, as shown by a variable of its engine or by one of these files."""
    told = environ.get("container") or environ.get("KUBERNETES_SERVICE_HOST")
    return bool(told) or any(sign.exists() for sign in signs)


async def _probe(client: "httpx2.AsyncClient", base_url: str, found: dict[str, FoundServer], opened: set[str]) -> None:
    """Add the server at the address to `found`, with more about it as that becomes known."""
    if not await _is_here(base_url):
        return
    with suppress(OSError):
        await knock(base_url)  # costs far less than asking what it is
        opened.add(base_url)
    if base_url not in opened:
        return
    prober = Prober(client, base_url)
    answers = await look(prober)
    known, told = recognised(answers), answers.get("models")
    names = listed(told)
    if known.forwards or (known is generic() and not names):
        return
    server = FoundServer(known, base_url, names or ())
    if names is None:
        problem = None if told is None else classify(told, Target(base_url, "", known))  # it is loading, for example
        found[base_url] = replace(server, problem=problem)
        return
    found[base_url] = server.offering([Offer(name) for name in names])
    found[base_url] = server.offering(await offers(prober, known))


async def _is_here(base_url: str) -> bool:
    """Return whether the host has addresses, all of them on this machine or its network.

    The name is looked up in a thread of our own: the program would wait for the event loop's threads at its end, and a
    resolver that does not answer takes seconds to give up.
    """
    host = parts_of(base_url).hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"}:
        return True
    loop = asyncio.get_running_loop()
    answered: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()

    def look_up() -> None:
        found = system_lookup(host)
        with suppress(RuntimeError):  # the loop is closed, so nobody is waiting
            loop.call_soon_threadsafe(answered.put_nowait, found)

    threading.Thread(target=look_up, daemon=True).start()
    addresses = await answered.get()
    return bool(addresses) and is_local(base_url, lookup=lambda _: addresses)


def _stem(name: str) -> str:
    """Return the name of a model's file, without its folder and `.gguf`."""
    return name.replace("\\", "/").rpartition("/")[2].casefold().removesuffix(".gguf")


def choose(offered: Sequence[Offer]) -> str:
    """Return which offered model to use: one in memory, else the first; empty if none can chat.

    A model that runs in a cloud is never chosen.
    """
    chats = [each for each in offered if each.chats and not each.remote and not is_cloud_model(each.name)]
    in_memory = [each for each in chats if each.loaded]
    return next((each.name for each in in_memory or chats), "")

"""Checks from the outside in: the address, the HTTP server and its path, the key."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2

from smol_dev.config.endpoint import is_local, origin_of, parts_of
from smol_dev.errors import ServerError
from smol_dev.server.check import Check, failed
from smol_dev.server.client import Client
from smol_dev.server.failures import Answer, Asked, classify, failure
from smol_dev.server.known import listed
from smol_dev.server.probes import Probe

SECONDS = 30.0
"""For a list of models; a gateway may have to ask others first."""


async def reach(client: Client, *, key: str) -> AsyncIterator[Check]:
    """The address, the server behind it and the key; the first failure is the last check."""
    address = await _address(client)
    yield address
    if address.state == "failed":
        return
    known = await client.recognised()
    try:
        models = await model_list(client)
    except ServerError as error:
        if error.kind == "key":
            yield Check("server", "ok", f"{known.name} answers", data={"server": known.name})
            yield failed("key", error)
        else:
            yield failed("server", error)
        return
    data = {"server": known.name, "models": len(models)}
    yield Check("server", "ok", f"{known.name} answers and lists its models", data=data)
    yield Check("key", "ok", key)


async def model_list(client: Client) -> tuple[str, ...]:
    """The names of the server's models. Raises `ServerError` when it tells none."""
    asked = client.asked("plan")
    try:
        async with asyncio.timeout(SECONDS):
            response = await client.http.get(f"{asked.base_url.rstrip('/')}/models")
    except (httpx2.HTTPError, TimeoutError) as error:
        raise await client.explain(error, "plan") from error
    probe = Probe(response.status_code, dict(response.headers), response.text)
    names = listed(probe)
    if names is None:
        raise _no_list(probe, asked)
    return names


def _no_list(probe: Probe, asked: Asked) -> ServerError:
    error = classify(Answer(probe.status, probe.headers, probe.body), asked)
    if error.kind != "empty":
        return error
    return failure("wrong_path", asked)


async def _address(client: Client) -> Check:
    """Whether a connection can be made; behind a proxy that is the proxy's task."""
    asked = client.asked("plan")
    parts = parts_of(asked.base_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if asked.proxy is not None:
        return Check("address", "ok", f"asked for through the proxy {asked.proxy}")
    started = time.perf_counter()
    try:
        await _connect(["127.0.0.1", "::1"] if host == "localhost" else [host], port, client)
    except OSError as error:
        return failed("address", await client.explain(error, "plan"))
    seconds = time.perf_counter() - started
    where = "on this machine or network" if is_local(asked.base_url) else "elsewhere"
    return Check(
        "address",
        "ok",
        f"{origin_of(asked.base_url)} ({where}) accepts connections",
        data={"seconds": round(seconds, 4)},
    )


async def _connect(hosts: list[str], port: int, client: Client) -> None:
    """Connect to the first host that accepts, and hang up. Raises `OSError`, a time-out included."""
    *first, last = hosts
    for host in first:
        with suppress(OSError):
            return await _connect([host], port, client)
    async with asyncio.timeout(client.profile.connect_timeout):
        _, writer = await asyncio.open_connection(last, port)
    writer.close()
    return None

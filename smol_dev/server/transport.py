"""The one guarded way to a server, for every request: chat, models, probes, doctor, retries.

A secret goes to the origin it is bound to and nowhere else; redirects are not followed; loopback and
private addresses never go through a proxy; answers are bounded, and never compressed.
"""

import ssl
import urllib.request
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import httpx2

from smol_dev.config.endpoint import is_local, origin_of
from smol_dev.config.secret import Bound
from smol_dev.errors import ServerError

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one answer, streamed or not."""

SENT: Final = frozenset(
    {
        "accept",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)
"""The only headers that leave beside those of `Bound`: a client library adds its own, and those that
variables of its own name (organisation, project, custom ones)."""


def open_client(
    base_url: str,
    *,
    secrets: tuple[Bound, ...] = (),
    environ: Mapping[str, str],
    connect_timeout: float = 5,
    connections: int = 1,
) -> httpx2.AsyncClient:
    """A client that knows how to reach this server, guarded as the module says.

    Deadlines beyond `connect_timeout` (seconds; TCP and TLS) are the caller's. `connections` is the
    most that are open at once, a few more for probes. Raises `ServerError` for a proxy it cannot use.
    """
    return httpx2.AsyncClient(
        transport=Guard(base_url, secrets=secrets, environ=environ, connections=connections + 4),
        timeout=httpx2.Timeout(None, connect=connect_timeout),
        trust_env=False,
        follow_redirects=False,
    )


class Guard(httpx2.AsyncBaseTransport):
    """Requests as they may leave this machine, and answers as they may come in."""

    def __init__(
        self,
        base_url: str,
        *,
        secrets: tuple[Bound, ...],
        environ: Mapping[str, str],
        connections: int,
    ) -> None:
        self._secrets = secrets
        self._inner = httpx2.AsyncHTTPTransport(
            verify=_tls(base_url),
            trust_env=False,
            proxy=_usable(proxy_for(base_url, environ)),
            limits=httpx2.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=30,
            ),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The server's answer; a redirect is an answer like any other."""
        headers = {name: value for name, value in request.headers.items() if name in SENT}
        headers["accept-encoding"] = "identity"
        origin = origin_of(str(request.url))
        for bound in self._secrets:
            if bound.origin == origin:
                headers.update(bound.headers)
        response = await self._send(
            httpx2.Request(
                request.method,
                request.url,
                headers=headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )
        if response.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
            await response.aclose()
            raise ServerError(
                "the server sent a compressed answer, which was not asked for",
                hint="switch compression off in the gateway in front of the server",
                kind="server",
            )
        response.stream = Bounded(response.stream)
        return response

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        """Names that mean this machine are tried as 127.0.0.1 first.

        Windows would try ::1 for two seconds, where most local servers do not listen.
        """
        url = request.url
        if url.host != "localhost" or url.scheme != "http":
            return await self._inner.handle_async_request(request)
        try:
            request.url = url.copy_with(host="127.0.0.1")
            return await self._inner.handle_async_request(request)
        except httpx2.ConnectError as refused:
            request.url = url.copy_with(host="::1")
            try:
                return await self._inner.handle_async_request(request)
            except httpx2.ConnectError:
                raise refused from None

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()


class Bounded(httpx2.AsyncByteStream):
    """An answer's bytes, up to 64 MiB."""

    def __init__(self, stream: object) -> None:
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - an async transport's are
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks as they come. Raises `ServerError` past the bound."""
        left = MOST_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise ServerError(
                    "the server's answer is longer than 64 MiB",
                    hint="look at what the server is doing: `smol_dev doctor`",
                    kind="server",
                )
            yield chunk

    async def aclose(self) -> None:
        """Drop the rest."""
        await self._stream.aclose()


def proxy_for(base_url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that the variables name for this address, None for a local or an exempt one."""
    if is_local(base_url):
        return None
    parts = urlsplit(base_url)
    folded = {name.lower(): value for name, value in sorted(environ.items()) if value}
    proxies = {
        name.removesuffix("_proxy"): value
        for name, value in folded.items()
        if name.endswith("_proxy")
    }
    host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    if urllib.request.proxy_bypass_environment(host, proxies):  # type: ignore[attr-defined]
        return None
    return proxies.get(parts.scheme) or proxies.get("all")


def _usable(proxy: str | None) -> str | None:
    if proxy is None:
        return None
    address = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(address).scheme not in {"http", "https"}:
        raise ServerError(
            "the proxy that the environment names is no HTTP proxy",
            hint="unset `ALL_PROXY`, or set `HTTPS_PROXY` to an HTTP proxy",
            kind="proxy",
        )
    return address


def _tls(base_url: str) -> ssl.SSLContext | bool:
    """No certificates are read for a plain address: it would cost 40 ms for nothing."""
    return base_url.lower().startswith("https://")

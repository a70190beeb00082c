"""The one guarded way to a server, for every request: chat, models, probes, doctor, retries.

A secret goes to the origin it is bound to and nowhere else; redirects are not followed; loopback and
private addresses never go through a proxy; answers are bounded, and never compressed.
"""

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Final

import httpcore2
import httpx2

from smol_dev import __version__
from smol_dev.config.endpoint import origin_of
from smol_dev.config.secret import Bound
from smol_dev.errors import ServerError
from smol_dev.server.network import Network
from smol_dev.server.proxies import proxy_for, usable

PLACEHOLDER: Final = "local"
"""The key that a server gets which needs none; the client library refuses to work without one."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one answer, streamed or not."""

MOST_ERROR_BYTES: Final = 1024 * 1024
"""Of the answer to a request that failed; what is longer is cut, for its beginning says what is wrong."""

MAY_LEAVE: Final = frozenset(
    {"host", "accept", "content-type", "content-length", "transfer-encoding", "connection"}
)
"""The headers of a request that are kept; anything else a client library or `OPENAI_*` variables add
(cookies, organisation, project, custom headers, the machine's description) is not sent."""

PROBES: Final = 12
"""Connections for small questions asked together, beside those for chat."""

TRANSLATED: Final[Mapping[type[Exception], type[httpx2.TransportError]]] = {
    httpcore2.ConnectTimeout: httpx2.ConnectTimeout,
    httpcore2.ReadTimeout: httpx2.ReadTimeout,
    httpcore2.WriteTimeout: httpx2.WriteTimeout,
    httpcore2.PoolTimeout: httpx2.PoolTimeout,
    httpcore2.ConnectError: httpx2.ConnectError,
    httpcore2.ReadError: httpx2.ReadError,
    httpcore2.WriteError: httpx2.WriteError,
    httpcore2.ProxyError: httpx2.ProxyError,
    httpcore2.UnsupportedProtocol: httpx2.UnsupportedProtocol,
    httpcore2.LocalProtocolError: httpx2.LocalProtocolError,
    httpcore2.RemoteProtocolError: httpx2.RemoteProtocolError,
}
FOREIGN: Final = tuple(TRANSLATED)
LOST: Final = (httpcore2.RemoteProtocolError, httpcore2.ReadError, httpcore2.WriteError)


def open_client(
    base_url: str,
    *,
    secrets: tuple[Bound, ...] = (),
    environ: Mapping[str, str],
    connect_timeout: float = 5,
    connections: int = 1,
) -> httpx2.AsyncClient:
    """A client that knows how to reach this server, guarded as the module says.

    Deadlines beyond `connect_timeout` (seconds; TCP and TLS together) are the caller's. `connections`
    is how many stay open for the next request. `environ` is asked for proxies and certificates.
    Raises `ServerError` for a proxy that cannot be used.
    """
    return httpx2.AsyncClient(
        transport=Guard(
            base_url,
            secrets=secrets,
            environ=environ,
            connect_timeout=connect_timeout,
            connections=connections,
        ),
        timeout=httpx2.Timeout(None),
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
        connect_timeout: float,
        connections: int,
    ) -> None:
        self._secrets = secrets
        self._environ = environ
        self._network = Network(connect_timeout=connect_timeout)
        self._connections = connections
        self._pools: dict[str | None, httpcore2.AsyncConnectionPool] = {}
        self._pool_for(base_url)  # a proxy that cannot be used is an error now

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The server's answer; a redirect is an answer like any other."""
        try:
            answer = await self._send(request)
        except FOREIGN as error:
            raise _translated(error) from _reason(error)
        response = httpx2.Response(
            answer.status,
            headers=answer.headers,
            stream=Bounded(answer),
            extensions=answer.extensions,
        )
        if response.headers.get("content-encoding", "").lower() not in {"", "identity"}:
            await response.aclose()
            raise ServerError(
                "the server sent a compressed answer, which was not asked for",
                hint="switch compression off in the gateway in front of the server",
                kind="server",
            )
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _send(self, request: httpx2.Request) -> httpcore2.Response:
        """The answer, its body not read yet.

        A server may close a connection just as it is used again (llama.cpp closes each one behind a
        stream, without having said so); then the request has not been seen, and goes out once more.
        """
        url = str(request.url)
        while True:
            is_new = False

            async def note(event: str, _: object) -> None:
                nonlocal is_new
                is_new = is_new or event == "connection.connect_tcp.started"

            raw = httpcore2.Request(
                method=request.method,
                url=_address(request.url),
                headers=self._headers(request, origin_of(url)),
                content=request.stream,
                extensions={**request.extensions, "trace": note},
            )
            try:
                return await self._pool_for(url).handle_async_request(raw)
            except LOST:
                if is_new:
                    raise

    def _headers(self, request: httpx2.Request, origin: str) -> list[tuple[bytes, bytes]]:
        placeholder = f"Bearer {PLACEHOLDER}"
        headers = httpx2.Headers(
            [
                (name, value)
                for name, value in request.headers.multi_items()
                if name in MAY_LEAVE or (name == "authorization" and value == placeholder)
            ]
        )
        headers["accept-encoding"] = "identity"
        headers["user-agent"] = f"smol_dev/{__version__}"
        for bound in self._secrets:
            if bound.origin == origin:
                headers.update(bound.headers)
        return headers.raw

    def _pool_for(self, url: str) -> httpcore2.AsyncConnectionPool:
        """The connections to the address, straight or through its proxy."""
        proxy = usable(proxy_for(url, self._environ))
        if proxy not in self._pools:
            self._pools[proxy] = httpcore2.AsyncConnectionPool(
                ssl_context=certificates(self._environ) if url.startswith("https://") else None,
                proxy=None if proxy is None else _proxy(proxy),
                max_connections=self._connections + PROBES,
                max_keepalive_connections=self._connections,
                keepalive_expiry=30,
                network_backend=self._network,
            )
        return self._pools[proxy]


def certificates(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The authorities that are trusted: the system's, or those that `SSL_CERT_FILE` or `SSL_CERT_DIR` name.

    Built for `https://` alone, because it takes 40 ms. Raises `ServerError`.
    """
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not file and not folder:
        return httpcore2.default_ssl_context()
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:  # also what a file means that holds no certificate
        name, value = ("SSL_CERT_FILE", file) if file else ("SSL_CERT_DIR", folder)
        raise ServerError(
            f"the certificates of {name} (`{value}`) cannot be read: {error.strerror or error}",
            hint=f"correct {name}, or unset it to trust the system's certificates",
            kind="tls",
        ) from error


def _proxy(url: str) -> httpcore2.Proxy:
    """The proxy at this address; a name and password in it go to the proxy alone."""
    parsed = httpx2.Proxy(url)
    return httpcore2.Proxy(_address(parsed.url), auth=parsed.raw_auth)


def _address(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


class Bounded(httpx2.AsyncByteStream):
    """An answer's bytes, up to 64 MiB; of an error the first mebibyte."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer
        self._is_error = answer.status >= 300  # noqa: PLR2004 - 2xx alone holds what was asked for

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks as they come. Raises `ServerError` past the bound."""
        left = MOST_ERROR_BYTES if self._is_error else MOST_BYTES
        stream = self._answer.stream
        assert isinstance(stream, AsyncIterable)  # noqa: S101 - an asynchronous pool's are
        try:
            async for chunk in stream:
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
        except FOREIGN as error:
            raise _translated(error) from _reason(error)
        if left < 0 and not self._is_error:
            raise ServerError(
                "the server's answer is longer than 64 MiB",
                hint="look at what the server is doing: `smol_dev doctor`",
                kind="server",
            )

    async def aclose(self) -> None:
        """Drop the rest."""
        await self._answer.aclose()


def _reason(error: Exception) -> BaseException:
    """What the operating system or TLS said; the pool hides it behind `from None`."""
    return error.__cause__ or error.__context__ or error


def _translated(error: Exception) -> httpx2.TransportError:
    """The same failure as the client library knows it."""
    return TRANSLATED[type(error)](str(error))

"""The one guarded way to a server, from the socket up, for every request: chat, models, probes, doctor, retries.

A secret goes to the origin it is bound to and nowhere else; redirects are not followed; loopback and private addresses
never go through a proxy; answers are limited in size, also when decompressed, and in how far they are read ahead.

The connection pool is httpx2's. Its own way of reading (anyio) was measured instead of `_Connection`, with one token a
chunk from 64 slots: 82 µs of CPU time per chunk for the whole client, against 49 with it and a limit of 50.
"""

import asyncio
import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final
from urllib.parse import SplitResult

import httpcore2
import httpx2

from smol_dev import __version__
from smol_dev.config.endpoint import PORTS, address_of, addresses_of, is_local, origin_of, parts_of
from smol_dev.config.secret import NO_SECRETS, Bound
from smol_dev.errors import ServerError
from smol_dev.safe import safe

PLACEHOLDER: Final = "local"  # the key for a server that needs none; the client library refuses to work without one
MOST_BYTES: Final = 64 * 1024 * 1024  # bytes of one answer, streamed or not
MOST_PROBE_BYTES: Final = 4 * 1024 * 1024  # bytes of the answer to a question about the server, which is a GET
MOST_ERROR_BYTES: Final = 64 * 1024
"""Bytes of the answer to a failed request; the rest is cut, as its beginning says what is wrong."""

MAY_LEAVE: Final = frozenset(
    {b"host", b"accept", b"content-type", b"content-length", b"transfer-encoding", b"connection"}
)
"""The request headers that are sent.

Anything else that the client library or `OPENAI_*` variables add (cookies, organisation, project, custom headers, a
description of the machine) stays here.
"""

BODY: Final = "smol_dev_body"
"""The response extension that holds its bytes, without the generator that the client library puts around them."""

DECODED: Final = frozenset({"gzip", "x-gzip", "deflate"})
PLAIN: Final = frozenset({"", "identity"})
ANY_HEADER: Final = zlib.MAX_WBITS | 32  # tells `zlib` to accept gzip or zlib, as the data says
PIECE: Final = 256 * 1024
OF_THE_CODING: Final = frozenset({b"content-encoding", b"content-length"})

FOREIGN: Final = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
)
"""What the pool raises; the client library has an exception of the same name for each."""


LOCALHOST: Final = ("127.0.0.1", "::1")
"""Most local servers listen on the first; Windows would try the second for two seconds before it."""

NEXT_ADDRESS: Final = 0.25  # seconds until another address of the same name is tried as well (RFC 8305)
TLS_SECONDS: Final = 2.0
TICKS: Final = 20  # parts of a timeout, each of which must pass in a separate round of the event loop
MOST_HEAD: Final = 128 * 1024
"""Bytes of an answer's head, including answers like `100 Continue` before it, which may never end."""

READ_AHEAD: Final = 256 * 1024  # unread bytes above which the server is slowed down


def open_client(
    base_url: str, *, secrets: Bound = NO_SECRETS, environ: Mapping[str, str], connect_timeout: float = 5
) -> httpx2.AsyncClient:
    """Return a client for this server, guarded as the module says.

    Deadlines beyond `connect_timeout` (seconds; TCP and TLS together) are up to the caller. It opens as many
    connections as there are simultaneous requests. `environ` is read for proxies and certificates. Raise `ServerError`
    for an unusable proxy.
    """
    return httpx2.AsyncClient(
        transport=Guard(base_url, secrets=secrets, environ=environ, connect_timeout=connect_timeout),
        timeout=httpx2.Timeout(None),
        trust_env=False,
        follow_redirects=False,
    )


class Guard(httpx2.AsyncBaseTransport):
    """A transport that checks what may leave this machine and what may come in."""

    def __init__(self, base_url: str, *, secrets: Bound, environ: Mapping[str, str], connect_timeout: float) -> None:
        self._bound = secrets
        self._secret_headers = httpx2.Headers(secrets.headers).raw
        self._environ = environ
        self._network = Network(connect_timeout=connect_timeout)
        self._pools: dict[tuple[str, str | None], httpcore2.AsyncConnectionPool] = {}
        self._pool(base_url)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the server's answer; a redirect is an answer like any other."""
        url = self._with_query(request.url)
        raw = httpcore2.Request(
            method=request.method,
            url=_address(url),
            headers=self._headers(request, origin_of(str(url))),
            content=request.stream,
            extensions=request.extensions,
        )
        with translated():
            answer = await self._sent(raw, self._pool(str(url)))
        codings = (value for name, value in answer.headers if name.lower() == b"content-encoding")
        coding = b",".join(codings).decode("latin-1").strip().lower()
        most = MOST_PROBE_BYTES if request.method == "GET" else MOST_BYTES
        bounded = Bounded(answer, most=most, is_compressed=coding in DECODED)
        if coding not in {*DECODED, *PLAIN}:
            await bounded.aclose()
            raise ServerError(
                f"the server sent an answer in `{safe(coding)}`, which was not asked for",
                hint="switch compression off in the gateway in front of the server",
                kind="server",
            )
        headers = [each for each in answer.headers if each[0].lower() not in OF_THE_CODING]
        return httpx2.Response(
            answer.status,
            headers=headers if coding in DECODED else answer.headers,
            stream=bounded,
            extensions={**answer.extensions, BODY: bounded},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _sent(self, request: httpcore2.Request, pool: httpcore2.AsyncConnectionPool) -> httpcore2.Response:
        """Return the answer with its body unread.

        A server may close a connection just as it is used again (llama.cpp silently closes each one after a stream). It
        has not seen the request then, so we send it again.
        """
        while True:
            try:
                answer = await pool.handle_async_request(request)
            except UnseenError:
                continue
            connection = answer.extensions["network_stream"]
            if isinstance(connection, _Connection):
                connection.head_complete()
            return answer

    def _pool(self, url: str) -> httpcore2.AsyncConnectionPool:
        """Return the connection pool for a URL, which opens as many connections as there are simultaneous requests."""
        proxy = usable(proxy_for(url, self._environ))
        scheme = parts_of(url).scheme
        if (scheme, proxy) not in self._pools:
            address = None if proxy is None else httpx2.Proxy(proxy)  # a name and password in it go only to the proxy
            self._pools[scheme, proxy] = httpcore2.AsyncConnectionPool(
                ssl_context=certificates(self._environ) if scheme == "https" else None,
                proxy=None if address is None else httpcore2.Proxy(_address(address.url), auth=address.raw_auth),
                max_connections=None,
                keepalive_expiry=30,
                network_backend=self._network,
            )
        return self._pools[scheme, proxy]

    def _with_query(self, url: httpx2.URL) -> httpx2.URL:
        query = self._bound.query
        return url.copy_merge_params(query) if query and self._bound.origin == origin_of(str(url)) else url

    def _headers(self, request: httpx2.Request, origin: str) -> list[tuple[bytes, bytes]]:
        """Return the headers that may leave, with the origin's secrets replacing headers of the same name.

        They stay bytes: decoding and encoding each one costs more than choosing.
        """
        placeholder = (b"authorization", f"Bearer {PLACEHOLDER}".encode())
        kept = {
            name.lower(): (name, value)
            for name, value in request.headers.raw
            if name.lower() in MAY_LEAVE or (name.lower(), value) == placeholder
        }
        kept[b"accept-encoding"] = (b"Accept-Encoding", b"identity")
        kept[b"user-agent"] = (b"User-Agent", f"smol_dev/{__version__}".encode())
        if self._bound.origin == origin:
            kept.update((name.lower(), (name, value)) for name, value in self._secret_headers)
        return list(kept.values())


class Bounded(httpx2.AsyncByteStream):
    """An answer's bytes up to a limit; only the first 64 KiB of an error."""

    def __init__(self, answer: httpcore2.Response, *, most: int, is_compressed: bool) -> None:
        self._answer = answer
        self._most = most
        self._decoder = zlib.decompressobj(ANY_HEADER) if is_compressed else None
        self._is_error = answer.status >= 300  # noqa: PLR2004 - 2xx alone holds what was asked for

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the chunks as they come. Raise `ServerError` past the limit."""
        left = MOST_ERROR_BYTES if self._is_error else self._most
        stream = self._answer.stream
        assert isinstance(stream, AsyncIterable)  # noqa: S101 - true of an asynchronous pool
        with translated():
            async for received in stream:
                for chunk in (received,) if self._decoder is None else self._decompressed(self._decoder, received):
                    left -= len(chunk)
                    if left >= 0:
                        yield chunk
                        continue
                    if self._is_error:
                        yield chunk[:left]
                        return
                    raise ServerError(
                        f"the server's answer is longer than {self._most // 1024**2} MiB",
                        hint="check the server: `smol_dev doctor`",
                        kind="server",
                    )
        if self._decoder is not None and not self._decoder.eof:
            raise httpx2.RemoteProtocolError("the compressed answer breaks off")

    @staticmethod
    def _decompressed(decoder: "zlib._Decompress", received: bytes) -> Iterator[bytes]:
        """Yield what a piece contains in limited parts: a few bytes can become a gibibyte."""
        try:
            while received and not decoder.eof:
                yield decoder.decompress(received, PIECE)
                received = decoder.unconsumed_tail
        except zlib.error as error:
            raise httpx2.RemoteProtocolError("the answer is not compressed as it says") from error

    async def aclose(self) -> None:
        """Drop the rest, which frees the connection for another request."""
        await self._answer.aclose()


@contextmanager
def translated() -> Iterator[None]:
    """Raise the client library's exception for one of the pool, with the cause that the pool hides."""
    try:
        yield
    except FOREIGN as error:
        cause = error.__cause__ or error.__context__ or error
        raise getattr(httpx2, type(error).__name__)(str(error)) from cause


def certificates(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the trusted authorities: the system's, or those of `SSL_CERT_FILE` or `SSL_CERT_DIR`.

    Needed only for `https://`, as it takes 40 ms at the start. Raise `ServerError` if they cannot be read.
    """
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not file and not folder:
        return httpcore2.default_ssl_context()
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:  # also raised for a file without certificates
        name, value = ("SSL_CERT_FILE", file) if file else ("SSL_CERT_DIR", folder)
        raise ServerError(
            f"the certificates of {name} (`{value}`) cannot be read: {error.strerror or error}",
            hint=f"correct {name}, or unset it to trust the system's certificates",
            kind="tls",
        ) from error


def _address(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that the variables name for this address, or None for a local or exempt one.

    `HTTPS_PROXY` (or `HTTP_PROXY`) beats `ALL_PROXY`, lower case beats upper case, `NO_PROXY` exempts.
    """
    if is_local(url):
        return None
    parts = parts_of(url)
    names = (f"{parts.scheme}_proxy", "all_proxy", "no_proxy")
    own, other, exempt = ((environ.get(name) or environ.get(name.upper()) or "").strip() for name in names)
    proxy = own or other
    if not proxy or _is_exempt(parts, exempt):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def usable(proxy: str | None) -> str | None:
    """Return the proxy. Raise `ServerError` if it is not an HTTP proxy."""
    if proxy is None:
        return None
    parts = parts_of(proxy)
    if not parts.hostname or parts.port == 0 or parts.scheme not in PORTS:
        raise ServerError(
            f"the proxy {shown(proxy)} that the environment names is no HTTP proxy",
            hint="set HTTPS_PROXY to an HTTP proxy, or exempt the server's host with NO_PROXY",
            kind="proxy",
        )
    return proxy


def shown(proxy: str) -> str:
    """Return the proxy's address without any name and password."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _is_exempt(parts: SplitResult, exempt: str) -> bool:
    """Return whether `NO_PROXY` names the host: `*`, a domain, `host:port`, an address or a network."""
    host = (parts.hostname or "").lower()
    port = parts.port or PORTS.get(parts.scheme)
    for entry in (each.strip().lower() for each in exempt.split(",")):
        name, colon, wanted = entry.rpartition(":")
        if colon and wanted.isdigit() and (":" not in name or name.startswith("[")):
            if int(wanted) != port:
                continue
            entry = name  # noqa: PLW2901 - what is left of it
        domain = entry.removeprefix("*").removeprefix(".")
        if entry == "*" or (domain and (host == domain or host.endswith(f".{domain}"))):
            return True
        with suppress(ValueError):  # it is no network
            if (address := address_of(host)) and address in ipaddress.ip_network(entry.strip("[]"), strict=False):
                return True
    return False


class Timeout:
    """A timeout, for one wait or several in turn, that ignores time in which the event loop was stalled.

    On a busy machine, or after the process was stopped, a timer and the bytes it waits for become ready at the same
    moment, and the event loop runs the timer first.
    """

    def __init__(self, seconds: float) -> None:
        self._tick = max(seconds, 0) / TICKS
        self._left = TICKS
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Raise `TimeoutError` in the block when the seconds are used up."""
        async with asyncio.timeout(None) as limit:
            self._next_tick(limit)
            try:
                yield
            finally:
                if self._timer is not None:
                    self._timer.cancel()

    def _next_tick(self, limit: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()
        if self._left > 0:
            self._left -= 1
            self._timer = loop.call_later(self._tick, self._next_tick, limit)
        else:
            limit.reschedule(loop.time())


class Network(httpcore2.AsyncNetworkBackend):
    """A network backend that opens each connection within `connect_timeout` seconds, including TLS."""

    def __init__(self, *, connect_timeout: float) -> None:
        self._seconds = connect_timeout

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the signature of the base class
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        """Return an open connection; the parameters after `port` are not used."""
        limit = Timeout(self._seconds)
        try:
            async with limit.running():
                return await _connected(host, port, limit)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no connection within {self._seconds:g} s") from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error


async def _connected(host: str, port: int, limit: Timeout) -> "_Connection":
    """Return a connection to the name's checked addresses in turn, or to what the system finds."""
    checked = LOCALHOST if host.lower() == "localhost" else addresses_of(host.lower())
    connect = asyncio.get_running_loop().create_connection
    refused: list[OSError] = []
    for address in checked or (host,):
        try:
            return (await connect(lambda: _Connection(limit), address, port, happy_eyeballs_delay=NEXT_ADDRESS))[1]
        except OSError as error:
            refused.append(error)
    raise refused[0]  # the machine may lack IPv6: the first address gives the reason


async def knock(base_url: str) -> None:
    """Connect and hang up. Raise `OSError` if nothing listens."""
    parts = parts_of(base_url)
    await (await _connected(parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0), Timeout(0))).aclose()


async def speaks_tls(base_url: str) -> bool:
    """Return whether a server that did not answer plain HTTP accepts a TLS connection; nothing is sent over it."""
    parts = parts_of(base_url)
    if parts.scheme != "http":
        return False
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(TLS_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or PORTS["http"], ssl=context)
    except OSError:  # including timeouts and TLS failures
        return False
    writer.transport.abort()
    return True


class UnseenError(httpcore2.ReadError):
    """A connection that the server closed before it saw the request."""


class _Connection(asyncio.Protocol, httpcore2.AsyncNetworkStream):
    """One open connection. Reads wait without limit: deadlines are up to the reader."""

    _transport: asyncio.Transport

    def __init__(self, limit: Timeout) -> None:
        self._limit = limit
        self._outgoing: list[bytes] = []
        self._received = bytearray()
        self._ended = False
        self._lost: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._head_left: int | None = None
        self._is_used = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > READ_AHEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._lost = True, exc
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def head_complete(self) -> None:
        """Note that the head of an answer is complete; the reader limits the rest."""
        self._head_left, self._is_used = None, True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109
        """Return what has come since the last read; empty at the end."""
        if self._outgoing:
            self._transport.write(b"".join(self._outgoing))
            self._outgoing.clear()
        while not self._received and not self._ended:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if not self._received:
            return self._end()
        taken = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        if self._paused and not self._received:
            self._paused = False
            self._transport.resume_reading()
        if self._head_left is not None:
            self._head_left -= len(taken)
            if self._head_left < 0:
                raise httpcore2.RemoteProtocolError("the head of the answer does not end")
        return taken

    def _end(self) -> bytes:
        if self._is_used and self._head_left == MOST_HEAD:
            raise UnseenError("the connection was closed before the request was seen") from self._lost
        if self._lost is not None:
            raise httpcore2.ReadError(str(self._lost)) from self._lost
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Keep the bytes until the answer is waited for, so that the parts of a request leave together."""
        if not self._outgoing:
            self._head_left = MOST_HEAD
        if self._transport.is_closing():
            raise httpcore2.WriteError("the connection is closed") from self._lost
        self._outgoing.append(buffer)

    async def aclose(self) -> None:
        """Drop the connection at once, so that the server stops working for it."""
        self._transport.abort()
        await asyncio.sleep(0)  # the loop closes the socket itself in its next round

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        """Return the same connection, encrypted, within the time left to connect."""
        loop = asyncio.get_running_loop()
        try:
            async with self._limit.running():
                transport = await loop.start_tls(self._transport, self, ssl_context, server_hostname=server_hostname)
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore2.ConnectTimeout("no TLS within the time to connect") from error
        except OSError as error:  # including every TLS error
            self._transport.abort()
            raise httpcore2.ConnectError(str(error)) from error
        if transport is None:
            raise httpcore2.ConnectError("the connection was lost during TLS")
        self._transport = transport
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature of the base class
        """Return facts about the connection; `is_readable` on an idle one means that the server has closed it."""
        if info == "is_readable":
            return bool(self._received) or self._ended
        return self._transport.get_extra_info(info)

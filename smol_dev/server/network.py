"""Sockets: connect within one deadline, `localhost` at 127.0.0.1 first; deliver what has come, and limit reading ahead.

httpx2's own way of reading (anyio) was measured instead, with one token a chunk from 64 slots: 82 µs of CPU time per
chunk for the whole client, against 49 with this one and a limit of 50. Its connection pool is as fast as one of our
own, and is used.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import httpcore2

from smol_dev.config.endpoint import PORTS, addresses_of, parts_of

LOCALHOST: Final = ("127.0.0.1", "::1")
"""Most local servers listen on the first; Windows would try the second for two seconds before it."""

NEXT_ADDRESS: Final = 0.25
"""Seconds until another address of the same name is tried as well (RFC 8305)."""

TLS_SECONDS: Final = 2.0
TICKS: Final = 20
"""Parts of a timeout, each of which must pass in a separate round of the event loop."""

MOST_HEAD: Final = 128 * 1024
"""Bytes of an answer's head, including answers like `100 Continue` before it, which may never end."""

READ_AHEAD: Final = 256 * 1024
"""Unread bytes above which the server is slowed down."""


class UnseenError(httpcore2.ReadError):
    """A connection that the server closed before it saw the request."""


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


async def _connected(host: str, port: int, limit: Timeout) -> "Connection":
    """Return a connection to the name's checked addresses in turn, or to what the system finds."""
    loop = asyncio.get_running_loop()
    checked = LOCALHOST if host.lower() == "localhost" else addresses_of(host.lower())
    if not checked:
        return (await loop.create_connection(lambda: Connection(limit), host, port, happy_eyeballs_delay=NEXT_ADDRESS))[
            1
        ]
    refused: OSError | None = None
    for address in checked:
        try:
            return (await loop.create_connection(lambda: Connection(limit), address, port))[1]
        except OSError as error:  # the machine may lack IPv6: the first address gives the reason
            refused = refused or error
    assert refused is not None  # noqa: S101 - there was an address
    raise refused


async def knock(base_url: str) -> None:
    """Connect and hang up. Raise `OSError` if nothing listens."""
    parts = parts_of(base_url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    *others, last = LOCALHOST if host == "localhost" else (host,)
    for address in others:
        with suppress(OSError):
            return (await asyncio.open_connection(address, port))[1].close()
    return (await asyncio.open_connection(last, port))[1].close()


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


class Connection(asyncio.Protocol, httpcore2.AsyncNetworkStream):
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
        """Note that the connection is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Keep what has come; slow the server down while too much of it is unread."""
        self._received += data
        if len(self._received) > READ_AHEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Note that the server will send no more."""
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is closed, or broken for the given reason."""
        self._ended, self._lost = True, exc
        self._wake()

    def head_complete(self) -> None:
        """Note that the head of an answer is complete; the reader limits the rest."""
        self._head_left, self._is_used = None, True

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the signature of the base class
    ) -> bytes:
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

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the signature of the base class
    ) -> None:
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
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the signature of the base class
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

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

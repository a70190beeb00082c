"""Connections as this program needs them: one deadline for TCP and TLS, `localhost` at 127.0.0.1 first.

The transport's own way of reading a socket costs more for each piece of an answer than everything else
together; this one hands on what the event loop has received.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, Final

import httpcore2

from smol_dev.config.endpoint import addresses_of
from smol_dev.server.patience import Patience

LOCALHOST: Final = ("127.0.0.1", "::1")
"""Most local servers listen on the first; Windows would try the second for two seconds before it."""

NEXT_ADDRESS: Final = 0.25
"""Seconds until another address of the same name is tried as well (RFC 8305)."""

TLS_SECONDS: Final = 2.0
MOST_HEAD: Final = 128 * 1024
"""Bytes of an answer's head; answers like `100 Continue` in front of it, which may come without end, count."""

READ_AHEAD: Final = 256 * 1024
"""Bytes that may wait to be read before the server is slowed down."""


class Network(httpcore2.AsyncNetworkBackend):
    """Opens connections, each within `connect_timeout` seconds, TLS included, and counts them.

    `head_left` is set while the head of an answer is waited for: the bytes that may come until then.
    """

    def __init__(self, *, connect_timeout: float) -> None:
        self.connections = 0
        self.head_left: int | None = None
        self._seconds = connect_timeout

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the base class
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """An open connection; the parameters behind the port have no use here."""
        del timeout, local_address, socket_options
        patience = Patience(self._seconds)
        self.connections += 1
        try:
            async with patience.within():
                return Connection(await _connected(host, port), patience, self)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no connection within {self._seconds:g} s") from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error


async def _connected(host: str, port: int) -> "_Incoming":
    """A connection to the name's checked addresses, one after the other, or to what the system finds."""
    loop = asyncio.get_running_loop()
    checked = LOCALHOST if host.lower() == "localhost" else addresses_of(host.lower())
    if not checked:
        _, incoming = await loop.create_connection(_Incoming, host, port, happy_eyeballs_delay=NEXT_ADDRESS)
        return incoming
    refused: OSError | None = None
    for address in checked:
        try:
            _, incoming = await loop.create_connection(_Incoming, address, port)
        except OSError as error:  # the machine may have no IPv6 at all: the first address says why
            refused = refused or error
        else:
            return incoming
    assert refused is not None  # noqa: S101 - there was an address
    raise refused


async def speaks_tls(host: str, port: int) -> bool:
    """Whether a server that did not answer HTTP takes a TLS connection; nothing is sent over it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(TLS_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except OSError:  # a time-out and every error of TLS are ones
        return False
    writer.transport.abort()
    return True


class Connection(httpcore2.AsyncNetworkStream):
    """One open connection. Reads wait as long as it takes: deadlines are the reader's own."""

    def __init__(self, incoming: "_Incoming", patience: Patience, network: Network) -> None:
        self._incoming = incoming
        self._network = network
        self._patience = patience
        self._outgoing: list[bytes] = []

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the base class
    ) -> bytes:
        """What has come since the last time, empty at the end."""
        del timeout
        incoming = self._incoming
        if self._outgoing:
            incoming.transport.write(b"".join(self._outgoing))
            self._outgoing.clear()
        while not incoming.received:
            if incoming.ended:
                if incoming.lost is not None:
                    raise httpcore2.ReadError(str(incoming.lost)) from incoming.lost
                return b""
            await incoming.more()
        taken = incoming.take(max_bytes)
        if self._network.head_left is not None:
            self._network.head_left -= len(taken)
            if self._network.head_left < 0:
                raise httpcore2.RemoteProtocolError("the head of the answer does not end")
        return taken

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the base class
    ) -> None:
        """Keep the bytes until the answer is waited for: the parts of a request leave together."""
        del timeout
        if self._incoming.transport.is_closing():
            raise httpcore2.WriteError("the connection is closed") from self._incoming.lost
        self._outgoing.append(buffer)

    async def aclose(self) -> None:
        """Drop the connection at once, so that the server stops working for it."""
        self._incoming.transport.abort()
        await asyncio.sleep(0)  # the socket itself is closed in the next round of the loop

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the base class
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection, encrypted, within what is left of the time to connect."""
        del timeout
        incoming, loop = self._incoming, asyncio.get_running_loop()
        try:
            async with self._patience.within():
                transport = await loop.start_tls(
                    incoming.transport, incoming, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            incoming.transport.abort()
            raise httpcore2.ConnectTimeout("no TLS within the time to connect") from error
        except OSError as error:  # every error of TLS is one
            incoming.transport.abort()
            raise httpcore2.ConnectError(str(error)) from error
        if transport is None:
            raise httpcore2.ConnectError("the connection was lost during TLS")
        incoming.transport = transport
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature of the base class
        """Facts about the connection; `is_readable` on an idle one means that the server closed it."""
        incoming = self._incoming
        if info == "is_readable":
            return bool(incoming.received) or incoming.ended
        return incoming.transport.get_extra_info(info)


class _Incoming(asyncio.Protocol):
    """What the event loop has received on a connection and nobody has read yet."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = False
        self.lost: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self.received += data
        if len(self.received) > READ_AHEAD and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The server has said all it will."""
        self.ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, or broken for the reason given."""
        self.ended, self.lost = True, exc
        self._wake()

    def take(self, most: int) -> bytes:
        """Up to so many of the bytes received; the rest stays."""
        taken = bytes(self.received[:most])
        del self.received[:most]
        if self._paused and not self.received:
            self._paused = False
            self.transport.resume_reading()
        return taken

    async def more(self) -> None:
        """Wait until something comes, or the end."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

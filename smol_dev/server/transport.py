"""The one guarded way to a server, for every request: chat, models, probes, doctor, retries.

A secret goes to the origin it is bound to and nowhere else; redirects are not followed; loopback and
private addresses never go through a proxy; answers are bounded, decompressed as well.
"""

import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from typing import Final

import httpcore2
import httpx2

from smol_dev import __version__
from smol_dev.config.endpoint import origin_of
from smol_dev.config.secret import Bound
from smol_dev.errors import ServerError
from smol_dev.safe import safe
from smol_dev.server.lines import Line, Lines, Way
from smol_dev.server.network import MOST_HEAD

PLACEHOLDER: Final = "local"
"""The key that a server gets which needs none; the client library refuses to work without one."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one answer, streamed or not."""

MOST_PROBE_BYTES: Final = 4 * 1024 * 1024
"""Of the answer to a question about the server: whatever is not posted."""

MOST_ERROR_BYTES: Final = 64 * 1024
"""Of the answer to a request that failed; what is longer is cut, for its beginning says what is wrong."""

MAY_LEAVE: Final = frozenset(
    {b"host", b"accept", b"content-type", b"content-length", b"transfer-encoding", b"connection"}
)
"""The headers of a request that are kept; anything else a client library or `OPENAI_*` variables add
(cookies, organisation, project, custom headers, the machine's description) is not sent."""

DECODED: Final = frozenset({"gzip", "x-gzip", "deflate"})
PLAIN: Final = frozenset({"", "identity"})
ANY_HEADER: Final = zlib.MAX_WBITS | 32
"""For `zlib`: of gzip or of zlib, as the data says."""

PIECE: Final = 256 * 1024
OF_THE_CODING: Final = frozenset({b"content-encoding", b"content-length"})

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
    base_url: str, *, secrets: tuple[Bound, ...] = (), environ: Mapping[str, str], connect_timeout: float = 5
) -> httpx2.AsyncClient:
    """A client that knows how to reach this server, guarded as the module says.

    Deadlines beyond `connect_timeout` (seconds; TCP and TLS together) are the caller's. It opens as many
    connections as requests are under way at once. `environ` is asked for proxies and certificates.
    Raises `ServerError` for a proxy that cannot be used.
    """
    return httpx2.AsyncClient(
        transport=Guard(base_url, secrets=secrets, environ=environ, connect_timeout=connect_timeout),
        timeout=httpx2.Timeout(None),
        trust_env=False,
        follow_redirects=False,
    )


class Guard(httpx2.AsyncBaseTransport):
    """Requests as they may leave this machine, and answers as they may come in."""

    def __init__(
        self, base_url: str, *, secrets: tuple[Bound, ...], environ: Mapping[str, str], connect_timeout: float
    ) -> None:
        self._secrets = [(bound.origin, httpx2.Headers(bound.headers).raw) for bound in secrets]
        self._queries = [(bound.origin, bound.query) for bound in secrets if bound.query]
        self._lines = Lines(base_url, environ=environ, connect_timeout=connect_timeout)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The server's answer; a redirect is an answer like any other."""
        way = self._lines.way(self._address(request.url))
        line = self._lines.line(way)
        try:
            answer = await self._send(request, line, way)
        except BaseException as error:
            way.free.append(line)
            if isinstance(error, FOREIGN):
                raise _translated(error) from _reason(error)
            raise
        coding = _coding(answer)
        bounded = Bounded(
            answer,
            lambda: way.free.append(line),
            most=MOST_PROBE_BYTES if request.method == "GET" else MOST_BYTES,
            coding=coding,
        )
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
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._lines.aclose()

    async def _send(self, request: httpx2.Request, line: Line, way: Way) -> httpcore2.Response:
        """The answer, its body not read yet.

        A server may close a connection just as it is used again (llama.cpp closes each one behind a
        stream, without having said so); then the request has not been seen, and goes out once more.
        """
        while True:
            connections = line.network.connections
            raw = httpcore2.Request(
                method=request.method,
                url=way.address,
                headers=self._headers(request, way.origin),
                content=request.stream,
                extensions=request.extensions,
            )
            line.network.head_left = MOST_HEAD
            try:
                return await line.pool.handle_async_request(raw)
            except LOST:
                if line.network.connections > connections:
                    raise
            finally:
                line.network.head_left = None

    def _address(self, url: httpx2.URL) -> httpx2.URL:
        """The URL with the query parameters of its origin."""
        for origin, query in self._queries:
            if origin == origin_of(str(url)):
                return url.copy_merge_params(query)
        return url

    def _headers(self, request: httpx2.Request, origin: str) -> list[tuple[bytes, bytes]]:
        """Those that may leave, and the secrets of the origin, each in place of a header of its name.

        As bytes all the way: decoding each one and encoding it again costs more than choosing.
        """
        placeholder = (b"authorization", f"Bearer {PLACEHOLDER}".encode())
        kept = {
            name.lower(): (name, value)
            for name, value in request.headers.raw
            if name.lower() in MAY_LEAVE or (name.lower(), value) == placeholder
        }
        kept[b"accept-encoding"] = (b"Accept-Encoding", b"identity")
        kept[b"user-agent"] = (b"User-Agent", f"smol_dev/{__version__}".encode())
        for bound_to, headers in self._secrets:
            if bound_to == origin:
                kept.update((name.lower(), (name, value)) for name, value in headers)
        return list(kept.values())


class Bounded(httpx2.AsyncByteStream):
    """An answer's bytes, up to a bound; of an error the first 64 KiB."""

    def __init__(self, answer: httpcore2.Response, over: Callable[[], None], *, most: int, coding: str = "") -> None:
        self._answer = answer
        self._over: Callable[[], None] | None = over
        self._most = most
        self._decoder = zlib.decompressobj(ANY_HEADER) if coding in DECODED else None
        self._is_error = answer.status >= 300  # noqa: PLR2004 - 2xx alone holds what was asked for

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks as they come. Raises `ServerError` past the bound."""
        left = MOST_ERROR_BYTES if self._is_error else self._most
        stream = self._answer.stream
        assert isinstance(stream, AsyncIterable)  # noqa: S101 - an asynchronous pool's are
        try:
            async for received in stream:
                for chunk in self._decoded(received):
                    left -= len(chunk)
                    if left >= 0:
                        yield chunk
                        continue
                    if self._is_error:
                        yield chunk[:left]
                        return
                    raise self._too_long()
        except FOREIGN as error:
            raise _translated(error) from _reason(error)
        except zlib.error as error:
            raise httpx2.RemoteProtocolError("the answer is not compressed as it says") from error
        if self._decoder is not None and not self._decoder.eof:
            raise httpx2.RemoteProtocolError("the compressed answer breaks off")

    def _decoded(self, received: bytes) -> Iterator[bytes]:
        """What a piece holds, a bounded part at a time: some bytes can be a gibibyte."""
        decoder = self._decoder
        if decoder is None:
            yield received
            return
        while received and not decoder.eof:
            yield decoder.decompress(received, PIECE)
            received = decoder.unconsumed_tail

    def _too_long(self) -> ServerError:
        return ServerError(
            f"the server's answer is longer than {self._most // 1024**2} MiB",
            hint="look at what the server is doing: `smol_dev doctor`",
            kind="server",
        )

    async def aclose(self) -> None:
        """Drop the rest; the connection is free for another request."""
        over, self._over = self._over, None
        try:
            await self._answer.aclose()
        finally:
            if over is not None:
                over()


def _coding(answer: httpcore2.Response) -> str:
    """How an answer is compressed, though none was asked to be; gateways do so all the same."""
    codings = (value for name, value in answer.headers if name.lower() == b"content-encoding")
    return b",".join(codings).decode("latin-1").strip().lower()


def _reason(error: Exception) -> BaseException:
    """What the operating system or TLS said; the pool hides it behind `from None`."""
    return error.__cause__ or error.__context__ or error


def _translated(error: Exception) -> httpx2.TransportError:
    """The same failure as the client library knows it."""
    return TRANSLATED[type(error)](str(error))

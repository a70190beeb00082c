"""The one guarded way to a server, for every request: chat, models, probes, doctor, retries.

A secret goes to the origin it is bound to and nowhere else; redirects are not followed; loopback and private addresses
never go through a proxy; answers are limited in size, also when decompressed.
"""

import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult

import httpcore2
import httpx2

from smol_dev import __version__
from smol_dev.config.endpoint import PORTS, address_of, is_local, origin_of, parts_of
from smol_dev.config.secret import NO_SECRETS, Bound
from smol_dev.errors import ServerError
from smol_dev.safe import safe
from smol_dev.server.network import Connection, Network, UnseenError

PLACEHOLDER: Final = "local"
"""The key for a server that needs none; the client library refuses to work without one."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one answer, streamed or not."""

MOST_PROBE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of the answer to a question about the server, which is a GET."""

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
ANY_HEADER: Final = zlib.MAX_WBITS | 32
"""Tells `zlib` to accept gzip or zlib, as the data says."""

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

SCHEMES: Final = ("http", "https")


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
        try:
            answer = await self._sent(raw, self._pool(str(url)))
        except FOREIGN as error:
            raise _translated(error) from _reason(error)
        coding = _coding(answer)
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
            if isinstance(connection, Connection):
                connection.head_complete()
            return answer

    def _pool(self, url: str) -> httpcore2.AsyncConnectionPool:
        """Return the connection pool for a URL, which opens as many connections as there are simultaneous requests."""
        proxy = usable(proxy_for(url, self._environ))
        scheme = parts_of(url).scheme
        if (scheme, proxy) not in self._pools:
            self._pools[scheme, proxy] = httpcore2.AsyncConnectionPool(
                ssl_context=certificates(self._environ) if scheme == "https" else None,
                proxy=None if proxy is None else _proxy(proxy),
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
        try:
            async for received in stream:
                for chunk in (received,) if self._decoder is None else self._decompressed(self._decoder, received):
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

    @staticmethod
    def _decompressed(decoder: "zlib._Decompress", received: bytes) -> Iterator[bytes]:
        """Yield what a piece contains in limited parts: a few bytes can become a gibibyte."""
        while received and not decoder.eof:
            yield decoder.decompress(received, PIECE)
            received = decoder.unconsumed_tail

    def _too_long(self) -> ServerError:
        return ServerError(
            f"the server's answer is longer than {self._most // 1024**2} MiB",
            hint="check the server: `smol_dev doctor`",
            kind="server",
        )

    async def aclose(self) -> None:
        """Drop the rest, which frees the connection for another request."""
        await self._answer.aclose()


def _coding(answer: httpcore2.Response) -> str:
    """Return how an answer is compressed: gateways do that without being asked."""
    codings = (value for name, value in answer.headers if name.lower() == b"content-encoding")
    return b",".join(codings).decode("latin-1").strip().lower()


def _reason(error: Exception) -> BaseException:
    """Return what the operating system or TLS said, which the pool hides with `from None`."""
    return error.__cause__ or error.__context__ or error


def _translated(error: Exception) -> httpx2.TransportError:
    translated: type[httpx2.TransportError] = getattr(httpx2, type(error).__name__)
    return translated(str(error))


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


def _proxy(url: str) -> httpcore2.Proxy:
    """Return the proxy at this address; a name and password in it go only to the proxy."""
    parsed = httpx2.Proxy(url)
    return httpcore2.Proxy(_address(parsed.url), auth=parsed.raw_auth)


def _address(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that the variables name for this address, or None for a local or exempt one.

    `HTTPS_PROXY` (or `HTTP_PROXY`) beats `ALL_PROXY`, lower case beats upper case, `NO_PROXY` exempts.
    """
    if is_local(url):
        return None
    parts = parts_of(url)
    proxy = _variable(environ, f"{parts.scheme}_proxy") or _variable(environ, "all_proxy")
    if not proxy or _is_exempt(parts, _variable(environ, "no_proxy")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def usable(proxy: str | None) -> str | None:
    """Return the proxy. Raise `ServerError` if it is not an HTTP proxy."""
    if proxy is None:
        return None
    parts = parts_of(proxy)
    if not parts.hostname or parts.port == 0 or parts.scheme not in SCHEMES:
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


def _variable(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


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
        if _in_network(host, entry):
            return True
    return False


def _in_network(host: str, entry: str) -> bool:
    address = address_of(host)
    if address is None:
        return False
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False

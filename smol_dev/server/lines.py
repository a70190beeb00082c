"""Connections to servers, each for one request at a time, and kept for the next one."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore2
import httpx2

from smol_dev.config.endpoint import origin_of
from smol_dev.errors import ServerError
from smol_dev.server.network import Network
from smol_dev.server.proxies import proxy_for, usable


@dataclass(frozen=True, slots=True)
class Line:
    """One connection, made when it is first needed and again when it was closed.

    It has a pool of its own, because finding one among many takes the longer the more there are.
    """

    pool: httpcore2.AsyncConnectionPool
    network: Network


@dataclass(frozen=True, slots=True)
class Way:
    """How one URL is reached, and the lines that are free for it; the last one used is taken first."""

    address: httpcore2.URL
    origin: str
    proxy: str | None
    free: list[Line]


class Lines:
    """All connections of one client: as many as requests are under way at once.

    `connect_timeout` is seconds for TCP and TLS together; `environ` is asked for proxies and
    certificates. Raises `ServerError` when what it names for `base_url` cannot be used.
    """

    def __init__(self, base_url: str, *, environ: Mapping[str, str], connect_timeout: float) -> None:
        self._environ = environ
        self._connect_timeout = connect_timeout
        self._trusted: ssl.SSLContext | None = None
        self._ways: dict[str, Way] = {}
        self._free: dict[tuple[str, str | None], list[Line]] = {}
        self._opened: list[Line] = []
        usable(proxy_for(base_url, environ))
        self._certificates(base_url)

    def way(self, url: httpx2.URL) -> Way:
        """The way to the URL, straight or through its proxy."""
        text = str(url)
        if text not in self._ways:
            origin, proxy = origin_of(text), usable(proxy_for(text, self._environ))
            free = self._free.setdefault((origin, proxy), [])
            self._ways[text] = Way(_address(url), origin, proxy, free)
        return self._ways[text]

    def line(self, way: Way) -> Line:
        """A free line, or a new one, for one request; behind it, it goes back into `way.free`."""
        if way.free:
            return way.free.pop()
        network = Network(connect_timeout=self._connect_timeout)
        pool = httpcore2.AsyncConnectionPool(
            ssl_context=self._certificates(way.origin),
            proxy=None if way.proxy is None else _proxy(way.proxy),
            max_connections=1,
            keepalive_expiry=30,
            network_backend=network,
        )
        self._opened.append(Line(pool, network))
        return self._opened[-1]

    async def aclose(self) -> None:
        """Close every connection."""
        for line in self._opened:
            await line.pool.aclose()

    def _certificates(self, url: str) -> ssl.SSLContext | None:
        """Read once, and only for an address that needs them."""
        if url.startswith("https://") and self._trusted is None:
            self._trusted = certificates(self._environ)
        return self._trusted


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
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)

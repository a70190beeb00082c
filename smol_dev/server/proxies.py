"""Which proxy a request goes through, as the environment says; local addresses never go through one."""

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult

from smol_dev.config.endpoint import PORTS, address_of, is_local, parts_of
from smol_dev.errors import ServerError

SCHEMES: Final = ("http", "https")


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that the variables name for this address, None for a local or an exempt one.

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
    """The proxy itself. Raises `ServerError` when it is none that HTTP can go through."""
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
    """The proxy's address without the name and password that may be in it."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _variable(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _is_exempt(parts: SplitResult, exempt: str) -> bool:
    """Whether `NO_PROXY` names the host: `*`, a domain, `host:port`, an address or a network."""
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

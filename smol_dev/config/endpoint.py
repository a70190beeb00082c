"""Server addresses: providers' defaults, what a valid `base_url` is, and which addresses are local.

Standard library only: `profiles list` uses it, and must not wait for pydantic.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from smol_dev.errors import ServerError

Lookup = Callable[[str], tuple[str, ...]]
"""Return the addresses of a host name; empty if it has none."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOKED_UP: Final[dict[str, tuple[str, ...]]] = {}
"""The addresses of each host name from the check of the settings; looked up once per process."""

LOCAL_ENDINGS: Final = (".local", ".internal", ".localhost")
NETWORKS: Final = (
    "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 169.254.0.0/16 ::1/128 fc00::/7 fe80::/10"
)
PRIVATE: Final = tuple(map(ipaddress.ip_network, NETWORKS.split()))
PORTS: Final = {"http": 80, "https": 443}
HOST_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
LOOKS_LIKE_NUMBER: Final = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)")


def url_problem(url: str) -> str:
    """Return what is wrong with a `base_url`, without quoting it as it may hold a secret; empty if it is valid."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "must be plain ASCII without spaces and backslashes"
    if not url.lower().startswith(("http://", "https://")):
        return "must begin with `http://` or `https://`"
    if "?" in url or "#" in url:
        return "must end with its path: no `?` and no `#`"
    parts = parts_of(url)
    if not parts.scheme:
        return "is not an address: look at its host and port"
    if "@" in parts.netloc:
        return "must not hold a user name or password; keys have their own settings"
    if parts.port == 0 or parts.netloc.endswith(":"):
        return "must have a port from 1 to 65535, or none"
    return _host_problem(parts.hostname or "")


def _host_problem(host: str) -> str:
    address = address_of(host)
    if address is not None and address.is_unspecified:
        return "is an address to listen on; to connect, write `127.0.0.1` or the machine's own"
    if getattr(address, "ipv4_mapped", None) or (address is None and LOOKS_LIKE_NUMBER.fullmatch(host)):
        return "has an unusual spelling of an IP address; write `127.0.0.1` for example"
    return "has no valid host name" if address is None and not HOST_NAME.fullmatch(host) else ""


def address_of(host: str) -> Address | None:
    """Return the host as an IP address; None if it is not one in its usual spelling."""
    try:
        return ipaddress.ip_address(host) if "%" not in host else None
    except ValueError:
        return None


def parts_of(url: str) -> SplitResult:
    """Return the parts of a URL; all of them empty if it is malformed or has an invalid port."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def origin_of(base_url: str) -> str:
    """Return scheme, host and port in lower case, without the scheme's default port: `http://localhost:11434`."""
    parts = parts_of(base_url)
    host = parts.hostname or ""
    address = address_of(host)
    name = f"[{address}]" if address is not None and address.version == 6 else host  # noqa: PLR2004
    is_usual = parts.port is None or parts.port == PORTS.get(parts.scheme)
    return f"{parts.scheme}://{name}{'' if is_usual else f':{parts.port}'}"


def is_local(base_url: str, *, lookup: Lookup | None = None) -> bool:
    """Return whether all addresses of the host are on this machine or its network.

    A name is looked up once, with `lookup`; connections then use the addresses found. A name that was not
    looked up is local by its form alone: a single word, or one that ends in `.local`, `.internal` or
    `.localhost`. An empty URL is local, as it means a server found on this machine. Raise `ServerError` if
    `lookup` finds no address.
    """
    if not base_url:
        return True
    host = host_of(base_url)
    address = address_of(host)
    if address is not None:
        return is_private(address)
    if not host or host == "localhost":
        return bool(host)
    found = addresses_of(host, lookup)
    if found is None:
        return "." not in host or host.endswith(LOCAL_ENDINGS)
    if not found:
        raise ServerError(
            f"the host `{host}` of `base_url` cannot be resolved",
            hint="check the name, and whether that machine or container is up",
            kind="unreachable",
        )
    return not outside(found)


def is_cloud_model(model: object) -> bool:
    """Return whether Ollama sends this model's prompts to its cloud, by the rule in its `internal/modelref`.

    An alias made by `ollama cp` can have any name; the server is asked about those before the first prompt.
    """
    _, colon, tag = model.rpartition(":") if isinstance(model, str) else ("", "", "")
    tag = tag.strip().lower()
    return bool(colon) and (tag == "cloud" or (tag.endswith("-cloud") and "/" not in tag))


def might_be_local(base_url: str) -> bool:
    """Return whether the host might be local once looked up; no for `https://` and a public-looking name."""
    host = host_of(base_url)
    has_form = "." not in host or host.endswith(LOCAL_ENDINGS)
    return has_form or base_url.startswith("http://") or host in LOOKED_UP


def is_name(base_url: str) -> bool:
    """Return whether the host is a name that must be looked up to tell where it is."""
    host = host_of(base_url)
    return bool(host) and host != "localhost" and address_of(host) is None


def host_of(base_url: str) -> str:
    """Return the host in lower case; empty if the URL has none or is malformed."""
    return (parts_of(base_url).hostname or "").lower()


def addresses_of(host: str, lookup: Lookup | None = None) -> tuple[str, ...] | None:
    """Return the addresses found for a name; None if it was not looked up."""
    if lookup is not None:
        LOOKED_UP[host] = LOOKED_UP.get(host) or lookup(host)
    return LOOKED_UP.get(host)


def outside(addresses: Sequence[str]) -> str:
    """Return the first address that is not on this machine or its network; empty if all are."""
    without_zone = (each.partition("%")[0] for each in addresses)
    return next((each for each in without_zone if not is_private(ipaddress.ip_address(each))), "")


def is_private(address: Address) -> bool:
    """Return whether packets to the address stay on this machine or its own network."""
    mapped = getattr(address, "ipv4_mapped", None)
    meant = mapped if mapped is not None else address
    return any(meant in network for network in PRIVATE if network.version == meant.version)


ProviderName = Literal["auto", "ollama", "lmstudio", "llamacpp", "vllm", "openai", "compatible", "demo"]


class Provider(NamedTuple):
    """The defaults of a provider.

    `base_url` is its default address (empty: the profile must give one, or a server is searched for).
    `flag_prefix` says that `--model NAME/…` selects this provider. `concurrency` is the number of
    simultaneous requests if the server does not report one.
    """

    base_url: str = ""
    flag_prefix: bool = False
    concurrency: int = 1


PROVIDERS: Final[Mapping[ProviderName, Provider]] = {
    "auto": Provider(),
    "ollama": Provider("http://localhost:11434/v1", flag_prefix=True),
    "lmstudio": Provider("http://localhost:1234/v1", flag_prefix=True),
    "llamacpp": Provider("http://localhost:8080/v1", flag_prefix=True),
    "vllm": Provider("http://localhost:8000/v1", flag_prefix=True, concurrency=8),
    "openai": Provider("https://api.openai.com/v1", concurrency=8),
    "compatible": Provider(),
    "demo": Provider(),
}

ADDRESS_VARIABLES: Final[Mapping[str, str]] = {"ollama": "OLLAMA_HOST", "openai": "OPENAI_BASE_URL"}
"""The environment variable that overrides a provider's default address."""


def address_variable(provider: object, environ: Mapping[str, str]) -> str:
    """Return the name of the variable that gives the provider's address; empty if it is not set."""
    name = ADDRESS_VARIABLES.get(provider, "") if isinstance(provider, str) else ""
    return name if environ.get(name, "").strip("\"' \t") else ""


def default_base_url(provider: str, environ: Mapping[str, str]) -> str:
    """Return a provider's default address, which `$OLLAMA_HOST` or `$OPENAI_BASE_URL` can override."""
    if variable := address_variable(provider, environ):
        return ollama_url(environ[variable]) if provider == "ollama" else environ[variable]
    return next((each.base_url for name, each in PROVIDERS.items() if name == provider), "")


def ollama_url(text: str) -> str:
    """Return the address that Ollama's own client reads from `$OLLAMA_HOST`, followed by `/v1`.

    `host`, `host:port`, `:port`, `[::1]:port`, `http://host` (port 80), `https://host` (443); an invalid
    port becomes 11434, and an address to listen on becomes the loopback address.
    """
    scheme, has_scheme, rest = text.strip("\"' \t").rpartition("://")
    own_port = str(PORTS.get(scheme, 11434)) if has_scheme else "11434"
    if "@" in rest:
        return f"{scheme or 'http'}://{rest}"  # refused by `url_problem`
    server, _, path = rest.partition("/")
    host, colon, port = server.rpartition(":") if not server.endswith("]") else (server, "", "")
    if not colon and not host:
        host = port
    if not colon or (server.count(":") > 1 and not server.startswith("[")):
        host, port = server, ""
    host = {"": "localhost", "0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}.get(host, host)  # noqa: S104
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    valid = port.isascii() and port.isdigit() and 0 < int(port[:6]) <= 65535  # noqa: PLR2004
    path = path.strip("/")
    path = f"/{path}".removesuffix("/v1") if path else ""
    return f"{scheme or 'http'}://{host}:{port if valid else own_port}{path}/v1"

"""Addresses of servers: what a `base_url` may be, its origin, and whether it is on this machine or LAN."""

from collections.abc import Callable, Mapping

Lookup = Callable[[str], tuple[str, ...]]
"""The addresses of a host name; empty when it has none."""


def origin_of(base_url: str) -> str:
    """Scheme, host and port, in lower case, the scheme's own port left out: `http://localhost:11434`."""
    raise NotImplementedError


def is_local(base_url: str, *, lookup: Lookup | None = None) -> bool:
    """Whether the host is a loopback or private address, or a single-label, `.local`, `.internal` or
    `.localhost` name; with `lookup`, all of whose addresses are such. An empty URL is: it is looked for
    on this machine."""
    raise NotImplementedError


def default_base_url(provider: str, environ: Mapping[str, str]) -> str:
    """The address a provider's name stands for; `$OLLAMA_HOST` and `$OPENAI_BASE_URL` move theirs."""
    raise NotImplementedError

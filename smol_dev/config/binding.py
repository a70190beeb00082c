"""Which server a profile means, and whether its key and headers may go there.

A key belongs to the server it was written down for: the address as its own layer and the weaker ones
give it. If a stronger layer, a child profile or another provider moves the address to another origin,
the key stays behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from smol_dev.config.endpoint import origin_of, url_problem
from smol_dev.config.environment import KEY_SOURCES
from smol_dev.config.layers import Layers, Origin
from smol_dev.config.profiles import Slot, base_url, chain, moved_by, slots

OPENAI: Final = "https://api.openai.com"


class KeySource(NamedTuple):
    """Where the key is to be had: which of the settings (or `OPENAI_API_KEY`), its value, who set it."""

    setting: str
    value: Any
    origin: Origin
    slot: Slot | None = None

    def __repr__(self) -> str:
        return f"KeySource({self.setting!r}, origin={self.origin!r})"


class Endpoint(NamedTuple):
    """The server and what may be sent to it. `dropped` are keys of the profile that do not hold, and why.

    `variable` gives the address in the place of the provider's own, if one does.
    """

    base_url: str
    set_by: Slot | None
    key: KeySource | None
    headers: Mapping[str, str]
    dropped: Mapping[tuple[str, ...], str]
    warnings: tuple[str, ...] = ()
    variable: str = ""

    @property
    def setting(self) -> str:
        """The setting that gives the address, in the table of `set_by`."""
        own = self.set_by is not None and self.set_by.table.get("base_url") == self.base_url
        return "base_url" if own else "provider"

    @property
    def origin(self) -> Origin:
        """Who gives the address: a `base_url`, a provider, or the variable that moves the provider's."""
        if self.variable:
            return Origin("environment", self.variable)
        return self.set_by.origin(self.setting) if self.set_by else Origin("defaults", "")

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, key={self.key!r}, headers={sorted(self.headers)})"


def endpoint(tables: Sequence[Slot], layers: Layers) -> Endpoint:
    """The server that the selected profile's tables, strongest first, mean together."""
    environ = layers.surroundings.environ
    url, set_by = base_url(tables, environ)
    dropped: dict[tuple[str, ...], str] = {}
    warnings: list[str] = []
    key = strongest_key(tables)
    if key is None:
        key = openai_key(url, environ)
    elif bound := bound_elsewhere(key.slot, layers, url) if key.value else "":
        warnings.append(left_behind("the key", key.origin, bound, url))
        dropped = {(each,): f"it is for {bound}" for each in KEY_SOURCES}
        key = None
    else:
        others = (each for each in KEY_SOURCES if each != key.setting)
        dropped = {(each,): f"`{key.setting}` holds in its place" for each in others}
    headers: dict[str, str] = {}
    for name, value, slot in all_headers(tables):
        if bound := bound_elsewhere(slot, layers, url):
            origin = slot.origin("headers", name)
            warnings.append(left_behind(f"the header `{name}`", origin, bound, url))
            dropped["headers", name] = f"it is for {bound}"
        else:
            headers[name] = value
    held = key if key and key.value else None
    variable = moved_by(url, set_by, environ)
    return Endpoint(url, set_by, held, headers, dropped, tuple(warnings), variable)


def strongest_key(tables: Sequence[Slot]) -> KeySource | None:
    """The first setting that names a key: they stand for one another. An empty one says "no key"."""
    for slot in tables:
        named = [key for key in KEY_SOURCES if key in slot.table]
        if named:
            key = next((each for each in named if slot.table[each]), named[0])
            return KeySource(key, slot.table[key], slot.origin(key), slot)
    return None


def all_headers(tables: Sequence[Slot]) -> Iterator[tuple[str, str, Slot]]:
    """Each header as its strongest table sets it; names are compared without case."""
    seen: set[str] = set()
    for slot in tables:
        headers = slot.table.get("headers")
        for name, value in headers.items() if isinstance(headers, dict) else ():
            if name.lower() not in seen:
                seen.add(name.lower())
                yield name, value, slot


def bound_elsewhere(slot: Slot | None, layers: Layers, url: str) -> str:
    """The origin that what this table holds is for, if that is not the origin of the address.

    Empty when it may be sent.
    """
    own = own_address(slot, layers) if slot is not None else url
    if own == url:
        return ""
    if not own:
        return "a server that its own layer names"
    if url_problem(own) or (url and url_problem(url)):
        return "another server"
    return "" if url and origin_of(own) == origin_of(url) else origin_of(own)


def own_address(slot: Slot, layers: Layers) -> str:
    """The address as the layer of this table, and the weaker ones, give it.

    `extends` is followed as they give it, too. What the user exports or types is meant for the server
    in use, whoever chose that; only never, from the environment, for one that a project's file chose.
    """
    seen = layers.all[slot.rank :]
    if slot.layer.kind == "environment" and slot.hop == 0:
        seen = layers.all
    if slot.layer.kind == "environment":
        seen = tuple(layer for layer in seen if layer.kind != "project")
    view = replace(layers, all=seen)
    known = view.names("profiles")
    for name in (slot.profile, layers.selected):
        names, _ = chain(view, name, known=known)
        if url := base_url(slots(view, names), layers.surroundings.environ)[0]:
            return url
    return ""


def left_behind(what: str, origin: Origin, bound: str, url: str) -> str:
    """The line that says why a key or header is not sent."""
    to = origin_of(url) if url and not url_problem(url) else "the server that is found"
    remedy = "; for a key to send there: `--api-key-env NAME`" if what == "the key" else ""
    return f"{what} of {origin} is for {bound} and is not sent to {to}{remedy}"


def openai_key(url: str, environ: Mapping[str, str]) -> KeySource | None:
    """`OPENAI_API_KEY`, where it may be used unasked: at OpenAI, or at the `OPENAI_BASE_URL` beside it."""
    exported = environ.get("OPENAI_BASE_URL") or OPENAI
    if not environ.get("OPENAI_API_KEY") or not url or url_problem(url) or url_problem(exported):
        return None
    if origin_of(url) != origin_of(exported):
        return None
    return KeySource("api_key_env", "OPENAI_API_KEY", Origin("environment", "OPENAI_API_KEY"))

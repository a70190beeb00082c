"""Which server a profile means, and whether its key and headers may go there.

A key belongs to the server it was written down for: the address as its own layer and the weaker ones
give it; one that is typed or exported, the address that the user's own layers give. If a stronger
layer, a child profile, another provider or a project's file moves the address to another origin, the key
stays behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, NamedTuple

from smol_dev.config.endpoint import origin_of, url_problem
from smol_dev.config.environment import KEY_SOURCES
from smol_dev.config.keys import STAGES
from smol_dev.config.layers import Key, Layer, Layers, Origin
from smol_dev.config.precedence import leaf_paths
from smol_dev.config.profiles import Slot, base_url, chain, moved_by, slots, value_of
from smol_dev.config.secret import is_secret_name
from smol_dev.safe import command

OPENAI: Final = "https://api.openai.com"
OPEN_TABLES: Final = ("headers", "extra_body", "extra_query")
FOUND: Final = "the server that your own settings find"


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
    binding = Binding(tables, layers, url)
    dropped: dict[tuple[str, ...], str] = {}
    key = strongest_key(tables)
    if key is None or key.slot is None:
        key = openai_key(url, environ)
    elif bound := binding.elsewhere(key.slot, key.setting) if key.value else "":
        binding.leave_behind("the key", key.origin, bound)
        dropped = {(each,): f"it is for {bound}" for each in KEY_SOURCES}
        key = None
    else:
        others = (each for each in KEY_SOURCES if each != key.setting)
        dropped = {(each,): f"`{key.setting}` holds in its place" for each in others}
    headers: dict[str, str] = {}
    for path, value, slot in other_secrets(tables):
        if bound := binding.elsewhere(slot, *path):
            kind = "the header" if path[0] == "headers" else "the secret"
            binding.leave_behind(f"{kind} `{path[-1]}`", slot.origin(*path), bound)
            dropped[path] = f"it is for {bound}"
        elif path[0] == "headers":
            headers[path[-1]] = value
    held = key if key and key.value else None
    variable = moved_by(url, set_by, environ)
    return Endpoint(url, set_by, held, headers, dropped, tuple(binding.warnings), variable)


def strongest_key(tables: Sequence[Slot]) -> KeySource | None:
    """The first setting that names a key: they stand for one another. An empty one says "no key"."""
    for slot in tables:
        named = [key for key in KEY_SOURCES if key in slot.table]
        if named:
            key = next((each for each in named if slot.table[each]), named[0])
            return KeySource(key, slot.table[key], slot.origin(key), slot)
    return None


def other_secrets(tables: Sequence[Slot]) -> Iterator[tuple[Key, str, Slot]]:
    """Yield each header, and each secret among the fields, as its strongest table sets it.

    Names of headers are compared without case.
    """
    seen: set[Key] = set()
    for slot in tables:
        for path in leaf_paths(free_tables(slot.table)):
            if path[0] == "headers" and len(path) == 2:  # noqa: PLR2004 - a header
                known: Key = ("headers", path[1].lower())
            elif path[0] != "headers" and any(map(is_secret_name, path[1:])):
                known = path
            else:
                continue
            if known not in seen:
                seen.add(known)
                yield path, value_of(slot.table, path), slot


def free_tables(table: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield those of a profile's tables whose keys are not ours, each as it stands in it, its stages' too."""
    for name, value in table.items():
        if name in OPEN_TABLES:
            yield {name: value}
        elif name in STAGES and isinstance(value, dict) and "extra_body" in value:
            yield {name: {"extra_body": value["extra_body"]}}


class Binding:
    """Where the secrets of the selected profile belong; `url` is the address in use."""

    def __init__(self, tables: Sequence[Slot], layers: Layers, url: str) -> None:
        self.tables = tables
        self.layers = layers
        self.url = url
        self.warnings: list[str] = []

    @cached_property
    def own(self) -> Layers:
        """What the user's own layers say: without the project's file, approved or not."""
        return self.layers.own()

    def elsewhere(self, slot: Slot, *path: str) -> str:
        """Return what a secret of this table is for, if that is not the address in use.

        Empty when the secret may be sent.
        """
        url, own = self.url, self.address_of(slot, path)
        if own == url:
            return FOUND if not url and self.project_decides() else ""
        if not own:
            return FOUND
        if url_problem(own) or (url and url_problem(url)):
            return "another server"
        return "" if url and origin_of(own) == origin_of(url) else origin_of(own)

    def address_of(self, slot: Slot, path: Key) -> str:
        """Return the address as the layer of this table, and the weaker ones, give it.

        `extends` is followed as they give it, too. What the user exports or types is for the address
        that the user's own layers give, and never for one that a project's file had a say in.
        """
        if slot.layer.documents:
            view = replace(self.layers, all=self.layers.all[slot.rank :])
            profiles = [slot.profile, self.layers.selected]
        else:
            view = self.own
            named = slot.hop > 0 or names_profile(slot.layer, slot.key(*path))
            profiles = [slot.profile, view.selected] if named else [view.selected]
        known = view.names("profiles")
        for name in profiles:
            names, _ = chain(view, name, known=known)
            if url := base_url(slots(view, names), view.surroundings.environ)[0]:
                return url
        return ""

    def project_decides(self) -> bool:
        """Return whether a project's file has a say in which running server is found."""
        if self.layers.of("project") is None:
            return False
        project = [slot.table for slot in self.tables if slot.layer.kind == "project"]
        keys = {path[-1] for path in leaf_paths(project) if "extra_body" not in path}
        has_say = keys & {"base_url", "provider", "extends", "model"}
        return bool(has_say) or self.own.selected != self.layers.selected

    def leave_behind(self, what: str, origin: Origin, bound: str) -> None:
        """Say why a secret is not sent, and how one is."""
        url = self.url if self.url and not url_problem(self.url) else ""
        to = origin_of(url) if url else "the server that is found"
        said = f"{what} of {origin} is for {bound} and is not sent to {to}"
        if what == "the key":
            is_own = self.layers.of("project") is None
            words = "--api-key-env NAME" if is_own else "--api-base-url {url} --api-key-env NAME"
            said += f"; for a key to send there: {command(words, **({'url': url} if url else {}))}"
        self.warnings.append(said)


def names_profile(layer: Layer, key: Key) -> bool:
    """Return whether the variable or flag that sets the key names its profile."""
    spelled = layer.spelling(key).removeprefix("-c ").casefold()
    return spelled.startswith(("smol_profiles__", "profiles."))


def openai_key(url: str, environ: Mapping[str, str]) -> KeySource | None:
    """`OPENAI_API_KEY`, where it may be used unasked: at OpenAI, or at the `OPENAI_BASE_URL` beside it."""
    exported = environ.get("OPENAI_BASE_URL") or OPENAI
    if not environ.get("OPENAI_API_KEY") or not url or url_problem(url) or url_problem(exported):
        return None
    if origin_of(url) != origin_of(exported):
        return None
    return KeySource("api_key_env", "OPENAI_API_KEY", Origin("environment", "OPENAI_API_KEY"))

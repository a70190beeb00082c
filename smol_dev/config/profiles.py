"""The profiles: which exist, what each inherits, and the order of their tables.

A profile is built from its own and its parents' tables in each layer. `slots` puts them in order. The merge,
`config explain`, `config show --origin`, the binding of keys and the check of trust all use this order, so
the winner they report is the one whose value is sent. Standard library only, and few of our own modules,
as `profiles list` must not wait for pydantic.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from smol_dev.config.endpoint import default_base_url, is_local, url_problem
from smol_dev.config.layers import Key, Layer, Layers, Origin
from smol_dev.config.problems import Problem, config_error, nothing_named


class Slot(NamedTuple):
    """One layer's table of the selected profile (`hop` 0) or of its parent `hop` steps up.

    `rank` counts the layers from the strongest. Slots are ordered by hop, then by rank, because a
    child's own key beats its parent's, whichever layers they come from.
    """

    hop: int
    rank: int
    profile: str
    layer: Layer
    table: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Slot(hop={self.hop}, profile={self.profile!r}, layer={self.layer.kind!r})"

    @property
    def name(self) -> str:
        """The table's unique name for display."""
        return f"{self.layer.name} {self.profile}"

    @property
    def typed(self) -> bool:
        """Whether this is set by flags or variables for the selected profile, not by a file or parent."""
        return self.layer.document is None and self.hop == 0

    def key(self, *path: str) -> Key:
        """Return a key of this table, from the top of the layer."""
        return ("profiles", self.profile, *path)

    def origin(self, *path: str) -> Origin:
        """Return the origin of a key of this table, including the parent it came through."""
        origin = self.layer.origin(self.key(*path))
        return Origin(origin.layer, origin.where, self.profile if self.hop else "")

    def holds(self, *path: str) -> bool:
        """Return whether this table sets the key."""
        return said(self.table, path)[0] == path


def ancestry(
    name: str, parent_of: Callable[[str], str | None], known: Collection[str]
) -> tuple[tuple[str, ...], str | None]:
    """Return the name and its ancestors, and the parent that ended the chain if it is unknown or repeated."""
    names = [name]
    while (parent := parent_of(names[-1])) is not None and parent in known and parent not in names:
        names.append(parent)
    return tuple(names), parent


def extends(layers: Layers, table: str, name: str) -> str | None:
    """Return the parent of the profile (or prompt variant), from the strongest layer that names one."""
    said = (layer.table(table, name).get("extends") for layer in layers.all)
    return next((parent for parent in said if isinstance(parent, str)), None)


def chain(layers: Layers, name: str) -> tuple[tuple[str, ...], Problem | None]:
    """Return the profile and its ancestors, and the problem that ended the chain, if any."""
    known = layers.names["profiles"]
    names, bad = ancestry(name, lambda child: extends(layers, "profiles", child) or None, known)
    if bad is None:
        return names, None
    wrong = nothing_named("profile", bad, known)
    if bad in names:
        circle = " → ".join(f"`{each}`" for each in (*names[names.index(bad) :], bad))
        wrong = f"a profile cannot extend itself: {circle}"
    key = ("profiles", names[-1], "extends")
    layer = next(each for each in layers.all if isinstance(value_of(each.data, key), str))
    return names, layers.problem(layer, key, wrong)


def slots(layers: Layers, names: Sequence[str]) -> tuple[Slot, ...]:
    """Return the tables of the named profiles, a profile and its parents, strongest first."""
    return tuple(
        Slot(hop, rank, name, layer, table)
        for hop, name in enumerate(names)
        for rank, layer in enumerate(layers.all)
        if (table := layer.table("profiles", name))
    )


def tables_of(layers: Layers, name: str) -> tuple[Slot, ...]:
    """Return the tables of the profile and its parents, strongest first."""
    return slots(layers, chain(layers, name)[0])


def first(tables: Sequence[Slot], *path: str) -> Slot | None:
    """Return the strongest table that sets the key."""
    return next((slot for slot in tables if slot.holds(*path)), None)


def said(table: Mapping[str, Any], path: Key) -> tuple[Key, Any]:
    """Return the longest part of the key that the table has, and its value.

    If only a part exists and its value is a table, the key is not set. Any other value there replaces the
    whole key, as `extra_body.options = 5` does for `extra_body.options.num_ctx`.
    """
    found: Any = table
    for place, part in enumerate(path):
        if not isinstance(found, dict) or part not in found:
            return path[:place], found
        found = found[part]
    return path, found


def said_instead(table: Mapping[str, Any], path: Key) -> Key:
    """Return the part of the key whose value in the table sets or replaces the key; empty if none does."""
    part, value = said(table, path)
    return part if part == path or not isinstance(value, dict) else ()


def value_of(data: Any, path: Key) -> Any:  # noqa: ANN401 - TOML data
    """Return the value at a path; None if there is none."""
    part, value = said(data, path)
    return value if part == path else None


def leaves(data: Any, path: tuple[Any, ...] = (), *, lists: bool = False) -> Iterator[tuple[tuple[Any, ...], Any]]:  # noqa: ANN401 - TOML data
    """Yield the path and value of everything but tables, and with `lists` everything but tables and lists."""
    if isinstance(data, Mapping) or (lists and isinstance(data, list)):
        for part, inner in data.items() if isinstance(data, Mapping) else enumerate(data):
            yield from leaves(inner, (*path, part), lists=lists)
    else:
        yield path, data


def leaf_paths(tables: Iterable[Mapping[str, Any]]) -> list[Key]:
    """Return the path of every value in the tables that is not itself a table, each once."""
    return list(dict.fromkeys(path for table in tables for path, _ in leaves(table)))


def without(table: Mapping[str, Any], paths: Iterable[Key]) -> dict[str, Any]:
    """Return a copy of the table without the keys at the paths."""
    kept = dict(table)
    for name, *rest in paths:
        inner = kept.get(name)
        if not rest:
            kept.pop(name, None)
        elif isinstance(inner, Mapping):
            kept[name] = without(inner, [tuple(rest)])
    return kept


def base_url(tables: Sequence[Slot], environ: Mapping[str, str]) -> tuple[str, Slot | None]:
    """Return the effective address and the table that set it.

    A `provider` that is stronger than the `base_url` replaces it by its own address, unless the provider
    has none (`compatible`).
    """
    by_url, by_name = first(tables, "base_url"), first(tables, "provider")
    provider = by_name.table["provider"] if by_name else "auto"
    own = default_base_url(provider, environ) if isinstance(provider, str) else ""
    url = by_url.table["base_url"] if by_url else ""
    if not by_url or not isinstance(url, str) or not url:
        return own, by_name
    if by_name and (by_name.hop, by_name.rank) < (by_url.hop, by_url.rank) and (own or provider == "demo"):
        return own, by_name
    return url, by_url


class ProfileLine(NamedTuple):
    """One line of `profiles list`; `layer` and `where` are of the strongest file that declares the profile."""

    name: str
    description: str
    layer: str
    where: str
    active: bool
    local: bool
    extends: str


def list_profiles(layers: Layers) -> list[ProfileLine]:
    """Return every profile, sorted by name. Raise `ConfigError` if a file cannot be read."""
    if layers.problems:
        raise config_error(layers.problems)
    return sorted(profile_lines(layers), key=lambda line: line.name)


def profile_lines(layers: Layers) -> Iterator[ProfileLine]:
    """Yield a line for each profile, unsorted."""
    for name in layers.names["profiles"]:
        declaring = [layer for layer in layers.all if name in layer.table("profiles")]
        strongest = next((layer for layer in declaring if layer.document), declaring[0])
        own = (layer.table("profiles", name).get("description") for layer in declaring)  # not inherited
        url, _ = base_url(tables_of(layers, name), layers.surroundings.environ)
        yield ProfileLine(
            name,
            next((each for each in own if isinstance(each, str)), ""),
            strongest.kind,
            strongest.origin(("profiles", name)).where,
            name == layers.selected,
            not url or (not url_problem(url) and is_local(url)),
            extends(layers, "profiles", name) or "",
        )

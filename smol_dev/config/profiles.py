"""The profiles: which exist, from whom each inherits, and the one order of their tables.

A profile is made of one table a layer, its own and its parents'. `slots` puts them in order: the merge,
`config explain`, `config show --origin`, the binding of keys and the question of trust all ask it, so
that the winner that is named is the one whose value is sent. Standard library only, and little of our
own, as `profiles list` must not wait for pydantic.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from smol_dev.config.endpoint import default_base_url, is_local, url_problem
from smol_dev.config.layers import Key, Layer, Layers, Origin
from smol_dev.config.problems import Problem, config_error, nothing_named


class Slot(NamedTuple):
    """One layer's table of the selected profile (`hop` 0) or of its parent `hop` steps up.

    `rank` counts the layers from the strongest. Slots stand in order of strength: first by hop, then
    by rank, because a child's own key beats its parent's, whichever layers they come from.
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
        """The table as a person reads it, and no other by this name."""
        return f"{self.layer.name} {self.profile}"

    @property
    def typed(self) -> bool:
        """Whether this is what the user types or exports for the selected profile, no file and no parent."""
        return not self.layer.documents and self.hop == 0

    def key(self, *path: str) -> Key:
        """Return a key of this table, from the top of the layer."""
        return ("profiles", self.profile, *path)

    def origin(self, *path: str) -> Origin:
        """Return who set a key of this table, the parent it came through included."""
        origin = self.layer.origin(self.key(*path))
        return Origin(origin.layer, origin.where, self.profile if self.hop else "")

    def holds(self, *path: str) -> bool:
        """Return whether this table sets the key."""
        return said(self.table, path)[0] == path


def ancestry(
    name: str, parent_of: Callable[[str], str | None], known: Collection[str]
) -> tuple[tuple[str, ...], str | None]:
    """Return the name, its parent, its parent's parent …, and the parent that ends them: unknown, or met before."""
    names = [name]
    while (parent := parent_of(names[-1])) is not None and parent in known and parent not in names:
        names.append(parent)
    return tuple(names), parent


def extends(layers: Layers, table: str, name: str) -> str | None:
    """Return the parent that the strongest layer gives the profile (or prompt variant)."""
    said = (layer.table(table, name).get("extends") for layer in layers.all)
    return next((parent for parent in said if isinstance(parent, str)), None)


def chain(layers: Layers, name: str) -> tuple[tuple[str, ...], Problem | None]:
    """Return the profile, its parent, its parent's parent …, and what is wrong with the last step."""
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
    """Return every table that speaks for the first of the names, strongest first."""
    return tuple(
        Slot(hop, rank, name, layer, table)
        for hop, name in enumerate(names)
        for rank, layer in enumerate(layers.all)
        if (table := layer.table("profiles", name))
    )


def tables_of(layers: Layers, name: str) -> tuple[Slot, ...]:
    """Return every table that speaks for the profile, its parents' too, strongest first."""
    return slots(layers, chain(layers, name)[0])


def first(tables: Sequence[Slot], *path: str) -> Slot | None:
    """Return the strongest table that sets the key."""
    return next((slot for slot in tables if slot.holds(*path)), None)


def said(table: Mapping[str, Any], path: Key) -> tuple[Key, Any]:
    """Return how much of the key the table has, and what stands there.

    Less than the whole key with a table: nothing is said. Less with anything else: it stands for the
    whole, as `extra_body.options = 5` does for `extra_body.options.num_ctx`.
    """
    found: Any = table
    for place, part in enumerate(path):
        if not isinstance(found, dict) or part not in found:
            return path[:place], found
        found = found[part]
    return path, found


def said_instead(table: Mapping[str, Any], path: Key) -> Key:
    """Return the part of the key that the table gives a value, which stands for all of it; empty if none."""
    part, value = said(table, path)
    return part if part == path or not isinstance(value, dict) else ()


def value_of(data: Any, path: Key) -> Any:  # noqa: ANN401 - TOML data
    """Return the value at a path, None where there is none."""
    part, value = said(data, path)
    return value if part == path else None


def leaves(data: Any, path: tuple[Any, ...] = (), *, lists: bool = False) -> Iterator[tuple[tuple[Any, ...], Any]]:  # noqa: ANN401 - TOML data
    """Yield each value that is no table, and with `lists` no list, with its path."""
    if isinstance(data, Mapping) or (lists and isinstance(data, list)):
        for part, inner in data.items() if isinstance(data, Mapping) else enumerate(data):
            yield from leaves(inner, (*path, part), lists=lists)
    else:
        yield path, data


def leaf_paths(tables: Iterable[Mapping[str, Any]]) -> list[Key]:
    """Return the path of every value in the tables that is no table, each once."""
    return list(dict.fromkeys(path for table in tables for path, _ in leaves(table)))


def without(table: Mapping[str, Any], paths: Iterable[Key]) -> dict[str, Any]:
    """Return the table less the keys at the paths; the table itself stays as it is."""
    kept = dict(table)
    for name, *rest in paths:
        inner = kept.get(name)
        if not rest:
            kept.pop(name, None)
        elif isinstance(inner, Mapping):
            kept[name] = without(inner, [tuple(rest)])
    return kept


def base_url(tables: Sequence[Slot], environ: Mapping[str, str]) -> tuple[str, Slot | None]:
    """Return the effective address and who set it.

    A provider that is stronger than the `base_url` brings its own address instead; one without an
    own address (`compatible`) leaves the weaker one as it is.
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
    """One line of `profiles list`. `layer` and `where` are the strongest file that declares it."""

    name: str
    description: str
    layer: str
    where: str
    active: bool
    local: bool
    extends: str


def list_profiles(layers: Layers) -> list[ProfileLine]:
    """Return every profile, by name. Raise `ConfigError` when a file cannot be read."""
    if layers.problems:
        raise config_error(layers.problems)
    return sorted(profile_lines(layers), key=lambda line: line.name)


def profile_lines(layers: Layers) -> Iterator[ProfileLine]:
    """Yield a line for each profile, in no order."""
    for name in layers.names["profiles"]:
        declaring = [layer for layer in layers.all if name in layer.table("profiles")]
        strongest = next((layer for layer in declaring if layer.documents), declaring[0])
        own = (layer.table("profiles", name).get("description") for layer in declaring)  # a parent's is not its child's
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

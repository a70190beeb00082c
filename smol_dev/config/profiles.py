"""The profiles: which one is selected, which there are, and whom each inherits from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from smol_dev.config.endpoint import address_variable, default_base_url, is_local, url_problem
from smol_dev.config.layers import Key, Layer, Layers, Origin
from smol_dev.config.problems import Problem, config_error, did_you_mean, shown


class ProfileLine(NamedTuple):
    """One line of `profiles list`. `layer` and `where` are the strongest file that declares it."""

    name: str
    description: str
    layer: str
    where: str
    active: bool
    local: bool
    extends: str


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
    def typed(self) -> bool:
        """Whether this is what the user types or exports for the selected profile, no file and no parent."""
        return not self.layer.documents and self.hop == 0

    def key(self, *path: str) -> Key:
        """A key of this table, from the top of the layer."""
        return ("profiles", self.profile, *path)

    def origin(self, *path: str) -> Origin:
        """Who set a key of this table, the parent it came through included."""
        origin = self.layer.origin(self.key(*path))
        return Origin(origin.layer, origin.where, self.profile if self.hop else "")

    def holds(self, *path: str) -> bool:
        """Whether this table sets the key."""
        found: Any = self.table
        for part in path:
            if not isinstance(found, dict) or part not in found:
                return False
            found = found[part]
        return True


def selected(layers: Layers) -> tuple[str, Origin]:
    """The selected profile's name and who chose it; the name may be of no profile."""
    return layers.selected, layers.selected_by


def parent_of(layers: Layers, name: str) -> tuple[str, Layer | None]:
    """The profile that this one extends, and the layer that says so; empty if none."""
    for layer in layers.all:
        parent = layer.profile(name).get("extends")
        if isinstance(parent, str):
            return parent, layer
    return "", None


def chain(layers: Layers, name: str, *, known: Collection[str]) -> tuple[tuple[str, ...], Problem | None]:
    """The profile, its parent, its parent's parent …, and what is wrong with the last step.

    `known` holds the name of every profile.
    """
    names = [name]
    while True:
        parent, layer = parent_of(layers, names[-1])
        if not parent or layer is None:
            return tuple(names), None
        wrong = ""
        if parent in names:
            circle = " → ".join(f"`{each}`" for each in (*names[names.index(parent) :], parent))
            wrong = f"a profile cannot extend itself: {circle}"
        elif parent not in known:
            wrong = f"there is no profile {shown(parent)}{did_you_mean(parent, known)}"
        if wrong:
            return tuple(names), layers.problem(layer, ("profiles", names[-1], "extends"), wrong)
        names.append(parent)


def slots(layers: Layers, names: Sequence[str]) -> tuple[Slot, ...]:
    """Every table that speaks for the first of the names, strongest first."""
    return tuple(
        Slot(hop, rank, name, layer, table)
        for hop, name in enumerate(names)
        for rank, layer in enumerate(layers.all)
        if (table := layer.profile(name))
    )


def base_url(tables: Sequence[Slot], environ: Mapping[str, str]) -> tuple[str, Slot | None]:
    """The effective address and who set it.

    A provider that is stronger than the `base_url` brings its own address instead; one without an
    own address (`compatible`) leaves the weaker one as it is.
    """
    at_url = next((place for place, slot in enumerate(tables) if "base_url" in slot.table), None)
    at_name = next((place for place, slot in enumerate(tables) if "provider" in slot.table), None)
    provider = tables[at_name].table["provider"] if at_name is not None else "auto"
    own = default_base_url(provider, environ) if isinstance(provider, str) else ""
    url = tables[at_url].table["base_url"] if at_url is not None else ""
    if at_url is None or not isinstance(url, str) or not url:
        return own, tables[at_name] if at_name is not None else None
    if at_name is not None and at_name < at_url and (own or provider == "demo"):
        return own, tables[at_name]
    return url, tables[at_url]


def moved_by(url: str, slot: Slot | None, environ: Mapping[str, str]) -> str:
    """Return the variable that gives the address in the place of the provider's own; empty if none does."""
    if slot is None or slot.table.get("base_url") == url:
        return ""
    return address_variable(slot.table.get("provider"), environ)


def list_profiles(layers: Layers) -> list[ProfileLine]:
    """Every profile, by name. Raises `ConfigError` when a file cannot be read."""
    if layers.problems:
        raise config_error(layers.problems)
    return sorted(profile_lines(layers), key=lambda line: line.name)


def profile_lines(layers: Layers) -> Iterator[ProfileLine]:
    """A line for each profile, in no order."""
    known = dict.fromkeys(layers.names("profiles"))
    for name in known:
        declaring = [layer for layer in layers.all if name in layer.table("profiles")]
        first = next((layer for layer in declaring if layer.documents), declaring[0])
        names, _ = chain(layers, name, known=known)
        url, _ = base_url(slots(layers, names), layers.surroundings.environ)
        yield ProfileLine(
            name,
            description(layers, name),
            first.kind,
            first.origin(("profiles", name)).where,
            name == layers.selected,
            not url or (not url_problem(url) and is_local(url)),
            parent_of(layers, name)[0],
        )


def description(layers: Layers, name: str) -> str:
    """What the profile itself says it is; a parent's description is not of its child."""
    for layer in layers.all:
        if isinstance(text := layer.profile(name).get("description"), str):
            return text
    return ""


def value_of(data: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - TOML data
    """The value at a path, None where there is none."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data

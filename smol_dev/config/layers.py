"""What every layer says, read once and strongest first, and where in it each key stands.

Standard library only: `profiles list` and shell completion stop here, and must not
wait for pydantic. (Records on this way are named tuples where nothing speaks against it: making a
dataclass takes four times as long.) Nothing is validated yet beyond "this is TOML, read safely".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast

from smol_dev.config.command_line import command_line
from smol_dev.config.environment import Variable, environment, reserved, variables
from smol_dev.config.files import FILE_NAME, Document, read_document, same_as
from smol_dev.config.positions import Position, positions
from smol_dev.config.problems import Problem, dotted
from smol_dev.config.surroundings import Flags, Surroundings

Kind = Literal["flags", "environment", "project", "user", "system", "shipped", "derived", "defaults"]

__all__ = ["Flags", "Key", "Kind", "Layer", "Layers", "Origin", "Surroundings", "read_layers"]

Key = tuple[str, ...]
"""A key from the top of a layer: `("profiles", "work", "model")`."""

BUILT_IN_PROFILE: Final = "local"


class Origin(NamedTuple):
    """Who set a value: its layer, and the `FILE:LINE`, variable or flag.

    A derived value names the setting that it follows from. `via` names the parent profile the value
    was inherited from, empty if none.
    """

    layer: Kind
    where: str
    via: str = ""

    def __str__(self) -> str:
        place = f"{self.layer} ({self.where})" if self.where else self.layer
        return f"{place}, through profile {self.via}" if self.via else place


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer says, as plain data; `spelled` is which variable or flag set each key."""

    kind: Kind
    data: Mapping[str, Any] = field(repr=False)
    documents: tuple[Document, ...] = ()
    spelled: Mapping[Key, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The layer as a person reads it: its kind, and its file if it is one."""
        return self.kind if len(self.documents) != 1 else f"{self.kind} {self.documents[0].path}"

    def origin(self, key: Key) -> Origin:
        """Where this layer sets the key, or else the longest part of it that it sets."""
        return Origin(self.kind, self.place(key, column=False))

    def place(self, key: tuple[str | int, ...], *, column: bool = True) -> str:
        """`FILE:LINE:COLUMN`, the variable or the flag that sets the key or its nearest table."""
        if not self.documents:
            return self.spelling(key)
        document = self.document(key)
        found = self.position(key)
        end = f":{found.line}:{found.column}" if column else f":{found.line}"
        name = f"profiles/{document.path.name}" if self.kind == "shipped" else str(document.path)
        return name + end

    def spelling(self, key: tuple[str | int, ...]) -> str:
        """The variable or flag that sets the key, a table around it, or something in it."""
        for length in range(len(key), 0, -1):
            if (part := cast("Key", key[:length])) in self.spelled:
                return self.spelled[part]
        within = (name for other, name in self.spelled.items() if other[: len(key)] == key)
        return next(within, self.kind)

    def document(self, key: tuple[str | int, ...]) -> Document:
        """The file of this layer that holds the key; there are several only of shipped profiles."""
        for document in self.documents:
            profiles = document.data.get("profiles")
            if len(key) > 1 and isinstance(profiles, dict) and key[1] in profiles:
                return document
        return self.documents[0]

    def position(self, key: tuple[str | int, ...]) -> Position:
        """The position of the key in its file, or of the nearest table around it."""
        known = positions_of(self.document(key).text)
        for length in range(len(key), 0, -1):
            if key[:length] in known:
                return known[key[:length]]
        return Position(1, 1)

    def table(self, *key: str) -> Mapping[str, Any]:
        """A table of this layer; empty when it is not there, or no table."""
        found: object = self.data
        for part in key:
            found = found.get(part) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def profile(self, name: str) -> Mapping[str, Any]:
        """What this layer says of a profile; `table("profiles", name)`, which is asked most often."""
        profiles = self.data.get("profiles")
        table = profiles.get(name) if isinstance(profiles, dict) else None
        return table if isinstance(table, dict) else NOTHING


NOTHING: Final[Mapping[str, Any]] = {}


@lru_cache(maxsize=64)
def positions_of(text: str) -> Mapping[tuple[str | int, ...], Position]:
    """The positions in a text, measured once."""
    return positions(text)


@dataclass(frozen=True, slots=True)
class Layers:
    """Every layer that says something, strongest first, and which profile they select.

    `problems` holds what could not be read at all. `project` is the project's file as it was read,
    `flags` what the command line said.
    """

    all: tuple[Layer, ...]
    selected: str
    selected_by: Origin
    surroundings: Surroundings
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    project: Document | None = None
    flags: Flags = field(default_factory=Flags)

    def own(self) -> "Layers":
        """Return what holds without the project's file, read as if there were none."""
        if self.of("project") is None:
            return self
        return read_layers(replace(self.flags, project=False), self.surroundings)

    def of(self, kind: Kind) -> Layer | None:
        """The layer of this kind, if it says something."""
        return next((layer for layer in self.all if layer.kind == kind), None)

    def problem(self, layer: Layer, key: tuple[Any, ...], what: str) -> Problem:
        """A problem with a key of a layer; a variable or option shows the key as short as it was meant."""
        own = not layer.documents and key[:2] == ("profiles", self.selected) and len(key) > 2  # noqa: PLR2004
        names = [str(part) for part in (key[2:] if own else key)]
        profile = str(key[1]) if key[0] == "profiles" and len(key) > 1 else ""
        return Problem(layer.place(key), dotted(names), what, profile)

    def names(self, table: str) -> list[str]:
        """The names of all profiles (or `prompts`), each once, the strongest layer's first."""
        return list(dict.fromkeys(name for layer in self.all for name in layer.table(table)))


def declared(layers: Iterable[Layer]) -> list[str]:
    """Return the names of the profiles that files declare; a variable or flag declares none."""
    files = [layer for layer in layers if layer.documents]
    return list(dict.fromkeys(name for layer in files for name in layer.table("profiles")))


def read_layers(flags: Flags, surroundings: Surroundings) -> Layers:
    """Every layer that says something. Never raises for what a file, variable or flag holds."""
    found = variables(surroundings.environ)
    files, problems, warnings = read_files(flags, surroundings, reserved(found, "config"))
    selected, selected_by = select(flags, reserved(found, "profile"), files)
    typed = command_line(flags.named, flags.sets, selected=selected)
    on_line = Layer("flags", typed.data, spelled=typed.spelled)
    known = Layers((on_line, *files), selected, selected_by, surroundings)
    said = environment(found, selected=selected, profiles=declared(files), prompts=known.names("prompts"))
    project = next((layer.documents[0] for layer in files if layer.kind == "project"), None)
    return Layers(
        (on_line, Layer("environment", said.data, spelled=said.spelled), *files),
        selected,
        selected_by,
        surroundings,
        (*typed.problems, *said.problems, *problems),
        tuple(warnings),
        found,
        project,
        flags,
    )


def read_files(
    flags: Flags, surroundings: Surroundings, named: Variable | None
) -> tuple[tuple[Layer, ...], list[Problem], list[str]]:
    """The layers that are files, what is wrong with them, and what to warn about."""
    project = surroundings.project_file()
    user, spelling = user_file(flags, surroundings, named)
    warnings: list[str] = []
    if user is not None and project is not None and same_as(project)(user):
        if flags.config is not None:
            project = None  # named on the command line: the user's word, not the project's
        else:
            user = None
            if not flags.project:
                warnings.append(f"`{spelling}` names the project's file, which is left out")
    read: tuple[tuple[Kind, Document | Problem | None], ...] = (
        ("project", read_document(project, project=True) if project and flags.project else None),
        ("user", named_document(user, spelling) if user else None),
        *(("system", read_document(each / FILE_NAME)) for each in surroundings.site_configs),
    )
    layers = [
        Layer(kind, at_home(each, surroundings.cwd) if kind == "project" else each.data, (each,))
        for kind, each in read
        if isinstance(each, Document)
    ]
    problems = [each for _, each in read if isinstance(each, Problem)]
    return (*layers, shipped()), problems, warnings


def at_home(project: Document, cwd: Path) -> Mapping[str, Any]:
    """Return what a project's file says, its output folder relative to the file wherever one works."""
    folder, run = project.path.parent, project.data.get("run")
    output = run.get("output_dir") if isinstance(run, dict) else None
    if not isinstance(run, dict) or not isinstance(output, str) or not output:
        return project.data
    if folder == cwd or output.startswith("~"):
        return project.data
    return {**project.data, "run": {**run, "output_dir": str(folder / output)}}


def user_file(flags: Flags, surroundings: Surroundings, named: Variable | None) -> tuple[Path | None, str]:
    """The user's file, there or not, and the flag or variable that names it (empty if none does)."""
    if flags.config is not None:
        return surroundings.cwd / flags.config, "--config"
    if named is not None:
        home = surroundings.home
        text = named.text
        below_home = home / text[2:] if home and text.startswith("~/") else Path(text)
        return surroundings.cwd / below_home, named.name
    folder = surroundings.user_config
    return folder / FILE_NAME if folder else None, ""


def named_document(path: Path, spelling: str) -> Document | Problem | None:
    """A file that must be there if a flag or variable names it."""
    document = read_document(path)
    if document is None and spelling:
        return Problem(spelling, "", f"`{path}` does not exist")
    return document


@lru_cache(maxsize=1)
def shipped() -> Layer:
    """The profiles that come with the program: inside the installed package, else beside it."""
    package = Path(__file__).parent.parent
    inside = package / "profiles"
    folder = inside if inside.is_dir() else package.parent / "profiles"
    read = [read_document(path) for path in sorted(folder.glob("*.toml"))]
    documents = tuple(each for each in read if isinstance(each, Document))
    profiles: dict[str, object] = {}
    for document in documents:
        profiles |= cast("Mapping[str, object]", document.data["profiles"])
    return Layer("shipped", {"profiles": profiles}, documents)


def select(flags: Flags, variable: Variable | None, files: Iterable[Layer]) -> tuple[str, Origin]:
    """The selected profile's name, and who selected it."""
    if flags.profile is not None:
        return flags.profile, Origin("flags", "--profile")
    if variable is not None:
        return variable.text, Origin("environment", variable.name)
    for layer in files:
        if isinstance(name := layer.data.get("default_profile"), str):
            return name, layer.origin(("default_profile",))
    return BUILT_IN_PROFILE, Origin("defaults", "")

"""What every layer says, read once and strongest first, and where in it each key stands.

Standard library only: `profiles list` and shell completion stop here, and must not wait for pydantic.
(Records on this way are named tuples where nothing speaks against it: making a dataclass takes four
times as long.) Nothing is validated yet beyond "this is TOML, read safely".
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast

from smol_dev.config.assignments import Key, Known, Variable, command_line, environment, reserved, variables
from smol_dev.config.files import FILE_NAME, Document, find_project, is_one_of, is_same, read_document, root_of_project
from smol_dev.config.positions import Position, positions
from smol_dev.config.problems import Problem, dotted
from smol_dev.errors import UsageError

Kind = Literal["flags", "environment", "project", "user", "system", "shipped", "derived", "defaults"]

ORDER: Final[tuple[Kind, ...]] = ("flags", "environment", "project", "user", "system", "shipped")
"""The layers that can be written down, strongest first: this alone says which of two layers wins."""

NAME: Final = "smol"
BUILT_IN_PROFILE: Final = "local"
SCHEMA_FILE: Final = "smol.schema.json"
NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says.

    `named` holds the named options: a key path (`model`, `run.output_dir`, `base_url`) to its value
    and the option as typed (`--model`). `sets` holds each `-c` as typed, `KEY=VALUE`. A key without
    `profiles.` or `run.` is meant for the selected profile. `project=False` is `--no-project-config`.
    """

    profile: str | None = None
    config: Path | None = None
    project: bool = True
    named: Mapping[str, tuple[object, str]] = field(default_factory=dict)
    sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the program finds around itself: read once on the rim and passed in.

    `user_config`, `state` and `cache` are the program's own directories; None where there is none (no
    home directory, say). `site_configs` are the system's, the strongest first.
    """

    environ: Mapping[str, str] = field(repr=False)
    cwd: Path
    home: Path | None = None
    user_config: Path | None = None
    site_configs: tuple[Path, ...] = ()
    state: Path | None = None
    cache: Path | None = None

    @classmethod
    def here(cls) -> "Surroundings":
        """Return the surroundings of this process. Raise `UsageError` when the working directory is gone."""
        try:
            cwd = Path.cwd()
        except FileNotFoundError as error:
            raise UsageError("the working directory does not exist any more", hint="change to another: `cd`") from error
        return cls(
            environ=dict(os.environ),
            cwd=cwd,
            home=_expanded("~"),
            user_config=_user_config_folder(),
            site_configs=site_config_folders(),
            state=own_folder("user_state"),
            cache=own_folder("user_cache"),
        )

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The places of the user's and the system's file, there or not: none of them is a project's."""
        usual = self.home / ".config" / NAME if self.home else None
        folders = (self.user_config, usual, *self.site_configs)
        return tuple(folder / FILE_NAME for folder in folders if folder is not None)

    def project_file(self, folder: Path | None = None) -> Path | None:
        """Return the file of the project that the folder (the working directory) belongs to, if any."""
        return find_project(folder or self.cwd, self.home, own=self.own_files)

    def new_project_file(self) -> Path:
        """Return where a project's file is made: at the root of the repository, else here."""
        return root_of_project(self.cwd, self.home) / FILE_NAME


def _expanded(path: str) -> Path | None:
    """Return the path with its `~` expanded; None where that stands for nothing (no HOME, no password entry)."""
    found = Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises without a home
    return found if found.is_absolute() else None


if sys.platform in {"darwin", "win32"}:
    import platformdirs

    def own_folder(kind: str) -> Path | None:
        """Return one of the program's folders, where the system wants such a folder to be."""
        return Path(getattr(platformdirs, f"{kind}_dir")(NAME, appauthor=False))

    def site_config_folders() -> tuple[Path, ...]:
        """Return the folder for the settings of every user of this machine."""
        return (Path(platformdirs.site_config_dir(NAME, appauthor=False)),)

else:
    # The XDG specification is all there is to know here, and platformdirs would load modules for a
    # fifth of the time that listing profiles takes.
    XDG: Final = {
        "user_config": ("XDG_CONFIG_HOME", "~/.config"),
        "user_state": ("XDG_STATE_HOME", "~/.local/state"),
        "user_cache": ("XDG_CACHE_HOME", "~/.cache"),
    }

    def own_folder(kind: str) -> Path | None:
        """Return one of the program's folders; None where it would be in a home that there is not."""
        variable, usual = XDG[kind]
        named = Path(os.environ.get(variable, ""))
        folder = named if named.is_absolute() else _expanded(usual)
        return folder / NAME if folder else None

    def site_config_folders() -> tuple[Path, ...]:
        """Return the folders for the settings of every user of this machine, the strongest first."""
        named = map(Path, os.environ.get("XDG_CONFIG_DIRS", "").split(os.pathsep))
        folders = [each for each in named if each.is_absolute()] or [Path("/etc/xdg")]
        return tuple(dict.fromkeys(each / NAME for each in folders))


def _user_config_folder() -> Path | None:
    """Return the user's folder for settings; on macOS `~/.config/smol` if only that holds a file."""
    folder, dotted = own_folder("user_config"), _expanded(f"~/.config/{NAME}")
    if folder and dotted and not _has_file(folder) and _has_file(dotted):
        return dotted
    return folder


def _has_file(folder: Path) -> bool:
    """Return whether a settings file can be seen in the folder, which may be closed to the user."""
    return os.path.exists(folder / FILE_NAME)  # noqa: PTH110 - Path.exists raises in a closed folder


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
        """Return where this layer sets the key, or else the longest part of it that it sets."""
        return Origin(self.kind, self.place(key, column=False))

    def place(self, key: tuple[str | int, ...], *, column: bool = True) -> str:
        """Return `FILE:LINE:COLUMN`, the variable or the flag that sets the key or its nearest table."""
        if not self.documents:
            return self.spelling(key)
        document, found = self.document(key), self.position(key)
        name = f"profiles/{document.path.name}" if self.kind == "shipped" else str(document.path)
        return f"{name}:{found.line}:{found.column}" if column else f"{name}:{found.line}"

    def spelling(self, key: tuple[str | int, ...]) -> str:
        """Return the variable or flag that sets the key, a table around it, or something in it."""
        for length in range(len(key), 0, -1):
            if (part := cast("Key", key[:length])) in self.spelled:
                return self.spelled[part]
        within = (name for other, name in self.spelled.items() if other[: len(key)] == key)
        return next(within, self.kind)

    def document(self, key: tuple[str | int, ...]) -> Document:
        """Return the file of this layer that holds the key; there are several only of shipped profiles."""
        for document in self.documents:
            profiles = document.data.get("profiles")
            if len(key) > 1 and isinstance(profiles, dict) and key[1] in profiles:
                return document
        return self.documents[0]

    def position(self, key: tuple[str | int, ...]) -> Position:
        """Return the position of the key in its file, or of the nearest table around it."""
        known = positions(self.document(key).text)
        parts = (key[:length] for length in range(len(key), 0, -1))
        return next((known[part] for part in parts if part in known), Position(1, 1))

    def table(self, *key: str) -> Mapping[str, Any]:
        """Return a table of this layer; empty when it is not there, or no table."""
        found: object = self.data
        for part in key:
            found = found.get(part) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else NOTHING


@dataclass(frozen=True, slots=True)
class Layers:
    """Every layer that says something, in their `ORDER`, and which profile they select.

    `problems` holds what could not be read at all. `flags` is what the command line said.
    """

    all: tuple[Layer, ...]
    selected: str
    selected_by: Origin
    surroundings: Surroundings
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    flags: Flags = field(default_factory=Flags)

    @property
    def project(self) -> Document | None:
        """The project's file as it was read, if there is one."""
        layer = self.of("project")
        return layer.documents[0] if layer else None

    def own(self) -> "Layers":
        """Return what holds without the project's file, read as if there were none."""
        if self.of("project") is None:
            return self
        return read_layers(replace(self.flags, project=False), self.surroundings)

    def of(self, kind: Kind) -> Layer | None:
        """Return the layer of this kind, if it says something."""
        return next((layer for layer in self.all if layer.kind == kind), None)

    def with_layer(self, layer: Layer) -> "Layers":
        """Return the layers with one put in the place of its kind."""
        others = [each for each in self.all if each.kind != layer.kind]
        return replace(self, all=in_order([*others, layer]))

    def problem(self, layer: Layer, key: tuple[Any, ...], what: str) -> Problem:
        """Return a problem with a key of a layer; a variable or option shows the key as short as it was meant."""
        own = not layer.documents and key[:2] == ("profiles", self.selected) and len(key) > 2  # noqa: PLR2004
        names = [str(part) for part in (key[2:] if own else key)]
        profile = str(key[1]) if key[0] == "profiles" and len(key) > 1 else ""
        return Problem(layer.place(key), dotted(names), what, profile)

    def names(self, table: str) -> list[str]:
        """Return the names of all profiles (or `prompts`), each once, the strongest layer's first."""
        return list(dict.fromkeys(name for layer in self.all for name in layer.table(table)))


def in_order(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return the layers, strongest first; those of one kind stay as they stand."""
    return tuple(sorted(layers, key=lambda layer: ORDER.index(layer.kind)))


def declared(layers: Iterable[Layer], table: str = "profiles") -> list[str]:
    """Return the names of the profiles that files declare; a variable or flag declares none."""
    return list(dict.fromkeys(name for layer in layers if layer.documents for name in layer.table(table)))


def read_layers(flags: Flags, surroundings: Surroundings, known: Known | None = None) -> Layers:
    """Return every layer that says something. Never raise for what a file, variable or flag holds.

    With what is known about keys, variables are read as the types of theirs and an unknown one is a
    warning; without it, all is text.
    """
    found = variables(surroundings.environ)
    files, problems, warnings = _read_files(flags, surroundings, reserved(found, "config"))
    selected, selected_by = _select(flags, reserved(found, "profile"), files)
    typed = command_line(flags.named, flags.sets, selected=selected, run_keys=known.run_keys if known else ())
    said = environment(
        found,
        selected=selected,
        profiles=declared(files),
        prompts=[*typed.data.get("prompts", ()), *declared(files, "prompts")],
        known=known,
    )
    spoken = (Layer("flags", typed.data, (), typed.spelled), Layer("environment", said.data, (), said.spelled))
    return Layers(
        in_order([*spoken, *files]),
        selected,
        selected_by,
        surroundings,
        (*typed.problems, *said.problems, *problems),
        (*warnings, *said.warnings),
        found,
        flags,
    )


def _read_files(
    flags: Flags, surroundings: Surroundings, named: Variable | None
) -> tuple[tuple[Layer, ...], list[Problem], list[str]]:
    """Return the layers that are files, what is wrong with them, and what to warn about."""
    project = surroundings.project_file()
    user, spelling = user_file(flags, surroundings, named)
    warnings: list[str] = []
    if user is not None and project is not None and is_same(project, user):
        if flags.config is not None:
            project = None  # named on the command line: the user's word, not the project's
        else:
            user = None
            if not flags.project:
                warnings.append(f"`{spelling}` names the project's file, which is left out")
    read: tuple[tuple[Kind, Document | Problem | None], ...] = (
        ("project", read_document(project, project=True) if project and flags.project else None),
        ("user", _named_document(user, spelling) if user else None),
        *(("system", read_document(each / FILE_NAME)) for each in surroundings.site_configs),
    )
    layers = [
        Layer(kind, _at_home(each, surroundings.cwd) if kind == "project" else each.data, (each,))
        for kind, each in read
        if isinstance(each, Document)
    ]
    return in_order([*layers, shipped()]), [each for _, each in read if isinstance(each, Problem)], warnings


def _at_home(project: Document, cwd: Path) -> Mapping[str, Any]:
    """Return what a project's file says, its output folder relative to the file wherever one works."""
    folder, run = project.path.parent, project.data.get("run")
    output = run.get("output_dir") if isinstance(run, dict) else None
    if not isinstance(run, dict) or not isinstance(output, str) or not output:
        return project.data
    if folder == cwd or output.startswith("~"):
        return project.data
    return {**project.data, "run": {**run, "output_dir": str(folder / output)}}


def user_file(flags: Flags, surroundings: Surroundings, named: Variable | None) -> tuple[Path | None, str]:
    """Return the user's file, there or not, and the flag or variable that names it (empty if none does)."""
    if flags.config is not None:
        return surroundings.cwd / flags.config, "--config"
    if named is not None:
        home, text = surroundings.home, named.text
        below_home = home / text[2:] if home and text.startswith("~/") else Path(text)
        return surroundings.cwd / below_home, named.name
    folder = surroundings.user_config
    return folder / FILE_NAME if folder else None, ""


def _named_document(path: Path, spelling: str) -> Document | Problem | None:
    """Return a file, which must be there if a flag or variable names it."""
    document = read_document(path)
    if document is None and spelling:
        return Problem(spelling, "", f"`{path}` does not exist")
    return document


@lru_cache(maxsize=1)
def shipped() -> Layer:
    """Return the profiles that come with the program: inside the installed package, else beside it."""
    package = Path(__file__).parent.parent
    inside = package / "profiles"
    folder = inside if inside.is_dir() else package.parent / "profiles"
    read = [read_document(path) for path in sorted(folder.glob("*.toml"))]
    documents = tuple(each for each in read if isinstance(each, Document))
    profiles: dict[str, object] = {}
    for document in documents:
        profiles |= cast("Mapping[str, object]", document.data["profiles"])
    return Layer("shipped", {"profiles": profiles}, documents)


def schema_file() -> Path:
    """Return the JSON Schema of a settings file, which lies beside the shipped profiles."""
    return shipped().documents[0].path.with_name(SCHEMA_FILE)


def _select(flags: Flags, variable: Variable | None, files: Iterable[Layer]) -> tuple[str, Origin]:
    """Return the selected profile's name, and who selected it."""
    if flags.profile is not None:
        return flags.profile, Origin("flags", "--profile")
    if variable is not None:
        return variable.text, Origin("environment", variable.name)
    for layer in files:
        if isinstance(name := layer.data.get("default_profile"), str):
            return name, layer.origin(("default_profile",))
    return BUILT_IN_PROFILE, Origin("defaults", "")


def places(flags: Flags, surroundings: Surroundings) -> Iterator[str]:
    """Yield a line for each file, strongest first: its layer, its path, and whether it is there."""
    here = surroundings.new_project_file()
    own = is_one_of(here, surroundings.own_files)
    project = surroundings.project_file() or (None if own else here)
    user, _ = user_file(flags, surroundings, reserved(variables(surroundings.environ), "config"))
    named = (
        ("project", project),
        ("user", user),
        *(("system", each / FILE_NAME) for each in surroundings.site_configs),
    )
    for kind, path in named:
        left_out = " (left out)" if kind == "project" and not flags.project else ""
        absent = "" if path is None or os.path.lexists(path) else " (not there)"
        yield f"{kind:<9}{path or '(none)'}{left_out or absent}"
    yield f"{'shipped':<9}{shipped().documents[0].path.parent}"

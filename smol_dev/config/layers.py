"""The layers of settings (options, `SMOL_*` variables, files), read once and sorted strongest first.

Standard library only: `profiles list` and shell completion need no more, and must not wait for pydantic.
(Records used there are named tuples where possible, as defining a dataclass takes four times as long.)
Nothing is validated yet, except that files are safe to read and valid TOML.
"""

import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast

from smol_dev.config.files import (
    DEPTH_LIMIT,
    FILE_NAME,
    Document,
    Position,
    Surroundings,
    depth_exceeds,
    is_one_of,
    is_same,
    long_key,
    positions,
    read_document,
    table_at,
)
from smol_dev.config.problems import Problem, did_you_mean, dotted, fold, nearest

LayerKind = Literal["flags", "environment", "project", "user", "system", "shipped", "derived", "defaults"]

ORDER: Final[tuple[LayerKind, ...]] = ("flags", "environment", "project", "user", "system", "shipped")
"""The layers that a user or the program can write, strongest first; this alone decides which of two wins."""

BUILT_IN_PROFILE: Final = "local"
SCHEMA_FILE: Final = "smol.schema.json"

Key = tuple[str, ...]
"""A key from the top of a layer: `("profiles", "work", "model")`."""

PREFIX: Final = "smol_"
RESERVED: Final = ("profile", "config", "trust_project", "local_servers")
"""`SMOL_*` variables that choose what is read, and set no key."""

KEY_SOURCES: Final = ("api_key", "api_key_env", "api_key_file", "api_key_command")
"""The settings that supply an API key; they are alternatives, so only the strongest one counts."""

SECRET: Final = ("api_key", "headers")
"""Keys of a profile that are refused on the command line, as the process list shows it to everyone."""

TOP_TABLES: Final = ("profiles", "run", "prompts")
QUOTED_TEXT: Final = re.compile(r"(['\"]).*\1", re.DOTALL)
QUOTED: Final = "the quotes around it are a part of it: leave them out (env files keep them)"


class Variable(NamedTuple):
    """An environment variable: `SMOL_CODE__MODEL` has the path `("code", "model")`."""

    name: str
    path: Key
    text: str

    def __repr__(self) -> str:
        return f"Variable({self.name!r})"  # its text may be a secret


class Known(NamedTuple):
    """Facts from `config.model`, passed in so that this module need not import it.

    `run_keys` are the keys of `[run]`, which need not name their table; `variables` the names of all
    variables that set a key of the selected profile or of `run`. `key` returns a key as its table spells
    it, None if there is no such key; `value` converts a text to the key's type, or returns it unchanged.
    """

    run_keys: Collection[str]
    variables: Collection[str]
    key: Callable[[Key], Key | None]
    value: Callable[[Key, str], object]


@dataclass(frozen=True, slots=True)
class Flags:
    """The settings given on the command line.

    `named` maps a key (`model`, `run.output_dir`) to the value and spelling of its option; `sets` holds each
    `-c` as typed. A key without `profiles.` or `run.` belongs to the selected profile. `project=False` is
    `--no-project-config`.
    """

    profile: str | None = None
    config: Path | None = None
    project: bool = True
    named: Mapping[str, tuple[object, str]] = field(default_factory=dict)
    sets: tuple[str, ...] = ()

    def with_named(self, key: str, value: object, option: str) -> "Flags":
        """Return the flags with a named option added."""
        return replace(self, named={**self.named, key: (value, option)})


class Origin(NamedTuple):
    """The source of a value: its layer, and the `FILE:LINE`, variable, flag, or setting that it is derived from.

    `via` is the parent profile that the value was inherited from, empty if none.
    """

    layer: LayerKind
    where: str
    via: str = ""

    def __str__(self) -> str:
        place = f"{self.layer} ({self.where})" if self.where else self.layer
        return f"{place}, through profile {self.via}" if self.via else place


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's settings as plain data, from a file, or from the variables or flags in `spelled`."""

    kind: LayerKind
    data: Mapping[str, Any] = field(repr=False)
    document: Document | None = None
    spelled: Mapping[Key, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The layer's unique name for display: its kind, and its file if it has one."""
        return f"{self.kind} {self.document.path}" if self.document else self.kind

    def origin(self, key: Key) -> Origin:
        """Return where this layer sets the key, or else the nearest table around it."""
        return Origin(self.kind, self.place(key, column=False))

    def place(self, key: tuple[str | int, ...], *, column: bool = True) -> str:
        """Return the `FILE:LINE:COLUMN`, variable or flag that sets the key or the nearest table around it."""
        if self.document is None:
            return self.spelling(key)
        found = self.position(key)
        name = f"profiles/{self.document.path.name}" if self.kind == "shipped" else str(self.document.path)
        return f"{name}:{found.line}:{found.column}" if column else f"{name}:{found.line}"

    def spelling(self, key: tuple[str | int, ...]) -> str:
        """Return the variable or flag that sets the key, a table around it, or something in it."""
        around = (self.spelled.get(cast("Key", key[:length])) for length in range(len(key), 0, -1))
        within = (name for other, name in self.spelled.items() if other[: len(key)] == key)
        return next(filter(None, (*around, *within)), self.kind)

    def position(self, key: tuple[str | int, ...]) -> Position:
        """Return the position of the key in the layer's file, or of the nearest table around it."""
        known = positions(self.document.text) if self.document else {}
        parts = (key[:length] for length in range(len(key), 0, -1))
        return next((known[part] for part in parts if part in known), Position(1, 1))

    def table(self, *key: str) -> Mapping[str, Any]:
        """Return a table of this layer; empty if there is none."""
        return table_at(self.data, *key)


@dataclass(frozen=True)
class Layers:
    """All layers, in their `ORDER`, and the profile that they select.

    `problems` holds what could not be read at all; `flags` are the command line's.
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
        """The project's file as it was read; None if there is none."""
        layer = self.of("project")
        return layer.document if layer else None

    @cached_property
    def own(self) -> "Layers":
        """The user's own layers, read as if there were no project file."""
        if self.of("project") is None:
            return self
        return read_layers(replace(self.flags, project=False), self.surroundings)

    def of(self, kind: LayerKind) -> Layer | None:
        """Return the layer of this kind; None if there is none."""
        return next((layer for layer in self.all if layer.kind == kind), None)

    def problem(self, layer: Layer, key: tuple[Any, ...], what: str) -> Problem:
        """Return a problem with a key of a layer; keys of the selected profile are shortened as in options."""
        own = layer.document is None and key[:2] == ("profiles", self.selected) and len(key) > 2  # noqa: PLR2004
        names = [str(part) for part in (key[2:] if own else key)]
        profile = str(key[1]) if key[0] == "profiles" and len(key) > 1 else ""
        return Problem(layer.place(key), dotted(names), what, profile)

    @cached_property
    def names(self) -> Mapping[str, Collection[str]]:
        """The names of all `profiles` and all `prompts`, each once, those of the strongest layer first."""
        return {
            table: dict.fromkeys(name for layer in self.all for name in layer.table(table))
            for table in ("profiles", "prompts")
        }


def in_order(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return the layers, strongest first; layers of the same kind keep their order."""
    return tuple(sorted(layers, key=lambda layer: ORDER.index(layer.kind)))


def declared(layers: Iterable[Layer], table: str = "profiles") -> list[str]:
    """Return the names declared in files; variables and flags declare none."""
    return list(dict.fromkeys(name for layer in layers if layer.document for name in layer.table(table)))


def read_layers(flags: Flags, surroundings: Surroundings, known: Known | None = None) -> Layers:
    """Return all layers. Never raise for the content of a file, variable or flag.

    With `known`, variables are converted to their key's type and unknown ones become warnings; without
    it, every value is text.
    """
    found = variables(surroundings.environ)
    files, problems, warnings = _read_files(flags, surroundings)
    selected, selected_by = _select(flags, surroundings.environ, files)
    typed, mistyped = _command_line(flags, selected, known.run_keys if known else ())
    names = {
        "profiles": (*declared(files), selected),
        "prompts": (*typed.data.get("prompts", ()), *declared(files, "prompts")),
    }
    said, misspelt, unknown = _environment(found, names, selected, known)
    return Layers(
        in_order([typed, said, *files]),
        selected,
        selected_by,
        surroundings,
        (*mistyped, *misspelt, *problems),
        (*warnings, *unknown),
        found,
        flags,
    )


def _read_files(flags: Flags, surroundings: Surroundings) -> tuple[tuple[Layer, ...], list[Problem], list[str]]:
    """Return the layers read from files, their problems, and warnings."""
    project = surroundings.project_file()
    user, spelling = user_file(flags, surroundings)
    warnings: list[str] = []
    if user is not None and project is not None and is_same(project, user):
        if flags.config is not None:
            project = None  # named on the command line, so the user has chosen to trust it
        else:
            user = None
            if not flags.project:
                warnings.append(f"`{spelling}` names the project's file, which is left out")
    own = read_document(user) if user else None
    if own is None and spelling and user:
        own = Problem(spelling, "", f"`{user}` does not exist")
    read: tuple[tuple[LayerKind, Document | Problem | None], ...] = (
        ("project", read_document(project, project=True) if project and flags.project else None),
        ("user", own),
        *(("system", read_document(each / FILE_NAME)) for each in surroundings.site_configs),
    )
    layers = [Layer(kind, each.data, each) for kind, each in read if isinstance(each, Document)]
    if layers and layers[0].kind == "project":
        layers[0] = _at_home(layers[0], surroundings.cwd)
    return in_order([*layers, *shipped()]), [each for _, each in read if isinstance(each, Problem)], warnings


def _at_home(project: Layer, cwd: Path) -> Layer:
    """Return the project's layer, with its output folder made relative to the file instead of `cwd`."""
    run = project.table("run")
    output, folder = run.get("output_dir"), project.document.path.parent if project.document else cwd
    if not isinstance(output, str) or not output or folder == cwd or output.startswith("~"):
        return project
    return replace(project, data={**project.data, "run": {**run, "output_dir": str(folder / output)}})


def user_file(flags: Flags, surroundings: Surroundings) -> tuple[Path | None, str]:
    """Return the path of the user's file, which need not exist, and the flag or variable that names it, if any."""
    if flags.config is not None:
        return surroundings.cwd / flags.config, "--config"
    if named := that_chooses("config", surroundings.environ):
        home, text = surroundings.home, named.text
        below_home = home / text[2:] if home and text.startswith("~/") else Path(text)
        return surroundings.cwd / below_home, named.name
    folder = surroundings.user_config
    return folder / FILE_NAME if folder else None, ""


@lru_cache(maxsize=1)
def shipped() -> tuple[Layer, ...]:
    """Return the profiles that come with the program, a layer each."""
    read = [read_document(path) for path in sorted(_shipped_folder().glob("*.toml"))]
    return tuple(Layer("shipped", each.data, each) for each in read if isinstance(each, Document))


def _shipped_folder() -> Path:
    """Return the folder of the shipped profiles: inside the installed package, or else beside it."""
    package = Path(__file__).parent.parent
    inside = package / "profiles"
    return inside if inside.is_dir() else package.parent / "profiles"


def schema_file() -> Path:
    """Return the path of the settings file's JSON Schema, beside the shipped profiles."""
    return _shipped_folder() / SCHEMA_FILE


def _select(flags: Flags, environ: Mapping[str, str], files: Iterable[Layer]) -> tuple[str, Origin]:
    """Return the selected profile's name and what selected it."""
    if flags.profile is not None:
        return flags.profile, Origin("flags", "--profile")
    if variable := that_chooses("profile", environ):
        return variable.text, Origin("environment", variable.name)
    for layer in files:
        if isinstance(name := layer.data.get("default_profile"), str):
            return name, layer.origin(("default_profile",))
    return BUILT_IN_PROFILE, Origin("defaults", "")


def places(flags: Flags, surroundings: Surroundings) -> Iterator[str]:
    """Yield a line for each settings file, strongest first: its layer, its path, and whether it exists."""
    here = surroundings.new_project_file()
    own = is_one_of(here, surroundings.own_files)
    project = surroundings.project_file() or (None if own else here)
    user, _ = user_file(flags, surroundings)
    named = (
        ("project", project),
        ("user", user),
        *(("system", each / FILE_NAME) for each in surroundings.site_configs),
    )
    for kind, path in named:
        left_out = " (left out)" if kind == "project" and not flags.project else ""
        absent = "" if path is None or os.path.lexists(path) else " (not there)"
        yield f"{kind:<9}{path or '(none)'}{left_out or absent}"
    yield f"{'shipped':<9}{_shipped_folder()}"


def variables(environ: Mapping[str, str]) -> tuple[Variable, ...]:
    """Return the `SMOL_*` variables by name, without trailing white space (an env file may leave blanks or a CR).

    An empty one counts as unset, because compose files write unset variables that way.
    """
    return tuple(
        Variable(name, tuple(fold(name).removeprefix(PREFIX).split("__")), text.rstrip())
        for name, text in sorted(environ.items())
        if fold(name).startswith(PREFIX) and text.strip() != ""
    )


def that_chooses(name: str, environ: Mapping[str, str]) -> Variable | None:
    """Return the variable that sets one of the `RESERVED` names, such as `SMOL_PROFILE`."""
    return next((each for each in variables(environ) if each.path == (name,)), None)


def _environment(
    found: Iterable[Variable], names: Mapping[str, Collection[str]], selected: str, known: Known | None
) -> tuple[Layer, list[Problem], list[str]]:
    """Return the layer of the variables, their problems, and warnings; `names` are the profiles' and variants'.

    A variable that names no profile belongs to the selected one, and beats a variable that names it.
    Without `known`, every value stays text and every key counts as one of a profile.
    """
    data: dict[str, Any] = {}
    spelled: dict[Key, str] = {}
    problems: list[Problem] = []
    warnings: list[str] = []
    settings = [each for each in found if len(each.path) > 1 or each.path[0] not in RESERVED]
    for each in sorted(settings, key=lambda each: (each.path[0] != "profiles", len(each.path), each.name)):
        key = _key_of(each, names, selected, problems)
        if known and key is None:
            warnings.append(_no_profile(each, names["profiles"]))
        elif known and key:
            is_run = key[:2] == ("profiles", selected) and key[2:3] and key[2] in known.run_keys
            key = known.key(("run", *key[2:]) if is_run else key)
            if key is None:
                others = (*known.variables, *(f"SMOL_{name.upper()}" for name in RESERVED))
                warnings.append(f"`{each.name}`: unknown setting, ignored{did_you_mean(each.name, others)}")
        if not key:
            continue
        if fold(spelled.get(key, "")) == fold(each.name):
            problems.append(Problem(each.name, "", f"`{spelled[key]}` sets the same key"))
        if known and "extra_body" not in key and QUOTED_TEXT.fullmatch(each.text):
            problems.append(Problem(each.name, "", QUOTED))
        if each.path[0] != "profiles":
            _give_way(data, spelled, key, only=f"{PREFIX}profiles__")
        put(data, key, known.value(key, each.text) if known else each.text)
        spelled[key] = each.name
    return Layer("environment", data, None, spelled), problems, warnings


def _key_of(
    variable: Variable, names: Mapping[str, Collection[str]], selected: str, problems: list[Problem]
) -> Key | None:
    """Return the key that a variable sets, from the top; empty if ambiguous, None if it names an unknown profile."""
    first, *rest = variable.path
    if first == "run" and rest:
        return variable.path
    if first not in names or len(rest) < 2:  # noqa: PLR2004 - a profile and a key of it
        return ("profiles", selected, *variable.path)
    fitting = sorted({name for name in names[first] if in_variable(name) == rest[0]})
    if len(fitting) > 1:
        both = " and ".join(f"`{name}`" for name in fitting)
        problems.append(Problem(variable.name, "", f"the name fits both {both}"))
        return ()
    if not fitting and first == "profiles":
        return None
    return (first, fitting[0] if fitting else rest[0].replace("_", "-"), *rest[1:])


def in_variable(name: str) -> str:
    """Return a profile's name as spelled in a variable, with `_` for all but letters and digits."""
    return "".join(each if each.isalnum() else "_" for each in fold(name))


def _no_profile(variable: Variable, profiles: Collection[str]) -> str:
    _, named, *rest = variable.path
    near = nearest(named, [in_variable(name) for name in profiles])
    spelled = "__".join(("smol_profiles", near, *rest)).upper()
    meant = f"; did you mean `{spelled}`?" if near else ""
    return f"`{variable.name}` names no profile that a file declares, and is ignored{meant}"


def _command_line(flags: Flags, selected: str, run_keys: Collection[str]) -> tuple[Layer, list[Problem]]:
    """Return the layer of the options, and their problems; `run_keys` are the keys of `[run]`, if known.

    The last of several `-c` wins, and a named option beats them all. An API key setting replaces the others.
    """
    read = [assignment(text) for text in flags.sets]
    said = [
        (at(each[0], selected, run_keys), each[1], f"-c {dotted(each[0])}=…")
        for each in read
        if not isinstance(each, Problem)
    ]
    said += [(at(tuple(name.split(".")), selected), *each) for name, each in flags.named.items()]
    data: dict[str, Any] = {}
    spelled: dict[Key, str] = {}
    for key, value, spelling in said:
        _give_way(data, spelled, key)
        for longer in [other for other in spelled if other[: len(key)] == key]:
            del spelled[longer]
        put(data, key, value)
        spelled[key] = spelling
    return Layer("flags", data, None, spelled), [each for each in read if isinstance(each, Problem)]


def assignment(text: str) -> tuple[Key, object] | Problem:
    """Return the key and value of one `-c`; the value is read as TOML, or else kept as text."""
    written, equals, value = text.partition("=")
    path = key_path(written)
    if not equals or path is None:
        return Problem("-c", "", "write `KEY=VALUE`, for example `-c temperature=0.1`")
    spelling = f"-c {dotted(path)}=…"
    key = path[2:] if path[0] == "profiles" else path
    if key[:1] and key[0] in SECRET:
        what = "not on the command line, which every user of the machine can read"
        return Problem(spelling, "", f"{what}; use `--api-key-env NAME`, a variable or a file")
    if path[0] == "default_profile":
        return Problem(spelling, "", "the command line selects a profile with `--profile NAME`")
    return path, toml_value(value.strip())


def key_path(text: str) -> Key | None:
    """Return the parts of a dotted key, split as TOML does; None if it is not a key."""
    inner: object = _toml(f"{text} = 0")
    path: list[str] = []
    while isinstance(inner, dict) and len(inner) == 1 and len(path) < DEPTH_LIMIT:
        name, inner = next(iter(inner.items()))
        path.append(name)
    return tuple(path) if inner == 0 and path else None


def toml_value(text: str) -> object:
    """Return the text parsed as a TOML value, or the text itself if it is not one."""
    read = _toml(f"value = {text}")
    return text if read is None or len(read) > 1 or depth_exceeds(read, DEPTH_LIMIT) else read["value"]


def _toml(line: str) -> dict[str, Any] | None:
    """Return a typed line parsed as TOML; None if it is not valid."""
    try:
        return None if long_key(line) >= 0 else tomllib.loads(line)
    except (ValueError, RecursionError):
        return None


def at(path: Key, selected: str, run_keys: Collection[str] = ()) -> Key:
    """Return the key from the top of a file; one without a table belongs to `run` or the selected profile."""
    if path[0] in TOP_TABLES and len(path) > 1:
        return path
    return ("run", *path) if path[0] in run_keys else ("profiles", selected, *path)


def _give_way(data: Mapping[str, Any], spelled: dict[Key, str], key: Key, *, only: str = "") -> None:
    """Remove the profile's other API key settings, if their spelling begins with `only`."""
    if key[0] != "profiles" or key[2:3] == () or key[2] not in KEY_SOURCES:
        return
    table = data.get("profiles", {}).get(key[1], {})
    for other in KEY_SOURCES:
        if fold(spelled.get((*key[:2], other), "")).startswith(only):
            table.pop(other, None)
            spelled.pop((*key[:2], other), None)


def put(data: dict[str, Any], key: Key, value: object) -> None:
    """Set a key in nested tables; any other value on the way is replaced by a table."""
    for part in key[:-1]:
        inner = data.get(part)
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[key[-1]] = value

"""The effective settings: every layer read, merged, validated and trusted, or every problem reported at once.

pydantic-settings does the merge: each table of each layer is a source, laid over the next weaker one key
by key. A profile's tables are in the order that `profiles` gives them; derived settings come last and see
the result of the stronger sources. Two steps happen outside this merge. `layers` reads the layers, once,
because listing profiles must not load pydantic and what was approved must be what is used. `validate` checks
each layer separately, because a merged value no longer knows its line, and overridden mistakes count too.
"""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from smol_dev.chat import STAGES
from smol_dev.config.endpoint import Lookup, is_local, origin_of
from smol_dev.config.files import Surroundings, is_same, read_document
from smol_dev.config.layers import Flags, Key, Layer, Layers, in_order, read_layers
from smol_dev.config.model import (
    CLOUD_TIMEOUT,
    FIRST_TOKEN_TIMEOUT,
    KNOWN,
    LOCAL_TIMEOUT,
    Profile,
    Prompts,
    Run,
    laid_over,
)
from smol_dev.config.problems import Problem, config_error, dotted, lines_of
from smol_dev.config.profiles import Slot, chain, first, leaf_paths, said_instead, slots, value_of, without
from smol_dev.config.secret import Bound, Endpoint, endpoint
from smol_dev.config.trust import PendingTrust, decide, waiting
from smol_dev.config.validate import allows_http, endpoint_problems, layers_problems
from smol_dev.config.variants import user_variants
from smol_dev.errors import ConfigError
from smol_dev.redact import secret_texts
from smol_dev.safe import command


class Composition(NamedTuple):
    """The parts of a profile: its name and its parents', their tables strongest first, and its server.

    `dropped` maps keys that are set but have no effect to the reason; `broken` is the problem with an
    `extends` that ended the chain of names.
    """

    layers: Layers
    names: tuple[str, ...]
    tables: tuple[Slot, ...]
    endpoint: Endpoint
    dropped: Mapping[Key, str]
    broken: Problem | None = None

    @classmethod
    def of(cls, layers: Layers, name: str) -> "Composition":
        """Return the composition of the named profile."""
        names, broken = chain(layers, name)
        tables = slots(layers, names)
        server = endpoint(tables, layers)
        return cls(layers, names, tables, server, {**overridden(tables), **server.dropped}, broken)


def standing(tables: Sequence[Slot], path: Key) -> Iterator[tuple[Slot, Key]]:
    """Yield each table with the key by which it could set this one, strongest first.

    A stage's key beats the profile's, except that a flag or variable without a stage applies to all stages
    unless another flag or variable names the stage. Keys not set for `fix` come from `code`.
    """
    if path[0] not in STAGES or path[1:2] == ():
        yield from ((slot, path) for slot in tables)
        return
    if path[0] == "fix":
        yield from ((slot, path) for slot in tables)
        yield from standing(tables, ("code", *path[1:]))
        return
    for typed in (True, False):
        group = [slot for slot in tables if slot.typed is typed]
        yield from ((slot, path) for slot in group)
        yield from ((slot, path[1:]) for slot in group)


def overridden(tables: Sequence[Slot]) -> dict[Key, str]:
    """Return the stages' keys in files that a flag or variable for all stages overrides, each with the reason."""
    typed = [slot for slot in tables if slot.typed]
    written = [slot for slot in tables if not slot.typed]
    found: dict[Key, str] = {}
    for path in leaf_paths(slot.table for slot in typed):
        setter = next(slot for slot in typed if slot.holds(*path))
        for staged in ((stage, *path) for stage in STAGES):
            if any(said_instead(slot.table, staged) for slot in typed):
                continue
            for part in filter(None, (said_instead(slot.table, staged) for slot in written)):
                found[part] = f"{setter.origin(*path).where} holds for all stages"
    return found


class Source(PydanticBaseSettingsSource):
    """A source of settings; pydantic-settings tells sources apart by their unique `name`."""

    def __init__(self, settings_cls: type[BaseSettings], name: str, table: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self.__name__ = name
        self.table = table

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Never called: a table is read as a whole."""
        raise NotImplementedError(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """Return the source's settings."""
        return dict(self.table)


class ProfileSource(Source):
    """One layer's table of the profile or one of its parents."""

    def __call__(self) -> dict[str, Any]:
        """Return the table without the keys that stronger sources set.

        A stronger plain value removes a whole weaker table, even if a still stronger source sets a table there.
        """
        stronger = (data.get("profile", {}) for data in self.settings_sources_data.values())
        return {"profile": without(self.table, leaf_paths(stronger))}


class DerivedSource(Source):
    """Settings derived from all other sources: timeouts, and what stages inherit of `extra_body`."""

    def __call__(self) -> dict[str, Any]:
        """Return the timeouts of the profile and its stages, and the stages' inherited `extra_body`."""
        profile = self.current_state["profile"]
        timeout = LOCAL_TIMEOUT if is_local(profile["base_url"]) else CLOUD_TIMEOUT
        first_token = max(profile.get("timeout", timeout), FIRST_TOKEN_TIMEOUT)
        found: dict[str, Any] = {"timeout": timeout, "first_token_timeout": first_token}
        for stage in STAGES:
            own, rest = profile.get(stage, {}), found.setdefault(stage, {})
            below = {**profile, **found["code"], **profile.get("code", {})} if stage == "fix" else profile
            if "timeout" in own and "first_token_timeout" not in below:
                rest["first_token_timeout"] = max(own["timeout"], FIRST_TOKEN_TIMEOUT)
            if "extra_body" in own:
                rest["extra_body"] = laid_over(profile.get("extra_body", {}), below.get("extra_body", {}))
        return {"profile": found}


class Effective(BaseSettings):
    """The effective settings, with the model's defaults for keys that no source sets."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    profile: Profile = Profile()
    run: Run = Run()
    prompts: dict[str, Prompts] = {}

    @classmethod
    def settings_customise_sources(  # noqa: D102 - pydantic-settings' hook, described there
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - our layers replace these three
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        made, prompts = init_settings.init_kwargs["made"]  # type: ignore[attr-defined]
        gone = [("extends",), ("headers",), *made.dropped]  # both are resolved by now
        return (
            Source(settings_cls, "settled", {"profile": made.endpoint.settled(), "prompts": prompts}),
            *(Source(settings_cls, layer.name, {"run": dict(layer.table("run"))}) for layer in made.layers.all),
            *(ProfileSource(settings_cls, slot.name, without(slot.table, gone)) for slot in made.tables),
            DerivedSource(settings_cls, "derived", {}),
        )


def effective(made: Composition, prompts: Mapping[str, Any]) -> Effective:
    """Return the merged and validated settings; `prompts` are the user's variants, with their files' texts."""
    arguments: dict[str, Any] = {"made": (made, prompts)}
    return Effective(**arguments)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The selected profile and all other settings, validated; `made` holds the parts of the profile."""

    profile: Profile
    run: Run
    prompts: Mapping[str, Prompts]
    warnings: tuple[str, ...]
    made: Composition

    @property
    def layers(self) -> Layers:
        """All layers."""
        return self.made.layers

    @property
    def name(self) -> str:
        """The selected profile's name."""
        return self.layers.selected

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - each key has its own type
        """Return a key of the profile: `loaded.model` is `loaded.profile.model`."""
        if name.startswith("_") or name not in Profile.model_fields:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.profile, name)

    def __dir__(self) -> list[str]:
        """Return the attributes, including the profile's keys."""
        return [*super(Loaded, self).__dir__(), *Profile.model_fields]

    def secrets(self) -> Bound:
        """Read the key; return it with the headers and other secrets, bound to the server's origin.

        The origin is empty while the server is still to be found; the demo's own server gets no secrets.
        Raise `ConfigError` if a key is missing or invalid.
        """
        url, key = self.made.endpoint.base_url, self.made.endpoint.api_key
        if not url and self.profile.provider == "demo":
            return Bound()
        if key is None and self.needs_key():
            raise ConfigError(
                f"there is no key for {origin_of(url)} (profile `{self.name}`)",
                hint="export OPENAI_API_KEY or SMOL_API_KEY, or name a variable: `--api-key-env NAME`",
            )
        headers = {name: value.strip() for name, value in self.made.endpoint.headers.items()}
        if key is not None:
            headers["Authorization"] = f"Bearer {key.read()}"
        query = dict(self.profile.extra_query)
        tables = (self.profile, *self.profile.stages().values())
        in_body = tuple(text for table in tables for text in secret_texts(table.extra_body))
        return Bound(origin_of(url) if url else "", headers, query, in_body)

    def needs_key(self) -> bool:
        """Return whether the server is known to require a key, unless one was held back on purpose."""
        held_back = ("api_key_env",) in self.made.dropped
        return self.profile.provider == "openai" and not is_local(self.profile.base_url) and not held_back

    def key_summary(self) -> str:
        """Return where the key comes from and which server it is for, without reading it or running a command."""
        key, url = self.made.endpoint.api_key, self.made.endpoint.base_url
        to = f"for {origin_of(url)}" if url else "for the server that is found"
        if key is not None:
            absent = "" if key.is_there() else "missing: "
            return f"{absent or 'set '}({key.source}, {to})"
        reason = next((why for (name, *_), why in self.made.dropped.items() if name == "api_key"), "")
        if reason:
            return f"not sent ({reason})"
        return "missing" if self.needs_key() else "not needed" if is_local(url) else "none"


def read(flags: Flags, surroundings: Surroundings) -> tuple[Composition, tuple[str, ...]]:
    """Return the composition of the selected profile, and warnings about the layers.

    Raise `ConfigError` with every problem that affects the profile.
    """
    layers = read_layers(flags, surroundings, KNOWN)
    problems = [*layers.problems, *layers_problems(layers)]
    made = Composition.of(layers, layers.selected)
    if made.broken is not None:
        problems.append(made.broken)
    here = [each for each in problems if not each.profile or each.profile in made.names]
    if wrong := here or list(endpoint_problems(made.tables, made.endpoint, lookup=None)):
        raise config_error(wrong)
    return made, tuple(_warnings(made, problems))


def _warnings(made: Composition, elsewhere: Sequence[Problem]) -> Iterator[str]:
    """Yield the warnings about the layers and the profile; `elsewhere` are the problems of other profiles."""
    layers, url = made.layers, made.endpoint.base_url
    yield from (*layers.warnings, *made.endpoint.warnings)
    if lines := {str(each) for each in elsewhere}:
        names = ", ".join(dict.fromkeys(f"`{each.profile}`" for each in elsewhere))
        count = "a problem" if len(lines) == 1 else f"{len(lines)} problems"
        yield f"{count} in profiles that are not used ({names}); `smol_dev config check` shows them"
    user = layers.of("user")
    if user is not None and user.document and user.document.others_can_read:
        keys = (("profiles", name, "api_key") for name in user.table("profiles"))
        if key := next((key for key in keys if value_of(user.data, key)), None):
            private = command("chmod 600 {file}", file=user.document.path)
            yield f"{user.place(key)}: others can read this key: {private}"
    if url.startswith("http://") and allows_http(made.tables) and not is_local(url):
        yield f"prompts go to {origin_of(url)} unencrypted, as `allow_http` permits"
    setter = first(made.tables, "extends")
    if setter is not None and setter.typed:
        yield from _beaten_parent(made.tables, setter)


def _beaten_parent(tables: Sequence[Slot], setter: Slot) -> Iterator[str]:
    """Yield a warning if keys of the profile beat those inherited by an `extends` on the command line."""
    own = leaf_paths(slot.table for slot in tables if slot.hop == 0 and not slot.typed)
    theirs = leaf_paths(slot.table for slot in tables if slot.hop)
    if ("provider",) in theirs:
        theirs.append(("base_url",))  # a provider brings its address
    both = [f"`{dotted(path)}`" for path in own if path in theirs and path != ("extends",)]
    if both:
        where = setter.origin("extends").where
        yield f"{where}: the profile's own {', '.join(both)} win{'s' if len(both) == 1 else ''} over its parent's"


def load(
    flags: Flags,
    surroundings: Surroundings,
    *,
    approve: Callable[[PendingTrust], bool] | None = None,
    connect: bool = True,
    model_needed: bool = True,
    lookup: Lookup | None = None,
) -> Loaded:
    """Return the effective settings.

    `approve` decides about a project's file that needs approval; True records the approval.
    `connect=False` is for commands that only show settings: no name is looked up, no model is
    needed, and an unapproved project file is only a warning. `model_needed=False` is for commands that
    ask the server for its models. Raise `ConfigError` with every problem, `TrustError`, or
    `ServerError` if a local name has no address.
    """
    made, warnings = read(flags, surroundings)
    names = (lookup or system_lookup) if connect else None
    steers = waiting(made.layers, made.endpoint, made.names, lookup=names)
    untrusted = decide(steers, surroundings, approve=approve, connect=connect)
    if connect and (wrong := list(endpoint_problems(made.tables, made.endpoint, lookup=names))):
        raise config_error(wrong)
    variants, _ = user_variants(made.layers)
    settings = effective(made, variants)
    loaded = Loaded(settings.profile, settings.run, settings.prompts, (*warnings, *untrusted), made)
    url, stages = settings.profile.base_url, settings.profile.stages().values()
    has_model = settings.profile.model or all(each.model for each in stages)
    if connect and model_needed and not has_model and not is_local(url):
        raise ConfigError(
            f"profile `{loaded.name}` names no model, and {origin_of(url)} is not on this machine",
            hint="name one: `--model NAME`; `smol_dev models` lists what the server offers",
        )
    return loaded


def pending(flags: Flags, surroundings: Surroundings) -> PendingTrust | None:
    """Return the project file's settings that need approval, approved or not; None if there are none.

    Raise `ConfigError` if the settings cannot be read as a whole.
    """
    made, _ = read(flags, surroundings)
    return waiting(made.layers, made.endpoint, made.names, lookup=None)


def check(
    flags: Flags, surroundings: Surroundings, *, file: Path | None = None, project: bool = False
) -> tuple[str, ...]:
    """Return every problem of every layer, one line each; only those of `file` if one is given.

    `project` says that the file is checked as a project's, even if it is not in its final place yet.
    """
    layers = read_layers(flags, surroundings, KNOWN)
    if file is not None:
        place = surroundings.project_file(file.absolute().parent)
        is_project = project or is_same(place, file)
        document = read_document(file, project=is_project)
        if document is None or isinstance(document, Problem):
            return (str(document) if document else f"{file}: does not exist",)
        layer = Layer("project" if is_project else "user", document.data, document)
        layers = replace(layers, all=in_order([layer, *(each for each in layers.all if each.kind != layer.kind)]))
    problems = [*layers.problems, *layers_problems(layers)]
    for name in layers.names["profiles"]:
        made = Composition.of(layers, name)
        whole = endpoint_problems(made.tables, made.endpoint, lookup=None) if made.broken is None else [made.broken]
        problems += whole
    lines = lines_of(problems)
    return lines if file is None else tuple(line for line in lines if line.startswith(f"{file}:"))


def system_lookup(host: str) -> tuple[str, ...]:
    """Return the addresses to which the system resolves a name; empty if there are none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))

"""The settings: every layer read, merged, validated and trusted, or every problem named at once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from smol_dev.config.endpoint import Lookup, is_local, origin_of
from smol_dev.config.files import read_document, same_as
from smol_dev.config.layers import Flags, Kind, Layer, Layers, Surroundings, read_layers
from smol_dev.config.lookup import system_lookup
from smol_dev.config.model import Profile, Prompts, Run
from smol_dev.config.problems import Problem, config_error, lines_of
from smol_dev.config.profiles import Slot, chain, slots
from smol_dev.config.reading import Reading, endpoint_problems, problems_of, read, understood
from smol_dev.config.secret import Bound, Endpoint, endpoint
from smol_dev.config.sources import effective
from smol_dev.config.trust import PendingTrust, decide, waiting
from smol_dev.errors import ConfigError
from smol_dev.redact import secret_texts

NOWHERE: Final = Endpoint("", None, None, {}, {})


@dataclass(frozen=True, slots=True)
class Loaded:
    """The selected profile and everything around it, valid.

    `prompts` are the own variants, with their files read in. The rest says how the profile came
    about: `chain` is its name and its parents', `tables` what was said about them, strongest first,
    and `dropped` the keys that do not hold although they are set, each with its reason.
    """

    name: str
    profile: Profile
    run: Run
    prompts: Mapping[str, Prompts]
    warnings: tuple[str, ...]
    layers: Layers
    chain: tuple[str, ...] = ()
    tables: tuple[Slot, ...] = ()
    endpoint: Endpoint = NOWHERE
    dropped: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - each key has its own type
        """A key of the profile: `loaded.model` is `loaded.profile.model`."""
        if name.startswith("_") or name not in Profile.model_fields:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.profile, name)

    def __dir__(self) -> list[str]:
        """The attributes, the keys of the profile included."""
        return sorted({*super(Loaded, self).__dir__(), *Profile.model_fields})

    def secrets(self, *, base_url: str = "") -> tuple[Bound, ...]:
        """The key and headers, read now and bound to their origin; empty when there are none.

        `base_url` is the server that was found when the profile names none. Raises `ConfigError`
        when a key is missing or bad.
        """
        url = self.endpoint.base_url or base_url
        key = self.endpoint.key
        if key is None and self.needs_key():
            raise ConfigError(
                f"there is no key for {origin_of(url)} (profile `{self.name}`)",
                hint="export OPENAI_API_KEY or SMOL_API_KEY, or name a variable: `--api-key-env NAME`",
            )
        headers = {name: value.strip() for name, value in self.endpoint.headers.items()}
        if key is not None:
            headers["Authorization"] = f"Bearer {key.read(self.layers.surroundings)}"
        query = dict(self.profile.extra_query)
        in_body = tuple(self.secrets_in_body())
        if not url or not (headers or query or in_body):
            return ()
        return (Bound(origin_of(url), headers, query, in_body),)

    def secrets_in_body(self) -> Iterator[str]:
        """Yield the secrets among the fields that the profile and its stages add to a request's body."""
        profile = self.profile
        for table in (profile, profile.plan, profile.files, profile.code):
            yield from secret_texts(table.extra_body)

    def needs_key(self) -> bool:
        """Whether the server is known to refuse a request without key, and none was held back."""
        held_back = ("api_key_env",) in self.dropped
        return self.profile.provider == "openai" and not is_local(self.profile.base_url) and not held_back

    def key_summary(self) -> str:
        """Where the key comes from and whom it is for, never the key; runs no command."""
        key, url = self.endpoint.key, self.endpoint.base_url
        to = f"for {origin_of(url)}" if url else "for the server that is found"
        if key is not None:
            absent = "" if key.is_there(self.layers.surroundings) else "missing: "
            return f"{absent or 'set '}({key.source(self.layers.surroundings)}, {to})"
        reason = next((why for (name, *_), why in self.dropped.items() if name == "api_key"), "")
        if reason:
            return f"not sent ({reason})"
        return "missing" if self.needs_key() else "not needed" if is_local(url) else "none"


def load(
    flags: Flags,
    surroundings: Surroundings,
    *,
    approve: Callable[[PendingTrust], bool] | None = None,
    connect: bool = True,
    model_needed: bool = True,
    lookup: Lookup | None = None,
) -> Loaded:
    """The effective settings.

    `approve` is asked about a project's file that steers and is not approved; True records it.
    `connect=False` is for commands that only show settings: no name is looked up, no model is
    needed, and an unapproved project file is a warning. `model_needed=False` is for commands that
    ask the server for its models. Raises `ConfigError` with every problem, `TrustError`, or
    `ServerError` when a local name has no address.
    """
    reading = read(flags, surroundings)
    names = (lookup or system_lookup) if connect else None
    steers = waiting(reading.layers, reading.endpoint, reading.chain, lookup=names)
    untrusted = decide(steers, surroundings, approve=approve, connect=connect)
    if connect and (wrong := list(endpoint_problems(reading.tables, reading.endpoint, lookup=names))):
        raise config_error(wrong)
    loaded = replace(merged(reading), warnings=(*reading.warnings, *untrusted))
    if connect and model_needed:
        require_model(loaded)
    return loaded


def pending(flags: Flags, surroundings: Surroundings) -> PendingTrust | None:
    """Return what the project's file steers, approved or not; None without a file, or when it only tunes.

    Raises `ConfigError` when the settings cannot be read as a whole.
    """
    reading = read(flags, surroundings)
    return waiting(reading.layers, reading.endpoint, reading.chain, lookup=None)


def merged(reading: Reading) -> Loaded:
    """The layers as one, validated as a whole."""
    layers = reading.layers
    key = reading.endpoint.key
    named = key is not None and key.setting == "api_key_file" and key.slot is not None
    file = key.path(layers.surroundings) if named and key is not None else None
    settings = effective(
        layers, reading.tables, at=reading.endpoint, dropped=reading.dropped, key_file=file, prompts=reading.prompts
    )
    return Loaded(
        layers.selected,
        settings.profile,
        settings.run,
        settings.prompts,
        reading.warnings,
        layers,
        reading.chain,
        reading.tables,
        reading.endpoint,
        reading.dropped,
    )


def require_model(loaded: Loaded) -> None:
    """Raise `ConfigError` when a server elsewhere would be asked without saying for which model."""
    profile = loaded.profile
    stages = (profile.plan, profile.files, profile.code)
    if profile.model or is_local(profile.base_url) or all(stage.model for stage in stages):
        return
    raise ConfigError(
        f"profile `{loaded.name}` names no model, and {origin_of(profile.base_url)} is not on this machine",
        hint="name one: `--model NAME`; `smol_dev models` lists what the server offers",
    )


def check(
    flags: Flags, surroundings: Surroundings, *, file: Path | None = None, project: bool = False
) -> tuple[str, ...]:
    """Every problem of every layer, a line each; of `file` alone if one is given.

    `project` says that the file is to be a project's, even if it does not stand in its place yet.
    """
    layers = understood(read_layers(flags, surroundings))
    if file is not None:
        place = surroundings.project_file(file.absolute().parent)
        is_project = project or (place is not None and same_as(place)(file))
        document = read_document(file, project=is_project)
        if document is None or isinstance(document, Problem):
            return (str(document) if document else f"{file}: does not exist",)
        layers = with_layer(layers, Layer("project" if is_project else "user", document.data, (document,)))
    problems = [*layers.problems, *problems_of(layers), *profile_problems(layers)]
    lines = lines_of(problems)
    return lines if file is None else tuple(line for line in lines if line.startswith(f"{file}:"))


def with_layer(layers: Layers, layer: Layer) -> Layers:
    """The layers with one put in the place of its kind."""
    order: list[Kind] = ["flags", "environment", "project", "user", "system", "shipped"]
    others = [each for each in layers.all if each.kind != layer.kind]
    every = sorted([*others, layer], key=lambda each: order.index(each.kind))
    return replace(layers, all=tuple(every))


def profile_problems(layers: Layers) -> Iterator[Problem]:
    """What is wrong with each profile as a whole: its parents and its server."""
    known = dict.fromkeys(layers.names("profiles"))
    for name in known:
        names, broken = chain(layers, name, known=known)
        if broken is not None:
            yield broken
            continue
        tables = slots(layers, names)
        yield from endpoint_problems(tables, endpoint(tables, layers), lookup=None)

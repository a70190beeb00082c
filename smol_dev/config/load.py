"""The settings: every layer read, merged, validated and trusted, or every problem named at once."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smol_dev.config.endpoint import Lookup, is_local, origin_of
from smol_dev.config.files import Surroundings, is_same, read_document
from smol_dev.config.layers import Flags, Layer, Layers, read_layers
from smol_dev.config.model import KnownKeys, Profile, Prompts, Run
from smol_dev.config.problems import Problem, config_error, dotted, lines_of
from smol_dev.config.profiles import Slot, leaf_paths
from smol_dev.config.secret import Bound
from smol_dev.config.sources import Composition, effective
from smol_dev.config.trust import PendingTrust, decide, waiting
from smol_dev.config.validate import allows_http, endpoint_problems, layers_problems
from smol_dev.config.variants import read_variants, resolved
from smol_dev.errors import ConfigError
from smol_dev.redact import secret_texts
from smol_dev.safe import command


@dataclass(frozen=True, slots=True)
class Loaded:
    """The selected profile and everything around it, valid; `made` says how the profile came about.

    `prompts` are the own variants, with their files read in.
    """

    profile: Profile
    run: Run
    prompts: Mapping[str, Prompts]
    warnings: tuple[str, ...]
    made: Composition

    @property
    def layers(self) -> Layers:
        """What every layer says."""
        return self.made.layers

    @property
    def name(self) -> str:
        """The selected profile's name."""
        return self.layers.selected

    @property
    def chain(self) -> tuple[str, ...]:
        """The selected profile's name and those of its parents."""
        return self.made.names

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - each key has its own type
        """A key of the profile: `loaded.model` is `loaded.profile.model`."""
        if name.startswith("_") or name not in Profile.model_fields:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.profile, name)

    def __dir__(self) -> list[str]:
        """The attributes, the keys of the profile included."""
        return sorted({*super(Loaded, self).__dir__(), *Profile.model_fields})

    def secrets(self) -> tuple[Bound, ...]:
        """Return the key and headers, read now and bound to their origin; empty when there are none.

        They are bound to no origin yet where the server is still to be found, and the demo's own
        server gets none. Raise `ConfigError` when a key is missing or bad.
        """
        url, key = self.made.endpoint.base_url, self.made.endpoint.api_key
        if not url and self.profile.provider == "demo":
            return ()
        if key is None and self.needs_key():
            raise ConfigError(
                f"there is no key for {origin_of(url)} (profile `{self.name}`)",
                hint="export OPENAI_API_KEY or SMOL_API_KEY, or name a variable: `--api-key-env NAME`",
            )
        headers = {name: value.strip() for name, value in self.made.endpoint.headers.items()}
        if key is not None:
            headers["Authorization"] = f"Bearer {key.read(self.layers.surroundings)}"
        query = dict(self.profile.extra_query)
        in_body = tuple(self.secrets_in_body())
        if not (headers or query or in_body):
            return ()
        return (Bound(origin_of(url) if url else "", headers, query, in_body),)

    def secrets_in_body(self) -> Iterator[str]:
        """Yield the secrets among the fields that the profile and its stages add to a request's body."""
        for table in (self.profile, *self.profile.stages().values()):
            yield from secret_texts(table.extra_body)

    def needs_key(self) -> bool:
        """Whether the server is known to refuse a request without key, and none was held back."""
        held_back = ("api_key_env",) in self.made.dropped
        return self.profile.provider == "openai" and not is_local(self.profile.base_url) and not held_back

    def key_summary(self) -> str:
        """Where the key comes from and whom it is for, never the key; runs no command."""
        key, url = self.made.endpoint.api_key, self.made.endpoint.base_url
        to = f"for {origin_of(url)}" if url else "for the server that is found"
        if key is not None:
            absent = "" if key.is_there(self.layers.surroundings) else "missing: "
            return f"{absent or 'set '}({key.source(self.layers.surroundings)}, {to})"
        reason = next((why for (name, *_), why in self.made.dropped.items() if name == "api_key"), "")
        if reason:
            return f"not sent ({reason})"
        return "missing" if self.needs_key() else "not needed" if is_local(url) else "none"


def read(flags: Flags, surroundings: Surroundings) -> tuple[Composition, tuple[str, ...]]:
    """Return what the selected profile is made of, and the warnings about the layers.

    Raise `ConfigError` with every problem that concerns the profile.
    """
    layers = read_layers(flags, surroundings, KnownKeys())
    problems = [*layers.problems, *layers_problems(layers)]
    made = Composition.of(layers, layers.selected)
    if made.broken is not None:
        problems.append(made.broken)
    if here := [each for each in problems if not each.profile or each.profile in made.names]:
        raise config_error(here)
    if wrong := list(endpoint_problems(made.tables, made.endpoint, lookup=None)):
        raise config_error(wrong)
    warnings = (
        *_unused_problems(problems),
        *_readable_key(layers),
        *_open_to_others(made),
        *_without_effect(made.tables),
    )
    return made, (*layers.warnings, *made.endpoint.warnings, *warnings)


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

    `approve` is asked about a project's file that steers and is not approved; True records it.
    `connect=False` is for commands that only show settings: no name is looked up, no model is
    needed, and an unapproved project file is a warning. `model_needed=False` is for commands that
    ask the server for its models. Raise `ConfigError` with every problem, `TrustError`, or
    `ServerError` when a local name has no address.
    """
    made, warnings = read(flags, surroundings)
    names = (lookup or system_lookup) if connect else None
    steers = waiting(made.layers, made.endpoint, made.names, lookup=names)
    untrusted = decide(steers, surroundings, approve=approve, connect=connect)
    if connect and (wrong := list(endpoint_problems(made.tables, made.endpoint, lookup=names))):
        raise config_error(wrong)
    texts, _ = read_variants(made.layers)
    settings = effective(made, resolved(made.layers, texts))
    loaded = Loaded(settings.profile, settings.run, settings.prompts, (*warnings, *untrusted), made)
    if connect and model_needed:
        _require_model(loaded)
    return loaded


def pending(flags: Flags, surroundings: Surroundings) -> PendingTrust | None:
    """Return what the project's file steers, approved or not; None without a file, or when it only tunes.

    Raise `ConfigError` when the settings cannot be read as a whole.
    """
    made, _ = read(flags, surroundings)
    return waiting(made.layers, made.endpoint, made.names, lookup=None)


def _require_model(loaded: Loaded) -> None:
    """Raise `ConfigError` when a server elsewhere would be asked without saying for which model."""
    profile = loaded.profile
    if profile.model or is_local(profile.base_url) or all(each.model for each in profile.stages().values()):
        return
    raise ConfigError(
        f"profile `{loaded.name}` names no model, and {origin_of(profile.base_url)} is not on this machine",
        hint="name one: `--model NAME`; `smol_dev models` lists what the server offers",
    )


def check(
    flags: Flags, surroundings: Surroundings, *, file: Path | None = None, project: bool = False
) -> tuple[str, ...]:
    """Return every problem of every layer, a line each; of `file` alone if one is given.

    `project` says that the file is to be a project's, even if it does not stand in its place yet.
    """
    layers = read_layers(flags, surroundings, KnownKeys())
    if file is not None:
        place = surroundings.project_file(file.absolute().parent)
        is_project = project or is_same(place, file)
        document = read_document(file, project=is_project)
        if document is None or isinstance(document, Problem):
            return (str(document) if document else f"{file}: does not exist",)
        layers = layers.with_layer(Layer("project" if is_project else "user", document.data, (document,)))
    problems = [*layers.problems, *layers_problems(layers), *_composed_problems(layers)]
    lines = lines_of(problems)
    return lines if file is None else tuple(line for line in lines if line.startswith(f"{file}:"))


def _composed_problems(layers: Layers) -> Iterator[Problem]:
    """Yield what is wrong with each profile as a whole: its parents and its server."""
    known = dict.fromkeys(layers.names("profiles"))
    for name in known:
        made = Composition.of(layers, name, known)
        if made.broken is not None:
            yield made.broken
        else:
            yield from endpoint_problems(made.tables, made.endpoint, lookup=None)


def _unused_problems(problems: Sequence[Problem]) -> Iterator[str]:
    """Yield the warning about problems in profiles that are not used."""
    lines = dict.fromkeys(str(each) for each in problems)
    if not lines:
        return
    names = ", ".join(dict.fromkeys(f"`{each.profile}`" for each in problems))
    count = "a problem" if len(lines) == 1 else f"{len(lines)} problems"
    yield f"{count} in profiles that are not used ({names}); `smol_dev config check` shows them"


def _readable_key(layers: Layers) -> Iterator[str]:
    """Yield the warning about a file of the user's that holds a key and that others can read."""
    layer = layers.of("user")
    if layer is None or not layer.documents[0].others_can_read:
        return
    for name, table in layer.table("profiles").items():
        if isinstance(table, dict) and table.get("api_key"):
            key = ("profiles", name, "api_key")
            path = layer.documents[0].path
            yield f"{layer.place(key)}: others can read this key: {command('chmod 600 {file}', file=path)}"
            return


def _open_to_others(made: Composition) -> Iterator[str]:
    """Yield the line about prompts that leave the network unencrypted."""
    url = made.endpoint.base_url
    if url.startswith("http://") and allows_http(made.tables) and not is_local(url):
        yield f"prompts go to {origin_of(url)} unencrypted, as `allow_http` says"


def _without_effect(tables: Sequence[Slot]) -> Iterator[str]:
    """Yield the warning about an `extends` on the command line, over which the profile's own keys win."""
    setter = next((slot for slot in tables if "extends" in slot.table), None)
    if setter is None or not setter.typed:
        return
    own = leaf_paths(slot.table for slot in tables if slot.hop == 0 and not slot.typed)
    theirs = leaf_paths(slot.table for slot in tables if slot.hop)
    if ("provider",) in theirs:
        theirs.append(("base_url",))  # a provider brings its address
    both = [f"`{dotted(path)}`" for path in own if path in theirs and path != ("extends",)]
    if both:
        where = setter.origin("extends").where
        yield f"{where}: the profile's own {', '.join(both)} win{'s' if len(both) == 1 else ''} over its parent's"


def system_lookup(host: str) -> tuple[str, ...]:
    """Return the addresses the system knows for a name, as a connection would use them."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))

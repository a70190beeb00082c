"""The settings as pydantic-settings merges them: a source for each table of each layer, the strongest first.

pydantic-settings lays each source over the next weaker, key by key. The tables of the profile stand in
the order that `profiles` gives them; what is derived from other settings comes last, and reads
what the stronger sources have made of them. Two things stand beside this merge, as it cannot do them
without losing an answer: layers are read by `layers`, once (listing profiles must not load pydantic, and
what was approved must be what is used), and checked one by one by `validate`, because a merged value no
longer knows its line, and an overridden mistake is one too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from smol_dev.chat import STAGES
from smol_dev.config.endpoint import is_local
from smol_dev.config.layers import Key, Layer, Layers
from smol_dev.config.model import CLOUD_TIMEOUT, FIRST_TOKEN_TIMEOUT, LOCAL_TIMEOUT, Profile, Prompts, Run, laid_over
from smol_dev.config.problems import Problem
from smol_dev.config.profiles import Slot, chain, leaf_paths, said_instead, slots, without
from smol_dev.config.secret import Endpoint, endpoint


class Composition(NamedTuple):
    """What a profile is made of: its name and its parents', their tables strongest first, the server they mean.

    `dropped` are the keys that do not hold although they are set, each with its reason, and `broken` is
    what is wrong with an `extends`, after which the names end.
    """

    layers: Layers
    names: tuple[str, ...]
    tables: tuple[Slot, ...]
    endpoint: Endpoint
    dropped: Mapping[Key, str]
    broken: Problem | None = None

    @classmethod
    def of(cls, layers: Layers, name: str, known: Mapping[str, Any] | None = None) -> "Composition":
        """Return what the named profile is made of; `known` holds every profile's name, where they are at hand."""
        names, broken = chain(layers, name, known=known or dict.fromkeys(layers.names("profiles")))
        tables = slots(layers, names)
        server = endpoint(tables, layers)
        return cls(layers, names, tables, server, {**overridden(tables), **server.dropped}, broken)


def standing(tables: Sequence[Slot], path: Key) -> Iterator[tuple[Slot, Key]]:
    """Yield each table with the key under which it would set this one, strongest first.

    A stage's key beats the profile's; but a flag or variable without a stage holds for all stages,
    unless a flag or variable names the stage too. What nobody sets for `fix` is as for `code`.
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
    """Return the keys of a stage, set in files, that do not hold, each with the reason.

    A flag or variable sets them for all stages.
    """
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
    """One place that settings come from, under a name of its own, by which pydantic-settings keeps it apart."""

    def __init__(self, settings_cls: type[BaseSettings], name: str) -> None:
        super().__init__(settings_cls)
        self.__name__ = name

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: a table is read as a whole."""
        raise NotImplementedError(field, field_name)


class SettledSource(Source):
    """What was settled about all layers before the merge: the server, what may be sent to it, the prompts' texts."""

    def __init__(self, settings_cls: type[BaseSettings], made: Composition, prompts: Mapping[str, Any]) -> None:
        super().__init__(settings_cls, "settled")
        self.made = made
        self.prompts = prompts

    def __call__(self) -> dict[str, Any]:
        """Return the address, the headers, the place of the key's file and the own prompt variants."""
        server = self.made.endpoint
        profile: dict[str, Any] = {"base_url": server.base_url, "headers": dict(server.headers)}
        if server.api_key is not None and server.api_key.setting == "api_key_file":
            profile["api_key_file"] = str(server.api_key.path(self.made.layers.surroundings))
        return {"profile": profile, "prompts": dict(self.prompts)}


class RunSource(Source):
    """The table `[run]` of a layer."""

    def __init__(self, settings_cls: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings_cls, layer.name)
        self.layer = layer

    def __call__(self) -> dict[str, Any]:
        """Return the table."""
        return {"run": dict(self.layer.table("run"))}


class ProfileSource(Source):
    """One layer's table of the profile, or of a parent of it."""

    def __init__(self, settings_cls: type[BaseSettings], slot: Slot, dropped: Mapping[Key, str]) -> None:
        super().__init__(settings_cls, f"{slot.layer.name} {slot.profile}")
        self.slot = slot
        self.dropped = dropped

    def __call__(self) -> dict[str, Any]:
        """Return the table less what does not hold, and less what a stronger value stands for.

        A value that is no table ends the table below it, whatever a still stronger source makes of the
        key again. The parents are known by now, and the server has settled the headers.
        """
        stronger = (data.get("profile", {}) for data in self.settings_sources_data.values())
        gone = [("extends",), ("headers",), *self.dropped, *leaf_paths(stronger)]
        return {"profile": without(self.slot.table, gone)}


class DerivedSource(Source):
    """What follows from the settings of the stronger sources: time-outs, and what stages share of the body.

    It is the weakest, so that it may say what holds only where nobody says anything else.
    """

    def __call__(self) -> dict[str, Any]:
        """Return the time-outs of the profile and of its stages, and the rest of the stages' `extra_body`."""
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
    """The effective settings. What is not given comes from the defaults of the model."""

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
        return (
            SettledSource(settings_cls, made, prompts),
            *(RunSource(settings_cls, layer) for layer in made.layers.all),
            *(ProfileSource(settings_cls, slot, made.dropped) for slot in made.tables),
            DerivedSource(settings_cls, "derived"),
        )


def effective(made: Composition, prompts: Mapping[str, Any]) -> Effective:
    """Return the settings merged and validated as a whole; `prompts` are the own variants, read in from their files."""
    arguments: dict[str, Any] = {"made": (made, prompts)}
    return Effective(**arguments)

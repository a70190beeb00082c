"""The layers as pydantic-settings merges them: a source each, and the weakest one resolves `extends`.

pydantic-settings lays each source over the next weaker, key by key. The last of ours reads what the
stronger ones have made of the profiles, and puts the selected one together with its parents.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final, NamedTuple

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from smol_dev.config.layers import Kind, Layer
from smol_dev.config.model import Profile, Prompts, Run

Finish = Callable[[dict[str, Any]], dict[str, Any]]
"""What is done to the selected profile once it is merged with its parents."""


class Sources(NamedTuple):
    """What the settings are made of.

    `chain` is the selected profile and its parents, `finish` its last touches, `prompts` the own
    variants, which have been read in from their files.
    """

    layers: Mapping[Kind, Layer]
    chain: tuple[str, ...]
    finish: Finish
    prompts: Mapping[str, Any]


class LayerSource(PydanticBaseSettingsSource):
    """One layer; each subclass has its own name, by which pydantic-settings keeps its data apart."""

    kind: Kind

    def __init__(self, settings_cls: type[BaseSettings], sources: Sources) -> None:
        super().__init__(settings_cls)
        self.sources = sources

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: a layer is read as a whole."""
        raise NotImplementedError(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """What the layer says, as pydantic-settings merges it."""
        layer = self.sources.layers.get(self.kind)
        tables = ("profiles", "run")
        return {name: layer.data[name] for name in tables if name in layer.data} if layer else {}


class FlagsSource(LayerSource):
    """The command line."""

    kind = "flags"


class EnvironmentSource(LayerSource):
    """The `SMOL_*` variables."""

    kind = "environment"


class ProjectSource(LayerSource):
    """The project's `smol.toml`."""

    kind = "project"


class UserSource(LayerSource):
    """The user's file."""

    kind = "user"


class SystemSource(LayerSource):
    """The machine's file."""

    kind = "system"


class ShippedSource(LayerSource):
    """The profiles that come with the program."""

    kind = "shipped"


class InheritanceSource(LayerSource):
    """The selected profile: its own keys over its parent's, whichever layer each comes from."""

    kind = "defaults"

    def __call__(self) -> dict[str, Any]:
        """The profile as the stronger sources have made it, and its parents below."""
        profiles = self.current_state.get("profiles", {})
        merged: dict[str, Any] = {}
        for name in reversed(self.sources.chain):
            lay_over(merged, profiles.get(name, {}))
        return {"profile": self.sources.finish(merged), "prompts": dict(self.sources.prompts)}


STRONGEST_FIRST: Final[tuple[type[LayerSource], ...]] = (
    FlagsSource,
    EnvironmentSource,
    ProjectSource,
    UserSource,
    SystemSource,
    ShippedSource,
    InheritanceSource,
)


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
        sources = init_settings.init_kwargs["sources"]  # type: ignore[attr-defined]
        return tuple(source(settings_cls, sources) for source in STRONGEST_FIRST)


def effective(sources: Sources) -> Effective:
    """The layers merged and validated as a whole."""
    arguments: dict[str, Any] = {"sources": sources}
    return Effective(**arguments)


def lay_over(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Set the keys of `above` in `below`; tables are merged, everything else is replaced."""
    for key, value in above.items():
        inner = below.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            lay_over(inner, value)
        else:
            below[key] = deepcopy(value)

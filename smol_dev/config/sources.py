"""The settings as pydantic-settings merges them: a source for each table, the strongest first.

pydantic-settings lays each source over the next weaker, key by key. For the profile the sources stand
in the order of its tables, a child's before its parent's; what is derived from other settings comes
last, and reads what the stronger ones have made of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from smol_dev.config.endpoint import is_local
from smol_dev.config.keys import STAGES
from smol_dev.config.layers import Key, Layers
from smol_dev.config.model import Profile, Prompts, Run
from smol_dev.config.precedence import leaf_paths, said, standing, without
from smol_dev.config.profiles import Slot
from smol_dev.config.secret import Endpoint

CLOUD_TIMEOUT: Final = 120.0
LOCAL_TIMEOUT: Final = 600.0
FIRST_TOKEN_TIMEOUT: Final = 300.0
"""The least that is waited for a first token: a cold model takes minutes to load."""

ELSEWHERE: Final[tuple[Key, ...]] = (("extends",), ("base_url",), ("headers",))
"""Keys that are not merged: the parents are known by now, and the endpoint has settled the others."""

Contents = Sequence[tuple[str, Mapping[str, Any]]]
"""What the sources say, strongest first, each under its name."""


class Source(PydanticBaseSettingsSource):
    """One table of one layer, under a name of its own, by which pydantic-settings keeps it apart."""

    def __init__(self, settings_cls: type[BaseSettings], name: str, data: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self.__name__ = name
        self.data = data

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: a table is read as a whole."""
        raise NotImplementedError(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """What the table says."""
        return dict(self.data)


class DerivedSource(Source):
    """The time-outs that nobody set, from the settings that the stronger sources give."""

    def __call__(self) -> dict[str, Any]:
        """The missing time-outs of the profile and of its stages."""
        profile = self.current_state["profile"]
        timeout = LOCAL_TIMEOUT if is_local(profile["base_url"]) else CLOUD_TIMEOUT
        found: dict[str, Any] = {"timeout": timeout}
        if "first_token_timeout" in profile:
            return {"profile": found}
        found["first_token_timeout"] = first_token(profile.get("timeout", timeout))
        for stage in STAGES:
            own = profile.get(stage, {})
            if "timeout" in own and "first_token_timeout" not in own:
                found[stage] = {"first_token_timeout": first_token(own["timeout"])}
        return {"profile": found}


def first_token(timeout: float) -> float:
    """Return the time-out for a first token where only the one for silence is known."""
    return max(timeout, FIRST_TOKEN_TIMEOUT)


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
        contents = init_settings.init_kwargs["contents"]  # type: ignore[attr-defined]
        stated = (Source(settings_cls, name, data) for name, data in contents)
        return (*stated, DerivedSource(settings_cls, "derived", {}))


def effective(
    layers: Layers,
    tables: Sequence[Slot],
    *,
    at: Endpoint,
    dropped: Mapping[Key, str],
    key_file: Path | None,
    prompts: Mapping[str, Any],
) -> Effective:
    """Return the settings merged and validated as a whole.

    `dropped` are the keys of the profile that do not hold, `key_file` is where the key's file is, and
    `prompts` are the own variants, which have been read in from their files.
    """
    settled: dict[str, Any] = {"base_url": at.base_url, "headers": dict(at.headers)}
    if key_file is not None:
        settled["api_key_file"] = str(key_file)
    top = {"profile": settled, "prompts": dict(prompts)}
    arguments: dict[str, Any] = {"contents": [("endpoint", top), *stated(layers, tables, (*ELSEWHERE, *dropped))]}
    return Effective(**arguments)


def stated(layers: Layers, tables: Sequence[Slot], left_out: Sequence[Key]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what the files, variables and flags say, strongest first."""
    for layer in layers.all:
        yield layer.name, {"run": dict(layer.table("run"))}
    bodies = [(stage, "extra_body") for stage in STAGES]
    covered: list[Key] = []
    for slot in tables:
        table = uncovered(without(slot.table, (*left_out, *bodies)), covered)
        yield f"{slot.layer.name} {slot.profile}", {"profile": table}
    for stage, body in bodies:
        if any(slot.holds(stage, body) for slot in tables):
            covered = []
            for slot, path in standing(tables, (stage, body)):
                if slot.holds(*path):
                    value = uncovered(said(slot.table, path)[1], covered)
                    name = f"{slot.layer.name} {slot.profile} {' '.join(path)} of {stage}"
                    yield name, {"profile": {stage: {body: value}}}


def uncovered(table: Mapping[str, Any], covered: list[Key]) -> Mapping[str, Any]:
    """Return the table less the keys at the covered paths, to which those of its own values are added.

    A value that is no table ends the table below it, whatever a stronger layer makes of the key again.
    """
    kept = without(table, covered) if covered else table
    covered += leaf_paths([kept])
    return kept

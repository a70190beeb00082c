"""Families of models: the sampling their makers advise, how their reasoning is switched, and what is sent.

The table is `families.toml`, known without asking a server; what a server tells of its model comes first.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from smol_dev.chat import Facts

Thinks = Literal["never", "always", "on", "off"]

FALLBACK: Final[Mapping[str, float]] = {"temperature": 0.2, "top_p": 0.95}
"""The sampling for code, where neither the server nor the table knows the model's own."""

LARGEST: Final[Mapping[str, float]] = {"temperature": 2.0, "top_p": 1.0}
TOLD: Final = (*FALLBACK, "top_k")
"""What servers tell of a model's sampling; `top_k` shows whether the others are the model's own."""

ALIKE: Final = 1e-4
"""Servers tell 0.949999988079071 for 0.95."""

LEFT_OUT: Final[Mapping[str, str]] = {
    "vllm": "vLLM applies the model's own (its `generation_config.json`)",
    "openai": "OpenAI applies the model's own",
}
"""By provider, who samples where a request says nothing of it, whatever the model."""

BEFORE: Final[Mapping[str, str]] = {
    "ollama": "; what `ollama show` tells comes first",
    "llamacpp": "; what the model's file brings comes first",
    "auto": "; what the server tells of the model comes first",
}
"""By provider, what holds before the table and is known only from the server."""

MOST_NAME: Final = 500
"""Characters of a model's name that are looked at."""


@dataclass(frozen=True, slots=True)
class Family:
    """One table of `families.toml`; its head explains the fields."""

    name: str
    pattern: str
    thinks: Thinks = "never"
    plain: Mapping[str, float] = field(default_factory=dict)
    thinking: Mapping[str, float] = field(default_factory=dict)
    plain_source: str = ""
    thinking_source: str = ""
    published: bool = True
    switch: str = ""
    effort: bool = False
    no_think: str = ""
    system: bool = True
    code: tuple[str, ...] = ()

    def is_thinking(self, reasoning: str) -> bool:
        """Return whether the model thinks with this setting of `reasoning`."""
        if self.thinks in {"never", "always"}:
            return self.thinks == "always"
        return reasoning != "off" if self.thinks == "on" else reasoning not in {"auto", "off"}

    def sampling(self, reasoning: str) -> Mapping[str, float]:
        """Return the advised figures, as far as the makers give any, with this setting of `reasoning`."""
        return self.thinking if self.is_thinking(reasoning) else self.plain

    def origin(self, reasoning: str) -> str:
        """Return whose figures they are, with their source."""
        mode = ", with thinking" if self.is_thinking(reasoning) else ""
        source = self.thinking_source if self.is_thinking(reasoning) else self.plain_source
        return f"{self.name}'s family (source {source}{mode})"


@lru_cache(maxsize=1)
def families() -> tuple[Family, ...]:
    """Return every family of the table, in its order."""
    file = Path(__file__).with_name("families.toml")
    return tuple(_entry(table) for table in tomllib.loads(file.read_text("utf-8"))["family"])


def _entry(table: dict[str, Any]) -> Family:
    fields = table | {"code": tuple(table.get("code", ()))}
    for mode in ("plain", "thinking"):
        figures = dict(table.get(mode, {}))
        fields[f"{mode}_source"] = figures.pop("source", "")
        fields[mode] = figures
    return Family(**fields)


@lru_cache(maxsize=64)
def family_of(model: str) -> Family | None:
    """Return the family that a model's name tells, as any server spells it; None for an unknown one.

    The name alone is looked at before its folder or owner: `/models/qwen3/gemma-3-4b.gguf` is a Gemma.
    """
    whole = re.sub(r"[_\s]", "-", model[-MOST_NAME:].lower().replace("\\", "/"))
    for name in (whole.rpartition("/")[2], whole):
        for family in families():
            if re.search(rf"(?<![a-z0-9]){family.pattern}", name):
                return family
    return None


@dataclass(frozen=True, slots=True)
class Figure:
    """What `auto` stands for: a value, None where only the server knows it, and why.

    One that is not `is_sent` is left to the server, which applies it by itself; its value is what a
    retry is warmer than.
    """

    value: float | None
    why: str
    is_sent: bool = True

    def sentence(self) -> str:
        """Return it in words."""
        return f"auto: {self.value:g}{self.why}" if self.is_sent else f"auto: left out, {self.why}"


def automatic(model: str, reasoning: str, facts: Facts) -> dict[str, Figure]:
    """Return what `auto` stands for in each key of sampling, by what the server tells of its model."""
    family = family_of(model)
    own, is_left = facts.sampling, facts.applies_sampling
    if family is not None and _is_for_another_mode(own, family, reasoning):
        own, is_left = {}, False
    if is_left:
        advised = {} if family is None else family.sampling(reasoning)
        return {name: _left(own.get(name), advised.get(name), facts.server) for name in FALLBACK}
    told = {name: Figure(value, f", which {facts.server} tells as the model's own") for name, value in own.items()}
    return {name: told.get(name) or _advised(name, model, reasoning) for name in FALLBACK}


def _left(told: float | None, advised: float | None, server: str) -> Figure:
    shown = "" if told is None else f" ({told:g})"
    return Figure(advised if told is None else told, f"{server} applies the model's own{shown}", is_sent=False)


def _advised(name: str, model: str, reasoning: str) -> Figure:
    family = family_of(model)
    advised = {} if family is None else family.sampling(reasoning)
    if family is not None and name in advised:
        return Figure(advised[name], f" from {family.origin(reasoning)}")
    why = "no figure is known for this model" if model else "no model is named"
    if family is not None and not family.published:
        why = f"no figures are published for {family.name}'s family"
    return Figure(FALLBACK[name], f", because {why}")


def _is_for_another_mode(own: Mapping[str, float], family: Family, reasoning: str) -> bool:
    """Return whether the server's figures are the makers' for the usual mode, and thinking is set otherwise."""
    if family.is_thinking(reasoning) == family.is_thinking("auto"):
        return False
    usual = family.sampling("auto")
    return all(_are_alike(value, usual.get(name, value)) for name, value in own.items())


def sampling(
    settings: Mapping[str, float | Literal["auto"]], model: str, reasoning: str, facts: Facts, warmth: float = 0.0
) -> dict[str, float]:
    """Return the fields to send; one that is not there is left to the server.

    `settings` are the user's `temperature` and `top_p`. `warmth` is added to a temperature that the user has
    not set, which goes up to 1.0 by that.
    """
    sent: dict[str, float] = {}
    for name, figure in automatic(model, reasoning, facts).items():
        setting = settings[name]
        warmer = warmth if name == "temperature" else 0.0
        if setting != "auto":
            sent[name] = setting
        elif figure.value is not None and (figure.is_sent or warmer):
            sent[name] = warmed(figure.value, warmer)
    return sent


def warmed(temperature: float, warmth: float) -> float:
    """Return the temperature of a request that is sent again: a little higher, but not above 1.0 for that."""
    return max(temperature, min(1.0, round(temperature + warmth, 2))) if warmth else temperature


def auto_note(name: str, *, model: str, reasoning: str, provider: str) -> str:
    """Return what `auto` stands for in this key of sampling, as far as no server need be asked."""
    if provider in LEFT_OUT:
        return Figure(None, LEFT_OUT[provider], is_sent=False).sentence()
    return f"{_advised(name, model, reasoning).sentence()}{BEFORE.get(provider, '')}"


def figures(told: object) -> dict[str, float]:
    """Return the figures in what a server tells: a table, or Ollama's lines of a name and a value."""
    if isinstance(told, str):
        words = [line.replace('"', " ").split() for line in told.splitlines()]
        told = {each[0]: each[1] for each in words if len(each) == 2}  # noqa: PLR2004 - name and value
    table = told if isinstance(told, dict) else {}
    numbers = {name: _number(table.get(name)) for name in TOLD}
    return {name: value for name, value in numbers.items() if value is not None}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return round(number, 4) if math.isfinite(number) and number >= 0 else None


def own_figures(told: Mapping[str, float], built_in: Mapping[str, float]) -> dict[str, float]:
    """Return the figures that are the model's: none of them where all are what the server has built in."""
    if all(_are_alike(told[name], built_in.get(name)) for name in told):
        return {}
    return {name: told[name] for name in FALLBACK if name in told and told[name] <= LARGEST[name]}


def _are_alike(value: float, other: float | None) -> bool:
    return other is not None and abs(value - other) < ALIKE

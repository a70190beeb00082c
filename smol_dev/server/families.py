"""Families of models: the sampling their makers advise, how to switch their reasoning, and what to send.

The table is `families.toml`, used without asking a server; what a server reports about its model takes precedence.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from smol_dev.chat import Facts

Thinks = Literal["never", "always", "on", "off"]

FALLBACK: Final[Mapping[str, float]] = {"temperature": 0.2, "top_p": 0.95}
"""The sampling for code if neither the server nor the table knows the model's own."""

LARGEST: Final[Mapping[str, float]] = {"temperature": 2.0, "top_p": 1.0}
TOLD: Final = (*FALLBACK, "top_k")
"""The sampling fields that servers report; `top_k` shows whether the others are the model's own."""

ALIKE: Final = 1e-4  # servers report 0.949999988079071 for 0.95
LEFT_OUT: Final[Mapping[str, str]] = {
    "vllm": "vLLM applies the model's own (its `generation_config.json`)",
    "openai": "OpenAI applies the model's own",
}
"""Who samples if a request leaves it out, whatever the model; by provider."""

BEFORE: Final[Mapping[str, str]] = {
    "ollama": "; what `ollama show` tells comes first",
    "llamacpp": "; what the model's file brings comes first",
    "auto": "; what the server tells of the model comes first",
}
"""What takes precedence over the table and is known only from the server; by provider."""

MOST_NAME: Final = 500  # characters of a model's name to look at


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
        """Return whether the model thinks with this `reasoning` setting."""
        if self.thinks in {"never", "always"}:
            return self.thinks == "always"
        return reasoning != "off" if self.thinks == "on" else reasoning not in {"auto", "off"}

    def sampling(self, reasoning: str) -> Mapping[str, float]:
        """Return the makers' figures for this `reasoning` setting; empty if they give none."""
        return self.thinking if self.is_thinking(reasoning) else self.plain

    def origin(self, reasoning: str) -> str:
        """Return whose figures they are, and their source."""
        mode = ", with thinking" if self.is_thinking(reasoning) else ""
        source = self.thinking_source if self.is_thinking(reasoning) else self.plain_source
        return f"{self.name}'s family (source {source}{mode})"


@lru_cache(maxsize=1)
def families() -> tuple[Family, ...]:
    """Return every family in the table, in its order."""
    found = []
    for table in tomllib.loads(Path(__file__).with_name("families.toml").read_text("utf-8"))["family"]:
        sources = {f"{mode}_source": table.get(mode, {}).pop("source", "") for mode in ("plain", "thinking")}
        found.append(Family(**{**table, **sources, "code": tuple(table.get("code", ()))}))
    return tuple(found)


@lru_cache(maxsize=64)
def family_of(model: str) -> Family | None:
    """Return the family that a model's name belongs to, however a server spells it; None if unknown.

    The file name is checked before its folder or owner: `/models/qwen3/gemma-3-4b.gguf` is a Gemma.
    """
    whole = re.sub(r"[_\s]", "-", model[-MOST_NAME:].lower().replace("\\", "/"))
    for name in (whole.rpartition("/")[2], whole):
        for family in families():
            if re.search(rf"(?<![a-z0-9]){family.pattern}", name):
                return family
    return None


@dataclass(frozen=True, slots=True)
class Figure:
    """What `auto` stands for: a value (None if only the server knows it), and why.

    If it is not `is_sent`, the server applies it by itself; a warmer retry still starts from its value.
    """

    value: float | None
    why: str
    is_sent: bool = True

    def sentence(self) -> str:
        """Return the figure in words."""
        return f"auto: {self.value:g}{self.why}" if self.is_sent else f"auto: left out, {self.why}"


def automatic(model: str, reasoning: str, facts: Facts) -> dict[str, Figure]:
    """Return what `auto` stands for in each sampling field, given what the server reports about its model.

    The server's figures do not count if they are those of the usual mode while `reasoning` selects the other.
    """
    family, own, is_left = family_of(model), facts.sampling, facts.applies_sampling
    advised = {} if family is None else family.sampling(reasoning)
    if family is not None and family.is_thinking(reasoning) != family.is_thinking("auto"):
        usual = family.sampling("auto")
        if all(_are_alike(value, usual.get(name, value)) for name, value in own.items()):
            own, is_left = {}, False
    found = {}
    for name in FALLBACK:
        told = own.get(name)
        if is_left:
            shown = "" if told is None else f" ({told:g})"
            why = f"{facts.server} applies the model's own{shown}"
            found[name] = Figure(advised.get(name) if told is None else told, why, is_sent=False)
        elif told is not None:
            found[name] = Figure(told, f", which {facts.server} tells as the model's own")
        else:
            found[name] = _advised(name, model, reasoning)
    return found


def _advised(name: str, model: str, reasoning: str) -> Figure:
    family = family_of(model)
    advised = {} if family is None else family.sampling(reasoning)
    if family is not None and name in advised:
        return Figure(advised[name], f" from {family.origin(reasoning)}")
    why = "no figure is known for this model" if model else "no model is named"
    if family is not None and not family.published:
        why = f"no figures are published for {family.name}'s family"
    return Figure(FALLBACK[name], f", because {why}")


def sampling(
    settings: Mapping[str, float | Literal["auto"]], model: str, reasoning: str, facts: Facts, warmth: float = 0.0
) -> dict[str, float]:
    """Return the fields to send; the others are left to the server.

    `settings` are the user's `temperature` and `top_p`. `warmth` is added to a temperature that the user has not set,
    and raises it to at most 1.0.
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
    """Return the temperature for a retry: a little higher, but not raised above 1.0."""
    return max(temperature, min(1.0, round(temperature + warmth, 2))) if warmth else temperature


def auto_note(name: str, *, model: str, reasoning: str, provider: str) -> str:
    """Return what `auto` stands for in this sampling field, as far as is known without asking a server."""
    if provider in LEFT_OUT:
        return Figure(None, LEFT_OUT[provider], is_sent=False).sentence()
    return f"{_advised(name, model, reasoning).sentence()}{BEFORE.get(provider, '')}"


def figures(told: object) -> dict[str, float]:
    """Return the figures that a server reports: in a table, or in Ollama's lines of name and value."""
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
    """Return the figures that are the model's own; none if all equal the server's built-in ones."""
    if all(_are_alike(told[name], built_in.get(name)) for name in told):
        return {}
    return {name: told[name] for name in FALLBACK if name in told and told[name] <= LARGEST[name]}


def _are_alike(value: float, other: float | None) -> bool:
    return other is not None and abs(value - other) < ALIKE

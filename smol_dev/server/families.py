"""Families of models: what their makers advise for sampling, and how their thinking is switched.

Data from `families.toml`, known without asking any server.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

Thinks = Literal["never", "always", "on", "off"]

FALLBACK: Final[Mapping[str, float]] = {"temperature": 0.2, "top_p": 0.95}
"""The sampling for code, where neither the server nor the table knows the model's own."""

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

    def source(self, reasoning: str) -> str:
        """Return the address of the figures."""
        return self.thinking_source if self.is_thinking(reasoning) else self.plain_source


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


def auto_note(name: str, *, model: str, reasoning: str, provider: str) -> str:
    """Return what `auto` stands for in this setting of sampling, as far as no server need be asked."""
    if provider == "vllm":
        return "auto: left out, vLLM applies the model's own (its `generation_config.json`)"
    before = BEFORE.get(provider, "")
    family = family_of(model)
    advised = {} if family is None else family.sampling(reasoning)
    if family is not None and name in advised:
        mode = ", with thinking" if family.is_thinking(reasoning) else ""
        whose = f"{family.name}'s family (source {family.source(reasoning)}{mode})"
        return f"auto: {advised[name]:g} from {whose}{before}"
    why = "no model is named" if not model else "no figure is known for this model"
    return f"auto: {FALLBACK[name]:g}, for {why}{before}"

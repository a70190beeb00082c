"""The temperature and `top_p` of a request: the user's, the model's own, or those its makers advise; pure."""

import math
from collections.abc import Mapping
from typing import Final

from smol_dev.chat import Facts
from smol_dev.config.model import Profile
from smol_dev.server.families import FALLBACK, Family, family_of

FIGURES: Final = (*FALLBACK, "top_k")
"""What servers tell of a model's sampling; `top_k` shows whether the others are the model's own."""

HOTTEST: Final = 2.0
ALIKE: Final = 1e-4
"""Servers tell 0.949999988079071 for 0.95."""


def sampling(profile: Profile, facts: Facts | None = None, warmth: float = 0.0) -> dict[str, float]:
    """Return the fields to send; one that is not there is left to the server.

    `warmth` is added to a temperature that the user has not set, which goes up to 1.0 by that.
    """
    family = family_of(profile.model)
    advised = {**FALLBACK, **(family.sampling(profile.reasoning) if family else {})}
    own = {} if facts is None else facts.sampling
    is_left = facts is not None and facts.applies_sampling
    if family is not None and _is_for_another_mode(own, family, profile.reasoning):
        own, is_left = {}, False
    chosen = {name: own.get(name) if is_left else own.get(name, advised[name]) for name in FALLBACK}
    sent = {} if is_left else {name: value for name, value in chosen.items() if value is not None}
    if warmth and chosen["temperature"] is not None:
        sent["temperature"] = warmed(chosen["temperature"], warmth)
    fixed = {name: getattr(profile, name) for name in FALLBACK}
    return sent | {name: value for name, value in fixed.items() if value != "auto"}


def _is_for_another_mode(own: Mapping[str, float], family: Family, reasoning: str) -> bool:
    """Whether the server's figures are the makers' for the usual mode, and thinking is set otherwise."""
    if family.is_thinking(reasoning) == family.is_thinking("auto"):
        return False
    usual = family.sampling("auto")
    return all(_are_alike(value, usual.get(name, value)) for name, value in own.items())


def warmed(temperature: float, warmth: float) -> float:
    """Return the temperature of a request that is sent again: a little higher, but not above 1.0 for that."""
    return max(temperature, min(1.0, round(temperature + warmth, 2)))


def figures(told: object) -> dict[str, float]:
    """Return the figures in what a server tells: a table, or Ollama's lines of a name and a value."""
    if isinstance(told, str):
        words = [line.replace('"', " ").split() for line in told.splitlines()]
        told = {each[0]: each[1] for each in words if len(each) == 2}  # noqa: PLR2004 - name and value
    table = told if isinstance(told, dict) else {}
    numbers = {name: _number(table.get(name)) for name in FIGURES}
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
    is_built_in = all(_are_alike(told[name], built_in.get(name)) for name in told)
    most = {"temperature": HOTTEST, "top_p": 1.0}
    return {name: told[name] for name in FALLBACK if name in told and not is_built_in and told[name] <= most[name]}


def _are_alike(value: float, other: float | None) -> bool:
    return other is not None and abs(value - other) < ALIKE

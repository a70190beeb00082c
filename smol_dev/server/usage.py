"""The tokens a server counted, out of the places where servers say so."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from smol_dev.chat import Usage

FAKE: Final = (100, 100, 200)
"""What koboldcpp reports for every answer, whatever it read (v1.76)."""

MOST: Final = 10**9


def usage_in(document: Mapping[str, Any], before: Usage) -> Usage:
    """What is known after a document with `usage`, or llama.cpp's `timings`; later counts win."""
    usage = _table(document.get("usage") or _table(document.get("x_groq")).get("usage"))
    timings = _table(document.get("timings"))
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    prompt, completion, total = (_count(usage.get(name)) for name in names)
    if (prompt, completion, total) == FAKE:
        return before
    details = _table(usage.get("prompt_tokens_details"))
    cached = _first(details.get("cached_tokens"), usage.get("prompt_cache_hit_tokens"))
    evaluated, reused = _count(timings.get("prompt_n")), _count(timings.get("cache_n"))
    if prompt is None and evaluated is not None:
        prompt = evaluated + (reused or 0)
    if completion is None:
        completion = _count(timings.get("predicted_n"))
    return replace(
        before,
        prompt=prompt or before.prompt,  # a prompt has tokens: 0 is how Ollama says that it failed
        cached=_first(cached, reused, before.cached),
        completion=_first(completion, before.completion),
        generating=_seconds(timings.get("predicted_ms")) or before.generating,
    )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(*values: object) -> int | None:
    counts = (_count(value) for value in values)
    return next((count for count in counts if count is not None), None)


def _seconds(milliseconds: object) -> float | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return milliseconds / 1000 if 0 < milliseconds <= MOST else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST else None

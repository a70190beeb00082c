"""Whether and when a failed request is sent again; pure."""

import random
import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from smol_dev.errors import ServerError
from smol_dev.server.symptoms import FailureKind, header

ONCE: Final = frozenset({"crashed", "server"})
"""Kinds that a second try sometimes cures, and a third never does."""

LONGEST_WAIT: Final = 60.0
FIRST_WAIT: Final = 0.5
LOADING_WAIT: Final = 2.0

WAITED_FOR: Final = frozenset({"rate_limit", "busy", "loading"})
"""Kinds whose words may say how long to wait."""

WAIT: Final = re.compile(
    r"\b(?:try again|retry|retry[ _-]?after|retrydelay|wait)\b[^\n\d]{0,24}"
    r"((?:\d{1,6}(?:\.\d{1,6})?(?: ?(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)(?![a-z]))? ?){1,3})"
)
RESET: Final = re.compile(r"x-ratelimit-reset(?:-[a-z]{1,20}){0,3}")
DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?([a-z]{0,12})")
DURATIONS: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})? ?[a-z]{0,12} ?){1,4}")
UNITS: Final = {
    unit: seconds
    for seconds, units in (
        (0.001, "ms millisecond milliseconds"),
        (1, "s sec secs second seconds"),
        (60, "m min mins minute minutes"),
        (3600, "h hour hours"),
    )
    for unit in units.split()
} | {"": 1}


def wait_before_retry(
    error: ServerError,
    *,
    attempt: int,
    max_retries: int,
    loading_left: float,
    answering: bool = False,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Return the seconds to wait before the request is sent again, None to give up.

    `attempt` counts from 1. `loading_left` is what is left of `first_token_timeout`: a model that is
    being loaded is waited for that long, whatever `max_retries` says. `Retry-After` is honoured up to
    a minute. `answering` says that the server had begun to answer: a stream that breaks off then, its
    first token not yet come, is worth one more try.
    """
    if error.kind == "loading":
        wait = min(error.retry_after or LOADING_WAIT, LONGEST_WAIT)
        return wait if wait < loading_left else None
    is_once = error.kind in ONCE or (error.kind == "cut" and answering)
    most = min(max_retries, 1) if is_once else max_retries
    if not error.transient or attempt > most:
        return None
    if error.retry_after is not None:
        return min(error.retry_after, LONGEST_WAIT)
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) * (0.75 + jitter() / 2))


def retry_after(headers: Mapping[str, str], kind: FailureKind = "server", words: str = "") -> float | None:
    """Return the seconds that the server asks to wait, by its own clock where it names a time.

    Where it limits how much is asked, its words and `x-ratelimit-reset-*` tell as well.
    """
    told = [header(headers, name) for name in ("retry-after", "llm_provider-retry-after")]
    if kind in WAITED_FOR:
        told += [match.group(1) for match in WAIT.finditer(words)]
    if kind == "rate_limit":
        told += _resets(headers)
    now = header(headers, "date")
    waits = (_seconds_of(each.strip().lower(), now) for each in told)
    return next((each for each in waits if 0 <= each < 10**9), None)


def _resets(headers: Mapping[str, str]) -> list[str]:
    """Return when each limit is lifted, exhausted ones first."""
    lower = {name.lower(): value for name, value in headers.items()}
    resets = {name: value for name, value in lower.items() if RESET.fullmatch(name)}
    left = {name: lower.get(name.replace("reset", "remaining"), "").strip() for name in resets}
    return [resets[name] for name in sorted(resets, key=lambda name: left[name] != "0")]


def _seconds_of(told: str, now: str) -> float:
    """Return the seconds in `7`, `1.5s`, `1m30s`, `20ms`, `2 minutes` or a date; negative where there are none."""
    parts = DURATION.findall(told)
    if not DURATIONS.fullmatch(told) or any(unit not in UNITS for _, unit in parts):
        return _seconds_until(told, now)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def _seconds_until(then: str, now: str) -> float:
    try:
        return (parsedate_to_datetime(then) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
        return -1

"""Whether and when a failed request is sent again; pure."""

import random
from collections.abc import Callable
from typing import Final

from smol_dev.errors import ServerError

ONCE: Final = frozenset({"crashed", "server"})
"""Kinds that a second try sometimes cures, and a third never does."""

LONGEST_WAIT: Final = 60.0
FIRST_WAIT: Final = 0.5
LOADING_WAIT: Final = 2.0


def wait_before_retry(
    error: ServerError,
    *,
    attempt: int,
    max_retries: int,
    loading_left: float,
    answering: bool = False,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Seconds to wait before the request is sent again, None to give up.

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

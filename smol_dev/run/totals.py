"""What a run cost: tokens, requests, and the span of each stage."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from smol_dev.chat import Pace, StageName, Usage, total
from smol_dev.events import RunDone, StageTotal
from smol_dev.run.conversation import Spent


class Totals:
    """Tokens, requests and the span of each stage."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: set[StageName] = set()
        self._spans: dict[StageName, tuple[float, float]] = {}
        self._requests: Counter[StageName] = Counter()
        self._spent: list[Spent] = []

    def begin(self, stage: StageName) -> None:
        """A request of the stage goes out."""
        now = self._clock()
        self._spans.setdefault(stage, (now, now))
        self._requests[stage] += 1
        self._open.add(stage)

    def end(self, stage: StageName) -> None:
        """The latest answer of the stage is in."""
        first, _ = self._spans.get(stage, (self._clock(), 0.0))
        self._spans[stage] = (first, self._clock())
        self._open.discard(stage)

    def spend(self, spent: Spent) -> None:
        """Count what a request cost."""
        self._spent.append(spent)

    @property
    def pace(self) -> Pace:
        """The pace of all requests together."""
        return sum((spent.pace for spent in self._spent), Pace())

    @property
    def usage(self) -> Usage:
        """The counts of all requests; of one without an answer they are missing."""
        usage = total(spent.usage for spent in self._spent)
        is_known = usage.prompt is not None or usage.completion is not None
        is_partial = usage.is_partial or len(self._spent) < self._requests.total()
        return replace(usage, is_partial=is_known and is_partial)

    def stages(self) -> tuple[StageTotal, ...]:
        """Each stage that was begun, in order."""
        now = self._clock()  # a stage whose answer never came took its time all the same
        return tuple(
            self._total(stage, first, now if stage in self._open else last)
            for stage, (first, last) in self._spans.items()
        )

    def _total(self, stage: StageName, first: float, last: float) -> StageTotal:
        usage = total(spent.usage for spent in self._spent if spent.stage == stage)
        return StageTotal(stage, last - first, self._requests[stage], usage.prompt, usage.cached, usage.completion)


def as_totals(done: RunDone) -> dict[str, object]:
    """The totals of a run as the record keeps them."""
    return {
        "seconds": round(done.seconds, 3),
        "bytes": done.bytes,
        "prompt_tokens": done.prompt_tokens,
        "cached_tokens": done.cached_tokens,
        "completion_tokens": done.completion_tokens,
        "usage_is_partial": done.usage_is_partial,
        "retries": done.retries,
        "exit_code": done.exit_code,
        "stages": {
            total.stage: {"seconds": round(total.seconds, 3), "requests": total.requests} for total in done.stages
        },
    }


def summed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, object]:
    """The totals of every session of a run: figures add up, what was true once is, else the latest."""
    whole: dict[str, object] = {**before, **now}
    for key, value in before.items():
        other = now.get(key)
        if key == "exit_code":
            continue
        if isinstance(value, dict) and isinstance(other, dict):
            whole[key] = summed(value, other)
        elif value is True and other is False:
            whole[key] = True
        elif _is_figure(value) and _is_figure(other):
            whole[key] = round(value + other, 3)
        elif other is None:
            whole[key] = value
    return whole


def _is_figure(value: object) -> bool:
    return type(value) in {int, float}

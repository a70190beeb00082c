"""A run's output: each step is turned into files, the record, events for the screen, and totals.

Disk work has its own thread, so that writing a file never delays the next request.
"""

import asyncio
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, asdict, dataclass, replace
from typing import Any, Final, TypeVar

from smol_dev.chat import Pace, StageName, Usage, total
from smol_dev.errors import AnswerError, Reason, SmolError, WorkspaceError
from smol_dev.events import (
    Asked,
    CheckDone,
    Dropped,
    Event,
    Fate,
    FileDone,
    FileFailed,
    FilesReady,
    PlanReady,
    ProblemFound,
    Retry,
    RunDone,
    Show,
    StageStarted,
    StageTotal,
    Warned,
)
from smol_dev.redact import redact
from smol_dev.run.conversation import AnswerRejected, Checked, CheckEnded, FileMissing, FileReady, ListSaid, Spent, Step
from smol_dev.safe import command
from smol_dev.workspace.paths import invisible, noteworthy
from smol_dev.workspace.record import FileState, Record, parted
from smol_dev.workspace.writer import MAX_RUN_BYTES, Workspace

SERVER_REASONS: Final = frozenset({"server", "timeout", "context"})
Key = tuple[StageName, str | None]
"""A question: its stage, and the path of the file that it is about."""

MOST_KEPT: Final = 1024 * 1024
"""Characters of turns that one session records; beyond that, a resumed run finds less in the server's cache."""

MOST_REQUESTS: Final = 2_000
"""Requests in a record; the oldest are dropped."""

LONGEST_REASON: Final = 300
"""Characters, in the record, of the reason for asking again."""

LOG: Final = logging.getLogger(__name__)
Value = TypeVar("Value")


@dataclass(eq=False)
class Delivery:
    """One run's connection to the disk and the screen, and its totals."""

    workspace: Workspace
    record: Record
    sink: Show
    _: KW_ONLY
    secrets: Collection[str] = ()
    max_file_bytes: int
    strict: bool = False

    def __post_init__(self) -> None:
        self.written: list[str] = []
        self.failed: list[str] = []
        self.permitted: set[str] = set()
        """Files that the user has changed and allows us to overwrite."""
        # Files may contain `Bearer` or an address: only the longest word of a secret counts, and no URL.
        words = [max(secret.split(), key=len, default="") for secret in self.secrets]
        self._keys = tuple(word for word in words if "://" not in word)
        self._problems: tuple[ProblemFound, ...] = ()
        self._check: CheckDone | None = None
        self._started = time.monotonic()
        self._requests = Requests(self.record.requests, time.monotonic)
        self._before = self.record.totals
        self._reasons: list[Reason] = []
        self._sizes: dict[str, int] = {}
        self._notable: list[str] = []
        self._left_to_keep = MOST_KEPT
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._writing: set[asyncio.Task[None]] = set()
        self._trouble: Exception | None = None

    def take(self, step: Step) -> None:
        """Write, record and show one step.

        Raise `SmolError` if the disk or the limits of a run forbid it, or whatever the screen has raised since.
        """
        self._raise_trouble()
        self._take(step)
        self._raise_trouble()

    def _raise_trouble(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    def _show(self, event: Event) -> None:
        """Show an event. An exception from the screen ends the run; it is not the fault of the file being written."""
        try:
            self.sink(event)
        except Exception as error:  # noqa: BLE001 - raised by the next step
            self._trouble = self._trouble or error

    def _take(self, step: Step) -> None:
        self._requests.note(step)
        match step:
            case FileReady():
                self._refuse_too_much(step)
                self._spawn(self._deliver(step), path=step.path, mends=step.mends)
            case FileMissing():
                self.fail(step.path, step.reason, step.error)
            case AnswerRejected():
                text = self.clean(step.text)
                self._spawn(
                    self._on_disk(lambda: self.workspace.keep_answer(step.stage, step.path, step.attempt, text))
                )
            case Spent():
                pass  # noted with the requests
            case ListSaid():
                self.record = replace(self.record, list_asked=step.asked, list_answer=self.clean(step.text))
            case PlanReady():
                plan = self.clean(step.text)
                self.record = replace(self.record, plan=plan, plan_answer=plan)
                self._spawn(self.save())
                self._show(PlanReady(plan))
            case FilesReady():
                dropped = tuple(Dropped(self.clean(each.path), self.clean(each.reason)) for each in step.dropped)
                states = {path: FileState(path, "planned") for path in step.files}
                self.record = replace(self.record, files=step.files, dropped=dropped, states=states)
                self._spawn(self.save())
                self._show(replace(step, dropped=dropped))
            case Checked() | CheckEnded():
                self._take_check(step)
            case _:
                self._show(step)

    def _take_check(self, step: Checked | CheckEnded) -> None:
        if isinstance(step, CheckEnded):
            self._check = step.done
            result = {**asdict(step.done), "summary": self.clean(step.done.summary)}
            self.record = replace(self.record, check={"command": list(step.command), **result})
            self._spawn(self.save())
            return
        self._problems = tuple(replace(each, message=self.clean(each.message)) for each in step.problems)
        self.record = replace(self.record, problems=self._problems)
        for problem in self._problems:
            self._show(problem)

    def propose(self, step: Step) -> None:
        """Show one step of a change that nobody has accepted yet; write nothing.

        Raise `AnswerError` if a file's content must not be written.
        """
        if isinstance(step, FileReady):
            self._refuse(step)
            self._remark(step)
            self.sink(self._file_done(step, _size(step.content)))
        elif isinstance(step, FileMissing):
            self.failed.append(step.path)
            self.sink(FileFailed(step.path, step.reason, self.clean(step.error.message), step.error.hint))
        else:
            self.take(step)

    async def finish_writing(self) -> None:
        """Wait until every file is written. Raise the first failure."""
        while self._writing:
            await asyncio.wait(self._writing)
        self._raise_trouble()

    async def finish(self, exit_code: int | None = None) -> RunDone:
        """Record and return the closing event, without showing it; `exit_code` is for a run that broke off."""
        if self._notable:
            self._show(Warned("look at these before you use them: " + "; ".join(self._notable)))
        stopped = exit_code is not None
        done = self.closing(self._exit_code() if exit_code is None else exit_code, stopped=stopped)
        self._requests.end()
        self.record = replace(self.record, totals=summed(self._before, as_totals(done)))
        await self.save()
        return done

    def _exit_code(self) -> int:
        if not self.failed:
            if self._check is not None and self._check.exit_code:
                return 7
            return 4 if self.strict and not all(each.mended for each in self._problems) else 0
        return 3 if not self.written and SERVER_REASONS.issuperset(self._reasons) else 4

    def closing(self, exit_code: int, *, stopped: bool) -> RunDone:
        """Return the closing event for the current state; `stopped` says that the run broke off."""
        requests, files = self._requests, self.record.files
        usage = requests.usage
        return RunDone(
            str(self.workspace.root),
            tuple(self.written),
            tuple(self.failed),
            sum(self._sizes.values()),
            *usage.counts,
            requests.retries,
            time.monotonic() - self._started,
            tuple(requests.stages()),
            exit_code,
            tokens_per_second=requests.pace.per_second,
            usage_is_partial=usage.is_partial,
            problems=self._problems,
            check=self._check,
            planned=len(files),
            present=len(set(files).intersection(self.workspace.record.done)),
            stopped=stopped,
        )

    def mark(self) -> tuple[list[str], dict[str, int]]:
        """Return what has been written so far, for `go_back`."""
        return list(self.written), dict(self._sizes)

    def go_back(self, mark: tuple[list[str], dict[str, int]]) -> None:
        """Reset the totals to the mark; the files come from the record on disk."""
        self.written, self._sizes = list(mark[0]), dict(mark[1])
        found = self.workspace.record
        self.record = replace(self.record, files=found.files, states=found.states)

    def close(self) -> None:
        """Shut down the disk thread when its work is done."""
        self._disk.shutdown(wait=True)

    def clean(self, text: str) -> str:
        """Return the text with the run's secrets redacted."""
        return redact(text, self.secrets).encode("utf-8", "replace").decode()

    def _refuse_too_much(self, step: FileReady) -> None:
        if self.workspace.written_bytes + _size(step.content) > MAX_RUN_BYTES:
            raise AnswerError(
                f"the files of this run would take more than {MAX_RUN_BYTES // 1024**2} MiB",
                hint="ask for a smaller program",
                reason="wrong_format",
            )

    async def _deliver(self, step: FileReady) -> None:
        path, usage = step.path, step.usage
        self._refuse(step)
        size = await self._on_disk(lambda: self.workspace.write(path, step.content, over=path in self.permitted))
        said, asked = self._turns(step)
        state = FileState(
            path,
            "done",
            bytes=size,
            prompt_tokens=usage.prompt,
            cached_tokens=usage.cached,
            completion_tokens=usage.completion,
            seconds=step.seconds,
            said=said,
            asked=asked,
        )
        await self._on_disk(lambda: self.workspace.note(state))
        if path not in self.record.files:
            self.record = replace(self.record, files=(*self.record.files, path))
            await self.save()
        is_first = path not in self._sizes
        if is_first:
            self.written.append(path)
        self._sizes[path] = size
        self._remark(step)
        self._show(self._file_done(step, size, replaced=is_first and path in self.workspace.replaced))

    def _file_done(self, step: FileReady, size: int, *, replaced: bool = False) -> FileDone:
        usage = step.usage
        return FileDone(
            step.path,
            size,
            *usage.counts,
            step.seconds,
            tokens_per_second=step.pace.per_second,
            usage_is_partial=usage.is_partial,
            replaced=replaced,
            wait_seconds=self._requests.waited(step.path),
        )

    def _turns(self, step: FileReady) -> tuple[tuple[str, ...], str]:
        """Return a file's turns for the record; empty if they are too long or contain a secret."""
        said = parted(step.said, step.content)
        turns = (*said, step.asked)
        size = sum(map(len, turns))
        if size > self._left_to_keep or any(self.clean(text) != text for text in turns):
            return (), ""
        self._left_to_keep -= size
        return said, step.asked

    def _refuse(self, step: FileReady) -> None:
        if redact(step.content, self._keys) != step.content:
            raise AnswerError(
                "the answer repeats a secret of the configuration, or a part of one",
                hint="keep keys out of the prompt",
                reason="secret",
            )
        size = _size(step.content)
        if size > self.max_file_bytes:
            enough = command("-c run.max_file_bytes={size}", size=size)
            raise AnswerError(
                f"{size:,} bytes are more than `run.max_file_bytes` ({self.max_file_bytes:,})",
                hint=f"raise it with {enough}, or ask for smaller files",
                reason="wrong_format",
            )

    def _remark(self, step: FileReady) -> None:
        if step.flaw:
            self._show(Warned(f"`{step.path}` is kept as it is: {step.flaw}"))
        if (hidden := invisible(step.content)) is not None:
            self._show(Warned(f"`{step.path}`: {hidden}"))
        if (why := noteworthy(step.path)) is not None:
            self._notable.append(f"`{step.path}` ({why})")

    def fail(self, path: str, reason: Reason, error: SmolError) -> None:
        """Record and show that a file could not be obtained or written."""
        self.failed.append(path)
        self._reasons.append(reason)
        message = self.clean(error.message)
        state = FileState(path, "failed", reason=reason, message=message)
        self._spawn(self._on_disk(lambda: self.workspace.note(state)))
        self._show(FileFailed(path, reason, message, self.clean(error.hint)))

    async def save(self) -> None:
        """Write the record."""
        asked = (replace(each, reason=self.clean(each.reason)) for each in self._requests.asked)
        record = self.record = replace(self.record, requests=tuple(asked))
        await self._on_disk(lambda: self.workspace.save(record))

    async def _on_disk(self, act: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._disk, act)

    def _spawn(self, work: Coroutine[None, None, object], *, path: str | None = None, mends: bool = False) -> None:
        task = asyncio.create_task(self._watch(work, path, mends=mends))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _watch(self, work: Coroutine[None, None, object], path: str | None, *, mends: bool) -> None:
        """Do the work; a failure is that of the file at `path`, or of the whole run without one.

        If a new version of an existing file cannot be written, that is no failure: the old one stays.
        """
        try:
            await work
        except (AnswerError, WorkspaceError) as error:
            if mends and path is not None:
                self._show(Warned(f"`{path}` stays as it is: {self.clean(error.message)}"))
            elif path is not None:
                self.fail(path, error.reason, error)
            if path is None or getattr(error, "stops_run", False):
                self._trouble = self._trouble or error
        except Exception as error:  # noqa: BLE001 - a bug is reported as the file's failure, and the run goes on
            trace = self.clean("".join(traceback.format_exception(error)))
            LOG.info("a bug in smol_dev, while it was writing\n%s", trace)
            unexpected = SmolError(
                f"an unexpected {type(error).__name__} while writing: {error}",
                hint="this is a bug in smol_dev: `--debug` shows where it happened",
            )
            if path is None:
                self._trouble = self._trouble or unexpected
            else:
                self.fail(path, "disk", unexpected)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


class Requests:
    """The requests of a run, collected from its steps: their total cost, and each one for the record.

    Those of earlier sessions come first; only the latest `MOST_REQUESTS` are kept.
    """

    def __init__(self, before: Sequence[Asked], clock: Callable[[], float]) -> None:
        self.asked = list(before)
        self.retries = 0
        self._before = len(before)
        self._clock = clock
        self._begun = clock() - max((each.end for each in before), default=0.0)
        self._open: dict[Key, float] = {}
        self._spent: list[Spent] = []
        self._sent: Counter[StageName] = Counter()
        self._spans: dict[StageName, tuple[float, float]] = {}
        """For each stage, when its first request was sent and its last answer was complete."""

    def note(self, step: Step) -> None:
        """Begin a request, end one, or note its outcome."""
        match step:
            case StageStarted():
                now = self._open[step.stage, step.path] = self._now()
                self._spans.setdefault(step.stage, (now, now))
                self._sent[step.stage] += 1
            case Spent():
                self._end(step.stage)
                self._spent.append(step)
                self._answered(step)
            case Retry():
                self._retry(step)
            case AnswerRejected():
                self._mark(step, "failed")
            case FileMissing():
                self._end("code")
                if ("code", step.path) in self._open:
                    self._failed(("code", step.path), step.error.message)
            case _:
                pass

    def end(self) -> None:
        """Count every request without an answer as failed."""
        for key in tuple(self._open):
            self._failed(key, "no answer came")

    def waited(self, path: str) -> float:
        """Return the seconds spent waiting for answers about this file in this session."""
        return sum(each.wait + (each.evaluation or 0.0) for each in self.asked[self._before :] if each.path == path)

    @property
    def pace(self) -> Pace:
        """The pace of all requests together."""
        return sum((spent.pace for spent in self._spent), Pace())

    @property
    def usage(self) -> Usage:
        """The counts of all requests, partial if any of them got no answer."""
        usage = total(spent.usage for spent in self._spent)
        is_known = usage.prompt is not None or usage.completion is not None
        is_partial = usage.is_partial or len(self._spent) < self._sent.total()
        return replace(usage, is_partial=is_known and is_partial)

    def stages(self) -> Iterator[StageTotal]:
        """Yield each stage that was begun, in order; one that still waits for an answer lasts until now."""
        for stage, (first, last) in self._spans.items():
            usage = total(spent.usage for spent in self._spent if spent.stage == stage)
            end = self._now() if any(key[0] == stage for key in self._open) else last
            yield StageTotal(stage, end - first, self._sent[stage], *usage.counts)

    def _now(self) -> float:
        return self._clock() - self._begun

    def _end(self, stage: StageName) -> None:
        now = self._now()
        self._spans[stage] = (self._spans.get(stage, (now, now))[0], now)

    def _answered(self, spent: Spent) -> None:
        now, usage = self._now(), spent.usage
        start = self._open.pop((spent.stage, spent.path), now)
        waited = min(spent.waited, now - start)
        evaluation = None if usage.evaluating is None else round(min(usage.evaluating, waited), 6)
        wait, generation = round(waited - (evaluation or 0.0), 3), round(now - start - waited, 3)
        self._add(Asked(spent.stage, spent.path, round(start, 3), wait, evaluation, generation, *usage.counts))

    def _retry(self, retry: Retry) -> None:
        self.retries += 1
        key = (retry.stage, retry.path)
        if key in self._open:
            self._failed(key, retry.message)
            self._open[key] = self._now() + retry.wait_seconds
        else:
            self._mark(retry, "asked again")

    def _failed(self, key: Key, reason: str) -> None:
        start = self._open.pop(key)
        wait = round(max(0.0, self._now() - start), 3)
        self._add(Asked(*key, round(start, 3), wait, outcome="failed", reason=reason[:LONGEST_REASON]))

    def _add(self, asked: Asked) -> None:
        self.asked = [*self.asked[-MOST_REQUESTS + 1 :], asked]
        self._before = min(self._before, len(self.asked) - 1)

    def _mark(self, step: Retry | AnswerRejected, fate: Fate) -> None:
        for at, asked in reversed(list(enumerate(self.asked))):
            if (asked.stage, asked.path) == (step.stage, step.path):
                self.asked[at] = replace(asked, outcome=fate, reason=step.message[:LONGEST_REASON])
                return


def as_totals(done: RunDone) -> dict[str, object]:
    """Return the totals of a run in the form of the record."""
    figures = "bytes prompt_tokens cached_tokens completion_tokens usage_is_partial retries exit_code".split()
    stages = {each.stage: {"seconds": round(each.seconds, 3), "requests": each.requests} for each in done.stages}
    return {"seconds": round(done.seconds, 3), **{name: getattr(done, name) for name in figures}, "stages": stages}


def summed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, object]:
    """Return the totals of all sessions of a run: numbers add up, true stays true, else the latest counts."""
    whole: dict[str, object] = {**before, **now}
    for key, value in before.items():
        other = now.get(key)
        if key == "exit_code":
            continue
        if isinstance(value, dict) and isinstance(other, dict):
            whole[key] = summed(value, other)
        elif other is None or (value is True and other is False):
            whole[key] = value
        elif {type(value), type(other)} <= {int, float}:
            whole[key] = round(value + other, 3)
    return whole

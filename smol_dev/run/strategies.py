"""How the files are asked for: one after another in one chain, or several at once.

In a `chain` the model sees every file it has written, at the price of a growing prompt that a local
server has in its cache. In `parallel` each request is the shared turns and the file's name.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from smol_dev import prompts
from smol_dev.chat import Message, Pace, Usage
from smol_dev.errors import AnswerError, Reason, ServerError, SmolError
from smol_dev.events import FileStarted, ProblemFound, Retry, Warned
from smol_dev.replies.checks import check_syntax
from smol_dev.replies.code import read_code
from smol_dev.replies.verdicts import Code, Rejected
from smol_dev.run.ask import Answered, Flawed, Form, Question, Spent, Step, Wording, ask
from smol_dev.run.conversation import Conversation

LOG: Final = logging.getLogger(__name__)
HOPELESS: Final = frozenset({"not_running", "dns", "tls", "proxy", "key", "model_missing", "wrong_path"})
"""Kinds of failure that the next file would meet just the same."""

CROWDED: Final = frozenset({"busy", "rate_limit", "context"})
"""Kinds of failure that fewer requests at once may cure."""

WAITING_EVENTS: Final = 256
"""Events held for a slow reader before the servers' streams have to wait."""


@dataclass(frozen=True, slots=True)
class FileReady:
    """A whole file to be written. `flaw` is a syntax error left after the second try.

    `said` is the model's turn, `asked` the request for it where it was not the usual one.
    """

    path: str
    content: str
    usage: Usage
    seconds: float
    flaw: str = ""
    said: str = ""
    asked: str = ""
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True)
class FileMissing:
    """A file that could not be had, and why."""

    path: str
    reason: Reason
    error: SmolError


@dataclass(frozen=True, slots=True)
class Checked:
    """What did not fit together when the last file was there, and what is left of it."""

    problems: tuple[ProblemFound, ...]


FileStep = Step | FileReady | FileMissing
_Read = Callable[[str, str | None], str | Flawed[str] | Rejected]


async def write_files(talk: Conversation) -> AsyncGenerator[FileStep, None]:
    """Ask for every file that is not written yet."""
    waiting = talk.files if talk.job.todo is None else talk.job.todo
    slots = talk.slots()
    chained = talk.job.strategy == "chain" or (talk.job.strategy == "auto" and slots == 1)
    steps = _chain(talk, waiting) if chained else _parallel(talk, waiting, slots)
    async with aclosing(steps) as happening:
        async for step in happening:
            yield step


async def _chain(talk: Conversation, paths: Sequence[str]) -> AsyncGenerator[FileStep, None]:
    """One file after another, each request with the files before it while they fit the window."""
    shared = talk.shared()
    turns = shared
    for path, file in talk.job.written.items():
        asked = file.asked or talk.file_request(path)
        turns = (*turns, Message("user", asked), Message("assistant", file.said or file.content))
        talk.wrote(path, file.content)
    for number, path in enumerate(paths):
        yield FileStarted(path)
        request = Message("user", talk.file_request(path))
        if len(turns) > len(shared) and not talk.budget("code").fits((*turns, request)):
            turns = shared
        try:
            async with aclosing(_one(talk, path, turns)) as steps:
                async for step in steps:
                    if isinstance(step, Answered):
                        yield _ready(talk, path, step)
                        turns = talk.answers[path]
                    else:
                        yield step
        except (AnswerError, ServerError) as error:
            yield FileMissing(path, error.reason, error)
            if _is_hopeless(error):
                for rest in paths[number + 1 :]:
                    yield FileMissing(rest, error.reason, error)
                return


async def _one(talk: Conversation, path: str, turns: tuple[Message, ...]) -> AsyncGenerator[Step | Answered[str], None]:
    """One file, from the fullest prompt to the smallest that the window takes."""
    read = file_reader(path, syntax_check=talk.job.syntax_check)
    retries, budget = talk.job.settings("code").answer_retries, talk.budget("code")
    too_long: ServerError | None = None
    cut: tuple[Message, ...] = ()
    for so_far, short in _ways(talk, turns):
        if cut and not budget.is_roomier(so_far, cut):
            continue
        question = Question("code", so_far, _wording(talk, path, short=short), read, retries, path)
        requests = 0
        try:
            async with aclosing(ask(talk.chat, question, budget)) as steps:
                async for step in steps:
                    requests += isinstance(step, Spent)
                    yield step
        except ServerError as error:
            if error.kind != "context":
                raise
            too_long = error
            if requests:
                cut = so_far
                yield Retry("code", path, "context", error.message, requests)
        else:
            return
    if too_long is not None:
        raise too_long


def _wording(talk: Conversation, path: str, *, short: bool) -> Callable[[Form], Wording]:
    def words(form: Form) -> Wording:
        request = talk.file_request(path, short=short, fence=form.fence)
        return Wording(request, opening=prompts.file_opening(path, fence=form.fence))

    return words


def _ways(talk: Conversation, turns: tuple[Message, ...]) -> Iterator[tuple[tuple[Message, ...], bool]]:
    """The turns to ask for a file behind, ever shorter, and whether in the shorter words."""
    yield turns, False
    if turns != (shared := talk.shared()):
        yield shared, False
    yield talk.shared(short=True), True
    window = talk.budget("code").window
    if window is not None:
        yield talk.shared(short=True, trim=window), True


async def _parallel(talk: Conversation, paths: Sequence[str], slots: int) -> AsyncGenerator[FileStep, None]:
    """Several files at once; the steps of all of them as they come."""
    crew = _Crew(talk, paths, slots)
    try:
        while (step := await crew.steps.get()) is not None:
            if isinstance(step, BaseException):
                raise step
            yield step
    finally:
        await crew.dismiss()


class _Crew:
    """As many workers as there are slots; each takes the next waiting file the moment it is free."""

    def __init__(self, talk: Conversation, paths: Sequence[str], slots: int) -> None:
        self.talk = talk
        self.shared = talk.shared()
        for path, file in talk.job.written.items():
            talk.wrote(path, file.content)
        self.steps: asyncio.Queue[FileStep | BaseException | None] = asyncio.Queue(WAITING_EVENTS)
        self._waiting = deque(paths)
        self._crowded: set[str] = set()
        self._limit = min(slots, len(paths))
        self._busy = self._limit
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._limit)]
        if not self._workers:
            self.steps.put_nowait(None)

    async def dismiss(self) -> None:
        """Cancel what is still asked for and wait until every request is dropped."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        try:
            while self._waiting and self._busy <= self._limit:
                await self._write(self._waiting.popleft())
        except Exception as error:  # noqa: BLE001 - a bug in a worker is raised where the steps are read
            await self.steps.put(error)
        self._busy -= 1
        if not self._busy:
            await self.steps.put(None)

    async def _write(self, path: str) -> None:
        talk = self.talk
        if path not in self._crowded:
            await self.steps.put(FileStarted(path))
        try:
            async with aclosing(_one(talk, path, self.shared)) as steps:
                async for step in steps:
                    if isinstance(step, Answered):
                        await self.steps.put(_ready(talk, path, step))
                    else:
                        await self.steps.put(step)
        except (AnswerError, ServerError) as error:
            if self._can_shrink(path, error):
                await self._shrink(path, error)
                return
            await self.steps.put(FileMissing(path, error.reason, error))
            if _is_hopeless(error):
                while self._waiting:
                    await self.steps.put(FileMissing(self._waiting.popleft(), error.reason, error))

    def _can_shrink(self, path: str, error: SmolError) -> bool:
        crowded = isinstance(error, ServerError) and error.kind in CROWDED
        return crowded and self._busy > 1 and path not in self._crowded

    async def _shrink(self, path: str, error: SmolError) -> None:
        """Go on with half as many at once, this file among them."""
        self._limit = max(1, min(self._limit, self._busy) // 2)
        self._crowded.add(path)
        self._waiting.append(path)
        await self.steps.put(Retry("code", path, "server", error.message, 1))
        await self.steps.put(Warned(f"going on with {self._limit} requests at once"))


def file_reader(path: str, *, syntax_check: bool) -> _Read:
    """Return what reads an answer that holds the file."""

    def read(answer: str, finish_reason: str | None) -> str | Flawed[str] | Rejected:
        verdict = read_code(answer, path=path, finish_reason=finish_reason)
        if isinstance(verdict, Rejected) and verdict.kept is None:
            return verdict
        content = verdict.content if isinstance(verdict, Code) else verdict.kept or ""
        if isinstance(verdict, Code):
            LOG.debug("%s was read: %s", path, ", then ".join(verdict.rules))
        problem = check_syntax(path, content) if syntax_check else None
        if problem is not None:
            return Flawed(content, f"The file has a syntax error: {problem}.")
        return content if isinstance(verdict, Code) else Flawed(content, verdict.message)

    return read


def _ready(talk: Conversation, path: str, answer: Answered[str]) -> FileReady:
    talk.answers[path] = (*answer.turns, Message("assistant", answer.said))
    asked, usual = answer.turns[-1].content, talk.file_request(path)
    talk.wrote(path, answer.value)
    return FileReady(
        path,
        answer.value,
        answer.usage,
        answer.seconds,
        answer.flaw,
        said=answer.said,
        asked="" if asked == usual else asked,
        pace=answer.pace,
    )


def _is_hopeless(error: SmolError) -> bool:
    return isinstance(error, ServerError) and error.kind in HOPELESS

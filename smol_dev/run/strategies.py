"""The two ways to ask for the files: one after another in a chain, or several in parallel.

In a `chain` the model sees every file it has written, at the price of a growing prompt, which a local server keeps in
its cache. In `parallel` each request consists of the shared turns and the name of its file.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Final

from smol_dev import prompts
from smol_dev.chat import Message, StageName
from smol_dev.errors import AnswerError, Reason, ServerError, SmolError
from smol_dev.events import FileStarted, Retry, Warned
from smol_dev.languages.versions import gap, gap_after
from smol_dev.replies.checks import check_syntax
from smol_dev.replies.code import read_code
from smol_dev.replies.paths import label_in
from smol_dev.replies.verdicts import Code, Rejected
from smol_dev.run.ask import Answered, Asking, Flawed, Form, Question
from smol_dev.run.conversation import Conversation, FileMissing, FileReady

LOG: Final = logging.getLogger(__name__)
HOPELESS: Final = frozenset({"not_running", "dns", "tls", "proxy", "key", "model_missing", "wrong_path"})
"""Kinds of failure that would stop the next file as well."""

UNFINISHED: Final = frozenset({"truncated", "placeholder"})
FEWEST_WORDS: Final = 4
"""A line of the request with as many is told by it alone; a shorter one may be the file's as well."""

CROWDED: Final = frozenset({"busy", "rate_limit", "context"})
"""Kinds of failure that fewer requests at once may cure."""


async def write_files(talk: Conversation) -> None:
    """Ask for every file that does not exist yet."""
    waiting = talk.files if talk.job.todo is None else talk.job.todo
    slots = talk.slots()
    if talk.job.strategy == "chain" or (talk.job.strategy == "auto" and slots == 1):
        await _chain(talk, waiting)
    else:
        await _Workers(talk, waiting, slots).work()


async def _chain(talk: Conversation, paths: Sequence[str]) -> None:
    """Ask for one file after another, each after the previous ones while they fit the window."""
    shared = talk.shared()
    turns = (*shared, *chain.from_iterable(talk.take_written().values()))
    for number, path in enumerate(paths):
        talk.tell(FileStarted(path))
        request = Message("user", talk.file_request(path))
        if len(turns) > len(shared) and not talk.budget("code").fits((*turns, request)):
            turns = shared
        try:
            answered = await ask_file(talk, path, turns)
        except (AnswerError, ServerError) as error:
            missing = paths[number:] if _is_hopeless(error) else (path,)
            for each in missing:
                talk.tell(FileMissing(each, error.reason, error))
            if len(missing) > 1:
                return
        else:
            _accept(talk, path, answered)
            turns = answered.conversation


class _Workers:
    """One worker per slot; each takes the next waiting file as soon as it is free."""

    def __init__(self, talk: Conversation, paths: Sequence[str], slots: int) -> None:
        self.talk = talk
        self.shared = talk.shared()
        talk.take_written()
        self._waiting = deque(paths)
        self._crowded: set[str] = set()
        """Files that are asked for a second time, when fewer requests are open."""
        self._limit = min(slots, len(paths))
        self._busy = self._limit

    async def work(self) -> None:
        """Ask for every file; an error in one worker ends all of them and drops their requests."""
        workers = [asyncio.create_task(self._work()) for _ in range(self._limit)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        while self._waiting and self._busy <= self._limit:
            await self._write(self._waiting.popleft())
        self._busy -= 1

    async def _write(self, path: str) -> None:
        tell = self.talk.tell
        if path not in self._crowded:
            tell(FileStarted(path))
        try:
            _accept(self.talk, path, await ask_file(self.talk, path, self.shared))
        except (AnswerError, ServerError) as error:
            is_crowded = isinstance(error, ServerError) and error.kind in CROWDED
            if is_crowded and self._busy > 1 and path not in self._crowded:
                self._halve(path, error)
                return
            tell(FileMissing(path, error.reason, error))
            while self._waiting and _is_hopeless(error):
                tell(FileMissing(self._waiting.popleft(), error.reason, error))

    def _halve(self, path: str, error: SmolError) -> None:
        """Go on with half as many requests at once; ask for this file again at the end."""
        self._limit = max(1, min(self._limit, self._busy) // 2)
        self._crowded.add(path)
        self._waiting.append(path)
        self.talk.tell(Retry("code", path, "server", error.message, 1))
        self.talk.tell(Warned(f"going on with {self._limit} requests at once"))


def _is_hopeless(error: SmolError) -> bool:
    return isinstance(error, ServerError) and error.kind in HOPELESS


async def ask_file(talk: Conversation, path: str, turns: tuple[Message, ...]) -> Answered[str]:
    """Return one file, asked for after these turns, or after fewer and shorter ones if the window is full."""
    budget = talk.budget("code")
    cut: tuple[Message, ...] = ()
    too_long: ServerError | None = None
    for so_far, short in _ways(talk, turns):
        if cut and not budget.is_roomier(so_far, cut):
            continue
        asking = Asking(talk, about_file(talk, path, so_far, partial(talk.file_request, path, short=short)))
        try:
            return await asking.answer()
        except ServerError as error:
            if error.kind != "context":
                raise
            too_long = error
            if asking.replies:
                cut = so_far
                talk.tell(Retry("code", path, "context", error.message, len(asking.replies)))
    assert too_long is not None, "there is always a way to ask"  # noqa: S101 - narrows
    raise too_long


def _ways(talk: Conversation, turns: tuple[Message, ...]) -> Iterator[tuple[tuple[Message, ...], bool]]:
    """Yield the turns to ask for a file after, shorter each time, and whether to use the shorter words."""
    yield turns, False
    if turns != (shared := talk.shared()):
        yield shared, False
    yield talk.shared(short=True), True
    window = talk.budget("code").window
    if window is not None:
        yield talk.shared(short=True, trim=window), True


@dataclass(eq=False)
class Versions:
    """The texts of a file before an answer: the present one, and the first that was begun in this question.

    `shrinks` says that something is to be taken out of the present file. `why` is the reason not to take the begun one,
    if any: what follows an unfinished one shows that it is not whole.
    """

    present: str = ""
    shrinks: bool = False
    begun: str = ""
    why: Reason | None = None

    def note(self, text: str, why: Reason | None = None) -> None:
        """Keep the text of an unusable answer, if it is the first that has any."""
        if text and not self.begun:
            self.begun, self.why = text, why

    def compare(self, text: str) -> Rejected | Flawed[str] | None:
        """Return why the text may be only a part of the file, or None."""
        found = gap_after(self.begun, text, elided=self.why == "placeholder") if self.begun else None
        if found is not None:
            return Rejected("placeholder", prompts.partial(found.names), disproves=self.why in UNFINISHED)
        found = gap(self.present, text, shrinks=self.shrinks) if self.present else None
        if found is None:
            return None
        message = prompts.partial(found.names)
        return Rejected("placeholder", message) if found.certain else Flawed(text, message)


def about_file(
    talk: Conversation,
    path: str,
    so_far: tuple[Message, ...],
    request: Callable[..., str],
    *,
    stage: StageName = "code",
    retries: int | None = None,
    versions: Versions | None = None,
) -> Question[str]:
    """Return the question for a whole file; `request` takes the `fence` and returns the words."""
    known = versions or Versions()

    def read(answer: str, finish_reason: str | None) -> str | Flawed[str] | Rejected:
        verdict = read_code(answer, path=path, finish_reason=finish_reason)
        if isinstance(verdict, Rejected) and verdict.kept is None:
            known.note(verdict.begun, verdict.reason)
            return verdict
        content = verdict.content if isinstance(verdict, Code) else verdict.kept or ""
        if isinstance(partial := known.compare(content), Rejected):
            return partial
        if (copied := _copied(talk, path, content)) is not None:
            return copied
        problem = check_syntax(path, content) if talk.job.syntax_check else None
        error = f"The file has a syntax error: {problem}."
        if isinstance(verdict, Rejected):
            known.note(verdict.begun, verdict.reason)
            return Flawed(content, error if problem else verdict.message)
        LOG.debug("%s was read: %s", path, ", then ".join(verdict.rules))
        if problem is None:
            return partial or content
        known.note(content)
        return Flawed(content, error)

    def opening(form: Form) -> str:
        return prompts.file_opening(path, fence=form.fence)

    return Question(stage, so_far, lambda form: request(fence=form.fence), read, opening, retries, path)


def _copied(talk: Conversation, path: str, content: str) -> Flawed[str] | Rejected | None:
    """Return what to say of an answer that only repeats what it was asked with: the plan, the list, the request."""
    if content.strip() == talk.plan.strip() and "plan" not in path.casefold():
        return Rejected("wrong_format", "The answer was the plan again, not the file.")
    if content.strip() == prompts.example_of(path) and "hello" not in talk.job.prompt.casefold():
        return Flawed(content, "The answer only copied the example of the request.")
    lines, asked = (_lines(text) for text in (content, talk.file_request(path)))
    asked -= _lines(prompts.example_of(path))
    told = (line for line in lines & asked if len(line.split()) >= FEWEST_WORDS)
    if any(line not in talk.plan and line not in talk.job.prompt for line in told):
        message = "The answer repeated the words of the request."
        return Rejected("wrong_format", message) if lines <= asked else Flawed(content, message)
    if len(lines) > 1 and {label_in(line) for line in lines} <= set(talk.files):
        return Flawed(content, "The answer was the list of files again, not the file.")
    return None


def _lines(text: str) -> set[str]:
    return {line.strip() for line in text.split("\n") if line.strip()}


def _accept(talk: Conversation, path: str, answer: Answered[str]) -> None:
    talk.answers[path] = answer.conversation
    asked, usual = answer.turns[-1].content, talk.file_request(path)
    talk.wrote(path, answer.value)
    talk.tell(replace(as_step(path, answer), said=answer.said, asked="" if asked == usual else asked))


def as_step(path: str, answer: Answered[str]) -> FileReady:
    """Return the step that writes the answer to a file."""
    return FileReady(path, answer.value, answer.usage, answer.seconds, answer.flaw, pace=answer.pace)


def in_style(before: str, text: str) -> str:
    """Return the new text with the line endings, byte order mark and final newline of the old one."""
    if not before:
        return text
    text = text.replace("\r\n", "\n")
    if not before.endswith("\n"):
        text = text.rstrip("\n")
    if before.count("\r\n") == before.count("\n") > 0:
        text = text.replace("\n", "\r\n")
    return "\ufeff" + text if before.startswith("\ufeff") and not text.startswith("\ufeff") else text

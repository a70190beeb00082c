"""One thing to be had from the model: asked for, read, and asked for again with the reason."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from smol_dev import prompts
from smol_dev.budget import Budget
from smol_dev.errors import AnswerError, SmolError
from smol_dev.events import Event, Retry, StageStarted, Warned
from smol_dev.pieces import Pieces
from smol_dev.replies.repetition import Repetition
from smol_dev.replies.seam import join
from smol_dev.replies.verdicts import Rejected
from smol_dev.server.chat import (
    Chat,
    Delta,
    Message,
    Note,
    Reply,
    Request,
    Retrying,
    StageName,
    Usage,
)

Value = TypeVar("Value")

FORMLESS: Final = frozenset({"empty", "wrong_format"})
"""What an answer comes to when a server's structured output does not work with its model."""


@dataclass(frozen=True, slots=True)
class Flawed(Generic[Value]):
    """A value that can be used but has a flaw worth one more try; `message` tells the model."""

    value: Value
    message: str


@dataclass(frozen=True, slots=True)
class Question(Generic[Value]):
    """What to ask, and how to read the answer.

    `so_far` is the conversation before the request, `read` returns the value or why there is none;
    `retries` is how often an unusable answer is asked for again.
    """

    stage: StageName
    so_far: tuple[Message, ...]
    request: str
    read: Callable[[str, str | None], Value | Flawed[Value] | Rejected]
    retries: int
    path: str | None = None
    schema: Mapping[str, object] | None = None

    def turns(self, remark: str = "") -> tuple[Message, ...]:
        """The conversation with the request at its end, after the remark on a rejected answer."""
        words = prompts.with_remark(self.request, remark) if remark else self.request
        return (*self.so_far, Message("user", words))


@dataclass(frozen=True, slots=True)
class Answered(Generic[Value]):
    """The value, with the turns that led to it: what the model read, and what it said.

    `flaw` is what is still wrong with the value after the second try. `usage` is summed over every
    attempt, `seconds` over the requests.
    """

    value: Value
    turns: tuple[Message, ...]
    said: str
    usage: Usage
    seconds: float
    requests: int
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class AnswerRejected:
    """An answer that could not be used, as the model gave it, for the user to look at."""

    stage: StageName
    path: str | None
    attempt: int
    text: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What one request cost, whether its answer could be used or not."""

    stage: StageName
    usage: Usage


Step = Event | AnswerRejected | Spent


async def ask(
    chat: Chat, question: Question[Value], budget: Budget
) -> AsyncGenerator[Step | Answered[Value], None]:
    """The events of asking; the last item is `Answered`.

    A cut-off answer is continued where the seam can be checked, any other unusable one is asked for
    again with one sentence saying what was wrong, a flawed one once. Raises `AnswerError` with the
    last reason, or the `ServerError` of a server that cannot answer.
    """
    attempts = _Attempts(question)
    while True:
        reply = Reply("", None)
        async with aclosing(_send(chat, question, attempts.turns, budget)) as items:
            async for item in items:
                if isinstance(item, Reply):
                    reply = item
                else:
                    yield item
        result = attempts.take(reply)
        if isinstance(result, Answered):
            yield result
            return
        if result.rejected is not None:
            if question.schema is not None and result.rejected.reason in FORMLESS:
                chat.step_down(question.stage)
            yield result.rejected
        if result.settled is not None:
            yield result.settled
            return
        if result.error is not None:
            raise result.error
        yield attempts.again(result.reason, result.message)


@dataclass(frozen=True, slots=True)
class _Refused(Generic[Value]):
    """An answer that settles nothing: why, and what to make of it when there is no other try."""

    reason: str
    message: str
    rejected: AnswerRejected | None = None
    settled: Answered[Value] | None = None
    error: SmolError | None = None


class _Attempts(Generic[Value]):
    """The state of one question: the turns to send next, and what was had so far."""

    def __init__(self, question: Question[Value]) -> None:
        self.question = question
        self.turns = question.turns()
        self._before = ""
        self._cut = ""
        self._usage = Usage()
        self._seconds = 0.0
        self._requests = 0
        self._rejections = 0
        self._flawed: Answered[Value] | None = None

    def take(self, reply: Reply) -> Answered[Value] | _Refused[Value]:
        """What the answer comes to."""
        self._usage = add(self._usage, reply.usage)
        self._seconds += reply.seconds
        self._requests += 1
        before, path = self._before, self.question.path
        said = join(before, reply.text, path=path) if before else reply.text
        verdict = _judge(self.question, said, reply)
        if isinstance(verdict, Rejected):
            return self._reject(verdict, said or "", reply)
        if not isinstance(verdict, Flawed):
            return self._answered(verdict, said or "")
        flawed = self._answered(verdict.value, said or "", flaw=verdict.message)
        if self._flawed is not None:
            return flawed
        self._flawed, self._cut = flawed, ""
        return _Refused("syntax", verdict.message)

    def again(self, reason: str, message: str) -> Retry:
        """The turns are set for another try, which is reported."""
        question = self.question
        self._before = self._cut
        self.turns = question.turns("" if self._before else message)
        if self._before:
            self.turns = prompts.turn(self.turns, self._before, prompts.more())
        return Retry(question.stage, question.path, reason, message, self._requests)

    def _reject(self, verdict: Rejected, said: str, reply: Reply) -> _Refused[Value]:
        self._rejections += 1
        self._cut = said if verdict.reason == "truncated" else ""
        question, reason, message = self.question, verdict.reason, verdict.message
        rejected = AnswerRejected(
            question.stage, question.path, self._requests, reply.text, reason, message
        )
        if self._rejections <= question.retries:
            return _Refused(reason, message, rejected)
        if self._flawed is None:
            error = _gave_up(question, verdict, self._requests, reply)
            return _Refused(reason, message, rejected, error=error)
        kept = self._flawed
        settled = self._answered(kept.value, kept.said, flaw=kept.flaw)
        return _Refused(reason, message, rejected, settled=settled)

    def _answered(self, value: Value, said: str, *, flaw: str = "") -> Answered[Value]:
        turns = self.question.turns() if self._before else self.turns
        return Answered(value, turns, said, self._usage, self._seconds, self._requests, flaw=flaw)


async def _send(
    chat: Chat, question: Question[Value], turns: tuple[Message, ...], budget: Budget
) -> AsyncGenerator[Step | Reply, None]:
    """One request and its answer; an answer that repeats itself without end is broken off."""
    room = budget.room(turns)
    yield StageStarted(question.stage, question.path)
    repetition, text, pieces = Repetition(), [], Pieces(question.stage, question.path)
    request = Request(question.stage, turns, max_tokens=room, schema=question.schema)
    async with aclosing(chat.ask(request)) as answer:
        async for item in answer:
            if isinstance(item, Delta):
                if (piece := pieces.add(item)) is not None:
                    yield piece
                text.append(item.text)
                if repetition.feed(item.text):
                    yield Reply("".join(text), "repetition")
                    return
                continue
            if (piece := pieces.rest()) is not None:
                yield piece
            if isinstance(item, Retrying):
                yield Retry(
                    question.stage,
                    question.path,
                    "server",
                    item.message,
                    item.attempt,
                    item.wait,
                )
            elif isinstance(item, Note):
                yield Warned(item.message, item.hint)
            else:
                yield Spent(question.stage, item.usage)
                counts = item.usage
                budget.observe(turns, prompt=counts.prompt, completion=counts.completion)
                yield item


def _judge(
    question: Question[Value], said: str | None, reply: Reply
) -> Value | Flawed[Value] | Rejected:
    failure = reply.failure
    if failure is not None and not getattr(failure, "transient", True):
        raise failure
    if reply.finish_reason == "repetition":
        return Rejected("degenerate", "The answer repeated itself without end.")
    if said is None:
        return Rejected("truncated", "The answer was cut off, and its continuation did not fit on.")
    if (damage := _damage(said, question.stage)) is not None:
        return Rejected("wrong_format", f"The answer holds {damage}.")
    if reply.finish_reason is None:
        return Rejected("truncated", "The answer broke off before its end.")
    return question.read(said, reply.finish_reason)


def _damage(said: str, stage: StageName) -> str | None:
    """What no text can hold, if it is there; a file may hold NUL."""
    try:
        said.encode()
    except UnicodeEncodeError:
        return "half a character (a lone surrogate)"
    return "a NUL character" if stage != "code" and "\0" in said else None


def _gave_up(
    question: Question[Value], last: Rejected, tries: int, reply: Reply
) -> SmolError | AnswerError:
    failure = reply.failure
    if failure is not None and getattr(failure, "kind", "") == "timeout":
        return failure
    what = f"`{question.path}`" if question.path else f"the {_NAMES[question.stage]}"
    because = f" ({failure.message})" if failure is not None else ""
    times = "1 try" if tries == 1 else f"{tries} tries"
    return AnswerError(
        f"no usable answer for {what} after {times}: {last.message}{because}",
        hint=_HINTS.get(last.reason, "try a larger model, or `-c prompt_variant=small`"),
        reason=last.reason,
    )


def add(one: Usage, other: Usage) -> Usage:
    """The sum of two counts; a count that is None in both stays None."""

    def plus(a: int | None, b: int | None) -> int | None:
        return b if a is None else a if b is None else a + b

    return replace(
        one,
        prompt=plus(one.prompt, other.prompt),
        cached=plus(one.cached, other.cached),
        completion=plus(one.completion, other.completion),
    )


_NAMES: Mapping[StageName, str] = {"plan": "plan", "files": "file list", "code": "file"}
_HINTS: Mapping[str, str] = {
    "truncated": "raise `max_output_tokens` or the server's context window, or ask for smaller files",
    "refusal": "say the prompt differently, or try another model with `--model`",
    "degenerate": "try `-c temperature=0.6`, or another model with `--model`",
    "empty": "try another model with `--model`; `smol_dev doctor` checks this one",
}

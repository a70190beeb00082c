"""One thing to be had from the model: asked for, read, and asked for again with the reason."""

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from smol_dev import prompts
from smol_dev.chat import Chat, Delta, Measured, Message, Note, Pace, Reply, Request, Retrying, StageName, Usage
from smol_dev.errors import AnswerError, SmolError
from smol_dev.events import Event, Noticed, Retry, StageStarted, Warned
from smol_dev.replies.answer import without_reasoning
from smol_dev.replies.continuation import Cut, cut_back, join
from smol_dev.replies.repetition import Repetition
from smol_dev.replies.verdicts import Rejected
from smol_dev.run.budget import Budget
from smol_dev.run.pieces import Pieces
from smol_dev.safe import command
from smol_dev.tokens import tokens

Value = TypeVar("Value")

WARMTH: Final = 0.2
"""How much the temperature rises for each unusable answer: the same one gave the same text three times."""

MOST_PIECES: Final = 32
"""Continuations of one answer; each has to add something."""

MOST_ROOM: Final = 8
"""How many times the usual room an answer gets that was cut off for want of it."""

FENCE: Final = re.compile(r"`{3,}|~{3,}")
FORMLESS: Final = frozenset({"empty", "wrong_format"})
"""What an answer comes to when a server's structured output does not work with its model."""


@dataclass(frozen=True, slots=True)
class Flawed(Generic[Value]):
    """A value that can be used but has a flaw worth one more try; `message` tells the model."""

    value: Value
    message: str


@dataclass(frozen=True, slots=True)
class Form:
    """How a request shows the form of its answer.

    `fence` is how many back-ticks a file's block has, 0 for what its type needs.
    """

    fence: int = 0
    example: bool = True


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a request; `enforced` holds where the server enforces the form of the answer.

    `opening` is how the answer begins, for a server that goes on with it.
    """

    text: str
    enforced: str = ""
    opening: str = ""


@dataclass(frozen=True, slots=True)
class Question(Generic[Value]):
    """What to ask, and how to read the answer.

    `so_far` is the conversation before the request, `read` returns the value or why there is none;
    `retries` is how often an unusable answer is asked for again.
    """

    stage: StageName
    so_far: tuple[Message, ...]
    wording: Callable[[Form], Wording]
    read: Callable[[str, str | None], Value | Flawed[Value] | Rejected]
    retries: int
    path: str | None = None
    schema: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Answered(Generic[Value]):
    """The value, with the turns that led to it: what the model read, and what it said.

    `flaw` is what is still wrong with the value after the second try. `usage` is summed over every
    attempt, `seconds` and `pace` over the requests.
    """

    value: Value
    turns: tuple[Message, ...]
    said: str
    usage: Usage
    seconds: float
    requests: int
    flaw: str = ""
    pace: Pace = field(default_factory=Pace)


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
    pace: Pace = field(default_factory=Pace)


Step = Event | AnswerRejected | Spent


async def ask(chat: Chat, question: Question[Value], budget: Budget) -> AsyncGenerator[Step | Answered[Value], None]:
    """The events of asking; the last item is `Answered`.

    A cut-off answer is continued: exactly where it stops on a server that goes on with it, elsewhere at
    its last complete lines. Any other unusable one is asked for again with one sentence saying what was
    wrong, a flawed one once. Raises `AnswerError` with the last reason, or the `ServerError` of a server
    that cannot answer.
    """
    attempts = _Attempts(question, _more_room(budget.wanted))
    while True:
        request, reply = attempts.request(), Reply("", None)
        async with aclosing(_send(chat, question, request, budget, attempts.times)) as items:
            async for item in items:
                if isinstance(item, Reply):
                    reply = item
                else:
                    yield item
        exact = chat.continues(question.stage) and not reply.enforced
        result = attempts.take(request, reply, exact=exact)
        if isinstance(result, Answered):
            yield result
            return
        if result.rejected is not None:
            if question.schema is not None and result.rejected.reason in FORMLESS:
                chat.step_down(question.stage)
            yield result.rejected
        if result.reason == "truncated" and result.settled is None:
            _refuse_repeating(request, reply, budget)
        if result.settled is not None:
            yield result.settled
            return
        if result.error is not None:
            raise result.error
        yield Retry(question.stage, question.path, result.reason, result.message, attempts.requests)


@dataclass(frozen=True, slots=True)
class _Refused(Generic[Value]):
    """An answer that settles nothing: why, and what to make of it when there is no other try."""

    reason: str
    message: str
    rejected: AnswerRejected | None = None
    settled: Answered[Value] | None = None
    error: SmolError | None = None


class _Attempts(Generic[Value]):
    """The state of one question: what to send next, and what was had so far.

    `times` is how much of the usual room the answer needs, `more_room` what gives it more.
    """

    def __init__(self, question: Question[Value], more_room: str) -> None:
        self.question = question
        self.requests = 0
        self.times = 1
        self._more_room = more_room
        self._form = Form()
        self._remark = ""
        self._partial = ""
        self._cut: Cut | None = None
        self._pieces = 0
        self._usage: Usage | None = None
        self._pace = Pace()
        self._seconds = 0.0
        self._rejections = 0
        self._flawed: Answered[Value] | None = None

    def request(self) -> Request:
        """What to send now: the question, or the request to go on with a cut-off answer."""
        question = self.question
        wording = question.wording(self._form)
        text = self._remarked(wording.text)
        turns = (*question.so_far, Message("user", text))
        if self._cut is not None:
            turns = prompts.turn(turns, self._cut.text, prompts.more(self._cut.anchor))
            return Request(question.stage, turns, 0)
        if self._partial:
            return Request(question.stage, turns, 0, opening=self._partial)
        tries = self._rejections + (self._flawed is not None)
        opening = "" if tries and not self._form.fence else wording.opening  # another way this time
        request = Request(question.stage, turns, 0, opening=opening, warmth=WARMTH * tries)
        if question.schema is None:
            return request
        enforced = Message("user", self._remarked(wording.enforced))
        return replace(request, messages=(*question.so_far, enforced), schema=question.schema, unenforced=text)

    def take(self, request: Request, reply: Reply, *, exact: bool) -> Answered[Value] | _Refused[Value]:
        """What the answer comes to. `exact` says that the server goes on with an answer where it stops."""
        self._usage = add(self._usage, reply.usage)
        self._pace += reply.pace
        self._seconds += reply.seconds
        self.requests += 1
        self.times = min(2 * self.times, MOST_ROOM) if reply.is_full else self.times
        said: str | None = reply.opening + reply.text
        if self._cut is not None and said is not None:
            said = join(self._cut, said)
        turns = _as_sent(request, reply)[: len(self.question.so_far) + 1]
        verdict = _judge(self.question, said, reply)
        if isinstance(verdict, Rejected):
            if verdict.reason == "truncated" and self._goes_on(said or "", exact=exact):
                return _Refused(verdict.reason, verdict.message)
            return self._reject(verdict, turns, reply)
        self._partial, self._cut = "", None
        if not isinstance(verdict, Flawed):
            return self._answered(verdict, turns, said or "")
        flawed = self._answered(verdict.value, turns, said or "", flaw=verdict.message)
        if self._flawed is not None:
            return flawed
        self._flawed, self._remark = flawed, verdict.message
        return _Refused("syntax", verdict.message)

    def _remarked(self, words: str) -> str:
        return prompts.with_remark(words, self._remark) if self._remark else words

    def _goes_on(self, said: str, *, exact: bool) -> bool:
        """Whether the cut-off answer is continued next, which counts as no retry while it grows."""
        grown = len(said.rstrip()) > len(self._partial or (self._cut.text if self._cut else ""))
        self._pieces += 1 if grown else MOST_PIECES
        if self._pieces > MOST_PIECES:
            return False
        self._partial = said.rstrip() if exact else ""
        self._cut = None if exact else cut_back(said)
        return exact or self._cut is not None

    def _reject(self, verdict: Rejected, turns: tuple[Message, ...], reply: Reply) -> _Refused[Value]:
        self._rejections += 1
        self._partial, self._cut = "", None
        self._remark = verdict.message
        self._form = Form(verdict.fence or self._form.fence, example=verdict.example and self._form.example)
        question, reason, message = self.question, verdict.reason, verdict.message
        rejected = AnswerRejected(question.stage, question.path, self.requests, reply.text, reason, message)
        if self._rejections <= question.retries:
            return _Refused(reason, message, rejected)
        if self._flawed is None:
            more = self._more_room if reply.is_full and reason == "truncated" else ""
            error = _gave_up(question, verdict, self.requests, reply, more)
            return _Refused(reason, message, rejected, error=error)
        kept = self._flawed
        settled = self._answered(kept.value, turns, kept.said, flaw=kept.flaw)
        return _Refused(reason, message, rejected, settled=settled)

    def _answered(self, value: Value, turns: tuple[Message, ...], said: str, *, flaw: str = "") -> Answered[Value]:
        said = without_reasoning(said)
        return Answered(
            value, turns, said, self._usage or Usage(), self._seconds, self.requests, flaw=flaw, pace=self._pace
        )


def _as_sent(request: Request, reply: Reply) -> tuple[Message, ...]:
    """The turns of a request as the server read them, an opening that it went on with included."""
    turns = request.messages
    if request.unenforced and not reply.enforced:
        turns = (*turns[:-1], Message("user", request.unenforced))
    return (*turns, Message("assistant", reply.opening)) if reply.opening else turns


def _more_room(wanted: int | None) -> str:
    """What to do where `max_output_tokens` was too little; empty where the user has set none."""
    if wanted is None:
        return ""
    more = command("-c max_output_tokens={count}", count=2 * wanted)
    return f"`max_output_tokens` is {wanted:,}: raise it with {more}, or ask for smaller files"


def _refuse_repeating(request: Request, reply: Reply, budget: Budget) -> None:
    """Raise where the window is used up: there is no room to go on, nor for the same answer again."""
    sent = _as_sent(request, reply)
    answer = reply.usage.completion or round(tokens(reply.text).likely)
    if reply.finish_reason == "length" and budget.is_used_up(sent, answer):
        raise budget.cut_short(sent)


async def _room(chat: Chat, stage: StageName, turns: tuple[Message, ...], budget: Budget, times: int) -> int:
    """The tokens for the answer; the server is asked to count where only it can say what fits.

    A window that a refusal has told since is known from now on.
    """
    budget.take(turns, Measured(window=(await chat.facts(stage)).window))
    if budget.doubts(turns):
        budget.take(turns, await chat.measure(stage, turns))
    return budget.room(turns, times=times)


async def _send(
    chat: Chat, question: Question[Value], request: Request, budget: Budget, times: int
) -> AsyncGenerator[Step | Reply, None]:
    """One request and its answer; an answer that repeats itself without end is broken off."""
    expected = _as_sent(request, Reply("", None, opening=request.opening))
    yield StageStarted(question.stage, question.path)
    room = await _room(chat, question.stage, expected, budget, times)
    repetition, text, pieces = Repetition(), [], Pieces(question.stage, question.path)
    async with aclosing(chat.ask(replace(request, max_tokens=room))) as answer:
        async for item in answer:
            if isinstance(item, Delta):
                if (piece := pieces.add(item)) is not None:
                    yield piece
                text.append(item.text)
                if repetition.feed(item.text):
                    yield Spent(question.stage, Usage())
                    yield Reply("".join(text), "repetition")
                    return
                continue
            if (piece := pieces.rest()) is not None:
                yield piece
            if isinstance(item, Retrying):
                yield Retry(question.stage, question.path, "server", item.message, item.attempt, item.wait)
            elif isinstance(item, Note):
                told = Noticed(item.message, is_detail=True) if item.is_detail else None
                yield told or Warned(item.message, item.hint)
            else:
                reply = replace(item, usage=budget.believed(item.usage))
                yield Spent(question.stage, reply.usage, reply.pace)
                _observe(request, reply, budget)
                yield reply


def _observe(request: Request, reply: Reply, budget: Budget) -> None:
    # A line that opens the answer costs next to nothing, and the next request begins with the whole turn.
    is_brief = "\n" not in reply.opening.rstrip("\n")
    sent = _as_sent(request, replace(reply, opening="") if is_brief else reply)
    budget.observe(sent, prompt=reply.usage.prompt, completion=reply.usage.completion)


def _judge(question: Question[Value], said: str | None, reply: Reply) -> Value | Flawed[Value] | Rejected:
    failure = reply.failure
    if failure is not None and not getattr(failure, "transient", True):
        raise failure
    if reply.finish_reason == "repetition" and question.stage == "plan" and said is not None:
        return question.read(said, "repetition")
    if reply.finish_reason == "repetition":
        return Rejected("degenerate", "The answer repeated itself without end.")
    if said is None:
        return Rejected("truncated", "The answer was cut off; write the whole of it, as briefly as it can be.")
    if (damage := _damage(said, question.stage)) is not None:
        return Rejected("wrong_format", f"The answer holds {damage}.")
    is_whole = reply.ending == "stopped" or (reply.ending == "unsaid" and is_closed_block(said))
    can_show_its_end = reply.ending == "unsaid" and question.stage == "files"
    if reply.finish_reason is None and not is_whole and not can_show_its_end:
        return Rejected("truncated", "The answer broke off before its end.")
    return question.read(said, "stop" if is_whole else "length")


def is_closed_block(answer: str) -> bool:
    """Whether the answer begins with a fence that its last line closes."""
    lines = answer.strip().split("\n")
    opening = FENCE.match(lines[0])
    if opening is None or len(lines) == 1:
        return False
    fence, last = opening.group(), lines[-1].strip()
    return last.startswith(fence) and not last.strip(fence[0])


def _damage(said: str, stage: StageName) -> str | None:
    """What no text can hold, if it is there; a file may hold NUL."""
    try:
        said.encode()
    except UnicodeEncodeError:
        return "half a character (a lone surrogate)"
    return "a NUL character" if stage != "code" and "\0" in said else None


def _gave_up(
    question: Question[Value], last: Rejected, tries: int, reply: Reply, more_room: str
) -> SmolError | AnswerError:
    failure = reply.failure
    if failure is not None and getattr(failure, "kind", "") == "timeout":
        return failure
    what = f"`{question.path}`" if question.path else f"the {_NAMES[question.stage]}"
    because = f" ({failure.message})" if failure is not None else ""
    times = "1 try" if tries == 1 else f"{tries} tries"
    return AnswerError(
        f"no usable answer for {what} after {times}: {last.message}{because}",
        hint=more_room or _HINTS.get(last.reason, "try a larger model, or `-c prompt_variant=small`"),
        reason=last.reason,
    )


def add(one: Usage | None, other: Usage) -> Usage:
    """The sum of two counts; a count that is None in both stays None, in one makes the sum partial."""
    if one is None:
        return other

    def plus(a: int | None, b: int | None) -> int | None:
        return b if a is None else a if b is None else a + b

    return replace(
        one,
        prompt=plus(one.prompt, other.prompt),
        cached=plus(one.cached, other.cached),
        completion=plus(one.completion, other.completion),
        generating=None,
        is_partial=one.is_partial
        or other.is_partial
        or (one.completion is None) != (other.completion is None)
        or (one.prompt is None) != (other.prompt is None),
    )


_NAMES: Mapping[StageName, str] = {"plan": "plan", "files": "file list", "code": "file"}
_HINTS: Mapping[str, str] = {
    "truncated": "raise `max_output_tokens` or the server's context window, or ask for smaller files",
    "refusal": "say the prompt differently, or try another model with `--model`",
    "degenerate": "try `-c temperature=0.6`, or another model with `--model`",
    "empty": "try another model with `--model`; `smol_dev doctor` checks this one",
}

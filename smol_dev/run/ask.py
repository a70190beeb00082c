"""One question to the model: the answer is shown while it streams, parsed, and asked for again if unusable."""

import itertools
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from smol_dev import prompts
from smol_dev.chat import Delta, Measured, Message, Pace, Reply, Request, Retrying, StageName, Usage, total
from smol_dev.errors import AnswerError, SmolError
from smol_dev.events import Noticed, Piece, Retry, StageStarted, Warned
from smol_dev.replies.answer import without_reasoning
from smol_dev.replies.continuation import Cut, cut_back, join, put_behind
from smol_dev.replies.repetition import Repetition
from smol_dev.replies.verdicts import Rejected
from smol_dev.run.conversation import AnswerRejected, Conversation, Spent
from smol_dev.safe import command
from smol_dev.tokens import tokens

LOG: Final = logging.getLogger(__name__)

Value = TypeVar("Value")

WARMTH: Final = 0.2
"""Added to the temperature after each unusable answer; at the same temperature the model repeats itself."""

MOST_CONTINUATIONS: Final = 32
"""Continuations of one answer; each must add something."""

MOST_ROOM: Final = 8
"""The usual room is multiplied by at most this for an answer that was cut off."""

BETWEEN_PIECES: Final = 0.1
"""Seconds between two pieces of one answer; no screen draws more often."""

FENCE: Final = re.compile(r"`{3,}|~{3,}")
FORMLESS: Final = frozenset({"empty", "wrong_format"})
"""Reasons that suggest that a server's structured output does not work with the model."""

HINTS: Final[Mapping[str, str]] = {
    "truncated": "raise `max_output_tokens` or the server's context window, or ask for smaller files",
    "refusal": "say the prompt differently, or try another model with `--model`",
    "placeholder": "try another model with `--model`; if a change is to take something out, say so in the request",
    "degenerate": "try `-c temperature=0.6`, or another model with `--model`",
    "empty": "try another model with `--model`; `smol_dev doctor` checks this one",
}
"""What to do when no answer was usable, by the reason for the last rejection."""


@dataclass(frozen=True, slots=True)
class Flawed(Generic[Value]):
    """A usable value with a flaw worth one more try; `message` describes it to the model."""

    value: Value
    message: str


@dataclass(frozen=True, slots=True)
class Form:
    """How a request shows the answer's format; `fence` is the number of back-ticks around a file, 0 for the usual."""

    fence: int = 0
    example: bool = True


Reader = Callable[[str, str | None], Value | Flawed[Value] | Rejected]
"""Takes the answer and its finish reason; returns the value, or why there is none."""


@dataclass(frozen=True, slots=True)
class Question(Generic[Value]):
    """What to ask, and how to read the answer.

    `so_far` is the conversation before the request, `words` returns the request in a form. `opening` is how the answer
    begins, for a server that can continue it. `retries` is how often an unusable answer is asked for again (None: as
    the stage's settings say). A server that enforces the `schema` gets the request without an example.
    """

    stage: StageName
    so_far: tuple[Message, ...]
    words: Callable[[Form], str]
    read: Reader[Value]
    opening: Callable[[Form], str] = lambda _form: ""
    retries: int | None = None
    path: str | None = None
    schema: Mapping[str, object] | None = None


def unless_copied(read: Reader[Value], is_copied: Callable[[Value], bool], complaint: str) -> Reader[Value]:
    """Return a reader that rejects, once, an answer that only copies the example."""
    copies = itertools.count()

    def doubting(answer: str, finish_reason: str | None) -> Value | Flawed[Value] | Rejected:
        found = read(answer, finish_reason)
        if isinstance(found, Rejected | Flawed) or not is_copied(found) or next(copies):
            return found
        return Rejected("wrong_format", complaint, example=False)

    return doubting


@dataclass(frozen=True, slots=True)
class Answered(Generic[Value]):
    """The value, the turns that the model read, and its answer.

    `flaw` is what is still wrong with the value after the second try. `usage`, `seconds` and `pace` are sums over all
    requests.
    """

    value: Value
    turns: tuple[Message, ...]
    said: str
    usage: Usage
    seconds: float
    flaw: str = ""
    pace: Pace = field(default_factory=Pace)

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The turns, and the answer as the last one."""
        return (*self.turns, Message("assistant", self.said))


async def ask(talk: Conversation, question: Question[Value]) -> Answered[Value]:
    """Return the answer to the question; see `Asking.answer`."""
    return await Asking(talk, question).answer()


class Asking(Generic[Value]):
    """One question on its way to an answer: the replies so far, and what to send next."""

    def __init__(self, talk: Conversation, question: Question[Value]) -> None:
        self.talk = talk
        self.question = question
        self.replies: list[Reply] = []
        """One per answered request."""
        settings = talk.job.settings(question.stage)
        self._retries = settings.answer_retries if question.retries is None else question.retries
        self._budget = talk.budget(question.stage)
        self._what = question.path or question.stage
        self._times = 1
        self._form = Form()
        self._remark = ""
        self._partial = ""
        self._cut: Cut | None = None
        self._continuations = 0
        self._reached = 0
        self._is_exact = True
        """Whether every continuation so far went on where the answer stopped."""
        self._rejections = 0
        self._flawed: Answered[Value] | None = None

    async def answer(self) -> Answered[Value]:
        """Return the answer, and report progress on the way.

        A cut-off answer is continued: exactly where it stopped if the server can do that, else from its last complete
        lines. Any other unusable answer is asked for again, with one sentence on what was wrong; a flawed one only
        once. Raise `AnswerError` with the last reason, or the `ServerError` of a server that cannot answer.
        """
        while True:
            request = self._request()
            reply = await self._send(request)
            if (answered := self._read_reply(request, reply)) is not None:
                return answered

    def _request(self) -> Request:
        """Return the next request: the question, or a continuation of a cut-off answer."""
        question, form = self.question, self._form
        text = self._worded(form)
        turns = (*question.so_far, Message("user", text))
        if self._cut is not None:
            continued = (Message("assistant", self._cut.text), Message("user", prompts.more(self._cut.anchor)))
            return Request(question.stage, (*turns, *continued), 0)
        if self._partial:
            return Request(question.stage, turns, 0, opening=self._partial.rstrip())
        tries = self._rejections + (self._flawed is not None)
        opening = "" if tries and not form.fence else question.opening(form)  # a retry may begin differently
        request = Request(question.stage, turns, 0, opening=opening, warmth=WARMTH * tries)
        if question.schema is None:
            return request
        enforced = Message("user", self._worded(replace(form, example=False)))
        return replace(request, messages=(*question.so_far, enforced), schema=question.schema, unenforced=text)

    def _worded(self, form: Form) -> str:
        words = self.question.words(form)
        return prompts.with_remark(words, self._remark) if self._remark else words

    async def _send(self, request: Request) -> Reply:
        """Return the reply, showing its text as it comes; stop an answer that repeats itself endlessly."""
        stage, path, tell = self.question.stage, self.question.path, self.talk.tell
        tell(StageStarted(stage, path))
        request = replace(request, max_tokens=await self._room(request.as_sent(request.opening)))
        stream, repetition, reply = Stream(tell, stage, path), Repetition(), Reply("", None)
        async with aclosing(self.talk.chat.ask(request)) as answer:
            async for item in answer:
                if isinstance(item, Delta):
                    stream.add(item)
                    if repetition.feed(item.text):
                        return self._counted(request, Reply(stream.text(), "repetition"))
                    continue
                stream.show()
                if isinstance(item, Reply):
                    reply = self._counted(request, item)
                elif isinstance(item, Retrying):
                    LOG.info("%s: sent again in %g s: %s", self._what, item.wait, item.kind)
                    tell(Retry(stage, path, "server", item.message, item.attempt, item.wait))
                else:
                    tell(Noticed(item.message, is_detail=True) if item.is_detail else Warned(item.message, item.hint))
        return reply

    async def _room(self, turns: tuple[Message, ...]) -> int:
        """Return the answer's `max_tokens`; ask the server to count if the estimate is in doubt."""
        chat, stage, budget = self.talk.chat, self.question.stage, self._budget
        budget.take(turns, Measured(window=(await chat.facts(stage)).window))
        if budget.doubts(turns):
            budget.take(turns, await chat.measure(stage, turns))
        return budget.room(turns, times=self._times)

    def _counted(self, request: Request, reply: Reply) -> Reply:
        """Return the reply without implausible counts; report its cost, and learn from it."""
        reply = replace(reply, usage=self._budget.believed(reply.usage))
        self.replies.append(reply)
        used = (reply.seconds, reply.ending, reply.usage.prompt, reply.usage.completion)
        LOG.info("%s: answered in %.1f s, %s; tokens of the prompt: %s, of the answer: %s", self._what, *used)
        stage, path = self.question.stage, self.question.path
        self.talk.tell(Spent(stage, reply.usage, reply.pace, path, reply.first_token_seconds))
        # A one-line opening costs next to nothing; without it, these turns are a prefix of the next request.
        is_brief = "\n" not in reply.opening.rstrip("\n")
        sent = request.as_sent("" if is_brief else reply.opening, enforced=reply.enforced)
        self._budget.observe(sent, prompt=reply.usage.prompt, completion=reply.usage.completion)
        return reply

    def _read_reply(self, request: Request, reply: Reply) -> Answered[Value] | None:
        """Return the answer, or None if it must be continued or asked for again."""
        self._times = min(2 * self._times, MOST_ROOM) if reply.is_full else self._times
        said = self._said(reply)
        sent = request.as_sent(reply.opening, enforced=reply.enforced)
        verdict = _judge(self.question, said, reply)
        if isinstance(verdict, Rejected) and verdict.reason == "truncated" and self._continue(said, reply):
            self._refuse_repeating(sent, reply)
            self._report_retry(verdict.reason, verdict.message)
            return None
        self._partial, self._cut, self._reached = "", None, 0
        if isinstance(verdict, Rejected):
            return self._reject(verdict, sent, reply)
        if not isinstance(verdict, Flawed):
            return self._answered(verdict, sent, said or "")
        flawed = self._answered(verdict.value, sent, said or "", flaw=verdict.message)
        if self._flawed is not None:
            return flawed
        self._flawed, self._remark = flawed, verdict.message
        self._report_retry("syntax", verdict.message)
        return None

    def _said(self, reply: Reply) -> str | None:
        """Return the answer so far, or None if it is in doubt how its continuation goes on; a plan may be uneven."""
        if self._cut is not None:
            return join(self._cut, reply.text)
        if self._partial and reply.opening and self.question.stage != "plan":
            return put_behind(self._partial, reply.text)
        begun = cut_back(self._partial) if self._partial else None
        whole = None if begun is None else join(begun, reply.text)  # a block of its own may be the rest alone
        return whole or reply.opening + reply.text

    def _continue(self, said: str | None, reply: Reply) -> bool:
        """Prepare to continue the cut-off answer, and return whether that is possible.

        While the answer grows, that does not count as a retry. After a doubtful continuation it is asked for again
        from the last complete lines.
        """
        has_grown = said is None and bool(self._partial)
        if said is None:
            self._is_exact, said = False, self._partial
        has_grown = has_grown or len(said.rstrip()) > self._reached
        self._reached = len(said.rstrip())
        self._continuations += 1 if has_grown else MOST_CONTINUATIONS
        if self._continuations > MOST_CONTINUATIONS:
            return False
        exact = self._is_exact and self.talk.chat.continues(self.question.stage) and not reply.enforced
        self._partial = said.rstrip("\ufffd") if exact else ""
        self._cut = None if exact else cut_back(said)
        return exact or self._cut is not None

    def _reject(self, verdict: Rejected, sent: tuple[Message, ...], reply: Reply) -> Answered[Value] | None:
        """Return None to ask again; on the last try, return the earlier flawed answer or else raise the error."""
        question, reason, message = self.question, verdict.reason, verdict.message
        self._rejections += 1
        self._remark = message
        self._form = Form(verdict.fence or self._form.fence, example=verdict.example and self._form.example)
        if question.schema is not None and reason in FORMLESS:
            self.talk.chat.step_down(question.stage)
        tries = len(self.replies)
        self.talk.tell(AnswerRejected(question.stage, question.path, tries, reply.text, reason, message))
        self._flawed = None if verdict.disproves else self._flawed
        is_last = self._rejections > self._retries
        if is_last and self._flawed is not None:
            kept = self._flawed
            return self._answered(kept.value, sent, kept.said, flaw=kept.flaw)
        if reason == "truncated":
            self._refuse_repeating(sent, reply)
        if is_last:
            raise _final_error(question, verdict, tries, reply, self._budget.wanted)
        self._report_retry(reason, message)
        return None

    def _report_retry(self, reason: str, message: str) -> None:
        LOG.info("%s: asked again: %s", self._what, reason)
        self.talk.tell(Retry(self.question.stage, self.question.path, reason, message, len(self.replies)))

    def _refuse_repeating(self, sent: tuple[Message, ...], reply: Reply) -> None:
        """Raise if the window is used up: neither the rest nor the same answer again would fit."""
        answer = reply.usage.completion or round(tokens(reply.text).likely)
        if reply.finish_reason == "length" and self._budget.is_used_up(sent, answer):
            raise self._budget.cut_short(sent)

    def _answered(self, value: Value, sent: tuple[Message, ...], said: str, *, flaw: str = "") -> Answered[Value]:
        return Answered(
            value,
            sent[: len(self.question.so_far) + 1],
            without_reasoning(said),
            total(reply.usage for reply in self.replies),
            sum(reply.seconds for reply in self.replies),
            flaw=flaw,
            pace=sum((reply.pace for reply in self.replies), Pace()),
        )


@dataclass(eq=False)
class Stream:
    """The text of one answer as it streams, reported in no more pieces than a screen can draw.

    A server with 64 slots sends thousands of deltas a second. The first delta is reported at once.
    """

    tell: Callable[[Piece], object]
    stage: StageName
    path: str | None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._due = 0.0
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._shown = 0

    def add(self, delta: Delta) -> None:
        """Add a delta; report what is new when it is time."""
        self._text.append(delta.text)
        self._reasoning.append(delta.reasoning)
        now = self.clock()
        if now >= self._due:
            self._due = now + BETWEEN_PIECES
            self.show()

    def show(self) -> None:
        """Report what has not been reported yet, if anything."""
        if self._shown == len(self._text):
            return
        text, reasoning = (
            "".join(part[self._shown :]).encode(errors="replace").decode() for part in (self._text, self._reasoning)
        )
        self._shown = len(self._text)
        self.tell(Piece(self.stage, self.path, text, reasoning))

    def text(self) -> str:
        """Return the whole text."""
        return "".join(self._text)


def _judge(question: Question[Value], said: str | None, reply: Reply) -> Value | Flawed[Value] | Rejected:
    failure = reply.failure
    if failure is not None and not getattr(failure, "transient", True):
        raise failure
    if reply.finish_reason == "repetition" and question.stage == "plan" and said is not None:
        return question.read(said, "repetition")
    if reply.finish_reason == "repetition":
        return Rejected("degenerate", "The answer repeated itself without end.")
    if said is None:
        told = "The answer was cut off, and what followed did not fit; write the whole of it, as briefly as it can be."
        return Rejected("truncated", told)
    if (damage := _damage(said, question.stage)) is not None:
        return Rejected("wrong_format", f"The answer holds {damage}.")
    is_whole = reply.ending == "stopped" or (reply.ending == "unsaid" and is_closed_block(said))
    can_show_its_end = reply.ending == "unsaid" and question.stage == "files"
    if reply.finish_reason is None and not is_whole and not can_show_its_end:
        return Rejected("truncated", "The answer broke off before its end.")
    if is_whole:
        return question.read(said, "stop")
    return question.read(said, "length" if reply.is_full else reply.finish_reason or "length")


def is_closed_block(answer: str) -> bool:
    """Return whether the answer begins with a fence and its last line closes it."""
    lines = answer.strip().split("\n")
    opening = FENCE.match(lines[0])
    if opening is None or len(lines) == 1:
        return False
    fence, last = opening.group(), lines[-1].strip()
    return last.startswith(fence) and not last.strip(fence[0])


def _damage(said: str, stage: StageName) -> str | None:
    """Return what makes the text unusable, or None; only a file may contain NUL."""
    try:
        said.encode()
    except UnicodeEncodeError:
        return "half a character (a lone surrogate)"
    return "a NUL character" if stage in ("plan", "files") and "\0" in said else None


def _final_error(
    question: Question[Value], last: Rejected, tries: int, reply: Reply, wanted: int | None
) -> SmolError | AnswerError:
    """Return the error for a question without a usable answer; `wanted` is the user's `max_output_tokens`."""
    failure = reply.failure
    if failure is not None and getattr(failure, "kind", "") == "timeout":
        return failure
    names = {"files": "file list", "fix": "list of files to mend"}
    what = f"`{question.path}`" if question.path else f"the {names.get(question.stage, question.stage)}"
    because = f" ({failure.message})" if failure is not None else ""
    times = "1 try" if tries == 1 else f"{tries} tries"
    hint = HINTS.get(last.reason, "try a larger model, or `-c prompt_variant=small`")
    if wanted is not None and reply.is_full and last.reason == "truncated":
        more = command("-c max_output_tokens={count}", count=2 * wanted)
        hint = f"`max_output_tokens` is {wanted:,}: raise it with {more}, or ask for smaller files"
    message = f"no usable answer for {what} after {times}: {last.message}{because}"
    return AnswerError(message, hint=hint, reason=last.reason)

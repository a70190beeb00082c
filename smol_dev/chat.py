"""The interface between the method and a model: a request goes in, pieces of an answer and one reply come out.

Standard library only, so that the pipeline and its tests need no client library.
"""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, get_args

from smol_dev.errors import SmolError

SMALLEST_USUAL_WINDOW: Final = 8_192  # the smallest context window to suggest; each larger suggestion is twice the last

Role = Literal["system", "user", "assistant"]
StageName = Literal["plan", "files", "code", "fix"]
STAGES: Final[tuple[StageName, ...]] = get_args(StageName)  # the stages of a run, in order

Ending = Literal["stopped", "cut", "unsaid"]
"""How an answer ended: by the model itself, cut off, or without a finish reason."""

STOPPED: Final = frozenset("stop eos eos_token end_turn stop_sequence stop_token complete completed end".split())
"""Finish reasons, in snake case, of an answer that the model ended; after any other it counts as cut off."""

FULL: Final = frozenset("length max_tokens max_output_tokens model_length".split())
"""Finish reasons, in snake case, of an answer that used up `max_tokens` or the context window."""

SHORTEST_STREAM: Final = 0.02
"""The least seconds between the first and last piece of a stream; less means that the answer came at once."""

WORD_BREAK: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")  # the places at which a camelCase finish reason is split


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, as plain text."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """A conversation that ends with the user's turn, to be answered in at most `max_tokens` tokens.

    `schema` is a JSON schema for the answer; if the server does not enforce it, `unenforced` replaces the
    text of the last turn. `opening` is the beginning of the answer, sent only to a server that continues
    an assistant's turn. `warmth` is added to the temperature unless the user has set one.
    """

    stage: StageName
    messages: tuple[Message, ...]
    max_tokens: int
    schema: Mapping[str, object] | None = None
    unenforced: str = ""
    opening: str = ""
    warmth: float = 0.0

    def as_sent(self, opening: str = "", *, enforced: bool = False) -> tuple[Message, ...]:
        """Return the turns to send, including an opening for the server to continue."""
        turns = self.messages
        if self.unenforced and not enforced:
            turns = (*turns[:-1], Message("user", self.unenforced))
        return (*turns, Message("assistant", opening)) if opening else turns


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts from the server; `None` where it does not report one.

    `prompt` is the whole prompt, `cached` the part of it from the prefix cache, `evaluating` the seconds for
    the rest, `generating` those for the completion. A sum `is_partial` if some request in it has no count.
    """

    prompt: int | None = None
    cached: int | None = None
    completion: int | None = None
    generating: float | None = None
    is_partial: bool = False
    evaluating: float | None = None

    @property
    def counts(self) -> tuple[int | None, int | None, int | None]:
        """The tokens of the prompt, those of it from the cache, and those of the completion."""
        return self.prompt, self.cached, self.completion


def total(usages: Iterable[Usage]) -> Usage:
    """Return the sum; a count that is always None stays None, and one that is sometimes None makes it partial."""
    counts = tuple(usages)
    prompt = [each.prompt for each in counts if each.prompt is not None]
    cached = [each.cached for each in counts if each.cached is not None]
    completion = [each.completion for each in counts if each.completion is not None]
    is_partial = any(each.is_partial or not {len(prompt), len(completion)} <= {0, len(counts)} for each in counts)
    return Usage(
        sum(prompt) if prompt else None,
        sum(cached) if cached else None,
        sum(completion) if completion else None,
        is_partial=is_partial,
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """Tokens, and the seconds of their generation without waiting and prompt evaluation."""

    tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Pace") -> "Pace":
        return Pace(self.tokens + other.tokens, self.seconds + other.seconds)

    @property
    def per_second(self) -> float | None:
        """Tokens per second; None if nothing was timed."""
        return self.tokens / self.seconds if self.tokens and self.seconds > 0 else None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer as it arrives, with text and reasoning apart."""

    text: str = ""
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Retrying:
    """The client is about to send the request again, after `wait` seconds."""

    message: str
    attempt: int
    wait: float
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Information for the user that stops nothing, such as a field that the server refused.

    With `is_detail`, only `--verbose` shows it.
    """

    message: str
    hint: str = ""
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of an answer, with all of its text.

    `finish_reason` is the server's word (`stop`, `length`, …), None if the stream had none; `ended`
    says that the stream was complete, by `[DONE]` or by HTTP. `failure` is the error that broke it off.
    `opening` is the beginning that was sent for the server to continue; it is not part of `text`.
    `enforced` says that the server enforced the schema. Times are seconds since the request was sent.
    """

    text: str
    finish_reason: str | None
    reasoning: str = ""
    usage: Usage = field(default_factory=Usage)
    first_token_seconds: float = 0.0
    last_token_seconds: float = 0.0
    seconds: float = 0.0
    failure: SmolError | None = None
    ended: bool = False
    opening: str = ""
    enforced: bool = False

    @property
    def pace(self) -> Pace:
        """The speed of generation, by the server's timing if reported, else from the first piece to the last."""
        count, told = self.usage.completion or 0, self.usage.generating
        if told:
            return Pace(count, told)
        measured = self.last_token_seconds - self.first_token_seconds
        return Pace(count - 1, measured) if count > 1 and measured >= SHORTEST_STREAM else Pace()

    @property
    def ending(self) -> Ending:
        """How the answer ended; if `unsaid`, only the text can show whether it is complete."""
        if self.finish_reason is None:
            return "unsaid" if self.ended else "cut"
        return "stopped" if self._word() in STOPPED else "cut"

    @property
    def is_full(self) -> bool:
        """Whether the answer used up `max_tokens` or the context window."""
        return self._word() in FULL

    def _word(self) -> str:
        return WORD_BREAK.sub("_", (self.finish_reason or "").strip()).lower()


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that the server reports about itself and a stage's model; None where it does not.

    `window` is the context window in tokens as loaded now, `limit` the largest that the model supports,
    `parameters` the model's size (7_000_000_000 for a 7B), `slots` the number of simultaneous requests,
    `remote` the place where the model runs if that is another machine (empty: this one; None: the server
    was asked and did not answer). `enlarge` is what to type for a larger window on this server, with
    `WINDOW` for its size. `continues` says that the server continues an assistant's turn at the end of a
    request. `sampling` is the model's own `temperature` and `top_p`; `applies_sampling` says that the
    server uses them for a request without any.
    """

    server: str = "compatible"
    model: str = ""
    window: int | None = None
    slots: int | None = None
    parameters: int | None = None
    enlarge: str = ""
    continues: bool = False
    limit: int | None = None
    remote: str | None = ""
    sampling: Mapping[str, float] = field(default_factory=dict)
    applies_sampling: bool = False

    def larger(self, needed: int) -> str:
        """Return what to type for a window of at least `needed` tokens, or why there is no such window."""
        if self.limit is not None and needed > self.limit:
            return (
                f"about {needed:,} tokens are needed, and this model is made for {self.limit:,} at most:"
                " shorten the prompt, or choose a model with a larger context window"
            )
        size = SMALLEST_USUAL_WINDOW
        while size < needed:
            size *= 2
        size = size if self.limit is None else min(size, self.limit)
        text = self.enlarge or "load the model with a context window of WINDOW tokens"
        return text.replace("WINDOW", str(size))


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements before a prompt is answered: the loaded window and the prompt's tokens."""

    window: int | None = None
    prompt: int | None = None


class Chat(Protocol):
    """A model to talk to: `server.client.Client`, or a scripted one in the tests."""

    async def facts(self, stage: StageName) -> Facts:
        """Return the facts about the stage's model; the server is asked at most once per state."""

    async def measure(self, stage: StageName, messages: tuple[Message, ...]) -> Measured:
        """Return the server's measurements of these messages, loading a model on demand to learn its window."""

    def ask(self, request: Request) -> AsyncGenerator[Delta | Retrying | Note | Reply, None]:
        """Yield the answer as it arrives; the last item is its only `Reply`.

        Raise `ServerError` if there is no answer at all. An answer that broke off in the middle is a
        `Reply` without a finish reason.
        """

    def continues(self, stage: StageName) -> bool:
        """Return whether the server is known to continue an answer that we begin."""

    def step_down(self, stage: StageName) -> None:
        """Use a simpler form of structured output next time, as an answer to a request with a schema was unusable."""

    async def aclose(self) -> None:
        """Close the connections."""

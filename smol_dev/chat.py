"""The one seam between the method and a model: a request in, pieces and one reply out.

Standard library only, so that the pipeline and its tests know no client library.
"""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from smol_dev.errors import SmolError

SMALLEST_USUAL_WINDOW: Final = 8_192
"""The smallest context window that is suggested; the next ones are twice as large each."""

Role = Literal["system", "user", "assistant"]
StageName = Literal["plan", "files", "code"]
Ending = Literal["stopped", "cut", "unsaid"]
"""How an answer ended: by the model itself, in the middle, or without a word about it."""

STOPPED: Final = frozenset("stop eos eos_token end_turn stop_sequence stop_token complete completed end".split())
"""The finish reasons, in lower snake case, that say that the model ended by itself; any other word is a cut."""

FULL: Final = frozenset("length max_tokens max_output_tokens model_length".split())
"""The finish reasons, in lower snake case, that say that the room for the answer was used up."""

SHORTEST: Final = 0.02
"""Seconds between the first and the last piece; in less, all of them came at once."""

HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


STAGES: Final[tuple[StageName, ...]] = ("plan", "files", "code")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, as plain text."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: a conversation whose last turn is the user's.

    `schema` is a JSON schema the answer should follow; where the server does not enforce it, `unenforced`
    takes the place of the last turn's text. `opening` is how the answer begins: a server that
    continues an assistant's turn is given it, others are not. `warmth` is added to a temperature that
    the user has not set. `max_tokens` bounds the answer.
    """

    stage: StageName
    messages: tuple[Message, ...]
    max_tokens: int
    schema: Mapping[str, object] | None = None
    unenforced: str = ""
    opening: str = ""
    warmth: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; `None` where it does not say.

    `prompt` is the whole prompt, `cached` the part of it that was not evaluated again, `generating`
    the seconds that the completion took. A sum `is_partial` where not every request of it was counted.
    """

    prompt: int | None = None
    cached: int | None = None
    completion: int | None = None
    generating: float | None = None
    is_partial: bool = False


def total(usages: Iterable[Usage]) -> Usage:
    """Return the sum; a count that is None everywhere stays None, one that is None somewhere makes it partial."""
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
    """Tokens, and the seconds in which they were generated: the wait and the prompt are not among them."""

    tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Pace") -> "Pace":
        return Pace(self.tokens + other.tokens, self.seconds + other.seconds)

    @property
    def per_second(self) -> float | None:
        """Tokens a second, None where nothing was timed."""
        return self.tokens / self.seconds if self.tokens and self.seconds > 0 else None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer as it arrives; reasoning is kept apart from the text."""

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
    """Something the user should know that stopped nothing (a field the server refused, say).

    One that `is_detail` concerns only those who want to know everything.
    """

    message: str
    hint: str = ""
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of an answer, and all of its text.

    `finish_reason` is the server's word (`stop`, `length`, …), or None when the stream ended
    without one; `ended` says that it did end, with `[DONE]` or as HTTP answers do. `failure` says what
    is known to be wrong with it. `opening` is what the server was given of the answer and went on
    from, without being part of `text`; `enforced` says that it held the answer to the schema. Times are
    seconds since the request was sent.
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
        """How fast it was generated: as the server timed it, else from the first piece to the last."""
        count, told = self.usage.completion or 0, self.usage.generating
        if told:
            return Pace(count, told)
        measured = self.last_token_seconds - self.first_token_seconds
        return Pace(count - 1, measured) if count > 1 and measured >= SHORTEST else Pace()

    @property
    def ending(self) -> Ending:
        """What the end says about the text; `unsaid` is for the text itself to show."""
        if self.finish_reason is None:
            return "unsaid" if self.ended else "cut"
        return "stopped" if self._word() in STOPPED else "cut"

    @property
    def is_full(self) -> bool:
        """Whether it ended because the room for it was used up."""
        return self._word() in FULL

    def _word(self) -> str:
        return HUMP.sub("_", (self.finish_reason or "").strip()).lower()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server tells about itself and a stage's model; None where it does not say.

    `window` is the context window in tokens as it is loaded now, `limit` the largest that the model
    was made for, `parameters` the model's size (7_000_000_000 for a 7B), `slots` how many requests
    the server works on at once, `remote` where it has the model run if that is elsewhere
    (empty: here; None: it was to tell, and did not answer). `enlarge`
    is what to type for a larger window on this server, with `WINDOW` where its size goes, `continues`
    whether it goes on with an assistant's turn that a request ends with. `sampling` is what it tells of
    the model's own `temperature` and `top_p`, `applies_sampling` whether it applies the model's own where
    a request says nothing.
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
        """Return what to type for a window of at least `needed` tokens, or why there can be none."""
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
    """What a server says of a prompt before it answers: the loaded window, and the prompt's tokens."""

    window: int | None = None
    prompt: int | None = None


class Chat(Protocol):
    """A model to ask. Implementations: `server.client.Client`, and a scripted one in the tests."""

    async def facts(self, stage: StageName) -> Facts:
        """What is known about the model of this stage; asks the server at most once per state."""

    async def measure(self, stage: StageName, messages: tuple[Message, ...]) -> Measured:
        """Return what the server says of these messages; a model on demand is loaded to learn its window."""

    def ask(self, request: Request) -> AsyncGenerator[Delta | Retrying | Note | Reply, None]:
        """The answer as it comes; the last item is the one `Reply`.

        Raises `ServerError` when no answer could be had at all. An answer that broke off in the
        middle is a `Reply` without finish reason.
        """

    def continues(self, stage: StageName) -> bool:
        """Return whether the server is known to go on with an answer that it is given the beginning of."""

    def step_down(self, stage: StageName) -> None:
        """The answer to a request with a schema could not be used: ask in a simpler way next time."""

    async def aclose(self) -> None:
        """Close the connections."""

"""Tokens: estimated, calibrated by the server's own counts, fitted to the window, and checked.

No tokenizer is loaded: every server counts with its own. An estimate starts from the length of the
text and is corrected by each count that comes back. Because a run is one growing conversation, a
count that is smaller than that of an earlier, shorter request proves that the server dropped a part
of the prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from smol_dev.errors import ServerError
from smol_dev.server.chat import Message

CHARACTERS_PER_TOKEN: Final = 3.3
"""Before any count: between prose (about 4) and code (about 3) in the vocabularies of 2023 to 2026."""

MOST_CHARACTERS_PER_TOKEN: Final = 8
"""No vocabulary packs ordinary text more densely over a whole prompt."""

TOKENS_PER_MESSAGE: Final = 8
"""Role and separators of a chat template."""

DEFAULT_ANSWER: Final = 16_384
ANSWER_WITHOUT_WINDOW: Final = 4_096
SMALLEST_ANSWER: Final = 256
"""With less room than this, an answer would be cut off for certain."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A conversation, the tokens it took as a prompt, and those of the answer to it."""

    messages: tuple[Message, ...]
    prompt: int
    completion: int | None

    def begins(self, messages: tuple[Message, ...]) -> bool:
        """Whether the messages are this conversation, or go on from it."""
        return messages[: len(self.messages)] == self.messages


class Budget:
    """The tokens of one model: what a prompt takes, and what is left for the answer.

    `window` is the loaded context window in tokens, None when the server does not tell: then nothing
    is refused and an answer may take 4,096 tokens. `wanted` is `max_output_tokens`, `enlarge` what
    to type for a larger window on this server.
    """

    def __init__(
        self, *, window: int | None = None, wanted: int | None = None, enlarge: str = ""
    ) -> None:
        self.window = window
        self.wanted = wanted
        self.enlarge = enlarge
        self._scale = 1.0
        self._counted: list[_Counted] = []
        self._longest_answer = 0

    def estimate(self, messages: Sequence[Message]) -> int:
        """Tokens these messages take as a prompt, about; exact for what the server counted before."""
        known = self._known(tuple(messages))
        if known is None:
            return self._guess(messages)
        rest = messages[len(known.messages) :]
        answer = self._guess(rest[:1])
        if known.completion:  # the model's own turn takes no more than it took to say it
            answer = min(answer, known.completion + TOKENS_PER_MESSAGE)
        return known.prompt + answer + self._guess(rest[1:])

    def room(self, messages: Sequence[Message]) -> int:
        """The `max_tokens` to send with these messages.

        Raises `ServerError` of kind `context`, before anything is sent, when they leave no room.
        """
        if self.window is None:
            return self.wanted or ANSWER_WITHOUT_WINDOW
        prompt = self.estimate(messages)
        left = self.window - prompt - prompt // 50
        if left < min(SMALLEST_ANSWER, self.wanted or SMALLEST_ANSWER):
            raise self.overflow(prompt)
        return min(self.wanted or DEFAULT_ANSWER, left)

    def fits(self, messages: Sequence[Message]) -> bool:
        """Whether an answer as long as the longest so far would still find room."""
        if self.window is None:
            return True
        expected = max(2 * SMALLEST_ANSWER, self._longest_answer + self._longest_answer // 5)
        prompt = self.estimate(messages)
        return self.window - prompt - prompt // 50 >= expected

    def overflow(self, prompt: int) -> ServerError:
        """The error for a prompt of so many tokens that leaves no room in the window."""
        return ServerError(
            f"the prompt of about {prompt:,} tokens does not fit the model's context window"
            f" of {self.window:,} tokens with an answer",
            hint=self.enlarge
            or "load the model with a larger context window, or shorten the prompt",
            kind="context",
        )

    def observe(
        self, messages: tuple[Message, ...], *, prompt: int | None, completion: int | None
    ) -> None:
        """Learn from the server's counts for a request.

        Raises `ServerError` of kind `context` when they show that a part of the prompt was dropped.
        """
        self._longest_answer = max(self._longest_answer, completion or 0)
        if not prompt:
            return
        if prompt < self._least(messages):
            raise self._truncated(messages, prompt)
        guess = self._guess(messages)
        self._scale = min(4.0, max(0.25, self._scale * prompt / guess))
        kept = [each for each in self._counted if each.begins(messages)]
        self._counted = [*kept, _Counted(messages, prompt, completion)]

    def _known(self, messages: tuple[Message, ...]) -> "_Counted | None":
        """The longest conversation that the server has counted and with which these messages begin."""
        return next((each for each in reversed(self._counted) if each.begins(messages)), None)

    def _least(self, messages: tuple[Message, ...]) -> int:
        """Fewer prompt tokens than this cannot be the whole of these messages."""
        known = self._known(messages)
        if known is not None:  # a template may drop a few tokens of an earlier turn (thinking)
            return known.prompt * 9 // 10
        characters = sum(len(message.content) for message in messages)
        return characters // MOST_CHARACTERS_PER_TOKEN

    def _truncated(self, messages: tuple[Message, ...], prompt: int) -> ServerError:
        window = f" (its window is {self.window:,})" if self.window else ""
        return ServerError(
            f"the server silently dropped a part of the prompt: it read {prompt:,} tokens{window},"
            f" about {self.estimate(messages):,} were sent",
            hint=self.enlarge or "load the model with a larger context window",
            kind="context",
        )

    def _guess(self, messages: Sequence[Message]) -> int:
        characters = sum(_weight(message.content) for message in messages)
        raw = characters / CHARACTERS_PER_TOKEN + TOKENS_PER_MESSAGE * len(messages)
        return round(raw * self._scale)


def _weight(text: str) -> int:
    """The length of a text in characters of English; others take about a token each."""
    return len(text) if text.isascii() else (len(text) + len(text.encode())) // 2

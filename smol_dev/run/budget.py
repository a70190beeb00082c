"""The token budget of a model: prompts are estimated, fitted to the context window, and checked for truncation.

No tokenizer is loaded, because every server counts with its own. An estimate starts from the kinds of characters
(`tokens`), knows its own error, and is corrected by each count from the server. A doubtful estimate refuses nothing;
instead, the server is asked to count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from smol_dev.chat import Facts, Measured, Message, Usage
from smol_dev.errors import ServerError
from smol_dev.tokens import Tokens, tokens

TOKENS_PER_MESSAGE: Final = 8
"""For the role and the separators of a chat template."""

DEFAULT_ANSWER: Final = 16_384
ANSWER_WITHOUT_WINDOW: Final = 4_096
SMALLEST_ANSWER: Final = 256
"""With less room than this, any answer would be cut off."""

SMALLEST_WINDOW: Final = 4_096
"""The window with which Ollama loads a model on most machines; it silently cuts a longer prompt."""

AT_THE_WINDOW: Final = 8
"""A prompt that was cut to the window is at most this many tokens shorter."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A conversation with the server's counts: its tokens as a prompt, and those of the answer."""

    messages: tuple[Message, ...]
    prompt: int
    completion: int | None

    def begins(self, messages: tuple[Message, ...]) -> bool:
        """Return whether the messages are this conversation or continue it."""
        return messages[: len(self.messages)] == self.messages


@dataclass(eq=False)
class Budget:
    """The tokens of one model: how many a prompt takes, and how many are left for the answer.

    `window` is the context window in tokens; if it is None (unknown), nothing is refused, and an answer may take 4,096
    tokens. `wanted` is the setting `max_output_tokens`, `said` the setting `context_window`; `checks` turns on the
    check for truncated prompts; `facts` is what the server reports about the model.
    """

    window: int | None = None
    wanted: int | None = None
    facts: Facts = field(default_factory=Facts)
    checks: bool = True
    said: int | None = None

    def __post_init__(self) -> None:
        self._scale: float | None = None
        self._counted: list[_Counted] = []
        self._longest_answer = 0
        self._leaves_out_cache = False

    def estimate(self, messages: Sequence[Message]) -> int:
        """Return about how many prompt tokens the messages take; exact if the server has counted them."""
        return round(self._tokens(messages).likely)

    def room(self, messages: Sequence[Message], *, times: int = 1) -> int:
        """Return the `max_tokens` to send with these messages.

        `times` multiplies the usual room for an answer that needed more, but not the user's own limit. Raise
        `ServerError` of kind `context`, before anything is sent, when the messages certainly leave no room. If that is
        uncertain, return the size of the smallest useful answer.
        """
        if self.window is None:
            return self.wanted or ANSWER_WITHOUT_WINDOW * times
        prompt = self._tokens(messages)
        smallest = min(SMALLEST_ANSWER, self.wanted or SMALLEST_ANSWER)
        if self.window - prompt.least < smallest:
            sent = round(prompt.likely)
            raise self._too_long(
                f"the prompt of about {sent:,} tokens does not fit the model's context window"
                f" of {self._window()} tokens with an answer",
                sent,
            )
        left = self.window - round(prompt.likely * 1.02)
        return min(self.wanted or DEFAULT_ANSWER * times, max(left, smallest))

    def fits(self, messages: Sequence[Message]) -> bool:
        """Return whether the messages leave room for an answer as long as the longest so far."""
        left = self.left(messages)
        return left is None or left >= 0

    def left(self, messages: Sequence[Message]) -> int | None:
        """Return the tokens left after the messages and an answer as long as the longest; None without a window."""
        if self.window is None:
            return None
        expected = max(2 * SMALLEST_ANSWER, round(self._longest_answer * 1.2))
        return self.window - round(self.estimate(messages) * 1.02) - expected

    def doubts(self, messages: Sequence[Message]) -> bool:
        """Return whether only the server can tell if these messages fit; asking it costs a request."""
        prompt = self._tokens(messages)
        if prompt.least == prompt.most:
            return False
        if self.window is None:
            return prompt.most + 2 * SMALLEST_ANSWER > SMALLEST_WINDOW
        return prompt.least <= self.window - SMALLEST_ANSWER < prompt.most + SMALLEST_ANSWER

    def take(self, messages: Sequence[Message], measured: Measured) -> None:
        """Learn what the server measured for these messages before answering them."""
        if measured.window is not None:
            self.window = min(measured.window, self.window or measured.window)
        if measured.prompt is not None:
            self._learn(_Counted(tuple(messages), measured.prompt, None))

    def cut_short(self, messages: Sequence[Message]) -> ServerError:
        """Return the error for an answer longer than the room that these messages leave."""
        prompt = self.estimate(messages)
        return self._too_long(
            f"the answer needs more than the {max(0, (self.window or 0) - prompt):,} tokens that the"
            f" context window of {self._window()} leaves after the prompt of {prompt:,}",
            prompt,
        )

    def is_used_up(self, messages: Sequence[Message], answer: int) -> bool:
        """Return whether the window, not `max_output_tokens`, cut off an answer of this many tokens."""
        if self.window is None:
            return False
        left = self.window - self.estimate(messages)
        return left < (self.wanted or DEFAULT_ANSWER) and left - answer < 2 * SMALLEST_ANSWER

    def is_roomier(self, messages: Sequence[Message], other: Sequence[Message]) -> bool:
        """Return whether these messages leave at least a quarter of the window more room than the others."""
        return self.window is None or self.estimate(other) - self.estimate(messages) >= self.window // 4

    def believed(self, usage: Usage) -> Usage:
        """Return the server's counts without those larger than the window, which cannot be true."""
        if self.window is None:
            return usage
        if (usage.prompt or 0) > self.window:
            usage = replace(usage, prompt=None, cached=None)
        return replace(usage, completion=None) if (usage.completion or 0) > self.window else usage

    def observe(self, messages: tuple[Message, ...], *, prompt: int | None, completion: int | None) -> None:
        """Learn from the server's counts for a request; a count above the window is ignored.

        Raise `ServerError` of kind `context` when they show that the server dropped part of the prompt.
        """
        self._longest_answer = max(self._longest_answer, completion or 0)
        if not prompt or (self.window is not None and prompt > self.window):
            return
        if self.checks and self._is_cut_to_window(messages, prompt):
            raise self._truncated(messages, prompt)
        self._leaves_out_cache = self._leaves_out_cache or self._is_new_part(messages, prompt)
        if self._leaves_out_cache:
            return
        if self.checks and prompt < self._tokens(messages).least / 2:
            raise self._truncated(messages, prompt)
        self._learn(_Counted(messages, prompt, completion))

    def _learn(self, counted: _Counted) -> None:
        self._scale = min(6.0, max(0.25, counted.prompt / _guess(counted.messages).likely))
        self._counted = [*(each for each in self._counted if each.begins(counted.messages)), counted]

    def _known(self, messages: tuple[Message, ...]) -> _Counted | None:
        """Return the longest conversation that the server has counted and that these messages continue."""
        return next((each for each in reversed(self._counted) if each.begins(messages)), None)

    def _tokens(self, messages: Sequence[Message]) -> Tokens:
        known = self._known(tuple(messages))
        if known is None:
            return self._scaled(messages)
        rest = messages[len(known.messages) :]
        answer = self._scaled(rest[:1])
        if known.completion:  # the model's turn takes no more tokens than it took to generate
            most = known.completion + TOKENS_PER_MESSAGE
            answer = Tokens(*(min(each, most) for each in (answer.least, answer.likely, answer.most)))
        return Tokens.exactly(known.prompt) + answer + self._scaled(rest[1:])

    def _scaled(self, messages: Sequence[Message]) -> Tokens:
        guess = _guess(messages)
        return guess if self._scale is None else guess.scaled(self._scale)

    def _is_cut_to_window(self, messages: tuple[Message, ...], prompt: int) -> bool:
        """Return whether servers truncate to this count: the window, or two above half of it (Ollama)."""
        if self.window is None:
            return False
        at_window = prompt >= self.window - AT_THE_WINDOW
        at_half = abs(prompt - self.window // 2 - 2) <= 2  # noqa: PLR2004
        expected = self._tokens(messages)
        return (at_window and expected.most > prompt) or (at_half and expected.least > prompt)

    def _is_new_part(self, messages: tuple[Message, ...], prompt: int) -> bool:
        """Return whether the server counted only what was not in its cache (older mlx-lm)."""
        known = self._known(messages)
        if known is None or prompt >= known.prompt * 9 // 10:
            return False  # a template may drop a few tokens of an earlier turn (thinking)
        return prompt <= _guess(messages[len(known.messages) :]).most * 2 + SMALLEST_ANSWER

    def _truncated(self, messages: tuple[Message, ...], prompt: int) -> ServerError:
        window = f" (its window is {self._window()})" if self.window else ""
        sent = self.estimate(messages)
        error = self._too_long(
            f"the server silently dropped a part of the prompt: it read {prompt:,} tokens{window},"
            f" about {sent:,} were sent",
            sent,
        )
        error.hint += "; if nothing was dropped: `-c truncation_check=false`"
        return error

    def _too_long(self, message: str, prompt: int) -> ServerError:
        answer = max(self.wanted or ANSWER_WITHOUT_WINDOW, round(self._longest_answer * 1.2))
        needed = max(prompt + answer, (self.window or 0) + 1)
        return ServerError(message, hint=self.facts.larger(needed), kind="context")

    def _window(self) -> str:
        """Return the window as text; both sizes if the server loaded less than the settings say."""
        if self.said is None or self.window is None or self.said <= self.window:
            return f"{self.window or 0:,}"
        return f"{self.window:,} (as it is loaded; `context_window` says {self.said:,})"


def _guess(messages: Sequence[Message]) -> Tokens:
    return sum((tokens(message.content) for message in messages), Tokens.exactly(TOKENS_PER_MESSAGE * len(messages)))

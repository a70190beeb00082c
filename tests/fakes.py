"""A scripted model: the `Chat` that the tests of the method ask."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from smol_dev.chat import Delta, Facts, Measured, Message, Note, Reply, Request, Retrying, StageName, Usage
from smol_dev.errors import SmolError

Answer = str | Reply | SmolError
Item = Delta | Retrying | Note | Reply


@dataclass
class FakeChat:
    """Answers each request with the next of `answers`, or with what a function of it says.

    A text is an answer that stopped by itself, a `Reply` is given as it is, an error is raised.
    Every request is kept in `requests`; `most_at_once` counts how many were open together. With `waits`
    other tasks have their turn between two items of an answer.
    """

    answers: Sequence[Answer] | Callable[[Request], Answer]
    known: Facts = field(default_factory=lambda: Facts(model="fake"))
    requests: list[Request] = field(default_factory=list)
    most_at_once: int = 0
    closed: int = 0
    measures: Measured = field(default_factory=Measured)
    measured: list[tuple[StageName, tuple[Message, ...]]] = field(default_factory=list)
    stepped_down: list[StageName] = field(default_factory=list)
    waits: bool = False
    _open: int = 0

    async def facts(self, stage: StageName) -> Facts:
        del stage
        return self.known

    async def measure(self, stage: StageName, messages: tuple[Message, ...]) -> Measured:
        self.measured.append((stage, messages))
        return self.measures

    async def ask(self, request: Request) -> AsyncGenerator[Item, None]:
        number = len(self.requests)
        self.requests.append(request)
        answer = self.answers(request) if callable(self.answers) else self.answers[number]
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            if isinstance(answer, SmolError):
                raise answer
            reply = answer if isinstance(answer, Reply) else Reply(answer, "stop", usage=Usage())
            if reply.text:
                yield Delta(reply.text)
            if self.waits:
                await asyncio.sleep(0)
            yield reply
        finally:
            self._open -= 1
            self.closed += 1

    def continues(self, stage: StageName) -> bool:
        del stage
        return self.known.continues

    def step_down(self, stage: StageName) -> None:
        self.stepped_down.append(stage)

    async def aclose(self) -> None:
        """Nothing is open."""

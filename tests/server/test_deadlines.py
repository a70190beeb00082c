"""Time in which this program did not run is not held against a server."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import pytest

from smol_dev.config.model import Profile
from smol_dev.errors import ServerError
from smol_dev.server.answer import Deadlines
from smol_dev.server.failures import Target
from smol_dev.server.transport import Network, Timeout
from tests.fake_server import FakeServer

Result = TypeVar("Result")


class StandingStill(asyncio.SelectorEventLoop):
    """An event loop whose clock can jump, as it does for a process that was stopped."""

    jumped = 0.0

    def time(self) -> float:
        return super().time() + self.jumped

    def stand_still(self) -> None:
        self.jumped += 1_000


def run(main: Coroutine[Any, Any, Result]) -> Result:
    with asyncio.Runner(loop_factory=StandingStill) as runner:
        return runner.run(main)


def stand_still() -> StandingStill:
    """Let the clock of the running loop jump in its next round."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, StandingStill)
    loop.call_soon(loop.stand_still)
    return loop


def test_a_connection_is_made_though_the_program_stood_still() -> None:
    async def connect(port: int) -> object:
        stand_still()
        stream = await Network(connect_timeout=5).connect_tcp("127.0.0.1", port)
        address = stream.get_extra_info("peername")
        await stream.aclose()
        return address

    with FakeServer() as server:
        assert run(connect(server.port)) == ("127.0.0.1", server.port)


def test_a_timeout_ends() -> None:
    async def wait() -> None:
        async with Timeout(0.02).running():
            await asyncio.get_running_loop().create_future()

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    assert time.monotonic() - started >= 0.02


def test_a_timeout_is_shared_by_waits_in_turn() -> None:
    async def wait() -> None:
        timeout = Timeout(0.02)
        with pytest.raises(TimeoutError):
            async with timeout.running():
                await asyncio.get_running_loop().create_future()
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with timeout.running():
                await asyncio.get_running_loop().create_future()
        assert time.monotonic() - started < 0.02

    asyncio.run(wait())


def read_after_standing_still(*, come: bool) -> bytes | None:
    """What is made of bytes that came, or did not, while the program stood still."""

    async def chunks() -> AsyncIterator[bytes]:
        loop = stand_still()
        received = loop.create_future()
        if come:  # to light in the round in which the timer is due, as what a socket received does
            loop.call_soon(loop.call_soon, received.set_result, b"data: {}")
        yield await received

    async def read() -> bytes | None:
        profile = Profile(model="m", first_token_timeout=0.02)
        asked = Target("http://127.0.0.1:1/v1", "m", None)
        deadlines = Deadlines(profile, asked, asyncio.get_running_loop().time)
        try:
            return await deadlines.wait(anext(chunks(), None))
        finally:
            deadlines.close()

    return run(read())


def test_bytes_that_came_while_the_program_stood_still_are_read() -> None:
    assert read_after_standing_still(come=True) == b"data: {}"


def test_a_server_that_says_nothing_afterwards_is_given_up() -> None:
    with pytest.raises(ServerError, match=r"no first token from .* within 0\.02 s"):
        read_after_standing_still(come=False)


def test_an_answer_may_take_longer_than_it_may_be_silent() -> None:
    async def read() -> None:
        asked = Target("http://127.0.0.1:1/v1", "m", None)
        deadlines = Deadlines(Profile(model="m", timeout=0.2), asked, time.monotonic)
        for _ in range(5):
            await deadlines.wait(asyncio.sleep(0.08))
            deadlines.note_progress()
        deadlines.close()

    asyncio.run(read())

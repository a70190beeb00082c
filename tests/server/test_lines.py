"""How many connections there are, and that none is lost to the next request."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from smol_dev.errors import ServerError
from smol_dev.server.transport import open_client
from tests.fake_server import Canned, FakeServer, json_answer


def test_as_many_connections_as_requests_at_once_each_used_again() -> None:
    async def ask(url: str) -> None:
        async with open_client(url, environ={}) as client:
            for _ in range(3):
                async with AsyncExitStack() as stack:
                    streams = [client.stream("GET", url) for _ in range(4)]
                    answers = [await stack.enter_async_context(stream) for stream in streams]
                    for answer in answers:
                        await answer.aread()

    with FakeServer(json_answer({})) as server:
        asyncio.run(ask(server.base_url))
    assert (len(server.requests), server.connections) == (12, 4)


@pytest.mark.parametrize("begun", [False, True], ids=["before an answer", "within an answer"])
def test_a_dropped_request_leaves_its_line_to_the_next(*, begun: bool) -> None:
    head = b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf" if begun else b""
    stalled = Canned(raw=head, end="stall")

    async def ask(server: FakeServer) -> object:
        async with open_client(server.base_url, environ={}) as client:
            first = asyncio.create_task(client.get(server.base_url))
            await asyncio.to_thread(server.asked.wait, 10)
            first.cancel()
            await asyncio.wait([first])
            assert first.cancelled()
            return (await client.get(server.base_url)).json()

    with FakeServer([stalled, json_answer({"second": True})]) as server:
        assert asyncio.run(ask(server)) == {"second": True}
    assert server.connections == 2


def test_no_certificates_are_read_for_a_plain_address(tmp_path: Path) -> None:
    environ = {"SSL_CERT_FILE": str(tmp_path / "none.pem")}

    async def ask(url: str) -> object:
        async with open_client(url, environ=environ) as client:
            return (await client.get(url)).json()

    with FakeServer(json_answer({"plain": True})) as server:
        assert asyncio.run(ask(server.base_url)) == {"plain": True}


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    with pytest.raises(ServerError) as caught:
        open_client("https://example.com/v1", environ={"SSL_CERT_FILE": str(missing)})
    assert (caught.value.message, caught.value.hint) == (
        f"the certificates of SSL_CERT_FILE (`{missing}`) cannot be read: No such file or directory",
        "correct SSL_CERT_FILE, or unset it to trust the system's certificates",
    )

"""What may leave this machine, where to, and what may come back."""

import asyncio
import contextlib
import gzip
import queue
import select
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from smol_dev import __version__
from smol_dev.config.endpoint import LOOKED_UP
from smol_dev.config.secret import NO_SECRETS, Bound
from smol_dev.errors import ServerError
from smol_dev.server import transport
from smol_dev.server.transport import open_client, proxy_for, shown
from tests.fake_server import Canned, FakeServer, json_answer, refusing_port, text_answer

KEY = {"Authorization": "Bearer canary-key"}


def get(
    url: str,
    *,
    secrets: Bound = NO_SECRETS,
    environ: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    connect_timeout: float = 5,
    times: int = 1,
    opened_for: str = "",
) -> httpx2.Response:
    """The last of the answers to so many GETs of one client."""

    async def ask() -> httpx2.Response:
        async with open_client(
            opened_for or url, secrets=secrets, environ=environ or {}, connect_timeout=connect_timeout
        ) as client:
            for _ in range(times):
                response = await client.get(url, headers=headers)
            return response

    return asyncio.run(ask())


@contextlib.contextmanager
def mute() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_key_goes_to_its_origin_and_no_other() -> None:
    with FakeServer(json_answer({})) as good, FakeServer(json_answer({})) as evil:
        key = Bound(good.origin, KEY)
        get(f"{good.base_url}/models", secrets=key)
        get(f"{evil.base_url}/models", secrets=key)
        get(f"http://localhost:{good.port}/v1/models", secrets=key)
    assert [request.headers.get("authorization") for request in good.requests] == ["Bearer canary-key", None]
    assert "authorization" not in evil.requests[0].headers


def test_a_key_follows_no_request_of_the_same_client_to_another_port() -> None:
    with FakeServer(json_answer({})) as good, FakeServer(json_answer({})) as evil:
        get(evil.base_url, secrets=Bound(good.origin, KEY), opened_for=good.base_url)
    assert "canary" not in str(evil.requests)


def test_a_request_says_nothing_but_what_it_must() -> None:
    with FakeServer(json_answer({})) as server:
        get(
            server.base_url,
            headers={
                "cookie": "a=canary",
                "authorization": "Bearer canary",
                "openai-organization": "canary",
                "x-stainless-os": "canary",
                "x-custom": "canary",
            },
        )
    assert dict(server.requests[0].headers) == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "*/*",
        "connection": "keep-alive",
        "accept-encoding": "identity",
        "user-agent": f"smol_dev/{__version__}",
    }


def test_cookies_are_not_sent_back() -> None:
    with FakeServer(json_answer({}, set_cookie="session=1")) as server:
        get(server.base_url, times=2)
    assert "cookie" not in server.requests[1].headers


def test_a_redirect_is_not_followed() -> None:
    with FakeServer() as evil:
        to_evil = Canned(307, {"location": evil.base_url})
        with FakeServer(to_evil) as good:
            response = get(good.base_url, secrets=Bound(good.origin, KEY))
    assert (response.status_code, evil.connections) == (307, 0)


@pytest.mark.parametrize("coding", ["deflate, gzip", "br", "ZSTD"])
def test_an_answer_in_another_coding_is_refused_and_named(coding: str) -> None:
    answer = Canned(200, {"content-encoding": coding}, [b"x"])
    with FakeServer(answer) as server, pytest.raises(ServerError) as caught:
        get(server.base_url)
    assert caught.value.message == (f"the server sent an answer in `{coding.lower()}`, which was not asked for")
    assert caught.value.hint == "switch compression off in the gateway in front of the server"
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("X-GZip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_answer_is_read_all_the_same(coding: str, compress: Callable[[bytes], bytes]) -> None:
    whole = compress(b'{"data": []}' * 50_000)
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    with FakeServer(Canned(200, {"content-encoding": coding}, pieces)) as server:
        assert get(server.base_url).content == b'{"data": []}' * 50_000


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(gzip.compress(b"x" * 50_000_000), ServerError, id="a bomb"),
        pytest.param(gzip.compress(b"x" * 5_000)[:-12], httpx2.RemoteProtocolError, id="cut"),
        pytest.param(b"not compressed", httpx2.RemoteProtocolError, id="not compressed"),
    ],
)
def test_a_compressed_answer_that_cannot_be_read_ends_the_request(body: bytes, error: type[Exception]) -> None:
    with FakeServer(Canned(200, {"content-encoding": "gzip"}, [body])) as server, pytest.raises(error):
        get(server.base_url)


def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST_PROBE_BYTES", 1000)
    with FakeServer([text_answer("x" * 1000), text_answer("x" * 1001)]) as server:
        assert len(get(server.base_url).content) == 1000
        with pytest.raises(ServerError, match="the server's answer is longer than"):
            get(server.base_url)


def test_of_an_error_the_beginning_is_read() -> None:
    with FakeServer(text_answer("x" * 3_000_000, status=500)) as server:
        response = get(server.base_url)
    assert len(response.content) == 64 * 1024


@contextlib.contextmanager
def says(answer: bytes, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port that answers the first bytes it gets with these."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


@contextlib.contextmanager
def pours(size: int) -> Iterator[tuple[int, "queue.SimpleQueue[int]"]]:
    """A port that answers with `size` bytes as fast as they are taken; the queue tells how many left before a wait."""
    sent: queue.SimpleQueue[int] = queue.SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 X\r\ncontent-length: %d\r\n\r\n" % size)
                left = memoryview(bytes(size))
                while left and select.select([], [connection], [], 0.5)[1]:
                    left = left[connection.send(left[:65_536], socket.MSG_DONTWAIT) :]
                sent.put(size - len(left))
                connection.sendall(left)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], sent
        thread.join(10)


def test_a_server_is_slowed_down_while_its_answer_is_not_read() -> None:
    size = 48 * 1024**2

    async def ask(port: int, sent: "queue.SimpleQueue[int]") -> tuple[int, int]:
        url = f"http://127.0.0.1:{port}/"
        async with open_client(url, environ={}) as client, client.stream("POST", url) as answer:
            chunks = aiter(answer.aiter_raw())
            read = len(await anext(chunks))
            before_a_wait = await asyncio.to_thread(sent.get, timeout=30)
            async for chunk in chunks:
                read += len(chunk)
            return before_a_wait, read

    with pours(size) as (port, sent):
        before_a_wait, read = asyncio.run(ask(port, sent))
    assert before_a_wait < size // 2  # the system's own buffers, and 256 KiB of ours
    assert read == size


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_localhost_is_tried_at_ipv6_where_ipv4_refuses() -> None:
    with says(b"HTTP/1.1 204 X\r\n\r\n", host="::1", port=refusing_port()) as port:
        assert get(f"http://localhost:{port}/").status_code == 204


def test_a_name_that_was_looked_up_is_reached_at_the_address_that_was_checked() -> None:
    with FakeServer(json_answer({})) as server:
        LOOKED_UP["nas.lan"] = ("127.0.0.1",)
        url = f"http://nas.lan:{server.port}/v1"
        assert get(url).status_code == 200
        assert server.requests[0].headers["host"] == f"nas.lan:{server.port}"


def test_a_refused_connection_says_so() -> None:
    with pytest.raises(httpx2.ConnectError) as caught:
        get(f"http://localhost:{refusing_port()}/")
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_one_deadline_holds_for_tcp_and_tls() -> None:
    with mute() as port, pytest.raises(httpx2.ConnectTimeout, match="no TLS within the time"):
        get(f"https://127.0.0.1:{port}/", connect_timeout=0.1)


def test_tls_with_a_plain_server_is_an_error_of_tls() -> None:
    plain = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with says(plain) as port, pytest.raises(httpx2.ConnectError) as caught:
        get(f"https://127.0.0.1:{port}/")
    assert isinstance(caught.value.__cause__, ssl.SSLError)


def test_a_connection_closed_as_it_is_used_again_costs_nothing() -> None:
    lost = Canned(raw=b"", end="close")
    with FakeServer([json_answer({}), lost, json_answer({"second": True})]) as server:
        response = get(server.base_url, times=2)
    assert response.json() == {"second": True}
    assert server.connections == 2


def test_a_new_connection_that_is_closed_is_an_error() -> None:
    lost = Canned(raw=b"", end="close")
    with FakeServer(lost) as server, pytest.raises(httpx2.RemoteProtocolError):
        get(server.base_url)
    assert len(server.requests) == 1


PROXIES = {"HTTP_PROXY": "http://one:1", "HTTPS_PROXY": "two:2", "NO_PROXY": ".exempt.org,10.1.0.0/16"}


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        pytest.param("http://localhost:1/v1", PROXIES, None, id="localhost"),
        pytest.param("http://127.0.0.1:1/v1", PROXIES, None, id="loopback"),
        pytest.param("http://[::1]:1/v1", PROXIES, None, id="IPv6 loopback"),
        pytest.param("http://192.168.1.2/v1", PROXIES, None, id="private"),
        pytest.param("http://box.local/v1", PROXIES, None, id="a local name"),
        pytest.param("https://api.example.com/v1", PROXIES, "http://two:2", id="https"),
        pytest.param("http://8.8.8.8/v1", PROXIES, "http://one:1", id="http"),
        pytest.param("https://a.org/v1", {"all_proxy": "http://all:3"}, "http://all:3", id="all_proxy"),
        pytest.param(
            "https://a.org/v1",
            {"https_proxy": "http://lower:1", "HTTPS_PROXY": "http://upper:1"},
            "http://lower:1",
            id="lower case first",
        ),
        pytest.param("https://a.org/v1", {"HTTPS_PROXY": ""}, None, id="empty is unset"),
        pytest.param("https://api.exempt.org/v1", PROXIES, None, id="exempt domain"),
        pytest.param("https://exempt.org/v1", PROXIES, None, id="the domain itself"),
        pytest.param("https://notexempt.org/v1", PROXIES, "http://two:2", id="another domain"),
        pytest.param("https://a.org/v1", {**PROXIES, "no_proxy": "*"}, None, id="everything"),
        pytest.param("https://a.org:8443/v1", {**PROXIES, "no_proxy": "a.org:443"}, "http://two:2", id="another port"),
        pytest.param("https://a.org/v1", {**PROXIES, "no_proxy": "a.org:443"}, None, id="port"),
        pytest.param("https://8.8.8.8/v1", {**PROXIES, "no_proxy": "8.8.0.0/16"}, None, id="a network"),
    ],
)
def test_the_proxy_of_an_address(url: str, environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(url, environ) == proxy


def test_a_proxy_is_shown_without_its_password() -> None:
    assert shown("http://me:canary@proxy:8080") == "http://proxy:8080"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://", "http://[::1:9"])
def test_a_proxy_that_cannot_be_used_is_an_error(proxy: str) -> None:
    with pytest.raises(ServerError) as caught:
        get("https://example.com/v1", environ={"ALL_PROXY": proxy})
    assert caught.value.message == (f"the proxy {proxy} that the environment names is no HTTP proxy")


def test_a_proxy_gets_its_password_and_no_key() -> None:
    with FakeServer(Canned(403)) as proxy:
        environ = {"HTTPS_PROXY": f"http://me:secret@127.0.0.1:{proxy.port}"}
        key = Bound("https://example.com", KEY)
        with pytest.raises(httpx2.ProxyError, match="403"):
            get("https://example.com/v1/models", secrets=key, environ=environ)
    [request] = proxy.requests
    assert (request.method, request.path) == ("CONNECT", "example.com:443")
    assert request.headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
    assert "canary" not in str(request)


def test_a_proxy_gets_nothing_of_a_local_server() -> None:
    with FakeServer() as proxy, FakeServer(text_answer("hi")) as server:
        environ = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy.origin)
        assert get(server.base_url, environ=environ).text == "hi"
        assert get(server.base_url, environ=environ, opened_for="https://example.com").text == "hi"
    assert proxy.connections == 0


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
def test_a_dropped_request_leaves_its_place_to_the_next(*, begun: bool) -> None:
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


def test_a_client_behind_a_proxy_asks_a_local_server_directly() -> None:
    async def ask(environ: Mapping[str, str], *urls: str) -> list[str]:
        async with open_client(urls[0], environ=environ) as client:
            return [(await client.get(url)).text for url in urls]

    with FakeServer(text_answer("proxied")) as proxy, FakeServer(text_answer("direct")) as server:
        said = asyncio.run(ask({"HTTP_PROXY": proxy.origin}, "http://example.com/", server.base_url))
    assert (said, len(proxy.requests)) == (["proxied", "direct"], 1)

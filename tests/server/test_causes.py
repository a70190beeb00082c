"""Why no answer came: the reason below whatever was raised."""

import asyncio
import socket
import ssl

import httpx2
import openai
import pytest

from smol_dev.server.failures import Target, unreachable
from smol_dev.server.known import FailureKind
from tests.fake_server import refusing_port
from tests.server.told import URL, known


def caused(error: BaseException, *causes: BaseException) -> BaseException:
    link = error
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return error


REQUEST = httpx2.Request("POST", URL)


CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")


OTHER_NAME = ssl.SSLCertVerificationError(
    1, "certificate verify failed: Hostname mismatch, certificate is not valid for 'localhost'."
)
OTHER_ADDRESS = ssl.SSLCertVerificationError(
    1, "certificate verify failed: IP address mismatch, certificate is not valid for '127.0.0.1'."
)
EXPIRED = ssl.SSLCertVerificationError(1, "certificate verify failed: certificate has expired")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OTHER_NAME, "its certificate is for another name"),
        (OTHER_ADDRESS, "its certificate is for another name"),
        (EXPIRED, "its certificate has expired"),
        (CERTIFICATE, "its certificate is not trusted"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(error: BaseException, says: str) -> None:
    found = unreachable(caused(httpx2.ConnectError("x"), error), Target(URL, "m", None))
    assert (found.kind, found.message) == ("tls", f"no secure connection with {URL}: {says}")


REASONS: list[tuple[BaseException, FailureKind, str]] = [
    (
        caused(
            openai.APIConnectionError(request=REQUEST), httpx2.ConnectError("x"), ConnectionRefusedError(111, "refused")
        ),
        "not_running",
        "llama-server -m",
    ),
    (httpx2.ConnectError("All connection attempts failed"), "not_running", "llama-server -m"),
    (OSError(113, "No route to host"), "not_running", "that machine is up"),
    (httpx2.ConnectError("[Errno -2] Name or service not known"), "dns", "check the name"),
    (caused(httpx2.ConnectError("x"), socket.gaierror(8, "nodename nor servname provided")), "dns", "check the name"),
    (caused(httpx2.ConnectError("x"), CERTIFICATE), "tls", "SSL_CERT_FILE=FILE"),
    (httpx2.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), "tls", "`http://` instead of `https://`"),
    (caused(httpx2.ConnectError("x"), ssl.SSLError(1, "[SSL] record layer failure")), "tls", "`http://` instead"),
    (httpx2.ProxyError("407 Proxy Authentication Required"), "proxy", "NO_PROXY"),
    (httpx2.ConnectTimeout("x"), "timeout", "first_token_timeout"),
    (openai.APITimeoutError(request=REQUEST), "timeout", "first_token_timeout"),
    (TimeoutError(), "timeout", "first_token_timeout"),
    (httpx2.RemoteProtocolError("peer closed connection"), "cut", "smol_dev doctor"),
    (caused(httpx2.ReadError("x"), ConnectionResetError(104, "reset")), "cut", "smol_dev doctor"),
    (httpx2.UnsupportedProtocol("x"), "wrong_path", "http://HOST:PORT/v1"),
    (httpx2.InvalidURL("x"), "wrong_path", "http://HOST:PORT/v1"),
    (FileNotFoundError(2, "x"), "tls", "SSL_CERT_FILE"),
    (httpx2.LocalProtocolError("Illegal header value"), "key", "copy the key again"),
    (RuntimeError("odd\x1b"), "server", "smol_dev doctor"),
]


@pytest.mark.parametrize(
    ("raised", "kind", "hint"), REASONS, ids=[f"{row[1]}-{type(row[0]).__name__}" for row in REASONS]
)
def test_the_reason_is_found_below_what_was_raised(raised: BaseException, kind: FailureKind, hint: str) -> None:
    found = unreachable(raised, Target(URL, "m", None))
    assert (found.kind, hint in found.hint, found.transient) == (kind, True, kind == "cut")
    assert found.message.isprintable()


def test_an_address_where_nothing_listens_says_so_and_what_runs_instead() -> None:
    base_url = f"http://localhost:{refusing_port()}/v1"

    async def ask() -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            await client.get(base_url)

    with pytest.raises(httpx2.ConnectError) as caught:
        asyncio.run(ask())
    running = ("LM Studio at http://localhost:1234/v1",)
    asked = Target(base_url, "m", known("Ollama"), running=running)
    found = unreachable(caught.value, asked)
    assert found.message == f"nothing answers at {base_url}"
    assert found.hint == (
        "running instead: LM Studio at http://localhost:1234/v1; start it: `ollama serve`, or open the Ollama app"
    )


def test_behind_a_proxy_it_is_the_proxy_that_fails() -> None:
    asked = Target("https://api.example/v1", "m", None, proxy="http://proxy:3128")
    found = unreachable(ConnectionRefusedError(111, "refused"), asked)
    assert (found.kind, "http://proxy:3128" in found.message) == ("proxy", True)

"""The client against scripted servers on loopback: what is sent, what comes back, what is tried again."""

import asyncio
import gc
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smol_dev.chat import Delta, Facts, Message, Note, Reply, Request, Retrying, StageName, Usage
from smol_dev.config.model import Profile, Stage
from smol_dev.config.secret import NO_SECRETS, Bound
from smol_dev.errors import ServerError
from smol_dev.server.client import Client
from smol_dev.server.known import Response
from tests.fake_server import (
    NOWHERE,
    Answers,
    Canned,
    FakeServer,
    Received,
    answered,
    delta,
    json_answer,
    refusing_port,
    sse,
    text_answer,
)

TURNS = (Message("system", "be exact"), Message("user", "hello"))
REQUEST = Request("plan", TURNS, max_tokens=100)
LISTING = Request("files", TURNS, max_tokens=100, schema={"type": "object"})
Item = Delta | Retrying | Note | Reply


def profile_for(base_url: str, **settings: Any) -> Profile:  # noqa: ANN401 - settings
    """Settings that leave nothing about sampling to be asked from the server."""
    usual = {"model": "m", "provider": "llamacpp", "temperature": 0.2, "top_p": 0.95}
    return Profile(base_url=base_url, **{**usual, **settings})


def ask(
    profile: Profile,
    request: Request = REQUEST,
    *,
    secrets: Bound = NO_SECRETS,
    environ: dict[str, str] | None = None,
    cache_dir: Path | None = None,
    times: int = 1,
) -> list[Item]:
    """All items of an answer; waiting between tries is only noted, not done."""

    async def no_sleep(_seconds: float) -> None:
        return None

    async def collect() -> list[Item]:
        client = Client(profile, secrets, environ=environ or NOWHERE, cache_dir=cache_dir, sleep=no_sleep)
        try:
            return [item for _ in range(times) async for item in client.ask(request)]
        finally:
            await client.aclose()

    return asyncio.run(collect())


def served(
    answers: Answers,
    request: Request = REQUEST,
    **settings: Any,  # noqa: ANN401 - settings
) -> tuple[list[Item], FakeServer]:
    with FakeServer(answers) as server:
        return ask(profile_for(server.base_url, **settings), request), server


def reply_of(items: Sequence[Item]) -> Reply:
    [reply] = [item for item in items if isinstance(item, Reply)]
    assert items[-1] is reply
    return reply


def failure(answers: Answers, **settings: Any) -> ServerError:  # noqa: ANN401 - settings
    with pytest.raises(ServerError) as caught:
        served(answers, **settings)
    return caught.value


def test_an_answer_comes_in_pieces_and_ends_in_the_reply() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    items, _ = served(sse(delta("he"), delta("llo"), delta(finish="stop", usage=usage), "[DONE]"))
    assert items[:2] == [Delta("he"), Delta("llo")]
    reply = reply_of(items)
    assert (reply.text, reply.finish_reason, reply.usage, reply.failure) == ("hello", "stop", Usage(9, 4, 2), None)


def test_the_request_says_everything_and_nothing_that_is_null() -> None:
    _, server = served(
        answered("hi"),
        seed=7,
        temperature=0.5,
        top_p=0.9,
        reasoning="off",
        extra_body={"top_k": 20},
        code=Stage(model="other"),
    )
    [request] = server.chats
    assert request.path == "/v1/chat/completions"
    assert request.json() == {
        "model": "m",
        "messages": [{"role": "system", "content": "be exact"}, {"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "chat_template_kwargs": {"enable_thinking": False},
        "top_k": 20,
    }


def test_a_stage_is_asked_of_its_own_model() -> None:
    with FakeServer(answered("hi")) as server:
        ask(profile_for(server.base_url, files=Stage(model="other")), LISTING)
    assert server.chats[0].json()["model"] == "other"


def test_reasoning_is_kept_apart() -> None:
    items, _ = served(sse(delta("", reasoning_content="hm"), delta("yes"), delta(finish="stop")))
    assert items[:2] == [Delta("", "hm"), Delta("yes")]
    assert (reply_of(items).text, reply_of(items).reasoning) == ("yes", "hm")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            json_answer({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}),
            id="JSON in place of a stream",
        ),
        pytest.param(sse(delta("yes", finish="stop")), id="no [DONE]"),
        pytest.param(
            Canned(
                200, {"content-type": "text/event-stream"}, [f"data: {delta('yes', finish='stop')}".encode()], "close"
            ),
            id="no blank line at the end",
        ),
        pytest.param(sse(delta("yes"), delta(finish="stop"), end="reset"), id="reset after the finish reason"),
    ],
)
def test_a_finish_reason_is_all_that_makes_an_answer_complete(answer: Canned) -> None:
    reply = reply_of(served(answer)[0])
    assert (reply.text, reply.finish_reason, reply.failure) == ("yes", "stop", None)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(
            sse(delta("ha"), "[DONE]"), "ended its answer without a finish reason", id="[DONE] without finish reason"
        ),
        pytest.param(sse(delta("ha")), "ended its answer without a finish reason", id="a clean end"),
        pytest.param(
            sse(delta("ha"), end="reset"), "closed the connection before the answer was complete", id="a reset"
        ),
    ],
)
def test_without_a_finish_reason_an_answer_is_not_whole(answer: Canned, message: str) -> None:
    items, server = served(answer)
    reply = reply_of(items)
    assert (reply.text, reply.finish_reason) == ("ha", None)
    assert isinstance(reply.failure, ServerError)
    assert reply.failure.message == f"llama.cpp at {server.base_url} {message}"
    assert (reply.failure.kind, reply.failure.transient) == ("cut", True)


@pytest.mark.parametrize(
    "word",
    "stop STOP Stop eos eos_token EOS_TOKEN eosToken end_turn END_TURN endTurn EndTurn stop_sequence"
    " stopSequence stop_token StopToken complete COMPLETED end".split(),
)
def test_a_word_for_the_models_own_end_makes_an_answer_whole(word: str) -> None:
    reply = reply_of(served(sse(delta("ha"), delta(finish=word), "[DONE]"))[0])
    assert (reply.ending, reply.failure) == ("stopped", None)


@pytest.mark.parametrize(
    "word",
    "length max_tokens MAX_TOKENS maxTokens max_output_tokens model_length content_filter SAFETY"
    " model_context_window_exceeded network_error timeout insufficient_system_resource tool_calls"
    " load unload stopped none finished ok stop_limit".split(),
)
def test_any_other_word_is_a_cut(word: str) -> None:
    reply = reply_of(served(sse(delta("ha"), delta(finish=word), "[DONE]"))[0])
    assert (reply.finish_reason, reply.ending) == (word, "cut")


@pytest.mark.parametrize("end", [["[DONE]"], []], ids=["[DONE]", "a clean end"])
@pytest.mark.parametrize("word", [None, "", "null"])
def test_an_end_without_a_word_is_said_once_a_server(word: str | None, end: list[str]) -> None:
    with FakeServer(sse(delta("ha"), delta(finish=word), *end)) as server:
        items = ask(profile_for(server.base_url), times=2)
    note = Note(
        f"llama.cpp at {server.base_url} does not say why it stops: "
        "an answer counts as whole when its code block is closed"
    )
    assert [item for item in items if isinstance(item, Note)] == [note]
    assert [item.ending for item in items if isinstance(item, Reply)] == ["unsaid", "unsaid"]


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        pytest.param(
            sse(delta("", reasoning="hm", finish="stop"), delta("h"), delta("i"), "[DONE]"),
            "stopped",
            id="on the first piece of reasoning",
        ),
        pytest.param(
            sse(delta("h", finish="stop"), delta("i", finish="stop"), "[DONE]"), "stopped", id="in every chunk"
        ),
        pytest.param(
            sse(delta("h", finish="stop"), delta("i", finish="stop"), end="reset"),
            "cut",
            id="in every chunk of an answer that breaks off",
        ),
        pytest.param(
            sse(delta("h", finish="stop"), delta("i"), delta(finish="stop"), end="reset"),
            "stopped",
            id="and again alone at the end",
        ),
        pytest.param(
            sse(delta("h", finish="stop"), delta("i"), '{"error": "boom"}', "[DONE]"),
            "cut",
            id="and an error behind the text",
        ),
    ],
)
def test_text_behind_an_early_finish_reason_counts(answer: Canned, ending: str) -> None:
    reply = reply_of(served(answer)[0])
    assert (reply.text, reply.ending, reply.failure is None) == ("hi", ending, ending == "stopped")


def test_text_behind_a_finish_reason_restarts_the_silence_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smol_dev.server.answer.AFTER_FINISH", 1.0)
    pieces = sse(delta("h", finish="stop"), delta("i"), delta("!"), delta(finish="stop"))
    reply = reply_of(served(replace(pieces, pause=0.6))[0])
    assert (reply.text, reply.ending) == ("hi!", "stopped")


def test_an_answer_of_tool_calls_alone_is_called_that() -> None:
    call = {"index": 0, "function": {"name": "write_file", "arguments": "{}"}}
    answer = sse(delta(tool_calls=[call]), delta(finish="tool_calls"), "[DONE]")
    items, server = served(answer)
    failed = reply_of(items).failure
    assert failed is not None
    assert failed.message == (f"llama.cpp at {server.base_url} answered with a tool call and no text")


def test_an_error_within_a_choice_is_told_in_the_providers_words() -> None:
    choice = {"error": {"code": 502, "message": "Upstream went away"}, "finish_reason": "error"}
    reply = reply_of(served(sse(delta("ha"), json.dumps({"choices": [choice]}), "[DONE]"))[0])
    assert (reply.text, reply.ending) == ("ha", "cut")
    assert reply.failure is not None
    assert "(it says: Upstream went away)" in reply.failure.message


def test_a_stream_cut_at_any_byte_is_never_taken_for_whole() -> None:
    whole = f"data: {delta('he')}\n\ndata: {delta('llo', finish='stop')}\n\n".encode()
    kind = {"content-type": "text/event-stream"}
    cuts = [Canned(200, kind, [whole[:cut]], "close") for cut in range(len(whole) + 1)]

    async def ask_each(base_url: str) -> list[Reply | ServerError]:
        client = Client(profile_for(base_url, max_retries=0), environ=NOWHERE)
        ended: list[Reply | ServerError] = []
        for _ in cuts:
            try:
                ended += [item async for item in client.ask(REQUEST) if isinstance(item, Reply)]
            except ServerError as error:
                ended.append(error)
        await client.aclose()
        return ended

    with FakeServer(cuts) as server:
        ended = asyncio.run(ask_each(server.base_url))
    first, second = (whole.index(b"}\n\n", at) + 1 for at in (0, whole.index(b"llo")))
    for cut, end in enumerate(ended):
        if cut < first:  # nothing of the answer has come
            assert isinstance(end, ServerError)
            continue
        assert isinstance(end, Reply)
        found = (end.text, end.finish_reason, end.failure is None)
        assert found == (("hello", "stop", True) if cut >= second else ("he", None, False))


def test_an_error_in_the_stream_before_the_first_token_is_an_error() -> None:
    error = failure(sse('{"error": {"message": "Context size has been exceeded."}}'))
    assert error.kind == "context"


def test_an_error_in_mid_stream_ends_in_a_reply_that_holds_it() -> None:
    reply = reply_of(served(sse(delta("ha"), '{"error": {"message": "boom"}}', "[DONE]"))[0])
    assert (reply.text, reply.finish_reason) == ("ha", None)
    assert reply.failure is not None
    assert "boom" in reply.failure.message


def test_busy_is_tried_again_and_the_user_is_told() -> None:
    busy = json_answer({"error": {"message": "server busy"}}, status=503)
    items, server = served([busy, busy, answered("hi")])
    assert [item.attempt for item in items if isinstance(item, Retrying)] == [1, 2]
    assert reply_of(items).text == "hi"
    assert len(server.chats) == 3


def test_a_model_that_keeps_loading_is_given_up_at_the_first_token_timeout() -> None:
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        assert now[0] < 10

    async def ask_once(url: str) -> None:
        profile = profile_for(url, first_token_timeout=5)
        client = Client(profile, environ=NOWHERE, clock=lambda: now[0], sleep=sleep)
        try:
            async for _ in client.ask(REQUEST):
                pass
        finally:
            await client.aclose()

    loading = json_answer({"error": {"message": "Loading model", "code": 503}}, status=503)
    with FakeServer(loading) as server, pytest.raises(ServerError) as caught:
        asyncio.run(ask_once(server.base_url))
    assert (caught.value.kind, now, len(server.chats)) == ("loading", [4.0], 3)


def test_loading_is_waited_for_beyond_max_retries() -> None:
    loading = json_answer({"error": {"message": "Loading model", "code": 503}}, status=503)
    items, server = served([loading] * 5 + [answered("hi")], max_retries=0)
    assert len([item for item in items if isinstance(item, Retrying)]) == 5
    assert len(server.chats) == 6


def test_a_refused_field_is_left_out_once_and_remembered_for_the_run() -> None:
    refusal = json_answer({"error": {"message": "Unrecognized request argument supplied: seed"}}, status=400)

    def answer(request: Any) -> Canned:  # noqa: ANN401 - a Received
        return refusal if "seed" in request.json() else answered("hi")

    with FakeServer(answer) as server:
        items = ask(profile_for(server.base_url, seed=1, max_retries=0), times=2)
    assert [item.message for item in items if isinstance(item, Note)] == ["the server refuses `seed`; it is left out"]
    assert ["seed" in request.json() for request in server.chats] == [True, False, False]


def test_a_refused_system_role_goes_into_the_first_request() -> None:
    refusal = json_answer({"error": {"message": "System role not supported"}}, status=400)

    def answer(request: Any) -> Canned:  # noqa: ANN401 - a Received
        return refusal if request.json()["messages"][0]["role"] == "system" else answered("hi")

    _, server = served(answer)
    assert server.chats[1].json()["messages"] == [{"role": "user", "content": "be exact\n\nhello"}]


@pytest.mark.parametrize(
    ("message", "is_refused"),
    [
        pytest.param("Unrecognized request argument: seed", lambda body: "seed" in body, id="a field"),
        pytest.param("System role not supported", lambda body: body["messages"][0]["role"] == "system", id="system"),
        pytest.param("response_format is not supported", lambda body: "response_format" in body, id="the form"),
        pytest.param(
            "max_tokens: 100 > 80, which is the maximum allowed number of output tokens for m",
            lambda body: body["max_tokens"] == 100,
            id="the length",
        ),
    ],
)
def test_what_one_request_learns_of_a_refusal_helps_those_sent_at_the_same_time(
    message: str, is_refused: Callable[[Any], bool]
) -> None:
    refusal = json_answer({"error": {"message": message}}, status=400)

    def answer(request: Received) -> Canned:
        return refusal if is_refused(request.json()) else answered("hi")

    async def ask_at_once(base_url: str) -> list[list[Item]]:
        client = Client(profile_for(base_url, seed=1, max_retries=0, structured_output="json_object"), environ=NOWHERE)

        async def one() -> list[Item]:
            return [item async for item in client.ask(LISTING)]

        try:
            return list(await asyncio.gather(one(), one(), one()))
        finally:
            await client.aclose()

    with FakeServer(answer) as server:
        found = asyncio.run(ask_at_once(server.base_url))
    assert [reply_of(items).text for items in found] == ["hi", "hi", "hi"]
    assert [is_refused(each.json()) for each in server.chats].count(True) == 3
    assert len([item for items in found for item in items if isinstance(item, Note)]) == 1


def test_structured_output_steps_down_and_is_remembered_for_the_next_run(tmp_path: Path) -> None:
    refusal = json_answer({"error": {"message": "response_format is not supported"}}, status=400)

    def answer(request: Any) -> Canned:  # noqa: ANN401 - a Received
        return refusal if "response_format" in request.json() else answered("[]")

    with FakeServer(answer) as server:
        profile = profile_for(server.base_url)
        ask(profile, LISTING, cache_dir=tmp_path)
        first = len(server.chats)
        ask(profile, LISTING, cache_dir=tmp_path)
    kinds = [(request.json().get("response_format") or {}).get("type") for request in server.chats]
    assert kinds[:first] == ["json_schema", "json_object", None]
    assert kinds[first:] == [None]


def test_structured_output_off_asks_in_words_alone() -> None:
    _, server = served(answered("[]"), LISTING, structured_output="off")
    assert "response_format" not in server.chats[0].json()


BOUND_TO_ELSEWHERE = Bound("http://127.0.0.1:9", {"authorization": "Bearer canary-key"})


def test_a_key_goes_to_its_origin_alone() -> None:
    with FakeServer(answered("hi")) as good, FakeServer(answered("hi")) as evil:
        key = Bound(good.origin, {"authorization": "Bearer canary-key", "x-gateway": "canary-too"})
        ask(profile_for(good.base_url), secrets=key)
        ask(profile_for(evil.base_url), secrets=key)
    assert good.chats[0].headers["authorization"] == "Bearer canary-key"
    assert good.chats[0].headers["x-gateway"] == "canary-too"
    assert "canary" not in str(evil.requests)
    assert evil.chats[0].headers["authorization"] == "Bearer local"


def test_a_redirect_is_an_error_and_its_target_gets_nothing() -> None:
    with FakeServer(answered("hi")) as evil:
        to_evil = Canned(307, {"location": f"{evil.base_url}/chat/completions"})
        with FakeServer(to_evil) as good:
            key = Bound(good.origin, {"authorization": "Bearer canary-key"})
            with pytest.raises(ServerError):
                ask(profile_for(good.base_url), secrets=key)
    assert evil.connections == 0


def test_a_proxy_gets_nothing_of_a_loopback_server() -> None:
    with FakeServer() as proxy, FakeServer(answered("hi")) as server:
        environ = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy.origin)
        ask(profile_for(server.base_url), environ=environ)
    assert proxy.connections == 0


def test_what_openai_variables_say_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "http://canary.example")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-canary: canary")
    _, server = served(answered("hi"))
    assert "canary" not in str(server.requests)


def test_a_compressed_stream_is_read_as_it_comes() -> None:
    stream = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    events = [f"data: {each}\n\n".encode() for each in (delta("yes"), delta(finish="stop"))]
    pieces = [stream.compress(each) + stream.flush(zlib.Z_SYNC_FLUSH) for each in events]
    kind = {"content-type": "text/event-stream", "content-encoding": "gzip"}
    whole = Canned(200, kind, [*pieces, stream.flush()], "close")
    assert reply_of(served(whole)[0]).text == "yes"
    cut = reply_of(served(Canned(200, kind, pieces[:1], "close"))[0])
    assert (cut.text, cut.ending) == ("yes", "cut")


def test_a_line_without_end_is_a_bounded_error() -> None:
    endless = Canned(200, {"content-type": "text/event-stream"}, [b"x" * 65_536] * 64, "close")
    assert failure(endless, max_retries=0).exit_code == 3


def test_nobody_listening_is_not_running() -> None:
    with pytest.raises(ServerError) as caught:
        ask(profile_for(f"http://127.0.0.1:{refusing_port()}/v1", max_retries=0))
    assert caught.value.kind == "not_running"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(text_answer("404 page not found", status=404), "wrong_path", id="wrong path"),
        pytest.param(text_answer("<html></html>", kind="text/html"), "wrong_path", id="a web page"),
        pytest.param(
            json_answer({"error": {"message": "Invalid API Key", "type": "authentication_error"}}, status=401),
            "key",
            id="wrong key",
        ),
        pytest.param(
            json_answer({"error": {"message": "model 'm' not found"}}, status=404), "model_missing", id="unknown model"
        ),
    ],
)
def test_the_basic_failures_are_told_apart(answer: Canned, kind: str) -> None:
    assert failure(answer).kind == kind


def test_no_first_token_in_time_names_its_setting_and_is_not_retried() -> None:
    with FakeServer(sse(": keep-alive", end="stall")) as server:
        with pytest.raises(ServerError) as caught:
            ask(profile_for(server.base_url, first_token_timeout=0.1, max_retries=2))
        assert server.dropped.wait(5)
    assert caught.value.kind == "timeout"
    assert caught.value.message == (
        f"no first token from llama.cpp at {server.base_url} within 0.1 s;"
        " the model may still be loading (`first_token_timeout`)"
    )
    assert len(server.chats) == 1


def test_silence_in_mid_answer_names_its_setting_and_keeps_what_came() -> None:
    with FakeServer(sse(delta("ha"), ": keep-alive", end="stall")) as server:
        items = ask(profile_for(server.base_url, timeout=0.1))
    reply = reply_of(items)
    assert (reply.text, reply.finish_reason) == ("ha", None)
    assert reply.failure is not None
    assert reply.failure.message == (
        f"llama.cpp at {server.base_url} fell silent in the middle of its answer for 0.1 s (`timeout`)"
    )


def test_a_reply_may_not_take_longer_than_total_timeout() -> None:
    with FakeServer(sse(*[delta("ha")] * 50, end="stall")) as server:
        items = ask(profile_for(server.base_url, total_timeout=0.2))
    reply = reply_of(items)
    assert reply.failure is not None
    assert reply.failure.message == (
        f"the answer of llama.cpp at {server.base_url} took longer than 0.2 s (`total_timeout`)"
    )


@contextmanager
def tls_server() -> Iterator[int]:
    """A port that hangs up on anything but TLS, with a certificate that nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("localhost.pem"))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    is_tls = connection.recv(1, socket.MSG_PEEK) == b"\x16"
                    with suppress(OSError), connection:
                        if is_tls:
                            context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize(
    ("scheme", "message", "hint"),
    [
        ("http", "{server} speaks TLS, and not plain HTTP", "write `https://` instead of `http://` in `base_url`"),
        (
            "https",
            "no secure connection with {url}: its certificate is not trusted",
            "name the authority that signed it: `SSL_CERT_FILE=FILE`, or connect with `http://` on this machine",
        ),
    ],
)
def test_a_server_of_the_other_scheme_or_without_a_trusted_certificate_is_called_that(
    scheme: str, message: str, hint: str
) -> None:
    with tls_server() as port:
        url = f"{scheme}://127.0.0.1:{port}/v1"
        with pytest.raises(ServerError) as caught:
            ask(profile_for(url, max_retries=0))
    told = message.format(server=f"llama.cpp at {url}", url=url)
    assert (caught.value.kind, caught.value.message, caught.value.hint) == ("tls", told, hint)


def test_closing_the_answer_drops_the_connection_at_once() -> None:
    async def first_piece_only(server: FakeServer) -> bool:
        client = Client(profile_for(server.base_url), environ=NOWHERE)
        async with aclosing(client.ask(REQUEST)) as items:
            async for _ in items:
                break
        is_dropped = await asyncio.to_thread(server.dropped.wait, 5)
        await client.aclose()
        return is_dropped

    with FakeServer(sse(delta("ha"), end="stall")) as server:
        assert asyncio.run(first_piece_only(server))


def test_the_connection_of_an_answer_that_is_over_is_used_again() -> None:
    with FakeServer(replace(answered("hi"), end="keep")) as server:
        ask(profile_for(server.base_url), times=3)
    assert (len(server.chats), server.connections) == (3, 1)


def test_only_reasoning_is_said_so() -> None:
    reply = reply_of(served(sse(delta("", reasoning="hm"), delta(finish="stop")))[0])
    assert (reply.text, reply.finish_reason) == ("", "stop")
    assert reply.failure is not None
    assert getattr(reply.failure, "kind", "") == "only_reasoning"


def test_localhost_is_reached_at_its_ipv4_address_first() -> None:
    with FakeServer(answered("hi")) as server:
        items = ask(profile_for(f"http://localhost:{server.port}/v1"))
    assert reply_of(items).text == "hi"
    assert server.chats[0].headers["host"] == f"localhost:{server.port}"


def test_a_missing_model_is_explained_with_the_servers_own_list() -> None:
    def answer(request: Any) -> Canned:  # noqa: ANN401 - a Received
        if request.path == "/v1/models":
            return json_answer({"data": [{"id": "mistral:7b"}, {"id": "qwen3:8b"}]})
        return json_answer({"error": {"message": "model 'mistrl:7b' not found"}}, status=404)

    error = failure(answer, model="mistrl:7b", provider="ollama")
    assert error.kind == "model_missing"
    assert "mistral:7b" in error.message + error.hint


@pytest.mark.parametrize("last", [[delta(finish="stop"), "[DONE]"], [delta(finish="stop")]])
def test_a_complete_answer_ends_though_the_server_keeps_the_connection_open(
    last: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smol_dev.server.answer.AFTER_FINISH", 0.1)
    items, server = served(sse(delta("yes"), *last, end="stall"), timeout=60)
    reply = reply_of(items)
    assert (reply.text, reply.finish_reason, reply.failure) == ("yes", "stop", None)
    assert reply.seconds < 30
    assert server.dropped.wait(5)


def test_counts_behind_the_finish_reason_are_waited_for() -> None:
    counts = json.dumps({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}})
    items, _ = served(sse(delta("yes", finish="stop"), counts, "[DONE]"))
    assert reply_of(items).usage == Usage(9, None, 2)


def test_events_under_another_content_type_are_read_as_they_are() -> None:
    events = f"data: {delta('yes', finish='stop')}\n\n"
    items, _ = served(text_answer(events, kind="application/json"))
    assert (items[0], reply_of(items).text) == (Delta("yes"), "yes")


def test_invalid_utf8_in_mid_stream_is_a_broken_answer() -> None:
    pieces = [f"data: {delta('ha')}\n\n".encode(), b'data: {"choices": [{"delta": "\xff"}]}\n\n']
    items, server = served(Canned(200, {"content-type": "text/event-stream"}, pieces, "close"))
    reply = reply_of(items)
    assert isinstance(reply.failure, ServerError)
    assert (reply.text, reply.finish_reason, reply.failure.message) == (
        "ha",
        None,
        f"llama.cpp at {server.base_url} sent an answer that cannot be read: it is not UTF-8",
    )


def test_ollamas_hidden_error_is_no_plain_end() -> None:
    hidden = json.dumps({"model": "", "choices": [{"delta": {"content": ""}}]})
    items, server = served(sse(delta("ha"), hidden), provider="ollama")
    reply = reply_of(items)
    assert isinstance(reply.failure, ServerError)
    assert reply.failure.message == (
        f"Ollama at {server.base_url} broke off in the middle of its answer, without saying why"
    )
    assert reply.failure.hint == "see Ollama's log: `journalctl -u ollama`, or `~/.ollama/logs/server.log`"


def test_a_lost_connection_is_tried_again_as_often_as_set() -> None:
    lost = Canned(raw=b"", end="close")
    with FakeServer(lost) as server, pytest.raises(ServerError) as caught:
        ask(profile_for(server.base_url, max_retries=3))
    assert (caught.value.kind, len(server.chats)) == ("cut", 4)


def test_a_stream_that_breaks_off_before_its_first_token_is_tried_once_more() -> None:
    with FakeServer(sse(": keep-alive")) as server, pytest.raises(ServerError) as caught:
        ask(profile_for(server.base_url, max_retries=3))
    assert (caught.value.kind, len(server.chats)) == ("cut", 2)


@pytest.mark.parametrize(
    ("message", "settings", "last"),
    [
        pytest.param(
            "Unsupported parameter: 'max_tokens' is not supported with this model."
            " Use 'max_completion_tokens' instead.",
            {},
            {"max_completion_tokens": 100},
            id="max_tokens",
        ),
        pytest.param(
            "Unrecognized request argument supplied: top_k",
            {"extra_body": {"top_k": 5, "min_p": 0.1}},
            {"max_tokens": 100, "min_p": 0.1},
            id="a field of extra_body",
        ),
    ],
)
def test_a_refused_field_is_replaced_or_left_out(
    message: str, settings: dict[str, Any], last: dict[str, object]
) -> None:
    refusal = json_answer({"error": {"message": message}}, status=400)
    items, server = served([refusal, answered("hi")], **settings)
    body = server.chats[-1].json()
    usual = {"model", "messages", "stream", "stream_options", "temperature", "top_p"}
    assert {name: body[name] for name in body.keys() - usual} == last
    assert reply_of(items).text == "hi"


def test_a_field_that_was_not_sent_is_no_reason_to_ask_again() -> None:
    refusal = json_answer({"error": {"message": "Unknown parameter: 'top_k'"}}, status=400)
    with FakeServer(refusal) as server, pytest.raises(ServerError):
        ask(profile_for(server.base_url))
    assert len(server.chats) == 1


@pytest.mark.parametrize(
    ("told_at_first", "told_later", "windows", "asked"),
    [
        pytest.param(True, True, [4096, 4096, 4096, 4096], 2, id="a server that tells is asked once"),
        pytest.param(False, True, [None, None, 4096, 4096], 3, id="one that loads on demand, once more"),
        pytest.param(False, False, [None, None, None, None], 3, id="one that never tells, no more than that"),
    ],
)
def test_facts_are_asked_until_the_first_answer(
    *, told_at_first: bool, told_later: bool, windows: list[int | None], asked: int
) -> None:
    is_loaded = told_at_first

    def answer(request: Received) -> Canned:
        nonlocal is_loaded
        if request.path == "/props":
            window = {"default_generation_settings": {"n_ctx": 4096}} if is_loaded else {}
            return json_answer({**window, "total_slots": 2})
        is_loaded = is_loaded or (told_later and request.path.endswith("/chat/completions"))
        return answered("hi")

    async def learn(base_url: str) -> list[Facts]:
        client = Client(profile_for(base_url, files=Stage(model="other")), environ=NOWHERE)
        facts = [await client.facts("plan"), await client.facts("code")]
        await client.facts("files")
        for _ in range(2):
            async for _ in client.ask(REQUEST):
                pass
            facts.append(await client.facts("code"))
        await client.aclose()
        return facts

    with FakeServer(answer) as server:
        facts = asyncio.run(learn(server.base_url))
    assert [each.window for each in facts] == windows
    assert {(each.model, each.slots) for each in facts} == {("m", 2)}
    assert len([each for each in server.requests if each.path == "/props"]) == asked


def test_the_server_is_recognised_by_what_it_answers() -> None:
    def answer(request: Received) -> Canned:
        if request.path.endswith("/chat/completions"):
            return answered("hi")
        if request.path == "/v1/models":
            return json_answer({"data": [{"id": "m", "owned_by": "vllm"}]})
        return json_answer({"detail": "Not Found"}, status=404)

    with FakeServer(answer) as server:
        ask(profile_for(server.base_url, provider="compatible", reasoning="off"), times=2)
    kwargs = {"enable_thinking": False, "thinking": False}
    assert [each.json()["chat_template_kwargs"] for each in server.chats] == [kwargs, kwargs]
    assert len([each for each in server.requests if each.path == "/v1/models"]) == 1


def test_no_connection_in_time_names_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        base_url = f"https://127.0.0.1:{mute.getsockname()[1]}/v1"
        with pytest.raises(ServerError) as caught:
            ask(profile_for(base_url, connect_timeout=0.1))
    assert (caught.value.kind, caught.value.message) == (
        "timeout",
        f"no connection with llama.cpp at {base_url} within 0.1 s (`connect_timeout`)",
    )


def test_the_proxy_in_use_is_told_once_without_its_password() -> None:
    async def ask_twice(environ: dict[str, str]) -> tuple[Item, list[ServerError]]:
        client = Client(profile_for("https://example.com/v1", max_retries=0), environ=environ)
        answer = client.ask(REQUEST)
        note = await anext(answer)
        with pytest.raises(ServerError) as first:
            await anext(answer)
        with pytest.raises(ServerError) as second:
            await anext(client.ask(REQUEST))
        await client.aclose()
        return note, [first.value, second.value]

    with FakeServer(Canned(403)) as proxy:
        address = f"127.0.0.1:{proxy.port}"
        environ = {"HTTPS_PROXY": f"http://me:canary@{address}"}
        note, errors = asyncio.run(ask_twice(environ))
    assert note == Note(
        f"requests to https://example.com/v1 go through the proxy http://{address}",
        "put its host into NO_PROXY to connect directly",
    )
    assert [error.kind for error in errors] == ["proxy", "proxy"]
    assert not any("canary" in error.message + error.hint for error in errors)


def test_a_key_for_another_server_was_not_sent_to_this_one() -> None:
    unauthorized = json_answer({"error": {"message": "Invalid API Key"}}, status=401)
    with FakeServer(unauthorized) as server, pytest.raises(ServerError) as caught:
        ask(profile_for(server.base_url), secrets=BOUND_TO_ELSEWHERE)
    assert caught.value.message == (
        f"llama.cpp at {server.base_url} wants a key, and none was sent (it says: Invalid API Key)"
    )


def test_cancelling_before_the_first_byte_drops_the_connection() -> None:
    async def give_up(base_url: str, server: FakeServer) -> None:
        client = Client(profile_for(base_url), environ=NOWHERE)
        asking = asyncio.ensure_future(anext(client.ask(REQUEST)))
        assert await asyncio.to_thread(server.asked.wait, 5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await asyncio.to_thread(server.dropped.wait, 5)
        await client.aclose()

    with FakeServer(Canned(raw=b"", end="stall")) as server:
        asyncio.run(give_up(server.base_url, server))


def test_the_time_that_a_reader_takes_is_not_silence() -> None:
    async def dawdle(base_url: str) -> Reply:
        client = Client(profile_for(base_url, timeout=0.15), environ=NOWHERE)
        async for item in client.ask(REQUEST):
            if isinstance(item, Delta):
                await asyncio.sleep(0.25)
            elif isinstance(item, Reply):
                reply = item
        await client.aclose()
        return reply

    with FakeServer(sse(delta("a"), delta("b"), delta(finish="stop"), "[DONE]")) as server:
        reply = asyncio.run(dawdle(server.base_url))
    assert (reply.text, reply.failure) == ("ab", None)


def test_importing_the_client_leaves_the_garbage_collector_on() -> None:
    assert gc.isenabled()


@pytest.mark.parametrize(("stage", "most"), [("plan", 262_144), ("files", 1_048_576), ("code", 1_376_256)])
def test_an_answer_longer_than_can_be_ends_the_request(stage: StageName, most: int) -> None:
    pieces = [delta("\u00e9" * 50_000)] * 50
    request = Request(stage, TURNS, max_tokens=100)
    items, server = served(sse(*pieces, end="stall"), request)
    reply = reply_of(items)
    assert reply.failure is not None
    assert (reply.ending, reply.failure.message) == (
        "cut",
        f"the answer of llama.cpp at {server.base_url} is longer than {most:,} bytes",
    )
    assert most < len(reply.text.encode()) <= most + 100_000


def test_a_list_of_models_is_parsed_once_and_what_is_no_name_is_left_out() -> None:
    names = ["a", "b\udc00", "c\0", "", 7, None, "d" * 300, *(f"m{each}" for each in range(10_000))]
    listing = json_answer({"data": [{"id": name, "meta": {"n_ctx": 8}} for name in names]})

    async def offered(base_url: str) -> list[str]:
        client = Client(profile_for(base_url), environ={})
        try:
            return [offer.name for offer in await client.offers()]
        finally:
            await client.aclose()

    with FakeServer(listing) as server:
        found = asyncio.run(offered(server.base_url))
    assert (found[:3], len(found)) == (["a", "d" * 300, "m0"], 10_000)
    probe = Response(200, {}, '{"data": []}')
    assert probe.document is probe.document


def test_answers_in_front_of_the_answer_do_not_come_without_end() -> None:
    endless = Canned(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000)
    error = failure(endless, max_retries=0)
    assert error.message.endswith("failed: the head of its answer does not end")
    few = answered("hi")
    head = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 3
    body = b"".join(few.pieces)
    whole = head + b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + body
    assert reply_of(served(Canned(raw=whole, end="close"))[0]).text == "hi"


BOTH = [
    "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
    "litellm.BadRequestError: AnthropicException - temperature and top_p cannot both be specified",
    "You may set either temperature or top_p, but not both",
]


@pytest.mark.parametrize("message", BOTH)
@pytest.mark.parametrize(
    ("settings", "left_out"),
    [
        pytest.param({"temperature": "auto", "top_p": "auto"}, "top_p", id="both auto"),
        pytest.param({"temperature": 0.3, "top_p": "auto"}, "top_p", id="temperature set"),
        pytest.param({"temperature": "auto", "top_p": 0.9}, "temperature", id="top_p set"),
        pytest.param({"temperature": 0.3, "top_p": 0.9}, "top_p", id="both set"),
    ],
)
def test_of_temperature_and_top_p_the_one_that_is_not_set_goes(
    message: str, settings: dict[str, Any], left_out: str
) -> None:
    refusal = json_answer({"error": {"message": message}}, status=400)
    items, server = served([refusal, answered("hi")], model="claude-sonnet-5", provider="compatible", **settings)
    first, second = (chat.json() for chat in server.chats)
    assert {**second, left_out: first[left_out]} == first
    assert left_out not in second
    assert [item for item in items if isinstance(item, Note)] == [
        Note(f"the server refuses `{left_out}`; it is left out")
    ]
    assert reply_of(items).text == "hi"


def test_what_is_left_out_of_auto_is_left_out_of_the_next_run_too(tmp_path: Path) -> None:
    def answer(request: Received) -> Canned:
        body = request.json()
        both = {"temperature", "top_p"} <= set(body)
        return json_answer({"error": {"message": BOTH[0]}}, status=400) if both else answered("hi")

    open_settings = {"temperature": "auto", "top_p": "auto", "provider": "lmstudio"}
    with FakeServer(answer) as server:
        profile = profile_for(server.base_url, **open_settings)
        ask(profile, cache_dir=tmp_path, times=2)
        ask(profile, cache_dir=tmp_path)
        assert len(server.chats) == 4
        fixed = profile.model_copy(update={"top_p": 0.9})
        ask(fixed, cache_dir=tmp_path)
    assert [set(chat.json()) & {"temperature", "top_p"} for chat in server.chats[-2:]] == [
        {"temperature", "top_p"},
        {"top_p"},
    ]


@pytest.mark.parametrize(
    ("message", "most"),
    [
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("max_tokens is too large: 16384. This model supports at most 4096 completion tokens", 4096),
        ("max_tokens: 16384 > 8192, which is the maximum allowed number of output tokens for m", 8192),
        ("`max_tokens` must be less than or equal to `8192`", 8192),
        ("Range of max_tokens should be [1, 8192]", 8192),
        ("max_completion_tokens must be between 1 and 4096", 4096),
    ],
)
def test_the_longest_answer_is_lowered_once_and_remembered(message: str, most: int) -> None:
    refusal = json_answer({"error": {"message": message}}, status=400)
    request = replace(REQUEST, max_tokens=16_384)
    with FakeServer([refusal, answered("hi"), answered("hi")]) as server:
        items = ask(profile_for(server.base_url, provider="openai"), request, times=2)
    assert [chat.json()["max_tokens"] for chat in server.chats] == [16_384, most, most]
    assert [item for item in items if isinstance(item, Note)] == [
        Note(
            f"the model answers with {most:,} tokens at most; longer answers are not asked for",
            f"say so yourself: `-c max_output_tokens={most}`",
        )
    ]


def test_a_range_that_is_not_kept_to_is_told() -> None:
    refusal = json_answer({"error": {"message": "the valid range of max_tokens is [1, 8192]"}}, status=400)
    with FakeServer(refusal) as server, pytest.raises(ServerError) as caught:
        ask(profile_for(server.base_url, provider="openai"))
    assert (len(server.chats), "max_output_tokens" in caught.value.hint) == (1, True)


def test_a_server_without_a_switch_is_told_in_words_not_to_think() -> None:
    _, server = served(answered("hi"), model="qwen3:8b", provider="openai", reasoning="auto")
    assert server.chats[0].json()["messages"][0]["content"] == "be exact"
    plain = {"/v1/models": {"data": [{"id": "qwen3:8b"}]}}

    def answer(request: Received) -> Canned:
        if request.path.endswith("/chat/completions"):
            return answered("hi")
        return json_answer(plain.get(request.path, {}))

    _, server = served(answer, model="qwen3:8b", provider="compatible", reasoning="off")
    assert server.chats[0].json()["messages"] == [
        {"role": "system", "content": "be exact\n\n/no_think"},
        {"role": "user", "content": "hello"},
    ]


def test_a_family_whose_template_takes_no_system_message_is_sent_none() -> None:
    _, server = served(answered("hi"), model="gemma2:9b")
    assert server.chats[0].json()["messages"] == [{"role": "user", "content": "be exact\n\nhello"}]


def test_own_arguments_of_the_template_stand_beside_the_switch_for_thinking() -> None:
    _, server = served(
        answered("hi"),
        model="qwen3:8b",
        reasoning="off",
        extra_body={"chat_template_kwargs": {"preserve_thinking": True}},
    )
    assert server.chats[0].json()["chat_template_kwargs"] == {"enable_thinking": False, "preserve_thinking": True}
    _, server = served(
        answered("hi"),
        model="qwen3:8b",
        reasoning="off",
        extra_body={"chat_template_kwargs": {"enable_thinking": True}},
    )
    assert server.chats[0].json()["chat_template_kwargs"] == {"enable_thinking": True}

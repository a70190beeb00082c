"""Every answer of `server_quirks.json`, replayed: what comes of it, what the user is told, how often it is asked."""

import asyncio
import json
import socket
from typing import Any, NamedTuple

import httpx2
import pytest

from smol_dev.chat import Reply
from smol_dev.config.endpoint import url_problem
from smol_dev.config.secret import secret_problem
from smol_dev.errors import ServerError
from smol_dev.server.failures import Target, unreachable
from smol_dev.server.known import Prober, offers
from smol_dev.server.transport import open_client
from tests.fake_server import Canned, FakeServer, Received, answered, delta, sse, text_answer
from tests.server.kinds_of_servers import recognise
from tests.server.replay import CASES, asked, canned, server


class Failed(NamedTuple):
    """The expected failure: its kind, a part of the hint, how many requests were made, what came before."""

    kind: str
    hint: str
    requests: int = 1
    transient: bool = False
    text: str | None = None


FAILURES = {
    "ollama-model-not-found": Failed("model_missing", "ollama pull x"),
    "ollama-model-not-found-sched": Failed("model_missing", "ollama pull"),
    "ollama-empty-messages": Failed("bad_request", "config show --origin"),
    "ollama-wrong-type-field": Failed("bad_request", "config show --origin"),
    "ollama-missing-v1": Failed("wrong_path", "`base_url` lacks `/v1`"),
    "ollama-double-v1": Failed("wrong_path", "the version twice"),
    "ollama-trailing-slash": Failed("wrong_path", "--api-base-url"),
    "ollama-host-403": Failed("forbidden", "OLLAMA_HOST=0.0.0.0"),
    "ollama-no-thinking": Failed("unsupported", "-c reasoning=auto", requests=2),
    "ollama-bad-effort": Failed("unsupported", "-c reasoning=auto", requests=2),
    "ollama-ctx-nested-json": Failed("context", "OLLAMA_CONTEXT_LENGTH=16384"),
    "ollama-midstream-error-swallowed": Failed("cut", "journalctl -u ollama", transient=True, text="he"),
    "ollama-stream-clean-eof": Failed("cut", "journalctl -u ollama", transient=True, text=""),
    "ollama-oom": Failed("load_failed", "OLLAMA_CONTEXT_LENGTH"),
    "ollama-oom-old": Failed("load_failed", "smaller model"),
    "ollama-cloud-401": Failed("cloud_model", "ollama signin"),
    "ollama-image-url": Failed("bad_request", "config show --origin"),
    "ollama-shutdown": Failed("cut", "journalctl -u ollama", requests=2, transient=True),
    "llamacpp-loading-503": Failed("loading", "first_token_timeout", requests=3, transient=True),
    "llamacpp-404": Failed("wrong_path", "the version twice"),
    "llamacpp-router-unknown": Failed("model_missing", "smol_dev models"),
    "llamacpp-router-not-loaded": Failed("not_loaded", "load the model"),
    "llamacpp-ctx-400": Failed("context", "`-c 16384`"),
    "llamacpp-ctx-midrun": Failed("context", "max_concurrency=1", text="he"),
    "llamacpp-first-error-status": Failed("context", "`-c 8192`"),
    "llamacpp-jinja-500": Failed("template", "--chat-template", requests=2),
    "lmstudio-200-unexpected-stream": Failed("wrong_path", "`base_url` lacks `/v1`"),
    "lmstudio-no-model-string": Failed("not_loaded", "lms load m"),
    "lmstudio-embedding": Failed("embedding_model", "choose a chat model"),
    "lmstudio-ctx-old": Failed("context", "--context-length 16384"),
    "lmstudio-ctx-empty": Failed("empty", "--context-length", transient=True, text=""),
    "lmstudio-ctx-midgen": Failed("context", "--context-length 8192", text="…"),
    "lmstudio-crash": Failed("crashed", "less GPU offload", requests=2, transient=True),
    "lmstudio-model-unloaded": Failed("not_loaded", "lms load m", transient=True, text="x"),
    "lmstudio-json-object": Failed("unsupported", "structured_output=off", requests=2),
    "lmstudio-jinja": Failed("template", "chat template"),
    "vllm-ctx-old": Failed("context", "--max-model-len 8192"),
    "vllm-max-tokens-negative": Failed("context", "max_output_tokens"),
    "vllm-midstream": Failed("crashed", "its engine is dead", transient=True, text="he"),
    "vllm-reasoning-only": Failed("only_reasoning", "-c reasoning=off", transient=True, text=""),
    "mlx-any-error-404": Failed("load_failed", "smol_dev models"),
    "mlx-http10-truncation": Failed("cut", "mlx_lm.server", transient=True, text="he"),
    "mlx-query-string": Failed("wrong_path", "--api-base-url"),
    "dmr-404-text": Failed("model_missing", "docker model pull ai/x"),
    "dmr-400-text": Failed("bad_request", "--model NAME"),
    "dmr-412": Failed("load_failed", "docker model install-runner"),
    "lemonade-404-path": Failed("wrong_path", "/api/v1"),
    "lemonade-405": Failed("wrong_path", "/api/v1"),
    "lemonade-stream-error": Failed("crashed", "start it again", requests=2, transient=True),
    "tgwui-401": Failed("key", "--api-key-env NAME"),
    "tgwui-host-400": Failed("forbidden", "--listen"),
    "tgwui-422": Failed("bad_request", "config show --origin"),
    "tgwui-stream-abort": Failed("cut", "smol_dev doctor", requests=2, transient=True),
    "kobold-busy": Failed("busy", "one request at a time", requests=3, transient=True),
    "jan-text-errors": Failed("key", "Local API Server"),
    "litellm-str-code": Failed("bad_request", "config show --origin"),
    "litellm-no-db": Failed("key", "master_key"),
    "vllm-401": Failed("key", "--api-key-env NAME"),
    "lmstudio-auth": Failed("key", "create a token"),
    "lib-html-200": Failed("wrong_path", "--api-base-url"),
    "lib-text-200": Failed("wrong_path", "`base_url` lacks `/v1`"),
    "lib-stream-toplevel-error": Failed("bad_request", "config show", text="he"),
    "lib-stream-junk": Failed("cut", "smol_dev doctor", transient=True, text="he"),
    "lib-stream-event-ping": Failed("cut", "smol_dev doctor", transient=True, text="he"),
    "lib-stream-abrupt": Failed("cut", "smol_dev doctor", transient=True, text="he"),
    "lib-retry-storm": Failed("server", "the server's log", requests=2, transient=True),
}

ANSWERS = {
    "ollama-stream-ok": ("hello", "stop"),
    "ollama-stream-old-shape": ("he", "stop"),
    "llamacpp-maxtokens-over": ("…", "length"),
    "lmstudio-reasoning-inline": ("<think>\n…\n</think>\n\nprint(1)", "stop"),
    "mlx-keepalive": ("x", "stop"),
    "kobold-truncates": ("…", "length"),
}

USAGE = {"llamacpp-timings": (500, 480, 9), "lmstudio-usage": (5, None, 2)}

SENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ollama-sampling-forced": ({}, {"temperature": 0.2, "top_p": 0.95}),
    "llamacpp-thinking-off": ({"reasoning": "off"}, {"chat_template_kwargs": {"enable_thinking": False}}),
    "lmstudio-reasoning-off": ({"reasoning": "off"}, {"reasoning_effort": "none"}),
    "vllm-thinking-off": (
        {"reasoning": "off"},
        {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}},
    ),
    "mlx-stream-options": ({}, {"stream": True, "stream_options": {"include_usage": True}}),
    "ollama-content-parts": (
        {},
        {"messages": [{"role": "system", "content": "be exact"}, {"role": "user", "content": "hello"}]},
    ),
}

RECOGNISED = {"ollama-root": "Ollama", "ollama-version": "Ollama", "lmstudio-probe-any-path": "LM Studio"}

LISTED: dict[str, list[tuple[str, bool | None, int | None, bool]]] = {
    "ollama-models": [("qwen3:8b", None, None, True)],
    "lmstudio-models-v0": [("qwen/qwen3-8b", True, 4096, True)],
    "lmstudio-models-v1-native": [("qwen/qwen3-8b", True, 4096, True)],
    "lmstudio-models-jit": [
        ("qwen/qwen3-8b", None, None, True),
        ("text-embedding-nomic-embed-text-v1.5", None, None, False),
    ],
    "dmr-models": [("ai/qwen3", None, None, True)],
}

UNREACHED: dict[str, tuple[BaseException, str, str]] = {
    "net-dns": (
        socket.gaierror(-2, "Name or service not known"),
        "dns",
        "--add-host=host.docker.internal:host-gateway",
    ),
    "net-no-scheme": (httpx2.UnsupportedProtocol("missing"), "wrong_path", "http://HOST:PORT/v1"),
    "net-ssl-cert-file": (FileNotFoundError(2, "No such file"), "tls", "SSL_CERT_FILE"),
    "mlx-null-field": (
        httpx2.RemoteProtocolError("Server disconnected without sending a response."),
        "cut",
        "smol_dev doctor",
    ),
}

ELSEWHERE = {
    "net-refused": "test_causes.py",
    "net-invalid-url": "a test below",
    "lib-key-newline": "a test below",
    "lib-env-leak": "a test below",
    "lmstudio-ipv6": "a test below",
    "ollama-queue-silent": "a test below",
    "lib-stream-stall": "a test below",
    "llamacpp-model-ignored": "nothing to do: any name is served",
    "ollama-preload-reload": "nothing to do: a model is never loaded beforehand",
    "llamacpp-input-tokens": "nothing to do: tokens are estimated, and corrected by the counts",
    "mlx-model-download": "nothing to do: it is a slow load, waited for like any other",
    "lib-base-url-default": "the client cannot be made without a profile's address",
}


def test_every_case_is_a_row() -> None:
    names = [*FAILURES, *ANSWERS, *USAGE, *SENT, *RECOGNISED, *LISTED, *UNREACHED, *ELSEWHERE]
    assert sorted(CASES) == sorted(names)


@pytest.mark.parametrize(("name", "expected"), FAILURES.items(), ids=FAILURES)
def test_a_failure_is_named_with_its_remedy(name: str, expected: Failed) -> None:
    ended, requests = asked(CASES[name], canned(CASES[name]))
    failure = ended.failure if isinstance(ended, Reply) else ended
    assert isinstance(failure, ServerError)
    came = ended.text if isinstance(ended, Reply) else None
    found = (failure.kind, failure.transient, len(requests), came, failure.exit_code)
    assert found == (expected.kind, expected.transient, expected.requests, expected.text, 3)
    assert expected.hint in failure.hint


@pytest.mark.parametrize(("name", "expected"), ANSWERS.items(), ids=ANSWERS)
def test_an_odd_answer_is_an_answer(name: str, expected: tuple[str, str]) -> None:
    ended, requests = asked(CASES[name], canned(CASES[name]))
    assert isinstance(ended, Reply)
    assert (ended.text, ended.finish_reason, ended.failure) == (*expected, None)
    assert len(requests) == 1


@pytest.mark.parametrize(("name", "expected"), USAGE.items(), ids=USAGE)
def test_counts_are_read_where_they_stand(name: str, expected: tuple[int, int | None, int]) -> None:
    counts = canned(CASES[name])
    whole = sse(delta("x", finish="stop"), counts.pieces[0].decode().removeprefix("data: "))
    ended, _ = asked(CASES[name], whole)
    assert isinstance(ended, Reply)
    assert (ended.usage.prompt, ended.usage.cached, ended.usage.completion) == expected


@pytest.mark.parametrize(("name", "row"), SENT.items(), ids=SENT)
def test_the_request_has_the_fields_the_server_needs(name: str, row: tuple[dict[str, Any], dict[str, Any]]) -> None:
    settings, expected = row
    _, [request] = asked(CASES[name], answered("x"), **settings)
    body = request.json()
    assert {key: body[key] for key in expected} == expected
    assert None not in body.values()


@pytest.mark.parametrize(("name", "expected"), RECOGNISED.items(), ids=RECOGNISED)
def test_a_server_is_recognised(name: str, expected: str) -> None:
    case = CASES[name]

    def answer(request: Received) -> Canned:
        at_case = request.path == case["request"]["path"]
        return canned(case) if at_case else text_answer("nothing here", status=404)

    async def look(base_url: str) -> str:
        async with open_client(base_url, environ={}) as client:
            return (await recognise(Prober(client, base_url))).name

    with FakeServer(answer) as fake:
        assert asyncio.run(look(fake.base_url)) == expected


@pytest.mark.parametrize(("name", "expected"), LISTED.items(), ids=LISTED)
def test_models_are_listed(name: str, expected: list[tuple[str, bool | None, int | None, bool]]) -> None:
    case = CASES[name]
    known = server(case["server"])
    names = [{"id": row[0]} for row in expected]

    def answer(request: Received) -> Canned:
        if request.path == case["request"]["path"]:
            return canned(case)
        if request.path.endswith("/v1/models") and not request.path.startswith("/api"):
            return text_answer(json.dumps({"data": names}), kind="application/json")
        return text_answer("nothing here", status=404)

    async def look(base_url: str) -> list[tuple[str, bool | None, int | None, bool]]:
        async with open_client(base_url, environ={}) as client:
            offered = await offers(Prober(client, base_url), known)
        return [(each.name, each.loaded, each.window, each.chats) for each in offered]

    with FakeServer(answer) as fake:
        assert asyncio.run(look(f"{fake.origin}{known.path}")) == expected


@pytest.mark.parametrize(("name", "row"), UNREACHED.items(), ids=UNREACHED)
def test_no_answer_is_explained(name: str, row: tuple[BaseException, str, str]) -> None:
    error, kind, hint = row
    base_url = "http://host.docker.internal:8080/v1"
    found = unreachable(error, Target(base_url, "m", None))
    assert (name, found.kind) == (name, kind)
    assert hint in found.hint


def test_an_address_that_is_none_is_refused_before_anything_is_sent() -> None:
    assert url_problem("http://[::1:80/v1") == "is not an address: look at its host and port"


def test_a_key_loses_its_line_break_and_nothing_else() -> None:
    assert secret_problem("sk-local\n") == ""
    assert secret_problem("sk-lo\ncal") == "has a line break at position 6 of 9"


def test_variables_of_openai_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "sk-real")
    _, [request] = asked(CASES["lib-env-leak"], answered("x"))
    assert "sk-real" not in "".join(request.headers.values())


def test_localhost_is_asked_at_its_ipv4_address() -> None:
    async def ask(port: int) -> int:
        base_url = f"http://localhost:{port}/v1"
        async with open_client(base_url, environ={}) as client:
            return (await client.get(f"{base_url}/models")).status_code

    with FakeServer(text_answer("x")) as fake:
        assert asyncio.run(ask(fake.port)) == 200
    assert fake.requests[0].headers["host"] == f"localhost:{fake.port}"


def test_a_silent_queue_is_asked_once() -> None:
    silent = Canned(raw=b"", end="stall")
    case = {**CASES["ollama-queue-silent"], "request": {"path": "/v1", "fields": {}}}
    ended, requests = asked(case, silent, first_token_timeout=0.2)
    assert isinstance(ended, ServerError)
    assert (ended.kind, ended.transient, len(requests)) == ("timeout", False, 1)


def test_a_stream_that_falls_silent_is_given_up_with_what_came() -> None:
    stalled = sse(delta("he"), end="stall")
    ended, requests = asked(CASES["lib-stream-stall"], stalled, timeout=0.2)
    assert isinstance(ended, Reply)
    assert ended.failure is not None
    assert (ended.text, ended.finish_reason, len(requests)) == ("he", None, 1)
    assert "fell silent" in ended.failure.message

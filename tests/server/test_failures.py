"""What the user is told about a failure: the sentence, the server's words, and what to type."""

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.errors import ServerError
from smol_dev.server.failures import Target, classify, understand
from smol_dev.server.known import Response
from tests.server.told import URL, error, known, told


def test_a_message_is_whole_and_the_hint_can_be_typed() -> None:
    found = told(404, error("model 'x' not found"), server="Ollama", model="x")
    assert (found.message, found.hint) == (
        "Ollama at http://localhost:8080/v1 has no model `x` (it says: model 'x' not found)",
        "`ollama pull x`; `ollama list` shows what there is",
    )


def test_what_a_server_says_is_cleaned_and_cut() -> None:
    found = told(500, error("a\x1b[31mb\nc\u202e" + "d" * 5000))
    assert "a^[[31mb c\\u202eddd" in found.message
    assert len(found.message) < 1_200


def test_a_hostile_model_name_is_quoted_for_the_shell() -> None:
    found = told(404, error("model not found"), server="Ollama", model="x; rm -rf ~")
    assert "ollama pull 'x; rm -rf ~'" in found.hint


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("http://h:1", "`base_url` lacks `/v1`: `--api-base-url http://h:1/v1`"),
        ("http://h:1/ollama", "`base_url` lacks `/v1`: `--api-base-url http://h:1/ollama/v1`"),
        ("http://h:1/v1/v1", "`base_url` holds the version twice: `--api-base-url http://h:1/v1`"),
        (
            "http://h:1/v1/chat/completions",
            "`base_url` ends before the name of the request: `--api-base-url http://h:1/v1`",
        ),
        ("http://h:1/v1", "set `base_url` to the address that ends in `/v1`: `--api-base-url URL`"),
    ],
)
def test_the_address_that_was_meant_is_named(base_url: str, expected: str) -> None:
    assert told(404, "404 page not found", base_url=base_url).hint == expected


def test_a_path_of_another_server_is_its_own() -> None:
    found = told(404, "404 page not found", server="Docker Model Runner", base_url="http://h:12434")
    assert found.hint == "`base_url` lacks `/engines/v1`: `--api-base-url http://h:12434/engines/v1`"


def test_a_redirect_is_named_and_not_followed() -> None:
    found = told(302, "", location="https://login.example\u202e/")
    assert (found.kind, "https://login.example\\u202e/" in found.message) == ("wrong_path", True)


def test_the_nearest_names_are_offered() -> None:
    models = ("llama3.2:3b", "qwen2.5-coder:7b", "qwen2.5-coder:14b")
    asked = Target(URL, "qwen2.5-coder:latest", known("Ollama"), models=models)
    found = classify(Response(404, {}, json.dumps(error("model 'x' not found"))), asked)
    assert found.hint.startswith("did you mean `qwen2.5-coder:7b`, `qwen2.5-coder:14b`?; `ollama pull")


def test_a_wrong_key_is_not_a_missing_one() -> None:
    asked = Target(URL, "m", None, key_sent=True)
    found = classify(Response(401, {}, json.dumps(error("Invalid API Key"))), asked)
    assert found.message.startswith("the server at http://localhost:8080/v1 does not accept the key")
    assert "config explain api_key_env" in found.hint


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        pytest.param(401, json.dumps(error("Invalid key canary-key-0")), {}, id="half of it"),
        pytest.param(500, "canary-key-0123 failed", {}, id="the whole of it, as text"),
        pytest.param(400, json.dumps(error("no field canary-key-01")), {}, id="a refused field"),
        pytest.param(400, "<html><title>canary-key-0123</title>", {}, id="a page's title"),
        pytest.param(302, "", {"location": "/?key=canary-key-0123"}, id="where it sends on to"),
        pytest.param(
            400,
            json.dumps(error("maximum context length is 8 tokens, canary-key-01")),
            {},
            id="a prompt that does not fit",
        ),
    ],
)
def test_nothing_of_a_key_that_a_server_repeats_is_in_an_error(status: int, body: str, headers: dict[str, str]) -> None:
    asked = Target(URL, "m", None, key_sent=True, secrets=("canary-key-0123",))
    found = classify(Response(status, headers, body), asked)
    assert "canary" not in f"{found} {found.message} {found.hint} {asked}"
    assert "[redacted]" in found.message


def test_a_cloud_model_that_wants_a_sign_in_is_no_missing_key() -> None:
    assert told(401, error("unauthorized"), model="gpt-oss:120b-cloud").kind == "cloud_model"
    assert told(401, {"error": "unauthorized", "signin_url": "https://x"}).kind == "cloud_model"


@pytest.mark.parametrize(
    ("status", "body", "headers", "name"),
    [
        (503, error("Loading model"), {"Server": "llama.cpp"}, "llama.cpp"),
        (200, {"error": "Unexpected endpoint or method. (POST /x)"}, {}, "LM Studio"),
        (404, error('model "x" not found, try pulling it first'), {}, "Ollama"),
        (500, error("EngineCore encountered an issue"), {}, "vLLM"),
        (400, error("litellm.BadRequestError: x"), {}, "LiteLLM"),
    ],
)
def test_a_server_gives_itself_away(status: int, body: object, headers: dict[str, str], name: str) -> None:
    assert name in told(status, body, **headers).message


def test_everything_that_mlx_cannot_load_is_a_404() -> None:
    assert told(404, {"error": "weights are odd"}, server="MLX").kind == "load_failed"
    assert told(404, {"error": "weights are odd"}).kind == "server"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_the_wait_that_a_server_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert told(429, "", **headers).retry_after == seconds


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Rate limit reached. Please try again in 7 seconds.", 7.0),
        ("Rate limit reached: try again in 1m30.5s", 90.5),
        ("rate limit: retry after 20ms", 0.02),
        ("Rate limit exceeded, please wait 2 minutes", 120.0),
        ({"message": "rate limit", "retryDelay": "7s"}, 7.0),
        ({"message": "rate limit", "retry_after": 3}, 3.0),
        ("Rate limit: 200 tokens per minute", None),
        ("Rate limit; try again later", None),
    ],
)
def test_a_wait_that_is_told_in_words_is_read(words: object, seconds: float | None) -> None:
    assert told(429, error(words) if isinstance(words, str) else {"error": words}).retry_after == (seconds)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"llm_provider-retry-after": "7"}, 7.0),
        ({"x-ratelimit-reset-requests": "1m2s"}, 62.0),
        ({"X-RateLimit-Reset-Tokens": "250ms", "X-RateLimit-Remaining-Tokens": "0"}, 0.25),
        (
            {
                "x-ratelimit-reset-requests": "8s",
                "x-ratelimit-remaining-requests": "99",
                "x-ratelimit-reset-tokens": "30s",
                "x-ratelimit-remaining-tokens": "0",
            },
            30.0,
        ),
        ({"x-ratelimit-reset-tokens": "soon"}, None),
    ],
)
def test_a_wait_that_a_gateway_tells_in_other_headers_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert told(429, error("rate limit"), **headers).retry_after == seconds


def test_a_limit_that_was_not_the_reason_is_not_waited_for() -> None:
    assert told(500, error("boom"), **{"x-ratelimit-reset-requests": "50s"}).retry_after is None


def test_an_error_in_a_stream_goes_by_its_own_code() -> None:
    asked = Target(URL, "m", None)

    def in_stream(body: object) -> ServerError:
        return classify(Response(200, {}, json.dumps(body), in_stream=True), asked)

    assert in_stream(error("boom", code=400)).kind == "bad_request"
    assert in_stream(error("boom", code="500")).transient
    assert in_stream(error("boom")).transient
    assert in_stream(error("model is not loaded")).transient


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "code", "param", "loc", "msg", "choices", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=70)
@given(
    status=st.integers(100, 599),
    body=JSON.map(json.dumps) | st.text() | st.text(string.printable).map("<html>{}".format),
    in_stream=st.booleans(),
)
def test_whatever_comes_is_one_error_with_a_remedy(status: int, body: str, *, in_stream: bool) -> None:
    found = classify(Response(status, {}, body, in_stream), Target(URL, "m", None))
    assert found.message.isprintable()
    assert found.hint
    assert len(found.message) < 2_000


def test_a_body_that_is_nested_or_long_without_end_is_read_quickly() -> None:
    assert told(500, "[" * 100_000).kind == "server"
    assert told(400, error("model " * 50_000)).kind == "bad_request"


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<html><head><title>502 <b>Bad</b> Gateway</title>", "502 Bad Gateway"),
        (" <!-- a --> <!-- b -->\n<!DOCTYPE html><h1 class='x'>Not\n here</h1>", "Not here"),
        ("<html><title>never closed", ""),
        ("<html><p>nothing</p>", ""),
        ("<HTML><TITLE>Loud &amp; clear</TITLE>", "Loud & clear"),
    ],
)
def test_a_web_page_is_quoted_by_its_title(page: str, title: str) -> None:
    said = understand(page)
    assert (said.is_page, said.quote) == (True, title)


@pytest.mark.parametrize(
    "unit", ["<!---->", "<!-- ", "<title>", "<h1><", "<", " ", "a", "aa.", "no model ", "{", '{"a":']
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_of_a_megabyte_of_anything_the_beginning_is_understood(unit: str, status: int) -> None:
    body = unit * (1_000_000 // len(unit))
    asked = Target("http://127.0.0.1:1/v1", "m", None)
    whole, beginning = (classify(Response(status, {}, each), asked) for each in (body, body[:65_536]))
    assert (whole.kind, whole.message) == (beginning.kind, beginning.message)

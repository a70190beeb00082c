"""The checks of a profile, one after the other, against servers that are well and servers that are not."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from smol_dev.config.model import Profile, Stage
from smol_dev.server.client import Client
from smol_dev.server.doctor import Check, examine
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
from tests.server.kinds_of_servers import LLAMA_CPP, OLLAMA, OTHER, VLLM, Kind
from tests.server.test_measure import Ollama
from tests.server.test_sampling import OWN

CARD = "source https://huggingface.co/Qwen/Qwen3-8B#best-practices"
UNKNOWN = "because no figure is known for this model"
Chat = Callable[[Received], Canned]


def chatting(kind: Kind, chat: Chat) -> Chat:
    """The server, but with these answers of its model."""

    def answer(request: Received) -> Canned:
        return chat(request) if request.path.endswith("/chat/completions") else kind(request)

    return answer


def well(request: Received) -> Canned:
    if "response_format" in request.json():
        return answered('{"files": ["index.html"]}')
    usage = {"prompt_tokens": 20, "completion_tokens": 3}
    return sse(delta("def"), delta(" add"), delta("():"), delta(finish="stop", usage=usage))


def examined(
    answers: Answers,
    path: str = "/v1",
    **settings: Any,  # noqa: ANN401 - settings
) -> list[Check]:
    with FakeServer(answers) as server:
        return checks_of(Profile(base_url=f"{server.origin}{path}", **settings))


def checks_of(profile: Profile) -> list[Check]:
    async def check() -> list[Check]:
        client = Client(profile, environ=NOWHERE)
        try:
            return [each async for each in examine(client, key="not needed")]
        finally:
            await client.aclose()

    return asyncio.run(check())


def states(checks: list[Check]) -> list[tuple[str, str]]:
    return [(check.name, check.state) for check in checks]


def one(checks: list[Check], name: str) -> Check:
    [check] = [each for each in checks if each.name == name]
    return check


def test_a_server_that_is_well_passes_every_check() -> None:
    checks = examined(chatting(LLAMA_CPP, well))
    assert [(check.name, check.state, check.fix) for check in checks] == [
        ("address", "ok", ""),
        ("server", "ok", ""),
        ("key", "ok", ""),
        ("model", "ok", ""),
        ("context window", "ok", ""),
        ("streaming", "ok", ""),
        ("completion", "ok", ""),
        ("sampling", "ok", ""),
        ("structured output", "ok", ""),
        ("parallel", "ok", ""),
    ]
    assert one(checks, "server").data == {"server": "llama.cpp", "models": 1}
    assert one(checks, "context window").message == "16,384 tokens"
    assert one(checks, "completion").data["tokens"] == 3
    assert one(checks, "structured output").data == {"rung": "json_schema"}
    assert one(checks, "parallel").message == "the server works on 4 requests at once"


def test_a_server_that_is_not_running_is_the_last_check() -> None:
    base_url = f"http://127.0.0.1:{refusing_port()}/v1"
    [check] = checks_of(Profile(base_url=base_url, provider="ollama", model="m"))
    assert (check.name, check.state, check.data) == ("address", "failed", {"kind": "not_running"})
    assert "ollama serve" in check.fix


FAILURES: list[tuple[Answers, str, str, str]] = [
    (OLLAMA, "", "server", "`base_url` lacks `/v1`"),
    (json_answer({"error": {"message": "Loading model"}}, status=503), "/v1", "server", "wait until"),
    (json_answer({"error": "Unauthorized"}, status=401), "/v1", "key", "--api-key-env NAME"),
    (text_answer("<!doctype html><title>x</title>", kind="text/html"), "/v1", "server", "--api-base-url"),
    (json_answer({"hello": "world"}), "/v1", "server", "--api-base-url"),
    (Canned(raw=b"no http\r\n\r\n", end="close"), "/v1", "server", "smol_dev doctor"),
]


@pytest.mark.parametrize(("answers", "path", "name", "fix"), FAILURES, ids=[f"{row[2]}-{row[3]}" for row in FAILURES])
def test_the_first_failure_has_a_fix_and_ends_the_examination(answers: Answers, path: str, name: str, fix: str) -> None:
    last = examined(answers, path)[-1]
    assert (last.name, last.state) == (name, "failed")
    assert fix in last.fix


def test_a_model_that_cannot_chat_ends_the_examination() -> None:
    last = examined(OLLAMA, model="nomic-embed-text")[-1]
    assert (last.name, last.state) == ("model", "failed")
    assert "choose a chat model" in last.fix


def test_a_model_that_is_not_listed_is_tried_all_the_same() -> None:
    checks = examined(chatting(OLLAMA, well), model="qwen3:14b")
    assert one(checks, "model").state == "warned"
    assert "did you mean `qwen3:8b`" in one(checks, "model").fix
    assert one(checks, "completion").state == "ok"


@pytest.mark.parametrize(("local_only", "state"), [(True, "failed"), (False, "warned")])
def test_a_cloud_model_behind_a_local_server_is_pointed_out(state: str, *, local_only: bool) -> None:
    checks = examined(chatting(OLLAMA, well), model="gpt-oss:120b-cloud", local_only=local_only)
    assert one(checks, "model").state == state


def test_the_model_of_each_stage_is_looked_for() -> None:
    checks = examined(chatting(OLLAMA, well), model="qwen3:8b", plan=Stage(model="llama3.2"))
    assert [check.message for check in checks if check.name == "model"] == [
        "`llama3.2` is there, and will be loaded when asked",
        "`qwen3:8b` is there",
    ]


def with_window(tokens: int) -> Kind:
    ps = {"models": [{"name": "qwen3:8b", "context_length": tokens}]}
    return Kind({**OLLAMA.documents, "/api/ps": ps})


@pytest.mark.parametrize(
    ("tokens", "settings", "state"),
    [
        (2048, {}, "failed"),
        (4096, {}, "warned"),
        (32768, {}, "ok"),
        (8192, {"context_window": 16384}, "failed"),
        (32768, {"context_window": 16384}, "ok"),
    ],
)
def test_the_loaded_window_is_held_against_what_is_needed(tokens: int, settings: dict[str, Any], state: str) -> None:
    check = one(examined(chatting(with_window(tokens), well), **settings), "context window")
    assert check.state == state
    assert bool(check.fix) is (state != "ok")
    assert "OLLAMA_CONTEXT_LENGTH" in check.fix or state == "ok"


def test_a_window_told_only_after_the_load_is_checked_then() -> None:
    loaded: list[object] = []
    documents = {**OLLAMA.documents, "/api/show": {}}

    def answer(request: Received) -> Canned:
        if request.path.endswith("/chat/completions"):
            loaded.append({"name": "qwen3:8b", "context_length": 16384})
            return well(request)
        return Kind({**documents, "/api/ps": {"models": loaded}})(request)

    names = [check.name for check in examined(answer, model="qwen3:8b")]
    assert names.index("context window") > names.index("completion")


def test_a_refused_answer_fails_with_its_remedy() -> None:
    def out_of_memory(request: Received) -> Canned:
        del request
        return json_answer({"error": {"message": "cudaMalloc failed: out of memory"}}, status=500)

    checks = examined(chatting(OLLAMA, out_of_memory))
    check = one(checks, "completion")
    assert (check.state, check.data) == ("failed", {"kind": "load_failed"})
    assert "structured output" not in [each.name for each in checks]


def test_an_answer_in_one_piece_is_a_warning() -> None:
    def whole(request: Received) -> Canned:
        del request
        message = {"role": "assistant", "content": '{"files": []}'}
        return json_answer({"choices": [{"message": message, "finish_reason": "stop"}]})

    assert one(examined(chatting(OLLAMA, whole)), "streaming").state == "warned"


def test_an_answer_that_breaks_off_fails() -> None:
    def broken(request: Received) -> Canned:
        del request
        return sse(delta("def"), delta(" add"), end="reset")

    assert one(examined(chatting(OLLAMA, broken)), "completion").state == "failed"


def test_structured_output_steps_down_to_what_works() -> None:
    def no_schema(request: Received) -> Canned:
        form = request.json().get("response_format", {}).get("type")
        if form == "json_schema":
            return json_answer({"error": "response_format is not supported"}, status=400)
        return answered('{"files": []}')

    check = one(examined(chatting(OLLAMA, no_schema)), "structured output")
    assert (check.state, check.data) == ("ok", {"rung": "json_object"})


def test_structured_output_that_is_ignored_is_a_warning() -> None:
    def prose(request: Received) -> Canned:
        del request
        return answered("The files are index.html and style.css.")

    check = one(examined(chatting(OLLAMA, prose)), "structured output")
    assert (check.state, "structured_output=off" in check.fix) == ("warned", True)


@pytest.mark.parametrize(
    ("kind", "settings", "messages"),
    [
        pytest.param(
            OLLAMA,
            {"model": "qwen3:8b", "reasoning": "off"},
            [f"temperature auto: 0.7 from qwen3's family ({CARD}); top_p auto: 0.8 from qwen3's family ({CARD})"],
            id="by the family",
        ),
        pytest.param(
            VLLM,
            {"model": "Qwen/Qwen3-32B", "temperature": 0.4},
            ["temperature 0.4, as you set it; top_p auto: left out, vLLM applies the model's own"],
            id="left to the server, but for the user's own",
        ),
        pytest.param(
            VLLM,
            {"model": "Qwen/Qwen3-32B", "extra_body": {"temperature": 0.3}},
            ["temperature 0.3, as you set it; top_p auto: left out, vLLM applies the model's own"],
            id="set in the body",
        ),
        pytest.param(
            OTHER,
            {"model": "something", "plan": Stage(temperature=0.9)},
            [
                f"plan: temperature 0.9, as you set it; top_p auto: 0.95, {UNKNOWN}",
                f"files, code, fix: temperature auto: 0.2, {UNKNOWN}; top_p auto: 0.95, {UNKNOWN}",
            ],
            id="another for the plan",
        ),
    ],
)
def test_the_sampling_that_is_sent_is_told_with_its_origin(
    kind: Kind, settings: dict[str, Any], messages: list[str]
) -> None:
    checks = examined(kind, **settings)
    assert [each.message for each in checks if each.name == "sampling"] == messages


def test_sampling_that_is_left_to_the_server_is_told_with_its_figures() -> None:
    check = one(examined(OWN, model="Qwen3-8B-Q4_K_M.gguf"), "sampling")
    left = "left out, llama.cpp applies the model's own"
    assert check.message == f"temperature auto: {left} (0.6); top_p auto: {left} (0.95)"
    assert check.data == {"temperature": None, "top_p": None}


def test_sampling_that_the_server_refuses_is_said_to_be_left_out() -> None:
    def refusing(request: Received) -> Canned:
        if "top_p" in request.json():
            message = "`temperature` and `top_p` cannot both be specified for this model"
            return json_answer({"error": {"message": message}}, status=400)
        return well(request)

    check = one(examined(chatting(OTHER, refusing), model="something"), "sampling")
    assert check.message.endswith("; top_p left out, as the server refuses it")
    assert check.data == {"temperature": 0.2, "top_p": None}


def test_more_requests_than_slots_is_a_warning() -> None:
    check = one(examined(chatting(LLAMA_CPP, well), max_concurrency=8), "parallel")
    assert (check.state, check.fix) == ("warned", "`-c max_concurrency=4`")


def test_everything_found_can_be_written_as_json() -> None:
    checks = examined(chatting(OLLAMA, well))
    assert json.loads(json.dumps([dict(check.data) for check in checks]))


def test_a_cold_ollama_is_loaded_once_to_tell_its_window() -> None:
    server = Ollama(window=16_384)
    checks = examined(server, model="m", provider="ollama")
    assert one(checks, "context window").message == "16,384 tokens"
    assert states(checks).index(("context window", "ok")) < len(checks) - 3


def test_an_answer_without_a_finish_reason_is_worth_a_warning() -> None:
    def unsaid(request: Received) -> Canned:
        del request
        return sse(delta("def"), delta(" add"), delta("():"), "[DONE]")

    check = one(examined(chatting(OLLAMA, unsaid)), "completion")
    assert (check.state, check.data["finish_reason"]) == ("warned", None)
    assert check.message.endswith("does not say why it stops: an answer counts as whole when its code block is closed")
    assert check.fix == ("update the server, or the gateway in front of it: others end with a `finish_reason`")


def test_an_answer_of_one_token_says_nothing_about_streaming() -> None:
    single = sse(delta("pass"), delta(finish="stop"))
    checks = examined(lambda each: single if "chat" in each.path else OLLAMA(each), model="qwen3:8b")
    assert one(checks, "streaming").state == "ok"
    assert one(checks, "streaming").message == "the answer was too short to come in pieces"

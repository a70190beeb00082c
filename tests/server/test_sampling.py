"""The sampling of a request by kind of server: the user's, the model's own, its family's, or ours."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from smol_dev.chat import Facts, Message, Request
from smol_dev.config.model import Profile, Stage
from smol_dev.server.client import Client
from smol_dev.server.families import FALLBACK, auto_note, figures, own_figures, sampling, warmed
from tests.fake_server import FakeServer
from tests.server.kinds_of_servers import KOBOLDCPP, LITELLM, LLAMA_CPP, LM_STUDIO, OLLAMA, VLLM, Kind

TURNS = (Message("system", "be exact"), Message("user", "write a.py"))
QWEN3_MODELFILE = """\
repeat_penalty                 1
stop                           "<|im_start|>"
stop                           "<|im_end|>"
temperature                    0.6
top_k                          20
top_p                          0.95
"""


def with_documents(kind: Kind, **documents: object) -> Kind:
    """The same server with other answers, by path without its first slash."""
    named = {f"/{path.replace('__', '/')}": document for path, document in documents.items()}
    return Kind({**kind.documents, **named}, kind.headers, unknown=kind.unknown)


def props(temperature: float, top_p: float, top_k: int) -> dict[str, object]:
    """What llama.cpp tells of its defaults, numbers as it prints them."""
    params = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "min_p": 0.05}
    return {"total_slots": 1, "default_generation_settings": {"n_ctx": 8192, "params": params}}


BUILT_IN = with_documents(LLAMA_CPP, props=props(0.800000011920929, 0.949999988079071, 40))
OWN = with_documents(LLAMA_CPP, props=props(0.6000000238418579, 0.949999988079071, 20))
OLD = with_documents(
    LLAMA_CPP, props={"default_generation_settings": {"n_ctx": 8192, "temperature": 0.3, "top_p": 0.9}}
)
SHOWN = with_documents(OLLAMA, api__show={"parameters": QWEN3_MODELFILE})
SILENT = with_documents(OLLAMA, api__show={"parameters": ""})


def sent(kind: Kind, *, warmth: float = 0.0, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - settings
    """The body of one request to such a server."""

    async def ask(profile: Profile) -> None:
        client = Client(profile, environ={})
        request = Request("code", TURNS, max_tokens=100, warmth=warmth)
        _ = [item async for item in client.ask(request)]
        await client.aclose()

    with FakeServer(kind) as server:
        asyncio.run(ask(Profile(base_url=server.base_url, **settings)))
        [chat] = server.chats
    body = chat.json()
    assert isinstance(body, dict)
    return body


def chosen(profile: Profile, facts: Facts | None = None, warmth: float = 0.0) -> dict[str, float]:
    """The sampling that such settings send."""
    own = {name: getattr(profile, name) for name in FALLBACK}
    return sampling(own, profile.model, profile.reasoning, facts or Facts(), warmth)


def sampled(body: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return body.get("temperature"), body.get("top_p")


CASES = [
    pytest.param(SHOWN, {"model": "qwen3:8b"}, (0.6, 0.95), id="ollama-tells"),
    pytest.param(
        with_documents(OLLAMA, api__show={"parameters": "temperature 0.3"}),
        {"model": "qwen3:8b"},
        (0.3, 0.95),
        id="ollama-tells-one-of-them",
    ),
    pytest.param(SILENT, {"model": "qwen2.5-coder:7b"}, (0.7, 0.8), id="ollama-family"),
    pytest.param(SILENT, {"model": "mine:7b"}, (0.2, 0.95), id="ollama-nothing-known"),
    pytest.param(SHOWN, {"model": "qwen3:8b", "reasoning": "off"}, (0.7, 0.8), id="ollama-without-thinking"),
    pytest.param(
        with_documents(OLLAMA, api__show={"parameters": "temperature 0.1\ntop_p 0.5"}),
        {"model": "qwen3:8b", "reasoning": "off"},
        (0.1, 0.5),
        id="ollama-own-modelfile-without-thinking",
    ),
    pytest.param(OWN, {"model": "Qwen3-8B-Q4_K_M.gguf"}, (None, None), id="llamacpp-own"),
    pytest.param(OLD, {"model": "m"}, (None, None), id="llamacpp-own-old-build"),
    pytest.param(BUILT_IN, {"model": "Qwen3-8B-Q4_K_M.gguf"}, (0.6, 0.95), id="llamacpp-family"),
    pytest.param(BUILT_IN, {"model": "m"}, (0.2, 0.95), id="llamacpp-nothing-known"),
    pytest.param(VLLM, {"model": "Qwen/Qwen3-32B"}, (None, None), id="vllm"),
    pytest.param(VLLM, {"model": "Qwen/Qwen3-32B", "reasoning": "off"}, (0.7, 0.8), id="vllm-no-thinking"),
    pytest.param(LM_STUDIO, {"model": "qwen/qwen3-8b"}, (0.6, 0.95), id="lmstudio-family"),
    pytest.param(LM_STUDIO, {"model": "mine"}, (0.2, 0.95), id="lmstudio-nothing-known"),
    pytest.param(LITELLM, {"model": "gemma3"}, (1.0, 0.95), id="litellm-family"),
    pytest.param(LITELLM, {"model": "gpt-5-mini", "provider": "openai"}, (None, None), id="openai"),
    pytest.param(SILENT, {"model": "codestral:22b"}, (0.2, 0.95), id="family-without-published-figures"),
    pytest.param(VLLM, {"model": "moonshotai/Kimi-K2.5", "reasoning": "off"}, (0.6, 0.95), id="vllm-kimi-no-thinking"),
    pytest.param(LM_STUDIO, {"model": "openai/gpt-oss-20b", "reasoning": "low"}, (1.0, 1.0), id="lmstudio-gpt-oss"),
    pytest.param(KOBOLDCPP, {"model": "devstral"}, (0.15, 0.95), id="family-with-one-figure"),
]


@pytest.mark.parametrize(("kind", "settings", "expected"), CASES)
def test_auto_is_the_model_s_own_as_this_server_knows_it(
    kind: Kind, settings: dict[str, Any], expected: tuple[float | None, float | None]
) -> None:
    assert sampled(sent(kind, **settings)) == expected


@pytest.mark.parametrize("kind", [SHOWN, OWN, BUILT_IN, VLLM, LM_STUDIO, LITELLM])
@pytest.mark.parametrize("warmth", [0.0, 0.4])
def test_a_number_of_the_user_is_sent_as_it_is_always(kind: Kind, warmth: float) -> None:
    body = sent(kind, model="qwen3:8b", temperature=0.0, top_p=0.5, warmth=warmth)
    assert sampled(body) == (0.0, 0.5)


def test_one_number_of_the_user_leaves_the_other_to_the_server() -> None:
    assert sampled(sent(VLLM, model="m", temperature=0.1)) == (0.1, None)
    assert sampled(sent(VLLM, model="m", top_p=0.5)) == (None, 0.5)


@pytest.mark.parametrize(
    ("kind", "model", "warmth", "expected"),
    [
        pytest.param(SHOWN, "qwen3:8b", 0.2, (0.8, 0.95), id="ollama"),
        pytest.param(BUILT_IN, "m", 0.4, (0.6, 0.95), id="nothing known"),
        pytest.param(OWN, "m", 0.2, (0.8, None), id="from what llama.cpp would apply"),
        pytest.param(LITELLM, "gemma3", 0.2, (1.0, 0.95), id="never above 1.0 by that"),
        pytest.param(VLLM, "Qwen/Qwen3-32B", 0.2, (0.8, None), id="from what the makers advise, as vLLM tells nothing"),
        pytest.param(VLLM, "m", 0.2, (None, None), id="nobody knows from where"),
    ],
)
def test_a_retry_is_warmer_than_what_is_the_model_s_own(
    kind: Kind, model: str, warmth: float, expected: tuple[float | None, float | None]
) -> None:
    assert sampled(sent(kind, model=model, warmth=warmth)) == expected


@pytest.mark.parametrize(
    ("temperature", "warmth", "expected"),
    [
        pytest.param(0.2, 0.0, 0.2, id="the first try"),
        pytest.param(0.2, 0.4, 0.6, id="the third"),
        pytest.param(0.9, 0.4, 1.0, id="up to 1"),
        pytest.param(1.5, 0.2, 1.5, id="what is above 1 stays"),
    ],
)
def test_a_request_sent_again_is_a_little_warmer(temperature: float, warmth: float, expected: float) -> None:
    assert warmed(temperature, warmth) == expected


def test_each_stage_has_the_sampling_of_its_own_model_and_thinking() -> None:
    profile = Profile(model="qwen3:8b", reasoning="off", plan=Stage(reasoning="high"), code=Stage(model="gemma3"))
    assert [chosen(profile.stage(stage)) for stage in ("plan", "files", "code")] == [
        {"temperature": 0.6, "top_p": 0.95},
        {"temperature": 0.7, "top_p": 0.8},
        {"temperature": 1.0, "top_p": 0.95},
    ]


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("temperature 1\ntop_p 0.95", {"temperature": 1.0, "top_p": 0.95}),
        ('temperature    "0.7"', {"temperature": 0.7}),
        ("temperature hot\ntop_p\n", {}),
        ("temperature nan\ntop_p inf", {}),
        ("temperature -1", {}),
        ({"temperature": True, "top_p": None, "top_k": [1]}, {}),
        ({"temperature": 0.800000011920929, "top_k": 40}, {"temperature": 0.8, "top_k": 40}),
        (["temperature"], {}),
        (None, {}),
    ],
    ids=str,
)
def test_what_a_server_tells_is_read_with_care(told: object, found: dict[str, float]) -> None:
    assert figures(told) == found


def test_figures_that_could_not_be_sent_are_no_figures() -> None:
    assert own_figures({"temperature": 9.0, "top_p": 7.0}, {}) == {}
    assert own_figures({"top_k": 20.0}, {}) == {}


def test_what_the_server_applies_but_does_not_tell_is_left_to_it() -> None:
    assert chosen(Profile(model="m"), Facts(applies_sampling=True)) == {}
    told = Facts(applies_sampling=True, sampling={"temperature": 0.7})
    assert chosen(Profile(model="m"), told, 0.2) == {"temperature": 0.9}
    assert chosen(Profile(model="m"), replace(told, applies_sampling=False)) == {"temperature": 0.7, "top_p": 0.95}


CARD = "https://huggingface.co/Qwen/Qwen3-8B#best-practices"


@pytest.mark.parametrize(
    ("model", "reasoning", "provider", "note"),
    [
        ("qwen3:8b", "off", "lmstudio", f"auto: 0.7 from qwen3's family (source {CARD})"),
        ("qwen3:8b", "auto", "compatible", f"auto: 0.6 from qwen3's family (source {CARD}, with thinking)"),
        (
            "qwen3:8b",
            "off",
            "ollama",
            f"auto: 0.7 from qwen3's family (source {CARD}); what `ollama show` tells comes first",
        ),
        ("qwen3:8b", "auto", "vllm", "auto: left out, vLLM applies the model's own (its `generation_config.json`)"),
        ("gpt-5-mini", "auto", "openai", "auto: left out, OpenAI applies the model's own"),
        ("codestral:22b", "auto", "lmstudio", "auto: 0.2, because no figures are published for codestral's family"),
        ("mine", "auto", "compatible", "auto: 0.2, because no figure is known for this model"),
        ("", "auto", "auto", "auto: 0.2, because no model is named; what the server tells of the model comes first"),
    ],
)
def test_what_auto_stands_for_is_told_without_a_server(model: str, reasoning: str, provider: str, note: str) -> None:
    told = auto_note("temperature", model=model, reasoning=reasoning, provider=provider)
    assert told == note

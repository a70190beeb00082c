"""Known servers: recognised by what they answer, asked for what they tell, with remedies of their own."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import get_args

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.chat import Facts
from smol_dev.config.endpoint import PROVIDERS, ProviderName
from smol_dev.server.failures import table
from smol_dev.server.families import family_of
from smol_dev.server.known import (
    BYTES,
    FailureKind,
    KnownServer,
    Offer,
    Place,
    Prober,
    facts,
    generic,
    look,
    named,
    offers,
    root_of,
    servers,
    size_of,
    values,
)
from smol_dev.server.transport import open_client
from tests.fake_server import Canned, FakeServer, Received, json_answer, refusing_port, text_answer
from tests.server.kinds_of_servers import KINDS, LLAMA_CPP, LM_STUDIO, OLLAMA, Kind, models, recognise

Question = Callable[[Prober], Awaitable[object]]


def known(name: str) -> KnownServer:
    return next(each for each in servers() if each.name == name)


def asked(base_url: str, question: Question) -> object:
    async def ask() -> object:
        async with open_client(base_url, environ={}) as client:
            return await question(Prober(client, base_url))

    return asyncio.run(ask())


def answer_of(kind: Kind, question: Question, path: str = "/v1") -> object:
    with FakeServer(kind) as server:
        return asked(f"{server.origin}{path}", question)


@pytest.mark.parametrize("name", KINDS)
def test_each_server_is_recognised_on_any_port(name: str) -> None:
    kind, path = KINDS[name]
    found = answer_of(kind, recognise, path)
    assert isinstance(found, KnownServer)
    assert found.name == name


def test_a_server_is_recognised_without_its_path_too() -> None:
    found = answer_of(OLLAMA, recognise, "")
    assert isinstance(found, KnownServer)
    assert found.name == "Ollama"


def test_a_server_far_away_is_asked_for_its_models_alone() -> None:
    paths = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        paths.append(str(request.url))
        return httpx2.Response(200, json=models("vllm", "m"))

    async def ask() -> str:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
            return (await recognise(Prober(client, "https://llm.example.com/v1"))).name

    assert asyncio.run(ask()) == "vLLM"
    assert paths == ["https://llm.example.com/v1/models"]


FACTS = [
    ("Ollama", "qwen3:8b", (4096, None, 8_200_000_000)),
    ("Ollama", "llama3.2", (16384, None, 3_200_000_000)),
    ("LM Studio", "google/gemma-3-12b", (8192, None, 12_000_000_000)),
    ("LM Studio", "qwen/qwen3-8b", (None, None, 8_000_000_000)),
    ("llama.cpp", "whatever", (16384, 4, 7_615_616_512)),
    ("vLLM", "Qwen/Qwen3-32B", (32768, None, 32_000_000_000)),
    ("koboldcpp", "koboldcpp/Mistral-7B", (6144, None, 7_000_000_000)),
    ("Docker Model Runner", "ai/qwen3", (4096, None, None)),
    ("Lemonade", "Qwen3-4B-GGUF", (None, None, 4_000_000_000)),
    ("compatible", "something", (None, None, None)),
]


@pytest.mark.parametrize(("name", "model", "expected"), FACTS)
def test_a_server_tells_its_loaded_window_slots_and_size(
    name: str, model: str, expected: tuple[int | None, int | None, int | None]
) -> None:
    kind, path = KINDS[name]
    found = answer_of(kind, lambda prober: facts(prober, model, known(name)), path)
    assert isinstance(found, Facts)
    assert (found.window, found.slots, found.parameters) == expected
    assert (found.server, found.model) == (name, model)
    assert found.enlarge


def instance(name: str, window: int) -> dict[str, object]:
    return {"id": name, "config": {"context_length": window, "parallel": 4}}


HEADLESS = Kind(
    {
        "/v1/models": models("organization_owner", "qwen/qwen3-8b", "qwen/qwen3-8b:2", "mine", "openai/gpt-oss-20b"),
        "/api/v1/models": {
            "models": [
                {
                    "type": "llm",
                    "key": "qwen/qwen3-8b",
                    "size_bytes": 4_700_000_000,
                    "params_string": "8B",
                    "loaded_instances": [
                        instance("qwen/qwen3-8b", 16_384),
                        instance("qwen/qwen3-8b:2", 4096),
                        instance("mine", 8192),
                    ],
                    "max_context_length": 40_960,
                },
                {
                    "type": "llm",
                    "key": "openai/gpt-oss-20b",
                    "size_bytes": 12_100_000_000,
                    "params_string": "20B",
                    "loaded_instances": [],
                    "max_context_length": 131_072,
                },
            ]
        },
    },
    unknown={"error": "Unexpected endpoint or method. (GET /x)"},
)
"""LM Studio 0.4 without a window, one model of it loaded three times, once with an `--identifier`."""


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("qwen/qwen3-8b", (16_384, 40_960, 4, 8_000_000_000)),
        ("qwen/qwen3-8b:2", (4096, None, 4, 8_000_000_000)),
        ("mine", (8192, None, 4, None)),
        ("openai/gpt-oss-20b", (None, 131_072, None, 20_000_000_000)),
    ],
)
def test_lm_studio_tells_the_window_of_the_instance_that_is_meant(
    model: str, expected: tuple[int | None, int | None, int | None, int | None]
) -> None:
    found = answer_of(HEADLESS, lambda prober: facts(prober, model, known("LM Studio")))
    assert isinstance(found, Facts)
    assert (found.window, found.limit, found.slots, found.parameters) == expected


def test_lm_studio_tells_window_and_slots_of_an_instance_of_another_name() -> None:
    documents = {"models": [{"key": "qwen/qwen3-8b", "loaded_instances": [instance("a", 8192), instance("b", 4096)]}]}
    kind = Kind({"/api/v1/models": documents}, unknown={"error": "Unexpected endpoint"})
    found = answer_of(kind, lambda prober: facts(prober, "qwen/qwen3-8b", known("LM Studio")))
    assert isinstance(found, Facts)
    assert (found.window, found.slots) == (4096, 4)


def test_lm_studio_tells_which_instances_are_loaded() -> None:
    found = answer_of(HEADLESS, lambda prober: offers(prober, known("LM Studio")))
    assert isinstance(found, tuple)
    assert [(each.name, each.loaded, each.size) for each in found] == [
        ("qwen/qwen3-8b", True, 4_700_000_000),
        ("qwen/qwen3-8b:2", True, None),
        ("mine", True, None),
        ("openai/gpt-oss-20b", False, 12_100_000_000),
    ]


@pytest.mark.parametrize(
    ("kind", "commands"),
    [
        ("not_running", ["lms server start", "lms daemon up"]),
        ("model_missing", ["lms ls", "lms get qwen/qwen3-8b"]),
        ("not_loaded", ["lms load qwen/qwen3-8b"]),
        ("load_failed", ["lms unload --all", "lms load qwen/qwen3-8b --context-length 8192"]),
        ("context", ["lms unload qwen/qwen3-8b", "lms load qwen/qwen3-8b --context-length WINDOW"]),
        ("silent_truncation", ["lms unload qwen/qwen3-8b", "lms load qwen/qwen3-8b --context-length WINDOW"]),
        ("crashed", ["lms load qwen/qwen3-8b --gpu 0.5", "lms log stream"]),
    ],
)
def test_the_remedy_on_lm_studio_is_what_one_types_without_its_window(kind: FailureKind, commands: list[str]) -> None:
    remedy = known("LM Studio").remedy(kind, model="qwen/qwen3-8b")
    assert [each for each in commands if f"`{each}`" not in remedy] == []


def test_offers_are_all_models_with_what_is_told_about_each() -> None:
    found = answer_of(OLLAMA, lambda prober: offers(prober, known("Ollama")))
    assert found == (
        Offer("nomic-embed-text:latest", loaded=False, window=None, parameters=137_000_000, chats=False),
        Offer("llama3.2:latest", loaded=False, window=None, parameters=3_200_000_000),
        Offer("qwen3:8b", loaded=True, window=4096, parameters=8_200_000_000),
    )


def test_a_server_that_lists_only_what_is_loaded_has_it_loaded() -> None:
    found = answer_of(LLAMA_CPP, lambda prober: offers(prober, known("llama.cpp")))
    assert found == (Offer("/models/qwen.gguf", loaded=True, window=16384, parameters=7_615_616_512),)


def test_an_embedding_model_is_known_by_its_type_or_name() -> None:
    found = answer_of(LM_STUDIO, lambda prober: offers(prober, known("LM Studio")))
    assert isinstance(found, tuple)
    assert [(each.name, each.chats, each.loaded) for each in found] == [
        ("text-embedding-nomic", False, False),
        ("qwen/qwen3-8b", True, False),
        ("google/gemma-3-12b", True, True),
    ]


HOSTILE = [
    json_answer({"data": None}),
    json_answer({"data": [None, 1, {"id": 5}, {"id": ""}, {"id": [1]}]}),
    json_answer([]),
    json_answer({"models": [{"name": "m", "context_length": True, "details": 7}], "data": [{"id": "m", "meta": []}]}),
    text_answer("[" * 50_000, kind="application/json"),
    text_answer("x" * (5 * 1024 * 1024)),
    text_answer("\x00\xff\x1b[2J"),
    Canned(raw=b"not http at all\r\n\r\n", end="close"),
    Canned(500, {}, [b"boom"]),
    Canned(200, {"content-encoding": "gzip"}, [b"\x1f\x8b"]),
    Canned(200, {}, [b"{"], end="reset"),
]


@pytest.mark.parametrize("name", ["Ollama", "LM Studio", "llama.cpp", "vLLM"])
def test_no_answer_whatever_breaks_a_question(name: str) -> None:
    for answer in HOSTILE:
        with FakeServer(answer) as server:
            found = asked(server.base_url, lambda prober: facts(prober, "m", known(name)))
            assert isinstance(found, Facts)
            assert (found.window, found.slots) == (None, None)
            asked(server.base_url, lambda prober: offers(prober, known(name)))
            asked(server.base_url, recognise)


def test_no_server_at_all_breaks_no_question() -> None:
    base_url = f"http://127.0.0.1:{refusing_port()}/v1"
    assert asked(base_url, recognise) is generic()
    assert asked(base_url, lambda prober: offers(prober, known("Ollama"))) == ()


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(["data", "id", "models", "name", "key", "loaded_instances", "config", "context_length", "meta"])


@settings(deadline=None, max_examples=60)
@given(
    document=st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
)
def test_a_way_into_any_document_ends_in_a_list(document: object) -> None:
    for each in servers():
        for place in each.places(*each.tells):
            assert isinstance(values(document, place.find, "m"), list)


SIZES = [
    ("qwen2.5-coder:7b", 7_000_000_000),
    ("Mixtral-8x7B-Instruct", 56_000_000_000),
    ("Qwen2.5-0.5B", 500_000_000),
    ("qwen3-coder:30b-a3b", 30_000_000_000),
    ("gemma3:270m", 270_000_000),
    ("gemma3n:e4b", 4_000_000_000),
    ("Qwen2.5-7B-Instruct-1M", 7_000_000_000),
    ("deepseek-r1-0528-qwen3-8b", 8_000_000_000),
    ("kimi-k2:1t-cloud", 1_000_000_000_000),
    ("llama3.2", None),
    ("bge-m3", None),
    ("Qwen3-8bit", None),
    ("gpt-4o-2024-08-06", None),
    ("", None),
]


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_a_name_tells_the_size(name: str, size: int | None) -> None:
    assert size_of(name) == size


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        ("http://h:1/v1", "http://h:1"),
        ("http://h:1/v1/", "http://h:1"),
        ("http://h:1", "http://h:1"),
        ("http://h:1/engines/v1", "http://h:1"),
        ("http://h:1/engines/llama.cpp/v1", "http://h:1"),
        ("http://h:1/api/v1", "http://h:1"),
        ("http://h:1/gateway/v1", "http://h:1/gateway"),
    ],
)
def test_the_root_is_the_address_without_the_path_of_the_api(base_url: str, root: str) -> None:
    assert root_of(base_url) == root


@pytest.mark.parametrize("provider", [each for each in PROVIDERS if each not in {"auto", "compatible"}])
def test_each_provider_that_names_a_server_has_its_entry(provider: str) -> None:
    found = named(provider)
    assert found is not None
    assert found.provider == provider


def test_every_provider_can_be_named() -> None:
    assert set(get_args(ProviderName)) == set(PROVIDERS)


def test_what_each_known_server_answers_is_written_down() -> None:
    others = {"OpenAI", "the demo server"}
    assert {each.name for each in servers()} - others <= set(KINDS)


def test_auto_and_compatible_leave_the_server_open() -> None:
    assert (named("auto"), named("compatible")) == (None, None)


def test_every_entry_of_the_tables_is_sound() -> None:
    kinds = set(get_args(FailureKind))
    assert set(generic().remedies) == kinds
    assert {each.kind for each in table().signs} <= kinds
    for each in servers():
        assert set(each.remedies) <= kinds
        assert set(each.structured) <= {"json_schema", "json_object"}
        assert each.path.startswith("/")
        for pattern in (*each.signs.values(), each.words):
            re.compile(pattern)
    names = [sign.name for sign in table().signs]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("needed", "limit", "expected"),
    [
        (5_000, None, "OLLAMA_CONTEXT_LENGTH=8192 "),
        (8_192, None, "OLLAMA_CONTEXT_LENGTH=8192 "),
        (8_193, 131_072, "OLLAMA_CONTEXT_LENGTH=16384 "),
        (40_000, None, "OLLAMA_CONTEXT_LENGTH=65536 "),
        (35_000, 40_960, "OLLAMA_CONTEXT_LENGTH=40960 "),
        (50_000, 40_960, "about 50,000 tokens are needed, and this model is made for 40,960 at most"),
    ],
)
def test_a_remedy_names_the_window_that_is_needed_and_that_the_model_allows(
    needed: int, limit: int | None, expected: str
) -> None:
    enlarge = known("Ollama").remedy("context")
    assert expected in Facts(enlarge=enlarge, limit=limit).larger(needed)


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [("auto", {}), ("off", {"reasoning_effort": "none"}), ("low", {"reasoning_effort": "low"})],
)
def test_thinking_is_set_in_the_way_of_the_server(reasoning: str, expected: dict[str, object]) -> None:
    assert known("Ollama").thinking(reasoning) == expected


OFF, ON = {"enable_thinking": False}, {"enable_thinking": True}


@pytest.mark.parametrize(
    ("server", "model", "reasoning", "expected"),
    [
        ("Ollama", "qwen3:8b", "off", {"reasoning_effort": "none"}),
        ("Ollama", "qwen3:8b", "high", {"reasoning_effort": "high"}),
        ("Ollama", "qwen2.5-coder:7b", "high", {}),
        ("Ollama", "qwen2.5-coder:7b", "off", {}),
        ("Ollama", "gpt-oss:20b", "off", {"reasoning_effort": "low"}),
        ("Ollama", "gpt-oss:20b", "medium", {"reasoning_effort": "medium"}),
        ("LM Studio", "qwen/qwen3-8b", "off", {"reasoning_effort": "none"}),
        ("llama.cpp", "Qwen3-8B-Q4_K_M.gguf", "off", {"chat_template_kwargs": OFF}),
        ("llama.cpp", "Qwen3-8B-Q4_K_M.gguf", "low", {"chat_template_kwargs": ON}),
        ("llama.cpp", "gemma-4-12b-it.gguf", "high", {"chat_template_kwargs": ON}),
        (
            "llama.cpp",
            "gpt-oss-20b-mxfp4.gguf",
            "high",
            {"reasoning_effort": "high", "chat_template_kwargs": {"reasoning_effort": "high"}},
        ),
        ("vLLM", "Qwen/Qwen3-32B", "off", {"chat_template_kwargs": OFF}),
        ("vLLM", "deepseek-ai/DeepSeek-V3.1", "high", {"chat_template_kwargs": {"thinking": True}}),
        ("vLLM", "meta-llama/Llama-3.3-70B-Instruct", "off", {}),
        ("vLLM", "unknown", "off", {"chat_template_kwargs": {**OFF, "thinking": False}}),
        ("llama.cpp", "unknown", "high", {"reasoning_effort": "high"}),
        ("LiteLLM", "gpt-oss-120b", "high", {"reasoning_effort": "high"}),
        ("LiteLLM", "unknown", "off", {}),
        ("vLLM", "Qwen/Qwen3-32B", "auto", {}),
    ],
)
def test_thinking_is_set_in_the_way_of_the_family_too(
    server: str, model: str, reasoning: str, expected: dict[str, object]
) -> None:
    assert known(server).thinking(reasoning, family_of(model)) == expected


def test_what_took_too_long_or_told_too_much_is_not_asked_again() -> None:
    def answer(received: Received) -> Canned:
        if received.path == "/v1/models":
            return Canned(pieces=[b" " * 2**20] * 6, end="close")
        if received.path == "/api/extra/version":
            return Canned(pieces=[b"{"] * 1000, pause=0.05)
        return Canned(status=404)

    async def look_three_times(prober: Prober) -> set[str]:
        for _ in range(3):
            prober.left = 1.0  # as if nothing had been charged: the questions alone are looked at
            await look(prober)
        return prober.overdue

    with FakeServer(answer) as server:
        overdue = asked(server.base_url, look_three_times)
        paths = Counter(each.path for each in server.requests)
    assert overdue == {f"{server.base_url}/models", f"{server.origin}/api/extra/version"}
    assert (paths["/v1/models"], paths["/api/extra/version"], paths["/"]) == (1, 1, 3)


def test_answers_at_the_same_time_share_their_bytes() -> None:
    body = b"x" * (BYTES - 1)
    places = [Place(f"/{number}", "") for number in range(4)]

    async def ask() -> tuple[int, int]:
        transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, content=body))
        async with httpx2.AsyncClient(transport=transport) as client:
            prober = Prober(client, "http://localhost/v1")
            first, again = await prober.fetch_all(places), await prober.fetch_all(places)
            return len(first), len(again)

    assert asyncio.run(ask()) == (2, 2)


def test_all_that_takes_too_long_is_waited_for_once() -> None:
    async def look_and_ask(prober: Prober) -> tuple[bool, int, int]:
        prober.left = 0.3
        await look(prober)
        first = len(server.requests)
        await facts(prober, "m", known("Ollama"))
        return prober.left <= 0, first, len(server.requests)

    with FakeServer(lambda _: Canned(pieces=[b" "] * 1000, pause=0.05)) as server:
        found = asked(server.base_url, look_and_ask)
    assert isinstance(found, tuple)
    assert found == (True, found[1], found[1])

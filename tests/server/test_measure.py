"""What a server tells before it is asked: the window of a cold model, the size of a prompt, a cloud."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from smol_dev.chat import Measured, Message, Reply, Request
from smol_dev.config.model import Profile
from smol_dev.errors import ServerError, SmolError, TrustError
from smol_dev.server.client import Client
from tests.fake_server import Answers, Canned, FakeServer, Received, answered, json_answer, text_answer
from tests.server.kinds_of_servers import LLAMA_CPP, VLLM, models

Result = TypeVar("Result")
TURNS = (Message("system", "be exact"), Message("user", "hello"))


@dataclass
class Ollama:
    """A cold Ollama: the window is told once the model is loaded; an alias may be of the cloud."""

    window: int = 4096
    aliases: dict[str, str] = field(default_factory=dict)
    loaded: bool = False
    tells_tags: bool = True
    tells_show: bool = True

    def __call__(self, request: Received) -> Canned:
        match request.path:
            case "/":
                return text_answer("Ollama is running")
            case "/v1/models":
                return json_answer(models("library", "m:latest", *self.aliases))
            case "/api/tags" if self.tells_tags:
                return json_answer({"models": [self.entry(name) for name in ("m", *self.aliases)]})
            case "/api/show" if self.tells_show:
                return json_answer({**self.entry(request.json()["model"]), "model_info": {"x.context_length": 40_960}})
            case "/api/ps":
                entry = {"name": "m:latest", "context_length": self.window}
                return json_answer({"models": [entry] if self.loaded else []})
            case "/api/generate" | "/v1/chat/completions":
                self.loaded = True
                return answered("done") if "chat" in request.path else json_answer({"done": True})
        return text_answer("404 page not found", status=404)

    def entry(self, name: str) -> dict[str, str]:
        host = self.aliases.get(name.strip())
        return {"name": name} | ({"remote_host": host, "remote_model": name} if host else {})


def measured(answers: Answers, **settings: str) -> tuple[Measured, list[Received]]:
    async def work(client: Client) -> Measured:
        return await client.measure("plan", TURNS)

    with FakeServer(answers) as server:
        return asyncio.run(with_client(server, work, keep_here=None, **settings)), server.requests


def asked(
    answers: Answers, *, keep_here: SmolError | None = None, max_tokens: int = 100, **settings: object
) -> tuple[Reply | SmolError, list[Received]]:
    """How asking ends, and the prompts that the server got."""

    async def work(client: Client) -> Reply | SmolError:
        try:
            items = [item async for item in client.ask(Request("plan", TURNS, max_tokens))]
        except SmolError as error:
            return error
        assert isinstance(items[-1], Reply)
        return items[-1]

    with FakeServer(answers) as server:
        ended = asyncio.run(with_client(server, work, keep_here=keep_here, **settings))
        return ended, [each for each in server.requests if each.path.endswith("completions")]


async def with_client(
    server: FakeServer,
    work: Callable[[Client], Awaitable[Result]],
    *,
    keep_here: SmolError | None = None,
    **settings: object,
) -> Result:
    profile = Profile.model_validate({"base_url": server.base_url, "model": "m", **settings})
    client = Client(profile, environ={}, keep_here=keep_here)
    try:
        return await work(client)
    finally:
        await client.aclose()


def test_a_cold_ollama_loads_the_model_once_to_tell_its_window() -> None:
    found, requests = measured(Ollama(window=8192), provider="ollama")
    assert found == Measured(window=8192, prompt=None)
    loads = [each.json() for each in requests if each.path == "/api/generate"]
    assert loads == [{"model": "m", "stream": False}]


def test_a_loaded_model_is_not_loaded_again() -> None:
    found, requests = measured(Ollama(loaded=True), provider="ollama")
    assert found.window == 4096
    assert [each for each in requests if each.path == "/api/generate"] == []


@pytest.mark.parametrize(
    ("path", "answer", "expected"),
    [("/v1/chat/completions/input_tokens", {"input_tokens": 27}, 27), ("/tokenize", {"tokens": [1, 2, 3]}, 3 + 2 * 8)],
)
def test_llama_cpp_counts_the_prompt_exactly(path: str, answer: object, expected: int) -> None:
    def llama(request: Received) -> Canned:
        return json_answer(answer) if request.path == path else LLAMA_CPP(request)

    assert measured(llama)[0] == Measured(window=16_384, prompt=expected)


def test_vllm_counts_the_prompt_exactly() -> None:
    def vllm(request: Received) -> Canned:
        if request.path == "/tokenize":
            assert request.json()["messages"][1] == {"role": "user", "content": "hello"}
            return json_answer({"count": 31, "max_model_len": 32_768, "tokens": [1] * 31})
        return VLLM(request)

    assert measured(vllm, model="Qwen/Qwen3-32B")[0] == Measured(window=32_768, prompt=31)


MOST = "This model's maximum context length is {window} tokens"
OLD = (
    f"{MOST}. However, you requested {{total}} tokens ({{prompt}} in the messages, {{answer}} in the"
    " completion). Please reduce the length of the messages or completion."
)
NEW = (
    f"{MOST}. However, you requested {{answer}} output tokens and your prompt contains {{prompt}} input"
    " tokens, for a total of {total} tokens. Please reduce the length of the input prompt or the number"
    " of requested output tokens."
)
TOO_LARGE = (
    f"'max_tokens' or 'max_completion_tokens' is too large: {{answer}}. {MOST} and your request has"
    " {prompt} input tokens ({answer} > {window} - {prompt})."
)
AT_LEAST = NEW.replace("contains {prompt}", "contains at least {prompt}").replace("total of", "total of at least")


@pytest.mark.parametrize("wording", [OLD, NEW, TOO_LARGE, AT_LEAST])
@pytest.mark.parametrize("provider", ["vllm", "compatible"])
def test_what_the_server_says_is_left_is_asked_for_once_more(wording: str, provider: str) -> None:
    def vllm(request: Received) -> Canned:
        if not request.path.endswith("completions"):
            return VLLM(request)
        answer, window, prompt = request.json()["max_tokens"], 8192, 5000
        if prompt + answer <= window:
            return answered("done", prompt_tokens=prompt)
        message = wording.format(answer=answer, window=window, prompt=prompt, total=prompt + answer)
        return json_answer({"error": {"message": message, "code": 400}}, status=400)

    ended, prompts = asked(vllm, max_tokens=6000, provider=provider)
    assert isinstance(ended, Reply)
    assert [each.json()["max_tokens"] for each in prompts] == [6000, 3192]


def test_a_server_that_stops_counting_is_asked_for_half_as_much() -> None:
    def vllm(request: Received) -> Canned:
        if not request.path.endswith("completions"):
            return VLLM(request)
        answer = request.json()["max_tokens"]
        if 5000 + answer <= 8192:
            return answered("done")
        message = AT_LEAST.format(answer=answer, window=8192, prompt=8192 - answer + 1, total=8193)
        return json_answer({"error": {"message": message, "code": 400}}, status=400)

    ended, prompts = asked(vllm, max_tokens=4000)
    assert isinstance(ended, Reply)
    assert [each.json()["max_tokens"] for each in prompts] == [4000, 2000]


def test_a_prompt_that_is_too_long_by_itself_is_asked_once_with_its_size_in_the_message() -> None:
    message = NEW.format(answer=2000, window=8192, prompt=9000, total=11_000)
    refused = json_answer({"error": {"message": message, "code": 400}}, status=400)
    ended, prompts = asked(lambda each: refused if "chat" in each.path else VLLM(each))
    assert isinstance(ended, ServerError)
    assert "(9,000 tokens into 8,192)" in ended.message
    assert "--max-model-len 16384" in ended.hint
    assert len(prompts) == 1


CLOUD = {"fast": "https://ollama.com:443", "other": "http://10.0.0.9:11434"}


@pytest.mark.parametrize("provider", ["auto", "ollama", "compatible", "lmstudio", "vllm"])
@pytest.mark.parametrize(
    ("model", "server"),
    [
        ("fast", Ollama(aliases=CLOUD)),
        ("other", Ollama(aliases=CLOUD)),
        ("fast", Ollama(aliases=CLOUD, tells_tags=False)),
        ("fast", Ollama(aliases=CLOUD, tells_show=False)),
    ],
    ids=["alias", "another machine", "only /api/show", "only /api/tags"],
)
def test_an_alias_of_a_cloud_model_gets_no_prompt(model: str, server: Ollama, provider: str) -> None:
    ended, prompts = asked(server, model=model, provider=provider, local_only=True)
    assert isinstance(ended, ServerError)
    assert ended.kind == "cloud_model"
    assert prompts == []


@pytest.mark.parametrize("model", ["gpt-oss:120b-CLOUD", "kimi:Cloud ", "kimi: cloud"])
def test_a_cloud_model_is_told_by_ollamas_own_rule(model: str) -> None:
    ended, prompts = asked(Ollama(), model=model, provider="ollama", local_only=True)
    assert isinstance(ended, ServerError)
    assert prompts == []


def test_without_local_only_a_cloud_model_is_asked() -> None:
    ended, prompts = asked(Ollama(aliases=CLOUD), model="fast", provider="ollama")
    assert isinstance(ended, Reply)
    assert len(prompts) == 1


def test_what_only_the_user_may_send_away_is_refused_with_the_reason_given() -> None:
    reason = TrustError("the project's file chose it", hint="name it yourself")
    ended, prompts = asked(Ollama(aliases=CLOUD), model="fast", keep_here=reason)
    assert (ended, prompts) == (reason, [])


def test_a_model_that_is_no_cloud_model_is_asked_whatever_its_name_ends_in() -> None:
    ended, _ = asked(Ollama(), model="my-cloud", provider="ollama", local_only=True)
    assert isinstance(ended, Reply)


@pytest.mark.parametrize(("silences", "kind"), [(2, "cloud_model"), (99, "timeout")])
def test_a_server_too_busy_to_say_where_a_model_runs_is_not_trusted(silences: int, kind: str) -> None:
    told, patience = Ollama(aliases=CLOUD), silences

    def busy(request: Received) -> Canned:
        nonlocal patience
        patience -= request.path == "/api/show"
        silent = request.path in {"/api/show", "/api/tags"} and patience > 0
        return Canned(raw=b"", end="close") if silent else told(request)

    with FakeServer(busy) as server:

        async def work(client: Client) -> ServerError | None:
            try:
                async for _ in client.ask(Request("plan", TURNS, 100)):
                    pass
            except ServerError as error:
                return error
            return None

        settings = {"model": "fast", "provider": "ollama", "local_only": True}
        error = asyncio.run(with_client(server, work, **settings))  # type: ignore[arg-type]
    assert error is not None
    assert error.kind == kind
    assert [each for each in server.requests if "chat" in each.path] == []

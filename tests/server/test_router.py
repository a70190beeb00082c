"""llama.cpp with a folder of models, written after its README ("Using multiple models") and its errors."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import parse_qs

import pytest

from smol_dev.chat import Measured, Message, Reply, Request
from smol_dev.config.model import Profile
from smol_dev.errors import ServerError
from smol_dev.server.client import Client
from smol_dev.server.doctor import examine
from smol_dev.server.known import Offer
from tests.fake_server import Canned, FakeServer, Received, answered, json_answer

Result = TypeVar("Result")
TURNS = (Message("system", "be exact"), Message("user", "write a.py"))
PARAMS = {"temperature": 0.6000000238418579, "top_p": 0.949999988079071, "top_k": 20}
BUILT_IN = {"temperature": 0.800000011920929, "top_p": 0.949999988079071, "top_k": 40}


def refused(message: str, status: int = 400) -> Canned:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return json_answer({"error": {"code": status, "message": message, "type": kind}}, status=status)


@dataclass
class Router:
    """Its models by name with their states; a request for one that is not loaded has it loaded, which may take time."""

    states: dict[str, str] = field(
        default_factory=lambda: {"small": "loaded", "big coder": "unloaded", "new": "downloading", "old": "sleeping"}
    )
    autoload: bool = True
    breaks: bool = False
    seconds: float = 0.0
    window: int = 8192
    params: dict[str, float] = field(default_factory=lambda: BUILT_IN)

    def __call__(self, request: Received) -> Canned:
        path, _, query = request.path.partition("?")
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        if path in {"/v1/models", "/models"}:
            answer = json_answer({"object": "list", "data": [self._entry(name) for name in self.states]})
        elif path == "/props" and "model" not in asked:
            settings = {"params": {}, "n_ctx": 0}
            answer = json_answer({"role": "router", "max_instances": 4, "default_generation_settings": settings})
        elif path == "/props":
            settings = {"params": self.params, "n_ctx": self.window}
            answer = self._by(asked["model"], asked) or json_answer(
                {"total_slots": 2, "default_generation_settings": settings}
            )
        elif path == "/v1/chat/completions/input_tokens":
            answer = self._by(request.json()["model"], asked) or json_answer({"input_tokens": 44})
        elif path == "/v1/chat/completions":
            answer = self._by(request.json()["model"], asked) or answered("x = 1", prompt_tokens=44)
        else:
            answer = refused("File Not Found", status=404)
        return replace(answer, headers={**answer.headers, "server": "llama.cpp"})

    def _entry(self, name: str) -> dict[str, object]:
        entry: dict[str, object] = {
            "id": name,
            "object": "model",
            "owned_by": "llamacpp",
            "status": {"value": self.states[name]},
        }
        if self.states[name] == "loaded":
            entry["meta"] = {"n_ctx": self.window, "n_ctx_train": 131_072, "n_params": 7_615_616_512}
        return entry

    def _by(self, name: str, asked: dict[str, str]) -> Canned | None:
        """The error where the model cannot be had; None once it is loaded."""
        if name not in self.states:
            return refused(f"model '{name}' not found")
        if self.states[name] == "unloaded":
            if not self.autoload or asked.get("autoload") == "false":
                return refused("model is not loaded")
            time.sleep(self.seconds)
            if self.breaks:
                return refused(f"model name={name} failed to load", status=500)
            self.states[name] = "loaded"
        return None


def with_client(
    router: Router, work: Callable[[Client], Awaitable[Result]], **settings: object
) -> tuple[Result, list[Received]]:
    async def run(profile: Profile) -> Result:
        client = Client(profile, environ={})
        try:
            return await work(client)
        finally:
            await client.aclose()

    with FakeServer(router) as server:
        profile = Profile.model_validate({"base_url": server.base_url, "model": "big coder", **settings})
        return asyncio.run(run(profile)), server.requests


async def asked(client: Client) -> Reply | ServerError:
    try:
        items = [item async for item in client.ask(Request("plan", TURNS, 100))]
    except ServerError as error:
        return error
    assert isinstance(items[-1], Reply)
    return items[-1]


@pytest.mark.parametrize("model", ["small", "old"])
def test_a_router_tells_window_and_slots_of_a_model_in_memory(model: str) -> None:
    async def work(client: Client) -> tuple[int | None, int | None]:
        facts = await client.facts("plan")
        return facts.window, facts.slots

    assert with_client(Router(), work, model=model)[0] == (8192, 2)


def test_looking_at_a_router_loads_nothing() -> None:
    async def work(client: Client) -> tuple[Offer, ...]:
        await client.facts("plan")
        return await client.offers()

    router = Router()
    offers, _ = with_client(router, work)
    assert [(each.name, each.loaded) for each in offers] == [
        ("small", True),
        ("big coder", False),
        ("new", False),
        ("old", False),
    ]
    assert router.states["big coder"] == "unloaded"


def test_counting_a_prompt_loads_the_model_and_tells_its_window() -> None:
    async def work(client: Client) -> Measured:
        return await client.measure("plan", TURNS)

    assert with_client(Router(), work)[0] == Measured(window=8192, prompt=44)


def test_a_model_that_is_not_loaded_is_loaded_by_asking_for_it_once() -> None:
    async def work(client: Client) -> tuple[Reply | ServerError, int | None]:
        reply = await asked(client)
        return reply, (await client.facts("plan")).window

    (reply, window), requests = with_client(Router(seconds=0.3), work, first_token_timeout=30)
    assert isinstance(reply, Reply)
    assert (reply.text, window) == ("x = 1", 8192)
    assert len([each for each in requests if each.path == "/v1/chat/completions"]) == 1


@pytest.mark.parametrize(
    ("params", "sampling"),
    [
        pytest.param(PARAMS, (None, None), id="the model brings its own"),
        pytest.param(BUILT_IN, (0.2, 0.95), id="the model brings none"),
    ],
)
def test_the_loaded_model_s_own_sampling_is_left_to_the_router(
    params: dict[str, float], sampling: tuple[float | None, float | None]
) -> None:
    _, requests = with_client(Router(params=params), asked, model="small")
    [chat] = [each.json() for each in requests if each.path == "/v1/chat/completions"]
    assert (chat.get("temperature"), chat.get("top_p")) == sampling


@pytest.mark.parametrize(
    ("router", "model", "kind", "hint"),
    [
        pytest.param(
            Router(autoload=False),
            "big coder",
            "not_loaded",
            "load the model in its web page, or start llama-server without `--no-models-autoload`",
            id="it loads nothing by itself",
        ),
        pytest.param(
            Router(breaks=True), "big coder", "load_failed", "use a smaller model or quantization", id="it fails"
        ),
        pytest.param(
            Router(),
            "bigcoder",
            "model_missing",
            "did you mean “big coder”?; `smol_dev models` lists",
            id="no such model",
        ),
    ],
)
def test_a_model_that_cannot_be_had_is_a_failure_with_its_remedy(
    router: Router, model: str, kind: str, hint: str
) -> None:
    error, requests = with_client(router, asked, model=model)
    assert isinstance(error, ServerError)
    assert (error.kind, error.hint[: len(hint)]) == (kind, hint)
    assert len([each for each in requests if each.path == "/v1/chat/completions"]) == 1


def test_doctor_checks_a_model_that_is_loaded_for_it() -> None:
    async def work(client: Client) -> list[tuple[str, str, str]]:
        return [(each.name, each.state, each.message) async for each in examine(client, key="none")]

    checks, _ = with_client(Router(), work)
    assert ("model", "ok", "`big coder` is there, and will be loaded when asked") in checks
    assert [message for name, _, message in checks if name == "parallel"] == ["the server works on 2 requests at once"]
    assert [message for name, _, message in checks if name == "context window"] == [
        "8,192 tokens: the short prompts are used, and only small projects fit"
    ]

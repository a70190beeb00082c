"""Answers as servers were seen to give them (`server_quirks.json`), given again to the real client."""

import asyncio
import json
from pathlib import Path
from typing import Any

from smol_dev.chat import Message, Reply, Request
from smol_dev.config.model import Profile
from smol_dev.errors import ServerError
from smol_dev.server.client import Client
from smol_dev.server.known import KnownServer, servers
from tests.fake_server import Canned, FakeServer, Received

NAMES = {
    "ollama": "Ollama",
    "llama.cpp": "llama.cpp",
    "lmstudio": "LM Studio",
    "vllm": "vLLM",
    "mlx-lm": "MLX",
    "lemonade": "Lemonade",
    "docker-model-runner": "Docker Model Runner",
    "litellm-proxy": "LiteLLM",
    "jan": "Jan",
    "any": "compatible",
}
CASES: dict[str, dict[str, Any]] = {
    case["id"]: case for case in json.loads(Path(__file__).with_name("server_quirks.json").read_text("utf-8"))["cases"]
}


def server(name: str) -> KnownServer:
    """The known server of this name."""
    return next(each for each in servers() if each.name == NAMES.get(name, name))


def canned(case: dict[str, Any]) -> Canned:
    """The answer of the case, with the end that its connection came to."""
    response = case["response"]
    headers = dict(response.get("headers") or {})
    if response.get("content_type"):
        headers["content-type"] = response["content_type"]
    ending = response.get("transport", "")
    lines = response.get("sse_lines")
    body = "\n".join([*lines, ""]) if lines else response.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    cut = any(word in ending for word in ("abort", "abrupt", "inside chunked"))
    return Canned(response["status"] or 200, headers, [text.encode()], "reset" if cut else "close")


class Clock:
    """Time that passes while the client waits, and at no other time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def asked(
    case: dict[str, Any],
    answer: Canned,
    **settings: Any,  # noqa: ANN401 - settings
) -> tuple[Reply | ServerError, list[Received]]:
    """How the client ends with the case's request, and what it sent."""
    known = server(case["server"])
    fields = case["request"]["fields"]
    path = case["request"]["path"].rstrip("/").removesuffix("/chat/completions")
    wants_list = "response_format" in fields
    request = Request(
        "files" if wants_list else "plan",
        (Message("system", "be exact"), Message("user", "hello")),
        max_tokens=100,
        schema={"type": "object"} if wants_list else None,
    )
    if "reasoning_effort" in fields:
        settings = {"reasoning": "low", **settings}
    with FakeServer(answer) as fake:
        profile = Profile(
            base_url=f"{fake.origin}{path}",
            provider=known.provider,
            model=fields.get("model", "m"),
            **{"first_token_timeout": 5.0, **settings},
        )
        return asyncio.run(_ask(profile, known, request)), fake.chats


async def _ask(profile: Profile, known: KnownServer, request: Request) -> Reply | ServerError:
    clock = Clock()
    client = Client(profile, environ={}, clock=clock, sleep=clock.sleep)
    client.known = known
    try:
        items = [item async for item in client.ask(request)]
    except ServerError as error:
        return error
    finally:
        await client.aclose()
    [reply] = [item for item in items if isinstance(item, Reply)]
    return reply

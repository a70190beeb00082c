"""The opening of an answer is given to servers that go on with it, and to no others."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from smol_dev.chat import Message, Note, Reply, Request
from smol_dev.config.model import Profile, Stage
from smol_dev.server.client import Client
from tests.fake_server import Canned, FakeServer, Received, answered, json_answer

TURNS = (Message("system", "be exact"), Message("user", "write a.py"))
CODE = Request("code", TURNS, max_tokens=100, opening="```python\n")
OPENED = {"role": "assistant", "content": "```python\n"}
OPEN_TEMPLATE = "{{ if not $last }}<|im_end|>{{ end }}"
CLOSED_TEMPLATE = "{{ .Content }}<|im_end|>"


class Server(FakeServer):
    """Answers chats one after the other; tells `show` of its model and `size` in its model list."""

    def __init__(self, *chats: Canned, show: dict[str, str] | None = None, size: int | None = None) -> None:
        self.waiting = list(chats)
        self.show = show or {}
        self.size = size
        super().__init__(self.answer)

    def answer(self, request: Received) -> Canned:
        if request.path.endswith("/chat/completions"):
            return self.waiting.pop(0) if len(self.waiting) > 1 else self.waiting[0]
        if request.path == "/api/show":
            return json_answer(self.show)
        meta = {} if self.size is None else {"meta": {"n_params": self.size}}
        return json_answer({"data": [{"id": "m", **meta}]})


def replies(
    server: FakeServer,
    requests: Sequence[Request],
    cache_dir: Path | None = None,
    **settings: Any,  # noqa: ANN401 - settings
) -> list[Reply | Note]:
    profile = Profile.model_validate({"base_url": server.base_url, "model": "m", **settings})

    async def collect() -> list[Reply | Note]:
        client = Client(profile, environ={}, cache_dir=cache_dir)
        try:
            await client.facts("code")
            return [
                item for request in requests async for item in client.ask(request) if isinstance(item, Reply | Note)
            ]
        finally:
            await client.aclose()

    return asyncio.run(collect())


def last_turn(server: FakeServer) -> dict[str, str]:
    turn: dict[str, str] = server.chats[-1].json()["messages"][-1]
    return turn


@pytest.mark.parametrize(
    ("provider", "show", "settings", "given"),
    [
        pytest.param("llamacpp", {}, {}, True, id="llama.cpp"),
        pytest.param("vllm", {}, {}, True, id="vLLM"),
        pytest.param("ollama", {"template": OPEN_TEMPLATE}, {}, True, id="Ollama, an open template"),
        pytest.param("ollama", {"renderer": "qwen3-coder"}, {}, True, id="Ollama, a renderer"),
        pytest.param("ollama", {"template": CLOSED_TEMPLATE}, {}, False, id="Ollama, a closed one"),
        pytest.param("lmstudio", {}, {}, False, id="LM Studio"),
        pytest.param("compatible", {}, {}, False, id="an unknown server"),
        pytest.param("llamacpp", {}, {"answer_opening": "off"}, False, id="switched off"),
    ],
)
def test_an_opening_is_given_to_servers_that_go_on_with_it(
    provider: str, show: dict[str, str], settings: dict[str, Any], *, given: bool
) -> None:
    with Server(answered("A = 1\n```"), show=show) as server:
        [reply] = replies(server, [CODE], provider=provider, **settings)
    assert isinstance(reply, Reply)
    assert (last_turn(server) == OPENED) is given
    assert reply.opening == ("```python\n" if given else "")


def test_vllm_is_told_to_go_on_and_others_get_no_unknown_field() -> None:
    with Server(answered("A = 1\n```")) as server:
        replies(server, [CODE], provider="vllm")
        replies(server, [CODE], provider="llamacpp")
    vllm, llamacpp = [chat.json() for chat in server.chats]
    assert (vllm["continue_final_message"], vllm["add_generation_prompt"]) == (True, False)
    assert "continue_final_message" not in llamacpp


def test_a_refused_opening_is_left_out_and_that_is_remembered() -> None:
    refusal = json_answer(
        {"error": {"message": "Assistant response prefill is incompatible with enable_thinking."}}, status=400
    )
    with Server(refusal, answered("```python\nA = 1\n```")) as server:
        found = replies(server, [CODE, CODE], provider="llamacpp")
    assert [chat.json()["messages"][-1]["role"] for chat in server.chats] == ["assistant", "user", "user"]
    assert [item.opening for item in found if isinstance(item, Reply)] == ["", ""]


@pytest.mark.parametrize(
    ("opening", "text", "went_on"),
    [
        pytest.param("```python\n", "A = 1\n```", True, id="it goes on"),
        pytest.param("```python\n", "```python\nA = 1\n```", False, id="a block of its own"),
        pytest.param("```python\n", "```\nA = 1\n```", False, id="a block without language"),
        pytest.param("````markdown\n", "```sh\nls\n```\n````", True, id="a block within the file"),
        pytest.param("```python\nA = 1", "\n```", True, id="the end of a cut answer"),
        pytest.param("```python\n", "```\n", True, id="the end of an empty file"),
        pytest.param("```python\nA = 1", "```python\nA = 1\n```", False, id="a cut answer anew"),
    ],
)
def test_an_answer_that_opens_a_block_of_its_own_did_not_go_on(opening: str, text: str, *, went_on: bool) -> None:
    request = Request("code", TURNS, max_tokens=100, opening=opening)
    with Server(answered(text)) as server:
        found = replies(server, [request, request], provider="llamacpp")
    assert [item.opening for item in found if isinstance(item, Reply)] == ([opening, opening] if went_on else ["", ""])
    assert (last_turn(server)["role"] == "assistant") is went_on


def test_a_model_that_begins_anew_is_remembered_between_runs_and_told_as_a_detail(tmp_path: Path) -> None:
    with Server(answered("```python\nA = 1\n```")) as server:
        first = replies(server, [CODE], tmp_path, provider="llamacpp")
        replies(server, [CODE], tmp_path, provider="llamacpp")
    assert [item for item in first if isinstance(item, Note)] == [
        Note("the model did not go on with the opening of its answer; it is given none any more", is_detail=True)
    ]
    assert [chat.json()["messages"][-1]["role"] for chat in server.chats] == ["assistant", "user"]


def test_a_model_too_small_to_be_one_is_given_no_opening() -> None:
    with Server(answered("A = 1\n```"), size=300_000) as server:
        replies(server, [CODE], provider="llamacpp")
    assert last_turn(server)["role"] == "user"


def test_where_the_schema_is_enforced_no_opening_and_no_example_is_sent() -> None:
    listing = Request(
        "files",
        TURNS,
        max_tokens=100,
        schema={"type": "object"},
        unenforced="write a.py, for example",
        opening='{"files": ["',
    )
    with Server(answered('{"files": ["a.py"]}')) as server:
        [enforced] = replies(server, [listing], provider="llamacpp")
        enforced_turn = last_turn(server)
        [free] = replies(server, [listing], provider="llamacpp", structured_output="off")
    assert isinstance(enforced, Reply)
    assert isinstance(free, Reply)
    assert (enforced.enforced, enforced.opening) == (True, "")
    assert enforced_turn == {"role": "user", "content": "write a.py"}
    assert (free.enforced, free.opening) == (False, '{"files": ["')
    assert server.chats[-1].json()["messages"][-2:] == [
        {"role": "user", "content": "write a.py, for example"},
        {"role": "assistant", "content": '{"files": ["'},
    ]


def test_the_opening_of_a_stage_is_that_of_its_own_settings() -> None:
    profile = Profile(model="m", code=Stage(answer_opening="off"))
    assert profile.stage("code").answer_opening == "off"
    assert profile.stage("files").answer_opening == "auto"

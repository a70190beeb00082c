"""The llama.cpp server that other tests run against answers exactly its script."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.gguf import UNSCRIPTED, write_model
from tests.real_server import real_server

PLAN = "# Plan\n\n## a.py\n\nprints\n\n## b.py\n\nprints\n"
LIST = '{"files": ["a.py", "b.py"]}'
CODE = "```python\nprint('ä € 😀')\nprint(1)\nprint(1)\nprint(1)\n```"
SCRIPT = [
    ("the plan", PLAN),
    ('say "list"\nnow', LIST),
    ("a list in words", "a.py and b.py"),
    ("a.py", CODE),
    ("silence", ""),
    *((f"word {n}.", f"answer {n}") for n in range(100)),
]
SCHEMA = {
    "type": "object",
    "properties": {"files": {"type": "array", "items": {"type": "string"}}},
    "required": ["files"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "files", "schema": SCHEMA}}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with real_server(SCRIPT) as url:
        yield url


def post(url: str, ask: str, *, key: str = "", **fields: object) -> tuple[int, bytes]:
    """Status and body of a chat completion whose last message is `ask`."""
    parts = urlsplit(url)
    messages = [{"role": "system", "content": "You write a plan."}, {"role": "user", "content": ask}]
    connection = HTTPConnection(parts.netloc, timeout=60)
    connection.request(
        "POST",
        f"{parts.path}/chat/completions",
        body=json.dumps({"messages": messages, "max_tokens": 500, **fields}),
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def completion(url: str, ask: str, **fields: object) -> dict[str, Any]:
    status, body = post(url, ask, key="", **fields)
    found: dict[str, Any] = json.loads(body)
    assert status == 200, found
    return found


@pytest.mark.parametrize("temperature", [0, 2])
@pytest.mark.parametrize(
    ("ask", "said"),
    [
        pytest.param("Write the plan.", PLAN, id="plan"),
        pytest.param('Please say "list"\nnow', LIST, id="quotes and line feeds"),
        pytest.param("Write the file\na.py", CODE, id="not only ASCII, with repetitions"),
        pytest.param("silence please", "", id="nothing at all"),
        pytest.param("word 57.", "answer 57", id="one of many"),
        pytest.param("Sing!", UNSCRIPTED, id="nothing fits"),
    ],
)
def test_it_answers_its_script_and_stops(base_url: str, ask: str, said: str, temperature: int) -> None:
    (choice,) = completion(base_url, ask, temperature=temperature)["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (said, "stop")


def test_it_streams_in_pieces_and_counts(base_url: str) -> None:
    ask = "Write the file\na.py"
    status, body = post(base_url, ask, stream=True, stream_options={"include_usage": True})
    *events, done, end = body.decode().split("\n\n")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    texts = [delta["content"] for delta in deltas if delta.get("content")]
    assert (status, done, end) == (200, "data: [DONE]", "")
    assert ("".join(texts), len(texts) > 5) == (CODE, True)
    assert chunks[-1]["usage"]["completion_tokens"] == 11


def test_it_reports_what_it_had_in_its_cache(base_url: str) -> None:
    ask = "Write the plan. This is a prompt that nobody sent before."
    first, second = completion(base_url, ask), completion(base_url, ask)
    prompt = second["usage"]["prompt_tokens"]
    cached = second["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert first["usage"]["prompt_tokens_details"]["cached_tokens"] < prompt - 10
    assert (cached, second["timings"]["cache_n"], second["timings"]["prompt_n"]) == (prompt - 1, prompt - 1, 1)


def test_a_scripted_list_is_valid_under_the_schema(base_url: str) -> None:
    (choice,) = completion(base_url, 'say "list"\nnow', response_format=FORM)["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (LIST, "stop")


def test_the_schema_really_constrains_what_is_said(base_url: str) -> None:
    free = completion(base_url, "give a list in words")["choices"][0]["message"]["content"]
    bound = completion(base_url, "give a list in words", response_format=FORM)
    assert free == "a.py and b.py"
    assert bound["choices"][0]["message"]["content"].startswith("{")


def test_an_answer_longer_than_allowed_is_cut(base_url: str) -> None:
    (choice,) = completion(base_url, "the plan", max_tokens=2)["choices"]
    assert choice["finish_reason"] == "length"
    assert PLAN.startswith(choice["message"]["content"])


def test_it_has_as_many_slots_and_as_large_a_window_as_told_and_wants_its_key() -> None:
    with real_server([("", "yes")], slots=2, context=1024, api_key="key-1") as url:
        parts = urlsplit(url)
        connection = HTTPConnection(parts.netloc, timeout=60)
        connection.request("GET", "/props", headers={"Authorization": "Bearer key-1"})
        properties = json.load(connection.getresponse())
        connection.close()
        statuses = [post(url, "hello", key=key)[0] for key in ("key-1", "key-2", "")]
        too_long, body = post(url, "word " * 3000, key="key-1")
    assert properties["total_slots"] == 2
    assert properties["default_generation_settings"]["n_ctx"] == 1024
    assert statuses == [200, 401, 401]
    assert (too_long, json.loads(body)["error"]["type"]) == (400, "exceed_context_size_error")


def test_the_same_script_is_the_same_model(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write_model(first, SCRIPT)
    write_model(second, SCRIPT)
    assert first.read_bytes() == second.read_bytes()


def test_the_server_goes_when_its_parent_does(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    model = tmp_path / "model.gguf"
    write_model(model, [("", "yes")])
    child = subprocess.run(
        [sys.executable, "-m", "tests.real_server", str(model), "--slots=1", "--context=512"],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (child.returncode, child.stdout.startswith("http://127.0.0.1:")) == (0, True)

"""`smol_dev models` and `smol_dev doctor`, as they are typed."""

import json

import pytest

from tests.cli.shell import Shell
from tests.fake_server import Canned, FakeServer, Received, answered, delta, refusing_port, sse
from tests.server.kinds_of_servers import LLAMA_CPP, OLLAMA, WEB_PAGE, Kind


def well(request: Received) -> Canned:
    if not request.path.endswith("/chat/completions"):
        return LLAMA_CPP(request)
    if "response_format" in request.json():
        return answered('{"files": []}')
    return sse(delta("def"), delta(" add"), delta(finish="stop"))


def test_models_prints_a_table(shell: Shell) -> None:
    with FakeServer(OLLAMA) as server:
        code = shell.type("models", "--api-base-url", server.base_url)
    assert (code, shell.err) == (0, "")
    assert shell.out == (
        "MODEL                    LOADED  WINDOW  SIZE\n"
        "nomic-embed-text:latest  no      -       137M  not for chat\n"
        "llama3.2:latest          no      -       3.2B\n"
        "qwen3:8b                 yes     4,096   8.2B\n"
    )


def test_models_as_json(shell: Shell) -> None:
    with FakeServer(LLAMA_CPP) as server:
        code = shell.type("models", "--json", "--api-base-url", server.base_url)
    assert code == 0
    assert json.loads(shell.out) == {
        "server": "llama.cpp",
        "base_url": server.base_url,
        "models": [
            {
                "name": "/models/qwen.gguf",
                "loaded": True,
                "window": 16384,
                "parameters": 7_615_616_512,
                "chats": True,
                "remote": "",
            }
        ],
    }


def test_models_of_no_server_is_exit_3_with_a_hint(shell: Shell) -> None:
    base_url = f"http://127.0.0.1:{refusing_port()}/v1"
    assert shell.type("models", "--llm-provider", "ollama", "--api-base-url", base_url) == 3
    assert shell.out == ""
    assert shell.err.startswith(f"error: nothing answers at {base_url}\n\nhint: ")
    assert "ollama serve" in shell.err


def test_models_of_a_web_page_is_exit_3(shell: Shell) -> None:
    with FakeServer(WEB_PAGE) as server:
        assert shell.type("models", "--api-base-url", server.base_url) == 3
    assert "has no chat API under this address (it sent a web page: My app)" in shell.err


def test_doctor_prints_each_check_and_its_fix(shell: Shell) -> None:
    with FakeServer(OLLAMA) as server:
        code = shell.type("doctor", "--api-base-url", server.origin)
    assert code == 3
    lines = shell.out.splitlines()
    failed = next(line for line in lines if line.startswith("failed"))
    fix = lines[lines.index(failed) + 1]
    assert failed == (
        f"failed  server             Ollama at {server.origin} has no chat API under this address"
        " (it says: 404 page not found)"
    )
    assert fix == f"{'':27}fix: `base_url` lacks `/v1`: `--api-base-url {server.origin}/v1`"


def test_doctor_is_exit_0_when_all_is_well(shell: Shell) -> None:
    with FakeServer(well) as server:
        code = shell.type("doctor", "--json", "--api-base-url", server.base_url)
    found = json.loads(shell.out)
    assert (code, found["ok"], found["profile"]) == (0, True, "local")
    assert [check["name"] for check in found["checks"]] == [
        "settings",
        "address",
        "server",
        "key",
        "model",
        "context window",
        "streaming",
        "completion",
        "sampling",
        "structured output",
        "parallel",
        "isolation",
    ]
    assert {check["state"] for check in found["checks"][:-1]} == {"ok"}


def test_doctor_of_bad_settings_is_exit_2(shell: Shell) -> None:
    shell.write('[profiles.x]\nbase_url = "http://localhost:1/v1"\ntemperatur = 1\n')
    assert shell.type("doctor", "--profile", "x") == 2
    assert "temperatur" in shell.err


def test_what_a_server_names_is_escaped(shell: Shell) -> None:
    def hostile(request: Received) -> Canned:
        del request
        return Canned(200, {}, [b'{"data": [{"id": "evil\\u001b[31m"}]}'])

    with FakeServer(hostile) as server:
        assert shell.type("models", "--api-base-url", server.base_url) == 0
    assert "evil^[[31m" in shell.out
    assert "\x1b" not in shell.out


def test_advice_needs_no_server_and_says_its_rule(shell: Shell) -> None:
    shell.export(SMOL_LOCAL_SERVERS=f"http://127.0.0.1:{refusing_port()}/v1")
    assert shell.type("models", "--advise") == 0
    assert shell.out.startswith("this machine: ")
    assert "the server's own models are missing here: no local server was found" in shell.out
    assert "\nqwen2.5-coder:7b " in shell.out
    assert "rule of thumb: 0.6 GB per billion parameters at 4 bits" in shell.out


def test_advice_weighs_the_models_that_are_there_by_their_files(shell: Shell) -> None:
    tags = {"models": [{"name": "mine:latest", "size": 5_000_000_000}]}
    listed = {"data": [{"id": "mine:latest", "owned_by": "library"}]}
    kind = Kind({**OLLAMA.documents, "/api/tags": tags, "/v1/models": listed})
    with FakeServer(kind) as server:
        assert shell.type("models", "--advise", "--json", "--api-base-url", server.base_url) == 0
    document = json.loads(shell.out)
    assert document["models"][0] | {"fit": ""} == {
        "model": "mine:latest",
        "needed": 7_000_000_000,
        "fit": "",
        "is_here": True,
    }
    assert set(document) == {"machine", "models", "problem"}


@pytest.mark.parametrize(
    ("on_card", "said"),
    [
        (6_000_000_000, "[ok]"),
        (4_500_000_000, "25 % of `qwen3:8b` spill into main memory, which makes it slow"),
        (0, "`qwen3:8b` runs in main memory alone, slowly"),
    ],
)
def test_doctor_says_when_the_model_spills(shell: Shell, on_card: int, said: str) -> None:
    model = {"name": "qwen3:8b", "context_length": 16384, "size": 6_000_000_000, "size_vram": on_card}
    kind = Kind({**OLLAMA.documents, "/api/ps": {"models": [model]}})
    with FakeServer(kind) as server:
        shell.type("doctor", "--model", "qwen3:8b", "--api-base-url", server.base_url)
    assert said in shell.out + shell.err or said == "[ok]"
    assert ("spill" in shell.out + shell.err) is (0 < on_card < 6_000_000_000)

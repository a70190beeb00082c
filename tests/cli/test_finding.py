"""Which server a run goes to, and what is said and left when there is none."""

import pytest

from tests.cli.shell import Shell
from tests.fake_server import FakeServer, refusing_port
from tests.server.kinds_of_servers import LLAMA_CPP, OLLAMA


@pytest.mark.parametrize("model", [(), ("--model", "m")], ids=["no model named", "a model named"])
@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (("-p", "local-ollama"), "`ollama serve`"),
        (("-p", "local-llamacpp"), "`llama-server -m MODEL.gguf -c 16384`"),
        (("-p", "local-lmstudio"), "`lms server start`"),
        (("-p", "local-vllm"), "`vllm serve MODEL`"),
        ((), "start the server"),
    ],
    ids=["ollama", "llamacpp", "lmstudio", "vllm", "an address"],
)
def test_a_server_that_is_off_is_named_with_how_to_start_it(
    shell: Shell, options: tuple[str, ...], remedy: str, model: tuple[str, ...]
) -> None:
    url = f"http://127.0.0.1:{refusing_port()}/v1"
    assert shell.type(*options, *model, "--api-base-url", url, "a countdown timer") == 3
    assert f"error: nothing answers at {url}" in shell.err
    assert remedy in shell.err
    assert not (shell.project / "generated").exists()


def test_nothing_is_left_by_a_run_that_found_no_server(shell: Shell) -> None:
    (shell.project / "generated").mkdir()
    assert shell.type("a countdown timer") == 3
    assert "error: no local server was found" in shell.err
    assert list((shell.project / "generated").iterdir()) == []


def test_the_models_of_a_server_that_is_off_are_an_error_like_the_runs(shell: Shell) -> None:
    url = f"http://127.0.0.1:{refusing_port()}/v1"
    assert shell.type("models", "-p", "local-ollama", "--api-base-url", url) == 3
    assert f"error: nothing answers at {url}" in shell.err
    assert "`ollama serve`" in shell.err


@pytest.mark.parametrize(("model", "name"), [("llama3.2", "Ollama"), ("qwen", "llama.cpp"), (None, "Ollama")])
def test_the_server_that_has_the_model_is_found_and_quiet_does_not_say_so(
    shell: Shell, model: str | None, name: str
) -> None:
    with FakeServer(OLLAMA) as one, FakeServer(LLAMA_CPP) as other:
        shell.export(SMOL_LOCAL_SERVERS=f"{one.base_url} {other.base_url}")
        url = {"Ollama": one, "llama.cpp": other}[name].base_url
        named = ("--model", model) if model else ()
        shell.type(*named, "--plan-only", "a countdown timer")
        assert f"found {name} at {url}, using `{model or 'qwen3:8b'}`" in shell.err
        shell.type("-q", *named, "--plan-only", "a countdown timer", "-o", "other")
        assert "found" not in shell.err

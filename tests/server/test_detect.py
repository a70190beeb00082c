"""Finding a running local server: by what it answers, within a deadline, never a cloud."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest

from smol_dev.errors import ServerError
from smol_dev.server.detect import (
    FoundServer,
    Search,
    choose,
    find_at,
    in_container,
    nothing_found,
    pick,
    places,
    windows_host,
)
from smol_dev.server.known import Offer
from smol_dev.server.transport import open_client
from tests.fake_server import Answers, Canned, FakeServer, Received, json_answer, refusing_port, text_answer
from tests.server.kinds_of_servers import KINDS, LITELLM, LLAMA_CPP, LM_STUDIO, OLLAMA, WEB_PAGE, Kind, models


def searched(
    *base_urls: str,
    patience: float = 60.0,
    wanted: tuple[str, ...] = (),
    notify: Callable[[str], None] = lambda _who: None,
) -> Search:
    async def look() -> Search:
        async with open_client("http://localhost", environ={}) as client:
            return await find_at(client, base_urls, patience=patience, wanted=wanted, notify=notify)

    return asyncio.run(look())


def found_at(*base_urls: str) -> tuple[FoundServer, ...]:
    return searched(*base_urls).found


def search_with(*answers: Answers) -> Search:
    with ExitStack() as stack:
        servers = [stack.enter_context(FakeServer(each)) for each in answers]
        return searched(*(server.base_url for server in servers))


def found_with(*answers: Answers, path: str = "/v1") -> tuple[FoundServer, ...]:
    with ExitStack() as stack:
        servers = [stack.enter_context(FakeServer(each)) for each in answers]
        return found_at(*(f"{server.origin}{path}" for server in servers))


CHOSEN = {
    "Ollama": ("ollama", "qwen3:8b", ("qwen3:8b",)),
    "LM Studio": ("lmstudio", "google/gemma-3-12b", ("google/gemma-3-12b",)),
    "llama.cpp": ("llamacpp", "/models/qwen.gguf", ("/models/qwen.gguf",)),
    "vLLM": ("vllm", "Qwen/Qwen3-32B", ("Qwen/Qwen3-32B",)),
    "Docker Model Runner": ("compatible", "ai/qwen3", ()),
    "MLX": ("compatible", "mlx-community/Qwen3-8B-4bit", ()),
    "compatible": ("compatible", "something", ()),
}


@pytest.mark.parametrize(("name", "expected"), CHOSEN.items(), ids=CHOSEN)
def test_a_server_is_found_on_any_port_with_the_model_to_use(
    name: str, expected: tuple[str, str, tuple[str, ...]]
) -> None:
    kind, path = KINDS[name]
    [found] = found_with(kind, path=path)
    assert found.known.name == name
    assert (found.provider, found.chosen, found.loaded) == expected


def test_a_server_with_a_loaded_model_comes_first() -> None:
    unloaded = Kind({**OLLAMA.documents, "/api/ps": {"models": []}})
    names = [(each.known.name, each.chosen) for each in found_with(unloaded, WEB_PAGE, LM_STUDIO)]
    assert names == [("LM Studio", "google/gemma-3-12b"), ("Ollama", "llama3.2:latest")]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(WEB_PAGE, id="a web page"),
        pytest.param(LITELLM, id="a proxy that may forward to a cloud"),
        pytest.param(json_answer({"data": []}), id="an empty list of anything"),
        pytest.param(json_answer({"data": "x"}), id="other JSON"),
        pytest.param(Canned(raw=b"SSH-2.0-OpenSSH_9.6\r\n", end="close"), id="no HTTP"),
        pytest.param(text_answer("", status=401), id="a closed door"),
    ],
)
def test_what_is_no_local_server_is_not_found(answers: Answers) -> None:
    assert found_with(answers) == ()


def test_nothing_is_found_where_nothing_listens() -> None:
    assert found_at(f"http://127.0.0.1:{refusing_port()}/v1") == ()


def test_a_server_that_hangs_does_not_hold_up_one_that_will_do() -> None:
    with FakeServer(Canned(raw=b"", end="stall")) as silent, FakeServer(OLLAMA) as ollama:
        started = time.monotonic()
        search = searched(silent.base_url, ollama.base_url)
        assert time.monotonic() - started < 30
    assert [each.known.name for each in search.found] == ["Ollama"]


class Busy:
    """A server that answers once someone has been told that it is waited for."""

    def __init__(self) -> None:
        self.waited: list[str] = []
        self._is_waited_for = Event()

    def notify(self, who: str) -> None:
        self.waited.append(who)
        self._is_waited_for.set()

    def __call__(self, request: Received) -> Canned:
        assert self._is_waited_for.wait(60)
        return OLLAMA(request)


def test_a_busy_server_that_will_do_ends_the_wait_for_one_that_hangs() -> None:
    busy = Busy()
    with FakeServer(Canned(raw=b"", end="stall")) as silent, FakeServer(busy) as ollama:
        search = searched(silent.base_url, ollama.base_url, notify=busy.notify)
        assert search.silent == (silent.base_url,)  # waited for to its end, it is given up, and not silent any more
    assert [each.known.name for each in search.found] == ["Ollama"]


def test_a_busy_server_is_waited_for_and_named() -> None:
    busy = Busy()
    with FakeServer(busy) as server:
        search = searched(server.base_url, notify=busy.notify)
    assert [each.known.name for each in search.found] == ["Ollama"]
    assert busy.waited == [server.base_url]


def test_the_one_that_has_the_model_is_waited_for() -> None:
    busy = Busy()
    with FakeServer(busy) as slow, FakeServer(LM_STUDIO) as quick:
        search = searched(slow.base_url, quick.base_url, wanted=("llama3.2",), notify=busy.notify)
        assert pick(search, ("llama3.2",), {}).base_url == slow.base_url


def test_a_server_that_does_not_answer_in_time_is_called_that() -> None:
    with FakeServer(Canned(raw=b"", end="stall")) as silent:
        search = searched(silent.base_url, f"http://127.0.0.1:{refusing_port()}/v1", patience=0.6)
        assert search == Search((), (silent.base_url,), 0.6)
        with pytest.raises(ServerError) as caught:
            pick(search, (), {})
    assert caught.value.message == (f"{silent.base_url} accepted the connection, but did not answer within 0.6 s")
    assert f"`smol_dev --api-base-url {silent.base_url} --model NAME`" in caught.value.hint
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (("llama3.2",), "Ollama"),
        (("LLAMA3.2:latest",), "Ollama"),
        (("qwen3:8b",), "Ollama"),
        (("/models/qwen.gguf",), "llama.cpp"),
        (("qwen",), "llama.cpp"),
        (("qwen.gguf",), "llama.cpp"),
        (("google/gemma-3-12b",), "LM Studio"),
        (("llama3.2", "qwen3:8b"), "Ollama"),
        ((), "LM Studio"),
    ],
)
def test_of_several_servers_the_one_that_has_the_model_is_used(wanted: tuple[str, ...], expected: str) -> None:
    search = search_with(LM_STUDIO, LLAMA_CPP, OLLAMA)
    assert pick(search, wanted, {}).known.name == expected


@pytest.mark.parametrize("kind", [LLAMA_CPP, LM_STUDIO, OLLAMA])
def test_the_only_server_is_used_for_a_model_that_it_does_not_list(kind: Kind) -> None:
    search = search_with(kind)
    assert pick(search, ("other",), {}) is search.found[0]


def test_a_model_that_none_of_several_has_is_an_error_that_names_what_they_have() -> None:
    search = search_with(OLLAMA, LLAMA_CPP)
    with pytest.raises(ServerError) as caught:
        pick(search, ("mistral:7b",), {})
    assert caught.value.message.startswith("no running server has the model `mistral:7b`: Ollama at")
    assert "has `/models/qwen.gguf`" in caught.value.message
    assert "`ollama pull mistral:7b`" in caught.value.hint
    assert (caught.value.kind, caught.value.exit_code) == ("model_missing", 3)


def test_an_alias_of_a_cloud_model_is_never_chosen() -> None:
    tags = {"models": [{"name": "qwen3:8b", "remote_host": "https://ollama.com:443"}]}
    [found] = found_with(Kind({**OLLAMA.documents, "/api/tags": tags}))
    assert found.chosen == "llama3.2:latest"


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ([Offer("a"), Offer("b", loaded=True)], "b"),
        ([Offer("nomic-embed-text", chats=False), Offer("a"), Offer("b")], "a"),
        ([Offer("gpt-oss:120b-cloud", loaded=True), Offer("a", loaded=False)], "a"),
        ([Offer("glm-4.6:cloud"), Offer("embed", loaded=True, chats=False)], ""),
        ([], ""),
    ],
)
def test_the_loaded_else_the_first_chat_model_of_this_machine_is_chosen(offers: list[Offer], expected: str) -> None:
    assert choose(offers) == expected


def test_a_server_that_is_loading_or_wants_a_key_says_so() -> None:
    loading = json_answer({"error": {"message": "Loading model"}}, status=503, server="llama.cpp")
    with pytest.raises(ServerError) as caught:
        pick(search_with(loading), (), {})
    assert caught.value.kind == "loading"
    message = "An LM Studio API token is required to make requests to this server."
    closed = json_answer({"error": {"message": message, "code": "invalid_api_key"}}, status=401)
    with pytest.raises(ServerError, match="wants a key") as caught:
        pick(search_with(closed), (), {})
    assert "create a token" in caught.value.hint


def test_a_server_without_a_model_to_chat_with_says_how_to_get_one() -> None:
    empty = Kind({"/": "Ollama is running", "/v1/models": {"object": "list", "data": None}})
    with pytest.raises(ServerError, match="is running, but has no model to chat with") as caught:
        pick(search_with(empty), (), {})
    assert "ollama pull MODEL" in caught.value.hint


def test_nothing_found_lists_what_was_tried_and_the_ways_on() -> None:
    error = nothing_found(Search(()), {"OLLAMA_HOST": "192.168.7.7"}, container=False)
    assert error.message == (
        "no local server was found; tried 192.168.7.7 at 11434"
        " and localhost at 1234, 8080, 8000, 5001, 13305, 12434, 5000, 1337, 11434"
    )
    for way in ("start a server", "`--api-base-url URL`", "`smol_dev demo`"):
        assert way in error.hint
    assert (error.exit_code, error.kind) == (3, "not_running")


def test_nothing_found_in_a_container_says_what_localhost_is() -> None:
    assert "`localhost` is the container itself" in nothing_found(Search(()), {}, container=True).hint
    tried = places({}, container=True)
    assert tried[0] == "http://model-runner.docker.internal/engines/v1"
    assert "http://host.docker.internal:11434/v1" in tried


def test_a_container_is_known_by_its_files_and_variables(tmp_path: Path) -> None:
    assert in_container({}, signs=[tmp_path])
    assert in_container({"container": "podman"}, signs=[])
    assert not in_container({}, signs=[tmp_path / "absent"])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("", "http://localhost:1234/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        (":9999", "http://localhost:9999/v1"),
        ("http://10.0.0.7", "http://10.0.0.7:80/v1"),
        ("ollama.example.com", "http://localhost:1234/v1"),
        ("https://8.8.8.8", "http://localhost:1234/v1"),
    ],
)
def test_ollama_host_comes_first_if_it_is_local(host: str, expected: str) -> None:
    assert places({"OLLAMA_HOST": host}, container=False)[0] == expected


def test_other_places_can_be_named() -> None:
    named = {"SMOL_LOCAL_SERVERS": "http://127.0.0.1:9/v1 http://8.8.8.8/v1", "OLLAMA_HOST": ":1"}
    assert places(named, container=True) == ("http://127.0.0.1:9/v1",)


def test_no_place_is_tried_twice_and_no_cloud_at_all() -> None:
    tried = places({}, container=False)
    assert len(tried) == len(set(tried))
    assert all(url.startswith("http://localhost:") for url in tried)
    assert "http://localhost:4000/v1" not in tried


def test_a_model_list_alone_is_enough_to_be_found() -> None:
    [found] = found_with(Kind({"/v1/models": models("someone", "m")}))
    assert (found.known.name, found.models, found.chosen) == ("compatible", ("m",), "m")


ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t01B01CAC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t00B01CAC\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0
"""


@pytest.mark.parametrize(
    ("release", "routes", "environ", "host"),
    [
        ("5.15.167.4-microsoft-standard-WSL2", ROUTES, {}, "172.28.176.1"),
        ("6.8.0-45-generic", ROUTES, {}, ""),
        ("5.15.167.4-microsoft-standard-WSL2", "Iface\tDestination\n", {}, ""),
        ("5.15.167.4-microsoft-standard-WSL2", "a b c\nx 00000000 zz 1\n", {}, ""),
        ("5.15.167.4-microsoft-standard-WSL2", ROUTES, {"SMOL_LOCAL_SERVERS": "http://127.0.0.1:1/v1"}, ""),
    ],
)
def test_in_wsl_the_windows_host_is_the_default_gateway(
    tmp_path: Path, release: str, routes: str, environ: dict[str, str], host: str
) -> None:
    (tmp_path / "release").write_text(release, encoding="utf-8")
    (tmp_path / "routes").write_text(routes, encoding="utf-8")
    found = windows_host(environ, release=tmp_path / "release", routes=tmp_path / "routes")
    assert found == host
    assert windows_host({}, release=tmp_path / "none", routes=tmp_path / "none") == ""

import json
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cli.shell import Shell


class Ollama(BaseHTTPRequestHandler):
    """As much of an Ollama as is asked when servers are looked for."""

    def do_GET(self) -> None:
        answers: dict[str, object] = {
            "/api/version": {"version": "0.12.0"},
            "/api/tags": {"models": [{"name": "a:7b"}, {"name": "b\u202e:7b"}]},
            "/api/ps": {"models": [{"name": "a:7b", "context_length": 4096}]},
            "/v1/models": {"object": "list", "data": [{"id": "a:7b", "owned_by": "library"}, {"id": "b\u202e:7b"}]},
        }
        answer = answers.get(self.path.partition("?")[0])
        body = b"Ollama is running" if self.path == "/" else json.dumps(answer).encode()
        self.send_response(200 if answer is not None or self.path == "/" else 404)
        self.send_header("Content-Type", "text/plain" if self.path == "/" else "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args


@pytest.fixture
def ollama(shell: Shell) -> Iterator[str]:
    """The address of a running server, exported as `$SMOL_LOCAL_SERVERS`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ollama)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    shell.export(SMOL_LOCAL_SERVERS=f"http://127.0.0.1:{server.server_port}/v1")
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_running_server_gets_a_profile(shell: Shell, ollama: str) -> None:
    assert shell.type("init", "--yes") == 0
    assert f"found Ollama at {ollama}: 2 models, `a:7b` will be used\n" in shell.err
    assert shell.err.endswith(
        "\nwrote `~/.config/smol/smol.toml`\nsee the settings in effect: `smol_dev config show --origin`\n"
    )
    profile = tomllib.loads(shell.user_file.read_text())["profiles"]["local-ollama"]
    assert profile == {"base_url": ollama, "model": "a:7b"}
    assert "\u202e" not in shell.user_file.read_text()
    assert shell.type("config", "check") == 0
    assert shell.type("profiles", "list") == 0
    assert shell.out.isprintable() or shell.out.replace("\n", "").isprintable()


def test_a_projects_file_is_approved(shell: Shell, ollama: str) -> None:
    assert shell.type("init", "--project", "--yes") == 0
    assert f'base_url = "{ollama}"' in (shell.project / "smol.toml").read_text()
    assert shell.type("trust") == 0
    assert shell.err.endswith("`~/work/smol.toml` is approved as it is now\n")


@pytest.mark.usefixtures("ollama")
def test_without_a_terminal_yes_is_needed(shell: Shell) -> None:
    assert shell.type("init") == 2
    assert shell.err.endswith(
        "error: there is no terminal to ask on, and `~/.config/smol/smol.toml` was not written\n\n"
        "hint: write it without a question: `smol_dev init --yes`\n"
    )
    assert not shell.user_file.exists()


@pytest.mark.usefixtures("ollama")
def test_an_existing_file_is_refused_before_anything_is_looked_for(shell: Shell) -> None:
    shell.write("# mine\n")
    assert shell.type("init", "--yes") == 2
    assert shell.err == (
        "error: `~/.config/smol/smol.toml` exists already, and `init` overwrites nothing\n\n"
        "hint: change it: `smol_dev config edit`, or `smol_dev profiles add NAME`\n"
    )
    assert shell.user_file.read_text() == "# mine\n"

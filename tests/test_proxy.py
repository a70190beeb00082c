"""A whole run through a real LiteLLM proxy in front of two real llama.cpp servers."""

import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from smol_dev.app.caller import Caller
from smol_dev.app.program import generate
from smol_dev.app.session import Task
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.events import Event, Piece, Retry
from tests.real_server import Real, real_process

PATIENCE: Final = 180.0
"""Seconds that a busy machine gets to start the proxy; an idle one takes ten."""

KEY: Final = "sk-" + "0123456789abcdef" * 4
"""A proxy does not start with a weaker one."""

SHORT = "# Numbers\n"
PLAN = "`numbers.py` holds numbers, `README.md` says so."


def numbers_by(name: str, word: str = "VALUE") -> str:
    """The long file as the server of this name writes it, with a `word` that no other answer has."""
    lines = (f"{word}_{number} = {number * number}\n" for number in range(300))
    return f'"""{word}s, long enough to be broken off."""\n\nBY = "{name}"\n{"".join(lines)}'


def script(name: str) -> list[tuple[str, str]]:
    """What the server of this name says.

    Asked to go on with a file that broke off, it begins anew, as many models do.
    """
    return [
        ("Your answer was cut off", f"```python\n{numbers_by(name, 'Again')}```\n"),
        ("\nnumbers.py", f"```python\n{numbers_by(name)}```\n"),
        ("\nREADME.md", SHORT),
        ("JSON", '{"files": ["numbers.py", "README.md"]}'),
        ("", PLAN),
    ]


@contextmanager
def proxy(program: str, folder: Path, *backends: Real) -> Iterator[str]:
    """The `base_url` of a proxy that spreads the model `coder` over the servers."""
    config = folder / "litellm.yaml"
    config.write_text(json.dumps(spread(backends)), encoding="utf-8")
    log = folder / "proxy.log"
    port = free_port()
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    environ = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "LITELLM_MASTER_KEY": KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=folder, env=environ, stdin=-3, stdout=output, stderr=output) as process,
    ):
        try:
            wait_until_alive(process, port, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def free_port() -> int:
    """A port that nobody holds just now; the proxy cannot take one that is held for it."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port: int = place.getsockname()[1]
        return port


def spread(backends: tuple[Real, ...]) -> dict[str, object]:
    """The proxy's settings (YAML, of which JSON is a part): a server that fails once is left out."""
    models = [
        {
            "model_name": "coder",
            "litellm_params": {"model": "openai/scripted", "api_base": backend.base_url, "api_key": "none"},
        }
        for backend in backends
    ]
    return {"model_list": models, "router_settings": {"allowed_fails": 0, "cooldown_time": 600}}


def found_program() -> str:
    """The proxy's program. Skips the test where there is none."""
    beside = Path(sys.executable).with_name("litellm")
    if importlib.util.find_spec("litellm_proxy_extras") is not None and beside.exists():
        return str(beside)
    found = shutil.which("litellm")
    if found is None:
        pytest.skip("the LiteLLM proxy is not installed: `pip install -e '.[proxy]'`")
    return found


def wait_until_alive(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", "/health/liveliness")
            if connection.getresponse().status == http.client.OK:
                return
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    if "pip install 'litellm[proxy]'" in said:
        pytest.skip(f"the LiteLLM proxy lacks its extra: {said.splitlines()[-1]}")
    pytest.fail(f"the proxy did not start: {said}")


class Killer:
    """Shows nothing; kills the server that writes the long file once it has said its name."""

    def __init__(self, **backends: Real) -> None:
        self.backends = backends
        self.events: list[Event] = []
        self.killed = ""
        self._text = ""

    def show(self, event: Event) -> None:
        self.events.append(event)
        if self.killed or not isinstance(event, Piece) or event.path != "numbers.py":
            return
        self._text += event.text
        for name, backend in self.backends.items():
            if f'"{name}"' in self._text:
                backend.process.kill()
                self.killed = name


def test_a_backend_that_is_killed_in_mid_stream_costs_a_retry_and_no_file(tmp_path: Path) -> None:
    program = found_program()
    with (
        real_process(script("one")) as one,
        real_process(script("two")) as two,
        proxy(program, tmp_path, one, two) as base_url,
    ):
        killer = Killer(one=one, two=two)
        flags = Flags(
            profile="litellm",
            named={
                "base_url": (base_url, "--api-base-url"),
                "api_key_env": ("LITELLM_API_KEY", "--api-key-env"),
                "model": ("coder", "--model"),
            },
        )
        surroundings = Surroundings(environ={"LITELLM_API_KEY": KEY}, cwd=tmp_path)
        done = generate(Task("numbers"), flags, Caller(surroundings, killer.show))
    survivor = {"one": "two", "two": "one"}[killer.killed]
    written = {path: (tmp_path / "generated" / path).read_text() for path in done.written}
    numbers = written.pop("numbers.py")
    assert numbers in {numbers_by(killer.killed), numbers_by(survivor), numbers_by(survivor, "Again")}
    assert written == {"README.md": SHORT}
    assert (done.exit_code, done.failed) == (0, ())
    was_cut = numbers != numbers_by(killer.killed)  # the proxy may have had the whole answer when its server died
    retries = [each for each in killer.events if isinstance(each, Retry)]
    assert {(each.stage, each.path) for each in retries} == ({("code", "numbers.py")} if was_cut else set())
    assert {each.reason for each in retries} <= {
        "truncated",
        "context",
    }  # what there is of it may leave no room to go on
    assert done.retries == len(retries)

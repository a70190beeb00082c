"""A real llama.cpp server on loopback, in a process of its own, on a model that plays a script."""

import argparse
import http.client
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import IO, Final
from urllib.parse import urlsplit

import pytest

from tests.gguf import Script, write_model

PATIENCE: Final = 60.0
"""Seconds that a busy machine gets to start the server."""


@dataclass(frozen=True)
class Real:
    """A running server: its address up to and including `/v1`, and its process, to kill."""

    base_url: str
    process: "subprocess.Popen[str]"


@contextmanager
def real_server(
    script: Script, *, slots: int = 1, context: int = 8192, api_key: str | None = None, continues: bool = False
) -> Iterator[str]:
    """The `base_url` of a server that answers by the script; `context` is tokens a slot."""
    with real_process(script, slots=slots, context=context, api_key=api_key, continues=continues) as real:
        yield real.base_url


@contextmanager
def real_process(
    script: Script, *, slots: int = 1, context: int = 8192, api_key: str | None = None, continues: bool = False
) -> Iterator[Real]:
    """The same with its process. Skips the test where xllamacpp is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp, a real llama.cpp server, is not installed")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "scripted.gguf"
        write_model(model, script, context=context, continues=continues)
        options = ["--slots", str(slots), "--context", str(context)]
        options += ["--api-key", api_key] if api_key else []
        log = Path(folder) / "log"
        with log.open("w", encoding="utf-8") as errors:
            server = begin([str(model), *options], errors)
        try:
            yield Real(f"{address_of(server, log)}/v1", server)
        finally:
            server.kill()
            server.communicate()


def begin(arguments: list[str], errors: IO[str]) -> "subprocess.Popen[str]":
    """The child process. It ends by itself when our end of its standard input is closed."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.real_server", *arguments],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )


def address_of(server: "subprocess.Popen[str]", log: Path) -> str:
    """The server's address, once it says that it is ready; what it logged, if it never does."""
    assert server.stdout is not None
    deadline = time.monotonic() + PATIENCE
    with DefaultSelector() as selector:
        selector.register(server.stdout, EVENT_READ)
        address = server.stdout.readline().strip() if selector.select(PATIENCE) else ""
    while address and time.monotonic() < deadline:
        if is_ready(address):
            return address
        time.sleep(0.02)
    tail = log.read_text(encoding="utf-8")[-2000:]
    pytest.fail(f"the llama.cpp server did not start within {PATIENCE:.0f} s: {tail}")


def is_ready(address: str) -> bool:
    """Whether the server is healthy: its model is loaded."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    finally:
        connection.close()


def serve() -> None:
    """Serve the model named on the command line, print the address, and wait for the parent to go."""
    from xllamacpp import CommonParams, Server

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--api-key")
    options = parser.parse_args()
    settings = CommonParams()
    settings.model.path = options.model
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.n_parallel = options.slots
    settings.n_ctx = options.slots * options.context
    settings.kv_unified = False
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    settings.ui = False
    if options.api_key:
        settings.api_keys = [options.api_key]
    server = Server(settings)
    print(server.listening_address, flush=True)  # noqa: T201 - the parent reads it
    sys.stdin.read()
    os._exit(0)  # an orderly end would wait for open streams


if __name__ == "__main__":
    serve()

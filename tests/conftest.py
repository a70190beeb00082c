import gc
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from smol_dev.config.endpoint import LOOKED_UP
from smol_dev.server.known import servers
from tests.app.test_build import TWO, plays
from tests.fake_server import NOWHERE, FakeServer
from tests.room import KEY, Room

KNOWN_PORTS: Final = frozenset(port for each in servers() for port in each.ports)


TESTS: Final = Path(__file__).parent

foreign: list[str] = []


def note_foreign_servers(event: str, arguments: tuple[object, ...]) -> None:
    """Note who would meet a server that no test has started: the reader may run Ollama."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host, port = arguments[1][:2]
        if host in {"127.0.0.1", "::1"} and port in KNOWN_PORTS:
            foreign.append(f"{host}:{port}")


sys.addaudithook(note_foreign_servers)


def pytest_configure() -> None:
    """Let the workers and the programs they start keep what they compile: it is four times the work otherwise."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection(session: pytest.Session) -> None:
    """Import all test modules in another order in each worker: each is compiled once, and not by every worker."""
    if hasattr(session.config, "workerinput") and [*map(Path.absolute, map(Path, session.config.args))] == [TESTS]:
        modules = sorted(TESTS.rglob("test_*.py"))
        worker, workers = int(os.environ["PYTEST_XDIST_WORKER"][2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        first = len(modules) * worker // workers
        for module in modules[first:] + modules[:first]:
            importlib.import_module(".".join(module.relative_to(TESTS.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Exclude the collected tests from garbage collection, which would take a tenth of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True)
def names_are_looked_up_anew() -> None:
    """No test sees the addresses that another one found."""
    LOOKED_UP.clear()


@pytest.fixture(autouse=True)
def only_servers_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Detection looks where nothing listens, unless a test says otherwise."""
    monkeypatch.setenv(*next(iter(NOWHERE.items())))
    foreign.clear()
    yield
    assert foreign == [], "connected to where the reader's own server may be"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Room]:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in list(os.environ):
        if name == "SMOL_LOCAL_SERVERS":
            continue
        if name.startswith(("SMOL_", "OPENAI_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GOOD_KEY", KEY)
    with FakeServer(plays(TWO)) as good, FakeServer(plays(TWO)) as evil:
        room = Room(tmp_path, good, evil, monkeypatch, capsys)
        room.own(good.base_url)
        yield room

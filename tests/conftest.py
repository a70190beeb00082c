import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_server import FakeServer
from tests.room import KEY, Room
from tests.test_app import TWO, plays


@pytest.fixture
def room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Room]:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in list(os.environ):
        if name.startswith(("SMOL_", "OPENAI_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GOOD_KEY", KEY)
    with FakeServer(plays(TWO)) as good, FakeServer(plays(TWO)) as evil:
        room = Room(tmp_path, good, evil, monkeypatch, capsys)
        room.own(good.base_url)
        yield room

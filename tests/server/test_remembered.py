"""What is remembered between runs of a server's structured output, and that trouble with it is none."""

from pathlib import Path

import pytest

from smol_dev.config.model import Profile
from smol_dev.server.request import Habits, Remembered

BASE = "http://127.0.0.1:1/v1"
AUTO = Profile(base_url=BASE, model="m")


def rungs(cache: Path | None, profile: Profile = AUTO, base_url: str = BASE) -> tuple[str, ...]:
    return Remembered(cache, base_url).load(profile, None).rungs


@pytest.mark.parametrize("left", [("json_object",), ()], ids=["json_object", "text"])
def test_the_rung_that_is_left_is_where_the_next_run_begins(tmp_path: Path, left: tuple[str, ...]) -> None:
    Remembered(tmp_path, BASE).save(AUTO, Habits(rungs=left))
    assert rungs(tmp_path) == left


def test_another_model_and_another_server_begin_at_the_top(tmp_path: Path) -> None:
    Remembered(tmp_path, BASE).save(AUTO, Habits(rungs=()))
    top = ("json_schema", "json_object")
    assert rungs(tmp_path, Profile(base_url=BASE, model="other")) == top
    assert rungs(tmp_path, base_url="http://127.0.0.1:2/v1") == top


def test_a_setting_is_neither_remembered_nor_overruled(tmp_path: Path) -> None:
    fixed = Profile(base_url=BASE, model="m", structured_output="json_schema")
    Remembered(tmp_path, BASE).save(fixed, Habits(rungs=()))
    assert list(tmp_path.iterdir()) == []
    Remembered(tmp_path, BASE).save(AUTO, Habits(rungs=()))
    assert rungs(tmp_path, fixed) == ("json_schema",)


@pytest.mark.parametrize("content", [b"", b"{oops", b"[1]", b'{"m": 5}', b"[" * 60_000])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, content: bytes) -> None:
    Remembered(tmp_path, BASE).save(AUTO, Habits(rungs=()))
    [file] = (tmp_path / "servers").iterdir()
    file.write_bytes(content)
    assert rungs(tmp_path) == ("json_schema", "json_object")


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    place = tmp_path / "cache"
    place.write_text("a file", encoding="utf-8")
    Remembered(place, BASE).save(AUTO, Habits(rungs=()))
    assert rungs(place) == ("json_schema", "json_object")
    assert place.read_text(encoding="utf-8") == "a file"


def test_without_a_folder_nothing_is_remembered() -> None:
    Remembered(None, BASE).save(AUTO, Habits(rungs=()))
    assert rungs(None) == ("json_schema", "json_object")

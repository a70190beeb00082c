import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smol_dev.config.change import alone, make_folder
from smol_dev.disk import publish
from smol_dev.errors import ConfigError


def accept(path: Path) -> None:
    assert path.exists()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_the_users_alone(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "smol.toml"
    make_folder(file.parent)
    publish(file, b"x = 1\n", mode=0o600, confirm=accept)
    assert file.read_text() == "x = 1\n"
    assert (mode_of(file), mode_of(file.parent)) == (0o600, 0o700)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o400])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "smol.toml"
    file.write_text("old")
    file.chmod(mode)
    publish(file, b"new", mode=0o600, like=file, confirm=accept)
    assert (file.read_text(), mode_of(file)) == ("new", mode)


def test_a_refused_text_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "smol.toml"
    file.write_text("old")
    before = file.stat()

    def refuse(temporary: Path) -> None:
        assert temporary.read_text() == "new"
        raise ConfigError("no", hint="try again")

    with pytest.raises(ConfigError, match=r"^no$"):
        publish(file, b"new", mode=0o600, confirm=refuse)
    assert list(tmp_path.iterdir()) == [file]
    assert (file.read_text(), file.stat().st_mtime_ns) == ("old", before.st_mtime_ns)


def test_a_place_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as raised:
        make_folder(tmp_path / "file" / "smol")
    assert raised.value.message == (f"`{tmp_path / 'file' / 'smol'}` cannot be written: Not a directory")


COUNTER = """
import sys
from collections.abc import Callable
from pathlib import Path
from smol_dev.config.change import alone
from smol_dev.disk import publish

file = Path(sys.argv[1])
for _ in range(40):
    with alone(file.parent):
        publish(file, str(int(file.read_text()) + 1).encode(), mode=0o600)
"""


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "smol.toml"
    file.write_text("0")
    command = [sys.executable, "-c", COUNTER, str(file)]
    writers = [subprocess.Popen(command) for _ in range(2)]
    assert [writer.wait(timeout=30) for writer in writers] == [0, 0]
    assert file.read_text() == "80"


def test_the_lock_leaves_no_file(tmp_path: Path) -> None:
    with alone(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_waited_for_and_its_holder_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smol_dev.config.change.LONGEST_WAIT", 0.1)
    with alone(tmp_path):
        assert (tmp_path / ".smol.toml.lock").stat().st_mode & 0o777 == 0o600
        with pytest.raises(ConfigError, match=rf"another smol_dev \(process {os.getpid()}\)"), alone(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_was_replaced_meanwhile_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".smol.toml.lock"
    locked: list[int] = []

    def lock(descriptor: int) -> None:
        if not locked:
            file.unlink()  # its last holder takes the name away, and the next one makes it anew
            file.touch(mode=0o600)
        locked.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr("smol_dev.config.change.lock", lock)
    with alone(tmp_path):
        assert (len(locked), locked[-1]) == (2, file.stat().st_ino)


def test_a_lock_on_the_folder_stops_nobody(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with alone(tmp_path):
        pass
    os.close(descriptor)


def test_a_lock_file_that_others_can_open_is_none_of_ours(tmp_path: Path) -> None:
    lock = tmp_path / ".smol.toml.lock"
    lock.write_text("")
    lock.chmod(0o644)
    descriptor = os.open(lock, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with alone(tmp_path):
        assert lock.stat().st_mode & 0o777 == 0o600
    os.close(descriptor)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("other")])
def test_a_lock_that_is_no_file_is_a_clear_error(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / ".smol.toml.lock")
    with pytest.raises(ConfigError, match=f"^`{tmp_path}` cannot be written: "), alone(tmp_path):
        pass
    assert [each.name for each in tmp_path.iterdir()] == [".smol.toml.lock"]

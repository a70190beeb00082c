import errno
import os
from pathlib import Path

import pytest

from smol_dev.workspace.folder import DESCRIPTORS, Folder

BOTH = pytest.mark.parametrize("descriptors", [True, False], ids=["by-descriptor", "by-path"])


@BOTH
def test_a_file_is_placed_replaced_read_and_removed(tmp_path: Path, *, descriptors: bool) -> None:
    with Folder.at(tmp_path, descriptors=descriptors) as root, root.folder("sub", create=True) as sub:
        with root.temporary(b"one") as name:
            root.place(name, sub, "a")
        with root.temporary(b"two") as name, pytest.raises(FileExistsError):
            root.place(name, sub, "a")
        assert sub.read("a", limit=2) == b"on"
        with root.temporary(b"two") as name:
            root.replace(name, sub, "a")
        root.sync()
        assert sub.sha256("a") == "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
        assert (root.names(), sub.names()) == (["sub"], ["a"])
        sub.remove("a")
        assert sub.status("a") is None


@BOTH
def test_links_are_not_followed(tmp_path: Path, *, descriptors: bool) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/a").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/folder").symlink_to(tmp_path / "victim")
    (tmp_path / "out/file").symlink_to(tmp_path / "victim/a")
    with Folder.at(tmp_path / "out", descriptors=descriptors) as root:
        for create in (False, True):
            with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
                root.folder("folder", create=create)
        with pytest.raises(OSError, match="symbolic links"):
            root.read("file", limit=10)
        with root.temporary(b"new") as name, pytest.raises(FileExistsError):
            root.place(name, root, "file")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        Folder.at(tmp_path / "out/folder", descriptors=descriptors)
    assert (tmp_path / "victim/a").read_text() == "mine"


@BOTH
def test_special_files_are_not_read(tmp_path: Path, *, descriptors: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    with Folder.at(tmp_path, descriptors=descriptors) as root, pytest.raises(OSError, match="not a regular file"):
        root.sha256("pipe")


@BOTH
def test_a_temporary_file_is_gone_after_a_failure(tmp_path: Path, *, descriptors: bool) -> None:
    with Folder.at(tmp_path, descriptors=descriptors) as root:
        with pytest.raises(KeyboardInterrupt), root.temporary(b"half"):
            raise KeyboardInterrupt
        assert root.names() == []


@pytest.mark.skipif(not DESCRIPTORS, reason="this system opens files by their path only")
def test_an_opened_folder_stays_the_one_that_was_opened(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (tmp_path / "out/src").mkdir(parents=True)
    with Folder.at(tmp_path / "out") as root, root.inside("src/app", create=True) as app:
        (tmp_path / "out/src").rename(tmp_path / "out/moved")
        (tmp_path / "out/src").symlink_to(victim)
        with app.temporary(b"1") as name:
            app.place(name, app, "a.py")
    assert (tmp_path / "out/moved/app/a.py").read_bytes() == b"1"
    assert list(victim.iterdir()) == []


def test_on_a_disk_without_links_a_file_is_moved_and_never_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_link)  # such a disk (FAT) cannot be had in a test
    with Folder.at(tmp_path) as root:
        with root.temporary(b"one") as name:
            root.place(name, root, "a")
        with root.temporary(b"two") as name, pytest.raises(FileExistsError):
            root.place(name, root, "a")
        assert (root.names(), root.read("a", limit=9)) == (["a"], b"one")

import fcntl
import os
import re
from pathlib import Path

import pytest

from smol_dev.errors import WorkspaceError
from smol_dev.workspace.folder import Folder
from smol_dev.workspace.record import Record
from smol_dev.workspace.root import resolve
from smol_dev.workspace.writer import Workspace

CHOOSE = "choose another folder: `-o DIR`"
OVERWRITE = (
    "choose another folder: `-o DIR`, or replace what collides and keep a copy under `.smol/backup/`: `--overwrite`"
)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every path below the folder, with its content where it is a file; the lock's says when it was tried."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and path.name != "lock" else None
        for path in folder.rglob("*")
    }


def refusal(root: Path, *, cwd: Path, home: Path | None = None, resume: bool = False) -> str:
    before = snapshot(cwd)
    with pytest.raises(WorkspaceError) as caught:
        Workspace.open(root, cwd=cwd, home=home, resume=resume)
    assert snapshot(cwd) == before
    assert caught.value.exit_code == 5
    return f"{caught.value.message} | {caught.value.hint}"


def test_the_root_of_the_file_system_is_refused(tmp_path: Path) -> None:
    assert refusal(Path("/"), cwd=tmp_path) == (f"the output folder `/` is the root of the file system | {CHOOSE}")


def test_the_home_folder_is_refused_under_any_name(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "link").symlink_to(home)
    for name in ("home", "link", "home/../home"):
        assert refusal(Path(name), cwd=tmp_path, home=home) == (
            f"the output folder `{home}` is the home folder | {CHOOSE}"
        )


def test_the_home_of_nobody_is_refused(tmp_path: Path) -> None:
    assert refusal(Path("~no-such-user/x"), cwd=tmp_path) == (
        f"the output folder `~no-such-user/x` begins with a home folder that is not known | {CHOOSE}"
    )


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert resolve(Path("~/x"), cwd=tmp_path, home=None) == tmp_path / "home/x"


@pytest.mark.parametrize("name", ["..", "../..", "../../a"])
def test_a_folder_above_the_working_directory_is_refused(tmp_path: Path, name: str) -> None:
    cwd = tmp_path / "a" / "b"
    cwd.mkdir(parents=True)
    path = Path(os.path.realpath(cwd / name))
    assert refusal(Path(name), cwd=cwd) == (f"the output folder `{path}` holds the working directory | {CHOOSE}")


@pytest.mark.parametrize("name", [".git", ".git/new", "sub/.GIT/x", "git~1/x", ".git::$INDEX_ALLOCATION"])
def test_anything_in_a_git_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / ".git").mkdir()
    assert refusal(Path(name), cwd=tmp_path) == (f"the output folder `{tmp_path / name}` is inside `.git` | {CHOOSE}")


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    assert refusal(Path("out"), cwd=tmp_path) == (f"the output folder `{tmp_path / 'out'}` is not a folder | {CHOOSE}")


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    assert refusal(Path("out"), cwd=tmp_path) == (
        f"the output folder `{tmp_path / 'out'}` is a link to nothing | {CHOOSE}"
    )


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert refusal(Path("file/out"), cwd=tmp_path) == (
        f"cannot use the output folder `{tmp_path / 'file/out'}`: a file or a symbolic link stands"
        " where a folder is needed | move it away, or choose another folder: `-o DIR`"
    )


def test_a_record_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.smol").symlink_to(tmp_path / "victim")
    assert refusal(Path("out"), cwd=tmp_path).startswith(
        f"cannot use the output folder `{tmp_path / 'out'}`: a file or a symbolic link stands"
    )


def test_files_of_the_user_are_named_and_nothing_is_touched(tmp_path: Path) -> None:
    (tmp_path / "out/src").mkdir(parents=True)
    for number in range(6):
        (tmp_path / f"out/src/f{number}.py").write_text("mine")
    (tmp_path / "out/link").symlink_to("elsewhere")
    assert refusal(Path("out"), cwd=tmp_path) == (
        f"the output folder `{tmp_path / 'out'}` is in use: `link`, `src/f0.py`, `src/f1.py`,"
        f" `src/f2.py`, `src/f3.py` and more | {OVERWRITE}"
    )


def test_the_folder_of_a_record_is_refused(tmp_path: Path) -> None:
    assert refusal(Path("sub/.SMOL"), cwd=tmp_path) == (
        f"the output folder `{tmp_path}/sub/.SMOL` is where a run keeps its record | {CHOOSE}"
    )


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_another_run_holds_is_refused_at_once(tmp_path: Path, *, resume: bool) -> None:
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as first:
        first.save(Record("p", {}, files=("a.py",)))
        first.write("a.py", "1\n")
        assert re.fullmatch(
            rf"another run is writing to `{tmp_path / 'out'}`: process {os.getpid()}, since"
            r" [0-9-]{10} [0-9:]{8} \| wait until it ends, or choose another folder: `-o DIR`",
            refusal(Path("out"), cwd=tmp_path, resume=resume),
        )
        assert (tmp_path / "out/.smol/lock").stat().st_mode & 0o777 == 0o600
        first.write("b.py", "2\n")
    Workspace.open(Path("out"), cwd=tmp_path, home=None).close()


@pytest.mark.parametrize("name", ["out", "deep/er/out", "."])
def test_an_absent_or_empty_folder_is_taken(tmp_path: Path, name: str) -> None:
    with Workspace.open(Path(name), cwd=tmp_path, home=None) as workspace:
        assert workspace.root == Path(os.path.realpath(tmp_path / name))
        assert workspace.record == Record("", {})
    assert (tmp_path / name).is_dir()


def test_what_is_never_written_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main")
    (tmp_path / "smol.toml").write_text("")
    (tmp_path / "src/empty").mkdir(parents=True)
    Workspace.open(Path(), cwd=tmp_path, home=None).close()


def test_a_link_to_a_folder_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "out").symlink_to("real")
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
        (tmp_path / "out").unlink()
        (tmp_path / "out").symlink_to("other")
        workspace.write("a.py", "1\n")
    assert (tmp_path / "real/a.py").read_text() == "1\n"
    assert list((tmp_path / "other").iterdir()) == []


def test_a_new_run_takes_a_folder_that_earlier_runs_wrote(tmp_path: Path) -> None:
    for number, names in enumerate([("a.py", "b.py"), ("a.py",), ("c.py",)]):
        with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
            workspace.save(Record(f"prompt {number}", {}, files=names))
            for name in names:
                workspace.write(name, f"{number}\n")
    out = tmp_path / "out"
    assert {path.name: path.read_text() for path in out.glob("*.py")} == {"a.py": "1\n", "b.py": "0\n", "c.py": "2\n"}
    assert (out / ".smol/backup/a.py").read_text() == "0\n"
    assert "prompt 0" in (out / ".smol/backup/.smol/run.json").read_text()
    assert "prompt 1" in (out / ".smol/backup/2/.smol/run.json").read_text()


def test_an_earlier_file_the_user_edited_is_in_the_way(tmp_path: Path) -> None:
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
        workspace.save(Record("p", {}, files=("a.py",)))
        workspace.write("a.py", "1\n")
    (tmp_path / "out/a.py").write_text("mine\n")
    assert refusal(Path("out"), cwd=tmp_path) == (
        f"the output folder `{tmp_path / 'out'}` is in use: `a.py` (edited since it was written) | {OVERWRITE}"
    )


def test_what_the_check_has_made_is_in_nobodys_way(tmp_path: Path) -> None:
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
        (tmp_path / "out/build").mkdir()
        (tmp_path / "out/build/a.bin").write_text("1")
        workspace.leave(["build", "build"])
        workspace.save(Record("p", {}))
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
        workspace.save(Record("p", {}))
    assert '"left": [\n    "build"\n  ]' in (tmp_path / "out/.smol/run.json").read_text()
    (tmp_path / "out/other").write_text("mine")
    assert refusal(Path("out"), cwd=tmp_path).startswith(f"the output folder `{tmp_path / 'out'}` is in use: `other` |")


def test_leftover_temporary_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    Workspace.open(Path("out"), cwd=tmp_path, home=None).close()
    left = tmp_path / "out/.smol/.smol-tmp-0123456789abcdef"
    left.write_text("half")
    Workspace.open(Path("out"), cwd=tmp_path, home=None).close()
    assert not left.exists()


@pytest.mark.parametrize("name", ["link", "link/deeper", "real/../link"])
def test_a_link_in_a_folder_that_nobody_named_is_not_followed(tmp_path: Path, name: str) -> None:
    project, victim = tmp_path / "project", tmp_path / "victim"
    (project / "real").mkdir(parents=True)
    victim.mkdir()
    (project / "link").symlink_to(victim)
    with pytest.raises(WorkspaceError) as caught:
        Workspace.open(Path(name), cwd=project, home=None, no_links_below=project)
    path = os.path.normpath(project / name)
    assert caught.value.message == (f"the output folder `{path}` leads elsewhere: `{project / 'link'}` is a link")
    assert caught.value.hint == (f"if that is meant, name the folder: `-o {os.path.realpath(project / name)}`")
    assert list(victim.iterdir()) == []


def test_a_link_above_the_folder_in_question_is_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "disk/project").mkdir(parents=True)
    (tmp_path / "home").symlink_to("disk")
    Workspace.open(tmp_path / "home/out", cwd=tmp_path, home=None, no_links_below=tmp_path / "disk/project").close()
    assert (tmp_path / "disk/out/.smol").is_dir()


def test_a_folder_above_that_is_swapped_for_a_link_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "victim").mkdir()
    real = os.path.realpath(tmp_path / "a/out")
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "a").symlink_to("victim")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        Folder.at(Path(real), create=True)
    assert list((tmp_path / "victim").iterdir()) == []


def test_a_folder_that_may_only_be_passed_through_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "closed/out").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o111)
    try:
        Workspace.open(Path("closed/out"), cwd=tmp_path, home=None).close()
    finally:
        (tmp_path / "closed").chmod(0o755)


def test_a_lock_file_that_others_can_open_is_none_of_ours(tmp_path: Path) -> None:
    lock = tmp_path / "out/.smol/lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("")
    lock.chmod(0o644)
    descriptor = os.open(lock, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with Workspace.open(Path("out"), cwd=tmp_path, home=None):
        assert lock.stat().st_mode & 0o777 == 0o600
    os.close(descriptor)

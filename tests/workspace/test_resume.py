import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smol_dev.errors import WorkspaceError
from smol_dev.workspace.record import FileState, Record
from smol_dev.workspace.writer import Remaining, Workspace

NOT_OURS = "a file that this run did not write is there"


def opened(folder: Path, *, overwrite: bool = False, resume: bool = False) -> Workspace:
    return Workspace.open(Path("out"), cwd=folder, home=None, overwrite=overwrite, resume=resume)


def remaining(
    *,
    todo: tuple[str, ...] = (),
    finished: tuple[str, ...] = (),
    edited: tuple[str, ...] = (),
    occupied: tuple[tuple[str, str], ...] = (),
    refused: tuple[tuple[str, str], ...] = (),
) -> Remaining:
    return Remaining(todo, finished, edited, occupied, refused)


def child(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own, with a `workspace` opened on `folder/out`."""
    begin = f"""
import os, resource, signal, sys
from pathlib import Path
from smol_dev.errors import WorkspaceError
from smol_dev.workspace.record import FileState, Record
from smol_dev.workspace.writer import Workspace
def opened():
    return Workspace.open(Path("out"), cwd=Path({str(folder)!r}), home=None)
"""
    return subprocess.run([sys.executable, "-c", begin + program], capture_output=True, text=True, check=False)


def test_only_what_is_missing_or_failed_is_left_to_do(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        files = ("done.py", "failed.py", "planned.py", "removed.py", "edited.py", "taken.py")
        workspace.save(Record("p", {"name": "local"}, plan="x", files=files))
        for name in ("done.py", "removed.py", "edited.py"):
            workspace.write(name, f"{name}\n")
            workspace.note(FileState(name, "done"))
        workspace.note(FileState("failed.py", "failed", reason="empty", message="nothing"))
    (tmp_path / "out/removed.py").unlink()
    (tmp_path / "out/edited.py").write_text("mine\n")
    (tmp_path / "out/taken.py").write_text("mine\n")
    (tmp_path / "out/notes.txt").write_text("mine\n")
    with opened(tmp_path, resume=True) as workspace:
        assert workspace.record.prompt == "p"
        assert workspace.record.states["failed.py"].reason == "empty"
        assert workspace.remaining() == remaining(
            todo=("failed.py", "planned.py", "removed.py"),
            finished=("done.py",),
            edited=("edited.py",),
            occupied=(("taken.py", NOT_OURS),),
        )
        for name in ("edited.py", "taken.py"):
            with pytest.raises(WorkspaceError):
                workspace.write(name, "new\n")
            assert (tmp_path / "out" / name).read_text() == "mine\n"
        workspace.write("removed.py", "again\n")
        assert workspace.remaining().finished == ("done.py", "removed.py")


def test_a_hostile_record_cannot_have_a_path_written(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        workspace.save(Record("p", {}, files=("../x", ".git/config", ".envrc", "a.py")))
    with opened(tmp_path, resume=True) as workspace:
        left = workspace.remaining()
        assert left.todo == ("a.py",)
        assert [path for path, _ in left.refused] == ["../x", ".git/config", ".envrc"]


def test_a_file_published_but_not_recorded_at_the_kill_counts_as_finished(tmp_path: Path) -> None:
    killed = child(
        tmp_path,
        """
workspace = opened()
workspace.save(Record("p", {}, files=("a.py", "b.py")))
workspace.write("a.py", "1\\n")
os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    assert killed.returncode == -signal.SIGKILL
    with opened(tmp_path, resume=True) as workspace:
        assert workspace.remaining() == remaining(todo=("b.py",), finished=("a.py",))
        assert workspace.record.states["a.py"].state == "done"
        assert workspace.written_bytes == 2


def test_a_file_about_to_be_published_at_the_kill_is_asked_for_again(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        workspace.save(Record("p", {}, files=("a.py", "b.py")))
        workspace.note(FileState("a.py", "planned", "00ff" * 16, 2))
        workspace.note(FileState("b.py", "planned", "00ff" * 16, 2))
    (tmp_path / "out/b.py").write_text("mine\n")
    with opened(tmp_path, resume=True) as workspace:
        assert workspace.remaining() == remaining(todo=("a.py",), occupied=(("b.py", NOT_OURS),))


def test_a_torn_journal_line_is_skipped_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        workspace.save(Record("p", {}, files=("a.py", "b.py", "c.py")))
        run_id = json.loads((tmp_path / "out/.smol/run.json").read_text())["run_id"]
    line = {"run_id": run_id, "path": "a.py", "state": "failed", "message": "x"}
    other = {"run_id": "another", "path": "b.py", "state": "failed", "message": "x"}
    (tmp_path / "out/.smol/journal.jsonl").write_text(
        f'{json.dumps(line)}\n{json.dumps(other)}\n[]\n{{"run_id": "{run_id}", "pa'
    )
    with opened(tmp_path, resume=True) as workspace:
        workspace.note(FileState("c.py", "failed", message="y"))
    with opened(tmp_path, resume=True) as workspace:
        assert workspace.record.states == {
            "a.py": FileState("a.py", "failed", message="x"),
            "b.py": FileState("b.py", "planned"),
            "c.py": FileState("c.py", "failed", message="y"),
        }


def test_a_resumed_overwriting_run_replaces_what_stood_there_and_nothing_newer(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.py").write_text("old a\n")
    (tmp_path / "out/b.py").write_text("old b\n")
    with opened(tmp_path, overwrite=True) as workspace:
        workspace.save(Record("p", {}, files=("a.py", "b.py")))
    (tmp_path / "out/b.py").write_text("newer b\n")
    with opened(tmp_path, resume=True, overwrite=True) as workspace:
        assert workspace.remaining() == remaining(todo=("a.py",), occupied=(("b.py", NOT_OURS),))
        workspace.write("a.py", "new a\n")
    assert (tmp_path / "out/a.py").read_text() == "new a\n"
    assert (tmp_path / "out/.smol/backup/a.py").read_text() == "old a\n"


WRITING = """
import sys
from pathlib import Path
from smol_dev.workspace.record import FileState, Record
from smol_dev.workspace.writer import Workspace
files = tuple(f"d{number % 7}/{number}.txt" for number in range(2000))
with Workspace.open(Path("out"), cwd=Path(sys.argv[1]), home=None) as workspace:
    workspace.save(Record("p", {}, files=files))
    for number, path in enumerate(files):
        workspace.write(path, f"{number}\\n" * 20000)
        workspace.note(FileState(path, "done"))
        print(path, flush=True)
"""


@pytest.mark.parametrize("after", [1, 17, 40])
def test_kill_9_in_the_middle_leaves_whole_files_and_a_true_record(tmp_path: Path, after: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITING, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(after)]
        process.kill()
        told += process.stdout.read().split()
    assert process.returncode == -signal.SIGKILL
    with opened(tmp_path, resume=True) as workspace:
        left = workspace.remaining()
    published = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").glob("d*/*")}
    assert set(left.finished) == published
    assert set(told) <= published
    assert len(left.finished) + len(left.todo) == 2000
    for path in published:
        number = path.split("/")[1].removesuffix(".txt")
        assert (tmp_path / "out" / path).read_text() == f"{number}\n" * 20000
    assert not list((tmp_path / "out").rglob(".smol-tmp-*"))


def test_a_second_process_stops_at_once_and_the_first_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        workspace.write("a.py", "1\n")
        second = child(
            tmp_path,
            """
try:
    opened()
except WorkspaceError as error:
    print(error.message)
""",
        )
        told = f"another run is writing to `{tmp_path / 'out'}`: process {os.getpid()}, since "
        assert second.stdout.startswith(told)
        workspace.write("b.py", "2\n")


def test_a_full_disk_leaves_the_name_untouched_and_no_temporary_file(tmp_path: Path) -> None:
    ended = child(
        tmp_path,
        """
workspace = opened()
workspace.save(Record("p", {}, files=("src/a.py", "b.py")))
workspace.write("b.py", "old\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
for path in ("src/a.py", "b.py"):
    try:
        workspace.write(path, "x" * 100_000)
    except WorkspaceError as error:
        print(error.message, error.hint, error.stops_run, sep=" | ")
workspace.write("small.py", "1\\n")
workspace.close()
""",
    )
    out = tmp_path / "out"
    why = (
        "it is larger than files may be here | raise the limit (`ulimit -f unlimited`), then"
        f" finish the run: `smol_dev resume {out}` | True"
    )
    assert ended.stderr == ""
    assert ended.stdout == (f"cannot write `src/a.py` in `{out}`: {why}\ncannot write `b.py` in `{out}`: {why}\n")
    assert sorted(path.name for path in out.iterdir()) == [".smol", "b.py", "small.py"]
    assert (out / "b.py").read_text() == "old\n"
    assert not list(out.rglob(".smol-tmp-*"))
    with opened(tmp_path, resume=True) as again:
        assert again.remaining() == remaining(todo=("src/a.py",), finished=("b.py",))


def test_a_disk_that_takes_nothing_is_found_before_anyone_waits(tmp_path: Path) -> None:
    ended = child(
        tmp_path,
        """
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    opened()
except WorkspaceError as error:
    print(error.message)
""",
    )
    assert ended.stdout == (f"cannot use the output folder `{tmp_path / 'out'}`: it is larger than files may be here\n")
    assert ended.stderr == ""


def test_a_journal_line_that_does_not_fit_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    ended = child(
        tmp_path,
        """
workspace = opened()
workspace.save(Record("p", {}, files=("a.py",)))
workspace.note(FileState("a.py", "failed", message="short"))
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
try:
    workspace.note(FileState("a.py", "failed", message="long" * 1000))
except WorkspaceError as error:
    print(error.message, flush=True)
workspace.note(FileState("b.py", "failed", message="short too"))
os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    assert ended.stdout == (
        f"cannot write the journal of the run in `{tmp_path / 'out/.smol'}`: it is larger than files may be here\n"
    )
    with opened(tmp_path, resume=True) as workspace:
        assert workspace.record.states == {
            "a.py": FileState("a.py", "failed", message="short"),
            "b.py": FileState("b.py", "failed", message="short too"),
        }


def test_it_works_for_a_user_who_has_only_the_output_folder(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import sys; from pathlib import Path;"
                "from smol_dev.workspace.writer import Workspace;"
                "w = Workspace.open(Path(sys.argv[1]), cwd=Path('/'), home=None);"
                "w.write('a.py', '1'); w.close()"
            ),
            str(tmp_path / "out"),
        ],
        env={"PATH": os.environ["PATH"]},
        cwd="/",
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "out/a.py").read_text() == "1"

import os
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.errors import AnswerError, WorkspaceError
from smol_dev.workspace.paths import settle
from smol_dev.workspace.record import FileState, Record
from smol_dev.workspace.writer import Workspace


def opened(folder: Path, *, overwrite: bool = False) -> Workspace:
    return Workspace.open(Path("out"), cwd=folder, home=None, overwrite=overwrite)


def refusal(workspace: Workspace, path: str) -> str:
    with pytest.raises(WorkspaceError) as caught:
        workspace.write(path, "new\n")
    assert not caught.value.stops_run
    assert not list(workspace.root.rglob(".smol-tmp-*"))
    return f"{caught.value.message} | {caught.value.hint}"


def test_content_is_written_byte_for_byte(tmp_path: Path) -> None:
    content = "a\r\nb\tc\u202e é 日本\x00\n\n"
    with opened(tmp_path) as workspace:
        assert workspace.write("src/app/main.py", content) == len(content.encode())
        assert workspace.read("src/app/main.py") == content
    assert (tmp_path / "out/src/app/main.py").read_bytes() == content.encode()


@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o077, 0o600, 0o700), (0o002, 0o664, 0o775)])
def test_modes_follow_the_umask(tmp_path: Path, umask: int, file_mode: int, folder_mode: int) -> None:
    before = os.umask(umask)
    try:
        with opened(tmp_path) as workspace:
            workspace.write("src/a.py", "1\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out/src/a.py").stat().st_mode) == file_mode
    assert stat.S_IMODE((tmp_path / "out/src").stat().st_mode) == folder_mode


def test_the_longest_and_the_deepest_path_are_written(tmp_path: Path) -> None:
    longest = "/".join(["d" * 119, "f" * 120])
    deepest = "/".join(["x"] * 20)
    with opened(tmp_path / ("r" * 200)) as workspace:
        workspace.write(longest, "1")
        workspace.write(deepest, "2")
        assert (workspace.root / longest).read_text() == "1"
        assert (workspace.root / deepest).read_text() == "2"


def test_a_file_of_this_run_is_replaced_without_a_copy(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        workspace.write("a.py", "1\n")
        workspace.write("./a.py", "2\n")
    assert (tmp_path / "out/a.py").read_text() == "2\n"
    assert not (tmp_path / "out/.smol/backup").exists()


def test_a_finished_file_that_is_asked_for_again_leaves_a_copy(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        workspace.save(Record("p", {}, files=("a.py",)))
        workspace.write("a.py", "1\n")
        workspace.note(FileState("a.py", "done"))
        workspace.write("a.py", "2\n")
    assert (tmp_path / "out/a.py").read_text() == "2\n"
    assert (tmp_path / "out/.smol/backup/a.py").read_text() == "1\n"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_in_the_way_is_never_followed(tmp_path: Path, *, overwrite: bool) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "a.py").write_text("mine\n")
    with opened(tmp_path, overwrite=overwrite) as workspace:
        (workspace.root / "src").symlink_to(victim)
        (workspace.root / "b.py").symlink_to(victim / "a.py")
        blocked = "a file or a symbolic link stands where a folder is needed"
        assert workspace.remaining(["src/a.py", "b.py", "c.py"]).occupied == (
            ("src/a.py", blocked),
            ("b.py", "a link or a special file of that name is there"),
        )
        assert refusal(workspace, "src/a.py") == (
            f"cannot write `src/a.py` in `{workspace.root}`: {blocked}"
            " | move it away, or choose another folder: `-o DIR`"
        )
        assert refusal(workspace, "b.py") == (
            "cannot write `b.py`: a link or a special file of that name is there"
            f" | move it away, then finish the run: `smol_dev resume {workspace.root}`"
        )
    assert {path.name: path.read_text() for path in victim.iterdir()} == {"a.py": "mine\n"}


def test_a_folder_swapped_for_a_link_after_the_check_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    with opened(tmp_path) as workspace:
        workspace.write("src/a.py", "1\n")
        assert workspace.remaining(["src/b.py"]).todo == ("src/b.py",)
        (workspace.root / "src").rename(workspace.root / "moved")
        (workspace.root / "src").symlink_to(victim)
        assert refusal(workspace, "src/b.py").startswith("cannot write `src/b.py` in ")
    assert list(victim.iterdir()) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_folders_and_special_files_in_the_way_are_left(tmp_path: Path, *, overwrite: bool) -> None:
    with opened(tmp_path, overwrite=overwrite) as workspace:
        (workspace.root / "a").mkdir()
        os.mkfifo(workspace.root / "pipe")
        (workspace.root / "file").write_text("mine")
        hint = f"move it away, then finish the run: `smol_dev resume {workspace.root}`"
        assert refusal(workspace, "a") == (f"cannot write `a`: a folder of that name is there | {hint}")
        assert refusal(workspace, "pipe") == (
            f"cannot write `pipe`: a link or a special file of that name is there | {hint}"
        )
        assert refusal(workspace, "file/x").startswith("cannot write `file/x` in ")
        assert (workspace.root / "file").read_text() == "mine"


def test_a_file_that_appeared_during_the_run_is_left(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        (workspace.root / "a.py").write_text("mine\n")
        why = "a file that this run did not write is there"
        assert workspace.remaining(["a.py"]).occupied == (("a.py", why),)
        assert refusal(workspace, "a.py").startswith(f"cannot write `a.py`: {why} | ")
        assert (workspace.root / "a.py").read_text() == "mine\n"


def test_a_file_the_user_edited_during_the_run_is_left(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        workspace.write("a.py", "1\n")
        (workspace.root / "a.py").write_text("mine\n")
        assert refusal(workspace, "a.py").startswith("cannot write `a.py`: a file that this run")
        assert (workspace.root / "a.py").read_text() == "mine\n"


def test_overwrite_keeps_a_copy_of_what_it_replaces_and_leaves_the_rest(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for run in ("one", "two"):
        (out / "src").mkdir(parents=True, exist_ok=True)
        (out / "src/a.py").write_text(f"mine {run}\n")
        (out / "src/a.py").chmod(0o755)
        (out / "notes.txt").write_text("mine\n")
        with opened(tmp_path, overwrite=True) as workspace:
            assert workspace.remaining(["src/a.py"]).todo == ("src/a.py",)
            workspace.write("src/a.py", f"new {run}\n")
    assert (out / "src/a.py").read_text() == "new two\n"
    assert (out / "notes.txt").read_text() == "mine\n"
    copies = {
        str(path.relative_to(out)): (path.read_text(), stat.S_IMODE(path.stat().st_mode))
        for path in (out / ".smol/backup").rglob("*.py")
    }
    assert copies == {".smol/backup/src/a.py": ("mine one\n", 0o755), ".smol/backup/2/src/a.py": ("mine two\n", 0o755)}


def test_a_file_of_which_no_copy_can_be_kept_is_not_replaced(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.py").write_text("mine\n")
    with opened(tmp_path, overwrite=True) as workspace:
        workspace.save(Record("p", {}, files=("a.py",)))
        (workspace.root / ".smol/backup").symlink_to(victim)
        assert refusal(workspace, "a.py").startswith("cannot write `a.py` in ")
        assert workspace.record.states == {"a.py": FileState("a.py", "planned")}
    assert (tmp_path / "out/a.py").read_text() == "mine\n"
    assert list(victim.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../x", "has a `..` component"),
        ("/etc/x", "is absolute"),
        (".git/config", "`.git` is never written"),
        ("smol.toml", "`smol.toml` is never written"),
    ],
)
def test_an_unsafe_path_is_refused_by_the_writer_too(tmp_path: Path, path: str, why: str) -> None:
    with opened(tmp_path) as workspace:
        assert workspace.remaining([path]).refused == ((path, why),)
        assert refusal(workspace, path) == (
            f"cannot write `{path}`: {why} | the name was the model's choice: ask for another one in the prompt"
        )


def test_a_sensitive_path_is_written_when_it_is_allowed(tmp_path: Path) -> None:
    with Workspace.open(Path("out"), cwd=tmp_path, home=None, allow_sensitive=[".vscode/*"]) as workspace:
        assert workspace.write(".vscode/tasks.json", "{}\n") == 3


def test_half_a_character_is_an_unusable_answer(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace, pytest.raises(AnswerError) as caught:
        workspace.write("a.py", "x\ud83d")
    assert caught.value.message == (
        "the content of `a.py` is no text: half a character (a lone surrogate) at position 1"
    )
    assert caught.value.reason == "wrong_format"
    assert not (tmp_path / "out/a.py").exists()


def test_a_folder_that_is_gone_is_an_error_that_stops_the_run(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        shutil.rmtree(workspace.root)
        with pytest.raises(WorkspaceError) as caught:
            workspace.write("a.py", "1\n")
    root = tmp_path / "out"
    assert caught.value.message == f"cannot write `a.py` in `{root}`: the folder is not there"
    assert caught.value.hint == (
        f"put it back and finish the run: `smol_dev resume {root}`, or choose another one: `-o DIR`"
    )
    assert caught.value.stops_run


def test_a_folder_moved_during_the_run_is_still_the_one_written(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        (tmp_path / "out").rename(tmp_path / "moved")
        workspace.write("a.py", "1\n")
    assert (tmp_path / "moved/a.py").read_text() == "1\n"
    assert not (tmp_path / "out").exists()


def test_answers_are_kept_each_under_a_name_of_its_own(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        names = [
            workspace.keep_answer("plan", None, 1, "p"),
            workspace.keep_answer("code", "src/../\x1b[é].py", 1, "c"),
            workspace.keep_answer("code", "a.py", 2, "half \ud83d"),
            workspace.keep_answer("code", "a.py", 2, "again"),
        ]
        assert [(name, (workspace.root / name).read_text()) for name in names] == [
            (".smol/answers/plan-1.txt", "p"),
            (".smol/answers/code-src_.._.py-1.txt", "c"),
            (".smol/answers/code-a.py-2.txt", "half \\ud83d"),
            (".smol/answers/code-a.py-2-2.txt", "again"),
        ]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.lists(st.sampled_from(["a", "A", "b", "HEAD", "é", "e\u0301", "..", ".git"]), max_size=3).map("/".join),
        max_size=8,
    )
)
def test_whatever_is_accepted_can_be_written_and_stays_inside(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    accepted, _ = settle(paths)
    with opened(folder) as workspace:
        workspace.save(Record("p", {}, files=accepted))
        for path in accepted:
            workspace.write(path, path)
    written = {
        str(path.relative_to(folder / "out")): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and ".smol" not in path.parts
    }
    assert written == {path: path for path in accepted}


@pytest.mark.parametrize(
    ("there", "path"),
    [
        (["refs/heads", "objects"], "HEAD"),
        (["repo/refs", "repo/HEAD"], "repo/objects/x"),
        (["refs", "objects"], "./Head"),
        (["commondir"], "HEAD"),
        (["refs", "objects", "HEAD"], "config"),
        (["a/refs", "a/objects", "a/HEAD"], "a/hooks/post-checkout"),
    ],
)
def test_a_bare_repository_is_not_completed_with_what_is_there(tmp_path: Path, there: list[str], path: str) -> None:
    with opened(tmp_path) as workspace:
        for name in there:
            (workspace.root / name).mkdir(parents=True)
        before = sorted(tmp_path.rglob("*"))
        assert refusal(workspace, path) == (
            f"cannot write `{path.removeprefix('./')}`: would make its folder a git repository of its"
            " own | the name was the model's choice: ask for another one in the prompt"
        )
        assert sorted(tmp_path.rglob("*")) == before


def test_names_of_a_repository_that_are_not_all_there_are_ordinary(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        (workspace.root / "objects").mkdir()
        assert workspace.write("HEAD", "1\n") == 2


def test_unusable_answers_are_kept_up_to_a_limit(tmp_path: Path) -> None:
    with opened(tmp_path) as workspace:
        names = [workspace.keep_answer("code", f"{n}.py", 1, "x" * 2**21) for n in range(20)]
        kept = [path.stat().st_size for path in (workspace.root / ".smol/answers").iterdir()]
    assert kept == [2**20] * 16
    assert [name != "" for name in names] == [True] * 16 + [False] * 4

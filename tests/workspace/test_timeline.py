import contextlib
import dataclasses
import errno
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.errors import WorkspaceError
from smol_dev.workspace.history import Difference, Head, Kept, State, Timeline
from smol_dev.workspace.record import FileState, Provenance, Record
from smol_dev.workspace.writer import Workspace


def build(tmp_path: Path, files: Mapping[str, str]) -> Path:
    """A folder in which a run has written these files."""
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
        workspace.save(Record("a shop", {}, plan="# Plan", files=tuple(files)))
        for path, content in files.items():
            workspace.write(path, content)
            workspace.note(FileState(path, "done"))
    return tmp_path / "out"


def opened(root: Path) -> Workspace:
    return Workspace.open(root, cwd=root.parent, home=None, resume=True)


def change(root: Path, contents: Mapping[str, str | None], request: str = "a change") -> tuple[str, ...]:
    """Keep what is there, and change it; what was changed."""
    with opened(root) as workspace:
        timeline, record = workspace.timeline(), workspace.record
        timeline.capture("build" if timeline.history.current is None else "edit", "a shop", record)
        data = {path: None if text is None else text.encode() for path, text in contents.items()}
        return timeline.move(timeline.propose("change", request, record, data))


def undo(root: Path, *, leave: tuple[str, ...] = (), redo: bool = False) -> tuple[str, ...]:
    with opened(root) as workspace:
        timeline = workspace.timeline()
        timeline.capture("edit", "", workspace.record)
        step = timeline.history.undone if redo else timeline.history.last
        assert step is not None
        source, goal = step if redo else reversed(step)
        edited = timeline.edited(source, goal)
        return timeline.move(timeline.turned(source, goal, leave=leave), copied=edited)


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and ".smol" not in path.parts
    }


def test_a_change_is_made_and_taken_back(tmp_path: Path) -> None:
    before = {"main.py": "1\n", "lib/store.py": "2\n", "old/gone.py": "3\n"}
    root = build(tmp_path, before)
    changed = change(root, {"main.py": "10\n", "old/gone.py": None, "new/a.py": "4\n"})
    assert changed == ("main.py", "new/a.py", "old/gone.py")
    assert tree(root) == {"main.py": "10\n", "lib/store.py": "2\n", "new/a.py": "4\n"}
    assert not (root / "old").exists()
    assert undo(root) == ("main.py", "new/a.py", "old/gone.py")
    assert tree(root) == before
    assert not (root / "new").exists()


def test_the_record_goes_with_the_files(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n", "b.py": "2\n"})
    change(root, {"a.py": "10\n", "b.py": None})
    with opened(root) as workspace:
        assert {path: state.bytes for path, state in workspace.record.states.items()} == {"a.py": 3, "b.py": 0}
        assert workspace.remaining().finished == ("a.py",)
    undo(root)
    with opened(root) as workspace:
        assert workspace.remaining().finished == ("a.py", "b.py")


def test_states_follow_each_other_and_none_is_lost(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    for text in ("2\n", "3\n"):
        change(root, {"a.py": text}, f"make it {text.strip()}")
    undo(root)
    undo(root)
    assert tree(root) == {"a.py": "1\n"}
    change(root, {"a.py": "4\n"}, "make it 4")
    with opened(root) as workspace:
        history = workspace.timeline().history
        assert [(state.number, state.parent, state.request) for state in history.states.values()] == [
            (1, 0, "a shop"),
            (2, 1, "make it 2"),
            (3, 2, "make it 3"),
            (4, 1, "make it 4"),
        ]
        assert [state.number for state in history.line] == [1, 4]
        assert history.undone is None


def test_what_was_taken_back_can_be_done_again(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    change(root, {"a.py": "2\n"})
    undo(root)
    with opened(root) as workspace:
        timeline = workspace.timeline()
        assert timeline.history.undone is not None
        assert timeline.move(timeline.history.undone[1]) == ("a.py",)
    assert tree(root) == {"a.py": "2\n"}


def test_a_mended_program_that_was_taken_back_can_be_had_again(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    with opened(root) as workspace:
        workspace.timeline().capture("build", "a shop", workspace.record)
        workspace.write("a.py", "2\n")
        workspace.note(FileState("a.py", "done"))
        workspace.timeline().capture("fix", "pytest -q", workspace.record)
    assert undo(root) == ("a.py",)
    assert undo(root, redo=True) == ("a.py",)
    assert tree(root) == {"a.py": "2\n"}


def test_an_edit_before_a_change_is_a_state_of_its_own(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n", "b.py": "2\n"})
    change(root, {"a.py": "10\n"})
    (root / "b.py").write_text("mine\n")
    change(root, {"b.py": "20\n"})
    undo(root)
    assert tree(root) == {"a.py": "10\n", "b.py": "mine\n"}


def test_an_edit_after_a_change_is_told_and_can_be_left(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n", "b.py": "2\n", "c.py": "3\n"})
    change(root, {"a.py": "10\n", "b.py": "20\n"})
    (root / "a.py").write_text("mine\n")
    (root / "c.py").write_text("mine too\n")
    with opened(root) as workspace:
        timeline = workspace.timeline()
        found = timeline.differences(timeline.history.line[0])
    assert [(each.path, each.before, each.after, each.is_edited) for each in found] == [
        ("a.py", b"mine\n", b"1\n", True),
        ("b.py", b"20\n", b"2\n", False),
    ]
    undo(root, leave=("a.py",))
    assert tree(root) == {"a.py": "mine\n", "b.py": "2\n", "c.py": "mine too\n"}


def test_an_edit_that_is_replaced_is_kept_as_a_copy(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    change(root, {"a.py": "10\n"})
    (root / "a.py").write_text("mine\n")
    undo(root)
    assert tree(root) == {"a.py": "1\n"}
    assert (root / ".smol/backup/a.py").read_text() == "mine\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_files_keep_their_modes(tmp_path: Path) -> None:
    root = build(tmp_path, {"run.sh": "1\n", "tool.sh": "2\n"})
    for name in ("run.sh", "tool.sh"):
        (root / name).chmod(0o750)
    change(root, {"run.sh": "10\n", "tool.sh": None})
    assert stat.S_IMODE((root / "run.sh").stat().st_mode) == 0o750
    undo(root)
    assert stat.S_IMODE((root / "tool.sh").stat().st_mode) == 0o750


def test_a_link_in_the_place_of_a_file_is_never_followed_or_replaced(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    (tmp_path / "elsewhere").write_text("theirs\n")
    change(root, {"a.py": "2\n"})
    (root / "a.py").unlink()
    (root / "a.py").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError) as caught:
        undo(root)
    assert caught.value.message == f"`a.py` in `{root}` is no file any more"
    assert (tmp_path / "elsewhere").read_text() == "theirs\n"
    assert (root / "a.py").is_symlink()


@pytest.mark.parametrize("path", ["../a.py", ".git/hooks/pre-commit", ".smol/run.json", "/etc/passwd"])
def test_no_state_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    with pytest.raises(WorkspaceError) as caught:
        change(root, {path: "bad\n"})
    assert caught.value.message.startswith(f"cannot write `{path}`: ")
    assert tree(root) == {"a.py": "1\n"}


def test_a_content_that_was_tampered_with_is_not_put_back(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    change(root, {"a.py": "2\n"})
    for path in (root / ".smol/history/objects").iterdir():
        if path.read_text() == "1\n":
            path.write_text("bad\n")
    with pytest.raises(WorkspaceError, match="is not what was kept"):
        undo(root)
    assert tree(root) == {"a.py": "2\n"}


class KilledError(Exception):
    """Stands for a kill: nothing after it runs, and nothing is cleaned up."""


def states_of_a_change(tmp_path: Path) -> tuple[Path, State, State]:
    root = build(tmp_path, {"a.py": "1\n", "b.py": "2\n", "c.py": "3\n"})
    with opened(root) as workspace:
        timeline, record = workspace.timeline(), workspace.record
        first = timeline.capture("build", "a shop", record)
        second = timeline.propose("change", "more", record, {"a.py": b"10\n", "b.py": None, "d.py": b"4\n"})
    return root, first, second


Failing = TypeVar("Failing", bound=Timeline)


def failing(workspace: Workspace, kind: type[Failing]) -> Failing:
    """The timeline of a workspace, of a kind that fails."""
    own = workspace.timeline()
    return kind(own._root, own._memory, refuse=own._refuse, put_back=own._put_back)  # noqa: SLF001 - a seam


class Dying(Timeline):
    """A timeline whose process is killed when so many files are changed."""

    left = 0

    def _put(self, difference: Difference, kept: Kept | None) -> None:
        if not self.left:
            raise KilledError
        self.left -= 1
        super()._put(difference, kept)


@pytest.mark.parametrize("back", [False, True], ids=["finished", "taken back"])
@pytest.mark.parametrize("again", [False, True], ids=["killed once", "killed twice"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_killed_change_is_finished_or_taken_back(tmp_path: Path, *, after: int, again: bool, back: bool) -> None:
    root, first, second = states_of_a_change(tmp_path)
    goal = first if back else second
    for target in (second, goal)[: 1 + again]:
        with opened(root) as workspace:
            dying = failing(workspace, Dying)
            dying.left = after
            with contextlib.suppress(KilledError):
                dying.move(target)
    with opened(root) as workspace:
        timeline = workspace.timeline()
        timeline.move(goal)
        assert timeline.history.head == Head(goal.number, 0, second.number)
    before = {"a.py": "1\n", "b.py": "2\n", "c.py": "3\n"}
    assert tree(root) == (before if back else {"a.py": "10\n", "c.py": "3\n", "d.py": "4\n"})


class Filling(Timeline):
    """A timeline whose disk is full when so many files are changed."""

    left = 0

    def _put(self, difference: Difference, kept: Kept | None) -> None:
        if not self.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.left -= 1
        super()._put(difference, kept)


@pytest.mark.parametrize("back", [False, True], ids=["finished", "taken back"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_disk_that_fills_in_the_middle_of_a_change_loses_nothing(tmp_path: Path, *, after: int, back: bool) -> None:
    root, first, second = states_of_a_change(tmp_path)
    with opened(root) as workspace:
        filling = failing(workspace, Filling)
        filling.left = after
        with pytest.raises(WorkspaceError) as caught:
            filling.move(second)
    assert (caught.value.message, caught.value.hint) == (
        f"cannot change the program in `{root}`: the disk is full",
        f"make room, then finish the run: `smol_dev resume {root}`",
    )
    with opened(root) as workspace:
        workspace.timeline().move(first if back else second)
    before = {"a.py": "1\n", "b.py": "2\n", "c.py": "3\n"}
    assert tree(root) == (before if back else {"a.py": "10\n", "c.py": "3\n", "d.py": "4\n"})


def test_a_broken_off_change_goes_nowhere_else(tmp_path: Path) -> None:
    root, _, second = states_of_a_change(tmp_path)
    with opened(root) as workspace:
        timeline = workspace.timeline()
        third = timeline.propose("change", "other", workspace.record, {"a.py": b"5\n"})
        timeline.history.aim(second)
        with pytest.raises(WorkspaceError) as caught:
            timeline.move(third)
    assert (caught.value.message, caught.value.hint) == (
        f"a change in `{root}` was interrupted",
        f"finish it: `smol_dev resume {root}`, or take it back: `smol_dev undo {root}`",
    )


CONTENTS = st.dictionaries(st.sampled_from(["a.py", "b/c.py", "d.py"]), st.sampled_from([None, "1\n", "2\n", "3\n"]))


@settings(deadline=None, max_examples=8)
@given(changes=st.lists(CONTENTS, max_size=5))
def test_undone_to_the_beginning_everything_is_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, str | None]]
) -> None:
    root = build(tmp_path_factory.mktemp("case"), {"a.py": "1\n", "d.py": "4\n"})
    trees = []
    for contents in changes:
        trees.append(tree(root))
        change(root, contents)
    for expected in reversed(trees):
        undo(root)
        assert tree(root) == expected


GOOD = {"number": 1, "parent": 0, "kind": "build", "request": "", "time": 1.0, "record": "0" * 64, "files": {}}
HOSTILE = {
    "no object": "[]",
    "a text for a number": json.dumps({**GOOD, "number": "1"}),
    "a boolean for a number": json.dumps({**GOOD, "number": True}),
    "another number than its name": json.dumps({**GOOD, "number": 2}),
    "another kind": json.dumps({**GOOD, "kind": "evil"}),
    "its own parent": json.dumps({**GOOD, "parent": 1}),
    "a path for a hash": json.dumps({**GOOD, "files": {"a.py": {"sha256": "../../../etc/passwd", "mode": 420}}}),
    "no record": json.dumps({**GOOD, "record": "../run.json"}),
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_damaged_history_is_named_and_changes_nothing(tmp_path: Path, text: str) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    (root / ".smol/history").mkdir()
    (root / ".smol/history/000001.json").write_text(text)
    with opened(root) as workspace, pytest.raises(WorkspaceError) as caught:
        workspace.timeline()
    folder = root / ".smol/history"
    assert caught.value.message.startswith(f"the history in `{folder}` is damaged: `000001.json` ")
    assert caught.value.hint == (
        f"the program's files are as they are; to begin a new history move it away: `mv {folder} {folder}.damaged`"
    )


def test_a_history_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    (tmp_path / "theirs").mkdir()
    (root / ".smol/history").symlink_to(tmp_path / "theirs")
    with opened(root) as workspace, pytest.raises(WorkspaceError) as caught:
        workspace.timeline()
    assert caught.value.message == (
        f"cannot read the history in `{root}`: a file or a symbolic link stands where a folder is needed"
    )


def test_edits_between_two_changes_outlive_them_both(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n", "b.py": "2\n", "c.py": "3\n"})
    change(root, {"a.py": "10\n"})
    (root / "c.py").write_text("mine\n")
    change(root, {"b.py": "20\n"})
    undo(root)
    assert tree(root) == {"a.py": "10\n", "b.py": "2\n", "c.py": "mine\n"}
    undo(root)
    assert tree(root) == {"a.py": "1\n", "b.py": "2\n", "c.py": "mine\n"}
    undo(root, redo=True)
    assert tree(root) == {"a.py": "10\n", "b.py": "2\n", "c.py": "mine\n"}
    undo(root, redo=True)
    assert tree(root) == {"a.py": "10\n", "b.py": "20\n", "c.py": "mine\n"}


def test_the_users_own_edits_are_no_step_to_take_back(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n", "b.py": "2\n"})
    change(root, {"a.py": "10\n"})
    (root / "b.py").write_text("mine\n")
    change(root, {"a.py": "100\n"})
    undo(root)
    undo(root)
    with opened(root) as workspace:
        assert workspace.timeline().history.last is None
    assert tree(root) == {"a.py": "1\n", "b.py": "mine\n"}


def test_an_edit_of_what_an_earlier_change_wrote_is_told(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n", "b.py": "2\n"})
    change(root, {"a.py": "10\n"})
    (root / "a.py").write_text("mine\n")
    change(root, {"b.py": "20\n"})
    undo(root)
    with opened(root) as workspace:
        timeline = workspace.timeline()
        assert timeline.history.last is not None
        assert timeline.edited(*timeline.history.last) == ("a.py",)


def test_a_change_that_was_never_begun_is_not_made_again(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    change(root, {"a.py": "2\n"})
    undo(root)
    with opened(root) as workspace:
        timeline = workspace.timeline()
        timeline.propose("change", "killed here", workspace.record, {"a.py": b"3\n"})
    undo(root, redo=True)
    assert tree(root) == {"a.py": "2\n"}


def test_permissions_that_the_user_gave_come_back_with_a_removed_file(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.sh": "1\n", "b.py": "2\n"})
    change(root, {"b.py": "20\n"})
    (root / "a.sh").chmod(0o755)
    change(root, {"a.sh": None})
    undo(root)
    assert stat.S_IMODE((root / "a.sh").stat().st_mode) == 0o755


def test_settings_stay_as_they_are_when_a_state_comes_back(tmp_path: Path) -> None:
    """The record of a state may have come with a clone: its settings must not be taken for the user's own."""
    root = build(tmp_path, {"a.py": "1\n"})
    path = root / ".smol/run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "begun": {"sets": ["base_url='evil'"]}}))
    change(root, {"a.py": "2\n"})
    with opened(root) as workspace:
        workspace.save(dataclasses.replace(workspace.record, begun={"sets": []}, profile={"name": "mine"}))
    undo(root)
    with opened(root) as workspace:
        assert (workspace.record.begun, workspace.record.profile) == ({"sets": []}, {"name": "mine"})


def test_a_record_from_elsewhere_stays_foreign_when_a_state_comes_back(tmp_path: Path) -> None:
    root = build(tmp_path, {"a.py": "1\n"})
    change(root, {"a.py": "2\n"})
    mine = Provenance(tmp_path / "state")

    def as_mine() -> Workspace:
        return Workspace.open(root, cwd=tmp_path, home=None, resume=True, provenance=mine)

    with as_mine() as workspace:
        timeline = workspace.timeline()
        timeline.move(timeline.history.line[0])
        assert not workspace.is_ours
    with as_mine() as workspace:
        assert not workspace.is_ours

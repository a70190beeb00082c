"""A program is changed over HTTP, looked at first, taken back, and nothing is lost on the way."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import pytest

from smol_dev.app.caller import Caller
from smol_dev.app.program import change, log, undo
from smol_dev.app.session import IN_THE_WAY, MOST_LINES, Task, unified
from smol_dev.errors import InterruptedRunError, SmolError, UsageError, WorkspaceError
from smol_dev.events import ChangePlanned, ChangeStarted, FileChanged, Noticed, RunDone
from smol_dev.run.change import NOT_SHOWN
from smol_dev.run.review import AskedAgain, Proposed, Stopped, Taken, Verdict
from smol_dev.ui.sentences import sentence
from smol_dev.workspace.writer import Workspace
from tests.app.test_build import World
from tests.fake_server import Canned, FakeServer, Received, answered, json_answer
from tests.room import Room

PROGRAM = {
    "store.py": "def load():\n    return []\n",
    "main.py": "import store\n\nprint(store.load())\n",
    "old.py": "X = 1\n",
}
SAVES = "def load():\n    return []\n\n\ndef save(items):\n    return items\n"
NOTES = "# Notes\n"
LISTED = {
    "change": [{"path": "store.py", "why": "saves too"}],
    "add": [{"path": "notes.md", "why": "how to use it"}],
    "remove": [{"path": "old.py", "why": "not used"}],
}
AFTER = {"main.py": PROGRAM["main.py"], "notes.md": NOTES, "store.py": SAVES}


def serves(
    listed: object = LISTED,
    files: Mapping[str, str] = MappingProxyType({"store.py": SAVES, "notes.md": NOTES}),
    mended: Mapping[str, str] = MappingProxyType({}),
) -> FakeServer:
    """A server that writes the program, and then changes it as told."""

    def answer(request: Received) -> Canned:
        if not request.place.endswith("/chat/completions"):
            return json_answer({"data": [{"id": "m"}]})
        messages = request.json()["messages"]
        last = messages[-1]["content"]
        path = last.rsplit("\n", 1)[-1]
        if "it is to be changed" in last or "not what was meant" in last:
            return answered(json.dumps(listed))
        if "does not pass" in last:
            return answered(json.dumps({"files": list(mended)}))
        if "the cause of this mended" in last:
            return answered(f"```python\n{mended[path]}```")
        if "for this change" in last:
            return answered(f"````\n{files[path]}````")
        if path in PROGRAM:
            return answered(f"```python\n{PROGRAM[path]}```")
        return answered(json.dumps({"files": list(PROGRAM)}) if "key `files`" in last else "# Plan")

    return FakeServer(answer)


@dataclass
class Grown(World):
    """A program that was built, and what the user answers when a change is shown."""

    verdicts: list[Verdict] = field(default_factory=list)
    proposed: list[Proposed] = field(default_factory=list)

    def decider(self) -> Caller:
        def decide(proposed: Proposed) -> Verdict:
            self.proposed.append(proposed)
            return self.verdicts.pop(0)

        return replace(self.caller(), decide=decide)

    def change(self, server: FakeServer, *verdicts: Verdict, **how: object) -> RunDone:
        self.verdicts = list(verdicts)
        caller = self.decider() if verdicts else self.caller()
        return change(Task(request="Save the items too.", **how), self.flags(server.base_url), caller)  # type: ignore[arg-type]

    def undo(self, server: FakeServer, *, redo: bool = False, keep_mine: bool = False, theirs: bool = False) -> RunDone:
        return undo(None, self.flags(server.base_url), self.caller(), redo=redo, keep_mine=keep_mine, theirs=theirs)

    def refused(self, act: Callable[[], object]) -> SmolError:
        before = self.files()
        with pytest.raises(SmolError) as caught:
            act()
        assert self.files() == before
        return caught.value


@pytest.fixture
def grown(tmp_path: Path) -> Grown:
    grown = Grown(tmp_path)
    with serves() as server:
        grown.generate(server)
    assert grown.files() == PROGRAM
    grown.shown.clear()
    return grown


def test_a_change_is_shown_made_and_taken_back(grown: Grown) -> None:
    with serves() as server:
        done = grown.change(server, yes=True)
        assert (done.exit_code, done.written) == (0, ("notes.md", "store.py"))
        assert grown.files() == AFTER
        [planned] = [event for event in grown.shown if isinstance(event, ChangePlanned)]
        assert [file.path for file in (*planned.change, *planned.add, *planned.remove)] == [
            "store.py",
            "notes.md",
            "old.py",
        ]
        assert [(each.path, each.action) for each in grown.shown if isinstance(each, FileChanged)] == [
            ("store.py", "change"),
            ("notes.md", "add"),
            ("old.py", "remove"),
        ]
        grown.undo(server)
        assert grown.files() == PROGRAM
        grown.undo(server, redo=True)
        assert grown.files() == AFTER


def test_the_plan_and_the_list_go_with_the_files(grown: Grown) -> None:
    folder = grown.cwd / "generated/.smol"
    with serves() as server:
        grown.change(server, yes=True)
        assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"] == [
            "store.py",
            "main.py",
            "notes.md",
        ]
        assert "## Changed: Save the items too." in (folder / "plan.md").read_text(encoding="utf-8")
        grown.undo(server)
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"] == list(PROGRAM)
    assert "Changed" not in (folder / "plan.md").read_text(encoding="utf-8")


def test_a_second_change_knows_of_the_first(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, yes=True)
    again = {"change": [{"path": "main.py", "why": "saves"}], "add": [], "remove": []}
    with serves(again, {"main.py": "import store\n\nstore.save([])\n"}) as server:
        grown.change(server, yes=True)
        asked = server.chats[0].json()["messages"]
    assert "## Changed: Save the items too." in asked[-1]["content"]
    turns = [message["content"] for message in asked]
    assert SAVES.strip() in "".join(turns)
    assert asked[2]["content"] == "# Plan"
    assert grown.files() == {**AFTER, "main.py": "import store\n\nstore.save([])\n"}


def test_only_showing_changes_nothing(grown: Grown) -> None:
    with serves() as server:
        done = grown.change(server, diff=True)
    assert (done.exit_code, done.written, grown.files()) == (0, (), PROGRAM)
    shown = [event for event in grown.shown if isinstance(event, FileChanged)]
    assert shown[0].diff == (
        "--- a/store.py\n+++ b/store.py\n@@ -1,2 +1,6 @@\n def load():\n     return []\n+\n+\n+def save(items):\n"
        "+    return items\n"
    )


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param({"store.py"}, {**PROGRAM, "store.py": SAVES}, id="one changed"),
        pytest.param({"notes.md"}, {**PROGRAM, "notes.md": NOTES}, id="one added"),
        pytest.param({"old.py"}, {path: PROGRAM[path] for path in ("store.py", "main.py")}, id="one removed"),
        pytest.param(set(), PROGRAM, id="none"),
    ],
)
def test_what_is_not_accepted_stays_as_it_is(grown: Grown, paths: set[str], expected: dict[str, str]) -> None:
    with serves() as server:
        grown.change(server, Taken(frozenset(paths)))
    assert grown.files() == expected
    assert [each.path for each in grown.proposed[0].files] == ["store.py", "notes.md", "old.py"]


def test_with_feedback_something_else_is_proposed(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, AskedAgain("Keep old.py."), Stopped())
        asked = [chat.json()["messages"][-1]["content"] for chat in server.chats]
    assert any("Keep old.py." in text for text in asked)
    assert len(grown.proposed) == 2
    assert grown.files() == PROGRAM


def test_without_anyone_to_ask_nothing_is_requested(grown: Grown) -> None:
    with serves() as server:
        error = grown.refused(lambda: grown.change(server))
        assert server.chats == []
    assert isinstance(error, UsageError)
    assert (error.message, error.hint) == (
        "a change is shown before it is made, and there is no terminal to ask on",
        "make it without asking: `--yes`, or only show it: `--diff`",
    )


def test_only_the_named_files_may_change(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, yes=True, only=("store.py",))
    assert grown.files() == {**PROGRAM, "store.py": SAVES}


@pytest.mark.parametrize(
    ("edit", "dropped"),
    [
        pytest.param(lambda out: (out / "old.py").write_bytes(b"# caf\xe9\n"), {"old.py": NOT_SHOWN}, id="Latin-1"),
        pytest.param(lambda out: (out / "old.py").write_bytes(b"a\0b"), {"old.py": NOT_SHOWN}, id="binary"),
        pytest.param(
            lambda out: (out / "old.py").write_text("#" * 2_000_000, encoding="utf-8"),
            {"old.py": NOT_SHOWN},
            id="larger than any file of a run",
        ),
        pytest.param(
            lambda out: ((out / "old.py").unlink(), (out / "old.py").symlink_to("main.py")),
            {"old.py": NOT_SHOWN},
            id="a link",
        ),
        pytest.param(lambda out: (out / "notes.md").write_text("mine", "utf-8"), {"notes.md": IN_THE_WAY}, id="mine"),
        pytest.param(lambda out: (out / "notes.md").mkdir(), {"notes.md": IN_THE_WAY}, id="a folder"),
        pytest.param(lambda out: (out / "old.py").unlink(), {"old.py": "not in the program"}, id="gone"),
    ],
)
def test_what_is_no_text_of_the_program_stays(
    grown: Grown, edit: Callable[[Path], object], dropped: Mapping[str, str]
) -> None:
    out = grown.cwd / "generated"
    edit(out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    with serves() as server:
        assert grown.change(server, yes=True).exit_code == 0
    [planned] = [event for event in grown.shown if isinstance(event, ChangePlanned)]
    assert {each.path: each.reason for each in planned.dropped} == dropped
    left = {path: before.get(path) for path in dropped}
    now = {path: (out / path).read_bytes() if (out / path).is_file() else None for path in dropped}
    assert now == left
    assert (out / "store.py").read_text(encoding="utf-8") == SAVES


def test_a_file_is_not_added_where_the_program_has_a_folder(grown: Grown) -> None:
    listed = {"change": [{"path": "store.py", "why": "x"}], "add": [{"path": "store.py/x.py", "why": "x"}]}
    with serves(listed, {"store.py": SAVES}) as server:
        assert grown.change(server, yes=True).exit_code == 0
    assert grown.files() == {**PROGRAM, "store.py": SAVES}


def test_the_line_ends_of_a_file_stay(grown: Grown) -> None:
    store = grown.cwd / "generated/store.py"
    store.write_bytes(b"def load():\r\n    return []\r\n")
    with serves() as server:
        grown.change(server, yes=True)
    assert store.read_bytes() == SAVES.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("only", ["./store.py", "STORE.py"])
def test_a_path_that_may_change_is_found_in_any_spelling(grown: Grown, only: str) -> None:
    with serves() as server:
        grown.change(server, yes=True, only=(only,))
    assert grown.files() == {**PROGRAM, "store.py": SAVES}


def test_an_edit_is_what_the_model_sees_and_comes_back(grown: Grown) -> None:
    edited = "def load():\n    return [1]\n"
    (grown.cwd / "generated/store.py").write_text(edited, encoding="utf-8")
    with serves() as server:
        grown.change(server, yes=True)
        assert edited.strip() in "".join(message["content"] for message in server.chats[0].json()["messages"])
        [shown] = [each for each in grown.shown if isinstance(each, FileChanged) and each.path == "store.py"]
        assert shown.edited
        grown.undo(server)
        assert grown.files() == {**PROGRAM, "store.py": edited}
        grown.refused(lambda: grown.undo(server))


def test_an_edit_since_is_not_replaced_unasked(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, yes=True)
        (grown.cwd / "generated/store.py").write_text("mine\n", encoding="utf-8")
        error = grown.refused(lambda: grown.undo(server))
        assert isinstance(error, WorkspaceError)
        assert (error.message, error.hint) == (
            "you changed `store.py` since, and undo would replace that",
            "keep your version of these files: `--keep-mine`, or replace it (a copy is kept): `--theirs`",
        )
        grown.undo(server, keep_mine=True)
        assert grown.files() == {**PROGRAM, "store.py": "mine\n"}


def test_an_edit_that_is_replaced_is_kept(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, yes=True)
        (grown.cwd / "generated/store.py").write_text("mine\n", encoding="utf-8")
        grown.undo(server, theirs=True)
    assert grown.files() == PROGRAM
    assert (grown.cwd / "generated/.smol/backup/store.py").read_text(encoding="utf-8") == "mine\n"


def test_an_edit_of_an_untouched_file_stays(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, yes=True)
        (grown.cwd / "generated/main.py").write_text("mine\n", encoding="utf-8")
        grown.undo(server)
    assert grown.files() == {**PROGRAM, "main.py": "mine\n"}


def test_the_first_line_of_a_change_says_what_is_done(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, yes=True)
    started = next(event for event in grown.shown if isinstance(event, ChangeStarted))
    assert sentence(started).endswith(f" · changing {grown.cwd / 'generated'}")


def test_the_log_lists_what_was_done(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, yes=True)
        flags = grown.flags(server.base_url)
    steps = log(None, flags, grown.caller().surroundings)
    assert [(step.number, step.kind, step.request, step.added, step.changed, step.removed) for step in steps] == [
        (2, "change", "Save the items too.", ("notes.md",), ("store.py",), ("old.py",)),
        (1, "build", "a counter", tuple(PROGRAM), (), ()),
    ]


def test_the_log_is_read_while_a_run_holds_the_folder_and_nothing_is_written(grown: Grown) -> None:
    folder = grown.cwd / "generated"
    with serves() as server:
        flags = grown.flags(server.base_url)
    with Workspace.open(folder, cwd=grown.cwd, home=None, resume=True):
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        assert [step.kind for step in log(None, flags, grown.caller().surroundings)] == ["build"]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_there_is_an_end_to_what_can_be_taken_back(grown: Grown) -> None:
    with serves() as server:
        error = grown.refused(lambda: grown.undo(server))
        again = grown.refused(lambda: grown.undo(server, redo=True))
    folder = grown.cwd / "generated"
    assert error.message == f"no change was made in `{folder}` that could be taken back"
    assert again.message == "no change was taken back after the last one"
    assert error.hint == again.hint == f"see what was done: `smol_dev log {folder}`"


def test_a_change_that_was_broken_off_is_finished_by_resume(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, yes=True)
        grown.undo(server)
    folder = grown.cwd / "generated"
    head = folder / ".smol/history/head.json"
    head.write_text(json.dumps({"current": 1, "target": 2}), encoding="utf-8")
    (folder / "store.py").write_text(SAVES, encoding="utf-8")
    with serves() as server:
        error = grown.refused(lambda: grown.change(server, yes=True))
        assert error.message == f"a change in `{folder}` was interrupted"
        grown.resume(server)
    assert grown.files() == AFTER
    told = [event.message for event in grown.shown if isinstance(event, Noticed)]
    assert "the interrupted change is finished: `notes.md`, `old.py`" in told


def test_a_change_that_was_broken_off_is_taken_back_by_undo(grown: Grown) -> None:
    with serves() as server:
        grown.change(server, yes=True)
        grown.undo(server)
        head = grown.cwd / "generated/.smol/history/head.json"
        head.write_text(json.dumps({"current": 1, "target": 2}), encoding="utf-8")
        (grown.cwd / "generated/store.py").write_text(SAVES, encoding="utf-8")
        grown.undo(server)
    assert grown.files() == PROGRAM


def test_a_file_that_cannot_be_had_leaves_everything_as_it_is(grown: Grown) -> None:
    with serves({"change": [{"path": "store.py", "why": "x"}]}, {"store.py": ""}) as server:
        done = grown.change(server, yes=True)
    assert (done.exit_code, grown.files()) == (4, PROGRAM)


def test_nothing_to_change_is_no_failure(grown: Grown) -> None:
    with serves({"change": [], "add": [], "remove": []}) as server:
        done = grown.change(server, yes=True)
    assert (done.exit_code, done.written, grown.files()) == (0, (), PROGRAM)


@pytest.mark.parametrize(
    ("before", "after", "diff"),
    [
        pytest.param(None, "a\n", "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n", id="new"),
        pytest.param("a\n", None, "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", id="removed"),
        pytest.param(
            "a", "a\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", id="last line end"
        ),
    ],
)
def test_a_difference_is_a_unified_diff(before: str | None, after: str | None, diff: str) -> None:
    assert unified("x", before, after) == diff


def test_a_long_difference_is_shown_in_time() -> None:
    shown = unified("x", "a\n" * MOST_LINES, "b\na\n" * MOST_LINES)
    assert shown.count("\n") == 3 * MOST_LINES + 3


def test_an_interrupted_question_says_that_nothing_was_changed(grown: Grown) -> None:
    def interrupted(_proposed: Proposed) -> Verdict:
        raise InterruptedRunError("interrupted", hint=hints[0], signal=2)

    hints: list[str] = []
    with serves() as server:
        caller = replace(grown.caller(), decide=interrupted)
        hints.append("nothing was changed; ask for the change again")
        done = change(Task(request="Save the items too."), grown.flags(server.base_url), caller)
    assert (done.exit_code, grown.files()) == (130, PROGRAM)
    assert caller.interrupts.hint == hints[0]


@pytest.mark.parametrize(("expression", "exit_code"), [("store.save", 0), ("store.drop", 7)], ids=["passes", "fails"])
def test_the_users_check_runs_on_the_changed_program(grown: Grown, expression: str, exit_code: int) -> None:
    check = json.dumps([sys.executable, "-B", "-c", f"import store; {expression}"])
    more = f'[run]\ncheck = {check}\ncheck_isolation = "none"\ncheck_rounds = 0\n'
    with serves() as server:
        flags = grown.flags(server.base_url, more)
        done = change(Task(request="Save the items too.", yes=True), flags, grown.caller())
    assert done.exit_code == exit_code
    assert done.check is not None
    assert (done.check.exit_code != 0) == (exit_code != 0)
    assert grown.files() == AFTER


def test_what_the_check_mends_is_bound_to_the_named_files_as_well(grown: Grown) -> None:
    mended = {"extra.py": "X = 1\n", "main.py": "MINE = 1\n", "store.py": f"{SAVES}\n\nFIXED = 1\n"}
    check = json.dumps([sys.executable, "-B", "-c", "import store; store.FIXED"])
    more = f'[run]\ncheck = {check}\ncheck_isolation = "none"\ncheck_rounds = 1\n'
    with serves(mended=mended) as server:
        flags = grown.flags(server.base_url, more)
        done = change(Task(request="Save the items too.", yes=True, only=("store.py",)), flags, grown.caller())
    assert done.exit_code == 0
    assert grown.files() == {**PROGRAM, "store.py": mended["store.py"]}


def test_on_the_command_line_the_difference_is_data(room: Room) -> None:
    with serves() as server:
        room.own(server.base_url)
        assert room.type("a counter") == 0
        assert room.type("change", "Save the items too.", "--diff") == 0
    assert room.out == (
        "--- a/store.py\n+++ b/store.py\n@@ -1,2 +1,6 @@\n def load():\n     return []\n+\n+\n+def save(items):\n"
        "+    return items\n--- /dev/null\n+++ b/notes.md\n@@ -0,0 +1 @@\n+# Notes\n"
        "--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-X = 1\n"
    )


def test_events_tell_what_is_planned_what_differs_and_the_end(room: Room) -> None:
    with serves() as server:
        room.own(server.base_url)
        room.type("a counter")
        assert room.type("change", "Save the items too.", "--yes", "--json") == 0
        events = [json.loads(line) for line in room.out.splitlines()]
        assert room.type("undo", "--json") == 0
        taken_back = [json.loads(line) for line in room.out.splitlines()]
    names = [event["event"] for event in events]
    assert names.index("change_planned") < names.index("file_started")
    assert [event["action"] for event in events if event["event"] == "file_changed"] == ["change", "add", "remove"]
    assert (events[-1]["event"], events[-1]["written"]) == ("run_done", ["notes.md", "store.py"])
    assert [(event["event"], event["written"]) for event in taken_back] == [("run_done", ["old.py", "store.py"])]

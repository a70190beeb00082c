"""`smol_dev fix` over HTTP: a finished program, an unfinished one, one that the user edited."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from smol_dev.app.program import fix, log, resume, undo
from smol_dev.app.session import Task
from smol_dev.errors import SmolError, UsageError
from smol_dev.events import CheckDone, Noticed, RunDone, Warned
from smol_dev.workspace.command import probe, says
from tests.app.test_build import World, plays
from tests.fake_server import Canned, FakeServer, Received, answered
from tests.real_server import real_server
from tests.room import Room

WRONG = "def double(x):\n    return x + 3\n"
RIGHT = "def double(x):\n    return x * 2\n"
CHECK = "import double\nassert double.double(4) == 8, 'no double'\nprint('fine')\n"
FILES = {"double.py": WRONG, "check.py": CHECK}
COMMAND = (sys.executable, "check.py")
FOUND = "All files are written, but the check does not pass."


def mends(*rounds: Mapping[str, str], files: Mapping[str, str] = FILES) -> Callable[[Received], Canned]:
    """A server whose model writes the files, and in each round of mending these."""
    waiting = list(rounds)
    first = plays(files)
    now: dict[str, str] = {}

    def answer(request: Received) -> Canned:
        if request.place.endswith("/chat/completions"):
            said = request.json()["messages"][-1]["content"]
            if said.startswith(FOUND):
                now.clear()
                now.update(waiting.pop(0) if waiting else {})
                return answered(json.dumps({"files": list(now)}))
            path = said.rsplit("\n", 1)[-1]
            if "with the cause of this mended" in said or (path in now and path not in files):
                return answered(now[path])
        return first(request)

    return answer


class Fixed(World):
    """A program in a folder, and what is asked and answered about it."""

    def fix(self, server: FakeServer, *words: str, may: Sequence[str] | None = None, **task: object) -> RunDone:
        asked = replace(self.caller(), may_rewrite=None if may is None else lambda path: path in may)
        return fix(Task(**task), words, self.flags(server.base_url), asked)  # type: ignore[arg-type]

    def steps(self) -> list[tuple[str, str]]:
        return [
            (step.kind, step.request)
            for step in log(None, self.flags("http://127.0.0.1:9/v1"), self.caller().surroundings)
        ]

    def undo(self) -> None:
        undo(None, self.flags("http://127.0.0.1:9/v1"), self.caller(), redo=False, keep_mine=False, theirs=False)

    def record(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.cwd / "generated/.smol/run.json").read_text(encoding="utf-8"))
        return found

    def edit(self, path: str, text: str) -> None:
        (self.cwd / "generated" / path).write_text(text, encoding="utf-8")

    def said(self) -> list[str]:
        return [event.message for event in self.shown if isinstance(event, Noticed | Warned)]


@pytest.fixture
def world(tmp_path: Path) -> Fixed:
    return Fixed(tmp_path)


def test_a_finished_program_is_mended_and_the_check_is_remembered(world: Fixed) -> None:
    with FakeServer(mends({"double.py": RIGHT})) as server:
        world.generate(server)
        done = world.fix(server, *COMMAND)
    assert (done.exit_code, done.written, world.files()) == (0, ("double.py",), {**FILES, "double.py": RIGHT})
    check = world.record()["check"]
    assert isinstance(check, dict)
    assert (check["command"], check["exit_code"], check["round"]) == (list(COMMAND), 0, 1)
    request = " ".join(COMMAND)
    assert world.steps() == [("fix", request), ("build", "a counter")]
    world.undo()
    assert world.files() == FILES


def test_without_a_command_the_one_of_the_last_time_runs(world: Fixed) -> None:
    with FakeServer(mends({"double.py": RIGHT})) as server:
        world.generate(server)
        assert world.fix(server, *COMMAND).exit_code == 0
        world.shown.clear()
        assert world.fix(server).exit_code == 0
    assert [event.summary for event in world.shown if isinstance(event, CheckDone)] == ["passed"]


def test_a_record_from_elsewhere_chooses_no_command(world: Fixed) -> None:
    with FakeServer(mends({"double.py": RIGHT})) as server:
        world.generate(server)
        world.fix(server, *COMMAND)
        shutil.rmtree(world.cwd / "state")
        with pytest.raises(UsageError) as caught:
            world.fix(server)
    assert caught.value.message.startswith("there is no check for `")


def test_without_any_check_it_says_what_to_type(world: Fixed) -> None:
    with FakeServer(mends()) as server:
        world.generate(server)
        asked = len(server.chats)
        with pytest.raises(UsageError) as caught:
            world.fix(server)
        assert len(server.chats) == asked
    assert "-- python -m pytest -q`; or set `check` in `[run]`" in caught.value.hint


def test_what_is_missing_is_written_before_the_check(world: Fixed) -> None:
    with FakeServer(mends({"double.py": RIGHT})) as server:
        world.generate(server)
        (world.cwd / "generated/check.py").unlink()
        done = world.fix(server, *COMMAND)
    assert (done.exit_code, world.files()) == (0, {**FILES, "double.py": RIGHT})
    assert "missing files are written first: `check.py`" in world.said()


def test_the_model_sees_what_the_user_edited(world: Fixed) -> None:
    edited = "# mine\n" + WRONG
    with FakeServer(mends({"double.py": RIGHT})) as server:
        world.generate(server)
        world.edit("double.py", edited)
        done = world.fix(server, *COMMAND)
        turns = [turn["content"] for turn in server.chats[-1].json()["messages"]]
    assert edited in turns
    assert (done.exit_code, world.files()["double.py"]) == (7, edited)
    assert "`double.py` stays as you changed it" in world.said()


@pytest.mark.parametrize("how", [{"may": ["double.py"]}, {"rewrite": True}], ids=["a question", "--yes"])
def test_an_edited_file_is_rewritten_with_leave_and_comes_back(world: Fixed, how: dict[str, object]) -> None:
    edited = "# mine\n" + WRONG
    with FakeServer(mends({"double.py": RIGHT})) as server:
        world.generate(server)
        world.edit("double.py", edited)
        done = world.fix(server, *COMMAND, **how)  # type: ignore[arg-type]
    assert (done.exit_code, world.files()["double.py"]) == (0, RIGHT)
    assert [kind for kind, _ in world.steps()] == ["fix", "edit", "build"]
    world.undo()
    assert world.files()["double.py"] == edited


def test_a_file_that_was_added_belongs_to_the_program(world: Fixed) -> None:
    files = {"check.py": "import helper\nassert helper.HELP == 1\n"}
    with FakeServer(mends({"helper.py": "HELP = 1\n"}, files=files)) as server:
        world.generate(server)
        done = world.fix(server, *COMMAND)
        assert (done.exit_code, done.written) == (0, ("helper.py",))
        assert world.record()["files"] == ["check.py", "helper.py"]
        (world.cwd / "generated/helper.py").unlink()
        assert world.resume(server).written == ("helper.py",)


def test_what_was_added_by_a_round_that_is_no_better_goes_again(world: Fixed) -> None:
    worse = {"double.py": "import new\nimport time\ntime.sleep(60)\n", "new.py": "X = 1\n"}
    with FakeServer(mends(worse)) as server:
        world.generate(server)
        flags = world.flags(server.base_url, "[run]\ncheck_timeout = 1\n")
        done = fix(Task(), COMMAND, flags, world.caller())
        assert done.exit_code == 7
    assert (world.files(), done.written, world.record()["files"]) == (FILES, (), list(FILES))


def test_every_state_is_kept_though_only_the_best_stays(world: Fixed) -> None:
    with FakeServer(mends({"double.py": "raise SystemExit(\n 9)\n"}, {"double.py": WRONG})) as server:
        world.generate(server, "[run]\ncheck_rounds = 1\n")
        world.fix(server, sys.executable, "-c", "import double; assert double.double(4) == 8, 'no'")
    objects = (world.cwd / "generated/.smol/history/objects").iterdir()
    assert any(b"SystemExit" in each.read_bytes() for each in objects)


def test_what_the_check_leaves_is_in_nobodys_way(world: Fixed) -> None:
    leaves = (
        "import pathlib\nfor name in ('target/deep', '.pytest_cache'):\n    pathlib.Path(name).mkdir(parents=True)\n"
    )
    leaves += "pathlib.Path('target/deep/x.o').write_text('x')\npathlib.Path('.envrc').write_text('x')\n"
    with FakeServer(mends(files={"check.py": leaves})) as server:
        world.generate(server)
        assert world.fix(server, *COMMAND).exit_code == 0
        assert world.record()["left"] == [".envrc", ".pytest_cache", "target"]
        assert world.generate(server).exit_code == 0
    assert "the check made files that tools run when the folder is opened: `.envrc`" in world.said()
    assert (world.cwd / "generated/target/deep/x.o").exists()


def test_what_the_check_changes_is_not_overwritten(world: Fixed) -> None:
    program = {"data.txt": "one\n", "check.py": "open('data.txt', 'a').write('more\\n')\nassert 0, 'no'\n"}
    with FakeServer(mends({"data.txt": "two\n"}, files=program)) as server:
        world.generate(server)
        done = world.fix(server, *COMMAND)
    assert (done.exit_code, done.failed, world.files()["data.txt"]) == (7, (), "one\nmore\n")


def test_a_version_that_cannot_be_written_leaves_the_file(world: Fixed) -> None:
    with FakeServer(mends({"double.py": "X = 1\n" * 400})) as server:
        world.generate(server)
        flags = world.flags(server.base_url, "[run]\nmax_file_bytes = 1000\n")
        done = fix(Task(), COMMAND, flags, world.caller())
    assert (done.exit_code, done.failed, world.files()) == (7, (), FILES)


def test_resume_says_nothing_to_do_but_fix_runs(world: Fixed) -> None:
    with FakeServer(mends()) as server:
        world.generate(server)
        resume(Task(), world.flags(server.base_url), world.caller())
        assert any("nothing to do" in said for said in world.said())
        assert world.fix(server, sys.executable, "-c", "pass").check is not None


SLOW = "import time\nprint('x')\nimport double\nif double.double(4) == 8: time.sleep(100)\nassert 0, 'no double'\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_in_a_round_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C keeps the best state; after a kill `undo` knows the one before the round."""
    world = Fixed(tmp_path)
    files = {"double.py": WRONG, "check.py": SLOW}
    with FakeServer(mends({"double.py": RIGHT}, files=files)) as server:
        world.generate(server)
        arguments = ["fix", "generated", "--config", "own.toml", "-p", "mine", "--", *COMMAND]
        environ = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path / "home")}
        process = subprocess.Popen(
            [sys.executable, "-m", "smol_dev", *arguments], cwd=tmp_path, env=environ, stderr=subprocess.PIPE
        )
        limit = time.monotonic() + 60
        while world.files()["double.py"] != RIGHT and time.monotonic() < limit:
            time.sleep(0.05)
        time.sleep(1.5)
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
    if number == signal.SIGINT:
        assert (process.returncode, world.files()) == (130, files), told
    else:
        assert world.files()["double.py"] == RIGHT
        world.undo()
        assert world.files() == files
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in left.splitlines() if str(tmp_path) in line and "check.py" in line]


def test_a_command_is_typed_behind_two_dashes(room: Room) -> None:
    assert room.type("fix", "nowhere", "--") == 2
    assert "there is no command after `--`" in room.err
    assert room.type("fix", "nowhere", "--check", "true", "--", "true") == 2
    assert "name two commands" in room.err


def test_refusals_come_before_any_request(world: Fixed) -> None:
    with FakeServer(mends()) as server:
        with pytest.raises(SmolError):
            world.fix(server, "true")
        world.generate(server)
        asked = len(server.requests)
        with pytest.raises(UsageError):
            world.fix(server, "no-such-program")
        assert len(server.requests) == asked


TESTED = {
    "store.py": WRONG.replace("double", "twice"),
    "test_store.py": "import store\n\ndef test_twice():\n    assert store.twice(4) == 8\n\ndef test_m():\n    pass\n",
}
SCRIPT = [
    (FOUND, '{"files": ["store.py"]}'),
    ("with the cause of this mended", f"```python\n{RIGHT.replace('double', 'twice')}```\n"),
    ("Plan this program", "# Plan\n\nA store and its tests."),
    ("List the files", json.dumps({"files": list(TESTED)})),
    *[(f"\n{path}", f"```python\n{content}```\n") for path, content in TESTED.items()],
]


def test_a_real_server_mends_what_pytest_finds_in_a_box(world: Fixed) -> None:
    """pytest runs in an isolated folder, and a llama.cpp server on a scripted model mends what it says."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    own = f'provider = "llamacpp"\nprompt_variant = "small"\n[run]\ncheck = {json.dumps(command)}\n'
    with real_server(SCRIPT, context=16_384) as base_url:
        done = world.generate_at(base_url, own)
    results = [event.summary for event in world.shown if isinstance(event, CheckDone)]
    assert results == ["1 of 2 tests failed", "2 tests passed"]
    assert (done.exit_code, world.files()) == (0, {**TESTED, "store.py": RIGHT.replace("double", "twice")})
    assert any(said.startswith(f"the check runs {says(probe(), world.cwd / 'generated')}") for said in world.said())

"""Files on their way to the disk: whatever goes wrong there ends as a failed file, and is shown."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from smol_dev.chat import Usage
from smol_dev.errors import Reason, SmolError, WorkspaceError
from smol_dev.events import Asked, Event, FileDone, FileFailed, Retry, RunDone, StageStarted
from smol_dev.run.conversation import AnswerRejected, FileMissing, FileReady, Spent, Step
from smol_dev.run.delivery import MOST_KEPT, MOST_REQUESTS, Delivery, Requests
from smol_dev.workspace.record import Record, whole
from smol_dev.workspace.writer import Workspace
from tests.app.test_build import plays
from tests.fake_server import FakeServer


class Broken(Workspace):
    """An output folder that meets a bug in one file."""

    def write(self, path: str, content: str, *, over: bool = False) -> int:
        if path == "a.py":
            raise KeyError(path)
        return super().write(path, content, over=over)


def test_a_bug_while_a_file_is_written_is_that_file_failed(tmp_path: Path) -> None:
    shown: list[Event] = []

    async def work() -> RunDone:
        with Broken.open(Path("out"), cwd=tmp_path, home=None) as workspace:
            delivery = Delivery(workspace, Record("p", {}), shown.append, max_file_bytes=100)
            for path in ("a.py", "b.py"):
                delivery.take(FileReady(path, "A = 1\n", Usage(), 0.1))
            await delivery.finish_writing()
            done = await delivery.finish()
            delivery.close()
            return done

    done = asyncio.run(work())
    assert (done.exit_code, done.written, done.failed) == (4, ("b.py",), ("a.py",))
    [failed] = [event for event in shown if isinstance(event, FileFailed)]
    assert failed == FileFailed(
        "a.py",
        "disk",
        "an unexpected KeyError while writing: 'a.py'",
        "this is a bug in smol_dev: `--debug` shows where it happened",
    )


def test_what_the_screen_raises_ends_the_run_and_not_the_file_that_is_being_written(tmp_path: Path) -> None:
    class RefusedError(SmolError):
        """What a program raises that has seen enough."""

    def show(event: Event) -> None:
        if isinstance(event, FileDone):
            raise RefusedError("enough", hint="")

    async def work() -> None:
        with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
            delivery = Delivery(workspace, Record("p", {}), show, max_file_bytes=100)
            delivery.take(FileReady("a.py", "A = 1\n", Usage(), 0.1))
            with pytest.raises(RefusedError):
                await delivery.finish_writing()
            delivery.close()
            assert (delivery.written, delivery.failed) == (["a.py"], [])
            assert workspace.record.states["a.py"].state == "done"

    asyncio.run(work())


@pytest.mark.parametrize(
    ("missing", "written", "code"),
    [
        pytest.param([], ["a.py"], 0, id="every file is there"),
        pytest.param(["server", "timeout"], [], 3, id="the server gave nothing"),
        pytest.param(["server", "refusal"], [], 4, id="one answer was of no use"),
        pytest.param(["server"], ["a.py"], 4, id="some files are there"),
    ],
)
def test_the_exit_code_says_whose_fault_a_missing_file_is(
    tmp_path: Path, missing: list[Reason], written: list[str], code: int
) -> None:
    async def work() -> RunDone:
        with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
            delivery = Delivery(workspace, Record("p", {}), print, max_file_bytes=100)
            for path in written:
                delivery.take(FileReady(path, "A = 1\n", Usage(), 0.1))
            for reason in missing:
                delivery.take(FileMissing(f"{reason}.py", reason, SmolError("no", hint="")))
            await delivery.finish_writing()
            done = await delivery.finish()
            delivery.close()
            return done

    assert asyncio.run(work()).exit_code == code


def test_the_turns_of_a_file_are_kept_unless_they_hold_a_secret_or_are_too_long(tmp_path: Path) -> None:
    answers = {
        "short.py": "Here:\nA = 1\n",
        "secret.py": "canary-key-123:\nA = 1\n",
        "long.py": f"{'x' * (MOST_KEPT - 20)}\nA = 1\n",
        "longer.py": f"{'x' * 20}\nA = 1\n",
    }

    async def work() -> None:
        with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
            record = Record("p", {}, files=tuple(answers))
            secrets = ["canary-key-123"]
            delivery = Delivery(workspace, record, print, secrets=secrets, max_file_bytes=100)
            for path, said in answers.items():
                delivery.take(FileReady(path, "A = 1\n", Usage(), 0.1, said=said))
                await delivery.finish_writing()
            await delivery.finish()
            delivery.close()

    asyncio.run(work())
    with Workspace.open(tmp_path / "out", cwd=tmp_path, home=None, resume=True) as workspace:
        kept = {path: whole(state.said, "A = 1\n") for path, state in workspace.record.states.items()}
    assert kept == {**answers, "secret.py": "A = 1\n", "longer.py": "A = 1\n"}


def test_totals_are_partial_where_a_request_had_no_answer() -> None:
    requests = Requests((), lambda: 0.0)
    requests.note(StageStarted("code"))
    requests.note(Spent("code", Usage(prompt=10, completion=5)))
    assert requests.usage == Usage(prompt=10, completion=5)
    requests.note(StageStarted("code"))
    assert requests.usage == Usage(prompt=10, completion=5, is_partial=True)


def test_a_name_that_the_locale_cannot_spell_is_a_failed_file(tmp_path: Path) -> None:
    with FakeServer(plays({"a.py": "A = 1\n", "naïve.py": "N = 1\n"})) as server:
        done = subprocess.run(
            [sys.executable, "-m", "smol_dev", "-m", "m", "--base-url", server.base_url, "a counter"],
            cwd=tmp_path,
            env={"PATH": "/bin", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 4, done.stderr
    assert "failed (unsafe_path): cannot write `na\\xefve.py`" in done.stderr
    assert "the system's locale cannot spell this name" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "generated/a.py").read_text() == "A = 1\n"


def test_a_folder_that_vanishes_stops_the_run_and_says_so(tmp_path: Path) -> None:
    shown: list[Event] = []

    async def work() -> None:
        with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
            delivery = Delivery(workspace, Record("p", {}), shown.append, max_file_bytes=100)
            shutil.rmtree(tmp_path / "out")
            delivery.take(FileReady("a.py", "A = 1\n", Usage(), 0.1))
            try:
                await delivery.finish_writing()
            finally:
                delivery.close()

    with pytest.raises(WorkspaceError) as stopped:
        asyncio.run(work())
    out = tmp_path / "out"
    message = f"cannot write `a.py` in `{out}`: the folder is not there"
    hint = f"put it back and finish the run: `smol_dev resume {out}`, or choose another one: `-o DIR`"
    assert (stopped.value.message, stopped.value.hint) == (message, hint)
    assert shown == [FileFailed("a.py", "disk", message, hint)]


class Told:
    """Steps told at set times, and the requests that become of them."""

    def __init__(self, *before: Asked) -> None:
        self.now = 100.0
        self.requests = Requests(before, lambda: self.now)

    def tell(self, seconds: float, step: Step) -> None:
        self.now = 100.0 + seconds
        self.requests.note(step)


def test_a_request_is_kept_with_its_wait_its_prompt_and_its_answer() -> None:
    told = Told()
    told.tell(1.0, StageStarted("plan"))
    told.tell(7.0, Spent("plan", Usage(120, 20, 300, 3.9, evaluating=0.5), waited=2.0))
    told.tell(8.0, StageStarted("code", "a.py"))
    told.tell(9.0, Spent("code", Usage(), path="a.py"))
    assert told.requests.asked == [
        Asked("plan", None, 1.0, 1.5, 0.5, 4.0, 120, 20, 300),
        Asked("code", "a.py", 8.0, 0.0, None, 1.0),
    ]


def test_what_was_asked_again_or_failed_says_why() -> None:
    told = Told()
    told.tell(0.0, StageStarted("code", "a.py"))
    told.tell(2.0, Retry("code", "a.py", "server", "busy", 1, 3.0))
    told.tell(6.0, Spent("code", Usage(), path="a.py", waited=0.5))
    told.tell(6.0, Retry("code", "a.py", "no_code", "no block " + "x" * 400, 1))
    told.tell(7.0, StageStarted("code", "a.py"))
    told.tell(8.0, Spent("code", Usage(), path="a.py"))
    told.tell(8.0, AnswerRejected("code", "a.py", 2, "text", "no_code", "no block"))
    told.tell(8.0, StageStarted("code", "b.py"))
    told.tell(9.0, FileMissing("b.py", "server", SmolError("gone", hint="")))
    told.tell(9.0, StageStarted("code", "c.py"))
    told.now = 112.0
    told.requests.end()
    assert told.requests.asked == [
        Asked("code", "a.py", 0.0, 2.0, outcome="failed", reason="busy"),
        Asked("code", "a.py", 5.0, 0.5, None, 0.5, outcome="asked again", reason="no block " + "x" * 291),
        Asked("code", "a.py", 7.0, 0.0, None, 1.0, outcome="failed", reason="no block"),
        Asked("code", "b.py", 8.0, 1.0, outcome="failed", reason="gone"),
        Asked("code", "c.py", 9.0, 3.0, outcome="failed", reason="no answer came"),
    ]


def test_the_requests_of_a_later_session_go_on_where_the_last_one_ended() -> None:
    told = Told(Asked("plan", None, 0.0, 1.0, 0.5, 2.5), Asked("code", "a", 1.0, 0.5))
    told.tell(0.0, StageStarted("code", "b"))
    told.tell(1.0, Spent("code", Usage(), path="b"))
    assert told.requests.asked[2:] == [Asked("code", "b", 4.0, 0.0, None, 1.0)]


def test_a_stage_lasts_until_now_while_any_of_its_requests_is_open() -> None:
    told = Told()
    told.tell(1.0, StageStarted("code", "a.py"))
    told.tell(2.0, StageStarted("code", "b.py"))
    told.tell(4.0, Spent("code", Usage(), path="a.py"))
    told.now = 109.0
    assert [each.seconds for each in told.requests.stages()] == [8.0]
    told.tell(10.0, Spent("code", Usage(), path="b.py"))
    told.now = 120.0
    assert [each.seconds for each in told.requests.stages()] == [9.0]


def test_of_very_many_requests_the_latest_are_kept() -> None:
    told = Told(*(Asked("code", str(number), number) for number in range(MOST_REQUESTS)))
    told.tell(0.0, StageStarted("plan"))
    told.tell(0.0, Spent("plan", Usage()))
    assert (len(told.requests.asked), told.requests.asked[0].path) == (MOST_REQUESTS, "1")

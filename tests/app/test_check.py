"""The user's check in whole runs over HTTP: what fails is mended, and the exit code says how it ended."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smol_dev.app.program import resume
from smol_dev.app.session import Task
from smol_dev.cli import run as cli
from smol_dev.errors import UsageError
from smol_dev.events import CheckDone, CheckStarted, Noticed
from tests.app.test_build import World, plays
from tests.fake_server import Canned, FakeServer, Received, answered
from tests.room import Room

WRONG = "def double(x):\n    return x + 3\n"
RIGHT = "def double(x):\n    return x * 2\n"
CHECK = "import double\nassert double.double(4) == 8, 'no double'\nprint('fine')\n"
FILES = {"double.py": WRONG, "check.py": CHECK}
COMMAND = [sys.executable, "check.py"]


def mends(*versions: str) -> Callable[[Received], Canned]:
    """A server whose model writes a wrong program, and these versions of `double.py` when asked to mend it."""
    waiting = list(versions)
    first = plays(FILES)

    def answer(request: Received) -> Canned:
        if request.place.endswith("/chat/completions"):
            said = request.json()["messages"][-1]["content"]
            if said.startswith("All files are written, but the check does not pass."):
                return answered(json.dumps({"files": ["double.py"]}))
            if said.startswith("Write `double.py` whole"):
                return answered(waiting.pop(0))
        return first(request)

    return answer


def settings(command: list[str] = COMMAND, more: str = "") -> str:
    return f"\n[run]\ncheck = {json.dumps(command)}\n{more}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def results(world: World) -> list[str]:
    return [event.summary for event in world.shown if isinstance(event, CheckDone)]


def test_a_program_is_mended_until_its_check_passes(world: World) -> None:
    with FakeServer(mends(RIGHT)) as server:
        done = world.generate(server, settings())
    assert world.files() == {**FILES, "double.py": RIGHT}
    assert results(world) == ["exit code 1: AssertionError: no double", "passed"]
    assert (done.exit_code, done.check and done.check.round) == (0, 1)


def test_a_check_that_still_fails_has_an_exit_code_of_its_own(world: World) -> None:
    with FakeServer(mends(WRONG)) as server:
        done = world.generate(server, settings())
    assert (done.exit_code, world.files()) == (7, FILES)
    assert done.check is not None
    assert done.check.summary == "exit code 1: AssertionError: no double"


def test_what_makes_it_worse_is_put_back_on_disk(world: World) -> None:
    with FakeServer(mends("import time\n\ntime.sleep(60)\n")) as server:
        done = world.generate(server, settings(more="check_timeout = 1\n"))
    assert (done.exit_code, world.files()) == (7, FILES)
    assert results(world) == ["exit code 1: AssertionError: no double", "not done after 1 s"]


def test_what_holds_is_said_before_anything_runs(world: World) -> None:
    with FakeServer(mends(RIGHT)) as server:
        world.generate(server, settings(more='check_isolation = "none"\n'))
    said = next(at for at, event in enumerate(world.shown) if isinstance(event, Noticed))
    first = next(at for at, event in enumerate(world.shown) if isinstance(event, CheckStarted))
    assert said < first
    assert world.shown[said] == Noticed(
        "the check runs without isolation: the command can use the network, and read and write whatever you can"
    )


def test_the_check_sees_no_key(world: World) -> None:
    world.environ["SMOL_API_KEY"] = "canary-0123456789ab"
    words = [sys.executable, "-c", "import os, sys; print(sorted(os.environ)); sys.exit('canary' in str(os.environ))"]
    with FakeServer(mends()) as server:
        done = world.generate(server, settings(words))
    assert done.exit_code == 0


def test_a_check_that_is_not_there_is_refused_before_the_first_request(world: World) -> None:
    with FakeServer(mends()) as server, pytest.raises(UsageError) as caught:
        world.generate(server, settings(["no-such-program"]))
    assert caught.value.message == "the check command `no-such-program` is not there: no such program in `PATH`"
    assert (server.requests, (world.cwd / "generated").exists()) == ([], False)


def test_a_script_of_the_program_that_is_not_there_keeps_the_files(world: World) -> None:
    with FakeServer(mends()) as server:
        done = world.generate(server, settings(["./test.sh"]))
    assert (done.exit_code, world.files()) == (2, FILES)
    assert world.failed().message == "the check command `./test.sh` is not there: no such program in `PATH`"


def test_resume_runs_the_check_again_and_goes_on_mending(world: World) -> None:
    with FakeServer(mends(WRONG, RIGHT)) as server:
        world.generate(server, settings())
        done = resume(Task(), world.flags(server.base_url, settings()), world.caller())
    assert (done.exit_code, world.files()) == (0, {**FILES, "double.py": RIGHT})


def test_without_a_check_nothing_runs(world: World) -> None:
    with FakeServer(mends()) as server:
        done = world.generate(server)
    assert (done.exit_code, done.check, results(world)) == (0, None, [])


def test_the_option_takes_one_text_and_json_tells_it(room: Room, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeServer(mends(RIGHT)) as server:
        room.own(server.base_url)
        code = cli(["--json", "--check", f"{sys.executable} 'check.py'", "a double"])
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    checks = [event for event in events if event["event"].startswith("check_")]
    assert code == 0
    assert [(each["event"], each["round"], each.get("exit_code")) for each in checks] == [
        ("check_started", 0, None),
        ("check_done", 0, 1),
        ("check_started", 1, None),
        ("check_done", 1, 0),
    ]
    assert events[-1]["check"] == {key: value for key, value in checks[-1].items() if key != "event"}


def test_a_project_s_check_needs_approval_and_is_shown_first(room: Room) -> None:
    room.project_file.write_text(
        '[profiles.mine]\nextra_body = {top_k = 40}\n[run]\ncheck = ["rm", "-rf", "x"]\n', encoding="utf-8"
    )
    assert room.type("a double") == 6
    assert "smol.toml` runs a command and changes where prompts are sent; approval needed: `run.check`" in room.err
    room.type("trust")
    text = room.err + room.out
    assert text.index("run.check") < text.index("extra_body")


def test_doctor_says_how_the_check_is_isolated(room: Room) -> None:
    room.own(room.good.base_url, '[run]\ncheck = ["pytest"]\ncheck_isolation = "none"\n')
    room.type("doctor", "--json")
    told = json.loads(room.out)["checks"][-1]
    assert (told["name"], told["state"]) == ("isolation", "warned")
    assert told["message"].startswith("the check runs without isolation: ")


def test_doctor_says_what_isolation_holds_without_a_check(room: Room) -> None:
    room.own(room.good.base_url)
    room.type("doctor", "--json")
    told = json.loads(room.out)["checks"][-1]
    assert (told["name"], told["state"]) == ("isolation", "ok")
    assert told["message"].startswith("a check runs ")


def test_quiet_says_what_failed(room: Room) -> None:
    with FakeServer(mends(WRONG)) as server:
        room.own(server.base_url)
        assert room.type("--quiet", "--check", f"{sys.executable} check.py", "a double") == 7
    assert room.err == (
        "the check fails: exit code 1: AssertionError: no double\n"
        f"hint: mend it again: `smol_dev fix {room.work / 'generated'}`\n"
    )


def test_an_open_quote_is_one_clear_error(room: Room) -> None:
    assert room.type("--check", "pytest 'x", "a double") == 2


def test_another_model_mends_and_its_requests_are_counted_apart(world: World) -> None:
    own = '\n[profiles.mine.fix]\nmodel = "mender"\ntemperature = 0.7\n'
    with FakeServer(mends(RIGHT)) as server:
        done = world.generate(server, own + settings())
    bodies = [each.json() for each in server.chats]
    assert [each["model"] for each in bodies] == ["m"] * 4 + ["mender"] * 2
    assert [each["temperature"] for each in bodies[4:]] == [0.7, 0.7]
    assert [(each.stage, each.requests) for each in done.stages][-2:] == [("code", 2), ("fix", 2)]

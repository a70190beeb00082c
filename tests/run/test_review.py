"""Whole runs in which somebody decides about plan and list before any file is written."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from smol_dev.app.program import generate, resume
from smol_dev.app.session import Task
from smol_dev.events import FilesReady, RunDone, Warned
from smol_dev.run.review import Accepted, AskedAgain, Decision, Draft, ListEdited, PlanEdited, Stopped
from tests.app.test_build import PLAN, TWO, World, plays
from tests.fake_server import FakeServer, answered

Decide = Callable[[Draft], Decision]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def reviewed(world: World, server: FakeServer, *decisions: Decision | Decide) -> RunDone:
    """A run in which each question is answered by the next decision; all of them must be used up."""
    left = list(decisions)

    def decide(draft: Draft) -> Decision:
        decision = left.pop(0)
        return decision(draft) if callable(decision) else decision

    caller = replace(world.caller(), review=decide)
    settings = 'api_key_file = "key"\n'
    (world.cwd / "key").write_text("canary-key-123\n")
    with caller.interrupts.watching():
        done = generate(Task("a counter"), world.flags(server.base_url, settings), caller)
    assert left == []
    return done


def recorded(world: World) -> dict[str, object]:
    text = (world.cwd / "generated/.smol/run.json").read_text(encoding="utf-8")
    record: dict[str, object] = json.loads(text)
    return record


def last_turns(server: FakeServer) -> list[str]:
    return [message["content"] for message in server.chats[-1].json()["messages"]]


def test_plan_and_list_are_shown_before_any_file_is_asked_for(world: World) -> None:
    seen = []

    def look(draft: Draft) -> Decision:
        seen.append((draft.plan, draft.files, len(server.chats), world.files()))
        return Accepted()

    with FakeServer(plays(TWO)) as server:
        done = reviewed(world, server, look)
    assert seen == [(PLAN, tuple(TWO), 2, {})]
    assert (done.exit_code, world.files()) == (0, TWO)
    assert [stage.requests for stage in done.stages] == [1, 1, 2]


def test_an_edited_list_is_what_is_written_and_remembered(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        done = reviewed(world, server, ListEdited(("b/b.py",)), Accepted())
    assert (done.exit_code, world.files()) == (0, {"b/b.py": "import a\n"})
    assert FilesReady(("b/b.py",)) in world.shown
    record = recorded(world)
    assert (record["files"], record["list_answer"]) == (["b/b.py"], '{"files": ["b/b.py"]}')
    assert [state["path"] for state in record["states"]] == ["b/b.py"]  # type: ignore[attr-defined]  # JSON
    assert last_turns(server)[-2] == '{"files": ["b/b.py"]}'


def test_an_edited_plan_is_what_the_model_reads_and_the_list_is_made_anew(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        reviewed(world, server, PlanEdited("Mine.", keeps_list=False), Accepted())
    assert len(server.chats) == 5
    assert [turns[-2] for turns in (each.json()["messages"] for each in server.chats[2:3])] == [
        {"role": "assistant", "content": "Mine."}
    ]
    assert recorded(world)["plan"] == "Mine."
    assert (world.cwd / "generated/.smol/plan.md").read_text(encoding="utf-8") == "Mine.\n"
    assert world.files() == TWO


def test_an_edited_plan_may_keep_the_list(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        reviewed(world, server, PlanEdited("Mine.", keeps_list=True), Accepted())
    assert len(server.chats) == 4
    assert "Mine." in last_turns(server)
    assert world.files() == TWO


def test_asking_again_sends_the_prompt_with_the_remark(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        done = reviewed(world, server, AskedAgain("no web"), AskedAgain("short"), Accepted())
    assert len(server.chats) == 8
    assert "a counter\n\nno web\n\nshort" in server.chats[4].json()["messages"][-1]["content"]
    assert recorded(world)["prompt"] == "a counter\n\nno web\n\nshort"
    assert (done.exit_code, world.files()) == (0, TWO)


def test_a_resumed_run_whose_prompt_changes_at_the_question_asks_for_every_file(world: World) -> None:
    decisions: list[Decision] = [AskedAgain("no web"), Accepted()]
    caller = replace(world.caller(), review=lambda _draft: decisions.pop(0))
    with FakeServer(plays({**TWO, "b/b.py": answered("")})) as server:
        assert world.generate(server).written == ("a.py",)
    with FakeServer(plays(TWO)) as server:
        assert resume(Task(), world.flags(server.base_url), caller).written == ("a.py", "b/b.py")
        assert len(server.chats) == 4


def test_a_key_in_an_edited_plan_is_neither_kept_nor_sent(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        reviewed(world, server, PlanEdited("canary-key-123", keeps_list=True), Accepted())
    assert recorded(world)["plan"] == "[redacted]"
    assert b"canary" not in b"".join(request.body for request in server.requests)


def test_stopping_keeps_plan_and_list_and_resume_goes_on(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        done = reviewed(world, server, PlanEdited("Mine.", keeps_list=True), Stopped())
        assert (done.exit_code, done.written, world.files()) == (0, (), {})
        assert Warned(
            "stopped before any file was written; the plan and the list are kept",
            hint=f"go on with `smol_dev resume {world.cwd / 'generated'}`",
        ) in (world.shown)
        assert world.resume(server).written == ("a.py", "b/b.py")
    assert len(server.chats) == 4
    assert "Mine." in last_turns(server)
    assert world.files() == TWO


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_signal_at_the_question_ends_the_run_with_nothing_lost(world: World, number: int, code: int) -> None:
    def interrupted(_draft: Draft) -> Decision:
        os.kill(os.getpid(), number)
        raise AssertionError("the signal raises before this line")

    with FakeServer(plays(TWO)) as server:
        done = reviewed(world, server, ListEdited(("b/b.py",)), interrupted)
        assert (done.exit_code, world.failed().exit_code) == (code, code)
        assert recorded(world)["files"] == ["b/b.py"]
        assert world.resume(server).written == ("b/b.py",)


def test_a_signal_after_the_question_still_stops_the_run_in_order(world: World) -> None:
    def stop_soon(request: object) -> object:
        if len(server.chats) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return plays(TWO)(request)  # type: ignore[arg-type]  # what a FakeServer hands over

    with FakeServer(stop_soon) as server:  # type: ignore[arg-type]  # same
        done = reviewed(world, server, Accepted())
    assert done.exit_code == 130
    assert recorded(world)["files"] == list(TWO)

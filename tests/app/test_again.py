"""The prompt run again into the folder of its program."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smol_dev.app.program import build
from smol_dev.app.session import Task
from smol_dev.errors import SmolError, UsageError, WorkspaceError
from smol_dev.events import ChangePlanned, Noticed, RunDone
from smol_dev.run.review import Draft, Proposed, Stopped, Taken, Verdict
from tests.app.test_change import AFTER, LISTED, PROGRAM, SAVES, Grown, serves
from tests.fake_server import FakeServer

FIRST = "A shop.\n\n- It loads items.\n- It is small."
SECOND = "A shop.\n\n- It loads items.\n- It saves them too.\n- It has notes."


class Again(Grown):
    """A user who runs a prompt, changes it, and runs it again."""

    def run(
        self,
        server: FakeServer,
        prompt: str,
        *,
        file: str = "",
        decide: Callable[[Proposed], Verdict] | None = None,
        review: bool = False,
        **how: Any,  # noqa: ANN401 - the fields of a Task
    ) -> RunDone:
        if file:
            (self.cwd / file).write_text(prompt, encoding="utf-8")
        task = Task(prompt, prompt_file=self.cwd / file if file else None, **how)
        caller = replace(self.caller(), decide=decide)
        if review:
            caller = replace(caller, review=_never)
        return build(task, self.flags(server.base_url), caller)

    def told(self) -> list[Noticed]:
        return [event for event in self.shown if isinstance(event, Noticed)]


def _never(_draft: Draft) -> Stopped:
    raise AssertionError("nothing is there to review")


@pytest.fixture
def again(tmp_path: Path) -> Again:
    return Again(tmp_path)


def asked(server: FakeServer) -> str:
    """What the first request of a change asks for."""
    text = server.chats[0].json()["messages"][-1]["content"]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("file", ["", "prompt.md"])
def test_a_prompt_that_is_unchanged_does_nothing(again: Again, file: str) -> None:
    with serves() as server:
        again.run(server, FIRST, file=file)
        again.shown.clear()
        server.requests.clear()
        done = again.run(server, f"{FIRST}\n", file=file)
        assert (done.exit_code, done.written, server.requests, again.files()) == (0, (), [], PROGRAM)
    out = again.cwd / "generated"
    assert again.shown == [
        Noticed(
            f"nothing to do: the prompt of the program in `{out}` is unchanged",
            "start over, with copies of what is replaced: `--fresh`",
        ),
        done,
    ]


@pytest.mark.parametrize("file", ["", "prompt.md"])
def test_a_prompt_that_was_changed_is_a_change(again: Again, file: str) -> None:
    with serves() as server:
        again.run(server, FIRST, file=file)
    with serves() as server:
        assert again.run(server, SECOND, file=file, yes=True).exit_code == 0
        assert (
            "Added to the prompt:\n- It saves them too.\n- It has notes.\n\nRemoved from the prompt:\n- It is small."
            in asked(server)
        )
        assert again.files() == AFTER
        server.requests.clear()
        assert again.run(server, SECOND, file=file).exit_code == 0
        assert server.requests == []


def test_the_shared_turns_of_the_first_prompt_stay(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST, file="prompt.md")
        before = server.chats[-1].json()["messages"]
    with serves() as server:
        again.run(server, SECOND, file="prompt.md", yes=True)
        assert server.chats[0].json()["messages"][: len(before)] == before


def test_the_same_file_is_the_same_prompt_however_much_it_changed(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST, file="prompt.md")
        assert again.run(server, "Something else entirely, please!", file="prompt.md", yes=True).exit_code == 0
    assert again.files() == AFTER


def test_a_prompt_that_was_changed_before_any_file_was_written_is_a_new_program(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST, plan_only=True)
        assert again.run(server, SECOND).exit_code == 0
    assert (again.files(), asked(server).count("It saves them too.")) == (PROGRAM, 0)
    assert "It saves them too." in server.chats[2].json()["messages"][-1]["content"]


@pytest.mark.parametrize(
    "prompt",
    [
        pytest.param("A snake game for the terminal.", id="another text"),
        pytest.param("A shop that is none", id="a few words in common"),
        pytest.param("A farm.\n\n- It sells cows.\n- That is large.", id="half of the words in common"),
    ],
)
def test_another_prompt_replaces_nothing(again: Again, prompt: str) -> None:
    with serves() as server:
        again.run(server, FIRST)
        asked = len(server.requests)
        with pytest.raises(WorkspaceError) as caught:
            again.run(server, prompt, yes=True)
        assert len(server.requests) == asked
    assert caught.value.message.startswith(f"`{again.cwd / 'generated'}` holds the program of another prompt: ")
    assert again.files() == PROGRAM


def test_a_text_with_more_behind_it_is_a_change(again: Again) -> None:
    with serves() as server:
        again.run(server, "A shop.")
        assert again.run(server, f"A shop. {'It can do very many things. ' * 20}", yes=True).exit_code == 0
    assert again.files() == AFTER


def test_a_change_of_the_prompt_is_shown_and_can_be_refused(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST)
        again.run(server, SECOND, decide=lambda _: Stopped())
        assert again.files() == PROGRAM
        again.run(server, SECOND, diff=True)
        assert again.files() == PROGRAM
        again.run(server, SECOND, decide=lambda _: Taken(frozenset({"store.py"})))
        assert again.files() == {**PROGRAM, "store.py": SAVES}


def test_undo_takes_the_prompt_back_too(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST)
        again.run(server, SECOND, yes=True)
        again.undo(server)
        server.requests.clear()
        again.run(server, FIRST)
        assert server.requests == []
        again.run(server, SECOND, yes=True)
    assert again.files() == AFTER


def test_a_change_that_nothing_follows_from_is_asked_for_once(again: Again) -> None:
    with serves({"change": [], "add": [], "remove": []}) as server:
        again.run(server, FIRST)
        again.run(server, SECOND, yes=True)
        server.requests.clear()
        again.run(server, SECOND, yes=True)
        assert server.requests == []


def test_fresh_makes_the_program_anew_with_copies(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST)
        (again.cwd / "generated/store.py").write_text("mine\n", encoding="utf-8")
        assert again.run(server, SECOND, fresh=True).exit_code == 0
        assert again.files() == PROGRAM
        server.requests.clear()
        again.run(server, SECOND)
        assert server.requests == []
    backup = again.cwd / "generated/.smol/backup"
    assert (backup / "store.py").read_text(encoding="utf-8") == "mine\n"


def refused(again: Again, act: Callable[[], object]) -> SmolError:
    before = again.files()
    with pytest.raises(SmolError) as caught:
        act()
    assert again.files() == before
    return caught.value


@pytest.mark.parametrize(
    ("how", "hint"),
    [
        pytest.param({}, "make it without asking: `--yes`, or only show it: `--diff`", id="nobody to ask"),
        pytest.param(
            {"plan_only": True},
            "look at the change before it is made: `--diff`, or plan the program again: `--fresh`",
            id="the plan only",
        ),
        pytest.param(
            {"review": True, "yes": True},
            "look at the change before it is made: `--diff`, or plan the program again: `--fresh`",
            id="a review",
        ),
    ],
)
def test_a_change_that_cannot_be_had_so_is_refused(again: Again, how: dict[str, Any], hint: str) -> None:
    with serves() as server:
        again.run(server, FIRST)
        server.requests.clear()
        error = refused(again, lambda: again.run(server, SECOND, **how))
        assert server.requests == []
    assert isinstance(error, UsageError)
    assert error.hint == hint


def test_an_unfinished_program_is_finished_first(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST)
        out = again.cwd / "generated"
        (out / "old.py").unlink()
        server.requests.clear()
        again.shown.clear()
        assert again.run(server, FIRST).exit_code == 0
        error = refused(again, lambda: again.run(server, SECOND, yes=True))
        assert server.requests == []
    assert again.told() == [
        Noticed(
            f"the prompt is unchanged, and the run in `{out}` is not finished",
            f"finish it: `smol_dev resume {out}`, or start over: `--fresh`",
        )
    ]
    assert (error.message, error.hint) == (
        f"the prompt has changed, and the run in `{out}` is not finished",
        f"finish it first: `smol_dev resume {out}`, or start over: `--fresh`",
    )


def test_a_change_that_was_broken_off_stops_even_a_fresh_start(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST)
        again.run(server, SECOND, yes=True)
        head = again.cwd / "generated/.smol/history/head.json"
        head.write_text(json.dumps({"current": 1, "target": 2}), encoding="utf-8")
        error = refused(again, lambda: again.run(server, FIRST, fresh=True))
    assert error.message == f"a change in `{again.cwd / 'generated'}` was interrupted"


def test_a_record_of_an_older_version_is_compared_by_its_prompt(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST)
        path = again.cwd / "generated/.smol/run.json"
        table = json.loads(path.read_text(encoding="utf-8")) | {"format_version": 2}
        del table["given"], table["prompt_file"]
        path.write_text(json.dumps(table), encoding="utf-8")
        server.requests.clear()
        again.run(server, FIRST)
        assert server.requests == []
        again.run(server, SECOND, yes=True)
    assert again.files() == AFTER


def test_what_is_changed_is_told(again: Again) -> None:
    with serves() as server:
        again.run(server, FIRST)
        again.run(server, SECOND, yes=True)
    [planned] = [event for event in again.shown if isinstance(event, ChangePlanned)]
    assert planned.request.startswith("Added to the prompt:\n- It saves them too.")
    assert [each.path for each in planned.change] == [each["path"] for each in LISTED["change"]]

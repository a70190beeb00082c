"""Files that do not fit together are asked for once more, and a worse version is thrown away."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from smol_dev.chat import Facts, Message, Reply, Request, Usage
from smol_dev.errors import ServerError
from smol_dev.events import FileDone, ProblemFound, RunDone
from smol_dev.run.conversation import Checked, FileReady, Job, Step, Written
from tests.app.test_build import World
from tests.fake_server import Canned, FakeServer, Received, answered, json_answer
from tests.fakes import Answer, FakeChat
from tests.run.test_pipeline import JOB, PLAN, happenings, said

STORE = "def load(path):\n    return []\n\n\ndef save(path, items):\n    return None\n"
BROKEN = "from store import fetch\n\nprint(fetch('items'))\n"
MENDED = "from store import load\n\nprint(load('items'))\n"
WORSE = "from store import fetch, keep\n\nprint(fetch('items'), keep)\n"
LIST = '{"files": ["store.py", "main.py"]}'


def asks_again(request: Request) -> bool:
    return "do not fit together" in said(request)


def program(*answers: Answer, main: str = BROKEN, plan: str = PLAN) -> FakeChat:
    """A model that writes `main.py` as given, and answers the requests to mend it one after the other."""
    waiting = list(answers)

    def answer(request: Request) -> Answer:
        if request.stage == "plan":
            return plan
        if request.stage == "files":
            return LIST
        if asks_again(request):
            return waiting.pop(0)
        return STORE if said(request).endswith("store.py") else main

    return FakeChat(answer)


def outcome(steps: list[Step]) -> tuple[ProblemFound, ...]:
    return next((step.problems for step in steps if isinstance(step, Checked)), ())


def files(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.path, step.content) for step in steps if isinstance(step, FileReady)]


def test_a_program_that_fits_costs_no_request() -> None:
    chat = program(main=MENDED)
    steps = happenings(chat)
    assert outcome(steps) == ()
    assert len(chat.requests) == 4


def test_a_file_that_does_not_fit_is_asked_for_once_more_and_mended() -> None:
    chat = program(MENDED)
    steps = happenings(chat)
    assert files(steps) == [("store.py", STORE), ("main.py", BROKEN), ("main.py", MENDED)]
    [problem] = outcome(steps)
    assert (problem.path, problem.line, problem.mended) == ("main.py", 1, True)


def test_the_request_says_what_is_wrong_and_what_is_there() -> None:
    chat = program(MENDED, plan="`store.py` has `load(path)`, `save(path, items)` and `total(items)`.")
    happenings(chat)
    *before, request = chat.requests[-1].messages
    assert tuple(before[:-1]) == chat.requests[-2].messages
    assert before[-1] == Message("assistant", BROKEN)
    text = request.content
    assert text.startswith("The files do not fit together yet. In `main.py`:\n- line 1: ")
    assert "\n- store.py: load(path), save(path, items)\n" in text
    assert "no file has them: `total`." in text
    assert text.endswith("\nmain.py")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(WORSE, id="worse"),
        pytest.param(BROKEN, id="the same again"),
        pytest.param("I would rather not.", id="nothing usable"),
        pytest.param("", id="nothing at all"),
        pytest.param(ServerError("gone", hint="", kind="not_running"), id="the server is gone"),
    ],
)
def test_a_version_that_is_no_better_is_thrown_away(answer: Answer) -> None:
    chat = program(answer)
    steps = happenings(chat)
    assert files(steps) == [("store.py", STORE), ("main.py", BROKEN)]
    assert [problem.mended for problem in outcome(steps)] == [False]
    assert len([request for request in chat.requests if asks_again(request)]) == 1


LONG = "from store import fetch\n\n\ndef run():\n    return fetch('items')\n\n\ndef main():\n    print(run())\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("from store import load\n", id="only the import"),
        pytest.param("```python\npass\n```", id="nothing"),
        pytest.param('```python\nprint("hello")\n```', id="the example"),
        pytest.param(LONG.replace("fetch", "load").partition("\n\n\ndef main")[0] + "\n", id="only the function"),
        pytest.param(LONG.replace("def run():\n    return fetch('items')\n", "NONE = None\nEMPTY = None\n"), id="less"),
    ],
)
def test_a_version_that_lost_what_the_file_had_is_no_better(answer: str) -> None:
    steps = happenings(program(answer, answer, main=LONG))
    assert files(steps) == [("store.py", STORE), ("main.py", LONG)]
    assert [problem.mended for problem in outcome(steps)] == [False]


def test_a_file_that_has_fewer_problems_but_breaks_another_is_no_better() -> None:
    def answer(request: Request) -> Answer:
        if request.stage == "plan":
            return PLAN
        if request.stage == "files":
            return '{"files": ["a.py", "b.py"]}'
        if asks_again(request):
            return "X = 1\n" if said(request).endswith("a.py") else "I would rather not."
        if said(request).endswith("a.py"):
            return "from b import missing, gone\n\n\ndef used():\n    return missing, gone\n"
        return "from a import used\n\nused()\n"

    steps = happenings(FakeChat(answer))
    assert [path for path, _ in files(steps)] == ["a.py", "b.py"]


def test_a_file_that_could_not_be_had_is_no_reason_to_change_others() -> None:
    def answer(request: Request) -> Answer:
        if request.stage == "plan":
            return PLAN
        if request.stage == "files":
            return LIST
        return "" if said(request).endswith("store.py") else BROKEN

    chat = FakeChat(answer)
    assert outcome(happenings(chat)) == ()
    assert not any(map(asks_again, chat.requests))


@pytest.mark.parametrize("strategy", ["chain", "parallel"])
def test_both_strategies_mend(strategy: str) -> None:
    job = Job(JOB.prompt, JOB.path_rules, JOB.variants, strategy=strategy)  # type: ignore[arg-type]
    chat = program(MENDED)
    steps = happenings(chat, job)
    assert files(steps)[-1] == ("main.py", MENDED)
    assert Message("assistant", BROKEN) in chat.requests[-1].messages


def mended_after(store: Answer, job: Job, facts: Facts) -> Message:
    """The turn before the request to mend `main.py`, which was written before `store.py`."""

    def answer(request: Request) -> Answer:
        if request.stage == "plan":
            return PLAN
        if request.stage == "files":
            return '{"files": ["main.py", "store.py"]}'
        if asks_again(request):
            return MENDED
        return store if said(request).endswith("store.py") else BROKEN

    chat = FakeChat(answer, known=facts)
    assert files(happenings(chat, job))[-1] == ("main.py", MENDED)
    return chat.requests[-1].messages[-2]


@pytest.mark.parametrize(
    ("job", "window", "before"),
    [
        pytest.param(JOB, None, STORE, id="all turns of a chain"),
        pytest.param(JOB, 4096, BROKEN, id="those up to the file where the window is full"),
        pytest.param(replace(JOB, strategy="parallel", concurrency=1), None, BROKEN, id="its own turns in parallel"),
    ],
)
def test_a_file_is_mended_after(job: Job, window: int | None, before: str) -> None:
    long = Reply(STORE, "stop", usage=Usage(completion=3000))
    assert mended_after(long, job, Facts(model="fake", window=window)) == Message("assistant", before)


def test_a_file_that_the_user_has_changed_is_not_mended() -> None:
    written = {"store.py": Written(STORE), "main.py": Written(BROKEN)}
    job = replace(JOB, plan=PLAN, list_answer=LIST, files=tuple(written), todo=(), written=written)
    chat = program(MENDED)
    happenings(chat, job)
    assert [asks_again(request) for request in chat.requests] == [True]
    chat = program(MENDED)
    steps = happenings(chat, replace(job, locked=frozenset({"main.py"})))
    assert (chat.requests, [problem.mended for problem in outcome(steps)]) == ([], [False])


def plays(mended: str) -> dict[str, str]:
    return {"store.py": STORE, "main.py": BROKEN, "mended": mended}


def server_for(texts: dict[str, str]) -> FakeServer:
    def answer(request: Received) -> Canned:
        if not request.path.endswith("/chat/completions"):
            return json_answer({"data": [{"id": "m"}]})
        last = request.json()["messages"][-1]["content"]
        if "do not fit together" in last:
            return answered(f"```python\n{texts['mended']}```")
        if last.endswith("main.py"):
            return answered(f"```python\n{texts['main.py']}```")
        if last.endswith("store.py"):
            return answered(f"```python\n{texts['store.py']}```")
        return answered(LIST if "key `files`" in last else PLAN)

    return FakeServer(answer)


def run(tmp_path: Path, mended: str, **task: bool) -> tuple[World, RunDone]:
    world = World(tmp_path)
    with server_for(plays(mended)) as server:
        return world, world.generate(server, "", **task)


def test_a_mended_program_is_on_disk_and_in_the_record(tmp_path: Path) -> None:
    world, done = run(tmp_path, MENDED)
    assert world.files() == {"store.py": STORE, "main.py": MENDED}
    assert (done.exit_code, done.written) == (0, ("store.py", "main.py"))
    assert done.bytes == len(STORE) + len(MENDED)
    assert [event.path for event in world.shown if isinstance(event, FileDone)] == ["store.py", "main.py", "main.py"]
    record = json.loads((world.cwd / "generated/.smol/run.json").read_text())
    assert [problem["mended"] for problem in record["problems"]] == [True]


@pytest.mark.parametrize(("strict", "code"), [(False, 0), (True, 4)])
def test_what_is_left_is_told_and_with_strict_a_failure(tmp_path: Path, *, strict: bool, code: int) -> None:
    world, done = run(tmp_path, WORSE, strict=strict)
    assert world.files() == {"store.py": STORE, "main.py": BROKEN}
    assert done.exit_code == code
    assert [(each.path, each.mended) for each in done.problems] == [("main.py", False)]
    assert [event for event in world.shown if isinstance(event, ProblemFound)] == list(done.problems)


def test_without_check_references_nothing_is_checked(tmp_path: Path) -> None:
    world = World(tmp_path)
    with server_for(plays(MENDED)) as server:
        done = world.generate(server, "\n[run]\ncheck_references = false\n")
    assert (done.problems, world.files()["main.py"]) == ((), BROKEN)

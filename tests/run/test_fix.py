"""What fails in the user's check is mended in rounds, and the best state is what stays."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import pytest

from smol_dev.chat import Request
from smol_dev.errors import ServerError
from smol_dev.events import CheckDone, CheckStarted, Noticed, Warned
from smol_dev.run.conversation import CheckCommand, CheckEnded, Conversation, FileReady, Job, Step
from smol_dev.run.mend import fix
from smol_dev.workspace.command import Outcome
from tests.fakes import Answer, FakeChat
from tests.run.test_pipeline import PLAN, VARIANTS, said

FILES = {"store.py": "def load():\n    return 1\n", "main.py": "import store\n", "test_store.py": "import store\n"}
LIST = '{"files": ["store.py", "main.py", "test_store.py"]}'
BETTER = "def load():\n    return 2\n"


def settle(paths: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    return tuple(path for path in paths if ".." not in path), ()


JOB = Job("a store", settle, VARIANTS, plan=PLAN, list_answer=LIST, files=tuple(FILES))


def outcome(output: str = "", exit_code: int = 1, **more: object) -> Outcome:
    return replace(Outcome(exit_code, output, 0.5, "", "none"), **more)  # type: ignore[arg-type]


def failing(number: int, where: str = "store.py:1: AssertionError") -> Outcome:
    return outcome(f"{where}\n{number} failed, {10 - number} passed in 0.10s\n")


PASSED = outcome("10 passed in 0.10s\n", 0)


def names(*paths: str) -> str:
    return json.dumps({"files": paths})


def asks_for_names(request: Request) -> bool:
    return said(request).startswith("All files are written, but the check does not pass.")


class Run:
    """A conversation after the last file, and its check, whose outcomes are given."""

    def __init__(
        self,
        answers: Sequence[Answer] | Callable[[Request], Answer],
        outcomes: Sequence[Outcome],
        *,
        job: Job = JOB,
        files: Mapping[str, str] = FILES,
        rounds: int = 2,
        permitted: Collection[str] = (),
    ) -> None:
        self.chat = FakeChat(answers)
        self.steps: list[Step] = []
        self.checks = 0
        self.kept: list[tuple[str, str]] = []
        self._outcomes = outcomes
        self.talk = Conversation(self.chat, job, self.steps.append)
        for path, content in files.items():
            self.talk.wrote(path, content)
        self.disk = dict(files)
        self.rounds, self.folder, self.timeout = rounds, "/w", 120.0
        self.command: Sequence[str] = ["python", "-m", "pytest", "-q"]
        self.permitted = permitted
        self.asked: list[str] = []
        self.done = asyncio.run(self._fix(self))

    async def _fix(self, check: CheckCommand) -> CheckDone:
        await self.talk.learn()
        return await fix(self.talk, check)

    async def begin(self) -> None:
        self.disk |= dict(self.written[len(self.kept) :])
        self.kept.extend(self.written[len(self.kept) :])
        self.now = dict(self.disk)

    async def run(self) -> Outcome:
        self.checks += 1
        return self._outcomes[self.checks - 1]

    def accept(self) -> None:
        self.best = dict(self.now)

    async def back(self) -> None:
        self.disk = dict(self.best)

    def found(self) -> tuple[Mapping[str, str], frozenset[str]]:
        return self.disk, self.talk.job.locked

    def may_rewrite(self, path: str) -> bool:
        self.asked.append(path)
        return path in self.permitted

    @property
    def written(self) -> list[tuple[str, str]]:
        return [(step.path, step.content) for step in self.steps if isinstance(step, FileReady)]

    @property
    def results(self) -> list[str]:
        return [step.summary for step in self.steps if isinstance(step, CheckDone)]

    @property
    def talk_of(self) -> list[str]:
        return [step.message for step in self.steps if isinstance(step, Noticed | Warned)]


def test_a_check_that_passes_costs_no_request() -> None:
    run = Run([], [PASSED])
    done = CheckDone(0, 0, 0, 10, 0.5, "10 tests passed")
    assert run.steps == [CheckStarted("python -m pytest -q", 0), done, CheckEnded(run.command, done)]
    assert (run.done, run.chat.requests) == (done, [])


def test_a_failing_check_is_mended_at_once() -> None:
    run = Run([names("store.py"), BETTER], [failing(3), PASSED])
    assert run.written == [("store.py", BETTER)]
    assert run.results == ["3 of 10 tests failed", "10 tests passed"]
    assert (run.done.round, run.done.exit_code) == (1, 0)


def test_a_failing_check_is_mended_in_two_rounds() -> None:
    run = Run(
        [names("store.py"), BETTER, names("main.py"), "import store  # mended\n"], [failing(3), failing(1), PASSED]
    )
    assert [path for path, _ in run.written] == ["store.py", "main.py"]
    assert run.results == ["3 of 10 tests failed", "1 of 10 tests failed", "10 tests passed"]


def test_the_request_says_what_failed_and_shows_the_files_as_they_are() -> None:
    run = Run([names("store.py"), BETTER], [failing(3), PASSED], rounds=1)
    ask, write = run.chat.requests
    turns = [turn.content for turn in ask.messages]
    assert all(content in turns for content in FILES.values())
    text = said(ask)
    assert (
        "The command:\npython -m pytest -q\nThe result: 3 of 10 tests failed. What it printed:\n```\nstore.py:1:"
        in text
    )
    assert text.endswith(
        "at most 5. Tests stay as they are unless they contradict the plan."
        '\nAnswer with JSON, like this:\n{"files": ["store.py"]}'
    )
    assert [turn.content for turn in write.messages[:-1]] == [*turns[:-1], text, names("store.py")]
    assert said(write).endswith("\nThe file:\nstore.py")
    roles = [turn.role for turn in write.messages if turn.role != "system"]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(failing(5, "other.py:1: worse"), id="more tests fail"),
        pytest.param(failing(3), id="the same failure"),
        pytest.param(failing(3, "main.py:7: KeyError"), id="as many tests fail"),
        pytest.param(outcome("Traceback (most recent call last):\n  x\nSyntaxError: y\n"), id="no test runs"),
        pytest.param(outcome("", 143, stopped="time"), id="it hangs"),
        pytest.param(outcome("a.c:1:2: error: x\n"), id="it does not compile"),
    ],
)
def test_what_is_no_better_is_put_back(after: Outcome) -> None:
    run = Run([names("store.py", "main.py"), BETTER, "import worse\n"], [failing(3), after])
    assert run.written == [("store.py", BETTER), ("main.py", "import worse\n")]
    assert (run.done.summary, run.done.round, run.disk) == ("3 of 10 tests failed", 0, FILES)
    assert run.talk_of == ["mending `store.py`, `main.py`", "that was no better; the files are as they were before"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (failing(3), failing(2)),
        (outcome("1 failed in 0.1s"), outcome("1 failed, 4 passed in 0.1s")),
        (outcome("ImportError: a\n"), failing(9)),
        (outcome("a.c:1:2: error: x\na.c:2:2: error: y\n"), outcome("a.c:1:2: error: x\n")),
        (outcome("a.c:1:2: error: x\n"), outcome("", 139)),
        (outcome("ImportError: a\n"), outcome("ImportError: b\n")),
        (outcome("", 143, stopped="time"), failing(9)),
    ],
    ids=["fewer fail", "more pass", "tests run", "fewer errors", "compiles", "another error", "ends"],
)
def test_what_is_better_stays_although_it_fails(before: Outcome, after: Outcome) -> None:
    run = Run([names("store.py"), BETTER], [before, after], rounds=1)
    assert (run.done.round, run.disk["store.py"]) == (1, BETTER)


def test_a_round_that_changes_nothing_ends_it_without_another_check() -> None:
    run = Run([names("store.py"), FILES["store.py"]], [failing(3)])
    assert (run.checks, run.written) == (1, [])


def test_no_round_is_asked_for_beyond_the_limit() -> None:
    assert Run([], [failing(3)], rounds=0).chat.requests == []
    run = Run([names("store.py"), BETTER], [failing(3), failing(2)], rounds=1)
    assert (len(run.chat.requests), run.checks) == (2, 2)


def test_files_outside_and_of_the_user_are_not_changed() -> None:
    job = replace(JOB, locked=frozenset({"main.py"}))
    answers = [names("../../etc/passwd", "main.py", "helper.py", "store.py"), "HELP = 1\n", BETTER]
    run = Run(answers, [failing(3), PASSED], job=job)
    assert run.written == [("helper.py", "HELP = 1\n"), ("store.py", BETTER)]


def test_at_most_five_files_are_changed_in_a_round() -> None:
    files = {f"{number}.py": f"A = {number}\n" for number in range(8)}
    job = replace(JOB, files=tuple(files), list_answer=names(*files))

    def answer(request: Request) -> Answer:
        return names(*files) if asks_for_names(request) else "A = 9\n"

    assert [path for path, _ in Run(answer, [failing(3), PASSED], job=job, files=files).written] == list(files)[:5]


def test_without_a_usable_list_the_files_of_the_output_are_taken() -> None:
    def answer(request: Request) -> Answer:
        return "I would rather not." if asks_for_names(request) else BETTER

    run = Run(answer, [failing(3), PASSED])
    assert run.written == [("store.py", BETTER)]


def test_a_model_that_says_nothing_changes_nothing() -> None:
    run = Run(lambda _: "", [outcome("no file is named here\n")])
    assert (run.written, run.checks) == ([], 1)
    assert run.talk_of[-1].startswith(
        "the check was not mended: no usable answer for the list of files to mend after 3 tries"
    )


def test_a_server_that_is_gone_leaves_the_files() -> None:
    gone = ServerError("gone", hint="start it", kind="not_running")
    assert Run([gone], [failing(3)]).talk_of == ["the check was not mended: gone"]
    run = Run([names("store.py", "main.py"), gone], [failing(3)])
    assert (run.written, run.talk_of[1:]) == ([], ["`store.py` stays as it is: gone"])


def test_a_new_version_that_does_not_parse_is_not_taken() -> None:
    def answer(request: Request) -> Answer:
        return names("store.py") if asks_for_names(request) else "```python\ndef load(:\n    return 2\n```"

    run = Run(answer, [failing(3)])
    assert run.written == []
    assert run.talk_of[1].startswith("`store.py` stays as it is: The file has a syntax error: ")


def test_a_fence_in_the_output_does_not_end_it() -> None:
    run = Run([names("store.py"), BETTER], [outcome("```python\nx\n```\nstore.py\n"), PASSED])
    assert "\n````\n```python\nx\n```\nstore.py\n````\n" in said(run.chat.requests[0])


def test_more_tests_that_pass_are_progress_even_if_more_fail() -> None:
    """A test file that could not be loaded counts as one failure, and has more in it."""
    answers = [names("store.py"), BETTER, names("main.py"), "import store  # mended\n"]
    run = Run(answers, [outcome("1 error in 0.10s\n", 2), failing(3), PASSED])
    assert (run.done.round, run.results) == (2, ["1 test failed", "3 of 10 tests failed", "10 tests passed"])


def test_tests_that_are_gone_are_no_progress() -> None:
    after = outcome("1 failed, 5 passed in 0.10s\n")
    assert Run([names("store.py"), BETTER], [failing(3), after], rounds=1).done.round == 0


def test_a_failure_that_was_there_before_ends_it() -> None:
    answers = [names("store.py"), BETTER, names("store.py"), "X = 3\n", names("store.py"), "X = 4\n"]
    outcomes = [outcome(f"ImportError: {name}\n") for name in "aba"]
    run = Run(answers, outcomes, rounds=3)
    assert (run.checks, run.done.round, run.disk["store.py"]) == (3, 1, BETTER)


def test_what_crashes_is_worse_than_what_ends() -> None:
    run = Run([names("store.py"), BETTER], [outcome("ImportError: a\n"), outcome("", 139)], rounds=1)
    assert (run.done.round, run.disk) == (0, FILES)


def test_a_file_of_the_user_is_rewritten_only_with_leave() -> None:
    job = replace(JOB, locked=frozenset({"store.py"}))
    refused = Run([names("store.py")], [failing(3)], job=job)
    assert (refused.asked, refused.written) == (["store.py"], [])
    assert refused.talk_of == ["`store.py` stays as you changed it"]
    allowed = Run([names("store.py"), BETTER], [failing(3), PASSED], job=job, permitted=["store.py"])
    assert (allowed.written, allowed.done.exit_code) == ([("store.py", BETTER)], 0)


def test_a_mended_file_keeps_its_line_ends() -> None:
    files = {**FILES, "store.py": "def load():\r\n    return 1\r\n"}
    run = Run([names("store.py"), BETTER], [failing(3), PASSED], files=files)
    assert run.written == [("store.py", BETTER.replace("\n", "\r\n"))]

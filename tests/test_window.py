"""What a run does at the end of the context window: it says so, and asks for nothing in vain."""

import asyncio
import hashlib

import pytest

from smol_dev.chat import Facts, Measured, Reply, Request, Usage
from smol_dev.errors import ServerError
from smol_dev.events import Retry
from smol_dev.prompts import shipped
from smol_dev.run import pipeline
from smol_dev.run.conversation import FileMissing, FileReady, Job, StageSettings, Step
from tests.fakes import Answer, FakeChat

PLAN = "# Plan\n\nOne file, `a.py`."
VARIANTS = {name: shipped(name) for name in ("default", "small")}
FACTS = Facts(model="fake", window=4096, enlarge="`-c WINDOW`")


def job(**settings: int | bool) -> Job:
    stages = {name: StageSettings(**settings) for name in ("plan", "files", "code")}  # type: ignore[arg-type]
    return Job("a counter", lambda paths: (tuple(paths), ()), VARIANTS, stages)  # type: ignore[arg-type]


def run(code: Answer, *, facts: Facts = FACTS, **settings: int | bool) -> tuple[list[Step], list[Request]]:
    def answer(request: Request) -> Answer:
        if request.stage == "plan":
            return f"<think>\nfirst {'thought ' * 50}\n</think>\n\n{PLAN}"
        if request.stage == "files":
            return '<think>\nsecond\n</think>\n{"files": ["a.py", "b.py"]}'
        return code

    chat = FakeChat(answer, known=facts)

    return told(chat, job(**settings)), chat.requests


def told(chat: FakeChat, job: Job) -> list[Step]:
    steps: list[Step] = []
    asyncio.run(pipeline.run(chat, job, steps.append))
    return steps


def test_no_thought_goes_back_to_the_model_in_any_stage() -> None:
    _, requests = run("<think>\nthird\n</think>\n\n```python\nx = 1\n```")
    turns = [each.content for each in requests[-1].messages if each.role == "assistant"]
    assert turns == [PLAN, '{"files": ["a.py", "b.py"]}', "```python\nx = 1\n```"]


def test_a_file_longer_than_what_the_window_leaves_is_asked_for_once() -> None:
    words = "\n".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(40))
    lines = f'text = """\n{words}'
    cut = Reply(f"```python\n{lines}", "length", usage=Usage(prompt=400, completion=3600))
    steps, requests = run(cut)
    [first, _] = [each for each in steps if isinstance(each, FileMissing)]
    assert sum(each.messages[-1].content.endswith("a.py") for each in requests) == 1
    assert first.reason == "context"
    assert first.error.message == (
        "the answer needs more than the 3,696 tokens that the context window of 4,096 leaves after the prompt of 400"
    )
    assert first.error.hint == "`-c 8192`"


def test_an_answer_without_a_whole_line_that_fills_the_window_is_not_asked_for_again() -> None:
    words = " ".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(40))
    cut = Reply(f"{words}", "length", usage=Usage(prompt=400, completion=3600))
    steps, requests = run(cut)
    assert sum(each.messages[-1].content.endswith("a.py") for each in requests) == 1
    assert [each.reason for each in steps if isinstance(each, FileMissing)] == ["context", "context"]


def test_a_prompt_that_was_cut_is_told_before_the_file_is_asked_for_another_way() -> None:
    cut = Reply("```python\nx = 1\n```", "stop", usage=Usage(prompt=4096, completion=20))
    steps, _ = run(cut, facts=Facts(model="fake", window=4096))
    retried = [each for each in steps if isinstance(each, Retry) and each.reason == "context"]
    assert retried == []  # the prompt is far below the window: the count is its own
    long = "word " * 3000
    cut = Reply("```python\nx = 1\n```", "stop", usage=Usage(prompt=60, completion=20))
    chat = FakeChat(lambda each: cut if each.stage == "code" else PLAN, known=Facts(model="fake"))
    waiting = Job(long, lambda paths: (tuple(paths), ()), VARIANTS, plan=PLAN, files=("a.py",))
    events = [each for each in told(chat, waiting) if isinstance(each, Retry)]
    assert {each.reason for each in events} == {"context"}
    assert "silently dropped a part of the prompt: it read 60 tokens" in events[0].message


@pytest.mark.parametrize("checks", [True, False])
def test_the_check_for_a_cut_prompt_is_a_setting(*, checks: bool) -> None:
    cut = Reply("```python\nx = 1\n```", "stop", usage=Usage(prompt=20, completion=20))
    steps, _ = run(cut, truncation_check=checks)
    assert any(isinstance(each, FileReady) for each in steps) is not checks


def test_a_cold_model_is_measured_before_a_prompt_that_may_not_fit() -> None:
    chat = FakeChat([PLAN, "no list"], measures=Measured(window=4096, prompt=5100))
    waiting = Job("word " * 5000, lambda paths: (tuple(paths), ()), VARIANTS)
    with pytest.raises(ServerError, match="prompt of about 5,100 tokens does not fit"):
        told(chat, waiting)
    assert (len(chat.measured), chat.requests) == (1, [])


def test_a_window_that_was_measured_holds_for_the_next_stage_though_the_server_does_not_tell_it() -> None:
    usage = Usage(prompt=3000, completion=12)
    answers: list[Answer] = [Reply(PLAN, "stop", usage=usage), '{"files": ["a.py"]}']
    chat = FakeChat(answers, measures=Measured(window=4096, prompt=3000))
    told(chat, Job("word " * 2900, lambda paths: (tuple(paths), ()), VARIANTS, plan_only=True))
    plan, files = chat.requests
    assert len(chat.measured) == 1
    assert plan.max_tokens == 4096 - round(3000 * 1.02)
    assert 700 < files.max_tokens < 4096 - 3012


def lines(start: int) -> str:
    """Lines that no continuation of ours begins with."""
    return "".join(f"{hashlib.sha256(str(each).encode()).hexdigest()} = {each}\n" for each in range(start, start + 9))


@pytest.mark.parametrize(
    ("facts", "rooms"),
    [(Facts(model="fake"), [4096, 8192, 16384]), (Facts(model="fake", window=131_072), [16384, 32768, 65536])],
    ids=["window not known", "large window"],
)
def test_a_file_that_was_cut_at_our_own_limit_gets_more_room(facts: Facts, rooms: list[int]) -> None:
    _, requests = run(Reply(f"```text\n{lines(0)}", "length"), facts=facts)
    asked = [each for each in requests if each.stage == "code"]
    assert [each.max_tokens for each in asked[:3]] == rooms


def test_a_file_that_max_output_tokens_cuts_off_names_that_key() -> None:
    cut = Reply(f"```text\n{lines(0)}", "length")
    steps, requests = run(cut, facts=Facts(model="fake", window=32_768), max_output_tokens=500)
    assert {each.max_tokens for each in requests} == {500}
    missing = next(each for each in steps if isinstance(each, FileMissing))
    assert missing.reason == "truncated"
    assert missing.error.hint == (
        "`max_output_tokens` is 500: raise it with `-c max_output_tokens=1000`, or ask for smaller files"
    )

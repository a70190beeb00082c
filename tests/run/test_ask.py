"""One thing asked of the model: what is shown while it comes, and how it is asked for again."""

import asyncio

import pytest

from smol_dev.chat import Delta, Facts, Message, Reply, Usage
from smol_dev.events import Piece
from smol_dev.replies.verdicts import Rejected
from smol_dev.run.ask import Form, Question, Stream, ask
from smol_dev.run.conversation import Conversation
from tests.fakes import FakeChat
from tests.run.test_pipeline import JOB


def test_the_first_is_shown_at_once_and_the_others_ten_times_a_second() -> None:
    now = 50.0
    found: list[Piece] = []
    stream = Stream(found.append, "code", "a.py", clock=lambda: now)
    for number in range(100):
        stream.add(Delta(f"{number} "))
        now += 0.01
    assert found[0] == Piece("code", "a.py", "0 ")
    assert len(found) in {10, 11}
    stream.show()
    whole = "".join(f"{number} " for number in range(100))
    assert "".join(piece.text for piece in found) == stream.text() == whole


def test_reasoning_is_kept_apart() -> None:
    found: list[Piece] = []
    stream = Stream(found.append, "plan", None, clock=lambda: 0.0)
    for delta in (Delta("", "so"), Delta("A", " it"), Delta("B")):
        stream.add(delta)
    assert found == [Piece("plan", None, "", "so")]
    stream.show()
    assert found[1:] == [Piece("plan", None, "AB", " it")]


def test_nothing_is_left_behind_the_rest() -> None:
    found: list[Piece] = []
    stream = Stream(found.append, "plan", None, clock=lambda: 0.0)
    stream.add(Delta("A"))
    stream.show()
    assert found == [Piece("plan", None, "A")]


def test_a_longer_fence_and_a_left_out_example_stay_for_the_tries_that_follow() -> None:
    forms: list[Form] = []
    verdicts: list[str | Rejected] = [
        Rejected("wrong_format", "m", fence=4, example=False),
        Rejected("empty", "n"),
        "the plan",
    ]

    def words(form: Form) -> str:
        forms.append(form)
        return "plan this"

    async def work() -> str:
        talk = Conversation(FakeChat(["1", "2", "3"]), JOB, print)
        await talk.learn()
        question: Question[str] = Question("plan", (), words, lambda *_: verdicts.pop(0), retries=2)
        return (await ask(talk, question)).value

    assert asyncio.run(work()) == "the plan"
    assert forms == [Form(), Form(4, example=False), Form(4, example=False)]


def test_a_retry_may_begin_differently_unless_a_longer_fence_is_asked_for() -> None:
    verdicts: list[str | Rejected] = [Rejected("empty", "m"), Rejected("wrong_format", "n", fence=4), "the file"]
    chat = FakeChat(["1", "2", "3"])

    async def work() -> None:
        talk = Conversation(chat, JOB, print)
        await talk.learn()
        question: Question[str] = Question(
            "code", (), lambda _: "x", lambda *_: verdicts.pop(0), lambda form: "`" * (form.fence or 3), retries=2
        )
        await ask(talk, question)

    asyncio.run(work())
    assert [request.opening for request in chat.requests] == ["```", "", "````"]


@pytest.mark.parametrize(
    ("opening", "read"),
    [
        pytest.param("", "", id="none"),
        pytest.param("```python\n", "", id="a fence"),
        pytest.param("```python\nA = 1", "```python\nA = 1", id="the lines of a cut-off answer"),
    ],
)
def test_the_servers_count_is_learned_for_the_turns_that_the_next_request_begins_with(opening: str, read: str) -> None:
    """A fence that opens the answer is in no later request; the lines of an answer that is continued are."""

    async def work() -> int:
        counted = Reply("the plan", "stop", usage=Usage(1_000, None, 5), opening=opening)
        talk = Conversation(FakeChat([counted], Facts(model="fake", continues=True)), JOB, print)
        await talk.learn()
        await ask(talk, Question("plan", (), lambda _: "plan this", lambda *_: "the plan", retries=0))
        turns = (Message("user", "plan this"), *([Message("assistant", read)] if read else []))
        return talk.budget("plan").estimate(turns)

    assert asyncio.run(work()) == 1_000

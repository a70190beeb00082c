"""The figures of a run: how fast tokens were generated, how many there were, and how long each stage took."""

import json
import time
from pathlib import Path

import pytest

from smol_dev.chat import Pace, Reply, Usage
from smol_dev.events import FileDone, RunDone
from smol_dev.ui.sentences import details, sentence
from tests.app.test_build import PLAN, TWO, World, plays
from tests.fake_server import Canned, FakeServer, Received, answered, delta, json_answer, sse


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(
    ("usage", "pace"),
    [
        (Usage(completion=41), Pace(40, 4.0)),
        (Usage(completion=41, generating=2.0), Pace(41, 2.0)),
        (Usage(completion=1), Pace()),
        (Usage(), Pace()),
    ],
    ids=["measured from the first piece", "told by the server", "one token", "not counted"],
)
def test_the_pace_is_of_generation_alone(usage: Usage, pace: Pace) -> None:
    reply = Reply("x", "stop", usage=usage, first_token_seconds=6, last_token_seconds=10, seconds=12)
    assert reply.pace == pace


@pytest.mark.parametrize("last", [6.0, 6.001], ids=["one piece", "all pieces at once"])
def test_an_answer_that_did_not_stream_has_no_pace(last: float) -> None:
    usage = Usage(completion=9)
    reply = Reply("x", "stop", usage=usage, first_token_seconds=6, last_token_seconds=last)
    assert reply.pace == Pace()


def timed(request: Received) -> Canned:
    """A server that waits before each answer, and times itself as llama.cpp does."""
    if not request.place.endswith("/chat/completions"):
        return json_answer({"data": [{"id": "m"}]})
    time.sleep(0.05)
    turns = sum(each["role"] == "assistant" for each in request.json()["messages"])
    text = PLAN if turns == 0 else '{"files": ["a.py"]}' if turns == 1 else "A = 1\n"
    usage = {"prompt_tokens": 600, "completion_tokens": 10}
    timings = {"predicted_n": 10, "predicted_ms": 250.0}
    last = json.dumps({"choices": [], "usage": usage, "timings": timings})
    return sse(delta(text), delta(finish="stop"), last, "[DONE]")


def test_a_run_tells_the_speed_that_the_server_timed(world: World) -> None:
    with FakeServer(timed) as server:
        done = world.generate(server)
    assert done.tokens_per_second == pytest.approx(40)
    assert " · 40 tokens/s · " in sentence(done)
    [file] = [event for event in world.shown if isinstance(event, FileDone)]
    assert file.tokens_per_second == pytest.approx(40)


def uncounted(text: str) -> Canned:
    return sse(delta(text), delta(finish="stop"), "[DONE]")


def test_a_sum_of_which_a_part_was_not_told_is_marked(world: World) -> None:
    with FakeServer(plays({**TWO, "a.py": uncounted("A = 1\n")})) as server:
        done = world.generate(server)
    assert (done.prompt_tokens, done.usage_is_partial) == (1500, True)
    assert " · at least 1,500 tokens in · " in sentence(done)
    record = json.loads((world.cwd / "generated/.smol/run.json").read_text(encoding="utf-8"))
    assert record["totals"]["usage_is_partial"] is True


def test_what_is_partial_once_stays_so_in_the_totals_of_the_record(world: World) -> None:
    with FakeServer(plays({**TWO, "a.py": uncounted("I cannot help with that.")})) as server:
        world.generate(server, "answer_retries = 0\n")
    with FakeServer(plays(TWO)) as server:
        assert world.resume(server).usage_is_partial is False
    record = json.loads((world.cwd / "generated/.smol/run.json").read_text(encoding="utf-8"))
    assert record["totals"]["usage_is_partial"] is True


def test_a_file_of_two_requests_of_which_one_was_counted_says_so() -> None:
    done = FileDone("a", 1, 310, None, 9, 1.0, usage_is_partial=True)
    assert details(done) == "  tokens: in at least 310, cached unknown, out at least 9"


def test_a_count_above_the_window_is_not_believed(world: World) -> None:
    wrong = answered("A = 1\n", prompt_tokens=1_000_000, completion_tokens=7)
    with FakeServer(plays({**TWO, "a.py": wrong})) as server:
        done = world.generate(server, "context_window = 8192\n")
    assert (done.exit_code, world.files()) == (0, TWO)
    assert (done.prompt_tokens, done.completion_tokens) == (1500, 37)
    assert done.usage_is_partial


def test_a_plan_that_failed_took_its_time(world: World) -> None:
    def slow(request: Received) -> Canned:
        if not request.place.endswith("/chat/completions"):
            return json_answer({"data": [{"id": "m"}]})
        time.sleep(0.1)
        return answered("I am sorry, but I cannot help with that.", completion_tokens=9)

    with FakeServer(slow) as server:
        done = world.generate(server, "answer_retries = 1\n")
    [plan] = done.stages
    assert (done.exit_code, plan.stage, plan.requests) == (4, "plan", 2)
    assert (done.completion_tokens, done.usage_is_partial) == (18, False)
    assert plan.seconds > 0.2
    record = json.loads((world.cwd / "generated/.smol/run.json").read_text(encoding="utf-8"))
    assert record["totals"]["stages"]["plan"]["seconds"] > 0.2
    assert isinstance(world.shown[-1], RunDone)

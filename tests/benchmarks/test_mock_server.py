"""The server by which idle time is measured paces and counts as it says."""

import json
import urllib.request

import pytest

from benchmarks.machine import child, fetch
from benchmarks.mock_server import OPENING, Asked, Pace, kind_of, shortest, tokens
from smol_dev.replies.code import read_code
from smol_dev.replies.verdicts import Code


def asked(kind: str, ideal: float) -> Asked:
    return Asked(kind, came=0.0, ideal=ideal)


@pytest.mark.parametrize(
    ("slots", "files", "span"),
    [
        pytest.param(1, [1.0, 2.0, 3.0], 9.0, id="one after another"),
        pytest.param(2, [1.0, 2.0, 3.0], 7.0, id="the third on the slot that is free first"),
        pytest.param(8, [1.0, 2.0, 3.0], 6.0, id="all at once"),
    ],
)
def test_the_shortest_span_is_plan_and_list_then_the_files_on_the_slots(
    slots: int, files: list[float], span: float
) -> None:
    every = [asked("plan", 2.0), asked("list", 1.0), *(asked("file", each) for each in files)]
    assert shortest(every, slots) == span


@pytest.mark.parametrize(("kind", "opening"), [("file", ""), ("rest", OPENING)])
@pytest.mark.parametrize("size", [20, 200, 4000])
def test_a_file_has_as_many_tokens_as_it_should_and_can_be_used(kind: str, opening: str, size: int) -> None:
    pieces = tokens(kind, Pace(file_tokens=size))
    verdict = read_code(opening + "".join(pieces), path="src/part_0.py", finish_reason="stop")
    assert (len(pieces), type(verdict)) == (size, Code)


def test_a_file_whose_opening_was_given_goes_on_behind_it() -> None:
    turns = [{"role": "user", "content": "Write\nsrc/part_0.py"}, {"role": "assistant", "content": OPENING}]
    assert [kind_of({"messages": turns[:1]}), kind_of({"messages": turns})] == ["file", "rest"]


def test_it_streams_counts_and_begins_anew() -> None:
    body = {"stream": True, "messages": [{"role": "user", "content": "Write\nsrc/part_0.py"}]}
    options = ("--rate=0", "--ttft=0", "--file-tokens=30", "--slots=3")
    with child("benchmarks.mock_server", *options) as origin:
        url = f"{origin}/v1/chat/completions"
        with urllib.request.urlopen(url, data=json.dumps(body).encode()) as answer:
            events = answer.read().decode().split("\n\n")
        seen = fetch(f"{origin}/stats")
        slots = fetch(f"{origin}/props")["total_slots"]
        fetch(f"{origin}/reset")
        after = fetch(f"{origin}/stats")
    assert (len(events), events[-2]) == (30 + 3, "data: [DONE]")
    assert (seen["kinds"], seen["most_at_once"], slots) == ({"file": 1}, 1, 3)
    assert (after["kinds"], after["span"]) == ({}, 0.0)

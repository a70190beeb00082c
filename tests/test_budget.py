"""Tokens are estimated, learnt from the server's counts, and fitted to the window."""

import pytest

from smol_dev.budget import Budget
from smol_dev.errors import ServerError
from smol_dev.server.chat import Message


def conversation(*lengths: int) -> tuple[Message, ...]:
    return tuple(
        Message("assistant" if number % 2 else "user", "word " * (length // 5))
        for number, length in enumerate(lengths)
    )


def test_an_unknown_window_refuses_nothing_and_asks_for_4096_tokens() -> None:
    assert Budget().room(conversation(1_000_000)) == 4096


def test_max_output_tokens_is_sent_as_it_is_where_it_fits() -> None:
    assert Budget(window=8192, wanted=300).room(conversation(1000)) == 300


def test_the_answer_gets_what_the_window_leaves() -> None:
    budget = Budget(window=2000)
    turns = conversation(3300)
    prompt = budget.estimate(turns)
    assert prompt == 1008
    assert budget.room(turns) == 2000 - 1008 - 20


def test_a_prompt_that_leaves_no_room_is_refused_before_it_is_sent() -> None:
    budget = Budget(window=1024, enlarge="`ollama run` with `num_ctx 8192`")
    with pytest.raises(ServerError) as caught:
        budget.room(conversation(3300))
    assert caught.value.message == (
        "the prompt of about 1,008 tokens does not fit the model's context window of 1,024 tokens"
        " with an answer"
    )
    assert caught.value.hint == "`ollama run` with `num_ctx 8192`"
    assert (caught.value.kind, caught.value.exit_code, caught.value.reason) == (
        "context",
        3,
        "context",
    )


def test_the_servers_count_calibrates_the_next_estimate() -> None:
    budget = Budget(window=10_000)
    first = conversation(3300)
    budget.observe(first, prompt=2016, completion=10)
    assert budget.estimate(first) == 2016
    assert budget.estimate(conversation(6600)) == pytest.approx(2 * 2016, rel=0.02)


def test_a_count_below_that_of_an_earlier_prefix_is_silent_truncation() -> None:
    budget = Budget(window=4096)
    first = conversation(3300)
    budget.observe(first, prompt=1000, completion=500)
    with pytest.raises(ServerError) as caught:
        budget.observe((*first, *conversation(0, 5000)), prompt=600, completion=1)
    assert caught.value.message.startswith(
        "the server silently dropped a part of the prompt: it read 600 tokens"
    )
    assert caught.value.kind == "context"


def test_ollamas_half_window_is_noticed_on_the_first_answer() -> None:
    with pytest.raises(ServerError, match="read 2,050 tokens, about 9,"):
        Budget().observe(conversation(30_000), prompt=2050, completion=5)


@pytest.mark.parametrize("count", [None, 0])
def test_a_server_that_does_not_count_teaches_nothing(count: int | None) -> None:
    budget = Budget()
    before = budget.estimate(conversation(3300))
    budget.observe(conversation(3300), prompt=count, completion=None)
    assert budget.estimate(conversation(3300)) == before


def test_a_chain_fits_while_an_answer_like_the_longest_finds_room() -> None:
    budget = Budget(window=4000)
    turns = conversation(3300)
    assert budget.fits(turns)
    budget.observe(turns, prompt=1008, completion=2600)
    assert not budget.fits(turns)


def test_the_models_own_turn_takes_what_it_took_to_say_it() -> None:
    budget = Budget(window=2048)
    first, answer, request = conversation(3300, 3300, 330)
    budget.observe((first,), prompt=1000, completion=400)
    added = budget.estimate((first, answer, request)) - 1000 - 400
    assert 100 < added < 140


def test_what_was_thought_and_is_not_sent_back_is_not_counted() -> None:
    budget = Budget()
    first, answer = conversation(3300, 330)
    budget.observe((first,), prompt=1000, completion=5000)
    assert budget.estimate((first, answer)) < 1200


def test_the_shared_turns_stay_known_while_several_requests_go_on_from_them() -> None:
    budget = Budget()
    shared, answer, *requests = conversation(3300, 3300, 330, 335, 340)
    budget.observe((shared,), prompt=1000, completion=400)
    for request in requests[:2]:
        budget.observe((shared, answer, request), prompt=1500, completion=1000)
    assert 1480 < budget.estimate((shared, answer, requests[2])) < 1560

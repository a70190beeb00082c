"""Tokens are estimated, learnt from the server's counts, and fitted to the window."""

import pytest

from smol_dev.chat import Facts, Measured, Message
from smol_dev.errors import ServerError
from smol_dev.run.budget import Budget

WORDS = "write a page that shows the items of a list "  # 10 tokens in any vocabulary


def conversation(*counts: int) -> tuple[Message, ...]:
    """Turns of about so many tokens each, template included."""
    return tuple(
        Message("assistant" if number % 2 else "user", WORDS * round((count - 8) / 10))
        for number, count in enumerate(counts)
    )


def test_an_unknown_window_refuses_nothing_and_asks_for_4096_tokens() -> None:
    assert Budget().room(conversation(1_000_000)) == 4096


def test_max_output_tokens_is_sent_as_it_is_where_it_fits() -> None:
    assert Budget(window=8192, wanted=300).room(conversation(1000)) == 300


def test_the_answer_gets_what_the_window_leaves() -> None:
    budget = Budget(window=2000)
    prompt = budget.estimate(conversation(1000))
    assert prompt == pytest.approx(1000, rel=0.02)
    assert budget.room(conversation(1000)) == 2000 - round(prompt * 1.02)


def test_a_prompt_that_cannot_fit_is_refused_with_the_window_it_needs() -> None:
    budget = Budget(window=2048, facts=Facts(enlarge="`-c WINDOW`", limit=131_072))
    with pytest.raises(ServerError) as caught:
        budget.room(conversation(6000))
    assert caught.value.message.endswith(
        "tokens does not fit the model's context window of 2,048 tokens with an answer"
    )
    assert caught.value.hint == "`-c 16384`"  # 6,000 and 4,096 for the answer
    assert (caught.value.kind, caught.value.exit_code, caught.value.reason) == ("context", 3, "context")


def test_nothing_is_refused_on_an_estimate_that_may_be_wrong() -> None:
    budget = Budget(window=1024)
    turns = conversation(940)
    assert budget.estimate(turns) + 256 > 1024
    assert budget.doubts(turns)
    assert budget.room(turns) == 256


@pytest.mark.parametrize(
    ("window", "tokens", "expected"),
    [(8192, 2000, False), (8192, 7500, True), (8192, 20_000, False), (None, 2000, False), (None, 3200, True)],
)
def test_the_server_is_asked_only_where_the_estimate_leaves_a_doubt(
    window: int | None, tokens: int, *, expected: bool
) -> None:
    assert Budget(window=window).doubts(conversation(tokens)) is expected


def test_what_the_server_measured_settles_it() -> None:
    budget = Budget()
    turns = conversation(3800)
    budget.take(turns, Measured(window=4096, prompt=3500))
    assert budget.estimate(turns) == 3500
    assert not budget.doubts(turns)
    assert budget.room(turns) == 4096 - 3570
    budget.take(turns, Measured(window=4096, prompt=4000))
    with pytest.raises(ServerError, match="prompt of about 4,000 tokens"):
        budget.room(turns)


def test_the_message_names_both_sizes_where_less_is_loaded_than_the_settings_say() -> None:
    budget = Budget(window=4096)
    budget.said = 16_384
    turns = (Message("user", "word " * 9000),)
    with pytest.raises(ServerError, match=r"of 4,096 \(as it is loaded; `context_window` says 16,384\) tokens"):
        budget.room(turns)


def test_the_servers_count_calibrates_the_next_estimate() -> None:
    budget = Budget(window=10_000)
    first = conversation(1000)
    budget.observe(first, prompt=2000, completion=10)
    assert budget.estimate(first) == 2000
    assert budget.estimate(conversation(2008)) == pytest.approx(2 * 2000, rel=0.02)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(4096, id="at the window"),
        pytest.param(4090, id="just below it"),
        pytest.param(2050, id="half of it and two, where Ollama cuts"),
        pytest.param(900, id="less than half of the smallest count"),
    ],
)
def test_a_cut_prompt_is_called_cut(count: int) -> None:
    budget = Budget(window=4096, facts=Facts(enlarge="`-c WINDOW`"))
    with pytest.raises(ServerError) as caught:
        budget.observe(conversation(4800), prompt=count, completion=5)
    message = f"the server silently dropped a part of the prompt: it read {count:,} tokens (its window is 4,096)"
    assert caught.value.message.startswith(message)
    assert caught.value.hint == "`-c 16384`; if nothing was dropped: `-c truncation_check=false`"
    assert caught.value.kind == "context"


def test_the_check_can_be_switched_off() -> None:
    Budget(window=4096, checks=False).observe(conversation(4800), prompt=900, completion=5)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param(f"+{'-' * 70}+\n|{' ' * 70}|\n" * 60, 620, id="a drawing in characters"),
        pytest.param(f"{'=' * 80}\n" * 100, 200, id="lines of one sign"),
        pytest.param("a" * 8000, 500, id="one letter"),
        pytest.param(" " * 8000, 130, id="white space"),
        pytest.param("данные и список " * 300, 900, id="Russian in a large vocabulary"),
        pytest.param("购物清单管理程序" * 300, 900, id="Chinese in a large vocabulary"),
        pytest.param("1234567890 " * 300, 1500, id="digits in threes"),
    ],
)
def test_a_whole_prompt_is_not_called_cut(text: str, count: int) -> None:
    Budget(window=8192).observe((Message("user", text),), prompt=count, completion=5)


def test_a_count_without_the_cache_proves_nothing_and_teaches_nothing() -> None:
    budget = Budget()
    first = conversation(3000)
    budget.observe(first, prompt=3000, completion=400)
    longer = (*first, *conversation(8, 400)[1:], *conversation(100))
    before = budget.estimate(longer)
    budget.observe(longer, prompt=110, completion=400)
    assert budget.estimate(longer) == before
    budget.observe((*longer, *longer), prompt=90, completion=1)


def test_a_count_above_the_window_is_not_believed() -> None:
    budget = Budget(window=4096)
    budget.observe(conversation(1000), prompt=1_000_000, completion=5)
    assert budget.estimate(conversation(1000)) == pytest.approx(1000, rel=0.02)


@pytest.mark.parametrize("count", [None, 0])
def test_a_server_that_does_not_count_teaches_nothing(count: int | None) -> None:
    budget = Budget()
    before = budget.estimate(conversation(1000))
    budget.observe(conversation(1000), prompt=count, completion=None)
    assert budget.estimate(conversation(1000)) == before


def test_a_chain_fits_while_an_answer_like_the_longest_finds_room() -> None:
    budget = Budget(window=4000)
    turns = conversation(1000)
    assert budget.fits(turns)
    budget.observe(turns, prompt=1008, completion=2600)
    assert not budget.fits(turns)


def test_the_models_own_turn_takes_what_it_took_to_say_it() -> None:
    budget = Budget(window=2048)
    first, answer, request = conversation(1000, 1000, 100)
    budget.observe((first,), prompt=1000, completion=400)
    added = budget.estimate((first, answer, request)) - 1000 - 400
    assert 90 < added < 120


def test_what_was_thought_and_is_not_sent_back_is_not_counted() -> None:
    budget = Budget()
    first, answer = conversation(1000, 100)
    budget.observe((first,), prompt=1000, completion=5000)
    assert budget.estimate((first, answer)) < 1200


def test_the_shared_turns_stay_known_while_several_requests_go_on_from_them() -> None:
    budget = Budget()
    shared, answer, *requests = conversation(1000, 1000, 100, 110, 120)
    budget.observe((shared,), prompt=1000, completion=400)
    for request in requests[:2]:
        budget.observe((shared, answer, request), prompt=1500, completion=1000)
    assert 1480 < budget.estimate((shared, answer, requests[2])) < 1560

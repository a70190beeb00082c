"""A plan is read where the model ended it by itself."""

import pytest

from smol_dev.replies.plan import read_plan
from smol_dev.replies.verdicts import Rejected

PLAN = "We write a game with a board.\n\n- `game.py` holds the rules."


@pytest.mark.parametrize(
    ("answer", "finish_reason", "plan"),
    [
        pytest.param(f"<think>\nA game.\n</think>\n\n{PLAN}\n", "stop", PLAN, id="behind the reasoning"),
        pytest.param(f"{PLAN}<|im_end|>", None, PLAN, id="ended by a token"),
    ],
)
def test_a_plan_is_the_answer_proper(answer: str, finish_reason: str | None, plan: str) -> None:
    assert read_plan(answer, finish_reason) == plan


@pytest.mark.parametrize("finish_reason", ["length", "network_error", "content_filter", None])
def test_a_plan_that_did_not_end_by_itself_is_cut(finish_reason: str | None) -> None:
    verdict = read_plan(PLAN, finish_reason)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "truncated"

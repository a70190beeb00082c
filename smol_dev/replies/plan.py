"""One answer → the plan: the answer proper, as long as it is whole and is one."""

from collections.abc import Mapping
from typing import Final

from smol_dev.errors import Reason
from smol_dev.replies.answer import parse
from smol_dev.replies.repetition import before_loop
from smol_dev.replies.talk import is_refusal
from smol_dev.replies.verdicts import Rejected

REMARKS: Final[Mapping[Reason, str]] = {
    "empty": "The answer was empty.",
    "truncated": "The plan was cut off before its end; make it shorter.",
    "refusal": "The answer was no plan but a refusal.",
    "degenerate": "The answer repeated itself without end.",
}
SHORTEST: Final = 200
"""Characters of a plan that is worth keeping when what follows it is an endless repetition."""


def read_plan(answer: str, finish_reason: str | None) -> str | Rejected:
    """Return the plan without reasoning and template tokens, or the reason why there is none."""
    said = parse(answer)
    plan = said.text[: said.next_turn].strip()
    cut = finish_reason != "stop" and not said.stopped
    if not plan:
        return _rejected("truncated" if cut and answer.strip() else "empty")
    if is_refusal(plan):
        return _rejected("refusal")
    if finish_reason == "repetition":
        head = before_loop(plan)
        is_whole = len(head.strip()) >= SHORTEST and head.endswith(("\n\n", ".", "!", ")", "`"))
        return head.strip() if is_whole else _rejected("degenerate")
    return _rejected("truncated") if cut else plan


def _rejected(reason: Reason) -> Rejected:
    return Rejected(reason, REMARKS[reason])

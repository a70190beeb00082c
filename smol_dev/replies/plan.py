"""One answer → the plan: the answer proper, as long as it is whole and is one."""

from collections.abc import Mapping
from typing import Final

from smol_dev.errors import Reason
from smol_dev.replies.envelope import open_envelope
from smol_dev.replies.prose import is_refusal
from smol_dev.replies.verdicts import Rejected

REMARKS: Final[Mapping[Reason, str]] = {
    "empty": "The answer was empty.",
    "truncated": "The plan was cut off before its end; make it shorter.",
    "refusal": "The answer was no plan but a refusal.",
}


def read_plan(answer: str, finish_reason: str | None) -> str | Rejected:
    """Return the plan without reasoning and template tokens, or the reason why there is none."""
    cut = finish_reason in {"length", None}
    envelope = open_envelope(answer, cut=cut)
    plan = envelope.text.strip()
    if not plan:
        return _rejected("truncated" if cut and answer.strip() else "empty")
    if is_refusal(plan):
        return _rejected("refusal")
    return _rejected("truncated") if cut and not envelope.stopped else plan


def spoken(answer: str) -> str:
    """Return what the model said, without its reasoning: its turn of a conversation."""
    return open_envelope(answer).text


def _rejected(reason: Reason) -> Rejected:
    return Rejected(reason, REMARKS[reason])

"""Answers as small models give them: every one is read as a careful human would.

`answers.jsonl` and `answers2.jsonl` hold answers of the kinds that were met; `variations.jsonl` the
same in other shapes, languages and types of file; `types.jsonl` files of every type in the form that
is asked for, and answers that hold no such file. A list of contents holds outcomes that are as
good as each other; None among them, and the reason `any`, mean that to ask again is right.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smol_dev.replies.code import read_code
from smol_dev.replies.file_list import read_file_list
from smol_dev.replies.verdicts import Code, FileList, Rejected

ANSWERS = [
    json.loads(line)
    for name in ("answers.jsonl", "answers2.jsonl", "variations.jsonl", "types.jsonl", "patterns.jsonl")
    for line in (Path(__file__).parent / name).read_text("utf-8").splitlines()
]
AT_ONCE = 50
"""Answers of one test, which names those that are read wrongly; a test each takes longer than to read them."""


def batches(*, code: bool) -> Iterator[object]:
    """Yield the answers of each test, which bears the name of its first one."""
    chosen = [answer for answer in ANSWERS if (answer["task"] == "code") == code]
    for first in range(0, len(chosen), AT_ONCE):
        yield pytest.param(chosen[first : first + AT_ONCE], id=f"from {chosen[first]['id']}")


ASKED_AGAIN = "reject:any"


def accepted(answer: dict[str, Any]) -> set[str]:
    """Return the outcomes that are right: a file's text, or `reject:` and the reason."""
    expected = answer["expected"]
    content = expected.get("content")
    contents = content if isinstance(content, list) else [content]
    reasons = {expected.get("reject"), *expected.get("accept_reasons", ())} - {None}
    right = {one for one in (*contents, *expected.get("also_accept", ())) if one is not None}
    again = {ASKED_AGAIN} if isinstance(content, list) and None in content else set()
    return right | again | {f"reject:{reason}" for reason in reasons}


@pytest.mark.parametrize("answers", [*batches(code=True)])
def test_a_file_is_read_out_of_the_answer_or_the_reason_is_given(answers: list[dict[str, Any]]) -> None:
    wrong = {}
    for answer in answers:
        verdict = read_code(answer["raw"], path=answer["file_path"], finish_reason=answer["finish_reason"])
        outcome = verdict.content if isinstance(verdict, Code) else f"reject:{verdict.reason}"
        right = accepted(answer)
        is_right = outcome in right or (isinstance(verdict, Rejected) and ASKED_AGAIN in right)
        if not is_right or not (isinstance(verdict, Rejected) or verdict.rules):
            wrong[answer["id"]] = verdict
    assert wrong == {}


@pytest.mark.parametrize("answers", [*batches(code=False)])
def test_the_files_are_read_out_of_the_answer_or_the_reason_is_given(answers: list[dict[str, Any]]) -> None:
    wrong = {}
    for answer in answers:
        verdict = read_file_list(answer["raw"], finish_reason=answer["finish_reason"])
        if isinstance(verdict, FileList):
            is_listed = list(verdict.files) == answer["expected"].get("files")
            is_right = is_listed and not set(answer["expected"].get("dropped", ())) & set(verdict.files)
        else:
            is_right = bool({f"reject:{verdict.reason}", ASKED_AGAIN} & accepted(answer))
        if not is_right:
            wrong[answer["id"]] = verdict
    assert wrong == {}

"""Answers as small models give them: every one is read as a careful human would.

`answers.jsonl` holds answers of the kinds that were met; `variations.jsonl` the same rules in other
shapes, languages and types of file.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from smol_dev.replies.code import read_code
from smol_dev.replies.file_list import read_file_list
from smol_dev.replies.verdicts import Code, FileList, Rejected

ANSWERS = [
    json.loads(line)
    for name in ("answers.jsonl", "variations.jsonl")
    for line in (Path(__file__).parent / name).read_text("utf-8").splitlines()
]
CODE = [pytest.param(answer, id=answer["id"]) for answer in ANSWERS if answer["task"] == "code"]
LISTS = [pytest.param(answer, id=answer["id"]) for answer in ANSWERS if answer["task"] != "code"]


def accepted(answer: dict[str, Any]) -> set[str]:
    """Return the outcomes that are right: a file's text, or `reject:` and the reason."""
    expected = answer["expected"]
    contents = {expected.get("content"), *expected.get("also_accept", ())}
    reasons = {expected.get("reject"), *expected.get("accept_reasons", ())}
    return {*(contents - {None}), *(f"reject:{reason}" for reason in reasons - {None})}


@pytest.mark.parametrize("answer", CODE)
def test_a_file_is_read_out_of_the_answer_or_the_reason_is_given(answer: dict[str, Any]) -> None:
    verdict = read_code(
        answer["raw"], path=answer["file_path"], finish_reason=answer["finish_reason"]
    )
    outcome = verdict.content if isinstance(verdict, Code) else f"reject:{verdict.reason}"
    assert outcome in accepted(answer)
    assert isinstance(verdict, Rejected) or verdict.rules


@pytest.mark.parametrize("answer", LISTS)
def test_the_files_are_read_out_of_the_answer_or_the_reason_is_given(
    answer: dict[str, Any],
) -> None:
    verdict = read_file_list(answer["raw"], finish_reason=answer["finish_reason"])
    if isinstance(verdict, FileList):
        assert list(verdict.files) == answer["expected"].get("files")
        assert not set(answer["expected"].get("dropped", ())) & set(verdict.files)
    else:
        assert f"reject:{verdict.reason}" in accepted(answer)

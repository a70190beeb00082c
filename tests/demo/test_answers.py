import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from smol_dev.chat import Message
from smol_dev.checks import check
from smol_dev.cli.runs import DEMO_CHANGE
from smol_dev.demo.answers import NoAnswerError, answer, script, tokens
from smol_dev.prompts import ask_file, ask_list, ask_plan, shipped, system, variants

FILES = ["store.py", "render.py", "todo.py", "test_todo.py", "README.md"]


def conversation(*contents: str, system: bool = True) -> list[Mapping[str, str]]:
    """The contents as turns of the user and the assistant in turn."""
    head = [{"role": "system", "content": "Write programs."}] if system else []
    roles = ("user", "assistant")
    return [*head, *({"role": roles[n % 2], "content": c} for n, c in enumerate(contents))]


@pytest.mark.parametrize("system", [True, False])
def test_the_first_request_is_for_the_plan_whatever_it_says(*, system: bool) -> None:
    for words in ("a game", "write todo.py", ""):
        assert answer(conversation(words, system=system)) == script().plan


def test_after_the_plan_comes_the_list() -> None:
    listed = answer(conversation("a game", "# Plan", "which files?"))
    assert json.loads(listed) == {"files": FILES}


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(("a game", "# Plan"), id="without a list"),
        pytest.param(("a game", "# Plan", "files?", "[…]"), id="after the list"),
        pytest.param(("a game", "# Plan", "files?", "[…]", "write store.py", "…"), id="in a chain"),
    ],
)
@pytest.mark.parametrize(
    "words", ["todo.py", "Write the file.\ntodo.py\n", "Not store.py but `todo.py`.", "now: **todo.py**"]
)
def test_the_path_that_ends_the_last_message_is_the_file(before: tuple[str, ...], words: str) -> None:
    said = answer(conversation(*before, words))
    assert said == f"````python\n{script().files['todo.py']}````"


def test_a_name_that_ends_in_another_is_not_taken_for_it() -> None:
    said = answer(conversation("a", "b", "c", "d", "write test_todo.py"))
    assert said == f"````python\n{script().files['test_todo.py']}````"


def test_a_file_that_was_not_canned_is_refused_by_name() -> None:
    with pytest.raises(NoAnswerError) as caught:
        answer(conversation("a", "b", "c", "d", "write snake.py"))
    assert str(caught.value) == (
        "the demo server has canned answers only, for store.py, render.py, todo.py, test_todo.py, README.md,"
        " and for one change: Add a command that removes every task that is done."
    )


def test_the_plan_names_every_file() -> None:
    headings = [line[3:] for line in script().plan.splitlines() if line.startswith("## ")]
    assert headings == list(script().files) == FILES


def test_tokens_are_the_whole_text() -> None:
    for text in (script().plan, *script().files.values(), "a  b\n\n c\t"):
        assert "".join(tokens(text)) == text


def test_the_program_works_and_its_tests_pass(tmp_path: Path) -> None:
    for path, content in script().files.items():
        (tmp_path / path).write_text(content, encoding="utf-8")
    tests = subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    added = subprocess.run(
        [sys.executable, "todo.py", "add", "Buy milk"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (tests.returncode, "Ran 4 tests" in tests.stderr) == (0, True)
    assert (added.returncode, added.stdout) == (0, "  1 [ ] Buy milk\n1 of 1 left\n")


@pytest.mark.parametrize("variant", variants())
@pytest.mark.parametrize("strategy", ["chain", "parallel"])
def test_the_words_we_really_send_get_their_answers(variant: str, strategy: str) -> None:
    words = shipped(variant)
    turns = (*system(words), Message("user", ask_plan(words, prompt="a program like test_todo.py")))
    listed = Message("user", ask_list(words, prompt="", plan=script().plan))
    turns = (*turns, Message("assistant", said(turns)), listed)
    turns = (*turns, Message("assistant", said(turns)))
    for path, content in script().files.items():
        request = ask_file(words, path, prompt="", plan=script().plan, files=tuple(FILES))
        asked = (*turns, Message("user", request))
        assert script().drafts.get(path, content) in said(asked)
        if strategy == "chain":
            turns = (*asked, Message("assistant", said(asked)))


def said(turns: tuple[Message, ...]) -> str:
    return answer([{"role": message.role, "content": message.content} for message in turns])


def test_the_second_answer_to_a_file_is_the_one_that_fits() -> None:
    turns = conversation("a", "b", "c", "d", "write render.py", "…", "mend it:\nrender.py")
    assert script().drafts["render.py"] != script().files["render.py"]
    assert answer(turns) == f"````python\n{script().files['render.py']}````"


def test_the_draft_does_not_fit_and_the_program_and_its_change_do() -> None:
    canned = script()
    drafted, whole, changed = (
        check({**canned.files, **texts}) for texts in (canned.drafts, canned.files, canned.changed)
    )
    assert [(problem.path, problem.line) for problem in drafted] == [("render.py", 3)]
    assert (whole, changed) == ((), ())


def test_the_one_change_is_told_and_then_made() -> None:
    turns = conversation("a", "b", "c", "d", "write todo.py", "…", f"It is to be changed:\n{script().request}\nHow?")
    told = answer(turns)
    assert [file["path"] for file in json.loads(told)["change"]] == ["todo.py", "README.md"]
    changed = [*turns, {"role": "assistant", "content": told}, {"role": "user", "content": "todo.py"}]
    assert answer(changed) == f"````python\n{script().changed['todo.py']}````"
    assert script().request == DEMO_CHANGE

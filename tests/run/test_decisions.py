"""What follows from a decision about plan and list, and what an edited list may hold."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.errors import UsageError
from smol_dev.events import Dropped
from smol_dev.run.conversation import Job
from smol_dev.run.review import AskedAgain, Change, Draft, ListEdited, PlanEdited, changed, list_of, plan_of, recorded
from smol_dev.workspace.paths import settle
from smol_dev.workspace.record import LIST_HEADING, Record, list_text

JOB = Job("a timer", settle, {}, plan="P", list_answer="L", files=("a.py", "b.py"), max_files=3)
DRAFT = Draft("P", ("a.py", "b.py"), settle, 3)


@pytest.mark.parametrize(
    ("change", "job"),
    [
        pytest.param(
            PlanEdited("Q", keeps_list=False),
            replace(JOB, plan="Q", files=(), list_answer=""),
            id="another plan, and a list from it",
        ),
        pytest.param(PlanEdited("Q", keeps_list=True), replace(JOB, plan="Q"), id="another plan, same list"),
        pytest.param(
            ListEdited(("b.py",)), replace(JOB, files=("b.py",), list_answer='{"files": ["b.py"]}'), id="another list"
        ),
        pytest.param(
            AskedAgain("no web"),
            replace(JOB, prompt="a timer\n\nno web", plan="", files=(), list_answer=""),
            id="asked again",
        ),
    ],
)
def test_a_change_empties_what_has_to_be_asked_for_anew(change: Change, job: Job) -> None:
    assert changed(JOB, change) == job


def test_a_list_is_one_path_a_line() -> None:
    assert list_text(("a.py", "#b")) == f"{LIST_HEADING}a.py\n\\#b\n"


def test_comments_blank_lines_and_doubles_are_left_out_of_an_edited_list() -> None:
    text = f"{LIST_HEADING}\n  b.py \r\n#c.py\n./src/a.py\nb.py\n\\#d"
    assert list_of(text, DRAFT) == ("b.py", "src/a.py", "#d")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("# a.py\n", "the list is empty", id="nothing left"),
        pytest.param("a\nb\nc\nd\n", "the list names 4 files, more than `run.max_files` (3)", id="too many"),
    ],
)
def test_a_list_of_no_or_too_many_files_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        list_of(text, DRAFT)
    assert caught.value.message == message
    assert caught.value.hint


def test_every_path_that_may_not_be_written_is_named() -> None:
    draft = replace(DRAFT, settle=lambda paths: ((), tuple((path, f"no {path}") for path in paths)))
    with pytest.raises(UsageError) as caught:
        list_of("../x\n.git/config\n", draft)
    assert caught.value.message == (
        "the list holds what may not be written: `../x` (no ../x); `.git/config` (no .git/config)"
    )


def test_an_edited_list_is_held_to_the_rules_for_paths() -> None:
    with pytest.raises(UsageError, match=r"`\.\./x` \("):
        list_of("../x\na.py\n", DRAFT)


def test_a_plan_comes_without_the_space_around_it_and_is_never_empty() -> None:
    assert plan_of("\n# Plan\n\nOne file.\n\n") == "# Plan\n\nOne file."
    with pytest.raises(UsageError) as caught:
        plan_of(" \n")
    assert caught.value.message == "the plan is empty"


@given(st.lists(st.text(max_size=12), max_size=6))
@settings(deadline=None, max_examples=60)
def test_an_accepted_list_comes_back_from_its_file_as_it_was(names: list[str]) -> None:
    accepted, _ = settle([name.strip() for name in names])  # an editor is no place for such spaces
    draft = replace(DRAFT, max_files=10)
    if accepted:
        assert list_of(list_text(accepted), draft) == accepted


@pytest.mark.parametrize(
    ("files", "dropped"),
    [(("a.py",), (Dropped("../x", "no"),)), (("b.py",), ())],
    ids=["the same list", "another list"],
)
def test_what_was_dropped_of_a_list_is_kept_with_that_list(
    files: tuple[str, ...], dropped: tuple[Dropped, ...]
) -> None:
    record = Record("a timer", {}, files=("a.py",), dropped=(Dropped("../x", "no"),))
    assert recorded(record, replace(JOB, files=files)).dropped == dropped

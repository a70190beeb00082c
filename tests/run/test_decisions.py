"""What follows from a decision about plan and list, and what an edited list may hold."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.errors import UsageError
from smol_dev.events import Dropped
from smol_dev.run.review import AskedAgain, Draft, ListEdited, PlanEdited, Revision, list_of, plan_of, revised
from smol_dev.workspace.paths import settle
from smol_dev.workspace.record import LIST_HEADING, Record, list_text

RECORD = Record(
    "a timer", {}, plan="P", list_answer="L", files=("a.py", "b.py"), dropped=(Dropped("../x", "has a `..` component"),)
)
DRAFT = Draft("P", ("a.py", "b.py"), settle, 3)


@pytest.mark.parametrize(
    ("change", "record"),
    [
        pytest.param(
            PlanEdited("Q", keeps_list=False), Record("a timer", {}, plan="Q", plan_answer="Q"), id="another plan"
        ),
        pytest.param(
            PlanEdited("Q", keeps_list=True), replace(RECORD, plan="Q", plan_answer="Q"), id="another plan, same list"
        ),
        pytest.param(
            ListEdited(("b.py",)),
            replace(RECORD, files=("b.py",), list_answer='{"files": ["b.py"]}', dropped=()),
            id="another list",
        ),
        pytest.param(AskedAgain("no web"), Record("a timer\n\nno web", {}), id="asked again"),
    ],
)
def test_a_change_empties_what_has_to_be_asked_for_anew(change: Revision, record: Record) -> None:
    """What was dropped of a list is kept with that list."""
    assert revised(RECORD, change) == record


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
    draft = replace(DRAFT, path_rules=lambda paths: ((), tuple((path, f"no {path}") for path in paths)))
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

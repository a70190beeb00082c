"""A change of a finished program: what is asked, what is proposed, and what stays as it is."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from smol_dev.chat import Facts, Message, Request
from smol_dev.errors import AnswerError, ServerError
from smol_dev.events import Dropped, FileStarted
from smol_dev.run.change import Change, Proposal, Wish, as_planned
from smol_dev.run.conversation import Checked, FileReady, Job, Step, Written
from smol_dev.run.strategies import in_style
from tests.fakes import Answer, FakeChat
from tests.run.test_pipeline import JOB, LIST, PLAN, happenings, said

STORE = "def load(path):\n    return []\n"
MAIN = "from store import load\n\nprint(load('items'))\n"
OTHER = "NOTHING = None\n"
WRITTEN = {"store.py": Written(STORE), "main.py": Written(MAIN), "other.py": Written(OTHER)}
PROGRAM = replace(JOB, plan=PLAN, list_answer=LIST, list_asked="List.", files=tuple(WRITTEN), written=WRITTEN)
WISH = Wish("Save the items too.")
CHANGED = "def load(path):\n    return []\n\n\ndef save(path, items):\n    return None\n"


def change(
    listed: str, files: Mapping[str, Answer], *, job: Job = PROGRAM, wish: Wish = WISH, facts: Facts | None = None
) -> tuple[Proposal, FakeChat, list[Step]]:
    """What a model proposes that names these files and writes them so."""

    def answer(request: Request) -> Answer:
        if request.stage == "files":
            return listed
        return files[said(request).rsplit("\n", 1)[-1]]

    chat, steps = FakeChat(answer), list[Step]()
    chat.known = facts or chat.known
    return asyncio.run(Change(chat, job, wish, steps.append).propose()), chat, steps


def touches(change: str = "", add: str = "", remove: str = "") -> str:
    lists = {"change": change, "add": add, "remove": remove}
    entries = {
        name: [f'{{"path": "{path}", "why": "it must"}}' for path in text.split()] for name, text in lists.items()
    }
    return "{" + ", ".join(f'"{name}": [{", ".join(each)}]' for name, each in entries.items()) + "}"


def test_only_the_named_files_are_written_anew() -> None:
    proposal, chat, steps = change(
        touches("store.py", "notes.md", "other.py"), {"store.py": CHANGED, "notes.md": "# N\n"}
    )
    assert proposal.contents == {"other.py": None, "store.py": CHANGED, "notes.md": "# N\n"}
    assert [(file.path, file.action, file.why) for file in proposal.files] == [
        ("store.py", "change", "it must"),
        ("notes.md", "add", "it must"),
        ("other.py", "remove", "it must"),
    ]
    assert [step.path for step in steps if isinstance(step, FileStarted)] == ["store.py", "notes.md"]
    assert [step.path for step in steps if isinstance(step, FileReady)] == ["store.py", "notes.md"]
    assert [request.stage for request in chat.requests] == ["files", "code", "code"]


@pytest.mark.parametrize(
    ("before", "text", "styled"),
    [
        pytest.param("", "a\n", "a\n", id="new"),
        pytest.param("a\n", "b\n", "b\n", id="plain"),
        pytest.param("a\r\n", "b\nc\n", "b\r\nc\r\n", id="CR LF"),
        pytest.param("a\r\n", "b\r\n", "b\r\n", id="CR LF in the answer too"),
        pytest.param("a\r\nb\n", "b\n", "b\n", id="mixed"),
        pytest.param("a", "b\n", "b", id="no last line end"),
        pytest.param("\ufeffa\n", "b\n", "\ufeffb\n", id="byte order mark"),
    ],
)
def test_a_new_text_has_the_style_of_the_old_one(before: str, text: str, styled: str) -> None:
    assert in_style(before, text) == styled


def test_the_conversation_of_the_build_goes_on() -> None:
    built = FakeChat([PLAN, '{"files": ["store.py", "main.py"]}', STORE, MAIN])
    steps = happenings(built)
    written = {step.path: Written(step.content, step.said, step.asked) for step in steps if isinstance(step, FileReady)}
    job = replace(
        JOB,
        plan=PLAN,
        list_asked=said(built.requests[1]),
        list_answer='{"files": ["store.py", "main.py"]}',
        files=("store.py", "main.py"),
        written=written,
    )
    _, chat, _ = change(touches("store.py"), {"store.py": CHANGED}, job=job)
    whole = (*built.requests[-1].messages, Message("assistant", MAIN))
    assert chat.requests[0].messages[: len(whole)] == whole
    assert chat.requests[1].messages[: len(whole)] == whole
    assert "Save the items too." in said(chat.requests[0])
    assert said(chat.requests[1]).endswith("\nstore.py")


def test_a_file_that_is_there_is_changed_and_one_that_is_not_is_added() -> None:
    proposal, _, _ = change(touches("new.py", "store.py", "gone.py"), {"store.py": CHANGED, "new.py": "X = 1\n"})
    assert [(file.path, file.action) for file in proposal.files] == [("new.py", "add"), ("store.py", "change")]
    assert proposal.dropped == (Dropped("gone.py", "not in the program"),)


LONG = CHANGED + "\n\ndef remove(path):\n    return None\n\n\ndef main():\n    print(load('items'))\n"
SNIPPET = "def clear(path):\n    return None\n"
TRACKED = replace(PROGRAM, written={**WRITTEN, "store.py": Written(LONG)})


def test_a_snippet_in_place_of_the_file_is_asked_for_again_and_never_written() -> None:
    proposal, chat, _ = change(touches("store.py"), {"store.py": f"```python\n{SNIPPET}```"}, job=TRACKED)
    remark = (
        "The answer may be only a part of the file: it has nothing of `def load`, `def save`, `def remove`, `def main`."
        " Give the whole file, from its first line to its last."
    )
    assert proposal.contents == {}
    assert (proposal.missing["store.py"].reason, str(proposal.missing["store.py"].error)) == (
        "placeholder",
        f"no usable answer for `store.py` after 3 tries: {remark}",
    )
    assert remark in said(chat.requests[2])
    assert [request.stage for request in chat.requests] == ["files", "code", "code", "code"]


def test_a_whole_file_after_a_snippet_is_taken() -> None:
    answers = iter([SNIPPET, LONG + "\n\n" + SNIPPET])

    def answer(request: Request) -> Answer:
        return touches("store.py") if request.stage == "files" else next(answers)

    proposal = asyncio.run(Change(FakeChat(answer), TRACKED, WISH, list[Step]().append).propose())
    assert proposal.contents == {"store.py": LONG + "\n\n" + SNIPPET}


@pytest.mark.parametrize(
    "request_",
    [
        "Remove everything but loading.",
        "The store need not be written any more.",
        "Load and save: move the rest to cli.py.",
        "Make the store shorter.",
        "Keep only loading.",
        "Entferne alles außer load.",
        "只保留 load，删除其余部分",
        "Removed from the prompt:\n- Items can be saved and removed.",
    ],
)
def test_what_the_request_takes_out_may_be_gone(request_: str) -> None:
    proposal, chat, steps = change(touches("store.py"), {"store.py": STORE}, job=TRACKED, wish=Wish(request_))
    assert proposal.contents == {"store.py": STORE}
    assert [step.flaw for step in steps if isinstance(step, FileReady)] == [""]
    assert len(chat.requests) == 2


@pytest.mark.parametrize(
    "request_", ["Add a button to remove items.", "Support drag and drop.", "Let users delete items.", "Be faster."]
)
def test_a_request_for_more_takes_nothing_out(request_: str) -> None:
    proposal, _, _ = change(touches("store.py"), {"store.py": STORE}, job=TRACKED, wish=Wish(request_))
    assert (proposal.contents, list(proposal.missing)) == ({}, ["store.py"])


def test_a_snippet_for_a_removal_is_asked_for_again_and_then_taken_with_a_warning() -> None:
    wish = Wish("Remove load.")
    proposal, chat, steps = change(touches("store.py"), {"store.py": SNIPPET}, job=TRACKED, wish=wish)
    assert proposal.contents == {"store.py": SNIPPET}
    assert len(chat.requests) == 3
    assert [step.flaw.partition(":")[0] for step in steps if isinstance(step, FileReady)] == [
        "The answer may be only a part of the file"
    ]


def test_a_list_without_actions_removes_nothing() -> None:
    proposal, _, _ = change('{"files": ["store.py"]}', {"store.py": CHANGED})
    assert proposal.contents == {"store.py": CHANGED}


def test_nothing_is_touched_that_may_not_be() -> None:
    wish = replace(WISH, only=frozenset({"store.py"}))
    proposal, _, _ = change(touches("store.py main.py", "x.py", "other.py"), {"store.py": CHANGED}, wish=wish)
    assert proposal.contents == {"store.py": CHANGED}
    assert [entry.path for entry in proposal.dropped] == ["main.py", "x.py", "other.py"]


def test_a_change_of_nothing_that_may_be_changed_is_an_error() -> None:
    with pytest.raises(AnswerError) as caught:
        change(touches("main.py"), {}, wish=replace(WISH, only=frozenset({"store.py"})))
    assert caught.value.message == (
        "the change touches nothing that may be changed: `main.py` (not among the files that may change)"
    )


def test_an_answer_that_changes_nothing_is_a_proposal() -> None:
    proposal, chat, _ = change(touches(), {})
    assert proposal == Proposal(())
    assert len(chat.requests) == 1


def test_the_example_is_no_answer() -> None:
    chat = FakeChat([touches("src/parser.js"), touches("store.py"), CHANGED])
    proposal = asyncio.run(Change(chat, PROGRAM, WISH, lambda _: None).propose())
    assert proposal.contents == {"store.py": CHANGED}
    assert "For example" in said(chat.requests[0])
    assert "For example" not in said(chat.requests[1])


def test_what_was_not_meant_is_proposed_again_from_the_files_as_they_are() -> None:
    answers = [touches("store.py", remove="other.py"), CHANGED, touches("main.py"), MAIN + "\n# saved\n"]
    chat = FakeChat(answers)
    making = Change(chat, PROGRAM, WISH, lambda _: None)
    asyncio.run(making.propose())
    again = asyncio.run(making.propose("Leave the store alone."))
    assert again.contents == {"main.py": MAIN + "\n# saved\n"}
    asked = chat.requests[2].messages
    assert asked[: len(chat.requests[1].messages)] == chat.requests[1].messages
    assert "Leave the store alone." in said(chat.requests[2])


def test_a_file_without_an_answer_is_told_and_the_others_are_asked_for() -> None:
    proposal, _, _ = change(touches("store.py main.py"), {"store.py": "I would rather not.", "main.py": MAIN})
    assert list(proposal.missing) == ["store.py"]
    assert proposal.contents == {"main.py": MAIN}


def test_a_server_that_is_gone_ends_the_change() -> None:
    gone = ServerError("gone", hint="start it", kind="not_running")
    proposal, chat, _ = change(touches("store.py main.py"), {"store.py": gone, "main.py": MAIN})
    assert list(proposal.missing) == ["store.py"]
    assert len(chat.requests) == 2


def test_what_no_longer_fits_is_mended_in_the_files_of_the_change_only() -> None:
    mended = MAIN + "# done\n"
    answers = iter(["from store import fetch\n\nfetch()\n", mended])

    def answer(request: Request) -> Answer:
        return touches("main.py") if request.stage == "files" else next(answers)

    chat, steps = FakeChat(answer), list[Step]()
    proposal = asyncio.run(Change(chat, PROGRAM, WISH, steps.append).propose())
    assert proposal.contents == {"main.py": mended}
    [checked] = [step for step in steps if isinstance(step, Checked)]
    assert [(problem.path, problem.mended) for problem in checked.problems] == [("main.py", True)]


def test_a_problem_in_an_untouched_file_is_told_and_not_mended() -> None:
    proposal, chat, steps = change(touches("store.py"), {"store.py": "def fetch(path):\n    return []\n"})
    assert list(proposal.contents) == ["store.py"]
    assert len(chat.requests) == 2
    [checked] = [step for step in steps if isinstance(step, Checked)]
    assert [(problem.path, problem.mended) for problem in checked.problems] == [("main.py", False)]


def test_a_small_window_shows_the_files_that_are_named_first() -> None:
    long = "# " + "some words about it " * 600 + "\n"
    written = {name: Written(long + f"{name[0].upper()} = 1\n") for name in ("alpha.py", "bravo.py", "charlie.py")}
    job = replace(PROGRAM, files=tuple(written), written=written, check_references=False)
    facts = Facts(model="fake", window=5_500)
    wish = Wish("Rename the constant in charlie.")
    new = long + "D = 1\n"
    proposal, chat, _ = change(
        touches("charlie.py bravo.py"), {"charlie.py": new, "bravo.py": new}, job=job, wish=wish, facts=facts
    )
    assert set(proposal.contents) == {"charlie.py", "bravo.py"}
    turns = [message.content for message in chat.requests[0].messages]
    assert written["charlie.py"].content in turns
    assert written["alpha.py"].content not in turns
    assert "- alpha.py: " in turns[-1]
    shown = [request for request in chat.requests[1:] if said(request).endswith("\nbravo.py")]
    assert written["bravo.py"].content.strip() in said(shown[0])


def test_the_plan_tells_what_was_changed() -> None:
    proposal, _, _ = change(touches("store.py", "notes.md", "other.py"), {"store.py": CHANGED, "notes.md": "# N\n"})
    assert as_planned(PLAN, "Save the\nitems too.", proposal.files) == (
        f"{PLAN}\n\n## Changed: Save the items too.\n\n"
        "- `store.py`: it must\n- `notes.md`: new: it must\n- `other.py`: removed: it must\n"
    )

"""The whole method against a scripted model: what is asked, in which order, and what comes out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import pytest

from smol_dev import prompts
from smol_dev.chat import Facts, Message, Reply, Request, Usage
from smol_dev.errors import AnswerError, ServerError
from smol_dev.events import Dropped, FilesReady, FileStarted, Piece, PlanReady, Retry, StageStarted, Warned
from smol_dev.prompts import shipped
from smol_dev.replies.verdicts import UNCLEAR_LIST
from smol_dev.run import pipeline
from smol_dev.run.conversation import (
    AnswerRejected,
    FileMissing,
    FileReady,
    Job,
    ListSaid,
    Spent,
    StageSettings,
    Step,
    Written,
)
from tests.fakes import Answer, FakeChat

PLAN = "# Plan\n\n`a.py` exports `A`, `b.py` uses it."
LIST = '{"files": ["a.py", "b.py"]}'
VARIANTS = {name: shipped(name) for name in ("default", "small")}


def settle_all(paths: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    return tuple(paths), ()


JOB = Job("a counter", settle_all, VARIANTS)


def happenings(chat: FakeChat, job: Job = JOB) -> list[Step]:
    steps: list[Step] = []
    asyncio.run(pipeline.run(chat, job, steps.append))
    return steps


def said(request: Request, *, enforced: bool = False) -> str:
    """The last turn of a request, as a server without structured output is asked."""
    return request.messages[-1].content if enforced else words(request)[-1].content


def words(request: Request) -> tuple[Message, ...]:
    """The turns of a request, as a server without structured output is sent them."""
    if not request.unenforced:
        return request.messages
    return (*request.messages[:-1], Message("user", request.unenforced))


def without_turns(step: Step) -> FileReady:
    """The file that was had, whatever was said about it."""
    assert isinstance(step, FileReady)
    return replace(step, said="", asked="")


def by_path(files: Mapping[str, Answer]) -> FakeChat:
    """Answers plan and list, then each file by the path that ends its request."""

    def answer(request: Request) -> Answer:
        if request.stage == "plan":
            return PLAN
        if request.stage == "files":
            return '{"files": [' + ", ".join(f'"{path}"' for path in files) + "]}"
        return files[said(request).rsplit("\n", 1)[-1]]

    return FakeChat(answer)


def test_a_run_is_plan_then_list_then_each_file() -> None:
    chat = FakeChat([PLAN, LIST, "A = 1\n", "import a\n"])
    assert happenings(chat) == [
        StageStarted("plan"),
        Piece("plan", None, PLAN),
        Spent("plan", Usage()),
        PlanReady(PLAN),
        StageStarted("files"),
        Piece("files", None, LIST),
        Spent("files", Usage()),
        ListSaid(said(chat.requests[1], enforced=False), LIST),
        FilesReady(("a.py", "b.py")),
        FileStarted("a.py"),
        StageStarted("code", "a.py"),
        Piece("code", "a.py", "A = 1\n"),
        Spent("code", Usage(), path="a.py"),
        FileReady("a.py", "A = 1\n", Usage(), 0.0, said="A = 1\n"),
        FileStarted("b.py"),
        StageStarted("code", "b.py"),
        Piece("code", "b.py", "import a\n"),
        Spent("code", Usage(), path="b.py"),
        FileReady("b.py", "import a\n", Usage(), 0.0, said="import a\n"),
    ]


def test_every_request_of_a_chain_begins_with_the_one_before_and_its_answer() -> None:
    chat = FakeChat([PLAN, LIST, "A = 1\n", "import a\n"])
    happenings(chat)
    answers = [PLAN, LIST, "A = 1\n"]
    for earlier, later, answer in zip(chat.requests, chat.requests[1:], answers, strict=False):
        assert later.messages[:-2] == words(earlier)
        assert later.messages[-2] == Message("assistant", answer)


def test_roles_alternate_after_one_system_message() -> None:
    chat = FakeChat([PLAN, LIST, "A = 1\n", "import a\n"])
    happenings(chat)
    assert [message.role for message in chat.requests[-1].messages] == ["system", *["user", "assistant"] * 3, "user"]


def test_the_path_is_the_last_thing_of_a_file_request_and_nowhere_before_the_list() -> None:
    chat = FakeChat([PLAN.replace("a.py", "first file"), LIST, "A = 1\n", "import a\n"])
    happenings(chat)
    assert said(chat.requests[2]).endswith("\na.py")
    assert "a.py" not in "".join(message.content for message in chat.requests[2].messages[:4])


def test_in_parallel_each_request_is_the_shared_turns_and_its_file() -> None:
    chat = by_path({"a.py": "A = 1\n", "b.py": "B = 2\n", "c.py": "C = 3\n"})
    happenings(chat, replace(JOB, strategy="parallel", concurrency=2))
    files = chat.requests[2:]
    assert {request.messages[:-1] for request in files} == {files[0].messages[:-1]}
    assert files[0].messages[-2] == Message("assistant", '{"files": ["a.py", "b.py", "c.py"]}')
    assert [said(request).rsplit("\n", 1)[-1] for request in files] == ["a.py", "b.py", "c.py"]


DEFINED = "What the files written so far define:\n- a.py: load(path), LIMIT\n"


@pytest.mark.parametrize(
    "job",
    [pytest.param(JOB, id="chain"), pytest.param(replace(JOB, strategy="parallel", concurrency=1), id="parallel")],
)
def test_a_request_says_what_the_files_written_so_far_define(job: Job) -> None:
    chat = by_path({"a.py": "def load(path): ...\nLIMIT = 3\n", "b.py": "import a\n", "c.css": "p {}\n"})
    happenings(chat, job)
    first, second, third = chat.requests[2:]
    assert DEFINED not in said(first)
    assert DEFINED in said(second)
    assert said(second).endswith("\nb.py")
    assert DEFINED in said(third)


def test_a_resumed_chain_says_the_same_of_the_files_written_before() -> None:
    load = "def load(path): ...\nLIMIT = 3\n"
    whole = by_path({"a.py": load, "b.py": "import a\n", "c.py": "import b\n"})
    happenings(whole)
    job = replace(
        JOB,
        plan=PLAN,
        list_answer='{"files": ["a.py", "b.py", "c.py"]}',
        files=("a.py", "b.py", "c.py"),
        todo=("c.py",),
        written={"a.py": Written(load), "b.py": Written("import a\n")},
    )
    rest = FakeChat(["import b\n"])
    happenings(rest, job)
    assert rest.requests[0].messages == whole.requests[-1].messages


@pytest.mark.parametrize(
    ("job", "slots", "at_once"),
    [
        pytest.param(JOB, 3, 3, id="the server's slots"),
        pytest.param(replace(JOB, concurrency=2), 3, 2, id="the profile's number"),
        pytest.param(JOB, None, 1, id="one where nobody says"),
        pytest.param(replace(JOB, usual_concurrency=4), None, 4, id="the provider's usual number"),
        pytest.param(replace(JOB, strategy="chain"), 3, 1, id="a chain is one at a time"),
    ],
)
def test_as_many_requests_are_open_as(job: Job, slots: int | None, at_once: int) -> None:
    chat = by_path({f"{letter}.py": "X = 1\n" for letter in "abcdef"})
    chat.known, chat.waits = Facts(model="fake", slots=slots), True
    happenings(chat, job)
    assert (chat.most_at_once, len(chat.requests)) == (at_once, 8)


def test_a_server_that_tells_its_slots_after_the_first_answer_is_asked_once_more() -> None:
    chat = by_path({f"{letter}.py": "X = 1\n" for letter in "abcd"})
    answer = chat.answers

    def loads(request: Request) -> Answer:
        chat.known = Facts(model="fake", slots=3)
        assert callable(answer)
        return answer(request)

    chat.answers, chat.waits = loads, True
    happenings(chat)
    assert chat.most_at_once == 3


def test_a_chain_that_leaves_no_room_for_an_answer_starts_again_before_anything_is_sent() -> None:
    long = Reply("A = 1\n", "stop", usage=Usage(completion=3500))
    chat = FakeChat([PLAN, LIST, long, "import a\n"], known=Facts(model="fake", window=4096))
    happenings(chat)
    assert chat.requests[3].messages[:-1] == chat.requests[2].messages[:-1]


def test_a_rejected_answer_is_asked_for_again_with_the_reason() -> None:
    chat = FakeChat([PLAN, '{"files": ["a.py"]}', "Sure! What should it do?", "A = 1\n"])
    steps = happenings(chat)
    [rejected] = [step for step in steps if isinstance(step, AnswerRejected)]
    [retry] = [step for step in steps if isinstance(step, Retry)]
    assert (rejected.path, rejected.attempt, rejected.text) == ("a.py", 1, "Sure! What should it do?")
    assert retry == Retry("code", "a.py", rejected.reason, rejected.message, 1)
    assert chat.requests[3].messages[:-1] == chat.requests[2].messages[:-1]
    assert said(chat.requests[3]) == (
        f"Your last answer to this request could not be used. {rejected.message}\n" + said(chat.requests[2])
    )
    assert without_turns(steps[-1]) == FileReady("a.py", "A = 1\n", Usage(), 0.0)


def test_a_file_that_cannot_be_had_does_not_stop_the_others() -> None:
    chat = by_path({"a.py": "I cannot help with that.", "b.py": "B = 2\n"})
    steps = happenings(chat)
    [missing] = [step for step in steps if isinstance(step, FileMissing)]
    assert (missing.path, missing.reason) == ("a.py", "refusal")
    assert missing.error.message.startswith("no usable answer for `a.py` after 3 tries: ")
    assert without_turns(steps[-1]) == FileReady("b.py", "B = 2\n", Usage(), 0.0)


def test_answer_retries_0_asks_once() -> None:
    job = replace(JOB, stages={"code": StageSettings(answer_retries=0)})
    chat = FakeChat([PLAN, '{"files": ["a.py"]}', ""])
    steps = happenings(chat, job)
    [missing] = [step for step in steps if isinstance(step, FileMissing)]
    assert missing.reason == "empty"
    assert [step.attempt for step in steps if isinstance(step, AnswerRejected)] == [1]


WHOLE = "def first() -> int:\n    return 1\n\n\ndef second() -> int:\n    return 2\n"
ONE = '{"files": ["a.py"]}'


def test_a_cut_off_answer_is_continued_at_its_last_complete_line() -> None:
    cut = Reply(f"```python\n{WHOLE[:60]}", "length")
    rest = "def second() -> int:\n    return 2\n```\n"
    chat = FakeChat([PLAN, ONE, cut, rest])
    steps = happenings(chat)
    assert without_turns(steps[-1]) == FileReady("a.py", WHOLE, Usage(), 0.0)
    *before, partial, request = chat.requests[3].messages
    assert tuple(before) == chat.requests[2].messages
    assert partial == Message("assistant", f"```python\n{WHOLE[:55]}")
    assert request.content == (
        "Your answer was cut off. Its last complete lines are:\n```\ndef second() -> int:\n```\n"
        "Begin your answer by repeating exactly these lines, then go on from there to the end."
        " Do not start over. Do not explain."
    )


def test_an_answer_cut_twice_is_continued_twice_and_that_is_no_retry() -> None:
    job = replace(JOB, stages={"code": StageSettings(answer_retries=0)})
    pieces: list[Answer] = [
        Reply(f"```python\n{WHOLE[:25]}", "length"),
        Reply(f"def first() -> int:\n{WHOLE[20:50]}", "length"),
        f"    return 1\n{WHOLE[33:]}```",
    ]
    chat = FakeChat([PLAN, ONE, *pieces])
    assert without_turns(happenings(chat, job)[-1]) == FileReady("a.py", WHOLE, Usage(), 0.0)


def test_a_continuation_without_the_anchor_is_dropped_and_the_file_asked_for_again() -> None:
    cut = Reply(f"```python\n{WHOLE[:60]}", "length")
    chat = FakeChat([PLAN, ONE, cut, "    return 2\n```\n", f"```python\n{WHOLE}```"])
    steps = happenings(chat)
    assert without_turns(steps[-1]) == FileReady("a.py", WHOLE, Usage(), 0.0)
    assert chat.requests[4].messages[:-1] == chat.requests[2].messages[:-1]
    assert [step.reason for step in steps if isinstance(step, Retry)] == ["truncated"] * 2


def test_a_copy_of_the_example_is_asked_for_again_once_and_then_doubted() -> None:
    copy = '```python\nprint("hello")\n```'
    steps = happenings(FakeChat([PLAN, ONE, copy, copy]))
    flaw = "The answer only copied the example of the request."
    assert without_turns(steps[-1]) == FileReady("a.py", 'print("hello")\n', Usage(), 0.0, flaw)


@pytest.mark.parametrize("path", ["README.md", "PLAN.md"])
def test_the_plan_again_is_a_file_only_where_its_name_says_so(path: str) -> None:
    plan = "# Demo\n\nA program.\n\n## a.py\n\nIt prints."
    chat = FakeChat([plan, f'{{"files": ["{path}"]}}', plan, f"````markdown\n# {path}\n\nText.\n````"])
    steps = happenings(chat)
    written = "# Demo\n\nA program.\n\n## a.py\n\nIt prints.\n" if path == "PLAN.md" else f"# {path}\n\nText.\n"
    assert without_turns(steps[-1]) == FileReady(path, written, Usage(), 0.0)


def test_the_words_of_the_request_are_no_file() -> None:
    told = "Write the whole content of one file of the plan.\nThe file to write now:\nnotes.txt"
    chat = FakeChat([PLAN, '{"files": ["notes.txt"]}', told, "```text\nOne.\nTwo.\n```"])
    steps = happenings(chat)
    assert without_turns(steps[-1]) == FileReady("notes.txt", "One.\nTwo.\n", Usage(), 0.0)
    assert [step.message for step in steps if isinstance(step, Retry)] == [
        "The answer repeated the words of the request."
    ]


@pytest.mark.parametrize(
    ("answer", "flaw"),
    [
        ("Write the whole content of one file of the plan.\n\nOne.", "The answer repeated the words of the request."),
        ("- a.py\n- b.py", "The answer was the list of files again, not the file."),
    ],
)
def test_a_text_that_may_repeat_what_was_asked_is_asked_for_once_more_and_then_doubted(answer: str, flaw: str) -> None:
    files = '{"files": ["notes.txt", "a.py", "b.py"]}'
    chat = FakeChat([PLAN, files, *[f"````text\n{answer}\n````"] * 2, *[f"```python\n{WHOLE}```"] * 2])
    ready = next(step for step in happenings(chat) if isinstance(step, FileReady))
    assert without_turns(ready) == FileReady("notes.txt", f"{answer}\n", Usage(), 0.0, flaw)


def test_a_short_file_that_has_lines_of_the_example_is_no_copy_of_the_request() -> None:
    example = prompts.example_of("a.cpp").split("\n")
    content = "\n".join(["#include <vector>", *example]) + "\n"
    chat = FakeChat([PLAN, '{"files": ["a.cpp"]}', f"```cpp\n{content}```"])
    assert without_turns(happenings(chat)[-1]) == FileReady("a.cpp", content, Usage(), 0.0)


CONTINUES = Facts(model="fake", continues=True)


def test_an_opening_is_given_and_is_a_part_of_the_answer() -> None:
    written = Reply("A = 1\n```", "stop", opening="```python\n")
    chat = FakeChat([PLAN, ONE, written], known=CONTINUES)
    steps = happenings(chat)
    assert without_turns(steps[-1]) == FileReady("a.py", "A = 1\n", Usage(), 0.0)
    assert [request.opening for request in chat.requests] == ["", '{"files": ["', "```python\n"]


def test_the_turn_of_an_answer_with_an_opening_stands_whole_in_the_next_request() -> None:
    written = Reply("A = 1\n```", "stop", opening="```python\n")
    chat = FakeChat([PLAN, LIST, written, "import a\n"], known=CONTINUES)
    happenings(chat)
    assert chat.requests[3].messages[-2] == Message("assistant", "```python\nA = 1\n```")


def test_a_server_that_goes_on_with_an_answer_is_given_the_cut_one_to_go_on_with() -> None:
    cut = Reply(f"{WHOLE[:62]}", "length", opening="```python\n")
    rest = Reply(f"{WHOLE[62:]}```", "stop", opening=f"```python\n{WHOLE[:62]}")
    chat = FakeChat([PLAN, ONE, cut, rest], known=CONTINUES)
    steps = happenings(chat)
    assert without_turns(steps[-1]) == FileReady("a.py", WHOLE, Usage(), 0.0)
    assert chat.requests[3].messages == chat.requests[2].messages
    assert chat.requests[3].opening == f"```python\n{WHOLE[:62]}"


def test_an_answer_that_did_not_go_on_stands_by_itself() -> None:
    cut = Reply(f"{WHOLE[:60]}", "length", opening="```python\n")
    chat = FakeChat([PLAN, ONE, cut, f"```python\n{WHOLE}```"], known=CONTINUES)
    assert without_turns(happenings(chat)[-1]) == FileReady("a.py", WHOLE, Usage(), 0.0)


def test_an_answer_is_asked_for_again_without_its_opening_and_a_little_warmer() -> None:
    chat = FakeChat([PLAN, ONE, "", "", "A = 1\n"], known=CONTINUES)
    happenings(chat)
    asked = [(request.opening, request.warmth) for request in chat.requests[2:]]
    assert asked == [("```python\n", 0.0), ("", 0.2), ("", 0.4)]


def test_an_enforced_list_is_asked_for_without_an_example_and_stays_so_in_the_conversation() -> None:
    chat = FakeChat([PLAN, Reply(ONE, "stop", enforced=True), "A = 1\n"])
    happenings(chat)
    _, listing, code = chat.requests
    assert "parser.js" in listing.unenforced
    assert "parser.js" not in listing.messages[-1].content
    assert code.messages[: len(listing.messages)] == listing.messages


def test_a_list_that_is_the_example_is_asked_for_again_without_one() -> None:
    copied = '{"files": ["src/parser.js", "src/report.js"]}'
    chat = FakeChat([PLAN, copied, ONE, "A = 1\n"])
    steps = happenings(chat)
    assert without_turns(steps[-1]) == FileReady("a.py", "A = 1\n", Usage(), 0.0)
    assert "parser.js" not in chat.requests[2].unenforced


def test_a_list_that_is_the_example_by_chance_is_taken_the_second_time() -> None:
    copied = '{"files": ["src/parser.js", "src/report.js"]}'
    steps = happenings(FakeChat([PLAN, copied, copied]), replace(JOB, plan_only=True))
    assert FilesReady(("src/parser.js", "src/report.js")) in steps


def test_an_answer_without_finish_reason_never_counts_as_whole() -> None:
    lost = Reply("A = 1\n", None, failure=ServerError("gone", hint="", kind="cut", transient=True))
    chat = FakeChat([PLAN, ONE, lost, lost, lost, lost])
    [missing] = [step for step in happenings(chat) if isinstance(step, FileMissing)]
    assert missing.reason == "truncated"
    assert isinstance(missing.error, AnswerError)


@pytest.mark.parametrize(
    ("answer", "is_whole"),
    [
        pytest.param("```python\nA = 1\n```", True, id="a closed block"),
        pytest.param("````python\nA = 1\n````\n", True, id="a longer fence"),
        pytest.param("```python\nA = 1", False, id="an open block"),
        pytest.param("A = 1\n", False, id="no block"),
        pytest.param("````python\nA = 1\n```", False, id="closed by too short a fence"),
        pytest.param("```python\nA = 1\n```\n\nThis", False, id="words behind the block"),
    ],
)
def test_where_a_server_does_not_say_why_it_stops_the_closing_fence_does(
    answer: str,
    is_whole: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    unsaid = Reply(answer, None, ended=True)
    chat = FakeChat([PLAN, '{"files": ["a.py"]}', *[unsaid] * 40])
    job = replace(JOB, stages={"code": StageSettings(answer_retries=0)})
    last = happenings(chat, job)[-1]
    assert type(last) is (FileReady if is_whole else FileMissing)


def test_a_closed_list_is_whole_though_the_server_does_not_say_why_it_stops() -> None:
    unsaid = Reply('{"files": ["a.py"]}', None, ended=True)
    chat = FakeChat([PLAN, unsaid, "A = 1\n"])
    assert FilesReady(("a.py",)) in happenings(chat)


@pytest.mark.parametrize("word", ["SAFETY", "network_error", "whatever"])
@pytest.mark.parametrize("fence", ["", "```"], ids=["open", "closed"])
def test_a_file_whose_answer_ends_with_an_unknown_word_is_not_whole(word: str, fence: str) -> None:
    cut = Reply(f"```python\nA = 1\n{fence}", word)
    chat = FakeChat([PLAN, '{"files": ["a.py"]}', *[cut] * 4])
    job = replace(JOB, stages={"code": StageSettings(answer_retries=0)})
    assert [type(step) for step in happenings(chat, job)][-1] is FileMissing


def test_a_syntax_error_is_asked_about_once_and_then_kept_with_its_flaw() -> None:
    chat = FakeChat([PLAN, '{"files": ["a.py"]}', "def f(:\n    pass\n", "def g(:\n    pass\n"])
    steps = happenings(chat)
    ready = steps[-1]
    assert isinstance(ready, FileReady)
    assert ready.content == "def g(:\n    pass\n"
    assert ready.flaw.startswith("The file has a syntax error: line 1")
    assert [step.reason for step in steps if isinstance(step, Retry)] == ["syntax"]


def test_a_list_in_doubt_is_asked_for_once_more_and_then_taken_with_a_warning() -> None:
    doubtful = "- a.py\n\nThen `b.css`.\n"
    steps = happenings(FakeChat([PLAN, doubtful, doubtful, "```python\nA = 1\n```"]))
    assert [step.stage for step in steps if isinstance(step, Retry)] == ["files"]
    assert [step.message for step in steps if isinstance(step, Warned)] == [
        f"the file list may leave out a file: {UNCLEAR_LIST}"
    ]
    assert [step.files for step in steps if isinstance(step, FilesReady)] == [("a.py",)]


def test_a_list_in_doubt_is_replaced_by_a_clear_one() -> None:
    steps = happenings(
        FakeChat([PLAN, "- a.py\n\nThen `b.css`.\n", '["a.py", "b.css"]', "```python\nA = 1\n```", "```css\np {}\n```"])
    )
    assert [step for step in steps if isinstance(step, Warned)] == []
    assert [step.files for step in steps if isinstance(step, FilesReady)] == [("a.py", "b.css")]


BEGIN, REST = "import sys\n\n\ndef a():\n    return sys.argv\n", "def b():\n    return a()\n\n\nprint(b())\n"


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(f"```python\n{BEGIN}\n# ... rest of the code ...\n```", id="after parts were left out"),
        pytest.param(f"```python\n{BEGIN}\n\ndef b(", id="after an unclosed block"),
        pytest.param(Reply(f"```python\n{BEGIN}", "length"), id="after a cut without continuation"),
    ],
)
def test_the_rest_alone_is_never_the_file(first: Answer) -> None:
    answers = iter([PLAN, '{"files": ["a.py"]}', first])
    steps = happenings(FakeChat(lambda _: next(answers, f"```python\n{REST}```")))
    assert [step.path for step in steps if isinstance(step, FileReady)] == []
    assert [(step.path, step.reason) for step in steps if isinstance(step, FileMissing)] == [("a.py", "placeholder")]


def test_the_whole_file_after_the_rest_is_taken() -> None:
    answers = [f"```python\n{BEGIN}# ... rest of the code ...\n```", REST, BEGIN + REST]
    ready = happenings(FakeChat([PLAN, '{"files": ["a.py"]}', *answers]))[-1]
    assert without_turns(ready).content == BEGIN + REST


def test_only_the_corrected_function_does_not_replace_a_file_with_a_syntax_error() -> None:
    broken = BEGIN + REST.replace("b():", "b(:")
    answers = iter([PLAN, '{"files": ["a.py"]}', broken])
    steps = happenings(FakeChat(lambda _: next(answers, "```python\ndef b():\n    return a()\n```")))
    ready = [step for step in steps if isinstance(step, FileReady)]
    assert [(step.content, step.flaw.partition(":")[0]) for step in ready] == [(broken, "The file has a syntax error")]


def test_without_syntax_check_the_first_answer_is_taken() -> None:
    chat = FakeChat([PLAN, '{"files": ["a.py"]}', "```python\ndef f(:\n    pass\n```"])
    ready = happenings(chat, replace(JOB, syntax_check=False))[-1]
    assert without_turns(ready) == FileReady("a.py", "def f(:\n    pass\n", Usage(), 0.0)


def test_a_list_that_cannot_be_had_is_taken_from_the_plan() -> None:
    plan = "# Plan\n\n## `a.py`\nExports `A`.\n\n## `b.py`\nUses `A`.\n"
    chat = FakeChat([plan, "", "", "", "A = 1\n", "import a\n"])
    steps = happenings(chat)
    assert FilesReady(("a.py", "b.py")) in steps
    [listed] = [step for step in steps if isinstance(step, ListSaid)]
    assert listed.text == '{"files": ["a.py", "b.py"]}'


def test_a_list_in_no_form_steps_down_from_structured_output() -> None:
    chat = FakeChat([PLAN, "", LIST, "A = 1\n", "import a\n"])
    happenings(chat)
    assert chat.stepped_down == ["files"]
    assert [request.schema is not None for request in chat.requests] == [False, True, True, False, False]


def test_too_many_files_say_how_to_raise_the_limit() -> None:
    chat = FakeChat([PLAN, '{"files": ["a.py", "b.py", "c.py"]}'])
    with pytest.raises(AnswerError) as caught:
        happenings(chat, replace(JOB, max_files=2))
    assert caught.value.message == "the file list names 3 files, more than `run.max_files` (2)"
    assert caught.value.hint == "raise it with `-c run.max_files=3`, or ask for a smaller program"


def test_refused_paths_are_dropped_with_their_reason() -> None:
    def settle(paths: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        return ("b.py",), tuple((path, "no") for path in paths if path != "b.py")

    chat = FakeChat([PLAN, LIST, "B = 2\n"])
    steps = happenings(chat, replace(JOB, path_rules=settle))
    assert FilesReady(("b.py",), (Dropped("a.py", "no"),)) in steps


def test_a_server_error_in_the_plan_stops_the_run() -> None:
    gone = ServerError("no server", hint="start it", kind="not_running")
    with pytest.raises(ServerError, match="no server"):
        happenings(FakeChat([gone]))


@pytest.mark.parametrize("job", [JOB, replace(JOB, strategy="parallel", concurrency=2)])
def test_a_dead_server_is_not_asked_for_the_other_files(job: Job) -> None:
    gone = ServerError("no server", hint="start it", kind="not_running")
    chat = by_path(dict.fromkeys(["a.py", "b.py", "c.py", "d.py", "e.py"], gone))
    steps = happenings(chat, job)
    missing = [step.path for step in steps if isinstance(step, FileMissing)]
    assert sorted(missing) == ["a.py", "b.py", "c.py", "d.py", "e.py"]
    assert len(chat.requests) <= 4


def test_a_chain_that_outgrows_the_window_starts_again_from_the_shared_turns() -> None:
    full = ServerError("full", hint="", kind="context")

    def answer(request: Request) -> Answer:
        if request.stage == "plan":
            return PLAN
        if request.stage == "files":
            return LIST
        return full if len(request.messages) > 6 else "X = 1\n"

    chat = FakeChat(answer)
    steps = happenings(chat)
    assert [step.path for step in steps if isinstance(step, FileReady)] == ["a.py", "b.py"]
    assert chat.requests[-1].messages[:-1] == chat.requests[2].messages[:-1]


def test_the_shorter_words_are_tried_where_the_shared_turns_are_too_long_as_well() -> None:
    full = ServerError("full", hint="", kind="context")
    short = shipped("small").system.strip()

    def answer(request: Request) -> Answer:
        if request.stage == "plan":
            return PLAN
        if request.stage == "files":
            return LIST
        fits = request.messages[0].content == short and said(request).endswith("a.py")
        return "X = 1\n" if fits else full

    steps = happenings(FakeChat(answer))
    assert [step.path for step in steps if isinstance(step, FileReady)] == ["a.py"]
    [missing] = [step for step in steps if isinstance(step, FileMissing)]
    assert (missing.path, missing.error) == ("b.py", full)


def test_a_busy_server_gets_fewer_requests_and_every_file_is_had() -> None:
    refused: set[str] = set()

    def answer(request: Request) -> Answer:
        path = said(request).rsplit("\n", 1)[-1]
        if request.stage == "plan":
            return PLAN
        if request.stage == "files":
            return '{"files": ["a.py", "b.py", "c.py", "d.py"]}'
        if path in {"a.py", "b.py"} and path not in refused:
            refused.add(path)
            return ServerError("busy", hint="", kind="busy", transient=True)
        return "X = 1\n"

    steps = happenings(FakeChat(answer), replace(JOB, strategy="parallel", concurrency=4))
    ready = [step.path for step in steps if isinstance(step, FileReady)]
    assert sorted(ready) == ["a.py", "b.py", "c.py", "d.py"]


def test_each_time_a_server_is_too_busy_half_as_many_requests_are_open() -> None:
    paths = [f"{letter}.py" for letter in "abcdefghijkl"]
    chat = by_path(dict.fromkeys(paths, "X = 1\n"))
    chat.waits = True
    answer, busy = chat.answers, {"d.py", "h.py"}
    most: list[int] = []

    def refuses_some(request: Request) -> Answer:
        path = said(request).rsplit("\n", 1)[-1]
        if path in busy:
            busy.remove(path)
            return ServerError("busy", hint="", kind="busy", transient=True)
        assert callable(answer)
        return answer(request)

    def tell(step: Step) -> None:
        steps.append(step)
        if isinstance(step, Warned):
            most.append(chat.most_at_once)
            chat.most_at_once = 0

    steps: list[Step] = []
    chat.answers = refuses_some
    asyncio.run(pipeline.run(chat, replace(JOB, strategy="parallel", concurrency=4), tell))
    assert [step.message for step in steps if isinstance(step, Warned)] == [
        "going on with 2 requests at once",
        "going on with 1 requests at once",
    ]
    assert [*most, chat.most_at_once] == [4, 2, 1]
    assert sorted(step.path for step in steps if isinstance(step, FileReady)) == paths
    assert sorted(step.path for step in steps if isinstance(step, FileStarted)) == paths


def test_plan_only_stops_after_the_list() -> None:
    steps = happenings(FakeChat([PLAN, LIST]), replace(JOB, plan_only=True))
    assert steps[-1] == FilesReady(("a.py", "b.py"))


def test_a_resumed_run_continues_the_same_conversation_and_asks_only_for_what_is_missing() -> None:
    whole = FakeChat([PLAN, LIST, "A = 1\n", "import a\n"])
    happenings(whole)
    rest = FakeChat(["import a\n"])
    job = replace(
        JOB, plan=PLAN, list_answer=LIST, files=("a.py", "b.py"), todo=("b.py",), written={"a.py": Written("A = 1\n")}
    )
    steps = happenings(rest, job)
    assert rest.requests == whole.requests[3:]
    assert without_turns(steps[-1]) == FileReady("b.py", "import a\n", Usage(), 0.0)


def test_reasoning_is_not_part_of_the_conversation() -> None:
    chat = FakeChat([f"<think>hm</think>\n\n{PLAN}", LIST, "A = 1\n", "import a\n"])
    happenings(chat)
    assert "hm" not in "".join(message.content for message in chat.requests[1].messages)


def test_an_endlessly_repeating_answer_is_broken_off_while_it_streams() -> None:
    loop = "x = 1\n" * 5000
    chat = FakeChat([PLAN, '{"files": ["a.py"]}', loop, "A = 1\n"])
    steps = happenings(chat)
    assert [step.reason for step in steps if isinstance(step, AnswerRejected)] == ["degenerate"]
    assert without_turns(steps[-1]) == FileReady("a.py", "A = 1\n", Usage(), 0.0)
    assert chat.closed == 4


class LeftError(Exception):
    """The one who is told wants no more."""


def raise_left() -> None:
    raise LeftError


def cancel() -> None:
    task = next(task for task in asyncio.all_tasks() if task.get_name() == "the run")
    task.cancel()


@pytest.mark.parametrize("strategy", ["chain", "parallel"])
@pytest.mark.parametrize("stage", ["plan", "files", "code"])
@pytest.mark.parametrize(
    ("leave", "left"), [(raise_left, LeftError), (cancel, asyncio.CancelledError)], ids=["raises", "is cancelled"]
)
def test_a_run_that_is_left_in_mid_answer_has_dropped_its_request(
    stage: str, strategy: Literal["chain", "parallel"], leave: Callable[[], None], left: type[BaseException]
) -> None:
    chat = FakeChat([PLAN, LIST, "A = 1\n", "import a\n"], waits=True)

    def tell(step: Step) -> None:
        if isinstance(step, Piece) and step.stage == stage:
            leave()

    async def work() -> None:
        with pytest.raises(left):
            await asyncio.create_task(pipeline.run(chat, replace(JOB, strategy=strategy), tell), name="the run")
        assert chat.closed == len(chat.requests) > 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(work())

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smol_dev.replies.change_list import ChangeList, Touched, read_change_list
from smol_dev.replies.verdicts import Rejected

A, B, C = (
    Touched("a.py", "change", "dark mode"),
    Touched("b.css", "add", "its colours"),
    Touched("c.py", "remove", "unused"),
)
ASKED = (
    '{"change": [{"path": "a.py", "why": "dark mode"}], "add": [{"path": "b.css", "why": "its colours"}],'
    ' "remove": [{"path": "c.py", "why": "unused"}]}'
)


def read(answer: str, finish_reason: str | None = "stop") -> tuple[Touched, ...] | str:
    found = read_change_list(answer, finish_reason=finish_reason)
    return found.reason if isinstance(found, Rejected) else found.files


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ASKED, id="as asked"),
        pytest.param(f"```json\n{ASKED}\n```", id="fenced"),
        pytest.param(f"Sure! Here is what changes:\n\n{ASKED}\n\nLet me know!", id="prose around"),
        pytest.param(f"<think>maybe {{'change': ['z.py']}}</think>{ASKED}", id="thought before"),
        pytest.param(f'{{"change": [], "add": [], "remove": []}}\nWait, that is wrong.\n{ASKED}', id="corrected"),
        pytest.param(f'{{"changes": {ASKED}}}', id="wrapped"),
        pytest.param(
            '{"modify": [{"file": "a.py", "reason": "dark mode"}], "create": [{"file": "b.css", "reason": "its colours"}],'
            ' "delete": [{"file": "c.py", "reason": "unused"}]}',
            id="other words",
        ),
        pytest.param(
            '[{"path": "a.py", "action": "modify", "why": "dark mode"}, {"path": "b.css", "action": "create", "why":'
            ' "its colours"}, {"path": "c.py", "action": "delete", "why": "unused"}]',
            id="one list with actions",
        ),
        pytest.param(
            '{"files": [{"path": "a.py", "action": "update", "why": "dark mode"}, {"path": "b.css", "action": "new",'
            ' "why": "its colours"}, {"path": "c.py", "action": "remove", "why": "unused"}]}',
            id="a wrapped list with actions",
        ),
        pytest.param(
            '{"change": {"a.py": "dark mode"}, "add": {"b.css": "its colours"}, "remove": {"c.py": "unused"}}',
            id="paths as keys",
        ),
        pytest.param(
            "{'change': [{'path': 'a.py', 'why': 'dark mode',},], 'add': [{'path': './b.css', 'why': 'its colours'}],"
            " 'remove': [{'path': 'c.py', 'why': 'unused'}]}",
            id="Python, trailing commas",
        ),
        pytest.param(
            '{"change": ["a.py: dark mode"], "add": ["b.css: its colours"], "remove": ["c.py: unused"]}',
            id="in one text",
        ),
    ],
)
def test_a_list_is_read_in_many_forms(answer: str) -> None:
    assert read(answer) == (A, B, C)


def test_a_list_without_actions_tells_none() -> None:
    assert read('{"files": ["a.py", "b.css"]}') == (Touched("a.py"), Touched("b.css"))
    assert read("- a.py\n- b.css") == (Touched("a.py"), Touched("b.css"))


def test_nothing_to_change_is_an_answer() -> None:
    assert read('{"change": [], "add": [], "remove": []}') == ()


def test_each_file_stands_once_and_what_leads_out_is_dropped() -> None:
    answer = '{"change": ["a.py", "A.py", "a.py"], "add": ["../../etc/passwd", "/etc/cron.d/x", "x.py"], "remove": []}'
    found = read_change_list(answer, finish_reason="stop")
    assert found == ChangeList(
        (Touched("a.py", "change"), Touched("x.py", "add")),
        (("../../etc/passwd", "leaves the project folder"), ("/etc/cron.d/x", "outside the project folder")),
    )


@pytest.mark.parametrize(
    ("answer", "finish_reason", "reason"),
    [
        pytest.param("", "stop", "empty", id="nothing"),
        pytest.param("I'm sorry, but I can't help with that.", "stop", "refusal", id="refused"),
        pytest.param(ASKED[:60], "length", "truncated", id="cut"),
        pytest.param('{"change": [], "add": ["../x.py"], "remove": []}', "stop", "unsafe_path", id="unsafe alone"),
        pytest.param("It looks fine to me.", "stop", "wrong_format", id="prose"),
    ],
)
def test_what_is_no_list_is_asked_for_again(answer: str, finish_reason: str, reason: str) -> None:
    assert read(answer, finish_reason) == reason


@given(answer=st.text(alphabet='{}[]":, \n\\abcpath.pychangeremove', max_size=200))
def test_no_answer_breaks_the_reader(answer: str) -> None:
    found = read_change_list(answer, finish_reason="stop")
    assert isinstance(found, Rejected | ChangeList)


@pytest.mark.parametrize("text", ["[" * 20_000, '{"change":' * 20_000, '{"a":1}' * 20_000, "{" * 20_000 + "}" * 20_000])
def test_a_hostile_answer_is_read_in_time(text: str) -> None:
    assert isinstance(read_change_list(text, finish_reason="stop"), Rejected | ChangeList)

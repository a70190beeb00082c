"""A Python text that would take many seconds to compile, deaf to signals, is not judged."""

import time

import pytest

from smol_dev.languages import State, parse, tree
from smol_dev.languages.outline import outline
from smol_dev.languages.standard import python_tree

FIELDS = "x = f'" + "{x}" * 400_000 + "'\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FIELDS, id="an f-string of 400,000 fields"),
        pytest.param("x = 1\n" * 200_000, id="more than a mebibyte"),
    ],
)
def test_a_text_that_takes_too_long_is_not_judged(text: str) -> None:
    assert parse("a.py", text).state is State.NOT_JUDGED
    assert python_tree(text) is None
    assert outline("a.py", text) == ()


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        pytest.param("a.rs", 'r#"', id="raw strings that never end"),
        pytest.param("a.css", "a: b: ", id="a value that could be a selector"),
        pytest.param("a.sh", "<a><b>", id="redirections"),
        pytest.param("a.go", "+ * / ", id="operators alone"),
    ],
)
def test_a_text_on_which_a_grammar_works_by_the_square_of_its_length_is_not_judged(path: str, unit: str) -> None:
    started = time.process_time()
    assert parse(path, unit * (140_000 // len(unit))).state is State.NOT_JUDGED
    assert time.process_time() - started < 3


def test_many_braces_without_an_f_string_are_judged() -> None:
    data = "x = [" + "{'a': 1}, " * 11_000 + "]\n"
    assert parse("data.py", data).state is State.WHOLE


def test_the_text_of_every_node_of_a_long_script_can_be_read() -> None:
    parsed = tree("javascript", "let a = 1;\n" * 5_000)
    assert parsed is not None
    assert {statement.text for statement in parsed.root_node.children} == {b"let a = 1;"}

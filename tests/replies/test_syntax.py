"""Files the standard library can check are checked, and nothing they hold can do harm."""

import warnings

import pytest

from smol_dev.replies import check_syntax

PROBLEMS = [
    pytest.param("a.py", "def f(:\n    pass\n", "line 1: invalid syntax", id="python"),
    pytest.param("a.py", "x = 1\n  y = 2\n", "line 2: unexpected indent", id="indent"),
    pytest.param("a.pyi", "x = (\n", "line 1: '(' was never closed", id="stub"),
    pytest.param("a.py", "x = 1\n\0\n", "line 2: source code string cannot contain null bytes", id="nul"),
    pytest.param("a.py", "return 1\n", "line 1: 'return' outside function", id="return outside"),
    pytest.param("a.py", "x = *y\n", "line 1: can't use starred expression here", id="only a compiler knows"),
    pytest.param("a.json", '{\n  "a" 1\n}\n', "line 2: Expecting ':' delimiter",
                 id="json"),
    pytest.param("a.json", "", "line 1: Expecting value", id="no json"),
    pytest.param("a.json", '{"a": 1} x', "line 1: Extra data", id="extra"),
    pytest.param("a.toml", "a = 1\na = 2\n", "line 2: Cannot overwrite a value", id="toml twice"),
    pytest.param("a.toml", "[a\n", "line 1: Expected ']' at the end of a table declaration", id="toml"),
]  # fmt: skip
FINE = [
    pytest.param("a.py", "type = 1\nmatch = type\n", id="soft keywords"),
    pytest.param("a.py", "async def f():\n    return [x async for x in y]\n", id="async"),
    pytest.param("a.py", "", id="nothing"),
    pytest.param("a.py", 'x = "\\d"\nassert (1, "always")\n1 is 1\n', id="what only warns"),
    pytest.param("a.json", '{"a": [1, 2.5e3, null, "\\u00e9"]}\n', id="json"),
    pytest.param("tsconfig.json", '{\n  // comment\n  "a": 1,\n}\n', id="tsconfig"),
    pytest.param(".vscode/settings.json", "{\n  // comment\n}\n", id="vscode"),
    pytest.param("app/tsconfig.build.json", "{ /* c */ }\n", id="named tsconfig"),
    pytest.param("a.jsonc", "{ // c\n}\n", id="jsonc"),
    pytest.param("pyproject.toml", "[a.b]\nc = '''\nx\n'''\n", id="toml"),
    pytest.param("a.js", "function (", id="not checked"),
    pytest.param("README.md", "def f(:", id="text"),
    pytest.param("templates/setup.py.j2", "{{ x", id="template"),
    pytest.param("templates/settings.json", '{"a": {{ a }}}\n', id="template of json"),
    pytest.param("{{ name }}/main.py", "import {{ name }}\n", id="template of a program"),
]  # fmt: skip
HOSTILE = {
    "brackets": ("a.py", "(" * 200_000),
    "lists": ("a.json", "[" * 200_000),
    "objects": ("a.json", '{"a":' * 200_000),
    "arrays": ("a.toml", "a = " + "[" * 50_000),
    "signs": ("a.py", "-" * 100_000 + "1"),
    "tables": ("a.toml", "a = " + "{b=" * 20_000),
    "digits": ("a.json", "9" * 10_000),
    "more digits": ("a.py", "x = " + "9" * 10_000),
    "surrogate": ("a.py", "x = '\ud800'\n"),
}


@pytest.mark.parametrize(("path", "content", "problem"), PROBLEMS)
def test_a_mistake_is_told_with_its_line(path: str, content: str, problem: str) -> None:
    assert check_syntax(path, content) == problem


@pytest.mark.parametrize(("path", "content"), FINE)
def test_what_is_right_or_not_ours_to_check(path: str, content: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_syntax(path, content) is None


@pytest.mark.parametrize(("path", "content"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_content_is_a_mistake_or_not_judged(path: str, content: str) -> None:
    problem = check_syntax(path, content)
    assert problem is None or problem.startswith("line ")

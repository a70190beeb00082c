"""The syntax of a file, as far as the standard library can check it: Python, JSON, TOML."""

import ast
import json
import re
import tomllib
import warnings
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from smol_dev.replies.kinds import JSON, PYTHON, TOML, kind_of

WITH_COMMENTS: Final = re.compile(
    r"(?:^|/)(?:[tj]sconfig[^/]*\.json|[^/]+\.(?:jsonc|json5|code-workspace)|\.?eslintrc(?:\.json)?|"
    r"\.?babelrc(?:\.json)?|\.swcrc|devcontainer\.json|api-extractor\.json|deno\.json|"
    r"\.?jshintrc|tslint\.json|\.?prettierrc|language-configuration\.json)$|(?:^|/)\.vscode/",
    re.IGNORECASE,
)
TEMPLATED: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|<%.*?%>|\$\{\{", re.DOTALL)
TEMPLATE_PATH: Final = re.compile(
    r"\{\{|\{%|(?:^|/)(?:templates?|cookiecutter[^/]*|skeleton)/|\.(?:j2|jinja2?|tmpl|tpl)(?:\.|$)"
)
CHECKED: Final = frozenset({".py", ".pyi", ".pyw", ".json", ".toml", ".webmanifest", ".geojson"})
TOO_DEEP: Final = "line 1: nested too deeply to be read"


def check_syntax(path: str, content: str) -> str | None:
    """Return the first error as `line 3: what is wrong`, or None (also for types not checked).

    JSON that its readers allow comments in, and templates of another language, are not checked.
    """
    if PurePosixPath(path).suffix.lower() not in CHECKED or WITH_COMMENTS.search(path):
        return None
    kind = kind_of(path)
    if kind is PYTHON:
        problem = python_problem(content)
    elif kind is JSON:
        problem = json_problem(content)
    else:
        problem = toml_problem(content) if kind is TOML else None
    if problem is None or (TEMPLATED.search(content) and TEMPLATE_PATH.search(path)):
        return None
    return problem


def python_problem(content: str) -> str | None:
    """Return what is wrong with a Python file, or None; blanks behind it make no difference."""
    return _compiled(content.rstrip() + "\n")


@lru_cache(maxsize=16)
def _compiled(content: str) -> str | None:
    """Compiled once, though several rules ask, some of them without the last line end."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(content, "<file>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"line {error.lineno or line_of_nul(content)}: {error.msg}"
    except (RecursionError, MemoryError, OverflowError):
        return TOO_DEEP
    except ValueError as error:
        return f"line {line_of_nul(content)}: {error}"
    return None


def line_of_nul(content: str) -> int:
    """Return the line of the first NUL character, or 1."""
    return content.count("\n", 0, max(0, content.find("\0"))) + 1


def json_problem(content: str) -> str | None:
    """Return what is wrong with a JSON file, or None."""
    try:
        json.loads(content)
    except json.JSONDecodeError as error:
        return f"line {error.lineno}: {error.msg}"
    except (RecursionError, MemoryError):
        return TOO_DEEP
    except ValueError as error:
        return f"line 1: {error}"
    return None


def toml_problem(content: str) -> str | None:
    """Return what is wrong with a TOML file, or None."""
    try:
        tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        message = re.sub(r" \(at (?:line|end).*\)$", "", str(error))
        line = int(place[1]) if place else content.rstrip("\n").count("\n") + 1
        return f"line {line}: {message}"
    except (RecursionError, MemoryError):
        return TOO_DEEP
    except ValueError as error:
        return f"line 1: {error}"
    return None


def is_python(content: str) -> bool:
    """Tell whether the text compiles as Python."""
    return python_problem(content) is None


@lru_cache(maxsize=16)
def is_python_program(content: str) -> bool:
    """Tell whether the text compiles as Python and holds more than bare expressions."""
    if python_problem(content) is not None:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            body = ast.parse(content).body
        except (RecursionError, MemoryError):
            return False
    return any(not isinstance(statement, ast.Expr) or is_call(statement) for statement in body)


def is_call(statement: ast.stmt) -> bool:
    """Tell whether a statement is a call, as in `main()`."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call | ast.Await)


def is_json(content: str) -> bool:
    """Tell whether the text is one JSON value."""
    return json_problem(content) is None

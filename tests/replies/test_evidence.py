"""Every pass, pattern and table of words names an answer that is read differently without it.

`# for ID` beside it in the source is the `id` of an answer in `*.jsonl`, or `module.function`, a test here.
A pattern inside a function is named in its line. What no answer needs goes.
"""

import ast
import functools
import importlib
import inspect
import io
import itertools
import json
import pkgutil
import re
import tokenize
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import smol_dev.replies
from smol_dev.replies.code import read_code
from smol_dev.replies.file_list import read_file_list

HERE: Final = Path(__file__).parent
MODULES: Final = [
    importlib.import_module(f"smol_dev.replies.{module.name}")
    for module in pkgutil.iter_modules(smol_dev.replies.__path__)
]
CACHES: Final = [held for module in MODULES for held in vars(module).values() if hasattr(held, "cache_clear")]
LINES: Final = [json.loads(line) for name in sorted(HERE.glob("*.jsonl")) for line in name.read_bytes().splitlines()]
ANSWERS: Final = {answer["id"]: answer for answer in LINES}
NAMED: Final = re.compile(r"# for ([^\s,;]+)")
NEVER: Final = re.compile(r"(?!)")
LOOKS: Final = frozenset({"match", "search", "fullmatch", "finditer", "findall", "sub", "split"})
NOT_PATTERNS: Final = re.compile(r"\w*(?:MESSAGES|REMARKS)")


@dataclass(frozen=True)
class Rule:
    """A pattern, a table of words, a row of a table, or a call of `re`, on some lines of a module."""

    module: ModuleType
    name: str
    first: int
    last: int
    row: int | None = None

    def __str__(self) -> str:
        return f"{self.module.__name__.rpartition('.')[2]}:{self.first} {self.name}"


def rules(module: ModuleType) -> Iterator[Rule]:
    """Yield what of a module can be switched off."""
    tree = ast.parse(inspect.getsource(module))
    for node in tree.body:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None):
            continue
        name = node.target.id
        value = getattr(module, name)
        if isinstance(value, tuple) and isinstance(value[0], tuple):
            yield from (
                Rule(module, name, row.lineno, row.end_lineno or 0, at) for at, row in enumerate(_rows(node.value))
            )
        elif isinstance(value, re.Pattern) or (_is_table(value) and not NOT_PATTERNS.fullmatch(name)):
            yield Rule(module, name, node.lineno, node.end_lineno or 0)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_look(node.func)]
    for line, last in sorted({(node.lineno, node.end_lineno or 0) for node in calls}):
        yield Rule(module, "", line, last)


def _rows(value: ast.expr) -> list[ast.expr]:
    """Return the rows of a table, which may be made of one that is written out."""
    tables = [node for node in ast.walk(value) if isinstance(node, ast.Tuple)]
    return next(table.elts for table in tables if all(isinstance(row, ast.Tuple) for row in table.elts))


def _is_table(value: object) -> bool:
    return isinstance(value, tuple | frozenset | dict) and all(isinstance(word, str | None) for word in value)


def _is_look(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "re" and function.attr in LOOKS


@functools.cache
def evidence(module: ModuleType) -> dict[int, str]:
    """Return the answers that the lines of a module name; a comment alone in its line is about the next one."""
    tokens = tokenize.generate_tokens(io.StringIO(inspect.getsource(module)).readline)
    comments = (token for token in tokens if token.type == tokenize.COMMENT)
    found = ((token.start[0] + token.line.lstrip().startswith("#"), NAMED.search(token.string)) for token in comments)
    return {line: named[1] for line, named in found if named}


def named(rule: Rule) -> str:
    """Return the answer that a rule names."""
    lines = evidence(rule.module)
    return next((lines[line] for line in range(rule.first, rule.last + 1) if line in lines), "")


class Looks(ModuleType):
    """The module `re`, with the calls in some lines of a file finding nothing."""

    def __init__(self, off: Rule) -> None:
        super().__init__("re")
        vars(self).update(vars(re) | {name: self._unless(off, name) for name in LOOKS})

    def _unless(self, off: Rule, name: str) -> Callable[..., object]:
        def look(pattern: str, *values: object, **options: object) -> object:
            here = inspect.currentframe()
            assert here is not None
            assert here.f_back is not None
            place = here.f_back.f_code.co_filename, here.f_back.f_lineno
            if place[0] == off.module.__file__ and off.first <= place[1] <= off.last:
                return getattr(NEVER, name)(*values[: 2 if name == "sub" else 1])
            return getattr(re, name)(pattern, *values, **options)

        return look


@contextmanager
def without(rule: Rule) -> Iterator[None]:
    """Read answers as if the rule were not there."""
    value: Any = getattr(rule.module, rule.name) if rule.name else re
    other: object = Looks(rule)
    if isinstance(value, re.Pattern):
        other = NEVER
    elif rule.name:
        other = type(value)() if rule.row is None else value[: rule.row] + value[rule.row + 1 :]
    places = [(module, name) for module in MODULES for name, held in vars(module).items() if held is value]
    for module, name in places:
        setattr(module, name, other)
    forget()
    try:
        yield
    finally:
        for module, name in places:
            setattr(module, name, value)
        forget()


def forget() -> None:
    """Empty the caches of the package."""
    for held in CACHES:
        held.cache_clear()


def outcome(name: str) -> object:
    """Return what an answer is read as, or whether a test of its own fails."""
    if name not in ANSWERS:
        return fails(name)
    answer = ANSWERS[name]
    try:
        if answer.get("task") == "code":
            return read_code(answer["raw"], path=answer["file_path"], finish_reason=answer["finish_reason"])
        read = read_file_list(answer["raw"], finish_reason=answer["finish_reason"])
    except Exception as error:  # noqa: BLE001 - without a rule, anything may happen
        return repr(error)
    return read, getattr(read, "form", "")


with_all = functools.cache(outcome)
"""The same with every rule in its place."""


def fails(name: str) -> bool:
    """Return whether a test fails, whatever values it is given."""
    module, _, function = name.partition(".")
    test = getattr(importlib.import_module(f"tests.replies.{module}"), function)
    try:
        for values in _values(test):
            forget()
            test(**values)
    except Exception:  # noqa: BLE001 - without a rule, anything may happen
        return True
    return False


def _values(test: Callable[..., None]) -> Iterator[dict[str, object]]:
    marks = [mark.args for mark in getattr(test, "pytestmark", ())]
    names = [[names] if isinstance(names, str) else names for names, _ in marks]
    sets = [[getattr(value, "values", value) for value in values] for _, values in marks]
    for chosen in itertools.product(*sets):
        pairs = [
            zip(name, value if isinstance(value, tuple) else (value,), strict=True)
            for name, value in zip(names, chosen, strict=True)
        ]
        yield dict(itertools.chain(*pairs))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_what_no_answer_needs_goes(module: ModuleType) -> None:
    found = {str(rule): rule for rule in rules(module)}
    assert [name for name, rule in found.items() if not named(rule)] == []
    needless = []
    for name, rule in found.items():
        with_it = with_all(named(rule))
        with without(rule):
            if outcome(named(rule)) == with_it:
                needless.append(f"{name}: {named(rule)}")
    assert needless == []


def test_every_answer_has_a_name_of_its_own() -> None:
    assert len(ANSWERS) == len(LINES)

"""Every compiled pattern of the package against texts made to be slow for it; prints those that are.

Run in a process of its own: `python -m tests.growth [--long]`. For each repetition in a pattern a text
is made of what leads to it and many of what it repeats, and one that starts it again and again; then
four times as long. `--long` also lets every repetition be followed by many of what any other one of
the pattern repeats, and takes some minutes.
"""

import ast
import gc
import importlib
import json
import pkgutil
import re
import re._constants as op  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import smol_dev
from smol_dev.server import failures, known

ROOT: Final = Path(smol_dev.__file__).parent
METHODS: Final = {"search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
SHORT: Final = 1024
LONG: Final = 4 * SHORT
RATIO: Final = 10
"""Four is linear, sixteen is quadratic."""

TIMED_OUT: Final = 0.5
TICK: Final = 0.004
"""The step in which some machines count a process's time: less cannot be compared."""

NOTICEABLE: Final = 0.001
"""Seconds of this process. What is faster at the longer length is not measured again."""

PLAIN: Final = [" ", "\n", "a", "0", "<", ">", "`", '"', "'", "/", "-", "(", "[", "{", "a ", "\n ", "<!---->"]
CANDIDATES: Final = ["a", "0", " ", "-", "\n", "A", "_", ".", *map(chr, range(32, 127)), "\t", "é"]
CLASSES: Final = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
REPEATS: Final = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


@dataclass
class Found:
    """A pattern: where it stands, and how it is used."""

    where: str
    methods: set[str] = field(default_factory=set)


def all_patterns() -> dict[tuple[str, int], Found]:
    """Those of every module, those written where they are used, and those of the tables."""
    found: dict[tuple[str, int], Found] = {}
    used: dict[tuple[str, str], set[str]] = {}
    for file in sorted(ROOT.rglob("*.py")):
        module = ".".join(["smol_dev", *file.relative_to(ROOT).with_suffix("").parts])
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
        origin = {
            alias.name: str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
        }
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = _note_call(node, node.func, f"{module}:{node.lineno}", found)
                if name:
                    used.setdefault((origin.get(name, module), name), set()).add(node.func.attr)
    for info in pkgutil.walk_packages([str(ROOT)], "smol_dev."):
        if info.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(info.name)).items():
            for pattern in _within(value):
                each = found.setdefault(_key(pattern), Found(f"{info.name}.{name}"))
                each.methods |= used.get((info.name, name), set())
    return found | _of_tables()


def _note_call(node: ast.Call, call: ast.Attribute, place: str, found: dict[tuple[str, int], Found]) -> str:
    """Note a pattern that is written where it is used; the name of one that is used by its name."""
    if call.attr not in METHODS or not isinstance(call.value, ast.Name | ast.Attribute):
        return ""
    name = call.value.id if isinstance(call.value, ast.Name) else call.value.attr
    if name != "re":
        return name
    if node.args and isinstance(node.args[0], ast.Constant):
        flags = {each.arg: ast.unparse(each.value) for each in node.keywords}.get("flags", "0")
        number = int(eval(flags, {"re": re}))
        pattern = re.compile(str(node.args[0].value), number)
        found.setdefault(_key(pattern), Found(place)).methods.add(call.attr)
    return ""


def _of_tables() -> dict[tuple[str, int], Found]:
    found = {}
    table = failures.table()
    for sign in table.signs:
        for pattern in (sign.pattern, re.compile(sign.unless), re.compile(sign.model)):
            found[_key(pattern)] = Found(f"failures.toml {sign.name}", {"search"})
    for name, patterns in {"fields": table.fields["named"], **table.numbers}.items():
        for text in patterns:
            found[_key(failures.compiled(text))] = Found(f"failures.toml {name}", {"finditer"})
    for server in known.servers():
        places = server.places(*server.tells)
        texts = [*server.signs.values(), server.words, *(place.pattern for place in places)]
        for text in filter(None, texts):
            found[_key(re.compile(text))] = Found(f"known.toml {server.name}", {"search"})
    return found


def _key(pattern: re.Pattern[str]) -> tuple[str, int]:
    return pattern.pattern, pattern.flags


def _within(value: object, depth: int = 0) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value
    elif depth > 4:
        return
    elif isinstance(value, dict):
        yield from _within([*value, *value.values()], depth + 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _within(each, depth + 1)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _within(getattr(value, each.name, None), depth + 1)


def sample(nodes: Any) -> str:  # noqa: ANN401 - the parser has no types
    """A short text that the nodes match, look-around aside."""
    text = ""
    for code, value in nodes:
        if code is op.LITERAL:
            text += chr(value)
        elif code is op.NOT_LITERAL:
            text += "a" if value != ord("a") else "b"
        elif code in (op.ANY, op.GROUPREF):
            text += "a"
        elif code is op.IN:
            text += _member(value)
        elif code in REPEATS:
            text += sample(value[2]) * min(value[0], 300)
        elif code is op.SUBPATTERN:
            text += sample(value[3])
        elif code is op.ATOMIC_GROUP:
            text += sample(value)
        elif code is op.BRANCH:
            text += sample(value[1][0])
    return text


def _member(items: Any) -> str:  # noqa: ANN401 - the parser has no types
    is_negated = bool(items) and items[0][0] is op.NEGATE
    fits = (each for each in CANDIDATES if _is_in(items, each) != is_negated)
    other = chr(items[0][1]) if items[0][0] is op.LITERAL else "a"
    return next(fits, other)


def _is_in(items: Any, character: str) -> bool:  # noqa: ANN401 - the parser has no types
    return any(
        (code is op.LITERAL and ord(character) == value)
        or (code is op.RANGE and value[0] <= ord(character) <= value[1])
        or (code is op.CATEGORY and re.match(CLASSES[value], character) is not None)
        for code, value in items
    )


def repetitions(nodes: Any, before: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """For each repetition without a small bound: what leads to it, and what it repeats."""
    for code, value in nodes:
        if code in REPEATS:
            if value[1] is op.MAXREPEAT or value[1] > 50:
                yield before, sample(value[2])
                yield from ((before, each) for node in value[2] for each in _variants(node))
            yield from repetitions(value[2], before)
        elif code is op.SUBPATTERN:
            yield from repetitions(value[3], before)
        elif code is op.ATOMIC_GROUP:
            yield from repetitions(value, before)
        elif code in (op.ASSERT, op.ASSERT_NOT):
            yield from repetitions(value[1], before)
        elif code is op.BRANCH:
            for branch in value[1]:
                yield from repetitions(branch, before)
        before += sample([(code, value)])


def _variants(node: Any) -> Iterator[str]:  # noqa: ANN401 - the parser has no types
    code, value = node
    if code is op.IN and value[0][0] is not op.NEGATE:
        for each in value[:6]:
            yield chr(each[1]) if each[0] is op.LITERAL else _member([each])
    elif code is op.BRANCH:
        for branch in value[1]:
            yield sample(branch)
    elif code is op.SUBPATTERN:
        for each in value[3]:
            yield from _variants(each)


def hostile(pattern: str, flags: int, *, is_crossed: bool = False) -> Iterator[Callable[[int], str]]:
    """Makers of texts of a length."""
    made = set()
    found = list(repetitions(parser.parse(pattern, flags)))
    for before, body in found:
        again = before + body * 3
        made |= {(before, body), ("", again), ("", before)}
        for other in {each for _, each in found} if is_crossed else ():
            made |= {(before + body, other), ("", before + body + other)}
    for head, unit in sorted(made | {("", each) for each in PLAIN}):
        if unit:
            yield partial(_grown, head, unit)


def _grown(head: str, unit: str, size: int) -> str:
    return f"{(head + unit * (size // len(unit)))[:size]}\0"


def seconds(use: Callable[[str], object], text: str) -> float:
    """What the pattern takes of this process's time; infinite past the limit."""
    begun = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, TIMED_OUT)
    try:
        use(text)
    except TimeoutError:
        return float("inf")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return time.process_time() - begun


def is_slow(use: Callable[[str], object], make: Callable[[int], str]) -> bool:
    """Whether four times the text takes more than ten times the time, and four times that as well."""
    if seconds(use, make(LONG)) < NOTICEABLE:
        return False
    sizes = (SHORT, LONG) if seconds(use, make(SHORT)) >= TICK else (LONG,)
    return all(outgrows(use, make(size), make(4 * size)) for size in sizes if seconds(use, make(size)) < TIMED_OUT)


def outgrows(use: Callable[[str], object], short: str, long: str) -> bool:
    """Whether the longer text takes more than ten times the time of the shorter one."""
    limit = RATIO * max(seconds(use, short), TICK)
    return all(seconds(use, long) > limit for _ in range(4))


def use_of(pattern: re.Pattern[str], method: str) -> Callable[[str], object]:
    """How the pattern is used; whatever searches does so up to the end."""
    if method in {"match", "fullmatch"}:
        return getattr(pattern, method)  # type: ignore[no-any-return]
    return lambda text: sum(1 for _ in pattern.finditer(text))


def check(*, is_long: bool) -> list[str]:
    """The patterns that are slow, and on what."""
    slow = []
    for (text, flags), found in sorted(all_patterns().items(), key=lambda each: each[1].where):
        pattern = re.compile(text, flags)
        methods = found.methods or {"search"}
        for method in {each if each in {"match", "fullmatch"} else "finditer" for each in methods}:
            use = use_of(pattern, method)
            texts = hostile(text, flags, is_crossed=is_long)
            make = next((each for each in texts if is_slow(use, each)), None)
            if make is not None:
                slow.append(f"{found.where} {method}: {text[:120]!r} on {make(30)!r}")
    return slow


def _too_long(number: int, frame: object) -> None:
    del number, frame
    raise TimeoutError


if __name__ == "__main__":
    signal.signal(signal.SIGPROF, _too_long)
    gc.disable()  # a collection would be counted as the pattern's time
    json.dump(check(is_long="--long" in sys.argv[1:]), sys.stdout, indent=1)

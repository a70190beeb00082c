"""A check command's output, parsed: how many tests failed, and the lines that a model needs to mend it.

Pure. Tools are recognised by their lines alone, as `make test` and `npm test` may run any of them. Each pattern is
matched against one line of limited length, so the time is proportional to the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

LAST_LINES: Final = 60
FIRST_LINES: Final = 40
LONGEST_LINE: Final = 300
FIRST_CHARACTERS: Final = 3_000
LAST_CHARACTERS: Final = 5_000
SUMMARY_CHARACTERS: Final = 160

Counted = Literal["", "tests", "errors"]


@dataclass(frozen=True, slots=True)
class Report:
    """A check's result in one line, its numbers (None if the output has none), and the text that matters.

    `failed` counts what `counted` names: tests, or compiler errors, which come before any test.
    """

    summary: str
    counted: Counted
    failed: int | None
    passed: int | None
    text: str

    @property
    def fingerprint(self) -> str:
        """Return the text without times and addresses, so that the same failure compares equal."""
        return _CHANGING.sub("", self.text)


_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[ -/]?[0-~])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CHANGING: Final = re.compile(
    r"\b(?:0x[0-9a-fA-F]{4,16}|[0-9]{1,9}(?:\.[0-9]{1,9})? ?(?:ms|s|seconds?)|[0-9]{1,9}\.[0-9]{1,9})\b"
)

_COUNTING: Final = re.compile(
    r"=* ?[0-9]+ [a-z].* in [0-9.]+s\b"  # pytest
    r"|FAILED \([a-z]|OK \([a-z]"  # unittest
    r"|(?:#|ℹ) (?:pass|fail|cancelled) [0-9]"  # node --test
    r"|test result: "  # cargo test
    r"|Tests: +[0-9]"  # jest
    r"| +Tests +[0-9]"  # vitest
    r"|  [0-9]+ (?:passing|failing)\b"  # mocha
)
_NUMBER_FIRST: Final = re.compile(r"\b([0-9]{1,9}) (failed|failing|errors?|passed|passing)\b")
_WORD_FIRST: Final = re.compile(
    r"\b(failures|errors|unexpected successes|skipped|expected failures|pass|fail|cancelled)[ =]([0-9]{1,9})"
)
_FAILED: Final = frozenset(
    ("failed", "failing", "error", "errors", "failures", "unexpected successes", "fail", "cancelled")
)
_PASSED: Final = frozenset(("passed", "passing", "pass"))
_RAN: Final = re.compile(r"Ran ([0-9]{1,9}) tests? in ")  # unittest omits the other counts if they are zero
_GO_TEST: Final = re.compile(r"--- (FAIL|PASS): ")
_BROKEN_SUITES: Final = re.compile(r"(?:Test Suites: | Test Files  )([0-9]{1,9}) failed")  # jest, vitest
_ERROR: Final = re.compile(
    r"\S.{0,240}(?:\([0-9]+,[0-9]+\): | - )error TS[0-9]+: "  # tsc
    r"|error(?:\[E[0-9]+\])?: (?!could not compile|aborting|test failed|[0-9]+ target)"  # rustc
    r"|\S{1,240}:[0-9]+(?::[0-9]+)?: (?:fatal )?error: "  # gcc, clang, javac
    r"|\S{1,240}\.go:[0-9]+:[0-9]+: "  # go build, go vet
)

_NEVER: Final = r"(?!)"
_BLOCKS: Final = tuple(
    (re.compile(rf"\A(?:{start})"), re.compile(rf"\A(?:{stop})"), keeps_stop)
    for start, stop, keeps_stop in (
        (r"_{3,} .* _{3,}$", r"_{3,} .* _{3,}$|={3,} ", False),  # pytest
        (r"(?:ERROR|FAIL): \S+ \(", r"={20,}$", False),  # unittest
        (r" *not ok [0-9]", r" *\.\.\.$", True),  # node --test, tap
        (r"✖ (?!failing tests)", r"[✔✖ℹ] ", False),  # node --test, spec
        (r"  ● ", r"  ● |Test Suites: |FAIL ", False),  # jest
        (r" FAIL  ", r"⎯{5,}| FAIL  ", False),  # vitest
        (r"  [0-9]+ failing$", r"  2\) ", False),  # mocha
        (r"---- .* stdout ----$", r"---- |failures:$", False),  # cargo test
        (r"--- FAIL: ", r"--- |FAIL\b|ok\b", False),  # go test
        (r"panic: |fatal error: |thread '.*' panicked", r"FAIL\b|exit status", False),
        (_ERROR.pattern, _NEVER, False),
        (r"Traceback \(most recent call last\):$", r"\S", True),
        (r"\S{1,240}\.[cm]?[jt]sx?:[0-9]+$|node:internal/.{1,200}:[0-9]+$", r"Node\.js v", False),
        (r"make(?:\[[0-9]+\])?: \*\*\* ", _NEVER, False),
    )
)
"""For each kind of error: its first line, the line that ends it, and whether that belongs to it."""

_MESSAGE: Final = re.compile(
    r"(?:E +)?(?:[\w.]{0,100}(?:Error|Exception)\b|\S.{0,240}\berror\b.{0,40}: |error.{0,40}: |panic: "
    rf"|{_ERROR.pattern})"
)


def read(output: str, *, exit_code: int, folder: str, ended: str = "") -> Report:
    """Return the report of a command's output; `ended` says why the command was stopped, or by which signal."""
    lines = as_plain_text(output, folder=folder).split("\n")
    failed, passed = _tests(lines)
    counted: Counted = "tests" if failed is not None or passed is not None else ""
    if not failed and exit_code and (errors := sum(bool(_ERROR.match(each)) for each in lines)):
        counted, failed, passed = "errors", errors, None
    first = _first_error(lines)
    summary = ended or _summary(lines, first, exit_code=exit_code, counted=counted, failed=failed, passed=passed)
    return Report(summary, counted, failed, passed, _text(lines, first))


def as_plain_text(output: str, *, folder: str) -> str:
    """Return the output without escapes, text overwritten after a carriage return, and the folder's path."""
    text = _ESCAPE.sub("", output.replace("\r\n", "\n"))
    for prefix in (f"file://{folder}/", f"{folder}/"):
        text = text.replace(prefix, "")
    kept = (line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.strip("\n").split("\n"))
    cut = (line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…" for line in kept)
    return "\n".join(_CONTROL.sub("", line) for line in cut)


def _tests(lines: Sequence[str]) -> tuple[int | None, int | None]:
    """Return how many tests failed and passed, over all tools that ran; None for a number that none reported."""
    failed = passed = ran = broken = 0
    is_known = tells = False
    for line in lines:
        if _COUNTING.match(line):
            is_known = tells = True
            numbers = {found[2]: int(found[1]) for found in _NUMBER_FIRST.finditer(line)}
            numbers |= {found[1]: int(found[2]) for found in _WORD_FIRST.finditer(line)}
            failed += sum(number for word, number in numbers.items() if word in _FAILED)
            passed += sum(number for word, number in numbers.items() if word in _PASSED)
            if line.startswith(("FAILED (", "OK (")):  # unittest
                ran -= sum(number for word, number in numbers.items() if word not in _PASSED)
        elif found := _RAN.match(line):
            is_known = tells = True
            ran += int(found[1])
        elif found := _GO_TEST.match(line):
            is_known = True
            failed += found[1] == "FAIL"
            passed += found[1] == "PASS"
            tells = tells or passed > 0
        elif found := _BROKEN_SUITES.match(line):
            broken += int(found[1])
    if not is_known and not broken:
        return None, None
    return failed or broken, passed + max(ran, 0) if tells else None


def _first_error(lines: Sequence[str]) -> range:
    """Return the line numbers of the first error that any tool reports; empty if none does."""
    for begin, line in enumerate(lines):
        for start, stop, keeps_stop in _BLOCKS:
            if start.match(line):
                end = begin + 1
                while end < min(len(lines), begin + FIRST_LINES) and not stop.match(lines[end]):
                    end += 1
                return range(begin, end + (keeps_stop and end < len(lines)))
    return range(0)


def _summary(
    lines: Sequence[str], first: range, *, exit_code: int, counted: Counted, failed: int | None, passed: int | None
) -> str:
    if not exit_code:
        return f"{passed} test{'s' * (passed > 1)} passed" if passed else "passed"
    if failed and counted == "tests":
        return f"{failed} of {failed + passed} tests failed" if passed else f"{failed} test{'s' * (failed > 1)} failed"
    found = (each for at in first if _MESSAGE.match(each := lines[at].strip()))
    message = next(found, next((each for each in reversed(lines) if each), "")).removeprefix("E ").strip()
    what = f"{failed} error{'s' * (failed != 1)}" if counted == "errors" else f"exit code {exit_code}"
    return f"{what}: {message}"[:SUMMARY_CHARACTERS].rstrip(": ")


def _text(lines: Sequence[str], first: range) -> str:
    """Return the first error and the last lines, without repeating lines that are in both."""
    begin = max(len(lines) - LAST_LINES, 0)
    last = "\n".join(lines[begin:])
    if len(last) > LAST_CHARACTERS:
        last = last[-LAST_CHARACTERS:].partition("\n")[2]
        begin = len(lines) - last.count("\n") - 1
    if not first or first.start >= begin:
        return last
    error = "\n".join(lines[first.start : min(first.stop, begin)])[:FIRST_CHARACTERS]
    left_out = begin - first.stop
    return "\n".join([error, *([f"[{left_out} lines left out]"] if left_out > 0 else []), last])

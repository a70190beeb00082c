"""A check's output is read as its tools write it; `check_outputs/` has what each of them really printed."""

import re
from pathlib import Path

import pytest

from smol_dev.run.check_output import Report, as_plain_text, read

FOLDER = "/home/user/generated"


def recorded(name: str) -> str:
    return (Path(__file__).parent / "check_outputs" / f"{name}.txt").read_text(encoding="utf-8")


def report(output: str, *, exit_code: int = 1, ended: str = "") -> Report:
    return read(output, exit_code=exit_code, folder=FOLDER, ended=ended)


@pytest.mark.parametrize(
    ("name", "summary", "counted", "failed", "passed"),
    [
        ("pytest", "4 of 6 tests failed", "tests", 4, 2),
        ("pytest_collect", "1 test failed", "tests", 1, 0),
        ("unittest", "2 of 3 tests failed", "tests", 2, 1),
        ("unittest_import", "1 test failed", "tests", 1, 0),
        ("node_tap", "1 of 2 tests failed", "tests", 1, 1),
        ("node_spec", "1 of 2 tests failed", "tests", 1, 1),
        ("jest", "1 of 2 tests failed", "tests", 1, 1),
        ("vitest", "1 of 2 tests failed", "tests", 1, 1),
        ("mocha", "2 of 3 tests failed", "tests", 2, 1),
        ("cargo", "1 of 2 tests failed", "tests", 1, 1),
        ("go", "1 test failed", "tests", 1, None),
        ("go_panic", "1 test failed", "tests", 1, None),
        ("cargo_build", "2 errors: error[E0425]: cannot find value `y` in this scope", "errors", 2, None),
        ("go_build", "2 errors: ./a.go:3:9: undefined: y", "errors", 2, None),
        ("gcc", "1 error: a.c:1:20: error: ‘x’ undeclared (first use in this function)", "errors", 1, None),
        (
            "tsc",
            "2 errors: t/a.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.",
            "errors",
            2,
            None,
        ),
        (
            "tsc_pretty",
            "2 errors: t/a.ts:1:7 - error TS2322: Type 'string' is not assignable to type 'number'.",
            "errors",
            2,
            None,
        ),
        ("traceback", "exit code 1: ModuleNotFoundError: No module named 'missing_module'", "", None, None),
        ("node_error", "exit code 1: Error: Cannot find module './missing'", "", None, None),
        ("make", "exit code 1: make: *** [Makefile:3: test] Error 1", "", None, None),
    ],
    ids=lambda value: value if isinstance(value, str) and re.fullmatch(r"[a-z_]{2,}", value) else "",
)
def test_what_failed_is_counted(name: str, summary: str, counted: str, failed: int | None, passed: int | None) -> None:
    found = report(recorded(name))
    assert (found.summary, found.counted, found.failed, found.passed) == (summary, counted, failed, passed)


@pytest.mark.parametrize(
    ("line", "summary", "passed"),
    [
        ("1 passed in 0.10s", "1 test passed", 1),
        ("12 passed in 0.10s", "12 tests passed", 12),
        ("======= 12 passed, 1 warning in 61.20s (0:01:01) =======", "12 tests passed", 12),
        ("Ran 3 tests in 0.001s\n\nOK", "3 tests passed", 3),
        ("Ran 3 tests in 0.001s\n\nOK (skipped=1)", "2 tests passed", 2),
        ("test result: ok. 3 passed; 0 failed; 0 ignored\ntest result: ok. 2 passed; 0 failed", "5 tests passed", 5),
        ("--- PASS: TestA (0.00s)\n--- PASS: TestB (0.00s)\nPASS\nok  \tx\t0.01s", "2 tests passed", 2),
        ("ok  \tx\t0.01s", "passed", None),
        ("", "passed", None),
    ],
    ids=["one", "pytest -q", "pytest", "unittest", "skipped", "cargo", "go -v", "go", "nothing"],
)
def test_what_passed_is_counted(line: str, summary: str, passed: int | None) -> None:
    found = report(line, exit_code=0)
    assert (found.summary, found.passed) == (summary, passed)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("pytest", f"{'_' * 27} ERROR at setup of test_c {'_' * 27}", "test_a.py:6: ValueError"),
        ("unittest", "ERROR: test_c (test_u.T.test_c)", "KeyError: 'x'"),
        ("node_tap", "not ok 1 - one", "  ..."),
        ("jest", "  ● adds", "      at Object.toBe (a.test.js:2:40)"),
        ("vitest", " FAIL  b.test.js [ b.test.js ]", " ❯ b.test.js:1:1"),
        ("mocha", "  2 failing", "      at process.processImmediate (node:internal/timers:483:21)"),
        ("cargo", "---- tests::a stdout ----", " right: 2"),
        ("go", "--- FAIL: TestA (0.00s)", "    a_test.go:3: bad 3"),
        ("traceback", "Traceback (most recent call last):", "ModuleNotFoundError: No module named 'missing_module'"),
    ],
    ids=lambda value: value if re.fullmatch(r"[a-z_]{2,}", value) else "",
)  # fmt: skip
def test_the_first_error_comes_first_and_whole(name: str, first: str, last: str) -> None:
    noise = "".join(f"noise {number}\n" for number in range(100))
    text = report(f"{recorded(name)}\n{noise}").text
    error, _, rest = text.partition("lines left out]\n")
    lines = [each for each in error.split("\n") if each]
    assert lines[0] == first
    assert last in [each.rstrip() for each in lines]
    assert lines[-1].startswith("[")
    assert rest.split("\n") == [f"noise {number}" for number in range(40, 100)]


def test_a_short_output_is_there_once_as_it_is() -> None:
    output = recorded("unittest")
    assert report(output).text == output.replace(f"{FOLDER}/", "").strip("\n")


def test_paths_are_relative_and_nothing_but_text_is_left() -> None:
    output = (
        f"\x1b[31mred\x1b[0m {FOLDER}/a/b.py:3\r\n  at file://{FOLDER}/x.mjs:1:2\n"
        "10%\r100%\rdone\r\n\x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \x1b(B\x00\x07tab\there\n"
    )
    assert as_plain_text(output, folder=FOLDER) == "red a/b.py:3\n  at x.mjs:1:2\ndone\nlink tab\there"


def test_the_text_for_a_model_is_bounded() -> None:
    wide = "x" * 100_000
    many = "\n".join(["Traceback (most recent call last):", *[f"  {wide}"] * 500, wide])
    assert len(report(many).text) < 8_200
    assert len(report(f"error: {wide}").summary) <= 160


@pytest.mark.parametrize(
    ("exit_code", "ended", "summary"),
    [
        (137, "ended by SIGKILL", "ended by SIGKILL"),
        (143, "not done after 120 s", "not done after 120 s"),
        (5, "", "exit code 5: no tests ran in 0.01s"),
        (127, "", "exit code 127: no tests ran in 0.01s"),
    ],
    ids=["signal", "time", "no tests", "not found"],
)
def test_an_end_without_a_count_says_how(exit_code: int, ended: str, summary: str) -> None:
    assert report("\nno tests ran in 0.01s\n", exit_code=exit_code, ended=ended).summary == summary


def test_the_same_failure_is_known_again_although_times_differ() -> None:
    one = report("--- FAIL: TestA (0.00s)\n  at 0x7f2077ca0f40\n1 failed, 3 passed in 0.52s\n")
    two = report("--- FAIL: TestA (1.25s)\n  at 0x7f2077ca1111\n1 failed, 3 passed in 12.1s\n")
    other = report("--- FAIL: TestB (0.00s)\n  at 0x7f2077ca0f40\n1 failed, 3 passed in 0.52s\n")
    assert one.fingerprint == two.fingerprint != other.fingerprint


def test_an_error_that_a_passing_check_prints_is_no_failure() -> None:
    found = report("a.c:1:2: error: shown on purpose\n", exit_code=0)
    assert (found.summary, found.failed) == ("passed", None)

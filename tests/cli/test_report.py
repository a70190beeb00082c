"""`smol_dev report`: a page about a run, from its record and its files."""

import json
import re
from pathlib import Path

from tests.app.test_build import TWO, plays
from tests.cli.shell import Shell
from tests.fake_server import FakeServer, answered

HOSTILE = "<script>alert(1)</script>\u202e"


def build(shell: Shell, files: dict[str, object] = dict(TWO), *words: str) -> int:  # noqa: B006 - only read
    with FakeServer(plays(files)) as server:  # type: ignore[arg-type]  # answers of every kind
        return shell.type("-c", f"base_url={server.base_url}", "-c", "model=m", *words, "a counter")


def page(shell: Shell) -> str:
    return (shell.project / "generated/.smol/report.html").read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    body = text.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("</tr>")[:-1]]


def test_the_page_stands_in_the_folder_of_the_run_and_its_path_is_printed(shell: Shell) -> None:
    assert build(shell) == 0
    assert (shell.type("report"), shell.out, shell.err) == (0, "~/work/generated/.smol/report.html\n", "")
    text = page(shell)
    assert "<h1>a counter</h1>" in text
    assert "<dt>files</dt><dd>2 of 2, 15 bytes</dd>" in text
    assert [(row[0], row[-1]) for row in rows(text)] == [
        ("plan", "used"),
        ("file list", "used"),
        ("a.py", "used"),
        ("b/b.py", "used"),
    ]


def test_every_session_of_a_run_is_in_it_with_what_was_asked_again_and_why(shell: Shell) -> None:
    assert build(shell, {**TWO, "b/b.py": answered("")}) == 4
    assert (
        shell.type(
            "resume", "-c", "answer_retries=0", "-c", "connect_timeout=1", "--api-base-url", "http://127.0.0.1:9/v1"
        )
        == 3
    )
    with FakeServer(plays(TWO)) as server:
        assert shell.type("resume", "--api-base-url", server.base_url) == 0
    assert shell.type("report") == 0
    asked = [(row[0], row[-1].partition(":")[0]) for row in rows(page(shell))]
    assert asked[:3] == [("plan", "used"), ("file list", "used"), ("a.py", "used")]
    assert asked[3:6] == [("b/b.py", "asked again"), ("b/b.py", "asked again"), ("b/b.py", "failed")]
    assert asked[-1] == ("b/b.py", "used")
    starts = [float(row[1].removesuffix(" s")) for row in rows(page(shell))]
    assert starts == sorted(starts)


def test_a_file_that_failed_or_was_edited_or_removed_is_shown_as_that(shell: Shell) -> None:
    assert build(shell, {**TWO, "c.py": answered("")}) == 4
    (shell.project / "generated/a.py").write_text("A = 2  # mine\n")
    (shell.project / "generated/b/b.py").unlink()
    assert shell.type("report") == 0
    text = page(shell)
    assert ", changed by you since" in text
    assert "# mine" in text
    assert "written, but no longer there" in text
    assert "failed: no usable answer for `c.py`" in text


def test_problems_and_the_check_are_in_it(shell: Shell) -> None:
    assert build(shell, {"a.py": "A = 1\n", "b.py": "from a import B\n"}) == 0
    record = shell.project / "generated/.smol/run.json"
    table = json.loads(record.read_text())
    assert [each["path"] for each in table["problems"]] == ["b.py"]
    check = {"summary": "2 of 5 tests failed", "exit_code": 1}
    record.write_text(json.dumps(table | {"check": check}))
    assert shell.type("report") == 0
    assert "<code>b.py:1</code> <code>a</code> (a.py) does not define <code>B</code>" in page(shell)
    assert "<p>Your check: 2 of 5 tests failed (exit code 1)</p>" in page(shell)


def test_whatever_a_record_holds_stays_text(shell: Shell) -> None:
    assert build(shell) == 0
    record = shell.project / "generated/.smol/run.json"
    table = json.loads(record.read_text())
    table |= {"prompt": HOSTILE, "plan": HOSTILE, "server": {"model": HOSTILE, "models": {"plan": HOSTILE}}}
    table |= {"profile": {"name": HOSTILE}, "check": {"summary": HOSTILE}, "totals": {"seconds": HOSTILE}}
    table["requests"][0] |= {"path": HOSTILE, "reason": HOSTILE}
    table["problems"] = [{"path": "a.py", "line": 1, "column": 1, "rule": HOSTILE, "message": HOSTILE, "mended": False}]
    record.write_text(json.dumps(table))
    (shell.project / "generated/a.py").write_text(HOSTILE)
    assert shell.type("report") == 0
    assert "<script" not in page(shell)
    assert "\u202e" not in page(shell)
    assert "alert(1)" in page(shell)


def test_another_file_is_written_where_it_is_asked_for_and_replaced_only_if_it_is_a_report(shell: Shell) -> None:
    assert build(shell) == 0
    for _ in range(2):
        assert (shell.type("report", "-o", "r.html"), shell.out) == (0, "~/work/r.html\n")
    assert not (shell.project / "generated/.smol/report.html").exists()
    assert shell.type("report", "-o", "generated/a.py") == 5
    assert shell.err == (
        "error: `~/work/generated/a.py` exists already, and is not a report of a run\n\n"
        "hint: name another file: `smol_dev report -o report.html`\n"
    )
    assert (shell.project / "generated/a.py").read_text() == TWO["a.py"]
    assert shell.type("report", "-o", "no/r.html") == 5
    assert shell.err.startswith("error: cannot write the report `~/work/no/r.html`: No such file or directory\n")
    assert shell.type("report", "-o", "generated") == 5
    assert shell.err.startswith("error: cannot write the report `~/work/generated`: Is a directory\n")


def test_a_folder_without_a_run_is_one_clear_error(shell: Shell) -> None:
    Path("empty").mkdir()
    assert shell.type("report", "empty") == 5
    assert shell.err == (
        "error: there is no run in `~/work/empty`: it has no `.smol/run.json`\n\n"
        "hint: name the folder of a run, or begin one: `smol_dev -o DIR PROMPT`\n"
    )
    assert list(Path("empty").iterdir()) == []


def test_the_models_of_the_stages_are_named_where_they_differ(shell: Shell) -> None:
    assert build(shell, dict(TWO), "-c", "plan.model=big") == 0
    assert "model big (plan), m (file list, code, mending) at " in shell.err
    assert shell.type("report") == 0
    assert "<dt>model</dt><dd>big (plan), m (file list, code, mending)</dd>" in page(shell)

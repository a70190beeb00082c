"""`--review` on a terminal, as a user goes through it, and where there is none."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from smol_dev.cli.display import decide_change
from smol_dev.events import FileChanged
from smol_dev.run.review import AskedAgain, Proposed, Stopped, Taken, Verdict
from tests.app.test_build import PLAN, TWO, plays
from tests.cli.shell import Shell
from tests.fake_server import FakeServer, answered

PATIENCE = 60.0
"""Seconds that a busy machine gets to show what is waited for."""


class Terminal:
    """A run with a terminal: `type` answers once the question stands there; `shown` is all of it."""

    def __init__(self, program: "subprocess.Popen[bytes]", end: int) -> None:
        self.program = program
        self.shown = ""
        self._end = end
        self._read = 0

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown[self._read :]:
            assert self._more(deadline), f"`{text}` never came: {self.shown}"
        self._read = self.shown.index(text, self._read) + len(text)

    def type(self, question: str, answer: str) -> None:
        self.wait_for(question)
        os.write(self._end, answer.encode())

    def interrupt(self) -> None:
        """Send SIGINT until it is noticed: in the instant before `input` reads, Python loses it."""
        self.program.send_signal(signal.SIGINT)
        while not self._more(time.monotonic() + 3):
            self.program.send_signal(signal.SIGINT)

    def ends(self) -> int:
        """The exit code, once everything that was printed has been read."""
        deadline = time.monotonic() + PATIENCE
        while self._more(deadline):
            pass
        return self.program.wait(PATIENCE)

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._end], [], [], max(0, deadline - time.monotonic()))
        try:
            piece = os.read(self._end, 65_536) if ready else b""
        except OSError:  # how Linux says that the other end is closed
            piece = b""
        self.shown += piece.decode().replace("\r\n", "\n")
        return bool(piece)


@contextmanager
def terminal(
    shell: Shell,
    server: FakeServer,
    *,
    editor: str = "false",
    kind: str = "dumb",
    words: tuple[str, ...] = ("--review", "a counter"),
) -> Iterator[Terminal]:
    """A reviewed run in the made-up home, with a shell script as the editor."""
    script = shell.home / "editor"
    script.write_text(editor, encoding="utf-8")
    command = [sys.executable, "-m", "smol_dev", *words, "-c", "model=m"]
    command += ["-c", f"base_url={server.base_url}"]
    ours, theirs = os.openpty()
    environ = {
        "PATH": os.defpath,
        "HOME": str(shell.home),
        "TMPDIR": str(shell.home),
        "EDITOR": f"sh {script}",
        "TERM": kind,
        "PYTHONWARNINGS": "error",
    }
    with subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=-1, env=environ) as program:
        os.close(theirs)
        try:
            yield Terminal(program, ours)
        finally:
            program.kill()
            os.close(ours)


def recorded(shell: Shell) -> dict[str, object]:
    text = (shell.project / "generated/.smol/run.json").read_text(encoding="utf-8")
    record: dict[str, object] = json.loads(text)
    return record


def written(shell: Shell) -> dict[str, str]:
    folder = shell.project / "generated"
    return {path: (folder / path).read_text() for path in TWO if (folder / path).exists()}


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def test_plan_and_list_are_shown_and_accepted(shell: Shell) -> None:
    with FakeServer(plays({**TWO, "../c": ""})) as server, terminal(shell, server) as run:
        run.type("Your choice: ", "yes\n")
        run.type("Error: type one of the letters\nYour choice: ", "a\n")
        assert run.ends() == 0
    before, _, _ = run.shown.partition("Your choice: ")
    assert before.endswith(
        "\n2 files to write:\n  a.py\n  b/b.py\n"
        "warning: left out `../c`: leaves the project folder\n"
        "  a  accept: write these files\n  p  edit the plan\n  l  edit the list\n"
        "  r  regenerate, with feedback\n  s  stop here; `smol_dev resume` goes on\n"
    )
    assert f"{PLAN}\n" in before
    assert written(shell) == TWO


def test_on_a_terminal_that_can_be_drawn_on_nothing_is_drawn_over_the_question(shell: Shell) -> None:
    with FakeServer(plays(TWO)) as server, terminal(shell, server, kind="xterm") as run:
        run.wait_for("Your choice: ")
        asked = len(run.shown)
        run.type("", "accept\n")
        assert run.ends() == 0
    assert run.shown[asked:].startswith("accept\n")
    assert "Done: 2 files in ./generated" in run.shown[asked:]
    assert written(shell) == TWO


def test_an_edited_list_that_cannot_be_used_can_be_edited_again(shell: Shell) -> None:
    editor = 'if grep -q x.py "$1"; then echo b/b.py > "$1"; else echo ../x.py > "$1"; fi'
    with FakeServer(plays(TWO)) as server, terminal(shell, server, editor=editor) as run:
        run.type("Your choice: ", "l\n")
        run.type("Edit again? [Y/n]: ", "\n")
        run.type("1 file to write:\n  b/b.py\n", "")
        run.type("Your choice: ", "a\n")
        assert run.ends() == 0
    assert "error: the list holds what may not be written: `../x.py` (" in run.shown
    assert written(shell) == {"b/b.py": "import a\n"}
    assert recorded(shell)["files"] == ["b/b.py"]


@pytest.mark.parametrize(("answer", "chats"), [("\n", 5), ("n\n", 4)], ids=["list anew", "same list"])
def test_an_edited_plan_is_the_one_that_is_followed(shell: Shell, answer: str, chats: int) -> None:
    editor = 'echo "One more thing." >> "$1"'
    with FakeServer(plays(TWO)) as server, terminal(shell, server, editor=editor) as run:
        run.type("Your choice: ", "p\n")
        run.type("List the files anew, from your plan? [Y/n]: ", answer)
        run.type("Your choice: ", "a\n")
        assert run.ends() == 0
        assert len(server.chats) == chats
    assert recorded(shell)["plan"] == f"{PLAN}\nOne more thing."
    assert written(shell) == TWO


def test_a_remark_asks_for_a_fresh_plan(shell: Shell) -> None:
    with FakeServer(plays(TWO)) as server, terminal(shell, server) as run:
        run.type("Your choice: ", "r\n")
        run.type("What should be different: ", "no web\n")
        run.type("Your choice: ", "a\n")
        assert run.ends() == 0
        assert "a counter\n\nno web" in server.chats[2].json()["messages"][-1]["content"]
    assert recorded(shell)["prompt"] == "a counter\n\nno web"


EDITS = [
    ("exit 3", "error: the editor failed: sh ~/editor: Editing failed\n"),
    ("printf '\\377' > \"$1\"", "error: the file is not UTF-8\n"),
    ('> "$1"', "error: the plan is empty\n"),
    ("true", ""),
    ('touch "$1"', ""),
]
"""What an editor may do, one call after another, and what is said to it."""


def test_an_edit_that_comes_to_nothing_leads_back_to_the_question(shell: Shell) -> None:
    for number, (act, _) in enumerate(EDITS):
        (shell.home / f"act{number}").write_text(act, encoding="utf-8")
    editor = f'set -- "$1" {shell.home}/act*; act=$2; cp $act {shell.home}/now; rm $act; . {shell.home}/now'
    with FakeServer(plays(TWO)) as server, terminal(shell, server, editor=editor) as run:
        for _, said in EDITS:
            run.type("Your choice: ", "p\n")
            if said:
                run.type("Edit again? [Y/n]: ", "n\n")
        run.type("Your choice: ", "\x04")
        assert run.ends() == 0
        assert len(server.chats) == 2
    shown = run.shown.replace(str(shell.home), "~")
    assert [said for _, said in EDITS if said not in shown] == []
    assert "hint: go on with `smol_dev resume " in shown
    assert (recorded(shell)["plan"], written(shell)) == (PLAN, {})


def test_a_resumed_run_is_reviewed_too_and_what_is_there_is_not_asked_for_again(shell: Shell) -> None:
    with FakeServer(plays({**TWO, "c.py": answered("")})) as server:
        assert shell.type("-c", f"base_url={server.base_url}", "-c", "model=m", "a counter") == 4
    editor = 'sed -i s/c.py/d.py/ "$1"'
    with FakeServer(plays({**TWO, "d.py": "D = 1\n"})) as server:
        with terminal(shell, server, editor=editor, words=("resume", "--review")) as run:
            run.type("1 of 3 files to write:\n  c.py\n", "")
            run.type("Your choice: ", "l\n")
            run.type("Your choice: ", "a\n")
            assert run.ends() == 0
        assert len(server.chats) == 1
    assert recorded(shell)["files"] == ["a.py", "b/b.py", "d.py"]
    assert (shell.project / "generated/d.py").read_text() == "D = 1\n"
    assert written(shell) == TWO


@pytest.mark.parametrize(
    ("editor", "said"),
    [
        pytest.param('echo "Mine." >> "$1"; exit 3', "error: the editor failed: ", id="crashed after saving"),
        pytest.param('printf "Mine.\\377" > "$1"', "error: the file is not UTF-8", id="not UTF-8"),
    ],
)
def test_what_the_user_has_saved_outlives_an_editor_that_fails(shell: Shell, editor: str, said: str) -> None:
    with FakeServer(plays(TWO)) as server, terminal(shell, server, editor=editor) as run:
        run.type("Your choice: ", "p\n")
        run.type("Edit again? [Y/n]: ", "n\n")
        run.type("what you wrote is kept in ", "")
        run.type("Your choice: ", "s\n")
        assert run.ends() == 0
    assert said in run.shown
    kept = Path(run.shown.split("what you wrote is kept in ")[1].split("\n")[0])
    assert b"Mine." in kept.read_bytes()
    kept.unlink()
    kept.parent.rmdir()


def test_an_editor_that_removes_the_file_loses_nothing(shell: Shell) -> None:
    with FakeServer(plays(TWO)) as server, terminal(shell, server, editor='rm "$1"') as run:
        run.type("Your choice: ", "p\n")
        run.type("Edit again? [Y/n]: ", "n\n")
        run.type("Your choice: ", "a\n")
        assert run.ends() == 0
    assert "error: the editor left no file: No such file or directory\n" in run.shown
    assert "what you wrote is kept" not in run.shown
    assert (recorded(shell)["plan"], written(shell)) == (PLAN, TWO)


def test_an_interrupt_at_the_question_is_130_and_loses_nothing(shell: Shell) -> None:
    with FakeServer(plays(TWO)) as server, terminal(shell, server) as run:
        run.wait_for("Your choice: ")
        run.interrupt()
        assert run.ends() == 130
    # `input` drops an exception that comes while it flushes; then the last resort ends the run.
    assert "error: interrupted" in run.shown
    assert "hint: go on with `smol_dev resume " in run.shown
    assert "Traceback" not in run.shown
    assert recorded(shell)["files"] == list(TWO)


def test_an_interrupt_in_the_editor_is_the_editors(shell: Shell) -> None:
    editor = 'kill -INT $PPID; echo b/b.py > "$1"'
    with FakeServer(plays(TWO)) as server, terminal(shell, server, editor=editor) as run:
        run.type("Your choice: ", "l\n")
        run.type("1 file to write:\n", "")
        run.type("Your choice: ", "a\n")
        assert run.ends() == 0
    assert written(shell) == {"b/b.py": "import a\n"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param([], "`--review` asks questions, and there is no terminal to ask on", id="no terminal"),
        pytest.param(["--quiet"], "`--review` asks questions, which `--json` and `--quiet` rule out", id="quiet"),
    ],
)
def test_without_anyone_to_ask_nothing_is_begun(shell: Shell, options: list[str], message: str) -> None:
    with FakeServer(plays(TWO)) as server:
        words = ("--review", "-c", f"base_url={server.base_url}", "-c", "model=m", "a counter")
        assert shell.type(*options, *words) == 2
        assert server.requests == []
    assert shell.err == (
        f"error: {message}\n\nhint: look at the plan before you go on: `smol_dev --plan-only"
        " PROMPT`, then `.smol/plan.md` in the output folder, then `smol_dev resume`\n"
    )
    assert shell.out == ""
    assert not Path("generated").exists()


def test_with_json_that_nobody_can_be_asked_is_an_error_event(shell: Shell) -> None:
    assert shell.type("--review", "--json", "a counter") == 2
    [event] = map(json.loads, shell.out.splitlines())
    assert (event["event"], event["exit_code"]) == ("error", 2)
    assert event["message"] == "`--review` asks questions, which `--json` and `--quiet` rule out"
    assert shell.err == ""


@pytest.mark.parametrize(
    ("typed", "verdict"),
    [
        pytest.param("accept\ny\n", Taken(frozenset({"a.py", "b.py"})), id="all, the removal confirmed"),
        pytest.param("a\nn\n", Taken(frozenset({"a.py"})), id="all but the removal"),
        pytest.param("each\nn\ny\n", Taken(frozenset({"b.py"})), id="one of two"),
        pytest.param("x\nr\nless\n", AskedAgain("less"), id="something else, after a slip"),
        pytest.param("none\ny\n", Stopped(), id="none"),
        pytest.param("", Stopped(), id="no more input"),
    ],
)
def test_a_change_is_decided_by_a_letter_or_a_word(typed: str, verdict: Verdict) -> None:
    files = (FileChanged("a.py", "change", "", "-1\n+2\n"), FileChanged("b.py", "remove", "", "-1\n"))
    with CliRunner().isolation(input=typed):
        assert decide_change(Proposed(files), str) == verdict

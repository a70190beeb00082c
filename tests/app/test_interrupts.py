"""Ctrl-C at any moment of the program: exit code 130, and nothing loud."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from smol_dev.app import interrupts
from tests.fake_server import FakeServer
from tests.test_run import slow_second_file

STARTED: Final = """
import os, signal, sys, threading, time
def twice(first, between):
    def kill():
        for wait in (first, between):
            time.sleep(wait)
            os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=kill, daemon=True).start()
"""
BLOCKED_IMPORT: Final = f"""{STARTED}
import importlib.abc
class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {{module!r}}:
            twice(0.05, 0.05)
            time.sleep(30)
sys.meta_path.insert(0, Slow())
sys.argv = ["smol_dev", *{{words!r}}]
from smol_dev.__main__ import main
main()
"""


def program(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.defpath, "HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "words"),
    [
        pytest.param("click", ["--version"], id="the command line's import"),
        pytest.param("smol_dev.config.layers", ["config", "show"], id="a command's import"),
        pytest.param("openai", ["doctor"], id="the client's import"),
    ],
)
def test_twice_while_something_is_imported(tmp_path: Path, module: str, words: list[str]) -> None:
    done = program(BLOCKED_IMPORT.format(module=module, words=words), tmp_path)
    said = done.stderr.removeprefix("\n")  # click leaves the line on which `^C` stands
    assert (done.returncode, done.stdout, said) == (130, "", "error: interrupted\n")


def test_an_interrupt_that_python_would_drop_in_a_destructor_still_ends_it(tmp_path: Path) -> None:
    code = f"""{STARTED}
from smol_dev.app.interrupts import PROCESS
class Slow:
    def __del__(self):
        twice(0.05, 0.05)
        time.sleep(30)
PROCESS.watch()
Slow()
print("went on")
"""
    done = program(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


def test_twice_while_the_first_is_reported_and_while_the_process_ends(tmp_path: Path) -> None:
    code = f"""{STARTED}
import atexit
atexit.register(lambda: (twice(0, 0.05), time.sleep(0.3)))
import click
from smol_dev import cli
say = click.echo
click.echo = lambda *text, **how: (twice(0, 0.05), time.sleep(0.3), say(*text, **how))
cli.program.main = lambda *_, **__: (twice(0, 0.05), time.sleep(30))
from smol_dev.__main__ import main
main()
"""
    done = program(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


ENDLESS: Final = {
    "a loop that never yields": "while True: pass",
    "a pattern that never ends": "re.match('(a+)+b', 'a' * 60)",
    "a figure that never ends": "10 ** 10 ** 9",
    "a parser's C code": ("while True: grammars._parser('go').parse(lambda at, _: b'x := 1; ' if at < 10**9 else b'')"),
    "an exception that is swallowed": ("try: time.sleep(30)\n    except BaseException: time.sleep(30)"),
    "a pipe that nobody reads": "open(os.pipe()[1], 'wb').write(b'x' * 10**7)",
}


@pytest.mark.parametrize("work", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_work_that_does_not_stop(tmp_path: Path, work: str, number: signal.Signals) -> None:
    code = f"""
import os, re, signal, threading, time
from smol_dev.app import interrupts
from smol_dev.app.caller import Caller
from smol_dev.config.files import Surroundings
from smol_dev.languages import grammars
signalled = "sleep 0.05; kill -{number.value} $PPID; sleep 0.05; kill -{number.value} $PPID"
async def endless():
    os.posix_spawn("/bin/sh", ["sh", "-c", signalled], dict(os.environ))
    {work}
interrupts.PATIENCE = 0.15
interrupts.PROCESS.watch()
interrupts.PROCESS.hint = "type this"
Caller(Surroundings.here(), print, interrupts=interrupts.PROCESS).wait_for(endless())
"""
    begun = time.monotonic()
    done = program(code, tmp_path)
    said = "error: interrupted\n\nhint: type this\n"
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", said)
    assert time.monotonic() - begun < 20


def test_an_end_does_not_wait_for_a_reader_of_its_words(tmp_path: Path) -> None:
    code = """
import os
from smol_dev.app.interrupts import PROCESS
reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True: os.write(writer, b"x")
except BlockingIOError: pass
os.set_blocking(writer, True)
os.dup2(writer, 2)
PROCESS.end()
"""
    assert program(code, tmp_path).returncode == 130


def test_the_command_line_gives_work_less_than_three_seconds_to_stop() -> None:
    assert interrupts.PATIENCE == 2.8


def test_a_watch_that_is_over_ends_nothing(tmp_path: Path) -> None:
    code = """
import os, signal, time
from smol_dev.app import interrupts
interrupts.PATIENCE = 0.1
with interrupts.PROCESS.watching(), interrupts.PROCESS.stopping(interrupts.note):
    os.kill(os.getpid(), signal.SIGINT)
time.sleep(0.5)
print("went on")
"""
    assert program(code, tmp_path).stdout == "went on\n"


def test_an_end_that_takes_long_keeps_its_exit_code(tmp_path: Path) -> None:
    code = """
import os, signal, sys, time
from smol_dev.app import interrupts
interrupts.PATIENCE = 0.1
class Slow:
    def __del__(self, sleep=time.sleep): sleep(0.5)
slow = Slow()
interrupts.PROCESS.watch()
interrupts.PROCESS.stop = interrupts.note
os.kill(os.getpid(), signal.SIGINT)
interrupts.PROCESS.ignore()
sys.exit(interrupts.PROCESS.exit_code)
"""
    assert program(code, tmp_path).returncode == 130


def test_a_signal_the_process_was_started_to_ignore_stays_ignored(tmp_path: Path) -> None:
    code = """
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from smol_dev.app.interrupts import PROCESS
PROCESS.watch()
os.kill(os.getpid(), signal.SIGHUP)
print(PROCESS.caught)
"""
    assert program(code, tmp_path).stdout == "None\n"


@pytest.mark.parametrize("between", [0.0, 0.01, 0.05, 0.2])
def test_twice_in_a_run_keeps_what_is_finished(tmp_path: Path, between: float) -> None:
    with FakeServer(slow_second_file) as server:
        flags = ["--api-base-url", server.base_url, "--model", "m"]
        with subprocess.Popen(
            [sys.executable, "-m", "smol_dev", *flags, "--json", "a timer"],
            cwd=tmp_path,
            env={"PATH": os.defpath, "HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdout is not None
            next(line for line in running.stdout if '"b.py"' in line and "file_started" in line)
            for wait in (0.0, between):
                time.sleep(wait)
                if running.poll() is None:
                    running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "")
    assert '"event": "run_done"' in out
    assert (tmp_path / "generated/a.py").read_text() == "A = 1\n"

"""What the scripts share: servers and clients as child processes, what they cost, and tables."""

import contextlib
import importlib.metadata
import json
import os
import platform
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import termios
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("openai", "httpx2", "pydantic", "pydantic-settings", "click", "rich")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a child process took; seconds, and mebibytes at the peak."""

    seconds: float
    cpu: float
    peak: float
    output: str


def environment(folder: Path) -> dict[str, str]:
    """Nothing of this user's own settings, keys or caches."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(ROOT)}


@contextmanager
def child(module: str, *arguments: str) -> Iterator[str]:
    """A server in a process of its own, by the line that it prints when it is ready."""
    server = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.communicate()


def run(arguments: Sequence[str], folder: Path, *, terminal: bool = False, **variables: str) -> Cost:
    """The cost of one process, from its start to its end. It has to succeed. Its standard error may be a terminal."""
    started = time.monotonic()
    errors = screen() if terminal else contextlib.nullcontext(subprocess.STDOUT)
    with tempfile.TemporaryFile() as output, errors as error:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment(folder) | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=error,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{arguments} ended with {process.returncode}:\n{text[-2000:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


@contextmanager
def screen() -> Iterator[int]:
    """A terminal of 120 by 40 that is read at once."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 120))

    def watch() -> None:
        with contextlib.suppress(OSError):  # how a terminal says that nobody is there any more
            while os.read(ours, 65_536):
                pass

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield theirs
    finally:
        os.close(theirs)
        watcher.join()
        os.close(ours)


def instructions(arguments: Sequence[str], folder: Path, *, variables: Mapping[str, str] | None = None) -> int:
    """The instructions that one process takes in user space.

    `perf` counts where the machine lets it (a virtual one may count 0), else callgrind; both repeat to about a
    hundredth.
    """
    log = folder / "counted"
    perf = ["perf", "stat", "-x", ",", "-o", str(log), "-e", "instructions:u"]
    grind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}"]
    for tool, pattern in ((perf, r"(?m)^([1-9]\d*),,instructions:u"), (grind, r"Collected : (\d+)")):
        if shutil.which(tool[0]):
            command = [*tool, sys.executable, *arguments]
            every = environment(folder) | {"PYTHONHASHSEED": "0"} | dict(variables or {})
            subprocess.run(command, cwd=folder, env=every, capture_output=True, check=True)
            if found := re.search(pattern, log.read_text()):
                return int(found[1])
    raise SystemExit("neither perf nor valgrind can count instructions here")


def fetch(url: str, *, data: bytes | None = None) -> dict[str, Any]:
    """A JSON document from a server of ours."""
    with urllib.request.urlopen(url, data=data) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The rows as a Markdown table; numbers are rounded by whoever hands them in."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def slot(count: int) -> str:
    """`1 slot`, `2 slots`."""
    return "1 slot" if count == 1 else f"{count} slots"


def about() -> str:
    """The machine and the versions, in a line."""
    versions: Mapping[str, str] = {name: importlib.metadata.version(name) for name in PACKAGES}
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {listed}"

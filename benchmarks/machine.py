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


def run(arguments: Sequence[str], folder: Path, **variables: str) -> Cost:
    """The cost of one process, from its start to its end. It has to succeed."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment(folder) | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{arguments} ended with {process.returncode}:\n{text[-2000:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def instructions(
    arguments: Sequence[str], folder: Path, *, terminal: bool = False, variables: Mapping[str, str] | None = None
) -> int:
    """The instructions that one process takes in user space; its standard error may be a terminal.

    `perf` counts where the machine lets it (a virtual one may count 0), else callgrind; both repeat to about a
    hundredth.
    """
    log = folder / "counted"
    perf = ["perf", "stat", "-x", ",", "-o", str(log), "-e", "instructions:u"]
    grind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}"]
    for tool, pattern in ((perf, r"(?m)^([1-9]\d*),,instructions:u"), (grind, r"Collected : (\d+)")):
        if shutil.which(tool[0]):
            command = [*tool, sys.executable, *arguments]
            every = environment(folder) | {"PYTHONHASHSEED": "0", "TERM": "xterm"}
            every.update(variables or {})
            (watch if terminal else silent)(command, folder, every)
            if found := re.search(pattern, log.read_text()):
                return int(found[1])
    raise SystemExit("neither perf nor valgrind can count instructions here")


def silent(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
    """Run a process whose output nobody reads."""
    subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=True)


def watch(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
    """Run a process whose standard error is a terminal of 120 by 40."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 120))
    with subprocess.Popen(command, cwd=folder, env=variables, stderr=theirs) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # how a terminal says that nobody is there any more
            while os.read(ours, 65_536):
                pass
    os.close(ours)
    assert process.returncode == 0, command


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

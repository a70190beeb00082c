"""How it grows: each thing at a size and at twice that size; linear is a ratio of 2.

`python -m benchmarks.growth`
"""

import gc
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.machine import about, table
from benchmarks.mock_server import words
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.config.load import load
from smol_dev.replies.code import read_code
from smol_dev.replies.verdicts import Code
from smol_dev.server.stream import StreamReader
from smol_dev.workspace.record import FileState, Record
from smol_dev.workspace.writer import Workspace

ROUNDS: Final = 3

Work = Callable[[], object]


def profiles(count: int, folder: Path) -> Work:
    """Load one of so many profiles in a file."""
    tables = [
        f'[profiles.p{number}]\nmodel = "m{number}"\nbase_url = "http://127.0.0.1:9/v1"\n' for number in range(count)
    ]
    return loading("".join(tables), "p1", folder)


def parents(count: int, folder: Path) -> Work:
    """Load a profile with so many parents."""
    tables = ['[profiles.p0]\nmodel = "m"\nbase_url = "http://127.0.0.1:9/v1"\n']
    tables += [
        f'[profiles.p{number}]\nextends = "p{number - 1}"\ntimeout = {number}\n' for number in range(1, count + 1)
    ]
    return loading("".join(tables), f"p{count}", folder)


def loading(text: str, name: str, folder: Path) -> Work:
    """Load this profile of a file with this text."""
    file = folder / "smol.toml"
    file.write_text(text, encoding="utf-8")
    flags = Flags(profile=name, config=file)
    return lambda: load(flags, Surroundings(environ={}, cwd=folder))


def answer(count: int, folder: Path, *, fence: str = "```") -> Work:
    """Read a file of so many KiB out of an answer, another one each time."""
    del folder
    lines = "".join(words(number) for number in range(count * 1024 // 12))[: count * 1024]
    inner = lines.rpartition("\n")[0]
    rounds = itertools.count()

    def work() -> None:
        text = f"{fence}\n# {next(rounds)}\n{inner}\n{fence}"
        assert isinstance(read_code(text, path="a.py", finish_reason="stop"), Code)

    return work


def stream(count: int, folder: Path) -> Work:
    """Read so many thousand events out of bytes, 4 KiB at a time."""
    del folder
    event = b'data: {"model":"m","choices":[{"index":0,"delta":{"content":"some"}}]}\n\n'
    data = event * (count * 1000)

    def work() -> None:
        reader = StreamReader()
        found = sum(len(reader.feed(data[at : at + 4096])) for at in range(0, len(data), 4096))
        assert found == count * 1000

    return work


def record(count: int, folder: Path) -> Work:
    """Write so many small files and note each in the record of the run."""

    def work() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            write(Path(name) / "out", count)

    return work


def write(out: Path, count: int) -> None:
    """A run's part of the disk, without a model."""
    files = tuple(f"part_{number}.py" for number in range(count))
    with Workspace.open(out, cwd=out.parent, home=None) as workspace:
        planned = {path: FileState(path, "planned") for path in files}
        workspace.save(Record("x", {"name": "p", "settings": {}}, plan="p", files=files, states=planned))
        for path in files:
            size = workspace.write(path, "x = 1\n")
            workspace.note(replace(planned[path], state="done", bytes=size))


GROWING: Final[Mapping[str, tuple[Callable[[int, Path], Work], int]]] = {
    "profiles in a file": (profiles, 500),
    "parents of a profile": (parents, 25),
    "KiB of a fenced answer": (answer, 512),
    "KiB of Python without fences": (partial(answer, fence=""), 512),
    "thousand events of a stream": (stream, 50),
    "files written and recorded": (record, 250),
}


def seconds(work: Work) -> float:
    """The least of some rounds."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    """Print the table."""
    print(about(), end="\n\n")
    rows = []
    for name, (begin, size) in GROWING.items():
        with tempfile.TemporaryDirectory() as folder:
            small = seconds(begin(size, Path(folder)))
            large = seconds(begin(2 * size, Path(folder)))
        rows.append((f"{2 * size:,} {name}", f"{small:.3f} s", f"{large:.3f} s", f"{large / small:.2f}"))
        print(rows[-1], file=sys.stderr)
    print(table(("", "half of it", "all of it", "ratio"), rows))


if __name__ == "__main__":
    main()

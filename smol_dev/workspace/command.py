"""The user's check command, run in the output folder and isolated from everything else.

The command is a list that only the user writes, never a line for a shell. What a model wrote runs here for the first
time, so it gets no network, no keys, no home folder, no terminal, and a time limit. Nothing is hidden by name: only
what is mounted exists, so keys, other disks and sockets of daemons need no rule.
"""

import asyncio
import contextlib
import functools
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from smol_dev.errors import UsageError, WorkspaceError
from smol_dev.safe import named, safe
from smol_dev.workspace import sandbox
from smol_dev.workspace.sandbox import MIB, Box, Isolation, Mount, descendants, send

Wanted = Literal["auto", "required", "none"]
"""The setting `check_isolation`."""

Stopped = Literal["", "time", "disk"]

FREE_FLOOR: Final = 256 * MIB
"""Free bytes below which a command that takes space is ended, wherever it writes."""

ENTRY_LIMIT: Final = 200_000

GRACE: Final = 2.0
"""Seconds between SIGTERM and SIGKILL."""

_TICK: Final = 0.25
_END_LIMIT: Final = 3.0
_CHUNK: Final = 64 * 1024
_PROBE_LIMIT: Final = 10.0
_BLOCK: Final = 512

TEMPORARY: Final = "/tmp"  # noqa: S108 - private: a tmpfs that only the command sees
TEMPORARY_SIZE: Final = 512 * MIB
SHARED_MEMORY_SIZE: Final = 64 * MIB

PROTECTED: Final = (".smol", ".git")
"""What the command may read but not change: our record, and what git runs and trusts."""

_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_SETTINGS: Final = (
    "alternatives ca-certificates fonts group hosts ld.so.cache ld.so.conf ld.so.conf.d localtime mime.types"
    " nsswitch.conf passwd pki/tls/certs protocols services ssl/certs ssl/openssl.cnf timezone"
).split()
"""What is mounted of `/etc`; the rest holds the machine's keys (`ssl/private`) and passwords."""

_TOOL_PARTS: Final = (
    "bin lib lib64 libexec include versions version pyvenv.cfg pkg src VERSION go.env conf jmods toolchains"
    " settings.toml"
).split()
"""What is mounted next to a folder of programs; the rest can hold keys (`~/.cargo`, `~/.local/share`)."""

TOOL_DATA: Final = (".rustup",)
"""Folders of the home folder that are mounted in the temporary one: tools need them to know what to run."""

_LINKS_FOLLOWED: Final = 10


OUTPUT_LIMIT: Final = 256 * 1024
"""Bytes of output that are kept."""

DISK_LIMIT: Final = 1024 * MIB
"""Bytes that a command may add to the output folder and the temporary one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: 128 + N is signal N, as in a shell. Long output has its middle cut out."""

    exit_code: int
    output: str
    seconds: float
    stopped: Stopped
    isolation: Isolation

    @property
    def passed(self) -> bool:
        """Return whether the command ended by itself, with exit code 0."""
        return self.exit_code == 0 and not self.stopped

    @property
    def timed_out(self) -> bool:
        """Return whether the time limit ended it."""
        return self.stopped == "time"

    @property
    def signal(self) -> str:
        """Return the name of the signal that ended it, or an empty string."""
        try:
            return signal.Signals(self.exit_code - sandbox.SIGNALLED).name
        except ValueError:
            return ""


class _Output:
    """The first and the last half of a limited number of bytes."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._left_out = 0

    async def collect(self, stream: asyncio.StreamReader | None) -> None:
        while stream is not None and (piece := await stream.read(_CHUNK)):
            self._kept += piece
            if len(self._kept) > 2 * OUTPUT_LIMIT:
                self._cut()

    def _cut(self) -> None:
        more = max(0, len(self._kept) - OUTPUT_LIMIT)
        del self._kept[OUTPUT_LIMIT // 2 : OUTPUT_LIMIT // 2 + more]
        self._left_out += more

    def text(self) -> str:
        self._cut()
        between = f"\n… {self._left_out:,} bytes left out …\n".encode() if self._left_out else b""
        head, tail = self._kept[: OUTPUT_LIMIT // 2], self._kept[OUTPUT_LIMIT // 2 :]
        return (head + between + tail).decode("utf-8", errors="replace")


class _Disk:
    """The space below some folders that has been taken since a command began."""

    def __init__(self, places: Sequence[str], limit: int) -> None:
        self._places = places
        self._limit = limit
        self._since = time.time()
        self._free = self._free_now()

    async def is_exceeded(self) -> bool:
        """Return whether the command has taken more than it may, or leaves hardly any space free."""
        free = self._free_now()
        if self._free - free <= self._limit:  # others write to the disk as well
            return False
        return free < FREE_FLOOR or await asyncio.to_thread(self._grew)

    def _free_now(self) -> int:
        status = os.statvfs(self._places[0])
        return status.f_bavail * status.f_frsize

    def _grew(self) -> bool:
        size = entries = 0
        pending = list(self._places)
        while pending:
            with contextlib.suppress(OSError), os.scandir(pending.pop()) as found:
                for each in found:
                    entries += 1
                    status = each.stat(follow_symlinks=False)
                    size += status.st_blocks * _BLOCK if status.st_ctime >= self._since else 0
                    if each.is_dir(follow_symlinks=False):
                        pending.append(each.path)
            if size > self._limit or entries > ENTRY_LIMIT:
                return True
        return False


def probe() -> Isolation:
    """Return the strongest isolation that works on this machine."""
    kinds: tuple[Isolation, ...] = ("bubblewrap", "namespaces", "none")
    return next(kind for kind in kinds if works(kind))


@functools.cache
def works(isolation: Isolation) -> bool:
    """Return whether this isolation works on this machine; tested once, with a command that does nothing."""
    if isolation == "none" or sys.platform != "linux":
        return isolation == "none"
    with tempfile.TemporaryDirectory() as folder, _pipe() as (begun, write):
        box = _box(["/bin/sh", "-c", ":"], Path(folder).resolve(), isolation, search_path(""), ())
        if isolation == "bubblewrap" and not box.bubblewrap:
            return False
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(
                _arguments(box, write),
                env={"PATH": os.defpath},
                pass_fds=(write,),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PROBE_LIMIT,
                check=False,
            )
            return done.returncode == 0 and _has_begun(begun)
    return False


def choose(
    wanted: Wanted, *, ask: Callable[[str], bool] | None = None, strongest: Callable[[], Isolation] = probe
) -> Isolation:
    """Return the isolation to run with.

    If this machine has none, `auto` asks the user, and raises `UsageError` when nobody can be asked or the answer is
    no; `required` always raises it.
    """
    held = "none" if wanted == "none" else strongest()
    if held != "none" or wanted == "none":
        return held
    if wanted == "auto" and ask is not None and ask(f"The check would run {says('none')}. Run it all the same?"):
        return "none"
    raise UsageError(
        "the check command cannot be isolated: there is no working `bwrap`, and no user namespaces are permitted",
        hint="install bubblewrap (its package is called `bubblewrap`); or, where what a model wrote may do all"
        " that you may: `-c run.check_isolation=none`",
    )


def says(isolation: Isolation, folder: Path | None = None) -> str:
    """Return one line on what the command can and cannot do."""
    if isolation == "none":
        return "without isolation: the command can use the network, and read and write whatever you can"
    where = named(str(folder)) if folder else "the output folder"
    unlimited = "" if os.geteuid() else "; the number of its processes is not limited, as you are root"
    return (
        f"isolated by {isolation}: no network; writes only {where} and a temporary folder;"
        f" your home folder is not readable{unlimited}"
    )


async def run(
    command: Sequence[str],
    folder: Path,
    *,
    timeout: float,  # noqa: ASYNC109 - the command's own limit, which ends it cleanly
    isolation: Isolation,
    environ: Mapping[str, str],
    disk_limit: int = DISK_LIMIT,
) -> Outcome:
    """Run the command in the folder and return how it ended; nothing that it started is left.

    Only `PATH`, `LANG` and `HOME` of `environ` are read. Raise `UsageError` if the command does not exist, and
    `WorkspaceError` if no check may run in the folder or the box cannot be built.
    """
    path, homes, output = search_path(environ.get("PATH", "")), _homes(environ), _Output()
    root = _checked_folder(folder, homes)
    with _temporary(isolation, homes) as temporary, _pipe() as (begun, write):
        box = _box(_program_found(command, root, path), root, isolation, path, homes)
        since = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *_arguments(box, write),
            env={**_environment(temporary), "PATH": os.pathsep.join(path), "LANG": environ.get("LANG") or "C.UTF-8"},
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
            pass_fds=(write,),
        )
        stopped = await _supervise(process, output, _Disk((str(root), temporary), disk_limit), timeout)
        if not _has_begun(begun) and not stopped:
            raise WorkspaceError(
                f"{isolation} did not start the check command: {safe(output.text().strip()[-300:])}",
                hint="what this machine permits is said by `smol_dev doctor`",
            )
        code = process.returncode if process.returncode is not None else -signal.SIGKILL
        code = code if code >= 0 else sandbox.SIGNALLED - code
        return Outcome(code, output.text(), time.monotonic() - since, stopped, isolation)


def _environment(temporary: str) -> dict[str, str]:
    # Python takes a file mended within the same second, to the same length, for the one it has compiled.
    return {"HOME": temporary, "TMPDIR": temporary, "PYTHONPYCACHEPREFIX": f"{temporary}/pycache"}


async def _supervise(process: Process, output: _Output, disk: _Disk, seconds: float) -> Stopped:
    reading = asyncio.create_task(output.collect(process.stdout))
    try:
        stopped = await _wait_until_stopped(process, disk, seconds)
        if stopped:
            send(signal.SIGTERM, descendants(process.pid))
            await _exited(process, GRACE)
        return stopped
    finally:
        try:
            await _end(process)
            await asyncio.wait([reading], timeout=_END_LIMIT)
        finally:
            send(signal.SIGKILL, descendants(process.pid))
            reading.cancel()


async def _wait_until_stopped(process: Process, disk: _Disk, seconds: float) -> Stopped:
    limit = time.monotonic() + seconds
    while (left := limit - time.monotonic()) > 0:
        if await _exited(process, min(left, _TICK)):
            return ""
        if await disk.is_exceeded():
            return "disk"
    return "time"


async def _exited(process: Process, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(process.wait()), seconds)
    return process.returncode is not None


async def _end(process: Process) -> None:
    """Kill what is left of the command, then its box, which ends even one that forks faster than we count."""
    limit = time.monotonic() + _END_LIMIT
    try:
        while process.returncode is None and time.monotonic() < limit:
            send(signal.SIGKILL, descendants(process.pid))
            await _exited(process, _TICK)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    await _exited(process, _END_LIMIT)


def _box(command: Sequence[str], folder: Path, isolation: Isolation, path: Sequence[str], homes: Sequence[Path]) -> Box:
    if isolation == "none":
        return Box(isolation, command, str(folder))
    shown = mounts(folder, program=command[0], path=path, homes=homes)
    return Box(isolation, command, str(folder), shown, shutil.which("bwrap", path=os.defpath) or "")


def _arguments(box: Box, write: int) -> list[str]:
    return [sys.executable, "-I", "-S", sandbox.__file__, json.dumps(asdict(box)), str(write)]


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """A pipe on which the box reports that the command begins: the end to read, and the one for the box."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    try:
        yield read, write
    finally:
        os.close(read)
        os.close(write)


def _has_begun(read: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        return os.read(read, 1) == b"1"
    return False


@contextlib.contextmanager
def _temporary(isolation: Isolation, homes: Sequence[Path]) -> Iterator[str]:
    """The path of the command's temporary folder; without isolation, one is made and removed afterwards."""
    if isolation != "none":
        yield TEMPORARY
        return
    made = tempfile.mkdtemp(prefix="smol-check-")
    for name in TOOL_DATA:
        for data in (home / name for home in homes if (home / name).is_dir()):
            Path(made, name).symlink_to(data)
    try:
        yield made
    finally:
        for words in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):  # works at any depth, whatever the modes
            subprocess.run([*words, "--", made], check=False, capture_output=True)


def _homes(environ: Mapping[str, str]) -> list[Path]:
    found = [environ.get("HOME", "")]
    with contextlib.suppress(KeyError):
        found.append(pwd.getpwuid(os.geteuid()).pw_dir)
    return [Path(home) for home in dict.fromkeys(os.path.realpath(each) for each in found if each)]


def _checked_folder(folder: Path, homes: Sequence[Path]) -> Path:
    root = Path(os.path.realpath(folder))
    objections = {
        "is not a folder": not root.is_dir(),
        "is the root of the file system": root == Path(root.anchor),
        "holds your home folder": any(home.is_relative_to(root) for home in homes),
        "has a `.smol` that leads elsewhere": (root / ".smol").is_symlink(),
    }
    for why, holds in objections.items():
        if holds:
            raise WorkspaceError(
                f"no check runs in {named(str(root))}: it {why}", hint="name the folder of a run", reason="unsafe_path"
            )
    return root


def _program_found(command: Sequence[str], root: Path, path: Sequence[str]) -> list[str]:
    if not command or not command[0] or any("\0" in each for each in command):
        raise UsageError("the check command is empty", hint='as in `--check "python -m pytest -q"`')
    named_path = str(root / command[0]) if "/" in command[0] else command[0]
    program = shutil.which(named_path, path=os.pathsep.join(path))
    if program is None:
        raise UsageError(
            f"the check command {named(command[0])} is not there: no such program in `PATH`",
            hint="install it, or name its path",
        )
    return [program, *command[1:]]


def refuse_missing(command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Raise `UsageError` for a command that is not in `PATH`; one given as a path may appear later."""
    if "/" not in "".join(command[:1]):
        _program_found(command, Path("/"), search_path(environ.get("PATH", "")))


def search_path(text: str) -> list[str]:
    """Return the folders of `PATH` without relative or empty ones, which would mean the output folder."""
    folders = (text or os.defpath).split(os.pathsep)
    return [each for each in folders if os.path.isabs(each)]  # noqa: PTH117


def mounts(folder: Path, *, program: str, path: Sequence[str], homes: Sequence[Path]) -> list[Mount]:
    """Return what the command sees, in mounting order; later mounts cover earlier ones."""
    links = [each for each in _SYSTEM if os.path.islink(each)]  # noqa: PTH114 - these are texts
    folders = [each for each in _SYSTEM if each not in links and os.path.isdir(each)]  # noqa: PTH112
    settings = [setting for name in _SETTINGS if (setting := Path("/etc", name)).exists()]
    data = [(name, found) for name in TOOL_DATA for home in homes if (found := home / name).is_dir()]
    tools = dict.fromkeys(_tools([*path, *_places(program)], homes))
    kept = [each for name in PROTECTED if (each := folder / name).exists() and not each.is_symlink()]
    return [
        *(Mount("link", os.readlink(each), each) for each in links),  # noqa: PTH115
        *(Mount("read", each, each) for each in folders),
        *(Mount("read", os.path.realpath(each), str(each)) for each in settings),
        Mount("memory", str(TEMPORARY_SIZE), TEMPORARY),
        Mount("proc", "", "/proc"),
        Mount("dev", "", "/dev"),
        Mount("memory", str(SHARED_MEMORY_SIZE), "/dev/shm"),  # noqa: S108 - in the command's own `/dev`
        *(Mount("read", os.path.realpath(found), f"{TEMPORARY}/{name}") for name, found in data),
        *(Mount("read", os.path.realpath(each), str(each)) for each in tools),
        Mount("write", str(folder), str(folder)),
        *(Mount("read", str(each), str(each)) for each in kept),
        *(Mount("seal", "", each) for each in ("/dev", "/proc", "/")),
    ]


def _places(program: str) -> Iterator[str]:
    """Yield the folder of the program, then that of each link's target on the way to it."""
    for _ in range(_LINKS_FOLLOWED):
        yield os.path.dirname(program)  # noqa: PTH120 - a text
        if not os.path.islink(program):  # noqa: PTH114
            return
        program = os.path.join(os.path.dirname(program), os.readlink(program))  # noqa: PTH115, PTH118, PTH120


def _tools(folders: Sequence[str], homes: Sequence[Path]) -> Iterator[Path]:
    """Yield folders of programs, the parts next to them, and the interpreters of virtual environments."""
    system = tuple(f"{form}/" for each in _SYSTEM for form in (each, os.path.realpath(each)))
    pending = [Path(os.path.normpath(each)) for each in folders]
    seen: set[Path] = set()
    while pending:
        folder = pending.pop(0)
        if folder in seen or not folder.is_dir() or os.path.realpath(folder).startswith(system):
            continue
        seen.add(folder)
        if not _holds_a_home(folder, homes):
            yield folder
        if not _holds_a_home(folder.parent, homes):
            yield from (part for name in _TOOL_PARTS if (part := folder.parent / name).exists())
        pending += [Path(os.path.realpath(folder)), *_interpreters(folder)]


def _holds_a_home(folder: Path, homes: Sequence[Path]) -> bool:
    real = Path(os.path.realpath(folder))
    return any(home.is_relative_to(real) for home in homes)


def _interpreters(folder: Path) -> Iterator[Path]:
    """Yield the folder of the Python that a virtual environment was made from."""
    with contextlib.suppress(OSError):
        for line in (folder.parent / "pyvenv.cfg").read_text("utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home" and value.strip().startswith("/"):
                yield Path(value.strip())

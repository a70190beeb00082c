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
from asyncio.subprocess import Process
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from smol_dev.errors import SmolError, UsageError, WorkspaceError
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

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._seen = 0

    def add(self, piece: bytes) -> None:
        self._seen += len(piece)
        room = self._half - len(self._head)
        self._head += piece[:room]
        self._tail += piece[room:]
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    def text(self) -> str:
        tail = self._tail[-self._half :]
        left_out = self._seen - len(self._head) - len(tail)
        between = f"\n… {left_out:,} bytes left out …\n".encode() if left_out else b""
        return (self._head + between + tail).decode("utf-8", errors="replace")


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
    with tempfile.TemporaryDirectory() as folder:
        box = _box(["/bin/sh", "-c", ":"], Path(folder).resolve(), isolation, search_path(""))
        if isolation == "bubblewrap" and not box.bubblewrap:
            return False
        with contextlib.suppress(OSError, subprocess.TimeoutExpired), _started() as (read, write):
            try:
                done = subprocess.run(
                    _arguments(box, write),
                    env={"PATH": os.defpath},
                    pass_fds=(write,),
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_PROBE_LIMIT,
                    check=False,
                )
            finally:
                os.close(write)
            return done.returncode == 0 and os.read(read, 1) == b"1"
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
    path = search_path(environ.get("PATH", ""))
    root = _checked_folder(folder, _homes(environ))
    with _temporary(isolation, _homes(environ)) as temporary:
        box = _box(_program_found(command, root, path), root, isolation, path, _homes(environ))
        begun = time.monotonic()
        output = _Output(OUTPUT_LIMIT)
        with _started() as (read, write):
            process = await _start(box, write, _environment(environ, path, temporary))
            disk = _Disk((str(root), temporary), disk_limit)
            stopped = await _supervise(process, output, disk, timeout)
            if os.read(read, 1) != b"1" and not stopped:
                raise _not_built(isolation, output.text())
        return Outcome(_exit_code(process), output.text(), time.monotonic() - begun, stopped, isolation)


async def _start(box: Box, started: int, environment: Mapping[str, str]) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *_arguments(box, started),
            env=environment,
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(started,),
        )
    finally:
        os.close(started)


def _environment(environ: Mapping[str, str], path: Sequence[str], temporary: str) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join(path),
        "LANG": environ.get("LANG") or "C.UTF-8",
        "HOME": temporary,
        "TMPDIR": temporary,
        # Python takes a file mended within the same second, to the same length, for the one it has compiled.
        "PYTHONPYCACHEPREFIX": f"{temporary}/pycache",
    }


async def _supervise(process: Process, output: _Output, disk: _Disk, seconds: float) -> Stopped:
    reading = asyncio.create_task(_collect(process, output))
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


async def _collect(process: Process, output: _Output) -> None:
    if process.stdout is not None:
        while piece := await process.stdout.read(_CHUNK):
            output.add(piece)


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


def _exit_code(process: Process) -> int:
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    return code if code >= 0 else sandbox.SIGNALLED - code


def _box(
    command: Sequence[str], folder: Path, isolation: Isolation, path: Sequence[str], homes: Sequence[Path] = ()
) -> Box:
    if isolation == "none":
        return Box(isolation, command, str(folder))
    shown = mounts(folder, program=command[0], path=path, homes=homes)
    return Box(isolation, command, str(folder), shown, shutil.which("bwrap", path=os.defpath) or "")


def _arguments(box: Box, started: int) -> list[str]:
    return [sys.executable, "-I", "-S", sandbox.__file__, json.dumps(asdict(box)), str(started)]


@contextlib.contextmanager
def _started() -> Iterator[tuple[int, int]]:
    """A pipe on which the box reports that it is ready; whoever starts the box closes the write end."""
    read, write = os.pipe()
    try:
        yield read, write
    finally:
        os.close(read)


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
    named_home = environ.get("HOME", "")
    recorded = ""
    with contextlib.suppress(KeyError):
        recorded = pwd.getpwuid(os.geteuid()).pw_dir
    return [Path(home) for home in dict.fromkeys(os.path.realpath(each) for each in (named_home, recorded) if each)]


def _checked_folder(folder: Path, homes: Sequence[Path]) -> Path:
    root = Path(os.path.realpath(folder))
    why = ""
    if not root.is_dir():
        why = "is not a folder"
    elif root == Path(root.anchor):
        why = "is the root of the file system"
    elif any(home.is_relative_to(root) for home in homes):
        why = "holds your home folder"
    elif (root / ".smol").is_symlink():
        why = "has a `.smol` that leads elsewhere"
    if why:
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


def _not_built(isolation: Isolation, output: str) -> SmolError:
    return WorkspaceError(
        f"{isolation} did not start the check command: {safe(output.strip()[-300:])}",
        hint="what this machine permits is said by `smol_dev doctor`",
    )


def search_path(text: str) -> list[str]:
    """Return the folders of `PATH` without relative or empty ones, which would mean the output folder."""
    folders = (text or os.defpath).split(os.pathsep)
    return [each for each in folders if os.path.isabs(each)]  # noqa: PTH117


def mounts(folder: Path, *, program: str, path: Sequence[str], homes: Sequence[Path]) -> list[Mount]:
    """Return what the command sees, in mounting order; later mounts cover earlier ones."""
    shown = [*_system(), Mount("memory", str(TEMPORARY_SIZE), TEMPORARY), *_devices()]
    shown += [
        Mount("read", str(data), f"{TEMPORARY}/{name}")
        for name in TOOL_DATA
        for home in homes
        if (data := Path(os.path.realpath(home / name))).is_dir()
    ]
    tools = dict.fromkeys(_tools([*path, *_places(program)], homes))
    shown += [Mount("read", os.path.realpath(each), str(each)) for each in tools]
    shown.append(Mount("write", str(folder), str(folder)))
    kept = [folder / name for name in PROTECTED if (folder / name).exists() and not (folder / name).is_symlink()]
    shown += [Mount("read", str(each), str(each)) for each in kept]
    return [*shown, Mount("seal", "", "/dev"), Mount("seal", "", "/proc"), Mount("seal", "", "/")]


def _system() -> Iterator[Mount]:
    for each in _SYSTEM:
        if os.path.islink(each):  # noqa: PTH114 - these are texts
            yield Mount("link", os.readlink(each), each)  # noqa: PTH115
        elif os.path.isdir(each):  # noqa: PTH112
            yield Mount("read", each, each)
    for name in _SETTINGS:
        if (setting := Path("/etc", name)).exists():
            yield Mount("read", os.path.realpath(setting), str(setting))


def _devices() -> Iterator[Mount]:
    yield Mount("proc", "", "/proc")
    yield Mount("dev", "", "/dev")
    yield Mount("memory", str(SHARED_MEMORY_SIZE), "/dev/shm")  # noqa: S108 - in the command's own `/dev`


def _places(program: str) -> Iterator[str]:
    """Yield the folder of the program, then that of each link's target on the way to it."""
    for _ in range(_LINKS_FOLLOWED):
        yield os.path.dirname(program)  # noqa: PTH120 - a text
        if not os.path.islink(program):  # noqa: PTH114
            return
        program = os.path.join(os.path.dirname(program), os.readlink(program))  # noqa: PTH115, PTH118, PTH120


def _tools(folders: Sequence[str], homes: Sequence[Path]) -> Iterator[Path]:
    """Yield folders of programs, the parts next to them, and the interpreters of virtual environments."""
    pending = [Path(os.path.normpath(each)) for each in folders]
    seen: set[Path] = set()
    while pending:
        folder = pending.pop(0)
        if folder in seen or not folder.is_dir() or _is_system(folder):
            continue
        seen.add(folder)
        if not _holds_a_home(folder, homes):
            yield folder
        if not _holds_a_home(folder.parent, homes):
            yield from (part for name in _TOOL_PARTS if (part := folder.parent / name).exists())
        pending += [Path(os.path.realpath(folder)), *_interpreters(folder)]


def _is_system(folder: Path) -> bool:
    return any(os.path.realpath(folder).startswith((f"{each}/", f"{os.path.realpath(each)}/")) for each in _SYSTEM)


def _holds_a_home(folder: Path, homes: Sequence[Path]) -> bool:
    real = Path(os.path.realpath(folder))
    return any(home.is_relative_to(real) for home in homes)


def _interpreters(folder: Path) -> Iterator[Path]:
    """Yield the folder of the Python that a virtual environment was made from."""
    try:
        lines = (folder.parent / "pyvenv.cfg").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        name, _, value = line.partition("=")
        if name.strip() == "home" and value.strip().startswith("/"):
            yield Path(value.strip())

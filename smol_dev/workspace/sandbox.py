"""The script that runs a check command in isolation, and ends every process that it started.

It is run by its path with the command's own scrubbed environment: `python -I -S sandbox.py BOX DESCRIPTOR`, with the
box as JSON. It imports nothing of ours. The byte that it writes to the descriptor says that the box is ready and the
command is about to begin.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import platform
import resource
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, NoReturn

Isolation = Literal["bubblewrap", "namespaces", "none"]
MountKind = Literal["read", "write", "memory", "proc", "dev", "link", "seal"]

STARTED: Final = 3
"""The descriptor on which the box reports that it is ready."""

SIGNALLED: Final = 128
"""An exit code above this means a signal, as in a shell."""

MIB: Final = 1024 * 1024
FILE_LIMIT: Final = 1024 * MIB
PROCESS_LIMIT: Final = 1024
"""Processes and threads at once; it does not bind root, whom the kernel never counts."""

# Every machine has a shell, and its `ulimit` in a user namespace counts only the processes there. The shell gets the
# command as arguments and never parses it. `dash` calls the limit `-p`.
_WITH_LIMIT: Final = (
    f"ulimit -u {PROCESS_LIMIT} 2>/dev/null || ulimit -p {PROCESS_LIMIT} 2>/dev/null;"
    f' printf 1 >&{STARTED}; exec {STARTED}>&-; exec "$@"'
)

_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS: Final = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}

# <linux/sched.h>, <linux/mount.h>, <linux/prctl.h>, <linux/if.h>, <asm/unistd.h>
_NEW_NAMESPACES: Final = 0x10000000 | 0x00020000 | 0x40000000 | 0x20000000 | 0x08000000 | 0x04000000
_NOSUID, _NODEV, _NOEXEC, _BIND, _RECURSIVE, _PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_ATTRIBUTE_READ_ONLY: Final = 1
_AT_FDCWD, _AT_RECURSIVE, _DETACH = -100, 0x8000, 2
_SET_PARENT_DEATH_SIGNAL, _DROP_BOUNDING, _SET_SUBREAPER, _NO_NEW_PRIVILEGES = 1, 24, 36, 38
_GET_FLAGS, _SET_FLAGS, _IS_UP = 0x8913, 0x8914, 1
_MOUNT_SETATTR: Final = 442
_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
_CAPABILITIES: Final = 64


class Mount(NamedTuple):
    """One thing that the command sees: its source (a path, a size in bytes, a link's target) and its place."""

    kind: MountKind
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Box:
    """A command, the folder it runs in, and what isolates it from the machine."""

    isolation: Isolation
    command: Sequence[str]
    folder: str
    mounts: Sequence[Mount] = ()
    bubblewrap: str = ""


def descendants(ancestor: int) -> list[int]:
    """Return the descendants of this process; an empty list if there is no `/proc`."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():  # noqa: PTH112, PTH208 - costs start-up
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found = children.get(ancestor, [])
    for each in found:
        found.extend(children.get(each, ()))
    return found


def send(number: signal.Signals, processes: Sequence[int]) -> None:
    """Send the signal to each process that still exists and is ours."""
    for each in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(each, number)


def bubblewrap_arguments(box: Box) -> list[str]:
    """Return the command line of `bwrap` for this box."""
    options = {"read": "--ro-bind", "write": "--bind", "proc": "--proc", "dev": "--dev", "link": "--symlink"}
    arguments = [box.bubblewrap, "--unshare-user", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    for kind, source, target in box.mounts:
        if kind == "memory":
            arguments += ["--size", source, "--tmpfs", target]
        elif kind == "seal":
            arguments += ["--remount-ro", target]
        else:
            arguments += [options[kind], *([source] if source else []), target]
    return [*arguments, "--chdir", box.folder, "--", "/bin/sh", "-c", _WITH_LIMIT, "sh", *box.command]


def start(box: Box) -> NoReturn:
    """Run the command in the box, end what is left of it, and exit with its code."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, FILE_LIMIT)
    if sys.platform == "linux":
        _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        with contextlib.suppress(OSError):  # the first to be killed when memory runs out
            _write("/proc/self/oom_score_adj", "1000")
    if box.isolation == "bubblewrap":
        arguments = bubblewrap_arguments(box)
        os.execv(arguments[0], arguments)  # noqa: S606 - an argument list
    if box.isolation == "namespaces":
        _enter_namespaces(box.mounts)
    elif sys.platform == "linux":
        _prctl(_SET_SUBREAPER, 1)
    os._exit(_supervise(box))


def _lower(kind: int, limit: int) -> None:
    _, most = resource.getrlimit(kind)
    if most != resource.RLIM_INFINITY:
        limit = min(limit, most)
    resource.setrlimit(kind, (limit, limit))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - `pathlib` costs start-up
        file.write(text)


def _supervise(box: Box) -> int:
    """Return the command's exit code once nothing that it started is left."""
    command = os.fork()
    if command == 0:
        _become(box)
    code = 0
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, 0))[0] != command:
            pass
        code = os.waitstatus_to_exitcode(ended[1])
    with contextlib.suppress(OSError):
        os.killpg(command, signal.SIGKILL)
    # In a namespace of its own, process 1 takes everything down with it.
    while box.isolation == "none" and (left := descendants(os.getpid())):
        send(signal.SIGKILL, left)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return code if code >= 0 else SIGNALLED - code


def _become(box: Box) -> NoReturn:
    os.setpgid(0, 0)
    os.chdir(box.folder)
    if sys.platform == "linux":
        _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, which the command would inherit
        signal.signal(number, signal.SIG_DFL)
    os.write(STARTED, b"1")
    os.set_inheritable(STARTED, False)  # noqa: FBT003 - a positional-only parameter
    try:
        os.execvp(box.command[0], list(box.command))  # noqa: S606 - an argument list
    except OSError as error:
        sys.stderr.write(f"{box.command[0]}: {error.strerror}\n")
        sys.stderr.flush()
    os._exit(127)


def _enter_namespaces(mounts: Sequence[Mount]) -> None:
    """Become process 1 of new namespaces that show only these mounts; the parent waits for its exit code."""
    user, group = os.geteuid(), os.getegid()
    _check(_libc().unshare(_NEW_NAMESPACES), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH22x", b"lo", 0)
        (flags,) = struct.unpack("16xH22x", fcntl.ioctl(any_socket, _GET_FLAGS, request))
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH22x", b"lo", flags | _IS_UP))
    first = os.fork()
    if first:
        os.close(STARTED)
        _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
        os._exit(code if code >= 0 else SIGNALLED - code)
    _build(mounts)
    _lower(resource.RLIMIT_NPROC, PROCESS_LIMIT)
    for capability in range(_CAPABILITIES):
        _libc().prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    _prctl(_NO_NEW_PRIVILEGES, 1)
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _build(mounts: Sequence[Mount]) -> None:
    """Make a root with these mounts and nothing else, and leave the old one for good."""
    _mount("", "/", "", _RECURSIVE | _PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "mode=755")  # noqa: S108 - what every machine has
    for name in ("/tmp/old", "/tmp/new"):  # noqa: S108
        os.mkdir(name)  # noqa: PTH102
    _mount("tmpfs", "/tmp/new", "tmpfs", _NOSUID | _NODEV, f"mode=755,size={MIB}")  # noqa: S108
    _pivot_root("/tmp", "/tmp/old")  # noqa: S108
    os.chdir("/")
    for kind, source, target in mounts:
        _place(kind, source, f"/new{target}")
    _check(_libc().umount2(b"/old", _DETACH), "umount")
    os.chdir("/new")
    _pivot_root(".", ".")
    _check(_libc().umount2(b".", _DETACH), "umount")
    os.chdir("/")


def _place(kind: MountKind, source: str, target: str) -> None:
    if kind == "seal":
        _set_attributes(target, _ATTRIBUTE_READ_ONLY, 0)
    elif kind == "link":
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        os.symlink(source, target)  # noqa: PTH211
    elif kind in {"read", "write"}:
        _bind(f"/old{source}", target)
        _set_attributes(target, _NOSUID | _NODEV | (_ATTRIBUTE_READ_ONLY if kind == "read" else 0), _AT_RECURSIVE)
    else:
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
        if kind == "proc":
            _mount("proc", target, "proc", _NOSUID | _NODEV | _NOEXEC)
        elif kind == "memory":
            _mount("tmpfs", target, "tmpfs", _NOSUID | _NODEV, f"mode=755,size={source}")
        else:
            _fill_devices(target)


def _fill_devices(target: str) -> None:
    _mount("tmpfs", target, "tmpfs", _NOSUID, f"mode=755,size={MIB}")
    for name in _DEVICES:
        _bind(f"/old/dev/{name}", f"{target}/{name}")
    for name, link in _DEVICE_LINKS.items():
        os.symlink(link, f"{target}/{name}")  # noqa: PTH211
    os.mkdir(f"{target}/pts")  # noqa: PTH102
    _mount("devpts", f"{target}/pts", "devpts", _NOSUID | _NOEXEC, "newinstance,ptmxmode=0666,mode=620")


def _bind(source: str, target: str) -> None:
    is_folder = os.path.isdir(source)  # noqa: PTH112
    os.makedirs(target if is_folder else os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
    if not is_folder:
        os.close(os.open(target, os.O_CREAT | os.O_RDONLY, 0o644))
    _mount(source, target, "", _BIND | _RECURSIVE)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    given = [os.fsencode(each) if each else None for each in (source, target, kind)]
    _check(_libc().mount(*given, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def _set_attributes(target: str, attributes: int, reach: int) -> None:
    wanted = struct.pack("QQQQ", attributes, 0, 0, 0)
    _syscall(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), reach, wanted, len(wanted))


def _pivot_root(new: str, old: str) -> None:
    _syscall(_PIVOT_ROOT[platform.machine()], new.encode(), old.encode())


def _syscall(*values: int | bytes) -> None:
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in values]
    _check(_libc().syscall(*given), "system call")


def _prctl(option: int, value: int) -> None:
    _check(_libc().prctl(option, value, 0, 0, 0), "prctl")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    if int(sys.argv[2]) != STARTED:
        os.dup2(int(sys.argv[2]), STARTED)
        os.close(int(sys.argv[2]))
    try:
        start(Box(**json.loads(sys.argv[1])))
    except (OSError, KeyError) as error:
        sys.stderr.write(f"the box cannot be built: {error}\n")
        sys.exit(1)

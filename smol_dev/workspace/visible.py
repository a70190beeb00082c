"""What a check command sees of the machine: the system, the tools in `PATH`, the output folder, a temporary folder.

Nothing is hidden by name: what is not listed here is not there. So the home folder, its keys, other
disks, sockets of daemons and the parents' environment need no rule of their own.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from smol_dev.workspace.sandbox import MIB, Mount

TEMPORARY: Final = "/tmp"  # noqa: S108 - private: a file system of its own in the command's memory
TEMPORARY_SIZE: Final = 512 * MIB
SHARED_MEMORY_SIZE: Final = 64 * MIB

PROTECTED: Final = (".smol", ".git")
"""What the command may read and not change: our record, and what git runs and believes."""

_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_SETTINGS: Final = (
    "alternatives ca-certificates fonts group hosts ld.so.cache ld.so.conf ld.so.conf.d localtime mime.types"
    " nsswitch.conf passwd pki/tls/certs protocols services ssl/certs ssl/openssl.cnf timezone"
).split()
"""Of `/etc`. Keys of the machine (`ssl/private`) and passwords are in the rest."""

_TOOL_PARTS: Final = (
    "bin lib lib64 libexec include versions version pyvenv.cfg pkg src VERSION go.env conf jmods toolchains"
    " settings.toml"
).split()
"""What stands beside the programs of a tool. The rest of such a folder can hold keys (`~/.cargo`, `~/.local/share`)."""

TOOL_DATA: Final = (".rustup",)
"""Of the home folder, at the same place in the temporary one: without it a tool does not know what to run."""

_LINKS_FOLLOWED: Final = 10


def mounts(folder: Path, *, program: str, path: Sequence[str], homes: Sequence[Path]) -> list[Mount]:
    """Return what the command sees, in the order in which it is laid out, later ones over earlier ones."""
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
    """Yield where the program stands, and where each link on the way to it leads."""
    for _ in range(_LINKS_FOLLOWED):
        yield os.path.dirname(program)  # noqa: PTH120 - a text
        if not os.path.islink(program):  # noqa: PTH114
            return
        program = os.path.join(os.path.dirname(program), os.readlink(program))  # noqa: PTH115, PTH118, PTH120


def _tools(folders: Sequence[str], homes: Sequence[Path]) -> Iterator[Path]:
    """Yield the folders of programs, the parts beside them, and the interpreters of virtual environments."""
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
    """Yield the folder of the Python that a virtual environment was made of."""
    try:
        lines = (folder.parent / "pyvenv.cfg").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        name, _, value = line.partition("=")
        if name.strip() == "home" and value.strip().startswith("/"):
            yield Path(value.strip())


def found(program: str, folder: Path, path: Sequence[str]) -> str | None:
    """Return the path of the program, looked for as the command itself would; None when it is not there."""
    if "/" in program:
        return shutil.which(str(folder / program))
    return shutil.which(program, path=os.pathsep.join(path))


def search_path(text: str) -> list[str]:
    """Return the folders of `PATH`. A relative or empty one is left out: it would be the output folder."""
    folders = (text or os.defpath).split(os.pathsep)
    return [each for each in folders if os.path.isabs(each)]  # noqa: PTH117

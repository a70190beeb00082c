"""The memory of this machine, and the models that fit it by a rule of thumb, without asking the network."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from smol_dev.server.families import families
from smol_dev.server.known import Offer, parsed, size_of

Fit = Literal["quick", "slow", "no", "unknown"]

GB: Final = 1_000_000_000
MIB: Final = 1024 * 1024
SECONDS: Final = 5.0  # a driver that hangs is given up after this
CGROUP: Final = Path("/sys/fs/cgroup/memory.max")
UNIFIED: Final = 0.75  # the share of a Mac's memory that its graphics may use
USABLE: Final = 0.8  # the share of main memory that is left for a model
BYTES: Final[Mapping[str, float]] = {
    word: size
    for size, words in (
        (4.0, "f32 fp32"),
        (2.0, "f16 fp16 bf16"),
        (1.06, "q8 fp8 int8 8bit"),
        (0.82, "q6 6bit"),
        (0.71, "q5 5bit"),
        (0.6, "q4 iq4 int4 4bit awq gptq mxfp4 nvfp4"),
        (0.49, "q3 iq3 3bit"),
        (0.4, "q2 iq2 2bit"),
    )
    for word in words.split()
}
"""Bytes per parameter, by the quantisation in a model's name; `q4` if it has none."""

BEARABLE: Final = 8 * GB  # the most bytes that a model may need to be fast enough in main memory
HOW: Final[Mapping[Fit, str]] = {
    "quick": "runs quickly, in graphics memory",
    "slow": "runs slowly, in main memory",
    "no": "does not fit this machine",
    "unknown": "-",
}
SPARE: Final = GB
WINDOW: Final = 0.2
RULE: Final = (
    "rule of thumb: 0.6 GB per billion parameters at 4 bits (1.06 at 8, 2 at 16), a fifth more for the window, and 1 GB"
)


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes of memory, and of graphics memory as reported by `told_by`; None if unknown."""

    memory: int | None
    graphics: int | None = None
    told_by: str = ""

    def fit(self, needed: int | None) -> Fit:
        """Return how a model that needs this many bytes would run here."""
        if needed is None or (self.memory is None and self.graphics is None):
            return "unknown"
        if needed <= (self.graphics or 0):
            return "quick"
        return "slow" if needed <= USABLE * (self.memory or 0) else "no"

    def sentence(self) -> str:
        """Return the machine's memory in words."""
        memory = "memory unknown" if self.memory is None else f"{gigabytes(self.memory)} of memory"
        if self.graphics is None:
            return f"this machine: {memory}, no graphics memory that nvidia-smi or rocm-smi tell"
        return f"this machine: {memory}, {gigabytes(self.graphics)} for graphics ({self.told_by})"


@dataclass(frozen=True, slots=True)
class Advice:
    """One model, the bytes it needs, and how it would run; `is_here` says that the server has it."""

    model: str
    needed: int | None
    fit: Fit
    is_here: bool


def advise(machine: Machine, offers: Sequence[Offer]) -> tuple[Advice, ...]:
    """Return the server's chat models, then the table's that are good for code, largest first."""
    here = {each.name: needed_by(each) for each in offers if each.chats and not each.remote}
    table = {name: needed_for(name) for family in families() for name in family.code if name not in here}
    more = dict(sorted(table.items(), key=lambda item: -(item[1] or 0)))
    return tuple(Advice(name, needed, machine.fit(needed), name in here) for name, needed in (here | more).items())


def best(advised: Sequence[Advice]) -> Advice | None:
    """Return the largest model that runs quickly, else the largest that is bearable in main memory."""
    quick = [each for each in advised if each.fit == "quick"]
    bearable = [each for each in advised if each.fit == "slow" and (each.needed or 0) <= BEARABLE]
    return max(quick or bearable, key=lambda each: each.needed or 0, default=None)


def needed_by(offer: Offer) -> int | None:
    """Return the bytes that an offered model needs: by its file's size if known, else by its parameters."""
    if offer.size is not None:
        return round(offer.size * (1 + WINDOW)) + SPARE
    return needed_for(offer.name, offer.parameters)


def needed_for(name: str, parameters: int | None = None) -> int | None:
    """Return the bytes that a model of this name needs; None if its size is unknown."""
    parameters = parameters or size_of(name)
    if parameters is None:
        return None
    words = re.split(r"[^a-z0-9]+", name.lower())
    each = next((BYTES[word] for word in reversed(words) if word in BYTES), BYTES["q4"])
    return round(parameters * each * (1 + WINDOW)) + SPARE


def gigabytes(size: int) -> str:
    """Return a size in gigabytes, as people write it."""
    return f"{size / GB:.1f} GB"


def this_machine(*, run: Callable[[Sequence[str]], str] | None = None) -> Machine:
    """Return this machine's memory, as reported by its kernel and the drivers' own programs."""
    run = run or _run
    memory = _memory()
    if platform.system() == "Darwin" and platform.machine() == "arm64" and memory is not None:
        return Machine(memory, round(UNIFIED * memory), "unified memory")
    told = run(["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"])
    if nvidia := MIB * sum(int(line) for line in told.split() if line.isdigit()):
        return Machine(memory, nvidia, "nvidia-smi")
    cards = parsed(run(["rocm-smi", "--showmeminfo", "vram", "--json"]))
    found = [each for each in cards.values() if isinstance(each, dict)] if isinstance(cards, dict) else []
    sizes = [str(each.get("VRAM Total Memory (B)", "")) for each in found]
    rocm = sum(int(size) for size in sizes if size.isascii() and size.isdigit())
    return Machine(memory, rocm, "rocm-smi") if rocm else Machine(memory)


def _memory() -> int | None:
    """Return the bytes of main memory, or of a container's share."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
    try:
        limit = CGROUP.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return whole
    return min(whole, int(limit)) if limit.isdigit() else whole


def _run(command: Sequence[str]) -> str:
    """Return what the program prints; empty if it is not installed or fails."""
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *command[1:]], stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""

"""No idle server: the span of whole runs against the shortest possible one, and what they cost.

`python -m benchmarks.idle` takes seven minutes; `--quick` leaves out the 1,000 files.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import Cost, about, child, fetch, run, slot, table
from benchmarks.mock_server import Pace

BARE_SCRIPT: Final = Path(__file__).with_name("bare.py")
OURS: Final = "smol_dev"
BARE: Final = "AsyncOpenAI, bare"
SERIAL: Final = "one file after another"
"""The bare script with one request at a time, which is how smol-ai/developer asks."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One client's run: what it cost, and what the server saw."""

    client: str
    pace: Pace
    cost: Cost
    seen: dict[str, Any]

    @property
    def row(self) -> list[object]:
        """A line of the table."""
        ideal, span = self.seen["ideal"], self.seen["span"]
        return [
            f"{slot(self.pace.slots)}, {self.pace.files:,} files: {self.client}",
            f"{ideal:.2f} s",
            f"{span / ideal:.3f}",
            f"{self.cost.seconds / ideal:.3f}",
            f"{self.cost.cpu:.1f} s",
            f"{self.cost.peak:.0f} MiB",
            self.seen["most_at_once"],
            self.seen["connections"],
        ]


HEAD: Final = ("client", "ideal", "span / ideal", "total / ideal", "CPU", "peak", "at once", "connections")


def smol_dev(base_url: str, pace: Pace, folder: Path) -> Cost:
    """A run as a user starts it."""
    settings = ("run.max_files=10000", "first_token_timeout=3000")
    options = [word for setting in settings for word in ("-c", setting)]
    command = ["-m", "smol_dev", "--llm-provider", "llamacpp", "--model", "mock"]
    strategy = "chain" if pace.slots == 1 else "parallel"
    options += ["-c", f"strategy={strategy}", "-o", str(folder / "out"), "a program"]
    return run([*command, "--base-url", base_url, *options], folder)


def measured(client: str, pace: Pace) -> Measured:
    """One run of a client against a server of its own."""
    options = [f"--{name.replace('_', '-')}={getattr(pace, name)}" for name in Pace.__slots__]
    with child("benchmarks.mock_server", *options) as origin, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if client == OURS:
            cost = smol_dev(f"{origin}/v1", pace, folder)
        else:
            at_once = 1 if client == SERIAL else pace.slots
            words = [f"{origin}/v1", str(folder), str(at_once), str(pace.files)]
            cost = run([str(BARE_SCRIPT), *words], folder)
        return Measured(client, pace, cost, fetch(f"{origin}/stats"))


def paces(*, quick: bool) -> list[Pace]:
    """1, 8 and 64 slots; then many files, which shows whether memory grows with them."""
    few = [Pace(slots=slots, files=max(20, slots)) for slots in (1, 8, 64)]
    many = [Pace(slots=64, rate=60, files=files, list_tokens=600) for files in (250, 1000)]
    return few if quick else few + many


def main() -> None:
    """Print the table, and what the server waited for between the stages."""
    print(about(), end="\n\n")
    rows, gaps = [], []
    for pace in paces(quick="--quick" in sys.argv):
        serial = (SERIAL,) if pace.slots > 1 and pace.files < 100 else ()
        for client in (OURS, BARE, *serial):
            done = measured(client, pace)
            rows.append(done.row)
            waits = ", ".join(f"{name} {1000 * wait:.1f} ms" for name, wait in done.seen["gaps"].items())
            gaps.append(f"{done.row[0]}: {waits}; {done.seen['probes']} probes")
            print(gaps[-1], file=sys.stderr)
    print(table(HEAD, rows))
    print("\nIdle between the stages:\n\n" + "\n".join(f"- {gap}" for gap in gaps))


if __name__ == "__main__":
    main()

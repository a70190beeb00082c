"""The pictures of docs/benchmarks.md, drawn from its tables: `python -m benchmarks.pictures`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from benchmarks.machine import ROOT

DOCS: Final = ROOT / "docs"
TABLES: Final = DOCS / "benchmarks.md"
WIDTH: Final = 760
LABELS: Final = 310
ROW: Final = 30
STYLE: Final = """
    text { font: 14px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600 }
    .ours { fill: #1a7f5a } .other { fill: #9aa4af }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .ours { fill: #3fb98a } .other { fill: #6e7781 }
    }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a picture."""

    label: str
    value: float
    shown: str

    @property
    def kind(self) -> str:
        """Which colour it gets."""
        return "ours" if "smol_dev" in self.label else "other"


def picture(title: str, bars: Sequence[Bar]) -> str:
    """Horizontal bars that begin at 0, as an SVG document for light and dark pages."""
    height = ROW * (len(bars) + 1) + 20
    scale = (WIDTH - LABELS - 110) / max(bar.value for bar in bars)
    lines = [f'<text class="title" x="8" y="22">{escape(title)}</text>']
    for number, bar in enumerate(bars, start=1):
        y, length = 10 + ROW * number, max(2, bar.value * scale)
        lines += [
            f'<text x="{LABELS - 10}" y="{y + 15}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{bar.kind}" x="{LABELS}" y="{y}" width="{length:.0f}" height="20" rx="3"/>',
            f'<text x="{LABELS + length + 8:.0f}" y="{y + 15}">{escape(bar.shown)}</text>',
        ]
    inner = "\n  ".join([f"<style>{STYLE}  </style>", *lines])
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">'
    return f"{head}\n  {inner}\n</svg>\n"


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in lines[2:]]


def prefix(text: str) -> str:
    """Prompt tokens evaluated, against the original's order."""
    found = rows(text, "Prompt tokens")
    bars = [Bar(cells[0], float(cells[1].replace(",", "")), cells[1]) for cells in found]
    return picture("Prompt tokens that a llama.cpp server evaluates for 10 files", bars)


def idle(text: str) -> str:
    """The span of a run against the shortest possible one."""
    bars = [
        Bar(cells[0], float(cells[2]), f"{cells[2]} ×")
        for cells in rows(text, "No idle server")
        if re.match(r"\d+ slots?, (20|64) files", cells[0])
    ]
    return picture("Time from the first request to the last token, × the shortest possible", bars)


PICTURES: Final = {"prefix.svg": prefix, "idle.svg": idle}


def main() -> None:
    """Write the pictures."""
    text = TABLES.read_text(encoding="utf-8")
    for name, draw in PICTURES.items():
        (DOCS / name).write_text(draw(text), encoding="utf-8")


if __name__ == "__main__":
    main()

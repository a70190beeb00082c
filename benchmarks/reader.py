"""The reader: instructions that one more chunk of an answer costs a whole run, from bytes to screen and disk.

Two runs that differ in the length of their answers alone; unpaced, so that nothing waits. The
bare script and the library's raw response are measured alike. `python -m benchmarks.reader`
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.machine import about, child, instructions, table

SHORT: Final = 1_000
LONG: Final = 11_000
"""Tokens of an answer, which are chunks."""

LIBRARY: Final = """
import asyncio, sys
from openai import AsyncOpenAI

async def main():
    client = AsyncOpenAI(base_url=sys.argv[1], api_key="none")
    messages = [{"role": "user", "content": "Write\\nsrc/part_0.py"}]
    {body}

asyncio.run(main())
"""
BODIES: Final = {
    "AsyncOpenAI, its own decoder": """stream = await client.chat.completions.create(
        model="mock", messages=messages, stream=True)
    async for chunk in stream: pass""",
    "AsyncOpenAI, its raw response, unread": """chat = client.chat.completions
    async with chat.with_streaming_response.create(
            model="mock", messages=messages, stream=True) as answer:
        async for chunk in answer.iter_bytes(): pass""",
}
OURS: Final = ("-m", "smol_dev", "--llm-provider", "llamacpp", "--model", "mock")


def run(arguments: tuple[str, ...], size: int, *, terminal: bool) -> int:
    """The instructions of one run whose file has so many tokens."""
    pace = ("--rate=0", "--ttft=0", "--slots=1", "--files=1", f"--file-tokens={size}")
    with child("benchmarks.mock_server", *pace) as origin, tempfile.TemporaryDirectory() as folder:
        filled = [argument.replace("URL", f"{origin}/v1") for argument in arguments]
        return instructions(filled, Path(folder), terminal=terminal)


def per_chunk(name: str, *arguments: str, terminal: bool = False) -> tuple[str, str]:
    """A line of the table: thousands of instructions."""
    print(name, file=sys.stderr)
    short, long = (run(arguments, size, terminal=terminal) for size in (SHORT, LONG))
    return name, f"{(long - short) / (LONG - SHORT) / 1000:,.0f}"


def main() -> None:
    """Print the table."""
    print(about(), end="\n\n")
    ours = (*OURS, "--base-url", "URL", "-c", "strategy=chain", "a program")
    rows = [
        *(per_chunk(name, "-c", LIBRARY.replace("{body}", body), "URL") for name, body in BODIES.items()),
        per_chunk("smol_dev, without its syntax check", *ours, "-c", "run.syntax_check=false"),
        per_chunk("smol_dev, to a log", *ours),
        per_chunk("smol_dev, drawing on a terminal", *ours, terminal=True),
    ]
    print(table(("", "thousand instructions a chunk"), rows))


if __name__ == "__main__":
    main()

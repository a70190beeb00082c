"""The reader: processor time that one more chunk of an answer costs a whole run, from bytes to screen and disk.

Two runs that differ in the length of their answers alone; unpaced, so that nothing waits. A bare script with the
library's own decoder is measured alike, all of them in turn; the least of several turns counts.
`python -m benchmarks.reader`
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.machine import about, child, run, table

SHORT: Final = 1_000
LONG: Final = 31_000
"""Tokens of an answer, which are chunks."""

TURNS: Final = 3
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
OURS: Final = "-m smol_dev --llm-provider llamacpp --model mock --base-url URL -c strategy=chain".split()
TERMINAL: Final = "smol_dev, drawing on a terminal"
COMMANDS: Final = {
    **{name: ("-c", LIBRARY.replace("{body}", body), "URL") for name, body in BODIES.items()},
    "smol_dev, to a log": (*OURS, "a program"),
    TERMINAL: (*OURS, "a program"),
}


def seconds(name: str, size: int) -> float:
    """The processor time of one run whose file has so many tokens."""
    pace = ("--rate=0", "--ttft=0", "--slots=1", "--files=1", f"--file-tokens={size}")
    with child("benchmarks.mock_server", *pace) as origin, tempfile.TemporaryDirectory() as folder:
        command = [word.replace("URL", f"{origin}/v1") for word in COMMANDS[name]]
        return run(command, Path(folder), terminal=name == TERMINAL, TERM="xterm").cpu


def main() -> None:
    """Print the table."""
    print(about(), end="\n\n")
    runs = [(name, size) for name in COMMANDS for size in (SHORT, LONG)]
    least = dict.fromkeys(runs, float("inf"))
    for turn in range(TURNS):
        print(f"turn {turn + 1} of {TURNS}", file=sys.stderr)
        for each in runs:
            least[each] = min(least[each], seconds(*each))
    chunks = {name: (least[name, LONG] - least[name, SHORT]) / (LONG - SHORT) for name in COMMANDS}
    first = next(iter(chunks.values()))
    rows = [(name, f"{1e6 * taken:.0f}", f"{taken / first:.2f}") for name, taken in chunks.items()]
    print(table(("", "µs a chunk", "of the library's"), rows))


if __name__ == "__main__":
    main()

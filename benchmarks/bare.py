"""A bare script on `openai`: the method with nothing around it, to compare with.

`python benchmarks/bare.py BASE_URL FOLDER AT_ONCE FILES`
"""

import asyncio
import sys
from pathlib import Path

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam  # noqa: TC002 - a bare script has it here


async def ask(client: AsyncOpenAI, *turns: str) -> str:
    """The answer to a conversation whose turns alternate, the user's first."""
    messages: list[ChatCompletionMessageParam] = [
        {"role": "assistant", "content": text} if number % 2 else {"role": "user", "content": text}
        for number, text in enumerate(turns)
    ]
    stream = await client.chat.completions.create(model="mock", messages=messages, stream=True)
    return "".join(
        [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices and chunk.choices[0].delta]
    )


async def build(base_url: str, folder: Path, at_once: int, files: int) -> None:
    """Plan, list, then each file, so many at once."""
    client = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
    plan = await ask(client, "Write the plan.")
    listed = await ask(client, "Write the plan.", plan, "List the files as JSON.")
    free = asyncio.Semaphore(at_once)

    async def write(path: str) -> None:
        async with free:
            code = await ask(client, "Write the plan.", plan, "List them.", listed, f"Write\n{path}")
        (folder / path.replace("/", "_")).write_text(code)

    await asyncio.gather(*(write(f"src/part_{number}.py") for number in range(files)))


if __name__ == "__main__":
    asyncio.run(build(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))

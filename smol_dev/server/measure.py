"""The server's own figures before it is asked: it loads a model on demand, and counts a prompt exactly."""

from collections.abc import Sequence
from typing import Final

import httpx2

from smol_dev.server.known import Known
from smol_dev.server.probes import address, fetch, look_up, number

MOST_TOKENS: Final = 10**9
TEMPLATE: Final = 8
"""Tokens that a chat template adds to each message, where only the text is counted."""


async def load(client: httpx2.AsyncClient, base_url: str, model: str, known: Known, *, seconds: float) -> None:
    """Have the server load the model, as its own command line does; whatever goes wrong, the chat tells."""
    body = {"model": model, **known.load_fields}
    await fetch(client, address(base_url, known.load), body=body, seconds=seconds)


async def count(
    client: httpx2.AsyncClient,
    base_url: str,
    model: str,
    known: Known,
    messages: Sequence[dict[str, str]],
    *,
    seconds: float,
) -> int | None:
    """Return how many tokens the messages take as a prompt; None where the server does not count.

    It may take `seconds`: a router of llama.cpp loads the model for it.
    """
    text = "\n".join(message["content"] for message in messages)
    for place in known.count:
        body = {"content": text} if place.post else {"model": model, "messages": list(messages)}
        answer = await fetch(client, address(base_url, place.at), body=body, seconds=seconds)
        answers = {} if answer is None else {place.at: answer}
        for _, found in look_up([place], answers, model):
            whole = found[0] if found else None
            if isinstance(whole, list):
                return len(whole) + TEMPLATE * len(messages)
            if (told := number(whole, most=MOST_TOKENS)) is not None:
                return told
    return None

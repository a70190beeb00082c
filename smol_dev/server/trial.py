"""Checks by doing it: one short answer, and one in the form of a JSON schema."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from smol_dev.chat import Delta, Message, Note, Reply, Request
from smol_dev.errors import ServerError
from smol_dev.server.check import Check, failed
from smol_dev.server.client import Client
from smol_dev.tokens import tokens

SHORT: Final = 64
LIST: Final = 256
"""Tokens that the answers may take."""

FEW: Final = 4
"""Tokens that a server may well send as one piece."""

UNSAID: Final = "update the server, or the gateway in front of it: others end with a `finish_reason`"
QUESTION: Final = "Write a Python function that adds two numbers. Answer with code only."
LIST_QUESTION: Final = 'Name the two files of a small web page, as JSON: {"files": ["index.html", "style.css"]}.'
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"files": {"type": "array", "items": {"type": "string"}}},
    "required": ["files"],
    "additionalProperties": False,
}


async def complete(client: Client) -> AsyncIterator[Check]:
    """Whether an answer comes, in pieces, and how fast."""
    messages = (Message("system", "You write code."), Message("user", QUESTION))
    try:
        deltas, reply, notes = await _ask(client, Request("code", messages, SHORT))
    except ServerError as error:
        yield failed("completion", error)
        return
    pieces = len(deltas)
    data = {"pieces": pieces}
    if pieces > 1:
        yield Check("streaming", "ok", f"the answer came in {pieces} pieces", data=data)
    elif tokens(reply.text + reply.reasoning).likely < FEW:
        yield Check("streaming", "ok", "the answer was too short to come in pieces", data=data)
    else:
        yield Check(
            "streaming",
            "warned",
            "the answer came in one piece: nothing is seen until it is complete",
            "switch streaming on in the server or the gateway in front of it",
            data,
        )
    yield _completion(reply, pieces, notes)


def _completion(reply: Reply, pieces: int, notes: list[Note]) -> Check:
    count = reply.usage.completion or pieces
    pace = replace(reply, usage=replace(reply.usage, completion=count)).pace.per_second
    data: dict[str, object] = {
        "first_token_seconds": round(reply.first_token_seconds, 3),
        "tokens": count,
        "finish_reason": reply.finish_reason,
    }
    speed = ""
    if pace is not None:
        data["tokens_per_second"] = round(pace, 1)
        speed = f", then {pace:.1f} tokens/s"
    timed = f"first token after {reply.first_token_seconds:.2f} s{speed}"
    failure = reply.failure
    if isinstance(failure, ServerError) and failure.kind == "only_reasoning":
        return Check("completion", "warned", f"the model thinks first; {timed}", failure.hint, data)
    if reply.ending == "unsaid" and reply.text and notes:
        return Check("completion", "warned", f"{timed}; {notes[-1].message}", UNSAID, data)
    if isinstance(failure, ServerError):
        return Check("completion", "failed", failure.message, failure.hint, data)
    if notes:
        return Check("completion", "warned", f"{timed}; {notes[0].message}", notes[0].hint, data)
    return Check("completion", "ok", timed, data=data)


async def structured(client: Client) -> Check:
    """Which form of structured output works for the file list."""
    name = "structured output"
    if not client.rungs("files"):
        return Check(name, "ok", "the list is asked for in words", data={"rung": "text"})
    messages = (Message("system", "You answer in JSON."), Message("user", LIST_QUESTION))
    try:
        _, reply, _ = await _ask(client, Request("files", messages, LIST, SCHEMA))
    except ServerError as error:
        return failed(name, error)
    rung = next(iter(client.rungs("files")), "text")
    if _is_list(reply.text):
        return Check(name, "ok", f"`{rung}` works", data={"rung": rung})
    return Check(
        name,
        "warned",
        f"`{rung}` was taken, but the answer is not in that form; the list will be read from text",
        "ask in words from the start: `-c structured_output=off`",
        {"rung": rung},
    )


def _is_list(text: str) -> bool:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and isinstance(document.get("files"), list)


async def _ask(client: Client, request: Request) -> tuple[list[Delta], Reply, list[Note]]:
    """The pieces, the end and the notes of an answer. Raises `ServerError`."""
    deltas, notes = list[Delta](), list[Note]()
    async with aclosing(client.ask(request)) as items:
        async for item in items:
            if isinstance(item, Delta):
                deltas.append(item)
            elif isinstance(item, Note):
                notes.append(item)
            elif isinstance(item, Reply):
                return deltas, item, notes
    message = "the client ended without a reply"
    raise AssertionError(message)

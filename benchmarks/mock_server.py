"""A server that paces its answers like a model does, and knows how fast a client could have been.

A generation waits for one of the slots, then `ttft` seconds; token k leaves k / `rate` seconds later.
The schedule is absolute: a token that leaves late moves no later one. `GET /stats` compares the span
of what was asked with the shortest possible one, `POST /reset` begins anew. The address is printed when
the server is ready; it ends with its standard input.
"""

import argparse
import asyncio
import json
import re
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from itertools import pairwise
from typing import Any, Final

NOUNS: Final = "amber birch cedar delta ember fjord grove heath inlet jetty knoll ledge marsh".split()
VERBS: Final = "adds binds casts draws emits folds grabs heals joins keeps lifts".split()
HEAD: Final = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
OPENING: Final = "```python\n"
FENCE: Final = f"{OPENING}{{}}\n```"
CHARACTERS: Final = 4
"""Of a token, on average."""

FILE: Final = re.compile(r"(?m)^src/part_\d+\.py\Z")


@dataclass(frozen=True, slots=True)
class Pace:
    """What the server offers; sizes are tokens, `rate` is of one slot in tokens a second (0: unpaced)."""

    slots: int = 8
    rate: float = 100.0
    ttft: float = 0.05
    files: int = 20
    plan_tokens: int = 200
    list_tokens: int = 60
    file_tokens: int = 200


@dataclass(slots=True)
class Asked:
    """One generation: seconds of the loop's clock, and how long it takes at best."""

    kind: str
    came: float
    ideal: float
    ended: float | None = None


@dataclass(slots=True)
class Counts:
    """Everything since the last reset."""

    asked: list[Asked] = field(default_factory=list)
    others: int = 0
    connections: int = 0
    most_at_once: int = 0
    latest: float = 0.0


def words(number: int) -> str:
    """A line of valid Python; those of a file are no loop for a detector of loops."""
    noun = NOUNS[number * number % 13] + NOUNS[number // 13 % 13][:2]
    return f"{noun}_{VERBS[number * 7 % 11]} = {number}\n"


def tokens(kind: str, pace: Pace) -> list[str]:
    """The pieces of an answer of this kind; the rest of a file has no opening fence."""
    if kind in {"file", "rest"}:
        size = CHARACTERS * pace.file_tokens - len(FENCE.format(""))
        lines = "".join(words(number) for number in range(size // 16))
        text = FENCE.format(lines[:size].rpartition("\n")[0])
        return cut(text.removeprefix(OPENING) if kind == "rest" else text, pace.file_tokens)
    if kind == "plan":
        text = "# Plan\n\n" + "".join(f"- {words(number * 3 + 1)}" for number in range(pace.plan_tokens))
        return cut(text, pace.plan_tokens)
    paths = [f"src/part_{number}.py" for number in range(pace.files)]
    return cut(json.dumps({"files": paths}), pace.list_tokens)


def cut(text: str, count: int) -> list[str]:
    """The text in so many pieces of about the same length."""
    ends = [len(text) * number // count for number in range(count + 1)]
    return [text[start:end] for start, end in pairwise(ends)]


def kind_of(body: dict[str, Any]) -> str:
    """What the last message asks for; one of the model's own begins a file."""
    last = str(body["messages"][-1]["content"])
    if last == OPENING:
        return "rest"
    if FILE.search(last):
        return "file"
    return "list" if "JSON" in last else "plan"


class Generation:
    """One answer on its way."""

    def __init__(self, service: "Service", connection: "Connection", kind: str) -> None:
        pace, self.service, self.connection = service.pace, service, connection
        self.tokens = service.answers[kind]
        seconds = len(self.tokens) / pace.rate if pace.rate else 0.0
        self.asked = Asked("file" if kind == "rest" else kind, connection.came, pace.ttft + seconds)
        service.counts.asked.append(self.asked)
        self.begun = 0.0
        self.sent = 0
        self.timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A slot is free: the schedule starts now."""
        loop = self.service.loop
        self.begun = loop.time() + self.service.pace.ttft
        self.connection.write(HEAD)
        first = 1 / self.service.pace.rate if self.service.pace.rate else 0.0
        self.timer = loop.call_at(self.begun + first, self.tick)

    def tick(self) -> None:
        """Send every token that is due."""
        loop, rate = self.service.loop, self.service.pace.rate
        count = len(self.tokens)
        due = min(count, int((loop.time() - self.begun) * rate + 1e-6)) if rate else count
        late = loop.time() - (self.begun + (self.sent + 1) / rate) if rate else 0.0
        self.service.counts.latest = max(self.service.counts.latest, late)
        for token in self.tokens[self.sent : due]:
            self.connection.event({"content": token})
        self.sent = max(due, self.sent)
        if self.sent < count:
            self.timer = loop.call_at(self.begun + (self.sent + 1) / rate, self.tick)
            return
        self.connection.end_answer(count)
        self.asked.ended = loop.time()
        self.service.free(self)

    def abort(self) -> None:
        """The client went away."""
        if self.timer is not None:
            self.timer.cancel()
        self.service.free(self)


class Connection(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self, service: "Service") -> None:
        self.service = service
        self.received = b""
        self.came = 0.0
        self.generation: Generation | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.service.counts.connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        """Free the slot of what was not finished."""
        del error
        if self.generation is not None:
            self.generation.abort()

    def data_received(self, data: bytes) -> None:
        """Answer as soon as the request is whole; it came with its first byte."""
        if not self.received:
            self.came = self.service.loop.time()
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self.received = b""
            self.service.answer(self, head.split(b" ", 2)[1].decode(), body)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        assert self.transport is not None
        self.transport.write(data)

    def event(self, delta: dict[str, str], **fields: object) -> None:
        """Send one event as one chunk."""
        choice = {"index": 0, "delta": delta, "finish_reason": fields.pop("finish", None)}
        document = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "mock"}
        data = json.dumps({**document, "choices": [choice], **fields}, separators=(",", ":"))
        self.chunk(f"data: {data}\n\n".encode())

    def end_answer(self, completion: int) -> None:
        """Send the finish reason, the counts and the end."""
        usage = {"prompt_tokens": 1000, "completion_tokens": completion, "total_tokens": 1000 + completion}
        self.event({}, finish="stop", usage=usage)
        self.chunk(b"data: [DONE]\n\n")
        self.write(b"0\r\n\r\n")
        self.generation = None

    def chunk(self, data: bytes) -> None:
        """Send one HTTP chunk."""
        self.write(b"%x\r\n%b\r\n" % (len(data), data))

    def document(self, value: object, status: int = 200) -> None:
        """Send a whole JSON answer."""
        data = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(data)}"
        self.write(f"{head}\r\n\r\n".encode() + data)


class Service:
    """The slots, the queue before them, and the counts."""

    def __init__(self, pace: Pace, loop: asyncio.AbstractEventLoop) -> None:
        self.pace = pace
        self.loop = loop
        self.counts = Counts()
        self.answers = {kind: tokens(kind, pace) for kind in ("plan", "list", "file", "rest")}
        self.running: set[Generation] = set()
        self.waiting: deque[Generation] = deque()

    def answer(self, connection: Connection, path: str, body: bytes) -> None:
        """What stands at the path; probes answer like a llama.cpp server."""
        if path.endswith("/chat/completions"):
            generation = Generation(self, connection, kind_of(json.loads(body)))
            connection.generation = generation
            self.waiting.append(generation)
            self.fill()
            return
        settings = {"n_ctx": 1_000_000}
        places: dict[str, object] = {
            "/stats": report(self.counts, self.pace),
            "/reset": {},
            "/props": {"total_slots": self.pace.slots, "default_generation_settings": settings},
            "/v1/models": {"object": "list", "data": [{"id": "mock", "object": "model"}]},
        }
        if path == "/reset":
            self.counts = Counts()
        elif path != "/stats":
            self.counts.others += 1
        connection.document(places.get(path, {"error": path}), 200 if path in places else 404)

    def fill(self) -> None:
        """Begin what waits, as far as slots are free."""
        while self.waiting and len(self.running) < self.pace.slots:
            generation = self.waiting.popleft()
            self.running.add(generation)
            self.counts.most_at_once = max(self.counts.most_at_once, len(self.running))
            generation.begin()

    def free(self, generation: Generation) -> None:
        """The generation is over, whether it was begun or not."""
        self.running.discard(generation)
        if generation in self.waiting:
            self.waiting.remove(generation)
        self.fill()


def report(counts: Counts, pace: Pace) -> dict[str, object]:
    """The counts, and the span from the first request to the last token against the shortest possible."""
    asked = counts.asked
    ends = [each.ended for each in asked if each.ended is not None]
    return {
        "kinds": Counter(each.kind for each in asked),
        "probes": counts.others,
        "connections": counts.connections,
        "most_at_once": counts.most_at_once,
        "latest": counts.latest,
        "first": asked[0].came if asked else None,
        "span": max(ends) - min(each.came for each in asked) if ends else 0.0,
        "ideal": shortest(asked, pace.slots),
        "gaps": gaps(asked),
    }


def shortest(asked: list[Asked], slots: int) -> float:
    """Plan and list one after the other, then the files, each on the slot that is free first."""
    lanes = [0.0] * slots
    heapify(lanes)
    for each in asked:
        if each.kind == "file":
            heapreplace(lanes, lanes[0] + each.ideal)
    return sum(each.ideal for each in asked if each.kind != "file") + max(lanes)


def gaps(asked: list[Asked]) -> dict[str, float]:
    """Seconds from the end of the plan and of the list to the next request."""
    return {
        f"{one.kind} to {next_.kind}": next_.came - one.ended
        for one, next_ in pairwise(asked)
        if one.kind != "file" and one.ended is not None
    }


async def serve(pace: Pace) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    service = Service(pace, loop)
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=2048)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """The options are the fields of `Pace`."""
    parser = argparse.ArgumentParser(description=__doc__)
    defaults = Pace()
    for name in Pace.__slots__:
        value = getattr(defaults, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    asyncio.run(serve(Pace(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()

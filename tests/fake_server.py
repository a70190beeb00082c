"""A scripted HTTP server on loopback that records what it is sent, for tests of everything that connects.

    with FakeServer(sse(delta("hi"), delta("", finish="stop"))) as server:
        ...  # server.base_url, server.requests

An answer is a `Canned` (or what `json_answer`, `text_answer`, `sse` make of one); a list gives them one
after the other, the last again and again, a function chooses by the request.
"""

import atexit
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

End = Literal["close", "reset", "stall", "keep"]


@dataclass(frozen=True)
class Canned:
    """One answer: status, headers, and the body in pieces that are sent one by one.

    `end` is what happens behind the last piece: the connection is closed, reset, left open without a word
    (until the test ends), or kept for the next request (then a length is sent). `raw` is sent in place
    of everything, status line included.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes] = ()
    end: End = "keep"
    raw: bytes | None = None
    pause: float = 0


@dataclass(frozen=True)
class Received:
    """A request as it came in; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def place(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        return json.loads(self.body)


Answers = Canned | Sequence[Canned] | Callable[[Received], Canned]


def json_answer(document: object, *, status: int = 200, **headers: str) -> Canned:
    """A JSON body; header names with `_` for `-`."""
    return _whole(json.dumps(document).encode(), "application/json", status, headers)


def text_answer(text: str, *, status: int = 200, kind: str = "text/plain", **headers: str) -> Canned:
    """A plain body."""
    return _whole(text.encode(), kind, status, headers)


def _whole(body: bytes, kind: str, status: int, headers: Mapping[str, str]) -> Canned:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Canned(status, {"content-type": kind, **named}, [body])


def sse(*lines: str, end: End = "close") -> Canned:
    """A stream of server-sent events; each line is the data of an event, or sent as it is if it has a `:` field."""
    pieces = [f"{_event(line)}\n\n".encode() for line in lines]
    return Canned(200, {"content-type": "text/event-stream"}, pieces, end)


def _event(line: str) -> str:
    return line if line.startswith((":", "event:", "data:", "error:", "id:", "retry:")) else f"data: {line}"


def delta(
    text: str = "", *, finish: str | None = None, usage: Mapping[str, object] | None = None, **fields: object
) -> str:
    """The data of one chunk of an answer; further fields go into its `delta`."""
    choice = {"index": 0, "delta": {"content": text, **fields}, "finish_reason": finish}
    document: dict[str, object] = {"object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    return json.dumps({**document, **({"usage": usage} if usage else {})})


def answered(text: str, **usage: int) -> Canned:
    """A whole streamed answer that stopped by itself."""
    return sse(delta(text), delta(finish="stop", usage=usage or None), "[DONE]")


class FakeServer:
    """Listens on 127.0.0.1 for as long as the `with` block lasts; a thread a connection."""

    def __init__(self, answers: Answers = Canned()) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self.asked = threading.Event()
        self.dropped = threading.Event()
        self._answers = answers
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: set[socket.socket] = set()
        self.port = int(self._socket.getsockname()[1])

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def chats(self) -> list[Received]:
        """The requests for chat completions, without the probes."""
        return [each for each in self.requests if each.place.endswith("/chat/completions")]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def refuse_more(self) -> None:
        """Accept no further connection; those that are open stay."""
        self._closing.set()
        with contextlib.suppress(OSError):  # else the thread in `accept` takes one more connection
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __exit__(self, *_: object) -> None:
        self.refuse_more()
        with self._lock:
            for connection in self._open:
                connection.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while (request := _read(stream)) is not None:
                    with self._lock:
                        self.requests.append(request)
                        self.asked.set()
                        answer = self._choose(request)
                    if not self._answer(connection, answer):
                        return
        except OSError:
            self.dropped.set()

    def _choose(self, request: Received) -> Canned:
        if isinstance(self._answers, Canned):
            return self._answers
        if callable(self._answers):
            return self._answers(request)
        number = sum(each.path == request.path for each in self.requests)
        return self._answers[min(number, len(self._answers)) - 1]

    def _answer(self, connection: socket.socket, answer: Canned) -> bool:
        """Send it; whether the connection stays for another request."""
        if answer.raw is not None:
            connection.sendall(answer.raw)
        else:
            connection.sendall(_head(answer))
            for piece in answer.pieces:
                time.sleep(answer.pause)
                connection.sendall(piece)
        if answer.end == "stall":
            self._wait_for_drop(connection)
        if answer.end == "reset":
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return answer.end == "keep"

    def _wait_for_drop(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        if connection.recv(1) == b"":
            self.dropped.set()


def _head(answer: Canned) -> bytes:
    headers = dict(answer.headers)
    if answer.end == "keep":
        headers["content-length"] = str(sum(map(len, answer.pieces)))
    else:
        headers["connection"] = "close"
    lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _read(stream: Any) -> Received | None:  # noqa: ANN401 - a buffered reader
    first = stream.readline(65_536).decode("latin-1").split()
    if len(first) < 2:
        return None
    headers = {}
    while (line := stream.readline(65_536).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Received(first[0], first[1], headers, body)


def refusing_port() -> int:
    """A port on 127.0.0.1 at which nothing listens, and that nobody else gets while the tests run."""
    held = socket.socket()
    atexit.register(held.close)
    held.bind(("127.0.0.1", 0))
    return int(held.getsockname()[1])


NOWHERE = {"SMOL_LOCAL_SERVERS": f"http://127.0.0.1:{refusing_port()}/v1"}
"""An environment in which detection looks where nothing listens: the reader may run a server."""

"""An OpenAI-compatible server on loopback that answers from a script.

The answers are canned; HTTP, streaming and errors are like those of a real server.
"""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self

from smol_dev.demo.answers import NoAnswerError, answer, tokens

MODEL: Final = "demo"
LARGEST_REQUEST: Final = 16 * 1024 * 1024
RESPONSE_FORMATS: Final = frozenset({"text", "json_object", "json_schema"})
TOKENS_PER_MESSAGE: Final = 4


class DemoServer:
    """The scripted server, running during a `with` block; `base_url` ends in `/v1`.

    It listens on 127.0.0.1, on a port chosen by the system. `pace` is the pause before each token, in
    seconds, so that streaming is visible.
    """

    def __init__(self, *, pace: float = 0.0003) -> None:
        handler = type("PacedHandler", (Handler,), {"pace": pace})
        self._server = Listener(("127.0.0.1", 0), handler)
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="smol_dev-demo", daemon=True
        )
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Listener(ThreadingHTTPServer):
    """A listener that does not treat a client's disconnection as an error."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's signature
        """Ignore a lost connection; any other error is a bug and keeps its traceback."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class RefusedError(Exception):
    """A request that gets an error in OpenAI's format."""

    def __init__(self, status: HTTPStatus, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


class Handler(BaseHTTPRequestHandler):
    """The handler of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "smol_dev-demo"
    sys_version = ""
    pace: float

    def do_GET(self) -> None:
        """Send the list of models."""
        if self.path != "/v1/models":
            self._refuse(not_found(self.path))
            return
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "smol_dev"}
        self._send(HTTPStatus.OK, {"object": "list", "data": [model]})

    def do_POST(self) -> None:
        """Send a chat completion, streamed or whole."""
        try:
            request = self._read_request()
            text = chat_answer(self.path, request)
        except RefusedError as error:
            self._refuse(error)
            return
        usage = usage_of(request["messages"], text)
        if request.get("stream"):
            self._stream(text, usage, wants_usage=wants_usage(request))
        else:
            time.sleep(self.pace * usage["completion_tokens"])
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._send(HTTPStatus.OK, envelope("chat.completion", choices=[choice], usage=usage))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing, as the terminal belongs to the run."""

    def _read_request(self) -> Any:  # noqa: ANN401 - JSON that is not checked yet
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a body with a Content-Length is needed")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from error

    def _refuse(self, error: RefusedError) -> None:
        kind = "not_found_error" if error.status == HTTPStatus.NOT_FOUND else "invalid_request_error"
        body = {"message": error.message, "type": kind, "param": None, "code": error.code}
        self._send(error.status, {"error": body})

    def _send(self, status: HTTPStatus, body: Mapping[str, object]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _stream(self, text: str, usage: Mapping[str, int], *, wants_usage: bool) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for choices in choices_of(text):
            time.sleep(self.pace)
            self._event(envelope("chat.completion.chunk", choices=choices))
        if wants_usage:
            self._event(envelope("chat.completion.chunk", choices=[], usage=usage))
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, body: Mapping[str, object]) -> None:
        self._chunk(b"data: " + json.dumps(body).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def chat_answer(path: str, request: Any) -> str:  # noqa: ANN401 - JSON that is not checked yet
    """Return the text of the answer. Raise `RefusedError` for a request that a real server would refuse."""
    if path != "/v1/chat/completions":
        raise not_found(path)
    if not isinstance(request, dict) or not are_messages(request.get("messages")):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "`messages` must be a list of messages, the user's last")
    if request.get("model") != MODEL:
        message = f"the model `{request.get('model')}` does not exist; there is `{MODEL}`"
        raise RefusedError(HTTPStatus.NOT_FOUND, message, code="model_not_found")
    form = request.get("response_format") or {"type": "text"}
    if not isinstance(form, dict) or form.get("type") not in RESPONSE_FORMATS:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "`response_format.type` is not known")
    try:
        return answer(request["messages"])
    except NoAnswerError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error


def are_messages(value: object) -> bool:
    """Return whether this is a list of plain-text messages that ends with the user's."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(turn, dict)
            and turn.get("role") in {"system", "user", "assistant"}
            and isinstance(turn.get("content"), str)
            for turn in value
        )
        and value[-1]["role"] == "user"
    )


def wants_usage(request: Mapping[str, Any]) -> bool:
    """Return whether the stream must end with the token counts."""
    options = request.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def not_found(path: str) -> RefusedError:
    """Return the error for an unknown path."""
    return RefusedError(HTTPStatus.NOT_FOUND, f"there is nothing at `{path}`")


def choices_of(text: str) -> Iterable[list[dict[str, object]]]:
    """Yield the `choices` of each chunk: the role, each token of the text, the finish reason."""
    yield [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
    for token in tokens(text):
        yield [{"index": 0, "delta": {"content": token}, "finish_reason": None}]
    yield [{"index": 0, "delta": {}, "finish_reason": "stop"}]


def usage_of(messages: Iterable[Mapping[str, str]], text: str) -> dict[str, int]:
    """Return the token counts of prompt and answer."""
    prompt = sum(len(tokens(turn["content"])) + TOKENS_PER_MESSAGE for turn in messages)
    completion = len(tokens(text))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def envelope(kind: str, **fields: object) -> dict[str, object]:
    """Return the fields common to all answers of the API, followed by `fields`."""
    created = int(time.time())
    head = {"id": f"demo-{created}", "object": kind, "created": created, "model": MODEL}
    return {**head, **fields}

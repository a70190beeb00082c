"""An OpenAI-compatible server on loopback that answers from a script.

The answers are canned; HTTP, streaming and errors are like those of a real server.
"""

import json
import sys
import time
from collections.abc import Mapping
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


class RequestError(Exception):
    """A request that gets an error in OpenAI's format."""

    def __init__(self, message: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Handler(BaseHTTPRequestHandler):
    """The handler of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "smol_dev-demo"
    sys_version = ""
    pace: float

    def do_GET(self) -> None:
        """Send the list of models."""
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "smol_dev"}
        if self.path == "/v1/models":
            self._send(HTTPStatus.OK, {"object": "list", "data": [model]})
        else:
            self._refuse(not_found(self.path))

    def do_POST(self) -> None:
        """Send a chat completion, streamed or whole."""
        try:
            request = self._read_request()
            text = chat_answer(self.path, request)
        except RequestError as error:
            self._refuse(error)
            return
        prompt = sum(len(tokens(turn["content"])) + TOKENS_PER_MESSAGE for turn in request["messages"])
        count = len(tokens(text))
        usage = {"prompt_tokens": prompt, "completion_tokens": count, "total_tokens": prompt + count}
        if request.get("stream"):
            options = request.get("stream_options")
            wants_usage = isinstance(options, dict) and options.get("include_usage") is True
            self._stream(text, usage if wants_usage else None)
        else:
            time.sleep(self.pace * count)
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._send(HTTPStatus.OK, envelope("chat.completion", choices=[choice], usage=usage))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing, as the terminal belongs to the run."""

    def _read_request(self) -> Any:  # noqa: ANN401 - JSON that is not checked yet
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            raise RequestError("a body with a Content-Length is needed")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise RequestError("the body is not JSON") from error

    def _refuse(self, error: RequestError) -> None:
        kind = "not_found_error" if error.status == HTTPStatus.NOT_FOUND else "invalid_request_error"
        self._send(error.status, {"error": {"message": str(error), "type": kind, "param": None, "code": error.code}})

    def _send(self, status: HTTPStatus, body: Mapping[str, object]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _stream(self, text: str, usage: Mapping[str, int] | None) -> None:
        """Send the chunks: the role, each token of the text, the finish reason, and the token counts if given."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        pieces = ({"content": token} for token in tokens(text))
        for delta in ({"role": "assistant", "content": ""}, *pieces, {}):
            time.sleep(self.pace)
            choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
            self._event(json.dumps(envelope("chat.completion.chunk", choices=[choice])))
        if usage is not None:
            self._event(json.dumps(envelope("chat.completion.chunk", choices=[], usage=usage)))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))


def chat_answer(path: str, request: Any) -> str:  # noqa: ANN401 - JSON that is not checked yet
    """Return the text of the answer. Raise `RequestError` for a request that a real server would refuse."""
    if path != "/v1/chat/completions":
        raise not_found(path)
    messages = request.get("messages") if isinstance(request, dict) else None
    if (
        not (isinstance(messages, list) and messages and all(map(is_message, messages)))
        or messages[-1]["role"] != "user"
    ):
        raise RequestError("`messages` must be a list of messages, the user's last")
    if request.get("model") != MODEL:
        message = f"the model `{request.get('model')}` does not exist; there is `{MODEL}`"
        raise RequestError(message, status=HTTPStatus.NOT_FOUND, code="model_not_found")
    form = request.get("response_format") or {"type": "text"}
    if not isinstance(form, dict) or form.get("type") not in RESPONSE_FORMATS:
        raise RequestError("`response_format.type` is not known")
    try:
        return answer(messages)
    except NoAnswerError as error:
        raise RequestError(str(error)) from error


def is_message(turn: object) -> bool:
    """Return whether this is a message of plain text."""
    roles = {"system", "user", "assistant"}
    return isinstance(turn, dict) and turn.get("role") in roles and isinstance(turn.get("content"), str)


def not_found(path: str) -> RequestError:
    """Return the error for an unknown path."""
    return RequestError(f"there is nothing at `{path}`", status=HTTPStatus.NOT_FOUND)


def envelope(kind: str, **fields: object) -> dict[str, object]:
    """Return the fields common to all answers of the API, followed by `fields`."""
    created = int(time.time())
    return {"id": f"demo-{created}", "object": kind, "created": created, "model": MODEL, **fields}

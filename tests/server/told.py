"""An answer, and the error it is read as."""

import json

from smol_dev.errors import ServerError
from smol_dev.server.failures import Target, classify
from smol_dev.server.known import KnownServer, Response, servers

URL = "http://localhost:8080/v1"


def known(name: str) -> KnownServer:
    return next(each for each in servers() if each.name == name)


def told(
    status: int,
    body: object,
    *,
    server: str | None = None,
    model: str = "qwen3:8b",
    base_url: str = URL,
    **headers: str,
) -> ServerError:
    """The error of an answer; a body that is no text is sent as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    asked = Target(base_url, model, known(server) if server else None)
    return classify(Response(status, {name.lower(): value for name, value in headers.items()}, text), asked)


def error(message: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": message, **fields}}

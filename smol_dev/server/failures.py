"""One classifier: from whatever a server answered, or from why it did not, to one error with a remedy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from smol_dev.errors import ServerError
from smol_dev.server.known import Known

Kind = Literal[
    "not_running",
    "dns",
    "tls",
    "wrong_path",
    "redirect",
    "proxy",
    "key",
    "forbidden",
    "cloud_model",
    "context",
    "silent_truncation",
    "load_failed",
    "template",
    "unsupported",
    "embedding_model",
    "not_loaded",
    "model_missing",
    "loading",
    "busy",
    "rate_limit",
    "crashed",
    "cut",
    "empty",
    "only_reasoning",
    "timeout",
    "bad_request",
    "server",
]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, or (`in_stream`) the error found in the middle of a stream; `body` is its text."""

    status: int
    headers: Mapping[str, str]
    body: str
    in_stream: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom was asked for what, as far as it is known.

    `models` is the server's own list, None when it is not known; `running` names other local servers
    that were found running; `proxy` is the proxy the request went through.
    """

    base_url: str
    model: str
    known: Known | None
    models: tuple[str, ...] | None = None
    key_sent: bool = False
    proxy: str | None = None
    running: tuple[str, ...] = ()


class RefusedError(ServerError):
    """The server does not take a part of the request; without it the same request may work.

    `field` is the name of a field of the body (`reasoning_effort`, `response_format`, …), or
    `system` when the model's template has no place for a system message. `kind` is `unsupported`,
    or `template` for the latter.
    """

    def __init__(self, message: str, *, hint: str, field: str, kind: Kind = "unsupported") -> None:
        super().__init__(message, hint=hint, kind=kind)
        self.field = field


def classify(answer: Answer, asked: Asked) -> ServerError:
    """The error an answer means; never raises. Call it only for an answer that is none."""
    raise NotImplementedError


def unreachable(error: BaseException, asked: Asked) -> ServerError:
    """Why there was no answer: refused, no address, TLS, proxy, reset, time-out, each named."""
    raise NotImplementedError

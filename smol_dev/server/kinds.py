"""The kinds of failure, as the `kind` of a `ServerError` names them."""

from typing import Literal

Kind = Literal[
    "not_running",
    "dns",
    "tls",
    "proxy",
    "timeout",
    "cut",
    "wrong_path",
    "forbidden",
    "key",
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
    "empty",
    "only_reasoning",
    "bad_request",
    "server",
]

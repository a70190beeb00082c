"""The words of an answer decide what it means, in any shape and with any status."""

import json

import pytest

from smol_dev.server.failures import RefusedError
from smol_dev.server.known import FailureKind
from tests.server.told import error, told

WORDINGS: list[tuple[FailureKind, int, object]] = [
    # the prompt is too long
    ("context", 400, error("request (9000 tokens) exceeds the available context size (2048 tokens)")),
    ("context", 500, error("Context size has been exceeded.")),
    ("context", 400, error("the request exceeds the available context size. try increasing it")),
    ("context", 400, {"message": "This model's maximum context length is 8192 tokens.", "code": 400}),
    ("context", 400, error("The decoder prompt (length 9000) is longer than the maximum model length of 4096.")),
    ("context", 400, error("Requested tokens (5000) exceed context window of 2048", code="context_length_exceeded")),
    ("context", 400, {"error": "The input does not fit in the context length."}),
    ("context", 503, error("litellm.ContextWindowExceededError: too long")),
    ("context", 400, error("max_completion_tokens must be at least 1, got -12.")),
    ("context", 400, {"detail": "prompt is too long: 9001 tokens > 8192 maximum"}),
    ("context", 413, error("Input is longer than the context window")),
    ("context", 400, json.dumps(error(json.dumps(error("ctx", type="exceed_context_size_error"))))),
    ("context", 400, error("the prompt is longer than the context length currently available to the model")),
    (
        "context",
        422,
        {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000", "error_type": "validation"},
    ),
    # memory and loading
    ("load_failed", 500, error("CUDA out of memory. Tried to allocate 2.00 GiB")),
    (
        "load_failed",
        400,
        error(
            'Failed to load model "x". Error: Model loading aborted due to insufficient system resources',
            code="model_not_found",
        ),
    ),
    (
        "load_failed",
        404,
        {"error": "Model loading was stopped due to insufficient system resources. It requires approximately 24 GB."},
    ),
    ("load_failed", 500, "unable to load runner: not enough GPU memory\n"),
    ("load_failed", 500, error("llama runner process has terminated: exit status 2")),
    ("load_failed", 500, error("timed out waiting for llama-server to start - progress 0.00")),
    ("load_failed", 500, error("model requires more system memory (23.1 GiB) than is available (4 GiB)")),
    ("load_failed", 500, error("vk::DeviceLostError: ErrorOutOfDeviceMemory")),
    ("load_failed", 404, {"error": "401 Client Error: Unauthorized for url: https://huggingface.co/api/models/x"}),
    ("load_failed", 500, error("error loading model: unknown model architecture: 'foo'")),
    # the key
    ("key", 401, {"detail": "Not authenticated"}),
    ("key", 401, ""),
    ("key", 401, error("Invalid API Key", type="authentication_error")),
    ("key", 401, error("Incorrect API key provided: sk-…. You can find your API key at …", code="invalid_api_key")),
    ("key", 400, error("No connected db.", type="no_db_connection")),
    ("key", 500, error("Authentication Error, Invalid proxy server token passed")),
    ("key", 403, {"message": "Missing bearer token"}),
    # which model
    ("model_missing", 404, error("The model `x` does not exist.", type="NotFoundError")),
    ("model_missing", 404, error("model \u201cx\u201d not found")),
    (
        "model_missing",
        400,
        error('Invalid model identifier "x". Please specify a valid downloaded model', code="model_not_found"),
    ),
    ("model_missing", 400, {"error": "model 'x' not found"}),
    ("model_missing", 404, "model not found\n"),
    ("model_missing", 500, {"detail": "Could not find model x"}),
    ("model_missing", 400, error("litellm.BadRequestError: Invalid model name passed in model=x")),
    ("model_missing", 400, error("Unknown model: x")),
    ("not_loaded", 400, error("No models loaded. Please load a model in the developer page")),
    ("not_loaded", 500, {"detail": "No model is loaded"}),
    ("not_loaded", 400, error("model is not loaded")),
    ("embedding_model", 400, error('"nomic-embed-text" does not support chat')),
    ("embedding_model", 400, error("The model does not support Chat Completions API")),
    ("bad_request", 400, error("model is required")),
    # the template
    ("template", 500, error("Jinja Exception: Conversation roles must alternate user/assistant")),
    ("template", 400, error("System role not supported")),
    ("template", 400, {"error": 'Error rendering prompt with jinja template: "No user query found in messages."'}),
    ("template", 400, error("Assistant response prefill is incompatible with enable_thinking.")),
    ("template", 400, error("default chat template is no longer allowed, so you must provide a chat template")),
    # what is refused
    ("unsupported", 400, error('"llama3.2" does not support thinking')),
    ("unsupported", 400, error("Unsupported parameter: 'top_p' is not supported with this model.")),
    ("unsupported", 400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}),
    ("unsupported", 500, error("tools param requires --jinja flag")),
    (
        "unsupported",
        422,
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "seed"],
                    "msg": "Extra inputs are not permitted",
                    "input": 1,
                }
            ]
        },
    ),
    # later
    ("loading", 503, error("Loading model", type="unavailable_error", code=503)),
    ("loading", 503, error("model x is still loading", code="model_loading")),
    ("loading", 503, "The server is starting up"),
    ("busy", 503, error("server busy, please try again.  maximum pending requests exceeded")),
    ("busy", 503, {"detail": {"msg": "Server is busy; please try again later."}}),
    ("busy", 503, ""),
    ("busy", 429, error("No deployments available for selected model, Try again in 60 seconds.")),
    ("rate_limit", 429, ""),
    ("rate_limit", 429, error("Rate limit reached for requests per min")),
    ("rate_limit", 400, {"error": "Too Many Requests"}),
    ("crashed", 400, {"error": "The model has crashed without additional information. (Exit code: 6)"}),
    ("crashed", 500, error("EngineCore encountered an issue. See stack trace (above)")),
    ("crashed", 500, error("model runner has unexpectedly stopped, this may be due to resource limitations")),
    # not there at all
    ("wrong_path", 404, "404 page not found"),
    ("wrong_path", 404, {"detail": "Not Found"}),
    ("wrong_path", 404, error("Not Found", type="Not Found", code=404)),
    ("wrong_path", 404, error("File Not Found", code=404)),
    ("wrong_path", 404, ""),
    ("wrong_path", 404, "<html><head><title>404 Not Found</title></head><body>nginx</body></html>"),
    ("wrong_path", 405, {"detail": "Method Not Allowed"}),
    ("wrong_path", 200, {"error": "Unexpected endpoint or method. (POST /v1/v1/chat/completions)"}),
    ("wrong_path", 200, "<!doctype html><title>Open WebUI</title> unauthorized jinja"),
    ("wrong_path", 200, "It works!"),
    ("wrong_path", 404, error("Invalid URL (POST /v1/v1/chat/completions)")),
    ("forbidden", 400, {"detail": "Invalid host header"}),
    ("forbidden", 403, ""),
    ("tls", 400, "Client sent an HTTP request to an HTTPS server."),
    ("tls", 400, "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>"),
    ("proxy", 407, ""),
    ("context", 500, error("failed to find free space in the KV cache, retrying with smaller n_batch")),
    ("crashed", 500, error("CUDA error: an illegal memory access was encountered")),
    ("crashed", 500, {"message": "llama.cpp terminated unexpectedly: exit status 139"}),
    ("busy", 500, error("slot unavailable")),
    ("bad_request", 413, "<html><title>413 Request Entity Too Large</title></html>"),
    ("forbidden", 403, error("You are not allowed to sample from this model")),
    ("crashed", 400, {"error": "Channel Error"}),
    # nothing that is known
    ("server", 500, error("boom")),
    ("server", 502, "<html><title>502 Bad Gateway</title></html>"),
    ("bad_request", 400, {"error": "something else"}),
    ("empty", 200, {"id": "x", "choices": []}),
    ("empty", 200, {"choices": None}),
    ("empty", 200, ""),
]


@pytest.mark.parametrize(
    ("kind", "status", "body"), WORDINGS, ids=[f"{status}-{str(body)[:60]}" for _, status, body in WORDINGS]
)
def test_the_words_decide(kind: FailureKind, status: int, body: object) -> None:
    assert told(status, body).kind == kind


def test_the_same_words_mean_the_same_in_every_shape_and_with_every_status() -> None:
    message = "request (900 tokens) exceeds the available context size (512 tokens)"
    shapes: list[object] = [
        {"error": {"message": message}},
        {"error": message},
        {"detail": message},
        {"detail": [{"loc": ["body"], "msg": message}]},
        {"message": message},
        {"object": "error", "message": message},
        {"error": {"message": json.dumps({"error": {"message": message}})}},
        {"errors": [{"message": message}]},
        f'data: {{"error": "{message}"}}\n\n',
        message,
        message.upper(),
    ]
    found = {
        (told(status, shape).kind, "(900 tokens into 512)" in told(status, shape).message)
        for shape in shapes
        for status in (400, 404, 413, 500, 503)
    }
    assert found == {("context", True)}


TRANSIENT: list[tuple[int, object, bool]] = [
    (500, error("boom"), True),
    (503, error("Loading model"), True),
    (429, error("slow down"), True),
    (429, error("You exceeded your current quota", code="insufficient_quota"), False),
    (409, error("another model is resident"), False),
    (500, error("Context size has been exceeded."), False),
    (500, error("CUDA out of memory"), False),
    (500, error("Jinja Exception: bad"), False),
    (401, error("Invalid API Key"), False),
    (404, error("model 'x' not found"), False),
]


@pytest.mark.parametrize(("status", "body", "expected"), TRANSIENT)
def test_only_what_may_pass_is_transient(status: int, body: object, *, expected: bool) -> None:
    assert told(status, body).transient is expected


FIELDS: list[tuple[int, object, str]] = [
    (400, error('"x" does not support thinking'), "reasoning_effort"),
    (400, error("Unrecognized request argument supplied: top_k"), "top_k"),
    (400, error("Unknown parameter: 'seed'."), "seed"),
    (
        400,
        error("Unsupported value: 'temperature' does not support 0.2 with this model.", param="temperature"),
        "temperature",
    ),
    (400, error("extra_forbidden", param="chat_template_kwargs"), "chat_template_kwargs"),
    (422, {"detail": [{"loc": ["body", "min_p"], "msg": "Extra inputs are not permitted"}]}, "min_p"),
    (400, error("litellm.UnsupportedParamsError: m does not support parameters: ['seed'], for model=m"), "seed"),
    (500, {"error": "got an unexpected keyword argument 'repeat_penalty'"}, "repeat_penalty"),
    (
        400,
        error('response_format type must be one of "text" or "json_object", but got: json_schema'),
        "response_format",
    ),
    (400, error("Failed to parse grammar"), "response_format"),
    (400, error("Invalid JSON schema: unsupported keyword"), "response_format"),
    (400, error("stream_options is not supported"), "stream_options"),
    (400, error("System role not supported"), "system"),
    (500, error("Conversation roles must alternate user/assistant/user/assistant/..."), "system"),
]


@pytest.mark.parametrize(("status", "body", "field"), FIELDS, ids=[row[2] for row in FIELDS])
def test_the_refused_part_of_the_request_is_named(status: int, body: object, field: str) -> None:
    found = told(status, body)
    assert isinstance(found, RefusedError)
    assert (found.field, found.transient) == (field, False)


@pytest.mark.parametrize(
    "message",
    [
        "[] is too short - 'messages'",
        "json: cannot unmarshal string into Go struct field ChatCompletionRequest.max_tokens of type int",
        "Unknown parameter: 'messages'",
        "image URLs are not currently supported",
    ],
)
def test_what_no_request_goes_without_is_not_left_out(message: str) -> None:
    found = told(400, error(message))
    assert (found.kind, isinstance(found, RefusedError)) == ("bad_request", False)


def test_words_of_the_prompt_that_come_back_are_not_read() -> None:
    echoed = {"detail": [{"loc": ["body", "x"], "msg": "Field required", "input": "out of memory, jinja"}]}
    assert told(422, echoed).kind == "bad_request"


@pytest.mark.parametrize("model", ["jinja-coder:7b", "out-of-memory/jinja", "context-size-exceeded-2"])
def test_a_model_may_be_called_anything(model: str) -> None:
    assert told(404, error(f"model '{model}' not found"), model=model).kind == "model_missing"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("load_failed", "Failed to load the model: out of memory for its maximum context length of 131072"),
        ("busy", "No healthy deployments for model x: model not found, try again later"),
        ("load_failed", "model not loaded, because of an out of memory error"),
    ],
)
def test_a_word_that_explains_another_one_decides(kind: FailureKind, message: str) -> None:
    assert told(503, error(message)).kind == kind

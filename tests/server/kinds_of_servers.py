"""Servers of each kind, as far as they answer questions about themselves."""

from collections.abc import Mapping
from dataclasses import replace

from smol_dev.server.known import KnownServer, Prober, look, recognised
from tests.fake_server import Canned, Received, answered, json_answer, text_answer

Documents = Mapping[str, object]


def models(owner: str, *names: str, **fields: object) -> dict[str, object]:
    """A model list."""
    entries = [{"id": name, "object": "model", "owned_by": owner, **fields} for name in names]
    return {"object": "list", "data": entries}


class Kind:
    """Answers by path: a text is plain, `None` is what the server says to an unknown path."""

    def __init__(self, documents: Documents, headers: Mapping[str, str] = {}, *, unknown: object = None) -> None:
        self.documents = documents
        self.unknown = unknown
        self.headers = headers

    def __call__(self, request: Received) -> Canned:
        if request.path.endswith("/chat/completions"):
            return answered("def add(a, b): return a + b", prompt_tokens=20, completion_tokens=9)
        known = request.path in self.documents
        document = self.documents[request.path] if known else self.unknown
        if document is None:
            answer = text_answer("404 page not found", status=404)
        elif isinstance(document, str):
            answer = text_answer(document)
        else:
            answer = json_answer(document)
        return replace(answer, headers={**answer.headers, **self.headers})


OLLAMA = Kind(
    {
        "/": "Ollama is running",
        "/api/version": {"version": "0.31.1"},
        "/v1/models": models("library", "nomic-embed-text:latest", "llama3.2:latest", "qwen3:8b"),
        "/api/tags": {
            "models": [
                {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert", "parameter_size": "137M"}},
                {"name": "llama3.2:latest", "details": {"family": "llama", "parameter_size": "3.2B"}},
                {"name": "qwen3:8b", "details": {"family": "qwen3", "parameter_size": "8.2B"}},
            ]
        },
        "/api/ps": {"models": [{"name": "qwen3:8b", "context_length": 4096}]},
        "/api/show": {"parameters": "stop x\nnum_ctx                        16384\n"},
    }
)
LM_STUDIO = Kind(
    {
        "/v1/models": models("organization_owner", "text-embedding-nomic", "qwen/qwen3-8b", "google/gemma-3-12b"),
        "/api/v0/models": {
            "data": [
                {"id": "text-embedding-nomic", "type": "embeddings", "state": "not-loaded"},
                {"id": "qwen/qwen3-8b", "type": "llm", "state": "not-loaded", "max_context_length": 40960},
                {"id": "google/gemma-3-12b", "type": "vlm", "state": "loaded", "loaded_context_length": 8192},
            ]
        },
    },
    unknown={"error": "Unexpected endpoint or method. (GET /x)"},
)
LLAMA_CPP = Kind(
    {
        "/v1/models": models("llamacpp", "/models/qwen.gguf", meta={"n_ctx_train": 131072, "n_params": 7_615_616_512}),
        "/props": {"total_slots": 4, "default_generation_settings": {"n_ctx": 16384}},
    },
    {"server": "llama.cpp"},
)
VLLM = Kind({"/v1/models": models("vllm", "Qwen/Qwen3-32B", max_model_len=32768)})
KOBOLDCPP = Kind(
    {
        "/v1/models": models("koboldcpp", "koboldcpp/Mistral-7B"),
        "/api/version": {"version": "0.7.0"},
        "/api/extra/version": {"result": "KoboldCpp", "version": "1.100"},
        "/api/extra/true_max_context_length": {"value": 6144},
    }
)
DOCKER = Kind({"/engines/v1/models": models("docker", "ai/qwen3", dmr={"context_window": 4096})})
LEMONADE = Kind({"/api/v1/models": models("lemonade", "Qwen3-4B-GGUF")})
LOCAL_AI = Kind({"/": "<!doctype html><title>LocalAI API</title>", "/v1/models": {"data": [{"id": "phi-4"}]}})
TEXT_GENERATION_WEBUI = Kind({"/v1/models": models("user", "qwen-7b")})
JAN = Kind({"/": "<html><title>Jan API Server</title></html>", "/v1/models": {"data": [{"id": "jan-nano-4b"}]}})
MLX = Kind(
    {"/v1/models": {"object": "list", "data": [{"id": "mlx-community/Qwen3-8B-4bit", "object": "model"}]}},
    {"server": "BaseHTTP/0.6 Python/3.12.1"},
)
LLAMA_CPP_PYTHON = Kind({"/v1/models": models("me", "model.gguf")}, {"server": "uvicorn"})
LITELLM = Kind({"/v1/models": models("openai", "gpt-5", "local-qwen")}, {"x-litellm-version": "1.80.0"})
OTHER = Kind({"/v1/models": {"data": [{"id": "something"}]}})
WEB_PAGE = Kind({}, unknown="<!doctype html><title>My app</title>")

KINDS: dict[str, tuple[Kind, str]] = {
    "Ollama": (OLLAMA, "/v1"),
    "LM Studio": (LM_STUDIO, "/v1"),
    "llama.cpp": (LLAMA_CPP, "/v1"),
    "vLLM": (VLLM, "/v1"),
    "koboldcpp": (KOBOLDCPP, "/v1"),
    "Docker Model Runner": (DOCKER, "/engines/v1"),
    "Lemonade": (LEMONADE, "/api/v1"),
    "LocalAI": (LOCAL_AI, "/v1"),
    "text-generation-webui": (TEXT_GENERATION_WEBUI, "/v1"),
    "Jan": (JAN, "/v1"),
    "MLX": (MLX, "/v1"),
    "llama-cpp-python": (LLAMA_CPP_PYTHON, "/v1"),
    "LiteLLM": (LITELLM, "/v1"),
    "compatible": (OTHER, "/v1"),
}


async def recognise(prober: Prober) -> KnownServer:
    """The kind of server behind the address, by what it answers."""
    return recognised(await look(prober))

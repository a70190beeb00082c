"""How many requests at once are sent to a server that does not say how many it takes."""

import pytest

from smol_dev.config.endpoint import ProviderName
from smol_dev.config.model import Profile
from smol_dev.server.client import Client


@pytest.mark.parametrize(
    ("provider", "base_url", "told", "expected"),
    [
        ("ollama", "http://localhost:11434/v1", "4", 4),
        ("ollama", "http://localhost:11434/v1", "", 1),
        ("ollama", "http://localhost:11434/v1", "many", 1),
        ("ollama", "http://localhost:11434/v1", "0", 1),
        ("ollama", "http://localhost:11434/v1", "9999", 64),
        ("lmstudio", "http://localhost:1234/v1", "4", 1),
        ("vllm", "http://localhost:8000/v1", "", 8),
        ("openai", "https://api.openai.com/v1", "2", 8),
    ],
)
def test_a_server_that_tells_no_slots_gets_what_its_kind_takes(
    provider: ProviderName, base_url: str, told: str, expected: int
) -> None:
    profile = Profile(provider=provider, base_url=base_url)
    assert Client(profile, environ={"OLLAMA_NUM_PARALLEL": told}).usual_concurrency == expected

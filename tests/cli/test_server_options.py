"""Which settings the options about model and server stand for."""

import pytest

from smol_dev.cli.options import named_settings, with_source
from smol_dev.config.layers import Flags
from smol_dev.errors import UsageError
from tests.cli.shell import Shell


@pytest.mark.parametrize(
    ("model", "provider", "settings"),
    [
        pytest.param("ollama/mistral:7b", None, {"provider": "ollama", "model": "mistral:7b"}, id="ollama"),
        pytest.param("lmstudio/a/b", None, {"provider": "lmstudio", "model": "a/b"}, id="lmstudio"),
        pytest.param("llamacpp/x", None, {"provider": "llamacpp", "model": "x"}, id="llamacpp"),
        pytest.param("vllm/org/x", None, {"provider": "vllm", "model": "org/x"}, id="vllm"),
        pytest.param("openai/gpt-oss-20b", None, {"model": "openai/gpt-oss-20b"}, id="openai is a name"),
        pytest.param(
            "lmstudio-community/Meta-Llama-3-8B-Instruct-GGUF",
            None,
            {"model": "lmstudio-community/Meta-Llama-3-8B-Instruct-GGUF"},
            id="a longer name",
        ),
        pytest.param("ollama/", None, {"model": "ollama/"}, id="nothing after the slash"),
        pytest.param("ollama/x", "ollama", {"provider": "ollama", "model": "x"}, id="both agree"),
        pytest.param("x", "vllm", {"provider": "vllm", "model": "x"}, id="both options"),
        pytest.param(None, "ollama", {"provider": "ollama"}, id="provider alone"),
    ],
)
def test_model_and_provider(model: str | None, provider: str | None, settings: dict[str, str]) -> None:
    named = named_settings(model=model, provider=provider, base_url=None, api_key_env=None)
    assert {key: value for key, (value, _) in named.items()} == settings


def test_each_setting_knows_its_option() -> None:
    named = named_settings(model="ollama/x", provider=None, base_url="http://h/v1", api_key_env="K")
    assert named == {
        "provider": ("ollama", "--model"),
        "model": ("x", "--model"),
        "base_url": ("http://h/v1", "--api-base-url"),
        "api_key_env": ("K", "--api-key-env"),
    }


def test_two_providers_are_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        named_settings(model="ollama/x", provider="vllm", base_url=None, api_key_env=None)
    assert caught.value.message == ("`--model ollama/x` and `--llm-provider vllm` name two providers")
    assert caught.value.hint == "type `--llm-provider vllm --model x`, or leave one of them out"


@pytest.mark.parametrize(
    ("named", "profile"),
    [
        pytest.param({}, "openai", id="the selected profile is local, and gives way"),
        pytest.param({"provider": ("vllm", "--llm-provider")}, None, id="a provider was named"),
        pytest.param({"base_url": ("http://h/v1", "--api-base-url")}, None, id="an address was named"),
    ],
)
def test_model_source_replaces_no_server_that_was_named(
    shell: Shell, named: dict[str, tuple[object, str]], profile: str | None
) -> None:
    del shell
    flags = with_source(Flags(named=named), "cloud")
    assert flags == Flags(profile=profile, named={**named, "local_only": (False, "--model-source")})

"""The table of model families, and the names that servers have for their models."""

import re

import pytest

from smol_dev.server.families import FALLBACK, families, family_of
from smol_dev.server.known import size_of

NAMES = [
    ("qwen2.5-coder:7b", "qwen2.5-coder"),
    ("qwen2.5-coder:1.5b-base", "qwen2.5-coder"),
    ("Qwen/Qwen2.5-Coder-32B-Instruct-AWQ", "qwen2.5-coder"),
    ("qwen2.5-coder-7b-instruct-mlx", "qwen2.5-coder"),
    ("/models/Qwen2.5-Coder-7B-Instruct-Q4_K_M.gguf", "qwen2.5-coder"),
    ("hf.co/unsloth/Qwen2.5-Coder-14B-Instruct-GGUF:Q4_K_M", "qwen2.5-coder"),
    ("qwen2.5:14b", "qwen2.5"),
    ("qwen3:8b", "qwen3"),
    ("qwen3", "qwen3"),
    ("ai/qwen3:8B-Q4_K_M", "qwen3"),
    ("qwen/qwen3-14b", "qwen3"),
    ("Qwen/Qwen3-32B", "qwen3"),
    ("qwen3-8b@q4_k_m", "qwen3"),
    (r"C:\models\Qwen3_8B_Q4.gguf", "qwen3"),
    ("qwen3:30b-a3b-instruct-2507-q4_K_M", "qwen3-instruct"),
    ("qwen/qwen3-4b-2507", "qwen3-instruct"),
    ("qwen/qwen3-4b-thinking-2507", "qwen3-thinking"),
    ("Qwen/Qwen3-Next-80B-A3B-Instruct", "qwen3-instruct"),
    ("qwen3-coder:30b", "qwen3-coder"),
    ("Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", "qwen3-coder"),
    ("qwen3-coder-next", "qwen3-coder-next"),
    ("qwen3.5:27b", "qwen3.5"),
    ("Qwen/Qwen3.5-35B-A3B", "qwen3.5"),
    ("qwen3.5:4b", "qwen3.5-small"),
    ("Qwen3.5-0.8B-UD-Q4_K_XL.gguf", "qwen3.5-small"),
    ("qwen/qwen3.6-27b", "qwen3.5"),
    ("Qwen/Qwen3.8-27B-FP8", "qwen3.8"),
    ("gemma3:12b", "gemma3"),
    ("google/gemma-3-270m-it", "gemma3"),
    ("gemma-3n-E4B-it-Q4_0.gguf", "gemma3"),
    ("gemma4:26b", "gemma4"),
    ("google/gemma-4-E4B-it", "gemma4"),
    ("gemma2:9b", "gemma2"),
    ("codegemma:7b", "gemma2"),
    ("llama3.2:latest", "llama3"),
    ("meta-llama/Llama-3.3-70B-Instruct", "llama3"),
    ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "llama3"),
    ("mistral-small3.2:24b", "mistral-small"),
    ("mistralai/Mistral-Small-3.2-24B-Instruct-2506", "mistral-small"),
    ("mistral-nemo:12b", "mistral-nemo"),
    ("devstral-small-2:24b", "devstral"),
    ("mistralai/devstral-small-2507", "devstral"),
    ("codestral:22b", "codestral"),
    ("magistral:24b", "magistral"),
    ("deepseek-r1:7b", "deepseek-r1"),
    ("deepseek-r1-distill-qwen-7b", "deepseek-r1"),
    ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "deepseek-r1"),
    ("deepseek/deepseek-r1-0528-qwen3-8b", "deepseek-r1-0528"),
    ("deepseek-ai/DeepSeek-V3-0324", "deepseek-v3"),
    ("deepseek-v3.1:671b", "deepseek-v3.1"),
    ("phi4:14b", "phi-4"),
    ("microsoft/phi-4", "phi-4"),
    ("phi4-mini-reasoning", "phi-4-reasoning"),
    ("microsoft/Phi-4-reasoning-plus", "phi-4-reasoning"),
    ("granite4:3b", "granite4"),
    ("ibm-granite/granite-4.0-h-tiny", "granite4"),
    ("gpt-oss:20b", "gpt-oss"),
    ("openai/gpt-oss-120b", "gpt-oss"),
    ("gpt-oss-20b-mxfp4.gguf", "gpt-oss"),
    ("glm-4.7-flash", "glm"),
    ("zai-org/GLM-4.5-Air", "glm-4.5"),
    ("HuggingFaceTB/SmolLM3-3B", "smollm3"),
    ("SmolLM2-135M-Instruct", "smollm2"),
    ("starcoder2:15b-instruct", "starcoder2"),
    ("qwq:32b", "qwq"),
    ("Qwen/QwQ-32B-AWQ", "qwq"),
    ("unsloth_QwQ-32B-Q4_K_M.gguf", "qwq"),
    ("ministral-3:8b", "ministral-3"),
    ("mistralai/ministral-3-14b-reasoning", "ministral-3-reasoning"),
    ("mistralai/Ministral-3-3B-Instruct-2512", "ministral-3"),
    ("Ministral-3-14B-Reasoning-2512-Q4_K_M.gguf", "ministral-3-reasoning"),
    ("deepseek-ai/DeepSeek-V4-Flash", "deepseek-v4"),
    ("deepseek-v4-pro", "deepseek-v4"),
    ("moonshotai/Kimi-K2-Instruct-0905", "kimi-k2"),
    ("kimi-k2:1t", "kimi-k2"),
    ("kimi-k2-thinking", "kimi-k2-thinking"),
    ("moonshotai/Kimi-K2-Thinking", "kimi-k2-thinking"),
    ("kimi-k2.5:latest", "kimi-k2.5"),
    ("moonshotai/Kimi-K2.6", "kimi-k2.5"),
]


@pytest.mark.parametrize(("model", "family"), NAMES, ids=[name for name, _ in NAMES])
def test_each_server_s_spelling_leads_to_the_family(model: str, family: str) -> None:
    found = family_of(model)
    assert found is not None
    assert found.name == family


@pytest.mark.parametrize(
    "model",
    [
        *("", "m", "gpt-4.1", "claude-sonnet-5", "qwen3-vl:8b", "qwen3-embedding:0.6b", "default"),
        *("ministral-3b", "smollm:360m", "deepseek-v4.1-flash"),
        *("llama-30b", "codellama:34b", "granite-4.1-8b", "glm-4-32b", "qwen2.5vl:7b"),
    ],
)
def test_an_unknown_model_has_no_family(model: str) -> None:
    assert family_of(model) is None


def test_the_file_s_name_counts_before_its_folder() -> None:
    for model, family in (
        ("/models/qwen3/gemma-3-4b-it-Q4_K_M.gguf", "gemma3"),
        ("/models/qwen3-8b/model.gguf", "qwen3"),
        ("google/my-tuned-llama-3", "llama3"),
    ):
        found = family_of(model)
        assert found is not None
        assert found.name == family


def test_every_figure_has_its_source_and_is_one_that_can_be_sent() -> None:
    for family in families():
        for figures, source in ((family.plain, family.plain_source), (family.thinking, family.thinking_source)):
            assert set(figures) <= set(FALLBACK)
            assert bool(figures) == source.startswith("https://")
            assert 0 <= figures.get("temperature", 0) <= 1
            assert 0 < figures.get("top_p", 1) <= 1
        assert re.compile(family.pattern)
        assert bool(family.plain or family.thinking) == family.published


def test_a_family_says_nothing_of_a_mode_it_does_not_have() -> None:
    for family in families():
        assert family.thinks in {"never", "always", "on", "off"}
        assert not (family.thinks == "never" and (family.thinking or family.switch))
        assert not (family.thinks == "always" and (family.plain or family.switch))
        assert not (family.thinks in {"on", "off"} and not family.switch)


def test_models_to_take_are_of_their_family_and_tell_their_size() -> None:
    for family in families():
        for model in family.code:
            found = family_of(model)
            assert found is not None
            assert (found.name, size_of(model) is not None or model) == (family.name, True)


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking"),
    [
        ("qwen2.5-coder:7b", "high", False),
        ("deepseek-r1:7b", "off", True),
        ("qwen3:8b", "auto", True),
        ("qwen3:8b", "off", False),
        ("qwen3:8b", "low", True),
        ("qwen3.5:4b", "auto", False),
        ("qwen3.5:4b", "high", True),
    ],
)
def test_whether_a_model_thinks_depends_on_the_setting(model: str, reasoning: str, *, thinking: bool) -> None:
    found = family_of(model)
    assert found is not None
    assert found.is_thinking(reasoning) is thinking

"""The providers a profile can name, and what naming one means before any server is asked.

Standard library only: `profiles list` needs it, and must not wait for pydantic.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

ProviderName = Literal["auto", "ollama", "lmstudio", "llamacpp", "vllm", "openai", "compatible", "demo"]


class Provider(NamedTuple):
    """What a provider's name stands for.

    `base_url` is its default address (empty: the profile must give one, or it is looked for).
    `flag_prefix` says that `--model NAME/…` means this provider. `concurrency` is how many requests
    it works on at once when it does not say so itself.
    """

    base_url: str = ""
    flag_prefix: bool = False
    concurrency: int = 1


PROVIDERS: Final[Mapping[ProviderName, Provider]] = {
    "auto": Provider(),
    "ollama": Provider("http://localhost:11434/v1", flag_prefix=True),
    "lmstudio": Provider("http://localhost:1234/v1", flag_prefix=True),
    "llamacpp": Provider("http://localhost:8080/v1", flag_prefix=True),
    "vllm": Provider("http://localhost:8000/v1", flag_prefix=True, concurrency=8),
    "openai": Provider("https://api.openai.com/v1", concurrency=8),
    "compatible": Provider(),
    "demo": Provider(),
}

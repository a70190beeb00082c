"""The options that say which model and server, and the settings they stand for."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from smol_dev.cli.options import complete_provider
from smol_dev.config.providers import PROVIDERS
from smol_dev.errors import UsageError
from smol_dev.safe import command

if TYPE_CHECKING:
    from smol_dev.config.layers import Flags

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS: Final = (
    click.option("--model", "-m", metavar="NAME", help="The model; `ollama/NAME` names its server too."),
    click.option(
        "--llm-provider",
        metavar="NAME",
        shell_complete=complete_provider,
        help="The kind of server: ollama, lmstudio, …",
    ),
    click.option(
        "--model-source",
        type=click.Choice(["local", "cloud"]),
        help="Only a server on this machine or network, or only one elsewhere.",
    ),
    click.option("--api-base-url", "--base-url", "base_url", metavar="URL", help="The server's address."),
    click.option("--api-key-env", metavar="NAME", help="The environment variable that holds the server's key."),
)


def server_options(command: Command) -> Command:
    """Give the command the options of `OPTIONS`; they end up in its `flags`."""

    @functools.wraps(command)
    def with_server(flags: "Flags", **options: Any) -> Any:  # noqa: ANN401 - whatever options the command has
        from dataclasses import replace

        names = ("model", "llm_provider", "model_source", "base_url", "api_key_env")
        model, provider, source, base_url, key = (options.pop(name) for name in names)
        named = named_settings(model=model, provider=provider, base_url=base_url, api_key_env=key)
        flags = replace(flags, named={**flags.named, **named})
        return command(flags=with_source(flags, source), **options)

    decorated: Any = with_server
    for option in reversed(OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # click's decorators keep no type


def named_settings(
    *, model: str | None, provider: str | None, base_url: str | None, api_key_env: str | None
) -> dict[str, tuple[object, str]]:
    """The settings by key, each with the option that set it.

    `--model ollama/NAME` is `--llm-provider ollama --model NAME`, for the providers that run on the
    user's machine; any other name goes to the server exactly as it is written.
    """
    settings: dict[str, tuple[object, str]] = {}
    prefix, slash, rest = (model or "").partition("/")
    known = PROVIDERS.get(prefix)  # type: ignore[call-overload]  # any text may be asked for
    if slash and rest and known is not None and known.flag_prefix:
        if provider is not None and provider != prefix:
            meant = command("--llm-provider {provider} --model {model}", provider=provider, model=rest)
            raise UsageError(
                f"{command('--model {model}', model=model)} and "
                f"{command('--llm-provider {provider}', provider=provider)} name two providers",
                hint=f"type {meant}, or leave one of them out",
            )
        settings["provider"] = (prefix, "--model")
        model = rest
    if provider is not None:
        settings["provider"] = (provider, "--llm-provider")
    if model is not None:
        settings["model"] = (model, "--model")
    if base_url is not None:
        settings["base_url"] = (base_url, "--api-base-url")
    if api_key_env is not None:
        settings["api_key_env"] = (api_key_env, "--api-key-env")
    return settings


def with_source(flags: "Flags", source: str | None) -> "Flags":
    """The flags with `--model-source`: a profile that is not of that source gives way.

    `local` then is the detection of a running server, `cloud` the profile `openai`; a profile that
    was named with `--profile` stays, and `local` refuses its server if that is elsewhere.
    """
    if source is None:
        return flags
    from dataclasses import replace

    from smol_dev.config.layers import Surroundings, read_layers
    from smol_dev.config.profiles import list_profiles

    local = source == "local"
    named = {**flags.named, "local_only": (local, "--model-source")}
    lines = list_profiles(read_layers(flags, Surroundings.here()))
    is_right = any(line.active and line.local == local for line in lines)
    keeps = is_right or flags.profile is not None or "base_url" in named or "provider" in named
    profile = flags.profile if keeps else "local" if local else "openai"
    return replace(flags, named=named, profile=profile)

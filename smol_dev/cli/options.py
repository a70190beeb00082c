"""Options that commands share: settings, server and display."""

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from smol_dev.cli.commands import Command
from smol_dev.cli.completion import complete_profile, complete_provider, complete_set, completer, trusted_layers
from smol_dev.cli.display import Display, flags_of, here, layers_of
from smol_dev.errors import UsageError
from smol_dev.safe import command as typed

if TYPE_CHECKING:
    from smol_dev.config.change import SettingsFile
    from smol_dev.config.layers import Flags

Callback = TypeVar("Callback", bound=Callable[..., Any])

PATH: Final = click.Path(path_type=Path)
command: Final = functools.partial(click.command, cls=Command)
option: Final = click.option
name: Final = functools.partial(option, metavar="NAME")
flag: Final = functools.partial(option, is_flag=True)
many: Final = functools.partial(option, multiple=True)


def _models(context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the models of the selected server, if it is local and answers at once."""
    from dataclasses import replace

    from smol_dev.app.servers import model_names

    layers = trusted_layers(context)
    flags = replace(flags_with_server(**context.params), project=layers.project is not None)
    yield from ((name, "") for name in model_names(flags, layers.surroundings))


SETTINGS: Final = {
    "profile": name("--profile", "-p", shell_complete=complete_profile, help="Profile; `smol_dev profiles list`"),
    "config_file": option(
        "--config", "config_file", metavar="FILE", type=PATH, help="Use this settings file instead of your own"
    ),
    "no_project_config": flag("--no-project-config", help="Ignore the project's smol.toml"),
    "sets": many(
        "-c",
        "--set",
        "sets",
        metavar="KEY=VALUE",
        shell_complete=complete_set,
        help="Any setting: `-c code.model=NAME`; repeatable",
    ),
}
SERVER: Final = {
    "model": name("--model", "-m", shell_complete=completer(_models), help="Model; `ollama/NAME` names its server too"),
    "provider": name(
        "--llm-provider",
        "provider",
        shell_complete=complete_provider,
        help="Kind of server: ollama, lmstudio, llamacpp, vllm",
    ),
    "source": option(
        "--model-source",
        "source",
        type=click.Choice(["local", "cloud"]),
        help="Only a server on your network, or elsewhere",
    ),
    "base_url": option(
        "--api-base-url", "--base-url", "base_url", metavar="URL", help="Address of the server, up to and including /v1"
    ),
    "api_key_env": name("--api-key-env", help="Environment variable that holds the key"),
}
json_lines: Final = flag("--json", "as_json", help="One JSON object per line on standard output")
json_object: Final = flag("--json", "as_json", help="One JSON object on standard output")
debug: Final = flag("--debug", help="Tracebacks and a log of requests, without secrets")
DISPLAY: Final = {
    "as_json": json_lines,
    "quiet": flag("--quiet", "-q", help="Only warnings and errors"),
    "verbose": flag("--verbose", "-v", help="Say more about what happens"),
    "debug": debug,
}
folder: Final = click.argument("folder", metavar="[DIR]", required=False, type=PATH)
project: Final = flag("--project", help="Write the project's smol.toml, not your own")
origin: Final = flag("--origin", help="Show where each value came from")
yes: Final = flag("--yes", "-y", help="Make a change without asking")
diff: Final = flag("--diff", help="Show the change without making it")
strict: Final = flag("--strict", help="Exit with 4 if the files do not fit together")
check: Final = option("--check", metavar="CMD", help="Command that tests the program: `pytest -q`")
include: Final = many("--include", metavar="PATH", help="Show the model your edited version of this file")
allow_sensitive: Final = many("--allow-sensitive", metavar="GLOB", help="Allow files that tools run automatically")
SPELLED: Final = {
    "provider": "--llm-provider",
    "model": "--model",
    "base_url": "--api-base-url",
    "api_key_env": "--api-key-env",
}
"""The settings that options of `SERVER` set, each with its option."""


def _shared(
    name: str, options: dict[str, Callable[[Callback], Callback]], read: Callable[..., object]
) -> Callable[[Callback], Callback]:
    """Return a decorator that adds the options to a command and passes what `read` makes of them as `name`."""

    def decorate(command: Callback) -> Callback:
        @functools.wraps(command)
        def with_shared(**given: Any) -> Any:  # noqa: ANN401 - the command's own options
            return command(**{name: read(**{key: given.pop(key) for key in options})}, **given)

        decorated: Any = with_shared
        for option in reversed(options.values()):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]  # click's decorators lose the type

    return decorate


def file_of(*, project: bool, **given: Any) -> "SettingsFile":  # noqa: ANN401 - the options of `SETTINGS`
    """Return the settings file that a command changes: the user's, or with `--project` the project's."""
    from smol_dev.config.change import settings_file

    return settings_file(flags_of(**given), here(), project=project)


def flags_with_server(*, source: str | None, **given: Any) -> "Flags":  # noqa: ANN401 - the options of `SETTINGS`
    """Return the options of `SETTINGS` and `SERVER` as flags."""
    from dataclasses import replace

    named = named_settings(**{key: given[key] for key in SPELLED})
    return with_source(replace(flags_of(**given), named=named), source)


def named_settings(**given: str | None) -> Mapping[str, tuple[object, str]]:
    """Return the settings by key, each with the option that set it.

    For providers on the user's machine, `--model ollama/NAME` means `--llm-provider ollama --model NAME`; any
    other name is sent to the server unchanged.
    """
    named: dict[str, tuple[object, str]] = {
        key: (value, option) for key, option in SPELLED.items() if (value := given[key]) is not None
    }
    prefix, slash, model = (given["model"] or "").partition("/")
    if not (slash and model):
        return named
    from smol_dev.config.endpoint import PROVIDERS

    known = PROVIDERS.get(prefix)  # type: ignore[call-overload]  # the key may be any text
    if known is None or not known.flag_prefix:
        return named
    if given["provider"] not in {None, prefix}:
        meant = typed("--llm-provider {provider} --model {model}", provider=given["provider"], model=model)
        raise UsageError(
            f"{typed('--model {model}', model=given['model'])} and "
            f"{typed('--llm-provider {provider}', provider=given['provider'])} name two providers",
            hint=f"type {meant}, or leave one of them out",
        )
    return {"provider": (prefix, "--model"), **named, "model": (model, "--model")}


def with_source(flags: "Flags", source: str | None) -> "Flags":
    """Return the flags with `--model-source`, which replaces a default profile of the other source.

    The replacement is `local`, which detects a running server, or `openai`. A profile given by `--profile`
    stays, and `local` refuses its server if that is elsewhere.
    """
    if source is None:
        return flags
    from dataclasses import replace

    from smol_dev.config.profiles import list_profiles

    local = source == "local"
    named = {**flags.named, "local_only": (local, "--model-source")}
    keeps = flags.profile is not None or "base_url" in named or "provider" in named
    if keeps or any(line.active and line.local == local for line in list_profiles(layers_of(flags))):
        return replace(flags, named=named)
    return replace(flags, named=named, profile="local" if local else "openai")


settings: Final = _shared("flags", SETTINGS, flags_of)
"""Add `--profile`, `--config`, `--no-project-config` and `-c` to a command, as `flags`."""

file: Final = _shared("file", {"project": project, **SETTINGS}, file_of)
"""Add `--project` and the options of `settings` to a command, as the `file` that it changes."""

server: Final = _shared("flags", {**SETTINGS, **SERVER}, flags_with_server)
"""Add the options of `settings` and those for model and server to a command, as `flags`."""

display: Final = _shared("display", DISPLAY, Display)
"""Add `--json`, `--quiet`, `--verbose` and `--debug` to a command, as `display`."""

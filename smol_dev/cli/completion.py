"""Shell completion, and `smol_dev completion`, which prints the script that enables it."""

import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from smol_dev.cli.commands import Command
from smol_dev.cli.display import flags_of, layers_of
from smol_dev.errors import SmolError
from smol_dev.safe import safe

if TYPE_CHECKING:
    from smol_dev.config.layers import Layers

Choices = Iterable[tuple[str, str]]
"""Completions with their descriptions."""

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

PLAIN: Final = re.compile(r"[\w@%+:./][\w@%+=:./-]*")
LONGEST: Final = 200

VARIABLE: Final = "_SMOL_DEV_COMPLETE"
WORD_BREAKS: Final = ":="
"""Characters at which bash splits a model's name or `KEY=VALUE` into words."""

BASH: Final = """\
%(complete_func)s() {
    local IFS=$'\\n' kind value
    while IFS=',' read -r kind value; do
        COMPREPLY+=("$value")
        if [[ $value == */ ]]; then compopt -o nospace; fi
        if [[ $value == *= ]]; then compopt -o nospace; fi
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
"""Unlike click's own script, it passes the line as typed, because bash splits `qwen3.5:9b` into three words."""

INSTALL: Final = {
    "bash": "~/.local/share/bash-completion/completions/smol_dev, or for every new shell, in ~/.bashrc:\n"
    '#   eval "$(smol_dev completion bash)"',
    "zsh": "_smol_dev in a folder of $fpath, or for every new shell, in ~/.zshrc after compinit:\n"
    '#   eval "$(smol_dev completion zsh)"',
    "fish": "~/.config/fish/completions/smol_dev.fish:\n"
    "#   smol_dev completion fish > ~/.config/fish/completions/smol_dev.fish",
}


def completer(choices: Callable[[click.Context], Choices]) -> Completer:
    """Return click's callback for completing a parameter; it finds nothing if the settings cannot be read."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        with suppress(SmolError):
            return completions(choices(context), incomplete)
        return []

    return complete


def completions(choices: Choices, incomplete: str, *, prefix: str = "") -> list[CompletionItem]:
    """Return the choices that begin with the typed text and need no quotes, as shells insert them unchanged."""
    return [
        CompletionItem(f"{prefix}{name}", help=safe(text) or None)
        for name, text in choices
        if name.startswith(incomplete) and PLAIN.fullmatch(name) and len(name) <= LONGEST
    ]


def trusted_layers(context: click.Context) -> "Layers":
    """Return the layers, without an unapproved project file, as completion cannot ask for approval."""
    layers = layers_of(flags_of(**context.params))
    if layers.project is None:
        return layers
    from smol_dev.config.trust import is_approved

    return layers if is_approved(layers.project, layers.surroundings) else layers.own


def _profiles(context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the profiles under the options typed so far, without those of unreadable files."""
    from smol_dev.config.profiles import profile_lines

    with suppress(SmolError):
        for line in sorted(profile_lines(trusted_layers(context)), key=lambda line: line.name):
            yield line.name, line.description


def _providers(_context: click.Context) -> Choices:
    from smol_dev.config.endpoint import PROVIDERS

    return ((name, "") for name in PROVIDERS)


def _variants(context: click.Context) -> Iterator[str]:
    """Yield the built-in prompt variants, then those declared in files."""
    from smol_dev.config.variants import built_in

    yield from built_in()
    with suppress(SmolError):
        yield from sorted({str(name) for layer in trusted_layers(context).all for name in layer.table("prompts")})


def _set_keys(context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the keys set in the file that the command would change, shortened for the selected profile."""
    from smol_dev.config.problems import typed
    from smol_dev.config.profiles import leaf_paths

    layers = layers_of(flags_of(**context.params))
    layer = layers.of("project" if context.params.get("project") else "user")
    own = ("profiles", layers.selected)
    for path in leaf_paths([layer.data]) if layer is not None else ():
        yield typed(path[2:] if path[:2] == own else path), ""


def _keys(_context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the keys that `-c` and `config set` accept, with their documentation."""
    from smol_dev.chat import STAGES

    tables = _schema()["$defs"]
    for prefix, table in (("", "Profile"), *((f"{stage}.", "Stage") for stage in STAGES), ("run.", "Run")):
        for key, setting in tables[table]["properties"].items():
            if "$ref" not in setting:
                yield f"{prefix}{key}", str(setting.get("description", ""))
    yield "default_profile", _schema()["properties"]["default_profile"]["description"]


def _values(context: click.Context, key: str) -> Choices:
    """Return the values that the key can have, as far as they can be listed."""
    name = key.rpartition(".")[2]
    if name in {"extends", "default_profile"}:
        return _profiles(context)
    if name == "prompt_variant":
        return ((variant, "") for variant in _variants(context))
    tables = _schema()["$defs"]
    setting = {**tables["Run"]["properties"], **tables["Profile"]["properties"]}.get(name, {})
    choices = [setting, *setting.get("anyOf", ())]
    found = ["true", "false"] if setting.get("type") == "boolean" else []
    found += [str(value) for choice in choices for value in choice.get("enum", ())]
    return ((value, "") for value in [*found, *(choice["const"] for choice in choices if "const" in choice)])


@functools.cache
def _schema() -> dict[str, Any]:
    """Return the shipped JSON Schema, as generating it would load pydantic."""
    import json

    from smol_dev.config.layers import schema_file

    document: dict[str, Any] = json.loads(schema_file().read_text(encoding="utf-8"))
    return document


def complete_prompt(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the .md and .txt files and the folders that begin with the typed text."""
    folder, slash, _ = incomplete.rpartition("/")
    typed = folder + slash
    try:
        entries = sorted(Path(os.path.expanduser(typed or ".")).iterdir())  # noqa: PTH111 - the method raises for `~nobody-here/`
    except OSError:
        return []
    files = [f"{typed}{each.name}" for each in entries if each.suffix in {".md", ".txt"} and each.is_file()]
    folders = [f"{typed}{each.name}/" for each in entries if not each.name.startswith(".") and each.is_dir()]
    return completions(((name, "") for name in (*files, *folders)), incomplete)


def complete_set(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return `KEY=` completions, or the key's values after the `=`."""
    key, equals, value = incomplete.partition("=")
    if equals:
        return completions(_values(context, key), value, prefix=f"{key}=")
    return completions(((f"{name}=", text) for name, text in _keys(context)), incomplete)


complete_profile: Final = completer(_profiles)
complete_provider: Final = completer(_providers)
complete_key: Final = completer(_keys)
complete_set_key: Final = completer(_set_keys)
complete_value: Final = completer(lambda context: _values(context, str(context.params.get("key", ""))))


class Joined(ShellComplete):
    """Completion of `--option=value`, even before a command's name, where click does not offer it."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return the completions; a joined value keeps its option."""
        option, equals, value = incomplete.partition("=")
        if not (equals and option.startswith("--")):
            return super().get_completions(args, incomplete)
        found = super().get_completions([*args, option], value)
        return [CompletionItem(f"{option}={item.value}", item.type, item.help) for item in found]


class Bash(Joined, BashComplete):
    """Completion for bash, which splits words at `:` and `=`."""

    source_template = BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one being typed, and that word."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words, incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return the completions without the part that bash takes for an earlier word."""
        cut = max(incomplete.rfind(mark) for mark in WORD_BREAKS) + 1
        return [CompletionItem(item.value[cut:], item.type) for item in super().get_completions(args, incomplete)]


class Zsh(Joined, ZshComplete):
    """Completion for zsh."""


class Fish(Joined, FishComplete):
    """Completion for fish."""


SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def register() -> None:
    """Register the shells of `SHELLS` with click."""
    for name, shell in SHELLS.items():
        add_completion_class(shell, name)


@click.command(
    cls=Command,
    examples=(
        'eval "$(smol_dev completion bash)"',
        "smol_dev completion zsh > ~/.zfunc/_smol_dev",
        "smol_dev completion fish > ~/.config/fish/completions/smol_dev.fish",
    ),
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and values.

    Its first lines say where to put it. It offers profiles, settings and their values, prompt files, and the models
    of a local server that is running.
    """
    text = SHELLS[shell](context.find_root().command, {}, "smol_dev", VARIABLE).source()
    text = re.sub(r"(?m) smol_dev$", " smol_dev smol-dev", text)
    text = text.replace("--command smol_dev", "--command smol_dev --command smol-dev")
    first, rest = text.split("\n", 1)
    where = f"# Completion of smol_dev in {shell}. Save it as {INSTALL[shell]}"
    click.echo("\n".join((first, where, rest) if shell == "zsh" else (where, first, rest)), nl=False)

"""`smol_dev completion`: the script that completes commands, options and their values in a shell."""

import os
from typing import Final

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

from smol_dev.cli.help import Command

VARIABLE: Final = "_SMOL_DEV_COMPLETE"
WORD_BREAKS: Final = ":="
"""Where bash begins a new word within a model's name and within `KEY=VALUE`."""

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
"""Unlike click's own, it hands over the line as it was typed: bash takes `qwen3.5:9b` for three words."""

INSTALL: Final = {
    "bash": "~/.local/share/bash-completion/completions/smol_dev, or for every new shell, in ~/.bashrc:\n"
    '#   eval "$(smol_dev completion bash)"',
    "zsh": "_smol_dev in a folder of $fpath, or for every new shell, in ~/.zshrc after compinit:\n"
    '#   eval "$(smol_dev completion zsh)"',
    "fish": "~/.config/fish/completions/smol_dev.fish:\n"
    "#   smol_dev completion fish > ~/.config/fish/completions/smol_dev.fish",
}


class Joined(ShellComplete):
    """Completion of `--option=value`, also before a prompt, where click looks for no option of a command."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return the completions, those of a joined value with its option."""
        option, equals, value = incomplete.partition("=")
        if not (equals and option.startswith("--")):
            return super().get_completions(args, incomplete)
        found = super().get_completions([*args, option], value)
        return [CompletionItem(f"{option}={item.value}", item.type, item.help) for item in found]


class Bash(Joined, BashComplete):
    """Completion for bash, whose words end at `:` and `=`."""

    source_template = BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is typed, and that word."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words, incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return the completions without the part that bash takes for a word before."""
        cut = max(incomplete.rfind(mark) for mark in WORD_BREAKS) + 1
        return [CompletionItem(item.value[cut:], item.type) for item in super().get_completions(args, incomplete)]


class Zsh(Joined, ZshComplete):
    """Completion for zsh."""


class Fish(Joined, FishComplete):
    """Completion for fish."""


SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


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
    click.echo(script(context.find_root().command, shell), nl=False)


def script(program: click.Command, shell: str) -> str:
    """Return the script for both names of the program, and where to put it."""
    text = SHELLS[shell](program, {}, "smol_dev", VARIABLE).source()
    more = {"fish": ("--command smol_dev", "--command smol_dev --command smol-dev")}
    for old, new in (more.get(shell, ("completion smol_dev\n", "completion smol_dev smol-dev\n")),):
        text = text.replace(old, new)
    first, rest = text.split("\n", 1)
    where = f"# Completion of smol_dev in {shell}. Save it as {INSTALL[shell]}\n"
    return f"#compdef smol_dev smol-dev\n{where}{rest}" if shell == "zsh" else f"{where}{first}\n{rest}"


def register() -> None:
    """Have click answer the shells by these classes."""
    for name, shell in SHELLS.items():
        add_completion_class(shell, name)

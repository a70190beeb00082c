"""The commands by name: a known command is never a prompt, and its options may come before it."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

import click

from smol_dev.cli.help import Command, summary

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Final = {
    "generate": "smol_dev.cli.generate",
    "resume": "smol_dev.cli.generate",
    "check": "smol_dev.cli.check",
    "fix": "smol_dev.cli.check",
    "change": "smol_dev.cli.change",
    "undo": "smol_dev.cli.change",
    "log": "smol_dev.cli.change",
    "report": "smol_dev.cli.report",
    "init": "smol_dev.cli.init",
    "demo": "smol_dev.cli.generate",
    "profiles": "smol_dev.cli.profiles",
    "config": "smol_dev.cli.config",
    "models": "smol_dev.cli.servers",
    "doctor": "smol_dev.cli.servers",
    "trust": "smol_dev.cli.trust",
    "completion": "smol_dev.cli.completion",
    "help": "smol_dev.cli.help",
}
"""Each command's module, which holds a click command of the same name."""

DEFAULT: Final = "generate"
PROMPTED: Final = "smol_dev.prompted"
"""Key in a context's `meta`: no command was named, so the prompt may be a misspelt command."""


class Group(Command, click.Group):
    """A group whose commands also accept their options before their name: `-p gateway doctor`."""

    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its untruncated summary."""
        names = self.list_commands(ctx)
        commands = [(name, found) for name in names if (found := self.get_command(ctx, name)) is not None]
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(command)) for name, command in commands])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move options that come before a command's name after it."""
        at = self.position(ctx, args)
        return super().parse_args(ctx, args if at is None else [args[at], *args[:at], *args[at + 1 :]])

    def position(self, ctx: click.Context, args: Sequence[str]) -> int | None:
        """Return the index of the first command name that only its own options precede; None if there is none."""
        ends = args.index("--") if "--" in args else len(args)
        for at, word in enumerate(args[:ends]):
            command = self.get_command(ctx, word)
            if command is not None and takes(command, ctx, args[:at], args[at + 1 :]):
                return at
        return None


def takes(command: click.Command, parent: click.Context, before: Sequence[str], after: Sequence[str]) -> bool:
    """Return whether all words before the command's name are options of it or of a command in it."""
    if not before:
        return True
    context = click.Context(command, parent=parent)
    if isinstance(command, Group):
        return command.position(context, [*before, *after]) is not None
    try:
        _, left, _ = command.make_parser(context).parse_args(list(before))
    except click.UsageError:
        return False
    return not left


class Commands(Group):
    """A group that knows other programs' names for its commands."""

    other_names: Final = {
        "get": "explain",
        "list": "show",
        "ls": "list",
        "validate": "check",
        "where": "path",
        "add": "set",
        "rm": "remove",
        "delete": "remove",
        "del": "remove",
        "new": "add",
        "create": "add",
        "mv": "rename",
        "cp": "copy",
        "select": "use",
        "default": "use",
    }

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command. Raise `UsageError` with the right name if another name for it or a typo is given."""
        from smol_dev.config.problems import nearest
        from smol_dev.errors import UsageError
        from smol_dev.safe import safe

        name = args[0]
        meant = self.other_names.get(name, "")
        near = nearest(name, list(self.commands)) if meant not in self.commands else meant
        if name in self.commands or name.startswith("-") or not near:
            return super().resolve_command(ctx, args)
        known = self.commands[near]
        arguments = [each for each in known.params if isinstance(each, click.Argument)]
        words = [each.make_metavar(ctx) for each in arguments]
        raise UsageError(
            f"there is no `{ctx.command_path} {safe(name)}`", hint=f"`{' '.join([ctx.command_path, near, *words])}`"
        )


class Program(Group):
    """The commands by name, imported on first use; anything else is a prompt for `generate`."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Return completions for the first word: a command, an option of `generate`, or a prompt file."""
        from smol_dev.cli.completion import prompt_files

        generate = self.get_command(ctx, DEFAULT)
        if generate is None or not incomplete.startswith("-"):
            return [*super().shell_complete(ctx, incomplete), *prompt_files(incomplete)]
        return [*super().shell_complete(ctx, incomplete), *generate.shell_complete(ctx, incomplete)]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a user needs them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, importing its module if needed."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            self.add_command(getattr(import_module(COMMANDS[cmd_name]), cmd_name))
        return super().get_command(ctx, cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Treat arguments that name no command as those of `generate`."""
        own = {name for option in self.get_params(ctx) for name in option.opts}
        prompted = bool(args) and args[0] not in own and self.position(ctx, args) is None
        if prompted:
            ctx.meta[PROMPTED] = True
        return super().parse_args(ctx, [DEFAULT, *args] if prompted else args)

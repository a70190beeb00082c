"""The commands by name, their help on one screen, and `smol_dev help` for a command or a page of `docs/`."""

import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

import click

from smol_dev.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from click.shell_completion import CompletionItem

COMMANDS: Final = {
    "generate": "runs",
    "resume": "runs",
    "check": "runs",
    "fix": "runs",
    "change": "runs",
    "undo": "runs",
    "log": "runs",
    "report": "runs",
    "init": "servers",
    "demo": "runs",
    "profiles": "settings",
    "config": "settings",
    "models": "servers",
    "doctor": "servers",
    "trust": "settings",
    "completion": "completion",
    "help": "commands",
}
"""Each command's module, which holds a click command of the same name."""

DEFAULT: Final = "generate"
PROMPTED: Final = "smol_dev.prompted"
"""Key in a context's `meta`: no command was named, so the prompt may be a misspelt command."""

OTHER_NAMES: Final = {
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
"""Other programs' names for commands of `config` and `profiles`."""

NEXT_COLUMN: Final = 30
"""The column where an option's description begins; after a longer option it goes on the next line."""

SECTIONS: Final[Mapping[str, Sequence[str]]] = {
    "What to build": "folder output_dir overwrite fresh adopt only list_file include check allow_sensitive".split(),
    "How far": "review plan_only dry_run strict yes rewrite diff redo keep_mine theirs".split(),
    "Which model": "profile model provider source base_url api_key_env sets config_file no_project_config".split(),
    "Output": "as_json quiet verbose debug".split(),
}
"""The parameters in each section; all others come first, under `Options`."""

TOGETHER: Final = {
    "quiet": (("quiet", "verbose", "debug"), "Say less; say more; show tracebacks and requests"),
    "overwrite": (("overwrite", "fresh"), "Replace what is there; start over (keeps copies)"),
    "plan_only": (("plan_only", "dry_run"), "Stop after the file list; send nothing at all"),
    "yes": (("yes", "diff"), "Make a change without asking; only show it"),
}
"""Options that share a line of help, by the first of them, and the text of that line."""

SEE_GENERATE: Final = ("provider", "source", "base_url", "api_key_env", "config_file", "no_project_config")
"""Options that only `smol_dev generate --help` describes; elsewhere they are only listed."""

TOPICS: Final = ("profiles", "project", "container", "events", "changes", "checks", "errors", "team")
"""The pages of `docs/` that `smol_dev help` can show."""


class Command(click.Command):
    """A command whose help has sections, ends with examples, and fits a screen of thirty lines."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage, the paragraphs of the help text, the options and the examples."""
        formatter.write(f"Usage: {ctx.command_path} {' '.join(self.collect_usage_pieces(ctx))}\n")
        with formatter.indentation():
            for paragraph in inspect.cleandoc(self.help or "").split("\n\n"):
                formatter.write_text(paragraph)
        self.format_options(ctx, formatter)
        formatter.write_heading("Examples")
        formatter.write("".join(f"  {example}\n" for example in self.examples))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in sections without blank lines between them."""
        formatter.write_paragraph()
        own_help = self.get_help_option(ctx)
        shown = {
            str(each.name): each
            for each in self.get_params(ctx)
            if isinstance(each, click.Option) and not each.hidden and each is not own_help
        }
        titles = SECTIONS if "quiet" in shown else ("Which model", "Output")
        known = {name for title in titles for name in SECTIONS[title]}
        for title in ("Options", *titles):
            names = SECTIONS.get(title) or [name for name in shown if name not in known]
            options = {name: shown[name] for name in names if name in shown}
            if options:
                formatter.write_heading(title)
            with formatter.indentation():
                for typed, text in _rows(options, whole=self.name == DEFAULT):
                    self._write_row(formatter, typed, text)

    def _write_row(self, formatter: click.HelpFormatter, typed: str, text: str) -> None:
        if len(typed) <= formatter.width - NEXT_COLUMN:
            formatter.write_dl([(typed.ljust(NEXT_COLUMN - 4), text)], col_max=NEXT_COLUMN)
            return
        filled = textwrap.fill(f"{typed}: {text}", formatter.width - 4, break_on_hyphens=False)
        formatter.write(textwrap.indent(f"{filled}\n", "  "))


def _rows(options: Mapping[str, click.Option], *, whole: bool) -> Iterator[tuple[str, str]]:
    """Yield the options with their descriptions; unless `whole`, the server's options share the last row."""
    elsewhere = [] if whole or "base_url" not in options else [name for name in SEE_GENERATE if name in options]
    shown = set(elsewhere)
    for name, option in options.items():
        if name in shown:
            continue
        names, text = TOGETHER.get(name, ((name,), ""))
        if not options.keys() >= set(names):
            names, text = (name,), ""
        shown.update(names)
        yield ", ".join(_spelled(options[each], short=bool(text)) for each in names), text or option.help or ""
    if elsewhere:
        spellings = (_spelled(options[name], short=True).split()[0] for name in elsewhere)
        yield ", ".join(spellings), "as in `smol_dev generate --help`"


def _spelled(option: click.Option, *, short: bool) -> str:
    """Return the option as typed: `-o, --output DIR`, or with `short` only its shortest spelling."""
    first, *others = sorted(option.opts, key=lambda each: (each.startswith("--"), option.opts.index(each)))
    shown = [first] if short or first.startswith("--") else [first, *others[:1]]
    choices = "|".join(map(str, option.type.choices)) if isinstance(option.type, click.Choice) else ""
    value = "" if option.is_flag else f" {option.metavar or choices or 'TEXT'}"
    return ", ".join(shown) + value


class Group(Command, click.Group):
    """A group whose commands also accept their options before their name: `-p gateway doctor`."""

    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its untruncated summary."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(command)) for name, command in commands if command is not None])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move options that come before a command's name after it."""
        at = self.position(ctx, args)
        return super().parse_args(ctx, args if at is None else [args[at], *args[:at], *args[at + 1 :]])

    def position(self, ctx: click.Context, args: Sequence[str]) -> int | None:
        """Return the index of the first command name that only its own options precede; None if there is none."""
        ends = args.index("--") if "--" in args else len(args)
        for at, word in enumerate(args[:ends]):
            command = self.get_command(ctx, word)
            if command is not None and _takes(command, ctx, args[:at], args[at + 1 :]):
                return at
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command. Raise `UsageError` with the right name if another name for it or a typo is given."""
        name = args[0]
        if name in self.commands or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from smol_dev.config.problems import nearest
        from smol_dev.safe import safe

        meant = OTHER_NAMES.get(name, "")
        near = meant if meant in self.commands else nearest(name, list(self.commands))
        if not near:
            return super().resolve_command(ctx, args)
        arguments = [each for each in self.commands[near].params if isinstance(each, click.Argument)]
        words = [ctx.command_path, near, *(each.make_metavar(ctx) for each in arguments)]
        raise UsageError(f"there is no `{ctx.command_path} {safe(name)}`", hint=f"`{' '.join(words)}`")


def summary(command: click.Command) -> str:
    """Return the first line of the command's help."""
    return (command.help or "").strip().split("\n", 1)[0]


def _takes(command: click.Command, parent: click.Context, before: Sequence[str], after: Sequence[str]) -> bool:
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


class Program(Group):
    """The commands by name, imported on first use; anything else is a prompt for `generate`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base class's signature
        """Return the names in the order in which a user needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, importing its module if needed."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.add_command(getattr(import_module(f"smol_dev.cli.{COMMANDS[cmd_name]}"), cmd_name))
        return super().get_command(ctx, cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Treat arguments that name no command as those of `generate`."""
        own = {name for option in self.get_params(ctx) for name in option.opts}
        prompted = bool(args) and args[0] not in own and self.position(ctx, args) is None
        if prompted:
            ctx.meta[PROMPTED] = True
        return super().parse_args(ctx, [DEFAULT, *args] if prompted else args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Return completions for the first word: a command, an option of `generate`, or a prompt file."""
        found, generate = super().shell_complete(ctx, incomplete), self.get_command(ctx, DEFAULT)
        if generate is None:
            return found
        prompt, *_ = generate.params
        return [*found, *(generate if incomplete.startswith("-") else prompt).shell_complete(ctx, incomplete)]


TOPIC: Final = click.Choice(list(dict.fromkeys((*TOPICS, *COMMANDS))))


@click.command(
    name="help",
    cls=Command,
    examples=("smol_dev help profiles", "smol_dev help container | less", "smol_dev help resume"),
)
@click.argument("topic", required=False, shell_complete=TOPIC.shell_complete)
@click.pass_context
def help(context: click.Context, topic: str | None) -> None:  # noqa: A001 - the command's name
    """Explain a topic, such as `profiles`, or a command.

    The topics are profiles, project, container, events, changes, checks, errors and team.
    """
    from smol_dev.safe import safe

    root = context.find_root()
    command = cast("Program", root.command).get_command(root, topic or "")
    if topic in TOPICS:
        _show_page(topic)
    elif command is not None:
        click.echo(command.get_help(click.Context(command, root, topic)))
    elif topic:
        raise UsageError(f"there is no help on `{safe(topic)}`", hint=f"the topics are {', '.join(TOPICS)}")
    else:
        click.echo(root.get_help())


def _show_page(topic: str) -> None:
    """Print the page on standard output: rendered on a terminal, as Markdown elsewhere."""
    from smol_dev.safe import safe

    text = (pages() / f"{topic}.md").read_text(encoding="utf-8")
    if not sys.stdout.isatty():
        click.echo(safe(text, keep_newlines=True), nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, 100))


def pages() -> "Path":
    """Return the folder of the pages: inside the installed package, or else beside it."""
    from pathlib import Path

    package = Path(__file__).parent.parent
    inside = package / "docs"
    return inside if inside.is_dir() else package.parent / "docs"

"""The help of every command on one screen, and `smol_dev help`: a command's help, or a page of `docs/`."""

import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from pathlib import Path

NEXT_COLUMN: Final = 30
"""Where the description of an option begins; longer options put it on the next line."""

SECTIONS: Final[Mapping[str, Sequence[str]]] = {
    "What to build": "folder output_dir overwrite fresh adopt only list_file include check allow_sensitive".split(),
    "How far": "review plan_only dry_run strict yes rewrite diff redo keep_mine theirs".split(),
    "Which model": "profile model provider source base_url api_key_env sets config_file no_project_config".split(),
    "Output": "as_json quiet verbose debug".split(),
}
"""The parameters of each section; all others stand under `Options`, before them."""

TOGETHER: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "quiet": (("quiet", "verbose", "debug"), "Say less; say more; show tracebacks and requests"),
    "overwrite": (("overwrite", "fresh"), "Replace what is there; start over (keeps copies)"),
    "plan_only": (("plan_only", "dry_run"), "Stop after the file list; send nothing at all"),
    "yes": (("yes", "diff"), "Make a change without asking; only show it"),
}
"""By the first of them in a command: options that share a line, and what it says."""

SEE_GENERATE: Final = ("provider", "source", "base_url", "api_key_env", "config_file", "no_project_config")
"""Options that only `smol_dev generate --help` describes; elsewhere they are named."""

TOPICS: Final = ("profiles", "project", "container", "events", "changes", "checks", "errors", "team")
"""The pages of `docs/` that answer a question at the prompt."""


class Command(click.Command):
    """A command whose help has sections and, last, the examples it is declared with."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage, and no blank line after it: a screen has thirty lines."""
        formatter.write(f"Usage: {ctx.command_path} {' '.join(self.collect_usage_pieces(ctx))}\n")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help, in the first paragraph its summary."""
        del ctx
        with formatter.indentation():
            for paragraph in inspect.cleandoc(self.help or "").split("\n\n"):
                formatter.write_text(paragraph)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each purpose, without blank lines between them."""
        formatter.write_paragraph()
        options = {each.name: each for each in self.get_params(ctx) if isinstance(each, click.Option)}
        own_help = self.get_help_option(ctx)
        shown = {str(name): each for name, each in options.items() if not each.hidden and each is not own_help}
        titles = SECTIONS if "quiet" in shown else ("Which model", "Output")
        known = {name for title in titles for name in SECTIONS[title]}
        for title in ("Options", *titles):
            names = SECTIONS.get(title) or [name for name in shown if name not in known]
            rows = list(rows_of([shown[name] for name in names if name in shown], whole=self.name == "generate"))
            if rows:
                formatter.write_heading(title)
                write_rows(formatter, rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        del ctx
        if self.examples:
            formatter.write_heading("Examples")
            formatter.write("".join(f"  {example}\n" for example in self.examples))


def rows_of(options: Sequence[click.Option], *, whole: bool) -> Iterator[tuple[str, str]]:
    """Yield the options with their descriptions; unless `whole`, those of a server share the last row."""
    names = [str(each.name) for each in options]
    elsewhere = [] if whole or "base_url" not in names else [each for each in options if each.name in SEE_GENERATE]
    joined: set[str] = {str(each.name) for each in elsewhere}
    by_name = dict(zip(names, options, strict=True))
    for name, option in by_name.items():
        if name in joined:
            continue
        others, text = next(
            (entry for entry in TOGETHER.values() if name in entry[0] and set(entry[0]) <= by_name.keys()),
            ((name,), option.help or ""),
        )
        joined |= set(others)
        yield ", ".join(spelled(by_name[each], short=len(others) > 1) for each in others), text
    if elsewhere:
        spellings = ", ".join(spelled(each, short=True).split()[0] for each in elsewhere)
        yield f"{spellings}", "as in `smol_dev generate --help`"


def spelled(option: click.Option, *, short: bool = False) -> str:
    """Return how the option is typed: `-o, --output DIR`, or in `short` the shortest of it."""
    spellings = sorted(option.opts, key=lambda each: (each.startswith("--"), option.opts.index(each)))
    shown = spellings[:1] if short else [*spellings[:1], *(each for each in spellings[1:2] if spellings[0][1] != "-")]
    choices = "|".join(map(str, option.type.choices)) if isinstance(option.type, click.Choice) else ""
    value = "" if option.is_flag else f" {option.metavar or choices or 'TEXT'}"
    return ", ".join(shown) + value


def write_rows(formatter: click.HelpFormatter, rows: Sequence[tuple[str, str]]) -> None:
    """Write a row on a line: the option, and its description in the second column."""
    formatter.indent()
    for typed, text in rows:
        if len(typed) > formatter.width - NEXT_COLUMN:
            whole = textwrap.fill(f"{typed}: {text}", formatter.width - 4, break_on_hyphens=False)
            formatter.write(textwrap.indent(f"{whole}\n", "  "))
        else:
            formatter.write_dl([(typed.ljust(NEXT_COLUMN - 4), text)], col_max=NEXT_COLUMN)
    formatter.dedent()


def summary(command: click.Command) -> str:
    """Return the first line of the command's help, whole."""
    return (command.help or "").strip().split("\n", 1)[0]


def pages() -> "Path":
    """Return the folder of the pages: inside the installed package, else beside it."""
    from pathlib import Path

    package = Path(__file__).parent.parent
    inside = package / "docs"
    return inside if inside.is_dir() else package.parent / "docs"


def complete_topic(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the topics and commands that begin as typed."""
    del parameter
    root = context.find_root()
    commands = root.command.list_commands(root) if isinstance(root.command, click.Group) else ()
    return [name for name in dict.fromkeys((*TOPICS, *commands)) if name.startswith(incomplete)]


@click.command(
    name="help",
    cls=Command,
    examples=("smol_dev help profiles", "smol_dev help container | less", "smol_dev help resume"),
)
@click.argument("topic", required=False, shell_complete=complete_topic)
@click.pass_context
def help(context: click.Context, topic: str | None) -> None:  # noqa: A001 - the command's name
    """Explain a topic, such as `profiles`, or a command.

    The topics are profiles, project, container, events, changes, checks, errors and team.
    """
    from smol_dev.errors import UsageError
    from smol_dev.safe import safe

    if topic in TOPICS:
        return show_page(topic)
    program = context.find_root()
    known = program.command.get_command(program, topic) if topic and isinstance(program.command, click.Group) else None
    if topic and known is None:
        raise UsageError(f"there is no help on `{safe(topic)}`", hint=f"the topics are {', '.join(TOPICS)}")
    click.echo(program.get_help() if known is None else known.get_help(click.Context(known, program, topic)))
    return None


def show_page(topic: str) -> None:
    """Print the page on standard output: drawn on a terminal, as it is written elsewhere."""
    from smol_dev.safe import safe

    text = (pages() / f"{topic}.md").read_text(encoding="utf-8")
    if not sys.stdout.isatty():
        click.echo(safe(text, keep_newlines=True), nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, 100))

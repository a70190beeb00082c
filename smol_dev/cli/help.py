"""Help for every command on one screen, and `smol_dev help` for a command or a page of `docs/`."""

import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from pathlib import Path

NEXT_COLUMN: Final = 30
"""The column where an option's description begins; after a longer option it goes on the next line."""

SECTIONS: Final[Mapping[str, Sequence[str]]] = {
    "What to build": "folder output_dir overwrite fresh adopt only list_file include check allow_sensitive".split(),
    "How far": "review plan_only dry_run strict yes rewrite diff redo keep_mine theirs".split(),
    "Which model": "profile model provider source base_url api_key_env sets config_file no_project_config".split(),
    "Output": "as_json quiet verbose debug".split(),
}
"""The parameters in each section; all others come first, under `Options`."""

TOGETHER: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
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
    """A command whose help has sections and ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage without a blank line after it, to fit the help on a screen of thirty lines."""
        formatter.write(f"Usage: {ctx.command_path} {' '.join(self.collect_usage_pieces(ctx))}\n")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the paragraphs of the help text."""
        del ctx
        with formatter.indentation():
            for paragraph in inspect.cleandoc(self.help or "").split("\n\n"):
                formatter.write_text(paragraph)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in sections without blank lines between them."""
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
    """Yield the options with their descriptions; unless `whole`, the server's options share the last row."""
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
    """Return the option as typed: `-o, --output DIR`, or with `short` only its shortest spelling."""
    spellings = sorted(option.opts, key=lambda each: (each.startswith("--"), option.opts.index(each)))
    shown = spellings[:1] if short else [*spellings[:1], *(each for each in spellings[1:2] if spellings[0][1] != "-")]
    choices = "|".join(map(str, option.type.choices)) if isinstance(option.type, click.Choice) else ""
    value = "" if option.is_flag else f" {option.metavar or choices or 'TEXT'}"
    return ", ".join(shown) + value


def write_rows(formatter: click.HelpFormatter, rows: Sequence[tuple[str, str]]) -> None:
    """Write each option with its description in the second column."""
    formatter.indent()
    for typed, text in rows:
        if len(typed) > formatter.width - NEXT_COLUMN:
            whole = textwrap.fill(f"{typed}: {text}", formatter.width - 4, break_on_hyphens=False)
            formatter.write(textwrap.indent(f"{whole}\n", "  "))
        else:
            formatter.write_dl([(typed.ljust(NEXT_COLUMN - 4), text)], col_max=NEXT_COLUMN)
    formatter.dedent()


def summary(command: click.Command) -> str:
    """Return the first line of the command's help."""
    return (command.help or "").strip().split("\n", 1)[0]


def pages() -> "Path":
    """Return the folder of the pages: inside the installed package, or else beside it."""
    from pathlib import Path

    package = Path(__file__).parent.parent
    inside = package / "docs"
    return inside if inside.is_dir() else package.parent / "docs"


def complete_topic(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the topics and commands that begin with the typed text."""
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

"""Each `--help` on one screen, its examples as they can be typed, and the topics."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from smol_dev.cli import program
from smol_dev.cli.commands import COMMANDS, TOPICS, Command, pages, summary
from tests.cli.shell import Shell

LINES, COLUMNS = 30, 80


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, those of groups included, with its words."""
    root = click.Context(program, info_name="smol_dev")
    for name in COMMANDS:
        command = program.get_command(root, name)
        assert command is not None
        yield (name,), command
        if isinstance(command, click.Group):
            yield from (((name, each), command.commands[each]) for each in command.commands)


ALL = {" ".join(words): command for words, command in commands()}


def helped(*words: str, columns: int = COLUMNS) -> str:
    return CliRunner().invoke(program, [*words, "--help"], prog_name="smol_dev", terminal_width=columns).output


@pytest.mark.parametrize("name", ["", *ALL])
def test_help_fits_a_screen(name: str) -> None:
    lines = helped(*name.split()).splitlines()
    assert lines[0].startswith(f"Usage: smol_dev {name}".rstrip())
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= COLUMNS


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_in_the_help(name: str) -> None:
    text = helped(*name.split())
    options = [each for each in ALL[name].params if isinstance(each, click.Option) and not each.hidden]
    missing = [each.opts for each in options if not any(spelling in text for spelling in each.opts)]
    assert missing == []


def test_the_list_of_commands_has_whole_summaries() -> None:
    lines = helped().splitlines()
    assert [f"  {name:<10}  {summary(ALL[name])}" for name in COMMANDS if ALL[name] and " " not in name] == [
        line for line in lines if line.startswith("  ") and line.split()[0] in COMMANDS
    ]


def test_a_run_has_its_options_in_groups() -> None:
    found = [line for line in helped("generate").splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert found == ["What to build:", "How far:", "Which model:", "Output:", "Examples:"]


def test_help_says_where_results_go() -> None:
    text = " ".join(helped().split())
    assert "Results go to standard output, and what a person reads to standard error." in text


@pytest.mark.parametrize("name", ALL)
def test_every_command_shows_examples_that_can_be_typed(name: str) -> None:
    command = ALL[name]
    assert isinstance(command, Command)
    assert len(command.examples) >= (1 if " " in name else 3)
    for example in command.examples:
        typed = example.removeprefix('eval "$(').removesuffix(')"')
        words = shlex.split(typed.partition(" | ")[0].partition(" > ")[0])
        assert words[0] == "smol_dev"
        parse(words[1:])


def parse(words: list[str]) -> None:
    """Parse the words as the program would, groups included; click raises `UsageError` where it cannot."""
    context = program.make_context("smol_dev", words)
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]  # noqa: SLF001 - where click keeps the words left
        name, command, rest = context.command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_a_page_of_the_documentation(shell: Shell, topic: str) -> None:
    assert shell.type("help", topic) == 0
    assert shell.out == (pages() / f"{topic}.md").read_text(encoding="utf-8")


def test_help_on_a_command_is_its_help(shell: Shell) -> None:
    assert shell.type("help", "resume") == 0
    assert shell.out.splitlines()[0] == "Usage: smol_dev resume [OPTIONS] [DIR]"
    assert shell.type("help") == 0
    assert shell.out.startswith("Usage: smol_dev [OPTIONS] COMMAND")


def test_help_on_nothing_known_names_the_topics(shell: Shell) -> None:
    assert shell.type("help", "cake") == 2
    assert shell.err == (
        "error: there is no help on `cake`\n\n"
        "hint: the topics are profiles, project, container, events, changes, checks, errors, team\n"
    )


def test_every_topic_is_installed() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert [topic for topic in TOPICS if f'"docs/{topic}.md" = "smol_dev/docs/{topic}.md"' not in text] == []

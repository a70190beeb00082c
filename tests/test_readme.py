"""What the README says is what the program does."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from smol_dev.cli import program
from smol_dev.cli.commands import COMMANDS
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.config.load import check
from smol_dev.ui.ndjson import NAMES

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_settings_example_is_valid(text: str, tmp_path: Path) -> None:
    file = tmp_path / "smol.toml"
    base = '[profiles.work]\nextends = "local-ollama"\nmodel = "m"\n'
    defines = "extends" in text
    file.write_text(text if defines else base, encoding="utf-8")
    assert tomllib.loads(text)
    surroundings = Surroundings(environ={}, cwd=tmp_path)
    assert check(Flags(config=file, project=False), surroundings, file=file) == ()


def test_the_two_commands_of_the_gate_are_there() -> None:
    found = re.findall(r"<!-- ci: (\w+) -->\n```sh\n(.+)\n```", README)
    assert [name for name, _ in found] == ["demo", "test"]
    assert all("\n" not in command for _, command in found)


def used_commands() -> Iterator[str]:
    """Every command the README names in a shell block or in back-ticks."""
    for text in [*blocks("sh"), *re.findall(r"`(smol_dev [^`]+)`", README)]:
        yield from re.findall(r"^\S*smol_dev ([a-z]+)", text, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(used_commands())))
def test_every_command_in_the_readme_exists(name: str) -> None:
    assert name in COMMANDS
    assert isinstance(program.get_command(click.Context(program), name), click.Command)


def test_the_table_of_events_is_what_is_printed() -> None:
    section = README.split("## For programs")[1].split("## Settings")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE))
    told = {name: set(re.findall(r"`(\w+)`", text)) for name, text in rows.items() if name in NAMES.values()}
    totals = {"prompt_tokens", "cached_tokens", "completion_tokens"}
    told["run_done"] |= totals
    assert told == {name: {each.name for each in fields(event)} for event, name in NAMES.items()}


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 6])
def test_every_exit_code_is_explained(code: int) -> None:
    assert re.search(rf"^\| {code} \| \w", README, re.MULTILINE)

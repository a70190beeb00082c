"""What the README and the pages of `docs/` say is what the program does."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from smol_dev.cli.commands import COMMANDS
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.config.load import check
from smol_dev.ui.plain import NAMES
from tests.cli.test_help import parse

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {"README.md": README} | {
    f"docs/{path.name}": path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))
}
EVENTS, ERRORS = PAGES["docs/events.md"], PAGES["docs/errors.md"]


def blocks(language: str) -> list[object]:
    """The code blocks of a language on all pages."""
    return [
        pytest.param(text, id=f"{name} {number}")
        for name, page in PAGES.items()
        for number, text in enumerate(re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    ]


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_settings_example_is_valid(text: str, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"  # not a project's, which may name no key
    file.write_text(text, encoding="utf-8")
    assert tomllib.loads(text)
    surroundings = Surroundings(environ={}, cwd=tmp_path)
    assert check(Flags(config=file, project=False), surroundings, file=file) == ()


def test_the_two_commands_of_the_gate_are_there() -> None:
    found = re.findall(r"<!-- ci: (\w+) -->\n```sh\n(.+)\n```", README)
    assert [name for name, _ in found] == ["demo", "test"]
    assert all("\n" not in command for _, command in found)


def commands() -> Iterator[str]:
    """Every whole command line of the program in a shell block or in back-ticks, on any page."""
    for page in PAGES.values():
        for block in re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
            yield from re.findall(r"^smol_dev .+", block, re.MULTILINE)
        yield from (each for each in re.findall(r"`(smol_dev [^`]+)`", page.replace("\n", " ")) if "…" not in each)


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_every_command_can_be_typed(line: str) -> None:
    words = shlex.split(line.partition(" | ")[0].replace("[DIR]", "DIR"))[1:]
    if words[-1] in {"--help", "--version"}:
        assert words[:-1] == [] or words[0] in COMMANDS
    elif words[:2] == ["help", words[-1]] or len(words) > 1 or words[0] not in {"profiles", "config", "change"}:
        parse(words)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGES[name])
    assert [target for target in targets if not ((ROOT / name).parent / target).exists()] == []


def test_the_readme_is_read_in_five_minutes() -> None:
    prose = README.partition("## Settings")[0]
    assert len(prose.split()) <= 1200


def test_no_paragraph_stands_on_two_pages() -> None:
    paragraphs = [each for page in PAGES.values() for each in page.split("\n\n") if len(each.split()) > 12]
    assert sorted({each for each in paragraphs if paragraphs.count(each) > 1}) == []


def test_the_table_of_events_is_what_is_printed() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", EVENTS, re.MULTILINE))
    told = {name: set(re.findall(r"`(\w+)`", text)) for name, text in rows.items() if name in NAMES.values()}
    totals = {"prompt_tokens", "cached_tokens", "completion_tokens"}
    told["run_done"] |= totals
    assert told == {name: {each.name for each in fields(event)} for event, name in NAMES.items()}


@pytest.mark.parametrize("code", range(8))
def test_every_exit_code_is_explained(code: int) -> None:
    assert re.search(rf"^\| {code} \| \w", ERRORS, re.MULTILINE)

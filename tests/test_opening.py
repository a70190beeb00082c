"""Openings and exact continuations on a real llama.cpp server, by its own counts."""

from pathlib import Path

import pytest

from smol_dev.app.program import resume
from smol_dev.app.session import Task
from smol_dev.events import FileDone, Retry, RunDone
from tests.app.test_build import World
from tests.real_server import real_server

FILES = {
    "store.py": '"""The store."""\n\n\ndef load(path: str) -> list[str]:\n    with open(path) as file:\n'
    "        return file.read().splitlines()\n",
    "app.js": 'const list = document.querySelector("#items");\n\nfor (const name of ["tea", "milk"]) {\n'
    "  list.append(name);\n}\n",
    "style.css": "body {\n  margin: 2rem auto;\n  max-width: 40rem;\n}\n\n#items {\n  padding: 0;\n}\n",
}
LANGUAGES = {"store.py": "python", "app.js": "javascript", "style.css": "css"}
SCRIPT = [
    ("Plan this program", "# Shop list\n\nThe page shows what is in the store.\n"),
    ("List the files", '{"files": ["store.py", "app.js", "style.css"]}'),
    *[(f"\n{path}", f"```{LANGUAGES[path]}\n{FILES[path]}```") for path in FILES],
]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def run(world: World, settings: str = "") -> RunDone:
    with real_server(SCRIPT, continues=True) as base_url:
        return world.generate_at(base_url, f'provider = "llamacpp"\nprompt_variant = "small"\n{settings}')


def evaluated(world: World) -> list[int]:
    """The prompt tokens of each file that were not in the server's cache."""
    return [
        (event.prompt_tokens or 0) - (event.cached_tokens or 0) for event in world.shown if isinstance(event, FileDone)
    ]


def generated(world: World) -> int:
    """The tokens of all files that the model said itself."""
    return sum(event.completion_tokens or 0 for event in world.shown if isinstance(event, FileDone))


def test_every_file_goes_on_from_its_opening_and_stays_in_the_cache(world: World) -> None:
    without = World(world.cwd / "without")
    without.cwd.mkdir()
    assert (run(world).exit_code, world.files()) == (0, FILES)
    assert run(without, 'answer_opening = "off"\n').exit_code == 0
    assert without.files() == FILES
    assert generated(world) < generated(without)
    # What is new of a request is its own words and the opening.
    assert all(given <= bare + 12 for given, bare in zip(evaluated(world), evaluated(without), strict=True))


def test_a_cut_answer_goes_on_from_its_last_character_and_costs_what_is_new(world: World) -> None:
    whole = World(world.cwd / "whole")
    whole.cwd.mkdir()
    run(whole)
    assert run(world, "max_output_tokens = 8\n").exit_code == 0
    assert world.files() == FILES
    continued = [event for event in world.shown if isinstance(event, Retry)]
    assert len(continued) >= 6
    # Each continuation evaluates the end of the last token again, and nothing before it.
    assert sum(evaluated(world)) <= sum(evaluated(whole)) + 4 * len(continued)


def test_a_resumed_run_finds_what_was_said_behind_an_opening_in_the_cache(world: World) -> None:
    settings = 'provider = "llamacpp"\nprompt_variant = "small"\n'
    with real_server(SCRIPT, continues=True) as base_url:
        world.generate_at(base_url, settings)
        (world.cwd / "generated/style.css").unlink()
        world.shown.clear()
        assert resume(Task(), world.flags(base_url, settings), world.caller()).exit_code == 0
    assert world.files() == FILES
    # The same request as before: the last token is all that a server evaluates again.
    assert evaluated(world) == [1]

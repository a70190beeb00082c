"""A real llama.cpp server evaluates every turn once: its own counts of cached tokens say so."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from smol_dev.events import FileDone
from tests.real_server import real_server
from tests.test_app import World

FILES = {f"part_{name}.py": f"{name.upper()} = {number}\n" for number, name in enumerate("abcdef")}
SCRIPT = [
    ("Plan this program", "Each part defines one constant. " * 40),
    ("List the files", '{"files": [' + ", ".join(f'"{path}"' for path in FILES) + "]}"),
    *[(f"\n{path}", f"```python\n{content}```\n") for path, content in FILES.items()],
]
TEMPLATE = 8
"""Tokens at the end of a prompt that belong to the answer to come."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def run(world: World, settings: str, *, slots: int = 1, context: int = 8192) -> list[FileDone]:
    with real_server(SCRIPT, slots=slots, context=context) as base_url:
        done = world.generate_at(base_url, f'provider = "llamacpp"\n{settings}')
    assert (done.exit_code, world.files()) == (0, FILES)
    return [event for event in world.shown if isinstance(event, FileDone)]


def counts(files: list[FileDone]) -> Iterator[tuple[int, int]]:
    """Prompt and cached tokens of each file, as the server counted them."""
    for each in files:
        assert each.prompt_tokens is not None
        assert each.cached_tokens is not None
        yield each.prompt_tokens, each.cached_tokens


def test_in_a_chain_everything_that_was_read_before_is_in_the_cache(world: World) -> None:
    files = list(counts(run(world, 'strategy = "chain"\nprompt_variant = "small"\n')))
    for (read, _), (_, cached) in pairwise(files):
        assert cached >= read - TEMPLATE


def test_one_after_another_without_a_chain_only_the_name_of_the_file_is_new(world: World) -> None:
    settings = 'strategy = "parallel"\nmax_concurrency = 1\nprompt_variant = "small"\n'
    for prompt, cached in list(counts(run(world, settings)))[1:]:
        assert prompt - cached <= 24


def test_several_slots_evaluate_the_shared_turns_once_each(world: World) -> None:
    settings = 'strategy = "parallel"\nprompt_variant = "small"\n'
    files = list(counts(run(world, settings, slots=3)))
    shared = min(prompt for prompt, _ in files)
    evaluated = sum(prompt - cached for prompt, cached in files)
    assert evaluated <= 1.1 * (3 * shared + 24 * len(files))


def test_a_window_that_overflows_half_way_begins_again_from_the_shared_turns(world: World) -> None:
    settings = 'strategy = "chain"\nprompt_variant = "small"\n'
    prompts = [prompt for prompt, _ in counts(run(world, settings, context=2200))]
    assert max(prompts) < 2200
    assert any(later < earlier for earlier, later in pairwise(prompts))

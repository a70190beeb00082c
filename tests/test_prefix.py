"""A real llama.cpp server evaluates every turn of a run once, by its own counts of prompt and cached tokens."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from smol_dev.app.program import change, resume
from smol_dev.app.session import Task
from smol_dev.events import Event, FileDone, RunDone
from tests.app.test_build import World
from tests.gguf import COMMON, Script
from tests.real_server import real_server

PLAN = "# Plan\n\n" + "".join(f"- {' '.join(Random(line).sample(COMMON.split(), 12))}.\n" for line in range(60))


def code(name: str) -> str:
    """A file of 25 lines that are all different."""
    chance, words = Random(name), COMMON.lower().split()
    return "".join(f"{'_'.join(chance.sample(words, 3))} = {line}\n" for line in range(25))


FILES = {f"part_{name}.py": code(name) for name in "abcdefgh"}
SCRIPT = [
    ("Plan this program", PLAN),
    ("List the files", '{"files": [' + ", ".join(f'"{path}"' for path in FILES) + "]}"),
    *[(f"\n{path}", f"```python\n{content}```\n") for path, content in FILES.items()],
]
ONE_REFUSED = [
    ("could not be used", f"```python\n{FILES['part_d.py']}```\n"),
    ("\npart_d.py", "I am sorry, but I cannot help with that."),
    *[(when, say) for when, say in SCRIPT if when != "\npart_d.py"],
]
"""The first answer for one file is of no use, the second is."""

SMALL = 'provider = "llamacpp"\nprompt_variant = "small"\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def run(world: World, settings: str, *, script: Script = SCRIPT, slots: int = 1, context: int = 16_384) -> RunDone:
    with real_server(script, slots=slots, context=context) as base_url:
        done = world.generate_at(base_url, f"{SMALL}{settings}")
    assert (done.exit_code, world.files()) == (0, FILES)
    return done


def number(count: int | None) -> int:
    assert count is not None
    return count


def evaluated(done: RunDone | FileDone) -> int:
    """The prompt tokens that were not in the server's cache."""
    return number(done.prompt_tokens) - number(done.cached_tokens)


def files(shown: Sequence[Event]) -> list[FileDone]:
    return [event for event in shown if isinstance(event, FileDone)]


def ours(done: RunDone, last: FileDone) -> int:
    """The tokens of the whole conversation that no model generated."""
    generated = number(done.completion_tokens) - number(last.completion_tokens)
    return number(last.prompt_tokens) - generated


def test_a_chain_evaluates_what_no_model_said_and_that_once(world: World) -> None:
    done = run(world, 'strategy = "chain"\n')
    last = files(world.shown)[-1]
    assert evaluated(done) <= 1.1 * ours(done, last)
    assert evaluated(done) < 0.15 * number(done.prompt_tokens)


def test_a_retry_costs_its_own_words_alone(world: World) -> None:
    done = run(world, 'strategy = "chain"\n', script=ONE_REFUSED)
    first, *_, last = files(world.shown)
    [again] = [each for each in files(world.shown) if each.path == "part_d.py"]
    assert done.retries == 1
    assert evaluated(again) < 3 * evaluated(first)
    assert evaluated(done) <= 1.1 * (ours(done, last) + evaluated(first))


def test_a_resumed_run_evaluates_the_shared_turns_no_more(world: World) -> None:
    with real_server(ONE_REFUSED, context=16_384) as base_url:
        settings = f'{SMALL}strategy = "chain"\n'
        world.generate_at(base_url, f"{settings}answer_retries = 0\n")
        first = files(world.shown)[0]
        world.shown.clear()
        done = resume(Task(), world.flags(base_url, settings), world.caller())
    assert (done.exit_code, world.files()) == (0, FILES)
    [last] = files(world.shown)
    whole = number(last.prompt_tokens) // 2  # of the two requests for the file
    assert evaluated(done) <= 1.1 * (whole - number(first.prompt_tokens)) + 100


def test_a_window_that_overflows_half_way_begins_again_from_the_shared_turns(world: World) -> None:
    done = run(world, 'strategy = "chain"\n', context=2048)
    prompts = [number(each.prompt_tokens) for each in files(world.shown)]
    assert max(prompts) < 2048
    assert sum(later < earlier for earlier, later in pairwise(prompts)) in {1, 2}
    assert all(evaluated(each) < 100 for each in files(world.shown))
    assert evaluated(done) <= 1.1 * (number(files(world.shown)[0].prompt_tokens) + 100 * len(FILES))


@pytest.mark.parametrize("slots", [1, 4])
def test_in_parallel_each_slot_evaluates_the_shared_turns_once(world: World, slots: int) -> None:
    done = run(world, f'strategy = "parallel"\nmax_concurrency = {slots}\n', slots=slots)
    every = [number(each.prompt_tokens) for each in files(world.shown)]
    shared = min(every) - 60
    assert evaluated(done) <= 1.1 * (slots * shared + sum(prompt - shared for prompt in every))


def test_naming_what_is_defined_costs_its_own_tokens_alone(world: World) -> None:
    """The lines stand behind everything that does not vary, so nothing is evaluated again for them."""
    stores = {
        f"part_{name}.py": f"def load_{name}(path):\n    return [path, {number}]\n"
        for number, name in enumerate("abcd")
    }
    script = [
        ("Plan this program", PLAN),
        ("List the files", '{"files": [' + ", ".join(f'"{path}"' for path in stores) + "]}"),
        *[(f"\n{path}", f"```python\n{content}```\n") for path, content in stores.items()],
    ]
    with real_server(script, context=16_384) as base_url:
        done = world.generate_at(base_url, SMALL)
    assert (done.exit_code, world.files()) == (0, stores)
    first, *later = [evaluated(each) for each in files(world.shown)]
    lines = [len(f"- {path}: load_{path[5]}(path)\n") for path in stores]
    heading = len("What the files written so far define:\n")
    for number, tokens in enumerate(later, start=1):
        assert tokens <= first + heading + sum(lines[:number])


CHANGED = {"part_h.py": f"{FILES['part_h.py']}Z = 1\n"}
CHANGE = [
    ("for this change", f"```python\n{CHANGED['part_h.py']}```\n"),
    ("it is to be changed", '{"change": [{"path": "part_h.py", "why": "as asked"}], "add": [], "remove": []}'),
    *SCRIPT,
]
"""The program is written, and then its last file is changed."""

OWN_WORDS = 600
"""More tokens than the request for a change, its answer and the request for its file have together."""


def changed(world: World, base_url: str) -> RunDone:
    changing = Task(request="The last part is Z.", yes=True)
    done = change(changing, world.flags(base_url, f'{SMALL}strategy = "chain"\n'), world.caller())
    assert done.exit_code == 0
    return done


def test_a_change_evaluates_its_own_words_alone(world: World) -> None:
    with real_server(CHANGE, context=16_384) as base_url:
        world.generate_at(base_url, f'{SMALL}strategy = "chain"\n')
        done = changed(world, base_url)
    assert world.files() == {**FILES, **CHANGED}
    assert number(done.prompt_tokens) > 6 * OWN_WORDS
    assert evaluated(done) < OWN_WORDS, evaluated(done)


def test_a_change_after_a_resume_evaluates_its_own_words_alone(world: World) -> None:
    script = [("could not be used", f"```python\n{FILES['part_d.py']}```\n"), *CHANGE]
    script.insert(-1, ("\npart_d.py", "I am sorry, but I cannot help with that."))
    script = [each for each in script if each[0] != "\npart_d.py" or "sorry" in each[1]]
    with real_server(script, context=16_384) as base_url:
        settings = f'{SMALL}strategy = "chain"\n'
        world.generate_at(base_url, f"{settings}answer_retries = 0\n")
        resume(Task(), world.flags(base_url, settings), world.caller())
        done = changed(world, base_url)
    assert world.files() == {**FILES, **CHANGED}
    assert evaluated(done) < OWN_WORDS, evaluated(done)


def test_a_change_after_an_edit_evaluates_nothing_before_it(world: World) -> None:
    with real_server(CHANGE, context=16_384) as base_url:
        world.generate_at(base_url, f'{SMALL}strategy = "chain"\n')
        before = number(files(world.shown)[-1].prompt_tokens)
        edited = world.cwd / "generated/part_g.py"
        edited.write_text(f"{FILES['part_g.py']}EDITED = 1\n", encoding="utf-8")
        first = evaluated(changed(world, base_url))
    two_files = before // len(FILES) * 2
    assert first < OWN_WORDS + two_files

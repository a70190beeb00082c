"""Settings files that would keep the program busy for ever: one clean error, within a second."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.config.files import BadFileError, parsed
from smol_dev.config.layers import key_path, toml_value
from tests.config.world import World

DOTTED = ".".join(["a"] * 16_000)
BOMBS = {
    "key": f"{'.'.join(['a'] * 32_000)} = 1",
    "header": f"[{DOTTED}]",
    "array of tables": f"[[{DOTTED}]]",
    "inline table": f"x = {{{DOTTED} = 1}}",
    "list of inline tables": f"x = [{{{DOTTED} = 1}}]",
    "quoted parts": ".".join(['"a.b"'] * 9_000) + " = 1",
    "blanks between": f"{' . '.join(['a'] * 12_000)} = 1",
    "unclosed": '"\\' * 32_000,
    "nested": "x = " + "[" * 32_000,
    "nested tables": "x = " + "{a = " * 10_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_one_clean_error_within_a_second(world: World, bomb: str) -> None:
    world.write(project=BOMBS[bomb])
    began = time.process_time()
    (problem,) = world.problems()
    assert time.process_time() - began < 1
    assert problem.startswith("~/home/work/smol.toml")


CROWDS = {
    "unknown keys": "".join(f"k{number}=1\n" for number in range(7000)),
    "unknown keys of a profile": "[profiles.local]\n" + "".join(f"max_token{number}=1\n" for number in range(3500)),
    "parents in a row": "".join(f"[profiles.p{number}]\nextends='p{number + 1}'\n" for number in range(2000)),
    "parents that are not there": "".join(f"[profiles.p{number}]\nextends='q{number}'\n" for number in range(2000)),
    "variants in a row": "".join(f"[prompts.p{number}]\nextends='p{number + 1}'\n" for number in range(2000)),
    "as many parents as there may be": "".join(
        f"[profiles.p{number}]\nextends='p{number + 1}'\n" for number in range(200)
    ),
    "as many variants as there may be": "".join(
        f"[prompts.p{number}]\nextends='q{number}'\nplan='$x'\n" for number in range(200)
    ),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_crowd_of_names_is_read_or_refused_at_once(world: World, crowd: str) -> None:
    world.write(project=CROWDS[crowd])
    assert len(CROWDS[crowd]) < 64 * 1024
    began = time.process_time()
    world.problems()
    # Half a minute, when each name was looked for among all of them; the rest is for slow machines.
    assert time.process_time() - began < 4


@pytest.mark.parametrize("table", ["profiles", "prompts"])
def test_a_file_holds_200_profiles_or_variants_at_most(world: World, table: str) -> None:
    world.write(project="".join(f"[{table}.p{number}]\n" for number in range(201)))
    (problem,) = world.problems()
    assert problem == (
        f"~/home/work/smol.toml: holds more than 200 {table}; "
        "correct that, or leave the file out with `--no-project-config`"
    )


def test_a_long_key_is_named_with_its_place(world: World) -> None:
    world.write(project=f"# a.b\n[run]\n  {DOTTED} = 1\n")
    assert world.problems() == ["~/home/work/smol.toml:3:3: a key has too many parts"]


def test_dots_in_texts_and_comments_are_no_parts_of_keys() -> None:
    text = f'x = "{DOTTED}"\ny = """\n{DOTTED}"""\nz = \'{DOTTED}\' # {DOTTED}\n'
    assert set(parsed(text)) == {"x", "y", "z"}


def test_a_long_key_on_the_command_line_is_none() -> None:
    assert key_path(DOTTED) is None
    assert toml_value(f"{{{DOTTED} = 1}}") == f"{{{DOTTED} = 1}}"


PIECES = [*"a.\"'[]{}=\n\\,#1 ", '"' * 3, "'" * 3, "[[", "]]", "a.b"]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.integers(1, 5000))
@settings(deadline=None, max_examples=60)
def test_whatever_a_file_repeats_it_is_read_or_refused_at_once(pieces: list[str], times: int) -> None:
    text = ("".join(pieces) * times)[: 64 * 1024]
    began = time.process_time()
    with contextlib.suppress(BadFileError):
        parsed(text)
    assert time.process_time() - began < 1

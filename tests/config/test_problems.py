"""What is wrong, told to the user: every message as a whole. Most cases stand in `problems.toml`."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from smol_dev.config.layers import Flags
from tests.config.world import World

CANARY = "canary-7f3a"
CASES = tomllib.loads(Path(__file__).with_name("problems.toml").read_text(encoding="utf-8"))["case"]


def told(world: World, flags: Flags) -> list[str]:
    lines = world.problems(flags)
    assert CANARY not in "".join(lines)
    for file in ("~/home/config/smol.toml:", "~/home/work/smol.toml:"):
        lines = [line.replace(file, "FILE:") for line in lines]
    return lines


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_problem_is_told_where_it_stands(world: World, case: dict[str, Any]) -> None:
    world.write(user=case.get("user", ""), project=case.get("project", ""))
    world.environ.update(case.get("environ", {}))
    sets = (case["set"],) if "set" in case else ()
    assert told(world, Flags(profile=case.get("profile"), sets=sets)) == case["told"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("a = " + "[" * 500, "is nested too deeply", id="never closed"),
        pytest.param("a = " + "[" * 60 + "]" * 60, "is nested too deeply", id="lists"),
        pytest.param(".".join("a" * 3000) + " = 1", "1:1: a key has too many parts", id="dots"),
        pytest.param("a = " + "9" * 5000, "holds a number that is too long", id="number"),
        pytest.param("#" * (1 << 20), None, id="just small enough"),
        pytest.param("#" * ((1 << 20) + 1), "is larger than 1024 KiB", id="large"),
    ],
)
def test_a_file_made_to_break_a_reader(world: World, text: str, what: str | None) -> None:
    world.write(user=text)
    assert told(world, Flags()) == ([f"FILE:{'' if what[0].isdigit() else ' '}{what}"] if what else [])


def test_an_option_made_to_break_a_reader(world: World) -> None:
    assert told(world, Flags(sets=("extra_body=" + "[" * 500,))) == [
        "-c extra_body=…: extra_body: must be a table; write it as `-c extra_body.top_k=40`"
    ]


def test_an_option_that_is_nested_too_deeply_is_text(world: World) -> None:
    deep = "[" * 60 + "]" * 60
    assert world.load(Flags(sets=(f"extra_body.x={deep}",))).profile.extra_body == {"x": deep}


def test_half_a_character_in_a_variable(world: World) -> None:
    world.environ["SMOL_MODEL"] = "a\udcff"
    assert told(world, Flags()) == ["SMOL_MODEL: model: must not hold NUL or half a character"]


def test_a_file_that_is_not_utf8(world: World) -> None:
    world.user_file.write_bytes(b'[profiles.local]\nmodel = "\xff"\n')
    assert told(world, Flags()) == ["FILE:2:10: is not UTF-8 here"]


def test_a_byte_order_mark_and_windows_line_ends_are_fine(world: World) -> None:
    world.user_file.write_bytes(b'\xef\xbb\xbf[profiles.local]\r\nmodel = "m"\r\nseed = "x"\r\n')
    assert told(world, Flags()) == ["FILE:3:1: profiles.local.seed: must be a whole number or `auto`, got the text `x`"]


def test_a_profile_that_does_not_exist(world: World) -> None:
    assert told(world, Flags(profile="openia")) == ["--profile: there is no profile `openia`; did you mean `openai`?"]


def test_every_problem_of_every_layer_is_told_at_once_in_order(world: World) -> None:
    world.write(user="[profiles.local]\ntimeout = true\nmodle = 1\n", project="[run]\nmax_files = 0\n")
    world.environ["SMOL_SEED"] = "x"
    told_all = world.problems(Flags(sets=("top_p=0", "bogus")))
    assert told_all == [
        "-c: write `KEY=VALUE`, for example `-c temperature=0.1`",
        "-c top_p=…: top_p: must be a number above 0 and at most 1 or `auto`, got `0`",
        "SMOL_SEED: seed: must be a whole number or `auto`, got the text `x`",
        "~/home/work/smol.toml:2:1: run.max_files: must be a whole number from 1 to 10000, got `0`",
        "~/home/config/smol.toml:2:1: profiles.local.timeout: must be a number above 0, got `true`",
        "~/home/config/smol.toml:3:1: profiles.local.modle: no such key; did you mean `model`?",
    ]


def test_an_overridden_value_is_still_told(world: World) -> None:
    world.write(user='[profiles.local]\ntimeout = "slow"\n')
    assert told(world, Flags(sets=("timeout=5",))) == [
        "FILE:2:1: profiles.local.timeout: must be a number above 0, got the text `slow`"
    ]

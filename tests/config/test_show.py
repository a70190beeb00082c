import json
import tomllib

import pytest

from smol_dev.config.explain import as_json, as_text, candidate_lines, explain, origins, visible
from smol_dev.config.layers import Flags, places
from smol_dev.config.model import Profile
from tests.config.world import World

USER = """\
default_profile = "work"

[profiles.base]
provider = "openai"
timeout = 9
api_key_env = "WORK_KEY"
headers = {X-Team = "canary"}

[profiles.work]
extends = "base"
model = "x"
extra_body = {stop = ["a", "b"], description = \"\"\"
two
lines\"\"\"}

[profiles.work.code]
model = "y"
"""


@pytest.mark.parametrize("origin", [False, True])
def test_the_text_is_toml_and_gives_the_same_profile_again(world: World, *, origin: bool) -> None:
    world.write(user=USER).environ["WORK_KEY"] = "sk-canary"
    loaded = world.load()
    text = as_text(loaded, origin=origin)
    assert "canary" not in text
    again = world.root / "again.toml"
    again.write_text(text)
    reloaded = world.load(Flags(config=again))
    assert reloaded.name == loaded.name
    assert sent(reloaded.profile) == sent(loaded.profile)


def sent(profile: Profile) -> dict[str, object]:
    """The profile less its secrets."""
    return profile.model_dump(exclude={"extends", "headers"})


def test_every_setting_says_who_set_it(world: World) -> None:
    world.write(user=USER).environ.update(WORK_KEY="sk-canary", SMOL_TEMPERATURE="0.5")
    loaded = world.load(Flags(sets=("run.max_files=3",)))
    lines = as_text(loaded, origin=True).replace(str(world.root), "~").splitlines()
    assert lines[0] == "# api_key: set (env WORK_KEY, for https://api.openai.com)"
    commented = [line for line in lines if "  # " in line]
    unshown = {"X-Team", "seed", "max_output_tokens", "extra_query"}
    assert {key.rpartition(".")[2] for key in origins(loaded)} - {line.partition(" = ")[0] for line in lines} == unshown
    assert lines[1] == ("# headers.X-Team: set (user (~/home/config/smol.toml:7), through profile base)")
    assert len(commented) == len(origins(loaded)) + 1 - len(unshown)
    assert {
        'default_profile = "work"  # user (~/home/config/smol.toml:1)',
        'model = "x"  # user (~/home/config/smol.toml:11)',
        "timeout = 9.0  # user (~/home/config/smol.toml:5), through profile base",
        "temperature = 0.5  # environment (SMOL_TEMPERATURE)",
        'top_p = "auto"  # defaults; auto: left out, OpenAI applies the model\'s own',
        "max_files = 3  # flags (-c run.max_files=…)",
    } <= set(commented)


def test_the_json_is_ascii_and_names_origins(world: World) -> None:
    world.write(user=USER.replace('"y"', '"ü\u202e"')).environ["WORK_KEY"] = "sk-canary"
    text = as_json(world.load(), origin=True)
    assert text.isascii()
    assert "canary" not in text
    document = json.loads(text)
    assert document["profile"] == "work"
    assert document["api_key"] == "set (env WORK_KEY, for https://api.openai.com)"
    assert document["settings"]["profiles"]["work"]["code"] == {"model": "ü\u202e"}
    assert document["origins"]["timeout"] == {"layer": "user", "where": f"{world.user_file}:5", "via": "base"}


def test_hostile_text_in_a_file_is_shown_escaped_and_means_the_same(world: World) -> None:
    name = "a\u202eb\x7f\x85"
    world.write(user=f'[profiles.local]\nmodel = "{name}"\n'.replace("\x7f", "\\u007f"))
    text = as_text(world.load(), origin=True)
    assert text.replace("\n", "").isprintable()
    assert tomllib.loads(text)["profiles"]["local"]["model"] == name


def test_candidates_are_aligned_and_the_winner_marked(world: World) -> None:
    world.write(user=USER).environ.update(WORK_KEY="k", SMOL_MODEL="longer")
    found = candidate_lines(explain(world.load(), "model"))
    assert [line.replace(str(world.root), "~") for line in found] == [
        "* longer     environment (SMOL_MODEL)",
        "  x          user (~/home/config/smol.toml:11)",
        "  (not set)  defaults",
    ]


def test_every_file_is_listed_there_or_not(world: World) -> None:
    world.write(user=USER)
    found = [line.replace(str(world.root), "~") for line in places(Flags(), world.surroundings)]
    assert found[:3] == [
        "project  ~/home/work/smol.toml (not there)",
        "user     ~/home/config/smol.toml",
        "system   ~/etc/smol.toml (not there)",
    ]
    without = next(iter(places(Flags(project=False), world.surroundings)))
    assert without.endswith("/smol.toml (left out)")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\nb", "a\nb", id="line break"),
        pytest.param("\x1b[2J", "\\u001b[2J", id="escape"),
        pytest.param("\U000e0041", "\\U000e0041", id="tag"),
        pytest.param("ü ✓", "ü ✓", id="letters"),
    ],
)
def test_what_a_terminal_should_not_get_is_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown

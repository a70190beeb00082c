from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smol_dev.config.explain import Candidate, as_dict, as_toml, explain, origins
from smol_dev.config.layers import Flags, Origin
from smol_dev.errors import ConfigError
from tests.config.world import World

USER = """\
[profiles.work]
extends = "base"
model = "user"
[profiles.work.code]
model = "coder"

[profiles.base]
base_url = "http://127.0.0.1:5/v1"
model = "base"
temperature = 0.5
headers = {x-team = "canary"}
api_key = "canary"
"""


def test_each_value_says_who_set_it(world: World) -> None:
    world.write(user=USER, project="[run]\nmax_files = 5\n")
    world.environ["SMOL_SEED"] = "7"
    found = origins(world.load(Flags(profile="work", named={"model": ("m", "--model")})))
    user, project = str(world.user_file), str(world.project_file)
    assert {key: str(origin) for key, origin in found.items() if origin.layer != "defaults"} == {
        "model": "flags (--model)",
        "temperature": f"user ({user}:10), through profile base",
        "seed": "environment (SMOL_SEED)",
        "base_url": f"user ({user}:8), through profile base",
        "api_key": f"user ({user}:12), through profile base",
        "headers.x-team": f"user ({user}:11), through profile base",
        "run.max_files": f"project ({project}:2)",
    }


def test_the_name_of_a_selected_profile_is_shown_like_any_text(world: World) -> None:
    world.write(user=f'default_profile = "base"\n{USER}')
    assert explain(world.load(Flags(profile="work")), "default_profile") == (
        Candidate("work", Origin("flags", "--profile"), 0, wins=True),
        Candidate("base", Origin("user", f"{world.user_file}:1"), 0, wins=False),
        Candidate("local", Origin("defaults", ""), 0, wins=False),
    )


def test_an_address_that_a_provider_brings_is_the_providers(world: World) -> None:
    found = origins(world.load(Flags(profile="local-ollama")))
    assert found["base_url"] == Origin("shipped", "profiles/local-ollama.toml:6")


def test_a_variable_moves_no_address_that_was_written_down(world: World) -> None:
    world.environ["OLLAMA_HOST"] = "10.0.0.9"
    world.write(user='[profiles.work]\nprovider = "ollama"\nbase_url = "https://a.example/v1"\n')
    found = origins(world.load(Flags(profile="work")))
    assert found["timeout"] == Origin("derived", f"from base_url, user ({world.user_file}:3)")


def test_everyone_who_sets_a_key_is_named_strongest_first(world: World) -> None:
    world.write(user=USER, system='[profiles.work]\nmodel = "system"\n')
    world.environ["SMOL_MODEL"] = "env"
    loaded = world.load(Flags(profile="work", sets=("model=set",)))
    user = str(world.user_file)
    assert explain(loaded, "model") == (
        Candidate("set", Origin("flags", "-c model=…"), 0, wins=True),
        Candidate("env", Origin("environment", "SMOL_MODEL"), 0, wins=False),
        Candidate("user", Origin("user", f"{user}:3"), 0, wins=False),
        Candidate("system", Origin("system", f"{world.system_file}:2"), 0, wins=False),
        Candidate("base", Origin("user", f"{user}:9", "base"), 1, wins=False),
        Candidate("(not set)", Origin("defaults", ""), 0, wins=False),
    )


def test_a_key_that_is_set_and_does_not_hold_says_why(world: World) -> None:
    world.write(user=USER)
    loaded = world.load(Flags(profile="work", named={"model": ("m", "--model")}))
    assert explain(loaded, "code.model")[1] == Candidate(
        "coder", Origin("user", f"{world.user_file}:5"), 0, wins=False, note="--model holds for all stages"
    )
    moved = Flags(profile="work", named={"base_url": ("http://127.0.0.1:6/v1", "--api-base-url")})
    (key, default) = explain(world.load(moved), "api_key")
    assert (key.value, key.wins, key.note) == ("(hidden)", False, "it is for http://127.0.0.1:5")
    assert default.wins


def test_a_provider_that_brings_the_address_is_a_candidate(world: World) -> None:
    flags = Flags(profile="litellm", named={"provider": ("ollama", "--llm-provider")})
    (provider, file, default) = explain(world.load(flags), "base_url")
    assert provider == Candidate(
        "http://localhost:11434/v1",
        Origin("flags", "--llm-provider"),
        0,
        wins=True,
        note="the address of provider `ollama`",
    )
    assert (file.value, file.wins) == ("http://localhost:4000/v1", False)
    assert (default.value, default.wins) == ("(not set)", False)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("run.max_files", ["200"]),
        ("default_profile", ["local"]),
        ("timeout", ["600.0"]),
        ("profiles.base.model", ["base", "(not set)"]),
        ("profiles.local-vllm.provider", ["vllm", "auto"]),
        ("headers.x-team", ["(not set)"]),
        ("extra_body.top_k", ["(not set)"]),
    ],
)
def test_any_key_path_can_be_explained(world: World, key: str, values: list[str]) -> None:
    world.write(user=USER)
    assert [each.value for each in explain(world.load(), key)] == values


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("modle", "there is no setting `modle`; did you mean `model`?"),
        ("run.max_file", "there is no setting `run.max_file`; did you mean `max_files`?"),
        ("profiles.work", "`profiles.work` is a profile, not a setting"),
        ("profiles.wrok.model", "there is no `profiles.wrok`; did you mean `work`?"),
        ("profiles", "there is no setting `profiles`; did you mean `profiles`?"),
        ("", 'there is no setting `""`'),
        ("a b", 'there is no setting `"a b"`'),
    ],
)
def test_an_unknown_key_cannot_be_explained(world: World, key: str, message: str) -> None:
    world.write(user=USER)
    with pytest.raises(ConfigError) as caught:
        explain(world.load(), key)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        pytest.param('timeout = "x"', "timeout", "x", id="time-out"),
        pytest.param('code.timeout = "5"', "code.timeout", "5", id="of a stage"),
        pytest.param("code = 5\nmodel = 'm'", "model", "m", id="stage"),
        pytest.param("extra_body = 5", "extra_body", "5", id="body"),
    ],
)
def test_a_profile_that_is_not_in_use_can_be_explained_with_its_mistakes(
    world: World, table: str, key: str, value: str
) -> None:
    world.write(user=f"[profiles.bad]\n{table}\n")
    found = explain(world.load(), f"profiles.bad.{key}")
    assert [each.value for each in found if each.wins] == [value]


def test_the_settings_as_data_hold_no_secret(world: World) -> None:
    world.write(user=USER)
    loaded = world.load(Flags(profile="work"))
    table = as_dict(loaded)["profiles"]["work"]
    assert (table["model"], table["code"]) == ("user", {"model": "coder"})
    assert "canary" not in as_toml(loaded)


values = st.fixed_dictionaries(
    {},
    optional={
        "model": st.text(st.characters(codec="utf-8", exclude_characters="\0\\:"), max_size=9),  # no Windows path
        "timeout": st.floats(0.1, 1e6),
        "seed": st.integers(-(2**40), 2**40),
        "local_only": st.booleans(),
        "context_window": st.integers(512, 10**7) | st.just("auto"),
        "extra_body": st.dictionaries(st.text('abc." \n', max_size=3), st.integers(-(2**63), 2**63 - 1), max_size=3),
        "provider": st.sampled_from(["auto", "ollama", "llamacpp", "compatible"]),
        "reasoning": st.sampled_from(["off", "low"]),
        "code": st.fixed_dictionaries({}, optional={"timeout": st.floats(1, 9), "model": st.just("c")}),
    },
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values, values, st.sampled_from([None, "local-ollama", "litellm"]))
def test_the_settings_given_back_as_a_file_are_the_same_settings(
    world: World, user: dict[str, Any], system: dict[str, Any], parent: str | None
) -> None:
    import tomli_w

    printable = str.isprintable
    for table in (user, system):
        body = table.get("extra_body", {})
        table["extra_body"] = {key: value for key, value in body.items() if printable(key)}
    extends = {"extends": parent} if parent else {}
    world.write(
        user=tomli_w.dumps({"profiles": {"a": {**user, **extends}}, "run": {"max_files": 9}}),
        system=tomli_w.dumps({"profiles": {"a": system}}),
    )
    before = world.load(Flags(profile="a"))
    given_back = world.root / "given-back.toml"
    given_back.write_text(as_toml(before), encoding="utf-8")
    after = world.load(Flags(config=Path(given_back)))
    assert (after.name, after.profile.model_dump(), after.run) == ("a", before.profile.model_dump(), before.run)


def test_a_prompt_that_reads_like_the_name_of_a_file_survives_too(world: World) -> None:
    (world.user_file.parent / "system.md").write_text("Read notes.md", encoding="utf-8")
    world.write(user='[prompts.house]\nsystem = "system.md"\n')
    (world.root / "given-back.toml").write_text(as_toml(world.load()), encoding="utf-8")
    again = world.load(Flags(config=world.root / "given-back.toml"))
    assert again.prompts["house"].system.strip() == "Read notes.md"


def test_prompts_survive_being_given_back(world: World) -> None:
    (world.user_file.parent / "code.md").write_text("Write\n$path", encoding="utf-8")
    world.write(user='[prompts.house]\nextends = "small"\ncode = "code.md"\nsystem = "read.md "\n')
    before = world.load()
    (world.root / "given-back.toml").write_text(as_toml(before), encoding="utf-8")
    assert world.load(Flags(config=world.root / "given-back.toml")).prompts == before.prompts

"""One order for all: the winner that `explain` and `--origin` name is the one whose value is sent."""

import json
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smol_dev.chat import Message, Request, StageName
from smol_dev.config.explain import as_dict, explain, origins
from smol_dev.config.layers import Flags
from smol_dev.config.load import Loaded
from smol_dev.config.model import Profile, Stage
from smol_dev.server.families import FALLBACK
from smol_dev.server.request import Habits, body
from tests.config.world import World

STAGES: tuple[StageName, ...] = ("plan", "files", "code", "fix")

seconds = st.sampled_from([1.5, 200.0, 350.0, 900.0])
counts = st.integers(0, 10)
options = st.fixed_dictionaries({}, optional={"num_ctx": st.integers(1, 9), "top_k": st.integers(1, 9)})
TUNING: dict[str, st.SearchStrategy[Any]] = {
    "model": st.sampled_from("mno"),
    "timeout": seconds,
    "first_token_timeout": seconds,
    "total_timeout": seconds,
    "max_retries": counts,
    "answer_retries": counts,
    "temperature": st.sampled_from([0.0, 1.5, "auto"]),
    "top_p": st.sampled_from([0.5, 1.0, "auto"]),
    "seed": st.integers(0, 9) | st.just("auto"),
    "max_output_tokens": st.integers(1, 9) | st.just("auto"),
    "extra_body": st.fixed_dictionaries(
        {}, optional={"options": options | st.integers(0, 1), "keep_alive": st.integers(0, 9)}
    ),
    "context_window": st.integers(512, 600) | st.just("auto"),
    "structured_output": st.sampled_from(["auto", "json_schema", "json_object", "off"]),
    "reasoning": st.sampled_from(["auto", "off", "low"]),
    "prompt_variant": st.sampled_from(["auto", "default", "small"]),
}
OWN: dict[str, st.SearchStrategy[Any]] = {
    "description": st.sampled_from("de"),
    "provider": st.sampled_from(["ollama", "llamacpp", "openai", "compatible"]),
    "base_url": st.sampled_from(["http://127.0.0.1:5/v1", "https://a.example/v1"]),
    "connect_timeout": seconds,
    "max_concurrency": st.integers(1, 9) | st.just("auto"),
    "strategy": st.sampled_from(["chain", "parallel"]),
}
stage_tables = st.fixed_dictionaries({}, optional=TUNING)
STAGED: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(STAGES, stage_tables)
tables = st.fixed_dictionaries({}, optional={**OWN, **TUNING, **STAGED})
files = st.fixed_dictionaries({}, optional=dict.fromkeys(["child", "parent", "oldest"], tables))
typed = st.fixed_dictionaries({}, optional={**TUNING, **STAGED})
BASE = {"child": {"extends": "parent"}, "parent": {"extends": "oldest"}, "oldest": {}}


def leaves(table: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    return [
        leaf
        for key, value in table.items()
        for leaf in (leaves(value, (*path, key)) if isinstance(value, dict) else [((*path, key), value)])
    ]


def loaded(world: World, drawn: dict[str, Any]) -> Loaded:
    world.environ.clear()
    for path, value in leaves(drawn["environment"]):
        text = value if isinstance(value, str) else json.dumps(value)
        world.environ["SMOL_" + "__".join(path).upper()] = text
    for layer in ("project", "user", "system"):
        profiles = drawn[layer]
        if layer == "system":
            profiles = {name: {**BASE[name], **profiles.get(name, {})} for name in BASE}
        world.write(**{layer: tomli_w.dumps({"profiles": profiles}) or "#"})
    sets = tuple(f"{'.'.join(path)}={json.dumps(value)}" for path, value in leaves(drawn["flags"]))
    return world.load(Flags(profile="child", sets=sets))


layers = st.fixed_dictionaries({"flags": typed, "environment": typed, "project": files, "user": files, "system": files})
many = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def held(profile: Profile, key: str) -> str:
    """The value of a key as it is sent or used, as `explain` writes it."""
    value: Any = profile
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else getattr(value, part, None)
    if isinstance(value, bool):
        return str(value).lower()
    return "(not set)" if value in (None, "") else value if isinstance(value, str) else str(value)


@many
@given(layers)
def test_the_winner_of_each_key_is_the_value_that_a_stage_uses(world: World, drawn: dict[str, Any]) -> None:
    settled = loaded(world, drawn)
    inside = ("extra_body.options.num_ctx", "extra_body.options.top_k", "extra_body.keep_alive")
    keys = [key for key in Stage.model_fields if key != "extra_body"]
    for stage in STAGES:
        profile = settled.profile.stage(stage)
        assert set(profile.extra_body) <= {"options", "keep_alive"}
        for key in (*keys, *inside):
            (winner,) = [each for each in explain(settled, f"{stage}.{key}") if each.wins]
            if winner.note.startswith("all of"):
                assert (winner.value, key.split(".")[:2]) == (
                    str(profile.extra_body["options"]),
                    ["extra_body", "options"],
                )
            else:
                assert (stage, key, winner.value) == (stage, key, held(profile, key))
    for key in (*keys, *OWN):
        (winner,) = [each for each in explain(settled, key) if each.wins]
        assert (key, winner.value) == (key, held(settled.profile, key))


@many
@given(layers)
def test_every_effective_key_names_the_origin_of_its_winner(world: World, drawn: dict[str, Any]) -> None:
    settled = loaded(world, drawn)
    for key, origin in origins(settled).items():
        (winner,) = [each for each in explain(settled, key) if each.wins]
        assert (key, winner.origin) == (key, origin)


@many
@given(layers)
def test_what_is_shown_is_what_each_stage_sends(world: World, drawn: dict[str, Any]) -> None:
    settled = loaded(world, drawn)
    shown = as_dict(settled)["profiles"]["child"]
    for stage in STAGES:
        below = shown | shown.get("code", {}) if stage == "fix" else shown
        table = below | shown.get(stage, {})
        profile = settled.profile.stage(stage)
        request = Request(stage, (Message("user", "x"),), max_tokens=7)
        sent = body(request, profile, Habits(), None)
        assert {key: sent.get(key) for key in ("model", "temperature", "top_p", "seed")} == {
            "model": table["model"],
            **{name: table[name] if table[name] != "auto" else fallback for name, fallback in FALLBACK.items()},
            "seed": None if table.get("seed", "auto") == "auto" else table["seed"],
        }
        assert {k: v for k, v in sent["extra_body"].items() if k != "reasoning_effort"} == (table.get("extra_body", {}))
        for key in set(Stage.model_fields) - {"extra_body", *FALLBACK}:
            assert (key, table.get(key, "auto")) == (key, getattr(profile, key))


@pytest.mark.parametrize("key", ["seed", "max_output_tokens", "temperature", "top_p"])
@pytest.mark.parametrize("stage", ["", "code"])
def test_a_child_switches_an_inherited_setting_off(world: World, key: str, stage: str) -> None:
    own = f"[profiles.child.{stage}]\n" if stage else ""
    world.write(user=f'[profiles.old]\n{key} = 1\n[profiles.child]\nextends = "old"\n{own}{key} = "auto"\n')
    profile = world.load(Flags(profile="child")).profile.stage("code")
    assert getattr(profile, key) == "auto"
    assert (profile.stage("code").model_copy(update={key: "auto"})) == profile
    request = Request("code", (Message("user", "x"),), max_tokens=7)
    sent = body(request, profile, Habits(), None)
    assert (sent["temperature"], sent["top_p"], sent.get("seed")) == (
        0.2 if key == "temperature" else sent["temperature"],
        0.95 if key == "top_p" else sent["top_p"],
        None,
    )


def test_a_stage_adds_to_the_inner_tables_of_the_body(world: World) -> None:
    world.write(
        user="[profiles.w]\nextra_body = {options = {num_ctx = 8192, top_k = 1}, n = 1}\n"
        "[profiles.w.code]\nextra_body.options.top_k = 40\n"
    )
    settled = world.load(Flags(profile="w"))
    whole = {"options": {"num_ctx": 8192, "top_k": 40}, "n": 1}
    assert settled.profile.stage("code").extra_body == whole
    assert settled.profile.stage("plan").extra_body["options"] == {"num_ctx": 8192, "top_k": 1}
    assert as_dict(settled)["profiles"]["w"]["code"]["extra_body"] == whole
    known = origins(settled)
    assert known["code.extra_body.options.num_ctx"].where == f"{world.user_file}:2"
    assert known["code.extra_body.options.top_k"].where == f"{world.user_file}:4"


def test_the_profiles_key_wins_for_a_stage_that_sets_none(world: World) -> None:
    world.write(user='[profiles.w]\nmodel = "mine"\n')
    found = explain(world.load(Flags(profile="w")), "code.model")
    assert [(each.value, each.wins) for each in found] == [("mine", True), ("(not set)", False)]
    found = explain(world.load(Flags(profile="w", sets=("model=typed",))), "code.model")
    assert (found[0].value, found[0].wins) == ("typed", True)


@pytest.mark.parametrize(
    ("environ", "flags", "key", "held"),
    [
        pytest.param(
            {"OLLAMA_HOST": "127.0.0.1:7"},
            Flags(profile="local-ollama"),
            "base_url",
            ("http://127.0.0.1:7/v1", "environment (OLLAMA_HOST)"),
            id="OLLAMA_HOST",
        ),
        pytest.param(
            {"OPENAI_BASE_URL": "https://a.example/v1"},
            Flags(profile="openai"),
            "base_url",
            ("https://a.example/v1", "environment (OPENAI_BASE_URL)"),
            id="OPENAI_BASE_URL",
        ),
        pytest.param(
            {"OLLAMA_HOST": "127.0.0.1:7", "SMOL_PROVIDER": "ollama"},
            Flags(),
            "base_url",
            ("http://127.0.0.1:7/v1", "environment (OLLAMA_HOST)"),
            id="provider by variable",
        ),
        pytest.param(
            {},
            Flags(profile="openai"),
            "timeout",
            ("120.0", "derived (from base_url, shipped (profiles/openai.toml:7))"),
            id="elsewhere",
        ),
        pytest.param(
            {"SMOL_TIMEOUT": "700"},
            Flags(),
            "first_token_timeout",
            ("700.0", "derived (from timeout, environment (SMOL_TIMEOUT))"),
            id="from the time-out",
        ),
        pytest.param(
            {"SMOL_CODE__TIMEOUT": "700"},
            Flags(),
            "code.first_token_timeout",
            ("700.0", "derived (from timeout, environment (SMOL_CODE__TIMEOUT))"),
            id="of a stage",
        ),
        pytest.param({}, Flags(), "timeout", ("600.0", "defaults"), id="the default itself"),
    ],
)
def test_a_value_nobody_wrote_down_says_what_it_follows_from(
    world: World, environ: dict[str, str], flags: Flags, key: str, held: tuple[str, str]
) -> None:
    world.environ.update(environ)
    settled = world.load(flags)
    (winner,) = [each for each in explain(settled, key) if each.wins]
    assert (winner.value, str(winner.origin)) == held
    assert str(origins(settled)[key]) == held[1]


def test_what_is_no_table_ends_the_table_below_it(world: World) -> None:
    world.write(
        user='[profiles.child]\nextends = "parent"\nextra_body.options = {b = 2}\n'
        '[profiles.parent]\nextends = "old"\nextra_body.options = 0\n'
        "[profiles.old]\nextra_body.options = {a = 1}\n"
    )
    settled = world.load(Flags(profile="child"))
    assert settled.profile.extra_body == {"options": {"b": 2}}
    found = explain(settled, "extra_body.options.a")
    assert [(each.value, each.wins) for each in found] == [("0", False), ("1", False), ("(not set)", True)]


def test_a_stages_value_typed_in_the_place_of_a_table_holds(world: World) -> None:
    world.write(user="[profiles.w.code]\nextra_body.options = 1\n")
    world.environ["SMOL_CODE__EXTRA_BODY__OPTIONS"] = "0"
    settled = world.load(Flags(profile="w", sets=("extra_body.options.num_ctx=7",)))
    assert settled.profile.stage("code").extra_body == {"options": 0}
    (winner,) = [each for each in explain(settled, "code.extra_body.options.num_ctx") if each.wins]
    assert (winner.value, winner.origin.where) == ("0", "SMOL_CODE__EXTRA_BODY__OPTIONS")

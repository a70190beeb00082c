import itertools
import json
from typing import Any

import pytest

from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.config.load import load
from smol_dev.config.model import File, Profile, Run, Tuning
from smol_dev.config.trust import approve
from smol_dev.errors import ConfigError
from tests.config.world import World, no_names

LAYERS = ("flags", "environment", "project", "user", "system")
PAIRS = list(itertools.combinations(LAYERS, 2))

# Two values for every key, the stronger layer's and the weaker's.
VALUES: dict[str, tuple[Any, Any]] = {
    "model": ("a", "b"),
    "timeout": (11.5, 12.5),
    "first_token_timeout": (13.0, 14.0),
    "total_timeout": (15.0, 16.0),
    "max_retries": (3, 4),
    "answer_retries": (5, 6),
    "temperature": (0.3, 0.4),
    "top_p": (0.5, 0.6),
    "seed": (7, 8),
    "max_output_tokens": (900, 901),
    "context_window": (1024, 2048),
    "structured_output": ("off", "json_schema"),
    "reasoning": ("low", "high"),
    "answer_opening": ("auto", "off"),
    "prompt_variant": ("small", "default"),
    "connect_timeout": (1.5, 2.5),
    "max_concurrency": (2, 3),
    "strategy": ("chain", "parallel"),
    "description": ("one", "two"),
    "base_url": ("http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"),
    "provider": ("compatible", "llamacpp"),
    "extends": ("local-vllm", "local-ollama"),
    "local_only": (True, False),
    "extra_body": ({"k": 1}, {"k": 2}),
    "extra_query": ({"k": "one"}, {"k": "two"}),
    "allow_http": (True, False),
    "truncation_check": (False, True),
}
RUN_VALUES: dict[str, tuple[Any, Any]] = {
    "output_dir": ("one", "two"),
    "max_files": (10, 20),
    "max_file_bytes": (2_000_000, 3_000_000),
    "syntax_check": (False, True),
    "check_references": (False, True),
    "check": (["make", "test"], ["pytest"]),
    "check_rounds": (0, 3),
    "check_timeout": (1.5, 60),
    "check_isolation": ("required", "none"),
}
KEYS = ("api_key", "api_key_env", "api_key_file", "api_key_command", "headers")


def test_the_table_of_values_is_complete() -> None:
    assert {*VALUES, *KEYS, "plan", "files", "code", "fix"} == set(Profile.model_fields)
    assert set(RUN_VALUES) == set(Run.model_fields)


def toml(value: Any) -> str:  # noqa: ANN401 - TOML data
    return f"{{k = {json.dumps(value['k'])}}}" if isinstance(value, dict) else json.dumps(value)


def say(world: World, layer: str, table: str, key: str, value: object) -> Flags:
    """Set one key in one layer; what the command line must say for it."""
    literal = toml(value)
    if layer == "flags":
        return Flags(sets=(f"{'run.' if table == 'run' else ''}{key}={literal}",))
    if layer == "environment":
        text = value if isinstance(value, str) else json.dumps(value)
        world.environ[f"SMOL_{key.upper()}"] = text
    else:
        world.write(**{layer: f"[{table}]\n{key} = {literal}\n"})
    return Flags()


@pytest.mark.parametrize("key", [*VALUES, *RUN_VALUES])
@pytest.mark.parametrize(("stronger", "weaker"), PAIRS)
def test_the_stronger_layer_sets_the_key(world: World, key: str, stronger: str, weaker: str) -> None:
    table = "run" if key in RUN_VALUES else "profiles.local"
    one, two = {**VALUES, **RUN_VALUES}[key]
    second = say(world, weaker, table, key, two)
    first = say(world, stronger, table, key, one)
    loaded = world.load(Flags(sets=(*second.sets, *first.sets)))
    if key == "extends":
        assert loaded.made.names == ("local", one)
    else:
        assert getattr(loaded.run if table == "run" else loaded.profile, key) == one


@pytest.mark.parametrize("key", Tuning.model_fields)
def test_a_key_of_a_stage_beats_the_key_of_its_profile(world: World, key: str) -> None:
    one, two = VALUES[key]
    literal = (toml(one), toml(two))
    world.write(user=f"[profiles.local]\n{key} = {literal[1]}\n[profiles.local.code]\n{key} = {literal[0]}\n")
    profile = world.load().profile
    assert getattr(profile.stage("code"), key) == one
    assert getattr(profile.stage("plan"), key) == two


@pytest.mark.parametrize(
    ("flags", "environ", "code"),
    [
        pytest.param((), {}, "file", id="file"),
        pytest.param(("model=c",), {}, "c", id="flag"),
        pytest.param((), {"SMOL_MODEL": "e"}, "e", id="variable"),
        pytest.param(("model=c", "code.model=d"), {}, "d", id="flag and flag of the stage"),
        pytest.param((), {"SMOL_MODEL": "e", "SMOL_CODE__MODEL": "s"}, "s", id="both variables"),
        pytest.param(("model=c",), {"SMOL_CODE__MODEL": "s"}, "s", id="flag, variable of the stage"),
        pytest.param(("code.model=d",), {"SMOL_MODEL": "e"}, "d", id="flag of the stage, variable"),
    ],
)
def test_a_flag_or_variable_without_a_stage_holds_for_all(
    world: World, flags: tuple[str, ...], environ: dict[str, str], code: str
) -> None:
    world.write(user='[profiles.local]\nmodel = "m"\n[profiles.local.code]\nmodel = "file"\n')
    world.environ.update(environ)
    assert world.load(Flags(sets=flags)).profile.stage("code").model == code


@pytest.mark.parametrize(
    ("flags", "environ", "files", "name"),
    [
        pytest.param({}, {}, {}, "local", id="built in"),
        pytest.param({}, {}, {"system": "litellm"}, "litellm", id="system"),
        pytest.param({}, {}, {"system": "litellm", "user": "openai"}, "openai", id="user"),
        pytest.param({}, {}, {"user": "openai", "project": "demo"}, "demo", id="project"),
        pytest.param({}, {"SMOL_PROFILE": "local-vllm"}, {"project": "demo"}, "local-vllm", id="env"),
        pytest.param({"profile": "openai"}, {"SMOL_PROFILE": "demo"}, {}, "openai", id="flag"),
        pytest.param({}, {"SMOL_PROFILE": ""}, {"user": "demo"}, "demo", id="empty is unset"),
    ],
)
def test_the_strongest_choice_of_a_profile_holds(
    world: World, flags: dict[str, str], environ: dict[str, str], files: dict[str, str], name: str
) -> None:
    world.write(**{layer: f'default_profile = "{chosen}"\n' for layer, chosen in files.items()})
    world.environ.update(environ)
    assert world.load(Flags(profile=flags.get("profile"))).name == name


def test_tables_merge_key_by_key_and_lists_are_replaced(world: World) -> None:
    world.write(
        system="[profiles.a]\nextra_body = {a = 1, deep = {x = 1, y = 1}, list = [1, 2]}\n",
        user="[profiles.a]\nextra_body = {b = 2, deep = {y = 2}, list = [3]}\n",
    )
    assert world.load(Flags(profile="a")).profile.extra_body == {"a": 1, "b": 2, "deep": {"x": 1, "y": 2}, "list": [3]}


def test_a_childs_own_key_beats_its_parents_whatever_the_layers(world: World) -> None:
    world.write(
        project="[profiles.parent]\ntemperature = 0.1\nseed = 1\n",
        system='[profiles.child]\nextends = "parent"\ntemperature = 0.9\n[profiles.parent]\nseed = 2\n',
    )
    profile = world.load(Flags(profile="child")).profile
    assert (profile.temperature, profile.seed) == (0.9, 1)


def test_a_chain_of_fifty_parents_and_a_thousand_profiles_is_resolved(world: World) -> None:
    lines = [f'[profiles.p{n}]\nextends = "p{n + 1}"\n' for n in range(1000)]
    world.write(user="".join(lines[:50]) + "[profiles.p50]\nseed = 5\n" + "".join(lines[51:999]) + "[profiles.p999]\n")
    assert world.load(Flags(profile="p0")).profile.seed == 5


@pytest.mark.parametrize(
    ("url", "timeouts"),
    [
        pytest.param("http://127.0.0.1:9/v1", (600, 600), id="this machine"),
        pytest.param("http://gpu-box:9/v1", (600, 600), id="network"),
        pytest.param("https://api.example.com/v1", (120, 300), id="cloud"),
    ],
)
def test_time_outs_depend_on_where_the_server_is(world: World, url: str, timeouts: tuple[int, int]) -> None:
    world.write(user=f'[profiles.a]\nbase_url = "{url}"\nmodel = "m"\n')
    profile = world.load(Flags(profile="a")).profile
    assert (profile.timeout, profile.first_token_timeout) == timeouts


def test_the_first_token_is_waited_for_as_long_as_the_longer_time_out(world: World) -> None:
    world.write(user="[profiles.local]\ntimeout = 60\n[profiles.local.code]\ntimeout = 900\n")
    profile = world.load().profile
    assert profile.first_token_timeout == 300
    assert profile.stage("code").first_token_timeout == 900


@pytest.mark.parametrize(
    ("variable", "url"),
    [("", "http://localhost:11434/v1"), ("box", "http://box:11434/v1"), ("10.0.0.7:99", "http://10.0.0.7:99/v1")],
)
def test_ollamas_own_variable_gives_its_address(world: World, variable: str, url: str) -> None:
    world.environ["OLLAMA_HOST"] = variable
    assert world.load(Flags(profile="local-ollama")).profile.base_url == url


def test_a_stronger_provider_brings_its_own_address(world: World) -> None:
    flags = Flags(profile="litellm", named={"provider": ("ollama", "--llm-provider")})
    assert world.load(flags).profile.base_url == "http://localhost:11434/v1"


@pytest.mark.parametrize("provider", ["compatible", "auto"])
def test_a_provider_without_own_address_keeps_the_weaker_one(world: World, provider: str) -> None:
    flags = Flags(profile="litellm", named={"provider": (provider, "--llm-provider")})
    assert world.load(flags).profile.base_url == "http://localhost:4000/v1"


def test_a_named_flag_beats_a_set_and_the_last_set_wins(world: World) -> None:
    sets = ("model=a", "seed=1", "seed=2")
    profile = world.load(Flags(named={"model": ("b", "--model")}, sets=sets)).profile
    assert (profile.model, profile.seed) == ("b", 2)


def test_a_variable_of_the_selected_profile_beats_one_by_name(world: World) -> None:
    world.environ.update(SMOL_MODEL="short", SMOL_PROFILES__LOCAL__MODEL="named", SMOL_PROFILES__LOCAL__SEED="4")
    profile = world.load().profile
    assert (profile.model, profile.seed) == ("short", 4)


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("SMOL_TEMPERATURE", "0.5", "temperature", 0.5),
        ("smol_temperature", "0.5", "temperature", 0.5),
        ("SMOL-TEMPERATURE", "0.5", "temperature", 0.5),
        ("SMOL_MODEL", "3", "model", "3"),
        ("SMOL_LOCAL_ONLY", "no", "local_only", False),
        ("SMOL_MAX_CONCURRENCY", "auto", "max_concurrency", "auto"),
        ("SMOL_MAX_CONCURRENCY", "4", "max_concurrency", 4),
        ("SMOL_EXTRA_BODY", '{"a": [1]}', "extra_body", {"a": [1]}),
        ("SMOL_EXTRA_BODY__TOP_K", "40", "extra_body", {"top_k": 40}),
        ("SMOL_EXTRA_BODY__STOP", "now", "extra_body", {"stop": "now"}),
        ("SMOL_TIMEOUT", "", "timeout", 600),
    ],
)
def test_a_variable_is_read_as_the_type_of_its_key(world: World, name: str, text: str, key: str, value: object) -> None:
    world.environ[name] = text
    assert getattr(world.load().profile, key) == value


@pytest.mark.parametrize("name", ["SMOL_PROFILES__LOCAL_OLLAMA__MODEL", "SMOL_MODEL"])
def test_a_variable_finds_its_profile_by_the_folded_name(world: World, name: str) -> None:
    world.environ.update({"SMOL_PROFILE": "local-ollama", name: "m"})
    assert world.load().profile.model == "m"


def test_a_variable_whose_profile_is_not_clear_is_an_error(world: World) -> None:
    world.write(user="[profiles.a-b]\n[profiles.A_b]\n")
    world.environ["SMOL_PROFILES__A_B__MODEL"] = "m"
    assert world.problems() == ["SMOL_PROFILES__A_B__MODEL: the name fits both `A_b` and `a-b`"]


def test_two_spellings_of_one_variable_are_an_error(world: World) -> None:
    world.environ.update(SMOL_MODEL="a", smol_model="b")
    assert world.problems() == ["smol_model: `SMOL_MODEL` sets the same key"]


def test_a_set_may_name_any_table(world: World) -> None:
    world.write(user='[profiles."a.b"]\n')
    sets = ('profiles."a.b".model=m', "code.seed=3", "run.max_files=4", 'description = "d e"')
    loaded = world.load(Flags(profile="a.b", sets=sets))
    assert (loaded.profile.model, loaded.profile.code.seed) == ("m", 3)
    assert (loaded.run.max_files, loaded.profile.description) == (4, "d e")


def test_variables_alone_configure_a_new_profile(world: World) -> None:
    world.environ.update(
        SMOL_PROFILE="house_gpu",
        SMOL_PROFILES__HOUSE_GPU__BASE_URL="http://gpu:8000/v1",
        SMOL_CODE__MODEL="coder",
        SMOL_MAX_FILES="7",
    )
    loaded = world.load()
    assert (loaded.name, loaded.profile.base_url) == ("house_gpu", "http://gpu:8000/v1")
    assert (loaded.profile.code.model, loaded.run.max_files) == ("coder", 7)


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("SMOL_MODLE", "`SMOL_MODLE`: unknown setting, ignored; did you mean `SMOL_MODEL`?"),
        ("SMOL_CODE__BASE_URL", "`SMOL_CODE__BASE_URL`: unknown setting, ignored"),
        ("SMOL_XYZZY", "`SMOL_XYZZY`: unknown setting, ignored"),
        ("SMOL_MODEL__X", "`SMOL_MODEL__X`: unknown setting, ignored; did you mean `SMOL_MODEL`?"),
        ("SMOL_CODE", "`SMOL_CODE`: unknown setting, ignored; did you mean `SMOL_MODEL`?"),
        ("SMOL_PROFIL", "`SMOL_PROFIL`: unknown setting, ignored; did you mean `SMOL_PROFILE`?"),
        ("SMOL_PROFILES__LOCAL__MODLE", "`SMOL_PROFILES__LOCAL__MODLE`: unknown setting, ignored"),
    ],
)
def test_an_unknown_variable_is_a_warning(world: World, name: str, warning: str) -> None:
    world.environ[name] = "canary"
    (line,) = world.load().warnings
    assert line.startswith(warning)
    assert "canary" not in line


def test_a_cloud_profile_without_model_is_an_error(world: World) -> None:
    world.write(user='[profiles.a]\nbase_url = "https://api.example.com/v1"\n')
    with pytest.raises(ConfigError) as caught:
        load(Flags(profile="a"), world.surroundings, lookup=no_names)
    assert caught.value.message == ("profile `a` names no model, and https://api.example.com is not on this machine")
    assert load(Flags(profile="a"), world.surroundings, model_needed=False).profile.model == ""


def test_a_problem_in_another_profile_is_a_warning(world: World) -> None:
    world.write(user="[profiles.other]\ntimeout = true\nbogus = 1\n")
    assert world.load().warnings == (
        "2 problems in profiles that are not used (`other`); `smol_dev config check` shows them",
    )


def test_everything_loads_without_home_or_any_folder(world: World) -> None:
    loaded = load(Flags(), Surroundings(environ={}, cwd=world.work), connect=False)
    assert (loaded.name, loaded.profile.base_url) == ("local", "")


def test_an_approved_file_is_loaded_with_what_it_steers(world: World) -> None:
    world.write(project='[profiles.local]\nbase_url = "http://127.0.0.1:5/v1"\n')
    approve(world.project_file, world.surroundings)
    assert world.load(connect=True).profile.base_url == "http://127.0.0.1:5/v1"


def test_the_shipped_profiles_are_valid_and_private_where_they_say_so(world: World) -> None:
    shipped = [layer for layer in world.load().layers.all if layer.kind == "shipped"]
    tables = {name: table for layer in shipped for name, table in layer.table("profiles").items()}
    File.model_validate({"profiles": tables})
    only = {name for name, table in tables.items() if table.get("local_only")}
    assert only == {"demo", "local", "local-llamacpp", "local-lmstudio", "local-ollama", "local-thinking", "local-vllm"}
    assert all(layer.document and layer.document.text.startswith("#:schema ") for layer in shipped)
    for name in tables:
        assert world.load(Flags(profile=name)).warnings == ()


def test_the_demo_never_talks_to_another_server(world: World) -> None:
    flags = Flags(profile="litellm", named={"provider": ("demo", "--llm-provider")})
    assert world.load(flags).profile.base_url == ""


def test_what_json_knows_and_toml_does_not_is_text_in_a_variable(world: World) -> None:
    world.environ.update(SMOL_EXTRA_BODY__A="NaN", SMOL_EXTRA_BODY__B="null")
    assert world.load().profile.extra_body == {"a": "NaN", "b": "null"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            'base_url = "http://gpu.example.org/v1"',
            "private network; http://gpu.example.org (93.184.216.34) needs `https://`",
        ),
        (
            'base_url = "https://gpu.example.org/v1"\nlocal_only = true',
            "https://gpu.example.org (93.184.216.34) is not on this machine or a private network",
        ),
    ],
)
def test_a_public_name_is_refused_with_the_address_that_was_found(world: World, settings: str, told: str) -> None:
    world.write(user=f"[profiles.a]\n{settings}\n")
    with pytest.raises(ConfigError) as caught:
        load(
            Flags(profile="a"),
            world.surroundings,
            model_needed=False,
            lookup=lambda _: ("192.168.1.7", "93.184.216.34"),
        )
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("name", "text", "headers"),
    [
        pytest.param("SMOL_HEADERS", '{"X-Team": "blue"}', {"X-Team": "blue"}, id="a table"),
        pytest.param("SMOL_HEADERS__X_TEAM", "blue", {"x-team": "blue"}, id="one header"),
        pytest.param("SMOL_HEADERS__X_TEAM", "blue \r\n", {"x-team": "blue"}, id="a line of a file"),
    ],
)
def test_variables_set_headers(world: World, name: str, text: str, headers: dict[str, str]) -> None:
    world.environ[name] = text
    bound = world.load().secrets()
    assert bound.headers == headers


def test_the_end_of_a_variables_line_is_cut_off(world: World) -> None:
    world.environ.update(SMOL_PROFILE="local-ollama\r", SMOL_MODEL="m \t", SMOL_TIMEOUT="7\r", SMOL_SEED=" ")
    loaded = world.load()
    assert (loaded.name, loaded.profile.model, loaded.profile.timeout) == ("local-ollama", "m", 7)
    assert loaded.profile.seed == type(loaded.profile)().seed


@pytest.mark.parametrize("name", ["SMOL_MODEL", "SMOL_TIMEOUT", "SMOL_API_KEY", "SMOL_OUTPUT_DIR"])
def test_quotes_around_a_variable_are_named_as_the_mistake(world: World, name: str) -> None:
    world.environ[name] = '"12345678"'
    assert f"{name}: the quotes around it are a part of it: leave them out (env files keep them)" in world.problems()


def test_a_profile_that_is_not_there_is_blamed_on_the_variable_that_selects_it(world: World) -> None:
    world.environ.update(SMOL_PROFILE="local-olama", SMOL_BASE_URL="http://localhost:1/v1")
    assert world.problems() == ["SMOL_PROFILE: there is no profile `local-olama`; did you mean `local-ollama`?"]


@pytest.mark.parametrize("table", ["extra_body", "plan.extra_body"])
def test_the_model_among_the_fields_is_text_and_steers(world: World, table: str) -> None:
    world.write(project=f"[profiles.local.{table}]\nmodel = 5\n")
    assert world.problems() == [
        f"~/home/work/smol.toml:2:1: profiles.local.{table}.model: must be text: it is the model that is asked"
    ]
    world.write(project=f'[profiles.local.{table}]\nmodel = "x"\n')
    (warning,) = world.load().warnings
    assert f"`profiles.local.{table}.model`" in warning


@pytest.mark.parametrize(
    ("settings", "sets", "model"),
    [
        pytest.param("", (), "m", id="the profile's"),
        pytest.param('[profiles.local.code]\nmodel = "c"\n', (), "c", id="the one that writes"),
        pytest.param('[profiles.local.code]\nmodel = "c"\n[profiles.local.fix]\nmodel = "f"\n', (), "f", id="its own"),
        pytest.param('[profiles.local.fix]\nmodel = "f"\n', ("code.model=d",), "f", id="its own, code's flag"),
        pytest.param('[profiles.local.fix]\nmodel = "f"\n', ("model=d",), "d", id="a flag for all"),
        pytest.param('[profiles.local.fix]\nmodel = "f"\n', ("model=d", "fix.model=g"), "g", id="a flag of its own"),
    ],
)
def test_what_mends_is_asked_as_what_writes(world: World, settings: str, sets: tuple[str, ...], model: str) -> None:
    world.write(user=f'[profiles.local]\nmodel = "m"\n{settings}')
    assert world.load(Flags(sets=sets)).profile.stage("fix").model == model


@pytest.mark.parametrize("name", ["model", "timeout", "run.max_files"])
def test_a_named_option_beats_whatever_is_set_with_c(world: World, name: str) -> None:
    values = {"model": ("named", "-c"), "timeout": (7.0, 8), "run.max_files": (7, 8)}
    named, other = values[name]
    flags = Flags(named={name: (named, "--option")}, sets=(f"{name}={other}",))
    loaded = world.load(flags)
    table = loaded.run if name.startswith("run.") else loaded.profile
    assert getattr(table, name.removeprefix("run.")) == named

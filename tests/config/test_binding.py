"""Which key goes to which server. GOOD is the server a key was written down for, EVIL is another."""

from pathlib import Path

import pytest

from smol_dev.config.layers import Flags
from smol_dev.config.secret import Bound
from smol_dev.config.trust import approve
from smol_dev.errors import ConfigError
from tests.config.world import World

GOOD = "http://127.0.0.1:1001"
EVIL = "http://127.0.0.1:1002"
CLOUD = "https://api.openai.com"
TO_EVIL = Flags(profile="work", named={"base_url": (f"{EVIL}/v1", "--api-base-url")})
WORK = Flags(profile="work")
PROFILE = f'[profiles.work]\nbase_url = "{GOOD}/v1"\napi_key = "canary"\n'


def sent(world: World, flags: Flags) -> dict[str, str]:
    """The key that goes to each server."""
    bound = world.load(flags).secrets()
    return {bound.origin: bound.headers.get("Authorization", "")} if bound.headers else {}


def test_a_key_goes_to_the_server_it_was_written_down_for(world: World) -> None:
    world.write(user=PROFILE)
    assert sent(world, WORK) == {GOOD: "Bearer canary"}


@pytest.mark.parametrize(
    ("user", "other"),
    [
        pytest.param(PROFILE, {"flags": f"base_url={EVIL}/v1"}, id="flag"),
        pytest.param(PROFILE, {"environ": ("SMOL_BASE_URL", f"{EVIL}/v1")}, id="variable"),
        pytest.param(PROFILE, {"project": f'[profiles.work]\nbase_url = "{EVIL}/v1"\n'}, id="approved project"),
        pytest.param(PROFILE, {"flags": "provider=lmstudio"}, id="provider"),
        pytest.param(PROFILE, {"flags": f"base_url={GOOD.replace('127.0.0.1', 'localhost')}/v1"}, id="localhost"),
        pytest.param(PROFILE, {"flags": f"base_url={GOOD.replace('http:', 'https:')}/v1"}, id="scheme"),
        pytest.param(PROFILE, {"flags": "base_url=''"}, id="server that is found"),
        pytest.param(
            f'[profiles.base]\nbase_url = "{GOOD}/v1"\napi_key = "canary"\n'
            f'[profiles.work]\nextends = "base"\nbase_url = "{EVIL}/v1"\n',
            {},
            id="child",
        ),
        pytest.param(
            f'[profiles.work]\nextends = "base"\napi_key = "canary"\n[profiles.base]\nbase_url = "{GOOD}/v1"\n',
            {"project": f'[profiles.base]\nbase_url = "{EVIL}/v1"\n'},
            id="parent moved by the project",
        ),
        pytest.param(
            f'[profiles.work]\nextends = "base"\napi_key = "canary"\n[profiles.base]\n'
            f'base_url = "{GOOD}/v1"\n[profiles.other]\nbase_url = "{EVIL}/v1"\n',
            {"project": '[profiles.work]\nextends = "other"\n'},
            id="another parent by the project",
        ),
        pytest.param(
            '[profiles.work]\napi_key = "canary"\n',
            {"project": f'[profiles.work]\nbase_url = "{EVIL}/v1"\n'},
            id="address only in the project",
        ),
    ],
)
def test_a_key_does_not_follow_an_address_that_is_moved(world: World, user: str, other: dict[str, str]) -> None:
    world.write(user=user, project=other.get("project", ""))
    if "environ" in other:
        world.environ[other["environ"][0]] = other["environ"][1]
    if "project" in other:
        approve(world.project_file, world.surroundings)
    flags = Flags(profile="work", sets=(other["flags"],) if "flags" in other else ())
    loaded = world.load(flags)
    assert loaded.secrets().secrets == ()
    assert loaded.profile.api_key is None
    (warning,) = loaded.warnings
    assert "is not sent to" in warning
    assert "--api-key-env NAME" in warning
    assert "canary" not in repr(loaded.profile) + warning + loaded.key_summary()


def test_the_warning_names_both_servers_and_the_remedy(world: World) -> None:
    world.write(user=PROFILE)
    (warning,) = world.load(TO_EVIL).warnings
    assert warning == (
        f"the key of user ({world.user_file}:3) is for {GOOD} and is not sent to {EVIL}; "
        "for a key to send there: `--api-key-env NAME`"
    )


@pytest.mark.parametrize("moved", ["/v1", "/other/v1", "/"], ids=["the same", "another path", "no path"])
def test_a_key_follows_within_its_server(world: World, moved: str) -> None:
    world.write(user=PROFILE)
    flags = Flags(profile="work", named={"base_url": (GOOD + moved, "--api-base-url")})
    assert sent(world, flags) == {GOOD: "Bearer canary"}


def test_a_key_named_on_the_command_line_goes_to_the_server_in_use(world: World) -> None:
    world.write(user=PROFILE)
    world.environ["OTHER"] = "other"
    named = {**TO_EVIL.named, "api_key_env": ("OTHER", "--api-key-env")}
    assert sent(world, Flags(profile="work", named=named)) == {EVIL: "Bearer other"}


@pytest.mark.parametrize("variable", ["SMOL_API_KEY", "SMOL_API_KEY_FILE", "SMOL_API_KEY_ENV"])
def test_an_exported_key_goes_to_the_server_in_use(world: World, variable: str) -> None:
    (world.work / "key").write_text("canary\n", encoding="utf-8")
    world.environ.update({variable: {"SMOL_API_KEY_FILE": "key"}.get(variable, "canary")})
    world.environ["canary"] = "canary"
    world.write(user=f'[profiles.work]\nbase_url = "{GOOD}/v1"\n')
    assert sent(world, WORK) == {GOOD: "Bearer canary"}
    assert sent(world, TO_EVIL) == {EVIL: "Bearer canary"}


ADDRESS = f'[profiles.work]\nbase_url = "{EVIL}/v1"\n'
PROVIDER = '[profiles.work]\nprovider = "lmstudio"\n'
PARENT = f'[profiles.work]\nextends = "evil"\n[profiles.evil]\nbase_url = "{EVIL}/v1"\n'
OWN = f'[profiles.work]\nbase_url = "{GOOD}/v1"\n'


@pytest.mark.parametrize(
    ("project", "user"),
    [
        pytest.param(ADDRESS, "", id="address"),
        pytest.param(ADDRESS, OWN, id="address over the user's"),
        pytest.param(PROVIDER, "", id="provider"),
        pytest.param(PROVIDER, OWN, id="provider over the user's"),
        pytest.param(PARENT, "", id="parent"),
    ],
)
def test_an_exported_key_never_goes_where_a_project_says(world: World, project: str, user: str) -> None:
    world.write(project=project, user=user)
    approve(world.project_file, world.surroundings)
    world.environ["SMOL_API_KEY"] = "canary"
    assert sent(world, WORK) == {}


def test_an_exported_key_waits_for_the_server_that_is_found(world: World) -> None:
    world.environ["SMOL_API_KEY"] = "canary"
    assert world.load().secrets() == Bound("", {"Authorization": "Bearer canary"})


@pytest.mark.parametrize(
    ("environ", "flags", "origin"),
    [
        pytest.param({}, Flags(profile="openai"), CLOUD, id="OpenAI"),
        pytest.param({"OPENAI_BASE_URL": f"{GOOD}/v1"}, Flags(profile="openai"), GOOD, id="with its address"),
        pytest.param({}, Flags(profile="work"), None, id="elsewhere"),
        pytest.param({"OPENAI_BASE_URL": f"{GOOD}/v1"}, Flags(profile="work"), GOOD, id="same server"),
        pytest.param(
            {},
            Flags(named={"base_url": (f"{CLOUD}/v1", "--api-base-url")}, sets=("local_only=false",)),
            CLOUD,
            id="by its address",
        ),
        pytest.param(
            {}, Flags(profile="openai", named={"base_url": (f"{EVIL}/v1", "--api-base-url")}), None, id="moved"
        ),
        pytest.param({}, Flags(), None, id="detection"),
    ],
)
def test_openais_key_goes_to_openai_or_the_address_exported_with_it(
    world: World, environ: dict[str, str], flags: Flags, origin: str | None
) -> None:
    world.write(user=f'[profiles.work]\nbase_url = "{GOOD}/v1"\n')
    world.environ.update(environ, OPENAI_API_KEY="canary", OPENAI_ORG_ID="o", OPENAI_PROJECT_ID="p")
    assert sent(world, flags) == ({origin: "Bearer canary"} if origin else {})


@pytest.mark.parametrize(
    ("stronger", "weaker", "key"),
    [
        ('api_key_env = "ONE"', 'api_key = "two"', "one"),
        ('api_key = "one"', 'api_key_env = "TWO"', "one"),
        ('api_key_command = ["echo", "one"]', 'api_key_file = "two"', "one"),
        ('api_key_file = "key"', 'api_key_command = ["echo", "two"]', "file"),
        ('api_key_env = ""', 'api_key = "two"', None),
    ],
)
def test_the_settings_that_name_a_key_stand_for_one_another(
    world: World, stronger: str, weaker: str, key: str | None
) -> None:
    world.write(
        user=f'[profiles.work]\nbase_url = "{GOOD}/v1"\n{stronger}\n',
        system=f'[profiles.work]\nbase_url = "{GOOD}/v1"\n{weaker}\n',
    )
    world.environ.update(ONE="one", TWO="two")
    (world.user_file.parent / "key").write_text("file", encoding="utf-8")
    assert sent(world, WORK) == ({GOOD: f"Bearer {key}"} if key else {})


def test_two_exported_keys_are_an_error(world: World) -> None:
    world.environ.update(SMOL_API_KEY="canary", SMOL_API_KEY_FILE="key")
    (problem,) = world.problems()
    assert problem == (
        "SMOL_API_KEY_FILE: api_key_file: at most one of the `api_key…` settings, not `api_key` and `api_key_file`"
    )


def test_an_exported_key_beats_one_by_the_profiles_name(world: World) -> None:
    world.environ.update(SMOL_PROFILES__WORK__API_KEY_ENV="X", SMOL_API_KEY="canary")
    world.write(user=f'[profiles.work]\nbase_url = "{GOOD}/v1"\n')
    assert sent(world, WORK) == {GOOD: "Bearer canary"}


def test_headers_are_bound_like_keys(world: World) -> None:
    world.write(
        user=f'[profiles.work]\nbase_url = "{GOOD}/v1"\nheaders = {{X-Team = "canary", X-Two = "a"}}\n',
        system=f'[profiles.work]\nbase_url = "{GOOD}/v1"\nheaders = {{x-team = "weaker"}}\n',
    )
    assert world.load(WORK).secrets() == Bound(GOOD, {"X-Team": "canary", "X-Two": "a"})
    moved = world.load(TO_EVIL)
    assert moved.secrets().secrets == ()
    assert moved.profile.headers == {}
    assert [line.partition(" of ")[0] for line in moved.warnings] == ["the header `X-Team`", "the header `X-Two`"]


@pytest.mark.parametrize(
    ("setting", "environ", "summary"),
    [
        ('api_key_env = "KEY"', {"KEY": "canary"}, f"set (env KEY, for {GOOD})"),
        ('api_key_env = "KEY"', {}, f"missing: (env KEY, for {GOOD})"),
        ('api_key_env = "canary_lower"', {}, f"missing: (the variable, for {GOOD})"),
        ('api_key_command = ["pass", "canary"]', {}, f"set (command, for {GOOD})"),
        ('api_key = "canary"', {}, f"set (user (FILE:3), for {GOOD})"),
        ('api_key_file = "key"', {}, f"missing: (file FOLDER/key, for {GOOD})"),
        ("", {"SMOL_API_KEY": "canary"}, f"set (environment (SMOL_API_KEY), for {GOOD})"),
        ("", {}, "not needed"),
    ],
)
def test_the_summary_says_where_the_key_is_from(
    world: World, setting: str, environ: dict[str, str], summary: str
) -> None:
    world.write(user=f'[profiles.work]\nbase_url = "{GOOD}/v1"\n{setting}\n')
    world.environ.update(environ)
    expected = summary.replace("FILE", str(world.user_file)).replace("FOLDER", str(world.user_file.parent))
    assert world.load(WORK).key_summary() == expected
    assert "canary" not in expected


def test_a_server_known_to_need_a_key_gets_no_request_without(world: World) -> None:
    world.write(user='[profiles.work]\nprovider = "openai"\nmodel = "m"\n')
    loaded = world.load(WORK)
    with pytest.raises(ConfigError) as caught:
        loaded.secrets()
    assert caught.value.message == f"there is no key for {CLOUD} (profile `work`)"
    assert loaded.key_summary() == "missing"


def test_a_key_in_a_file_that_others_can_read_is_a_warning(world: World) -> None:
    world.write(user=PROFILE)
    world.user_file.chmod(0o644)
    path = world.user_file
    assert world.load(WORK).warnings == (f"{path}:3:1: others can read this key: `chmod 600 {path}`",)


def test_a_key_file_is_found_beside_the_file_that_names_it(world: World, tmp_path: Path) -> None:
    (world.user_file.parent / "office.key").write_text("canary\n", encoding="utf-8")
    world.write(user=f'[profiles.work]\nbase_url = "{GOOD}/v1"\napi_key_file = "office.key"\n')
    assert sent(world, WORK) == {GOOD: "Bearer canary"}
    assert world.load(WORK).profile.api_key_file == str(world.user_file.parent / "office.key")
    assert tmp_path in world.user_file.parents


def test_nothing_that_was_loaded_shows_a_key(world: World) -> None:
    world.write(user=f'{PROFILE}headers = {{x = "canary"}}\n')
    world.environ["SMOL_PROFILES__OTHER__API_KEY"] = "canary"
    loaded = world.load(WORK)
    assert "canary" not in repr(loaded)
    assert "headers=['x']" in repr(loaded)


def test_a_parents_key_without_address_is_for_the_address_of_a_child_beside_it(world: World) -> None:
    parent = '[profiles.base]\napi_key = "canary"\n'
    child = f'[profiles.work]\nextends = "base"\nbase_url = "{GOOD}/v1"\n'
    world.write(user=parent + child)
    assert sent(world, WORK) == {GOOD: "Bearer canary"}
    world.write(user=child, system=parent)
    assert sent(world, WORK) == {}


def test_of_several_sets_the_last_names_the_key(world: World) -> None:
    world.environ.update(ONE="one", TWO="two")
    (world.work / "key").write_text("file", encoding="utf-8")
    world.write(user=f'[profiles.work]\nbase_url = "{GOOD}/v1"\n')
    sets = ("api_key_env=ONE", "api_key_file=key", "api_key_env=TWO")
    assert sent(world, Flags(profile="work", sets=sets)) == {GOOD: "Bearer two"}


def test_a_key_that_is_held_back_is_not_missing(world: World) -> None:
    world.environ["OPENAI_API_KEY"] = "canary"
    flags = Flags(profile="openai", named={"base_url": ("https://a.example/v1", "--api-base-url")})
    loaded = world.load(flags)
    assert loaded.secrets().secrets == ()
    assert loaded.key_summary() == f"not sent (it is for {CLOUD})"


def test_the_server_of_the_demo_gets_no_key_and_none_is_read(world: World) -> None:
    world.environ["SMOL_API_KEY_FILE"] = str(world.home / "gone")
    assert world.load(Flags(profile="demo")).secrets() == Bound()

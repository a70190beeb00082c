import re
import tomllib

import pytest

from smol_dev.config.edit import add, copy, remove, rename, use
from smol_dev.config.layers import Flags
from smol_dev.errors import ConfigError, UsageError
from tests.config.world import World

USER = """\
default_profile = "work"

# the office server
[profiles.work]
extends = "base"  # see below
model = "x"

[profiles.work.plan]
model = "y"

# what they share
[profiles.base]
provider = "ollama"
"""


def plain(world: World, text: str) -> str:
    """The text without the temporary folder, and without lines of the shipped files."""
    return re.sub(r"(profiles/\w+\.toml):\d+", r"\1:N", text.replace(str(world.root), "~"))


def lines(world: World, said: tuple[str, ...]) -> list[str]:
    return [plain(world, line) for line in said]


def test_an_added_profile_stands_last_with_its_keys(world: World) -> None:
    world.write(user=USER)
    flags = Flags(sets=("timeout=300", "code.model=big", "extra_body.top_k=40"))
    options = {"extends": "base", "provider": None, "model": "m"}
    said = world.file(flags).change(add, "at home", options)
    assert world.user_file.read_text() == (
        f'{USER}\n[profiles."at home"]\nextends = "base"\nmodel = "m"\ntimeout = 300\n'
        '\n[profiles."at home".code]\nmodel = "big"\n'
        '\n[profiles."at home".extra_body]\ntop_k = 40\n'
    )
    assert lines(world, said) == [
        "profile `at home` is in `~/home/config/smol.toml`",
        "make it the default: `smol_dev profiles use 'at home'`",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("openai", "there is a profile `openai` already (`profiles/openai.toml:N`)", id="shipped"),
        pytest.param("work", "there is a profile `work` already (`~/home/config/smol.toml:4`)", id="own"),
        pytest.param("", "that is not a valid profile name", id="empty"),
        pytest.param(" a", "that is not a valid profile name", id="space"),
        pytest.param("a\x1b[2J", "that is not a valid profile name", id="control characters"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused(world: World, name: str, message: str) -> None:
    world.write(user=USER)
    with pytest.raises(UsageError) as raised:
        world.file().change(add, name, {})
    assert plain(world, raised.value.message) == message
    assert world.user_file.read_text() == USER


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        pytest.param("api_key=sk-canary", "-c api_key=…: not on the command line", id="secret"),
        pytest.param("run.max_files=3", "`run.max_files` is not a key of a profile", id="of the run"),
        pytest.param("timeout", "-c: write `KEY=VALUE`", id="no value"),
    ],
)
def test_an_added_profile_takes_only_keys_of_a_profile(world: World, setting: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        world.file(Flags(sets=(setting,))).change(add, "new", {})
    assert raised.value.message.startswith(message)
    assert "canary" not in raised.value.message
    assert not world.user_file.exists()


def test_an_added_profile_must_be_valid(world: World) -> None:
    with pytest.raises(ConfigError) as raised:
        world.file().change(add, "new", {"provider": "olama"})
    assert "profiles.new.provider: must be one of `auto`, `ollama`" in raised.value.problems[0]
    assert not world.user_file.exists()


def test_a_copy_has_the_keys_of_every_file_and_still_extends(world: World) -> None:
    world.write(
        user='[profiles.work]\nmodel = "p"\nextra_body = {a = 1}\napi_key_file = "office.key"\n',
        system='[profiles.work]\nextends = "openai"\nmodel = "s"\nextra_body = {b = 2}\n',
    )
    (world.user_file.parent / "office.key").write_text("key")
    world.file(Flags(config=world.user_file)).change(copy, "work", "mine")
    assert tomllib.loads(world.user_file.read_text())["profiles"]["mine"] == {
        "extends": "openai",
        "model": "p",
        "extra_body": {"a": 1, "b": 2},
        "api_key_file": "office.key",
    }


def test_a_copy_into_another_folder_finds_the_key_file(world: World) -> None:
    world.write(system='[profiles.work]\nbase_url = "https://h/v1"\napi_key_file = "office.key"\n')
    (world.system_file.parent / "office.key").write_text("key")
    world.file().change(copy, "work", "mine")
    assert tomllib.loads(world.user_file.read_text())["profiles"]["mine"]["api_key_file"] == str(
        world.system_file.parent / "office.key"
    )


def test_a_shipped_profile_can_be_copied(world: World) -> None:
    world.file().change(copy, "openai", "mine")
    mine = tomllib.loads(world.user_file.read_text())["profiles"]["mine"]
    assert (mine["provider"], mine["api_key_env"]) == ("openai", "OPENAI_API_KEY")


def test_a_copy_of_a_profile_with_a_key_is_no_projects(world: World) -> None:
    with pytest.raises(ConfigError) as raised:
        world.file(project=True).change(copy, "openai", "ours")
    assert any("a project's file cannot name a key" in each for each in raised.value.problems)
    assert not world.project_file.exists()


def test_a_rename_is_followed_in_the_same_file(world: World) -> None:
    world.write(user=USER)
    world.file().change(rename, "work", "office")
    said = world.file().change(rename, "base", "shared")
    assert world.user_file.read_text() == (
        USER.replace('= "work"', '= "office"')
        .replace("[profiles.work", "[profiles.office")
        .replace('= "base"', '= "shared"')
        .replace("[profiles.base", "[profiles.shared")
    )
    assert lines(world, said) == [
        "profile `base` is now `shared` in `~/home/config/smol.toml`",
        "`profiles.office.extends` names it by the new name",
    ]


def test_a_rename_names_the_other_files_that_use_the_old_name(world: World) -> None:
    world.write(user=USER, project='default_profile = "work"\n')
    said = world.file().change(rename, "work", "office")
    assert lines(world, said)[2:] == ["`default_profile` (~/home/work/smol.toml:1) still names it `work`"]


def test_a_profile_declared_in_two_files_is_not_renamed(world: World) -> None:
    text = '[profiles.openai]\nmodel = "gpt-5"\n'
    world.write(user=text)
    with pytest.raises(UsageError) as raised:
        world.file().change(rename, "openai", "mine")
    assert raised.value.hint == "copy it instead: `smol_dev profiles copy openai mine`"
    assert world.user_file.read_text() == text


def test_a_removed_profile_is_gone_with_its_stages(world: World) -> None:
    world.write(user=USER.replace('default_profile = "work"', 'default_profile = "base"'))
    world.file().change(remove, "work")
    assert world.user_file.read_text() == (
        'default_profile = "base"\n\n# what they share\n[profiles.base]\nprovider = "ollama"\n'
    )


@pytest.mark.parametrize(
    ("name", "users"),
    [
        pytest.param("work", "`default_profile` (~/home/config/smol.toml:1)", id="the default"),
        pytest.param("base", "`profiles.work.extends` (~/home/config/smol.toml:5)", id="a parent"),
    ],
)
def test_a_profile_in_use_is_not_removed(world: World, name: str, users: str) -> None:
    world.write(user=USER)
    with pytest.raises(UsageError) as raised:
        world.file().change(remove, name)
    assert plain(world, raised.value.message) == (f"profile `{name}` is used by {users}")
    assert world.user_file.read_text() == USER


def test_users_in_other_layers_count_too(world: World) -> None:
    world.write(user='[profiles.a]\nprovider = "ollama"\n', project='[profiles.b]\nextends = "a"\n')
    world.environ["SMOL_PROFILE"] = "a"
    with pytest.raises(UsageError) as raised:
        world.file().change(remove, "a")
    assert plain(world, raised.value.message) == (
        "profile `a` is used by `profiles.b.extends` (~/home/work/smol.toml:2), `SMOL_PROFILE`"
    )


def test_keys_of_a_shipped_profile_can_be_removed_while_it_is_used(world: World) -> None:
    world.write(user='default_profile = "openai"\n\n[profiles.openai]\nmodel = "gpt-5"\n')
    said = world.file().change(remove, "openai")
    assert world.user_file.read_text() == 'default_profile = "openai"\n'
    assert lines(world, said)[1] == "what `profiles/openai.toml:N` says of `openai` holds again"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "openai",
            "profile `openai` is declared in `profiles/openai.toml:N`, not in `~/home/config/smol.toml`",
            id="shipped",
        ),
        pytest.param("wrok", "there is no profile `wrok`; did you mean `work`?", id="unknown"),
    ],
)
def test_only_a_profile_of_the_file_is_removed(world: World, name: str, message: str) -> None:
    world.write(user=USER)
    with pytest.raises(UsageError) as raised:
        world.file().change(remove, name)
    assert plain(world, raised.value.message) == message


def test_use_sets_the_default_and_says_who_is_stronger(world: World) -> None:
    world.write(user=USER, project='default_profile = "local"\n')
    said = world.file().change(use, "base")
    assert world.user_file.read_text() == USER.replace('= "work"', '= "base"')
    assert lines(world, said) == [
        "`base` is the default profile in `~/home/config/smol.toml`",
        "`~/home/work/smol.toml:1` still selects `local`",
    ]


def test_use_of_an_unknown_profile_is_refused(world: World) -> None:
    with pytest.raises(UsageError) as raised:
        world.file().change(use, "local-olama")
    assert raised.value.message == "there is no profile `local-olama`; did you mean `local-ollama`?"
    assert not world.user_file.exists()


def test_a_profile_of_the_project_alone_is_no_default_of_the_users(world: World) -> None:
    world.write(project="[profiles.ours]\ntemperature = 0.1\n")
    with pytest.raises(UsageError) as raised:
        world.file().change(use, "ours")
    assert raised.value.message == (
        "only this project declares `ours`; in every other folder there would be no such profile"
    )
    assert raised.value.hint == "for this project alone: `smol_dev profiles use ours --project`"
    world.file(project=True).change(use, "ours")
    assert world.load().name == "ours"

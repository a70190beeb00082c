import json
import subprocess
import sys
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.config.change import settings_file, with_value, without
from smol_dev.config.edit import set_value, unset
from smol_dev.config.layers import Flags, schema_file
from smol_dev.config.load import pending
from smol_dev.config.trust import approve
from smol_dev.errors import SmolError, UsageError
from tests.config.world import World

USER = """\
# my settings
default_profile = "work"

# the office server
[profiles.work]
extends = "local-ollama"
model = "x"   # good enough

[run]
max_files = 20
"""


def lines(world: World, said: tuple[str, ...]) -> list[str]:
    return [line.replace(str(world.root), "~") for line in said]


def refusal(world: World, key: str, value: str, *, project: bool = False) -> tuple[str, str]:
    with pytest.raises(SmolError) as raised:
        world.file(project=project).change(set_value, key, value)
    error = raised.value
    text = "\n".join(getattr(error, "problems", (error.message,)))
    return text.replace(str(world.root), "~"), error.hint


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        pytest.param("model", "qwen3:14b", '"x"   #', '"qwen3:14b"   #', id="selected profile"),
        pytest.param("timeout", "30", "enough\n", "enough\ntimeout = 30\n", id="number"),
        pytest.param("model", '"true"', '"x"   #', '"true"   #', id="quoted"),
        pytest.param(
            "extra_body.stop",
            '["a", "b"]',
            "enough\n",
            'enough\n\n[profiles.work.extra_body]\nstop = ["a", "b"]\n',
            id="inside a table",
        ),
        pytest.param("code.model", "y", "enough\n", 'enough\n\n[profiles.work.code]\nmodel = "y"\n', id="stage"),
        pytest.param("run.max_files", "3", "= 20", "= 3", id="run"),
        pytest.param("default_profile", "openai", '= "work"', '= "openai"', id="default"),
        pytest.param(
            "profiles.openai.model",
            "gpt-5",
            "= 20\n",
            '= 20\n\n[profiles.openai]\nmodel = "gpt-5"\n',
            id="a shipped profile",
        ),
        pytest.param(
            "prompts.house.code",
            "Write $path",
            "= 20\n",
            '= 20\n\n[prompts.house]\ncode = "Write $path"\n',
            id="a prompt variant",
        ),
    ],
)
def test_set_changes_one_line_of_the_users_file(world: World, key: str, value: str, old: str, new: str) -> None:
    world.write(user=USER)
    world.file().change(set_value, key, value)
    assert world.user_file.read_text() == USER.replace(old, new)


def test_set_says_what_it_did_and_who_is_stronger(world: World) -> None:
    world.write(user=USER, project='[profiles.work]\nmodel = "p"\n').environ["SMOL_MODEL"] = "e"
    said = world.file().change(set_value, "model", "z")
    assert lines(world, said) == [
        '`profiles.work.model` is now `"z"` in `~/home/config/smol.toml`',
        "`SMOL_MODEL` sets it too, and is stronger",
        "`~/home/work/smol.toml:2` sets it too, and is stronger",
    ]


def test_a_new_file_is_private_and_begins_with_the_schema(world: World) -> None:
    folder = world.user_file.parent
    folder.rmdir()
    world.file().change(set_value, "model", "m")
    schema = schema_file()
    assert schema.is_file()
    assert world.user_file.read_text() == (f'#:schema {schema.as_uri()}\n\n[profiles.local]\nmodel = "m"\n')
    assert (world.user_file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_linked_file_stays_a_link_and_its_target_keeps_its_mode(world: World) -> None:
    target = world.home / "dotfiles.toml"
    target.write_text("[run]\nmax_files = 2\n")
    target.chmod(0o640)
    world.user_file.symlink_to(target)
    world.file().change(set_value, "run.max_files", "3")
    assert world.user_file.readlink() == target
    assert target.read_text() == "[run]\nmax_files = 3\n"
    assert target.stat().st_mode & 0o777 == 0o640


def test_byte_order_mark_and_line_ends_are_kept(world: World) -> None:
    world.user_file.write_bytes(b"\xef\xbb\xbf# a\r\n[run]\r\nmax_files = 2\r\n")
    world.file().change(set_value, "run.output_dir", "out")
    assert world.user_file.read_bytes() == (b'\xef\xbb\xbf# a\r\n[run]\r\nmax_files = 2\r\noutput_dir = "out"\r\n')


@pytest.mark.parametrize(
    ("key", "value", "message", "hint"),
    [
        pytest.param(
            "temperature",
            "3",
            "~/home/config/smol.toml: profiles.work.temperature: must be a number from 0 to 2 or `auto`, got `3`",
            "correct the value; `smol_dev config schema` describes every key",
            id="out of bounds",
        ),
        pytest.param(
            "temprature",
            "sk-canary",
            "~/home/config/smol.toml: profiles.work.temprature: no such key; did you mean `temperature`?",
            "correct the value; `smol_dev config schema` describes every key",
            id="unknown key, its value not shown",
        ),
        pytest.param(
            "extends",
            "local-olama",
            "~/home/config/smol.toml: profiles.work.extends: there is no profile `local-olama`; did"
            " you mean `local-ollama`?",
            "correct the value; `smol_dev config schema` describes every key",
            id="unknown parent",
        ),
        pytest.param(
            "extends",
            "work",
            "~/home/config/smol.toml: profiles.work.extends: a profile cannot extend itself: `work` → `work`",
            "correct the value; `smol_dev config schema` describes every key",
            id="circle",
        ),
        pytest.param(
            "profiles.wrok.model",
            "x",
            "there is no profile `wrok`; did you mean `work`?",
            "create it: `smol_dev profiles add wrok`",
            id="unknown profile",
        ),
        pytest.param(
            "profiles.work",
            "x",
            "`profiles.work` is a profile, not a key",
            "name a key in it: `profiles.work.KEY`",
            id="whole profile",
        ),
        pytest.param(
            "a..b", "x", "`a..b` is not a key", "write it as `model`, `code.model` or `run.max_files`", id="no key"
        ),
    ],
)
def test_what_would_not_be_valid_is_refused_and_the_file_untouched(
    world: World, key: str, value: str, message: str, hint: str
) -> None:
    world.write(user=USER)
    assert refusal(world, key, value) == (message, hint)
    assert world.user_file.read_text() == USER
    assert list(world.user_file.parent.iterdir()) == [world.user_file]


@pytest.mark.parametrize(
    ("key", "way"),
    [
        ("api_key", "`smol_dev config set api_key_env NAME`"),
        ("profiles.work.api_key", "`smol_dev config edit`"),
        ("headers.Authorization", "`smol_dev config edit`"),
    ],
)
def test_secrets_are_refused_on_the_command_line(world: World, key: str, way: str) -> None:
    world.write(user=USER)
    with pytest.raises(UsageError) as raised:
        world.file().change(set_value, key, "sk-canary")
    assert "canary" not in f"{raised.value.message}{raised.value.hint}"
    assert way in raised.value.hint
    assert world.user_file.read_text() == USER


@pytest.mark.parametrize(
    ("key", "value"), [("api_key_env", "HOME"), ("api_key_file", "x"), ("api_key_command", '["x"]')]
)
def test_a_project_never_names_a_key(world: World, key: str, value: str) -> None:
    message, _ = refusal(world, key, value, project=True)
    assert message == (
        f"~/home/work/smol.toml: profiles.local.{key}: a project's file cannot name a key; keep the"
        " server with its key in your own file, and select it by its profile's name"
    )
    assert not world.project_file.exists()


def test_a_file_with_a_problem_elsewhere_can_be_corrected(world: World) -> None:
    broken = '[profiles.work]\ntimeout = "x"\nmodell = "m"\n'
    world.write(user=broken)
    world.file().change(set_value, "profiles.work.timeout", "5")
    assert world.user_file.read_text() == broken.replace('"x"', "5")
    world.file().change(unset, "profiles.work.modell")
    assert world.user_file.read_text() == "[profiles.work]\ntimeout = 5\n"


def test_a_value_that_is_set_already_leaves_the_file_alone(world: World) -> None:
    world.write(user=USER)
    before = world.user_file.stat()
    world.file().change(set_value, "run.max_files", "20")
    assert world.user_file.stat().st_ino == before.st_ino


def test_broken_toml_is_refused_with_its_place(world: World) -> None:
    world.write(user="[run]\nmax_files = \n")
    message, hint = refusal(world, "model", "x")
    assert message.startswith("~/home/config/smol.toml:2:13: not valid TOML")
    assert hint == "correct the file first: `smol_dev config edit`"


def test_unset_takes_the_key_out(world: World) -> None:
    world.write(user=USER)
    said = world.file().change(unset, "model")
    assert world.user_file.read_text() == USER.replace('model = "x"   # good enough\n', "")
    assert lines(world, said) == ["`profiles.work.model` is no longer set in `~/home/config/smol.toml`"]


def test_a_profile_that_unset_empties_stays_unless_another_file_declares_it(world: World) -> None:
    world.write(user="[profiles.work]\nseed = 1\n\n[profiles.house]\nseed = 1\n", system="[profiles.house]\n")
    world.file().change(unset, "profiles.work.seed")
    world.file().change(unset, "profiles.house.seed")
    assert world.user_file.read_text() == "[profiles.work]\n"


def test_unset_of_what_is_not_set_is_an_error(world: World) -> None:
    world.write(user=USER)
    with pytest.raises(UsageError) as raised:
        world.file().change(unset, "seed")
    assert raised.value.hint == "see where it is set: `smol_dev config explain profiles.work.seed`"


def test_a_foreign_projects_file_that_is_put_right_is_not_approved_by_that(world: World) -> None:
    world.write(project='[profiles.local]\nbase_url = "http://127.0.0.1:666/v1"\nnope = 1\n')
    said = world.file(project=True).change(unset, "nope")
    assert lines(world, said) == [
        "`profiles.local.nope` is no longer set in `~/home/work/smol.toml`",
        "`~/home/work/smol.toml` is not approved; `smol_dev trust` shows what needs approval",
    ]
    found = pending(Flags(), world.surroundings)
    assert found is not None
    assert not found.approved


def test_the_users_file_that_is_the_projects_is_changed_as_one(world: World) -> None:
    world.write(project="[run]\nmax_files = 2\n")
    world.environ["SMOL_CONFIG"] = str(world.project_file)
    assert world.file() == world.file(project=True)
    said = world.file().change(set_value, "base_url", "http://127.0.0.1:9/v1")
    assert lines(world, said)[-1] == "`~/home/work/smol.toml` is approved as it is now"


def test_a_named_file_is_created_and_changed(world: World) -> None:
    file = world.work / "other.toml"
    world.file(Flags(config=file)).change(set_value, "run.max_files", "3")
    assert tomllib.loads(file.read_text()) == {"run": {"max_files": 3}}
    assert not world.user_file.exists()


def test_a_projects_file_is_approved_as_it_is_edited(world: World) -> None:
    world.file(project=True).change(set_value, "base_url", "http://127.0.0.1:9/v1")
    world.file(project=True).change(set_value, "temperature", "0.1")
    found = pending(Flags(), world.surroundings)
    assert found is not None
    assert found.approved
    assert world.project_file.stat().st_mode & 0o002 == 0


def test_editing_somebody_elses_project_file_does_not_approve_it(world: World) -> None:
    world.write(project='[profiles.local]\nbase_url = "http://127.0.0.1:9/v1"\n')
    said = world.file(project=True).change(set_value, "temperature", "0.1")
    found = pending(Flags(), world.surroundings)
    assert found is not None
    assert not found.approved
    assert lines(world, said)[1] == (
        "`~/home/work/smol.toml` is not approved; `smol_dev trust` shows what needs approval"
    )


def test_an_approved_project_file_stays_approved(world: World) -> None:
    world.write(project='[profiles.local]\nbase_url = "http://127.0.0.1:9/v1"\n')
    approve(world.project_file, world.surroundings)
    world.file(project=True).change(unset, "base_url")
    world.file(project=True).change(set_value, "extra_body.top_k", "3")
    found = pending(Flags(), world.surroundings)
    assert found is not None
    assert found.approved


def test_the_nearest_project_file_is_edited_from_a_folder_below(world: World) -> None:
    world.write(project="[run]\nmax_files = 2\n")
    below = world.work / "src"
    below.mkdir()
    here = type(world.surroundings)(environ={}, cwd=below, home=world.home)
    settings_file(Flags(), here, project=True).change(set_value, "run.max_files", "3")
    assert world.project_file.read_text() == "[run]\nmax_files = 3\n"


def test_the_home_folder_is_no_project(world: World) -> None:
    here = type(world.surroundings)(environ={}, cwd=world.home, home=world.home)
    with pytest.raises(UsageError, match="is in your own folder, not in a project"):
        settings_file(Flags(), here, project=True).change(set_value, "model", "x")


def test_without_a_home_folder_the_file_must_be_named(world: World) -> None:
    here = type(world.surroundings)(environ={}, cwd=world.work)
    with pytest.raises(UsageError) as raised:
        settings_file(Flags(), here, project=False).change(set_value, "model", "x")
    assert raised.value.hint == "name one: `--config FILE`"


EDITOR = """
import sys
from pathlib import Path
from smol_dev.config.change import settings_file
from smol_dev.config.edit import set_value
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags

here = Surroundings(environ={}, cwd=Path(sys.argv[1]))
flags = Flags(config=Path("mine.toml"))
for number in range(8):
    settings_file(flags, here, project=False).change(set_value, f"extra_body.{sys.argv[2]}{number}", str(number))
"""


def test_two_editors_at_once_lose_nothing(world: World) -> None:
    command = [sys.executable, "-c", EDITOR, str(world.work)]
    editors = [subprocess.Popen([*command, name]) for name in "ab"]
    assert [editor.wait(timeout=60) for editor in editors] == [0, 0]
    written = tomllib.loads((world.work / "mine.toml").read_text())
    assert written["profiles"]["local"]["extra_body"] == {
        f"{name}{number}": number for name in "ab" for number in range(8)
    }


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=1), st.text())
def test_any_name_and_text_is_kept_exactly(name: str, value: str) -> None:
    key = ("profiles", name, "description")
    changed = with_value(USER, key, value)
    assert tomllib.loads(changed)["profiles"][name] == {
        **tomllib.loads(USER)["profiles"].get(name, {}),
        "description": value,
    }
    assert changed.startswith(USER.removesuffix("max_files = 20\n")) or name == "work"
    assert json.dumps(tomllib.loads(without(changed, key))["run"]) == '{"max_files": 20}'

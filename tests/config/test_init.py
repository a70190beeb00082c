import tomllib

import pytest

from smol_dev.config.edit import RunningServer, first_file, new_file, write_first_file
from smol_dev.config.layers import Flags
from smol_dev.config.load import pending
from smol_dev.errors import UsageError
from tests.config.world import World

OLLAMA = RunningServer("ollama", "http://127.0.0.1:11434/v1", ("a", "b"), (), "a")
LMSTUDIO = RunningServer("lmstudio", "http://127.0.0.1:1234/v1", ("c",), ("c",), "c")


def test_each_server_has_a_profile_and_the_loaded_one_is_the_default() -> None:
    assert first_file([OLLAMA, LMSTUDIO]) == (
        "# Written by `smol_dev init`. Every setting: `smol_dev config schema`; where each value comes from:\n"
        "# `smol_dev config show --origin`; change one: `smol_dev config set KEY VALUE`.\n"
        "\n"
        'default_profile = "local-lmstudio"\n'
        "\n"
        "# ollama at http://127.0.0.1:11434/v1. Its models:\n"
        '#   "a"\n'
        '#   "b"\n'
        "[profiles.local-ollama]\n"
        'model = "a"\n'
        "\n"
        "# lmstudio at http://127.0.0.1:1234/v1. Its models:\n"
        '#   "c"\n'
        "[profiles.local-lmstudio]\n"
        'model = "c"\n'
    )


def test_a_second_server_of_a_kind_and_an_unusual_address_are_written_out() -> None:
    second = RunningServer("ollama", "http://host.docker.internal:11434/v1", ("b",), (), "b")
    other = RunningServer("compatible", "http://127.0.0.1:9000/v1")
    settings = tomllib.loads(first_file([OLLAMA, second, other]))
    assert settings == {
        "default_profile": "local-ollama",
        "profiles": {
            "local-ollama": {"model": "a"},
            "local-ollama-2": {
                "extends": "local-ollama",
                "base_url": "http://host.docker.internal:11434/v1",
                "model": "b",
            },
            "local-compatible": {"provider": "compatible", "local_only": True, "base_url": "http://127.0.0.1:9000/v1"},
        },
    }


def test_names_from_a_server_cannot_break_out() -> None:
    hostile = RunningServer(
        "ollama", "http://127.0.0.1:11434/v1", ('x"\n[run]\noutput_dir = "/"', "\u202egpj", "ok"), (), "\u202egpj"
    )
    text = first_file([hostile])
    assert text.endswith('Its models:\n#   "ok"\n[profiles.local-ollama]\n')
    assert tomllib.loads(text)["profiles"] == {"local-ollama": {}}


def test_many_models_are_not_all_named() -> None:
    many = RunningServer("vllm", "http://127.0.0.1:8000/v1", tuple(f"m{n}" for n in range(30)), (), "m0")
    assert '#   "m19"\n#   and 10 more\n[profiles.local-vllm]\n' in first_file([many])


def test_with_no_server_the_file_shows_what_to_write(world: World) -> None:
    path = write_first_file([], Flags(), world.surroundings, project=False)
    text = path.read_text()
    assert list(tomllib.loads(text)) == []
    example = text.split("`base_url`.\n")[1].replace("# ", "")
    assert tomllib.loads(example) == {
        "default_profile": "local-ollama",
        "profiles": {"local-ollama": {"model": "qwen3.5:9b"}},
    }


def test_the_written_file_is_private_and_loads(world: World) -> None:
    path = write_first_file([OLLAMA, LMSTUDIO], Flags(), world.surroundings, project=False)
    assert path == world.user_file
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("#:schema file:///")
    loaded = world.load()
    assert (loaded.name, loaded.profile.model, loaded.profile.provider) == ("local-lmstudio", "c", "lmstudio")


def test_a_projects_file_is_approved_as_it_is_written(world: World) -> None:
    server = RunningServer("ollama", "http://127.0.0.1:9999/v1", ("a",), (), "a")
    write_first_file([server], Flags(), world.surroundings, project=True)
    found = pending(Flags(), world.surroundings)
    assert found is not None
    assert (found.path, found.approved) == (world.project_file, True)


@pytest.mark.parametrize("project", [False, True], ids=["user", "project"])
def test_an_existing_file_is_never_overwritten(world: World, *, project: bool) -> None:
    world.write(user="# mine\n", project="# ours\n")
    with pytest.raises(UsageError, match="`init` overwrites nothing"):
        new_file(Flags(), world.surroundings, project=project)
    with pytest.raises(UsageError, match="`init` overwrites nothing"):
        write_first_file([OLLAMA], Flags(), world.surroundings, project=project)
    assert (world.user_file.read_text(), world.project_file.read_text()) == ("# mine\n", "# ours\n")

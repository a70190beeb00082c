"""A file at the user's or the system's place is never a project's, however one gets there."""

from dataclasses import replace
from pathlib import Path

import pytest

from smol_dev.config.change import settings_file
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags, places, read_layers
from smol_dev.config.load import check, load
from smol_dev.errors import UsageError
from tests.config.world import World

USER = """\
default_profile = "work"

[profiles.work]
base_url = "http://127.0.0.1:5/v1"
api_key_env = "WORK_KEY"
model = "mine"
"""


def standing_in(world: World, folder: Path) -> Surroundings:
    return replace(world.surroundings, cwd=folder)


@pytest.mark.parametrize("project", [True, False], ids=["", "--no-project-config"])
def test_in_the_folder_of_their_file_users_keep_their_server(world: World, *, project: bool) -> None:
    world.write(user=USER)
    below = world.user_file.parent / "prompts"
    below.mkdir()
    for folder in (world.user_file.parent, below):
        loaded = load(Flags(project=project), standing_in(world, folder), connect=False)
        assert (loaded.profile.base_url, loaded.profile.model) == ("http://127.0.0.1:5/v1", "mine")
        assert loaded.layers.of("project") is None


def test_a_file_that_the_users_place_links_to_is_the_users(world: World) -> None:
    dotfiles = world.home / "dotfiles" / "smol"
    dotfiles.mkdir(parents=True)
    (world.home / "dotfiles" / ".git").mkdir()
    (dotfiles / "smol.toml").write_text(USER, encoding="utf-8")
    world.user_file.symlink_to(dotfiles / "smol.toml")
    here = standing_in(world, dotfiles)
    assert load(Flags(), here, connect=False).profile.model == "mine"
    assert check(Flags(), here, file=dotfiles / "smol.toml") == ()


def test_a_folder_that_the_users_folder_links_to_is_the_users(world: World) -> None:
    dotfiles = world.home / "dotfiles"
    dotfiles.mkdir()
    world.user_file.parent.rmdir()
    world.user_file.parent.symlink_to(dotfiles)
    world.write(user=USER)
    assert read_layers(Flags(), standing_in(world, dotfiles)).of("project") is None


def test_a_link_to_nowhere_at_the_users_place_is_no_projects(world: World) -> None:
    world.user_file.symlink_to(world.home / "gone")
    layers = read_layers(Flags(), standing_in(world, world.user_file.parent))
    assert (layers.of("project"), layers.problems) == (None, ())


def test_the_systems_file_is_no_projects(world: World) -> None:
    world.write(system=USER)
    layers = read_layers(Flags(), standing_in(world, world.system_file.parent))
    assert list(dict.fromkeys(layer.kind for layer in layers.all if layer.document)) == ["system", "shipped"]


def test_the_usual_place_is_the_users_also_when_another_is_named(world: World) -> None:
    usual = world.home / ".config" / "smol"
    usual.mkdir(parents=True)
    (usual / "smol.toml").write_text(USER, encoding="utf-8")
    for flags in (Flags(), Flags(config=Path(world.user_file))):
        world.write(user='default_profile = "openai"\n')
        layers = read_layers(flags, standing_in(world, usual))
        assert (layers.selected, layers.of("project")) == ("openai", None)


def test_a_project_around_the_users_folder_still_counts(world: World) -> None:
    world.write(user=USER)
    (world.home / "inner").mkdir()
    outer = replace(standing_in(world, world.user_file.parent), home=None)
    (world.home / "smol.toml").write_text("[run]\nmax_files = 3\n", encoding="utf-8")
    assert load(Flags(), outer, connect=False).run.max_files == 3


def test_the_users_own_file_is_checked_as_such(world: World) -> None:
    world.write(user=USER)
    assert check(Flags(), world.surroundings, file=world.user_file) == ()
    inside = standing_in(world, world.user_file.parent)
    assert check(Flags(), inside, file=world.user_file) == ()


def test_the_list_of_files_names_no_project_in_the_users_folder(world: World) -> None:
    world.write(user=USER)
    lines = list(places(Flags(), standing_in(world, world.user_file.parent)))
    assert lines[:2] == ["project  (none)", f"user     {world.user_file}"]


def test_no_projects_file_is_made_in_the_users_folder(world: World) -> None:
    with pytest.raises(UsageError, match="is in your own folder, not in a project"):
        settings_file(Flags(), standing_in(world, world.user_file.parent), project=True)


def test_a_projects_file_that_is_named_is_the_users_word(world: World) -> None:
    world.write(project="[run]\nmax_files = 3\n")
    read = read_layers(Flags(config=world.project_file), world.surroundings)
    assert list(dict.fromkeys(layer.kind for layer in read.all)) == ["flags", "environment", "user", "shipped"]


def test_a_projects_output_in_a_home_is_refused_from_a_subfolder_too(world: World) -> None:
    world.write(project='[run]\noutput_dir = "~/out"\n')
    (world.work / "sub").mkdir()
    place = f"{world.project_file}:2:1: run.output_dir: "
    (line,) = check(Flags(), replace(world.surroundings, cwd=world.work / "sub"))
    assert line == f"{place}`~/out` is outside the project's folder; choose it with `--output`"

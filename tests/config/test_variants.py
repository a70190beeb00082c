import pytest

from smol_dev.config.files import TEXTS
from smol_dev.config.model import Prompts
from smol_dev.config.trust import approve
from tests.config.world import World


def test_a_text_is_in_place_or_in_a_file_beside_the_one_that_names_it(world: World) -> None:
    (world.user_file.parent / "prompts").mkdir()
    file = world.user_file.parent / "prompts" / "code.md"
    file.write_bytes(b"\xef\xbb\xbfCosts 5 $$\r\nWrite ${path}")
    world.write(user='[prompts.house]\nplan = "Plan $prompt"\ncode = "prompts/code.md"\n')
    (house,) = world.load().prompts.values()
    assert house.model_dump(exclude_unset=True) == {
        "extends": "default",
        "plan": "Plan $prompt",
        "code": "Costs 5 $$\nWrite ${path}",
    }


def test_a_variant_takes_what_it_lacks_from_the_one_it_extends(world: World) -> None:
    world.write(
        user='[prompts.a]\nextends = "b"\nsystem = "a"\n[prompts.b]\nextends = "small"\n'
        'system = "b"\nplan = "b $prompt"\n',
        system='[prompts.a]\nsystem = "weaker"\nfiles = "system"\n',
    )
    prompts = world.load().prompts
    assert prompts["a"].model_dump(exclude_unset=True) == {
        "extends": "small",
        "system": "a",
        "plan": "b $prompt",
        "files": "system",
    }


def test_a_profile_may_name_an_own_variant(world: World) -> None:
    world.write(user='[prompts.house]\nsystem = "a"\n[profiles.local]\nprompt_variant = "house"\n')
    assert world.load().profile.prompt_variant == "house"


def test_a_problem_in_a_file_is_told_with_its_line(world: World) -> None:
    (world.user_file.parent / "code.txt").write_text("Write\n  $path\n  $plann", encoding="utf-8")
    world.write(user='[prompts.house]\ncode = "code.txt"\n')
    (problem,) = world.problems()
    assert problem == (
        "~/home/config/code.txt:3:3: prompts.house.code: no variable `$plann` here "
        "(there are: `$prompt`, `$plan`, `$files`, `$path`); did you mean `$plan`?"
    )


@pytest.mark.parametrize(
    ("make", "what"),
    [
        pytest.param(lambda path: path.mkdir(), "is not a regular file", id="folder"),
        pytest.param(lambda path: path.symlink_to(path), "is a symbolic link", id="circle"),
        pytest.param(lambda path: path.write_bytes(b"#" * 65537), "is larger than 64 KiB", id="size"),
        pytest.param(lambda path: path.write_bytes(b"\xff"), "is not UTF-8 here", id="bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(world: World, make: object, what: str) -> None:
    assert callable(make)
    make(world.user_file.parent / "code.md")
    world.write(user='[prompts.house]\ncode = "code.md"\n')
    assert world.problems() == [
        f"~/home/config/smol.toml:2:1: prompts.house.code: the file `~/home/config/code.md` {what}"
    ]


@pytest.mark.parametrize("name", ["../secret.md", "link.md", "/etc/secret.md"])
def test_a_projects_prompt_is_in_the_project(world: World, name: str) -> None:
    (world.home / "secret.md").write_text("canary", encoding="utf-8")
    (world.work / "link.md").symlink_to("../secret.md")
    world.write(project=f'[prompts.house]\nsystem = "{name}"\n')
    approve(world.project_file, world.surroundings)
    (problem,) = world.problems()
    assert problem.endswith("stands outside the project's folder")


def test_a_text_in_a_variable_is_relative_to_the_working_directory(world: World) -> None:
    (world.work / "system.txt").write_text("Be brief.", encoding="utf-8")
    world.environ["SMOL_PROMPTS__HOUSE__SYSTEM"] = "system.txt"
    assert world.load().prompts["house"].system == "Be brief."


def test_the_texts_of_a_variant_are_the_keys_of_the_model() -> None:
    assert {"extends", *TEXTS} == set(Prompts.model_fields)

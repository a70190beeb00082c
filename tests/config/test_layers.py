import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from smol_dev.config.files import Surroundings, find_project
from smol_dev.config.layers import Flags, read_layers
from smol_dev.config.load import check
from smol_dev.config.profiles import ProfileLine, list_profiles
from smol_dev.errors import ConfigError
from tests.config.world import World

PLAIN = "plain `http://` only goes to this machine or a private network; http://93.184.216.34 needs `https://`"


def tree(root: Path, *paths: str) -> None:
    for path in paths:
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("", encoding="utf-8")


@pytest.mark.parametrize(
    ("paths", "cwd", "found"),
    [
        pytest.param(("h/p/smol.toml",), "h/p", "h/p/smol.toml", id="here"),
        pytest.param(("h/p/smol.toml", "h/p/a/b/"), "h/p/a/b", "h/p/smol.toml", id="above"),
        pytest.param(("h/p/smol.toml", "h/p/a/smol.toml"), "h/p/a", "h/p/a/smol.toml", id="nearest"),
        pytest.param(("h/p/smol.toml", "h/p/.git/", "h/p/a/"), "h/p/a", "h/p/smol.toml", id="beside .git"),
        pytest.param(("h/p/smol.toml", "h/p/a/.git/", "h/p/a/b/"), "h/p/a/b", None, id="beyond .git"),
        pytest.param(("h/p/smol.toml", "h/p/a/.git"), "h/p/a", None, id="beyond a work tree's .git"),
        pytest.param(("h/smol.toml", "h/p/"), "h/p", None, id="home"),
        pytest.param(("smol.toml", "h/p/"), "h/p", None, id="beyond home"),
        pytest.param(("h/smol.toml",), "h", None, id="in home"),
        pytest.param(("smol.toml", "o/p/"), "o/p", "smol.toml", id="not below home"),
    ],
)
def test_the_projects_file_is_the_nearest_one_upwards(
    tmp_path: Path, paths: tuple[str, ...], cwd: str, found: str | None
) -> None:
    tree(tmp_path, ".git/", *paths)
    (tmp_path / "h").mkdir(exist_ok=True)
    expected = tmp_path / found if found else None
    assert find_project(tmp_path / cwd, tmp_path / "h") == expected


@pytest.mark.parametrize(
    ("mounted", "found"),
    [
        pytest.param("p/disk", None, id="below the file"),
        pytest.param("p", "p/smol.toml", id="with the file"),
        pytest.param("nowhere", "p/smol.toml", id="nowhere"),
    ],
)
def test_the_search_ends_at_another_device(tmp_path: Path, mounted: str, found: str | None) -> None:
    tree(tmp_path, "p/smol.toml", "p/disk/inner/")

    def device(folder: Path) -> int:
        return 2 if folder.is_relative_to(tmp_path / mounted) else 1

    expected = tmp_path / found if found else None
    assert find_project(tmp_path / "p" / "disk" / "inner", None, device=device) == expected


def test_home_may_be_a_link(tmp_path: Path) -> None:
    tree(tmp_path, "h/smol.toml", "h/p/")
    (tmp_path / "link").symlink_to("h")
    assert find_project(tmp_path / "h" / "p", tmp_path / "link") is None


def test_the_users_file_is_the_one_that_is_named_most_closely(world: World) -> None:
    for name in ("flag", "variable"):
        (world.home / f"{name}.toml").write_text(f'default_profile = "{name}"\n', encoding="utf-8")
    world.write(user='default_profile = "usual"\n')
    assert read_layers(Flags(), world.surroundings).selected == "usual"
    world.environ["SMOL_CONFIG"] = "~/variable.toml"
    assert read_layers(Flags(), world.surroundings).selected == "variable"
    flags = Flags(config=Path("../flag.toml"))
    assert read_layers(flags, world.surroundings).selected == "flag"


def test_a_users_file_may_be_a_link_and_must_be_a_file(world: World) -> None:
    (world.home / "real.toml").write_text('default_profile = "demo"\n', encoding="utf-8")
    world.user_file.symlink_to(world.home / "real.toml")
    assert read_layers(Flags(), world.surroundings).selected == "demo"
    world.user_file.unlink()
    os.mkfifo(world.user_file)
    assert world.problems() == ["~/home/config/smol.toml: is not a regular file"]


def test_profiles_are_listed_with_the_layer_that_declares_them(world: World) -> None:
    world.write(
        user='default_profile = "work"\n[profiles.work]\nextends = "openai"\ndescription = "Office"\n',
        project="[profiles.local]\nseed = 1\n",
    )
    lines = list_profiles(read_layers(Flags(), world.surroundings))
    assert [line.name for line in lines] == [
        "demo", "litellm", "local", "local-llamacpp", "local-lmstudio", "local-ollama", "local-thinking",
        "local-vllm", "openai", "work",
    ]  # fmt: skip
    assert lines[-1] == ProfileLine(
        name="work",
        description="Office",
        layer="user",
        where=f"{world.user_file}:2",
        active=True,
        local=False,
        extends="openai",
    )
    assert (lines[2].layer, lines[2].where) == ("project", f"{world.project_file}:1")
    assert [line.name for line in lines if not line.local] == ["openai", "work"]


def test_a_thousand_profiles_on_fifty_parents_are_listed(world: World) -> None:
    parents = [f'[profiles.p{n}]\nextends = "p{n + 1}"\n' for n in range(50)]
    rest = [f'[profiles.q{n}]\nextends = "p0"\n' for n in range(950)]
    world.write(user="".join([*parents, '[profiles.p50]\nprovider = "openai"\n', *rest]))
    lines = list_profiles(read_layers(Flags(), world.surroundings))
    assert sum(not line.local for line in lines) == 50 + 1 + 950 + 1


def test_a_broken_file_is_told_when_profiles_are_listed(world: World) -> None:
    world.write(user="[profiles\n")
    with pytest.raises(ConfigError) as caught:
        list_profiles(read_layers(Flags(), world.surroundings))
    assert caught.value.message == (f"{world.user_file}:1:10: not valid TOML: a `[table]` header without its end")


def test_circles_and_wrong_types_do_not_stop_the_list(world: World) -> None:
    world.write(
        user='profiles.a.extends = "b"\nprofiles.b.extends = "a"\nprofiles.c = 1\n'
        "profiles.d.base_url = 5\nprofiles.d.extends = []\n"
    )
    assert len(list_profiles(read_layers(Flags(), world.surroundings))) == 9 + 4


def test_listing_profiles_loads_no_pydantic(world: World) -> None:
    script = """
import json, sys
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags, read_layers
from smol_dev.config.profiles import list_profiles
lines = list_profiles(read_layers(Flags(), Surroundings.here()))
print(json.dumps([len(lines), [name for name in ("pydantic", "openai", "rich", "tomlkit", "asyncio")
                               if name in sys.modules]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        cwd=world.work,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert json.loads(done.stdout) == [9, []]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/h"},
        {"XDG_CONFIG_DIRS": "/one:/two"},
        {"XDG_CONFIG_HOME": "relative", "XDG_CONFIG_DIRS": ""},
    ],
)
def test_the_folders_are_those_of_platformdirs(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": "/somewhere", **environ}.items():
        monkeypatch.setenv(name, value)
    here = Surroundings.here()
    site = platformdirs.site_config_dir("smol", appauthor=False, multipath=True)
    assert (here.user_config, here.site_configs, here.state, here.cache) == (
        platformdirs.user_config_path("smol", appauthor=False),
        tuple(map(Path, dict.fromkeys(site.split(os.pathsep)))),
        platformdirs.user_state_path("smol", appauthor=False),
        platformdirs.user_cache_path("smol", appauthor=False),
    )
    assert here.home == Path("/somewhere")


def is_open(path: Path) -> bool:
    """Whether every folder above the path may be entered by anyone."""
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)


def test_here_needs_no_home_and_no_password_file(tmp_path: Path) -> None:
    script = """
import os, sys
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags, read_layers
from smol_dev.config.trust import approvals
os.setuid(54321)
here = Surroundings.here()
print(here.home, here.user_config, here.state, here.cache, here.site_configs)
print(read_layers(Flags(), here).problems)
os.environ["HOME"] = sys.argv[1]
print(read_layers(Flags(), Surroundings.here()).problems, approvals(Surroundings.here()))
"""
    if os.geteuid() != 0:
        pytest.skip("only root can become a user that does not exist")
    if not (is_open(Path(__file__)) and is_open(Path(sys.executable).resolve())):
        pytest.skip("the interpreter or the package lies where other users may not look")
    tree(tmp_path, "closed/.config/smol/smol.toml")
    (tmp_path / "closed").chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "closed")],
        capture_output=True,
        check=True,
        cwd="/",
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    )
    assert done.stdout == "None None None None /etc/xdg/smol\n()\n() []\n"


def test_check_tells_every_problem_of_every_profile(world: World) -> None:
    world.write(
        user='[profiles.a]\nextends = "b"\n[profiles.b]\nextends = "a"\n[profiles.c]\nseed = "x"\n'
        '[profiles.d]\nbase_url = "http://93.184.216.34/v1"\n',
        project="[profiles.e]\nmodle = 1\n",
    )
    user = str(world.user_file)
    assert check(Flags(), world.surroundings) == (
        f"{world.project_file}:2:1: profiles.e.modle: no such key; did you mean `model`?",
        f"{user}:2:1: profiles.a.extends: a profile cannot extend itself: `b` → `a` → `b`",
        f"{user}:4:1: profiles.b.extends: a profile cannot extend itself: `a` → `b` → `a`",
        f"{user}:6:1: profiles.c.seed: must be a whole number or `auto`, got the text `x`",
        f"{user}:8:1: profiles.d.base_url: {PLAIN}",
    )
    assert check(Flags(), world.surroundings, file=world.project_file) == (
        f"{world.project_file}:2:1: profiles.e.modle: no such key; did you mean `model`?",
    )


def test_check_of_a_file_that_is_to_be_a_projects(world: World) -> None:
    draft = world.work / "draft.toml"
    draft.write_text('[profiles.local]\napi_key_env = "A"\n', encoding="utf-8")
    draft.chmod(0o600)
    assert check(Flags(), world.surroundings, file=draft) == ()
    (line,) = check(Flags(), world.surroundings, file=draft, project=True)
    assert line.startswith(f"{draft}:2:1: profiles.local.api_key_env: a project's file cannot")
    missing = world.work / "missing.toml"
    assert check(Flags(), world.surroundings, file=missing) == (f"{missing}: does not exist",)


def test_a_folder_that_is_none_holds_no_settings(world: World) -> None:
    (world.root / "file").write_text("", encoding="utf-8")
    here = replace(world.surroundings, user_config=world.root / "file" / "smol")
    assert read_layers(Flags(), here).problems == ()

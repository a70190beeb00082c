"""A check command sees the tools in `PATH` and what they need, and nothing that stands beside them."""

import os
from pathlib import Path

import pytest

from smol_dev.workspace.command import mounts, search_path
from smol_dev.workspace.sandbox import Mount


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def make(home: Path, *paths: str) -> None:
    for path in paths:
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text("")


def shown(home: Path, *path: str, program: str = "/usr/bin/env", folder: Path | None = None) -> list[str]:
    """What of the home folder is seen, relative to it."""
    seen = mounts(
        folder or home.parent / "generated", program=program, path=[str(home / each) for each in path], homes=[home]
    )
    return sorted(os.path.relpath(each.target, home) for each in seen if each.target.startswith(f"{home}"))


def test_of_a_tool_only_its_programs_and_libraries_are_seen(home: Path) -> None:
    make(home, ".cargo/bin/cargo", ".cargo/credentials.toml", ".cargo/registry/x")
    make(home, ".local/bin/tool", ".local/lib/python3.11/x", ".local/share/keyrings/login")
    make(home, ".docker/bin/compose", ".docker/config.json")
    assert shown(home, ".cargo/bin", ".local/bin", ".docker/bin") == [
        ".cargo/bin", ".docker/bin", ".local/bin", ".local/lib",
    ]  # fmt: skip


def test_programs_beside_the_users_own_files_do_not_show_them(home: Path) -> None:
    make(home, "bin/mine", "lib/secret", "src/project/.env", ".ssh/id_ed25519")
    assert shown(home, "bin") == ["bin"]
    assert shown(home, ".") == []
    assert shown(home, "..") == []


def test_a_virtual_environment_brings_the_python_that_it_was_made_of(home: Path) -> None:
    make(home, "python/bin/python3", "python/lib/os.py", "python/notes.txt", "project/.env")
    make(home, "project/.venv/lib/x", "project/.venv/bin/pytest")
    (home / "project/.venv/pyvenv.cfg").write_text(f"home = {home}/python/bin\nversion = 3.11\n")
    (home / "project/.venv/bin/python").symlink_to(home / "python/bin/python3")
    assert shown(home, "project/.venv/bin") == [
        "project/.venv/bin", "project/.venv/lib", "project/.venv/pyvenv.cfg", "python/bin", "python/lib",
    ]  # fmt: skip


def test_a_program_that_is_a_link_brings_where_it_leads(home: Path) -> None:
    make(home, ".local/pipx/venvs/tool/bin/tool", ".local/pipx/venvs/tool/lib/x", ".local/pipx/venvs/tool/pyvenv.cfg")
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/tool").symlink_to("../pipx/venvs/tool/bin/tool")
    assert shown(home, ".local/bin", program=f"{home}/.local/bin/tool") == [
        ".local/bin",
        ".local/pipx/venvs/tool/bin",
        ".local/pipx/venvs/tool/lib",
        ".local/pipx/venvs/tool/pyvenv.cfg",
    ]


def test_a_program_that_links_to_itself_ends(home: Path) -> None:
    (home / "bin").mkdir(parents=True)
    (home / "bin/loop").symlink_to("loop")
    assert shown(home, "bin", program=f"{home}/bin/loop") == ["bin"]


def test_the_output_folder_is_written_and_what_is_protected_in_it_is_not(home: Path) -> None:
    make(home, "generated/.smol/run.json", "generated/.git/config", "generated/a.py")
    folder = home / "generated"
    found = [each for each in mounts(folder, program="/bin/sh", path=[], homes=[home]) if str(home) in each.target]
    assert found == [
        Mount("write", str(folder), str(folder)),
        Mount("read", f"{folder}/.smol", f"{folder}/.smol"),
        Mount("read", f"{folder}/.git", f"{folder}/.git"),
    ]


def test_the_toolchains_of_rust_are_found_in_the_temporary_home(home: Path) -> None:
    make(home, ".rustup/settings.toml")
    assert Mount("read", f"{home}/.rustup", "/tmp/.rustup") in mounts(
        home.parent, program="/bin/sh", path=[], homes=[home]
    )


@pytest.mark.parametrize(
    ("text", "folders"),
    [
        pytest.param("/usr/bin:/bin", ["/usr/bin", "/bin"], id="as it is"),
        pytest.param(".:bin::/bin:../x:", ["/bin"], id="relative ones are the output folder"),
        pytest.param("", ["/bin", "/usr/bin"], id="none"),
    ],
)
def test_only_whole_paths_are_searched_for_programs(text: str, folders: list[str]) -> None:
    assert search_path(text) == folders

"""The files for containers and CI say what the program does, and pass the linter of the gate."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from smol_dev.cli.commands import COMMANDS
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.config.load import load
from smol_dev.languages import parse

ROOT = Path(__file__).parent.parent
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_compose_file_stands_in_its_page() -> None:
    assert f"```yaml\n{read('compose.yaml')}```" in read("docs/container.md")


@pytest.mark.parametrize("name", ["compose.yaml", "docs/github-workflow.yml"])
def test_the_files_are_yaml(name: str) -> None:
    assert parse(name, read(name)).wrong is False


@pytest.mark.parametrize("name", ["compose.yaml", "docs/github-workflow.yml"])
def test_the_variables_are_settings(name: str, tmp_path: Path) -> None:
    environ = dict(re.findall(r"^ +(SMOL_\w+): \"?([^\s\"]+)", read(name), re.MULTILINE))
    assert environ
    loaded = load(Flags(project=False), Surroundings(environ=environ, cwd=tmp_path), connect=False)
    assert loaded.warnings == ()


def test_the_workflow_uses_commands_that_are_there() -> None:
    used = re.findall(r"run: smol_dev (\S+)", read("docs/github-workflow.yml"))
    assert used == ["check", "doctor", "--json", "check"]
    assert {name for name in used if not name.startswith("-")} <= COMMANDS.keys()


def test_the_image_runs_without_root_from_named_versions() -> None:
    text = read("Dockerfile")
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["python:3.13-slim-trixie"] * 2
    user = re.findall(r"^USER (\d+):(\d+)$", text, re.MULTILINE)
    assert user == [("1000", "1000")]
    assert "HEALTHCHECK" in text
    assert re.findall(r"^ENTRYPOINT (.+)$", text, re.MULTILINE) == ['["smol_dev"]']


@pytest.mark.skipif(HADOLINT is None, reason="hadolint has no wheel for this machine")
def test_the_dockerfile_passes_the_linter() -> None:
    result = subprocess.run([str(HADOLINT), str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")

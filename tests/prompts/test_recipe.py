"""The recipe of CONTRIBUTING.md for a prompt variant, followed: one file, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import smol_dev
from smol_dev import prompts

PACKAGE = Path(smol_dev.__file__).parent
TERSE = """
system = "You are terse."
plan = "Plan this: $prompt"
files = "List the files.$example"
code = "Write one file.$written\\n$example\\n$path"
"""


def with_variant(folder: Path, text: str) -> Path:
    """A copy of the program with one file more: the prompt variant `terse`."""
    shutil.copytree(PACKAGE, folder / "smol_dev", ignore=shutil.ignore_patterns("__pycache__"))
    if (PACKAGE.parent / "profiles").is_dir():
        shutil.copytree(PACKAGE.parent / "profiles", folder / "profiles")
    (folder / "smol_dev/prompts/terse.toml").write_text(text)
    return folder


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/bin", "HOME": str(folder / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "smol_dev", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_a_file_is_all_that_a_prompt_variant_takes(tmp_path: Path) -> None:
    folder = with_variant(tmp_path, TERSE)
    shown = ran(folder, "--dry-run", "-c", "prompt_variant=terse", "a counter")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "[system]\nYou are terse.\n\n[user]\nPlan this: a counter\n" in shown.stdout
    assert "the words of variant `terse`: about" in shown.stdout
    misspelled = ran(folder, "--dry-run", "-c", "prompt_variant=ters", "a counter")
    assert (misspelled.returncode, "did you mean `terse`?" in misspelled.stderr) == (2, True)


def test_a_file_whose_name_begins_with_an_underscore_is_no_variant() -> None:
    assert prompts.variants() == ("default", "small")
    assert [path.name for path in sorted(prompts.FOLDER.glob("_*.toml"))] == ["_examples.toml", "_remarks.toml"]

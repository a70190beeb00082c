"""What TAB offers, typed into a real shell."""

import json
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from smol_dev.cli import program
from tests.cli.shell import Shell

HOSTILE = (
    "zz$(touch PWNED)",
    "zz`touch PWNED`",
    "zz;touch PWNED",
    "zz a",
    "zz'",
    'zz"',
    "-zz",
    "zz\\",
    "zz*",
    "~zz",
    "=zz",
)


def offered(*words: str, incomplete: str = "") -> list[str]:
    found = ShellComplete(program, {}, "smol_dev", "_SMOL_DEV_COMPLETE")
    return [item.value for item in found.get_completions(list(words), incomplete)]


def tables(*names: str) -> str:
    return "".join(f"[profiles.{json.dumps(name)}]\ntemperature = 0.1\n" for name in names)


def test_a_name_that_needs_quotes_is_not_offered(shell: Shell) -> None:
    shell.write(tables(*HOSTILE, "zz-plain", "zz.büro"))
    assert offered("profiles", "show", incomplete="zz") == ["zz-plain", "zz.büro"]


def test_a_project_offers_its_names_once_it_is_approved(shell: Shell) -> None:
    shell.write('[profiles.zzz]\nbase_url = "http://127.0.0.1:1/v1"\n', project=True)
    assert offered("-p", incomplete="zz") == []
    assert shell.type("trust", "--yes") == 0
    assert offered("profiles", "show", incomplete="zz") == ["zzz"]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_offered_acts_in_no_shell(shell: Shell, tmp_path: Path, name: str) -> None:
    shell.write(tables(name, "zz-plain"))
    empty = tmp_path / "empty"
    empty.mkdir()
    for each in offered("profiles", "show", incomplete=""):
        typed = ["bash", "-c", f"printf %s {each}"]
        done = subprocess.run(typed, cwd=empty, capture_output=True, text=True, check=True)
        assert done.stdout == each
    assert list(empty.iterdir()) == []

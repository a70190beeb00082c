import os
import subprocess
import sys

import pytest

from tests.cli.shell import Shell

STEERING = '[profiles.local]\nbase_url = "http://127.0.0.1:9/v1"\ndescription = "\u202e"\n'


def test_without_a_terminal_and_yes_nothing_is_recorded(shell: Shell) -> None:
    shell.write(STEERING, project=True)
    assert shell.type("trust") == 6
    lines = shell.err.splitlines()
    assert lines[0] == "`~/work/smol.toml` steers where prompts go, or what is sent:"
    assert lines[2] == "  profiles.local.base_url: not set → `http://127.0.0.1:9/v1`"
    assert lines[3] == (
        "error: `~/work/smol.toml` is not approved, and there is no terminal to ask on"
    )
    assert shell.type("trust", "--list") == 0
    assert shell.out == ""


def test_yes_records_and_prints_the_hash(shell: Shell) -> None:
    shell.write(STEERING, project=True)
    assert shell.type("trust", "--yes") == 0
    printed = shell.out.strip()
    assert len(printed) == 64
    assert shell.type("trust", "--list") == 0
    assert shell.out == f"{printed}  ~/work/smol.toml\n"
    shell.write(STEERING + "# more\n", project=True)
    assert shell.type("trust", "--list") == 0
    assert shell.out == f"{printed}  ~/work/smol.toml  (changed since)\n"


@pytest.mark.parametrize("path", [".", "smol.toml", "src"])
def test_a_path_may_be_the_file_or_a_folder_in_the_project(shell: Shell, path: str) -> None:
    (shell.project / "src").mkdir()
    shell.write(STEERING, project=True)
    assert shell.type("trust", path, "--yes") == 0
    assert shell.type("trust", "--revoke", path) == 0
    assert shell.err == "`~/work/smol.toml` is no longer approved\n"
    assert shell.type("trust", "--revoke") == 0
    assert shell.err == "`~/work/smol.toml` was not approved\n"


def test_a_file_that_only_tunes_needs_no_approval(shell: Shell) -> None:
    shell.write("[profiles.local]\ntemperature = 0.1\n", project=True)
    assert shell.type("trust") == 0
    assert shell.err == "`~/work/smol.toml` steers nothing; it needs no approval\n"


def test_no_file_is_an_error(shell: Shell) -> None:
    assert shell.type("trust") == 2
    assert shell.err == (
        "error: there is no `smol.toml` in `~/work` or above it\n\n"
        "hint: name the project's folder: `smol_dev trust PATH`\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 6), ("\n", 6)])
def test_on_a_terminal_it_asks(shell: Shell, answer: str, code: int) -> None:
    shell.write(STEERING, project=True)
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "smol_dev", "trust"]
    with subprocess.Popen(command, stdin=theirs, stdout=-1, stderr=-1, text=True) as asking:
        os.write(ours, answer.encode())
        out, err = asking.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert "Approve? [y/N]: " in err
    assert (asking.returncode, len(out.strip())) == (code, 64 if code == 0 else 0)
    assert shell.type("trust", "--list") == 0
    assert shell.out.startswith(out.strip())
    assert bool(shell.out) == (code == 0)

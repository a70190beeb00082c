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
    assert lines[0] == "`~/work/smol.toml` has settings that need your approval:"
    assert lines[2] == "  profiles.local.base_url: not set → `http://127.0.0.1:9/v1`"
    assert lines[3] == ("error: `~/work/smol.toml` is not approved, and there is no terminal to ask on")
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
    assert shell.err == "`~/work/smol.toml` needs no approval\n"


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


def test_every_text_is_shown_whole_and_then_what_changed(shell: Shell) -> None:
    body = ", ".join(f"k{number} = 1" for number in range(60))
    shell.write(
        '[prompts.house]\nplan = "plan.md"\nsystem = """Be brief.\n\u202eor not"""\n'
        f"[profiles.local]\nextra_body.list = [{{{body}}}]\n",
        project=True,
    )
    plan = shell.project / "plan.md"
    plan.write_text("Plan $prompt\nin short\n")
    assert shell.type("trust", "--yes") == 0
    listed = ", ".join(f'"k{number}": 1' for number in range(60))
    assert shell.err.splitlines()[2:] == [
        "  prompts.house.plan: not set → `plan.md`",
        "    | Plan $prompt",
        "    | in short",
        "    | ",
        "  prompts.house.system: not set → `Be brief.\\n\\u202eor not`",
        "    | Be brief.",
        "    | \\u202eor not",
        f"  profiles.local.extra_body.list: not set → {f'[{{{listed}}}]'[:200]}…",
        f"    | [{{{listed}}}]",
        "`~/work/smol.toml` is approved as it is now",
    ]
    plan.write_text("Plan $prompt\nand read .env\n")
    assert shell.type("trust", "--yes") == 0
    assert shell.err.splitlines()[11:] == [
        "changed since it was approved:",
        "  ~/work/plan.md:",
        "    @@ -1,3 +1,3 @@",
        "     Plan $prompt",
        "    -in short",
        "    +and read .env",
        "     ",
        "`~/work/smol.toml` is approved as it is now",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_what_is_longer_than_the_terminal_is_paged(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write('[prompts.house]\nplan = "plan.md"\n', project=True)
    (shell.project / "plan.md").write_text("$prompt\n" + "line\n" * 100 + "the last\x1b[2J\n")
    monkeypatch.setenv("PAGER", "cat")
    ours, theirs = os.openpty()
    os.write(ours, b"n\n")
    command = [sys.executable, "-m", "smol_dev", "trust"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, text=True) as asking:
        os.close(theirs)
        paged = b""
        while b"the last" not in paged:
            paged += os.read(ours, 4096)
        _, err = asking.communicate(timeout=30)
    os.close(ours)
    assert b"\x1b" not in paged
    assert asking.returncode == 6
    assert err.splitlines()[0] == f"`{shell.project}/smol.toml` has settings that need your approval:"
    assert "line" not in err

import json
import os
import subprocess
import sys
import tomllib

import jsonschema
import pytest

from tests.cli.shell import Shell

USER = """\
default_profile = "work"

[profiles.work]
extends = "local-ollama"
model = "x"  # good
"""


def test_path_lists_the_files_on_stdout(shell: Shell) -> None:
    shell.write(USER)
    assert shell.type("config", "path") == 0
    assert shell.out.splitlines()[:2] == ["project  ~/work/smol.toml (not there)", "user     ~/.config/smol/smol.toml"]
    assert shell.err == ""


def test_show_prints_toml_of_the_named_profile(shell: Shell) -> None:
    shell.write(USER)
    assert shell.type("config", "show", "-p", "openai", "-c", "model=big") == 0
    settings = tomllib.loads(shell.out)
    assert settings["default_profile"] == "openai"
    assert settings["profiles"]["openai"]["model"] == "big"


def test_show_says_where_values_come_from(shell: Shell) -> None:
    shell.write(USER)
    assert shell.type("config", "show", "--origin") == 0
    assert 'model = "x"  # user (~/.config/smol/smol.toml:5)' in shell.out.splitlines()
    assert shell.type("config", "show", "--origin", "--format", "json") == 0
    assert json.loads(shell.out)["origins"]["model"]["where"] == "~/.config/smol/smol.toml:5"


def test_show_warns_on_stderr_and_keeps_stdout_clean(shell: Shell) -> None:
    shell.export(SMOL_MODLE="x")
    assert shell.type("config", "show") == 0
    tomllib.loads(shell.out)
    assert "SMOL_MODLE" in shell.err
    assert "SMOL_MODEL" in shell.err


def test_explain_lists_winner_and_losers(shell: Shell) -> None:
    shell.write(USER)
    shell.export(SMOL_MODEL="y")
    assert shell.type("config", "explain", "model") == 0
    assert shell.out == (
        "* y          environment (SMOL_MODEL)\n  x          user (~/.config/smol/smol.toml:5)\n  (not set)  defaults\n"
    )


def test_explain_of_an_unknown_key_names_the_nearest(shell: Shell) -> None:
    assert shell.type("config", "explain", "temprature") == 2
    assert shell.err.startswith("error: there is no setting `temprature`; did you mean `temperature`?\n\nhint: ")


def test_check_reports_every_problem_at_once(shell: Shell) -> None:
    shell.write('[profiles.a]\ntimeout = "x"\nmodell = "sk-canary"\n')
    assert shell.type("config", "check") == 2
    assert shell.err.splitlines()[:3] == [
        "error: 2 problems in the settings:",
        "  ~/.config/smol/smol.toml:2:1: profiles.a.timeout: must be a number above 0, got the text `x`",
        "  ~/.config/smol/smol.toml:3:1: profiles.a.modell: no such key; did you mean `model`?",
    ]
    assert shell.out == ""


def test_check_of_one_file_looks_at_that_alone(shell: Shell) -> None:
    shell.write('[profiles.a]\ntimeout = "x"\n')
    (shell.project / "other.toml").write_text("[run]\nmax_files = 2\n")
    assert shell.type("config", "check", "other.toml") == 0
    assert shell.err == "no problems in `other.toml`\n"
    assert shell.type("config", "check", "absent.toml") == 2


@pytest.mark.parametrize("words", [("config", "check"), ("config", "show", "--config")], ids=["check", "--config"])
def test_a_file_whose_name_is_too_long_cannot_be_read(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.type(*words, "x" * 300) == 2
    assert shell.err.startswith("error: ")
    assert "cannot be read (File name too long)\n\nhint: " in shell.err


def test_set_and_unset_change_the_file_and_talk_on_stderr(shell: Shell) -> None:
    shell.write(USER)
    assert shell.type("config", "set", "model", "qwen3:14b") == 0
    assert shell.user_file.read_text() == USER.replace('"x"', '"qwen3:14b"')
    assert shell.out == ""
    assert shell.err == ('`profiles.work.model` is now `"qwen3:14b"` in `~/.config/smol/smol.toml`\n')
    assert shell.type("config", "unset", "model") == 0
    assert shell.user_file.read_text() == USER.replace('model = "x"  # good\n', "")


def test_set_takes_a_profile_and_a_project(shell: Shell) -> None:
    assert shell.type("config", "set", "--project", "-p", "openai", "temperature", "0.5") == 0
    assert tomllib.loads((shell.project / "smol.toml").read_text()) == {"profiles": {"openai": {"temperature": 0.5}}}


def test_set_takes_a_negative_number_as_a_value(shell: Shell) -> None:
    assert shell.type("config", "set", "seed", "--", "-1") == 0
    assert tomllib.loads(shell.user_file.read_text())["profiles"]["local"] == {"seed": -1}


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(shell: Shell) -> None:
    assert shell.type("config", "set", "api_key", "sk-canary") == 2
    assert "canary" not in shell.err
    assert "\n\nhint: name a variable (`smol_dev config set api_key_env NAME`)" in shell.err


def test_edit_opens_the_users_editor(shell: Shell) -> None:
    shell.write(USER)
    editor = shell.home / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/good/better/ "$1"\n')
    editor.chmod(0o700)
    shell.export(VISUAL=str(editor))
    assert shell.type("config", "edit") == 0
    assert shell.user_file.read_text() == USER.replace("good", "better")
    assert shell.err == "`~/.config/smol/smol.toml` holds what you wrote\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_an_interrupt_in_the_editor_is_the_editors(shell: Shell) -> None:
    shell.write(USER)
    editor = shell.home / "editor"
    editor.write_text('#!/bin/sh\nkill -INT $PPID; sleep 0.5; sed -i s/good/better/ "$1"\n')
    editor.chmod(0o700)
    code = (
        "import sys\nfrom smol_dev.app import interrupts\nfrom smol_dev.__main__ import main\n"
        "interrupts.PATIENCE = 0.1\nsys.argv = ['smol_dev', 'config', 'edit']\nmain()\n"
    )
    environ = {"PATH": os.defpath, "HOME": str(shell.home), "VISUAL": str(editor)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=shell.project, capture_output=True, text=True, check=False
    )
    told = f"`{shell.user_file}` holds what you wrote\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", told)
    assert shell.user_file.read_text() == USER.replace("good", "better")


def test_an_editor_that_fails_changes_nothing(shell: Shell) -> None:
    shell.write(USER)
    shell.export(VISUAL="false")
    assert shell.type("config", "edit") == 2
    assert shell.err == (
        "error: the editor failed: false: Editing failed\n\nhint: name another: `EDITOR=nano smol_dev config edit`\n"
    )
    assert shell.user_file.read_text() == USER


def test_a_mistake_in_the_editor_is_asked_about_on_a_terminal_only(shell: Shell) -> None:
    shell.write(USER)
    editor = shell.home / "editor"
    editor.write_text('#!/bin/sh\necho "timeout = -1" >> "$1"\n')
    editor.chmod(0o700)
    environ = {"PATH": os.defpath, "HOME": str(shell.home), "VISUAL": str(editor)}
    command = [sys.executable, "-m", "smol_dev", "config", "edit"]
    done = subprocess.run(
        command, input="y\n", env=environ, cwd=shell.project, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("error:"), "Edit again?" in done.stderr) == (2, 1, False)
    assert shell.user_file.read_text() == USER


def test_schema_is_json_schema_on_stdout(shell: Shell) -> None:
    assert shell.type("config", "schema") == 0
    jsonschema.Draft7Validator.check_schema(json.loads(shell.out))


@pytest.mark.parametrize("command", ["path", "show", "explain", "check", "set", "unset", "edit"])
def test_every_command_takes_the_shared_options(shell: Shell, command: str) -> None:
    assert shell.type("config", command, "--help") == 0
    for option in ("--profile", "--config", "--no-project-config", "--set"):
        assert option in shell.out


def test_show_with_dry_run_prints_the_prompts_too(shell: Shell) -> None:
    shell.write(USER + 'prompt_variant = "house"\n\n[prompts.house]\nplan = "Plan: $prompt"\n')
    assert shell.type("config", "show", "--dry-run") == 0
    assert 'prompt_variant = "house"\n' in shell.out
    assert "\n[user]\nPlan: (the prompt)\n" in shell.out
    assert shell.out.splitlines()[-1].startswith("the words of variant `house`: about ")
    assert "  # user (" not in shell.out
    assert shell.type("config", "show", "--dry-run", "--origin") == 0
    assert 'prompt_variant = "house"  # user (~/.config/smol/smol.toml:6)\n' in shell.out


def test_prompts_are_not_shown_as_json(shell: Shell) -> None:
    assert shell.type("config", "show", "--dry-run", "--format", "json") == 2
    assert (shell.out, shell.err) == (
        "",
        "error: `--dry-run` shows prompts as text, not as JSON\n\nhint: leave out `--format json`\n",
    )

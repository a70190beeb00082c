"""What TAB offers, typed into a real shell."""

import json
import shutil
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
    "zz|touch PWNED",
    "zz<(touch PWNED)",
    "zz{a,b}",
    "zz^",
    "zz#",
    "zz?",
    "zz\u00a0",
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


@pytest.mark.parametrize("program", ["bash", "zsh", "fish"])
def test_what_is_offered_acts_in_no_shell(shell: Shell, tmp_path: Path, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    shell.write(tables(*HOSTILE, "zz-plain"))
    empty = tmp_path / "empty"
    empty.mkdir()
    names = offered("profiles", "show", incomplete="")
    assert "zz-plain" in names
    typed = [program, "-c", f"printf '%s\\n' {' '.join(names)}"]
    done = subprocess.run(typed, cwd=empty, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == names
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "incomplete", "found"),
    [
        (["generate", "--llm-provider"], "l", ["lmstudio", "llamacpp"]),
        (["profiles", "add", "x", "--provider"], "o", ["ollama", "openai"]),
        (["-p"], "local-o", ["local-ollama"]),
        (["config", "set", "strategy"], "", ["auto", "chain", "parallel"]),
        (["config", "set", "code.reasoning"], "o", ["off"]),
        (["config", "show", "-c"], "structured_output=json_s", ["structured_output=json_schema"]),
        (["config", "show", "-c"], "code.reasoning=o", ["code.reasoning=off"]),
        (["config", "set", "local_only"], "", ["true", "false"]),
        (["config", "set", "default_profile"], "local-o", ["local-ollama"]),
    ],
)
def test_values_are_completed(shell: Shell, words: list[str], incomplete: str, found: list[str]) -> None:
    shell.write("")
    assert offered(*words, incomplete=incomplete) == found


def test_unset_completes_the_keys_that_are_set(shell: Shell) -> None:
    shell.write("[profiles.local]\nseed = 1\ncode.seed = 2\n[profiles.x]\nseed = 3\n[run]\nmax_files = 4\n")
    assert offered("config", "unset") == ["seed", "code.seed", "profiles.x.seed", "run.max_files"]
    shell.write("[run]\nmax_file_bytes = 5\n", project=True)
    assert offered("config", "unset", "--project") == ["run.max_file_bytes"]


@pytest.mark.parametrize("text", ["[[[", 'profiles = "x"\n', "[profiles]\nlocal = 3\n", "\udcff"])
def test_a_broken_file_leaves_the_shipped_names(shell: Shell, text: str) -> None:
    shell.write("")
    shell.user_file.write_bytes(text.encode(errors="surrogateescape"))
    assert offered("-p", incomplete="local-o") == ["local-ollama"]
    assert offered("config", "unset", incomplete="se") == []


@pytest.mark.parametrize(
    ("words", "incomplete"),
    [(["generate"], "~nobody-here/"), (["config", "get"], "mo")],
    ids=["no such user", "no command"],
)
def test_where_nothing_fits_nothing_is_offered(shell: Shell, words: list[str], incomplete: str) -> None:
    shell.write("")
    assert offered(*words, incomplete=incomplete) == []


def test_fish_takes_a_comma_for_the_end_of_a_name_so_there_is_none(shell: Shell) -> None:
    shell.write(tables("zz,a", "zz.a"))
    assert offered("profiles", "show", incomplete="zz") == ["zz.a"]

"""What an error about the settings says to type does what it says, when it is typed."""

import re
import shlex
import stat
from pathlib import Path

import pytest

from tests.cli.shell import Shell


def hinted(shell: Shell) -> list[list[str]]:
    """The commands of the program in the hint of the last error, as a shell would split them."""
    hint = shell.err.partition("hint: ")[2].replace("~/", f"{shell.home}/")
    return [shlex.split(each)[1:] for each in re.findall(r"`(smol_dev [^`]*)`", hint)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        (("config", "show", "-p", "nope"), "smol_dev profiles list"),
        (("config", "show", "-p", "nope", "-c", "model=x"), "smol_dev profiles list"),
        (("config", "show", "-c", "profiles.othr.model=x"), "smol_dev profiles list"),
        (("config", "explain", "temp"), "smol_dev config show"),
        (("config", "get", "model"), "smol_dev config explain KEY"),
        (("config", "list"), "smol_dev config show"),
        (("profiles", "delete", "work"), "smol_dev profiles remove NAME"),
        (("profiles", "rm", "work"), "smol_dev profiles remove NAME"),
        (("profiles", "use", "own"), "smol_dev profiles use own --project"),
        (("init", "--yes"), "smol_dev config edit"),
        (("profiles", "remove", "work"), "smol_dev profiles use OTHER"),
    ],
)
def test_the_hint_names_a_command_that_works(shell: Shell, typed: tuple[str, ...], first: str) -> None:
    shell.write('default_profile = "work"\n[profiles.work]\nmodel = "m"\n')
    shell.write('[profiles.own]\nmodel = "m"\n', project=True)
    assert shell.type(*typed) == 2
    words = hinted(shell)[0]
    assert " ".join(["smol_dev", *words]) == first
    words = ["model" if each == "KEY" else "local" if each == "OTHER" else each for each in words]
    shell.export(EDITOR="true")
    assert shell.type(*(each if each != "NAME" else "--help" for each in words)) == 0


def test_a_projects_default_that_a_colleague_lacks_is_created(shell: Shell) -> None:
    shell.write('default_profile = "work"\n', project=True)
    assert shell.type("config", "show") == 2
    assert hinted(shell)[0] == ["profiles", "add", "work"]
    assert shell.type(*hinted(shell)[0]) == 0
    assert shell.type("config", "show") == 0


@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_a_file_for_all_to_write_is_closed_by_the_chmod_that_is_named(shell: Shell, *, folder: bool) -> None:
    shell.write("[run]\nmax_files = 5\n", project=True)
    place = shell.project if folder else shell.project / "smol.toml"
    place.chmod(0o777)
    assert shell.type("config", "show") == 2
    assert f"`chmod o-w ~/work{'' if folder else '/smol.toml'}`" in shell.err
    place.chmod(stat.S_IMODE(place.stat().st_mode) & ~0o002)
    assert shell.type("config", "show") == 0


def test_a_profile_of_the_own_file_is_missed_where_another_was_named(shell: Shell) -> None:
    shell.write("[profiles.work]\n")
    (shell.home / "other.toml").write_text("[run]\n", encoding="utf-8")
    other = str(shell.home / "other.toml")
    assert shell.type("config", "show", "-p", "work", "--config", other) == 2
    assert "`~/other.toml` was read in the place of your own `~/.config/smol/smol.toml`" in shell.err


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("temp", "temperature"),
        ("top_k", "extra_body.top_k"),
        ("num_ctx", "context_window"),
        ("url", "base_url"),
        ("endpoint", "base_url"),
    ],
)
def test_a_name_that_other_programs_use_leads_to_ours(shell: Shell, key: str, ours: str) -> None:
    shell.write(f"[profiles.local]\n{key} = 1\n")
    assert shell.type("config", "check") == 2
    assert f"profiles.local.{key}: no such key; did you mean `{ours}`?" in shell.err
    shell.user_file.unlink()
    assert shell.type("config", "explain", key) == 2
    assert f"did you mean `{ours}`?" in shell.err


def test_a_variable_for_a_profile_that_is_not_there_is_told(shell: Shell) -> None:
    shell.export(SMOL_PROFILES__LOCAL_OLAMA__MODEL="x")
    assert shell.type("config", "show") == 0
    assert (
        "`SMOL_PROFILES__LOCAL_OLAMA__MODEL` names no profile that a file declares, and is ignored; "
        "did you mean `SMOL_PROFILES__LOCAL_OLLAMA__MODEL`?"
    ) in shell.err
    assert shell.type("profiles", "list") == 0
    assert "olama" not in shell.out.replace("ollama", "")


def test_a_name_with_a_space_or_dot_is_reached(shell: Shell) -> None:
    shell.write('[profiles."my box"]\n[profiles."a.b"]\n')
    for name, variable in (("my box", "MY_BOX"), ("a.b", "A_B")):
        sets = f'profiles."{name}".seed=7'
        assert shell.type("config", "show", "-p", name, "-c", sets) == 0
        assert "seed = 7" in shell.out
        shell.export(**{f"SMOL_PROFILES__{variable}__SEED": "8"})
        assert shell.type("config", "show", "-p", name) == 0
        assert "seed = 8" in shell.out


def test_without_a_terminal_a_bad_edit_is_an_error_that_names_the_text(shell: Shell, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf oops > "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    shell.export(EDITOR=str(editor))
    assert shell.type("config", "edit") == 2
    copy = re.search(r"your text is kept in `([^`]*)`", shell.err)
    assert copy is not None
    assert Path(copy[1]).read_text(encoding="utf-8") == "oops"


def test_an_extends_that_own_keys_outdo_says_so(shell: Shell) -> None:
    shell.write('[profiles.a]\nmodel = "a"\n[profiles.b]\nmodel = "b"\nseed = 1\n')
    assert shell.type("config", "show", "-p", "a", "-c", "extends=b") == 0
    assert "-c extends=…: the profile's own `model` wins over its parent's" in shell.err
    assert "seed = 1" in shell.out
    shell.write('[profiles.a]\nbase_url = "http://127.0.0.1:5/v1"\n')
    assert shell.type("config", "show", "-p", "a", "-c", "extends=local-ollama") == 0
    assert "-c extends=…: the profile's own `base_url` wins over its parent's" in shell.err

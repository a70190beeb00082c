import json
import subprocess
import sys
import tomllib

from tests.cli.shell import Shell


def test_list_marks_the_active_one_its_layer_and_where_it_runs(shell: Shell) -> None:
    shell.write('default_profile = "work"\n[profiles.work]\ndescription = "Office\u202e"\nextends = "openai"\n')
    assert shell.type("profiles", "list") == 0
    rows = {line[1:].split()[0]: line.split(maxsplit=4) for line in shell.out.splitlines()}
    assert rows["work"] == ["*", "work", "cloud", "user", "Office\\u202e"]
    assert rows["local-ollama"][:3] == ["local-ollama", "local", "shipped"]
    assert [name for name, row in rows.items() if row[0] == "*"] == ["work"]
    assert shell.err == ""


def test_list_as_json_is_ascii_and_complete(shell: Shell) -> None:
    shell.write('[profiles.work]\nextends = "openai"\ndescription = "ü"\n')
    assert shell.type("profiles", "list", "--json") == 0
    assert shell.out.isascii()
    assert {
        "name": "work",
        "description": "ü",
        "layer": "user",
        "where": "~/.config/smol/smol.toml:1",
        "active": False,
        "local": False,
        "extends": "openai",
    } in json.loads(shell.out)


def test_list_and_completion_do_not_wait_for_pydantic(shell: Shell) -> None:
    code = (
        "import sys; from smol_dev.cli import run; run(sys.argv[1:]);"
        "print([name for name in ('pydantic', 'openai', 'tomlkit') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, "profiles", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines()[-1] == "[]"
    assert shell.type("profiles", "list") == 0
    assert listed.stdout.startswith(shell.out)


def test_show_prints_the_profile_as_toml(shell: Shell) -> None:
    assert shell.type("profiles", "show", "openai", "--origin") == 0
    assert tomllib.loads(shell.out)["profiles"]["openai"]["timeout"] == 120
    assert shell.out.startswith("# api_key: missing: (env OPENAI_API_KEY, for https://api.openai.com)\n")


def test_show_of_an_unknown_profile_names_the_nearest(shell: Shell) -> None:
    assert shell.type("profiles", "show", "local-olama") == 2
    assert "did you mean `local-ollama`?" in shell.err


def test_a_profile_lives_from_add_to_remove(shell: Shell) -> None:
    add = ("--extends", "local-ollama", "--model", "m", "--base-url", "http://127.0.0.1:1/v1")
    assert shell.type("profiles", "add", "work", *add, "-c", "code.model=n") == 0
    assert shell.type("profiles", "copy", "work", "home") == 0
    assert shell.type("profiles", "use", "home") == 0
    assert shell.type("profiles", "rename", "home", "den") == 0
    assert shell.type("profiles", "remove", "work") == 0
    assert shell.type("profiles", "remove", "den") == 2
    assert "profile `den` is used by `default_profile`" in shell.err
    assert tomllib.loads(shell.user_file.read_text()) == {
        "default_profile": "den",
        "profiles": {
            "den": {
                "extends": "local-ollama",
                "base_url": "http://127.0.0.1:1/v1",
                "model": "m",
                "code": {"model": "n"},
            }
        },
    }
    assert shell.out == ""

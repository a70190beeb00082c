"""What users type into `config set`, variables and files, and what becomes of it."""

import stat
from pathlib import Path

import pytest

from tests.cli.shell import Shell


def error(shell: Shell) -> str:
    return shell.err.partition("\n\nhint: ")[0].removeprefix("error: ")


def hint(shell: Shell) -> str:
    return shell.err.partition("\n\nhint: ")[2].rstrip("\n")


@pytest.mark.parametrize("words", [("timeout", "-5"), ("temperature", "-0.5"), ("seed", "-.5")])
def test_a_number_below_zero_is_a_value_and_no_option(shell: Shell, words: tuple[str, str]) -> None:
    assert shell.type("config", "set", *words, "--project") == 2
    assert f"profiles.local.{words[0]}: must be a" in shell.err


def test_a_seed_below_zero_is_set(shell: Shell) -> None:
    assert shell.type("config", "set", "seed", "-1") == 0
    assert shell.type("config", "explain", "seed") == 0
    assert shell.out.startswith("* -1 ")


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        pytest.param(
            "SMOL_EXTRA_BODY",
            "top_k=40",
            "SMOL_EXTRA_BODY: extra_body: must be a table; write it as JSON: `SMOL_EXTRA_BODY='{\"top_k\": 40}'`",
            id="table",
        ),
        pytest.param(
            "SMOL_API_KEY_COMMAND",
            "pass show x",
            "SMOL_API_KEY_COMMAND: api_key_command: must be a list of text; write it as JSON: "
            '`SMOL_API_KEY_COMMAND=\'["pass", "show", "office"]\'`',
            id="list",
        ),
    ],
)
def test_a_variable_of_the_wrong_form_says_how_it_is_written(shell: Shell, variable: str, text: str, said: str) -> None:
    shell.export(**{variable: text})
    assert shell.type("config", "show") == 2
    assert error(shell) == said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param(
            "model=123",
            "-c model=…: model: must be text, got `123`; text that looks like something else "
            "stands in quotes: `-c 'model=\"123\"'`",
            id="number",
        ),
        pytest.param(
            "code.model=true",
            "-c code.model=…: code.model: must be text, got `true`; text that looks like something "
            "else stands in quotes: `-c 'code.model=\"true\"'`",
            id="truth",
        ),
        pytest.param(
            "extra_query.api-version=2024-10-21",
            "-c extra_query.api-version=…: extra_query.api-version: must be text; text that looks "
            "like something else stands in quotes: `-c 'extra_query.api-version=\"TEXT\"'`",
            id="date",
        ),
        pytest.param(
            "extra_body=top_k",
            "-c extra_body=…: extra_body: must be a table; write it as `-c extra_body.top_k=40`",
            id="table",
        ),
    ],
)
def test_an_option_of_the_wrong_form_says_how_it_is_written(shell: Shell, typed: str, said: str) -> None:
    assert shell.type("config", "show", "-c", typed) == 2
    assert error(shell).startswith(said)


def test_a_number_for_a_text_says_how_it_is_typed(shell: Shell) -> None:
    assert shell.type("config", "set", "model", "123") == 2
    assert error(shell) == ("`profiles.local.model` must be text, and TOML reads something else here")
    assert "`smol_dev config set profiles.local.model '\"123\"'`" in hint(shell)
    assert shell.type("config", "set", "profiles.local.model", '"123"') == 0
    assert 'model = "123"' in shell.user_file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("api_key_command", "[]", "must begin with a program"),
        ("seed", "9223372036854775808", "no server takes so many digits"),
        ("max_output_tokens", "2147483648", "no server takes so many digits"),
        ("extra_body.n", "18446744073709551616", "must be a whole number of at most 64 bits"),
    ],
)
def test_a_value_that_no_server_takes_is_refused(shell: Shell, key: str, value: str, said: str) -> None:
    assert shell.type("config", "set", key, value) == 2
    assert said in shell.err
    assert not shell.user_file.exists()


def test_unset_takes_the_tables_with_it_that_set_made(shell: Shell) -> None:
    text = '# mine\n[profiles.work]\nmodel = "m"\n'
    shell.write(text)
    for key in ("code.model", "extra_body.options.top_k", "timeout"):
        assert shell.type("config", "set", f"profiles.work.{key}", "5" if "model" not in key else "x") == 0
    for key in ("timeout", "extra_body.options.top_k", "code.model"):
        assert shell.type("config", "unset", f"profiles.work.{key}") == 0
    assert shell.user_file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("text", "key", "left"),
    [
        ('[profiles.local-ollama]\nmodel = "m"\n', "profiles.local-ollama.model", ""),
        ('[profiles.own]\nmodel = "m"\n', "profiles.own.model", "[profiles.own]\n"),
        ("[run]\nmax_files = 5\n", "max_files", ""),
        ("[run]\n# few\nmax_files = 5\n", "run.max_files", "[run]\n# few\n"),
        ("[profiles.own]\ncode = {seed = 1}\n", "profiles.own.code.seed", "[profiles.own]\n"),
    ],
    ids=["shipped", "own", "run", "comment", "inline"],
)
def test_unset_leaves_no_empty_table_but_a_profile_or_a_comment(shell: Shell, text: str, key: str, left: str) -> None:
    shell.write(text)
    assert shell.type("config", "unset", key) == 0
    assert shell.user_file.read_text(encoding="utf-8").strip() == left.strip()


@pytest.mark.parametrize(
    "words", [("config", "set", "timeout", "5", "--project"), ("profiles", "add", "x", "--project")]
)
def test_a_new_project_file_stands_at_the_root_of_its_repository(shell: Shell, words: tuple[str, ...]) -> None:
    below = shell.project / "src" / "deep"
    below.mkdir(parents=True)
    shell.monkeypatch.chdir(below)
    assert shell.type(*words) == 0
    assert (shell.project / "smol.toml").exists()
    assert not (below / "smol.toml").exists()


def test_a_new_project_file_stands_here_without_a_repository(shell: Shell) -> None:
    (shell.project / ".git").rmdir()
    assert shell.type("config", "set", "timeout", "5", "--project") == 0
    assert (shell.project / "smol.toml").exists()


@pytest.mark.parametrize(
    "words", [("config", "set", "timeout", "5"), ("config", "edit"), ("profiles", "use", "local-ollama")]
)
def test_a_read_only_file_is_not_replaced_unasked(shell: Shell, words: tuple[str, ...]) -> None:
    shell.write("[run]\nmax_files = 5\n")
    shell.user_file.chmod(0o444)
    shell.export(EDITOR="true")
    assert shell.type(*words) == 2
    assert error(shell) == "`~/.config/smol/smol.toml` is read-only, and stays as it is"
    assert "`chmod u+w ~/.config/smol/smol.toml`" in hint(shell)
    assert shell.user_file.read_text(encoding="utf-8") == "[run]\nmax_files = 5\n"
    shell.user_file.chmod(stat.S_IMODE(shell.user_file.stat().st_mode) | stat.S_IWUSR)
    assert shell.type(*words) == 0


@pytest.mark.parametrize(
    ("url", "better"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://localhost:11434/", "http://localhost:11434/v1"),
        ("http://localhost:11434/v1", ""),
        ("https://a.example/api/v1beta/openai", ""),
    ],
)
def test_an_address_without_v1_is_warned_about_when_it_is_set(shell: Shell, url: str, better: str) -> None:
    said = "the address has no `/v1`, under which most servers answer; with it: `smol_dev config set"
    assert shell.type("config", "set", "base_url", url) == 0
    assert (f"{said} profiles.local.base_url {better}`" in shell.err) is bool(better)
    assert shell.type("profiles", "add", "own", "--base-url", url) == 0
    assert (f"{said} profiles.own.base_url {better}`" in shell.err) is bool(better)


def test_a_name_that_only_run_has_needs_no_table(shell: Shell) -> None:
    assert shell.type("config", "set", "max_files", "7") == 0
    assert shell.user_file.read_text(encoding="utf-8").endswith("[run]\nmax_files = 7\n")
    assert shell.type("config", "explain", "max_files") == 0
    assert shell.out.splitlines()[0].split()[:2] == ["*", "7"]
    assert shell.type("config", "show", "-c", "max_files=8") == 0
    assert "max_files = 8" in shell.out
    assert shell.type("config", "unset", "max_files") == 0
    assert shell.type("config", "explain", "max_file") == 2
    assert "did you mean `max_files`?" in error(shell)


@pytest.mark.parametrize("name", ["nope", "ollama", "claude", "x", "production"])
def test_nothing_is_suggested_that_no_slip_explains(shell: Shell, name: str) -> None:
    assert shell.type("config", "show", "-p", name) == 2
    assert error(shell) == f"--profile: there is no profile `{name}`"


@pytest.mark.parametrize("name", ["opneai", "opnai", "openaii", "openia", "OPENAI", "local_olama", "local-ollmaa"])
def test_a_slip_of_the_fingers_is_recognised(shell: Shell, name: str) -> None:
    assert shell.type("config", "show", "-p", name) == 2
    meant = "openai" if name.lower().startswith("o") else "local-ollama"
    assert f"did you mean `{meant}`?" in error(shell)


@pytest.mark.parametrize("letter", "btnfruUexdsW")
def test_a_windows_path_in_double_quotes_is_told_whatever_its_letter(shell: Shell, letter: str) -> None:
    shell.write(f'[profiles.own]\napi_key_file = "C:\\{letter}sers\\key"\n')
    assert shell.type("config", "check") == 2
    assert "a backslash in a string must be `\\\\`, or write the string in single quotes" in shell.err
    shell.write(f'[run]\noutput_dir = "build\\{letter}"\n')
    assert shell.type("config", "check") == 2
    assert "a backslash in a string must be `\\\\`" in shell.err
    shell.write(f"[profiles.own]\napi_key_file = 'C:\\{letter}sers\\key'\n")
    assert shell.type("config", "check") == 0


def test_the_output_folder_of_a_project_is_the_same_from_every_folder(shell: Shell) -> None:
    shell.write('[run]\noutput_dir = "out"\n', project=True)
    below = shell.project / "src"
    below.mkdir()
    assert shell.type("config", "show") == 0
    assert 'output_dir = "out"' in shell.out
    shell.monkeypatch.chdir(below)
    assert shell.type("config", "show", "--origin") == 0
    assert 'output_dir = "~/work/out"  # project (~/work/smol.toml:2)' in shell.out
    assert shell.type("config", "explain", "output_dir") == 0
    assert shell.out.splitlines()[0].startswith("* ")
    assert shell.out.splitlines()[0].endswith("project (~/work/smol.toml:2)")
    assert shell.type("config", "show", "-c", "run.output_dir=mine") == 0
    assert 'output_dir = "mine"' in shell.out


@pytest.mark.parametrize("output", ["../out", "~/out", "/elsewhere"])
def test_the_output_folder_of_a_project_stays_inside_it(shell: Shell, output: str) -> None:
    shell.write(f'[run]\noutput_dir = "{output}"\n', project=True)
    below = shell.project / "src"
    below.mkdir()
    for folder in (shell.project, below):
        shell.monkeypatch.chdir(folder)
        assert shell.type("config", "show") == 2
        assert "is outside the project's folder; choose it with `--output`" in shell.err


def test_every_folder_of_xdg_config_dirs_is_read_the_first_strongest(shell: Shell, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    texts = ["temperature = 0.1", "temperature = 0.2\nseed = 2", "seed = 3\ntimeout = 33"]
    for folder, text in zip(folders, texts, strict=True):
        (folder / "smol").mkdir(parents=True)
        (folder / "smol" / "smol.toml").write_text(f"[profiles.local]\n{text}\n", encoding="utf-8")
    shell.export(XDG_CONFIG_DIRS=":".join(map(str, ["relative", *folders, folders[0]])))
    assert shell.type("config", "show", "--origin") == 0
    assert "temperature = 0.1  # system (~/one/smol/smol.toml:2)" in shell.out
    assert "seed = 2  # system (~/two/smol/smol.toml:3)" in shell.out
    assert "timeout = 33.0  # system (~/three/smol/smol.toml:3)" in shell.out
    assert shell.type("config", "path") == 0
    assert [line.split() for line in shell.out.splitlines() if line.startswith("system")] == [
        ["system", f"~/{name}/smol/smol.toml"] for name in ("one", "two", "three")
    ]
    (folders[1] / "smol" / "smol.toml").write_text("[profiles.local]\nsed = 1\n", encoding="utf-8")
    assert shell.type("config", "check") == 2
    assert "~/two/smol/smol.toml:2:1: profiles.local.sed: no such key" in shell.err


def test_prompts_of_two_system_files_are_merged(shell: Shell, tmp_path: Path) -> None:
    for name, key in (("one", "plan"), ("two", "files")):
        (tmp_path / name / "smol").mkdir(parents=True)
        text = f'[prompts.house]\n{key} = "{name} $prompt"\n'
        (tmp_path / name / "smol" / "smol.toml").write_text(text, encoding="utf-8")
    shell.export(XDG_CONFIG_DIRS=f"{tmp_path}/one:{tmp_path}/two")
    assert shell.type("config", "show") == 0
    assert 'plan = "one $prompt"' in shell.out
    assert 'files = "two $prompt"' in shell.out


@pytest.mark.parametrize(
    "text",
    ['[prompts.h]\nplan = "Q:\\n$prompt"\n', '[profiles.own]\nextra_body.stop = ["Q:\\n"]\n'],
    ids=["prompt", "stop"],
)
def test_a_letter_and_a_colon_before_a_line_break_are_no_path(shell: Shell, text: str) -> None:
    shell.write(text)
    assert shell.type("config", "check") == 0, shell.err

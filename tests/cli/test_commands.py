"""What of a command line is a command and what is a prompt, and how misuse is reported."""

import json

import pytest

from tests.cli.shell import Shell


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("-p", "demo", "config", "show"), id="before a group"),
        pytest.param(("config", "-p", "demo", "show"), id="inside a group"),
        pytest.param(("config", "show", "-p", "demo"), id="after"),
        pytest.param(("--profile=demo", "config", "show"), id="with an equals sign"),
        pytest.param(("-pdemo", "config", "show"), id="stuck together"),
        pytest.param(("--no_project_config", "-p", "demo", "config", "show"), id="two, a flag first"),
    ],
)
def test_options_may_stand_before_the_command(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.type(*words) == 0
    assert 'default_profile = "demo"' in shell.out


def test_a_command_is_found_behind_options_that_only_it_has(shell: Shell) -> None:
    assert shell.type("--yes", "trust") == 2
    assert "`--" not in shell.err.partition("hint")[0]
    assert "prompt" not in shell.err


def test_the_value_of_an_option_is_no_command(shell: Shell) -> None:
    assert shell.type("-p", "doctor", "--dry-run", "a timer") == 2
    assert "there is no profile `doctor`" in shell.err


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("docter", "`docter` is not a command; did you mean `smol_dev doctor`?"),
        ("modles", "`modles` is not a command; did you mean `smol_dev models`?"),
        ("Profile", "`Profile` is not a command; did you mean `smol_dev profiles`?"),
        ("version", "`version` is not a command; did you mean `smol_dev --version`?"),
        ("HELP", "`HELP` is not a command; did you mean `smol_dev --help`?"),
        ("help", "`help` is a command; did you mean `smol_dev help`?"),
        ("notes.rst", "`notes.rst` is a file; did you mean its text, `smol_dev - < notes.rst`?"),
    ],
)
def test_a_word_that_was_hardly_meant_as_a_prompt_is_refused(shell: Shell, word: str, problem: str) -> None:
    (shell.project / "notes.rst").write_text("a timer")
    assert shell.type("-p", "demo", word) == 2
    hint = f"a prompt of one word: `smol_dev generate {word}`"
    assert shell.err == f"error: {problem}\n\nhint: {hint}\n"
    assert shell.type("generate", word, "-p", "demo", "--dry-run") == 0


def test_a_command_behind_options_that_it_does_not_have_is_no_prompt(shell: Shell) -> None:
    assert shell.type("-o", "out", "doctor") == 2
    assert shell.err.startswith("error: `doctor` is a command; did you mean `smol_dev doctor`?")


@pytest.mark.parametrize("word", ["calculator", "blog", "tetris", "chess", "initials"])
def test_any_other_word_is_a_prompt(shell: Shell, word: str) -> None:
    assert shell.type("-p", "demo", "--dry-run", word) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("--json",), "no prompt is given", id="no prompt"),
        pytest.param(("--json", " "), "the prompt is empty", id="an empty prompt"),
        pytest.param(("--bogus", "x", "--json"), "No such option '--bogus'", id="an unknown option"),
        pytest.param(("resume", "a", "b", "--json"), "Got unexpected extra argument (b)", id="resume"),
        pytest.param(("doctor", "--json", "x"), "Got unexpected extra argument (x)", id="doctor"),
        pytest.param(("--json", "no.md"), "the prompt file `no.md` does not exist", id="no file"),
    ],
)
def test_with_json_misuse_is_an_error_event(shell: Shell, words: tuple[str, ...], message: str) -> None:
    assert shell.type(*words) == 2
    event = json.loads(shell.out)
    assert event.pop("message").startswith(message)
    assert event.pop("hint")
    assert (event, shell.err) == ({"event": "error", "exit_code": 2}, "")


def test_an_option_is_not_taken_for_a_misspelt_command(shell: Shell) -> None:
    assert shell.type("config", "--", "-set") == 2
    assert shell.err == "error: No such option '-s'\n\nhint: `smol_dev config --help` shows how to use it\n"


def test_a_prompt_that_says_json_is_no_option(shell: Shell) -> None:
    assert shell.type("--bogus", "--", "--json") == 2
    assert shell.out == ""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(("--nope", "x"), 2, "error: No such option", id="unknown option"),
        pytest.param(("a", "b"), 2, "error: Got unexpected extra argument", id="two prompts"),
        pytest.param(("--profile", "locl", "x"), 2, "error: ", id="unknown profile"),
        pytest.param(("",), 2, "error: the prompt is empty", id="empty prompt"),
        pytest.param(("no.md",), 2, "error: the prompt file `no.md` does not exist", id="no file"),
        pytest.param(("-c", "timeout=nan", "x"), 2, "error: ", id="a bad value"),
        pytest.param(("-o", "/", "x"), 5, "error: ", id="the root as output"),
    ],
)
def test_a_bad_command_line_is_one_error_with_a_hint(
    shell: Shell, words: tuple[str, ...], code: int, message: str
) -> None:
    assert shell.type(*words) == code
    assert shell.err.startswith(message)
    assert "\n\nhint: " in shell.err
    assert (shell.out, "Traceback" in shell.err) == ("", False)

import click
import pytest
from click.shell_completion import ShellComplete

from smol_dev.cli import program
from tests.cli.shell import Shell


def complete(*words: str, typed: str = "") -> list[str]:
    shell = ShellComplete(program, {}, "smol_dev", "_SMOL_DEV_COMPLETE")
    return [item.value for item in shell.get_completions(list(words), typed)]


@pytest.mark.parametrize(
    ("words", "typed", "expected"),
    [
        pytest.param(("config", "show", "--profile"), "work", ["work", "work-2"], id="profile"),
        pytest.param(("profiles", "show"), "local-o", ["local-ollama"], id="profile argument"),
        pytest.param(("config", "set"), "code.temp", ["code.temperature"], id="key of a stage"),
        pytest.param(("config", "explain"), "run.max_files", ["run.max_files"], id="key of run"),
        pytest.param(("config", "set"), "default_p", ["default_profile"], id="top key"),
        pytest.param(("config", "set", "prompt_variant"), "", ["auto", "default", "small", "house"], id="variants"),
        pytest.param(("config", "set", "extends"), "work-", ["work-2"], id="parents"),
        pytest.param(("config", "set", "code.reasoning"), "", ["auto", "off", "low", "medium", "high"], id="values"),
        pytest.param(("config", "set", "local_only"), "t", ["true"], id="booleans"),
        pytest.param(("config", "set", "context_window"), "", ["auto"], id="number or word"),
        pytest.param(("config", "show", "-c"), "strat", ["strategy="], id="-c key"),
        pytest.param(("config", "show", "-c"), "strategy=p", ["strategy=parallel"], id="-c value"),
    ],
)
def test_what_can_be_typed_is_completed(shell: Shell, words: tuple[str, ...], typed: str, expected: list[str]) -> None:
    shell.write('[profiles.work]\n[profiles.work-2]\nextends = "work"\n[prompts.house]\nextends = "small"\n')
    assert complete(*words, typed=typed) == expected


def test_completion_survives_a_broken_file(shell: Shell) -> None:
    shell.write("[profiles\n")
    assert complete("config", "show", "--profile", typed="local-o") == ["local-ollama"]
    assert complete("config", "set", "prompt_variant", typed="sm") == ["small"]


def test_completion_looks_into_the_named_file(shell: Shell) -> None:
    (shell.project / "other.toml").write_text("[profiles.elsewhere]\n")
    found = complete("config", "show", "--config", "other.toml", "--profile", typed="else")
    assert found == ["elsewhere"]


@pytest.mark.parametrize("underscored", [False, True])
def test_options_are_taken_with_dashes_or_underscores(shell: Shell, *, underscored: bool) -> None:
    option = "--no_project_config" if underscored else "--no-project-config"
    shell.write("[profiles.local]\nseed = 7\n", project=True)
    assert shell.type("config", "show", option) == 0
    assert "seed" not in shell.out


def test_every_command_has_one_line_of_help() -> None:
    with click.Context(program) as context:
        for name in ("config", "profiles"):
            group = program.get_command(context, name)
            assert isinstance(group, click.Group)
            assert all(command.help for command in group.commands.values())

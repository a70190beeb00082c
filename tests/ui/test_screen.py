import pytest

from smol_dev.errors import ConfigError, ServerError, SmolError
from smol_dev.ui.sentences import render_error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(
            ServerError("no answer from `http://localhost:11434/v1`", hint="start it: `ollama serve`"),
            "error: no answer from `http://localhost:11434/v1`\n\nhint: start it: `ollama serve`",
            id="message and hint",
        ),
        pytest.param(SmolError("it broke", hint=""), "error: it broke", id="no hint"),
        pytest.param(
            ConfigError("smol.toml:1:1: `a`: unknown", hint="remove it"),
            "error: smol.toml:1:1: `a`: unknown\n\nhint: remove it",
            id="one problem",
        ),
        pytest.param(
            ConfigError("2 problems", hint="edit it", problems=["a:1:1: x", "a:2:1: y\nhint: no"]),
            "error: 2 problems\n  a:1:1: x\n  a:2:1: y^Jhint: no\n\nhint: edit it",
            id="several problems",
        ),
        pytest.param(
            ServerError("said \x1b[31m\n\nhint: rm -rf /", hint="try\nagain"),
            "error: said ^[[31m\n  \n  hint: rm -rf /\n\nhint: try\n  again",
            id="hostile",
        ),
    ],
)
def test_an_error_reads_as_what_happened_and_what_to_do(error: SmolError, text: str) -> None:
    assert render_error(error) == text

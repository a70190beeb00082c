"""What a run would do, shown without asking anyone."""

import re
from pathlib import Path

import pytest

from smol_dev.app.preview import preview
from smol_dev.config.explain import as_text
from smol_dev.config.layers import Flags
from smol_dev.config.load import Loaded
from tests.config.world import World

OWN = """\
default_profile = "mine"

[profiles.mine]
base_url = "http://127.0.0.1:9/v1"
model = "m"
context_window = 4096
max_output_tokens = 1000
prompt_variant = "tiny"

[prompts.tiny]
system = "You write programs."
plan = "Plan: $prompt"
files = "List the files of: $plan"
code = "Of $files write the file $path"
"""

MESSAGES = """\

# ---- messages, prompt variant `tiny` ----
[system]
You write programs.

[user]
Plan: {prompt}

[assistant]
(the plan)

[user]
List the files of: (the plan)

[assistant]
(the file list)

[user]
Of (the file list) write the file (the path of the file)

# ---- tokens, estimated ----
context window: 4,096
most tokens of an answer: 1,000, and never more than the window leaves
{cost}the words of variant `default`: about N
the words of variant `small`: about N
the words of variant `tiny`: about 55"""


def loaded(folder: Path, own: str = OWN, **settings: object) -> Loaded:
    named = {key.replace("__", "."): (value, "a test") for key, value in settings.items()}
    return World(folder).write(user=own).load(Flags(named=named))


def without_sizes(text: str) -> str:
    """The text without the sizes of the shipped variants, whose words may change."""
    return re.sub(r"(`(?:default|small)`: about )[0-9]+$", r"\1N", text, flags=re.MULTILINE)


def test_settings_messages_and_tokens_are_shown_in_full(tmp_path: Path) -> None:
    mine = loaded(tmp_path)
    settings = f"# ---- settings ----\n{as_text(mine, origin=True)}"
    messages = MESSAGES.format(prompt="a $5 timer\n^[[2J", cost="the prompt itself: about 17\n")
    assert without_sizes(preview("a $5 timer\n\x1b[2J", mine)) == settings + messages


def test_without_a_prompt_a_placeholder_stands_in_its_place(tmp_path: Path) -> None:
    mine = loaded(tmp_path)
    settings = f"# ---- settings ----\n{as_text(mine, origin=False)}"
    messages = MESSAGES.format(prompt="(the prompt)", cost="")
    assert without_sizes(preview(None, mine, origin=False)) == settings + messages


def lines(text: str, *starts: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(starts)]


def test_each_stage_speaks_in_its_own_variant_and_window(tmp_path: Path) -> None:
    text = preview(None, loaded(tmp_path, files__prompt_variant="small", code__context_window="auto", files__model="x"))
    assert lines(text, "# ---- messages", "context window", "List the files") == [
        "# ---- messages of plan, prompt variant `tiny` ----",
        "# ---- messages of files, prompt variant `small` ----",
        "# ---- messages of code, prompt variant `tiny` ----",
        "# ---- messages of fix, prompt variant `tiny` ----",
        "List the files of the plan.",
        "context window of plan: 4,096",
        "context window of files: 4,096",
        "context window of code: asked from the server",
        "context window of fix: asked from the server",
    ]


@pytest.mark.parametrize(
    ("settings", "variant"),
    [
        pytest.param({"model": "qwen2.5-coder:7b", "context_window": "auto"}, "small", id="7B"),
        pytest.param({"model": "qwen3:32b", "context_window": "auto"}, "default", id="32B"),
        pytest.param({"model": "m", "context_window": "auto"}, "default", id="unknown"),
        pytest.param({"model": "qwen3:32b", "context_window": 8192}, "small", id="small window"),
    ],
)
def test_auto_chooses_by_what_is_known_without_asking(
    tmp_path: Path, settings: dict[str, object], variant: str
) -> None:
    text = preview(None, loaded(tmp_path, OWN, prompt_variant="auto", **settings))
    assert lines(text, "# ---- messages") == [f"# ---- messages, prompt variant `{variant}` ----"]


def test_a_window_that_is_not_known_leaves_both_limits_open(tmp_path: Path) -> None:
    text = preview(None, loaded(tmp_path, OWN.replace("max_output_tokens = 1000\n", "")))
    [line] = lines(text, "most")
    assert line == (
        "most tokens of an answer: 16,384 (4,096 if the window is unknown), and never more than the window leaves"
    )

"""What `config show` prints is what a run sends, and what a run suggests to write down is what it then uses."""

import json
import re
import shlex
from typing import Any

import pytest

from tests.cli.shell import Shell
from tests.fake_server import Canned, FakeServer, Received, answered, json_answer

ANSWERS = (("files", '{"files": ["a.py"]}'), ("code", "```python\nx = 1\n```\n"), ("plan", "A plan."))
PROMPTS = """
[prompts.house]
plan = "PLAN $prompt"
files = "FILES $prompt $plan"
code = "CODE $prompt $plan $files $path"
"""


def answer(request: Received) -> Canned:
    if request.place.endswith("/chat/completions"):
        return answered(dict(ANSWERS)[stage_of(request)])
    if request.place.endswith("/models"):
        return json_answer({"data": [{"id": "found"}]})
    return json_answer({}, status=404)


def stage_of(request: Received) -> str:
    """The stage of a request: that of the last of our words in it."""
    (last,) = [each["content"] for each in request.json()["messages"] if each["role"] == "user"][-1:]
    return str(re.findall("PLAN|FILES|CODE", last)[0]).lower()


def settings_shown(shell: Shell, *flags: str) -> dict[str, Any]:
    assert shell.type("config", "show", "--format", "json", *flags) == 0
    whole: dict[str, Any] = json.loads(shell.out)["settings"]
    table: dict[str, Any] = whole["profiles"][whole["default_profile"]]
    return table


USER = """
default_profile = "own"
[profiles.base]
temperature = 0.1
top_p = 0.5
seed = 1
extra_body = {options = {a = 1, b = 1}, n = 1}
[profiles.own]
extends = "base"
provider = "compatible"
prompt_variant = "house"
max_retries = 0
model = "m"
headers = {X-Team = "blue"}
extra_query = {api-version = "2024-10-21"}
structured_output = "off"
max_output_tokens = 77
"""


@pytest.mark.parametrize(
    ("stages", "environ", "flags"),
    [
        pytest.param("", {}, (), id="profile"),
        pytest.param(
            '[profiles.own.plan]\nmodel = "p"\nseed = "auto"\ntop_p = "auto"\n'
            "[profiles.own.files]\ntemperature = 0.9\nmax_output_tokens = 55\n"
            "[profiles.own.code]\nextra_body.options.a = 2\nextra_body.more = [1]\n",
            {},
            (),
            id="stages",
        ),
        pytest.param(
            '[profiles.own.code]\nmodel = "c"\nextra_body.options = 0\n',
            {"SMOL_TEMPERATURE": "0.7", "SMOL_CODE__SEED": "9", "SMOL_MAX_OUTPUT_TOKENS": "66"},
            (),
            id="variables",
        ),
        pytest.param(
            '[profiles.own.plan]\nmodel = "p"\n[profiles.own.code]\ntemperature = 1.0\n',
            {"SMOL_MODEL": "v", "SMOL_EXTRA_BODY__OPTIONS__B": "3"},
            ("-c", "model=typed", "-c", "files.model=list", "-c", "extra_body.options.a=4"),
            id="flags",
        ),
        pytest.param(
            "[profiles.own.code]\nextra_body.options.c = 1\n",
            {"SMOL_PROFILES__OWN__SEED": "5"},
            ("-c", "code.extra_body.options=0", "-c", 'seed="auto"'),
            id="table replaced",
        ),
    ],
)
def test_what_is_shown_is_what_every_request_of_a_run_holds(
    shell: Shell, stages: str, environ: dict[str, str], flags: tuple[str, ...]
) -> None:
    with FakeServer(answer) as server:
        shell.write(f'{USER}base_url = "{server.base_url}"\n{stages}{PROMPTS}')
        shell.export(**environ)
        table = settings_shown(shell, *flags)
        assert shell.type("config", "show", "--origin", *flags) == 0
        assert shell.type("generate", "a program", *flags) == 0, shell.err
    assert [stage_of(each) for each in server.chats] == ["plan", "files", "code"]
    assert table["base_url"] == server.base_url
    for request in server.chats:
        shown = table | table.get(stage_of(request), {})
        sent = request.json()
        assert request.path == "/v1/chat/completions?api-version=2024-10-21"
        assert request.headers["x-team"] == "blue"
        expected = {
            "model": shown["model"],
            "temperature": shown["temperature"],
            "top_p": 0.95 if shown["top_p"] == "auto" else shown["top_p"],
            "max_tokens": shown["max_output_tokens"],
            **({} if shown.get("seed", "auto") == "auto" else {"seed": shown["seed"]}),
            **shown["extra_body"],
        }
        rest = {key: value for key, value in sent.items() if key not in expected}
        assert {key: sent.get(key) for key in expected} == expected
        assert set(rest) == {"messages", "stream", "stream_options"}


@pytest.mark.parametrize(
    ("file", "flags"),
    [
        pytest.param("", (), id="no file"),
        pytest.param("[run]\nmax_files = 9\n", (), id="built-in profile"),
        pytest.param('[profiles."my box"]\n', ("-p", "my box"), id="name in quotes"),
        pytest.param("[profiles.w]\nextends = 'local'\n", ("-p", "w"), id="child"),
    ],
)
@pytest.mark.parametrize("own", [False, True], ids=["usual file", "named file"])
def test_the_hint_makes_what_was_found_permanent(shell: Shell, file: str, flags: tuple[str, ...], *, own: bool) -> None:
    if own and not file:
        pytest.skip("a named file must be there")
    with FakeServer(answer) as server:
        named: tuple[str, ...] = ()
        if own:
            (shell.home / "my settings.toml").write_text(file + PROMPTS, encoding="utf-8")
            named = ("--config", str(shell.home / "my settings.toml"))
        elif file:
            shell.write(file)
        shell.export(SMOL_LOCAL_SERVERS=server.base_url)
        shell.type("models", *flags, *named)
        typed = re.findall(r"`(smol_dev [^`]*)` makes that permanent", shell.err)
        assert len(typed) == 1, shell.err
        words = shlex.split(typed[0].replace("~/", f"{shell.home}/"))[1:]
        assert shell.type(*words, *(["--yes"] if words == ["init"] else [])) == 0, shell.err
        table = settings_shown(shell, *flags, *named)
        assert table["base_url"] == server.base_url
        shell.monkeypatch.delenv("SMOL_LOCAL_SERVERS")
        assert shell.type("models", *flags, *named) == 0
        assert "makes that permanent" not in shell.err


@pytest.mark.parametrize("project", [False, True], ids=["own", "project"])
def test_init_beside_a_file_says_what_to_type_in_its_place(shell: Shell, *, project: bool) -> None:
    shell.write("[run]\nmax_files = 3\n", project=project)
    option = ["--project"] if project else []
    assert shell.type("init", "--yes", *option) == 2
    assert "exists already, and `init` overwrites nothing" in shell.err
    assert f"`smol_dev config edit{' --project' if project else ''}`" in shell.err
    shell.export(EDITOR="true")
    assert shell.type("config", "edit", *option) == 0
    assert shell.type("profiles", "add", "new", *option) == 0

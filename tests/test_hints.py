"""Every command that is suggested, typed: a hostile name arrives as one argument, or not at all."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

import smol_dev
from smol_dev.config import edit
from smol_dev.config.layers import Flags
from smol_dev.errors import SmolError
from smol_dev.safe import command, is_typeable
from smol_dev.server.failures import Target, failure
from smol_dev.server.known import FailureKind, generic, servers
from smol_dev.workspace.folder import resume_command
from smol_dev.workspace.paths import refuse
from tests.config.world import World

ROOT = Path(smol_dev.__file__).parent
HOSTILE = (
    "q; touch PWNED #",
    "$(touch PWNED)",
    "`touch PWNED`",
    "a`; touch PWNED; echo `b",
    "'; touch PWNED; '",
    '"; touch PWNED; "',
    "a\ntouch PWNED\n",
    "a\rtouch PWNED",
    "--help",
    "-rf",
    "!!",
    "a b",
    "~",
    "*",
    "x > PWNED",
    "x & touch PWNED",
    "x | tee PWNED",
    "\u202etouch PWNED",
    "a\u200bb",
    "\x1b[2Jx",
    "n" * 201,
    "\\",
    "${IFS}touch",
    "a\u2028touch PWNED",
)
SHELLS = [shell for shell in ("bash", "sh", "zsh", "dash") if shutil.which(shell)]
STUB = """for word; do printf '%s\\0' "$word"; done; printf '\\1'"""
PROGRAMS = "smol_dev ollama lms vllm llama-server docker lemonade local-ai mlx_lm.server koboldcpp chmod"


def commands(hint: str) -> list[str]:
    """What stands in back-ticks and begins like a command."""
    return [span for span in hint.split("`")[1::2] if span.split(" ")[0] in PROGRAMS.split()]


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programs that print their arguments, for those that cannot be a function in every shell."""
    folder = tmp_path_factory.mktemp("stubs")
    for name in PROGRAMS.split():
        (folder / name).write_text(f"#!/bin/sh\n{STUB}\n")
        (folder / name).chmod(0o755)
    return folder


def arguments(typed: list[str], shell: str, stubs: Path, folder: Path) -> list[list[str]]:
    """What the program of each typed command receives; nothing else may happen."""
    functions = [f"{name}() {{ {STUB}; }}" for name in PROGRAMS.split() if name.isidentifier()]
    done = subprocess.run(
        [shutil.which(shell) or shell, "-c", "\n".join([*functions, *typed])],
        cwd=folder,
        env={"PATH": f"{stubs}:/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert (list(folder.iterdir()), done.stderr) == ([], b"")
    received = done.stdout.decode("utf-8").split("\1")[:-1]
    assert len(received) == len(typed)
    return [each.split("\0")[:-1] for each in received]


def missing_profile(name: str, world: World) -> None:
    world.file().change(edit.set_value, f"profiles.{json.dumps(name)}.model", "x")


def unset(name: str, world: World) -> None:
    world.write(user=f"[profiles.{json.dumps(name)}]\n")
    world.file().change(edit.unset, f"profiles.{json.dumps(name)}.model")


def taken(name: str, world: World) -> None:
    world.write(user=f"[profiles.{json.dumps(name)}]\n")
    world.file().change(edit.add, name, {})


def renamed(name: str, world: World) -> None:
    table = f"[profiles.{json.dumps(name)}]\n"
    world.write(user=table, system=table)
    world.file().change(edit.rename, name, "new")


def foreign_table(name: str, world: World) -> None:
    world.file(Flags(sets=(f"prompts.{json.dumps(name)}.plan=1",))).change(edit.add, "x", {})


def hint_of(raises: Callable[[str, World], None], name: str, world: World) -> str:
    with pytest.raises(SmolError) as refused:
        raises(name, world)
    return refused.value.hint


@pytest.mark.parametrize("name", HOSTILE)
def test_a_suggested_command_hands_on_nothing_but_the_name(name: str, stubs: Path, tmp_path: Path) -> None:
    said = [
        resume_command(Path(name)),
        command("smol_dev config set model {model}", model=name),
        command("smol_dev -c model={model}", model=name),
        command("smol_dev --model {model}", model=name),
        refuse(f".vscode/{name}") or "",
    ]
    for known in servers():
        for kind in get_args(FailureKind):
            asked = Target("http://127.0.0.1:1/v1", name, known, models=(name, f"{name}2"))
            if kind in {*generic().remedies, *known.remedies}:
                said.append(failure(kind, asked).hint)
    typed = list(dict.fromkeys(each for hint in said for each in commands(hint)))
    for shell in SHELLS:
        received = arguments(typed, shell, stubs, tmp_path)
        for words in received:
            assert [word for word in words if "PWNED" in word and not word.endswith(name)] == []
        assert any(name in words for words in received) == is_typeable(name)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "raises",
    [missing_profile, unset, taken, renamed, foreign_table],
    ids=["set", "unset", "add", "rename", "other table"],
)
def test_a_profile_with_a_hostile_name_cannot_act_through_a_hint(
    raises: Callable[[str, World], None], name: str, stubs: Path, tmp_path: Path
) -> None:
    hint = hint_of(raises, name, World(tmp_path / "machine"))
    empty = tmp_path / "empty"
    empty.mkdir()
    for words in arguments(commands(hint), "bash", stubs, empty):
        keys = [name, json.dumps(name, ensure_ascii=False)]
        assert [word for word in words if "PWNED" in word and not any(key in word for key in keys)] == []


def test_no_sentence_of_the_program_puts_a_value_into_a_command_by_itself() -> None:
    unsafe = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {span}"
        for path in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        for span in spans_with_values(node)
        if re.match(r"-[-a-z]|[A-Z]+_\w*=|smol_dev |chmod |ollama |docker ", span)
    ]
    assert unsafe == []


def spans_with_values(text: ast.JoinedStr) -> Iterator[str]:
    """What stands in back-ticks of an f-string before a value that stands there too."""
    span: str | None = None
    for part in text.values:
        if isinstance(part, ast.Constant):
            for number, piece in enumerate(str(part.value).split("`")):
                if number:
                    span = "" if span is None else None
                span = None if span is None else span + piece
        elif span is not None:
            yield span
            span += "VALUE"

"""Completion in real shells on a real terminal: what TAB puts on the line."""

import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.fake_server import FakeServer, json_answer

PATIENCE = 60.0
"""Seconds that a busy machine gets to answer."""

CLEAR = b"\x15"
"""Ctrl-U, which empties the line in each of the shells."""

START = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"], "fish": ["fish", "--no-config"]}
LOAD = {
    "bash": 'eval "$(smol_dev completion bash)"',
    "zsh": 'autoload -U compinit; compinit -D -u; eval "$(smol_dev completion zsh)"',
    "fish": "smol_dev completion fish | source",
}


class Terminal:
    """A shell on a terminal of its own; what it shows is in `shown`."""

    def __init__(self, name: str, folder: Path) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.process, self.end = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe(START[name][0], START[name], {**os.environ, "PATH": path, "TERM": "xterm"})
        self.shown = b""

    def type(self, text: str, until: str) -> bool:
        """Type the text, and return whether the pattern appears in what is shown from then on."""
        os.write(self.end, text.encode())
        self.shown, last = b"", time.monotonic() + PATIENCE
        while re.search(until.encode(), self.shown) is None and time.monotonic() < last:
            if select.select([self.end], [], [], 0.1)[0]:
                self.shown += os.read(self.end, 65536)
        return re.search(until.encode(), self.shown) is not None

    def close(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.end)


@pytest.fixture(params=sorted(START))
def terminal(request: pytest.FixtureRequest, shell: Shell) -> Iterator[Terminal]:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    opened = Terminal(request.param, shell.project)
    try:
        assert opened.type(f"{LOAD[request.param]}; echo RE''ADY\n", "READY\r"), opened.shown
        yield opened
    finally:
        opened.close()


def test_tab_completes_in_a_shell(shell: Shell, terminal: Terminal) -> None:
    shell.write('[profiles.workhorse]\nextends = "local-ollama"\n')
    (shell.project / "PROMPT.md").touch()
    (shell.project / "PROMPT.py").touch()
    offered = {"data": [{"id": "qwen3.5:9b"}, {"id": "mistral:7b"}], "object": "list"}
    with FakeServer(lambda _request: json_answer(offered)) as server:
        for typed, completed in (
            ("smol_dev doc", "doctor"),
            ("smol_dev PRO", r"PROMPT\.md"),
            ("smol_dev --rev", "--review"),
            ("smol-dev -p workh", "workhorse"),
            ("smol_dev config set code.reas", r"code\.reasoning"),
            ("smol_dev config show -c strategy=par", "strategy=parallel"),
            (f"smol_dev --api-base-url {server.base_url} -m qw", r"qwen3\.5:9b"),
            (f"smol_dev --api-base-url {server.base_url} -m mistral:", r"mistral:7b"),
            ("smol_dev --profile=workh", "--profile=workhorse"),
            ("smol_dev help cont", "container"),
        ):
            assert terminal.type(f"{typed}\t", completed), (typed, terminal.shown)
            os.write(terminal.end, CLEAR)


@pytest.mark.parametrize("name", sorted(START))
def test_the_script_says_where_it_goes(shell: Shell, name: str) -> None:
    assert shell.type("completion", name) == 0
    assert f"Completion of smol_dev in {name}." in shell.out
    assert f"smol_dev completion {name}" in shell.out
    assert "smol-dev" in shell.out


def test_a_shell_that_is_not_known_is_refused(shell: Shell) -> None:
    assert shell.type("completion", "tcsh") == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in shell.err

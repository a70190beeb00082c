"""A whole run connects to the configured server, and to nothing else: there is no telemetry."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fake_server import NOWHERE
from tests.real_server import real_server
from tests.test_run import FILES, SCRIPT, written

WATCHED = """
import json, sys
log = open(sys.argv[1], "a", encoding="utf-8")
def note(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen"):
        print(json.dumps([event, repr(arguments[1 if event in ("socket.connect", "socket.sendto") else 0])]), file=log)
        log.flush()
sys.addaudithook(note)
from smol_dev.__main__ import main
sys.argv[:2] = ["smol_dev"]
main()
"""
"""The program with an ear on everything Python does with sockets, names and other programs."""


UNAME = ("subprocess.Popen", "'uname'")
"""The client library asks it for the name of the processor, which stands in a header."""


def met(folder: Path, *arguments: str) -> set[tuple[str, str]]:
    """What the program did with sockets, names and other programs while it ran."""
    log = folder / "log"
    subprocess.run(
        [sys.executable, "-c", WATCHED, str(log), *arguments],
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), "PYTHONWARNINGS": "error", **NOWHERE},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=True,
    )
    return {(event, what) for event, what in map(json.loads, log.read_text(encoding="utf-8").splitlines())}


def test_a_run_connects_to_nothing_but_its_server(tmp_path: Path) -> None:
    with real_server(SCRIPT) as base_url:
        address = urlsplit(base_url)
        found = met(tmp_path, "a timer", "--api-base-url", base_url)
    assert written(tmp_path / "generated") == FILES
    assert found - {UNAME} == {("socket.connect", repr((address.hostname, address.port)))}


@pytest.mark.parametrize("words", [["check", "."], ["config", "show"], ["profiles", "list"], ["help", "profiles"]])
def test_a_command_without_a_model_connects_to_nothing(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "log").touch()
    assert met(tmp_path, *words) == set()

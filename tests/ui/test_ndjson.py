import json
import os
from io import StringIO
from pathlib import Path

import pytest

from smol_dev.errors import SmolError
from smol_dev.events import Failed, FileStarted, PlanReady
from smol_dev.ui.plain import Ndjson
from tests.ui.run import EVENTS, redact


def test_every_line_is_one_ascii_object_with_the_documented_fields() -> None:
    stream = StringIO()
    screen = Ndjson(stream, redact=redact)
    for event in (*EVENTS, Failed("no server", "start it", 3)):
        screen.show(event)
    screen.close()
    assert stream.getvalue().isascii()
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {
            "event": "run_started",
            "output_dir": "out",
            "profile": "local-ollama",
            "model": "qwen3:14b",
            "base_url": "http://localhost:11434/v1",
            "server": "ollama",
            "resumed": False,
            "models": {},
        },
        {"event": "plan", "text": "# Plan\nkey [key] \x1b[2J"},
        {
            "event": "files",
            "files": ["a.py", "b\u202e.py"],
            "dropped": [{"path": "../c", "reason": "unsafe_path"}],
            "there": [],
        },
        {"event": "file_started", "path": "a.py"},
        {
            "event": "file_done",
            "path": "a.py",
            "bytes": 1234,
            "prompt_tokens": 310,
            "cached_tokens": None,
            "completion_tokens": 261,
            "seconds": 3.0,
            "tokens_per_second": 87.0,
            "usage_is_partial": False,
            "replaced": False,
            "wait_seconds": 0.0,
        },
        {"event": "file_started", "path": "b\u202e.py"},
        {
            "event": "retry",
            "stage": "code",
            "path": "b\u202e.py",
            "reason": "server",
            "message": "the connection was lost",
            "attempt": 1,
            "wait_seconds": 2.0,
        },
        {
            "event": "file_failed",
            "path": "b\u202e.py",
            "reason": "truncated",
            "message": "the answer was cut off\nerror: no",
            "hint": "",
        },
        {"event": "warning", "message": "the model is not local", "hint": "choose another"},
        {
            "event": "run_done",
            "output_dir": "my out",
            "written": ["a.py"],
            "failed": ["b\u202e.py"],
            "bytes": 1234,
            "prompt_tokens": 4210,
            "cached_tokens": None,
            "completion_tokens": 2400,
            "retries": 1,
            "seconds": 42.062,
            "stages": [
                {
                    "stage": stage,
                    "seconds": seconds,
                    "requests": requests,
                    "prompt_tokens": prompt,
                    "cached_tokens": None,
                    "completion_tokens": completion,
                }
                for stage, seconds, requests, prompt, completion in (
                    ("plan", 8.25, 1, 100, 400),
                    ("files", 2.0, 1, 500, 60),
                    ("code", 29.75, 3, 3610, 1940),
                )
            ],
            "exit_code": 4,
            "tokens_per_second": 60.0,
            "usage_is_partial": False,
            "problems": [],
            "check": None,
            "planned": 2,
            "present": 1,
            "stopped": False,
            "start": "",
            "change": "",
        },
        {"event": "error", "message": "no server", "hint": "start it", "exit_code": 3},
    ]


def test_each_line_arrives_as_it_happens() -> None:
    reader, writer = os.pipe()
    with open(reader, encoding="ascii") as lines, open(writer, "w", encoding="ascii") as stream:  # noqa: PTH123 - descriptors, not paths
        Ndjson(stream, redact=redact).show(FileStarted("a"))
        assert lines.readline() == '{"event": "file_started", "path": "a"}\n'


def test_a_reader_that_went_away_does_not_stop_the_run() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="ascii") as stream:  # noqa: PTH123 - a descriptor, not a path
        screen = Ndjson(stream, redact=redact)
        screen.show(PlanReady("x" * 100_000))
        screen.show(FileStarted("a"))
        screen.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_is_an_error_of_ours() -> None:
    with Path("/dev/full").open("w", encoding="ascii") as stream:
        screen = Ndjson(stream, redact=redact)
        with pytest.raises(SmolError) as caught:
            screen.show(FileStarted("a"))
        screen.show(FileStarted("b"))
        with pytest.raises(SmolError) as again:
            screen.close()
        screen.close()
    assert again.value is caught.value
    assert caught.value.message == "standard output cannot be written: No space left on device"
    assert caught.value.hint == "send it somewhere else: `smol_dev --json … > events.ndjson`"
    assert caught.value.exit_code == 1

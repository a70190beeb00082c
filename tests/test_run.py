"""Whole runs of the program as users start it, against a real llama.cpp server over a real socket."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_server import NOWHERE, Canned, FakeServer, Received, answered, delta, json_answer, sse
from tests.real_server import real_server

FILES = {
    "timer.py": '"""A countdown."""\n\n\ndef left(end: int, now: int) -> int:\n    return max(0, end - now)\n',
    "README.md": "# Timer\n\nCounts down to zero.\n",
}
SCRIPT = [
    ("Plan this program", "The timer counts down. `timer.py` exports `left(end, now)`.\n"),
    ("List the files", '{"files": ["timer.py", "README.md"]}'),
    ("\ntimer.py", f"```python\n{FILES['timer.py']}```\n"),
    ("\nREADME.md", FILES["README.md"]),
]


def program(
    *arguments: str, cwd: Path, environ: dict[str, str] | None = None, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the program in a clean environment; it must end with this exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "smol_dev", *arguments],
        cwd=cwd,
        env=clean(cwd, **(environ or {})),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def clean(home: Path, **variables: str) -> dict[str, str]:
    """An environment with a home directory of its own and none of the machine's settings."""
    return {"PATH": os.defpath, "HOME": str(home), "PYTHONWARNINGS": "error", **NOWHERE, **variables}


def written(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".smol" not in path.parts
    }


def test_a_run_through_user_file_project_file_environment_and_flags(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (tmp_path / ".config/smol").mkdir(parents=True)
    with real_server(SCRIPT, api_key="canary-key-123") as base_url:
        (tmp_path / ".config/smol/smol.toml").write_text(
            f'[profiles.mine]\nbase_url = "{base_url}"\nmodel = "from-the-user-file"\n'
            'api_key_env = "MY_KEY"\ntemperature = 0.9\n',
            encoding="utf-8",
        )
        (project / "smol.toml").write_text(
            'default_profile = "mine"\n\n[profiles.mine]\ntemperature = 0.1\n\n'
            '[run]\noutput_dir = "from-the-project"\n',
            encoding="utf-8",
        )
        done = program(
            "--json",
            "-c",
            "seed=3",
            "a countdown timer",
            cwd=project,
            environ={
                "HOME": str(tmp_path),
                "MY_KEY": "canary-key-123",
                "SMOL_PROMPT_VARIANT": "small",
                "SMOL_MODEL": "from-the-environment",
            },
        )
    assert written(project / "from-the-project") == FILES
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(event["event"] for event in events if event["event"] != "warning") == [
        *["file_done"] * 2,
        *["file_started"] * 2,
        "files",
        "plan",
        "run_done",
        "run_started",
    ]
    assert events[0]["model"] == "from-the-environment"
    assert (events[-1]["written"], events[-1]["failed"]) == (list(FILES), [])
    assert events[-1]["cached_tokens"] > 0
    assert "canary" not in done.stdout + done.stderr
    record = json.loads((project / "from-the-project/.smol/run.json").read_text())
    settings = record["profile"]["settings"]["profiles"]["mine"]
    assert (settings["temperature"], settings["seed"]) == (0.1, 3)


def test_a_run_with_no_configuration_finds_the_server(tmp_path: Path) -> None:
    with real_server(SCRIPT) as base_url:
        host = base_url.removeprefix("http://").removesuffix("/v1")
        done = program("a countdown timer", cwd=tmp_path, environ={"SMOL_LOCAL_SERVERS": base_url})
    assert written(tmp_path / "generated") == FILES
    assert f"found llama.cpp at http://{host}/v1, using " in done.stderr
    assert "smol_dev init" in done.stderr


def test_the_demo_needs_nothing_mends_a_problem_and_makes_a_change(tmp_path: Path) -> None:
    said = program("demo", cwd=tmp_path).stderr
    assert "README.md" in written(tmp_path / "smol-demo")
    shown = (
        "canned",
        "mending `render.py`: line 3: ",
        "\n1 problem found, 1 mended\n",
        "\nchange todo.py\n",
        "\n+    elif options.",
    )
    assert [words for words in shown if words not in said] == []
    assert said.count("warning: ") == 1
    assert '"clear"' in (tmp_path / "smol-demo/todo.py").read_text()
    assert "from store import Task\n" in (tmp_path / "smol-demo/render.py").read_text()
    again = program("demo", cwd=tmp_path).stderr
    assert "todo.py (3 of 5) … done, 1,557 bytes" in again
    assert "the file from before was replaced, a copy is in .smol/backup" in again


def test_it_runs_with_no_home_and_no_writable_disk_but_the_output_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "smol_dev", "demo", "out"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "XDG_CACHE_HOME": "/proc/no", "XDG_STATE_HOME": "/proc/no"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert written(tmp_path / "out")


def slow_second_file(request: Received) -> Canned:
    if not request.path.endswith("/chat/completions"):
        return json_answer({"data": [{"id": "m"}]})
    messages = request.json()["messages"]
    turns = sum(message["role"] == "assistant" for message in messages)
    if turns < 2:
        return answered(["The plan.", '{"files": ["a.py", "b.py", "c.py"]}'][turns])
    if messages[-1]["content"].endswith("a.py"):
        return answered("A = 1\n")
    return sse(delta("B ="), end="stall")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_in_the_second_file_keeps_the_first_and_resume_finishes(
    tmp_path: Path, number: int, code: int
) -> None:
    with FakeServer(slow_second_file) as server:
        flags = ["--api-base-url", server.base_url, "--model", "m"]
        with subprocess.Popen(
            [sys.executable, "-m", "smol_dev", *flags, "--json", "a timer"],
            cwd=tmp_path,
            env=clean(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdout is not None
            for line in running.stdout:
                if json.loads(line).get("path") == "b.py":
                    break
            running.send_signal(number)
            rest, _ = running.communicate(timeout=60)
    assert running.returncode == code
    said = [json.loads(line) for line in rest.splitlines()]
    said = [event for event in said if event["event"] != "file_done"]  # a.py may still be written
    assert [event["event"] for event in said] == ["error", "run_done"]
    assert written(tmp_path / "generated") == {"a.py": "A = 1\n"}
    assert not list((tmp_path / "generated").glob(".[!s]*"))
    assert said[0]["hint"] == f"go on with `smol_dev resume {tmp_path / 'generated'}`"
    with FakeServer(answered("X = 1\n")) as server:
        program("resume", "-c", f"base_url={server.base_url}", "-c", "model=m", cwd=tmp_path)
    assert written(tmp_path / "generated") == {"a.py": "A = 1\n", "b.py": "X = 1\n", "c.py": "X = 1\n"}
    assert len(server.chats) == 2


def test_nothing_running_names_the_three_ways_on(tmp_path: Path) -> None:
    done = program("a timer", "-c", "connect_timeout=1", cwd=tmp_path, code=3)
    assert done.stderr.startswith("error: no local server was found; tried ")
    hint = done.stderr.partition("hint: ")[2]
    for way in ("start a server", "--api-base-url", "smol_dev demo"):
        assert way in hint
    assert hint.count("\n") == 1, "an empty table says nothing"

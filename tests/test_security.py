"""Whole command lines against recording servers: where keys and prompts go, and what stays untouched."""

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.test_build import TWO, plays
from tests.fake_server import Canned, FakeServer, Received, answered, delta, json_answer, sse, text_answer
from tests.room import KEY, Room, everything, keys

EVENTS = {"content-type": "text/event-stream"}


def test_the_key_goes_to_its_own_server(room: Room) -> None:
    assert room.type("x") == 0
    assert (room.written(), keys(room.good)) == (TWO, {f"Bearer {KEY}"})


def test_a_project_that_moves_prompts_is_refused_before_any_connection(room: Room) -> None:
    room.project_file.write_text(f'[profiles.mine]\nbase_url = "{room.evil.base_url}"\n')
    room.monkeypatch.setenv("CI", "true")
    for command in (["x"], ["x", "--plan-only"], ["models"], ["doctor"]):
        assert room.type(*command) == 6
    assert "`profiles.mine.base_url`" in room.err
    assert "smol_dev trust" in room.err
    assert (room.good.connections, room.evil.connections) == (0, 0)


def test_an_approved_project_gets_prompts_and_no_key_until_its_file_changes(room: Room) -> None:
    room.project_file.write_text(f'[profiles.mine]\nbase_url = "{room.evil.base_url}"\n')
    assert room.type("trust", "--yes") == 0
    assert room.type("x") == 0
    assert room.evil.chats
    assert KEY not in everything(room.evil)
    assert room.good.connections == 0
    seen = len(room.evil.requests)
    with room.project_file.open("a") as file:
        file.write("\n")
    assert room.type("x") == 6
    assert len(room.evil.requests) == seen


def test_an_approved_file_that_is_copied_elsewhere_is_asked_about_again(room: Room) -> None:
    room.project_file.write_text(f'[profiles.mine]\nbase_url = "{room.evil.base_url}"\n')
    assert room.type("trust", "--yes") == 0
    other = room.home / "other"
    other.mkdir()
    (other / "smol.toml").write_bytes(room.project_file.read_bytes())
    room.monkeypatch.chdir(other)
    assert room.type("x") == 6
    assert room.evil.connections == 0


def test_a_revoked_approval_is_none(room: Room) -> None:
    room.project_file.write_text(f'[profiles.mine]\nbase_url = "{room.evil.base_url}"\n')
    assert [room.type("trust", "--yes"), room.type("trust", "--revoke")] == [0, 0]
    assert room.type("x") == 6


@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize(
    "line", ['api_key = "x"', 'api_key_env = "GOOD_KEY"', 'api_key_file = "key"', 'api_key_command = ["touch", "ran"]']
)
def test_a_project_never_names_a_key(room: Room, line: str, approved: bool) -> None:  # noqa: FBT001 - a parameter of the test
    room.project_file.write_text(f"[profiles.mine]\n{line}\n")
    if approved:
        assert room.type("trust", "--yes") == 2
    assert room.type("x") == 2
    assert room.good.connections == 0
    assert not (room.work / "ran").exists()


def test_a_project_tunes_without_a_question(room: Room) -> None:
    room.project_file.write_text("[profiles.mine]\ntemperature = 0.1\n")
    assert room.type("x") == 0
    assert room.good.chats[0].json()["temperature"] == 0.1


def test_a_dotenv_file_means_nothing(room: Room) -> None:
    url = room.evil.base_url
    (room.work / ".env").write_text(f"OPENAI_BASE_URL={url}\nSMOL_BASE_URL={url}\n")
    assert room.type("x") == 0
    assert room.evil.connections == 0


@pytest.mark.parametrize("layer", ["flag", "set", "profile", "variable"])
def test_another_address_gets_the_prompt_and_not_the_key(room: Room, layer: str) -> None:
    url = room.evil.base_url
    if layer == "variable":
        room.monkeypatch.setenv("SMOL_BASE_URL", url)
    words = {
        "flag": ["--api-base-url", url],
        "set": ["-c", f"base_url={url}"],
        "profile": ["-c", f"profiles.mine.base_url={url}"],
        "variable": [],
    }
    assert room.type("x", *words[layer]) == 0
    assert room.evil.chats
    assert KEY not in everything(room.evil)
    assert "`--api-key-env NAME`" in room.err


def test_a_redirect_is_not_followed(room: Room) -> None:
    with FakeServer(Canned(307, {"location": f"{room.evil.base_url}/chat/completions"})) as good:
        room.own(good.base_url)
        assert room.type("x") == 3
    assert room.evil.connections == 0


def test_loopback_never_goes_through_a_proxy(room: Room) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        room.monkeypatch.setenv(name, room.evil.origin)
    assert room.type("x") == 0
    assert room.evil.connections == 0


def test_what_is_exported_for_other_programs_is_not_sent(room: Room) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        room.monkeypatch.setenv(name, "of-another-program")
    room.monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Other: of-another-program")
    room.monkeypatch.setenv("OPENAI_BASE_URL", room.evil.base_url)
    assert room.type("x") == 0
    assert "of-another-program" not in everything(room.good)
    assert room.evil.connections == 0


def test_a_broken_key_is_described_and_not_shown(room: Room) -> None:
    room.monkeypatch.setenv("GOOD_KEY", "canary\n4f7a9b2c1d8e")
    assert room.type("x") == 2
    assert "has a line break at position 7 of 19" in room.err
    assert "4f7a9b2c1d8e" not in room.err
    assert room.good.connections == 0


@pytest.mark.parametrize("words", [[], ["--json"], ["--debug"]], ids=["plain", "json", "debug"])
def test_a_refusal_that_echoes_the_key_is_shown_without_it(room: Room, words: list[str]) -> None:
    refusal = json_answer({"error": {"message": f"bad {KEY} \x1b[2J\u202e"}}, status=401)
    with FakeServer(refusal) as good:
        room.own(good.base_url)
        assert room.type("x", *words) == 3
    assert "does not accept the key (it says: bad [redacted] ^[[2J" in room.out + room.err


def test_what_a_model_says_reaches_the_terminal_escaped_and_the_file_exactly(room: Room) -> None:
    with FakeServer(plays({"a.py": "A = '\x1b[2J\u202e'\n"})) as good:
        room.own(good.base_url)
        assert room.type("x \x1b[2J") == 0
    assert room.written() == {"a.py": "A = '\x1b[2J\u202e'\n"}
    assert "U+001B in line 1, U+202E in line 1" in room.err


def test_a_link_in_the_output_folder_is_not_written_through(room: Room) -> None:
    victim = room.home / "victim"
    victim.mkdir()
    (room.work / "generated").mkdir()
    (room.work / "generated/b").symlink_to(victim)
    assert room.type("x") == 5
    assert room.good.connections == 0
    assert room.type("x", "--overwrite") == 4
    assert list(victim.iterdir()) == []


@pytest.mark.parametrize("folder", ["/", "~", "..", ".git", "~no-such-user/x"])
def test_an_unfit_output_folder_is_refused_before_any_request(room: Room, folder: str) -> None:
    assert room.type("x", "-o", folder) == 5
    assert "hint: choose another folder: `-o DIR`" in room.err
    assert room.good.connections == 0


def test_an_output_folder_without_a_name_is_refused(room: Room) -> None:
    assert room.type("x", "-o", "") == 2
    assert room.good.connections == 0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Canned(200, EVENTS, [b"a" * 2**20] * 3, "close"), 3),
        (Canned(200, {**EVENTS, "content-encoding": "gzip"}, [gzip.compress(b"a" * 10**7)]), 3),
        (Canned(200, EVENTS, [f"data: {'[' * 10**5}\n\n".encode()], "close"), 3),
        (sse(delta("# Pl")), 4),
        (sse(delta("# Pl"), delta(finish="length"), "[DONE]"), 4),
        (text_answer("<html>\x1b[2J</html>", kind="text/html"), 3),
        (Canned(raw=b"\x00\xff no HTTP\r\n\r\n"), 3),
    ],
    ids=["no newline", "compressed", "nested", "half", "cut off", "a page", "no HTTP"],
)
def test_an_answer_that_is_none_ends_the_run_with_one_error(room: Room, answer: Canned, code: int) -> None:
    def answers(request: Received) -> Canned:
        chat = request.path.endswith("/chat/completions")
        return answer if chat else json_answer({"data": [{"id": "m"}]})

    with FakeServer(answers) as good:
        room.own(good.base_url)
        assert room.type("x") == code
    assert (room.err.count("error: "), room.err.count("hint: ")) == (1, 1)
    assert room.written() == {}


@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "long", "nested", "open to all"])
def test_a_project_file_that_cannot_be_trusted_is_named_without_a_hang(room: Room, kind: str) -> None:
    file = room.project_file
    match kind:
        case "fifo":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "link":
            file.symlink_to("/dev/zero")
        case _:
            file.write_text({"long": "#" * 2**20, "nested": f"a = {'[' * 500}"}.get(kind, ""))
            file.chmod(0o666 if kind == "open to all" else 0o600)
    assert room.type("x") == 2
    assert "`--no-project-config`" in room.err
    assert room.good.connections == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_what_is_finished_and_resume_does_the_rest(room: Room, number: signal.Signals) -> None:
    three = {**TWO, "c.py": "C = 3\n"}

    def stopped(_: str) -> Canned:
        os.kill(os.getpid(), number)
        return sse(delta("impo"), end="stall")

    with FakeServer(plays({**three, "b/b.py": stopped})) as good:
        room.own(good.base_url)
        assert room.type("x") == 128 + number
        assert room.written() == {"a.py": three["a.py"]}
        assert f"`smol_dev resume {room.work / 'generated'}`" in room.err
    with FakeServer(plays(three)) as good:
        room.own(good.base_url)
        assert room.type("resume") == 0
    assert (room.written(), len(good.chats)) == (three, 2)


def test_resume_of_a_project_that_moves_prompts_is_refused(room: Room) -> None:
    assert room.type("x", "--plan-only") == 0
    seen = len(room.good.requests)
    room.project_file.write_text(f'[profiles.mine]\nbase_url = "{room.evil.base_url}"\n')
    assert room.type("resume") == 6
    assert (len(room.good.requests), room.evil.connections) == (seen, 0)


def test_a_file_that_cannot_be_written_whole_is_not_written_and_the_run_says_why(room: Room) -> None:
    big = "".join(f"{chr(97 + number % 26)}_{number**7:x} = {number}\n" for number in range(2_000))
    with FakeServer(plays({"a.py": big})) as good:
        room.own(good.base_url)
        done = subprocess.run(
            ["bash", "-c", f"ulimit -f 20; exec '{sys.executable}' -B -m smol_dev x"],
            cwd=room.work,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert "\nerror: cannot write `a.py` in" in done.stderr
    assert room.written() == {}


@pytest.mark.parametrize("redirect", ["| head -c 0", ">&-", ">&- 2>&-"])
def test_a_reader_that_is_not_there_is_no_failure(room: Room, redirect: str) -> None:
    command = f"set -o pipefail; '{sys.executable}' -m smol_dev profiles list {redirect}"
    done = subprocess.run(["bash", "-c", command], cwd=room.work, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_events_that_cannot_be_printed_end_the_run_with_an_error(room: Room) -> None:
    command = f"'{sys.executable}' -m smol_dev --json x >/dev/full"
    done = subprocess.run(["bash", "-c", command], cwd=room.work, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "error: standard output cannot be written: No space left on device\n\n"
        "hint: send it somewhere else: `smol_dev --json … > events.ndjson`\n"
    )
    assert room.written() == {}


def test_an_answer_is_not_believed_to_be_whole_for_being_long(room: Room) -> None:
    with FakeServer(answered("x " * 200_000)) as good:
        room.own(good.base_url)
        assert room.type("x") == 4
    assert room.written() == {}

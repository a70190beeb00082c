import os
import time
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

from smol_dev.config.secret import Bound, from_command, from_file, from_variable, secret_problem
from smol_dev.errors import ConfigError
from smol_dev.redact import redact


@pytest.mark.parametrize("key", ["sk-abc", "  sk-abc\n", "a", "!~"])
def test_a_key_may_have_space_around_it(key: str) -> None:
    assert secret_problem(key) == ""


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("ab\ncd", "has a line break at position 3 of 5"),
        ("ab cd", "has a space at position 3 of 5"),
        ("ab\tcd", "has a space at position 3 of 5"),
        ("ab\x00cd", "has an invisible character at position 3 of 5"),
        ("ab\u200bcd", "has an invisible character at position 3 of 5"),
        ("ab\u2026cd", "has a character that is not ASCII at position 3 of 5"),
        ("ab\udcffcd", "has an invisible character at position 3 of 5"),
    ],
)
def test_a_bad_key_is_described_and_not_shown(key: str, problem: str) -> None:
    assert secret_problem(key) == problem


def test_secrets_do_not_show_themselves() -> None:
    bound = Bound("https://a", {"Authorization": "Bearer canary", "X": "canary"})
    assert repr(bound) == "Bound(origin='https://a', headers=['Authorization', 'X'])"
    assert bound.secrets == ("canary", "Bearer canary")


@pytest.mark.parametrize(
    ("text", "secrets", "redacted"),
    [
        ("key canary!", ["canary"], "key [redacted]!"),
        ("canary canary-long", ["canary", "canary-long"], "[redacted] [redacted]"),
        ("a short word", ["a", "short"], "a short word"),
        ("nothing", [], "nothing"),
    ],
)
def test_secrets_are_taken_out_of_a_text(text: str, secrets: list[str], redacted: str) -> None:
    assert redact(text, secrets) == redacted


def test_a_key_is_read_from_a_variable() -> None:
    assert from_variable({"KEY": " canary\n"}, "KEY", source="env KEY") == "canary"
    with pytest.raises(ConfigError) as caught:
        from_variable({"KEY": ""}, "KEY", source="env KEY")
    assert caught.value.message == "env KEY is not set"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"can\nary", "the key from it has a line break at position 4 of 7"),
        (b"\xff", "it is not text"),
        (b"", "the key from it is empty"),
        (b"a" * 20_000, "it is larger than 16 KiB"),
        (None, "it does not exist"),
    ],
)
def test_a_bad_key_file_is_told(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        from_file(file, source="it")
    assert caught.value.message == message


def test_a_key_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfcanary\r\n")
    assert from_file(tmp_path / "key", source="it") == "canary"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sh", "-c", "echo canary; exit 3"], "it failed with exit code 3"),
        (["sh", "-c", "echo 'can ary'"], "the key from it has a space at position 4 of 7"),
        (["sh", "-c", "echo canary >&2"], "the key from it is empty"),
        (["sh", "-c", "cat"], "the key from it is empty"),
        (["no-such-command-here"], "it failed: No such file or directory"),
        (["echo", "\0"], "it failed: bad output or arguments"),
        (["printf", "\\377"], "it failed: bad output or arguments"),
    ],
)
def test_a_command_that_prints_no_key_is_told(tmp_path: Path, command: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_command(command, source="it", environ={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)
    assert caught.value.message == message
    assert "canary" not in caught.value.message + caught.value.hint


def test_a_command_is_an_argument_list_and_no_shell(tmp_path: Path) -> None:
    environ = {"PATH": "/usr/bin:/bin"}
    assert from_command(["echo", "$HOME;x"], source="it", environ=environ, cwd=tmp_path) == "$HOME;x"


KEY = "sk-Ab/9+xYz0123456789QrStUvWx"


@pytest.mark.parametrize(
    ("echo", "shown"),
    [
        pytest.param(KEY, "[redacted]", id="the key"),
        pytest.param(f"<{KEY}{KEY}>", "<[redacted][redacted]>", id="twice"),
        pytest.param(f"{KEY[:12]}****", "[redacted]****", id="its first twelve"),
        pytest.param(f"****{KEY[-13:]}.", "****[redacted].", id="its last thirteen"),
        pytest.param(f"{KEY[:14]}...{KEY[-14:]}", "[redacted]...[redacted]", id="both ends"),
        pytest.param(KEY[:11], KEY[:11], id="eleven"),
        pytest.param(b64encode(KEY.encode()).decode()[:-4], "[redacted]", id="base64"),
        pytest.param(b64encode(f"user:{KEY}".encode()).decode()[7:-4], "[redacted]", id="base64 of a login"),
        pytest.param(quote(KEY, safe=""), "[redacted]", id="URL-encoded"),
        pytest.param(quote(KEY, safe="").lower()[:9], "sk-ab%2f9", id="too little of that"),
        pytest.param("short: hunter2", "short: [redacted]", id="a short secret is hidden whole"),
        pytest.param("short: hunte", "short: hunte", id="and not in part"),
    ],
)
def test_twelve_characters_of_a_secret_in_a_row_are_hidden(echo: str, shown: str) -> None:
    assert redact(echo, [KEY, f"Bearer {KEY}", "hunter2"]) == shown


@pytest.mark.parametrize(
    ("script", "told"),
    [
        pytest.param("yes", "printed more than 64 KiB", id="without end"),
        pytest.param("head -c 70000 /dev/zero", "printed more than 64 KiB", id="too much"),
        pytest.param("echo secret-words >&2; exit 3", "failed with exit code 3", id="fails"),
    ],
)
def test_a_key_command_is_bounded_and_its_errors_are_not_repeated(
    tmp_path: Path, script: str, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        from_command(["sh", "-c", script], source="command", environ=os.environ, cwd=tmp_path)
    assert told in refused.value.message
    assert "secret-words" not in str(refused.value) + "".join(capfd.readouterr())


def test_a_key_command_that_takes_too_long_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smol_dev.config.secret.COMMAND_SECONDS", 0.5)
    script = "(sleep 2; touch late) & sleep 60"
    with pytest.raises(ConfigError, match=r"took longer than 0\.5 s"):
        from_command(["sh", "-c", script], source="command", environ=os.environ, cwd=tmp_path)
    time.sleep(2.2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", ["sleep 6", "exec sleep 6 > /dev/null"], ids=["with the output open", "on its own"])
def test_what_a_key_command_leaves_in_the_background_is_not_waited_for(
    tmp_path: Path, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smol_dev.config.secret.COMMAND_SECONDS", 4)
    script = f"({left}) & echo canary"
    assert from_command(["sh", "-c", script], source="command", environ=os.environ, cwd=tmp_path) == "canary"

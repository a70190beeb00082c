"""What a gateway needs beside address and key: query parameters and fields, which may be secrets too."""

import json

import pytest

from tests.app.test_build import plays
from tests.fake_server import FakeServer
from tests.room import Room

QUERY = "api-version=2024-10-21&sub+key=a%26b"


def queries(server: FakeServer) -> set[str]:
    return {request.path.partition("?")[2] for request in server.requests}


def test_every_request_carries_the_query_of_the_profile(room: Room) -> None:
    room.own(room.good.base_url, '[profiles.mine.extra_query]\napi-version = "2024-10-21"\n"sub key" = "a&b"\n')
    assert room.type("x") == 0
    assert room.type("models") == 0
    assert queries(room.good) == {QUERY}


def test_a_variable_sets_the_query(room: Room) -> None:
    room.monkeypatch.setenv("SMOL_EXTRA_QUERY", '{"api-version": "7"}')
    assert room.type("x") == 0
    assert queries(room.good) == {"api-version=7"}


def test_a_project_sets_the_query_once_it_is_approved(room: Room) -> None:
    room.project_file.write_text('[profiles.mine.extra_query]\na = "b"\n')
    assert room.type("x") == 6
    assert room.type("trust", "--yes") == 0
    assert room.type("x") == 0
    assert queries(room.good) == {"a=b"}


SECRETS = """
[profiles.mine.extra_query]
"subscription-key" = "query-secret-1"
[profiles.mine.extra_body]
API-Key = "body-secret-1"
top_k = 5
[profiles.mine.extra_body.metadata]
accessToken = "body-secret-2"
user = "me"
[profiles.mine.code.extra_body]
password = "body-secret-3"
"""


def test_secrets_among_the_fields_are_sent_and_never_shown(room: Room) -> None:
    room.own(room.good.base_url, SECRETS)
    shown = ""
    for words in (
        ["config", "show", "--origin"],
        ["config", "show", "--format", "json"],
        ["x"],
        ["x", "--dry-run"],
        ["config", "explain", "extra_body"],
        ["doctor", "--debug"],
        ["config", "explain", "extra_body.API-Key"],
        ["x", "--json", "--overwrite"],
    ):
        room.type(*words)
        shown += room.out + room.err
    record = (room.work / "generated/.smol/run.json").read_text()
    assert "secret-" not in shown + record
    assert '"top_k": 5' in record
    assert "# extra_body.API-Key: set (user (" in shown
    sent = json.loads(room.good.chats[-1].body)
    assert sent["API-Key"] == "body-secret-1"
    assert sent["metadata"] == {"accessToken": "body-secret-2", "user": "me"}
    assert queries(room.good) == {"subscription-key=query-secret-1"}


def test_what_a_server_echoes_of_such_a_secret_is_hidden(room: Room) -> None:
    with FakeServer(plays({"a.py": 'KEY = "body-secret-1"\n'})) as good:
        room.own(good.base_url, SECRETS)
        assert room.type("x", "--json") == 4
    assert "body-secret-1" not in room.out + room.err


@pytest.mark.parametrize("allowed", [False, True])
def test_plain_http_far_away_is_refused_unless_it_is_wanted_and_then_said(room: Room, *, allowed: bool) -> None:
    room.own("http://203.0.113.7:9/v1", f"allow_http = {str(allowed).lower()}\nconnect_timeout = 0.1\n")
    assert room.type("x") == (3 if allowed else 2)
    said = "prompts go to http://203.0.113.7:9 unencrypted, as `allow_http` permits"
    assert (said in room.err) is allowed

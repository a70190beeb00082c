"""Which failures are tried again, how often, and after how long."""

import pytest

from smol_dev.errors import ServerError
from smol_dev.server.client import wait_before_retry


def error(kind: str, *, transient: bool = True, retry_after: float | None = None) -> ServerError:
    return ServerError("x", hint="y", kind=kind, transient=transient, retry_after=retry_after)


def wait(failure: ServerError, attempt: int = 1, max_retries: int = 2, left: float = 300) -> float | None:
    return wait_before_retry(failure, attempt=attempt, max_retries=max_retries, loading_left=left, jitter=lambda: 0.5)


@pytest.mark.parametrize(
    ("kind", "transient", "waits"),
    [
        pytest.param("busy", True, [0.5, 1.0, None], id="busy"),
        pytest.param("rate_limit", True, [0.5, 1.0, None], id="rate limit"),
        pytest.param("cut", True, [0.5, 1.0, None], id="a lost connection"),
        pytest.param("crashed", True, [0.5, None, None], id="a crash, once"),
        pytest.param("server", True, [0.5, None, None], id="a plain 500, once"),
        pytest.param("context", False, [None, None, None], id="a full window, never"),
        pytest.param("model_missing", False, [None, None, None], id="a missing model, never"),
        pytest.param("key", False, [None, None, None], id="a wrong key, never"),
        pytest.param("timeout", False, [None, None, None], id="no first token, never"),
        pytest.param("loading", True, [2.0, 2.0, 2.0], id="loading, as long as the deadline lasts"),
    ],
)
def test_waits(kind: str, transient: bool, waits: list[float | None]) -> None:  # noqa: FBT001 - a table
    failure = error(kind, transient=transient)
    assert [wait(failure, attempt) for attempt in (1, 2, 3)] == waits


def test_max_retries_0_never_tries_again() -> None:
    assert wait(error("busy"), max_retries=0) is None
    assert wait(error("crashed"), max_retries=0) is None


@pytest.mark.parametrize(("told", "waited"), [(3.0, 3.0), (600.0, 60.0)])
def test_retry_after_is_honoured_up_to_a_minute(told: float, waited: float) -> None:
    assert wait(error("rate_limit", retry_after=told)) == waited


def test_a_model_that_loads_for_longer_than_the_first_token_may_take_is_given_up() -> None:
    assert wait(error("loading"), left=1.0) is None


def test_a_stream_that_had_begun_and_broke_off_is_tried_once_more() -> None:
    waits = [
        wait_before_retry(
            error("cut"), attempt=attempt, max_retries=5, loading_left=300, answering=True, jitter=lambda: 0.5
        )
        for attempt in (1, 2)
    ]
    assert waits == [0.5, None]

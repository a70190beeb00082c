from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from smol_dev.events import (
    Failed,
    FileDone,
    FilesReady,
    FileStarted,
    Piece,
    PlanReady,
    ProblemFound,
    RunDone,
    RunStarted,
    StageStarted,
    StageTotal,
)
from smol_dev.ui.plain import Plain, Quiet
from smol_dev.ui.sentences import near
from tests.ui.run import EVENTS, redact

CLOSING = """
1 of 2 files in my out, 1 failed
1,234 bytes · 4,210 tokens in · 2,400 out · 60 tokens/s · 1 asked again · 42.1 s

hint: ask again for what is missing: `smol_dev resume 'my out'`
"""


def shown(*events: object, verbose: bool = False) -> str:
    stream = StringIO()
    screen = Plain(stream, redact=redact, verbose=verbose)
    for event in events:
        screen.show(event)  # type: ignore[arg-type]  # the tuple of a test
    screen.close()
    return stream.getvalue()


def test_a_run_reads_from_top_to_bottom() -> None:
    assert shown(*EVENTS) == (
        "model qwen3:14b on ollama (http://localhost:11434/v1) · profile local-ollama · "
        "writing to out\n"
        "planning …\n"
        "# Plan\n"
        "key [key] ^[[2J\n"
        "listing the files …\n"
        "2 files to write:\n"
        "  a.py\n"
        "  b\\u202e.py\n"
        "warning: left out `../c`: unsafe_path\n"
        "writing a.py (1 of 2) … done, 1,234 bytes, 87 tokens/s, 3.0 s\n"
        "writing b\\u202e.py (2 of 2) …\n"
        "b\\u202e.py: asking again (1), waiting 2 s: the connection was lost\n"
        "b\\u202e.py (2 of 2) failed (truncated): the answer was cut off\n"
        "  error: no\n"
        "warning: the model is not local\n"
        "  hint: choose another\n" + CLOSING
    )


def test_files_at_once_finish_on_lines_of_their_own() -> None:
    assert shown(
        FileStarted("a"),
        FileStarted("b"),
        FileDone("a", 1, None, None, None, 0.5),
        FileDone("b", 2, None, None, 10, 0.0),
    ) == ("writing a … done, 1 byte, 0.5 s\nwriting b … done, 2 bytes, 0.0 s\n")


def test_a_plan_that_did_not_stream_is_shown_whole() -> None:
    assert shown(StageStarted("plan"), PlanReady("# Plan\nsteps")) == "planning …\n# Plan\nsteps\n"


def test_an_open_line_is_finished_when_the_run_stops() -> None:
    assert shown(FileStarted("a"), Failed("no server", "start it", 3)) == (
        "writing a …\nerror: no server\n\nhint: start it\n"
    )
    assert shown(FileStarted("a")) == "writing a …\n"
    assert shown(Piece("plan", None, "half")) == "half\n"


def test_verbose_adds_the_tokens_of_each_file() -> None:
    assert shown(FileStarted("a"), FileDone("a", 1, 310, 200, 9, 1.0, 9.0), verbose=True) == (
        "writing a … done, 1 byte, 9.0 tokens/s, 1.0 s\n  tokens: in 310, cached 200, out 9\n"
    )


def test_a_long_silence_is_named_once_for_each_mark_until_something_comes() -> None:
    stream, now = StringIO(), [0.0]
    screen = Plain(stream, redact=redact, clock=lambda: now[0])
    screen.show(StageStarted("plan"))
    for second in (1.0, 5.0, 6.0, 15.5, 16.0):
        now[0] = second
        screen.beat()
    screen.show(Piece("plan", None, "", reasoning="hm"))
    now[0] = 40.0
    screen.beat()
    screen.close()
    assert stream.getvalue() == (
        "planning …\n"
        "waiting for the first token, model may be loading, 5 s\n"
        "waiting for the first token, model may be loading, 16 s\n"
    )


def test_quiet_says_only_what_went_wrong() -> None:
    stream = StringIO()
    screen = Quiet(stream, redact=redact)
    for event in (*EVENTS, Failed("s3cret refused", "see the log", 3)):
        screen.show(event)
    screen.close()
    assert stream.getvalue() == (
        "warning: left out `../c`: unsafe_path\n"
        "b\\u202e.py failed (truncated): the answer was cut off\n"
        "  error: no\n"
        "warning: the model is not local\n"
        "  hint: choose another\n"
        "hint: ask again for what is missing: `smol_dev resume 'my out'`\n"
        "error: [key] refused\n"
        "\n"
        "hint: see the log\n"
    )


def test_what_does_not_fit_together_is_said_at_the_end() -> None:
    stream = StringIO()
    screen = Plain(stream, redact=redact)
    problems = (
        ProblemFound("a.py", 1, 1, "name", "`x` is not defined", mended=True),
        ProblemFound("b.py", 3, 5, "import", "`store` does not define `fetch`", mended=False),
    )
    [done] = [event for event in EVENTS if isinstance(event, RunDone)]
    screen.show(replace(done, failed=(), problems=problems))
    screen.close()
    assert stream.getvalue().endswith(
        "\n\n2 problems found, 1 mended, 1 left:\n  b.py:3:5: `store` does not define `fetch`\n"
    )


def test_a_file_that_ends_before_the_one_whose_line_is_open_has_a_line_of_its_own() -> None:
    assert shown(
        FilesReady(("a", "b", "c")),
        FileStarted("a"),
        FileStarted("b"),
        FileStarted("c"),
        FileDone("b", 1, None, None, None, 0.5),
        FileDone("a", 1, None, None, None, 65.0),
        FileDone("c", 1, None, None, None, 0.5, replaced=True),
    ) == (
        "3 files to write:\n  a\n  b\n  c\n"
        "writing a (1 of 3) …\n"
        "b (2 of 3) done, 1 byte, 0.5 s\n"
        "writing c (3 of 3) …\n"
        "a (1 of 3) done, 1 byte, 1 min 5 s\n"
        "c (3 of 3) done, 1 byte, 0.5 s; the file from before was replaced, a copy is in .smol/backup\n"
    )


ENDED = RunDone("out", ("a.py", "b.py"), (), 1234, 10, 8, 400, 0, 42.0, (StageTotal("code", 1, 1, 1, 1, 1),), 0)


@pytest.mark.parametrize(
    ("done", "words"),
    [
        pytest.param(
            replace(ENDED, planned=2, present=2, start="open out/index.html", change='smol_dev change "…"'),
            'Done: 2 files in out · open out/index.html · change it: smol_dev change "…"\n'
            "1,234 bytes · 10 tokens in (8 cached) · 400 out · 42.0 s\n",
            id="whole",
        ),
        pytest.param(
            replace(ENDED, planned=5, present=5, usage_is_partial=True, retries=2, tokens_per_second=41.2),
            "Done: 2 of 5 files in out written\n"
            "1,234 bytes · at least 10 tokens in (8 cached) · at least 400 out"
            " · 41 tokens/s · 2 asked again · 42.0 s\n",
            id="resumed",
        ),
        pytest.param(
            replace(ENDED, written=(), bytes=0, planned=2, prompt_tokens=None, completion_tokens=None),
            "the plan and the list are in out/.smol\n42.0 s\n",
            id="plan only",
        ),
        pytest.param(
            replace(ENDED, written=(), bytes=0, planned=2, present=2, prompt_tokens=None, completion_tokens=None),
            "Done: nothing was written; 2 files in out\n42.0 s\n",
            id="no change",
        ),
        pytest.param(
            replace(ENDED, planned=3, present=2, stopped=True, exit_code=3, failed=("c.py",)),
            "kept in out: the plan and 2 of 3 files; go on with `smol_dev resume out`\n",
            id="stopped",
        ),
        pytest.param(
            replace(ENDED, planned=3, present=2, stopped=True, exit_code=130),
            "kept in out: the plan and 2 of 3 files\n",
            id="interrupted, where the error says how to go on",
        ),
        pytest.param(
            replace(ENDED, stopped=True, exit_code=3, stages=(StageTotal("files", 1, 1, 1, 1, 1),)),
            "kept in out: the plan; go on with `smol_dev resume out`\n",
            id="stopped at the list",
        ),
        pytest.param(replace(ENDED, stopped=True, exit_code=3), "", id="stopped at the plan"),
    ],
)
def test_the_end_says_what_is_there_and_what_comes_next(done: RunDone, words: str) -> None:
    assert shown(done) == (f"\n{words}" if words else "")


def test_a_folder_below_the_working_directory_is_shown_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    folders = [str(tmp_path / "in/out"), str(tmp_path / "in"), str(tmp_path / "inner"), str(tmp_path)]
    assert [near(folder) for folder in folders] == ["./out", ".", str(tmp_path / "inner"), str(tmp_path)]


def test_a_server_that_is_not_recognised_yet_is_named_by_its_address() -> None:
    started = RunStarted("out", "p", "m", "http://localhost:8080/v1", "auto", models={"plan": "big", "code": "m"})
    assert shown(started) == "model big (plan), m (code) at http://localhost:8080/v1 · profile p · writing to out\n"

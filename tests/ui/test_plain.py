from dataclasses import replace
from io import StringIO

from smol_dev.events import Failed, FileDone, FileStarted, Piece, PlanReady, ProblemFound, RunDone, StageStarted
from smol_dev.ui.plain import Plain, Quiet
from tests.ui.run import EVENTS, redact

CLOSING = """
files       1 written, 1 failed
bytes       1,234
tokens in   4,210
  cached    unknown
tokens out  2,400
tokens/s    60
retries     1
plan        8.2 s
file list   2.0 s
code        29.8 s
total       42.1 s

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
        "model qwen3:14b on ollama (http://localhost:11434/v1), profile local-ollama, "
        "writing to out\n"
        "planning …\n"
        "# Plan\n"
        "key [key] ^[[2J\n"
        "listing the files …\n"
        "2 files to write:\n"
        "  a.py\n"
        "  b\\u202e.py\n"
        "warning: left out `../c`: unsafe_path\n"
        "writing a.py … done, 1,234 bytes, 87 tokens/s, 3.0 s\n"
        "writing b\\u202e.py …\n"
        "b\\u202e.py: asking again (1), waiting 2 s: the connection was lost\n"
        "b\\u202e.py failed (truncated): the answer was cut off\n"
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
    ) == ("writing a …\nwriting b …\na done, 1 byte, 0.5 s\nb done, 2 bytes, 0.0 s\n")


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

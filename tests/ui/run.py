"""One run as events, with everything that a screen has words for."""

from smol_dev.events import (
    Dropped,
    Event,
    FileDone,
    FileFailed,
    FilesReady,
    FileStarted,
    Piece,
    PlanReady,
    Retry,
    RunDone,
    RunStarted,
    StageStarted,
    StageTotal,
    Warned,
)

EVENTS: tuple[Event, ...] = (
    RunStarted("out", "local-ollama", "qwen3:14b", "http://localhost:11434/v1", "ollama"),
    StageStarted("plan"),
    Piece("plan", None, "", reasoning="let me think"),
    Piece("plan", None, "# Pl"),
    Piece("plan", None, "an\nkey s3cr"),
    Piece("plan", None, "et \x1b[2J"),
    PlanReady("# Plan\nkey s3cret \x1b[2J"),
    StageStarted("files"),
    Piece("files", None, '["a.py"]'),
    FilesReady(("a.py", "b\u202e.py"), (Dropped("../c", "unsafe_path"),)),
    FileStarted("a.py"),
    StageStarted("code", "a.py"),
    Piece("code", "a.py", "print()\n"),
    FileDone("a.py", 1234, 310, None, 261, 3.0, tokens_per_second=87.0),
    FileStarted("b\u202e.py"),
    Retry("code", "b\u202e.py", "server", "the connection was lost", 1, 2.0),
    FileFailed("b\u202e.py", "truncated", "the answer was cut off\nerror: no"),
    Warned("the model is not local", "choose another"),
    RunDone(
        output_dir="my out",
        written=("a.py",),
        failed=("b\u202e.py",),
        bytes=1234,
        prompt_tokens=4210,
        cached_tokens=None,
        completion_tokens=2400,
        retries=1,
        seconds=42.0625,
        stages=(
            StageTotal("plan", 8.25, 1, 100, None, 400),
            StageTotal("files", 2.0, 1, 500, None, 60),
            StageTotal("code", 29.75, 3, 3610, None, 1940),
        ),
        exit_code=4,
        tokens_per_second=60.0,
        planned=2,
        present=1,
    ),
)


def redact(text: str) -> str:
    return text.replace("s3cret", "[key]")

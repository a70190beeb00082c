"""The events of a run, as screens, logs and programs receive them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from smol_dev.chat import StageName
from smol_dev.errors import Reason


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first event: the output folder, profile, model and server; `models` has the model of each stage."""

    output_dir: str
    profile: str
    model: str
    base_url: str
    server: str
    resumed: bool = False
    models: Mapping[StageName, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class ChangeStarted(RunStarted):
    """The first event of a change of a program. In NDJSON: `run_started`."""


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A request of this stage is sent; until its first `Piece` the server is silent."""

    stage: StageName
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a streaming answer; `path` is its file, None for the plan and the list."""

    stage: StageName
    path: str | None
    text: str
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class PlanReady:
    """The whole plan. In NDJSON: `plan`."""

    text: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """An entry of the model's file list that will not be written, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class FilesReady:
    """The file list, in writing order. In NDJSON: `files`.

    `there` are the files that an earlier session has written.
    """

    files: tuple[str, ...]
    dropped: tuple[Dropped, ...] = ()
    there: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileStarted:
    """The first request for this file is sent."""

    path: str


@dataclass(frozen=True, slots=True)
class FileDone:
    """The complete file is on disk. Tokens are the server's counts, summed over all attempts.

    `tokens_per_second` is of generation alone; `usage_is_partial` says that not every attempt was counted.
    `replaced` says that the file replaced an older one, of which a copy is kept; `wait_seconds` is the part of
    `seconds` spent waiting for first tokens.
    """

    path: str
    bytes: int
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    seconds: float
    tokens_per_second: float | None = None
    usage_is_partial: bool = False
    replaced: bool = False
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FileFailed:
    """The model gave no usable file, or it could not be written; the disk is unchanged."""

    path: str
    reason: Reason
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ProblemFound:
    """A mismatch between files, found when all were written. In NDJSON: `problem`.

    `mended` says that a new version of the file fixed it; otherwise line and column are its current position.
    """

    path: str
    line: int
    column: int
    rule: str
    message: str
    mended: bool


@dataclass(frozen=True, slots=True)
class CheckStarted:
    """The user's check command starts, for the first time (round 0) or after this many rounds of mending."""

    command: str
    round: int


@dataclass(frozen=True, slots=True)
class CheckDone:
    """The check command has ended; `failed` and `passed` are None if its output does not tell."""

    round: int
    exit_code: int
    failed: int | None
    passed: int | None
    seconds: float
    summary: str


@dataclass(frozen=True, slots=True)
class Retry:
    """A request is sent again, after a server failure or an unusable answer."""

    stage: StageName
    path: str | None
    reason: str
    message: str
    attempt: int
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that a change touches, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class ChangePlanned:
    """The files that a change will touch, before any is written. In NDJSON: `change_planned`."""

    request: str
    change: tuple[Changed, ...]
    add: tuple[Changed, ...]
    remove: tuple[Changed, ...]
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChanged:
    """One file of a proposed change as a unified diff. In NDJSON: `file_changed`.

    `action` is `change`, `add` or `remove`; `edited` says that the user changed the file since it was written.
    """

    path: str
    action: str
    why: str
    diff: str
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that stops nothing. In NDJSON: `warning`."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Harmless information; `--quiet` and NDJSON leave it out.

    With `is_detail`, only `--verbose` shows it.
    """

    message: str
    hint: str = ""
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The run stops here. In NDJSON: `error`."""

    message: str
    hint: str
    exit_code: int


Fate = Literal["used", "asked again", "failed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the run; `start` is in seconds of work, including earlier sessions.

    `evaluation` is the server's time for the prompt; None if not reported, when it is part of `wait`.
    `reason` says why an answer was requested again, or what failed.
    """

    stage: StageName
    path: str | None
    start: float
    wait: float = 0.0
    evaluation: float | None = None
    generation: float = 0.0
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    outcome: Fate = "used"
    reason: str = ""

    @property
    def evaluated(self) -> int | None:
        """The prompt's tokens that were not in the cache."""
        return None if self.prompt_tokens is None else max(0, self.prompt_tokens - (self.cached_tokens or 0))

    @property
    def end(self) -> float:
        """The time at which the answer was complete."""
        return self.start + self.wait + (self.evaluation or 0.0) + self.generation


@dataclass(frozen=True, slots=True)
class StageTotal:
    """The totals of a stage: its tokens, and the seconds from its first request to the end of its last answer."""

    stage: StageName
    seconds: float
    requests: int
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class RunDone:
    """The last event. A token total is None if the server counted no request.

    `tokens_per_second` is of generation alone; `usage_is_partial` says that not every request was counted.
    `stopped` says that the run broke off; `present` of the `planned` files exist now. `start` is how to open or
    run the program, `change` the command that changes it; either may be empty.
    """

    output_dir: str
    written: tuple[str, ...]
    failed: tuple[str, ...]
    bytes: int
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    retries: int
    seconds: float
    stages: tuple[StageTotal, ...]
    exit_code: int
    tokens_per_second: float | None = None
    usage_is_partial: bool = False
    problems: tuple[ProblemFound, ...] = ()
    check: CheckDone | None = None
    planned: int = 0
    present: int = 0
    stopped: bool = False
    start: str = ""
    change: str = ""


Event = (
    RunStarted
    | StageStarted
    | Piece
    | PlanReady
    | FilesReady
    | FileStarted
    | FileDone
    | FileFailed
    | ProblemFound
    | ChangePlanned
    | FileChanged
    | CheckStarted
    | CheckDone
    | Retry
    | Warned
    | Noticed
    | Failed
    | RunDone
)

Show = Callable[[Event], object]
"""The sink for events, called with each one as it happens."""

"""What a run remembers in `OUTPUT/.smol/run.json`, so that it can be resumed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from smol_dev.errors import Reason

FORMAT_VERSION: Final = 1

State = Literal["planned", "done", "failed"]


@dataclass(frozen=True, slots=True)
class FileState:
    """How far one file is. `sha256` (hex) and `bytes` are those of the file as it was written.

    `reason` and `message` say why it failed. Tokens are None where the server did not tell.
    """

    path: str
    state: State
    sha256: str = ""
    bytes: int = 0
    reason: Reason | None = None
    message: str = ""
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of a run. A stage that is not done yet has left its fields empty.

    `profile` is `{"name": …, "settings": {…}}`, JSON values without secrets. `plan_answer` and
    `list_answer` are the model's turns, raw, so that a resumed conversation is the same byte for
    byte. `dropped` is `(path as the model gave it, reason)`. `states` is by path.
    """

    prompt: str
    profile: Mapping[str, object]
    plan: str = ""
    plan_answer: str = ""
    list_answer: str = ""
    files: tuple[str, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    states: Mapping[str, FileState] = field(default_factory=dict)
    totals: Mapping[str, object] = field(default_factory=dict)
    tool_version: str = ""
    format_version: int = FORMAT_VERSION

"""Every error that a user can meet: what happened, what to type next, and the exit code.

The exit codes are a promise of the command line; users of the library catch `SmolError` or one of its
subclasses. A bug is none of these: it keeps its traceback and exits with 1.
"""

from collections.abc import Sequence
from typing import Literal

Reason = Literal[
    "empty",
    "refusal",
    "degenerate",
    "truncated",
    "placeholder",
    "no_code",
    "wrong_format",
    "unsafe_path",
    "occupied",
    "disk",
    "secret",
    "server",
    "timeout",
    "context",
    "interrupted",
]
"""Why there is no usable answer; the `reason` of a `file_failed` event."""


class SmolError(Exception):
    """An error with its cause and origin (`message`), and what to type or change (`hint`)."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class OutputError(SmolError):
    """Standard output that cannot be written, for example because its disk is full."""


class UsageError(SmolError):
    """An invalid command line or argument of a library function."""

    exit_code = 2


class ConfigError(SmolError):
    """Invalid settings; `problems` holds every problem, one line each."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems) or (message,)


class ServerError(SmolError):
    """A server that could not be reached, refused the request, or broke off.

    `kind` is the class of failure (`server.known` lists them); `transient` says that the same request
    may succeed later.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        kind: str = "server",
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.transient = transient
        self.retry_after = retry_after

    @property
    def reason(self) -> Reason:
        """The reason to report for a file that failed this way."""
        if self.kind in {"timeout", "context"}:
            return "timeout" if self.kind == "timeout" else "context"
        return "server"


class AnswerError(SmolError):
    """An answer that cannot be used, for the given `reason`."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str, reason: Reason) -> None:
        super().__init__(message, hint=hint)
        self.reason: Reason = reason


class WorkspaceError(SmolError):
    """An output folder, or a path in it, that must not or cannot be written.

    `stops_run` says that no other file can be written either (a full or read-only disk).
    """

    exit_code = 5

    def __init__(self, message: str, *, hint: str, reason: Reason = "disk", stops_run: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.reason: Reason = reason
        self.stops_run = stops_run


class TrustError(SmolError):
    """An unapproved project file with settings that need approval."""

    exit_code = 6


class InterruptedRunError(SmolError):
    """A run stopped by a signal, with finished work kept; `exit_code` is 128 + the signal."""

    def __init__(self, message: str, *, hint: str, signal: int) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal

"""What every screen can do, and how an error reads."""

from collections.abc import Callable
from typing import Protocol

from smol_dev.errors import ConfigError, SmolError
from smol_dev.events import Event
from smol_dev.safe import safe

Redact = Callable[[str], str]
"""Text in, the same text without any known secret out."""

Clock = Callable[[], float]
"""Seconds since some moment, never going back."""


class Screen(Protocol):
    """Somewhere that events are shown. Its methods are called from one thread."""

    def show(self, event: Event) -> None:
        """Draw, print or ignore the event.

        Raises `SmolError` where data cannot be written; talk that cannot be written is dropped.
        """

    def close(self) -> None:
        """Leave the terminal as it was; may be called twice, and after a failure."""


def render_error(error: SmolError) -> str:
    """`error: …`, every problem on its line, a blank line, `hint: …`; escaped, no final newline."""
    problems = error.problems if isinstance(error, ConfigError) else (error.message,)
    head = problems[0] if len(problems) == 1 else error.message
    rest = [f"  {safe(problem)}" for problem in problems] if len(problems) > 1 else []
    lines = [f"error: {paragraph(head)}", *rest]
    return "\n".join([*lines, "", f"hint: {paragraph(error.hint)}"] if error.hint else lines)


def paragraph(text: str) -> str:
    """The escaped text, further lines indented, so that none of them can pass for one of ours."""
    return safe(text.strip(), keep_newlines=True).replace("\n", "\n  ")

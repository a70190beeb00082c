"""What reading an answer comes to: a file, a list of files, or one reason to ask again."""

from dataclasses import dataclass

from smol_dev.errors import Reason


@dataclass(frozen=True, slots=True)
class Rejected:
    """The answer cannot be used; `message` is one sentence that can be sent to the model."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Code:
    """One file's text, ending in exactly one newline, and the rules that fired, in order."""

    content: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileList:
    """The files to write in the model's order, and what was dropped: `(entry, reason)`.

    Merged duplicates are not listed in `dropped`.
    """

    files: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]

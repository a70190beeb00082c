"""What reading an answer comes to: a file, a list of files, or one reason to ask again."""

from dataclasses import dataclass, field
from typing import Final

from smol_dev.errors import Reason


@dataclass(frozen=True, slots=True)
class Rejected:
    """The answer cannot be used; `message` is one sentence that can be sent to the model.

    `fence` is how many back-ticks the block of the next answer needs, 0 for as many as before; `example`
    is False where the model copied the example of the request, which the next one leaves out.
    """

    reason: Reason
    message: str
    fence: int = 0
    example: bool = True


@dataclass(frozen=True, slots=True)
class Code:
    """One file's text, ending in exactly one newline, and the rules that fired, in order."""

    content: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileList:
    """The files to write in the model's order, and what was dropped: `(entry, reason)`.

    Merged duplicates are not listed in `dropped`; `form` is the name of the pass that found the list.
    """

    files: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]
    form: str = field(default="", compare=False)


CODE_MESSAGES: Final[dict[Reason, str]] = {
    "empty": "The answer was empty.",
    "refusal": "The answer declined the task instead of giving the file.",
    "degenerate": "The answer repeated itself without end.",
    "truncated": "The answer was cut off before the file ended.",
    "placeholder": "The answer left part of the file out; every line of it is needed.",
    "no_code": "The answer did not contain the file.",
    "wrong_format": "The answer was not the whole content of the requested file.",
}

LIST_MESSAGES: Final[dict[Reason, str]] = {
    "empty": "The list of files was empty.",
    "refusal": "The answer declined the task instead of listing the files.",
    "degenerate": "The list of files repeated itself without end.",
    "truncated": "The answer was cut off before the list of files ended.",
    "wrong_format": "The answer was not a list of file paths.",
    "unsafe_path": (
        "The list named only paths that cannot be written; every path must be a text file, "
        "relative to the project folder."
    ),
}


def code_rejected(reason: Reason) -> Rejected:
    """Return the verdict that an answer with one file gets for `reason`."""
    return Rejected(reason=reason, message=CODE_MESSAGES[reason])


def list_rejected(reason: Reason) -> Rejected:
    """Return the verdict that an answer with a file list gets for `reason`."""
    return Rejected(reason=reason, message=LIST_MESSAGES[reason])

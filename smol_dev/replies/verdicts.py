"""The outcome of reading an answer: a file, a list, or a reason to ask again."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from smol_dev import languages
from smol_dev.errors import Reason
from smol_dev.languages import Parsed, State
from smol_dev.languages.standard import NOT_JUDGED
from smol_dev.replies.answer import Block

LONGEST_PARSED: Final = 150_000
# for txt-sentences
TEXTS: Final = frozenset({None, "text", "markdown", "restructuredtext", "latex", "template", "diff"})
"""Languages of files in which any line may be the file's own."""


@dataclass(frozen=True)
class Request:
    """The file that was asked for. `ended` says that the model ended by itself, None that no one knows."""

    path: str
    ended: bool | None

    @cached_property
    def language(self) -> str | None:
        """The language of the path."""
        return languages.language_of(self.path)

    @cached_property
    def is_text(self) -> bool:
        """Whether any line may be the file's own."""
        return self.language in TEXTS

    @cached_property
    def is_data(self) -> bool:
        """Whether each line of the file is an entry of its own."""
        return self.language in languages.LINES

    @property
    def holds_fences(self) -> bool:
        """Whether a fence may be a line of the file outside of a string."""
        return self.is_text and not self.is_data

    def parsed(self, text: str) -> Parsed:
        """Return what the file's own parser says about a text that is not beyond all measure."""
        if len(text) > LONGEST_PARSED:
            return NOT_JUDGED
        return languages.parse(self.path, text.rstrip("\n"))

    def is_whole(self, text: str) -> bool:
        """Return whether the file's own parser finds the text whole."""
        return self.parsed(text).state is State.WHOLE


@dataclass(frozen=True, slots=True)
class Found:
    """The text that was found for the file.

    `closed` says that its end was seen, `behind` that more of the answer follows it; `opened` that
    a fence stands before it. `block` is the block it was in; `passes` are the names of the rules.
    """

    text: str
    closed: bool
    behind: bool = False
    opened: bool = False
    block: Block | None = None
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why nothing was taken. `fences` says that a fence in the file may be the one around it.

    `kept` is a text that is worth having when the next answer is no better.
    """

    reason: Reason = "wrong_format"
    fences: bool = False
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The answer cannot be used; `message` is one sentence that can be sent to the model.

    `fence` is how many back-ticks the block of the next answer needs, 0 for as many as before; `example`
    is False where the model copied the example of the request, which the next one leaves out. `kept` is a
    file that is worth having, with a warning, when the next answer is no better. `begun` is a part of the file.
    `disproves` says that the file that was worth having cannot be whole. `listed` is a list that is worth having.
    """

    reason: Reason
    message: str
    fence: int = 0
    example: bool = True
    kept: str | None = None
    begun: str = ""
    disproves: bool = False
    listed: "FileList | None" = None


@dataclass(frozen=True, slots=True)
class Code:
    """One file's text, ending in exactly one newline, and the passes that found it, in order."""

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


UNCLEAR_FENCES: Final = Rejected(
    "wrong_format",
    "A fence inside the file could not be told from the one around it; open and close the block with five back-ticks.",
    fence=5,
)
SEVERAL_FILES: Final = Rejected(
    "wrong_format", "The answer held several files one after another; give only the requested one."
)


UNCLEAR_LIST: Final = (
    "The answer names files that may belong to the list; give nothing but the path of each file to write."
)


def code_rejected(reason: Reason, *, kept: str | None = None, begun: str = "") -> Rejected:
    """Return the verdict that an answer with one file gets for `reason`."""
    return Rejected(reason, CODE_MESSAGES[reason], kept=kept, begun=begun or kept or "")


def list_rejected(reason: Reason) -> Rejected:
    """Return the verdict that an answer with a file list gets for `reason`."""
    return Rejected(reason=reason, message=LIST_MESSAGES[reason])

"""What the parts share: where they run, who is shown what, and who is asked to decide."""

from collections.abc import Callable
from dataclasses import dataclass

from smol_dev.config.layers import Surroundings
from smol_dev.config.trust import PendingTrust
from smol_dev.draft import Decision, Draft
from smol_dev.events import Event

Show = Callable[[Event], None]
Approve = Callable[[PendingTrust], bool]
Review = Callable[[Draft], Decision]


@dataclass(frozen=True, slots=True)
class Rim:
    """The outside of a run, handed in by the command line or the library.

    `keep_secret` is told every secret before it is used, so that no screen shows it. `review` is asked
    about plan and list before any file is written; it may block, and is called where signals raise.
    `may_replace` is asked before the program of another prompt is replaced, with a sentence that says so.
    """

    surroundings: Surroundings
    show: Show
    approve: Approve | None = None
    keep_secret: Callable[[str], None] = lambda _secret: None
    review: Review | None = None
    may_replace: Callable[[str], bool] | None = None

"""What the parts share: where they run, who is shown what, and who is asked to decide."""

from collections.abc import Callable
from dataclasses import dataclass, field

from smol_dev.app.interrupts import Interrupts
from smol_dev.config.layers import Surroundings
from smol_dev.config.trust import PendingTrust
from smol_dev.events import Show
from smol_dev.run.draft import Decision, Draft

Approve = Callable[[PendingTrust], bool]
Review = Callable[[Draft], Decision]


@dataclass(frozen=True, slots=True)
class Rim:
    """The outside of a run, handed in by the command line or the library.

    `keep_secret` is told every secret before it is used, so that no screen shows it. `review` is asked
    about plan and list before any file is written; it may block, and is called where signals raise.
    `may_replace` is asked before the program of another prompt is replaced, with a sentence that says so.
    `interrupts` are signals that stop the work: none, unless the command line watches them.
    """

    surroundings: Surroundings
    show: Show
    approve: Approve | None = None
    keep_secret: Callable[[str], None] = lambda _secret: None
    review: Review | None = None
    may_replace: Callable[[str], bool] | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)

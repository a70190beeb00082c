"""What the caller provides to a run, and the event loop in which its signals cancel the work."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TypeVar

from smol_dev.app.interrupts import Interrupts, note
from smol_dev.config.files import Surroundings
from smol_dev.config.trust import PendingTrust
from smol_dev.events import Show
from smol_dev.run.review import Decision, Draft, Proposed, Verdict

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Caller:
    """What the caller provides to a run: environment, event sink, approval and review callbacks.

    `keep_secret` is told every secret before it is used, so that no screen shows it. `review` is asked
    about plan and list before any file is written; it may block, and is called where signals raise.
    `decide` is shown a change before it is made, and may block as well.
    `may_replace` is asked before the program of another prompt is replaced, with a sentence that says so.
    `may_run` is asked before the user's check runs without isolation, with a sentence that says so,
    `may_rewrite` before a file that the user changed is written anew, with its path.
    `interrupts` are signals that stop the work: none, unless the command line watches them.
    """

    surroundings: Surroundings
    show: Show
    approve: Callable[[PendingTrust], bool] | None = None
    keep_secret: Callable[[str], None] = lambda _secret: None
    review: Callable[[Draft], Decision] | None = None
    may_replace: Callable[[str], bool] | None = None
    may_run: Callable[[str], bool] | None = None
    may_rewrite: Callable[[str], bool] | None = None
    decide: Callable[[Proposed], Verdict] | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)

    def wait_for(self, work: Coroutine[object, object, Value]) -> Value:
        """Return the result of the work, done in an event loop of its own.

        A signal cancels the work. Raise `KeyboardInterrupt` if that ended it; a result it had in spite of
        the signal is returned.
        """
        interrupts = self.interrupts

        async def cancellable() -> Value:
            task, loop = asyncio.current_task(), asyncio.get_running_loop()

            def cancel() -> None:
                if interrupts.stop is cancel_soon and task is not None:
                    task.cancel()

            def cancel_soon(_number: int) -> None:
                loop.call_soon_threadsafe(cancel)

            with interrupts.stopping(cancel_soon):
                if interrupts.caught is not None:
                    cancel()
                return await work

        with interrupts.stopping(note):
            try:
                return asyncio.run(cancellable())
            except asyncio.CancelledError:
                if interrupts.caught is None:
                    raise
                raise KeyboardInterrupt from None

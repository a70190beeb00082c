"""The caller of a run: what it provides, and the event loop in which its signals cancel the work."""

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

    `keep_secret` gets every secret before it is used, so that no screen shows it. `review` decides about
    plan and list before any file is written, and `decide` about a change before it is made; both may
    block, and signals raise inside them. `may_replace` and `may_run` answer a question: whether to replace
    the program of another prompt, and whether to run the user's check without isolation. `may_rewrite`
    gets the path of a file that the user has changed and the model would rewrite. `interrupts` are the
    signals that stop the work: none, unless the command line watches them.
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
        """Run the work in a new event loop and return its result.

        A signal cancels the work: raise `KeyboardInterrupt`, unless it returns a result nevertheless.
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

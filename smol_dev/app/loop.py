"""The event loop of the command line, in which a signal cancels the work instead of breaking in."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from smol_dev.app.interrupts import Interrupts, note

Value = TypeVar("Value")


def run(work: Coroutine[object, object, Value], interrupts: Interrupts) -> Value:
    """The result of the work, in a loop of its own.

    A signal cancels the work. Raise `KeyboardInterrupt` if that ended it; a result it had in spite of
    the signal is returned.
    """

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

"""The user's check of a written program: run its command in isolation, and record each checked state."""

import asyncio
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from smol_dev.app.caller import Caller
from smol_dev.app.interrupts import raise_interrupt
from smol_dev.config.load import Loaded
from smol_dev.config.model import Run
from smol_dev.errors import SmolError
from smol_dev.events import Noticed, Warned
from smol_dev.run.delivery import Delivery
from smol_dev.safe import MOST_NAMED
from smol_dev.workspace import command
from smol_dev.workspace.command import Outcome, choose, refuse_missing, says
from smol_dev.workspace.history import State
from smol_dev.workspace.paths import acts_by_itself
from smol_dev.workspace.sandbox import Isolation


def check_isolation(loaded: Loaded, caller: Caller) -> Isolation | None:
    """Return the isolation of the user's check, None without a check. Raise `UsageError` if it may not run."""
    if not loaded.run.check:
        return None
    refuse_missing(loaded.run.check, caller.surroundings.environ)

    def ask(question: str) -> bool:
        with caller.interrupts.stopping(raise_interrupt):
            return caller.may_run is not None and caller.may_run(question)

    return choose(loaded.run.check_isolation, ask=ask)


@dataclass(eq=False)
class UserCheck:
    """The check of one session, an implementation of `run.conversation.CheckCommand`.

    `may_read` says whether an edited file may be sent to the model.
    """

    settings: Run
    isolation: Isolation
    caller: Caller
    delivery: Delivery
    may_read: Callable[[str], bool]
    may_rewrite_all: bool

    def __post_init__(self) -> None:
        self.workspace = self.delivery.workspace
        self.command: Sequence[str] = self.settings.check
        self.timeout, self.rounds = self.settings.check_timeout, self.settings.check_rounds
        self.folder = str(self.workspace.root)
        self.best: State | None = None
        self._may_rewrite: dict[str, bool] = {}
        self._now: State | None = None
        self._mark = self.delivery.mark()

    async def begin(self) -> None:
        """Wait until everything is written, and record that state."""
        await self.delivery.finish_writing()
        if self._now is None:
            self.caller.show(Noticed(f"the check runs {says(self.isolation, self.workspace.root)}"))
        self._now = self._capture()

    async def run(self) -> Outcome:
        """Run the command; note the files it creates, and warn about those that tools run automatically."""
        before = await asyncio.to_thread(self.workspace.entries)
        try:
            outcome = await command.run(
                self.command,
                self.workspace.root,
                timeout=self.timeout,
                isolation=self.isolation,
                environ=self.caller.surroundings.environ,
            )
        finally:
            self._note_made(before)
        return replace(outcome, output=self.delivery.clean(outcome.output))

    def accept(self) -> None:
        """Mark the last checked state as the best one."""
        self.best, self._mark = self._now, self.delivery.mark()

    async def back(self) -> None:
        """Restore the best state, except for files that someone else has changed since they were written."""
        with suppress(SmolError):
            await self.delivery.finish_writing()
        if self.best is None:
            return
        edited = self.workspace.remaining().edited
        self._capture()  # an unfinished round is recorded too
        timeline = self.workspace.timeline()
        if timeline.history.head.current != self.best.number:
            timeline.move(self.best, leave=edited)
            self.delivery.go_back(self._mark)

    def found(self) -> tuple[Mapping[str, str], frozenset[str]]:
        """Return the current texts of the files, and which of them someone else has changed."""
        remaining = self.workspace.remaining(self.delivery.record.files)
        readable = (*remaining.finished, *filter(self.may_read, remaining.edited))
        return {path: self.workspace.read(path) for path in readable}, frozenset(remaining.edited)

    def may_rewrite(self, path: str) -> bool:
        """Return whether a file that the user has changed may be rewritten, asking once for each."""
        if path not in self._may_rewrite:
            ask = self.caller.may_rewrite
            with self.caller.interrupts.stopping(raise_interrupt):
                self._may_rewrite[path] = self.may_rewrite_all or (ask is not None and ask(path))
        if self._may_rewrite[path]:
            self.delivery.permitted.add(path)
        return self._may_rewrite[path]

    def _capture(self) -> State:
        timeline, record = self.workspace.timeline(), self.workspace.record
        if self._now is not None:
            return timeline.capture("fix", shlex.join(self.command), record)
        if self.workspace.remaining(record.files).edited:
            return timeline.capture("edit", "", record)
        return timeline.capture("resume", record.prompt, record)

    def _note_made(self, before: frozenset[str]) -> None:
        after = self.workspace.entries()
        made = sorted(after - before)
        self.workspace.leave(tuple(path for path in made if path.rpartition("/")[0] not in after - before))
        acting = [path for path in made if acts_by_itself(path)]
        outermost = [path for path in acting if not acts_by_itself(path.rpartition("/")[0])][:MOST_NAMED]
        if outermost:
            shown = ", ".join(f"`{self.delivery.clean(path)}`" for path in outermost)
            self.caller.show(
                Warned(
                    f"the check made files that tools run when the folder is opened: {shown}",
                    hint="look at it, or remove it, before you work in the folder",
                )
            )

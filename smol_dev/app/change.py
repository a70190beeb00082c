"""Changes of a finished program: make one, undo or redo it, and list the program's history."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from smol_dev.app.adopt import adopt
from smol_dev.app.build import Run, RunOutcome, Task, open_program, over, place_of
from smol_dev.app.caller import Caller
from smol_dev.app.check import check_isolation
from smol_dev.app.job import refusing
from smol_dev.app.resume import allow, settings_of
from smol_dev.config.layers import Flags
from smol_dev.config.load import Loaded, load
from smol_dev.errors import AnswerError, UsageError, WorkspaceError
from smol_dev.events import FileChanged, FileFailed, Noticed, RunDone
from smol_dev.run.change import NOT_ALLOWED, Change, Proposal, Wish, as_planned
from smol_dev.run.conversation import Checked, FileMissing, FileReady, Job
from smol_dev.run.conversation import Step as RunStep
from smol_dev.run.delivery import Delivery
from smol_dev.run.review import Proposed, Stopped, Taken, Verdict
from smol_dev.safe import command, listed, named, safe
from smol_dev.server.client import Client
from smol_dev.workspace.folder import resume_command
from smol_dev.workspace.history import NOTHING, State, Timeline, history_of
from smol_dev.workspace.paths import normal, refuse
from smol_dev.workspace.record import Record
from smol_dev.workspace.writer import Workspace

TAKEN: Final = "something that is not the program's text stands there"

MOST_LINES: Final = 10_000
"""The most lines of both versions to compare; longer files are shown as replaced as a whole."""


def change(task: Task, flags: Flags, caller: Caller) -> RunDone:
    """Propose a change of the program in a folder, and make the part that the user accepts."""
    with _opened(task, flags, caller) as workspace:
        return change_in(workspace, task, flags, caller)


async def change_async(task: Task, settings: Flags | Loaded, caller: Caller) -> RunOutcome:
    """Do the same as `change` in the running event loop; `Flags` are combined with those the program was made with."""
    with _opened(task, Flags(), caller) as workspace:
        return await _run(workspace, task, settings, caller).drive()


def _opened(task: Task, flags: Flags, caller: Caller) -> Workspace:
    if not task.request.strip():
        raise UsageError("the change is empty", hint='say what is to be changed: `smol_dev change "…"`')
    refuse_silent(task, caller)
    if task.adopt:
        adopt(task, flags, caller)
    return open_program(Task(folder=task.folder), flags, caller.surroundings)


def refuse_silent(task: Task, caller: Caller) -> None:
    """Raise `UsageError` if nobody can be asked about a change and neither `yes` nor `diff` decides."""
    if caller.decide is None and not (task.yes or task.diff):
        raise UsageError(
            "a change is shown before it is made, and there is no terminal to ask on",
            hint="make it without asking: `--yes`, or only show it: `--diff`",
        )


def change_in(workspace: Workspace, task: Task, flags: Flags, caller: Caller) -> RunDone:
    """Propose a change of the program in an open folder, and make the part that the user accepts."""
    return caller.wait_for(_run(workspace, task, flags, caller).drive()).done


def _run(workspace: Workspace, task: Task, settings: Flags | Loaded, caller: Caller) -> "_ChangeRun":
    record, there = workspace.record, caller
    if not any(state.state == "done" for state in record.states.values()):
        raise WorkspaceError(
            f"the run in `{workspace.root}` has written no file yet",
            hint=f"finish it first: {resume_command(workspace.root)}",
        )
    workspace.timeline().refuse_broken_off()
    if isinstance(settings, Flags):
        settings, there = settings_of(workspace, record, settings, caller)
    task = replace(task, allow_sensitive=allow(workspace, task.allow_sensitive))
    isolation, remaining = check_isolation(settings, there), workspace.remaining(record.files)
    return _ChangeRun(task, settings, there, workspace, record, isolation, remaining)


def undo(folder: Path | None, flags: Flags, caller: Caller, *, redo: bool, keep_mine: bool, theirs: bool) -> RunDone:
    """Undo the last change, or with `redo` make the last undone change again.

    Raise `WorkspaceError` if an edit of the user would be lost, unless `keep_mine` or `theirs` decides.
    """
    with open_program(Task(folder=folder), flags, caller.surroundings) as workspace:
        allow(workspace, ())
        timeline = workspace.timeline()

        def settled(edited: tuple[str, ...]) -> tuple[str, ...]:
            """Return the edited files to leave alone. Raise `WorkspaceError` if the user has not decided."""
            if edited and not (keep_mine or theirs):
                raise _would_replace(edited, "redo" if redo else "undo")
            return edited if keep_mine else ()

        history = timeline.history
        if history.target is not None and history.current is not None:
            target = history.target if redo else history.current
            edited = tuple(each.path for each in timeline.differences(target) if each.is_edited)
            changed = timeline.move(target, leave=settled(edited))
        else:
            before, after = _turn(timeline, workspace, redo=redo)
            timeline.capture("edit", "", workspace.record)
            edited = timeline.edited(before, after)
            target = timeline.turned(before, after, leave=settled(edited))
            changed = timeline.move(target, copied=edited)
        what = "made again" if redo else "taken back"
        said = Noticed(f"{what}: {', '.join(map(named, changed)) or 'nothing but the record'}")
        return over(workspace, caller, said, tuple(path for path in changed if path in target.files))


def _would_replace(edited: tuple[str, ...], what: str) -> WorkspaceError:
    return WorkspaceError(
        f"you changed {listed(edited)} since, and {what} would replace that",
        hint="keep your version of these files: `--keep-mine`, or replace it (a copy is kept): `--theirs`",
        reason="occupied",
    )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a program's history: its local time, request and touched files."""

    number: int
    time: str
    kind: str
    request: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def log(folder: Path | None, flags: Flags, caller: Caller) -> tuple[Step, ...]:
    """Return the steps that led to the current program, newest first."""
    here = caller.surroundings
    place, below = place_of(folder, lambda: load(flags, here, connect=False))
    line = history_of(place, cwd=here.cwd, home=here.home, no_links_below=below)
    return tuple(_step(state, before) for before, state in reversed(list(pairwise((NOTHING, *line)))))


def _step(state: State, before: State) -> Step:
    changed = (path for path in state.files if path in before.files and state.files[path] != before.files[path])
    return Step(
        state.number,
        datetime.fromtimestamp(state.time).astimezone().isoformat(sep=" ", timespec="minutes"),
        state.kind,
        state.request,
        tuple(path for path in state.files if path not in before.files),
        tuple(changed),
        tuple(path for path in before.files if path not in state.files),
    )


def _turn(timeline: Timeline, workspace: Workspace, *, redo: bool) -> tuple[State, State]:
    """Return the states from and to which the undo or redo goes."""
    if redo:
        if timeline.history.undone is None:
            raise UsageError("no change was taken back after the last one", hint=_see(workspace))
        return timeline.history.undone
    if timeline.history.last is None:
        raise UsageError(f"no change was made in `{workspace.root}` that could be taken back", hint=_see(workspace))
    before, after = timeline.history.last
    return after, before


def _see(workspace: Workspace) -> str:
    return "see what was done: " + command("smol_dev log {dir}", dir=workspace.root)


class _ChangeRun(Run):
    """One change, from the first request to the closing event."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.is_made = False
        self.before = self.workspace.record

    async def _work(self, client: Client, delivery: Delivery) -> None:
        self.workspace.timeline().capture("edit", "", self.before)
        making = Change(client, self._job(client), self._wish(), lambda step: self._take(delivery, step))
        accepted = await self._accepted(making, delivery)
        if accepted is None:
            delivery.record = replace(delivery.record, problems=self.before.problems, check=self.before.check)
            return
        self._make(delivery, *accepted)
        if self.isolation is not None:
            self.record, self.remaining = delivery.record, self.workspace.remaining(delivery.record.files)
            await self._follow(client, delivery, replace(self._job(client), check_references=False))

    def _job(self, client: Client) -> Job:
        record, only = self.record, self._only
        plan = record.plan_answer if record.plan.startswith(record.plan_answer) else record.plan
        job = super()._job(client)
        settle = refusing(job.settle, lambda path: self._refused(path, is_new=path not in job.written))
        locked = {path for path in self._there if path not in job.written or (only and path not in only)}
        return replace(job, plan=plan, settle=settle, locked=frozenset(locked), todo=())

    def _refused(self, path: str, *, is_new: bool) -> str:
        """Return why a file may not be written: it may not change, or another file is in its place; empty if it may."""
        if self._only and path not in self._only:
            return NOT_ALLOWED
        return TAKEN if is_new and refuse(path) is None and self.workspace.is_there(path) else ""

    @property
    def _only(self) -> frozenset[str]:
        """The files that may be touched, in the program's spelling; empty for all."""
        spelled = {path.casefold(): path for path in self.record.files}
        only = map(normal, self.task.only)
        return frozenset(spelled.get(path.casefold(), path) for path in only)

    def _text(self, path: str) -> str | None:
        return self.workspace.text(path, limit=self.loaded.run.max_file_bytes)

    def _go_on(self) -> str:
        return super()._go_on() if self.is_made else "nothing was changed; ask for the change again"

    def _wish(self) -> Wish:
        record = self.record
        before = record.plan.removeprefix(record.plan_answer) if record.plan_answer else ""
        before = before if before != record.plan else ""
        return Wish(self.task.request.strip(), self._only, before.strip())

    def _take(self, delivery: Delivery, step: RunStep) -> None:
        """Show a step of a change without writing anything before the user accepts."""
        if isinstance(step, FileReady):
            delivery.look(step)
            self.caller.show(delivery.told(step, len(step.content.encode("utf-8", "replace"))))
        elif isinstance(step, FileMissing):
            delivery.failed.append(step.path)
            self.caller.show(FileFailed(step.path, step.reason, delivery.clean(step.error.message), step.error.hint))
        else:
            delivery.take(step)

    async def _accepted(self, making: Change, delivery: Delivery) -> tuple[Proposal, frozenset[str]] | None:
        """Return the accepted proposal and the files accepted of it; None if no change is made."""
        feedback = ""
        while True:
            delivery.take(Checked(()))  # drop the problems of the previous proposal
            proposal = await making.propose(feedback)
            if proposal.missing:
                raise AnswerError(
                    "the change is not made, as not all of its files could be had: "
                    + ", ".join(map(named, proposal.missing)),
                    hint="try again, with a larger model or in smaller steps",
                    reason=next(iter(proposal.missing.values())).reason,
                )
            shown = tuple(self._shown(proposal))
            if not shown:
                delivery.record = self._given(delivery.record)
                return None
            verdict = self._decide(shown)
            if isinstance(verdict, Taken):
                return proposal, verdict.paths
            if isinstance(verdict, Stopped):
                return None
            feedback = verdict.remark

    def _decide(self, shown: tuple[FileChanged, ...]) -> Verdict:
        decide = self.caller.decide
        if decide is None or (self.task.yes and not self.task.diff):
            for each in shown:
                self.caller.show(each)
            return Stopped() if self.task.diff else Taken(frozenset(each.path for each in shown))

        with self.caller.interrupts.stopping(self._interrupt):
            verdict = decide(Proposed(shown))
        return Stopped() if self.task.diff else verdict

    def _shown(self, proposal: Proposal) -> Iterator[FileChanged]:
        """Yield each file that the change modifies, with its diff."""
        now = self._texts(proposal.contents)
        for file in proposal.planned.files:
            before, after = now.get(file.path), proposal.contents.get(file.path)
            if file.path not in proposal.contents or before == after:
                continue
            edited = self.remaining is not None and file.path in self.remaining.edited
            yield FileChanged(file.path, file.action or "change", file.why, unified(file.path, before, after), edited)

    def _texts(self, contents: Mapping[str, str | None]) -> dict[str, str]:
        return {path: text for path in contents if (text := self._text(path)) is not None}

    def _given(self, record: Record) -> Record:
        """Return the record with the new prompt, unless the change is only shown."""
        if not self.task.prompt or self.task.diff:
            return record
        return replace(record, given=self.task.prompt, prompt_file=self.task.source)

    def _make(self, delivery: Delivery, proposal: Proposal, paths: frozenset[str]) -> None:
        contents = {path: text for path, text in proposal.contents.items() if path in paths}
        touched = tuple(file for file in proposal.planned.files if file.path in paths)
        request = self.task.request.strip()
        record = self._given(delivery.record)
        removed = {path for path, text in contents.items() if text is None}
        added = [path for path in contents if path not in record.files and path not in removed]
        record = replace(
            record,
            plan=delivery.clean(as_planned(record.plan, request, touched)),
            files=(*(path for path in record.files if path not in removed), *added),
            states=self.workspace.record.states,
        )
        data = {path: None if text is None else text.encode() for path, text in contents.items()}
        timeline = self.workspace.timeline()
        state = timeline.propose("change", request, record, data)
        self.is_made = True
        self.caller.interrupts.hint = safe(self._go_on())
        delivery.written += [path for path in timeline.move(state) if path in state.files]
        moved, now = self.workspace.record, delivery.record
        delivery.record = replace(moved, totals=now.totals, problems=now.problems, check={})
        self.caller.show(Noticed("take it back with " + command("smol_dev undo {dir}", dir=self.workspace.root)))


def unified(path: str, before: str | None, after: str | None) -> str:
    """Return a unified diff of two versions of a file; None means no file."""
    old, new = ((text or "").splitlines(keepends=True) for text in (before, after))
    names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}")
    if len(old) + len(new) > MOST_LINES:
        lines = [f"--- {names[0]}\n", f"+++ {names[1]}\n", f"@@ -1,{len(old)} +1,{len(new)} @@\n"]
        lines += [f"-{line}" for line in old] + [f"+{line}" for line in new]
    else:
        lines = list(difflib.unified_diff(old, new, *names))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

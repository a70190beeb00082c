"""One session on a program: settings, server, method and output folder joined, from a task to its outcome."""

import asyncio
import difflib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from smol_dev.app.caller import Caller
from smol_dev.app.check import UserCheck
from smol_dev.app.interrupts import note
from smol_dev.app.preview import all_variants
from smol_dev.app.settings import recorded
from smol_dev.chat import STAGES
from smol_dev.config.load import Loaded
from smol_dev.config.model import Profile
from smol_dev.errors import AnswerError, InterruptedRunError, ServerError, SmolError, WorkspaceError
from smol_dev.events import (
    ChangeStarted,
    Failed,
    FileChanged,
    FilesReady,
    Noticed,
    PlanReady,
    RunDone,
    RunStarted,
    Warned,
)
from smol_dev.redact import redact
from smol_dev.run import pipeline
from smol_dev.run.change import NOT_ALLOWED, Change, Proposal, Wish, as_planned
from smol_dev.run.conversation import Checked, Job, Judged, PathRules, StageSettings, Written
from smol_dev.run.delivery import Delivery
from smol_dev.run.review import Decision, Draft, Proposed, Stopped, Taken, Verdict, agree, following
from smol_dev.run.start import Program, change_command, start_of
from smol_dev.safe import command, named, safe
from smol_dev.server.client import Client
from smol_dev.server.connect import connected
from smol_dev.workspace.folder import resume_command
from smol_dev.workspace.paths import normal, refuse, settle
from smol_dev.workspace.record import Record, whole
from smol_dev.workspace.sandbox import Isolation
from smol_dev.workspace.writer import Workspace

UNREACHED: Final = frozenset({"not_running", "dns", "tls", "proxy"})
"""Kinds of failure in which no server answered."""

IN_THE_WAY: Final = "something that is not the program's text stands there"

MOST_LINES: Final = 10_000
"""The most lines of both versions to compare; longer files are shown as replaced as a whole."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to build from a prompt or change in a program, and how far to go.

    `folder` is the output folder (None: the setting `run.output_dir`). `only` limits a resumed run or a change
    to these files (empty: all). `include` are edited files that a request may contain although the record is
    not the user's own. `list_file` holds another file list. `strict` sets the exit code 4 if the files do not fit
    together. `prompt_file` is where the prompt was read from. `fresh` builds a program again even if the folder
    holds the one of this prompt. `rewrite` lets the check rewrite files that the user has changed without asking.

    `request` is a change, made without asking with `yes`, and only shown with `diff`; if it comes from a new
    version of the prompt, `prompt` is that version. `adopt` allows a folder that smol_dev did not make.
    """

    prompt: str = ""
    request: str = ""
    folder: Path | None = None
    plan_only: bool = False
    overwrite: bool = False
    allow_sensitive: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    list_file: Path | None = None
    strict: bool = False
    rewrite: bool = False
    prompt_file: Path | None = None
    fresh: bool = False
    yes: bool = False
    diff: bool = False
    adopt: bool = False

    @property
    def source(self) -> str:
        """The real path of the prompt's file, as stored in the record; empty if there is no file."""
        return os.path.realpath(self.prompt_file) if self.prompt_file else ""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The result of a session: its closing event, its record, and the failure that stopped it early, if any."""

    done: RunDone
    record: Record
    error: SmolError | None = None


def job_of(loaded: Loaded, client: Client, record: Record, *, allow_sensitive: tuple[str, ...] = ()) -> Job:
    """Return the job for the record's prompt, and its plan and list if it has them."""
    profile, run = client.profile, loaded.run
    job = Job(
        "",
        partial(settle, allow_sensitive=allow_sensitive),
        all_variants(loaded),
        stages={name: _stage(profile.stage(name)) for name in STAGES},
        strategy=profile.strategy,
        concurrency=None if profile.max_concurrency == "auto" else profile.max_concurrency,
        usual_concurrency=client.usual_concurrency,
        max_files=run.max_files,
        syntax_check=run.syntax_check,
        check_references=run.check_references,
    )
    return following(job, record)


def _stage(profile: Profile) -> StageSettings:
    window, most = profile.context_window, profile.max_output_tokens
    return StageSettings(
        variant=profile.prompt_variant,
        window=None if window == "auto" else window,
        max_output_tokens=None if most == "auto" else most,
        answer_retries=profile.answer_retries,
        truncation_check=profile.truncation_check,
    )


@dataclass(eq=False)
class Session:
    """A session that builds a program, or finishes one that an earlier session has begun."""

    task: Task
    loaded: Loaded
    caller: Caller
    workspace: Workspace
    record: Record
    isolation: Isolation | None

    def __post_init__(self) -> None:
        loaded, task = self.loaded, self.task
        self.secrets = loaded.secrets()
        self.is_connected = False
        self.is_listed = bool(self.record.files)
        """Whether an earlier session has the file list."""
        self.remaining = self.workspace.remaining(self.record.files)
        self.is_foreign = self.is_listed and not self.workspace.is_ours
        record = replace(self.record, problems=(), check={})  # problems are searched for again
        self.record = recorded(record, loaded, task.allow_sensitive)
        self.delivery = Delivery(
            self.workspace,
            self.record,
            self.caller.show,
            secrets=self.secrets.secrets,
            max_file_bytes=loaded.run.max_file_bytes,
            strict=task.strict,
        )
        self.check: UserCheck | None = None
        if self.isolation is not None:
            self.check = UserCheck(
                loaded.run, self.isolation, self.caller, self.delivery, self._may_read, may_rewrite_all=task.rewrite
            )

    async def drive(self) -> RunOutcome:
        """Run to the end, a fatal failure, or a signal."""
        interrupts, delivery = self.caller.interrupts, self.delivery
        interrupts.hint = safe(self._resume_hint())
        error: SmolError | None = None
        try:
            done = await self._connect_and_work()
        except SmolError as failure:
            done, error = await self._stop(failure)
        except asyncio.CancelledError:
            if interrupts.caught is None:
                with suppress(SmolError):
                    await self._restore_best()
                    await delivery.finish_writing()  # a complete file is worth keeping
                raise
            done, error = await self._stop(self._interrupted(interrupts.caught))
        finally:
            delivery.close()
        done = self._with_next_steps(done)
        self._capture()
        self.caller.show(done)
        return RunOutcome(done, delivery.record, error)

    async def _connect_and_work(self) -> RunDone:
        caller = self.caller
        async with connected(self.loaded, caller.show, secrets=self.secrets, keep_secret=caller.keep_secret) as client:
            self.is_connected = True
            self._start(client)
            await self._work(client)
        return await self.delivery.finish()

    def _start(self, client: Client) -> None:
        root, profile, delivery = str(self.workspace.root), client.profile, self.delivery
        model, base_url, provider = profile.model, profile.base_url, profile.provider
        models = {stage: profile.stage(stage).model for stage in STAGES}
        is_resumed = self.is_listed or bool(self.record.plan)
        started = ChangeStarted if self.task.request else RunStarted
        self.caller.show(started(root, self.loaded.name, model, base_url, provider, is_resumed, models))
        server = {"model": model, "base_url": base_url, "provider": provider, "models": models}
        delivery.record = replace(delivery.record, server=server)

    async def _work(self, client: Client) -> None:
        self._show_found()
        await self.delivery.save()
        job = self._job(client)
        if self.caller.review is not None:
            accepted = await self._reviewed(client, job, self.caller.review)
            if accepted is None:
                stopped = "stopped before any file was written; the plan and the list are kept"
                self.caller.show(Warned(stopped, hint=self._resume_hint()))
                return
            job = accepted
        await self._run(client, job)

    async def _run(self, client: Client, job: Job) -> None:
        await pipeline.run(client, replace(job, check=self.check), self.delivery.take)
        await self.delivery.finish_writing()

    async def _reviewed(self, client: Client, job: Job, review: Callable[[Draft], Decision]) -> Job | None:
        """Return the job that the user accepts; None to stop after the list."""

        def ask(draft: Draft) -> Decision:
            with self.caller.interrupts.stopping(self._interrupt):
                return review(draft)

        accepted = await agree(job, self.delivery, follow=partial(self._run, client), ask=ask, show=self.caller.show)
        if accepted is None or not self.is_listed:
            return accepted
        if accepted.prompt != self.record.prompt:
            return replace(accepted, todo=None, written={})  # another program, so every file is requested
        self.remaining = self.workspace.remaining(accepted.files)
        return replace(accepted, todo=self._todo())

    def _show_found(self) -> None:
        """Show what an earlier session has left, and report the files that cannot be written."""
        show, record, remaining = self.caller.show, self.record, self.remaining
        is_whole = self.is_listed and not remaining.todo
        if record.plan and not is_whole:
            show(PlanReady(record.plan))
        if self.is_listed and not is_whole:
            show(FilesReady(record.files, there=tuple(path for path in record.files if path in self._there)))
        for path in remaining.edited:
            show(Warned(f"`{path}` was changed since it was written, and is kept as it is"))
        for path, error in self.workspace.obstacles(remaining):
            if not self.task.only or path in self.task.only:
                self.delivery.fail(path, error.reason, error)

    async def _stop(self, error: SmolError) -> tuple[RunDone, SmolError]:
        """Save what is finished, ignoring signals, and show why the session stops."""
        delivery = self.delivery
        with self.caller.interrupts.stopping(note):
            try:
                await self._restore_best()
                await delivery.finish_writing()
                if not delivery.record.plan and self._is_unanswered(error):  # nothing to resume
                    self.workspace.withdraw()
                    done = delivery.closing(error.exit_code, stopped=True)
                else:
                    done = await delivery.finish(error.exit_code)
            except SmolError as disk:
                error = disk if delivery.record.plan else error
                done = delivery.closing(error.exit_code, stopped=True)
        self.caller.show(Failed(error.message, error.hint, error.exit_code))
        return done, error

    async def _restore_best(self) -> None:
        if self.check is not None:
            await self.check.back()

    def _is_unanswered(self, error: SmolError) -> bool:
        return isinstance(error, ServerError) and (not self.is_connected or error.kind in UNREACHED)

    def _interrupted(self, number: int) -> InterruptedRunError:
        return InterruptedRunError("interrupted", hint=self._resume_hint(), signal=number)

    def _interrupt(self, number: int) -> NoReturn:
        raise self._interrupted(number)

    def _resume_hint(self) -> str:
        return f"go on with {resume_command(self.workspace.root)}"

    def _with_next_steps(self, done: RunDone) -> RunDone:
        """Return the closing event with the commands to start and change the program, if there is one."""
        record = self.workspace.record
        if done.stopped or done.failed or not done.present:
            return done
        here, root = self.caller.surroundings.cwd, self.workspace.root
        folder = (root.relative_to(here) if root.is_relative_to(here) else root).as_posix()
        try:
            texts = {path: self.workspace.read(path) for path in record.done}
        except WorkspaceError:  # a file was removed meanwhile
            return done
        is_usual = self.task.folder is None and not names_folder(self.loaded)
        is_canned = self.loaded.profile.provider == "demo"  # the demo has answers for only one change
        change = "" if is_canned else change_command("" if is_usual else folder)
        return replace(done, start=start_of(Program(texts, record.plan, folder)), change=change)

    def _capture(self) -> None:
        """Keep the program's current state, so that a later change can be undone."""
        record = self.workspace.record
        if not record.done or (self.check is not None and self.check.best is not None):
            return  # the check has captured every state
        try:
            timeline = self.workspace.timeline()
            if timeline.history.target is None:
                timeline.capture("resume" if self.is_listed else "build", record.prompt, record)
        except SmolError as error:
            self.caller.show(Warned(f"no state of the program was kept: {error.message}", error.hint))

    @property
    def _there(self) -> frozenset[str]:
        return frozenset((*self.remaining.finished, *self.remaining.edited))

    def _may_read(self, path: str) -> bool:
        """Return whether a request may contain an edited file; with another user's record, only those in `include`."""
        return not self.is_foreign or path in self.task.include

    def _todo(self) -> tuple[str, ...] | None:
        only = self.task.only
        return tuple(path for path in self.remaining.todo if not only or path in only) if self.is_listed else None

    def _job(self, client: Client) -> Job:
        job = job_of(self.loaded, client, self.record, allow_sensitive=self.task.allow_sensitive)
        secrets = self.secrets.secrets

        def tells(path: str) -> str:
            return "holds a part of a secret of the configuration" if redact(path, secrets) != path else ""

        return replace(
            job,
            plan_only=self.task.plan_only,
            path_rules=refusing(job.path_rules, tells, shown=lambda path: redact(path, secrets)),
            todo=self._todo(),
            written=self._written(),
            locked=frozenset(self.remaining.edited),
        )

    def _written(self) -> dict[str, Written]:
        """Return the turns for the files already written; an edited file counts with its current text."""
        remaining = self.remaining
        readable = {*remaining.finished, *filter(self._may_read, remaining.edited)}
        turns = {}
        for path, state in self.record.states.items():
            content = self._text(path) if path in readable else None
            if content is None:
                continue
            is_as_said = path in remaining.finished
            said, asked = (whole(state.said, content), state.asked) if is_as_said else ("", "")
            turns[path] = Written(content, said, asked)
        return turns

    def _text(self, path: str) -> str | None:
        return self.workspace.read(path)


def names_folder(loaded: Loaded) -> bool:
    """Return whether a flag names the output folder."""
    first = next((layer for layer in loaded.layers.all if "output_dir" in layer.table("run")), None)
    return first is not None and first.kind == "flags"


def refusing(rules: PathRules, why: Callable[[str], str], *, shown: Callable[[str], str] = str) -> PathRules:
    """Return the path rules extended: a path is also refused if `why` gives a reason, and reported as `shown`."""

    def judged(paths: Sequence[str]) -> Judged:
        refused = {path: reason for path in paths if (reason := why(path))}
        accepted, others = rules([path for path in paths if path not in refused])
        return accepted, (*others, *((shown(path), reason) for path, reason in refused.items()))

    return judged


class ChangeSession(Session):
    """A session that changes a finished program: it proposes a change, and makes the part that the user accepts."""

    def __post_init__(self) -> None:
        self.before = self.workspace.record
        self.is_made = False
        spelled = {path.casefold(): path for path in self.record.files}
        only = map(normal, self.task.only)
        self.only = frozenset(spelled.get(path.casefold(), path) for path in only)
        """The files that may be touched, in the program's spelling; empty for all."""
        super().__post_init__()

    async def _work(self, client: Client) -> None:
        delivery = self.delivery
        self.workspace.timeline().capture("edit", "", self.before)
        change = Change(client, self._job(client), self._wish(), delivery.propose)
        accepted = await self._accepted(change)
        if accepted is None:
            delivery.record = replace(delivery.record, problems=self.before.problems, check=self.before.check)
            return
        self._make(*accepted)
        if self.check is not None:
            self.record, self.remaining = delivery.record, self.workspace.remaining(delivery.record.files)
            await self._run(client, replace(self._job(client), check_references=False))

    def _job(self, client: Client) -> Job:
        record, only, job = self.record, self.only, super()._job(client)

        def why_not(path: str) -> str:
            if only and path not in only:
                return NOT_ALLOWED
            is_new = path not in job.written
            return IN_THE_WAY if is_new and refuse(path) is None and self.workspace.is_there(path) else ""

        plan = record.plan_answer if record.plan.startswith(record.plan_answer) else record.plan
        locked = {path for path in self._there if path not in job.written or (only and path not in only)}
        return replace(job, plan=plan, path_rules=refusing(job.path_rules, why_not), locked=frozenset(locked), todo=())

    def _text(self, path: str) -> str | None:
        return self.workspace.text(path, limit=self.loaded.run.max_file_bytes)

    def _resume_hint(self) -> str:
        return super()._resume_hint() if self.is_made else "nothing was changed; ask for the change again"

    def _wish(self) -> Wish:
        record = self.record
        before = record.plan.removeprefix(record.plan_answer) if record.plan_answer else ""
        before = before if before != record.plan else ""
        return Wish(self.task.request.strip(), self.only, before.strip())

    async def _accepted(self, change: Change) -> tuple[Proposal, frozenset[str]] | None:
        """Return the accepted proposal and the files accepted of it; None if no change is made."""
        delivery, feedback = self.delivery, ""
        while True:
            delivery.take(Checked(()))  # drop the problems of the previous proposal
            proposal = await change.propose(feedback)
            if proposal.missing:
                raise AnswerError(
                    "the change is not made, as not all of its files could be had: "
                    + ", ".join(map(named, proposal.missing)),
                    hint="try again, with a larger model or in smaller steps",
                    reason=next(iter(proposal.missing.values())).reason,
                )
            diffs = tuple(self._diffs(proposal))
            if not diffs:
                delivery.record = self._with_prompt(delivery.record)
                return None
            verdict = self._decide(diffs)
            if isinstance(verdict, Taken):
                return proposal, verdict.paths
            if isinstance(verdict, Stopped):
                return None
            feedback = verdict.remark

    def _decide(self, diffs: tuple[FileChanged, ...]) -> Verdict:
        decide, task = self.caller.decide, self.task
        if decide is None or (task.yes and not task.diff):
            for each in diffs:
                self.caller.show(each)
            return Stopped() if task.diff else Taken(frozenset(each.path for each in diffs))
        with self.caller.interrupts.stopping(self._interrupt):
            verdict = decide(Proposed(diffs))
        return Stopped() if task.diff else verdict

    def _diffs(self, proposal: Proposal) -> Iterator[FileChanged]:
        for file in proposal.files:
            if file.path not in proposal.contents:
                continue
            before, after = self._text(file.path), proposal.contents[file.path]
            if before != after:
                diff, is_edited = unified(file.path, before, after), file.path in self.remaining.edited
                yield FileChanged(file.path, file.action or "change", file.why, diff, is_edited)

    def _with_prompt(self, record: Record) -> Record:
        """Return the record with the new prompt, unless the change is only shown."""
        if not self.task.prompt or self.task.diff:
            return record
        return replace(record, given=self.task.prompt, prompt_file=self.task.source)

    def _make(self, proposal: Proposal, paths: frozenset[str]) -> None:
        """Write the accepted files of the change in one step that a kill cannot split."""
        delivery, request = self.delivery, self.task.request.strip()
        contents = {path: text for path, text in proposal.contents.items() if path in paths}
        touched = tuple(file for file in proposal.files if file.path in paths)
        record = self._with_prompt(delivery.record)
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
        self.caller.interrupts.hint = safe(self._resume_hint())
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

"""A run from a prompt: settings, server, method and output folder joined."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from smol_dev import __version__
from smol_dev.app.begun import begun
from smol_dev.app.caller import Caller
from smol_dev.app.check import UserCheck, check_isolation
from smol_dev.app.interrupts import note, raise_interrupt
from smol_dev.app.job import job_of, refusing
from smol_dev.chat import STAGES
from smol_dev.config.explain import as_dict
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.config.load import Loaded, load
from smol_dev.errors import InterruptedRunError, ServerError, SmolError, UsageError, WorkspaceError
from smol_dev.events import ChangeStarted, Failed, FilesReady, Noticed, PlanReady, RunDone, RunStarted, Warned
from smol_dev.redact import redact
from smol_dev.run import pipeline
from smol_dev.run.conversation import Job, Written
from smol_dev.run.delivery import Delivery
from smol_dev.run.review import Decision, Draft, agree
from smol_dev.run.start import Program, change_command, start_of
from smol_dev.safe import MOST_NAMED, listed, safe
from smol_dev.server.client import Client
from smol_dev.server.connect import connected
from smol_dev.workspace.folder import resume_command
from smol_dev.workspace.record import Provenance, Record, whole
from smol_dev.workspace.sandbox import Isolation
from smol_dev.workspace.writer import Remaining, Workspace

UNREACHED: Final = frozenset({"not_running", "dns", "tls", "proxy"})
"""Kinds of failure in which no server answered."""


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
    """The result of a run: its closing event, its record, and the failure that stopped it early, if any."""

    done: RunDone
    record: Record
    error: SmolError | None = None


def generate(task: Task, flags: Flags, caller: Caller) -> RunDone:
    """Run the whole method from a prompt.

    Raise `SmolError` for a failure before the first request; later failures are shown and set the exit code.
    """
    work = generate_async(task, load_shown(flags, caller), caller)
    return caller.wait_for(work).done


def load_shown(flags: Flags, caller: Caller) -> Loaded:
    """Return the settings, showing their warnings."""
    loaded = load(flags, caller.surroundings, approve=caller.approve)
    for warning in loaded.warnings:
        caller.show(Warned(warning))
    return loaded


async def generate_async(task: Task, loaded: Loaded, caller: Caller) -> RunOutcome:
    """Run the whole method from a prompt, in the running event loop."""
    isolation = None if task.plan_only else check_isolation(loaded, caller)
    with open_folder(task, caller.surroundings, lambda: loaded) as workspace:
        with caller.interrupts.stopping(raise_interrupt):
            _ask_before_replacing(workspace, task, caller)
        record = Record(task.prompt, {}, given=task.prompt, prompt_file=task.source)
        return await Run(task, loaded, caller, workspace, record, isolation).drive()


def open_program(task: Task, flags: Flags, here: Surroundings) -> Workspace:
    """Open the task's folder, or else the one in the settings, which must hold a program."""
    return open_folder(task, here, lambda: load(flags, here, connect=False), resume=True)


def open_folder(task: Task, here: Surroundings, settings: Callable[[], Loaded], *, resume: bool = False) -> Workspace:
    """Open the task's folder, or else the one in the settings."""
    folder, below = place_of(task.folder, settings)
    return Workspace.open(
        folder,
        cwd=here.cwd,
        home=here.home,
        overwrite=task.overwrite,
        resume=resume,
        allow_sensitive=task.allow_sensitive,
        no_links_below=below,
        provenance=Provenance(here.state),
    )


def place_of(folder: Path | None, settings: Callable[[], Loaded]) -> tuple[Path, Path | None]:
    """Return the output folder, and the folder below which links are refused, None if the user named the folder."""
    if folder is not None:
        return folder, None
    loaded = settings()
    if not loaded.run.output_dir:
        raise UsageError("the output folder has no name", hint="name it: `-o DIR`, or `-o .`")
    layers, named_folder = loaded.layers, Path(loaded.run.output_dir)
    if _is_named(loaded):
        return named_folder, None
    return named_folder, layers.project.path.parent if layers.project else layers.surroundings.cwd


def _is_named(loaded: Loaded) -> bool:
    first = next((layer for layer in loaded.layers.all if "output_dir" in layer.table("run")), None)
    return first is not None and first.kind == "flags"


def _ask_before_replacing(workspace: Workspace, task: Task, caller: Caller) -> None:
    """Raise `WorkspaceError` unless the user agrees to replace the program of another prompt."""
    present = workspace.present()
    if not present or task.overwrite:
        return
    kept = f"copies of what is replaced are kept in `{workspace.root / '.smol/backup'}`"
    if workspace.earlier_prompt == task.prompt:
        caller.show(Warned(f"files of the run before are replaced when they come again; {kept}"))
        return
    more = " and more" if len(present) > MOST_NAMED else ""
    what = f"`{workspace.root}` holds the program of another prompt: {listed(present[:MOST_NAMED])}{more}"
    if caller.may_replace is not None and caller.may_replace(f"{what}; {kept}"):
        return
    raise WorkspaceError(
        what,
        hint=f'choose another folder: `-o DIR`, change it: `smol_dev change "…"`, or replace it: `--overwrite`; {kept}',
        reason="occupied",
    )


def over(workspace: Workspace, caller: Caller, said: Noticed, changed: tuple[str, ...] = ()) -> RunDone:
    """Show the notice and closing event of work that needed no model; return that event."""
    done = RunDone(str(workspace.root), changed, (), 0, None, None, None, 0, 0.0, (), 0)
    caller.show(said)
    caller.show(done)
    return done


@dataclass(eq=False)
class Run:
    """One run, from the first request to the closing event; `remaining` is what a resumed run has left to do."""

    task: Task
    loaded: Loaded
    caller: Caller
    workspace: Workspace
    record: Record
    isolation: Isolation | None
    remaining: Remaining | None = None

    def __post_init__(self) -> None:
        loaded, self.is_connected = self.loaded, False
        self.check: UserCheck | None = None
        self.bound = loaded.secrets()
        self.secrets = self.bound.secrets
        self.is_foreign = self.remaining is not None and not self.workspace.is_ours
        self.record = replace(
            self.record,
            profile={"name": loaded.name, "settings": as_dict(loaded)},
            problems=(),  # problems are searched for again
            check={},
            begun=asdict(begun(loaded.layers, secrets=self.secrets, allow_sensitive=self.task.allow_sensitive)),
            tool_version=__version__,
        )

    async def drive(self) -> RunOutcome:
        """Run to the end, a fatal failure, or a signal."""
        delivery = Delivery(
            self.workspace,
            self.record,
            self.caller.show,
            secrets=self.secrets,
            max_file_bytes=self.loaded.run.max_file_bytes,
            strict=self.task.strict,
        )
        interrupts = self.caller.interrupts
        interrupts.hint = safe(self._go_on())
        try:
            outcome = RunOutcome(await self._deliver(delivery), delivery.record)
        except SmolError as error:
            outcome = await self._stop(delivery, error)
        except asyncio.CancelledError:
            if interrupts.caught is None:
                with suppress(SmolError):
                    await self._back()
                    await delivery.finish_writing()  # a complete file is worth keeping
                raise
            outcome = await self._stop(delivery, self._interrupted(interrupts.caught))
        finally:
            delivery.close()
        outcome = replace(outcome, done=self._with_next_steps(outcome.done))
        self._keep()
        self.caller.show(outcome.done)
        return outcome

    def _with_next_steps(self, done: RunDone) -> RunDone:
        """Return the closing event with the commands to start and change the program, if there is one."""
        record = self.workspace.record
        if done.stopped or done.failed or not done.present:
            return done
        here, root = self.caller.surroundings.cwd, self.workspace.root
        folder = (root.relative_to(here) if root.is_relative_to(here) else root).as_posix()
        try:
            texts = {path: self.workspace.read(path) for path, each in record.states.items() if each.state == "done"}
        except WorkspaceError:  # a file was removed meanwhile
            return done
        is_usual = self.task.folder is None and not _is_named(self.loaded)
        is_canned = self.loaded.profile.provider == "demo"  # the demo has answers for only one change
        change = "" if is_canned else change_command("" if is_usual else folder)
        return replace(done, start=start_of(Program(texts, record.plan, folder)), change=change)

    def _keep(self) -> None:
        """Record the program's current state, so that a later change can be undone."""
        record = self.workspace.record
        if not any(state.state == "done" for state in record.states.values()):
            return
        if self.check is not None and self.check.best is not None:
            return  # the check has recorded every state
        try:
            timeline = self.workspace.timeline()
            if timeline.history.target is None:
                timeline.capture("build" if self.remaining is None else "resume", record.prompt, record)
        except SmolError as error:
            self.caller.show(Warned(f"no state of the program was kept: {error.message}", error.hint))

    async def _deliver(self, delivery: Delivery) -> RunDone:
        caller = self.caller
        async with connected(self.loaded, caller.show, secrets=self.bound, keep_secret=caller.keep_secret) as client:
            self.is_connected = True
            self._start(client, delivery)
            await self._work(client, delivery)
        return await delivery.finish()

    def _start(self, client: Client, delivery: Delivery) -> None:
        profile = client.profile
        asked = {"model": profile.model, "base_url": profile.base_url}
        models = {stage: profile.stage(stage).model for stage in STAGES}
        resumed = self.remaining is not None or bool(self.record.plan)
        started = ChangeStarted if self.task.request else RunStarted
        self.caller.show(
            started(
                str(self.workspace.root),
                self.loaded.name,
                server=profile.provider,
                resumed=resumed,
                models=models,
                **asked,
            )
        )
        delivery.record = replace(delivery.record, server={**asked, "provider": profile.provider, "models": models})

    async def _work(self, client: Client, delivery: Delivery) -> None:
        """Run the method, as far as the user accepts it."""
        follow = partial(self._follow, client, delivery)
        self._announce()
        self._give_up_on_occupied(delivery)
        await delivery.save()
        job = await self._agreed(self._job(client), delivery, follow)
        if job is not None:
            await follow(job)

    async def _follow(self, client: Client, delivery: Delivery, job: Job) -> None:
        await pipeline.run(client, replace(job, check=self._check(delivery)), delivery.take)
        await delivery.finish_writing()

    def _check(self, delivery: Delivery) -> UserCheck | None:
        if self.isolation is not None:
            self.check = UserCheck(
                self.loaded,
                self.isolation,
                self.caller,
                self.workspace,
                delivery,
                readable=self._may_read,
                may_rewrite_all=self.task.rewrite,
            )
        return self.check

    async def _agreed(self, job: Job, delivery: Delivery, follow: Callable[[Job], Awaitable[None]]) -> Job | None:
        """Return the job that the user accepts (this one, if not asked); None to stop after the list."""
        review = self.caller.review
        if review is None:
            return job

        def ask(draft: Draft) -> Decision:
            with self.caller.interrupts.stopping(self._interrupt):
                return review(draft)

        accepted = await agree(job, delivery, follow=follow, ask=ask, show=self.caller.show)
        if accepted is None:
            self.caller.show(
                Warned("stopped before any file was written; the plan and the list are kept", hint=self._go_on())
            )
            return None
        if self.remaining is not None and accepted.prompt != self.record.prompt:
            return replace(accepted, todo=None, written={})  # another program, so every file is requested
        if self.remaining is not None:
            self.remaining = self.workspace.remaining(accepted.files)
            accepted = replace(accepted, todo=self._todo())
        return accepted

    async def _stop(self, delivery: Delivery, error: SmolError) -> RunOutcome:
        """Save what is finished, ignoring signals, and show why the run stops."""
        with self.caller.interrupts.stopping(note):
            try:
                await self._back()
                await delivery.finish_writing()
                if isinstance(error, ServerError) and self._never_reached(error, delivery):
                    self.workspace.withdraw()
                    done = delivery.closing(error.exit_code, stopped=True)
                else:
                    done = await delivery.finish(error.exit_code)
            except SmolError as disk:
                error = disk if delivery.record.plan else error
                done = delivery.closing(error.exit_code, stopped=True)
        self.caller.show(Failed(error.message, error.hint, error.exit_code))
        return RunOutcome(done, delivery.record, error)

    async def _back(self) -> None:
        if self.check is not None:
            await self.check.back()

    def _never_reached(self, error: ServerError, delivery: Delivery) -> bool:
        """Return whether no server answered, so that nothing was begun and nothing can be resumed."""
        return not delivery.record.plan and (not self.is_connected or error.kind in UNREACHED)

    def _interrupted(self, number: int) -> InterruptedRunError:
        return InterruptedRunError("interrupted", hint=self._go_on(), signal=number)

    def _interrupt(self, number: int) -> NoReturn:
        raise self._interrupted(number)

    def _go_on(self) -> str:
        return f"go on with {resume_command(self.workspace.root)}"

    def _announce(self) -> None:
        show, is_whole = self.caller.show, self.remaining is not None and not self.remaining.todo
        if self.record.plan and not is_whole:
            show(PlanReady(self.record.plan))
        if self.remaining is None:
            return
        if not is_whole:
            show(FilesReady(self.record.files, there=tuple(path for path in self.record.files if path in self._there)))
        for path in self.remaining.edited:
            show(Warned(f"`{path}` was changed since it was written, and is kept as it is"))

    @property
    def _there(self) -> frozenset[str]:
        return frozenset((*self.remaining.finished, *self.remaining.edited) if self.remaining else ())

    def _give_up_on_occupied(self, delivery: Delivery) -> None:
        """Report the files of a resumed run that cannot be written."""
        if self.remaining is None:
            return
        for path, error in self.workspace.obstacles(self.remaining):
            if not self.task.only or path in self.task.only:
                delivery.fail(path, error.reason, error)

    def _may_read(self, path: str) -> bool:
        """Return whether a request may contain an edited file; with another user's record, only those in `include`."""
        return not self.is_foreign or path in self.task.include

    def _todo(self) -> tuple[str, ...] | None:
        if self.remaining is None:
            return None
        only = self.task.only
        return tuple(path for path in self.remaining.todo if not only or path in only)

    def _job(self, client: Client) -> Job:
        job = job_of(self.loaded, client, self.record, allow_sensitive=self.task.allow_sensitive)
        return replace(
            job,
            plan_only=self.task.plan_only,
            settle=refusing(job.settle, self._telling, shown=partial(redact, secrets=self.secrets)),
            todo=self._todo(),
            written={} if self.remaining is None else self._written(self.remaining),
            locked=frozenset(self.remaining.edited if self.remaining is not None else ()),
        )

    def _telling(self, path: str) -> str:
        return "holds a part of a secret of the configuration" if redact(path, self.secrets) != path else ""

    def _written(self, remaining: Remaining) -> dict[str, Written]:
        """Return the turns for the files already written; an edited file counts with its current text."""
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

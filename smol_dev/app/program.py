"""The commands on a program: build, resume, fix and change it, undo a change, and list what was done."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import SequenceMatcher
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

from smol_dev import prompts
from smol_dev.app.adopt import adopted
from smol_dev.app.caller import Caller
from smol_dev.app.check import check_isolation
from smol_dev.app.interrupts import raise_interrupt
from smol_dev.app.session import ChangeSession, RunOutcome, Session, Task, names_folder
from smol_dev.app.settings import begun_of, load_shown, restored
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.config.load import Loaded, load
from smol_dev.errors import UsageError, WorkspaceError
from smol_dev.events import Noticed, RunDone, Show, Warned
from smol_dev.run.review import Draft, ListEdited, PlanEdited, list_of, plan_of, revised
from smol_dev.safe import MOST_NAMED, command, listed, named
from smol_dev.workspace.folder import resume_command
from smol_dev.workspace.history import NOTHING, State, Timeline, history_of
from smol_dev.workspace.paths import settle
from smol_dev.workspace.record import Provenance, Record, list_text
from smol_dev.workspace.writer import Workspace

LIKENESS: Final = 0.6
"""The similarity of two prompts, from 0 to 1, from which one counts as a version of the other."""

MOST_WORDS: Final = 3_000
"""The most words of each prompt that are compared."""

UNIT: Final = re.compile(r"(?<=[.!?])\s+|\n\s*")
"""What separates the sentences and lines of a prompt."""

MOST_PLAN: Final = 256 * 1024
MOST_LIST: Final = 1024 * 1024
"""The most bytes of an edited plan and list."""


def build(task: Task, flags: Flags, caller: Caller) -> RunDone:
    """Build a program from the prompt, or change the one in the folder that was built from an earlier version of it."""
    try:
        workspace = open_program(task, flags, caller.surroundings)
    except WorkspaceError:  # no readable record: a new program, if the folder allows it
        return generate(task, flags, caller)
    with workspace:
        workspace.timeline().refuse_broken_off()
        done = None if task.fresh or task.overwrite else _update(workspace, task, flags, caller)
    if done is not None:
        return done
    return generate(replace(task, overwrite=task.overwrite or task.fresh), flags, caller)


def generate(task: Task, flags: Flags, caller: Caller) -> RunDone:
    """Build a new program from the prompt.

    Raise `SmolError` for a failure before the first request; later failures are shown and set the exit code.
    """
    return caller.wait_for(generate_async(task, load_shown(flags, caller), caller)).done


async def generate_async(task: Task, loaded: Loaded, caller: Caller) -> RunOutcome:
    """Build a new program from the prompt, in the running event loop."""
    isolation = None if task.plan_only else check_isolation(loaded, caller)
    with _open(task, caller.surroundings, lambda: loaded) as workspace:
        with caller.interrupts.stopping(raise_interrupt):
            _ask_before_replacing(workspace, task, caller)
        record = Record(task.prompt, {}, given=task.prompt, prompt_file=task.source)
        return await Session(task, loaded, caller, workspace, record, isolation).drive()


def resume(task: Task, flags: Flags, caller: Caller) -> RunDone:
    """Finish an earlier run in the folder, with its original profile as the settings now define it."""
    with open_program(task, flags, caller.surroundings) as workspace:
        session = _resumed(workspace, task, flags, caller)
        if (nothing := _nothing_to_do(session)) is not None:
            return _show_done(workspace, caller, Noticed(nothing))
        return caller.wait_for(session.drive()).done


def fix(task: Task, words: Sequence[str], flags: Flags, caller: Caller) -> RunDone:
    """Write missing files, run a check on the program in the folder, and let the model mend what fails.

    The check is the command in `words`, or else that of the settings, or else the last one used.
    """
    if words:
        flags = flags.with_named("run.check", list(words), "the command of `fix`")
    with open_program(task, flags, caller.surroundings) as workspace:
        session = _resumed(workspace, task, flags, caller, needs_check=True)
        if missing := listed(session.remaining.todo) if session.is_listed else "the file list":
            caller.show(Noticed(f"missing files are written first: {missing}"))
        return caller.wait_for(session.drive()).done


def change(task: Task, flags: Flags, caller: Caller) -> RunDone:
    """Propose a change of the program in a folder, and make the part that the user accepts."""
    with _open_to_change(task, flags, caller) as workspace:
        return caller.wait_for(_changing(workspace, task, flags, caller).drive()).done


async def change_async(task: Task, settings: Flags | Loaded, caller: Caller) -> RunOutcome:
    """Do the same as `change` in the running event loop; `Flags` are combined with those the program was made with."""
    with _open_to_change(task, Flags(), caller) as workspace:
        return await _changing(workspace, task, settings, caller).drive()


def undo(folder: Path | None, flags: Flags, caller: Caller, *, redo: bool, keep_mine: bool, theirs: bool) -> RunDone:
    """Undo the last change, or with `redo` make the last undone change again.

    Raise `WorkspaceError` if an edit of the user would be lost, unless `keep_mine` or `theirs` decides.
    """
    with open_program(Task(folder=folder), flags, caller.surroundings) as workspace:
        _allow(workspace, ())
        timeline = workspace.timeline()

        def left(edited: tuple[str, ...]) -> tuple[str, ...]:
            """Return the edited files to leave alone. Raise `WorkspaceError` if the user has not decided."""
            if not edited or keep_mine or theirs:
                return edited if keep_mine else ()
            raise WorkspaceError(
                f"you changed {listed(edited)} since, and {'redo' if redo else 'undo'} would replace that",
                hint="keep your version of these files: `--keep-mine`, or replace it (a copy is kept): `--theirs`",
                reason="occupied",
            )

        history = timeline.history
        if history.target is not None and history.current is not None:
            target = history.target if redo else history.current
            moved = timeline.move(target, leave=left(_edited(timeline, target)))
        else:
            before, after = _turn(timeline, workspace, redo=redo)
            timeline.capture("edit", "", workspace.record)
            edited = timeline.edited(before, after)
            target = timeline.turned(before, after, leave=left(edited))
            moved = timeline.move(target, copied=edited)
        what = "made again" if redo else "taken back"
        notice = Noticed(f"{what}: {', '.join(map(named, moved)) or 'nothing but the record'}")
        return _show_done(workspace, caller, notice, tuple(path for path in moved if path in target.files))


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One step of a program's history: its local time, request and touched files."""

    number: int
    time: str
    kind: str
    request: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def log(folder: Path | None, flags: Flags, here: Surroundings) -> tuple[LogEntry, ...]:
    """Return the steps that led to the current program, newest first."""
    place, below = _place(folder, lambda: load(flags, here, connect=False))
    line = history_of(place, cwd=here.cwd, home=here.home, no_links_below=below)
    return tuple(_entry(state, before) for before, state in reversed(list(pairwise((NOTHING, *line)))))


def _entry(state: State, before: State) -> LogEntry:
    old, new = before.files, state.files
    return LogEntry(
        state.number,
        datetime.fromtimestamp(state.time).astimezone().isoformat(sep=" ", timespec="minutes"),
        state.kind,
        state.request,
        added=tuple(path for path in new if path not in old),
        changed=tuple(path for path in new if path in old and new[path] != old[path]),
        removed=tuple(path for path in old if path not in new),
    )


def open_program(task: Task, flags: Flags, here: Surroundings) -> Workspace:
    """Open the task's folder, or else the one in the settings, which must hold a program."""
    return _open(task, here, lambda: load(flags, here, connect=False), resume=True)


def _open(task: Task, here: Surroundings, settings: Callable[[], Loaded], *, resume: bool = False) -> Workspace:
    folder, below = _place(task.folder, settings)
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


def _place(folder: Path | None, settings: Callable[[], Loaded]) -> tuple[Path, Path | None]:
    """Return the output folder, and the folder below which links are refused, None if the user named the folder."""
    if folder is not None:
        return folder, None
    loaded = settings()
    if not loaded.run.output_dir:
        raise UsageError("the output folder has no name", hint="name it: `-o DIR`, or `-o .`")
    layers = loaded.layers
    above = layers.project.path.parent if layers.project else layers.surroundings.cwd
    return Path(loaded.run.output_dir), None if names_folder(loaded) else above


def _show_done(workspace: Workspace, caller: Caller, notice: Noticed, written: tuple[str, ...] = ()) -> RunDone:
    """Show the notice and closing event of work that needed no model; return that event."""
    done = RunDone(str(workspace.root), written, (), 0, None, None, None, 0, 0.0, (), 0)
    caller.show(notice)
    caller.show(done)
    return done


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


def _update(workspace: Workspace, task: Task, flags: Flags, caller: Caller) -> RunDone | None:
    """Change the program if the prompt is another version of its own, do nothing if it is the same; else return None.

    Raise `UsageError` or `WorkspaceError` if the program cannot be changed by its prompt now.
    """
    record, root = workspace.record, workspace.root
    before = record.given or record.prompt
    if record.plan and before.split() == task.prompt.split():
        load_shown(flags, caller)  # invalid or unapproved settings are an error here too
        return _show_done(workspace, caller, _unchanged(workspace))
    if not record.done or not _is_version(record, before, task):
        return None
    if task.plan_only or caller.review is not None:
        raise UsageError(
            f"`{root}` holds the program of an earlier version of the prompt, and a change has no plan of its own to"
            " stop at",
            hint="look at the change before it is made: `--diff`, or plan the program again: `--fresh`",
        )
    if _is_unfinished(workspace):
        raise WorkspaceError(
            f"the prompt has changed, and the run in `{root}` is not finished",
            hint=f"finish it first: {resume_command(root)}, or start over: `--fresh`",
            reason="occupied",
        )
    task = replace(task, request=prompts.grown(*_difference(before, task.prompt)))
    _refuse_silent(task, caller)
    caller.show(Noticed("the prompt has changed since the program was made, so the program is changed"))
    return caller.wait_for(_changing(workspace, task, flags, caller).drive()).done


def _unchanged(workspace: Workspace) -> Noticed:
    root = workspace.root
    if _is_unfinished(workspace):
        what = f"the prompt is unchanged, and the run in `{root}` is not finished"
        return Noticed(what, f"finish it: {resume_command(root)}, or start over: `--fresh`")
    what = f"nothing to do: the prompt of the program in `{root}` is unchanged"
    return Noticed(what, "start over, with copies of what is replaced: `--fresh`")


def _is_unfinished(workspace: Workspace) -> bool:
    remaining = workspace.remaining()
    return not workspace.record.files or bool(remaining.todo or remaining.occupied)


def _is_version(record: Record, before: str, task: Task) -> bool:
    """Return whether the prompt is a version of the earlier one: from the same file, an extension, or similar."""
    if task.source and task.source == record.prompt_file:
        return True
    old, new = before.split()[:MOST_WORDS], task.prompt.split()[:MOST_WORDS]
    return new[: len(old)] == old or SequenceMatcher(None, old, new, autojunk=False).ratio() >= LIKENESS


def _difference(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines and sentences added to the prompt, and those removed."""
    old, new = ([unit.strip() for unit in UNIT.split(text) if unit.strip()] for text in (before, after))
    added, removed = [], []
    for _, begin, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[begin:end] != new[first:last]:
            removed += old[begin:end]
            added += new[first:last]
    return added, removed


def _resumed(workspace: Workspace, task: Task, flags: Flags, caller: Caller, *, needs_check: bool = False) -> Session:
    _finish_move(workspace, caller.show)
    loaded, caller = restored(workspace, flags, caller)
    if needs_check and not loaded.run.check:
        loaded = replace(loaded, run=loaded.run.model_copy(update={"check": _last_check(workspace)}))
    task = replace(task, allow_sensitive=_allow(workspace, task.allow_sensitive))
    isolation = None if task.plan_only else check_isolation(loaded, caller)
    record = _with_edits(workspace, task, loaded.run.max_files, caller.show)
    for path in task.only:
        if record.files and path not in record.files:
            raise UsageError(
                f"{command('--only {path}', path=path)} names no file of this run",
                hint="its files are: " + ", ".join(map(named, record.files[:20])),
            )
    return Session(task, loaded, caller, workspace, record, isolation)


def _finish_move(workspace: Workspace, show: Show) -> None:
    timeline = workspace.timeline()
    if (target := timeline.history.target) is None:
        return
    edited = _edited(timeline, target)
    moved = timeline.move(target, leave=edited)
    show(Noticed(f"the interrupted change is finished: {', '.join(map(named, moved)) or 'its record'}"))
    if edited:
        show(Warned(f"you changed {', '.join(map(named, edited))} since; that is kept as it is"))


def _edited(timeline: Timeline, target: State) -> tuple[str, ...]:
    """Return the files that a move to this state would replace although the user has changed them."""
    return tuple(each.path for each in timeline.differences(target) if each.is_edited)


def _allow(workspace: Workspace, given: tuple[str, ...]) -> tuple[str, ...]:
    """Allow sensitive files, including those allowed originally if this user wrote the record; return all of them."""
    then = begun_of(workspace.record.begun).allow_sensitive if workspace.is_ours else ()
    allowed = tuple(dict.fromkeys((*then, *given)))
    workspace.allow_sensitive(allowed)
    return allowed


def _last_check(workspace: Workspace) -> object:
    """Return the check command that was used last. Raise `UsageError` if there is none."""
    if workspace.is_ours and "command" in workspace.record.check:
        return workspace.record.check["command"]
    example = command("smol_dev fix {dir} -- python -m pytest -q", dir=workspace.root)
    raise UsageError(
        f"there is no check for `{workspace.root}`, a command that tests the program",
        hint=f"name one: {example}; or set `check` in `[run]`",
    )


def _with_edits(workspace: Workspace, task: Task, max_files: int, show: Show) -> Record:
    """Return the record with the user's edits of plan and list; an edited plan means a new list."""
    record = workspace.record
    rules = Draft("", (), partial(settle, allow_sensitive=task.allow_sensitive), max_files)
    plan = _text(workspace.read_edited("plan.md", limit=MOST_PLAN), ".smol/plan.md", MOST_PLAN)
    raw, source, files = workspace.read_edited("files.txt", limit=MOST_LIST), ".smol/files.txt", record.files
    if task.list_file is not None:
        raw, source = _read(task.list_file), str(task.list_file)
    text = _text(raw, source, MOST_LIST)
    if text is not None and (task.list_file is not None or text != list_text(files)):
        files = list_of(text, rules)
    is_new_list = files != record.files
    if plan is not None and plan.rstrip("\n") != record.plan.rstrip("\n"):
        record = revised(record, PlanEdited(plan_of(plan), keeps_list=False))
        show(Noticed("the plan is taken as it was edited"))
    if (task.list_file is not None or is_new_list) and files != record.files:
        record = revised(record, ListEdited(files))
        show(Noticed("the file list is taken as it was edited"))
    return record


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_LIST + 1)
    except OSError as error:
        what = f"the list `{path}` cannot be read: {error.strerror}"
        raise UsageError(what, hint="check the path of `--files`") from error


def _text(raw: bytes | None, source: str, limit: int) -> str | None:
    """Return the text of an edited file, with LF line endings. Raise `UsageError` if it is invalid."""
    if raw is None:
        return None
    hint = f"save `{source}` as UTF-8 text of at most {limit // 1024} KiB"
    if len(raw) > limit:
        raise UsageError(f"`{source}` is longer than {limit // 1024} KiB", hint=hint)
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"`{source}` is not UTF-8 (byte {error.start})", hint=hint) from error
    if "\0" in text:
        raise UsageError(f"`{source}` holds a NUL character", hint=hint)
    return text


def _nothing_to_do(session: Session) -> str | None:
    only, remaining, workspace = session.task.only, session.remaining, session.workspace
    if not session.is_listed or session.task.plan_only:
        return None
    missing = (*remaining.todo, *(path for path, _ in workspace.obstacles(remaining)))
    if only and not set(only) & set(missing):
        return f"nothing to do: {', '.join(map(named, only))} is there already"
    if not missing and session.isolation is None:
        return f"nothing to do: the run in `{workspace.root}` is finished, {len(session.record.files)} files"
    return None


def _open_to_change(task: Task, flags: Flags, caller: Caller) -> Workspace:
    if not task.request.strip():
        raise UsageError("the change is empty", hint='say what is to be changed: `smol_dev change "…"`')
    _refuse_silent(task, caller)
    if task.adopt:
        loaded = load_shown(flags, caller)
        record = adopted(task.folder or Path(loaded.run.output_dir), loaded, caller, is_undoable=not task.yes)
        if record is not None:
            adopting = Task(folder=task.folder, overwrite=True)
            with _open(adopting, caller.surroundings, lambda: loaded) as workspace:
                workspace.take_over(record)
    return open_program(Task(folder=task.folder), flags, caller.surroundings)


def _refuse_silent(task: Task, caller: Caller) -> None:
    """Raise `UsageError` if nobody can be asked about a change and neither `yes` nor `diff` decides."""
    if caller.decide is None and not (task.yes or task.diff):
        raise UsageError(
            "a change is shown before it is made, and there is no terminal to ask on",
            hint="make it without asking: `--yes`, or only show it: `--diff`",
        )


def _changing(workspace: Workspace, task: Task, settings: Flags | Loaded, caller: Caller) -> ChangeSession:
    record = workspace.record
    if not record.done:
        raise WorkspaceError(
            f"the run in `{workspace.root}` has written no file yet",
            hint=f"finish it first: {resume_command(workspace.root)}",
        )
    workspace.timeline().refuse_broken_off()
    if isinstance(settings, Flags):
        settings, caller = restored(workspace, settings, caller)
    task = replace(task, allow_sensitive=_allow(workspace, task.allow_sensitive))
    isolation = check_isolation(settings, caller)
    return ChangeSession(task, settings, caller, workspace, record, isolation)


def _turn(timeline: Timeline, workspace: Workspace, *, redo: bool) -> tuple[State, State]:
    """Return the states from and to which the undo or redo goes."""
    hint = "see what was done: " + command("smol_dev log {dir}", dir=workspace.root)
    if redo:
        if timeline.history.undone is None:
            raise UsageError("no change was taken back after the last one", hint=hint)
        return timeline.history.undone
    if timeline.history.last is None:
        raise UsageError(f"no change was made in `{workspace.root}` that could be taken back", hint=hint)
    before, after = timeline.history.last
    return after, before

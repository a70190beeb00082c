"""Resumed runs: restore the settings of the first session, if this user wrote its record, and finish the rest."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from smol_dev import __version__
from smol_dev.app.begun import begun_of, differences, resumed
from smol_dev.app.build import Run, Task, load_shown, open_program, over
from smol_dev.app.caller import Caller
from smol_dev.app.check import check_isolation
from smol_dev.config.explain import as_dict
from smol_dev.config.layers import Flags, read_layers
from smol_dev.config.load import Loaded, load
from smol_dev.config.profiles import list_profiles
from smol_dev.errors import AnswerError, ConfigError, TrustError, UsageError
from smol_dev.events import Noticed, RunDone, Show, Warned
from smol_dev.run.review import Draft, ListEdited, PlanEdited, changed, list_of, plan_of
from smol_dev.safe import MOST_NAMED, command, listed, named
from smol_dev.workspace.paths import settle
from smol_dev.workspace.record import Record, list_text
from smol_dev.workspace.writer import Workspace

MOST_PLAN: Final = 256 * 1024
MOST_LIST: Final = 1024 * 1024


def resume(task: Task, flags: Flags, caller: Caller) -> RunDone:
    """Finish an earlier run in the folder, with its original profile as the settings now define it."""
    with open_program(task, flags, caller.surroundings) as workspace:
        run = _resumed(workspace, task, flags, caller)
        if (done := _nothing_to_do(run)) is not None:
            return over(workspace, caller, Noticed(done))
        return caller.wait_for(run.drive()).done


def fix(task: Task, words: Sequence[str], flags: Flags, caller: Caller) -> RunDone:
    """Write missing files, run a check on the program in the folder, and let the model mend what fails.

    The check is the command in `words`, or else that of the settings, or else the last one used.
    """
    if words:
        flags = replace(flags, named={**flags.named, "run.check": (list(words), "the command of `fix`")})
    with open_program(task, flags, caller.surroundings) as workspace:
        run = _resumed(workspace, task, flags, caller, checks=True)
        if missing := "the file list" if run.remaining is None else listed(run.remaining.todo):
            caller.show(Noticed(f"missing files are written first: {missing}"))
        return caller.wait_for(run.drive()).done


def _resumed(workspace: Workspace, task: Task, flags: Flags, caller: Caller, *, checks: bool = False) -> Run:
    """Return the run that continues the recorded one; `checks` requires a check command."""
    finish_move(workspace, caller.show)
    record = workspace.record
    loaded, there = settings_of(workspace, record, flags, caller)
    loaded = _checking(loaded, record, workspace) if checks else loaded
    task = replace(task, allow_sensitive=allow(workspace, task.allow_sensitive))
    isolation = None if task.plan_only else check_isolation(loaded, there)
    record = _edited(record, workspace, task, loaded, there)
    _check_only(task.only, record)
    remaining = workspace.remaining(record.files) if record.files else None
    return Run(task, loaded, there, workspace, record, isolation, remaining)


def allow(workspace: Workspace, given: tuple[str, ...]) -> tuple[str, ...]:
    """Allow sensitive files, including those allowed originally if this user wrote the record; return all of them."""
    then = begun_of(workspace.record.begun).allow_sensitive if workspace.is_ours else ()
    allowed = tuple(dict.fromkeys((*then, *given)))
    workspace.allow_sensitive(allowed)
    return allowed


def _checking(loaded: Loaded, record: Record, workspace: Workspace) -> Loaded:
    """Return the settings with a check, by default the last one used. Raise `UsageError` if there is none."""
    if loaded.run.check:
        return loaded
    if workspace.is_ours and "command" in record.check:
        return replace(loaded, run=loaded.run.model_copy(update={"check": record.check["command"]}))
    example = command("smol_dev fix {dir} -- python -m pytest -q", dir=workspace.root)
    raise UsageError(
        f"there is no check for `{workspace.root}`, a command that tests the program",
        hint=f"name one: {example}; or set `check` in `[run]`",
    )


def finish_move(workspace: Workspace, show: Show) -> None:
    """Finish a change that was interrupted while its files were written."""
    timeline = workspace.timeline()
    if (target := timeline.history.target) is not None:
        edited = tuple(each.path for each in timeline.differences(target) if each.is_edited)
        changed = timeline.move(target, leave=edited)
        show(Noticed(f"the interrupted change is finished: {', '.join(map(named, changed)) or 'its record'}"))
        if edited:
            show(Warned(f"you changed {', '.join(map(named, edited))} since; that is kept as it is"))


def _edited(record: Record, workspace: Workspace, task: Task, loaded: Loaded, caller: Caller) -> Record:
    """Return the record with the user's edits of plan and list; an edited plan means a new list."""
    rules = Draft("", (), partial(settle, allow_sensitive=task.allow_sensitive), loaded.run.max_files)
    plan = _text(workspace.read_edited("plan.md", limit=MOST_PLAN), ".smol/plan.md", MOST_PLAN)
    raw, source = workspace.read_edited("files.txt", limit=MOST_LIST), ".smol/files.txt"
    if task.list_file is not None:
        raw, source = _read(task.list_file), str(task.list_file)
    listed, files = _text(raw, source, MOST_LIST), record.files
    if listed is not None and (task.list_file is not None or listed != list_text(files)):
        files = list_of(listed, rules)
    is_listed = task.list_file is not None or files != record.files
    if plan is not None and plan.rstrip("\n") != record.plan.rstrip("\n"):
        record = changed(record, PlanEdited(plan_of(plan), keeps_list=False))
        caller.show(Noticed("the plan is taken as it was edited"))
    if is_listed and files != record.files:
        caller.show(Noticed("the file list is taken as it was edited"))
        record = changed(record, ListEdited(files))
    return record


def _nothing_to_do(run: Run) -> str | None:
    """Return a message if every requested file exists; None if there is something to do."""
    task, remaining, workspace = run.task, run.remaining, run.workspace
    if remaining is None or task.plan_only:
        return None
    missing = (*remaining.todo, *(path for path, _ in workspace.obstacles(remaining)))
    if task.only and not set(task.only) & set(missing):
        return f"nothing to do: {', '.join(map(named, task.only))} is there already"
    if not missing and run.isolation is None:
        return f"nothing to do: the run in `{workspace.root}` is finished, {len(run.record.files)} files"
    return None


def _check_only(only: tuple[str, ...], record: Record) -> None:
    for path in only:
        if record.files and path not in record.files:
            raise UsageError(
                f"{command('--only {path}', path=path)} names no file of this run",
                hint="its files are: " + ", ".join(map(named, record.files[:20])),
            )


def settings_of(workspace: Workspace, record: Record, flags: Flags, caller: Caller) -> tuple[Loaded, Caller]:
    """Return the settings to continue with, and the caller with the surroundings that belong to them.

    If this user wrote the record here, its profile, flags and variables apply unless overridden now, and
    differences are shown. Otherwise its settings are ignored: raise `TrustError` if it names another
    profile than the selected one and no profile is given now.
    """
    if workspace.is_ours:
        loaded, there = _as_begun(record, flags, caller)
    else:
        _refuse_other_profile(workspace, record, flags, caller)
        loaded, there = load_shown(flags, caller), caller
    if len(record.files) > loaded.run.max_files:
        enough = command("-c run.max_files={count}", count=len(record.files))
        raise AnswerError(
            f"the record lists {len(record.files):,} files, more than `run.max_files` ({loaded.run.max_files:,})",
            hint=f"raise it with {enough}",
            reason="wrong_format",
        )
    return loaded, there


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_LIST + 1)
    except OSError as error:
        raise UsageError(
            f"the list `{path}` cannot be read: {error.strerror}", hint="check the path of `--files`"
        ) from error


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


def _as_begun(record: Record, flags: Flags, caller: Caller) -> tuple[Loaded, Caller]:
    name = str(record.profile.get("name") or "")
    merged, around = resumed(begun_of(record.begun), name, flags, caller.surroundings)
    there = replace(caller, surroundings=around)
    known = {line.name for line in list_profiles(read_layers(merged, around))}
    if name not in known and merged.profile == name and flags.profile is None:
        raise ConfigError(
            f"the run was begun with the profile {named(name)}, which no file defines any more",
            hint="`smol_dev profiles list` shows those that are there: `smol_dev resume -p NAME`",
        )
    loaded = load_shown(merged, there)
    if loaded.name == name and (found := _found_then(record, loaded)):
        chosen = {key: (text, "the record of the run") for key, text in found.items()}
        flags = replace(merged, named={**merged.named, **chosen})
        loaded = load(flags, around, approve=caller.approve)
    _tell_differences(record, loaded, caller)
    return loaded, there


def _found_then(record: Record, loaded: Loaded) -> dict[str, str]:
    """Return the server and model that the run detected because no setting names them; none for a demo's server."""
    profile = loaded.profile
    keys = [] if profile.base_url or profile.provider == "demo" else ["base_url", "provider"]
    keys += [] if profile.model else ["model"]
    found = {key: record.server.get(key) for key in keys}
    return {key: text for key, text in found.items() if isinstance(text, str) and text}


def _tell_differences(record: Record, loaded: Loaded, caller: Caller) -> None:
    then = record.profile.get("settings")
    if not isinstance(then, dict) or record.tool_version != __version__:
        return
    found = differences(then, as_dict(loaded))
    for key in ("base_url", "provider", "model"):
        if record.server.get(key) == getattr(loaded.profile, key):
            found = tuple(each for each in found if not each.startswith(f"`{key}`"))
    if found:
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        caller.show(Warned(f"different from when the run began: {', '.join(found[:MOST_NAMED])}{more}"))


def _refuse_other_profile(workspace: Workspace, record: Record, flags: Flags, caller: Caller) -> None:
    selected = read_layers(flags, caller.surroundings).selected
    theirs = record.profile.get("name")
    source = f"the record in `{workspace.root}` was not written here by you"
    if flags.profile is None and isinstance(theirs, str) and theirs not in {"", selected}:
        raise TrustError(
            f"{source}; it names the profile {named(theirs)}, and {named(selected)} is selected",
            hint="say which one is to be asked: "
            + command("smol_dev resume --profile {mine} {dir}", mine=selected, dir=workspace.root)
            + " or "
            + command("smol_dev resume --profile {their} {dir}", their=theirs, dir=workspace.root),
        )
    caller.show(Warned(f"{source}: its prompt, plan and list are taken as text, its settings are left out"))

"""A prompt run in a folder: build a new program, change the one built from an earlier version, or do nothing."""

import re
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Final

from smol_dev import prompts
from smol_dev.app.build import Task, generate, load_shown, open_program, over
from smol_dev.app.caller import Caller
from smol_dev.app.change import change_in, refuse_silent
from smol_dev.config.layers import Flags
from smol_dev.errors import UsageError, WorkspaceError
from smol_dev.events import Noticed, RunDone
from smol_dev.workspace.folder import resume_command
from smol_dev.workspace.record import Record
from smol_dev.workspace.writer import Workspace

LIKENESS: Final = 0.6
"""The similarity of two texts, from 0 to 1, from which one counts as a version of the other."""

MOST_WORDS: Final = 3_000
"""The most words of each text that are compared."""

UNIT: Final = re.compile(r"(?<=[.!?])\s+|\n\s*")


def run_prompt(task: Task, flags: Flags, caller: Caller) -> RunDone:
    """Build a program from the prompt, or change the one in the folder that was built from an earlier version of it."""
    try:
        workspace = open_program(task, flags, caller.surroundings)
    except WorkspaceError:  # no readable record: a new program, if the folder allows it
        return generate(task, flags, caller)
    with workspace:
        record = workspace.record
        workspace.timeline().refuse_broken_off()
        done = None if task.fresh or task.overwrite else _version(workspace, record, task, flags, caller)
    if done is not None:
        return done
    return generate(replace(task, overwrite=task.overwrite or task.fresh), flags, caller)


def _version(workspace: Workspace, record: Record, task: Task, flags: Flags, caller: Caller) -> RunDone | None:
    """Update the program if the prompt is the same or another version of its prompt; else return None."""
    is_begun = bool(record.plan)
    is_written = any(state.state == "done" for state in record.states.values())
    before = record.given or record.prompt
    if is_begun and before.split() == task.prompt.split():
        load_shown(flags, caller)  # invalid or unapproved settings are an error here too
        return over(workspace, caller, Noticed(*_unchanged(workspace, record)))
    if not is_written or not _is_version(record, before, task):
        return None
    _refuse_unfit(workspace, record, task, caller)
    changing = replace(task, request=prompts.grown(*_changed(before, task.prompt)))
    refuse_silent(changing, caller)
    caller.show(Noticed("the prompt has changed since the program was made, so the program is changed"))
    return change_in(workspace, changing, flags, caller)


def _unchanged(workspace: Workspace, record: Record) -> tuple[str, str]:
    """Return the message and hint for an unchanged prompt."""
    if _is_unfinished(workspace, record):
        return f"the prompt is unchanged, and the run in `{workspace.root}` is not finished", (
            f"finish it: {resume_command(workspace.root)}, or start over: `--fresh`"
        )
    return f"nothing to do: the prompt of the program in `{workspace.root}` is unchanged", (
        "start over, with copies of what is replaced: `--fresh`"
    )


def _is_unfinished(workspace: Workspace, record: Record) -> bool:
    if not record.files:
        return True
    remaining = workspace.remaining(record.files)
    return bool(remaining.todo or remaining.occupied)


def _is_version(record: Record, before: str, task: Task) -> bool:
    """Return whether the prompt is a version of the earlier one: from the same file, an extension, or similar."""
    if task.source and task.source == record.prompt_file:
        return True
    old, new = before.split()[:MOST_WORDS], task.prompt.split()[:MOST_WORDS]
    return new[: len(old)] == old or SequenceMatcher(None, old, new, autojunk=False).ratio() >= LIKENESS


def _changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines and sentences added to the prompt, and those removed."""
    old, new = ([unit.strip() for unit in UNIT.split(text) if unit.strip()] for text in (before, after))
    added, removed = [], []
    for _, begin, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[begin:end] != new[first:last]:
            removed += old[begin:end]
            added += new[first:last]
    return added, removed


def _refuse_unfit(workspace: Workspace, record: Record, task: Task, caller: Caller) -> None:
    """Raise `UsageError` or `WorkspaceError` if the program cannot be changed by its prompt now."""
    if task.plan_only or caller.review is not None:
        raise UsageError(
            f"`{workspace.root}` holds the program of an earlier version of the prompt, and a change has no plan"
            " of its own to stop at",
            hint="look at the change before it is made: `--diff`, or plan the program again: `--fresh`",
        )
    if _is_unfinished(workspace, record):
        raise WorkspaceError(
            f"the prompt has changed, and the run in `{workspace.root}` is not finished",
            hint=f"finish it first: {resume_command(workspace.root)}, or start over: `--fresh`",
            reason="occupied",
        )

"""The user's decisions: on a plan and its list before any file is written, and on a change to a program."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from smol_dev.errors import UsageError
from smol_dev.events import FileChanged, FilesReady, Show
from smol_dev.run.conversation import Job, PathRules
from smol_dev.run.delivery import Delivery
from smol_dev.workspace.record import Record


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan and its list for the user to decide on, and what an edited list must satisfy."""

    plan: str
    files: tuple[str, ...]
    path_rules: PathRules
    max_files: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Permission to write the files."""


@dataclass(frozen=True, slots=True)
class PlanEdited:
    """Another plan; `keeps_list` keeps the files, otherwise the model is asked to list them again."""

    plan: str
    keeps_list: bool


@dataclass(frozen=True, slots=True)
class ListEdited:
    """Other files, or the same in another order."""

    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """A request for a fresh plan and list, with this remark after the prompt."""

    remark: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop: nothing is written, and the plan and the list are kept."""


Revision = PlanEdited | ListEdited | AskedAgain
Decision = Accepted | Stopped | Revision


@dataclass(frozen=True, slots=True)
class Proposed:
    """A change for the user to decide on, which the screen has not shown yet."""

    files: tuple[FileChanged, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """The files of a change that may be written or removed; the others stay as they are."""

    paths: frozenset[str]


Verdict = Taken | AskedAgain | Stopped


def revised(record: Record, revision: Revision) -> Record:
    """Return the record after the revision, without what has to be asked for again."""
    match revision:
        case PlanEdited(plan, keeps_list=True):
            return replace(record, plan=plan, plan_answer=plan)
        case PlanEdited(plan):
            return replace(record, plan=plan, plan_answer=plan, files=(), list_answer="", list_asked="", dropped=())
        case ListEdited(files):
            return replace(record, files=files, list_answer=json.dumps({"files": files}), list_asked="", dropped=())
        case AskedAgain(remark):
            prompt = f"{record.prompt}\n\n{remark}"
            return revised(replace(record, prompt=prompt), PlanEdited("", keeps_list=False))


def following(job: Job, record: Record) -> Job:
    """Return the job with the record's prompt, plan and list."""
    return replace(
        job,
        prompt=record.prompt,
        plan=record.plan,
        list_asked=record.list_asked,
        list_answer=record.list_answer,
        files=record.files,
    )


def plan_of(text: str) -> str:
    """Return the plan in an edited file. Raise `UsageError` if it is empty."""
    if not text.strip():
        raise UsageError("the plan is empty", hint="write what is to be built, or stop instead")
    return text.strip()


def list_of(text: str, draft: Draft) -> tuple[str, ...]:
    """Return the files of an edited list. Raise `UsageError` naming every path that may not be written."""
    lines = [line.strip() for line in text.splitlines()]
    wanted = [line.removeprefix("\\") for line in lines if line and not line.startswith("#")]
    accepted, refused = draft.path_rules(wanted)
    if refused:
        raise UsageError(
            "the list holds what may not be written: " + "; ".join(f"`{path}` ({why})" for path, why in refused),
            hint="correct or remove these lines",
        )
    if not accepted:
        raise UsageError("the list is empty", hint="name at least one file, or stop instead")
    if len(accepted) > draft.max_files:
        raise UsageError(
            f"the list names {len(accepted):,} files, more than `run.max_files` ({draft.max_files:,})",
            hint="remove some, or stop and raise it with `-c run.max_files=N`",
        )
    return accepted


async def agree(
    job: Job,
    delivery: Delivery,
    *,
    follow: Callable[[Job], Awaitable[None]],
    ask: Callable[[Draft], Decision],
    show: Show,
) -> Job | None:
    """Return the job with the accepted plan and list, or None when the user stops.

    `follow` runs a job, and delivers and shows its steps. Each state that the user has seen or chosen is recorded
    before anything else happens, so that an interruption loses none of it.
    """
    while True:
        await follow(replace(job, plan_only=True))
        job = following(job, delivery.record)
        decision = ask(Draft(job.plan, job.files, job.path_rules, job.max_files))
        if isinstance(decision, Accepted):
            return job
        if isinstance(decision, Stopped):
            return None
        record = revised(delivery.record, decision)
        plan = delivery.clean(record.plan)
        delivery.record = replace(record, plan=plan, plan_answer=plan)
        job = following(job, delivery.record)
        await delivery.save()
        if isinstance(decision, ListEdited):
            show(FilesReady(job.files))

"""A plan and its file list before any file is written: what the user may decide, and what follows."""

import json
from dataclasses import dataclass, replace

from smol_dev.errors import UsageError
from smol_dev.run.conversation import Job, Settle


@dataclass(frozen=True, slots=True)
class Draft:
    """What the user decides on, with the rules that an edited list is held to."""

    plan: str
    files: tuple[str, ...]
    settle: Settle
    max_files: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The files may be written."""


@dataclass(frozen=True, slots=True)
class PlanEdited:
    """Another plan; with `keeps_list` the files stay, else the model lists them anew from it."""

    plan: str
    keeps_list: bool


@dataclass(frozen=True, slots=True)
class ListEdited:
    """Other files, or another order."""

    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """A fresh plan and list are wanted, with the remark after the prompt."""

    remark: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing is written now; plan and list are kept."""


Change = PlanEdited | ListEdited | AskedAgain
Decision = Accepted | Stopped | Change


def draft_of(job: Job) -> Draft:
    """What there is to decide on in a job that has its plan and its list."""
    return Draft(job.plan, job.files, job.settle, job.max_files)


def changed(job: Job, change: Change) -> Job:
    """The job after the change; what has to be asked for anew is empty in it."""
    match change:
        case PlanEdited(plan, keeps_list=True):
            return replace(job, plan=plan)
        case PlanEdited(plan):
            return replace(job, plan=plan, files=(), list_answer="")
        case ListEdited(files):
            return replace(job, files=files, list_answer=json.dumps({"files": files}))
        case AskedAgain(remark):
            prompt = f"{job.prompt}\n\n{remark}"
            return replace(job, prompt=prompt, plan="", files=(), list_answer="")


def plan_of(text: str) -> str:
    """The plan of an edited file. Raises `UsageError` when nothing is left of it."""
    if not text.strip():
        raise UsageError("the plan is empty", hint="write what is to be built, or stop instead")
    return text.strip()


def list_of(text: str, draft: Draft) -> tuple[str, ...]:
    """The files of an edited list. Raises `UsageError` that names every path that may not be written."""
    lines = [line.strip() for line in text.splitlines()]
    wanted = [line.removeprefix("\\") for line in lines if line and not line.startswith("#")]
    accepted, refused = draft.settle(wanted)
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

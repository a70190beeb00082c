"""`--review`: a plan and its list are asked for and changed until the user accepts them or stops."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from smol_dev.events import FilesReady, Show
from smol_dev.run.conversation import Job
from smol_dev.run.delivery import Delivery
from smol_dev.run.draft import Accepted, Decision, Draft, ListEdited, Stopped, changed, draft_of
from smol_dev.workspace.record import FileState, Record


async def agree(
    job: Job,
    delivery: Delivery,
    *,
    follow: Callable[[Job], Awaitable[None]],
    ask: Callable[[Draft], Decision],
    show: Show,
) -> Job | None:
    """The job with the accepted plan and list, or None when the user stops.

    `follow` runs a job, delivers its steps and shows them. The record holds each state that the user was shown
    or has chosen before anything else happens, so that an interruption loses none of it.
    """
    while True:
        await follow(replace(job, plan_only=True))
        record = delivery.record
        job = replace(
            job, plan=record.plan, list_asked=record.list_asked, list_answer=record.list_answer, files=record.files
        )
        decision = ask(draft_of(job))
        if isinstance(decision, Accepted):
            return job
        if isinstance(decision, Stopped):
            return None
        job = changed(job, decision)
        job = replace(job, plan=delivery.clean(job.plan))
        delivery.record = recorded(record, job)
        await delivery.save()
        if isinstance(decision, ListEdited):
            show(FilesReady(job.files))


def recorded(record: Record, job: Job) -> Record:
    """The record of the job as the user changed it."""
    return replace(
        record,
        prompt=job.prompt,
        plan=job.plan,
        plan_answer=job.plan,
        list_asked=job.list_asked,
        list_answer=job.list_answer,
        files=job.files,
        dropped=record.dropped if job.files == record.files else (),
        states={path: FileState(path, "planned") for path in job.files},
    )

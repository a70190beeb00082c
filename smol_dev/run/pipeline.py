"""The method: ask for a plan, a list of files and each file, then mend those that do not fit together.

It asks a `Chat` and reports to `tell`; it writes nothing and knows no server, folder or screen.
"""

import json
import logging
from typing import Final

from smol_dev import prompts
from smol_dev.chat import Chat
from smol_dev.errors import AnswerError
from smol_dev.events import Dropped, FilesReady, Noticed, PlanReady, Warned
from smol_dev.replies.file_list import paths_in_plan, read_file_list
from smol_dev.replies.plan import read_plan
from smol_dev.replies.verdicts import FileList, Rejected
from smol_dev.run.ask import Flawed, Question, ask, unless_copied
from smol_dev.run.conversation import Conversation, Job, ListSaid, Tell
from smol_dev.run.strategies import write_files
from smol_dev.safe import command

LOG: Final = logging.getLogger(__name__)
MOST_LISTED: Final = 10_000
"""Files; a model that lists more is stuck in a loop."""


async def run(chat: Chat, job: Job, tell: Tell) -> None:
    """Do the job, and report every step to `tell`.

    Raise `ServerError` or `AnswerError` when there is no usable plan or list. A file without a usable answer becomes a
    `FileMissing` and does not stop the others. An exception from `tell` ends the run. However the run ends, no request
    is left open.
    """
    talk = Conversation(chat, job, tell)
    await talk.learn()
    if not talk.plan:
        await make_plan(talk)
        await talk.learn()
    if not talk.files:
        await list_files(talk)
    if job.plan_only:
        return
    await write_files(talk)
    # Imported only after the last file, so that no request waits for the parsers to load.
    from smol_dev.run.mend import fix, mend  # noqa: PLC0415 - as said above

    if job.check_references and talk.contents:
        await mend(talk)
    if job.check is not None and all(path in talk.contents or path in job.locked for path in talk.files):
        await fix(talk, job.check)
    elif job.check is not None:
        talk.tell(Noticed("the check does not run, as files are missing"))


async def make_plan(talk: Conversation) -> None:
    """Ask for the plan and store it in `talk`."""
    talk.plan = (await ask(talk, Question("plan", talk.system(), lambda _: talk.plan_request(), read_plan))).value
    talk.tell(PlanReady(talk.plan))


async def list_files(talk: Conversation) -> None:
    """Ask for the file list and store it in `talk`; without a usable answer, take the files from the plan.

    Raise `AnswerError` when no listed file may be written, or when the list is too long.
    """
    complaint = "The answer named other files than those of the plan."
    read = unless_copied(_read_list, lambda listed: listed.files == prompts.EXAMPLE_LIST, complaint)
    question = Question(
        "files",
        talk.shared(),
        lambda form: talk.list_request(example=form.example),
        read,
        opening=lambda _: prompts.LIST_OPENING,
        schema=prompts.FILE_LIST_SCHEMA,
    )
    try:
        answered = await ask(talk, question)
    except AnswerError as error:
        found = paths_in_plan(talk.plan)
        if error.reason not in {"empty", "wrong_format", "refusal"} or isinstance(found, Rejected):
            raise
        listed, talk.list_answer = found, json.dumps({"files": found.files})
        talk.tell(Warned(f"{error.message}; the files are taken from the plan"))
    else:
        listed, talk.list_answer, talk.list_asked = answered.value, answered.said, answered.turns[-1].content
        if answered.flaw:
            talk.tell(Warned(f"the file list may leave out a file: {answered.flaw}"))
    ready = _settle(talk, listed)
    talk.files = ready.files
    talk.tell(ListSaid(talk.list_asked, talk.list_answer))
    talk.tell(ready)


def _read_list(answer: str, finish_reason: str | None) -> FileList | Flawed[FileList] | Rejected:
    listed = read_file_list(answer, finish_reason=finish_reason, max_files=MOST_LISTED)
    if isinstance(listed, Rejected) and listed.listed is not None:
        return Flawed(listed.listed, listed.message)
    if isinstance(listed, FileList):
        LOG.info("file list: %d paths, read as `%s`", len(listed.files), listed.form)
    return listed


def _settle(talk: Conversation, listed: FileList) -> FilesReady:
    accepted, refused = talk.job.path_rules(listed.files)
    dropped = tuple(Dropped(path, why) for path, why in (*listed.dropped, *refused))
    most = talk.job.max_files
    if len(accepted) > most:
        enough = command("-c run.max_files={count}", count=len(accepted))
        raise AnswerError(
            f"the file list names {len(accepted):,} files, more than `run.max_files` ({most:,})",
            hint=f"raise it with {enough}, or ask for a smaller program",
            reason="wrong_format",
        )
    if not accepted:
        raise AnswerError(
            "the file list names nothing that may be written: "
            + "; ".join(f"`{entry.path[:200]}` ({entry.reason})" for entry in dropped[:5]),
            hint="say in the prompt which files you want, or try another model with `--model`",
            reason="unsafe_path",
        )
    return FilesReady(accepted, dropped)

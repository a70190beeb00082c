"""The method: a plan, a list of files, then each file; a generator of what happens.

It asks a `Chat` and yields events; it writes nothing and knows no server, no folder and no screen.
"""

import itertools
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from smol_dev import prompts
from smol_dev.chat import Chat
from smol_dev.errors import AnswerError
from smol_dev.events import Dropped, FilesReady, PlanReady, Warned
from smol_dev.replies.file_list import paths_in_plan, read_file_list
from smol_dev.replies.plan import read_plan
from smol_dev.replies.verdicts import FileList, Rejected
from smol_dev.run.ask import Answered, Question, Step, Wording, ask
from smol_dev.run.conversation import Conversation, Job
from smol_dev.run.strategies import Checked, FileMissing, FileReady, write_files
from smol_dev.safe import command

LOG: Final = logging.getLogger(__name__)
MOST_LISTED: Final = 10_000
"""A list longer than this is not a list but a model that counts."""


@dataclass(frozen=True, slots=True)
class ListSaid:
    """The file list's turns of the conversation as they were asked and said, for the record."""

    asked: str
    text: str


Happening = Step | ListSaid | FileReady | FileMissing | Checked


async def run(chat: Chat, job: Job) -> AsyncGenerator[Happening, None]:
    """Everything that happens, in order, until the last file was had or given up.

    Raises `ServerError` or `AnswerError` when the plan or the list cannot be had. A file that
    cannot be had is a `FileMissing`, and the others go on. Closed early, every request is dropped.
    """
    talk = Conversation(chat, job)
    await talk.learn()
    if not talk.plan:
        async with aclosing(make_plan(talk)) as planning:
            async for step in planning:
                yield step
    if not talk.files:
        async with aclosing(list_files(talk)) as listing:
            async for list_step in listing:
                yield list_step
    if job.plan_only:
        return
    files = {path: written.content for path, written in job.written.items()}
    async with aclosing(write_files(talk)) as writing:
        async for file_step in writing:
            if isinstance(file_step, FileReady):
                files[file_step.path] = file_step.content
            yield file_step
    if job.check_references and files:
        # The parsers of a check are loaded when the last file is there: no request waits for them.
        from smol_dev.run.mend import mend  # noqa: PLC0415 - as said above

        async with aclosing(mend(talk, files)) as mending:
            async for mending_step in mending:
                yield mending_step


async def make_plan(talk: Conversation) -> AsyncGenerator[Step, None]:
    """Ask for the plan, which `talk` then knows."""
    *before, request = talk.opening()
    question = Question(
        "plan", tuple(before), lambda _: Wording(request.content), read_plan, talk.job.settings("plan").answer_retries
    )
    async with aclosing(ask(talk.chat, question, talk.budget("plan"))) as steps:
        async for step in steps:
            if isinstance(step, Answered):
                talk.plan = step.value
                yield PlanReady(step.value)
            else:
                yield step
    await talk.learn()


async def list_files(talk: Conversation) -> AsyncGenerator[Step | ListSaid, None]:
    """Ask for the file list, which `talk` then knows; from the plan where no list can be had.

    Raises `AnswerError` when nothing of the list may be written, or when it is longer than allowed.
    """
    question = Question(
        "files",
        talk.shared(),
        lambda form: Wording(
            talk.list_request(example=form.example),
            enforced=talk.list_request(example=False),
            opening=prompts.LIST_OPENING,
        ),
        _list_reader(),
        talk.job.settings("files").answer_retries,
        schema=prompts.FILE_LIST_SCHEMA,
    )
    try:
        async with aclosing(ask(talk.chat, question, talk.budget("files"))) as steps:
            async for step in steps:
                if isinstance(step, Answered):
                    listed, said = step.value, step.said
                    talk.list_asked = step.turns[-1].content
                else:
                    yield step
    except AnswerError as error:
        listed = _from_plan(talk, error)
        said = json.dumps({"files": listed.files})
        yield Warned(f"{error.message}; the files are taken from the plan")
    settled = _settle(talk, listed)
    talk.files, talk.list_answer = settled.files, said
    yield ListSaid(talk.list_asked, said)
    yield settled


def _list_reader() -> Callable[[str, str | None], FileList | Rejected]:
    """Reads the list; the first one that names just the files of the example has copied them."""
    copies = itertools.count()

    def read(answer: str, finish_reason: str | None) -> FileList | Rejected:
        listed = read_file_list(answer, finish_reason=finish_reason, max_files=MOST_LISTED)
        if isinstance(listed, FileList):
            LOG.info("file list: %d paths, read as `%s`", len(listed.files), listed.form)
        if isinstance(listed, Rejected) or listed.files != prompts.EXAMPLE_LIST or next(copies):
            return listed
        return Rejected("wrong_format", "The answer named other files than those of the plan.", example=False)

    return read


def _from_plan(talk: Conversation, error: AnswerError) -> FileList:
    found = paths_in_plan(talk.plan)
    if error.reason not in {"empty", "wrong_format", "refusal"} or isinstance(found, Rejected):
        raise error
    return found


def _settle(talk: Conversation, listed: FileList) -> FilesReady:
    accepted, refused = talk.job.settle(listed.files)
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

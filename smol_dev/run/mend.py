"""One round of mending: the model is told what is wrong with each file that does not fit the others.

A new version replaces the old one only if it has fewer problems and breaks nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from smol_dev import prompts
from smol_dev.chat import Message
from smol_dev.checks import RULES, Problem, check
from smol_dev.errors import AnswerError, ServerError
from smol_dev.events import Noticed, ProblemFound
from smol_dev.languages.outline import outline
from smol_dev.run.ask import Answered, Form, Question, Wording, ask
from smol_dev.run.conversation import Checked, Conversation, FileReady
from smol_dev.run.strategies import file_reader

PLANNED_NAME: Final = re.compile(r"`([A-Za-z_]\w{2,60})\(")
"""A function as plans name it, in back-ticks with its parameters."""

MOST_SHOWN: Final = 20
"""Problems of one file that a request names; a model does not mend more at once."""

FIT: Final = tuple(rule for rule in RULES if rule != "syntax")
"""The rules of a run; syntax was checked when the file was read."""


async def mend(talk: Conversation) -> None:
    """Check the files against each other, and ask once more for each that has problems.

    Tell `Checked` at the end if anything was found.
    """
    now = talk.contents
    others = [path for path in talk.files if path not in now]
    found = problems_of(now, others)
    for path in dict.fromkeys(problem.path for problem in found):
        before = problems_of(now, others)
        own = [problem for problem in before if problem.path == path]
        if not own or path in talk.job.locked:
            continue
        more = f" and {counted(len(own) - 1)} more" if len(own) > 1 else ""
        talk.tell(Noticed(f"mending `{path}`: line {own[0].line}: {own[0].message}{more}"))
        try:
            answered = await _ask(talk, path, own)
        except (AnswerError, ServerError) as error:
            talk.tell(Noticed(f"`{path}` stays as it is: {error.message}"))
            if isinstance(error, ServerError):
                break
            continue
        if is_better(problems_of({**now, path: answered.value}, others), before, path):
            now[path] = answered.value
            talk.answers.pop(path, None)
            talk.answers[path] = (*answered.turns, Message("assistant", answered.said))
            usage, seconds, flaw = answered.usage, answered.seconds, answered.flaw
            talk.tell(FileReady(path, answered.value, usage, seconds, flaw, mends=True))
        else:
            talk.tell(Noticed(f"the new `{path}` fits no better; the first one is kept"))
    if found:
        talk.tell(Checked(tuple(_outcome(found, problems_of(now, others)))))


def problems_of(files: Mapping[str, str], others: Sequence[str]) -> tuple[Problem, ...]:
    """Return what does not fit together; `others` are the files whose texts are not known."""
    return check(files, others, rules=FIT)


def is_better(after: Sequence[Problem], before: Sequence[Problem], path: str) -> bool:
    """Return whether there are fewer problems now, and no new ones in another file than `path`."""
    others = {(each.path, each.rule, each.message) for each in before if each.path != path}
    new = any(each.path != path and (each.path, each.rule, each.message) not in others for each in after)
    return len(after) < len(before) and not new


def counted(number: int) -> str:
    """Return `1 problem`, `2 problems`."""
    return "1 problem" if number == 1 else f"{number:,} problems"


async def _ask(talk: Conversation, path: str, problems: Sequence[Problem]) -> Answered[str]:
    lines = [f"line {each.line}: {each.message}" for each in problems[:MOST_SHOWN]]
    outlines = {other: outline(other, text) for other, text in talk.contents.items() if other != path}
    undefined = _undefined(talk.plan, talk.contents)

    def words(form: Form) -> Wording:
        request = prompts.ask_mended(path, lines, outlines, undefined=undefined, fence=form.fence)
        return Wording(request, opening=prompts.file_opening(path, fence=form.fence))

    turns = talk.turns_before_mending(path, Message("user", words(Form()).text))
    read = file_reader(path, syntax_check=talk.job.syntax_check)
    return await ask(talk, Question("code", turns, words, read, retries=0, path=path))


def _undefined(plan: str, files: Mapping[str, str]) -> list[str]:
    """Return the functions that the plan names and no file mentions."""
    names = dict.fromkeys(PLANNED_NAME.findall(plan))
    words = {word for text in files.values() for word in re.findall(r"\w+", text)}
    return [name for name in names if name not in words]


def _outcome(before: Sequence[Problem], after: Sequence[Problem]) -> list[ProblemFound]:
    """Return the mended problems, then those that are left, where they stand now."""
    left = {(each.path, each.rule, each.message) for each in after}
    mended = [each for each in before if (each.path, each.rule, each.message) not in left]
    return [
        ProblemFound(each.path, each.line, each.column, each.rule, each.message, mended=done)
        for done, problems in ((True, mended), (False, after))
        for each in problems
    ]

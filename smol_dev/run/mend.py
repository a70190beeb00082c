"""Mending: the model rewrites files that do not fit together, or that the user's check complains about.

A new version replaces the old one only if it has fewer problems and breaks nothing else. In a round after a check, the
model names the files to change. The best state is kept: mending never makes the program worse.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from smol_dev import prompts
from smol_dev.chat import Message
from smol_dev.checks import RULES, Problem
from smol_dev.checks import check as problems_in
from smol_dev.errors import AnswerError, ServerError, SmolError
from smol_dev.events import CheckDone, CheckStarted, Noticed, ProblemFound, Warned
from smol_dev.languages.outline import outline
from smol_dev.languages.versions import gap
from smol_dev.replies.file_list import read_file_list
from smol_dev.replies.verdicts import Rejected
from smol_dev.run import check_output
from smol_dev.run.ask import Answered, Question, ask
from smol_dev.run.check_output import Report
from smol_dev.run.conversation import CheckCommand, Checked, CheckEnded, Conversation, exchange
from smol_dev.run.strategies import Versions, about_file, as_step, in_style
from smol_dev.workspace.command import Outcome

ENDED: Final = 124
"""The exit code for a command that was stopped but reported success, as `timeout` does it."""

MOST_NAMED: Final = 5
"""Files that one round may change."""

PLANNED_NAME: Final = re.compile(r"`([A-Za-z_]\w{2,60})\(")
"""A function as plans name it: in back-ticks, with its parameters."""

MOST_SHOWN: Final = 20
"""Problems of one file to name in a request; a model does not mend more at once."""

FIT: Final = tuple(rule for rule in RULES if rule != "syntax")
"""The rules of a run; syntax was checked when the file was read."""


async def mend(talk: Conversation) -> None:
    """Check the files against each other, and ask once more for each that has problems."""
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
            answered = await _ask_mended(talk, path, own)
        except (AnswerError, ServerError) as error:
            talk.tell(Noticed(f"`{path}` stays as it is: {error.message}"))
            if isinstance(error, ServerError):
                break
            continue
        is_whole = not (gap(now[path], answered.value) or lost_definitions(path, now[path], answered.value))
        if is_whole and is_better(problems_of({**now, path: answered.value}, others), before, path):
            now[path] = answered.value
            talk.answers.pop(path, None)  # the newest answer comes last
            talk.answers[path] = answered.conversation
            talk.tell(replace(as_step(path, answered), mends=True))
        else:
            talk.tell(Noticed(f"the new `{path}` fits no better; the first one is kept"))
    if found:
        left = problems_of(now, others)
        remaining = {_key(each) for each in left}
        mended = [each for each in found if _key(each) not in remaining]
        talk.tell(Checked((*(_event(each, mended=True) for each in mended), *(_event(each) for each in left))))


def _key(problem: Problem) -> tuple[str, str, str]:
    return problem.path, problem.rule, problem.message


def _event(problem: Problem, *, mended: bool = False) -> ProblemFound:
    return ProblemFound(problem.path, problem.line, problem.column, problem.rule, problem.message, mended=mended)


def problems_of(files: Mapping[str, str], others: Sequence[str]) -> tuple[Problem, ...]:
    """Return the problems between the files; `others` are paths whose text is unknown."""
    return problems_in(files, others, rules=FIT)


def is_better(after: Sequence[Problem], before: Sequence[Problem], path: str) -> bool:
    """Return whether there are fewer problems now, and no new ones outside `path`."""
    known = {_key(each) for each in before}
    return len(after) < len(before) and all(each.path == path or _key(each) in known for each in after)


def lost_definitions(path: str, before: str, after: str) -> bool:
    """Return whether fewer functions and types are defined than before: a file without them has fewer problems."""
    old, new = (
        {re.split(r"[(:]", name)[0] for name in outline(path, text) if name[:1] != "#" and re.search(r"[( ]", name)}
        for text in (before, after)
    )
    return len(old - new) > len(new - old)


def counted(number: int) -> str:
    """Return the number with its noun: `1 problem`, `2 problems`."""
    return "1 problem" if number == 1 else f"{number:,} problems"


async def _ask_mended(talk: Conversation, path: str, problems: Sequence[Problem]) -> Answered[str]:
    lines = [f"line {each.line}: {each.message}" for each in problems[:MOST_SHOWN]]
    outlines = {other: outline(other, text) for other, text in talk.contents.items() if other != path}
    words = {word for text in talk.contents.values() for word in re.findall(r"\w+", text)}
    undefined = [name for name in dict.fromkeys(PLANNED_NAME.findall(talk.plan)) if name not in words]
    request = partial(prompts.ask_mended, path, lines, outlines, undefined=undefined)
    turns = talk.turns_before_mending(path, Message("user", request()))
    return await ask(talk, about_file(talk, path, turns, request, retries=0))


@dataclass(frozen=True, slots=True)
class _State:
    """The check's result for one state of the files."""

    outcome: Outcome
    report: Report
    done: CheckDone

    @property
    def progress(self) -> int:
        """How far the check got: stopped, did not compile, died by a signal, ended, counted tests."""
        if self.outcome.stopped:
            return 0
        is_killed = self.outcome.signal and not self.report.counted
        return 2 if is_killed else {"errors": 1, "": 3, "tests": 4}[self.report.counted]

    def is_better_than(self, other: "_State") -> bool:
        """Return whether to keep it: it passes, gets further, passes more tests, or fails fewer or elsewhere."""
        new, old = self.report, other.report
        if self.outcome.passed or new.fingerprint == old.fingerprint:
            return self.outcome.passed
        if self.progress != other.progress:
            return self.progress > other.progress
        if not new.counted:
            return True
        if (new.passed or 0) != (old.passed or 0):  # a test file that cannot be loaded counts as one failure
            return (new.passed or 0) > (old.passed or 0)
        return (new.failed or 0) < (old.failed or 0)


async def fix(talk: Conversation, check: CheckCommand) -> CheckDone:
    """Run the check, mend what fails, and return the result for the files that are kept.

    A passing check costs no request. Mending stops early when a round changes nothing or improves nothing; in the
    second case, the files are restored.
    """
    best = await _run_check(talk, check, 0)
    _accept(talk, check, best)
    seen = set[str]()
    for number in range(1, check.rounds + 1):
        seen.add(best.report.fingerprint)
        if best.outcome.passed or not await _mend_failures(talk, check, best.report):
            break
        now = await _run_check(talk, check, number)
        if not now.is_better_than(best) or (now.report.fingerprint in seen and not now.outcome.passed):
            talk.tell(Noticed("that was no better; the files are as they were before"))
            await check.back()
            break
        best = now
        _accept(talk, check, best)
    return best.done


def _accept(talk: Conversation, check: CheckCommand, state: _State) -> None:
    check.accept()
    talk.tell(CheckEnded(check.command, state.done))


async def _run_check(talk: Conversation, check: CheckCommand, number: int) -> _State:
    await check.begin()
    talk.tell(CheckStarted(shlex.join(check.command), number))
    outcome = await check.run()
    texts, edited = check.found()  # the user or the command may have changed the files
    for path in [path for path in talk.contents if path not in texts]:
        del talk.contents[path]
    for path, text in texts.items():
        if talk.contents.get(path) != text:
            talk.wrote(path, text)
    talk.job = replace(talk.job, locked=edited)
    ended = f"ended by {outcome.signal}" if outcome.signal else ""
    if outcome.stopped:
        ended = f"not done after {check.timeout:g} s" if outcome.timed_out else "ended because it filled the disk"
    report = check_output.read(outcome.output, exit_code=outcome.exit_code, folder=check.folder, ended=ended)
    code = outcome.exit_code or (ENDED if outcome.stopped else 0)
    done = CheckDone(number, code, report.failed, report.passed, outcome.seconds, report.summary)
    talk.tell(done)
    return _State(outcome, report, done)


async def _mend_failures(talk: Conversation, check: CheckCommand, report: Report) -> bool:
    """Have the model rewrite the files that it names; return whether any of them changed."""
    try:
        turns, listed = await _ask_which_files(talk, check, report)
    except SmolError as error:
        talk.tell(Warned(f"the check was not mended: {error.message}", error.hint))
        return False
    paths = tuple(path for path in listed if _may_write(talk, check, path))
    if paths:
        talk.tell(Noticed(f"mending {', '.join(f'`{path}`' for path in paths)}"))
    changed = False
    for path in paths:
        try:
            answered = await _ask_fixed(talk, path, turns)
        except (AnswerError, ServerError) as error:
            talk.tell(Noticed(f"`{path}` stays as it is: {error.message}"))
            if isinstance(error, ServerError):
                break
            continue
        turns = answered.conversation
        if answered.flaw:
            talk.tell(Noticed(f"`{path}` stays as it is: {answered.flaw}"))
        elif answered.value != talk.contents.get(path):
            changed = True
            _replace(talk, path, answered)
    return changed


def _may_write(talk: Conversation, check: CheckCommand, path: str) -> bool:
    if path not in talk.job.locked or check.may_rewrite(path):
        return True
    talk.tell(Warned(f"`{path}` stays as you changed it", hint="allow it to be rewritten: `smol_dev fix --yes`"))
    return False


async def _ask_which_files(
    talk: Conversation, check: CheckCommand, report: Report
) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """Return the turns up to the model's list of files to change, and these files.

    Without a usable answer, take the files that the output names. Raise `AnswerError` if it names none.
    """
    words = {word.rstrip(".").removeprefix("./") for word in re.findall(r"[\w./-]+", report.text)}
    mentioned = [path for path in talk.contents if path in words]
    example = next(iter((*mentioned, *talk.contents)), "main.py")
    asked = prompts.ask_check(shlex.join(check.command), report.summary, report.text, path=example, most=MOST_NAMED)
    turns = _turns_before(talk, mentioned, asked)

    def read(answer: str, finish_reason: str | None) -> tuple[str, ...] | Rejected:
        found = read_file_list(answer, finish_reason=finish_reason, max_files=talk.job.max_files)
        if isinstance(found, Rejected):
            return found
        return _allowed(talk, found.files) or Rejected("wrong_format", "The answer named no file that may change.")

    try:
        answered = await ask(talk, Question("fix", turns, lambda _: asked, read, schema=prompts.FILE_LIST_SCHEMA))
    except AnswerError:
        paths = _allowed(talk, mentioned)
        if not paths:
            raise
        return (*turns, *exchange(asked, json.dumps({"files": paths}))), paths
    return answered.conversation, answered.value


def _turns_before(talk: Conversation, mentioned: Sequence[str], asked: str) -> tuple[Message, ...]:
    """Return the turns before the request: with all current files if they fit, else those that the output names."""
    for shown in (list(talk.contents), mentioned):
        turns = talk.shared() + tuple(turn for path in shown for turn in _shown(talk, path))
        if talk.budget("fix").fits((*turns, Message("user", asked))):
            return turns
    return talk.shared()


def _shown(talk: Conversation, path: str) -> tuple[Message, Message]:
    return exchange(talk.file_request(path, short=True), talk.contents[path])


def _allowed(talk: Conversation, paths: Sequence[str]) -> tuple[str, ...]:
    """Return the paths that may be written: files of the program, and new ones that collide with none of them."""
    accepted, _ = talk.job.path_rules((*talk.files, *(path for path in paths if path not in talk.files)))
    return tuple(path for path in dict.fromkeys(paths) if path in accepted)[:MOST_NAMED]


async def _ask_fixed(talk: Conversation, path: str, turns: tuple[Message, ...]) -> Answered[str]:
    if path in talk.contents and not any(turn.content == talk.contents[path] for turn in turns):
        turns = (*turns, *_shown(talk, path))
    versions, request = Versions(talk.contents.get(path, "")), partial(prompts.ask_fixed, path)
    return await ask(talk, about_file(talk, path, turns, request, stage="fix", versions=versions))


def _replace(talk: Conversation, path: str, answered: Answered[str]) -> None:
    text = in_style(talk.contents.get(path, ""), answered.value)
    talk.files = talk.files if path in talk.files else (*talk.files, path)
    talk.wrote(path, text)
    talk.answers.pop(path, None)
    talk.tell(replace(as_step(path, answered), content=text, mends=True))

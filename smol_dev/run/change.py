"""A change to a finished program: ask which files it touches, then for each complete file. Nothing is written.

The conversation continues from the finished program, so that the server finds it in its cache: the shared turns, the
current files, the request for the change.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from smol_dev import prompts
from smol_dev.chat import Chat, Message
from smol_dev.errors import AnswerError, ServerError
from smol_dev.events import Changed, ChangePlanned, Dropped, FileStarted, Noticed
from smol_dev.languages.outline import outline
from smol_dev.replies.change_list import ChangeList, Touched, read_change_list
from smol_dev.replies.verdicts import Rejected
from smol_dev.run.ask import Answered, Form, Question, ask, unless_copied
from smol_dev.run.conversation import Conversation, FileMissing, Job, Tell, exchange
from smol_dev.run.mend import mend
from smol_dev.run.strategies import Versions, about_file, as_step, in_style
from smol_dev.safe import named

NOT_ALLOWED: Final = "not among the files that may change"
SHORTEST_STEM: Final = 4
"""The fewest letters by which a request can name a file without its extension."""

TAKING_AWAY: Final = re.compile(
    r"(?:^|[.;:,!?\n-]|\b(?:(?<!drag )and|or|then|also|please|you(?: to)?|we|should|must|just|but))[^\S\n]*+"
    r"(?:remov|delet|drop|strip|cut|trim|short|simplif|reduc|shrink|minimi|condens|summari|split|mov|extract|separat"
    r"|merg|inlin|get rid|clean|tidy|replac|rewrit|minif|undo|revert|throw|turn|start over)"
    r"|\b(?:no longer|no more|any ?more|without|instead of|unused|duplicate[sd]?|from scratch|shorter|smaller|simpler"
    r"|minimal|keep only|only keep|a single|into (?:its|their|a|an) (?:own|new)|removed from)\b"
    r"|entfern|lösch|kürz|verschieb|aufteil|vereinfach|ersetz|streich|supprim|retir|enlev|raccourc|déplac|remplac"
    r"|elimin|quita|borra|acorta|reemplaz|rimuov|accorci|удал|убер|убра|сократ|упрост|перенес|перемест|замен"
    r"|删|移除|去掉|简化|缩短|拆分|移动|重写|替换|削除|短く|分割|置き換え",
    re.IGNORECASE,
)
"""What a request says that takes something out of a file: a much shorter version may then be what is meant."""

NOT_THERE: Final = "not in the program"
NOT_SHOWN: Final = "not shown to the model (no text in UTF-8, too long, or edited in a program from elsewhere)"


@dataclass(frozen=True, slots=True)
class Wish:
    """The change that the user wants. It may touch only the paths in `only`, or any if that is empty.

    `before` describes what was changed since the plan was written.
    """

    request: str
    only: frozenset[str] = frozenset()
    before: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that nobody has accepted yet: its files in the order of writing, and what it may not touch.

    `contents` are the new texts by path, None for a file to remove. `missing` holds the files without a usable answer;
    with any of them the proposal is incomplete.
    """

    files: tuple[Touched, ...]
    dropped: tuple[Dropped, ...] = ()
    contents: Mapping[str, str | None] = field(default_factory=dict)
    missing: Mapping[str, FileMissing] = field(default_factory=dict)


class Change:
    """One change to the program in `job.written`."""

    def __init__(self, chat: Chat, job: Job, wish: Wish, tell: Tell) -> None:
        self.talk = Conversation(chat, job, tell)
        self._wish = wish
        self._turns: tuple[Message, ...] = ()
        self._shown: frozenset[str] = frozenset()
        self._feedback = ""

    async def propose(self, feedback: str = "") -> Proposal:
        """Return a change; `feedback` is what the user said about the previous proposal.

        Raise `ServerError` or `AnswerError` when the model does not say which files to touch.
        """
        talk, self._feedback = self.talk, feedback
        if not self._turns:
            await talk.learn()
            self._begin()
        before = {path: file.content for path, file in talk.job.written.items()}
        talk.contents = dict(before)
        files, dropped = await self._plan(feedback)
        removed = [file.path for file in files if file.action == "remove"]
        contents: dict[str, str | None] = dict.fromkeys(removed)
        missing: dict[str, FileMissing] = {}
        for file in (file for file in files if file.action != "remove"):
            talk.tell(FileStarted(file.path))
            try:
                contents[file.path] = await self._write(file)
            except (AnswerError, ServerError) as error:
                missing[file.path] = FileMissing(file.path, error.reason, error)
                talk.tell(missing[file.path])
                if isinstance(error, ServerError):
                    break
        for path in removed:
            talk.contents.pop(path, None)
        if talk.job.check_references and not missing and contents:
            await self._mend(contents)
        for path, text in contents.items():
            contents[path] = text if text is None else in_style(before.get(path, ""), text)
        return Proposal(files, dropped, contents, missing)

    def _begin(self) -> None:
        """Build the turns before the request: with all files if they fit, else with the most relevant ones."""
        talk, wish, budget = self.talk, self._wish, self.talk.budget("code")
        shared, request = talk.shared(), Message("user", prompts.ask_change(wish.request, before=wish.before))
        written = talk.take_written()
        left = budget.left((*shared, request))
        for path in sorted(written, key=self._relevance):
            cost = budget.estimate(written[path])
            if left is None or cost <= left:
                self._shown |= {path}
                left = None if left is None else left - cost
        self._turns = (*shared, *(turn for path in written if path in self._shown for turn in written[path]))
        window = "" if budget.window is None else f" of {budget.window:,}"
        others = len(written) - len(self._shown)
        more = f"; {others:,} more by what they define" if others else ""
        noun = "file" if len(self._shown) == 1 else "files"
        tokens = budget.estimate((*self._turns, request))
        talk.tell(Noticed(f"{len(self._shown):,} {noun}, {tokens:,}{window} tokens{more}"))

    def _relevance(self, path: str) -> int:
        """Return a file's place in the showing order: 0 if named in `only`, 1 if named in the request, else 2."""
        said, name = self._wish.request.casefold(), path.casefold().rpartition("/")[2]
        stem = name.partition(".")[0]
        is_named = name in said or (len(stem) >= SHORTEST_STEM and stem in said)
        return 0 if path in self._wish.only else 1 if is_named else 2

    async def _plan(self, feedback: str) -> tuple[tuple[Touched, ...], tuple[Dropped, ...]]:
        """Return the files that the change touches, and those that it may not touch."""
        talk, wish = self.talk, self._wish
        hidden = {path: outline(path, text) for path, text in talk.contents.items() if path not in self._shown}

        def words(form: Form) -> str:
            if feedback:
                return prompts.ask_change_again(feedback)
            return prompts.ask_change(wish.request, not_shown=hidden, before=wish.before, example=form.example)

        def is_copied(listed: ChangeList) -> bool:
            """Return whether the list names only the example's file, which the program does not have."""
            paths = tuple(file.path for file in listed.files)
            return paths == prompts.EXAMPLE_LIST[:1] and paths[0] not in talk.job.written

        read = unless_copied(_read, is_copied, "The answer named a file of the example.")
        opening, schema = prompts.CHANGE_OPENING, prompts.CHANGE_SCHEMA
        question = Question("files", self._turns, words, read, opening=lambda _: opening, schema=schema)
        answered = await ask(talk, question)
        self._turns = answered.conversation
        files, dropped = self._settle(answered.value)
        if not files and dropped:
            raise AnswerError(
                "the change touches nothing that may be changed: "
                + "; ".join(f"{named(each.path)} ({each.reason})" for each in dropped[:5]),
                hint="say what is to be changed in other words, or allow more files: `--only PATH`",
                reason="unsafe_path",
            )
        change, add, remove = (
            tuple(Changed(file.path, file.why) for file in files if file.action == action)
            for action in ("change", "add", "remove")
        )
        talk.tell(ChangePlanned(wish.request, change, add, remove, dropped))
        return files, dropped

    def _settle(self, listed: ChangeList) -> tuple[tuple[Touched, ...], tuple[Dropped, ...]]:
        """Return what can be done of the list: existing files are changed, absent ones added, the others dropped."""
        job, only = self.talk.job, self._wish.only
        written = job.written
        dropped = [Dropped(path, why) for path, why in listed.dropped]
        spelled = {path.casefold(): path for path in (*written, *job.locked)}
        files: list[Touched] = []
        for file in listed.files:
            path = spelled.get(file.path.casefold(), file.path)
            if only and path not in only:
                dropped.append(Dropped(path, NOT_ALLOWED))
            elif path in written:
                files.append(replace(file, path=path, action="remove" if file.action == "remove" else "change"))
            elif path in job.locked or file.action == "remove":
                dropped.append(Dropped(path, NOT_SHOWN if path in job.locked else NOT_THERE))
            else:
                files.append(replace(file, path=path, action="add"))
        new = [file.path for file in files if file.action == "add"]
        accepted, refused = job.path_rules((*written, *new))
        dropped += [Dropped(path, why) for path, why in refused if path in new]
        return tuple(file for file in files if file.action != "add" or file.path in accepted), tuple(dropped)

    async def _write(self, file: Touched) -> str:
        talk, path = self.talk, file.path
        content = None if path in self._shown else talk.contents.get(path)
        request = partial(prompts.ask_changed, path, file.why, content=content)
        shrinks = takes_away(f"{self._wish.request}\n{self._feedback}\n{file.why}")
        versions = Versions(talk.contents.get(path, ""), shrinks)
        answered = await self._ask(path, about_file(talk, path, self._turns, request, versions=versions))
        self._turns = talk.answers[path] = answered.conversation
        talk.wrote(path, answered.value)
        talk.tell(as_step(path, answered))
        return answered.value

    async def _ask(self, path: str, question: Question[str]) -> Answered[str]:
        """Return the answer; if the window is full, ask again with this file alone before the request."""
        talk = self.talk
        try:
            return await ask(talk, question)
        except ServerError as error:
            shared = talk.shared()
            if error.kind != "context" or question.so_far == shared:
                raise
            text = talk.contents.get(path)
            known = exchange(talk.file_request(path), text) if path in self._shown and text is not None else ()
            return await ask(talk, replace(question, so_far=(*shared, *known)))

    async def _mend(self, contents: dict[str, str | None]) -> None:
        """Mend what does not fit together in the changed files; no other file is touched."""
        talk = self.talk
        untouched = frozenset(path for path in talk.contents if path not in contents)
        talk.job = replace(talk.job, locked=talk.job.locked | untouched)
        talk.files = tuple(talk.contents)
        await mend(talk)
        contents.update({path: talk.contents[path] for path in contents if path in talk.contents})


def takes_away(request: str) -> bool:
    """Return whether the words ask to take something out of a file."""
    return TAKING_AWAY.search(request) is not None


def _read(answer: str, finish_reason: str | None) -> ChangeList | Rejected:
    return read_change_list(answer, finish_reason=finish_reason)


def adopted(name: str, texts: Mapping[str, str]) -> tuple[str, str]:
    """Return a prompt and a plan to stand in for those of a program that smol_dev did not write."""
    return prompts.adopted(name, {path: outline(path, text) for path, text in texts.items()})


def as_planned(plan: str, request: str, files: Sequence[Touched]) -> str:
    """Return the plan with a section about the change appended."""
    words = {"change": "", "add": "new: ", "remove": "removed: "}
    lines = [f"- `{file.path}`: {words[file.action or 'change']}{file.why or 'as asked'}" for file in files]
    title = " ".join(request.split())[:100]
    return "\n".join([plan.rstrip(), "", f"## Changed: {title}", "", *lines, ""])

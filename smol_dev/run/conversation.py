"""A run's input (`Job`), its output (`Step`), and its conversation with the model.

system · user (the plan, with the prompt) · assistant (plan) · user (the file list) · assistant (list) · user (write X)
· assistant (X) … All files share everything up to the list.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from smol_dev import prompts
from smol_dev.chat import STAGES, Chat, Facts, Message, Pace, StageName, Usage
from smol_dev.errors import Reason, SmolError
from smol_dev.events import CheckDone, Event, ProblemFound
from smol_dev.languages.outline import outline
from smol_dev.prompts import Words
from smol_dev.run.budget import Budget
from smol_dev.workspace.command import Outcome

Judged = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
PathRules = Callable[[Sequence[str]], Judged]
"""Takes paths; returns those that may be written, and the others, each with the reason."""


@dataclass(frozen=True, slots=True)
class StageSettings:
    """The profile's settings for one stage; None means to ask the server, or the default."""

    variant: str = "auto"
    window: int | None = None
    max_output_tokens: int | None = None
    answer_retries: int = 2
    truncation_check: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """A file that exists, with the model's answer (empty: the content) and our request (empty: the usual one)."""

    content: str
    said: str = ""
    asked: str = ""


class CheckCommand(Protocol):
    """The user's check command, and the files that it judges."""

    command: Sequence[str]
    folder: str
    timeout: float
    rounds: int
    """The most rounds of mending."""

    async def begin(self) -> None:
        """Wait until everything so far is written, and keep it as a state to return to."""

    async def run(self) -> Outcome:
        """Run the command in `folder` and return how it ended."""

    def accept(self) -> None:
        """Make the state that was checked last the best one."""

    async def back(self) -> None:
        """Restore the best state."""

    def found(self) -> tuple[Mapping[str, str], frozenset[str]]:
        """Return the current texts of the files, and which files the user has changed."""

    def may_rewrite(self, path: str) -> bool:
        """Return whether a file that the user changed may be overwritten."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is to make, and with which settings.

    `variants` holds every prompt variant that a stage may name. `concurrency` is the number of requests at once; None
    means the server's number of slots, or `usual_concurrency` if it does not say. A job that continues an earlier run
    has its `plan` and `files`, the turns `list_asked` and `list_answer` between them, the existing files in `written`,
    and those to ask for in `todo` (None: all). `locked` files belong to the user and are not mended.
    """

    prompt: str
    path_rules: PathRules
    variants: Mapping[str, Words]
    stages: Mapping[StageName, StageSettings] = field(default_factory=dict)
    strategy: Literal["auto", "chain", "parallel"] = "auto"
    concurrency: int | None = None
    usual_concurrency: int = 1
    max_files: int = 200
    syntax_check: bool = True
    plan_only: bool = False
    plan: str = ""
    list_answer: str = ""
    list_asked: str = ""
    files: tuple[str, ...] = ()
    todo: tuple[str, ...] | None = None
    written: Mapping[str, Written] = field(default_factory=dict)
    check_references: bool = True
    locked: frozenset[str] = frozenset()
    check: CheckCommand | None = None

    def settings(self, stage: StageName) -> StageSettings:
        """Return the settings of a stage."""
        return self.stages.get(stage, StageSettings())


@dataclass(frozen=True, slots=True)
class AnswerRejected:
    """An unusable answer as the model gave it, for the user to look at."""

    stage: StageName
    path: str | None
    attempt: int
    text: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Spent:
    """The cost of one request, whether its answer was usable or not; `waited` is the seconds to its first token."""

    stage: StageName
    usage: Usage
    pace: Pace = field(default_factory=Pace)
    path: str | None = None
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class ListSaid:
    """The request for the file list and the model's answer, for the record."""

    asked: str
    text: str


@dataclass(frozen=True, slots=True)
class FileReady:
    """A complete file to write; `flaw` is a syntax error that remains after the second try.

    `said` is the model's answer, `asked` the request if it was not the usual one. If `mends` is set and the file cannot
    be written, the existing one stays.
    """

    path: str
    content: str
    usage: Usage
    seconds: float
    flaw: str = ""
    said: str = ""
    asked: str = ""
    pace: Pace = field(default_factory=Pace)
    mends: bool = False


@dataclass(frozen=True, slots=True)
class FileMissing:
    """A file without a usable answer, and why."""

    path: str
    reason: Reason
    error: SmolError


@dataclass(frozen=True, slots=True)
class Checked:
    """The problems of the finished program, mended or not."""

    problems: tuple[ProblemFound, ...]


@dataclass(frozen=True, slots=True)
class CheckEnded:
    """The result of the user's check for the best files so far."""

    command: Sequence[str]
    done: CheckDone


Step = Event | AnswerRejected | Spent | ListSaid | FileReady | FileMissing | Checked | CheckEnded
"""Everything that happens in a run: events for the screen, and what to write and record."""

Tell = Callable[[Step], object]


def exchange(asked: str, said: str) -> tuple[Message, Message]:
    """Return a request and the model's answer as turns of a conversation."""
    return Message("user", asked), Message("assistant", said)


class Conversation:
    """The turns of one run, the budget of each model it asks, and its prompt variants."""

    def __init__(self, chat: Chat, job: Job, tell: Tell) -> None:
        self.chat = chat
        self.job = job
        self.tell = tell
        self.plan = job.plan
        self.list_answer = job.list_answer
        self.list_asked = job.list_asked
        self.files = job.files
        self.answers: dict[str, tuple[Message, ...]] = {}
        """For each file, the turns up to and including the answer that contains it."""
        self.contents: dict[str, str] = {}
        """The text of each file that exists."""
        self._outlines: dict[str, Sequence[str]] = {}
        self._facts: dict[StageName, Facts] = {}
        self._budgets: dict[str, Budget] = {}
        self._variants: dict[StageName, str] = {}

    async def learn(self) -> None:
        """Ask the server about each stage's model; one loaded on demand has a window only after its first answer."""
        for stage in STAGES:
            facts = self._facts[stage] = await self.chat.facts(stage)
            settings = self.job.settings(stage)
            window = min((each for each in (settings.window, facts.window) if each is not None), default=None)
            budget = self._budgets.setdefault(facts.model, Budget())
            budget.window, budget.facts = window or budget.window, facts
            budget.said = settings.window
            chosen = prompts.choose(window=window, parameters=facts.parameters)
            self._variants.setdefault(stage, chosen if settings.variant == "auto" else settings.variant)

    def budget(self, stage: StageName) -> Budget:
        """Return the budget of the stage's model, with this stage's limits."""
        budget, settings = self._budgets[self._facts[stage].model], self.job.settings(stage)
        budget.wanted, budget.checks = settings.max_output_tokens, settings.truncation_check
        return budget

    def slots(self) -> int:
        """Return how many files to ask for at once."""
        if self.job.strategy == "chain":
            return 1
        return self.job.concurrency or self._facts["code"].slots or self.job.usual_concurrency

    def system(self, *, short: bool = False) -> tuple[Message, ...]:
        """Return the turn before the first request, if the prompt variant has one."""
        return prompts.system(self._words("plan", short=short))

    def plan_request(self, *, short: bool = False) -> str:
        """Return the request for the plan."""
        return prompts.ask_plan(self._words("plan", short=short), prompt=self.job.prompt)

    def shared(self, *, short: bool = False, trim: int | None = None) -> tuple[Message, ...]:
        """Return the turns up to the answer with the list, with which every request for a file begins.

        For a small window, `short` selects the shorter words, and `trim` limits the plan to that many characters.
        """
        plan = self.plan if trim is None else prompts.trimmed(self.plan, trim)
        opened = (*self.system(short=short), *exchange(self.plan_request(short=short), plan))
        if not self.list_answer:
            return opened
        asked = self.list_request(short=True) if short else self.list_asked or self.list_request()
        return (*opened, *exchange(asked, self.list_answer))

    def list_request(self, *, short: bool = False, example: bool = True) -> str:
        """Return the request for the file list."""
        words = self._words("files", short=short)
        return prompts.ask_list(words, prompt=self.job.prompt, plan=self.plan, example=example)

    def file_request(self, path: str, *, short: bool = False, fence: int = 0) -> str:
        """Return the request for one file; `fence` is the number of back-ticks around it, 0 for the usual."""
        words = self._words("code", short=short)
        return prompts.ask_file(
            words,
            path,
            prompt=self.job.prompt,
            plan=self.plan,
            files=self.files,
            outlines={} if short else self._outlines,
            fence=fence,
        )

    def wrote(self, path: str, content: str) -> None:
        """Note a file that exists; requests for later files include its outline."""
        self.contents[path] = content
        self._outlines[path] = outline(path, content)

    def take_written(self) -> dict[str, tuple[Message, Message]]:
        """Note the files of an earlier session; return the turns in which the model wrote each of them."""
        turns = {}
        for path, file in self.job.written.items():
            turns[path] = exchange(file.asked or self.file_request(path), file.said or file.content)
            self.wrote(path, file.content)
        return turns

    def turns_before_mending(self, path: str, request: Message) -> tuple[Message, ...]:
        """Return the turns before a request to mend a file: all of them if they fit, else those up to the file."""
        alone = (*self.shared(), *exchange(self.file_request(path), self.contents[path]))
        own = self.answers.get(path, alone)
        newest = next(reversed(self.answers.values()), own)
        goes_on = newest[: len(own)] == own and self.budget("code").fits((*newest, request))
        return newest if goes_on else own

    def _words(self, stage: StageName, *, short: bool) -> Words:
        return self.job.variants["small" if short else self._variants[stage]]

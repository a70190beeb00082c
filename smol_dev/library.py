"""smol_dev as a library: the whole method, or its steps one by one.

`profile` is a profile's name, the result of `load_profile`, or None for the profile that the user's files
and environment select. Every failure is a `SmolError`: its `message` says what happened, its `hint` what to
do, and its `exit_code` is that of the command line.

- `UsageError` (2): an invalid argument.
- `ConfigError` (2): invalid settings; `problems` lists every problem.
- `ServerError` (3): the server could not be reached, refused the request, or broke off.
- `AnswerError` (4): there was no usable answer; `reason` says why.
- `WorkspaceError` (5): the output folder must not or cannot be written.
- `TrustError` (6): a project's `smol.toml` changes where prompts are sent and was not approved.

The functions work in any thread, even while an event loop is running. They do not handle signals:
`KeyboardInterrupt` and cancellation stop the work and reach the caller, and finished work is kept.
The logger `smol_dev` reports requests and their results, without prompts, answers or secrets; it is silent
until a handler and a level are set.
"""

import asyncio
import contextvars
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from smol_dev.errors import UsageError
from smol_dev.safe import safe

if TYPE_CHECKING:
    from smol_dev.app.caller import Caller
    from smol_dev.app.session import RunOutcome
    from smol_dev.chat import Usage
    from smol_dev.config.load import Loaded
    from smol_dev.events import CheckDone, Event, ProblemFound
    from smol_dev.run.conversation import Conversation
    from smol_dev.run.review import Proposed, Verdict
    from smol_dev.ui.report import Shown

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")

logging.getLogger("smol_dev").addHandler(logging.NullHandler())  # a library must not log by default

CANCELLED_WITHIN: Final = 0.1
"""Seconds between a waiting task's checks for its own cancellation."""

MOST_SHOWN: Final = 200_000
"""The most bytes of a file that a notebook shows."""

StreamHandler = Callable[[str], object]
"""Called with each piece of an answer's text as it arrives."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of `build` or `change`; paths are relative to `output_dir`, and `usage` is in tokens.

    `files` is the file list in order, `written` and `failed` what became of its files. `problems` are the
    mismatches between files, mended or not. `check` is the last result of the command `run.check`, None
    without one. A notebook shows plan, problems and files.
    """

    output_dir: Path
    written: tuple[str, ...]
    failed: tuple[str, ...]
    usage: "Usage"
    problems: "tuple[ProblemFound, ...]" = ()
    plan: str = ""
    files: tuple[str, ...] = ()
    check: "CheckDone | None" = None
    seconds: float = 0.0

    def _repr_html_(self) -> str:
        """Return plan, problems and files as HTML, with the model's text escaped."""
        from smol_dev.ui.report import fragment

        return fragment(plan=self.plan, program=tuple(self._program()))

    def _repr_markdown_(self) -> str:
        """Return plan, problems and files as Markdown, with the model's text in code blocks."""
        found = "\n".join(
            f"- {_quoted(f'{each.path}:{each.line}: {each.message}')}{' (mended)' if each.mended else ''}"
            for each in self.problems
        )
        parts = [f"### Plan\n\n{_fenced(self.plan)}", f"### Problems\n\n{found or 'None were found.'}", "### Files"]
        for file in self._program():
            text = "" if file.text is None else f"\n\n{_fenced(file.text)}"
            parts.append(f"{_quoted(file.path)}: {file.state}{text}")
        return "\n\n".join(parts) + "\n"

    def _program(self) -> "Iterator[Shown]":
        """Yield each file with the beginning of its text, None if it cannot be read; links are not followed."""
        from smol_dev.ui.report import Shown
        from smol_dev.workspace.folder import Folder

        for path in self.files or (*self.written, *self.failed):
            text, is_failed = None, path in self.failed
            with suppress(OSError):
                if not is_failed:
                    with Folder.at(self.output_dir) as folder:
                        text = folder.read(path, limit=MOST_SHOWN).decode("utf-8", "replace")
            state = "failed" if is_failed else "not there" if text is None else "written"
            yield Shown(path, text, state, tuple(each for each in self.problems if each.path == path))


def _wait(work: Coroutine[object, object, Value]) -> Value:
    """Run the work and return its result, in a new thread if an event loop is running.

    On Ctrl-C asyncio cancels the waiting task, which is blocked here and so must check for it.
    """
    try:
        caller = asyncio.current_task()
    except RuntimeError:
        return asyncio.run(work)
    result: Future[Value] = Future()
    stop: Future[Callable[[], object]] = Future()

    async def cancellable() -> Value:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None, "a coroutine runs in a task"  # noqa: S101 - narrows
        stop.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await work

    def in_thread() -> None:
        try:
            result.set_result(asyncio.run(cancellable()))
        except BaseException as error:  # noqa: BLE001 - passed on to the waiting thread
            result.set_exception(error)

    thread = Thread(target=contextvars.copy_context().run, args=(in_thread,), name="smol_dev")
    thread.start()
    try:
        while not wait([result], timeout=CANCELLED_WITHIN).done:
            if caller is not None and caller.cancelling():
                stop.result()()
                break
        return result.result()
    except KeyboardInterrupt:
        stop.result()()
        raise
    finally:
        thread.join()


def _blocking(function: Callable[Arguments, Coroutine[Any, Any, Value]], name: str = "") -> Callable[Arguments, Value]:
    """Return a blocking version of the function, under another name if given."""

    @wraps(function)
    def blocking(*arguments: Arguments.args, **named: Arguments.kwargs) -> Value:
        return _wait(function(*arguments, **named))

    blocking.__name__ = blocking.__qualname__ = name or function.__name__
    return blocking


def load_profile(
    name: str | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
    config: str | Path | None = None,
    project: bool = True,
) -> "Loaded":
    """Return the settings with the named profile selected, merged from every layer as on the command line.

    `overrides` maps keys to values (`{"model": "qwen3.5:9b", "code.temperature": 0}`) and is the strongest
    layer. `config` is a file to use instead of the user's; `project=False` leaves out the project's
    `smol.toml`. Raise `ConfigError`, or `TrustError` if a project's file is not approved.
    """
    from smol_dev.config.files import Surroundings
    from smol_dev.config.layers import Flags
    from smol_dev.config.load import load

    named = {key: (value, f"overrides[{key!r}]") for key, value in (overrides or {}).items()}
    file = None if config is None else Path(config)
    flags = Flags(profile=name, config=file, project=project, named=named)
    return load(flags, Surroundings.here())


@_blocking
async def plan(
    prompt: str, *, profile: "str | Loaded | None" = None, stream_handler: StreamHandler | None = None
) -> str:
    """Return the plan for the prompt, as Markdown. Raise `ServerError`, `AnswerError`, or as `load_profile` does."""
    from smol_dev.run.pipeline import make_plan

    async with _conversation(prompt, profile, stream_handler) as talk:
        await make_plan(talk)
        return talk.plan


@_blocking
async def specify_file_paths(prompt: str, plan: str, *, profile: "str | Loaded | None" = None) -> list[str]:
    """Return the plan's files, in the order in which to write them.

    Raise `ServerError`, `AnswerError`, or as `load_profile` does.
    """
    from smol_dev.run.pipeline import list_files

    async with _conversation(prompt, profile, plan=plan) as talk:
        await list_files(talk)
        return list(talk.files)


async def generate_code(
    prompt: str,
    plan: str,
    path: str,
    *,
    profile: "str | Loaded | None" = None,
    stream_handler: StreamHandler | None = None,
) -> str:
    """Return the content of one file of the plan, without writing it; `generate_code_sync` is the blocking version.

    Raise `UsageError` for a path that may not be written, `ServerError`, `AnswerError`, or as `load_profile`
    does.
    """
    from smol_dev.run.strategies import ask_file
    from smol_dev.workspace.paths import refuse

    if (why := refuse(path)) is not None:
        raise UsageError(f"`{path}` may not be written: {why}", hint="choose a path in the project")
    async with _conversation(prompt, profile, stream_handler, plan=plan, path=path) as talk:
        return (await ask_file(talk, path, talk.shared())).value


generate_code_sync = _blocking(generate_code, "generate_code_sync")


async def build_async(
    prompt: str,
    output_dir: str | Path,
    *,
    profile: "str | Loaded | None" = None,
    on_event: "Callable[[Event], object] | None" = None,
) -> Result:
    """Build a program in `output_dir`: plan, file list, every file. `build` is the blocking version.

    `on_event` is called with each event of the run, in the thread of the run. Files without a usable answer
    are in `Result.failed`. Cancelling stops the run. Raise the `SmolError` that stopped the run early
    (`help(smol_dev.library)` lists the kinds and exit codes); finished work is kept.
    """
    from smol_dev.app.program import generate_async
    from smol_dev.app.session import Task

    task = Task(_checked(prompt), folder=Path(output_dir))
    return _result(await generate_async(task, _loaded(profile), _caller(on_event)))


build = _blocking(build_async, "build")


async def change_async(
    request: str,
    output_dir: str | Path,
    *,
    profile: "str | Loaded | None" = None,
    only: Iterable[str] = (),
    decide: "Callable[[Proposed], Verdict] | None" = None,
    on_event: "Callable[[Event], object] | None" = None,
) -> Result:
    """Change the program in `output_dir` as `request` says. `change` is the blocking version.

    `only` limits the change to these files. `decide` gets the change before it is made and returns
    `Taken(paths)`, `AskedAgain(feedback)` or `Stopped()`; without it, the whole change is made. Without
    `profile`, the profile that built the program is used. `Result.written` are the changed or added files.
    Cancelling before the change is made leaves the program as it is. Raise as `build_async` does.
    """
    from smol_dev.app.program import change_async as run
    from smol_dev.app.session import Task
    from smol_dev.config.layers import Flags

    task = Task(request=request, folder=Path(output_dir), only=tuple(only), yes=decide is None)
    settings = Flags(profile=profile) if profile is None or isinstance(profile, str) else profile
    return _result(await run(task, settings, _caller(on_event, decide)))


change = _blocking(change_async, "change")


def undo(
    output_dir: str | Path,
    *,
    redo: bool = False,
    keep_mine: bool = False,
    theirs: bool = False,
    on_event: "Callable[[Event], object] | None" = None,
) -> tuple[str, ...]:
    """Undo the program's last change, or with `redo` make it again; return the files that were written.

    If the user has edited such a file since, raise `WorkspaceError`, unless `keep_mine` leaves it or `theirs`
    replaces it and keeps a copy.
    """
    from smol_dev.app.program import undo as run
    from smol_dev.config.layers import Flags

    folder, caller = Path(output_dir), _caller(on_event)
    return run(folder, Flags(), caller, redo=redo, keep_mine=keep_mine, theirs=theirs).written


def _caller(
    on_event: "Callable[[Event], object] | None", decide: "Callable[[Proposed], Verdict] | None" = None
) -> "Caller":
    from smol_dev.app.caller import Caller
    from smol_dev.config.files import Surroundings

    return Caller(Surroundings.here(), on_event or (lambda _event: None), decide=decide)


def _result(outcome: "RunOutcome") -> Result:
    from smol_dev.chat import Usage

    if outcome.error is not None:
        raise outcome.error
    done = outcome.done
    usage = Usage(done.prompt_tokens, done.cached_tokens, done.completion_tokens, is_partial=done.usage_is_partial)
    return Result(
        Path(done.output_dir),
        done.written,
        done.failed,
        usage,
        done.problems,
        plan=outcome.record.plan,
        files=outcome.record.files,
        check=done.check,
        seconds=done.seconds,
    )


@asynccontextmanager
async def _conversation(
    prompt: str,
    profile: "str | Loaded | None",
    stream_handler: StreamHandler | None = None,
    *,
    plan: str = "",
    path: str = "",
) -> "AsyncIterator[Conversation]":
    from smol_dev.app.session import job_of
    from smol_dev.events import Piece
    from smol_dev.run.conversation import Conversation
    from smol_dev.server.connect import connected
    from smol_dev.workspace.record import Record

    def tell(step: object) -> None:
        if isinstance(step, Piece) and stream_handler is not None:
            stream_handler(step.text)

    text = _checked(prompt)
    loaded = _loaded(profile)
    async with connected(loaded, lambda _event: None) as client:
        job = job_of(loaded, client, Record(text, {}, plan=plan, files=(path,) if path else ()))
        talk = Conversation(client, job, tell)
        await talk.learn()
        yield talk


def _fenced(text: str) -> str:
    """Return the text as a Markdown code block whose fence does not occur in it."""
    fence = "`" * (max(map(len, re.findall("`{3,}", text)), default=2) + 1)
    return f"{fence}\n{safe(text, keep_newlines=True).rstrip()}\n{fence}"


def _quoted(text: str) -> str:
    """Return the text as a Markdown code span that it cannot end."""
    ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{ticks} {safe(text)} {ticks}" if "`" in text else f"{ticks}{safe(text)}{ticks}"


def _loaded(profile: "str | Loaded | None") -> "Loaded":
    return load_profile(profile) if profile is None or isinstance(profile, str) else profile


def _checked(prompt: str) -> str:
    if not prompt.strip():
        raise UsageError("the prompt is empty", hint="say what to build")
    return prompt.strip()

"""smol_dev as a library: the steps of the method one by one, and the whole of it.

Every function takes `profile`: a profile's name, what `load_profile` returned, or None for the one the
user's files and environment select. All raise `SmolError`, whose `message` and `hint` say what to do.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from smol_dev.app import Task, generate
from smol_dev.config.layers import Flags, Surroundings
from smol_dev.config.load import Loaded, load
from smol_dev.connect import connected
from smol_dev.conversation import Conversation
from smol_dev.errors import SmolError, UsageError
from smol_dev.events import Event, Failed, FilesReady, Piece, PlanReady
from smol_dev.jobs import job_of
from smol_dev.pipeline import list_files, make_plan
from smol_dev.rim import Rim
from smol_dev.server.chat import Usage
from smol_dev.strategies import FileMissing, FileReady, write_files
from smol_dev.workspace.paths import refuse

Value = TypeVar("Value")

StreamHandler = Callable[[str], object]
"""Called with each piece of an answer's text as it comes."""


@dataclass(frozen=True, slots=True)
class Result:
    """What `build` made. Paths are relative to `output_dir`; `usage` is in tokens."""

    output_dir: Path
    written: tuple[str, ...]
    failed: tuple[str, ...]
    usage: Usage


class _RunError(SmolError):
    """The failure that ended a run, with the exit code the command line would have."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message, hint=failed.hint)
        self.exit_code = failed.exit_code


def load_profile(
    name: str | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
    config: str | Path | None = None,
    project: bool = True,
) -> Loaded:
    """The settings with the named profile selected, merged from every layer as on the command line.

    `overrides` are key paths with their values (`{"model": "qwen3:14b", "code.temperature": 0}`), the
    strongest layer. `config` is a file in place of the user's, `project=False` leaves the project's
    `smol.toml` out. Raises `ConfigError`, or `TrustError` for a project's file that is not approved.
    """
    named = {key: (value, f"overrides[{key!r}]") for key, value in (overrides or {}).items()}
    file = None if config is None else Path(config)
    flags = Flags(profile=name, config=file, project=project, named=named)
    return load(flags, Surroundings.here())


def plan(
    prompt: str,
    *,
    profile: str | Loaded | None = None,
    stream_handler: StreamHandler | None = None,
) -> str:
    """The plan for the prompt, as Markdown."""

    async def work() -> str:
        async with _conversation(prompt, profile) as talk:
            async for step in make_plan(talk):
                if isinstance(step, Piece) and stream_handler is not None:
                    stream_handler(step.text)
                elif isinstance(step, PlanReady):
                    return step.text
        raise AssertionError("make_plan ends with a plan or an error")

    return _wait(work())


def specify_file_paths(prompt: str, plan: str, *, profile: str | Loaded | None = None) -> list[str]:
    """The files of the plan, in the order in which they are to be written."""

    async def work() -> list[str]:
        async with _conversation(prompt, profile, plan=plan) as talk:
            async for step in list_files(talk):
                if isinstance(step, FilesReady):
                    return list(step.files)
        raise AssertionError("list_files ends with a list or an error")

    return _wait(work())


async def generate_code(
    prompt: str,
    plan: str,
    path: str,
    *,
    profile: str | Loaded | None = None,
    stream_handler: StreamHandler | None = None,
) -> str:
    """The content of one file of the plan; nothing is written.

    Raises `UsageError` for a path that may not be written.
    """
    if (why := refuse(path)) is not None:
        raise UsageError(f"`{path}` may not be written: {why}", hint="choose a path in the project")
    async with _conversation(prompt, profile, plan=plan, path=path) as talk:
        async for step in write_files(talk):
            if isinstance(step, Piece) and stream_handler is not None:
                stream_handler(step.text)
            elif isinstance(step, FileMissing):
                raise step.error
            elif isinstance(step, FileReady):
                return step.content
    raise AssertionError("write_files ends with every file or its error")


def generate_code_sync(
    prompt: str,
    plan: str,
    path: str,
    *,
    profile: str | Loaded | None = None,
    stream_handler: StreamHandler | None = None,
) -> str:
    """What `generate_code` returns, for code that is not async."""
    return _wait(generate_code(prompt, plan, path, profile=profile, stream_handler=stream_handler))


def build(
    prompt: str,
    output_dir: str | Path,
    *,
    profile: str | Loaded | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Result:
    """The whole method: plan, file list, every file, written to `output_dir`.

    `on_event` is called with each event of the run. Files that could not be had are in `failed`;
    raises `SmolError` when the run stopped before its end, with everything finished kept.
    """
    failures: list[Failed] = []

    def show(event: Event) -> None:
        if isinstance(event, Failed):
            failures.append(event)
        if on_event is not None:
            on_event(event)

    task = Task(_checked(prompt), folder=Path(output_dir))
    done = generate(task, _loaded(profile), Rim(Surroundings.here(), show))
    if failures:
        raise _RunError(failures[0])
    usage = Usage(done.prompt_tokens, done.cached_tokens, done.completion_tokens)
    return Result(Path(done.output_dir), done.written, done.failed, usage)


@asynccontextmanager
async def _conversation(
    prompt: str, profile: str | Loaded | None, *, plan: str = "", path: str = ""
) -> AsyncIterator[Conversation]:
    text = _checked(prompt)
    loaded = _loaded(profile)
    rim = Rim(Surroundings.here(), lambda _event: None)
    secrets = loaded.secrets() if loaded.profile.base_url else ()
    async with connected(loaded, secrets, rim) as link:
        files = (path,) if path else ()
        job = job_of(loaded, link, prompt=text, plan=plan, files=files)
        talk = Conversation(link.chat, job)
        await talk.learn()
        yield talk


def _loaded(profile: str | Loaded | None) -> Loaded:
    return profile if isinstance(profile, Loaded) else load_profile(profile)


def _checked(prompt: str) -> str:
    if not prompt.strip():
        raise UsageError("the prompt is empty", hint="say what to build")
    return prompt.strip()


def _wait(work: Coroutine[object, object, Value]) -> Value:
    """The result of the work, also where an event loop is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[Value] = []
    errors: list[BaseException] = []

    def in_thread() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 - handed on to the thread that waits
            errors.append(error)

    thread = threading.Thread(target=in_thread, name="smol_dev")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]

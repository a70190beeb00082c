"""The job of a run, made from settings and prompt, and its preview, which contacts no server."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from smol_dev import prompts
from smol_dev.chat import STAGES, Message, StageName
from smol_dev.config.explain import as_text
from smol_dev.config.load import Loaded
from smol_dev.config.model import Profile, Prompts
from smol_dev.prompts import Words, shipped, variants
from smol_dev.run.budget import ANSWER_WITHOUT_WINDOW, DEFAULT_ANSWER, Budget
from smol_dev.run.conversation import Job, Settle, Settled, StageSettings
from smol_dev.safe import safe
from smol_dev.server.known import size_of
from smol_dev.workspace.paths import settle
from smol_dev.workspace.record import Record

if TYPE_CHECKING:  # a preview loads no client
    from smol_dev.server.client import Client

Value = TypeVar("Value")

PROMPT = "(the prompt)"
PLAN = "(the plan)"
FILES = ("(the file list)",)
PATH = "(the path of the file)"


def job_of(loaded: Loaded, client: "Client", record: Record, *, allow_sensitive: tuple[str, ...] = ()) -> Job:
    """Return the job for the record's prompt, and its plan and list if it has them."""
    profile, run = client.profile, loaded.run
    at_once = profile.max_concurrency
    return Job(
        prompt=record.prompt,
        settle=partial(settle, allow_sensitive=allow_sensitive),
        variants=all_variants(loaded),
        stages={name: _stage(profile.stage(name)) for name in STAGES},
        strategy=profile.strategy,
        concurrency=None if at_once == "auto" else at_once,
        usual_concurrency=client.usual_concurrency,
        max_files=run.max_files,
        syntax_check=run.syntax_check,
        check_references=run.check_references,
        plan=record.plan,
        list_answer=record.list_answer,
        list_asked=record.list_asked,
        files=record.files,
    )


def refusing(settle: Settle, why: Callable[[str], str], *, shown: Callable[[str], str] = str) -> Settle:
    """Return the path rules extended: a path is also refused if `why` gives a reason, and reported as `shown`."""

    def settled(paths: Sequence[str]) -> Settled:
        refused = {path: reason for path in paths if (reason := why(path))}
        accepted, others = settle([path for path in paths if path not in refused])
        return accepted, (*others, *((shown(path), reason) for path, reason in refused.items()))

    return settled


def all_variants(loaded: Loaded) -> dict[str, Words]:
    """Return every prompt variant by name: the shipped ones and the user's."""
    return {name: shipped(name) for name in variants()} | {
        name: own_words(words) for name, words in loaded.prompts.items()
    }


def own_words(own: Prompts) -> Words:
    """Return the words of a user's variant; the variant that it extends supplies the rest.

    An empty `system` means no system message; an empty request is ignored.
    """
    said = {key: getattr(own, key) for key in own.model_fields_set - {"extends"}}
    return replace(shipped(own.extends), **{key: text for key, text in said.items() if text.strip() or key == "system"})


def _stage(profile: Profile) -> StageSettings:
    window, most = profile.context_window, profile.max_output_tokens
    return StageSettings(
        variant=profile.prompt_variant,
        window=None if window == "auto" else window,
        max_output_tokens=None if most == "auto" else most,
        answer_retries=profile.answer_retries,
        truncation_check=profile.truncation_check,
    )


def preview(prompt: str | None, loaded: Loaded, *, origin: bool = True) -> str:
    """Return the effective settings, the messages of each stage, and their tokens.

    Without a prompt, a placeholder takes its place. With `origin`, a comment says who set each setting.
    """
    every = all_variants(loaded)
    chosen = {stage: variant(loaded.profile.stage(stage)) for stage in STAGES}
    words = {stage: every[name] for stage, name in chosen.items()}
    parts = [
        heading("settings"),
        as_text(loaded, origin=origin).rstrip(),
        *(heading(f"messages{of}, prompt variant `{safe(name)}`") for of, name in told(chosen.__getitem__)),
        messages(words, PROMPT if prompt is None else prompt),
        heading("tokens, estimated"),
        *budget(loaded.profile),
        *costs(every, prompt),
    ]
    return "\n".join(parts).removeprefix("\n")


def variant(profile: Profile) -> str:
    """Return the prompt variant of a stage, resolving `auto` without asking the server."""
    if profile.prompt_variant != "auto":
        return profile.prompt_variant
    return prompts.choose(window=window(profile), parameters=size_of(profile.model))


def window(profile: Profile) -> int | None:
    """Return the context window in tokens; None if the server must be asked."""
    return None if profile.context_window == "auto" else profile.context_window


def messages(words: dict[StageName, Words], prompt: str) -> str:
    """Return the turns of the conversation, with a placeholder for each answer of the model."""
    last = prompts.ask_file(words["code"], PATH, prompt=prompt, plan=PLAN, files=FILES)
    turns = (
        *prompts.opening(words["plan"], prompt),
        Message("assistant", PLAN),
        Message("user", prompts.ask_list(words["files"], prompt=prompt, plan=PLAN)),
        Message("assistant", FILES[0]),
        Message("user", last),
    )
    return "\n\n".join(f"[{turn.role}]\n{safe(turn.content, keep_newlines=True)}" for turn in turns)


def budget(profile: Profile) -> Iterator[str]:
    """Yield the context window and the most tokens of an answer."""
    stages = {stage: profile.stage(stage) for stage in STAGES}
    for of, size in told(lambda stage: window(stages[stage])):
        yield f"context window{of}: {f'{size:,}' if size else 'asked from the server'}"
    for of, wanted in told(lambda stage: stages[stage].max_output_tokens):
        most = f"{DEFAULT_ANSWER:,} ({ANSWER_WITHOUT_WINDOW:,} if the window is unknown)"
        yield (
            f"most tokens of an answer{of}: {most if wanted == 'auto' else f'{wanted:,}'},"
            " and never more than the window leaves"
        )


def costs(every: dict[str, Words], prompt: str | None) -> Iterator[str]:
    """Yield the tokens of the prompt, if there is one, and of each variant's words."""
    count = Budget()
    if prompt is not None:
        yield f"the prompt itself: about {count.estimate([Message('user', prompt)]):,}"
    for name, words in every.items():
        own = (words.system, words.plan, words.files, words.code)
        tokens = count.estimate([Message("user", text) for text in own])
        yield f"the words of variant `{safe(name)}`: about {tokens:,}"


def told(tell: Callable[[StageName], Value]) -> Iterator[tuple[str, Value]]:
    """Yield each stage as ` of STAGE` with its value; a single pair with an empty name if all values are equal."""
    values = {stage: tell(stage) for stage in STAGES}
    if len(set(values.values())) == 1:
        yield "", values["plan"]
        return
    for stage, value in values.items():
        yield f" of {stage}", value


def heading(text: str) -> str:
    """Return a heading that is a comment in TOML."""
    return f"\n# ---- {text} ----"

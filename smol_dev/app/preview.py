"""The preview of a run: its settings, messages and token budget, without contacting a server."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from smol_dev import prompts
from smol_dev.chat import STAGES, Message, StageName
from smol_dev.config.explain import as_text
from smol_dev.config.load import Loaded
from smol_dev.config.model import Profile
from smol_dev.prompts import Words, shipped, variants
from smol_dev.run.budget import ANSWER_WITHOUT_WINDOW, DEFAULT_ANSWER, Budget
from smol_dev.safe import safe
from smol_dev.server.known import size_of

Value = TypeVar("Value")

PROMPT: Final = "(the prompt)"
PLAN: Final = "(the plan)"
FILES: Final = ("(the file list)",)
PATH: Final = "(the path of the file)"


def preview(prompt: str | None, loaded: Loaded, *, origin: bool = True) -> str:
    """Return the effective settings, the messages of each stage, and their tokens.

    Without a prompt, a placeholder takes its place. With `origin`, a comment says who set each setting.
    """
    every = all_variants(loaded)
    chosen = {stage: _variant(loaded.profile.stage(stage)) for stage in STAGES}
    words = {stage: every[name] for stage, name in chosen.items()}
    parts = [
        _heading("settings"),
        as_text(loaded, origin=origin).rstrip(),
        *(_heading(f"messages{of}, prompt variant `{safe(name)}`") for of, name in _by_stage(chosen.__getitem__)),
        _messages(words, PROMPT if prompt is None else prompt),
        _heading("tokens, estimated"),
        *_budget(loaded.profile),
        *_costs(every, prompt),
    ]
    return "\n".join(parts).removeprefix("\n")


def all_variants(loaded: Loaded) -> dict[str, Words]:
    """Return every prompt variant by name: the shipped ones and the user's.

    A user's variant takes what it leaves out from the one that it extends. An empty `system` means no system message;
    an empty request is ignored.
    """
    every = {name: shipped(name) for name in variants()}
    for name, own in loaded.prompts.items():
        texts = {key: getattr(own, key) for key in own.model_fields_set - {"extends"}}
        given = {key: text for key, text in texts.items() if text.strip() or key == "system"}
        every[name] = replace(shipped(own.extends), **given)
    return every


def _variant(profile: Profile) -> str:
    if profile.prompt_variant != "auto":
        return profile.prompt_variant
    return prompts.choose(window=_window(profile), parameters=size_of(profile.model))


def _window(profile: Profile) -> int | None:
    """Return the context window in tokens; None if the server must be asked."""
    return None if profile.context_window == "auto" else profile.context_window


def _messages(words: dict[StageName, Words], prompt: str) -> str:
    turns = (
        *prompts.system(words["plan"]),
        Message("user", prompts.ask_plan(words["plan"], prompt=prompt)),
        Message("assistant", PLAN),
        Message("user", prompts.ask_list(words["files"], prompt=prompt, plan=PLAN)),
        Message("assistant", FILES[0]),
        Message("user", prompts.ask_file(words["code"], PATH, prompt=prompt, plan=PLAN, files=FILES)),
    )
    return "\n\n".join(f"[{turn.role}]\n{safe(turn.content, keep_newlines=True)}" for turn in turns)


def _budget(profile: Profile) -> Iterator[str]:
    stages = {stage: profile.stage(stage) for stage in STAGES}
    for of, size in _by_stage(lambda stage: _window(stages[stage])):
        yield f"context window{of}: {f'{size:,}' if size else 'asked from the server'}"
    for of, wanted in _by_stage(lambda stage: stages[stage].max_output_tokens):
        most = f"{DEFAULT_ANSWER:,} ({ANSWER_WITHOUT_WINDOW:,} if the window is unknown)"
        yield (
            f"most tokens of an answer{of}: {most if wanted == 'auto' else f'{wanted:,}'},"
            " and never more than the window leaves"
        )


def _costs(every: dict[str, Words], prompt: str | None) -> Iterator[str]:
    count = Budget()
    if prompt is not None:
        yield f"the prompt itself: about {count.estimate([Message('user', prompt)]):,}"
    for name, words in every.items():
        own = (words.system, words.plan, words.files, words.code)
        tokens = count.estimate([Message("user", text) for text in own])
        yield f"the words of variant `{safe(name)}`: about {tokens:,}"


def _by_stage(value_of: Callable[[StageName], Value]) -> Iterator[tuple[str, Value]]:
    """Yield each stage as ` of STAGE` with its value; a single pair with an empty name if all values are equal."""
    values = {stage: value_of(stage) for stage in STAGES}
    if len(set(values.values())) == 1:
        yield "", values["plan"]
        return
    for stage, value in values.items():
        yield f" of {stage}", value


def _heading(text: str) -> str:
    return f"\n# ---- {text} ----"

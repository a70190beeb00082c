"""What a run would do, without asking anyone: settings, messages, and what they take of the window."""

from collections.abc import Iterator

from smol_dev import prompts
from smol_dev.budget import ANSWER_WITHOUT_WINDOW, DEFAULT_ANSWER, Budget
from smol_dev.config.load import Loaded
from smol_dev.config.show import as_text
from smol_dev.jobs import all_variants
from smol_dev.prompts import Words
from smol_dev.server.chat import Message
from smol_dev.server.probes import size_of
from smol_dev.ui.safe import safe

PLAN = "(the plan)"
FILES = ("(the file list)",)
PATH = "(the path of the file)"


def preview(prompt: str, loaded: Loaded) -> str:
    """The effective settings with their origins, the messages of each stage, and the token budget."""
    variants = all_variants(loaded)
    name = chosen(loaded)
    parts = [
        heading("settings"),
        as_text(loaded, origin=True).rstrip(),
        *messages(variants[name], name, prompt),
        *budget(loaded, variants, prompt),
    ]
    return "\n".join(parts)


def chosen(loaded: Loaded) -> str:
    """The prompt variant of the profile; `auto` goes by what is known without asking the server."""
    profile = loaded.profile
    if profile.prompt_variant != "auto":
        return profile.prompt_variant
    window = None if profile.context_window == "auto" else profile.context_window
    return prompts.choose(window=window, parameters=size_of(profile.model))


def messages(words: Words, name: str, prompt: str) -> Iterator[str]:
    """The turns of the conversation, ours in full, the model's as what they stand for."""
    opening = prompts.opening(words, prompt)
    turns = [
        *opening,
        Message("assistant", PLAN),
        Message("user", prompts.ask_list(words, prompt=prompt, plan=PLAN)),
        Message("assistant", FILES[0]),
        Message("user", prompts.ask_file(words, PATH, prompt=prompt, plan=PLAN, files=FILES)),
    ]
    yield heading(f"messages, prompt variant `{name}`")
    for turn in turns:
        yield f"[{turn.role}]\n{safe(turn.content, keep_newlines=True)}\n"


def budget(loaded: Loaded, variants: dict[str, Words], prompt: str) -> Iterator[str]:
    """What the prompt and each variant's words take, and what is left for answers."""
    profile, count = loaded.profile, Budget()
    window = profile.context_window
    yield heading("tokens, estimated")
    yield f"context window: {window if window != 'auto' else 'asked from the server'}"
    wanted = profile.max_output_tokens
    most = f"{wanted:,}" if wanted else f"{DEFAULT_ANSWER:,}, {ANSWER_WITHOUT_WINDOW:,} if unknown"
    yield f"most tokens of an answer: {most}, and never more than the window leaves"
    yield f"the prompt itself: about {count.estimate([Message('user', prompt)]):,}"
    for name, words in variants.items():
        own = [
            Message("user", text) for text in (words.system, words.plan, words.files, words.code)
        ]
        yield f"the words of variant `{name}`: about {count.estimate(own):,}"


def heading(text: str) -> str:
    """A line that stands out in plain text, and is a comment in TOML."""
    return f"\n# ---- {text} ----"

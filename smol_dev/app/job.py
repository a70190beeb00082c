"""The job of a run, made from the settings and a prompt."""

from dataclasses import replace

from smol_dev.chat import STAGES
from smol_dev.config.load import Loaded
from smol_dev.config.model import Profile, Prompts
from smol_dev.prompts import Words, shipped, variants
from smol_dev.run.conversation import Job, StageSettings
from smol_dev.server.connect import Link
from smol_dev.workspace.paths import settle


def job_of(
    loaded: Loaded,
    link: Link,
    *,
    prompt: str,
    plan: str = "",
    files: tuple[str, ...] = (),
    allow_sensitive: tuple[str, ...] = (),
) -> Job:
    """Return the job that the settings make of a prompt."""
    profile, run = link.profile, loaded.run
    at_once = profile.max_concurrency
    return Job(
        prompt=prompt,
        settle=lambda paths: settle(paths, allow_sensitive=allow_sensitive),
        variants=all_variants(loaded),
        stages={name: _stage(profile.stage(name)) for name in STAGES},
        strategy=profile.strategy,
        concurrency=None if at_once == "auto" else at_once,
        usual_concurrency=link.usual_concurrency,
        max_files=run.max_files,
        syntax_check=run.syntax_check,
        check_references=run.check_references,
        plan=plan,
        files=files,
    )


def all_variants(loaded: Loaded) -> dict[str, Words]:
    """Return every prompt variant by name: the shipped ones, and those of the user's files."""
    return {name: shipped(name) for name in variants()} | {
        name: own_words(words) for name, words in loaded.prompts.items()
    }


def own_words(own: Prompts) -> Words:
    """Return the words of an own variant; what it leaves out is the extended variant's.

    An empty system message says that there is none; no request can be empty.
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

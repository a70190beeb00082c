"""Whether the server of a profile works, checked in the order in which things can be wrong.

Each check tells what it found and, if it failed, what to type. After a failure that makes the rest
pointless the examination ends.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from smol_dev.chat import STAGES, Facts, StageName
from smol_dev.config.endpoint import is_cloud_model
from smol_dev.config.model import Profile
from smol_dev.safe import command, safe
from smol_dev.server.check import Check, State
from smol_dev.server.client import Client
from smol_dev.server.detect import choose
from smol_dev.server.failures import USUAL_WINDOW, failure, sentence
from smol_dev.server.known import Offer
from smol_dev.server.probes import same
from smol_dev.server.reach import reach
from smol_dev.server.trial import complete, structured

TOO_SMALL: Final = 4_096
"""Tokens. A plan, a list and a file do not fit together into less."""

SMALL: Final = 8_192
"""Tokens. Up to here the short prompts are used."""


async def examine(client: Client, *, key: str) -> AsyncIterator[Check]:
    """The checks as they are done. `key` says where the key comes from, never what it is."""
    async for check in reach(client, key=key):
        yield check
        if check.state == "failed":
            return
    offered = await client.offers()
    if not client.profile.model:
        client.profile = client.profile.model_copy(update={"model": choose(offered)})
    profile = client.profile
    stages = {profile.stage(stage).model: stage for stage in STAGES}
    models = [_model(client, stage, offered) for stage in stages.values()]
    for check in models:
        yield check
    if any(check.state == "failed" for check in models):
        return
    async for check in _at_work(client, list(stages.values())):
        yield check


async def _at_work(client: Client, stages: Sequence[StageName]) -> AsyncIterator[Check]:
    """The checks that need a model: its window, a short answer, a list, requests at once."""
    for stage in stages:
        if (await client.facts(stage)).window is None:
            await client.measure(stage, ())  # Ollama tells the window once the model is loaded
    facts = {stage: await client.facts(stage) for stage in stages}
    told = [stage for stage, each in facts.items() if each.window is not None]
    for stage in told:
        yield _window(client.profile.stage(stage), facts[stage])
    answered = True
    async for check in complete(client):
        yield check
        answered = answered and check.state != "failed"
    for stage in stages:
        if stage not in told:
            yield _window(client.profile.stage(stage), await client.facts(stage))
    if answered:
        yield await structured(client)
    for stage in stages:
        part = await client.spilled(stage)
        if part is not None:
            yield _memory(client.profile.stage(stage), part)
    yield _slots(client.profile, facts[stages[-1]])


def _model(client: Client, stage: StageName, offered: Sequence[Offer]) -> Check:
    """Whether the server has the stage's model, and whether it is one to chat with."""
    asked = client.asked(stage, models=tuple(each.name for each in offered))
    model = safe(asked.model)
    if not asked.model:
        error = failure("model_missing", asked, message=f"{asked.server} has no model to chat with")
        return Check("model", "failed", error.message, error.hint)
    offer = next((each for each in offered if same(each.name, asked.model)), None)
    data = {"model": asked.model, "loaded": offer.loaded if offer else None}
    if is_cloud_model(asked.model) or (offer is not None and offer.remote):
        error = failure("cloud_model", asked)
        state: State = "failed" if client.profile.local_only else "warned"
        return Check("model", state, error.message, error.hint, data)
    if offer is None:
        error = failure("model_missing", asked)
        message = f"`{model}` is not in the server's list; some servers serve it all the same"
        return Check("model", "warned", message, error.hint, data)
    if not offer.chats:
        error = failure("embedding_model", asked, message=sentence("embedding_model", asked))
        return Check("model", "failed", error.message, error.hint, data)
    if offer.loaded is False:
        return Check("model", "ok", f"`{model}` is there, and will be loaded when asked", data=data)
    return Check("model", "ok", f"`{model}` is there", data=data)


def _window(profile: Profile, facts: Facts) -> Check:
    """Whether the loaded window holds what the prompts need."""
    name, wanted = "context window", profile.context_window
    window = facts.window if wanted == "auto" else min(wanted, facts.window or wanted)
    data = {"window": window, "loaded": facts.window}
    larger = facts.larger(USUAL_WINDOW if wanted == "auto" else wanted)
    if window is None:
        message = "the server does not tell it: nothing will be refused, an answer takes 4,096 tokens"
        return Check(name, "warned", message, "say it: `-c context_window=16384`", data)
    if wanted != "auto" and window < wanted:
        message = f"`context_window` says {wanted:,} tokens, loaded are {window:,}"
        return Check(name, "failed", message, larger, data)
    if window < TOO_SMALL:
        message = f"{window:,} tokens are too few for a plan, a list and files"
        return Check(name, "failed", message, larger, data)
    if window <= SMALL:
        message = f"{window:,} tokens: the short prompts are used, and only small projects fit"
        return Check(name, "warned", message, larger, data)
    return Check(name, "ok", f"{window:,} tokens", data=data)


def _memory(profile: Profile, spilled: float) -> Check:
    """Whether the loaded model is in graphics memory as a whole, or in part in main memory."""
    model, data = safe(profile.model), {"spilled": round(spilled, 3)}
    if not spilled:
        return Check("memory", "ok", f"`{model}` is in graphics memory as a whole", data=data)
    if spilled == 1:
        return Check("memory", "ok", f"`{model}` runs in main memory alone, slowly", data=data)
    return Check(
        "memory",
        "warned",
        f"{max(1, round(100 * spilled))} % of `{model}` spill into main memory, which makes it slow",
        "choose a smaller model or quantization (`smol_dev models --advise`), or a smaller window",
        data,
    )


def _slots(profile: Profile, facts: Facts) -> Check:
    """How many requests the server works on at once, against how many are sent."""
    at_once, slots = profile.max_concurrency, facts.slots
    data = {"slots": slots}
    if slots is None:
        return Check("parallel", "ok", "the server does not tell how many requests it takes", data=data)
    if at_once != "auto" and at_once > slots:
        message = f"`max_concurrency` is {at_once}, but the server works on {slots} at once"
        return Check("parallel", "warned", message, command("-c max_concurrency={slots}", slots=slots), data)
    noun = "request" if slots == 1 else "requests"
    return Check("parallel", "ok", f"the server works on {slots} {noun} at once", data=data)

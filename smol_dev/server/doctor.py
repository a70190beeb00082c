"""Checks of what a profile's server offers and whether it works, in the order in which things can go wrong.

Each check reports what it found and, if it failed, what to type. A failure that makes the rest pointless ends the
examination.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from smol_dev.chat import STAGES, Delta, Facts, Message, Note, Reply, Request, StageName
from smol_dev.config.endpoint import is_cloud_model, is_local, origin_of
from smol_dev.config.load import Loaded
from smol_dev.config.model import Profile
from smol_dev.errors import ServerError, SmolError
from smol_dev.events import Show
from smol_dev.prompts import FILE_LIST_SCHEMA, SMALL_WINDOW
from smol_dev.safe import command, safe
from smol_dev.server.client import Client
from smol_dev.server.connect import KeepSecret, connected, model_list
from smol_dev.server.detect import choose
from smol_dev.server.failures import USUAL_WINDOW, failure
from smol_dev.server.families import automatic
from smol_dev.server.known import Offer, comparable, parsed
from smol_dev.server.machine import Advice, Machine, advise, this_machine
from smol_dev.server.transport import knock
from smol_dev.tokens import tokens

CheckState = Literal["ok", "warned", "failed"]

TOO_SMALL: Final = 4_096  # tokens that are too few for a plan, a list and a file together
SHORT: Final = 64  # tokens that an answer may take, and a list
LIST: Final = 256
FEW: Final = 4  # tokens that a server may well send in one piece
UNSAID: Final = "update the server, or the gateway in front of it: others end with a `finish_reason`"
QUESTION: Final = "Write a Python function that adds two numbers. Answer with code only."
LIST_QUESTION: Final = 'Name the two files of a small web page, as JSON: {"files": ["index.html", "style.css"]}.'


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `fix` is what to type, `data` the figures behind the message."""

    name: str
    state: CheckState
    message: str
    fix: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


def failed(name: str, error: SmolError) -> Check:
    """Return the failed check for an error."""
    return Check(name, "failed", error.message, error.hint, {"kind": getattr(error, "kind", "")})


@dataclass(frozen=True, slots=True)
class Examination:
    """Every completed check of a profile."""

    profile: str
    base_url: str
    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """0 if the server works, else 3."""
        return 3 if any(check.state == "failed" for check in self.checks) else 0


@dataclass(frozen=True, slots=True)
class Offered:
    """A server, its address, and its models with what it reports about each."""

    server: str
    base_url: str
    models: tuple[Offer, ...]
    exit_code: Literal[0] = 0


@dataclass(frozen=True, slots=True)
class Advised:
    """The memory of this machine and the models that would run in it; `problem` says why no server's are included."""

    machine: Machine
    models: tuple[Advice, ...]
    problem: str = ""
    exit_code: Literal[0] = 0


async def models(loaded: Loaded, show: Show, keep_secret: KeepSecret) -> Offered:
    """Return what the server of the settings offers. Raise `ServerError` if it cannot list its models."""
    async with connected(loaded, show, keep_secret=keep_secret, model_needed=False) as client:
        await model_list(client)  # says why there is no list, where `offers` is merely empty
        known = await client.recognised()
        return Offered(known.name, client.profile.base_url, await client.offers())


async def advice(loaded: Loaded, show: Show, keep_secret: KeepSecret) -> Advised:
    """Return which models fit this machine: those of the server if it runs, and those in the table."""
    machine = this_machine()
    try:
        offered = await models(loaded, show, keep_secret)
    except ServerError as error:
        return Advised(machine, advise(machine, ()), error.message)
    return Advised(machine, advise(machine, offered.models))


async def check(
    loaded: Loaded, show: Show, keep_secret: KeepSecret, *, show_check: Callable[[Check], None]
) -> Examination:
    """Check the settings, their server and its models, showing each check as it is done."""
    checks: list[Check] = []

    def note(each: Check) -> None:
        checks.append(each)
        show_check(each)

    note(Check("settings", "ok", f"the profile `{loaded.name}` is valid"))
    base_url = loaded.profile.base_url
    try:
        async with connected(loaded, show, keep_secret=keep_secret, model_needed=False) as client:
            base_url = client.profile.base_url
            async for each in examine(client, key=loaded.key_summary()):
                note(each)
    except ServerError as error:
        note(failed("server", error))
    return Examination(loaded.name, base_url, tuple(checks))


async def examine(client: Client, *, key: str) -> AsyncIterator[Check]:
    """Yield the checks as they are done; `key` says where the key comes from, never what it is."""
    async for check in _check_access(client, key=key):
        yield check
        if check.state == "failed":
            return
    offered = await client.offers()
    if not client.profile.model:
        client.profile = client.profile.model_copy(update={"model": choose(offered)})
    profile = client.profile
    stages = list({profile.stage(stage).model: stage for stage in STAGES}.values())
    models = [_model(client, stage, offered) for stage in stages]
    for check in models:
        yield check
    if all(check.state != "failed" for check in models):
        async for check in _check_models(client, stages):
            yield check


async def _check_access(client: Client, *, key: str) -> AsyncIterator[Check]:
    """Check the address, the server behind it and the key; the first failed check is the last."""
    yield await _address(client)
    known = await client.recognised()
    try:
        models = await model_list(client)
    except ServerError as error:
        if error.kind == "key":
            yield Check("server", "ok", f"{known.name} answers", data={"server": known.name})
        yield failed("key" if error.kind == "key" else "server", error)
        return
    data = {"server": known.name, "models": len(models)}
    yield Check("server", "ok", f"{known.name} answers and lists its models", data=data)
    yield Check("key", "ok", key)


async def _address(client: Client) -> Check:
    """Check whether a connection can be made, unless a proxy makes it."""
    target = client.target("plan")
    if target.proxy is not None:
        return Check("address", "ok", f"asked for through the proxy {target.proxy}")
    started = time.perf_counter()
    try:
        async with asyncio.timeout(client.profile.connect_timeout):
            await knock(target.base_url)
    except OSError as error:
        return failed("address", await client.explain(error, "plan"))
    where = "on this machine or network" if is_local(target.base_url) else "elsewhere"
    data = {"seconds": round(time.perf_counter() - started, 4)}
    return Check("address", "ok", f"{origin_of(target.base_url)} ({where}) accepts connections", data=data)


def _model(client: Client, stage: StageName, offered: Sequence[Offer]) -> Check:
    """Check whether the server has the stage's model, and whether it can chat."""
    target = replace(client.target(stage), models=tuple(each.name for each in offered))
    offer = next((each for each in offered if comparable(each.name) == comparable(target.model)), None)
    data = {"model": target.model, "loaded": offer.loaded if offer else None} if target.model else {}
    state: CheckState = "failed"
    if not target.model:
        error = failure("model_missing", target, message=f"{target.server} has no model to chat with")
    elif is_cloud_model(target.model) or (offer is not None and offer.remote):
        error = failure("cloud_model", target)
        state = "failed" if client.profile.local_only else "warned"
    elif offer is None:
        message = f"`{safe(target.model)}` is not in the server's list; some servers serve it all the same"
        error, state = failure("model_missing", target, message=message), "warned"
    elif not offer.chats:
        error = failure("embedding_model", target)
    else:
        later = ", and will be loaded when asked" if offer.loaded is False else ""
        return Check("model", "ok", f"`{safe(target.model)}` is there{later}", data=data)
    return Check("model", state, error.message, error.hint, data)


async def _check_models(client: Client, stages: Sequence[StageName]) -> AsyncIterator[Check]:
    """Check what needs a model: window, sampling, a short answer, a list, simultaneous requests.

    A model that is loaded on demand is loaded to learn its window; some servers tell it only after an answer.
    """
    untold = []
    for stage in stages:
        if (await client.facts(stage)).window is None:
            await client.measure(stage, ())
        if (await client.facts(stage)).window is None:
            untold.append(stage)
        else:
            yield _window(client.profile.stage(stage), await client.facts(stage))
    answered = True
    async for check in _complete(client):
        yield check
        answered = answered and check.state != "failed"
    for stage in untold:
        yield _window(client.profile.stage(stage), await client.facts(stage))
    for check in await _sampling(client):
        yield check
    if answered:
        yield await _structured(client)
    for stage in stages:
        part = await client.spilled(stage)
        if part is not None:
            yield _memory(client.profile.stage(stage), part)
    yield _slots(client.profile, await client.facts(stages[-1]))


def _window(profile: Profile, facts: Facts) -> Check:
    """Check whether the loaded window is large enough for the prompts."""
    wanted = profile.context_window
    window = facts.window if wanted == "auto" else min(wanted, facts.window or wanted)
    fix = facts.larger(USUAL_WINDOW if wanted == "auto" else wanted)
    state: CheckState = "failed"
    if window is None:
        state, fix = "warned", "say it: `-c context_window=16384`"
        message = "the server does not report it: no prompt is refused, and an answer gets 4,096 tokens"
    elif wanted != "auto" and window < wanted:
        message = f"`context_window` says {wanted:,} tokens, loaded are {window:,}"
    elif window < TOO_SMALL:
        message = f"{window:,} tokens are too few for a plan, a list and files"
    elif window <= SMALL_WINDOW:
        state, message = "warned", f"{window:,} tokens: the short prompts are used, and only small projects fit"
    else:
        state, message, fix = "ok", f"{window:,} tokens", ""
    return Check("context window", state, message, fix, {"window": window, "loaded": facts.window})


async def _sampling(client: Client) -> list[Check]:
    """Report the sampling that is sent, once for all stages that share it."""
    found: dict[str, tuple[dict[str, object], list[str]]] = {}
    for stage in STAGES:
        profile, left_out = client.profile.stage(stage), client.habits(stage).left_out
        figures = automatic(profile.model, profile.reasoning, await client.facts(stage))
        data: dict[str, object] = {}
        words = []
        for name, figure in figures.items():
            setting = profile.extra_body.get(name, getattr(profile, name))
            sent = (figure.value if figure.is_sent else None) if setting == "auto" else setting
            data[name] = None if name in left_out else sent
            said = figure.sentence() if setting == "auto" else f"{setting}, as you set it"
            words.append(f"{name} {'left out, as the server refuses it' if name in left_out else said}")
        found.setdefault("; ".join(words), (data, []))[1].append(stage)
    return [
        Check("sampling", "ok", f"{', '.join(stages)}: {message}" if len(found) > 1 else message, data=data)
        for message, (data, stages) in found.items()
    ]


async def _complete(client: Client) -> AsyncIterator[Check]:
    """Check whether an answer comes, whether in pieces, and how fast."""
    messages = (Message("system", "You write code."), Message("user", QUESTION))
    try:
        pieces, reply, notes = await _ask(client, Request("code", messages, SHORT))
    except ServerError as error:
        yield failed("completion", error)
        return
    data = {"pieces": pieces}
    if pieces > 1:
        yield Check("streaming", "ok", f"the answer came in {pieces} pieces", data=data)
    elif tokens(reply.text + reply.reasoning).likely < FEW:
        yield Check("streaming", "ok", "the answer was too short to come in pieces", data=data)
    else:
        message = "the answer came in one piece: nothing is seen until it is complete"
        fix = "switch streaming on in the server or the gateway in front of it"
        yield Check("streaming", "warned", message, fix, data)
    yield _completion(reply, pieces, notes)


def _completion(reply: Reply, pieces: int, notes: Sequence[Note]) -> Check:
    name, count = "completion", reply.usage.completion or pieces
    pace = replace(reply, usage=replace(reply.usage, completion=count)).pace.per_second
    data: dict[str, object] = {
        "first_token_seconds": round(reply.first_token_seconds, 3),
        "tokens": count,
        "finish_reason": reply.finish_reason,
    }
    timed = f"first token after {reply.first_token_seconds:.2f} s"
    if pace is not None:
        data["tokens_per_second"] = round(pace, 1)
        timed += f", then {pace:.1f} tokens/s"
    failure = reply.failure
    if isinstance(failure, ServerError) and failure.kind == "only_reasoning":
        return Check(name, "warned", f"the model thinks first; {timed}", failure.hint, data)
    if reply.ending == "unsaid" and reply.text and notes:
        return Check(name, "warned", f"{timed}; {notes[-1].message}", UNSAID, data)
    if isinstance(failure, ServerError):
        return Check(name, "failed", failure.message, failure.hint, data)
    if notes:
        return Check(name, "warned", f"{timed}; {notes[0].message}", notes[0].hint, data)
    return Check(name, "ok", timed, data=data)


async def _structured(client: Client) -> Check:
    """Check which kind of structured output works for the file list."""
    name, habits = "structured output", client.habits("files")
    if not habits.rungs:
        return Check(name, "ok", "the list is asked for in words", data={"rung": "text"})
    messages = (Message("system", "You answer in JSON."), Message("user", LIST_QUESTION))
    try:
        _, reply, _ = await _ask(client, Request("files", messages, LIST, FILE_LIST_SCHEMA))
    except ServerError as error:
        return failed(name, error)
    rung = next(iter(habits.rungs), "text")
    document = parsed(reply.text)
    if isinstance(document, dict) and isinstance(document.get("files"), list):
        return Check(name, "ok", f"`{rung}` works", data={"rung": rung})
    message = f"`{rung}` was taken, but the answer is not in that form; the list will be read from text"
    return Check(name, "warned", message, "ask in words from the start: `-c structured_output=off`", {"rung": rung})


async def _ask(client: Client, request: Request) -> tuple[int, Reply, list[Note]]:
    """Return the number of pieces, the reply and the notes of an answer. Raise `ServerError`."""
    items = [item async for item in client.ask(request)]  # to its end, where the client asks the server again
    [reply] = [item for item in items if isinstance(item, Reply)]
    notes = [item for item in items if isinstance(item, Note)]
    return sum(isinstance(item, Delta) for item in items), reply, notes


def _memory(profile: Profile, spilled: float) -> Check:
    """Check whether the loaded model is wholly in graphics memory, or partly in main memory."""
    name, model, data = "memory", safe(profile.model), {"spilled": round(spilled, 3)}
    if not spilled:
        return Check(name, "ok", f"`{model}` is in graphics memory as a whole", data=data)
    if spilled == 1:
        return Check(name, "ok", f"`{model}` runs in main memory alone, slowly", data=data)
    message = f"{max(1, round(100 * spilled))} % of `{model}` spill into main memory, which makes it slow"
    fix = "choose a smaller model or quantization (`smol_dev models --advise`), or a smaller window"
    return Check(name, "warned", message, fix, data)


def _slots(profile: Profile, facts: Facts) -> Check:
    """Check the number of simultaneous requests that are sent against what the server works on."""
    name, at_once, slots = "parallel", profile.max_concurrency, facts.slots
    data = {"slots": slots}
    if slots is None:
        return Check(name, "ok", "the server does not report how many requests it takes", data=data)
    if at_once != "auto" and at_once > slots:
        message = f"`max_concurrency` is {at_once}, but the server works on {slots} at once"
        return Check(name, "warned", message, command("-c max_concurrency={slots}", slots=slots), data)
    noun = "request" if slots == 1 else "requests"
    return Check(name, "ok", f"the server works on {slots} {noun} at once", data=data)

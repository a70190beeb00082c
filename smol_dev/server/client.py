"""The model behind an OpenAI-compatible server; the one module that knows the `openai` package.

The package builds the request; we read the bytes of the answer ourselves, because its reader loses a last event without
a blank line, stops at `event: ping`, and yields nothing for an answer that is not a stream.
"""

import asyncio
import logging
import random
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import httpx2

from smol_dev.chat import Delta, Facts, Measured, Message, Note, Reply, Request, Retrying, StageName
from smol_dev.config.endpoint import PROVIDERS, is_cloud_model, is_local, origin_of
from smol_dev.config.model import Profile
from smol_dev.config.secret import NO_SECRETS, Bound
from smol_dev.errors import ServerError, SmolError
from smol_dev.safe import command
from smol_dev.server import known as servers
from smol_dev.server.answer import Deadlines, StreamedAnswer
from smol_dev.server.detect import find
from smol_dev.server.failures import RefusedError, Target, TooLongError, classify, failure, unreachable
from smol_dev.server.known import SMALLEST_MODEL, KnownServer, Offer, Prober, Response
from smol_dev.server.request import (
    Habits,
    Remembered,
    body,
    enforces_form,
    message_fields,
    opening_in,
    opens_anew,
    was_sent,
)
from smol_dev.server.transport import PLACEHOLDER, open_client, proxy_for, shown, speaks_tls


@contextmanager
def lazy_import(package: str) -> Iterator[None]:
    """Import the package and its subpackages in the block, but run each only when a name in it is first used.

    A request needs about forty of the thousand modules of `openai.types`. Without this, the client is ready after 1.1
    times the CPU time of a bare `OpenAI()` script; with it, after 0.6 times. The first byte must leave no later than
    that script's.
    """
    finder = _LazyFinder(package)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _LazyFinder(MetaPathFinder):
    """The usual finder of modules, with a `_LazyLoader` for packages.

    `importlib.util.LazyLoader` would run a package as soon as one of its modules is imported.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not f"{fullname}.".startswith(f"{self._package}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None and spec.submodule_search_locations:
            spec.loader = _LazyLoader(spec.loader)
        return spec


class _LazyLoader(Loader):
    """A loader that runs a module when a name is first looked up in it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        def look(name: str) -> object:
            if vars(module).get("__getattr__") is look:
                del vars(module)["__getattr__"]
                self._loader.exec_module(module)
                return getattr(module, name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        vars(module)["__getattr__"] = look


with lazy_import("openai.types"):
    import openai

for _name in ("openai", "httpx2"):  # else, OPENAI_LOG would print requests
    logging.getLogger(_name).setLevel(logging.WARNING)

ONCE: Final = frozenset({"crashed", "server"})  # kinds of failure that a second try may cure, but never a third
LONGEST_WAIT: Final = 60.0
FIRST_WAIT: Final = 0.5
LOADING_WAIT: Final = 2.0

OTHERS_DEADLINE: Final = 0.5  # seconds to look for another local server when the profile's is not running
UNSAID: Final = {
    f"X-Stainless-{name}": openai.Omit()
    for name in "Lang Package-Version OS Arch Runtime Runtime-Version Async Retry-Count".split()
}
"""Headers of the package about itself and this machine; the transport would drop them, but making them takes time."""

MOST: Final[Mapping[StageName, int]] = {"plan": 256 * 1024, "files": 1024 * 1024}  # bytes of an answer
MOST_AROUND: Final = 64 * 1024  # bytes of what may surround a file in an answer, including its escapes
MOST_AT_ONCE: Final = 64
ELSEWHERE: Final = 8  # requests at once to a server outside this machine and network
UNSAID_END: Final = "does not say why it stops: an answer counts as whole when its code block is closed"
UNSAID_PLACE: Final = "does not say whether the model runs on this machine, where prompts are to stay"

Item = Delta | Retrying | Note | Reply


class Client:
    """A `Chat` over HTTP for one profile.

    `secrets` are headers bound to their origin. `environ` names proxies, certificates and local servers. `cache_dir`
    remembers what a server refused; None remembers nothing between runs. `keep_here` is raised if the server would have
    a model run elsewhere; `local_only` refuses too.
    """

    def __init__(
        self,
        profile: Profile,
        secrets: Bound = NO_SECRETS,
        *,
        environ: Mapping[str, str],
        cache_dir: Path | None = None,
        keep_here: SmolError | None = None,
        max_file_bytes: int = 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self.profile = profile
        self.known: KnownServer | None = servers.named(profile.provider)
        self.http = open_client(
            profile.base_url, secrets=secrets, environ=environ, connect_timeout=profile.connect_timeout
        )
        self._openai = openai.AsyncOpenAI(
            api_key=PLACEHOLDER, base_url=profile.base_url, max_retries=0, timeout=None, http_client=self.http
        )
        self._openai.organization = self._openai.project = None  # of the `OPENAI_*` variables
        self._chat = f"{profile.base_url.rstrip('/')}/chat/completions"
        self._environ = environ
        self._secrets = secrets.secrets
        self._key_sent = secrets.origin == origin_of(profile.base_url) and bool(secrets.headers)
        self._most_in_file = max_file_bytes * 5 // 4 + MOST_AROUND
        proxy = proxy_for(profile.base_url, environ)
        self._proxy = None if proxy is None else shown(proxy)
        through = f"requests to {profile.base_url} go through the proxy {self._proxy}"
        self._notes = [Note(through, "put its host into NO_PROXY to connect directly")] if self._proxy else []
        self._unsaid_told = False
        self._facts: dict[str, Facts] = {}
        self._prober = Prober(self.http, profile.base_url)
        self._answered: set[str] = set()
        self._remembered = Remembered(cache_dir, profile.base_url)
        self._habits: dict[str, Habits] = {}
        self._models: tuple[str, ...] | None = None
        self._keep_here = keep_here
        self._is_guarded = profile.local_only or keep_here is not None
        self._clock, self._sleep = clock, sleep

    @property
    def usual_concurrency(self) -> int:
        """How many simultaneous requests suit a server that does not report its slots.

        Ollama never reports them; if it runs on this machine, its own variable does.
        """
        if not is_local(self.profile.base_url):
            return ELSEWHERE
        told = self._environ.get("OLLAMA_NUM_PARALLEL", "").strip()
        if self.profile.provider == "ollama" and told.isascii() and told.isdigit():
            return min(max(int(told[:6]), 1), MOST_AT_ONCE)
        return PROVIDERS[self.profile.provider].concurrency

    async def recognised(self) -> KnownServer:
        """Return the kind of server, asking again until it can be recognised."""
        if self.known is None:
            answers = await servers.look(self._prober)
            known = servers.recognised(answers)
            if known is servers.generic() and all(each.status >= 500 for each in answers.values()):  # noqa: PLR2004 - not up yet
                return known
            self.known = known
        return self.known

    async def facts(self, stage: StageName) -> Facts:
        """Return what the server says about itself and the stage's model.

        A server that loads a model on demand reports its window only after its first answer, so it is asked once more
        then. A server that has reported it is not asked again.
        """
        model = self.profile.stage(stage).model
        if model not in self._facts:
            known = await self.recognised()
            # Where prompts must stay here, a new model is asked about even when the time is used up.
            prober = self._prober.anew() if self._is_guarded else self._prober
            self._facts[model] = await servers.facts(prober, model, known, guarded=self._is_guarded)
        return self._facts[model]

    async def measure(self, stage: StageName, messages: tuple[Message, ...]) -> Measured:
        """Return the server's own figures for a prompt before it is sent, loading a model on demand if needed."""
        profile, known = self.profile.stage(stage), await self.recognised()
        seconds = profile.first_token_timeout
        if (await self.facts(stage)).window is None and known.load:
            await self._refuse_elsewhere(stage)
            await servers.load(self._prober, profile.model, known, seconds=seconds)
            del self._facts[profile.model]
        prompt = None
        if messages:
            sent = message_fields(messages, merges_system=self.habits(stage).merges_system)
            prompt = await servers.count(self._prober, profile.model, known, sent, seconds=seconds)
        if (await self.facts(stage)).window is None:
            del self._facts[profile.model]  # counting may have loaded it
        return Measured((await self.facts(stage)).window, prompt)

    async def offers(self) -> tuple[Offer, ...]:
        """Return the models that the server offers."""
        return await servers.offers(self._prober, await self.recognised())

    async def spilled(self, stage: StageName) -> float | None:
        """Return the part of the stage's loaded model outside graphics memory, or None if unknown."""
        model = self.profile.stage(stage).model
        return await servers.spilled(self._prober.anew(), model, await self.recognised())

    async def ask(self, request: Request) -> AsyncGenerator[Item, None]:
        """Yield the answer as it streams, as `Chat.ask` says; all failures are handled here."""
        stage, profile = request.stage, self.profile.stage(request.stage)
        await self._refuse_elsewhere(stage)
        await self._learn_sampling(stage)
        started, attempt = self._clock(), 1
        while True:
            while self._notes:
                yield self._notes.pop(0)
            deadlines, fields = Deadlines(profile, self.target(stage), self._clock), self._fields(request)
            try:
                async with aclosing(await self._sent(stage, fields, deadlines)) as answer:
                    while deltas := await answer.next():
                        for delta in deltas:
                            yield delta
                    for each in self._ending(answer.reply(), fields, stage):
                        yield each
            except ServerError as error:  # before the first piece: later it is a reply's `failure`
                changed = self._adapted(request, fields, error)
                if changed is not None:
                    request = changed
                    continue
                left = profile.first_token_timeout - (self._clock() - started)
                wait = wait_before_retry(error, attempt, profile.max_retries, left, answering=deadlines.answering)
                if wait is None:
                    raise
                yield Retrying(error.message, attempt, wait, error.kind)
                await self._sleep(wait)
                attempt += error.kind != "loading"
            else:
                return
            finally:
                deadlines.close()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._openai.close()

    def target(self, stage: StageName) -> Target:
        """Return the server and model of the stage, for its errors."""
        model = self.profile.stage(stage).model
        return Target(
            base_url=self.profile.base_url,
            model=model,
            known=self.known,
            models=self._models,
            key_sent=self._key_sent,
            secrets=self._secrets,
            proxy=self._proxy,
            limit=facts.limit if (facts := self._facts.get(model)) else None,
        )

    async def explain(self, cause: BaseException, stage: StageName) -> ServerError:
        """Return why the server could not be reached, and which others are running."""
        target = self.target(stage)
        if isinstance(cause, httpx2.ConnectTimeout) and target.proxy is None:
            seconds = self.profile.connect_timeout
            longer = command("-c connect_timeout={seconds}", seconds=f"{2 * seconds:g}")
            message = f"no connection with {target.server} within {seconds:g} s (`connect_timeout`)"
            hint = "check the address, and whether that machine is up and lets this one in"
            return failure("timeout", target, message=message, hint=f"{hint}; or wait longer: {longer}")
        error = unreachable(cause, target)
        if error.kind == "cut" and target.proxy is None and await speaks_tls(target.base_url):
            hint = "write `https://` instead of `http://` in `base_url`"
            message = f"{target.server} speaks TLS, and not plain HTTP"
            return failure("tls", target, message=message, hint=hint)
        if error is cause or error.kind != "not_running" or not is_local(target.base_url):
            return error
        others = await find(self.http, self._environ, patience=OTHERS_DEADLINE)
        running = tuple(f"{other.known.name} at {other.base_url}" for other in others.found)
        return unreachable(cause, replace(target, running=running))

    def habits(self, stage: StageName) -> Habits:
        """Return what is known about what the stage's model accepts."""
        profile = self.profile.stage(stage)
        if profile.model not in self._habits:
            self._habits[profile.model] = self._remembered.load(profile, self.known)
        return self._habits[profile.model]

    def step_down(self, stage: StageName) -> None:
        """Ask for the list in a simpler way from now on, as the structured answer was unusable."""
        habits = self.habits(stage)
        if habits.without("response_format") is not None:
            self._remembered.save(self.profile.stage(stage), habits)

    def continues(self, stage: StageName) -> bool:
        """Return whether the stage's model can continue an answer exactly where it stops."""
        habits = self.habits(stage)
        seen = habits.continues or (self.known is not None and self.known.always_continues)
        return seen and self._may_continue(self.profile.stage(stage), habits)

    def _may_continue(self, profile: Profile, habits: Habits) -> bool:
        """Return whether the server is believed to continue an answer from an opening.

        A model too small to be real replays a script, which an opening would throw off.
        """
        if profile.answer_opening == "off" or habits.continues is not None:
            return profile.answer_opening != "off" and habits.continues is True
        facts = self._facts.get(profile.model)
        if facts is None or not facts.continues:
            return False
        return facts.parameters is None or facts.parameters >= SMALLEST_MODEL

    def _fields(self, request: Request) -> dict[str, Any]:
        """Return the arguments of the request, in the form that its model is known to accept."""
        profile, habits = self.profile.stage(request.stage), self.habits(request.stage)
        return body(request, profile, habits, self.known, continues=self._may_continue(profile, habits))

    async def _learn_sampling(self, stage: StageName) -> None:
        """Add what the server reports about the model's sampling to its habits."""
        profile, known = self.profile.stage(stage), self.known
        if known is not None and "auto" in {profile.temperature, profile.top_p}:
            usual = Facts(applies_sampling=known.applies_sampling)
            self.habits(stage).facts = await self.facts(stage) if known.places("sampling") else usual

    async def _sent(self, stage: StageName, fields: Mapping[str, Any], deadlines: Deadlines) -> StreamedAnswer:
        """Send a request and return its answer, unread. Raise `ServerError` for an error response."""
        target = self.target(stage)
        flat = {name: value for name, value in fields.items() if name != "extra_body"} | fields["extra_body"]
        sending = self._openai.post(  # the package's own method would check every field again
            self._chat, cast_to=httpx2.Response, body=flat, options={"headers": UNSAID}, stream=True
        )
        try:
            response = await deadlines.wait(sending)
        except openai.APIStatusError as error:
            refusal = error.response
            answer = Response(refusal.status_code, dict(refusal.headers), refusal.text)
            refused = classify(answer, target)
            if refused.kind == "model_missing" and self._models is None:
                self._models = tuple(offer.name for offer in await self.offers())
                refused = classify(answer, replace(target, models=self._models))
            raise refused from error
        except openai.APIConnectionError as error:
            raise await self.explain(error.__cause__ or error, stage) from error
        deadlines.answering = True
        return StreamedAnswer(response, deadlines, target, most=MOST.get(stage, self._most_in_file))

    def _adapted(self, request: Request, fields: Mapping[str, Any], error: ServerError) -> Request | None:
        """Return the request in a form that the server may accept after this refusal, or None."""
        profile, habits = self.profile.stage(request.stage), self.habits(request.stage)
        if isinstance(error, TooLongError):
            facts, window = self._facts.get(profile.model), error.window
            if window is not None and facts is not None:
                self._facts[profile.model] = replace(facts, window=min(window, facts.window or window))
            room = error.room(request.max_tokens)
            return None if room is None else replace(request, max_tokens=room)
        if not isinstance(error, RefusedError):
            return None
        field, hint = error.field, ""
        if field == "one_of_both":
            is_top_p_set = profile.top_p != "auto" and profile.temperature == "auto"
            field = "temperature" if is_top_p_set else "top_p"
        if error.most is not None:
            told = habits.lowered(error.most, request.max_tokens)
            hint = "say so yourself: " + command("-c max_output_tokens={most}", most=error.most)
        else:
            told = habits.without(field) if was_sent(field, fields) else None
        if told is None:  # another request may have learnt it since this one was sent
            return None if self._fields(request) == fields else request
        if error.most is None:
            self._remembered.save(profile, habits)
        self._notes.append(Note(told, hint))
        return request

    async def _refuse_elsewhere(self, stage: StageName) -> None:
        """Raise if the settings keep prompts here and the server would pass this one on."""
        await self.recognised()
        target = self.target(stage)
        if not self._is_guarded or not is_local(target.base_url):
            return
        remote = (await self.facts(stage)).remote
        if remote is None:
            patience, started = self.profile.first_token_timeout, self._clock()
            answer = await self._prober.fetch("models", seconds=patience)
            if answer is None and self._clock() - started < patience:
                return  # it is not running: the request will report that
            if answer is None:
                message = f"{target.server} said nothing for {patience:g} s (`first_token_timeout`)"
                raise failure("timeout", target, message=message)
            del self._facts[target.model]
            self._prober = Prober(self.http, target.base_url)  # it was busy before
            remote = (await self.facts(stage)).remote
        if remote is None:
            raise failure("timeout", target, message=f"{target.server} {UNSAID_PLACE}")
        if remote or (is_cloud_model(target.model) and self.known and self.known.places("remote")):
            raise self._keep_here or failure("cloud_model", target)

    def _ending(self, reply: Reply, fields: Mapping[str, Any], stage: StageName) -> Iterator[Note | Reply]:
        """Yield the notes about a reply, then the reply with the opening that it continues.

        An answer that begins a block of its own has no opening.
        """
        profile = self.profile.stage(stage)
        if reply.ending == "unsaid" and reply.text and not self._unsaid_told:
            self._unsaid_told = True
            yield Note(f"{self.target(stage).server} {UNSAID_END}")
        opening = opening_in(fields)
        if opening and reply.text:
            habits = self.habits(stage)
            habits.starts_anew = opens_anew(reply.text, opening)
            habits.continues = not habits.starts_anew
            if habits.starts_anew:
                opening = ""
                self._remembered.save(profile, habits)
                message = "the model did not go on with the opening of its answer; it is given none any more"
                yield Note(message, is_detail=True)
        yield replace(reply, opening=opening, enforced=enforces_form(fields))
        facts = self._facts.get(profile.model)
        if profile.model not in self._answered and facts is not None and facts.window is None:
            del self._facts[profile.model]  # a model loaded on demand has its window now
        self._answered.add(profile.model)


def wait_before_retry(
    error: ServerError,
    attempt: int,
    max_retries: int,
    loading_left: float,
    *,
    answering: bool = False,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Return the seconds to wait before sending the request again, or None to give up.

    `attempt` counts from 1. `loading_left` is what is left of `first_token_timeout`: a loading model gets that long,
    whatever `max_retries` says. `Retry-After` is honoured up to a minute. `answering` says that the server had begun to
    answer: a stream that broke off before its first token is worth one more try.
    """
    if error.kind == "loading":
        wait = min(error.retry_after or LOADING_WAIT, LONGEST_WAIT)
        return wait if wait < loading_left else None
    is_once = error.kind in ONCE or (error.kind == "cut" and answering)
    if not error.transient or attempt > (min(max_retries, 1) if is_once else max_retries):
        return None
    if error.retry_after is not None:
        return min(error.retry_after, LONGEST_WAIT)
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) * (0.75 + jitter() / 2))

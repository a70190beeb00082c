"""The known servers: how to recognise them by their answers, what to ask them, and their habits.

Their table is `known.toml`; a new server is one entry there. Questions are small, and limited in time and size.
"""

import asyncio
import json
import re
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote, urlunsplit

import httpx2

from smol_dev.chat import Facts
from smol_dev.config.endpoint import ProviderName, is_local, parts_of
from smol_dev.errors import SmolError
from smol_dev.safe import with_commands
from smol_dev.server.families import Family, figures, own_figures

FailureKind = Literal[
    "not_running", "dns", "tls", "proxy", "timeout", "cut", "wrong_path", "forbidden", "key", "cloud_model",
    "context", "silent_truncation", "load_failed", "template", "unsupported", "embedding_model", "not_loaded",
    "model_missing", "loading", "busy", "rate_limit", "crashed", "empty", "only_reasoning", "bad_request",
    "server",
]  # fmt: skip
"""The kinds of failure, as the `kind` of a `ServerError` names them."""

MODEL: Final = "{model}"  # where the model's name goes in the path of a place
SECONDS: Final = 5.0
READ: Final = 65_536  # characters of an answer to search for patterns
BYTES: Final = 4 * 1024 * 1024  # a model list of a gateway with hundreds of models is about half a mebibyte
TOGETHER: Final = 2 * BYTES  # bytes of all answers to questions asked at the same time
PARTS: Final = 400_000
"""Parts of a document; each costs about sixty bytes of memory, even if it is one byte in the answer."""

Index = dict[tuple[int, str], dict[str, list[Any]]]
"""The entries of a list in a document, by the name in one of their fields."""

API_PATH: Final = re.compile(r"(/engines(/[^/]+)?|/api)?/v\d{1,3}$")
SIZE: Final = re.compile(r"(?<![\d.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d{1,3})?)([mbt])(?![a-z0-9])")
UNITS: Final = {"m": 1_000_000, "b": 1_000_000_000, "t": 1_000_000_000_000}
SMALLEST_MODEL: Final = 10_000_000  # a smaller number in a name, as in `-1m`, is a context window
MOST: Final[Mapping[str, int]] = {
    "window": 100_000_000,
    "limit": 100_000_000,
    "slots": 1024,
    "parameters": 10**14,
    "size": 10**14,
    "whole": 10**14,
    "count": 10**9,
}
"""The largest number that is believed, by what it is about."""

MOST_MODELS: Final = 10_000
TEMPLATE: Final = 8  # tokens that a chat template adds to each message, if only the text is counted
NAME: Final = re.compile(r"[^\0\ud800-\udfff]+")
"""A model's name that can be sent back: one without NUL and lone surrogates."""

NOT_LOADED: Final = {"not-loaded", "unloaded", "loading", "downloading", "downloaded", "sleeping", "failed"}
NO_CHAT: Final = re.compile(
    r"embed|rerank|bert\b|(^|[/:_-])(bge|gte|e5|all-minilm|minilm|mxbai|whisper|tts|clip|"
    r"stable-diffusion|sdxl|flux|moderation|dall-e)\b"
)


def parsed(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return the text as JSON, or None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True)
class Response:
    """A server's answer or, if `in_stream`, the error found in the middle of a stream.

    The names of `headers` are in lower case; `body` is text.
    """

    status: int
    headers: Mapping[str, str]
    body: str
    in_stream: bool = False
    index: Index = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def document(self) -> Any:  # noqa: ANN401 - whatever the server sent
        """The body as JSON; None if it is not JSON, has too many parts, or the response is an error."""
        if self.status >= 300 or sum(map(self.body.count, ",[{")) > PARTS:  # noqa: PLR2004 - 2xx alone holds what was asked for
            return None
        return parsed(self.body)

    def text(self) -> str:
        """Return headers and body in lower case, to search for patterns."""
        headers = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{headers[:READ]}\n\n{self.body[:READ]}".lower()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server reports a value; the head of `known.toml` explains the fields."""

    at: str
    find: str
    post: bool = False
    pattern: str = ""


class Prober:
    """A client for small questions to one server about itself.

    `overdue` are the URLs whose answers were too slow or too large; they are not asked again. `left` is the time in
    seconds for more questions.
    """

    def __init__(self, client: httpx2.AsyncClient, base_url: str) -> None:
        self.client = client
        self.base_url = base_url
        self.overdue: set[str] = set()
        self.left = SECONDS
        self._room = TOGETHER

    def anew(self) -> "Prober":
        """Return a prober of the same server with fresh time; what is overdue stays so."""
        other = Prober(self.client, self.base_url)
        other.overdue = self.overdue
        return other

    async def fetch(self, at: str, *, seconds: float, body: object = None) -> Response | None:
        """Return the answer of one place to a GET, or to a POST of the body; None if none comes in time."""
        self._room = TOGETHER
        return await self._answer(address(self.base_url, at), body, seconds)

    async def fetch_all(self, places: Sequence[Place], *, model: str = "") -> dict[str, Response]:
        """Return the places' answers by their `at`, asked together; those that need a model are skipped without one."""
        asked = {place.at: place.post for place in places if model or not (place.post or MODEL in place.at)}
        urls = {at: address(self.base_url, at.replace(MODEL, quote(model, safe=""))) for at in asked}
        urls = {at: url for at, url in urls.items() if self.left > 0 and url not in self.overdue}
        started, before, self._room = time.monotonic(), len(self.overdue), TOGETHER
        bodies = [{"model": model} if asked[at] else None for at in urls]
        questions = [self._answer(url, body, self.left) for url, body in zip(urls.values(), bodies, strict=True)]
        answers = await asyncio.gather(*questions)
        if len(self.overdue) > before:
            self.left -= time.monotonic() - started
        return {at: answer for at, answer in zip(urls, answers, strict=True) if answer is not None}

    async def _answer(self, url: str, body: object, seconds: float) -> Response | None:
        received = bytearray()
        method = "GET" if body is None else "POST"
        try:
            async with asyncio.timeout(seconds), self.client.stream(method, url, json=body) as response:
                async for chunk in response.aiter_bytes():
                    received += chunk
                    self._room -= len(chunk)
                    if len(received) > BYTES or self._room < 0:
                        self.overdue.add(url)
                        return None
                return Response(response.status_code, dict(response.headers), received.decode(errors="replace"))
        except (TimeoutError, SmolError):
            self.overdue.add(url)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError):
            pass
        return None


@dataclass(frozen=True, slots=True, eq=False)
class KnownServer:
    """A kind of server, as `known.toml` describes it; its head explains the fields."""

    name: str
    provider: ProviderName = "compatible"
    ports: tuple[int, ...] = ()
    path: str = "/v1"
    signs: Mapping[str, str] = field(default_factory=dict)
    words: str = ""
    lists_loaded: bool = False
    forwards: bool = False
    names_files: bool = False
    tells: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    load: str = ""
    load_fields: Mapping[str, object] = field(default_factory=dict)
    always_continues: bool = False
    continue_fields: Mapping[str, object] = field(default_factory=dict)
    thinking_off: Mapping[str, object] = field(default_factory=dict)
    structured: tuple[str, ...] = ()
    built_in: Mapping[str, float] = field(default_factory=dict)
    applies_sampling: bool = False
    unclear: FailureKind = "server"
    remedies: Mapping[FailureKind, str] = field(default_factory=dict)

    def places(self, *what: str) -> tuple[Place, ...]:
        """Return the places where the server reports these facts."""
        return tuple(place for each in what for place in self.tells.get(each, ()))

    def remedy(self, kind: FailureKind, *, model: str = "", base_url: str = "") -> str:
        """Return what to type or change after a failure of this kind on this server.

        It still contains `WINDOW`, which `Facts.larger` replaces by the needed size.
        """
        text = self.remedies.get(kind) or generic().remedies[kind]
        values: dict[str, object] = {"base_url": base_url}
        if model:
            values["model"] = model
        return with_commands(text, values)

    def thinking(self, reasoning: str, family: Family | None = None) -> dict[str, object]:
        """Return the request fields that set how much the model thinks; none for `auto`.

        A server that passes arguments to the chat template gets those of the model's family.
        """
        if reasoning == "auto" or (family is not None and family.thinks == "never"):
            return {}
        hands_through = "chat_template_kwargs" in self.thinking_off
        if family is not None and family.effort:
            effort = {"reasoning_effort": "low" if reasoning == "off" else reasoning}
            return effort | ({"chat_template_kwargs": effort} if hands_through else {})
        if family is not None and family.switch and hands_through:
            return {"chat_template_kwargs": {family.switch: reasoning != "off"}}
        return dict(self.thinking_off) if reasoning == "off" else {"reasoning_effort": reasoning}


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that a server offers; what the server does not say is None. `remote` is where it really runs.

    `size` is the bytes of its file.
    """

    name: str
    loaded: bool | None = None
    window: int | None = None
    parameters: int | None = None
    chats: bool = True
    remote: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a server's answers say about one model."""

    known: KnownServer
    answers: Mapping[str, Response]
    model: str

    def all(self, what: str) -> Iterator[list[Any]]:
        """Return, for each place with a valid answer, the values found there, perhaps none."""
        return look_up(self.known.places(what), self.answers, self.model)

    def each(self, what: str) -> Iterator[Any]:
        """Return all the values, one by one."""
        return (value for found in self.all(what) for value in found)

    def number(self, what: str) -> int | None:
        """Return the smallest number at the first place that has one, as any instance of the model may answer."""
        for found in self.all(what):
            if numbers := [each for value in found if (each := number(value, most=MOST[what])) is not None]:
                return min(numbers)
        return None

    def parameters(self) -> int | None:
        """Return the number of parameters, taken from the name if the server does not report it."""
        told = (
            size_of(value) if isinstance(value, str) else number(value, most=MOST["parameters"])
            for value in self.each("parameters")
        )
        return next((each for each in told if each is not None), size_of(self.model))

    def remote(self) -> str:
        """Return where the server has the model run if that is not on this machine, else an empty string."""
        return next((each for each in self.each("remote") if isinstance(each, str) and each.strip()), "")

    def loaded(self) -> bool | None:
        """Return whether the model is in memory, or None if unknown."""
        told = list(self.all("loaded"))
        state = next((value for found in told for value in found), None)
        if state is None:
            return self.known.lists_loaded or (False if told else None)
        return state not in NOT_LOADED if isinstance(state, str) else bool(state)

    def offer(self) -> Offer:
        """Return the model as an offer of the server; whether it chats is judged by its type and its name."""
        return Offer(
            self.model,
            loaded=self.loaded(),
            window=self.number("window"),
            parameters=self.parameters(),
            chats=not any(NO_CHAT.search(str(each).lower()) for each in (*self.each("type"), self.model)),
            remote=self.remote(),
            size=self.number("size"),
        )


@lru_cache(maxsize=1)
def servers() -> tuple[KnownServer, ...]:
    """Return every known server in the order of `known.toml`; the last one is the generic entry."""
    known = []
    for table in tomllib.loads(Path(__file__).with_name("known.toml").read_text("utf-8"))["server"]:
        tells = {what: tuple(Place(**place) for place in places) for what, places in table.get("tells", {}).items()}
        lists = {key: tuple(table.get(key, ())) for key in ("ports", "structured")}
        known.append(KnownServer(**{**table, **lists, "tells": tells}))
    return tuple(known)


def generic() -> KnownServer:
    """Return the entry for any OpenAI-compatible server."""
    return servers()[-1]


def named(provider: str) -> KnownServer | None:
    """Return the server that a profile's `provider` names, or None if that leaves it open."""
    if provider in {"auto", "compatible"}:
        return None
    return next((each for each in servers() if each.provider == provider), None)


async def look(prober: Prober) -> dict[str, Response]:
    """Return the answers that identify a server; a remote one is asked only for its models."""
    paths = {path: None for each in servers() for path in each.signs if path != "*"}
    return await prober.fetch_all([Place(path, "") for path in (paths if is_local(prober.base_url) else ("models",))])


def recognised(answers: Mapping[str, Response]) -> KnownServer:
    """Return the first server with one of its signs in the answers."""
    texts = {path: answer.text() for path, answer in answers.items()}
    for each in servers():
        for path, pattern in each.signs.items():
            seen = texts.values() if path == "*" else [texts[path]] if path in texts else ()
            if any(re.search(pattern, text) for text in seen):
                return each
    return generic()


def told_by(answer: Response) -> KnownServer | None:
    """Return the server that an error gives away, or None."""
    text = answer.text()
    for each in servers():
        patterns = filter(None, (each.signs.get("*"), each.words))
        if any(re.search(pattern, text) for pattern in patterns):
            return each
    return None


async def facts(prober: Prober, model: str, known: KnownServer, *, guarded: bool = False) -> Facts:
    """Return what the server says about itself and the model, asked afresh and all at once; never raise.

    A window that Ollama does not report before loading the model is None until then. With `guarded`, any server is
    asked whether it passes prompts on, whatever the profile calls it.
    """
    everywhere = tuple(place for each in servers() for place in each.places("remote"))
    remote = everywhere if guarded else known.places("remote")
    own = known.places("window", "limit", "slots", "parameters", "continues", "sampling")
    answers = await prober.fetch_all((*own, *remote), model=model)
    is_silent = guarded and not any(place.at in answers for place in remote)
    told = Told(known, answers, model)
    figures_told = next((found for value in told.each("sampling") if (found := figures(value))), {})
    sampling = own_figures(figures_told, known.built_in)
    return Facts(
        server=known.name,
        model=model,
        window=told.number("window"),
        limit=told.number("limit"),
        remote=None if is_silent else Told(KnownServer("", tells={"remote": remote}), answers, model).remote(),
        slots=told.number("slots"),
        parameters=told.parameters(),
        enlarge=known.remedy("context", model=model, base_url=prober.base_url),
        continues=known.always_continues or any(True for _ in told.each("continues")),
        sampling=sampling,
        applies_sampling=known.applies_sampling and (bool(sampling) or not known.places("sampling")),
    )


async def spilled(prober: Prober, model: str, known: KnownServer) -> float | None:
    """Return the part of the loaded model outside graphics memory, or None if unknown."""
    told = Told(known, await prober.fetch_all(known.places("whole", "on_card"), model=model), model)
    whole = told.number("whole")
    on_card = next(told.each("on_card"), None)
    if whole is None or isinstance(on_card, bool) or not isinstance(on_card, int | float):
        return None
    return 1.0 - min(1.0, max(0.0, on_card / whole))


async def offers(prober: Prober, known: KnownServer) -> tuple[Offer, ...]:
    """Return the models that the server offers, in its order; none if it does not answer."""
    places = (Place("models", "data[].id"), *known.places("window", "parameters", "loaded", "type", "remote", "size"))
    answers = await prober.fetch_all(places)
    return tuple(Told(known, answers, name).offer() for name in listed(answers.get("models")) or ())


def listed(answer: Response | None) -> tuple[str, ...] | None:
    """Return the names in a model list, or None if the answer is not one."""
    document = answer.document if answer is not None else None
    if not isinstance(document, dict) or "data" not in document:
        return None
    names = (name for name in values(document, "data[].id", "") if isinstance(name, str) and NAME.fullmatch(name))
    return tuple(dict.fromkeys(names))[:MOST_MODELS]


async def load(prober: Prober, model: str, known: KnownServer, *, seconds: float) -> None:
    """Have the server load the model, as its own command line does; the chat reports anything that goes wrong."""
    await prober.fetch(known.load, body={"model": model, **known.load_fields}, seconds=seconds)


async def count(
    prober: Prober, model: str, known: KnownServer, messages: Sequence[dict[str, str]], *, seconds: float
) -> int | None:
    """Return how many prompt tokens the messages take, or None if the server does not count.

    It may take `seconds`: a llama.cpp router loads the model for it.
    """
    text = "\n".join(message["content"] for message in messages)
    for place in known.places("count"):
        body = {"content": text} if place.post else {"model": model, "messages": list(messages)}
        answer = await prober.fetch(place.at, body=body, seconds=seconds)
        for found in look_up([place], {place.at: answer} if answer else {}, model):
            whole = found[0] if found else None
            if isinstance(whole, list):
                return len(whole) + TEMPLATE * len(messages)
            if (told := number(whole, most=MOST["count"])) is not None:
                return told
    return None


def address(base_url: str, at: str) -> str:
    """Return the URL of a place: `models` is the API's own list, anything else is relative to the root."""
    return f"{base_url.rstrip('/')}/models" if at == "models" else f"{root_of(base_url)}{at}"


def root_of(base_url: str) -> str:
    """Return the address without the API's path and without a trailing slash."""
    parts = parts_of(base_url)
    path = API_PATH.sub("", parts.path.rstrip("/"))
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def look_up(places: Sequence[Place], answers: Mapping[str, Response], model: str) -> Iterator[list[Any]]:
    """Yield, for each place whose answer has the expected form, the values found there, perhaps none."""
    for place in places:
        document = answers[place.at].document if place.at in answers else None
        first = place.find.partition(".")[0].partition("[")[0]
        if not isinstance(document, dict) or first not in document:
            continue  # LM Studio answers 200 to any path
        found = values(document, place.find, model, answers[place.at].index)
        if place.pattern:
            matches = (re.search(place.pattern, each) for each in found if isinstance(each, str))
            found = [match.group(1) for match in matches if match]
        yield found


def values(document: object, find: str, model: str, index: Index | None = None) -> list[Any]:
    """Return every value that `find` leads to."""
    found: list[Any] = [document]
    for step in find.split("."):
        name, bracket, condition = step.partition("[")
        tables = [each for each in found if isinstance(each, dict)]
        if name.startswith("*"):
            found = [each[key] for each in tables for key in each if key.endswith(f".{name[1:]}")]
        else:
            found = [each[name] for each in tables if name in each]
        if bracket:
            lists = (each for each in found if isinstance(each, list))
            found = [entry for each in lists for entry in entries(each, condition, model, index)]
    return found


def entries(candidates: list[Any], condition: str, model: str, index: Index | None = None) -> list[Any]:
    """Return the matching entries: all for `]`, else the model's; for `~`, the only entry matches too."""
    if condition == "]":
        return candidates
    name, exact, _ = condition.partition("=")
    name = name.partition("~")[0]
    known = {} if index is None else index
    if (id(candidates), name) not in known:
        by_name = known.setdefault((id(candidates), name), {})
        for each in candidates:
            if isinstance(each, dict) and isinstance(each.get(name), str):
                by_name.setdefault(comparable(each[name]), []).append(each)
    named = known[id(candidates), name].get(comparable(model), [])
    return named if named or exact or len(candidates) != 1 else candidates


def comparable(name: str) -> str:
    """Return a model's name for comparison, where no tag means `:latest`."""
    return name.casefold().removesuffix(":latest")


def number(value: object, *, most: int) -> int | None:
    """Return a whole number from 1 to `most`, from a number or digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:  # noqa: PLR2004
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 1 <= value <= most else None


def size_of(name: str) -> int | None:
    """Return the number of parameters in a model's name, the largest if there are several.

    `qwen2.5-coder:7b`, `Mixtral-8x7B`, `gemma3:270m`, `30b-a3b` (3B of the 30B are active at a time).
    """
    sizes = [
        round(int(count or 1) * float(size) * UNITS[unit]) for count, size, unit in SIZE.findall(name[:500].lower())
    ]
    return max((size for size in sizes if size >= SMALLEST_MODEL), default=None)

"""The known servers: recognised by what they answer, asked for what they tell, in their own habits.

Their table is `known.toml`; a new server is one entry there.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from smol_dev.chat import Facts
from smol_dev.config.endpoint import ProviderName, is_local
from smol_dev.safe import with_commands
from smol_dev.server.families import Family, figures, own_figures
from smol_dev.server.probes import Place, Prober, Response, look_up, number, size_of, values
from smol_dev.server.symptoms import FailureKind

LARGEST_WINDOW: Final = 100_000_000
LARGEST_MODEL: Final = 10**14
LARGEST_FILE: Final = 10**14
MOST_TOKENS: Final = 10**9
MOST_SLOTS: Final = 1024
MOST_MODELS: Final = 10_000
TEMPLATE: Final = 8
"""Tokens that a chat template adds to each message, where only the text is counted."""

NOT_LOADED: Final = {"not-loaded", "unloaded", "loading", "downloading", "downloaded", "sleeping", "failed"}
NO_CHAT: Final = re.compile(
    r"embed|rerank|bert\b|(^|[/:_-])(bge|gte|e5|all-minilm|minilm|mxbai|whisper|tts|clip|"
    r"stable-diffusion|sdxl|flux|moderation|dall-e)\b"
)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
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
        """Return where it tells these."""
        return tuple(place for each in what for place in self.tells.get(each, ()))

    def remedy(self, kind: FailureKind, *, model: str = "", base_url: str = "") -> str:
        """Return what to type or change after a failure of this kind, here.

        `WINDOW` stays in it, for `Facts.larger` to put in the size that is needed.
        """
        text = self.remedies.get(kind) or generic().remedies[kind]
        values: dict[str, object] = {"base_url": base_url}
        if model:
            values["model"] = model
        return with_commands(text, values)

    def thinking(self, reasoning: str, family: Family | None = None) -> dict[str, object]:
        """Return the fields of a request that set how much the model thinks; none for `auto`.

        A server that hands arguments to the chat template is given those of the model's family.
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
    """A model that a server offers; None where it does not say. `remote` is where it would really run.

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
    """What a server's answers say of one model."""

    known: Known
    answers: Mapping[str, Response]
    model: str

    def all(self, what: str) -> Iterator[list[Any]]:
        """Return the values at each place that was answered as it should be, maybe none."""
        return (found for _, found in look_up(self.known.places(what), self.answers, self.model))

    def each(self, what: str) -> Iterator[Any]:
        """Return the values one by one."""
        return (value for found in self.all(what) for value in found)

    def number(self, what: str, *, most: int) -> int | None:
        """Return the smallest number at the first place that holds one: any of its instances may answer."""
        for found in self.all(what):
            numbers = [each for value in found if (each := number(value, most=most)) is not None]
            if numbers:
                return min(numbers)
        return None

    def window(self) -> int | None:
        """Return the tokens of its window, as it is loaded."""
        return self.number("window", most=LARGEST_WINDOW)

    def parameters(self) -> int | None:
        """Return the number of its parameters, out of its name where the server does not tell."""
        told = (
            size_of(value) if isinstance(value, str) else number(value, most=LARGEST_MODEL)
            for value in self.each("parameters")
        )
        return next((each for each in told if each is not None), size_of(self.model))

    def sampling(self) -> dict[str, float]:
        """Return its own sampling."""
        told = next((found for value in self.each("sampling") if (found := figures(value))), {})
        return own_figures(told, self.known.built_in)

    def remote(self) -> str:
        """Return where the server has it run, if that is not on this machine; else empty."""
        return next((each for each in self.each("remote") if isinstance(each, str) and each.strip()), "")

    def loaded(self) -> bool | None:
        """Return whether it is in memory."""
        told = list(self.all("loaded"))
        state = next((value for found in told for value in found), None)
        if state is None:
            return self.known.lists_loaded or (False if told else None)
        return state not in NOT_LOADED if isinstance(state, str) else bool(state)

    def chats(self) -> bool:
        """Return whether it is a model to chat with, by its type and its name."""
        return not any(NO_CHAT.search(str(each).lower()) for each in (*self.each("type"), self.model))

    def offer(self) -> Offer:
        """Return it as the server offers it."""
        return Offer(
            self.model,
            loaded=self.loaded(),
            window=self.window(),
            parameters=self.parameters(),
            chats=self.chats(),
            remote=self.remote(),
            size=self.number("size", most=LARGEST_FILE),
        )


@lru_cache(maxsize=1)
def servers() -> tuple[Known, ...]:
    """Return every known server, in the order of `known.toml`; the last stands for any other."""
    file = Path(__file__).with_name("known.toml")
    return tuple(_entry(table) for table in tomllib.loads(file.read_text("utf-8"))["server"])


def _entry(table: dict[str, Any]) -> Known:
    tells = {what: tuple(Place(**place) for place in places) for what, places in table.get("tells", {}).items()}
    lists = {key: tuple(table.get(key, ())) for key in ("ports", "structured")}
    return Known(**{**table, **lists, "tells": tells})


def generic() -> Known:
    """Return what holds for any OpenAI-compatible server."""
    return servers()[-1]


def named(provider: str) -> Known | None:
    """Return the server that a profile's `provider` names; None where that leaves it open."""
    if provider in {"auto", "compatible"}:
        return None
    return next((each for each in servers() if each.provider == provider), None)


async def look(prober: Prober) -> dict[str, Response]:
    """Return the answers by which servers are recognised; a server far away is asked for its models only."""
    paths = {path: None for each in servers() for path in each.signs if path != "*"}
    if not is_local(prober.base_url):
        paths = {"models": None}
    return await prober.fetch_all([Place(path, "") for path in paths])


def recognised(answers: Mapping[str, Response]) -> Known:
    """Return the first server one of whose signs is in the answers."""
    texts = {path: answer.text() for path, answer in answers.items()}
    for each in servers():
        for path, pattern in each.signs.items():
            seen = texts.values() if path == "*" else [texts[path]] if path in texts else ()
            if any(re.search(pattern, text) for text in seen):
                return each
    return generic()


def told_by(answer: Response) -> Known | None:
    """Return the server that gives itself away in an error, None if none does."""
    text = answer.text()
    for each in servers():
        patterns = filter(None, (each.signs.get("*"), each.words))
        if any(re.search(pattern, text) for pattern in patterns):
            return each
    return None


async def facts(prober: Prober, model: str, known: Known, *, guarded: bool = False) -> Facts:
    """Return what the server says about itself and the model, asked anew, all at once; never raise.

    A window that Ollama does not tell before it has loaded the model is None until then. With
    `guarded` any server is asked whether it passes prompts on, whatever the profile calls it.
    """
    everywhere = tuple(place for each in servers() for place in each.places("remote"))
    remote = everywhere if guarded else known.places("remote")
    own = known.places("window", "limit", "slots", "parameters", "continues", "sampling")
    answers = await prober.fetch_all((*own, *remote), model=model)
    is_silent = guarded and not any(place.at in answers for place in remote)
    told = Told(known, answers, model)
    sampling = told.sampling()
    return Facts(
        server=known.name,
        model=model,
        window=told.window(),
        limit=told.number("limit", most=LARGEST_WINDOW),
        remote=None if is_silent else Told(Known("", tells={"remote": remote}), answers, model).remote(),
        slots=told.number("slots", most=MOST_SLOTS),
        parameters=told.parameters(),
        enlarge=known.remedy("context", model=model, base_url=prober.base_url),
        continues=known.always_continues or any(True for _ in told.each("continues")),
        sampling=sampling,
        applies_sampling=known.applies_sampling and (bool(sampling) or not known.places("sampling")),
    )


async def spilled(prober: Prober, model: str, known: Known) -> float | None:
    """Return the part of the loaded model that is not in graphics memory; None where nothing is told."""
    told = Told(known, await prober.fetch_all(known.places("whole", "on_card"), model=model), model)
    whole = told.number("whole", most=LARGEST_FILE)
    on_card = next(told.each("on_card"), None)
    if whole is None or isinstance(on_card, bool) or not isinstance(on_card, int | float):
        return None
    return 1.0 - min(1.0, max(0.0, on_card / whole))


async def offers(prober: Prober, known: Known) -> tuple[Offer, ...]:
    """Return the models that the server offers, in its order; none when it does not answer."""
    places = (Place("models", "data[].id"), *known.places("window", "parameters", "loaded", "type", "remote", "size"))
    answers = await prober.fetch_all(places)
    return tuple(Told(known, answers, name).offer() for name in listed(answers.get("models")) or ())


def listed(answer: Response | None) -> tuple[str, ...] | None:
    """Return the names in an answer of the model list; None when it is no such list."""
    document = answer.document if answer is not None else None
    if not isinstance(document, dict) or "data" not in document:
        return None
    names = (name for name in values(document, "data[].id", "") if is_name(name))
    return tuple(dict.fromkeys(names))[:MOST_MODELS]


def is_name(name: object) -> bool:
    """Return whether it can be a model's name: text that can be sent back, without NUL and halves of characters."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    return not any("\ud800" <= each <= "\udfff" for each in name)


async def load(prober: Prober, model: str, known: Known, *, seconds: float) -> None:
    """Have the server load the model, as its own command line does; whatever goes wrong, the chat tells."""
    await prober.fetch(known.load, body={"model": model, **known.load_fields}, seconds=seconds)


async def count(
    prober: Prober, model: str, known: Known, messages: Sequence[dict[str, str]], *, seconds: float
) -> int | None:
    """Return how many tokens the messages take as a prompt; None where the server does not count.

    It may take `seconds`: a router of llama.cpp loads the model for it.
    """
    text = "\n".join(message["content"] for message in messages)
    for place in known.places("count"):
        body = {"content": text} if place.post else {"model": model, "messages": list(messages)}
        answer = await prober.fetch(place.at, body=body, seconds=seconds)
        for _, found in look_up([place], {place.at: answer} if answer else {}, model):
            whole = found[0] if found else None
            if isinstance(whole, list):
                return len(whole) + TEMPLATE * len(messages)
            if (told := number(whole, most=MOST_TOKENS)) is not None:
                return told
    return None

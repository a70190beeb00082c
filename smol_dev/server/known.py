"""The known servers: recognised by what they answer, asked for what they tell, in their own habits.

Their table is `known.toml`; a new server is one entry there.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import httpx2

from smol_dev.chat import Facts
from smol_dev.config.endpoint import is_local
from smol_dev.config.providers import ProviderName
from smol_dev.safe import with_commands
from smol_dev.server.families import Family
from smol_dev.server.kinds import Kind
from smol_dev.server.probes import Overdue, Place, Probe, fetch_all, look_up, number, size_of, values
from smol_dev.server.sampling import figures, own_figures

LARGEST_WINDOW: Final = 100_000_000
LARGEST_MODEL: Final = 10**14
LARGEST_FILE: Final = 10**14
MOST_SLOTS: Final = 1024
MOST_MODELS: Final = 10_000
NOT_LOADED: Final = {"not-loaded", "unloaded", "loading", "downloading", "sleeping", "failed"}
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
    window: tuple[Place, ...] = ()
    limit: tuple[Place, ...] = ()
    remote: tuple[Place, ...] = ()
    count: tuple[Place, ...] = ()
    load: str = ""
    load_fields: Mapping[str, object] = field(default_factory=dict)
    slots: tuple[Place, ...] = ()
    parameters: tuple[Place, ...] = ()
    size: tuple[Place, ...] = ()
    whole: tuple[Place, ...] = ()
    on_card: tuple[Place, ...] = ()
    loaded: tuple[Place, ...] = ()
    type: tuple[Place, ...] = ()
    always_continues: bool = False
    continues: tuple[Place, ...] = ()
    continue_fields: Mapping[str, object] = field(default_factory=dict)
    thinking_off: Mapping[str, object] = field(default_factory=dict)
    structured: tuple[str, ...] = ()
    sampling: tuple[Place, ...] = ()
    built_in: Mapping[str, float] = field(default_factory=dict)
    applies_sampling: bool = False
    unclear: Kind = "server"
    remedies: Mapping[Kind, str] = field(default_factory=dict)

    def remedy(self, kind: Kind, *, model: str = "", base_url: str = "") -> str:
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


@lru_cache(maxsize=1)
def servers() -> tuple[Known, ...]:
    """Every known server, in the order of `known.toml`; the last stands for any other."""
    file = Path(__file__).with_name("known.toml")
    return tuple(_entry(table) for table in tomllib.loads(file.read_text("utf-8"))["server"])


def _entry(table: dict[str, Any]) -> Known:
    places = (
        *("window", "limit", "remote", "count", "slots"),
        *("parameters", "loaded", "type", "continues", "sampling", "size", "whole", "on_card"),
    )
    located = {key: tuple(Place(**place) for place in table.get(key, ())) for key in places}
    lists = {key: tuple(table.get(key, ())) for key in ("ports", "structured")}
    fields: dict[str, Any] = table | located | lists
    return Known(**fields)


def generic() -> Known:
    """What holds for any OpenAI-compatible server."""
    return servers()[-1]


def named(provider: str) -> Known | None:
    """The server that a profile's `provider` names; None where that leaves it open."""
    if provider in {"auto", "compatible"}:
        return None
    return next((each for each in servers() if each.provider == provider), None)


async def recognise(client: httpx2.AsyncClient, base_url: str) -> Known:
    """The kind of server behind the address, by what it answers; the generic one if none fits."""
    return recognised(await look(client, base_url))


async def look(client: httpx2.AsyncClient, base_url: str, *, overdue: Overdue | None = None) -> dict[str, Probe]:
    """The answers by which servers are recognised; a server far away is asked for its models only."""
    paths = {path: None for each in servers() for path in each.signs if path != "*"}
    if not is_local(base_url):
        paths = {"models": None}
    return await fetch_all(client, base_url, [Place(path, "") for path in paths], overdue=overdue)


def recognised(answers: Mapping[str, Probe]) -> Known:
    """The first server one of whose signs is in the answers."""
    texts = {path: probe.text() for path, probe in answers.items()}
    for each in servers():
        for path, pattern in each.signs.items():
            seen = texts.values() if path == "*" else [texts[path]] if path in texts else ()
            if any(re.search(pattern, text) for text in seen):
                return each
    return generic()


def told_by(answer: Probe) -> Known | None:
    """The server that gives itself away in an error, None if none does."""
    text = answer.text()
    for each in servers():
        patterns = filter(None, (each.signs.get("*"), each.words))
        if any(re.search(pattern, text) for pattern in patterns):
            return each
    return None


async def facts(
    client: httpx2.AsyncClient,
    base_url: str,
    model: str,
    known: Known,
    *,
    guarded: bool = False,
    overdue: Overdue | None = None,
) -> Facts:
    """What the server says about itself and the model, asked anew, all at once; never raises.

    A window that Ollama does not tell before it has loaded the model is None until then. With
    `guarded` any server is asked whether it passes prompts on, whatever the profile calls it.
    """
    remote = tuple(place for each in (servers() if guarded else (known,)) for place in each.remote)
    own = (*(known.window, known.limit, known.slots), *(known.parameters, known.continues, known.sampling))
    places = (*(place for each in own for place in each), *remote)
    answers = await fetch_all(client, base_url, places, model=model, overdue=overdue)
    is_silent = guarded and not any(place.at in answers for place in remote)
    own_sampling = own_figures(_figures(known.sampling, answers, model), known.built_in)
    return Facts(
        server=known.name,
        model=model,
        window=_smallest(known.window, answers, model, most=LARGEST_WINDOW),
        limit=_smallest(known.limit, answers, model, most=LARGEST_WINDOW),
        remote=None if is_silent else _remote(remote, answers, model),
        slots=_smallest(known.slots, answers, model, most=MOST_SLOTS),
        parameters=_parameters(known, answers, model),
        enlarge=known.remedy("context", model=model, base_url=base_url),
        continues=known.always_continues or any(found for _, found in look_up(known.continues, answers, model)),
        sampling=own_sampling,
        applies_sampling=known.applies_sampling and (bool(own_sampling) or not known.sampling),
    )


async def spilled(client: httpx2.AsyncClient, base_url: str, model: str, known: Known) -> float | None:
    """Return the part of the loaded model that is not in graphics memory; None where nothing is told."""
    places = (*known.whole, *known.on_card)
    answers = await fetch_all(client, base_url, places, model=model) if places else {}
    whole = _smallest(known.whole, answers, model, most=LARGEST_FILE)
    on_card = [each for _, found in look_up(known.on_card, answers, model) for each in found]
    if whole is None or not on_card or isinstance(on_card[0], bool):
        return None
    part = on_card[0] / whole if isinstance(on_card[0], int | float) else 1.0
    return 1.0 - min(1.0, max(0.0, part))


async def offers(
    client: httpx2.AsyncClient, base_url: str, known: Known, *, overdue: Overdue | None = None
) -> tuple[Offer, ...]:
    """The models that the server offers, in its order; empty when it does not answer."""
    models = Place("models", "data[].id")
    own = (known.window, known.parameters, known.loaded, known.type, known.remote, known.size)
    places = (models, *(place for each in own for place in each))
    answers = await fetch_all(client, base_url, places, overdue=overdue)
    return tuple(_offer(known, answers, name) for name in listed(answers.get("models")) or ())


def listed(probe: Probe | None) -> tuple[str, ...] | None:
    """The names in an answer of the model list; None when it is no such list."""
    document = probe.document if probe is not None else None
    if not isinstance(document, dict) or "data" not in document:
        return None
    names = (name for name in values(document, "data[].id", "") if is_name(name))
    return tuple(dict.fromkeys(names))[:MOST_MODELS]


def is_name(name: object) -> bool:
    """Whether it can be a model's name: text that can be sent back, without NUL and halves of characters."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    return not any("\ud800" <= each <= "\udfff" for each in name)


def _offer(known: Known, answers: Mapping[str, Probe], name: str) -> Offer:
    types = [str(each).lower() for _, found in look_up(known.type, answers, name) for each in found]
    no_chat = any(NO_CHAT.search(each) for each in (*types, name.lower()))
    return Offer(
        name,
        loaded=_loaded(known, answers, name),
        window=_smallest(known.window, answers, name, most=LARGEST_WINDOW),
        parameters=_parameters(known, answers, name),
        chats=not no_chat,
        remote=_remote(known.remote, answers, name),
        size=_smallest(known.size, answers, name, most=LARGEST_FILE),
    )


def _remote(places: tuple[Place, ...], answers: Mapping[str, Probe], model: str) -> str:
    """Where the server has the model run, if that is not on this machine; else empty."""
    for _, found in look_up(places, answers, model):
        told = next((each for each in found if isinstance(each, str) and each.strip()), "")
        if told:
            return told
    return ""


def _loaded(known: Known, answers: Mapping[str, Probe], name: str) -> bool | None:
    for _, found in look_up(known.loaded, answers, name):
        if found:
            told = found[0]
            return told not in NOT_LOADED if isinstance(told, str) else bool(told)
        if not known.lists_loaded:
            return False
    return True if known.lists_loaded else None


def _smallest(places: tuple[Place, ...], answers: Mapping[str, Probe], model: str, *, most: int) -> int | None:
    """The smallest number at the first place that holds one: any of its instances may answer."""
    for _, found in look_up(places, answers, model):
        numbers = [each for value in found if (each := number(value, most=most)) is not None]
        if numbers:
            return min(numbers)
    return None


def _figures(places: tuple[Place, ...], answers: Mapping[str, Probe], model: str) -> dict[str, float]:
    """What the first place that tells any tells of the model's sampling."""
    for _, found in look_up(places, answers, model):
        for each in found:
            if told := figures(each):
                return told
    return {}


def _parameters(known: Known, answers: Mapping[str, Probe], model: str) -> int | None:
    for _, found in look_up(known.parameters, answers, model):
        for value in found:
            told = size_of(value) if isinstance(value, str) else number(value, most=LARGEST_MODEL)
            if told is not None:
                return told
    return size_of(model)

"""Ask a server small questions, each bounded in time and size, and read values out of its answers."""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urlunsplit

import httpx2

from smol_dev.config.endpoint import parts_of
from smol_dev.errors import SmolError

MODEL: Final = "{model}"
"""Where the model's name goes in the path of a place."""

SECONDS: Final = 5.0
READ: Final = 65_536
"""Characters of an answer that patterns look at."""

BYTES: Final = 4 * 1024 * 1024
"""A model list of a gateway with hundreds of models is about half a mebibyte."""

TOGETHER: Final = 2 * BYTES
"""Bytes of all answers to questions that are asked at the same time."""

PARTS: Final = 400_000
"""Parts of a document. Each costs some sixty bytes of memory, though it may be one in the answer."""

Index = dict[tuple[int, str], dict[str, list[Any]]]
"""The entries of a list in a document by their name in a field."""

API_PATH: Final = re.compile(r"(/engines(/[^/]+)?|/api)?/v\d{1,3}$")
SIZE: Final = re.compile(r"(?<![\d.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d{1,3})?)([mbt])(?![a-z0-9])")
UNITS: Final = {"m": 1_000_000, "b": 1_000_000_000, "t": 1_000_000_000_000}
SMALLEST_MODEL: Final = 10_000_000
"""Below this, as in `-1m`, it is a context window that the name tells."""


@dataclass(frozen=True)
class Response:
    """What a server answered, or (`in_stream`) the error found in the middle of a stream.

    The names of `headers` are in lower case; `body` is text.
    """

    status: int
    headers: Mapping[str, str]
    body: str
    in_stream: bool = False
    index: Index = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def document(self) -> Any:  # noqa: ANN401 - whatever the server sent
        """The body as JSON; None when it is none, has too many parts, or the answer is an error."""
        if self.status >= 300 or sum(map(self.body.count, ",[{")) > PARTS:  # noqa: PLR2004 - 2xx alone holds what was asked for
            return None
        return parsed(self.body)

    def text(self) -> str:
        """Return headers and body in lower case, to look for patterns in."""
        headers = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{headers[:READ]}\n\n{self.body[:READ]}".lower()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server tells a value; the head of `known.toml` explains the fields."""

    at: str
    find: str
    post: bool = False
    pattern: str = ""


def parsed(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return the text as JSON, None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class Prober:
    """Asks one server small questions about itself.

    `overdue` are those that it failed to answer in time and size; they are not asked again. `left` are the
    seconds for more questions.
    """

    def __init__(self, client: httpx2.AsyncClient, base_url: str) -> None:
        self.client = client
        self.base_url = base_url
        self.overdue: set[str] = set()
        self.left = SECONDS
        self._room = TOGETHER

    def anew(self) -> "Prober":
        """Return a prober of the same server with time of its own; what is overdue stays so."""
        other = Prober(self.client, self.base_url)
        other.overdue = self.overdue
        return other

    async def fetch(self, at: str, *, seconds: float, body: object = None) -> Response | None:
        """Return the answer of one place to a GET, or to a POST of the body; None where none comes in time."""
        self._room = TOGETHER
        return await self._answer(address(self.base_url, at), body, seconds)

    async def fetch_all(self, places: Sequence[Place], *, model: str = "") -> dict[str, Response]:
        """Return the answers of the places by their `at`, asked together; a place that wants a model needs one."""
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


def address(base_url: str, at: str) -> str:
    """Return the URL of a place: `models` is the API's own list, anything else counts from the root."""
    return f"{base_url.rstrip('/')}/models" if at == "models" else f"{root_of(base_url)}{at}"


def root_of(base_url: str) -> str:
    """Return the address without the path of the API, and without a slash at its end."""
    parts = parts_of(base_url)
    path = API_PATH.sub("", parts.path.rstrip("/"))
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def look_up(places: Sequence[Place], answers: Mapping[str, Response], model: str) -> Iterator[tuple[Place, list[Any]]]:
    """Yield each place that was answered with what it should hold, and the values found, maybe none."""
    for place in places:
        document = answers[place.at].document if place.at in answers else None
        first = place.find.partition(".")[0].partition("[")[0]
        if not isinstance(document, dict) or first not in document:
            continue  # LM Studio answers 200 to any path
        found = values(document, place.find, model, answers[place.at].index)
        if place.pattern:
            matches = (re.search(place.pattern, each) for each in found if isinstance(each, str))
            found = [match.group(1) for match in matches if match]
        yield place, found


def values(document: object, find: str, model: str, index: Index | None = None) -> list[Any]:
    """Return everything that `find` leads to."""
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
    """Return the entries that are meant: all of them for `]`, else the model's, for `~` else the only one."""
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
    """Return a model's name as it is compared; no tag is `:latest`."""
    return name.casefold().removesuffix(":latest")


def same(name: str, other: str) -> bool:
    """Return whether two names mean the same model; no tag is `:latest`."""
    return comparable(name) == comparable(other)


def number(value: object, *, most: int) -> int | None:
    """Return a whole number from 1 to `most`, out of a number or digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:  # noqa: PLR2004
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 1 <= value <= most else None


def size_of(name: str) -> int | None:
    """Return the number of parameters that a model's name tells, the largest if there are several.

    `qwen2.5-coder:7b`, `Mixtral-8x7B`, `gemma3:270m`, `30b-a3b` (of 30B, 3B are used at a time).
    """
    sizes = [
        round(int(count or 1) * float(size) * UNITS[unit]) for count, size, unit in SIZE.findall(name[:500].lower())
    ]
    return max((size for size in sizes if size >= SMALLEST_MODEL), default=None)

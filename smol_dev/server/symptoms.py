"""The signs of a failure: an answer's words, the table `failures.toml`, the cause in a chain of exceptions."""

import errno
import html
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Literal, cast

from smol_dev.safe import safe

FailureKind = Literal[
    "not_running",
    "dns",
    "tls",
    "proxy",
    "timeout",
    "cut",
    "wrong_path",
    "forbidden",
    "key",
    "cloud_model",
    "context",
    "silent_truncation",
    "load_failed",
    "template",
    "unsupported",
    "embedding_model",
    "not_loaded",
    "model_missing",
    "loading",
    "busy",
    "rate_limit",
    "crashed",
    "empty",
    "only_reasoning",
    "bad_request",
    "server",
]
"""The kinds of failure, as the `kind` of a `ServerError` names them."""

LONGEST_CHAIN: Final = 30
FIELD: Final = r"""['"`\[]{0,2}(?P<found>[a-z_][a-z0-9_]{2,40})(\.[a-z0-9_]{1,40}){0,8}\b"""
NUMBER: Final = r"(?P<found>\d{1,9})"
ANY_FIELD: Final = "*"
"""The `field` of a sign that applies if the words name any refused field."""

READ: Final = 65_536
"""Characters of a body that are read; patterns see no more of foreign text."""

QUOTED: Final = 1_000
"""Characters of a server's words that an error quotes."""

MATCHED: Final = 16_384
"""Characters that are searched for signs of a failure, as patterns take time."""

DEPTH: Final = 6
ECHOES: Final = {"input", "body", "ctx", "url", "prompt", "messages", "request"}
"""Fields that may repeat the request: a prompt about templates is no template error."""

MESSAGES: Final = ("error", "detail", "message", "msg", "errors", "error_message", "reason", "title")
NOTHING: Final = {"", "none", "null"}
EVENT: Final = re.compile(r"(?m)^(?:data|error): ?(?=[{\[\"])")
PAGES: Final = ("<!doctype", "<html", "<head", "<body", "<?xml")
HEADINGS: Final = ("title", "h1")


WAITED_FOR: Final = frozenset({"rate_limit", "busy", "loading"})
"""Kinds whose words may say how long to wait."""

WAIT: Final = re.compile(
    r"\b(?:try again|retry|retry[ _-]?after|retrydelay|wait)\b[^\n\d]{0,24}"
    r"((?:\d{1,6}(?:\.\d{1,6})?(?: ?(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)(?![a-z]))? ?){1,3})"
)
RESET: Final = re.compile(r"x-ratelimit-reset(?:-[a-z]{1,20}){0,3}")
DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?([a-z]{0,12})")
DURATIONS: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})? ?[a-z]{0,12} ?){1,4}")
UNITS: Final = {
    unit: seconds
    for seconds, units in (
        (0.001, "ms millisecond milliseconds"),
        (1, "s sec secs second seconds"),
        (60, "m min mins minute minutes"),
        (3600, "h hour hours"),
    )
    for unit in units.split()
} | {"": 1}


@dataclass(frozen=True, slots=True)
class Said:
    """The words of a body.

    `message` is for people to read; `text` is the message and everything else that describes the failure, one `field:
    value` per line, in lower case. `code` is the status in the body (0: none), `parameter` the request field that it
    names. `is_page` says that it is a web page, `is_json` that it is JSON, `is_error` that it can only be an error.
    """

    message: str = ""
    text: str = ""
    code: int = 0
    parameter: str = ""
    is_page: bool = False
    is_json: bool = False
    is_error: bool = False

    @property
    def quote(self) -> str:
        """The message on one line, cleaned, and short enough for an error."""
        line = safe(" ".join(self.message[: 4 * QUOTED].split()))
        return line if len(line) <= QUOTED else f"{line[:QUOTED]}…"


def parsed(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return the text as JSON, or None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def understand(body: str) -> Said:
    """Return what the body says; never raise."""
    body = body[:READ].strip().removeprefix("\ufeff")
    if _is_page(body):
        text = _title_of(body)
        return Said(text, text.lower(), is_page=True)
    event = EVENT.search(body)
    document = parsed(body[event.end() :].partition("\n")[0] if event else body)
    if document is None:
        return Said(body, body[:MATCHED].lower())
    lines = list(_told(document))
    named = dict(reversed(lines))
    message = _message_of(document) or (document if isinstance(document, str) else "")
    words = [message, *(f"{name}: {value}" if name else value for name, value in lines)]
    return Said(
        message,
        "\n".join(words)[:MATCHED].lower() if any(words) else "",
        code=next((each for name, value in lines if name == "code" and (each := _status(value))), 0),
        parameter=named.get("param") or named.get("loc") or "",
        is_json=True,
        is_error=_is_error(document),
    )


def _is_page(body: str) -> bool:
    """Return whether a body is a web page, perhaps after comments."""
    at = 0
    while body.startswith("<!--", at) and (end := body.find("-->", at)) >= 0:
        at = end + len("-->")
        while body[at : at + 1].isspace():
            at += 1
    return body[at : at + 10].lower().startswith(PAGES)


def _title_of(page: str) -> str:
    """Return the words of a page's title or first heading, without tags."""
    lower = page.lower()
    for tag in HEADINGS:
        start = lower.find(">", lower.find(f"<{tag}")) + 1
        end = lower.find(f"</{tag}>", start)
        if f"<{tag}" in lower and 0 < start <= end:
            pieces = page[start:end][: 4 * QUOTED].split("<")
            words = [pieces[0], *(piece.partition(">")[2] for piece in pieces[1:])]
            return " ".join(html.unescape(" ".join(words)).split())
    return ""


def _is_error(document: object) -> bool:
    """Return whether a piece of JSON can only be an error."""
    if not isinstance(document, dict):
        return isinstance(document, str)
    told_so = any(document.get(key) for key in ("error", "detail", "errors"))
    return told_so or document.get("object") == "error" or "message" in document


def _message_of(value: object, depth: int = 0) -> str:
    """Return the human-readable words in a piece of JSON; empty if there are none."""
    if depth > DEPTH:
        return ""
    if isinstance(value, str):
        inner = parsed(value) if value.lstrip()[:1] in {"{", "["} else None
        return (_message_of(inner, depth + 1) if inner is not None else "") or value
    if isinstance(value, list):
        return "; ".join(filter(None, (_message_of(each, depth + 1) for each in value[:10])))
    if not isinstance(value, dict):
        return ""
    words = [_message_of(value[key], depth + 1) for key in MESSAGES if value.get(key)]
    words = list(dict.fromkeys(word for word in words if word))
    place = _where(value.get("loc"))
    return ": ".join(filter(None, (place, *words[:2])))


def _told(value: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield each field with its value as text, opening JSON in strings and omitting echoes of the request."""
    if depth > DEPTH or name in ECHOES:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _told(each, str(key), depth + 1)
    elif isinstance(value, list) and name == "loc":
        yield name, _where(value)
    elif isinstance(value, list):
        for each in value[:50]:
            yield from _told(each, name, depth + 1)
    elif value is not None and str(value).strip().lower() not in NOTHING:
        inner = parsed(value) if isinstance(value, str) and value.lstrip()[:1] in {"{", "["} else None
        if inner is not None:
            yield from _told(inner, name, depth + 1)
        else:
            yield name, str(value)


def _where(place: object) -> str:
    """Return the field that a validation error is about: `["body", "messages", 0]` is `messages.0`."""
    if not isinstance(place, list):
        return ""
    return ".".join(str(each) for each in place[:8] if each != "body")


def _status(value: str) -> int:
    code = int(value) if value.isascii() and value.isdigit() and len(value) == 3 else 0  # noqa: PLR2004
    return code if 400 <= code <= 599 else 0  # noqa: PLR2004


@dataclass(frozen=True)
class Sign:
    """A sign of a failure; the head of `failures.toml` explains the fields."""

    name: str
    kind: FailureKind
    words: Sequence[str] = ("",)
    unless: str = ""
    statuses: Sequence[int] = ()
    model: str = ""
    field: str = ""
    hint: str = ""
    transient: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """One pattern for all the words, with `<key>` and `<absent>` filled in."""
        pattern = "|".join(f"(?:{each})" for each in self.words)
        for name, words in _table()["words"].items():
            pattern = pattern.replace(f"<{name}>", words)
        return re.compile(pattern)

    def fits(self, said: Said, status: int, model: str) -> bool:
        """Return whether the answer has this sign."""
        return (
            (not self.statuses or status in self.statuses)
            and re.search(self.model, model) is not None
            and self.pattern.search(said.text) is not None
            and not (self.unless and re.search(self.unless, said.text))
            and (self.field != ANY_FIELD or refused_field(said) != "")
        )


@dataclass(frozen=True)
class Cause:
    """A reason why no answer came; the foot of `failures.toml` explains the fields."""

    kind: FailureKind
    classes: Sequence[str]
    says: str = ""
    words: str = ""
    numbers: Sequence[str] = ()
    hint: str = ""
    transient: bool = False

    def fits(self, error: BaseException) -> bool:
        """Return whether this exception has the cause."""
        if {each.__name__ for each in type(error).__mro__}.isdisjoint(self.classes):
            return False
        if getattr(error, "errno", None) in {getattr(errno, name) for name in self.numbers}:
            return True
        return re.search(self.words, str(error).lower()) is not None if self.words else not self.numbers


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    file = Path(__file__).with_name("failures.toml")
    return tomllib.loads(file.read_text("utf-8"))


def sentences() -> Mapping[FailureKind, str]:
    """Return the sentence for each kind of failure."""
    return cast("Mapping[FailureKind, str]", _table()["sentences"])


@lru_cache(maxsize=1)
def signs() -> tuple[Sign, ...]:
    """Return the signs in `failures.toml`, in the order in which to try them."""
    return tuple(Sign(name, **entry) for name, entry in _table()["sign"].items())


@lru_cache(maxsize=1)
def _causes() -> tuple[Cause, ...]:
    return tuple(Cause(**entry) for entry in _table()["cause"])


def refused_field(said: Said) -> str:
    """Return the request field that the words refuse, without any subfield; empty if none."""
    fields = _table()["fields"]
    names = [match for pattern in _finders("fields", "named") for match in _all(pattern, said.text)]
    if said.parameter and re.search(fields["refusing"], said.text):
        names.insert(0, said.parameter.lower().partition(".")[0])
    return next((each for each in names if each not in fields["essential"] and each.isidentifier()), "")


def number(what: str, said: Said) -> int | None:
    """Return the number that the words give for `what`, such as the tokens of the `prompt`, or None."""
    found = (int(each) for pattern in _finders("numbers", what) for each in _all(pattern, said.text))
    return next(found, None)


@lru_cache(maxsize=8)
def _finders(part: str, name: str) -> tuple[re.Pattern[str], ...]:
    patterns = _table()[part][name]
    return tuple(re.compile(each.replace("<field>", FIELD).replace("<number>", NUMBER)) for each in patterns)


def _all(pattern: re.Pattern[str], text: str) -> list[str]:
    return [match.group("found") for match in pattern.finditer(text)]


def reason(error: BaseException) -> tuple[Cause | None, BaseException]:
    """Return the first known cause in the chain, and the exception that has it."""
    chain = list(_chain(error))
    found = ((cause, link) for cause in _causes() for link in chain if cause.fits(link))
    return next(found, (None, error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and everything that led to it, including the members of groups, each once."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < LONGEST_CHAIN:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        below = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        waiting += [below] if below is not None else []
        waiting += link.exceptions if isinstance(link, BaseExceptionGroup) else ()


def retry_after(headers: Mapping[str, str], kind: FailureKind = "server", words: str = "") -> float | None:
    """Return the seconds that the server asks to wait, by its own clock if it gives a time.

    If it limits requests, its words and `x-ratelimit-reset-*` count as well.
    """
    told = [headers.get(name, "") for name in ("retry-after", "llm_provider-retry-after")]
    if kind in WAITED_FOR:
        told += [match.group(1) for match in WAIT.finditer(words)]
    if kind == "rate_limit":
        told += _resets(headers)
    now = headers.get("date", "")
    waits = (_seconds_of(each.strip().lower(), now) for each in told)
    return next((each for each in waits if 0 <= each < 10**9), None)


def _resets(headers: Mapping[str, str]) -> list[str]:
    """Return when each limit is reset, exhausted ones first."""
    resets = filter(RESET.fullmatch, headers)
    left = {name: headers.get(name.replace("reset", "remaining"), "").strip() for name in resets}
    return [headers[name] for name in sorted(left, key=lambda name: left[name] != "0")]


def _seconds_of(told: str, now: str) -> float:
    """Return the seconds in `7`, `1.5s`, `1m30s`, `20ms`, `2 minutes` or a date; negative if there are none."""
    parts = DURATION.findall(told)
    if not DURATIONS.fullmatch(told) or any(unit not in UNITS for _, unit in parts):
        return _seconds_until(told, now)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def _seconds_until(then: str, now: str) -> float:
    try:
        return (parsedate_to_datetime(then) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
        return -1

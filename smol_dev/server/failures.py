"""Failures: whatever a server answered, or the reason why it did not, as one error with a remedy.

The signs are data: `failures.toml` for answers and exceptions, `known.toml` for what to do about them on which server.
"""

import errno
import html
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlunsplit

from smol_dev.chat import Facts
from smol_dev.config.endpoint import parts_of
from smol_dev.errors import ServerError
from smol_dev.redact import redact
from smol_dev.safe import command, named, safe
from smol_dev.server.known import (
    API_PATH,
    FailureKind,
    KnownServer,
    Response,
    generic,
    parsed,
    root_of,
    servers,
    told_by,
)

ROOM_FOR_ANSWER: Final = 4_096  # tokens that a window should leave after the prompt
SMALLEST_ANSWER: Final = 64  # tokens below which asking for an answer is pointless
USUAL_WINDOW: Final = 16_384  # a window that holds the prompts for a project of several files
NEAREST: Final = 3
FORBIDDEN: Final = 403
DOUBLED: Final = re.compile(r"(/v\d{1,3})(?:/v\d{1,3}){1,3}$")
ENDPOINT: Final = re.compile(r"/(chat/completions|completions|models|responses|chat)$")

LONGEST_CHAIN: Final = 30
ANY_FIELD: Final = "*"  # the `field` of a sign that applies if the words name any refused field
READ: Final = 65_536  # characters of a body that are read; patterns see no more of foreign text
QUOTED: Final = 1_000  # characters of a server's words that an error quotes
MATCHED: Final = 16_384  # characters that are searched for signs of a failure, as patterns take time
DEPTH: Final = 6
ECHOES: Final = {"input", "body", "ctx", "url", "prompt", "messages", "request"}
"""Fields that may repeat the request: a prompt about templates is no template error."""

MESSAGES: Final = ("error", "detail", "message", "msg", "errors", "error_message", "reason", "title")
EVENT: Final = re.compile(r"(?m)^(?:data|error): ?(?=[{\[\"])")
PAGES: Final = ("<!doctype", "<html", "<head", "<body", "<?xml")

WAITED_FOR: Final = frozenset({"rate_limit", "busy", "loading"})  # kinds whose words may say how long to wait
WAIT: Final = re.compile(
    r"\b(?:try again|retry|retry[ _-]?after|retrydelay|wait)\b[^\n\d]{0,24}"
    r"((?:\d{1,6}(?:\.\d{1,6})?(?: ?(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)(?![a-z]))? ?){1,3})"
)
RESET: Final = re.compile(r"x-ratelimit-reset(?:-[a-z]{1,20}){0,3}")
DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?([a-z]{0,12})")
DURATIONS: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})? ?[a-z]{0,12} ?){1,4}")
UNITS: Final = {"": 1} | {
    unit: seconds
    for seconds, units in (
        (0.001, "ms millisecond milliseconds"),
        (1, "s sec secs second seconds"),
        (60, "m min mins minute minutes"),
        (3600, "h hour hours"),
    )
    for unit in units.split()
}


class RefusedError(ServerError):
    """The server rejects a part of the request; without it, the same request may work.

    `field` is the name of a field of the body (`reasoning_effort`, `response_format`, …), or `system` if the model's
    template takes no system message, `opening` if no beginning of an answer, `one_of_both` if only one of `temperature`
    and `top_p` is allowed, `most_tokens` if answers may take only `most` tokens.
    """

    def __init__(self, message: str, *, hint: str, field: str, kind: FailureKind, most: int | None = None) -> None:
        super().__init__(message, hint=hint, kind=kind)
        self.field = field
        self.most = most


class TooLongError(ServerError):
    """Prompt and answer together do not fit the window; figures that the server did not give are None.

    `prompt` is exact or, with `at_least`, the number at which the server stopped counting.
    """

    def __init__(self, message: str, *, hint: str, window: int | None, prompt: int | None, at_least: bool) -> None:
        super().__init__(message, hint=hint, kind="context")
        self.window = window
        self.prompt = prompt
        self.at_least = at_least

    def room(self, asked_for: int) -> int | None:
        """Return the tokens left for an answer, for which `asked_for` were too many.

        None if the server gives no figures, or too little is left for any answer. vLLM stops counting at the first
        token that does not fit: in that case, half of the answer is given up.
        """
        if self.window is None or self.prompt is None:
            return None
        left = self.window - self.prompt
        if self.at_least and left >= asked_for - 1:
            left = asked_for // 2
        return left if SMALLEST_ANSWER <= left < asked_for else None


@dataclass(frozen=True, slots=True)
class Target:
    """The server and the model that a request went to, as far as known.

    `models` is the server's own list, None if unknown; `running` names other local servers found running; `proxy` is
    the one the request went through; `limit` is the largest window the model is made for. None of the `secrets` is
    repeated from what the server says.
    """

    base_url: str
    model: str
    known: KnownServer | None
    models: tuple[str, ...] | None = None
    key_sent: bool = False
    proxy: str | None = None
    running: tuple[str, ...] = ()
    limit: int | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def server(self) -> str:
        """The server, as the beginning of a sentence."""
        name = self.known.name if self.known and self.known.name != "compatible" else "the server"
        return f"{name} at {safe(self.base_url)}"

    def sentence(self, kind: FailureKind, *, field: str = "") -> str:
        """Return the sentence about a failure of this kind."""
        text = table().sentences[kind]
        if kind == "key" and self.key_sent:
            text = "{server} does not accept the key"
        return text.format(
            server=self.server,
            base_url=safe(self.base_url),
            model=safe(self.model) or "the model",
            proxy=safe(self.proxy or ""),
            field=safe(field),
        )


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

    def matches(self, part: str, name: str) -> Iterator[str]:
        """Yield what these patterns of the table find in the text, those of the first pattern first."""
        patterns = map(compiled, getattr(table(), part)[name])
        return (match["found"] for pattern in patterns for match in pattern.finditer(self.text))

    def number(self, what: str) -> int | None:
        """Return the number that the words give for `what`, such as the tokens of the `prompt`, or None."""
        return next(map(int, self.matches("numbers", what)), None)

    def refused_field(self) -> str:
        """Return the request field that the words refuse, without any subfield; empty if none."""
        fields = table().fields
        names = list(self.matches("fields", "named"))
        if self.parameter and re.search(fields["refusing"], self.text):
            names.insert(0, self.parameter.lower().partition(".")[0])
        return next((each for each in names if each not in fields["essential"] and each.isidentifier()), "")


@dataclass(frozen=True)
class Sign:
    """A sign of a failure in an answer; the head of `failures.toml` explains the fields."""

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
        """One pattern for all the words."""
        return compiled("|".join(f"(?:{each})" for each in self.words))

    def fits(self, said: Said, status: int, model: str) -> bool:
        """Return whether the answer has this sign."""
        return (
            (not self.statuses or status in self.statuses)
            and re.search(self.model, model) is not None
            and self.pattern.search(said.text) is not None
            and not (self.unless and re.search(self.unless, said.text))
            and (self.field != ANY_FIELD or said.refused_field() != "")
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


@dataclass(frozen=True, slots=True)
class Table:
    """What `failures.toml` holds: signs and causes in the order in which to try them, the rest as it is there."""

    sentences: Mapping[FailureKind, str]
    words: Mapping[str, str]
    fields: Mapping[str, Any]
    numbers: Mapping[str, Sequence[str]]
    signs: tuple[Sign, ...]
    causes: tuple[Cause, ...]


@lru_cache(maxsize=1)
def table() -> Table:
    """Return `failures.toml`."""
    parts = tomllib.loads(Path(__file__).with_name("failures.toml").read_text("utf-8"))
    signs = tuple(Sign(name, **entry) for name, entry in parts.pop("sign").items())
    causes = tuple(Cause(**entry) for entry in parts.pop("cause"))
    return Table(**parts, signs=signs, causes=causes)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of the table with its `<words>` filled in."""
    for name, words in table().words.items():
        pattern = pattern.replace(f"<{name}>", words)
    return re.compile(pattern)


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
    codes = (int(value) for name, value in lines if name == "code" and re.fullmatch("[45][0-9][0-9]", value))
    return Said(
        message,
        "\n".join(words)[:MATCHED].lower() if any(words) else "",
        code=next(codes, 0),
        parameter=named.get("param") or named.get("loc") or "",
        is_json=True,
        is_error=isinstance(document, str) or (isinstance(document, dict) and _is_error(document)),
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
    for tag in ("title", "h1"):
        start = lower.find(">", lower.find(f"<{tag}")) + 1
        end = lower.find(f"</{tag}>", start)
        if f"<{tag}" in lower and 0 < start <= end:
            pieces = page[start:end][: 4 * QUOTED].split("<")
            words = [pieces[0], *(piece.partition(">")[2] for piece in pieces[1:])]
            return " ".join(html.unescape(" ".join(words)).split())
    return ""


def _is_error(document: Mapping[str, Any]) -> bool:
    told_so = any(document.get(key) for key in ("error", "detail", "errors"))
    return told_so or document.get("object") == "error" or "message" in document


def _message_of(value: object, depth: int = 0) -> str:
    """Return the human-readable words in a piece of JSON; empty if there are none."""
    if depth > DEPTH:
        return ""
    if isinstance(value, str):
        inner = _inner(value)
        return (_message_of(inner, depth + 1) if inner is not None else "") or value
    if isinstance(value, list):
        return "; ".join(filter(None, (_message_of(each, depth + 1) for each in value[:10])))
    if not isinstance(value, dict):
        return ""
    words = [_message_of(value[key], depth + 1) for key in MESSAGES if value.get(key)]
    words = list(dict.fromkeys(word for word in words if word))
    return ": ".join(filter(None, (_where(value.get("loc")), *words[:2])))


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
    elif isinstance(value, str) and (inner := _inner(value)) is not None:
        yield from _told(inner, name, depth + 1)
    elif value is not None and str(value).strip().lower() not in {"", "none", "null"}:
        yield name, str(value)


def _inner(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    return parsed(text) if text.lstrip()[:1] in {"{", "["} else None


def _where(place: object) -> str:
    """Return the field that a validation error is about: `["body", "messages", 0]` is `messages.0`."""
    return ".".join(str(each) for each in place[:8] if each != "body") if isinstance(place, list) else ""


def classify(response: Response, target: Target) -> ServerError:
    """Return the error that a response without a usable answer means, whatever its status; never raise."""
    if target.known is None or target.known.name == "compatible":
        target = replace(target, known=told_by(response) or target.known)
    if 300 <= response.status < 400 and not response.in_stream:  # noqa: PLR2004 - redirects
        elsewhere = safe(redact(response.headers.get("location", ""), target.secrets))[:500]
        return failure(
            "wrong_path",
            target,
            message=f"{target.server} sends requests on to another address: {elsewhere or 'unnamed'}",
            hint=address_remedy(target) or "set `base_url` to the address that answers itself: `--api-base-url URL`",
        )
    said = understand(response.body)
    text = said.text
    if target.model and not target.model.isalpha():  # a model may be called `jinja-coder`
        text = re.sub(rf"(?<![\w.-]){re.escape(target.model.lower())}(?![\w-])", "model", text)
    said = replace(said, message=redact(said.message, target.secrets), text=text)
    status = response.status if response.status >= 400 else said.code  # noqa: PLR2004 - errors
    if response.status < 400 and not response.in_stream:  # noqa: PLR2004
        if said.is_json and not said.is_error:
            return failure("empty", target)
        if said.is_page:
            return _error(Sign("page", "wrong_path"), response, said, target)
    sign = next((each for each in table().signs if each.fits(said, status, target.model)), None)
    if sign is None and status == 0 and not response.in_stream and not said.is_json:
        sign = Sign("no error", "wrong_path" if said.text else "empty")
    unclear = target.known.unclear if target.known is not None else "server"
    usual = Sign("any error", unclear, transient=status >= 500 or status == 0)  # noqa: PLR2004
    return _error(sign or usual, response, said, target)


def _error(sign: Sign, response: Response, said: Said, target: Target) -> ServerError:
    """Return the error for a response with this sign, including its words and figures."""
    kind, field = sign.kind, said.refused_field() if sign.field == ANY_FIELD else sign.field
    window, prompt = said.number("window"), said.number("prompt")
    sizes, needed = "", prompt + ROOM_FOR_ANSWER if prompt else 2 * window if window else None
    if needed and window:
        needed = max(needed, window + 1)
        sizes = f" ({f'{prompt:,} tokens into ' if prompt else ''}{window:,})" if kind == "context" else ""
    if said.is_page:
        quote = f" (it sent a web page: {said.quote or 'without title'})"
    elif said.quote:
        quote = f" (it says: {said.quote})"
    else:
        quote = "" if response.in_stream else f" (status {response.status}, nothing said)"
    message = f"{target.sentence(kind, field=field)}{sizes}{quote}"
    hint = sign.hint or hint_for(kind, target, needed=needed, status=response.status)
    if field:
        most = said.number("most") if field == "most_tokens" else None
        return RefusedError(message, hint=hint, field=field, kind=kind, most=most)
    if kind == "context":
        least = said.number("at_least") is not None
        return TooLongError(message, hint=hint, window=window, prompt=prompt, at_least=least)
    transient = sign.transient or (kind == "not_loaded" and response.in_stream)
    wait = _retry_after(response.headers, kind, said.text)
    return failure(kind, target, message=message, hint=hint, transient=transient, retry_after=wait)


def _retry_after(headers: Mapping[str, str], kind: FailureKind, words: str) -> float | None:
    """Return the seconds that the server asks to wait, by its own clock if it gives a time.

    If it limits requests, its words and `x-ratelimit-reset-*` count as well, exhausted limits first.
    """
    told = [headers.get(name, "") for name in ("retry-after", "llm_provider-retry-after")]
    if kind in WAITED_FOR:
        told += [match.group(1) for match in WAIT.finditer(words)]
    if kind == "rate_limit":
        resets = filter(RESET.fullmatch, headers)
        left = {name: headers.get(name.replace("reset", "remaining"), "").strip() for name in resets}
        told += [headers[name] for name in sorted(left, key=lambda name: left[name] != "0")]
    waits = (_seconds_of(each.strip().lower(), headers.get("date", "")) for each in told)
    return next((each for each in waits if 0 <= each < 10**9), None)


def _seconds_of(told: str, now: str) -> float:
    """Return the seconds in `7`, `1.5s`, `1m30s`, `20ms`, `2 minutes` or a date; negative if there are none."""
    parts = DURATION.findall(told)
    if DURATIONS.fullmatch(told) and all(unit in UNITS for _, unit in parts):
        return sum(float(number) * UNITS[unit] for number, unit in parts)
    try:
        return (parsedate_to_datetime(told) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
        return -1


def unreachable(error: BaseException, target: Target) -> ServerError:
    """Return why there was no answer: refused, no address, TLS, proxy, reset or timeout, each by name."""
    if isinstance(error, ServerError):
        return error
    chain = list(_chain(error))
    found = next((cause for cause in table().causes if any(map(cause.fits, chain))), None)
    if found is None:
        words = redact(understand(str(error)).quote, target.secrets) or type(error).__name__
        return failure("server", target, message=f"{target.sentence('server')} (it says: {words})")
    if target.proxy and found.kind in {"not_running", "dns", "proxy"}:
        return failure("proxy", target, message=f"{target.sentence('proxy')}: {found.says or 'no proxy answers'}")
    message = target.sentence(found.kind) + (f": {found.says}" if found.says else "")
    return failure(found.kind, target, message=message, hint=found.hint, transient=found.transient)


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


def failure(
    kind: FailureKind,
    target: Target,
    *,
    message: str = "",
    hint: str = "",
    transient: bool = False,
    retry_after: float | None = None,
) -> ServerError:
    """Return an error of this kind; message and hint default to the kind's sentence and the server's remedy."""
    return ServerError(
        message or target.sentence(kind),
        hint=hint or hint_for(kind, target),
        kind=kind,
        transient=transient,
        retry_after=retry_after,
    )


def hint_for(kind: FailureKind, target: Target, *, needed: int | None = None, status: int = 0) -> str:
    """Return what to type or change after a failure of this kind; `needed` is the window that is needed."""
    remedy = (target.known or generic()).remedy(kind, model=target.model, base_url=target.base_url)
    if "WINDOW" in remedy:
        remedy = Facts(enlarge=remedy, limit=target.limit).larger(needed or USUAL_WINDOW)
    match kind:
        case "not_running":
            if target.known is None:
                port = parts_of(target.base_url).port
                usual = [each for each in servers() if port in each.ports]
                remedy = "; ".join(f"{each.name}: {each.remedy(kind)}" for each in usual) or remedy
            if target.running:
                remedy = f"running instead: {', '.join(map(safe, target.running))}; {remedy}"
        case "dns" if "host.docker.internal" in target.base_url:
            remedy = "start the container with `--add-host=host.docker.internal:host-gateway`"
        case "wrong_path":
            remedy = address_remedy(target) or remedy
        case "model_missing":
            remedy = "; ".join(filter(None, (_nearest(target), remedy)))
        case "key" if target.key_sent:
            remedy = f"check the key: `smol_dev config explain api_key_env`; {remedy}"
        case "forbidden" if status == FORBIDDEN and target.known is None:
            ollama = next(each for each in servers() if each.provider == "ollama")
            remedy = f"{remedy}; if it is Ollama: {ollama.remedy(kind)}"
    return remedy


def address_remedy(target: Target) -> str:
    """Return the address that was probably meant if this one is visibly wrong, else an empty string."""
    parts = parts_of(target.base_url)
    path = parts.path.rstrip("/")
    if not parts.netloc:
        return ""
    if ENDPOINT.search(path):
        better = ENDPOINT.sub("", path)
        why = "`base_url` ends before the name of the request"
    elif DOUBLED.search(path):
        better = DOUBLED.sub(r"\1", path)
        why = "`base_url` holds the version twice"
    elif not API_PATH.search(path):
        own = target.known.path if target.known is not None else "/v1"
        better = parts_of(root_of(target.base_url)).path + own
        why = f"`base_url` lacks `{own}`"
    else:
        return ""
    url = urlunsplit((parts.scheme, parts.netloc, better, "", ""))
    return f"{why}: {command('--api-base-url {url}', url=url)}"


def _nearest(target: Target) -> str:
    """Return the server's model names that are most like the one asked for; empty if none is known."""
    if not target.models:
        return ""
    base = target.model.partition(":")[0].lower()
    tagged = [name for name in target.models if base and base in name.lower()]
    folded = {name.lower(): name for name in reversed(target.models)}
    close = [folded[each] for each in get_close_matches(target.model.lower(), folded, NEAREST, 0.5)]
    if names := list(dict.fromkeys([*tagged, *close]))[:NEAREST]:
        return f"did you mean {', '.join(map(named, names))}?"
    some = ", ".join(map(named, target.models[:NEAREST]))
    return f"it has {some}{', …' if len(target.models) > NEAREST else ''}"

"""What a body says, whatever its shape: an error object, a string, `detail`, JSON in a string, a page, nothing."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from smol_dev.safe import safe
from smol_dev.server.probes import parsed

READ: Final = 65_536
"""Characters of a body that are looked at; patterns see no more of what anyone else wrote."""

QUOTED: Final = 1_000
"""Characters of a server's words that an error repeats."""

MATCHED: Final = 16_384
"""Characters in which the signs of a failure are looked for; patterns take their time."""

DEPTH: Final = 6
ECHOES: Final = {"input", "body", "ctx", "url", "prompt", "messages", "request"}
"""Fields that may repeat what was asked: a prompt about templates is no template error."""

MESSAGES: Final = ("error", "detail", "message", "msg", "errors", "error_message", "reason", "title")
NOTHING: Final = {"", "none", "null"}
EVENT: Final = re.compile(r"(?m)^(?:data|error): ?(?=[{\[\"])")
PAGES: Final = ("<!doctype", "<html", "<head", "<body", "<?xml")
HEADINGS: Final = ("title", "h1")


@dataclass(frozen=True, slots=True)
class Said:
    """The words of a body.

    `message` is what a person should read; `text` is the message and then everything that tells the
    failure, a `field: value` a line, in lower case. `code` is the status it gives itself (0: none),
    `parameter` the field of the request it names. `is_page` says that it is a web page, `is_json`
    that it is JSON, `is_error` that it can be nothing but an error.
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
        """The message on one line, cleaned, and not longer than an error bears."""
        line = safe(" ".join(self.message[: 4 * QUOTED].split()))
        return line if len(line) <= QUOTED else f"{line[:QUOTED]}…"


def understand(body: str) -> Said:
    """What the body says; never raises."""
    body = body[:READ].strip().removeprefix("\ufeff")
    if is_page(body):
        text = title_of(body)
        return Said(text, text.lower(), is_page=True)
    event = EVENT.search(body)
    document = parsed(body[event.end() :].partition("\n")[0] if event else body)
    if document is None:
        return Said(body, body[:MATCHED].lower())
    lines = list(told(document))
    named = dict(reversed(lines))
    message = message_of(document) or (document if isinstance(document, str) else "")
    words = [message, *(f"{name}: {value}" if name else value for name, value in lines)]
    return Said(
        message,
        "\n".join(words)[:MATCHED].lower() if any(words) else "",
        code=next((each for name, value in lines if name == "code" and (each := status(value))), 0),
        parameter=named.get("param") or named.get("loc") or "",
        is_json=True,
        is_error=is_error(document),
    )


def is_page(body: str) -> bool:
    """Whether a body is a web page; comments may stand before it."""
    at = 0
    while body.startswith("<!--", at) and (end := body.find("-->", at)) >= 0:
        at = end + len("-->")
        while body[at : at + 1].isspace():
            at += 1
    return body[at : at + 10].lower().startswith(PAGES)


def title_of(page: str) -> str:
    """The words of a page's title or first heading, without its tags."""
    lower = page.lower()
    for tag in HEADINGS:
        start = lower.find(">", lower.find(f"<{tag}")) + 1
        end = lower.find(f"</{tag}>", start)
        if f"<{tag}" in lower and 0 < start <= end:
            pieces = page[start:end][: 4 * QUOTED].split("<")
            words = [pieces[0], *(piece.partition(">")[2] for piece in pieces[1:])]
            return " ".join(html.unescape(" ".join(words)).split())
    return ""


def is_error(document: object) -> bool:
    """Whether a piece of JSON can be nothing but an error."""
    if not isinstance(document, dict):
        return isinstance(document, str)
    told_so = any(document.get(key) for key in ("error", "detail", "errors"))
    return told_so or document.get("object") == "error" or "message" in document


def message_of(value: object, depth: int = 0) -> str:
    """The words for a person in a piece of JSON; empty where there are none."""
    if depth > DEPTH:
        return ""
    if isinstance(value, str):
        inner = parsed(value) if value.lstrip()[:1] in {"{", "["} else None
        return (message_of(inner, depth + 1) if inner is not None else "") or value
    if isinstance(value, list):
        return "; ".join(filter(None, (message_of(each, depth + 1) for each in value[:10])))
    if not isinstance(value, dict):
        return ""
    words = [message_of(value[key], depth + 1) for key in MESSAGES if value.get(key)]
    words = list(dict.fromkeys(word for word in words if word))
    place = where(value.get("loc"))
    return ": ".join(filter(None, (place, *words[:2])))


def told(value: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Each field and its value as text, JSON in strings opened, what echoes the request left out."""
    if depth > DEPTH or name in ECHOES:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            yield from told(each, str(key), depth + 1)
    elif isinstance(value, list) and name == "loc":
        yield name, where(value)
    elif isinstance(value, list):
        for each in value[:50]:
            yield from told(each, name, depth + 1)
    elif value is not None and str(value).strip().lower() not in NOTHING:
        inner = parsed(value) if isinstance(value, str) and value.lstrip()[:1] in {"{", "["} else None
        if inner is not None:
            yield from told(inner, name, depth + 1)
        else:
            yield name, str(value)


def where(place: object) -> str:
    """The field a validation error is about: `["body", "messages", 0]` is `messages.0`."""
    if not isinstance(place, list):
        return ""
    return ".".join(str(each) for each in place[:8] if each != "body")


def status(value: str) -> int:
    """An HTTP status given as a number or its digits, else 0."""
    code = int(value) if value.isascii() and value.isdigit() and len(value) == 3 else 0  # noqa: PLR2004
    return code if 400 <= code <= 599 else 0  # noqa: PLR2004


def header(headers: Mapping[str, str], name: str) -> str:
    """A header's value, its name in any case; empty where there is none."""
    return next((value for key, value in headers.items() if key.lower() == name), "")

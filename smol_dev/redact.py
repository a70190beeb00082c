"""Redaction of secrets: in a text whole, in part, in base64 or URL-encoded; in a table by the names of its keys.

Standard library only.
"""

import re
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

SHORTEST: Final = 6
"""The shortest secret that `redact` hides; shorter ones would match ordinary words."""

RUN: Final = 12
"""The number of consecutive characters of a secret that are hidden wherever they occur."""

REDACTED: Final = "[redacted]"
HEX: Final = re.compile("%[0-9A-F]{2}")
SECRET_NAME: Final = re.compile(
    "apikey|token$|secret|authorization|password|passwd|credential|^key$|subscriptionkey|^sig$"
)
URL_SAFE: Final = str.maketrans("+/", "-_")


def redact(text: str, secrets: Collection[str]) -> str:
    """Return the text with each secret, and each run of 12 or more characters of one, replaced by `[redacted]`.

    Runs matter because servers echo parts of a key. Base64 and URL-encoded forms are hidden too.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST:
            text = text.replace(secret, REDACTED)
    runs = frozenset[str]().union(*map(_runs, secrets))
    if not runs or len(text) < RUN:
        return text
    kept, end, at = list[str](), 0, 0
    while at <= len(text) - RUN:
        if text[at : at + RUN] not in runs:
            at += 1
            continue
        kept += [text[end:at], REDACTED]
        end = at + RUN
        while text[end - RUN + 1 : end + 1] in runs:
            end += 1
        at = end
    return "".join([*kept, text[end:]])


@lru_cache(maxsize=64)
def _runs(secret: str) -> frozenset[str]:
    """Return every run of 12 characters of a secret, plain and encoded; for base64, at each of three alignments."""
    raw, quoted = secret.encode(), quote(secret, safe="")
    forms = [secret, quoted, HEX.sub(lambda code: code.group().lower(), quoted)]
    for before in range(3):
        encoded = b64encode(bytes(before) + raw).decode()
        own = encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        forms += [own, own.translate(URL_SAFE)]
    return frozenset(form[at : at + RUN] for form in forms for at in range(len(form) - RUN + 1))


def is_secret_name(name: str) -> bool:
    """Return whether a key's name suggests that its value is a secret."""
    return SECRET_NAME.search(re.sub(r"[\W_]", "", name.casefold())) is not None


def secret_texts(value: object, *, secret: bool = False) -> Iterator[str]:
    """Yield every text inside a value that belongs to a key with a secret's name."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from secret_texts(inner, secret=secret or is_secret_name(str(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from secret_texts(inner, secret=secret)
    elif secret and isinstance(value, str) and value:
        yield value


def without_secrets(value: Any) -> Any:  # noqa: ANN401 - TOML data
    """Return a value without its keys that have a secret's name."""
    if isinstance(value, Mapping):
        return {name: without_secrets(inner) for name, inner in value.items() if not is_secret_name(str(name))}
    return [without_secrets(inner) for inner in value] if isinstance(value, list) else value

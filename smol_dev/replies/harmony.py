"""The message channels of the harmony format (gpt-oss), as they leak into answers."""

import re
from typing import Final

HEADER: Final = re.compile(
    r"<\|channel\|>\s*(?P<channel>\w+)[^\n]{0,120}?<\|message\|>", re.IGNORECASE
)
END: Final = re.compile(r"<\|(?:end|return|call)\|>|<\|start\|>")
BARE: Final = re.compile(r"^\s*analysis(?=[A-Z\s])")
BARE_FINAL: Final = re.compile(r"assistant\s?final(?=[^a-z]|$)")


def final_message(text: str) -> tuple[str, str] | None:
    """Return the final message and which channel it was in; None for any other format.

    Without a final message the last tool call counts, since its arguments are the answer.
    """
    start = re.sub(r"^\s*(?:<\|start\|>\s*assistant)?\s*", "", text)
    if not start.startswith("<|channel|>"):
        return bare_final(text)
    messages = []
    headers = list(HEADER.finditer(start))
    for number, header in enumerate(headers):
        limit = headers[number + 1].start() if number + 1 < len(headers) else len(start)
        end = END.search(start, header.end(), limit)
        body = start[header.end() : end.start() if end and not is_final(header) else limit]
        messages.append((header["channel"].lower(), body))
    for wanted in ("final", "commentary"):
        bodies = [body for channel, body in messages if channel == wanted]
        if bodies:
            return bodies[0 if wanted == "final" else -1], f"{wanted} channel"
    return ("", "analysis only") if messages else None


def is_final(header: re.Match[str]) -> bool:
    """Tell whether a header opens the final message, whose end the next step finds."""
    return header["channel"].lower() == "final"


def bare_final(text: str) -> tuple[str, str] | None:
    """Return the final message of an answer whose special tokens were removed."""
    if not BARE.match(text):
        return None
    match = BARE_FINAL.search(text)
    return (text[match.end() :], "final channel") if match else None

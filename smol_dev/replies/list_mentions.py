"""Every path that a text speaks of, in back-ticks, links or plain words."""

import re
from typing import Final

from smol_dev.replies.path_words import (
    is_file_like,
    is_known_file,
    is_product,
    is_spoken,
)

LINK: Final = re.compile(r"\[`?([^\]\n`]{1,200})`?\]\([^()\n]{1,300}\)")
TOKEN: Final = re.compile(
    r"`([^`\n]{1,200})`|(?<![\w/.`-])((?:[\w@.()\[\]-]+[/\\])*[\w@.-]*\w)(?![\w/`])"
)
MAX_TOKENS: Final = 200
COMMAND: Final = re.compile(
    r"(?:[$>%]\s|(?:sudo|pip3?|npm|npx|yarn|pnpm|cd|mkdir|touch|python3?|node|git|docker|cargo|go|flask|uvicorn|curl|source|chmod|bash|cat|open|run)\s)"
)
MAX_LINE: Final = 2000


def touched(text: str) -> list[str]:
    """Return the files that a line of shell creates empty."""
    match = re.fullmatch(r"(?:\$ )?touch\s+([^&|;]+)", text) if len(text) <= MAX_LINE else None
    return [word for word in match[1].split() if is_file_like(word)] if match else []


def all_links(text: str) -> list[str]:
    """Return the paths of a line of nothing but links, if there are several."""
    found = LINK.findall(text) if len(text) <= MAX_LINE else []
    rest = LINK.sub("", text) if len(found) > 1 else "no"
    return found if not re.search(r"\w", re.sub(r"\b(?:and|und|et|y)\b", "", rest)) else []


def all_paths(text: str) -> list[str]:
    """Return the paths of a line that is nothing but several of them; a heading in front may stand."""
    if len(text) > MAX_LINE:
        return []
    for start in (
        text,
        re.sub(r"^(?:\*\*|__)?[^`\"'/.,]{1,60}?:(?:\*\*|__)?\s+", "", text, count=1),
    ):
        if re.search(r",|\s+(?:and|und|et|y|&)\s+|;|\s\|\s|、|，", start):
            parts = re.split(
                r"\s*[,;、，]\s*(?:(?:and|und|et|y|&|as well as)\s+)?|\s+(?:and|und|et|y|&)\s+|\s+\|\s+",
                re.sub(r"(?<=[\"'])\s*[\])}]+$", "", start.rstrip("., ")),
            )
        else:
            parts = start.split()
        if any(re.search(r"\w [`\"]", part) for part in parts):
            continue
        words = [part.strip("`\"'“”‘’* ") for part in parts if part.strip()]
        if len(words) > 1 and all(is_name(word) for word in words):
            return words
    return []


def is_name(word: str) -> bool:
    """Tell whether a part of a line is a file's name and nothing else."""
    return is_known_file(word) and not is_product(word) and not is_spoken(word)


def mentioned(text: str) -> list[str]:
    """Return the files that a sentence mentions, those in backticks if there are any."""
    quoted: list[str] = []
    bare: list[str] = []
    for number, match in enumerate(TOKEN.finditer(text[:MAX_LINE])):
        if number > MAX_TOKENS:
            break
        path = match[1] or match[2]
        if is_known_file(path) and not is_product(path) and not COMMAND.match(path):
            (quoted if match[1] else bare).append(path)
    return quoted or bare

"""Lines that name a file: in front of a block, in its info string, or inside the content (C4)."""

import re
from functools import lru_cache
from typing import Final

from smol_dev.replies.kinds import JSON, MARKDOWN, OTHER, PATCH, PHP, Kind

PATH: Final = r"[\w@.()\[\]{}$+~-]*(?:[/\\][\w@.()\[\]{}$+ -]+)*"
WORD: Final = re.compile(
    r"^(?:\d{1,3}[.)]\s+)?(?:(?:the\s+)?(?:file\s*name|file\s*path|file|path|filename|filepath|name|"
    r"datei|fichier|archivo|source|create|new file|begin file|begin|start of file|start|"
    r"contents? of|code for|update|saved? as)\b(?![-./\\\w])\s*(?:name|path)?\s*(?:\d+\s*)?[:=]?\s*)",
    re.IGNORECASE,
)
RULER: Final = re.compile(
    r"^(?:[-=*#~+<>]{2,}|─{2,}|═{2,}|\[|<|\|)?\s*(.*?)\s*(?:[-=*#~+<>_]{2,}|─{2,}|═{2,}|\]|>|\|)?$"
)
COMMENT: Final = re.compile(
    r"^(?://+|#+|--+|;+|%+|/\*+|<!--+|\"\"\"|'''|\(\*|\{#|::|REM\b)\s*(.*?)\s*(?:\*+/|--+>|\"\"\"|'''|\*\)|#\})?$"
)
AFTER_PATH: Final = re.compile(
    r"\s*(?:\((?:[^()]{0,60})\)|:|\s[-–—]\s.{0,120}|\bfile\b:?|content[s]?:?)\s*$", re.IGNORECASE
)
MENTION: Final = re.compile(
    r"`([^`\n]{1,200})`|(?<![\w/.-])((?:[\w@.-]+[/\\])*[\w@-][\w@.-]*\.[A-Za-z]\w{0,9})(?![\w/])"
)
FILE_NAME: Final = re.compile(
    r"^\.{0,2}[/\\]?(?:[\w@.()\[\]$+-]+[/\\])*(?:[\w@()\[\]$+-][\w@.()\[\]$+-]*\.[A-Za-z]\w{0,11}|\.[A-Za-z][\w.-]+|"
    r"Dockerfile|Makefile|Procfile|Gemfile|Rakefile|LICENSE|README|Jenkinsfile|Vagrantfile|Caddyfile|Modelfile)$"
)
NAME: Final = re.compile(
    r"\.[A-Za-z]|Dockerfile|Makefile|Procfile|Gemfile|Rakefile|LICENSE|README|Jenkinsfile|Vagrantfile|Caddyfile|Modelfile"
)
EXPLICIT: Final = re.compile(
    r"(?:\W*(?:file ?(?:name|path)?|path)\W*:|\*\*|==|--|`|\[|<(?!!)|//|/\*)", re.IGNORECASE
)
OTHER_COMMENT: Final = re.compile(r"//|#|--|;|%|/\*|<!--|\(\*|\{#|\"|REM\b", re.IGNORECASE)
MUST_BE_FIRST: Final = ("<?xml", "<?php", "<!doctype", "<!DOCTYPE", "#!")
MAX_LABEL: Final = 240


def normal(path: str) -> str:
    """Return a path in the form in which two of them can be compared."""
    cleaned = re.sub(r"/(?:\./)+|/{2,}", "/", path.strip().replace("\\", "/"))
    return re.sub(r"^(?:\./|/)+", "", cleaned)


def label_in(line: str) -> str | None:
    """Return the path that a line consists of, apart from decoration, or None."""
    if len(line) > MAX_LABEL * 2 or not NAME.search(line):
        return None
    text = undecorated(line)
    return text if FILE_NAME.match(text) else None


def names(line: str, path: str) -> bool:
    """Tell whether a line consists of this path, apart from decoration."""
    if len(line) > MAX_LABEL * 2 or re.split(r"[/\\]", path)[-1] not in line:
        return False
    text = undecorated(line)
    if normal(text) == normal(path):
        return True
    return bool(FILE_NAME.match(text)) and same_file(text, path)


@lru_cache(maxsize=1024)
def undecorated(line: str) -> str:
    """Return a line without marks, words such as `File:`, and a remark behind a path."""
    text = line.strip()
    if len(text) > MAX_LABEL:
        return ""
    text = re.sub(r"^(?:[-*+•]\s+|#{1,6}\s+|>\s+)+", "", text)
    for _ in range(4):
        before = text
        text = without_emphasis(text)
        match = COMMENT.match(text)
        text = match[1] if match and match[1] else text
        match = RULER.match(text)
        text = match[1] if match and match[1] and is_ruler(text) else text
        text = WORD.sub("", text)
        shorter = AFTER_PATH.sub("", text)
        text = shorter or text
        if text == before:
            break
    return text


def without_emphasis(text: str) -> str:
    """Return the text without the quotes and stars around it, which are not a part of a name."""
    bare = text.strip().strip("*`\"'").strip()
    inner = re.fullmatch(r"(_{1,2})([^_].*[^_])\1", bare)
    return inner[2] if inner else bare


def is_ruler(text: str) -> bool:
    """Tell whether a text is set between rules or brackets, as in `=== app.py ===`."""
    return not re.match(r"[\[<]", text) or bool(re.match(r"[\[<][^\[\]<>]*[\]>]$", text))


def same_file(label: str, path: str) -> bool:
    """Tell whether a label means the requested path: equal, or equal but for leading folders."""
    one, other = normal(label), normal(path)
    if one == other:
        return True
    return one.endswith(f"/{other}") or ("/" not in one and other.endswith(f"/{one}"))


def mentioned_paths(line: str) -> list[str]:
    """Return the file names a sentence speaks of."""
    found = (match[1] or match[2] for match in MENTION.finditer(line[:2000]))
    return [name for name in found if FILE_NAME.match(name)]


def label_in_info(info: str) -> str | None:
    """Return the path in a fence's info string: `js:src/app.js`, `title="app.py"`, `app.py`."""
    if not info or len(info) > MAX_LABEL:
        return None
    named = re.search(
        r"(?:file(?:_?name|_?path)?|path|title|name|src)\s*[=:]\s*[\"']?([^\"'\s}]+)",
        info,
        re.IGNORECASE,
    )
    if named:
        return named[1]
    for word in re.split(r"[\s:,{}]+(?![\\/])", info)[::-1]:
        bare = word.strip("()[]\"'`*")
        if FILE_NAME.match(bare) and ("." in bare.strip(".") or bare[:1].isupper()):
            return bare
    return None


def is_valid_line(line: str, following: str, kind: Kind, path: str) -> bool:
    """Tell whether a line that names the file may stand in a file of this kind."""
    text = line.strip()
    if following.startswith(MUST_BE_FIRST) and not (
        text.startswith("<!--") and following.startswith("<!")
    ):
        return False
    if kind is JSON or kind is PHP:
        return kind is PHP and text.startswith("<?")
    if path.lower().endswith(".css") and text.startswith("//"):
        return False
    if kind.free_text and is_title(text, path):
        return True
    if kind is MARKDOWN and text.startswith("#"):
        return not following.startswith("# ")
    if kind is OTHER:
        return bool(OTHER_COMMENT.match(text))
    marks = (
        *kind.line_comments,
        *(opening for opening, _ in kind.block_comments),
        *(quote for quote in kind.long_strings if len(quote) > 1),
    )
    return text.startswith(marks) if marks else kind is PATCH and text.startswith("# ")


def is_title(text: str, path: str) -> bool:
    """Tell whether a line of plain text is rather a title or a sentence that has the file's name."""
    if EXPLICIT.match(text):
        return False
    return "." not in path.rpartition("/")[2] or bool(re.search(r"\s", text.strip("#* ")))


def without_label(content: str, *, path: str, kind: Kind) -> str:
    """Return the content without a first line that only names the file and is not valid there."""
    stripped = content.lstrip("\n")
    first, newline, rest = stripped.partition("\n")
    if not newline or not names(first, path):
        return content
    following = rest.lstrip("\n")
    if not following or is_valid_line(first, following, kind, path):
        return content
    return following

r"""Entries as the model gave them → paths that can be written, and what was dropped (F4–F6)."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from smol_dev.replies.paths import BINARY_ENDINGS, FOLDER_NAMES, ending, is_file_like
from smol_dev.replies.verdicts import FileList, Rejected, list_rejected

QUOTES: Final = "\"'`“”‘’«»„‚"
ELLIPSIS: Final = re.compile(
    r"[\W_]*(?:(?:and|und|et|y|or|plus)\s+)?(?:etc|more|so on|so forth|others?|(?:more|other|additional|further) files?|"
    r"n/?a|tbd|none|null|undefined|nothing)?(?:\s+(?:files?|as needed|here))*[\W_]*",
    re.IGNORECASE,
)
ADDRESS: Final = re.compile(
    r"[a-z][a-z0-9+.-]+://|www\.|(?:mailto|data|javascript|https?|urn):|git@", re.IGNORECASE
)
HOME: Final = re.compile(
    r"~|\$HOME\b|\$\{?HOME\}?|\$\{?(?:USERPROFILE|XDG_\w+|TMPDIR)\}?|%(?!PROJECT|ROOT|REPO|APP_)\w+%[/\\]",
    re.IGNORECASE,
)
SYSTEM: Final = re.compile(
    r"/(?:etc|usr|var|tmp|home|root|dev|proc|sys|boot|mnt|opt|sbin|srv|run|private|lost\+found|lib64|"
    r"Users|Library|System|Volumes|Applications|Windows|(?:bin|lib)/(?![^\s]*\.[a-z]{1,4}$)[^\s]*)(?:/|$)"
    r"|/(?:bin|lib)/[\w.-]*(?<!\.\w)(?<!\.\w\w)(?<!\.\w\w\w)(?<!\.\w{4})$|/lib/(?:systemd|modules|udev)/"
)
ROOT_WORDS: Final = (
    r"(?:your|my|the|new|main)?[-_ .]*(?:project|root|repo(?:sitory)?|app(?:lication)?|workspace|base|output|"
    r"generated|program|package)(?:[-_ .]*(?:name|root|slug|dir(?:ectory)?|folder|path|base|title|home))*"
)
PLACEHOLDER_ROOT: Final = re.compile(
    rf"^/?(?:<\s*{ROOT_WORDS}\s*>|\{{+\s*(?:\w+\.)?{ROOT_WORDS}\s*\}}+|\$\{{?\s*{ROOT_WORDS}\s*\}}?|"
    rf"%{ROOT_WORDS}%|\[\s*(?:your[-_ ].*?|{ROOT_WORDS})\s*\]|__{ROOT_WORDS}__|"
    r"your[-_ ]?(?:project|app|repo|application)(?:[-_ ]?(?:name|root|dir|directory|folder|path))?|"
    r"(?:project|app|repo)[-_ ](?:name|root|dir|directory|folder|path)|root[-_ ](?:dir|directory|folder)|"
    r"<\s*(?:root|dir|directory|folder|folder[-_ ]name|your[-_ ][^<>]*)\s*>|"
    r"(?:absolute/|full/)?path/to(?:/(?:your|the|my)?[-_ /]?(?:project|app|repo|folder|directory)(?:[-_ ]?(?:name|root|dir))?)?"
    r")/+(?=[^/])",
    re.IGNORECASE,
)
PLACEHOLDER: Final = re.compile(
    r"[<{][^/]*[>}]|(?:^|/)(?:\.{3,}|…)(?:/|$)|\.ext(?:ension)?$|(?:^|/)(?:your|my)[-_](?:file|module|script|component|class|"
    r"app|page|name|test)(?:[-_]?name)?(?:\.\w+)?$|(?:^|/)(?:file[-_]?name|filepath|file[-_]?path|your[-_][\w-]+)\d*(?:\.\w+)?$|"
    r"(?:^|/)(?:x{3,}|_{3,}|file|path)(?:\d*|[-_]?[nx])(?:\.(?:ext|xyz|xxx))?$|"
    r"\[[^\]/]*(?:\s|your|name|module|file)[^\]/]*\]\.(?:py|rb|go|rs|java|c|cpp|h|cs|php|html|css|md|txt|json)$|"
    r"%[sd]|\$\{|\{\{|\bTBD\b|…|^string$",
    re.IGNORECASE,
)
FORBIDDEN: Final = re.compile(r'[<>:"|?*]')
INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
MAX_SENTENCE: Final = 5
EXAMPLE: Final = re.compile(r"file(?:name)?\d*(?:\.\w+)?", re.IGNORECASE)


@dataclass(slots=True)
class Sorted:
    """The paths so far and what was dropped; `unsafe` says that something meant harm."""

    paths: list[str] = field(default_factory=list)
    entries: dict[str, str] = field(default_factory=dict)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an entry cannot be written."""

    reason: str
    unsafe: bool = False


def settle(entries: Iterable[str], form: str) -> FileList | Rejected:
    """Return the paths to write, or why nothing is left (F8)."""
    found = Sorted()
    for entry in entries:
        place(entry, found)
    drop_folders(found)
    if found.paths:
        return FileList(tuple(found.paths), tuple(found.dropped), form)
    return list_rejected("unsafe_path" if found.unsafe else "wrong_format")


def place(entry: str, found: Sorted) -> None:
    """Put one entry where it belongs."""
    path = normalised(entry)
    if isinstance(path, Refused):
        found.unsafe = found.unsafe or path.unsafe
        found.dropped.append((entry, path.reason))
        return
    known = found.entries.get(path.casefold())
    if known is None:
        found.entries[path.casefold()] = path
        found.paths.append(path)
    elif known != path:
        found.dropped.append((entry, f"differs from `{known}` only in case"))


def drop_folders(found: Sorted) -> None:
    """Drop the paths below which others lie, and bare words that are folders everywhere."""
    parents: set[str] = set()
    for path in found.paths:
        parts = path.split("/")[:-1]
        parents.update("/".join(parts[:size]) for size in range(1, len(parts) + 1))
    folders = [path for path in found.paths if path in parents or path in FOLDER_NAMES]
    found.paths = [path for path in found.paths if path not in set(folders)]
    found.dropped.extend((path, "a folder") for path in folders)


def normalised(entry: str) -> str | Refused:
    """Return an entry as a path relative to the project, or why it is none (F4, F5)."""
    text = unquoted(entry)
    if any(unicodedata.category(character) in INVISIBLE for character in text):
        return Refused("has control or invisible characters", unsafe=True)
    if (ELLIPSIS.fullmatch(text) and not text.startswith(("..", "/", ".\\"))) or re.fullmatch(
        r"\.{3,}", text
    ):
        return Refused("not a path")
    if ADDRESS.match(text):
        return Refused("an address")
    if re.match(r"[A-Za-z]:", text):
        return Refused("on a drive, outside the project folder", unsafe=True)
    if text.startswith(("\\\\", "//")) and text[2:3] not in {"", "/", "\\"}:
        return Refused("on another computer", unsafe=True)
    path = text.replace("\\", "/")
    if HOME.match(path):
        return Refused("outside the project folder", unsafe=True)
    return below_root(path)


def unquoted(entry: str) -> str:
    """Return an entry without white space, quotes and emphasis around it."""
    text = entry.strip(" \t\r\n,;")
    for _ in range(4):
        before = text
        text = text.strip()
        if len(text) > 1 and text[0] in QUOTES and text[-1] in QUOTES:
            text = text[1:-1]
        match = re.fullmatch(r"(\*{1,3}|_{2})(.+)\1", text)
        text = match[2] if match and not re.fullmatch(r"__\w+__", text) else text
        if text == before:
            break
    return text


def below_root(path: str) -> str | Refused:
    """Return a path with slashes below the project folder, or why it does not stay there."""
    if SYSTEM.match(path):
        return Refused("outside the project folder", unsafe=True)
    example = bool(re.match(r"/?(?:absolute/|full/)?path/to/", path, re.IGNORECASE))
    path = PLACEHOLDER_ROOT.sub("", re.sub(r"^(?:\./+)+", "", path), count=1)
    path = re.sub(r"/(?:\./)+|/{2,}", "/", path)
    path = re.sub(r"^(?:\./)+|^/", "", path)
    parts = path.split("/")
    if path.startswith("~"):
        return Refused("outside the project folder", unsafe=True)
    if ".." in (part.strip() for part in parts):
        return Refused("leaves the project folder", unsafe=True)
    if any(is_git(part) for part in parts):
        return Refused("inside git's own folder", unsafe=True)
    if path in {"", "."} or path.endswith(("/", "/.")):
        return Refused("a folder")
    if example and EXAMPLE.fullmatch(path):
        return Refused("a placeholder")
    return nameable(path)


def is_git(part: str) -> bool:
    """Tell whether a component is git's own folder on some file system."""
    return part.strip().rstrip(". ").casefold() in {".git", "git~1"}


def nameable(path: str) -> str | Refused:
    """Return the path if it names one text file."""
    if "*" in path or re.search(r"\{[^{}]*,[^{}]*\}", path):
        return Refused("a pattern")
    if PLACEHOLDER.search(path):
        return Refused("a placeholder")
    if FORBIDDEN.search(path):
        return Refused("has characters that no file name may have")
    if ending(path) in BINARY_ENDINGS:
        return Refused("not a text file")
    if len(path.split()) > MAX_SENTENCE and not is_file_like(path):
        return Refused("not a path")
    return path

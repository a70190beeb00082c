"""What all forms of a list share, and how the entries of one become paths.

Items (files, folders and groups) → plain entries → paths that can be written, and what was dropped.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from smol_dev.languages.names import BINARY_ENDINGS, FOLDER_NAMES
from smol_dev.replies.paths import MAX_PATH, ending, is_file_like, plain_key
from smol_dev.replies.verdicts import FileList, Rejected, list_rejected

Role = Literal["file", "folder", "group", "either"]
"""What an item is; `either` is a key such as `tests`, which can be a folder or a heading."""

DEEPEST: Final = 40
"""How many folders deep a list may be; no path that can be written is deeper."""

HERE: Final = frozenset({"", ".", "./", "/", "root", "(root)", "<root>"})  # for folder-lists-root


WRAPPER: Final = re.compile(  # for L15-dir-files-dict
    r"(?=\w*+\Z)\w*(?:files?|paths?|list|names?)(?:to\w+|needed|required|created?)?|results?|output|data|response|answer|items|"
    r"entries|\w*structure|tree|project|program|values?|payload|final|updated|codebase|children|root|all|properties|app|manifest"
)


def is_wrapper(key: str) -> bool:
    """Return whether a key means the list itself and no folder."""
    return WRAPPER.fullmatch(plain_key(key)) is not None and key not in FOLDER_NAMES


@dataclass(slots=True)
class Item:
    """A file with its path, or a folder or group with what is in it."""

    text: str
    role: Role = "file"
    items: list["Item"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Listing:
    """One list found in an answer.

    `lead` is the words in front of it, `start` and `end` its place; `closed` says that its end was seen,
    `complete` that at most a bracket is missing, `unclear` that a line of it may name another file.
    `claimed` is every file that stands in the place of an entry, read as one or not, and whether that is sure.
    """

    entries: tuple[str, ...]
    start: int
    lead: str = ""
    closed: bool = True
    complete: bool = True
    unclear: bool = False
    end: int | None = None
    claimed: tuple[tuple[str, bool], ...] = ()


def entries_of(items: list[Item], *, rooted: bool | None = None) -> tuple[str, ...]:
    """Return the paths of the files, in order; folders with nothing in them are none.

    The only folder at the top is the project's own when the list is `rooted`; where that is not known, unless
    its name is one that projects use inside.
    """
    items = _settled(items)
    if rooted is not False and len(items) == 1 and items[0].role == "folder" and items[0].items:
        name = items[0].text.strip("/ ")
        if rooted or not (name in FOLDER_NAMES or "/" in name):
            items = items[0].items
    return tuple(_paths(items, ""))


def _settled(items: list[Item]) -> list[Item]:
    for item in items:
        item.items = _settled(item.items)
    either = [item for item in items if item.role == "either"]
    # Files that have folders of their own were not meant to get another one.
    folders = not any(
        re.search(r"[/\\]", text.strip("/\\"))  # for yaml-groups
        for item in either
        for text in _texts(item)
    ) and all(item.text.strip("/ ") in FOLDER_NAMES | HERE or "/" in item.text for item in either)
    found: list[Item] = []
    for item in items:
        if item.role == "group" or (item.role == "either" and not folders):
            found += item.items
        else:
            found.append(Item(item.text, "folder", item.items) if item.role == "either" else item)
    return found


def below_files(items: list[Item]) -> Iterator[str]:
    """Yield the paths that stand below that of a file, where no folder can be."""
    for item in items:
        yield from _texts(item) if item.role == "file" else below_files(item.items)


def _texts(item: Item) -> Iterator[str]:
    for inner in item.items:
        if inner.role == "file":
            yield inner.text
        yield from _texts(inner)


def _paths(items: Iterable[Item], prefix: str) -> Iterator[str]:
    for item in items:
        if item.role == "file":
            whole = not prefix or _begins_with(item.text, prefix)
            yield item.text if whole else prefix + item.text.removeprefix("./")
            continue
        name = item.text.strip().removeprefix("./").rstrip("/") + "/"
        if item.text.strip() in HERE:
            name = prefix
        elif not prefix or name == prefix or not _begins_with(name, prefix):
            name = prefix + name
        yield from _paths(item.items, name)


def _begins_with(text: str, prefix: str) -> bool:
    return text.removeprefix("./").replace("\\", "/").startswith(prefix)


QUOTES: Final = "\"'`“”‘’«»„‚"
ELLIPSIS: Final = re.compile(  # for f5-'~'
    r"[\W_]*(?:(?:and|und|et|y|or|plus)\s+)?(?:etc|more|so on|others?|(?:more|other|additional) files?|n/?a|tbd|none|null|"
    r"undefined|nothing)?(?:\s+(?:files?|as needed|here))*[\W_]*",
    re.IGNORECASE,
)
# for f5-'ftp://x/a.py'
ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+://|www\.|(?:mailto|data|javascript|https?|urn):|git@", re.IGNORECASE)
HOME: Final = re.compile(  # for f5-'$HOME/a.py'
    r"/?(?:~|\$\{?(?:HOME|USERPROFILE|XDG_\w+|TMPDIR)\b)|%(?!PROJECT|ROOT|REPO|APP_)\w+%[/\\]", re.IGNORECASE
)
SYSTEM: Final = re.compile(  # for unsafe-tick
    r"/(?:etc|usr|var|tmp|home|root|dev|proc|sys|boot|mnt|opt|sbin|srv|run|private|Users|Library|System|Volumes|"
    r"Applications|Windows|lib64)(?:/|$)|/(?:bin|lib)/(?!.*\.[a-z]{1,4}$)|/lib/(?:systemd|modules|udev)/"
)
ROOT_WORDS: Final = (
    r"(?:your|my|the|new|main)?[-_ .]*(?:project|root|repo(?:sitory)?|app(?:lication)?|workspace|base|output|program|"
    r"package)(?:[-_ .]*(?:name|root|slug|dir(?:ectory)?|folder|path))*"
)
PLACEHOLDER_ROOT: Final = re.compile(  # for placeholder-braces
    rf"^/?(?:\${ROOT_WORDS}|(?:[<\[%]|\$?\{{+|__)\s*+(?:{ROOT_WORDS}|root|dir|directory|folder(?:[-_ ]name)?|your[-_ ][^<>\[\]{{}}/]*+)\s*+"
    r"(?:[>\]%]|\}+|__)|your[-_ ]?(?:project|app|repo|application)(?:[-_ ]?(?:name|root|dir|directory|folder|path))?|"
    r"(?:project|app|repo)[-_ ](?:name|root|dir|directory|folder|path)|root[-_ ](?:dir|directory|folder)|"
    r"(?:absolute/|full/)?path/to(?:/(?:your|the|my)?[-_ /]?(?:project|app|repo|folder|directory)(?:[-_ ]?(?:name|root|dir))?)?"
    r")/+(?=[^/])",
    re.IGNORECASE,
)
PLACEHOLDER: Final = re.compile(  # for schema4
    r"<[^/<>]*+>|(?<!\{)\{[^/{}]*+\}(?!\})|(?:^|/)(?:\.{3,}|…)(?:/|$)|\.ext(?:ension)?$|(?:^|/)(?:your|my)[-_](?:file|module|script|component|class|"
    r"app|page|name|test)(?:[-_]?name)?(?:\.\w+)?$|(?:^|/)(?:file[-_]?name|file[-_]?path|your[-_][\w-]+)\d*(?:\.\w+)?$|"
    r"(?:^|/)(?:x{3,}|_{3,}|file|path)(?:\d*|[-_]?[nx])(?:\.(?:ext|xyz|xxx))?$|"
    r"(?:^|[/\]])[^\[\]/]*+\[(?>[^\]/]*?(?:\s|your|name|module|file))[^\]/]*+\]\.\w{1,4}$|%[sd]|\$\{|\bTBD\b|…|^string$",
    re.IGNORECASE,
)
REQUIREMENT: Final = re.compile(r"[\w.-]+(?:\[[\w,-]*\])?\s?[=~<>!]=")  # for requirement-in-the-list
FORBIDDEN: Final = re.compile(r'[<>:"|?*]')  # for f5-'a|b.py'
# for test_file_list.test_each_form_of_a_list_is_read_or_refused
ALTERNATIVES: Final = re.compile(r"\{([\w.@/ -]*(?:,[\w.@/ -]*)+)\}")
MOST_BRACES: Final = 3
INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})  # for f5-'a\u202eb.py'
MOST_WORDS: Final = 5
EXAMPLE: Final = re.compile(r"file(?:name)?\d*(?:\.\w+)?", re.IGNORECASE)  # for f5-'path/to/file.py'


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an entry cannot be written; `unsafe` says that it leads out of the folder or hides something."""

    reason: str
    unsafe: bool = False


def as_file_list(entries: Iterable[str], form: str) -> FileList | Rejected:
    """Return the paths to write, in order, or why nothing is left."""
    spelled: dict[str, str] = {}
    dropped: list[tuple[str, str]] = []
    unsafe = False
    for entry in itertools.chain.from_iterable(map(expanded, entries)):
        path = normalised(entry)
        if isinstance(path, Refused):
            unsafe = unsafe or path.unsafe
            dropped.append((entry, path.reason))
        elif (known := spelled.setdefault(path.casefold(), path)) != path:
            dropped.append((entry, f"differs from `{known}` only in case"))
    paths = tuple(spelled.values())
    parents = {path[:at] for path in paths for at, mark in enumerate(path) if mark == "/"}
    folders = {path for path in paths if path in parents or path in FOLDER_NAMES}
    files = tuple(path for path in paths if path not in folders)
    dropped += [(path, "a folder") for path in paths if path in folders]
    if files:
        return FileList(files, tuple(dropped), form)
    return list_rejected("unsafe_path" if unsafe else "wrong_format")


def expanded(entry: str) -> Iterator[str]:
    """Yield the paths that an entry with alternatives in braces means, as a shell would write them out."""
    found = ALTERNATIVES.search(entry) if entry.count("{") <= MOST_BRACES else None
    if found is None:
        yield entry
        return
    for one in found[1].split(","):
        yield from expanded(f"{entry[: found.start()]}{one.strip()}{entry[found.end() :]}")


def normalised(entry: str) -> str | Refused:
    """Return an entry as a path relative to the project, or why it is none."""
    text = _unquoted(entry)
    if any(unicodedata.category(character) in INVISIBLE for character in text):
        return Refused("has control or invisible characters", unsafe=True)
    if (ELLIPSIS.fullmatch(text) and not text.startswith(("..", "/", ".\\"))) or not text.strip("."):
        return Refused("not a path")
    if len(text) > MAX_PATH:
        return Refused("too long for a path")
    if ADDRESS.match(text):
        return Refused("an address")
    if re.match(r"[A-Za-z]:", text):  # for f5-'c:a.py'
        return Refused("on a drive, outside the project folder", unsafe=True)
    if re.match(r"(?:\\\\|//)[^/\\]", text):  # for f5-'//server/share/a.py'
        return Refused("on another computer", unsafe=True)
    path = text.replace("\\", "/")
    if HOME.match(path) or SYSTEM.match(path):
        return Refused("outside the project folder", unsafe=True)
    return _below_root(path)


def _unquoted(entry: str) -> str:
    text, before = entry.strip(" \t\r\n,;"), ""
    while text != before:
        before, text = text, text.strip()
        if len(text) > 1 and text[0] in QUOTES and text[-1] in QUOTES:
            text = text[1:-1]
    return text


def _below_root(path: str) -> str | Refused:
    example = re.match(r"/?(?:absolute/|full/)?path/to/", path, re.IGNORECASE)  # for f5-'path/to/file.py'
    path = PLACEHOLDER_ROOT.sub("", re.sub(r"^(?:\./+)+", "", path), count=1)  # for dot-before-the-placeholder-root
    path = re.sub(r"^(?:\./)+|^/", "", re.sub(r"/(?:\./)+|/{2,}", "/", path))  # for VL25
    parts = [part.strip() for part in path.split("/")]
    if ".." in parts or path.startswith("~"):
        return Refused("leaves the project folder", unsafe=True)
    if any(part.rstrip(". ").casefold() in {".git", "git~1"} for part in parts):
        return Refused("inside git's own folder", unsafe=True)
    if path in {"", "."} or path.endswith(("/", "/.")):
        return Refused("a folder")
    if "*" in path or any(part.count("{") != part.count("}") for part in parts) or ALTERNATIVES.search(path):
        return Refused("a pattern")
    if PLACEHOLDER.search(path) or (example and EXAMPLE.fullmatch(path)):
        return Refused("a placeholder")
    if REQUIREMENT.match(path):
        return Refused("a requirement")
    if FORBIDDEN.search(path):
        return Refused("has characters that no file name may have")
    if ending(path) in BINARY_ENDINGS:
        return Refused("not a text file")
    if len(path.split()) > MOST_WORDS and not is_file_like(path):
        return Refused("not a path")
    return path

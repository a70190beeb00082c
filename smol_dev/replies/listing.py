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
    has_folders = any(
        re.search(r"[/\\]", text.strip("/\\"))  # for yaml-groups
        for item in either
        for text in _texts(item.items)
    )
    folders = not has_folders and all(
        item.text.strip("/ ") in FOLDER_NAMES | HERE or "/" in item.text for item in either
    )
    found: list[Item] = []
    for item in items:
        if item.role == "group" or (item.role == "either" and not folders):
            found += item.items
        else:
            found.append(Item(item.text, "folder", item.items) if item.role == "either" else item)
    return found


def _texts(items: list[Item]) -> Iterator[str]:
    for item in items:
        if item.role == "file":
            yield item.text
        yield from _texts(item.items)


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
ELLIPSIS: Final = re.compile(  # for series-etc
    r"[\W_]*(?:(?:and|und|et|y|or|plus)\s+)?(?:etc|more|so on|others?|(?:more|other|additional) files?|n/?a|tbd|none|null|"
    r"undefined|nothing)?(?:\s+(?:files?|as needed|here))*[\W_]*",
    re.IGNORECASE,
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
ALTERNATIVES: Final = re.compile(r"\{([\w.@/ -]*(?:,[\w.@/ -]*)+)\}")  # for braces
MOST_BRACES: Final = 3
INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})  # for f5-'a\u202eb.py'
MOST_WORDS: Final = 5

OUTSIDE: Final = (
    r"/(?:etc|usr|var|tmp|home|root|dev|proc|sys|boot|mnt|opt|sbin|srv|run|private|Users|Library|System|Volumes|"
    r"Applications|Windows|lib64)(?:/|$)|/(?:bin|lib)/(?!.*\.[a-z]{1,4}$)|/lib/(?:systemd|modules|udev)/|"
    r"(?i:/?(?:~|\$\{?(?:HOME|USERPROFILE|XDG_\w+|TMPDIR)\b)|%(?!PROJECT|ROOT|REPO|APP_)\w+%/)"
)
PLACEHOLDER: Final = (
    r"(?i)<[^/<>]*+>|(?<!\{)\{[^/{}]*+\}(?!\})|(?:^|/)(?:\.{3,}|…)(?:/|$)|\.ext(?:ension)?$|(?:^|/)(?:your|my)[-_](?:file|module|script|"
    r"component|class|app|page|name|test)(?:[-_]?name)?(?:\.\w+)?$|(?:^|/)(?:file[-_]?name|file[-_]?path|your[-_][\w-]+)\d*(?:\.\w+)?$|"
    r"(?:^|/)(?:x{3,}|_{3,}|file|path)(?:\d*|[-_]?[nx])(?:\.(?:ext|xyz|xxx))?$|"
    r"(?:^|[/\]])[^\[\]/]*+\[(?>[^\]/]*?(?:\s|your|name|module|file))[^\]/]*+\]\.\w{1,4}$|%[sd]|\$\{|(?-i:\bTBD\b)|…|^string$"
)
REFUSALS: Final = (  # whether it is looked for with the root, the pattern, the reason, whether it is unsafe
    (True, rf"(?!\.\.|/)(?i:{ELLIPSIS.pattern})\Z|\.*\Z", "not a path", False),  # for f5-'~'
    # for f5-'ftp://x/a.py'
    (True, r"(?i)[a-z][a-z0-9+.-]+://|www\.|(?:mailto|data|javascript|https?|urn):|git@", "an address", False),
    (True, r"[A-Za-z]:", "on a drive, outside the project folder", True),  # for f5-'c:a.py'
    (True, r"//[^/]", "on another computer", True),  # for f5-'//server/share/a.py'
    (True, OUTSIDE, "outside the project folder", True),  # for f5-'$HOME/a.py'
    # for f5-'path/to/file.py'
    (True, r"(?i)/?(?:absolute/|full/)?path/to/(?:[^/]+/)*file(?:name)?\d*(?:\.\w+)?$", "a placeholder", False),
    (False, r"(?:^|/)\s*\.\.\s*(?:/|$)|^~", "leaves the project folder", True),  # for up
    (False, r"(?i)(?:^|/)\s*(?:\.git|git~1)[. ]*(?:/|$)", "inside git's own folder", True),  # for git-inside
    (
        False,
        r"(?:^|/)\.?$",
        "a folder",
        False,
    ),  # for test_file_list.test_what_cannot_be_written_is_dropped_with_the_reason
    (False, rf"\*|\{{[^}}/]*(?:/|$)|(?:^|/)[^{{/]*\}}|{ALTERNATIVES.pattern}", "a pattern", False),  # for glob
    (False, PLACEHOLDER, "a placeholder", False),  # for schema4
    (False, r"^[\w.-]+(?:\[[\w,-]*\])?\s?[=~<>!]=", "a requirement", False),  # for requirement-in-the-list
    (False, r'[<>:"|?*`\u2500-\u257f]', "has characters that no file name may have", False),  # for f5-'a|b.py'
)


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
    if len(text) > MAX_PATH:
        return Refused("too long for a path")
    path = text.replace("\\", "/")
    below = PLACEHOLDER_ROOT.sub("", re.sub(r"^(?:\./+)+", "", path), count=1)  # for dot-before-the-placeholder-root
    below = re.sub(r"^(?:\./)+|^/", "", re.sub(r"/(?:\./)+|/{2,}", "/", below))  # for VL25
    for with_root, pattern, reason, unsafe in REFUSALS:
        if re.match(pattern, path) if with_root else re.search(pattern, below):  # for schema4
            return Refused(reason, unsafe)
    if ending(below) in BINARY_ENDINGS:
        return Refused("not a text file")
    return below if len(below.split()) <= MOST_WORDS or is_file_like(below) else Refused("not a path")


def _unquoted(entry: str) -> str:
    text, before = entry.strip(" \t\r\n,;"), ""
    while text != before:
        before, text = text, text.strip()
        if len(text) > 1 and text[0] in QUOTES and text[-1] in QUOTES:
            text = text[1:-1]
    return text

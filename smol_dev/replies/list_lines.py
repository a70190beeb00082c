"""Trees, tables, bullets, numbers and plain lines → the files they name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from smol_dev.languages.names import FOLDER_NAMES
from smol_dev.replies import paths
from smol_dev.replies.listing import DEEPEST, ELLIPSIS, HERE, Item, is_wrapper

MAX_LINE: Final = 2000
BRANCH: Final = re.compile(  # for enc-tree
    r"^(?P<lead>[\s│┃║|]*)(?:[├└┣┗╠╚╰┝┖┕╟╙+`\\|'][─━═╴\-_–—]+[>╴]?|[├└┣┗╠╚╰┬][ \t]+|\|_)[\s─]*(?P<name>\S.*)$"
)
BAR: Final = re.compile(r"^[\s│┃║|]*[│┃║|][\s│┃║|]*(?P<name>[^\s│┃║|].*)?$")  # for tree-trunk-lines
# for tree-emoji-2
ICON: Final = re.compile(r"^(?:[^\w./\\~`\"'*\[\](){}<>@$+#%“”‘’«„-]+\s*|\[(?:D|F|d|f|DIR|FILE)\]\s*)+")
RULE: Final = re.compile(r"^(?=[^-]*-)[\s|:+=-]*+$")  # for table-center
PATH_HEADER: Final = re.compile(  # for table-three
    r"\b(?:files?|paths?|file-?names?|filepaths?|datei\w*|fichier|archivo|name|module)\b|文件|ファイル|파일|файл",
    re.IGNORECASE,
)
FOLDER_HEADER: Final = re.compile(r"\b(?:folder|directory|dir|location)\b", re.IGNORECASE)  # for table-folder


@dataclass(frozen=True, slots=True)
class Drawn:
    """A tree or table: its items, the lines from `first` to `after`, and the texts in which paths stand."""

    items: list[Item]
    first: int
    after: int
    texts: list[str]
    root: str | None = None


def find_tree(lines: list[str]) -> Drawn | None:
    """Return the first drawing of a tree, with the line of its root label."""
    expanded = [line[:MAX_LINE].expandtabs(4).replace("\u00a0", " ") for line in lines]
    first = next((number for number, line in enumerate(expanded) if _is_branch(line)), None)
    if first is None:
        return None
    after = first + 1
    while after < len(lines) and _continues(expanded, after):
        after += 1
    above = next((number for number in range(first - 1, max(-1, first - 4), -1) if lines[number].strip(" │|┃")), None)
    is_root = above is not None and not expanded[above].rstrip().endswith(":") and _label(expanded[above])
    root = above if is_root else None
    top = Item("", "group")
    stack = [(-1, top)]
    first = first if root is None else root
    for line in expanded[first:after]:
        _hang(line, stack)
    names = [_name(line) for line in expanded[first:after]]
    return Drawn(top.items, first, after, names, None if root is None else top.items[0].text.strip("/ "))


def _is_branch(line: str) -> bool:
    return bool(BRANCH.match(line)) and not RULE.match(line) and not line.rstrip().endswith("|")


def _continues(lines: list[str], number: int) -> bool:
    line = lines[number]
    trunk = BAR.match(line) and (not line.rstrip().endswith("|") or not line.strip(" |"))
    if _is_branch(line) or trunk:
        return True
    if not line.strip() or _label(line):
        return any(map(_is_branch, lines[number + 1 : number + 3])) or paths.is_known_file(_label(line))
    return False


def _label(line: str) -> str:
    text = _entry(line)
    return text if text and not re.search(r"\s", text) and not text.endswith(":") else ""  # for table-unicode


def _entry(text: str) -> str:
    return paths.path_in(paths.BULLET.sub("", ICON.sub("", text.strip()))).strip("*`")


def _name(line: str) -> str:
    found = BRANCH.match(line) or BAR.match(line)
    return (found["name"] if found else line.strip()) or ""


def _hang(line: str, stack: list[tuple[int, Item]]) -> None:
    name = _name(line)
    text = _entry(name)
    if not text:
        return
    column = line.rindex(name)
    while stack[-1][0] >= column:
        stack.pop()
    items = several(ICON.sub("", name.strip())) or [Item(text, "folder" if text.endswith("/") else "file")]
    if stack[-1][1].role == "file":
        stack[-1][1].role = "folder"
    stack[-1][1].items += items
    if len(stack) < DEEPEST:
        stack.append((column, items[-1]))


def find_table(lines: list[str]) -> Drawn | None:
    """Return the first table with files in a column."""
    first = 0
    while first < len(lines):
        after = first
        while after < len(lines) and _is_row(lines[after]):
            after += 1
        if after - first > 1:
            rows = [_cells(line) for line in lines[first:after] if not RULE.match(line)]
            if items := _column(rows):
                return Drawn(items, first, after, [])
        first = max(after, first + 1)
    return None


def _is_row(line: str) -> bool:
    if "|" not in line or len(line) > MAX_LINE * 2 or paths.BULLET.match(line):
        return False
    # for num-in-table
    return line.strip().startswith("|") or bool(RULE.match(line) or re.search(r"\S\s*\|\s*\S", line))


def _cells(line: str) -> list[str]:
    text = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", text)]  # for num-in-table


def _column(rows: list[list[str]]) -> list[Item]:
    if not rows:
        return []
    width = max(map(len, rows))
    rows = [[*row, *[""] * (width - len(row))] for row in rows]
    body = rows[1:]
    counts = [sum(paths.is_path_like(_entry(row[at])) for row in body) for at in range(width)]
    named = [at for at in range(width) if PATH_HEADER.search(rows[0][at]) and counts[at]]
    full = [at for at in range(width) if counts[at] * 2 >= len(body) > 0 or paths.is_known_file(_entry(rows[0][at]))]
    if not named and not full:
        return []
    column = (named or full)[0]
    folder = next((at for at in range(width) if at != column and FOLDER_HEADER.search(rows[0][at])), None)
    if paths.is_known_file(_entry(rows[0][column])):
        body = rows
    return [Item(name) for row in body if _entry(row[column]) for name in _in_cell(row, column, folder)]


def _in_cell(row: list[str], column: int, folder: int | None) -> list[str]:
    below = _entry(row[folder]).strip("/") if folder is not None else ""
    plain = not below or below in HERE | {"-"} or " " in below
    names = all_paths(row[column]) or [_entry(row[column])]
    return [name if plain or "/" in name else f"{below}/{name}" for name in names]


MARK: Final = re.compile(  # for plus
    r"(?P<indent>[ \t\u00a0\u3000]*)(?:>[ \t]?)*(?P<marks>(?:(?:[-*+•‣◦▪●○▸►∙·–—]|\d{1,3}[.):]|[(\[]\d{1,3}[)\]]|#{1,6}|//+|"
    r"[ivx]{1,4}[.)]|#\d{1,3}[.:)]?|\d{1,3}[ \t]+[-–—]|\d{1,3}(?=[ \t]+[\w./-]+\.\w+(?:\s|$))|[a-zA-Z][.)]|"
    r"(?:Step|File)\s+\d{1,3}[.:)])[ \t]+|\[[ xX✓]\][ \t]+|[•‣◦▪●・①-⑳]|\d{1,3}[、．)）][ \t]*)*)(?P<text>.*)"
)
# for yaml-nest
KEY: Final = re.compile(r"[\"'`]?([\w.@()\[\]-]+(?:/[\w.@()\[\]-]+)*/?)[\"'`]?\s*+:\s*+[|>{\[]?+\s*+(?:#.*)?$")
ABOUT: Final = re.compile(  # for yaml-path-last
    r"(?:description|desc|purpose|summary|notes?|role|type|language|dependencies|imports|exports|uses|contains?|content|"
    r"name|title|why|responsibilit(?:y|ies)|functions|classes)",
    re.IGNORECASE,
)
FOLDER_LABEL: Final = re.compile(  # for slash-label
    r"(?:(?:In|Inside|Under|Within) )?[*`_\"']{0,4}([\w.@()\[\]/-]{1,200}/)[*`_\"']{0,4}(?:\s*:[*_]{0,3}\s+|\s+[-–—]\s+|\s+\()(?=\S)"
)
RULED: Final = re.compile(r"^[-=~#*]{2,20}\s+(\S.{0,300}?)\s+[-=~#*]{2,20}$")  # for head-rulers2
ROLE: Final = re.compile(r"[A-Z][\w /&-]{0,40}:\s+([`\"']?[\w@./\\()\[\]-]+\.\w+[`\"']?)")  # for role-lines
AND: Final = r"(?:and|und|et|y|&|と|和)"
ONE: Final = re.compile(r"[`*\"'“]{0,4}((?:[\w.@()\[\]/\\-]|\{[\w.,@-]*\})++)(?<![.])[`*\"'”]{0,4}")  # for series
BETWEEN: Final = re.compile(  # for series-etc
    rf"(?:\s?\([^()]{{0,80}}\))?+\s*+[,;、，،]\s*+(?:(?:{AND}|\d{{1,3}}[.)])\s++)?|\s++(?:(?:{AND}|/|\||\d{{1,3}}[.)])\s++)?"
)
FOLDER: Final = re.compile(  # for test_file_list.test_a_heading_that_names_a_folder_is_one
    r"(?<![\w./-])(?:(?P<slash>(?<![@()\[\]])[\w.@()\[\]-]++(?:/[\w.@()\[\]-]++)*)/(?=[\s:;,)]|\.?$)|"
    r"(?P<noun>(?<!@)(?!(?:the|an?|this|each|in|new|one)\b)[\w.@-]++) (?:sub)?(?:folder|directory|dir)\b(?! (?:structure|tree|layout|listing|path|name))|"
    r"\b(?:folder|directory|dir):? (?P<named>[\w./-]*\w)\W*$)",
    re.IGNORECASE,
)
"""Words that name a folder: `In src/`, `The tests folder`, `Directory: docs`."""

LABELLED: Final = re.compile(r"(?:folder|directory|dir)\b", re.IGNORECASE)  # for folder-labelled
# for folder-aside
ASIDE: Final = re.compile(r"\b(?:not|no|without|exclud\w+|ignor\w+|except|outside|besides)\b", re.IGNORECASE)
NO_NAMES: Final = frozenset(  # for files-of-the-root-folder
    "root project current top-level following same base working this main output new each one your our my its "
    "single parent these in and target appropriate entire whole".split()
)


@dataclass(slots=True)
class Section:
    """The items below one lead."""

    lead: str
    first: int
    items: list[Item] = field(default_factory=list)
    followed: bool = False
    last: int = 0
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line: how deep it is, how it is marked, and its words."""

    depth: int
    marks: str
    text: str

    @property
    def is_heading(self) -> bool:
        """Whether the line is a Markdown heading."""
        return self.marks.startswith("#")


def read_lines(lines: list[str], *, plain: bool) -> list[Section]:
    """Return the sections in which something was found; `plain` says that the lines are no talk."""
    parsed = [_parse(line) for line in lines]
    for number, (above, row) in enumerate(zip(parsed[:-1], lines[1:], strict=True)):
        if above.text and re.fullmatch(r"(?:-{3,}|={3,})\s*", row):  # for heading-underlined
            parsed[number : number + 2] = [Line(0, "#", above.text), Line(0, "", "")]
    behind: list[Line | None] = [None] * len(parsed)
    following: Line | None = None
    for number in range(len(parsed) - 1, -1, -1):
        behind[number] = following
        following = parsed[number] if parsed[number].text else following
    company = _company(lines, parsed, plain=plain)
    outline = Outline(plain=plain)
    for number, line in enumerate(parsed):
        if len(line.text) > MAX_LINE or not line.text:
            outline.sections[-1].followed |= bool(line.text)
        else:
            outline.take(number, line, behind[number], company[number])
    return [section for section in outline.sections if section.items]


def _parse(line: str) -> Line:
    """Return a line taken apart; a dash counts as deeper than a key in the same column, as in YAML."""
    found = MARK.match(line[: MAX_LINE * 2])
    if found is None:
        return Line(0, "", line.strip())
    marks = found["marks"].strip()
    text = ICON.sub("", found["text"].strip()).strip().rstrip(",;，；、")
    if text.endswith(".") and paths.is_known_file(text[:-1]):
        text = text[:-1]
    text = without_escapes(text)
    indent = len(found["indent"].expandtabs(4))
    return Line(0 if marks.startswith("#") else indent * 2 + bool(marks), marks, text)


def without_escapes(text: str) -> str:
    """Return a text without the backslashes of Markdown, where it has none that separate folders."""
    if "\\" not in text or re.search(r"\\(?![_*\[\]()#~-])|(?<!\\)_", text):  # for f4-back-bullets
        return text
    return re.sub(r"\\(.)", r"\1", text)  # for md-escape


# for test_file_list.test_a_file_among_files_needs_no_known_name
STRANGER: Final = re.compile(
    r"\*{0,3}(?P<quote>[`\"']?)(?P<name>[\w@.+/\\()\[\]{}-]{0,200}[\w\])}])(?P=quote)\*{0,3}(?:(?P<words>:\s|\s+[-–—(#:]|\s*[：（—]).*)?"
)

VERSION: Final = re.compile(r"v?\d[\d.-]*")  # for dates


def _company(rows: list[str], lines: list[Line], *, plain: bool) -> list[str]:
    """Return, for each line, the name of an unknown kind that stands where its neighbours name files, or nothing."""
    group, before = 0, Line(0, "", "")
    names: list[tuple[str, object]] = []
    files: set[object] = set()
    for row, line in zip(rows, lines, strict=True):
        group += line.is_heading or line.text.endswith((":", "：")) or bool(line.marks) != bool(before.marks)
        is_title = not line.marks and not before.text and line.text.istitle()
        found = None if row.lstrip()[:1] in {":", ""} or is_title else STRANGER.fullmatch(line.text[:MAX_LINE])
        place = (group, line.depth, bool(found and found["words"]))
        name = found["name"] if found else ""
        if paths.is_known_file(name) and _files(line, plain=plain):
            files.add(place)
        names.append(("" if paths.is_product(name) or VERSION.fullmatch(name) else name, place))
        before = line
    return [name if place in files else "" for name, place in names]


def is_named(line: Line, name: str) -> bool:
    """Return whether a name that we do not know is a file's beyond doubt, among files."""
    # for test_file_list.test_a_file_among_files_needs_no_known_name
    if re.search(r"[./\\]", name) or line.text[0] in "`\"'*":
        return True
    return line.text == name and not line.marks and not name.istitle()


class Outline:
    """One pass over the lines, with the folders that are open on a stack."""

    def __init__(self, *, plain: bool) -> None:
        self.plain = plain
        self.sections = [Section("", 0)]
        self.stack: list[tuple[int, Item]] = []
        self.moved = False

    def take(self, number: int, line: Line, behind: Line | None, stranger: str) -> None:
        """Take one line: the files or the folder it names, a mention, or the lead of a new section.

        `stranger` is the name that it has in the place of a file, where it is none that we know.
        """
        is_label = line.depth == 0 and line.text.endswith(":") and behind is not None and behind.depth == 0
        if line.is_heading or is_label:
            self.stack.clear()
        while self.stack and self.stack[-1][0] >= line.depth:
            self.stack.pop()
        parent = self.stack[-1][1] if self.stack else None
        items = _rooted(line, behind) or _files(line, plain=self.plain) or _folder(line, behind)
        section = self.sections[-1]
        if not items and stranger:
            section.unclear |= not is_named(line, stranger)
            is_alone = line.text == stranger and not stranger.istitle()
            items = [Item(stranger)] * (is_alone or is_named(line, stranger))
        spoken = [item.text for item in items if " " in item.text.partition("/")[0] and line.text[0] not in "`\"'*"]
        section.unclear |= any(paths.is_known_file(text.split()[-1]) for text in spoken)
        self.moved |= re.match(r"(?:\$ )?(?:.*&& )?cd \w", line.text) is not None  # for folder-changed
        if items:
            section.unclear |= self.moved and TOUCH.search(line.text) is not None
            section.last = number
            (section.items if parent is None else parent.items).extend(items)
            section.followed = False
            if len(items) == 1 and len(self.stack) < DEEPEST:
                top = (line.is_heading or is_label) and items[0].role != "file"
                self.stack.append((-1 if top else line.depth, items[0]))
            return
        if not (line.depth and parent is not None and not line.marks) and (
            not line.marks or line.is_heading or line.text.endswith((":", "："))
        ):
            section.followed = " " in line.text or line.text.endswith((":", "："))
            self.sections.append(Section(line.text, number))


# for mkdir-and-touch
TOUCH: Final = re.compile(r"(?:^|&&|;)\s*(?:\$\s+)?touch\s+([^&;|]+)")


def _files(line: Line, *, plain: bool) -> list[Item]:
    text = line.text
    if made := TOUCH.findall(text):
        return [Item(name) for names in made for name in names.split() if paths.is_known_file(name)]
    if paths.COMMAND.match(text) and not (line.marks and paths.is_known_file(text.split()[0])):
        return []
    if ruled := RULED.match(text):
        text = ruled[1]
    if items := several(text, listed=bool(line.marks)):
        return items
    role = ROLE.fullmatch(text)
    text = role[1] if role else paths.ORDER.sub("", text)
    for pattern in (paths.MARKED, paths.BOLD, paths.LINK):
        if (marked := pattern.match(text)) and paths.is_path_like(marked["path"].strip()):
            return _marked(text, marked, talk=not line.marks and not plain)
    path = paths.path_in(text)
    return [] if path.endswith("/") or not _is_first(path, line, text, plain=plain) else [Item(path)]


def _marked(text: str, marked: re.Match[str], *, talk: bool) -> list[Item]:
    path = paths.path_in(text if "target" in marked.groupdict() else marked["path"])
    rest = text[marked.end() :]
    sure = paths.is_known_file(path) or "/" in path or not rest.strip()
    is_talk = talk and re.match(r"\s+\w", rest) is not None  # for not-needed-in-ticks-behind
    return [] if is_talk or path.endswith("/") or not sure else [Item(path)]


def _is_first(path: str, line: Line, text: str, *, plain: bool) -> bool:
    if paths.is_product(path) or paths.is_spoken(path):
        return False
    if path == text.rstrip(",;"):
        entry = paths.is_path_like(path) and " " not in path and not path.startswith(("//", "<", "`"))
        return paths.is_known_file(path) or (entry and ("/" in path or "\\" in path or path[0].islower()))
    if not (paths.is_path_like(path) and (paths.is_known_file(path) or "/" in path)):
        return False
    described = re.match(r" \w", text[len(path) :]) is None  # for not-needed-behind
    return described or bool(line.marks) or plain or bool(paths.LABEL.match(text))


def _rooted(line: Line, behind: Line | None) -> list[Item]:
    name = re.fullmatch(r"\.?/([\w@()\[\]-]+)(?:/[\w@()\[\]-]+)*/?(:?)", line.text)  # for tree-dashes
    is_one = name and behind and (behind.depth > line.depth or (name[2] and line.text[0] == "."))
    return [Item(line.text.lstrip("./").rstrip(":/"), "folder")] if is_one else []


def folder_named(text: str) -> str | None:
    """Return the one folder that words are about, empty for the project's own, or None."""
    found = FOLDER.findall(re.sub(r"[*`\"']", "", text))  # for test_file_list.test_a_heading_that_names_a_folder_is_one
    named = {slash or noun or last for slash, noun, last in found}
    if len(named) != 1 or ASIDE.search(text):
        return None
    name = named.pop()
    return "" if name.lower() in NO_NAMES else name


def _folder(line: Line, behind: Line | None) -> list[Item]:
    text, words = line.text, line.text.rstrip("*_ ")
    is_heading = line.is_heading or words.endswith((":", "：")) or text.endswith("**") or LABELLED.match(words)
    if behind is not None and is_heading and (name := folder_named(words)) is not None and not paths.mentioned(words):
        return [Item(f"{name}/" if name else "", "folder")]
    if behind is not None and (line.is_heading or text.endswith("**")) and words.strip("*_`:") in FOLDER_NAMES:
        return [Item(words.strip("*_`:"), "either")]
    bare = paths.path_in(text.replace("**", "").rstrip(":：")).strip("*`\"' ")
    # for folders-with-spaces
    if re.fullmatch(r"[\w.@()\[\]<>{}~$+\\/ -]*[\w.)\]>}]/", bare) and bare.count(" ") < 3:  # noqa: PLR2004 - a name, not a sentence
        return [Item(bare, "folder")]
    if behind is None or line.is_heading or behind.depth <= line.depth:
        return []
    if (key := KEY.fullmatch(text)) is not None:
        if is_wrapper(key[1]) or (line.marks and key[1][0].isupper()):
            return [Item(key[1], "group")]
        if not line.marks and key[1][0].isupper():
            return []
        return [Item(key[1], "folder" if line.marks else "either")]
    # for nested-noslash
    if ABOUT.fullmatch(bare) or text.endswith((":", "：")) or not re.fullmatch(r"[\w.@()\[\]/-]+", bare):
        return []
    return [Item(bare, "folder" if bare[0].islower() or "/" in bare or text[0] in '`"' else "group")]


def several(text: str, *, listed: bool = False) -> list[Item]:
    """Return the folder with files, or the files, that stand in one line; nothing for one file alone."""
    if label := FOLDER_LABEL.match(text):
        inside = text[label.end() :].rstrip(")")
        named = all_paths(inside) or [paths.path_in(inside)]
        if all(map(paths.is_known_file, named)):
            return [Item(label[1], "folder", list(map(Item, named)))]
    return list(map(Item, all_paths(text, listed=listed)))


def all_paths(text: str, *, listed: bool = False) -> list[str]:
    """Return the paths of a line that is nothing but several of them, or of an item that begins with several.

    A heading in front may stand.
    """
    text = paths.LINK.sub(r"\1", text).rstrip("., 。").rstrip("])}")
    # for chinese-comma
    starts = (text, re.sub(r"^(?:\*\*|__)?[^`\"'/.,]{1,60}?[:：](?:\*\*|__)?\s*", "", text, count=1))
    return next((found for start in starts if len(found := _leading(start, listed=listed)) > 1), [])


def _leading(text: str, *, listed: bool) -> list[str]:
    found, end, start = list[str](), 0, 0
    while one := _one(text, start):
        found.append(one[1])
        end = one.end()
        start = _next(text, end) or len(text)
    rest = text[end:]
    # for test_file_list.test_no_file_of_a_series_is_lost
    return found if listed or not rest or ELLIPSIS.fullmatch(rest) or re.match(r"\s*[:：(（]|\s+[-–—=]", rest) else []


def _one(text: str, start: int) -> re.Match[str] | None:
    one = ONE.match(text, start)
    if one is None or one[1].count("(") != one[1].count(")") or paths.is_product(one[1]):
        return None
    return one if paths.is_known_file(one[1]) else None


DESCRIPTION: Final = re.compile(r":\s|\s[-–—=]\s|\s?\(")  # for series
ENTRY_END: Final = re.compile(r"[,;.)][,;.]?\s+(?:\d{1,3}[.)]\s+)?")  # for series


def _next(text: str, end: int) -> int:
    """Return where the next entry begins behind one that ends at `end`, 0 if there is none."""
    between = BETWEEN.match(text, end)
    if between and _one(text, between.end()):
        return between.end()
    mark = DESCRIPTION.match(text, end)
    for found in ENTRY_END.finditer(text, mark.end()) if mark else ():
        if mark and (one := _one(text, found.end())) and text.startswith(mark[0], one.end()):
            return found.end()
    return 0


PLACE: Final = re.compile(  # for remark-then
    rf"(?:(?P<sure>[;；|→+&]|\d[.)]\s|(?:^|[.!?:]\s)\W{{0,20}}(?:first|then|next|finally|lastly|also|plus)\s)|(?P<label>[:：(（=])|"
    rf"(?P<comma>[,，、])\s*(?:{AND}\s)?)[\s`*\"'\[({{]{{0,40}}$",
    re.IGNORECASE,
)
NEXT: Final = re.compile(r"\d[.)]\s|\)\s?[,;]")  # for remark-next
WORD: Final = re.compile(r"[^\W\d_]\w*")  # for remark-then
WORDS: Final = re.compile(rf"\b(?!{AND}\b)[^\W\d_]\w*")  # for remark-with-files
SPOKEN_OF: Final = re.compile(rf"[`*\"'”)\]]*\s+(?!{AND}\s+\S+\.\w)[^\W\d]")  # for spoken-of


def claimed(text: str, *, alone: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the files that stand where an entry of a list would stand, and whether that is sure.

    A file in a remark claims no place. `alone` says that only marks may stand in front of a file, no words.
    """
    end, taken, sure = 0, True, True
    text = paths.LINK.sub(r"\1", text[:MAX_LINE])
    for found in paths.MENTION.finditer(text):
        path = (found[1] or found[2]).strip()
        if not paths.is_known_file(path) or paths.is_product(path) or path.startswith(".."):
            continue
        between = text[end : found.start()]
        if end and "(" in between and not set(path) & set("./\\"):
            continue
        if words := (WORDS if end else WORD).findall(between):
            place, sure = PLACE.search(between), False
            is_label = not end and ABOUT.fullmatch(words[-1]) is None
            is_next = DESCRIPTION.match(text, found.end()) is not None
            likely = {"sure": True, "label": is_label, "comma": is_next}
            taken = place is not None and not alone and likely[place.lastgroup or "sure"]
        elif NEXT.search(between):
            taken, sure = True, False
        end = found.end()
        taken = taken and "~~" not in between
        if taken and not SPOKEN_OF.match(text, end):
            yield path, sure

"""A file written as an edit: a diff from nothing, an empty SEARCH block, a heredoc (C6, C10)."""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.labels import same_file

HUNK: Final = re.compile(r"^@@+ ?(?:-(\d+)(?:,(\d+))? \+\d+(?:,\d+)?)?.*$")
HEADER: Final = re.compile(
    r"^(?:diff --git .*|index [0-9a-f]+\.\..*|new file mode \d+|--- .*|\+\+\+ .*|"
    r"\*\*\* (?:Begin Patch|End Patch|Add File: .*|End of File)|Index: .*|=+|\\ No newline.*|"
    r"similarity index.*|old mode.*|create mode.*)$"
)
NEW_FILE: Final = re.compile(
    r"^(?:--- (?:/dev/null|nul).*|new file mode.*|\*\*\* Add File: .*|@@ -0,0 \+.*)$", re.MULTILINE
)
DIFF_START: Final = re.compile(
    r"^(?:diff --git |--- (?:a/|/dev/null)|\*\*\* (?:Begin Patch|(?:Add|Update) File)|@@ -\d+.*@@)",
    re.MULTILINE,
)
DIFF_BODY: Final = re.compile(r"^(?:\+\+\+ |@@|\*\*\* |new file mode )", re.MULTILINE)
TARGET: Final = re.compile(
    r"^(?:\+\+\+ (?:[bwi]/)?|\*\*\* (?:Add|Update) File: )([^\t\n]+)", re.MULTILINE
)
SECTION: Final = re.compile(
    r"^(?=diff --git |\*\*\* (?:Add|Update|Delete) File)|^(?=--- [^\n]+\n\+\+\+ )", re.MULTILINE
)
DIVIDER: Final = re.compile(r"={5,9}[ \t]*$")
REPLACE_END: Final = re.compile(r"(?:>{5,9}|\+{5,9}) ?(?:REPLACE|UPDATED|\w+)")
SEARCH_START: Final = re.compile(r"^(?:<{5,9}|-{5,9}) ?(?:SEARCH|ORIGINAL)\b", re.MULTILINE)
HEREDOC: Final = re.compile(
    r"^[ \t]*(?:\$ )?(?:sudo )?(?:(?:cat|tee)\b(?P<first>[^\n<]*))<<(?P<dash>-?)[ \t]*(?P<quote>\\|['\"]?)(?P<word>\w+)['\"]?"
    r"(?P<second>[^\n]*)\n",
    re.MULTILINE,
)
MAX_HEREDOCS: Final = 50
MAX_BLOCKS: Final = 50


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edit amounts to: the whole file, or None when it changes a file that is not here."""

    content: str | None
    rule: str
    closed: bool = True


def from_diff(text: str, path: str, *, named_diff: bool = False) -> Edit | None:
    """Return what a unified diff makes of the file, or None when the text is no diff."""
    if not (named_diff or (DIFF_START.search(text) and DIFF_BODY.search(text))):
        return None
    sections = [section for section in SECTION.split(text) if section.strip()]
    fitting = [
        part
        for part in sections
        if (name := TARGET.search(part)) and same_file(name[1].strip(), path)
    ]
    part = fitting[0] if fitting else (text if len(sections) == 1 else "")
    named = TARGET.search(part)
    if not part or (named and not fitting and not named[1].startswith("/dev/null")):
        return Edit(None, "C10 a diff of other files")
    added = added_lines(part, new=bool(NEW_FILE.search(part)) or named_diff)
    if added is None:
        return Edit(None, "C10 a diff of a file that is not here")
    return Edit("\n".join(added), "C6 new-file diff")


def added_lines(part: str, *, new: bool) -> list[str] | None:
    """Return the lines a diff adds, or None when it also keeps or removes lines."""
    if not new:
        return None
    added = []
    in_body = False
    for line in part.strip("\n").split("\n"):
        if HUNK.match(line):
            old = HUNK.match(line)
            if old and old[1] and int(old[1]) > 0:
                return None
            in_body = True
        elif line.startswith("+") and not (line.startswith("+++ ") and not in_body):
            in_body = True
            added.append(line[1:])
        elif HEADER.match(line):
            continue
        elif not line.strip():
            added.append("")
        elif in_body or line.startswith(("-", " ")):
            return None
    return added if any(line.strip() for line in added) else None


def from_search_block(text: str, path: str) -> Edit | None:
    """Return the file that a SEARCH/REPLACE block with nothing to search for creates."""
    if not SEARCH_START.search(text):
        return None
    lines = text.split("\n")
    blocks = search_blocks(lines)
    if not blocks or any(
        line.strip() for start, middle, _ in blocks for line in lines[start + 1 : middle]
    ):
        return Edit(None, "C10 an edit of a file that is not here")
    for start, middle, end in blocks:
        above = [line for line in lines[:start] if line.strip()][-2:] if len(blocks) > 1 else []
        if len(blocks) == 1 or any(same_file(line.strip(" `*#:"), path) for line in above):
            return Edit("\n".join([*lines[middle + 1 : end], ""]), "C6 empty SEARCH block")
    return Edit(None, "C10 edits of other files")


def search_blocks(lines: list[str]) -> list[tuple[int, int, int]]:
    """Return the lines on which each finished SEARCH block starts, turns to its new text, and ends."""
    found: list[tuple[int, int, int]] = []
    start = middle = None
    for number, line in enumerate(lines):
        if start is None:
            start = number if SEARCH_START.match(line) else None
        elif middle is None:
            middle = number if DIVIDER.match(line) else None
        elif REPLACE_END.match(line):
            found.append((start, middle, number))
            start = middle = None
    return found[:MAX_BLOCKS]


def from_heredoc(text: str, path: str) -> Edit | None:
    """Return the file that a shell command writes from a heredoc to exactly this path."""
    position = 0
    for _ in range(MAX_HEREDOCS):
        match = HEREDOC.search(text, position)
        if match is None:
            return None
        indent = r"[ \t]*" if match["dash"] else ""
        closer = re.compile(rf"^{indent}{match['word']}[ \t]*$", re.MULTILINE)
        end = closer.search(text, match.end())
        target = re.search(r">\s*([^\s>|;&]+)", f"{match['first']} {match['second']}") or re.search(
            r"([^\s>|;&-][^\s>|;&]*)\s*$", match["first"]
        )
        if target and same_file(target[1].strip("\"'"), path):
            body = text[match.end() : end.start() if end else len(text)]
            return Edit(heredoc_text(body, match), "C6 heredoc", closed=end is not None)
        position = end.end() if end else match.end()
    return None


def heredoc_text(body: str, match: re.Match[str]) -> str:
    """Return what the shell writes for a heredoc's body, as far as no variable is involved."""
    if match["dash"]:
        body = re.sub(r"^\t+", "", body, flags=re.MULTILINE)
    if match["quote"] or not re.search(r"\\[$`]", body) or re.search(r"(?<!\\)(?:\\\\)*[$`]", body):
        return body
    return re.sub(r"\\([$`\\])", r"\1", body)

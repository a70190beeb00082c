"""The languages in which each line is an entry of its own: settings, patterns, requirements, tables."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from smol_dev.languages.standard import LAST_WORD, NOT_JUDGED, WHOLE, Parsed, stopped

DIRECTIVE: Final = r"(?:module|go|toolchain|require|replace|exclude|retract|godebug|ignore|tool)"
NAME: Final = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])? *+(?:\[[\w., -]*+\] *+)?"
VERSION: Final = r"[=!~<>]{1,3} *+[\w.*+!-]++(?:=\w+)? *+"
VERSIONS: Final = rf"(?:@.*|\(?{VERSION}(?:, *+{VERSION})*+,? *+\)?)? *+"
WORD: Final = r"[\w.*/\\~()&'=-][\w.*/\\~()&'=+-]*"
"""A word of a file name with blanks, such as `Temporary Items`."""

ENTRIES: Final = {
    language: re.compile(rf"\A(?:{pattern})\Z")
    for language, pattern in {
        "dotenv": r" *(?:export +)?[A-Za-z_][\w.-]* *=.*|(?:export )?[A-Z_][A-Z\d_]*",
        "ini": r"\[.+\]\s*(?:[#;].*)?|\s+\S.*|[^\s=:][^=:]*[=:].*|\w(?:[\w.-]*[\w-])?\s*(?:[#;].*)?",
        "properties": r"!.*|\s*(?:[^\s=:\\]|\\.)+\s*[=:].*|\S*[^.:!?\s]",
        "requirements": (
            rf"-{{1,2}}\w.*|{NAME}{VERSIONS}(?:(?:;|#|--).*)?|"
            r"\.|(?:[\w+-]+://|file:|\.{0,2}/[^/]|\$\{|[\w./-]+\.(?:whl|zip|gz)\b|[\w.-]+/).*"
        ),
        "ignore": (
            rf"(?!\+)(?:\S|\\ )++(?<![.:?!;,])|(?=\S*[*./\]])\S+\?|[^\w\s]*\.|!?{WORD}(?: {WORD}){{1,4}}(?<![.!?:])"
        ),
        "gitattributes": (
            r"(?:(?=\S*[*./\[\]\"])\S++(?<!\w[.:!?])|\w++)(?:\s++[-!]?+[\w.-]*+(?:\*|(?<=\w))(?:=\S*+)?+)*+"
        ),
        "codeowners": r"\^?\[.*|(?:\\ |\S)++(?<![.:!?])(?:\s+\S*@\S+)*(?:\s#.*)?",
        "procfile": r"[\w-]+:\s*\S.*",
        "gomod": rf"{DIRECTIVE} *\(.*|\s*\)|\s+.*|{DIRECTIVE}\s+\S.*|//.*",
        "gosum": r"\S+ v\S+ h1:[\w+/]+=*",
    }.items()
}
"""What a line is that is no comment."""

LINES: Final = frozenset({"csv", *ENTRIES})
COMMENT: Final = re.compile(r"\s*(?:[#;].*)?")
OPEN: Final = re.compile(r"""[^=#\n]*=\s*(?:"(?:[^"\\]|\\.)*|'[^']*|`[^`]*)""")
"""A setting whose quoted value goes on in the next line."""

LONGEST_VALUE: Final = 60
"""Lines."""

DELIMITERS: Final = ",;\t|"
RULED: Final = re.compile(r"^\|?(?: *:?-{3,}:? *\|)+(?: *:?-{3,}:?)? *$", re.MULTILINE)
"""The line below the head of a table in Markdown."""

NO_ENTRY: Final = "this line is no entry of such a file"
CUT: Final = "the file ends in the middle"


def judge(language: str, text: str) -> Parsed:
    """Return whether every line of a text is an entry of its language; none says whether others follow it."""
    text = text.rstrip("\n") + "\n"
    if language == "csv":
        return _table(text)
    position = 0
    for entry in _logical_lines(language, text):
        line = entry.replace("\\\n", " ").rstrip()
        if not (COMMENT.fullmatch(line) or ENTRIES[language].match(line)):
            unfinished = position > 0 and LAST_WORD.match(text, position) is not None
            return stopped(text, position, NO_ENTRY, unfinished=unfinished)
        position += len(entry)
    is_open = text.endswith("\\\n") or (language == "gomod" and text.rfind("(\n") > text.rfind("\n)"))
    return stopped(text, len(text) - 1, CUT, unfinished=True) if is_open else WHOLE


def _logical_lines(language: str, text: str) -> Iterator[str]:
    """Yield each line with those that it goes on in: behind a backslash, or in a quoted value."""
    lines = [f"{line}\n" for line in re.split(r"(?<!\\)\n", text.removesuffix("\n"))]
    number = 0
    while number < len(lines):
        entry = lines[number]
        number += 1
        if language == "dotenv" and OPEN.fullmatch(entry.rstrip()):
            rest = lines[number : number + LONGEST_VALUE]
            closing = next((at for at, line in enumerate(rest, 1) if line.rstrip().endswith(("'", '"', "`"))), 0)
            entry = (entry + "".join(rest[:closing])).replace("\n", " ") if closing else entry
            number += closing
        yield entry


def _table(text: str) -> Parsed:
    """Return whether the rows of a text have as many fields as each other, with any of the usual delimiters.

    Rows of several widths may be a table as well, but not where one is no more than a field.
    """
    if (ruled := RULED.search(text)) is not None:
        return stopped(text, ruled.start(), NO_ENTRY, unfinished=False)
    verdicts = [_columns(text, delimiter) for delimiter in DELIMITERS if delimiter in text]
    if verdicts:
        return next((one for one in verdicts if one.whole), verdicts[0])
    lines = text.strip().split("\n")
    is_said = len(lines) == 1 and re.search(r"[^\w@.-]|\.$", lines[0])
    return stopped(text, 0, NO_ENTRY, unfinished=False) if is_said else NOT_JUDGED


def _columns(text: str, delimiter: str) -> Parsed:
    lines = text.split("\n")
    rows = _rows(lines, delimiter, strict=True)
    if rows is None and text.count('"') % 2:
        return stopped(text, len(text) - 1, CUT, unfinished=True)
    rows = rows or _rows(lines, delimiter, strict=False) or []
    widths = {width for _, width in rows}
    if len(widths) < 2:  # noqa: PLR2004 - all alike
        return NOT_JUDGED if widths <= {1} else WHOLE
    most = Counter(width for _, width in rows).most_common(1)[0][0]
    first = next((number for number, width in rows if width != most), 0)
    is_cut = first == rows[-1][0] and rows[-1][1] < most
    lone = first if is_cut else next((number for number, width in rows if width == 1), 0)
    offset = sum(len(line) + 1 for line in lines[: lone - 1])
    return stopped(text, offset, NO_ENTRY, unfinished=is_cut) if lone else NOT_JUDGED


def _rows(lines: list[str], delimiter: str, *, strict: bool) -> list[tuple[int, int]] | None:
    """Return the number of the last line of each row, and how many fields it has; None for quotes that do not match."""
    reader = csv.reader(lines, delimiter=delimiter, strict=strict)
    try:
        return [(reader.line_num, len(row)) for row in reader if row and not row[0].startswith("#")]
    except csv.Error:
        return None

"""Texts that were altered line by line or character by character, and the one way back (C6, C11)."""

import json
import re
from typing import Final

from smol_dev.replies.kinds import JAVASCRIPT, MARKDOWN, PYTHON, TEXT, Kind
from smol_dev.replies.scan import scan, without_strings_and_comments
from smol_dev.replies.syntax import is_python, is_python_program

NUMBERED: Final = re.compile(
    r"^[ \t]*[\[(L]?0{0,4}(\d{1,6})(?:[ \t]*([|│┃:→⟶.)\]>-]{1,2}|│)|(?=\s)|$)(\t|)(.*)$"
)
ENTITY: Final = re.compile(
    r"&(lt|gt|amp|quot|apos|nbsp|#39|#x27|#34|#x22|#60|#x3c|#62|#x3e|#38|#x26|#96|#x60);",
    re.IGNORECASE,
)
ENTITIES: Final = {
    "lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "nbsp": " ", "#39": "'", "#x27": "'",
    "#34": '"', "#x22": '"', "#60": "<", "#x3c": "<", "#62": ">", "#x3e": ">", "#38": "&",
    "#x26": "&", "#96": "`", "#x60": "`",
}  # fmt: skip
RAW_MARKUP: Final = re.compile(r"<|&(?!(?:[A-Za-z]{2,8}|#\w{1,6});)")
INDENT: Final = re.compile(r"^[ \t\u00a0\u2007\u202f]+", re.MULTILINE)
LITERAL_NEWLINE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\n")
ESCAPED_CHARACTER: Final = re.compile(r"\\(.)", re.DOTALL)
QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|`(?:[^`\\]|\\.)*+`")
PLAIN: Final = {"n": "\n", "t": "\t", "r": "", '"': '"', "'": "'", "\\": "\\", "/": "/"}


def without_numbers(text: str, kind: Kind) -> str | None:
    """Return the text without the line numbers, if every line carries its own, from 1."""
    lines = text.strip("\n").split("\n")
    if len(lines) < 2:  # noqa: PLR2004 - one numbered line proves nothing
        return None
    found = []
    for number, line in enumerate(lines, 1):
        match = NUMBERED.match(line)
        if match is None or int(match[1]) != number:
            return None
        found.append(match)
    marks = {match[2] or "" for match in found if match[4]}
    tabs = {match[3] for match in found if match[4]}
    if len(marks) != 1 or len(tabs) != 1:
        return None
    mark = marks.pop() or tabs.pop()
    if kind.free_text and mark not in {"|", "│", "┃", "→", "⟶"}:
        return None
    rests = [match[4] for match in found]
    if mark != "\t" and all(rest.startswith(" ") for rest in rests if rest.strip()):
        rests = [rest[1:] for rest in rests]
    return "\n".join(rest.rstrip() if not rest.strip() else rest for rest in rests)


def without_entities(text: str, kind: Kind) -> str | None:
    """Return the text with its entities decoded, if `<` and `&` were escaped throughout."""
    if kind.markup or kind.free_text or RAW_MARKUP.search(text) or not ENTITY.search(text):
        return None
    if kind is JAVASCRIPT and "</" in text:
        return None
    if not ENTITY.search(without_strings_and_comments(text, kind)):
        return None
    decoded = ENTITY.sub(lambda match: ENTITIES[match[1].lower()], text)
    if kind is PYTHON and is_python(text) and not is_python(decoded):
        return None
    return decoded


def with_real_newlines(text: str, kind: Kind) -> str | None:
    r"""Return the lines of a file that was written on one line with literal `\\n` between them."""
    line = text.strip()
    if "\n" in line or len(LITERAL_NEWLINE.findall(line)) < 1:
        return None
    if line[0] == '"' and line[-1] == '"' and (whole := json_string(line)) is not None:
        return whole if "\n" in whole and not is_lone_string(whole, kind) else None
    if kind is PYTHON:
        return python_newlines(line)
    outside = QUOTED.sub("", line)
    if not LITERAL_NEWLINE.search(outside) and not kind.free_text:
        return None
    if kind.free_text and len(LITERAL_NEWLINE.findall(line)) < (1 if line.endswith("\\n") else 2):
        return None
    if kind is TEXT and re.search(r"[\\^$]{2}|\\[sdwb]|[A-Z]:\\", line):
        return None
    return fully_decoded(line) if is_escaped_throughout(line) else decoded_outside_strings(line)


def python_newlines(line: str) -> str | None:
    """Return the first decoding of a one-line Python text that compiles."""
    if is_python(line):
        return None
    candidates = [fully_decoded(line), decoded_outside_strings(line)]
    if not is_escaped_throughout(line):
        candidates.reverse()
    return next((candidate for candidate in candidates if is_python_program(candidate)), None)


def is_escaped_throughout(line: str) -> bool:
    """Tell whether quotes are escaped as well, so that the whole is the inside of a string."""
    return ('\\"' in line and not re.search(r'(?<!\\)"', line)) or ("\\\\n" in line)


def fully_decoded(line: str) -> str:
    """Return the text a JSON string with this inside would mean."""
    return ESCAPED_CHARACTER.sub(lambda match: PLAIN.get(match[1], match[0]), line)


def decoded_outside_strings(line: str) -> str:
    r"""Return the line with `\\n` and `\\t` decoded where they are not inside quotes."""
    parts = []
    position = 0
    for match in QUOTED.finditer(line):
        parts.append(between(line[position : match.start()]))
        parts.append(match.group())
        position = match.end()
    parts.append(between(line[position:]))
    return "".join(parts)


def between(text: str) -> str:
    """Return text outside strings with its line and tab escapes decoded."""
    return text.replace("\\r", "").replace("\\n", "\n").replace("\\t", "\t")


def json_string(text: str) -> str | None:
    """Return the text of a JSON string, or None when it is not one."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def is_lone_string(text: str, kind: Kind) -> bool:
    """Tell whether the decoded text is no program, so that the quotes were the file's own."""
    return kind is PYTHON and not is_python_program(text)


def with_plain_indent(text: str, kind: Kind) -> str:
    """Return the text with ordinary spaces for no-break spaces in indentation."""
    if not any(mark in text for mark in "\u00a0\u2007\u202f") or kind is TEXT:
        return text
    inside = [
        span
        for span in scan(text, kind)
        if span.role == "string" and "\n" in text[span.start : span.end]
    ]
    if inside and kind is not MARKDOWN:
        first = inside[0].start
        return INDENT.sub(spaced, text[:first]) + INDENT.sub(spaced, text[first:])
    return INDENT.sub(spaced, text)


def spaced(match: re.Match[str]) -> str:
    """Return the indentation with ordinary spaces."""
    return re.sub("[\u00a0\u2007\u202f]", " ", match[0])


def without_common_indent(text: str) -> str:
    """Return the text without the indentation that all its lines share."""
    filled = [line for line in text.split("\n") if line.strip()]
    if not filled or not filled[0][:1].isspace():
        return text
    common = shared_indent(filled)
    if not common:
        return text
    return "\n".join(
        line[len(common) :] if line.startswith(common) else line.lstrip()
        for line in text.split("\n")
    )


def shared_indent(lines: list[str]) -> str:
    """Return the white space with which every line begins."""
    smallest, largest = min(lines), max(lines)
    size = 0
    limit = min(len(smallest), len(largest))
    while size < limit and smallest[size] == largest[size] and smallest[size] in " \t":
        size += 1
    return smallest[:size]

"""An answer without fences: which of its lines are the file and which speak about it (C5)."""

import json
import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.kinds import (
    HASHED,
    HTML,
    INI,
    JSON,
    MARKDOWN,
    PYTHON,
    TEXT,
    XML,
    YAML,
    Kind,
    kind_named,
)
from smol_dev.replies.labels import is_valid_line, names
from smol_dev.replies.prose import SENTENCE_END, is_comment, is_lead, is_sentence, is_tail
from smol_dev.replies.scan import scan
from smol_dev.replies.syntax import is_json, is_python

LANGUAGE_LINE: Final = re.compile(r"^(?:copy code|([\w+#]{1,12})(?:\s*copy code)?)$", re.IGNORECASE)
RULE: Final = re.compile(r"^\s*(?:-{3,}|={3,}|\*{3,}|_{3,})\s*$")
MAX_PARAGRAPHS: Final = 40
SHORT_RULE: Final = re.compile(r"^(?:-{3,5}|\*{3,5}|_{3,5})\s*$")
END_RULER: Final = re.compile(
    r"^\s*(?:[-=*#<]{2,}|\[)\s*(?:/?end(?:[ _-]?of)?(?:[ _-]?(?:file|code))?|eof|/file)\b[:\s]*"
    r"(?:[`\w./\\-]+\.\w+`?)?\s*(?:[-=*#>]{2,}|\])?\s*$",
    re.IGNORECASE,
)
COMMAND: Final = re.compile(
    r"^\s*(?:\$ |> |% )?(?:sudo |npx )?(?:pip3?|npm|npx|yarn|pnpm|cd|mkdir|touch|python3?|node|git|docker|"
    r"docker-compose|cargo|go (?:run|build|get|mod)|flask|uvicorn|gunicorn|apt(?:-get)?|brew|curl|wget|"
    r"source|\./[\w./-]+|make|chmod|bash|sh|bun|deno|java|javac|dotnet|ruby|bundle|php|composer|"
    r"poetry|uv|pytest|streamlit|django-admin|rails|mvn|gradle|open|start|ls|cp|mv|rm)(?:\s|$)"
)
UNMISTAKABLE: Final = ('"""', "'''", "/*", "<!--")
BULLET: Final = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
SELF_ENDING: Final = frozenset({"html", "xml"})


@dataclass(frozen=True, slots=True)
class Unfenced:
    """The file's lines, and whether words to the user followed them."""

    text: str
    followed: bool
    rules: tuple[str, ...] = ()


def without_prose(text: str, *, kind: Kind, path: str) -> Unfenced:
    """Return the file in an unfenced answer; the text is empty when all of it is talk."""
    if kind is JSON and not is_json(text) and (value := json_inside(text)):
        return value
    lines = text.split("\n")
    start = leading(lines, kind, path)
    if start >= len(lines):
        return Unfenced("", followed=False, rules=("C5 only prose",))
    if kind in {HTML, XML}:
        start, end = markup_bounds(lines, start, kind)
    else:
        end = trailing(lines, start, kind)
        last = lines[end - 1] if end > start > 0 else ""
        if END_RULER.match(last) and not is_comment(last, kind):
            end = trailing(lines, start, kind, end - 1)
    rules = tuple(
        rule for rule, fired in (("C5 lead", start > 0), ("C5 tail", end < len(lines))) if fired
    )
    return Unfenced("\n".join(lines[start:end]), followed=end < len(lines), rules=rules)


def json_inside(text: str) -> Unfenced | None:
    """Return the JSON value that stands between lines of prose."""
    for match in re.finditer(r"^[ \t]*(?=[{\[])", text, re.MULTILINE):
        try:
            _, end = json.JSONDecoder().raw_decode(text, match.end())
        except (ValueError, RecursionError):
            return None
        before, after = text[: match.start()].strip(), text[end:].strip()
        if after.startswith(("{", "[")):
            return None
        return Unfenced(
            text[match.end() : end],
            followed=bool(after),
            rules=("C5 lead",) * bool(before) + ("C5 tail",) * bool(after),
        )
    return None


def leading(lines: list[str], kind: Kind, path: str) -> int:
    """Return the number of the first line that belongs to the file."""
    number = talks = 0
    while number < len(lines) and talks < MAX_PARAGRAPHS:
        line = lines[number]
        if not line.strip() or (talks and is_separator(lines, number, kind)):
            number += 1
            continue
        if is_label_line(lines, number, kind, path):
            number += 1
            talks += 1
            continue
        if not is_front_matter(line, kind) and is_talk_at(lines, number, kind, first=not talks):
            number = paragraph_end(lines, number, kind)
            talks += 1
            continue
        break
    return number


def is_separator(lines: list[str], number: int, kind: Kind) -> bool:
    """Tell whether a line is a rule on its own, not above a title or around front matter."""
    following = lines[number + 1] if number + 1 < len(lines) else ""
    rule = SHORT_RULE if kind.free_text else RULE
    return kind is not YAML and bool(rule.match(lines[number])) and not following.strip()


def is_front_matter(line: str, kind: Kind) -> bool:
    """Tell whether a line opens a file rather than talk, whatever it says."""
    return line.startswith(("---", "#!", "<")) or (
        kind is MARKDOWN and line.startswith(("# ", "## "))
    )


def is_label_line(lines: list[str], number: int, kind: Kind, path: str) -> bool:
    """Tell whether a line only names the requested file, or its language, and more follows."""
    line = lines[number]
    rest = next((following for following in lines[number + 1 :] if following.strip()), None)
    if rest is None:
        return False
    word = LANGUAGE_LINE.match(line.strip())
    if word and (word[1] is None or kind_named(word[1]) is kind) and not kind.free_text:
        return kind is not YAML and kind not in {HASHED, INI}
    if not names(line, path):
        return False
    return not is_valid_line(line, rest, kind, path)


def is_talk_at(lines: list[str], number: int, kind: Kind, *, first: bool) -> bool:
    """Tell whether the paragraph that begins at a line announces the file."""
    if kind.free_text and not first:
        return False
    if not is_lead(lines[number], kind):
        return not kind.free_text and is_prose_paragraph(lines, number, kind)
    if kind in {YAML, INI, HASHED} and not is_sentence(lines[number]):
        return number + 1 >= len(lines) or not lines[number + 1][:1].isspace()
    return True


def is_prose_paragraph(lines: list[str], number: int, kind: Kind) -> bool:
    """Tell whether the lines up to the next empty one are one wrapped sentence or a list of them."""
    end = paragraph_end(lines, number, kind)
    part = lines[number:end]
    if any(is_comment(line, kind) for line in part) or len(part) > 40:  # noqa: PLR2004 - no paragraph
        return False
    if BULLET.match(part[0]):
        return all(BULLET.match(line) for line in part) and any(is_sentence(line) for line in part)
    joined = " ".join(line.strip() for line in part)
    return len(part) > 1 and is_sentence(joined) and bool(SENTENCE_END.search(joined))


def paragraph_end(lines: list[str], number: int, kind: Kind) -> int:
    """Return the line behind the talk that begins at a line: one line, or a wrapped paragraph."""
    end = number + 1
    while end < len(lines) and lines[end].strip() and end - number < 40:  # noqa: PLR2004 - no paragraph
        end += 1
    part = lines[number:end]
    if kind.free_text or len(part) == 1 or any(is_comment(line, kind) for line in part):
        return number + 1
    joined = " ".join(line.strip() for line in part)
    wrapped = is_sentence(joined) and not lines[number].rstrip().endswith((":", "."))
    listed = BULLET.match(part[0]) and all(BULLET.match(line) for line in part)
    return end if wrapped or listed else number + 1


def markup_bounds(lines: list[str], start: int, kind: Kind) -> tuple[int, int]:
    """Return where markup begins and ends: from its first tag to its last."""
    end = len(lines)
    while end > start and not lines[end - 1].strip():
        end -= 1
    closing = "</html>" if kind is HTML else "</"
    for number in range(len(lines) - 1, start - 1, -1):
        line = lines[number].strip().lower()
        if closing in line or (line.endswith(">") and "<" in line) or line.endswith("-->"):
            behind = [line for line in lines[number + 1 : end] if line.strip()]
            if behind and all(talks(line, kind) for line in behind[:1]):
                return start, number + 1
            return start, end
    return start, end


def talks(line: str, kind: Kind) -> bool:
    """Tell whether a line behind the file speaks to the user."""
    return is_tail(line, kind) or bool(BULLET.match(line))


def trailing(lines: list[str], start: int, kind: Kind, end: int | None = None) -> int:
    """Return the number of the line behind the file's last one, looking back from `end`."""
    end = len(lines) if end is None else end
    while end > start and not lines[end - 1].strip():
        end -= 1
    if kind.free_text:
        return trailing_words_to_user(lines, start, end, kind)
    cut = end
    number = end
    for _ in range(MAX_PARAGRAPHS):
        if number <= start + 1:
            break
        first = number - 1
        while first > start and lines[first - 1].strip():
            first -= 1
        if not is_explanation(lines, first, number, kind) or is_inside(lines, first, kind):
            break
        cut = first
        number = first
        while number > start and not lines[number - 1].strip():
            number -= 1
    if cut == end or cut <= start or (kind is PYTHON and is_python("\n".join(lines[start:]))):
        return end if cut == end else whole_or(lines, start, cut, end, kind)
    return with_heading(lines, start, cut)


def whole_or(lines: list[str], start: int, cut: int, end: int, kind: Kind) -> int:
    """Return the end of a text that is valid as it stands, so that nothing goes."""
    return (
        cut
        if cut > start and not is_python("\n".join(lines[start:end])) and kind is PYTHON
        else end
    )


def is_explanation(lines: list[str], first: int, end: int, kind: Kind) -> bool:
    """Tell whether a paragraph behind the file is talk, a list, or a command to try."""
    part = lines[first:end]
    if any(is_comment(line, kind) and not re.match(r"#{2,6} \w", line) for line in part):
        return False
    joined = " ".join(line.strip() for line in part)
    if talks_first(part, kind) or (is_sentence(joined) and SENTENCE_END.search(joined)):
        return True
    if all(BULLET.match(line) or line[:1].isspace() for line in part) and BULLET.match(part[0]):
        return kind is not YAML
    before = next((line for line in reversed(lines[:first]) if line.strip()), "")
    shown = all(line.startswith(("    ", "\t")) for line in part) and kind not in {
        YAML,
        INI,
        HASHED,
    }
    return (
        (shown or all(COMMAND.match(line) for line in part))
        and is_tail(before, kind)
        and before.rstrip().endswith(":")
    )


def is_inside(lines: list[str], number: int, kind: Kind) -> bool:
    """Tell whether a line is in the middle of a string or comment that ends later or was cut off."""
    text = "\n".join(lines)
    position = sum(len(line) + 1 for line in lines[:number])
    return any(
        span.start < position < span.end
        and (span.closed or text.startswith(UNMISTAKABLE, span.start))
        for span in scan(text, kind)
    )


def talks_first(part: list[str], kind: Kind) -> bool:
    """Tell whether a paragraph begins with words to the user and is not code below a name."""
    if not is_tail(part[0], kind):
        return False
    return not (kind.brackets and re.fullmatch(r"[a-z_]\w*:", part[0].strip()))


def with_heading(lines: list[str], start: int, cut: int) -> int:
    """Return the cut moved before a heading, rule or announcement right above the explanation."""
    number = cut
    while number > start + 1:
        line = lines[number - 1]
        heading = re.match(r"#{2,6} +\w[^{}=;()]{0,60}$|\*\*[^*]{1,60}\*\*:?$", line)
        if line.strip() and not (heading or RULE.match(line)):
            break
        number -= 1
    return number if number > start else cut


def trailing_words_to_user(lines: list[str], start: int, end: int, kind: Kind) -> int:
    """Return the end of a text file without a last paragraph that speaks to the user."""
    first = end
    while first > start and lines[first - 1].strip():
        first -= 1
    if first <= start or not is_tail(lines[first], kind) or (kind is TEXT and end - first > 2):  # noqa: PLR2004
        return end
    while first > start and (not lines[first - 1].strip() or SHORT_RULE.match(lines[first - 1])):
        first -= 1
    return first

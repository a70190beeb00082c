"""Whether a text is visibly cut off, or complete in itself (rule C7)."""

import re
from typing import Final

from smol_dev.replies.kinds import CSS, DASHED, HTML, JSON, PYTHON, TOML, XML, Kind
from smol_dev.replies.scan import scan, without_strings_and_comments
from smol_dev.replies.syntax import is_json, is_python, python_problem, toml_problem

UNFINISHED_LINE: Final = re.compile(
    r"(?:[{(\[,=+*/&|^?~]|(?<![-])-|(?<![\w\"')\]])[.:]|=>|->|\\)\s*$"
)
NEEDS_MORE: Final = re.compile(
    r"never closed|unexpected EOF|unterminated triple|expected an indented block|was not closed"
)


def is_complete(text: str, kind: Kind) -> bool:
    """Tell whether the text shows its own end, as JSON and HTML do."""
    end = text.rstrip()
    if kind is JSON:
        return is_json(end)
    if kind is HTML:
        return end.lower().endswith(("</html>", "</template>")) or bool(
            re.search(r"</(?:style|script)>$", end) and re.search(r"^\s*<(?:template|script)", text)
        )
    if kind is XML:
        return is_whole_element(end)
    return False


def is_whole_element(text: str) -> bool:
    """Tell whether a text ends with the closing tag of its root element."""
    root = re.search(r"<([A-Za-z][\w:.-]*)", text)
    return root is not None and text.endswith((f"</{root[1]}>", "/>"))


def is_cut(text: str, kind: Kind) -> bool:
    """Tell whether the text visibly stops in the middle."""
    end = text.rstrip()
    if not end or kind.free_text:
        return False
    if kind is PYTHON:
        return is_cut_python(end)
    if kind is JSON:
        return not is_json(end) and depth(end, kind) > 0
    if kind in {HTML, XML}:
        return is_cut_markup(end, kind)
    if kind is TOML:
        return toml_problem(end) is not None and (ends_inside(end, kind) or depth(end, kind) > 0)
    last = end.rpartition("\n")[2]
    unfinished = UNFINISHED_LINE.search(last) and kind is not CSS
    if last[0] in "}])#" and not unfinished:
        return False
    if ends_inside(end, kind) and (unfinished or last[0].isspace()):
        return True
    if kind is DASHED and unfinished and depth(end, kind) > 0:
        return True
    if not kind.brackets or ends_in_comment(end, kind):
        return False
    return bool(unfinished) or (depth(end, kind) > 0 and last[0].isspace())


def ends_inside(text: str, kind: Kind) -> bool:
    """Tell whether the text stops in a string or comment that spans lines."""
    spans = scan(text, kind)
    return bool(spans) and not spans[-1].closed


def ends_in_comment(text: str, kind: Kind) -> bool:
    """Tell whether the last thing is a finished comment."""
    spans = scan(text, kind)
    return bool(spans) and spans[-1].role == "comment" and spans[-1].end == len(text)


def is_cut_python(text: str) -> bool:
    """Tell whether a Python text fails to compile because it stops too early."""
    problem = python_problem(text)
    if problem is None:
        return False
    line = int(re.findall(r"\d+", problem)[0])
    at_end = line >= text.count("\n") + 1
    return (
        at_end
        or bool(NEEDS_MORE.search(problem) and depth(text, PYTHON) > 0)
        or "triple" in problem
    )


def is_cut_markup(text: str, kind: Kind) -> bool:
    """Tell whether markup stops inside a tag, or with its outer elements open."""
    lower = text.lower()
    if lower.rfind("<") > lower.rfind(">"):
        return True
    if kind is XML:
        return not is_whole_element(text) and not text.endswith("-->")
    pairs = (("<html", "</html>"), ("<body", "</body>"))
    still_open = [
        opening for opening, closing in pairs if opening in lower and closing not in lower
    ]
    if any(lower.rfind(f"<{tag}") > lower.rfind(f"</{tag}") for tag in ("script", "style")):
        return True
    return still_open == ["<html", "<body"]


def depth(text: str, kind: Kind) -> int:
    """Return how many more brackets were opened than closed outside strings and comments."""
    code = without_strings_and_comments(text, kind)
    return max(code.count(opening) - code.count(closing) for opening, closing in ("()", "[]", "{}"))


def reads_as(text: str, kind: Kind) -> bool | None:
    """Tell whether the text is valid in its language; None when nothing here can check that."""
    if kind is PYTHON:
        return is_python(text)
    if kind is JSON:
        return is_json(text)
    return None

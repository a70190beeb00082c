"""Whether a text holds code at all, or only words about it (rule C10)."""

import re
from typing import Final

from smol_dev.replies.kinds import HASHED, INI, PYTHON, YAML, Kind
from smol_dev.replies.prose import SENTENCE_END, is_comment, is_sentence, plain
from smol_dev.replies.syntax import is_python
from smol_dev.replies.unfenced import BULLET, COMMAND

CODE_LINE: Final = re.compile(
    r"[{}()\[\]=;<>]|^\s*(?:import|from|def|class|return|if|for|while|else|try|use|package|@|#|//|--|"
    r"\$|\.|fn|let|var|const|func|pub|end|do|then|echo|FROM|RUN|CMD|COPY|ENV|WORKDIR|EXPOSE)\b|^\s*[-\w.\"']+:(?:\s|$)|"
    r"^\s*[@#.$/!*-]|^\s*\w+$"
)


def has_code(text: str, kind: Kind) -> bool:
    """Tell whether at least one line can be code rather than words or shell commands."""
    lines = [line for line in text.split("\n") if line.strip()]
    if kind.free_text:
        return not (len(lines) == 1 and plain(lines[0]).endswith("?"))
    if kind.name != "shell" and all(COMMAND.match(line) for line in lines):
        return kind in {HASHED, YAML, INI}
    if kind is PYTHON and re.fullmatch(r"\s*\w+\s*", text):
        return False
    if kind is PYTHON and is_python(text):
        return True
    if not kind.brackets and kind is not PYTHON:
        return any(not is_sentence(line) for line in lines)
    if all(BULLET.match(line) for line in lines):
        return False
    return any(
        is_comment(line, kind) or (CODE_LINE.search(line) and not is_sentence(line))
        for line in lines
    ) or (kind.brackets and not any(map(starts_or_ends_as_prose, text.split("\n\n"))))


def starts_or_ends_as_prose(paragraph: str) -> bool:
    """Tell whether a paragraph has the capital letter or the full stop of a sentence."""
    text = plain(paragraph)
    return text[:1].isupper() or bool(SENTENCE_END.search(text)) or "`" in text

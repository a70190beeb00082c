"""Whether an answer is the file as it stands, its fences being part of it (rule C1)."""

import re
from typing import Final

from smol_dev.replies.fences import Block
from smol_dev.replies.kinds import JSON, MARKDOWN, OTHER, PYTHON, TOML, YAML, Kind
from smol_dev.replies.labels import label_in, mentioned_paths, names, same_file
from smol_dev.replies.prose import is_lead, is_sentence
from smol_dev.replies.scan import scan
from smol_dev.replies.syntax import is_json, is_python, toml_problem
from smol_dev.replies.unfenced import RULE

PLAIN: Final = Kind("plain", frozenset())


def is_raw(
    text: str, lines: list[str], blocks: list[Block], *, kind: Kind, path: str, cut: bool
) -> bool:
    """Tell whether the answer is the file as it stands, its fences being part of it (C1)."""
    first = blocks[0]
    if kind is PYTHON and is_python(text):
        return first.first > 0 or lines[0].startswith(("'", '"')) is False
    if kind is JSON:
        return is_json(text)
    if kind is TOML and toml_problem(text) is None:
        return True
    before = [line for line in lines[: first.first] if line.strip()]
    if kind.free_text:
        return is_raw_text(before, first, kind, path) and not has_own_block(
            blocks, lines, kind, path
        )
    code = [line for line in before if not is_announcement(line)]
    if not code:
        return False
    spans = scan(text, kind)
    position = sum(len(line) + 1 for line in lines[: first.first])
    if any(
        span.start < position < span.end
        and (span.closed or cut or kind is PYTHON)
        and "\n" in text[span.start : position]
        for span in spans
    ):
        return True
    indented = lines[first.first].startswith((" ", "\t"))
    return indented and kind in {YAML, OTHER} and not is_announcement(before[0])


def is_announcement(line: str) -> bool:
    """Tell whether a line in front of a fence is talk, a list item or a label, not code."""
    if is_lead(line, PLAIN) or is_sentence(line) or RULE.match(line) or label_in(line) is not None:
        return True
    heading = re.match(r"(?:#{1,6}|\*\*|\d{1,3}[.)]|[-*+•]|>)\s*\S", line)
    return bool(heading) or (
        line.rstrip().endswith((":", "：")) and not line.startswith((" ", "\t"))
    )


def is_raw_text(before: list[str], first: Block, kind: Kind, path: str) -> bool:
    """Tell whether text in front of the first fence begins the file rather than announces it."""
    content = [
        line
        for line in before
        if not is_lead(line, kind) and not RULE.match(line) and not names(line, path)
    ]
    if not content:
        return False
    own = first.kind is kind or (first.kind is None and kind is not MARKDOWN)
    headings = any(re.match(r"#{1,6} \S", line) for line in content)
    if headings or not own:
        return True
    announced = first.kind is kind and all(is_announcement(line) for line in content)
    return not (announced or all(is_sentence(line) or label_in(line) for line in content))


def has_own_block(blocks: list[Block], lines: list[str], kind: Kind, path: str) -> bool:
    """Tell whether a block of this kind stands right below a line that names the file."""
    for block in blocks:
        above = next(
            (
                line
                for line in reversed(lines[max(0, block.first - 3) : block.first])
                if line.strip()
            ),
            "",
        )
        if block.kind is kind and any(
            same_file(name, path) for name in [label_in(above) or "", *mentioned_paths(above)]
        ):
            return True
    return False

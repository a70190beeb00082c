"""One answer → the text of the one file it was asked for.

The passes, in order: envelope (G1), then wrappers (C6), the answer as it stands (C1), fences and the
choice among them (C2–C4), prose around unfenced code (C5), then what was done to the text line by line
(C6, C11), and last the verdicts on what is left (G2, C7–C10).
"""

from typing import Final

from smol_dev.errors import Reason
from smol_dev.replies import escapes
from smol_dev.replies.complete import is_complete, is_cut
from smol_dev.replies.envelope import open_envelope
from smol_dev.replies.extract import find
from smol_dev.replies.found import Found, Request
from smol_dev.replies.kinds import JSON, kind_of
from smol_dev.replies.labels import without_label
from smol_dev.replies.placeholders import left_out
from smol_dev.replies.prose import is_refusal, is_sentence
from smol_dev.replies.repetition import is_loop
from smol_dev.replies.syntax import is_json
from smol_dev.replies.verdicts import Code, Rejected, code_rejected

LONG: Final = 100_000
CUT: Final = frozenset({"length", "max_tokens", "content_filter"})


def read_code(answer: str, *, path: str, finish_reason: str | None) -> Code | Rejected:
    """Return the file that `answer` contains for `path`, or the reason why no one could tell.

    The time is linear in the length of the answer, whatever it is.
    """
    kind = kind_of(path)
    was_cut = finish_reason in CUT
    envelope = open_envelope(answer, kind=kind, cut=was_cut)
    request = Request(path, kind, cut=was_cut and not envelope.stopped)
    text = without_blank_ends(envelope.text)
    if envelope.lost:
        return code_rejected(reason("truncated" if was_cut else "no_code", answer, request))
    if not text.strip():
        return code_rejected("empty")
    if is_refusal(text, kind):
        return code_rejected("refusal")
    if len(text) > LONG and not kind.free_text and is_loop(text, counting=request.cut):
        return code_rejected("degenerate")
    found = find(text, request)
    if not isinstance(found, Found):
        return code_rejected(reason(found, text, request))
    return verdict(restored(found.after(*envelope.rules), request), request)


def reason(found: Reason, text: str, request: Request) -> Reason:
    """Return the clearest reason: an endless or cut-off answer explains that no file was found."""
    if request.cut and is_loop(text):
        return "degenerate"
    if request.cut and found == "no_code":
        return "truncated"
    return found


def restored(found: Found, request: Request) -> Found:
    """Return the text as the file has it: without label, numbers, entities and foreign indentation."""
    kind = request.kind
    text, rules = found.text, list(found.rules)
    steps = (
        ("C4 label", lambda old: without_label(old, path=request.path, kind=kind)),
        ("C6 line numbers", lambda old: escapes.without_numbers(old, kind)),
        ("C6 literal newlines", lambda old: escapes.with_real_newlines(old, kind)),
        ("C6 entities", lambda old: escapes.without_entities(old, kind)),
        ("C4 label", lambda old: without_label(old, path=request.path, kind=kind)),
        ("C11 no-break spaces", lambda old: escapes.with_plain_indent(old, kind)),
        ("C11 common indent", escapes.without_common_indent),
    )
    for rule, step in steps:
        if kind is JSON and rule.startswith("C6") and is_json(text):
            continue
        new = step(text)
        if new is not None and new != text:
            text = new
            rules.append(rule)
    return Found(without_blank_ends(text), found.is_open, tuple(rules), found.fenced)


def verdict(found: Found, request: Request) -> Code | Rejected:
    """Return the file, or the first reason not to write it."""
    kind, text = request.kind, found.text
    if not text.strip():
        return code_rejected("empty")
    complete = is_complete(text, kind)
    if found.is_open and not complete:
        if is_loop(text, counting=request.cut) and (request.cut or not kind.free_text):
            return code_rejected("degenerate")
        if request.cut or is_cut(text, kind):
            return code_rejected("truncated")
    if left_out(text, kind) is not None:
        return code_rejected("placeholder")
    if not kind.free_text and all(is_sentence(line) for line in text.split("\n") if line.strip()):
        return code_rejected("no_code")
    return Code(text.rstrip("\r") + "\n", found.rules)


def without_blank_ends(text: str) -> str:
    """Return the text without empty lines at its start and end and white space behind its end."""
    lines = text.split("\n")
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return "\n".join(lines[start:end])

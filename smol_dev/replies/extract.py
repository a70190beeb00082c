"""Where in an answer the requested file is: as it stands, wrapped, fenced, or between prose."""

import re
from dataclasses import replace
from typing import Final

from smol_dev.errors import Reason
from smol_dev.replies import calls, patches, tags
from smol_dev.replies.choose import candidates, choose
from smol_dev.replies.fences import Block, find_blocks
from smol_dev.replies.found import Found, Request
from smol_dev.replies.kinds import (
    HTML,
    JSON,
    MARKDOWN,
    PATCH,
    SHELL,
    TEMPLATE,
    XML,
    Kind,
)
from smol_dev.replies.labels import label_in, same_file
from smol_dev.replies.prose import is_lead, is_sentence, is_tail
from smol_dev.replies.raw import PLAIN, is_raw
from smol_dev.replies.scan import scan
from smol_dev.replies.sections import own_section
from smol_dev.replies.substance import has_code
from smol_dev.replies.unfenced import RULE, without_prose

MAX_LEAD: Final = 2_000
SHORT_SENTENCE: Final = re.compile(r"[A-Z][\w',`-]*(?: [\w',`-]+){1,5}[.!:]")
LONE_CONTENT: Final = re.compile(
    r"\s*\{\s*[\"'](?:content|contents|code|file_content|text|markdown|readme)[\"']\s*:"
)


def find(text: str, request: Request) -> Found | Reason:
    """Return the requested file in an answer, or the reason why it is not there."""
    lines = text.split("\n")
    start = opening(lines)
    wrapped = unwrap("\n".join(lines[start:]), request)
    if wrapped is not None:
        return wrapped
    blocks = find_blocks(lines, request.kind)
    stray = stray_closer(blocks, lines, start, request.kind)
    if stray is not None:
        return before_closer(lines, stray, request)
    if not blocks or is_raw(
        text, lines, blocks, kind=request.kind, path=request.path, cut=request.cut
    ):
        return find_unfenced(text, request)
    return find_fenced(blocks, lines, request)


def before_closer(lines: list[str], closer: int, request: Request) -> Found | Reason:
    """Return the file above a closing fence without opener; a cut README may just begin a block."""
    head = find_unfenced("\n".join(lines[:closer]), request)
    if not isinstance(head, Found):
        return head
    begins = request.cut and request.kind is MARKDOWN and closer == len(lines) - 1
    return replace(head.after("C2 stray closer"), is_open=begins)


def opening(lines: list[str]) -> int:
    """Return the number of the first line that is neither empty, talk, nor a label."""
    number = 0
    while number < min(len(lines), MAX_LEAD):
        line = lines[number]
        if (
            line.strip()
            and not RULE.match(line)
            and label_in(line) is None
            and not is_lead(line, PLAIN)
        ):
            return number
        if line.startswith(("--- ", "+++ ", "<")):
            return number
        number += 1
    return 0


def unwrap(text: str, request: Request) -> Found | Reason | None:
    """Return the file that the text holds in a wrapper, None when it is not wrapped."""
    kind, path = request.kind, request.path
    for edit in edits(text, request):
        if edit is not None:
            if edit.content is None:
                return "wrong_format"
            return inner(edit.content, request, is_open=not edit.closed).after(edit.rule)
    if kind is not JSON and (call := calls.from_object(text, path)) is not None:
        if call.path is not None and not same_file(call.path, path):
            return "wrong_format"
        if not kind.free_text or call.path or LONE_CONTENT.match(text):
            return inner(call.text, request, is_open=not call.closed).after("C6 object")
    return tagged(text, request)


def edits(text: str, request: Request) -> list[patches.Edit | None]:
    """Return what each reading of the text as an edit gives."""
    kind, path = request.kind, request.path
    found: list[patches.Edit | None] = []
    if kind is not PATCH and patches.DIFF_START.match(text.lstrip("\n")):
        found.append(patches.from_diff(text, path))
    if patches.SEARCH_START.match(text.lstrip("\n")):
        found.append(patches.from_search_block(text, path))
    if kind is not SHELL:
        found.append(patches.from_heredoc(text, path))
    return found


def tagged(text: str, request: Request) -> Found | Reason | None:
    """Return the file inside XML-like tags that the text begins with."""
    kind, path = request.kind, request.path
    if not tags.OPENING.match(text.lstrip("\n")):
        return cdata(text, request)
    found = tags.elements(text)
    element = tags.fitting(found, path)
    strict = kind in {HTML, XML, TEMPLATE} or kind.free_text
    if element is None:
        others = all(one.path and not same_file(one.path, path) for one in found)
        return "wrong_format" if others and not strict else None
    if element.path is None and strict and kind is not MARKDOWN:
        return None
    if kind is XML and not tags.MARKUP_START.match(element.text):
        return None
    nested = calls.from_object(element.text, path) if kind is not JSON else None
    content = nested.text if nested else element.text
    return inner(content, request, is_open=not element.closed).after("C6 tags")


def cdata(text: str, request: Request) -> Found | None:
    """Return the file inside a CDATA section that is the whole text."""
    content = tags.without_cdata(text)
    if content == text:
        return None
    return inner(content, request, is_open=False).after("C6 CDATA")


def inner(content: str, request: Request, *, is_open: bool) -> Found:
    """Return unwrapped content, without a fence that encloses all of it."""
    lines = content.strip("\n").split("\n")
    content = tags.without_cdata(content)
    if lines[0].lstrip().startswith(("```", "~~~")):
        blocks = find_blocks(lines, request.kind)
        if (
            blocks
            and blocks[0].first == 0
            and not any(line.strip() for line in lines[blocks[0].after :])
        ):
            return Found(blocks[0].body, is_open=is_open, rules=("C2 fence",), fenced=True)
    return Found(content, is_open=is_open, fenced=True)


def stops_in_string(lines: list[str], block: Block, kind: Kind) -> bool:
    """Tell whether the lines in front of a block stop in the middle of a string or comment."""
    spans = scan("\n".join(lines[: block.first]), kind)
    return bool(spans) and not spans[-1].closed


def stray_closer(blocks: list[Block], lines: list[str], start: int, kind: Kind) -> int | None:
    """Return the line of a closing fence whose opening fence is missing, or None."""
    for block in blocks:
        if block.info or (block.closed and not is_talk_only(block.body)):
            continue
        behind = block.body if not block.closed else ""
        if not any(line.strip() for line in lines[start : block.first]) or start >= block.first:
            return None
        if stops_in_string(lines, block, kind):
            continue
        earlier = [
            one
            for one in blocks
            if one.first < block.first and not stops_in_string(lines, one, kind)
        ]
        if earlier and not (lines[start].lstrip().startswith("#") and earlier[0].first > start):
            return None
        if not behind.strip() or is_talk_only(behind):
            return block.first
        return None
    return None


def is_talk_only(text: str) -> bool:
    """Tell whether every filled line speaks to the user."""
    return all(
        is_tail(line, PLAIN)
        or is_sentence(line)
        or is_lead(line, PLAIN)
        or (label_in(line) is not None and "(" not in line)
        or SHORT_SENTENCE.fullmatch(line.strip())
        for line in text.split("\n")
        if line.strip()
    )


def find_fenced(blocks: list[Block], lines: list[str], request: Request) -> Found | Reason:
    """Return the file among the fenced blocks of an answer."""
    chosen = choose(candidates(blocks, lines, request.path, request.kind), request.path)
    if isinstance(chosen, str):
        for block in blocks:
            wrapped = patched(block, request) or unwrap(block.body, request)
            if isinstance(wrapped, Found):
                return wrapped
        return chosen
    block = chosen.block
    edited = patched(block, request)
    if edited is not None:
        return edited
    body_lines = block.body.split("\n")
    wrapped = unwrap("\n".join(body_lines[opening(body_lines) :]), request)
    if wrapped is not None:
        return (
            wrapped
            if not isinstance(wrapped, Found)
            else replace(wrapped, is_open=wrapped.is_open and not block.closed)
        )
    rules: tuple[str, ...] = ("C2 fence",) if block.closed else ("C2 open fence",)
    if len(blocks) > 1:
        rules = (*rules, "C3 chosen block")
    return Found(block.body, is_open=not block.closed, rules=rules, fenced=True)


def patched(block: Block, request: Request) -> Found | Reason | None:
    """Return what a block marked as a diff makes of the file, None for any other block."""
    if block.kind is not PATCH or request.kind is PATCH:
        return None
    edit = patches.from_diff(block.body, request.path, named_diff=True)
    if edit is None:
        return None
    if edit.content is None:
        return "wrong_format"
    return Found(edit.content, not block.closed, (edit.rule,), fenced=True)


def find_unfenced(text: str, request: Request) -> Found | Reason:
    """Return the file in an answer without fences of its own."""
    section = own_section(text, request)
    if section is not None:
        return section
    file = without_prose(text, kind=request.kind, path=request.path)
    if not file.text.strip() or not has_code(file.text, request.kind):
        return "no_code"
    rules = file.rules or ("C1 as it stands",)
    return Found(file.text, is_open=not file.followed, rules=rules)

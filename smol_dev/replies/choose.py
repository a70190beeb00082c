"""Which of several fenced blocks is the requested file (C3, C4)."""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.errors import Reason
from smol_dev.replies.fences import Block
from smol_dev.replies.kinds import (
    C_LIKE,
    CSS,
    HASHED,
    HTML,
    INI,
    JSON,
    MARKDOWN,
    OTHER,
    PATCH,
    PYTHON,
    SHELL,
    TEMPLATE,
    TEXT,
    XML,
    YAML,
    Kind,
)
from smol_dev.replies.labels import (
    COMMENT,
    EXPLICIT,
    label_in,
    label_in_info,
    mentioned_paths,
    names,
    same_file,
)
from smol_dev.replies.patches import HEREDOC
from smol_dev.replies.prose import is_comment, plain
from smol_dev.replies.syntax import is_json, is_python
from smol_dev.replies.unfenced import COMMAND

FINAL: Final = re.compile(
    r"\b(?:final|corrected|updated|fixed|revised|improved|complete|full|whole|entire|working|refined|better|"
    r"new|correct|rewritten|cleaned[- ]up)\b[^.\n]{0,40}\b(?:version|code|file|implementation|solution|script|module|"
    r"program|content|contents|one|component|page|result|answer|here|stylesheet)\b|"
    r"\b(?:corrected|final|fixed|revised|korrigiert|finale?|corregid[oa]|corrigée?)\b\W*$|"
    r"^\W*(?:updated|corrected|final|fixed|revised|final version|correction|actually|wait|oops|scratch that|putting it (?:all )?together|"
    r"all together|altogether)\b|\bputting (?:it|everything) (?:all )?together|\bhere(?:'s| is) the (?:full|complete|final|corrected|updated|fixed)",
    re.IGNORECASE,
)
NOT_THE_FILE: Final = re.compile(
    r"\b(?:usage|use it|using it|use the|run (?:it|the|this|with|using)|to run|running|start (?:it|the|with)|"
    r"install|dependenc|requirements?:|output|prints?|example (?:of )?(?:use|usage|output|run|input|session|request|call)|expected|result(?:s|ing)?:|"
    r"test (?:it|this|the|with|file|case)|tests?:|unit tests?|testing|try (?:it|this)|command|terminal|"
    r"snippet|fragment|change (?:this|the|line)|replace|instead of|before:|old version|original version|previous version|"
    r"for example|e\.g\.|call it|import it|invoke|setup|set up|for instance|example:|sample|you would see|looks like this|"
    r"add (?:this|the following|these) (?:line|lines|import|to)|the (?:key|important|relevant|core|main) (?:part|line|bit|idea)|"
    r"structure|folder|directory|tree|wrong|buggy|broken|naive|first (?:attempt|draft|version|try)|draft|"
    r"then (?:run|start|install|test)|curl|deploy|build|compile)\b",
    re.IGNORECASE,
)
THE_FILE: Final = re.compile(
    r"\b(?:content|contents|implementation|code|file|version|script)\b[^.\n]{0,30}(?:of|for|in|is|:)|\bhere(?:'s| is)\b|\bcreate\b|\bbelow is\b",
    re.IGNORECASE,
)
MAX_CONTEXT: Final = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A block and what the words around it say about it.

    `label` is a path that names it; `mention` says that the sentence above speaks of the requested
    file; `announced` that it is the corrected or final one, `aside` that it is no file.
    """

    block: Block
    label: str | None
    mention: bool
    announced: bool
    aside: bool
    fits: bool
    same_kind: bool


def candidates(blocks: list[Block], lines: list[str], path: str, kind: Kind) -> list[Candidate]:
    """Return every block with something in it, described."""
    described = []
    previous_end = 0
    for block in blocks:
        if block.body.strip():
            described.append(describe(block, context(lines, previous_end, block.first), path, kind))
        previous_end = block.after
    return described


def context(lines: list[str], start: int, end: int) -> list[str]:
    """Return the last filled lines between two blocks, nearest first."""
    near: list[str] = []
    for number in range(end - 1, max(start, end - 12) - 1, -1):
        if lines[number].strip():
            near.append(lines[number])
        if len(near) == MAX_CONTEXT:
            break
    return near


def describe(block: Block, near: list[str], path: str, kind: Kind) -> Candidate:
    """Return what a block is by its info string and the lines above it."""
    above = near[0] if near else ""
    label = label_outside(block, near, path) or label_inside(block.body, path, kind)
    mentioned = mentioned_paths(above)
    text = plain(above)
    requested = any(same_file(name, path) for name in mentioned)
    bare = re.sub(r"`[^`]*`", "", text)
    aside = bool(NOT_THE_FILE.search(bare)) and not (label and same_file(label, path))
    if (
        aside
        and ((requested and THE_FILE.search(bare)) or FINAL.search(bare))
        and not re.search(r"\brun|usage|output|test\b", bare, re.IGNORECASE)
    ):
        aside = False
    return Candidate(
        block,
        label,
        mention=requested,
        announced=any(FINAL.search(plain(line)) for line in near[:2]),
        aside=aside,
        fits=fits(block, path, kind),
        same_kind=block.kind is kind or (block.kind is None and kind is OTHER),
    )


def label_outside(block: Block, near: list[str], path: str) -> str | None:
    """Return the path in the info string or the lines above."""
    if info := label_in_info(block.info):
        return info
    for line in near[:2]:
        if label := path if names(line, path) else label_in(line):
            return label
    return heading_label(near)


def label_inside(body: str, path: str, kind: Kind) -> str | None:
    """Return the path in a first line that is nothing else; a file may begin by naming others."""
    first = body.lstrip("\n").partition("\n")[0].strip()
    if names(first, path):
        return path
    label = None if kind is PATCH else label_in(first)
    if label is None or label.rpartition("/")[2] == path.rpartition("/")[2]:
        return None
    comment = COMMENT.match(first)
    lists_paths = kind.free_text or kind in {HASHED, INI, YAML}
    alone = (comment and comment[1] == label) or (first == label and not lists_paths)
    explicit = EXPLICIT.match(first) and not is_comment(first, kind)
    return label if alone or (explicit and kind is not OTHER) else None


def heading_label(near: list[str]) -> str | None:
    """Return the file named in a heading or list item above, as in `## 1. The app (app.py)`."""
    for line in near[:2]:
        if (
            re.match(r"\s*(?:#{1,6}\s|\*\*|\d{1,3}[.)]\s|[-*]\s)", line)
            and len(names := mentioned_paths(line)) == 1
        ):
            return names[0]
    return None


def fits(block: Block, path: str, kind: Kind) -> bool:
    """Tell whether a block's text can be a file of this kind, whatever its language word says."""
    body = block.body.strip()
    named = block.kind
    commands = is_commands(block)
    if (
        commands
        and kind is not SHELL
        and not (kind in {HASHED, YAML, INI} and named is not SHELL)
        and kind is not MARKDOWN
    ):
        return kind.free_text and named is not SHELL
    if named is SHELL and kind is not SHELL and HEREDOC.search(body):
        return False
    if named is kind or named is None:
        return not is_other_type(body, kind, path)
    if kind is PYTHON:
        return is_python(body) and not is_json(body)
    if kind is MARKDOWN:
        return named in {TEXT, HTML} or (bool(re.match(r"#{1,3} \S", body)) and named is not SHELL)
    return not is_other_type(body, kind, path) and not foreign(named, kind)


def foreign(named: Kind, kind: Kind) -> bool:
    """Tell whether a block in one language cannot be meant as a file in another."""
    loose = {MARKDOWN, TEXT, HASHED, INI, YAML, TEMPLATE, OTHER}
    if named in loose or kind in loose:
        return False
    markup = {HTML, XML, TEMPLATE}
    return (
        (named in markup) != (kind in markup) or (named is PYTHON) or {named, kind} == {CSS, C_LIKE}
    )


def is_other_type(body: str, kind: Kind, path: str) -> bool:
    """Tell whether a text shows by its beginning that it is another type of file."""
    if re.match(r"(?:<!doctype html|<html)", body, re.IGNORECASE):
        return (
            not kind.markup and kind is not TEXT and kind is not OTHER and kind.name != "javascript"
        )
    if kind in {HTML, XML}:
        return "<" not in body
    if kind is JSON:
        return body[:1] not in '{["/#' and not is_json(body)
    if kind is CSS and not path.endswith(".sass"):
        return not re.search(r"[{;@}]|/\*", body) or body.startswith("<")
    return False


def choose(found: list[Candidate], path: str) -> Candidate | Reason:
    """Return the block that is the file, or the reason why none is."""
    if not found:
        return "empty"
    labelled = [one for one in found if one.label and same_file(one.label, path)]
    exact = [one for one in labelled if one.fits] or labelled
    if exact:
        return last_announced(exact)
    free = [one for one in found if one.label is None]
    if not free:
        return "wrong_format"
    fitting = [one for one in free if one.fits]
    if not fitting:
        return "no_code" if all(is_commands(one.block) for one in free) else "wrong_format"
    main = [one for one in fitting if not one.aside]
    if not main:
        alone = len(found) == 1 and fitting[0].same_kind and not fitting[0].announced
        return fitting[0] if alone or any(one.mention for one in fitting) else "no_code"
    same = (
        [one for one in main if one.same_kind]
        or [one for one in main if one.block.kind is None]
        or main
    )
    mentioned = [one for one in same if one.mention]
    return last_announced(mentioned or same)


def last_announced(found: list[Candidate]) -> Candidate:
    """Return the last one announced as the corrected or final file, else the first or the whole."""
    announced = [one for one in found if one.announced and not one.aside]
    if announced:
        return announced[-1]
    first = found[0]
    for one in found[1:]:
        if (
            not one.aside
            and first.block.body.strip() in one.block.body
            and len(one.block.body) > len(first.block.body)
        ):
            return one
    return first


def is_commands(block: Block) -> bool:
    """Tell whether a block holds only commands for a terminal."""
    lines = [line for line in block.body.split("\n") if line.strip()]
    commands = [line for line in lines if not line.lstrip().startswith("#")]
    return bool(commands) and all(COMMAND.match(line) for line in commands)

"""The block that is the file: which fence closes it, and which of several it is."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from smol_dev.languages import State, language_named, language_of
from smol_dev.replies.answer import Answer, Block, Fence, block_between
from smol_dev.replies.paths import (
    COMMAND,
    FILE_NAME,
    PATH_WORD,
    label_in,
    label_in_info,
    mentioned,
    names,
    normal,
    same_file,
)
from smol_dev.replies.talk import CHANGE, EDIT, MARK, USE, is_lead, is_part, is_talk, is_thought, without_marks
from smol_dev.replies.verdicts import Doubt, Found, Request
from smol_dev.replies.wrapped import HEREDOC

TITLE: Final = re.compile(r"^#{1,2} \S", re.MULTILINE)  # for banner-above-the-title
COMPONENTS: Final = frozenset({"vue", "svelte", "astro"})  # for component-in-three-blocks
ELEMENT: Final = re.compile(r"\s*<(?:template|script|style)\b")  # for component-in-three-blocks
MOST_TRIED: Final = 6
LONGEST_LABEL: Final = 80
LONGEST_TRIED: Final = 200_000
MOST_FENCES: Final = 300
MOST_USES: Final = 3
CALLED: Final = re.compile(r"\b(\w++)\(")  # for test_code.test_the_file_in_the_answer
BRACKETS: Final = ("()", "[]", "{}")  # for test_code.test_two_fences_between_brackets_of_the_file_are_its_own
LONGEST_NAMING: Final = 6
FINAL: Final = re.compile(  # for updated
    r"\b(?:final|corrected|updated|fixed|revised|complete|full|whole|rewritten)\b[^.\n]{0,40}"
    r"\b(?:version|code|file|implementation|solution|script|here)\b|^\W*(?:corrected|final|fixed|updated)\W*$|"
    r"\b(?:put|putting) (?:it|everything) (?:all )?together",
    re.IGNORECASE,
)
"""The words above a block that replaces the ones before it."""

ASIDE: Final = re.compile(  # for tree-and-talk
    r"\b(?:usage|use it|to use|run|running|start (?:it|the)|install|dependenc\w+|output|prints?|expected|"
    r"example|for instance|tests?|testing|try (?:it|this)|command|terminal|before:|old version|previous version|"
    r"wrong|buggy|naive|draft|snippet|structure|folder|tree|curl|deploy)\b",
    re.IGNORECASE,
)
"""The words above a block that is no file."""

# for test_code.test_a_language_a_path_or_attributes_behind_the_marks_are_no_line_of_the_file
BRACES: Final = re.compile(r"\{(?:[^{}\"'“”:]|\w=(?:\"[^\"]*\"|'[^']*'|“[^”]*”))*\}|(?<=\s)\[[\d,\s-]+\]")
# for test_code.test_a_language_a_path_or_attributes_behind_the_marks_are_no_line_of_the_file
OPTION: Final = re.compile(
    rf"(?<!\S)(?:(?:{PATH_WORD}|caption|class|id|lang(?:uage)?|hl_lines|highlight|line\w*|start\w*)\s*[=:]\s*"
    r"(?:\"[^\"]*\"|'[^']*'|“[^”]*”|[^\s\"'=]+)|copy|line[Nn]\w+|(?:show|number)Lines?\w*)(?!\S)",
    re.IGNORECASE,
)
"""Attributes, and what else an info string says about how a block is shown."""

USED: Final = re.compile(  # for test_code.test_a_file_that_the_block_uses_is_not_its_name
    r"\b(?:us(?:es?|ing)|reads?|reading|imports?|importing|loads?|loading|calls?|calling|includ(?:es?|ing)|tests?|testing|runs?|"
    r"(?:works?|together|along) with|from|by) (?:the |a |your )?\W?$"
)
"""Words in front of a file that the one in the block makes use of."""

COMMANDS: Final = frozenset({"bash", "fish", "powershell", "batch"})  # for heredoc-with-fences
DECLARATIONS: Final = re.compile(  # for shell-makefile
    r"(?:(?:#.*|\s.*|[A-Z]{3,}\s.+|[\w./%-]+(?:\s[\w./%-]+)*\s*::?(?:\s.*)?|\w+\s*[:?+]?=\s*(?:\S*|\"[^\"]*\"|'[^']*')|"
    r"[\w.-]+(?:\[[\w,]+\])?\s*[=<>~!]=.+|)(?:\n|\Z))+"
)
"""Lines of a Dockerfile, a Makefile, settings, requirements: models call them a shell's as well."""

HOLD_FENCES: Final = frozenset({"markdown", "restructuredtext", "template", "text"})  # for doubt-r2
# for test_code.test_what_a_console_shows_is_no_file
NO_FILE: Final = frozenset(
    {"console", "terminal", "output", "shellsession", "shell-session", "tool_code", "tool_call", "base64"}
)


def language_word(block: Block | Fence) -> str:
    """Return the first word of a block's info string, in lower case."""
    found = re.match(r"\{?\s*\.?([A-Za-z][\w+#-]*)", block.info)  # for compose-for-a-makefile
    return found[1].lower() if found else ""


def first_line(block: Block, request: Request) -> str:
    """Return what of an info string may be the first line of the file: no language, no path, no attribute."""
    info = block.info.strip()
    if names(info.partition(" ")[2], request.path) or label_in(info):
        return ""
    rest = OPTION.sub("", BRACES.sub("", info)).strip()
    word = re.match(r"[A-Za-z][\w+#-]*(?=[\s:,]|$)", rest)  # for updated
    behind = rest[word.end() :].strip() if word else rest
    is_data = request.is_data or request.language == "csv"
    if word and language_named(word[0]) is None and word[0].lower() not in NO_FILE:
        is_entry = is_data or (request.is_text and word[0][0].isupper())
        return rest if behind or (is_entry and word[0].lower() not in request.path.lower()) else ""
    # for test_code.test_a_language_a_path_or_attributes_behind_the_marks_are_no_line_of_the_file
    is_option = not is_data and re.fullmatch(r"(?:,\s*[\w-]+)+|[\d.]+", behind)
    return "" if not behind or is_option or label_in(behind.strip(":()")) else behind


@lru_cache(maxsize=4)
def blocks_of(answer: Answer, request: Request) -> tuple[Block, ...] | Doubt:
    """Return the outer blocks, each with the fence that closes it; a doubt where that cannot be told.

    In a text that begins with its title, fences of which that cannot be told are the text's own.
    """
    found = _paired(answer, request)
    first = answer.text.lstrip("\n").partition("\n")[0]
    titled = request.is_text and first.startswith("# ") and not names(first[2:], request.path)
    return () if isinstance(found, Doubt) and titled else found


def _paired(answer: Answer, request: Request) -> tuple[Block, ...] | Doubt:
    fences, found, index, before = answer.fences, list[Block](), 0, 0
    if len(fences) > MOST_FENCES:
        return answer.blocks
    while index < len(fences):
        opener = fences[index]
        if opener.is_inner:
            index += 1
            continue
        closing = _closing(answer, request, index)
        if isinstance(closing, Doubt):
            return closing
        closer = fences[closing] if closing is not None else None
        found.append(block_between(answer.text, opener, closer, before=before))
        before = found[-1].end
        index = len(fences) if closing is None else closing + 1
    if len(found) > 1 and not found[-1].closed and not found[-1].text.strip():
        stray = found.pop()
        first = found[0]
        begins = not answer.text[: first.start].strip() and stray.fence == first.fence
        if request.is_text and begins and answer.text[first.end : stray.start].strip():
            return Doubt(fences=True)
    return tuple(found)


def _closing(answer: Answer, request: Request, index: int) -> int | Doubt | None:
    opener = answer.fences[index]
    possible = _possible(answer.fences, index)
    if not possible:
        return None
    language = language_named(language_word(opener))
    if language in COMMANDS and "<<" in answer.text and (written := behind_heredocs(answer, index)) is not None:
        return written
    if len(possible) == 1 or (language not in {None, "markdown", "text", request.language}):
        return possible[0]
    first = answer.text[opener.end + 1 : answer.fences[possible[0]].start]
    if request.parsed(first).state is State.NOT_JUDGED:
        found = _by_surroundings(answer, request, index)
    else:
        found = _by_parser(answer, request, index, possible)
    if found is None:
        return possible[0] if _goes_on(answer, possible[0]) else Doubt(fences=True)
    return found


def behind_heredocs(answer: Answer, index: int) -> int | None:
    """Return the fence that closes a block of commands that write files: the fences in the files are their own."""
    opener, position = answer.fences[index], answer.fences[index].end
    for _ in range(MOST_TRIED):
        later = enumerate(answer.fences)
        closing = next((number for number, one in later if one.start >= position and one.closes(opener)), None)
        limit = len(answer.text) if closing is None else answer.fences[closing].start
        written = HEREDOC.search(answer.text, position, limit)
        if written is None:
            return closing if position > opener.end else None
        last = re.compile(rf"^\t*{written[3]}$", re.MULTILINE).search(answer.text, written.end())
        if last is None:
            return None
        position = last.end()
    return None


def _in_reach(fences: tuple[Fence, ...], index: int) -> list[tuple[int, Fence]]:
    """Return the fences behind an opener that may close it or nest, with their places.

    A longer bare one is no such fence where one of the opener's own length follows: it is a title's line.
    """
    opener = fences[index]
    found = [
        (number, fence)
        for number, fence in enumerate(fences[index + 1 :], index + 1)
        if fence.within(opener) and fence.indent <= opener.indent
    ]
    longer = [fence for _, fence in found if fence.mark != opener.mark]
    own = any(fence.mark == opener.mark and not fence.info for _, fence in found)
    if not own or any(fence.info for fence in longer):
        return found
    return [(number, fence) for number, fence in found if fence.mark == opener.mark]


def _possible(fences: tuple[Fence, ...], index: int) -> list[int]:
    """Return every bare fence outside of inner blocks: the first is where nested fences say that the block ends."""
    inner, possible = 0, list[int]()
    for number, fence in _in_reach(fences, index):
        if not (fence.is_inner or fence.info or inner):
            possible.append(number)
        inner = inner + 1 if fence.info and not fence.is_inner else max(0, inner - 1)
    return possible


def _by_parser(answer: Answer, request: Request, index: int, possible: list[int]) -> int | None:
    """Return the first fence before which the file is whole by its own parser."""
    start = answer.fences[index].end + 1
    tried = possible[:MOST_TRIED] + possible[MOST_TRIED:][-1:]
    for number in tried:
        inside = answer.text[start : answer.fences[number].start]
        state = request.parsed(inside).state if len(inside) <= LONGEST_TRIED else State.BROKEN
        if state is State.WHOLE and (number == tried[-1] or _goes_on(answer, number)):
            return number
        if state is State.BROKEN:
            break
    return None


def _by_surroundings(answer: Answer, request: Request, index: int) -> int | Doubt | None:
    """Return the fence that closes the block when a bare one below an empty line and above a filled one opens."""
    fences, opener, depth = answer.fences, answer.fences[index], 1
    for number, fence in _in_reach(fences, index):
        if fence.is_inner:
            depth = max(1, depth - 1)
            continue
        above = answer.text[max(0, fence.start - 300) : max(0, fence.start - 1)].rpartition("\n")[2]
        below = answer.text[fence.end + 1 : fence.end + 300].partition("\n")[0]
        apart = not above.strip() or above.rstrip().endswith((":", "："))
        begins = depth == 1 and not fence.info and apart and bool(below.strip())
        if begins and not below[:1].isspace() and (is_talk(below) or is_label(below)):
            later = any(not one.info and one.within(opener) for one in fences[number + 1 :])
            if later or not request.ended:
                return Doubt(fences=True)
            begins = False
        depth += 1 if fence.info or begins else -1
        if depth == 0:
            if _goes_on(answer, number):
                return number
            last = _in_reach(fences, index)[-1][0]
            return last if _holds_two(answer, index, last) else Doubt(fences=True)
    return None


def _holds_two(answer: Answer, index: int, last: int) -> bool:
    """Return whether brackets that are open at the first of two fences are closed before the last one, the end."""
    start, first = answer.fences[index].end, answer.fences[index + 1].start
    before, inside = answer.text[start:first], answer.text[start : answer.fences[last].start]
    is_open = any(before.count(opening) > before.count(closing) for opening, closing in BRACKETS)
    is_closed = all(inside.count(opening) == inside.count(closing) for opening, closing in BRACKETS)
    return last == index + 3 and is_open and is_closed and _goes_on(answer, last)


def _goes_on(answer: Answer, number: int) -> bool:
    end = answer.fences[number].end
    limit = answer.fences[number + 1].start if number + 1 < len(answer.fences) else len(answer.text)
    lines = [line for line in answer.text[end:limit][:5000].split("\n") if line.strip()]
    return not lines or is_talk(lines[0]) or is_label(lines[0]) or lines[0].startswith("</")


def is_label(line: str) -> bool:
    """Return whether a line is a heading, an item, a rule or a path: it may stand above a block."""
    text = line.strip()
    return bool(re.match(rf"{MARK}|\*\*|[-=*_]{{3,}}$|.*[:：]$", text)) or label_in(text) is not None  # for response


def is_near(label: str, request: Request) -> bool:
    """Return whether a label may be the path with the root of the project in front, or that of another folder."""
    return normal(label).endswith(f"/{normal(request.path)}")


def mentions(line: str, request: Request) -> bool:
    """Return whether a line names the file among its words."""
    return any(same_file(name, request.path) for name in mentioned(line))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A block with what stands around it: the path that names it, and what the words above say."""

    block: Block
    label: str | None
    own: bool
    mentioned: bool
    elsewhere: bool
    announced: bool
    aside: bool
    is_rest: bool
    is_edit: bool


def candidate(block: Block, below: str, request: Request) -> Candidate:
    """Return a block with what its info string and the lines around it say."""
    label = label_in_info(block.info)
    for line in (*block.above, below):
        label = label or label_in(line) or (request.path if names(line, request.path) else None)
    first = block.text.lstrip("\n").partition("\n")[0]
    if label is None and block.text.strip() != first and names(first, request.path):
        label = request.path
    above = without_marks(block.label)
    files = mentioned(block.label)
    is_mentioned = any(same_file(name, request.path) for name in files)
    stem = request.path.rpartition("/")[2].partition(".")[0]
    peers = [name for name in files if language_of(name) == request.language and not name.startswith(stem)]
    peers = [name for name in peers if not USED.search(block.label[: block.label.find(name)])]
    words = re.sub(r"`[^`]*`", "", above)  # for aside-word-in-ticks
    announced = any(FINAL.search(without_marks(line)) for line in block.above)
    own = label is not None and same_file(label, request.path)
    is_edit = EDIT.search(above) is not None
    said = ASIDE.search(words) if not is_thought(block.label) else None
    shown = said is not None and said[0].lower() not in request.path.lower()
    is_aside = (shown or is_edit or USE.search(above) is not None) and not announced and not own
    elsewhere = bool(peers) and not is_mentioned and not own
    return Candidate(block, label, own, is_mentioned, elsewhere, announced, is_aside, is_part(above), is_edit)


def fits(block: Block, request: Request) -> bool:
    """Return whether a block's label can mean the file that was asked for."""
    word = language_word(block)
    language = language_named(word)
    if word in NO_FILE:
        return False
    if language is None or language == request.language or request.is_whole(block.text):
        return True
    is_judged = request.parsed(block.text).state is not State.NOT_JUDGED
    if language in COMMANDS:
        return not is_judged and not request.path.endswith(".md") and DECLARATIONS.fullmatch(block.text) is not None
    return not is_judged or request.is_text or language in {"markdown", "text"}


def as_asked(answer: Answer, request: Request) -> Found | Doubt | None:
    """Return the inside of the one block that is the whole answer, untouched."""
    blocks = blocks_of(answer, request)
    if isinstance(blocks, Doubt):
        return blocks
    if len(blocks) != 1 or (answer.text[: blocks[0].start] + answer.text[blocks[0].end :]).strip():
        return None
    return taken(blocks[0], request)


def taken(block: Block, request: Request, *, behind: bool = False) -> Found | Doubt:
    """Return what is in a block, unless its first line holds code of the file."""
    if first := first_line(block, request):
        text = f"{first}\n{block.text}"
        if not (request.is_whole(block.text) and request.parsed(text).state is State.BROKEN):
            return Doubt(kept=text)
    label = label_in_info(block.info) or ""
    own = same_file(label, request.path) or names(block.info.partition(" ")[2], request.path)
    if FILE_NAME.match(label) and not own:
        return Doubt(kept=block.text if is_near(label, request) else None)
    typed = block.text.startswith("$ ") and (language_word(block) in NO_FILE or request.language in COMMANDS)
    if typed or (language_word(block) in NO_FILE and not request.is_whole(block.text)):
        return Doubt()
    return Found(block.text, block.closed, behind, opened=True, block=block)


def block_and_talk(answer: Answer, request: Request) -> Found | Doubt | None:
    """Return the block that is the file, of one or several with words around them."""
    blocks = blocks_of(answer, request)
    if isinstance(blocks, Doubt):
        return blocks
    if not blocks or (not blocks[-1].closed and not blocks[-1].text.strip()):
        return None
    if answer.next_turn is not None:
        blocks = tuple(block for block in blocks if block.start < answer.next_turn)
    if not blocks:
        return None
    found = [candidate(block, line_below(answer, block), request) for block in blocks]
    around = is_around(answer, request, found)
    if around is not True:
        return around or None
    chosen = choose([one for one in found if one.block.text.strip()] or found[:1], request)
    if isinstance(chosen, Doubt):
        return chosen
    if is_said_to_be_another(chosen, line_below(answer, chosen), request):
        return Doubt(kept=chosen.text if len(found) == 1 else None)
    behind = answer.text[chosen.end :].strip()
    if request.is_text and request.ended is False and ("```" in behind or not is_talk(behind.partition("\n")[0])):
        return Doubt(fences=True)  # the fence that closes the block may be one of the text that was cut off
    return taken(chosen, request, behind=bool(behind))


def line_below(answer: Answer, block: Block) -> str:
    """Return the line right below a block, or below the last one, unless it is above something else."""
    behind = answer.text[block.end :]
    line, _, rest = behind.strip("\n").partition("\n")
    following = rest.lstrip("\n").partition("\n")[0]
    is_apart = not following or following.startswith(("```", "~~~")) or is_talk(following)
    is_right_below = block.end >= answer.fences[-1].start or not behind.startswith("\n\n")
    return line if is_right_below and is_apart and not rest.startswith(("```", "~~~")) else ""


def is_said_to_be_another(block: Block, below: str, request: Request) -> bool:
    """Return whether a short sentence below a block ends with the name of another file of its type."""
    files = mentioned(below) if below.count(" ") < LONGEST_NAMING else []
    if len(files) != 1 or same_file(files[0], request.path) or any(names(line, request.path) for line in block.above):
        return False
    before, _, rest = below.partition(files[0])
    # for test_code.test_another_file_below_a_block_may_be_no_name_of_it
    is_naming = not USED.search(before) and not re.search(r"\w", rest)
    return is_naming and language_of(files[0]) == request.language


def is_around(answer: Answer, request: Request, found: list[Candidate]) -> bool | Doubt:
    """Return whether the blocks are around the file, rather than a part of a file without a fence."""
    first = found[0].block
    before = [line for line in answer.text[: first.start].split("\n") if line.strip()]
    named = any(one.own for one in found)
    if not before:
        is_shown = request.language == "markdown" and not (named or found[0].label or TITLE.search(first.text))
        return not (is_shown and language_word(first) != "markdown" and TITLE.search(answer.text, first.end))
    others = [line for line in before if not (is_talk(line) or is_thought(line) or is_label(line))]
    code = [line for line in others if len(line) > LONGEST_LABEL or not mentions(line, request)]
    if request.is_text:
        return named or _is_around_text(before, code, request, found)
    if not code:
        return True
    state = request.parsed(answer.text).state
    if state is State.NOT_JUDGED and not named:
        own = language_named(language_word(first))
        return Doubt(fences=True) if own in {None, request.language} else False
    stray = not first.info and not named and request.is_whole(answer.text[: first.start])
    if stray or state in {State.WHOLE, State.UNFINISHED}:
        return False
    return named or all(COMMAND.match(line) for line in code) or Doubt()


def _is_around_text(before: list[str], code: list[str], request: Request, found: list[Candidate]) -> bool | Doubt:
    """Return the same for a file in which any line may be its own: by its title, or a lead, or a block's label."""
    titled = any(line.startswith("# ") for line in before)
    typed = any(language_named(language_word(one.block)) == request.language for one in found)
    if typed and request.language and not code and not before[0].startswith("# "):
        return True
    if is_lead(before[0]) and not titled:
        word = language_named(language_word(found[0].block))
        apart = code or (len(before) > 1 and word not in {None, "markdown", "text"})
        if not apart or typed:
            return True
        return False if request.language in HOLD_FENCES else Doubt()
    if code or len(before) > 1 or before[0].startswith("#"):
        return False
    return Doubt() if is_talk(before[0]) or before[0].rstrip().endswith(":") else False


def choose(found: list[Candidate], request: Request) -> Block | Doubt:
    """Return the block with the path on it, else the one of the right type, announced last or first."""
    own = [one for one in found if one.own]
    if request.language in COMPONENTS and len({one.block.text for one in found if ELEMENT.match(one.block.text)}) > 1:
        return Doubt()
    if any(one.is_rest and not one.aside for one in own or found):
        return Doubt()
    free = [one for one in found if one.label is None and not one.elsewhere]
    meant = [one for one in free if fits(one.block, request) and not one.announced] if len(found) > 1 else []
    if any(one.is_edit or (one is not found[0] and CHANGE.search(without_marks(one.block.label))) for one in meant):
        return Doubt()
    if own:
        exact = [one for one in own if normal(one.label or "") == normal(request.path)] or own
        return Doubt() if are_parts(exact) else _last_announced(exact).block
    if not free:
        near = [one.block.text for one in found if one.label and is_near(one.label, request)]
        return Doubt(kept=near[0] if len(near) == 1 else None)
    fitting = [one for one in free if fits(one.block, request)]
    main = [one for one in fitting if not one.aside]
    if not main:
        meant = [one for one in fitting if not one.is_rest and (one.mentioned or is_lead(one.block.label))]
        return meant[0].block if len(meant) == 1 else Doubt("no_code")
    typed = [one for one in main if language_named(language_word(one.block)) == request.language is not None]
    meant = typed or main
    named = [one for one in meant if one.mentioned]
    earlier = meant[: meant.index(named[0])] if named else []
    if not (all(is_commands(one.block) for one in earlier) or is_lead(named[0].block.label)):
        return Doubt()
    meant = named or meant
    return Doubt() if are_parts(meant) else _last_announced(meant).block


def are_parts(found: list[Candidate]) -> bool:
    """Return whether blocks that may each be the file differ, so that each may be a part of it or another version."""
    first = found[0].block
    alike = [one.block for one in found[1:] if language_word(one.block) in {"", language_word(first)}]
    others = [block for block in alike if block.text != first.text and not is_commands(block)]
    parts = [
        block for block in others if len(block.text) > len(first.text) or (block.closed and not is_use(block, first))
    ]
    return bool(parts) and not any(one.announced for one in found)


def is_use(block: Block, of: Block) -> bool:
    """Return whether a few lines without words above them only call what another block defines."""
    called = set() if block.label or block.text.count("\n") >= MOST_USES else set(CALLED.findall(block.text))
    return not called.isdisjoint(CALLED.findall(of.text))


def is_commands(block: Block) -> bool:
    """Return whether every line of a block is for a shell."""
    return all(map(COMMAND.match, block.text.split("\n")))


def _last_announced(found: list[Candidate]) -> Candidate:
    return next((one for one in reversed(found) if one.announced), found[0])

"""A file that stands in the answer without a fence, between words to the user or alone."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from smol_dev import languages
from smol_dev.languages import State
from smol_dev.replies.answer import TOKEN, Answer
from smol_dev.replies.paths import label_in, names
from smol_dev.replies.talk import (
    ITEM,
    TO_THE_USER,
    is_lead,
    is_part,
    is_prose,
    is_said,
    is_tail,
    is_talk,
    without_marks,
)
from smol_dev.replies.verdicts import Doubt, Found, Request

MOST_PARAGRAPHS: Final = 3
MOST_TRIED: Final = 24
EXACT: Final = frozenset({"python", "json", "toml"})  # for test_syntax.test_a_mistake_is_told_with_its_line
"""Languages in which no chat can be a part of a whole file."""

LONGEST_TRIED: Final = 100_000
RULE: Final = re.compile(r"\s*(?:-{3,}|={3,}|\*{3,}|_{3,})\s*$")  # for D20-css-rulers
HEADED: Final = re.compile(r"\s*\n(?:#{1,6} \S|<h1|\[!\[|---\n[\w-]+:|[^\n]+\n(?:={3,}|-{3,})\n)")  # for lead-md
"""How a text begins under the words that announce it: a heading, a badge, front matter."""

SPEECH: Final = re.compile(  # for question2
    r"\b(?:I|[Ii]['’]\w+|[Ww]e|[Yy]ou|[Ll]et me|[Pp]lease|[Ss]hall|[Tt]h(?:e|is) (?:file|plan|project|code|program))\b|\?\W*$"
)
"""Words of one who speaks about the file rather than in it."""

# for test_code.test_words_to_the_user_at_an_end_of_a_text_are_asked_about
ABOUT: Final = re.compile(
    r"^the file (?:is|was|has|now|can|should|contains?|includes?)\b|\bthis (?:\w+ )?(?:file|document|text|licen[cs]e|readme|content|template|version)\b|\bas (?:you )?(?:requested|asked)\b",
    re.IGNORECASE,
)
"""Words about the file as no file says them of itself."""

# for test_code.test_a_sentence_above_or_below_entries_is_asked_about
ENTRY: Final = re.compile(r"[=:\"/\\*<>|{}\[\]@;]|^\d|\w\.\w")
"""What lines of settings, addresses, commands and the like have."""

SLOT: Final = re.compile(r"(?<!\w)\$\w|(?:(?<![\\\w{])\{|\{\{)\w++\}")  # for P24-prompt-document
# for test_code.test_marks_on_every_line_are_asked_about
LINES_MARKED: Final = re.compile(
    r"(?:>.*(?:\n+|\Z))+|(?:`[^`\n]+`(?:\n+|\Z))+|\*\*[^*\n]+\*\*\n?|(?:.*<br ?/?>(?:\n+|\Z))+"
)
# for test_code.test_marks_on_every_line_are_asked_about
ENTRIES_MARKED: Final = re.compile(r"(?:[-•] .*(?:\n+|\Z))+|(?:\+.*(?:\n+|\Z))+|(?:\d+[.):] .*(?:\n+|\Z))+")
# for test_code.test_characters_that_were_lost_are_asked_about
LOST: Final = re.compile(r"(?<![\"'`])\ufffd|\ufffd(?![\"'`])")

FRAME: Final = re.compile(  # for test_code.test_what_is_around_a_bare_file_is_never_written
    r"(?:#+ )?(?:(?:final|file) )?(?:output|answer|response|result|solution|contents?|code) ?: *\n(?!\t)|"
    r"#{2,} (?:output|answer|response|result|solution) *\n|(?:assistant|ai|bot|model) ?:(?: *\S|\n(?!\s))|"
    r"(?:[\w+#]+\s)?Copy ?(?:code|edit)\n|<\|\w+\|>|<(?:repo_?name|filename)>|&lt;\w+&gt;|thinking\.{3}\n|<details>\s*<summary>(?:thinking|reasoning)|"
    r"#\+begin_src\b|['‘’´｀\"]{3} ?\w*\n|`{2}\w*\n|(?:` ){2}`|(?:(?:={2,}|-{3,}) ?begin\b(?! [A-Z ]+-----)|begin (?:of )?(?:file|answer|document)\b)|"
    r"`[^`]*`\Z|(?:\[[A-Z]+\].*)?\[/[A-Z]+\]\s|file ?(?:name)? ?:.*\n(?:language|type|format|path|contents?) ?:|text\n(?=\S+ \S)|\\\\[a-z]+[\[{]",
    re.IGNORECASE,
)
FRAME_END: Final = re.compile(  # for test_code.test_what_is_around_a_bare_file_is_never_written
    r"\n[^\S\n]*+(?:</(file|answer|response|output|content|document|code)>|[(\[<]?end (?:of )?(?:file|answer|document)\W*+|(?:={2,}|-{3,}) ?end\b(?! [A-Z ]+-----).*|"
    r"#\+end_src|(?:user|human|assistant): .*|<\|(?:user|system|assistant)\|>.*(?:\n.*)?|(?<=\n\n)(?-i:\[[A-Z _]{3,}\]))\s*+\Z",
    re.IGNORECASE,
)
PAIR: Final = re.compile(  # for test_code.test_what_is_around_a_bare_file_is_never_written
    r"(?:\[|\{%-? ?|\\begin\{|<(?=pre\b))(\w++)\b[^\n]*+\n.*\n(?:\[/|\{%-? ?end|\\end\{|</)\1\b[^\n\w]*+|(EOF|END)\n.*\n\2",
    re.DOTALL,
)
"""A word in brackets in the first line that another one closes in the last."""

LONGEST_FRAME: Final = 400
# for test_code.test_an_element_of_no_page_in_front_of_a_text_is_no_part_of_it
ELEMENT: Final = re.compile(r"\s*+<(\w++)>[ \t]*+\n.*?</\1>", re.DOTALL)
ELEMENTS: Final = frozenset(  # for test_code.test_an_element_of_no_page_in_front_of_a_text_is_no_part_of_it
    "div p a center h1 h2 h3 h4 h5 h6 details picture table ul ol pre blockquote section header nav main article svg style".split()
)
"""The elements that a text in Markdown may begin with."""

CALL_MARK: Final = re.compile(  # for call-in-words-for-a-text
    r"\s*(?:Action: \w+\s*\nAction Input:|\[TOOL_CALLS?\]|<(?:tool_call|function_calls?|invoke|function=\w+)\b)"
)
# for other-file4
EXPLICIT: Final = re.compile(r"\s*(?:file(?:name| name| path)?\s*:|={2,}|-{2,}|\*{2,}|\[?file\b)", re.IGNORECASE)


def bare(answer: Answer, request: Request) -> Found | Doubt | None:
    """Return the answer as it stands, without chat in front of the file and behind it."""
    turn = _own_turn(answer, request)
    if isinstance(turn, Doubt):
        return turn
    if is_framed(turn.text, request):
        return Doubt()
    first = turn.text.lstrip("\n").partition("\n")[0]
    other = label_in(first) if EXPLICIT.match(first) and not is_comment(first, request) else None
    is_told = is_lead(first) if request.is_text else is_talk(first)
    if (is_told and is_part(first)) or (other is not None and not names(first, request.path)):
        return Doubt()
    text = without_label(without_word(turn.text, request), request)
    found = text_bounds(text, request) if request.is_text else code_bounds(text, request)
    if isinstance(found, Doubt):
        return found
    return replace(turn, text=found) if found.strip() else Doubt("no_code")


def is_framed(text: str, request: Request) -> bool:
    """Return whether something stands around a text that is no part of any file: names of turns, marks, elements."""
    lines = text.strip().split("\n")
    first, last = lines[0], lines[-1]
    judged = request.language != "bash" and request.parsed(text).state is not State.NOT_JUDGED
    started, ended = FRAME.match(text.lstrip()), FRAME_END.search(text, max(0, len(text) - LONGEST_FRAME))
    ended = None if ended and ended[1] and f"<{ended[1]}" in text else ended
    own_end = judged and (request.language in {"yaml", "json"} or is_comment(last, request))
    if (started and not (judged and begins_as_own(lines, request))) or (ended and not own_end):
        return True
    is_page = request.language in MARKUP or (request.holds_fences and request.language != "text")
    if not is_page and PAIR.fullmatch(text.strip()):
        return True
    filled = [line for line in lines if line.strip()]
    is_matter = request.language == "yaml" or (request.holds_fences and ":" in "".join(filled[1:2]))
    ruled = len(filled) > 2 and first == last and RULE.match(first) and not names(filled[1], request.path)  # noqa: PLR2004 - a line between two
    # for test_code.test_a_label_among_the_first_lines_of_a_text_is_no_part_of_it
    headed = request.is_text and any(re.match("(?i)file", line) and names(line, request.path) for line in filled[1:4])
    label = label_in(first) or ""
    named = names(first, request.path) or label.endswith("/" + request.path.rpartition("/")[2])
    marked = named and ((request.is_text and (first[0] in "`*/" or label.startswith("/"))) or first[0] == "[")
    element = ELEMENT.match(text) if request.is_text or request.language in {"csv", "sql"} else None
    thought = element is not None and not (request.is_text and element[1].lower() in ELEMENTS)
    called = request.is_text and CALL_MARK.match(text) is not None
    return bool(ruled and not is_matter) or headed or marked or thought or called


def is_marred(text: str, request: Request) -> bool:
    """Return whether characters of a text are lost, or all of its lines have marks that no such file has."""
    if "\ufffd" in text and LOST.search(text):
        return True
    # for test_code.test_characters_that_were_lost_are_asked_about
    if "\xa0" in text and request.language == "yaml" and re.search(r"^[ \t]*\xa0", text, re.MULTILINE):
        return True
    is_marked = request.is_text and request.language != "markdown" and LINES_MARKED.fullmatch(text) is not None
    return is_marked or (request.is_data and ENTRIES_MARKED.fullmatch(text) is not None)


def begins_as_own(lines: list[str], request: Request) -> bool:
    """Return whether a first line that might frame a file is a comment, a key or a string of it."""
    first, second = lines[0], next((line for line in lines[1:] if line.strip()), "")
    if first[:3] in {"'''", '"""'}:
        return request.language == "python" and languages.language_named(first[3:].strip()) is None
    if is_comment(first, request):
        return not first.startswith(("###", "#+"))
    if request.language == "yaml":
        return request.is_whole("\n".join(lines)) and (":" in first[:-1] or second[:1] in {" ", "-"})
    return request.language == "json"


def _own_turn(answer: Answer, request: Request) -> Found | Doubt:
    text, closed = answer.text, answer.stopped
    if answer.next_turn is not None and not request.is_whole(text):
        before = text[: answer.next_turn]
        if request.parsed(text).state is not State.NOT_JUDGED:
            text, closed = before, True
        elif not request.is_text or ((not before or before.endswith("\n")) and not TOKENS.search(before)):
            return Doubt(kept=before)
    fence = answer.fences[0] if answer.fences else None
    before, behind = (text[: fence.start], text[fence.end :].strip()) if fence else ("", "")
    if fence and len(answer.fences) % 2 and not fence.info and before.strip():
        is_last = request.ended and len(answer.fences) == 1 and not behind
        if is_last or request.is_whole(before):  # the opening fence was given with the request
            return Found(before, closed=True, behind=bool(behind))
    last = answer.blocks[-1] if answer.blocks else None
    if request.ended and last is not None and not (last.closed or last.info or last.text.strip()):
        return Found(text[: last.start], closed=True)
    is_unclear = fence and request.is_text and not before.strip()
    return Doubt(fences=True) if is_unclear else Found(text, closed)


def without_word(text: str, request: Request) -> str:
    """Return the text without a first line that is only the language, whose fence was given or lost."""
    first, _, rest = text.lstrip("\n").partition("\n")
    word = languages.language_named(first) if first.strip().isalpha() else None
    is_line = word == "text" or (word == "csv" and "," not in rest.partition("\n")[0])
    return rest if word is not None and word == request.language and not is_line else text


def without_label(text: str, request: Request) -> str:
    """Return the text without a first line, with or without rules around it, that only names the file.

    A line that is a comment in the file's language is the file's own.
    """
    lines = text.split("\n", 6)
    start = 0
    while start < min(len(lines), 4) and (not lines[start].strip() or RULE.match(lines[start])):
        start += 1
    line = lines[start] if start + 1 < len(lines) else ""
    if not line or not names(line, request.path) or label_in(lines[start + 1]):
        return text
    is_assigned = "=" in line and request.is_whole(text)
    if is_assigned or (line.lstrip().startswith("<") and not line.lstrip().startswith("<!")):
        return text
    first = lines[start + 1].startswith(MUST_BE_FIRST)
    exact = line.strip() == request.path and "." in line.strip(".")
    is_own = is_comment(line, request) and not first and request.language != "csv"
    if is_own or (request.is_text and not EXPLICIT.match(line) and not exact):
        return text
    rule = next((one.strip() for one in lines[:start] if RULE.match(one)), None)
    rest = "\n".join(lines[start + 1 :]).lstrip("\n")
    if rule is not None:
        rest = rest.removeprefix(rule).lstrip("\n")
        rest = rest.rstrip().removesuffix(f"\n{rule}")
    return rest if rest.strip() else text


MUST_BE_FIRST: Final = ("<?xml", "<?php", "#!")  # for inside-xml
COMMENTS: Final = {  # for S030-json-with-path-comment
    "json": (), "css": ("/*",), "html": ("<!--",), "vue": ("<!--",), "svelte": ("<!--",), "xml": ("<!--",),
    "php": ("<?",), **dict.fromkeys(("python", "yaml", "toml", "bash", "ruby", "makefile", "dockerfile"), ("#", '"""')),
    **dict.fromkeys(("javascript", "typescript", "tsx", "go", "rust", "java", "c", "cpp", "scss", "jsonc"), ("//", "/*")),
}  # fmt: skip
ANY_COMMENT: Final = ("#", "//", "/*", "--", ";", "%", "<!--", "{#", "(*", "'", "REM ", "::")  # for patch


def is_comment(line: str, request: Request) -> bool:
    """Return whether a line begins as a comment of the file's language."""
    return line.lstrip().startswith(COMMENTS.get(request.language or "", ANY_COMMENT))


def text_bounds(text: str, request: Request) -> str | Doubt:
    """Return a text file as it stands; only a lead above a heading of its own goes (law 1)."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return text
    first, last, name = lines[0], lines[-1], request.path.rpartition("/")[2]
    # for test_code.test_words_to_the_user_alone_are_no_file
    said = all((is_talk(line) and not line.startswith("#")) or re.match(ITEM, line.lstrip()) for line in lines)
    spoken = request.is_data or name.lower() in first.lower() or any(map(SPEECH.search, lines))
    is_template = request.language == "template"  # whose words are the file's own
    if said and spoken and is_talk(first) and not (is_template or SLOT.search(text)):
        return Doubt("no_code")
    is_document = request.language in {"markdown", "restructuredtext"}
    if len(lines) == 1 and is_said(first) and not first.startswith("#"):
        return Doubt("no_code") if is_document or "." not in name else Doubt(kept=text)
    rest = text[text.find(first) + len(first) :]
    is_own = not first.endswith((":", "：")) and rest.lstrip().startswith("##")  # a paragraph above the first section
    if is_lead(first) and not is_own and (name in first or HEADED.match(rest)):
        above = not HEADED.match(rest) and len(lines) > 1 and RULE.match(lines[1])
        return Doubt(kept=text) if above or TO_THE_USER.match(last) else rest
    is_told = is_lead(first) and not (is_own or SLOT.search(rest))
    has_entries = not is_document and all(map(ENTRY.search, lines[1:-1])) and not SLOT.search(text)
    is_told = is_told or (has_entries and is_talk(first) and first.endswith(":") and ENTRY.search(last) is not None)
    has_entries = has_entries and ENTRY.search(first) is not None
    return Doubt(kept=text) if is_told or is_behind(text, request, has_entries=has_entries) else text


def is_behind(text: str, request: Request, *, has_entries: bool) -> bool:
    """Return whether the last words of a text speak to the user: below a rule, about the file, or alone as words."""
    before, _, last = text.rstrip().rpartition("\n")
    ruled = RULE.match(before.rstrip().rpartition("\n")[2]) is not None
    if not (ruled or before.endswith("\n")) or last.startswith(("#", ">")) or last.count('"') % 2:
        return False
    words = without_marks(last.strip("()"))
    about = ABOUT.search(words) is not None or f"this {request.path.rpartition('/')[2]}" in words
    to_user = TO_THE_USER.match(words) is not None
    # for test_code.test_words_to_the_user_at_an_end_of_a_text_are_asked_about
    tail = ruled and any(map(is_tail, re.split(r"(?<=[.!?]) ", last)))
    return tail or (is_talk(words) and about) or (has_entries and (to_user or is_said(words, in_brackets=False)))


def code_bounds(text: str, request: Request) -> str | Doubt:
    """Return the file without the chat around it: the least that has to go for it to be whole."""
    core = without_chat(text, request)
    if core.strip() != text.strip() and all(is_comment(line, request) for line in core.split("\n") if line.strip()):
        return Doubt("no_code")
    if request.is_whole(text) and (request.language in EXACT or not request.is_whole(core)):
        return text
    state = request.parsed(core).state
    if state in {State.WHOLE, State.NOT_JUDGED} and is_about(core, request):
        return Doubt("no_code")
    if request.language == "json" and state is not State.WHOLE and (value := json_inside(text)):
        return value
    if state in {State.WHOLE, State.NOT_JUDGED} or len(core) > LONGEST_TRIED:
        return core
    parts = [(part, request.parsed(part)) for part in trimmed(core, request)]
    whole = next((part for part, parsed in parts if parsed.state is State.WHOLE), None)
    if whole is not None:
        return Doubt("no_code") if is_about(whole, request) else without_heading(whole)
    cut = next((part for part, parsed in parts if parsed.state is State.UNFINISHED), None)
    if cut is not None and not begins_with_talk(cut, request):
        return cut
    if is_prose(core) or begins_with_talk(core, request):
        return Doubt("no_code")
    return Doubt(kept=core)


def is_about(text: str, request: Request) -> bool:
    """Return whether a text begins with a sentence or an item, as no file does: it is about the file."""
    first = text.lstrip().partition("\n")[0]
    # for test_code.test_a_file_without_a_fence_that_begins_like_words_is_whole
    if is_comment(first, request) or re.search("[{;]", first):
        return False
    # for test_code.test_words_to_the_user_alone_are_no_file
    item = re.match(ITEM, first) is not None and not (request.is_data or request.language in {"yaml", "json"})
    return item or (first[:1].isupper() and is_talk(first))


def begins_with_talk(text: str, request: Request) -> bool:
    """Return whether the first line speaks to the user or is an item or a heading."""
    first = text.lstrip().partition("\n")[0]
    return not is_comment(first, request) and (is_talk(first) or first.startswith(("# ", "- ", "* ")))


TOKENS: Final = re.compile(TOKEN)  # for test_code.test_turns_that_a_text_shows_are_its_own
MARKUP: Final = frozenset({"html", "xml", "vue", "svelte", "astro"})  # for VN28


def without_chat(text: str, request: Request) -> str:
    """Return the text without announcements in front of the file and words to the user behind it."""
    lines = text.strip("\n").split("\n")
    start, end = 0, len(lines)
    least = end if request.language in {"perl", "ruby"} and AFTER_PROGRAM.search(text) else 1
    for number, line in enumerate(lines[:MOST_LEADS], 1):
        said = is_lead(line) and not (line[:1].isspace() or is_comment(line, request))
        apart = request.language not in {"yaml", "ini"} or not "".join(lines[number : number + 1]).strip()
        if line.strip() and not (said and apart):
            break
        start = number
    for first in reversed(range(start + least, end)):
        if end - first > LONGEST_CHAT:
            break
        if lines[first].strip() and not lines[first - 1].strip() and _is_chat(lines[first:end], request):
            end = first
    kept = "\n".join(lines[start:end])
    return without_heading(kept) if end < len(lines) else kept


def without_heading(text: str) -> str:
    """Return a text without the heading or rule at its end that stood above talk."""
    lines = text.split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or HEADING.match(lines[-1])):
        lines.pop()
    return "\n".join(lines)


# for VP08-documentation-behind-a-program
AFTER_PROGRAM: Final = re.compile(r"^(?:__END__|__DATA__|=(?:pod|head\d|begin)\b)", re.MULTILINE)
"""The data and the documentation of Perl and Ruby: sentences of theirs are the file's."""

MOST_LEADS: Final = 12
LONGEST_CHAT: Final = 40
# for markdown-rule-above-talk-behind
HEADING: Final = re.compile(r"\s*(?:-{3,}|={3,}|\*{3,}|#{2,6} [\w ]{1,60}:?|\*\*[^*]{1,60}\*\*:?)\s*$")


def _is_chat(part: list[str], request: Request) -> bool:
    first = part[0]
    if first[:1].isspace() or first.endswith(("{", "}", ";")) or is_comment(first, request):
        return False
    return (is_tail(first) and is_prose("\n".join(part))) or all(
        is_said(line, in_brackets=False) for line in part if line.strip()
    )


def trimmed(text: str, request: Request) -> Iterator[str]:
    """Yield the text without lines of talk in front and paragraphs of talk behind, the fewest lines first."""
    lines = text.strip("\n").split("\n")
    starts = [at for at, line in enumerate(lines) if line.strip() and not (at and lines[at - 1].strip())]
    paragraphs = list(zip(starts, [*starts[1:], len(lines)], strict=True))
    leads, tails = [0], [len(lines)]
    for start, end in paragraphs[:MOST_PARAGRAPHS]:
        code = (at for at in range(start, end) if not (_is_said(lines[at]) or _is_label(lines[at], request)))
        is_talk_alone = _may_be_talk("\n".join(lines[start:end]))
        last = end if is_talk_alone and request.language != "yaml" else next(code, end)
        leads += range(start + 1, min(last, len(lines) // 2) + 1)  # more would leave but the last lines of something
        leads += [end] if is_talk_alone else []
        if leads[-1] < end:
            break
    tails += [start for start, end in paragraphs[-MOST_PARAGRAPHS:] if _may_be_talk("\n".join(lines[start:end]))]
    edges = ((lead, tail) for lead in leads for tail in tails if lead < tail)
    edges = (edge for edge in edges if not edge[0] or not lines[edge[0]][:1].isspace())  # no file begins within a block
    for lead, tail in sorted(edges, key=lambda edge: edge[0] - edge[1])[:MOST_TRIED]:
        yield "\n".join(lines[lead:tail]).strip("\n")


def _may_be_talk(paragraph: str) -> bool:
    first = paragraph.partition("\n")[0]
    is_prose_alone = first[:1].isupper() and "]:" not in first and is_prose(paragraph)
    labelled = label_in(paragraph) is not None and not first.startswith("<")
    return is_prose_alone or is_talk(first) or RULE.match(paragraph) is not None or labelled


def _is_label(line: str, request: Request) -> bool:
    return names(line, request.path) and not line.startswith("<")  # a tag may be around the file


def _is_said(line: str) -> bool:
    return is_talk(line) or (
        line[:1].isupper() and is_prose(line) and line.rstrip().endswith((".", "!", "?", ":", "…"))
    )


def json_inside(text: str) -> str | None:
    """Return the one JSON value between words, or None."""
    found = re.search(r"^[ \t]*(?=[{\[])", text, re.MULTILINE)  # for json-then-words-in-the-next-line
    if found is None:
        return None
    try:
        _, end = json.JSONDecoder().raw_decode(text, found.end())
    except (ValueError, RecursionError):
        return None
    return None if text[end:].lstrip().startswith(("{", "[")) else text[found.end() : end]

"""One answer → the text of the one file it was asked for, when it is certain that it is that, and whole.

The answer is parsed once. The passes are tried in order, and the first that finds the file wins; what
may be around the file or was done to all its lines is taken away; then every check has its say.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from os.path import commonprefix
from typing import Final

from smol_dev.languages import State
from smol_dev.replies import verdicts
from smol_dev.replies.answer import Answer, of_text, parse
from smol_dev.replies.bare import EXPLICIT, bare, begins_with_talk, is_comment, is_marred, without_label, without_word
from smol_dev.replies.blocks import as_asked, block_and_talk
from smol_dev.replies.checks import headings, is_doubtful, problem, unfit
from smol_dev.replies.paths import names
from smol_dev.replies.repetition import is_endless
from smol_dev.replies.talk import is_prose, is_refusal, is_sentence, is_talk, is_unfinished
from smol_dev.replies.wrapped import WRAPPERS

Pass = Callable[[Answer, verdicts.Request], verdicts.Found | verdicts.Doubt | None]

CODE: Final[tuple[tuple[str, Pass], ...]] = (
    ("as asked", as_asked),  # for token-behind-an-inner-fence
    ("block and talk", block_and_talk),  # for aside-word-in-ticks
    ("bare", bare),  # for F11-version-one-line
)
"""The passes; `wrapped.WRAPPERS` are the ones that look at what these find."""

FREE_INDENT: Final = frozenset(  # for indent-tab
    {"javascript", "typescript", "tsx", "json", "css", "scss", "go", "rust", "java", "c", "cpp", "html"}
)
# for test_code.test_only_what_may_be_the_file_is_kept_for_want_of_a_better_one
LINE_BY_LINE: Final = frozenset({"diff", "double fence", "block quote", "line numbers", "one line", "entities"})
PROSE: Final = frozenset({None, "text", "markdown"})  # for title-that-is-the-name
"""Languages in which a first line with the file's name may be its title."""

MARKS: Final = re.compile(r"`{3}|~{3}|\\`|<[|｜]\w+[|｜]>")  # for fence-left-open-around-a-block
# for test_code.test_only_what_may_be_the_file_is_kept_for_want_of_a_better_one
STRANGE: Final = tuple("0123456789*+->{[<|`")
"""How no file begins whose parser stops in the first line: numbers, quotes, a call, a diff."""

# for test_code.test_a_thought_that_is_empty_is_asked_about
EMPTY_THOUGHT: Final = re.compile(r"\s*<(think|thinking|thought)>\s*</\1>", re.IGNORECASE)
MOST_LAYERS: Final = 3


def read_code(answer: str, *, path: str, finish_reason: str | None) -> verdicts.Code | verdicts.Rejected:
    """Return the file that `answer` holds for `path`, or the reason to ask for it again.

    The time is linear in the length of the answer, whatever it is.
    """
    said = without_given_opening(parse(answer))
    ended = True if said.stopped or finish_reason == "stop" else False if finish_reason else None
    request = verdicts.Request(path, ended)
    if said.lost:
        return verdicts.code_rejected("no_code" if ended else "truncated")
    if not ended and finish_reason not in {None, "", "length"}:
        return verdicts.code_rejected("truncated")
    if not said.text.strip():
        return verdicts.code_rejected("empty")
    if not said.fences and is_refusal(said.text):
        return verdicts.code_rejected("refusal")
    found = find(said, request)
    if isinstance(found, verdicts.Doubt):
        return rejected(found, request)
    if is_said_to_go_on(said, found):
        return verdicts.code_rejected("truncated", kept=worth_keeping(found.text, request))
    return verdict(tidied(found, request), request)


def is_said_to_go_on(answer: Answer, found: verdicts.Found) -> bool:
    """Return whether the words right above a block, or the last ones of the answer, announce more of the file."""
    block = found.block
    if block is None:
        last = answer.text.rstrip().rpartition("\n\n")[2]
        return "\n" not in last and is_unfinished(last)
    behind = answer.text[block.end :].strip().split("\n")
    return any(map(is_unfinished, {*block.above[:1], behind[0], behind[-1]}))


def without_given_opening(said: Answer) -> Answer:
    """Return an answer without the opening it was given, where the model spoke first and then began its own block."""
    if len(said.fences) < 2 or said.text[: said.fences[0].start].strip():  # noqa: PLR2004 - the given one, its own one
        return said
    given, own = said.fences[:2]
    if own.mark != given.mark or not own.info == given.info != "":
        return said
    between = [line for line in said.text[given.end : own.start].split("\n") if line.strip()]
    if not between or not all(map(is_talk, between)):
        return said
    return of_text(said.text[own.start :], stopped=said.stopped)


def find(answer: Answer, request: verdicts.Request) -> verdicts.Found | verdicts.Doubt:
    """Return what the first pass that answers finds, out of what it may be wrapped in."""
    for name, look in CODE:
        found = look(answer, request)
        if isinstance(found, verdicts.Doubt):
            return out_of(answer.text, request) or found
        if found is not None:
            found = replace(found, passes=(name,))
            return found if is_in_own_fence(found, request) else out_of(found.text, request, found) or found
    return verdicts.Doubt("no_code")


def is_in_own_fence(found: verdicts.Found, request: verdicts.Request) -> bool:
    """Return whether a file stands in a longer fence, as it is asked for in types of which any line may be the file's."""
    is_longer = found.block is not None and len(found.block.fence) > len("```")
    return is_longer and (request.is_text or request.language == "yaml")


def out_of(
    text: str, request: verdicts.Request, around: verdicts.Found | None = None
) -> verdicts.Found | verdicts.Doubt | None:
    """Return the file out of a wrapper, or None when the text is in none."""
    found: verdicts.Found | None = None
    passes = around.passes if around else ()
    for _ in range(MOST_LAYERS):
        inner = unwrapped(text, request, inside=bool(passes))
        if inner is None:
            break
        if isinstance(inner, verdicts.Doubt):
            return inner
        name, text = inner
        passes = (*passes, name)
        answer = of_text(text)
        block = as_asked(answer, request) if answer.fences and not request.holds_fences else None
        if name in LINE_BY_LINE and answer.fences and block is None:
            block = block_and_talk(answer, request)
        if isinstance(block, verdicts.Found):
            found = block
        elif name in LINE_BY_LINE:
            found = replace(found or around or verdicts.Found("", closed=False), text=text)
        else:
            found = verdicts.Found(text, closed=True, behind=True)
        text = found.text
    return None if found is None else replace(found, passes=passes)


def unwrapped(text: str, request: verdicts.Request, *, inside: bool) -> tuple[str, str] | verdicts.Doubt | None:
    """Return the first way back that applies and what it leaves, or None."""
    whole = request.is_whole(text) and request.language != "html"
    for name, way in WRAPPERS:
        if (whole and name in LINE_BY_LINE - {"entities", "diff"}) or (name == "double fence" and not inside):
            continue
        inner = way(text, request)
        if isinstance(inner, verdicts.Doubt):
            return inner
        if inner is not None and inner != text:
            return name, inner
    return None


def tidied(found: verdicts.Found, request: verdicts.Request) -> verdicts.Found:
    """Return the file without empty lines at its ends, a label that is no comment, a foreign indentation."""
    text = without_blank_ends(found.text)
    if found.opened and not is_in_own_fence(found, request):
        rest = without_word(text, request) if found.block else text
        text = rest if rest is not text and request.is_whole(rest) else text
        rest = without_label(text, request)
        titled = request.language in PROSE and not (rest.startswith("# ") or EXPLICIT.match(text))
        text = text if titled else rest
    broken = request.parsed(text).state in {State.BROKEN, State.UNFINISHED}
    if text[:1] in " \t" and (request.language in FREE_INDENT or (request.language == "python" and broken)):
        rest = without_indent(text)
        text = rest if request.language in FREE_INDENT or request.is_whole(rest) else text
    return found if text == found.text else replace(found, text=without_blank_ends(text))


def verdict(found: verdicts.Found, request: verdicts.Request) -> verdicts.Code | verdicts.Rejected:
    """Return the file, or the first reason not to write it; what was done to all its lines is only a guess."""
    reason = problem(found, request)
    if reason is None and (headed := headings(found.text, request)):
        own = any(names(line, request.path) for line in headed)
        return replace(verdicts.SEVERAL_FILES, kept=None if own else worth_keeping(found.text, request))
    if reason is None and (thought := EMPTY_THOUGHT.match(found.text)):
        return rejected(verdicts.Doubt(kept=found.text[thought.end() :]), request)
    if reason is None and not is_in_own_fence(found, request):
        endless = is_endless(found.text)
        if endless or is_marred(found.text, request):
            return rejected(verdicts.Doubt("degenerate" if endless else "wrong_format", kept=found.text), request)
    if reason is None and LINE_BY_LINE & set(found.passes) and request.parsed(found.text).state is State.BROKEN:
        return rejected(verdicts.Doubt(kept=found.text), request)
    if reason is None and is_doubtful(found, request):
        return verdicts.code_rejected("wrong_format", kept=f"{found.text}\n")
    if reason is None:
        return verdicts.Code(found.text.rstrip("\r") + "\n", found.passes)
    unfinished = not found.closed and request.parsed(found.text).state is State.UNFINISHED
    kept = reason == "truncated" and request.ended and not unfinished
    begun = found.text if reason in {"truncated", "placeholder"} else ""
    return verdicts.code_rejected(reason, kept=worth_keeping(found.text, request) if kept else None, begun=begun)


def rejected(doubt: verdicts.Doubt, request: verdicts.Request) -> verdicts.Rejected:
    """Return the clearest reason: a cut answer explains that no file was found."""
    if request.ended is False:
        return verdicts.code_rejected("truncated")
    if doubt.fences:
        return verdicts.UNCLEAR_FENCES
    return verdicts.code_rejected(doubt.reason, kept=worth_keeping(doubt.kept or "", request))


def worth_keeping(text: str, request: verdicts.Request) -> str | None:
    """Return a text that is the file though a line or the end of it is wrong: one that begins and ends as code."""
    text = without_blank_ends(text)
    if not text or MARKS.search(text) or unfit(verdicts.Found(text, closed=True), request) is not None:
        return None
    parsed = request.parsed(text)
    first, last = text.lstrip().partition("\n")[0], text.rpartition("\n")[2]
    spoken = begins_with_talk(first, request) or begins_with_talk(last, request)
    strange = parsed.line == 1 and (is_prose(first) or first[:1] in STRANGE)
    is_behind = not request.is_text and is_sentence(last) and not is_comment(last, request)
    return None if is_behind or (parsed.wrong and (strange or spoken)) else text + "\n"


def without_indent(text: str) -> str:
    """Return the text without the indentation that all of its lines have."""
    lines = text.split("\n")
    shared = commonprefix([line for line in lines if line.strip()])  # noqa: RUF071 - of lines, not of paths
    width = len(shared) - len(shared.lstrip(" \t"))
    return "\n".join(line[width:] if line.strip() else line for line in lines)


def without_blank_ends(text: str) -> str:
    """Return the text without empty lines at its start and end."""
    if not text.strip():
        return ""
    start = text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1
    end = text.find("\n", len(text.rstrip()))
    return text[start : end if end >= 0 else len(text)]

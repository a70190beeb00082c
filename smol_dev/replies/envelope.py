"""What is left of an answer without reasoning, role headers and end-of-turn tokens (rule G1)."""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from smol_dev.replies.fences import find_blocks
from smol_dev.replies.harmony import final_message
from smol_dev.replies.kinds import OTHER, PYTHON, TEMPLATE, Kind
from smol_dev.replies.prose import TAIL as TALK
from smol_dev.replies.prose import is_sentence, is_talk, plain
from smol_dev.replies.scan import scan
from smol_dev.replies.syntax import is_python
from smol_dev.replies.tokens import END, LEADING, THINK_OPEN, TOKEN, closing_of

QUOTES: Final = frozenset("`'\"“”‘’")
LONE_CLOSER: Final = re.compile(
    r"</(?:think|thinking|reasoning)>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>", re.IGNORECASE
)
TOKEN_BEHIND_FENCE: Final = re.compile(
    rf"^([ \t]*(?:`{{3,}}|~{{3,}}))[ \t]*(?={TOKEN.pattern})", re.MULTILINE
)
ANSWER: Final = re.compile(
    r"^\s*<(answer|final_answer|final|response|output|solution)>", re.IGNORECASE
)
TOKENS_BEHIND: Final = re.compile(rf"(?:\s*(?:{END}))+\s*\Z")
MAX_TOKENS_BEHIND: Final = 200
MAX_LAYERS: Final = 20
MAX_CLOSERS: Final = 40
MAX_INDENT: Final = 80
LOOKING_BUDGET: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class Envelope:
    """The answer proper.

    `stopped` says that the model ended its turn itself, whatever the server reported; `lost` that
    the answer never got out of its reasoning.
    """

    text: str
    rules: tuple[str, ...]
    stopped: bool
    lost: bool = False


def open_envelope(answer: str, *, kind: Kind = OTHER, cut: bool = False) -> Envelope:
    """Return the answer proper; `cut` says that the server stopped the model."""
    text = re.sub(r"\r+\n", "\n", answer.lstrip("\ufeff").removeprefix("ï»¿"))
    rules = [] if text == answer else ["G1 line ends"]
    message = final_message(text)
    if message is not None:
        text, found = message
        rules.append(f"G1 {found}")
    for _ in range(MAX_LAYERS):
        inner = without_reasoning(text, kind)
        inner = without_header(text) if inner is None else inner
        if inner is None:
            break
        text, rule = inner
        rules.append(f"G1 {rule}")
    unclosed = THINK_OPEN.match(text.lstrip())
    if unclosed:
        return out_of_open_reasoning(text.lstrip()[unclosed.end() :], rules, cut=cut)
    text, stopped = before_end_token(text, kind)
    if stopped:
        rules.append("G1 end of turn")
    return Envelope(text, tuple(rules), stopped=stopped)


def out_of_open_reasoning(text: str, rules: list[str], *, cut: bool) -> Envelope:
    """Return the one finished block that follows reasoning that was never closed."""
    text, stopped = before_end_token(text, OTHER)
    lines = text.split("\n")
    blocks = find_blocks(lines, OTHER)
    if (cut and not stopped) or len(blocks) != 1 or not blocks[0].closed:
        return Envelope("", (*rules, "G1 reasoning never ended"), stopped=stopped, lost=True)
    block = "\n".join(lines[blocks[0].first : blocks[0].after])
    return Envelope(block, (*rules, "G1 open reasoning"), stopped=True)


def without_reasoning(text: str, kind: Kind) -> tuple[str, str] | None:
    """Return the text behind a leading reasoning block, or None when there is none."""
    start = text.lstrip()
    opening = THINK_OPEN.match(start)
    if opening is None:
        end = lone_closer(start)
        return None if end is None else (start[end:], "reasoning without opening")
    end = reasoning_end(start, opening)
    if end is None:
        return None
    if kind.markup and start[:end].count("\n") == 0 and not start[end:].strip():
        return None
    return (start[end:] if kind.markup else unwrap_answer(start[end:])), "reasoning"


def reasoning_end(text: str, opening: re.Match[str]) -> int | None:
    """Return where the reasoning opened at the start of the text ends."""
    closing = closing_of(opening)
    pattern = re.compile(f"{re.escape(opening.group())}|{re.escape(closing)}", re.IGNORECASE)
    depth = 1
    first: int | None = None
    for match in pattern.finditer(text, opening.end()):
        closes = match.group().lower() == closing.lower()
        first = match.end() if closes and first is None else first
        if is_quoted(text, match):
            continue
        depth += -1 if closes else starts_line(text, match.start())
        if depth == 0:
            return match.end()
    return first


def starts_line(text: str, position: int) -> bool:
    """Tell whether nothing but white space stands before a position in its line."""
    return not text[max(0, position - MAX_INDENT) : position].rpartition("\n")[2].strip()


def is_quoted(text: str, match: re.Match[str]) -> bool:
    """Tell whether a match stands in quotes, or in the middle of a line of code or prose."""
    before = text[match.start() - 1 : match.start()]
    return before in QUOTES and before != "" and text[match.end() : match.end() + 1] in QUOTES


def lone_closer(text: str) -> int | None:
    """Return the end of the first closing tag that ends a stretch of prose, or None."""
    for match in islice(LONE_CLOSER.finditer(text), MAX_CLOSERS):
        before = text[: match.start()]
        line_end = text.find("\n", match.end())
        rest = text[match.end() : len(text) if line_end < 0 else line_end]
        if is_quoted(text, match) or not may_follow(before, rest):
            continue
        first = next((line for line in before.split("\n") if line.strip()), "")
        opened = match.group().replace("/", "", 1)
        fences = sum(line.lstrip().startswith(("```", "~~~")) for line in before.split("\n"))
        if opened in before or fences % 2 or (first and not reads_as_prose(first)):
            return None
        return match.end()
    return None


def may_follow(before: str, rest: str) -> bool:
    """Tell whether an answer can begin with `rest`, on the line where the reasoning ends."""
    if not rest.strip() or rest.lstrip().startswith("```"):
        return True
    ends = not before.strip() or before[-1] in ".!?:)\n"
    return ends and not rest[0].isspace() and rest[0] not in QUOTES - {'"'}


def reads_as_prose(line: str) -> bool:
    """Tell whether a line can begin a stretch of thinking aloud."""
    text = plain(line)
    return (
        is_sentence(line)
        or is_talk(text, TALK)
        or bool(
            re.match(
                r"(?:we|i|the user|so|hmm|first|let|user|need|they|task|goal|wait)\b",
                text,
                re.IGNORECASE,
            )
            and not re.search(r"[{}=;()<>]", text)
        )
    )


def unwrap_answer(text: str) -> str:
    """Return the text inside the answer tags that follow a reasoning block."""
    opening = ANSWER.match(text)
    if opening is None:
        return text
    end = text.rfind(f"</{opening[1]}>")
    return text[opening.end() : end if end >= 0 else len(text)]


def without_header(text: str) -> tuple[str, str] | None:
    """Return the text behind a leaked role header, or None when there is none."""
    start = text.lstrip()
    if re.match(r"<answer>", start, re.IGNORECASE):
        return unwrap_answer(start), "answer tags"
    match = LEADING.match(start)
    if match is None:
        return None
    return start[match.end() :].lstrip(" "), "role header"


def before_end_token(text: str, kind: Kind) -> tuple[str, bool]:
    """Return the text before the first token that ends the turn, and whether there was one."""
    if kind is TEMPLATE:
        return without_last_token(text)
    if "```" in text or "~~~" in text:
        text = TOKEN_BEHIND_FENCE.sub(r"\1\n", text)
    budget = LOOKING_BUDGET
    for match in TOKEN.finditer(text):
        budget -= len(text)
        if budget < 0:
            break
        if is_end(text, match, kind):
            return text[: match.start()], True
    return text, False


def without_last_token(text: str) -> tuple[str, bool]:
    """Return a chat template or the like without a token behind it, if it has no other."""
    tokens = list(islice(TOKEN.finditer(text), 2))
    if len(tokens) == 1 and not text[tokens[0].end() :].strip():
        return text[: tokens[0].start()], True
    return text, False


def without_tokens_behind(text: str) -> str:
    """Return the text without the tokens at its very end."""
    return text[:-MAX_TOKENS_BEHIND] + TOKENS_BEHIND.sub("", text[-MAX_TOKENS_BEHIND:])


def is_end(text: str, match: re.Match[str], kind: Kind) -> bool:
    """Tell whether a token ends the turn rather than being part of the file."""
    before, after = text[: match.start()], text[match.end() :]
    line_start = before.rpartition("\n")[2]
    line_rest = after.partition("\n")[0]
    if match.group() == "</s>" and re.search(r"<s(?:\s[^>]*)?>(?:(?!</s>)[^\n])*$", line_start):
        return False
    at_edge = not line_start.strip() or not line_rest.strip() or TOKEN.match(line_rest.lstrip())
    if not at_edge or (match["start"] and line_start.strip()):
        return False
    if not after.strip() or not TOKEN.sub("", after).strip():
        return True
    if kind is PYTHON and is_python(without_tokens_behind(text)):
        return False
    return not inside_file(before, after, kind)


def inside_file(before: str, after: str, kind: Kind) -> bool:
    """Tell whether a place is inside a fence that is closed later, or inside a string."""
    lines = before.split("\n")
    blocks = find_blocks(lines, kind)
    if blocks:
        fence = lines[blocks[-1].first].strip()[:3]
        return not blocks[-1].closed and any(
            line.strip().startswith(fence) and not line.strip().strip(fence[0])
            for line in after.split("\n")
        )
    spans = scan(before, kind)
    return bool(spans) and not spans[-1].closed

"""One answer, parsed once: the turn without template marks and reasoning, its fenced blocks, the words around them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

from smol_dev.replies.talk import is_talk, without_marks

BAR: Final = r"[|｜]"
TOKEN: Final = (
    rf"(?:<{BAR}[^|｜<>\s]{{1,40}}{BAR}>|</s>|<(?:[be]os|EO[TD]|unused\d{{1,4}}|(?:start|end)_of_turn|end_of_utterance|"
    r"file_sep|fim_\w{1,10})>|\[(?:EOS|/INST)\])"
)
"""A mark of a chat template: `<|im_end|>`, Granite's roles, DeepSeek's wide bars, Gemma's turns."""

START: Final = rf"(?:<{BAR}(?:im_start|start_header_id|start_of_role|START_OF_TURN_TOKEN|start|user|User){BAR}>|<start_of_turn>|\[INST\])"
HEADER: Final = re.compile(  # for g1-inst
    rf"\s*(?:(?!<\|repo_name){TOKEN}|<s>(?![^\n]*</s>))(?:[ \t]*(?:assistant|model|ipython)(?=\s|`|~|{TOKEN}|$))?[ \t]*\n?|"
    r"\s*assistant[ \t]*\n(?=[ \t]*(?:\n|`{3}|~{3}))"
)
# for test_answer.test_only_the_turn_is_read
OTHER_ROLE: Final = re.compile(rf"\s*{START}[ \t]*(?:system|user|developer|tool|\{{)", re.IGNORECASE)
ENDS: Final = re.compile(rf"(?:(?!{START}){TOKEN}\s*+)++")  # for trail-eos2
MOST_BEHIND: Final = 400
NO_END: Final = re.compile(rf"{START}|</s>")  # for test_code.test_the_file_in_the_answer
NEXT_TURN: Final = re.compile(
    rf"(?!\[/INST){TOKEN}(?=\s*(?:{START}|\n|(?:Human|User)\b)|[\w./-]+\.\w+\n)"
)  # for endoftext-next-doc
FENCE_AND_TOKEN: Final = re.compile(
    rf"\n[ \t]*+([`~]{{3,}}+)[ \t]*+(?={TOKEN}|<\|\w*\Z)"
)  # for S036-eot-then-next-turn
"""A line with the line end before it: what begins with one fixed character is found fast."""

THINK: Final = re.compile(  # for VN67
    r"\s*(?:<(?P<tag>think|thinking|thought|reasoning|reflection|seed:think)>|(?P<square>\[THINK\])|"
    rf"<{BAR}(?P<bar>begin_of_thought|START_THINKING|think(?:ing)?|reasoning){BAR}>|(?P<moon>◁think▷)|"
    r"(?P<channel><\|channel>(?:thought|analysis)\b)|(?P<details><details type=\"reasoning\"[^>\n]*>))",
    re.IGNORECASE,
)
CLOSERS: Final = {  # for THINK
    "square": "[/THINK]",
    "moon": "◁/think▷",
    "channel": "<channel|>",
    "details": "</details>",
    "begin_of_thought": "<|end_of_thought|>",
    "start_thinking": "<|END_THINKING|>",
    **{word: f"<|/{word}|>" for word in ("think", "thinking", "reasoning")},
}
# for f2-thinkopen
LONE_CLOSER: Final = re.compile(r"(?:</think(?:ing)?>|\[/THINK\])[ \t]*(?=\n|`{3}|~{3}|\Z)", re.IGNORECASE)
CHANNEL: Final = re.compile(r"<\|channel\|>\s*+(\w++)[^\n]{0,120}?<\|message\|>")  # for harmony-analysis-only
# for harmony-analysis-only
CHANNEL_START: Final = re.compile(r"(?:(?:<\|start\|>)?assistant\s*|<\|start\|>\s*)?<\|channel\|>")
CODE_SIGN: Final = re.compile(r"[\"'#=(){};`]")  # for doubt-g8
# for harmony-stripped
SPOKEN_CHANNEL: Final = re.compile(r"\s*analysis(?=[A-Z\s]).*?assistant\s?final(?=[^a-z]|$)", re.DOTALL)
ANSWER_TAG: Final = re.compile(r"\s*<(answer|final_answer|response)>(.*)</\1>\s*\Z", re.DOTALL)  # for think-answer-raw
QUOTES: Final = "`'\"“‘"
MOST_LAYERS: Final = 12
MOST_CLOSERS: Final = 40
FENCE: Final = re.compile(r"\n([ \t]*+)(`{3,}+(?![^\n]*`)|~{3,}+)([^\n]*+)")  # for len-fenced-closed

GLUED: Final = re.compile(r"(?<=[^`~\s])[ \t]*(`{3,}|~{3,})\s*\Z")  # for glued-close
CODE_BEHIND: Final = ('"', "'", ")", "]", "<", ",", ";", "+", "\\")  # for VR12-raw
LONGEST_FENCE: Final = 10
"""More marks are a rule or the line below a title."""

SHORTEST_UNDERLINE: Final = 5
MOST_FENCES: Final = 5_000
MOST_SPOKEN: Final = 3
MOST_ABOVE: Final = 2


@dataclass(frozen=True, slots=True)
class Fence:
    """A line that is a fence: `start` and `end` are its offsets, `info` what stands behind the marks."""

    start: int
    end: int
    indent: int
    mark: str
    info: str

    @property
    def is_inner(self) -> bool:
        """Whether code of the file follows the marks: the end of a fence in a string or an element."""
        return self.info.startswith(CODE_BEHIND)

    def closes(self, opener: "Fence") -> bool:
        """Return whether this line can close what `opener` opened."""
        return not self.info and self.within(opener) and self.indent <= opener.indent

    def within(self, opener: "Fence") -> bool:
        """Return whether the marks are of the same character and at least as many."""
        return self.mark.startswith(opener.mark)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `text` is its inside, verbatim, without a last line end.

    `start` and `end` are the offsets of the block with its fences, `above` the nearest filled lines
    before it (the nearest first). `is_open` says that the text ends without a fence, in the middle of a line.
    """

    info: str
    text: str
    fence: str
    start: int
    end: int
    closed: bool
    above: tuple[str, ...] = ()
    is_open: bool = False

    @property
    def label(self) -> str:
        """The nearest filled line above the block, or nothing."""
        return self.above[0] if self.above else ""


@dataclass(frozen=True, slots=True)
class Span:
    """Text outside of all blocks, with its offset."""

    text: str
    start: int


@dataclass(frozen=True)
class Answer:
    """The answer proper, with LF line ends, its fences, and the blocks that stand in no other one.

    `stopped` says that a token ended the turn, whatever the server reported; `lost` that the answer
    never came out of its reasoning; `next_turn` is where a turn begins that the model made up.
    """

    text: str
    fences: tuple[Fence, ...] = ()
    stopped: bool = False
    lost: bool = False
    next_turn: int | None = None

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks, by their fences alone."""
        return tuple(find_blocks(self.text, self.fences))

    @cached_property
    def parts(self) -> tuple[Span | Block, ...]:
        """The blocks and the text between them."""
        parts, position = list[Span | Block](), 0
        for block in self.blocks:
            parts += [Span(self.text[position : block.start], position), block]
            position = block.end
        parts.append(Span(self.text[position:], position))
        return tuple(part for part in parts if isinstance(part, Block) or part.text)


def parse(raw: str) -> Answer:
    """Return what the model said, without reasoning, template marks, BOM and CR. Linear in time."""
    text = raw.removeprefix("\ufeff")
    text = re.sub(r"(?<!\r)\r++\n", "\n", text) if "\r" in text else text  # for crlf-fence
    for _ in range(MOST_LAYERS):
        text = final_channel(text)
        inner = without_layer(text)
        if inner is None:
            break
        text = inner
    return Answer("", lost=True) if THINK.match(text) else without_ends(text)


def of_text(text: str, *, stopped: bool = False, next_turn: int | None = None) -> Answer:
    """Return an answer for a text that was taken out of another one."""
    return Answer(text, find_fences(text), stopped, next_turn=next_turn)


def final_channel(text: str) -> str:
    """Return the final message of the harmony format (gpt-oss), else the arguments of its last call.

    Its tokens are those of the answer only where nothing but words stands before them.
    """
    first = CHANNEL_START.search(text, 0, 200) if text.find("<|channel|>", 0, 200) >= 0 else None
    before = text[: first.start()].rstrip().split("\n") if first else ["no harmony"]
    if without_marks(before[-1]) or not all(is_talk(line) or not CODE_SIGN.search(line) for line in before):
        spoken = SPOKEN_CHANNEL.match(text) if text.lstrip().startswith("analysis") else None
        return text[spoken.end() :] if spoken else text
    headers = list(CHANNEL.finditer(text))
    calls = [one for one in headers if one[1] == "commentary"]
    wanted = next((one for one in headers if one[1] == "final"), calls[-1] if calls else None)
    if wanted is None:
        return "" if headers else text
    return text[wanted.end() :]


def without_layer(text: str) -> str | None:
    """Return the text without the header, reasoning or tag in front of it; None when there is none."""
    if (thought := THINK.match(text)) is not None:
        end = reasoning_end(text, thought)
        return None if end is None else text[end:]
    if (lone := lone_closer(text)) is not None:
        return text[lone:]
    if (wrapped := ANSWER_TAG.match(text)) is not None:
        return wrapped[2]
    header = HEADER.match(text)
    return None if header is None or OTHER_ROLE.match(text) else text[header.end() :]


def without_reasoning(raw: str) -> str:
    """Return the answer without the reasoning in front of it, as a turn that the model reads again."""
    text = raw
    for _ in range(MOST_LAYERS):
        thought = THINK.match(text)
        end = reasoning_end(text, thought) if thought is not None else lone_closer(text)
        if end is None:
            break
        text = text[end:].lstrip()
    return text


def reasoning_end(text: str, opening: re.Match[str]) -> int | None:
    """Return where the reasoning that the text begins with ends, or None when it never does."""
    closer = f"</{opening['tag']}>" if opening["tag"] else CLOSERS[(opening["bar"] or str(opening.lastgroup)).lower()]
    marks = re.compile(f"^[ \\t]*{re.escape(opening[0].strip())}|{re.escape(closer)}", re.IGNORECASE | re.MULTILINE)
    depth, last = 1, None
    for mark in islice(marks.finditer(text, opening.end()), MOST_CLOSERS):
        closes = mark[0].lower() == closer.lower()
        if text[mark.start() - 1] in QUOTES and text[mark.end() : mark.end() + 1] in QUOTES:
            continue
        depth += -1 if closes else 1
        last = mark.end() if closes and last is None else last
        if depth == 0:
            return mark.end()
    return last


def lone_closer(text: str) -> int | None:
    """Return the end of reasoning whose opening tag was part of the request."""
    lower = text.lower() if "/" in text else ""
    closer = LONE_CLOSER.search(text) if "</think" in lower or "[/think" in lower else None
    if closer is None:
        return None
    before = text[: closer.start()]
    opened = closer[0].strip().replace("/", "", 1)
    is_inside = any(not block.closed for block in of_text(before).blocks)
    if opened in before or is_inside or text.lstrip().startswith(("```", "~~~")):
        return None
    words = re.match(r"\s*(?:\[[^\]\n]*\] )?[^\W\d_](?:`[^`\n]*`|[^`\n{}<>=;()])*(?:\n|\Z)", before)  # for f2-thinkopen
    return closer.end() if words or not before.strip() else None


def without_ends(text: str) -> Answer:
    """Return the turn up to the token that ends it; a turn made up behind it goes with a fence before."""
    if not any(sign in text for sign in ("<", "[EOS]", "[/INST]")):
        return of_text(text)
    opener = re.match(r"\s*(`{3,}|~{3,})", text)  # for token-behind-an-inner-fence
    for closer in FENCE_AND_TOKEN.finditer(f"\n{text}"):
        if opener is None or len(closer[1]) >= len(opener[1]):
            return of_text(text[: closer.end() - 1], stopped=True)
    kept = text[: max(0, len(text) - MOST_BEHIND)]
    end = text[len(kept) :]
    runs = list(ENDS.finditer(end))
    behind = end[: runs[-1].start()].rstrip() if runs and runs[-1].end() == len(end) else end
    if "<s" in behind.rpartition("\n")[2] and text.rstrip().endswith("</s>"):
        behind = end
    said = kept + behind
    made_up = (one.start() for one in NEXT_TURN.finditer(said) if not NO_END.match(said, one.start()))
    return of_text(said, stopped=len(said) < len(text.rstrip()), next_turn=next(made_up, None))


def find_fences(text: str) -> tuple[Fence, ...]:
    """Return every line that is a fence and no underline of a title."""
    if "```" not in text and "~~~" not in text:
        return ()
    found, opened = list[Fence](glued_opener(text)), ""
    for match in islice(FENCE.finditer(f"\n{text}"), MOST_FENCES):
        start, mark, info = match.start(), match[2], match[3].strip()
        closes = bool(opened) and not info and mark.startswith(opened)
        above = text[text.rfind("\n", 0, max(0, start - 1)) + 1 : max(0, start - 1)]
        titles = (mark[0] == "~" or len(mark) > SHORTEST_UNDERLINE) and len(above.strip()) == len(mark)
        underlines = titles and not info and not closes
        if len(mark) > LONGEST_FENCE or underlines:
            continue
        if mark[0] == "~":
            opened = "" if closes else opened or mark
        fence = Fence(start, match.end() - 1, len(match[1].expandtabs(4)), mark, info)
        if found or not fence.is_inner:
            found.append(fence)
    return tuple(found)


def glued_opener(text: str) -> Iterator[Fence]:
    """Yield the first fence of an answer where it stands behind a sentence to the user, in its line."""
    start = text.find("```")
    before, info = text[:start].split("\n"), text[start:].partition("\n")[0]
    if not before[-1].strip():
        return
    spoken = [line for line in before if line.strip()]
    alone = re.fullmatch(r"(`{3,})[ \t]*+([\w+#-]*)[ \t]*", info)  # for call-action
    told = len(spoken) <= MOST_SPOKEN and all(is_talk(line) or not CODE_SIGN.search(line) for line in spoken)
    if alone and told and re.search(r"[^\W\d]\W*[:.!][ \t]*\Z", before[-1]):  # for call-action
        yield Fence(start, start + len(info), 0, alone[1], alone[2])


def find_blocks(text: str, fences: tuple[Fence, ...]) -> Iterator[Block]:
    """Yield the blocks in their order: an info string opens one, also in another one; a bare fence closes."""
    opened, before = list[Fence](), 0
    for fence in fences:
        if opened and fence.closes(opened[-1]):
            opener = opened.pop()
            if not opened:
                yield block_between(text, opener, fence, before=before)
                before = fence.end
        elif not opened or (fence.info and fence.within(opened[-1])):
            opened.append(fence)
    if opened:
        yield block_between(text, opened[0], None, before=before)


def block_between(text: str, opener: Fence, closer: Fence | None, *, before: int) -> Block:
    """Return the block from one fence to another, or to the end; a last fence may be glued to a line."""
    end = closer.end if closer else len(text)
    inside = text[min(opener.end + 1, len(text)) : closer.start if closer else end]
    glued = None if closer else GLUED.search(inside, max(0, len(inside) - 200))
    closed = closer is not None
    if glued is not None and glued[1].startswith(opener.mark):
        inside, closed = inside[: glued.start()], True
    is_open = not (closed or inside.endswith("\n"))
    inside = inside.removesuffix("\n")
    if width := opener.indent:
        lines = inside.split("\n")
        is_inset = all(line[:width].isspace() for line in lines if line.strip())
        inside = "\n".join(line[width:] for line in lines) if is_inset else inside
    near = text[max(before, opener.start - 1000) : opener.start].split("\n")
    above = tuple(line for line in reversed(near) if line.strip())[:MOST_ABOVE]
    return Block(opener.info, inside, opener.mark, opener.start, end, closed, above, is_open)

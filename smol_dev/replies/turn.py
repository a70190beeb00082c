"""What the model said in its turn, without the marks of the chat template and without its reasoning."""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

BAR: Final = r"[|｜]"
TOKEN: Final = (
    rf"(?:<{BAR}[^|｜<>\s]{{1,40}}{BAR}>|</s>|<[be]os>|<(?:start|end)_of_turn>|"
    r"<end_of_utterance>|<file_sep>|<fim_\w{1,10}>|<EOT>|\[EOS\])"
)
"""A mark of a chat template: `<|im_end|>`, Granite's roles, DeepSeek's wide bars, Gemma's turns."""

START: Final = rf"(?:<{BAR}(?:im_start|start_header_id|start_of_role|START_OF_TURN_TOKEN|start|user|User){BAR}>|<start_of_turn>|\[INST\])"
HEADER: Final = re.compile(
    rf"\s*(?:{TOKEN}|<s>(?![^\n]*</s>)|\[/INST\])(?:[ \t]*(?:assistant|model|ipython)(?=\s|`|~|{TOKEN}|$))?[ \t]*\n?|"
    r"\s*assistant[ \t]*\n(?=[ \t]*(?:\n|`{3}|~{3}))"
)
OTHER_ROLE: Final = re.compile(
    rf"\s*{START}[ \t]*(?:system|user|developer|tool|\{{)", re.IGNORECASE
)
ENDS: Final = re.compile(rf"(?:\s*(?!{START}){TOKEN})+\s*\Z")
MOST_BEHIND: Final = 400
NEXT_TURN: Final = re.compile(rf"(?!{START}){TOKEN}\s*{START}")
FENCE_AND_TOKEN: Final = re.compile(rf"^[ \t]*(`{{3,}}|~{{3,}})[ \t]*(?={TOKEN})", re.MULTILINE)

THINK: Final = re.compile(
    r"\s*(?:<(?P<tag>think|thinking|thought|reasoning|reflection|seed:think)>|(?P<square>\[THINK\])|"
    rf"<{BAR}(?P<bar>begin_of_thought|START_THINKING|think){BAR}>|(?P<moon>◁think▷)|"
    r"(?P<details><details type=\"reasoning\"[^>\n]*>))",
    re.IGNORECASE,
)
CLOSERS: Final = {
    "square": "[/THINK]",
    "moon": "◁/think▷",
    "details": "</details>",
    "begin_of_thought": "<|end_of_thought|>",
    "start_thinking": "<|END_THINKING|>",
    "think": "<|/think|>",
}
LONE_CLOSER: Final = re.compile(
    r"(?:</think(?:ing)?>|\[/THINK\])[ \t]*(?=\n|`{3}|~{3}|\Z)", re.IGNORECASE
)
CHANNEL: Final = re.compile(r"<\|channel\|>\s*(\w+)[^\n]{0,120}?<\|message\|>")
CHANNEL_END: Final = re.compile(r"<\|(?:end|return|call|start)\|>")
SPOKEN_CHANNEL: Final = re.compile(
    r"\s*analysis(?=[A-Z\s]).*?assistant\s?final(?=[^a-z]|$)", re.DOTALL
)
ANSWER_TAG: Final = re.compile(r"\s*<(answer|final_answer|response)>(.*)</\1>\s*\Z", re.DOTALL)
QUOTES: Final = "`'\"“‘"
MOST_LAYERS: Final = 12
MOST_CLOSERS: Final = 40


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer proper, with LF line ends.

    `stopped` says that a token ended the turn, whatever the server reported; `lost` that the answer
    never came out of its reasoning; `next_turn` is where a turn begins that the model made up.
    """

    text: str
    stopped: bool = False
    lost: bool = False
    next_turn: int | None = None


def take_turn(raw: str) -> Turn:
    """Return what the model said. Linear in the length of the answer."""
    text = re.sub(r"\r+\n", "\n", raw.removeprefix("\ufeff"))
    text = final_channel(text)
    for _ in range(MOST_LAYERS):
        inner = without_layer(text)
        if inner is None:
            break
        text = inner
    if (thought := THINK.match(text)) and reasoning_end(text, thought) is None:
        return Turn("", lost=True)
    return without_ends(text)


def final_channel(text: str) -> str:
    """Return the final message of the harmony format (gpt-oss), else the arguments of its last call."""
    if "<|channel|>" not in text[:200]:
        spoken = SPOKEN_CHANNEL.match(text) if text.lstrip().startswith("analysis") else None
        return text[spoken.end() :] if spoken else text
    headers = list(CHANNEL.finditer(text))
    wanted = [one for one in headers if one[1] == "final"][:1] or [
        one for one in headers if one[1] == "commentary"
    ][-1:]
    if not wanted:
        return "" if headers else text
    end = CHANNEL_END.search(text, wanted[0].end())
    return text[wanted[0].end() : end.start() if end else len(text)]


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
    closer = (
        f"</{opening['tag']}>"
        if opening["tag"]
        else CLOSERS[(opening["bar"] or str(opening.lastgroup)).lower()]
    )
    marks = re.compile(
        f"^[ \\t]*{re.escape(opening[0].strip())}|{re.escape(closer)}", re.IGNORECASE | re.MULTILINE
    )
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
    closer = LONE_CLOSER.search(text)
    if closer is None:
        return None
    before = text[: closer.start()]
    opened = closer[0].strip().replace("/", "", 1)
    if opened in before or before.count("\n```") % 2 or text.lstrip().startswith(("```", "~~~")):
        return None
    words = re.match(r"\s*[^\W\d_][\w'’-]*[,:]?(?: [^\n{}<>=;()]+)?(?:\n|\Z)", before) or re.match(
        r"\s*[^\n{}<>=;]*[.!?:]\s*(?:\n|\Z)", before
    )
    return closer.end() if words or not before.strip() else None


def without_ends(text: str) -> Turn:
    """Return the turn up to the token that ends it; a turn made up behind it goes with a fence before."""
    opener = re.match(r"\s*(`{3,}|~{3,})", text)
    for closer in FENCE_AND_TOKEN.finditer(text):
        if opener is None or len(closer[1]) >= len(opener[1]):
            return Turn(text[: closer.end()], stopped=True)
    kept = text[: max(0, len(text) - MOST_BEHIND)]
    behind = ENDS.sub("", text[len(kept) :])
    if "<s" in behind.rpartition("\n")[2] and text.rstrip().endswith("</s>"):
        behind = text[len(kept) :]
    made_up = NEXT_TURN.search(kept + behind)
    return Turn(
        kept + behind,
        stopped=len(kept + behind) < len(text.rstrip()),
        next_turn=made_up.start() if made_up else None,
    )

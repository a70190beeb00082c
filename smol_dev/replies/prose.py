"""Which lines of an answer speak to the user instead of belonging to the file."""

import re
from functools import lru_cache
from typing import Final

from smol_dev.replies.kinds import Kind

OPENERS: Final = (
    r"(?:sure|certainly|of course|absolutely|okay|ok|great|got it|understood|alright|no problem|"
    r"yes|right|perfect|gladly|definitely)\b[!,.:]?(?:\s|$)"
)
HERE: Final = (
    r"(?:here(?:'s|’s| is| are| you go| it is| comes)|below (?:is|are|you)|this is|these are|"
    r"the following|the (?:complete |full |final |updated |corrected |revised |fixed |whole )*"
    r"(?:code|file|content|contents|implementation|script|module|readme|source)\b|"
    r"i(?:'ve|’ve| have|'ll|’ll| will|'m| am)?\s(?:created|written|prepared|generated|made|put|"
    r"write|create|provide|provided|implement|implemented|built|wrote|added|fixed|updated|"
    r"corrected|going to)\b|let's |let me |as (?:you )?requested|based on (?:the|your) |"
    r"following (?:the|your) plan|now,? (?:let|here|i|we)|first,? (?:let|here|i|we)|"
    r"we (?:need|will|can|start)|hier (?:ist|sind)|voici|aqu[ií] (?:está|tienes)|ecco|以下是|这是)"
)
CLOSERS: Final = (
    r"(?:let me know|feel free|i hope|hope (?:this|that)|would you like|do you want|if you (?:have|"
    r"need|want|would|'d|’d)|please (?:let|note|make|ensure|replace|adjust|review|check)|"
    r"is there anything|happy coding|enjoy|good luck|you can (?:now |also |then |run|use|save|start|"
    r"test|customi[sz]e|adapt|adjust|modify)|(?:make|be) sure|don't forget|remember to|"
    r"(?:this|the) (?:above )?(?:code|file|readme|script|implementation|module|component|program|"
    r"function|class|solution|version|page|stylesheet|configuration|config|example)\b|"
    r"i(?:'ve|’ve| have) |in this (?:code|file|version|implementation|example)|"
    r"(?:a few |some |quick )?(?:key )?(?:notes?|explanations?|usage|example usage|how it works|"
    r"how to (?:use|run)|key (?:points|features)|features|summary|changes|what changed|next steps|"
    r"instructions|requirements|remarks?|description|overview|breakdown|improvements|"
    r"example|to run|to use|to test|erklärung|hinweis|explicación|explication)\b(?:[^.]{0,60}:)?$|"
    r"note(?: that)?\b|to (?:run|use|test|start|install|try) |save (?:this|it|the)|run (?:it|this) |"
    r"that's (?:it|all)|this should|anmerkung)"
)
LEAD: Final = re.compile(rf"(?:{OPENERS}|{HERE})", re.IGNORECASE)
TAIL: Final = re.compile(rf"(?:{OPENERS}|{HERE}|{CLOSERS})", re.IGNORECASE)
SURE: Final = re.compile(rf"{OPENERS}(?<=[!,.:\s])(?:(?<=[!,.:]\s)|$)", re.IGNORECASE)
TO_THE_USER: Final = re.compile(
    r"(?:let me know|feel free to|i hope (?:this|that)|hope this helps|would you like me|"
    r"do you want me|if you (?:need|have|want|would like|'d like) (?:any|further|more|me|help|"
    r"changes|to (?:change|adjust|add))|is there anything else|please let me know|"
    r"i(?:'ve|’ve| have) (?:included|added|kept|used|created|written|followed|made)|"
    r"this readme (?:provides|includes|covers|gives|contains|file)|"
    r"(?:just )?tell me if|happy to )",
    re.IGNORECASE,
)
ABOUT_A_FILE: Final = re.compile(
    r"readme|file|content|markdown|document|version|code|script|template|page|data|config|text|"
    r"requested|plan\b|`[^`]+`|\.\w{1,10}\b|datei|fichier|archivo|文件|内容",
    re.IGNORECASE,
)
DECORATION: Final = re.compile(r"^(?:\s|>|#{1,6}\s|[-*+•]\s|\d{1,3}[.)]\s|[*_]{1,3}(?=\S))+")
CODE_SPAN: Final = re.compile(r"`[^`\n]*`")
CODE_SIGN: Final = re.compile(r"[{}<>=;\\]|\(\)|\w\(|->|::|^\s*[@$.#/]|^\s*[-\w.]+:\s*\S*$")
CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
SENTENCE_END: Final = re.compile(r"(?<=[\w)\"'”’`*%])[.:!?…。：！？]+[)\"'”’*_`]*$")
REFUSAL: Final = re.compile(
    r"(?:(?:i'?m|i am|we are|we're)?\s*(?:very |so |really |truly )?(?:sorry|afraid)\b[^.\n]{0,60}?"
    r"(?:can ?not|can't|can’t|unable|won't|won’t|not able|not comfortable|must decline|"
    r"don't|do not|not going to|have to decline)|"
    r"(?:unfortunately|apologies|i apologi[sz]e|my apologies|regrettably)\b[^.\n]{0,60}?"
    r"(?:can ?not|can't|can’t|unable|won't|won’t|not able|must decline)|"
    r"as an? (?:ai|artificial|large|responsible)\b|"
    r"i (?:can ?not|can't|can’t|won't|won’t|will not|do not feel comfortable|don't feel comfortable|"
    r"am unable to|am not able to)\b[^.\n]{0,80}(?:assist|help|provide|creat|generat|writ|fulfil|"
    r"comply|do that|continue|complete|produc|support|answer|do this|build|develop|implement)|"
    r"i (?:must (?:decline|refuse)|have to (?:decline|refuse)|refuse to|decline to)\b|"
    r"i(?:'m|’m) (?:unable|not able|not comfortable|not going to|afraid)\b|"
    r"(?:this|your|that) (?:request|prompt|content) (?:violates|goes against|is not|cannot|conflicts)|"
    r"no,? i (?:can't|cannot|won't)|it (?:would be|is) (?:unethical|inappropriate|against)|"
    r"es tut mir leid|tut mir leid|leider kann ich|ich kann (?:dir|ihnen|dabei|diese)[^.]*nicht|"
    r"lo siento|no puedo|je suis désolé|désolé|je ne peux pas|mi dispiace|desculpe|"
    r"抱歉|很抱歉|对不起|我无法|我不能|申し訳|죄송)",
    re.IGNORECASE,
)
LIKE_COMMENT: Final = re.compile(r"\s*(?:#|//|--|;|%|/\*|<!--|\")")
MIN_WORDS: Final = 4
LONG_PROSE_WORDS: Final = 8
MAX_LINE: Final = 2000
MAX_REFUSAL: Final = 1500


def plain(line: str) -> str:
    """Return the words of a line, without bullets, heading marks and emphasis."""
    return DECORATION.sub("", line).strip().strip("*_").strip()


def is_comment(line: str, kind: Kind) -> bool:
    """Tell whether the line begins as a comment of this kind of file."""
    return line.lstrip().startswith(kind.comment_marks)


def is_sentence(line: str) -> bool:
    """Tell whether a line is a sentence of a natural language rather than code."""
    return len(line) <= MAX_LINE * 2 and is_short_sentence(line)


@lru_cache(maxsize=1024)
def is_short_sentence(line: str) -> bool:
    """Tell the same of a line that is not too long to be one."""
    text = plain(line)
    if not text or len(text) > MAX_LINE:
        return False
    bare = CODE_SPAN.sub("x", text)
    if CJK.search(bare) and SENTENCE_END.search(bare) and not CODE_SIGN.search(bare):
        return True
    words = bare.split()
    if len(words) < MIN_WORDS or not (words[0][0].isupper() or text[0] == "`"):
        return False
    if CODE_SIGN.search(bare):
        return False
    if SENTENCE_END.search(bare):
        return True
    return len(words) >= LONG_PROSE_WORDS and not words[0].isupper() and "[" not in bare


def is_lead(line: str, kind: Kind) -> bool:
    """Tell whether a line in front of a file announces it."""
    text = plain(line)
    if kind.free_text:
        return not LIKE_COMMENT.match(line) and bool(
            len(text) <= MAX_LINE
            and LEAD.match(text)
            and (SURE.match(text) or ABOUT_A_FILE.search(text))
            and SENTENCE_END.search(text)
        )
    if is_comment(line, kind):
        return False
    return is_sentence(line) or is_talk(text, LEAD)


def is_tail(line: str, kind: Kind) -> bool:
    """Tell whether a line behind a file explains it or speaks to the user."""
    text = plain(line)
    if kind.free_text:
        return bool(TO_THE_USER.match(text))
    if is_comment(line, kind):
        return False
    return is_sentence(line) or is_talk(text, TAIL)


def is_talk(text: str, phrases: re.Pattern[str]) -> bool:
    """Tell whether a text begins as a chat phrase and holds no code."""
    bare = CODE_SPAN.sub("x", text[:MAX_LINE])
    return bool(phrases.match(text)) and not re.search(r"[{};=]|\(\)", bare)


def is_refusal(text: str, kind: Kind | None = None) -> bool:
    """Tell whether the whole text declines the task."""
    start = text.strip()
    if len(start) > MAX_REFUSAL or "```" in start:
        return False
    first = plain(start.splitlines()[0]) if start else ""
    if not REFUSAL.match(first.strip("\"'“”")):
        return False
    return not (kind is not None and is_comment(start, kind))

"""Words to the user, as they stand before, between and behind what was asked for."""

import re
from typing import Final

LEAD: Final = re.compile(  # for doc1-in-fence
    r"(?:(?:sure|certainly|of course|absolutely|okay|ok|great|got it|understood|alright|no problem|sorry|apologies)\b"
    r"(?:[!,.:](?:\s|$)|$| (?=(?:thing|here|below|so|this|the|let|i)\b))|"
    r"here(?:'s|’s| is| are| it is| they are| you go)\b|below (?:is|are|you)\b|the following (?:is|code|file)|"
    r"(?:the )?(?:complete |full |final |updated |corrected |whole )+(?:code|file|content|contents|version|implementation)\b|"
    r"(?:the )?(?:code|file|contents?) (?:of|for|in)\b|"
    r"i(?:'ve|’ve| have|'ll|’ll| will)? (?:created|written|prepared|generated|made|write|create|provide|implemented)\b|"
    r"hier ist|voici|aqu[ií] (?:está|tienes)|ecco|вот|以下是|这是)",
    re.IGNORECASE,
)
"""How models announce a file."""

REST: Final = re.compile(  # for test_code.test_a_block_that_is_said_to_be_the_rest_is_no_file
    r"\b(?:rest|remainder|remaining (?:part|code|lines?|half)) of (?:the|your|this|my|`)|\bremaining (?:part|code|lines|half)\b|"
    r"\b(?:continu(?:ation|ing|ed)|second (?:part|half)|part (?:2|two)) (?:of|from|where|with)\b|^\W*continued\b",
    re.IGNORECASE,
)
"""Words above what is only the end of a file."""

PART: Final = r"(?:lines?|imports?|functions?|methods?|routes?|section|class|block|snippet|parts?|values?|rules?|keys?)"
EDIT: Final = re.compile(  # for test_code.test_a_block_that_is_said_to_be_a_part_or_a_use_is_no_file
    rf"\b(?:add|insert|append|paste) (?:this|these|the following)\b(?: \w+)?(?: {PART}| (?:at|after|before|below|above|inside)\b|"
    r" (?:in)?to (?:the |your |this )?(?:existing |current )?(?:[`*]|\w+\.\w|file|code|script))|"
    rf"\b(?:replace|change|update|modify) (?:(?:the|your|this) [^.\n]{{0,40}}\b(?:{PART}|body)\b|`[^`.\n]+`)[^.\n]{{0,40}} "
    r"(?:with|to|by|as follows|like)\b|"
    rf"\bonly (?:the|this|these) (?:\w+ ){{0,2}}(?!block){PART}|\b(?:change|replace|update|modify) only\b|"
    r"\bonly (?:need|have) to (?:add|insert|replace|change|update|modify)\b",
    re.IGNORECASE,
)
"""Words above what is to be put into a file."""

UNFINISHED: Final = re.compile(  # for test_code.test_a_file_that_is_said_to_go_on_is_not_whole
    r"\bcontinu(?:e|es|ed|ing|ation)\b.*\b(?:rest|remain\w+|next|parts?|file|code|functions?)\b|to be continued|"
    r"\b(?:rest|remainder|remaining|second (?:half|part))\b.*\b(?:follows?|next|continue)\b|"
    r"\bpart (?:1|one|[2-9])(?: ?of ?|/)\d|\b(?:first|this) (?:half|part)\b(?! of (?:the|your|this) (?!file|code))|\b(?:next|following) (?:message|reply|response|answer)\b|"
    r"\b(?:say|type|reply|write|send)\b\W+(?:with\W+)?(?:continue|next|go on)\b",
    re.IGNORECASE,
)
"""Words around a file of which more is to come in another answer."""

CHANGE: Final = re.compile(  # for function-that-should-be-another
    r"^(?:(?:then|now|next|and|also|oh|finally|lastly|after that|you (?:can|could|should|may|need to|must))\b\W*)*"
    r"(?:replace|change|update|modify|edit|insert|append|add|prepend|swap|adjust|extend)\b"
    r"(?!.* to (?:your|the|a|another|its?) (?!\w*(?:class|function|method|script|module|code|top|end|start|bottom|import|list)))"
    r"|\bdon['’]t forget to add|\bto (?:the same|this) file\b|\bshould (?:be|become|read|look)\b[^.]*:$",
    re.IGNORECASE,
)
"""Words above a second block that changes the first one by hand."""

# for test_code.test_a_block_that_is_said_to_be_a_part_or_a_use_is_no_file
USE: Final = re.compile(r"\bhow (?:to|you)\b", re.IGNORECASE)
"""Words above what shows the use of a file."""

TO_THE_USER: Final = re.compile(  # for leave-without-a-full-stop
    r"let me know|feel free|(?:i )?hope (?:this|that)|would you like|do you want|is there anything|happy coding|enjoy\b|"
    r"if you (?:have|need|want|would)|please (?:let|note)|说明|注意|如果",
    re.IGNORECASE,
)
"""How models take their leave, with or without a full stop."""

TAIL: Final = re.compile(  # for tail3
    r"#*\s*\**(?:(?:key|some|important) )?(?:explanations?|notes?|usage|example usage|how it works|how to (?:use|run)|"
    r"features|improvements|summary|changes|output)\b[^.\n]{0,40}:?\**:?$|"
    r"(?:this|the) (?:above )?(?:code|file|script|module|program|function)s?\b|note(?: that)?\b|to (?:run|use|test) |i(?:['’]ve| have) ",
    re.IGNORECASE,
)
"""How they go on behind a file: a heading, or words about it."""

THOUGHT: Final = re.compile(  # for test_code.test_a_block_below_thoughts_is_the_file
    r"(?:(?:so|now|ok(?:ay)?|then|first|next|and|but|hmm|well|right|alright)\b,? )*"
    r"(?:(?:i|we|you|they)(?:['’]\w+)?|let['’]?s|let me|the (?:user|task|plan|request|prompt|instructions?|answer|format)|"
    r"(?:no|only|just) (?:need|explanations?|the|one|a)|writing|done|ready|finished)\b",
    re.IGNORECASE,
)
"""How a model begins that thinks aloud: such a sentence announces nothing."""

CANNOT: Final = (
    r"(?:can ?not|can['’]t|won['’]t|will not|(?:am )?(?:unable|not able)|not comfortable|not going to|must (?:decline|refuse)|"
    r"do(?:n['’]t| not))\b"
)
REFUSAL: Final = re.compile(  # for refusal-md8
    rf"(?:[\w'’ ]{{0,20}}\b(?:sorry|afraid|unfortunately|apologies|apologi[sz]e)\b|as an? (?:ai|artificial|large)\b)[^.\n]*?{CANNOT}|"
    rf"i(?:['’]m)? (?!do){CANNOT}|(?:this|your|that) (?:request|prompt) (?:violates|goes against)|"
    r"es tut mir leid|leider kann ich|lo siento|no puedo|(?:je suis )?désolé|mi dispiace|desculpe|"
    r"很?抱歉|对不起|我无法|我不能|申し訳|죄송",
    re.IGNORECASE,
)
ITEM: Final = r"(?:[-*+•]|\d{1,3}[.)])\s"
"""The mark of an item in a list."""

MARK: Final = rf"(?:>|#{{1,6}}\s|{ITEM})"
"""The mark of an item, a heading or a quotation."""

DECORATION: Final = re.compile(rf"^(?:\s|{MARK}|[*_]{{1,3}}(?=\S))+")  # for lead-in-a-heading
SPAN: Final = re.compile(r"`[^`\n]*`")  # for call-in-ticks-in-the-talk
# for label-that-reads-like-a-sentence
CODE_SIGN: Final = re.compile(r"[{}<>=;\\$@]|\(\)|\w\(|\w\[|->|::|^\s*[.#/]|^\s*[-\w.]+:\s+\S*$|//|\]\(")
END: Final = re.compile(r"[\w)\"'”’`*%][.:!?…]+[)\"'”’*_`]*$|[。：！？；]$|:$")  # for intention-alone
# for test_code.test_words_that_end_a_program_are_its_own
END_OF_STRING: Final = re.compile(r"^(?=[^\w\n]*+$)[^\n\"'\])]*[\"'\])]|^[ \t]*[A-Z_]{3,};?$", re.MULTILINE)
"""A line that closes a text of several lines in a program."""

SAID: Final = re.compile(r"[^\W\d_a-z][^{}<>=;\\$@|*:\"()\[\]]*[.!?…。！？]")  # for said-in-two-words
BRACKETS: Final = re.compile(r"\[[^\[\]\n=(]*\]|\([^()\n]*\)|<[^<>\n/=]* [^<>\n/=]*>")  # for said-in-brackets
FEWEST_WORDS: Final = 4
MOST_WORDS: Final = 20
LONGEST: Final = 1_000


def without_marks(line: str) -> str:
    """Return the words of a line, without bullets, heading marks and emphasis."""
    return DECORATION.sub("", line[:LONGEST]).strip().strip("*_").strip()


def is_sentence(line: str) -> bool:
    """Return whether a line is a sentence of a natural language rather than code."""
    words = SPAN.sub("x", without_marks(line))
    if len(line) > LONGEST or CODE_SIGN.search(words):
        return False
    first = words[:1]
    return first.isupper() and words.count(" ") + 1 >= FEWEST_WORDS and bool(END.search(words))


def is_said(line: str, *, in_brackets: bool = True) -> bool:
    """Return whether a line is a sentence, however short, or words in brackets."""
    words = without_marks(line)
    is_sentence_alone = is_sentence(line) or SAID.fullmatch(words) is not None
    return (is_sentence_alone and not words.startswith("Copyright")) or bool(in_brackets and BRACKETS.fullmatch(words))


def is_talk(line: str) -> bool:
    """Return whether a line speaks to the user: a sentence, or a phrase that models begin with."""
    words = SPAN.sub("x", without_marks(line))
    if is_sentence(line):
        return True
    said = LEAD.match(words) or TO_THE_USER.match(words) or TAIL.match(words)
    return bool(said) and len(words) < LONGEST


def is_prose(paragraph: str) -> bool:
    """Return whether a paragraph has nothing in it that only code has."""
    text = SPAN.sub("x", paragraph)
    if END_OF_STRING.search(paragraph) or any(line.startswith(("    ", "\t")) for line in paragraph.split("\n")):
        return False
    # for commands3
    return bool(re.search(r"[^\W\d_]{2}", text)) and not re.search(r"[{}<>=;\\$@]|\(\)|\w\(|->|::|//", text)


def is_lead(line: str) -> bool:
    """Return whether a line announces a file to the user."""
    words = without_marks(line)
    # for D09-russian-unfenced
    return bool(LEAD.match(words) and re.search(r"[:!.：。]$", words)) and not re.search(r"[{};=]", SPAN.sub("", words))


def is_tail(line: str) -> bool:
    """Return whether a line behind a file speaks to the user."""
    words = SPAN.sub("x", without_marks(line))
    said = TO_THE_USER.match(words) or TAIL.match(words)
    return not line[:1].isspace() and bool(said)


def is_refusal(text: str) -> bool:
    """Return whether the whole text declines the task."""
    start = text.strip()
    first = without_marks(start.partition("\n")[0]).strip("\"'“”")
    return len(start) <= 1500 and "```" not in start and bool(REFUSAL.match(first))  # noqa: PLR2004 - no refusal is longer


def is_thought(line: str) -> bool:
    """Return whether the sentences of a line are thoughts of the model, not what stands below it."""
    words = without_marks(line)
    # for test_code.test_a_block_below_thoughts_is_the_file
    return THOUGHT.match(words) is not None and re.search(r"[.!]$", words) is not None and is_prose(words)


def is_part(words: str) -> bool:
    """Return whether words say that what follows them is only a part of a file."""
    return any(pattern.search(words) for pattern in (REST, EDIT, USE))


def is_unfinished(line: str) -> bool:
    """Return whether a line says that more of a file is to come."""
    return line.count(" ") < MOST_WORDS and UNFINISHED.search(line) is not None

"""Reasons to refuse a text that was found for a file: it is not whole, not this file, or not a file."""

import ast
import builtins
import io
import json
import re
from collections.abc import Iterator
from keyword import kwlist
from pathlib import PurePosixPath
from typing import Final

from smol_dev import languages
from smol_dev.errors import Reason
from smol_dev.languages import State, language_named
from smol_dev.languages.parsing import SHAPES
from smol_dev.languages.standard import python_tree
from smol_dev.replies.answer import TOKEN, of_text
from smol_dev.replies.bare import AFTER_PROGRAM, CALL_MARK, EXACT, MARKUP, SPEECH, is_comment
from smol_dev.replies.blocks import COMMANDS, language_word
from smol_dev.replies.paths import COMMAND, COMMENT, FILE_NAME, is_known_file, label_in, names, normal
from smol_dev.replies.repetition import is_loop
from smol_dev.replies.talk import BRACKETS, TO_THE_USER, is_lead, is_prose, is_refusal, is_said, is_sentence, is_talk
from smol_dev.replies.verdicts import LONGEST_PARSED, Found, Request

MAY_BE_EMPTY: Final = frozenset({"__init__.py", "py.typed", "conftest.py"})  # for R17b-init-empty-fence
KEEPING: Final = re.compile(r"\.?(?:git|hg)?keep|\.nojekyll|\.npmignore|\.placeholder")  # for keep-file

CODE: Final = (
    r"(?:code|file|class(?:es)?|functions?|methods?|implementations?|module|script|components?|styles?|rules|targets|rows|entries|html|css|"
    r"imports?|routes?|handlers?|logic|program|page|document|body|contents?|tests?|sections?|lines?)"
)
LEFT: Final = (
    r"(?:(?:remains?|stays?|is|are)(?: exactly)? )?(?:the same|unchanged|as before|as above|omitted|not shown|"
    r"(?:goes )?here|continues?(?: here)?|for brevity|identical)"
)
REST: Final = (
    rf"(?:the |all |your |any )*(?:rest|remainder|remaining)(?: of)?(?: the| your| this)?(?: \w+){{0,2}}? {CODE}"
)
LAST_WORDS: Final = frozenset(  # for unclosed-behind-a-keyword
    {*kwlist, *"end fi done esac endif true false null nil undefined self this".split()}
)
DOTS: Final = r"(?:\.{3,}+|…)"
ELSEWHERE: Final = (  # for rest-in-russian
    "(?:restlich|rest des|unverändert|bleib|resto d|sin cambios|igual|reste du|inchangé|invariato|其余|剩余|省略|不变|残り|変更なし|"
    "остальн|без изменений|pozosta|bez zmian)"
)
"""Words of other languages for what was left out."""

ELISIONS: Final = re.compile(  # for R16a-hash-elision
    rf"{DOTS}\s*+\(?(?:(?:the |and )*+(?:rest|remaining|remainder|unchanged|omitted|skipped|truncated|snip|same|etc|existing|continue[sd]?)\b"
    rf"(?! (?:at|in|on|parameter|param|arg|prop|operator|element|syntax)\w*+\b).{{0,30}}|{CODE}(?: \w++)?)\)?\s*+{DOTS}?|"
    rf"(?:{REST}|(?:the |all |your )*(?:existing|previous|other|unchanged) (?:\w+ )?{CODE})(?: {LEFT})?\s*{DOTS}|{REST} {LEFT}\W*|"
    rf"{DOTS}[^=;{{}}]{{0,40}}?{ELSEWHERE}[^=;{{}}]{{0,60}}|[^=;{{}}]{{0,40}}?{ELSEWHERE}[^=;{{}}]{{0,60}}?{DOTS}",
    re.IGNORECASE,
)
"""An ellipsis and little more, or words that nothing else can mean."""

BRACKETED: Final = re.compile(
    r"(?:\.{3,}\s*)?(?:[\[(<{]|[-*=_]{2,}+)\s*+(.{1,240}?)\s*+(?:[\])>}]|[-*=_]{2,}+)"
)  # for VN15
OVER: Final = re.compile(  # for rest-in-brackets
    rf"(?:{DOTS}\s*)?(?:(?:the |all )*+(?:rest|remaining|remainder|existing|previous|other)\b[^()=]{{0,60}}?\b{LEFT}[^()=]{{0,20}}|"
    rf"(?:insert|your code|(?:\S+ )?contents?)\b[^()=]{{0,40}}\bhere\b[^()=]{{0,20}}|(?:the )?(?:rest|remainder) of (?:the |your )?{CODE}|"
    r"(?:truncated|omitted|snip|continued)\b[^()=]{0,40})",
    re.IGNORECASE,
)
"""What stands in brackets, or in a comment of a page, for what was left out."""

STRUCK: Final = re.compile(  # for ellipsis-in-any-language
    rf"{DOTS}\s*(?!(?:and|but|or|then|with)\b)[^\W\d_][^=(){{}};<>]*+(?:(?<=\.{{3}})|(?<=…))|{DOTS}\s*\((?=[^()=…]*?[^\W\d_]{{3}})[^()=…]*+\)\s*{DOTS}?|"
    rf"{DOTS}\s*\[[^\[\]=…]*+\]\s*{DOTS}|[\[(]\s*{DOTS}\s+(?:\d+ )?[^\W\d_][^=()\[\]]*[\])]",
    re.IGNORECASE,
)
"""Words between two ellipses, or in brackets with one in front of them."""

STUB: Final = re.compile(  # for stub-of-one-comment
    r"(?:#|//|--|/\*|<!--) *(?:(?:add|insert|put|write|your)\b[^\n]*\bhere\b|\[[^\]\n]*\])\W*|<[^<>\n]*content[^<>\n]*>",
    re.IGNORECASE,
)
"""A whole file that only says what belongs into it."""

EDIT: Final = re.compile(r"^<{5,9} ?(?:SEARCH|ORIGINAL)$", re.MULTILINE)  # for search-full2
# for elision-in-angles
SUSPECT: Final = ("...", "…", "rest", "remain", "existing", "previous", "other", "insert", "your code")
YAML_SIGN: Final = re.compile(r":(?:\s|$)|^[^\S\n]*+(?:-(?:\s|$)|[#%!&*?|>\"'])|[\[{]|---", re.MULTILINE)  # for raw8
# for test_wrappers.test_an_answer_without_the_file_says_why
CALL_ELEMENT: Final = re.compile(r"\s*<([a-z]+(?:_[a-z]+)+)>.*</\1>\s*", re.DOTALL)
"""A call of an agent that reads, lists or asks: no element of a component has an underscore."""

LISTED_CALL: Final = re.compile(r"\[\s*+\w++\(\w++\s*+=[^\n]*\)\s*+\]")  # for call-pythonic
KEYWORD_CALL: Final = re.compile(r"(?:\w++\.)*+\w++\(\w++\s*+=\s*+[\"'\[{\d][^\n]*\)")  # for call-builtin
"""A call as models with such tools write it: `[read_file(path="a.js")]`, `brave_search.call(query="…")`."""

KEYWORDS: Final = frozenset({"python", "r", "kotlin", "scala", "ruby", "julia", "swift"})  # for r-call-with-a-name
# for test_code.test_words_to_the_user_are_never_written_above_or_below_a_file
DOCUMENT: Final = re.compile(r"<(?:!doctype|html|head|\?xml|template|script|svg)\b|<[\w:.-]+>?$", re.IGNORECASE)
ROOT_ENDS: Final = {"html": "</html>", "xml": "</", "vue": "</"}  # for page-with-talk-below-its-end
"""The lines behind which no words are a part of the document."""

OPEN_TAG: Final = re.compile(r"<[A-Za-z/][^<>]*\Z")  # for template-cut-within-a-tag
LONGEST_TAG: Final = 2_000
ERROR: Final = re.compile(r"\{\s*+\"error\"\s*+:\s*+\"[^\"\s]++ [^\"]*+\"\s*+\}")  # for refusal-as-an-object
BRANCH: Final = re.compile(r"[│|\s]*(?:[├└]|\|--|\+--|`--|\\--)")  # for tree-for-a-text
MARK: Final = re.compile(r"(?<![`~])(?:`{3,}+|~{3,}+)[\w+-]*$|<[|｜]\w+[|｜]>")  # for fence-with-info-at-the-end
# for test_code.test_comments_that_name_files_are_the_files_own
STYLES: Final = frozenset({"css", "scss", "less", "stylus"})
TOKENS: Final = re.compile(TOKEN)  # for jinja-2
# for test_code.test_a_token_at_an_end_is_never_written
END_TOKENS: Final = re.compile(rf"(?:{TOKEN}\s*+)++\w*+")

SIGN: Final = re.compile(r"[={};<>|$@&#*\\\"]|\w[(.]\w?|'[^'\n]*'|->|:(?:\s|$)")  # for program-of-a-line
"""What is in a program of one line."""

WORDY: Final = frozenset(
    {"bash", "batch", "fish", "powershell", "conf", "clojure", "dockerfile", "makefile"}
)  # for conf-of-a-line
"""Languages in which a line of words may be a file."""

SCRIPTS: Final = frozenset({"javascript", "typescript"})  # for bundle
# for test_code.test_words_to_the_user_are_never_written_above_or_below_a_file
LENIENT: Final = frozenset({"bash", "yaml", "css", "html", "vue", "php", "powershell", "ruby", "ini", "properties"})
"""Languages whose parsers take a sentence for a part of the file."""

STATEMENTS: Final = frozenset(
    {"command", "pipeline", "list", "redirected_statement", "subshell"}
)  # for commands-for-a-catalogue
LONGEST_LINE: Final = 240
TOOL_KEYS: Final = frozenset({"tool", "tool_name"})  # for doubt-c7
ARGUMENT_KEYS: Final = frozenset({"args", "arguments", "parameters"})  # for doubt-c7
MOST_CALL_KEYS: Final = 3


def problem(found: Found, request: Request) -> Reason | None:
    """Return the first reason not to write the text, or None."""
    text = found.text
    if not text.strip():
        name = PurePosixPath(request.path).name.lower()
        return None if found.closed and (name in MAY_BE_EMPTY or KEEPING.fullmatch(name)) else "empty"
    if not is_seen_whole(found, request):
        return "degenerate" if is_loop(text, counting=False) else "truncated"
    return unfit(found, request)


def is_doubtful(found: Found, request: Request) -> bool:
    """Return whether a text that may be the file is rather something else: a program, a sentence, a call of a tool."""
    text = found.text
    if request.language == "json":
        return is_foreign_json(text, request)
    if request.parsed(text).state is State.BROKEN and request.language not in EXACT:
        return True
    named = language_named(language_word(found.block)) if found.block else None
    if not request.is_text:
        known = {None, request.language, "text", "markdown", "bash"}
        is_foreign = named not in known and request.language not in SHAPES and not request.is_whole(text)
        return is_foreign and not languages.alike(named, request.language)
    if found.block is None:
        return request.language == "text" and languages.program_in(text) is not None
    if len(found.block.fence) > len("```") or named is not None:
        return languages.is_program(named, text)
    is_told = CALL_MARK.match(text) is not None or ("\n" not in text.strip() and speaks(text.strip()))
    return is_told or (request.language is not None and languages.program_in(text) is not None)


def speaks(line: str) -> bool:
    """Return whether a line speaks to the user about the file, or stands for it in brackets."""
    return is_said(line) and bool(SPEECH.search(line) or is_talk(line) or BRACKETS.fullmatch(line.strip()))


def unfit(found: Found, request: Request) -> Reason | None:
    """Return why a text is not the file, whether it is whole or not, or None."""
    text = found.text
    if left_out(text, request):
        return "placeholder"
    if not found.opened and request.language == "json" and ERROR.fullmatch(text.strip()):
        return "refusal"
    asked = found.block is not None and len(found.block.fence) > len("```")
    is_own = request.is_text and found.opened and (asked or "\n\n" in text.strip())
    if is_refusal(text) and not is_own:
        return "refusal"
    is_markup = found.opened or request.language not in MARKUP or re.search("[<{]", text) is not None  # for xml-native2
    if not is_markup or is_words_only(text, request):
        return "no_code"
    is_marked = has_mark_at_an_end(text, request, asked=asked)
    if is_marked or is_no_file(found, request) or is_other_language(found, request):
        return "wrong_format"
    if found.block and request.parsed(text).state is State.NOT_JUDGED:
        first = text.lstrip().partition("\n")[0]
        word = language_named(first) if not found.block.info or first == found.block.info else None
        if word is not None and word == request.language and word not in {"csv", "text"}:
            return "wrong_format"
    is_table = request.language == "csv" and "\n" in text.strip()
    if not (request.is_text or is_table) and request.parsed(text).state is State.BROKEN and is_prose(text):
        return "no_code"
    return "wrong_format" if has_talk_at_an_end(text, request) else None


def has_talk_at_an_end(text: str, request: Request) -> bool:
    """Return whether words to the user stand above or below the code, where nothing of the file can be such."""
    language = request.language
    if request.is_text or (language not in LENIENT and request.is_whole(text)):
        return False
    lines = text.strip("\n").split("\n")
    first, last = lines[0], lines[-1]
    ends = [first] if is_lead(first) or not "".join(lines[1:2]).strip() else []
    if language in MARKUP:
        following = next(filter(str.strip, lines[1:]), "")
        before = next(filter(str.strip, lines[-2::-1]), "") if len(lines) > 1 else ""
        ends = ends if DOCUMENT.match(following) else []
        ends += [last] if TO_THE_USER.match(last) or before.startswith(ROOT_ENDS.get(language or "", "<!--")) else []
    elif len(lines) > 1 and not (request.is_data and lines[-2].strip()):
        ends.append(last)
    said = [line for line in ends if not (line[:1].isspace() or line.count('"') % 2 or is_comment(line, request))]
    speaks = any(is_sentence(line) or is_lead(line) or TO_THE_USER.match(line) for line in said)
    return speaks and AFTER_PROGRAM.search(text) is None


def is_seen_whole(found: Found, request: Request) -> bool:
    """Return whether something positive says that the file is whole."""
    text, state = found.text, request.parsed(found.text).state
    if request.language in MARKUP and OPEN_TAG.search(text, max(0, len(text) - LONGEST_TAG)):
        return False
    if state is State.UNFINISHED:
        return False
    if request.ended:
        if found.opened and not found.closed:
            last = found.text.rstrip().rpartition("\n")[2]
            may_go_on = request.is_data or ends_in_a_word(found) or is_comment(last, request)
            may_go_on = may_go_on or (found.block is not None and found.block.text.endswith("\n"))
            return state is State.WHOLE and not (may_go_on or is_open(text, request) or is_loop(text, counting=False))
        return not is_open(text, request, closed=found.closed)
    if not found.closed:
        return request.language == "json" and state is State.WHOLE
    if state is State.NOT_JUDGED:
        opens = found.text.rstrip(" \t").endswith((":", "\n"))
        return found.behind or (request.ended is None and not opens)
    return found.behind or request.ended is None or state is State.WHOLE


def ends_in_a_word(found: Found) -> bool:
    """Return whether a text may end in half a word: in the middle of a line, with a word that is nowhere else in it."""
    words = re.findall(r"\w++", found.text)  # for unclosed-in-mid-word
    is_last = (
        bool(words)
        and found.text.rstrip().removesuffix(":").endswith(words[-1])
        and found.block is not None
        and found.block.is_open
    )
    return is_last and not (words[-1].isdigit() or words[-1] in LAST_WORDS) and words.count(words[-1]) == 1


def is_open(text: str, request: Request, *, closed: bool = False) -> bool:
    """Return whether something is open at the end that no grammar here closes: markup, a block, brackets.

    In a closed block only a line within braces is one.
    """
    if request.language == "markdown":
        return not (closed or all(block.closed for block in of_text(text).blocks))
    if request.language in {"html", "vue", "svelte"} and not closed:
        tags = re.findall(r"<(html|body|template|script|style)[\s>]", text)  # for component-without-its-end
        ends = (("<", ">"), ("{%", "%}"), ("{{", "}}"))
        is_cut = any(text.rfind(opening) > text.rfind(closing) for opening, closing in ends)
        return is_cut or any(f"</{tag}>" not in text for tag in tags)
    is_judged = request.parsed(text).state is not State.NOT_JUDGED
    if request.is_text or is_judged or request.language in {*MARKUP, "yaml", "ini", "dockerfile", "makefile"}:
        return False
    last = text.rstrip().rpartition("\n")[2]
    is_inside = text.count("{") > text.count("}")
    if closed:
        return is_inside and last[0].isspace() and not last.endswith("*/")
    is_inside = is_inside or text.count("(") > text.count(")")
    return is_inside and (last[0].isspace() or last.endswith((",", "{", "(", "[", "=")))


def left_out(text: str, request: Request) -> bool:
    """Return whether a line stands for code that was left out; what is in a string is the file's own."""
    if text.strip() in {"...", "…"} or STUB.fullmatch(text.strip()):
        return True
    lower = text.lower()
    signs = [sign for sign in SUSPECT if sign in lower]
    lines = enumerate(zip(text.split("\n"), lower.split("\n"), strict=True), 1) if signs else ()
    suspects = ((number, line) for number, (line, words) in lines if any(sign in words for sign in signs))
    elisions = {number for number, line in suspects if is_elision(line)}
    return bool(elisions) and not elisions <= string_lines(text, request)


def is_elision(line: str) -> bool:
    """Return whether a line is an ellipsis with words about code left out, as a comment or in brackets."""
    found = COMMENT.match(line.strip()) if len(line) <= LONGEST_LINE else None
    if found is None or not found["words"]:
        return False
    words, mark = found["words"], found["mark"]
    inner = BRACKETED.fullmatch(words)
    if mark != "*" and STRUCK.fullmatch(words):
        return True
    if (inner or (mark or "").startswith(("<!--", "{/*"))) and OVER.fullmatch(inner[1] if inner else words):
        return True
    # for test_code.test_words_about_code_that_was_left_out_may_be_in_any_brackets
    if inner and (mark or re.match(rf"{DOTS}\s+\w+\s\w", inner[1])):
        words, mark = inner[1], mark or words[0]
    is_plain = re.match(rf"{DOTS}\s+\w+\s\w[^=;,{{}}()]*$", words)  # for dots-without-a-mark
    return bool(mark or is_plain) and ELISIONS.fullmatch(words) is not None


def lines_of(text: str, start: int, end: int) -> range:
    """Return the numbers of the lines between two offsets."""
    return range(text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 2)


def string_lines(text: str, request: Request) -> set[int]:
    """Return the lines that lie in a string of several lines, as far as a parser tells."""
    if request.language in {"markdown", "restructuredtext", None}:
        spans = [(block.start, block.end) for block in of_text(text).blocks]
        return {line for span in spans for line in lines_of(text, *span)}
    if request.language == "perl":
        pods = re.finditer(r"^=[a-z].*?(?:^=cut\b|\Z)", text, re.MULTILINE | re.DOTALL)  # for perl-continued
        return {line for pod in pods for line in lines_of(text, *pod.span())}
    if request.language == "python":
        tree = python_tree(text)
        nodes = [one for one in ast.walk(tree) if isinstance(one, ast.Constant | ast.JoinedStr)] if tree else []
        strings = [one for one in nodes if getattr(one, "value", "") is not ...]
        return {line for one in strings for line in range(one.lineno, (one.end_lineno or one.lineno) + 1)}
    tree_of_text = languages.tree(request.language or "", text) if len(text) <= LONGEST_PARSED else None
    if tree_of_text is None:
        return set()
    lines: set[int] = set()
    waiting = [tree_of_text.root_node]
    while waiting:
        node = waiting.pop()
        first, last = node.start_point[0], node.end_point[0]
        # for elision-in-a-template-string
        if first < last and re.search(r"string|template|heredoc|raw_text|block_scalar", node.type):
            lines.update(range(first + 1, last + 2))
        else:
            waiting += node.children
    return lines


def filled(text: str) -> Iterator[str]:
    """Yield the lines that are not blank, one by one: the first answers most questions."""
    return (line.removesuffix("\n") for line in io.StringIO(text) if line.strip())


def is_words_only(text: str, request: Request) -> bool:
    """Return whether a file of code holds nothing but sentences, commands, or one line without any sign of code."""
    language, is_line = request.language, "\n" not in text.strip()
    if is_line and is_about_file(next(filled(text), ""), request):
        return True
    if request.is_text:
        return False
    if language == "yaml":
        return not YAML_SIGN.search(text) and ("\n" in text.strip() or is_sentence(text))
    is_whole = request.is_whole(text)
    if language != "bash" and (request.is_data or not is_whole) and all(map(COMMAND.match, filled(text))):
        return True
    if is_whole and (request.is_data or language in EXACT):
        return False
    is_line = is_line and language not in WORDY and not SIGN.search(text)
    is_words = is_line or (not (language in MARKUP and "<" in text) and all(map(is_said, filled(text))))
    return is_words and not any(is_comment(line, request) for line in filled(text))


def is_about_file(line: str, request: Request) -> bool:
    """Return whether the only line of a file is a sentence, or words in brackets, with the name of the file."""
    if is_comment(line, request) and not request.is_text:
        return False
    name = re.escape(request.path.rpartition("/")[2])
    return is_said(line) and re.search(rf"(?<!\w){name}(?!\w)", line) is not None  # for said-about-the-file


def headings(text: str, request: Request) -> set[str]:
    """Return the comments above the parts of a text that are several files (`# a.py … # b.py`).

    Those of other files alone count where the text begins with one; style sheets are put together so.
    """
    first = text.partition("\n")[0] if request.language not in STYLES else ""
    is_headed = is_comment(first, request) and is_known_file(label_in(first) or "")
    if request.is_text or request.is_data or not (is_headed or request.path.rpartition("/")[2] in text):
        return set()
    lines = ["", *text.strip("\n").split("\n"), ""]
    places = zip(lines, lines[1:], lines[2:], strict=False)
    alone = [line for before, line, after in places if not (before.strip() or is_comment(after, request))]
    headed = [line for line in alone if is_comment(line, request) and label_in(line)]
    own = {line for line in headed if names(line, request.path)}
    others = {line for line in headed if line not in own and is_known_file(label_in(line) or "")}
    # for test_code.test_a_file_that_only_comments_of_others_head_is_kept_for_want_of_a_better_one
    bundled = request.language in SCRIPTS and len(re.findall(r"^export\b", text, re.MULTILINE)) < len(others)
    is_other = is_headed and not (len(others) == 1 and request.path.rpartition("/")[2] in first)
    return own | others if others and (own or (is_other and not bundled)) else set()


def is_no_file(found: Found, request: Request) -> bool:
    """Return whether a text is a call, the list or a path."""
    is_body, text = found.text[0] in " \t", found.text.strip()
    first = text.partition("\n")[0].rstrip()
    if is_tree(text, request) or LISTED_CALL.fullmatch(text) or names(text, request.path):
        return True
    is_asked = request.language == "json" and found.block is not None and language_word(found.block) == "json"
    if text[0] in '{["' and is_foreign_json(text, request, may_be_call=is_asked):
        return True
    if "<<<<<" in text and EDIT.search(text) and not request.is_whole(text):
        return True
    if request.language == "python" and (is_body or is_lone_call(text)):
        return True
    if request.is_text:
        return False
    if CALL_MARK.match(text):
        return True
    if FILE_NAME.match(first) and is_known_file(first) and request.language != "ignore":
        return True
    called = request.language not in KEYWORDS and KEYWORD_CALL.fullmatch(text)
    return bool(called or (request.language not in MARKUP and CALL_ELEMENT.fullmatch(text)))


def has_mark_at_an_end(text: str, request: Request, *, asked: bool) -> bool:
    """Return whether a fence or a token of a template is left at an end; a text may have its own, in pairs."""
    text = text.strip()
    first, last = text.partition("\n")[0].rstrip(), text.rpartition("\n")[2].lstrip()
    ends = (one for one in END_TOKENS.finditer(text, max(0, len(text) - LONGEST_LINE)) if one.end() == len(text))
    token = next(ends, None) or END_TOKENS.match(text)
    is_fence = bool(MARK.match(first) or MARK.match(last))
    if not request.holds_fences:
        apart = token is not None and text[token.start() - 1 : token.start()].isspace()
        may_own = apart if is_comment(last, request) else not (request.is_data or request.language in LENIENT)
        own = may_own and not TOKENS.match(last) and request.is_whole(text)
        is_left = is_fence and not (asked and request.language == "yaml" and request.is_whole(text))
        return is_left or (token is not None and not own and not (token[0] == "</s>" and "<s>" in text))
    left = [block for block in of_text(text).blocks if not block.closed] if is_fence else []
    is_lone = token is not None and len(TOKENS.findall(text)) == len(TOKENS.findall(token[0]))
    return not asked and (is_lone or any(block.start == 0 or not block.text.strip() for block in left))


def is_lone_call(text: str) -> bool:
    """Return whether a Python text is one expression of names that nothing defines: a call of a tool."""
    is_more = any(line[:1].isidentifier() for line in text.strip().split("\n")[1:])  # parsing takes far longer
    tree = None if is_more else python_tree(text)
    if tree is None or text.lstrip().startswith("#") or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return False
    used = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
    bound = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return bool(used - bound - vars(builtins).keys() - {"__file__"})


def is_tree(text: str, request: Request) -> bool:
    """Return whether a text is nothing but the tree of a folder; in a text it has to name the file."""
    below = text.partition("\n")[2]
    if not BRANCH.match(below) or (request.is_text and request.path.rpartition("/")[2] not in text):
        return False
    return all(BRANCH.match(line) or line.rstrip().endswith("/") or label_in(line) for line in filled(below))


def is_foreign_json(text: str, request: Request, *, may_be_call: bool = False) -> bool:
    """Return whether a text is an object in place of the file: a call, a list of files, an error."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if request.language not in {"json", "jsonc", "yaml"} and (isinstance(value, str) or not request.is_text):
        return isinstance(value, dict | list) or (isinstance(value, str) and "\n" in value)
    if isinstance(value, dict):
        is_call = {"name", "arguments"} <= value.keys() or (TOOL_KEYS & value.keys() and ARGUMENT_KEYS & value.keys())
        is_error = value.keys() == {"error"} and request.language == "yaml"
        if is_error or (is_call and len(value) <= MOST_CALL_KEYS):
            return not may_be_call
        value = value.get("files") or value.get("paths") if len(value) == 1 else None
    own = normal(request.path)
    return isinstance(value, list) and any(isinstance(one, str) and normal(one) == own for one in value)


def is_other_language(found: Found, request: Request) -> bool:
    """Return whether the text is of another language than the path, by its parsers and its label."""
    if len(found.text) > LONGEST_PARSED:
        return False
    lacking = languages.lacks_its_shape(request.path, found.text)
    if lacking and not all(is_comment(line, request) for line in filled(found.text)):
        return True
    label = language_word(found.block) if found.block else ""
    loose = language_named(label) in {"bash", "text", "markdown"}
    if languages.other_language(request.path, found.text, "" if loose else label) is not None:
        return True
    named = language_named(label)
    is_prose = request.language in {"markdown", "restructuredtext"} or (
        request.language == "text" and "." not in request.path
    )
    if is_prose and found.block is None and languages.program_in(found.text) is not None:
        return True
    if request.is_text and languages.is_program(named, found.text):
        return is_prose
    if named == "diff" != request.language and "diff" not in found.passes:
        return True
    is_foreign = named not in {None, request.language, "text", "markdown"} and not languages.alike(
        named, request.language
    )
    is_broken = request.parsed(found.text).state is State.BROKEN
    if named in {"powershell", "batch"} and request.language == "bash":  # its parser is not believed elsewhere
        is_broken = languages.parse_as("bash", found.text).state is State.BROKEN
    return is_foreign and (is_broken or (named in COMMANDS and is_for_a_shell(found.text, request)))


def is_for_a_shell(text: str, request: Request) -> bool:
    """Return whether a text that is to be no script is commands and nothing else, where no parser of its own tells."""
    is_prose = request.language == "text" and "." in request.path.rpartition("/")[2]
    name = PurePosixPath(request.path).name
    is_typed = is_known_file(name) and (name in text or name.isupper() or (name[0] != "." and "." in name))
    if is_prose or request.language in {*COMMANDS, "conf"} or not is_typed or request.is_whole(text):
        return False
    tree = languages.tree("bash", text)
    if tree is None or tree.root_node.has_error:
        return False
    statements = [node for node in tree.root_node.named_children if node.type != "comment"]
    names = [(node.text or b"").decode(errors="replace") for node in statements]
    return bool(names) and all(
        node.type in STATEMENTS and (name[0].islower() or name[0] in "./(~$")
        for node, name in zip(statements, names, strict=True)
    )


def check_syntax(path: str, content: str) -> str | None:
    """Return the first error as `line 3: what is wrong`, or None; only exact parsers are asked."""
    if languages.language_of(path) not in EXACT:
        return None
    parsed = languages.check(path, content.rstrip("\n"))
    return str(parsed) if parsed.wrong else None

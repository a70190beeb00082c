"""The tree-sitter grammars: the syntax tree of a text, and the place where it stops being valid.

A grammar is imported when the first text of its language is parsed. A text that is nested so deep
that a grammar's C code would crash, or take too much time or memory, is not parsed.
"""

import ctypes
import re
import sys
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from smol_dev.languages.standard import LAST_WORD, NOT_JUDGED, WHOLE, Parsed, stopped

if TYPE_CHECKING:
    from tree_sitter import Language, Parser, Tree

GRAMMARS: Final = {
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "html": ("tree_sitter_html", "language"),
    "css": ("tree_sitter_css", "language"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "java": ("tree_sitter_java", "language"),
    "bash": ("tree_sitter_bash", "language"),
    "yaml": ("tree_sitter_yaml", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "ruby": ("tree_sitter_ruby", "language"),
    "lua": ("tree_sitter_lua", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "scss": ("tree_sitter_scss", "language"),
    "swift": ("tree_sitter_swift", "language"),
    "sql": ("tree_sitter_sql", "language"),
    "terraform": ("tree_sitter_hcl", "language"),
    "powershell": ("tree_sitter_powershell", "language"),
}
"""For each language the module of its grammar and the function that returns it."""

LARGEST: Final = 2 * 1024 * 1024
CHUNK: Final = 4096
DEEPEST: Final = 200
DEEPEST_BRACKETS: Final = 500
DEEPEST_TAGS: Final = 1000
COPIED_TAGS: Final = 30_000_000
MOST_LINES: Final = 30_000
MOST_HEREDOCS: Final = 500

MOST_WORK: Final = 5_000
"""The most progress reports of a parser, which makes one every hundred steps."""

MOST_READ_AGAIN: Final = 2_000
"""The most pieces of a text that a parser may read again, as it does when it looks for the end of a string."""

MOST_MESSAGES: Final = 300_000
"""The most lines of a parser's log, which has one for each character and some for each token."""

SLASHED: Final = (re.compile(r"(?<![^\s;{}(),])/\*"), "*/")
COMMENTS: Final = {
    "html": (re.compile("<!--"), "-->"),
    "lua": (re.compile(r"\[\["), "]]"),
    "ruby": (re.compile(r"^=begin\b", re.MULTILINE), "\n=end"),
    "powershell": (re.compile("<#"), "#>"),
    **dict.fromkeys(set(GRAMMARS) - {"html", "lua", "ruby", "powershell", "bash", "yaml"}, SLASHED),
}
"""For each language, how the comments (and long strings of Lua) begin and end in which a text may be cut."""

QUOTES: Final = ('"', "'", 'r#"')
TEMPLATES: Final = frozenset({"javascript", "typescript", "tsx", "go"})
"""The languages in which a pair of back-ticks holds a string of several lines."""

CSS_VALUE: Final = re.compile(r"[^;{}\n]*\s*\Z")
ACROSS_LINES: Final = frozenset({"rust", "html", "bash", "ruby", "php"})
"""The languages in which a string in simple quotes may go over several lines."""

CUT: Final = "the file ends in the middle"
PAGE: Final = re.compile(r"<html[\s>]", re.IGNORECASE)
PAGE_END: Final = re.compile(r"</html\s*>", re.IGNORECASE)
BRACKETS: Final = re.compile(r"[(\[{]++|[)\]}]++")
BARE: Final = re.compile(r"&(?!#?\w+;)|<(?![A-Za-z/!?])")
BEYOND_ASCII: Final = re.compile(rb"[\x80-\xff]")
TAG: Final = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())


def _places(*rows: tuple[str, str, str]) -> tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...]:
    return tuple((re.compile(place, re.MULTILINE), re.compile(part), known) for place, part, known in rows)


SCRIPT: Final = _places(
    (r"(?<=\s)(?:class|for)(?==[\"'{])|(?<=\s)(?:default|for|class)(?=\s\w+=[{\"])", ".", "i"),
    (r"(?<=\w as )(?!default)[a-z]{2,10}(?=\s?[,}])", ".", "i"),
    (r"(?<=[<,])\s*(?:in |out )+(?=\w+\s*(?:[,>=]|extends ))", ".", " "),
    (r"(?:(?<=typeof )|(?<=[:|&<] ))import\([\"'][^\"'()\n]+[\"']\)", ".", "i"),
    (r"(?<==\")[^\"\n]*&[^\"\n]*(?=\")|(?<==')[^'\n]*&[^'\n]*(?=')", "&", "+"),
    (r"(?<=[\w\"'/}]>)\s*\w[^<>{}();=]*&[^<>{}();=]*(?=</|<\w|\{)", "&", "+"),
    (r"(?<=\})[^<>{}();=]*&[^<>{}();=]*(?=</)", "&", "+"),
    (r"(?<=\})\n(?=\s*\[)", "\n", ";"),
)
UNKNOWN: Final = {
    **dict.fromkeys(("javascript", "typescript", "tsx"), SCRIPT),
    "rust": _places((r"#\[[^\[\]\n]*+\]", ".", " ")),
    "powershell": _places((r"@\"\n(?:(?!@\"\n|\n\"@)[\s\S])*+\n\"@", "`", "x")),
    "scss": _places(
        (r"(?<![^\s;}])@(?:use|forward|import)\s[^;{}]*;?", ".", " "),
        (r"(?:(?<=:)|(?<=\sin))\s*\((?=[^(){};]*:)(?:[^(){};]|\([^(){};]*\))*(?:\)|\Z)", ".", "1"),
        (r"(?:(?<=@if\s)|(?<=else\sif\s))[^{}]{0,400}+(?=\{)", ".", "1"),
        (r"(?<=[\w-])\(\)|!(?:default|global)\b|\.{3}(?=\s*\))|(?<=[\s(:])-(?=\$)", ".", " "),
        (r"^[^\S\n]*[>+~](?=\s*[\w.*\[&#:])", "[>+~]", " "),
        (r"(?<=@extend )%", "%", "."),
        (r"(?<=[\s(,])#\{[^{}\n]*\}(?=[\s),;])", ".", "1"),
    ),
}
"""For each language, patterns of valid text that its grammar rejects, the letters to replace in it, and by what.

They are: attributes of JSX and exported names that are words of the language, variance and imports of types,
ampersands in JSX, a line break that ends a statement as after the body of an arrow function, attributes in patterns
of Rust, back-ticks in a text of PowerShell, modules, maps, conditions, defaults and combinators of Sass.
"""

INDICATOR: Final = re.compile(r"(?<!\S)[-?:](?!\S)")


@cache
def grammar(language: str) -> "Language":
    """Return the grammar of a language, imported now; queries on a tree need it."""
    module, function = GRAMMARS[language]
    pointer = getattr(import_module(module), function)()
    made: Language = import_module("tree_sitter").Language(_capsule(pointer) if isinstance(pointer, int) else pointer)
    return made


def _capsule(pointer: int) -> object:
    """Return the pointer of an older grammar as newer ones give theirs; tree-sitter is to refuse the number."""
    wrap = ctypes.pythonapi.PyCapsule_New
    wrap.restype, wrap.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return wrap(pointer, b"tree_sitter.Language", None)


def _parser(language: str) -> "Parser":
    made: Parser = import_module("tree_sitter").Parser(grammar(language))
    return made


def tree(language: str, text: str) -> "Tree | None":
    """Return the syntax tree of a text, or None for a language or a text that is not parsed.

    Positions in the tree count bytes of the text in UTF-8, with `?` for a lone surrogate.
    """
    return _tree(language, _plain(text))


def _plain(text: str) -> str:
    """Return a text without lone surrogates and the blanks at its end."""
    return text.encode(errors="replace").decode().rstrip() + "\n"


@lru_cache(maxsize=1)
def _tree(language: str, text: str) -> "Tree | None":
    if language not in GRAMMARS or len(text) > LARGEST or _is_too_deep(language, text):
        return None
    parsed = _parse(language, _data(language, text))
    if parsed is not None and parsed.root_node.has_error and language in UNKNOWN:
        again = _parse(language, _data(language, _mended(language, text)))
        parsed = parsed if again is None or again.root_node.has_error else again
    return parsed


def _parse(language: str, data: bytes) -> "Tree | None":
    work, pieces = MOST_WORK, MOST_READ_AGAIN + len(data) // CHUNK

    def count(*_: object) -> bool:
        nonlocal work
        work -= 1
        return False  # true would end the work at once, and can crash the library

    def read(offset: int, _: object) -> bytes:
        nonlocal pieces
        pieces -= 1
        return b"" if work < 0 or pieces < 0 else _piece(data, offset)

    # Given piece by piece, so that a signal need not wait until the C code is done.
    parsed = _parser(language).parse(read, progress_callback=count)
    too_much = work < 0 or pieces < 0
    work = pieces = sys.maxsize  # the text of every node is read in the same way, and an end would be waited for
    return None if too_much else parsed


def _piece(data: bytes, offset: int) -> bytes:
    """Return the next whole characters of a text; an end after half of one crashes the library."""
    end = offset + CHUNK
    while data[end : end + 1] > b"\x7f" and data[end : end + 1] < b"\xc0":
        end += 1
    return data[offset:end]


def _data(language: str, text: str) -> bytes:
    """Return a text as the parser gets it, each byte in its place.

    The bare `&` and `<` of a page are replaced, as browsers accept them, and the letters beyond ASCII of a shell
    script: the scanner of its grammar looks them up beyond the end of C's table of characters (`isdigit`).
    """
    data = (BARE.sub("+", text) if language == "html" else text).encode(errors="replace")
    return BEYOND_ASCII.sub(b"x", data) if language == "bash" else data


def _mended(language: str, text: str) -> str:
    """Return a text with the valid parts replaced that its grammar rejects; no letter moves."""
    for place, part, known in UNKNOWN.get(language, ()):
        text = place.sub(lambda found, part=part, known=known: part.sub(known, found[0]), text)  # type: ignore[misc]
    return text


def _is_too_deep(language: str, text: str) -> bool:
    """Return whether a text is nested deeper than its grammar can parse safely."""
    if language != "html" and _has_deep_brackets(text):  # mistakes within each take memory by the square of the depth
        return True
    if language == "yaml":  # crashes at about 250 levels, and counts lines in sixteen bits
        lines = text.splitlines()
        deep = (line for line in lines if len(line) > DEEPEST)
        return len(lines) > MOST_LINES or any(
            len(line) - len(line.lstrip()) + len(INDICATOR.findall(line)) > DEEPEST for line in deep
        )
    if language in {"java", "csharp"}:  # type arguments inside type arguments take memory by the square of their depth
        return text.count("<") > DEEPEST and any(part.count("<") > DEEPEST for part in re.split("[;{}]", text))
    if language == "bash":  # all open heredocs are copied at every token
        return text.count("<<") > MOST_HEREDOCS
    if language != "html" or ((most := text.count("<")) <= DEEPEST_TAGS and most * len(text) <= COPIED_TAGS):
        return False
    depth = deepest = 0  # the stack of open tags is copied at every token
    for tag in TAG.finditer(text):
        if tag[2].lower() not in VOID:
            depth = max(0, depth - 1) if tag[1] else depth + 1
            deepest = max(deepest, depth)
    return deepest > DEEPEST_TAGS or deepest * len(text) > COPIED_TAGS


def _has_deep_brackets(text: str) -> bool:
    depth = 0
    if sum(map(text.count, "([{")) > DEEPEST_BRACKETS:
        for found in BRACKETS.finditer(text):
            width = found.end() - found.start()
            depth = depth + width if found[0][0] in "([{" else max(0, depth - width)
            if depth > DEEPEST_BRACKETS:
                return True
    return False


def judge(language: str, text: str) -> Parsed:
    """Return whether a text is whole in a language that has a grammar, ignoring white space at its end."""
    text = _plain(text)
    parsed = _tree(language, text)
    if parsed is None:
        return NOT_JUDGED
    if not parsed.root_node.has_error:
        is_cut = language == "html" and PAGE.search(text) and not PAGE_END.search(text)
        return stopped(text, len(text) - 1, CUT, unfinished=True) if is_cut else WHOLE
    offset = _first_error(language, text)
    mended = _first_error(language, _mended(language, text)) if language in UNKNOWN else offset
    if offset is None or mended is None:
        return NOT_JUDGED
    offset = max(offset, mended)
    if offset >= len(text) - 1 or _cut(language, text, offset):
        return stopped(text, len(text) - 1, CUT, unfinished=True)
    word = re.match(r"\w{1,40}|\S", text[offset:])
    return stopped(text, offset, f"unexpected `{word[0] if word else ''}`", unfinished=False)


def _first_error(language: str, text: str) -> int | None:
    """Return where the parser first got stuck; None if its log is too long to read.

    An LR parser goes on exactly as long as what it has read can begin a valid text. Only its log tells where that
    ends; error nodes in a tree show where the parser recovered.
    """
    data = _data(language, text)
    place = furthest = (0, 0)
    given_up = False
    left = MOST_MESSAGES

    def log(_: object, message: str) -> None:
        nonlocal place, furthest, given_up, left
        left -= 1
        if given_up or message[0] not in "pdr":
            return
        if message.startswith("process "):
            row, column = message.rsplit(", ", 2)[1:]
            place = int(row.removeprefix("row:")), int(column.removeprefix("col:"))
        elif message.startswith("detect_error "):
            furthest = max(furthest, place)
        given_up = message.startswith("resume ")

    def read(offset: int, _: object) -> bytes:
        return b"" if given_up or left < 0 else _piece(data, offset)

    reader = _parser(language)
    reader.logger = log
    reader.parse(read)
    return _offset(text, *furthest) if given_up or left >= 0 else None


def _offset(text: str, row: int, column: int) -> int:
    """Return the offset of the first visible character at or behind a row and column in bytes."""
    start = 0
    for _ in range(row):
        start = text.find("\n", start) + 1
    line = text[start:].partition("\n")[0].encode()
    offset = start + len(line[:column].decode(errors="ignore"))
    return offset + len(text[offset:]) - len(text[offset:].lstrip())


def _cut(language: str, text: str, offset: int) -> bool:
    """Return whether the parser stopped because the text is cut: in its last word, or in an open comment or string."""
    if language == "html" and text.startswith("</", max(0, offset - 2)) and text.find(">", offset) > 0:
        return False  # an end tag too many: nothing that follows could begin its element
    if LAST_WORD.match(text, offset) or (language == "css" and CSS_VALUE.match(text, offset)):
        return True
    if language in COMMENTS:
        opening, closing = COMMENTS[language]
        starts = [found.end() for found in opening.finditer(text, 0, offset + 4)]
        if starts and text.find(closing, starts[-1]) < 0:
            return True
    if language in TEMPLATES and "`" not in text[offset:] and text.count("`") % 2:
        return True
    return any(_opens(quote, language, text, offset) for quote in QUOTES)


def _opens(quote: str, language: str, text: str, offset: int) -> bool:
    """Return whether a string begins at an offset or right before it, and never ends."""
    start = text.rfind(quote, max(0, offset - len(quote) - 1), offset + len(quote))
    rest = text[start + len(quote) :].rstrip("\n")
    if start < 0 or quote.lstrip("r")[::-1] in rest:
        return False
    return "\n" not in rest or quote == 'r#"' or language in ACROSS_LINES

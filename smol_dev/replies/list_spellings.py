"""Spellings of an answer with a list that mean nothing for the list, undone before it is read."""

import html
import re
from typing import Final

GLUED_FENCE: Final = re.compile(
    r"^[ \t]*`{3,9}\w{0,12}[ \t]*([\[{(][^\n]*[\])}])[ \t]*`{3,9}[ \t]*$", re.MULTILINE
)
ENTITY: Final = re.compile(r"&(?:lt|gt|amp|quot|apos|#\d{1,5}|#x[0-9a-fA-F]{1,5});")
BREAK_TAG: Final = re.compile(r"<br\s{0,4}/?>", re.IGNORECASE)
QUOTE_MARK: Final = re.compile(r"^ {0,3}> ?", re.MULTILINE)
PATH_CALL: Final = re.compile(
    r"\b(?:Pure)?(?:Posix)?(?:Path|File|URI)\(\s{0,9}([\"'][^\"'\n]{1,300}[\"'])\s{0,9}\)"
)
GO_LITERAL: Final = re.compile(r"\[\d{0,3}\](?:string|str|const char \*)\s{0,4}(?=\{)")
INLINE_TAG: Final = re.compile(r"<(code|b|strong|em|tt|kbd)>([^<>`\n]{1,300})</\1>", re.IGNORECASE)
CDATA: Final = re.compile(r"<!\[CDATA\[([^\n\]]{0,300})\]\]>")
CALL_HEAD: Final = re.compile(r"\b\w{1,60}\(\w{1,60}\s{0,4}=\s{0,4}(?=[\[{])")
ESCAPED_BRACKET: Final = re.compile(r"^\\(?=\[)|\\(?=\][ \t]*$)", re.MULTILINE)
BARE_QUOTE: Final = re.compile(r'(?<!\\)"')


def respelled(text: str) -> str:
    """Return the text with escaped quotes, entities, quote marks and the like undone."""
    if '\\"' in text and BARE_QUOTE.search(text) is None:
        text = text.replace('\\"', '"')
    if "<" not in text and ENTITY.search(text):
        text = html.unescape(text)
    if all(line.lstrip().startswith(">") for line in text.split("\n") if line.strip()):
        text = QUOTE_MARK.sub("", text)
    text = BREAK_TAG.sub("\n", text) if "<br" in text.lower() else text
    text = INLINE_TAG.sub(r"`\2`", text)
    text = CDATA.sub(r"\1", text)
    text = CALL_HEAD.sub("", text)
    text = ESCAPED_BRACKET.sub("", text)
    text = PATH_CALL.sub(r"\1", text)
    text = GO_LITERAL.sub("", text)
    return GLUED_FENCE.sub(r"\1", text)


def without_markdown_escapes(line: str) -> str:
    r"""Return a line without Markdown's `\_`, where it is no folder: all are escaped, or `/` is used."""
    if "\\" not in line:
        return line
    escaped = len(re.findall(r"\\[_*\[\]()#~-]", line))
    if escaped < line.count("\\") or re.search(r"(?<!\\)_", line):
        return line
    return re.sub(r"\\([_*\[\]()#~-])", r"\1", line) if escaped > 1 or "/" in line else line

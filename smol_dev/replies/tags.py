"""A file inside XML-like tags, with the tags of agents and tool calls (C6)."""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.labels import FILE_NAME, same_file

CONTENT_TAGS: Final = (
    "content|contents|code|file_content|filecontent|file_text|file_contents|document_content|source_code|"
    "source|text|body|new_str|newcontent|diff|data|codeblock|code_block|snippet|parameter|arg_value|"
    "updated_content|final_code|final|answer|output|result|response|solution"
)
FILE_TAGS: Final = (
    r"file|boltaction|boltartifact|antartifact|artifact|document|write_to_file|write_file|create_file|"
    r"writefile|createfile|new_file|lov-write|dyad-write|v0-write|tool_call|tool_use|function_call|"
    r"function_calls|antml:function_calls|invoke|antml:invoke|tool|action|edit|"
    r"generated_file|generated_code|project_file|filewrite|file_write|save_file|minimax:tool_call|"
    r"source_file|python|javascript|js|css|typescript|codefile|implementation|"
    r"file-content|file_block|str_replace_editor|function|function=[\w.]+"
)
OPENING: Final = re.compile(
    rf"^[ \t]*<(?P<tag>{FILE_TAGS}|{CONTENT_TAGS})(?P<attributes>(?:\s[^<>\n]{{0,600}}|=[\w.:-]+)?)>",
    re.IGNORECASE | re.MULTILINE,
)
ATTRIBUTE: Final = re.compile(
    r"(?:file_?path|file_?name|path|filename|name|identifier|title|target|src|location|uri)\s*=\s*[\"']?([^\"'>\s]+(?: [^\"'=>]+)*)[\"']?",
    re.IGNORECASE,
)
PATH_TAG: Final = re.compile(
    r"^\s*<(?P<tag>path|file_path|filepath|filename|file_name|file|name|source|location|title|target_file)>\s*(?P<path>[^<>\n]{1,240}?)\s*</(?P=tag)>",
    re.IGNORECASE | re.MULTILINE,
)
PARAMETER: Final = re.compile(
    r"<(?:antml:)?(?:parameter|param|arg)(?:=|\s+name=|\s+key=)[\"']?(?P<name>\w+)[\"']?[^>\n]{0,80}>\n?(?P<value>.*?)(?:\n?</(?:antml:)?(?:parameter|param|arg)>|(?=<(?:antml:)?parameter[=\s])|(?=</(?:function|invoke|tool_call))|\Z)",
    re.IGNORECASE | re.DOTALL,
)
ARGUMENT: Final = re.compile(
    r"<arg_key>\s*(?P<name>\w+)\s*</arg_key>\s*<arg_value>\n?(?P<value>.*?)\n?</arg_value>",
    re.DOTALL,
)
CDATA: Final = re.compile(r"^\s*<!\[CDATA\[\n?(.*?)\]\]>\s*$", re.DOTALL)
CONTENT_NAMES: Final = frozenset(
    [
        "content",
        "contents",
        "code",
        "file_content",
        "file_text",
        "text",
        "body",
        "source",
        "data",
        "file_contents",
        "new_str",
        "newcontent",
    ]
)
PATH_NAMES: Final = frozenset(
    ["path", "file_path", "filepath", "filename", "file_name", "file", "name", "target_file"]
)
MARKUP_START: Final = re.compile(
    r"\s*(?:<!\[CDATA\[\s*)?<(?:[!?]|html|svg|template|script|project|root)", re.IGNORECASE
)
MAX_ELEMENTS: Final = 200


@dataclass(frozen=True, slots=True)
class Element:
    """One tagged file: the path its tags name (or None), its text, where it is, whether closed."""

    path: str | None
    text: str
    start: int
    end: int
    closed: bool


def elements(text: str) -> list[Element]:
    """Return the outermost elements that may hold a file, in order."""
    found: list[Element] = []
    position = 0
    while len(found) < MAX_ELEMENTS and (opening := OPENING.search(text, position)):
        tag = re.split(r"[=\s]", opening["tag"])[0]
        close = f"</{tag}>"
        end = last_close(text, opening, close)
        inner = text[opening.end() : end if end >= 0 else len(text)]
        after = end + len(close) if end >= 0 else len(text)
        path, body = inside(inner, opening)
        found.append(Element(path, body, opening.start(), after, closed=end >= 0))
        position = after
    return found


def last_close(text: str, opening: re.Match[str], close: str) -> int:
    """Return where the element ends: before the next one of the same tag, else at its last close."""
    lower = text.lower() if not text.isascii() or close != close.lower() else text
    following = re.compile(
        rf"^[ \t]*<{re.escape(opening['tag'])}[\s>=]", re.IGNORECASE | re.MULTILINE
    ).search(text, opening.end())
    limit = following.start() if following else len(text)
    end = text.rfind(close, opening.end(), limit)
    return end if end >= 0 else lower.find(close.lower(), opening.end())


def inside(inner: str, opening: re.Match[str]) -> tuple[str | None, str]:
    """Return the path and the text that the inside of an element gives."""
    named = ATTRIBUTE.search(opening["attributes"] or "")
    path = named[1] if named and FILE_NAME.match(named[1]) else None
    values = {
        match["name"].lower(): match["value"]
        for match in [*PARAMETER.finditer(inner), *ARGUMENT.finditer(inner)]
    }
    for name in PATH_NAMES & values.keys():
        path = values[name].strip()
    for name in CONTENT_NAMES & values.keys():
        return path, without_cdata(values[name])
    child = PATH_TAG.match(inner)
    if child:
        path, inner = child["path"], inner[child.end() :]
    return path, without_cdata(unwrapped(inner))


def unwrapped(inner: str) -> str:
    """Return the text inside nested file and content tags."""
    for _ in range(4):
        opening = OPENING.match(inner.lstrip("\n").lstrip())
        if opening is None:
            return inner
        stripped = inner.lstrip("\n").lstrip()
        end = stripped.rfind(f"</{opening['tag']}>")
        if end < 0 or stripped[end:].count("\n") > 3:  # noqa: PLR2004 - an inner tag of the file itself
            return inner
        inner = stripped[opening.end() : end]
        child = PATH_TAG.match(inner)
        inner = inner[child.end() :] if child else inner
    return inner


def without_cdata(text: str) -> str:
    """Return the text of a CDATA section, or the text itself."""
    match = CDATA.match(text)
    if match is None:
        return text
    return match[1].replace("]]]]><![CDATA[>", "]]>")


def fitting(found: list[Element], path: str) -> Element | None:
    """Return the element for the requested path: named so, else the only one without a name."""
    for element in found:
        if element.path and same_file(element.path, path):
            return element
    unnamed = [element for element in found if element.path is None]
    return unnamed[0] if unnamed and len(found) == len(unnamed) else None

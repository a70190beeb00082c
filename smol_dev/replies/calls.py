"""A file inside a JSON object or a tool call, in the spellings models have for it (C6)."""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.labels import FILE_NAME, same_file
from smol_dev.replies.syntax import is_python

PREFIX: Final = re.compile(
    r"\s*(?:\[TOOL_CALLS\]|<\|python_tag\|>|<\|tool_call\|>|<tool_call>|<function_call>|<functioncall>|"
    r"<\|tool▁call▁begin\|>|functools|Action Input:|Action:\s*\w+\s*\n\s*Action Input:|"
    r"(?:<function=)?[\w.]*(?:write|create|save|generate|add|edit)_?\w*(?:>|\[ARGS\]|\s*\(\s*(?=\{)|\s*(?=\{\"))|"
    r"(?:return|json|output|=)\s*(?=[{\[]))\s*",
    re.IGNORECASE,
)
CONTENT_KEYS: Final = (
    "content", "contents", "code", "file_content", "filecontent", "file_contents", "file_text",
    "codefile", "code_file", "source", "source_code", "sourcecode", "text", "body", "new_content",
    "file", "output", "data", "answer", "result", "response", "value", "new_str", "lines", "final",
    "implementation", "script", "html", "css", "python", "javascript", "markdown", "readme",
)  # fmt: skip
INNER_KEYS: Final = (
    "arguments", "parameters", "input", "args", "kwargs", "function", "tool_input", "tool_calls",
    "function_call", "tool_call", "action_input", "params", "files", "result", "output", "file",
    "data", "response", "answer", "message", "properties", "changes", "artifacts", "edits",
)  # fmt: skip
PATH_KEYS: Final = (
    "path",
    "file_path",
    "filepath",
    "filename",
    "file_name",
    "file",
    "name",
    "target_file",
)
MAX_DEPTH: Final = 6
MAX_LITERAL: Final = 400_000
MAX_NESTING: Final = 200
MAX_TAIL: Final = 2000


@dataclass(frozen=True, slots=True)
class Call:
    """A file found in an object: its text, the path given with it, whether the object was closed."""

    text: str
    path: str | None
    closed: bool = True


def from_object(text: str, path: str) -> Call | None:
    """Return the file in the object that the text begins with, or None."""
    start = text.lstrip()
    for _ in range(3):
        match = PREFIX.match(start)
        if match is None or not match.end():
            break
        start = start[match.end() :]
    if not start.startswith(("{", "[", '"')):
        return None
    value = json_value(start)
    if value is None or isinstance(value, str):
        value = (
            value if isinstance(value, str) and value.lstrip()[:1] in "{[" else python_value(start)
        )
    if value is not None:
        found = search(value, path, MAX_DEPTH)
        if found is not None:
            return found
    return loose_value(start, path)


def json_value(text: str) -> object:
    """Return the JSON value the text begins with, raw line ends in strings allowed, or None."""
    if text[:MAX_NESTING].count("[") + text[:MAX_NESTING].count("{") > MAX_NESTING // 2:
        return None
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value if not has_raw_newlines(text) else None


def has_raw_newlines(text: str) -> bool:
    """Tell whether a JSON string contains line ends as well as the escape for them."""
    strings = re.finditer(r'"(?:[^"\\]|\\.)*+"', text)
    return any("\n" in match[0] and re.search(r"(?<!\\)\\[nt]", match[0]) for match in strings)


def python_value(text: str) -> object:
    """Return the Python literal the text is, or None."""
    literal = text.strip().rstrip(";")
    if (
        len(literal) > MAX_LITERAL
        or literal[-1:] not in "}])"
        or has_raw_triple(literal)
        or has_raw_newlines(text)
    ):
        return None
    try:
        value: object = ast.literal_eval(literal)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return value


def has_raw_triple(text: str) -> bool:
    """Tell whether a triple-quoted string holds escapes that are the file's own."""
    strings = re.finditer(r"\"\"\"(.*?)\"\"\"|'''(.*?)'''", text, re.DOTALL)
    return any("\n" in match[0] and "\\" in match[0] for match in strings)


def search(value: object, path: str, depth: int) -> Call | None:
    """Return the file for the path anywhere in a value: keyed by path, beside a path, or alone."""
    if depth == 0:
        return None
    if isinstance(value, str):
        return search_string(value, path, depth)
    if isinstance(value, list):
        found = [call for item in value if (call := search(item, path, depth - 1))]
        named = [call for call in found if call.path and same_file(call.path, path)]
        alone = [call for call in found if call.path is None and len(found) == 1]
        return next(iter(named or alone), None)
    if not isinstance(value, Mapping):
        return None
    return search_mapping({str(key): item for key, item in value.items()}, path, depth)


def search_string(value: str, path: str, depth: int) -> Call | None:
    """Return the file in a string that is itself JSON."""
    if value.lstrip()[:1] not in {"{", "["}:
        return None
    inner = json_value(value.lstrip())
    return search(inner, path, depth - 1) if isinstance(inner, dict | list) else None


def search_mapping(value: dict[str, object], path: str, depth: int) -> Call | None:
    """Return the file in one object."""
    for key, item in value.items():
        if FILE_NAME.match(key) and same_file(key, path):
            text = as_text(item)
            return Call(text, key) if text is not None else search(item, path, depth - 1)
    lower = {key.lower().replace("-", "_"): item for key, item in value.items()}
    named = next(
        (
            item
            for key in PATH_KEYS
            if isinstance(item := lower.get(key), str) and FILE_NAME.match(item)
        ),
        None,
    )
    if named is not None and not same_file(named, path):
        return Call("", named)
    for key in CONTENT_KEYS:
        text = as_text(lower.get(key))
        if text is not None and text != named and not is_nested(text):
            return Call(text, named)
    for key in INNER_KEYS:
        found = search(lower[key], path, depth - 1) if key in lower else None
        if found is not None and (found.text or found.path):
            return found
    strings = [item for item in value.values() if isinstance(item, str) and "\n" in item]
    return Call(strings[0], named) if len(strings) == 1 and len(value) == 1 else None


def is_nested(text: str) -> bool:
    """Tell whether a text is an object with a file in it rather than the file."""
    value = json_value(text.lstrip()) if text.lstrip().startswith("{") else None
    return isinstance(value, dict) and any(key.lower() in CONTENT_KEYS[:9] for key in value)


def as_text(value: object) -> str | None:
    """Return a file's text: a string, or a list of lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return "\n".join(line.rstrip("\n") for line in value)
    return None


CONTENT_START: Final = re.compile(
    rf"[\"'](?:{'|'.join(CONTENT_KEYS[:16])})[\"']\s*:\s*(?P<quote>\"\"\"|'''|`{{1,3}}|\"|')",
    re.IGNORECASE,
)


def loose_value(text: str, path: str) -> Call | None:
    """Return the string behind a content key of an object that is not quite JSON.

    Its quotes, line ends or escapes are broken in one of the usual ways; the text is taken from
    the opening quote to the last one that only brackets follow.
    """
    match = CONTENT_START.search(text) if text.startswith(("{", "[")) else None
    if match is None:
        return None
    quote = match["quote"]
    tail = re.compile(
        rf"{re.escape(quote)}(?P<rest>\s*(?:,\s*(?:\"\w+\"\s*:\s*(?:\"[^\"\n]*\"|\w+)\s*,?\s*)*)?[}}\]]+[}}\])\s;]*)(?:</?\w+[^>]*>|```)?\s*\Z"
    )
    end = tail.search(text, max(match.end(), len(text) - MAX_TAIL))
    named = re.search(
        rf"[\"'](?:{'|'.join(PATH_KEYS)})[\"']\s*:\s*[\"']([^\"'\n]+)[\"']",
        text[: match.start()] + (end[0] if end else ""),
    )
    raw = text[match.end() : end.start() if end else len(text)]
    given = named[1] if named and FILE_NAME.match(named[1]) else None
    if given and not same_file(given, path):
        return Call("", given)
    if end is None:
        raw = re.sub(rf"{re.escape(quote)}\s*\Z", "", raw)
    return Call(decoded(raw, quote, path), given, closed=end is not None)


def decoded(raw: str, quote: str, path: str) -> str:
    r"""Return the text of a string whose line ends are real, so that its `\\n` are the file's own."""
    if len(quote) > 1 or quote == "`":
        return raw
    if "\n" not in raw.strip("\n"):
        return unescaped(raw, quote)
    kept = re.sub(rf"\\([{re.escape(quote)}\\/])", r"\1", raw)
    if path.endswith(".py") and not is_python(kept):
        full = unescaped(raw, quote)
        return full if is_python(full) else kept
    return kept


def unescaped(raw: str, quote: str) -> str:
    """Return the text of the inside of a JSON string, bare quotes in it allowed."""
    body = (
        re.sub(r"(?<!\\)((?:\\\\)*)\"", r'\1\\"', raw) if quote == '"' else raw.replace('"', '\\"')
    )
    try:
        value = json.loads(f'"{body}"', strict=False)
    except ValueError:
        value = None
    return (
        value
        if isinstance(value, str)
        else raw.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')
    )

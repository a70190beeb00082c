"""Wrappings of a whole file, such as quotes, line numbers, diffs and shell commands, and how they are undone."""

import ast
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from textwrap import dedent
from typing import Final

from smol_dev.languages import State, is_program
from smol_dev.languages.parsing import TELLING
from smol_dev.replies.answer import without_reasoning
from smol_dev.replies.bare import is_comment
from smol_dev.replies.list_data import unescaped
from smol_dev.replies.paths import (
    CALL_KEYS,
    FILE_NAME,
    PATH_KEYS,
    PATH_WORD,
    is_known_file,
    names,
    plain_key,
    same_file,
)
from smol_dev.replies.verdicts import Doubt, Request

CALL: Final = re.compile(  # for hermes
    r"\s*+(?:\[TOOL_CALLS\]|<\|?python_tag\|?>|<\|?tool_call\|?>|<function_call>|<functioncall>|functools|"
    r"json(?=\s*[{\[])|"
    r"(?:<function=)?(?:\w*+\.)*+(?=\w*?(?:write|create|save|add))\w++(?:>|\[ARGS\]|\s*+\(\s*+(?=\{)|\s*+(?=\{\")))\s*+",
    re.IGNORECASE,
)
CONTENT_KEYS: Final = (  # for react
    "content", "contents", "code", "filecontent", "filecontents", "filetext", "codefile", "source", "sourcecode",
    "text", "newcontent", "newstr",
)  # fmt: skip
"""The keys beside which a file stands, as `plain_key` spells them, the surest first."""

ANSWER_KEYS: Final = ("output", "answer", "result", "response")  # for json-output
INNER_KEYS: Final = (*CALL_KEYS, "files", "file", "result", "output", "data", "changes")  # for json-function
DEEPEST: Final = 6
MOST_BRACKETS: Final = 100
LONGEST_LITERAL: Final = 400_000
LONGEST_TAIL: Final = 2_000
# for json-triple-esc
STRING_START: Final = re.compile(r"[\"'](?P<key>\w{1,20})[\"']\s*:\s*(?P<quote>\"\"\"|'''|`{1,3}|\"|')")
NAMED_STRING: Final = re.compile(r"[\"'](\w+)[\"']\s*:\s*[\"']([^\"'\n]+)[\"']")  # for loose-object-of-another-file
TAIL: Final = (
    r"(?P<rest>\s*(?:,\s*(?:\"\w+\"\s*:\s*(?:\"[^\"\n]*\"|\w+)\s*,?\s*)*)?[}\]]+[}\])\s;]*)(?:</?\w+[^>\n]*>)?\s*\Z"
)


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
        prefix = CALL.match(start)
        start = start[prefix.end() :] if prefix else start
    if not start.startswith(("{", "[", '"')):
        return None
    value = value_of(start)
    return loose_value(start) if value is None else search(value, path, DEEPEST)


def value_of(text: str) -> object:
    """Return the JSON value or Python literal that the text begins with, or None."""
    if sum(map(text[:200].count, "[{")) > MOST_BRACKETS:
        return None
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return python_value(text.strip().rstrip(";"))
    return None if mixes_line_ends(text[:end]) else value


def python_value(text: str) -> object:
    """Return the Python literal that the text is, or None."""
    raw = "\\" in text and ('"""' in text or "'''" in text)
    if len(text) > LONGEST_LITERAL or text[-1:] not in "}])" or raw or mixes_line_ends(text):
        return None
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return value


def mixes_line_ends(text: str) -> bool:
    r"""Return whether a string has line ends of its own as well as `\n`: the latter are then the file's."""
    strings = re.finditer(r'"(?:[^"\\]|\\.)*+"', text)  # for json-raw-nl-mixed
    return any("\n" in one[0] and re.search(r"(?<!\\)\\[nt]", one[0]) for one in strings)  # for json-raw-nl-mixed


def search(value: object, path: str, depth: int) -> Call | None:
    """Return the file for the path anywhere in a value: keyed by path, beside a path, or alone."""
    if depth == 0:
        return None
    if isinstance(value, str):
        inner = value_of(value.lstrip()) if value.lstrip()[:1] in {"{", "["} else None
        return search(inner, path, depth - 1) if isinstance(inner, dict | list) else None
    if isinstance(value, list):
        calls = [call for item in value if (call := search(item, path, depth - 1))]
        own = [call for call in calls if call.path and same_file(call.path, path)]
        return next(iter(own or (calls if len(calls) == 1 else [])), None)
    members = {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}
    for key, item in members.items():
        if FILE_NAME.match(key) and same_file(key, path):
            text = as_text(item)
            return Call(text, key) if text is not None else search(item, path, depth - 1)
    keyed = {plain_key(key): item for key, item in members.items()}
    paths = (keyed.get(key) for key in PATH_KEYS)
    named = next((item for item in paths if isinstance(item, str) and FILE_NAME.match(item)), None)
    for key in (*CONTENT_KEYS, *ANSWER_KEYS):
        text = as_text(keyed.get(key))
        if text is not None and text != named and search(text, path, depth - 1) is None:
            return Call(text, named)
    inner = (search(keyed[key], path, depth - 1) for key in INNER_KEYS if key in keyed)
    return next((found for found in inner if found is not None), None)


def as_text(value: object) -> str | None:
    """Return a file's text: a string, or a list of lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return "\n".join(line.rstrip("\n") for line in value)
    return None


def loose_value(text: str) -> Call | None:
    """Return the string behind a content key of an object whose quotes or line ends are broken.

    It goes from the opening quote to the last one that only brackets follow.
    """
    strings = STRING_START.finditer(text) if text.startswith(("{", "[")) else iter(())
    start = next((one for one in strings if plain_key(one["key"]) in CONTENT_KEYS), None)
    if start is None:
        return None
    quote = start["quote"]
    tail = re.compile(re.escape(quote) + TAIL).search(text, max(start.end(), len(text) - LONGEST_TAIL))
    around = NAMED_STRING.findall(text[: start.start()] + (tail[0] if tail else ""))
    named = next((path for key, path in around if plain_key(key) in PATH_KEYS), "")
    given = named if FILE_NAME.match(named) else None
    return Call(decoded(text[start.end() : tail.start() if tail else len(text)], quote), given, closed=tail is not None)


def decoded(raw: str, quote: str) -> str:
    r"""Return the text of a string; where its line ends are real, its `\\n` are the file's own."""
    if len(quote) > 1 or quote == "`":
        return raw
    if "\n" in raw.strip("\n"):
        return re.sub(rf"\\([{re.escape(quote)}\\/])", r"\1", raw)  # for json-raw-nl-mixed
    body = re.sub(r"(?<!\\)((?:\\\\)*)\"", r'\1\\"', raw)  # for json-open-length
    try:
        value = json.loads(f'"{body}"', strict=False)
    except ValueError:
        return raw
    return value if isinstance(value, str) else raw


Way = Callable[[str, Request], "str | Doubt | None"]

HEREDOC: Final = re.compile(  # for heredoc-other
    r"^[ \t]*+(?:\$ )?(?:[^\n<]{0,200}&& )?(?:cat|tee)\b([^\n<]*+)<<-?[ \t]*+(['\"\\]?)(\w++)['\"]?+([^\n]*+)\n",
    re.MULTILINE,
)
LITERAL: Final = re.compile(  # for test_wrappers.test_commands_that_write_the_file_are_not_it
    r"<<[-~<]?[ \t]*(?P<quote>['\"]?)(?P<word>[A-Za-z_]\w*)(?P=quote)|(?P<long>\"{3}|'{3}|`|@['\"](?=\n)|\[\[(?=\n))|"
    r"\"(?P<double>(?:[^\"\\\n]|\\.)*+)\"|'(?P<single>(?:[^'\\\n]|\\.)*+)'|"
    r"(?:(?<=[(,=>])|(?<=[(,=>\w] ))\"(?P<lines>(?:[^\"\\]|\\.)*+)\"",
    re.DOTALL,
)
"""How a string or a here-document begins, in any language; one in double quotes on several lines is behind a sign."""

# for test_wrappers.test_commands_that_write_the_file_are_not_it
CLOSING: Final = {"@'": "\n'@", '@"': '\n"@', "[[": "]]"}
TARGET: Final = re.compile(  # for test_wrappers.test_commands_that_write_the_file_are_not_it
    r"(?:[^\s=>-][ \t]*>>?|\btee\b|^%%\w+\s|(?<=\s)-{1,2}\w[\w-]*[=\s])\s*([^\s\"'>|;&()<]+)"
)
"""What a command is given to write to: behind an arrow, `tee` or an option."""

SEVERAL_LINES: Final = re.compile(r"(?:\n|\\n).")  # for test_wrappers.test_commands_that_write_the_file_are_not_it
ROOTED: Final = ("/", "~", "$", "%")  # for test_wrappers.test_commands_that_write_the_file_are_not_it
# for test_wrappers.test_what_writes_another_file_or_reads_its_own_is_a_file
NO_PROGRAMS: Final = frozenset(
    {"json", "jsonc", "yaml", "toml", "html", "xml", "vue", "svelte", "astro", "css", "diff"}
)
SHORT_REST: Final = 100
LONGEST_REST: Final = 300
LONGEST_WRITER: Final = 100_000
NUMBERED: Final = re.compile(r"[ \t]*[\[(L]?0*(\d{1,6})(?:([ \t]*[|│:→.)\]]|\t|(?= ))(.*)|[ \t]*)$")  # for num2
# for code-tag
OPENING: Final = re.compile(r"\s*<(?P<tag>[\w:.-]+)(?P<rest>(?:\s[^<>\n]{0,400}|=[\w.:-]+)?)>", re.IGNORECASE)
LINE_OPENING: Final = re.compile(r"^[ \t]*<([\w:.-]+)(\s[^<>\n]{1,400})>", re.MULTILINE)  # for file-tag-prose
ATTRIBUTE: Final = re.compile(rf"{PATH_WORD}\s*=\s*[\"']?([^\"'>\s]+)", re.IGNORECASE)  # for file-tags-other
VALUE_START: Final = re.compile(  # for test_wrappers.test_the_file_is_taken_out_of_its_wrapper
    r"<(?:antml:)?(?:parameter|param|arg|arg_key)(?:=|\s++name=|\s++key=|>\s*+)[\"']?(\w++)[\"']?+"
    r"(?:</arg_key>\s*+<arg_value)?[^>\n]{0,40}+>\n?"
)
# for test_wrappers.test_the_file_is_taken_out_of_its_wrapper
VALUE_END: Final = re.compile(r"\n?</(?:antml:)?(?:parameter|param|arg|arg_value)>|(?=</(?:function|invoke|tool_call))")
# for file-content-tags
PATH_TAG: Final = re.compile(rf"\s*+<({PATH_WORD})>\s*+([^<>\n]{{0,240}}+)\s*+</\1>\s*+", re.IGNORECASE)
WRITING: Final = frozenset(  # for code-tag
    "file function_calls document_content write_to_file write_file create_file new_file save_file boltaction artifact antartifact document tool_call "
    "tool_use function_call invoke function content contents code source_code answer output result file_content".split()
)
CDATA: Final = re.compile(r"\s*<!\[CDATA\[\n?(.*?)\]\]>\s*\Z", re.DOTALL)  # for cdata
ROOT: Final = re.compile(r"\s*+<(?:!doctype|html\b|\?xml|!\[CDATA\[)", re.IGNORECASE)  # for element-around-a-page
MOST_LAYERS: Final = 5
MOST_HEREDOCS: Final = 20
SCRIPTS: Final = frozenset({"bash", "fish", "powershell", "batch"})  # for run-of-the-script-itself
# for test_wrappers.test_what_looks_like_a_wrapper_may_be_the_file
SHELLS: Final = frozenset({"bash", "fish", "dockerfile", "makefile", "yaml"})
"""Languages whose files hold commands of a shell."""

MOST_TAGS: Final = 200
LONE_CONTENT: Final = re.compile(  # for md-wrap
    r'\s*+\{\s*+"(?:content|code|text)"\s*+:\s*+"(?=[^\n]*?\\n)(?:[^\n"]++|"(?!\s*+\}\s*\Z))*+"\s*+\}\s*\Z'
)
CONTENT_KEY: Final = re.compile(r"[\"']\w*(?:content|code|text)\w*[\"']\s*:")  # for refusal-in-a-call
QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'")  # for ent-str2
CALL_HEAD: Final = re.compile(  # for call-of-kimi
    r"\s*+(?:[\w.:]*+<[|｜][^|｜>\n]*[|｜]>)+[\w.:]*+\s*+(?:```\w*+\s*+)?(?=\{)|"
    r"(?s:.{0,2000}?)Action Input:(?=\s*\{)|\s*+(?:(?:Thought|Action):(?s:.{0,2000}?))?Action Input:"
)
"""What stands in front of what a call is given."""

YAML_CALL: Final = re.compile(  # for call-in-yaml
    r"(?:\A|\n)([ \t]*)(- )?(\w+): *[\"']?([^\s\"']+)[\"']?\n\1(?(2)  )(\w+): *\|[+-]?\n((?:\1[ \t]+[^\n]*(?:\n|\Z)|\n)+)\Z"
)
MOST_BESIDE: Final = 3


def call(text: str, request: Request) -> str | Doubt | None:
    """Return the file in a JSON object or a tool call that writes this path."""
    head = CALL_HEAD.match(text) if "Action Input:" in text or "|" in text or "｜" in text else None
    text = text[head.end() :] if head else text
    if head and names(text.strip().partition("\n")[0], request.path):
        return Doubt()
    start = text.lstrip()[:400]
    # for json-raw-nl-esc
    if not re.match(r"[{\[\"<]|\w+\(|functools|json\b|Action", start) or not re.search(r"[{\[]", start):
        return None
    if request.language in {"json", "jsonc", "yaml", None} or request.is_text:
        lone = request.language != "json" and LONE_CONTENT.match(text) is not None
        named = lone or (request.path.rpartition("/")[2] in text and CONTENT_KEY.search(text))
        # for refusal-in-a-call
        if not named or (not lone and not re.search(r"[\"'](?:\w*path|\w*name|file)[\"']\s*:", text)):
            return None
    found = from_object(text, request.path)
    if found is None:
        return None
    # for test_wrappers.test_an_answer_without_the_file_says_why
    encoded = re.search(r"[\"']encoding[\"']\s*:\s*[\"']base64", text)
    if encoded or (found.path is not None and not same_file(found.path, request.path)):
        return Doubt()
    return found.text if found.closed else Doubt("truncated")


def envelope(text: str, request: Request) -> str | Doubt | None:
    """Return the file in data of its own type that has its path, or a doubt where it is the answer to a question."""
    if request.language == "yaml" and "|" in text and (found := YAML_CALL.search(text)):
        keys = plain_key(found[3]), plain_key(found[5])
        is_call = keys[0] in PATH_KEYS and keys[1] in CONTENT_KEYS and same_file(found[4], request.path)
        return dedent(found[6]) if is_call else None
    value = value_of(text.strip()) if request.language == "json" and text.lstrip().startswith(("{", '"')) else None
    if isinstance(value, str) and isinstance(value_of(value.strip() or "0"), dict | list):
        return Doubt()
    if not isinstance(value, dict) or len(value) > MOST_BESIDE:
        return None
    if len(value) == 1 and same_file(next(iter(value)), request.path):
        return Doubt()
    inner = next((item for key, item in value.items() if plain_key(key) in ANSWER_KEYS and isinstance(item, str)), "")
    return Doubt(kept=text) if isinstance(value_of(inner.strip() or "0"), dict | list) else None


def tags(text: str, request: Request) -> str | Doubt | None:
    """Return the file between tags that agents and models put around it, with its path or without."""
    own = own_element(text, request)
    body, path = text if own is None else own, None
    for _ in range(MOST_LAYERS):
        opening = OPENING.match(body)
        inside = path is not None and opening is not None and opening["tag"] in CONTENT_KEYS
        if opening is None or not (inside or _wraps(opening, request)):
            asked = PATH_TAG.match(body, opening.end()) if opening else None
            if asked and same_file(asked[2], request.path):
                return Doubt()
            break
        close = body.rfind(f"</{opening['tag']}>")
        if close < 0:
            return Doubt("truncated")
        inner = body[opening.end() : close]
        attribute = ATTRIBUTE.search(opening["rest"])
        path = attribute[1] if attribute and FILE_NAME.match(attribute[1]) else path
        values = {plain_key(name): text for name, text in named_values(inner)}
        paths = (text for name, text in values.items() if name in PATH_KEYS)
        path = next(paths, path or "").strip() or None
        value = next((values[name] for name in values if name in CONTENT_KEYS), None)
        if values and value is None:
            return Doubt()
        while child := PATH_TAG.match(inner):
            path, inner = child[2].rstrip(), inner[child.end() :]
        body = inner if value is None else value
        if value is not None:
            break
    if body is text:
        return None
    if path is not None and not same_file(path, request.path):
        return Doubt()
    data = CDATA.match(body)
    return data[1].replace("]]]]><![CDATA[>", "]]>") if data else body


def named_values(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the parameters of a call."""
    position = 0
    while (start := VALUE_START.search(text, position)) is not None:
        end = VALUE_END.search(text, start.end())
        if end is None:
            return
        yield start[1], text[start.end() : end.start()]
        position = end.end()


def own_element(text: str, request: Request) -> str | None:
    """Return the inside of the tag that has this path, of several or between words."""
    named = request.path.replace("\\", "/").rpartition("/")[2] in text
    for opening in islice(LINE_OPENING.finditer(text) if named else (), MOST_TAGS):
        attribute = ATTRIBUTE.search(opening[2])
        if attribute is None or not same_file(attribute[1], request.path):
            continue
        close = text.find(f"</{opening[1]}>", opening.end())
        return text[opening.end() : close] if close >= 0 else None
    return None


def _wraps(opening: re.Match[str], request: Request) -> bool:
    tag = opening["tag"].lower().removeprefix("antml:").partition("=")[0]
    attribute = ATTRIBUTE.search(opening["rest"])
    if attribute and same_file(attribute[1], request.path):
        return True
    # for function-that-writes
    if opening["rest"].startswith("=") and not re.search("write|create|save|add", opening["rest"]):
        return False
    is_element = request.language in {"html", "xml", "vue", "svelte", "php", "astro"} or request.is_text
    document = ROOT.match(opening.string, opening.end())
    return tag in WRITING and not (
        is_element
        and not document
        and tag in {"code", "output", "document", "content", "source", "file", "answer", "result"}
    )


def thought(text: str, request: Request) -> str | Doubt | None:
    """Return the file behind the reasoning that is with it in a block."""
    rest = text if request.is_text else without_reasoning(text)
    return None if rest == text else rest or Doubt("no_code")


def cdata(text: str, request: Request) -> str | None:
    """Return the text of a CDATA section around everything."""
    found = CDATA.match(text)
    return found[1] if found and request.language != "xml" else None


def pre_and_code(text: str, request: Request) -> str | None:
    """Return what an HTML listing shows, its entities decoded."""
    found = re.fullmatch(r"\s*<pre[^>\n]*>\s*<code[^>\n]*>\n?(.*)</code>\s*</pre>\s*", text, re.DOTALL)  # for VX64
    if found is None or request.language in {"vue", "markdown"}:
        return None
    shown = html.unescape(found[1])
    page = re.match(r"\s*<(?:!doctype|html)\b", shown, re.IGNORECASE)  # for VX64
    return shown if page or request.language != "html" else None


def bracket_tags(text: str, request: Request) -> str | None:
    """Return the text between CodeLlama's tags."""
    del request
    # for D01-codellama-python-tags
    found = re.fullmatch(r"\s*\[(PYTHON|CODE|[A-Z]{2,10})\]\n?(.*)\[/\1\]\s*", text, re.DOTALL)
    return found[2] if found else None


def heredoc(text: str, request: Request) -> str | Doubt | None:
    """Return the file that one shell command writes to exactly this path."""
    if "<<" not in text or (request.language == "bash" and text.startswith("#!")):
        return None
    others = False
    for found in islice(HEREDOC.finditer(text), MOST_HEREDOCS):
        words = f"{found[1]} {found[4]}"
        # for heredoc-other
        target = re.search(r">\s*([^\s>|;&]+)", words) or re.search(r"(?<!\S)[>|;&-]*+(\S++)\s*$", found[1])
        if target and same_file(target[1].strip("\"'"), request.path):
            body, end, _ = f"{text}\n"[found.end() - 1 :].partition(f"\n{found[3]}\n")
            # for test_wrappers.test_an_answer_without_the_file_says_why
            is_plain = found[2] or not re.search(r"[$`\\]", body)
            return body[1:] if is_plain and end else Doubt()
        others = others or target is not None
    is_command = HEREDOC.match(text.lstrip()) is not None or request.parsed(text).state is State.BROKEN
    return Doubt() if others and is_command and not (request.is_text or request.language in SHELLS) else None


def written(text: str, request: Request) -> Doubt | None:
    """Return a doubt where commands or a program write this very path: little else is in them than what it is to hold."""
    name = request.path.replace("\\", "/").rpartition("/")[2]
    if name not in text or not is_known_file(name) or len(text) > LONGEST_WRITER or request.language in NO_PROGRAMS:
        return None
    pieces, position, held, behind = list[str](), 0, list[str](), ""
    for start, end, inner in literals(text):
        is_named = is_own(inner, request.path)
        pieces += [text[position:start], inner if is_named else '""']
        held += [] if is_named else [inner]
        behind += text[end : end + 1] if is_named else ""
        position = end
    rest = "".join((*pieces, text[position:])).split("\n")
    rest = [line for line in rest if line.strip() and not is_comment(line, request)]
    length, longest = sum(map(len, rest)), max(map(len, held), default=0)
    if length > max(LONGEST_REST, longest):
        return None
    is_script = request.language in SCRIPTS
    targets = [word for line in (rest if is_script else rest[:1] + rest[-1:]) for word in TARGET.findall(line)]
    if any(is_own(word, request.path) for word in targets):
        return Doubt()
    # for test_wrappers.test_commands_that_write_the_file_are_not_it
    own = re.compile(rf"(?<![\w./-])(?:\./)?(?:{re.escape(request.path)}|{re.escape(name)})(?![\w./-])")
    if is_script and rest and all(map(own.search, rest)):
        return Doubt()
    is_given = re.search(r"[),]", behind) is not None  # for test_wrappers.test_commands_that_write_the_file_are_not_it
    # for test_wrappers.test_commands_that_write_the_file_are_not_it
    is_short = length <= SHORT_REST and re.search(r'[wW]rite|"",\n\s*""', "\n".join(rest))
    if is_given and held and (is_short or any(is_program(request.language, plain(one)) for one in held)):
        return Doubt()
    is_long = longest > length or request.language not in TELLING
    return Doubt() if behind.strip(":") and is_long and any(map(SEVERAL_LINES.search, held)) else None


def plain(literal: str) -> str:
    """Return what a string holds: without its indentation, with its line ends."""
    return dedent(literal if "\n" in literal else unescaped(literal))


def literals(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the strings and here-documents of a program in any language: start, end, and what is in each."""
    position, missing = 0, set[str]()
    while (found := LITERAL.search(text, position)) is not None:
        start, position = found.span()
        inner = next((found[kind] for kind in ("double", "single", "lines") if found[kind] is not None), None)
        if inner is None:
            word, long = found["word"], found["long"]
            mark = rf"\n[ \t]*{word}\b" if word else re.escape(CLOSING.get(long, long))
            start = text.find("\n", position) if word else start
            is_sought = start >= 0 and mark not in missing and len(missing) < MOST_HEREDOCS
            closing = re.compile(mark).search(text, max(start, position)) if is_sought else None
            if closing is None:
                missing.add(mark)
                continue
            inner, position = text[max(start + 1, position) : closing.start()], closing.end()
        yield start, position, inner


def is_own(word: str, path: str) -> bool:
    """Return whether a word is the path, or a file of its name anywhere on the machine."""
    name = path.rpartition("/")[2]
    return name in word and (same_file(word, path) or (word.startswith(ROOTED) and word.endswith(f"/{name}")))


def new_file_diff(text: str, request: Request) -> str | Doubt | None:
    """Return the file that a diff creates; a diff of a file that is not here is none."""
    patch = re.fullmatch(r"\s*+\w+ <<['\"]?(\w+)['\"]?\n(.*\n)\1\s*", text, re.DOTALL)  # for patch-for-a-command
    text = patch[2] if patch else text
    is_diff = re.match(r"\s*(?:diff --git |--- \S|\*\*\* Begin Patch|@@ )", text) and re.search(  # for hunk
        r"^(?:@@|\*\*\* Add)", text, re.MULTILINE
    )
    if not is_diff or request.language == "diff":
        return None
    lines = text.strip("\n").split("\n")
    body = [
        line
        for line in lines
        if not re.match(r"(?:diff |index |new file |--- |\+\+\+ |@@|\*\*\* |\\ No newline)", line)  # for diff6
    ]
    target = re.findall(r"^(?:\+\+\+ (?:b/)?|\*\*\* Add File: )(\S+)", text, re.MULTILINE)  # for diff-of-another-file
    added = [line[1:] for line in body if line.startswith("+")]
    is_whole = len(added) >= len([line for line in body if line.strip()])
    if not is_whole or not all(same_file(name, request.path) for name in target):
        return Doubt()
    return "\n".join(line[1:] for line in body)


def block_quote(text: str, request: Request) -> str | None:
    """Return the text without the quotation marks in front of every line."""
    if request.is_text or re.match(r"\n*>", text) is None:  # for G44-js-blockquote
        return None
    lines = text.strip("\n").split("\n")
    if not all(line.startswith(">") for line in lines):
        return None
    width = 2 if all(line[1:2] in {"", " "} for line in lines) else 1
    return "\n".join(line[width:] for line in lines)


def double_fence(text: str, request: Request) -> str | None:
    """Return the inside of a block that is all there is in another one."""
    found = re.fullmatch(r"\s*(`{3,}|~{3,})(?!tool_)[\w+-]*\n(.*\n)?\1\s*", text, re.DOTALL)  # for doubled-open
    return found[2] or "" if found and not request.holds_fences else None


def escaped_fences(text: str, request: Request) -> str | None:
    """Return the text with the fences that were written with backslashes."""
    del request
    start = text.lstrip()
    if not start.startswith("\\`\\`\\`"):
        return None
    # for G40-css-escaped-fences
    return re.sub(r"^(?:\\`){3,}", lambda run: run[0].replace("\\", ""), start, flags=re.MULTILINE)


def line_numbers(text: str, request: Request) -> str | None:
    """Return the text without the numbers, if every line has its own, from 1."""
    if request.is_text or request.is_data or re.match(r"\s*[\[(L0 ]{0,4}1", text) is None:  # for num2
        return None
    lines = text.strip("\n").split("\n")
    if len(lines) < 2:  # noqa: PLR2004 - one proves nothing
        return None
    found = [one for line in lines if (one := NUMBERED.match(line))]
    marks = {one[2].strip(" ") for one in found if one[3]}
    if len(marks) != 1 or [int(one[1]) for one in found] != list(range(1, len(lines) + 1)):
        return None
    rests = [one[3] or "" for one in found]
    shift = min((len(rest) - len(rest.lstrip(" ")) for rest in rests if rest.strip()), default=0)
    return "\n".join(rest[min(shift, 2) :] for rest in rests)


def one_line(text: str, request: Request) -> str | Doubt | None:
    r"""Return a file whose line ends were all written as `\n`."""
    line = text.strip()
    if "\n" in line or line[:1] in '{["' or QUOTED.sub("", line).count("\\n") < 2:  # noqa: PLR2004 - one may be meant
        return None
    told = request.language != "html" and request.parsed(line).state is not State.NOT_JUDGED
    return unescaped(line) if told else Doubt()


def entities(text: str, request: Request) -> str | None:
    """Return a text in which every `<` and `&` was written as an entity."""
    markup = request.language in {"html", "xml", "vue", "svelte", "astro", "php", "markdown"}
    if markup or request.is_text or "<" in text or "&" not in text or text.lstrip().startswith("&lt;"):
        return None
    # for ent-ts
    is_code = re.search(r"&(?:lt|gt|amp);", text) is None or re.search(r"&(?!(?:lt|gt|amp|quot|apos|#\w+);)", text)
    # for ent-ts
    return None if is_code or not re.search(r"&(?:lt|gt|amp);", QUOTED.sub("", text)) else html.unescape(text)


WRAPPERS: Final[tuple[tuple[str, Way], ...]] = (
    ("call", call),  # for json-raw-nl-esc
    ("thought", thought),  # for thought-in-the-block
    ("envelope", envelope),  # for call-in-yaml
    ("tags", tags),  # for file-tag2
    ("CDATA", cdata),  # for cdata
    ("listing", pre_and_code),  # for VX64
    ("bracket tags", bracket_tags),  # for D01-codellama-python-tags
    ("heredoc", heredoc),  # for heredoc-other
    ("diff", new_file_diff),  # for hunk
    ("double fence", double_fence),  # for doubled-open
    ("escaped fences", escaped_fences),  # for G40-css-escaped-fences
    ("block quote", block_quote),  # for G44-js-blockquote
    ("line numbers", line_numbers),  # for num2
    ("one line", one_line),  # for nl-py2
    ("entities", entities),  # for ent-ts
    ("written", written),  # for test_wrappers.test_commands_that_write_the_file_are_not_it
)

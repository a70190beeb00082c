"""What a path looks like among words: endings, names without one, and where a description begins."""

import re
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from smol_dev.languages.names import BARE_NAMES, ENDINGS, TEXT_ENDINGS, UPPER_NAMES
from smol_dev.replies.talk import ITEM, MARK

PRODUCTS: Final = re.compile(  # for tech-before
    r"(?:node|vue|next|nuxt|express|react|three|d3|chart|p5|alpine|backbone|discord|angular|ember|moment|day|nest|require|phaser|pixi|"
    r"babylon|matter|socket|electron|deno|solid|handlebars|fastify|tensorflow|leaflet|lodash|anime|howler|chess|asp|\.)\.?(?:js|io|net|py)",
    re.IGNORECASE,
)
PATH_KEYS: Final = (  # for obj-name-path-dir
    "path", "filepath", "fullpath", "relativepath", "relpath", "filename", "file", "targetfile", "target",
    "name", "title", "uri", "location", "key", "id",
)  # fmt: skip
"""The keys beside which a path stands, as `plain_key` spells them, the surest first."""

CALL_KEYS: Final = (  # for tool-read
    "arguments", "parameters", "args", "kwargs", "input", "toolinput", "actioninput", "toolcalls", "functioncall",
    "function", "params", "toolcall",
)  # fmt: skip
"""The keys under which a call has what it is given."""

PATH_WORD: Final = r"(?:file(?:[_-]?(?:path|name))?|path|name|title|target(?:_file)?|src|source)"
"""The same in attributes and elements."""

BULLET: Final = re.compile(rf"^\s*{ITEM}\s*")  # for bul-pipe
ENDING: Final = re.compile(r"[^/\\]\.([A-Za-z0-9_]{1,12})$|(?:^|[/\\])\.([A-Za-z][\w.-]*)$")  # for single-tick-2
MAX_PATH: Final = 400
MAX_WORDS: Final = 6


def plain_key(key: str) -> str:
    """Return a key in lower case, only its letters and digits."""
    return re.sub(r"[\W_]", "", key.lower())  # for f2-keys2


def ending(path: str) -> str:
    """Return the letters behind the last dot of the last component, lower case, or nothing."""
    match = ENDING.search(path) if "." in path else None
    return (match[1] or match[2]).lower() if match else ""


def is_known_file(path: str) -> bool:
    """Return whether a text is a path whose ending, or whose name, is that of a file we know."""
    if not is_file_like(path):
        return False
    name = path.replace("\\", "/").rpartition("/")[2]
    return name.startswith(".") or ending(name) in ENDINGS or is_bare_name(name)


def is_bare_name(name: str) -> bool:
    """Return whether a name without an ending is that of a file."""
    return name in UPPER_NAMES or name.lower() in BARE_NAMES


def is_file_like(path: str) -> bool:
    """Return whether a text has the shape of a path that ends in a file's name."""
    if not path or len(path) > MAX_PATH or path != path.strip() or "\n" in path:
        return False
    name = path.replace("\\", "/").rpartition("/")[2]
    if is_bare_name(name):
        return len(path.split()) <= MAX_WORDS
    found = ending(name)
    if (
        not found
        or found.isdigit()
        or len(path.split()) > MAX_WORDS
        or re.search(r"[.!?:;,] |[，。、；：（）！？「」]", path)  # for yaml-objects
    ):
        return False
    return not any(
        word.partition(".")[2].lower() in TEXT_ENDINGS and "." in word.strip(".") for word in path.split()[:-1]
    )


def is_path_like(path: str) -> bool:
    """Return whether a text is a path, of a file or not: it names one, or it has a separator."""
    if is_file_like(path):
        return True
    return (
        bool(re.search(r"[/\\]", path))  # for second-open
        and len(path) <= MAX_PATH
        and len(path.split()) == 1
        and bool(re.search(r"\w", path))  # for second-open
    )


def is_product(path: str) -> bool:
    """Return whether a name such as `Node.js` is that of a product rather than a file's."""
    return bool(PRODUCTS.fullmatch(path)) and not re.match(r"[a-z.]", path)  # for named-as-a-product


DESCRIBED: Final = re.compile(  # for zh
    r"(?:(?<!\s)\s++)?(?:[—（：]\s*+|——|:\s++|:$|<!--)|(?<!\s)\s++(?:[-–−]+>?\s++|:|#+\s*+|//+\s*+|/\*|[(\[（])"
    r"|(?<=\w)\((?=[^/\\]{0,1600}$)|(?<!\s)\s++(?:[=-]+>\s*+|<-+\s*+)|(?:(?<!\s)\s++)?(?:[→←⇒⟶]|\|)\s*+|\t+|,(?=\S)"
    r"|(?<!\s)\s++[=*]\s++|(?:(?<!\s)\s++)?(?:;\s++|[，、。])|(?<=\w):(?=[^\W\d])"
)
"""Where a description begins behind a path; some marks need no white space in front."""

NAMING: Final = r"(?:file[-_ ]?(?:name|path)?|path|name|source|module|script|create|add|datei|pfad|fichier|archivo)"
LABEL: Final = re.compile(  # for f3-label
    rf"^(?:\*\*|__|`)?(?:(?:new |create |add |the )?{NAMING}s?)\s*+(?:#?\d+\s*+)?(?::\*\*|\*\*:|__:|`:|[:=：](?!//))\s*+(?=\S)",
    re.IGNORECASE,
)
ORDER: Final = re.compile(r"^(?:create|add|write|update) (?=[\w./@-]+\.\w+$)", re.IGNORECASE)  # for create-lines
SPOKEN: Final = re.compile(  # for sent-bullets
    r"(?:^|[\s(])(?:the|an?|is|are|in|to|of|and|or|run|open|see|create|files?|then|with|for|use|using|add|edit|"
    r"from|first|finally|lastly|next|also|plus|your|this|that|my|write|implement|update|call(?:ed|s)?|named|will|contains?|has|we|i|you|it|let|need)\s",
    re.IGNORECASE,
)
MARKED: Final = re.compile(  # for L11-entrypoint-colon
    r"(?:\*{1,3}|__)?[`\"'“‘]{1,2}(?P<path>[^`\"'“”‘’\n]{1,300})[`\"'”’]{1,2}:?(?:\*{1,3}|__)?(?!\w)"
)
# for VL09
BOLD: Final = re.compile(r"(?P<mark>\*{1,3}|__?(?=[^_]))(?P<path>[^*\n]{1,300}?)[:：]?(?P=mark)(?=[\s:：,;)(（–—-]|$)")
# for links-2
LINK: Final = re.compile(r"\[`?(?P<path>[^\]\n`]{1,300})`?\]\(<?(?P<target>[^()\s>]{1,300})>?[^()\n]{0,100}\)")


def is_spoken(text: str) -> bool:
    """Return whether a text with spaces is words that end in a file's name rather than its name."""
    return " " in text and SPOKEN.search(text.replace("\\", "/").partition("/")[0] + " ") is not None


def path_in(text: str) -> str:
    """Return the path that a text begins with, without a label in front or words behind.

    A text that begins with no path comes back up to where a description would begin.
    """
    text = LABEL.sub("", text.strip()[: MAX_PATH * 4], count=1).strip()
    for pattern in (LINK, MARKED, BOLD):
        marked = pattern.match(text)
        if marked and is_path_like(marked["path"].strip()):
            shown, target = marked["path"].strip(), marked["target"] if pattern is LINK else ""
            target = target.removeprefix("./")
            return target if target.endswith(f"/{shown}") and "://" not in target else shown
    described = [
        one for one in DESCRIBED.finditer(text) if text.count("{", 0, one.start()) <= text.count("}", 0, one.start())
    ]
    for found in described:
        left = text[: found.start()].rstrip(" ,:")
        if is_file_like(left) or left.endswith("/"):
            return left
    if is_file_like(text):
        return text
    first = re.match(r"(\S+?)[,;]?\s+\S", text)  # for f3-words
    if first and is_known_file(first[1]):
        return first[1]
    left = next((text[: one.start()].strip() for one in described if one.start()), "")
    return left if left[1:] else text  # one letter may be a drive


WORD: Final = re.compile(  # for label-blank23
    rf"^(?:{ITEM}\s*)?(?:(?:the\s+)?(?:{NAMING}|(?:new|begin|start of) file|begin|start|contents? of|code for|update|"
    r"saved? as)\b(?![-./\\\w])\s*(?:name|path)?\s*(?:\d+\s*)?[:=]?\s*)",
    re.IGNORECASE,
)
RULER: Final = re.compile(  # for G46-js-equals-rulers
    r"^(?:[-=*#~+<>]{2,}|─{2,}|═{2,}|\[|<|\|)?\s*(.*?)\s*(?:[-=*#~+<>_]{2,}|─{2,}|═{2,}|\]|>|\|)?$"
)
COMMENT: Final = re.compile(  # for R16a-hash-elision
    r"(?P<mark>//+|#+|--+|;+|%+|/\*+|\*+(?!/)|<!--+|\{/\*+|\{#-?|<%--?|\(\*|\{-|::|REM\b)?\s*+(?P<words>.*?)"
    r"(?:(?<!\s)\s++)?(?:\*{1,80}/\}?|-{2,80}>|-?#\}|-{0,80}%>|\*\)|-\})?$"
)
"""A line that may be a comment, by its mark, of any language."""

AFTER_PATH: Final = re.compile(  # for label-with-remark
    r"(?<!\s)\s*+(?:\((?:[^()]{0,60})\)|:|(?<=\s)[-–—]\s.{0,120}|\bfile\b:?|content[s]?:?)\s*+$", re.IGNORECASE
)
MENTION: Final = re.compile(  # for create-file
    r"`([^`\n]{1,200})`|(?<![\w/\\.`-])((?:[\w@.()\[\]-]{1,240}+[/\\])*[\w@.-]{0,240}\w)(?![\w/`])"
)
MOST_MENTIONS: Final = 200
COMMAND: Final = re.compile(  # for doubt-s5
    r"\s*(?:\$\s|(?:sudo|pip3?|make|npm|npx|yarn|pnpm|cd|mkdir|touch|python3?|node|git|docker|cargo|go|flask|uvicorn|curl|"
    r"source|chmod|bash|sh|cat|open|run)\s+[\w./+-])"
)
"""A line for a shell, as it stands above, below or in place of a file."""
SPELLED: Final = "|".join(sorted({*UPPER_NAMES, *(name.capitalize() for name in BARE_NAMES if "." not in name)}))
FILE_NAME: Final = re.compile(  # for file-tags-other
    r"^\.{0,2}[/\\]?(?:[\w@.()\[\]$+-]+[/\\])*(?:[\w@()\[\]$+-][\w@.()\[\]$+-]*\.[A-Za-z]\w{0,11}|"
    rf"\.[A-Za-z][\w.-]+|{SPELLED})$"
)
NAME: Final = re.compile(rf"\.[A-Za-z]|{SPELLED}")  # for f9-len-head
MAX_LABEL: Final = 240
LONGEST_LINE: Final = 2000


@lru_cache(maxsize=256)
def normal(path: str) -> str:
    """Return a path in the form in which two of them can be compared."""
    return str(PurePosixPath(path.strip().replace("\\", "/"))).lstrip("/")


def label_in(line: str) -> str | None:
    """Return the path that a line consists of, apart from decoration, or None."""
    if len(line) > MAX_LABEL * 2 or not NAME.search(line):
        return None
    text = undecorated(line)
    return text if FILE_NAME.match(text) else None


def names(line: str, path: str) -> bool:
    """Return whether a line consists of this path, apart from decoration."""
    if len(line) > MAX_LABEL * 2 or path.replace("\\", "/").rpartition("/")[2] not in line:
        return False
    text = undecorated(line)
    return normal(text) == normal(path) or (FILE_NAME.match(text) is not None and same_file(text, path))


@lru_cache(maxsize=1024)
def undecorated(line: str) -> str:
    """Return a line without marks, words such as `File:`, and a remark behind a path."""
    text = line.strip()
    if len(text) > MAX_LABEL:
        return ""
    text = re.sub(rf"^(?:{MARK}\s*)+", "", text)  # for VN27
    for _ in range(4):
        before = text
        text = text.strip().strip("*`\"'").strip()
        inner = re.fullmatch(r"(_{1,2})([^_].*[^_])\1", text)  # for labels-in-underscores
        text = inner[2] if inner else text
        match = COMMENT.match(text)
        text = match["words"] if match and match["mark"] and match["words"] else text
        match = RULER.match(text)
        # for label-that-begins-with-a-bracket
        ruled = not re.match(r"[\[<]", text) or re.match(r"[\[<][^\[\]<>]*[\]>]$", text)
        text = match[1] if match and match[1] and ruled else text
        text = WORD.sub("", text)
        text = AFTER_PATH.sub("", text) or text
        if text == before:
            break
    return text


def same_file(label: str, path: str) -> bool:
    """Return whether a label means the requested path: it, its end, or it with the root of a project in front.

    A folder in front of a name alone may be another one: `docs/README.md` is not `README.md`.
    """
    one, other = normal(label), normal(path)
    # for test_code.test_a_root_in_front_of_a_path_is_no_other_file
    rooted = "/" in other or re.match(r"[/\\~$]|\w:", label) is not None
    return one == other or other.endswith(f"/{one}") or (rooted and one.endswith(f"/{other}"))


def mentioned(text: str) -> list[str]:
    """Return the files that a sentence mentions, those in back-ticks if there are any."""
    quoted: list[str] = []
    bare: list[str] = []
    for number, found in enumerate(MENTION.finditer(text[:LONGEST_LINE])):
        if number > MOST_MENTIONS:
            break
        path = found[1] or found[2]
        if is_known_file(path) and not is_product(path) and not COMMAND.match(path):
            (quoted if found[1] else bare).append(path)
    return quoted or bare


def label_in_info(info: str) -> str | None:
    """Return the path in a fence's info string: `js:src/app.js`, `title="app.py"`, `app.py`."""
    if not info or len(info) > MAX_LABEL:
        return None
    named = re.search(rf"{PATH_WORD}\s*[=:]\s*[\"']?([^\"'\s}}]+)", info, re.IGNORECASE)  # for titles-in-the-infos
    if named:
        return named[1]
    for word in re.split(r"[\s:,{}]+(?![\\/])", info)[::-1]:  # for other-file5
        bare = word.strip("()[]\"'`*")
        if FILE_NAME.match(bare) and (
            "." in bare.strip(".") or bare[:1].isupper() or (bare[0] == "." and "{" not in info)
        ):
            return bare
    return None

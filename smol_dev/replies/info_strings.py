"""What stands behind an opening fence: a language, a path, attributes, or code that is glued to it."""

import re
from typing import Final

from smol_dev.replies.kinds import kind_named

LANGUAGE: Final = re.compile(r"^\{?[.]?([A-Za-z][\w+#.-]*)")
PATH_WORD: Final = re.compile(
    r"^[\w@.()\[\]{}/\\ -]*[\w)\]]\.\w{1,10}$|^[\w.@-]+(?:/[\w.@\[\]() -]+)+$"
)
ATTRIBUTES: Final = re.compile(
    r"^(?:\{.*\}?|[\w-]+\s*[=:].*|(?://|#|<!--|/\*|--|;)?\s*(?:file(?:name|path)?\s*:?)?\s*"
    r"[`\"'(]?[\w@./\\\[\]() -]*\.\w{1,10}[`\"')]?(?:\s*(?:-->|\*/))?(?:\s+.{0,80})?|"
    r"\([^()]*\)|[\d.]{1,6}|linenums.*|copy|showLineNumbers|numberLines)$",
    re.IGNORECASE,
)
CODE_START: Final = re.compile(
    r"(?:import|from|def|class|const|let|var|function|package|using|export|public|fn|use|struct|"
    r"@\w|#|<|\{|//|/\*|\"\"\"|'use|\"use|return|print|if|for|async|module|require|echo|SELECT|"
    r"CREATE|FROM|name:|version:|services:|\[)"
)


def split_info(rest: str) -> tuple[str, str | None]:
    """Return the info string behind an opening fence, and the first line of code glued to it."""
    word = LANGUAGE.match(rest)
    language = word[1] if word else ""
    if rest.startswith("{") and rest.endswith("}") and word:
        return rest, None
    if kind_named(language.split(":")[0]):
        tail = rest[word.end() :] if word else ""
        if not tail.strip() or ATTRIBUTES.match(tail.strip(" :}")) or tail[0] in ":}{,":
            return rest, None
        return language, tail.strip()
    if not rest or (
        " " not in rest and re.fullmatch(r"[\w+#./\\\[\]:@-]+", rest) and rest[0] != "#"
    ):
        return rest, None
    for size in range(min(len(language), 12), 1, -1):
        if kind_named(language[:size]) and CODE_START.match(rest[size:]):
            return language[:size], rest[size:]
    if PATH_WORD.match(rest) or (ATTRIBUTES.match(rest) and not CODE_START.match(rest)):
        return rest, None
    return "", rest

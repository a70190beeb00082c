"""Whether a text parses as what its path says, and if not, where it stops."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from smol_dev.languages import grammars, standard
from smol_dev.languages.names import language_of
from smol_dev.languages.verdict import NOT_JUDGED, WHOLE, Parsed, State

COMMENTED_JSON: Final = re.compile(
    r"(?:^|/)(?:[tj]sconfig[^/]*\.json|\.(?:eslintrc|babelrc|swcrc|prettierrc|jshintrc)(?:\.json)?|"
    r"devcontainer\.json|api-extractor\.json|deno\.json|tslint\.json|turbo\.json|"
    r"language-configuration\.json)$|(?:^|/)\.(?:vscode|devcontainer|zed)/[^/]+\.json$",
    re.IGNORECASE,
)
"""Files whose readers allow comments and trailing commas, though they are called JSON."""

TEMPLATE_MARKS: Final = re.compile(r"\{\{|\{%|<%|<\?|\$\{\{|\{#|<<\w+>>|^#(?:if|foreach)", re.MULTILINE)
TEMPLATE_PATH: Final = re.compile(
    r"\{\{|\{%|(?:^|/)(?:templates?|_?layouts|_includes|cookiecutter[^/]*|skeleton)/|"
    r"\.(?:j2|jinja2?|tmpl|tpl)(?:\.|$)"
)
FORGIVING: Final = frozenset({"bash", "css", "html"})
"""Languages whose grammars refuse what their programs accept: 3 in 100 real files.

`[[ $x != *([[:space:]])a ]]`, `top: 0 ! important` and `<p><pre></pre></p>` are such. Only a cut end
is believed.
"""

OFTEN_TEMPLATES: Final = frozenset({"html", "yaml", "css", "bash"})


def _jsonc(text: str) -> Parsed:
    """JSON with comments, trailing commas and bare keys is an expression of JavaScript."""
    if standard.judge_json(text).state is State.WHOLE:
        return WHOLE
    parsed = grammars.judge("javascript", f"_={text}")
    before = 2 if parsed.line == 1 else 0
    return Parsed(parsed.state, parsed.line, parsed.column - before, parsed.message)


PARSERS: Final[dict[str, Callable[[str], Parsed]]] = {
    "python": standard.judge_python,
    "json": standard.judge_json,
    "toml": standard.judge_toml,
    "jsonc": _jsonc,
}
JUDGED: Final = frozenset({*PARSERS, *grammars.GRAMMARS})
"""The languages with a parser."""


def parse(path: str, text: str) -> Parsed:
    """Return whether a text is a whole file of the type that its path names.

    A text that is broken only because it is a template of a file is not judged.
    """
    language = language_of(path)
    if language == "json" and COMMENTED_JSON.search(path):
        language = "jsonc"
    if language is None:
        return NOT_JUDGED
    parsed = parse_as(language, text)
    if parsed.state is State.BROKEN and language in FORGIVING:
        return NOT_JUDGED
    if parsed.wrong and (_is_template(path, language, text) or _is_declared(path, text)):
        return NOT_JUDGED
    return parsed


def check(path: str, text: str) -> Parsed:
    """Return the same, and what only the compiler of the language finds."""
    parsed = parse(path, text)
    return standard.compiled_python(text) if parsed.whole and language_of(path) == "python" else parsed


@lru_cache(maxsize=16)
def parse_as(language: str, text: str) -> Parsed:
    """Return whether a text is a whole file of a language."""
    if language in PARSERS:
        return PARSERS[language](text)
    return grammars.judge(language, text) if language in grammars.GRAMMARS else NOT_JUDGED


def _is_template(path: str, language: str, text: str) -> bool:
    """Return whether the text is made to be filled in before anything reads it as its language."""
    if TEMPLATE_MARKS.search(text) is None:
        return False
    return language in OFTEN_TEMPLATES or TEMPLATE_PATH.search(path) is not None


FLOW: Final = re.compile(r"\A(?:\s|//[^\n]*\n|/\*)[^;{}]{0,1000}?@flow\b|\A// (?:@flow|flow-typed)")


def _is_declared(path: str, text: str) -> bool:
    """Return whether a file only declares types, or holds those of Flow, which the grammars do not know all."""
    return path.endswith((".d.ts", ".d.mts", ".d.cts")) or FLOW.search(text) is not None

"""Whether a text is valid in the language of its path; if not, where it breaks, or which language it is."""

import ast
import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from smol_dev.languages import grammars, lines, standard
from smol_dev.languages.names import language_named, language_of
from smol_dev.languages.standard import NOT_JUDGED, WHOLE, Parsed, State, python_tree

COMMENTED_JSON: Final = re.compile(
    r"(?:^|/)(?:[tj]sconfig[^/]*\.json|\.(?:eslintrc|babelrc|swcrc|prettierrc|jshintrc)(?:\.json)?|"
    r"devcontainer\.json|api-extractor\.json|deno\.json|tslint\.json|turbo\.json|"
    r"language-configuration\.json)$|(?:^|/)\.(?:vscode|devcontainer|zed)/[^/]+\.json$",
    re.IGNORECASE,
)
"""Files whose readers allow comments and trailing commas, though they are called JSON."""

TEMPLATE_MARKS: Final = re.compile(r"\{\{|\{%|<%|<\?(?!xml)|\$\{\{|\{#|<<\w+>>|^#(?:if|foreach)", re.MULTILINE)
TEMPLATE_PATH: Final = re.compile(
    r"\{\{|\{%|(?:^|/)(?:templates?|_?layouts|_includes|cookiecutter[^/]*|skeleton)/|"
    r"\.(?:j2|jinja2?|tmpl|tpl)(?:\.|$)"
)
FORGIVING: Final = frozenset("bash css html c cpp kotlin scss swift sql terraform powershell vue".split())
"""Languages whose grammars refuse more than 1 in 200 real files, such as macros of C. Only a cut end is believed."""

OFTEN_TEMPLATES: Final = frozenset({"html", "yaml", "css", "bash", "xml"})

DECLARATIONS: Final = (".d.ts", ".d.mts", ".d.cts")
FLOW: Final = re.compile(r"\A(?:\s|//[^\n]*\n|/\*)[^;{}]{0,1000}?@flow\b|\A// (?:@flow|flow-typed)")
"""Files that only declare types, or use those of Flow: the grammars lack some of their syntax."""


def _jsonc(text: str) -> Parsed:
    # JSON with comments, trailing commas and bare keys is an expression of JavaScript.
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
    "xml": standard.judge_xml,
    "vue": partial(grammars.judge, "html"),
}
JUDGED: Final = frozenset({*PARSERS, *grammars.GRAMMARS, *lines.LINES})
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
    if not parsed.wrong:
        return parsed
    may_be_template = language in OFTEN_TEMPLATES or TEMPLATE_PATH.search(path) is not None
    is_template = may_be_template and TEMPLATE_MARKS.search(text) is not None
    is_declared = path.endswith(DECLARATIONS) or FLOW.search(text) is not None
    return NOT_JUDGED if is_template or is_declared else parsed


def check(path: str, text: str) -> Parsed:
    """Return the same as `parse`, including what only the compiler of the language finds."""
    parsed = parse(path, text)
    return standard.compiled_python(text) if parsed.whole and language_of(path) == "python" else parsed


@lru_cache(maxsize=16)
def parse_as(language: str, text: str) -> Parsed:
    """Return whether a text is a whole file of a language."""
    if language in PARSERS:
        return PARSERS[language](text)
    if language in lines.LINES:
        return lines.judge(language, text)
    return grammars.judge(language, text) if language in grammars.GRAMMARS else NOT_JUDGED


TELLING: Final = {
    "python": re.compile(
        r"^[^\S\n]*+(?:@|(?:def|class|import|from|if|for|while|with|try|async|print)\b)|\A\w++ = [\[{]$", re.MULTILINE
    ),
    "html": re.compile(r"\A\s*<(?:!doctype|html|head|body|div|!--|meta|link|script|style)\b", re.IGNORECASE),
    "json": re.compile(r"\A\s*\{"),
    "toml": re.compile(r"^\[", re.MULTILINE),
    "css": re.compile(
        r"\A(?:\s++|/\*(?:[^*]|\*(?!/))*+\*/|@[^;{}\n]*+;)*+[^{};]++\{\s*+(?:[\w-]++\s*+:[^{}]*+[{}]|\}|[^{};]*+\{)"
    ),
    "java": re.compile(r"^[^\S\n]*+(?:public |final |abstract )*(?:class|interface|enum|record)\s", re.MULTILINE),
    "go": re.compile(r"^package \w+", re.MULTILINE),
    "rust": re.compile(r"^[^\S\n]*+(?:pub(?:\(\w+\))? )?(?:fn|struct|enum|impl|trait|use|mod)\b", re.MULTILINE),
    "javascript": re.compile(
        r"^[^\S\n]*+(?:import\b|export\b|(?:async )?function\b|class\b|(?:const|let|var) )|\brequire\(|=>|"
        r"\b(?:document|console|module|window)\.",
        re.MULTILINE,
    ),
    "typescript": re.compile(
        r"^[^\S\n]*+(?:import\b|export\b|interface\b|type\b|(?:const|let|class|function) )", re.MULTILINE
    ),
    "php": re.compile(r"\A\s*<\?php\b"),
    "c": re.compile(r"^#include\s*[<\"]", re.MULTILINE),
    "cpp": re.compile(r"^#include\s*[<\"]", re.MULTILINE),
    "csharp": re.compile(r"^(?:global )?using [\w.]+;|^namespace [\w.]+", re.MULTILINE),
    "kotlin": re.compile(r"^[^\S\n]*+(?:[a-z]+ )*(?:fun [\w.<>]+\(|data class )", re.MULTILINE),
    "swift": re.compile(r"^import \w+$|^[^\S\n]*+(?:[a-z]+ )*func \w+\(", re.MULTILINE),
    "ruby": re.compile(r"^require(?:_relative)? ['\"]|^[^\S\n]*+(?:def|class|module) [^\n:{]+$", re.MULTILINE),
    "lua": re.compile(r"^[^\S\n]*+(?:local \w|function [\w.:]+\([^()\n]*\)$)", re.MULTILINE),
    "terraform": re.compile(r"^(?:resource|variable|provider|output|terraform)\b[^\n]*\{$", re.MULTILINE),
    "sql": re.compile(r"^(?:CREATE|INSERT INTO|SELECT|ALTER TABLE) ", re.MULTILINE),
    "powershell": re.compile(r"^param\s*\(|^[^\S\n]*+[A-Z][a-z]+-[A-Z]\w+ |\$env:", re.MULTILINE),
    "yaml": re.compile(r"\A(?:\s*+\n|#.*+\n|---[^\S\n]*+\n)*+[\w.-]++:(?:\s|\Z)"),
}  # fmt: skip
"""The languages to try for a text, in this order, each with a pattern that must be in it.

A few words alone parse as almost anything, so parsing is not enough.
"""
HEADING: Final = re.compile(r"\s*# \w")
HASHED: Final = ("python", "toml")
"""The languages in which a heading of Markdown is a comment: a text that begins with one is no other."""

UNLIKE_ANY: Final = {
    "python": re.compile(r"^(?:def|class) \w[^\n]*:\n|^from [\w.]+ import ", re.MULTILINE),
    "html": TELLING["html"],
    "go": TELLING["go"],
    "rust": re.compile(r"^(?:pub )?fn \w+\([^\n]*\{\n", re.MULTILINE),
    "javascript": re.compile(
        r"^(?:export |import [^\n]* from [\"']|(?:async )?function \w+\([^\n]*\{$)|\brequire\([\"']|^module\.exports\b",
        re.MULTILINE,
    ),
    "css": re.compile(r"^[^{};=()\n]*+\{\s*+[\w-]++:[^{};]++;", re.MULTILINE),
}
"""Patterns that tell these languages from any language without a parser."""

STRICT: Final = frozenset("python javascript typescript tsx bash go rust java css yaml json jsonc toml".split())
"""Languages whose parsers read no program of another one."""

PROGRAMS: Final = frozenset({"python", "javascript", "typescript", "tsx", "bash", "html"})
SHAPES: Final = {
    "html": re.compile(r"\A\s*(?:<|\{[{%#]|---\n)"),  # or the front matter of a page
    "yaml": re.compile(r"^[^\S\n]*+(?:- |[\[{]|(?:[\w.$/-]++|\"[^\"\n]*\"|'[^'\n]*')\s*+:(?:\s|$))", re.MULTILINE),
    "dockerfile": re.compile(r"^[^\S\n]*+FROM\s", re.MULTILINE | re.IGNORECASE),
    "makefile": re.compile(r"^[^\s#][^\n]*[:=]|^-?include |^define |^[#\s]", re.MULTILINE),
    "go": re.compile(r"^package\s+\w", re.MULTILINE),
    "vue": re.compile(r"<(?:template|script|style)\b"),
    "xml": re.compile("<"),
    "svg": re.compile(r"<(?:\w+:)?svg\b"),
    "php": re.compile("<"),
    "sql": re.compile(
        r"^[^\w\n]*+(?:select|insert|update|delete|create|alter|drop|with|begin|set|pragma|grant|use|call|merge|truncate|replace|"
        r"explain|analyze|commit|do|declare|copy|comment|lock|rename|revoke|vacuum|values|start|go)\b|;",
        re.MULTILINE | re.IGNORECASE,
    ),
}
"""Patterns that every file of a language or an extension contains; any other file may be any text."""

PAGE: Final = re.compile(r"\s*+<(?:!doctype|html)\b", re.IGNORECASE)
LIKE: Final = {"conf": UNLIKE_ANY.keys(), "graphql": {"css"}, "powershell": {"javascript"}}
"""The others in which a file of a language without a parser may be valid."""

SIGNED: Final = {
    "bash": re.compile(r"\A#!\S*/(?:env )?(?:ba|z|da|k)?sh\b"),
    "python": re.compile(r"\A#!.*\bpython"),
    "javascript": re.compile(r"\A#!.*\bnode\b"),
    "dockerfile": re.compile(
        r"\A(?:#.*\n|[^\S\n]*+\n)*+FROM [\w.:/@-]+(?: AS \w+)?\n(?:.*\n)*?(?:RUN|COPY|CMD|WORKDIR|ENTRYPOINT) "
    ),
}
"""How a file begins that names its own language."""

UNMISTAKABLE: Final = ("json", "html", "css")
"""Languages that no program is written in, though lenient grammars read them as one."""

SAME: Final = (
    frozenset({"javascript", "typescript", "tsx"}),
    frozenset({"json", "jsonc", "yaml"}),
    frozenset({"css", "scss", "less", "stylus"}),
    frozenset({"bash", "fish"}),
    frozenset({"c", "cpp"}),
    frozenset({"c", "cpp"}),
    frozenset({"ini", "toml", "conf", "properties", "dotenv"}),
    frozenset({"html", "php", "vue", "svelte", "astro", "xml", "template"}),
)
"""Languages that are labelled with each other's names, or are part of each other."""

PROSE: Final = frozenset("text markdown restructuredtext latex template diff".split())


def other_language(path: str, text: str, label: str = "") -> str | None:
    """Return the language that a text is of instead of its path's, or None.

    The other language is the one that the label names, or any if the label names the path's own or none. The text
    must parse as the other one and contain something typical of it. If it is valid in the path's language, or that has
    no parser, only an unmistakable other one counts. Prose is never judged.
    """
    asked = language_of(path)
    if asked is None or asked in PROSE:
        return None
    signed = next((name for name, sign in SIGNED.items() if sign.match(text)), None)
    is_sure = signed == "dockerfile" or not parse(path, text).whole
    if signed and asked != "conf" and not alike(asked, signed) and is_sure:
        return signed
    named = language_named(label)
    own = alike(asked, named) if named else False
    tried, telling = list(TELLING), TELLING
    if named and not own:
        tried = [named] if named in TELLING or (asked in JUDGED and _is_wrong(asked, path, text)) else []
    elif asked in JUDGED and (asked not in lines.LINES or parse(path, text).wrong):
        if not _is_wrong(asked, path, text):
            sure = UNMISTAKABLE[:1] if own else UNMISTAKABLE
            tried = [name for name in tried if name in sure and asked in PROGRAMS]
            if not tried and asked not in STRICT:
                tried, telling = list(UNLIKE_ANY), UNLIKE_ANY
    else:
        tried, telling = [name for name in UNLIKE_ANY if name not in LIKE.get(asked, ())], UNLIKE_ANY
    others = (name for name in tried if not alike(asked, name))
    return next((name for name in others if _is_program(name, text, telling.get(name))), None)


def is_program(language: str | None, text: str) -> bool:
    """Return whether a text parses as a language and contains something typical of it."""
    return language in TELLING and _is_program(language, text, TELLING[language])


def program_in(text: str) -> str | None:
    """Return the language that a whole text is a program or data of, rather than prose, or None."""
    if PAGE.match(text):
        return "html"
    tried = HASHED if HEADING.match(text) else (name for name in TELLING if name not in {"html", "yaml"})
    return next((name for name in tried if is_program(name, text)), None)


def lacks_its_shape(path: str, text: str) -> bool:
    """Return whether a text lacks what every file of its path's language contains."""
    shape = SHAPES.get(path.rpartition(".")[2].lower()) or SHAPES.get(language_of(path) or "")
    return shape is not None and shape.search(text) is None


def _is_wrong(asked: str, path: str, text: str) -> bool:
    """Return whether a text is broken as the language of its path.

    Any words are text in a page and one string in YAML: a file of theirs has a tag or a key.
    """
    return lacks_its_shape(path, text) or (not parse(path, text).whole and parse_as(asked, text).state is State.BROKEN)


def alike(one: str | None, other: str | None) -> bool:
    """Return whether two languages are labelled with each other's names, or are part of each other."""
    return one == other or any(one in family and other in family for family in SAME)


@lru_cache(maxsize=16)
def _is_program(language: str, text: str, telling: re.Pattern[str] | None) -> bool:
    """Return whether a text parses as a language and contains what tells it from prose."""
    if telling is not None and telling.search(text) is None:
        return False
    if language != "python":
        return parse_as(language, text).whole
    tree = python_tree(text)
    return tree is not None and any(not isinstance(part, ast.Expr) for part in tree.body)

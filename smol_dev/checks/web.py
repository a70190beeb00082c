"""What the syntax trees of pages and scripts say, and which page loads which script."""

import html
import posixpath
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from smol_dev.checks.project import Problem, Project, above, beside
from smol_dev.languages import language_of, tree
from smol_dev.languages.scopes import Names, global_names

if TYPE_CHECKING:
    from tree_sitter import Node

SCRIPTS: Final = frozenset({"javascript", "typescript", "tsx"})
MARKS: Final = re.compile(r"\{\{|\{%|<%|<\?|\$\{|\[\[|__\w+__")
"""Where a template puts a value in."""

TEMPLATES: Final = re.compile(r"(?:^|/)(?:templates?|views|layouts|_includes|_layouts|partials)/")
STATIC: Final = re.compile(
    r"url_for\(\s*['\"]static['\"]\s*,\s*(?:filename|path)\s*=\s*['\"]/?([^'\"{}]+)['\"]\s*\)"
    r"|\{%\s*static\s+['\"]([^'\"{}]+)['\"]"
)
"""A file of the static folder, as Flask and Django name it."""

ATTACHED: Final = re.compile(
    r"\(?\s?<?\s?(?:window|globalThis|self|global|this|document)\b[^.\[\]]*(?:\.([\w$]+)|\[\s*[\"'`]([\w$]+)[\"'`]\s*\])"
)
ASKED: Final = re.compile(r"\btypeof[\s(]+([\w$]+)|\b(?:window|globalThis|self|global)\??\.([\w$]+)")
COMMENTED: Final = re.compile(r"/\*\s*(?:globals?|exported)\s([^*]*)\*/")
IMPORTED: Final = ("", ".js", "/index.js", ".ts", ".tsx", ".jsx", ".mjs")


class Source:
    """A text whose problems are found by the bytes of its syntax tree; an inline script begins within one."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.data = text.encode(errors="replace")

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer(rb"\n", self.data))]

    def problem(self, offset: int, rule: str, message: str) -> Problem:
        """Return the problem at a byte."""
        line = bisect_right(self._starts, offset)
        before = self.data[self._starts[line - 1] : offset].decode(errors="replace")
        return Problem(self.path, line, len(before) + 1, rule, message)


class Script:
    """A script: what its syntax tree says. `start` is its first byte in its source."""

    def __init__(self, source: Source, text: str, root: "Node", language: str, start: int = 0) -> None:
        self.source = source
        self.path = source.path
        self.text = text
        self.language = language
        self.start = start
        self.names = Names(language, root, text.encode(errors="replace"))
        self.found = self.names.found

    def problem(self, node: "Node", rule: str, message: str) -> Problem:
        """Return the problem at a node."""
        return self.source.problem(self.start + node.start_byte, rule, message)

    @cached_property
    def made(self) -> frozenset[str]:
        """The names that every script sees once it has run, though only an assignment makes them."""
        made = frozenset() if self.is_strict else self.names.texts("made")
        return made.union(*(re.findall(r"[\w$]+", found[1]) for found in COMMENTED.finditer(self.text)))

    @cached_property
    def shared(self) -> frozenset[str]:
        """The names that other plain scripts of a page see."""
        return self.attached | self.made | self.names.tops.keys()

    @cached_property
    def assigned(self) -> frozenset[str]:
        """The names of the members that it gives to anything."""
        return frozenset(found[0] for each in self.names.texts("assigned") if (found := LAST.search(each)))

    @cached_property
    def is_for_node(self) -> bool:
        """Whether it is written for Node, and cannot run in a page."""
        return self.is_common and not {"window", "document", "jQuery", "$"} & self.names.texts("reference")

    @cached_property
    def attached(self) -> frozenset[str]:
        """The names that it gives to the window."""
        return frozenset(f[1] or f[2] for each in self.names.texts("assigned") if (f := ATTACHED.match(each)))

    @cached_property
    def tested(self) -> frozenset[str]:
        """The last parts of the names that it tests before it uses them."""
        return frozenset(each.rpartition(".")[2] for each in self.names.texts("tested") if len(each) < LONG_NAME)

    @cached_property
    def asked(self) -> frozenset[str]:
        """The names that it tests for existence."""
        return frozenset(found[1] or found[2] for found in ASKED.finditer(self.text))

    @cached_property
    def undefined(self) -> "list[Node]":
        """The uses of names that it does not define itself."""
        return [node for node in self.found.get("reference", ()) if not self.names.defined(node)]

    @cached_property
    def is_module(self) -> bool:
        """Whether it exports or imports as an ECMAScript module."""
        static = (node.type == "import_statement" for node in self.found.get("import", ()))
        return bool(self.found.get("export")) or any(static)

    @cached_property
    def is_common(self) -> bool:
        """Whether it exports or imports as Node's older modules do."""
        return re.search(r"\brequire\(|\bmodule\.exports\b|(?<![\w.])exports\.\w", self.text) is not None

    @cached_property
    def is_strict(self) -> bool:
        """Whether an assignment to an unknown name is an error in all of it."""
        return self.is_module or any("use strict" in each for each in self.names.texts("directive"))


LONG_NAME: Final = 100
MANY: Final = 5
LAST: Final = re.compile(r"(?<![\w$#])[\w$#]++(?=[\"'`]?\]?\Z)")
"""The last name of a member: `b` of `a.b` and `a["b"]`."""


@dataclass(frozen=True)
class Tag:
    """A start tag: its name, and its attributes, each with the byte where its value stands."""

    name: str
    attributes: dict[str, tuple[str, int]]

    def get(self, name: str) -> str:
        """Return the value of an attribute; empty where there is none."""
        return self.attributes.get(name, ("", 0))[0]


class Page(Source):
    """An HTML file."""

    def __init__(self, path: str, text: str) -> None:
        self.is_template = MARKS.search(text) is not None or TEMPLATES.search(path) is not None
        text = _without_comments(text) if self.is_template else text
        super().__init__(path, text)
        parsed = tree("html", text)
        found = Names("html", parsed.root_node, self.data).found if parsed is not None else {}
        literal = sorted((node.start_byte, node.end_byte) for node in found.get("literal", ()))
        ends = [0, *(end for _, end in literal)]
        starts = [start for start, _ in literal]
        self.tags = tuple(
            self._tag(node)
            for node in sorted(found.get("tag", ()), key=lambda node: node.start_byte)
            if node.start_byte >= ends[bisect_left(starts, node.start_byte)]
        )
        bodies = {node.parent.id: node for node in found.get("script", ()) if node.parent}
        self.inline = tuple(self._inline(found.get("opened", ()), bodies))
        self.bodies = tuple(self._slice(node) for node in found.get("script", ()))

    def _tag(self, node: "Node") -> Tag:
        name, *parts = node.named_children or [node]
        attributes: dict[str, tuple[str, int]] = {}
        for part in parts:
            key, *value = part.named_children or [part]
            inner = value[0] if value else key
            if inner.type == "quoted_attribute_value":
                inner = inner.named_children[0] if inner.named_children else inner
            text = self._slice(inner) if inner.type == "attribute_value" else ""
            attributes.setdefault(self._slice(key).lower(), (html.unescape(text), inner.start_byte))
        return Tag(self._slice(name).lower(), attributes)

    def _slice(self, node: "Node") -> str:
        return self.data[node.start_byte : node.end_byte].decode(errors="replace")

    def _inline(self, opened: "list[Node] | tuple[()]", bodies: "dict[int, Node]") -> "Iterator[tuple[bool, Script]]":
        """Yield the scripts in the page, each with whether it is a module."""
        for node in opened:
            kind, body = (self._tag(node).get("type"), bodies.get(node.parent.id if node.parent else 0))
            if body is None or not re.fullmatch(r"(?:module|.*(?:java|ecma)script)?", kind):
                continue
            text = self._slice(body)
            parsed = tree("javascript", text)
            if parsed is not None:
                yield (kind == "module", Script(self, text, parsed.root_node, "javascript", body.start_byte))

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids and anchor names in the page."""
        names = {tag.get("id") for tag in self.tags}
        names |= {tag.get("name") for tag in self.tags if tag.name in {"a", "map"}}
        return frozenset(names - {""})

    @cached_property
    def begun_ids(self) -> tuple[str, ...]:
        """The beginnings of the ids that a template computes."""
        return tuple(MARKS.split(each)[0] for each in self.ids if MARKS.search(each))


def _without_comments(text: str) -> str:
    """Return the text with the comments of a template blanked."""
    for opening, closing in (("{#", "#}"), ("<!--", "-->")):
        parts, end = [], 0
        while (start := text.find(opening, end)) >= 0 and (close := text.find(closing, start)) >= 0:
            parts += [text[end:start], re.sub(r"[^\n]", " ", text[start : close + len(closing)])]
            end = close + len(closing)
        text = "".join([*parts, text[end:]])
    return text


class Web:
    """The pages and scripts of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.pages: list[Page] = []
        self.scripts: dict[str, Script] = {}
        self.styles: list[Source] = []
        for path, text in project.files.items():
            language = language_of(path)
            if language == "html":
                self.pages.append(Page(path, text))
            elif language == "css" and not path.endswith(".min.css"):
                self.styles.append(Source(path, text))
            elif language in SCRIPTS and not path.endswith((".min.js", ".d.ts", ".d.mts", ".d.cts")):
                parsed = tree(language, text)
                if parsed is not None and not parsed.root_node.has_error:
                    source = Source(path, text)
                    self.scripts[path] = Script(source, text, parsed.root_node, language)

    @cached_property
    def code(self) -> str:
        """Every script, one after the other."""
        inline = (body for page in self.pages for body in page.bodies)
        texts = (t for p, t in self.project.files.items() if language_of(p) in SCRIPTS)
        return "\n".join([*texts, *inline])

    @cached_property
    def served(self) -> str:
        """Every script and program, one after the other."""
        aside = {"html", "css", "markdown", "text", "json", *SCRIPTS}
        files = self.project.files.items()
        others = (text for path, text in files if language_of(path) not in aside)
        return "\n".join([self.code, *others])

    @cached_property
    def assigned(self) -> frozenset[str]:
        """The names of the members that any script gives to anything, after it was made."""
        return frozenset().union(*(script.assigned for script in self.every))

    @cached_property
    def bases(self) -> frozenset[str]:
        """The names that scripts use as base classes."""
        texts = (text for script in self.every for text in script.names.texts("heritage"))
        return frozenset(word for text in texts for word in re.findall(r"[\w$]+", text))

    @cached_property
    def exposed(self) -> frozenset[str]:
        """The names of objects that any script hands on as a whole."""
        return frozenset().union(*(script.names.texts("passed") for script in self.every))

    @cached_property
    def ambient(self) -> frozenset[str]:
        """The names that so many scripts use without a definition that something outside must bring them."""
        uses = Counter(name for script in self.every for name in {script.names.text(node) for node in script.undefined})
        return frozenset(name for name, scripts in uses.items() if scripts >= MANY)

    @cached_property
    def tops(self) -> frozenset[str]:
        """The names that scripts define outside of all functions."""
        return frozenset().union(*(script.names.tops for script in self.every))

    @cached_property
    def keys(self) -> frozenset[str]:
        """The names of the members of all objects and types."""
        return frozenset().union(*(script.names.texts("own") for script in self.every))

    @cached_property
    def every(self) -> "list[Script]":
        """Every script, those in pages as well."""
        return [*self.scripts.values(), *(script for page in self.pages for _, script in page.inline)]

    @cached_property
    def attached(self) -> frozenset[str]:
        """The names that any script gives to the window."""
        return frozenset().union(*(script.attached for script in self.scripts.values()))

    def resolve(self, page: str, reference: str) -> str | None:
        """Return the file that a page's reference means; None where there is none."""
        plain = re.split(r"[?#]", reference)[0]
        if (target := beside(page, plain)) is not None and target in self.project.paths:
            return target
        folders = above(page) if plain.startswith("/") else [posixpath.dirname(page)]
        places = (
            posixpath.normpath(posixpath.join(folder, root, plain.lstrip("/")))
            for folder in folders
            for root in ("", "public", "static")
        )
        return next((path for path in places if path in self.project.paths), None)

    def sources(self, page: Page) -> Iterator[tuple[Tag, tuple[str, ...]]]:
        """Yield the script tags of a page that name a file, each with the files that it may mean."""
        for tag in page.tags:
            source = tag.get("src")
            if tag.name != "script" or not source:
                continue
            found = STATIC.search(source)
            name = (found[1] or found[2]) if found else "" if MARKS.search(source) else source
            file = self.resolve(page.path, name) if name else None
            yield tag, (file,) if file else self.project.ending(name) if name else ()

    @cached_property
    def loaders(self) -> dict[str, list[Page]]:
        """The pages that load each script, directly or as a module that one of theirs imports."""
        loaded: dict[str, dict[str, Page]] = {}
        waiting: list[tuple[str, Page]] = []
        for page in self.pages:
            if page.path.endswith("public/index.html"):  # the bundler of Create React App puts the script in
                root = page.path.removesuffix("public/index.html")
                waiting += [(f"{root}src/index{end}", page) for end in (".js", ".jsx", ".tsx")]
            waiting += [(path, page) for _, paths in self.sources(page) for path in paths]
            inline = (script for _, script in page.inline)
            waiting += [(path, page) for each in inline for path in self._imports(each)]
        while waiting:
            path, page = waiting.pop()
            if path in self.scripts and page.path not in loaded.setdefault(path, {}):
                loaded[path][page.path] = page
                waiting += [(each, page) for each in self._imports(self.scripts[path])]
        return {path: list(pages.values()) for path, pages in loaded.items()}

    def _imports(self, script: Script) -> Iterator[str]:
        for node in (*script.found.get("import", ()), *script.found.get("export", ())):
            source = node.child_by_field_name("source")
            target = beside(script.path, script.names.text(source)[1:-1]) if source is not None else None
            yield from (target + end for end in IMPORTED if target and target + end in self.scripts)

    def surroundings(self, page: Page) -> "Surroundings":
        """Return the scripts that run in a page; one template's may run in any other's page."""
        return self._shared if page.is_template else self._of([page])

    @cached_property
    def _shared(self) -> "Surroundings":
        return self._of(self.pages)

    def _of(self, pages: list[Page]) -> "Surroundings":
        scripts: list[tuple[bool, Script]] = []
        outside, unread = [], False
        for page in pages:
            scripts += page.inline
            for tag, paths in self.sources(page):
                if re.match(r"(?:https?:)?//", tag.get("src")):
                    outside.append(tag.get("src"))
                    continue
                unread |= not paths or any(path not in self.scripts for path in paths)
                module = tag.get("type") == "module"
                scripts += [(module, self.scripts[path]) for path in paths if path in self.scripts]
        return Surroundings(tuple(scripts), tuple(outside), unread)


@dataclass(frozen=True)
class Surroundings:
    """The scripts of a page, each with whether it is a module, and what of them cannot be read."""

    scripts: tuple[tuple[bool, Script], ...]
    outside: tuple[str, ...]
    unread: bool

    @cached_property
    def plain(self) -> frozenset[str]:
        """The names that all scripts of the page can see."""
        return frozenset().union(*(each.attached if module else each.shared for module, each in self.scripts))

    @cached_property
    def libraries(self) -> frozenset[str] | None:
        """The names that the scripts from elsewhere define; None where one of them is not known."""
        names: set[str] = set()
        for address in self.outside:
            known = [
                each for word, each in global_names()["javascript"]["libraries"].items() if word in address.lower()
            ]
            if not known:
                return None
            names.update(*(each.split() for each in known))
        return frozenset(names)

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The names that modules keep for themselves."""
        return frozenset().union(*(script.names.tops for module, script in self.scripts if module))

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that they define, as far as they are written so."""
        texts = (script.text for _, script in self.scripts)
        return frozenset(f[1] or f[2] for text in texts for f in FUNCTION.finditer(text))

    @cached_property
    def is_open(self) -> bool:
        """Whether names may be defined that cannot be read in the scripts."""
        return self.unread or any(OPEN.search(script.text) for _, script in self.scripts)


FUNCTION: Final = re.compile(r"\bfunction ([\w$]+)\s?\(|\b(?:const|let) ([\w$]+) = (?:async )?\(")
OPEN: Final = re.compile(
    r"\beval\(|\bnew Function\b|\bObject\.assign\(\s*(?:window|globalThis|self|global)\b|\b(?:window|globalThis|self)\[[^\"'`\]\n][^\n]{0,80}\]\s?=[^=]"
    r"|createElement\(\s*[\"']script|\bdeclare\s+global\b"
)
"""What a script says that may define names nobody sees."""

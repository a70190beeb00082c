"""HTML and CSS: the files, ids and functions that pages, scripts and style sheets use of each other."""

import html
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from smol_dev.checks.manifests import is_built
from smol_dev.checks.project import Problem, Project, above, beside, instead, place
from smol_dev.languages import language_of

COMMENT: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|\{#.*?#\}|\{%\s*comment.*?endcomment\s*%\}", re.DOTALL
)
SCRIPT: Final = re.compile(r"(<script\b[^>]*>)(.*?)(?:</script\s*>|\Z)", re.DOTALL | re.IGNORECASE)
TAG: Final = re.compile(r"<([a-zA-Z][\w-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
ATTRIBUTE: Final = re.compile(r"([^\s\"'<>/=]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'=<>`]+))")
MARKS: Final = re.compile(r"\{\{|\{%|<%|<\?|\$\{|\[\[|__\w+__")
OUTSIDE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|#|\?|$")
KINDS: Final = frozenset(
    ".html .htm .css .js .mjs .png .jpg .jpeg .gif .svg .webp .avif .mp3 .mp4 .webm .ogg .wav .woff .woff2 .ttf .pdf .csv .wasm .json .ts .tsx .jsx".split()
)
MADE_FROM: Final = {
    ".js": (".ts", ".tsx", ".jsx", ".coffee", ".mjs"),
    ".css": (".scss", ".sass", ".less", ".styl"),
    ".html": (".md", ".njk", ".pug", ".ejs", ".rst", ".adoc"),
}
LIBRARIES: Final = re.compile(
    r"//[^/]*(?:jsdelivr|unpkg|cdnjs|googleapis|tailwindcss|jquery|bootstrapcdn|fontawesome|plot\.ly|polyfill|skypack|esm\.sh|d3js)"
)
GLOBALS: Final = frozenset(
    "if for while switch return function typeof new void delete catch alert confirm prompt print open close stop find fetch setTimeout"
    " setInterval clearTimeout clearInterval requestAnimationFrame parseInt parseFloat isNaN Number String Boolean Array Object Date Math"
    " JSON RegExp Promise Symbol Map Set Error encodeURIComponent decodeURIComponent encodeURI decodeURI escape unescape eval scroll scrollTo"
    " scrollBy focus blur submit reset click select remove closest getElementById querySelector moveTo resizeTo postMessage dispatchEvent"
    " addEventListener removeEventListener getComputedStyle matchMedia structuredClone queueMicrotask atob btoa play pause show showModal"
    " showPicker checkValidity reportValidity requestSubmit toggle write writeln gtag ga dataLayer $ jQuery import super async await"
    " setAttribute getAttribute removeAttribute appendChild event URL Event CustomEvent FormData Audio Image reload alert".split()
)
SERVERS: Final = (".py", ".js", ".ts", ".go", ".rs", ".rb", ".php", ".java", ".mjs", ".cjs")


@dataclass(frozen=True)
class Tag:
    """A start tag: its name, where it stands, and its attributes with where their values stand."""

    name: str
    offset: int
    attributes: "dict[str, tuple[str, int]]"


class Page:
    """An HTML file."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        blank = COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
        self.inline = [(found[1], found[2], found.start(2)) for found in SCRIPT.finditer(blank)]
        self.markup = SCRIPT.sub(
            lambda found: found[1] + re.sub(r"[^\n]", " ", found[0][len(found[1]) :]), blank
        )
        self.markup = re.sub(
            r"(<(style|template|textarea|pre|code)\b[^>]*>)(.*?)(?=</\2)",
            _hollow,
            self.markup,
            flags=re.DOTALL | re.IGNORECASE,
        )
        self.is_template = (
            MARKS.search(text) is not None
            or re.search(r"(?:^|/)(?:templates?|views|layouts|_includes|_layouts|partials)/", path)
            is not None
        )

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The start tags in order."""
        found = []
        for tag in TAG.finditer(self.markup):
            attributes: dict[str, tuple[str, int]] = {}
            for each in ATTRIBUTE.finditer(tag[2]):
                group = next(number for number in (2, 3, 4) if each[number] is not None)
                attributes.setdefault(
                    each[1].lower(), (html.unescape(each[group]), tag.start(2) + each.start(group))
                )
            found.append(Tag(tag[1].lower(), tag.start(), attributes))
        return tuple(found)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids and anchor names in the page."""
        return frozenset(
            re.findall(r"(?<![\w-])id\s*=\s*[\"']?([^\"'>]+?)[\"'\s>]", self.text)
        ) | frozenset(re.findall(r"<(?:a|map)\s[^>]*?\bname\s*=\s*[\"']?([^\"'\s>]+)", self.text))

    def script_sources(self) -> Iterator[str]:
        """What the page's script tags name."""
        for tag in self.tags:
            if tag.name == "script" and "src" in tag.attributes:
                yield tag.attributes["src"][0]


def _hollow(found: "re.Match[str]") -> str:
    if found[2].lower() == "template":
        return found[0]
    return found[1] + re.sub(r"[^\n]", " ", found[3])


class Pages:
    """The pages, scripts and style sheets of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.pages = [
            Page(path, text) for path, text in project.files.items() if language_of(path) == "html"
        ]
        self.scripts = {
            path: text
            for path, text in project.files.items()
            if language_of(path) in {"javascript", "typescript", "tsx"}
        }
        self.code = "\n".join(
            [*self.scripts.values(), *(body for page in self.pages for _, body, _ in page.inline)]
        )
        others = (
            text
            for path, text in project.files.items()
            if language_of(path)
            not in {"html", "css", "javascript", "typescript", "tsx", "markdown", "text", "json"}
        )
        self.served = "\n".join([self.code, *others])

    @cached_property
    def made_ids(self) -> "tuple[frozenset[str], tuple[str, ...]]":
        """The ids that scripts and programs make, and the beginnings of those that they put together."""
        whole = set(re.findall(r"\bid\s*[=:]\s*\\?[\"'`]([\w:.-]+)\\?[\"'`]", self.served))
        whole |= set(re.findall(r"[\"'](?:id|htmlFor)[\"']\s*[,:]\s*[\"'`]([\w:.-]+)", self.served))
        begun = re.findall(
            r"\bid\s*[=:]\s*(?:[{(]\s*)?\\?[\"'`]?f?[\"'`]?([\w:.-]*)(?:\$\{|\{|[\"']\s*\+)",
            self.served,
        )
        begun += re.findall(r"[\"']id[\"']\s*,\s*[\"'`]([\w:.-]*)(?:\$\{|[\"']\s*\+)", self.served)
        free = re.search(
            r"\.id\s*=\s*[A-Za-z_$(]|[\"']id[\"']\s*,\s*[A-Za-z_$(]|\bid=\\?[\"']?(?:\$\{|[\"']\s*\+)",
            self.code,
        )
        return frozenset(whole), tuple(set(begun) - {""}) + (("",) if free else ())

    def has_id(self, name: str, pages: "list[Page]") -> bool:
        """Whether an element of this id is in one of the pages, or may be made by a script."""
        whole, begun = self.made_ids
        templates = (
            [page for page in self.pages if page.is_template]
            if any(page.is_template for page in pages)
            else []
        )
        return (
            name in whole
            or any(name.startswith(each) for each in begun)
            or any(
                name in page.ids or _put_together(name, page.ids) for page in (*pages, *templates)
            )
        )

    def resolve(self, page: str, reference: str) -> str | None:
        """The file that a page's reference means; None where there is none."""
        plain = re.split(r"[?#]", reference)[0]
        if (target := beside(page, plain)) is not None and target in self.project.paths:
            return target
        for folder in above(page):
            for root in ("", "public", "static"):
                if (
                    path := posixpath.normpath(posixpath.join(folder, root, plain.lstrip("/")))
                ) in self.project.paths:
                    return path
        return None


def _put_together(name: str, ids: frozenset[str]) -> bool:
    return any(MARKS.search(each) and name.startswith(MARKS.split(each)[0]) for each in ids)


REFERENCES: Final = {
    "src": None, "poster": None, "srcset": None, "data": frozenset({"object"}), "action": frozenset({"form"}),
    "href": frozenset({"a", "link", "area"}),
}  # fmt: skip
STATIC: Final = re.compile(
    r"url_for\(\s*['\"]static['\"]\s*,\s*(?:filename|path)\s*=\s*['\"]/?([^'\"{}]+)['\"]\s*\)|\{%\s*static\s+['\"]([^'\"{}]+)['\"]"
)


def page_files(pages: Pages) -> Iterator[Problem]:
    """A page names a local file that is not there."""
    for page in pages.pages:
        based = re.search(r"<base\s", page.markup, re.IGNORECASE) is not None
        for tag in page.tags if not based else ():
            for attribute, names in REFERENCES.items():
                if attribute not in tag.attributes or (names is not None and tag.name not in names):
                    continue
                value, offset = tag.attributes[attribute]
                for each in (
                    [part.split()[0] for part in value.split(",") if part.split()]
                    if attribute == "srcset"
                    else [value.strip()]
                ):
                    yield from _reference(
                        pages, page.path, page.text, each, offset, loose=page.is_template
                    )
        for found in STATIC.finditer(page.text):
            name = found[1] or found[2]
            if not pages.project.ending(name) and not _is_made(pages, name):
                yield _missing(pages, page.path, page.text, name, found.start(1 if found[1] else 2))


def _reference(
    pages: Pages, path: str, text: str, value: str, offset: int, *, loose: bool
) -> Iterator[Problem]:
    if OUTSIDE.match(value) or MARKS.search(value) or "{" in value:
        return
    plain = re.split(r"[?#]", value)[0]
    if (
        posixpath.splitext(plain)[1].lower() not in KINDS
        or "*" in plain
        or posixpath.basename(plain).startswith("favicon")
    ):
        return
    target = beside(path, plain)
    if (target is None and not plain.startswith("/")) or pages.project.may_hold(
        target or plain.lstrip("/")
    ):
        return
    if pages.resolve(path, plain) is not None or _is_made(pages, plain):
        return
    if plain.startswith("/") or loose or _serves(pages):
        ends = (
            [plain.lstrip("/"), plain.lstrip("./").partition("/")[2]]
            if plain.startswith("/")
            else [re.sub(r"^(?:\.\.?/)+", "", plain)]
        )
        if any(end and pages.project.ending(end) for end in ends):
            return
        if plain.startswith("/") and f"/{posixpath.basename(plain)}" in pages.served:
            return
    yield _missing(pages, path, text, value, offset)


def _serves(pages: Pages) -> bool:
    return (
        re.search(
            r"send_from_directory|StaticFiles|express\.static|FileServer|static_folder|Flask\(|ServeDir|sendFile|STATIC",
            pages.served,
        )
        is not None
    )


def _is_made(pages: Pages, name: str) -> bool:
    """Whether a build may make the file: its folder is one of a build's, or it has a source."""
    stem, ending = posixpath.splitext(name)
    base = posixpath.basename(stem)
    if is_built(pages.project, name) or "bundle" in base:
        return True
    return any(f"{base}{each}" in pages.project.names for each in MADE_FROM.get(ending.lower(), ()))


def _missing(pages: Pages, path: str, text: str, name: str, offset: int) -> Problem:
    ending = posixpath.splitext(re.split(r"[?#]", name)[0])[1]
    folder = posixpath.dirname(path)
    there = (
        posixpath.relpath(each, folder or ".")
        for each in pages.project.paths
        if each.endswith(ending)
    )
    return Problem(
        path,
        *place(text, offset),
        "style-file" if path.endswith(".css") else "page-file",
        f"there is no file `{name}`" + instead(name, there, "there is"),
    )


LOOKUP: Final = re.compile(
    r"(getElementById\(\s*|querySelector\(\s*)([\"'`])(#?)([A-Za-z][\w-]*)\2\s*\)(\?\.)?"
)


def page_ids(pages: Pages) -> Iterator[Problem]:
    """An id is used that no element has."""
    loaded: dict[str, list[Page]] = {}
    for page in pages.pages:
        for source in page.script_sources():
            name = (
                source
                if not MARKS.search(source)
                else next((a or b for a, b in STATIC.findall(source)), "")
            )
            found = pages.resolve(page.path, name) if name else None
            ends = () if found or not name else pages.project.ending(name)
            for path in (found,) if found else ends:
                loaded.setdefault(path, []).append(page)
        for _, body, offset in page.inline:
            yield from _lookups(pages, page.path, page.text, body, [page], offset=offset)
        yield from _uses(pages, page)
    for path, loaders in _spread(pages, loaded).items():
        if path in pages.scripts:
            yield from _lookups(pages, path, pages.scripts[path], pages.scripts[path], loaders)


def _spread(pages: Pages, loaded: "dict[str, list[Page]]") -> "dict[str, list[Page]]":
    """The pages that load each script, directly or as a module that one of theirs imports."""
    waiting = list(loaded)
    while waiting:
        path = waiting.pop()
        for source in re.findall(
            r"(?:from|import)\s*\(?\s*[\"'](\.[^\"']+)[\"']", pages.scripts.get(path, "")
        ):
            target = beside(path, source)
            if target in pages.scripts and (
                new := [p for p in loaded[path] if p not in loaded.get(target, ())]
            ):
                loaded.setdefault(target, []).extend(new)
                waiting.append(target)
    return loaded


def _lookups(
    pages: Pages, path: str, text: str, code: str, loaders: "list[Page]", *, offset: int = 0
) -> Iterator[Problem]:
    if any(
        re.search(r"iframe|contentDocument|innerHTML\s*=\s*await|\.load\(|htmx", page.text)
        for page in loaders
    ):
        return
    for found in LOOKUP.finditer(code):
        by_id = found[1].startswith("get")
        if (
            by_id == bool(found[3])
            or pages.has_id(found[4], loaders)
            or _is_optional(code, found)
            or _is_comment(code, found.start())
        ):
            continue
        there = sorted(each for page in loaders for each in page.ids if not MARKS.search(each))
        yield Problem(
            path,
            *place(text, offset + found.start(4)),
            "page-id",
            f"no element has the id `{found[4]}`" + instead(found[4], there, "there is"),
        )


def _is_comment(code: str, offset: int) -> bool:
    line = code[code.rfind("\n", 0, offset) + 1 : offset]
    return "//" in line or line.lstrip().startswith(("*", "/*"))


def _is_optional(code: str, found: "re.Match[str]") -> bool:
    """Whether the script goes on without the element."""
    before = re.split(r"[\n;{}]", code[max(0, found.start() - 120) : found.start()])[-1]
    after = code[found.end() : found.end() + 12].lstrip()
    if (
        found[5]
        or re.search(r"\b(?:if|while)\s*\(|!\s*(?:document\.)?$|\breturn\b", before)
        or after.startswith(("&&", "||", "??", "?", "!=", "=== null", "== null"))
    ):
        return True
    name = re.search(r"([\w$.]+)\s*=\s*(?:window\.)?(?:document\.)?$", before) or re.search(
        r"([\w$]+)\s*:\s*(?:document\.)?$", before
    )
    if name is None:
        return False
    last = re.escape(name[1].rpartition(".")[2])
    return (
        re.search(
            rf"\bif\s*\([^)]*\b{last}\b(?!\s*[.\[(])|!\s*(?:[\w$]+\.)*{last}\b(?!\s*[.\[(])|\b{last}\s*(?:&&|\?|\|\||[!=]==?\s*null)|&&\s*{last}\b(?!\s*[.\[(])",
            code,
        )
        is not None
    )


def _uses(pages: Pages, page: Page) -> Iterator[Problem]:
    for tag in page.tags:
        for name in (
            "for",
            "aria-labelledby",
            "aria-describedby",
            "aria-controls",
            "aria-owns",
            "list",
            "form",
        ):
            if name in tag.attributes and (name != "for" or tag.name in {"label", "output"}):
                value, offset = tag.attributes[name]
                for each in value.split() if not MARKS.search(value) else ():
                    yield from _use(pages, page, each, offset, name)
        if tag.name == "a" and "href" in tag.attributes:
            value, offset = tag.attributes["href"]
            fragment = value[1:]
            if (
                value.startswith("#")
                and re.fullmatch(r"[A-Za-z][\w-]*", fragment)
                and fragment != "top"
                and "hash" not in pages.code
            ):
                yield from _use(pages, page, fragment, offset, "href")


def _use(pages: Pages, page: Page, name: str, offset: int, attribute: str) -> Iterator[Problem]:
    if (
        not re.fullmatch(r"[\w:.-]+", name)
        or pages.has_id(name, [page])
        or (page.is_template and re.search(r"\{\{", page.text))
    ):
        return
    if attribute == "href" and re.search(rf"[\"'`]#?{re.escape(name)}[\"'`]", pages.code):
        return
    there = (each for each in page.ids if not MARKS.search(each))
    yield Problem(
        page.path,
        *place(page.text, offset),
        "page-id",
        f"no element has the id `{name}`, which `{attribute}` names"
        + instead(name, there, "there is"),
    )


CALL: Final = re.compile(r"(?<![\w$.])([A-Za-z_$][\w$]*)\s*\(")


def page_handlers(pages: Pages) -> Iterator[Problem]:
    """A function is called by an attribute such as `onclick` that no script of the page defines."""
    for page in pages.pages:
        codes, unknown = _codes(pages, page)
        if unknown:
            continue
        for tag in page.tags:
            for attribute, (value, offset) in tag.attributes.items():
                if not re.fullmatch(r"on[a-z]+", attribute) or MARKS.search(value):
                    continue
                plain = re.sub(r"\"[^\"]*\"|'[^']*'|`[^`]*`", '""', value)
                for call in CALL.finditer(plain):
                    if call[1] in GLOBALS or re.search(
                        rf"(?:function|var|let|const|new)\s+{re.escape(call[1])}\b", plain
                    ):
                        continue
                    yield from _handler(page, call[1], attribute, offset, codes)


def _codes(pages: Pages, page: Page) -> "tuple[list[tuple[bool, str]], bool]":
    """The scripts of a page, each with whether it is a module, and whether there are others that we cannot read."""
    chosen = [page] if not page.is_template else pages.pages
    codes: list[tuple[bool, str]] = []
    for each in chosen:
        for tag, body, _ in each.inline:
            codes.append(("module" in tag, body))
        for tag in each.tags:
            if tag.name != "script" or "src" not in tag.attributes:
                continue
            source = tag.attributes["src"][0]
            module = tag.attributes.get("type", ("", 0))[0] == "module"
            if re.match(r"(?:https?:)?//", source):
                if not LIBRARIES.search(source):
                    return [], True
                continue
            name = (
                source
                if not MARKS.search(source)
                else next((a or b for a, b in STATIC.findall(source)), "")
            )
            found = pages.resolve(each.path, name) if name else None
            ends = (found,) if found else pages.project.ending(name) if name else ()
            if not ends:
                return [], True
            for path in ends:
                if path not in pages.project.files:
                    return [], True
                codes.append((module, pages.project.files[path]))
    return codes, False


def _handler(
    page: Page, name: str, attribute: str, offset: int, codes: "list[tuple[bool, str]]"
) -> Iterator[Problem]:
    word = re.escape(name)
    attached = rf"(?:window|globalThis|self)\s*(?:\.\s*{word}\b|\[\s*[\"']{word}[\"'])|Object\.assign\(\s*window"
    defined = rf"function\s*\*?\s*{word}\s*\(|(?:var|let|const)\s[^;]*?\b{word}\s*=|\b{word}\s*=(?!=)|class\s+{word}\b|[,{{\s]{word}\s*[,}}:][^;]*?=|import\s[^;]*\b{word}\b"
    modules = [code for module, code in codes if module]
    if any(re.search(attached, code) for _, code in codes) or any(
        re.search(defined, code) for module, code in codes if not module
    ):
        return
    line = place(page.text, offset)
    if any(re.search(defined, code) for code in modules):
        yield Problem(
            page.path,
            *line,
            "page-handler",
            f"`{name}`, which `{attribute}` calls, is defined in a module, so the page cannot see it"
            f"; `window.{name} = {name}` would show it",
        )
        return
    if any("eval(" in code or "new Function" in code for _, code in codes):
        return
    there = {each for _, code in codes for each in re.findall(r"function\s+([\w$]+)\s*\(", code)}
    yield Problem(
        page.path,
        *line,
        "page-handler",
        f"no script of the page defines `{name}`, which `{attribute}` calls"
        + instead(name, there, "they define"),
    )


URL: Final = re.compile(
    r"url\(\s*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s\"')]*))\s*\)|@import\s+(?:\"([^\"\n]*)\"|'([^'\n]*)')"
)


def style_files(pages: Pages) -> Iterator[Problem]:
    """A style sheet names a local file that is not there."""
    for path, text in pages.project.files.items():
        if language_of(path) != "css" or path.endswith(".min.css"):
            continue
        plain = re.sub(
            r"/\*.*?(?:\*/|\Z)",
            lambda found: re.sub(r"[^\n]", " ", found[0]),
            text,
            flags=re.DOTALL,
        )
        for found in URL.finditer(plain):
            group = next(number for number in range(1, 6) if found[number] is not None)
            value = found[group].strip()
            if not value.startswith(("~", "@", "$")) and "/" + value[:1] != "/":
                yield from _reference(pages, path, text, value, found.start(group), loose=False)


RULES: Final = {
    "page-file": (page_files,),
    "page-id": (page_ids,),
    "page-handler": (page_handlers,),
    "style-file": (style_files,),
}

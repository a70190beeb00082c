"""JavaScript and TypeScript: what is imported from where, and whether it is there."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from tree_sitter import Query, QueryCursor

from smol_dev.checks.manifests import NODE, is_built, node_dependencies
from smol_dev.checks.project import Problem, Project, above, beside, instead
from smol_dev.languages import grammar, language_of, tree

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

LANGUAGES: Final = frozenset({"javascript", "typescript", "tsx"})
ENDINGS: Final = (
    "",
    ".js",
    ".mjs",
    ".cjs",
    ".jsx",
    ".ts",
    ".tsx",
    ".mts",
    ".cts",
    ".json",
    ".vue",
    ".svelte",
    ".d.ts",
    ".node",
    ".css",
    ".wasm",
    ".coffee",
)
COMPILED: Final = {
    ".js": (".ts", ".tsx", ".jsx", ".d.ts"),
    ".mjs": (".mts",),
    ".cjs": (".cts",),
    ".jsx": (".tsx",),
}
INHERITED: Final = frozenset("then prototype default constructor hasOwnProperty".split())
CONFIGURATION: Final = re.compile(
    r"(?:^|/)(?:[tj]sconfig[^/]*\.json|(?:vite|vitest|webpack|rollup|babel|jest|next|metro)[\w.-]*\.\w+|deno\.jsonc?|import_map\.json)$"
)
"""Files that may give packages other names."""

QUERY: Final = """
(import_statement) @import
(export_statement) @export
(call_expression function: (identifier) @_f arguments: (arguments . (string) @called) (#any-of? @_f "require" "importScripts"))
(call_expression function: (import) arguments: (arguments . (string) @called))
(assignment_expression left: (member_expression) @assigned)
"""
SIDE: Final = frozenset(
    "examples example docs doc test tests __tests__ fixtures __fixtures__ scripts website bench benchmarks e2e".split()
)
GLOBAL: Final = frozenset(
    "fetch Headers Request Response FormData Blob File URL URLSearchParams Buffer process console globalThis window document undefined setTimeout clearTimeout require module performance crypto AbortController EventTarget Event WebSocket".split()
)


@lru_cache
def _query(language: str) -> Query:
    return Query(grammar(language), QUERY)


@dataclass(frozen=True)
class Wanted:
    """One import: what is asked of which module. `names` are pairs of a name and its node."""

    source: str
    node: "Node"
    names: "tuple[tuple[str, Node], ...]" = ()
    whole: str = ""
    optional: bool = False
    types: bool = False
    common: bool = False


class Script:
    """A file of JavaScript or TypeScript."""

    def __init__(self, path: str, text: str, parsed: "Tree", language: str) -> None:
        self.path = path
        self.text = text
        self.root = parsed.root_node
        self.found = QueryCursor(_query(language)).captures(self.root)

    @cached_property
    def wanted(self) -> tuple[Wanted, ...]:
        """Every import, in whatever form, from a module that is named by a literal."""
        return (
            *(each for node in self.found.get("import", ()) if (each := _imported(node))),
            *(each for node in self.found.get("export", ()) if (each := _reexported(node))),
            *(_called(node) for node in self.found.get("called", ())),
        )

    @cached_property
    def exports(self) -> frozenset[str] | None:
        """The names that the module exports itself; None when that is not known by reading it."""
        names: set[str] = set()
        for node in self.found.get("export", ()):
            got = _exported(node)
            if got is None:
                return None
            names |= got
        return frozenset(names)

    @property
    def is_module(self) -> bool:
        """Whether it exports or imports as an ECMAScript module."""
        return bool(self.found.get("export") or self.found.get("import"))

    @cached_property
    def common_exports(self) -> frozenset[str] | None:
        """The names on `module.exports`; None when that is not known."""
        names: set[str] = set()
        for left in self.found.get("assigned", ()):
            target = _text(left)
            right = left.parent.child_by_field_name("right") if left.parent else None
            if target in {"module.exports", "exports"}:
                if right is None or right.type != "object":
                    return None
                for part in right.named_children:
                    name = part.child_by_field_name("key") or part.child_by_field_name("name")
                    if part.type == "shorthand_property_identifier":
                        names.add(_text(part))
                    elif part.type == "comment":
                        continue
                    elif name is None or name.type != "property_identifier":
                        return None
                    else:
                        names.add(_text(name))
            elif match := re.fullmatch(r"(?:module\.)?exports\.([\w$]+)", target):
                names.add(match[1])
        rest = re.sub(r"(?:module\.)?exports\s*(?:\.[\w$]+\s*)?=", "", self.text)
        return (
            None
            if not names or re.search(r"\b(?:module\.)?exports\s*[,)\[]", rest)
            else frozenset(names)
        )


def _text(node: "Node") -> str:
    return (node.text or b"").decode(errors="replace")


def _literal(node: "Node") -> str:
    return _text(node)[1:-1]


def _imported(node: "Node") -> Wanted | None:
    source = node.child_by_field_name("source")
    if source is None:
        return None
    types = any(child.type == "type" for child in node.children)
    names: list[tuple[str, Node]] = []
    whole = ""
    for clause in (child for child in node.named_children if child.type == "import_clause"):
        for part in clause.named_children:
            if part.type == "identifier":
                names.append(("default", part))
            elif part.type == "namespace_import":
                whole = _text(part.named_children[-1])
            else:
                names += _specifiers(part)
    return Wanted(_literal(source), source, tuple(names), whole, types=types)


def _specifiers(clause: "Node") -> "list[tuple[str, Node]]":
    named = ((each.child_by_field_name("name"), each) for each in clause.named_children)
    return [(_text(name), each) for name, each in named if name is not None]


def _reexported(node: "Node") -> Wanted | None:
    source = node.child_by_field_name("source")
    if source is None:
        return None
    clauses = [child for child in node.named_children if child.type == "export_clause"]
    names = [
        (_text(name), each)
        for clause in clauses
        for each in clause.named_children
        if (name := each.child_by_field_name("name")) is not None
    ]
    return Wanted(
        _literal(source), source, tuple(names), types=any(c.type == "type" for c in node.children)
    )


def _called(node: "Node") -> Wanted:
    call = node.parent.parent if node.parent else None
    outer = call.parent if call else None
    names: list[tuple[str, Node]] = []
    whole = ""
    if outer is not None and outer.type == "variable_declarator":
        pattern = outer.child_by_field_name("name")
        if pattern is not None and pattern.type == "identifier":
            whole = _text(pattern)
        for part in (
            pattern.named_children
            if pattern is not None and pattern.type == "object_pattern"
            else ()
        ):
            key = part.child_by_field_name("key") or part
            if key.type in {"shorthand_property_identifier_pattern", "property_identifier"}:
                names.append((_text(key), key))
    optional, up = False, node.parent
    while up is not None and not optional:
        optional = up.type in {"try_statement", "if_statement", "ternary_expression"}
        up = up.parent
    return Wanted(_literal(node), node, tuple(names), whole, optional=optional, common=True)


def _exported(node: "Node") -> set[str] | None:
    """The names of one export statement; None for all that another module exports, or for an odd form."""
    kinds = {child.type for child in node.children}
    names: set[str] = set()
    if "default" in kinds:
        return {"default"}
    if "=" in kinds or "import" in kinds or ("*" in kinds and "namespace_export" not in kinds):
        return None
    for part in node.named_children:
        if part.type == "export_clause":
            for each in part.named_children:
                name = each.child_by_field_name("alias") or each.child_by_field_name("name")
                names |= {_text(name).strip("\"'")} if name is not None else set()
        elif part.type == "namespace_export":
            names.add(_text(part.named_children[-1]))
        elif part.type in {"string", "comment", "decorator"}:
            continue
        elif part.type in {"lexical_declaration", "variable_declaration"}:
            for each in part.named_children:
                if (pattern := each.child_by_field_name("name")) is not None:
                    names |= set(re.findall(r"[\w$]+", _text(pattern)))
        elif (declared := _declared(part)) is not None:
            names.add(declared)
        else:
            return None
    return names


def _declared(node: "Node") -> str | None:
    name = node.child_by_field_name("name")
    if name is not None:
        return _text(name)
    inner = [
        each
        for each in node.named_children
        if each.child_by_field_name("name") is not None or each.named_children
    ]
    for each in inner:
        if each.type in {"lexical_declaration", "variable_declaration"}:
            found = (
                each.named_children[0].child_by_field_name("name") if each.named_children else None
            )
            return _text(found) if found is not None else None
        if (inside := _declared(each)) is not None:
            return inside
    return None


class Scripts:
    """The scripts of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.scripts: dict[str, Script] = {}
        for path, text in project.files.items():
            language = language_of(path)
            if language in LANGUAGES and not path.endswith((".min.js", ".d.ts")):
                parsed = tree(language, text)
                if parsed is not None and not parsed.root_node.has_error:
                    self.scripts[path] = Script(path, text, parsed, language)

    def resolve(self, path: str, source: str) -> str | None:
        """The file that a relative import means; None where there is none."""
        target = beside(path, source.partition("?")[0])
        if target is None:
            return None
        stem, ending = posixpath.splitext(target)
        candidates = [target + each for each in ENDINGS] + [
            stem + each for each in COMPILED.get(ending, ())
        ]
        folder = f"{target}/" if target else ""
        candidates += [f"{folder}index{each}" for each in ENDINGS[1:]] + [f"{folder}package.json"]
        return next((each for each in candidates if each in self.project.paths), None)

    def exports(
        self, path: str, *, common: bool, seen: frozenset[str] = frozenset()
    ) -> frozenset[str] | None:
        """The names that can be imported from a file; None when that is not known."""
        script = self.scripts.get(path)
        if script is None or path in seen:
            return None
        if not script.is_module:
            return script.common_exports if common else None
        if script.found.get("assigned") and re.search(
            r"\bmodule\.exports\b|\bexports\.\w", script.text
        ):
            return None
        names: set[str] = set()
        for node in script.found.get("export", ()):
            got = _exported(node)
            if got is None:
                source = node.child_by_field_name("source")
                target = self.resolve(path, _literal(source)) if source is not None else None
                got_all = self.exports(target, common=False, seen=seen | {path}) if target else None
                if got_all is None:
                    return None
                got = set(got_all) - {"default"}
            names |= got
        return frozenset(names)


def relative_imports(scripts: Scripts) -> Iterator[Problem]:
    """A file is imported that is not there, or a name that it does not export."""
    for script in scripts.scripts.values():
        for want in script.wanted:
            if not want.source.startswith(("./", "../")) and want.source not in {".", ".."}:
                continue
            if (
                want.optional
                or is_built(scripts.project, want.source)
                or "!" in want.source
                or "${" in want.source
            ):
                continue
            target = beside(script.path, want.source)
            if target is None:
                continue
            found = scripts.resolve(script.path, want.source)
            if found is None:
                if (
                    "generated" in want.source
                    or scripts.project.exists(target)
                    or "importScripts" in script.text
                ):
                    continue
                folder = posixpath.dirname(target)
                there = (
                    posixpath.relpath(each, posixpath.dirname(script.path) or ".")
                    for each in scripts.project.paths
                    if posixpath.dirname(each) == folder
                )
                shown = (each if each.startswith("..") else f"./{each}" for each in there)
                yield _problem(
                    script,
                    want.node,
                    "script-import",
                    f"there is no file `{want.source}`" + instead(want.source, shown, "there is"),
                )
                continue
            yield from _names(scripts, script, want, found)


def _names(scripts: Scripts, script: Script, want: Wanted, found: str) -> Iterator[Problem]:
    names = scripts.exports(found, common=want.common)
    if names is None:
        return
    for name, node in (*want.names, *_members(script, want, names)):
        if name not in names:
            message = f"`{found}` does not export `{name}`" + instead(name, names, "it exports")
            yield _problem(script, node, "script-import", message)


def _members(script: Script, want: Wanted, names: frozenset[str]) -> "Iterator[tuple[str, Node]]":
    """What is used of a module that was imported whole, where nothing else has its name."""
    whole = re.escape(want.whole)
    declared = rf"\b(?:const|let|var|as|function|class)\s+{whole}\b"
    if not whole or "default" in names or len(re.findall(declared, script.text)) != 1:
        return
    if re.search(rf"[(,]\s*{whole}\s*[,)=]", script.text):
        return
    used = rf"(?<![\w$.\"'`/]){whole}\.([A-Za-z_$][\w$]*)(?!\s*=[^=])"
    for match in re.finditer(used, script.text):
        if match[1] in names or match[1] in INHERITED:
            continue
        start = len(script.text[: match.start(1)].encode(errors="replace"))
        node = script.root.descendant_for_byte_range(start, start + len(match[1].encode()))
        if node is not None and node.type == "property_identifier":
            yield match[1], node


def local_exports(scripts: Scripts) -> Iterator[Problem]:
    """A name is exported that the file does not define."""
    for script in scripts.scripts.values():
        for node in script.found.get("export", ()):
            if node.child_by_field_name("source") is not None:
                continue
            clauses = [each for each in node.named_children if each.type == "export_clause"]
            for each in (each for clause in clauses for each in clause.named_children):
                if (exported := each.child_by_field_name("name")) is not None:
                    yield from _undeclared(script, exported)
        for left in script.found.get("assigned", ()):
            right = left.parent.child_by_field_name("right") if left.parent else None
            if (
                _text(left) in {"module.exports", "exports"}
                and right is not None
                and right.type == "object"
            ):
                for part in right.named_children:
                    if part.type == "shorthand_property_identifier":
                        yield from _undeclared(script, part)


def _undeclared(script: Script, node: "Node") -> Iterator[Problem]:
    """A problem where the name is said nowhere in the file but where it is exported."""
    name = _text(node)
    declared = re.search(
        rf"(?:function\s*\*?|class|enum|type|interface|namespace|const|let|var|import)\s+{re.escape(name)}(?![\w$])"
        rf"|(?<![\w$.]){re.escape(name)}\s*(?:,[^;()]*)?=|\bas\s+{re.escape(name)}(?![\w$])|(?:import|const|let|var)\b[^;]*?(?<![\w$.]){re.escape(name)}(?![\w$])",
        script.text,
    )
    if declared is None and name not in GLOBAL:
        there = set(re.findall(r"(?:function\s*\*?|class|const|let|var)\s+([\w$]+)", script.text))
        yield _problem(
            script,
            node,
            "script-import",
            f"`{name}` is exported, and not defined" + instead(name, there, "defined here"),
        )


def packages(scripts: Scripts) -> Iterator[Problem]:
    """A package is imported that no package.json names."""
    files = scripts.project.files.items()
    config = "\n".join(
        text
        for path, text in files
        if CONFIGURATION.search(path) or (path.endswith(".html") and "importmap" in text)
    )
    for script in scripts.scripts.values():
        known = node_dependencies(scripts.project, script.path)
        side = SIDE.intersection(script.path.split("/")[:-1])
        if known is None or side or re.search(r"\.(?:test|spec|stories)\.", script.path):
            continue
        for want in script.wanted:
            name = _package(want)
            if name and name not in known[0] and not _is_local(scripts, script, name, config):
                message = f"`{name}` is imported, and `{known[1]}` does not name it"
                yield _problem(script, want.node, "script-dependency", message)


def _package(want: Wanted) -> str | None:
    """The package that an import needs when it runs; None for Node's own and for files."""
    named = re.match(r"((?:@[\w.-]+/)?[a-zA-Z][\w.-]*)(?:/|$)", want.source)
    if want.optional or want.types or "!" in want.source or named is None:
        return None
    return None if named[1] in NODE else named[1]


def _is_local(scripts: Scripts, script: Script, name: str, config: str) -> bool:
    """Whether a package's name may mean a folder of the project, by its place or its configuration."""
    first = name.partition("/")[0]
    if any(posixpath.join(each, first) in scripts.project.folders for each in above(script.path)):
        return True
    alias = rf"(?<![\w@/]){re.escape(first)}(?:/\*|\$|/)?[\"']?\s*:"
    return "baseUrl" in config or re.search(alias, config) is not None


def _problem(script: Script, node: "Node", rule: str, message: str) -> Problem:
    row, column = node.start_point
    line = script.text.split("\n", row + 1)[row]
    characters = len(line.encode(errors="replace")[:column].decode(errors="ignore"))
    return Problem(script.path, row + 1, characters + 1, rule, message)


RULES: Final = {
    "script-import": (relative_imports, local_exports),
    "script-dependency": (packages,),
}

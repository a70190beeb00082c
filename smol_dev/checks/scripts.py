"""JavaScript and TypeScript: what scripts import and export, and whether the names that they use are defined."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import TYPE_CHECKING, Final

from smol_dev.checks.packages import NODE, node_dependencies
from smol_dev.checks.project import Problem, above, beside, instead, is_built, nearest
from smol_dev.checks.web import OPEN, Script, Web
from smol_dev.languages.scopes import known_names

if TYPE_CHECKING:
    from tree_sitter import Node

ENDINGS: Final = " .js .mjs .cjs .jsx .ts .tsx .mts .cts .json .vue .svelte .d.ts .node .css .wasm .coffee".split(" ")
COMPILED: Final = {
    ".js": (".ts", ".tsx", ".jsx", ".d.ts"), ".mjs": (".mts", ".d.mts"), ".cjs": (".cts", ".d.cts"), ".jsx": (".tsx",),
    ".ts": (".d.ts",), ".mts": (".d.mts",), ".cts": (".d.cts",),
}  # fmt: skip
CONFIGURATION: Final = re.compile(
    r"(?:^|/)(?:[tj]sconfig[^/]*\.json|(?:vite|vitest|webpack|rollup|babel|jest|next|metro)[\w.-]*\.\w+|deno\.jsonc?|import_map\.json)$"
)
"""Files that may give packages other names."""

ALIAS: Final = re.compile(
    r"[\"'](@|~|@?[\w-]+)/\*[\"']\s*:\s*\[\s*[\"']\.?/?([\w/-]*/)\*[\"']\s*\]"
    r"|[\"']?(@|~|@[\w-]+)[\"']?\s*:\s*(?:path\.)?(?:resolve|join|fileURLToPath)\([^()]*?[\"']\.?/?([\w/-]+)[\"']"
)
"""A name that a configuration gives to a folder."""

SIDE: Final = frozenset(
    "examples example docs doc scripts website bench benchmark benchmarks fixtures __fixtures__ sandbox".split()
)
TESTS: Final = frozenset("test tests __tests__ spec specs e2e cypress testing __mocks__".split())
TESTING: Final = re.compile(
    r"\.(?:test|spec|stories|e2e|cy|bench)\.|(?:^|/)(?:test|jest|vitest|karma|mocha|cypress)[\w.-]*$"
)
NO_USE: Final = frozenset(
    "export_specifier namespace_export import_specifier jsx_closing_element jsx_namespace_name nested_identifier"
    " nested_type_identifier type_query type_predicate asserts index_signature unary_expression".split()
)
"""The nodes whose identifiers name nothing that has to be there when the script runs."""

MADE: Final = re.compile(r"nuxt|auto-import|wxt|plasmo|\bProvidePlugin\b|esbuild-inject")
"""Signs in a manifest or a configuration that functions need no import."""

DEEPEST: Final = 40
LONGEST_CHAIN: Final = 100
OTHERWISE: Final = re.compile(r"exports|\bdefine\(")
"""Signs that a script exports by `exports` or `define` rather than by statements."""

LOCAL: Final = re.compile(r"\.{1,2}(?:/|$)|/[\w./-]+\.(?:m?js|css|json)$")

Exports = Mapping[str, "tuple[Script, Node]"]
"""Names that can be imported, each with where its value stands."""


@dataclass(frozen=True)
class Wanted:
    """One import: the module, and the names wanted from it. `names` are pairs of a name and its node."""

    source: str
    node: "Node"
    names: "tuple[tuple[str, Node], ...]" = ()
    optional: bool = False
    types: bool = False
    common: bool = False


def _static(script: Script, node: "Node") -> Wanted | None:
    """Return what `import … from` or `export … from` asks for; None for a statement that names no module."""
    source = node.child_by_field_name("source")
    if source is None:
        return None
    names: list[tuple[str, Node]] = []
    for clause in node.named_children:
        parts = clause.named_children if clause.type == "import_clause" else [clause]
        names += [("default", part) for part in parts if part.type == "identifier"]
        named = (
            each for part in parts if part.type in {"named_imports", "export_clause"} for each in part.named_children
        )
        names += [(script.names.text(name), each) for each in named if (name := each.child_by_field_name("name"))]
    types = any(child.type == "type" for child in node.children)
    return Wanted(script.names.text(source)[1:-1], source, tuple(names), types=types)


def _called(script: Script, node: "Node") -> Wanted:
    """Return what a call of `require` or `import` asks for."""
    call = node.parent.parent if node.parent else None
    outer = call.parent if call else None
    if outer is not None and outer.type == "await_expression":
        outer = outer.parent
    pattern = outer.child_by_field_name("name") if outer is not None and outer.type == "variable_declarator" else None
    names: list[tuple[str, Node]] = []
    for part in pattern.named_children if pattern is not None and pattern.type == "object_pattern" else ():
        key = part.child_by_field_name("key") or part.child_by_field_name("left") or part
        if key.type in {"shorthand_property_identifier_pattern", "property_identifier"}:
            names.append((script.names.text(key), key))
    function = call.child_by_field_name("function") if call else None
    common = function is None or function.type != "import"
    if common and outer is not None and outer.type == "member_expression":
        names += [(script.names.text(each), each) for each in outer.children_by_field_name("property")]
    optional, depth, up = False, 0, node.parent
    while up is not None and not optional:
        depth += 1
        optional = depth > DEEPEST or up.type in {"try_statement", "if_statement", "ternary_expression"}
        up = up.parent
    return Wanted(script.names.text(node)[1:-1], node, tuple(names), optional=optional, common=common)


def wanted(script: Script) -> Iterator[Wanted]:
    """Yield every import, in whatever form, from a module that is named by a literal."""
    for node in (*script.found.get("import", ()), *script.found.get("export", ())):
        if (each := _static(script, node)) is not None:
            yield each
    if not BUNDLE.search(script.text):
        yield from (_called(script, node) for node in script.found.get("called", ()))


BUNDLE: Final = re.compile(
    r"\bdefine\(\s*[\"'][\w/.-]+[\"']\s*,|function\s?\(require,\s?(?:module,\s?exports|exports,\s?module)\)"
)
"""What the modules in a bundle begin with, which find each other by names of the bundle."""


class Scripts:
    """The scripts of a project, with what each imports and exports."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.project = web.project
        self._exports: dict[tuple[str, bool], Exports | None] = {}

    @cached_property
    def configuration(self) -> str:
        """The text of all configuration that may rename packages and functions."""
        return "\n".join(
            text
            for path, text in self.project.files.items()
            if CONFIGURATION.search(path)
            or path.endswith("package.json")
            or (path.endswith(".html") and "importmap" in text)
        )

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """The folders at the root that names stand for, as far as that is certain."""
        found: dict[str, set[str]] = {}
        for each in ALIAS.finditer(self.configuration):
            found.setdefault(each[1] or each[3], set()).add((each[2] or f"{each[4]}/").lstrip("./"))
        inner = [path for path in self.project.names.get("package.json", ()) if path != "package.json"]
        plain = not inner and "package.json" in self.project.files
        return {name: folders.pop() for name, folders in found.items() if len(folders) == 1} if plain else {}

    @cached_property
    def declares(self) -> bool:
        """Whether a file of declarations gives names to every script."""
        return any(path.endswith(".d.ts") for path in self.project.paths)

    def unaliased(self, path: str, source: str) -> str:
        """Return the relative address of a module that is named by an alias of its folder."""
        first, _, rest = source.partition("/")
        if rest and (folder := self.aliases.get(first)) is not None:
            return f"./{posixpath.relpath(folder + rest, posixpath.dirname(path) or '.')}"
        return source

    def resolve(self, path: str, source: str) -> str | None:
        """Return the file that a relative import means; None where there is none."""
        target = beside(path, self.unaliased(path, source).partition("?")[0])
        if target is None:
            return None
        stem, ending = posixpath.splitext(target)
        folder = f"{target}/" if target else ""
        candidates = [
            *(target + each for each in ENDINGS),
            *(stem + each for each in COMPILED.get(ending, ())),
            *(f"{folder}index{each}" for each in ENDINGS[1:]),
            f"{folder}package.json",
        ]
        return next((each for each in candidates if each in self.project.paths), None)

    def exports(self, path: str, *, common: bool, seen: frozenset[str] = frozenset()) -> Exports | None:
        """Return the names that can be imported from a file; None when that is not known."""
        script = self.web.scripts.get(path)
        if script is None or path in seen or len(seen) > LONGEST_CHAIN:
            return None
        if (path, common) not in self._exports:
            names: Exports | None
            if script.is_module and not script.is_common:
                names = self._module_exports(script, seen | {path})
            elif not common and not script.is_module and not OTHERWISE.search(script.text):
                names = {}
            else:
                names = _common_exports(script) if common and not script.is_module else None
            self._exports[path, common] = names
        return self._exports[path, common]

    def _module_exports(self, script: Script, seen: frozenset[str]) -> Exports | None:
        names: dict[str, tuple[Script, Node]] = {}
        for node in script.found.get("export", ()):
            kinds = {child.type for child in node.children}
            if "=" in kinds or "import" in kinds:
                return None
            if "*" in kinds:
                source = node.child_by_field_name("source")
                target = self.resolve(script.path, script.names.text(source)[1:-1])
                others = self.exports(target, common=False, seen=seen) if target else None
                if others is None:
                    return None
                names |= {name: value for name, value in others.items() if name != "default"}
            else:
                names |= {name: (script, value) for name, value in _exported(script, node, kinds)}
        return names


def _exported(script: Script, node: "Node", kinds: set[str]) -> "Iterator[tuple[str, Node]]":
    """Yield the names of an export statement, each with its value or its definition."""
    value = node.child_by_field_name("value") or node.child_by_field_name("declaration")
    if "default" in kinds:
        yield "default", value or node
        return
    for part in node.named_children:
        if part.type == "export_clause":
            for each in part.named_children:
                if (name := each.child_by_field_name("name")) is not None:
                    yield script.names.text(each.child_by_field_name("alias") or name).strip("\"'"), name
        elif part.type == "namespace_export":
            yield script.names.text(part.named_children[-1]), part
    if value is not None:
        for top, places in script.names.tops.items():
            yield from ((top, each) for each in places if value.start_byte <= each.start_byte < value.end_byte)


def _common_exports(script: Script) -> Exports | None:
    """Return the names on `module.exports`; None when that is not known."""
    names: dict[str, tuple[Script, Node]] = {}
    for left in script.found.get("assigned", ()):
        target = script.names.text(left)
        right = left.parent.child_by_field_name("right") if left.parent else None
        if target in {"module.exports", "exports"}:
            members = script.names.members(right) if right is not None else None
            if members is None and (whole := _whole(script, right)) is not None:
                members = {"": whole}
            if members is None:
                return None
            names |= {name: (script, node) for name, node in members.items()}
        elif match := re.fullmatch(r"(?:module\.)?exports\.([\w$]+)", target):
            names[match[1]] = (script, right or left)
    rest = re.sub(r"(?:\bmodule\.|\b)exports(?:\.[\w$]+)?\s?=", "", script.text)
    return names if names and re.search(r"\bexports[ ,)\[;]", rest) is None else None


CLASSES: Final = frozenset({"class_declaration", "class"})


def _whole(script: Script, value: "Node | None") -> "Node | None":
    """Return the class or the object that a script exports as the whole of its module."""
    places = script.names.defined(value) if value is not None and value.type == "identifier" else []
    node = places[0].parent if len(places) == 1 else value
    if node is not None and node.type in CLASSES:
        return node
    return value if value is not None and value.type in {"identifier", "new_expression"} else None


def imports(scripts: Scripts, script: Script) -> Iterator[Problem]:
    """A file is imported that is not there, or a name that it does not export."""
    for want in wanted(script):
        source, project = scripts.unaliased(script.path, want.source), scripts.project
        odd = want.optional or "!" in source or "${" in source or is_built(project, source)
        if odd or not LOCAL.match(source):
            continue
        target = beside(script.path, source.lstrip("/") if source[0] == "/" else source)
        found = scripts.resolve(script.path, source)
        if source[0] == "/":
            found = found or next(iter(project.ending(source)), None)
        if found is not None:
            exported = scripts.exports(found, common=want.common)
            if exported and "" in exported and exported[""][1].type not in CLASSES:
                exported = None
            other = scripts.web.scripts.get(found)
            added = FUNCTION | other.assigned if want.common and other is not None else frozenset()
            for name, node in want.names if exported is not None else ():
                if exported is not None and name not in exported and name not in added:
                    message = f"`{found}` does not export `{name}`" + instead(
                        name, filter(None, exported), "it exports"
                    )
                    yield script.problem(node, "script-import", message)
        elif target is not None and not (
            project.exists(target) or re.search(r"generated|\.gen$", source) or "importScripts" in script.text
        ):
            yield script.problem(want.node, "script-import", _no_file(scripts, script, want.source, target))


FUNCTION: Final = frozenset("call apply bind then default prototype name length".split())


def _no_file(scripts: Scripts, script: Script, source: str, target: str) -> str:
    folder = posixpath.dirname(script.path) or "."
    there = scripts.project.listing.get(posixpath.dirname(target), ())
    shown = (posixpath.relpath(each, folder) for each in there if each != script.path)
    names = (each if each.startswith("..") else f"./{each}" for each in shown)
    return f"there is no file `{source}`" + instead(source, names, "there is")


def local_exports(_: Scripts, script: Script) -> Iterator[Problem]:
    """A name is exported that the file does not define."""
    names: list[Node] = []
    for node in script.found.get("export", ()):
        clauses = [each for each in node.named_children if each.type == "export_clause"]
        if node.child_by_field_name("source") is None:
            parts = (each for clause in clauses for each in clause.named_children)
            names += [each for part in parts if (each := part.child_by_field_name("name"))]
    for node in names if not OPEN.search(script.text) else ():
        name = script.names.text(node)
        if not script.names.defined(node) and not known_names("javascript", "names").has(name):
            message = f"`{name}` is exported, and not defined"
            message += instead(name, script.names.tops, "defined here")
            yield script.problem(node, "script-import", message)


def undefined(scripts: Scripts, script: Script) -> Iterator[Problem]:
    """A name is used that no script defines."""
    sent = "new Worker(" in script.text and "createObjectURL" in script.text  # functions as texts see other names
    if sent or OPEN.search(script.text) or "with" in script.found:
        return
    visible, certain = _visible(scripts, script)
    visible |= scripts.web.ambient
    if script.language != "javascript" and not script.is_module:
        visible |= scripts.web.tops  # compiled into one script
    is_template = script.start > 0 and re.search(r"\{\{|\{%|<[%?]", script.text) is not None
    for node in script.undefined:
        name = script.names.text(node)
        if name in visible or name in script.made or _is_global(script, name):
            continue
        called = node.parent is not None and node.parent.type == "call_expression"
        if not _is_use(script, node, name) or (is_template and not called):
            continue
        there = {*script.names.definitions, *visible}
        if certain or is_slip(name, there):
            message = f"`{name}` is {'called' if called else 'used'}, and not defined"
            yield script.problem(node, "script-name", message + instead(name, there, "there is"))


def _is_global(script: Script, name: str) -> bool:
    """Return whether a name is there in any script, or in a script of this kind."""
    if known_names("javascript", "names").has(name):
        return True
    if is_test(script.path) and known_names("javascript", "testing").has(name):
        return True
    return not (script.is_for_node or script.path.endswith(".mjs")) and known_names("javascript", "window").has(name)


def _is_use(script: Script, node: "Node", name: str) -> bool:
    """Return whether a script fails at a name that nothing defines."""
    parent = node.parent
    if parent is None or parent.type in NO_USE or name[0] in "$_":
        return False
    if parent.type.endswith("_parameter") and parent.parent is not None and parent.parent.type == "tuple_type":
        return False  # the label of a part
    if parent.type.startswith("jsx_") and name[0].islower() and parent.type != "jsx_expression":
        return False  # an element of HTML
    return name not in script.asked


def types(scripts: Scripts, script: Script) -> Iterator[Problem]:
    """A type is used that nothing defines."""
    if scripts.declares:
        return
    for node in script.found.get("typed", ()):
        name = script.names.text(node)
        qualified = node.parent is not None and node.parent.type == "nested_type_identifier"
        known = known_names("javascript", "types").has(name) or known_names("javascript").has(name)
        if qualified or known or script.names.defined(node):
            continue
        if name in scripts.web.tops or is_slip(name, set(script.names.definitions)):
            there = scripts.web.tops | script.names.definitions.keys()
            message = f"the type `{name}` is used, and not defined" + instead(name, there, "there is")
            yield script.problem(node, "script-name", message)


SHORT: Final = 5
ALIKE: Final = 0.85


def is_slip(name: str, there: Iterable[str]) -> bool:
    """Return whether a name can only be a misspelling of one that exists."""
    likest = nearest(name, there)[:1]
    return len(name) >= SHORT and any(
        SequenceMatcher(None, name, each).ratio() >= ALIKE and len(each) >= SHORT for each in likest
    )


def _visible(scripts: Scripts, script: Script) -> tuple[frozenset[str], bool]:
    """Return the names of other scripts that a script sees, and whether these are all."""
    web = scripts.web
    pages = [script.source] if script.source in web.pages else web.loaders.get(script.path, [])
    names: frozenset[str] = frozenset()
    certain = True
    for page in pages:
        around = web.surroundings(page)
        certain = certain and around.libraries is not None and not around.is_open
        names |= around.plain | page.ids | (around.libraries or frozenset())
    if pages:
        return names, certain
    closed = script.is_module or script.is_for_node
    made = MADE.search(scripts.configuration) or (script.language != "javascript" and scripts.declares)
    return web.attached, bool(closed and not made)


def is_test(path: str) -> bool:
    """Return whether a script is run by a runner of tests."""
    return bool(TESTS.intersection(path.split("/")[:-1])) or TESTING.search(path) is not None


def packages(scripts: Scripts, script: Script) -> Iterator[Problem]:
    """A package is imported that no package.json names."""
    known = node_dependencies(scripts.project, script.path)
    folders = script.path.split("/")[:-1]
    template = any(each.startswith("template") for each in folders)
    if known is None or template or SIDE.intersection(folders) or script.start:
        return
    if is_test(script.path) and not known.develops:
        return
    for want in wanted(script):
        name = _package(want)
        if name and f"@types/{name}" in known.names and not _is_run(script, want):
            continue
        if name and name not in known.names and not _is_local(scripts, script, name):
            message = f"`{name}` is imported, and `{known.file}` does not name it"
            yield script.problem(want.node, "script-dependency", message)


def _package(want: Wanted) -> str | None:
    """Return the package that an import needs when it runs; None for Node's own and for files."""
    named = re.match(r"((?:@[\w.-]+/)?[a-zA-Z][\w.-]*)(?:/|$)", want.source)
    if want.optional or want.types or "!" in want.source or named is None:
        return None
    return None if named[1] in NODE else named[1]


def _is_run(script: Script, want: Wanted) -> bool:
    """Return whether a script uses what it imports when it runs, and not as types only."""
    if script.language == "javascript" or want.common:
        return True
    statement = want.node.parent
    start, end = (statement.start_byte, statement.end_byte) if statement is not None else (0, 0)
    places = script.names.tops.items()
    names = {name for name, nodes in places if any(start <= node.start_byte < end for node in nodes)}
    used = (node for node in script.found.get("reference", ()) if not start <= node.start_byte < end)
    return any(script.names.text(node) in names and node.parent and node.parent.type not in NO_USE for node in used)


def _is_local(scripts: Scripts, script: Script, name: str) -> bool:
    """Return whether a package's name may mean a folder of the project, by its place or its configuration."""
    first = name.partition("/")[0]
    if any(posixpath.join(each, first) in scripts.project.folders for each in above(script.path)):
        return True
    alias = rf"(?<![\w@/.-]){re.escape(first)}(?:/\*|\$|/)?[\"']?\s*:"
    based = "baseUrl" in scripts.configuration and first in scripts.project.stems
    return based or re.search(alias, scripts.configuration) is not None


RULES: Final = {
    "script-import": (imports, local_exports), "script-name": (undefined, types), "script-dependency": (packages,),
}  # fmt: skip

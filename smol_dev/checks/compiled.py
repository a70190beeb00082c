"""Go and Rust: the packages, modules and names that files of a project use of each other."""

import posixpath
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from tree_sitter import Query, QueryCursor

from smol_dev.checks.dependencies import table
from smol_dev.checks.project import Problem, Project, above, instead
from smol_dev.checks.web import Source
from smol_dev.languages import grammar, language_of, tree

if TYPE_CHECKING:
    from tree_sitter import Node

GO: Final = """
(import_spec) @import
(source_file (function_declaration name: (_) @top))
(source_file (type_declaration [(type_spec name: (_) @top) (type_alias name: (_) @top)]))
(source_file (const_declaration (const_spec name: (_) @top)))
(source_file (var_declaration [(var_spec name: (_) @top) (var_spec_list (var_spec name: (_) @top))]))
(selector_expression operand: (identifier) field: (_) @member)
(qualified_type package: (_) name: (_) @member)
(call_expression function: (identifier) @call)
[(parameter_declaration name: (_) @local) (var_spec name: (_) @local) (const_spec name: (_) @local)]
[(variadic_parameter_declaration name: (_) @local) (type_parameter_declaration name: (_) @local) (type_spec name: (_) @local)]
(short_var_declaration left: (expression_list (identifier) @local))
(range_clause left: (expression_list (identifier) @local))
(receive_statement left: (expression_list (identifier) @local))
(type_switch_statement alias: (expression_list (identifier) @local))
"""
RUST: Final = "(source_file (mod_item !body name: (_) @mod)) (source_file (use_declaration argument: (_) @use))"

GO_BUILTIN: Final = frozenset(
    "append cap clear close complex copy delete imag len make max min new panic print println real recover bool byte"
    " complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune string uint uint8 uint16 uint32 uint64"
    " uintptr any".split()
)
GO_LIBRARY: Final = frozenset(
    "bufio bytes context csv errors exec filepath fmt http io json log math os rand regexp sort strconv strings sync time".split()
)
"""The packages of Go's library whose names nothing else has in a file that does not declare them."""

GO_ASIDE: Final = re.compile(
    r"^//[ \t]*\+?(?:go:)?build |^import \"C\"|^[ \t]+\"C\"$|^[ \t]*(?:import )?\. \"", re.MULTILINE
)
"""What a file says that is built in some places only, or whose names come from elsewhere."""

MOST_NAMES: Final = 100
RUST_PATHS: Final = frozenset("std core alloc crate self super proc_macro test".split())
RUST_OPEN: Final = re.compile(r"macro_rules!|\binclude!|::\*|^[ \t]*[a-z_]+![ \t]*[{(]|#\[cfg", re.MULTILINE)
"""What a module says that may hold names nobody reads in it."""


def text_of(node: "Node") -> str:
    """Return the text of a node."""
    return (node.text or b"").decode()


@dataclass(frozen=True)
class Unit:
    """A file of Go or Rust, and what its syntax tree says."""

    source: Source
    found: "dict[str, list[Node]]"

    def words(self, *kinds: str) -> frozenset[str]:
        """The texts of the nodes of some kinds."""
        return frozenset(text_of(node) for kind in kinds for node in self.found.get(kind, ()))


class Compiled:
    """The files of Go and Rust in a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.units: list[tuple[str, Unit]] = []
        for path, text in project.files.items():
            language = language_of(path)
            pattern = {"go": GO, "rust": RUST}.get(language or "")
            parsed = tree(language or "", text) if pattern else None
            if pattern and language and parsed is not None and not parsed.root_node.has_error:
                found = QueryCursor(Query(grammar(language), pattern)).captures(parsed.root_node)
                self.units.append((language, Unit(Source(path, text), found)))

    @cached_property
    def packages(self) -> dict[str, frozenset[str] | None]:
        """The names that the files of Go in each folder define; None where they cannot all be read."""
        found: dict[str, frozenset[str] | None] = {}
        read = {unit.source.path: unit for language, unit in self.units if language == "go"}
        for path in self.project.paths:
            if path.endswith((".go", ".s", ".c")):
                folder, unit = posixpath.dirname(path), read.get(path)
                before = found.get(folder, frozenset())
                is_open = unit is None or before is None or GO_ASIDE.search(unit.source.text)
                found[folder] = None if is_open or unit is None or before is None else before | unit.words("top")
        return found

    def manifest(self, path: str, name: str) -> tuple[str, str] | None:
        """The nearest manifest of this name above a file: its folder, and its text."""
        for folder in above(path):
            if (text := self.project.files.get(posixpath.join(folder, name))) is not None:
                return folder, text
        return None


def go_names(compiled: Compiled, entry: tuple[str, Unit]) -> Iterator[Problem]:
    """A package of the project, or a name in one, is used in Go that is not there."""
    language, unit = entry
    source = unit.source
    known = compiled.manifest(source.path, "go.mod") if language == "go" else None
    module = re.search(r"^module\s+\"?([\w./~-]+)", known[1], re.MULTILINE) if known else None
    left_out = source.path.startswith("_") or "/_" in source.path
    if (
        known is None
        or module is None
        or left_out
        or GO_ASIDE.search(source.text)
        or "go.work" in compiled.project.names
    ):
        return
    shadowed = unit.words("local", "top")
    imported: dict[str, str] = {}
    for node in unit.found.get("import", ()):
        path, alias = node.child_by_field_name("path"), node.child_by_field_name("name")
        wanted = text_of(path)[1:-1] if path is not None else ""
        name = text_of(alias) if alias is not None else wanted.rpartition("/")[2]
        imported[name] = wanted
        if wanted.startswith(f"{module[1]}/"):
            folder = posixpath.join(known[0], wanted[len(module[1]) + 1 :])
            names = compiled.packages.get(folder)
            if not compiled.project.exists(folder):
                yield source.problem(node.start_byte, "compiled-import", _no_package(compiled, module[1], wanted))
            elif names is not None and name not in shadowed:
                yield from _go_members(unit, name, folder, names)
        elif "." in wanted.partition("/")[0] and wanted != module[1] and not _is_required(known[1], wanted):
            message = f"`{wanted}` is imported, and `{posixpath.join(known[0], 'go.mod')}` does not name it"
            yield source.problem(node.start_byte, "compiled-import", message)
    yield from _go_undefined(compiled, unit, imported)


def _no_package(compiled: Compiled, module: str, wanted: str) -> str:
    there = (f"{module}/{folder}" for folder in compiled.packages if folder)
    return f"there is no package `{wanted}`" + instead(wanted, there, "there is")


def _is_required(manifest: str, wanted: str) -> bool:
    return any(
        wanted == each or wanted.startswith(f"{each}/")
        for each in re.findall(r"(?<![\w.-])[\w-]++(?:\.[\w-]++)++/[\w./~-]++", manifest)
    )


def _go_members(unit: Unit, name: str, folder: str, names: frozenset[str]) -> Iterator[Problem]:
    for node in unit.found.get("member", ()):
        owner, member = node.prev_named_sibling, text_of(node)
        if owner is not None and text_of(owner) == name and member not in names:
            message = f"the package `{folder}` does not define `{member}`" + instead(member, names, "it defines")
            yield unit.source.problem(node.start_byte, "compiled-import", message)


def _go_undefined(compiled: Compiled, unit: Unit, imported: dict[str, str]) -> Iterator[Problem]:
    tops = compiled.packages.get(posixpath.dirname(unit.source.path))
    if tops is None:
        return
    known = GO_BUILTIN | tops | unit.words("local")
    for node in unit.found.get("call", ()):
        if (name := text_of(node)) not in known:
            message = f"`{name}` is called, and not defined" + instead(name, known - GO_BUILTIN, "there is")
            yield unit.source.problem(node.start_byte, "compiled-import", message)
    for node in unit.found.get("member", ()):
        owner = node.prev_named_sibling
        name = text_of(owner) if owner is not None else ""
        if (
            name in GO_LIBRARY
            and name not in known
            and not any(name in each for each in (*imported, *imported.values()))
        ):
            yield unit.source.problem(node.start_byte, "compiled-import", f"`{name}` is used, and not imported")


def rust_modules(compiled: Compiled, entry: tuple[str, Unit]) -> Iterator[Problem]:
    """A module of the crate, a name in one, or a crate is used in Rust that is not there."""
    language, unit = entry
    path = unit.source.path
    known = compiled.manifest(path, "Cargo.toml") if language == "rust" else None
    if known is None or not path.startswith(posixpath.join(known[0], "src/")):
        return
    folder, stem = posixpath.dirname(path), posixpath.basename(path).removesuffix(".rs")
    is_root = stem in {"main", "lib", "mod"} or posixpath.basename(folder) == "bin"
    inner = folder if is_root else posixpath.join(folder, stem)
    for node in unit.found.get("mod", ()):
        item, name = node.parent, text_of(node)
        before = item.prev_named_sibling if item is not None else None
        while before is not None and before.type.endswith("comment"):
            before = before.prev_named_sibling
        attributed = before is not None and before.type.endswith("attribute_item")
        if not attributed and _rust_file(compiled.project, posixpath.join(inner, name)) is None:
            message = f"there is no file `{posixpath.join(inner, name)}.rs` for the module `{name}`"
            yield unit.source.problem(node.start_byte, "compiled-import", message)
    yield from _rust_uses(compiled.project, unit, *known)


def _rust_uses(project: Project, unit: Unit, folder: str, manifest: str) -> Iterator[Problem]:
    root = posixpath.join(folder, "src")
    crates = _crates(manifest)
    uses = [(node, parts) for node in unit.found.get("use", ()) for parts in _expanded(text_of(node))[:MOST_NAMES]]
    names = {parts[-1] for _, parts in uses}
    for node, parts in uses:
        if "*" not in parts and "self" not in parts:
            if parts[0] == "crate":
                yield from _rust_use(project, unit, node, root, parts[1:])
            elif crates is not None and _is_foreign(unit, parts[0]) and not {parts[0]} & (crates | names):
                message = f"`{parts[0]}` is used, and `{posixpath.join(folder, 'Cargo.toml')}` does not name it"
                yield unit.source.problem(node.start_byte, "compiled-import", message)


def _is_foreign(unit: Unit, name: str) -> bool:
    """Whether a path begins with what can only be the name of another crate."""
    mentioned = re.search(
        rf"\b(?:mod|extern crate|enum|as|crate::|self::|super::)\s*{re.escape(name)}\b", unit.source.text
    )
    return name.islower() and name not in RUST_PATHS and mentioned is None and "::*" not in unit.source.text


def _crates(manifest: str) -> frozenset[str] | None:
    """The names of the crates that a manifest names; None for one that cannot be read, or of old."""
    try:
        document = tomllib.loads(manifest)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    if "edition" not in table(document.get("package")) or "workspace" in document:
        return None
    tables = [document, *table(document.get("target")).values()]
    kinds = ("dependencies", "dev-dependencies", "build-dependencies")
    names = {name for each in tables for kind in kinds for name in table(table(each).get(kind))}
    names |= {str(table(document["package"]).get("name")), str(table(document.get("lib")).get("name"))}
    return frozenset(name.replace("-", "_") for name in names)


def _rust_file(project: Project, base: str) -> str | None:
    return next((file for file in (f"{base}.rs", f"{base}/mod.rs") if file in project.paths), None)


def _expanded(text: str) -> list[list[str]]:
    """The paths of a `use`, part by part, with what is in braces written out one by one."""
    found: list[list[str]] = []
    prefix = ""
    stack: list[str] = []
    for word in re.findall(r"[{},]|[^{},]+", text):
        if word == "{":
            stack.append(prefix)
        elif word in {"}", ","}:
            prefix = (stack.pop() if stack else "") if word == "}" else (stack[-1] if stack else "")
        else:
            prefix += " ".join(word.split())
            if not prefix.endswith("::"):
                found.append(re.sub(r" as \w+$", "", prefix).split("::"))
    return found or [[""]]


def _rust_use(project: Project, unit: Unit, node: "Node", root: str, parts: list[str]) -> Iterator[Problem]:
    """A problem where the file of a module does not even hold the word that is imported from it."""
    base, file = root, None
    for at, part in enumerate(parts):
        inner = _rust_file(project, posixpath.join(base, part))
        if inner is None:
            text = project.files.get(file or "")
            if text is not None and not RUST_OPEN.search(text) and not re.search(rf"\b{re.escape(part)}\b", text):
                message = f"`crate::{'::'.join(parts[:at])}` ({file}) does not define `{part}`"
                yield unit.source.problem(node.start_byte, "compiled-import", message)
            return
        base, file = posixpath.join(base, part), inner


RULES: Final = {"compiled-import": (go_names, rust_modules)}

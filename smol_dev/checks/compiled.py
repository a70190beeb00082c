"""Go, Rust and Java: the packages, names and members that the files of a project use of each other."""

import posixpath
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from smol_dev.checks.dependencies import table
from smol_dev.checks.project import Problem, Project, above, instead
from smol_dev.checks.web import Source
from smol_dev.languages import language_of, tree
from smol_dev.languages.scopes import WHOLE, Names, known_names

if TYPE_CHECKING:
    from tree_sitter import Node

LANGUAGES: Final = ("go", "rust", "java")


class Unit(Source):
    """A file of a compiled language, and what its syntax tree says."""

    def __init__(self, path: str, text: str, language: str, root: "Node") -> None:
        super().__init__(path, text)
        self.language = language
        self.folder = posixpath.dirname(path)
        self.names = Names(language, root, self.data)
        self.found = self.names.found

    def lacks(self, node: "Node", message: str, there: Iterable[str] = ()) -> Problem:
        """Return the problem at a node, with what is there instead."""
        message += instead(self.names.text(node), there, "there is")
        return self.problem(node.start_byte, "compiled-name", message)


@dataclass
class Type:
    """A type of a project: its members, the types that it has those of as well, and the nodes that define it."""

    members: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    is_open: bool = False


class Compiled:
    """The files of Go, Rust and Java in a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.units: list[Unit] = []
        self.unread: set[str] = set()
        for path, text in project.files.items():
            language = language_of(path)
            if language in LANGUAGES:
                parsed = tree(language, text)
                if parsed is None or parsed.root_node.has_error:
                    self.unread.add(path)
                else:
                    self.units.append(Unit(path, text, language, parsed.root_node))

    def of(self, language: str) -> list[Unit]:
        """Return the files of a language."""
        return [unit for unit in self.units if unit.language == language]

    def manifest(self, path: str, name: str) -> tuple[str, str] | None:
        """The nearest manifest of this name above a file: its folder, and its text."""
        for folder in above(path):
            if (text := self.project.files.get(posixpath.join(folder, name))) is not None:
                return folder, text
        return None

    @cached_property
    def go(self) -> "Mapping[str, Package]":
        """The packages of Go, by their folder."""
        found: dict[str, Package] = {}
        for unit in self.of("go"):
            found.setdefault(unit.folder, Package()).add(unit)
        for path in self.project.paths:
            if path.endswith((".s", ".c", ".h")) or path in self.unread:
                found.setdefault(posixpath.dirname(path), Package()).is_open = True
        return found

    @cached_property
    def rust(self) -> Mapping[str, Type]:
        """The types of Rust by their name; one with members from elsewhere is open."""
        found: dict[str, Type] = {}
        for unit in self.of("rust"):
            bodies, members, _ = unit.names.types
            for number, body in enumerate(bodies.nodes):
                before = body.prev_named_sibling
                text = unit.names.text(body.child_by_field_name("type") or body.child_by_field_name("name"))
                type_ = found.setdefault(re.sub(r"<.*", "", text, flags=re.DOTALL).rpartition("::")[2], Type())
                type_.kinds.add(body.type)
                type_.members |= members[number].keys()
                trait = unit.names.text(body.child_by_field_name("trait")) if body.type == "impl_item" else ""
                type_.is_open |= bool(trait) and re.sub(r"<.*", "", trait).rpartition("::")[2] not in USUAL
                type_.is_open |= (
                    before is not None and before.type == "attribute_item" and _is_made(unit.names.text(before))
                )
                type_.is_open |= "macro_invocation" in {each.type for each in body.named_children}
        return found

    @cached_property
    def rust_functions(self) -> frozenset[str]:
        """The names of all functions of Rust, also of those that macros hold."""
        texts = (text for path, text in self.project.files.items() if path.endswith(".rs"))
        return frozenset(name for text in texts for name in re.findall(r"\bfn (\w+)", text))

    @cached_property
    def rust_defined(self) -> frozenset[str]:
        """The names that any file of Rust defines."""
        return frozenset(name for unit in self.of("rust") for name in unit.names.definitions)

    @cached_property
    def java(self) -> "Mapping[str, tuple[str, Type]]":
        """The types of Java by their name, each with its package; one that is there twice is open."""
        found: dict[str, tuple[str, Type]] = {}
        for unit in self.of("java"):
            package = next(iter(unit.names.texts("package")), "")
            for name, type_ in java_types(unit):
                type_.is_open |= name in found
                found[name] = (package, type_)
        return found

    @cached_property
    def java_packages(self) -> Mapping[str, frozenset[str]]:
        """The packages of Java, each with the names of its files and folders."""
        found: dict[str, set[str]] = {}
        for unit in self.of("java"):
            package = next(iter(unit.names.texts("package")), "")
            found.setdefault(package, set()).update(name for name, _ in java_types(unit))
        for path in self.unread:
            for names in found.values():
                names.add(posixpath.basename(path).removesuffix(".java"))
        return {package: frozenset(names) for package, names in found.items()}


GO_OPEN: Final = re.compile(
    r"^//go:build ignore|^// \+build ignore|^import \"C\"|^[ \t]+\"C\"$|^[ \t]*(?:import )?\. \"|^//go:generate",
    re.MULTILINE,
)
"""What a file of Go says whose names come from elsewhere."""


class Package:
    """A package of Go: the names that it defines, and its types."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.types: dict[str, Type] = {}
        self.results: dict[str, str] = {}
        self.is_open = False

    def add(self, unit: Unit) -> None:
        """Take in what a file of the package defines."""
        names = unit.names
        self.names |= names.tops.keys()
        self.is_open = self.is_open or (GO_OPEN.search(unit.text) is not None and "build ignore" not in unit.text)
        bodies = names.types[0]
        for name, places in names.tops.items():
            for node in places:
                kind = node.parent.type if node.parent is not None else ""
                if kind == "type_spec" and node.parent is not None:
                    self._add_type(unit, name, node.parent.child_by_field_name("type"))
                elif kind == "type_alias":
                    self.types.setdefault(name, Type()).is_open = True
                elif kind == "function_declaration" and node.parent is not None:
                    result = node.parent.child_by_field_name("result")
                    self.results[name] = go_type(names.text(result))
        for node in names.found.get("method", ()):
            receiver = re.sub(r"\[.*", "", names.text(node.child_by_field_name("receiver")).strip("() \n"))
            owner = self.types.setdefault(receiver.split(" ")[-1].lstrip("*"), Type())
            owner.members.add(names.text(node.child_by_field_name("name")))
        for node in names.found.get("embedded", ()):
            self._embed(unit, bodies.at(node.start_byte), names.text(node))

    def _add_type(self, unit: Unit, name: str, body: "Node | None") -> None:
        type_ = self.types.setdefault(name, Type())
        members = unit.names.members(body) if body is not None else None
        type_.kinds.add(body.type if body is not None else "")
        if body is not None and body.type in {"struct_type", "interface_type"}:
            type_.is_open |= members is None
            type_.members |= set(members or ())
        elif body is None or body.type in {"type_identifier", "qualified_type", "generic_type", "pointer_type"}:
            type_.is_open = True

    def _embed(self, unit: Unit, body: int, text: str) -> None:
        node = unit.names.types[0].nodes[body].parent if body >= 0 else None
        owner = self.types.get(unit.names.text(node.child_by_field_name("name")) if node is not None else "")
        if owner is not None:
            name = re.sub(r"\[.*", "", text.lstrip("*"))
            owner.members.add(name.rpartition(".")[2])
            owner.bases.add(name)

    def members(self, name: str, seen: frozenset[str] = frozenset()) -> frozenset[str] | None:
        """Return the members of a type; None where it may have others."""
        type_ = self.types.get(name)
        if type_ is None or type_.is_open or name in seen or self.is_open:
            return None
        found = frozenset(type_.members)
        for base in type_.bases:
            inner = self.members(base, seen | {name})
            if inner is None:
                return None
            found |= inner
        return found


def go_type(text: str) -> str:
    """Return the name of the type that a text of Go begins with; empty for any other text."""
    found = re.match(r"\(?(?:\w+ )?\*?((?:\w+\.)?\w+)(?=[,){\s]|$)", text)
    return found[1] if found else ""


def go_names(compiled: Compiled, unit: Unit) -> Iterator[Problem]:
    """A package, a module, a name or a member is used in Go, Rust or Java that is not there."""
    known = compiled.manifest(unit.path, "go.mod") if unit.language == "go" else None
    module = re.search(r"^module\s+\"?([\w./~-]+)", known[1], re.MULTILINE) if known else None
    aside = unit.path.startswith("_") or "/_" in unit.path or GO_OPEN.search(unit.text) is not None
    if known is None or module is None or aside or "go.work" in compiled.project.names:
        return
    imported: dict[str, str] = {}
    for node in unit.found.get("import", ()):
        wanted = unit.names.text(node.child_by_field_name("path"))[1:-1]
        imported[unit.names.text(node.child_by_field_name("name")) or wanted.rpartition("/")[2]] = wanted
        inside = wanted == module[1] or wanted.startswith(f"{module[1]}/")
        folder = posixpath.join(known[0], wanted[len(module[1]) + 1 :]).rstrip("/")
        if inside and not compiled.project.exists(folder) and folder:
            there = (f"{module[1]}/{each}" for each in compiled.go if each)
            message = f"there is no package `{wanted}`" + instead(wanted, there, "there is")
            yield unit.problem(node.start_byte, "compiled-name", message)
        elif not inside and "." in wanted.partition("/")[0] and not _is_required(known[1], wanted):
            message = f"`{wanted}` is imported, and `{posixpath.join(known[0], 'go.mod')}` does not name it"
            yield unit.problem(node.start_byte, "compiled-name", message)
    folders = {
        name: posixpath.join(known[0], wanted[len(module[1]) + 1 :]).rstrip("/")
        for name, wanted in imported.items()
        if wanted == module[1] or wanted.startswith(f"{module[1]}/")
    }
    for name, folder in tuple(folders.items()):
        clause = next((each.text for each in compiled.of("go") if each.folder == folder), "")
        said = re.search(r"^package (\w+)", clause, re.MULTILINE)
        if said and name == imported[name].rpartition("/")[2] and said[1] != name:
            folders[said[1]] = folders.pop(name)
    yield from _go_undefined(compiled, unit, imported, folders)
    yield from _go_members(compiled, unit, folders)


def _is_required(manifest: str, wanted: str) -> bool:
    return any(
        wanted == each or wanted.startswith(f"{each}/")
        for each in re.findall(r"(?<![\w.-])[\w-]++(?:\.[\w-]++)++/[\w./~-]++", manifest)
    )


def _go_undefined(
    compiled: Compiled, unit: Unit, imported: Mapping[str, str], folders: Mapping[str, str]
) -> Iterator[Problem]:
    package = compiled.go[unit.folder]
    if package.is_open:
        return
    keys = {node.id for node in unit.found.get("key", ())}
    words = re.sub(r"[-_.]", "", " ".join([*imported, *imported.values()]))
    for node in unit.found.get("reference", ()):
        name = unit.names.text(node)
        known = name in package.names or known_names("go").has(name) or name in imported or name in folders
        if known or node.id in keys or unit.names.defined(node):
            continue
        parent = node.parent
        if parent is not None and parent.type in {"qualified_type", "label_name", "labeled_statement"}:
            continue
        if (
            parent is not None
            and parent.type == "selector_expression"
            and parent.child_by_field_name("operand") == node
        ):
            if name.replace("_", "") not in words:
                yield unit.lacks(node, f"`{name}` is used, and neither defined nor imported")
            continue
        use = "called" if parent is not None and parent.type == "call_expression" else "used"
        there = package.names | unit.names.definitions.keys()
        yield unit.lacks(node, f"`{name}` is {use}, and not defined", there)


def _go_members(compiled: Compiled, unit: Unit, folders: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is used of a package, or of a value whose type is certain, and is not there."""
    for node in unit.found.get("member", ()):
        owner, name = node.prev_named_sibling, unit.names.text(node)
        text = unit.names.text(owner)
        is_type = node.parent is not None and node.parent.type == "qualified_type"
        places = unit.names.defined(owner) if owner is not None and not is_type else []
        if owner is not None and not places and text not in compiled.go[unit.folder].names and text in folders:
            package = compiled.go.get(folders[text])
            if package is not None and not package.is_open and name not in package.names:
                there = [each for each in package.names if each[0].isupper()]
                shown = folders[text] or text
                yield unit.lacks(node, f"the package `{shown}` does not define `{name}`", there)
            continue
        kinds = {_go_kind(compiled, unit, place) for place in places}
        kind = kinds.pop() if len(kinds) == 1 else ""
        inner = unit.names.definitions.get(kind, {WHOLE: []}).keys() != {WHOLE}
        package = compiled.go.get(folders.get(kind.partition(".")[0], "?") if "." in kind else unit.folder)
        package = None if inner else package
        members = package.members(kind.rpartition(".")[2]) if package is not None and kind else None
        if members is not None and name not in members:
            yield unit.lacks(node, f"`{text}` is a `{kind}`, which has no `{name}`", members)
    for node in unit.found.get("key", ()):
        literal = (
            node.parent.parent.parent.parent
            if node.parent and node.parent.parent and node.parent.parent.parent
            else None
        )
        kind = unit.names.text(literal.child_by_field_name("type")) if literal is not None else ""
        type_ = compiled.go[unit.folder].types.get(kind)
        inner = unit.names.definitions.get(kind, {WHOLE: []}).keys() != {WHOLE}
        members = (
            compiled.go[unit.folder].members(kind) if type_ and type_.kinds == {"struct_type"} and not inner else None
        )
        if members is not None and unit.names.text(node) not in members:
            yield unit.lacks(node, f"a `{kind}` has no `{unit.names.text(node)}`", members)


def _go_kind(compiled: Compiled, unit: Unit, node: "Node") -> str:
    """Return the type of what is defined at a node; empty where it is not certain."""
    parent = node.parent
    if parent is None:
        return ""
    if parent.type in {"parameter_declaration", "var_spec"}:
        declared = parent.child_by_field_name("type")
        simple = declared is not None and declared.type in {"pointer_type", "type_identifier", "qualified_type"}
        return go_type(unit.names.text(declared)) if simple else ""
    around = parent.parent
    if parent.type != "expression_list" or around is None or around.type != "short_var_declaration":
        return ""
    left, right = parent.named_children, around.child_by_field_name("right")
    values = right.named_children if right is not None else []
    if len(values) == len(left):
        value = values[left.index(node)]
    elif len(values) == 1 and left[0] == node:
        value = values[0]
    else:
        return ""
    made = value.child_by_field_name("operand") if value.type == "unary_expression" else value
    if made is not None and made.type == "composite_literal":
        return go_type(unit.names.text(made.child_by_field_name("type")))
    called = value.child_by_field_name("function") if value.type == "call_expression" else None
    return compiled.go[unit.folder].results.get(unit.names.text(called), "") if called is not None else ""


def _is_made(attribute: str) -> bool:
    """Return whether an attribute derives members that nobody reads."""
    derived = re.search(r"\bderive\(([^()]*)\)", attribute)
    return derived is None or not USUAL.issuperset(re.findall(r"(\w+)\s*(?:,|$)", derived[1]))


USUAL: Final = frozenset(
    "Debug Display Default Clone Copy PartialEq Eq PartialOrd Ord Hash From Into TryFrom TryInto FromStr AsRef AsMut Drop"
    " Error Add Sub Mul Div Neg Not Index IndexMut Serialize Deserialize Send Sync Borrow ToString".split()
)
"""The traits of Rust whose members are known."""

RUST_PATHS: Final = frozenset("std core alloc crate self super proc_macro test Self".split())
RUST_OPEN: Final = re.compile(r"macro_rules!|\binclude!|^[a-z_:]+![ \t]*[{(\[]", re.MULTILINE)
"""What a module says that may hold names nobody reads in it."""

MOST_NAMES: Final = 100


def rust_modules(compiled: Compiled, unit: Unit) -> Iterator[Problem]:
    """A module of the crate, a name in one, or a crate is used that is not there."""
    known = compiled.manifest(unit.path, "Cargo.toml") if unit.language == "rust" else None
    if known is None or not unit.path.startswith(posixpath.join(known[0], "src/")):
        return
    inner = _rust_folder(unit.path)
    for node in unit.found.get("mod", ()):
        item, name = node.parent, unit.names.text(node).removeprefix("r#")
        before = item.prev_named_sibling if item is not None else None
        while before is not None and before.type.endswith("comment"):
            before = before.prev_named_sibling
        attributed = before is not None and before.type.endswith("attribute_item")
        if not attributed and _rust_file(compiled.project, posixpath.join(inner, name)) is None:
            message = f"there is no file `{posixpath.join(inner, name)}.rs` for the module `{name}`"
            yield unit.problem(node.start_byte, "compiled-name", message)
    yield from _rust_uses(compiled, unit, *known)


def _rust_folder(path: str) -> str:
    """Return the folder in which the modules of a file are."""
    folder, stem = posixpath.dirname(path), posixpath.basename(path).removesuffix(".rs")
    is_root = stem in {"main", "lib", "mod"} or posixpath.basename(folder) == "bin"
    return folder if is_root else posixpath.join(folder, stem)


def _rust_uses(compiled: Compiled, unit: Unit, folder: str, manifest: str) -> Iterator[Problem]:
    root = posixpath.join(folder, "src")
    crates = _crates(manifest)
    uses = [(node, p) for node in unit.found.get("use", ()) for p in _expanded(unit.names.text(node))[:MOST_NAMES]]
    names = {parts[-1] for _, parts in uses}
    inner = _rust_folder(unit.path)
    mods = {unit.names.text(node) for node in unit.found.get("mod", ())}
    starts = {name: posixpath.join(inner, name) for name in mods} | {"crate": root, "self": inner}
    if inner != root:
        starts["super"] = posixpath.dirname(inner)
    paths = [(node, unit.names.text(node).split("::")) for node in unit.found.get("path", ())]
    for node, parts in (*uses, *paths):
        is_use = node.parent is not None and node.parent.type == "use_declaration"
        within = _is_inside(node)
        start = starts.get(parts[0]) if not within or parts[0] == "crate" else None
        if start is not None:
            yield from _rust_use(compiled, unit, node, start, parts)
        foreign = is_use and not within and not {"*", "self"} & set(parts) and _is_foreign(unit, parts[0])
        if foreign and crates is not None and parts[0] not in crates | names | starts.keys():
            message = f"`{parts[0]}` is used, and `{posixpath.join(folder, 'Cargo.toml')}` does not name it"
            yield unit.problem(node.start_byte, "compiled-name", message)


def _is_inside(node: "Node") -> bool:
    """Return whether a node is in a function, or in a module that is written within its file."""
    up, depth = node.parent, 0
    while up is not None and depth < MOST_NAMES:
        if up.type in {"mod_item", "function_item"}:
            return True
        up, depth = up.parent, depth + 1
    return up is not None


def _is_foreign(unit: Unit, name: str) -> bool:
    """Whether a path begins with what can only be the name of another crate."""
    mentioned = re.search(rf"\b(?:mod|extern crate|enum|as|crate::|self::|super::)\s*{re.escape(name)}\b", unit.text)
    return name.islower() and name not in RUST_PATHS and mentioned is None and "::*" not in unit.text


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


def _rust_use(compiled: Compiled, unit: Unit, node: "Node", base: str, path: list[str]) -> Iterator[Problem]:
    """Yield a problem where the file of a module does not even hold the word that is used of it."""
    project = compiled.project
    roots = {f"{base}/main.rs", f"{base}/lib.rs", f"{base}.rs"}
    places = [file for file in (*sorted(roots), f"{base}/mod.rs") if file in project.files]
    file, texts = next(iter(places), base), [project.files[each] for each in places]
    for at, part in enumerate(path[1:], 1):
        if part in {"*", "self", "super"} or not re.fullmatch(r"(?:r#)?\w+", part):
            return
        inner = _rust_file(project, posixpath.join(base, part))
        if inner is None:
            is_open = not texts or any(RUST_OPEN.search(text) for text in texts)
            plain = "\n".join(re.sub(r"//[^\n]*", "", text) for text in texts)
            wild = re.findall(r"\buse\s+(\w+)[\w:]*::\*", plain) if "::*" in plain else []
            is_open = is_open or (part in compiled.rust_defined if wild else False)
            is_open = is_open or any(
                each not in {"crate", "self", "super"} and f"mod {each}" not in plain for each in wild
            )
            if not is_open and not re.search(rf"\b{re.escape(part)}\b", plain):
                message = f"`{'::'.join(path[:at])}` ({file}) does not define `{part}`"
                yield unit.problem(node.start_byte, "compiled-name", message)
            return
        file, base, texts = inner, posixpath.join(base, part), [project.files.get(inner, "macro_rules!")]


def rust_names(_: Compiled, unit: Unit) -> Iterator[Problem]:
    """A function, a type or a constant is used that nothing defines."""
    if unit.language != "rust" or "include!" in unit.text:
        return
    if any(not _is_inside(node) for node in unit.found.get("open", ())):
        return
    known = set(unit.names.definitions)
    enums = {name for name in known if re.search(rf"\benum {name}\b", unit.text)} if "wild" in unit.found else set()
    for node in unit.found.get("wild", ()):
        path = unit.names.text(node).split("::")[:-1]
        std = path[:1] in (["std"], ["core"], ["alloc"]) or re.search(
            r"\buse std::\w+::\{[^{}]*\bprelude::\*", unit.text
        )
        if not path or not (
            (std and path[-1] == "prelude") or path[-1] in enums or (path == ["super"] and _is_inside(node))
        ):
            return
    known |= {"Read", "Write", "BufRead", "Seek"} if "prelude::*" in unit.text else set()
    for node in unit.found.get("definition.use", ()):
        known |= set(re.findall(r"\w+", unit.names.text(node)))
    bound = _rust_bound(unit)
    for node in (*unit.found.get("call", ()), *unit.found.get("typed", ())):
        name = unit.names.text(node).removeprefix("r#")
        parent = node.parent
        if parent is not None and parent.type.startswith("scoped"):
            continue
        binding = parent is not None and parent.type == "type_binding"
        known_here = name in known or known_names("rust").has(name) or (node.type == "identifier" and name in bound)
        if not known_here and not binding and name != "_":
            what = "type" if node.type == "type_identifier" else "function"
            yield unit.lacks(node, f"the {what} `{name}` is used, and not defined", known)
    for node in unit.found.get("word", ()):
        name = unit.names.text(node)
        constant = re.fullmatch(r"[A-Z][A-Z0-9_]{2,}", name) and name not in known and name not in bound
        parent = node.parent
        if constant and parent is not None and not parent.type.startswith(("scoped", "use", "token", "macro", "attr")):
            yield unit.lacks(node, f"the constant `{name}` is used, and not defined", known)


def _rust_bound(unit: Unit) -> frozenset[str]:
    """Return the names that patterns may bind: those of parameters, `let`, `for`, `match` and closures."""
    found = re.findall(
        r"\b(?:let|for|if let|while let)\b([^=;{]*?)(?:=|\bin\b|;)|\|([^|\n]{1,200})\||(\w+)\s*:|(\w+)\s*=>", unit.text
    )
    return frozenset(word for parts in found for part in parts for word in re.findall(r"\w+", part))


def rust_members(compiled: Compiled, unit: Unit) -> Iterator[Problem]:
    """A member is used of `self` that its type does not have."""
    if unit.language != "rust" or "open" in unit.found:
        return
    types = compiled.rust
    bodies = unit.names.types[0]
    for node in unit.found.get("member", ()):
        body = bodies.at(node.start_byte)
        item = bodies.nodes[body] if body >= 0 else None
        name = unit.names.text(node)
        if item is None or item.type != "impl_item":
            continue
        owner = re.fullmatch(r"(\w+)(?:<.*>)?", unit.names.text(item.child_by_field_name("type")))
        type_ = types.get(owner[1]) if owner else None
        if (
            type_ is None
            or type_.is_open
            or not type_.kinds & {"struct_item", "enum_item"}
            or name in compiled.rust_functions
        ):
            continue
        if name in type_.members or known_names("rust", "members").has(name):
            continue
        yield unit.lacks(node, f"`self` is a `{owner[1] if owner else ''}`, which has no `{name}`", type_.members)


JAVA_MAKERS: Final = re.compile(r"import lombok|@(?:Data|Getter|Setter|Builder|Value|AllArgsConstructor)\b|@AutoValue")


def java_types(unit: Unit) -> Iterator[tuple[str, Type]]:
    """Yield the types that a file of Java defines, inner ones as well."""
    bodies, members, _ = unit.names.types
    made = JAVA_MAKERS.search(unit.text) is not None
    inner = [(bodies.at(node.start_byte), unit.names.text(node)) for node in unit.found.get("inner", ())]
    for number, body in enumerate(bodies.nodes):
        item = body.parent
        name = unit.names.text(item.child_by_field_name("name")) if item is not None else ""
        if item is None or not name or item.type == "enum_constant":
            continue
        found = Type(set(members[number]) | {each for place, each in inner if place == number})
        found.is_open = made
        for part in item.named_children:
            if part.type in {"superclass", "super_interfaces", "extends_interfaces"}:
                found.bases |= set(
                    re.findall(r"(?<![\w.<])[A-Z]\w*(?=[\s,<{]|$)", re.sub(r"<[^<>]*>", "", unit.names.text(part)))
                )
                found.is_open |= "." in re.sub(r"<[^<>]*>", "", unit.names.text(part))
            if part.type == "formal_parameters":
                found.members |= set(re.findall(r"(\w+)\s*(?=[,)])", unit.names.text(part)))
        yield name, found


def java_members(compiled: Compiled, name: str, seen: frozenset[str] = frozenset()) -> frozenset[str] | None:
    """Return the members of a type of Java; None where it may have others."""
    _, type_ = compiled.java.get(name, ("", None))
    if type_ is None or type_.is_open or name in seen:
        return None
    found = frozenset(type_.members)
    for base in type_.bases:
        inner = java_members(compiled, base, seen | {name})
        if inner is None:
            return None
        found |= inner
    return found


def java_names(compiled: Compiled, unit: Unit) -> Iterator[Problem]:
    """A package, a type or a member is used that the project does not have."""
    if unit.language != "java":
        return
    packages, names = compiled.java_packages, unit.names
    package = next(iter(names.texts("package")), "")
    known = set(names.definitions) | set(packages.get(package, ()))
    is_open = False
    for node in unit.found.get("import", ()):
        text = names.text(node)
        found = re.match(r"import\s+(static\s+)?([\w.]+?)(?:\.(\*))?\s*;", text)
        path = found[2] if found else ""
        parent, _, last = path.rpartition(".")
        known.add(last)
        if found and found[3] and path in packages:
            known |= packages[path]
        elif found and found[3]:
            is_open = is_open or not found[1]
        if (
            found
            and not found[1]
            and not found[3]
            and parent in packages
            and last not in packages[parent]
            and path not in packages
        ):
            yield unit.problem(
                node.start_byte,
                "compiled-name",
                f"the package `{parent}` does not hold `{last}`" + instead(last, packages[parent], "it holds"),
            )
        if found and found[1]:
            owner = path if found[3] else parent
            home, _, class_ = owner.rpartition(".")
            if home in packages and class_ not in packages[home] and owner not in packages:
                yield unit.problem(
                    node.start_byte,
                    "compiled-name",
                    f"the package `{home}` does not hold `{class_}`" + instead(class_, packages[home], "it holds"),
                )
    inner = {name for name, (_, type_) in compiled.java.items()} if is_open or package not in packages else set()
    for node in unit.found.get("typed", ()) if not is_open else ():
        name = names.text(node)
        scoped = node.parent is not None and node.parent.type == "scoped_type_identifier"
        if not scoped and name not in known and not known_names("java").has(name) and name not in inner:
            if name in compiled.java and compiled.java[name][0] == package:
                continue
            if (
                any(each.bases for each in (compiled.java[n][1] for n in names.definitions if n in compiled.java))
                and name in compiled.java
            ):
                continue  # inherited from a type that it extends
            if _inherits_unknown(compiled, unit):
                continue
            yield unit.lacks(node, f"the type `{name}` is used, and neither defined nor imported", known)
    yield from _java_uses(compiled, unit)


def _inherits_unknown(compiled: Compiled, unit: Unit) -> bool:
    """Return whether a type of the file has members, and so inner types, of one that is not in the project."""
    own = [name for name in unit.names.definitions if name in compiled.java]
    return any(compiled.java[name][1].bases and java_members(compiled, name) is None for name in own)


def _java_uses(compiled: Compiled, unit: Unit) -> Iterator[Problem]:
    names = unit.names
    static = re.search(r"import\s+static\s", unit.text) is not None
    for node in (*unit.found.get("call", ()), *unit.found.get("member", ())):
        name = names.text(node)
        access = node.parent
        owner = access.child_by_field_name("object") if access is not None else None
        if known_names("java", "members").has(name):
            continue
        if owner is None or owner.type == "this":
            found = _java_around(compiled, unit, node, outer=owner is None)
            shown = "this class"
            if owner is None and static:
                found = None
        else:
            places = names.defined(owner)
            text = names.text(owner)
            kinds = {_java_kind(unit, place) for place in places} if places else {text}
            kind = kinds.pop() if len(kinds) == 1 else ""
            found = java_members(compiled, kind) if kind and _is_seen(compiled, unit, kind) else None
            shown = f"`{kind}`"
        if found is not None and name not in found:
            yield unit.lacks(node, f"{shown} has no `{name}`", found)


def _is_seen(compiled: Compiled, unit: Unit, name: str) -> bool:
    """Return whether the name of a type means the one of the project."""
    package = compiled.java[name][0] if name in compiled.java else None
    imported = re.search(rf"import\s+([\w.]+)\.{re.escape(name)}\s*;", unit.text)
    if imported is not None:
        return package is not None and imported[1].startswith(package)
    return package is not None and (
        package in unit.names.texts("package") or not package or f"import {package}.*" in unit.text
    )


def _java_around(compiled: Compiled, unit: Unit, node: "Node", *, outer: bool) -> frozenset[str] | None:
    """Return the members of the types around a node; None where one of them may have others."""
    bodies, _, _ = unit.names.types
    found: frozenset[str] = frozenset()
    number = bodies.at(node.start_byte)
    while number >= 0:
        item = bodies.nodes[number].parent
        if item is None or item.type in {"object_creation_expression", "enum_constant"}:
            return None
        members = java_members(compiled, unit.names.text(item.child_by_field_name("name")))
        if members is None:
            return None
        found |= members
        number = bodies.around(number) if outer else -1
    return found or None


def _java_kind(unit: Unit, node: "Node") -> str:
    """Return the type that a variable is declared with; empty where it is not plain."""
    parent = node.parent
    declared = parent.child_by_field_name("type") if parent is not None else None
    if declared is None and parent is not None and parent.parent is not None:
        declared = parent.parent.child_by_field_name("type")
    return unit.names.text(declared) if declared is not None and declared.type == "type_identifier" else ""


RULES: Final = {"compiled-name": (go_names, rust_modules, rust_names, rust_members, java_names)}

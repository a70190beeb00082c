"""Rust: the modules, crates, names and members that the files of a crate use of each other."""

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

from smol_dev.checks.compiled import Compiled, Type, Unit
from smol_dev.checks.dependencies import table
from smol_dev.checks.project import Problem, Project
from smol_dev.languages.scopes import known_names

if TYPE_CHECKING:
    from tree_sitter import Node


class Rust:
    """The types and functions of Rust in a project."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.project = compiled.project

    @cached_property
    def types(self) -> Mapping[str, Type]:
        """The types of Rust by their name; one with members from elsewhere is open."""
        found: dict[str, Type] = {}
        for unit in self.compiled.of("rust"):
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
    def functions(self) -> frozenset[str]:
        """The names of all functions of Rust, also of those that macros hold."""
        texts = (text for path, text in self.project.files.items() if path.endswith(".rs"))
        return frozenset(name for text in texts for name in re.findall(r"\bfn (\w+)", text))

    @cached_property
    def defined(self) -> frozenset[str]:
        """The names that any file of Rust defines."""
        return frozenset(name for unit in self.compiled.of("rust") for name in unit.names.definitions)


def _is_made(attribute: str) -> bool:
    """Return whether an attribute derives members that cannot be read in the file."""
    derived = re.search(r"\bderive\(([^()]*)\)", attribute)
    return derived is None or not USUAL.issuperset(re.findall(r"\b(\w++)\s*+(?:,|$)", derived[1]))


USUAL: Final = frozenset(
    "Debug Display Default Clone Copy PartialEq Eq PartialOrd Ord Hash From Into TryFrom TryInto FromStr AsRef AsMut Drop"
    " Error Add Sub Mul Div Neg Not Index IndexMut Serialize Deserialize Send Sync Borrow ToString".split()
)
"""The traits of Rust whose members are known."""

RUST_PATHS: Final = frozenset("std core alloc crate self super proc_macro test Self".split())
RUST_OPEN: Final = re.compile(r"macro_rules!|\binclude!|^[a-z_:]+![ \t]*[{(\[]", re.MULTILINE)
"""Signs that a module has names which cannot be read in it."""

MOST_NAMES: Final = 100


def rust_modules(rust: Rust, unit: Unit) -> Iterator[Problem]:
    """A module of the crate, a name in one, or a crate is used that is not there."""
    known = rust.compiled.manifest(unit.path, "Cargo.toml") if unit.language == "rust" else None
    if known is None or not unit.path.startswith(posixpath.join(known[0], "src/")):
        return
    inner = _rust_folder(unit.path)
    for node in unit.found.get("mod", ()):
        item, name = node.parent, unit.names.text(node).removeprefix("r#")
        before = item.prev_named_sibling if item is not None else None
        while before is not None and before.type.endswith("comment"):
            before = before.prev_named_sibling
        attributed = before is not None and before.type.endswith("attribute_item")
        if not attributed and _rust_file(rust.project, posixpath.join(inner, name)) is None:
            message = f"there is no file `{posixpath.join(inner, name)}.rs` for the module `{name}`"
            yield unit.problem(node.start_byte, "compiled-name", message)
    yield from _rust_uses(rust, unit, *known)


def _rust_folder(path: str) -> str:
    """Return the folder in which the modules of a file are."""
    folder, stem = posixpath.dirname(path), posixpath.basename(path).removesuffix(".rs")
    is_root = stem in {"main", "lib", "mod"} or posixpath.basename(folder) == "bin"
    return folder if is_root else posixpath.join(folder, stem)


def _rust_uses(rust: Rust, unit: Unit, folder: str, manifest: str) -> Iterator[Problem]:
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
            yield from _rust_use(rust, unit, node, start, parts)
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
    """The names of the crates that a manifest names; None if it cannot be read or names no edition."""
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


def _rust_use(rust: Rust, unit: Unit, node: "Node", base: str, path: list[str]) -> Iterator[Problem]:
    """Yield a problem where the file of a module does not even hold the word that is used of it."""
    project = rust.project
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
            wild = re.findall(r"\buse\s+(\w++)(?:::\w++)*+::\*", plain) if "::*" in plain else []
            is_open = is_open or (part in rust.defined if wild else False)
            is_open = is_open or any(
                each not in {"crate", "self", "super"} and f"mod {each}" not in plain for each in wild
            )
            if not is_open and not re.search(rf"\b{re.escape(part)}\b", plain):
                message = f"`{'::'.join(path[:at])}` ({file}) does not define `{part}`"
                yield unit.problem(node.start_byte, "compiled-name", message)
            return
        file, base, texts = inner, posixpath.join(base, part), [project.files.get(inner, "macro_rules!")]


def rust_names(_: Rust, unit: Unit) -> Iterator[Problem]:
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
        r"\b(?:let|for|if let|while let)\b([^=;{]{0,400}?)(?:=|\bin\b|;)|\|([^|\n]{1,200})\||\b(\w++)\s*+(?::|=>)",
        unit.text,
    )
    return frozenset(word for parts in found for part in parts for word in re.findall(r"\w+", part))


def rust_members(rust: Rust, unit: Unit) -> Iterator[Problem]:
    """A member is used of `self` that its type does not have."""
    if unit.language != "rust" or "open" in unit.found:
        return
    types = rust.types
    bodies = unit.names.types[0]
    for node in unit.found.get("member", ()):
        body = bodies.at(node.start_byte)
        item = bodies.nodes[body] if body >= 0 else None
        name = unit.names.text(node)
        if item is None or item.type != "impl_item":
            continue
        owner = re.fullmatch(r"(\w+)(?:<.*>)?", unit.names.text(item.child_by_field_name("type")))
        type_ = types.get(owner[1]) if owner else None
        if type_ is None or type_.is_open or not type_.kinds & {"struct_item", "enum_item"} or name in rust.functions:
            continue
        if name in type_.members or known_names("rust", "members").has(name):
            continue
        yield unit.lacks(node, f"`self` is a `{owner[1] if owner else ''}`, which has no `{name}`", type_.members)


RULES: Final = {"compiled-name": (rust_modules, rust_names, rust_members)}

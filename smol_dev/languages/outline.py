"""What a file defines for other files, in a few words: `load(path)`, `save(path, items)`, `#add`."""

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from smol_dev.languages.grammars import tree
from smol_dev.languages.names import language_of
from smol_dev.languages.standard import python_tree

if TYPE_CHECKING:
    from tree_sitter import Node

MOST: Final = 40
"""The most names of one file: a reader wants to know what to call, not everything."""

LONGEST: Final = 100
"""The most characters of one name with its parameters."""

IDENTIFIER: Final = re.compile(r"""<[A-Za-z][^<>]{0,2000}?\sid\s*=\s*["']?([\w:.-]{1,60})""")
CONSTANT: Final = re.compile(r"[A-Z][A-Z0-9_]*")

CALLABLE: Final = frozenset(
    "function_declaration generator_function_declaration method_declaration function_item"
    " function_signature_item method_definition constructor_declaration".split()
)
NAMED: Final = frozenset(
    "class_declaration abstract_class_declaration interface_declaration type_alias_declaration"
    " enum_declaration struct_item enum_item trait_item type_item const_item static_item"
    " record_declaration type_spec".split()
)
TRANSPARENT: Final = frozenset(
    "program source_file export_statement lexical_declaration variable_declaration type_declaration"
    " impl_item declaration_list class_body mod_item".split()
)
MEMBERS: Final = frozenset({"class_declaration", "abstract_class_declaration"})


def outline(path: str, text: str) -> tuple[str, ...]:
    """Return the names that a file defines at its top, in its order, callables with their parameters.

    For HTML these are the ids of its elements. Empty for a type that is not known, and for a text that does
    not parse.
    """
    language = language_of(path) or ""
    if language == "python":
        found = _of_python(text)
    elif language == "html":
        found = (f"#{name}" for name in IDENTIFIER.findall(text))
    else:
        parsed = tree(language, text)
        found = iter(()) if parsed is None else _of_tree(parsed.root_node)
    names = dict.fromkeys(" ".join(name.split())[:LONGEST] for name in found)
    return tuple(names)[:MOST]


def _of_python(text: str) -> Iterator[str]:
    module = python_tree(text)
    if module is None:
        return
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{node.name}({_parameters(node)})"
        elif isinstance(node, ast.ClassDef):
            methods = [
                f"{each.name}({_parameters(each)})"
                for each in node.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
                and (each.name == "__init__" or not each.name.startswith("_"))
            ]
            yield f"class {node.name}" + (f": {', '.join(methods)}" if methods else "")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (each.id for each in targets if isinstance(each, ast.Name))
            yield from (name for name in names if CONSTANT.fullmatch(name))


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    taken = function.args
    names = [each.arg for each in (*taken.posonlyargs, *taken.args)]
    names = names[1:] if names[:1] in (["self"], ["cls"]) else names
    names += [f"*{taken.vararg.arg}"] if taken.vararg else ["*"] if taken.kwonlyargs else []
    names += [each.arg for each in taken.kwonlyargs]
    names += [f"**{taken.kwarg.arg}"] if taken.kwarg else []
    return ", ".join(names)


def _of_tree(node: "Node") -> Iterator[str]:
    for child in node.named_children:
        if child.type in TRANSPARENT:
            yield from _of_tree(child)
        elif child.type in CALLABLE:
            yield f"{_text(child, 'name')}{_text(child, 'parameters')}"
        elif child.type == "variable_declarator":
            value = child.child_by_field_name("value")
            parameters = "" if value is None else _text(value, "parameters", "parameter")
            yield f"{_text(child, 'name')}{parameters}"
        elif child.type in NAMED:
            body = child.child_by_field_name("body") if child.type in MEMBERS else None
            members = [] if body is None else [name for name in _of_tree(body) if name[:1] != "#"]
            kind = f"{child.type.partition('_')[0]} ".replace("type ", "")
            yield f"{kind}{_text(child, 'name')}" + (f": {', '.join(members)}" if members else "")


def _text(node: "Node", *fields: str) -> str:
    """Return the text of the first of the fields that the node has."""
    for field in fields:
        child = node.child_by_field_name(field)
        if child is not None and child.text is not None:
            return child.text.decode(errors="replace")
    return ""

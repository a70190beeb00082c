"""The paths in a literal: lists, objects, nested folders, tool-call arguments (F1)."""

import re
from typing import Final

from smol_dev.replies.entries import EXTENSION, looks_like_path, without_description
from smol_dev.replies.literals import Node, read_literal

PATH_KEYS: Final = (
    "path", "file", "filename", "filepath", "file_path", "file_name", "name", "relative_path", "relativepath",
    "fullpath", "full_path", "target", "location", "uri", "key", "id", "title", "datei", "pfad", "ruta", "chemin",
)  # fmt: skip
FOLDER_KEYS: Final = ("folder", "directory", "dir", "dirname", "base", "base_path", "root", "parent")
CHILD_KEYS: Final = ("children", "files", "contents", "content", "items", "entries", "child", "nodes", "tree", "subfolders", "folders", "directories", "subdirectories")
WRAPPER: Final = re.compile(
    r"(?:\w*_)?(?:files?|paths?|filepaths?|filenames?|list|result|results|output|data|answer|response|arguments|args|"
    r"parameters|params|input|function|tool_calls?|value|values|items|structure|project|project_structure|tree|children|"
    r"root|array|content|entries|plan|to_create|to_edit|json|properties|kwargs|message|tool_input|action_input|"
    r"dateien|archivos|fichiers|modules)(?:_to_\w+|_list|_paths?|_needed|_required|list|paths)?|\.|\./|/?", re.IGNORECASE
)
SCHEMA_WORDS: Final = frozenset({"array", "string", "object", "number", "boolean", "null"})
NOT_PATHS: Final = frozenset(
    "description purpose type role summary reason content code contents language details notes comment explanation "
    "imports exports dependencies depends_on uses tests functions classes responsibilities thought thinking analysis "
    "reasoning explanation rationale size status".split()
)
ROOT_MARKERS: Final = re.compile(
    r"(?:readme|license|changelog|package\.json|pyproject\.toml|setup\.py|requirements\.txt|\.gitignore|dockerfile|"
    r"go\.mod|cargo\.toml|makefile|composer\.json|gemfile|pom\.xml|build\.gradle|docker-compose\.ya?ml|tsconfig\.json|\.env\.example)",
    re.IGNORECASE,
)
MAX_LEVELS: Final = 24


def paths_in(node: Node) -> list[str]:
    """Return the entries of a value in order, folders joined to what lies in them."""
    found = gather(node, "", MAX_LEVELS)
    root = single_root(node)
    if root and all(entry.startswith(f"{root}/") for entry in found):
        names = [entry[len(root) + 1 :] for entry in found]
        if any(ROOT_MARKERS.match(name) for name in names):
            return names
    return found


def single_root(node: Node) -> str | None:
    """Return the only folder at the top of nested folders, if there is just one."""
    while node.shape == "array" and len(node.items) == 1 and node.items[0][0] is None:
        node = node.items[0][1]
    if node.shape != "object":
        return None
    named = named_path(node)
    if named is not None:
        return named.strip("/")
    if len(node.items) == 1 and node.items[0][0] is not None:
        return node.items[0][0].text.strip("/")
    return None


def gather(node: Node, prefix: str, levels: int) -> list[str]:
    """Return the entries at and below a value, each with the folders it lies in."""
    if levels == 0:
        return []
    if node.shape in {"string", "bare"}:
        return encoded(node, prefix, levels) or [joined(prefix, node.text)] * bool(is_entry(node.text))
    if node.shape == "array":
        return gather_array(node, prefix, levels)
    return gather_object(node, prefix, levels)


def encoded(node: Node, prefix: str, levels: int) -> list[str]:
    """Return the entries of a string that holds a list itself, as text or as lines."""
    text = node.text.strip()
    if text[:1] in {"[", "{"} and re.search(r"[\"'\n,]", text):
        inner = text.replace('\\"', '"').replace("\\'", "'")
        inner = re.sub(r"\\n(?=\s*[\"'\]}\[{])|(?<=[\[,{])\\n", "\n", inner)
        read = read_literal(inner, 0)
        return gather(read.node, prefix, levels - 1) if read else []
    parts = re.split(r"\\n|\n|,\s*(?=[\w./])", text)
    if len(parts) > 1 and all(looks_like_path(part) for part in parts if part.strip()):
        return [joined(prefix, part.strip()) for part in parts if part.strip()]
    return []


def is_entry(text: str) -> bool:
    """Tell whether a string in a list can be a path; sentences are not."""
    text = text.strip()
    if not text or text in SCHEMA_WORDS:
        return False
    return looks_like_path(without_description(text)) or " " not in text or bool(re.search(r"[/\\*<{]", text) and len(text.split()) < 4)  # noqa: PLR2004 - not a sentence


def joined(prefix: str, text: str) -> str:
    """Return an entry below its folders, unless it names them itself."""
    text = text.strip()
    if not prefix or text.lstrip("./").startswith(prefix + "/") or text.startswith(("/", "~", "..")) or "://" in text:
        return text
    return f"{prefix}/{text.removeprefix('./')}"


def gather_array(node: Node, prefix: str, levels: int) -> list[str]:
    """Return the entries of an array; of a pair [path, description] only the path."""
    found: list[str] = []
    for key, value in node.items:
        if key is not None:
            found.extend(gather_pair(key, value, prefix, levels))
        elif value.shape == "array" and is_described(value):
            found.extend(gather(value.items[0][1], prefix, levels - 1))
        elif value.shape == "bare" and value.text.startswith(("-", "–", "—")):
            continue
        else:
            found.extend(gather(value, prefix, levels - 1))
    return found


def is_described(node: Node) -> bool:
    """Tell whether an array is one path with words about it."""
    texts = [value.text for key, value in node.items if key is None]
    return len(texts) > 1 and looks_like_path(texts[0]) and not looks_like_path(texts[1])


def named_path(node: Node) -> str | None:
    """Return the path an object gives for itself, by the first of the usual keys."""
    values = {key.text.lower().replace("-", "_").strip(): value for key, value in node.items if key is not None}
    for name in PATH_KEYS:
        value = values.get(name)
        if value is None or value.shape not in {"string", "bare"} or not value.text.strip():
            continue
        if name in {"name", "id", "key", "title", "target", "location", "uri"} and not names_a_file(value.text, values):
            continue
        return value.text.strip()
    return None


def names_a_file(text: str, values: dict[str, Node]) -> bool:
    """Tell whether the value of a key like `name` is a path and not the name of a function."""
    return looks_like_path(text) or any(name in values for name in CHILD_KEYS) and not values.keys() & {"arguments", "parameters", "input"}


def gather_object(node: Node, prefix: str, levels: int) -> list[str]:
    """Return the entries of an object: one described file, a folder, or a mapping."""
    values = {key.text.lower().replace("-", "_").strip(): value for key, value in node.items if key is not None}
    folder = next((values[name].text for name in FOLDER_KEYS if name in values and values[name].text), None)
    named = named_path(node)
    children = [values[name] for name in CHILD_KEYS if name in values and values[name].shape in {"array", "object"}]
    if named is not None or folder is not None:
        base = joined(prefix, (folder or "").strip("/")) if folder and not children or folder and named is None else prefix
        if named is not None and folder is not None and not children:
            return [joined(base, named)]
        if children:
            top = folder if named is None else named
            below = prefix if WRAPPER.fullmatch(top or "") and not folder or (top or "") in {"", "."} else joined(prefix, (top or "").rstrip("/"))
            return [entry for child in children for entry in gather(child, below, levels - 1)]
        if named is not None:
            is_folder = "type" in values and values["type"].text.lower() in {"directory", "dir", "folder"}
            return [joined(prefix, named.rstrip("/") + "/" if is_folder else named)]
    if {"type", "properties"} <= values.keys() and values["type"].text == "object" and values["properties"].shape == "object":
        return gather(values["properties"], prefix, levels - 1)
    flat = are_categories(node)
    found: list[str] = []
    for key, value in node.items:
        if key is None:
            found.extend(gather(value, prefix, levels - 1))
        elif flat and value.shape == "array":
            found.extend(gather(value, prefix, levels - 1))
        else:
            found.extend(gather_pair(key, value, prefix, levels))
    return found


def are_categories(node: Node) -> bool:
    """Tell whether the keys of an object of lists are headings, since the lists hold whole paths."""
    lists = [(key.text.strip("/"), value) for key, value in node.items if key is not None and value.shape == "array"]
    texts = [(name, item.text) for name, value in lists for _, item in value.items]
    if any(text.lstrip("./").startswith(f"{name}/") for name, text in texts):
        return True
    names = {name for name, _ in lists}
    if any(text.partition("/")[0] in names and "/" in text for _, text in texts):
        return True
    if any(key is not None and key.text.endswith("/") for key, _ in node.items):
        return False
    return sum("/" in text for _, text in texts) * 2 > len(texts)


def gather_pair(key: Node, value: Node, prefix: str, levels: int) -> list[str]:
    """Return the entries of one `key: value`: path and words, number and path, folder and files."""
    name = key.text.strip()
    if name.lower() in NOT_PATHS:
        return []
    if value.shape in {"string", "bare"}:
        if looks_like_path(name) and not name.endswith("/"):
            return [joined(prefix, name)]
        if name.endswith("/") and not value.text.strip():
            return [joined(prefix, name)]
        below = encoded(value, prefix, levels)
        if below:
            return below
        text = without_description(value.text)
        if looks_like_path(text) and not WRAPPER.fullmatch(name):
            return [joined(prefix, value.text)]
        if looks_like_path(text):
            return [joined(prefix, value.text)]
        return [joined(prefix, name)] if is_plain_file(name, value) else []
    if is_file_name(name):
        return [joined(prefix, name)]
    if WRAPPER.fullmatch(name) and not name.endswith("/") or " " in name:
        return gather(value, prefix, levels - 1)
    below = joined(prefix, name.rstrip("/"))
    inside = gather(value, below, levels - 1)
    return inside or [f"{below}/"] * (name.endswith("/") or not value.items)


def is_file_name(name: str) -> bool:
    """Tell whether a key is a file, even when what it maps to is an object or a list."""
    return looks_like_path(name) and not name.endswith("/") and (bool(EXTENSION.search(name)) or "/" not in name)


def is_plain_file(name: str, value: Node) -> bool:
    """Tell whether a key without extension maps to nothing, as files do in nested folders."""
    return value.text.strip() in {"", "file", "null", "None"} and " " not in name and not WRAPPER.fullmatch(name)

"""Folders drawn as a tree, by lines or by indentation (F1, F7)."""

import re
from dataclasses import dataclass
from typing import Final

from smol_dev.replies.entries import EXTENSION, KNOWN_NAMES, looks_like_path, without_description
from smol_dev.replies.values import ROOT_MARKERS

BRANCH: Final = re.compile(r"^(?P<stem>[\s│┃|║·]*)(?P<turn>[├└┣┗╠╚┌╰╭]+[─━═┬┳╌-]*|[|+`\\*'][-─]{1,4}|\|_+|[+\\`]\s?[-─]{2,})[>]?\s*(?P<name>[^\s─|-].*)$")
STEM_ONLY: Final = re.compile(r"^[\s│┃|║]*$")
ICONS: Final = re.compile(r"^(?:[\U0001F300-\U0001FAFF\u2600-\u27bf\ufe0f\u200d]|\[(?:d|f|dir|file|x| )\])+\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One name in a tree: the column where it stands, and whether it was marked as a folder."""

    column: int
    name: str
    folder: bool
    drawn: bool


def drawn_tree(lines: list[str]) -> list[str] | None:
    """Return the entries of the trees drawn in some lines, or None when none is drawn."""
    rows: list[Row] = []
    for number, line in enumerate(lines):
        match = BRANCH.match(line)
        if match:
            row = row_of(match["name"], match.start("name") + 4, drawn=True)
        elif is_root(lines, number):
            row = row_of(line.strip(), len(line) - len(line.lstrip()), drawn=False)
        else:
            continue
        if row is not None:
            rows.append(row)
    if not any(row.drawn for row in rows):
        return None
    return below_root(rows, always=True)


def is_root(lines: list[str], number: int) -> bool:
    """Tell whether a line is the label of a tree, or a file or folder beside one."""
    text = lines[number].strip()
    if not text or STEM_ONLY.match(text):
        return False
    following = next((line for line in lines[number + 1 :] if line.strip() and not STEM_ONLY.match(line)), "")
    name = without_description(ICONS.sub("", text).strip("`*"))
    if text.startswith(("`", "*")) and not text.endswith(("`", "*", ":")):
        return False
    single = " " not in name and not name.endswith((":", ",")) and not name.startswith(("#", "```", "//"))
    return single and (bool(BRANCH.match(following)) or name.endswith("/") or looks_like_path(name))


def row_of(text: str, column: int, *, drawn: bool) -> Row | None:
    """Return the row for a name and what is written behind it."""
    name = ICONS.sub("", text.strip()).strip()
    name = name.strip("`*").strip() if not without_description(name).startswith("*") else name
    name = without_description(name).strip("`*\"' ")
    first = name.split(" ")[0]
    if first.endswith("/"):
        name = first
    if not name or name in {"...", "…"} or STEM_ONLY.match(name):
        return Row(column, "...", folder=False, drawn=drawn)
    return Row(column, name.rstrip("/") or ".", folder=name.endswith(("/", "\\")), drawn=drawn)


def below_root(rows: list[Row], *, always: bool) -> list[str]:
    """Return the entries of a tree without the label of its only root.

    `always` strips the root whatever it holds; else only when the files below it are such as lie
    at the top of a project.
    """
    entries: list[str] = []
    stack: list[Row] = []
    tops: list[str] = []
    for number, row in enumerate(rows):
        while stack and stack[-1].column >= row.column:
            stack.pop()
        if not stack:
            tops.append(row.name)
        has_children = number + 1 < len(rows) and rows[number + 1].column > row.column
        is_file = bool(EXTENSION.search(row.name)) and not row.folder
        path = "/".join([*(parent.name for parent in stack), row.name])
        if has_children and not (is_file and not rows[number + 1].drawn):
            stack.append(row)
        else:
            entries.append(path + "/" if row.folder or is_empty_folder(row, stack) else path)
    return without_root(entries, tops, always=always)


def is_empty_folder(row: Row, stack: list[Row]) -> bool:
    """Tell whether a leaf without extension is a folder that was left empty."""
    known = row.name.lower() in KNOWN_NAMES or row.name.startswith(".") or "." in row.name
    return not known and not (stack and stack[-1].name in {"bin", "scripts", "hooks", "cmd"})


def without_root(entries: list[str], tops: list[str], *, always: bool) -> list[str]:
    """Return the entries without the first folder, if that is the label of the whole tree."""
    if len(tops) != 1 or not all(entry.startswith(f"{tops[0]}/") for entry in entries):
        return [entry.removeprefix("./") for entry in entries]
    names = [entry[len(tops[0]) + 1 :] for entry in entries]
    if always or tops[0] == "." or any(ROOT_MARKERS.match(name) for name in names):
        return names
    return entries


def indented_tree(lines: list[str]) -> list[str] | None:
    """Return the entries of a tree drawn by indentation alone, or None when the lines are none."""
    filled = [line.expandtabs(4) for line in lines if line.strip()]
    rows = []
    for line in filled:
        row = row_of(line.strip(), len(line) - len(line.lstrip()), drawn=True)
        if row is None or " " in row.name or not (row.folder or looks_like_path(row.name) or re.fullmatch(r"[\w.-]+", row.name)):
            return None
        rows.append(row)
    deeper = any(after.column > before.column for before, after in zip(rows, rows[1:], strict=False))
    if not deeper or not any(row.folder for row in rows):
        return None
    return below_root(rows, always=True)

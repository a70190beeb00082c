"""The text of a `smol.toml` with one thing changed: comments, order and spacing stay as they are.

Text in, text out. Each change is proposed in several spellings, neatest first, and the first that
TOML reads as the old settings with exactly this change is taken. So no edit can move a value that it
was not asked to move, however the file is written.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from smol_dev.config.assignments import Key
from smol_dev.config.positions import positions, sections
from smol_dev.config.problems import typed
from smol_dev.errors import ConfigError


def with_value(text: str, key: Key, value: object) -> str:
    """Return the text with `key` set to `value`, in place where it is set already."""
    wanted = tomllib.loads(text)
    table = table_of(wanted, key)
    propose = with_other_value if key[-1] in table else with_new_line
    table[key[-1]] = value

    def put(document: Any) -> None:  # noqa: ANN401 - tomlkit's items have no common public type
        table_of(document, key)[key[-1]] = inline(value)

    return first_that_reads([wanted], chain(propose(text, key, value), by_tomlkit(text, put)), key=key)


def with_table(text: str, key: Key, values: dict[str, Any]) -> str:
    """Return the text with a new table at its end; a dictionary in `values` is a table of its own."""
    wanted = tomllib.loads(text)
    table_of(wanted, key)[key[-1]] = deepcopy(values)
    return first_that_reads([wanted], [appended(text, rendered_table(key, values))], key=key)


def without(text: str, key: Key) -> str:
    """Return the text without a key or a table; a table takes the comments that touch it with it."""

    def take_out(document: Any) -> None:  # noqa: ANN401 - tomlkit's items have no common public type
        del table_of(document, key)[key[-1]]

    wanted = tomllib.loads(text)
    take_out(wanted)
    pruned = deepcopy(wanted)
    for length in range(len(key) - 1, 0, -1):
        table = table_of(pruned, key[:length])
        if not table[key[length - 1]]:
            del table[key[length - 1]]
    proposals = chain([without_sections(text, key)], without_lines(text, key), by_tomlkit(text, take_out))
    return first_that_reads([wanted, pruned], proposals, key=key)


def without_empty(text: str, key: Key) -> str:
    """Return the text without a table that holds nothing, unless a comment would go with it."""
    table: Any = tomllib.loads(text)
    for part in key:
        table = table.get(part) if isinstance(table, dict) else None
    if table != {}:
        return text
    try:
        shorter = without(text, key)
    except ConfigError:
        return text
    return shorter if shorter.count("#") == text.count("#") else text


def renamed(text: str, key: Key, name: str, *, references: Sequence[Key] = ()) -> str:
    """Return the text with the last part of a table's key written as `name`, in every header.

    The values at `references`, which name the table, become `name` too; all in one pass.
    """
    wanted = tomllib.loads(text)
    known = positions(text) if references else {}
    for position in sorted((known[path] for path in references), key=lambda each: -each.start):
        text = text[: position.start] + rendered(name) + text[position.end :]
    for path in references:
        table_of(wanted, path)[path[-1]] = name
    table = table_of(wanted, key)
    table[name] = table.pop(key[-1])
    lines = text.split("\n")
    for section in sections(text):
        if section.key[: len(key)] == key:
            new = (*key[:-1], name, *section.key[len(key) :])
            lines[section.header] = with_header(lines[section.header], new)
    return first_that_reads([wanted], ["\n".join(lines)], key=key)


def table_of(tables: Any, key: Key) -> Any:  # noqa: ANN401 - tables of tomllib or of tomlkit
    """Return the table that the key stands in; the tables on the way are made where they are missing."""
    for part in key[:-1]:
        if part not in tables:
            tables[part] = inline({}) if isinstance(tables, InlineTable) else {}
        tables = tables[part]
    return tables


def first_that_reads(wanted: Sequence[dict[str, Any]], proposals: Iterable[str], *, key: Key) -> str:
    """Return the first proposal that TOML reads as one of the `wanted` settings."""
    for proposal in proposals:
        try:
            settings = tomllib.loads(proposal)
        except tomllib.TOMLDecodeError:
            continue
        if settings in wanted:
            return proposal
    raise ConfigError(
        f"`{typed(key)}` is written in a way that cannot be changed without touching the rest of the file",
        hint="change it by hand: `smol_dev config edit`",
    )


def by_tomlkit(text: str, change: Callable[[Any], None]) -> Iterator[str]:
    """Yield the text as tomlkit writes it after the change, if it can."""
    try:
        document = tomlkit.parse(text)
        change(document)
        yield tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError):
        return


def rendered(value: object) -> str:
    """Return the value as TOML writes it, on one line; a dictionary is an inline table."""
    text: str = inline(value).as_string()
    return text


def rendered_table(key: Key, values: dict[str, Any]) -> str:
    """Return a table under its header, its plain keys first, its inner tables after it."""
    inner = {name: value for name, value in values.items() if isinstance(value, dict)}
    lines = [f"{typed((name,))} = {rendered(value)}\n" for name, value in values.items() if name not in inner]
    tables = [rendered_table((*key, name), value) for name, value in inner.items()]
    return "\n".join([f"[{typed(key)}]\n" + "".join(lines), *tables])


def inline(value: object) -> Any:  # noqa: ANN401 - tomlkit's items have no common public type
    """Return the value as an item of tomlkit that fits on one line."""
    if not isinstance(value, dict):
        return tomlkit.item(value)
    table: InlineTable = tomlkit.inline_table()
    for name, inner in value.items():
        table[name] = inline(inner)
    return table


def with_other_value(text: str, key: Key, value: object) -> Iterator[str]:
    """Yield the text with another value where the key's own stands."""
    found = positions(text).get(key)
    if found is not None and found.end:
        yield text[: found.start] + rendered(value) + text[found.end :]


def with_new_line(text: str, key: Key, value: object) -> Iterator[str]:
    """Yield the text with a new line for the key: in its table's section, else in a new section."""
    lines = text.split("\n")
    line = f"{typed(key[-1:])} = {rendered(value)}"
    if len(key) == 1 and not text.strip():
        yield appended(text, f"{line}\n")
    for section in sections(text):
        if section.key == key[:-1] and section.last >= 0:
            indent = re.match(r"\s*", lines[section.last])
            indented = f"{indent.group() if indent else ''}{line}"
            yield inserted(lines, section.last + 1, indented)
            yield inserted(lines, section.end, line)
        elif section.key == key[:-1]:
            yield inserted(lines, section.end, line, "")
    header = f"[{typed(key[:-1])}]"
    for section in reversed(sections(text)):
        if len(key) > len(("profiles", "NAME", "KEY")) and section.key[:2] == key[:2]:
            yield inserted(lines, section.last + 1, "", header, line)
    yield appended(text, f"{header}\n{line}\n")


def appended(text: str, block: str) -> str:
    """Return the text and the block, with an empty line between them."""
    if not text.strip():
        return text + block
    ending = "" if text.endswith("\n") else "\n"
    return f"{text}{ending}\n{block}"


def inserted(lines: list[str], number: int, *new: str) -> str:
    """Return the lines with the new ones before line `number`."""
    return "\n".join([*lines[:number], *new, *lines[number:]])


def without_lines(text: str, key: Key) -> Iterator[str]:
    """Yield the text without the lines of a setting that has them to itself."""
    found = positions(text).get(key)
    if found is not None and found.end:
        begin = text.rfind("\n", 0, found.start) + 1
        end = text.find("\n", found.end)
        yield text[:begin] + (text[end + 1 :] if end >= 0 else "")


def without_sections(text: str, key: Key) -> str:
    """Return the text without the sections of a table, each with the comments that touch it."""
    lines = text.split("\n")
    for section in reversed(sections(text)):
        if section.key[: len(key)] != key:
            continue
        end = section.last + 1
        while end < section.end and lines[end].strip():
            end += 1
        while end < section.end and not lines[end].strip():
            end += 1
        is_last = end == len(lines)
        del lines[section.start : end]
        if is_last:
            lines = [*"\n".join(lines).rstrip("\n").split("\n"), ""]
    return "\n".join(lines)


def with_header(line: str, key: Key) -> str:
    """Return the header line with another key; its brackets and its comment stay."""
    opening = re.match(r"\s*\[+", line)
    comment = re.search(r"\]\s*(#.*)?$", line)
    depth = opening.group() if opening else "["
    tail = comment.group()[1:] if comment else ""
    return f"{depth}{typed(key)}{']' * depth.count('[')}{tail}"

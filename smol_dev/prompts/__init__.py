"""The text of every request: prompt variants as data files, and the requests made from them.

A run is one conversation: system, user (asks for the plan, with the prompt), assistant (the plan), user (asks
for the file list), assistant (the list), user (asks for X), assistant (X), … The varying part comes last in a
request, so that a server finds everything before it in its prefix cache.
"""

import itertools
import json
import re
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Final

from smol_dev.chat import Message

FOLDER: Final = Path(__file__).parent
"""The folder of the shipped variants, one file each; other files begin with `_`."""

FENCE: Final = 3
FENCE_OF_FENCES: Final = 4
"""Backticks around a file whose type often contains fenced blocks itself."""

LIST_OPENING: Final = '{"files": ["'
"""The beginning of a file list, for servers that continue an answer."""

NOTHING: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})
MOST_OUTLINES: Final = 12
LONGEST_OUTLINE: Final = 240
"""The most lines, and characters per line, about definitions in other files."""

EXAMPLE_LIST: Final = ("src/parser.js", "src/report.js")
"""The paths in the example list; an answer with exactly these has copied it."""

SMALL_MODEL: Final = 14_000_000_000
SMALL_WINDOW: Final = 8192
"""The largest number of parameters, and context window in tokens, for which `auto` means `small`."""

FILE_LIST_SCHEMA: Final[Mapping[str, object]] = {
    "type": "object",
    "properties": {"files": {"type": "array", "items": {"type": "string"}}},
    "required": ["files"],
    "additionalProperties": False,
}
"""The JSON schema of the file list, for servers with structured output."""

_TOUCHED: Final[Mapping[str, object]] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "why": {"type": "string"}},
        "required": ["path", "why"],
        "additionalProperties": False,
    },
}

CHANGE_SCHEMA: Final[Mapping[str, object]] = {
    "type": "object",
    "properties": {"change": _TOUCHED, "add": _TOUCHED, "remove": _TOUCHED},
    "required": ["change", "add", "remove"],
    "additionalProperties": False,
}
"""The JSON schema of the list of files that a change touches."""

CHANGE_OPENING: Final = '{"change": ['
"""The beginning of such a list, for servers that continue an answer."""


@dataclass(frozen=True, slots=True)
class Words:
    """One prompt variant, as templates.

    Variables: `$prompt` in `plan`; `$prompt`, `$plan`, `$example` in `files`; these, `$files`, `$written` and
    `$path` in `code`.
    """

    system: str
    plan: str
    files: str
    code: str


@cache
def variants() -> tuple[str, ...]:
    """Return the names of the shipped variants."""
    return tuple(sorted(path.stem for path in FOLDER.glob("[!_]*.toml")))


@cache
def shipped(variant: str) -> Words:
    """Return the shipped variant of this name, one of `variants()`."""
    return Words(**_table(f"{variant}.toml"))


def choose(*, window: int | None, parameters: int | None) -> str:
    """Return the variant that `auto` means: `small` for a small window or model, else `default`.

    `window` is in tokens, `parameters` a count; None means unknown, which is not small.
    """
    is_small = (window is not None and window <= SMALL_WINDOW) or (parameters is not None and parameters <= SMALL_MODEL)
    return "small" if is_small else "default"


def system(words: Words) -> tuple[Message, ...]:
    """Return the system message; empty if the variant has none."""
    return (Message("system", _fill(words.system)),) if words.system.strip() else ()


def ask_plan(words: Words, *, prompt: str) -> str:
    """Return the request for the plan."""
    return _fill(words.plan, prompt=prompt)


def ask_list(words: Words, *, prompt: str, plan: str, example: bool = True) -> str:
    """Return the request for the file list.

    `example` adds an example of the format; omit it if the server enforces a schema, as small models copy it.
    """
    shown = _remark("list", files=json.dumps({"files": EXAMPLE_LIST})) if example else ""
    return _fill(words.files, prompt=prompt, plan=plan, example=shown and f"\n{shown}")


def ask_file(
    words: Words,
    path: str,
    *,
    prompt: str,
    plan: str,
    files: tuple[str, ...],
    outlines: Mapping[str, Sequence[str]] = NOTHING,
    fence: int = 0,
) -> str:
    """Return the request for one file; its path comes last in the shipped variants.

    `outlines` are the names defined in the files written so far, by path. `fence` is the number of backticks
    in the example, 0 for the usual number for the file's type.
    """
    lines = _outlined(outlines)[-MOST_OUTLINES:]  # the newest
    written = "\n" + _remark("written", lines="\n".join(lines)) if lines else ""
    example = _example_block(path, fence)
    return _fill(
        words.code, prompt=prompt, plan=plan, files="\n".join(files), written=written, example=example, path=path
    )


def ask_mended(
    path: str,
    problems: Sequence[str],
    outlines: Mapping[str, Sequence[str]],
    *,
    undefined: Sequence[str],
    fence: int = 0,
) -> str:
    """Return the request to mend a file, with its problems and what the other files really define.

    `undefined` are functions that the plan names and no file defines.
    """
    parts = [_remark("mend", path=path, problems="\n".join(f"- {each}" for each in problems))]
    if lines := _outlined(outlines)[:MOST_OUTLINES]:
        parts.append(_remark("defined", lines="\n".join(lines)))
    if undefined:
        parts.append(_remark("undefined", names=", ".join(f"`{name}`" for name in undefined[:MOST_OUTLINES])))
    parts.append(_remark("again_whole", example=_example_block(path, fence), path=path))
    return "\n".join(parts)


def partial(missing: Sequence[str]) -> str:
    """Return the remark on an answer that may be only a part of the file, by some of what it lacks."""
    return _remark("partial", names=", ".join(f"`{name}`" for name in missing))


def ask_check(command: str, result: str, output: str, *, path: str, most: int) -> str:
    """Return the request to name the files to mend after a failing check; `path` is one for the example."""
    fence = _fence_around(output)
    return _remark("check", command=command, result=result, output=output, fence=fence, path=path, most=str(most))


def ask_fixed(path: str, *, fence: int = 0) -> str:
    """Return the request to rewrite one of the named files as a whole."""
    return _remark("fix", path=path, example=_example_block(path, fence))


def ask_change(
    request: str, *, not_shown: Mapping[str, Sequence[str]] = NOTHING, before: str, example: bool = True
) -> str:
    """Return the request for the list of files that a change touches.

    `not_shown` are the files missing from the conversation, with the names that they define; `before` are the
    changes since the plan was written.
    """
    about = ""
    if before:
        about += f"\n{_remark('changed_before', lines=before)}\n"
    if not_shown:
        lines = "\n".join(f"- {path}: {', '.join(names)}"[:LONGEST_OUTLINE] for path, names in not_shown.items())
        about += f"\n{_remark('not_shown', lines=lines)}\n"
    touched = {"path": EXAMPLE_LIST[0], "why": "reads numbers too"}
    files = json.dumps({"change": [touched], "add": [], "remove": []})
    shown = f"\n{_remark('change_example', files=files)}" if example else ""
    return _remark("change", request=request, about=about, example=shown)


def adopted(name: str, outlines: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """Return texts in place of the prompt and plan of a program that smol_dev did not make."""
    lines = (f"- {path}: {', '.join(names)}" if names else f"- {path}" for path, names in outlines.items())
    plan = _remark("adopted_plan", lines="\n".join(line[:LONGEST_OUTLINE] for line in lines))
    return _remark("adopted_prompt", folder=name), plan


def grown(added: Sequence[str], removed: Sequence[str]) -> str:
    """Return the request for a change, made from the lines added to and removed from the prompt."""
    parts = (("prompt_added", added), ("prompt_removed", removed))
    return "\n\n".join(_remark(name, lines="\n".join(lines)) for name, lines in parts if lines)


def ask_change_again(feedback: str) -> str:
    """Return the request for another proposal, with the user's feedback on the last one."""
    return _remark("change_again", feedback=feedback)


def ask_changed(path: str, why: str, *, content: str | None, fence: int = 0) -> str:
    """Return the request for a file of a change; `content` is its current text, if no earlier turn shows it."""
    now = "" if content is None else _remark("content_now", fence=_fence_around(content), text=content)
    example = _example_block(path, fence)
    return _remark("change_file", why=why or "as said above.", content=now, example=example, path=path)


def _fence_around(text: str) -> str:
    return "`" * max(FENCE, max(map(len, re.findall("`+", text)), default=0) + 1)


def _outlined(outlines: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        textwrap.shorten(f"- {path}: {', '.join(names)}", LONGEST_OUTLINE, placeholder=" …")
        for path, names in outlines.items()
        if names
    ]


def file_opening(path: str, *, fence: int = 0) -> str:
    """Return the opening fence of a file's answer, for servers that continue an answer."""
    example = _example_for(path)
    return f"{'`' * (fence or example.fence)}{example.info}\n"


def with_remark(request: str, reason: str) -> str:
    """Return the request preceded by the reason why the last answer could not be used."""
    return f"{_remark('again', reason=reason)}\n{request}"


def more(lines: Sequence[str]) -> str:
    """Return the request to continue an answer that was cut off after these last lines."""
    quoted = "\n".join(lines)
    fence = next(size for size in itertools.count(FENCE) if "`" * size not in quoted)
    return _remark("more", lines=quoted, fence="`" * fence)


def trimmed(plan: str, characters: int) -> str:
    """Return the plan cut to `characters` at the end of a line, with a note that the rest is missing."""
    if len(plan) <= characters:
        return plan
    kept, _, _ = plan[:characters].rpartition("\n")
    return f"{kept}\n{_remark('trimmed')}"


@dataclass(frozen=True, slots=True)
class _Example:
    """An example answer for one type of file: info string, a line of content, number of backticks."""

    info: str
    line: str
    fence: int


def example_of(path: str) -> str:
    """Return the content of the example answer in the requests for a file."""
    return _example_for(path).line


def _example_block(path: str, fence: int) -> str:
    example = _example_for(path)
    ticks = "`" * (fence or example.fence)
    return f"{ticks}{example.info}\n{example.line}\n{ticks}"


def _example_for(path: str) -> _Example:
    name = path.replace("\\", "/").rpartition("/")[2]
    ending = f".{name.rpartition('.')[2]}".lower()
    examples = _examples()
    return examples.get(name) or examples.get(ending) or examples["LICENSE"]


@cache
def _examples() -> dict[str, _Example]:
    """Return the examples by file ending and name."""
    text = (FOLDER / "_examples.toml").read_text(encoding="utf-8")
    found: dict[str, _Example] = {}
    for info, table in tomllib.loads(text).items():
        fence = FENCE_OF_FENCES if table.get("fences") else FENCE
        example = _Example(info, table["line"], fence)
        found |= dict.fromkeys((*table["endings"], *table.get("names", ())), example)
    return found


@cache
def _table(name: str) -> dict[str, str]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return {key: value.strip("\n") for key, value in tomllib.loads(text).items()}


def _remark(name: str, **values: str) -> str:
    return _fill(_table("_remarks.toml")[name], **values)


def _fill(template: str, **values: str) -> str:
    return Template(template).substitute(values)

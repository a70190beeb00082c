"""One answer → the files that a change touches: those to change, to add and to remove, each with a line why."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from smol_dev.replies.answer import parse
from smol_dev.replies.file_list import read_file_list
from smol_dev.replies.list_data import Node, as_path, read_literal
from smol_dev.replies.listing import Refused, normalised
from smol_dev.replies.paths import PATH_KEYS, is_file_like, path_in, plain_key
from smol_dev.replies.verdicts import FileList, Rejected, list_rejected

Action = Literal["change", "add", "remove"]

WORDS: Final[dict[Action, str]] = {  # for test_change_list.test_a_list_is_read_in_many_forms
    "remove": "remov|delet|drop",
    "add": "add|creat|new",
    "change": "chang|modif|updat|edit|rewrit|replac",
}
"""What the key of a list, or the action of an entry, says is done, as `plain_key` spells it."""

# for test_change_list.test_a_list_is_read_in_many_forms
ACTION_KEYS: Final = ("action", "operation", "op", "type", "kind", "status", "change")
WHY_KEYS: Final = (  # for test_change_list.test_a_list_is_read_in_many_forms
    "why", "reason", "description", "purpose", "summary", "change", "changes", "note", "notes", "details",
)  # fmt: skip
MOST_LITERALS: Final = 4
MOST_ENTRIES: Final = 10_000
DEEPEST: Final = 4
LONGEST_WHY: Final = 300


@dataclass(frozen=True, slots=True)
class Touched:
    """A file that a change touches, and why. The action is None where the answer does not tell it."""

    path: str
    action: Action | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ChangeList:
    """The files in the model's order, each once, and what was dropped: `(entry, reason)`."""

    files: tuple[Touched, ...]
    dropped: tuple[tuple[str, str], ...] = field(default=())


def read_change_list(answer: str, *, finish_reason: str | None) -> ChangeList | Rejected:
    """Return the files that `answer` names, or the reason why no one could tell.

    A list without a word on what is done to each file is taken as well; no file is removed by such a list.
    The time is linear in the length of the answer.
    """
    turn = parse(answer)
    text = turn.text[: turn.next_turn]
    lists, closed = _last_object(text)
    if lists is not None:
        is_cut = finish_reason != "stop" and not turn.stopped
        return _settle(lists) if closed or not is_cut else list_rejected("truncated")
    listed = read_file_list(answer, finish_reason=finish_reason)
    if isinstance(listed, FileList):
        return ChangeList(tuple(map(Touched, listed.files)), listed.dropped)
    return listed


def _last_object(text: str) -> tuple[list[Touched] | None, bool]:
    """Return what the last object or list that tells actions says, and whether it was closed."""
    found: list[Touched] | None = None
    closed, end, tries = False, 0, MOST_LITERALS
    for opening in re.finditer(r"[\[{]", text):  # for test_change_list.test_a_list_is_read_in_many_forms
        if opening.start() < end:
            continue
        literal = read_literal(text, opening.start())
        entries = _entries(literal.node, DEEPEST)
        if entries is not None:
            found, closed = entries, literal.closed
        if entries is not None or literal.closed:
            end = literal.end
        elif not (tries := tries - 1):  # each bracket that nothing closes is read to the end
            break
    return found, closed


def _entries(node: Node, depth: int) -> list[Touched] | None:
    """Return the files of a value that tells actions, or None where it tells none."""
    if depth == 0:
        return None
    if node.shape == "array":
        listed = [_touched(value) for _, value in node.items]
        return [each for each in listed if each] if any(each and each.action for each in listed) else None
    if node.shape != "object":
        return None
    keyed = [(key.text, value) for key, value in node.items if key is not None]
    inside = (_entries(value, depth - 1) for _, value in keyed)
    if (found := next((entries for entries in inside if entries is not None), None)) is not None:
        return found
    told = [(action, value) for key, value in keyed if (action := _action(key)) and value.shape in {"array", "object"}]
    return [touched for action, value in told for touched in _of_list(action, value)] if told else None


def _of_list(action: Action, value: Node) -> Iterator[Touched]:
    for key, part in value.items:
        if key is not None:
            yield Touched(as_path(key.text), action, _why(part))
        elif (touched := _touched(part)) is not None:
            yield Touched(touched.path, action, touched.why)


def _touched(node: Node) -> Touched | None:
    if node.shape != "object":
        name, _, words = as_path(node.text).partition(": ")
        return Touched(path_in(name), None, words.strip()[:LONGEST_WHY]) if node.text.strip() else None
    named = {plain_key(key.text): value for key, value in node.items if key is not None}
    path = next((as_path(named[key].text) for key in PATH_KEYS if key in named and named[key].text.strip()), None)
    if path is None:
        return None
    action = next((told for key in ACTION_KEYS if key in named and (told := _action(named[key].text))), None)
    why = next((_why(named[key]) for key in WHY_KEYS if key in named and named[key].text.strip()), "")
    return Touched(path, action, why)


def _action(word: str) -> Action | None:
    form = r"(?:files?to)?(?:{})(?:e|y|ed|ied|ten|ing|ion|ition|es|s|ions|itions)?(?:files?)?"
    # for test_change_list.test_a_list_is_read_in_many_forms
    told = (action for action, stems in WORDS.items() if re.fullmatch(form.format(stems), plain_key(word)))
    return next(told, None)


def _why(node: Node) -> str:
    return " ".join(node.text.split())[:LONGEST_WHY]


def _settle(entries: list[Touched]) -> ChangeList | Rejected:
    files: dict[str, Touched] = {}
    dropped: list[tuple[str, str]] = []
    unsafe = False
    for entry in entries[:MOST_ENTRIES]:
        path = normalised(entry.path)
        if isinstance(path, Refused):
            dropped.append((entry.path, path.reason))
            unsafe = unsafe or path.unsafe
        elif is_file_like(path) or "/" in path or "." not in path:
            files.setdefault(path.casefold(), Touched(path, entry.action, entry.why))
    if not files and dropped:
        return list_rejected("unsafe_path" if unsafe else "wrong_format")
    return ChangeList(tuple(files.values()), tuple(dropped))

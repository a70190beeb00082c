"""Whether a new text of a file is only a part of an earlier one, such as a snippet, its first half, or its rest."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

SMALLER: Final = 0.8
"""A part has a smaller share of the file's lines, and of its characters: a formatter joins lines."""

SMALL: Final = 0.5
TINY: Final = 0.35
NEW: Final = 0.3
"""The share of new lines from which on a shorter text is a rewritten file."""

FOUND_AGAIN: Final = 0.25
"""The share of the file's lines that even a thorough change leaves."""

FEWEST: Final = 4
"""Lines from which on a file without any of its names left is in doubt."""

BEGINNING: Final = 5
"""Lines; a whole file has the first of them, or most, in twice as many at its own beginning."""

MOST_NAMED: Final = 5
LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Gap:
    """What a new text lacks, by name; `certain` says that it is a part, not perhaps a file written anew."""

    names: tuple[str, ...]
    certain: bool


def gap(before: str, text: str, *, shrinks: bool = False) -> Gap | None:
    """Return what the text lacks of the file before it, or None if it is a whole version of it.

    A part is shorter and brings little that is new, or is a small fraction. Renaming, rewriting and growing a file
    change its lines but not their number. `shrinks` says that something is to be taken out of the file.
    """
    old, new = _lines(before), _lines(text)
    kept = _shared(old, new)
    gone, heads = _gone(before, text)
    is_foreign = kept < FOUND_AGAIN * len(old)
    if shrinks:
        is_certain, is_part = False, _size(old, new) < TINY and is_foreign
    else:
        is_small = _size(old, new) < SMALL or _is_shorter_alike(old, new)
        is_certain = is_small and len(old) - len(new) > 1
        is_part = is_certain or (is_foreign and len(old) >= FEWEST and 3 * len(gone) > 2 * len(heads))
    return _gap(gone, old, new, certain=is_certain) if is_part else None


def gap_after(begun: str, text: str, *, elided: bool = False) -> Gap | None:
    """Return what the text lacks of an unusable answer before it, or None if it may be the whole file.

    The rest of the file, or a correction of it, has nothing of its beginning. A text that repeats an `elided` answer,
    without the parts that it left out, has only lines of it.
    """
    old, new = _lines(begun), _lines(text)
    last = old.pop() if old else ""
    old.append(next((line for line in new if line.startswith(last)), last))  # it may be half of one
    first = old[:BEGINNING]
    top = new[: 2 * BEGINNING]
    begins = len(old) == 1 or first[0] in top or 2 * _shared(first, top) > BEGINNING
    begins = begins or 2 * _shared(old, new) >= len(old)
    is_less = len(new) < len(old) and _shared(old, new) == len(new)
    is_part = not begins or (elided and is_less) or _is_shorter_alike(old, new)
    return _gap(_gone(begun, text)[0], old, new, certain=True) if is_part else None


def _size(old: list[str], new: list[str]) -> float:
    """Return the new text's share of the old one's lines, or of their characters if that is more."""
    return max(len(new) / max(len(old), 1), sum(map(len, new)) / max(sum(map(len, old)), 1))


def _is_shorter_alike(old: list[str], new: list[str]) -> bool:
    return _size(old, new) < SMALLER and len(new) - _shared(old, new) < NEW * len(new)


def _gap(gone: list[str], old: list[str], new: list[str], *, certain: bool) -> Gap:
    names = [name.replace("`", "")[:LONGEST_NAME] for name in gone or Counter(old) - Counter(new)]
    return Gap(tuple(filter(None, dict.fromkeys(names)))[:MOST_NAMED], certain)


def _shared(old: list[str], new: list[str]) -> int:
    return (Counter(old) & Counter(new)).total()


def _lines(text: str) -> list[str]:
    """Return the lines that say something, without their indentation."""
    return [line.strip() for line in text.split("\n") if re.search(r"\w", line)]


def _gone(before: str, text: str) -> tuple[list[str], list[str]]:
    """Return the heads of the file's parts whose last word the text does not have, and all heads.

    Heads are the least indented lines, up to their first bracket or sign.
    """
    lines = [line.expandtabs() for line in before.split("\n") if re.search(r"\w", line)]
    least = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    tops = [line.strip() for line in lines if len(line) - len(line.lstrip()) == least]
    heads = [re.split(r"[({:=,]", top)[0].strip() or top for top in tops]
    words = set(re.findall(r"\w+", text))
    return [head for head in heads if not words.intersection(re.findall(r"\w+", head)[-1:])], heads

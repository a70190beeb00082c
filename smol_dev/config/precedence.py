"""Whose word holds: the one order in which the tables of a profile are laid over one another.

The merge, `config explain` and `config show --origin` all ask it, so that the winner that is named is
the one whose value is sent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from smol_dev.config.keys import STAGES
from smol_dev.config.layers import Key
from smol_dev.config.model import Tuning
from smol_dev.config.profiles import Slot


def standing(tables: Sequence[Slot], path: Key) -> Iterator[tuple[Slot, Key]]:
    """Yield each table with the key under which it would set this one, strongest first.

    A stage's key beats the profile's; but a flag or variable without a stage holds for all stages,
    unless a flag or variable names the stage too.
    """
    if path[0] not in STAGES or path[1:2] == ():
        yield from ((slot, path) for slot in tables)
        return
    for typed in (True, False):
        group = [slot for slot in tables if slot.typed is typed]
        yield from ((slot, path) for slot in group)
        yield from ((slot, path[1:]) for slot in group)


def said(table: Mapping[str, Any], path: Key) -> tuple[Key, Any]:
    """Return how much of the key the table has, and what stands there.

    Less than the whole key with a table: nothing is said. Less with anything else: it stands for the
    whole, as `extra_body.options = 5` does for `extra_body.options.num_ctx`.
    """
    found: Any = table
    for place, part in enumerate(path):
        if not isinstance(found, dict) or part not in found:
            return path[:place], found
        found = found[part]
    return path, found


def speaks_of(table: Mapping[str, Any], path: Key) -> bool:
    """Return whether the table sets the key, or puts something that is no table in the place of all of it."""
    part, value = said(table, path)
    return part == path or not isinstance(value, dict)


def overridden(tables: Sequence[Slot]) -> dict[Key, str]:
    """Return the keys of a stage, set in files, that do not hold, each with the reason.

    A flag or variable sets them for all stages.
    """
    typed = [slot for slot in tables if slot.typed]
    written = [slot for slot in tables if not slot.typed]
    found: dict[Key, str] = {}
    for path in leaf_paths(slot.table for slot in typed):
        setter = next(slot for slot in typed if slot.holds(*path))
        for staged in [(stage, *path) for stage in STAGES if path[0] in Tuning.model_fields]:
            if any(speaks_of(slot.table, staged) for slot in typed):
                continue
            for slot in written:
                if speaks_of(slot.table, staged):
                    part, _ = said(slot.table, staged)
                    found[part] = f"{setter.origin(*path).where} holds for all stages"
    return found


def leaf_paths(tables: Iterable[Mapping[str, Any]]) -> list[Key]:
    """Return the path of every value in the tables that is no table, each once."""
    found: dict[Key, None] = {}

    def walk(table: Mapping[str, Any], path: Key) -> None:
        for key, value in table.items():
            if isinstance(value, Mapping):
                walk(value, (*path, key))
            else:
                found[*path, key] = None

    for table in tables:
        walk(table, ())
    return list(found)


def without(table: Mapping[str, Any], paths: Iterable[Key]) -> dict[str, Any]:
    """Return the table less the keys at the paths; the table itself stays as it is."""
    kept = dict(table)
    for name, *rest in paths:
        inner = kept.get(name)
        if not rest:
            kept.pop(name, None)
        elif isinstance(inner, Mapping):
            kept[name] = without(inner, [tuple(rest)])
    return kept

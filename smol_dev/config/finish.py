"""The last touches on the merged profile: what does not hold is taken out, what is derived is put in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from smol_dev.config.binding import Endpoint
from smol_dev.config.endpoint import is_local
from smol_dev.config.keys import STAGES
from smol_dev.config.model import Tuning
from smol_dev.config.profiles import Slot

CLOUD_TIMEOUT: Final = 120.0
LOCAL_TIMEOUT: Final = 600.0
FIRST_TOKEN_TIMEOUT: Final = 300.0
"""The least that is waited for a first token: a cold model takes minutes to load."""


def finished(
    merged: dict[str, Any],
    *,
    at: Endpoint,
    dropped: Mapping[tuple[str, ...], str],
    key_file: Path | None,
) -> dict[str, Any]:
    """The profile as it holds: nothing that was dropped, the address filled in, `extends` resolved."""
    for path in dropped:
        take_out(merged, path)
    merged.pop("extends", None)
    merged["base_url"] = at.base_url
    merged["headers"] = dict(at.headers)
    if key_file is not None:
        merged["api_key_file"] = str(key_file)
    local = is_local(at.base_url)
    merged.setdefault("timeout", LOCAL_TIMEOUT if local else CLOUD_TIMEOUT)
    derived = "first_token_timeout" not in merged
    if derived:
        merged["first_token_timeout"] = max(merged["timeout"], FIRST_TOKEN_TIMEOUT)
    for stage in STAGES:
        table = merged.get(stage, {})
        if derived and "timeout" in table and "first_token_timeout" not in table:
            table["first_token_timeout"] = max(table["timeout"], FIRST_TOKEN_TIMEOUT)
    return merged


def take_out(table: dict[str, Any], path: tuple[str, ...]) -> None:
    """Remove a key, if it is there."""
    for part in path[:-1]:
        table = table.get(part, {})
    table.pop(path[-1], None)


def overridden(tables: Sequence[Slot]) -> dict[tuple[str, ...], str]:
    """Keys of a stage, set in files, that do not hold: a flag or variable sets them for all stages."""
    found: dict[tuple[str, ...], str] = {}
    typed = [slot for slot in tables if not slot.layer.documents and slot.hop == 0]
    written = [slot for slot in tables if slot.layer.documents or slot.hop > 0]
    for path in leaf_paths(slot.table for slot in typed):
        if path[0] not in Tuning.model_fields:
            continue
        for stage in STAGES:
            staged = (stage, *path)
            if not any(slot.holds(*staged) for slot in typed):
                setter = next((slot for slot in typed if slot.holds(*path)), None)
                if setter is not None and any(slot.holds(*staged) for slot in written):
                    found[staged] = f"{setter.origin(*path).where} holds for all stages"
    return found


def leaf_paths(tables: Any) -> list[tuple[str, ...]]:  # noqa: ANN401 - TOML data
    """The path of every value in the tables that is no table, each once."""
    found: dict[tuple[str, ...], None] = {}

    def walk(table: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for key, value in table.items():
            if isinstance(value, Mapping):
                walk(value, (*path, key))
            else:
                found[*path, key] = None

    for table in tables:
        walk(table, ())
    return list(found)

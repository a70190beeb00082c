"""What a server refused is remembered between runs: which structured output and sampling a model takes."""

import contextlib
import hashlib
import json
import secrets
from pathlib import Path
from typing import Any, Final

from smol_dev.config.model import Profile
from smol_dev.server.families import FALLBACK, family_of
from smol_dev.server.known import Known
from smol_dev.server.request import Habits, usable_rungs

MOST_BYTES: Final = 64 * 1024


class Remembered:
    """A small file per server in the cache directory.

    It only saves a refused request a run; where it cannot be read or written, nothing is remembered
    and nothing is said.
    """

    def __init__(self, cache_dir: Path | None, base_url: str) -> None:
        name = hashlib.sha256(base_url.encode()).hexdigest()[:24]
        self._file = None if cache_dir is None else cache_dir / "servers" / f"{name}.json"

    def load(self, profile: Profile, known: Known | None) -> Habits:
        """The habits to begin with for the profile's model on this server."""
        family = family_of(profile.model)
        told = self._read().get(profile.model, {})
        habits = Habits(
            rungs=usable_rungs(profile, known),
            left_out=set(_automatic(profile)) & set(map(str, told.get("left_out", ()))),
            merges_system=family is not None and not family.system,
        )
        if told.get("starts_anew"):
            habits.continues, habits.starts_anew = False, True
        best = told.get("form") if profile.structured_output == "auto" else None
        if best == "text":
            habits.rungs = ()
        elif best in habits.rungs:
            habits.rungs = habits.rungs[habits.rungs.index(best) :]
        return habits

    def save(self, profile: Profile, habits: Habits) -> None:
        """Remember what the model was found to take: its structured output, sampling and openings.

        What the user has set is neither remembered nor overruled.
        """
        known = self._read()
        mine = dict(known.get(profile.model, {}))
        if profile.structured_output == "auto":
            mine["form"] = habits.rungs[0] if habits.rungs else "text"
        if left_out := sorted(habits.left_out & set(_automatic(profile))):
            mine["left_out"] = left_out
        if habits.starts_anew:
            mine["starts_anew"] = True
        if self._file is None or known.get(profile.model, {}) == mine:
            return
        temporary = self._file.with_name(f".{secrets.token_hex(8)}")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.write_text(json.dumps({**known, profile.model: mine}), encoding="utf-8")
            temporary.replace(self._file)

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._file is None:
            return {}
        try:
            with self._file.open("rb") as file:
                document = json.loads(file.read(MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(document, dict):
            return {}
        return {name: told for name, told in document.items() if _is_told(told)}


def _automatic(profile: Profile) -> list[str]:
    """The keys of sampling that the user leaves open."""
    return [name for name in FALLBACK if getattr(profile, name) == "auto"]


def _is_told(told: object) -> bool:
    return (
        isinstance(told, dict) and isinstance(told.get("form", ""), str) and isinstance(told.get("left_out", []), list)
    )

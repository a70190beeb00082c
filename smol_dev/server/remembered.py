"""What a server refused is remembered between runs: which structured output a model takes."""

import contextlib
import hashlib
import json
import secrets
from pathlib import Path
from typing import Final

from smol_dev.config.model import Profile
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
        usable = usable_rungs(profile, known)
        if profile.structured_output != "auto":
            return Habits(rungs=usable)
        best = self._read().get(profile.model)
        if best == "text":
            return Habits(rungs=())
        return Habits(rungs=usable[usable.index(best) :] if best in usable else usable)

    def save(self, profile: Profile, habits: Habits) -> None:
        """Remember the form of structured output that is left for the model."""
        if self._file is None or profile.structured_output != "auto":
            return
        best = habits.rungs[0] if habits.rungs else "text"
        known = self._read()
        if known.get(profile.model) == best:
            return
        temporary = self._file.with_name(f".{secrets.token_hex(8)}")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.write_text(json.dumps({**known, profile.model: best}), encoding="utf-8")
            temporary.replace(self._file)

    def _read(self) -> dict[str, str]:
        if self._file is None:
            return {}
        try:
            with self._file.open("rb") as file:
                document = json.loads(file.read(MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(document, dict):
            return {}
        return {name: best for name, best in document.items() if isinstance(best, str)}

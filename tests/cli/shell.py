"""The program as a user types it, in a made-up home and project."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from smol_dev.cli import run


@dataclass
class Shell:
    """`type` runs one command line; `out` and `err` are what it printed, `~` the made-up home."""

    home: Path
    monkeypatch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    @property
    def project(self) -> Path:
        return self.home / "work"

    @property
    def user_file(self) -> Path:
        return self.home / ".config" / "smol" / "smol.toml"

    def type(self, *words: str) -> int:
        code = run(words)
        self.out, self.err = (text.replace(str(self.home), "~") for text in self.capture.readouterr())
        return code

    def write(self, text: str, *, project: bool = False) -> None:
        file = self.project / "smol.toml" if project else self.user_file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)

    def export(self, **variables: str) -> None:
        for name, text in variables.items():
            self.monkeypatch.setenv(name, text)

import os
from pathlib import Path

import pytest

from tests.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A home folder with an empty project in it, and nothing of this machine's environment."""
    for name in list(os.environ):
        if name != "SMOL_LOCAL_SERVERS" and name.upper().startswith(("SMOL_", "XDG_", "OPENAI_", "OLLAMA_")):
            monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    tmp_path.chmod(0o700)
    (tmp_path / "work" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    return Shell(tmp_path, monkeypatch, capsys)

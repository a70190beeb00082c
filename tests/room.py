"""A home with a project in it, and two recording servers, for whole command lines.

GOOD is the server that the user's own file names, with a key; EVIL is another origin. After every
command line it is checked that the key is in no output and no file, that nothing raw reached the
terminal, and that nothing but the output folder and the program's own folders changed.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from smol_dev.cli import run
from tests.fake_server import FakeServer

KEY = "canary-4f7a9b2c1d8e"
OURS = ("work/generated/", ".local/state/", ".cache/")


@dataclass
class Room:
    """A home and a project in it, with a clean environment, and the two servers."""

    home: Path
    good: FakeServer
    evil: FakeServer
    monkeypatch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    @property
    def work(self) -> Path:
        return self.home / "work"

    @property
    def project_file(self) -> Path:
        return self.work / "smol.toml"

    def own(self, base_url: str, settings: str = "") -> None:
        """The user's file: a server with a key."""
        file = self.home / ".config/smol/smol.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            'default_profile = "mine"\n[profiles.mine]\nprovider = "compatible"\nmodel = "m"\n'
            f'base_url = "{base_url}"\napi_key_env = "GOOD_KEY"\nmax_retries = 0\n'
            f"answer_retries = 0\n{settings}"
        )
        file.chmod(0o600)

    def type(self, *words: str) -> int:
        """The exit code of a command line, after which nothing that must not be is anywhere."""
        before = self._files()
        code = run(words)
        self.out, self.err = self.capture.readouterr()
        shown = self.out + self.err
        assert KEY not in shown
        assert "Traceback" not in shown
        assert [each for each in shown if not each.isprintable() and each not in "\n\t"] == []
        after = self._files()
        changed = {path for path in before | after if before.get(path) != after.get(path)}
        assert [path for path in changed if not path.startswith(OURS)] == []
        assert [path for path in after if KEY.encode() in after[path]] == []
        return code

    def written(self) -> dict[str, str]:
        out = self.work / "generated"
        return {
            path.removeprefix("work/generated/"): text.decode()
            for path, text in self._files().items()
            if path.startswith("work/generated/") and (out / ".smol") not in (self.home / path).parents
        }

    def _files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.home)): path.read_bytes()
            for path in self.home.rglob("*")
            if path.is_file() and path.resolve().is_relative_to(self.home)
        }


def keys(server: FakeServer) -> set[str | None]:
    return {request.headers.get("authorization") for request in server.requests}


def everything(server: FakeServer) -> str:
    return "".join(f"{each.path} {each.headers} {each.body!r}" for each in server.requests)

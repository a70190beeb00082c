"""The output folder of one run: files appear in it whole or not at all, nothing else is touched."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from smol_dev.server.chat import StageName
from smol_dev.workspace.record import FileState, Record

MAX_RUN_BYTES: Final = 32 * 1024 * 1024
"""Most bytes of all files of a run; the caller refuses an answer that would pass it."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a resumed run finds, each in the order of the file list.

    `todo` is to be asked for. `finished` is on disk as it was written; `edited` was changed by the
    user since and is kept. `occupied` is where something of the user's now stands in the place of a
    file that was never written, `(path, why)`; `refused` may not be written any more, `(path, why)`.
    """

    todo: tuple[str, ...]
    finished: tuple[str, ...]
    edited: tuple[str, ...]
    occupied: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...]


class Workspace:
    """One output folder, held by a lock until it is closed; a context manager."""

    root: Path

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        cwd: Path,
        home: Path | None,
        overwrite: bool = False,
        resume: bool = False,
        allow_sensitive: Sequence[str] = (),
    ) -> Self:
        """Take hold of the folder, or raise `WorkspaceError` with nothing touched.

        Without `resume` the folder is created if it is absent, and has to be empty or to hold only what
        earlier runs wrote, unless `overwrite`. With `resume` it has to hold a record. It is proven
        writable here, before anyone waits for a model.
        """
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder; a second call does nothing."""
        raise NotImplementedError

    @property
    def record(self) -> Record | None:
        """The record found on resume or saved last, with the states noted since; None before."""
        raise NotImplementedError

    @property
    def written_bytes(self) -> int:
        """Bytes of all finished files of this run, those before a resume included."""
        raise NotImplementedError

    def save(self, record: Record) -> None:
        """Replace `run.json` as a whole, and `plan.md`; for the few moments when a stage is done."""
        raise NotImplementedError

    def note(self, state: FileState) -> None:
        """Remember one file at a constant cost; a done file's `sha256` and `bytes` are filled in."""
        raise NotImplementedError

    def remaining(self) -> Remaining:
        """What is left to do of the record's file list, judged by what is on disk now."""
        raise NotImplementedError

    def conflicts(self, paths: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Those of the paths that `write` would refuse as things stand, each with the reason."""
        raise NotImplementedError

    def write(self, path: str, content: str) -> int:
        """Publish the file whole, and say how many bytes it has.

        Raises `WorkspaceError` when the path is unsafe, something of the user's is in the way, or the
        disk refuses; `AnswerError` when the content is no text that UTF-8 can hold. The name then is as
        it was before, and no temporary file is left.
        """
        raise NotImplementedError

    def keep_answer(self, stage: StageName, path: str | None, attempt: int, text: str) -> str:
        """Keep an unusable answer under `.smol/answers/` for the user to look at; its relative path."""
        raise NotImplementedError

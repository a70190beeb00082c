"""Adoption of a folder that smol_dev did not make: its files become the first state of a program."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from smol_dev.app.caller import Caller
from smol_dev.app.settings import recorded
from smol_dev.checks import folder
from smol_dev.config.load import Loaded
from smol_dev.errors import WorkspaceError
from smol_dev.events import Warned
from smol_dev.redact import redact
from smol_dev.run.change import adopted as stand_in
from smol_dev.safe import command, listed
from smol_dev.workspace.paths import holds_secrets, refuse
from smol_dev.workspace.record import Record

PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY")
GIT: Final = ("--no-pager", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never", "ls-tree", "-r", "-z", "HEAD")
"""Reads only the commit: looking at the work tree could run programs named in the folder's git settings."""

GIT_ENVIRONMENT: Final = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
GIT_SECONDS: Final = 60


def adopted(folder: Path, loaded: Loaded, caller: Caller, *, is_undoable: bool) -> Record | None:
    """Return a record for the program in a folder; None if it has one. Raise `WorkspaceError` if there is no program.

    With `is_undoable`, git must have every file as it is, so that all changes can be undone.
    """
    root = caller.surroundings.cwd / folder
    if not root.is_dir():
        raise WorkspaceError(f"there is no folder `{root}`", hint="name the program's folder: `-o DIR`")
    if (root / ".smol/run.json").is_file():
        return None
    texts = _texts(root, loaded, caller)
    if is_undoable:
        _refuse_unclean(root, texts, caller.surroundings.environ)
    prompt, plan = stand_in(root.resolve().name, texts)
    listed = json.dumps({"files": list(texts)})
    record = Record(prompt, {}, plan=plan, plan_answer=plan, list_answer=listed, files=tuple(texts))
    return recorded(record, loaded)


def _texts(root: Path, loaded: Loaded, caller: Caller) -> dict[str, str]:
    """Return the files that a model may see, by path; warn about those kept from it."""
    found, secrets, run = folder.read(root), loaded.secrets().secrets, loaded.run
    kept = [
        path
        for path, text in found.files.items()
        if holds_secrets(path) or PRIVATE_KEY.search(text) or redact(text, secrets) != text
    ]
    fit = {path: text for path, text in found.files.items() if path not in kept and refuse(path) is None}
    texts = {path: fit[path] for path in sorted(fit) if len(fit[path].encode()) <= run.max_file_bytes}
    if found.cut or len(texts) > run.max_files:
        raise WorkspaceError(
            f"`{root}` holds {len(texts):,} text files{' and more' if found.cut else ''}, more than"
            f" `run.max_files` ({run.max_files:,})",
            hint="name a folder in it: `-o DIR`, or raise it with " + command("-c run.max_files={n}", n=len(texts)),
        )
    if not texts:
        raise WorkspaceError(f"`{root}` has no text file to change", hint="name the program's folder: `-o DIR`")
    if kept:
        caller.show(Warned(f"not shown to the model, because they may hold secrets: {listed(kept)}"))
    return texts


def _refuse_unclean(root: Path, paths: Iterable[str], environ: Mapping[str, str]) -> None:
    """Raise `WorkspaceError` unless git has every file as it is on disk, and no file is missing."""
    hint = "commit first, or go on without: `--yes`"
    committed = _committed(root, environ)
    if committed is None:
        raise WorkspaceError(
            f"`{root}` is not a git work tree with a commit, so git could not undo the change", hint=hint
        )
    gone = [path for path in committed if not os.path.lexists(root / path)]
    changed = [path for path in paths if committed.get(path) not in _blobs((root / path).read_bytes())]
    if unclean := [*changed, *gone]:
        raise WorkspaceError(f"git does not have these files in `{root}` as they are: {listed(unclean)}", hint=hint)


def _committed(root: Path, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Return the hash of each file in the last commit, by path; None if there is no commit."""
    git = shutil.which("git", path=environ.get("PATH"))
    if git is None:
        return None
    kept = {name: environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in environ}
    try:
        listed = subprocess.run(
            (git, *GIT), cwd=root, env={**kept, **GIT_ENVIRONMENT}, capture_output=True, timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    entries = (entry.split("\t", 1) for entry in os.fsdecode(listed.stdout).split("\0") if entry)
    return {path: about.split()[2] for about, path in entries if about.split()[1] == "blob"}


def _blobs(content: bytes) -> set[str]:
    """Return the hashes that git may have for this content: SHA-1 or SHA-256, with CRLF kept or converted to LF."""
    texts = {content, content.replace(b"\r\n", b"\n")}
    blobs = [b"blob %d\0%s" % (len(text), text) for text in texts]
    return {hashed(blob).hexdigest() for blob in blobs for hashed in (hashlib.sha1, hashlib.sha256)}

"""Who approved which project file: an approval holds for exactly these bytes at exactly this place."""

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from smol_dev.config.endpoint import Lookup
from smol_dev.config.environment import reserved, variables
from smol_dev.config.files import BadFileError, Document, Named, decoded, parsed, read_bytes, read_document
from smol_dev.config.project import Steering, steering
from smol_dev.config.reading import Reading, read
from smol_dev.config.surroundings import Flags, Surroundings
from smol_dev.errors import TrustError
from smol_dev.safe import command

FOLDER: Final = "trust"
BY_HASH: Final = "SMOL_TRUST_PROJECT={hash}"
RECORD_LIMIT: Final = 16 * 1024 * 1024
"""More than a file of 64 KiB can name, with its paths."""
HASH: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PendingTrust:
    """A project's file that steers. `hash` is what `SMOL_TRUST_PROJECT` takes."""

    document: Document
    hash: str
    keys: tuple[Steering, ...]
    approved: bool = False

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.document.path


class Approval(NamedTuple):
    """A recorded approval; `current` says whether the file still is what was approved."""

    path: Path
    hash: str
    current: bool


def pending(flags: Flags, surroundings: Surroundings) -> PendingTrust | None:
    """What the project's file steers, approved or not; None without a file, or when it only tunes.

    Raises `ConfigError` when the settings cannot be read as a whole.
    """
    return waiting(read(flags, surroundings), lookup=None)


def waiting(reading: Reading, *, lookup: Lookup | None) -> PendingTrust | None:
    """What the project's file steers in these settings."""
    layers = reading.layers
    keys = steering(layers, reading.endpoint, reading.chain, lookup)
    document = layers.project
    if document is None or not keys:
        return None
    return PendingTrust(document, file_hash(document), keys, is_approved(document, layers.surroundings))


def decide(
    reading: Reading, *, approve: Callable[[PendingTrust], bool] | None, connect: bool, lookup: Lookup | None
) -> tuple[str, ...]:
    """What to warn about, if these settings may be used. Raises `TrustError` otherwise.

    Without `connect` nothing can leave the machine, so an unapproved file is only a warning.
    """
    found = waiting(reading, lookup=lookup)
    if found is None or found.approved:
        return ()
    refusal = refused(found)
    if not connect:
        return (f"{refusal.message}; a run would stop here",)
    if approve is None or not approve(found):
        raise refusal
    try:
        record(found.document, reading.layers.surroundings)
    except TrustError as error:
        return (f"{error.message}; the project's file is approved for this run alone",)
    return ()


def file_hash(document: Document) -> str:
    """Return the SHA-256 of a project's file and of the files that it names, in hexadecimal."""
    return hashlib.sha256(content(document)).hexdigest()


def content(document: Document) -> bytes:
    """Return what is approved: the real path of each file, NUL, and its bytes, NUL between two files.

    The files that it names follow in the order of their keys.
    """
    files = [(document.path, document.raw), *((each.path, each.raw) for each in document.named)]
    return b"\0".join(real(path) + b"\0" + raw for path, raw in files)


def real(path: Path) -> bytes:
    """Return the path without links; one that is no file name, as it is."""
    try:
        return os.fsencode(os.path.realpath(path))
    except ValueError:
        return os.fsencode(path).replace(b"\0", b"\n")


def is_approved(document: Document, surroundings: Surroundings) -> bool:
    """Whether exactly this file was approved, on record or by `SMOL_TRUST_PROJECT`."""
    hashed = file_hash(document)
    named = reserved(variables(surroundings.environ), "trust_project")
    if named is not None and named.text.strip().lower() == hashed:
        return True
    return surroundings.state is not None and bool(recorded(surroundings.state, hashed))


def recorded(state: Path, hashed: str) -> bytes:
    """Return what was approved under this hash; empty when there is no such approval.

    A record that others could have written, or that holds anything else, is no approval.
    """
    try:
        if hasattr(os, "geteuid") and state.stat().st_mode & stat.S_IWOTH:
            return b""
        found, _ = read_bytes(state / FOLDER / hashed, limit=RECORD_LIMIT, project=True)
    except (OSError, BadFileError):
        return b""
    return found if hashlib.sha256(found).hexdigest() == hashed else b""


def refused(found: PendingTrust) -> TrustError:
    """The refusal of a file that steers, and is not approved."""
    keys = ", ".join(f"`{each.key}`" for each in found.keys)
    return TrustError(
        f"`{found.path}` steers where prompts go and is not approved: {keys}",
        hint=f"look at it and approve it: `smol_dev trust`; or leave it out: `--no-project-config`; "
        f"in automation: {command(BY_HASH, hash=found.hash)}",
    )


def approve(path: Path, surroundings: Surroundings, *, hash: str = "") -> str:  # noqa: A002 - what it is
    """Record the file as it is now as approved, and return its hash.

    With `hash`, the one that was shown, nothing else is recorded. Raises `TrustError` when the file
    is another by now, cannot be read, or the state directory cannot be written.
    """
    document = read_document(path, project=True)
    if not isinstance(document, Document):
        what = document.what if document else "does not exist"
        raise TrustError(f"{path} {what}", hint="name the project's `smol.toml`")
    hashed = file_hash(document)
    if hash and hashed != hash:
        raise TrustError(f"{path} has changed since it was shown", hint="look at it again: `smol_dev trust`")
    record(document, surroundings)
    return hashed


def record(document: Document, surroundings: Surroundings) -> None:
    """Keep what is approved under its hash, whole or not at all, readable by the user alone."""
    hashed = file_hash(document)
    hint = f"for this one environment: {command(BY_HASH, hash=hashed)}"
    if surroundings.state is None:
        raise TrustError("there is no directory to record an approval in", hint=hint)
    folder = surroundings.state / FOLDER
    temporary = folder / f".{hashed}.{secrets.token_hex(4)}"
    try:
        make_private(folder)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content(document))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / hashed)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise TrustError(f"{folder} cannot be written ({error.strerror})", hint=hint) from error


def make_private(folder: Path) -> None:
    """Make the folder and its parent the user's alone, and those above that are missing, whatever the umask."""
    missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    for each in (*missing, folder.parent, folder):
        each.chmod(0o700)


def approvals(surroundings: Surroundings) -> list[Approval]:
    """Every recorded approval, by path."""
    found = []
    for hashed, content, _ in records(surroundings):
        path = Path(os.fsdecode(content.partition(b"\0")[0]))
        found.append(Approval(path, hashed, hash_now(path) == hashed))
    return sorted(found, key=lambda approval: (str(approval.path), approval.hash))


def records(surroundings: Surroundings) -> Iterator[tuple[str, bytes, int]]:
    """The hash of each approval, what was approved, and when."""
    state = surroundings.state
    if state is None:
        return
    with contextlib.suppress(OSError):  # not there, or not the user's
        for file in sorted((state / FOLDER).iterdir()):
            if HASH.fullmatch(file.name) and (content := recorded(state, file.name)):
                yield file.name, content, file.stat().st_mtime_ns


def hash_now(path: Path) -> str:
    """The hash of the file as it is; empty when it cannot be read."""
    document = read_document(path, project=True)
    return file_hash(document) if isinstance(document, Document) else ""


def approved_before(document: Document, surroundings: Surroundings) -> Document | None:
    """Return the project's file as it was approved last, None where it never was."""
    place = real(document.path) + b"\0"
    same = [each for each in records(surroundings) if each[1].startswith(place)]
    if not same:
        return None
    _, raw, *files = max(same, key=lambda each: each[2])[1].split(b"\0")
    named = [Named((), Path(os.fsdecode(path)), text) for path, text in zip(files[::2], files[1::2], strict=True)]
    text = decoded(raw)
    return Document(document.path, raw, text, parsed(text), named=tuple(named))


def revoke(path: Path, surroundings: Surroundings) -> int:
    """Forget every approval of this file; how many there were."""
    found = [each for each in approvals(surroundings) if bytes(each.path) == real(path)]
    for each in found:
        if surroundings.state is not None:
            (surroundings.state / FOLDER / each.hash).unlink(missing_ok=True)
    return len(found)

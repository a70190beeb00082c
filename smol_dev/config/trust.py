"""Who approved which project file: an approval holds for exactly these bytes at exactly this place."""

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from smol_dev.config.endpoint import Lookup
from smol_dev.config.environment import reserved, variables
from smol_dev.config.files import PROJECT_LIMIT, BadFileError, decoded, parsed, read_bytes
from smol_dev.config.project import Steering, steering
from smol_dev.config.reading import Reading, read
from smol_dev.config.surroundings import Flags, Surroundings
from smol_dev.config.variants import TEXTS, is_file_name
from smol_dev.errors import TrustError
from smol_dev.safe import command

FOLDER: Final = "trust"
BY_HASH: Final = "SMOL_TRUST_PROJECT={hash}"
HASH: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PendingTrust:
    """A project's file that steers. `hash` is what `SMOL_TRUST_PROJECT` takes."""

    path: Path
    hash: str
    keys: tuple[Steering, ...]
    approved: bool = False


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
    hashed = file_hash(document.path, document.raw)
    return PendingTrust(
        document.path, hashed, keys, is_approved(document.path, hashed, layers.surroundings)
    )


def decide(
    reading: Reading,
    *,
    approve: Callable[[PendingTrust], bool] | None,
    connect: bool,
    lookup: Lookup | None,
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
        record(found.path, found.hash, reading.layers.surroundings)
    except TrustError as error:
        return (f"{error.message}; the project's file is approved for this run alone",)
    return ()


def file_hash(path: Path, raw: bytes) -> str:
    """Return the SHA-256 of a project's file and of the files that it names, in hexadecimal.

    Each is its real path, NUL, and its bytes; the files follow in the order of their keys, behind a NUL.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(path)) + b"\0" + raw)
    for file in named_files(path, raw):
        digest.update(b"\0" + os.fsencode(os.path.realpath(file)) + b"\0" + content_of(file))
    return digest.hexdigest()


def named_files(path: Path, raw: bytes) -> list[Path]:
    """Return the files whose texts a project's file sends, in the order of their keys."""
    try:
        prompts = parsed(decoded(raw)).get("prompts")
    except BadFileError:
        return []
    tables = prompts.values() if isinstance(prompts, dict) else ()
    return [
        path.parent / value
        for table in tables
        if isinstance(table, dict)
        for key, value in table.items()
        if key in TEXTS and isinstance(value, str) and is_file_name(value)
    ]


def content_of(file: Path) -> bytes:
    """Return the bytes of a named file; none where there are none to be had, and no run either."""
    try:
        return read_bytes(file, limit=PROJECT_LIMIT)[0]
    except (FileNotFoundError, BadFileError):
        return b""


def is_approved(path: Path, hashed: str, surroundings: Surroundings) -> bool:
    """Whether exactly this file was approved, on record or by `SMOL_TRUST_PROJECT`."""
    named = reserved(variables(surroundings.environ), "trust_project")
    if named is not None and named.text.strip().lower() == hashed:
        return True
    if surroundings.state is None:
        return False
    return recorded(surroundings.state, hashed) == os.fsencode(os.path.realpath(path))


def recorded(state: Path, hashed: str) -> bytes:
    """Return the path that an approval is of, as it was recorded; empty when there is none.

    A record that others could have written is no approval.
    """
    try:
        if hasattr(os, "geteuid") and state.stat().st_mode & stat.S_IWOTH:
            return b""
        raw, _ = read_bytes(state / FOLDER / hashed, limit=PROJECT_LIMIT, project=True)
    except (OSError, BadFileError):
        return b""
    return raw.removesuffix(b"\n")


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
    try:
        raw, _ = read_bytes(path, limit=PROJECT_LIMIT, project=True)
    except (FileNotFoundError, BadFileError) as error:
        what = error.what if isinstance(error, BadFileError) else "does not exist"
        raise TrustError(f"{path} {what}", hint="name the project's `smol.toml`") from error
    hashed = file_hash(path, raw)
    if hash and hashed != hash:
        raise TrustError(
            f"{path} has changed since it was shown", hint="look at it again: `smol_dev trust`"
        )
    record(path, hashed, surroundings)
    return hashed


def record(path: Path, hashed: str, surroundings: Surroundings) -> None:
    """Write the approval, whole or not at all, readable by the user alone."""
    hint = f"for this one environment: {command(BY_HASH, hash=hashed)}"
    if surroundings.state is None:
        raise TrustError("there is no directory to record an approval in", hint=hint)
    folder = surroundings.state / FOLDER
    temporary = folder / f".{hashed}.{secrets.token_hex(4)}"
    try:
        make_private(folder)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.fsencode(os.path.realpath(path)) + b"\n")
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
    if surroundings.state is None:
        return []
    folder = surroundings.state / FOLDER
    try:
        files = [file for file in folder.iterdir() if HASH.fullmatch(file.name)]
    except OSError:  # not there, or not the user's
        return []
    found = []
    for file in files:
        path = Path(os.fsdecode(recorded(surroundings.state, file.name)))
        found.append(Approval(path, file.name, hash_now(path) == file.name))
    return sorted(found, key=lambda approval: (str(approval.path), approval.hash))


def hash_now(path: Path) -> str:
    """The hash of the file as it is; empty when it cannot be read."""
    try:
        return file_hash(path, read_bytes(path, limit=PROJECT_LIMIT, project=True)[0])
    except (FileNotFoundError, BadFileError):
        return ""


def revoke(path: Path, surroundings: Surroundings) -> int:
    """Forget every approval of this file; how many there were."""
    real = Path(os.path.realpath(path))
    found = [each for each in approvals(surroundings) if each.path == real]
    for each in found:
        if surroundings.state is not None:
            (surroundings.state / FOLDER / each.hash).unlink(missing_ok=True)
    return len(found)

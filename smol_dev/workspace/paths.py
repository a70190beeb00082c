"""Which model-chosen paths may be written: pure rules, nothing is repaired."""

from collections.abc import Sequence


def refuse(path: str, *, allow_sensitive: Sequence[str] = ()) -> str | None:
    """Why this path must not be written, or None; reads after the path: `PATH: WHY`.

    One leading `./` is set aside and `\\` is `/`; everything else is refused as it stands.
    `allow_sensitive` are globs (`*` matches `/` too; a folder's glob covers what is in it) for files
    that run by themselves when a folder is opened. They never allow `.git`, `.smol` or `smol.toml`.
    """
    raise NotImplementedError


def settle(
    paths: Sequence[str], *, allow_sensitive: Sequence[str] = ()
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The paths that may be written together, and the refused ones each with its reason.

    Accepted paths keep their order and come with `/` and without a leading `./`; refused ones are as
    they were given. Of two that collide on some disk (case, Unicode forms, a file where the other
    needs a folder) the later one is refused, and so is the one that would complete a bare git repository.
    """
    raise NotImplementedError


def noteworthy(path: str) -> str | None:
    """Why the user should hear that this file was written, or None: `.env`, CI workflows, …."""
    raise NotImplementedError


def invisible(text: str) -> str | None:
    """A warning that names the invisible or bidirectional characters of a file's content, or None."""
    raise NotImplementedError

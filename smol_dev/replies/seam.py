"""A cut-off answer and its continuation → one answer, when the seam can be checked."""


def join(partial: str, continuation: str, *, path: str | None = None) -> str | None:
    """Return the whole raw answer, or None when where the two meet cannot be verified.

    `path` is the file that was being written, if it was one: its type decides what fits.
    """
    raise NotImplementedError

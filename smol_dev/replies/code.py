"""One answer → the text of the one file it was asked for."""

from smol_dev.replies.verdicts import Code, Rejected


def read_code(answer: str, *, path: str, finish_reason: str | None) -> Code | Rejected:
    """Return the file that `answer` contains for `path`, or the reason why no one could tell."""
    raise NotImplementedError

"""One answer → the paths of the files to write."""

from smol_dev.replies.verdicts import FileList, Rejected


def read_file_list(
    answer: str, *, finish_reason: str | None, max_files: int = 200
) -> FileList | Rejected:
    """Return the paths that `answer` lists, in its order, or the reason why no one could tell."""
    raise NotImplementedError


def paths_in_plan(plan: str) -> FileList | Rejected:
    """Return the paths a plan speaks of, for when every answer with a list was unusable."""
    raise NotImplementedError

"""One answer → the paths of the files to write."""

import json
import re

from smol_dev.replies.envelope import open_envelope
from smol_dev.replies.verdicts import FileList, Rejected, list_rejected


def read_file_list(
    answer: str, *, finish_reason: str | None, max_files: int = 200
) -> FileList | Rejected:
    """Return the paths that `answer` lists, in its order, or the reason why no one could tell."""
    text = open_envelope(answer, cut=finish_reason == "length").text
    if not text.strip():
        return list_rejected("empty")
    found = re.search(r"[\[{].*[\]}]", text, re.DOTALL)
    try:
        document = json.loads(found[0]) if found else None
    except ValueError:
        return list_rejected("truncated" if finish_reason == "length" else "wrong_format")
    files = document.get("files") if isinstance(document, dict) else document
    if not isinstance(files, list):
        return list_rejected("wrong_format")
    return FileList(tuple(str(path) for path in files), ())


def paths_in_plan(plan: str) -> FileList | Rejected:
    """Return the paths a plan speaks of, for when every answer with a list was unusable."""
    paths = tuple(dict.fromkeys(re.findall(r"`([\w/-]+\.\w+)`", plan)))
    return FileList(paths, ()) if paths else list_rejected("wrong_format")

"""One answer → the paths of the files to write.

The passes, in order: envelope (G1), then every list in the answer in whatever form (F1), the choice among
them (F2), the verdicts on its end (G2, F9, F10), and last what each entry comes to as a path (F3–F8).
"""

import re
from typing import Final

from smol_dev.errors import Reason
from smol_dev.replies.envelope import open_envelope
from smol_dev.replies.list_choice import find_list, has_empty_list, is_blank
from smol_dev.replies.list_paths import settle
from smol_dev.replies.list_regions import OUTLINED
from smol_dev.replies.prose import is_refusal
from smol_dev.replies.repetition import is_loop
from smol_dev.replies.verdicts import FileList, Rejected, list_rejected

CUT: Final = frozenset({"length", "max_tokens", "content_filter"})
AROUND: Final = re.compile(r"^[\s\[{(\"'`]*(?:\w+[\"']?\s*:\s*[\[\"'\s]*)?|[\s\])}\"'`]*$")
LONG: Final = 100_000
TOO_LONG: Final = 400_000
MANY: Final = 24
FEW: Final = 4


def read_file_list(
    answer: str, *, finish_reason: str | None, max_files: int = 200
) -> FileList | Rejected:
    """Return the paths that `answer` lists, in its order, or the reason why no one could tell.

    The time is linear in the length of the answer, whatever it is.
    """
    was_cut = finish_reason in CUT
    envelope = open_envelope(answer, cut=was_cut)
    cut = was_cut and not envelope.stopped
    text = behind_thought(envelope.text)
    if envelope.lost:
        return list_rejected(without_list(answer, cut=cut))
    if len(text) > TOO_LONG or (len(text) > LONG and is_loop(text)):
        return list_rejected("degenerate")
    if is_blank(text):
        return list_rejected("empty")
    found = find_list(text)
    if (found is None or found.rank < OUTLINED) and is_refusal(AROUND.sub("", text)):
        return list_rejected("refusal")
    if found is None:
        return list_rejected(without_list(text, cut=cut))
    if is_runaway(found.entries, max_files):
        return list_rejected("degenerate")
    if not found.closed and (cut or not found.complete):
        return list_rejected("degenerate" if is_loop(text) else "truncated")
    return settle(found.entries)


def paths_in_plan(plan: str) -> FileList | Rejected:
    """Return the paths a plan speaks of, for when every answer with a list was unusable."""
    found = find_list(plan)
    return list_rejected("wrong_format") if found is None else settle(found.entries)


def behind_thought(text: str) -> str:
    """Return what follows a lone closing tag of reasoning, which no list of files contains."""
    before, mark, rest = text.rpartition("</think>")
    return rest if mark and rest.strip() and "<think>" not in before else text


def without_list(text: str, *, cut: bool) -> Reason:
    """Return the clearest reason for an answer in which no list was found."""
    if is_loop(text):
        return "degenerate"
    if has_empty_list(text) and not cut:
        return "empty"
    return "truncated" if cut else "wrong_format"


def is_runaway(entries: tuple[str, ...], max_files: int) -> bool:
    """Tell whether a list goes on without end: too many entries, or the same few over and over."""
    return len(entries) > max_files or (
        len(entries) >= MANY and len(set(entries)) * FEW <= len(entries)
    )

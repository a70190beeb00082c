"""What the model said, turned into what we asked for: pure functions of text.

Each pass, pattern and table of words names an answer of `tests/replies` that needs it: `# for ID`.
"""

from smol_dev.replies.checks import check_syntax
from smol_dev.replies.code import read_code
from smol_dev.replies.continuation import cut_back, join
from smol_dev.replies.file_list import paths_in_plan, read_file_list
from smol_dev.replies.repetition import Repetition
from smol_dev.replies.verdicts import Code, FileList, Rejected

__all__ = [
    "Code",
    "FileList",
    "Rejected",
    "Repetition",
    "check_syntax",
    "cut_back",
    "join",
    "paths_in_plan",
    "read_code",
    "read_file_list",
]

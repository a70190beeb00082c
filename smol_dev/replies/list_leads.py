"""What the words in front of a list say about it: the last version, a changed mind, another thing (F2)."""

import re
from typing import Final

NEWS: Final = re.compile(
    r"\b(?:updated|final(?:ised|ized)?|revised|corrected|improved|fixed|amended|adjusted|refined|definitive|consolidated|"
    r"new list|aktualisiert\w*|endgültig\w*|korrigiert\w*|actualizad\w*|corrig\w+|mis à jour)\b|最终|更新",
    re.IGNORECASE,
)
ABOUT_LIST: Final = re.compile(
    r"\b(?:list\w*|files?|file-?\w*|paths?|structure|version|answer|tree|layout|set|dateien|liste|archivos|fichiers)\b|文件|"
    r"^\W*\w+\W*$",
    re.IGNORECASE,
)
CHANGED: Final = re.compile(
    r"\b(?:actually|wait|correction|on second thought|scratch that|oops|let me (?:revise|fix|correct|redo|rework)|"
    r"instead|better|complete list|full list|revis\w+|simplif\w+)\b",
    re.IGNORECASE,
)
ASIDE: Final = re.compile(
    r"\b(?:do(?:es)? not|don't|not (?:needed|required|included|necessary|to be|part)|no need|exclud\w+|ignored?|without|"
    r"dependenc(?:y|ies)|librar(?:y|ies)|packages? (?:needed|used|required)|technolog\w+|tech stack|tools used|draft|initial|first (?:attempt|idea|version)|"
    r"old|original|thoughts?|reasoning|maybe|perhaps|previous(?:ly)?|delete[ds]?|removed?|commands?|how to run|to run|run (?:it|the)|usage|next steps|instructions|"
    r"install\w*|getting started|notes?|features?|example output|skip(?:ped)?|requirements:|optional(?:ly)? later)\b"
    r"|(?:\bfor (?:example|instance)|\be\.g\.|\bsuch as|\blike)\W*$",
    re.IGNORECASE,
)

NAMES: Final = re.compile(r"`[^`\n]*`|\"[^\"\n]*\"|\S+\.\w+")


def is_news(lead: str, *, sure: bool) -> bool:
    """Tell whether a list is announced as the last version of it.

    The words in front of bullets have to speak of a list (`sure` is false), since notes have
    bullets as well.
    """
    lines = lead.replace("`", "").split("\n")
    return any(NEWS.search(line) and (sure or ABOUT_LIST.search(line)) for line in lines)


def is_changed(lead: str) -> bool:
    """Tell whether a list follows words of a changed mind."""
    return CHANGED.search(lead) is not None


def is_aside(lead: str) -> bool:
    """Tell whether the words in front of a list say that it is not the one that was asked for."""
    last = NAMES.sub("", lead.strip().rpartition("\n")[2])
    return bool(ASIDE.search(last)) and not (NEWS.search(last) or CHANGED.search(last))

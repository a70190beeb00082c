"""What models call the keys of an object that lists files."""

import re
from typing import Final

PATH_KEYS: Final = (
    "path", "filepath", "fullpath", "relativepath", "relpath", "filename", "file", "targetfile", "target",
    "name", "title", "uri", "location", "key", "id",
)  # fmt: skip
FOLDER_KEYS: Final = ("dir", "directory", "folder", "foldername", "dirname", "parent")
CHILD_KEYS: Final = (
    "children",
    "files",
    "contents",
    "content",
    "items",
    "entries",
    "nodes",
    "child",
    "tree",
)
CALL_KEYS: Final = (
    "arguments", "parameters", "args", "kwargs", "input", "toolinput", "actioninput", "toolcalls", "functioncall",
    "function", "params", "toolcall",
)  # fmt: skip
FOLDER_LISTS: Final = ("folders", "directories", "subfolders", "subdirectories", "dirs", "subdirs")
FOLDER_WORD: Final = re.compile(r"(?:sub)?(?:director(?:y|ies)|folders?|dirs)")
IGNORED: Final = re.compile(
    r"(?:description|desc|purpose|summary|reason(?:ing)?|thoughts?|thinking|analysis|plan|notes?|comments?|"
    r"explanation|details?|(?:dev)?dependenc(?:y|ies)|requirements|packages|imports?|exports?|uses|libraries|commands?|steps|"
    r"director(?:y|ies)|folders?|dirs|excluded?|ignored?|skip(?:ped)?|delete[ds]?|removed?|nottocreate|"
    r"examples?|default|enum|required|schema|draft|initial|old|previous|before|dependson|needs|functions|classes|routes|urls?|"
    r"rationale|responsibilit(?:y|ies)|features|tags)"
)
UNUSED: Final = re.compile(
    r"(?:message|content|contents|code|text|body|source(?:code)?|title|language|type|framework|assets|images|binary\w*|"
    r"status|version|author|scripts|run|usage|env\w*)"
)
SETTINGS: Final = re.compile(r"scripts|env\w*|run|usage|author|version|engines")
WRAPPER: Final = re.compile(
    r"\w*(?:files?|paths?|list|names?)(?:to\w+|needed|required|created?)?|result|results|output|data|response|answer|items|entries|structure|tree|project|"
    r"projectstructure|program|value|values|payload|final|updated|codebase|children|root|all|properties|app|manifest"
)
ANNOUNCED: Final = re.compile(
    r"(?:final|updated|revised|corrected|new|after)(?:filelist|files?|filepaths|paths|list|answer)?"
)
EMPTY: Final = frozenset({"", "null", "none", "true", "false", "file", "{}", "undefined", "..."})

"""Any list of files survives the forms in which models write lists."""

import json
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.replies.file_list import read_file_list
from smol_dev.replies.verdicts import FileList

FOLDERS: Final = st.sampled_from(
    ["src", "app", "tests", "quiz_game", "my-app", "[slug]", "(shop)", "@modal", "größe", "v2", ".github"]
)
STEMS: Final = st.sampled_from(
    ["main", "index", "__init__", "test_game", "user-list", "App", "[id]", "+page", "0001_init", "a.test", "日本"]
)
ENDINGS: Final = st.sampled_from(["py", "js", "tsx", "html", "css", "json", "md", "sql", "svelte", "h"])
NAMES: Final = st.one_of(
    st.builds("{}.{}".format, STEMS, ENDINGS),
    st.sampled_from(["Makefile", "Dockerfile", "LICENSE", ".gitignore", ".env.example", "go.mod"]),
)
PATHS: Final = st.builds(lambda folders, name: "/".join([*folders, name]), st.lists(FOLDERS, max_size=3), NAMES)
LISTS: Final = st.lists(PATHS, min_size=1, max_size=8, unique_by=str.casefold)


def tree(paths: list[str]) -> str:
    """Return a drawing of the paths below a root label, folders before what is in them."""
    rows = ["project/"]
    shown: list[str] = []
    for path in paths:
        parts = path.split("/")
        same = 0
        while same < min(len(shown), len(parts) - 1) and shown[same] == parts[same]:
            same += 1
        for depth, part in enumerate(parts[same:], same):
            rows.append("│   " * depth + "├── " + part + ("/" if depth < len(parts) - 1 else ""))
        shown = parts[:-1]
    return "\n".join(rows)


FORMS: Final[dict[str, Callable[[list[str]], str]]] = {
    "json": json.dumps,
    "json-lines": lambda paths: "\n".join(json.dumps({"path": path}) for path in paths),
    "object": lambda paths: json.dumps({"files": paths}, indent=2, ensure_ascii=False),
    "python": lambda paths: f"files = {paths!r}",
    "trailing-comma": lambda paths: "[\n" + "".join(f"  '{path}',\n" for path in paths) + "]",
    "encoded": lambda paths: json.dumps(json.dumps(paths, ensure_ascii=False), ensure_ascii=False),
    "described": lambda paths: json.dumps([{"path": path, "purpose": "uses x.py"} for path in paths]),
    "mapping": lambda paths: json.dumps(dict.fromkeys(paths, "what it is for")),
    "bullets": lambda paths: "".join(f"- `{path}`: uses `x.py`\n" for path in paths),
    "bare-bullets": lambda paths: "".join(f"* {path}\n" for path in paths),
    "numbers": lambda paths: "".join(f"{n}. {path} - words\n" for n, path in enumerate(paths, 1)),
    "lines": "\n".join,
    "fenced-lines": lambda paths: "```\n" + "\n".join(paths) + "\n```",
    "yaml": lambda paths: "files:\n" + "".join(f'  - "{path}"\n' for path in paths),
    "xml": lambda paths: "<files>" + "".join(f"<file>{path}</file>" for path in paths) + "</files>",
    "table": lambda paths: "| File | Use |\n|---|---|\n" + "".join(f"| `{path}` | words |\n" for path in paths),
    "tree": tree,
    "full-width": lambda paths: "".join(f"- {path}（说明，见 x.py）\n" for path in paths),
    "chinese": lambda paths: "".join(f"{n}、{path}：说明\n" for n, path in enumerate(paths, 1)),
    "bold": lambda paths: "".join(f"{n}. **{path}** – uses x.py\n" for n, path in enumerate(paths, 1)),
    "backslashes": lambda paths: json.dumps([path.replace("/", "\\") for path in paths]),
    "checkboxes": lambda paths: "".join(f"- [ ] `{path}`\n" for path in paths),
    "headings": lambda paths: "".join(f"### `{path}`\n\nUses `x.py`.\n\n" for path in paths),
    "project": lambda paths: "".join(f"**{path}**\n\n```\nopen('x.py')\n\n```\n\n" for path in ["a.py", *paths]),
    "sentence": lambda paths: f"We need {', '.join(f'`{path}`' for path in paths)}.",
    "call": lambda paths: json.dumps({"name": "create", "arguments": {"files": paths}}),
    "without-bracket": lambda paths: json.dumps({"files": paths}).removesuffix("]}"),
    "quoted-block": lambda paths: "".join(f"> - {path}\n" for path in paths),
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None)
@given(paths=LISTS)
def test_a_list_survives_its_form(form: str, paths: list[str]) -> None:
    answer = FORMS[form](paths)
    whole = ("a.py", *paths) if form == "project" else tuple(paths)
    assert read_file_list(answer, finish_reason="stop") == FileList(whole, ())


@settings(max_examples=60, deadline=None)
@given(paths=LISTS, data=st.data())
def test_a_list_cut_anywhere_is_never_a_shorter_one(paths: list[str], data: st.DataObject) -> None:
    form = FORMS[data.draw(st.sampled_from(["json", "object", "python", "trailing-comma", "bullets", "lines"]))]
    answer = form(paths)
    cut = data.draw(st.integers(1, len(answer) - 1))
    verdict = read_file_list(answer[:cut], finish_reason="length")
    if isinstance(verdict, FileList):
        assert verdict == FileList(tuple(paths), ())


@settings(max_examples=60, deadline=None)
@given(paths=LISTS)
def test_reading_what_was_read_changes_nothing(paths: list[str]) -> None:
    prose = "Here are the files:\n\n```json\n" + json.dumps(paths) + "\n```\n\nLet me know!"
    assert read_file_list(prose, finish_reason="length") == FileList(tuple(paths), ())


@settings(max_examples=70, deadline=None)
@given(answer=st.text(alphabet="[](){}<>\"'`.,:/\\-*#|│├└─ \n~abпy1", max_size=80))
def test_no_answer_breaks_the_reader(answer: str) -> None:
    verdict = read_file_list(answer, finish_reason="stop")
    for path in verdict.files if isinstance(verdict, FileList) else ():
        assert path
        assert not path.startswith(("/", "~"))
        assert ".." not in path.split("/")

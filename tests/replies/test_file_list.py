"""Lists of files in the forms models give them; `lists.jsonl` has one answer of each form."""

import json
import time
from pathlib import Path

import pytest

from smol_dev.errors import Reason
from smol_dev.replies.file_list import paths_in_plan, read_file_list
from smol_dev.replies.verdicts import LIST_MESSAGES, UNCLEAR_LIST, FileList, Rejected

LISTS = [json.loads(line) for line in (Path(__file__).parent / "lists.jsonl").read_text("utf-8").splitlines()]
AT_ONCE = 50
"""Answers of one test, which names those that are read wrongly; a test each takes longer than to read them."""
OUTSIDE = "outside the project folder"


@pytest.mark.parametrize("first", range(0, len(LISTS), AT_ONCE))
def test_each_form_of_a_list_is_read_or_refused(first: int) -> None:
    wrong = {}
    for answer in LISTS[first : first + AT_ONCE]:
        verdict = read_file_list(answer["raw"], finish_reason=answer["finish_reason"])
        expected = answer["expected"]
        if isinstance(verdict, Rejected):
            reasons = {expected.get("reject"), *expected.get("accept_reasons", ())}
            is_right = "any" in reasons or verdict.reason in reasons
        else:
            is_right = list(verdict.files) == expected.get("files")
        if not is_right:
            wrong[answer["id"]] = verdict
    assert wrong == {}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("../a.py", "leaves the project folder"),
        ("src/../../a.py", "leaves the project folder"),
        ("/etc/passwd", OUTSIDE),
        ("/home/me/a.py", OUTSIDE),
        ("~/.bashrc", OUTSIDE),
        ("$HOME/a.py", OUTSIDE),
        ("C:\\a.py", "on a drive, outside the project folder"),
        ("\\\\host\\share\\a.py", "on another computer"),
        (".git/config", "inside git's own folder"),
        ("src/.GIT/hooks/x", "inside git's own folder"),
        ("https://a.example/x.js", "an address"),
        ("src/*.py", "a pattern"),
        ("src/{a,*}.py", "a pattern"),
        ("src/<name>.py", "a placeholder"),
        ("your_file.py", "a placeholder"),
        ("...", "not a path"),
        ("etc.", "not a path"),
        ("src/", "a folder"),
        ("a\u0000.py", "has control or invisible characters"),
        ("a\u202eb.py", "has control or invisible characters"),
        ("a?.py", "has characters that no file name may have"),
        ("logo.png", "not a text file"),
        ("flask==1.1.2", "a requirement"),
        ("uvicorn[standard]>=0.20", "a requirement"),
        ("MAIN.py", "differs from `main.py` only in case"),
        pytest.param("src/..../x.py", "a placeholder", id="dots-between"),
        pytest.param(".../evil.txt", "a placeholder", id="dots-first"),
        pytest.param("src\\...\\x.py", "a placeholder", id="dots-and-backslashes"),
        pytest.param("src/…/x.py", "a placeholder", id="ellipsis-between"),
        pytest.param("src<root>/x.py", "a placeholder", id="placeholder-in-a-name"),
    ],
)
def test_what_cannot_be_written_is_dropped_with_the_reason(entry: str, reason: str) -> None:
    answer = json.dumps(["main.py", entry, "lib/b.py"])
    assert read_file_list(answer, finish_reason="stop") == FileList(("main.py", "lib/b.py"), ((entry, reason),))


@pytest.mark.parametrize("path", ["src/your-project/x.py", "docs/path/to/x.py", "a/project root/x.py"])
def test_what_looks_like_a_root_stays_where_it_is_none(path: str) -> None:
    answer = json.dumps([path])
    assert read_file_list(answer, finish_reason="stop") == FileList((path,), ())


def test_a_path_below_which_others_lie_is_dropped_as_a_folder() -> None:
    assert read_file_list('["src", "src/a.py"]', finish_reason="stop") == FileList(
        ("src/a.py",), (("src", "a folder"),)
    )


def test_duplicates_are_merged_without_a_word() -> None:
    answer = '["a.py", "./a.py", "/a.py", "lib//b.py", "lib/./b.py"]'
    assert read_file_list(answer, finish_reason="stop") == FileList(("a.py", "lib/b.py"), ())


@pytest.mark.parametrize(
    ("answer", "finish_reason", "reason"),
    [
        pytest.param("", "length", "empty", id="nothing"),
        pytest.param("<|im_end|>", "stop", "empty", id="only-a-token"),
        pytest.param("I'm sorry, but I can't help with that.", "length", "refusal", id="refusal"),
        pytest.param('["a.py", ' + '"b.py", ' * 200, "length", "degenerate", id="loop-cut"),
        pytest.param('["a.py", "b', "length", "truncated", id="cut"),
        pytest.param('{"files": ["a.py", "b.p', "stop", "truncated", id="half-a-name"),
        pytest.param('["a.py", "b.py"]', "network_error", "truncated", id="ended-by-an-error"),
        pytest.param('["../a.py"]', "stop", "unsafe_path", id="unsafe"),
        pytest.param("Flask is a good choice here.", "stop", "wrong_format", id="prose"),
    ],
)
def test_the_clearest_reason_is_given(answer: str, finish_reason: str, reason: Reason) -> None:
    assert read_file_list(answer, finish_reason=finish_reason) == Rejected(reason, LIST_MESSAGES[reason])


def test_as_many_files_as_allowed_are_read_and_not_one_more() -> None:
    answer = json.dumps(["a.py", "b.py", "c.py"])
    assert read_file_list(answer, finish_reason="stop", max_files=3) == FileList(("a.py", "b.py", "c.py"), ())
    assert read_file_list(answer, finish_reason="stop", max_files=2) == Rejected(
        "degenerate", LIST_MESSAGES["degenerate"]
    )


def test_a_plan_names_its_files_in_headings_or_sentences() -> None:
    headed = "# Plan\n\n### `app.py`\nUses `db.py`.\n\n### `db.py`\nTables.\n"
    spoken = "The game is `game.py`; its page is `index.html`."
    assert paths_in_plan(headed) == FileList(("app.py", "db.py"), ())
    assert paths_in_plan(spoken) == FileList(("game.py", "index.html"), ())


def test_a_plan_without_files_is_none() -> None:
    assert paths_in_plan("We write a game with a board.") == Rejected("wrong_format", LIST_MESSAGES["wrong_format"])


@pytest.mark.parametrize(
    "piece", ["[", "{", "`", "```\n", "- ", "- a\n", "│", "├── a\n", '["', "a.py\n", "|a|b|\n", "<a>", "\n", "x"]
)
def test_a_mebibyte_of_anything_takes_no_time(piece: str) -> None:
    answer = (piece * (2**20 // len(piece))) + "y"
    started = time.process_time()
    read_file_list(answer, finish_reason="stop")
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    "form",
    ['["a{}.py"]\n', '{{"path": "a{}.py"}}\n', '"a{}.py": ["b.py", ', "1. a{}.py 2. ", "- a{}.py: b; ", "├── a{}.py\n"],
)
def test_any_number_of_lists_takes_no_time(form: str) -> None:
    answer = "".join(map(form.format, range(350_000 // len(form))))
    started = time.process_time()
    read_file_list(answer, finish_reason="stop")
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "answer",
    ["a.py, b.py, etc.", "a.py, b.py and so on", "a.py, b.py, ...", "Files: a.py, b.py, and more", "- a.py, b.py, etc.",
     "- a.py, b.py: the two modules", "- `a.py`, `b.py` - two modules", "1. a.py / b.py", "a.py and b.py (both small)",
     "<details><summary>Files</summary>\n\n- a.py\n- b.py\n\n</details>",
     "<details open>\n<summary>The list</summary>\n<ul><li>a.py</li><li>b.py</li></ul>\n</details>",
     "<p>The files:</p>\n- a.py\n- b.py", "a.py:1-20\nb.py#L1-L9", "a.py (entry), b.py (helper)", "a.py\\nb.py",
     "| Part | Files |\n|---|---|\n| Code | `a.py`, `b.py` |", '{"files": ["a.py"], "files": ["b.py"]}',
     "a.py  ; uses b.py\nb.py", "- a.py and b.py do the work", "1. `a.py`, `b.py` are small", '{"files": ["- a.py\n- b.py\n',
     "a.py: entry, b.py: helper", "a.py - entry; b.py - helper", "1. a.py (uses c.py), 2. b.py (helper)", "1. a.py 2. b.py",
     '{"files": ["a.py; b.py"]}', '{"files": ["1. a.py", "2. b.py"]}', "├── a.py, b.py"],
)  # fmt: skip
def test_no_file_of_a_series_is_lost(answer: str) -> None:
    assert read_file_list(answer, finish_reason="stop") == FileList(("a.py", "b.py"), ())


@pytest.mark.parametrize(
    "heading",
    ["In `src/`:", "In src/:", "The `src/` folder:", "The src folder:", "Files in `src/`:", "**src/ directory**",
     "### src folder", "In the `src` directory:", "In the folder `src`:", "Folder `src/`:", "Directory: src/", "### In `src/`",
     "src folder:", "The following files go into `src/`:", "The files in `src/` are:", "In `src/` (the program):", "src/:"],
)  # fmt: skip
@pytest.mark.parametrize("below", ["- a.py\n- b.py", "- src/a.py\n- src/b.py"], ids=["names", "paths"])
def test_a_heading_that_names_a_folder_is_one(heading: str, below: str) -> None:
    other = heading.replace("src", "tests")
    answer = f"{heading}\n{below}\n\n{other}\n- test_a.py\n"
    assert read_file_list(answer, finish_reason="stop") == FileList(("src/a.py", "src/b.py", "tests/test_a.py"), ())


@pytest.mark.parametrize(
    "heading",
    ["Root folder:", "Files in the project root:", "Backend files:", "Files (relative to the project directory):",
     "These files, without the `node_modules/` folder:", "The folder structure:"],
)  # fmt: skip
def test_a_heading_of_no_folder_adds_none(heading: str) -> None:
    assert read_file_list(f"{heading}\n- a.py\n- b.py", finish_reason="stop") == FileList(("a.py", "b.py"), ())


@pytest.mark.parametrize("answer", ["The src folder contains a.py and b.py.", "In `src/` we have `a.py` and `b.py`."])
def test_a_sentence_about_names_in_a_folder_is_asked_for_again(answer: str) -> None:
    assert read_file_list(answer, finish_reason="stop") == Rejected("wrong_format", LIST_MESSAGES["wrong_format"])


@pytest.mark.parametrize(
    "answer",
    ['{"files": ["src/{a,b}.py", "main.py"]}', "- src/{a,b}.py\n- main.py", "- `src/{a, b}.py`\n- `main.py`",
     "src/{a,b}.py, main.py", "touch src/{a,b}.py main.py", "We need `src/{a,b}.py` and `main.py`.",
     "| File | What |\n|---|---|\n| src/{a,b}.py | x |\n| main.py | y |"],
)  # fmt: skip
def test_alternatives_in_braces_are_written_out(answer: str) -> None:
    assert read_file_list(answer, finish_reason="stop") == FileList(("src/a.py", "src/b.py", "main.py"), ())


def test_alternatives_in_braces_may_follow_each_other() -> None:
    answer = json.dumps({"files": ["{a,b}/c.{h,cpp}", "x/{id}.py"]})
    listed = FileList(("a/c.h", "a/c.cpp", "b/c.h", "b/c.cpp"), (("x/{id}.py", "a placeholder"),))
    assert read_file_list(answer, finish_reason="stop") == listed


@pytest.mark.parametrize("form", ["{}", "- {}", "1. {}"])
def test_any_ending_is_a_files(form: str) -> None:
    paths = ("a.py", "BUILD.bazel", "X.har")
    answer = "\n".join(form.format(path) for path in paths)
    assert read_file_list(answer, finish_reason="stop") == FileList(paths, ())


@pytest.mark.parametrize(
    "names",
    ["x.kml x.dts BUILD.bazel Kbuild", "x.har x.sed x.postcss x.rkt", "LICENSE-MIT x.sublime-project x.code-workspace x.1"],
)  # fmt: skip
@pytest.mark.parametrize(
    "form", ["- {}", "1. {}", "{}", "- `{}`", "- `{}`: what it is for", "- **{}** - words", "{} # words"]
)
def test_a_file_among_files_needs_no_known_name(form: str, names: str) -> None:
    files = ("a.py", *names.split(), "z.py")
    if form in {"- {}", "1. {}", "- **{}** - words", "{} # words"}:
        files = tuple(name for name in files if "." in name or name == "Kbuild")
    answer = "\n".join(map(form.format, files))
    assert read_file_list(answer, finish_reason="stop") == FileList(files, ())


def test_a_plain_line_among_files_may_be_one() -> None:
    assert read_file_list("a.py\nrun\nLICENSE-MIT\nb.py", finish_reason="stop") == FileList(
        ("a.py", "run", "LICENSE-MIT", "b.py"), ()
    )


@pytest.mark.parametrize(
    "answer",
    ["- a.py\n- unheard\n- b.py", "- a.py: words\n- unheard: words", "a.py\nUnheard\nb.py", "src/a.py\n    b.py\nc.py",
     "src \u2192 a.py, b.py; tests \u2192 test_a.py", "We need `a.py` and `b.unheard`."],
)  # fmt: skip
def test_a_line_that_may_name_a_file_is_never_passed_over(answer: str) -> None:
    verdict = read_file_list(answer, finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "wrong_format"


@pytest.mark.parametrize(
    "below",
    ["And the tests:\n\n- test_a.py", "Also: `test_a.py`.", "Plus a `README.md` and a `LICENSE`.", "```\ntest_a.py\n```",
     "| File |\n|---|\n| test_a.py |", "Also:\n```json\n- test_a.py\n```"],
)  # fmt: skip
@pytest.mark.parametrize(
    "above", ['{"files": ["a.py", "b.py"]}', '```json\n["a.py", "b.py"]\n```', ".\n├── a.py\n└── b.py"]
)
def test_a_list_that_goes_on_in_another_form_is_asked_for_again(above: str, below: str) -> None:
    verdict = read_file_list(f"{above}\n\n{below}\n", finish_reason="stop")
    assert verdict == Rejected("wrong_format", UNCLEAR_LIST)


@pytest.mark.parametrize(
    "below",
    [
        "Run `python a.py`.",
        "Uses a.py and b.py.",
        "You may also want `Dockerfile` later.",
        "It also reads `c.json`.",
        "I also need no `c.py`, which is not a part.",
        'Alternatively, in one file:\n\n["c.py"]',
    ],
)
def test_words_below_a_list_add_nothing_to_it(below: str) -> None:
    answer = f'{{"files": ["a.py", "b.py"]}}\n\n{below}'
    assert read_file_list(answer, finish_reason="stop") == FileList(("a.py", "b.py"), ())


@pytest.mark.parametrize(
    "answer",
    ['{"files": ["a.py", "b.py, "c.py"]}', "- a.py (+ b.css)\n- c.py", "src/a.py\n    b.py",
     "```\napp.py, db/models.py, REA\n```", "- [a.py](https://x.example/a.py): entry\n- [b.py](d",
     '["a.py"]\n\n```js b.js\nlet b;\n```\n```js c.js\nlet c;\n```'],
)  # fmt: skip
def test_a_list_that_leaves_out_an_entry_is_asked_for_again(answer: str) -> None:
    assert read_file_list(answer, finish_reason="stop") == Rejected("wrong_format", UNCLEAR_LIST)


@pytest.mark.parametrize(
    "answer",
    ["- a.py: entry, b.css = colours\n- c.py", "- a.py: entry; b.css\n- c.py", "- a.py: uses c.py 2. b.css\n- c.py",
     "- a.py\n- c.py\n\nThen `b.css`.",
     '["a.py", "c.py"]\n\nStyles: `b.css`', "- a.py\n- c.py\n- Styles (b.css)"],
)  # fmt: skip
def test_a_file_in_a_remark_that_may_be_an_entry_is_a_doubt(answer: str) -> None:
    listed = FileList(("a.py", "c.py"), ())
    assert read_file_list(answer, finish_reason="stop") == Rejected("wrong_format", UNCLEAR_LIST, listed=listed)


@pytest.mark.parametrize(
    "remark",
    ["imports from utils.py", "like package.json", "see https://x.example/b.js", "for Node.js 18.2", "e.g. b.py, c.py",
     "reads b.csv, c.csv and d.csv", "b.py is not needed", "uses: b.py", "with Bootstrap 5.3", "Chart.js 4", "writes `out/b.txt` (not c.txt)"],
)  # fmt: skip
@pytest.mark.parametrize(
    "form",
    ["- a.py: {}", "1. `a.py` - {}", "├── a.py  # {}", "a.py ({})", "- a.py (Bootstrap; {})", '["a.py"]\n\nIt {}.'],
)
def test_a_file_that_a_remark_only_speaks_of_is_no_entry(form: str, remark: str) -> None:
    assert read_file_list(form.format(remark), finish_reason="stop") == FileList(("a.py",), ())


@pytest.mark.parametrize(
    "path", ["app/[[...slug]]/page.tsx", "[[...slug]].tsx", "pages/[...all].vue", "[id]/[[x]]/a.ts"]
)
@pytest.mark.parametrize("form", ["- `{}`\n- `a.py`", "{}\na.py", '["{}", "a.py"]', "We need `{}` and `a.py`."])
def test_brackets_in_a_path_open_no_list(form: str, path: str) -> None:
    assert read_file_list(form.format(path), finish_reason="stop") == FileList((path, "a.py"), ())


@pytest.mark.parametrize(
    "answer",
    ["./src:\na.py\nb.py\n\n./tests:\ntest_a.py\n",
     "C:.\n+---src\n|   |   a.py\n|   |\n|   |   b.py\n|\n\\---tests\n        test_a.py"],
)  # fmt: skip
def test_folders_as_a_shell_shows_them(answer: str) -> None:
    assert read_file_list(answer, finish_reason="stop") == FileList(("src/a.py", "src/b.py", "tests/test_a.py"), ())


@pytest.mark.parametrize("surer", ['["c.py"]', "| File |\n|---|\n| c.py |"])
def test_a_list_above_one_of_a_surer_form_is_not_lost(surer: str) -> None:
    listed = "- a.py\n- b.py\n\n"
    again = Rejected("wrong_format", UNCLEAR_LIST)
    assert read_file_list(listed + surer, finish_reason="stop") == again
    assert read_file_list(f"{listed}The final list:\n{surer}", finish_reason="stop") == FileList(("c.py",), ())

"""What of a folder is read, and `smol_dev check` as a user types it."""

import json
import os
import time
from pathlib import Path

import pytest

from smol_dev.checks import check
from smol_dev.checks.folder import read
from smol_dev.cli import run

ROOT = Path(__file__).parents[2]


def make(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def test_what_is_hidden_ignored_or_installed_is_left_out(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "a.py": "",
            ".hidden/b.py": "",
            "node_modules/c.js": "",
            "env1/pyvenv.cfg": "",
            "out/d.py": "",
            "e.log": "",
            "keep.log": "",
            "sub/.gitignore": "/f.py\n",
            "sub/f.py": "",
            "sub/g.py": "",
            ".gitignore": "out/\n*.log\n!keep.log\n",
        },
    )
    found = read(tmp_path)
    assert sorted(found.files) == ["a.py", "keep.log", "sub/g.py"]
    assert {"node_modules/", "out/", "env1/", "e.log", "sub/f.py"} <= found.others


def test_links_pipes_and_binary_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "a.py").write_bytes(b"\x00\xff")
    assert read(tmp_path).files == {}


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.log", {"a.txt", "sub/a.txt"}),
        ("/a.txt", {"b.log", "sub/a.txt", "sub/b.log"}),
        ("sub/a.txt", {"a.txt", "b.log", "sub/b.log"}),
        ("**/a.txt", {"b.log", "sub/b.log"}),
        ("sub/**", {"a.txt", "b.log"}),
        ("sub/", {"a.txt", "b.log"}),
        ("[ab].*", set()),
        ("[!a].*\n!sub/b.log", {"a.txt", "sub/a.txt", "sub/b.log"}),
    ],
)
def test_a_gitignore_is_read_as_git_does(tmp_path: Path, pattern: str, left: set[str]) -> None:
    names = ("a.txt", "b.log", "sub/a.txt", "sub/b.log")
    make(tmp_path, {**dict.fromkeys(names, ""), ".gitignore": pattern})
    assert set(read(tmp_path).files) == left


def test_a_hostile_gitignore_takes_no_time(tmp_path: Path) -> None:
    make(tmp_path, {"a" * 200: "", ".gitignore": "*a" * 100 + "b\n" + "**/" * 150 + "b\n"})
    begun = time.process_time()
    assert set(read(tmp_path).files) == {"a" * 200}
    assert time.process_time() - begun < 5


def test_a_name_that_is_no_text_is_told_in_ascii(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / os.fsdecode(b"\xff.py")).write_text("def f(:\n", encoding="utf-8")
    assert run(["check", str(tmp_path)]) == 4
    assert "invalid syntax" in capsys.readouterr().out
    assert run(["check", str(tmp_path), "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["path"] == "\udcff.py"


def test_this_project_fits_together() -> None:
    found = read(ROOT)
    found.files = {
        path: text
        for path, text in found.files.items()
        if not path.endswith(".jsonl") and not path.startswith("tests/")
    }
    assert check(found.files, found.others | {"tests/"}) == ()


def test_problems_are_lines_and_exit_code_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path, {"a.py": "import b\nb.x()\n", "b.py": "y = 1\n"})
    assert run(["check", str(tmp_path)]) == 4
    out, err = capsys.readouterr()
    assert out == "a.py:2:1: `b` (b.py) does not define `x`; it defines: `y`\n"
    assert err == "1 problem in 2 files\n"
    assert run(["check", str(tmp_path), "--json"]) == 4
    assert json.loads(capsys.readouterr().out) == {
        "path": "a.py",
        "line": 2,
        "column": 1,
        "rule": "python-import",
        "message": "`b` (b.py) does not define `x`; it defines: `y`",
    }
    assert run(["check", str(tmp_path), "--ignore", "python-import"]) == 0
    assert run(["check", str(tmp_path), "--rule", "python-imprt"]) == 2
    assert "there is no rule `python-imprt`; did you mean `python-import`?" in capsys.readouterr().err


def test_a_folder_that_is_none_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / "no")]) == 2
    assert "is not a folder" in capsys.readouterr().err

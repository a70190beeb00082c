"""The prompt as text, file or standard input, and what is wrong with it."""

import os
from pathlib import Path

import pytest

from smol_dev.cli.runs import read_prompt
from smol_dev.errors import UsageError


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "prompt"),
    [
        pytest.param("a timer", "a timer", id="text"),
        pytest.param("prompt.md", "from the file", id="a Markdown file"),
        pytest.param("note.TXT", "from the note", id="a text file, upper case"),
        pytest.param("with space.md", "spaced", id="a file with a space in its name"),
        pytest.param("write a README.md", "write a README.md", id="text that ends like a file"),
        pytest.param(f"{'more ' * 60}README.md", f"{'more ' * 60}README.md", id="longer than a file's name can be"),
        pytest.param("bom.md", "after the mark", id="a byte order mark is no text"),
    ],
)
def test_the_prompt_is(given: str, prompt: str) -> None:
    Path("prompt.md").write_text("from the file\n", encoding="utf-8")
    Path("note.TXT").write_text("from the note\n", encoding="utf-8")
    Path("with space.md").write_text("spaced", encoding="utf-8")
    Path("bom.md").write_bytes(b"\xef\xbb\xbfafter the mark")
    assert read_prompt(given, None) == prompt
    assert read_prompt(None, given) == prompt


@pytest.mark.parametrize(
    ("given", "older", "message"),
    [
        pytest.param(None, None, "no prompt is given", id="none"),
        pytest.param("a", "b", "the prompt is given twice, as an argument and with `--prompt`", id="two"),
        pytest.param("", None, "the prompt is empty", id="empty"),
        pytest.param(" \n", None, "the prompt is empty", id="blank"),
        pytest.param("empty.md", None, "the prompt is empty", id="an empty file"),
        pytest.param("no.md", None, "the prompt file `no.md` does not exist", id="no such file"),
        pytest.param(
            "~nobody-here/no.md", None, "the prompt file `~nobody-here/no.md` does not exist", id="no such user"
        ),
        pytest.param("folder.md", None, "the prompt file `folder.md` is not a file", id="a folder"),
        pytest.param("fifo.md", None, "the prompt file `fifo.md` is not a file", id="a FIFO"),
        pytest.param("latin.md", None, "the prompt file `latin.md` is not UTF-8 (byte 2)", id="not UTF-8"),
        pytest.param("nul.md", None, "the prompt file `nul.md` holds a NUL character", id="a binary file"),
        pytest.param("big.md", None, "the prompt file `big.md` is longer than 1 MiB", id="too long"),
        pytest.param("caf\udce9", None, "the prompt is not UTF-8 (byte 3)", id="argument not UTF-8"),
    ],
)
def test_a_bad_prompt_is_one_clear_error(given: str | None, older: str | None, message: str) -> None:
    Path("empty.md").write_text("", encoding="utf-8")
    Path("folder.md").mkdir()
    os.mkfifo("fifo.md")
    Path("latin.md").write_bytes(b"ca\xe9")
    Path("nul.md").write_bytes(b"a\0b")
    Path("big.md").write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(UsageError) as caught:
        read_prompt(given, older)
    assert caught.value.message == message
    assert caught.value.exit_code == 2
    assert caught.value.hint

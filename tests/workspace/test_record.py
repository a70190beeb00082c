import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.errors import WorkspaceError
from smol_dev.events import Asked, Dropped, ProblemFound
from smol_dev.workspace.record import FileState, Record, parse, parted, render, whole
from smol_dev.workspace.writer import Workspace

WHOLE = Record(
    prompt="a game\r\nof pong \u2028",
    profile={"name": "local", "settings": {"timeout": 600, "seed": None}},
    begun={"cwd": "/x", "sets": ["model=a"]},
    server={"model": "a"},
    plan="the plan",
    plan_answer="<think>\u202e</think>the plan",
    list_answer='["a.py"]',
    files=("a.py", "b.py"),
    dropped=(Dropped("../x", "has a `..` component"),),
    states={
        "a.py": FileState("a.py", "done", "00ff" * 16, 12, said=("```\n", "```"), asked="again"),
        "b.py": FileState("b.py", "failed", reason="truncated", message="cut off"),
    },
    totals={"seconds": 1.5},
    problems=(ProblemFound("a.py", 1, 2, "name", "`x` is not defined", mended=False),),
    check={"exit_code": 1},
    requests=(
        Asked("plan", None, 0.0, 1.5, 0.5, 4.0, 120, 0, 300),
        Asked("code", "a.py", 6.0, outcome="asked again", reason="cut off"),
    ),
    tool_version="0.1.0",
    run_id="0123456789abcdef",
    replaceable={"c.py": "aa" * 32},
)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.mark.parametrize(
    ("said", "content", "parts"),
    [
        ("Here:\n```python\nA = 1\n```\n", "A = 1\n", ("Here:\n```python\n", "\n```\n")),
        ("A = 1", "A = 1\n", ("", "")),
        ("A\n```\nA\n```", "A\n", ("", "\n```\nA\n```")),
        ("1| A = 1\n2| B = 2\n", "A = 1\nB = 2\n", ("1| A = 1\n2| B = 2\n",)),
        ("```python\n```", "", ("```python\n```",)),
        ("", "", ()),
    ],
    ids=["talk and fence", "bare", "twice", "otherwise on disk", "empty file", "nothing"],
)
def test_what_the_model_said_comes_back_from_its_parts_and_the_file(
    said: str, content: str, parts: tuple[str, ...]
) -> None:
    assert parted(said, content) == parts
    assert whole(parts, content) == said


@pytest.mark.parametrize(
    ("version", "absent"),
    [
        pytest.param(1, ("begun", "server", "list_asked", "check", "requests"), id="1"),
        pytest.param(2, ("check", "requests"), id="2"),
    ],
)
def test_a_record_of_an_earlier_format_is_read(version: int, absent: tuple[str, ...]) -> None:
    table = json.loads(render(WHOLE)) | {"format_version": version}
    for key in absent:
        del table[key]
    read = parse(json.dumps(table).encode(), source="run.json")
    then = WHOLE if version > 1 else replace(WHOLE, begun={}, server={})
    assert read == replace(then, problems=(), check={}, requests=())


def test_a_record_comes_back_as_it_was_written() -> None:
    data = render(WHOLE)
    assert data.isascii()
    assert parse(data, source="run.json") == WHOLE


@settings(deadline=None, max_examples=60)
@given(TEXT, TEXT, st.lists(TEXT, unique=True))
def test_any_text_comes_back(prompt: str, answer: str, files: list[str]) -> None:
    record = Record(prompt, {}, plan_answer=answer, files=tuple(files), run_id="0123456789abcdef")
    assert parse(render(record), source="run.json") == record


REQUEST = json.loads(render(WHOLE))["requests"][0]


DEEP = json.loads("[" * 100 + "]" * 100)


def changed(**values: object) -> bytes:
    return json.dumps({**json.loads(render(WHOLE)), **values}).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "it is no JSON", id="empty"),
        pytest.param(render(WHOLE)[:200], "it is no JSON", id="cut"),
        pytest.param(b"\xff\xfe", "it is no JSON", id="binary"),
        pytest.param(b"[" * 100_000, "it is no JSON", id="nested"),
        pytest.param(b"[]", "it is no JSON object", id="list"),
        pytest.param(changed(format_version=4), "its `format_version` is not 3", id="newer"),
        pytest.param(changed(prompt=None), "its `prompt` is missing or of another type", id="no-prompt"),
        pytest.param(changed(files="a.py"), "its `files` is missing or of another type", id="files-text"),
        pytest.param(changed(files=["a.py", 1]), "its `files` holds something that is no text", id="file-1"),
        pytest.param(changed(dropped=["x"]), "its `dropped` holds something that is no entry", id="dropped"),
        pytest.param(
            changed(dropped=[{"path": "x"}]), "its `dropped` holds something that is no entry", id="dropped-half"
        ),
        pytest.param(
            changed(states=[{"path": "a.py", "state": "eaten"}]),
            "its `states` holds something that is no state of a file",
            id="state-word",
        ),
        pytest.param(
            changed(states=[{"path": "a.py", "state": "done", "bytes": True}]),
            "its `states` holds something that is no state of a file",
            id="state-type",
        ),
        pytest.param(
            changed(states=[{"path": "a.py", "state": "failed", "reason": ["x"]}]),
            "its `states` holds something that is no state of a file",
            id="state-reason",
        ),
        pytest.param(
            changed(states=[{"path": "a.py", "state": "done", "bytes": -1}]),
            "its `states` holds something that is no state of a file",
            id="state-negative",
        ),
        pytest.param(changed(totals={"seconds": float("nan")}), "it is no JSON", id="not-a-number"),
        pytest.param(changed(totals={"deep": DEEP}), "it is nested too deeply", id="nested-table"),
        pytest.param(
            changed(states=[{"path": "a.py", "state": "done", "sha256": "../x"}]),
            "its `states` holds something that is no state of a file",
            id="state-hash",
        ),
        pytest.param(changed(problems=[{}]), "its `problems` holds something that is no entry", id="problem-empty"),
        pytest.param(
            changed(requests=[{**REQUEST, "wait": "1"}]),
            "its `requests` holds something that is no entry",
            id="request",
        ),
        pytest.param(
            changed(requests=[{**REQUEST, "stage": "x"}]), "its `requests` holds something that is no entry", id="stage"
        ),
        pytest.param(
            changed(requests=[{**REQUEST, "generation": -1}]),
            "its `requests` holds an impossible number",
            id="request-negative",
        ),
        pytest.param(changed(prompt="\ud800"), "it holds half a character (a lone surrogate)", id="surrogate"),
        pytest.param(changed(plan="a\0"), "its `plan` holds a NUL character, or is longer than 1 MiB", id="nul"),
        pytest.param(changed(files=["x"] * 10_001), "it lists more than 10,000 files", id="files-many"),
        pytest.param(changed(run_id="../x"), "its `run_id` is not 16 hexadecimal digits", id="run-id"),
        pytest.param(
            changed(replaceable={"a.py": "x"}), "its `replaceable` holds something that is no hash", id="hash-word"
        ),
        pytest.param(changed(replaceable={"a.py": 1}), "its `replaceable` holds something that is no text", id="hash"),
    ],
)
def test_a_damaged_record_is_one_error_and_nothing_is_touched(tmp_path: Path, data: bytes, why: str) -> None:
    source = tmp_path / ".smol/run.json"
    source.parent.mkdir()
    source.write_bytes(data)
    with pytest.raises(WorkspaceError) as caught:
        Workspace.open(tmp_path, cwd=tmp_path.parent / "else", home=None, resume=True)
    assert caught.value.message == f"the record of the run, `{source}`, cannot be used: {why}"
    assert caught.value.hint == ("start anew in another folder: `smol_dev -o DIR PROMPT`; nothing was changed here")
    assert caught.value.exit_code == 5
    assert [path.name for path in (tmp_path / ".smol").iterdir()] == ["run.json"]
    assert source.read_bytes() == data


@pytest.mark.parametrize("folder", ["absent", "empty"])
def test_a_folder_without_a_record_cannot_be_resumed(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(WorkspaceError) as caught:
        Workspace.open(Path(folder), cwd=tmp_path, home=None, resume=True)
    assert caught.value.message == (f"there is no run in `{tmp_path / folder}`: it has no `.smol/run.json`")
    assert caught.value.hint == ("name the folder of a run, or begin one: `smol_dev -o DIR PROMPT`")
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]


def test_a_new_run_does_not_need_the_old_record_to_be_whole(tmp_path: Path) -> None:
    (tmp_path / "out/.smol").mkdir(parents=True)
    (tmp_path / "out/.smol/run.json").write_text("{")
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
        workspace.save(Record("p", {}))
    assert (tmp_path / "out/.smol/backup/.smol/run.json").read_text() == "{"


def test_the_plan_is_kept_as_a_file_too(tmp_path: Path) -> None:
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
        workspace.save(Record("p", {}))
        assert not (tmp_path / "out/.smol/plan.md").exists()
        workspace.save(Record("p", {}, plan="# Pong\n"))
        assert (tmp_path / "out/.smol/plan.md").read_text() == "# Pong\n"


def test_saving_a_record_keeps_what_was_noted(tmp_path: Path) -> None:
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
        record = Record("p", {}, files=("a.py", "b.py"))
        workspace.save(record)
        size = workspace.write("a.py", "1\n")
        workspace.note(FileState("a.py", "done", seconds=2.0))
        assert workspace.written_bytes == size == 2
        workspace.save(record)
        saved = parse((tmp_path / "out/.smol/run.json").read_bytes(), source="")
        assert saved == workspace.record
        assert saved.states == {
            "a.py": FileState(
                "a.py", "done", "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865", 2, seconds=2.0
            ),
            "b.py": FileState("b.py", "planned"),
        }


def test_a_file_costs_the_same_few_bytes_however_many_there_are(tmp_path: Path) -> None:
    journal = tmp_path / "out/.smol/journal.jsonl"
    record = tmp_path / "out/.smol/run.json"
    with Workspace.open(Path("out"), cwd=tmp_path, home=None) as workspace:
        workspace.save(Record("p", {}, files=tuple(f"{number:03}.py" for number in range(300))))
        saved = record.stat()
        sizes = []
        for number in range(300):
            workspace.note(FileState(f"{number:03}.py", "failed", reason="empty"))
            sizes.append(journal.stat().st_size)
        assert {after - before for before, after in itertools.pairwise(sizes)} == {sizes[0]}
        assert (record.stat().st_ino, record.stat().st_size) == (saved.st_ino, saved.st_size)
    assert journal.stat().st_size == 0
    states = parse(record.read_bytes(), source="").states
    assert {state.state for state in states.values()} == {"failed"}

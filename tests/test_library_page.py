"""The examples of `docs/library.md`, run as they stand, and what they are said to print."""

import ast
import asyncio
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest

import smol_dev
from smol_dev.chat import Usage
from tests.app.test_build import plays
from tests.app.test_change import serves
from tests.fake_server import FakeServer, delta, sse

PAGE: Final = (Path(__file__).parents[1] / "docs/library.md").read_text(encoding="utf-8")
EXAMPLES: Final[Mapping[str, tuple[str, str]]] = {
    heading: (code, output)
    for heading, _, rest in (section.partition("\n") for section in PAGE.split("\n## ")[1:])
    for code, output in re.findall(
        r"^```python\n(.*?)^```\n(?:\n```output\n(.*?)^```)?", rest, re.MULTILINE | re.DOTALL
    )
}
FILES: Final = {"index.html": "<!doctype html>\n<script src=counter.js></script>\n", "counter.js": "let n = 0;\n"}
SECONDS: Final = re.compile(r"\d+\.\d s")
HOSTILE: Final = "<script>alert(1)</script> `` [x](javascript:x) ![x](http://x.example) \x1b[31m"


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A scripted server in place of the reader's own, by the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SMOL_MODEL", "m")
    with FakeServer(plays(FILES)) as server:
        monkeypatch.setenv("SMOL_BASE_URL", server.base_url)
        yield server


def run(heading: str) -> dict[str, Any]:
    """Run the example under the heading, as a script or a cell; return its names, and its last value as `_`."""
    tree = ast.parse(EXAMPLES[heading][0])
    if isinstance(last := tree.body[-1], ast.Expr):
        tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("_", ast.Store())], last.value), last)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(ast.fix_missing_locations(tree), "docs/library.md", "exec"), names)
    return names


SCRIPTS: Final = [
    heading for heading, (_, output) in EXAMPLES.items() if output and heading not in {"Changing a program", "Logging"}
]


@pytest.mark.parametrize("heading", SCRIPTS)
def test_an_example_prints_what_the_page_says(heading: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(heading)
    assert capsys.readouterr().out.strip() == EXAMPLES[heading][1].strip()


def test_a_change_prints_what_the_page_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMOL_ANSWER_OPENING", "off")
    with serves() as server:
        monkeypatch.setenv("SMOL_BASE_URL", server.base_url)
        smol_dev.build("a store", "store")
        run("Changing a program")
    assert capsys.readouterr().out == EXAMPLES["Changing a program"][1]


def test_the_log_is_as_the_page_says() -> None:
    code, output = EXAMPLES["Logging"]
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (SECONDS.sub("0.0 s", result.stdout), result.stderr) == (output, "")


def test_every_heading_with_code_is_run() -> None:
    assert PAGE.count("```python\n") == len(EXAMPLES)
    assert set(EXAMPLES) - set(SCRIPTS) == {
        "A notebook",
        "Changing a program",
        "FastAPI with server-sent events",
        "Logging",
    }


def test_the_table_has_every_field_of_a_result() -> None:
    cells = re.findall(r"^\| ((?:`\w+` )+)\|", PAGE, re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(each.name for each in fields(smol_dev.Result))


def test_a_notebook_shows_plan_problems_and_code() -> None:
    html = run("A notebook")["_"]._repr_html_()
    headings = re.findall("<h2>(.+?)</h2>", html)
    assert headings == ["Plan", "Problems", "Files"]
    assert re.findall("<summary><code>(.+?)</code>", html) == ["index.html", "counter.js"]
    assert "&lt;script" in re.sub("<span[^>]*>|</span>", "", html)


def hostile(tmp_path: Path) -> smol_dev.Result:
    (tmp_path / "a.md").write_text(f"{HOSTILE}\n```\n````\n", encoding="utf-8")
    (tmp_path / "link.md").symlink_to("/etc/passwd")
    problem = smol_dev.ProblemFound("a.md", 1, 1, "rule", HOSTILE, mended=False)
    return smol_dev.Result(
        tmp_path.resolve(),
        ("a.md", "link.md"),
        ("`b`.md",),
        Usage(),
        (problem,),
        plan=HOSTILE,
        files=("a.md", "link.md", "`b`.md"),
    )


def test_what_a_model_wrote_is_escaped_in_html(tmp_path: Path) -> None:
    html = hostile(tmp_path)._repr_html_()
    tags = set(re.findall(r"<(/?\w+)", html))
    assert tags.isdisjoint({"script", "img", "a"})
    assert "\x1b" not in html
    assert "root:" not in html


def test_what_a_model_wrote_is_escaped_in_markdown(tmp_path: Path) -> None:
    shown = "<script>alert(1)</script> `` [x](javascript:x) ![x](http://x.example) ^[[31m"
    assert hostile(tmp_path)._repr_markdown_() == (
        f"### Plan\n\n```\n{shown}\n```\n\n"
        f"### Problems\n\n- ``` a.md:1: {shown} ```\n\n"
        f"### Files\n\n`a.md`: written\n\n`````\n{shown}\n```\n````\n`````\n\n"
        "`link.md`: not there\n\n`` `b`.md ``: failed\n"
    )


def test_a_result_outlives_its_folder(tmp_path: Path) -> None:
    result = smol_dev.build("a counter", "counter")
    for path in FILES:
        (tmp_path / "counter" / path).unlink()
    assert result._repr_markdown_().endswith("`index.html`: not there\n\n`counter.js`: not there\n")
    assert result._repr_html_().count("not there") == 2


async def get(app: Any, path: str, query: str, *, leave: str = "never") -> list[str]:  # noqa: ANN401 - an ASGI app
    """The pieces of the answer to a GET; the client leaves after one that has `leave` in it."""
    pieces: list[str] = []
    left = asyncio.Event()

    requests = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, object]:
        if (request := next(requests, None)) is not None:
            return request
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            pieces.append(message["body"].decode())
            if leave in pieces[-1]:
                left.set()

    head = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET"}
    place = {"scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": ""}
    await app({**head, **place, "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}, receive, send)
    return pieces


def events(pieces: list[str]) -> list[tuple[str, dict[str, Any]]]:
    parsed = re.findall(r"event: (\w+)\ndata: (.*)\n\n", "".join(pieces))
    return [(name, json.loads(data)) for name, data in parsed]


@pytest.fixture
def app() -> Any:  # noqa: ANN401 - an ASGI app
    pytest.importorskip("fastapi")
    return run("FastAPI with server-sent events")["app"]


def test_a_browser_is_told_the_events(app: Any) -> None:  # noqa: ANN401
    told = events(asyncio.run(get(app, "/build", "prompt=a+counter")))
    assert [data["path"] for name, data in told if name == "FileDone"] == list(FILES)
    assert (told[0][0], told[-1][0], told[-1][1]["exit_code"]) == ("RunStarted", "RunDone", 0)


def test_a_browser_is_told_what_stopped_the_run(app: Any) -> None:  # noqa: ANN401
    told = events(asyncio.run(get(app, "/build", "prompt=+")))
    assert told == [("Stopped", {"message": "the prompt is empty", "hint": "say what to build"})]


def test_the_run_stops_when_the_browser_leaves(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    async def visit() -> None:
        await get(app, "/build", "prompt=a+counter", leave='"text": "let"')
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others or not (await asyncio.wait(others, timeout=20))[1]

    with FakeServer(plays({**FILES, "counter.js": sse(delta("let"), end="stall")})) as stalled:
        monkeypatch.setenv("SMOL_BASE_URL", stalled.base_url)
        asyncio.run(visit())
        assert stalled.dropped.wait(20)


def test_the_log_is_silent_until_it_is_asked() -> None:
    code = (
        'import logging, smol_dev; smol_dev.build("x", "y"); logging.getLogger("smol_dev").critical("nobody listens")'
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (result.stdout, result.stderr) == ("", "")


def test_the_log_holds_no_secret_prompt_or_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "sk-not-for-any-log-1234567890"
    monkeypatch.setenv("LOG_TEST_KEY", secret)
    monkeypatch.setenv("SMOL_API_KEY_ENV", "LOG_TEST_KEY")
    caplog.set_level(logging.DEBUG, logger="smol_dev")
    smol_dev.build("a counter called zebra", "counter")
    assert len(caplog.records) > 3
    assert [word for word in (secret, "zebra", "doctype", "let n") if word in caplog.text] == []

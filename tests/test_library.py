"""smol_dev as a library, against scripted servers."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest

import smol_dev
import smol_dev.errors
import smol_dev.library
from smol_dev.app.interrupts import SIGNALS
from smol_dev.errors import ConfigError, ServerError, SmolError, UsageError
from smol_dev.events import Event, RunDone
from tests.app.test_build import PLAN, TWO, plays
from tests.app.test_change import PROGRAM, SAVES, serves
from tests.fake_server import FakeServer, answered, delta, refusing_port, sse


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def loaded(server: FakeServer, **overrides: object) -> smol_dev.Loaded:
    return smol_dev.load_profile("local-llamacpp", overrides={"base_url": server.base_url, "model": "m", **overrides})


def test_the_steps_one_by_one() -> None:
    pieces: list[str] = []
    with FakeServer(plays(TWO)) as server:
        profile = loaded(server)
        plan = smol_dev.plan("a counter", profile=profile, stream_handler=pieces.append)
        files = smol_dev.specify_file_paths("a counter", plan, profile=profile)
        code = smol_dev.generate_code_sync("a counter", plan, "a.py", profile=profile)
    assert (plan, "".join(pieces)) == (PLAN, PLAN)
    assert files == ["a.py", "b/b.py"]
    assert code == "A = 1\n"


def test_the_steps_make_the_same_conversation_as_a_run() -> None:
    with FakeServer(plays(TWO)) as server:
        profile = loaded(server)
        smol_dev.specify_file_paths("a counter", PLAN, profile=profile)
        by_steps = server.chats[-1].json()["messages"]
        smol_dev.build("a counter", "out", profile=profile)
        by_run = server.chats[2].json()["messages"]
    assert by_run == by_steps


def test_code_is_generated_inside_a_running_loop_too() -> None:
    async def both(profile: smol_dev.Loaded) -> tuple[str, str]:
        awaited = await smol_dev.generate_code("a counter", PLAN, "a.py", profile=profile)
        return awaited, smol_dev.generate_code_sync("a counter", PLAN, "a.py", profile=profile)

    with FakeServer(answered("A = 1\n")) as server:
        assert asyncio.run(both(loaded(server))) == ("A = 1\n", "A = 1\n")


def test_build_writes_and_reports() -> None:
    events: list[Event] = []
    with FakeServer(plays(TWO)) as server:
        result = smol_dev.build("a counter", "out", profile=loaded(server), on_event=events.append)
    assert (result.written, result.failed) == (("a.py", "b/b.py"), ())
    assert (result.output_dir, result.usage.completion) == (Path("out").resolve(), 50)
    assert Path("out/a.py").read_text() == "A = 1\n"
    assert isinstance(events[-1], RunDone)


def test_build_raises_what_stopped_it() -> None:
    profile = smol_dev.load_profile(
        "local-llamacpp",
        overrides={"base_url": f"http://127.0.0.1:{refusing_port()}/v1", "model": "m", "max_retries": 0},
    )
    with pytest.raises(ServerError) as caught:
        smol_dev.build("a counter", "out", profile=profile)
    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_a_step_raises_the_servers_error() -> None:
    profile = smol_dev.load_profile(
        "local-llamacpp",
        overrides={"base_url": f"http://127.0.0.1:{refusing_port()}/v1", "model": "m", "max_retries": 0},
    )
    with pytest.raises(ServerError):
        smol_dev.plan("a counter", profile=profile)


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(UsageError, match="the prompt is empty"):
        smol_dev.plan(prompt)
    with pytest.raises(UsageError, match="the prompt is empty"):
        smol_dev.build(prompt, "out")


def test_an_unsafe_path_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`\.\./a\.py` may not be written"):
        smol_dev.generate_code_sync("x", "y", "../a.py")


def test_an_unknown_profile_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="there is no profile `locl`"):
        smol_dev.load_profile("locl")


def test_a_project_file_applies_as_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "project/.git").mkdir(parents=True)
    (tmp_path / "project/smol.toml").write_text("[profiles.local]\ntemperature = 0.5\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "project")
        assert smol_dev.load_profile("local").profile.temperature == 0.5
        assert smol_dev.load_profile("local", project=False).profile.temperature == "auto"


def test_nothing_else_is_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'bild'"):
        smol_dev.bild  # noqa: B018 - asking for it is the test


def test_a_loaded_profile_has_the_keys_of_its_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOL_MODEL", "m")
    loaded = smol_dev.load_profile("local-vllm", project=False)
    assert (loaded.model, loaded.base_url) == ("m", "http://localhost:8000/v1")
    assert {"model", "base_url", "timeout", "profile"} <= set(dir(loaded))
    with pytest.raises(AttributeError, match="'Loaded' object has no attribute 'modle'"):
        loaded.modle  # noqa: B018 - asking for it is the test


@pytest.fixture
def stalled() -> Iterator[FakeServer]:
    """A server whose answer to the second file never ends."""
    with FakeServer(plays({**TWO, "b/b.py": sse(delta("impo"), end="stall")})) as server:
        yield server


def test_build_works_inside_a_running_loop() -> None:
    async def notebook(profile: smol_dev.Loaded) -> tuple[str, ...]:
        return smol_dev.build("a counter", "out", profile=profile).written

    with FakeServer(plays(TWO)) as server:
        assert asyncio.run(notebook(loaded(server))) == ("a.py", "b/b.py")


def test_build_async_leaves_the_loop_to_others() -> None:
    async def both(profile: smol_dev.Loaded) -> tuple[tuple[str, ...], tuple[str, ...]]:
        first, second = await asyncio.gather(
            smol_dev.build_async("a counter", "one", profile=profile),
            smol_dev.build_async("a counter", "two", profile=profile),
        )
        return first.written, second.written

    with FakeServer(plays(TWO)) as server:
        assert asyncio.run(both(loaded(server))) == (("a.py", "b/b.py"), ("a.py", "b/b.py"))


def test_build_works_in_worker_threads() -> None:
    with FakeServer(plays(TWO)) as server, ThreadPoolExecutor(2) as pool:
        profile = loaded(server)
        results = pool.map(lambda name: smol_dev.build("x", name, profile=profile), ["one", "two"])
        assert [result.written for result in results] == [("a.py", "b/b.py")] * 2


def test_build_leaves_the_signals_of_its_caller_alone() -> None:
    def mine(*_: object) -> None:
        """Somebody else's handler."""

    before = {number: signal.signal(number, mine) for number in SIGNALS}
    during = []
    try:
        with FakeServer(plays(TWO)) as server:
            smol_dev.build(
                "a counter",
                "out",
                profile=loaded(server),
                on_event=lambda _: during.append({signal.getsignal(n) for n in SIGNALS}),
            )
        after = {signal.getsignal(number) for number in SIGNALS}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert after == {mine}
    assert all(handlers == {mine} for handlers in during)


@pytest.mark.parametrize("looped", [False, True], ids=["plain", "in a running loop"])
def test_ctrl_c_passes_through_and_what_is_finished_is_kept(stalled: FakeServer, *, looped: bool) -> None:
    profile = loaded(stalled)

    def interrupt(event: Event) -> None:
        if isinstance(event, smol_dev.FileStarted) and event.path == "b/b.py":
            threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()

    def build() -> None:
        smol_dev.build("a counter", "out", profile=profile, on_event=interrupt)

    async def notebook() -> None:
        build()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(notebook()) if looped else build()
    assert Path("out/a.py").read_text() == "A = 1\n"
    assert [thread for thread in threading.enumerate() if thread.name == "smol_dev"] == []


def test_cancelling_passes_through(stalled: FakeServer) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(smol_dev.build_async("a counter", "out", profile=loaded(stalled), on_event=stop))
        tasks.append(task)
        await task

    def stop(event: Event) -> None:
        if isinstance(event, smol_dev.FileStarted) and event.path == "b/b.py":
            asyncio.get_running_loop().call_later(0.1, tasks[0].cancel)

    tasks: list[asyncio.Task[smol_dev.Result]] = []
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert Path("out/a.py").read_text() == "A = 1\n"


def test_everything_a_caller_meets_can_be_imported_from_the_package() -> None:
    errors = [each for each in vars(smol_dev.errors).values() if is_public(each, SmolError)]
    classes = [*errors, *get_args(Event), smol_dev.Dropped, smol_dev.StageTotal]
    assert [getattr(smol_dev, each.__name__) for each in classes] == classes
    assert {each.__name__ for each in classes} <= set(smol_dev.__all__)
    assert all(hasattr(smol_dev, name) for name in smol_dev.__all__)


def is_public(value: object, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base) and value.__name__[0] != "_"


def test_the_errors_are_in_the_docstrings() -> None:
    for error in ("UsageError", "ConfigError", "ServerError", "AnswerError", "WorkspaceError"):
        exit_code = getattr(smol_dev, error).exit_code
        assert f"- `{error}` ({exit_code}): " in (smol_dev.library.__doc__ or "")


def unopened(server: FakeServer) -> smol_dev.Loaded:
    """The settings for a server that is asked without the opening of an answer."""
    return loaded(server, answer_opening="off")


def grown() -> Path:
    """A program in a folder, made by the same server that will change it."""
    with serves() as server:
        smol_dev.build("a counter", "out", profile=unopened(server))
    return Path("out")


def test_a_program_is_changed_and_that_is_taken_back() -> None:
    out, events = grown(), list[Event]()
    with serves() as server:
        result = smol_dev.change("Save the items too.", out, profile=unopened(server), on_event=events.append)
    assert (result.output_dir, result.written, result.failed) == (out.resolve(), ("notes.md", "store.py"), ())
    assert result.files == ("store.py", "main.py", "notes.md")
    assert [event.path for event in events if isinstance(event, smol_dev.FileChanged)] == [
        "store.py",
        "notes.md",
        "old.py",
    ]
    assert (out / "store.py").read_text(encoding="utf-8") == SAVES
    assert smol_dev.undo(out) == ("old.py", "store.py")
    assert (out / "store.py").read_text(encoding="utf-8") == PROGRAM["store.py"]
    assert smol_dev.undo(out, redo=True) == ("notes.md", "store.py")


def test_whoever_calls_decides_on_a_change() -> None:
    out, asked = grown(), list[tuple[str, ...]]()
    verdicts: list[smol_dev.Verdict] = [smol_dev.AskedAgain("Less."), smol_dev.Taken(frozenset({"notes.md"}))]

    def decide(proposed: smol_dev.Proposed) -> smol_dev.Verdict:
        asked.append(tuple(file.path for file in proposed.files))
        return verdicts.pop(0)

    async def in_a_loop(profile: smol_dev.Loaded) -> smol_dev.Result:
        return await smol_dev.change_async("Save the items too.", out, profile=profile, decide=decide)

    with serves() as server:
        result = asyncio.run(in_a_loop(unopened(server)))
    assert result.written == ("notes.md",)
    assert asked == [("store.py", "notes.md", "old.py")] * 2
    assert (out / "store.py").read_text(encoding="utf-8") == PROGRAM["store.py"]


def test_a_change_asks_the_model_that_made_the_program() -> None:
    with serves() as server:
        smol_dev.build("a counter", "out", profile=unopened(server))
        Path("mine.toml").write_text(
            f'[profiles.local-llamacpp]\nbase_url = "{server.base_url}"\nmodel = "m"\nanswer_opening = "off"\n'
        )
        os.environ["SMOL_CONFIG"] = str(Path("mine.toml").resolve())
        try:
            result = smol_dev.change("Save the items too.", "out", only=["store.py"])
        finally:
            del os.environ["SMOL_CONFIG"]
    assert result.written == ("store.py",)


def test_a_change_of_no_program_is_an_error() -> None:
    with pytest.raises(smol_dev.WorkspaceError, match="there is no run in"):
        smol_dev.change("Save the items too.", "nowhere")
    assert not Path("nowhere").exists()

"""Settings in, files out: whole runs against scripted servers, with what is written and remembered."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from smol_dev import __version__
from smol_dev.app.caller import Caller
from smol_dev.app.program import generate, resume
from smol_dev.app.session import Task
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.errors import SmolError, TrustError, UsageError, WorkspaceError
from smol_dev.events import Dropped, Event, Failed, FileDone, FileFailed, FilesReady, Noticed, RunDone, Warned
from tests.fake_server import NOWHERE, Canned, FakeServer, Received, answered, delta, json_answer, refusing_port, sse

PLAN = "# Plan\n\nTwo files."
Answer = Callable[[str], Canned]


def plays(files: Mapping[str, str | Canned | Answer]) -> Callable[[Received], Canned]:
    """A server that answers plan, list and each file by the path that ends its request."""

    def answer(request: Received) -> Canned:
        if not request.place.endswith("/chat/completions"):
            return json_answer({"data": [{"id": "m"}]})
        messages = request.json()["messages"]
        turns = sum(message["role"] == "assistant" for message in messages)
        asked = [message["content"].rsplit("\n", 1)[-1] for message in reversed(messages)]
        if turns == 0:
            return answered(PLAN, prompt_tokens=600, completion_tokens=10)
        if turns == 1 and asked[0] not in files:
            return answered(json.dumps({"files": list(files)}))
        path = next(line for line in asked if line in files)
        content = files[path]
        if isinstance(content, str):
            return answered(content, prompt_tokens=900, completion_tokens=20)
        return content(path) if callable(content) else content

    return answer


@dataclass
class World:
    """A working directory, an own settings file in it, and everything that was shown."""

    cwd: Path
    shown: list[Event] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    def flags(self, base_url: str, settings: str = "") -> Flags:
        file = self.cwd / "own.toml"
        file.write_text(
            f'[profiles.mine]\nbase_url = "{base_url}"\nmodel = "m"\nmax_retries = 0\n{settings}', encoding="utf-8"
        )
        return Flags(profile="mine", config=file)

    def caller(self) -> Caller:
        around = Surroundings(environ={**NOWHERE, **self.environ}, cwd=self.cwd, state=self.cwd / "state")
        return Caller(around, self.shown.append)

    def generate(self, server: FakeServer, settings: str = "", **task: object) -> RunDone:
        return self.generate_at(server.base_url, settings, **task)

    def generate_at(self, base_url: str, settings: str = "", **task: object) -> RunDone:
        return generate(
            Task("a counter", **task),  # type: ignore[arg-type]  # the fields of a Task
            self.flags(base_url, settings),
            self.caller(),
        )

    def resume(self, server: FakeServer, **task: object) -> RunDone:
        return resume(Task(**task), self.flags(server.base_url), self.caller())  # type: ignore[arg-type]

    def files(self) -> dict[str, str]:
        out = self.cwd / "generated"
        return {
            str(path.relative_to(out)): path.read_text(encoding="utf-8")
            for path in sorted(out.rglob("*"))
            if path.is_file() and ".smol" not in path.parts
        }

    def failed(self) -> Failed:
        [failed] = [event for event in self.shown if isinstance(event, Failed)]
        return failed


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


TWO = {"a.py": "A = 1\n", "b/b.py": "import a\n"}


def test_a_run_writes_every_file_and_tells_what_it_cost(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        done = world.generate(server)
    assert world.files() == TWO
    assert (done.exit_code, done.written, done.failed) == (0, ("a.py", "b/b.py"), ())
    assert (done.bytes, done.prompt_tokens, done.completion_tokens) == (15, 2400, 50)
    assert [stage.stage for stage in done.stages] == ["plan", "files", "code"]
    assert [stage.requests for stage in done.stages] == [1, 1, 2]
    assert world.shown[-1] == done


def test_a_whole_run_tells_how_to_open_and_how_to_change_it(world: World) -> None:
    with FakeServer(plays({"index.html": "<p>1</p>\n"})) as server:
        done = world.generate(server)
        again = world.generate(server, overwrite=True)
    assert (done.start, done.change) == ("open generated/index.html", 'smol_dev change "…"')
    assert (done.planned, done.present, done.stopped, again.exit_code) == (1, 1, False, 0)
    assert [event.replaced for event in world.shown if isinstance(event, FileDone)] == [False, True]


def test_a_run_that_broke_off_tells_what_is_kept_and_no_next_step(world: World) -> None:
    with FakeServer(plays({**TWO, "b/b.py": answered("")})) as server:
        partly = world.generate(server)
    with FakeServer(lambda _: json_answer({"error": {"message": "no key"}}, status=401)) as server:
        stopped = world.generate(server, folder=Path("other"))
    assert (partly.planned, partly.present, partly.stopped, partly.start, partly.change) == (2, 1, False, "", "")
    assert (stopped.planned, stopped.present, stopped.stopped, stopped.start) == (0, 0, True, "")


def test_the_record_holds_the_run_and_the_plan_is_a_file(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server)
    folder = world.cwd / "generated/.smol"
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert (record["prompt"], record["plan"], record["files"]) == ("a counter", PLAN, list(TWO))
    assert record["profile"]["name"] == "mine"
    assert (folder / "plan.md").read_text(encoding="utf-8").strip() == PLAN


def test_plan_only_writes_nothing_but_its_record(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        done = world.generate(server, plan_only=True)
        assert (done.exit_code, world.files()) == (0, {})
        assert world.resume(server).written == ("a.py", "b/b.py")
    assert world.files() == TWO
    assert len(server.chats) == 4


def test_a_failed_file_leaves_the_others_and_resume_asks_for_it_alone(world: World) -> None:
    with FakeServer(plays({**TWO, "a.py": "I cannot help with that."})) as server:
        done = world.generate(server, "answer_retries = 0\n")
    assert (done.exit_code, done.written, done.failed) == (4, ("b/b.py",), ("a.py",))
    hint = "say the prompt differently, or try another model with `--model`"
    assert FileFailed("a.py", "refusal", world_message(world), hint) in world.shown
    with FakeServer(plays(TWO)) as server:
        again = world.resume(server)
    assert (again.exit_code, again.written) == (0, ("a.py",))
    assert world.files() == TWO
    assert len(server.chats) == 1


def world_message(world: World) -> str:
    [message] = [event.message for event in world.shown if isinstance(event, FileFailed)]
    assert message.startswith("no usable answer for `a.py` after 1 try: ")
    return message


def refuses_once(answer: str) -> Answer:
    """A file that is had at the second try."""
    answers = iter(["I am sorry, but I cannot help with that.", answer])
    return lambda _: answered(next(answers))


FENCED = "```python\nB = 2\n```"


def in_many_turns() -> dict[str, str | Canned | Answer]:
    """Files whose turns are more than what is on disk; the last one cannot be had."""
    return {
        "a.py": refuses_once("Here is the file:\n\n```python\nA = 1\n```\n"),
        "b.py": FENCED,
        "empty/__init__.py": "```python\n```",
        "c.md": "I cannot help with that.",
    }


def test_a_resumed_chain_begins_with_the_very_turns_of_the_run_before(world: World) -> None:
    with FakeServer(plays(in_many_turns())) as server:
        assert world.generate(server, "answer_retries = 1\n").failed == ("c.md",)
    *_, before, _ = server.chats
    with FakeServer(plays({**in_many_turns(), "c.md": "# C\n"})) as server:
        assert world.resume(server).exit_code == 0
    [after] = server.chats
    assert after.json()["messages"] == before.json()["messages"]


def test_a_chain_resumed_twice_keeps_the_order_in_which_files_were_had(world: World) -> None:
    files = {"a.py": "I cannot help with that.", "b.py": FENCED, "c.md": "I cannot help."}
    with FakeServer(plays(files)) as server:
        world.generate(server, "answer_retries = 0\n")
    with FakeServer(plays({**files, "a.py": "A = 1\n"})) as server:
        world.resume(server, only=("a.py",))
    with FakeServer(plays({**files, "c.md": "# C\n"})) as server:
        assert world.resume(server).exit_code == 0
    [request] = server.chats
    said = [each["content"] for each in request.json()["messages"] if each["role"] == "assistant"]
    assert said[2:] == [FENCED, "A = 1\n"]


def test_a_file_that_was_edited_is_shown_as_it_is_now(world: World) -> None:
    with FakeServer(plays(in_many_turns())) as server:
        world.generate(server, "answer_retries = 1\n")
    (world.cwd / "generated/b.py").write_text("B = 3\n", encoding="utf-8")
    before = [message["content"] for message in server.chats[-2].json()["messages"]]
    with FakeServer(plays({**in_many_turns(), "c.md": "# C\n"})) as server:
        world.resume(server)
    after = [message["content"] for message in server.chats[0].json()["messages"]]
    assert after == ["B = 3\n" if said == FENCED else said for said in before]


def test_raw_unusable_answers_are_kept_to_look_at(world: World) -> None:
    with FakeServer(plays({**TWO, "a.py": "I cannot help with that."})) as server:
        world.generate(server, "answer_retries = 0\n")
    kept = [path.read_text() for path in (world.cwd / "generated/.smol/answers").iterdir()]
    assert kept == ["I cannot help with that."]


def test_a_file_the_user_edited_is_kept_by_resume(world: World) -> None:
    with FakeServer(plays({**TWO, "a.py": ""})) as server:
        world.generate(server, "answer_retries = 0\n")
        (world.cwd / "generated/b/b.py").write_text("mine\n")
    with FakeServer(plays(TWO)) as server:
        world.resume(server)
    assert world.files() == {"a.py": "A = 1\n", "b/b.py": "mine\n"}
    assert "`b/b.py` was changed since it was written, and is kept as it is" in [
        event.message for event in world.shown if isinstance(event, Warned)
    ]


def test_a_server_that_dies_in_the_middle_of_a_file_leaves_no_part_of_it(world: World) -> None:
    cut = sse(delta("A = 1\nB ="), end="reset")
    with FakeServer(plays({**TWO, "a.py": cut})) as server:
        done = world.generate(server, "answer_retries = 1\n")
    assert done.exit_code == 4
    assert world.files() == {"b/b.py": "import a\n"}


def test_when_every_file_fails_because_of_the_server_the_exit_code_is_3(world: World) -> None:
    gone = json_answer({"error": {"message": "CUDA out of memory"}}, status=500)
    with FakeServer(plays(dict.fromkeys(TWO, gone))) as server:
        done = world.generate(server)
    assert (done.exit_code, done.written) == (3, ())


def test_a_window_that_a_refusal_tells_is_known_from_then_on(world: World) -> None:
    plain, window, prompt = plays(TWO), 4096, 900

    def is_too_long(request: Received) -> bool:
        is_of_a_file = "file to write now" in str(request.json()["messages"][-1])
        return is_of_a_file and prompt + int(request.json()["max_tokens"]) > window

    def hidden(request: Received) -> Canned:
        if request.place.endswith("/chat/completions"):
            most = request.json()["max_tokens"]
            if is_too_long(request):
                said = (
                    f"This model's maximum context length is {window} tokens. However, you requested"
                    f" {prompt + most} tokens ({prompt} in the messages, {most} in the completion)."
                )
                return json_answer({"error": {"message": said, "code": 400}}, status=400)
        return plain(request)

    with FakeServer(hidden) as server:
        done = world.generate(server)
    assert (done.exit_code, world.files()) == (0, TWO)
    assert sum(map(is_too_long, server.chats)) == 1


def test_a_server_that_is_not_there_is_exit_3_and_one_error(world: World) -> None:
    done = generate(Task("x"), world.flags(f"http://127.0.0.1:{refusing_port()}/v1"), world.caller())
    assert done.exit_code == 3
    assert world.failed().exit_code == 3
    assert world.failed().hint


def test_a_server_that_is_not_there_takes_no_earlier_record_away(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server)
    done = world.generate_at(f"http://127.0.0.1:{refusing_port()}/v1")
    assert (done.exit_code, world.files()) == (3, TWO)
    assert (world.cwd / "generated/.smol/run.json").exists()


def test_a_server_that_goes_away_after_the_plan_leaves_a_run_to_resume(world: World) -> None:
    plain = plays(TWO)

    def leaving(request: Received) -> Canned:
        if request.place.endswith("/chat/completions"):
            server.refuse_more()
        return replace(plain(request), end="close")

    with FakeServer(leaving) as server:
        done = world.generate(server)
    assert (done.exit_code, len(server.chats)) == (3, 1)
    with FakeServer(plain) as again:
        assert world.resume(again).exit_code == 0
    assert (len(again.chats), world.files()) == (3, TWO)


def test_a_link_leads_out_of_the_folder_of_a_file_only_where_the_user_typed_it(world: World) -> None:
    (world.cwd / "elsewhere").mkdir()
    (world.cwd / "link").symlink_to(world.cwd / "elsewhere")
    with FakeServer(plays(TWO)) as server:
        flags = world.flags(server.base_url, '[run]\noutput_dir = "link"\n')
        with pytest.raises(WorkspaceError) as caught:
            generate(Task("a counter"), flags, world.caller())
        assert (caught.value.reason, server.requests) == ("unsafe_path", [])
        typed = replace(flags, named={"run.output_dir": ("link", "--output")})
        assert generate(Task("a counter"), typed, world.caller()).exit_code == 0
    assert (world.cwd / "elsewhere/a.py").read_text() == TWO["a.py"]


def test_an_unusable_plan_is_exit_4(world: World) -> None:
    with FakeServer(answered("")) as server:
        done = world.generate(server, "answer_retries = 0\n")
    assert done.exit_code == 4
    assert world.failed().message.startswith("no usable answer for the plan after 1 try")


def test_a_folder_with_other_files_is_refused_before_any_request(world: World) -> None:
    (world.cwd / "generated").mkdir()
    (world.cwd / "generated/mine.txt").write_text("mine")
    with FakeServer(plays(TWO)) as server, pytest.raises(SmolError) as caught:
        world.generate(server)
    assert caught.value.exit_code == 5
    assert "mine.txt" in caught.value.message
    assert server.requests == []


def test_a_folder_without_a_name_is_refused_before_any_request(world: World) -> None:
    with FakeServer(plays(TWO)) as server, pytest.raises(UsageError) as caught:
        world.generate(server, '[run]\noutput_dir = ""\n')
    assert (caught.value.message, caught.value.hint) == (
        "the output folder has no name",
        "name it: `-o DIR`, or `-o .`",
    )
    assert server.requests == []


def test_overwrite_keeps_a_copy_of_what_it_replaces(world: World) -> None:
    (world.cwd / "generated").mkdir()
    (world.cwd / "generated/a.py").write_text("mine")
    with FakeServer(plays(TWO)) as server:
        done = world.generate(server, overwrite=True)
    assert (done.exit_code, world.files()) == (0, TWO)
    copies = (world.cwd / "generated/.smol/backup").rglob("*")
    assert [path.read_text() for path in copies if path.is_file()] == ["mine"]


def test_unsafe_paths_are_dropped_and_the_rest_is_written(world: World) -> None:
    with FakeServer(plays({"a.py": "A = 1\n", "../evil.py": "x", ".git/config": "x"})) as server:
        done = world.generate(server)
    assert (done.exit_code, world.files()) == (0, {"a.py": "A = 1\n"})
    [listed] = [event for event in world.shown if isinstance(event, FilesReady)]
    assert [entry.path for entry in listed.dropped] == ["../evil.py", ".git/config"]
    assert not (world.cwd / "evil.py").exists()


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        pytest.param("canary-key-12", ["secret"], id="all but its last character"),
        pytest.param("x = 'anary-key-123'", ["secret"], id="all but its first character"),
        pytest.param("Y2FuYXJ5LWtleS0xMjM=", ["secret"], id="in base64"),
        pytest.param("canary-key", [], id="ten characters of it"),
        pytest.param("https://example.com/else", [], id="an address that a header begins with"),
        pytest.param("Bearer", [], id="the word before it"),
    ],
)
def test_twelve_characters_of_a_key_in_a_row_are_never_written(world: World, content: str, reasons: list[str]) -> None:
    (world.cwd / "key").write_text("canary-key-123\n")
    settings = 'api_key_file = "key"\nheaders = {Referer = "https://example.com/me"}\n'
    with FakeServer(plays({"a.txt": f"{content}\n", "b.txt": "B\n"})) as server:
        done = world.generate(server, settings)
    failures = [event.reason for event in world.shown if isinstance(event, FileFailed)]
    assert failures == reasons
    assert done.written == (("b.txt",) if reasons else ("a.txt", "b.txt"))


def test_a_key_in_an_answer_is_never_written(world: World) -> None:
    (world.cwd / "key").write_text("canary-key-123\n")
    with FakeServer(plays({**TWO, "a.py": 'KEY = "canary-key-123"\n'})) as server:
        done = world.generate(server, 'api_key_file = "key"\n')
    assert server.chats[0].headers["authorization"] == "Bearer canary-key-123"
    assert [(event.path, event.reason) for event in world.shown if isinstance(event, FileFailed)] == [
        ("a.py", "secret")
    ]
    assert (done.exit_code, done.written) == (4, ("b/b.py",))
    everything = [path.read_bytes() for path in (world.cwd / "generated").rglob("*") if path.is_file()]
    assert b"canary" not in b"".join(everything)


def test_bad_syntax_after_the_second_try_is_kept_and_said(world: World) -> None:
    with FakeServer(plays({"a.py": "```python\ndef f(:\n```"})) as server:
        done = world.generate(server)
    assert (done.exit_code, world.files()) == (0, {"a.py": "def f(:\n"})
    warnings = [event.message for event in world.shown if isinstance(event, Warned)]
    assert any(message.startswith("`a.py` is kept as it is: ") for message in warnings)


def test_files_of_a_parallel_run_are_all_there(world: World) -> None:
    many = {f"m{number}.py": f"N = {number}\n" for number in range(12)}
    with FakeServer(plays(many)) as server:
        done = world.generate(server, "max_concurrency = 4\n")
    assert (done.exit_code, world.files()) == (0, many)
    assert sorted(event.path for event in world.shown if isinstance(event, FileDone)) == sorted(many)


def test_only_names_files_of_the_run(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server, plan_only=True)
        assert world.resume(server, only=("b/b.py",)).written == ("b/b.py",)
        with pytest.raises(SmolError) as caught:
            world.resume(server, only=("c.py",))
    assert caught.value.message == "`--only c.py` names no file of this run"
    assert caught.value.hint == "its files are: `a.py`, `b/b.py`"


def test_resume_says_when_the_profile_of_the_run_is_gone(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server, plan_only=True)
        (world.cwd / "own.toml").write_text("", encoding="utf-8")
        with pytest.raises(SmolError) as caught:
            resume(Task(), Flags(config=world.cwd / "own.toml"), world.caller())
    assert caught.value.message == ("the run was begun with the profile `mine`, which no file defines any more")
    assert (caught.value.exit_code, "resume -p NAME" in caught.value.hint) == (2, True)


def test_resume_without_a_record_is_exit_5_with_nothing_touched(world: World) -> None:
    (world.cwd / "generated").mkdir()
    with FakeServer(plays(TWO)) as server, pytest.raises(SmolError) as caught:
        world.resume(server)
    assert caught.value.exit_code == 5
    assert list((world.cwd / "generated").iterdir()) == []
    assert server.requests == []


def half_a_character(path: str) -> Canned:
    """An answer that ends in a lone surrogate, which JSON can spell and no file can hold."""
    del path
    return sse(delta("A = '\ud800'\n"), delta(finish="stop"), "[DONE]")


@pytest.mark.parametrize(
    ("prepare", "answer", "reason"),
    [
        pytest.param(lambda _out: None, half_a_character, "wrong_format", id="half-a-character"),
        pytest.param(lambda out: (out / "b").write_text("mine"), "import a\n", "occupied", id="file-for-folder"),
        pytest.param(lambda out: (out / "b/b.py").mkdir(parents=True), "import a\n", "occupied", id="folder"),
        pytest.param(lambda out: (out / "b").symlink_to(out.parent), "import a\n", "occupied", id="link"),
    ],
)
def test_a_file_that_cannot_be_written_fails_alone(
    world: World, prepare: Callable[[Path], object], answer: str | Answer, reason: str
) -> None:
    with FakeServer(plays({**TWO, "b/b.py": answer})) as server:
        world.generate(server, plan_only=True)
        prepare(world.cwd / "generated")
        done = world.resume(server)
    assert (done.exit_code, done.written, done.failed) == (4, ("a.py",), ("b/b.py",))
    [failed] = [event for event in world.shown if isinstance(event, FileFailed)]
    assert (failed.path, failed.reason, failed.hint != "") == ("b/b.py", reason, True)


class Elsewhere(World):
    """The same user in another shell: none of the settings of then are given."""

    def go_on(self, *, flags: Flags = Flags(), **task: object) -> RunDone:  # noqa: B008 - frozen
        return resume(Task(folder=self.cwd / "generated", **task), flags, self.caller())  # type: ignore[arg-type]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path)


def begin(world: World, server: FakeServer, flags: Flags, **environ: str) -> None:
    """A run that ends with its list, in a shell with these variables."""
    world.environ.update(environ)
    named = {**flags.named, "base_url": (server.base_url, "--api-base-url")}
    generate(Task("a counter", plan_only=True), replace(flags, named=named), world.caller())
    world.environ.clear()


def asked_models(server: FakeServer) -> list[str]:
    return [request.json()["model"] for request in server.chats]


def test_a_run_goes_on_with_the_flags_and_variables_it_was_begun_with(elsewhere: Elsewhere) -> None:
    flags = Flags(sets=("temperature=0.7", "model=code-model"), named={"seed": (3, "--seed")})
    with FakeServer(plays(TWO)) as server:
        begin(elsewhere, server, flags, SMOL_TOP_P="0.5")
        assert elsewhere.go_on().exit_code == 0
    assert asked_models(server) == ["code-model"] * 4
    sent = server.chats[-1].json()
    assert (sent["temperature"], sent["top_p"], sent["seed"]) == (0.7, 0.5, 3)
    assert not any("different from when the run began" in str(event) for event in elsewhere.shown)


def test_what_is_given_now_wins_and_is_said(elsewhere: Elsewhere) -> None:
    with FakeServer(plays(TWO)) as server:
        begin(elsewhere, server, Flags(named={"model": ("then", "--model")}), SMOL_SEED="3")
        elsewhere.environ["SMOL_SEED"] = "4"
        elsewhere.go_on(flags=Flags(named={"model": ("now", "--model")}))
    assert asked_models(server)[2:] == ["now", "now"]
    assert server.chats[-1].json()["seed"] == 4
    said = "different from when the run began: `model` is `now` (was `then`), `seed` is `4` (was `3`)"
    assert Warned(said) in elsewhere.shown


def test_the_settings_of_another_version_are_not_compared(elsewhere: Elsewhere) -> None:
    with FakeServer(plays(TWO)) as server:
        begin(elsewhere, server, Flags(named={"model": ("then", "--model")}))
        record = elsewhere.cwd / "generated/.smol/run.json"
        record.write_text(record.read_text("utf-8").replace(f'"{__version__}"', '"0.0.1"'), "utf-8")
        elsewhere.go_on(flags=Flags(named={"model": ("now", "--model")}))
    assert asked_models(server)[2:] == ["now", "now"]
    assert not any("different from when the run began" in str(event) for event in elsewhere.shown)


def test_a_variable_that_changed_beats_a_flag_of_then(elsewhere: Elsewhere) -> None:
    with FakeServer(plays(TWO)) as server:
        begin(elsewhere, server, Flags(named={"model": ("then", "--model")}), SMOL_MODEL="same")
        elsewhere.environ["SMOL_MODEL"] = "same"
        elsewhere.go_on(only=("a.py",))
        elsewhere.environ["SMOL_MODEL"] = "other"
        elsewhere.go_on()
    assert asked_models(server)[2:] == ["then", "other"]


def test_a_run_goes_on_with_the_server_that_it_found(elsewhere: Elsewhere) -> None:
    with FakeServer(plays(TWO)) as server, FakeServer(plays(TWO)) as other:
        elsewhere.environ["SMOL_LOCAL_SERVERS"] = server.base_url
        generate(Task("a counter", plan_only=True), Flags(), elsewhere.caller())
        elsewhere.environ["SMOL_LOCAL_SERVERS"] = other.base_url
        assert elsewhere.go_on().exit_code == 0
    assert (len(server.chats), other.chats) == (4, [])
    assert not any("different from when the run began" in str(event) for event in elsewhere.shown)


def test_a_run_whose_server_is_off_says_how_to_start_it(elsewhere: Elsewhere) -> None:
    with FakeServer(plays(TWO)) as server:
        elsewhere.environ["SMOL_LOCAL_SERVERS"] = server.base_url
        generate(Task("a counter", plan_only=True), Flags(), elsewhere.caller())
    done = elsewhere.go_on()
    failed = [event for event in elsewhere.shown if isinstance(event, FileFailed)]
    assert (done.exit_code, [each.path for each in failed]) == (3, list(TWO))
    assert failed[0].message == f"nothing answers at {server.base_url}"
    assert failed[0].hint.startswith("start the server")


def test_a_key_for_the_server_that_is_found_is_used_and_never_written(elsewhere: Elsewhere) -> None:
    answer = plays({**TWO, "a.py": 'KEY = "canary-key-123"\n', "canary-key-123.py": "x"})
    with FakeServer(answer) as server:
        elsewhere.environ.update(SMOL_LOCAL_SERVERS=server.base_url, SMOL_API_KEY="canary-key-123")
        done = generate(Task("a counter"), Flags(), elsewhere.caller())
    assert {request.headers.get("authorization") for request in server.chats} == {"Bearer canary-key-123"}
    assert (done.exit_code, done.written) == (4, ("b/b.py",))
    everything = [path.read_bytes() for path in (elsewhere.cwd / "generated").rglob("*") if path.is_file()]
    assert b"canary" not in b"".join(everything)
    (ready,) = (event for event in elsewhere.shown if isinstance(event, FilesReady))
    assert [entry.path for entry in ready.dropped] == ["[redacted].py"]


def test_secrets_are_not_recorded(elsewhere: Elsewhere) -> None:
    secrets = {
        "SMOL_API_KEY": "canary-key-0123456789",
        "SMOL_HEADERS__X_TEAM": "canary-team-0123456789",
        "SMOL_EXTRA_BODY": '{"api_key": "canary-body-0123456789"}',
    }
    with FakeServer(plays(TWO)) as server:
        begin(
            elsewhere,
            server,
            Flags(named={"model": ("m", "--model")}, sets=("extra_body.token='canary-token-12345'",)),
            **secrets,
        )
    for path in elsewhere.cwd.rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes(), path


def test_a_demo_goes_on_with_a_server_of_its_own(elsewhere: Elsewhere) -> None:
    flags = Flags(profile="demo", project=False, named={"run.output_dir": ("generated", "demo")})
    generate(Task("a counter", plan_only=True), flags, elsewhere.caller())
    assert elsewhere.go_on().exit_code == 0
    assert sorted(elsewhere.files()) == ["README.md", "render.py", "store.py", "test_todo.py", "todo.py"]


def test_the_record_of_a_clone_is_content_and_no_settings(elsewhere: Elsewhere) -> None:
    with FakeServer(plays(TWO)) as evil, FakeServer(plays(TWO)) as good:
        begin(elsewhere, evil, Flags(named={"model": ("evil", "--model")}))
        evil.requests.clear()
        clone = elsewhere.cwd / "clone"
        (elsewhere.cwd / "generated").rename(clone)
        now = Flags(named={"model": ("m", "--model"), "base_url": (good.base_url, "--base-url")})
        done = resume(Task(folder=clone), now, elsewhere.caller())
    assert (done.exit_code, evil.requests, asked_models(good)) == (0, [], ["m", "m"])
    assert (
        Warned(
            f"the record in `{clone}` was not written here by you: its prompt, plan and list are taken as"
            " text, its settings are left out"
        )
        in elsewhere.shown
    )


def test_a_clone_that_names_another_profile_is_asked_about(elsewhere: Elsewhere) -> None:
    with FakeServer(plays(TWO)) as server:
        begin(elsewhere, server, Flags(named={"model": ("m", "--model")}))
        server.requests.clear()
        record = elsewhere.cwd / "generated/.smol/run.json"
        table = json.loads(record.read_text())
        record.write_text(json.dumps(table | {"profile": {"name": "openai"}}))
        for _ in range(2):
            with pytest.raises(TrustError) as caught:
                elsewhere.go_on()
        assert server.requests == []
        named = {"base_url": (server.base_url, "--api-base-url"), "model": ("m", "--model")}
        assert elsewhere.go_on(flags=Flags(profile="local", named=named)).exit_code == 0
    out = elsewhere.cwd / "generated"
    assert caught.value.message == (
        f"the record in `{out}` was not written here by you; it names the profile `openai`, and `local` is selected"
    )
    assert caught.value.hint == (
        f"say which one is to be asked: `smol_dev resume --profile local {out}` or"
        f" `smol_dev resume --profile openai {out}`"
    )


def test_an_edited_file_of_a_clone_is_read_only_when_it_is_named(elsewhere: Elsewhere) -> None:
    flags = Flags(named={"model": ("m", "--model")})
    with FakeServer(plays(TWO)) as server:
        begin(elsewhere, server, flags)
        elsewhere.go_on(only=("a.py",))
        clone = elsewhere.cwd / "clone"
        (elsewhere.cwd / "generated").rename(clone)
        (clone / "a.py").write_text("MINE = 'my own words'\n")
        here = {**flags.named, "base_url": (server.base_url, "--base-url")}
        for include, is_read in (((), False), (("a.py",), True)):
            server.requests.clear()
            fresh = elsewhere.cwd / f"clone-{len(include)}"
            shutil.copytree(clone, fresh)
            resume(Task(folder=fresh, include=include), Flags(named=here), elsewhere.caller())
            assert (b"my own words" in server.chats[0].body) is is_read


def test_the_program_of_another_prompt_is_replaced_only_when_that_is_wanted(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server)
        asked = len(server.requests)
        flags, out = world.flags(server.base_url), world.cwd / "generated"
        with pytest.raises(WorkspaceError) as caught:
            generate(Task("another"), flags, world.caller())
        assert caught.value.message == (f"`{out}` holds the program of another prompt: `a.py`, `b/b.py`")
        assert caught.value.hint == (
            'choose another folder: `-o DIR`, change it: `smol_dev change "…"`, or replace it: `--overwrite`; copies of'
            f" what is replaced are kept in `{out / '.smol/backup'}`"
        )
        assert (len(server.requests), world.files()) == (asked, TWO)
        asked_about: list[str] = []

        def may_replace(what: str) -> bool:
            asked_about.append(what)
            return True

        caller = replace(world.caller(), may_replace=may_replace)
        assert generate(Task("another"), flags, caller).exit_code == 0
        assert generate(Task("a third", overwrite=True), flags, world.caller()).exit_code == 0
    assert asked_about == [f"{caught.value.message}; copies of what is replaced are kept in `{out / '.smol/backup'}`"]
    assert (out / ".smol/backup/2/a.py").read_text() == TWO["a.py"]


def test_another_prompt_may_have_a_folder_in_which_nothing_was_written(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server, plan_only=True)
        assert generate(Task("other"), world.flags(server.base_url), world.caller()).exit_code == 0


def test_a_finished_run_says_so_and_asks_nobody(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server)
        server.requests.clear()
        done = world.resume(server)
        only = world.resume(server, only=("a.py",))
    assert (done.exit_code, only.exit_code, server.requests) == (0, 0, [])
    assert [event for event in world.shown if isinstance(event, Noticed)] == [
        Noticed(f"nothing to do: the run in `{world.cwd / 'generated'}` is finished, 2 files"),
        Noticed("nothing to do: `a.py` is there already"),
    ]


def test_totals_in_the_record_are_those_of_all_sessions(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server, plan_only=True)
        world.resume(server, only=("a.py",))
        world.resume(server)
    record = json.loads((world.cwd / "generated/.smol/run.json").read_text())
    totals = record["totals"]
    assert (totals["prompt_tokens"], totals["completion_tokens"], totals["bytes"]) == (2400, 50, 15)
    assert {stage: each["requests"] for stage, each in totals["stages"].items()} == {"plan": 1, "files": 1, "code": 2}


def test_a_file_name_that_holds_a_part_of_a_key_is_not_written_shown_or_recorded(world: World) -> None:
    key = "sk-abcdefghijklmnopqrstuvwxyz"
    name = f"src/{key[:14]}.py"
    world.environ["MY_KEY"] = key
    with FakeServer(plays({"a.py": "A = 1\n", name: "B = 1\n"})) as server:
        done = world.generate(server, 'api_key_env = "MY_KEY"\n')
    assert (done.exit_code, world.files()) == (0, {"a.py": "A = 1\n"})
    [ready] = [event for event in world.shown if isinstance(event, FilesReady)]
    assert ready.dropped == (Dropped("src/[redacted].py", "holds a part of a secret of the configuration"),)
    for path in (world.cwd / "generated").rglob("*"):
        assert key[:14] not in str(path)
        assert not path.is_file() or key[:14] not in path.read_text()


def test_an_edited_plan_is_the_plan_and_asks_for_the_list_again(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server, plan_only=True)
        (world.cwd / "generated/.smol/plan.md").write_text("My own plan.\n")
        done = world.resume(server)
    sent = [request.json()["messages"] for request in server.chats[2:]]
    assert (done.exit_code, len(sent), world.files()) == (0, 3, TWO)
    assert all(messages[2]["content"] == "My own plan." for messages in sent)


def test_an_edited_list_is_the_list(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server, plan_only=True)
        listed = world.cwd / "generated/.smol/files.txt"
        assert listed.read_text().splitlines()[2:] == ["a.py", "b/b.py"]
        listed.write_text("b/b.py\n")
        (world.cwd / "generated/.smol/plan.md").write_text("My own plan.\n")
        done = world.resume(server)
    assert (done.exit_code, done.written, len(server.chats)) == (0, ("b/b.py",), 3)


def test_a_list_of_ones_own_is_named(world: World) -> None:
    mine = world.cwd / "mine.txt"
    mine.write_text("# mine\nb/b.py\n")
    with FakeServer(plays(TWO)) as server:
        world.generate(server, plan_only=True)
        assert world.resume(server, list_file=mine).written == ("b/b.py",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("plan.md", b"\xff", "`.smol/plan.md` is not UTF-8 (byte 0)"),
        ("plan.md", b"a\0", "`.smol/plan.md` holds a NUL character"),
        ("plan.md", b"x" * 262_145, "`.smol/plan.md` is longer than 256 KiB"),
        ("plan.md", b" ", "the plan is empty"),
        ("files.txt", b"../x", "the list holds what may not be written: `../x` (has a `..` component)"),
        ("files.txt", b"", "the list is empty"),
    ],
)
def test_an_edited_file_that_cannot_be_used_is_one_error(world: World, name: str, content: bytes, message: str) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server, plan_only=True)
        (world.cwd / "generated/.smol" / name).write_bytes(content)
        with pytest.raises(UsageError) as caught:
            world.resume(server)
    assert (caught.value.message, len(server.chats)) == (message, 2)


def test_the_plan_of_another_run_in_the_folder_is_put_away(world: World) -> None:
    with FakeServer(plays(TWO)) as server:
        world.generate(server, plan_only=True)
    with FakeServer(json_answer({"error": "out of order"}, status=500)) as broken:
        generate(Task("other"), world.flags(broken.base_url), world.caller())
    kept = world.cwd / "generated/.smol"
    assert not (kept / "plan.md").exists()
    assert (kept / "backup/.smol/plan.md").read_text() == f"{PLAN}\n"

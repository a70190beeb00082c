"""A folder that smol_dev did not make is changed: what may be, what is shown to the model, and what is refused."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from smol_dev.app.program import change, log
from smol_dev.app.session import Task
from smol_dev.errors import SmolError, UsageError, WorkspaceError
from smol_dev.events import Noticed, RunDone, Warned
from tests.app.test_change import SAVES, Grown, serves
from tests.fake_server import FakeServer

SHOP = {"store.py": "def load():\n    return []\n", "web/main.js": "function main() {}\n"}
LISTED = {"change": [{"path": "store.py", "why": "saves too"}]}


class Shop(Grown):
    """A program that was there before, in git."""

    @property
    def out(self) -> Path:
        return self.cwd / "generated"

    def files(self) -> dict[str, str]:
        """The program's files, as they are to the byte."""
        paths = [path for path in sorted(self.out.rglob("*")) if path.is_file()]
        named = {str(path.relative_to(self.out)): path for path in paths if not {".git", ".smol"} & {*path.parts}}
        return {name: path.read_bytes().decode() for name, path in named.items()}

    def git(self, *words: str) -> None:
        who = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.cwd)}
        subprocess.run(["git", *who, *words], cwd=self.out, env=environ, check=True, capture_output=True)

    def put(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            (self.out / path).parent.mkdir(parents=True, exist_ok=True)
            (self.out / path).write_bytes(text.encode())

    def commit(self) -> None:
        self.git("init")
        self.git("add", "-A")
        self.git("commit", "-m", "before")

    def adopt(self, server: FakeServer, *, settings: str = "", yes: bool = True, diff: bool = False) -> RunDone:
        """Adopt without `--yes`, and take all of the change."""
        changing = Task(request="Save the items too.", adopt=True, yes=yes, diff=diff)
        return change(changing, self.flags(server.base_url, settings), self.caller())

    def refused(self, act: Callable[[], object]) -> SmolError:
        error = super().refused(act)
        assert not (self.out / ".smol").exists()
        return error


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path, environ={"PATH": os.environ["PATH"]})
    shop.put(SHOP)
    return shop


def shown_to_the_model(server: FakeServer) -> str:
    return "\n".join(message["content"] for message in server.chats[0].json()["messages"])


def test_a_folder_in_git_is_adopted_and_its_change_taken_back(shop: Shop) -> None:
    shop.commit()
    with serves(LISTED) as server:
        assert shop.adopt(server, yes=False, diff=True).exit_code == 0
        assert shop.change(server, yes=True, only=("store.py",)).exit_code == 0
        assert shop.files() == {**SHOP, "store.py": SAVES}
        shop.undo(server)
        steps = log(None, shop.flags(server.base_url), shop.caller().surroundings)
    assert shop.files() == SHOP
    assert [(step.kind, step.added) for step in steps] == [("adopt", tuple(SHOP))]


def test_without_git_a_yes_is_enough(shop: Shop) -> None:
    with serves(LISTED) as server:
        assert shop.adopt(server).exit_code == 0
    assert shop.files() == {**SHOP, "store.py": SAVES}


def test_the_budget_is_said_first(shop: Shop) -> None:
    with serves(LISTED) as server:
        shop.adopt(server, settings="context_window = 16384\n")
    told = [event.message for event in shop.shown if isinstance(event, Noticed)]
    assert told[0].startswith("2 files, ")
    assert told[0].endswith(" of 16,384 tokens")


def test_the_model_is_told_what_is_there(shop: Shop) -> None:
    with serves(LISTED) as server:
        shop.adopt(server)
    said = shown_to_the_model(server)
    assert "The program in the folder `generated`." in said
    assert "- store.py: load()" in said
    assert all(text in said for text in SHOP.values())
    roles = [message["role"] for message in server.chats[0].json()["messages"]]
    assert roles[-1] == "user"
    assert all(one != other for one, other in pairwise(roles))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(".env", "PASSWORD=canary-of-the-shop\n", id="an environment file"),
        pytest.param("prod.env", "PASSWORD=canary-of-the-shop\n", id="another environment file"),
        pytest.param("deploy/id_rsa", "canary-of-the-shop\n", id="a key of ssh"),
        pytest.param("tls/server.pem", "canary-of-the-shop\n", id="a certificate"),
        pytest.param("Credentials.JSON", "canary-of-the-shop\n", id="credentials"),
        pytest.param("config/secrets.yml", "canary-of-the-shop\n", id="secrets"),
        pytest.param("notes.txt", "-----BEGIN RSA PRIVATE KEY-----\ncanary-of-the-shop\n", id="a key in a text"),
        pytest.param("local.txt", "canary-of-the-shop\n", id="ignored by git"),
        pytest.param("node_modules/a.js", "// canary-of-the-shop\n", id="of a package"),
        pytest.param("smol.toml", "# canary-of-the-shop\n", id="settings"),
    ],
)
def test_what_is_private_is_never_sent(shop: Shop, path: str, text: str) -> None:
    shop.put({path: text, ".gitignore": "local.txt\n"})
    with serves({"change": [*LISTED["change"], {"path": path, "why": "x"}]}) as server:
        assert shop.adopt(server).exit_code == 0
        assert not any(b"canary" in request.body for request in server.requests)
    assert shop.files()[path] == text
    assert shop.files()["store.py"] == SAVES


def test_secrets_that_are_left_out_are_named(shop: Shop) -> None:
    shop.put({"prod.env": "x\n"})
    with serves(LISTED) as server:
        shop.adopt(server)
    assert Warned("not shown to the model, because they may hold secrets: `prod.env`") in shop.shown


@pytest.mark.parametrize(
    ("spoil", "unclean"),
    [
        pytest.param(lambda out: (out / "store.py").write_text("x\n"), "`store.py`", id="edited"),
        pytest.param(lambda out: (out / "new.py").write_text("x\n"), "`new.py`", id="not added"),
        pytest.param(lambda out: (out / "web/main.js").unlink(), "`web/main.js`", id="removed"),
    ],
)
def test_a_work_tree_that_is_not_clean_is_refused(shop: Shop, spoil: Callable[[Path], object], unclean: str) -> None:
    shop.commit()
    spoil(shop.out)
    with serves(LISTED) as server:
        error = shop.refused(lambda: shop.adopt(server, yes=False, diff=True))
        assert server.requests == []
    assert isinstance(error, WorkspaceError)
    assert (error.message, error.hint) == (
        f"git does not have these files in `{shop.out}` as they are: {unclean}",
        "commit first, or go on without: `--yes`",
    )


def test_a_folder_without_git_is_refused(shop: Shop) -> None:
    with serves(LISTED) as server:
        error = shop.refused(lambda: shop.adopt(server, yes=False, diff=True))
        assert server.requests == []
    assert error.message == (f"`{shop.out}` is not a git work tree with a commit, so git could not undo the change")


def test_the_settings_of_a_repository_start_nothing(shop: Shop) -> None:
    shop.commit()
    ran = shop.cwd / "ran"
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "filter.x.clean", "core.hooksPath"):
        shop.git("config", key, f"touch {ran}")
    (shop.out / ".git/info/attributes").write_text("* filter=x\n")
    with serves(LISTED) as server:
        assert shop.adopt(server, yes=False, diff=True).exit_code == 0
    assert not ran.exists()


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_line_ends_that_git_stores_otherwise_are_clean(shop: Shop, ends: str) -> None:
    shop.commit()
    shop.put({"store.py": SHOP["store.py"].replace("\n", ends)})
    with serves(LISTED) as server:
        assert shop.adopt(server, yes=False, diff=True).exit_code == 0


def test_too_many_files_are_refused(shop: Shop) -> None:
    with serves(LISTED) as server:
        flags = shop.flags(server.base_url, "\n[run]\nmax_files = 1\n")
        changing = Task(request="x", adopt=True, yes=True)
        error = shop.refused(lambda: change(changing, flags, shop.caller()))
    assert (error.message, error.hint) == (
        f"`{shop.out}` holds 2 text files, more than `run.max_files` (1)",
        "name a folder in it: `-o DIR`, or raise it with `-c run.max_files=2`",
    )


def test_no_folder_is_made_to_be_adopted(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    with serves(LISTED) as server:
        error = shop.refused(lambda: shop.adopt(server))
    assert error.message == f"there is no folder `{shop.out}`"
    assert not shop.out.exists()


def test_nobody_to_ask_leaves_the_folder_alone(shop: Shop) -> None:
    shop.commit()
    with serves(LISTED) as server:
        assert isinstance(shop.refused(lambda: shop.adopt(server, yes=False)), UsageError)


def test_a_program_of_smol_dev_needs_no_adoption(shop: Shop) -> None:
    with serves(LISTED) as server:
        shop.adopt(server)
        (shop.out / "store.py").write_text("def load():\n    return [1]\n")
        assert shop.adopt(server).exit_code == 0
    record = json.loads((shop.out / ".smol/run.json").read_text())
    assert record["files"] == list(SHOP)

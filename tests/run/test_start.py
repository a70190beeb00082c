"""How a program is started, by its files."""

import json
import sys

import pytest

from smol_dev.run.start import Program, change_command, start_of

GUARD = 'if __name__ == "__main__":\n    main()\n'
PYTHON = "python" if sys.platform == "win32" else "python3"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param({"index.html": "", "style.css": ""}, "open generated/index.html", id="page"),
        pytest.param({"public/index.html": "", "404.html": ""}, "open generated/public/index.html", id="page below"),
        pytest.param({"timer.html": ""}, "open generated/timer.html", id="only page"),
        pytest.param({"a.html": "", "b.html": ""}, "", id="two pages"),
        pytest.param(
            {"package.json": json.dumps({"scripts": {"test": "x", "start": "node a.js"}}), "index.html": ""},
            "run it: cd generated && npm start (after npm install)",
            id="npm",
        ),
        pytest.param(
            {"package.json": json.dumps({"scripts": {"dev": "vite"}})},
            "run it: cd generated && npm run dev (after npm install)",
            id="npm run dev",
        ),
        pytest.param(
            {"package.json": json.dumps({"scripts": {"; reboot": "x"}}), "index.html": ""},
            "open generated/index.html",
            id="scripts nobody knows",
        ),
        pytest.param({"package.json": "{", "index.html": ""}, "open generated/index.html", id="broken package.json"),
        pytest.param({"package.json": "[" * 99_999}, "", id="deep package.json"),
        pytest.param({"main.py": GUARD, "a.py": GUARD}, f"run it: cd generated && {PYTHON} main.py", id="main.py"),
        pytest.param(
            {"app.py": GUARD, "templates/index.html": ""}, f"run it: cd generated && {PYTHON} app.py", id="app"
        ),
        pytest.param(
            {"store.py": "", "todo.py": f"import argparse\n{GUARD}", "test_todo.py": GUARD},
            f"run it: cd generated && {PYTHON} todo.py --help",
            id="the one that is no test",
        ),
        pytest.param(
            {"test_a.py": GUARD, "tests/a.py": GUARD, "z.py": GUARD},
            f"run it: cd generated && {PYTHON} z.py",
            id="tests",
        ),
        pytest.param({"test_a.py": GUARD, "b_test.py": GUARD, "tests/a.py": GUARD}, "", id="only tests"),
        pytest.param({"a.py": GUARD, "b.py": GUARD}, f"run it: cd generated && {PYTHON} b.py", id="the plan's"),
        pytest.param(
            {"main.py": GUARD, "requirements.txt": "flask\n"},
            f"run it: cd generated && {PYTHON} main.py (it needs the packages in requirements.txt)",
            id="packages",
        ),
        pytest.param(
            {"manage.py": GUARD, "shop/urls.py": ""},
            f"run it: cd generated && {PYTHON} manage.py runserver",
            id="django",
        ),
        pytest.param(
            {"game/__main__.py": "from .a import b\n", "pyproject.toml": "[project]"},
            f"run it: cd generated && {PYTHON} -m game",
            id="package that runs",
        ),
        pytest.param(
            {"game/cli.py": f"from .a import b\n{GUARD}"}, f"run it: cd generated && {PYTHON} -m game.cli", id="module"
        ),
        pytest.param(
            {"pyproject.toml": '[project]\nname = "x"\n[project.scripts]\nreboot = "x:y"', "x.py": ""},
            f"install it: cd generated && {PYTHON} -m pip install .",
            id="package",
        ),
        pytest.param({"Cargo.toml": "", "src/main.rs": ""}, "run it: cd generated && cargo run", id="cargo"),
        pytest.param({"Cargo.toml": "", "src/lib.rs": ""}, "", id="crate"),
        pytest.param({"go.mod": "", "main.go": "package main\n"}, "run it: cd generated && go run .", id="go"),
        pytest.param({"go.mod": "", "a.go": "package a\n"}, "", id="go package"),
        pytest.param({"Makefile": "run := no\nrun: build\n\t./a.out\n"}, "run it: cd generated && make run", id="make"),
        pytest.param({"Makefile": "build:\n"}, "", id="make without run"),
        pytest.param({"run.sh": ""}, "run it: cd generated && bash run.sh", id="shell"),
        pytest.param({"index.php": ""}, "run it: cd generated && php -S localhost:8000", id="php"),
        pytest.param({"README.md": "", "lib.js": ""}, "", id="nothing to start"),
        pytest.param({}, "", id="no file"),
    ],
)
def test_a_program_is_started_by_what_its_files_are(files: dict[str, str], said: str) -> None:
    assert start_of(Program(files, "Start it with `python b.py`.", "generated")) == said


@pytest.mark.parametrize(
    ("folder", "path", "said"),
    [
        pytest.param(".", "main.py", f"run it: {PYTHON} main.py", id="here"),
        pytest.param("my app", "a b.py", f"run it: cd 'my app' && {PYTHON} 'a b.py'", id="spaces"),
        pytest.param("x", "$(reboot).py", f"run it: cd x && {PYTHON} '$(reboot).py'", id="a command in a name"),
        pytest.param("x", "-c.py", f"run it: cd x && {PYTHON} -- -c.py", id="an option as a name"),
        pytest.param("x", "a\u202e.py", f"run it: cd x && {PYTHON} PATH", id="a name that cannot be read"),
        pytest.param("x`reboot`", "a.py", f"run it: cd DIR && {PYTHON} a.py", id="a folder that cannot be typed"),
    ],
)
def test_a_name_is_one_argument_of_the_command(folder: str, path: str, said: str) -> None:
    assert start_of(Program({path: GUARD}, "", folder)) == said


def test_a_change_names_the_folder_unless_it_is_the_usual_one() -> None:
    assert change_command("") == 'smol_dev change "…"'
    assert change_command("my app") == "smol_dev change \"…\" -o 'my app'"

"""What a file defines for others, in a few words."""

import pytest

from smol_dev.languages.outline import outline

PYTHON = '''\
"""The store."""
import json

PATH = "items.json"
_cache = {}


def load(path, *, strict=False):
    return json.load(open(path))


async def save(path, items, *more, **options): ...


class Store:
    def __init__(self, path): ...
    def add(self, item): ...
    def _private(self): ...
'''


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        pytest.param(
            "store.py",
            PYTHON,
            (
                "PATH",
                "load(path, *, strict)",
                "save(path, items, *more, **options)",
                "class Store: __init__(path), add(item)",
            ),
            id="Python",
        ),
        pytest.param(
            "app.js",
            "const LIMIT = 3;\nexport function render(items) {}\nexport const add = (name, count) => 1;\n"
            "export default class App { start(port) {} }\n",
            ("LIMIT", "render(items)", "add(name, count)", "class App: start(port)"),
            id="JavaScript",
        ),
        pytest.param(
            "types.ts",
            "export interface Item { name: string }\nexport type Id = string;\n"
            "export function find(id: Id): Item | undefined { return undefined }\n",
            ("interface Item", "Id", "find(id: Id)"),
            id="TypeScript",
        ),
        pytest.param(
            "main.go",
            "package main\n\ntype Item struct{}\n\nfunc Load(path string) ([]Item, error) { return nil, nil }\n",
            ("Item", "Load(path string)"),
            id="Go",
        ),
        pytest.param(
            "lib.rs",
            "pub struct Item;\npub fn count(items: &[Item]) -> usize { items.len() }\n",
            ("struct Item", "count(items: &[Item])"),
            id="Rust",
        ),
        pytest.param(
            "index.html", '<ul id="items"></ul><button class="big" id=add>Add</button>', ("#items", "#add"), id="HTML"
        ),
        pytest.param("style.css", "body { margin: 0 }", (), id="nothing to call"),
        pytest.param("notes.txt", "load(path)", (), id="a type that is not known"),
        pytest.param("broken.py", "def load(", (), id="a text that does not parse"),
    ],
)
def test_what_a_file_defines(path: str, text: str, names: tuple[str, ...]) -> None:
    assert outline(path, text) == names


def test_a_long_file_names_the_first_of_what_it_defines() -> None:
    text = "".join(f"def f{number}(): ...\n" for number in range(100))
    assert outline("a.py", text) == tuple(f"f{number}()" for number in range(40))

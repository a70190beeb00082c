"""A new text of a file is a whole version of it, or only a part: a snippet, a half, the rest."""

import pytest

from smol_dev.languages.versions import Gap, gap, gap_after

PY = """\
\"\"\"The cart.\"\"\"
import json
import sys

RATE = 0.19


class Cart:
    def __init__(self):
        self.items = []

    def add(self, name, price):
        if price < 0:
            raise ValueError("negative price")
        self.items.append((name, price))

    def total(self):
        result = 0
        for name, price in self.items:
            result += price
        return result

    def gross(self):
        return self.total() * (1 + RATE)


def load(path):
    cart = Cart()
    with open(path, encoding="utf-8") as f:
        for entry in json.load(f):
            cart.add(entry["name"], entry["price"])
    return cart


def discount(cart, code):
    if code == "TEN":
        return cart.total() * 0.9
    if code == "HALF":
        return cart.total() * 0.5
    return cart.total()


def main():
    if len(sys.argv) != 2:
        print("usage: cart.py FILE")
        return 1
    cart = load(sys.argv[1])
    print(cart.gross())
    print(discount(cart, "TEN"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
"""
JS = """\
const KEY = 'todo';

export function load() {
  const text = localStorage.getItem(KEY);
  if (!text) {
    return [];
  }
  return JSON.parse(text);
}

export function save(list) {
  localStorage.setItem(KEY, JSON.stringify(list));
}

export function add(list, title) {
  if (!title) {
    return list;
  }
  return [...list, { title, done: false }];
}

export function toggle(list, index) {
  return list.map((item, i) => {
    if (i === index) {
      return { ...item, done: !item.done };
    }
    return item;
  });
}

export function remove(list, index) {
  return list.filter((_, i) => i !== index);
}
"""
CSS = """\
body {
  margin: 0;
  color: navy;
}

nav {
  display: flex;
}

nav a {
  margin: 0;
  color: white;
}

@media (max-width: 600px) {
  nav {
    display: block;
  }
}

footer {
  margin: 0;
  color: gray;
}
"""
MD = """\
# Tool

A small tool that reads a file and prints what it finds there.

## Install

```sh
git clone https://example.com/tool
cd tool
make
```

## Use

Call it with a file, and it prints the lines that matter to you:

```sh
tool input.txt
```

It can also watch the file, and print every line that is added:

```sh
tool --watch input.txt
```

## Licence

MIT.
"""
YAML = """\
services:
  web:
    image: nginx
    ports:
      - "80:80"
  db:
    image: postgres
    environment:
      A: "1"
  cache:
    image: redis
volumes:
  data: {}
"""
JAVA = """\
package shop;

import java.util.ArrayList;
import java.util.List;

public class Cart {
    private final List<Item> items = new ArrayList<>();

    public void add(Item item) {
        items.add(item);
    }

    public int total() {
        int sum = 0;
        for (Item item : items) {
            sum += item.price();
        }
        return sum;
    }

    public int size() {
        return items.size();
    }

    public void clear() {
        items.clear();
    }
}
"""
SQL = """\
CREATE TABLE person (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL
);

CREATE TABLE book (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  owner INTEGER REFERENCES person (id)
);

INSERT INTO person VALUES (1, 'Ada');
INSERT INTO person VALUES (2, 'Bob');
INSERT INTO book VALUES (1, 'Notes', 1);
"""
MAKE = """\
CC = cc
OBJ = a.o b.o

all: prog

prog: $(OBJ)
	$(CC) -o prog $(OBJ)

a.o: a.c
	$(CC) -c a.c

b.o: b.c
	$(CC) -c b.c

clean:
	rm -f $(OBJ)
	rm -f prog

.PHONY: all clean
"""
CSV = """\
id,name,city
1,Ada,Paris
2,Ada,Rome
3,Ada,Oslo
4,Bob,Paris
5,Bob,Rome
6,Bob,Oslo
7,Cleo,Paris
8,Cleo,Rome
9,Cleo,Oslo
10,Dan,Paris
11,Dan,Rome
12,Dan,Oslo
"""

FILES = {"cart.py": PY, "store.js": JS, "style.css": CSS, "README.md": MD, "compose.yaml": YAML, "Cart.java": JAVA}
FILES |= {"schema.sql": SQL, "Makefile": MAKE, "people.csv": CSV}


def without(text: str, start: str, end: str = "") -> str:
    """The text without what stands from one word to another, or to the end."""
    at = text.index(start)
    return text[:at] + (text[text.index(end, at) :] if end else "")


def share(text: str, start: float, end: float) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[int(len(lines) * start) : int(len(lines) * end)])


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("part", [(0, 0.5), (0.5, 1), (0, 0.66)], ids=["first half", "second half", "two thirds"])
def test_a_half_is_a_part(path: str, part: tuple[float, float]) -> None:
    found = gap(FILES[path], share(FILES[path], *part))
    assert found is not None
    assert found.certain


@pytest.mark.parametrize(
    ("path", "snippet"),
    [
        pytest.param("cart.py", "def clear(self):\n    self.items = []\n", id="a method"),
        pytest.param("cart.py", "RATE = 0.21\n", id="a line"),
        pytest.param("cart.py", "pass\n", id="nothing"),
        pytest.param("cart.py", "class Cart:\n    def clear(self):\n        self.items = []\n", id="a class"),
        pytest.param("store.js", "export function clear() {\n  localStorage.clear();\n}\n", id="a function"),
        pytest.param("style.css", "body {\n  background: black;\n}\n", id="a rule"),
        pytest.param("README.md", "## Dark mode\n\nPress d.\n", id="a section"),
        pytest.param("compose.yaml", "  queue:\n    image: rabbitmq\n", id="an entry"),
        pytest.param("Cart.java", "    public int last() {\n        return 1;\n    }\n", id="a Java method"),
        pytest.param("schema.sql", "ALTER TABLE book ADD COLUMN year INTEGER;\n", id="a statement"),
        pytest.param("Makefile", "install: prog\n\tcp prog /usr/local/bin\n", id="a target"),
        pytest.param("people.csv", "13,Eve,Paris\n14,Eve,Oslo\n", id="rows"),
    ],
)
def test_a_snippet_is_a_part(path: str, snippet: str) -> None:
    found = gap(FILES[path], snippet)
    assert found is not None
    assert found.certain


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            PY, PY.replace("Cart", "Basket").replace("items", "entries").replace("cart", "basket"), id="names"
        ),
        pytest.param(PY, PY.replace("(self)", "(self) -> None").replace("(path)", "(path: str) -> Cart"), id="types"),
        pytest.param(PY, without(PY, "def discount", "def main"), id="one function less"),
        pytest.param(PY, without(PY, "        result = 0", "    def gross") + "X = 1\n", id="a shorter body"),
        pytest.param(JS, JS.replace("export function", "export async function"), id="another kind of functions"),
        pytest.param(JS, JS.replace("  ", "    "), id="another indentation"),
        pytest.param(CSS, CSS + "\n@media print {\n  nav {\n    display: none;\n  }\n}\n", id="more"),
        pytest.param(MD, without(MD, "It can also", "## Licence"), id="a paragraph less"),
        pytest.param(CSV, CSV.replace("\n", ",30\n"), id="another column"),
        pytest.param(YAML, YAML.replace("nginx", "caddy"), id="another value"),
        pytest.param(
            "def add(\n    first,\n    second,\n):\n    return first + second\n",
            "def add(first, second):\n    return first + second\n",
            id="lines joined",
        ),
        pytest.param(
            '{\n  "name": "tool",\n  "bin": {\n    "tool": "a.js",\n    "b": "b.js"\n  },\n  "type": "module"\n}\n',
            '{"name": "tool", "bin": {"tool": "a.js", "b": "b.js"}, "type": "module"}\n',
            id="JSON on one line",
        ),
        pytest.param("flask\n", "fastapi\n", id="one line"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_change_of_a_file_is_whole(before: str, after: str) -> None:
    assert gap(before, after) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(PY, without(PY, "def load", "def main"), id="functions moved"),
        pytest.param(PY, without(PY, "def load"), id="a file split"),
        pytest.param(JS, without(JS, "export function toggle"), id="features removed"),
        pytest.param(SQL, without(SQL, "INSERT"), id="data removed"),
        pytest.param(
            MD, "# Tool\n\nReads a file.\n\n```sh\nmake\ntool input.txt\n```\n\nMIT.\n", id="a text shortened"
        ),
    ],
)
def test_what_is_to_be_taken_out_may_be_gone(before: str, after: str) -> None:
    found = gap(before, after)
    assert found is not None
    assert found.certain
    assert gap(before, after, shrinks=True) is None


def test_a_snippet_is_in_doubt_even_where_something_is_to_be_taken_out() -> None:
    assert gap(JS, "export function clear() {\n  localStorage.clear();\n}\n", shrinks=True) == Gap(
        ("const KEY", "export function load", "export function save", "export function add", "export function toggle"),
        certain=False,
    )


def test_a_text_as_long_without_any_name_of_the_file_is_in_doubt() -> None:
    before = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"
    assert gap(before, before.replace("add", "mul").replace("sub", "div").replace("a", "x")) == Gap(
        ("def add", "def sub"), certain=False
    )


def test_the_names_that_are_missing_are_told() -> None:
    assert gap(PY, share(PY, 0, 0.5)) == Gap(("def discount", "def main", "if __name__"), certain=True)
    assert gap(JAVA, share(JAVA, 0, 0.5)) is not None


@pytest.mark.parametrize("path", FILES)
def test_the_rest_of_a_begun_file_is_not_the_file(path: str) -> None:
    whole = FILES[path]
    assert gap_after(share(whole, 0, 0.5), share(whole, 0.5, 1)) is not None
    assert gap_after(share(whole, 0, 0.5), whole) is None
    assert gap_after(whole, whole) is None


def test_a_line_cut_in_the_middle_says_nothing() -> None:
    assert gap_after("# Too", MD) is None
    assert gap_after("import os\nimport json, sy", "import os\nimport json, sys\n") is None


def test_a_begun_file_may_begin_otherwise_the_second_time() -> None:
    assert gap_after(share(PY, 0, 0.4), '"""A cart with prices."""\n\n' + PY.replace("import json\n", "")) is None
    assert gap_after("import os\nimport sys\n\ndef ma", "#!/usr/bin/env python\nimport os\n\nprint(os.name)\n") is None


def test_an_elided_file_without_the_mark_is_still_elided() -> None:
    elided = share(CSS, 0, 0.7) + "/* ... other styles ... */\n"
    assert gap_after(elided, share(CSS, 0, 0.7), elided=True) is not None
    assert gap_after(elided, share(CSS, 0, 0.7)) is None
    assert gap_after(elided, CSS, elided=True) is None


def test_only_the_corrected_function_is_not_the_file() -> None:
    broken = JS.replace("    return list;\n  }\n", "    return list;\n")
    assert gap_after(broken, "export function add(list, title) {\n  return list;\n}\n") is not None
    assert gap_after(broken, JS) is None

"""A text of another language than its path's is told by its parser."""

import pytest

from smol_dev.languages import lacks_its_shape, other_language

PYTHON = 'import os\n\n\ndef main():\n    print("hello")\n\n\nmain()\n'
JAVASCRIPT = 'const a = require("./a");\nfunction f(x) {\n  return x + 1;\n}\nf(a);\n'
HTML = "<!DOCTYPE html>\n<html><body><h1>Hello</h1></body></html>\n"
CSS = "body {\n  margin: 0;\n  color: #333;\n}\n"
GO = 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("hi")\n}\n'
RUST = 'fn main() {\n    let x: u32 = 1;\n    println!("{}", x);\n}\n'
JAVA = "public class A {\n  public static void main(String[] args) { System.out.println(1); }\n}\n"
JSON = '{\n  "name": "a",\n  "version": "1.0.0"\n}\n'
TYPESCRIPT = "interface A {\n  x: number;\n}\nexport const f = (a: A): number => a.x;\n"
BASH = '#!/bin/bash\nset -e\nfor f in *.c; do\n  echo "$f"\ndone\n'
YAML = "on:\n  push:\n    branches: [main]\njobs:\n- a: b\n"
TEXTS = {
    "python": ("a.py", PYTHON), "javascript": ("a.js", JAVASCRIPT), "html": ("a.html", HTML),
    "css": ("a.css", CSS), "go": ("a.go", GO), "rust": ("a.rs", RUST), "java": ("A.java", JAVA),
    "yaml": ("a.yaml", YAML), "json": ("a.json", JSON), "typescript": ("a.ts", TYPESCRIPT), "bash": ("a.sh", BASH),
}  # fmt: skip
NEAR = ({"javascript", "typescript"}, {"json", "yaml"}, {"bash", "yaml"})
PAIRS = [
    (asked, given) for asked in TEXTS for given in TEXTS
    if asked != given and {asked, given} not in NEAR
]  # fmt: skip


@pytest.mark.parametrize(("asked", "given"), PAIRS, ids=lambda name: name)
def test_a_labelled_text_of_another_language_is_named(asked: str, given: str) -> None:
    assert other_language(TEXTS[asked][0], TEXTS[given][1], given) == given


@pytest.mark.parametrize(
    ("asked", "given"), [pair for pair in PAIRS if pair[1] not in {"bash", "yaml"}], ids=lambda name: name
)
def test_an_unlabelled_text_of_another_language_is_named(asked: str, given: str) -> None:
    assert other_language(TEXTS[asked][0], TEXTS[given][1]) == given


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("label", ["", "python", "javascript", "html", "bash", "text"])
def test_a_text_of_its_own_language_is_never_another(language: str, label: str) -> None:
    assert other_language(*TEXTS[language], label) is None


@pytest.mark.parametrize(
    ("path", "text", "label"),
    [
        ("a.py", "def f(:\n    pass\n", "python"),
        ("a.py", "def f(:\n    pass\n", ""),
        ("a.js", "const a = ;\nfunction f() {}\n", ""),
        ("a.js", "function f() {\n  return 1;\n", "python"),
        ("a.js", TYPESCRIPT, "typescript"),
        ("a.ts", JAVASCRIPT, "javascript"),
        ("README.md", PYTHON, "python"),
        ("notes.txt", JSON, "json"),
        ("a.html", "{% if x %}<div>", "python"),
        ("a.c", "int main(void) { return 0; }\n", ""),
        ("a.rb", "puts 'x'\n", "python"),
        ("tool", PYTHON, "python"),
        ("a.scss", CSS, "css"),
        ("site.conf", PYTHON, ""),
        ("fonts.conf", HTML, ""),
        ("a.kt", "data class A(val x: Int)\n", "kotlin"),
        ("a.swift", "struct A {\n}\n", ""),
        ("a.lua", "x = 1\n", "lua"),
        ("a.graphql", "type A {\n  name: String\n}\n", "graphql"),
        ("a.ts", "interface A {\n  x: number;\n}\n", "typescript"),
        ("a.html", "{% extends 'a.html' %}\n{% block b %}{% endblock %}\n", "html"),
        ("a.toml", "[a]\nx = 1\nx = 2\n", "toml"),
    ],
)
def test_in_doubt_a_text_is_its_path_s(path: str, text: str, label: str) -> None:
    assert other_language(path, text, label) is None


@pytest.mark.parametrize(
    ("asked", "given"), [pair for pair in PAIRS if pair[0] != "bash" and pair[1] != "bash"], ids=lambda name: name
)
def test_a_label_of_the_right_language_makes_nothing_of_it(asked: str, given: str) -> None:
    assert other_language(TEXTS[asked][0], TEXTS[given][1], asked) == given


@pytest.mark.parametrize("given", ["python", "go", "rust", "html"])
@pytest.mark.parametrize(
    ("path", "label"), [("main.c", "c"), ("main.c", ""), ("a.rb", "ruby"), ("a.sql", ""), ("Dockerfile", "dockerfile")]
)
def test_what_no_other_language_looks_like_is_told_without_a_parser(path: str, given: str, label: str) -> None:
    assert other_language(path, TEXTS[given][1], label) == given


@pytest.mark.parametrize(
    ("path", "text"),
    [("Dockerfile", YAML), ("Makefile", "npm install\nnpm run build\n"), ("a.vue", JAVASCRIPT), ("a.html", YAML)],
)
def test_a_file_without_what_every_one_of_its_type_holds_is_told(path: str, text: str) -> None:
    assert lacks_its_shape(path, text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Dockerfile", "ARG A=1\nfrom python:${A}\n"),
        ("Makefile", "include rules.mk\n"),
        ("a.vue", "<script setup>\n</script>\n"),
        ("syntax/dockerfile.vim", '" Colours.\nsyn clear\n'),
        ("a.rb", "puts 'x'\n"),
    ],
)
def test_what_every_file_of_a_type_holds_may_be_all_there_is(path: str, text: str) -> None:
    assert not lacks_its_shape(path, text)


@pytest.mark.parametrize(
    ("path", "text", "label"),
    [
        ("main.c", JAVA, ""),
        ("a.lua", PYTHON, ""),
        ("a.php", JAVASCRIPT, "php"),
        ("a.kt", "import Foundation\nfunc f(a: Int) -> Int {\n  return 1\n}\n", ""),
        ("A.cs", "#include <stdio.h>\nint main(void) {\n  return 0;\n}\n", ""),
        ("a.sql", "require 'json'\nclass A\n  def f\n    1\n  end\nend\n", ""),
        ("a.zig", "#include <stdio.h>\nint main(void) {\n  return 0;\n}\n", "c"),
        ("a.ex", "class A\n  def f\n    1\n  end\nend\n", "ruby"),
        ("a.py", "local M = {}\nfunction M.f(x)\n  return x\nend\nreturn M\n", ""),
    ],
)  # fmt: skip
def test_a_grammar_tells_a_text_of_another_language(path: str, text: str, label: str) -> None:
    assert other_language(path, text, label) is not None


def test_a_picture_holds_its_root() -> None:
    assert lacks_its_shape("icon.svg", "<html><body><p>icon</p></body></html>")
    assert not lacks_its_shape("icon.svg", '<?xml version="1.0"?>\n<svg:svg/>\n')


@pytest.mark.parametrize("path", ["main.c", "a.rb", "a.php", "a.kt", "Dockerfile"])
def test_a_label_tells_where_the_type_has_no_parser(path: str) -> None:
    assert other_language(path, PYTHON, "python") == "python"

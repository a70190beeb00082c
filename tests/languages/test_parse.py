"""Whether a text is a file of its type, and where it stops being one."""

import random
import time
from pathlib import Path

import pytest

from smol_dev.languages import Parsed, State, parse, parse_as, tree

WHOLE = {
    "app.js": """#!/usr/bin/env node
import fs from "node:fs";
export default class A extends B { #x = 1; static { } async *g() { yield* f?.(); } }
const t = `a ${b ? `c ${d}` : ""} \\` e`, r = /[/"']`/gu, n = 1_000n, u = a ?? b?.[0];
label: for await (const { a = 1, ...rest } of x) { continue label; }
""",
    "App.jsx": """export const App = () => (
  <><Foo.Bar {...props} style={{ color: "red" }} onClick={() => a < b}>it's {x && <b/>} &amp;</Foo.Bar></>
);
""",
    "a.ts": """@Injectable({ x: 1 }) export class A<T extends Record<string, unknown> = {}> {
  constructor(private readonly a: Map<string, Array<T>>, @Inject() b?: B) {}
  get<K extends keyof T>(k: K): T[K] | undefined { return this.a.get(k as string)! as never; }
}
type X = { [P in keyof T]?: `on${P}` } & typeof y; enum E { A = 1 } declare module "x" { }
const f = <T,>(x: T): x is NonNullable<T> => x satisfies T;
export type { X }; import type Y from "y"; abstract class Q { abstract z(): void }
""",
    "a.tsx": "export const L = <T,>(p: Props<T>): JSX.Element => <ul>{p.items.map((i) => <li key={i.id}/>)}</ul>;\n",
    "index.html": """<!DOCTYPE html>
<html lang=en><head><meta charset="utf-8"><title>A & B</title><script>if (a < b) { x("</div>"); }</script>
<style>a > b { color: red }</style></head>
<body onload="f('x')"><ul><li>one<li>two</ul><p>para<br><img src=a.png alt="">
<svg viewBox="0 0 1 1"><path d="M0 0"/></svg><my-tag></my-tag><input disabled></body></html>
""",
    "a.css": """@import url("a.css"); :root { --x: { a: b }; --y: 1px; }
.a { &:hover { color: rgb(0 0 0 / 50%); } > b { top: calc(100% - var(--y)); } }
@media (width >= 600px) and (hover) { a::after { content: "\\201C }"; } }
@supports (display: grid) { } @layer a, b; @font-face { src: url(x.woff2) }
""",
    "arrow.js": "const f = (x) => { g(x) }\n\n[1, 2].forEach(f)\n",
    "old.css": "a { top: 0 ! important; *zoom: 1; filter: progid:X.Y(a='#f',b='#e'); }\n",
    "main.go": """package main

import "fmt"

type S[T any] struct{ A T `json:"a"` }

func (s *S[T]) M(xs ...int) (err error) { defer func() { _ = recover() }(); fmt.Println(`raw "`, 'x'); return }
""",
    "main.rs": """#![allow(dead_code)]
use std::{fmt, io::*};
#[derive(Debug)] pub struct A<'a, T: ?Sized>(&'a T) where T: fmt::Debug;
impl<'a> A<'a, str> { pub async fn f(&self) -> Result<(), Box<dyn std::error::Error>> { let x = r#"a "b" "#; Ok(()) } }
macro_rules! m { ($($x:expr),*) => { $( println!("{}", $x); )* }; }
fn main() { let Some(x) = y else { return }; match x { 1..=5 | 9 if a => 'c', _ => '\\'' }; }
""",
    "A.java": """package a.b;
import static java.util.Map.*;
public sealed interface A<T extends Comparable<? super T>> permits B { default void f() { var s = \"\"\"
    text "x"
    \"\"\"; } }
record B(int x, String... y) implements A<Integer> { B { if (x < 0) throw new E(); } }
enum C { X { void g() {} }, Y; int h(Object o) { return switch (o) { case Integer i when i > 1 -> 1; default -> 2; }; }
}
""",
    "run.sh": """#!/usr/bin/env bash
set -euo pipefail
f() { local x="${1:-$(date +"%s")}"; case "$x" in a|b) echo 'it''s' ;; *) exit 1 ;; esac; }
if [[ "$1" =~ ^[a-z]+$ ]]; then cat <<'EOF' > out
unclosed ( " ' ${
EOF
fi
for i in {1..3}; do arr+=("$i"); done; [[ $x != *([[:space:]])true* ]] || exit 0
""",
    "a.yaml": """# top
a: &x {b: [1, "two: #"], c: null}
d: |
  text: { [
e: >-
  folded
f:
- g: *x
- 'it''s'
? complex
: value
---
second: doc
""",
    "a.json": '{"a": [1, -2.5e3, true, null, "\\u00e9 // no comment"]}\n',
    "tsconfig.json": '{\n  // strict\n  "a": [1, 2,], /* x */\n}\n',
    ".vscode/settings.json": '{ "a": true, // x\n}\n',
    "x.json5": "{ a: 'b', c: +1, }\n",
    "pyproject.toml": "[a]\nb = [1,\n  2,]\nc = '''x\n'''\n[[d.e]]\nf = 2024-01-01\n",
    "a.py": """#!/usr/bin/env python3
from __future__ import annotations
@decorator(x := 1)
async def f[T](a: T, /, *, b=(yield_ := 2)) -> None:
    match a:
        case {"x": [1, *_]} | None if (n := 2): print(f"{a!r:>{n}} {'x'}")
""".replace("f[T]", "f"),
    "Loan.cs": """namespace A.B;
using System;
public sealed record Loan(int Id, string Title) { public required string X { get; init; } = ""; }
public class Service(IRepo repo) : IService {
  private readonly List<int> _a = [1, 2, ..other]; // "
  string S => $@"a ""{repo}"" b";
  int G(object o) => o switch { int i when i > 0 => 1, [1, ..] => 2, _ => throw new E() };
}
""",
    "a.php": """<?php
namespace App;
final class A extends B { public function __construct(private readonly int $a, public A|null $c = new X()) {} }
enum Suit: string { case H = 'h'; }
$f = fn(int $x): int => match (true) { $x > 1 => 1, default => strlen(...)("{$o?->a['b']}") };
$x = <<<SQL
  SELECT {$a} " ' (
  SQL;
foreach ($a as $k => &$v): ?>
<p><?= $v ?></p>
<?php endforeach;
""",
    "a.rb": """module A
  class B < Struct.new(:a, keyword_init: true)
    def sq(x, *r, k:, **kw, &blk) = x * x
    def s
      sql = <<~SQL.squish
        SELECT #{x} " ( do
      SQL
      puts :"x y", ?a, %w[a b], /re#{x}/mix unless sql
      case @a
      in {name: String => n} if n then -> (x) { x }.(1)
      end
    end
  end
end
""",
    "a.lua": """local M <const> = {}
function M.a:b(...) local a, b = select("#", ...), [[ ( " ]] return a // 2 & ~b, a ~= b end
--[[ block ( ]] for i = 1, 10 do goto continue ::continue:: end
return M
""",
    "main.c": """#include <stdio.h>
#define X(a) do { a; } while (0)
typedef struct node { int v; struct node *next; } node_t;
int main(void) { node_t n = { .v = 1 }; for (size_t i = 0; i < 3; i++) { printf("%d {\\n", n.v); } return '"'; }
""",
    "main.cpp": """#include <vector>
namespace a::b { template <typename T> class A final : public B<T> { public: ~A() = default; private: int x_{1}; }; }
int main() { auto l = [&](auto&& x) -> int { return x; }; for (const auto& [k, v] : m) { } char s[] = R"x(" ( )x"; }
""",
    "A.kt": """package a.b
data class A(val x: Int = 1, var y: String?) : B(), C by d {
  companion object { const val Q = "a" }
  override suspend fun <T : Any> go(a: T, c: (Int) -> Unit = {}): List<T> = withContext(IO) { listOf(a) }
}
fun main(args: Array<String>) {
  when (val x = f()) { is String, !is Int -> {}
    else -> return }
  val l = list.filter { it.x > 1 }.map { (k, v) -> "$k ${v?.size ?: 0} {" }
}
""",
    "a.scss": """@use "sass:math" as m;
@import "a", "b";
$map: ("a": 1px, "b": (c: red));
$x: 10px !default;
@mixin btn($c, $args...) { &:hover { color: darken($c, 10%); } @content; }
.a { @include btn(red) { x: y; } &__b { c: d; }
  > .c { width: calc(100% - #{$x}); margin: -$x auto; }
  @if $a == b and $c { d: e; } @else { f: g; }
  @each $k, $v in $map { .#{$k} { w: map-get($map, $k); } }
}
// comment's
""",
    "A.swift": """import SwiftUI
struct V: View { @State private var n = 0
  var body: some View { VStack { Text("a \\(n) {").font(.title); Button { n += 1 } label: { Text("x") } } } }
func f(_ a: inout Int) throws { guard let b = a as? Int, b > 1 else { return }; defer { } }
""",
    "schema.sql": """CREATE TABLE IF NOT EXISTS loans (id INTEGER PRIMARY KEY, title VARCHAR(100) NOT NULL DEFAULT '');
INSERT INTO loans (id, title) VALUES (1, 'It''s ('), (2, 'b'); -- "
SELECT l.id, COUNT(*) AS n FROM loans l LEFT JOIN m ON m.id = l.m WHERE l.x LIKE '%x%' GROUP BY l.id LIMIT 10;
""",
    "main.tf": """resource "aws_instance" "a" {
  count = var.n > 1 ? 1 : 0
  tags  = merge(local.tags, { Name = "a-${var.env}", "k" : 1 })
  data  = <<-EOF
    echo ${var.x} " {
  EOF
}
""",
    "a.ps1": """param([Parameter(Mandatory=$true)][string]$Name = "x", [switch]$Force)
foreach ($f in Get-ChildItem -Path . -Filter *.csv) { Write-Host "loading $($f.Name) {" }
$a = @(1, 2) | Where-Object { $_ -gt 1 }; try { Get-Content x } catch { throw } # "
$text = @"
``````sh
ls
``````
"@
""",
    "icon.svg": '<?xml version="1.0"?>\n<svg viewBox="0 0 1 1"><!-- <a> --><path d="M0 0"/><![CDATA[ <b> ]]></svg>\n',
    "App.vue": """<template>
  <MyList v-for="a in b" :key="a.id" @click="go(a)" /><p>{{ total < 3 }}</p>
</template>
<script setup lang="ts">
const total = "</div>";
</script>
""",
    "comments.py": "# nothing but a comment\n",
    "empty.js": "",
    "comments.ts": "// nothing\n/* but */\n",
}
"""Valid files of each language, with what readers made by hand get wrong."""


@pytest.mark.parametrize("path", WHOLE)
def test_a_valid_file_is_not_called_wrong(path: str) -> None:
    state = parse(path, WHOLE[path]).state
    assert state is (State.NOT_JUDGED if path.endswith(".css") else State.WHOLE)


@pytest.mark.parametrize("path", [path for path in WHOLE if len(WHOLE[path]) > 100])
def test_a_file_cut_anywhere_is_unfinished_or_whole(path: str) -> None:
    text = WHOLE[path]
    cuts = {n: parse(path, text[:n]) for n in range(1, len(text.rstrip()))}
    wrong = {text[:n][-30:]: str(at) for n, at in cuts.items() if at.state is State.BROKEN}
    assert len(wrong) <= len(text) // 100, wrong
    assert sum(at.state is State.UNFINISHED for at in cuts.values()) > 0


@pytest.mark.parametrize(
    ("path", "text", "line", "column", "message"),
    [
        ("a.js", "f();\ng(\n  bar baz\n);\nh();\n", 3, 7, "unexpected `baz`"),
        ("a.js", "const é = 'é'; x y\nf();\n", 1, 18, "unexpected `y`"),
        ("a.js", "function f() { return 1; }}\nf();\n", 1, 27, "unexpected `}`"),
        ("a.js", "f();\n\nThis code calls f and then it is done.\n", 3, 6, "unexpected `code`"),
        ("a.ts", "let a: = 1;\nlet b = 2;\n", 1, 8, "unexpected `=`"),
        ("a.go", "package main\nfunc main() {\n\tx := := 1\n}\n", 3, 7, "unexpected `:`"),
        ("a.rs", "fn main() {\n  let = 1;\n}\n", 2, 7, "unexpected `=`"),
        ("A.java", "class A {\n  int f( { }\n}\n", 2, 10, "unexpected `{`"),
        ("a.yaml", "a: b: c\nd: e\n", 1, 5, "unexpected `:`"),
        ("a.json", '{"a": 1,}\n', 1, 9, "Expecting property name enclosed in double quotes"),
        ("a.json", '{"a": 1} b\n', 1, 10, "Extra data"),
        ("a.toml", "a b\nc = 1\n", 1, 3, "Expected '=' after a key in a key/value pair"),
        ("a.py", "def f(:\n    pass\n", 1, 7, "invalid syntax"),
        ("a.py", "x = 1\ny = 'a\nz = 2\n", 2, 5, "unterminated string literal (detected at line 2)"),
        ("a.py", "x = 1\n\0\n", 2, 1, "source code string cannot contain null bytes"),
        ("a.py", "total = 1\nreturn total\n", 2, 1, "'return' outside function"),
        ("a.py", "for n in m:\n    if n:\n        return n\nf()\n", 3, 9, "'return' outside function"),
        (".eslintrc", "{ a b }\n", 1, 5, "unexpected `b`"),
        ("A.cs", "class A {\n  int f( { }\n}\n", 2, 10, "unexpected `{`"),
        ("a.php", "<?php\n$a = = 1;\n", 2, 6, "unexpected `=`"),
        ("a.lua", "This is the file.\n", 1, 6, "unexpected `is`"),
        ("a.xml", "<a>\n  <é/></b>\n</a>\n", 2, 9, "mismatched tag"),
        ("a.xml", "Here is the file.", 1, 1, "syntax error"),
    ],
)  # fmt: skip
def test_a_broken_file_is_broken_where_it_stops(path: str, text: str, line: int, column: int, message: str) -> None:
    at = parse(path, text)
    assert (at.state, at.line, at.column) == (State.BROKEN, line, column)
    assert at.message.startswith(message)
    assert str(at) == f"line {line}: {at.message}"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.js", "function f() {\n  if (x) {\n    g();\n"),
        ("a.js", "const a = `abc ${x} d\nmore\n"),
        ("a.js", "f();\n/* a comment\n goes on\n"),
        ("a.js", "import { a, b"),
        ("a.tsx", "return <div><span>text"),
        ("a.html", "<!DOCTYPE html>\n<html><body><div>\n<p>text</p>\n"),
        ("a.html", "<!DOCTYPE html>\n<html><body><p>text</p></body>\n"),
        ("a.html", "<div>a</div><!-- a comment\n"),
        ("a.html", '<div class="a'),
        ("a.css", "a { color: red;\n"),
        ("a.css", "a { color: red }\n/* b"),
        ("a.go", "package main\nfunc main() {\n"),
        ("a.go", "package main\nvar x = `raw\n"),
        ("a.rs", 'fn main() { let x = "abc\n'),
        ("a.rs", 'fn main() { let x = r#"abc" \n'),
        ("A.java", "class A {\n  void f() {\n  }\n"),
        ("a.sh", "if true; then\n  echo hi\n"),
        ("a.sh", 'echo "abc\n'),
        ("a.yaml", "a: [1,\n"),
        ("a.yaml", 'a: "b\n'),
        ("a.json", '{"a": [1, 2'),
        ("a.json", '{"a": "b'),
        ("a.json", '{"a": tru'),
        ("a.toml", "a = [1,\n"),
        ("a.toml", "a = '''\nb\n"),
        ("tsconfig.json", "{ // c\n  'a': 1,\n"),
        ("main.c", "int main(void)\n{\n    if (a) {\n        f();\n    }\n"),
        ("main.c", "int a;\n/* a comment\n goes on\n"),
        ("main.cpp", "class A {\npublic:\n    void f();\n"),
        ("A.cs", 'class A {\n    string s = "a'),
        ("a.php", "<?php\nfunction f() {\n    return [1,\n"),
        ("a.php", "<?php\n$a = 'b\nc"),
        ("a.rb", "class A\n  def f\n    1\n  end\n"),
        ("a.rb", "x = 'a\nb\n"),
        ("a.lua", "local function f()\n  return 1\n"),
        ("a.lua", "x = [[\ntext\n"),
        ("A.kt", "fun main() {\n    println(1)\n"),
        ("a.scss", "$a: 1px !default;\n.b {\n  &:hover { c: d; }\n"),
        ("A.swift", "struct A {\n    var b: Int {\n        1\n    }\n"),
        ("schema.sql", "CREATE TABLE a (\n    id INTEGER,\n"),
        ("main.tf", 'resource "a" "b" {\n  c = "d"\n'),
        ("a.ps1", "foreach ($a in $b) {\n    Write-Host $a\n"),
        ("icon.svg", '<svg viewBox="0 0 1 1">\n  <path d="M0 0"/>\n'),
        ("Info.plist", '<?xml version="1.0"?>\n<plist>\n<dict>\n  <key>a</key'),
        ("App.vue", "<template>\n  <p>{{ a }}</p>\n</template>\n\n<script setup>\nconst a = 1\n"),
        ("a.py", "def f():\n"),
        ("a.py", "x = f(1,\n      2,\n"),
        ("a.py", '"""Doc\n'),
        ("a.py", "x = 'abc"),
        ("a.py", "try:\n    x = 1\n"),
        ("a.py", "from a import\n"),
        ("a.py", "class A:\n    def f(self):\n        self."),
    ],
)
def test_a_text_that_could_go_on_is_unfinished(path: str, text: str) -> None:
    assert parse(path, text).state is State.UNFINISHED


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("main.c", "#define BEGIN {\nint main() BEGIN }"),
        ("main.c", "MODULE(x)\nstatic int __init f(void) { return 0; }\n"),
        ("a.sql", "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END //\n"),
        ("MainPage.xaml", "{{ #useWinUI3 }}\n<Page />\n"),
        ("a.html", "<p>a => b</p>\n"),
        ("a.html", "<p><pre>x</pre></p>\n"),
        ("a.md", "```"),
        ("icon.svg", "\n"),
        ("bin/tool", "(((("),
        ("templates/a.html", "{% if x %}<div class='a'>{% else %}<div>{% endif %}</div>"),
        ("a.html", "<div {{ attrs }}>{% for a in b %}<p>{% endfor %}"),
        ("views/a.html", "<% if (a) { %><div><% } %>"),
        ("chart/templates/x.yaml", "{{- if .Values.a }}\na: {{ .Values.b | quote }}\n{{- end }}\n"),
        ("a.yml", "a: {{ b }}: c\n"),
        ("templates/app.js", "const a = {{ data | tojson }};"),
        ("{{cookiecutter.name}}/setup.py", "name = {{ cookiecutter.name }}.\n"),
        ("a.html.j2", "<div>"),
        ("zsh.sh", "for f (*.c) { echo $f }\n"),
    ],
)
def test_what_cannot_be_known_is_not_judged(path: str, text: str) -> None:
    assert parse(path, text) == Parsed(State.NOT_JUDGED)


HOSTILE = [
    ("javascript", "(" * 200_000),
    ("javascript", "`${" * 100_000),
    ("javascript", "<a>" * 50_000),
    ("javascript", "x" * 1_000_000),
    ("javascript", "\0" * 100_000),
    ("javascript", "\ud800 = '\udfff"),
    ("typescript", "a<" * 30_000),
    ("html", "<a>" * 100_000),
    ("html", "<li>" * 1_000),
    ("html", "<" * 300_000),
    ("css", "a{" * 100_000),
    ("go", "a[" * 50_000),
    ("rust", "r#" * 50_000),
    ("java", "a<" * 100_000),
    ("bash", "<<A\n" * 10_000),
    ("bash", "$(" * 100_000),
    ("yaml", "- " * 100_000),
    ("yaml", "? " * 300),
    ("yaml", "\n".join(" " * depth + "a:" for depth in range(2_000))),
    ("yaml", "[" * 100_000),
    ("json", "[" * 200_000),
    ("json", "1" * 10_000),
    ("toml", "a = " + "[" * 100_000),
    ("python", "(" * 10_000),
    ("python", "-" * 100_000 + "1"),
    ("python", "x = '\ud800'\n"),
    ("jsonc", "[" * 100_000),
    ("c", "%q(" * 100_000),
    ("csharp", "a<" * 100_000),
    ("csharp", '$"{' * 50_000),
    ("kotlin", '"${' * 50_000),
    ("lua", "[=[" * 50_000),
    ("php", "<?php <<<A\n" * 10_000),
    ("ruby", "<<~A\n" * 50_000),
    ("powershell", '@"\n' * 50_000),
    ("scss", "@if " * 50_000),
    ("scss", "a:(b:" * 30_000),
    ("swift", '"\\(' * 50_000),
    ("terraform", '"${' * 50_000),
    ("xml", "<a>" * 100_000),
    ("xml", '<!DOCTYPE a [<!ENTITY b "' + "c" * 9_000 + '">]><a>' + "&b;" * 50_000 + "</a>"),
]


@pytest.mark.parametrize(
    "letter", ["\u00e9", "\u0436", "\u4f60", "\U0001f600"], ids=["Latin", "Cyrillic", "Chinese", "emoji"]
)
@pytest.mark.parametrize("before", range(4090, 4096))
def test_a_letter_of_several_bytes_may_lie_anywhere_behind_an_error(before: int, letter: str) -> None:
    """A parser asks for pieces of 4,096 bytes, and crashes when the second half of a letter is kept back."""
    text = f"const a = }};\n//{'x' * (before - 18)}{letter * 20}\n("
    assert parse_as("javascript", text).state is State.BROKEN


@pytest.mark.parametrize(("language", "text"), HOSTILE, ids=[f"{name}-{text[:4]!r}" for name, text in HOSTILE])
def test_hostile_text_is_judged_in_bounds(language: str, text: str) -> None:
    before = time.process_time()
    assert isinstance(parse_as(language, text), Parsed)
    assert time.process_time() - before < 20


@pytest.mark.parametrize(
    ("language", "piece", "state"),
    [
        pytest.param("bash", "[", State.NOT_JUDGED, id="more steps than a parser may take"),
        pytest.param("bash", "a.b(", State.NOT_JUDGED, id="a log of millions of lines"),
        pytest.param("javascript", "if [ ", State.NOT_JUDGED, id="a mistake in each word"),
        pytest.param("javascript", "a.b(", State.NOT_JUDGED, id="open to the end"),
    ],
)
def test_a_large_hostile_text_costs_no_more_than_a_bound(language: str, piece: str, state: State) -> None:
    before = time.process_time()
    assert parse_as(language, piece * (1_300_000 // len(piece))).state is state
    assert time.process_time() - before < 20


def test_a_text_beyond_two_megabytes_is_not_judged() -> None:
    assert parse("a.js", "f();\n" * 500_000) == Parsed(State.NOT_JUDGED)


def test_the_standard_library_is_whole() -> None:
    files = sorted(Path(random.__file__).parent.glob("*.py"))[::12]
    assert [path.name for path in files if parse(path.name, path.read_text("utf-8")).wrong] == []


def test_a_tree_is_for_whom_wants_more_of_a_text() -> None:
    found = tree("javascript", "import a from './b.js';")
    assert found is not None
    assert [node.type for node in found.root_node.children] == ["import_statement"]
    assert tree("cobol", "") is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.jsx", "const a = <p class='x' for={1}>x</p>;\n"),
        ("a.js", "export { a as null, b as function };\n"),
        ("a.ts", "export { a as null, b as function };\n"),
    ],
)
def test_a_word_of_the_language_is_a_name_where_any_name_may_stand(path: str, text: str) -> None:
    assert parse(path, text).whole


@pytest.mark.parametrize("letter", ["é", "中", "😀", "\U000eff51", "\U0010ffff"])
def test_letters_beyond_ascii_in_a_shell_script_crash_nothing(letter: str) -> None:
    """The grammar's scanner asks C's `isdigit` about them, which reads beyond its table and may crash."""
    text = f"echo {{{letter}1..9}}\nname='{letter}' # {letter}\n"
    parsed = tree("bash", text)
    assert parsed is not None
    read = parsed.root_node.text or b""
    assert (read.isascii(), len(read)) == (True, len(text.encode()))
    assert parse("a.sh", text).state is State.WHOLE

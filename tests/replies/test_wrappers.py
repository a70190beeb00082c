"""A file inside something else comes out of it, and what is no file says why."""

import json

import pytest

from smol_dev.replies.code import read_code
from smol_dev.replies.verdicts import Code, Rejected

PY = "def double(n):\n    return 2 * n\n"
QUOTED = 'def hello(name):\n    print("hi", name)\n    return "\\n"\n'
JS = "export function double(n) {\n  return 2 * n;\n}\n"
HTML = "<!DOCTYPE html>\n<html>\n<body>\n<h1>Hi</h1>\n</body>\n</html>\n"
MD = "# Notes\n\nKeeps notes.\n\n## Use\n\n```bash\nnotes add\n```\n"
LESS = "def low(a, b):\n    return a < b and b > 1\n"


def quoted(text: str) -> str:
    return json.dumps(text)


def call(text: str, path: str = "a.py") -> str:
    arguments = {"path": path, "content": text}
    return json.dumps({"name": "write_file", "arguments": arguments})


def added(text: str) -> str:
    return "".join(f"+{line}\n" for line in text.splitlines())


WRAPPED = [
    pytest.param("a.py", f'{{"content": {quoted(QUOTED)}}}', QUOTED, id="object"),
    pytest.param("a.py", f'```json\n{{"code": {quoted(QUOTED)}}}\n```', QUOTED, id="fenced object"),
    pytest.param("a.py", quoted(json.dumps({"code": QUOTED})), QUOTED, id="encoded twice"),
    pytest.param("a.py", f'{{"a.py": {quoted(PY)}}}', PY, id="path to text"),
    pytest.param("a.py", f'{{"files": [{{"path": "a.py", "content": {quoted(PY)}}}]}}', PY, id="files"),
    pytest.param("a.py", f'[{{"path": "b.py", "content": "B = 1"}}, {{"path": "a.py", "content": {quoted(PY)}}}]', PY,
                 id="one of a list"),
    pytest.param("a.py", f"<tool_call>\n{call(PY)}\n</tool_call>", PY, id="tool call tags"),
    pytest.param("a.py", f"[TOOL_CALLS][{call(PY)}]", PY, id="mistral call"),
    pytest.param("a.py", json.dumps({"tool_calls": [{"function": {"name": "w", "arguments": json.dumps(
        {"file_path": "a.py", "content": PY})}}]}), PY, id="arguments encoded"),
    pytest.param("a.py", '{"code": "' + PY + '"}', PY, id="raw newlines"),
    pytest.param("a.py", '{"code": """' + PY + '"""}', PY, id="triple quotes"),
    pytest.param("a.py", "{'code': " + repr(QUOTED) + "}", QUOTED, id="python dict"),
    pytest.param("README.md", f'{{"content": {quoted(MD)}}}', MD, id="readme"),
    pytest.param("a.py", f'<file path="a.py">\n{PY}</file>', PY, id="file tag"),
    pytest.param("a.py", f"<file>\n<path>a.py</path>\n<content>\n{PY}</content>\n</file>", PY, id="path tag"),
    pytest.param("a.py", f"<code>\n{PY}</code>", PY, id="code tag"),
    pytest.param("a.py", f"<![CDATA[\n{PY}]]>", PY, id="cdata"),
    pytest.param("a.html", f'<file name="a.html"><![CDATA[\n{HTML}]]></file>', HTML, id="cdata in a file tag"),
    pytest.param("a.py", f"<write_to_file>\n<path>a.py</path>\n<content>\n{PY}</content>\n</write_to_file>", PY,
                 id="agent tag"),
    pytest.param("a.py", f'<boltArtifact id="x" title="X">\n<boltAction type="file" filePath="a.py">\n{PY}'
                 "</boltAction>\n</boltArtifact>", PY, id="bolt"),
    pytest.param("a.py", f"<function=write_file>\n<parameter=path>a.py</parameter>\n<parameter=content>\n{PY}"
                 "</parameter>\n</function>", PY, id="function tag"),
    pytest.param("a.py", f"cat > a.py <<'EOF'\n{PY}EOF", PY, id="heredoc"),
    pytest.param("a.py", "".join(f"> {line}\n" for line in f"Here it is:\n\n```python\n{PY}```\n\nIt adds.".split("\n")), PY,
                 id="whole answer quoted"),
    pytest.param("a.py", "".join(f">{line}\n" for line in PY.splitlines()), PY, id="quoted without blanks"),
    pytest.param("a.py", "".join(f"{at}. {line}\n" for at, line in enumerate(f"Sure!\n```\n{PY}```".split("\n"), 1)), PY,
                 id="whole answer numbered"),
    pytest.param("src/a.py", f"```bash\nmkdir -p src\ncat <<'EOF' > src/a.py\n{PY}EOF\n```", PY, id="fenced heredoc"),
    pytest.param("a.py", f"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1,2 @@\n{added(PY)}", PY, id="diff"),
    pytest.param("a.py", f"```diff\n--- /dev/null\n+++ a.py\n@@ -0,0 +1,2 @@\n{added(PY)}```", PY, id="fenced diff"),
    pytest.param("a.py", "diff --git a/a.py b/a.py\nnew file mode 100644\nindex 0000000..1\n--- /dev/null\n+++ b/a.py\n"
                 f"@@ -0,0 +1,2 @@\n{added(PY)}\\ No newline at end of file", PY, id="git diff"),
    pytest.param("a.py", f"*** Begin Patch\n*** Add File: a.py\n{added(PY)}*** End Patch", PY, id="patch"),
    pytest.param("a.py", "1: def double(n):\n2:     return 2 * n", PY, id="numbers with colons"),
    pytest.param("a.py", "1\tdef double(n):\n2\t    return 2 * n", PY, id="numbers with tabs"),
    pytest.param("a.py", "1 def double(n):\n2     return 2 * n", PY, id="numbers with spaces"),
    pytest.param("a.py", LESS.replace("<", "&lt;").replace(">", "&gt;"), LESS, id="entities"),
    pytest.param("a.js", "const a = b &amp;&amp; c &lt; 1;\n", "const a = b && c < 1;\n", id="ampersands"),
    pytest.param("a.py", "def double(n):\\n    return 2 * n\\n", PY, id="one line"),
]  # fmt: skip

KEPT = [
    pytest.param("a.py", 'RUN = """\ncat > b.py <<EOF\nx = 1\nEOF\n"""\n', id="heredoc in a string"),
    pytest.param("a.xml", "<my_notes>\n  <my_note>1</my_note>\n</my_notes>\n", id="elements with underscores"),
    pytest.param("a.json", '{"code": "print(1)"}\n', id="json with code"),
    pytest.param("a.html", "<p>&lt;b&gt; is bold</p>\n", id="entities in markup"),
    pytest.param("a.sh", f"cat > a.py <<'EOF'\n{PY}EOF\n", id="heredoc in a script"),
    pytest.param("a.patch", f"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1,2 @@\n{added(PY)}", id="patch"),
    pytest.param("a.py", "TEXT = 'a &lt; b'\nLESS = 1 < 2\n", id="an entity beside its sign"),
    pytest.param("a.py", 'print("a\\nb")\n', id="an escape in a string"),
    pytest.param("a.txt", "1. one\n2. two\n", id="a numbered list"),
    pytest.param("a.xml", "<file>\n<content>x</content>\n</file>\n", id="xml with a file tag"),
    pytest.param("a.py", "FILES = {'a.py': 'x = 1'}\n", id="a dict in a program"),
    pytest.param("rows.js", "export default [\n  1,\n  2,\n];\n", id="numbers that are data"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "answer", "content"), WRAPPED)
def test_the_file_is_taken_out_of_its_wrapper(path: str, answer: str, content: str) -> None:
    verdict = read_code(answer, path=path, finish_reason="stop")
    assert isinstance(verdict, Code)
    assert verdict.content == content


@pytest.mark.parametrize(("path", "content"), KEPT)
def test_what_looks_like_a_wrapper_may_be_the_file(path: str, content: str) -> None:
    verdict = read_code(content, path=path, finish_reason="stop")
    assert isinstance(verdict, Code)
    assert verdict.content == content


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        pytest.param("VERSION", '```bash\necho "1.0.0" > VERSION\n```', id="echo"),
        pytest.param("docs/a.md", '```sh\nmkdir -p docs\nprintf "# T\\n" | tee docs/a.md\n```', id="tee"),
        pytest.param("notes.txt", 'echo "# T" > ./notes.txt', id="echo without a block"),
        pytest.param("a.ini", "```powershell\n@'\n[a]\nb = 1\n'@ | Set-Content -Path a.ini\n```", id="PowerShell"),
        pytest.param(
            "src/a.py", '```tool_code\nwith open("src/a.py", "w") as f:\n    f.write("""x = 1\n""")\n```', id="program"
        ),
        pytest.param(
            "a.py", '```python\nimport os\n\nwith open("a.py", mode="w") as f:\n    f.write("x = 1")\n```', id="mode"
        ),
        pytest.param("a.py", '```python\nfrom pathlib import Path\nPath("a.py").write_text("x = 1")\n```', id="path"),
        pytest.param(
            "a.js", "```js\nconst fs = require('fs');\nfs.writeFileSync('a.js', 'let a;');\n```", id="JavaScript"
        ),
        pytest.param("a.csv", "```python\nopen('a.csv', 'w').write('a,b')\n```", id="data"),
        pytest.param(
            "src/a.ts", "```ts\nawait Deno.writeTextFile('src/a.ts', `let a: number;\n`);\n```", id="TypeScript"
        ),
        pytest.param("lib/a.rb", "```ruby\nFile.write('lib/a.rb', <<~'RUBY')\n  class A\n  end\nRUBY\n```", id="Ruby"),
        pytest.param(
            "a.pl", "open(my $file, '>', 'a.pl');\nprint $file <<'END';\nuse strict;\nprint 1;\nEND\n", id="Perl"
        ),
        pytest.param("a.php", "<?php\nfile_put_contents('a.php', <<<'PHP'\n<?php\n\necho 1;\nPHP\n);\n", id="PHP"),
        pytest.param("a.R", 'writeLines(c(\n  "a <- 1",\n  "print(a)"\n), "a.R")', id="R, a list of lines"),
        pytest.param(
            "a.R",
            'x <- 1\ncat("a <- 1\nprint(a)\nb <- 2\n", file = "a.R")\nsource(file.path(x, y, "b.R"))'
            + "\nprint(x)" * 9,
            id="R",
        ),
        pytest.param(
            "a.lua",
            'local f = io.open("a.lua", "w")\nf:write([[\nlocal A = {}\nreturn A\n]])\nf:close()\nlocal check = loadfile("a.lua")\nassert(check, "it does not load")\nos.exit(0)',
            id="Lua",
        ),
        pytest.param(
            "b.ps1", "$text = @'\nparam($A)\nWrite-Host $A\n'@\n\nSet-Content -Path \"b.ps1\" -Value $text", id="option"
        ),
        pytest.param("a.bat", "(\necho @echo off\necho dir\n) > a.bat", id="batch"),
        pytest.param(
            "conf/nginx.conf", "```bash\nsudo tee /etc/nginx/nginx.conf <<'EOF'\nserver {}\nEOF\n```", id="elsewhere"
        ),
        pytest.param("run.sh", "```bash\nchmod +x run.sh\n./run.sh\n```", id="runs it"),
        pytest.param("run.sh", "bash run.sh", id="runs it, without a block"),
        pytest.param("x.py", "```python\n%%writefile x.py\nimport os\nprint(os)\n```", id="cell of a notebook"),
        pytest.param("old.sh", "```bash\nsed -i 's/8000/9000/' old.sh\n```", id="edits it"),
    ],
)
def test_commands_that_write_the_file_are_not_it(path: str, answer: str) -> None:
    assert isinstance(read_code(answer, path=path, finish_reason="stop"), Rejected)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("index.html", "<ul>\n  <li>index.html</li>\n</ul>\n"),
        ("a.js", "const page = window.open('a.js');\n"),
        ("a.py", 'NAME = "a.py"\nwith open("b.py", "w") as file:\n    file.write(NAME + "!")\n'),
        ("a.py", 'SOURCE = open("a.py").read()\n'),
        ("a.sh", "python b.py > out.txt\n"),
        ("tests/test_a.py", 'def test_usage(run):\n    assert run("test_a.py") == """usage: x\n\noptions:\n"""\n'),
        (
            "setup.py",
            'from setuptools import setup\n\nsetup(scripts=["setup.py"], long_description="""A.\n\nB.\n""")\n',
        ),
        ("run.sh", '#!/bin/sh\n# usage: run.sh PORT\nexec python -m app --port "$1"\n'),
        ("run.sh", '#!/bin/sh\nexec /opt/app/bin/run.sh "$@"\n'),
        ("a.py", "import argparse\n\nparser = argparse.ArgumentParser(prog='a.py')\nprint(parser.parse_args())\n"),
        (
            "package.json",
            '{"main": "package.json", "readme": "One line of it.\\nAnother one, and so on to the end of it."}\n',
        ),
        ("a.rb", "require_relative 'b'\nputs File.basename('a.rb')\n"),
        ("README.md", "# T\n\n```sh\nls > README.md\n```\n"),
    ],
)
def test_what_writes_another_file_or_reads_its_own_is_a_file(path: str, content: str) -> None:
    assert read_code(content, path=path, finish_reason="stop") == Code(content, ("bare",))


LOOP = "```js\nconst a = 1;\n" + 'list.add("ready");\n' * 200
REJECTED = [
    pytest.param("a.py", "```python\n```", "stop", "empty", id="empty fence"),
    pytest.param("a.py", '{"path": "a.py", "encoding": "base64", "content": "eCA9IDE="}', "stop", "wrong_format", id="base64"),
    pytest.param("a.py", "<think>\nhm\n</think>\n", "stop", "empty", id="only reasoning"),
    pytest.param("a.py", "<think>\nhm, so first", "length", "truncated", id="reasoning cut off"),
    pytest.param("a.py", "I cannot help with creating this file.", "stop", "refusal", id="refusal"),
    pytest.param("a.py", "I'm sorry, but as an AI I can't assist with that.\n\nPlease ask for something else.", "stop",
                 "refusal", id="refusal of two paragraphs"),
    pytest.param("README.md", "Es tut mir leid, aber dabei kann ich nicht helfen.", "stop", "refusal", id="german"),
    pytest.param("a.js", LOOP, "length", "degenerate", id="loop in a fence"),
    pytest.param("a.js", f"```js\n{JS[:-3]}", "length", "truncated", id="cut in a fence"),
    pytest.param("a.js", f"```js\n{JS[:-3]}", "stop", "truncated", id="cut though the server says stop"),
    pytest.param("a.py", "def double(n):\n    return (2 *", "length", "truncated", id="cut, raw"),
    pytest.param("a.html", HTML[:40], "length", "truncated", id="markup cut"),
    pytest.param("README.md", MD[:30], "length", "truncated", id="text cut"),
    pytest.param("a.json", '{"a": [1, 2', "stop", "truncated", id="json cut"),
    pytest.param("a.py", f'{{"code": {quoted(PY)[:-12]}', "length", "truncated", id="object cut"),
    pytest.param("a.py", f"```python\n{PY}\n# ... existing code ...\n```", "stop", "placeholder", id="existing code"),
    pytest.param("a.js", "function a() {\n  // rest of the code unchanged\n}\n", "stop", "placeholder", id="rest"),
    pytest.param("a.html", "<html>\n<body>\n<!-- existing content here -->\n</body>\n</html>\n", "stop", "placeholder",
                 id="in markup"),
    pytest.param("a.css", "body { margin: 0 }\n\n/* ... rest of the styles ... */\n", "stop", "placeholder", id="css"),
    pytest.param("a.py", "import os\n\n# [insert your code here]\n", "stop", "placeholder", id="insert"),
    pytest.param("README.md", "# A\n\n[... rest of the README unchanged ...]\n", "stop", "placeholder", id="text"),
    pytest.param("a.py", "import os\n\n...[truncated]", "stop", "placeholder", id="truncated by its words"),
    pytest.param("a.py", "@@ -1,2 +1,2 @@\n def double(n):\n-    return n\n+    return 2 * n\n", "stop",
                 "wrong_format", id="hunk"),
    pytest.param("a.py", "a.py\nb.py\nc.py", "stop", "wrong_format", id="list of files"),
    pytest.param("chat.txt", "<|im_start|>system\nYou<|im_end|>\n<|im_start|>assistant\n{x}<|im_end|>", "stop",
                 "wrong_format", id="whose token the last one is"),
    pytest.param("a.js", "```bash\ncat > a.js <<EOF\nlet a = `$HOME`;\nEOF\n```", "stop", "wrong_format",
                 id="heredoc that the shell fills in"),
    pytest.param("a.js", f"cat > b.js <<'EOF'\n{JS}EOF", "stop", "wrong_format", id="heredoc of another file"),
    pytest.param("a.js", "<read_file>\n<path>b.js</path>\n</read_file>", "stop", "wrong_format", id="call that reads"),
    pytest.param("c.js", f"a.js\n{JS}\nb.js\n{JS}", "stop", "wrong_format", id="files under their paths"),
    pytest.param("a.py", f"<file>\n<path></path>\n{PY}</file>", "stop", "wrong_format", id="empty path"),
    pytest.param("a.py", f"**b.js**\n```js\n{JS}```", "stop", "wrong_format", id="another file"),
    pytest.param("a.py", "Which database would you like to use?", "stop", "no_code", id="question"),
    pytest.param("a.py", "```bash\npip install flask\npython a.py\n```", "stop", "no_code", id="commands"),
    pytest.param("a.js", "This module doubles a number. It has one function, which returns the result.", "stop",
                 "no_code", id="description"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "answer", "finish_reason", "reason"), REJECTED)
def test_an_answer_without_the_file_says_why(path: str, answer: str, finish_reason: str, reason: str) -> None:
    verdict = read_code(answer, path=path, finish_reason=finish_reason)
    assert isinstance(verdict, Rejected), verdict
    assert verdict.reason == reason


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(">:", id="one quoted sign"),
        pytest.param("> This adds two numbers:\n> def add(a, b):\n>     return a + b", id="quoted with a sentence"),
        pytest.param("1. x = (\n2. y = )", id="numbered"),
    ],
)
def test_what_is_broken_without_quotes_or_numbers_is_asked_for_again(answer: str) -> None:
    verdict = read_code(answer, path="a.py", finish_reason="stop")
    assert isinstance(verdict, Rejected), verdict
    assert verdict.reason == "wrong_format"


NOT_LEFT_OUT = [
    pytest.param("a.py", "def a(): ...\n\n\nclass B:\n    ...\n", id="stub bodies"),
    pytest.param("a.py", "# TODO: add more rules here\nRULES = []\n", id="todo"),
    pytest.param("a.js", "const b = { ...a, c: [...d] };\n", id="spread"),
    pytest.param("a.py", 'TEXT = "... rest of the code ..."\n', id="in a string"),
    pytest.param("a.py", "# The rest of the arguments are passed on.\nf(*rest)\n", id="a sentence about the rest"),
    pytest.param("a.py", "# keep the existing order\nx = 1\n", id="keep the order"),
    pytest.param("a.ts", "// Same as before, but typed.\nexport type A = 1;\n", id="same as before, but"),
    pytest.param("a.go", "package a\n\n// remaining returns how many are left\nfunc remaining() int { return 1 }\n", id="remaining"),
    pytest.param("README.md", "# A\n\n- [ ] the rest\n- [x] done\n\n[link](x) ...\n", id="boxes and links"),
    pytest.param("a.html", "<p>\n  <!-- Content -->\n  Loading...\n</p>\n", id="section comment"),
    pytest.param("a.css", "/* Other styles */\n.other { margin: 0 }\n", id="heading comment"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "content"), NOT_LEFT_OUT)
def test_what_only_looks_like_an_omission_is_kept(path: str, content: str) -> None:
    verdict = read_code(f"```\n{content}```", path=path, finish_reason="stop")
    assert isinstance(verdict, Code), verdict
    assert verdict.content == content

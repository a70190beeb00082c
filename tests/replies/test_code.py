"""Answers as models give them, by the rule that reads them: envelope, fences, labels, prose."""

import pytest

from smol_dev.replies.code import read_code
from smol_dev.replies.verdicts import Code, Rejected

PY = "def double(n):\n    return 2 * n\n"
JS = "export function double(n) {\n  return 2 * n;\n}\n"
CSS = "body {\n  margin: 0;\n}\n"
HTML = "<!DOCTYPE html>\n<html>\n<body>\n<h1>Hi</h1>\n</body>\n</html>\n"
YAML = "services:\n  web:\n    build: .\n"
JSON = '{\n  "name": "notes"\n}\n'
GO = "package main\n\nfunc main() {\n\tprintln(1)\n}\n"
MD = "# Notes\n\nKeeps notes.\n\n## Use\n\n```bash\nnotes add\n```\n"
SH = "#!/bin/sh\nset -e\necho hi\n"
SQL = "CREATE TABLE notes (\n  id INTEGER\n);\n"

ENVELOPE = [
    pytest.param("a.py", f"<thinking>\nShort.\n</thinking>\n{PY}", PY, id="thinking"),
    pytest.param("a.py", f"[THINK]hm[/THINK]```python\n{PY}```", PY, id="square think"),
    pytest.param("a.py", f"<think>\n\n</think>\n\n{PY}", PY, id="empty think"),
    pytest.param("a.js", f"<think>a <think> inside</think>\n```js\n{JS}```", JS, id="think said in it"),
    pytest.param("a.py", f"<|channel|>analysis<|message|>Let me see.<|end|><|start|>assistant<|channel|>final"
                 f"<|message|>```python\n{PY}```<|return|>", PY, id="harmony"),
    pytest.param("a.py", f"analysisThe user wants a file.assistantfinal```python\n{PY}```", PY, id="bare harmony"),
    pytest.param("a.py", f"<think>\nYes.\n</think>\n<answer>\n{PY}</answer>", PY, id="answer tags"),
    pytest.param("a.css", f"I need a reset.\nNothing else.\n</think>\n\n{CSS}", CSS, id="lone closer"),
    pytest.param("a.py", f"assistant\n\n{PY}", PY, id="role"),
    pytest.param("a.py", f"<|im_start|>assistant\n{PY}<|im_end|>", PY, id="chatml"),
    pytest.param("a.py", f"### Response:\n```python\n{PY}```", PY, id="alpaca"),
    pytest.param("a.py", f"<|start_header_id|>assistant<|end_header_id|>\n\n{PY}<|eot_id|>", PY, id="llama"),
    pytest.param("a.py", f"<start_of_turn>model\n{PY}<end_of_turn>\n", PY, id="gemma"),
    pytest.param("a.py", f"[/INST] {PY}</s>", PY, id="mistral"),
    pytest.param("a.py", f"{PY}<|endoftext|>Human: another\n\n```python\nx = 1\n```", PY, id="next document"),
    pytest.param("a.py", f"{PY}<|im_end|>\n<|im_start|>user\nthanks<|im_end|>", PY, id="next turn"),
    pytest.param("a.py", f"```python\n{PY}```<|fim_middle|>", PY, id="fill in the middle"),
    pytest.param("a.py", f"<｜Assistant｜>{PY}<｜end▁of▁sentence｜>", PY, id="deepseek"),
    pytest.param("a.html", f"<think>\nplain page\n</think>\n{HTML}", HTML, id="think before markup"),
    pytest.param("README.md", f"<think>\nA readme.\n</think>\n\n{MD}", MD, id="think before markdown"),
    pytest.param("a.py", f"\ufeff```python\r\n{PY.replace(chr(10), chr(13) + chr(10))}```\r\n", PY, id="windows"),
    pytest.param("a.py", 'MARK = "```<|im_end|>"\nEND = 1\n', 'MARK = "```<|im_end|>"\nEND = 1\n', id="token behind ticks"),
    pytest.param("a.svelte", "<b>{a}</b>\n<s>old</s>\n<p>new</p>\n", "<b>{a}</b>\n<s>old</s>\n<p>new</p>\n",
                 id="struck out"),
]  # fmt: skip

FENCES = [
    pytest.param("a.py", f"````python\n{PY}````", PY, id="four"),
    pytest.param("a.py", f"```python\n{PY}````", PY, id="longer closer"),
    pytest.param("a.py", f"~~~\n{PY}~~~~", PY, id="tildes"),
    pytest.param("a.py", "  ```python\n  def double(n):\n      return 2 * n\n  ```", PY, id="indented"),
    pytest.param("a.py", "1. The file:\n\n   ```python\n   def double(n):\n       return 2 * n\n   ```\n", PY,
                 id="in a list"),
    pytest.param("a.py", f"```python\n{PY}```\n```", PY, id="doubled closer"),
    pytest.param("a.py", f"```\n```python\n{PY}```\n```", PY, id="doubled fence"),
    pytest.param("a.py", f"```python\n{PY[:-1]}```", PY, id="glued closer"),
    pytest.param("a.py", f"```{{.python .numberLines}}\n{PY}```", PY, id="attributes"),
    pytest.param("a.py", f"```Python 3\n{PY}```", PY, id="language in words"),
    pytest.param("a.js", f"```typescript\n{JS}```", JS, id="near language"),
    pytest.param("a.sh", f"```\n{SH}```\nMake it executable:\n```\nchmod +x a.sh\n```", SH, id="command behind"),
    pytest.param("Dockerfile", "```dockerfile\nFROM x\nRUN y\n```\n", "FROM x\nRUN y\n", id="dockerfile"),
    pytest.param("README.md", f"```markdown\n{MD}```", MD, id="readme, ends in a block"),
    pytest.param("README.md", f"````markdown\n{MD}````\n\nLet me know!", MD, id="readme in four"),
    pytest.param("README.md", f"```md\n{MD}\n## License\n\nMIT\n```", f"{MD}\n## License\n\nMIT\n",
                 id="readme with text at its end"),
    pytest.param("README.md", "```markdown\n# A\n\n```\npip install a\n```\n\nText.\n```\n",
                 "# A\n\n```\npip install a\n```\n\nText.\n", id="readme with a bare block"),
    pytest.param("README.md", f"~~~markdown\n{MD}~~~", MD, id="readme in tildes"),
    pytest.param("a.py", '```python\ndef f():\n    """Do.\n\n    ```\n    f()\n    ```\n    """\n```',
                 'def f():\n    """Do.\n\n    ```\n    f()\n    ```\n    """\n', id="block in a docstring"),
    pytest.param("a.ts", "```ts\n/**\n * ```ts\n * f()\n * ```\n */\nexport const f = () => 1;\n```",
                 "/**\n * ```ts\n * f()\n * ```\n */\nexport const f = () => 1;\n", id="block in a doc comment"),
    pytest.param("a.go", f"```go\n{GO}", GO, id="never closed"),
    pytest.param("a.json", f"{JSON}```", JSON, id="never opened"),
    pytest.param("a.py", f"```python\n{PY}```\n\n```python\nprint(double(2))\n```", PY, id="usage behind"),
    pytest.param("a.py", f"Install:\n```\npip install x\n```\nThe file:\n```\n{PY}```", PY, id="install before"),
    pytest.param("a.py", f"```python\ndef double(n):\n    return n\n```\n\nCorrected version:\n\n```python\n{PY}```", PY,
                 id="corrected"),
    pytest.param("a.py", f"First draft:\n```python\nx = 1\n```\nWait, that is wrong. Final code:\n```python\n{PY}```",
                 PY, id="final"),
    pytest.param("a.py", f"```html\n{HTML}```\n\n```python\n{PY}```", PY, id="by type"),
    pytest.param("web/a.css", f"**web/a.html**\n```html\n{HTML}```\n**web/a.css**\n```css\n{CSS}```", CSS, id="by path"),
    pytest.param("b/x.py", f"### a/x.py\n```python\nA = 1\n```\n### b/x.py\n```python\n{PY}```", PY, id="by folder"),
    pytest.param("test_a.py", f"```python\n{PY}```\n`test_a.py`:\n```python\nimport a\n```", "import a\n",
                 id="the test is the file"),
    pytest.param("a.py", f"```python\n{PY}```\n\nOutput:\n\n```\n4\n```", PY, id="output behind"),
    pytest.param("config.yml", f"```yaml\n{YAML}```\nRun:\n```bash\ndocker compose up\n```", YAML, id="yaml"),
]  # fmt: skip

LABELS_AND_PROSE = [
    pytest.param("src/a.py", f'```python title="src/a.py"\n{PY}```', PY, id="title"),
    pytest.param("src/a.py", f"```src/a.py\n{PY}```", PY, id="path for language"),
    pytest.param("src/a.py", f"```python\nsrc/a.py\n{PY}```", PY, id="bare path inside"),
    pytest.param("src/a.py", f"```python\n# src/a.py\n{PY}```", f"# src/a.py\n{PY}", id="comment stays"),
    pytest.param("a.css", f"```css\n/* a.css */\n{CSS}```", f"/* a.css */\n{CSS}", id="css comment stays"),
    pytest.param("a.css", f"```css\n// a.css\n{CSS}```", CSS, id="no css comment"),
    pytest.param("a.json", f"// a.json\n{JSON}", JSON, id="no json comment"),
    pytest.param("a.json", f"# a.json\n{JSON}", JSON, id="no json comment either"),
    pytest.param("a.html", f"```html\n<!-- a.html -->\n{HTML}```", f"<!-- a.html -->\n{HTML}", id="markup comment"),
    pytest.param("a.py", f"=== a.py ===\n{PY}", PY, id="ruler"),
    pytest.param("a.sql", f"Filename: a.sql\n\n{SQL}", SQL, id="filename"),
    pytest.param("pkg/__init__.py", f"**pkg/__init__.py**\n```python\n{PY}```", PY, id="underscores in bold"),
    pytest.param("app/[id]/page.tsx", f"#### `app/[id]/page.tsx`\n```tsx\n{JS}```", JS, id="brackets"),
    pytest.param("a.py", f"Sure, here's the code:\n\n{PY}\nThis doubles a number.", PY, id="sentences"),
    pytest.param("a.js", f"Certainly!\n\n{JS}\n**Explanation**\n\n- doubles `n`\n- returns it", JS, id="list behind"),
    pytest.param("a.css", f"Here is a.css:\n{CSS}\nThe margin is removed.\nLet me know if it helps.", CSS, id="css"),
    pytest.param("a.html", f"Here's the page:\n\n{HTML}\nOpen it in a browser.", HTML, id="markup"),
    pytest.param("a.json", f"Here is the file:\n\n{JSON}\nIt has a name.", JSON, id="json"),
    pytest.param("a.yml", f"Below is the compose file:\n\n{YAML}\nStart it with `docker compose up`.", YAML, id="yaml"),
    pytest.param("a.go", f"Here's main.go:\n\n{GO}\nNote: it prints 1.", GO, id="go"),
    pytest.param("a.sh", f"Here is the script:\n\n{SH}\nYou can run it with `sh a.sh`.", SH, id="shell"),
    pytest.param("README.md", f"Here's the README for your project:\n\n{MD}", MD, id="readme"),
    pytest.param("a.txt", "Here is the content of a.txt:\n\nMilk\nEggs\n", "Milk\nEggs\n", id="text"),
    pytest.param("a.html", f'<file path="a.html">\n{HTML}</file>', HTML, id="a tag that names the path"),
    pytest.param("a.py", "python\ndef double(n):\n    return 2 * n", PY, id="language alone"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "answer", "content"), [*ENVELOPE, *FENCES, *LABELS_AND_PROSE])
def test_the_file_in_the_answer(path: str, answer: str, content: str) -> None:
    verdict = read_code(answer, path=path, finish_reason="stop")
    assert isinstance(verdict, Code)
    assert verdict.content == content


@pytest.mark.parametrize("unit", ["-", "1.", 'a="b" ', "a=b="])
def test_what_follows_a_fence_is_read_in_time(unit: str) -> None:
    """A hundred dashes took longer than the universe has stood."""
    verdict = read_code(f"```python {unit * 100} !\n{PY}```", path="a.py", finish_reason="stop")
    assert not isinstance(verdict, Code) or verdict.content.endswith(PY)


@pytest.mark.parametrize("finish", ["network_error", "content_filter", "SAFETY", "whatever"])
@pytest.mark.parametrize(
    "answer", [f"```python\n{PY}```\n", f"```python\n{PY}```\n\nIt doubles.", PY], ids=["block", "talk", "bare"]
)
def test_an_answer_that_ends_by_an_error_is_cut_whatever_it_holds(finish: str, answer: str) -> None:
    verdict = read_code(answer, path="a.py", finish_reason=finish)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "truncated"


SEVERAL = [
    pytest.param("a.py", f"# a.py\n{PY}\n# b.py\nimport a\n", id="python"),
    pytest.param("b.py", f"# a.py\n{PY}\n# b.py\nimport a\n", id="the second one"),
    pytest.param("src/a.js", f"// src/a.js\n{JS}\n// src/b.js\nimport './a.js';\n", id="javascript"),
    pytest.param("a.css", f"/* a.css */\n{CSS}\n/* === b.css === */\n{CSS}", id="rulers"),
    pytest.param("a.py", f"# File: a.py\n{PY}\n# File: b.py\nimport a\n", id="with a word"),
]


@pytest.mark.parametrize("fence", ["```\n", ""], ids=["block", "bare"])
@pytest.mark.parametrize(("path", "files"), SEVERAL)
def test_several_files_one_after_another_are_asked_for_again(path: str, files: str, fence: str) -> None:
    verdict = read_code(f"{fence}{files}{fence}", path=path, finish_reason="stop")
    assert verdict == Rejected(
        "wrong_format", "The answer held several files one after another; give only the requested one."
    )


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.py", f"# a.py\n{PY}\n# see b.py\nX = 1\n"),
        ("a.py", f"# a.py\n{PY}    # b.py\n    return 1\n"),
        ("a.py", f"# a.py\n{PY}\n# b.json\n# {{}}\nX = 1\n"),
        ("all.css", f"/* base.css */\n{CSS}\n/* grid.css */\n{CSS}"),
        ("README.cookies", "README.cookies\n\nHow cookies are kept:\n"),
        ("a.md", f"# a.md\n\n# b.py\n\n{MD}"),
    ],
    ids=["a remark", "inside", "a comment of several lines", "a bundle", "a title", "headings"],
)
def test_comments_that_name_files_are_the_files_own(path: str, content: str) -> None:
    verdict = read_code(f"````\n{content}````", path=path, finish_reason="stop")
    assert verdict == Code(content, ("as asked",))


def test_a_file_that_only_comments_of_others_head_is_kept_for_want_of_a_better_one() -> None:
    files = f"// app.js\n{JS}\n// index.js\n{JS}"
    verdict = read_code(f"```js\n{files}```", path="store.js", finish_reason="stop")
    assert verdict == Rejected(
        "wrong_format", "The answer held several files one after another; give only the requested one.", kept=files
    )


IMPORTS = (
    '"""Count."""\n\nimport sys\nfrom collections import Counter\n\n\ndef count(words):\n    return Counter(words)\n'
)


def test_paragraphs_of_code_are_never_taken_for_talk() -> None:
    verdict = read_code(f"[PYTHON]\n{IMPORTS}[/PYTHON]", path="a.py", finish_reason="stop")
    assert verdict == Code(IMPORTS, ("bracket tags",))
    broken = "package main\n\nimport “fmt”\n\nfunc main() {\n\tfmt.Println(1)\n}\n"
    assert isinstance(read_code(broken, path="main.go", finish_reason="stop"), Rejected)


@pytest.mark.parametrize(
    "answer",
    ["# Plan\n\n1. Read the file.\n2. Count the words.\n", "### a.py\n\nWhich Python version do you use?"],
    ids=["a plan", "a question"],
)
def test_a_heading_above_talk_is_no_comment_of_a_file(answer: str) -> None:
    verdict = read_code(answer, path="a.py", finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "no_code"


@pytest.mark.parametrize(
    "lead", ["Here is the rest of the file:", "The remaining part:", "`a.py` (continued from above):"]
)
@pytest.mark.parametrize("first", ["", f"Here is `a.py`:\n\n```python\n{PY}```\n\n"], ids=["alone", "second"])
def test_a_block_that_is_said_to_be_the_rest_is_no_file(first: str, lead: str) -> None:
    answer = f"{first}{lead}\n\n```python\nprint(double(2))\n```"
    verdict = read_code(answer, path="a.py", finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "wrong_format"


@pytest.mark.parametrize(
    "lead",
    [
        "Just add the following line at the end of `a.py`:",
        "Change the line `return n` to:",
        "Replace the `double` function with this:",
        "Usage:",
        "You can test it with:",
        "Here's how to use it:",
    ],
)
def test_a_block_that_is_said_to_be_a_part_or_a_use_is_no_file(lead: str) -> None:
    verdict = read_code(f"{lead}\n\n```python\nprint(double(2))\n```", path="a.py", finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "no_code"


@pytest.mark.parametrize(
    "lead",
    [
        "Create `a.py` and add the following code:",
        "Replace the contents of `a.py` with this:",
        "Save the following as `a.py` and run it:",
        "Here's an example implementation:",
    ],
)
def test_words_about_parts_and_uses_may_stand_above_the_file(lead: str) -> None:
    added = "\n\nThen add this line to `main.py`:\n\n```python\nimport a\n```"
    verdict = read_code(f"{lead}\n\n```python\n{PY}```{added}", path="a.py", finish_reason="stop")
    assert verdict == Code(PY, ("block and talk",))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param('```py\n"""Draws:\n\n```\na -> b\n', id="in a drawing of its docstring"),
        pytest.param("--- /dev/null\n+++ b/a.py\n@@ -0,0 +1,9 @@\n+import a\n+\n+a.f(1)\n", id="in a diff"),
    ],
)
def test_a_file_that_was_cut_where_an_end_seems_to_be_is_cut(answer: str) -> None:
    verdict = read_code(answer, path="a.py", finish_reason="length")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "truncated"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        pytest.param("a.py", "Here is the rest of the file:\n\nprint(1)\n", id="rest"),
        pytest.param("a.py", "Add the following line at the end of a.py:\n\nprint(1)\n", id="part"),
        pytest.param("a.md", "Here is the rest of the page:\n\n## Use\n\nRun it.\n", id="rest of a text"),
        pytest.param("a.py", "```python\n    total = 0\n    return total\n```", id="body of a function"),
    ],
)
def test_a_part_without_a_block_is_no_file(path: str, answer: str) -> None:
    verdict = read_code(answer, path=path, finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "wrong_format"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("A.swift", 'let a = """\nHere is the list:\n\nEnjoy!\n"""\n', id="swift"),
        pytest.param("a.rb", "puts <<TEXT\nWelcome.\n\nEnjoy your stay here.\nTEXT\n", id="ruby"),
        pytest.param("a.txt", "The rest of the story is short.\n\nHe went home.\n", id="text"),
    ],
)
def test_words_that_end_a_program_are_its_own(path: str, content: str) -> None:
    verdict = read_code(content, path=path, finish_reason="stop")
    assert verdict == Code(content, ("bare",))


@pytest.mark.parametrize(
    ("path", "answer", "kept"),
    [
        ("a.js", f"```js\n{JS[:-3]}\nexport const a = 1;\nlist.push(a", None),
        ("a.zig", "```zig\nconst a = .{\n    .id = 1\n", "const a = .{\n    .id = 1\n"),
        ("a.py", "The file `a.py` stays unchanged", None),
        ("a.py", "```python\nThe file `a.py` stays unchanged\n```", None),
        ("a.sh", "```bash\nThe file stays as it is.\n```", None),
        ("a.go", "```go\n- `main` reads the arguments\n- errors go to stderr\n```", None),
        ("a.py", "> 1. Begin Patch\n> *** Update File: a.py\n> @@\n> -x = 1\n> +x = 2", None),
        ("a.py", "1  def a():\n2      return 1\n4  a()", None),
        ("a.go", f"{GO}\nx := “a”\n\nfunc f() {{\n}}\n", f"{GO}\nx := “a”\n\nfunc f() {{\n}}\n"),
        ("a.js", '{"name": "read_file", "arguments": {"path": "a.js"}', None),
    ],
    ids=["cut", "cut, no parser", "prose", "prose in a fence", "prose for a shell", "a plan", "a diff", "numbers",
         "a wrong quote", "a call"],
)  # fmt: skip
def test_only_what_may_be_the_file_is_kept_for_want_of_a_better_one(path: str, answer: str, kept: str | None) -> None:
    verdict = read_code(answer, path=path, finish_reason="stop")
    assert isinstance(verdict, Rejected), verdict
    assert verdict.kept == kept


EXCUSES = "I'm sorry, but I can't come today.\n\n- a\n- b\n\n(the rest stays as it is)\n"


@pytest.mark.parametrize(
    ("path", "answer", "content"),
    [
        ("notes.txt", f"````text\n{EXCUSES}````", EXCUSES),
        ("notes.txt", f"```\n{EXCUSES}```", EXCUSES),
        ("mail.tmpl", "````text\nUnfortunately we cannot take your order.\n````",
         "Unfortunately we cannot take your order.\n"),
        ("a.md", "````markdown\nI cannot open the file.\n````", "I cannot open the file.\n"),
    ],
    ids=["letter", "three", "mail", "one line"],
)  # fmt: skip
def test_a_text_in_the_block_that_was_asked_for_may_decline(path: str, answer: str, content: str) -> None:
    assert read_code(answer, path=path, finish_reason="stop") == Code(content, ("as asked",))


@pytest.mark.parametrize(
    ("path", "label", "content"),
    [
        ("a.js", "javascript", PY),
        ("a.tsx", "tsx", PY),
        ("a.json", "json", PY),
        ("a.py", "python", GO),
        ("a.css", "css", JS),
        ("a.html", "html", YAML),
        ("a.c", "c", "from a import b\n\n\ndef f():\n    return b\n"),
        ("a.rb", "", HTML),
        ("Dockerfile", "dockerfile", YAML),
        ("Dockerfile", "yaml", YAML),
    ],
)
def test_a_block_of_another_language_is_no_file_whatever_its_label(path: str, label: str, content: str) -> None:
    verdict = read_code(f"```{label}\n{content}```", path=path, finish_reason="stop")
    assert verdict == Rejected("wrong_format", "The answer was not the whole content of the requested file.")


@pytest.mark.parametrize(
    ("path", "label", "content"),
    [
        ("App.js", "javascript", "export default function App() {\n  return <p>It's me.</p>;\n}\n"),
        ("a.js", "javascript", "// @flow\nexport const f = (a: number): string => `${a}`;\n"),
        ("a.html", "html", '{% extends "base.html" %}\n{% block main %}{{ a }}{% endblock %}\n'),
        ("a.yaml", "yaml", "{{- if .Values.on }}\nkind: Service\n{{- end }}\n"),
        ("a.sql", "sql", "SELECT * FROM {{ ref('orders') }} WHERE {% if a %}b{% endif %} = 1\n"),
        ("site.conf", "", "workers = 2\n\n\ndef on_exit(server):\n    pass\n"),
        ("Dockerfile", "bash", 'FROM python:3.12\nCMD ["python"]\n'),
        ("base.Dockerfile", "dockerfile", "# nothing yet\n"),
        (".env", "bash", "A=1\nB=2\n"),
    ],
)
def test_a_dialect_or_a_template_of_a_language_is_its_file(path: str, label: str, content: str) -> None:
    verdict = read_code(f"```{label}\n{content}```", path=path, finish_reason="stop")
    assert verdict == Code(content, ("as asked",))


@pytest.mark.parametrize(
    "lead",
    [
        "We need to output only the code block. Let's write it.",
        "I output only the code block.",
        "Let's write it.",
        "Done.",
        "Okay, so the user wants a command line tool. We'll write it so that it runs in the terminal.",
        "I should answer with one fenced block, as in the example.",
        "Let me think about the structure. The notes are a list.",
        "The plan says that the tests come later.",
    ],
)
def test_a_block_below_thoughts_is_the_file(lead: str) -> None:
    verdict = read_code(f"{lead}\n\n```python\n{PY}```", path="a.py", finish_reason="stop")
    assert verdict == Code(PY, ("block and talk",))


@pytest.mark.parametrize(
    "lead", ["I ran it. The output:", "Let's see the usage:", "This is how you run it.", "Output."]
)
def test_a_block_that_thoughts_call_something_else_is_no_file(lead: str) -> None:
    verdict = read_code(f"{lead}\n\n```python\nprint(double(2))\n```", path="a.py", finish_reason="stop")
    assert isinstance(verdict, Rejected)


SAID = [
    "Could you please share the contents of the plan? I need it to write this file.",
    "I will now write the README.md file for the project.",
    "I need more information to write this file.",
    "I'll create it next, once the other files are there.\n\nThen I will test it.",
    "Which database should it use?\n\n- SQLite\n- PostgreSQL",
]
ABOUT = [
    "The file `{path}` adds entries to the list and clears it. It exports two functions:\n\n- `add(title)`\n- `clear()`",
    "The file has:\n\n- `body`: the looks\n- `.list`: the list",
    "It contains the following parts:\n\n1. the imports\n2. the functions",
]
PROGRAMS = [
    "a.js", "main.go", "a.css", "a.py", "a.rs", "a.ts", "A.java", "a.sh", "a.c", "a.php", "a.sql", "a.rb", "a.vue",
    "Dockerfile", "Makefile", "a.html", "a.yaml", "a.json", "a.toml", "a.scss", ".env",
]  # fmt: skip


@pytest.mark.parametrize("path", ["README.md", "notes.txt", "LICENSE", "a.rst", "data.csv", *PROGRAMS])
def test_words_to_the_user_alone_are_no_file(path: str) -> None:
    written = [said for said in SAID if isinstance(read_code(said, path=path, finish_reason="stop"), Code)]
    assert written == []


@pytest.mark.parametrize("path", PROGRAMS)
def test_words_about_a_file_are_not_the_file(path: str) -> None:
    said = [words.format(path=path) for words in ABOUT]
    assert [words for words in said if isinstance(read_code(words, path=path, finish_reason="stop"), Code)] == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.md", "Just a paragraph without a heading.\n\nAnd a second one:\n\n- a\n- b\n"),
        ("a.txt", "He went home.\n\nThe rest of the story is short.\n"),
        ("a.css", "* {\n  margin: 0;\n}\n"),
        ("a.yaml", "- name: a\n- name: b\n"),
        ("Makefile", "output: main.o\n\tcc -o $@ $<\n"),
        ("a.csv", 'name,words\nAda,"Dear all,\n\nLet me know what you need."\n'),
    ],
    ids=["a note", "a story", "a universal selector", "a list", "a target", "a cell"],
)
def test_a_file_without_a_fence_that_begins_like_words_is_whole(path: str, content: str) -> None:
    assert read_code(content, path=path, finish_reason="stop") == Code(content, ("bare",))


FILES = {
    "a.js": JS, "Makefile": "all:\n\t@echo hi\n", "main.go": GO, "Dockerfile": 'FROM python:3\nCMD ["python"]\n',
    "a.c": "int main(void) {\n    return 0;\n}\n", "a.sql": SQL, "a.css": CSS, "a.html": HTML, "a.yaml": YAML, "a.sh": SH,
    "a.csv": "a,b\n1,2\n", ".env": "A=1\n", "a.toml": "a = 1\n", "a.json": JSON, "requirements.txt": "flask\nrequests\n",
    ".gitignore": "*.pyc\n", "a.php": "<?php\necho 1;\n", "a.vue": "<template>\n  <p>Hi</p>\n</template>\n",
    "a.xml": "<a>\n  <b/>\n</a>\n",
}  # fmt: skip


@pytest.mark.parametrize("path", FILES)
def test_words_to_the_user_are_never_written_above_or_below_a_file(path: str) -> None:
    content = FILES[path]
    spoken = [
        f"{content}\nThis shows what to do so that others can use it.\n",
        f"{content}\nLet me know if you need anything else!\n",
        f"Here is the file:\n\n{content}",
    ]
    answers = [*spoken, *(f"```\n{text}```" for text in spoken)]
    verdicts = [read_code(answer, path=path, finish_reason="stop") for answer in answers]
    assert {verdict.content for verdict in verdicts if isinstance(verdict, Code)} <= {content}
    assert read_code(f"```\n{content}```", path=path, finish_reason="stop") == Code(content, ("as asked",))


@pytest.mark.parametrize(
    "lead",
    [
        "Then replace `double` with:",
        "Now change `double` to:",
        "And update `double` so that it takes text:",
        "Now add this method:",
        "Replace the body of `double` with this:",
        "Then insert this above `double`:",
        "Oh, and `double` should be:",
        "Finally, modify the last line:",
    ],
)
def test_a_second_block_that_changes_the_first_one_is_a_patch(lead: str) -> None:
    answer = f"```python\n{PY}```\n\n{lead}\n\n```python\ndef double(n):\n    return 2 * int(n)\n```"
    assert isinstance(read_code(answer, path="a.py", finish_reason="stop"), Rejected)


@pytest.mark.parametrize(
    "lead", ["Then add this line to `main.py`:", "Usage:", "Add this to your tests:", "To use it from another module:"]
)
def test_a_second_block_for_another_file_changes_nothing(lead: str) -> None:
    answer = f"```python\n{PY}```\n\n{lead}\n\n```python\nimport a\na.double(1)\n```"
    assert read_code(answer, path="a.py", finish_reason="stop") == Code(PY, ("block and talk",))


@pytest.mark.parametrize(
    "lead",
    ["First we need `utils.py`:", "Create `src/utils.py`:", "Let's begin with utils.py:", "In `utils.py`, add:",
     "Here is the code for `utils.py`:"],
)  # fmt: skip
def test_the_block_of_another_file_is_not_this_one(lead: str) -> None:
    answer = f"{lead}\n\n```python\n{PY}```"
    assert isinstance(read_code(answer, path="a.py", finish_reason="stop"), Rejected)
    both = f"{answer}\n\nAnd `a.py`:\n\n```python\nimport utils\n```"
    assert read_code(both, path="a.py", finish_reason="stop") == Code("import utils\n", ("block and talk",))


@pytest.mark.parametrize(
    "lead",
    ["Here is the script, which imports `utils.py`:", "Here is the code that reads `data.csv`:",
     "`utils.py` stays as it is. Here is `a.py`:", "This one works together with `utils.py`:"],
)  # fmt: skip
def test_a_file_that_the_block_uses_is_not_its_name(lead: str) -> None:
    verdict = read_code(f"{lead}\n\n```python\n{PY}```", path="a.py", finish_reason="stop")
    assert verdict == Code(PY, ("block and talk",))


@pytest.mark.parametrize(
    "line",
    ["# <... existing code ...>", "# [... existing code ...]", "# (... rest of the code ...)", "# [rest of code]",
     "# <rest of the file>", "# --- rest of the code unchanged ---", "# {... remaining functions ...}",
     "<... existing code ...>"],
)  # fmt: skip
def test_words_about_code_that_was_left_out_may_be_in_any_brackets(line: str) -> None:
    verdict = read_code(f"```python\nimport os\n\n{line}\n\nprint(os)\n```", path="a.py", finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "placeholder"


def test_three_dots_in_brackets_may_be_code() -> None:
    content = "const a = [\n  ...rest\n];\nconst b = [...rest];\nf(\n  [...existing]\n);\n"
    assert read_code(f"```js\n{content}```", path="a.js", finish_reason="stop") == Code(content, ("as asked",))


@pytest.mark.parametrize(
    "info",
    ["python a.py {1,3}", "python {1,3} a.py", "python a.py [1-3]", "python a.py showLineNumbers", "a.py {1,3}",
     "python a.py linenums=1", "python:a.py {1-4}"],
)  # fmt: skip
def test_an_info_string_may_say_how_the_block_is_shown(info: str) -> None:
    assert read_code(f"```{info}\n{PY}```", path="a.py", finish_reason="stop") == Code(PY, ("as asked",))


@pytest.mark.parametrize("behind", ["", "\n\nIt doubles a number."])
@pytest.mark.parametrize("words", ["Here is the file:", "Sure!\n\nHere is the file:", "I will write the file now."])
def test_an_opening_that_the_model_did_not_go_on_with_is_no_fence(words: str, behind: str) -> None:
    verdict = read_code(f"```python\n{words}\n\n```python\n{PY}```{behind}", path="a.py", finish_reason="stop")
    assert isinstance(verdict, Code)
    assert verdict.content == PY


def test_a_shell_command_is_no_list_of_requirements() -> None:
    verdict = read_code("```bash\npip install flask\n```", path="requirements.txt", finish_reason="stop")
    assert isinstance(verdict, Rejected)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("prompt.txt", "[PYTHON]\nprint(1)\n[/PYTHON]\n"),
        ("prompt.txt", "[INST] Say hi. [/INST]\n"),
        ("a.yaml", "path: a.yaml\ncontent: |\n  x\n"),
        ("a.md", "Output:\n\nIt prints 1.\n\n</file>\n"),
        ("a.txt", "User: thanks\nAssistant: You are welcome!\n"),
    ],
)
def test_nothing_in_the_longer_fence_of_a_text_is_around_it(path: str, content: str) -> None:
    assert read_code(f"````\n{content}````", path=path, finish_reason="stop") == Code(content, ("as asked",))


@pytest.mark.parametrize("path", [*FILES, "LICENSE", "a.ini", "a.md"])
@pytest.mark.parametrize(
    ("before", "behind"),
    [("Output:\n", ""), ("Solution:\n", ""), ("File content:\n\n", ""), ("### Output\n", ""), ("css CopyEdit\n", ""),
     ("` ` `csv\n", "` ` `\n"), ("BEGIN FILE\n", "END FILE\n"), ("<reponame>a/b<filename>c\n", ""), ("Answer:\n\n", ""), ("### Response:\n", ""), ("Assistant: ", ""), ("text\nCopy code\n", ""),
     ("Copy code\n", ""), ("｀｀｀\n", "｀｀｀\n"), ("‘‘‘csv\n", "’’’\n"),
     ("[code]\n", "[/code]\n"), ("{% highlight x %}\n", "{% endhighlight %}\n"), ("<pre>\n", "</pre>\n"), ("EOF\n", "EOF\n"),
     ("'''\n", "'''\n"), ("'''python\n", "'''\n"), ('"""python\n', '"""\n'), ("`", "`"), ("#+BEGIN_SRC\n", "#+END_SRC\n"), ("&lt;think&gt;\nWell.\n&lt;/think&gt;\n", ""),
     ("Thinking...\n\nWell.\n...done thinking.\n\n", ""), ("", "\n</file>\n"), ("", "\n(End of file)\n"),
     ("", "\nUser: thanks\nAssistant: You're welcome!\n"), ("=== BEGIN x ===\n", "=== END x ===\n")],
)  # fmt: skip
def test_what_is_around_a_bare_file_is_never_written(path: str, before: str, behind: str) -> None:
    content = {**FILES, "LICENSE": "MIT License\n", "a.ini": "[a]\nb = 1\n", "a.md": "# T\n\nText.\n"}[path]
    text = content[:-1] if before == "`" else content
    verdict = read_code(f"{before}{text}{behind}", path=path, finish_reason="stop")
    is_own = path == "a.yaml" and behind.startswith("\nUser:")
    is_own = is_own or (path in {"a.html", "a.xml", "a.vue", "a.php", "LICENSE", "a.md"} and before[:1] in set("[{<E"))
    assert isinstance(verdict, Rejected) or verdict.content == content or is_own


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.pem", "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"),
        ("a.yaml", "model: gpt\nsize: 1\n"), ("a.yaml", "output:\n  - a\n"), ("a.yaml", "result:\n\n  a: 1\n"), ("a.yaml", "# Output:\na: 1\n"),
        ("a.py", "'''\nWords.\n'''\n\nx = 1\n"), ("a.py", "# Result:\nx = 1\n"), ("a.js", "// a\nlet a = `b`;\n"),
        ("a.sql", "SELECT 1;\n-- end of file\n"), ("a.json", '{"a": "User: me"}\n'), ("a.html", "<file>\n</file>\n"),
    ],
)  # fmt: skip
def test_what_looks_like_a_frame_may_be_the_files(path: str, content: str) -> None:
    assert read_code(content, path=path, finish_reason="stop") == Code(content, ("bare",))


@pytest.mark.parametrize("answer", ["csv\na,b\n1,2\n", "```\ncsv\na,b\n1,2\n```", "---\na,b\n1,2\n---\n"])
def test_what_is_around_the_rows_of_a_table_is_never_written(answer: str) -> None:
    found = read_code(answer, path="a.csv", finish_reason="stop")
    assert isinstance(found, Rejected) or found.content == "a,b\n1,2\n"


@pytest.mark.parametrize("tag", ["scratchpad", "plan", "inner_monologue", "antThinking"])
def test_an_element_of_no_page_in_front_of_a_text_is_no_part_of_it(tag: str) -> None:
    answer = f"<{tag}>\nIt needs a title.\n</{tag}>\n\n# T\n\nText.\n"
    assert isinstance(read_code(answer, path="README.md", finish_reason="stop"), Rejected)
    page = "<div>\n<p>Hi</p>\n</div>\n\n# T\n\nText.\n"
    assert read_code(page, path="README.md", finish_reason="stop") == Code(page, ("bare",))


@pytest.mark.parametrize(
    ("path", "label", "content"),
    [("a.go", "", SH), ("Makefile", "bash", SH), ("a.sql", "", "FROM python:3\nRUN pip install x\n"),
     ("LICENSE", "python", PY), ("README.md", "python", PY), (".gitignore", "python", PY), ("a.csv", "json", JSON),
     ("notes.txt", "python", 'with open("notes.txt", "w") as f:\n    f.write("x")\n'), ("a.zig", "zig", "var a = 1;<|im_end|>\n")],
)  # fmt: skip
def test_a_block_that_says_itself_that_it_is_another_file(path: str, label: str, content: str) -> None:
    assert isinstance(read_code(f"```{label}\n{content}```", path=path, finish_reason="stop"), Rejected)


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("app.js", "1. Imports and setup\n\n```js\nconst x = 1;\n```", "2. Event handlers\n\n```js\nf(x);\n```"),
        ("data.csv", "The first rows:\n\n```csv\nid,name\n1,a\n```", "More rows:\n\n```csv\n2,b\n```"),
        ("a.yaml", "Server settings:\n\n```yaml\na: 1\nc: 3\n```", "Database settings:\n\n```yaml\nb: 2\n```"),
        ("a.ini", "```ini\n[a]\nb = 1\n```", "```ini\n[c]\nd = 1\n```"),
        ("a.csv", "```csv\na,b\n1,2\n```", "```csv\n3,4\n```"),
        ("a.md", "```markdown\n# T\n\nText.\n```", "```markdown\n# U\n\nMore.\n```"),
        ("a.py", "**a.py** (1/2)\n\n```python\nx = 1\n```", "**a.py** (2/2)\n\n```python\ny = 2\n```"),
        ("a.py", "### a.py\n\n```python\nx = 1\n```", "### a.py\n\n```python\ny = 2\n```"),
        ("a.js", "Option A:\n\n```js\nlet a;\n```", "Option B:\n\n```js\nlet b;\n```"),
    ],
)
def test_parts_of_a_file_in_several_blocks_are_asked_for_as_one(path: str, first: str, second: str) -> None:
    assert isinstance(read_code(f"{first}\n\n{second}", path=path, finish_reason="stop"), Rejected)


@pytest.mark.parametrize(
    ("path", "info", "first"),
    [
        pytest.param("a.js", "const a = 1;", "const a = 1;", id="statement"),
        pytest.param("a.yaml", "a: 1", "a: 1", id="entry"),
        pytest.param("a.yaml", "yaml a: 1", "a: 1", id="entry behind the language"),
        pytest.param("a.txt", "Hello.", "Hello.", id="sentence"),
        pytest.param("a.txt", "Hello", "Hello", id="word"),
        pytest.param("Makefile", "makefile all:", "all:", id="target behind the language"),
        pytest.param("Makefile", "all:", "all:", id="target"),
        pytest.param("run.sh", "#!/bin/sh", "#!/bin/sh", id="interpreter"),
        pytest.param("run.sh", "bash X=1", "X=1", id="variable"),
        pytest.param("a.csv", "name,age", "name,age", id="columns"),
        pytest.param("a.csv", "csv 1,2", "1,2", id="numbers"),
        pytest.param("a.ini", "[a]", "[a]", id="section"),
        pytest.param("requirements.txt", "flask", "flask", id="requirement"),
        pytest.param("a.yaml", "yaml ---", "---", id="document"),
    ],
)
def test_the_first_line_of_a_file_behind_the_marks_of_its_fence_is_never_lost(path: str, info: str, first: str) -> None:
    found = read_code(f"```{info}\nb: 2\n```", path=path, finish_reason="stop")
    assert isinstance(found, Rejected)
    assert found.kept in {None, f"{first}\nb: 2\n"}


@pytest.mark.parametrize(
    ("path", "info"),
    [
        ("a.py", "python"), ("a.py", "Python 3.12"), ("a.py", "python title='a.py' linenums=\"1\""), ("a.py", "python {1-3}"), ("a.py", "python,ignore"),
        ("a.py", "python showLineNumbers"), ("a.py", "{.python #first}"), ("src/a.py", "python:app/src/a.py"), ("a.py", "python (a.py)"),
        ("nginx.conf", "nginx"), (".gitignore", "gitignore"), ("LICENSE", "LICENSE"), ("requirements.txt", "requirements"),
        (".htaccess", "apache"), ("notes.txt", "plaintext"),
    ],
)  # fmt: skip
def test_a_language_a_path_or_attributes_behind_the_marks_are_no_line_of_the_file(path: str, info: str) -> None:
    assert read_code(f"```{info}\nb = 2\n```", path=path, finish_reason="stop") == Code("b = 2\n", ("as asked",))


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        pytest.param("a.csv", "````csv\na,b\n1,2\n```\n````", id="csv"),
        pytest.param(".gitignore", "````\ndist/\n```\n````", id="entries"),
        pytest.param("a.md", "```markdown\n# T\n\nText.<|im_end|>\n```", id="token in Markdown"),
        pytest.param("a.txt", "```text\nHello.\n\nWorld.<|im_end|>\n```", id="token in a text"),
        pytest.param("a.md", "~~~markdown\n# T\n\n```sh\nmake\n```\n\nText.\n```\n~~~", id="lone fence in Markdown"),
    ],
)
def test_a_mark_that_is_left_at_the_end_of_a_text_is_asked_about(path: str, answer: str) -> None:
    assert isinstance(read_code(answer, path=path, finish_reason="stop"), Rejected)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.md", "# T\n\n```sh\nmake\n```\n"),
        ("a.md", "```sh\nmake\n```\n\nText.\n\n~~~\nx\n~~~\n"),
        ("chat.jinja", "<|im_start|>user\n{{ text }}<|im_end|>\n"),
    ],
)
def test_marks_of_a_text_itself_at_its_ends_stay(path: str, content: str) -> None:
    mark = "~~~" if "~" not in content else "````"
    assert read_code(f"{mark}\n{content}{mark}", path=path, finish_reason="stop") == Code(content, ("as asked",))


@pytest.mark.parametrize("inner", ["```csv\na,b\n1,2\n```", "~~~\na,b\n1,2\n~~~"])
def test_a_block_in_a_block_around_data_is_the_file(inner: str) -> None:
    found = read_code(f"```\n{inner}\n```", path="a.csv", finish_reason="stop")
    assert found == Code("a,b\n1,2\n", ("as asked", "double fence"))


LUA = "local M = {}\nM.help = [[\n```\nfines 8\n```\n]]\nreturn M\n"


@pytest.mark.parametrize("behind", ["", "\n\nThat is how it is called."])
def test_two_fences_between_brackets_of_the_file_are_its_own(behind: str) -> None:
    for label, path in (("lua", "help.lua"), ("nix", "help.nix")):
        found = read_code(f"```{label}\n{LUA}```{behind}", path=path, finish_reason="stop")
        assert isinstance(found, Code)
        assert found.content == LUA


@pytest.mark.parametrize(
    "answer", [f"```nix\n{LUA}```\n\nRun it:\n\n```\nnix a.nix\n```", "```nix\nf {\n```\na\n```\n"]
)
def test_fences_that_may_be_around_or_in_a_file_are_asked_about(answer: str) -> None:
    assert isinstance(read_code(answer, path="help.nix", finish_reason="stop"), Rejected)


def test_a_title_in_a_short_fence_is_the_texts_own() -> None:
    content = "README.cookies\n\nHow cookies are kept:\n"
    assert read_code(f"```\n{content}```", path="README.cookies", finish_reason="stop") == Code(content, ("as asked",))


@pytest.mark.parametrize("label", ["Save this as `{}`.", "({})", "Put this in {}.", "↑ {}", "That was `{}`.", "**{}**"])
@pytest.mark.parametrize("more", ["", "\n\n```js\nlet a;\n```\n\nThat is all."])
def test_a_name_right_below_a_block_is_its_own(label: str, more: str) -> None:
    answer = f"```js\nexport const u = 1;\n```\n{label.format('u.js')}{more}"
    found = read_code(answer, path="a.js", finish_reason="stop")
    assert found.content == "let a;\n" if isinstance(found, Code) else found.reason == "wrong_format"


@pytest.mark.parametrize(
    "below",
    [
        "It uses `b.js`.",
        "Save this as `a.js`.",
        "Run it with `node a.js`.",
        "`b.js` calls it.",
        "Then open index.html.",
        "## b.js\n\nlet b;",
    ],
)
def test_another_file_below_a_block_may_be_no_name_of_it(below: str) -> None:
    answer = f"```js\nlet a;\n```\n\n{below}"
    found = read_code(answer, path="a.js", finish_reason="stop")
    assert found == Code("let a;\n", ("block and talk",))


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("src/a.js", "my-app/src/a.js"), ("a.js", "/home/me/app/a.js"), ("a.js", "./a.js"),
        ("web/src/a.js", "src/a.js"), ("web/src/a.js", "a.js"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "answer", ["**{}**\n\n```js\nlet a;\n```", "```js:{}\nlet a;\n```", '<file path="{}">\nlet a;\n</file>']
)
def test_a_root_in_front_of_a_path_is_no_other_file(path: str, label: str, answer: str) -> None:
    found = read_code(answer.format(label), path=path, finish_reason="stop")
    assert isinstance(found, Code)
    assert found.content == "let a;\n"


def test_a_drive_in_front_of_a_path_is_a_root() -> None:
    found = read_code('<file path="C:\\app\\a.js">\nlet a;\n</file>', path="a.js", finish_reason="stop")
    assert found == Code("let a;\n", ("bare", "tags"))


@pytest.mark.parametrize(
    ("path", "label", "kept"),
    [
        ("a.js", "admin/a.js", "let a;\n"),
        ("src/a.js", "tests/a.js", None),
        (".env.example", ".env", None),
        ("a.js", "b.js", None),
    ],
)
@pytest.mark.parametrize("answer", ["**{}**\n\n```js\nlet a;\n```", "```js:{}\nlet a;\n```"])
def test_a_file_of_the_same_name_in_a_folder_is_asked_about(
    path: str, label: str, kept: str | None, answer: str
) -> None:
    found = read_code(answer.format(label), path=path, finish_reason="stop")
    assert isinstance(found, Rejected)
    assert found.kept == kept


@pytest.mark.parametrize(
    "lead", ["Also include the following in `a.js`:", "And `a.js` needs this:", "More for `a.js`:"]
)
def test_a_block_that_names_the_file_below_one_that_may_be_it_is_asked_about(lead: str) -> None:
    answer = f"```js\nlet a;\n```\n\n{lead}\n\n```js\nlet b;\n```"
    assert isinstance(read_code(answer, path="a.js", finish_reason="stop"), Rejected)


def test_the_block_that_a_lead_names_is_the_file_below_commands() -> None:
    answer = "First:\n\n```bash\nchmod +x setup.sh\n```\n\nHere is `setup.sh`:\n\n```bash\n#!/bin/sh\nls\n```"
    assert read_code(answer, path="setup.sh", finish_reason="stop") == Code("#!/bin/sh\nls\n", ("block and talk",))


@pytest.mark.parametrize(("word", "path"), [("console", "run.sh"), ("bash", "run.sh"), ("output", "a.txt")])
def test_what_a_console_shows_is_no_file(word: str, path: str) -> None:
    answer = f"```{word}\n$ sh run.sh\nhello\n```"
    assert isinstance(read_code(answer, path=path, finish_reason="stop"), Rejected)


def test_the_block_of_a_file_of_the_same_name_in_another_folder_comes_second() -> None:
    answer = "`docs/README.md`:\n\n```\n# Other\n```\n\n`README.md`:\n\n```\n# Mine\n```"
    assert read_code(answer, path="README.md", finish_reason="stop") == Code("# Mine\n", ("block and talk",))


@pytest.mark.parametrize(
    ("path", "word", "content"),
    [
        pytest.param("a.py", "python", PY, id="python"),
        pytest.param("a.js", "javascript", "const a = 1;\n", id="javascript"),
        pytest.param("a.css", "css", "body {\n  margin: 0;\n}\n", id="css"),
    ],
)
def test_the_language_said_again_below_its_fence_is_no_line_of_the_file(path: str, word: str, content: str) -> None:
    verdict = read_code(f"```{word}\n{word}\n{content}```", path=path, finish_reason="stop")
    assert isinstance(verdict, Code)
    assert verdict.content == content


@pytest.mark.parametrize(("path", "word"), [("Makefile", "makefile"), ("a.c", "c"), ("a.sql", "sql")])
def test_where_nothing_tells_whether_a_word_is_the_language_it_is_asked_for_again(path: str, word: str) -> None:
    verdict = read_code(f"```{word}\n{word}\nall: a.o\n\tcc a.o\n```", path=path, finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "wrong_format"


FOUR = "````markdown\n# Fences\n\nFour:\n\n````\n```js\nlet a;\n```\n````\n\nThen more.\n\n````\nx\n````\n\nEnd.\n````"


def test_the_fences_of_a_text_that_was_cut_off_do_not_end_it() -> None:
    for place in range(len("````markdown\n#"), len(FOUR)):
        verdict = read_code(FOUR[:place], path="README.md", finish_reason="length")
        assert isinstance(verdict, Rejected), FOUR[:place]
        assert verdict.reason in {"truncated", "empty"}


@pytest.mark.parametrize(
    ("path", "answer", "kept"),
    [
        pytest.param("a.css", "```css\na {\n  b: 0;\n}\n\n", "a {\n  b: 0;\n}\n", id="an empty line, no fence"),
        pytest.param("a.c", "```c\nint main(void) {\n  go();\n```", "int main(void) {\n  go();\n", id="within braces"),
        pytest.param("README.md", "# T\n\nRun:\n\n```sh\nmake\nmake inst", None, id="within a block of a bare text"),
    ],
)
def test_an_end_that_seems_to_be_none_is_asked_about(path: str, answer: str, kept: str | None) -> None:
    verdict = read_code(answer, path=path, finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert (verdict.reason, verdict.kept) == ("truncated", kept)


@pytest.mark.parametrize(
    ("path", "content"),
    [("a.py", "import sys\n\n\nprint(sys.argv)\n"), ("b.py", "import sys\n\n\ndef b(a):\n    return a\n"), ("a.go", 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println(1)\n}\n'),
     ("a.rs", "use std::fmt;\n\nfn main() {}\n"), ("a.ts", "import a from 'a';\n\nexport const b = a;\n"),
     ("a.toml", "[a]\nb = 1\n\n[c]\nd = 2\n")],
)  # fmt: skip
@pytest.mark.parametrize(
    "words", ["Copy code\n", "Here is the program\n", "Program that sums\n", "This sums\nwhat it is given.\n"]
)
def test_no_line_of_the_file_goes_with_the_words_right_above_it(path: str, content: str, words: str) -> None:
    verdict = read_code(words + content, path=path, finish_reason="stop")
    assert isinstance(verdict, Rejected) or verdict.content == content


@pytest.mark.parametrize(
    ("path", "content"), [("a.py", PY), ("a.sql", "SELECT 1;\n"), ("a.txt", "Fines are due.\n\nSoon.\n")]
)
@pytest.mark.parametrize(
    "words",
    ["I'll continue with the rest in the next message.", "Shall I continue with the remaining functions?", "(Part 1 of 2)",
     "*To be continued…*", 'This is only the first half; say "continue" for the rest.', "**Part 1/3**"],
)  # fmt: skip
def test_a_file_that_is_said_to_go_on_is_not_whole(path: str, content: str, words: str) -> None:
    fenced = read_code(f"```\n{content}```\n\n{words}", path=path, finish_reason="stop")
    bare = read_code(f"{content}\n{words}\n", path=path, finish_reason="stop")
    assert isinstance(fenced, Rejected)
    assert (fenced.reason, fenced.kept) == ("truncated", content)
    assert isinstance(bare, Rejected)


@pytest.mark.parametrize(
    "words",
    ["Here is only the changed function:", "Update the `total` function as follows:", "Change only this part:",
     "Insert the following after the imports:", "You only need to replace this line:", "Add this to your `a.py`:"],
)  # fmt: skip
def test_a_block_that_changes_a_file_is_no_file(words: str) -> None:
    assert isinstance(read_code(f"{words}\n\n```python\n{PY}```\n", path="a.py", finish_reason="stop"), Rejected)


@pytest.mark.parametrize(
    ("before", "behind"),
    [("Here's the updated file with the changed function:", ""), ("Here is the file:", "I will continue to help if needed."),
     ("Here is the file:", "You only need to change the path in line 3 to your own."), ("Add this file to your project:", ""),
     ("Here is the code for the first part of the game:", "Would you like me to continue with the tests?")],
)  # fmt: skip
def test_words_about_a_whole_file_leave_no_doubt(before: str, behind: str) -> None:
    assert read_code(f"{before}\n\n```python\n{PY}```\n\n{behind}", path="a.py", finish_reason="stop") == Code(
        PY, ("block and talk",)
    )


LEAKED = {
    "a.py": "x = 1\n# one\n",
    "a.csv": "a,b\n1,2\n",
    "a.txt": "Fines are due.\n\nSoon.\n",
    "a.sql": "SELECT 1;\n",
    "a.md": "# T\n\nText.\n",
    "a.js": "let a = 1;\n",
}


@pytest.mark.parametrize(("path", "content"), LEAKED.items())
@pytest.mark.parametrize(
    "token",
    ["</s>", "[/INST]", "<|return|>", "<eos>", "<EOT>", "<fim_middle>", "<|repo_name|>x", "<EOD>", "<unused32><eos>", "<|im_end|>\n<|endoftext|>"],
)  # fmt: skip
def test_a_token_at_an_end_is_never_written(path: str, content: str, token: str) -> None:
    forms = (
        f"{content}{token}\n",
        f"{token}\n{content}",
        f"```\n{content}{token}\n```",
        f"```\n{token}\n{content}```",
        f"```\n{content[:-1]}{token}\n```",
    )
    verdicts = [read_code(form, path=path, finish_reason="stop") for form in forms]
    assert [one for one in verdicts if isinstance(one, Code) and one.content != content] == []


@pytest.mark.parametrize(
    ("path", "content"),
    [("a.md", "# Tokens\n\n`<|im_start|>` begins, and a turn ends with\n<|im_end|>\n"), ("a.py", "x = 1\n# ends with </s>\n"),
     ("a.html", "<p><s>old</s>\n</p>\n<s>no</s>\n"), ("a.ts", "let a: Array<eos>;\nlet b = c[EOS]\n"), ("a.c", "int x;\n")],
)  # fmt: skip
def test_a_token_at_an_end_may_be_the_files(path: str, content: str) -> None:
    assert read_code(f"```\n{content}```\n", path=path, finish_reason="stop") == Code(content, ("as asked",))


@pytest.mark.parametrize(("path", "content"), LEAKED.items())
@pytest.mark.parametrize(
    "turn",
    ["<|im_end|>\n<|im_start|>user\nThanks! Now the CSV.\n", "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nThis is it.\n",
     "<|file_sep|>setup.py\nfrom x import y\n"],
)  # fmt: skip
def test_a_turn_that_is_made_up_behind_a_text_is_no_part_of_it(path: str, content: str, turn: str) -> None:
    verdict = read_code(content + turn, path=path, finish_reason="stop")
    assert isinstance(verdict, Rejected) or verdict.content == content


def test_turns_that_a_text_shows_are_its_own() -> None:
    content = "# Tokens\n\n<|im_start|>user\nHi\n<|im_end|>\n\nThat is a turn.\n"
    assert read_code(content, path="a.md", finish_reason="stop") == Code(content, ("bare",))


TEXTS = {
    "robots.txt": "User-agent: *\nDisallow: /admin/\n", "a.po": 'msgid "Fine"\nmsgstr "Buße"\n', "LICENSE": "MIT License\n\nCopyright (c) 2024\n",
    "crontab": "0 3 * * * /bin/backup\n*/5 * * * * /bin/poll\n", "a.srt": "1\n00:00:01,000 --> 00:00:03,000\nWelcome.\n",
    "a.tex": "\\documentclass{article}\n\\begin{document}\nFines.\n\\end{document}\n", "CNAME": "fines.example.com\n", "a.txt": "Hello, world!\n",
}  # fmt: skip


@pytest.mark.parametrize(("path", "content"), TEXTS.items())
@pytest.mark.parametrize(
    ("before", "behind"),
    [("Here is the text you wanted:\n\n", ""), ("Sure thing! Here you go.\n\n", ""), ("", "\nThis file has what you wrote about.\n"),
     ("", "\n(This is only a greeting, as requested.)\n"), ("", "\n---\n\nReplace the year. Let me know if you need more!\n"),
     ("", "\n---\nLet me know if you want it longer.\n")],
)  # fmt: skip
def test_words_to_the_user_at_an_end_of_a_text_are_asked_about(
    path: str, content: str, before: str, behind: str
) -> None:
    verdict = read_code(before + content + behind, path=path, finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.kept in {None, before + content + behind}


@pytest.mark.parametrize("path", ["robots.txt", "a.po", "crontab", "CNAME"])
@pytest.mark.parametrize(
    ("before", "behind"),
    [("Your file should contain:\n\n", ""), ("", "\nThe first line runs the backup every night.\n")],
)
def test_a_sentence_above_or_below_entries_is_asked_about(path: str, before: str, behind: str) -> None:
    assert isinstance(read_code(before + TEXTS[path] + behind, path=path, finish_reason="stop"), Rejected)


@pytest.mark.parametrize(
    ("path", "content"),
    [("a.txt", "He went home.\n\nThe rest of the story is short.\n"), ("a.md", "# T\n\n## Contact\n\nLet me know if you find a bug.\n"),
     ("LICENSE", "MIT License\n\nCopyright (c) 2024\n\nPermission is hereby granted, free of charge.\n"),
     ("a.md", "# Lists\n\nThe way to write one:\n\n- [a](b)\n\nThat is all there is.\n"), ("a.rst", "To start it:\n\n    aws start --all\n"),
     ("prompts/qa.txt", "Here is the document:\n\n$text\n\nAnswer the question about the document.\n")],
)  # fmt: skip
def test_words_at_an_end_of_a_text_may_be_its_own(path: str, content: str) -> None:
    assert read_code(content, path=path, finish_reason="stop") == Code(content, ("bare",))


@pytest.mark.parametrize(
    ("path", "content"),
    [("a.txt", "> Fines.\n>\n> Soon.\n"), ("a.txt", "`PORT`\n`KEY`\n"), (".python-version", "**3.12**\n"), ("a.txt", "One.<br>\nTwo.<br>\n"),
     (".gitignore", "- a/\n- b/\n"), ("requirements.txt", "1. flask\n2. gunicorn\n"), (".gitignore", "+a/\n+b/\n"), ("a.csv", "1: a,b\n2: 1,2\n"),
     ("a.txt", '"Fines.\\n\\nSoon.\\n"\n'), ("a.tex", "\\\\documentclass{article}\n\\\\begin{document}\n\\\\end{document}\n")],
)  # fmt: skip
def test_marks_on_every_line_are_asked_about(path: str, content: str) -> None:
    assert isinstance(read_code(content, path=path, finish_reason="stop"), Rejected)
    assert isinstance(read_code(f"```\n{content}```\n", path=path, finish_reason="stop"), Rejected) or path == "a.tex"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.txt", "Fines \ufffd due.\n"),
        ("a.py", 'x = "\ufffdb"\n'),
        ("a.csv", "a,b\n1,\ufffd\n"),
        ("a.yaml", "a:\n\xa0\xa0b: 1\n"),
    ],
)
def test_characters_that_were_lost_are_asked_about(path: str, content: str) -> None:
    verdict = read_code(content, path=path, finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.kept == content


@pytest.mark.parametrize(
    ("path", "content"),
    [("a.py", 'x = "\ufffd"\n'), ("CODEOWNERS", "* @ada\n"), ("requirements.txt", "-e .\n-r base.txt\n"), ("a.md", "> A quotation.\n\n> Another.\n"),
     ("a.txt", "- milk\n- bread\n"), ("a.html", "<p>\n\xa0x\n</p>\n")],
)  # fmt: skip
def test_marks_and_characters_may_be_the_files(path: str, content: str) -> None:
    assert read_code(f"```\n{content}```\n", path=path, finish_reason="stop") == Code(content, ("as asked",))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.txt", "!" * 80),
        ("a.txt", "G" * 400),
        ("a.md", "@" * 60),
        (".gitignore", "*.pyc\n" + "*.log\n*.tmp\n" * 200),
        ("requirements.txt", "flask\n" * 200),
    ],
)
def test_what_is_said_without_end_is_degenerate(path: str, content: str) -> None:
    verdict = read_code(content, path=path, finish_reason="stop")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "degenerate"


def test_rows_of_data_and_rulers_are_no_loop() -> None:
    for content in ("#" * 200 + "\n", "0,0,0,0\n" * 400, "=" * 80 + "\n"):
        assert read_code(content, path="level.txt", finish_reason="stop") == Code(content, ("bare",))


def test_a_label_among_the_first_lines_of_a_text_is_no_part_of_it() -> None:
    answer = "**notes**\n\nFilename: fine.txt\nContent:\nWelcome.\n"
    assert isinstance(read_code(answer, path="fine.txt", finish_reason="stop"), Rejected)


def test_the_last_tag_of_settings_is_no_talk() -> None:
    content = "<?xml version='1.0'?>\n<fontconfig>\n\n<dir>x</dir>\n\n</fontconfig>\n"
    assert read_code(content, path="fonts.conf", finish_reason="stop") == Code(content, ("bare",))


def test_a_tool_call_in_a_block_of_a_block_is_no_file() -> None:
    answer = "```\n```tool_code\nopen('a.css', 'w').write('''b {\n  c: 0;\n}\n''')\n```\n```"
    assert isinstance(read_code(answer, path="a.css", finish_reason="stop"), Rejected)


@pytest.mark.parametrize("path", ["robots.txt", "a.css", "a.csv", "a.ini", "a.md"])
def test_a_thought_that_is_empty_is_asked_about(path: str) -> None:
    content = {
        "robots.txt": "User-agent: *\n",
        "a.css": "a {\n  b: c;\n}\n",
        "a.csv": "a,b\n1,2\n",
        "a.ini": "[a]\nb = 1\n",
        "a.md": "# T\n",
    }[path]
    verdict = read_code(f"````\n<think>\n\n</think>\n\n{content}````\n", path=path, finish_reason="stop")
    assert (verdict.kept if isinstance(verdict, Rejected) else verdict.content) == content


def test_words_to_the_user_below_a_lenient_program_are_asked_about() -> None:
    answer = "```ruby\nputs 1\n\nLet me know if you need anything else!\n```"
    assert isinstance(read_code(answer, path="a.rb", finish_reason="stop"), Rejected)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("NOTICE", "Copyright Ada, Inc. All Rights Reserved.\n"),
        ("README.md", "# T\n\n## License\n\nSee the file LICENSE for more details.\n"),
    ],
)
def test_a_sentence_about_rights_or_another_file_is_the_files(path: str, content: str) -> None:
    bare, fenced = (read_code(answer, path=path, finish_reason="stop") for answer in (content, f"```\n{content}```\n"))
    assert (bare, fenced) == (Code(content, ("bare",)), Code(content, ("as asked",)))

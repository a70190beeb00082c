"""A well-formed file of any type comes through as it is: raw, fenced, and with words around it."""

import re

import pytest

from smol_dev.replies.code import read_code
from smol_dev.replies.verdicts import Code

README = """# Notes

Here's the README for people who read code first.

## Install

```bash
pip install notes
```

```
notes add "milk"
```

Let me be clear: `notes` never leaves your machine.

---

1. First
2. Second
"""
FRONT_MATTER = """---
title: Small models
date: 2024-05-01
---

# Small models

Text.
"""
FILES = {
    "README.md": README,
    "docs/post.md": FRONT_MATTER,
    "docs/fences.md": "# Fences\n\n~~~python\nprint(1)\n~~~\n\n````text\n```\n````\n",
    "docs/index.rst": "Notes\n=====\n\nInstall\n-------\n\n.. code-block:: shell\n\n   pip install notes\n",
    "docs/usage.rst": "Usage\n=====\n\nOptions\n~~~~~~~\n\nNone, so far.\n",
    "src/nested.js": "const a = (b, ...rest) => `${b ? `${b}-` : ''}`;\n\nexport default {\n  a,\n  ...rest,\n};\n",
    "include/guard.h": "#ifndef GUARD_H\n#define GUARD_H\n\nint f(void);\n\n#endif /* GUARD_H */\n",
    "jump.c": 'int main(void) {\n  goto usage;\n\nusage:\n  puts("usage: x");\n  return 1;\n}\n',
    "copied.sh": "# Copied from src/other.sh\nset -e\n",
    "AUTHORS": "AUTHORS\n\nAda <ada@example.com>\n",
    "LICENSE": "MIT License\n\nCopyright (c) 2024 Ada\n\nPermission is hereby granted, free of charge, "
    "to any person obtaining a copy\nof this software, to deal in the Software without restriction.\n\nTHE SOFTWARE "
    'IS PROVIDED "AS IS".\n',
    "requirements.txt": "flask==3.0.0\nrequests>=2.31\n-r base.txt\n",
    "requirements-dev.txt": "pytest\n",
    ".gitignore": "node_modules\n.env\ndist/\n",
    ".dockerignore": ".git\nsecrets.toml\n",
    ".env.example": "# copy to .env\nPORT=8000\nSECRET_KEY=change me\n",
    "Makefile": ".PHONY: run test\n\nrun:\n\tpython -m notes\n\ntest:\n\tpytest -q\n",
    "Dockerfile": "FROM node:20-alpine AS build\nWORKDIR /app\nCOPY . .\nRUN npm ci && npm run build\n",
    "docker-compose.yml": "services:\n  web:\n    build: .\n    command: >\n      python -m web\n",
    ".github/workflows/ci.yml": "name: CI\non: [push]\njobs:\n  test:\n    runs-on: ubuntu-latest\n"
    "    steps:\n      - uses: actions/checkout@v4\n      - run: |\n          echo ${{ github.sha }}\n",
    "k8s/all.yaml": "---\nkind: Service\nmetadata:\n  name: web\n---\nkind: Deployment\nmetadata:\n  name: web\n",
    "config.yaml": "- name: first\n  run: true\n- name: second\n  run: false\n",
    "data/people.csv": 'name,note\nAda,"likes ""quotes"", and commas"\nGrace,\n',
    "data/people.tsv": "name\tage\nAda\t36\n",
    "data/rows.json": '[\n  {"path": "a.py", "content": "x"},\n  {"path": "b.py", "content": "y"}\n]\n',
    "data/snippet.json": '{\n  "code": "print(1)\\n",\n  "language": "python"\n}\n',
    "data/one.json": '"just a string"\n',
    "messages.json": '{"refusal": "I\'m sorry, but I can\'t help with that.", "think": "<think>no</think>"}\n',
    "tsconfig.json": '{\n  // emit nothing\n  "compilerOptions": { "noEmit": true }\n}\n',
    "data/lines.jsonl": '{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n',
    "pyproject.toml": '[project]\nname = "notes"\ndescription = """\nA [small] tool.\n"""\n',
    "setup.cfg": "[metadata]\nname = notes\n\n[options]\npackages = find:\n",
    "nginx.conf": "server {\n  listen 80;\n  location / {\n    proxy_pass http://app:8000;\n  }\n}\n",
    "src/fix.patch": "--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,2 @@\n import os\n-x = 1\n+x = 2\n",
    "src/new.diff": "diff --git a/x.py b/x.py\nnew file mode 100644\n--- /dev/null\n+++ b/x.py\n@@ -0,0 +1 @@\n+x = 1\n",
    "index.html": "<!DOCTYPE html>\n<html>\n<body>\n<pre>&lt;b&gt; &amp; friends</pre>\n"
    "<script>\nconst s = '</s>';\n</script>\n</body>\n</html>\n",
    "partials/card.html": '<div class="card">\n  <h2>{{ title }}</h2>\n</div>\n',
    "feed.xml": '<?xml version="1.0"?>\n<file><content><![CDATA[a < b]]></content></file>\n',
    "icon.svg": '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>\n',
    "pom.xml": "<project>\n  <name>notes</name>\n  <artifactId>notes</artifactId>\n</project>\n",
    "App.vue": "<template>\n  <p>{{ text }}</p>\n</template>\n\n<script setup>\nconst text = 'a'\n</script>\n\n"
    "<style scoped>\np { color: red }\n</style>\n",
    "Counter.svelte": "<script>\n  let n = 0;\n</script>\n\n<button on:click={() => n++}>{n}</button>\n",
    "templates/base.html.j2": "{% extends 'x' %}\n{# comment #}\n{% block body %}\n{{ body|safe }}\n{% endblock %}\n",
    "chat.jinja": "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\n"
    "<|im_start|>assistant\n",
    "schema.sql": "-- users\nCREATE TABLE users (\n  id INTEGER PRIMARY KEY,\n  name TEXT DEFAULT 'it''s'\n);\n\n"
    "INSERT INTO users (name) VALUES ('Ada');\n",
    "install.sh": "#!/bin/sh\nset -e\ncat <<EOF > app.py\nprint(1)\nEOF\npip install flask\n",
    "run.sh": "pip install -r requirements.txt\npython app.py\n",
    "deploy.ps1": 'param([string]$Name)\nWrite-Host "Hello $Name"\n',
    "src/map.ts": "export function pick<T extends object, K extends keyof T>(value: T, key: K): T[K] {\n"
    "  return value[key];\n}\n\nexport type Pairs = Array<[string, number]>;\n",
    "src/page.tsx": "export const Page = () => (\n  <ul>\n    {items.map((i) => <li key={i}>{i}</li>)}\n  </ul>\n);\n",
    "src/query.js": "const q = `\n\\`\\`\\`sql\nselect 1\n\\`\\`\\`\n`;\n\nexport default q;\n",
    "src/regex.js": "const fence = /^`{3}[^\"']*/m;\nmodule.exports = { fence, rest: { ...fence } };\n",
    "include/vec.hpp": "#pragma once\n#include <vector>\n\ntemplate <typename T, int N = 3>\nstruct Vec {\n"
    "  std::vector<T> data;\n  char quote = '\\'';\n};\n",
    "main.rs": "fn first<'a>(text: &'a str) -> &'a str {\n    text.split(' ').next().unwrap_or(\"\")\n}\n",
    "main.go": "package main\n\nvar query = `select\n1`\n\nfunc main() {\n\tprintln(query)\n}\n",
    "Main.java": "public class Main {\n    /** Runs it. */\n    public static void main(String[] args) {}\n}\n",
    "app.rb": 'class Note\n  attr_reader :text\n\n  def to_s = "#{text}"\nend\n',
    "index.php": "<?php\necho 'hello';\n?>\n<p>It's <?= $name ?></p>\n",
    "lib/empty.py": '"""One line."""\n',
    "lib/constants.py": "VERSION = '1.0'\n",
    "lib/bot.py": "SYSTEM = '''\nSure! Here is the code:\n\n```python\nprint(1)\n```\n\nLet me know.\n'''\n",
    "lib/stub.py": "def todo(): ...  # TODO: add more rules here\n\n\ndef other():\n    ...\n",
    "lib/path.py": "# lib/path.py\nimport sys\n\nprint(sys.path)\n",
    "lib/tokens.py": 'END = "<|endoftext|>"\nTHINK = ("<think>", "</think>")\n# The model stops at </s>\nX = 1\n',
    "lib/numbers.txt": "1 one\n2 two\n3 three\n",
    "words.txt": "apple\nbanana\ncherry\n",
    "notes.txt": "Sure things:\n\n- taxes\n- small models\n",
    "prompt.txt": "You are a helpful assistant. Answer in one line.\n\n### Response:\n",
    "robots.txt": "User-agent: *\nDisallow: /admin\n",
    "style.css": "@import url('x.css');\n\na > b::after { content: \"…\"; }\n\n/* the rest is layout */\n",
    "theme.scss": "// theme.scss\n$accent: #0a7;\n\n.card {\n  &:hover { color: $accent; }\n}\n",
    "main.tf": 'resource "aws_s3_bucket" "b" {\n  bucket = "${var.name}-b"\n}\n',
    "api.proto": 'syntax = "proto3";\n\nmessage Note {\n  string text = 1;\n}\n',
    "query.graphql": "query Notes($first: Int!) {\n  notes(first: $first) { id text }\n}\n",
    "Main.hs": "module Main where\n\nmain :: IO ()\nmain = putStrLn \"it's\" -- don't\n",
    "mod.lua": "local M = {}\n\nfunction M.hello()\n  return [[it's]]\nend\n\nreturn M\n",
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.20)\nproject(notes)\nadd_executable(notes main.cpp)\n",
    "go.mod": "module example.com/notes\n\ngo 1.21\n",
    "Procfile": "web: gunicorn app:app\n",
    "levels/one.txt": "##########\n#...@....#\n##########\n",
    "keys.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDk ada@example.com\n",
    ".editorconfig": "root = true\n\n[*]\nindent_style = space\n",
    "CODEOWNERS": "* @ada\n/docs/ @grace\n",
    "paper.tex": "\\documentclass{article}\n\\begin{document}\nIt's 50\\% done.\n\\end{document}\n",
    "core.clj": '(ns core)\n\n(defn hello [name]\n  (str "hi " name \\newline))\n',
    "Cargo.toml": '[package]\nname = "notes"\nversion = "0.1.0"\n\n[dependencies]\nserde = { version = "1", features = ["derive"] }\n',
}
CASES = [pytest.param(path, content, id=path) for path, content in FILES.items()]


def fenced(content: str, *, mark: str = "`", language: str = "") -> str:
    """Return the content in a fence that is longer than any run of its mark inside."""
    longest = max((len(run) for run in re.findall(f"{mark}{{3,}}", content)), default=2)
    fence = mark * max(3, longest + 1)
    return f"{fence}{language}\n{content}{fence}\n"


def outcome(answer: str, path: str, finish_reason: str = "stop") -> str:
    """Return the file's text, or why there is none."""
    verdict = read_code(answer, path=path, finish_reason=finish_reason)
    return verdict.content if isinstance(verdict, Code) else verdict.reason


@pytest.mark.parametrize(("path", "content"), CASES)
def test_raw(path: str, content: str) -> None:
    assert outcome(content, path) == content


@pytest.mark.parametrize(("path", "content"), CASES)
def test_read_again(path: str, content: str) -> None:
    assert outcome(outcome(fenced(content), path), path) == content


@pytest.mark.parametrize(("path", "content"), CASES)
def test_fenced(path: str, content: str) -> None:
    assert outcome(fenced(content), path) == content


@pytest.mark.parametrize(("path", "content"), CASES)
def test_fenced_by_tildes_below_the_path(path: str, content: str) -> None:
    assert outcome(f"**{path}**\n\n{fenced(content, mark='~')}", path) == content


@pytest.mark.parametrize(("path", "content"), CASES)
def test_fenced_with_the_path_as_language(path: str, content: str) -> None:
    assert outcome(fenced(content, language=path), path) == content


@pytest.mark.parametrize(("path", "content"), CASES)
def test_fenced_between_words_to_the_user(path: str, content: str) -> None:
    answer = (
        f"Sure! Here is `{path}`:\n\n{fenced(content)}\nThis is all you need.\n\n"
        "- It is short.\n- It works.\n\nLet me know if you need anything else!"
    )
    assert outcome(answer, path) == content
    assert outcome(answer, path, "length") == content


@pytest.mark.parametrize(("path", "content"), CASES)
def test_behind_reasoning_with_line_ends_of_windows(path: str, content: str) -> None:
    answer = f"<think>\nThe user wants {path}.\n\n```\ndraft\n```\n</think>\n\n{fenced(content)}"
    assert outcome("\ufeff" + answer.replace("\n", "\r\n"), path) == content


@pytest.mark.parametrize(("path", "content"), CASES)
def test_raw_behind_reasoning_and_before_the_end_of_the_turn(path: str, content: str) -> None:
    if path != "chat.jinja":
        assert outcome(f"<think>\nEasy.\n</think>\n\n{content}<|im_end|>\n", path) == content

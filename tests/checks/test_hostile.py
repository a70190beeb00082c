"""Files that nobody wrote to be read: a check ends, soon, and says nothing untrue."""

import time

import pytest

from smol_dev.checks import check

DEEP = 20_000
LONG = 1024 * 1024 - 64

HOSTILE = {
    "nested Python": ("a.py", "(" * DEEP),
    "nested JavaScript": ("a.js", "[" * DEEP + "]" * DEEP),
    "nested HTML": ("a.html", "<div>" * DEEP),
    "nested JSON": ("package.json", "[" * DEEP),
    "a long line of tags": ("a.html", "<a " * (LONG // 3)),
    "a long attribute": ("a.html", "<a href='" + "x" * LONG),
    "many quotes": ("a.html", "<p onclick=" + "'\"" * (LONG // 4)),
    "a long string": ("a.js", "let a = '" + "x" * LONG + "';"),
    "many url(": ("a.css", "url(" * (LONG // 8)),
    "blanks": ("Makefile", "\t" + " " * LONG),
    "a long requirement": ("requirements.txt", "a" * LONG),
    "imports": ("a.py", "import a\n" * 20_000),
    "annotations in quotes": ("a.py", "x: 'a'\n" * 10_000),
    "calls on one line": ("a.js", "a();" * 50_000),
    "exports of itself": ("a.js", "export * from './a.js';\n" * 5_000),
    "names that are looked up": ("a.html", "<script>" + "document.getElementById('a');" * 5_000 + "</script>"),
    "scripts": ("a.html", "<script>a()</script>" * 5_000),
    "handlers": ("a.html", "<p onclick='a()'>" * 900 + "</p>" * 900),
    "comments of a template": ("a.html", "{{ x }}" + "{#" * 200_000),
    "links": ("a.html", "<a href='x.html'></a>" * 10_000),
    "addresses": ("a.css", "a { background: url(x.png) }\n" * 10_000),
    "half a surrogate": ("a.html", "<p id='\udc80'></p>"),
    "NUL": ("a.py", "\0"),
}


@pytest.mark.parametrize(("path", "text"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_read_in_bounded_time(path: str, text: str) -> None:
    begun = time.process_time()
    check({path: text})
    assert time.process_time() - begun < 20

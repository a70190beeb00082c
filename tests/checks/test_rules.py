"""Each rule: a true fault with its whole message, and near misses that are none."""

import pytest

from smol_dev.checks import RULES, check

PAGE = "<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"


def page(body: str, head: str = "") -> str:
    return PAGE.format(head=head, body=body)


FLASK = """from flask import Blueprint, Flask, url_for
shop = Blueprint("shop", __name__)
app = Flask(__name__)
app.add_url_rule("/", "home", print); shop.add_url_rule("/cart", "cart", print)
"""
DJANGO = {
    "site/settings.py": "INSTALLED_APPS = ['django.contrib.admin', 'blog']\nROOT_URLCONF = 'site.urls'\n",
    "site/urls.py": (
        "from django.urls import include, path\n"
        "urlpatterns = [path('', include('blog.urls')), path('s', include('shop.urls'))]\n"
    ),
    "blog/urls.py": (
        "from django.urls import path\nfrom blog import views\nurlpatterns = [path('', views.Timer, name='post')]\n"
    ),
    "blog/views.py": "class Timer: ...\n",
    "shop/urls.py": "from django.urls import path\napp_name = 'shop'\nurlpatterns = [path('', print, name='cart')]\n",
}

ALIASED = {
    "package.json": '{"name": "a"}',
    "tsconfig.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/*"]}}}',
    "src/lib/b.js": "export const b = 1;\n",
}
GO = {
    "go.mod": "module m\n",
    "main.go": 'package main\nimport "m/store"\nfunc main() { store.New() }\n',
    "store/store.go": "package store\nfunc New() { load() }\n",
    "store/load.go": "package store\nfunc load() {}\n",
}
RUST = {
    "Cargo.toml": '[package]\nname = "a"\nedition = "2021"\n[dependencies]\nanyhow = "1"\n',
    "src/main.rs": "mod store;\nuse crate::store::load; use anyhow::Result;\nfn main() { load() }\n",
    "src/store.rs": "pub fn load() {}\n",
}

FAULTS = {
    "syntax": ({"a.py": "def f(:\n"}, "a.py:1:7: invalid syntax"),
    "a name nothing defines": ({"a.py": "def load():\n    return laod()\n"}, "a.py:2:12: `laod` is not defined"),
    "a name a module lacks": (
        {"main.py": "from store import lod\n", "store.py": "def load(): ...\ndef save(): ...\n"},
        "main.py:1:19: `store` (store.py) does not define `lod`; it defines: `load`, `save`",
    ),
    "an attribute a module lacks": (
        {"main.py": "import store\nstore.lod()\n", "store.py": "def load(): ...\n"},
        "main.py:2:1: `store` (store.py) does not define `lod`; it defines: `load`",
    ),
    "a relative module that is not there": (
        {"p/__init__.py": "", "p/a.py": "from .stor import x\n", "p/store.py": "x = 1\n"},
        "p/a.py:1:1: there is no module `.stor`; there is: `store`, `a`",
    ),
    "a module that is not in its package": (
        {"main.py": "import p.stor\n", "p/__init__.py": "", "p/store.py": ""},
        "main.py:1:1: there is no module `p.stor`; `p` holds: `store`",
    ),
    "a package no manifest names": (
        {"a.py": "import yaml\n", "requirements.txt": "flask\n"},
        "a.py:1:1: `yaml` is imported, and no manifest names it (requirements.txt: add `pyyaml`)",
    ),
    "a template that is not there": (
        {
            "app.py": "from flask import render_template\nrender_template('indx.html')\n",
            "templates/index.html": "<p>x</p>",
        },
        "app.py:2:17: there is no template `indx.html`; there is: `index.html`",
    ),
    "a script that is not there": (
        {"index.html": page("<script src='js/ap.js'></script>"), "js/app.js": "let a = 1;\n"},
        "index.html:1:54: there is no file `js/ap.js`; there is: `js/app.js`",
    ),
    "a static file of Flask": (
        {"templates/a.html": "{{ url_for('static', filename='b.css') }}", "static/a.css": "a{}"},
        "templates/a.html:1:32: there is no file `b.css`; there is: `../static/a.css`",
    ),
    "an id that no element has": (
        {
            "index.html": page("<ul id='list'></ul><script src='a.js'></script>"),
            "a.js": "document.getElementById('lst').remove();\n",
        },
        "a.js:1:26: no element has the id `lst`; there is: `list`",
    ),
    "an id in a label": (
        {"index.html": page("<label for='nam'>N</label><input id='name'>")},
        "index.html:1:53: no element has the id `nam`, which `for` names; there is: `name`",
    ),
    "a function nothing defines": (
        {"index.html": page("<p onclick='ad()'>x</p><script>function add() {}</script>")},
        "index.html:1:53: no script of the page defines `ad`, which `onclick` calls; they define: `add`",
    ),
    "a function that a module keeps": (
        {
            "index.html": page("<p onclick='add()'>x</p><script type=module src=a.js></script>"),
            "a.js": "export function add() {}\n",
        },
        (
            "index.html:1:53: `add`, which `onclick` calls, is defined in a module, so the page cannot see"
            " it; `window.add = add` would show it"
        ),
    ),
    "an import of a file that is not there": (
        {"a.js": "import { b } from './c.js';\nb();\n", "b.js": "export const b = 1;\n"},
        "a.js:1:19: there is no file `./c.js`; there is: `./b.js`",
    ),
    "a name a script does not export": (
        {"a.ts": "import { c } from './b';\nc();\n", "b.ts": "export const b = 1;\n"},
        "a.ts:1:10: `b.ts` does not export `c`; it exports: `b`",
    ),
    "a name that CommonJS does not export": (
        {"a.js": "const { c } = require('./b');\n", "b.js": "module.exports = { b: 1 };\n"},
        "a.js:1:9: `b.js` does not export `c`; it exports: `b`",
    ),
    "a name that no script defines": (
        {"a.mjs": "import fs from 'fs';\nconst limit = 3;\nfs.read(limt);\n"},
        "a.mjs:3:9: `limt` is used, and not defined; there is: `limit`, `fs`",
    ),
    "a component that is not imported": (
        {"a.jsx": "import React from 'react';\nexport const a = <Lst class='x' />;\n"},
        "a.jsx:2:19: `Lst` is used, and not defined; there is: `React`, `a`",
    ),
    "an endpoint of Flask": (
        {"app.py": FLASK + "url_for('hme')\n"},
        "app.py:5:9: no route is called `hme`; there is: `home`, `shop.cart`",
    ),
    "an endpoint of Flask in a template": (
        {"app.py": FLASK, "templates/a.html": "<a href=\"{{ url_for('shop.crt') }}\">x</a>"},
        "templates/a.html:1:22: no route is called `shop.crt`; there is: `shop.cart`, `home`",
    ),
    "an address of Django in a template": (
        {**DJANGO, "blog/templates/a.html": "<a href=\"{% url 'pst' %}\">x</a>"},
        "blog/templates/a.html:1:18: no route is called `pst`; there is: `post`, `shop:cart`",
    ),
    "a class that Django's settings name": (
        {**DJANGO, "site/settings.py": DJANGO["site/settings.py"] + "M = ['blog.views.Timr']\n"},
        (
            "site/settings.py:3:6: `blog.views` (blog/views.py) does not hold `Timr`, which `blog.views.Timr` names;"
            " it holds: `Timer`"
        ),
    ),
    "addresses that Django includes": (
        {**DJANGO, "site/urls.py": DJANGO["site/urls.py"] + "include('blg.urls')\n"},
        "site/urls.py:3:9: there is no module `blg.urls`; there is: `blog`, `shop`, `site`",
    ),
    "a package that package.json does not name": (
        {"a.js": "import x from 'axios';\n", "package.json": '{"dependencies": {"react": "1"}}'},
        "a.js:1:15: `axios` is imported, and `package.json` does not name it",
    ),
    "a package of Go that is not there": (
        {**GO, "main.go": GO["main.go"].replace("store", "stor")},
        "main.go:2:8: there is no package `m/stor`; there is: `m/store`",
    ),
    "a name that a package of Go lacks": (
        {**GO, "main.go": GO["main.go"].replace("store.New", "store.Nev")},
        "main.go:3:21: the package `store` does not define `Nev`; there is: `New`",
    ),
    "a function of Go that nothing defines": (
        {**GO, "store/load.go": "package store\nfunc read() {}\n"},
        "store/store.go:2:14: `load` is called, and not defined; there is: `read`, `New`",
    ),
    "a module that Go's manifest does not name": (
        {**GO, "main.go": GO["main.go"].replace('import "m/store"', 'import ("m/store"; _ "x.org/y")')},
        "main.go:2:20: `x.org/y` is imported, and `go.mod` does not name it",
    ),
    "a package of Go's library that is not imported": (
        {**GO, "store/load.go": "package store\nfunc load() { fmt.Println() }\n"},
        "store/load.go:2:15: `fmt` is used, and neither defined nor imported",
    ),
    "a module of Rust that is not there": (
        {**RUST, "src/main.rs": "mod stor;\nfn main() {}\n"},
        "src/main.rs:1:5: there is no file `src/stor.rs` for the module `stor`",
    ),
    "a name that a module of Rust lacks": (
        {**RUST, "src/store.rs": "pub fn read() {}\n"},
        "src/main.rs:2:5: `crate::store` (src/store.rs) does not define `load`",
    ),
    "a crate that no manifest names": (
        {**RUST, "Cargo.toml": '[package]\nname = "a"\nedition = "2021"\n'},
        "src/main.rs:2:29: `anyhow` is used, and `Cargo.toml` does not name it",
    ),
    "a function that no script defines": (
        {"a.mjs": "import fs from 'fs';\nfunction load() {}\nlaod(fs);\n"},
        "a.mjs:3:1: `laod` is called, and not defined; there is: `load`, `fs`",
    ),
    "a function that no script of the page defines": (
        {
            "index.html": page("<script src='a.js'></script><script>show(load());</script>"),
            "a.js": "function load() {}\nfunction shaw() {}\n",
        },
        "index.html:1:77: `show` is called, and not defined; there is: `shaw`, `load`",
    ),
    "a module that can only be the project's own": (
        {"main.py": "import handlers\nimport store\n", "store.py": ""},
        "main.py:1:1: there is no module `handlers`; there is: `store`",
    ),
    "a name behind a letter of two bytes": ({"a.py": "print('é', nam)\n"}, "a.py:1:12: `nam` is not defined"),
    "a name in an annotation in quotes": (
        {"a.py": "def f(x: 'Nam') -> None: ...\n"},
        "a.py:1:10: `Nam` is not defined",
    ),
    "a page's module that imports what is not there": (
        {"index.html": page("<script type=module>import './a.js';</script>")},
        "index.html:1:68: there is no file `./a.js`",
    ),
    "a picture of a style sheet": ({"a.css": "a { background: url(x.png) }\n"}, "a.css:1:21: there is no file `x.png`"),
    "a script of package.json": (
        {"package.json": '{"scripts": {"start": "node srv.js"}}', "server.js": "let a = 1;\n"},
        "package.json:1:29: there is no file `srv.js`; there is: `server.js`, `package.json`",
    ),
    "what a Dockerfile runs in its folder": (
        {"Dockerfile": 'FROM x\nWORKDIR /app\nCMD ["python", "/app/ap.py"]\n', "app.py": ""},
        "Dockerfile:3:17: there is no file `/app/ap.py`; there is: `app.py`, `Dockerfile`",
    ),
    "a file by the name of its folder": (
        {**ALIASED, "src/a.js": "import { b } from '@/lib/c';\nb();\n"},
        "src/a.js:1:19: there is no file `@/lib/c`; there is: `./lib/b.js`",
    ),
    "a package beside a base folder": (
        {**ALIASED, "src/a.js": "import b from 'axios';\nb();\n"},
        "src/a.js:1:15: `axios` is imported, and `package.json` does not name it",
    ),
    "what a Dockerfile copies": (
        {"Dockerfile": "FROM x\nCOPY ap.py .\n", "app.py": ""},
        "Dockerfile:2:6: there is no file `ap.py`; there is: `app.py`, `Dockerfile`",
    ),
    "an entry point": (
        {"pyproject.toml": '[project]\nscripts = {x = "p.cli:man"}\n', "p/cli.py": "def main(): ...\n"},
        "pyproject.toml:2:17: `p/cli.py` does not define `man`, which `p.cli:man` names; it defines: `main`",
    ),
}


@pytest.mark.parametrize(("files", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_what_is_there(files: dict[str, str], message: str) -> None:
    assert [str(problem) for problem in check(files)] == [message]


NEAR_MISSES = {
    "labels of a tuple": {"a.ts": "type P = [src: string, e?: number];\nexport const f = (): [a: P] => [['x']];\n"},
    "a method that every object has": {"a.js": "export const own = hasOwnProperty.call({}, 'a');\n"},
    "declarations that import each other": {
        "a.d.mts": "import { B } from './b.mts';\nexport type A = B;\n",
        "b.d.mts": "export type B = string;\n",
    },
    "a file by the name of its folder": {**ALIASED, "src/a.js": "import { b } from '@/lib/b';\nb();\n"},
    "a value of a template in a script": {"i.html": page("<script>const n = {{ files|length }};</script>")},
    "packages of Go": GO,
    "names of Go that a C file may define": {**GO, "store/load.go": "package store\n", "store/load.s": ""},
    "modules of Rust": RUST,
    "a module of Rust elsewhere": {**RUST, "src/main.rs": '#[path = "x/y.rs"]\nmod stor;\nfn main() {}\n'},
    "names that a macro of Rust makes": {**RUST, "src/store.rs": "make! { a }\n"},
    "a star import": {"a.py": "from b import *\nx()\n", "b.py": "from os import *\n"},
    "a module that answers for every name": {"a.py": "from b import x\n", "b.py": "def __getattr__(name): ...\n"},
    "an import that may fail": {"a.py": "try:\n    from b import x\nexcept ImportError:\n    x = None\n", "b.py": ""},
    "an import for types": {
        "a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy\n",
        "requirements.txt": "flask\n",
    },
    "a source layout": {"src/p/__init__.py": "", "src/p/a.py": "x = 1\n", "tests/test_a.py": "from p.a import x\n"},
    "a package of the same name as an installed one": {
        "ext/__init__.py": "",
        "ext/django/__init__.py": "",
        "ext/django/a.py": "from django.db import models\n",
    },
    "what a distribution brings": {
        "a.py": "from starlette.requests import Request\nimport dotenv\n",
        "requirements.txt": "fastapi\npython-dotenv>=1\n",
    },
    "an element that may be missing": {
        "i.html": page("<script src='a.js'></script>"),
        "a.js": "const x = document.getElementById('x');\nif (x) x.remove();\n",
    },
    "an element that a script makes": {
        "i.html": page("<script src='a.js'></script>"),
        "a.js": "document.body.innerHTML = '<p id=\"x\"></p>';\ndocument.getElementById('x').remove();\n",
    },
    "an id that is put together": {
        "i.html": page("<script src='a.js'></script>"),
        "a.js": 'const i = 1;\ndocument.body.innerHTML = `<p id="x-${i}"></p>`;\n'
        "document.getElementById('x-1').remove();\n",
    },
    "other origins": {"i.html": page("<a href='https://x/y.css'></a><img src='data:image/png,x'>")},
    "routes": {"i.html": page("<a href='/about'></a><form action='/login'></form>")},
    "a path from the root": {"i.html": page("<script src='/src/a.js'></script>"), "src/a.js": ""},
    "a page that string.Template fills": {"i.html": page("<a href='#plan'>plan</a>\n$body\n")},
    "a page that a program fills": {"i.html": page("<label for='plan'>plan</label>\n  %(body)s\n")},
    "values of a template": {"i.html": page("<img src='{{ url }}.png'><p id='{{ x }}'></p>")},
    "functions of the browser": {"i.html": page("<p onclick='alert(1); this.remove()'></p>")},
    "TypeScript by its compiled name": {"a.ts": "import { b } from './b.js';\nb();\n", "b.ts": "export const b = 1;\n"},
    "a folder's index": {
        "a.js": "import { b } from './lib';\nb();\n",
        "lib/index.js": "export * from './b';\n",
        "lib/b.js": "export const b = 1;\n",
    },
    "Node's own modules": {"a.js": "import fs from 'node:fs';\nimport 'path';\n", "package.json": "{}"},
    "a build's output": {"i.html": page("<script src='dist/bundle.js'></script>")},
    "a digest in the name of a picture": {
        "a.css": "a { background: url(i/x-05cf8e2c.png) }\nb { background: url(var(--x)) }\n",
        "i/x-05cf8e2c.png": "",
    },
    "fragments of a style sheet": {"a.css": "a { fill: url(#x); background: url(data:x) }\n"},
    "attributes of JSX that are words of JavaScript": {"a.jsx": "const a = <p class='x' for={1}>x</p>;\n"},
    "a name that may not be there": {"a.mjs": "import 'fs';\nif (typeof jQuery === 'function') jQuery();\n"},
    "an element that is a name of the window": {"i.html": page("<p id='box'></p><script>box.remove()</script>")},
    "endpoints of an extension": {"app.py": FLASK + "import flask_admin\nurl_for('admin.index')\n"},
    "addresses of somebody else": {
        **DJANGO,
        "site/urls.py": DJANGO["site/urls.py"].replace("shop.urls", "django.contrib.auth.urls"),
        "blog/templates/a.html": "{% url 'login' %}",
    },
    "a library from elsewhere": {"i.html": page("<script src='https://x.org/a.js'></script><script>show();</script>")},
    "a script that no page loads": {"a.js": "show();\n"},
    "a function that another script gives to the window": {
        "i.html": page("<script src=a.js></script><script type=module src=b.js></script>"),
        "a.js": "show();\n",
        "b.js": "window.show = () => 1;\n",
    },
    "functions of the tests": {"a.test.js": "import './b.js';\ntest('x', () => 1);\n", "b.js": ""},
    "names that a comment gives": {"a.mjs": "/* global show */\nimport 'fs';\nshow();\n"},
    "a module of the path outside": {"main.py": "import handlers\n"},
    "a module of the path outside, much like one of ours": {
        "main.py": "from schedule import every\nevery(1)\n",
        "scheduler.py": "def start(): ...\n",
    },
    "names for Python 2": {"a.py": "import sys\nif sys.version_info[0] < 3:\n    unicode('a')\n"},
    "names that a class makes": {
        "a.py": "import enum\n@enum.global_enum\nclass A(enum.IntEnum):\n    B = 1\nprint(B)\n"
    },
    "a compiled module": {"p/__init__.py": "from .q import *\nfrom p.q import r\n", "p/q.abi3.so": ""},
    "scripts of a published package": {"package.json": '{"repository": "x", "scripts": {"test": "node test.js"}}'},
    "a page that a program made": {"i.html": page("<a href='b.html'></a>", "<meta name=generator content=x>")},
    "text in a text area": {"i.html": page("<textarea><img src='a.png'></textarea>")},
    "files that tests want wrong": {"testdata/a.py": "def f(:\n"},
    "C with macros, which is not judged": {"a.c": "#define BEGIN {\nint main() BEGIN }\n"},
}


@pytest.mark.parametrize("files", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_what_is_not_certain_is_not_told(files: dict[str, str]) -> None:
    assert check(files) == ()


def test_a_folder_that_was_not_read_may_hold_anything() -> None:
    files = {"a.js": "import './vendor/b.js';\n", "b.py": "from gen.c import d\n"}
    assert check(files, {"vendor/", "gen/"}) == ()


def test_every_rule_says_what_it_reports() -> None:
    assert all(what.endswith(".") for what in RULES.values())


def test_a_rule_of_several_families_says_what_the_first_reports() -> None:
    assert RULES["page-file"] == "A page names a local file that is not there."


@pytest.mark.parametrize("rule", RULES)
def test_only_the_rules_that_are_asked_for_are_followed(rule: str) -> None:
    files = {path: text for fault, _ in FAULTS.values() for path, text in fault.items()}
    assert {problem.rule for problem in check(files, rules=[rule])} <= {rule}

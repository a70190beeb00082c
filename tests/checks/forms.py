"""Small programs that work, each of a form that is easily misread."""

# ruff: noqa: E501 - a file on one line is read more easily than on ten
from typing import Final


def page(body: str, head: str = "") -> str:
    """A page."""
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"


FORMS: Final[dict[str, dict[str, str]]] = {
    "iife": {
        "i.html": page("<script src=a.js></script>"),
        "a.js": "(function(){ function go(){} go(); const {a, b: {c}} = window; c(); a(); })();",
    },
    "class method": {
        "i.html": page("<script src=a.js></script>"),
        "a.js": "class A { go(){ this.x(); } x(){} }\nconst a=new A(); a.go(); ['a'].forEach(x=>a[x]()); let f; f=()=>1; f();",
    },
    "callbacks": {
        "i.html": page("<script src=a.js></script>"),
        "a.js": "function run(cb, {done}, [first], ...rest){ cb(); done(); first(); rest(); }\nrun(()=>1,{done(){}},[()=>1]); try{}catch(e){ e(); }\nfor (const f of []) f();\nimport('./x.mjs').catch(()=>1);",
        "x.mjs": "",
    },
    "label": {
        "a.mjs": "import React,{useState as u} from 'react';\nexport default function A(){ const [s, set]=u(0); set(1); return s }"
    },
    "getters": {
        "a.mjs": "import 'fs';\nexport const o={ async *gen(){}, get x(){return 1} };\no.gen(); setTimeout(()=>1); process.nextTick(()=>1); structuredClone({}); BigInt(1);"
    },
    "node cjs": {
        "a.js": "'use strict';\nconst {promisify}=require('util');\nconst sleep=promisify(setTimeout);\n(async()=>{await sleep(1)})();\nmodule.exports=class A extends B(Object){};\nfunction B(x){return x}"
    },
    "jest": {
        "sum.test.js": "const s=require('./sum');\ndescribe('x',()=>{it('a',()=>expect(s()).toBe(1))});",
        "sum.js": "module.exports=()=>1;",
        "package.json": '{"devDependencies":{"jest":"1"}}',
    },
    "p5": {
        "i.html": page("<script src='https://cdn.jsdelivr.net/npm/p5'></script><script src=s.js></script>"),
        "s.js": "function setup(){ createCanvas(1,1); }\nfunction draw(){ rect(1,1,1,1); }",
    },
    "jquery local missing min": {
        "i.html": page(
            "<p id=a></p><script src='jquery.min.js'></script><script>$(function(){ $('#a').hide(); });</script>"
        ),
        "jquery.min.js": "!function(){}();",
    },
    "handler vars": {
        "i.html": page(
            "<button onclick=\"(function(){ doIt() })()\">x</button><input oninput='this.form.submit(); update(this.value, event)'><script>window.doIt=()=>1; var update = function(){};</script>"
        )
    },
    "two pages one script": {
        "a.html": page("<p id=x></p><script src=s.js></script>"),
        "b.html": page("<p id=y></p><script src=s.js></script>"),
        "s.js": "document.getElementById('x')?.remove(); const y=document.getElementById('y'); y && y.remove();",
    },
    "two pages, whole": {
        "a.html": page("<p id=x></p><script src=s.js></script>"),
        "b.html": page("<p id=y></p><script src=s.js></script>"),
        "s.js": "document.getElementById('x').remove(); document.getElementById('y').remove();",
    },
    "query inside template string": {
        "a.html": page("<div id=root></div><script src=s.js></script>"),
        "s.js": "root.innerHTML=`<button id='go'>x</button>`; document.querySelector('#go').onclick=start; function start(){}",
    },
    "createElement id": {
        "a.html": page("<div id=root></div><script src=s.js></script>"),
        "s.js": "const e=document.createElement('p'); e.id='made'; document.body.append(e); document.getElementById('made').remove(); e.setAttribute('id','two'); document.getElementById('two').remove(); Object.assign(e,{id:'three'}); document.getElementById('three')",
    },
    "svg use": {
        "a.html": page(
            "<svg><symbol id=s></symbol><use href='#s'/></svg><a href='#'>x</a><a href='#top'>y</a><a href='#/route'>r</a><a href='page.html#x'>z</a>"
        ),
        "page.html": page("<p id=x></p>"),
    },
    "django url": {
        "t/templates/a.html": "{% load static %}<a href=\"{% url 'home' %}\">x</a><script>const u=\"{% url 'x' %}\"; load(u); function load(){}</script>"
    },
    "jinja handler": {
        "templates/a.html": "{% extends 'b.html' %}{% block s %}<button onclick=\"del({{ id }})\">x</button>{% endblock %}",
        "templates/b.html": "<script src=\"{{ url_for('static', filename='a.js') }}\"></script>",
        "static/a.js": "function del(i){}",
    },
    "macro": {"templates/a.html": "{% macro f(x) %}<label for='{{ x }}'>a</label><input id='{{ x }}'>{% endmacro %}"},
    "pyside": {
        "a.py": "from __future__ import annotations\nimport typing as t\nif t.TYPE_CHECKING:\n    from b import C\ndef f(x: C) -> 'C': ...\n",
        "b.py": "class C: ...\n",
    },
    "class scope": {"a.py": "class A:\n    x = 1\n    y = [x for _ in range(3)]\n    def f(self): return __class__\n"},
    "del": {"a.py": "x = 1\ndel x\nx = 2\nprint(x)\n"},
    "walrus": {"a.py": "if (n := 3) > 2: print(n)\nprint([m for i in range(3) if (m := i)])\n"},
    "match": {
        "a.py": "def f(v):\n    match v:\n        case {'a': a, **rest}: return a, rest\n        case [x, *ys] as whole: return x, ys, whole\n"
    },
    "global": {"a.py": "def init():\n    global conn\n    conn = 1\ndef use(): return conn\n"},
    "nonlocal": {"a.py": "def a():\n    x = 1\n    def b():\n        nonlocal x\n        x = 2\n    return b\n"},
    "except as": {"a.py": "try:\n    pass\nexcept (ValueError, TypeError) as e:\n    print(e)\n"},
    "init reexport": {
        "p/__init__.py": "from .a import *\nfrom . import b\n",
        "p/a.py": "__all__=['x']\nx=1\n",
        "p/b.py": "y=1\n",
        "m.py": "from p import x, b\nimport p.b\nprint(p.b.y, x, b.y)\n",
    },
    "pkg attr": {"p/__init__.py": "", "p/a.py": "x=1\n", "m.py": "import p\nimport p.a\nprint(p.a.x)\n"},
    "script in dir": {"src/main.py": "from utils import f\nf()\n", "src/utils.py": "def f(): ...\n"},
    "tests import": {"app/main.py": "x=1\n", "tests/test_a.py": "from app.main import x\nfrom main import x\n"},
    "flask factory": {
        "app/__init__.py": "from flask import Flask\ndef create_app():\n    app=Flask(__name__)\n    from . import routes\n    from app.models import U\n    return app\n",
        "app/routes.py": "",
        "app/models.py": "class U: ...\n",
        "run.py": "from app import create_app\n",
    },
    "ts paths": {
        "tsconfig.json": '{"compilerOptions":{"baseUrl":".","paths":{"@/*":["src/*"]}}}',
        "src/a.ts": "import {b} from '@/b';\nb();\n",
        "src/b.ts": "export const b=()=>1;\n",
        "package.json": "{}",
    },
    "enum ns": {
        "a.ts": "export enum E {A}\nexport namespace N { export const x=1 }\nexport type T = string; declare function g(): void;\ng();\nexport abstract class K {}\n",
        "b.ts": "import {E,N,T,K} from './a';\n",
    },
    "vue": {
        "src/main.js": "import { createApp } from 'vue';\nimport App from './App.vue';\nimport router from './router';\ncreateApp(App).use(router).mount('#app');\n",
        "src/App.vue": "<template/>",
        "src/router/index.js": "export default {};\n",
        "package.json": '{"dependencies":{"vue":"3"}}',
        "index.html": page("<div id=app></div><script type=module src=/src/main.js></script>"),
    },
    "vite svg": {
        "index.html": page(
            "<div id=root></div><script type=module src=/src/main.jsx></script>", "<link rel=icon href=/vite.svg>"
        ),
        "src/main.jsx": "import logo from '/vite.svg';\nimport './a.css';\nexport default ()=><img src={logo}/>;\n",
        "src/a.css": "",
        "public/vite.svg": "",
    },
    "next": {
        "app/page.tsx": "import Link from 'next/link';\nimport { A } from '@/components/A';\nexport default function P(){ return <A/> }\n",
        "components/A.tsx": "export function A(){ return <p/> }\n",
        "package.json": '{"dependencies":{"next":"1","react":"1"}}',
        "tsconfig.json": '{"compilerOptions":{"paths":{"@/*":["./*"]}}}',
    },
    "electron": {
        "package.json": '{"main":"main.js","devDependencies":{"electron":"1"},"scripts":{"start":"electron ."}}',
        "main.js": "const {app,BrowserWindow}=require('electron');\nconst path=require('path');\napp.whenReady().then(()=>create());\nfunction create(){ new BrowserWindow({webPreferences:{preload:path.join(__dirname,'preload.js')}}).loadFile('index.html'); }\n",
        "preload.js": "const {contextBridge}=require('electron');\n",
        "index.html": page("<script src=./renderer.js></script>"),
        "renderer.js": "window.api && window.api.go();",
    },
    "service worker": {
        "index.html": page("<script>navigator.serviceWorker.register('sw.js');</script>"),
        "sw.js": "self.addEventListener('fetch',e=>e.respondWith(fetch(e.request))); importScripts('b.js'); skipWaiting();",
        "b.js": "",
    },
    "worker": {"i.html": page("<script>new Worker('w.js')</script>"), "w.js": "onmessage=e=>postMessage(e.data);"},
    "phaser": {
        "i.html": page("<script src='//cdn.jsdelivr.net/npm/phaser'></script><script src=g.js></script>"),
        "g.js": "new Phaser.Game({scene:{preload,create}});\nfunction preload(){}\nfunction create(){}",
    },
    "dockerfile multi": {
        "Dockerfile": "FROM node AS b\nCOPY package*.json ./\nCOPY . .\nRUN npm run build\nFROM nginx\nCOPY --from=b /app/dist /usr/share\nCOPY nginx.conf /etc/\n",
        "nginx.conf": "",
        "package.json": "{}",
    },
    "make vars": {
        "Makefile": "PY=python3\nrun:\n\t$(PY) app.py\ngen: \n\tpython gen.py > x.py\n\tpython x.py\ngen.py:\n\ttouch gen.py\n",
        "app.py": "",
    },
    "pyproject dyn": {"pyproject.toml": "[project]\nname='x'\ndynamic=['dependencies']\n", "x.py": "import numpy\n"},
    "optional dep": {
        "requirements.txt": "flask\n",
        "a.py": "try:\n    import numpy as np\nexcept ImportError:\n    np=None\n",
    },
    "css vars": {
        "a.css": "@import url('https://x/y.css');\n@import url(\"b.css\") screen;\na{background:var(--x) url( 'c.png' ), url(data:image/svg+xml;utf8,<svg/>), url(\"#id\")}\n",
        "b.css": "",
        "c.png": "",
    },
    "inline style": {"i.html": page("<div style=\"background:url('x.png')\"></div>"), "x.png": ""},
    "importmap": {
        "i.html": page(
            '<script type=importmap>{"imports":{"three":"https://x/three.js"}}</script><script type=module src=a.js></script>'
        ),
        "a.js": "import * as T from 'three';\nimport {O} from 'three/addons/O.js';\nnew T.Scene(); new O();\n",
        "package.json": "{}",
    },
    "exports re": {
        "a.js": "export { default as A, b } from './b.js';\nexport * as ns from './b.js';\n",
        "b.js": "export default class {}\nexport const b=1, c=2;\n",
        "d.js": "import {A,b,ns} from './a.js';\n",
    },
    "cjs interop": {
        "a.mjs": "import b from './b.cjs';\nimport {c} from './b.cjs';\n",
        "b.cjs": "module.exports={c:1};\n",
    },
    "cjs esm default": {
        "a.js": "const b=require('./b').default;\nconst {x}=require('./b');",
        "b.js": "exports.default=1;\nexports.x=2;\nObject.defineProperty(exports,'__esModule',{value:true});",
    },
    "window ns": {
        "i.html": page("<script src=a.js></script><script src=b.js></script>"),
        "a.js": "var App = App || {}; App.go=function(){};",
        "b.js": "App.go(); (()=>{ let q = () => q(); q(); })();",
    },
    "async handler": {
        "i.html": page(
            "<form onsubmit='return check(this)'></form><body onload='init()'><script>async function check(f){} const init = async () => {};</script>"
        )
    },
    "timer strings": {"i.html": page("<script>setTimeout('tick()',1); function tick(){}</script>")},
}

"""What names and members mean: in scripts, and in Go, Rust and Java."""

# ruff: noqa: E501 - a file on one line is read more easily than on ten

import pytest

from smol_dev.checks import check

GO = {
    "go.mod": "module m\n",
    "main.go": "package main\n"
    'import "m/store"\n'
    'func main() { s := &store.Store{Path: "x"}; s.Load(); helper(limit) }\n',
    "util.go": "package main\nconst limit = 1\nfunc helper(n int) {}\n",
    "store/store.go": "package store\n"
    "type Store struct { Path string }\n"
    "func (s *Store) Load() { s.open() }\n"
    "func (s *Store) open() {}\n",
}
RUST = {
    "Cargo.toml": '[package]\nname = "a"\nedition = "2021"\n',
    "src/main.rs": "mod store;\n"
    "use store::Store;\n"
    "const LIMIT: u32 = 3;\n"
    "fn main() {\n"
    "    let s = Store::new(LIMIT);\n"
    '    println!("{}", s.load());\n'
    "    helper(1);\n"
    "}\n"
    "fn helper(_n: u32) {}\n",
    "src/store.rs": "use std::collections::HashMap;\n"
    "pub struct Store { items: HashMap<u32, u32>, limit: u32 }\n"
    "impl Store {\n"
    "    pub fn new(limit: u32) -> Self { Store { items: HashMap::new(), limit } }\n"
    "    pub fn load(&self) -> u32 { self.size() + self.limit }\n"
    "    fn size(&self) -> u32 { 1 }\n"
    "}\n",
}
JAVA = {
    "src/app/Main.java": "package app;\n"
    "import app.store.Store;\n"
    "public class Main {\n"
    "    private final Store store = new Store();\n"
    "    public static void main(String[] args) { new Main().run(); }\n"
    "    void run() { store.load(); help(); Kind k = Kind.RED; }\n"
    "    private void help() {}\n"
    "}\n",
    "src/app/Kind.java": "package app;\npublic enum Kind { RED, GREEN }\n",
    "src/app/store/Store.java": "package app.store;\n"
    "import java.util.List;\n"
    "public class Store {\n"
    "    private List<String> items;\n"
    "    public void load() { this.items.clear(); }\n"
    "}\n",
}
COMPILED = {
    "go method": (
        GO,
        "main.go",
        "s.Load",
        "s.Lod",
        "main.go:3:47: `s` is a `store.Store`, which has no `Lod`; there is: `Load`, `open`, `Path`",
    ),
    "go own method": (
        GO,
        "store/store.go",
        "s.open",
        "s.opn",
        "store/store.go:3:28: `s` is a `Store`, which has no `opn`; there is: `open`, `Load`, `Path`",
    ),
    "go const": (
        GO,
        "util.go",
        "limit",
        "lim",
        "main.go:3:62: `limit` is used, and not defined; there is: `lim`, `main`, `helper`, `s`",
    ),
    "go func": (
        GO,
        "util.go",
        "helper",
        "help",
        "main.go:3:55: `helper` is called, and not defined; there is: `help`, `limit`, `main`, `s`",
    ),
    "rust field": (
        RUST,
        "src/store.rs",
        "self.limit",
        "self.limt",
        "src/store.rs:5:52: `self` is a `Store`, which has no `limt`; there is: `limit`, `items`, `load`, `size`, `new`",
    ),
    "rust method": (
        RUST,
        "src/store.rs",
        "self.size",
        "self.sise",
        "src/store.rs:5:38: `self` is a `Store`, which has no `sise`; there is: `size`, `new`, `items`, `limit`, `load`",
    ),
    "rust import": (
        RUST,
        "src/store.rs",
        "use std::collections::HashMap;\npub",
        "pub",
        "src/store.rs:1:27: the type `HashMap` is used, and not defined; there is: `load`, `size`, `Store`, `new`",
    ),
    "rust call": (
        RUST,
        "src/main.rs",
        "  helper",
        "  helpr",
        "src/main.rs:7:5: the function `helpr` is used, and not defined; there is: `helper`, `Store`, `store`, `LIMIT`, `main`",
    ),
    "rust const": (
        RUST,
        "src/main.rs",
        "(LIMIT",
        "(LIMT",
        "src/main.rs:5:24: the constant `LIMT` is used, and not defined; there is: `LIMIT`, `Store`, `helper`, `main`, `store`",
    ),
    "rust name": (
        RUST,
        "src/main.rs",
        ":Store",
        ":Stor",
        "src/main.rs:2:5: `store` (src/store.rs) does not define `Stor`",
    ),
    "java method": (
        JAVA,
        "src/app/Main.java",
        "store.load",
        "store.lod",
        "src/app/Main.java:6:24: `Store` has no `lod`; there is: `load`, `items`",
    ),
    "java own": (
        JAVA,
        "src/app/Main.java",
        "; help",
        "; halp",
        "src/app/Main.java:6:32: this class has no `halp`; there is: `help`, `main`, `run`, `store`",
    ),
    "java enum": (
        JAVA,
        "src/app/Main.java",
        "Kind.RED",
        "Kind.BLUE",
        "src/app/Main.java:6:54: `Kind` has no `BLUE`; there is: `RED`, `GREEN`",
    ),
    "java missing import": (
        JAVA,
        "src/app/store/Store.java",
        "import java.util.List;\npublic",
        "public",
        "src/app/store/Store.java:3:13: the type `List` is used, and neither defined nor imported; there is: `items`, `Store`",
    ),
    "java this": (
        JAVA,
        "src/app/store/Store.java",
        "this.items",
        "this.itms",
        "src/app/store/Store.java:5:31: this class has no `itms`; there is: `items`, `load`",
    ),
}
FAULTS = {
    "this method": (
        {"a.js": "class A { go(){ this.stp(); } stop(){} }\nnew A().go();\n"},
        "a.js:1:22: `this` has no `stp`; it has: `stop`, `go`",
    ),
    "this method in arrow": (
        {"a.js": "class A { go(){ [1].forEach(() => this.stp()); } stop(){} }\nnew A().go();\n"},
        "a.js:1:40: `this` has no `stp`; it has: `stop`, `go`",
    ),
    "this base": (
        {"a.js": "class B { run(){} }\nclass A extends B { go(){ this.rum(); } }\n"},
        "a.js:2:32: `this` has no `rum`; it has: `run`, `go`",
    ),
    "this base import": (
        {
            "a.js": "import { B } from './b.js';\nclass A extends B { go(){ this.rum(); } }\n",
            "b.js": "export class B { run(){} }\n",
        },
        "a.js:2:32: `this` has no `rum`; it has: `run`, `go`",
    ),
    "this field push": (
        {"a.js": "class A { constructor(){ this.items = []; } go(){ this.itms.push(1); } }\n"},
        "a.js:1:56: `this` has no `itms`; it has: `items`, `constructor`, `go`",
    ),
    "private": (
        {"a.js": "class A { #x = 1; go(){ return this.#y; } }\n"},
        "a.js:1:37: `this` has no `#y`; it has: `#x`, `go`",
    ),
    "static": ({"a.js": "class A { static make(){} }\nA.mak();\n"}, "a.js:2:3: `A` has no `mak`; it has: `make`"),
    "instance": (
        {"a.js": "class A { go(){} }\nconst a = new A();\na.goo();\n"},
        "a.js:3:3: `a` has no `goo`; it has: `go`",
    ),
    "namespace": (
        {"a.js": "import * as s from './s.js';\ns.lod();\n", "s.js": "export function load(){}\n"},
        "a.js:2:3: `s` has no `lod`; it has: `load`",
    ),
    "default object": (
        {"a.js": "import s from './s.js';\ns.lod();\n", "s.js": "function load(){}\nexport default { load };\n"},
        "a.js:2:3: `s` has no `lod`; it has: `load`",
    ),
    "default const object": (
        {"a.js": "import s from './s.js';\ns.lod();\n", "s.js": "const s = { load(){} };\nexport default s;\n"},
        "a.js:2:3: `s` has no `lod`; it has: `load`",
    ),
    "named object": (
        {"a.js": "import { s } from './s.js';\ns.lod();\n", "s.js": "export const s = { load(){} };\n"},
        "a.js:2:3: `s` has no `lod`; it has: `load`",
    ),
    "cjs": (
        {"a.js": "const s = require('./s');\ns.lod();\n", "s.js": "module.exports = { load(){} };\n"},
        "a.js:2:3: `s` has no `lod`; it has: `load`",
    ),
    "cjs inst": (
        {
            "a.js": "const { S } = require('./s');\nconst s = new S();\ns.lod();\n",
            "s.js": "class S { load(){} }\nmodule.exports = { S };\n",
        },
        "a.js:3:3: `s` has no `lod`; it has: `load`",
    ),
    "cjs whole class destructured": (
        {"a.js": "const { S } = require('./s');\nnew S();\n", "s.js": "class S { load(){} }\nmodule.exports = S;\n"},
        "a.js:1:9: `s.js` does not export `S`",
    ),
    "cjs member": (
        {"a.js": "const l = require('./s').lod;\nl();\n", "s.js": "module.exports = { load(){} };\n"},
        "a.js:1:26: `s.js` does not export `lod`; it exports: `load`",
    ),
    "dyn import": (
        {
            "a.mjs": "import 'fs';\nconst { lod } = await import('./s.mjs');\nlod();\n",
            "s.mjs": "export function load(){}\n",
        },
        "a.mjs:2:9: `s.mjs` does not export `lod`; it exports: `load`",
    ),
    "component": (
        {
            "index.html": "<!DOCTYPE html><html><head></head><body><div id=root></div><script type=module src=/src/main.jsx></script></body></html>",
            "src/main.jsx": "import { createRoot } from 'react-dom/client';\nimport { App } from './App';\ncreateRoot(document.getElementById('root')).render(<App/>);\n",
            "src/App.jsx": "import { useState } from 'react';\nexport function App(){ const [a]=useState(1); return <TodoList items={a}/>; }\n",
            "src/TodoList.jsx": "export function TodoList(){ return null; }\n",
        },
        "src/App.jsx:2:55: `TodoList` is used, and not defined; there is: `root`, `useState`, `App`, `a`",
    ),
    "hook": (
        {
            "src/App.jsx": "import { useState } from 'react';\nexport function App(){ const [a]=useState(1); useEffect(()=>{},[]); return <p>{a}</p>; }\n"
        },
        "src/App.jsx:2:47: `useEffect` is called, and not defined; there is: `useState`, `App`, `a`",
    ),
    "scope": (
        {"a.mjs": "import 'fs';\nfunction a(){ const ctx = 1; return ctx; }\nfunction b(){ return ctx; }\na(); b();\n"},
        "a.mjs:3:22: `ctx` is used, and not defined; there is: `a`, `b`",
    ),
    "cdn known": (
        {
            "index.html": "<!DOCTYPE html><html><head></head><body><script src='https://cdn.jsdelivr.net/npm/chart.js'></script><script src=a.js></script></body></html>",
            "a.js": "const c = new Chart(1);\nfunction draw(){}\nupdate(c);\n",
        },
        "a.js:3:1: `update` is called, and not defined; there is: `draw`, `Chart`, `c`",
    ),
    "cdn unknown slip": (
        {
            "index.html": "<!DOCTYPE html><html><head></head><body><script src='https://x.org/x.js'></script><script src=a.js></script></body></html>",
            "a.js": "function renderTodos(){}\nrenderTods();\n",
        },
        "a.js:2:1: `renderTods` is called, and not defined; there is: `renderTodos`",
    ),
    "ts type": (
        {
            "a.ts": "import { x } from './b';\nexport const y: Todo = x;\n",
            "b.ts": "export interface Todo { id: number }\nexport const x = { id: 1 };\n",
        },
        "a.ts:2:17: the type `Todo` is used, and not defined; there is: `x`, `y`",
    ),
    "ts type slip": (
        {"a.ts": "interface TodoItem { id: number }\nexport const y: TodoItm = { id: 1 };\n"},
        "a.ts:2:17: the type `TodoItm` is used, and not defined; there is: `TodoItem`, `y`",
    ),
    "ts prop": (
        {"a.ts": "interface Todo { id: number; title: string }\nexport function f(t: Todo) { return t.titel; }\n"},
        "a.ts:2:39: `t` has no `titel`; it has: `title`, `id`",
    ),
    "ts enum": ({"a.ts": "enum E { A, B }\nexport const x = E.C;\n"}, "a.ts:2:20: `E` has no `C`; it has: `A`, `B`"),
    "config key": (
        {"a.js": "const config = { port: 1 };\nconsole.log(config.prt);\n"},
        "a.js:2:20: `config` has no `prt`; it has: `port`",
    ),
    "listener name": (
        {
            "i.html": "<!DOCTYPE html><html><head></head><body><button id=b></button><script src=a.js></script></body></html>",
            "a.js": "const b = document.getElementById('b');\nfunction handleClick(){}\nb.addEventListener('click', handleClik);\n",
        },
        "a.js:3:29: `handleClik` is used, and not defined; there is: `handleClick`, `b`",
    ),
    "listener this": (
        {"a.js": "class A { constructor(b){ b.addEventListener('click', this.onClik.bind(this)); } onClick(){} }\n"},
        "a.js:1:60: `this` has no `onClik`; it has: `onClick`, `constructor`",
    ),
    "jest": (
        {
            "package.json": '{"devDependencies":{"jest":"1"}}',
            "tests/a.test.js": "const { sum } = require('../a');\ndescribe('x',()=>{it('a',()=>expect(sm(1)).toBe(1))});\n",
            "a.js": "module.exports = { sum: (a) => a };\n",
        },
        "tests/a.test.js:2:37: `sm` is called, and not defined; there is: `sum`",
    ),
    "test dep": (
        {
            "package.json": '{"devDependencies":{"jest":"1"}}',
            "tests/a.test.js": "const request = require('supertest');\nrequest();\n",
        },
        "tests/a.test.js:1:25: `supertest` is imported, and `package.json` does not name it",
    ),
    "alias tsconfig": (
        {
            "package.json": "{}",
            "tsconfig.json": '{"compilerOptions":{"baseUrl":".","paths":{"@lib/*":["src/lib/*"]}}}',
            "src/a.ts": "import { b } from '@lib/c';\nb();\n",
            "src/lib/b.ts": "export const b = 1;\n",
        },
        "src/a.ts:1:19: there is no file `@lib/c`; there is: `./lib/b.ts`",
    ),
    "alias vite": (
        {
            "package.json": "{}",
            "vite.config.js": "import path from 'path';\nexport default { resolve: { alias: { '@': path.resolve(__dirname, './src') } } };\n",
            "src/a.js": "import { b } from '@/lib/c';\nb();\n",
            "src/lib/b.js": "export const b = 1;\n",
        },
        "src/a.js:1:19: there is no file `@/lib/c`; there is: `./lib/b.js`",
    ),
    "an entry of package.json": (
        {"package.json": '{"main": "srv.js"}', "server.js": ""},
        "package.json:1:10: there is no file `srv.js`; there is: `server.js`, `package.json`",
    ),
    "a base of tsconfig.json": (
        {
            "tsconfig.json": '{\n  // all\n  "references": [{"path": "./tsconfig.nod.json"}],\n}',
            "tsconfig.node.json": "{}",
        },
        "tsconfig.json:3:28: there is no file `./tsconfig.nod.json`; there is: `tsconfig.node.json`, `tsconfig.json`",
    ),
    "a package whose types alone are named": (
        {
            "package.json": '{"devDependencies": {"@types/react-dom": "1"}}',
            "a.ts": "import { createRoot } from 'react-dom/client';\ncreateRoot();\n",
        },
        "a.ts:1:28: `react-dom` is imported, and `package.json` does not name it",
    ),
    "a view": (
        {
            "app.js": "const app = require('express')();\napp.get('/', (req, res) => res.render('indx'));\n",
            "views/index.ejs": "x",
        },
        "app.js:2:39: there is no template `indx`; there is: `index.ejs`",
    ),
    "a folder to serve": (
        {
            "app.js": "const express = require('express');\nexpress().use(express.static(path.join(__dirname, 'assets')));\nconst path = 1;\n",
            "public/a.css": "",
        },
        "app.js:2:30: there is no `assets` to serve; there is: `public`",
    ),
    "a class that no element has": (
        {
            "i.html": "<ul class='list'></ul><script src='a.js'></script>",
            "a.js": "document.querySelector('.lst').remove();\n",
        },
        "a.js:1:26: no element has the class `lst`; there is: `list`",
    ),
    "an id of another page": (
        {"i.html": "<a href='b.html#tem'>x</a>", "b.html": "<p id='team'></p>"},
        "i.html:1:10: no element has the id `tem`, which `href` names; there is: `team`",
    ),
    "a handler that a script makes": (
        {
            "i.html": "<ul id='l'></ul><script src='a.js'></script>",
            "a.js": 'function remove(i) {}\nl.innerHTML = `<p onclick="remov(1)">x</p>`;\n',
        },
        "a.js:2:28: no script of the page defines `remov`, which `onclick` calls; they define: `remove`",
    ),
    "a file that a script loads": (
        {"i.html": "<script src='a.js'></script>", "a.js": "fetch('data.json').then(() => 1);\n", "date.json": "{}"},
        "a.js:1:8: there is no file `data.json`; there is: `date.json`",
    ),
    "a name that a library does not bring": (
        {"i.html": "<script src='https://cdn.jsdelivr.net/npm/chart.js'></script><script>chart();</script>"},
        "i.html:1:70: `chart` is called, and not defined; there is: `Chart`",
    ),
    "a method of a prototype": (
        {
            "a.js": "function A() {}\nA.prototype.go = function () {\n  this.stp();\n};\nA.prototype.stop = function () {};\n"
        },
        "a.js:3:8: `this` has no `stp`",
    ),
    "an object that a prototype makes": (
        {"a.js": "function A() {}\nA.prototype.go = function () {};\nconst a = new A();\na.goo();\n"},
        "a.js:4:3: `a` has no `goo`",
    ),
    "an object that a module is": (
        {"a.js": "const s = { load() {} };\nmodule.exports = s;\n", "b.js": "const s = require('./a');\ns.lod();\n"},
        "b.js:2:3: `s` has no `lod`; it has: `load`",
    ),
    "the one object of a class": (
        {"a.js": "class A { go() {} }\nmodule.exports = new A();\n", "b.js": "const a = require('./a');\na.goo();\n"},
        "b.js:2:3: `a` has no `goo`; it has: `go`",
    ),
}
NEAR_MISSES = {
    "a name that something outside brings to all scripts": {f"{i}.mjs": "import 'fs';\ngoog.go();\n" for i in "abcde"},
    "a bundle of modules": {
        "a.js": "define('a/b', ['./c'], function (require, exports, module) {\n  require('./c');\n});\n"
    },
    "scripts of TypeScript that are compiled into one": {
        "a.ts": "namespace A {\n  export class Store {}\n}\n",
        "b.ts": "namespace A {\n  new Store();\n}\n",
    },
    "what a library makes and a module is": {
        "a.js": "const r = require('express').Router();\nmodule.exports = r;\n",
        "b.js": "const { get } = require('./a');\nconst r = require('./a');\nr.use(get);\n",
    },
    "a service worker": {
        "i.html": "<script>navigator.serviceWorker.register('sw.js');</script>",
        "sw.js": "self.addEventListener('fetch', (e) => e.respondWith(clients.matchAll()));\n",
    },
    "types within types": {
        "a.ts": "export type M<T> = { [K in keyof T]: K };\nexport type Q<T> = T extends Promise<infer U> ? U : never;\n"
    },
    "a function that a worker gets as text": {
        "a.mjs": "import 'fs';\nconst u = URL.createObjectURL(new Blob([work]));\nnew Worker(u);\nfunction work() {\n  decode();\n}\n"
    },
    "an object that is filled later": {"a.js": "const fs = {};\nif (fs.sep) fs.mkdirSync('x');\n"},
    "a method of the language's own prototype": {
        "a.js": "String.prototype.cut = function () {\n  return this.substring(1);\n};\n"
    },
    "a prototype that is made from another": {
        "a.js": "function A() {}\nA.prototype = Object.create(B.prototype);\nA.prototype.go = function () {\n  this.stop();\n};\n"
    },
    "a text of JSX with an ampersand": {"a.jsx": "export const a = <p title='a & b'>x & y {1} & z</p>;\n"},
    "a parameter of a type that is only given out": {"a.ts": "export interface A<out T> {\n  a: T;\n}\n"},
    "types of Flow": {"a.js": "// @flow\nconst a: number = 1;\n"},
    "a package for its types": {
        "package.json": '{"devDependencies": {"@types/estree": "1"}}',
        "a.ts": "import { Node } from 'estree';\nexport const f = (n: Node) => 1;\n",
    },
    "a view beside others of no project": {
        "app.js": "const app = require('express')();\napp.get('/', (req, res) => res.render('x'));\n"
    },
    "a class that a script makes": {
        "i.html": "<ul id=l></ul><script src='a.js'></script>",
        "a.js": "const k = 'big';\nl.innerHTML = `<p class='card-${k}'></p>`;\ndocument.querySelector('.card-big').remove();\n",
    },
    "Go": GO,
    "Rust": RUST,
    "Java": JAVA,
    "this own function": {"a.js": "class A { go(){ [1].forEach(function(){ this.stp(); }); } stop(){} }\n"},
    "this base ok": {"a.js": "class B { run(){} }\nclass A extends B { go(){ this.run(); } }\n"},
    "this unknown base": {"a.js": "class A extends EventEmitter { go(){ this.emit(); } }\n"},
    "this assigned": {"a.js": "class A { constructor(){ this.f = () => 1; } go(){ this.f(); this.g = 1; } }\n"},
    "this external": {"a.js": "class A { go(){ this.cb(); } }\nconst a = new A(); a.cb = () => 1;\n"},
    "this computed": {"a.js": "class A { constructor(o){ for (const k in o) this[k] = o[k]; } go(){ this.cb(); } }\n"},
    "this assign": {"a.js": "class A { constructor(o){ Object.assign(this, o); } go(){ this.cb(); } }\n"},
    "this read": {"a.js": "class A { go(){ if (this.x) return 1; return this.y; } }\n"},
    "named object grown": {
        "a.js": "import { s } from './s.js';\ns.lod();\n",
        "s.js": "export const s = { load(){} };\ns.lod = 1;\n",
    },
    "spread": {
        "a.js": "import { s } from './s.js';\ns.lod();\n",
        "s.js": "import t from 't';\nexport const s = { ...t, load(){} };\n",
    },
    "cjs class": {
        "a.js": "const { S } = require('./s');\nnew S().lod();\n",
        "s.js": "class S { load(){} }\nmodule.exports = { S };\n",
    },
    "scope var hoist": {"a.mjs": "import 'fs';\nfunction b(){ if (1) { var x = 1; } return x; }\nb();\n"},
    "ts type lib": {
        "a.ts": "export const y: Partial<Record<string, HTMLElement>> = {}; export let z: NodeJS.Timeout; export let r: RequestInit;\n"
    },
    "ts prop base": {
        "a.ts": "interface B { b: 1 }\ninterface Todo extends B { id: number }\nexport function f(t: Todo) { return t.b + t.id; }\n"
    },
    "vue options": {
        "a.js": "const app = { data(){ return {n:1}; }, methods: { go(){ this.stop(); }, stp(){} } };\nVue.createApp(app);\n"
    },
}


@pytest.mark.parametrize(("files", "path", "old", "new", "message"), COMPILED.values(), ids=COMPILED)
def test_a_fault_in_a_compiled_program_is_told(
    files: dict[str, str], path: str, old: str, new: str, message: str
) -> None:
    broken = {**files, path: files[path].replace(old, new, 1)}
    assert [str(problem) for problem in check(broken)] == [message]


@pytest.mark.parametrize(("files", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_a_script_is_told(files: dict[str, str], message: str) -> None:
    assert [str(problem) for problem in check(files)] == [message]


@pytest.mark.parametrize("files", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_what_may_be_there_is_not_told(files: dict[str, str]) -> None:
    assert check(files) == ()

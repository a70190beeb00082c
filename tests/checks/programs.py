"""Working programs of several files, and faults that break them: what is replaced by what, and where."""

# ruff: noqa: E501 - a file on one line is read more easily than on ten
from typing import Final

Files = dict[str, str]

PROGRAMS: Final[dict[str, Files]] = {
    "flask": {
        "requirements.txt": "flask==3.0\npython-dotenv\n",
        "app.py": (
            "from dotenv import load_dotenv\nfrom flask import Flask, redirect, render_template, request, url_for\n"
            "from store import all_notes, add_note\nimport settings\n\nload_dotenv()\napp = Flask(__name__)\n\n\n"
            "@app.route('/')\ndef index():\n    return render_template('index.html', notes=all_notes(), title=settings.TITLE)\n\n\n"
            "@app.route('/add', methods=['POST'])\ndef add():\n    add_note(clean(request.form['text']))\n"
            "    return redirect(url_for('index'))\n\n\ndef clean(text):\n    return text.strip()\n\n\n"
            "if __name__ == '__main__':\n    app.run()\n"
        ),
        "store.py": "_notes = []\n\n\ndef all_notes():\n    return list(_notes)\n\n\ndef add_note(text):\n    _notes.append(text)\n",
        "settings.py": "TITLE = 'Notes'\n",
        "templates/base.html": (
            "<!DOCTYPE html>\n<html><head><link rel='stylesheet' href=\"{{ url_for('static', filename='style.css') }}\"></head>\n"
            "<body>{% block body %}{% endblock %}<script src=\"{{ url_for('static', filename='js/notes.js') }}\"></script></body></html>\n"
        ),
        "templates/index.html": (
            "{% extends 'base.html' %}\n{% block body %}<form action=\"{{ url_for('add') }}\" method=post>"
            '<input id="text" name=text><button type=button onclick="emptyText()">Empty</button></form>'
            "{% for note in notes %}<p>{{ note }}</p>{% endfor %}{% endblock %}\n"
        ),
        "static/style.css": "body { color: black; }\n",
        "static/js/notes.js": (
            "function emptyText() {\n  document.getElementById('text').value = '';\n  shout('empty');\n}\n"
            "function shout(word) { console.log(word); }\n"
        ),
    },
    "django": {
        "manage.py": (
            "import os\nimport sys\n\n\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"
            "    from django.core.management import execute_from_command_line\n\n    execute_from_command_line(sys.argv)\n\n\n"
            "if __name__ == '__main__':\n    main()\n"
        ),
        "requirements.txt": "Django>=5\n",
        "site1/__init__.py": "",
        "site1/settings.py": "INSTALLED_APPS = ['blog']\nROOT_URLCONF = 'site1.urls'\n",
        "site1/urls.py": "from django.urls import include, path\n\nurlpatterns = [path('', include('blog.urls'))]\n",
        "blog/__init__.py": "",
        "blog/models.py": "from django.db import models\n\n\nclass Post(models.Model):\n    title = models.CharField(max_length=80)\n",
        "blog/urls.py": "from django.urls import path\n\nfrom . import views\n\nurlpatterns = [path('', views.posts)]\n",
        "blog/views.py": (
            "from django.shortcuts import render\n\nfrom .models import Post\n\n\ndef posts(request):\n"
            "    return render(request, 'blog/posts.html', {'posts': Post.objects.all()})\n"
        ),
        "blog/templates/blog/posts.html": (
            "{% load static %}<link rel=stylesheet href=\"{% static 'blog/look.css' %}\">{% for p in posts %}{{ p.title }}{% endfor %}\n"
        ),
        "blog/static/blog/look.css": "a { background: url('dot.svg'); }\n",
        "blog/static/blog/dot.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>\n",
    },
    "fastapi": {
        "pyproject.toml": (
            "[project]\nname = 'shop'\nversion = '1'\ndependencies = ['fastapi', 'uvicorn[standard]', 'sqlalchemy>=2']\n"
            "[project.scripts]\nshop = 'shop.main:run'\n"
        ),
        "shop/__init__.py": "",
        "shop/main.py": (
            "import uvicorn\nfrom fastapi import Depends, FastAPI\n\nfrom shop.db import session\nfrom shop.routers import items\n\n"
            "app = FastAPI()\napp.include_router(items.router, dependencies=[Depends(session)])\n\n\ndef run():\n    uvicorn.run(app)\n"
        ),
        "shop/db.py": (
            "from sqlalchemy import create_engine\n\nengine = create_engine('sqlite://')\n\n\ndef session():\n    return engine.connect()\n"
        ),
        "shop/routers/__init__.py": "",
        "shop/routers/items.py": (
            "from fastapi import APIRouter\n\nfrom ..schemas import Item\n\nrouter = APIRouter()\n\n\n@router.get('/')\n"
            "def items() -> list[Item]:\n    return [Item(name='a')]\n"
        ),
        "shop/schemas.py": "from pydantic import BaseModel\n\n\nclass Item(BaseModel):\n    name: str\n",
        "Dockerfile": 'FROM python:3.12\nCOPY pyproject.toml ./\nCOPY shop ./shop\nCMD ["uvicorn", "shop.main:app"]\n',
    },
    "click in a source layout": {
        "pyproject.toml": (
            "[project]\nname = 'todo'\nversion = '1'\nreadme = 'README.md'\ndependencies = ['click']\n[project.scripts]\ntodo = 'todo.cli:main'\n"
        ),
        "README.md": "# Todo\n",
        "src/todo/__init__.py": "from todo.core import Todo\n\n__all__ = ['Todo']\n",
        "src/todo/core.py": "class Todo:\n    def __init__(self, path: 'str') -> None:\n        self.path = path\n\n\ndef load(path):\n    return Todo(path)\n",
        "src/todo/cli.py": "import click\n\nfrom todo import core\n\n\n@click.command()\ndef main():\n    click.echo(core.load('x').path)\n",
        "tests/test_core.py": "import pytest\n\nfrom todo.core import load\n\n\n@pytest.mark.parametrize('path', ['a'])\ndef test_load(path):\n    assert load(path).path == path\n",
        "Makefile": "test:\n\tpython -m pytest\nrun:\n\tpython src/todo/cli.py\n",
    },
    "game without a manifest": {
        "main.py": "from board import Board\nfrom player import Player\nimport utils\n\n\ndef main():\n    board = Board(3)\n    utils.show(board, Player('x'))\n\n\nmain()\n",
        "board.py": "import random\n\n\nclass Board:\n    def __init__(self, size):\n        self.cells = [random.random() for _ in range(size)]\n",
        "player.py": "class Player:\n    def __init__(self, mark):\n        self.mark = mark\n",
        "utils.py": "def show(board, player):\n    print(board.cells, player.mark)\n",
    },
    "page": {
        "index.html": (
            "<!DOCTYPE html>\n<html><head><link rel='stylesheet' href='css/style.css'></head>\n<body><label for='name'>Name</label>"
            "<input id='name'><ul id='list'></ul><button onclick='addItem()'>Add</button><a href='about.html'>About</a>"
            "<img src='img/logo.svg'>\n<script src='js/storage.js'></script><script src='js/app.js'></script></body></html>\n"
        ),
        "about.html": "<!DOCTYPE html>\n<html><body><a href='index.html'>Back</a><a href='#more'>More</a><p id='more'>x</p></body></html>\n",
        "css/style.css": "@import 'base.css';\nbody { background: url(../img/logo.svg); }\n",
        "css/base.css": "* { margin: 0; }\n",
        "img/logo.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>\n",
        "js/storage.js": "function loadItems() { return JSON.parse(localStorage.getItem('items') || '[]'); }\nconst saveItems = (items) => localStorage.setItem('items', JSON.stringify(items));\n",
        "js/app.js": (
            "const list = document.getElementById('list');\nconst input = document.querySelector('#name');\n"
            "function render() {\n  list.innerHTML = loadItems().map((item) => `<li id=\"item-${item}\">${item}</li>`).join('');\n}\n"
            "function addItem() {\n  saveItems([...loadItems(), input.value]);\n  render();\n"
            "  document.getElementById('item-1').scrollIntoView();\n  const hint = document.getElementById('hint');\n  if (hint) hint.remove();\n}\nrender();\n"
        ),
    },
    "page of modules": {
        "index.html": (
            "<!DOCTYPE html>\n<html><body><canvas id='game'></canvas><p id='score'>0</p>\n<script type='module' src='src/main.js'></script>\n"
            "<script type='module'>\nimport { version } from './src/version.js';\ndocument.getElementById('score').title = version;\n</script></body></html>\n"
        ),
        "src/main.js": "import { Game } from './game.js';\nimport * as draw from './draw.js';\n\nconst game = new Game(document.getElementById('game'));\ndraw.clear(game);\nstart(game);\n\nfunction start(g) { g.run(); }\nwindow.restart = () => start(game);\n",
        "src/game.js": "export class Game {\n  constructor(canvas) { this.canvas = canvas; }\n  run() { requestAnimationFrame(() => this.run()); }\n}\n",
        "src/draw.js": "export function clear(game) { game.canvas.getContext('2d').clearRect(0, 0, 1, 1); }\n",
        "src/version.js": "export const version = '1';\n",
    },
    "page with a library from elsewhere": {
        "index.html": (
            "<!DOCTYPE html>\n<html><head><script src='https://cdn.jsdelivr.net/npm/chart.js'></script></head><body><canvas id='c'></canvas>"
            "<button onclick='draw()'>Draw</button><script>\nfunction draw() { new Chart(document.getElementById('c'), options()); }\n"
            "function options() { return {}; }\n</script></body></html>\n"
        )
    },
    "React in TypeScript": {
        "package.json": '{"name": "x", "scripts": {"dev": "vite", "build": "tsc && vite build"}, "dependencies": {"react": "18", "react-dom": "18", "axios": "1"}, "devDependencies": {"vite": "5", "typescript": "5", "@vitejs/plugin-react": "4"}}\n',
        "index.html": "<!DOCTYPE html>\n<html><body><div id='root'></div><script type='module' src='/src/main.tsx'></script></body></html>\n",
        "vite.config.ts": "import { defineConfig } from 'vite';\nimport react from '@vitejs/plugin-react';\n\nexport default defineConfig({ plugins: [react()] });\n",
        "src/main.tsx": "import React from 'react';\nimport ReactDOM from 'react-dom/client';\nimport App from './App';\nimport './index.css';\n\nReactDOM.createRoot(document.getElementById('root')!).render(<App />);\n",
        "src/App.tsx": "import { useState } from 'react';\nimport { Todo, type Item } from './components/Todo';\nimport { fetchItems } from './api';\n\nexport default function App() {\n  const [items, setItems] = useState<Item[]>([]);\n  return <button onClick={async () => setItems(await fetchItems())}><Todo items={items} /></button>;\n}\n",
        "src/components/Todo.tsx": "export interface Item { id: number }\nexport const Todo = ({ items }: { items: Item[] }) => <ul>{items.map((item) => <li key={item.id} />)}</ul>;\n",
        "src/api.ts": "import axios from 'axios';\nimport type { Item } from './components/Todo';\n\nexport async function fetchItems(): Promise<Item[]> {\n  return check((await axios.get('/items')).data);\n}\n\nfunction check(items: Item[]): Item[] {\n  return items;\n}\n",
        "src/index.css": "body { margin: 0; }\n",
    },
    "express": {
        "package.json": '{"name": "api", "main": "server.js", "scripts": {"start": "node server.js", "dev": "nodemon server.js"}, "dependencies": {"express": "4", "cors": "2"}}\n',
        "server.js": "const express = require('express');\nconst cors = require('cors');\nconst path = require('path');\nconst { users } = require('./routes/users');\nconst db = require('./db');\n\nconst app = express();\napp.use(cors());\napp.use('/users', users);\napp.use(express.static(path.join(__dirname, 'public')));\ndb.open();\nlisten(3000);\n\nfunction listen(port) { app.listen(port); }\n",
        "routes/users.js": "const router = require('express').Router();\nconst { find } = require('../db');\n\nrouter.get('/', (req, res) => res.json(find('users')));\n\nmodule.exports = { users: router };\n",
        "db.js": "const rows = {};\n\nfunction open() { rows.users = []; }\nfunction find(name) { return rows[name]; }\n\nmodule.exports = { open, find };\n",
        "public/index.html": "<!DOCTYPE html>\n<html><body><ul id='users'></ul><script src='/client.js'></script></body></html>\n",
        "public/client.js": "fetch('/users').then((answer) => answer.json()).then((users) => {\n  document.getElementById('users').textContent = users.length;\n});\n",
    },
    "node modules": {
        "package.json": '{"name": "tool", "type": "module", "bin": {"tool": "bin/tool.mjs"}, "dependencies": {"chalk": "5"}}\n',
        "bin/tool.mjs": "#!/usr/bin/env node\nimport fs from 'node:fs/promises';\nimport chalk from 'chalk';\nimport parse, { LIMIT } from '../lib/parse.mjs';\nimport { print } from '../lib/index.mjs';\n\nprint(chalk.red(parse(await fs.readFile(process.argv[2], 'utf8')).slice(0, LIMIT)));\n",
        "lib/parse.mjs": "export const LIMIT = 10;\nexport default (text) => text.split('\\n');\n",
        "lib/index.mjs": "export * from './print.mjs';\n",
        "lib/print.mjs": "export const print = (lines) => lines.forEach((line) => console.log(line));\n",
    },
    "go": {
        "go.mod": "module example.com/x\n\ngo 1.22\n",
        "main.go": 'package main\n\nimport (\n\t"fmt"\n\n\t"example.com/x/store"\n)\n\nfunc main() {\n\tfmt.Println(store.Load())\n}\n',
        "store/store.go": 'package store\n\nfunc Load() string { return "x" }\n',
    },
    "rust": {
        "Cargo.toml": '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/main.rs": 'mod store;\n\nfn main() {\n    println!("{}", store::load());\n}\n',
        "src/store.rs": "pub fn load() -> u32 {\n    1\n}\n",
    },
    "shell and make": {
        "Makefile": "all: out.txt\n\nout.txt: build.sh\n\tbash build.sh > out.txt\n\nclean:\n\trm -f out.txt\n\n.PHONY: all clean\n",
        "build.sh": "#!/usr/bin/env bash\nset -euo pipefail\n. ./lib.sh\ngreet world\n",
        "lib.sh": 'greet() { echo "hello $1"; }\n',
        "Dockerfile": 'FROM debian\nCOPY build.sh lib.sh /app/\nCMD ["bash", "/app/build.sh"]\n',
    },
}

FAULTS: Final[list[tuple[str, str, str, str, str]]] = [
    ("missing import", "flask", "app.py", "import Flask, redirect, ", "import Flask, "),
    ("missing import", "flask", "app.py", "import settings\n", ""),
    ("missing import", "node modules", "bin/tool.mjs", "import fs from 'node:fs/promises';\n", ""),
    ("wrong path", "flask", "templates/base.html", "js/notes.js", "notes.js"),
    ("wrong path", "game without a manifest", "main.py", "from board import", "from bord import"),
    ("wrong path", "game without a manifest", "main.py", "from player import", "from players import"),
    ("wrong path", "flask", "templates/index.html", "'base.html'", "'layout.html'"),
    ("wrong name", "page of modules", "src/game.js", "export class Game", "class Game"),
    ("missing dependency", "React in TypeScript", "package.json", '"react": "18", ', ""),
    ("missing import", "django", "blog/views.py", "from .models import Post\n", ""),
    ("missing import", "fastapi", "shop/routers/items.py", "from ..schemas import Item\n", ""),
    ("missing import", "game without a manifest", "board.py", "import random\n", ""),
    ("missing import", "React in TypeScript", "src/App.tsx", "import { fetchItems } from './api';\n", ""),
    ("missing import", "express", "routes/users.js", "const { find } = require('../db');\n", ""),
    ("missing import", "node modules", "bin/tool.mjs", "import { print } from '../lib/index.mjs';\n", ""),
    ("wrong name", "flask", "app.py", "import all_notes, add_note", "import get_notes, add_note"),
    ("wrong name", "flask", "app.py", "settings.TITLE", "settings.NAME"),
    ("wrong name", "django", "blog/urls.py", "views.posts", "views.post_list"),
    ("wrong name", "fastapi", "shop/main.py", "shop.db import session", "shop.db import get_session"),
    ("wrong name", "fastapi", "pyproject.toml", "shop.main:run", "shop.main:start"),
    ("wrong name", "click in a source layout", "src/todo/cli.py", "core.load", "core.read"),
    ("wrong name", "page of modules", "src/main.js", "{ Game }", "{ Gamee }"),
    ("wrong name", "page of modules", "src/main.js", "draw.clear", "draw.wipe"),
    ("wrong name", "page of modules", "index.html", "{ version }", "{ release }"),
    ("wrong name", "React in TypeScript", "src/App.tsx", "{ Todo, ", "{ TodoList, "),
    ("wrong name", "express", "server.js", "{ users }", "{ router }"),
    ("wrong name", "express", "server.js", "db.open", "db.connect"),
    ("wrong name", "node modules", "bin/tool.mjs", "{ print }", "{ show }"),
    ("wrong path", "flask", "app.py", "from store import", "from storage import"),
    ("wrong path", "flask", "app.py", "'index.html'", "'home.html'"),
    ("wrong path", "flask", "templates/base.html", "filename='style.css'", "filename='styles.css'"),
    ("wrong path", "django", "blog/views.py", "from .models", "from .model"),
    ("wrong path", "django", "blog/views.py", "blog/posts.html", "blog/post_list.html"),
    ("wrong path", "django", "blog/templates/blog/posts.html", "blog/look.css", "blog/style.css"),
    ("wrong path", "django", "blog/static/blog/look.css", "dot.svg", "dots.svg"),
    ("wrong path", "fastapi", "shop/main.py", "shop.db", "shop.database"),
    ("wrong path", "fastapi", "Dockerfile", "COPY shop ", "COPY app "),
    ("wrong path", "game without a manifest", "main.py", "import utils", "import helpers"),
    ("wrong path", "page", "index.html", "js/app.js", "js/main.js"),
    ("wrong path", "page", "index.html", "css/style.css", "style.css"),
    ("wrong path", "page", "index.html", "about.html", "about-us.html"),
    ("wrong path", "page", "css/style.css", "base.css", "reset.css"),
    ("wrong path", "page", "css/style.css", "../img/logo.svg", "img/logo.svg"),
    ("wrong path", "page of modules", "src/main.js", "./draw.js", "./render.js"),
    ("wrong path", "React in TypeScript", "src/App.tsx", "./components/Todo", "./Todo"),
    ("wrong path", "React in TypeScript", "src/main.tsx", "./index.css", "./App.css"),
    ("wrong path", "React in TypeScript", "index.html", "/src/main.tsx", "/src/index.tsx"),
    ("wrong path", "express", "server.js", "./routes/users", "./routes/user"),
    ("wrong path", "express", "package.json", "node server.js", "node index.js"),
    ("wrong path", "node modules", "package.json", "bin/tool.mjs", "bin/cli.mjs"),
    ("wrong path", "shell and make", "Makefile", "\tbash build.sh", "\tbash make.sh"),
    ("wrong path", "shell and make", "Dockerfile", "lib.sh /app/", "library.sh /app/"),
    ("wrong id", "flask", "templates/index.html", 'id="text"', 'id="note"'),
    ("wrong id", "page", "index.html", "<ul id='list'>", "<ul id='items'>"),
    ("wrong id", "page", "index.html", "for='name'", "for='title'"),
    ("wrong id", "page", "about.html", "href='#more'", "href='#rest'"),
    ("wrong id", "page", "js/app.js", "'#name'", "'#names'"),
    ("wrong id", "page of modules", "src/main.js", "ById('game')", "ById('canvas')"),
    ("wrong id", "page with a library from elsewhere", "index.html", "ById('c')", "ById('chart')"),
    ("wrong id", "React in TypeScript", "src/main.tsx", "ById('root')", "ById('app')"),
    ("wrong id", "express", "public/client.js", "ById('users')", "ById('user-list')"),
    ("missing handler", "flask", "templates/index.html", "emptyText()", "clearText()"),
    ("missing handler", "page", "index.html", "addItem()", "add()"),
    ("missing handler", "page with a library from elsewhere", "index.html", "onclick='draw()'", "onclick='paint()'"),
    ("missing dependency", "flask", "requirements.txt", "python-dotenv\n", ""),
    ("missing dependency", "django", "requirements.txt", "Django>=5", "requests"),
    ("missing dependency", "fastapi", "pyproject.toml", ", 'sqlalchemy>=2'", ""),
    ("missing dependency", "click in a source layout", "pyproject.toml", "'click'", "'rich'"),
    ("missing dependency", "React in TypeScript", "package.json", ', "axios": "1"', ""),
    ("missing dependency", "express", "package.json", ', "cors": "2"', ""),
    ("missing dependency", "node modules", "package.json", '"chalk": "5"', '"ora": "5"'),
    ("renamed function", "flask", "app.py", "def clean(", "def tidy("),
    ("renamed function", "flask", "store.py", "def add_note", "def insert_note"),
    ("renamed function", "flask", "static/js/notes.js", "function shout", "function say"),
    ("renamed function", "django", "blog/views.py", "def posts", "def index"),
    ("renamed function", "game without a manifest", "utils.py", "def show", "def display"),
    ("renamed function", "game without a manifest", "board.py", "class Board", "class Grid"),
    ("renamed function", "page", "js/storage.js", "function loadItems", "function getItems"),
    ("renamed function", "page", "js/storage.js", "saveItems =", "storeItems ="),
    ("renamed function", "page", "js/app.js", "function render", "function draw"),
    ("renamed function", "page of modules", "src/main.js", "function start", "function begin"),
    ("renamed function", "React in TypeScript", "src/api.ts", "function check", "function verify"),
    ("renamed function", "React in TypeScript", "src/api.ts", "function fetchItems", "function getItems"),
    ("renamed function", "express", "server.js", "function listen", "function serve"),
    ("renamed function", "express", "db.js", "function find", "function select"),
    ("renamed function", "node modules", "lib/print.mjs", "const print", "const write"),
]
"""The kind of fault, the program and file it is put in, what is replaced, and by what."""

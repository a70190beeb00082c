"""Strings, manifests and commands that name things: what is told, and what real programs do that looks like it."""

# ruff: noqa: E501 - a file on one line is read more easily than on ten
import pytest

from smol_dev.checks import check

APP = {"app.py": "app = print\n"}
FASTAPI = "from fastapi import FastAPI\nfrom fastapi.staticfiles import StaticFiles\napp = FastAPI()\n"
FLASK = "from flask import Flask, render_template\napp = Flask(__name__)\n"
SETTINGS = "INSTALLED_APPS = ['django.contrib.admin', 'blog']\nROOT_URLCONF = 'site1.urls'\n"
DJANGO = {
    "site1/__init__.py": "",
    "site1/settings.py": SETTINGS,
    "site1/urls.py": "from django.urls import path\nfrom blog import views\nurlpatterns = [path('', views.home, name='home')]\n",
    "blog/__init__.py": "",
    "blog/views.py": "from django.shortcuts import render\ndef home(request): return render(request, 'blog/home.html')\n",
    "blog/templates/blog/home.html": "<p>x</p>\n",
}

FAULTS = {
    "a folder of static files": (
        {"main.py": FASTAPI + "app.mount('/s', StaticFiles(directory='asets'), name='s')\n", "assets/a.css": "a{}\n"},
        "main.py:4:39: there is no folder `asets`; there is: `assets`",
    ),
    "a folder beside the program": (
        {
            "main.py": "from pathlib import Path\n"
            + FASTAPI
            + "StaticFiles(directory=Path(__file__).parent / 'web')\n",
            "static/a.css": "a{}\n",
        },
        "main.py:5:23: there is no folder `web`; there is: `static`",
    ),
    "a template under another folder": (
        {"app.py": FLASK + "render_template('home.html')\n", "templates/blog/home.html": "<p>x</p>\n"},
        "app.py:3:17: there is no template `home.html`; there is: `blog/home.html`",
    ),
    "a template in a folder whose place is computed": (
        {
            "app.py": "import os\nfrom flask import Flask, render_template\n"
            "app = Flask(__name__, template_folder=os.path.join(os.path.dirname(__file__), 'templates'))\nrender_template('b.html')\n",
            "templates/a.html": "<p>x</p>\n",
        },
        "app.py:4:17: there is no template `b.html`; there is: `a.html`",
    ),
    "a template in a folder that is not there": (
        {"app.py": FLASK + "render_template('shop/a.html')\n", "templates/a.html": "<p>x</p>\n"},
        "app.py:3:17: there is no template `shop/a.html`; there is: `a.html`",
    ),
    "a part of a template": (
        {"app.py": FLASK, "templates/a.html": "{% include 'parts/b.html' %}\n", "templates/b.html": "<p>x</p>\n"},
        "templates/a.html:1:13: there is no template `parts/b.html`; there is: `a.html`, `b.html`",
    ),
    "Django's main addresses": (
        {**DJANGO, "site1/settings.py": SETTINGS.replace("site1.urls", "site1.url")},
        "site1/settings.py:2:16: `site1` (site1/__init__.py) does not hold `url`, which `site1.url` names; it holds: `urls`, `settings`",
    ),
    "an address in Django's own file of addresses": (
        {
            **DJANGO,
            "site1/urls.py": '"""Addresses. For more information see elsewhere."""\n' + DJANGO["site1/urls.py"],
            "blog/templates/blog/home.html": "<a href=\"{% url 'hom' %}\">x</a>\n",
        },
        "blog/templates/blog/home.html:1:18: no route is called `hom`; there is: `home`",
    ),
    "a model that a key names": (
        {
            **DJANGO,
            "blog/models.py": "from django.db import models\nclass Post(models.Model):\n    by = models.ForeignKey('Autor', models.CASCADE)\nclass Author(models.Model): ...\n",
        },
        "blog/models.py:3:28: no class is called `Autor`; there is: `Author`, `Post`",
    ),
    "a table that a key names": (
        {
            "models.py": "from sqlalchemy import Column, ForeignKey\nclass User:\n    __tablename__ = 'users'\n    by = Column(ForeignKey('people.id'))\n"
        },
        "models.py:4:28: no table is called `people`; there is: `user`, `users`",
    ),
    "a route of FastAPI": (
        {"main.py": FASTAPI + "@app.get('/')\ndef home(request): return request.url_for('hme')\n"},
        "main.py:5:43: no route is called `hme`; there is: `home`",
    ),
    "a name in __all__": (
        {"p.py": "__all__ = ['load', 'save']\ndef load(): ...\n"},
        "p.py:1:20: `__all__` names `save`, which is not defined; there is: `load`",
    ),
    "a module of the package as if it stood alone": (
        {
            "p/__init__.py": "",
            "p/a.py": "from helpers import x\n",
            "p/b.py": "from .helpers import x\n",
            "p/helpers.py": "x = 1\n",
        },
        "p/a.py:1:1: there is no module `helpers` outside of the package; `p/helpers.py` is in it",
    ),
    "a module from the package itself": (
        {"p/__init__.py": "from . import stor\n", "p/store.py": ""},
        "p/__init__.py:1:15: `.` (p/__init__.py) does not define `stor`; it defines: `store`",
    ),
    "an import as another name": (
        {"main.py": "import reports as report\nreport.show()\n", "report.py": "def show(): ...\n"},
        "main.py:1:1: there is no module `reports`; there is: `report`",
    ),
    "the application of an image": (
        {"Dockerfile": 'FROM python\nWORKDIR /app\nCOPY . .\nCMD ["uvicorn", "main:app"]\n', "src/app.py": "app = 1\n"},
        "Dockerfile:4:18: there is no module `main`; there is: `src`",
    ),
    "a name in the application of an image": (
        {"Dockerfile": "FROM python\nCOPY . /srv\nWORKDIR /srv\nCMD gunicorn -w 4 app:api\n", **APP},
        "Dockerfile:4:19: `app.py` does not define `api`, which `app:api` names; it defines: `app`",
    ),
    "a file that an image copied from another stage": (
        {
            "Dockerfile": 'FROM node AS b\nWORKDIR /srv\nCOPY src ./src\nFROM node\nCOPY --from=b /srv /srv\nWORKDIR /srv\nCMD ["node", "src/main.js"]\n',
            "src/index.js": "1;\n",
        },
        "Dockerfile:7:15: there is no file `src/main.js`; there is: `src/index.js`, `src`",
    ),
    "what a service runs": (
        {"Procfile": "web: gunicorn ap:app\n", **APP},
        "Procfile:1:15: there is no module `ap`; there is: `app`",
    ),
    "the tests of a Makefile": (
        {"Makefile": ".PHONY: test\ntest:\n\tpytest test -q\n", "tests/test_a.py": "def test(): ...\n"},
        "Makefile:3:9: there is no file `test`; there is: `tests`, `Makefile`",
    ),
    "what a script starts": (
        {"run.sh": '#!/bin/sh\nset -e\npython3 main.py "$@"\n', **APP},
        "run.sh:3:9: there is no file `main.py`; there is: `app.py`, `run.sh`",
    ),
    "a package that cannot be run": (
        {"Makefile": "run:\n\tpython -m tool\n", "tool/__init__.py": ""},
        "Makefile:2:12: `tool` has no `__main__.py` that `-m` could run",
    ),
    "folders of tests": (
        {"pytest.ini": "[pytest]\ntestpaths = test\n", "tests/test_a.py": "def test(): ...\n"},
        "pytest.ini:2:13: there is no file `test`; there is: `pytest.ini`",
    ),
    "an entry point of setup.cfg": (
        {
            "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    x = p.cli:man\n",
            "p/cli.py": "def main(): ...\n",
        },
        "setup.cfg:3:9: `p/cli.py` does not define `man`, which `p.cli:man` names; it defines: `main`",
    ),
    "an entry point of setup.py": (
        {
            "setup.py": "from setuptools import setup\nsetup(entry_points={'console_scripts': ['x=p.cl:main']})\n",
            "p/cli.py": "def main(): ...\n",
            "p/__init__.py": "",
        },
        "setup.py:2:44: there is no module `p.cl`; there is: `cli`",
    ),
    "requirements that another file lists": (
        {"requirements-dev.txt": "-r requirement.txt\npytest\n", "requirements.txt": "flask\n"},
        "requirements-dev.txt:1:4: there is no file `requirement.txt`; there is: `requirements.txt`, `requirements-dev.txt`",
    ),
    "what compose builds": (
        {"compose.yaml": "services:\n  web:\n    build: ./servr\n", "server/Dockerfile": "FROM x\n"},
        "compose.yaml:3:12: there is no file `./servr`; there is: `compose.yaml`",
    ),
    "a service that compose does not have": (
        {"docker-compose.yml": "services:\n  web:\n    image: x\n    depends_on: [data]\n  db:\n    image: y\n"},
        "docker-compose.yml:4:18: there is no service `data`; there is: `db`, `web`",
    ),
    "a package that only the extras of another bring": (
        {"a.py": "import httpx\n", "requirements.txt": "fastapi\n"},
        "a.py:1:1: `httpx` is imported, and no manifest names it (requirements.txt: add `httpx`)",
    ),
}


@pytest.mark.parametrize(("files", "message"), FAULTS.values(), ids=FAULTS)
def test_what_is_named_and_not_there_is_told(files: dict[str, str], message: str) -> None:
    assert [str(problem) for problem in check(files)] == [message]


NEAR_MISSES = {
    "a folder that the program makes": {
        "main.py": "import os\n" + FASTAPI + "os.makedirs('up', exist_ok=True)\nStaticFiles(directory='up')\n"
    },
    "a folder that a build fills": {"main.py": FASTAPI + "StaticFiles(directory='frontend/dist')\n"},
    "a folder that is computed": {"main.py": FASTAPI + "import sys\nStaticFiles(directory=sys.argv[1])\n"},
    "templates that Django brings": {
        **DJANGO,
        "blog/templates/blog/home.html": "{% extends 'admin/base_site.html' %}\n",
    },
    "an app for other projects": {
        "shop/__init__.py": "",
        "shop/views.py": "from django.shortcuts import render\n",
        "shop/templates/shop/a.html": "{% extends 'base.html' %}{% url 'home' %}\n",
    },
    "addresses that Django brings into a space": {
        **DJANGO,
        "blog/urls.py": "from django.urls import include, path\napp_name = 'blog'\nurlpatterns = [path('', include('django.contrib.auth.urls'))]\n",
        "blog/templates/blog/home.html": "{% url 'blog:login' %}\n",
    },
    "models in lower case, and of other apps": {
        **DJANGO,
        "blog/models.py": "from django.db import models\nclass Post(models.Model):\n    by = models.ForeignKey('auth.User', models.CASCADE)\n    up = models.ForeignKey('self', models.CASCADE)\n    like = models.ForeignKey('post', models.CASCADE)\n",
    },
    "templates in a folder that a function tells": {
        "app.py": "from place import here\nfrom flask import Flask, render_template\napp = Flask(__name__, template_folder=here())\nrender_template('b.html')\n",
        "place.py": "def here(): return 'pages'\n",
        "templates/a.html": "<p>x</p>\n",
    },
    "templates of a dictionary": {"app.py": "from jinja2 import DictLoader\n" + FLASK + "render_template('a.html')\n"},
    "templates of an extension": {
        "app.py": "import flask_admin\n" + FLASK + "render_template('admin/a.html')\n",
        "templates/b.html": "",
    },
    "an include that may fail": {"app.py": FLASK, "templates/a.html": "{% include 'b.html' ignore missing %}\n"},
    "modules from outside": {
        "Makefile": "run:\n\tpython -m http.server\n\tpython -m pip install -r $(FILE)\n\tpython -m black .\n"
    },
    "what a recipe makes": {"Makefile": "all:\n\tpython gen.py\ngen.py:\n\tcp x $@\n"},
    "a script that goes elsewhere": {"run.sh": "cd build\npython main.py\n"},
    "a folder of its own": {"tools/run.sh": 'cd "$(dirname "$0")/.."\npython app.py\n', **APP},
    "a text for another program": {"run.sh": "cat <<EOF\npython main.py\nEOF\n"},
    "a file that is mounted": {"Dockerfile": 'FROM python\nWORKDIR /app\nCMD ["python", "app.py"]\n', **APP},
    "a file that an image makes": {
        "Dockerfile": 'FROM python\nWORKDIR /app\nCOPY . .\nRUN python gen.py > made.py\nCMD ["python", "made.py"]\n',
        "gen.py": "",
    },
    "a package that is copied": {
        "Dockerfile": 'FROM python\nWORKDIR /code\nCOPY ./app /code/app\nCMD ["uvicorn", "app.main:app", "--port", "80"]\n',
        "app/main.py": "app = 1\n",
    },
    "a folder that is copied to where it runs": {
        "Dockerfile": 'FROM python\nWORKDIR /code\nCOPY backend .\nCMD ["uvicorn", "main:app"]\n',
        "backend/main.py": "app = 1\n",
    },
    "an application from a stage of a build": {
        "Dockerfile": 'FROM node AS b\nRUN npm run build\nFROM node\nWORKDIR /srv\nCOPY --from=b /out /srv\nCMD ["node", "server.js"]\n'
    },
    "an application that is called": {"Procfile": "web: gunicorn 'app:make()'\n", "app.py": "def make(): ...\n"},
    "options and their values": {
        "Makefile": "test:\n\tpytest -k slow -n 4 tests/test_a.py::test_x -q\n",
        "tests/test_a.py": "def test_x(): ...\n",
    },
    "a value of an option that is not known": {"Makefile": "test:\n\tpytest --dist loadgroup\n"},
    "a source layout that is run": {
        "Makefile": "run:\n\tpython -m p.cli\n",
        "src/p/__init__.py": "",
        "src/p/cli.py": "",
    },
    "entry points of a mapped package": {
        "pyproject.toml": '[project]\nname = "x"\n[project.scripts]\nx = "p.cli:main"\n[tool.setuptools.package-dir]\np = "lib/q"\n',
        "lib/q/cli.py": "def main(): ...\n",
    },
    "secrets of a service": {
        "compose.yaml": "services:\n  web:\n    image: x\n    env_file: .env\n    volumes: ['./data:/data', 'db:/db']\n"
    },
    "a setup that says nothing": {"setup.py": "from setuptools import setup\nsetup(**read())\ndef read(): ...\n"},
    "a package beside a script of the same folder": {
        "p/__init__.py": "",
        "p/a.py": "import helpers\n",
        "p/b.py": "import helpers\n",
        "p/helpers.py": "",
    },
    "names of a module that a star fills": {"p.py": "from os import *\n__all__ = ['walk']\n"},
    "submodules in __all__": {"p/__init__.py": "__all__ = ['a']\n", "p/a.py": ""},
    "what a build needs": {
        "pyproject.toml": "[build-system]\nrequires = ['hatchling']\n[project]\nname = 'x'\ndependencies = []\n",
        "hatch_build.py": "import hatchling\n",
    },
    "a name that a function makes global": {
        "a.py": "screen: int\ndef main():\n    global screen\n    screen = 1\ndef show(): return screen\n"
    },
}


@pytest.mark.parametrize("files", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_what_may_be_there_is_not_told(files: dict[str, str]) -> None:
    assert check(files) == ()

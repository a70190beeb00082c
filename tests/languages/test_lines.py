"""Files of entries: each line is one, a sentence is none, and a cut end is told where a line shows it."""

import pytest

from smol_dev.languages import State, parse

ENV = (
    "# settings\n\nexport PORT=8000\nEMPTY=\nNAME = 'a b'  # said\nPASSED\n"
    'KEY="-----BEGIN KEY-----\nMIIB\n-----END KEY-----"\n'
)
REQUIREMENTS = (
    "# web\nflask[async]==3.0.*\nrequests>=2.31,<3 ; python_version < '3.12'\n-r base.txt\n--index-url https://a.b/c\n"
    "git+https://a.b/c.git@v1#egg=c\nnotes @ file:///tmp/notes\n./local\n"
    "pinned==1.0 \\\n    --hash=sha256:abc \\\n    --hash=sha256:def\n"
)
IGNORED = (
    "*.py[cod]\n!keep.*\n/dist/\n.*.sw?\nIcon[\\r]\nTemporary Items\nNetwork Trash Folder\nmy\\ file\n"
    "# Node\n.env\n*~\n"
)
MODULE = (
    "module example.com/notes\n\ngo 1.21\n\nrequire (\n\tgithub.com/a/b v1.2.3 // indirect\n)\n\nreplace a => ../a\n"
)
INI = '[a]\nb = 1\nc: 2\nflag\nlist =\n  one\n  two\n\n; said\n[sub "x"]\n\tpath = y\n'
FILES = {
    ".env.example": ENV,
    "requirements/requirements-dev.txt": REQUIREMENTS,
    ".dockerignore": IGNORED,
    ".gitattributes": "* text=auto\n*.png binary\n*.sh text eol=lf -diff\n[attr]big !filter\n",
    "CODEOWNERS": "* @ada\n/docs/ @a/team grace@example.com\n[Section]\n",
    "Procfile": "web: gunicorn app:app\nworker: python work.py\n",
    "go.mod": MODULE,
    "go.sum": "github.com/a/b v1.2.3 h1:abc+/=\ngithub.com/a/b v1.2.3/go.mod h1:abc=\n",
    "setup.cfg": INI,
    "app.properties": "# said\na.b=c\nd : e\nlong=one \\\n  two\nempty\n",
    "people.csv": '# people\nid,name\n1,"Ada, the first\n\nof all"\n2,\n',
    "people.tsv": "id\tname\n1\tAda\n2\t\n",
}


@pytest.mark.parametrize("path", FILES)
def test_a_file_of_entries_is_whole(path: str) -> None:
    assert parse(path, FILES[path]).state is State.WHOLE


@pytest.mark.parametrize(
    "said", ["Done.", "See above.", "(It stays as it was before.)", "Sure! What should it contain?", "The list is:"]
)
@pytest.mark.parametrize("path", [path for path in FILES if path not in {"setup.cfg", "app.properties", "Procfile"}])
def test_a_sentence_is_no_entry(path: str, said: str) -> None:
    parsed = parse(path, said)

    assert (parsed.state, parsed.line) == (State.BROKEN, 1)


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("a.csv", "a,b\n1,2\nand so on\n3,4\n", 3),
        (".gitignore", "dist/\nimport os\ndef f(a):\n    return a\n", 3),
        ("requirements.txt", "import os\n", 1),
        ("setup.cfg", "import os\n\na = 1\n", 1),
    ],
)
def test_a_line_that_is_no_entry_is_named(path: str, text: str, line: int) -> None:
    parsed = parse(path, text)

    assert (parsed.state, parsed.line) == (State.BROKEN, line)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.csv", "a,b,c\n1,2,3\n4,5"),
        ("a.csv", 'a,b\n1,"two'),
        ("go.mod", "module a\n\nrequire (\n\tb v1\n"),
        ("requirements.txt", "flask\nrequests=="),
        ("app.properties", "a=1 \\"),
    ],
)
def test_an_end_in_the_middle_of_an_entry_is_seen(path: str, text: str) -> None:
    assert parse(path, text).state is State.UNFINISHED


@pytest.mark.parametrize(
    ("path", "text"), [("a.csv", "a,b\n1,2,3\n4,5,6,7\n"), ("a.csv", "name\nAda\nGrace\n"), ("my.cfg", "import os\n")]
)
def test_what_may_be_such_a_file_is_not_judged(path: str, text: str) -> None:
    assert parse(path, text).state is State.NOT_JUDGED

"""Attributes and arguments: what is told of objects whose class is certain, and what is not."""

# ruff: noqa: E501 - a file on one line is read more easily than on ten
import pytest

from smol_dev.checks import check

STORE = """class Store:
    limit = 10

    def __init__(self, path, *, fresh=False):
        self.path = path
        self.items: list[str] = []

    def save(self):
        self.items.append(self.path)

    @classmethod
    def read(cls, path):
        return cls(path)
"""
USED = "from store import Store\n\nstore = Store('a')\n"

FAULTS = {
    "a method of self": (
        {"store.py": STORE.replace("self.items.append(self.path)", "self.sav()") + "Store('a')\n"},
        "store.py:9:9: `Store` (store.py) does not define `sav`; it defines: `save`, `path`, `read`, `items`, `limit`",
    ),
    "a method of cls": (
        {"store.py": STORE.replace("return cls(path)", "return cls.open(path)") + "Store('a')\n"},
        "store.py:13:16: `Store` (store.py) does not define `open`; it defines: `path`, `read`, `save`, `items`, `limit`",
    ),
    "a method of an object of another file": (
        {"main.py": USED + "store.load()\n", "store.py": STORE},
        "main.py:4:1: `Store` (store.py) does not define `load`; it defines: `read`, `path`, `save`, `limit`, `items`",
    ),
    "an object that a function makes for itself": (
        {"main.py": "import store\ndef main():\n    one = store.Store('a')\n    one.sav()\n", "store.py": STORE},
        "main.py:4:5: `Store` (store.py) does not define `sav`; it defines: `save`, `path`, `read`, `items`, `limit`",
    ),
    "an object that another module made": (
        {"main.py": "from app import store\nstore.load()\n", "app.py": USED, "store.py": STORE},
        "main.py:2:1: `Store` (store.py) does not define `load`; it defines: `read`, `path`, `save`, `limit`, `items`",
    ),
    "an object that an object holds": (
        {
            "game.py": (
                "from store import Store\nclass Game:\n    def __init__(self):\n        self.store = Store('a')\n"
                "    def end(self):\n        self.store.close()\nGame()\n"
            ),
            "store.py": STORE,
        },
        "game.py:6:9: `Store` (store.py) does not define `close`; it defines: `save`, `read`, `items`, `limit`, `path`",
    ),
    "an object that an annotation promises": (
        {"main.py": USED + "def show(one: Store):\n    one.print()\n", "store.py": STORE},
        "main.py:5:5: `Store` (store.py) does not define `print`; it defines: `path`, `items`, `limit`, `read`, `save`",
    ),
    "a method of a class derived": (
        {"main.py": "from store import Store\nclass Files(Store):\n    ...\nFiles('a').list()\n", "store.py": STORE},
        "main.py:4:1: `Files` (main.py) does not define `list`; it defines: `limit`, `items`, `path`, `save`, `read`",
    ),
    "a member of an enumeration": (
        {"main.py": "from enum import Enum\nclass Color(Enum):\n    RED = 1\nprint(Color.BLUE)\n"},
        "main.py:4:7: `Color` (main.py) does not define `BLUE`; it defines: `RED`",
    ),
    "a field of a data class": (
        {
            "main.py": (
                "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n    y: int = 0\n"
                "print(Point(1).z)\n"
            )
        },
        "main.py:6:7: `Point` (main.py) does not define `z`; it defines: `x`, `y`",
    ),
    "a keyword that a function does not take": (
        {"main.py": "import store\nstore.save(path='a', itms=[])\n", "store.py": "def save(path, items): ...\n"},
        "main.py:2:1: `store.save` takes no argument `itms`; it takes: `path`, `items`",
    ),
    "too many arguments": (
        {"main.py": USED + "store.save('b')\n", "store.py": STORE},
        "main.py:4:1: `store.save` takes 0 positional arguments, and is given 1; it takes none",
    ),
    "an argument that is not given": (
        {"main.py": "from store import Store\nStore()\n", "store.py": STORE},
        "main.py:2:1: `Store` is called without `path`; it takes: `path`, `fresh`",
    ),
    "an argument of a class method": (
        {"main.py": "from store import Store\nStore.read()\n", "store.py": STORE},
        "main.py:2:1: `Store.read` is called without `path`; it takes: `path`",
    ),
}


@pytest.mark.parametrize(("files", "message"), FAULTS.values(), ids=FAULTS)
def test_what_an_object_certainly_does_not_have_is_told(files: dict[str, str], message: str) -> None:
    assert [str(problem) for problem in check(files)] == [message]


def method(body: str, around: str = "") -> dict[str, str]:
    """A class with a method of this body, of which an object is made."""
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return {"a.py": f"import other\n{around}class A:\n    def go(self, *args):\n{lines}\n\nA().go()\n"}


NEAR_MISSES = {
    "a class that a function may derive others from": {
        "a.py": "from other import mixed\nclass A:\n    def go(self): self.assertTrue(1)\nmixed(A)\n"
    },
    "a class below one that is mixed": {
        "a.py": "def mixed(*kinds): return [type('T', (each, object), {}) for each in kinds]\n",
        "b.py": "from a import mixed\nclass A:\n    def go(self): self.assertTrue(1)\nclass B(A): ...\nmixed(B)\n",
    },
    "a method that is one of the class by its name": {
        "a.py": "class A:\n    def __init_subclass__(cls): ...\nA.__init_subclass__()\n"
    },
    "what every module has": {
        "a.py": "X = 1\n",
        "b.py": "from a import __file__, __name__ as name\n",
        "c/__init__.py": "from c import __file__\n",
    },
    "classes that are mixed later": {
        "a.py": "class A:\n    def go(self): return self.x\nKINDS = {'a': A}\ndef make(base): return type('B', (KINDS['a'], base), {})\n"
    },
    "a class whose base is from elsewhere": {"a.py": "from other import B\nclass A(B): ...\nA().go()\n"},
    "a class that answers for every name": {
        "a.py": "class A:\n    def __getattr__(self, name): ...\nclass B(A): ...\nB().go(); A().stay()\n"
    },
    "names that are set by a loop": method("for each in args:\n    setattr(self, each, 1)\nself.x"),
    "names that a dictionary holds": method("self.__dict__.update(args)\nself.x"),
    "an attribute that is set from outside": {
        "a.py": "class A:\n    def go(self): return self.x\na = A()\na.x = 1\na.go()\n"
    },
    "an attribute that is asked for": method("if hasattr(self, 'x'):\n    self.x"),
    "an attribute whose absence is expected": method("try:\n    self.x\nexcept AttributeError: ..."),
    "an attribute with a name that is set": method("object.__setattr__(self, 'x', 1)\nself.x"),
    "slots": {"a.py": "class A:\n    __slots__ = ('x', 'y')\n    def go(self): return self.x, self.y\nA()\n"},
    "a mixin": {
        "a.py": "class Saves:\n    def save(self): self.write()\nclass A(Saves):\n    def write(self): ...\nA().save()\n"
    },
    "a class made for others": {"a.py": "class Saves:\n    def save(self): self.write()\n"},
    "a class of classes": {"a.py": "class Meta(type): ...\nclass A(metaclass=Meta): ...\nA.go()\nA().go()\n"},
    "a decorator that is not known": {"a.py": "import other\n@other.fill\nclass A: ...\nA().go()\n"},
    "attributes of a class of the library": {
        "a.py": "import threading\nclass A(threading.Thread):\n    def run(self): print(self.name, self._target)\nA().start()\n"
    },
    "an exception's arguments": {"a.py": "class A(Exception): ...\nraise A(1, 2).with_traceback(None)\n"},
    "a name that is bound twice": {"a.py": "class A: ...\na = A()\na = [a]\na.append(1)\n"},
    "a parameter that hides an object": {"a.py": "class A: ...\na = A()\ndef go(a): a.append(1)\n"},
    "a name that a loop binds": {"a.py": "class A: ...\na = A()\nfor a in [[]]:\n    a.append(1)\n"},
    "a class that makes something else": {"a.py": "class A:\n    def __new__(cls, *args): return []\nA(1).append(1)\n"},
    "a module that another one fills": {
        "main.py": "import store\nimport fill\nstore.load()\n",
        "fill.py": "import store\nstore.load = print\n",
        "store.py": "x = 1\n",
    },
    "a class of two definitions": {
        "a.py": "import sys\nif sys.argv:\n    class A:\n        def go(self): ...\nelse:\n    class A: ...\nA().go()\n"
    },
    "an attribute of one of the classes below": {
        "a.py": (
            "class A:\n    def go(self): return self.x\nclass B(A):\n    x = 1\ndef show(a: A): return a.x\nB().go(), A()\n"
        )
    },
    "a nested class": {"a.py": "class A:\n    class B:\n        x = 1\n    def go(self): return self.B.x\nA().go()\n"},
    "a named tuple": {
        "a.py": "from typing import NamedTuple\nclass A(NamedTuple):\n    x: int\nprint(A(1)._replace(x=2)._asdict().items())\n"
    },
    "a type variable's class": {
        "a.py": "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass A(Generic[T]):\n    x: T\nprint(A[int]().x)\n"
    },
    "an instance that parses arguments into itself": method("self.parser.parse_args(args, self)\nself.x", ""),
    "arguments that are unpacked": {"a.py": "def go(a, b): ...\nargs = (1, 2)\ngo(*args)\ngo(**{'a': 1, 'b': 2})\n"},
    "a function that a decorator wraps": {"a.py": "import other\n@other.fill\ndef go(a, b): ...\ngo()\n"},
    "a method called through its class": {"a.py": "class A:\n    def go(self, x): ...\nA.go(A(), 1)\n"},
    "a call that is expected to fail": {
        "test_a.py": "import pytest\ndef go(a): ...\ndef test_go():\n    with pytest.raises(TypeError):\n        go()\n"
    },
    "a method that a class below overrides": {
        "a.py": (
            "class A:\n    def go(self): ...\n    def run(self): self.go(1)\nclass B(A):\n    def go(self, x): ...\nB().run()\n"
        )
    },
    "a static method": {"a.py": "class A:\n    @staticmethod\n    def go(x): ...\nA.go(1)\nA().go(1)\n"},
    "fields of a data class": {
        "a.py": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nA(1)\nA(x=1)\n"
    },
    "an object that may be another": {
        "a.py": "class A: ...\nclass B:\n    def go(self): ...\ndef main(x):\n    a = A() if x else B()\n    a.go()\n"
    },
    "a property's value": {"a.py": "class A:\n    @property\n    def x(self): return []\nA().x.append(1)\n"},
    "a global that a function rebinds": {
        "a.py": "class A: ...\na = A()\ndef go():\n    global a\n    a = []\ngo()\na.append(1)\n"
    },
    "a mock of a test": {
        "a.py": "class A: ...\n",
        "test_a.py": "from unittest import mock\nfrom a import A\na = mock.create_autospec(A)\na.go.assert_called()\n",
    },
}


@pytest.mark.parametrize("files", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_what_an_object_may_have_is_not_told(files: dict[str, str]) -> None:
    assert check(files) == ()

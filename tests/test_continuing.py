"""Answers that are cut off, over HTTP: the file is what the model meant byte for byte, or it is not written."""

import re
from pathlib import Path

import pytest

import smol_dev
from tests.fake_server import Canned, FakeServer, Received, delta, json_answer, sse

PLAN = "# Plan\n\nOne file."
PYTHON = '''\
"""Streaks — consecutive days."""

from datetime import date, timedelta


def streak(days: set[date]) -> int:
    """Return how many days in a row end today."""
    cursor, count = date.today(), 0
    while cursor in days:
        count += 1
        cursor -= timedelta(days=1)

    return count


def longest(days: set[date]) -> int:
    best = 0
    for day in days:
        if day - timedelta(days=1) not in days:
            length = 1
            while day + timedelta(days=length) in days:
                length += 1
            best = max(best, length)
    return best
'''
YAML = """\
name: build
on:
  push:
    branches: [main]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: |
          make
          make test
"""
JAVASCRIPT = """\
export function total(items) {
  let sum = 0;
  for (const item of items) {
    if (item.done) {
      sum += item.price;
    }
  }
  return sum;
}

export function label(items) {
  return `${items.length} × ${total(items)} €`;
}
"""
FILES = {"streaks.py": PYTHON, "ci.yaml": YAML, "cart.js": JAVASCRIPT}


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def cut_short(text: str) -> Canned:
    return sse(delta(text), delta(finish="length"), "[DONE]")


def finished(text: str) -> Canned:
    return sse(delta(text), delta(finish="stop"), "[DONE]")


class Model:
    """Writes the file in a block; its first answer is cut off at `at`, then it goes on in some way.

    Asked to begin with certain lines, it gives what stands behind them through `goes_on`, which gets the
    lines, and the rest of the answer.
    """

    def __init__(self, path: str, at: int, goes_on: str = "{lines}\n{rest}") -> None:
        fence = "````" if path.endswith(".yaml") else "```"
        self.whole = f"{fence}{path.rpartition('.')[2]}\n{FILES[path]}{fence}"
        self.at = self.whole.index("\n") + 1 + at
        self.goes_on = goes_on
        self.asked = 0

    def __call__(self, request: Received) -> Canned:
        if not request.path.endswith("/chat/completions"):
            return json_answer({"data": [{"id": "m"}]})
        self.asked += 1
        last = request.json()["messages"][-1]["content"]
        quoted = re.search(r"are:\n```\n(.*?)\n```\nBegin", last, re.DOTALL)
        if quoted is None:
            return cut_short(self.whole[: self.at]) if self.asked == 1 else finished(self.whole)
        lines = quoted[1]
        rest = self.whole[self.whole.index(f"{lines}\n") + len(lines) + 1 :]
        return finished(self.goes_on.format(lines=lines, rest=rest, whole=self.whole))


def generated(path: str, model: Model, **settings: object) -> str:
    with FakeServer(model) as server:
        profile = smol_dev.load_profile(
            "local-llamacpp",
            overrides={"base_url": server.base_url, "model": "m", "provider": "compatible", **settings},
        )
        return smol_dev.generate_code_sync("a program", PLAN, path, profile=profile)


@pytest.mark.parametrize("path", FILES)
def test_cut_at_any_character_the_file_is_whole(path: str) -> None:
    places = range(0, len(FILES[path]), 23)
    assert {generated(path, Model(path, place)) for place in places} == {FILES[path]}


@pytest.mark.parametrize(
    ("goes_on", "requests"),
    [
        pytest.param("{lines}\n{rest}", 2, id="as asked"),
        pytest.param("```python\n{lines}\n{rest}", 2, id="re-opens the block"),
        pytest.param("Sure, here is the rest:\n\n```python\n{lines}\n{rest}", 2, id="explains first"),
        pytest.param("{whole}", 2, id="begins again"),
        pytest.param("{rest}", 3, id="repeats nothing"),
        pytest.param(" {lines}\n{rest}", 3, id="repeats inexactly"),
        pytest.param("def longest(days):\n    return 0\n```", 3, id="skips a function"),
        pytest.param("I am sorry, I cannot continue.", 3, id="prose"),
        pytest.param("", 3, id="nothing"),
    ],
)
def test_however_the_model_goes_on_the_file_is_what_it_meant(goes_on: str, requests: int) -> None:
    model = Model("streaks.py", PYTHON.index("timedelta(days=1)\n") + 6, goes_on)
    assert generated("streaks.py", model) == PYTHON
    assert model.asked == requests


@pytest.mark.parametrize(
    "marker",
    [
        pytest.param("\n    return count", id="before a newline"),
        pytest.param("    return count", id="before indentation"),
        pytest.param(" days:", id="before a space"),
        pytest.param("edelta", id="in mid-word"),
    ],
)
def test_nothing_is_glued_or_lost_where_it_was_cut(marker: str) -> None:
    assert generated("streaks.py", Model("streaks.py", PYTHON.index(marker))) == PYTHON


def test_lines_that_occur_often_are_told_apart_or_the_file_is_asked_for_again() -> None:
    behind_a_brace = JAVASCRIPT.index("  }\n  return sum") + 4
    assert generated("cart.js", Model("cart.js", behind_a_brace)) == JAVASCRIPT


class Continuing(Model):
    """A server that goes on with the assistant's turn that a request ends with, from the very character."""

    def __call__(self, request: Received) -> Canned:
        if not request.path.endswith("/chat/completions"):
            return json_answer({"data": [{"id": "m"}]})
        self.asked += 1
        last = request.json()["messages"][-1]
        said = last["content"] if last["role"] == "assistant" else ""
        assert self.whole.startswith(said)
        rest = self.whole[len(said) :]
        return cut_short(rest[: self.at]) if len(rest) > self.at else finished(rest)


@pytest.mark.parametrize("size", [40, 100, 333])
@pytest.mark.parametrize("path", FILES)
def test_a_server_that_goes_on_is_given_every_piece_back(path: str, size: int) -> None:
    model = Continuing(path, 0)
    fence, language = {"streaks.py": ("```", "python"), "ci.yaml": ("````", "yaml"), "cart.js": ("```", "javascript")}[
        path
    ]
    model.whole, model.at = f"{fence}{language}\n{FILES[path]}{fence}", size
    assert generated(path, model, provider="llamacpp") == FILES[path]
    assert model.asked >= len(FILES[path]) // size


class Repeating(Continuing):
    """A server that goes on with the turn it is given, and a model that begins `back` behind it, or anew."""

    def __init__(self, path: str, at: int, back: str) -> None:
        super().__init__(path, at)
        language = {"streaks.py": "python", "cart.js": "javascript"}[path]
        self.whole, self.at = f"```{language}\n{FILES[path]}```", at
        self.back = re.compile(back)

    def __call__(self, request: Received) -> Canned:
        last = request.json()["messages"][-1] if request.path.endswith("/chat/completions") else {}
        if last.get("role") != "assistant":
            return Model.__call__(self, request)
        said = last["content"]
        if said.endswith("\n"):
            return super().__call__(request)
        self.asked += 1
        place = next(found.start() for found in self.back.finditer(said) if found.end() == len(said))
        return finished(self.whole[place:])


@pytest.mark.parametrize(
    "back",
    [
        pytest.param(r"\w+", id="with the word that was cut"),
        pytest.param(r"\S+", id="behind the last space"),
        pytest.param(r"[^\n]+", id="with the line that was cut"),
        pytest.param(r"[^\n]+\n[^\n]+", id="with two lines"),
        pytest.param(r"[^`\n]+\n[^`]+", id="with the first line of the file"),
    ],
)
@pytest.mark.parametrize(("path", "marker"), [("streaks.py", "edelta(days=length)"), ("cart.js", "tem.price")])
def test_a_model_that_says_again_what_it_is_given_is_asked_at_the_last_lines(path: str, marker: str, back: str) -> None:
    model = Repeating(path, FILES[path].index(marker), back)
    assert generated(path, model, provider="llamacpp") == FILES[path]
    assert model.asked == 3

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from smol_dev.events import Asked, ProblemFound
from smol_dev.ui import report
from smol_dev.ui.report import Shown, page

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = '<script>alert(1)</script><img src="http://evil.example/x.png">\u202e\x1b[31m'
WIDTHS = (360, 800, 1440)


def whole(**changes: object) -> str:
    problem = ProblemFound("main.py", 3, 1, "python-import", "`store` does not define `lode`", mended=True)
    parts: dict[str, object] = {
        "prompt": "a shop\nwith a cart",
        "plan": "# Shop\n\nA *small* shop.\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "facts": (("model", "qwen3.5:9b"), ("server", "http://localhost:11434/v1")),
        "program": (
            Shown("main.py", "import store\n\nstore.lode()\n" + "x = 1\n" * 30, "written, 60 bytes", (problem,)),
            Shown("a/very/long/path/" + "n" * 90 + "/style.css", "body { color: red }\n", "written, 20 bytes"),
            Shown("gone.py", None, "failed: the answer was cut off"),
        ),
        "requests": (
            Asked("plan", None, 0.0, 1.5, 0.5, 4.0, 120, 0, 300),
            Asked("code", "main.py", 6.0, 0.1, 0.2, 3.0, 460, 420, 200, "asked again", "no code"),
            Asked("code", "style.css", 9.3, 0.1, 0.0, 1.0),
        ),
    }
    return page(**{**parts, **changes})  # type: ignore[arg-type]  # the names are those of `page`


class Elements(HTMLParser):
    """The tags of a page with their attributes, and the text of each kind of element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            """An element that needs no end, such as `meta`, is open no longer."""

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def test_it_loads_nothing_and_runs_nothing() -> None:
    elements = Elements(whole())
    names = {tag for tag, _ in elements.tags}
    assert names & {"script", "img", "link", "iframe", "object", "embed", "form", "base"} == set()
    assert not any(
        key in attributes for _, attributes in elements.tags for key in ("src", "srcset", "onclick", "onload")
    )
    links = [attributes["href"] for tag, attributes in elements.tags if tag == "a"]
    assert links == ["#plan", "#prompt", "#plan", "#problems", "#files", "#time"]
    assert "url(" not in whole()
    assert "@import" not in whole()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"prompt": HOSTILE}, id="prompt"),
        pytest.param(
            {"plan": f"{HOSTILE}\n\n![x](http://evil.example/y.png) [z](javascript:alert(1)) &#x202e; &#27;"}, id="plan"
        ),
        pytest.param({"program": (Shown(f"{HOSTILE}.py", HOSTILE, HOSTILE),)}, id="file"),
        pytest.param(
            {"program": (Shown("a.py", "1", "", (ProblemFound(HOSTILE, 1, 1, HOSTILE, HOSTILE, mended=False),)),)},
            id="problem",
        ),
        pytest.param({"requests": (Asked("code", HOSTILE, 0, 1, 1, 1, reason=HOSTILE),)}, id="request"),
        pytest.param({"facts": ((HOSTILE, HOSTILE),)}, id="fact"),
    ],
)
def test_foreign_text_stays_text(changes: dict[str, object]) -> None:
    text = whole(**changes)
    elements = Elements(text)
    assert {tag for tag, _ in elements.tags} & {"script", "img"} == set()
    assert all((attributes["href"] or "")[0] == "#" for tag, attributes in elements.tags if tag == "a")
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_it_tells_what_was_asked_and_what_came() -> None:
    elements = Elements(whole())
    assert elements.texts["h1"][0] == "a shop"
    assert elements.texts["h3"][0] == "Shop"
    assert "<code>store</code> does not define <code>lode</code> <em>(mended)</em>" in whole()
    assert elements.texts["em"][0] == "small"
    assert "(mended)" in elements.texts["em"]
    cells = elements.texts["td"]
    assert cells[2:11] == ["0.00 s", "1.50 s", "0.50 s", "4.00 s", "0", "120", "300", "used", "6.00 s"]
    assert cells[-4:] == ["–", "–", "–", "used"]


def test_every_part_has_a_name_for_those_who_hear_the_page() -> None:
    elements = Elements(whole())
    ids = {attributes["id"] for _, attributes in elements.tags if "id" in attributes}
    named = [attributes for tag, attributes in elements.tags if tag in {"section", "figure", "nav"}]
    assert all(attributes.get("aria-label") or attributes.get("aria-labelledby") in ids for attributes in named)
    assert ("html", {"lang": "en"}) in elements.tags
    scrolled = [attributes for _, attributes in elements.tags if attributes.get("role") == "region"]
    assert all(attributes.get("tabindex") == "0" and attributes.get("aria-label") for attributes in scrolled)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(theme: int) -> None:
    css = Path(report.__file__).with_name("report.css").read_text(encoding="utf-8")
    colours = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(r":root \{([^}]*)\}", css)][theme]
    for text in ("text", "line", "link", "one", "two", "three"):
        least = 3.0 if text in {"one", "two", "three"} else 4.5
        assert contrast(colours[text], colours["soft"]) >= least, text
        assert contrast(colours[text], colours["back"]) >= least, text


def contrast(one: str, other: str) -> float:
    """The ratio of luminance, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_a_large_program_is_shown_in_part() -> None:
    text = whole(program=tuple(Shown(f"{name}.txt", "x = 1\n" * 60_000, "written") for name in "abcdefgh"))
    assert text.count("160,000 more characters") == 8
    assert len(text) < 60 * 1024 * 1024


FRAME = """<!DOCTYPE html><body><script>
const widths = {widths}, found = [];
for (const width of widths) {{
  const frame = document.createElement("iframe");
  frame.style.width = width + "px"; frame.style.border = 0; frame.src = "/report";
  frame.onload = () => {{
    const page = frame.contentDocument;
    for (const each of page.querySelectorAll("details")) each.open = true;
    const count = (selector) => page.querySelectorAll(selector).length, root = page.documentElement;
    found.push([width, root.scrollWidth - root.clientWidth, count("a, summary, [tabindex='0']"), count(".bars li")]);
    if (found.length === widths.length) {{
      found.sort((a, b) => a[0] - b[0]);
      document.body.innerHTML = "<pre>" + JSON.stringify(found) + "</pre>";
    }}
  }};
  document.body.append(frame);
}}
</script></body>"""


@contextmanager
def served(pages: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_it_at_three_widths_and_asks_for_nothing_else(tmp_path: Path) -> None:
    with served({"/": FRAME.format(widths=list(WIDTHS)), "/report": whole()}) as (address, asked):
        result = subprocess.run(
            [
                str(BROWSER),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={tmp_path}",
                "--virtual-time-budget=10000",
                "--dump-dom",
                f"{address}/",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
    found = re.search(r"<pre>(.*?)</pre>", result.stdout)
    assert found, result.stderr
    elements = Elements(whole())
    focusable = sum(tag in {"a", "summary"} or attributes.get("tabindex") == "0" for tag, attributes in elements.tags)
    assert found[1] == str([[width, 0, focusable, 6] for width in WIDTHS]).replace(" ", "")
    assert set(asked) <= {"/", "/report", "/favicon.ico"}

"""The report of a run: one HTML page with the plan, the files, their problems, and where the time went.

The page loads nothing and runs no script, and its policy forbids both. Everything that a model wrote is escaped.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

from smol_dev.events import Asked, ProblemFound
from smol_dev.safe import safe
from smol_dev.ui.markdown import read
from smol_dev.ui.sentences import counted

MOST_SHOWN: Final = 200_000
"""Characters of a file or the plan that are shown."""

MOST_COLOURED: Final = 400_000
"""Characters of all files that are highlighted; the rest is plain."""

STAGES: Final = {"plan": "plan", "files": "file list", "code": "files to change", "fix": "files to mend"}
"""What a request without a path was for."""

Parts = Mapping[str, Callable[[Asked], float | None]]

TIMES: Final[Parts] = {
    "wait": lambda asked: asked.wait,
    "prompt": lambda asked: asked.evaluation,
    "generation": lambda asked: asked.generation,
}
COUNTS: Final[Parts] = {
    "cached": lambda asked: asked.cached_tokens,
    "evaluated": lambda asked: asked.evaluated,
    "generated": lambda asked: asked.completion_tokens,
}
"""The parts of a request's bar, by their names in the style sheet."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A file of the program: its text (None if it is absent), its state, and its problems."""

    path: str
    text: str | None
    state: str
    problems: tuple[ProblemFound, ...] = ()


def page(
    *,
    prompt: str,
    plan: str,
    facts: Sequence[tuple[str, str]],
    program: Sequence[Shown],
    requests: Sequence[Asked],
    check: str = "",
) -> str:
    """Return the whole page; `facts` are the lines of its head, `check` is the result of the user's check."""
    title = escape(safe(prompt.strip().split("\n", 1)[0])[:80]) or "A run"
    head = "".join(f"<div><dt>{_escaped(name)}</dt><dd>{_escaped(value)}</dd></div>" for name, value in facts)
    checked = f"<p>Your check: {_sentence(check)}</p>" if check else ""
    body = [
        f"<header><h1>{title}</h1><dl>{head}</dl></header>",
        _section("prompt", "Prompt", f"<pre class=text>{_text(prompt)}</pre>"),
        _section("plan", "Plan", f"<div class=plan>{_markdown(plan)}</div>" if plan else "<p>There is no plan.</p>"),
        _section("problems", "Problems", _problems(program) + checked),
        _section("files", "Files", "".join(_files(program)) or "<p>No file is there.</p>"),
        _section("time", "Requests", _requests(requests)),
    ]
    html, css = (files(__package__).joinpath(f"report.{kind}").read_text(encoding="utf-8") for kind in ("html", "css"))
    return Template(html).substitute(title=title, style=css + _code_style(), body="\n".join(body))


def fragment(*, plan: str, program: Sequence[Shown]) -> str:
    """Return plan, problems and files as HTML without styles or ids, to embed in another page: a notebook."""
    parts = (("Plan", _markdown(plan)), ("Problems", _problems(program)), ("Files", "".join(_files(program))))
    return "".join(f"<section><h2>{heading}</h2>{content}</section>" for heading, content in parts if content)


def _section(name: str, heading: str, content: str) -> str:
    return f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{heading}</h2>{content}</section>'


def _escaped(text: str) -> str:
    return escape(safe(text))


def _sentence(text: str) -> str:
    return re.sub(r"`([^`]{1,500})`", r"<code>\1</code>", _escaped(text))


def _text(text: str) -> str:
    more = f"\n… {len(text) - MOST_SHOWN:,} more characters" if len(text) > MOST_SHOWN else ""
    return escape(safe(text[:MOST_SHOWN], keep_newlines=True) + more)


def _markdown(text: str) -> str:
    reader, tokens = read(safe(text[:MOST_SHOWN], keep_newlines=True))
    for token in tokens:
        if token.type.startswith("heading_"):  # below the page's own headings
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
    return str(reader.renderer.render(tokens, reader.options, {}))


def _problems(program: Sequence[Shown]) -> str:
    items = "".join(
        f"<li><code>{_escaped(f'{each.path}:{each.line}')}</code> {_sentence(each.message)}"
        f"{' <em>(mended)</em>' if each.mended else ''}</li>"
        for file in program
        for each in file.problems
    )
    return f"<ul>{items}</ul>" if items else "<p>The files fit together: no problem was found.</p>"


def _files(program: Sequence[Shown]) -> Iterator[str]:
    left = MOST_COLOURED
    for file in program:
        name, note = _escaped(file.path), _escaped(file.state)
        if file.text is None:
            yield f"<p><code>{name}</code> <span class=note>{note}</span></p>"
            continue
        left -= len(file.text)
        code = _code(file.path, file.text) if left >= 0 else f"<pre>{_text(file.text)}</pre>"
        marked = f" · {counted(len(file.problems), 'problem')}" if file.problems else ""
        yield (
            f"<details{' open' if len(program) == 1 or file.problems else ''}><summary><code>{name}</code>"
            f" <span class=note>{note}{marked}</span></summary>"
            f'<div class=code tabindex=0 role=region aria-label="{name}">{code}</div></details>'
        )


def _code(path: str, text: str) -> str:
    try:
        lexer = get_lexer_for_filename(path, stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)
    shown = safe(text[:MOST_SHOWN], keep_newlines=True)
    more = f"<p>… {len(text) - MOST_SHOWN:,} more characters</p>" if len(text) > MOST_SHOWN else ""
    return str(highlight(shown, lexer, HtmlFormatter(nowrap=False, cssclass="source"))) + more


def _code_style() -> str:
    light, dark = (HtmlFormatter(style=style, cssclass="source") for style in ("default", "github-dark"))
    rules = [formatter.get_style_defs(".source") for formatter in (light, dark)]  # type: ignore[no-untyped-call]
    return f"{rules[0]}\n@media (prefers-color-scheme: dark) {{\n{rules[1]}\n}}"


def _requests(requests: Sequence[Asked]) -> str:
    """Return the timeline, a bar per request with its tokens, and the same as a table."""
    if not requests:
        return "<p>The record of this run holds no requests.</p>"
    whole = max(each.end for each in requests) or 1.0
    what = f"{counted(len(requests), 'request')} in {whole:.1f} seconds; the figures are in the table below"
    times = (_bar(each, TIMES, whole, f"{each.end - each.start:.1f} s", start=each.start) for each in requests)
    figures = _figure("Time", what, TIMES, times)
    sums = [sum(count(each) or 0 for count in COUNTS.values()) for each in requests]
    if any(sums):
        counts = (_bar(each, COUNTS, max(sums), f"{total:,}") for each, total in zip(requests, sums, strict=True))
        figures += _figure("Tokens", f"{sum(sums):,} tokens in all", COUNTS, counts)
    return figures + _table(requests)


def _what(asked: Asked) -> str:
    return _escaped(asked.path or STAGES[asked.stage])


def _bar(asked: Asked, parts: Parts, whole: float, end: str, *, start: float = 0.0) -> str:
    bars = [f'<i style="width:{start / whole:.3%}"></i>'] if start else []
    shares = {name: (part(asked) or 0) / whole for name, part in parts.items()}
    bars += [f'<i class="{name}" style="width:{share:.3%}"></i>' for name, share in shares.items() if share > 0]
    return f"<li><span>{_what(asked)}</span><b>{''.join(bars)}</b><span>{end}</span></li>"


def _figure(title: str, what: str, parts: Parts, bars: Iterable[str]) -> str:
    legend = "".join(f'<li><i class="{name}"></i>{name}</li>' for name in parts)
    return (
        f'<figure role=img aria-label="{title}: {escape(what)}"><figcaption>{title}: {escape(what)}</figcaption>'
        f"<ul class=legend>{legend}</ul><ol class=bars>{''.join(bars)}</ol></figure>"
    )


def _table(requests: Sequence[Asked]) -> str:
    rows = ""
    for each in requests:
        seconds = (each.start, *(part(each) or 0.0 for part in TIMES.values()))
        counts = (count(each) for count in COUNTS.values())
        cells = [*(f"{time:.2f} s" for time in seconds), *("–" if count is None else f"{count:,}" for count in counts)]
        cells.append(_escaped(f"{each.outcome}: {each.reason}" if each.reason else each.outcome))
        rows += f"<tr><th scope=row>{_what(each)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    heads = ("request", "start", *TIMES, *COUNTS, "outcome")
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    return (
        '<details><summary>The same as a table</summary><div class=code tabindex=0 role=region aria-label="Requests">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )

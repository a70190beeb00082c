"""A plan as Markdown: read without links, images, HTML or entities, and drawn on a terminal block by block."""

from typing import ClassVar, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement, TextElement
from rich.segment import Segment
from rich.syntax import Syntax

SWITCHED_OFF: Final = ("image", "link", "autolink", "entity", "reference", "html_block", "html_inline")
"""Syntax in which a model could hide something or link somewhere; it is shown as it was written."""


def read(text: str) -> tuple[MarkdownIt, list[Token]]:
    """Return the text's tokens, preceded by the parser that made them."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(list(SWITCHED_OFF))
    return reader, reader.parse(text)


class Title(TextElement):
    """A left-aligned heading, styled by its level."""

    def __init__(self, tag: str) -> None:
        self.style_name = f"markdown.{tag if tag in {'h1', 'h2', 'h3'} else 'h3'}"

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> "Title":  # noqa: ARG003 - the base class's signature
        """Return the heading that begins with this token."""
        return cls(token.tag)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "default"
        yield self.text


class Code(CodeBlock):
    """A block of code in the terminal's own colours and background."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip()
        yield Syntax(code, self.lexer_name, theme="ansi_dark", background_color="default", word_wrap=True)


class Block(Markdown):
    """One block of a plan, already escaped, drawn without the blank lines and trailing spaces that rich adds."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": Title,
        "fence": Code,
        "code_block": Code,
    }

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False, justify="default")
        self.parsed = read(text)[1]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        drawn = Group(*super().__rich_console__(console, options))  # type: ignore[arg-type]  # segments are drawn too
        lines = [_stripped(line) for line in console.render_lines(drawn, options, pad=False)]
        written = [number for number, line in enumerate(lines) if line]
        for line in lines[written[0] : written[-1] + 1] if written else []:
            yield from line
            yield Segment.line()


def _stripped(line: list[Segment]) -> list[Segment]:
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    return [*kept[:-1], Segment(kept[-1].text.rstrip(), kept[-1].style)] if kept else []

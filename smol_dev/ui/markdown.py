"""A plan as Markdown: read without links, pictures, HTML and entities, and drawn on a terminal block by block."""

from typing import ClassVar, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement, TextElement
from rich.segment import Segment
from rich.syntax import Syntax

SWITCHED_OFF: Final = ("image", "link", "autolink", "entity", "reference", "html_block", "html_inline")
"""What a model could hide something in, or lead somewhere with; it stays as it was written."""


def read(text: str) -> tuple[MarkdownIt, list[Token]]:
    """Return the text's tokens, and the reader that made them."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(list(SWITCHED_OFF))
    return reader, reader.parse(text)


class Title(TextElement):
    """A heading at the left edge, as bold as its level."""

    def __init__(self, tag: str) -> None:
        self.style_name = f"markdown.{tag if tag in {'h1', 'h2', 'h3'} else 'h3'}"

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> "Title":
        """Return the heading that begins with this token."""
        del markdown
        return cls(token.tag)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the heading."""
        self.text.justify = "default"
        yield self.text


class Code(CodeBlock):
    """A block of code in the terminal's own colours, on its own background."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the code."""
        code = str(self.text).rstrip()
        yield Syntax(code, self.lexer_name, theme="ansi_dark", background_color="default", word_wrap=True)


class Whole(Markdown):
    """A text as Markdown of our kind."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": Title,
        "fence": Code,
        "code_block": Code,
    }

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False, justify="default")
        self.parsed = read(text)[1]


class Block:
    """One block of a plan, its text escaped already; without the spaces that rich fills up lines with."""

    def __init__(self, text: str) -> None:
        self._whole = Whole(text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines, from the first to the last that are not blank."""
        lines = [_stripped(line) for line in console.render_lines(self._whole, options, pad=False)]
        written = [number for number, line in enumerate(lines) if line]
        for line in lines[written[0] : written[-1] + 1] if written else []:
            yield from line
            yield Segment.line()


def _stripped(line: list[Segment]) -> list[Segment]:
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    return [*kept[:-1], Segment(kept[-1].text.rstrip(), kept[-1].style)] if kept else []

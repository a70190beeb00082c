"""What a path says about the text to expect: its type, and how comments and strings look in it."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of file.

    `names` are the words fences use for it. `line_comments` and `block_comments` are how comments
    begin (and end). `long_strings` are the quotes of strings that may span lines. `brackets` says
    that an unbalanced bracket means an unfinished file. `free_text` says that any text is valid,
    so nothing can be told from syntax. `apostrophe` is what a single quote begins: a string, one
    character (as in C), or nothing. `comment_marks` is everything that begins a comment.
    """

    name: str
    names: frozenset[str]
    line_comments: tuple[str, ...] = ()
    block_comments: tuple[tuple[str, str], ...] = ()
    long_strings: tuple[str, ...] = ()
    brackets: bool = False
    free_text: bool = False
    markup: bool = False
    heredocs: bool = False
    apostrophe: Literal["string", "character", "nothing"] = "string"
    comment_marks: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        opening = tuple(mark for mark, _ in self.block_comments)
        object.__setattr__(self, "comment_marks", (*self.line_comments, *opening))


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


C_COMMENTS: Final = (("/*", "*/"),)
MARKUP_COMMENTS: Final = (("<!--", "-->"),)
HASH: Final = ("#",)
SLASHES: Final = ("//",)

PYTHON: Final = Kind(
    "python",
    words("py py3 pyi python python3 sage starlark"),
    HASH,
    long_strings=('"""', "'''"),
    brackets=True,
)
JAVASCRIPT: Final = Kind(
    "javascript",
    words("javascript js jsx typescript ts tsx mjs cjs node ecmascript"),
    SLASHES,
    C_COMMENTS,
    ("`",),
    brackets=True,
)
C_LIKE: Final = Kind(
    "c",
    words(
        "c h cpp c++ cc cxx hpp java kotlin kt kts go golang rust rs csharp cs c# swift "
        "scala objc objectivec glsl hlsl wgsl zig v verilog arduino ino cuda d processing "
        "pde vala haxe hx gdshader"
    ),
    SLASHES,
    C_COMMENTS,
    ('"""', "`"),
    brackets=True,
    apostrophe="character",
)
QUOTED: Final = Kind(
    "curly",
    words("dart groovy gradle solidity sol proto protobuf thrift prisma jsonnet apex"),
    SLASHES,
    C_COMMENTS,
    ('"""', "'''"),
    brackets=True,
)
PHP: Final = Kind("php", words("php"), ("//", "#"), C_COMMENTS, markup=True, apostrophe="nothing")
CSS: Final = Kind(
    "css",
    words("css scss sass less stylus postcss"),
    SLASHES,
    C_COMMENTS,
    brackets=True,
)
JSON: Final = Kind(
    "json",
    words("json jsonc json5 geojson webmanifest ipynb"),
    SLASHES,
    C_COMMENTS,
    brackets=True,
)
TOML: Final = Kind("toml", words("toml"), HASH, long_strings=('"""', "'''"), apostrophe="nothing")
YAML: Final = Kind("yaml", words("yaml yml"), HASH)
INI: Final = Kind(
    "ini",
    words("ini cfg conf env dotenv properties editorconfig desktop"),
    ("#", ";"),
)
SHELL: Final = Kind(
    "shell",
    words("bash sh shell zsh fish ksh console terminal shellsession shell-session"),
    HASH,
    heredocs=True,
)
POWERSHELL: Final = Kind("powershell", words("powershell ps1 pwsh psm1"), HASH, (("<#", "#>"),))
BATCH: Final = Kind("batch", words("bat batch cmd"), ("REM ", "rem ", "::"))
HASHED: Final = Kind(
    "script",
    words(
        "ruby rb perl pl r nim tcl awk "
        "cmake makefile make dockerfile docker containerfile nginx nix just "
        "justfile hcl terraform tf tfvars gitignore dockerignore "
        "gitattributes requirements procfile gdscript gd po apache bazel meson"
    ),
    HASH,
    heredocs=True,
)
DOCUMENTED: Final = Kind(
    "documented",
    words("elixir ex exs julia jl crystal cr graphql gql coffee coffeescript"),
    HASH,
    long_strings=('"""',),
    heredocs=True,
)
DASHED: Final = Kind(
    "dashed",
    words("sql lua haskell hs ada elm postgres postgresql mysql sqlite"),
    ("--",),
    (("/*", "*/"), ("{-", "-}"), ("--[[", "]]")),
)
LISP: Final = Kind(
    "lisp",
    words("lisp clojure clj cljs scheme scm racket rkt elisp el asm s nasm"),
    (";",),
    apostrophe="nothing",
)
ML: Final = Kind(
    "ml",
    words(
        "ocaml ml mli fsharp fs pascal pas delphi sml matlab erlang erl prolog vb vbnet "
        "vba fortran f90 cobol"
    ),
    ("//", "%", "'", "!"),
    (("(*", "*)"),),
)
HTML: Final = Kind(
    "html",
    words("html htm xhtml vue svelte astro"),
    block_comments=(*MARKUP_COMMENTS, *C_COMMENTS),
    markup=True,
    apostrophe="nothing",
)
XML: Final = Kind(
    "xml",
    words("xml svg xsd xsl xslt rss atom plist xaml csproj pom iml resx ui kml wsdl storyboard"),
    block_comments=MARKUP_COMMENTS,
    markup=True,
    apostrophe="nothing",
)
TEMPLATE: Final = Kind(
    "template",
    words(
        "jinja jinja2 j2 ejs erb hbs handlebars mustache liquid twig njk nunjucks tmpl "
        "tpl gotmpl pug jade haml slim blade mako modelfile"
    ),
    block_comments=(("{#", "#}"), *MARKUP_COMMENTS, ("<%#", "%>"), ("{{!", "}}"), ("<%--", "--%>")),
    markup=True,
    apostrophe="nothing",
)
MARKDOWN: Final = Kind(
    "markdown",
    words("markdown md mdx rmd qmd mkd rst restructuredtext adoc asciidoc org"),
    block_comments=MARKUP_COMMENTS,
    free_text=True,
    markup=True,
    apostrophe="nothing",
)
TEX: Final = Kind("tex", words("latex tex bib sty"), ("%",), free_text=True, apostrophe="nothing")
PATCH: Final = Kind("patch", words("diff patch"), free_text=True, apostrophe="nothing")
TEXT: Final = Kind(
    "text",
    words("text txt plaintext plain csv tsv psv log dat map lst asc output"),
    free_text=True,
    apostrophe="nothing",
)
OTHER: Final = Kind("other", frozenset(), free_text=True, apostrophe="nothing")

KINDS: Final = (
    PYTHON, JAVASCRIPT, PHP, C_LIKE, QUOTED, CSS, JSON, TOML, YAML, INI, SHELL, POWERSHELL, BATCH, HASHED, DOCUMENTED,
    DASHED, LISP, ML, HTML, XML, TEMPLATE, MARKDOWN, TEX, PATCH, TEXT,
)  # fmt: skip
BY_NAME: Final = {name: kind for kind in reversed(KINDS) for name in kind.names}

WHOLE_NAMES: Final = {
    "dockerfile": HASHED, "containerfile": HASHED, "makefile": HASHED, "gnumakefile": HASHED,
    "rakefile": HASHED, "gemfile": HASHED, "podfile": HASHED, "vagrantfile": HASHED,
    "brewfile": HASHED, "procfile": HASHED, "justfile": HASHED, "cmakelists.txt": HASHED,
    "requirements.txt": HASHED, "constraints.txt": HASHED, "robots.txt": HASHED,
    "jenkinsfile": C_LIKE, "modelfile": TEMPLATE, ".env": INI, ".flaskenv": INI, ".editorconfig": INI,
    ".npmrc": INI, ".gitconfig": INI, ".bashrc": SHELL, ".zshrc": SHELL, ".profile": SHELL,
    ".envrc": SHELL, "pipfile": TOML, ".babelrc": JSON, ".eslintrc": JSON, ".prettierrc": JSON,
    ".gitmodules": INI, "caddyfile": HASHED, "tiltfile": PYTHON, "sconstruct": PYTHON,
    "snakefile": PYTHON, "license": TEXT, "licence": TEXT, "copying": TEXT, "notice": TEXT,
    "authors": TEXT, "readme": MARKDOWN, "changelog": MARKDOWN, "go.mod": C_LIKE, "go.sum": TEXT,
    "pyproject.toml": TOML, "cargo.lock": TOML, "poetry.lock": TOML, "codeowners": HASHED,
    "gradlew": SHELL, "configure": SHELL,
}  # fmt: skip


def kind_of(path: str) -> Kind:
    """Return the kind of file `path` names, by its whole name and then by its extension."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    if name in WHOLE_NAMES:
        return WHOLE_NAMES[name]
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return OTHER
    if not stem or stem.startswith((".env", "dockerfile", "makefile")):
        return WHOLE_NAMES.get(stem or name, HASHED)
    if extension in BY_NAME:
        return BY_NAME[extension]
    return WHOLE_NAMES.get(stem, OTHER)


def kind_named(language: str) -> Kind | None:
    """Return the kind that a fence's language word means, or None for an unknown word."""
    return BY_NAME.get(language.lower().lstrip("."))

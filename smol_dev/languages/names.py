"""The language of a path, by its whole name or its extension, and of the word that labels a block."""

from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

WORDS: Final = {
    "python": "py pyi pyw py3 python3 sage starlark bzl",
    "javascript": "js mjs cjs jsx node ecmascript es6",
    "typescript": "ts mts cts",
    "tsx": "typescriptreact",
    "html": "htm xhtml",
    "css": "postcss",
    "scss": "sass",
    "less": "",
    "stylus": "styl",
    "go": "golang",
    "rust": "rs",
    "java": "",
    "bash": "sh shell zsh ksh shellscript",
    "fish": "",
    "yaml": "yml",
    "json": "geojson webmanifest ipynb",
    "jsonc": "json5 code-workspace",
    "toml": "",
    "vue": "",
    "svelte": "",
    "astro": "",
    "php": "",
    "c": "h",
    "cpp": "c++ cc cxx hpp hh hxx ino arduino",
    "csharp": "cs c#",
    "kotlin": "kt kts",
    "swift": "",
    "scala": "sc",
    "dart": "",
    "groovy": "gradle",
    "ruby": "rb",
    "perl": "pl pm",
    "lua": "",
    "r": "",
    "julia": "jl",
    "haskell": "hs",
    "elixir": "ex exs",
    "erlang": "erl",
    "clojure": "clj cljs edn",
    "ocaml": "ml mli",
    "fsharp": "fs fsx f#",
    "zig": "",
    "nim": "",
    "sql": "postgresql postgres mysql sqlite plpgsql",
    "graphql": "gql",
    "protobuf": "proto",
    "powershell": "ps1 psm1 pwsh",
    "batch": "bat cmd",
    "dockerfile": "docker containerfile",
    "makefile": "make mk",
    "cmake": "",
    "nix": "",
    "terraform": "tf tfvars hcl",
    "ini": "cfg conf properties editorconfig dotenv env",
    "xml": "svg xsd xsl xslt rss atom plist xaml csproj pom",
    "markdown": "md mdx mkd rmd qmd",
    "restructuredtext": "rst",
    "latex": "tex sty cls",
    "template": "jinja jinja2 j2 ejs erb hbs handlebars mustache liquid twig njk tmpl tpl gotmpl mako",
    "diff": "patch",
    "text": "txt plaintext plain log",
    "csv": "tsv",
}
"""Each language's other names: extensions and the words that fences use."""

NAMED: Final = {word: name for name, words in WORDS.items() for word in (name, *words.split())}

FILE_NAMES: Final = {
    "dockerfile": "dockerfile", "containerfile": "dockerfile", "makefile": "makefile",
    "gnumakefile": "makefile", "cmakelists.txt": "cmake", "rakefile": "ruby", "gemfile": "ruby",
    "podfile": "ruby", "vagrantfile": "ruby", "brewfile": "ruby", "jenkinsfile": "groovy",
    "tiltfile": "python", "sconstruct": "python", "snakefile": "python", "wscript": "python",
    "build.bazel": "python", "pipfile": "toml", "poetry.lock": "toml", "cargo.lock": "toml",
    "uv.lock": "toml", "pipfile.lock": "json", "composer.lock": "json", ".babelrc": "jsonc",
    ".eslintrc": "jsonc", ".prettierrc": "jsonc", ".swcrc": "jsonc", ".jshintrc": "jsonc",
    ".bashrc": "bash", ".bash_profile": "bash", ".profile": "bash", ".zshrc": "bash",
    ".envrc": "bash", "gradlew": "bash", "configure": "bash", ".env": "ini", ".flaskenv": "ini",
    ".editorconfig": "ini", ".npmrc": "ini", ".gitconfig": "ini", ".gitmodules": "ini",
    "go.mod": "text", "go.sum": "text", "license": "text", "licence": "text", "copying": "text",
    "notice": "text", "authors": "text", "requirements.txt": "text", "robots.txt": "text",
    "readme": "markdown", "changelog": "markdown",
}  # fmt: skip


@lru_cache(maxsize=256)
def language_of(path: str) -> str | None:
    """Return the language of the file that a path names, or None for an unknown one."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    if name in FILE_NAMES:
        return FILE_NAMES[name]
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return None
    if extension in NAMED:
        return NAMED[extension]
    return FILE_NAMES.get(stem) or FILE_NAMES.get(f".{stem.split('.')[1]}" if stem[0] == "." else "")


def language_named(label: str) -> str | None:
    """Return the language that the label of a block means, or None for an unknown word."""
    return NAMED.get(label.strip().lower().lstrip("."))

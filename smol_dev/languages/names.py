"""The language of a path, by its whole name or its extension, and of the word that labels a block."""

import tomllib
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import Final


@cache
def _known(table: str) -> dict[str, str]:
    """Return the language of each name in a table of the data beside the code."""
    data = tomllib.loads(Path(__file__).with_name("languages.toml").read_text("utf-8"))[table]
    own = data if table == "words" else ()
    return {word: name for name, words in data.items() for word in words.split()} | {name: name for name in own}


TEXT_ENDINGS: Final = frozenset(
    """
    py pyi pyx pyw ipynb js jsx ts tsx mjs cjs mts cts vue svelte astro html htm xhtml css scss sass less styl json
    jsonc json5 jsonl ndjson geojson webmanifest yaml yml toml ini cfg conf config properties lock xml xsd xsl xslt
    svg md mdx markdown rst txt text adoc tex bib csv tsv sql prisma graphql gql proto thrift sh bash zsh fish bat cmd
    ps1 psm1 rb erb rake gemspec ru php phtml twig java kt kts groovy gradle scala sbt clj cljs edn go rs c h cc cpp
    cxx hpp hh hxx ino m mm swift cs csproj sln fs fsx fsproj vb razor cshtml xaml dart lua r rmd jl pl pm ex exs eex
    heex leex erl hrl hs cabal elm ml mli nim zig v sv vhd vhdl cr d pas f90 f95 asm s wat wgsl glsl vert frag hlsl
    shader gdshader gd tscn tres godot tf tfvars hcl nix dockerfile containerfile makefile mk cmake am ac j2 jinja
    jinja2 tmpl tpl hbs handlebars mustache ejs pug jade haml liquid njk po pot strings plist storyboard xib pbxproj
    entitlements desktop example template rc gitignore dockerignore editorconfig sol vy cairo rego cue bicep feature
    robot snap nu el lisp scm rkt vim ahk applescript applescript ado sas stan dot mmd puml ics vcf srt vtt atom rss
    opml webidl wit pest g4 bnf ebnf patch key pem crt asc gpr adb ads
    """.split()
)
BINARY_ENDINGS: Final = frozenset(
    """
    png jpg jpeg jpe gif bmp ico icns webp avif tif tiff heic heif psd ai xcf raw cur tga dds mp3 wav ogg oga flac aac
    m4a wma opus mid midi aiff mp4 m4v mov avi mkv webm wmv flv mpg mpeg ogv ttf otf woff woff2 eot ttc zip tar gz tgz
    bz2 tbz2 xz txz zst 7z rar jar war ear whl egg iso dmg deb rpm apk aab ipa cab msi db sqlite sqlite3 db3 mdb accdb
    rdb parquet feather h5 hdf5 npy npz pkl pickle pt pth onnx gguf safetensors tflite pb exe dll so dylib a lib o obj
    bin class pyc pyo pyd wasm pdf doc docx xls xlsx ppt pptx odt ods odp epub mobi glb fbx blend stl
    """.split()
)
BARE_NAMES: Final = frozenset(
    """
    makefile gnumakefile dockerfile containerfile procfile gemfile rakefile guardfile podfile fastfile appfile
    brewfile pipfile jenkinsfile vagrantfile caddyfile modelfile justfile taskfile tiltfile earthfile go.mod go.sum
    go.work gradlew mvnw artisan codeowners
    """.split()
)
UPPER_NAMES: Final = frozenset(
    """
    LICENSE LICENCE COPYING NOTICE AUTHORS CONTRIBUTORS CHANGELOG CHANGES README INSTALL TODO NEWS VERSION MANIFEST
    OWNERS BUILD WORKSPACE CNAME MAINTAINERS SECURITY HISTORY
    """.split()
)
FOLDER_NAMES: Final = frozenset(
    """
    src lib libs app apps test tests spec specs __tests__ docs doc assets static public templates views models
    controllers routes components pages hooks utils util helpers services middleware config configs css js styles
    scripts script img images icons fonts data database db migrations include includes cmd pkg internal api core game
    bin build dist node_modules modules packages examples store stores types layouts partials handlers schemas forms
    common shared i18n locales fixtures e2e unit integration vendor media sounds resources res main java kotlin engine
    ui server client frontend backend web mobile
    """.split()
)
"""Folders that projects have; a list may name one above its files."""


@lru_cache(maxsize=256)
def language_of(path: str) -> str | None:
    """Return the language of the file that a path names, or None for an unknown one."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    files = _known("files")
    if name in files:
        return files[name]
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return None
    if extension in _known("words"):
        return _known("words")[extension]
    if extension in TEXT_ENDINGS and stem[0] != ".":
        return None
    return files.get(stem) or files.get(f".{stem.split('.')[1]}" if stem[0] == "." else "")


def language_named(label: str) -> str | None:
    """Return the language that the label of a block means, or None for an unknown word."""
    return _known("words").get(label.strip().lower().lstrip("."))

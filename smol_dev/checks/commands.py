"""Commands of manifests and scripts: the files, modules and objects that they name, and the folder they run in."""

import posixpath
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from smol_dev.checks.dependencies import known
from smol_dev.checks.modules import Python, public
from smol_dev.checks.project import instead, is_built

SEPARATORS: Final = re.compile(r"&&|\|\||[;|&\n]")
COMPUTED: Final = re.compile(r"[$`{}*?<>\[\]~=\\]|://")
"""Marks of a word whose value is unknown before the command runs."""

LONGEST: Final = 5_000
"""The most characters of a command that are read."""

Wrong = tuple[str, str]
"""A word of a command, and what is wrong with it."""


@dataclass(frozen=True)
class Place:
    """Where a command may run: in one of some folders, or in an image with copies of files.

    `copies` are paths of the image, each with its path in the project, or None where that is not known.
    """

    python: Python
    folders: tuple[str, ...]
    copies: tuple[tuple[str, str | None], ...] | None = None

    def meanings(self, path: str) -> list[str] | None:
        """Return the paths of the project that a path may mean; None where it may be something else."""
        if self.copies is None:
            joined = (posixpath.normpath(posixpath.join(folder, path)) for folder in self.folders)
            inside = ["" if each == "." else each for each in joined if not each.startswith(("..", "/"))]
            return inside or None
        (folder,) = self.folders
        absolute = posixpath.normpath(posixpath.join(folder, path))
        covers = [pair for pair in self.copies if f"{absolute}/".startswith(pair[0].rstrip("/") + "/")]
        nearest = max((len(target) for target, _ in covers), default=0)
        here = folder != "/" and absolute.startswith(f"{folder}/")
        if not (covers or here) or any(source is None and len(target) == nearest for target, source in covers):
            return None
        copied = (
            posixpath.join(source, posixpath.relpath(absolute, target))
            for target, source in covers
            if source is not None
        )
        return ["" if (plain := posixpath.normpath(each)) == "." else plain for each in copied]

    def lacks(self, path: str) -> bool:
        """Return whether nothing is at the path, and nothing can come there later."""
        meanings = self.meanings(path.removeprefix("./") or ".")
        project = self.python.project
        if meanings is None or is_built(project, posixpath.normpath(path) + "/x"):
            return False
        return not any(project.exists(each) for each in meanings)

    def module(self, name: str) -> str | None:
        """Return the file or folder of a module; None for none of ours."""
        parts = name.split(".")
        for root in (".", "src"):
            for meaning in self.meanings(posixpath.join(root, *parts)) or ():
                folder, last = posixpath.split(meaning)
                if (found := self.python.inside(folder, [last])) is not None:
                    return found
            for meaning in self.meanings(posixpath.join(root, *parts) + ".py") or ():
                if meaning in self.python.project.paths:
                    return meaning
        return None


def lacking_object(place: Place, text: str, *, ours: bool) -> str:
    """Return what is wrong with `package.module:name`; empty where it is there, or may be.

    `ours` says that the module can only be the project's own.
    """
    name, _, inner = text.partition(":")
    file = place.module(name)
    top = name.partition(".")[0]
    if file is None:
        project, found = place.python.project, place.module(top)
        needs = place.python.dependencies
        outside = not ours or top in sys.stdlib_module_names or bool(needs and needs.provide(top))
        unsure = any(source is None for _, source in place.copies or ()) or len(place.folders) > 1
        if found is None and (outside or unsure):
            return ""
        if found is None and top in project.stems:
            return f"there is no module `{name}` where it runs"
        base = posixpath.dirname((found or "").removesuffix("/__init__.py"))
        if found is not None and place.python.may_be_made(base, name.split(".")):
            return ""
        folder = posixpath.dirname(found) if found and found.endswith(".py") else found or ""
        there = (
            each
            for each in place.python.submodules(folder)
            if each.isidentifier() and each[:2] != "__" and place.python.inside(folder, [each]) is not None
        )
        return f"there is no module `{name}`" + instead(name.rpartition(".")[2], there, "there is")
    wanted = inner.partition("(")[0].partition("[")[0].partition(".")[0].strip()
    names = place.python.names_in(file)
    if not wanted or names is None or wanted in names or file in place.python.project.folders:
        return ""
    return f"`{file}` does not define `{wanted}`, which `{text}` names" + instead(wanted, public(names), "it defines")


def wrong_words(place: Place, text: str) -> Iterator[Wrong]:
    """Yield the words of a command line that name something absent."""
    for part in SEPARATORS.split(text[:LONGEST]):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            continue
        if words[:1] == ["cd"] or (words and words[0] == "pushd"):
            return
        yield from wrong_arguments(place, words)


def wrong_arguments(place: Place, words: list[str]) -> Iterator[Wrong]:
    """Yield the words of one command that name something absent."""
    data = known("commands")
    words, settings = _plain(words)
    name = re.sub(r"\$[({]\w*PY\w*[)}]", "python", words[0]) if words else ""
    program = re.sub(r"^python3\.\d+$", "python", posixpath.basename(name))
    program = data["same"].get(program, program)
    table = data["programs"].get(program)
    if words and table is None and re.search(r"^(?!/)[\w./-]*/[\w.-]+\.(?:sh|py|bash)$", name) and place.lacks(name):
        yield name, f"there is no file `{name}`"
    if "FLASK_APP" in settings and program == "flask":
        yield from _check(place, "application", settings["FLASK_APP"])
    if table is not None:
        yield from _arguments(place, table, words[1:])


def _plain(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return a command without wrappers such as `exec`, and the variables that are set for it."""
    before, settings = known("commands")["before"], {}
    words = [words[0].lstrip("@-+"), *words[1:]] if words else words
    while words:
        if re.match(r"\w+=", words[0]):
            name, _, settings[name] = words[0].partition("=")
        elif words[0] in before["runners"] and words[1:2] == ["run"]:
            words = words[1:]
        elif words[0] not in before["words"]:
            break
        words = words[1:]
        while words and words[0] == "--":
            words = words[1:]
    return words, settings


def _arguments(place: Place, table: dict[str, Any], words: list[str]) -> Iterator[Wrong]:
    verbs = str(table.get("verbs", "")).split()
    if verbs and words[:1] and words.pop(0) not in verbs:
        return
    while words[:1] and words[0] in str(table.get("skips", "")).split():
        words = words[1:]
    valued, ends = str(table.get("valued", "")).split(), str(table.get("ends", "")).split()
    kind = table.get("words") or table.get("first")
    if any(word.startswith(("--app-dir", "--chdir", "--pythonpath")) for word in words):
        return
    doubtful = False
    while words:
        word = words.pop(0)
        option, given, value = word.partition("=")
        if word in ends or word == "--":
            return
        if option.startswith("-"):
            takes = option in table or option in valued or (valued == ["*"] and words[:1] and ":" not in words[0])
            if option in table:
                value = value if given else words.pop(0) if words else ""
                if table[option] == "module" and value in known("commands")["programs"]:
                    yield from wrong_arguments(place, [value, *words])
                    return
                # Celery's `-A` names a package that is imported, Python's `-m` one that is run.
                yield from _check(place, "object" if option == "-A" else table[option], value)
                if table[option] == "module" and kind == "file":
                    return
            elif takes and not given and words and not words[0].startswith("-"):
                words.pop(0)
            doubtful = option.startswith("--") and not given and not takes
            continue
        if doubtful and kind in {"tests", "path"}:
            doubtful = False  # it may be the value of an option that is not known
            continue
        if kind:
            yield from _check(place, kind, word)
        if "first" in table:
            return


def _check(place: Place, kind: str, word: str) -> Iterator[Wrong]:
    if not word or COMPUTED.search(word):
        return
    if kind == "application" and not word.endswith(".py"):
        kind = "object"
    if kind in {"object", "module"}:
        if re.fullmatch(r"[\w.]+(?::[\w.()]+)?", word) and (":" in word or kind == "module" or "." not in word):
            wrong = lacking_object(place, word, ours=kind == "object")
            file = place.module(word) if kind == "module" and not wrong else None
            main = posixpath.join(posixpath.dirname(file or ""), "__main__.py")
            if file is not None and file.endswith("__init__.py") and main not in place.python.project.paths:
                wrong = f"`{word}` has no `__main__.py` that `-m` could run"
            if wrong:
                yield word, wrong
        return
    path = word.partition("::")[0] if kind == "tests" else word
    endings = ("", ".js", ".mjs", ".cjs", ".ts", "/index.js") if kind == "script" else ("",)
    suffix = posixpath.splitext(path)[1]
    if kind == "local":
        path = path.removesuffix("/...") if word.startswith("./") else ""
    if kind == "source":
        path = path if suffix in {".c", ".cc", ".cpp", ".cxx"} else ""
    if path and path != "..." and not path.isdigit() and all(place.lacks(path + each) for each in endings):
        meant = place.meanings(path) or [path]
        folder = posixpath.dirname(meant[0])
        there = [
            *place.python.project.listing.get(folder, ()),
            *(each for each in place.python.project.folders if each),
        ]
        yield word, f"there is no file `{word}`" + instead(meant[0], there, "there is")

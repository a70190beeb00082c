"""Manifests and scripts of a project: the files, modules and commands that they name."""

import json
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from smol_dev.checks.commands import Place, lacking_object, wrong_arguments, wrong_words
from smol_dev.checks.dependencies import known
from smol_dev.checks.documents import Value, read_document, values_at
from smol_dev.checks.modules import Python
from smol_dev.checks.project import Problem, Project, above, beside, instead, is_built, line_and_column

KINDS: Final = {
    "docker-compose.yml": "compose.yaml", "docker-compose.yaml": "compose.yaml", "compose.yml": "compose.yaml",
}  # fmt: skip
"""The other names of manifests."""

MOST_LINES: Final = 5_000
SECRET: Final = re.compile(r"(?:^|/)\.?[\w.-]*env(?:\.|$)|secret|credential|\.(?:pem|key|crt|db|sqlite3?|log|sock)$")
"""Files that are not kept with a program."""


COMPUTED: Final = re.compile(r"[$*{]|://|^git@")
"""Marks of a path that is unknown before it is used."""


def missing(project: Project, path: str, text: str, named: str, offset: int) -> Iterator[Problem]:
    """Yield a problem where a file that is named in a manifest is not there."""
    target = beside(path, named.lstrip("/"))
    if target is None or is_built(project, named) or project.exists(target) or project.exists(target.removesuffix("/")):
        return
    line, column = line_and_column(text, max(0, offset))
    folder = posixpath.dirname(target)
    there = (each for each in project.paths if posixpath.dirname(each) == folder)
    message = f"there is no file `{named}`" + instead(target, there, "there is")
    yield Problem(path, line, column, "manifest-file", message)


@dataclass(frozen=True)
class Manifest:
    """A manifest or script, with the project whose files it names."""

    python: Python
    path: str
    text: str

    @property
    def folder(self) -> str:
        """The folder that it is in."""
        return posixpath.dirname(self.path)

    @property
    def project(self) -> Project:
        """The project."""
        return self.python.project

    def problem(self, named: str, message: str, start: int = 0) -> Problem:
        """Return the problem at a text, which stands somewhere behind `start`."""
        at = re.compile(rf"(?<![\w/.-]){re.escape(named)}(?![\w/-])").search(self.text, start)
        offset = at.start() if at else max(0, self.text.find(named, start))
        return Problem(self.path, *line_and_column(self.text, offset), "manifest-file", message)

    def missing(self, named: str, start: int = 0) -> Iterator[Problem]:
        """Yield a problem where a file is not there."""
        if named and not re.search(r"[*?$:{\[]", named):
            for each in missing(self.project, self.path, self.text, named, 0):
                yield self.problem(named, each.message, start)

    def commands(self, place: Place, text: str, start: int = 0) -> Iterator[Problem]:
        """Yield the problems of a command line."""
        for word, message in wrong_words(place, text):
            yield self.problem(word, message, start)


def named_files(python: Python, path: str) -> Iterator[Problem]:
    """A manifest names a file, a module or a function that is not there."""
    name = posixpath.basename(path)
    manifest = Manifest(python, path, python.project.files[path])
    lower = name.lower()
    if lower.startswith(("dockerfile", "containerfile")) or lower.endswith(".dockerfile"):
        yield from _dockerfile(manifest)
    elif lower in {"makefile", "gnumakefile"}:
        yield from _makefile(manifest)
    elif name == "Procfile":
        place = Place(python, (manifest.folder,))
        for line in manifest.text.splitlines()[:MOST_LINES]:
            yield from manifest.commands(place, line.partition(":")[2], manifest.text.find(line))
    elif lower.endswith((".sh", ".bash")):
        yield from _script(manifest)
    elif name == "MANIFEST.in" or ("requirements" in name and name.endswith((".txt", ".in"))):
        yield from _lists(manifest)
    else:
        yield from _document(manifest, KINDS.get(name, name))


def _document(manifest: Manifest, kind: str) -> Iterator[Problem]:
    """Yield the problems in a manifest's values; the keys of each say what it names."""
    rows: Mapping[str, str] = known("manifests").get(kind, {})
    # What is packed for others leaves out what it does not need.
    packed = posixpath.join(manifest.folder, "PKG-INFO") in manifest.project.paths
    if not rows:
        return
    document = read_document(kind if kind.endswith("yaml") else manifest.path, manifest.text)
    for pattern, what in rows.items():
        if packed and not what.startswith("object"):
            continue
        for keys, value in values_at(document, pattern.split(".")):
            start = 0
            for key in keys:
                start = max(start, manifest.text.find(key, start)) if not key.isdigit() else start
            yield from VALUES[what](manifest, value, start)


def _each(value: Value) -> list[str]:
    """Return the texts of a value: one, those of a list, or the lines of one."""
    if isinstance(value, str):
        return value.split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _files(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from manifest.missing(value, start)


def _paths(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    for each in _each(value):
        yield from manifest.missing(each.rstrip("/"), start)


def _tests(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    """Yield a problem for each folder of tests that is missing, if the project has tests."""
    if any(name.startswith("test_") or name.endswith("_test.py") for name in manifest.project.names):
        yield from _paths(manifest, value, start)


def _described(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    for each in _each(value)[1:] if isinstance(value, str) and value.startswith("file:") else ():
        yield from manifest.missing(each.rstrip(","), start)


def _objects(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    """Yield the problems in lines of entry points: `name = package.module:function`."""
    for line in value.splitlines() if isinstance(value, str) else ():
        text = line.partition("=")[2].strip() or line.strip()
        text = re.split(r"[\s\[#]", text)[0]
        told = re.findall(r"(?:where|package[-_]dir)['\"]?[ \t]*[=:]([^\n]*)", manifest.text)
        folders = [manifest.folder, *(re.split(r"[^\w./-]", each.rstrip(" \t'\"]"))[-1] for each in told)]
        wrong = lacking_object(Place(manifest.python, tuple(folders)), text, ours=False)
        if ":" in text and wrong:
            yield manifest.problem(text, wrong, start)


def _sections(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    for line in value.splitlines() if isinstance(value, str) else ():
        yield from _objects(manifest, line, start) if "=" in line else ()


def _packages(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    mapped = re.search(r"package[-_]dir|\bwhere\b", manifest.text)
    place = Place(manifest.python, (manifest.folder,))
    for each in _each(value) if not mapped else ():
        if re.fullmatch(r"[\w.]+", each) and place.module(each) is None and not each.startswith("find"):
            there = (name for name in manifest.python.submodules(manifest.folder) if name.isidentifier())
            yield manifest.problem(each, f"there is no module `{each}`" + instead(each, there, "there is"), start)


def _command(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from manifest.commands(Place(manifest.python, (manifest.folder,)), value, start)


def _served(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    """What a service runs, in whatever folder its image is made for."""
    place = Place(manifest.python, tuple(sorted({manifest.folder, *manifest.project.folders})))
    if isinstance(value, str):
        yield from manifest.commands(place, value, start)
    for word, message in wrong_arguments(place, _each(value)) if isinstance(value, list) else ():
        yield manifest.problem(word, message, start)


def _build(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    """What an image is built of: a folder, or a folder and the name of a file in it."""
    about = value if isinstance(value, dict) else {"context": value}
    context, file = about.get("context") or ".", about.get("dockerfile") or ""
    if isinstance(context, str) and not COMPUTED.search(context):
        yield from manifest.missing(context, start)
        target = beside(manifest.path, posixpath.join(context, file)) if isinstance(file, str) else None
        if (
            isinstance(file, str)
            and file
            and target
            and not COMPUTED.search(file)
            and not manifest.project.exists(target)
        ):
            there = (path for path in manifest.project.paths if "ockerfile" in path)
            yield manifest.problem(file, f"there is no file `{file}`" + instead(target, there, "there is"), start)


def _environment(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    for each in _each(value):
        if not SECRET.search(each):
            yield from manifest.missing(each, start)


def _mount(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    """A file that a service sees in its own folders; a folder is made where there is none."""
    named, _, inside = value.partition(":") if isinstance(value, str) else ("", "", "")
    plain = re.fullmatch(r"\./[\w./-]+\.(?:conf|cfg|ini|toml|ya?ml|json|sql|sh|py|js|html|css|xml|properties)", named)
    if plain and inside and posixpath.splitext(inside.partition(":")[0])[1]:
        yield from manifest.missing(named, start)


def _services(manifest: Manifest, value: Value, start: int) -> Iterator[Problem]:
    """The services that another one needs."""
    names = {
        name for keys, _ in values_at(read_document("a.yaml", manifest.text), ["services", "*"]) for name in keys[1:]
    }
    needed = list(value) if isinstance(value, dict) else _each(value)
    for each in needed if not re.search(r"\A(?:include|extends)|\n[ \t]+extends:", manifest.text) else ():
        if each not in names:
            yield manifest.problem(each, f"there is no service `{each}`" + instead(each, names, "there is"), start)


VALUES: Final[Mapping[str, Callable[[Manifest, Value, int], Iterator[Problem]]]] = {
    "file": _files, "path": _files, "paths": _paths, "described": _described, "tests": _tests, "object": _objects, "objects": _objects,
    "ini": _sections, "package": _packages, "packages": _packages, "command": _command, "served": _served,
    "build": _build, "environment": _environment, "mount": _mount, "services": _services,
}  # fmt: skip
"""How the values of each kind are judged."""


def _lists(manifest: Manifest) -> Iterator[Problem]:
    """The files that a list of requirements takes in, or that a package holds."""
    start = 0
    for line in manifest.text.splitlines()[:MOST_LINES]:
        found = re.match(r"\s*(?:-r|-c|--requirement|--constraint)[ =]?\s*([\w./-]+)\s*(?:#|$)", line)
        held = re.match(r"include\s+(\S.*)", line) if manifest.path.endswith("MANIFEST.in") else None
        named = [found[1]] if found else held[1].split() if held else []
        for each in named:
            if posixpath.join(manifest.folder, "PKG-INFO") not in manifest.project.paths:
                yield from manifest.missing(each, start)
        start += len(line) + 1


HEREDOC: Final = re.compile(r"<<-?[ \t]*['\"]?([A-Za-z_]\w*)")

BESIDE: Final = re.compile(r"((?:^|[;&\s])(?:source|\.|bash|sh)\s+\"?)\$\(dirname [^()]*\)\"?/", re.MULTILINE)
"""Spellings of the script's own folder in shell, before a file that it sources."""


def _outside_heredocs(lines: list[str]) -> Iterator[str]:
    """Yield the lines of a shell script that are not the text of a heredoc."""
    alone, end = {line.strip() for line in lines}, ""
    for line in lines:
        found = None if end else HEREDOC.search(line)
        if not end:
            yield line[: found.start()] if found and found[1] in alone else line
        if found and found[1] in alone:
            end = found[1]
        elif line.strip() == end:
            end = ""


def _script(manifest: Manifest) -> Iterator[Problem]:
    """A script of a shell, started in its folder or in one above."""
    text = re.sub(r"\\\n", "  ", manifest.text)
    text = BESIDE.sub(r"\1./", "\n".join(_outside_heredocs(text.split("\n"))))
    folders = (manifest.folder, *above(manifest.folder), *manifest.project.folders)
    leaves = re.search(r"^\s*(?:cd|pushd)\s+(?![\"']?\$)", text, re.MULTILINE)
    makes = re.search(r"\b(?:git clone|cat\s*>|tar\s+-?x|unzip|curl|wget)\b", text)
    place = Place(manifest.python, tuple(dict.fromkeys(folders)))
    for line in text.splitlines()[:MOST_LINES] if not leaves and not makes else ():
        plain = re.sub(r"^\s*(?:if|then|else|do|while|until|!|elif)\s+", "", line)
        yield from manifest.commands(place, re.sub(r"#.*| [12]?>.*", "", plain), max(0, manifest.text.find(line)))


def _makefile(manifest: Manifest) -> Iterator[Problem]:
    """Yield the problems in a Makefile's recipes, except for files that other recipes make."""
    text = manifest.text
    made = {
        word for found in re.finditer(r"^([^\s:#=][^:=\n]*):(?!=)", text, re.MULTILINE) for word in found[1].split()
    }
    made.difference_update(*(found[1].split() for found in re.finditer(r"^\.PHONY\s*:(.*)$", text, re.MULTILINE)))
    made.update(re.findall(r"(?:>|-o|touch|tee) ?([\w./-]+)", text))
    place = Place(manifest.python, (manifest.folder,))
    for found in re.finditer(r"^\t[^\n]*", text, re.MULTILINE):
        for word, message in wrong_words(place, found[0].strip().lstrip("@-+")) if " -C " not in found[0] else ():
            if word not in made and word.removeprefix("./") not in made:
                yield manifest.problem(word, message, found.start())


class Image:
    """The copies and the working directory of one stage of a Dockerfile so far."""

    def __init__(self, manifest: Manifest, context: str) -> None:
        self.manifest = manifest
        self.context = context
        self.folder = "/"
        self.copies: tuple[tuple[str, str | None], ...] = ()

    def copy(self, sources: list[str], target: str, stage: "Image | None") -> None:
        """Add the copies that an instruction makes, from the context or from another stage."""
        absolute = posixpath.normpath(posixpath.join(self.folder, target))
        for source in sources:
            plain = posixpath.normpath(source)
            if stage is not None:
                held = ((there, path) for there, path in stage.copies if f"{there}/".startswith(f"{plain}/"))
                moved = (
                    (posixpath.normpath(posixpath.join(absolute, posixpath.relpath(there, plain))), path)
                    for there, path in held
                )
                self.copies += ((absolute, None), *moved)
            elif COMPUTED.search(source + target) or "?" in source:
                self.copies += ((absolute, None),)
            else:
                path = posixpath.normpath(posixpath.join(self.context, plain.lstrip("/")))
                inside = target.endswith(("/", ".")) or len(sources) > 1 or absolute == self.folder
                single = path != "." and path not in self.manifest.project.folders
                name = posixpath.basename(plain) if single and inside else ""
                self.copies += ((posixpath.join(absolute, name).rstrip("/") or "/", path),)

    @property
    def place(self) -> Place:
        """Where a command of the image runs; without copies, the project is mounted in the working directory."""
        return Place(self.manifest.python, (self.folder,), self.copies or ((self.folder, self.context or "."),))


def _dockerfile(manifest: Manifest) -> Iterator[Problem]:
    """Yield the problems in a Dockerfile: the files that it copies, and the commands that it runs."""
    text = re.sub(r"\\\n", "  ", manifest.text)
    image, made = Image(manifest, _context(manifest, text)), ""
    stages: dict[str, Image] = {}
    start = 0
    for line in text.splitlines()[:MOST_LINES]:
        word, _, rest = line.strip().partition(" ")
        rest, kind = rest.strip(), word.upper()
        words = [each for each in rest.split() if not each.startswith("--")]
        if kind == "FROM":
            image = Image(manifest, image.context)
            if words[:1] and words[0] in stages:
                image.folder, image.copies = stages[words[0]].folder, stages[words[0]].copies
            stages.update({words[-1]: image, str(len(stages)): image} if words else {})
        elif kind == "WORKDIR":
            image.folder = posixpath.normpath(posixpath.join(image.folder, rest))
        elif kind in {"COPY", "ADD"} and len(words) > 1 and "<<" not in rest and not rest.startswith("["):
            foreign = "--from=" in rest
            yield from _copied(manifest, words[:-1], start) if not foreign else ()
            stage = stages.get(rest.partition("--from=")[2].partition(" ")[0], Image(manifest, "")) if foreign else None
            image.copy(words[:-1], words[-1], stage)
        elif kind == "RUN":
            made += rest
        elif kind in {"CMD", "ENTRYPOINT"}:
            for named, message in _started(image.place, rest):
                if posixpath.basename(named) not in made and "PYTHONPATH" not in text and "--app-dir" not in rest:
                    yield manifest.problem(named, message, start)
        start += len(line) + 1


def _started(place: Place, rest: str) -> Iterator[tuple[str, str]]:
    if not rest.startswith("["):
        yield from wrong_words(place, rest)
        return
    try:
        words = json.loads(rest)
    except ValueError:
        return
    words = [each for each in words if isinstance(each, str)]
    if words[:2] in (["sh", "-c"], ["bash", "-c"], ["/bin/sh", "-c"], ["/bin/bash", "-c"]) and len(words) > 2:  # noqa: PLR2004
        yield from wrong_words(place, words[2])
    else:
        yield from wrong_arguments(place, words)


def _context(manifest: Manifest, text: str) -> str:
    """Return the folder that an image is built from: the one above its file that has most of the copied files."""
    copied = re.findall(r"^\s*(?:COPY|ADD)\s+(?!.*--from)(?:--\S+\s+)*(\S+)", text, re.MULTILINE | re.IGNORECASE)
    holds: Counter[str] = Counter()
    for folder in above(manifest.path):
        holds[folder] = sum(
            manifest.project.exists(posixpath.normpath(posixpath.join(folder, each))) for each in copied
        )
    return holds.most_common(1)[0][0] if holds else ""


def _copied(manifest: Manifest, sources: list[str], start: int) -> Iterator[Problem]:
    """The files and folders that an image takes from its context, which is a folder above."""
    project = manifest.project
    for source in sources:
        plain = source.strip("\"'").removeprefix("./").strip("/")
        program = "." not in plain and "go.mod" in project.names  # built before the image is
        if program or re.search(r"[*?$:\[]", plain) or plain in {"", "."} or is_built(project, plain + "/x"):
            continue
        bases = (posixpath.normpath(posixpath.join(folder, plain)) for folder in above(manifest.path))
        if not any(project.exists(each) for each in bases) and not plain.endswith((".jar", ".lock", "-lock.json")):
            yield from manifest.missing(plain, start)


RULES: Final = {"manifest-file": (named_files,)}

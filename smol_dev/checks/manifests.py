"""Manifests: what a project says it needs, and the files that it names."""

import posixpath
import re
import tomllib
from collections.abc import Iterator
from typing import Final

from smol_dev.checks.dependencies import table
from smol_dev.checks.project import Problem, Project, above, beside, instead, line_and_column

BUILT: Final = frozenset(
    "dist build out lib target public node_modules .next pkg _site coverage es cjs esm bin generated gen".split()
)
RUNNERS: Final = re.compile(
    r"(?:^|&&|\|\||;|\s)(?:node|nodemon|ts-node|tsx|python3?|bash|sh)\s++(?:-[\w=-]++\s++)*+([\w./-]+\.(?:[cm]?[jt]sx?|py|sh))(?=\s|$)"
)


def is_built(project: Project, path: str) -> bool:
    """Return whether a path is of a folder that a build fills, and has not filled yet."""
    folders = path.strip("./").split("/")[:-1]
    made = [at for at, name in enumerate(folders) if name in BUILT]
    return bool(made) and not any(
        each == (inner := "/".join(folders[: made[0] + 1])) or each.endswith(f"/{inner}") for each in project.folders
    )


def named_files(project: Project, path: str) -> Iterator[Problem]:
    """A manifest names a file that is not there."""
    name = posixpath.basename(path)
    reader = READERS.get(name) or READERS.get(name.lower())
    if reader is not None:
        yield from reader(project, path, project.files[path])


def missing(project: Project, path: str, text: str, named: str, offset: int) -> Iterator[Problem]:
    """Yield a problem where a file that is named in a manifest is not there."""
    target = beside(path, named.lstrip("/"))
    if target is None or is_built(project, named) or project.exists(target) or project.exists(target.removesuffix("/")):
        return
    line, column = line_and_column(text, max(0, offset))
    folder = posixpath.dirname(target)
    there = (each for each in project.paths if posixpath.dirname(each) == folder)
    yield Problem(
        path, line, column, "manifest-file", f"there is no file `{named}`" + instead(target, there, "there is")
    )


def _pyproject(project: Project, path: str, text: str) -> Iterator[Problem]:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    about = table(document.get("project"))
    readme = about.get("readme")
    readme = table(readme).get("file", readme)
    if isinstance(readme, str):
        yield from missing(project, path, text, readme, text.find(readme))
    for value in (
        *table(about.get("scripts")).values(),
        *table(table(table(document.get("tool")).get("poetry")).get("scripts")).values(),
    ):
        if isinstance(value, str):
            yield from _entry_point(project, path, text, value)


def _entry_point(project: Project, path: str, text: str, value: str) -> Iterator[Problem]:
    module, _, function = value.partition(":")
    base, folder = module.strip().replace(".", "/"), posixpath.dirname(path)
    files = [f"{base}.py", f"{base}/__init__.py"]
    found = [
        file
        for root in (folder, posixpath.join(folder, "src"))
        for each in files
        if (file := posixpath.join(root, each)) in project.paths
    ]
    line, column = line_and_column(text, max(0, text.find(value)))
    top = base.split("/")[0]
    if not found:
        # A package whose folder is mapped to another place is not judged.
        mapped = re.search(r"\bpackage[-_]dir\b|\bwhere\b|\bsources\b", text)
        places = (posixpath.join(folder, root, top) for root in ("", "src"))
        if mapped is None and any(project.exists(place) for place in places):
            yield Problem(
                path, line, column, "manifest-file", f"there is no module `{module}` for the script `{value}`"
            )
        return
    name = function.strip().split("[")[0].split(".")[0]
    source = project.files.get(found[0])
    if name and source is not None and "import *" not in source and not re.search(rf"\b{re.escape(name)}\b", source):
        yield Problem(
            path, line, column, "manifest-file", f"`{found[0]}` does not define `{name}`, the script `{value}`"
        )


def _dockerfile(project: Project, path: str, text: str) -> Iterator[Problem]:
    for match in re.finditer(
        r"^[ \t]*(?:COPY|ADD)[ \t]+(?!.*(?:--from|<<|\\\s*$|\[))((?:--\S+[ \t]+)*)(.+)$",
        text,
        re.MULTILINE | re.IGNORECASE,
    ):
        *sources, _ = match[2].split()
        for source in sources:
            plain = source.strip("\"'").removeprefix("./").rstrip("/")
            program = "." not in plain and "go.mod" in project.names  # built before the image is
            if program or re.search(r"[*?$:\[]", plain) or plain in {"", "."} or is_built(project, plain + "/x"):
                continue
            bases = [posixpath.join(folder, plain) for folder in above(path)]
            if not any(project.exists(posixpath.normpath(each)) for each in bases) and not plain.endswith(
                (".jar", ".lock", "-lock.json")
            ):
                offset = match.start(2) + match[2].find(source)
                yield from missing(project, path, text, plain, offset)
    for match in re.finditer(
        r"^[ \t]*(?:CMD|ENTRYPOINT)[ \t]+\[\s*\"(?:python3?|node)\",\s*\"([\w./-]+\.(?:py|[cm]?js))\"",
        text,
        re.MULTILINE,
    ):
        places = re.findall(r"^WORKDIR[ \t]+(/[\w./-]+)", text, re.MULTILINE)
        own = any(match[1].startswith(f"{each.rstrip('/')}/") for each in places)
        if (
            (own or not match[1].startswith("/"))
            and not project.ending(posixpath.basename(match[1]))
            and not is_built(project, match[1])
        ):
            yield from missing(project, path, text, match[1], match.start(1))


def _makefile(project: Project, path: str, text: str) -> Iterator[Problem]:
    targets = set(re.findall(r"^([^\s:#=][^:=\n]*):(?!=)", text, re.MULTILINE))
    words = {word for target in targets for word in target.split()}
    words.update(re.findall(r"(?:>|-o|touch|tee) ?([\w./-]+)", text))
    for match in re.finditer(r"^\t[@-]?[^\n]*", text, re.MULTILINE):
        if "cd " in match[0]:
            continue
        for call in RUNNERS.finditer(match[0]):
            if call[1] not in words and not call[1].startswith("/"):
                yield from missing(project, path, text, call[1], match.start() + call.start(1))


READERS: Final = {
    "pyproject.toml": _pyproject,
    "dockerfile": _dockerfile,
    "containerfile": _dockerfile,
    "makefile": _makefile,
}
"""What reads each kind of manifest."""

RULES: Final = {"manifest-file": (named_files,)}

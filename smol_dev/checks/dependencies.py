"""The distributions that a project's manifests name, and whether they provide what is imported."""

import posixpath
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from smol_dev.checks.project import Project


@cache
def known(name: str) -> Mapping[str, Any]:
    """Return a table of facts about well-known packages or commands, from the data beside the code."""
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


TELLING: Final = 4
"""The number of first letters that a distribution shares with its parts."""


EXTENSIONS: Final = ("flask_", "django_", "fastapi_", "pytest_", "sqlalchemy_")
"""Prefixes of imports whose distributions are named after the whole import."""


def folded(name: str) -> str:
    """Return the normalised name of a distribution or an import."""
    return re.sub(r"[-_.]+", "", name).lower()


@dataclass(frozen=True)
class Dependencies:
    """The distributions that a project's manifests name, and the files that are its manifests."""

    names: frozenset[str]
    files: tuple[str, ...]

    def provide(self, top: str) -> bool:
        """Return whether one of them may hold the package that is imported by this name."""
        others, brings = known("distributions")["distributions"], known("distributions")["brings"]
        wanted = {folded(name) for name in (top, *others.get(top, "").split())}
        for name in self.names:
            plain = name.lower().replace("_", "-")
            brought = {folded(each) for each in brings.get(plain, "").split()}
            shapes = {
                plain,
                *re.split("[-.]", plain),
                plain.removeprefix("python-"),
                plain.removeprefix("py"),
                plain.removesuffix("-python"),
                plain.removeprefix("django-"),
                plain.removesuffix("-py"),
            }
            if wanted & (brought | {folded(shape) for shape in shapes}):
                return True
            if folded(top) in folded(plain):
                return True
            if top.startswith(EXTENSIONS):
                continue
            if top not in others and len(top) > TELLING and folded(plain)[:TELLING] == folded(top)[:TELLING]:
                return True  # parts of a distribution have names like its own
        return False

    def usual(self, top: str) -> str:
        """Return the distribution to add for an import."""
        usual: str = known("distributions")["distributions"].get(top, top)
        return usual.split(maxsplit=1)[0]


OTHER_MANIFESTS: Final = frozenset(
    "setup.py setup.cfg Pipfile environment.yml environment.yaml conda.yaml meta.yaml".split()
)
INSTALLING: Final = re.compile(
    r"install_requires|requirements|extras_require|^\[packages\]|dependencies:", re.MULTILINE
)
"""What a manifest says that names distributions."""


def _lists_requirements(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    named = "requirements" in name or posixpath.basename(folder) == "requirements"
    return named and name.endswith((".txt", ".in"))


def python_dependencies(project: Project) -> Dependencies | None:
    """Return what the manifests name; None without one, or with one that cannot be read to its end."""
    names: set[str] = set()
    files: list[str] = []
    others = (path for name in OTHER_MANIFESTS for path in project.names.get(name, ()))
    if any(INSTALLING.search(project.files.get(path, "requirements")) for path in others):
        return None
    for path, text in project.files.items():
        if _lists_requirements(path):
            found = requirements(text)
        elif posixpath.basename(path) == "pyproject.toml":
            found = from_pyproject(text)
        else:
            continue
        if found is None:
            return None
        if found or _lists_requirements(path):
            files.append(path)
        names |= found
    return Dependencies(frozenset(names), tuple(files)) if files else None


def requirements(text: str) -> set[str] | None:
    """Return the names in a requirements file; None when a line names a distribution by its place alone."""
    names = set()
    for line in (each.partition(" #")[0].strip() for each in text.splitlines()):
        if not line or line.startswith(("#", "-r", "--", "-c")):
            continue
        match = re.match(r"([A-Za-z0-9][\w.-]*)\s*(?:\[|[<>=!~;@,(]|$)", line) or re.search(r"[#&]egg=([\w.-]+)", line)
        if match is None:
            return None
        names.add(match[1])
        if "[" in line:
            names.add(f"{match[1]}[]")  # with what its extras bring
    return names


def from_pyproject(text: str) -> set[str] | None:
    """Return the names in a pyproject.toml; None if some are only computed by its build."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    project, tool = table(document.get("project")), table(document.get("tool"))
    if "dependencies" in project.get("dynamic", ()):
        return None
    names: set[str] = set()
    named = "dependencies" in project or bool(project.get("optional-dependencies")) or "dependency-groups" in document
    lists = [
        project.get("dependencies", ()),
        *table(project.get("optional-dependencies")).values(),
        *table(document.get("dependency-groups")).values(),
        table(tool.get("uv")).get("dev-dependencies", ()),
        table(document.get("build-system")).get("requires", ()),
    ]
    for entry in (entry for each in lists if isinstance(each, list) for entry in each if isinstance(entry, str)):
        names |= requirements(entry) or set()
    poetry = table(tool.get("poetry"))
    groups = [table(group).get("dependencies") for group in table(poetry.get("group")).values()]
    for each in (poetry.get("dependencies"), poetry.get("dev-dependencies"), *groups):
        names |= set(table(each))
    if not named and not poetry and "uv" not in tool:
        return set()
    return names | {str(project.get("name") or poetry.get("name") or "")} - {""}


def table(value: object) -> Mapping[str, Any]:
    """Return the value if it is a table, else an empty one."""
    return value if isinstance(value, dict) else {}

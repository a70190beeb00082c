"""Whether the files of a program fit together: files in, problems out; nothing is run.

A problem is reported only when it is certain: nothing is said about a name that a build, the running program or a
path outside may provide.

- `project` has the files and their problems; `folder` reads them from a folder for the command.
- `modules` (Python), `web` (pages, scripts), `compiled` (Go, Rust, Java) and `documents` (manifests) parse them.
- Each rule is a function from a path to problems: `python`, `classes` and `references` for Python, `scripts`, `members`,
  `pages` and `packages` for the web, `go`, `rust`, `java`, and `manifests`, with `commands` and `dependencies`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final

from smol_dev import languages
from smol_dev.checks import (
    classes,
    compiled,
    go,
    java,
    manifests,
    members,
    packages,
    pages,
    python,
    references,
    rust,
    scripts,
)
from smol_dev.checks.modules import Python
from smol_dev.checks.project import Problem, Project
from smol_dev.checks.web import Web
from smol_dev.languages import language_of

__all__ = ["RULES", "Problem", "check"]

MOST: Final = 100
"""The most problems of one rule that are reported for one file."""


def syntax(project: Project, path: str) -> Iterator[Problem]:
    """A file is not of the language that its name says."""
    parsed = languages.check(path, project.files[path])
    if parsed.wrong:
        yield Problem(path, parsed.line, parsed.column, "syntax", parsed.message)


@dataclass(frozen=True)
class Program:
    """A project in the form that each family of rules needs, computed at its first use."""

    project: Project

    @cached_property
    def files(self) -> Sequence[str]:
        """The paths of all files."""
        return tuple(self.project.files)

    @cached_property
    def python(self) -> Python:
        """Its Python files."""
        return Python(self.project)

    @cached_property
    def objects(self) -> classes.Objects:
        """What the names in its Python files stand for."""
        return classes.Objects(self.python)

    @cached_property
    def references(self) -> references.References:
        """What the strings in its files name."""
        return references.References(self.objects)

    @cached_property
    def web(self) -> Web:
        """Its pages and scripts."""
        return Web(self.project)

    @cached_property
    def compiled(self) -> compiled.Compiled:
        """Its files of Go, Rust and Java."""
        return compiled.Compiled(self.project)

    @cached_property
    def go(self) -> go.Go:
        """Its packages of Go."""
        return go.Go(self.compiled)

    @cached_property
    def rust(self) -> rust.Rust:
        """Its types of Rust."""
        return rust.Rust(self.compiled)

    @cached_property
    def java(self) -> java.Java:
        """Its types of Java."""
        return java.Java(self.compiled)

    @cached_property
    def scripts(self) -> scripts.Scripts:
        """Its scripts, with what they import and export."""
        return scripts.Scripts(self.web)

    @cached_property
    def shapes(self) -> members.Shapes:
        """The members of the objects and classes in its scripts."""
        return members.Shapes(self.scripts)

    @cached_property
    def pages(self) -> pages.Pages:
        """Its pages, with the scripts and styles around them."""
        return pages.Pages(self.web)


Rule = Callable[[Any, Any], Iterator[Problem]]
"""A function from what is known of the project, and one of its files, to the problems of the file."""


@dataclass(frozen=True)
class Family:
    """Rules that read a project in the same way."""

    known: Callable[[Program], Any]
    units: Callable[[Program], Iterable[Any]]
    rules: Mapping[str, tuple[Rule, ...]]


FAMILIES: Final = (
    Family(lambda program: program.project, lambda program: program.files, {"syntax": (syntax,)}),
    Family(lambda program: program.objects, lambda program: program.python.modules.values(), classes.RULES),
    Family(lambda program: program.python, lambda program: program.python.modules.values(), python.RULES),
    Family(lambda program: program.references, lambda program: program.python.modules.values(), references.RULES),
    Family(lambda program: program.references, lambda program: program.web.pages, references.PAGE_RULES),
    Family(lambda program: program.pages, lambda program: program.web.pages, pages.RULES),
    Family(lambda program: program.pages, lambda program: program.web.every, pages.SCRIPT_RULES),
    Family(lambda program: program.pages, lambda program: program.web.styles, pages.STYLE_RULES),
    Family(lambda program: program.scripts, lambda program: program.web.every, scripts.RULES),
    Family(lambda program: program.shapes, lambda program: program.web.every, members.RULES),
    Family(lambda program: program.go, lambda program: program.compiled.of("go"), go.RULES),
    Family(lambda program: program.rust, lambda program: program.compiled.of("rust"), rust.RULES),
    Family(lambda program: program.java, lambda program: program.compiled.of("java"), java.RULES),
    Family(lambda program: program.python, lambda program: program.files, manifests.RULES),
    Family(lambda program: program.python, lambda program: program.files, packages.RULES),
)

RULES: Final[Mapping[str, str]] = {
    name: " ".join((functions[0].__doc__ or "").split())
    for family in reversed(FAMILIES)  # the first that has a rule says what it reports
    for name, functions in family.rules.items()
}
"""Every rule, with what it reports."""


SQUEEZED: Final = frozenset({"javascript", "css", "html"})
"""The languages in which tools generate files without line breaks."""

LONGEST_LINE: Final = 5000
LONGEST_MEAN: Final = 500
"""The longest line, and the longest mean line, in characters, of a file that a person wrote."""


SAMPLES: Final = frozenset("testdata test_data test-data fixtures __fixtures__".split())
"""Folders of files that tests read, which are often wrong on purpose."""


def _is_sample(path: str) -> bool:
    *folders, name = path.lower().split("/")
    tests = {"test", "tests"}.intersection(folders)
    wrong = {"data", "invalid", "bad"}.intersection(folders) or name.startswith(("bad", "invalid"))
    return bool(SAMPLES.intersection(folders) or (tests and wrong))


def _is_written(path: str, text: str) -> bool:
    """Return whether a person wrote the file, with line breaks, and not as a faulty sample for tests."""
    if _is_sample(path):
        return False
    if language_of(path) not in SQUEEZED or len(text) <= LONGEST_LINE:
        return True
    lines = text.split("\n")
    return max(map(len, lines)) <= LONGEST_LINE or len(text) <= LONGEST_MEAN * len(lines)


def check(
    files: Mapping[str, str], others: Iterable[str] = (), *, rules: Iterable[str] = tuple(RULES)
) -> tuple[Problem, ...]:
    """Return the problems of the files, by path and line; `others` are paths that exist, whose text is unknown."""
    wanted = frozenset(rules)
    readable = {path: text for path, text in files.items() if _is_written(path, text)}
    program = Program(Project(readable, frozenset(others) | (files.keys() - readable.keys())))
    found: set[Problem] = set()
    for family in FAMILIES:
        chosen = [function for name, functions in family.rules.items() if name in wanted for function in functions]
        for unit in family.units(program) if chosen else ():
            for function in chosen:
                found.update(islice(function(family.known(program), unit), MOST))
    return tuple(sorted(found))

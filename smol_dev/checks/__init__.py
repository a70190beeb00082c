"""Whether the files of a program fit together: files in, problems out; nothing is run.

A problem is reported only when it is certain: what can be made at run time, by a build, or found on a
path outside is not judged. `project` is what is checked; each other module holds the rules of a
language, each a function from its files to problems; `folder` reads a folder for the command.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from smol_dev.checks import manifests, pages, python, scripts
from smol_dev.checks.project import Problem, Project
from smol_dev.languages import parse

__all__ = ["RULES", "Problem", "check"]


def syntax(project: Project) -> Iterator[Problem]:
    """A file is not of the language that its name says."""
    for path, text in project.files.items():
        parsed = parse(path, text)
        if parsed.wrong:
            yield Problem(path, parsed.line, parsed.column, "syntax", parsed.message)


_Rules = Mapping[str, tuple[Callable[[Any], Iterator[Problem]], ...]]

_PARTS: Final[tuple[tuple[Callable[[Project], Any], _Rules], ...]] = (
    (lambda project: project, {"syntax": (syntax,)}),
    (python.Python, python.RULES),
    (pages.Pages, pages.RULES),
    (scripts.Scripts, scripts.RULES),
    (lambda project: project, manifests.RULES),
)
"""What each family of rules reads, made of the project, and its rules by name."""

RULES: Final[Mapping[str, str]] = {
    name: (functions[0].__doc__ or "").strip()
    for _, family in _PARTS
    for name, functions in family.items()
}
"""Every rule, with what it reports."""


LONGEST_LINE: Final = 10_000
"""Characters of a line that somebody may have written; a file with a longer one is made by a program."""


def _is_readable(text: str) -> bool:
    return max(map(len, text.split("\n"))) <= LONGEST_LINE


def check(
    files: Mapping[str, str],
    others: Iterable[str] = (),
    *,
    rules: Iterable[str] = tuple(RULES),
) -> tuple[Problem, ...]:
    """Return the problems of the files, by path and line; `others` are paths that exist, with no text to read."""
    wanted = frozenset(rules)
    readable = {path: text for path, text in files.items() if _is_readable(text)}
    project = Project(readable, frozenset(others) | (files.keys() - readable.keys()))
    found: set[Problem] = set()
    for read, family in _PARTS:
        chosen = [
            function
            for name, functions in family.items()
            if name in wanted
            for function in functions
        ]
        if chosen:
            subject = read(project)
            for function in chosen:
                found.update(function(subject))
    return tuple(sorted(found))

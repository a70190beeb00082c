"""The user's prompt variants: texts read from their files, variables checked, `extends` resolved."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from smol_dev import prompts
from smol_dev.config.files import TEXTS, is_file_name, line_and_column, read_named
from smol_dev.config.layers import Key, Layer, Layers
from smol_dev.config.problems import Problem, did_you_mean, dotted
from smol_dev.config.profiles import ancestry, extends

FIRST: Final = "default"
"""The shipped variant that a user's variant extends unless it names another."""

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "system": (),
    "plan": ("prompt",),
    "files": ("prompt", "plan"),
    "code": ("prompt", "plan", "files", "path"),
}
NEEDED: Final[Mapping[str, str]] = {"plan": "prompt", "code": "path"}
VARIABLE: Final = re.compile(r"\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\}|)")


class Text(NamedTuple):
    """The text of a prompt and its source: a file, or the key of a layer."""

    words: str
    layer: Layer
    key: Key
    file: Path | None = None

    def where(self, at: int, *, dollar: int | None) -> str:
        """Return the position of a character of the text in its file.

        In a TOML string, the n-th `$…` of the text is found as the n-th `$…` of the source.
        """
        if self.file is not None:
            return f"{self.file}{line_and_column(self.words, at)}"
        if dollar is not None and (document := self.layer.document):
            known = self.layer.position(self.key)
            source = document.text.replace("\r\n", "\n")
            found = islice(VARIABLE.finditer(source, known.start, known.end), dollar, None)
            if (match := next(found, None)) is not None:
                return f"{document.path}{line_and_column(source, match.start())}"
        return self.layer.place(self.key)


def built_in() -> tuple[str, ...]:
    """Return the names that a user's variant may not have: `auto`, and those of the shipped variants."""
    return ("auto", *prompts.variants())


def read_variants(layers: Layers) -> tuple[dict[tuple[str, Key], Text], list[Problem]]:
    """Return every text of every layer, with files read in, and their problems."""
    texts: dict[tuple[str, Key], Text] = {}
    problems: list[Problem] = []
    for layer in layers.all:
        for name in layer.table("prompts"):
            key = ("prompts", name)
            if name in built_in():
                what = "is a variant that comes with the program; choose another name"
                problems.append(Problem(layer.place(key), dotted(key), what))
            for part in TEXTS:
                value = layer.table("prompts", name).get(part)
                read = _read_text(layer, layers, (*key, part), value) if isinstance(value, str) else None
                if isinstance(read, Problem):
                    problems.append(read)
                elif read is not None:
                    texts[layer.name, read.key] = read
                    problems += _variable_problems(read)
    return texts, problems


def _read_text(layer: Layer, layers: Layers, key: Key, value: str) -> Text | Problem:
    """Return the text; a single line that ends in `.md` or `.txt` names the file to read it from."""
    if not is_file_name(value):
        return Text(value, layer, key)
    read = next((each for each in layer.document.named if each.key == key), None) if layer.document else None
    if read is None:
        folder = layer.document.path.parent if layer.document else layers.surroundings.cwd
        read = read_named(key, folder, value, inside=False)
    if read.wrong:
        return Problem(layer.place(key), dotted(key), f"the file `{read.path}` {read.wrong}")
    return Text(read.text, layer, key, read.path)


def _variable_problems(text: Text) -> Iterator[Problem]:
    """Yield a problem for each unknown variable, or else for a required one that is missing."""
    part, key = text.key[-1], dotted(text.key)
    known = [f"${name}" for name in VARIABLES[part]]
    listed = ", ".join(f"`{name}`" for name in known) or "none"
    used: set[str] = set()
    for count, match in enumerate(VARIABLE.finditer(text.words)):
        if match[1]:
            continue
        name = f"${match[2] or match[3] or ''}"
        used.add(name)
        what = f"no variable `{name}` here (there are: {listed}){did_you_mean(name, known)}"
        if name == "$":
            what = "a lone `$`; write `$$` for a dollar"
        if name not in known:
            yield Problem(text.where(match.start(), dollar=count), key, what)
    needed = f"${NEEDED.get(part, '')}"
    if part in NEEDED and text.words and needed not in used and used <= set(known):
        yield Problem(text.where(0, dollar=None), key, f"the variable `{needed}` is missing")


def resolved(layers: Layers, texts: Mapping[tuple[str, Key], Text]) -> dict[str, Any]:
    """Return each of the user's variants as plain data: its own texts and those of its parents.

    `extends` is the shipped variant at the end of the chain, which supplies the rest.
    """
    found: dict[str, Any] = {}
    for variant in layers.names["prompts"]:
        names, _ = parents(layers, variant)
        keys = [(layer.name, ("prompts", name, part)) for name in names for layer in layers.all for part in TEXTS]
        words = {key[1][-1]: texts[key].words for key in reversed(keys) if key in texts}
        found[variant] = {"extends": names[-1], **words}
    return found


def parents(layers: Layers, name: str) -> tuple[tuple[str, ...], str]:
    """Return the variant and its ancestors, the last one shipped; and the problem that ended the chain, if any."""
    shipped = prompts.variants()
    known = (*shipped, *layers.names["prompts"])

    def parent_of(child: str) -> str | None:
        parent = extends(layers, "prompts", child)
        return None if child in shipped else FIRST if parent is None else parent

    names, bad = ancestry(name, parent_of, known)
    if bad is None:
        return names, ""
    missing = f"there is no prompt variant `{bad}`{did_you_mean(bad, known)}"
    return names, "a variant cannot extend itself" if bad in names else missing


def parent_problems(layers: Layers) -> Iterator[Problem]:
    """Yield a problem for each variant whose parents do not exist or form a circle."""
    for name in layers.names["prompts"]:
        names, what = parents(layers, name)
        if what:
            key = ("prompts", names[-1], "extends")
            layer = next(each for each in layers.all if "extends" in each.table(*key[:2]))
            yield Problem(layer.place(key), dotted(key), what)

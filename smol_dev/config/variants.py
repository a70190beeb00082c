"""The user's prompt variants: texts read from their files, variables checked, `extends` resolved."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

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


def built_in() -> tuple[str, ...]:
    """Return the names that a user's variant may not have: `auto`, and those of the shipped variants."""
    return ("auto", *prompts.variants())


def user_variants(layers: Layers) -> tuple[dict[str, Any], list[Problem]]:
    """Return each of the user's variants as plain data, its own texts and those of its parents; and every problem.

    `extends` is the shipped variant at the end of the chain, which supplies the rest.
    """
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    texts, wrong = _read_texts(layers)
    for variant in layers.names["prompts"]:
        names, what = _ancestry(layers, variant)
        if what:
            key = ("prompts", names[-1], "extends")
            layer = next(each for each in layers.all if "extends" in each.table(*key[:2]))
            problems.append(Problem(layer.place(key), dotted(key), what))
        keys = [(layer.name, ("prompts", name, part)) for name in names for layer in layers.all for part in TEXTS]
        words = {key[1][-1]: texts[key] for key in reversed(keys) if key in texts}
        found[variant] = {"extends": names[-1], **words}
    return found, problems + wrong


def _ancestry(layers: Layers, name: str) -> tuple[tuple[str, ...], str]:
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


def _read_texts(layers: Layers) -> tuple[dict[tuple[str, Key], str], list[Problem]]:
    """Return every text of every layer, with files read in, and their problems."""
    texts: dict[tuple[str, Key], str] = {}
    problems: list[Problem] = []
    for layer in layers.all:
        for name in layer.table("prompts"):
            key = ("prompts", name)
            if name in built_in():
                what = "is a variant that comes with the program; choose another name"
                problems.append(Problem(layer.place(key), dotted(key), what))
            for part in TEXTS:
                value = layer.table("prompts", name).get(part)
                if isinstance(value, str):
                    text, found = _read_text(layer, layers, (*key, part), value)
                    problems += found
                    if text is not None:
                        texts[layer.name, (*key, part)] = text
    return texts, problems


def _read_text(layer: Layer, layers: Layers, key: Key, value: str) -> tuple[str | None, list[Problem]]:
    """Return the text and its problems; a single line that ends in `.md` or `.txt` names the file to read it from."""
    if not is_file_name(value):
        return value, list(_variable_problems(value, layer, key, None))
    read = next((each for each in layer.document.named if each.key == key), None) if layer.document else None
    if read is None:
        folder = layer.document.path.parent if layer.document else layers.surroundings.cwd
        read = read_named(key, folder, value, inside=False)
    if read.wrong:
        return None, [Problem(layer.place(key), dotted(key), f"the file `{read.path}` {read.wrong}")]
    return read.text, list(_variable_problems(read.text, layer, key, read.path))


def _variable_problems(text: str, layer: Layer, key: Key, file: Path | None) -> Iterator[Problem]:
    """Yield a problem for each unknown variable, or else for a required one that is missing."""
    known = [f"${name}" for name in VARIABLES[key[-1]]]
    listed = ", ".join(f"`{name}`" for name in known) or "none"
    used: set[str] = set()
    for count, match in enumerate(VARIABLE.finditer(text)):
        if match[1]:
            continue
        name = f"${match[2] or match[3] or ''}"
        used.add(name)
        what = f"no variable `{name}` here (there are: {listed}){did_you_mean(name, known)}"
        if name == "$":
            what = "a lone `$`; write `$$` for a dollar"
        if name not in known:
            where = f"{file}{line_and_column(text, match.start())}" if file else _place_in_value(layer, key, count)
            yield Problem(where, dotted(key), what)
    needed = f"${NEEDED.get(key[-1], '')}"
    if key[-1] in NEEDED and text and needed not in used and used <= set(known):
        where = f"{file}{line_and_column(text, 0)}" if file else layer.place(key)
        yield Problem(where, dotted(key), f"the variable `{needed}` is missing")


def _place_in_value(layer: Layer, key: Key, count: int) -> str:
    """Return the position of a text's variable in a TOML file: the n-th `$…` of the value's source."""
    if layer.document:
        known, source = layer.position(key), layer.document.text.replace("\r\n", "\n")
        found = islice(VARIABLE.finditer(source, known.start, known.end), count, None)
        if (match := next(found, None)) is not None:
            return f"{layer.document.path}{line_and_column(source, match.start())}"
    return layer.place(key)

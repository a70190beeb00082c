"""Own prompt variants: texts read in from their files, variables checked, `extends` resolved."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from smol_dev import prompts
from smol_dev.config.assignments import Key
from smol_dev.config.files import TEXTS, is_file_name, read_named
from smol_dev.config.layers import Layer, Layers
from smol_dev.config.model import Prompts
from smol_dev.config.problems import Problem, did_you_mean, dotted

FIRST: Final = "default"
"""The shipped variant that an own one extends unless it names another."""

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "system": (),
    "plan": ("prompt",),
    "files": ("prompt", "plan"),
    "code": ("prompt", "plan", "files", "path"),
}
NEEDED: Final[Mapping[str, str]] = {"plan": "prompt", "code": "path"}
VARIABLE: Final = re.compile(r"\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\}|)")


class Text(NamedTuple):
    """The words of a request, and where they stand: a file of their own, or the key of a layer."""

    words: str
    layer: Layer
    key: Key
    file: Path | None = None


def reserved() -> tuple[str, ...]:
    """Return the names that no own variant may have: `auto`, and the shipped variants."""
    return ("auto", *prompts.variants())


def read_variants(layers: Layers) -> tuple[dict[tuple[str, Key], Text], list[Problem]]:
    """Every text of every layer, the files read in, and what is wrong with them."""
    texts: dict[tuple[str, Key], Text] = {}
    problems: list[Problem] = []
    for layer in layers.all:
        for name, table in layer.table("prompts").items():
            key = ("prompts", name)
            if name in reserved():
                what = "is a variant that comes with the program; choose another name"
                problems.append(Problem(layer.place(key), dotted(key), what))
            for part in TEXTS:
                value = table.get(part) if isinstance(table, dict) else None
                if isinstance(value, str):
                    read = read_text(layer, layers, (*key, part), value)
                    if isinstance(read, Problem):
                        problems.append(read)
                    else:
                        texts[layer.name, read.key] = read
                        problems += variable_problems(read)
    return texts, problems


def read_text(layer: Layer, layers: Layers, key: Key, value: str) -> Text | Problem:
    """The text itself; a single line that ends in `.md` or `.txt` is the name of a file with it."""
    if not is_file_name(value):
        return Text(value, layer, key)
    document = layer.document(key) if layer.documents else None
    read = next((each for each in document.named if each.key == key), None) if document else None
    if read is None:
        folder = document.path.parent if document else layers.surroundings.cwd
        read = read_named(key, folder, value, inside=False)
    if read.wrong:
        return Problem(layer.place(key), dotted(key), f"the file `{read.path}` {read.wrong}")
    return Text(read.text, layer, key, read.path)


def variable_problems(text: Text) -> Iterator[Problem]:
    """Variables that the request does not have, or else the one it cannot do without."""
    part = text.key[-1]
    known = [f"${name}" for name in VARIABLES[part]]
    listed = ", ".join(f"`{name}`" for name in known) or "none"
    used: set[str] = set()
    for count, match in enumerate(dollars(text.words)):
        if match[1]:
            continue
        name = f"${match[2] or match[3] or ''}"
        used.add(name)
        what = ""
        if name == "$":
            what = "a lone `$`; write `$$` for a dollar"
        elif name not in known:
            what = f"no variable `{name}` here (there are: {listed}){did_you_mean(name, known)}"
        if what:
            yield Problem(place_of(text, match.start(), dollar=count), dotted(text.key), what)
    needed = f"${NEEDED.get(part, '')}"
    if part in NEEDED and text.words and needed not in used and used <= set(known):
        place = place_of(text, 0, dollar=None)
        yield Problem(place, dotted(text.key), f"the variable `{needed}` is missing")


def dollars(words: str) -> Iterator[re.Match[str]]:
    """Each `$` with what belongs to it."""
    return VARIABLE.finditer(words)


def place_of(text: Text, at: int, *, dollar: int | None) -> str:
    """Where in its file a place of the text stands: exact in a file of its own.

    In a TOML string the n-th `$…` of the text is the n-th of the string as written.
    """
    if text.file is not None:
        before = text.words[:at]
        return f"{text.file}:{before.count(chr(10)) + 1}:{at - before.rfind(chr(10))}"
    place = text.layer.place(text.key)
    if dollar is None or not text.layer.documents:
        return place
    source = text.layer.document(text.key).text.replace("\r\n", "\n")
    known = text.layer.position(text.key)
    for count, match in enumerate(VARIABLE.finditer(source, known.start, known.end)):
        if count == dollar:
            line = source.count("\n", 0, match.start()) + 1
            column = match.start() - source.rfind("\n", 0, match.start())
            return f"{text.layer.document(text.key).path}:{line}:{column}"
    return place


def resolved(layers: Layers, texts: Mapping[tuple[str, Key], Text]) -> dict[str, Any]:
    """Each own variant as plain data: its own texts and its parents'.

    `extends` is the shipped variant at the end of the line, from which the rest is taken.
    """
    return {name: merged(layers, texts, parents(layers, name)[0]) for name in layers.names("prompts")}


def parents(layers: Layers, name: str) -> tuple[tuple[str, ...], str]:
    """The variant and the own ones it extends, then a shipped one; and what is wrong with that."""
    names = [name]
    own = layers.names("prompts")
    while names[-1] not in prompts.variants():
        said = (layer.table("prompts", names[-1]).get("extends") for layer in layers.all)
        parent = next((each for each in said if isinstance(each, str)), FIRST)
        if parent in names:
            return tuple(names), "a variant cannot extend itself"
        if parent not in (*prompts.variants(), *own):
            what = f"there is no prompt variant `{parent}`"
            return tuple(names), f"{what}{did_you_mean(parent, (*prompts.variants(), *own))}"
        names.append(parent)
    return tuple(names), ""


def parent_problems(layers: Layers) -> Iterator[Problem]:
    """Variants whose parents do not exist, or lead back to themselves."""
    for name in layers.names("prompts"):
        names, what = parents(layers, name)
        if what:
            key = ("prompts", names[-1], "extends")
            layer = next(each for each in layers.all if "extends" in each.table(*key[:2]))
            yield Problem(layer.place(key), dotted(key), what)


def merged(layers: Layers, texts: Mapping[tuple[str, Key], Text], names: tuple[str, ...]) -> dict[str, Any]:
    """One variant as plain data."""
    table: dict[str, Any] = {"extends": names[-1]}
    for name in names:
        for part in TEXTS:
            found = (texts.get((layer.name, ("prompts", name, part))) for layer in layers.all)
            first = next((text for text in found if text is not None), None)
            if first is not None and part not in table:
                table[part] = first.words
    return table


def shown_prompts(prompts: Mapping[str, Prompts]) -> dict[str, dict[str, str]]:
    """The variants as TOML would hold them."""
    return {
        name: {key: getattr(each, key) for key in ("extends", *TEXTS) if key in each.model_fields_set}
        for name, each in prompts.items()
    }

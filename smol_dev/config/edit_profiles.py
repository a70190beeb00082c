"""`profiles add`, `copy`, `rename`, `remove` and `use`: whole profiles of a file, and who uses them."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from smol_dev.config.change import Sheet, change
from smol_dev.config.command_line import TOP_TABLES, assignment
from smol_dev.config.document import renamed, with_table, with_value, without
from smol_dev.config.edit import without_version
from smol_dev.config.environment import put
from smol_dev.config.layers import Flags, Key, Layers, Surroundings, declared
from smol_dev.config.problems import Problem, did_you_mean, dotted, typed
from smol_dev.errors import UsageError
from smol_dev.safe import command

Said = tuple[str, tuple[str, ...]]


def add(
    name: str, options: Mapping[str, str | None], flags: Flags, surroundings: Surroundings, *, project: bool = False
) -> tuple[str, ...]:
    """Create a profile with these options and with each `-c` of the flags; the lines to tell the user."""
    values: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    for text in flags.sets:
        put(values, *own_key(text))

    def edit(sheet: Sheet) -> Said:
        refuse_taken(name, sheet.layers)
        path = ("profiles", name, "base_url")
        warned = tuple(without_version(path, values.get("base_url"), sheet.target))
        return with_table(sheet.text, path[:2], values), (*made(name, sheet), *warned)

    return change(flags, surroundings, edit, project=project)


def copy(source: str, name: str, flags: Flags, surroundings: Surroundings, *, project: bool = False) -> tuple[str, ...]:
    """Create a profile with all keys the other has of its own, in any file."""

    def edit(sheet: Sheet) -> Said:
        refuse_unknown(source, sheet.layers)
        refuse_taken(name, sheet.layers)
        values = own_keys(source, sheet.layers, folder=sheet.target.path.parent)
        return with_table(sheet.text, ("profiles", name), values), made(name, sheet)

    return change(flags, surroundings, edit, project=project)


def rename(name: str, new: str, flags: Flags, surroundings: Surroundings, *, project: bool = False) -> tuple[str, ...]:
    """Rename a profile of the file, and what names it in the same file."""

    def edit(sheet: Sheet) -> Said:
        refuse_elsewhere(name, sheet)
        refuse_taken(new, sheet.layers)
        if others := declaring(name, sheet.layers, but=sheet.target.path):
            raise UsageError(
                f"profile `{name}` is declared in `{others[0]}` too, and would lose those keys",
                hint="copy it instead: " + command("smol_dev profiles copy {name} {new}", name=name, new=new),
            )
        named = list(references(name, sheet.tables))
        text = renamed(sheet.text, ("profiles", name), new, references=named)
        said = [f"profile `{name}` is now `{new}` in `{sheet.target.path}`"]
        said += [f"`{dotted(key)}` names it by the new name" for key in named]
        left = users(name, sheet.layers, but=sheet.target.path)
        said += [f"{user} still names it `{name}`" for user in left]
        return text, tuple(said)

    return change(flags, surroundings, edit, project=project)


def remove(name: str, flags: Flags, surroundings: Surroundings, *, project: bool = False) -> tuple[str, ...]:
    """Remove a profile from the file, unless it is used and would be gone."""

    def edit(sheet: Sheet) -> Said:
        refuse_elsewhere(name, sheet)
        others = declaring(name, sheet.layers, but=sheet.target.path)
        if not others and (used := users(name, sheet.layers)):
            raise UsageError(
                f"profile `{name}` is used by {', '.join(used)}",
                hint="change those first: `smol_dev profiles use OTHER`, or `smol_dev config set"
                " profiles.NAME.extends OTHER`",
            )
        said = [f"profile `{name}` is no longer in `{sheet.target.path}`"]
        said += [f"what `{other}` says of `{name}` holds again" for other in others[:1]]
        return without(sheet.text, ("profiles", name)), tuple(said)

    return change(flags, surroundings, edit, project=project)


def use(name: str, flags: Flags, surroundings: Surroundings, *, project: bool = False) -> tuple[str, ...]:
    """Make a profile the default one of the file."""

    def edit(sheet: Sheet) -> Said:
        refuse_unknown(name, sheet.layers)
        refuse_one_projects(name, sheet)
        said = [f"`{name}` is the default profile in `{sheet.target.path}`"]
        stronger = sheet.layers.selected_by
        own = "project" if sheet.target.project else "user"
        if stronger.layer in ("environment", "project") and stronger.layer != own:
            said.append(f"`{stronger.where}` still selects `{sheet.layers.selected}`")
        return with_value(sheet.text, ("default_profile",), name), tuple(said)

    return change(flags, surroundings, edit, project=project)


def own_key(text: str) -> tuple[Key, object]:
    """The key, within a profile, and the value of a `-c` that describes a new profile."""
    read = assignment(text)
    if isinstance(read, Problem):
        raise UsageError(str(read), hint="keys of a profile: `-c timeout=300`, `-c code.model=NAME`")
    if read[0][0] in TOP_TABLES:
        raise UsageError(
            f"`{dotted(read[0])}` is no key of a profile",
            hint=f"set it by itself: {command('smol_dev config set {key} VALUE', key=typed(read[0]))}",
        )
    return read


def made(name: str, sheet: Sheet) -> tuple[str, ...]:
    """What to say about a new profile."""
    return (
        f"profile `{name}` is in `{sheet.target.path}`",
        f"make it the default: {command(f'smol_dev profiles use{sheet.target.option} {{name}}', name=name)}",
    )


def own_keys(name: str, layers: Layers, *, folder: Path) -> dict[str, Any]:
    """What the files say of a profile, its parents left out; file names hold in `folder` too."""
    values: dict[str, Any] = {}
    for layer in reversed(layers.all):
        if not layer.documents:
            continue
        table = deepcopy(dict(layer.table("profiles", name)))
        file = table.get("api_key_file")
        if isinstance(file, str) and layer.document(("profiles", name)).path.parent != folder:
            table["api_key_file"] = str(layer.document(("profiles", name)).path.parent / file)
        merge(values, table)
    return values


def merge(values: dict[str, Any], stronger: Mapping[str, Any]) -> None:
    """Lay the stronger table over the values, key by key."""
    for key, value in stronger.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            merge(values[key], value)
        else:
            values[key] = value


def refuse_unknown(name: str, layers: Layers) -> None:
    """Refuse a name that is of no profile."""
    known = declared(layers.all)
    if name not in known:
        raise UsageError(
            f"there is no profile `{name}`{did_you_mean(name, known)}", hint="see them all: `smol_dev profiles list`"
        )


def refuse_taken(name: str, layers: Layers) -> None:
    """Refuse a name that a profile has already, or that could not be typed again."""
    if not name.isprintable() or name.strip() != name or not name:
        raise UsageError("that is no name for a profile", hint="letters, digits, `-` and `_` are best")
    for layer in layers.all:
        if layer.documents and name in layer.table("profiles"):
            where = layer.origin(("profiles", name)).where
            raise UsageError(
                f"there is a profile `{name}` already (`{where}`)",
                hint="take another name, or see what it is: " + command("smol_dev profiles show {name}", name=name),
            )


def refuse_one_projects(name: str, sheet: Sheet) -> None:
    """Refuse as the user's default a profile that every other folder would lack."""
    kinds = {layer.kind for layer in sheet.layers.all if name in layer.table("profiles")}
    if not sheet.target.project and not kinds & {"user", "system", "shipped"}:
        raise UsageError(
            f"only this project declares `{name}`; in every other folder there would be no such profile",
            hint=f"for this project alone: {command('smol_dev profiles use {name} --project', name=name)}",
        )


def refuse_elsewhere(name: str, sheet: Sheet) -> None:
    """Refuse a profile that this file does not declare."""
    if name in sheet.profiles:
        return
    refuse_unknown(name, sheet.layers)
    where = declaring(name, sheet.layers)[0]
    raise UsageError(
        f"profile `{name}` is declared in `{where}`, not in `{sheet.target.path}`",
        hint="shipped profiles stay; of the others, those in a project's file take `--project`",
    )


def declaring(name: str, layers: Layers, *, but: Path | None = None) -> list[str]:
    """Each `FILE:LINE` that declares a profile, in any file but this one."""
    return [
        layer.origin(("profiles", name)).where
        for layer in layers.all
        if layer.documents
        and name in layer.table("profiles")
        and not same_file(layer.document(("profiles", name)).path, but)
    ]


def same_file(path: Path, other: Path | None) -> bool:
    """Whether both are the same file, links followed."""
    return other is not None and path.resolve() == other.resolve()


def users(name: str, layers: Layers, *, but: Path | None = None) -> list[str]:
    """Who names the profile, as `key (FILE:LINE)`, in any layer and in any file but this one."""
    return [
        f"`{dotted(key)}` ({layer.origin(key).where})"
        for layer in layers.all
        if not (layer.documents and same_file(layer.document(()).path, but))
        for key in references(name, layer.data)
    ] + [
        f"`{layers.selected_by.where}`"
        for kind in [layers.selected_by.layer]
        if kind == "environment" and layers.selected == name
    ]


def references(name: str, tables: Mapping[str, Any]) -> Iterator[Key]:
    """The keys that name the profile: the default, and the children of it."""
    if tables.get("default_profile") == name:
        yield ("default_profile",)
    profiles = tables.get("profiles")
    for other, profile in profiles.items() if isinstance(profiles, dict) else ():
        if isinstance(profile, dict) and profile.get("extends") == name and other != name:
            yield ("profiles", other, "extends")

"""`config set` and `unset`: one key of the user's or the project's file."""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from smol_dev.config.change import Sheet, Target, change
from smol_dev.config.command_line import SECRET, TOP_TABLES, at, key_path, toml_value
from smol_dev.config.document import rendered, with_value, without, without_empty
from smol_dev.config.endpoint import url_problem
from smol_dev.config.keys import expected, field_of
from smol_dev.config.layers import Flags, Key, Layers, Surroundings, declared
from smol_dev.config.model import Run
from smol_dev.config.problems import did_you_mean, dotted, typed
from smol_dev.errors import UsageError
from smol_dev.safe import command, named

BETTER_WAYS: Final = (
    "name a variable (`smol_dev config set api_key_env NAME`), a file (`api_key_file`) or a command"
    " (`api_key_command`), or write it into the file itself: `smol_dev config edit`"
)

VERSION: Final = re.compile(r"/v\d")
"""What the path of an address has where a version of the API is named."""

IN_THE_FILE: Final = "write it into the file itself: `smol_dev config edit`"


def set_value(
    key: str, value: str, flags: Flags, surroundings: Surroundings, *, project: bool = False
) -> tuple[str, ...]:
    """Set a key to a value spelled as for `-c`; the lines to tell the user."""

    def edit(sheet: Sheet) -> tuple[str, tuple[str, ...]]:
        path = full_key(key, sheet.layers)
        refuse_secret(path)
        refuse_table(path, hint=f"name a key in it: {named(typed((*path, 'KEY')))}")
        refuse_unknown_profile(path, sheet.layers)
        read = toml_value(value.strip())
        refuse_unquoted(path, read, sheet)
        said = f"`{dotted(path)}` is now `{rendered(read)}` in `{sheet.target.path}`"
        other = (*overruled(path, sheet), *without_version(path, read, sheet.target))
        return with_value(sheet.text, path, read), (said, *other)

    return change(flags, surroundings, edit, project=project)


def unset(key: str, flags: Flags, surroundings: Surroundings, *, project: bool = False) -> tuple[str, ...]:
    """Take a key out of the file; the lines to tell the user."""

    def edit(sheet: Sheet) -> tuple[str, tuple[str, ...]]:
        path = full_key(key, sheet.layers)
        whole = command("smol_dev profiles remove {name}", name=path[-1])
        by_hand = command(f"smol_dev config edit{sheet.target.option}")
        is_profile = path[0] == "profiles" and path[1:] != ()
        hint = f"a whole profile: {whole}" if is_profile else f"take it out by hand: {by_hand}"
        refuse_table(path, hint=hint)
        if not holds(sheet.tables, path):
            raise UsageError(
                f"`{dotted(path)}` is not set in `{sheet.target.path}`",
                hint=f"see who sets it: {command('smol_dev config explain {key}', key=typed(path))}",
            )
        said = f"`{dotted(path)}` is no longer set in `{sheet.target.path}`"
        text = without(sheet.text, path)
        for length in range(len(path) - 1, 0, -1):
            if not declares(path[:length], sheet):
                text = without_empty(text, path[:length])
        return text, (said,)

    return change(flags, surroundings, edit, project=project)


def declares(path: Key, sheet: Sheet) -> bool:
    """Return whether the table is all that makes a profile, or a prompt variant, that may be in use."""
    others = [layer for layer in sheet.layers.all if layer.documents and path[1:]]
    return (
        path[0] in {"profiles", "prompts"}
        and path[2:] == ()
        and not any(
            path[1] in layer.table(path[0])
            for layer in others
            if layer.documents[0].path.resolve() != sheet.target.path.resolve()
        )
    )


def full_key(key: str, layers: Layers) -> Key:
    """The key from the top of the file; one without a table is of `run`, or of the selected profile."""
    path = key_path(key)
    if path is None:
        raise UsageError(f"`{key}` is no key", hint="write it as `model`, `code.model` or `run.max_files`")
    if path[0] in (*TOP_TABLES, "default_profile"):
        return path
    return at(path, layers.selected, Run.model_fields)


def refuse_secret(path: Key) -> None:
    """Refuse a secret on the command line, where every user of the machine can read it."""
    if path[0] == "profiles" and path[2:] and path[2] in SECRET:
        raise UsageError(
            f"`{path[2]}` is a secret, and a command line is read by every user of the machine and kept by the shell",
            hint=BETTER_WAYS if path[2] == "api_key" else IN_THE_FILE,
        )


def refuse_table(path: Key, *, hint: str) -> None:
    """Refuse a whole table of the file where one key of it is wanted."""
    name = "a profile" if path[0] == "profiles" else "a table"
    if path in {(top,) for top in TOP_TABLES} or (path[0] == "profiles" and len(path) == 2):  # noqa: PLR2004
        raise UsageError(f"`{dotted(path)}` is {name}, not a key", hint=hint)


def refuse_unquoted(path: Key, value: object, sheet: Sheet) -> None:
    """Refuse what TOML reads as a number, date or truth where text is wanted, and say how it is typed."""
    field = field_of(path)
    if field is None or expected(field) != "text" or isinstance(value, str | dict | list):
        return
    template = f"smol_dev config set{sheet.target.option} {{key}} {{value}}"
    typed_again = command(template, key=typed(path), value=f'"{rendered(value)}"')
    raise UsageError(
        f"`{dotted(path)}` must be text, and TOML reads something else here",
        hint=f"put it in quotes, which the shell must leave: {typed_again}",
    )


def refuse_unknown_profile(path: Key, layers: Layers) -> None:
    """Refuse a key of a profile that no layer declares; a slip of the pen would make a new one."""
    known = declared(layers.all)
    if path[0] == "profiles" and path[1] not in known:
        raise UsageError(
            f"there is no profile `{path[1]}`{did_you_mean(path[1], known)}",
            hint=f"create it: {command('smol_dev profiles add {name}', name=path[1])}",
        )


def overruled(path: Key, sheet: Sheet) -> Iterator[str]:
    """A line for each stronger layer that sets the key too, for which the change does nothing."""
    for layer in sheet.layers.all:
        if layer.kind == ("project" if sheet.target.project else "user"):
            return
        if layer.kind in ("environment", "project") and holds(layer.data, path):
            yield f"`{layer.origin(path).where}` sets it too, and is stronger"


def without_version(path: Key, value: object, place: Target) -> Iterator[str]:
    """Yield the warning about an address that ends before the `/v1` under which servers answer."""
    if path[2:] != ("base_url",) or not isinstance(value, str) or url_problem(value):
        return
    if value and not VERSION.search(urlsplit(value).path):
        template = f"smol_dev config set{place.option} {{key}} {{url}}"
        better = command(template, key=typed(path), url=f"{value.rstrip('/')}/v1")
        yield f"the address has no `/v1`, under which most servers answer; with it: {better}"


def holds(tables: Any, path: Key) -> bool:  # noqa: ANN401 - any part of a TOML file
    """Whether the tables set the key."""
    for part in path:
        if not isinstance(tables, dict) or part not in tables:
            return False
        tables = tables[part]
    return True

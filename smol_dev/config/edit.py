"""Edits that commands make to a settings file: write a first one, set a key, change a profile, open it in an editor."""

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from smol_dev.config import change
from smol_dev.config.change import Said, SettingsFile, Sheet, settings_file
from smol_dev.config.endpoint import PROVIDERS, url_problem
from smol_dev.config.files import (
    FILE_NAME,
    PROJECT_LIMIT,
    USER_LIMIT,
    BadFileError,
    Surroundings,
    decoded,
    is_same,
    parsed,
    read_bytes,
    table_at,
)
from smol_dev.config.layers import (
    SECRET,
    TOP_TABLES,
    Flags,
    Key,
    Layers,
    assignment,
    at,
    declared,
    key_path,
    put,
    shipped,
    toml_value,
)
from smol_dev.config.model import Run, expected, laid_over, locate
from smol_dev.config.problems import Problem, did_you_mean, dotted, typed
from smol_dev.config.profiles import value_of
from smol_dev.errors import ConfigError, InterruptedRunError, SmolError, UsageError
from smol_dev.safe import command, named

OTHER_WAYS: Final = (
    "name a variable (`smol_dev config set api_key_env NAME`), a file (`api_key_file`) or a command"
    " (`api_key_command`), or "
)
VERSION: Final = re.compile(r"/v\d")
"""The API version in the path of an address."""


def set_value(sheet: Sheet, key: str, value: str) -> Said:
    """Set a key to a value, spelled as for `-c`."""
    path = _full_key(key, sheet.layers)
    if path[0] == "profiles" and path[2:3] and path[2] in SECRET:
        raise UsageError(
            f"`{path[2]}` is a secret, and a command line is read by every user of the machine and kept by the shell",
            hint=f"{OTHER_WAYS if path[2] == 'api_key' else ''}write it into the file itself: `smol_dev config edit`",
        )
    _refuse_table(path, hint=f"name a key in it: {named(typed((*path, 'KEY')))}")
    if path[0] == "profiles":
        create = command("smol_dev profiles add {name}", name=path[1])
        _refuse_unknown(path[1], sheet.layers, hint=f"create it: {create}")
    read = toml_value(value.strip())
    _refuse_unquoted(path, read, sheet)
    said = f"`{dotted(path)}` is now `{change.rendered(read)}` in `{sheet.file.path}`"
    stronger = [
        f"`{layer.origin(path).where}` sets it too, and is stronger"
        for layer in takewhile(lambda each: each.kind != sheet.file.kind, sheet.layers.all)
        if layer.kind in ("environment", "project") and value_of(layer.data, path) is not None
    ]
    return change.with_value(sheet.text, path, read), (said, *stronger, *_without_version(path, read, sheet))


def unset(sheet: Sheet, key: str) -> Said:
    """Remove a key from the file, and each table that becomes empty."""
    path, file = _full_key(key, sheet.layers), sheet.file
    hint = "take it out by hand: " + command(f"smol_dev config edit{file.option}")
    if path[0] == "profiles" and path[1:]:
        hint = "a whole profile: " + command("smol_dev profiles remove {name}", name=path[-1])
    _refuse_table(path, hint=hint)
    if value_of(sheet.tables, path) is None:
        raise UsageError(
            f"`{dotted(path)}` is not set in `{file.path}`",
            hint=f"see where it is set: {command('smol_dev config explain {key}', key=typed(path))}",
        )
    text = change.without(sheet.text, path)
    for length in range(len(path) - 1, 0, -1):
        table = path[:length]
        is_name = length == 2 and path[0] in {"profiles", "prompts"}  # noqa: PLR2004 - `profiles.NAME`
        if not is_name or _declaring(table, sheet.layers, but=file.path):
            text = change.without_empty(text, table)
    return text, (f"`{dotted(path)}` is no longer set in `{file.path}`",)


def add(sheet: Sheet, name: str, options: Mapping[str, str | None]) -> Said:
    """Create a profile from these options and every `-c` flag."""
    values: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    for read in map(assignment, sheet.file.flags.sets):
        if isinstance(read, Problem):
            raise UsageError(str(read), hint="keys of a profile: `-c timeout=300`, `-c code.model=NAME`")
        key, value = read
        if key[0] in TOP_TABLES:
            raise UsageError(
                f"`{dotted(key)}` is not a key of a profile",
                hint=f"set it separately: {command('smol_dev config set {key} VALUE', key=typed(key))}",
            )
        put(values, key, value)
    path = ("profiles", name)
    _refuse_taken(name, sheet.layers)
    warned = _without_version((*path, "base_url"), values.get("base_url"), sheet)
    return change.with_table(sheet.text, path, values), (*_made(name, sheet), *warned)


def copy(sheet: Sheet, source: str, name: str) -> Said:
    """Create a profile with the other's own keys, from all files but without its parents."""
    _refuse_unknown(source, sheet.layers)
    _refuse_taken(name, sheet.layers)
    values: dict[str, Any] = {}
    for layer in reversed(sheet.layers.all):
        if layer.document:
            table = dict(layer.table("profiles", source))
            file, home = table.get("api_key_file"), layer.document.path.parent
            if isinstance(file, str) and home != sheet.file.path.parent:
                table["api_key_file"] = str(home / file)  # relative to the file that names it
            values = laid_over(values, table)
    return change.with_table(sheet.text, ("profiles", name), values), _made(name, sheet)


def rename(sheet: Sheet, name: str, new: str) -> Said:
    """Rename a profile of the file and the references to it in the same file."""
    path = sheet.file.path
    _refuse_elsewhere(name, sheet)
    _refuse_taken(new, sheet.layers)
    if others := _declaring(("profiles", name), sheet.layers, but=path):
        raise UsageError(
            f"profile `{name}` is declared in `{others[0]}` too, and would lose those keys",
            hint="copy it instead: " + command("smol_dev profiles copy {name} {new}", name=name, new=new),
        )
    naming = list(_references(name, sheet.tables))
    said = (
        f"profile `{name}` is now `{new}` in `{path}`",
        *(f"`{dotted(key)}` names it by the new name" for key in naming),
        *(f"{user} still names it `{name}`" for user in _users(name, sheet.layers, but=path)),
    )
    return change.renamed(sheet.text, ("profiles", name), new, references=naming), said


def remove(sheet: Sheet, name: str) -> Said:
    """Remove a profile from the file, unless it is in use and declared nowhere else."""
    _refuse_elsewhere(name, sheet)
    others = _declaring(("profiles", name), sheet.layers, but=sheet.file.path)
    if not others and (used := _users(name, sheet.layers)):
        raise UsageError(
            f"profile `{name}` is used by {', '.join(used)}",
            hint="change those first: `smol_dev profiles use OTHER`, or `smol_dev config set"
            " profiles.NAME.extends OTHER`",
        )
    said = f"profile `{name}` is no longer in `{sheet.file.path}`"
    again = (f"what `{other}` says of `{name}` holds again" for other in others[:1])
    return change.without(sheet.text, ("profiles", name)), (said, *again)


def use(sheet: Sheet, name: str) -> Said:
    """Make a profile the file's default."""
    _refuse_unknown(name, sheet.layers)
    kinds = {layer.kind for layer in sheet.layers.all if name in layer.table("profiles")}
    if not sheet.file.project and not kinds & {"user", "system", "shipped"}:
        raise UsageError(
            f"only this project declares `{name}`; in every other folder there would be no such profile",
            hint=f"for this project alone: {command('smol_dev profiles use {name} --project', name=name)}",
        )
    said: tuple[str, ...] = (f"`{name}` is the default profile in `{sheet.file.path}`",)
    setter = sheet.layers.selected_by
    if setter.layer in ("environment", "project") and setter.layer != sheet.file.kind:
        said += (f"`{setter.where}` still selects `{sheet.layers.selected}`",)
    return change.with_value(sheet.text, ("default_profile",), name), said


def _full_key(key: str, layers: Layers) -> Key:
    """Return the key from the top of the file; one without a table belongs to `run` or the selected profile."""
    path = key_path(key)
    if path is None:
        raise UsageError(f"`{key}` is not a key", hint="write it as `model`, `code.model` or `run.max_files`")
    if path[0] in (*TOP_TABLES, "default_profile"):
        return path
    return at(path, layers.selected, Run.model_fields)


def _made(name: str, sheet: Sheet) -> tuple[str, ...]:
    return (
        f"profile `{name}` is in `{sheet.file.path}`",
        f"make it the default: {command(f'smol_dev profiles use{sheet.file.option} {{name}}', name=name)}",
    )


def _without_version(path: Key, value: object, sheet: Sheet) -> Iterator[str]:
    """Yield the warning about an address without the `/v1` under which servers answer."""
    if path[2:] != ("base_url",) or not isinstance(value, str) or url_problem(value):
        return
    if value and not VERSION.search(urlsplit(value).path):
        template = f"smol_dev config set{sheet.file.option} {{key}} {{url}}"
        better = command(template, key=typed(path), url=f"{value.rstrip('/')}/v1")
        yield f"the address has no `/v1`, under which most servers answer; with it: {better}"


def _refuse_table(path: Key, *, hint: str) -> None:
    name = "a profile" if path[0] == "profiles" else "a table"
    if path in {(top,) for top in TOP_TABLES} or (path[0] == "profiles" and len(path) == 2):  # noqa: PLR2004
        raise UsageError(f"`{dotted(path)}` is {name}, not a key", hint=hint)


def _refuse_unquoted(path: Key, value: object, sheet: Sheet) -> None:
    field = locate(path).field
    if field is None or expected(field) != "text" or isinstance(value, str | dict | list):
        return
    template = f"smol_dev config set{sheet.file.option} {{key}} {{value}}"
    typed_again = command(template, key=typed(path), value=f'"{change.rendered(value)}"')
    raise UsageError(
        f"`{dotted(path)}` must be text, and TOML reads something else here",
        hint=f"put it in quotes, which the shell must leave: {typed_again}",
    )


def _refuse_unknown(name: str, layers: Layers, *, hint: str = "see them all: `smol_dev profiles list`") -> None:
    known = declared(layers.all)
    if name not in known:
        raise UsageError(f"there is no profile `{name}`{did_you_mean(name, known)}", hint=hint)


def _refuse_taken(name: str, layers: Layers) -> None:
    if not name.isprintable() or name.strip() != name or not name:
        raise UsageError("that is not a valid profile name", hint="letters, digits, `-` and `_` are best")
    for where in _declaring(("profiles", name), layers)[:1]:
        raise UsageError(
            f"there is a profile `{name}` already (`{where}`)",
            hint="take another name, or see what it is: " + command("smol_dev profiles show {name}", name=name),
        )


def _refuse_elsewhere(name: str, sheet: Sheet) -> None:
    if value_of(sheet.tables, ("profiles", name)) is not None:
        return
    _refuse_unknown(name, sheet.layers)
    where = _declaring(("profiles", name), sheet.layers)[0]
    raise UsageError(
        f"profile `{name}` is declared in `{where}`, not in `{sheet.file.path}`",
        hint="shipped profiles stay; of the others, those in a project's file take `--project`",
    )


def _declaring(table: Key, layers: Layers, *, but: Path | None = None) -> list[str]:
    """Return each `FILE:LINE` that declares a profile or prompt variant, except in the file `but`."""
    return [
        layer.origin(table).where
        for layer in layers.all
        if layer.document and table[1] in layer.table(table[0]) and not is_same(but, layer.document.path)
    ]


def _users(name: str, layers: Layers, *, but: Path | None = None) -> list[str]:
    """Return each reference to the profile, as `key (FILE:LINE)`, in all layers except the file `but`."""
    found = [
        f"`{dotted(key)}` ({layer.origin(key).where})"
        for layer in layers.all
        if not (layer.document and is_same(but, layer.document.path))
        for key in _references(name, layer.data)
    ]
    if layers.selected_by.layer == "environment" and layers.selected == name:
        found.append(f"`{layers.selected_by.where}`")
    return found


def _references(name: str, tables: Mapping[str, Any]) -> Iterator[Key]:
    """Yield the keys that refer to the profile: the default, and `extends` in its children."""
    if tables.get("default_profile") == name:
        yield ("default_profile",)
    for other in table_at(tables, "profiles"):
        if table_at(tables, "profiles", other).get("extends") == name and other != name:
            yield ("profiles", other, "extends")


def edit_by_hand(
    file: SettingsFile, *, open_editor: Callable[[Path], None], again: Callable[[ConfigError], bool]
) -> tuple[str, ...]:
    """Let the user edit the file; return the lines to show the user.

    `open_editor` returns when the user has finished with the copy. If the copy cannot replace the file, `again`
    decides whether to open it once more. Whatever happens, the user's text ends up in the file or stays in
    the copy, whose path the error gives.
    """
    file.refuse_read_only()
    working_copy = WorkingCopy(file)
    try:
        said = working_copy.edit(open_editor, again)
    except (SmolError, KeyboardInterrupt) as error:
        ending = working_copy.ending(error)
        if ending is error:
            raise
        raise ending from error
    if not working_copy.other.exists():
        working_copy.remove()
    return said


class WorkingCopy:
    """The private copy of a settings file that the user's editor opens.

    `old` is the file's text as the user last knew it, None if there was no file; `before` is the text that the
    editor started with; `other` is a file for the text of another program that changed the file meanwhile.
    """

    def __init__(self, file: SettingsFile) -> None:
        self.file = file
        self.old = _text_of(file.path, project=file.project)
        self.before = change.first_lines() if self.old is None else self.old
        try:  # in a private folder, as it may hold a secret
            self.copy = Path(tempfile.mkdtemp(prefix="smol-")) / FILE_NAME
            self.copy.write_bytes(self.before.encode())
        except OSError as error:
            raise change.unwritable(Path(tempfile.tempdir or "/tmp"), error) from error  # noqa: S108 - only named
        self.other = self.copy.with_name(f"other-{FILE_NAME}")

    def edit(self, open_editor: Callable[[Path], None], again: Callable[[ConfigError], bool]) -> tuple[str, ...]:
        """Open the copy until it can replace the file; return the lines to show the user."""
        path = self.file.path
        while True:
            open_editor(self.copy)
            try:
                text = _text_of(self.copy, project=False)
                if text is None or text == self.before:
                    return (f"`{path}` stays as it is: nothing was changed",)
                self.keep(text)
            except ConfigError as error:
                if not again(error):
                    raise
            else:
                kept = (f"what it held before is kept in `{self.other}`",) if self.other.exists() else ()
                return (f"`{path}` holds what you wrote", *kept)

    def keep(self, text: str) -> None:
        """Replace the file's text and approve it, as the user has seen all of it.

        Another program's change in the meantime is saved beside the copy and reported once; the next attempt
        overwrites it.
        """
        path = self.file.path
        try:
            parsed(text.removeprefix(change.MARK))
        except BadFileError as error:
            raise ConfigError(f"{path}{error.place}: {error.what}", hint="the file itself is unchanged") from error
        with change.alone(path.parent):
            now = _text_of(path, project=self.file.project)
            if now != self.old:
                self.old = now
                self.other.write_bytes((now or "").encode())
                raise ConfigError(
                    f"`{path}` was changed by another program meanwhile",
                    hint=f"what it holds now is in `{self.other}`; saving once more replaces it",
                )
            self.file.replace(text, trusted=True)

    def ending(self, error: SmolError | KeyboardInterrupt) -> BaseException:
        """Return the error to end with, naming the copy if the user changed it."""
        try:
            changed = self.copy.read_bytes() != self.before.encode()
        except OSError:
            changed = False
        if not changed:
            self.remove()
            return error
        hint = f"your text is kept in `{self.copy}`"
        if isinstance(error, ConfigError):
            return ConfigError(error.message, hint=hint, problems=error.problems)
        if isinstance(error, SmolError):
            return UsageError(error.message, hint=f"{hint}; {error.hint}")
        return InterruptedRunError("interrupted", hint=hint, signal=signal.SIGINT)

    def remove(self) -> None:
        """Remove the copy and its folder."""
        shutil.rmtree(self.copy.parent, ignore_errors=True)


def _text_of(path: Path, *, project: bool) -> str | None:
    """Return the file's text, valid TOML or not; None if there is no file."""
    try:
        raw, _ = read_bytes(path, limit=PROJECT_LIMIT if project else USER_LIMIT, project=project)
        return (change.MARK if raw.startswith(change.MARK.encode()) else "") + decoded(raw)
    except FileNotFoundError:
        return None
    except BadFileError as error:
        raise ConfigError(f"{path}{error.place}: {error.what}", hint="repair it with another program") from error


HEAD: Final = """\
# Written by `smol_dev init`. Every setting: `smol_dev config schema`; where each value comes from:
# `smol_dev config show --origin`; change one: `smol_dev config set KEY VALUE`.
"""

NOTHING_FOUND: Final = """\
# No server was running. The model below is good for code on a laptop in November 2026; `smol_dev models --advise` says
# what fits yours. Start a server and remove the marks, or name its address with `base_url`.
# default_profile = "local-ollama"

# [profiles.local-ollama]
# model = "qwen3.5:9b"
"""


class RunningServer(NamedTuple):
    """A running server: provider, address with `/v1`, models, models in memory, and the model to use."""

    provider: str
    base_url: str
    models: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    chosen: str = ""


def new_file(flags: Flags, surroundings: Surroundings, *, project: bool) -> SettingsFile:
    """Return the user's (or the project's) file, which must not exist yet."""
    file = settings_file(flags, surroundings, project=project)
    if os.path.lexists(file.path):
        raise UsageError(
            f"`{file.path}` exists already, and `init` overwrites nothing",
            hint=f"change it: {command(f'smol_dev config edit{file.option}')}, or "
            + command(f"smol_dev profiles add{file.option} NAME"),
        )
    return file


def write_first_file(
    found: Sequence[RunningServer], flags: Flags, surroundings: Surroundings, *, project: bool
) -> Path:
    """Write a settings file for these servers, approving a project's; return its path."""
    with change.alone(settings_file(flags, surroundings, project=project).path.parent):
        file = new_file(flags, surroundings, project=project)
        file.replace(change.first_lines() + first_file(found), trusted=True)
    return file.path


def first_file(found: Sequence[RunningServer]) -> str:
    """Return the text of the file below its first line.

    The first server of a kind gets the shipped profile's name; further ones of that kind are numbered.
    """
    if not found:
        return f"{HEAD}\n{NOTHING_FOUND}"
    named: dict[str, RunningServer] = {}
    for server in found:
        number = 1 + sum(each.provider == server.provider for each in named.values())
        named[f"local-{server.provider}" + (f"-{number}" if number > 1 else "")] = server
    default = max(named, key=lambda name: (bool(named[name].loaded), bool(named[name].models)))
    tables = "\n".join(_profile_of(name, server) for name, server in named.items())
    return f"{HEAD}\ndefault_profile = {change.rendered(default)}\n\n{tables}"


def _profile_of(name: str, server: RunningServer) -> str:
    """Return a server's profile under a comment about it, without unprintable model names."""
    values: dict[str, Any] = {}
    base = f"local-{server.provider}"
    if base not in declared(shipped()):
        values |= {"provider": server.provider, "local_only": True}
    elif name != base:
        values["extends"] = base
    own = next((each.base_url for kind, each in PROVIDERS.items() if kind == server.provider), "")
    if server.base_url.replace("//127.0.0.1:", "//localhost:") != own:
        values["base_url"] = server.base_url
    if server.chosen.isprintable() and server.chosen:
        values["model"] = server.chosen
    models = [change.rendered(name) for name in server.models if name.isprintable()]
    offers = ["Its models:" if models else "It offers no model yet.", *(f"#   {name}" for name in models[:20])]
    more = [f"#   and {len(models) - 20} more"] if len(models) > 20 else []  # noqa: PLR2004 - as many as a screen holds
    about = "\n".join([f"# {server.provider} at {server.base_url}. {offers[0]}", *offers[1:], *more, ""])
    return about + change.rendered_table(("profiles", name), values)

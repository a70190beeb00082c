"""Shell completion of profiles, kinds of servers, keys and their values."""

import functools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from smol_dev.errors import SmolError
from smol_dev.safe import safe

if TYPE_CHECKING:
    from smol_dev.config.layers import Flags, Layers

PLAIN: Final = re.compile(r"[\w@%+:./][\w@%+=:./-]*")
LONGEST: Final = 200


def flags_of(given: dict[str, Any]) -> "Flags":
    """Return the options that choose settings as flags; they are taken out of `given`."""
    from smol_dev.config.layers import Flags

    names = ("profile", "config_file", "no_project_config", "sets")
    profile, file, without, sets = (given.pop(name, None) for name in names)
    return Flags(profile=profile, config=file, project=not without, sets=tuple(sets or ()))


def complete_profile(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of all profiles, each with its description."""
    del parameter
    return completions(((line.name, line.description) for line in profiles(context)), incomplete)


def profiles(context: click.Context) -> Iterable[Any]:
    """Return the profiles as the command line so far finds them, without those of a file that cannot be read."""
    from smol_dev.config.profiles import profile_lines

    try:
        return sorted(profile_lines(trusted_layers(context)), key=lambda line: line.name)
    except SmolError:
        return ()


def trusted_layers(context: click.Context) -> "Layers":
    """Return what the files say, a project's only if it is approved: TAB asks nobody."""
    from smol_dev.config.files import Surroundings
    from smol_dev.config.layers import read_layers

    layers = read_layers(flags_of(dict(context.params)), Surroundings.here())
    if layers.project is None:
        return layers
    from smol_dev.config.trust import is_approved

    return layers if is_approved(layers.project, layers.surroundings) else layers.own()


def variants(context: click.Context) -> list[str]:
    """Return the shipped prompt variants, then those that the files declare."""
    from smol_dev.config.variants import reserved

    try:
        layers = trusted_layers(context).all
    except SmolError:
        layers = ()
    own = {str(name) for layer in layers for name in table(layer.data.get("prompts"))}
    return [*reserved(), *sorted(own)]


def table(value: object) -> dict[str, Any]:
    """Return the value if it is a table, else an empty one; layers are not validated here."""
    return value if isinstance(value, dict) else {}


def complete_key(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the keys of the selected profile, its stages, the run and the top of the file."""
    del context, parameter
    return completions(keys().items(), incomplete)


def complete_provider(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the kinds of servers."""
    del context, parameter
    from smol_dev.config.endpoint import PROVIDERS

    return completions(((name, "") for name in PROVIDERS), incomplete)


def complete_prompt(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the prompt files that begin as typed."""
    del context, parameter
    return prompt_files(incomplete)


def prompt_files(incomplete: str) -> list[CompletionItem]:
    """Return the .md and .txt files, and the folders, that begin as typed; the shell completes a quoted path itself."""
    from pathlib import Path

    folder, slash, _ = incomplete.rpartition("/")
    typed = folder + slash
    try:
        entries = sorted(Path(typed or ".").expanduser().iterdir())
    except OSError:
        return []
    files = [f"{typed}{each.name}" for each in entries if each.suffix in {".md", ".txt"} and each.is_file()]
    folders = [f"{typed}{each.name}/" for each in entries if not each.name.startswith(".") and each.is_dir()]
    return completions(((name, "") for name in (*files, *folders)), incomplete)


def complete_set_key(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the keys that the file sets which the command would change, those of the selected profile in short."""
    del parameter
    from smol_dev.config.files import Surroundings
    from smol_dev.config.layers import read_layers
    from smol_dev.config.problems import typed
    from smol_dev.config.profiles import leaf_paths

    try:
        layers = read_layers(flags_of(dict(context.params)), Surroundings.here())
    except SmolError:
        return []
    layer = layers.of("project" if context.params.get("project") else "user")
    paths = leaf_paths([layer.data]) if layer is not None else []
    own = ("profiles", layers.selected)
    keys = (typed(path[2:] if path[:2] == own else path) for path in paths)
    return completions(((key, "") for key in keys), incomplete)


def complete_value(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the values of the key that stands before on the line."""
    del parameter
    return completions(values(context, str(context.params.get("key", ""))), incomplete)


def complete_set(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`KEY=` first, and after the `=` the values of the key."""
    del parameter
    key, equals, value = incomplete.partition("=")
    if not equals:
        return completions(((f"{name}=", text) for name, text in keys().items()), incomplete)
    found = completions(values(context, key), value)
    return [CompletionItem(f"{key}={item.value}", help=item.help) for item in found]


def completions(choices: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    """Return the choices that begin as typed, and that no shell reads as anything but themselves.

    The shells put a choice on the line as it is: a name that needs quotes is not offered.
    """
    return [
        CompletionItem(name, help=safe(text) or None)
        for name, text in choices
        if name.startswith(incomplete) and PLAIN.fullmatch(name) and len(name) <= LONGEST
    ]


def keys() -> dict[str, str]:
    """Return each key that `-c` and `config set` take, with its documentation."""
    from smol_dev.chat import STAGES

    tables = schema()["$defs"]
    found = described(tables["Profile"])
    for stage in STAGES:
        found |= {f"{stage}.{key}": text for key, text in described(tables["Stage"]).items()}
    found |= {f"run.{key}": text for key, text in described(tables["Run"]).items()}
    return found | {"default_profile": schema()["properties"]["default_profile"]["description"]}


def described(definition: dict[str, Any]) -> dict[str, str]:
    """Return the keys of a table that are no tables, with their documentation."""
    return {
        key: str(setting.get("description", ""))
        for key, setting in definition["properties"].items()
        if "$ref" not in setting
    }


def values(context: click.Context, key: str) -> list[tuple[str, str]]:
    """Return what the key can be set to, as far as that can be listed."""
    name = key.rpartition(".")[2]
    if name in {"extends", "default_profile"}:
        return [(line.name, line.description) for line in profiles(context)]
    if name == "prompt_variant":
        return [(variant, "") for variant in variants(context)]
    tables = schema()["$defs"]
    setting = {**tables["Run"]["properties"], **tables["Profile"]["properties"]}.get(name, {})
    choices = [setting, *setting.get("anyOf", ())]
    found = [str(value) for choice in choices for value in choice.get("enum", ())]
    found += [choice["const"] for choice in choices if "const" in choice]
    if setting.get("type") == "boolean":
        found = ["true", "false"]
    return [(value, "") for value in found]


@functools.cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema as it is shipped; making it anew would load pydantic."""
    import json

    from smol_dev.config.layers import schema_file

    document: dict[str, Any] = json.loads(schema_file().read_text(encoding="utf-8"))
    return document

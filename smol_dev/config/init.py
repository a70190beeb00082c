"""A first `smol.toml`: a profile for each server that was found running, and the best default."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from smol_dev.config.change import SettingsFile, first_lines, settings_file
from smol_dev.config.document import rendered, rendered_table
from smol_dev.config.layers import Flags, Surroundings, shipped
from smol_dev.config.providers import PROVIDERS
from smol_dev.errors import UsageError
from smol_dev.safe import command

NAMED_MODELS: Final = 20
"""Most models that are named in a profile's comment."""

HEAD: Final = """\
# Written by `smol_dev init`. Every setting: `smol_dev config schema`; who sets what:
# `smol_dev config show --origin`; change one: `smol_dev config set KEY VALUE`.
"""

NOTHING_FOUND: Final = """\
# No server was running. The model below is good for code on a laptop in November 2026; `smol_dev models --advise` says
# what fits yours. Start a server and remove the marks, or name its address with `base_url`.
# default_profile = "local-ollama"

# [profiles.local-ollama]
# model = "qwen3.5:9b"
"""


class RunningServer(Protocol):
    """A server that is running."""

    @property
    def provider(self) -> str:
        """Its name among the providers."""

    @property
    def base_url(self) -> str:
        """Its address, up to and including `/v1`."""

    @property
    def models(self) -> tuple[str, ...]:
        """What it offers, as it names them."""

    @property
    def loaded(self) -> tuple[str, ...]:
        """Those of its models that are in memory."""

    @property
    def chosen(self) -> str:
        """The model to begin with; empty if it offers none."""


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


def write(found: Sequence[RunningServer], flags: Flags, surroundings: Surroundings, *, project: bool) -> Path:
    """Write the file for these servers, approved if it is a project's; return its path."""
    with settings_file(flags, surroundings, project=project).alone():
        file = new_file(flags, surroundings, project=project)
        file.replace(first_lines() + compose(found), trusted=True)
    return file.path


def compose(found: Sequence[RunningServer]) -> str:
    """Return the file below its first line."""
    if not found:
        return f"{HEAD}\n{NOTHING_FOUND}"
    named = dict(zip(names(found), found, strict=True))
    default = max(named, key=lambda name: (bool(named[name].loaded), bool(named[name].models)))
    tables = "\n".join(profile(name, server) for name, server in named.items())
    return f"{HEAD}\ndefault_profile = {rendered(default)}\n\n{tables}"


def names(found: Sequence[RunningServer]) -> Iterator[str]:
    """Yield a profile name for each server: the shipped profile's for the first of a kind, then numbered."""
    count: dict[str, int] = {}
    for server in found:
        count[server.provider] = number = count.get(server.provider, 0) + 1
        yield f"local-{server.provider}" + (f"-{number}" if number > 1 else "")


def profile(name: str, server: RunningServer) -> str:
    """Return a server's profile under a comment about it.

    A name or an address that could not be read as it stands is left out: it comes from the server.
    """
    values: dict[str, Any] = {}
    base = f"local-{server.provider}"
    if base not in shipped().table("profiles"):
        values |= {"provider": server.provider, "local_only": True}
    elif name != base:
        values["extends"] = base
    own = next((each.base_url for kind, each in PROVIDERS.items() if kind == server.provider), "")
    if server.base_url.replace("//127.0.0.1:", "//localhost:") != own:
        values["base_url"] = server.base_url
    if server.chosen.isprintable() and server.chosen:
        values["model"] = server.chosen
    return comment(server) + rendered_table(("profiles", name), values)


def comment(server: RunningServer) -> str:
    """Return what the server is and offers, in comment lines."""
    models = [rendered(name) for name in server.models if name.isprintable()]
    listed = "".join(f"#   {name}\n" for name in models[:NAMED_MODELS])
    more = f"#   and {len(models) - NAMED_MODELS} more\n" if len(models) > NAMED_MODELS else ""
    offers = "Its models:" if models else "It offers no model yet."
    return f"# {server.provider} at {server.base_url}. {offers}\n{listed}{more}"

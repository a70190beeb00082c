"""API keys and other secrets: which ones a profile has, which server each is for, and how a key is read.

A secret in a file is bound to the server address given by its own and the weaker layers; a secret from a
flag or variable, to the address given by the user's own layers. If a stronger layer, a child profile,
another provider or a project's file moves the address to another origin, the secret is not sent.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from smol_dev.chat import STAGES
from smol_dev.config.endpoint import address_variable, origin_of, url_problem
from smol_dev.config.files import BadFileError, Surroundings, read_bytes
from smol_dev.config.layers import KEY_SOURCES, Key, Layers, Origin
from smol_dev.config.profiles import Slot, base_url, leaf_paths, tables_of, value_of
from smol_dev.errors import ConfigError
from smol_dev.redact import is_secret_name, secret_texts
from smol_dev.safe import command

OPENAI: Final = "https://api.openai.com"
DETECTED: Final = "the server that your own settings find"
KEY_LIMIT: Final = 16 * 1024
COMMAND_SECONDS: Final = 30
COMMAND_LIMIT: Final = 64 * 1024
LAST_WORDS: Final = 0.5
"""Seconds to wait for a command's last output, which its background processes may hold open."""

LONGEST_VARIABLE: Final = 64
"""Characters of a variable's name that may be shown; anything longer could be an API key."""


@dataclass(frozen=True, slots=True, repr=False)
class Bound:
    """Request headers and query parameters that may only be sent to this origin (`https://host:port`).

    While the origin is empty, the server is still to be found and nothing is sent. `in_body` are the
    secrets among the profile's additional body fields.
    """

    origin: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    in_body: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Bound(origin={self.origin!r}, headers={sorted(self.headers)})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts never to show: header values, the key without `Bearer`, and secrets in the query and body."""
        headers = (part for each in self.headers.values() for part in (each.removeprefix("Bearer "), each))
        return tuple(dict.fromkeys((*headers, *secret_texts(self.query), *self.in_body)))


NO_SECRETS: Final = Bound()


class ApiKey(NamedTuple):
    """A source of the API key: the setting (one of `KEY_SOURCES`), its value, and who set it."""

    setting: str
    value: Any
    origin: Origin
    surroundings: Surroundings
    slot: Slot | None = None

    def __repr__(self) -> str:
        return f"ApiKey({self.setting!r}, origin={self.origin!r})"

    def read(self) -> str:
        """Return the key itself, read from its source. Raise `ConfigError` if it is missing or invalid."""
        source = self.source + (f" (`{self.setting}` of {self.origin})" if self.slot is not None else "")
        environ = self.surroundings.environ
        match self.setting:
            case "api_key_env":
                return from_variable(environ, self.value, source=source)
            case "api_key_file":
                return from_file(self.path, source=source)
            case "api_key_command":
                return from_command(self.value, source=source, environ=environ, cwd=self.path.parent)
            case _:
                return str(self.value).strip()

    @property
    def path(self) -> Path:
        """The path of the key's file, relative to the settings file that names it, or else to the working directory."""
        folder = self.surroundings.cwd
        if self.slot is not None and self.slot.layer.document:
            folder = self.slot.layer.document.path.parent
        return folder / (self.value if isinstance(self.value, str) else "command")

    @property
    def source(self) -> str:
        """The source in words; a variable's name is shown only if it does not look like a key."""
        match self.setting:
            case "api_key_env":
                is_name = self.value.upper() == self.value and len(self.value) <= LONGEST_VARIABLE
                return f"env {self.value}" if is_name else "the variable"
            case "api_key_file":
                return f"file {self.path}"
            case "api_key_command":
                return "command"
            case _:
                return str(self.origin)

    def is_there(self) -> bool:
        """Return whether the key's variable or file exists; a command is not run."""
        if self.setting == "api_key_env":
            return bool(self.surroundings.environ.get(self.value))
        return self.setting != "api_key_file" or os.path.isfile(self.path)  # noqa: PTH113 - Path.is_file raises in a folder that is closed


class Endpoint(NamedTuple):
    """The server and the secrets that may be sent to it.

    `dropped` maps settings of the profile without effect to the reason. `variable` is the variable that
    overrides the provider's default address, if any.
    """

    base_url: str
    set_by: Slot | None
    api_key: ApiKey | None
    headers: Mapping[str, str]
    dropped: Mapping[tuple[str, ...], str]
    warnings: tuple[str, ...] = ()
    variable: str = ""

    @property
    def setting(self) -> str:
        """The setting in `set_by` that gives the address."""
        own = self.set_by is not None and self.set_by.table.get("base_url") == self.base_url
        return "base_url" if own else "provider"

    @property
    def origin(self) -> Origin:
        """The origin of the address: a `base_url`, a provider, or the variable that overrides the provider's."""
        if self.variable:
            return Origin("environment", self.variable)
        return self.set_by.origin(self.setting) if self.set_by else Origin("defaults", "")

    def settled(self) -> dict[str, Any]:
        """Return the profile's keys that were resolved with the server: address, headers, path of the key's file."""
        by_file = self.api_key is not None and self.api_key.setting == "api_key_file"
        file = {"api_key_file": str(self.api_key.path)} if self.api_key and by_file else {}
        return {"base_url": self.base_url, "headers": dict(self.headers), **file}

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, api_key={self.api_key!r}, headers={sorted(self.headers)})"


def endpoint(tables: Sequence[Slot], layers: Layers) -> Endpoint:
    """Return the server that the profile's tables, strongest first, describe."""
    environ = layers.surroundings.environ
    url, set_by = base_url(tables, environ)
    binding = Binding(tables, layers, url)
    dropped: dict[Key, str] = {}
    warnings: list[str] = []
    key = _api_key(tables, url, layers.surroundings)
    if key is not None and key.slot is not None:
        if bound := binding.elsewhere(key.slot, key.setting) if key.value else "":
            warnings.append(binding.left_behind("the key", key.origin, bound))
            dropped = {(each,): f"it is for {bound}" for each in KEY_SOURCES}
            key = None
        else:
            dropped = {(each,): f"`{key.setting}` holds in its place" for each in KEY_SOURCES if each != key.setting}
    headers: dict[str, str] = {}
    for path, value, slot in _other_secrets(tables):
        if bound := binding.elsewhere(slot, *path):
            kind = "the header" if path[0] == "headers" else "the secret"
            warnings.append(binding.left_behind(f"{kind} `{path[-1]}`", slot.origin(*path), bound))
            dropped[path] = f"it is for {bound}"
        elif path[0] == "headers":
            headers[path[-1]] = value
    by_name = set_by.table.get("provider") if set_by and set_by.table.get("base_url") != url else None
    moved = address_variable(by_name, environ)
    return Endpoint(url, set_by, key if key and key.value else None, headers, dropped, tuple(warnings), moved)


def _api_key(tables: Sequence[Slot], url: str, surroundings: Surroundings) -> ApiKey | None:
    """Return the strongest API key setting, as they are alternatives; an empty one means "no key".

    Without any, it is `OPENAI_API_KEY` if the address is OpenAI's, or that of `OPENAI_BASE_URL` if it is set.
    """
    for slot in tables:
        if named := sorted((each for each in KEY_SOURCES if each in slot.table), key=lambda each: not slot.table[each]):
            return ApiKey(named[0], slot.table[named[0]], slot.origin(named[0]), surroundings, slot)
    exported = surroundings.environ.get("OPENAI_BASE_URL") or OPENAI
    if not surroundings.environ.get("OPENAI_API_KEY") or not url or url_problem(url) or url_problem(exported):
        return None
    name, is_for_it = "OPENAI_API_KEY", origin_of(url) == origin_of(exported)
    return ApiKey("api_key_env", name, Origin("environment", name), surroundings) if is_for_it else None


def _other_secrets(tables: Sequence[Slot]) -> Iterator[tuple[Key, str, Slot]]:
    """Yield each header (names ignore case) and each secret body or query field, from its strongest table."""
    seen: set[Key] = set()
    for slot in tables:
        for path in leaf_paths([slot.table]):
            is_header = path[0] == "headers" and len(path) == 2  # noqa: PLR2004 - the table and a name
            is_free = path[0] in ("extra_body", "extra_query") or (path[0] in STAGES and path[1:2] == ("extra_body",))
            is_field = is_free and any(map(is_secret_name, path[1:]))
            folded = tuple(part.lower() for part in path) if is_header else path
            if (is_header or is_field) and folded not in seen:
                seen.add(folded)
                yield path, value_of(slot.table, path), slot


class Binding(NamedTuple):
    """The check of which server each secret of the selected profile is for; `url` is the address in use."""

    tables: Sequence[Slot]
    layers: Layers
    url: str

    def elsewhere(self, slot: Slot, *path: str) -> str:
        """Return the server that a secret of this table is for, if not the one in use; empty if it may be sent."""
        url, own = self.url, self._address_of(slot, path)
        if not own:
            return DETECTED if url or self._project_decides() else ""
        if own == url:
            return ""
        if url_problem(own) or (url and url_problem(url)):
            return "another server"
        return "" if url and origin_of(own) == origin_of(url) else origin_of(own)

    def _address_of(self, slot: Slot, path: Key) -> str:
        """Return the address given by this table's layer and the weaker ones.

        `extends` is also resolved from these layers alone. For a variable or flag it is the address given by
        the user's own layers, without any influence of a project's file.
        """
        if slot.layer.document:
            view = replace(self.layers, all=self.layers.all[slot.rank :])
            profiles = [slot.profile, self.layers.selected]
        else:
            view = self.layers.own
            spelled = slot.layer.spelling(slot.key(*path)).removeprefix("-c ").casefold()
            names_profile = slot.hop > 0 or spelled.startswith(("smol_profiles__", "profiles."))
            profiles = [slot.profile, view.selected] if names_profile else [view.selected]
        urls = (base_url(tables_of(view, name), view.surroundings.environ)[0] for name in profiles)
        return next(filter(None, urls), "")

    def _project_decides(self) -> bool:
        """Return whether a project's file can influence which running server is found."""
        if self.layers.of("project") is None:
            return False
        project = [slot.table for slot in self.tables if slot.layer.kind == "project"]
        settings = {path[-1] for path in leaf_paths(project) if "extra_body" not in path}
        has_say = settings & {"base_url", "provider", "extends", "model"}
        return bool(has_say) or self.layers.own.selected != self.layers.selected

    def left_behind(self, what: str, origin: Origin, bound: str) -> str:
        """Return the warning that a secret is not sent, why, and how to send one."""
        url = self.url if self.url and not url_problem(self.url) else ""
        to = origin_of(url) if url else "the server that is found"
        said = f"{what} of {origin} is for {bound} and is not sent to {to}"
        if what != "the key":
            return said
        words = "--api-key-env NAME"
        if self.layers.of("project") is not None:
            words = "--api-base-url {url} --api-key-env NAME"
        return f"{said}; for a key to send there: {command(words, **({'url': url} if url else {}))}"


def secret_problem(secret: str, *, spaces: bool = False) -> str:
    """Return what is wrong with a secret: the position and kind of its first bad character, never the secret."""
    trimmed = secret.strip()
    if not trimmed:
        return "is empty"
    for position, character in enumerate(trimmed, 1):
        if "!" <= character <= "~" or (spaces and character == " "):
            continue
        what = "a character that is not ASCII"
        if character in "\r\n":
            what = "a line break"
        elif character.isspace():
            what = "a space"
        elif unicodedata.category(character) in {"Cc", "Cf", "Cs"}:
            what = "an invisible character"
        return f"has {what} at position {position} of {len(trimmed)}"
    return ""


def _checked(key: str, source: str) -> str:
    """Return the key without surrounding white space. Raise `ConfigError` if it is invalid."""
    if what := secret_problem(key):
        raise ConfigError(f"the key from {source} {what}", hint="copy the key again, without anything else")
    return key.strip()


def from_variable(environ: Mapping[str, str], name: str, *, source: str) -> str:
    """Return the key in an environment variable."""
    if not environ.get(name):
        raise ConfigError(
            f"{source} is not set",
            hint="export it, or name another: `--api-key-env NAME`; "
            "`smol_dev config explain api_key_env` shows where it is set",
        )
    return _checked(environ[name], source)


def from_file(path: Path, *, source: str) -> str:
    """Return the key in a file."""
    try:
        raw, _ = read_bytes(path, limit=KEY_LIMIT)
        return _checked(raw.decode().removeprefix("\ufeff"), source)
    except FileNotFoundError:
        what = "does not exist"
    except BadFileError as error:
        what = error.what
    except UnicodeDecodeError:
        what = "is not text"
    raise ConfigError(f"{source} {what}", hint="put the key alone into that file, readable by you")


def from_command(argv: Sequence[str], *, source: str, environ: Mapping[str, str], cwd: Path) -> str:
    """Return the key that the command prints. It gets no input, and its standard error is discarded."""
    what = ""
    try:
        raw, code = _printed(argv, environ, cwd)
        text = raw.decode()
        if len(raw) > COMMAND_LIMIT:
            what = f"printed more than {COMMAND_LIMIT // 1024} KiB"
        elif code != 0:
            what = f"failed with exit code {code}"
    except subprocess.TimeoutExpired:
        what = f"took longer than {COMMAND_SECONDS} s"
    except OSError as error:
        what = f"failed: {error.strerror}"
    except ValueError:
        what = "failed: bad output or arguments"
    if what:
        hint = "run the command of `api_key_command` yourself; it must print the key and nothing else"
        raise ConfigError(f"{source} {what}", hint=hint)
    return _checked(text, source)


def _printed(argv: Sequence[str], environ: Mapping[str, str], cwd: Path) -> tuple[bytes, int]:
    """Return a command's output, with something over the limit if it prints more, and its exit code.

    If it prints more or takes too long, it is killed with everything it started; otherwise its background
    processes are left alone. Raise `subprocess.TimeoutExpired` or `OSError`.
    """
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environ),
        cwd=cwd,
        start_new_session=True,
    )
    pieces: list[bytes] = []

    def read(output: IO[bytes]) -> None:
        with output:
            while sum(map(len, pieces)) <= COMMAND_LIMIT and (piece := os.read(output.fileno(), COMMAND_LIMIT)):
                pieces.append(piece)

    reader = threading.Thread(target=read, args=(process.stdout,), daemon=True)
    reader.start()
    until = time.monotonic() + COMMAND_SECONDS
    try:
        while process.poll() is None and sum(map(len, pieces)) <= COMMAND_LIMIT:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(list(argv), COMMAND_SECONDS)
            time.sleep(0.01)
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
            process.wait()
        reader.join(LAST_WORDS)
    return b"".join(pieces), process.returncode

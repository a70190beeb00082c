"""Keys and other secrets: read, checked, bound to one server, and never shown."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from smol_dev.config.files import BadFileError, read_bytes
from smol_dev.errors import ConfigError

KEY_LIMIT: Final = 16 * 1024
COMMAND_SECONDS: Final = 30
COMMAND_LIMIT: Final = 64 * 1024
SECRET_NAME: Final = re.compile(
    "apikey|token$|secret|authorization|password|passwd|credential|^key$|subscriptionkey|^sig$"
)


@dataclass(frozen=True, slots=True, repr=False)
class Bound:
    """Request headers and query parameters that may go to this origin (`https://host:port`) and nowhere else.

    `in_body` are the secrets among the fields that the profile adds to a request's body.
    """

    origin: str
    headers: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    in_body: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Bound(origin={self.origin!r}, headers={sorted(self.headers)})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown: each header's value, the key without its `Bearer`, what else is one."""
        headers = (part for each in self.headers.values() for part in (each.removeprefix("Bearer "), each))
        return tuple(dict.fromkeys((*headers, *secret_texts(self.query), *self.in_body)))


def is_secret_name(name: str) -> bool:
    """Return whether a key of a table of free names says that its value is a secret."""
    return SECRET_NAME.search(re.sub(r"[\W_]", "", name.casefold())) is not None


def secret_texts(value: object, *, secret: bool = False) -> Iterator[str]:
    """Yield every text in a value that stands under a secret's name."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from secret_texts(inner, secret=secret or is_secret_name(str(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from secret_texts(inner, secret=secret)
    elif secret and isinstance(value, str) and value:
        yield value


def without_secrets(value: Any) -> Any:  # noqa: ANN401 - TOML data
    """Return a value without what stands in it under a secret's name."""
    if isinstance(value, Mapping):
        return {name: without_secrets(inner) for name, inner in value.items() if not is_secret_name(str(name))}
    return [without_secrets(inner) for inner in value] if isinstance(value, list) else value


def key_problem(key: str, *, spaces: bool = False) -> str:
    """What is wrong with a key: position and class of the first bad character, never the key."""
    trimmed = key.strip()
    if not trimmed:
        return "is empty"
    for position, character in enumerate(trimmed, 1):
        if not "!" <= character <= "~" and not (spaces and character == " "):
            return f"has {class_of(character)} at position {position} of {len(trimmed)}"
    return ""


def class_of(character: str) -> str:
    """The class of a character that no key holds."""
    if character in "\r\n":
        return "a line break"
    if character.isspace():
        return "a space"
    if unicodedata.category(character) in {"Cc", "Cf", "Cs"}:
        return "an invisible character"
    return "a character that is not ASCII"


def checked(key: str, *, source: str) -> str:
    """The key without the space around it. Raises `ConfigError` when it cannot be one."""
    if what := key_problem(key):
        raise ConfigError(f"the key from {source} {what}", hint="copy the key again, without anything else")
    return key.strip()


def from_variable(environ: Mapping[str, str], name: str, *, source: str) -> str:
    """The key in an environment variable."""
    if not environ.get(name):
        raise ConfigError(
            f"{source} is not set",
            hint="export it, or name another: `--api-key-env NAME`; "
            "`smol_dev config explain api_key_env` shows who asks for it",
        )
    return checked(environ[name], source=source)


def from_file(path: Path, *, source: str) -> str:
    """The key in a file."""
    hint = "put the key alone into that file, readable by you"
    try:
        raw, _ = read_bytes(path, limit=KEY_LIMIT)
        text = raw.decode()
    except FileNotFoundError as error:
        raise ConfigError(f"{source} does not exist", hint=hint) from error
    except BadFileError as error:
        raise ConfigError(f"{source} {error.what}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source} is not text", hint=hint) from error
    return checked(text.removeprefix("\ufeff"), source=source)


def from_command(command: Sequence[str], *, source: str, environ: Mapping[str, str], cwd: Path) -> str:
    """What the command prints. It gets no input, and what it says otherwise is not passed on."""
    hint = "run the command of `api_key_command` yourself; it must print the key and nothing else"
    try:
        raw, code = printed(command, environ=environ, cwd=cwd)
        text = raw.decode()
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"{source} took longer than {COMMAND_SECONDS} s", hint=hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bad output or arguments"
        raise ConfigError(f"{source} failed: {reason}", hint=hint) from error
    if len(raw) > COMMAND_LIMIT:
        raise ConfigError(f"{source} printed more than {COMMAND_LIMIT // 1024} KiB", hint=hint)
    if code != 0:
        raise ConfigError(f"{source} failed with exit code {code}", hint=hint)
    return checked(text, source=source)


def printed(command: Sequence[str], *, environ: Mapping[str, str], cwd: Path) -> tuple[bytes, int]:
    """Return what a command prints, one byte over the limit at most, and its exit code.

    It and all that it started is ended when it prints more or takes too long. Raises
    `subprocess.TimeoutExpired` or `OSError`.
    """
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environ),
        cwd=cwd,
        start_new_session=True,
    )
    pieces: list[bytes] = []
    reader = threading.Thread(target=read_into, args=(process, pieces), daemon=True)
    reader.start()
    try:
        reader.join(COMMAND_SECONDS)
        if reader.is_alive():
            raise subprocess.TimeoutExpired(list(command), COMMAND_SECONDS)
        raw = b"".join(pieces)
        if len(raw) > COMMAND_LIMIT:
            return raw, 0
        return raw, process.wait(COMMAND_SECONDS)
    finally:
        end(process)
        reader.join()
        if process.stdout is not None:
            process.stdout.close()


def read_into(process: "subprocess.Popen[bytes]", pieces: list[bytes]) -> None:
    """Read what a process prints, until it ends or has printed too much."""
    left = COMMAND_LIMIT + 1
    while process.stdout is not None and left > 0 and (piece := os.read(process.stdout.fileno(), left)):
        pieces.append(piece)
        left -= len(piece)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process that still runs, and everything it started."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()

"""smol_dev turns a prompt into a code base with a language model on the user's own machine.

The map of the package, in the order in which a run goes through it:

- `cli` parses the command line, `app` puts the parts together, `library` does so for programs.
- `config` is the heart: layers of settings, profiles, trust, keys; `config.secret` reads the key.
- `connect` finds the server; `server` talks to it, `server.client` through the `openai` package.
- `pipeline` is the method, `strategies` how files are asked for, `asking` how one answer is had,
  `conversation` the turns, `budget` their tokens, `prompts` the words that go out.
- `replies` reads what comes back: a plan, a file list, a file; `languages` says what a path is, and
  whether a text is it.
- `delivery` hands the files to `workspace`, which writes them, and the `events` to `ui`, which shows them.
- `demo` is the scripted server of `smol_dev demo`; `errors` is everything that can go wrong, `safe` the
  filter between foreign text and a terminal, and the commands that are suggested, `redact` hides secrets.

The library's functions load what they need on first use; importing the package costs nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smol_dev.config.load import Loaded
    from smol_dev.library import (
        Result,
        build,
        generate_code,
        generate_code_sync,
        load_profile,
        plan,
        specify_file_paths,
    )

__version__ = "0.1.0"

__all__ = [
    "Loaded",
    "Result",
    "build",
    "generate_code",
    "generate_code_sync",
    "load_profile",
    "plan",
    "specify_file_paths",
]


def __getattr__(name: str) -> object:
    """A function of the library, loaded now."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from smol_dev import library  # noqa: PLC0415 - importing the package must cost nothing

    return getattr(library, name)

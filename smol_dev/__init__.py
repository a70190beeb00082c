"""smol_dev turns a prompt into a code base with a language model on the user's own machine.

The map of the package, in the order in which a run goes through it:

- `cli` parses the command line, `app` puts the parts together, `library` does so for programs.
- `config` is the heart: layers of settings, profiles, trust, keys; `config.secret` reads the key and says
  where it may go.
- `server` finds a model and talks to it, `server.client` through the `openai` package.
- `run` is the method: `run.pipeline` asks for plan, list and files, `run.delivery` hands them on;
  `prompts` has the words that go out.
- `replies` reads what comes back: a plan, a file list, a file; `languages` says what a path is, and
  whether a text is it.
- `checks` says whether the files of a program fit together.
- `workspace` writes the files and the record; `ui` shows the events.
- `demo` is the scripted server of `smol_dev demo`.
- The ground: `errors` is everything that can go wrong, `events` everything that can happen, `chat` the
  seam between the method and a model, `tokens` estimates their number, `safe` filters foreign text,
  `redact` hides secrets, `disk` locks a file and replaces it whole.

The library's functions load what they need on first use; importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from smol_dev.config.load import Loaded
    from smol_dev.errors import (
        AnswerError,
        ConfigError,
        InterruptedRunError,
        OutputError,
        ServerError,
        SmolError,
        TrustError,
        UsageError,
        WorkspaceError,
    )
    from smol_dev.events import (
        Changed,
        ChangePlanned,
        CheckDone,
        CheckStarted,
        Dropped,
        Event,
        Failed,
        FileChanged,
        FileDone,
        FileFailed,
        FilesReady,
        FileStarted,
        Noticed,
        Piece,
        PlanReady,
        ProblemFound,
        Retry,
        RunDone,
        RunStarted,
        StageStarted,
        StageTotal,
        Warned,
    )
    from smol_dev.library import (
        Result,
        build,
        build_async,
        generate_code,
        generate_code_sync,
        load_profile,
        plan,
        specify_file_paths,
    )

__version__ = "0.1.0"

__all__ = [
    "AnswerError",
    "ChangePlanned",
    "Changed",
    "CheckDone",
    "CheckStarted",
    "ConfigError",
    "Dropped",
    "Event",
    "Failed",
    "FileChanged",
    "FileDone",
    "FileFailed",
    "FileStarted",
    "FilesReady",
    "InterruptedRunError",
    "Loaded",
    "Noticed",
    "OutputError",
    "Piece",
    "PlanReady",
    "ProblemFound",
    "Result",
    "Retry",
    "RunDone",
    "RunStarted",
    "ServerError",
    "SmolError",
    "StageStarted",
    "StageTotal",
    "TrustError",
    "UsageError",
    "Warned",
    "WorkspaceError",
    "build",
    "build_async",
    "generate_code",
    "generate_code_sync",
    "load_profile",
    "plan",
    "specify_file_paths",
]

_HOMES: Final = ("errors", "events", "library", "config.load")
"""The modules of the public names, the lightest first."""


def __getattr__(name: str) -> object:
    """Return a function, an error or an event of the library, its module loaded now."""
    for home in _HOMES if name in __all__ else ():
        module = import_module(f"smol_dev.{home}")
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

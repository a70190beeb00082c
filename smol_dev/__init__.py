"""smol_dev turns a prompt into a code base with a language model on the user's own machine.

The map of the package, in the order of a run:

- `cli` parses the command line, `app` joins the parts, `library` is the interface for programs.
- `config` holds the settings: layers, profiles, trust, keys; `config.secret` reads the key and decides
  which server may get it.
- `server` finds a model and talks to it, `server.client` through the `openai` package.
- `run` is the method: `run.pipeline` asks for plan, list and files, `run.delivery` passes them on;
  `prompts` has the text of the requests.
- `replies` reads the answers: `replies.plan`, `replies.file_list`, and `replies.code` for a file; `languages` knows the
  language of a path, and whether a text is valid in it.
- `checks` finds out whether the files of a program fit together.
- `workspace` keeps the output folder: `workspace.writer` writes the files, `workspace.record` the record.
- `ui` shows the events.
- `demo` is the scripted server of `smol_dev demo`.
- The ground: `errors` has all errors, `events` all events, `chat` the interface between the method and a
  model; `tokens` estimates the tokens of a text, `safe` escapes foreign text, `redact` hides secrets, and
  `disk` locks and replaces files.

The library's functions load what they need on first use, so importing the package is cheap.

Every module, and what it is for:

- `__main__`: The program: `smol_dev`, `smol-dev`, and `python -m smol_dev`.
- `chat`: The interface between the method and a model: a request goes in, pieces of an answer and one reply come out.
- `disk`: Safe file updates: a lock that ends with its process, and atomic replacement.
- `errors`: Every error that a user can meet: what happened, what to type next, and the exit code.
- `events`: The events of a run, as screens, logs and programs receive them.
- `library`: smol_dev as a library: the whole method, or its steps one by one.
- `redact`: Redaction of secrets: in a text whole, in part, in base64 or URL-encoded; in a table by the names of its
  keys.
- `safe`: Escaping of foreign text, for terminals and logs and for the commands that we suggest.
- `tokens`: An estimate of the number of tokens in a text, before a server has counted them.
- `app`: The application: joins settings, server, method and workspace for the command line and the library.
- `app.adopt`: Adoption of a folder that smol_dev did not make: its files become the first state of a program.
- `app.caller`: The caller of a run: what it provides, and the event loop in which its signals cancel the work.
- `app.check`: The user's check of a written program: run its command in isolation, and record each checked state.
- `app.interrupts`: Handling of SIGINT, SIGTERM and SIGHUP for the command line: the first signal stops the work,
  without traceback.
- `app.preview`: The preview of a run: its settings, messages and token budget, without contacting a server.
- `app.program`: The commands on a program: build, resume, fix and change it, undo a change, and list what was done.
- `app.report`: The report of a run: its record and current files, written as one page.
- `app.servers`: The selected server outside a run: its models, advice, checks, and the search for running servers.
- `app.session`: One session on a program: settings, server, method and output folder joined, from a task to its
  outcome.
- `app.settings`: The settings of a run: kept in its record without secrets, and restored when the run goes on.
- `checks`: Whether the files of a program fit together: files in, problems out; nothing is run.
- `checks.classes`: Python objects whose class, module or function is certain: their members, and the arguments they
  take.
- `checks.commands`: Commands of manifests and scripts: the files, modules and objects that they name, and the folder
  they run in.
- `checks.compiled`: Go, Rust and Java: what the syntax trees of their files say, and what the rules of all three share.
- `checks.dependencies`: The distributions that a project's manifests name, and whether they provide what is imported.
- `checks.documents`: Manifests as nested tables, in whatever language they are written; a computed value is None.
- `checks.folder`: The files of a folder, read for a check: a limited number, none of them hidden, ignored or made by a
  build.
- `checks.go`: Go: the packages, names and members that the files of a module use of each other.
- `checks.java`: Java: the packages, types and members that the files of a project use of each other.
- `checks.manifests`: Manifests and scripts of a project: the files, modules and commands that they name.
- `checks.members`: Members of the objects, classes and modules of scripts: which there are, and which are used.
- `checks.modules`: What the syntax trees of Python files say: scopes and what their names are bound to, imports, calls,
  attributes.
- `checks.packages`: package.json: the packages that a project's scripts may import, and the files that it names.
- `checks.pages`: HTML and CSS: the files, ids and functions that pages, scripts and style sheets use of each other.
- `checks.project`: The files that are checked together, and the problems found in them.
- `checks.python`: Python: names, imports between the project's files, third-party packages.
- `checks.references`: Strings of Python and of templates that name something: a template, an address, a module, a file.
- `checks.rust`: Rust: the modules, crates, names and members that the files of a crate use of each other.
- `checks.scripts`: JavaScript and TypeScript: what scripts import and export, and whether the names that they use are
  defined.
- `checks.web`: What the syntax trees of pages and scripts say, and which page loads which script.
- `cli`: The command line: parse, call, print.
- `cli.commands`: The commands by name, their help on one screen, and `smol_dev help` for a command or a page of
  `docs/`.
- `cli.completion`: Shell completion, and `smol_dev completion`, which prints the script that enables it.
- `cli.display`: The terminal: what commands print, the events of a run on a screen, and the questions that it asks the
  user.
- `cli.options`: Options that commands share: settings, server and display.
- `cli.runs`: The commands that build a program, change it, check it, and report on it.
- `cli.servers`: `smol_dev init`, `models` and `doctor`: find running servers, list a server's models, and check that it
  works.
- `cli.settings`: `smol_dev config`, `profiles` and `trust`: show, explain, check, change and approve the settings.
- `config`: Where every setting comes from: layers, profiles, trust, secrets, and which source set each value.
- `config.change`: Changes to settings files: under a lock, applied to the current text, written only if the result is
  valid.
- `config.edit`: Edits that commands make to a settings file: write a first one, set a key, change a profile, open it in
  an editor.
- `config.endpoint`: Server addresses: providers' defaults, what a valid `base_url` is, and which addresses are local.
- `config.explain`: The effective settings with the origin of each value, and every source of one key.
- `config.files`: Settings files on disk: their locations, safe reading, and the position of each key in the text.
- `config.layers`: The layers of settings (options, `SMOL_*` variables, files), read once and sorted strongest first.
- `config.load`: The effective settings: every layer read, merged, validated and trusted, or every problem reported at
  once.
- `config.model`: All settings: a class for each TOML table, with the docstring, default, bounds and trust tier of each
  key.
- `config.problems`: Problems in the settings, in our own words: where, which key, and what is wrong; never a secret.
- `config.profiles`: The profiles: which exist, what each inherits, and the order of their tables.
- `config.secret`: API keys and other secrets: which ones a profile has, which server each is for, and how a key is
  read.
- `config.trust`: Trust in a project's file: which settings need approval, and the record of approvals.
- `config.validate`: Validation of each layer: every problem with its position, even if the value is overridden.
- `config.variants`: The user's prompt variants: texts read from their files, variables checked, `extends` resolved.
- `demo`: The scripted server for `smol_dev demo`, and its canned answers.
- `demo.answers`: The demo server's canned answers, chosen by the state of the conversation.
- `demo.server`: An OpenAI-compatible server on loopback that answers from a script.
- `languages`: The language of a path, and whether a text is valid in it: pure functions, one parser for each language.
- `languages.grammars`: The tree-sitter grammars: the syntax tree of a text, and the place where it stops being valid.
- `languages.lines`: The languages in which each line is an entry of its own: settings, patterns, requirements, tables.
- `languages.names`: The language of a path, by its name or its extension, and of the word that labels a block.
- `languages.outline`: What a file defines for other files, in a few words: `load(path)`, `save(path, items)`, `#add`.
- `languages.parsing`: Whether a text is valid in the language of its path; if not, where it breaks, or which language
  it is.
- `languages.scopes`: The names of a file: its scopes, definitions, references and types, found by the queries of its
  language.
- `languages.standard`: The languages that the standard library parses: Python, JSON, TOML and XML.
- `languages.versions`: Whether a new text of a file is only a part of an earlier one, such as a snippet, its first
  half, or its rest.
- `prompts`: The text of every request: prompt variants as data files, and the requests made from them.
- `replies`: What the model said, turned into what we asked for: pure functions of text.
- `replies.answer`: One answer, parsed once: the turn without template marks and reasoning, its fenced blocks, the words
  around them.
- `replies.bare`: A file that stands in the answer without a fence, between words to the user or alone.
- `replies.blocks`: The block that is the file: which fence closes it, and which of several it is.
- `replies.change_list`: One answer → the files that a change touches: those to change, to add and to remove, each with
  a line why.
- `replies.checks`: Reasons to refuse a text that was found for a file: it is not whole, not this file, or not a file.
- `replies.code`: One answer → the text of the one file it was asked for, when it is certain that it is that, and whole.
- `replies.continuation`: A cut-off answer and its continuation → one answer, or None where something between them is
  lost or doubled.
- `replies.file_list`: One answer → the paths of the files to write.
- `replies.list_data`: Arrays, objects and tags, as models write them → the files they list, whatever their keys are
  called.
- `replies.list_lines`: Trees, tables, bullets, numbers and plain lines → the files they name.
- `replies.listing`: What all forms of a list share, and how the entries of one become paths.
- `replies.paths`: What a path looks like among words: endings, names without one, and where a description begins.
- `replies.plan`: One answer → the plan: the answer proper, as long as it is whole and is one.
- `replies.repetition`: A model that has begun to repeat itself without end, noticed while it streams.
- `replies.talk`: Words to the user, as they stand before, between and behind what was asked for.
- `replies.verdicts`: The outcome of reading an answer: a file, a list, or a reason to ask again.
- `replies.wrapped`: Wrappings of a whole file, such as quotes, line numbers, diffs and shell commands, and how they are
  undone.
- `run`: The method: from a prompt to a plan, a list of files, and the files themselves.
- `run.ask`: One question to the model: the answer is shown while it streams, parsed, and asked for again if unusable.
- `run.budget`: The token budget of a model: prompts are estimated, fitted to the context window, and checked for
  truncation.
- `run.change`: A change to a finished program: ask which files it touches, then for each complete file.
- `run.check_output`: A check command's output, parsed: how many tests failed, and the lines that a model needs to mend
  it.
- `run.conversation`: A run's input (`Job`), its output (`Step`), and its conversation with the model.
- `run.delivery`: A run's output: each step is turned into files, the record, events for the screen, and totals.
- `run.mend`: Mending: the model rewrites files that do not fit together, or that the user's check complains about.
- `run.pipeline`: The method: ask for a plan, a list of files and each file, then mend those that do not fit together.
- `run.review`: The user's decisions: on a plan and its list before any file is written, and on a change to a program.
- `run.start`: The command that starts or opens a program, chosen by an ordered list of rules that look at its files.
- `run.strategies`: The two ways to ask for the files: one after another in a chain, or several in parallel.
- `server`: Talking to a model behind any OpenAI-compatible server, and finding out what goes wrong.
- `server.answer`: One streamed answer: its pieces and then the reply, each wait bounded by the deadline of its phase.
- `server.client`: The model behind an OpenAI-compatible server; the one module that knows the `openai` package.
- `server.connect`: Connecting to the server of the settings, or a local one if none is named, and choosing its model.
- `server.detect`: Finding the local server that is running, and which of its models to use, without any configuration.
- `server.doctor`: Checks of what a profile's server offers and whether it works, in the order in which things can go
  wrong.
- `server.failures`: Failures: whatever a server answered, or the reason why it did not, as one error with a remedy.
- `server.families`: Families of models: the sampling their makers advise, how to switch their reasoning, and what to
  send.
- `server.known`: The known servers: how to recognise them by their answers, what to ask them, and their habits.
- `server.machine`: The memory of this machine, and the models that fit it by a rule of thumb, without asking the
  network.
- `server.request`: The body of a request: the profile's settings, in the form that this server and model accept.
- `server.stream`: The bytes of a streamed answer turned into pieces: server-sent events as local servers really send
  them.
- `server.transport`: The one guarded way to a server, from the socket up, for every request: chat, models, probes,
  doctor, retries.
- `ui`: Events shown as they happen, on a terminal, in a pipe or to a program; a run's screen is chosen here.
- `ui.live`: Events drawn on a terminal with rich: the plan as it comes, then a line for each running file.
- `ui.markdown`: A plan as Markdown: read without links, images, HTML or entities, and drawn on a terminal block by
  block.
- `ui.plain`: Events as lines: for people in a pipe, a log or a terminal that cannot be drawn on, and as NDJSON for a
  program.
- `ui.progress`: The progress of a run for the screens: running requests, and text that has streamed in part.
- `ui.report`: The report of a run: one HTML page with the plan, the files, their problems, and where the time went.
- `ui.sentences`: Each event and error in plain words, the same on every screen; foreign text is escaped here.
- `workspace`: The output folder: the paths that may be written, how a file gets there, and the record of the run.
- `workspace.command`: The user's check command, run in the output folder and isolated from everything else.
- `workspace.folder`: One open folder, accessed through its descriptor and never through a link, and the system's
  errors.
- `workspace.history`: The states that a program went through, kept complete under `.smol/history`, and moves between
  them.
- `workspace.paths`: The rules for paths that a model chooses: which may be written, and which are worth a warning.
- `workspace.record`: The record of a run, from which it can be resumed: `.smol/run.json`, its journal, and the note of
  who wrote it.
- `workspace.root`: The output folder: which one a run may use, its lock, and what in it is in the way.
- `workspace.sandbox`: The script that runs a check command in isolation, and ends every process that it started.
- `workspace.writer`: The output folder of a run, in which files appear complete or not at all, and nothing else is
  touched.
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
        change,
        change_async,
        generate_code,
        generate_code_sync,
        load_profile,
        plan,
        specify_file_paths,
        undo,
    )
    from smol_dev.run.review import AskedAgain, Proposed, Stopped, Taken, Verdict

__version__ = "0.1.0"

__all__ = [
    "AnswerError",
    "AskedAgain",
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
    "Proposed",
    "Result",
    "Retry",
    "RunDone",
    "RunStarted",
    "ServerError",
    "SmolError",
    "StageStarted",
    "StageTotal",
    "Stopped",
    "Taken",
    "TrustError",
    "UsageError",
    "Verdict",
    "Warned",
    "WorkspaceError",
    "build",
    "build_async",
    "change",
    "change_async",
    "generate_code",
    "generate_code_sync",
    "load_profile",
    "plan",
    "specify_file_paths",
    "undo",
]

_HOMES: Final = ("errors", "events", "library", "run.review", "config.load")
"""The modules of the public names, lightest first."""


def __getattr__(name: str) -> object:
    """Return a public name, importing its module on first use."""
    for home in _HOMES if name in __all__ else ():
        module = import_module(f"smol_dev.{home}")
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

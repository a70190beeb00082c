"""`smol_dev PROMPT`, `smol_dev resume` and `smol_dev demo`: the commands that run the method."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from smol_dev.cli import options
from smol_dev.cli.commands import COMMANDS, PROMPTED
from smol_dev.cli.completion import complete_prompt
from smol_dev.cli.display import Display, settings_of
from smol_dev.cli.help import Command
from smol_dev.errors import UsageError
from smol_dev.safe import command

if TYPE_CHECKING:
    from smol_dev.app.caller import Caller
    from smol_dev.config.layers import Flags
    from smol_dev.events import Event, RunDone, Show

MOST_BYTES: Final = 1024 * 1024
FILE_SUFFIXES: Final = (".md", ".txt")
LIKENESS: Final = 0.75
"""The similarity, from 0 to 1, from which a word counts as a misspelt command."""

HINT: Final = 'say what to build: `smol_dev "a to-do list in one HTML page"`, or name a .md or .txt file'

DEMO_PROMPT: Final = "a small program that shows what smol_dev does"
DEMO_CHANGE: Final = "Add a command that removes every task that is done."


@click.command(
    cls=Command,
    examples=(
        'smol_dev "a to-do list in one HTML page"',
        "smol_dev -p local-ollama -m qwen3.5:9b --review PROMPT.md",
        "smol_dev -o shop --check 'python -m pytest -q' PROMPT.md",
    ),
)
@click.argument("prompt", required=False, shell_complete=complete_prompt)
@click.option("--prompt", "older_prompt", metavar="TEXT|FILE", hidden=True, help="The older spelling of PROMPT.")
@options.server
@click.option(
    "--output",
    "-o",
    "--generate-folder-path",
    "output_dir",
    metavar="DIR",
    help="Folder for the files; default `generated`",
)
@options.flag("--review", help="Show plan and file list, and ask before writing")
@options.flag("--plan-only", help="Stop after the file list; `resume` goes on")
@options.flag("--dry-run", help="Show settings and messages; send nothing")
@options.flag("--overwrite", help="Replace files in the way; copies are kept")
@options.flag("--fresh", help="Start over with this prompt; copies are kept")
@options.yes
@options.diff
@options.check
@options.strict
@options.allow_sensitive
@options.display
def generate(
    prompt: str | None,
    older_prompt: str | None,
    output_dir: str | None,
    flags: "Flags",
    display: Display,
    *,
    check: str | None,
    dry_run: bool,
    review: bool,
    **given: Any,  # noqa: ANN401 - the fields of a Task
) -> int:
    """Build a program from text, a .md or .txt file, or `-` (stdin)."""
    from smol_dev.app.program import build as run
    from smol_dev.app.session import Task

    refuse_lookalike(prompt)
    text, file = read_prompt(prompt, older_prompt), file_of(prompt or older_prompt or "")
    if output_dir is not None:
        flags = flags.with_named("run.output_dir", output_dir, "--output")
    flags = checked_by(check, flags)
    if dry_run:
        return show_preview(text, flags)
    task = Task(text, prompt_file=file, **given)
    return display.run(lambda caller: run(task, flags, caller), review=review, decide=True, diff=given["diff"])


def checked_by(command: str | None, flags: "Flags") -> "Flags":
    """Return the flags with `--check`, split into words like a shell; an empty one disables the check."""
    import shlex

    try:
        return flags if command is None else flags.with_named("run.check", shlex.split(command), "--check")
    except ValueError as error:
        hint = "close its quotes, as in a shell"
        raise UsageError(f"`--check` cannot be split into words: {error}", hint=hint) from error


def show_preview(prompt: str, flags: "Flags") -> int:
    """Print the settings and messages of a run; return the exit code."""
    from smol_dev.app.preview import preview

    click.echo(preview(prompt, settings_of(flags)))
    return 0


@click.command(
    cls=Command, examples=("smol_dev resume", "smol_dev resume shop --only app.py", "smol_dev resume -m qwen3:14b shop")
)
@options.folder
@options.many("--only", metavar="PATH", help="Only this one of the missing files; repeatable")
@options.check
@options.strict
@options.allow_sensitive
@options.include
@options.flag("--review", help="Show plan and list; ask before any file is written")
@click.option("--files", "list_file", metavar="FILE", type=options.PATH, help="Your own file list, one path per line")
@options.server
@options.display
def resume(check: str | None, flags: "Flags", display: Display, *, review: bool, **given: Any) -> int:  # noqa: ANN401 - the fields of a Task
    """Finish an interrupted or failed run: ask for what is missing.

    DIR is the folder of the run; if left out, the setting `output_dir`.
    """
    from smol_dev.app.program import resume as run
    from smol_dev.app.session import Task

    checked = checked_by(check, flags)
    return display.run(lambda caller: run(Task(**given), checked, caller), review=review)


@click.command(cls=Command, examples=("smol_dev demo", "smol_dev demo /tmp/demo", "smol_dev demo --json | head -3"))
@click.argument("folder", metavar="[DIR]", default="smol-demo")
@options.display
def demo(folder: str, display: Display) -> int:
    """Try the whole method without a model, a key or a network.

    A scripted server on this machine gives canned answers, over HTTP like any other server: a plan, a list, the
    files, one of which does not fit the others and is mended, and then a change of the finished program.
    """
    return display.run(lambda caller: shown_to(caller, folder))


def once(show: "Show") -> "Show":
    """Return an event sink that drops repeated warnings."""
    from smol_dev.events import Warned

    warned = set()

    def shown(event: "Event") -> None:
        if event not in warned:
            show(event)
        if isinstance(event, Warned):
            warned.add(event)

    return shown


def shown_to(caller: "Caller", folder: str) -> "RunDone":
    """Build the demo's program and change it; return the result of the last step."""
    from dataclasses import replace

    from smol_dev.app.program import change
    from smol_dev.app.program import generate as run
    from smol_dev.app.session import Task
    from smol_dev.config.layers import Flags
    from smol_dev.events import Noticed

    flags = Flags(profile="demo", project=False, named={"run.output_dir": (folder, "demo")})
    caller = replace(caller, show=once(caller.show))
    done = run(Task(DEMO_PROMPT), flags, caller)
    if done.exit_code:
        return done
    typed = command("smol_dev change {what} -o {dir}", what=DEMO_CHANGE, dir=folder)
    caller.show(Noticed(f"now a change of that program, as {typed} would make it with a model:"))
    task = Task(request=DEMO_CHANGE, folder=Path(folder), yes=True)
    done = change(task, Flags(profile="demo", project=False), caller)
    look = command("smol_dev report {dir}", dir=folder)
    caller.show(Noticed(f"all of that was canned; a page about it: {look}; with a model of your own: `smol_dev init`"))
    return done


def read_prompt(prompt: str | None, older: str | None) -> str:
    """Return the text of the prompt from the argument or `--prompt`.

    Raise `UsageError` if there is none, two or an empty one, or if its file cannot be read.
    """
    if prompt is not None and older is not None:
        raise UsageError("the prompt is given twice, as an argument and with `--prompt`", hint=HINT)
    given = prompt if prompt is not None else older
    if given is None:
        raise UsageError("no prompt is given", hint=HINT)
    if given == "-":
        text = decoded(sys.stdin.buffer.read(MOST_BYTES + 1), "standard input")
    elif names_file(given):
        text = read_file(Path(given).expanduser())
    else:
        text = decoded(given.encode("utf-8", "surrogateescape"), "the prompt")
    if not text.strip():
        raise UsageError("the prompt is empty", hint=HINT)
    return text.strip()


def file_of(given: str) -> Path | None:
    """Return the file that the prompt is read from; None if it is the text itself."""
    return Path(given).expanduser() if names_file(given) else None


def names_file(given: str) -> bool:
    """Return whether the argument names a file: it ends in .md or .txt, and is one word or an existing file."""
    if not given.lower().endswith(FILE_SUFFIXES) or "\n" in given or "\0" in given:
        return False
    return " " not in given.strip() or Path(given).expanduser().is_file()


def read_file(path: Path) -> str:
    """Return the text of a prompt file."""
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise UsageError(f"the prompt file `{path}` {what}", hint="check the path, or " + HINT)
        with path.open("rb") as file:
            return decoded(file.read(MOST_BYTES + 1), f"the prompt file `{path}`")
    except OSError as error:
        raise UsageError(f"the prompt file `{path}` cannot be read: {error.strerror}", hint="check the path") from error


def decoded(raw: bytes, name: str) -> str:
    """Return the bytes as text. Raise `UsageError` unless they are UTF-8 without NUL, and at most 1 MiB."""
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{name} is longer than 1 MiB", hint="shorten the prompt")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 (byte {error.start})", hint="save it as UTF-8 text") from error
    if "\0" in text:
        raise UsageError(f"{name} holds a NUL character", hint="save it as plain text")
    return text


def refuse_lookalike(prompt: str | None) -> None:
    """Raise `UsageError` for a prompt that looks like a command or like a file of another type."""
    if prompt is None or PROMPTED not in click.get_current_context().meta:
        return
    word = prompt.strip()
    if word in COMMANDS:
        problem = f"`{word}` is a command; did you mean {command('smol_dev {name}', name=word)}?"
    elif (meant := meant_by(word)) is not None:
        problem = f"`{word}` is not a command; did you mean {meant}?"
    elif is_other_file(word):
        problem = f"`{word}` is a file; did you mean its text, {command('smol_dev - < {file}', file=word)}?"
    else:
        return
    hint = "a prompt of one word: " + command("smol_dev generate {word}", word=word)
    raise UsageError(problem, hint=hint)


def meant_by(word: str) -> str | None:
    """Return the command that a word probably means, misspelt or typed without the dashes of an option; else None."""
    from difflib import get_close_matches

    folded = word.lower()
    if folded in {"help", "version"}:
        return command(f"smol_dev --{folded}")
    near = get_close_matches(folded, COMMANDS, n=1, cutoff=LIKENESS)
    if near and near[0][0] == folded[0] and abs(len(near[0]) - len(folded)) <= 1:
        return command("smol_dev {name}", name=near[0])
    return None


def is_other_file(word: str) -> bool:
    """Return whether the word names an existing file that is not read as a prompt."""
    try:
        return Path(word).is_file() and not word.lower().endswith(FILE_SUFFIXES)
    except (OSError, ValueError):
        return False

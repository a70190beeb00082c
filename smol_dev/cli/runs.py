"""The commands that build a program, change it, check it, and report on it."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from smol_dev.cli import options
from smol_dev.cli.commands import COMMANDS, PROMPTED, Command
from smol_dev.cli.completion import complete_prompt
from smol_dev.cli.display import Display, aligned, here, say, settings_of
from smol_dev.errors import UsageError
from smol_dev.safe import command, safe, safe_name

if TYPE_CHECKING:
    from smol_dev.app.caller import Caller
    from smol_dev.app.program import LogEntry
    from smol_dev.app.report import Reported
    from smol_dev.config.layers import Flags
    from smol_dev.events import Event, RunDone
    from smol_dev.workspace.record import Record

MOST_BYTES: Final = 1024 * 1024
FILE_SUFFIXES: Final = (".md", ".txt")
LIKENESS: Final = 0.75
"""The similarity, from 0 to 1, from which a word counts as a misspelt command."""

MOST_FILES: Final = 5
LONGEST_REQUEST: Final = 60
"""The most files and characters of the request that `log` shows for a step."""

HINT: Final = 'say what to build: `smol_dev "a to-do list in one HTML page"`, or name a .md or .txt file'

DEMO_PROMPT: Final = "a small program that shows what smol_dev does"
DEMO_CHANGE: Final = "Add a command that removes every task that is done."


@options.command(
    examples=(
        'smol_dev "a to-do list in one HTML page"',
        "smol_dev -p local-ollama -m qwen3.5:9b --review PROMPT.md",
        "smol_dev -o shop --check 'python -m pytest -q' PROMPT.md",
    )
)
@click.argument("prompt", required=False, shell_complete=complete_prompt)
@options.option("--prompt", "older", metavar="TEXT|FILE", hidden=True, help="The older spelling of PROMPT.")
@options.server
@options.option(
    "--output",
    "-o",
    "--generate-folder-path",
    "output_dir",
    metavar="DIR",
    help="Folder for the files; default `generated`",
)
@options.flag("--review", help="Show plan and file list, and ask before writing")
@options.flag("--plan-only", help="Stop after the file list; `resume` continues")
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
    older: str | None,
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
    from smol_dev.app.preview import preview
    from smol_dev.app.program import build as run
    from smol_dev.app.session import Task

    _refuse_lookalike(prompt)
    text, flags = read_prompt(prompt, older), _with_run(flags, check=check, output_dir=output_dir)
    if dry_run:
        click.echo(preview(text, settings_of(flags)))
        return 0
    task = Task(text, prompt_file=prompt_file(prompt or older or ""), **given)
    return display.run(lambda caller: run(task, flags, caller), review=review, decide=True, diff=given["diff"])


def _with_run(flags: "Flags", *, check: str | None, output_dir: str | None = None) -> "Flags":
    """Return the flags with `--check`, split into words like a shell (empty: no check), and `--output`."""
    import shlex

    if output_dir is not None:
        flags = flags.with_named("run.output_dir", output_dir, "--output")
    try:
        return flags if check is None else flags.with_named("run.check", shlex.split(check), "--check")
    except ValueError as error:
        hint = "close its quotes, as in a shell"
        raise UsageError(f"`--check` cannot be split into words: {error}", hint=hint) from error


def read_prompt(prompt: str | None, older: str | None = None) -> str:
    """Return the text of the prompt from the argument or `--prompt`.

    Raise `UsageError` if there is none, two or an empty one, or if its file cannot be read.
    """
    if prompt is not None and older is not None:
        raise UsageError("the prompt is given twice, as an argument and with `--prompt`", hint=HINT)
    given = prompt if prompt is not None else older
    if given is None:
        raise UsageError("no prompt is given", hint=HINT)
    file = prompt_file(given)
    name = "standard input" if given == "-" else "the prompt" if file is None else f"the prompt file `{file}`"
    try:
        if given == "-":
            raw = sys.stdin.buffer.read(MOST_BYTES + 1)
        elif file is None:
            raw = given.encode("utf-8", "surrogateescape")
        elif file.is_file():
            with file.open("rb") as opened:
                raw = opened.read(MOST_BYTES + 1)
        else:
            what = "is not a file" if file.exists() else "does not exist"
            raise UsageError(f"{name} {what}", hint="check the path, or " + HINT)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", hint="check the path") from error
    return _decoded(raw, name)


def prompt_file(given: str) -> Path | None:
    """Return the prompt's file if the argument ends in .md or .txt, and is one word or an existing file."""
    if not given.lower().endswith(FILE_SUFFIXES) or "\n" in given or "\0" in given:
        return None
    path = os.path.expanduser(given)  # noqa: PTH111 - `Path.expanduser` raises for a user that does not exist
    return Path(path) if " " not in given.strip() or _is_file(path) else None


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - `Path.is_file` raises for a name that is too long


def _decoded(raw: bytes, name: str) -> str:
    """Return the bytes as text. Raise `UsageError` unless they are some UTF-8 without NUL, and at most 1 MiB."""
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{name} is longer than 1 MiB", hint="shorten the prompt")
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 (byte {error.start})", hint="save it as UTF-8 text") from error
    if "\0" in text:
        raise UsageError(f"{name} holds a NUL character", hint="save it as plain text")
    if not text:
        raise UsageError("the prompt is empty", hint=HINT)
    return text


def _refuse_lookalike(prompt: str | None) -> None:
    """Raise `UsageError` for a prompt that looks like a command or like a file of another type."""
    if prompt is None or PROMPTED not in click.get_current_context().meta:
        return
    word = prompt.strip()
    if word in COMMANDS:
        problem = f"`{word}` is a command; did you mean {command('smol_dev {name}', name=word)}?"
    elif (meant := _meant_by(word)) is not None:
        problem = f"`{word}` is not a command; did you mean {meant}?"
    elif "\0" not in word and _is_file(word) and not word.lower().endswith(FILE_SUFFIXES):
        problem = f"`{word}` is a file; did you mean its text, {command('smol_dev - < {file}', file=word)}?"
    else:
        return
    raise UsageError(problem, hint="a prompt of one word: " + command("smol_dev generate {word}", word=word))


def _meant_by(word: str) -> str | None:
    """Return the command that a word probably means, misspelt or typed without the dashes of an option; else None."""
    from difflib import get_close_matches

    folded = word.lower()
    if folded in {"help", "version"}:
        return command(f"smol_dev --{folded}")
    near = get_close_matches(folded, COMMANDS, n=1, cutoff=LIKENESS)
    if near and near[0][0] == folded[0] and abs(len(near[0]) - len(folded)) <= 1:
        return command("smol_dev {name}", name=near[0])
    return None


@options.command(
    examples=("smol_dev resume", "smol_dev resume shop --only app.py", "smol_dev resume -m qwen3:14b shop")
)
@options.folder
@options.many("--only", metavar="PATH", help="Only this one of the missing files; repeatable")
@options.check
@options.strict
@options.allow_sensitive
@options.include
@options.flag("--review", help="Show plan and list; ask before any file is written")
@options.option("--files", "list_file", metavar="FILE", type=options.PATH, help="Your own file list, one path per line")
@options.server
@options.display
def resume(check: str | None, flags: "Flags", display: Display, *, review: bool, **given: Any) -> int:  # noqa: ANN401 - the fields of a Task
    """Finish an interrupted or failed run: ask for what is missing.

    DIR is the folder of the run; if left out, the setting `output_dir`.
    """
    from smol_dev.app.program import resume as run
    from smol_dev.app.session import Task

    checked = _with_run(flags, check=check)
    return display.run(lambda caller: run(Task(**given), checked, caller), review=review)


@options.command(examples=("smol_dev demo", "smol_dev demo /tmp/demo", "smol_dev demo --json | head -3"))
@click.argument("folder", metavar="[DIR]", default="smol-demo")
@options.display
def demo(folder: str, display: Display) -> int:
    """Try the whole method without a model, a key or a network.

    A scripted server on this machine gives canned answers, over HTTP like any other server: a plan, a list, the
    files, one of which does not fit the others and is mended, and then a change of the finished program.
    """
    return display.run(lambda caller: _build_and_change(folder, caller))


def _build_and_change(folder: str, caller: "Caller") -> "RunDone":
    """Build the demo's program and change it, showing each warning once; return the result of the last step."""
    from dataclasses import replace

    from smol_dev.app.program import change
    from smol_dev.app.program import generate as run
    from smol_dev.app.session import Task
    from smol_dev.config.layers import Flags
    from smol_dev.events import Noticed, Warned

    warned = set()

    def show(event: "Event") -> None:
        if event not in warned:
            caller.show(event)
        if isinstance(event, Warned):
            warned.add(event)

    once = replace(caller, show=show)
    done = run(Task(DEMO_PROMPT), Flags("demo", project=False, named={"run.output_dir": (folder, "demo")}), once)
    if done.exit_code:
        return done
    typed = command("smol_dev change {what} -o {dir}", what=DEMO_CHANGE, dir=folder)
    show(Noticed(f"now a change of that program, as {typed} would make it with a model:"))
    done = change(Task(request=DEMO_CHANGE, folder=Path(folder), yes=True), Flags("demo", project=False), once)
    look = command("smol_dev report {dir}", dir=folder)
    show(Noticed(f"all of that was canned; a page about it: {look}; with a model of your own: `smol_dev init`"))
    return done


@options.command(
    examples=(
        'smol_dev change "add a dark theme"',
        'smol_dev change -o shop --diff "sort the list by price"',
        "smol_dev change -o shop --yes CHANGE.md",
    )
)
@click.argument("request", metavar="TEXT|FILE", shell_complete=complete_prompt)
@options.option("--output", "-o", "folder", metavar="DIR", type=options.PATH, help="Folder of the program")
@options.many("--only", metavar="PATH", help="Only this file may change; repeatable")
@options.flag("--adopt", help="Change a folder that smol_dev did not make")
@options.yes
@options.diff
@options.strict
@options.allow_sensitive
@options.server
@options.display
def change(request: str, flags: "Flags", display: Display, **given: Any) -> int:  # noqa: ANN401 - the fields of a Task
    """Change a program: see the diff first, then accept or refuse.

    TEXT says what to change. It can also be a .md or .txt file, or - for standard input.
    """
    from smol_dev.app.program import change as run
    from smol_dev.app.session import Task

    task = Task(request=read_prompt(request), **given)
    return display.run(lambda caller: run(task, flags, caller), decide=True, diff=given["diff"])


@options.command(examples=("smol_dev undo", "smol_dev undo --redo", "smol_dev undo shop --keep-mine"))
@options.folder
@options.flag("--redo", help="Redo the change that was undone last")
@options.flag("--keep-mine", help="Keep files that you have changed since")
@options.flag("--theirs", help="Replace files you have changed; copies are kept")
@options.server
@options.display
def undo(folder: Path | None, flags: "Flags", display: Display, **how: bool) -> int:
    """Undo the last change of a program; repeat to go further back."""
    from smol_dev.app.program import undo as run

    return display.run(lambda caller: run(folder, flags, caller, **how))


@options.command(examples=("smol_dev log", "smol_dev log shop", "smol_dev log --json | head -1"))
@options.folder
@options.json_lines
@options.server
def log(folder: Path | None, flags: "Flags", *, as_json: bool) -> None:
    """List the runs and changes of a program, the newest first."""
    import json
    from dataclasses import asdict

    from smol_dev.app.program import log as steps

    found = steps(folder, flags, here())
    for line in map(json.dumps, map(asdict, found)) if as_json else aligned(list(map(_cells, found))):
        click.echo(line)


def _cells(step: "LogEntry") -> tuple[str, ...]:
    marks = (("+", step.added), ("~", step.changed), ("-", step.removed))
    files = [f"{mark}{safe_name(path)}" for mark, paths in marks for path in paths]
    more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
    asked = safe(" ".join(step.request.split())[:LONGEST_REQUEST]) or "-"
    return str(step.number), step.time, step.kind, f"{' '.join(files[:MOST_FILES]) or '-'}{more}", asked


@options.command(examples=("smol_dev check", "smol_dev check shop --json", "smol_dev check --ignore unused-file"))
@click.argument("folder", metavar="[DIR]", default=".", type=options.PATH)
@options.json_lines
@options.many("--rule", "only", metavar="RULE", help="Only this rule; repeatable")
@options.many("--ignore", metavar="RULE", help="Skip this rule; repeatable")
@options.flag("--list-rules", help="List the rules and exit")
def check(folder: Path, only: tuple[str, ...], ignore: tuple[str, ...], *, as_json: bool, list_rules: bool) -> int:
    """Check whether the files in DIR fit together; needs no model.

    Looks at imports, names, templates, ids, handlers, packages and commands; runs nothing. Skips hidden files, files
    that .gitignore names, and installed or built ones. The exit code is 4 if there are problems.
    """
    from smol_dev.checks import RULES

    if list_rules:
        click.echo("\n".join(f"{name:<18} {what}" for name, what in RULES.items()))
        return 0
    return _show_problems(folder, _chosen(only, ignore), as_json=as_json)


def _chosen(only: tuple[str, ...], ignored: tuple[str, ...]) -> list[str]:
    """Return the rules to check. Raise `UsageError` for an unknown one."""
    from difflib import get_close_matches

    from smol_dev.checks import RULES

    for name in (*only, *ignored):
        if name not in RULES:
            near = get_close_matches(name, RULES, n=1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            raise UsageError(f"there is no rule `{name}`{meant}", hint="see them all: `smol_dev check --list-rules`")
    return [name for name in only or RULES if name not in ignored]


def _show_problems(folder: Path, rules: list[str], *, as_json: bool) -> int:
    """Print the problems that the rules find in the folder; return the exit code."""
    import json
    from dataclasses import asdict

    from smol_dev.checks import check as problems_of
    from smol_dev.checks.folder import MOST_FILES, read
    from smol_dev.ui.sentences import counted

    if not os.path.isdir(folder):  # noqa: PTH112 - `Path.is_dir` raises for a name that is too long
        raise UsageError(f"`{folder}` is not a folder", hint="name the folder to check: `smol_dev check DIR`")
    found = read(folder)
    problems = problems_of(found.files, found.others, rules=rules)
    for problem in problems:
        click.echo(json.dumps(asdict(problem)) if as_json else safe(str(problem)))
    if found.cut:
        say(f"only the first {MOST_FILES:,} files were looked at")
    if not as_json:
        say(f"{counted(len(problems), 'problem')} in {counted(len(found.files), 'file')}")
    return 4 if problems else 0


class WithWords(Command):
    """A command that takes the words after `--` as the command line of another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments before `--`. Raise `UsageError` if nothing follows it."""
        ends = args.index("--") if "--" in args else len(args)
        ctx.params["words"] = tuple(args[ends + 1 :])
        if args[ends:] == ["--"]:
            raise UsageError("there is no command after `--`", hint="as in `smol_dev fix -- python -m pytest -q`")
        return super().parse_args(ctx, args[:ends])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the pieces of the usage line, including the words after `--`."""
        return [*super().collect_usage_pieces(ctx), "[-- CMD...]"]


@options.command(
    cls=WithWords,
    examples=("smol_dev fix -- python -m pytest -q", "smol_dev fix shop -- npm test", "smol_dev fix -m qwen3:14b shop"),
)
@options.folder
@options.check
@options.flag("--yes", "-y", "rewrite", help="Rewrite files that you changed, without asking")
@options.strict
@options.allow_sensitive
@options.include
@options.server
@options.display
def fix(words: tuple[str, ...], check: str | None, flags: "Flags", display: Display, **given: Any) -> int:  # noqa: ANN401 - the fields of a Task
    """Run your check on a program, and let the model mend what fails.

    The check is CMD, else the setting `check`, else that of the last run. Missing files are written first.
    The exit code is 7 if the check still fails.
    """
    from smol_dev.app.program import fix as run
    from smol_dev.app.session import Task

    if words and check is not None:
        raise UsageError("`--check` and the words after `--` name two commands", hint="leave one of them out")
    checked = _with_run(flags, check=check)
    return display.run(lambda caller: run(Task(**given), words, checked, caller))


@options.command(
    examples=("smol_dev report", "smol_dev report shop -o shop.html", "smol_dev report -o /tmp/report.html")
)
@options.folder
@options.option(
    "--output", "-o", "target", metavar="FILE", type=options.PATH, help="File to write; default `DIR/.smol/report.html`"
)
@options.settings
def report(folder: Path | None, target: Path | None, flags: "Flags") -> None:
    """Write an HTML page about a run: plan, files, problems, times.

    It shows the prompt, the plan, the files with their problems, and the time and tokens of every request. It
    loads nothing and runs no script. The path of the page is printed.
    """
    from smol_dev.app.report import report as write

    click.echo(write(folder, target, flags, here(), _page))


def _page(record: "Record", files: "tuple[Reported, ...]") -> str:
    from smol_dev.ui.report import Shown, page

    problems, summary = defaultdict(list), record.check.get("summary")
    for problem in record.problems:
        problems[problem.path].append(problem)
    return page(
        prompt=record.prompt,
        plan=record.plan,
        facts=tuple(_facts(record, files)),
        program=[Shown(each.state.path, each.text, _state(each), tuple(problems[each.state.path])) for each in files],
        requests=record.requests,
        check=f"{summary} (exit code {record.check.get('exit_code')})" if isinstance(summary, str) else "",
    )


def _facts(record: "Record", files: "tuple[Reported, ...]") -> Iterator[tuple[str, str]]:
    """Yield the name and text of each fact at the top: model, server, profile, files, tokens and time."""
    from smol_dev.ui.sentences import duration, models

    server, totals = record.server, record.totals
    stages = server.get("models")
    yield "model", models(stages.items()) if isinstance(stages, dict) else str(server.get("model", "unknown"))
    yield "server", str(server.get("base_url", "unknown"))
    yield "profile", str(record.profile.get("name", "unknown"))
    done = [each for each in files if each.state.state == "done"]
    yield "files", f"{len(done):,} of {len(files):,}, {sum(each.state.bytes for each in done):,} bytes"
    names = {"prompt_tokens": "tokens in", "cached_tokens": "of these cached", "completion_tokens": "tokens out"}
    for key, name in (names | {"retries": "asked again"}).items():
        if isinstance(count := totals.get(key), int):
            yield name, f"{count:,}"
    if isinstance(seconds := totals.get("seconds"), int | float):
        yield "time", duration(seconds)
    yield "smol_dev", record.tool_version


def _state(file: "Reported") -> str:
    from smol_dev.ui.sentences import counted, duration

    if file.state.state == "failed":
        return f"failed: {file.state.message}"
    if file.state.state == "planned":
        return "not written yet"
    if file.text is None:
        return "written, but no longer there"
    edited = ", changed by you since" if file.is_edited else ""
    return f"{counted(file.state.bytes, 'byte')}, {duration(file.state.seconds)}{edited}"

"""`smol_dev PROMPT`, `smol_dev resume` and `smol_dev demo`: the commands that run the method."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from smol_dev.cli.completion import complete_prompt
from smol_dev.cli.help import Command
from smol_dev.cli.options import reporting_options, server_options
from smol_dev.cli.reporting import Report, settings_of

if TYPE_CHECKING:
    from smol_dev.app.caller import Caller
    from smol_dev.config.layers import Flags
    from smol_dev.events import Event, RunDone, Show

DEMO_PROMPT: Final = "a small program that shows what smol_dev does"
DEMO_CHANGE: Final = "Add a command that removes every task that is done."

allow_sensitive_option: Final = click.option(
    "--allow-sensitive", metavar="GLOB", multiple=True, help="Allow files that tools run automatically"
)
check_option: Final = click.option("--check", metavar="CMD", help="Command that tests the program: `pytest -q`")
strict_option: Final = click.option("--strict", is_flag=True, help="Exit with 4 if the files do not fit together")

include_option: Final = click.option(
    "--include", metavar="PATH", multiple=True, help="Show the model this file as you edited it"
)
yes_option: Final = click.option("--yes", "-y", is_flag=True, help="Make a change without asking")
diff_option: Final = click.option("--diff", is_flag=True, help="Show a change, and make none of it")


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
@server_options
@click.option(
    "--output",
    "-o",
    "--generate-folder-path",
    "output_dir",
    metavar="DIR",
    help="Folder for the files; default `generated`",
)
@click.option("--review", is_flag=True, help="Show plan and file list, and ask before writing")
@click.option("--plan-only", is_flag=True, help="Stop after the file list; `resume` goes on")
@click.option("--dry-run", is_flag=True, help="Show settings and messages; send nothing")
@click.option("--overwrite", is_flag=True, help="Replace files in the way; copies are kept")
@click.option("--fresh", is_flag=True, help="Start over with this prompt; copies are kept")
@yes_option
@diff_option
@check_option
@strict_option
@allow_sensitive_option
@reporting_options
def generate(
    prompt: str | None,
    older_prompt: str | None,
    output_dir: str | None,
    flags: "Flags",
    report: Report,
    *,
    check: str | None,
    dry_run: bool,
    review: bool,
    **options: Any,  # noqa: ANN401 - the fields of a Task
) -> int:
    """Build a program from text, a .md or .txt file, or `-` (stdin)."""
    from smol_dev.app.again import run_prompt
    from smol_dev.app.build import Task
    from smol_dev.cli.prompt_text import file_of, read_prompt, refuse_lookalike

    refuse_lookalike(prompt)
    text, file = read_prompt(prompt, older_prompt), file_of(prompt, older_prompt)
    flags = checked_by(check, writing_to(output_dir, flags))
    if dry_run:
        return show_preview(text, flags)
    task = Task(text, prompt_file=file, **options)
    return report.run(lambda caller: run_prompt(task, flags, caller), review=review, decide=True, diff=options["diff"])


def writing_to(output_dir: str | None, flags: "Flags") -> "Flags":
    """Return the flags with `--output`."""
    from dataclasses import replace

    if output_dir is None:
        return flags
    return replace(flags, named={**flags.named, "run.output_dir": (output_dir, "--output")})


def checked_by(command: str | None, flags: "Flags") -> "Flags":
    """Return the flags with `--check`, split into words as a shell would; an empty one switches the check off."""
    import shlex
    from dataclasses import replace

    from smol_dev.errors import UsageError

    if command is None:
        return flags
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"`--check` cannot be split into words: {error}", hint="close its quotes, as in a shell"
        ) from error
    return replace(flags, named={**flags.named, "run.check": (words, "--check")})


def show_preview(prompt: str, flags: "Flags") -> int:
    """Print what a run would do; return the exit code."""
    from smol_dev.app.preview import preview

    click.echo(preview(prompt, settings_of(flags)))
    return 0


@click.command(
    cls=Command, examples=("smol_dev resume", "smol_dev resume shop --only app.py", "smol_dev resume -m qwen3:14b shop")
)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--only", metavar="PATH", multiple=True, help="Only this one of the missing files; repeatable")
@check_option
@strict_option
@allow_sensitive_option
@include_option
@click.option("--review", is_flag=True, help="Show plan and list; ask before any file is written")
@click.option(
    "--files",
    "list_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Your own file list, one path per line",
)
@server_options
@reporting_options
def resume(check: str | None, flags: "Flags", report: Report, *, review: bool, **options: Any) -> int:  # noqa: ANN401 - the fields of a Task
    """Finish an interrupted or failed run: ask for what is missing.

    DIR is the folder of the run; if left out, the setting `output_dir`.
    """
    from smol_dev.app.build import Task
    from smol_dev.app.resume import resume as run

    checked = checked_by(check, flags)
    return report.run(lambda caller: run(Task(**options), checked, caller), review=review)


@click.command(cls=Command, examples=("smol_dev demo", "smol_dev demo /tmp/demo", "smol_dev demo --json | head -3"))
@click.argument("folder", metavar="[DIR]", default="smol-demo")
@reporting_options
def demo(folder: str, report: Report) -> int:
    """Try the whole method without a model, a key or a network.

    A scripted server on this machine gives canned answers, over HTTP like any other server: a plan, a list, the
    files, one of which does not fit the others and is mended, and then a change of the finished program.
    """
    return report.run(lambda caller: shown_to(caller, folder))


def once(show: "Show") -> "Show":
    """Return the sink that leaves out a warning that was shown already."""
    from smol_dev.events import Warned

    warned = set()

    def shown(event: "Event") -> None:
        if event not in warned:
            show(event)
        if isinstance(event, Warned):
            warned.add(event)

    return shown


def shown_to(caller: "Caller", folder: str) -> "RunDone":
    """Build the program of the demo and change it; return how that ended."""
    from dataclasses import replace

    from smol_dev.app.build import Task
    from smol_dev.app.build import generate as run
    from smol_dev.app.change import Changing, change
    from smol_dev.config.layers import Flags
    from smol_dev.events import Noticed
    from smol_dev.safe import command

    flags = Flags(profile="demo", project=False, named={"run.output_dir": (folder, "demo")})
    caller = replace(caller, show=once(caller.show))
    done = run(Task(DEMO_PROMPT), flags, caller)
    if done.exit_code:
        return done
    typed = command("smol_dev change {what} -o {dir}", what=DEMO_CHANGE, dir=folder)
    caller.show(Noticed(f"now a change of that program, as {typed} would make it with a model:"))
    done = change(Changing(DEMO_CHANGE, Path(folder), yes=True), Flags(profile="demo", project=False), caller)
    look = command("smol_dev report {dir}", dir=folder)
    caller.show(Noticed(f"all of that was canned; a page about it: {look}; with a model of your own: `smol_dev init`"))
    return done

"""`smol_dev report`: an HTML page with a run's prompt, plan, files and times."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smol_dev.cli import options
from smol_dev.cli.display import here
from smol_dev.cli.help import Command

if TYPE_CHECKING:
    from smol_dev.app.report import Reported
    from smol_dev.config.layers import Flags
    from smol_dev.workspace.record import Record


@click.command(
    cls=Command,
    examples=("smol_dev report", "smol_dev report shop -o shop.html", "smol_dev report -o /tmp/report.html"),
)
@options.folder
@click.option(
    "--output", "-o", "target", metavar="FILE", type=options.PATH, help="File to write; default `DIR/.smol/report.html`"
)
@options.settings
def report(folder: Path | None, target: Path | None, flags: "Flags") -> int:
    """Write an HTML page about a run: plan, files, problems, times.

    It shows the prompt, the plan, the files with their problems, and the time and tokens of every request. It
    loads nothing and runs no script. The path of the page is printed.
    """
    from smol_dev.app.report import report as write

    click.echo(write(folder, target, flags, here(), page_of))
    return 0


def page_of(record: "Record", files: "tuple[Reported, ...]") -> str:
    """Return the HTML page about a run."""
    from smol_dev.ui.report import Shown, page

    problems, summary = defaultdict(list), record.check.get("summary")
    for problem in record.problems:
        problems[problem.path].append(problem)
    return page(
        prompt=record.prompt,
        plan=record.plan,
        facts=tuple(facts(record, files)),
        program=[Shown(each.state.path, each.text, state(each), tuple(problems[each.state.path])) for each in files],
        requests=record.requests,
        check=f"{summary} (exit code {record.check.get('exit_code')})" if isinstance(summary, str) else "",
    )


def facts(record: "Record", files: "tuple[Reported, ...]") -> Iterator[tuple[str, str]]:
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


def state(file: "Reported") -> str:
    """Return the state of a file in words."""
    from smol_dev.ui.sentences import counted, duration

    if file.state.state == "failed":
        return f"failed: {file.state.message}"
    if file.state.state == "planned":
        return "not written yet"
    if file.text is None:
        return "written, but no longer there"
    edited = ", changed by you since" if file.is_edited else ""
    return f"{counted(file.state.bytes, 'byte')}, {duration(file.state.seconds)}{edited}"

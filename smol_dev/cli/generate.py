"""`smol_dev PROMPT`: the main job."""

from typing import TYPE_CHECKING, Any

import click

from smol_dev.cli.options import settings_options
from smol_dev.cli.reporting import Report, reporting_options
from smol_dev.cli.server_options import server_options
from smol_dev.cli.talk import say

if TYPE_CHECKING:
    from smol_dev.config.layers import Flags


@click.command()
@click.argument("prompt", required=False)
@click.option("--prompt", "older_prompt", metavar="TEXT|FILE", help="The older spelling of PROMPT.")
@settings_options
@server_options
@click.option(
    "--output",
    "-o",
    "--generate-folder-path",
    "output_dir",
    metavar="DIR",
    help="The folder for the files; `generated` unless a setting says otherwise.",
)
@click.option("--review", is_flag=True, help="Show plan and file list, and ask before any file is written.")
@click.option("--plan-only", is_flag=True, help="Stop after the file list.")
@click.option("--dry-run", is_flag=True, help="Show settings, messages and token budget; no network.")
@click.option("--overwrite", is_flag=True, help="Replace files in the way; copies are kept.")
@click.option("--strict", is_flag=True, help="Exit with 4 where the files do not fit together in the end.")
@click.option(
    "--allow-sensitive",
    metavar="GLOB",
    multiple=True,
    help="Let files be written that run by themselves, as `.vscode/*`; repeatable.",
)
@reporting_options
def generate(
    prompt: str | None,
    older_prompt: str | None,
    output_dir: str | None,
    flags: "Flags",
    report: Report,
    *,
    dry_run: bool,
    review: bool,
    **options: Any,  # noqa: ANN401 - the fields of a Task
) -> int:
    """Turn PROMPT into a code base: a plan, a list of files, then each file.

    PROMPT is text, or the path of a .md or .txt file, or `-` for standard input.
    """
    from dataclasses import replace

    from smol_dev.cli.commands import PROMPTED
    from smol_dev.cli.prompt_text import read_prompt, refuse_lookalike

    if prompt is not None and PROMPTED in click.get_current_context().meta:
        refuse_lookalike(prompt)
    text = read_prompt(prompt, older_prompt)
    if output_dir is not None:
        flags = replace(flags, named={**flags.named, "run.output_dir": (output_dir, "--output")})
    if dry_run:
        from smol_dev.app.preview import preview
        from smol_dev.config.layers import Surroundings
        from smol_dev.config.load import load

        loaded = load(flags, Surroundings.here(), connect=False, model_needed=False)
        say(*loaded.warnings)
        click.echo(preview(text, loaded))
        return 0
    from smol_dev.app.build import Task
    from smol_dev.app.build import generate as run

    return report.run(lambda caller: run(Task(text, **options), flags, caller), review=review)

"""What the commands tell the user: on standard error, a line each, foreign text escaped."""

import click


def say(*lines: str) -> None:
    """Print the lines where talk goes."""
    from smol_dev.safe import safe

    for line in lines:
        click.echo(safe(line), err=True)

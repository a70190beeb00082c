"""The program: `smol_dev`, `smol-dev`, and `python -m smol_dev`."""

from smol_dev.app.interrupts import PROCESS


def main() -> None:
    """Run the command line of this process; a signal ends it quietly from here on."""
    PROCESS.watch()
    try:
        from smol_dev.cli import main as command_line  # noqa: PLC0415 - slow to import, so signals are watched first

        command_line()
    except KeyboardInterrupt:
        PROCESS.end()


if __name__ == "__main__":
    main()

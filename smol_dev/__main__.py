"""The program: `smol_dev`, `smol-dev`, and `python -m smol_dev`."""

from smol_dev.app.interrupts import PROCESS


def main() -> None:
    """Run the command line of this process; from here on a signal ends it quietly."""
    PROCESS.watch()
    try:
        from smol_dev.cli import main as command_line  # noqa: PLC0415 - it takes a while to load

        command_line()
    except KeyboardInterrupt:
        PROCESS.end()


if __name__ == "__main__":
    main()

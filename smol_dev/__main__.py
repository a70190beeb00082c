"""`python -m smol_dev` is the command line."""

from smol_dev.cli import main

main()

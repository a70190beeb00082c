"""smol_dev turns a prompt into a code base with a language model on the user's own machine."""

__version__ = "0.1.0"

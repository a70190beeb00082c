"""The syntax of a file, as far as the standard library can check it: Python, JSON, TOML."""


def check_syntax(path: str, content: str) -> str | None:
    """Return the first error as `line 3: what is wrong`, or None (also for types not checked)."""
    raise NotImplementedError

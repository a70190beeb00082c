"""Which files settings are read from, there or not."""

from collections.abc import Iterator

from smol_dev.config.environment import reserved, variables
from smol_dev.config.files import FILE_NAME, find_project
from smol_dev.config.layers import Flags, Surroundings, shipped, user_file


def places(flags: Flags, surroundings: Surroundings) -> Iterator[str]:
    """A line for each file, strongest first: its layer, its path, and whether it is there."""
    project = find_project(surroundings.cwd, surroundings.home)
    user, _ = user_file(flags, surroundings, reserved(variables(surroundings.environ), "config"))
    system = surroundings.site_config
    named = (
        ("project", project or surroundings.cwd / FILE_NAME),
        ("user", user),
        ("system", system / FILE_NAME if system else None),
    )
    for kind, path in named:
        left_out = " (left out)" if kind == "project" and not flags.project else ""
        absent = "" if path is None or path.exists() else " (not there)"
        yield f"{kind:<9}{path or '(no folder for it)'}{left_out or absent}"
    yield f"{'shipped':<9}{shipped().documents[0].path.parent}"

"""Which files settings are read from, there or not, and the schema they follow."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from smol_dev.config.environment import reserved, variables
from smol_dev.config.files import FILE_NAME, is_one_of
from smol_dev.config.layers import Flags, Surroundings, shipped, user_file

SCHEMA_FILE: Final = "smol.schema.json"


def schema_file() -> Path:
    """The JSON Schema of a settings file, which lies beside the shipped profiles."""
    return shipped().documents[0].path.with_name(SCHEMA_FILE)


def places(flags: Flags, surroundings: Surroundings) -> Iterator[str]:
    """A line for each file, strongest first: its layer, its path, and whether it is there."""
    here = surroundings.new_project_file()
    own = is_one_of(here, surroundings.own_files)
    project = surroundings.project_file() or (None if own else here)
    user, _ = user_file(flags, surroundings, reserved(variables(surroundings.environ), "config"))
    named = (
        ("project", project),
        ("user", user),
        *(("system", each / FILE_NAME) for each in surroundings.site_configs),
    )
    for kind, path in named:
        left_out = " (left out)" if kind == "project" and not flags.project else ""
        absent = "" if path is None or os.path.lexists(path) else " (not there)"
        yield f"{kind:<9}{path or '(none)'}{left_out or absent}"
    yield f"{'shipped':<9}{shipped().documents[0].path.parent}"

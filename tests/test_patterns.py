"""No pattern on what a server, a model or a project says takes more than linear time."""

import json
import subprocess
import sys
from typing import Final

REBUILT: Final = tuple(
    f"smol_dev.{name}"
    for name in ("checks.", "replies.answer", "replies.blocks", "replies.checks", "replies.wrapped")
)
"""Rooms that are being replaced; they come under this test when they stand."""


def test_no_pattern_takes_more_than_linear_time() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.growth", *REBUILT],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert json.loads(done.stdout) == []

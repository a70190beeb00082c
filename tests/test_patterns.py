"""No pattern on what a server, a model or a project says takes more than linear time."""

import json
import subprocess
import sys


def test_no_pattern_takes_more_than_linear_time() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.growth"], capture_output=True, text=True, timeout=600, check=True
    )
    assert json.loads(done.stdout) == []

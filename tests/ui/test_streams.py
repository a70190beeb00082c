import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from smol_dev.ui.plain import Talk

WRITE_TWICE = """
import sys
from smol_dev.ui.plain import Talk
talk = Talk(sys.stderr)
for _ in range(2):
    talk.write("words\\n" * 10_000)
    talk.flush()
print("the run goes on")
"""


def test_talk_is_written_through() -> None:
    stream = StringIO()
    talk = Talk(stream)
    talk.write("words")
    talk.flush()
    assert (stream.getvalue(), talk.encoding, talk.isatty()) == ("words", "utf-8", False)


@pytest.mark.parametrize("target", ["/dev/full", "a closed pipe"])
def test_a_broken_standard_error_does_not_stop_or_fail_the_run(target: str) -> None:
    if target.startswith("/") and not Path(target).exists():
        pytest.skip("/dev/full is Linux's")
    redirect = "2>/dev/full" if target.startswith("/") else "2> >(true)"
    run = subprocess.run(
        ["bash", "-c", f"\"{sys.executable}\" -c '{WRITE_TWICE}' {redirect}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "the run goes on\n")

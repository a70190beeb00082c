"""A whole run through a real LiteLLM proxy over two servers, one of which is killed in the middle.

`python -m benchmarks.gateway [FOLDER]` installs the proxy into FOLDER (else a temporary one), and runs the test of it,
which is skipped otherwise: the proxy takes about 600 MB and, on a slow line, minutes. The servers are real ones of
llama.cpp, from the development dependencies.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PROXY: Final = "litellm[proxy]"


def installed(folder: Path) -> Path:
    """The folder of the proxy's program, which is installed there unless it was before."""
    programs = folder / "bin"
    if not (programs / "litellm").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([programs / "pip", "install", "--quiet", PROXY], check=True)
    return programs


def checked(programs: Path) -> int:
    """The exit code of the test with this proxy."""
    search = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    test = [sys.executable, "-m", "pytest", "-n", "0", "-rs", "tests/test_proxy.py"]
    return subprocess.run(test, cwd=ROOT, env={**os.environ, "PATH": search}, check=False).returncode


def main() -> int:
    """Install and run; the exit code of the test."""
    if sys.argv[1:]:
        return checked(installed(Path(sys.argv[1]).resolve()))
    with tempfile.TemporaryDirectory() as folder:
        return checked(installed(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())

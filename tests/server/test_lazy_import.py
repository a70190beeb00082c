"""A lazily imported package is itself in the end, and nothing of it has run before that."""

import subprocess
import sys
from pathlib import Path

import pytest

from smol_dev.server.client import lazy_import

PACKAGE = {
    "large/__init__.py": "from . import inner\nfrom .leaf import LEAF\nRAN = True\n",
    "large/leaf.py": "LEAF = 1\n",
    "large/inner/__init__.py": "from .part import PART\n",
    "large/inner/part.py": "from .. import leaf\nPART = leaf.LEAF + 1\n",
}


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"large_{tmp_path.name.replace('-', '_')}"
    for path, code in PACKAGE.items():
        file = tmp_path / path.replace("large", name, 1)
        file.parent.mkdir(exist_ok=True)
        file.write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def loaded(package: str) -> list[str]:
    return sorted(name for name in sys.modules if name.startswith(f"{package}."))


def test_a_package_runs_when_a_name_of_it_is_asked_for(large: str) -> None:
    with lazy_import(large):
        module = __import__(large)
    before = loaded(large)
    assert module.LEAF == 1
    assert (before, module.RAN, module.inner.PART) == ([], True, 2)


def test_a_module_within_runs_without_its_package(large: str) -> None:
    with lazy_import(large):
        module = __import__(f"{large}.leaf")
    assert (loaded(large), module.leaf.LEAF) == ([f"{large}.leaf"], 1)


def test_a_name_that_is_not_there_is_missing(large: str) -> None:
    with lazy_import(large):
        module = __import__(large)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing


def test_what_is_imported_later_runs_at_once(large: str) -> None:
    with lazy_import("another"):
        pass
    assert __import__(large).__dict__["RAN"] is True


def test_the_client_library_is_loaded_without_what_no_request_needs() -> None:
    code = (
        "import smol_dev.server.client, sys\n"
        "print(*(name for name in sys.modules if name.startswith('openai.types.responses.')))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert len(result.stdout.split()) < 10

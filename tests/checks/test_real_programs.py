"""What others wrote and what works has no problem: the standard library, and what the tests are run with."""

import sysconfig
from pathlib import Path

import pytest

from smol_dev.checks import check
from smol_dev.checks.folder import read

LIBRARY = Path(sysconfig.get_path("stdlib"))
INSTALLED = Path(sysconfig.get_path("purelib"))


@pytest.mark.parametrize(
    "package",
    "asyncio collections concurrent curses dbm email html http importlib json logging"
    " multiprocessing re sqlite3 tomllib urllib wsgiref xml xmlrpc zoneinfo".split(),
)
def test_a_package_of_the_standard_library_has_no_problem(package: str) -> None:
    found = read(LIBRARY / package)
    assert found.files
    assert check(found.files, found.others) == ()


@pytest.mark.parametrize("package", ["click", "pyflakes", "iniconfig", "pluggy", "tomlkit"])
def test_an_installed_package_has_no_problem(package: str) -> None:
    found = read(INSTALLED / package)
    assert found.files
    assert check(found.files, found.others) == ()

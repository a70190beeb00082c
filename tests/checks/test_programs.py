"""Working programs have no problem, and each fault that is put into one is found."""

import pytest

from smol_dev.checks import check
from tests.checks.forms import FORMS
from tests.checks.programs import FAULTS, PROGRAMS


@pytest.mark.parametrize("files", [*PROGRAMS.values(), *FORMS.values()], ids=[*PROGRAMS, *FORMS])
def test_a_working_program_has_no_problem(files: dict[str, str]) -> None:
    assert check(files) == ()


@pytest.mark.parametrize(
    ("program", "path", "old", "new"),
    [fault[1:] for fault in FAULTS],
    ids=[f"{kind} in {program}: {new or old}" for kind, program, _, old, new in FAULTS],
)
def test_a_fault_in_a_working_program_is_found(program: str, path: str, old: str, new: str) -> None:
    files = PROGRAMS[program]
    assert files[path].count(old) == 1
    assert check({**files, path: files[path].replace(old, new)}) != ()

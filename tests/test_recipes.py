"""The recipes of CONTRIBUTING.md, followed in a copy of the checkout: each works, and half of one is caught."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_server import FakeServer
from tests.server.kinds_of_servers import Kind, models

ROOT = Path(__file__).parents[1]

SETTING = '''
    jokes: Annotated[float, Field(ge=0, le=10, json_schema_extra=STEER)] = 1.5
    """Longest joke of an answer, in lines."""

    prompt_variant: str ='''

FAMILY = """
[[family]]
name = "otter"
pattern = 'otter-?[0-9]'
plain = { temperature = 0.4, source = "https://example.org/otter" }
"""

SERVER = """
[[server]]
name = "Otter"
ports = [4321]
signs = { models = '"owned_by": ?"otter"' }
tells.window = [{ at = "models", find = "data[id=model].window" }]
[server.remedies]
context = "`otter serve --window WINDOW`"
"""

PROVIDER = """
    "otter": Provider("http://localhost:4321/v1", flag_prefix=True),
    "demo": Provider(),"""


class Checkout:
    """A copy of the checkout that a test may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        ignored = shutil.ignore_patterns(".*")
        for name in ("smol_dev", "profiles", "tests"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=ignored)
        for name in ("README.md", "smol.toml.example", "pyproject.toml"):
            shutil.copy(ROOT / name, self.folder)

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def append(self, file: str, text: str) -> None:
        with (self.folder / file).open("a", encoding="utf-8") as opened:
            opened.write(text)

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Python in the checkout, with a home of its own."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": f"{self.folder}/home", **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def smol_dev(self, *arguments: str, **environ: str) -> str:
        """What the program prints, which ends well."""
        done = self.run("-m", "smol_dev", *arguments, **environ)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def fails(self, test: str, *arguments: str) -> bool:
        """Whether a test of the checkout, `MODULE.NAME`, fails; one that cannot be run is an error."""
        module, _, name = test.rpartition(".")
        done = self.run("-c", f"from tests.{module} import {name}; {name}{arguments!r}")
        assert done.returncode == 0 or "\nAssertionError" in done.stderr, done.stderr
        return done.returncode != 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


HONOURED = "config.test_reference.test_every_setting_is_honoured"
CURRENT = "test_docs.test_generated_files_are_current"


def test_a_setting_is_a_field_and_a_place_that_honours_it(checkout: Checkout) -> None:
    checkout.replace("smol_dev/config/model.py", "\n    prompt_variant: str =", SETTING)
    assert checkout.fails(HONOURED)
    checkout.append("smol_dev/app/preview.py", "\n\ndef joke(profile: Profile) -> float:\n    return profile.jokes\n")
    assert not checkout.fails(HONOURED)

    assert checkout.smol_dev("config", "explain", "jokes", "-c", "jokes=2", SMOL_JOKES="3").splitlines() == [
        "* 2    flags (-c jokes=…)",
        "  3    environment (SMOL_JOKES)",
        "  1.5  defaults",
    ]
    bad = checkout.run("-m", "smol_dev", "config", "show", SMOL_CODE__JOKES="11")
    assert (bad.returncode, bad.stderr.splitlines()[0]) == (
        2,
        "error: SMOL_CODE__JOKES: code.jokes: must be a number from 0 to 10, got `11`",
    )
    (checkout.folder / "smol.toml").write_text("[profiles.local]\njokes = 4\n", encoding="utf-8")
    refused = checkout.run("-m", "smol_dev", "trust")
    assert "  profiles.local.jokes: not set → `4`\n" in refused.stderr


def test_what_is_generated_from_the_settings_is_written_anew(checkout: Checkout) -> None:
    checkout.replace("smol_dev/config/model.py", "\n    prompt_variant: str =", SETTING)
    assert checkout.fails(CURRENT)
    written = checkout.run("-m", "tests.reference").stdout.splitlines()
    assert sorted(written) == ["wrote README.md", "wrote profiles/smol.schema.json", "wrote smol.toml.example"]
    assert not checkout.fails(CURRENT)
    example = (checkout.folder / "smol.toml.example").read_text(encoding="utf-8")
    assert "# Longest joke of an answer, in lines.\njokes = 1.5\n" in example


def test_a_family_is_a_table_with_the_source_of_each_figure(checkout: Checkout) -> None:
    sources = "server.test_families.test_every_figure_has_its_source_and_is_one_that_can_be_sent"
    checkout.append("smol_dev/server/families.toml", FAMILY)
    assert not checkout.fails(sources)
    model = "model=hf.co/team/Otter-2-7B-GGUF:Q4"
    shown = checkout.smol_dev("config", "show", "--origin", "-p", "local-ollama", "-c", model)
    assert "auto: 0.4 from otter's family (source https://example.org/otter)" in shown
    checkout.replace("smol_dev/server/families.toml", ', source = "https://example.org/otter"', "")
    assert checkout.fails(sources)


FIRST_SERVER = '[[server]]\nname = "LM Studio"\n'
ANSWERS = 'Kind({"/v1/models": models("otter", "fish", window=5000)})'


def test_a_server_kind_is_a_table_and_what_it_answers(checkout: Checkout) -> None:
    answers = "server.test_known.test_what_each_known_server_answers_is_written_down"
    checkout.replace("smol_dev/server/known.toml", FIRST_SERVER, f"{SERVER}\n{FIRST_SERVER}")
    assert checkout.fails(answers)
    checkout.append("tests/server/kinds_of_servers.py", f'\nKINDS["Otter"] = ({ANSWERS}, "/v1")\n')
    assert not checkout.fails(answers)
    assert not checkout.fails("server.test_known.test_each_server_is_recognised_on_any_port", "Otter")
    with FakeServer(Kind({"/v1/models": models("otter", "fish", window=5000)})) as server:
        said = checkout.run("-m", "smol_dev", "doctor", "--api-base-url", f"{server.origin}/v1", "--model", "fish")
    assert (said.returncode, said.stderr) == (0, "")
    assert "ok      server             Otter answers and lists its models\n" in said.stdout
    assert "5,000 tokens" in said.stdout
    assert "`otter serve --window 16384`" in said.stdout


def test_a_provider_is_a_name_and_the_server_that_bears_it(checkout: Checkout) -> None:
    entries = "server.test_known.test_each_provider_that_names_a_server_has_its_entry"
    checkout.replace("smol_dev/config/endpoint.py", '"compatible", "demo"]', '"compatible", "otter", "demo"]')
    assert checkout.fails("server.test_known.test_every_provider_can_be_named")
    checkout.replace("smol_dev/config/endpoint.py", '\n    "demo": Provider(),', PROVIDER)
    assert not checkout.fails("server.test_known.test_every_provider_can_be_named")
    assert checkout.fails(entries, "otter")
    server = SERVER.replace('name = "Otter"', 'name = "Otter"\nprovider = "otter"')
    checkout.replace("smol_dev/server/known.toml", FIRST_SERVER, f"{server}\n{FIRST_SERVER}")
    assert not checkout.fails(entries, "otter")
    explained = checkout.smol_dev("config", "explain", "base_url", "-c", "provider=otter")
    assert explained.splitlines()[0].split(maxsplit=2)[:2] == ["*", "http://localhost:4321/v1"]

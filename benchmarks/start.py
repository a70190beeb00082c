"""Start-up: instructions of whole processes against bare programs, and when the first request leaves.

`python -m benchmarks.start`; under callgrind it takes ten minutes, `--quick` leaves the counts out.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.machine import about, child, fetch, instructions, run, table

ROUNDS: Final = 7
BARE: Final = "bare `OpenAI()` script"
OURS: Final = "`smol_dev PROMPT`"

CLICK: Final = """
import click

@click.group()
@click.version_option("1.0", prog_name="bare")
def program(): "A bare program."

@program.command()
@click.argument("prompt")
@click.option("--profile", "-p")
def generate(prompt, profile): "Generate."

@program.command()
def profiles(): "List."

program(prog_name="bare")
"""

FIELDS: Final = "".join(
    f"    key_{number}: {kind} = {default}\n"
    for number, (kind, default) in enumerate(
        [("str", "''"), ("int", "1"), ("float | None", "None"), ("bool", "True"), ("dict[str, str]", "{}")] * 6
    )
)
SETTINGS: Final = f"""
from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource

class Profile(BaseModel):
{FIELDS}
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="BARE_", toml_file=["a.toml", "b.toml", "c.toml"])
    default_profile: str = "mine"
    profiles: dict[str, Profile] = {{}}

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **_):
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

print(Settings().model_dump_json(indent=2))
"""

FIRST: Final = """
import sys
from openai import OpenAI
client = OpenAI(base_url=sys.argv[1], api_key="none")
messages = [{"role": "user", "content": "Write the plan."}]
for chunk in client.chat.completions.create(model="mock", messages=messages, stream=True):
    break
"""

TOML: Final = '[profiles.mine]\n{}model = "m"\nbase_url = "http://127.0.0.1:9/v1"\n'
COMPLETION: Final = {"_SMOL_DEV_COMPLETE": "bash_complete", "COMP_WORDS": "smol_dev --profile lo", "COMP_CWORD": "2"}


def counted(folder: Path) -> list[list[object]]:
    """Instructions of each program, and the ratio to the bare one that does the same."""
    for name, code in (("click", CLICK), ("settings", SETTINGS)):
        (folder / f"bare_{name}.py").write_text(code)
    for name in "abc":
        (folder / f"{name}.toml").write_text("[profiles.mine]\nkey_0 = 'x'\n")
    own = folder / ".config" / "smol" / "smol.toml"
    own.parent.mkdir(parents=True)
    own.write_text('default_profile = "mine"\n' + TOML.format('extends = "local-llamacpp"\n'))

    def count(*arguments: str, **variables: str) -> int:
        print(*arguments, file=sys.stderr)
        return instructions(arguments, folder, variables=variables)

    ours = ("-c", "from smol_dev.cli import main; main()")
    bare_version, bare_help = (count("bare_click.py", option) for option in ("--version", "--help"))
    bare_settings = count("bare_settings.py", BARE_DEFAULT_PROFILE="mine")
    programs: list[tuple[str, int, int]] = [
        ("`python -c pass`", count("-c", "pass"), 0),
        ("bare click program, `--version`", bare_version, 0),
        ("bare click program, `--help`", bare_help, 0),
        ("`smol_dev --version`", count(*ours, "--version"), bare_version),
        ("`smol_dev --help`", count(*ours, "--help"), bare_help),
        ("`smol_dev profiles list`", count(*ours, "profiles", "list"), bare_help),
        ("completion of `--profile`", count(*ours, **COMPLETION), bare_help),
        ("bare pydantic-settings program", bare_settings, 0),
        ("`smol_dev config show`", count(*ours, "config", "show", SMOL_TIMEOUT="30"), bare_settings),
    ]
    return [[name, f"{found / 1e6:,.0f}", f"{found / bare:.2f}" if bare else ""] for name, found, bare in programs]


def first_request(arguments: Sequence[str], origin: str, folder: Path) -> float:
    """Seconds from the start of a process to the first byte of its first chat request."""
    fetch(f"{origin}/reset")
    started = time.monotonic()
    run(arguments, folder)
    found: float = fetch(f"{origin}/stats")["first"]
    return found - started


def raced() -> list[list[object]]:
    """The first request of a bare script and of ours, in turn, so that both meet the same machine."""
    options = ("--rate=0", "--ttft=0", "--files=1", "--file-tokens=20")
    with child("benchmarks.mock_server", *options) as origin, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"{origin}/v1"
        command = ("-m", "smol_dev", "--quiet", "--llm-provider", "llamacpp", "--model", "mock")
        times: dict[str, list[float]] = {BARE: [], OURS: []}
        for turn in range(ROUNDS):
            bare = ("-c", FIRST, url)
            ours = (*command, "--base-url", url, "-o", f"{turn}", "x")
            times[BARE].append(first_request(bare, origin, folder))
            times[OURS].append(first_request(ours, origin, folder))
    base = median(times[BARE])
    return [
        [name, f"{min(found):.2f} s", f"{median(found):.2f} s", f"{median(found) / base:.2f}"]
        for name, found in times.items()
    ]


def main() -> None:
    """Print both tables."""
    print(about(), end="\n\n")
    print(table(("first request after", "least", "median", "ratio"), raced()), flush=True)
    if "--quick" not in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            head = ("program", "million instructions", "of the bare program's")
            print("\n" + table(head, counted(Path(folder))))


if __name__ == "__main__":
    main()

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from smol_dev.config.model import File, Profile, Prompts, Run, Stage, Table
from smol_dev.config.reference import (
    docstrings,
    example,
    kind,
    schema,
    settings_table,
    with_settings_table,
)

ROOT = Path(__file__).parents[2]
TABLES: list[type[Table]] = [File, Profile, Stage, Prompts, Run]


def uncommented(text: str) -> str:
    """The example with every setting that is only shown made a real one."""
    return re.sub(r"^# (?=[a-z_]+ = )", "", text, flags=re.MULTILINE)


def test_the_example_is_valid_as_it_stands() -> None:
    File.model_validate(tomllib.loads(example()))


def test_the_example_is_valid_with_everything_in_it_switched_on() -> None:
    settings = tomllib.loads(uncommented(example()))
    profile = settings["profiles"]["example"]
    assert set(profile) == set(Profile.model_fields)
    assert set(profile["plan"]) == set(Stage.model_fields)
    assert set(settings["prompts"]["example"]) == set(Prompts.model_fields)
    assert set(settings["run"]) == set(Run.model_fields)
    File.model_validate(settings)


@pytest.mark.parametrize("table", TABLES)
def test_every_key_has_its_documentation_in_the_example_and_the_readme(table: type[Table]) -> None:
    flat = " ".join(example().replace("\n# ", " ").split())
    assert list(docstrings(table)) == list(table.model_fields)
    for key, info in table.model_fields.items():
        if isinstance(info.default, Table) or key in {"profiles", "prompts"}:
            continue
        assert f" {docstrings(table)[key]} " in flat or table is Stage, key
        assert f"| `{key}` |" in settings_table(), key


def test_a_setting_stands_in_the_readme_with_bounds_default_and_trust() -> None:
    lines = settings_table().splitlines()
    assert (
        '| `top_p` | number above 0 to 1 or `auto` | `"auto"` | Nucleus sampling; a number is sent as it'
        " is. `auto` is the model's own, as for `temperature`, else 0.95, and undoes what a parent sets. | yes |"
    ) in lines
    assert [line.rsplit("|", 2)[1] for line in lines if line.startswith("| `api_key")] == (
        [" never "] * 4
    )


def test_only_the_table_between_its_marks_is_replaced() -> None:
    readme = "# a\n<!-- settings -->\nold\n<!-- /settings -->\n## b\n"
    assert with_settings_table(readme) == (
        f"# a\n<!-- settings -->\n{settings_table()}\n<!-- /settings -->\n## b\n"
    )


@pytest.mark.parametrize(
    ("node", "words"),
    [
        pytest.param(
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "number above 0 to 1"
        ),
        pytest.param({"enum": ["a", "b"], "type": "string"}, "`a` `b`"),
        pytest.param(
            {"anyOf": [{"type": "integer", "minimum": 512}, {"const": "auto"}]},
            "whole number from 512 or `auto`",
        ),
    ],
)
def test_the_values_of_a_setting_are_said_in_words(node: dict[str, Any], words: str) -> None:
    assert kind(node) == words


def test_the_schema_is_a_valid_schema_with_the_docstrings() -> None:
    document = schema()
    jsonschema.Draft7Validator.check_schema(document)
    for table in TABLES[1:]:
        described = document["$defs"][table.__name__]["properties"]
        assert docstrings(table) == {
            key: setting["description"] for key, setting in described.items()
        }


@pytest.mark.parametrize(
    "file",
    [ROOT / "smol.toml.example", *sorted((ROOT / "profiles").glob("*.toml"))],
    ids=lambda path: path.name,
)
def test_a_file_of_ours_matches_the_schema_that_its_first_line_names(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    first, _, _ = text.partition("\n")
    named = file.parent / first.removeprefix("#:schema ")
    document = json.loads(named.read_text(encoding="utf-8"))
    assert named.resolve() == ROOT / "profiles" / "smol.schema.json"
    jsonschema.Draft7Validator(document).validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("modle = 1", id="unknown key"),
        pytest.param("[profiles.a]\ntemperature = true", id="a boolean is no number"),
        pytest.param("[profiles.a]\ntemperature = 3", id="out of bounds"),
        pytest.param("[profiles.a]\nprovider = 'olama'", id="no such value"),
        pytest.param("[profiles.a.plan]\nbase_url = 'http://x/v1'", id="not for a stage"),
        pytest.param("[run]\nmax_files = 1.5", id="not a whole number"),
    ],
)
def test_the_schema_refuses_what_the_program_refuses(text: str) -> None:
    settings = tomllib.loads(text)
    assert not jsonschema.Draft7Validator(schema()).is_valid(settings)
    with pytest.raises(ValueError, match="validation error"):
        File.model_validate(settings)

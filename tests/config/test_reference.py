import ast
import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from smol_dev.config.layers import Flags
from smol_dev.config.load import check
from smol_dev.config.model import File, Profile, Prompts, Run, Stage, Table
from tests.config.world import World
from tests.reference import docstrings, example, schema, settings_table, with_settings_table

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


def test_every_setting_is_honoured() -> None:
    """Some module besides the model names it: as an attribute, or as a text."""
    unnamed = {key for table in TABLES for key in table.model_fields}
    for path in (ROOT / "smol_dev").rglob("*.py"):
        text = path.read_text("utf-8") if path.name != "model.py" else ""
        if any(key in text for key in unnamed):  # parsing all of them would take seconds
            unnamed -= names_in(ast.parse(text))
    assert unnamed == set()


def names_in(tree: ast.Module) -> set[str]:
    nodes = list(ast.walk(tree))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def test_a_setting_stands_in_the_readme_with_bounds_default_and_trust() -> None:
    lines = settings_table().splitlines()
    assert (
        '| `top_p` | a number above 0 and at most 1 or `auto` | `"auto"` | Nucleus sampling; a number is sent as it'
        " is. `auto` uses the model's own value, as for `temperature`, else 0.95, and undoes a parent's value. | yes |"
    ) in lines
    assert [line.rsplit("|", 2)[1] for line in lines if line.startswith("| `api_key")] == ([" never "] * 4)


def test_only_the_table_between_its_marks_is_replaced() -> None:
    readme = "# a\n<!-- settings -->\nold\n<!-- /settings -->\n## b\n"
    assert with_settings_table(readme) == (f"# a\n<!-- settings -->\n{settings_table()}\n<!-- /settings -->\n## b\n")


def test_the_schema_is_a_valid_schema_with_the_docstrings() -> None:
    document = schema()
    jsonschema.Draft7Validator.check_schema(document)
    for table in TABLES[1:]:
        described = document["$defs"][table.__name__]["properties"]
        assert docstrings(table) == {key: setting["description"] for key, setting in described.items()}


@pytest.mark.parametrize(
    "file", [ROOT / "smol.toml.example", *sorted((ROOT / "profiles").glob("*.toml"))], ids=lambda path: path.name
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


PROFILE = "[profiles.own]\n"
BOTH_ACCEPT = (
    'base_url = ""',
    'base_url = "http://127.0.0.1:1/v1"',
    'base_url = "HTTPS://a-b.example/openai/v1@2"',
    'base_url = "http://[::1]:8080/v1"',
    'api_key_env = ""',
    'api_key_env = "A_KEY1"',
    'api_key = " sk-x "\napi_key_env = ""',
    'api_key_command = ["pass", ""]',
    'headers = {X-Team = "blue and red", "x!#$%&\'*+.^_`|~" = "1"}',
    'extra_body = {model = "m", top_k = 40, stop = ["a"]}',
    "seed = -1\nmax_output_tokens = 1",
)
BOTH_REFUSE = (
    'base_url = "localhost:11434"',
    'base_url = "ftp://a/v1"',
    'base_url = "http://a/v1?x=1"',
    'base_url = "http://a/v1#x"',
    'base_url = "http://me:secret@a/v1"',
    'base_url = "http://a b/v1"',
    'base_url = "http://a\\\\v1"',
    'base_url = "http://ä.example/v1"',
    'base_url = "http://"',
    'api_key_env = "sk-123"',
    'api_key = ""',
    'api_key = "a b"',
    'api_key = "ä"',
    "api_key_command = []",
    'api_key_command = ["", "x"]',
    'headers = {"a b" = "1"}',
    'headers = {"" = "1"}',
    'headers = {a = "ä"}',
    'headers = {a = " "}',
    'headers = {a = "x\\ny"}',
    'api_key_env = "A"\napi_key_file = "b"',
    'api_key_env = "A"\napi_key = "b"',
    'api_key_file = "A"\napi_key_command = ["b"]',
    "seed = 9223372036854775808",
    "context_window = 511",
    "extra_body.model = 5",
    "code.extra_body.model = 5",
    "temprature = 1",
)
TOPS_REFUSED = (
    '[profiles.""]',
    '[prompts.""]',
    "[prompts.small]",
    "[prompts.auto]",
    "[prompts.default]",
    '[profiles."a\\u0000b"]\nseed = 1',
)
ONLY_CHECK_REFUSES = {
    "a profile that is not there": 'extends = "nope"',
    "a prompt variant that is not there": 'prompt_variant = "nope"',
    "an address nobody can connect to": 'base_url = "http://0.0.0.0:1/v1"',
    "a number that no address is": 'base_url = "http://1.2.3/v1"',
    "a port there is not": 'base_url = "http://a.example:99999/v1"',
    "a date in the body": "extra_body = {x = 2024-01-01}",
    "a number without end": "extra_body = {x = inf}",
    "a number of more than 64 bits": "extra_body = {x = 18446744073709551616}",
    "a Windows path with escapes": 'api_key_file = "C:\\temp"',
    "an address elsewhere for a local profile": 'local_only = true\nbase_url = "https://1.1.1.1/v1"',
}
"""What a schema, which sees one value at a time and no other file, cannot say."""


def refused_by(world: World, text: str) -> tuple[bool, bool]:
    """Whether `config check` refuses a file with the text, and whether the JSON Schema does."""
    world.write(user=text)
    found = check(Flags(), world.surroundings, file=world.user_file)
    validator = jsonschema.Draft7Validator(schema())
    return bool(found), not validator.is_valid(tomllib.loads(text))


@pytest.mark.parametrize("text", BOTH_ACCEPT)
def test_check_and_schema_accept_the_same(world: World, text: str) -> None:
    assert refused_by(world, PROFILE + text) == (False, False)


@pytest.mark.parametrize("text", [*(PROFILE + each for each in BOTH_REFUSE), *TOPS_REFUSED])
def test_check_and_schema_refuse_the_same(world: World, text: str) -> None:
    assert refused_by(world, text) == (True, True)


@pytest.mark.parametrize("text", ONLY_CHECK_REFUSES.values(), ids=ONLY_CHECK_REFUSES)
def test_what_the_schema_cannot_say_the_check_does(world: World, text: str) -> None:
    assert refused_by(world, PROFILE + text) == (True, False)

"""The reference of all settings, generated from `config.model`.

`python -m tests.reference` rewrites `smol.toml.example`, the table in `README.md` and `profiles/smol.schema.json`.
"""

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from smol_dev.config.change import rendered
from smol_dev.config.layers import KEY_SOURCES, SCHEMA_FILE, Key
from smol_dev.config.model import File, Profile, Prompts, Run, Stage, Table, Tuning, expected, trust_of
from smol_dev.config.validate import HEADER_NAME, VARIABLE_NAME
from smol_dev.config.variants import built_in

SCHEMA_LINE: Final = "#:schema "
BEGIN: Final = "<!-- settings -->"
END: Final = "<!-- /settings -->"

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
"""The newest draft that the TOML plugins of editors understand."""

NOT_EMPTY: Final = {"minLength": 1, "minItems": 1}
VISIBLE: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
PATH: Final = r'(/[!"$->@-\[\]-~]*)?'

PROFILE_RULES: Final[Mapping[str, Mapping[str, Any]]] = {
    "base_url": {"pattern": rf"^$|^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9_.:\[\]-]+{PATH}$"},
    "api_key_env": {"pattern": f"^$|^{VARIABLE_NAME.pattern}$"},
    "api_key": {"pattern": r"^\s*[!-~]+\s*$"},
    "api_key_command": {
        "minItems": 1,
        "items": [{"type": "string", "minLength": 1}],
        "additionalItems": {"type": "string"},
    },
    "headers": {
        "propertyNames": {"pattern": f"^{HEADER_NAME.pattern}$"},
        "additionalProperties": {"type": "string", "pattern": r"^\s*[!-~]([ -~]*[!-~])?\s*$"},
    },
}
"""Rules of a profile beyond types and bounds, as far as a JSON Schema can express them."""

TRUST: Final[Mapping[str, str]] = {
    "tune": "yes",
    "steer": "once approved",
    "steer-when-false": "`true`; `false` once approved",
    "never": "never",
}

EXAMPLE_HEAD: Final = """\
# Every setting with its default. A line that begins with `# ` and holds a setting shows one that has
# no default. Copy what you need to ~/.config/smol/smol.toml (yours) or ./smol.toml (a project's).
# Written by `python -m tests.reference`; `smol_dev config check FILE` checks a copy.
"""

EXAMPLE_TABLES: Final[tuple[tuple[str, type[Table]], ...]] = (
    ("", File),
    ("profiles.example", Profile),
    ("profiles.example.plan", Stage),
    ("profiles.example.files", Stage),
    ("profiles.example.code", Stage),
    ("profiles.example.fix", Stage),
    ("prompts.example", Prompts),
    ("run", Run),
)

README_TABLES: Final[tuple[tuple[str, Key, type[Table], type[Table]], ...]] = (
    ("Top of the file", (), File, Table),
    (
        "`[profiles.NAME]`, and `[profiles.NAME.plan]`, `.files`, `.code`, `.fix` for one stage",
        ("profiles", "NAME"),
        Tuning,
        Table,
    ),
    ("`[profiles.NAME]` only", ("profiles", "NAME"), Profile, Tuning),
    ("`[run]`", ("run",), Run, Table),
    ("`[prompts.NAME]`", ("prompts", "NAME"), Prompts, Table),
)
"""The title, key and class of each table in the README, and the class whose keys an earlier table lists."""


class Setting(NamedTuple):
    """One key of a table, with its documentation and field."""

    name: str
    doc: str
    info: FieldInfo

    @property
    def has_default(self) -> bool:
        """Whether the key has a default that means something."""
        return self.info.default not in (None, "", [], {}, PydanticUndefined)

    def line(self) -> str:
        """Return the key as a line of TOML, set to its default or else to an example value."""
        examples = None if self.has_default else self.info.examples
        return f"{self.name} = {rendered(examples[0] if examples else self.info.default)}\n"

    def row(self, table: Key) -> str:
        """Return the key as a row of the README's table for this TOML table."""
        default = f"`{rendered(self.info.default)}`" if self.has_default else ""
        trust = TRUST[trust_of((*table, self.name))]
        return f"| `{self.name}` | {expected(self.info)} | {default} | {self.doc} | {trust} |"


def settings_of(table: type[Table], *, parent: type[Table] = Table) -> Iterator[Setting]:
    """Yield the keys of a table in order, without those of `parent` and those that are themselves a `Table`."""
    docs = docstrings(table)
    for name, info in table.model_fields.items():
        classes = (info.annotation, *get_args(info.annotation))
        is_table = any(isinstance(each, type) and issubclass(each, Table) for each in classes)
        if name not in parent.model_fields and not is_table:
            yield Setting(name, docs[name], info)


@cache
def docstrings(table: type[Table]) -> Mapping[str, str]:
    """Return the docstring under each key of a table, keys of its base classes first."""
    found: dict[str, str] = {}
    for each in reversed(table.__mro__[: table.__mro__.index(Table)]):
        body = ast.parse(inspect.getsource(each)).body[0]
        lines = body.body if isinstance(body, ast.ClassDef) else []
        for setting, doc in pairwise(lines):
            match setting, doc:
                case (ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text)))):
                    found[name] = inspect.cleandoc(text)
    return found


def example() -> str:
    """Return the text of `smol.toml.example`."""
    parts = [f"{SCHEMA_LINE}./profiles/{SCHEMA_FILE}\n{EXAMPLE_HEAD}"]
    for header, table in EXAMPLE_TABLES:
        title = f"{comment(table.__doc__ or '')}[{header}]\n" if header else ""
        settings = settings_of(table)
        if table is Stage:
            parts.append(title + "".join(f"# {each.line()}" for each in settings))
        else:
            lines = (f"{comment(each.doc)}{'' if each.has_default else '# '}{each.line()}" for each in settings)
            parts.append("\n".join([title, *lines]).lstrip("\n"))
    return "\n".join(parts)


def comment(text: str) -> str:
    """Return the text as wrapped comment lines."""
    lines = textwrap.wrap(text, 96, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def settings_table() -> str:
    """Return the README's tables of settings."""
    head = "| key | value | default | meaning | in a project's file |\n|---|---|---|---|---|"
    return "\n\n".join(
        "\n".join([f"**{title}**\n", head, *(each.row(key) for each in settings_of(table, parent=parent))])
        for title, key, table, parent in README_TABLES
    )


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a `smol.toml`."""
    document = clean(File.model_json_schema())
    for table in (File, Profile, Stage, Run, Prompts):
        described = document if table is File else document["$defs"][table.__name__]
        for key, doc in docstrings(table).items():
            described["properties"][key]["description"] = doc
    for setting in document["$defs"]["Stage"]["properties"].values():
        setting.pop("default", None)
    for name in ("profiles", "prompts"):
        document["properties"][name]["propertyNames"] = {"minLength": 1, "pattern": VISIBLE}
    document["properties"]["prompts"]["propertyNames"]["not"] = {"enum": list(built_in())}
    for key, rule in PROFILE_RULES.items():
        document["$defs"]["Profile"]["properties"][key] |= rule
    for name in ("Profile", "Stage"):
        fields = document["$defs"][name]["properties"]["extra_body"]
        fields["properties"] = {"model": {"type": "string"}}
    document["$defs"]["Profile"]["allOf"] = [
        {"not": {"required": list(pair), "properties": dict.fromkeys(pair, NOT_EMPTY)}}
        for pair in combinations(KEY_SOURCES, 2)
    ]
    return {"$schema": DRAFT, "title": "smol.toml", **document}


def clean(node: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Return the schema without null, which TOML lacks, and without `trust`, titles and table defaults."""
    if isinstance(node, list):
        return [clean(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: value
        for key, value in node.items()
        if not (key in {"title", "trust"} and isinstance(value, str))
        and not (key == "default" and (value is None or isinstance(value, dict)))
    }
    choices = [choice for choice in kept.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        kept |= choices[0]
    elif choices:
        kept["anyOf"] = choices
    return {key: clean(value) for key, value in kept.items()}


def schema_text() -> str:
    """Return the text of the JSON Schema file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def with_settings_table(readme: str) -> str:
    """Return the README with its tables of settings regenerated."""
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _found: f"{BEGIN}\n{settings_table()}\n{END}", readme)


def outdated(root: Path) -> dict[Path, str]:
    """Return the generated files of a checkout that are out of date, each with its new text."""
    readme = root / "README.md"
    wanted = {
        root / "smol.toml.example": example(),
        root / "profiles" / SCHEMA_FILE: schema_text(),
        readme: with_settings_table(readme.read_text(encoding="utf-8")),
    }
    return {
        path: text for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def main() -> None:
    """Rewrite the files that are out of date, and print their names."""
    root = Path(__file__).parents[1]
    for path, text in outdated(root).items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(root)}\n")


if __name__ == "__main__":
    main()

"""The rules of `failures.toml`: by which words and status an answer is classified."""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from smol_dev.server.bodies import Said
from smol_dev.server.kinds import Kind

FIELD: Final = r"""['"`\[]{0,2}(?P<found>[a-z_][a-z0-9_]{2,40})(\.[a-z0-9_]{1,40}){0,8}\b"""
NUMBER: Final = r"(?P<found>\d{1,9})"
ANY_FIELD: Final = "*"
"""The `field` of the rule that holds when the words name a field that is refused."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A sign of a failure; the head of `failures.toml` explains the fields."""

    name: str
    kind: Kind
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None
    statuses: frozenset[int]
    model: re.Pattern[str]
    field: str
    hint: str
    transient: bool

    def fits(self, said: Said, status: int, model: str) -> bool:
        """Whether the answer bears this sign."""
        return (
            (not self.statuses or status in self.statuses)
            and self.model.search(model) is not None
            and self.pattern.search(said.text) is not None
            and (self.unless is None or self.unless.search(said.text) is None)
            and (self.field != ANY_FIELD or refused_field(said) != "")
        )


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """The whole of `failures.toml`."""
    file = Path(__file__).with_name("failures.toml")
    return tomllib.loads(file.read_text("utf-8"))


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """The rules, in the order in which they are tried."""
    return tuple(_rule(each) for each in table()["rule"])


def _rule(entry: dict[str, Any]) -> Rule:
    unless = entry.get("unless")
    return Rule(
        name=entry["name"],
        kind=cast("Kind", entry["kind"]),
        pattern=any_of(entry.get("any", [""])),
        unless=re.compile(unless) if unless else None,
        statuses=frozenset(entry.get("statuses", ())),
        model=re.compile(entry.get("model", "")),
        field=entry.get("field", ""),
        hint=entry.get("hint", ""),
        transient=entry.get("transient", False),
    )


def any_of(patterns: list[str]) -> re.Pattern[str]:
    """One pattern for all, the words that stand for others put in."""
    return re.compile("|".join(f"(?:{_complete(each)})" for each in patterns))


def _complete(pattern: str) -> str:
    for name, words in table()["words"].items():
        pattern = pattern.replace(f"<{name}>", words)
    return pattern


def refused_field(said: Said) -> str:
    """The field of the request that the words refuse, without what lies in it; empty if none."""
    fields = table()["fields"]
    names = [match for pattern in _finders("fields", "named") for match in _all(pattern, said.text)]
    if said.parameter and re.search(fields["refusing"], said.text):
        names.insert(0, said.parameter.lower().partition(".")[0])
    return next((each for each in names if each not in fields["essential"] and each.isidentifier()), "")


def number(what: str, said: Said) -> int | None:
    """The tokens of the `prompt` or the `window` that the words tell, None where they do not."""
    found = (int(each) for pattern in _finders("numbers", what) for each in _all(pattern, said.text))
    return next(found, None)


@lru_cache(maxsize=8)
def _finders(part: str, name: str) -> tuple[re.Pattern[str], ...]:
    patterns = table()[part][name]
    return tuple(re.compile(each.replace("<field>", FIELD).replace("<number>", NUMBER)) for each in patterns)


def _all(pattern: re.Pattern[str], text: str) -> list[str]:
    return [match.group("found") for match in pattern.finditer(text)]

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.config.files import ItemKey, positions

DOCUMENT = '''\
# [profiles.comment]
default_profile = "a" # = "b"

[profiles.work]
  base_url = "http://[::1]:80/v1" # x = 1
extra_body.top_k = 40
extra_body . "dotted.name" = { a = 1, "b" = [ 2, { c = 3 } ] }
api_key_command = [ "x", # ]
  '}',
]

[ profiles . "my work" . code ]
model = """a
[not.a.table]
model = 'b' \\""""""
seed = 1

[[list]]
a = 1979-05-27 07:32:00
[[list]]
a = 2
[list.sub]
b = \'\'\'x
]\'\'\'
'''


def places(text: str) -> dict[ItemKey, tuple[int, int]]:
    return {path: (place.line, place.column) for path, place in positions(text).items()}


def test_each_key_is_found_where_it_is_first_mentioned() -> None:
    assert places(DOCUMENT) == {
        ("default_profile",): (2, 1),
        ("profiles",): (4, 2),
        ("profiles", "work"): (4, 11),
        ("profiles", "work", "base_url"): (5, 3),
        ("profiles", "work", "extra_body"): (6, 1),
        ("profiles", "work", "extra_body", "top_k"): (6, 12),
        ("profiles", "work", "extra_body", "dotted.name"): (7, 14),
        ("profiles", "work", "extra_body", "dotted.name", "a"): (7, 32),
        ("profiles", "work", "extra_body", "dotted.name", "b"): (7, 39),
        ("profiles", "work", "extra_body", "dotted.name", "b", 0): (7, 47),
        ("profiles", "work", "extra_body", "dotted.name", "b", 1): (7, 50),
        ("profiles", "work", "extra_body", "dotted.name", "b", 1, "c"): (7, 52),
        ("profiles", "work", "api_key_command"): (8, 1),
        ("profiles", "work", "api_key_command", 0): (8, 21),
        ("profiles", "work", "api_key_command", 1): (9, 3),
        ("profiles", "my work"): (12, 14),
        ("profiles", "my work", "code"): (12, 26),
        ("profiles", "my work", "code", "model"): (13, 1),
        ("profiles", "my work", "code", "seed"): (16, 1),
        ("list",): (18, 3),
        ("list", 0): (18, 3),
        ("list", 0, "a"): (19, 1),
        ("list", 1): (20, 3),
        ("list", 1, "a"): (21, 1),
        ("list", 1, "sub"): (22, 7),
        ("list", 1, "sub", "b"): (23, 1),
    }


def test_a_value_is_delimited() -> None:
    text = 'a = 1\nb = """x\n$y"""\n'
    place = positions(text)["b",]
    assert text[place.start : place.end] == '"""x\n$y"""'


@pytest.mark.parametrize("text", ["a = 1\r\nb = 2\r\n", "a = 1\n\nb = 2"])
def test_lines_are_counted_the_same_with_either_line_ending(text: str) -> None:
    assert places(text)["b",] == (text.count("\n", 0, text.index("b")) + 1, 1)


def paths_in(value: object, path: ItemKey = ()) -> Iterator[ItemKey]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths_in(inner, (*path, key))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
scalars = st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | texts | st.dates()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=12
)


@settings(deadline=None, max_examples=70)
@given(st.dictionaries(texts, values, max_size=4), st.booleans())
def test_exactly_the_keys_that_tomllib_sees_have_a_position(
    document: dict[str, Any],
    multiline: bool,  # noqa: FBT001 - hypothesis passes by position
) -> None:
    text = tomli_w.dumps(document, multiline_strings=multiline)
    assert set(positions(text)) == set(paths_in(tomllib.loads(text)))

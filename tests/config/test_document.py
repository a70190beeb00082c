import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.config.change import renamed, with_table, with_value, without
from smol_dev.config.layers import Key
from smol_dev.config.problems import typed
from smol_dev.errors import ConfigError

FILE = """\
#:schema smol.schema.json
# my settings
default_profile = "work"  # the usual

# the office server
[profiles.work]
model = "x"   # the model
# temperature = 0.1

# said below the table

  [profiles.work.plan]
  model = "p"

# limits
[run]
max_files = 3
"""


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        pytest.param(
            ("profiles", "work", "model"),
            'qwen "3"',
            'model = "x"   # the model',
            'model = "qwen \\"3\\""   # the model',
            id="in place, its comment kept",
        ),
        pytest.param(
            ("profiles", "work", "timeout"),
            30,
            "# temperature = 0.1",
            "timeout = 30\n# temperature = 0.1",
            id="after the last key of its table",
        ),
        pytest.param(
            ("profiles", "work", "plan", "extra_body"),
            {"top_k": 40, "stop": ["a", {"b": True}]},
            '  model = "p"',
            '  model = "p"\n  extra_body = {top_k = 40, stop = ["a", {b = true}]}',
            id="indented like its table, a table inline",
        ),
        pytest.param(
            ("profiles", "work", "code", "model"),
            "z",
            '  model = "p"\n',
            '  model = "p"\n\n[profiles.work.code]\nmodel = "z"\n',
            id="a new stage stands by its profile",
        ),
        pytest.param(
            ("profiles", "at home", "model"),
            "z",
            "max_files = 3\n",
            'max_files = 3\n\n[profiles."at home"]\nmodel = "z"\n',
            id="a new profile stands last, its name quoted",
        ),
    ],
)
def test_a_set_value_changes_its_own_lines_alone(key: Key, value: object, old: str, new: str) -> None:
    assert with_value(FILE, key, value) == FILE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        pytest.param("", ("default_profile",), 'default_profile = "v"\n', id="empty file"),
        pytest.param("# hi\n", ("default_profile",), '# hi\n\ndefault_profile = "v"\n', id="only a comment"),
        pytest.param(
            "# hi\n[run]\nmax_files = 2\n",
            ("default_profile",),
            'default_profile = "v"\n\n# hi\n[run]\nmax_files = 2\n',
            id="before the first table and its comment",
        ),
        pytest.param(
            "[run]\nmax_files = 2",
            ("run", "output_dir"),
            '[run]\nmax_files = 2\noutput_dir = "v"',
            id="no newline at the end",
        ),
        pytest.param("[run]\nseed = 2  # or 3\n", ("run", "seed"), '[run]\nseed = "v"  # or 3\n', id="comment"),
        pytest.param(
            'profiles = {a = {model = "x"}}\n',
            ("profiles", "a", "model"),
            'profiles = {a = {model = "v"}}\n',
            id="inline table",
        ),
        pytest.param(
            'profiles = {a = {model = "x"}}\n',
            ("profiles", "b", "model"),
            'profiles = {a = {model = "x"},b = {model = "v"}}\n',
            id="new in an inline table",
        ),
        pytest.param(
            '[profiles.a]\nplan.model = "x"\nmodel = "y"\n',
            ("profiles", "a", "plan", "prompt_variant"),
            '[profiles.a]\nplan.model = "x"\nplan.prompt_variant = "v"\nmodel = "y"\n',
            id="dotted keys",
        ),
        pytest.param(
            '[profiles.a]\ndescription = """\n[run]\n# """\n[run]\nmax_files = 2\n',
            ("profiles", "a", "model"),
            '[profiles.a]\ndescription = """\n[run]\n# """\nmodel = "v"\n[run]\nmax_files = 2\n',
            id="a string that looks like a header and ends like a comment",
        ),
        pytest.param(
            "[profiles.a]\n[run]\nmax_files = 2\n[profiles.b]\n",
            ("profiles", "a", "model"),
            '[profiles.a]\nmodel = "v"\n[run]\nmax_files = 2\n[profiles.b]\n',
            id="tables out of order",
        ),
    ],
)
def test_a_file_of_any_shape_takes_a_value(text: str, key: Key, expected: str) -> None:
    assert with_value(text, key, "v") == expected


@pytest.mark.parametrize(
    ("key", "removed"),
    [
        pytest.param(("profiles", "work", "model"), 'model = "x"   # the model\n', id="key"),
        pytest.param(("default_profile",), 'default_profile = "work"  # the usual\n', id="top"),
        pytest.param(("profiles", "work", "plan"), '  [profiles.work.plan]\n  model = "p"\n\n', id="table"),
        pytest.param(("run",), "\n# limits\n[run]\nmax_files = 3\n", id="last table"),
    ],
)
def test_a_removed_key_takes_only_its_own_lines(key: Key, removed: str) -> None:
    assert without(FILE, key) == FILE.replace(removed, "")


def test_a_removed_profile_takes_its_stages_and_its_own_comments() -> None:
    assert without(FILE, ("profiles", "work")) == (
        "#:schema smol.schema.json\n"
        "# my settings\n"
        'default_profile = "work"  # the usual\n'
        "\n"
        "# said below the table\n"
        "\n"
        "# limits\n"
        "[run]\n"
        "max_files = 3\n"
    )


def test_an_inline_profile_can_be_removed() -> None:
    text = 'profiles = {a = {model = "x"}, b = {}}\n'
    assert without(text, ("profiles", "a")) == "profiles = { b = {}}\n"


def test_a_renamed_profile_is_renamed_in_every_header() -> None:
    assert renamed(FILE, ("profiles", "work"), "at home") == FILE.replace("[profiles.work", '[profiles."at home"')


def test_a_name_that_looks_like_the_end_of_a_header_is_replaced_whole() -> None:
    text = '[profiles."a]#b" ] # c\nmodel = "x"\n[ profiles . "a]#b" . plan ]\n'
    assert renamed(text, ("profiles", "a]#b"), "n") == '[profiles.n] # c\nmodel = "x"\n[profiles.n.plan]\n'


def test_a_new_table_stands_last_with_its_stages() -> None:
    values = {"model": "m", "plan": {"seed": 1}, "extends": "work"}
    assert with_table(FILE, ("profiles", "new"), values) == (
        FILE + '\n[profiles.new]\nmodel = "m"\nextends = "work"\n\n[profiles.new.plan]\nseed = 1\n'
    )


def test_what_cannot_be_changed_alone_is_refused() -> None:
    text = 'profiles = {a = {model = "x"}}\n'
    with pytest.raises(ConfigError) as raised:
        renamed(text, ("profiles", "a"), "b")
    assert raised.value.message == (
        "`profiles.a` is written in a way that cannot be changed without touching the rest of the file"
    )
    assert raised.value.hint == "change it by hand: `smol_dev config edit`"


NAMES = st.sampled_from(["a", "b c", "ü"])
NEW_KEYS = st.one_of(
    st.tuples(st.just("run"), st.sampled_from(["max_files", "output_dir"])),
    st.tuples(st.just("profiles"), NAMES, st.sampled_from(["seed", "base_url"])),
    st.tuples(st.just("profiles"), NAMES, st.sampled_from(["plan", "code"]), st.just("top_p")),
)
BLOCKS = st.sampled_from(
    [
        "# a comment\n",
        "\n",
        "[profiles.a]\nmodel = 'x' # [y]\n",
        "[profiles.a.plan]\n",
        '[profiles."b c"]\ndescription = """\n[run]\n# """\n# after\n',
        "[ profiles . 'ü' ] # header\nextra_body = [\n[1],\n [2]\n]\n",
        "[run]\n  syntax_check = true\n\n",
        "[prompts.house]\ncode = '''\n\n[profiles.a]\n'''\n",
    ]
)


@settings(deadline=None, max_examples=70)
@given(st.lists(BLOCKS, unique=True), NEW_KEYS, st.sampled_from([1, "v", [1, 2]]))
def test_setting_and_unsetting_leaves_every_other_line(blocks: list[str], key: Key, value: object) -> None:
    text = "".join(blocks)
    changed = with_value(text, key, value)
    restored = without(changed, key)
    lines = iter(restored.split("\n"))
    assert all(line in lines for line in text.rstrip("\n").split("\n"))
    extra = [line for line in restored.split("\n") if line and line not in text]
    assert extra in ([], [f"[{typed(key[:-1])}]"])
    before = tomllib.loads(text)
    after = tomllib.loads(changed)
    for part in key[:-1]:
        after = after[part]
        before = before.get(part, {})
    assert after == {**before, key[-1]: value}

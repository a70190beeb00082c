import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.safe import safe, safe_name


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        pytest.param("src/app.py", "src/app.py", id="plain text"),
        pytest.param("\x1b[2J", "^[[2J", id="escape sequence"),
        pytest.param("a\nb\tc\r", "a^Jb^Ic^M", id="line feed, tab, carriage return"),
        pytest.param("\x00\x7f", "^@^?", id="null and delete"),
        pytest.param("\x9b31m", "\\x9b31m", id="C1 control"),
        pytest.param("\u202etxt.exe", "\\u202etxt.exe", id="right-to-left override"),
        pytest.param("a\u200bb\ufeff\xad", "a\\u200bb\\ufeff\\xad", id="zero width, soft hyphen"),
        pytest.param("a\u2028b\u2029", "a\\u2028b\\u2029", id="line and paragraph separator"),
        pytest.param("\udc80", "\\udc80", id="half of a surrogate pair"),
        pytest.param("\ue000\U000f0000", "\\ue000\\U000f0000", id="private use"),
        pytest.param("\U000e0041\U000e0100", "\\U000e0041\\U000e0100", id="tags and selectors"),
        pytest.param("\u3164\u034f", "\\u3164\\u034f", id="letters without a picture"),
        pytest.param("naïve 日本語　👍 a\xa0b", "naïve 日本語　👍 a\xa0b", id="other scripts"),
        pytest.param("[red]bold[/]", "[red]bold[/]", id="markup is text"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped_visibly(foreign: str, shown: str) -> None:
    assert safe(foreign) == shown


def test_text_of_several_lines_keeps_line_feeds_and_tabs_only() -> None:
    assert safe("a\n\tb\r\x0b\x1b", keep_newlines=True) == "a\n\tb^M^K^["


@given(st.text(), st.booleans())
@settings(deadline=None, max_examples=80)
def test_again_changes_nothing_and_nothing_raw_is_left(text: str, keep: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    once = safe(text, keep_newlines=keep)
    assert safe(once, keep_newlines=keep) == once
    kept = {"\n", "\t"} if keep else set()
    assert {unicodedata.category(c)[0] for c in set(once) - kept} <= set("LMNPSZ")
    assert not {"\u2028", "\u2029"} & set(once)
    assert len(once) >= len(text)


def test_a_long_name_is_cut() -> None:
    assert safe_name("m" * 200) == "m" * 200
    assert safe_name("m" * 5000 + "\x1b") == "m" * 199 + "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        ("\U0001f469\U0001f3fd\u200d\U0001f4bb", "\U0001f469\U0001f3fd\u200d\U0001f4bb"),
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525"),
        ("a\u200db", "a\\u200db"),
        ("\U0001f469\u200d", "\U0001f469\\u200d"),
        ("\u200d\U0001f4bb", "\\u200d\U0001f4bb"),
        ("\U0001f469\u200d\u200d\U0001f4bb", "\U0001f469\\u200d\\u200d\U0001f4bb"),
    ],
)
def test_emoji_that_are_joined_are_shown_as_one(text: str, shown: str) -> None:
    assert (safe(text), safe(shown)) == (shown, shown)

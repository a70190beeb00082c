from smol_dev.config.change import Section, sections

TEXT = """\
#:schema x
[run]
max_files = 2

# about a
# and b
  [ profiles . "a b" ] # header
description = \'\'\'
[run]
\'\'\'
extra_body = {k = [
  [1],
]}
# not set: x

[[odd]]
"""


def test_each_section_has_its_comments_above_and_its_settings_below() -> None:
    assert sections(TEXT) == [
        Section((), start=0, header=-1, last=-1, end=1),
        Section(("run",), start=1, header=1, last=2, end=4),
        Section(("profiles", "a b"), start=4, header=6, last=12, end=15),
        Section(("odd",), start=15, header=15, last=15, end=17),
    ]


def test_an_empty_text_is_one_empty_section() -> None:
    assert sections("") == [Section((), start=0, header=-1, last=-1, end=1)]

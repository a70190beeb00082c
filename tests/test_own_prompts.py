"""An own `[prompts.NAME]` in the requests that leave."""

import pytest

from smol_dev.prompts import shipped
from tests.room import Room

CODE = 'code = "Write the file well.\\n$prompt\\n$path"'


def asked(room: Room) -> list[str]:
    """What the user's turns of each request say."""
    return [
        "\n".join(turn["content"] for turn in chat.json()["messages"] if turn["role"] != "assistant")
        for chat in room.good.chats
    ]


@pytest.mark.parametrize(
    ("table", "extended", "has_system"),
    [
        pytest.param(CODE, "default", True, id="one key"),
        pytest.param(f'extends = "small"\n{CODE}', "small", True, id="one key of small"),
        pytest.param(f'plan = ""\nfiles = ""\n{CODE}', "default", True, id="empty keys"),
        pytest.param(
            f'extends = "base"\n[prompts.base]\n{CODE}\nextends = "small"', "small", True, id="through an own parent"
        ),
        pytest.param(f'system = ""\n{CODE}', "default", False, id="no system message"),
    ],
)
def test_what_an_own_variant_leaves_out_is_asked_in_the_extended_ones_words(
    room: Room, table: str, extended: str, *, has_system: bool
) -> None:
    room.own(room.good.base_url, f'prompt_variant = "house"\n[prompts.house]\n{table}\n')
    assert room.type("a clock in one page") == 0
    plan, files, *rest = asked(room)
    words = shipped(extended)
    first_words = words.plan.partition("$prompt")[0].strip() or words.plan.partition("$prompt")[2].strip()
    assert "a clock in one page" in plan
    assert first_words.splitlines()[0] in plan
    assert words.files.partition("$")[0].splitlines()[0] in files
    assert rest
    assert all("Write the file well." in each for each in rest)
    assert (words.system.splitlines()[0] in plan) is has_system

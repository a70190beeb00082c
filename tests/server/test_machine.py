"""Which models fit a machine: by the drivers' own words, and by the rule of thumb."""

from collections.abc import Sequence

import pytest

from smol_dev.server.families import families
from smol_dev.server.known import Offer
from smol_dev.server.machine import GB, MIB, Advice, Machine, advise, best, needed_by, needed_for, this_machine

LAPTOP = Machine(16 * GB)
GAMER = Machine(32 * GB, 12 * GB, "nvidia-smi")


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("qwen2.5-coder:7b", 6.0),
        ("qwen2.5-coder:7b-instruct-q8_0", 9.9),
        ("Qwen2.5-Coder-7B-Instruct-Q4_K_M.gguf", 6.0),
        ("Qwen/Qwen3-32B", 24.0),
        ("Qwen3-8B-BF16.gguf", 20.2),
        ("gpt-oss:20b-mxfp4", 15.4),
        ("qwen3-30b-a3b", 22.6),
        ("gemma3:270m", 1.2),
    ],
)
def test_a_name_tells_what_a_model_needs(name: str, gigabytes: float) -> None:
    needed = needed_for(name)
    assert needed is not None
    assert round(needed / GB, 1) == gigabytes


def test_the_file_s_own_size_beats_the_name_and_no_size_is_no_guess() -> None:
    assert needed_by(Offer("qwen3:8b", size=5 * GB)) == 7 * GB
    assert needed_by(Offer("mine", parameters=1_000_000_000)) == needed_for("mine:1b")
    assert needed_by(Offer("mine")) is None
    assert LAPTOP.fit(None) == "unknown"
    assert Machine(None).fit(GB) == "unknown"


@pytest.mark.parametrize(
    ("machine", "needed", "fit"),
    [
        (LAPTOP, 6 * GB, "slow"),
        (LAPTOP, 15 * GB, "no"),
        (GAMER, 12 * GB, "quick"),
        (GAMER, 13 * GB, "slow"),
        (GAMER, 30 * GB, "no"),
    ],
)
def test_a_model_is_quick_in_graphics_memory_and_slow_in_main_memory(machine: Machine, needed: int, fit: str) -> None:
    assert machine.fit(needed) == fit


def test_what_is_there_comes_first_and_the_table_s_models_follow() -> None:
    offers = [Offer("qwen2.5-coder:7b", size=5 * GB), Offer("nomic-embed", chats=False)]
    advised = advise(GAMER, offers)
    assert advised[0] == Advice("qwen2.5-coder:7b", 7 * GB, "quick", is_here=True)
    assert {each.model for each in advised[1:]} == {name for family in families() for name in family.code} - {
        "qwen2.5-coder:7b"
    }
    assert not any(each.is_here for each in advised[1:])
    needs = [each.needed or 0 for each in advised[1:]]
    assert needs == sorted(needs, reverse=True)


def test_the_best_model_is_the_largest_that_is_fast_enough() -> None:
    chosen = best(advise(GAMER, ()))
    bearable = best(advise(LAPTOP, ()))
    assert chosen is not None
    assert bearable is not None
    assert (chosen.model, bearable.model) == ("qwen2.5-coder:14b", "qwen3.5:9b")
    assert best(advise(Machine(GB), ())) is None


def tool(name: str, output: str) -> Machine:
    def run(command: Sequence[str]) -> str:
        return output if command[0] == name else ""

    return this_machine(run=run)


@pytest.mark.parametrize(
    ("name", "output", "graphics"),
    [
        ("nvidia-smi", "8192\n", 8192 * MIB),
        ("nvidia-smi", "24576\n24576\n", 2 * 24576 * MIB),
        ("nvidia-smi", "[N/A]\n", None),
        ("nvidia-smi", "NVIDIA-SMI has failed\n", None),
        (
            "rocm-smi",
            '{"card0": {"VRAM Total Memory (B)": "17163091968", "VRAM Total Used Memory (B)": "1"}}',
            17163091968,
        ),
        ("rocm-smi", "[]", None),
        ("rocm-smi", "{oops", None),
    ],
)
def test_graphics_memory_is_what_the_drivers_tell(name: str, output: str, graphics: int | None) -> None:
    found = tool(name, output)
    assert (found.graphics, found.told_by) == (graphics, name if graphics else "")

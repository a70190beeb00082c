from collections.abc import Callable
from pathlib import Path

import pytest

from smol_dev.config.edit import edit_by_hand
from smol_dev.config.layers import Flags
from smol_dev.config.load import pending
from smol_dev.errors import ConfigError, SmolError, UsageError
from tests.config.world import World


def writing(*texts: str) -> tuple[Callable[[Path], None], list[Path]]:
    """An editor that writes the next text each time it is opened, and the copies it was given."""
    left = list(texts)
    seen: list[Path] = []

    def editor(copy: Path) -> None:
        seen.append(copy)
        copy.write_text(left.pop(0))

    return editor, seen


def never(error: ConfigError) -> bool:
    raise AssertionError(error.message)


def test_what_was_written_replaces_the_file(world: World) -> None:
    world.write(user="# a\n[run]\nmax_files = 2\n")
    editor, seen = writing("# b\n[run]\nmax_files = 3\n")
    said = edit_by_hand(world.file(), open_editor=editor, again=never)
    assert world.user_file.read_text() == "# b\n[run]\nmax_files = 3\n"
    assert said == (f"`{world.user_file}` holds what you wrote",)
    assert not seen[0].parent.exists()


def test_the_copy_is_private_and_holds_the_file(world: World) -> None:
    world.write(user="[run]\nmax_files = 2\n")

    def editor(copy: Path) -> None:
        assert copy.read_text() == "[run]\nmax_files = 2\n"
        assert copy.parent.stat().st_mode & 0o777 == 0o700

    said = edit_by_hand(world.file(), open_editor=editor, again=never)
    assert said == (f"`{world.user_file}` stays as it is: nothing was changed",)


def test_an_unchanged_new_file_is_not_created(world: World) -> None:
    edit_by_hand(world.file(), open_editor=lambda _copy: None, again=never)
    assert not world.user_file.exists()


def test_a_mistake_can_be_corrected_in_the_same_text(world: World) -> None:
    world.write(user="[run]\nmax_files = 2\n")
    editor, seen = writing("[run]\nmax_files = \n", "[run]\nmax_files = 0\n", "[run]\nmax_files = 1\n")
    problems: list[str] = []

    def again(error: ConfigError) -> bool:
        problems.extend(line.replace(str(world.root), "~") for line in error.problems)
        return True

    edit_by_hand(world.file(), open_editor=editor, again=again)
    assert problems[0].startswith("~/home/config/smol.toml:2:13: not valid TOML")
    assert problems[1:] == ["~/home/config/smol.toml: run.max_files: must be a whole number from 1 to 10000, got `0`"]
    assert len(set(seen)) == 1
    assert world.user_file.read_text() == "[run]\nmax_files = 1\n"


def test_a_text_that_is_given_up_is_kept_elsewhere(world: World) -> None:
    world.write(user="[run]\nmax_files = 2\n")
    editor, seen = writing("oops")
    with pytest.raises(ConfigError) as raised:
        edit_by_hand(world.file(), open_editor=editor, again=lambda _error: False)
    assert raised.value.hint == f"your text is kept in `{seen[0]}`"
    assert seen[0].read_text() == "oops"
    assert world.user_file.read_text() == "[run]\nmax_files = 2\n"


def test_a_broken_file_can_be_put_right(world: World) -> None:
    world.write(user="[run\n")
    editor, _ = writing("[run]\n")
    edit_by_hand(world.file(), open_editor=editor, again=never)
    assert world.user_file.read_text() == "[run]\n"


def test_a_change_made_meanwhile_is_not_lost(world: World) -> None:
    world.write(user="[run]\nmax_files = 2\n")

    def editor(copy: Path) -> None:
        copy.write_text("[run]\nmax_files = 3\n")
        world.user_file.write_text("[run]\nmax_files = 4\n")

    with pytest.raises(ConfigError, match="was changed by another program meanwhile"):
        edit_by_hand(world.file(), open_editor=editor, again=lambda _error: False)
    assert world.user_file.read_text() == "[run]\nmax_files = 4\n"


def test_a_projects_file_is_approved_as_its_writer_saw_all_of_it(world: World) -> None:
    world.write(project='[profiles.local]\nbase_url = "http://127.0.0.1:9/v1"\n')
    editor, _ = writing('[profiles.local]\nbase_url = "http://127.0.0.1:8/v1"\n')
    edit_by_hand(world.file(project=True), open_editor=editor, again=never)
    found = pending(Flags(), world.surroundings)
    assert found is not None
    assert found.approved


def test_after_another_programs_change_the_second_try_succeeds(world: World) -> None:
    world.write(user="[run]\nmax_files = 2\n")
    told: list[ConfigError] = []

    def editor(copy: Path) -> None:
        if not told:
            copy.write_text("[run]\nmax_files = 3\n")
            world.user_file.write_text("[run]\nmax_files = 4\n")

    def again(error: ConfigError) -> bool:
        told.append(error)
        return True

    said = edit_by_hand(world.file(), open_editor=editor, again=again)
    assert len(told) == 1
    assert world.user_file.read_text() == "[run]\nmax_files = 3\n"
    other = Path(said[1].split("`")[1])
    assert f"`{other}`" in told[0].hint
    assert other.read_text() == "[run]\nmax_files = 4\n"


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (UsageError("vi failed", hint="x"), 2)])
def test_the_text_is_kept_however_the_editor_ends(world: World, raised: BaseException, code: int) -> None:
    world.write(user="[run]\nmax_files = 2\n")
    copies: list[Path] = []

    def editor(copy: Path) -> None:
        copies.append(copy)
        copy.write_text("typed")
        raise raised

    with pytest.raises(SmolError) as caught:
        edit_by_hand(world.file(), open_editor=editor, again=never)
    assert caught.value.exit_code == code
    assert f"your text is kept in `{copies[0]}`" in caught.value.hint
    assert copies[0].read_text() == "typed"


def test_a_copy_that_nobody_touched_is_removed_with_the_error(world: World) -> None:
    copies: list[Path] = []

    def editor(copy: Path) -> None:
        copies.append(copy)
        raise UsageError("vi failed", hint="x")

    with pytest.raises(UsageError, match="vi failed"):
        edit_by_hand(world.file(), open_editor=editor, again=never)
    assert not copies[0].parent.exists()

"""What a run is resumed with: what was given then, overridden by what is given now."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from smol_dev.app.settings import Begun, begun_of, differences, resumed
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags

THEN = {
    "base_url": ("http://127.0.0.1:1/v1", "--api-base-url"),
    "provider": ("ollama", "--llm-provider"),
    "api_key_env": ("KEY", "--api-key-env"),
    "model": ("a", "--model"),
    "run.max_files": (3, "--x"),
}


def values(flags: Flags) -> dict[str, object]:
    return {key: value for key, (value, _) in flags.named.items()}


@pytest.mark.parametrize(
    ("now", "sets", "profile", "kept"),
    [
        pytest.param({}, (), None, set(THEN), id="nothing new"),
        pytest.param({"model": "b"}, (), None, set(THEN), id="a model"),
        pytest.param({"base_url": "http://127.0.0.1:2/v1"}, (), None, {"model", "run.max_files"}, id="a server"),
        pytest.param({}, ("provider=vllm",), None, {"model", "run.max_files"}, id="a kind of server"),
        pytest.param({"api_key_env": "OTHER"}, (), None, set(THEN), id="a key"),
        pytest.param({}, ("api_key_file=k",), None, set(THEN) - {"api_key_env"}, id="another kind of key"),
        pytest.param({}, (), "mine", set(THEN), id="the same profile"),
        pytest.param({}, (), "other", {"run.max_files"}, id="another profile"),
    ],
)
def test_what_is_given_now_replaces_what_it_stands_for(
    now: Mapping[str, str], sets: tuple[str, ...], profile: str | None, kept: set[str]
) -> None:
    given = Flags(profile=profile, named={key: (value, "now") for key, value in now.items()}, sets=sets)
    flags, _ = resumed(Begun(named=THEN), "mine", given, Surroundings({}, Path("/work")))
    expected = {key: value for key, (value, _) in THEN.items() if key in kept}
    assert values(flags) == {**expected, **now}
    assert (flags.profile, flags.sets) == (profile or "mine", sets)


def test_a_variable_of_then_holds_unless_it_trusts_selects_or_is_set_now() -> None:
    then = Begun(
        variables={
            "SMOL_MODEL": "a",
            "SMOL_TEMPERATURE": "1",
            "SMOL_PROFILE": "theirs",
            "SMOL_TRUST_PROJECT": "00ff",
            "OLLAMA_HOST": "127.0.0.1:1",
        }
    )
    now = Surroundings({"SMOL_TEMPERATURE": "0", "PATH": "/bin"}, Path("/work"))
    _, around = resumed(then, "mine", Flags(), now)
    assert around.environ == {"SMOL_TEMPERATURE": "0", "PATH": "/bin", "SMOL_MODEL": "a", "OLLAMA_HOST": "127.0.0.1:1"}


@pytest.mark.parametrize(
    "table",
    [{"cwd": 1}, {"project": "no"}, {"named": {"x": "ab"}}, {"sets": ["a=1", 2]}, {"variables": {"A": 2}}],
    ids=["a folder", "a switch", "a flag", "a setting", "a variable"],
)
def test_of_a_record_of_another_shape_nothing_is_taken(table: Mapping[str, object]) -> None:
    whole = {"cwd": "/x", "named": {"model": ["a", "--model"]}, "sets": ["a=1"], "allow_sensitive": ["*"]}
    assert begun_of(whole) == Begun("/x", named={"model": ("a", "--model")}, sets=("a=1",), allow_sensitive=("*",))
    assert begun_of({**whole, **table}) == Begun()


def test_only_settings_that_changed_are_differences() -> None:
    def settings(**keys: object) -> dict[str, object]:
        return {"default_profile": "mine", "profiles": {"mine": keys}, "run": {"output_dir": "x", "max_files": 9}}

    now = {**settings(model="b", code={"model": "c"}, seed=1), "run": {"output_dir": "y", "max_files": 9}}
    assert differences(settings(model="a", code={"model": "c"}), now) == (
        "`model` is `b` (was `a`)",
        "`seed` is `1` (was not set)",
    )

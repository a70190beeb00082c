"""pydantic-settings merges the layers; the tables in order of strength say what must come out."""

from typing import Any

import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smol_dev.config.explain import explain, origins
from smol_dev.config.layers import Flags
from smol_dev.config.trust import approve
from tests.config.world import World

bodies = st.recursive(
    st.integers(0, 9), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6
)
tables = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 9),
        "model": st.sampled_from("mno"),
        "extra_body": st.dictionaries(st.sampled_from("abc"), bodies, max_size=3),
        "code": st.fixed_dictionaries({}, optional={"seed": st.integers(10, 19)}),
    },
)
files = st.dictionaries(st.sampled_from(["child", "parent", "grandparent"]), tables, max_size=3)
BASE = '[profiles.child]\nextends = "parent"\n[profiles.parent]\nextends = "grandparent"\n[profiles.grandparent]\n'


def laid_over(below: Any, above: Any) -> Any:  # noqa: ANN401 - TOML data
    """What a stronger value makes of a weaker one, said the short way."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{key: laid_over(below.get(key), value) for key, value in above.items()}}


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files, files, st.sampled_from([None, 5]))
def test_the_strongest_table_sets_each_key(
    world: World, project: dict[str, Any], user: dict[str, Any], variable: int | None
) -> None:
    world.write(
        project=tomli_w.dumps({"profiles": project}) or "#", user=tomli_w.dumps({"profiles": user}) or "#", system=BASE
    )
    world.environ.clear()
    if variable is not None:
        world.environ["SMOL_SEED"] = str(variable)
    approve(world.project_file, world.surroundings)
    loaded = world.load(Flags(profile="child"))
    merged: dict[str, Any] = {}
    for name in ("grandparent", "parent", "child"):
        for layer in (user, project):
            merged = laid_over(merged, layer.get(name, {}))
    stages = merged.pop("code", {})
    if variable is not None:
        merged["seed"] = variable
        stages.pop("seed", None)
    profile = loaded.profile
    assert profile.seed == merged.get("seed", "auto")
    assert profile.model == merged.get("model", "")
    assert profile.extra_body == merged.get("extra_body", {})
    assert profile.code.model_dump(exclude_unset=True) == stages


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files, files)
def test_the_origin_of_a_value_is_its_winner(world: World, project: dict[str, Any], user: dict[str, Any]) -> None:
    world.write(
        project=tomli_w.dumps({"profiles": project}) or "#", user=tomli_w.dumps({"profiles": user}) or "#", system=BASE
    )
    loaded = world.load(Flags(profile="child"))
    known = origins(loaded)
    for key in ("seed", "model"):
        (winner,) = [each for each in explain(loaded, key) if each.wins]
        assert winner.origin == known[key]
        value = getattr(loaded.profile, key)
        assert winner.value == (str(value) if value != "" else "(not set)")

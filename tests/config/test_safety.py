"""No input of any kind gives anything but settings or one of our errors, and none shows a secret."""

import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smol_dev.config.explain import as_dict, as_toml, explain, origins
from smol_dev.config.layers import Flags, read_layers
from smol_dev.config.load import check, load, pending
from smol_dev.config.model import Profile, Run
from smol_dev.config.profiles import list_profiles
from smol_dev.errors import SmolError
from tests.config.world import World

CANARY = "canary7f3a"

names = st.sampled_from(
    [*Profile.model_fields, *Run.model_fields, "default_profile", "system", "local", "modle", "a b", ""]
)
strings = st.sampled_from(
    [
        "auto", "local", "openai", "$prompt", "$$ $", "x.md", "/", "http://[::1", "https://a/v1",
        "http://localhost:1/v1", "http://evil.example/v1", "-1", "nan", "{", "[1", "\x1b[2J", "a\nb", "~",
    ]
)  # fmt: skip
plain = strings | st.integers(-2, 2000) | st.floats() | st.booleans() | st.dates()
tables = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=4), max_leaves=8
)
secrets = st.sampled_from(
    [
        {"api_key": CANARY},
        {"api_key": [CANARY]},
        {"api_key": f"{CANARY}\n{CANARY}"},
        {"headers": {"x": CANARY}},
        {"headers": {"x": 5, "y": {"z": CANARY}}},
        {"headers": CANARY},
        {"api_key_command": ["echo", CANARY]},
        {"api_key_command": CANARY},
        {"api_key_env": f"sk-{CANARY}"},
        {"apikey": CANARY},
        {"base_url": f"http://u:{CANARY}@localhost/v1"},
        {"base_url": f"http://localhost/v1?key={CANARY}"},
        {"base_url": [CANARY]},
        {"plan": {"api_key": CANARY}},
    ]
)
profiles = st.builds(lambda secret, more: {**more, **secret}, secrets, st.dictionaries(names, tables, max_size=4))
documents = st.builds(
    lambda own, more: {**more, "profiles": {"local": own}},
    profiles,
    st.dictionaries(st.sampled_from(["run", "prompts", "default_profile", "modle"]), tables, max_size=2),
)
secret_variables = st.sampled_from(
    [
        {},
        {"SMOL_HEADERS": f'{{"x": "{CANARY}"'},
        {"SMOL_HEADERS__X": CANARY},
        {"smol_api-key": f"a b{CANARY}"},
        {"SMOL_APIKEY": CANARY},
        {"SMOL_API_KEY__X": CANARY},
        {"OLLAMA_HOST": f"http://u:{CANARY}@box"},
        {"OPENAI_BASE_URL": f"https://{CANARY}@box", "SMOL_PROFILE": "openai"},
    ]
)
environ = st.dictionaries(
    st.sampled_from(
        [
            "SMOL_MODEL", "SMOL_TIMEOUT", "SMOL_BASE_URL", "SMOL_EXTRA_BODY", "SMOL_CODE__SEED", "SMOL_",
            "SMOL__", "SMOL_PROFILES__LOCAL", "SMOL_PROFILES__X__Y", "SMOL_RUN", "SMOL_RUN__MAX_FILES",
            "SMOL_PROFILE", "SMOL_CONFIG", "SMOL_HEADERS", "smol_api_key", "OLLAMA_HOST", "SMOL_PROMPTS__A__B",
            "SMOL_TRUST_PROJECT", "SMOL_PROFILES__LOCAL__CODE", "SMOL_HEADERS__X", "OPENAI_BASE_URL",
        ]
    ),
    strings | st.just("a\udcff") | st.just('{"a": "\\ud800"}'),
    max_size=4,
)  # fmt: skip
sets = st.lists(
    st.builds(
        lambda key, value: f"{key}={value}",
        st.sampled_from(["model", "a.b", "extra_body.x", "", "run", "profiles", "profiles.local", "'"]),
        strings,
    ),
    max_size=2,
)


def everything_said(world: World, flags: Flags) -> str:
    """What every command that reads settings would say."""
    said: list[object] = []
    for connect in (False, True):
        try:
            loaded = load(flags, world.surroundings, connect=connect, lookup=lambda _: ("10.0.0.1",))
            said += [loaded, loaded.warnings, loaded.key_summary(), origins(loaded)]
            said += [explain(loaded, key) for key in ("api_key", "headers", "base_url", "model")]
            shown = as_dict(loaded)
            shown["profiles"][loaded.name].pop("extra_body", None)  # sent as it is, so shown as it is
            shown["profiles"][loaded.name].pop("api_key_command", None)
            said += [shown, len(as_toml(loaded))]
        except SmolError as error:
            said += [error.message, error.hint, getattr(error, "problems", ())]
    try:
        said += [list_profiles(read_layers(flags, world.surroundings)), pending(flags, world.surroundings)]
    except SmolError as error:
        said += [error.message, error.hint, getattr(error, "problems", ())]
    return repr(said) + repr(check(flags, world.surroundings))


quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(
    st.tuples(documents, documents),
    st.builds(lambda more, secret: {**more, **secret}, environ, secret_variables),
    st.builds(
        lambda profile, options: Flags(profile=profile, sets=tuple(options)),
        st.sampled_from([None, "local", "local-ollama", "litellm", "x"]),
        sets,
    ),
)
def test_no_settings_break_a_command_or_show_a_secret(
    world: World, files: tuple[dict[str, object], dict[str, object]], variables: dict[str, str], flags: Flags
) -> None:
    for document, path in zip(files, (world.user_file, world.project_file), strict=True):
        path.write_text(tomli_w.dumps(document), encoding="utf-8")
        path.chmod(0o600)
    world.environ.clear()
    world.environ.update(variables)
    assert CANARY not in everything_said(world, flags)


@quick
@given(st.binary(max_size=60) | st.text("[]{}=.\"'\n #\\ab1", max_size=40).map(str.encode))
def test_no_bytes_break_a_command(world: World, content: bytes) -> None:
    world.user_file.write_bytes(content)
    everything_said(world, Flags())


@quick
@given(st.text(max_size=20), st.text(max_size=20))
def test_no_option_breaks_a_command(world: World, key: str, value: str) -> None:
    everything_said(world, Flags(profile=value, sets=(f"{key}={value}", key)))

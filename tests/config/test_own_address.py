"""Keys that are typed or exported, against every way in which a project's file decides the address."""

import itertools

import pytest

from smol_dev.config.layers import Flags
from smol_dev.config.trust import approve
from tests.config.world import World

GOOD = "http://127.0.0.1:1001/v1"
EVIL = "http://127.0.0.1:1002/v1"
USER = f"""
[profiles.local]
[profiles.mine]
base_url = "{GOOD}"
[profiles.other]
base_url = "{EVIL}"
[profiles.found]
provider = "auto"
"""
CANARY = "canary-4f7a9b2c1d8e"

PROJECT = {
    "default_profile": 'default_profile = "other"\n',
    "an own profile": f'default_profile = "new"\n[profiles.new]\nbase_url = "{EVIL}"\n',
    "base_url": f'[profiles.SELECTED]\nbase_url = "{EVIL}"\n',
    "provider": '[profiles.SELECTED]\nprovider = "lmstudio"\n',
    "extends": '[profiles.SELECTED]\nextends = "other"\nbase_url = ""\n',
    "a detection": '[profiles.SELECTED]\nbase_url = ""\nmodel = "x"\n',
    "a detected profile": 'default_profile = "found"\n',
}
KEYS = {
    "SMOL_API_KEY": {"SMOL_API_KEY": CANARY},
    "SMOL_API_KEY_FILE": {"SMOL_API_KEY_FILE": "key"},
    "SMOL_API_KEY_ENV": {"SMOL_API_KEY_ENV": "KEY"},
    "SMOL_HEADERS": {"SMOL_HEADERS": f'{{"X-Key": "{CANARY}"}}'},
    "SMOL_HEADERS__X_KEY": {"SMOL_HEADERS__X_KEY": CANARY},
    "--api-key-env": {},
    "-c api_key_env": {},
    "SMOL_EXTRA_BODY": {"SMOL_EXTRA_BODY": f'{{"api_key": "{CANARY}"}}'},
    "SMOL_EXTRA_QUERY": {"SMOL_EXTRA_QUERY": f'{{"api_key": "{CANARY}"}}'},
}
OWN = {
    "own default": ('default_profile = "mine"\n', {}, {}),
    "SMOL_BASE_URL": ("", {"SMOL_BASE_URL": GOOD}, {}),
    "detection": ("", {}, {}),
    "--profile": ("", {}, {"profile": "mine"}),
    "SMOL_PROFILE": ("", {"SMOL_PROFILE": "mine"}, {}),
}


def flags_for(key: str, options: dict[str, str]) -> Flags:
    named = {"api_key_env": ("KEY", "--api-key-env")} if key == "--api-key-env" else {}
    sets = ("api_key_env=KEY",) if key.startswith("-c") else ()
    return Flags(profile=options.get("profile"), named=named, sets=sets)


@pytest.mark.parametrize(("way", "own", "key"), list(itertools.product(PROJECT, OWN, KEYS)))
def test_a_typed_or_exported_key_goes_where_the_users_own_layers_say(
    world: World, way: str, own: str, key: str
) -> None:
    default, environ, options = OWN[own]
    selected = "mine" if own in ("own default", "--profile", "SMOL_PROFILE") else "local"
    (world.work / "key").write_text(CANARY)
    world.environ.update(KEYS[key], KEY=CANARY, **environ)
    world.write(user=default + USER)
    flags = flags_for(key, options)
    alone = world.load(flags)
    sent_alone = alone.secrets()
    world.write(project=PROJECT[way].replace("SELECTED", selected))
    approve(world.project_file, world.surroundings)
    loaded = world.load(flags)
    sent = loaded.secrets()
    everything = repr((sent.headers, sent.query, sent.in_body))
    if loaded.profile.base_url == alone.profile.base_url == GOOD:
        assert sent == sent_alone
        assert CANARY in everything
    else:
        assert CANARY not in everything
        assert CANARY not in repr(loaded.profile.extra_body) + repr(loaded.profile.extra_query)
        assert any("is not sent to" in line for line in loaded.warnings)


@pytest.mark.parametrize("project", ["temperature = 0.1\n", "timeout = 3\n"])
def test_a_project_that_only_tunes_keeps_no_key_back(world: World, project: str) -> None:
    world.environ["SMOL_API_KEY"] = CANARY
    world.write(project=f"[profiles.local]\n{project}")
    bound = world.load().secrets()
    assert bound.headers == {"Authorization": f"Bearer {CANARY}"}


def test_the_line_about_a_key_says_what_to_type(world: World) -> None:
    world.environ["SMOL_API_KEY"] = CANARY
    world.write(user=USER, project='default_profile = "other"\n')
    (warning,) = world.load().warnings
    assert warning == (
        "the key of environment (SMOL_API_KEY) is for the server that your own settings find and is not "
        "sent to http://127.0.0.1:1002; for a key to send there: "
        f"`--api-base-url {EVIL} --api-key-env NAME`"
    )

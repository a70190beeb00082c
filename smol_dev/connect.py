"""From settings to a server that can be asked: found if it is not named, and its model chosen."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from smol_dev.config.endpoint import is_local
from smol_dev.config.load import Loaded
from smol_dev.config.model import Profile
from smol_dev.config.project import model_of_project
from smol_dev.config.providers import PROVIDERS
from smol_dev.config.secret import Bound
from smol_dev.config.trust import file_hash, is_approved
from smol_dev.demo.server import DemoServer
from smol_dev.errors import ServerError, TrustError
from smol_dev.events import Warned
from smol_dev.rim import Rim
from smol_dev.safe import command
from smol_dev.server.client import Client
from smol_dev.server.detect import best, choose, find
from smol_dev.server.transport import open_client

DETECTION: Final = 0.5
"""Seconds to look for a running server when none is named."""

ELSEWHERE: Final = 8
"""Requests at once to a server that is not on this machine or network."""


@dataclass(frozen=True, slots=True)
class Link:
    """A server to ask, and the profile with its address, provider and model filled in."""

    chat: Client
    profile: Profile
    usual_concurrency: int


@asynccontextmanager
async def connected(
    loaded: Loaded, secrets: tuple[Bound, ...], rim: Rim, *, model_needed: bool = True
) -> AsyncIterator[Link]:
    """Within it, the server of the settings can be asked.

    What was chosen for the user is shown. Raises `ServerError` when no server is found, or when it
    offers no model; with `model_needed=False` the profile may be left without one.
    """
    async with AsyncExitStack() as stack:
        profile = loaded.profile
        if profile.provider == "demo" and not profile.base_url:
            demo = stack.enter_context(DemoServer())
            profile = profile.model_copy(update={"base_url": demo.base_url})
            rim.show(Warned("this is a demo: the answers are canned, whatever the prompt says"))
        elif not profile.base_url:
            profile = await _found(profile, rim)
            secrets = loaded.secrets(base_url=profile.base_url)
            for secret in (each for bound in secrets for each in bound.secrets):
                rim.keep_secret(secret)
        usual = PROVIDERS[profile.provider].concurrency if is_local(profile.base_url) else ELSEWHERE
        client = Client(
            profile,
            secrets,
            environ=rim.surroundings.environ,
            cache_dir=rim.surroundings.cache,
            keep_here=_chosen_by_project(loaded),
        )
        stack.push_async_callback(client.aclose)
        if model_needed and not profile.model:
            client.profile = profile = await _with_model(client, rim)
        yield Link(client, profile, usual)


def _chosen_by_project(loaded: Loaded) -> TrustError | None:
    """The refusal of a model elsewhere that an unapproved project file chose; None where the user did."""
    document = loaded.layers.project
    key = model_of_project(loaded.layers, loaded.tables)
    if document is None or key is None:
        return None
    if is_approved(file_hash(document.path, document.raw), loaded.layers.surroundings):
        return None
    return TrustError(
        f"`{document.path}` chose a model (`{key}`) that the server has run elsewhere",
        hint="choose one that runs on this machine: `smol_dev models`; or name it yourself: `--model NAME`",
    )


async def _found(profile: Profile, rim: Rim) -> Profile:
    """The profile with the local server that is running."""
    environ = rim.surroundings.environ
    async with open_client("http://localhost", environ={}) as http:
        servers = await find(http, environ, deadline=DETECTION)
    offering = [each for each in servers if profile.model in each.models]
    found = offering[0] if offering else servers[0] if profile.model and servers else None
    found = found or best(servers, environ)
    model = profile.model or found.chosen
    rim.show(
        Warned(
            f"using {found.known.name} at {found.base_url} with `{model}`, found running",
            hint="`smol_dev init` makes that permanent",
        )
    )
    update = {"base_url": found.base_url, "provider": found.provider, "model": model}
    return profile.model_copy(update=update)


async def _with_model(client: Client, rim: Rim) -> Profile:
    """The profile with a model of its server: the loaded one, else the first that chats."""
    chosen = choose(await client.offers())
    profile = client.profile
    if not chosen:
        raise ServerError(
            f"`{profile.base_url}` offers no model to use, and the profile names none",
            hint="name one with `--model NAME`; `smol_dev doctor` looks at the server",
            kind="model_missing",
        )
    keep = command("smol_dev config set model {model}", model=chosen)
    rim.show(
        Warned(
            f"using the model `{chosen}` of `{profile.base_url}`",
            hint=f"{keep} makes that permanent",
        )
    )
    return profile.model_copy(update={"model": chosen})

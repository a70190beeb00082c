"""Connecting to the server of the settings, or a local one if none is named, and choosing its model."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final

import httpx2

from smol_dev.chat import STAGES
from smol_dev.config.endpoint import origin_of
from smol_dev.config.layers import BUILT_IN_PROFILE
from smol_dev.config.load import Loaded
from smol_dev.config.model import Profile
from smol_dev.config.problems import typed
from smol_dev.config.secret import Bound
from smol_dev.config.trust import is_approved, model_of_project
from smol_dev.demo.server import DemoServer
from smol_dev.errors import ServerError, TrustError
from smol_dev.events import Noticed, Show, Warned
from smol_dev.safe import command, named
from smol_dev.server.client import Client
from smol_dev.server.detect import choose, find, no_model, pick
from smol_dev.server.failures import classify, failure
from smol_dev.server.known import Response, listed
from smol_dev.server.transport import open_client

KeepSecret = Callable[[str], None]  # called with every secret before it is used, so that no screen shows it
LIST_SECONDS: Final = 30.0  # for a list of models; a gateway may have to ask other servers first
LOADING: Final = 1.0  # seconds between two questions to a server that is loading its model


@asynccontextmanager
async def connected(
    loaded: Loaded,
    show: Show,
    *,
    secrets: Bound | None = None,
    keep_secret: KeepSecret = lambda _secret: None,
    model_needed: bool = True,
) -> AsyncIterator[Client]:
    """Connect to the server of the settings for as long as the block lasts.

    The client's profile is filled in; `show` gets an event for each choice made for the user. `secrets` are those of
    the settings, if already read; without a named server, they are bound to the one that is found. Raise `ServerError`
    when no server is found, or none with a model; `model_needed=False` allows a profile without one.
    """
    here = loaded.layers.surroundings
    bound = loaded.secrets() if secrets is None else secrets
    async with AsyncExitStack() as stack:
        if loaded.profile.base_url:
            profile = loaded.profile
        elif loaded.profile.provider == "demo":
            show(Warned("this is a demo: the answers are canned, whatever the prompt says"))
            server = stack.enter_context(DemoServer())
            profile = loaded.profile.model_copy(update={"base_url": server.base_url})
        else:
            profile = await _found(loaded, show)
            bound = replace(bound, origin=origin_of(profile.base_url))
        for secret in bound.secrets:
            keep_secret(secret)
        client = Client(
            profile,
            bound,
            environ=here.environ,
            cache_dir=here.cache,
            keep_here=_chosen_by_project(loaded),
            max_file_bytes=loaded.run.max_file_bytes,
        )
        stack.push_async_callback(client.aclose)
        if model_needed and not profile.model:
            client.profile = await _with_model(client, loaded, show)
        yield client


def _chosen_by_project(loaded: Loaded) -> TrustError | None:
    """Return the error for a remote model that an unapproved project file chose, or None."""
    document = loaded.layers.project
    key = model_of_project(loaded.layers, loaded.made.tables)
    if document is None or key is None:
        return None
    if is_approved(document, loaded.layers.surroundings):
        return None
    return TrustError(
        f"`{document.path}` chose a model (`{key}`) that the server has run elsewhere",
        hint="choose one that runs on this machine: `smol_dev models`; or name it yourself: `--model NAME`",
    )


async def _found(loaded: Loaded, show: Show) -> Profile:
    """Return the profile with the running local server that has the named models."""
    profile = loaded.profile
    environ = loaded.layers.surroundings.environ
    stages = [profile.stage(name).model for name in STAGES]
    wanted = tuple(dict.fromkeys(model for model in stages if model))

    def notify(who: str) -> None:
        show(Noticed(f"waiting for {who} to answer"))

    async with open_client("http://localhost", environ={}) as http:
        search = await find(http, environ, wanted=wanted, notify=notify)
    found = pick(search, wanted, environ)
    model = profile.model or found.chosen
    is_first = loaded.layers.of("user") is None and loaded.name == BUILT_IN_PROFILE
    keep = "`smol_dev init`" if is_first else _setting_of(loaded, "base_url", found.base_url)
    message = f"found {found.known.name} at {found.base_url}, using {named(model)}"
    show(Noticed(message, hint=f"{keep} makes that permanent"))
    update = {"base_url": found.base_url, "provider": found.provider, "model": model}
    return profile.model_copy(update=update)


def _setting_of(loaded: Loaded, key: str, value: str) -> str:
    """Return the command that writes a key of the profile in use to the user's file."""
    file = loaded.layers.flags.config
    return command(
        f"smol_dev config set{' --config {file}' if file else ''} {{key}} {{value}}",
        file=file,
        key=typed(("profiles", loaded.name, key)),
        value=value,
    )


async def _with_model(client: Client, loaded: Loaded, show: Show) -> Profile:
    """Return the profile with a model of its server: one in memory, else the first that chats.

    Wait while the server loads its model. Raise `ServerError` if it cannot list its models.
    """
    deadline, said = time.monotonic() + client.profile.first_token_timeout, ""
    while True:
        try:
            await model_list(client)
            break
        except ServerError as error:
            if error.kind != "loading" or time.monotonic() > deadline:
                raise
            if error.message != said:
                show(Noticed(error.message))
            said = error.message
            await asyncio.sleep(LOADING)
    chosen = choose(await client.offers())
    profile = client.profile
    if not chosen:
        raise no_model(await client.recognised(), profile.base_url)
    keep = _setting_of(loaded, "model", chosen)
    show(Noticed(f"using the model {named(chosen)} of {profile.base_url}", hint=f"{keep} makes that permanent"))
    return profile.model_copy(update={"model": chosen})


async def model_list(client: Client) -> tuple[str, ...]:
    """Return the names of the server's models. Raise `ServerError` if it cannot list them."""
    target = client.target("plan")
    try:
        async with asyncio.timeout(LIST_SECONDS):
            response = await client.http.get(f"{target.base_url.rstrip('/')}/models")
    except (httpx2.HTTPError, TimeoutError) as error:
        raise await client.explain(error, "plan") from error
    answer = Response(response.status_code, dict(response.headers), response.text)
    if (names := listed(answer)) is not None:
        return names
    why = classify(answer, target)
    raise failure("wrong_path", target) if why.kind == "empty" else why

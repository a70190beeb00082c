"""The selected server outside a run: its models, advice, checks, and the search for running servers."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from smol_dev.app.caller import Caller
from smol_dev.config.endpoint import is_local
from smol_dev.config.files import Surroundings
from smol_dev.config.layers import Flags
from smol_dev.config.load import Loaded, load
from smol_dev.server import doctor
from smol_dev.server.detect import Search, find, find_at
from smol_dev.server.doctor import Advised, Check, Examination, Offered
from smol_dev.server.transport import open_client
from smol_dev.workspace.command import probe, says

TAB_SECONDS: Final = 1.0
"""Seconds that shell completion waits for a server."""


def models(flags: Flags, caller: Caller) -> Offered:
    """Return the models of the selected server. Raise `ServerError` if it does not report them."""
    return caller.wait_for(doctor.models(_load(flags, caller), caller.show, caller.keep_secret))


def advice(flags: Flags, caller: Caller) -> Advised:
    """Return how well models fit this machine: recommended ones, and the selected server's if it is running."""
    return caller.wait_for(doctor.advice(_load(flags, caller), caller.show, caller.keep_secret))


def check(flags: Flags, caller: Caller, *, show: Callable[[Check], None]) -> Examination:
    """Check the selected profile, from its settings to a short answer, showing each check when it is done.

    The last one is about the isolation of check commands.
    """
    loaded = _load(flags, caller)
    done = caller.wait_for(doctor.check(loaded, caller.show, caller.keep_secret, show_check=show))
    run = loaded.run
    found = "none" if run.check_isolation == "none" else probe()
    isolation = Check("isolation", "ok", f"{'the' if run.check else 'a'} check runs {says(found)}")
    if found == "none" and run.check:
        hint = "install bubblewrap, and set `check_isolation` to `required`"
        isolation = replace(isolation, state="warned", fix=hint)
    show(isolation)
    return replace(done, checks=(*done.checks, isolation))


def _load(flags: Flags, caller: Caller) -> Loaded:
    return load(flags, caller.surroundings, approve=caller.approve, model_needed=False)


def running(caller: Caller, *, notify: Callable[[str], None]) -> Search:
    """Search for local servers; return those that answer in time, best first, and those that do not."""
    environ = caller.surroundings.environ

    async def look() -> Search:
        async with open_client("http://localhost", environ=environ) as http:
            return await find(http, environ, notify=notify)

    return caller.wait_for(look())


def model_names(flags: Flags, surroundings: Surroundings) -> tuple[str, ...]:
    """Return the models of the selected server if it is local and answers within a second.

    No key is read and nobody is asked; the flags must exclude an unapproved project file.
    """
    base_url = load(flags, surroundings, connect=False, model_needed=False).profile.base_url
    if not is_local(base_url):
        return ()

    async def look() -> Search:
        async with open_client(base_url or "http://localhost", environ=surroundings.environ) as http:
            if base_url:
                return await find_at(http, (base_url,), patience=TAB_SECONDS)
            return await find(http, surroundings.environ, patience=TAB_SECONDS)

    found = asyncio.run(look()).found
    return found[0].models if found else ()

"""What a server offers, and whether it works: from settings to an answer, without a run."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from smol_dev.config.load import Loaded
from smol_dev.errors import ServerError
from smol_dev.events import Show
from smol_dev.server.check import Check, failed
from smol_dev.server.client import Client
from smol_dev.server.connect import KeepSecret, connected
from smol_dev.server.doctor import examine
from smol_dev.server.known import Offer
from smol_dev.server.machine import Advice, Machine, advise, this_machine
from smol_dev.server.reach import model_list


@dataclass(frozen=True, slots=True)
class Offered:
    """The models of a server: what it is, where, and each model with what it tells about it."""

    server: str
    base_url: str
    models: tuple[Offer, ...]
    exit_code: Literal[0] = 0


@dataclass(frozen=True, slots=True)
class Examination:
    """Every check of a profile that was done; `exit_code` is 3 if one failed."""

    profile: str
    base_url: str
    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """0 if the server works, else 3."""
        return 3 if any(check.state == "failed" for check in self.checks) else 0


@dataclass(frozen=True, slots=True)
class Advised:
    """What this machine has, and which models would run on it; `problem` says why no server's are among them."""

    machine: Machine
    models: tuple[Advice, ...]
    problem: str = ""
    exit_code: Literal[0] = 0


async def models(loaded: Loaded, show: Show, keep_secret: KeepSecret) -> Offered:
    """Return what the server of the settings offers. Raise `ServerError` when it does not tell."""
    async with _server(loaded, show, keep_secret) as client:
        await model_list(client)  # says why there is none, where `offers` is only empty
        known = await client.recognised()
        return Offered(known.name, client.profile.base_url, await client.offers())


async def advice(loaded: Loaded, show: Show, keep_secret: KeepSecret) -> Advised:
    """Return which models fit this machine: those of the server if it runs, and those of the table."""
    machine = this_machine()
    try:
        offered = await models(loaded, show, keep_secret)
    except ServerError as error:
        return Advised(machine, advise(machine, ()), error.message)
    return Advised(machine, advise(machine, offered.models))


async def check(
    loaded: Loaded, show: Show, keep_secret: KeepSecret, *, show_check: Callable[[Check], None]
) -> Examination:
    """Check the settings, their server and its models; each check is shown as it is done."""
    checks: list[Check] = []

    def note(each: Check) -> None:
        checks.append(each)
        show_check(each)

    note(Check("settings", "ok", f"the profile `{loaded.name}` is valid"))
    base_url = loaded.profile.base_url
    try:
        async with _server(loaded, show, keep_secret) as client:
            base_url = client.profile.base_url
            async for each in examine(client, key=loaded.key_summary()):
                note(each)
    except ServerError as error:
        note(failed("server", error))
    return Examination(loaded.name, base_url, tuple(checks))


@asynccontextmanager
async def _server(loaded: Loaded, show: Show, keep_secret: KeepSecret) -> AsyncIterator[Client]:
    """The server of the settings, found if none is named; it needs no model yet."""
    async with connected(loaded, show, keep_secret=keep_secret, model_needed=False) as link:
        yield link.chat

"""What a server offers, and whether it works: from settings to an answer, without a run."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from smol_dev.app.caller import Rim
from smol_dev.app.loop import run as run_in_loop
from smol_dev.config.layers import Flags
from smol_dev.config.load import Loaded, load
from smol_dev.errors import ServerError
from smol_dev.server.check import Check, failed
from smol_dev.server.client import Client
from smol_dev.server.connect import connected
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


def models(flags: Flags, rim: Rim) -> Offered:
    """What the selected server offers. Raises `ServerError` when it does not tell."""
    return run_in_loop(_models(_load(flags, rim), rim), rim.interrupts)


@dataclass(frozen=True, slots=True)
class Advised:
    """What this machine has, and which models would run on it; `problem` says why no server's are among them."""

    machine: Machine
    models: tuple[Advice, ...]
    problem: str = ""
    exit_code: Literal[0] = 0


def advice(flags: Flags, rim: Rim) -> Advised:
    """Return which models fit this machine: those of the selected server if it runs, and those of the table."""
    loaded, machine = _load(flags, rim), this_machine()
    try:
        offered = run_in_loop(_models(loaded, rim), rim.interrupts)
    except ServerError as error:
        return Advised(machine, advise(machine, ()), error.message)
    return Advised(machine, advise(machine, offered.models))


def check(flags: Flags, rim: Rim, *, show: Callable[[Check], None]) -> Examination:
    """The checks of the selected profile, each shown as it is done."""
    return run_in_loop(_check(_load(flags, rim), rim, show), rim.interrupts)


def _load(flags: Flags, rim: Rim) -> Loaded:
    return load(flags, rim.surroundings, approve=rim.approve, model_needed=False)


async def _models(loaded: Loaded, rim: Rim) -> Offered:
    async with _server(loaded, rim) as client:
        await model_list(client)  # says why there is none, where `offers` is only empty
        known = await client.recognised()
        return Offered(known.name, client.profile.base_url, await client.offers())


async def _check(loaded: Loaded, rim: Rim, show: Callable[[Check], None]) -> Examination:
    checks: list[Check] = []

    def note(each: Check) -> None:
        checks.append(each)
        show(each)

    note(Check("settings", "ok", f"the profile `{loaded.name}` is valid"))
    base_url = loaded.profile.base_url
    try:
        async with _server(loaded, rim) as client:
            base_url = client.profile.base_url
            async for each in examine(client, key=loaded.key_summary()):
                note(each)
    except ServerError as error:
        note(failed("server", error))
    return Examination(loaded.name, base_url, tuple(checks))


@asynccontextmanager
async def _server(loaded: Loaded, rim: Rim) -> AsyncIterator[Client]:
    """The server of the settings, found if none is named; it needs no model yet."""
    secrets = loaded.secrets() if loaded.profile.base_url else ()
    for bound in secrets:
        for secret in bound.secrets:
            rim.keep_secret(secret)
    async with connected(loaded, secrets, rim, model_needed=False) as link:
        yield link.chat

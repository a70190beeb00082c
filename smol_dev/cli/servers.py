"""`smol_dev init`, `models` and `doctor`: find running servers, list a server's models, and check that it works."""

import json
import sys
from typing import TYPE_CHECKING

from smol_dev.app.interrupts import PROCESS
from smol_dev.cli import options
from smol_dev.cli.display import Display, aligned, confirm, here, say
from smol_dev.errors import UsageError
from smol_dev.safe import command, named, safe, safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smol_dev.app.caller import Caller
    from smol_dev.config.layers import Flags
    from smol_dev.server.detect import Search
    from smol_dev.server.doctor import Advised, Check, Examination, Offered

NAME_WIDTH = len("structured output")


@options.command(examples=("smol_dev init", "smol_dev init --yes", "smol_dev init --project"))
@options.project
@options.flag("--yes", help="Write the file without asking")
@options.settings
def init(flags: "Flags", *, project: bool, yes: bool) -> None:
    """Write a smol.toml with a profile for each running server.

    Looks for servers on the known ports. An existing file is never overwritten.
    """
    from smol_dev.config.edit import RunningServer, new_file, write_first_file

    file = new_file(flags, here(), project=project).path
    search = _search()
    if yes or _agreed(str(file)):
        found = ((each.provider, each.base_url, each.models, each.loaded, each.chosen) for each in search.found)
        write_first_file([RunningServer(*each) for each in found], flags, here(), project=project)
        say(f"wrote `{file}`", "see the settings in effect: `smol_dev config show --origin`")


def _search() -> "Search":
    """Search for running servers, and print what there is, and which model fits this machine."""
    from smol_dev.app.caller import Caller
    from smol_dev.app.servers import running
    from smol_dev.server.machine import HOW, advise, best, gigabytes, needed_for, this_machine
    from smol_dev.ui.sentences import counted

    caller = Caller(here(), lambda _event: None, interrupts=PROCESS)
    search, machine = running(caller, notify=lambda who: say(f"waiting for {who} to answer")), this_machine()
    for url in search.silent:
        say(f"{url} accepted the connection, but did not answer within {search.patience:g} s")
    if not search.found:
        say("no running server was found; the file will show what to fill in")
    for server in search.found:
        chosen = f", `{server.chosen}` will be used" if server.chosen else ""
        say(f"found {server.known.name} at {server.base_url}: {counted(len(server.models), 'model')}{chosen}")
    models = [server.chosen for server in search.found if server.chosen]
    for model in dict.fromkeys(models):
        if (needed := needed_for(model)) is not None:
            say(f"{named(model)} needs about {gigabytes(needed)}: {HOW[machine.fit(needed)]}")
    if not models and (advised := best(advise(machine, ()))) is not None:
        get = command("ollama pull {model}", model=advised.model)
        say(f"fits this machine: {get} ({gigabytes(advised.needed or 0)}); more: `smol_dev models --advise`")
    return search


def _agreed(file: str) -> bool:
    """Ask whether to write the file. Raise `UsageError` without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"there is no terminal to ask on, and `{file}` was not written",
            hint="write it without a question: `smol_dev init --yes`",
        )
    say(f"this writes `{file}`")
    return confirm("Write it?", default=True)


@options.command(examples=("smol_dev models", "smol_dev models --advise", "smol_dev models -p local-lmstudio --json"))
@options.json_object
@options.flag("--advise", help="Say which models fit this machine")
@options.server
def models(flags: "Flags", *, as_json: bool, advise: bool) -> int:
    """List the models of the server: loaded or not, window, size.

    A - means that the server does not report it.
    """
    from smol_dev.app import servers

    display = Display(quiet=as_json)

    def show(caller: "Caller") -> "Offered | Advised":
        found = servers.advice(flags, caller) if advise else servers.models(flags, caller)
        for line in [_models_json(found)] if as_json else _lines(found):
            display.print(safe(line, keep_newlines=True))
        return found

    return display.run(show)


def _models_json(found: "Offered | Advised") -> str:
    """Return the server or machine with its models as one ASCII JSON object; sizes are in bytes."""
    from dataclasses import asdict

    document = asdict(found)
    del document["exit_code"]
    for model in document["models"]:
        model.pop("size", None)
    return json.dumps(document, indent=2)


def _lines(found: "Offered | Advised") -> "Iterator[str]":
    """Yield the models as a table, for advice between the machine's memory and the rule behind it."""
    from smol_dev.server.doctor import Offered
    from smol_dev.server.machine import HOW, RULE, best, gigabytes

    if isinstance(found, Offered):
        rows: list[tuple[str, ...]] = [("MODEL", "LOADED", "WINDOW", "SIZE", "")]
        for each in found.models:
            loaded = {True: "yes", False: "no", None: "-"}[each.loaded]
            window = f"{each.window:,}" if each.window else "-"
            note = "in a cloud" if each.remote else "" if each.chats else "not for chat"
            rows.append((safe_name(each.name), loaded, window, _size(each.parameters), note))
        yield from aligned(rows)
        return
    yield found.machine.sentence()
    if found.problem:
        yield f"the server's own models are missing here: {found.problem}"
    yield ""
    rows = [("MODEL", "NEEDS ABOUT", "HERE", "")]
    for model in found.models:
        needed = "-" if model.needed is None else gigabytes(model.needed)
        here = "yes" if model.is_here else safe_name(command("ollama pull {model}", model=model.model))
        rows.append((safe_name(model.model), needed, here, HOW[model.fit]))
    yield from aligned(rows)
    yield ""
    if (fitting := best(found.models)) is not None:
        yield f"best here: {named(fitting.model)}"
    yield f"the models to download are recommended for code as of November 2026; {RULE}"


def _size(parameters: int | None) -> str:
    """Return a number of parameters as used in model names: `7B`, `494M`."""
    if parameters is None:
        return "-"
    billions = parameters / 1_000_000_000
    return f"{billions:.3g}B" if billions >= 1 else f"{parameters / 1_000_000:.3g}M"


@options.command(examples=("smol_dev doctor", "smol_dev doctor -p work", "smol_dev doctor --api-base-url URL --json"))
@options.json_object
@options.debug
@options.server
def doctor(flags: "Flags", *, as_json: bool, debug: bool) -> int:
    """Check the selected profile, from its settings to a short answer.

    Each failed check says how to fix it. The exit code is 3 if one fails.
    """
    from smol_dev.app import servers

    display = Display(quiet=as_json, debug=debug)

    def check(caller: "Caller") -> "Examination":
        found = servers.check(flags, caller, show=lambda each: None if as_json else display.print(_check_text(each)))
        if as_json:
            display.print(_examination_json(found))
        return found

    return display.run(check)


def _examination_json(examination: "Examination") -> str:
    from dataclasses import asdict

    return json.dumps({**asdict(examination), "ok": examination.exit_code == 0}, indent=2)


def _check_text(check: "Check") -> str:
    """Return the check as a line, followed by a line with its fix if there is one."""
    found = f"{check.state:<6}  {check.name:<{NAME_WIDTH}}  {safe(check.message)}"
    return f"{found}\n{'':<6}  {'':<{NAME_WIDTH}}  fix: {safe(check.fix)}" if check.fix else found

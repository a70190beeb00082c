"""Each event and error as the words a person reads, the same on every screen; foreign text is escaped here."""

from functools import singledispatch

from smol_dev.errors import ConfigError, SmolError
from smol_dev.events import (
    ChangePlanned,
    CheckDone,
    CheckStarted,
    Event,
    Failed,
    FileChanged,
    FileDone,
    FileFailed,
    FilesReady,
    Noticed,
    Retry,
    RunDone,
    RunStarted,
    StageTotal,
    Warned,
)
from smol_dev.safe import command, safe, safe_name

STAGE_NAMES = {"plan": "plan", "files": "file list", "code": "code"}


@singledispatch
def sentence(event: Event) -> str:  # noqa: ARG001 - the argument chooses the function
    """Return what there is to say about the event, without final newline; empty where there is nothing."""
    return ""


@sentence.register
def _(event: RunStarted) -> str:
    verb = "resuming" if event.resumed else "writing to"
    return (
        f"model {safe_name(event.model)} on {safe_name(event.server)} ({safe(event.base_url)}), "
        f"profile {safe_name(event.profile)}, {verb} {safe(event.output_dir)}"
    )


@sentence.register
def _(event: FilesReady) -> str:
    listed = [f"{counted(len(event.files), 'file')} to write:"]
    listed += [f"  {safe_name(path)}" for path in event.files]
    return "\n".join([*listed, *left_out(event)])


@sentence.register
def _(event: ChangePlanned) -> str:
    words = {"change": event.change, "add": event.add, "remove": event.remove}
    lines = [f"  {word} {safe_name(file.path)}: {safe(file.why)}" for word, files in words.items() for file in files]
    dropped = [f"warning: left out `{safe_name(d.path)}`: {safe(d.reason)}" for d in event.dropped]
    return "\n".join(["the change:", *lines, *dropped]) if lines else "nothing has to be changed"


@sentence.register
def _(event: FileChanged) -> str:
    edited = " (with what you changed in it since)" if event.edited else ""
    return f"{event.action} {safe_name(event.path)}{edited}\n{safe(event.diff, keep_newlines=True)}"


@sentence.register
def _(event: FileDone) -> str:
    return f"{safe_name(event.path)} {done(event)}"


@sentence.register
def _(event: FileFailed) -> str:
    return f"{safe_name(event.path)} {failed(event)}"


@sentence.register
def _(event: Retry) -> str:
    what = safe_name(event.path) if event.path is not None else STAGE_NAMES[event.stage]
    wait = f", waiting {event.wait_seconds:.0f} s" if event.wait_seconds >= 1 else ""
    return f"{what}: asking again ({event.attempt}){wait}: {paragraph(event.message)}"


@sentence.register
def _(event: CheckStarted) -> str:
    round_ = f" (after round {event.round})" if event.round else ""
    return f"checking{round_}: {safe(event.command)}"


@sentence.register
def _(event: CheckDone) -> str:
    return f"check: {safe(event.summary)}, {event.seconds:.1f} s"


@sentence.register
def _(event: Noticed) -> str:
    if event.is_detail:
        return ""
    hint = f" ({paragraph(event.hint)})" if event.hint else ""
    return f"{paragraph(event.message)}{hint}"


@sentence.register
def _(event: Warned) -> str:
    hint = f"\n  hint: {paragraph(event.hint)}" if event.hint else ""
    return f"warning: {paragraph(event.message)}{hint}"


@sentence.register
def _(event: Failed) -> str:
    return render_error(SmolError(event.message, hint=event.hint))


@sentence.register
def _(event: RunDone) -> str:
    if not event.stages and not event.written:
        return ""  # nothing was asked: the error has said it all
    return "\n".join(f"{name:<12}{value}" for name, value in totals(event)) + misfits(event) + remedy(event)


def left_out(event: FilesReady) -> list[str]:
    """Return a warning for each entry of the file list that will not be written."""
    return [f"warning: left out `{safe_name(d.path)}`: {safe(d.reason)}" for d in event.dropped]


def done(event: FileDone) -> str:
    """`done, 1,234 bytes, 87 tokens/s, 3.2 s`, without what is not known."""
    rates = [f"{speed(event.tokens_per_second)} tokens/s"] if event.tokens_per_second else []
    return ", ".join(["done", counted(event.bytes, "byte"), *rates, f"{event.seconds:.1f} s"])


def details(event: Event) -> str:
    """Return what only `--verbose` says: the tokens of a file, as the server counted them, and how it behaves."""
    if isinstance(event, Noticed) and event.is_detail:
        return f"  {paragraph(event.message)}"
    if not isinstance(event, FileDone):
        return ""
    counts = (event.prompt_tokens, event.cached_tokens, event.completion_tokens)
    prompt, cached, out = (number(count, least=event.usage_is_partial) for count in counts)
    return f"  tokens: in {prompt}, cached {cached}, out {out}"


def failed(event: FileFailed) -> str:
    """Return why the file could not be had or written."""
    hint = f"\n  hint: {paragraph(event.hint)}" if event.hint else ""
    return f"failed ({event.reason}): {paragraph(event.message)}{hint}"


def totals(event: RunDone) -> list[tuple[str, str]]:
    """Return the closing table: a name and a value a row, narrow enough for 40 columns."""
    missing = f", {len(event.failed):,} failed" if event.failed else ""
    least = event.usage_is_partial
    rows = [
        ("files", f"{len(event.written):,} written{missing}"),
        ("bytes", f"{event.bytes:,}"),
        ("tokens in", number(event.prompt_tokens, least=least)),
        ("  cached", number(event.cached_tokens, least=least)),
        ("tokens out", number(event.completion_tokens, least=least)),
        ("tokens/s", speed(event.tokens_per_second) if event.tokens_per_second else "unknown"),
        ("retries", f"{event.retries:,}"),
    ]
    if event.check is not None:
        rows.append(("check", safe(event.check.summary)))
    return [*rows, *map(stage_time, event.stages), ("total", f"{event.seconds:.1f} s")]


def stage_time(stage: StageTotal) -> tuple[str, str]:
    """Return the row of one stage."""
    return STAGE_NAMES[stage.stage], f"{stage.seconds:.1f} s"


def misfits(event: RunDone) -> str:
    """Return what did not fit together and what is left of it, after a blank line; nothing where all fits."""
    if not event.problems:
        return ""
    left = [each for each in event.problems if not each.mended]
    head = f"{counted(len(event.problems), 'problem')} found"
    mended = len(event.problems) - len(left)
    head += f", {mended:,} mended" if mended else ""
    head += f", {len(left):,} left:" if left else ""
    places = [f"  {safe_name(each.path)}:{each.line}:{each.column}: {safe(each.message)}" for each in left]
    return "\n\n" + "\n".join([head, *places])


def remedy(event: RunDone) -> str:
    """Return how to have the failed files, after a blank line; nothing where none failed."""
    if event.check is not None and event.check.exit_code and not event.failed:
        again = command("smol_dev resume {dir}", dir=event.output_dir)
        return f"\n\nhint: the check still fails; have it mended once more: {again}"
    if not event.failed:
        return ""
    resume = command("smol_dev resume {dir}", dir=event.output_dir)
    return f"\n\nhint: ask again for what is missing: {resume}"


def speed(tokens_per_second: float) -> str:
    """Return the figure, rounded where that says enough."""
    return f"{tokens_per_second:,.{0 if tokens_per_second >= 10 else 1}f}"  # noqa: PLR2004


def number(count: int | None, *, least: bool = False) -> str:
    """Return the count with thousands marked, or that the server did not tell, or not for every request."""
    if count is None:
        return "unknown"
    return f"at least {count:,}" if least else f"{count:,}"


def counted(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def render_error(error: SmolError) -> str:
    """`error: …`, every problem on its line, a blank line, `hint: …`; escaped, no final newline."""
    problems = error.problems if isinstance(error, ConfigError) else (error.message,)
    head = problems[0] if len(problems) == 1 else error.message
    rest = [f"  {safe(problem)}" for problem in problems] if len(problems) > 1 else []
    lines = [f"error: {paragraph(head)}", *rest]
    return "\n".join([*lines, "", f"hint: {paragraph(error.hint)}"] if error.hint else lines)


def paragraph(text: str) -> str:
    """Return the escaped text, further lines indented, so that none of them can pass for one of ours."""
    return safe(text.strip(), keep_newlines=True).replace("\n", "\n  ")

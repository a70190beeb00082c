"""Each event and error in plain words, the same on every screen; foreign text is escaped here."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from smol_dev import events
from smol_dev.errors import ConfigError, SmolError
from smol_dev.safe import command, safe, safe_name

STAGE_NAMES: Final[Mapping[str, str]] = {"plan": "plan", "files": "file list", "code": "code", "fix": "mending"}

SIGNALLED: Final = 128
"""Exit codes above this mean signals."""

MINUTE: Final = 59.95
"""Seconds from which a duration is shown in minutes."""

ONE_DIGIT: Final = 10
"""Tokens per second below which a decimal is shown."""


def sentence(event: events.Event) -> str:
    """Return the event in words, without a final newline; empty if there is nothing to say."""
    say = _SENTENCES.get(type(event))
    return say(event) if say else ""


def details(event: events.Event) -> str:
    """Return what only `--verbose` shows: messages marked as details, token counts, the closing table."""
    if isinstance(event, events.Noticed) and event.is_detail:
        return f"  {_paragraph(event.message)}"
    if isinstance(event, events.RunDone) and event.stages and not event.stopped:
        return "\n" + "\n".join(f"{name:<12}{value}" for name, value in _totals(event))
    if not isinstance(event, events.FileDone):
        return ""
    counts = (event.prompt_tokens, event.cached_tokens, event.completion_tokens)
    prompt, cached, out = (_number(count, event) for count in counts)
    return f"  tokens: in {prompt}, cached {cached}, out {out}"


def render_error(error: SmolError) -> str:
    """Return `error: …`, each problem on its line, a blank line and `hint: …`; escaped, no final newline."""
    problems = error.problems if isinstance(error, ConfigError) else (error.message,)
    head = problems[0] if len(problems) == 1 else error.message
    rest = [f"  {safe(problem)}" for problem in problems] if len(problems) > 1 else []
    lines = [f"error: {_paragraph(head)}", *rest]
    return "\n".join([*lines, "", f"hint: {_paragraph(error.hint)}"] if error.hint else lines)


def _started(event: events.RunStarted) -> str:
    verb = "changing" if isinstance(event, events.ChangeStarted) else "resuming" if event.resumed else "writing to"
    url = safe(event.base_url)
    where = f"at {url}" if event.server == "auto" else f"on {safe_name(event.server)} ({url})"
    asked = models(event.models.items()) or safe_name(event.model)
    return f"model {asked} {where} · profile {safe_name(event.profile)} · {verb} {near(event.output_dir)}"


def _to_write(event: events.FilesReady) -> str:
    missing = [path for path in event.files if path not in event.there]
    of_all = f"{len(missing):,} of " if event.there else ""
    head = f"{of_all}{counted(len(event.files), 'file')} to write{':' if missing else ''}"
    return "\n".join([head, *(f"  {safe_name(path)}" for path in missing), *left_out(event)])


def _planned(event: events.ChangePlanned) -> str:
    words = {"change": event.change, "add": event.add, "remove": event.remove}
    lines = [f"  {word} {safe_name(file.path)}: {safe(file.why)}" for word, files in words.items() for file in files]
    return "\n".join(["the change:", *lines, *left_out(event)]) if lines else "nothing has to be changed"


def _changed(event: events.FileChanged) -> str:
    edited = " (with what you changed in it since)" if event.edited else ""
    return f"{event.action} {safe_name(event.path)}{edited}\n{safe(event.diff, keep_newlines=True)}"


def _retry(event: events.Retry) -> str:
    what = safe_name(event.path) if event.path is not None else STAGE_NAMES[event.stage]
    wait = f", waiting {event.wait_seconds:.0f} s" if event.wait_seconds >= 1 else ""
    return f"{what}: asking again ({event.attempt}){wait}: {_paragraph(event.message)}"


def _checking(event: events.CheckStarted) -> str:
    round_ = f" (after round {event.round})" if event.round else ""
    return f"checking{round_}: {safe(event.command)}"


def _noticed(event: events.Noticed) -> str:
    hint = f" ({_paragraph(event.hint)})" if event.hint else ""
    return "" if event.is_detail else f"{_paragraph(event.message)}{hint}"


def _ended(event: events.RunDone) -> str:
    if event.stopped:
        return kept(event)
    if not event.stages:
        return ""  # nothing was asked, so there is nothing left to say
    return f"{_result(event)}\n{_figures(event)}{misfits(event)}{remedy(event)}"


_SENTENCES: Final[Mapping[type, Callable[[Any], str]]] = {
    events.RunStarted: _started,
    events.ChangeStarted: _started,
    events.FilesReady: _to_write,
    events.ChangePlanned: _planned,
    events.FileChanged: _changed,
    events.FileDone: lambda event: f"{safe_name(event.path)} {outcome(event)}",
    events.FileFailed: lambda event: f"{safe_name(event.path)} {outcome(event)}",
    events.Retry: _retry,
    events.CheckStarted: _checking,
    events.CheckDone: lambda event: f"check: {safe(event.summary)}, {event.seconds:.1f} s",
    events.Noticed: _noticed,
    events.Warned: lambda event: f"warning: {_paragraph(event.message)}{_hint(event.hint)}",
    events.Failed: lambda event: render_error(SmolError(event.message, hint=event.hint)),
    events.RunDone: _ended,
}


def outcome(event: events.FileDone | events.FileFailed) -> str:
    """Return `done, 1,234 bytes, 87 tokens/s, 3.2 s`, leaving out what is unknown, or why there is no file."""
    if isinstance(event, events.FileFailed):
        return f"failed ({event.reason}): {_paragraph(event.message)}{_hint(event.hint)}"
    rates = [f"{_speed(event.tokens_per_second)} tokens/s"] if event.tokens_per_second else []
    waited = [f"{duration(event.wait_seconds)} of it waiting"] if event.wait_seconds >= 1 else []
    said = ", ".join(["done", counted(event.bytes, "byte"), *rates, duration(event.seconds), *waited])
    return f"{said}; the file from before was replaced, a copy is in .smol/backup" if event.replaced else said


def left_out(event: events.FilesReady | events.ChangePlanned) -> list[str]:
    """Return a warning for each listed file that will not be written."""
    return [f"warning: left out `{safe_name(d.path)}`: {safe(d.reason)}" for d in event.dropped]


def _result(event: events.RunDone) -> str:
    """Return what the folder holds now, how to start it, and how to change it."""
    folder = near(event.output_dir)
    if event.failed:
        return f"{event.present:,} of {counted(event.planned, 'file')} in {folder}, {len(event.failed):,} failed"
    if not event.present:
        return f"the plan and the list are in {folder}/.smol"
    written, rest = len(event.written), event.present - len(event.written)
    what = f"{counted(event.present, 'file')} in {folder}"
    if rest > 0:
        what = f"{written:,} of {what} written" if written else f"nothing was written; {what}"
    done = "Done: " if not event.exit_code else ""
    change = f"change it: {safe(event.change)}" if event.change else ""
    return " · ".join(part for part in (f"{done}{what}", safe(event.start), change) if part)


def _figures(event: events.RunDone) -> str:
    """Return size, tokens, speed and time in one line, leaving out what is unknown."""
    known = [counted(event.bytes, "byte")] if event.bytes else []
    if event.prompt_tokens is not None:
        cached = f" ({event.cached_tokens:,} cached)" if event.cached_tokens else ""
        known.append(f"{_number(event.prompt_tokens, event)} tokens in{cached}")
    if event.completion_tokens is not None:
        known.append(f"{_number(event.completion_tokens, event)} out")
    if event.tokens_per_second:
        known.append(f"{_speed(event.tokens_per_second)} tokens/s")
    known += [f"{event.retries:,} asked again"] if event.retries else []
    return " · ".join([*known, duration(event.seconds)])


def _totals(event: events.RunDone) -> list[tuple[str, str]]:
    """Return the closing table as rows of name and value, narrow enough for 40 columns."""
    missing = f", {len(event.failed):,} failed" if event.failed else ""
    rows = [
        ("files", f"{len(event.written):,} written{missing}"),
        ("bytes", f"{event.bytes:,}"),
        ("tokens in", _number(event.prompt_tokens, event)),
        ("  cached", _number(event.cached_tokens, event)),
        ("tokens out", _number(event.completion_tokens, event)),
        ("tokens/s", _speed(event.tokens_per_second) if event.tokens_per_second else "unknown"),
        ("retries", f"{event.retries:,}"),
    ]
    if event.check is not None:
        rows.append(("check", safe(event.check.summary)))
    rows += [(STAGE_NAMES[stage.stage], f"{stage.seconds:.1f} s") for stage in event.stages]
    return [*rows, ("total", f"{event.seconds:.1f} s")]


def kept(event: events.RunDone) -> str:
    """Return what a run that broke off has kept, and how to go on unless the error has said so."""
    if event.planned:
        what = f"the plan and {event.present:,} of {counted(event.planned, 'file')}"
    elif any(total.stage == "files" for total in event.stages):
        what = "the plan"
    else:
        return ""
    resume = command("smol_dev resume {dir}", dir=event.output_dir)
    go_on = "" if event.exit_code > SIGNALLED else f"; go on with {resume}"
    return f"kept in {near(event.output_dir)}: {what}{go_on}"


def misfits(event: events.RunDone) -> str:
    """Return the problems found and those left, after a blank line; empty if all files fit together."""
    if not event.problems:
        return ""
    left = [each for each in event.problems if not each.mended]
    mended = len(event.problems) - len(left)
    head = f"{counted(len(event.problems), 'problem')} found"
    head += f", {mended:,} mended" if mended else ""
    head += f", {len(left):,} left:" if left else ""
    places = [f"  {safe_name(each.path)}:{each.line}:{each.column}: {safe(each.message)}" for each in left]
    return "\n\n" + "\n".join([head, *places])


def remedy(event: events.RunDone) -> str:
    """Return how to get the failed files or mend the check, after a blank line; empty if nothing failed."""
    if event.failed:
        resume = command("smol_dev resume {dir}", dir=event.output_dir)
        return f"\n\nhint: ask again for what is missing: {resume}"
    if event.check is None or not event.check.exit_code:
        return ""
    again = command("smol_dev fix {dir}", dir=event.output_dir)
    return f"\n\nthe check fails: {safe(event.check.summary)}\nhint: mend it again: {again}"


def near(folder: str) -> str:
    """Return a folder relative to the working directory, as `./generated`, or its whole path if it is elsewhere."""
    try:
        here = os.getcwd()  # noqa: PTH109 - raises `OSError` if the folder was removed
    except OSError:
        return safe(folder)
    below = folder.removeprefix(here.rstrip(os.sep) + os.sep)
    return "." if folder == here else safe(folder if below == folder else f"./{below}")


def models(stages: Iterable[tuple[str, str]]) -> str:
    """Return which model does what: `qwen3:14b`, or `qwen3:32b (plan), qwen3:14b (file list, code, mending)`."""
    does: dict[str, list[str]] = {}
    for stage, model in stages:
        does.setdefault(model, []).append(STAGE_NAMES.get(stage, stage))
    if len(does) == 1:
        return safe_name(next(iter(does)))
    return ", ".join(f"{safe_name(model)} ({', '.join(names)})" for model, names in does.items())


def duration(seconds: float) -> str:
    """Return `9.8 s`, `4 min 5 s`, `1 h 2 min`: no more precise than is useful."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def counted(count: int, noun: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _speed(tokens_per_second: float) -> str:
    return f"{tokens_per_second:,.{0 if tokens_per_second >= ONE_DIGIT else 1}f}"


def _number(count: int | None, event: events.FileDone | events.RunDone) -> str:
    """Return a count of the event's tokens, marked if not every request was counted."""
    least = "at least " if event.usage_is_partial else ""
    return "unknown" if count is None else f"{least}{count:,}"


def _hint(hint: str) -> str:
    return f"\n  hint: {_paragraph(hint)}" if hint else ""


def _paragraph(text: str) -> str:
    """Return the escaped text with further lines indented, so that none can pass for one of ours."""
    return safe(text.strip(), keep_newlines=True).replace("\n", "\n  ")

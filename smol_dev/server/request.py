"""The body of a request: the profile's settings, in the form that this server and model accept.

What a server refused is remembered between runs.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from smol_dev.chat import Facts, Message, Request
from smol_dev.config.model import Profile, laid_over
from smol_dev.disk import publish
from smol_dev.server.failures import SMALLEST_ANSWER
from smol_dev.server.families import FALLBACK, family_of, sampling
from smol_dev.server.known import KnownServer, generic

STRUCTURED: Final = ("json_schema", "json_object")

MOST_REMEMBERED: Final = 64 * 1024  # bytes of the file with what is remembered about a server
OPENS: Final = re.compile(r"\s*(`{3,}|~{3,})([^`\n]*)")

NEEDED: Final = frozenset({"model", "messages", "stream"})  # fields that no request can do without


@dataclass(slots=True)
class Habits:
    """What one model behind one server accepts, as far as known; it only ever learns.

    `rungs` are the forms of structured output left to try, best first; none means free text. `continues` is whether it
    continued an answer from a given opening, None until that has been seen; `starts_anew` says that it began a block of
    its own instead. `facts` is what its server last reported about it, `most_tokens` the longest answer that it says
    may be asked for.
    """

    rungs: tuple[str, ...] = STRUCTURED
    left_out: set[str] = field(default_factory=set)
    merges_system: bool = False
    continues: bool | None = None
    starts_anew: bool = False
    facts: Facts | None = None
    most_tokens: int | None = None

    def lowered(self, most: int, asked_for: int) -> str | None:
        """Ask for at most `most` tokens from now on; return the note for the user, or None if that cannot help."""
        if not SMALLEST_ANSWER <= most < min(asked_for, self.most_tokens or asked_for):
            return None
        self.most_tokens = most
        return f"the model answers with {most:,} tokens at most; longer answers are not asked for"

    def without(self, name: str) -> str | None:
        """Leave out the named field from now on; return the note for the user, or None if that is impossible."""
        if name == "system" and not self.merges_system:
            self.merges_system = True
            return "the model's template takes no system message; it goes into the first request"
        if name == "response_format" and self.rungs:
            refused, *rest = self.rungs
            self.rungs = tuple(rest)
            return f"the server does not take `{refused}`; the list is asked for in a simpler way"
        if name == "opening" and self.continues is not False:
            self.continues = False
            return "the server does not continue an answer that it is given the beginning of"
        if name in {*NEEDED, *self.left_out, "system", "response_format", "opening"}:
            return None
        self.left_out.add(name)
        if name == "max_tokens":  # OpenAI's reasoning models
            return "the server wants `max_completion_tokens` in place of `max_tokens`"
        return f"the server refuses `{name}`; it is left out"


def body(
    request: Request, profile: Profile, habits: Habits, known: KnownServer | None, *, continues: bool = False
) -> dict[str, Any]:
    """Return the arguments of a chat completion; always streamed, without nulls.

    `continues` says that the server continues an answer from an opening; an answer whose format is enforced gets none.
    """
    rung = habits.rungs[0] if request.schema is not None and habits.rungs else ""
    opening = request.opening if continues and not rung else ""
    form: dict[str, object] = {"type": rung}
    if rung == "json_schema":
        form["json_schema"] = {"name": request.stage, "strict": True, "schema": request.schema}
    turns = request.as_sent(opening, enforced=rung == "json_schema")
    family, settled = family_of(profile.model), known or generic()
    thinking = settled.thinking(profile.reasoning, family)
    if profile.reasoning == "off" and family is not None and family.no_think and not thinking:
        turns = (Message(turns[0].role, f"{turns[0].content}\n\n{family.no_think}"), *turns[1:])
    most = min(request.max_tokens, habits.most_tokens or request.max_tokens)
    own = {name: getattr(profile, name) for name in FALLBACK}
    fields: dict[str, Any] = {
        "model": profile.model,
        "messages": message_fields(turns, merges_system=habits.merges_system),
        "stream": True,
        "max_tokens": most,
        "max_completion_tokens": most if "max_tokens" in habits.left_out else None,
        **sampling(own, profile.model, profile.reasoning, habits.facts or Facts(), request.warmth),
        "seed": None if profile.seed == "auto" else profile.seed,
        "stream_options": {"include_usage": True},
        "response_format": form if rung else None,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    extra = laid_over({**thinking, **(settled.continue_fields if opening else {})}, profile.extra_body)
    taken, extra = (
        {name: value for name, value in table.items() if name not in habits.left_out} for table in (fields, extra)
    )
    return {**taken, "extra_body": extra}


def opening_in(fields: Mapping[str, Any]) -> str:
    """Return the opening of the answer in a request; empty if there is none."""
    last = fields["messages"][-1]
    return str(last["content"]) if last["role"] == "assistant" else ""


def enforces_form(fields: Mapping[str, Any]) -> bool:
    """Return whether a request has the server enforce the answer's format."""
    return bool(fields.get("response_format", {}).get("type") == "json_schema")


def opens_anew(text: str, opening: str) -> bool:
    """Return whether an answer begins a block of its own instead of continuing its opening.

    Within the opened block, a shorter fence is part of the file, and one without an info string ends it, as one alone
    ends an empty file.
    """
    fence = OPENS.match(text)
    if fence is None or text.strip() == fence[1]:
        return False
    given = OPENS.match(opening)
    is_first = given is not None and given.end() == len(opening.rstrip("\n"))
    return len(fence[1]) >= (len(given[1]) if given else 3) and (is_first or bool(fence[2].strip()))


def was_sent(name: str, fields: Mapping[str, Any]) -> bool:
    """Return whether a request has the field; if not, leaving it out would only repeat the request."""
    if name == "system":
        return any(message["role"] == "system" for message in fields["messages"])
    return bool(opening_in(fields)) if name == "opening" else name in fields or name in fields["extra_body"]


def message_fields(messages: Sequence[Message], *, merges_system: bool) -> list[dict[str, str]]:
    """Return the messages in the form of a request."""
    first, *rest = messages
    if merges_system and first.role == "system" and rest:
        merged = Message(rest[0].role, f"{first.content}\n\n{rest[0].content}")
        messages = [merged, *rest[1:]]
    return [{"role": message.role, "content": message.content} for message in messages]


class Remembered:
    """A small file per server in the cache directory.

    It merely spares each run a refused request; if it cannot be read or written, nothing is remembered, silently.
    """

    def __init__(self, cache_dir: Path | None, base_url: str) -> None:
        name = hashlib.sha256(base_url.encode()).hexdigest()[:24]
        self._file = None if cache_dir is None else cache_dir / "servers" / f"{name}.json"

    def load(self, profile: Profile, known: KnownServer | None) -> Habits:
        """Return the initial habits for the profile's model on this server."""
        family = family_of(profile.model)
        told = self._read().get(profile.model, {})
        wanted, takes = profile.structured_output, STRUCTURED if known is None else known.structured
        habits = Habits(
            rungs=tuple(each for each in STRUCTURED if each == wanted or (wanted == "auto" and each in takes)),
            left_out=set(_automatic(profile)) & set(map(str, told.get("left_out", ()))),
            merges_system=family is not None and not family.system,
        )
        if told.get("starts_anew"):
            habits.continues, habits.starts_anew = False, True
        best = told.get("form") if wanted == "auto" else None
        if best == "text":
            habits.rungs = ()
        elif best in habits.rungs:
            habits.rungs = habits.rungs[habits.rungs.index(best) :]
        return habits

    def save(self, profile: Profile, habits: Habits) -> None:
        """Remember what the model was found to accept: its structured output, sampling and openings.

        The user's own settings are neither remembered nor overruled.
        """
        known = self._read()
        mine = dict(known.get(profile.model, {}))
        if profile.structured_output == "auto":
            mine["form"] = habits.rungs[0] if habits.rungs else "text"
        if left_out := sorted(habits.left_out & set(_automatic(profile))):
            mine["left_out"] = left_out
        if habits.starts_anew:
            mine["starts_anew"] = True
        if self._file is None or known.get(profile.model, {}) == mine:
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            publish(self._file, json.dumps({**known, profile.model: mine}).encode(), mode=0o600)

    def _read(self) -> dict[str, dict[str, Any]]:
        """Return the tables of the file by model, leaving out those that are none."""
        if self._file is None:
            return {}
        try:
            with self._file.open("rb") as file:
                document = json.loads(file.read(MOST_REMEMBERED))
        except (OSError, ValueError, RecursionError):
            return {}
        return {
            name: told
            for name, told in (document.items() if isinstance(document, dict) else ())
            if isinstance(told, dict) and isinstance(told.get("form", ""), str)
            if isinstance(told.get("left_out", []), list)
        }


def _automatic(profile: Profile) -> list[str]:
    return [name for name in FALLBACK if getattr(profile, name) == "auto"]

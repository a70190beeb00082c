"""One error with a remedy for whatever a server answered, or for the reason why it did not.

The signs are data: `failures.toml` for answers, `known.toml` for what to do about them on which server.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlunsplit

from smol_dev.chat import Facts
from smol_dev.config.endpoint import parts_of
from smol_dev.errors import ServerError
from smol_dev.redact import redact
from smol_dev.safe import command, named, safe
from smol_dev.server.known import API_PATH, KnownServer, Response, generic, root_of, servers, told_by
from smol_dev.server.symptoms import (
    ANY_FIELD,
    FailureKind,
    Said,
    Sign,
    number,
    reason,
    refused_field,
    retry_after,
    sentences,
    signs,
    understand,
)

ONCE: Final = frozenset({"crashed", "server"})
"""Kinds that a second try may cure, but never a third."""

LONGEST_WAIT: Final = 60.0
FIRST_WAIT: Final = 0.5
LOADING_WAIT: Final = 2.0

ROOM_FOR_ANSWER: Final = 4_096
"""Tokens that a window should leave after the prompt."""

SMALLEST_ANSWER: Final = 64
"""Tokens below which asking for an answer is pointless."""


@dataclass(frozen=True, slots=True)
class Target:
    """The server and the model that a request went to, as far as known.

    `models` is the server's own list, None if unknown; `running` names other local servers found running; `proxy` is
    the one the request went through; `limit` is the largest window the model is made for. None of the `secrets` is
    repeated from what the server says.
    """

    base_url: str
    model: str
    known: KnownServer | None
    models: tuple[str, ...] | None = None
    key_sent: bool = False
    proxy: str | None = None
    running: tuple[str, ...] = ()
    limit: int | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def server(self) -> str:
        """The server, as the beginning of a sentence."""
        name = self.known.name if self.known and self.known.name != "compatible" else "the server"
        return f"{name} at {safe(self.base_url)}"


class RefusedError(ServerError):
    """The server rejects a part of the request; without it, the same request may work.

    `field` is the name of a field of the body (`reasoning_effort`, `response_format`, …), or `system` if the model's
    template takes no system message, `one_of_both` if only one of `temperature` and `top_p` is allowed, `most_tokens`
    if answers may take only `most` tokens. `kind` is `unsupported`, `template` for `system`, `bad_request` for the
    last.
    """

    def __init__(
        self, message: str, *, hint: str, field: str, kind: FailureKind = "unsupported", most: int | None = None
    ) -> None:
        super().__init__(message, hint=hint, kind=kind)
        self.field = field
        self.most = most


class TooLongError(ServerError):
    """Prompt and answer together do not fit the window; figures that the server did not give are None.

    `prompt` is exact or, with `at_least`, the number at which the server stopped counting.
    """

    def __init__(self, message: str, *, hint: str, window: int | None, prompt: int | None, at_least: bool) -> None:
        super().__init__(message, hint=hint, kind="context")
        self.window = window
        self.prompt = prompt
        self.at_least = at_least

    def room(self, asked_for: int) -> int | None:
        """Return the tokens left for an answer, for which `asked_for` were too many.

        None if the server gives no figures, or too little is left for any answer. vLLM stops counting at the first
        token that does not fit: in that case, half of the answer is given up.
        """
        if self.window is None or self.prompt is None:
            return None
        left = self.window - self.prompt
        if self.at_least and left >= asked_for - 1:
            left = asked_for // 2
        return left if SMALLEST_ANSWER <= left < asked_for else None


USUAL_WINDOW: Final = 16_384
"""A window that holds the prompts for a project of several files."""

NEAREST: Final = 3
FORBIDDEN: Final = 403
DOUBLED: Final = re.compile(r"(/v\d{1,3})(?:/v\d{1,3}){1,3}$")
ENDPOINT: Final = re.compile(r"/(chat/completions|completions|models|responses|chat)$")


def failure(
    kind: FailureKind,
    target: Target,
    *,
    message: str = "",
    hint: str = "",
    transient: bool = False,
    retry_after: float | None = None,
) -> ServerError:
    """Return an error of this kind; message and hint default to the kind's sentence and the server's remedy."""
    return ServerError(
        message or sentence(kind, target),
        hint=hint or hint_for(kind, target),
        kind=kind,
        transient=transient,
        retry_after=retry_after,
    )


def sentence(kind: FailureKind, target: Target, *, field: str = "") -> str:
    """Return the sentence about a failure of this kind."""
    text = sentences()[kind]
    if kind == "key" and target.key_sent:
        text = "{server} does not accept the key"
    return text.format(
        server=target.server,
        base_url=safe(target.base_url),
        model=safe(target.model) or "the model",
        proxy=safe(target.proxy or ""),
        field=safe(field),
    )


def classify(response: Response, target: Target) -> ServerError:
    """Return the error that a response without a usable answer means, whatever its status; never raise."""
    target = _recognised(response, target)
    if 300 <= response.status < 400 and not response.in_stream:  # noqa: PLR2004 - redirects
        return _redirected(response, target)
    said = _without_name(understand(response.body), target.model)
    said = replace(said, message=redact(said.message, target.secrets))
    status = response.status if response.status >= 400 else said.code  # noqa: PLR2004 - errors
    if response.status < 400 and not response.in_stream:  # noqa: PLR2004
        if said.is_json and not said.is_error:
            return failure("empty", target)
        if said.is_page:
            return _error(Sign("page", "wrong_path"), response, said, target)
    sign = next((each for each in signs() if each.fits(said, status, target.model)), None)
    return _error(sign or _sign_of_unknown(response, said, target, status), response, said, target)


def _recognised(response: Response, target: Target) -> Target:
    """Return `target` with the server that the response reveals, if it was unknown."""
    if target.known is not None and target.known.name != "compatible":
        return target
    told = told_by(response)
    return replace(target, known=told or target.known)


def _without_name(said: Said, model: str) -> Said:
    """Return the words without the model's name: a model may be called `jinja-coder`."""
    if model.isalpha() or not model:
        return said
    name = re.compile(rf"(?<![\w.-]){re.escape(model.lower())}(?![\w-])")
    return replace(said, text=name.sub("model", said.text))


def _redirected(response: Response, target: Target) -> ServerError:
    elsewhere = safe(redact(response.headers.get("location", ""), target.secrets))[:500]
    return failure(
        "wrong_path",
        target,
        message=f"{target.server} sends requests on to another address: {elsewhere or 'unnamed'}",
        hint=address_remedy(target) or "set `base_url` to the address that answers itself: `--api-base-url URL`",
    )


def _sign_of_unknown(response: Response, said: Said, target: Target, status: int) -> Sign:
    """Return the meaning of a response without any known sign."""
    if status == 0 and not response.in_stream and not said.is_json:
        return Sign("no error", "wrong_path" if said.text else "empty")
    kind = target.known.unclear if target.known is not None else "server"
    return Sign("any error", kind, transient=status >= 500 or status == 0)  # noqa: PLR2004


def _error(sign: Sign, response: Response, said: Said, target: Target) -> ServerError:
    """Return the error for a response with this sign, including its words and figures."""
    kind, field = sign.kind, refused_field(said) if sign.field == ANY_FIELD else sign.field
    window, prompt = number("window", said), number("prompt", said)
    sizes, needed = "", prompt + ROOM_FOR_ANSWER if prompt else 2 * window if window else None
    if needed and window:
        needed = max(needed, window + 1)
        sizes = f" ({f'{prompt:,} tokens into ' if prompt else ''}{window:,})" if kind == "context" else ""
    message = f"{sentence(kind, target, field=field)}{sizes}{_quote(response, said)}"
    hint = sign.hint or hint_for(kind, target, needed=needed, status=response.status)
    if field:
        most = number("most", said) if field == "most_tokens" else None
        return RefusedError(message, hint=hint, field=field, kind=kind, most=most)
    if kind == "context":
        least = number("at_least", said) is not None
        return TooLongError(message, hint=hint, window=window, prompt=prompt, at_least=least)
    transient = sign.transient or (kind == "not_loaded" and response.in_stream)
    wait = retry_after(response.headers, kind, said.text)
    return failure(kind, target, message=message, hint=hint, transient=transient, retry_after=wait)


def _quote(response: Response, said: Said) -> str:
    if said.is_page:
        return f" (it sent a web page: {said.quote or 'without title'})"
    if said.quote:
        return f" (it says: {said.quote})"
    return "" if response.in_stream else f" (status {response.status}, nothing said)"


def unreachable(error: BaseException, target: Target) -> ServerError:
    """Return why there was no answer: refused, no address, TLS, proxy, reset or timeout, each by name."""
    if isinstance(error, ServerError):
        return error
    found, link = reason(error)
    if found is None:
        words = redact(understand(str(link)).quote, target.secrets) or type(link).__name__
        return failure("server", target, message=f"{sentence('server', target)} (it says: {words})")
    if target.proxy and found.kind in {"not_running", "dns", "proxy"}:
        return failure("proxy", target, message=f"{sentence('proxy', target)}: {found.says or 'no proxy answers'}")
    says = f": {found.says}" if found.says else ""
    return failure(
        found.kind, target, message=f"{sentence(found.kind, target)}{says}", hint=found.hint, transient=found.transient
    )


def hint_for(kind: FailureKind, target: Target, *, needed: int | None = None, status: int = 0) -> str:
    """Return what to type or change after a failure of this kind; `needed` is the window that is needed."""
    known = target.known or generic()
    remedy = known.remedy(kind, model=target.model, base_url=target.base_url)
    if "WINDOW" in remedy:
        remedy = Facts(enlarge=remedy, limit=target.limit).larger(needed or USUAL_WINDOW)
    match kind:
        case "not_running":
            remedy = _not_running(target, remedy)
        case "dns" if "host.docker.internal" in target.base_url:
            remedy = "start the container with `--add-host=host.docker.internal:host-gateway`"
        case "wrong_path":
            remedy = address_remedy(target) or remedy
        case "model_missing":
            remedy = "; ".join(filter(None, (_nearest(target), remedy)))
        case "key" if target.key_sent:
            remedy = f"check the key: `smol_dev config explain api_key_env`; {remedy}"
        case "forbidden" if status == FORBIDDEN and target.known is None:
            ollama = next(each for each in servers() if each.provider == "ollama")
            remedy = f"{remedy}; if it is Ollama: {ollama.remedy(kind)}"
    return remedy


def _not_running(target: Target, remedy: str) -> str:
    parts = []
    if target.running:
        parts.append("running instead: " + ", ".join(safe(each) for each in target.running))
    if target.known is None:
        port = parts_of(target.base_url).port
        usual = [each for each in servers() if port in each.ports]
        remedy = "; ".join(f"{each.name}: {each.remedy('not_running')}" for each in usual) or remedy
    parts.append(remedy)
    return "; ".join(parts)


def address_remedy(target: Target) -> str:
    """Return the address that was probably meant if this one is visibly wrong, else an empty string."""
    parts = parts_of(target.base_url)
    path = parts.path.rstrip("/")
    if not parts.netloc:
        return ""
    if ENDPOINT.search(path):
        better = ENDPOINT.sub("", path)
        why = "`base_url` ends before the name of the request"
    elif DOUBLED.search(path):
        better = DOUBLED.sub(r"\1", path)
        why = "`base_url` holds the version twice"
    elif not API_PATH.search(path):
        own = target.known.path if target.known is not None else "/v1"
        better = parts_of(root_of(target.base_url)).path + own
        why = f"`base_url` lacks `{own}`"
    else:
        return ""
    url = urlunsplit((parts.scheme, parts.netloc, better, "", ""))
    return f"{why}: {command('--api-base-url {url}', url=url)}"


def _nearest(target: Target) -> str:
    """Return the server's model names that are most like the one asked for; empty if none is known."""
    if not target.models:
        return ""
    base = target.model.partition(":")[0].lower()
    tagged = [name for name in target.models if base and base in name.lower()]
    folded = {name.lower(): name for name in reversed(target.models)}
    close = [folded[each] for each in get_close_matches(target.model.lower(), folded, NEAREST, 0.5)]
    names = list(dict.fromkeys([*tagged, *close]))[:NEAREST]
    if names:
        return "did you mean " + ", ".join(map(named, names)) + "?"
    some = ", ".join(map(named, target.models[:NEAREST]))
    more = ", …" if len(target.models) > NEAREST else ""
    return f"it has {some}{more}"


def wait_before_retry(
    error: ServerError,
    attempt: int,
    max_retries: int,
    loading_left: float,
    *,
    answering: bool = False,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Return the seconds to wait before sending the request again, or None to give up.

    `attempt` counts from 1. `loading_left` is what is left of `first_token_timeout`: a loading model gets that long,
    whatever `max_retries` says. `Retry-After` is honoured up to a minute. `answering` says that the server had begun to
    answer: a stream that broke off before its first token is worth one more try.
    """
    if error.kind == "loading":
        wait = min(error.retry_after or LOADING_WAIT, LONGEST_WAIT)
        return wait if wait < loading_left else None
    is_once = error.kind in ONCE or (error.kind == "cut" and answering)
    most = min(max_retries, 1) if is_once else max_retries
    if not error.transient or attempt > most:
        return None
    if error.retry_after is not None:
        return min(error.retry_after, LONGEST_WAIT)
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) * (0.75 + jitter() / 2))

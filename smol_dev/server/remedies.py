"""What to do about a failure, on this server and with this address."""

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final
from urllib.parse import urlunsplit

from smol_dev.chat import Facts
from smol_dev.config.endpoint import parts_of
from smol_dev.safe import command, named, safe
from smol_dev.server.kinds import Kind
from smol_dev.server.known import generic, servers
from smol_dev.server.probes import API_PATH, root_of

if TYPE_CHECKING:
    from smol_dev.server.failures import Asked

USUAL_WINDOW: Final = 16_384
"""A window that holds the method's prompts for a project of some files."""

NEAREST: Final = 3
FORBIDDEN: Final = 403
DOUBLED: Final = re.compile(r"(/v\d{1,3})(?:/v\d{1,3}){1,3}$")
ENDPOINT: Final = re.compile(r"/(chat/completions|completions|models|responses|chat)$")


def hint_for(kind: Kind, asked: "Asked", *, needed: int | None = None, status: int = 0) -> str:
    """Return what to type or change after a failure of this kind; `needed` is the window it takes."""
    known = asked.known or generic()
    remedy = known.remedy(kind, model=asked.model, base_url=asked.base_url)
    if "WINDOW" in remedy:
        remedy = Facts(enlarge=remedy, limit=asked.limit).larger(needed or USUAL_WINDOW)
    match kind:
        case "not_running":
            remedy = not_running(asked, remedy)
        case "dns" if "host.docker.internal" in asked.base_url:
            remedy = "start the container with `--add-host=host.docker.internal:host-gateway`"
        case "wrong_path":
            remedy = address_remedy(asked) or remedy
        case "model_missing":
            remedy = "; ".join(filter(None, (nearest(asked), remedy)))
        case "key" if asked.key_sent:
            remedy = f"check the key: `smol_dev config explain api_key_env`; {remedy}"
        case "forbidden" if status == FORBIDDEN and asked.known is None:
            ollama = next(each for each in servers() if each.provider == "ollama")
            remedy = f"{remedy}; if it is Ollama: {ollama.remedy(kind)}"
    return remedy


def not_running(asked: "Asked", remedy: str) -> str:
    """How to start the server, and which others run."""
    parts = []
    if asked.running:
        parts.append("running instead: " + ", ".join(safe(each) for each in asked.running))
    if asked.known is None:
        port = parts_of(asked.base_url).port
        usual = [each for each in servers() if port in each.ports]
        remedy = "; ".join(f"{each.name}: {each.remedy('not_running')}" for each in usual) or remedy
    parts.append(remedy)
    if asked.container and parts_of(asked.base_url).hostname in {"localhost", "127.0.0.1", "::1"}:
        parts.append("in a container `localhost` is the container itself; the machine is `host.docker.internal`")
    return "; ".join(parts)


def address_remedy(asked: "Asked") -> str:
    """The address that was meant, if this one is visibly wrong; else empty."""
    parts = parts_of(asked.base_url)
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
        own = asked.known.path if asked.known is not None else "/v1"
        better = parts_of(root_of(asked.base_url)).path + own
        why = f"`base_url` lacks `{own}`"
    else:
        return ""
    url = urlunsplit((parts.scheme, parts.netloc, better, "", ""))
    return f"{why}: {command('--api-base-url {url}', url=url)}"


def nearest(asked: "Asked") -> str:
    """The names the server has that are most like the one asked for; empty if none is known."""
    if not asked.models:
        return ""
    base = asked.model.partition(":")[0].lower()
    tagged = [name for name in asked.models if base and base in name.lower()]
    folded = {name.lower(): name for name in reversed(asked.models)}
    close = [folded[each] for each in get_close_matches(asked.model.lower(), folded, NEAREST, 0.5)]
    names = list(dict.fromkeys([*tagged, *close]))[:NEAREST]
    if names:
        return "did you mean " + ", ".join(map(named, names)) + "?"
    some = ", ".join(map(named, asked.models[:NEAREST]))
    more = ", …" if len(asked.models) > NEAREST else ""
    return f"it has {some}{more}"

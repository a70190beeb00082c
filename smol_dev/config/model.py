"""The settings there are: one class a TOML table, one docstring a key, and what is known about each key.

The string under a key is its documentation everywhere: in `smol.toml.example`, in the README's table,
in the JSON Schema and in `--help`. A key's default, bounds and trust tier stand beside it, and
nowhere else. `reference` reads the strings; with `use_attribute_docstrings` pydantic would, for every
command, and take a tenth of the time of `config show` for it. A default that depends on where the
model runs is the local server's here; `load` fills in what differs for a cloud.
"""

import json
import types
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, NoReturn, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo

from smol_dev.chat import STAGES, StageName
from smol_dev.config.endpoint import ProviderName, url_problem
from smol_dev.config.files import DEPTH_LIMIT, depth_exceeds
from smol_dev.config.layers import PREFIX, Key, Known
from smol_dev.config.problems import did_you_mean, fold
from smol_dev.redact import is_secret_name

Trust = Literal["tune", "steer", "never"]
"""What an unapproved project file may do with a key: set it, set it once approved, or never."""

STEER: Final[dict[str, Any]] = {"trust": "steer"}
NEVER: Final[dict[str, Any]] = {"trust": "never"}

MIB: Final = 1024 * 1024

LOCAL_TIMEOUT: Final = 600
CLOUD_TIMEOUT: Final = 120
FIRST_TOKEN_TIMEOUT: Final = 300
"""The least that is waited for a first token: a cold model takes minutes to load."""

MOST_TOKENS: Final = 2**31 - 1
"""What servers, which count tokens in 32 bits, take for a number of them."""

Auto = Literal["auto"]
"""Not set, in a word that a child can write: it undoes what a parent, or a weaker layer, sets."""

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10)]


class Table(BaseModel):
    """A TOML table: unknown keys are errors, values are of the exact type and never change."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, validate_default=True
    )


class Tuning(Table):
    """What may be set for a profile, and again for one stage of it."""

    model: Annotated[str, Field(examples=["qwen3.5:9b"])] = ""
    """Model, named as the server names it. Empty on a local profile: the loaded one, else the first chat model."""

    timeout: Seconds = LOCAL_TIMEOUT
    """Longest silence, in seconds, once a reply has begun. Cloud profiles: 120."""

    first_token_timeout: Seconds = max(LOCAL_TIMEOUT, FIRST_TOKEN_TIMEOUT)
    """Longest wait for the first token, in seconds; a cold model takes minutes to load. Unset: `timeout`, but at least 300."""

    total_timeout: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    """Longest duration of one reply, in seconds; 0 is no limit."""

    max_retries: Count = 2
    """How often a request is sent again after a passing failure: busy, rate limit, a lost connection before the first token."""

    answer_retries: Count = 2
    """How often an unusable answer is asked for again, with the reason."""

    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | Auto = "auto"
    """Sampling temperature; a number is sent as it is. `auto` is the model's own: left out where the server applies it (vLLM, llama.cpp), else what Ollama tells, else what the model's makers advise, else 0.2. It undoes what a parent sets."""

    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | Auto = "auto"
    """Nucleus sampling; a number is sent as it is. `auto` is the model's own, as for `temperature`, else 0.95, and undoes what a parent sets."""

    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | Auto = "auto"
    """Seed for sampling, for answers that repeat where the server honours it. `auto` sends none, and undoes a parent's."""

    max_output_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)] | Auto = "auto"
    """Most tokens of one answer, sent as `max_tokens`; lowered only to fit the window. `auto` is what the window leaves, at most 16,384, and undoes a parent's."""

    extra_body: Annotated[dict[str, Any], Field(json_schema_extra=STEER, examples=[{"top_k": 40}])] = {}
    """Further fields of the request body, passed on as they are (`top_k`, `keep_alive`, …)."""

    context_window: Annotated[int, Field(ge=512, le=MOST_TOKENS)] | Literal["auto"] = "auto"
    """Tokens the model sees at once; `auto` asks the server for the window as it is loaded."""

    truncation_check: bool = True
    """Stop when the server's count of a prompt shows that it read only a part of it."""

    structured_output: Literal["auto", "json_schema", "json_object", "off"] = "auto"
    """How the file list is asked for; `auto` steps down when the server refuses, and remembers."""

    reasoning: Literal["auto", "off", "low", "medium", "high"] = "auto"
    """How much the model thinks before it answers; `auto` leaves the choice to the server."""

    answer_opening: Literal["auto", "off"] = "auto"
    """Whether a server that continues an assistant's turn is given the opening of a file's answer: its fence with the language. `auto` gives it to llama.cpp, vLLM, and Ollama where the model's template allows it."""

    prompt_variant: str = "auto"
    """The words of the requests: `default`, `small`, an own `[prompts.NAME]`, or `auto`: `small` when the window is at most 8,192 tokens or the model at most 14B."""


class Stage(Tuning):
    """Settings of one stage; a key set here beats the same key of its profile."""


class Profile(Tuning):
    """A named way to reach a model."""

    description: Annotated[str, Field(examples=["The office server"])] = ""
    """One line about the profile, shown by `smol_dev profiles list`."""

    extends: Annotated[str, Field(json_schema_extra=STEER, examples=["local-ollama"])] = ""
    """The parent profile, shipped or own; the own keys win."""

    provider: Annotated[ProviderName, Field(json_schema_extra=STEER)] = "auto"
    """The kind of server: which habits to expect, and the default `base_url`."""

    base_url: Annotated[str, Field(json_schema_extra=STEER, examples=["http://localhost:11434/v1"])] = ""
    """The server's address up to and including `/v1`. Empty: the provider's own, or for `auto` a local server that is found running."""

    api_key_env: Annotated[str, Field(json_schema_extra=NEVER, examples=["OPENAI_API_KEY"])] = ""
    """The environment variable that holds the key. At most one `api_key…` setting."""

    api_key_file: Annotated[str, Field(json_schema_extra=NEVER, examples=["office.key"])] = ""
    """A file that holds the key, relative to the file that names it."""

    api_key_command: Annotated[list[str], Field(json_schema_extra=NEVER, examples=[["pass", "show", "office"]])] = []
    """A command that prints the key: a list of arguments, no shell, 30 seconds."""

    api_key: Annotated[SecretStr | None, Field(json_schema_extra=NEVER, examples=["sk-…"])] = None
    """The key itself; better kept out of the file with one of the other three."""

    headers: Annotated[dict[str, SecretStr], Field(json_schema_extra=STEER, examples=[{"X-Team": "blue"}])] = {}
    """Further request headers, for gateways; secrets like the key."""

    extra_query: Annotated[
        dict[str, str], Field(json_schema_extra=STEER, examples=[{"api-version": "2024-10-21"}])
    ] = {}
    """Query parameters of every request, for gateways that want them; an address itself holds none."""

    allow_http: Annotated[bool, Field(json_schema_extra=STEER)] = False
    """Allow plain `http://` to a server that is not on this machine or a private network: others can read along."""

    connect_timeout: Seconds = 5
    """Longest wait for a connection, TLS included, in seconds."""

    max_concurrency: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    """Requests at once; `auto` is what the server reports as its slots, else 1 on a local server, 8 on a cloud or vLLM."""

    strategy: Literal["auto", "chain", "parallel"] = "auto"
    """`chain` shows the model the files it has written, one request at a time; `parallel` asks for several files at once; `auto` is `chain` at concurrency 1."""

    local_only: Annotated[bool, Field(json_schema_extra={"trust": "steer-when-false"})] = False
    """Refuse any server that is not on this machine or a private network."""

    plan: Stage = Stage()
    """Settings of the plan's request alone."""

    files: Stage = Stage()
    """Settings of the file list's request alone."""

    code: Stage = Stage()
    """Settings of the files' requests alone."""

    fix: Stage = Stage()
    """Settings of the requests that mend what the check found; what is not set here is as for `code`."""

    def stages(self) -> Mapping[StageName, Stage]:
        """Return the tables of the stages by name."""
        return {name: getattr(self, name) for name in STAGES}

    def stage(self, name: StageName) -> "Profile":
        """Return the profile as the named stage sees it: the stage's own keys laid over it, `extra_body` table by table.

        What mends is asked for as files are, unless the stage `fix` says otherwise.
        """
        below = self.stage("code") if name == "fix" else self
        stage: Stage = getattr(self, name)
        own = {key: getattr(stage, key) for key in stage.model_fields_set}
        if "extra_body" in own:
            own["extra_body"] = laid_over(below.extra_body, stage.extra_body)
        return below.model_copy(update=own) if own else below


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both tables as one, table by table as deep as they go; `above` wins."""
    inner = {
        key: laid_over(below[key], value)
        for key, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(key), dict)
    }
    return {**below, **above, **inner}


class Run(Table):
    """What holds for a run, whatever the profile."""

    output_dir: str = "generated"
    """The folder the files go to, relative to the working directory; in a project's file, to that file's folder."""

    max_files: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Most files of one run; a longer list is an error."""

    max_file_bytes: Annotated[int, Field(ge=1, le=64 * MIB)] = MIB
    """Most bytes of one file."""

    syntax_check: bool = True
    """Check Python, JSON and TOML files with the standard library, and ask once more for one that fails."""

    check_references: bool = True
    """Check whether the files fit together when the last one is there (imports, names, paths, ids, packages), and ask once more for those that do not."""

    check: Annotated[list[str], Field(json_schema_extra=STEER, examples=[["python", "-m", "pytest", "-q"]])] = []
    """Your command that tells whether the program works, word by word; it runs in the output folder when all files are there, and what fails is mended. Empty: none."""

    check_rounds: Count = 2
    """Times that files are written anew where the check fails; the best state is kept."""

    check_timeout: Seconds = 120
    """Seconds after which the check is ended."""

    check_isolation: Annotated[Literal["auto", "required", "none"], Field(json_schema_extra=STEER)] = "auto"
    """Keep the check from the network, your home folder and everything outside the output folder. `auto` asks you where this machine cannot, `required` refuses, `none` runs it with all your rights."""


class Prompts(Table):
    """An own prompt variant. Each value is the text itself, or the name of a file that holds it."""

    extends: str = "default"
    """The variant that the keys left out are taken from: `default`, `small` or an own one."""

    system: str = ""
    """What the model is told about its role, before everything else."""

    plan: str = ""
    """The request for the plan. Variables: `$prompt`."""

    files: str = ""
    """The request for the file list. Variables: `$prompt`, `$plan`."""

    code: str = ""
    """The request for one file. Variables: `$prompt`, `$plan`, `$files`, `$path`; `$path` comes last."""


class File(Table):
    """A whole `smol.toml`."""

    default_profile: str = "local"
    """The profile that is used when none is named; `local` looks for a server on this machine."""

    profiles: dict[str, Profile] = {}
    """The profiles, each under its name."""

    prompts: Annotated[dict[str, Prompts], Field(json_schema_extra=STEER)] = {}
    """Own prompt variants, each under its name."""

    run: Run = Run()
    """What holds for a run, whatever the profile."""


OTHER_NAMES: Final[Mapping[str, str]] = {
    "temp": "temperature",
    "top_k": "extra_body.top_k",
    "min_p": "extra_body.min_p",
    "keep_alive": "extra_body.keep_alive",
    "num_ctx": "context_window",
    "ctx": "context_window",
    "context_length": "context_window",
    "max_tokens": "max_output_tokens",
    "num_predict": "max_output_tokens",
    "url": "base_url",
    "endpoint": "base_url",
    "host": "base_url",
    "api_base": "base_url",
    "api_base_url": "base_url",
    "llm_provider": "provider",
    "key": "api_key_env",
    "concurrency": "max_concurrency",
    "retries": "max_retries",
    "parent": "extends",
    "output": "output_dir",
}
"""Names that other programs have for a key of ours."""


def meant(name: str, known: Collection[str]) -> str:
    """Return `; did you mean …?` with the key that an unknown name stands for, or is close to."""
    ours = OTHER_NAMES.get(fold(name))
    return f"; did you mean `{ours}`?" if ours else did_you_mean(name, known)


BOOLEANS: Final = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)


class Located(NamedTuple):
    """A key in its table: the setting it belongs to, the key as far as that one's name, and what is below it.

    A key inside `extra_body` or `headers` belongs to that.
    """

    table: type[Table]
    field: FieldInfo | None
    own: tuple[Any, ...]
    inside: tuple[Any, ...]


def locate(key: tuple[Any, ...]) -> Located:
    """Return the key, from the top of a file, in its table."""
    table: type[Table] = File
    place = 0
    match key:
        case ("profiles", _, stage, _, *_) if stage in STAGES:
            table, place = Stage, 3
        case ("profiles", _, _, *_):
            table, place = Profile, 2
        case ("prompts", _, _, *_):
            table, place = Prompts, 2
        case ("run", _, *_):
            table, place = Run, 1
    return Located(table, table.model_fields.get(key[place]) if key else None, key[: place + 1], key[place + 1 :])


def field_of(key: tuple[Any, ...]) -> FieldInfo | None:
    """Return the setting a key belongs to."""
    return locate(key).field


def everywhere(name: str) -> tuple[Key, ...]:
    """Return the path of a profile's key, and those of the same key of each stage."""
    return ((name,), *((stage, name) for stage in STAGES))


def setting(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the key as far as it has names of ours, and one further inside a table of free names."""
    at = locate(key)
    return at.own + at.inside[:1] if at.field is not None and is_table(at.field.annotation) else at.own


def trust_of(key: tuple[Any, ...]) -> Trust | Literal["steer-when-false"]:
    """Return what a project's file may do with the key."""
    field = field_of(key[:1]) if key[:1] == ("prompts",) else field_of(key)
    extra = field.json_schema_extra if field is not None else None
    return cast("Trust", extra.get("trust", "tune")) if isinstance(extra, dict) else "tune"


def is_secret(key: tuple[Any, ...]) -> bool:
    """Return whether a value of the key is never shown: a key, a header, or what may hold one."""
    at = locate(key)
    is_open = at.own[-1:] and at.own[-1] in ("base_url", "extra_body", "extra_query", "headers")
    return at.field is None or bool(is_open) or trust_of(key) == "never"


def is_hidden(key: tuple[Any, ...], value: object) -> bool:
    """Return whether this value is not shown even to somebody who asks for it: a key, a header, a malformed address."""
    if key[-1] == "base_url":
        return not isinstance(value, str) or url_problem(value) != ""
    at = locate(key)
    free = at.inside if str(at.own[-1]).startswith("extra_") else ()
    named = any(isinstance(part, str) and is_secret_name(part) for part in free)
    return named or "headers" in key[2:3] or key[2:3] in (("api_key",), ("api_key_command",))


def is_table(kind: Any) -> bool:  # noqa: ANN401 - an annotation can be anything
    """Return whether the annotation is that of a table in TOML."""
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, Table))


def expected(field: FieldInfo) -> str:
    """Return what a setting takes, in words: `a number above 0 and at most 1`."""
    return words(field.annotation, field.metadata)


def words(kind: Any, limits: Iterable[Any]) -> str:  # noqa: ANN401 - an annotation can be anything
    """Return an annotation and its limits, in words."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return words(parts[0], (*parts[1:], *limits))
    if origin in (Union, types.UnionType):
        return " or ".join(words(part, limits) for part in parts if part is not type(None))
    if origin is Literal:
        listed = ", ".join(f"`{part}`" for part in parts)
        return f"one of {listed}" if len(parts) > 1 else listed
    if is_table(kind):
        return "a table"
    names = {bool: "`true` or `false`", int: "a whole number", float: "a number", list: "a list of text"}
    return names.get(origin or kind, "text") + _bounds(limits)


def _bounds(limits: Iterable[Any]) -> str:
    """Return the limits of a number, in words, each with a space in front; not those of a computer's numbers."""
    found: dict[str, Any] = {}
    for limit in (inner for each in limits for inner in (each.metadata if isinstance(each, FieldInfo) else [each])):
        found |= {name: getattr(limit, name) for name in ("gt", "ge", "le") if hasattr(limit, name)}
    found = {name: value for name, value in found.items() if abs(value) < MOST_TOKENS}
    if "ge" in found and "le" in found:
        return f" from {found['ge']} to {found['le']}"
    ends = (("gt", "above"), ("ge", "of at least"), ("le", "at most"))
    said = [f"{word} {found[name]}" for name, word in ends if name in found]
    return f" {' and '.join(said)}" if said else ""


def _spelled(key: Key) -> Key | None:
    at = locate(key)
    if at.field is None or (not at.inside and at.own[-1] in (*STAGES, "profiles", "prompts")):
        return None
    if at.own[-1] == "headers":  # a variable's name has no `-`, and a header's no `_`
        return at.own + tuple(part.replace("_", "-") for part in at.inside)
    return None if at.inside and get_origin(at.field.annotation) is not dict else key


def _typed(key: Key, text: str) -> object:
    at = locate(key)
    if at.field is None or (at.inside and at.own[-1] != "extra_body"):
        return text
    kind = Any if at.inside else at.field.annotation
    return BOOLEANS.get(text.strip().lower(), text) if kind is bool else _json(text) if _takes_json(kind) else text


def _takes_json(kind: Any) -> bool:  # noqa: ANN401 - an annotation can be anything
    """Return whether a value of this type is written as JSON in a variable, rather than as plain text."""
    if kind is Any:
        return True
    parts = get_args(kind)
    if get_origin(kind) in (Annotated, Union, types.UnionType):
        return any(_takes_json(part) for part in parts)
    return (get_origin(kind) or kind) in (int, float, list, dict)


def _json(text: str) -> object:
    """Return the JSON value; the text where it is none, is too deep, or is not a number JSON knows."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return text if depth_exceeds(value, DEPTH_LIMIT) or value is None else value


def _refuse(constant: str) -> NoReturn:
    """Refuse `NaN` and `Infinity`, which Python's reader would take."""
    raise ValueError(constant)


KNOWN: Final = Known(
    run_keys=tuple(Run.model_fields),
    variables=tuple(
        f"{PREFIX}{name}".upper()
        for name in (
            *(name for name in Profile.model_fields if name not in STAGES),
            *Run.model_fields,
            *(f"{stage}__{name}" for stage in STAGES for name in Tuning.model_fields),
        )
    ),
    key=_spelled,
    value=_typed,
)
"""What the model knows about the keys of `SMOL_*` variables and of `-c`."""

"""All settings: a class for each TOML table, with the docstring, default, bounds and trust tier of each key.

The string under a key is its documentation everywhere: in `smol.toml.example`, the README's table, the
JSON Schema and `--help`. `tests/reference.py` reads these strings from the source, because pydantic's
`use_attribute_docstrings` would read them in every command, at a tenth of the time of `config show`.
Defaults that depend on where the model runs are those of a local server; `load` fills in a cloud's.
"""

import json
import types
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo

from smol_dev.chat import STAGES, StageName
from smol_dev.config.endpoint import ProviderName, url_problem
from smol_dev.config.files import DEPTH_LIMIT, depth_exceeds
from smol_dev.config.layers import PREFIX, Key, Known
from smol_dev.config.problems import did_you_mean, fold
from smol_dev.redact import is_secret_name

Trust = Literal["tune", "steer", "never"]
"""Whether a project's file may set a key: freely, once approved, or never."""

STEER: Final[dict[str, Any]] = {"trust": "steer"}
NEVER: Final[dict[str, Any]] = {"trust": "never"}

MIB: Final = 1024 * 1024

LOCAL_TIMEOUT: Final = 600
CLOUD_TIMEOUT: Final = 120
FIRST_TOKEN_TIMEOUT: Final = 300
"""The shortest wait for a first token: a cold model takes minutes to load."""

MOST_TOKENS: Final = 2**31 - 1
"""The largest number of tokens that servers accept, as they count in 32 bits."""

Auto = Literal["auto"]
"""An explicit "not set", with which a child profile or stronger layer can undo an inherited value."""

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10)]


class Table(BaseModel):
    """A TOML table: unknown keys are errors, values are of the exact type and never change."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, validate_default=True
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return the table itself: it never changes, and pydantic copies a default at each validation."""
        return self


class Tuning(Table):
    """What may be set for a profile, and again for one stage of it."""

    model: Annotated[str, Field(examples=["qwen3.5:9b"])] = ""
    """The model, by the name the server knows. Empty on a local profile: the loaded model, else the first chat model."""

    timeout: Seconds = LOCAL_TIMEOUT
    """Longest silence within a reply, in seconds. Cloud profiles: 120."""

    first_token_timeout: Seconds = max(LOCAL_TIMEOUT, FIRST_TOKEN_TIMEOUT)
    """Longest wait for the first token, in seconds; a model may take minutes to load. Not set: `timeout`, but at least 300."""

    total_timeout: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    """Longest duration of one reply, in seconds; 0 means no limit."""

    max_retries: Count = 2
    """How often a request is repeated after a temporary failure: server busy, rate limit, connection lost before the first token."""

    answer_retries: Count = 2
    """How often the model is asked again, with the reason, when its answer cannot be used."""

    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | Auto = "auto"
    """Sampling temperature; a number is sent as it is. `auto` uses the model's own value: it is left out where the server applies one (vLLM, llama.cpp), else Ollama's value for the model, else its makers' advice, else 0.2. `auto` also undoes a parent's value."""

    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | Auto = "auto"
    """Nucleus sampling; a number is sent as it is. `auto` uses the model's own value, as for `temperature`, else 0.95, and undoes a parent's value."""

    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | Auto = "auto"
    """Seed for sampling, for repeatable answers from servers that honour it. `auto` sends none, and undoes a parent's value."""

    max_output_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)] | Auto = "auto"
    """Most tokens of one answer, sent as `max_tokens`; lowered only to fit the context window. `auto` uses the room left in the window, up to 16,384, and undoes a parent's value."""

    extra_body: Annotated[dict[str, Any], Field(json_schema_extra=STEER, examples=[{"top_k": 40}])] = {}
    """Additional fields of the request body, passed on unchanged (`top_k`, `keep_alive`, …)."""

    context_window: Annotated[int, Field(ge=512, le=MOST_TOKENS)] | Literal["auto"] = "auto"
    """Context window in tokens; `auto` asks the server which window is loaded."""

    truncation_check: bool = True
    """Stop if the server's token count shows that it read only part of the prompt."""

    structured_output: Literal["auto", "json_schema", "json_object", "off"] = "auto"
    """How the file list is requested; `auto` falls back to a simpler form when the server refuses one, and remembers it."""

    reasoning: Literal["auto", "off", "low", "medium", "high"] = "auto"
    """How much the model reasons before it answers; `auto` leaves the choice to the server."""

    answer_opening: Literal["auto", "off"] = "auto"
    """Whether to start each file's answer for the model, with the opening code fence. `auto` does so with llama.cpp and vLLM, and with Ollama if the model's template allows it."""

    prompt_variant: str = "auto"
    """Which prompts to use: `default`, `small`, your own `[prompts.NAME]`, or `auto`: `small` for a context window of up to 8,192 tokens or a model of up to 14B."""


class Stage(Tuning):
    """Settings of one stage; a key set here beats the same key of its profile."""


class Profile(Tuning):
    """A named way to reach a model."""

    description: Annotated[str, Field(examples=["The office server"])] = ""
    """One line about the profile, shown by `smol_dev profiles list`."""

    extends: Annotated[str, Field(json_schema_extra=STEER, examples=["local-ollama"])] = ""
    """The parent profile, a shipped one or your own; the keys set here win."""

    provider: Annotated[ProviderName, Field(json_schema_extra=STEER)] = "auto"
    """The kind of server, which also sets the default `base_url`."""

    base_url: Annotated[str, Field(json_schema_extra=STEER, examples=["http://localhost:11434/v1"])] = ""
    """The server's address, up to and including `/v1`. Empty: the provider's default, or with `auto` a local server that is running."""

    api_key_env: Annotated[str, Field(json_schema_extra=NEVER, examples=["OPENAI_API_KEY"])] = ""
    """The environment variable that holds the key. At most one `api_key…` setting."""

    api_key_file: Annotated[str, Field(json_schema_extra=NEVER, examples=["office.key"])] = ""
    """A file that holds the key, relative to this settings file."""

    api_key_command: Annotated[list[str], Field(json_schema_extra=NEVER, examples=[["pass", "show", "office"]])] = []
    """A command that prints the key within 30 seconds: a list of arguments, run without a shell."""

    api_key: Annotated[SecretStr | None, Field(json_schema_extra=NEVER, examples=["sk-…"])] = None
    """The key itself; the other three keep it out of this file."""

    headers: Annotated[dict[str, SecretStr], Field(json_schema_extra=STEER, examples=[{"X-Team": "blue"}])] = {}
    """Additional request headers for gateways, kept as secret as the key."""

    extra_query: Annotated[
        dict[str, str], Field(json_schema_extra=STEER, examples=[{"api-version": "2024-10-21"}])
    ] = {}
    """Query parameters of every request, for gateways that need them; `base_url` cannot have any."""

    allow_http: Annotated[bool, Field(json_schema_extra=STEER)] = False
    """Allow plain `http://` to a server that is not on this machine or a private network: others on the way can read the prompts."""

    connect_timeout: Seconds = 5
    """Longest wait for a connection, TLS included, in seconds."""

    max_concurrency: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    """Simultaneous requests; `auto` uses the number of slots that the server reports, else 1 for a local server, 8 for vLLM and cloud services."""

    strategy: Literal["auto", "chain", "parallel"] = "auto"
    """`chain` shows the model the files it has written, one request at a time; `parallel` asks for several files at once; `auto` is `chain` at concurrency 1."""

    local_only: Annotated[bool, Field(json_schema_extra={"trust": "steer-when-false"})] = False
    """Refuse any server that is not on this machine or a private network."""

    plan: Stage = Stage()
    """Settings for the plan only."""

    files: Stage = Stage()
    """Settings for the file list only."""

    code: Stage = Stage()
    """Settings for writing files only."""

    fix: Stage = Stage()
    """Settings for mending what the check found; keys not set here are taken from `code`."""

    def stages(self) -> Mapping[StageName, Stage]:
        """Return the tables of the stages by name."""
        return {name: getattr(self, name) for name in STAGES}

    def stage(self, name: StageName) -> "Profile":
        """Return the profile for a stage: the stage's own keys laid over it, and `extra_body` merged recursively.

        The stage `fix` inherits from `code`.
        """
        below = self.stage("code") if name == "fix" else self
        stage: Stage = getattr(self, name)
        own = {key: getattr(stage, key) for key in stage.model_fields_set}
        if "extra_body" in own:
            own["extra_body"] = laid_over(below.extra_body, stage.extra_body)
        return below.model_copy(update=own) if own else below


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both tables merged recursively; `above` wins."""
    inner = {
        key: laid_over(below[key], value)
        for key, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(key), dict)
    }
    return {**below, **above, **inner}


class Run(Table):
    """Settings of a run, with any profile."""

    output_dir: str = "generated"
    """The folder for the files, relative to the working directory; in a project's file, relative to the folder of that file."""

    max_files: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Most files in one run; a longer file list is an error."""

    max_file_bytes: Annotated[int, Field(ge=1, le=64 * MIB)] = MIB
    """Largest size of one file, in bytes."""

    syntax_check: bool = True
    """Check the syntax of Python, JSON and TOML files, and ask again once for a file that fails."""

    check_references: bool = True
    """When all files are written, check whether they fit together (imports, names, paths, ids, packages), and ask again once for those that do not."""

    check: Annotated[list[str], Field(json_schema_extra=STEER, examples=[["python", "-m", "pytest", "-q"]])] = []
    """A command that tests the program, as a list of words. It runs in the output folder when all files are written, and the model mends what fails. Empty: none."""

    check_rounds: Count = 2
    """How often the model may mend a failing check; the best state is kept."""

    check_timeout: Seconds = 120
    """Longest duration of the check, in seconds."""

    check_isolation: Annotated[Literal["auto", "required", "none"], Field(json_schema_extra=STEER)] = "auto"
    """Run the check without access to the network, your home folder or anything outside the output folder. If this machine cannot do that, `auto` asks you and `required` refuses; `none` runs it with all your rights."""


class Prompts(Table):
    """Your own prompt variant. Each value is the text itself, or the name of a file that holds it."""

    extends: str = "default"
    """The variant that supplies the keys not set here: `default`, `small` or one of your own."""

    system: str = ""
    """The system prompt: the model's role."""

    plan: str = ""
    """The request for the plan. Variables: `$prompt`."""

    files: str = ""
    """The request for the file list. Variables: `$prompt`, `$plan`."""

    code: str = ""
    """The request for one file. Variables: `$prompt`, `$plan`, `$files`, `$path`; `$path` comes last."""


class File(Table):
    """A whole `smol.toml`."""

    default_profile: str = "local"
    """The profile to use when none is named; `local` looks for a server on this machine."""

    profiles: dict[str, Profile] = {}
    """The profiles, each under its name."""

    prompts: Annotated[dict[str, Prompts], Field(json_schema_extra=STEER)] = {}
    """Your own prompt variants, each under its name."""

    run: Run = Run()
    """Settings of a run, with any profile."""


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
"""Other programs' names for our keys."""


def meant(name: str, known: Collection[str]) -> str:
    """Return `; did you mean …?` with the key that an unknown name means elsewhere or is close to; else empty."""
    ours = OTHER_NAMES.get(fold(name))
    return f"; did you mean `{ours}`?" if ours else did_you_mean(name, known)


BOOLEANS: Final = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)


class Located(NamedTuple):
    """A key split at its setting: `own` is the key of the setting, `inside` the rest below it.

    A key inside `extra_body` or `headers` belongs to that setting.
    """

    table: type[Table]
    field: FieldInfo | None
    own: tuple[Any, ...]
    inside: tuple[Any, ...]


def locate(key: tuple[Any, ...]) -> Located:
    """Return the table and setting of a key that starts at the top of a file."""
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


def everywhere(name: str) -> tuple[Key, ...]:
    """Return the path of a key in a profile and in each of its stages."""
    return ((name,), *((stage, name) for stage in STAGES))


def setting(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the key of the setting, plus one part inside a table of free names."""
    at = locate(key)
    return at.own + at.inside[:1] if at.field is not None and is_table(at.field.annotation) else at.own


def trust_of(key: tuple[Any, ...]) -> Trust | Literal["steer-when-false"]:
    """Return the trust tier of a key: when a project's file may set it."""
    field = locate(key[:1] if key[:1] == ("prompts",) else key).field
    extra = field.json_schema_extra if field is not None else None
    return cast("Trust", extra.get("trust", "tune")) if isinstance(extra, dict) else "tune"


def is_secret(key: tuple[Any, ...]) -> bool:
    """Return whether the key may hold a secret: an API key, a header, or a table or URL that may contain one."""
    at = locate(key)
    is_open = at.own[-1:] and at.own[-1] in ("base_url", "extra_body", "extra_query", "headers")
    return at.field is None or bool(is_open) or trust_of(key) == "never"


def is_hidden(key: tuple[Any, ...], value: object) -> bool:
    """Return whether a value is hidden even on request: an API key, a header, or a malformed address."""
    if key[-1] == "base_url":
        return not isinstance(value, str) or url_problem(value) != ""
    at = locate(key)
    free = at.inside if str(at.own[-1]).startswith("extra_") else ()
    named = any(isinstance(part, str) and is_secret_name(part) for part in free)
    return named or "headers" in key[2:3] or key[2:3] in (("api_key",), ("api_key_command",))


def is_table(kind: Any) -> bool:  # noqa: ANN401 - an annotation can be anything
    """Return whether the annotation stands for a TOML table."""
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, Table))


def expected(field: FieldInfo) -> str:
    """Return the values that a setting takes, in words: `a number above 0 and at most 1`."""
    return _in_words(field.annotation, field.metadata)


def _in_words(kind: Any, limits: Iterable[Any]) -> str:  # noqa: ANN401 - an annotation can be anything
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _in_words(parts[0], (*parts[1:], *limits))
    if origin in (Union, types.UnionType):
        return " or ".join(_in_words(part, limits) for part in parts if part is not type(None))
    if origin is Literal:
        listed = ", ".join(f"`{part}`" for part in parts)
        return f"one of {listed}" if len(parts) > 1 else listed
    if is_table(kind):
        return "a table"
    names = {bool: "`true` or `false`", int: "a whole number", float: "a number", list: "a list of text"}
    return names.get(origin or kind, "text") + _bounds(limits)


def _bounds(limits: Iterable[Any]) -> str:
    """Return the limits of a number in words, with a leading space, omitting those of machine integers."""
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
    if at.own[-1] == "headers":  # variable names cannot hold `-`, and header names rarely hold `_`
        return at.own + tuple(part.replace("_", "-") for part in at.inside)
    return None if at.inside and get_origin(at.field.annotation) is not dict else key


def _typed(key: Key, text: str) -> object:
    """Return a variable's text as its key's type: a boolean, or JSON unless invalid, null, too deep, or not finite."""
    at = locate(key)
    if at.field is None or (at.inside and at.own[-1] != "extra_body"):
        return text
    kind = Any if at.inside else at.field.annotation
    if kind is bool:
        return BOOLEANS.get(text.strip().lower(), text)
    try:
        value = (
            json.loads(text, parse_constant=int) if _takes_json(kind) else None
        )  # no number for int: `NaN`, `Infinity`
    except (ValueError, RecursionError):
        return text
    return text if value is None or depth_exceeds(value, DEPTH_LIMIT) else value


def _takes_json(kind: Any) -> bool:  # noqa: ANN401 - an annotation can be anything
    """Return whether a variable of this type is read as JSON rather than plain text."""
    if kind is Any:
        return True
    parts = get_args(kind)
    if get_origin(kind) in (Annotated, Union, types.UnionType):
        return any(_takes_json(part) for part in parts)
    return (get_origin(kind) or kind) in (int, float, list, dict)


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
"""The facts about keys that the reading of `SMOL_*` variables and `-c` needs."""

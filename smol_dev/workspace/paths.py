"""The rules for paths that a model chooses: which may be written, and which are worth a warning."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from glob import escape
from typing import Final

from smol_dev.safe import command

MAX_CHARACTERS: Final = 240
MAX_COMPONENTS: Final = 20
MAX_COMPONENT_BYTES: Final = 255

NEVER_WRITTEN: Final = frozenset({".git", ".smol", "smol.toml"})

_IGNORABLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point, which file systems ignore in names, and line ends."""

_UNSEEN: Final = re.compile(
    # parts of emoji, keycaps and some scripts
    rf"[^\x00-\x7f{_IGNORABLE}][\ufe0e\ufe0f]?[\u200c\u200d](?=[^\x00-\x7f{_IGNORABLE}])"
    rf"|[^\x00-\x7f{_IGNORABLE}][\ufe0e\ufe0f\U000e0100-\U000e01ef]"
    r"|[0-9#*]\ufe0f\u20e3"
    # hides text or reverses its order
    rf"|(?P<unseen>[{_IGNORABLE}\x00-\x08\x0b\x0e-\x1f\x7f-\x9f])"
)

_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})

_DEVICE: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9]|lpt[0-9])\s*(\.|$)")

# Short names that NTFS makes up for `.git`, `.smol` and `smol.toml`; our own temporary files.
_RESERVED: Final = re.compile(r"(git|smol)~[0-9]+(\.tom)?|\.smol-tmp-.*")

_SENSITIVE: Final = re.compile(
    r"(^|/)("
    # environments, shells and version managers that act when a folder is entered
    r"\.envrc|\.direnv|\.mise|\.?mise(\.[^/]+)?\.toml|\.config/mise(\.toml)?|\.rtx\.toml|\.autoenv[^/]*"
    # editors
    r"|\.vscode|\.vs|\.idea|\.fleet|\.zed|\.nova|\.devcontainer|\.devcontainer\.json"
    r"|[^/]+\.code-workspace|\.dir-locals(-2)?\.el|\.exrc|\.n?vimrc|\.nvim\.lua|\.lvimrc"
    r"|\.theia|\.gitpod(\.yml|\.dockerfile)?|\.helix|\.lapce|\.luarc(\.doc)?\.jsonc?|\.ycm_extra_conf\.py"
    r"|\.externaltoolbuilders|\.bsp|_vimrc|_exrc"
    # browser workspaces that start what the folder says
    r"|\.replit|replit\.nix|\.idx|\.codesandbox|\.stackblitz(rc)?|\.ona|\.daytona|\.?devfile\.ya?ml"
    # files that interpreters, debuggers and build tools run from the folder they are started in
    r"|\.cargo/config(\.toml)?|\.rprofile|\.renviron|\.pdbrc(\.py)?|\.irbrc|\.pryrc|\.rvmrc|\.ghci"
    r"|\.ocamlinit|\.iex\.exs|\.octaverc|\.mvn/(extensions\.xml|jvm\.config|maven\.config)"
    # agents that read orders, hooks or servers to start from the folder
    r"|\.claude|\.cursor|\.cursorrules|\.mcp\.json|\.codex|\.gemini|\.qwen|\.windsurf|\.windsurfrules"
    r"|\.continue|\.continuerc\.json|\.aider[^/]*|\.roo(modes|rules)?|\.clinerules|\.kiro|\.amazonq|\.opencode"
    r"|opencode\.jsonc?|\.?crush\.json|\.goosehints|\.junie|\.trae|\.augment|\.openhands|\.factory|\.rovodev"
    r"|\.devin|\.void|\.warp|\.zencoder|\.tabnine|\.pearai|\.agents?|\.github/(agents|hooks)"
    # debuggers, git hooks, other version control systems, the Windows shell
    r"|\.gdbinit|\.lldbinit|\.husky|\.hg|\.svn|\.bzr|\.jj|_darcs|desktop\.ini|autorun\.inf"
    r")(/|$)"
)

_NOTEWORTHY: Final = (
    (
        re.compile(r"(^|/)\.env(\.(?!example$|sample$|template$|dist$)[^/]+)?$"),
        "holds settings that many tools load by themselves",
    ),
    (
        re.compile(
            r"(^|/)(\.(github|gitea|forgejo)/(workflows|actions)/.+|\.gitlab-ci\.ya?ml|\.circleci/.+"
            r"|\.buildkite/.+|\.travis\.yml|\.?appveyor\.yml|\.drone\.yml|\.woodpecker(\.ya?ml|/.+)"
            r"|azure-pipelines\.ya?ml|bitbucket-pipelines\.yml|jenkinsfile|\.cirrus\.yml)$"
        ),
        "is run by a CI service once it is pushed",
    ),
    (
        re.compile(r"(^|/)(\.pre-commit-config\.ya?ml|\.?lefthook\.ya?ml|\.githooks/.+)$"),
        "names commands that git runs once its hooks are installed",
    ),
    (
        re.compile(
            r"(^|/)(\.npmrc|\.yarnrc(\.yml)?|\.pnp\.c?js|\.pnpmfile\.c?js|\.bundle/config|\.gitmodules"
            r"|pip\.conf|\.pypirc)$"
        ),
        "says where code is fetched from, or what a package manager runs",
    ),
    (
        re.compile(
            r"(^|/)((agents?|claude|gemini|qwen|crush|warp)(\.local|\.override)?\.md|\.rules"
            r"|\.github/(copilot-instructions\.md|(instructions|prompts|chatmodes)/.+))$"
        ),
        "is read as orders by coding assistants that open the folder",
    ),
)

_SECRET: Final = re.compile(
    r"(^|/)("
    r"\.env(\.(?!example$|sample$|template$|dist$)[^/]+)?|\.?env\.local|[^/]+\.env"
    r"|id_(rsa|dsa|ecdsa|ed25519)[^/]*|[^/]+\.(pem|key|p12|pfx|p8|jks|keystore|kdbx?|ppk|asc|gpg|ovpn|tfstate|tfvars)"
    r"|[._]netrc|\.npmrc|\.pypirc|\.htpasswd|\.pgpass|\.my\.cnf|\.git-credentials|\.vault[-_]pass[^/]*"
    r"|(credentials?|secrets?|passwords?)(\.[^/]+)?|service[-_]?account[^/]*\.json|client_secret[^/]*\.json"
    r"|kubeconfig|\.(ssh|aws|azure|gnupg|kube|docker|gcloud)(/.+)?|wp-config\.php|local_settings\.py"
    r")$"
)

_BARE_REPOSITORIES: Final = (frozenset({"head", "objects", "refs"}), frozenset({"head", "commondir"}))
"""Names that make git take a folder for a repository, with a `config` that runs commands."""

IS_REPOSITORY: Final = "would make its folder a git repository of its own"

TELLING: Final = frozenset({"HEAD"}).union(*_BARE_REPOSITORIES)
"""The names to look for on a disk; on a case-sensitive one, git ignores other spellings."""

Skeleton = tuple[str, ...]


def skeleton(component: str) -> str:
    """Return the form of a name to compare: equal for names that some file system takes for the same."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", component).casefold())
    return re.sub(f"[{_IGNORABLE}]", "", folded).rstrip(" .")


def is_repository(names: Iterable[str]) -> bool:
    """Return whether git takes a folder with these names for a repository."""
    found = frozenset(map(skeleton, names))
    return any(repository <= found for repository in _BARE_REPOSITORIES)


def normal(path: str) -> str:
    r"""Return the path with `/` for `\` and without one leading `./`."""
    return path.replace("\\", "/").removeprefix("./")


def refuse(path: str, *, allow_sensitive: Sequence[str] = ()) -> str | None:
    r"""Return why this path must not be written, or None; reads after the path: `PATH: WHY`.

    One leading `./` is dropped and `\` counts as `/`; everything else is judged unchanged. `allow_sensitive` are globs
    (`*` matches `/` too; a folder's glob covers its content) for files that tools run when a folder is opened. They
    never allow `.git`, `.smol` or `smol.toml`.
    """
    target = normal(path)
    components = target.split("/")
    wrong = (why for each in (_objections(target), *map(_component_objections, components)) for why in each)
    return next(wrong, None) or _runs_by_itself(target, components, allow_sensitive)


def _objections(path: str) -> Iterator[str]:
    for character in path:
        if unicodedata.category(character) in _INVISIBLE_CATEGORIES:
            yield f"contains U+{ord(character):04X}, a control or invisible character"
    if path[:1].isalpha() and path[1:2] == ":":
        yield "names a drive"
    if found := re.search(r'[<>:"|?*]', path):
        yield f"contains `{found.group()}`, which no file name on Windows can hold"
    if not path:
        yield "is empty"
    if path.startswith("/"):
        yield "is absolute"
    if path.startswith("~"):
        yield "starts with `~`, a home folder"
    if len(path) > MAX_CHARACTERS:
        yield f"is longer than {MAX_CHARACTERS} characters"
    if path.count("/") >= MAX_COMPONENTS:
        yield f"is more than {MAX_COMPONENTS} levels deep"


def _component_objections(component: str) -> Iterator[str]:
    name = skeleton(component)
    before_stream = name.partition(":")[0].rstrip(" .")
    if not component:
        yield "has an empty component, or names a folder"
    if component in {".", ".."}:
        yield f"has a `{component}` component"
    if len(component.encode()) > MAX_COMPONENT_BYTES:
        yield f"has a component of more than {MAX_COMPONENT_BYTES} bytes"
    if component.endswith((".", " ")):
        yield f"has a component that ends with a dot or a space: `{component}`"
    if not name or set(name) & {"/", "\\"}:
        yield f"has a component that can be taken for another: `{component}`"
    if _DEVICE.match(name):
        yield f"has a component that is a device on Windows: `{component}`"
    if before_stream in NEVER_WRITTEN or _RESERVED.fullmatch(before_stream):
        yield f"`{component}` is never written"


def _runs_by_itself(path: str, components: Sequence[str], allowed: Sequence[str]) -> str | None:
    found = _SENSITIVE.search("/".join(map(skeleton, components)))
    heads = ["/".join(components[:end]) for end in range(1, len(components) + 1)] if found else []
    if not found or any(fnmatchcase(head, normal(glob).rstrip("/")) for glob in allowed for head in heads):
        return None
    permitting = command("--allow-sensitive {glob}", glob=escape(path))
    return f"`{found.group(2)}` is run by tools when the folder is opened; {permitting} permits it"


class _Accepted:
    """The paths accepted so far, compared as the least discriminating file system would."""

    def __init__(self) -> None:
        self.paths: dict[str, None] = {}
        self._files: dict[Skeleton, str] = {}
        self._folders: dict[Skeleton, str] = {}
        self._names: defaultdict[Skeleton, set[str]] = defaultdict(set)

    def collision(self, path: str) -> str | None:
        """Return why the path cannot be written beside those accepted; accept it if it can."""
        whole = tuple(map(skeleton, path.split("/")))
        if whole in self._files:
            return f"cannot be told from `{self._files[whole]}` on some disks"
        if whole in self._folders:
            return f"would be a file where `{self._folders[whole]}` needs a folder"
        above = [(whole[:end], name) for end, name in enumerate(whole)]
        for folder, name in above:
            if folder in self._files:
                return f"needs a folder where `{self._files[folder]}` is a file"
            if any(each <= self._names[folder] | {name} for each in _BARE_REPOSITORIES):
                return IS_REPOSITORY
        self.paths[path] = None
        self._files[whole] = path
        for folder, name in above:
            self._folders.setdefault(folder, path)
            self._names[folder] |= {name} & TELLING
        return None


def settle(
    paths: Sequence[str], *, allow_sensitive: Sequence[str] = ()
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the paths that may be written together, and the refused ones, each with its reason.

    Accepted paths keep their order, with `/`, without a leading `./`, and without duplicates; refused ones are as
    given. Of two that collide on some disk (case, Unicode forms, a file where the other needs a folder), the later one
    is refused, and so is one that would complete a bare git repository.
    """
    accepted, refused = _Accepted(), []
    for path in paths:
        if (target := normal(path)) not in accepted.paths:
            why = refuse(path, allow_sensitive=allow_sensitive) or accepted.collision(target)
            refused += [(path, why)] if why else []
    return tuple(accepted.paths), tuple(refused)


def acts_by_itself(path: str) -> bool:
    """Return whether tools run or trust what is at the path as soon as the folder is opened."""
    name = "/".join(map(skeleton, path.split("/")))
    return ".git" in name.split("/") or _SENSITIVE.search(name) is not None


def noteworthy(path: str) -> str | None:
    """Return why the user should know about this file, to be read after its path, or None."""
    name = "/".join(map(skeleton, normal(path).split("/")))
    return next((why for pattern, why in _NOTEWORTHY if pattern.search(name)), None)


def holds_secrets(path: str) -> bool:
    """Return whether a file of this name usually holds keys or passwords: `.env`, `id_rsa`, `server.pem`, …."""
    return _SECRET.search("/".join(map(skeleton, normal(path).split("/")))) is not None


def invisible(text: str) -> str | None:
    """Return a warning that names the invisible or bidirectional characters of a file's content, or None.

    Reads after the path: `app.py contains invisible characters: U+202E in line 3`. Emoji sequences, and joiners between
    letters of scripts that need them, are allowed.
    """
    found = [match.start() for match in _UNSEEN.finditer(text) if match["unseen"]]
    if not found:
        return None
    named = [f"U+{ord(text[at]):04X} in line {text.count(chr(10), 0, at) + 1}" for at in found[:3]]
    more = [f"and {len(found) - 3} more"] if len(found) > len(named) else []
    return f"contains invisible characters: {', '.join(named + more)}"
